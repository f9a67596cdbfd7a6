/* regex.h - PCRE2 for scorers and tasks: UTF and UCP on, matching steps limited.
 *
 *	regex_new(&re, "(\\d+)$", "task.json: extract", err);
 *	struct finder f;
 *	if (finder_open(&f, re, s, len)) ...			// s is valid UTF-8
 *	while (finder_next(&f)) use(f.span[0].start, f.span[0].end);
 *	finder_close(&f);
 *
 * A regex is immutable and shared by threads; a finder belongs to one.  A match that hits PCRE2's limits ends the
 * search as if there were no match, and sets f.limited. */
#ifndef T2_REGEX_H
#define T2_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/status.h"
#include "engine/base/strbuf.h"

struct regex;

enum t2_status regex_new(struct regex **out, const char *pattern, const char *where,
			 struct t2_err *err);
void regex_free(struct regex *re);
int regex_groups(const struct regex *re);		   /* without group 0 */
int regex_group(const struct regex *re, const char *name); /* -1: none of this name */
/* Replaces every match in *b by replacement ($1 and ${name} work); false: out of memory, or the limits were hit. */
bool regex_replace(const struct regex *re, const char *replacement, struct strbuf *b);

#define FINDER_NONE  ((size_t)-1)
#define FINDER_SPANS 32

struct finder_span {
	size_t start, end; /* FINDER_NONE: the group took no part */
};

struct finder {
	const struct regex *re;
	const char *s;
	size_t len, pos;
	void *data; /* pcre2_match_data */
	bool limited;
	struct finder_span span[FINDER_SPANS];
};

enum t2_status finder_open(struct finder *f, const struct regex *re, const char *s, size_t len,
			   struct t2_err *err);
/* The next match at or after the end of the last one; an empty match moves on by a character. */
bool finder_next(struct finder *f);
/* A match that starts exactly at pos; the next finder_next() goes on behind it. */
bool finder_at(struct finder *f, size_t pos);
void finder_close(struct finder *f);

#endif
