/* jinja_exec.c - statements: what a template writes, sets and repeats. */
#include <string.h>

#include "engine/model/jinja_node.h"
#include "engine/model/jinja_text.h"

const struct jv *
jscope_get(const struct jrun *r, const struct jscope *sc, int sym)
{
	for (; sc->up; sc = sc->up)
		for (const struct jbinding *b = sc->first; b; b = b->next)
			if (b->sym == sym)
				return &b->v;
	/* an undefined that was assigned is found too, and says its own name */
	return r->global[sym].type == JV_UNDEF && r->global[sym].aux == 0 ? NULL : &r->global[sym];
}

bool
jscope_set(struct jrun *r, struct jscope *sc, int sym, const struct jv *v)
{
	struct jbinding *b;

	if (!sc->up) {
		r->global[sym] = *v;
		return true;
	}
	for (b = sc->first; b; b = b->next) {
		if (b->sym == sym) {
			b->v = *v;
			return true;
		}
	}
	b = jrun_alloc(r, 1, sizeof *b);
	if (!b)
		return false;
	*b = (struct jbinding){sc->first, sym, *v};
	sc->first = b;
	return true;
}

static struct jscope *
scope_new(struct jrun *r, struct jscope *up)
{
	struct jscope *sc = jrun_alloc(r, 1, sizeof *sc); /* in the arena: a macro may keep it */

	if (sc)
		*sc = (struct jscope){up, NULL};
	return sc;
}

static bool unpack(struct jrun *r, struct jscope *sc, const struct jnode *target,
		   const struct jv *v);

/* One value to a for's or set's left side. */
static bool
assign(struct jrun *r, struct jscope *sc, const struct jnode *target, const struct jv *v)
{
	const struct jv *ns;
	struct jv key;

	if (target->kind == JN_NAME)
		return jscope_set(r, sc, target->sym, v);
	if (target->kind == JN_TUPLE)
		return unpack(r, sc, target, v);
	ns = jscope_get(r, sc, target->sym);
	r->at = target->at;
	if (!ns || ns->type != JV_NS)
		return jrun_fail(r, T2_EINVAL, "only a namespace's attributes can be set");
	key = target->v;
	return jv_dict_set(r, ns->u.dict, &key, v);
}

static bool
unpack(struct jrun *r, struct jscope *sc, const struct jnode *target, const struct jv *v)
{
	const struct jv *items;
	size_t n;

	if (!jv_items(r, v, &items, &n))
		return false;
	if (n != target->nkid)
		return jrun_fail(r, T2_EINVAL, "%zu values for %u names", n, target->nkid);
	for (size_t i = 0; i < n; i++)
		if (!assign(r, sc, target->kid[i], &items[i]))
			return false;
	return true;
}

/* A body in a scope of its own, its text as a value. */
static bool
capture(struct jrun *r, struct jscope *sc, const struct jnode *body, struct jv *out)
{
	struct strbuf text = {0}, *outer = r->out;
	size_t base = r->out_base;
	bool ok;

	r->out_base += outer->len;
	r->out = &text;
	ok = jexec(r, sc, body) == JFLOW_NEXT;
	r->out = outer;
	r->out_base = base;
	ok = ok && jbuf_take(r, &text, out);
	strbuf_free(&text);
	return ok;
}

/* The filters of a set or filter block, whose innermost has no operand. */
static bool
filter_text(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *v)
{
	struct jargs a;
	struct jv in;

	if (!n)
		return true;
	if (n->a && !filter_text(r, sc, n->a, v))
		return false;
	in = *v;
	if (!jeval_args(r, sc, n, &a))
		return false;
	r->at = n->at;
	return jfilter_call(r, &n->v, n->def, &in, &a, v);
}

/* Called with a value for each parameter or fewer; the rest by name or default. */
static bool
bind_params(struct jrun *r, struct jscope *sc, const struct jnode *m, const struct jargs *a,
	    bool *used)
{
	for (uint32_t i = 0; i < m->nkid; i++) {
		const struct jnode *param = m->kid[i];
		const struct jv *given = i < a->npos ? &a->pos[i] : NULL;
		struct jv v;

		for (size_t k = 0; k < a->nkw; k++) {
			if (!jv_is(&a->kw[k].name, param->v.u.s, param->v.len))
				continue;
			if (given)
				return jrun_fail(r, T2_EINVAL, "macro %.*s: %.*s is given twice",
						 (int)m->v.len, m->v.u.s, (int)param->v.len,
						 param->v.u.s);
			given = &a->kw[k].v;
			used[k] = true;
		}
		v = given ? *given : jv_undef(JV_NO_PARAM, param->v.u.s, param->v.len);
		if (!given && param->a && !jeval(r, sc, param->a, &v))
			return false;
		if (!jscope_set(r, sc, param->sym, &v))
			return false;
	}
	return true;
}

/* caller, varargs and kwargs exist where the body names them; else what is left over is an error. */
static bool
bind_special(struct jrun *r, struct jscope *sc, const struct jnode *m, const struct jargs *a,
	     bool *used)
{
	size_t extra = a->npos > m->nkid ? a->npos - m->nkid : 0;
	struct jv caller = jv_undef(JV_NO_NAME, "caller", 6), rest, left;
	bool own_caller = false;

	for (uint32_t i = 0; i < m->nkid; i++)
		own_caller |= jv_is(&m->kid[i]->v, "caller", 6);
	if ((m->flags & JMACRO_CALLER) && !own_caller) {
		for (size_t k = 0; k < a->nkw; k++) {
			if (jv_is(&a->kw[k].name, "caller", 6)) {
				caller = a->kw[k].v;
				used[k] = true;
			}
		}
		if (!jscope_set(r, sc, JSYM_CALLER, &caller))
			return false;
	}
	if (!jv_new_dict(r, JV_DICT, a->nkw, &left))
		return false;
	for (size_t k = 0; k < a->nkw; k++)
		if (!used[k] && !jv_dict_set(r, left.u.dict, &a->kw[k].name, &a->kw[k].v))
			return false;
	if (left.u.dict->n && !(m->flags & JMACRO_KWARGS))
		return jrun_fail(r, T2_EINVAL, "macro %.*s takes no argument called %.*s",
				 (int)m->v.len, m->v.u.s, (int)left.u.dict->k[0].len,
				 left.u.dict->k[0].u.s);
	if ((m->flags & JMACRO_KWARGS) && !jscope_set(r, sc, JSYM_KWARGS, &left))
		return false;
	if (extra && !(m->flags & JMACRO_VARARGS))
		return jrun_fail(r, T2_EINVAL, "macro %.*s takes at most %u arguments",
				 (int)m->v.len, m->v.u.s, m->nkid);
	if (!(m->flags & JMACRO_VARARGS))
		return true;
	if (!jv_new_seq(r, JV_TUPLE, extra, &rest))
		return false;
	for (size_t i = 0; i < extra; i++)
		rest.u.seq->v[i] = a->pos[m->nkid + i];
	return jscope_set(r, sc, JSYM_VARARGS, &rest);
}

static bool
enter(struct jrun *r)
{
	if (r->depth == r->lim.depth)
		return jrun_fail(r, T2_EUNSUP, "blocks and calls nested over %d deep",
				 r->lim.depth);
	r->depth++;
	return true;
}

bool
jmacro_call(struct jrun *r, const struct jmacro *m, const struct jargs *a, struct jv *out)
{
	struct jscope *sc = scope_new(r, m->scope);
	bool *used = jrun_alloc(r, a->nkw + 1, sizeof *used);
	bool ok;

	if (!sc || !used || !enter(r))
		return false;
	memset(used, 0, (a->nkw + 1) * sizeof *used);
	ok = bind_params(r, sc, m->def, a, used) && bind_special(r, sc, m->def, a, used) &&
	     capture(r, sc, m->def->c, out);
	r->depth--;
	return ok;
}

/* The items that the loop's condition keeps; it sees the loop's target, and the outer loop. */
static bool
filter_items(struct jrun *r, struct jscope *sc, const struct jnode *n, const struct jv **items,
	     size_t *count)
{
	struct jv kept, yes;
	size_t m = 0;

	if (!jv_new_seq(r, JV_LIST, *count, &kept))
		return false;
	for (size_t i = 0; i < *count; i++) {
		struct jscope *inner = scope_new(r, sc);

		if (!inner || !assign(r, inner, n->a, &(*items)[i]) || !jeval(r, inner, n->d, &yes))
			return false;
		if (jv_truth(&yes))
			kept.u.seq->v[m++] = (*items)[i];
	}
	*items = kept.u.seq->v;
	*count = m;
	return true;
}

static enum jflow
exec_for(struct jrun *r, struct jscope *sc, const struct jnode *n)
{
	struct jloop *loop = jrun_alloc(r, 1, sizeof *loop);
	struct jv over, me;

	if (!loop || !jeval(r, sc, n->b, &over))
		return JFLOW_FAIL;
	r->at = n->at;
	*loop = (struct jloop){.changed = jv_undef(JV_NO_ITEM, NULL, 0)};
	if (!jv_items(r, &over, &loop->items, &loop->n) ||
	    (n->d && !filter_items(r, sc, n, &loop->items, &loop->n)))
		return JFLOW_FAIL;
	if (!loop->n && n->nkid)
		return jexec(r, scope_new(r, sc), n->kid[0]);
	me = (struct jv){.type = JV_LOOP, .u.loop = loop};
	for (loop->i = 0; loop->i < loop->n; loop->i++) {
		struct jscope *inner = scope_new(r, sc);
		enum jflow f;

		if (!inner || !jrun_work(r, 1) || !assign(r, inner, n->a, &loop->items[loop->i]) ||
		    !jscope_set(r, inner, JSYM_LOOP, &me))
			return JFLOW_FAIL;
		f = jexec(r, inner, n->c);
		if (f == JFLOW_FAIL)
			return f;
		if (f == JFLOW_BREAK)
			break;
	}
	return JFLOW_NEXT;
}

static enum jflow
exec_if(struct jrun *r, struct jscope *sc, const struct jnode *n)
{
	for (uint32_t i = 0; i < n->nkid; i += 2) {
		struct jv yes;

		if (!jeval(r, sc, n->kid[i], &yes))
			return JFLOW_FAIL;
		if (jv_truth(&yes))
			return jexec(r, sc, n->kid[i + 1]);
	}
	return n->c ? jexec(r, sc, n->c) : JFLOW_NEXT;
}

static bool
print(struct jrun *r, const struct jv *v)
{
	struct strbuf b = {0};
	bool ok;

	if (v->type == JV_STR)
		return jrun_emit(r, v->u.s, v->len);
	ok = jv_print(r, &b, v, JV_AS_STR) && jrun_emit(r, b.s, b.len);
	strbuf_free(&b);
	return ok;
}

static bool
make_macro(struct jrun *r, struct jscope *sc, const struct jnode *def, struct jv *out)
{
	struct jmacro *m = jrun_alloc(r, 1, sizeof *m);

	if (!m)
		return false;
	*m = (struct jmacro){def, sc};
	*out = (struct jv){.type = JV_MACRO, .u.macro = m};
	return true;
}

/* {% call f(x) %}body{% endcall %}: f is called with its arguments and caller=body. */
static bool
call_block(struct jrun *r, struct jscope *sc, const struct jnode *n)
{
	struct jkwarg *kw;
	struct jargs a;
	struct jv fn, caller, v;

	if (!jeval(r, sc, n->a->a, &fn) || !jeval_args(r, sc, n->a, &a) ||
	    !make_macro(r, sc, n->b, &caller))
		return false;
	kw = jrun_alloc(r, a.nkw + 1, sizeof *kw);
	if (!kw)
		return false;
	if (a.nkw)
		memcpy(kw, a.kw, a.nkw * sizeof *kw);
	kw[a.nkw] = (struct jkwarg){jv_str("caller", 6), caller};
	a.kw = kw;
	a.nkw++;
	r->at = n->at;
	return jcall(r, &fn, &a, &v) && print(r, &v);
}

static bool
with_block(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jscope *inner)
{
	for (uint32_t i = 0; i < n->nkid; i += 2) {
		struct jv v;

		if (!jeval(r, sc, n->kid[i + 1], &v) || !assign(r, inner, n->kid[i], &v))
			return false;
	}
	return true;
}

/* A statement that neither leaves a loop nor holds one of its own scope. */
static bool
exec_plain(struct jrun *r, struct jscope *sc, const struct jnode *n)
{
	struct jscope *inner;
	struct jv v;

	switch ((enum jnode_kind)n->kind) {
	case JN_TEXT:
		return jrun_emit(r, n->v.u.s, n->v.len);
	case JN_PRINT:
		if (!jeval(r, sc, n->a, &v))
			return false;
		r->at = n->at;
		return print(r, &v);
	case JN_SET:
		return jeval(r, sc, n->b, &v) && assign(r, sc, n->a, &v);
	case JN_SET_BLOCK:
	case JN_FILTER_BLOCK:
		inner = scope_new(r, sc);
		if (!inner || !capture(r, inner, n->c, &v) || !filter_text(r, inner, n->b, &v))
			return false;
		return n->kind == JN_SET_BLOCK ? assign(r, sc, n->a, &v) : print(r, &v);
	case JN_MACRO:
		return make_macro(r, sc, n, &v) && jscope_set(r, sc, n->sym, &v);
	case JN_CALL_BLOCK:
		return call_block(r, sc, n);
	default:
		return jrun_fail(r, T2_EUNSUP, "an expression where a statement belongs");
	}
}

static enum jflow
exec_one(struct jrun *r, struct jscope *sc, const struct jnode *n)
{
	struct jscope *inner;

	switch ((enum jnode_kind)n->kind) {
	case JN_BODY:
		for (uint32_t i = 0; i < n->nkid; i++) {
			enum jflow f = jexec(r, sc, n->kid[i]);

			if (f != JFLOW_NEXT)
				return f;
		}
		return JFLOW_NEXT;
	case JN_IF:
		return exec_if(r, sc, n);
	case JN_FOR:
		return exec_for(r, sc, n);
	case JN_WITH:
	case JN_SCOPE:
		inner = scope_new(r, sc);
		if (!inner || (n->kind == JN_WITH && !with_block(r, sc, n, inner)))
			return JFLOW_FAIL;
		return jexec(r, inner, n->c);
	case JN_BREAK:
		return JFLOW_BREAK;
	case JN_CONTINUE:
		return JFLOW_CONTINUE;
	default:
		return exec_plain(r, sc, n) ? JFLOW_NEXT : JFLOW_FAIL;
	}
}

enum jflow
jexec(struct jrun *r, struct jscope *sc, const struct jnode *n)
{
	bool nests = n->kind == JN_IF || n->kind == JN_FOR || n->kind == JN_WITH ||
		     n->kind == JN_SCOPE || n->kind == JN_SET_BLOCK || n->kind == JN_FILTER_BLOCK;
	enum jflow f;

	r->at = n->at;
	if (!sc || !jrun_work(r, 1))
		return JFLOW_FAIL;
	if (nests && !enter(r))
		return JFLOW_FAIL;
	f = exec_one(r, sc, n);
	if (nests)
		r->depth--;
	return f;
}
