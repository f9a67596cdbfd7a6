/* jinja.c - see jinja.h: compiling and rendering as a whole. */
#include "engine/model/jinja.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/job.h"
#include "engine/model/jinja_parse.h"
#include "engine/model/jinja_text.h"

#define COMPILED_MAX ((size_t)256 << 20) /* a node takes up to 100 times its source's bytes */

/* A copy of the source with \n for every line end and without the last one. */
static enum t2_status
source_copy(struct jinja *j, const char *source, size_t len, const char *where, struct t2_err *err)
{
	size_t bad, n = 0, name = strlen(where) + 1;
	char *s, *w;

	j->src.where = where;
	if (len > JINJA_SOURCE_MAX)
		return t2_fail(err, T2_EUNSUP, "%s: a template of over %zu KiB", where,
			       JINJA_SOURCE_MAX >> 10);
	s = jarena_bytes(&j->mem, len + 1);
	w = jarena_bytes(&j->mem, name);
	if (!s || !w)
		return t2_nomem(err, where);
	memcpy(w, where, name);
	for (size_t i = 0; i < len; i++) {
		if (source[i] != '\r')
			s[n++] = source[i];
		else if (i + 1 == len || source[i + 1] != '\n')
			s[n++] = '\n';
	}
	if (n && s[n - 1] == '\n')
		n--;
	j->src = (struct jsource){s, n, w};
	if (!jtext_valid(s, n, &bad))
		return t2_fail(err, T2_EFORMAT, "%s: byte %zu: not UTF-8", where, bad);
	return T2_OK;
}

enum t2_status
jinja_compile(struct jinja **out, const char *source, size_t len, const char *where,
	      struct t2_err *err)
{
	struct jinja *j = calloc(1, sizeof *j);
	struct jtok *tok = NULL;
	enum t2_status st;
	size_t n;

	*out = NULL;
	if (!j)
		return t2_nomem(err, where);
	j->mem.limit = COMPILED_MAX;
	st = source_copy(j, source, len, where, err);
	if (!st)
		st = jlex(&j->mem, &j->src, &tok, &n, err);
	if (!st) {
		struct jparse p = {.j = j, .tok = tok, .err = err};

		j->root = jparse_template(&p);
		free(p.slot);
		st = p.st;
	}
	free(tok);
	if (st) {
		jinja_free(j);
		return st;
	}
	*out = j;
	return T2_OK;
}

void
jinja_free(struct jinja *j)
{
	if (!j)
		return;
	jarena_free(&j->mem);
	free(j);
}

static struct jinja_limits
with_defaults(const struct jinja_limits *given)
{
	struct jinja_limits l = given ? *given : (struct jinja_limits){0};

	l.depth = l.depth ? l.depth : 200;
	l.steps = l.steps ? l.steps : 5000000;
	l.seconds = l.seconds > 0 ? l.seconds : 2;
	l.output = l.output ? l.output : (size_t)8 << 20;
	l.memory = l.memory ? l.memory : (size_t)256 << 20;
	return l;
}

/* The caller's variables and the functions of every template. */
static bool
set_globals(struct jrun *r, const json_t *vars)
{
	const struct jinja *j = r->j;

	r->global = jrun_alloc(r, (size_t)j->names, sizeof *r->global);
	if (!r->global)
		return false;
	memset(r->global, 0, (size_t)j->names * sizeof *r->global);
	for (int i = 0; i < j->names; i++) {
		const struct jv *name = &j->name[i];
		const struct jfunc *f = jfunc_find(name->u.s, name->len);
		json_t *v = json_object_getn(vars, name->u.s, name->len);

		if (v && !jv_from_json(r, v, &r->global[i]))
			return false;
		if (!v && f)
			r->global[i] = (struct jv){.type = JV_FUNC, .u.func = f};
	}
	return true;
}

enum t2_status
jinja_render(const struct jinja *j, const json_t *vars, const struct jinja_limits *limits,
	     struct strbuf *out, struct t2_err *err)
{
	struct strbuf text = {0};
	struct jscope top = {0};
	struct jrun r = {.j = j, .lim = with_defaults(limits), .out = &text, .err = err};

	r.mem.limit = r.lim.memory;
	r.deadline = clock_seconds() + r.lim.seconds;
	if (set_globals(&r, vars) && jexec(&r, &top, j->root) == JFLOW_NEXT)
		strbuf_add(out, text.s, text.len);
	if (!r.st && out->failed)
		r.st = t2_nomem(err, j->src.where);
	strbuf_free(&text);
	jarena_free(&r.mem);
	return r.st;
}
