/* jinja_run.c - see jinja_run.h */
#include "engine/model/jinja_run.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/job.h"
#include "engine/model/jinja_text.h"

static void
place(const struct jsource *s, uint32_t at, int *line, int *column)
{
	size_t start = 0;

	if (at > s->len)
		at = (uint32_t)s->len;
	*line = 1;
	for (size_t i = 0; i < at; i++) {
		if (s->text[i] == '\n') {
			++*line;
			start = i + 1;
		}
	}
	*column = 1 + (int)jtext_chars(s->text + start, at - start);
}

static enum t2_status
fail(const struct jsource *s, uint32_t at, struct t2_err *err, enum t2_status code, const char *fmt,
     va_list ap)
{
	char msg[400];
	int line, column;

	if (!err)
		return code;
	vsnprintf(msg, sizeof msg, fmt, ap);
	for (char *p = msg; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' '; /* a message is one line */
	place(s, at, &line, &column);
	return t2_fail(err, code, "%s: line %d, column %d: %s", s->where, line, column, msg);
}

enum t2_status
jsource_fail(const struct jsource *s, uint32_t at, struct t2_err *err, enum t2_status code,
	     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(s, at, err, code, fmt, ap);
	va_end(ap);
	return code;
}

bool
jrun_fail(struct jrun *r, enum t2_status code, const char *fmt, ...)
{
	va_list ap;

	if (r->st)
		return false; /* the first error is the one that counts */
	r->st = code;
	va_start(ap, fmt);
	fail(&r->j->src, r->at, r->err, code, fmt, ap);
	va_end(ap);
	return false;
}

bool
jrun_unsupported(struct jrun *r, const char *what)
{
	return jrun_fail(r, T2_EUNSUP, "%s is not supported", what);
}

bool
jrun_work(struct jrun *r, size_t n)
{
	if (n > (size_t)(r->lim.steps - r->steps))
		return jrun_fail(r, T2_EUNSUP, "more than %ld steps of work", r->lim.steps);
	r->steps += (long)n;
	if (r->steps < r->next_clock)
		return true;
	r->next_clock = r->steps + 4096;
	if (clock_seconds() > r->deadline)
		return jrun_fail(r, T2_EUNSUP, "more than %g seconds", r->lim.seconds);
	return true;
}

static bool
no_room(struct jrun *r, size_t n)
{
	if (n > jarena_left(&r->mem))
		return jrun_fail(r, T2_EUNSUP, "values of more than %zu MiB", r->lim.memory >> 20);
	return jrun_fail(r, T2_ENOMEM, "out of memory");
}

void *
jrun_alloc(struct jrun *r, size_t n, size_t size)
{
	void *p = n > SIZE_MAX / 8 / size ? NULL : jarena_alloc(&r->mem, n * size);

	if (!p)
		no_room(r, n > SIZE_MAX / 8 / size ? SIZE_MAX : n * size);
	return p;
}

char *
jrun_bytes(struct jrun *r, size_t n)
{
	char *p = jarena_bytes(&r->mem, n);

	if (!p)
		no_room(r, n);
	return p;
}

bool
jbuf_add(struct jrun *r, struct strbuf *b, const char *s, size_t n)
{
	size_t left = jarena_left(&r->mem);

	if (!jrun_work(r, n / 64))
		return false;
	if (b->len > left || n > left - b->len)
		return no_room(r, SIZE_MAX);
	strbuf_add(b, s, n);
	return b->failed ? jrun_fail(r, T2_ENOMEM, "out of memory") : true;
}

bool
jbuf_text(struct jrun *r, struct strbuf *b, const char *s)
{
	return jbuf_add(r, b, s, strlen(s));
}

bool
jbuf_take(struct jrun *r, struct strbuf *b, struct jv *out)
{
	bool ok = jv_new_str(r, b->s, b->len, out);

	strbuf_free(b);
	return ok;
}

bool
jrun_emit(struct jrun *r, const char *s, size_t n)
{
	size_t used = r->out_base + r->out->len;

	if (!jrun_work(r, n / 64))
		return false;
	if (used > r->lim.output || n > r->lim.output - used)
		return jrun_fail(r, T2_EUNSUP, "more than %zu bytes of output", r->lim.output);
	strbuf_add(r->out, s, n);
	return r->out->failed ? jrun_fail(r, T2_ENOMEM, "out of memory") : true;
}

/* The index of a parameter in a list such as "!old !new count", or of the i-th one when name is NULL; -1: none. */
static int
param_find(const char *params, const struct jv *name, size_t index, bool *need)
{
	const char *p = params;

	for (int i = 0; *p; i++) {
		size_t n;

		*need = *p == '!';
		p += *need;
		n = strcspn(p, " ");
		if (name ? jv_is(name, p, n) : (size_t)i == index)
			return i;
		p += n;
		p += *p == ' ';
	}
	return -1;
}

bool
jargs_bind(struct jrun *r, const char *what, const struct jargs *a, const char *params,
	   struct jv *slot)
{
	unsigned given = 0;
	bool need;

	for (size_t i = 0; i < a->npos; i++) {
		int k = param_find(params, NULL, i, &need);

		if (k < 0)
			return jrun_fail(r, T2_EINVAL, "%s: too many arguments (%zu)", what,
					 a->npos);
		slot[k] = a->pos[i];
		given |= 1u << k;
	}
	for (size_t i = 0; i < a->nkw; i++) {
		const struct jv *name = &a->kw[i].name;
		int k = param_find(params, name, 0, &need);

		if (k < 0)
			return jrun_fail(r, T2_EINVAL, "%s: no argument called %.*s", what,
					 (int)name->len, name->u.s);
		if (given & 1u << k)
			return jrun_fail(r, T2_EINVAL, "%s: %.*s is given twice", what,
					 (int)name->len, name->u.s);
		slot[k] = a->kw[i].v;
		given |= 1u << k;
	}
	for (size_t i = 0;; i++) {
		int k = param_find(params, NULL, i, &need);

		if (k < 0)
			return true;
		if (need && !(given & 1u << k))
			return jrun_fail(r, T2_EINVAL, "%s: argument %zu is missing", what, i + 1);
	}
}

bool
jargs_str(struct jrun *r, const char *what, const struct jv *v)
{
	if (v->type == JV_UNDEF)
		return jundef_fail(r, v);
	return v->type == JV_STR ||
	       jrun_fail(r, T2_EINVAL, "%s wants a string, not %s", what, jv_type_name(v->type));
}

bool
jargs_int(struct jrun *r, const char *what, const struct jv *v, long long *out)
{
	if (v->type == JV_UNDEF)
		return jundef_fail(r, v);
	return jv_as_int(v, out) ||
	       jrun_fail(r, T2_EINVAL, "%s wants an integer, not %s", what, jv_type_name(v->type));
}
