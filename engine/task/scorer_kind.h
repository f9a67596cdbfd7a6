/* scorer_kind.h - what a kind of scorer gives to scorer.c.
 *
 * Private to engine/task/scorer*.c.  Texts that a kind sees are valid UTF-8.  A kind's rules are compiled once, in their
 * order; score() gets them as re[]. */
#ifndef T2_SCORER_KIND_H
#define T2_SCORER_KIND_H

#include "engine/base/strbuf.h"
#include "engine/task/regex.h"
#include "engine/task/scorer.h"

struct scorer_rule {
	const char *pattern;
	const char *replacement; /* NULL: searched for, not replaced */
};

struct scorer {
	const struct scorer_kind *kind;
	struct regex **re; /* [rules of the kind] */
	struct regex *extract;
	char **category;
	int categories;
};

/* One side of a comparison. */
struct side {
	const char *s;
	size_t len;
};

struct scorer_kind {
	const char *name;
	const struct scorer_rule *rule; /* ends with a NULL pattern */
	/* *found: what was taken from the answer, for the verdict; left empty with taken false where nothing was. */
	enum t2_status (*score)(const struct scorer *s, struct side answer, struct side gold,
				bool *correct, struct strbuf *found, bool *taken,
				struct t2_err *err);
};

extern const struct scorer_kind scorer_number, scorer_boxed, scorer_choice;

/* scorer_text.c */
/* The last box's content: false where there is none, or it never closes. */
bool text_box(struct side s, struct side *content, size_t *where);
/* Rules from .. to-1 on *b; false: out of memory or limits hit (b.failed tells). */
bool text_rules(const struct scorer *s, int from, int to, struct strbuf *b);
/* Characters replaced by other text: pairs, ends with a zero. */
struct text_map {
	unsigned from;
	const char *to;
};
void text_map(struct strbuf *out, struct side s, const struct text_map *map);

/* \text{...} and its like. */
#define SCORER_TEXT_OPEN                                                                           \
	"\\\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|mbox|operatorname)\\h*"  \
	"\\{"
#define SCORER_TEXT SCORER_TEXT_OPEN "([^{}]*)\\}"

#endif
