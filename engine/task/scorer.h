/* scorer.h - is this answer right?  The rules are written out in tests' golden README and in scorer_*.c.
 *
 *	scorer_new(&s, "number", NULL, 0, NULL, err);
 *	scorer_score(s, answer, gold, &v, err);		// v.correct, v.extracted
 *	verdict_free(&v); scorer_free(s);
 *
 * Kinds: exact, number, choice, boxed, category.  Immutable: any number of threads may score. */
#ifndef T2_SCORER_H
#define T2_SCORER_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/status.h"

struct scorer;

struct verdict {
	bool correct;
	char *extracted; /* what was taken from the answer; NULL: nothing.  Freed by verdict_free(). */
};

/* categories: for category.  extract: PCRE2 pattern whose last match's group 1 replaces the answer (NULL: none; no match:
 * wrong); with it, category compares that word instead of looking for a box.  tests is T2_EUNSUP by name. */
enum t2_status scorer_new(struct scorer **out, const char *kind, const char *const *categories,
			  int ncategories, const char *extract, struct t2_err *err);
void scorer_free(struct scorer *s);
enum t2_status scorer_score(const struct scorer *s, const char *answer, size_t answer_len,
			    const char *gold, size_t gold_len, struct verdict *out,
			    struct t2_err *err);
void verdict_free(struct verdict *v);

#endif
