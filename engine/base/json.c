#include "engine/base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mapfile.h"

static enum t2_status
read_bytes(json_t **out, const char *bytes, size_t n, size_t flags, const char *where,
	   struct t2_err *err)
{
	json_error_t je;

	*out = json_loadb(bytes, n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES | flags, &je);
	if (!*out)
		return t2_fail(err, T2_EFORMAT, "%s: line %d, column %d: not JSON: %s", where,
			       je.line, je.column, je.text);
	return T2_OK;
}

enum t2_status
json_read_bytes(json_t **out, const char *bytes, size_t n, const char *where, struct t2_err *err)
{
	return read_bytes(out, bytes, n, 0, where, err);
}

static enum t2_status
read_file(json_t **out, const char *path, size_t flags, struct t2_err *err)
{
	struct mapfile m;
	enum t2_status st;

	*out = NULL;
	st = mapfile_open(&m, path, err);
	if (st)
		return st;
	st = read_bytes(out, (const char *)m.data, m.size, flags, path, err);
	mapfile_close(&m);
	return st;
}

enum t2_status
json_read_file(json_t **out, const char *path, struct t2_err *err)
{
	return read_file(out, path, 0, err);
}

enum t2_status
json_read_file_reals(json_t **out, const char *path, struct t2_err *err)
{
	return read_file(out, path, JSON_DECODE_INT_AS_REAL, err);
}

static enum t2_status
wrong(struct t2_err *err, const char *where, const char *key, const char *what)
{
	return t2_fail(err, T2_EFORMAT, "%s: \"%s\" %s", where, key, what);
}

enum t2_status
json_opt_int(const json_t *obj, const char *key, long lo, long hi, int *out, const char *where,
	     struct t2_err *err)
{
	json_t *v = json_object_get(obj, key);
	json_int_t x;

	if (!v || json_is_null(v))
		return T2_OK;
	if (!json_is_integer(v))
		return wrong(err, where, key, "is not an integer");
	x = json_integer_value(v);
	if (x < lo || x > hi)
		return t2_fail(err, T2_EFORMAT, "%s: \"%s\" is %lld, not in %ld .. %ld", where, key,
			       (long long)x, lo, hi);
	*out = (int)x;
	return T2_OK;
}

enum t2_status
json_want_int(const json_t *obj, const char *key, long lo, long hi, int *out, const char *where,
	      struct t2_err *err)
{
	json_t *v = json_object_get(obj, key);

	if (!v || json_is_null(v))
		return wrong(err, where, key, "is missing");
	return json_opt_int(obj, key, lo, hi, out, where, err);
}

enum t2_status
json_opt_double(const json_t *obj, const char *key, double *out, const char *where,
		struct t2_err *err)
{
	json_t *v = json_object_get(obj, key);

	if (!v || json_is_null(v))
		return T2_OK;
	if (!json_is_number(v))
		return wrong(err, where, key, "is not a number");
	*out = json_number_value(v);
	return T2_OK;
}

enum t2_status
json_opt_bool(const json_t *obj, const char *key, bool *out, const char *where, struct t2_err *err)
{
	json_t *v = json_object_get(obj, key);

	if (!v || json_is_null(v))
		return T2_OK;
	if (!json_is_boolean(v))
		return wrong(err, where, key, "is not true or false");
	*out = json_is_true(v);
	return T2_OK;
}

enum t2_status
json_opt_string(const json_t *obj, const char *key, const char **out, const char *where,
		struct t2_err *err)
{
	json_t *v = json_object_get(obj, key);

	if (!v || json_is_null(v))
		return T2_OK;
	if (!json_is_string(v))
		return wrong(err, where, key, "is not a string");
	*out = json_string_value(v);
	return T2_OK;
}

enum t2_status
json_want_string(const json_t *obj, const char *key, const char **out, const char *where,
		 struct t2_err *err)
{
	json_t *v = json_object_get(obj, key);

	if (!v || json_is_null(v))
		return wrong(err, where, key, "is missing");
	return json_opt_string(obj, key, out, where, err);
}

enum t2_status
json_each_line(const char *bytes, size_t n, const char *where, json_line_fn *fn, void *arg,
	       struct t2_err *err)
{
	const char *p = bytes, *end = bytes + n;
	enum t2_status st = T2_OK;

	for (long line = 1; p < end && !st; line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl ? nl : end) - p), blank = 0;
		char place[400];
		json_t *obj;

		while (blank < len && (p[blank] == ' ' || p[blank] == '\t' || p[blank] == '\r'))
			blank++;
		if (blank < len) {
			snprintf(place, sizeof place, "%s:%ld", where, line);
			st = json_read_bytes(&obj, p, len, place, err);
			if (!st) {
				st = fn(arg, obj, line, err);
				json_decref(obj);
			}
		}
		p = nl ? nl + 1 : end;
	}
	return st;
}

enum t2_status
json_read_lines(const char *path, json_line_fn *fn, void *arg, struct t2_err *err)
{
	struct mapfile m;
	enum t2_status st = mapfile_open(&m, path, err);

	if (st)
		return st;
	st = json_each_line((const char *)m.data, m.size, path, fn, arg, err);
	mapfile_close(&m);
	return st;
}
