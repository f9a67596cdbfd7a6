/* normalize.h - what a tokenizer does to a text before it looks for words: a list of steps.
 *
 *	normalizer_add(&n, &(struct normalize_step){.kind = NORMALIZE_NFC}, err);
 *	size_t head = 1;
 *	normalizer_run(&n, &matcher, &text, &scratch, &head, err);	// text is UTF-8, replaced in place
 *
 * head counts the bytes at the front of the text that come from the first character of the input (0: none, or not asked
 * for) and is brought up to date; what comes from where is as the tokenizers library aligns the two texts.  Lengths count,
 * NUL is a character.  Immutable once built. */
#ifndef T2_NORMALIZE_H
#define T2_NORMALIZE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/status.h"
#include "engine/base/strbuf.h"
#include "engine/model/pattern.h"

enum normalize_kind {
	NORMALIZE_PREPEND, /* text, before anything that is not empty */
	NORMALIZE_REPLACE, /* every match of pattern by text */
	NORMALIZE_NFC,
	NORMALIZE_NFD,
	NORMALIZE_NFKC,
	NORMALIZE_NFKD,
	NORMALIZE_LOWERCASE,
	NORMALIZE_STRIP, /* white space at the ends */
	NORMALIZE_STRIP_ACCENTS,
};

struct normalize_step {
	enum normalize_kind kind;
	bool left, right; /* STRIP */
	struct pattern pattern;
	char *text; /* owned */
	size_t len;
};

struct normalizer {
	struct normalize_step *steps;
	int n;
};

/* Takes over what the step owns, on failure too. */
enum t2_status normalizer_add(struct normalizer *n, const struct normalize_step *step,
			      struct t2_err *err);
enum t2_status normalizer_run(const struct normalizer *n, struct matcher *m, struct strbuf *text,
			      struct strbuf *scratch, size_t *head, struct t2_err *err);
void normalize_step_free(struct normalize_step *s);
void normalizer_free(struct normalizer *n);

#endif
