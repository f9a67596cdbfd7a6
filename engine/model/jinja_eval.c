/* jinja_eval.c - the value of an expression. */
#include <string.h>

#include "engine/model/jinja_node.h"
#include "engine/model/jinja_text.h"

static bool
eval_seq(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out)
{
	struct jv v;

	if (!jv_new_seq(r, n->kind == JN_LIST ? JV_LIST : JV_TUPLE, n->nkid, &v))
		return false;
	for (uint32_t i = 0; i < n->nkid; i++)
		if (!jeval(r, sc, n->kid[i], &v.u.seq->v[i]))
			return false;
	*out = v;
	return true;
}

static bool
eval_dict(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out)
{
	struct jv d, key, v;

	if (!jv_new_dict(r, JV_DICT, n->nkid / 2, &d))
		return false;
	for (uint32_t i = 0; i < n->nkid; i += 2) {
		if (!jeval(r, sc, n->kid[i], &key) || !jeval(r, sc, n->kid[i + 1], &v))
			return false;
		r->at = n->at;
		if (!jv_dict_set(r, d.u.dict, &key, &v))
			return false;
	}
	*out = d;
	return true;
}

static bool
eval_slice(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out)
{
	struct jv of, part[3];

	if (!jeval(r, sc, n->a, &of))
		return false;
	for (int i = 0; i < 3; i++) {
		part[i] = jv_none();
		if (n->kid[i] && !jeval(r, sc, n->kid[i], &part[i]))
			return false;
	}
	r->at = n->at;
	return jslice(r, &of, &part[0], &part[1], &part[2], out);
}

static bool
eval_arith(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out)
{
	struct jv left, right;

	if (!jeval(r, sc, n->kid[0], &left))
		return false;
	for (uint32_t i = 1; i < n->nkid; i++) {
		if (!jeval(r, sc, n->kid[i], &right))
			return false;
		r->at = n->at;
		if (!jop(r, n->op[i - 1], &left, &right, &left))
			return false;
	}
	*out = left;
	return true;
}

static bool
eval_concat(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out)
{
	struct strbuf b = {0};
	bool ok = true;

	for (uint32_t i = 0; ok && i < n->nkid; i++) {
		struct jv v;

		ok = jeval(r, sc, n->kid[i], &v);
		r->at = n->at;
		ok = ok && jv_print(r, &b, &v, JV_AS_STR);
	}
	ok = ok && jbuf_take(r, &b, out);
	strbuf_free(&b);
	return ok;
}

static bool
eval_logic(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out)
{
	for (uint32_t i = 0; i < n->nkid; i++) {
		if (!jeval(r, sc, n->kid[i], out))
			return false;
		if (jv_truth(out) == (n->kind == JN_OR))
			break;
	}
	return true;
}

static bool
compare(struct jrun *r, int op, const struct jv *a, const struct jv *b, bool *out)
{
	static const char *const name[] = {
		[JC_LT] = "<", [JC_LE] = "<=", [JC_GT] = ">", [JC_GE] = ">="};
	bool ok;
	int c;

	switch (op) {
	case JC_EQ:
	case JC_NE:
		ok = jv_equal(r, a, b, out);
		*out = *out == (op == JC_EQ);
		return ok;
	case JC_IN:
	case JC_NOTIN:
		ok = jv_contains(r, a, b, out);
		*out = *out == (op == JC_IN);
		return ok;
	default:
		if (!jv_order(r, a, b, name[op], &c))
			return false;
		*out = c != JV_UNORDERED && (op == JC_LT   ? c < 0
					     : op == JC_LE ? c <= 0
					     : op == JC_GT ? c > 0
							   : c >= 0);
		return true;
	}
}

static bool
eval_compare(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out)
{
	struct jv left, right;
	bool yes = true;

	if (!jeval(r, sc, n->kid[0], &left))
		return false;
	for (uint32_t i = 1; i < n->nkid && yes; i++) {
		if (!jeval(r, sc, n->kid[i], &right))
			return false;
		r->at = n->at;
		if (!compare(r, n->op[i - 1], &left, &right, &yes))
			return false;
		left = right;
	}
	*out = jv_bool(yes);
	return true;
}

static bool
eval_cond(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out)
{
	struct jv test;

	if (!jeval(r, sc, n->a, &test))
		return false;
	if (jv_truth(&test))
		return jeval(r, sc, n->b, out);
	if (n->c)
		return jeval(r, sc, n->c, out);
	*out = jv_undef(JV_NO_ELSE, NULL, 0);
	return true;
}

bool
jeval_args(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jargs *out)
{
	uint32_t npos = n->nkid - n->nkw;
	struct jv *pos = npos ? jrun_alloc(r, npos, sizeof *pos) : NULL;
	struct jkwarg *kw = n->nkw ? jrun_alloc(r, n->nkw, sizeof *kw) : NULL;

	if ((npos && !pos) || (n->nkw && !kw))
		return false;
	for (uint32_t i = 0; i < npos; i++)
		if (!jeval(r, sc, n->kid[i], &pos[i]))
			return false;
	for (uint32_t i = 0; i < n->nkw; i++) {
		kw[i].name = n->kwname[i];
		if (!jeval(r, sc, n->kid[npos + i], &kw[i].v))
			return false;
	}
	*out = (struct jargs){pos, npos, kw, n->nkw};
	return true;
}

bool
jcall(struct jrun *r, const struct jv *fn, const struct jargs *a, struct jv *out)
{
	switch ((enum jv_type)fn->type) {
	case JV_FUNC:
		return fn->u.func->fn(r, a, out);
	case JV_METHOD:
		return jmethod_call(r, fn->u.method, a, out);
	case JV_MACRO:
		return jmacro_call(r, fn->u.macro, a, out);
	case JV_JOINER:
		return jjoiner_call(r, fn, out);
	case JV_LOOP:
		return jrun_unsupported(r, "a recursive loop");
	case JV_UNDEF:
		if (fn->aux != JV_NO_NAME)
			return jundef_fail(r, fn);
		return jrun_fail(r, T2_EUNSUP, "unknown function '%.*s'",
				 fn->len > 100 ? 100 : (int)fn->len, fn->u.s);
	default:
		return jrun_fail(r, T2_EINVAL, "'%s' object is not callable",
				 jv_type_name(fn->type));
	}
}

static bool
eval_call(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out)
{
	struct jargs a;
	struct jv fn;

	if (!jeval(r, sc, n->a, &fn) || !jeval_args(r, sc, n, &a))
		return false;
	r->at = n->at;
	return jcall(r, &fn, &a, out);
}

static bool
eval_filter(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out)
{
	struct jargs a;
	struct jv v;

	if (!jeval(r, sc, n->a, &v) || !jeval_args(r, sc, n, &a))
		return false;
	r->at = n->at;
	return jfilter_call(r, &n->v, n->def, &v, &a, out);
}

static bool
eval_test(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out)
{
	struct jargs a;
	struct jv v;
	bool yes;

	if (!jeval(r, sc, n->a, &v) || !jeval_args(r, sc, n, &a))
		return false;
	r->at = n->at;
	if (!jtest_call(r, &n->v, n->def, &v, &a, &yes))
		return false;
	*out = jv_bool(yes);
	return true;
}

static bool
eval_one(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out)
{
	const struct jv *hit;
	struct jv v, key;

	switch ((enum jnode_kind)n->kind) {
	case JN_CONST:
		*out = n->v;
		return true;
	case JN_NAME:
		hit = jscope_get(r, sc, n->sym);
		*out = hit ? *hit : jv_undef(JV_NO_NAME, n->v.u.s, n->v.len);
		return true;
	case JN_LIST:
	case JN_TUPLE:
		return eval_seq(r, sc, n, out);
	case JN_DICT:
		return eval_dict(r, sc, n, out);
	case JN_ATTR:
		if (!jeval(r, sc, n->a, &v))
			return false;
		r->at = n->at;
		return jattr(r, &v, &n->v, out);
	case JN_ITEM:
		if (!jeval(r, sc, n->a, &v) || !jeval(r, sc, n->b, &key))
			return false;
		r->at = n->at;
		return jitem(r, &v, &key, out);
	case JN_SLICE:
		return eval_slice(r, sc, n, out);
	case JN_CALL:
		return eval_call(r, sc, n, out);
	case JN_FILTER:
		return eval_filter(r, sc, n, out);
	case JN_TEST:
		return eval_test(r, sc, n, out);
	case JN_NEG:
	case JN_POS:
		if (!jeval(r, sc, n->a, &v))
			return false;
		r->at = n->at;
		return n->kind == JN_NEG ? jop_negate(r, &v, out) : jop_plus(r, &v, out);
	case JN_NOT:
		if (!jeval(r, sc, n->a, &v))
			return false;
		*out = jv_bool(!jv_truth(&v));
		return true;
	case JN_ARITH:
		return eval_arith(r, sc, n, out);
	case JN_CONCAT:
		return eval_concat(r, sc, n, out);
	case JN_AND:
	case JN_OR:
		return eval_logic(r, sc, n, out);
	case JN_COMPARE:
		return eval_compare(r, sc, n, out);
	case JN_COND:
		return eval_cond(r, sc, n, out);
	default:
		return jrun_fail(r, T2_EUNSUP, "a statement where an expression belongs");
	}
}

bool
jeval(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out)
{
	bool ok;

	r->at = n->at;
	if (!jrun_work(r, 1))
		return false;
	if (r->eval == JINJA_EVAL_MAX)
		return jrun_fail(r, T2_EUNSUP, "calls nested too deep");
	r->eval++;
	ok = eval_one(r, sc, n, out);
	r->eval--;
	return ok;
}
