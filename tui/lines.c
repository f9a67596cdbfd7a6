#include "tui/lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/memory.h"

/* A byte of JSON ("1," is two of them) as jansson holds it, and the line itself as it grows. */
enum { BYTE_COST = 28 };

struct reader {
	FILE *f;
	const char *where;
	const struct memory *memory;
	char *text;
	size_t n, cap;
	long line; /* that is read */
};

const char *
lines_where(const char *path)
{
	return path && strcmp(path, "-") ? path : "standard input";
}

static enum t2_status
grow(struct reader *r, struct t2_err *err)
{
	size_t cap = r->cap ? 2 * r->cap : 4096;
	char *text = realloc(r->text, cap);

	if (!text)
		return t2_nomem(err, "a line");
	r->text = text;
	r->cap = cap;
	return T2_OK;
}

/* *more false: the end, and no line.  A line that is too long is read to its end, but not kept. */
static enum t2_status
next_line(struct reader *r, bool *more, struct t2_err *err)
{
	size_t most = memory_room(r->memory) / BYTE_COST;
	enum t2_status st = T2_OK;
	char what[300];
	int c;

	r->line++;
	r->n = 0;
	while ((c = getc_unlocked(r->f)) != EOF && c != '\n') {
		if (r->n < most && r->n == r->cap && (st = grow(r, err)))
			return st;
		if (r->n < most)
			r->text[r->n] = (char)c;
		r->n++;
	}
	*more = c != EOF || r->n;
	if (ferror(r->f))
		return t2_fail(err, T2_EIO, "%s: cannot read: %s", r->where, strerror(errno));
	if (r->n <= most)
		return T2_OK;
	snprintf(what, sizeof what, "%.200s:%ld: a line of %zu bytes", r->where, r->line, r->n);
	return memory_short(r->memory, r->n * BYTE_COST, err, what);
}

static enum t2_status
one_line(const struct reader *r, json_line_fn *fn, void *arg, struct t2_err *err)
{
	char place[400];
	size_t blank = 0;
	json_t *obj;
	enum t2_status st;

	while (blank < r->n && strchr(" \t\r", r->text[blank]) && r->text[blank])
		blank++;
	if (blank == r->n)
		return T2_OK;
	snprintf(place, sizeof place, "%s:%ld", r->where, r->line);
	if ((st = json_read_bytes(&obj, r->text, r->n, place, err)))
		return st;
	st = fn(arg, obj, r->line, err);
	json_decref(obj);
	return st;
}

enum t2_status
lines_each(const char *path, const struct memory *m, json_line_fn *fn, void *arg,
	   struct t2_err *err)
{
	bool std = !path || !strcmp(path, "-"), more = true;
	struct reader r = {
		.f = std ? stdin : fopen(path, "rbe"), .where = lines_where(path), .memory = m};
	enum t2_status st = T2_OK;

	if (!r.f)
		return t2_fail(err, T2_EIO, "%s: cannot open: %s", path, strerror(errno));
	while (more && !st) {
		st = next_line(&r, &more, err);
		if (!st && more)
			st = one_line(&r, fn, arg, err);
	}
	if (!std)
		fclose(r.f);
	free(r.text);
	return st;
}
