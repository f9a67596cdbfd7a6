/* added.h - tokens that are cut out of a text before the model sees it (specials, tags), leftmost and longest.
 *
 *	added_add(&a, "<|im_end|>", 10, (struct added_token){.id = 2}, err);
 *	added_ready(&a, err);
 *	struct added_match m = {0};
 *	while (added_next(&a, &matcher, s, n, &m))	// s is UTF-8
 *		...;				// s[m.gap .. m.start) is text, s[m.start .. m.end) is m.token
 *	...;					// s[m.gap .. n) is text
 *
 * Immutable once ready.  The matcher is only used for single_word tokens. */
#ifndef T2_ADDED_H
#define T2_ADDED_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/status.h"
#include "engine/model/pattern.h"

struct added_token {
	char *text; /* owned by the set */
	size_t len;
	int id;
	bool lstrip, rstrip; /* takes white space on that side with it */
	bool single_word;    /* not inside a word */
};

struct added {
	struct added_token *v; /* sorted by text once ready */
	int n, cap;
	bool first[256];     /* bytes that some token starts with */
	struct pattern word; /* one character of a word; only where single_word is asked for */
};

struct added_match {
	size_t gap, start, end; /* gap: the end of what was cut last */
	size_t from;		/* where the search goes on */
	const struct added_token *token;
};

/* t.text and t.len are not read: the text is s[0 .. len), not empty. */
enum t2_status added_add(struct added *a, const char *s, size_t len, struct added_token t,
			 struct t2_err *err);
enum t2_status added_ready(struct added *a, struct t2_err *err);
void added_free(struct added *a);
/* false: no more; m->gap is where the rest begins. */
bool added_next(const struct added *a, struct matcher *m, const char *s, size_t n,
		struct added_match *match);

#endif
