/* pattern.h - what a tokenizer.json calls a pattern: a literal string, or an expression for Oniguruma.
 *
 *	pattern_regex(&p, "\\p{N}{1,3}", 11, "tokenizer.json: pre_tokenizer", err);
 *	struct pattern_match m = {0};
 *	while (!(st = pattern_next(&p, &matcher, s, n, &m, err)) && m.found)
 *		use(s + m.start, m.end - m.start);
 *
 * Expressions are translated to PCRE2 (UTF, UCP, JIT where the system lets us): \s and \S become White_Space, \p{Name} a
 * script, ^ and $ work by lines.  Whatever the two read differently, or we do not know, is refused by name (T2_EUNSUP).
 * Steps and memory of a match are limited.  A pattern is immutable; a matcher belongs to one thread. */
#ifndef T2_PATTERN_H
#define T2_PATTERN_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/base/status.h"

struct pattern {
	pcre2_code *re; /* NULL: literal */
	char *text;	/* the literal, or the expression as the file has it */
	size_t len;
};

struct matcher { /* zeroed; filled by the first expression */
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

struct pattern_match {
	bool found, again; /* again: end is that of an earlier match */
	size_t start, end;
};

enum t2_status pattern_literal(struct pattern *p, const char *s, size_t len, const char *where,
			       struct t2_err *err);
enum t2_status pattern_regex(struct pattern *p, const char *s, size_t len, const char *where,
			     struct t2_err *err);
/* An expression of our own, already in PCRE2's dialect. */
enum t2_status pattern_pcre2(struct pattern *p, const char *s, size_t len, const char *where,
			     struct t2_err *err);
bool pattern_may_be_empty(const struct pattern *p); /* whether it can match nothing */
void pattern_free(struct pattern *p);
/* The first match after the last one in s[0 .. n), which is UTF-8. An empty match right after a match does not count. */
enum t2_status pattern_next(const struct pattern *p, struct matcher *m, const char *s, size_t n,
			    struct pattern_match *match, struct t2_err *err);
void matcher_free(struct matcher *m);

#endif
