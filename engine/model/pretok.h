/* pretok.h - cutting a normalized text into the words that merging may not cross: a list of steps.
 *
 *	pretok_add(&p, &(struct pretok_step){.kind = PRETOK_BYTES}, err);
 *	pretok_run(&p, &matcher, &words, err);		// words.text was the text, words.v one word that is all of it
 *	bpe_encode(..., words.text.s + words.v[i].off, words.v[i].len, ...);
 *
 * Every step works on the words of the one before, each by itself.  Immutable once built. */
#ifndef T2_PRETOK_H
#define T2_PRETOK_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/status.h"
#include "engine/base/strbuf.h"
#include "engine/model/pattern.h"

enum pretok_kind {
	PRETOK_SPLIT, /* at pattern's matches */
	PRETOK_BYTES, /* every byte becomes GPT-2's visible character for it */
	PRETOK_SPACE, /* a space before a word that does not start with one */
	PRETOK_MARK, /* every space becomes mark, and one more stands before the word, as prepend says */
};

/* Which words PRETOK_MARK lets begin with the mark, when they do not already. */
enum pretok_prepend {
	PRETOK_NEVER,
	PRETOK_FIRST, /* that which holds the first character of the input */
	PRETOK_ALWAYS,
};

/* What becomes of a match. */
enum pretok_behavior {
	PRETOK_ISOLATED, /* a word of its own */
	PRETOK_REMOVED,
	PRETOK_MERGED_PREVIOUS, /* the end of the word before */
	PRETOK_MERGED_NEXT,	/* the start of the word behind */
	PRETOK_CONTIGUOUS,	/* neighbouring matches are one word */
};

struct pretok_step {
	enum pretok_kind kind;
	enum pretok_behavior behavior;
	bool invert; /* what lies between the matches is the match */
	struct pattern pattern;
	enum pretok_prepend prepend;
	char mark[4]; /* one character */
	size_t mark_len;
};

struct pretok {
	struct pretok_step *steps;
	int n;
};

struct word {
	size_t off, len;
	size_t head; /* bytes at its front that come from the first character of the input */
};

struct words {
	struct strbuf text, old_text;
	size_t head; /* of the text, as pretok_run() gets it */
	struct word *v, *old;
	size_t n, cap, old_n, old_cap;
	struct cut *cuts; /* matches and gaps of one word */
	size_t cuts_cap;
};

/* Takes over the step's pattern, on failure too. */
enum t2_status pretok_add(struct pretok *p, const struct pretok_step *step, struct t2_err *err);
void pretok_free(struct pretok *p);
/* Whether a step asks for words.head. */
bool pretok_wants_head(const struct pretok *p);
/* Makes all of w->text one word (none when it is empty), then runs the steps. */
enum t2_status pretok_run(const struct pretok *p, struct matcher *m, struct words *w,
			  struct t2_err *err);
void words_free(struct words *w);

/* GPT-2's alphabet: the character that stands for byte b, and back (-1: not in it). */
uint32_t byte_char(unsigned char b);
int char_byte(uint32_t cp);

#endif
