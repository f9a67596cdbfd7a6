/* jinja_expr.c - expressions: Jinja2's grammar, which is Python's with filters and tests. */
#include <string.h>

#include "engine/model/jinja_parse.h"

static struct jnode *parse_unary(struct jparse *p, bool filters);

/* A node with one list of children. */
static struct jnode *
list_node(struct jparse *p, enum jnode_kind kind, uint32_t at, const struct jkids *k)
{
	struct jnode *n = jparse_node(p, kind, at);

	if (!n)
		return NULL;
	jparse_kids(n, k);
	return jparse_done(p, n);
}

static struct jnode *
one_node(struct jparse *p, enum jnode_kind kind, uint32_t at, struct jnode *a)
{
	struct jnode *n = a ? jparse_node(p, kind, at) : NULL;

	if (!n)
		return NULL;
	n->a = a;
	return jparse_done(p, n);
}

/* left op right op right ...: one node for the whole chain, so that its length is no depth. */
static struct jnode *
chain(struct jparse *p, enum jnode_kind kind, struct jnode *(*operand)(struct jparse *),
      int (*op_of)(struct jparse *))
{
	struct jnode *first = operand(p), *n;
	struct jkids k = {0};
	struct jarena *mem = &p->j->mem;
	unsigned char *op = NULL;
	uint32_t at = p->tok->at, cap = 0;
	int c;

	while (first && (c = op_of(p)) >= 0) {
		if (!k.n && !jparse_kid(p, &k, first))
			return NULL;
		if (k.n > cap) {
			unsigned char *more = (unsigned char *)jarena_bytes(mem, k.n * 2 + 8);

			if (!more) {
				p->st = t2_nomem(p->err, p->j->src.where);
				return NULL;
			}
			if (op)
				memcpy(more, op, k.n - 1);
			op = more;
			cap = k.n * 2 + 8;
		}
		op[k.n - 1] = (unsigned char)c;
		if (!jparse_kid(p, &k, operand(p)))
			return NULL;
	}
	if (!first || !k.n)
		return first;
	n = jparse_node(p, kind, at);
	if (!n)
		return NULL;
	jparse_kids(n, &k);
	n->op = op;
	return jparse_done(p, n);
}

static int
take_op(struct jparse *p, int type, int code)
{
	return jparse_take(p, type) ? code : -1;
}

static int
pow_op(struct jparse *p)
{
	return take_op(p, JT_POW, 'p');
}

static int
product_op(struct jparse *p)
{
	int t = p->tok->type;

	if (t == '*' || t == '/' || t == '%')
		return take_op(p, t, t);
	return take_op(p, JT_FLOORDIV, 'f');
}

static int
concat_op(struct jparse *p)
{
	return take_op(p, '~', '~');
}

static int
sum_op(struct jparse *p)
{
	int t = p->tok->type;

	return t == '+' || t == '-' ? take_op(p, t, t) : -1;
}

static int
compare_op(struct jparse *p)
{
	static const struct {
		int type, code;
	} op[] = {{JT_EQ, JC_EQ}, {JT_NE, JC_NE}, {'<', JC_LT},
		  {JT_LE, JC_LE}, {'>', JC_GT},	  {JT_GE, JC_GE}};

	for (size_t i = 0; i < sizeof op / sizeof *op; i++)
		if (p->tok->type == op[i].type)
			return take_op(p, op[i].type, op[i].code);
	if (jparse_word(p, "in"))
		return JC_IN;
	if (jparse_is(p, "not") && p->tok[1].type == JT_NAME && jv_is(&p->tok[1].v, "in", 2)) {
		p->tok += 2;
		return JC_NOTIN;
	}
	return -1;
}

static int
and_op(struct jparse *p)
{
	return jparse_word(p, "and") ? 0 : -1;
}

static int
or_op(struct jparse *p)
{
	return jparse_word(p, "or") ? 0 : -1;
}

static struct jnode *
unary_filtered(struct jparse *p)
{
	return parse_unary(p, true);
}

static struct jnode *
parse_pow(struct jparse *p)
{
	return chain(p, JN_ARITH, unary_filtered, pow_op);
}

static struct jnode *
parse_product(struct jparse *p)
{
	return chain(p, JN_ARITH, parse_pow, product_op);
}

static struct jnode *
parse_concat(struct jparse *p)
{
	return chain(p, JN_CONCAT, parse_product, concat_op);
}

static struct jnode *
parse_sum(struct jparse *p)
{
	return chain(p, JN_ARITH, parse_concat, sum_op);
}

static struct jnode *
parse_compare(struct jparse *p)
{
	return chain(p, JN_COMPARE, parse_sum, compare_op);
}

static struct jnode *
parse_not(struct jparse *p)
{
	uint32_t at = p->tok->at;
	struct jnode *n;

	if (!jparse_word(p, "not"))
		return parse_compare(p);
	if (!jparse_enter(p))
		return NULL;
	n = one_node(p, JN_NOT, at, parse_not(p));
	p->depth--;
	return n;
}

static struct jnode *
parse_and(struct jparse *p)
{
	return chain(p, JN_AND, parse_not, and_op);
}

struct jnode *
jparse_or(struct jparse *p)
{
	return chain(p, JN_OR, parse_and, or_op);
}

struct jnode *
jparse_expr(struct jparse *p)
{
	uint32_t at = p->tok->at;
	struct jnode *value;

	if (!jparse_enter(p))
		return NULL;
	value = jparse_or(p);
	while (value && jparse_word(p, "if")) {
		struct jnode *n = jparse_node(p, JN_COND, at);

		if (!n)
			return NULL;
		n->b = value;
		n->a = jparse_or(p);
		if (!n->a)
			return NULL;
		if (jparse_word(p, "else")) {
			n->c = jparse_expr(p);
			if (!n->c)
				return NULL;
		}
		value = jparse_done(p, n);
	}
	p->depth--;
	return value;
}

/* What may follow a tuple's trailing comma. */
static bool
tuple_end(const struct jparse *p)
{
	int t = p->tok->type;

	return t == JT_VAR_END || t == JT_BLOCK_END || t == ')' || jparse_is(p, "in");
}

static struct jnode *
tuple_of(struct jparse *p, struct jnode *(*item)(struct jparse *), bool brackets)
{
	uint32_t at = p->tok->at;
	struct jkids k = {0};
	bool comma = false;
	char buf[64];

	while (!tuple_end(p)) {
		if (!jparse_kid(p, &k, item(p)))
			return NULL;
		if (!jparse_take(p, ','))
			break;
		comma = true;
	}
	if (!comma && k.n)
		return k.v[0];
	if (!comma && !brackets) {
		jparse_fail(p, T2_EFORMAT, "an expression is missing before %s",
			    jparse_found(p, buf));
		return NULL;
	}
	return list_node(p, JN_TUPLE, at, &k);
}

struct jnode *
jparse_tuple(struct jparse *p, bool inline_if)
{
	return tuple_of(p, inline_if ? jparse_expr : jparse_or, false);
}

static struct jnode *
parse_list(struct jparse *p)
{
	uint32_t at = p->tok->at;
	struct jkids k = {0};

	p->tok++;
	while (p->tok->type != ']') {
		if (k.n && !jparse_want(p, ',', "','"))
			return NULL;
		if (p->tok->type == ']')
			break;
		if (!jparse_kid(p, &k, jparse_expr(p)))
			return NULL;
	}
	p->tok++;
	return list_node(p, JN_LIST, at, &k);
}

static struct jnode *
parse_dict(struct jparse *p)
{
	uint32_t at = p->tok->at;
	struct jkids k = {0};

	p->tok++;
	while (p->tok->type != '}') {
		if (k.n && !jparse_want(p, ',', "','"))
			return NULL;
		if (p->tok->type == '}')
			break;
		if (!jparse_kid(p, &k, jparse_expr(p)) || !jparse_want(p, ':', "':'") ||
		    !jparse_kid(p, &k, jparse_expr(p)))
			return NULL;
	}
	p->tok++;
	return list_node(p, JN_DICT, at, &k);
}

static struct jnode *
const_node(struct jparse *p, uint32_t at, struct jv v)
{
	struct jnode *n = jparse_node(p, JN_CONST, at);

	if (n)
		n->v = v;
	return n;
}

/* Adjacent string literals are one. */
static struct jnode *
parse_string(struct jparse *p)
{
	uint32_t at = p->tok->at;
	struct jv v = p->tok->v;
	size_t len = 0, n;
	char *b;

	for (n = 0; p->tok[n].type == JT_STRING; n++)
		len += p->tok[n].v.len;
	if (n > 1) {
		b = jarena_bytes(&p->j->mem, len);
		if (!b) {
			p->st = t2_nomem(p->err, p->j->src.where);
			return NULL;
		}
		v = jv_str(b, len);
		for (size_t i = 0; i < n; i++) {
			if (p->tok[i].v.len)
				memcpy(b, p->tok[i].v.u.s, p->tok[i].v.len);
			b += p->tok[i].v.len;
		}
	}
	p->tok += n;
	return const_node(p, at, v);
}

static struct jnode *
parse_name(struct jparse *p)
{
	static const struct {
		const char *word;
		signed char value; /* 1 true, 0 false, -1 none */
	} literal[] = {{"true", 1},  {"True", 1},  {"false", 0},
		       {"False", 0}, {"none", -1}, {"None", -1}};
	const struct jtok *t = p->tok++;
	struct jnode *n;

	for (size_t i = 0; i < sizeof literal / sizeof *literal; i++)
		if (jv_is(&t->v, literal[i].word, strlen(literal[i].word)))
			return const_node(p, t->at,
					  literal[i].value < 0 ? jv_none()
							       : jv_bool(literal[i].value == 1));
	n = jparse_node(p, JN_NAME, t->at);
	if (!n)
		return NULL;
	n->v = t->v;
	n->sym = jparse_symbol(p, &t->v);
	if (jv_is(&t->v, "varargs", 7))
		p->special |= JMACRO_VARARGS;
	if (jv_is(&t->v, "kwargs", 6))
		p->special |= JMACRO_KWARGS;
	if (jv_is(&t->v, "caller", 6))
		p->special |= JMACRO_CALLER;
	return n->sym < 0 ? NULL : n;
}

static struct jnode *
parse_primary(struct jparse *p)
{
	const struct jtok *t = p->tok;
	struct jnode *n;
	char buf[64];

	switch (t->type) {
	case JT_NAME:
		return parse_name(p);
	case JT_STRING:
		return parse_string(p);
	case JT_INT:
	case JT_FLOAT:
		p->tok++;
		return const_node(p, t->at, t->v);
	case '(':
		p->tok++;
		if (!jparse_enter(p))
			return NULL;
		n = tuple_of(p, jparse_expr, true);
		p->depth--;
		return n && jparse_want(p, ')', "')'") ? n : NULL;
	case '[':
		return parse_list(p);
	case '{':
		return parse_dict(p);
	default:
		jparse_fail(p, T2_EFORMAT, "unexpected %s", jparse_found(p, buf));
		return NULL;
	}
}

/* for's and set's left side: names, tuples of them, name.attribute where allowed. */
static bool
check_target(struct jparse *p, const struct jnode *n, bool for_loop)
{
	if (n->kind == JN_NAME && n->sym == JSYM_LOOP && (p->loops || for_loop)) {
		p->tok--;
		return jparse_fail(p, T2_EFORMAT, "'loop' cannot be assigned to in a loop");
	}
	if (n->kind == JN_NAME || n->kind == JN_NSREF)
		return true;
	if (n->kind == JN_TUPLE) {
		for (uint32_t i = 0; i < n->nkid; i++)
			if (!check_target(p, n->kid[i], for_loop))
				return false;
		return true;
	}
	p->tok--; /* the place: the token that was read last */
	return jparse_fail(p, T2_EFORMAT, "this cannot be assigned to");
}

static struct jnode *
namespace_target(struct jparse *p)
{
	struct jnode *n;

	if (p->tok->type != JT_NAME || p->tok[1].type != '.')
		return parse_primary(p);
	n = jparse_node(p, JN_NSREF, p->tok->at);
	if (!n)
		return NULL;
	n->sym = jparse_symbol(p, &p->tok->v);
	p->tok += 2;
	n->v = p->tok->v;
	return n->sym >= 0 && jparse_want(p, JT_NAME, "an attribute's name") ? n : NULL;
}

struct jnode *
jparse_target(struct jparse *p, bool namespaces)
{
	struct jnode *n = tuple_of(p, namespaces ? namespace_target : parse_primary, false);

	return n && check_target(p, n, !namespaces) ? n : NULL;
}

/* (a, b, name=c): into n's kid[] and kwname[]. */
static bool
parse_args(struct jparse *p, struct jnode *n)
{
	struct jkids k = {0};
	uint32_t cap = 0;

	p->tok++;
	while (p->tok->type != ')') {
		const struct jtok *t = p->tok;

		if (k.n && !jparse_want(p, ',', "',' or ')'"))
			return false;
		t = p->tok;
		if (k.n && t->type == ')')
			break;
		if (t->type == '*' || t->type == JT_POW)
			return jparse_fail(p, T2_EUNSUP, "* and ** arguments are not supported");
		if (t->type == JT_NAME && t[1].type == '=') {
			if (n->nkw == cap) {
				struct jv *more =
					jarena_alloc(&p->j->mem, (cap * 2 + 4) * sizeof *more);

				if (!more) {
					p->st = t2_nomem(p->err, p->j->src.where);
					return false;
				}
				if (cap)
					memcpy(more, n->kwname, cap * sizeof *more);
				n->kwname = more;
				cap = cap * 2 + 4;
			}
			for (uint32_t i = 0; i < n->nkw; i++)
				if (jv_is(&n->kwname[i], t->v.u.s, t->v.len))
					return jparse_fail(p, T2_EFORMAT,
							   "keyword argument given twice");
			n->kwname[n->nkw++] = t->v;
			p->tok += 2;
		} else if (n->nkw) {
			return jparse_fail(p, T2_EFORMAT,
					   "positional argument after a keyword argument");
		}
		if (!jparse_kid(p, &k, jparse_expr(p)))
			return false;
	}
	p->tok++;
	jparse_kids(n, &k);
	return true;
}

/* One part of a subscript: an expression, or a slice (*slice true, its three parts in part[]). */
static bool
parse_subscript(struct jparse *p, struct jnode *part[3], bool *slice)
{
	part[0] = part[1] = part[2] = NULL;
	*slice = p->tok->type == ':';
	if (!*slice) {
		part[0] = jparse_expr(p);
		if (!part[0])
			return false;
		*slice = p->tok->type == ':';
	}
	for (int i = 1; i < 3 && *slice; i++) {
		int t;

		if (!jparse_take(p, ':'))
			break;
		t = p->tok->type;
		if (t == ':' || t == ']' || t == ',')
			continue;
		part[i] = jparse_expr(p);
		if (!part[i])
			return false;
	}
	return true;
}

static struct jnode *
parse_item(struct jparse *p, struct jnode *of)
{
	uint32_t at = p->tok->at;
	struct jnode *n = jparse_node(p, JN_ITEM, at), *part[3];
	struct jkids k = {0};
	bool slice;

	p->tok++;
	if (!n || !parse_subscript(p, part, &slice))
		return NULL;
	n->a = of;
	if (slice) {
		n->kind = JN_SLICE;
		n->kid = jarena_alloc(&p->j->mem, 3 * sizeof *n->kid);
		if (!n->kid) {
			p->st = t2_nomem(p->err, p->j->src.where);
			return NULL;
		}
		memcpy(n->kid, part, sizeof part);
		n->nkid = 3;
	} else {
		n->b = part[0];
	}
	while (p->tok->type == ',') { /* a[b, c] looks up a tuple */
		p->tok++;
		if (!slice && !k.n && !jparse_kid(p, &k, n->b))
			return NULL;
		if (p->tok->type == ']')
			break;
		if (slice || !jparse_kid(p, &k, jparse_expr(p))) {
			jparse_fail(p, T2_EUNSUP,
				    "a slice in a list of subscripts is not supported");
			return NULL;
		}
	}
	if (k.n > 1)
		n->b = list_node(p, JN_TUPLE, at, &k);
	if (!slice && !n->b)
		return NULL;
	return jparse_want(p, ']', "']'") ? jparse_done(p, n) : NULL;
}

static struct jnode *
parse_attr(struct jparse *p, struct jnode *of)
{
	struct jnode *n = jparse_node(p, JN_ATTR, p->tok->at);
	char buf[64];

	p->tok++;
	if (!n)
		return NULL;
	n->a = of;
	n->v = p->tok->v;
	if (p->tok->type == JT_INT) {
		n->kind = JN_ITEM;
		n->b = const_node(p, p->tok->at, p->tok->v);
		if (!n->b)
			return NULL;
	} else if (p->tok->type != JT_NAME) {
		jparse_fail(p, T2_EFORMAT, "a name or number is wanted behind '.', not %s",
			    jparse_found(p, buf));
		return NULL;
	}
	p->tok++;
	return jparse_done(p, n);
}

static struct jnode *
parse_call(struct jparse *p, struct jnode *fn)
{
	struct jnode *n = jparse_node(p, JN_CALL, p->tok->at);

	if (!n || !parse_args(p, n))
		return NULL;
	n->a = fn;
	return jparse_done(p, n);
}

struct jnode *
jparse_postfix(struct jparse *p, struct jnode *n)
{
	while (n) {
		if (p->tok->type == '.')
			n = parse_attr(p, n);
		else if (p->tok->type == '[')
			n = parse_item(p, n);
		else if (p->tok->type == '(')
			n = parse_call(p, n);
		else
			break;
	}
	return n;
}

/* A filter's or test's name; dotted ones belong to nobody. */
static bool
parse_def(struct jparse *p, struct jnode *n)
{
	n->v = p->tok->v;
	n->at = p->tok->at;
	if (!jparse_want(p, JT_NAME, "a name"))
		return false;
	if (p->tok->type == '.')
		return jparse_fail(p, T2_EUNSUP,
				   "dotted names of filters and tests are not supported");
	n->def = n->kind == JN_FILTER ? (const void *)jfilter_find(n->v.u.s, n->v.len)
				      : (const void *)jtest_find(n->v.u.s, n->v.len);
	return true;
}

struct jnode *
jparse_filters(struct jparse *p, struct jnode *of, bool first_bare)
{
	while (first_bare || p->tok->type == '|') {
		struct jnode *n = jparse_node(p, JN_FILTER, p->tok->at);

		if (!first_bare)
			p->tok++;
		first_bare = false;
		if (!n || !parse_def(p, n) || (p->tok->type == '(' && !parse_args(p, n)))
			return NULL;
		n->a = of;
		of = jparse_done(p, n);
		if (!of)
			return NULL;
	}
	return of;
}

static struct jnode *
parse_test(struct jparse *p, struct jnode *of)
{
	struct jnode *n = jparse_node(p, JN_TEST, p->tok->at);
	uint32_t at = p->tok->at;
	struct jkids k = {0};
	bool negated;
	int t;

	p->tok++;
	negated = jparse_word(p, "not");
	if (!n || !parse_def(p, n))
		return NULL;
	t = p->tok->type;
	if (t == '(') {
		if (!parse_args(p, n))
			return NULL;
	} else if (t == JT_NAME || t == JT_STRING || t == JT_INT || t == JT_FLOAT || t == '[' ||
		   t == '{') {
		if (jparse_is(p, "is")) {
			jparse_fail(p, T2_EFORMAT, "tests cannot be chained with 'is'");
			return NULL;
		}
		if (!jparse_is(p, "else") && !jparse_is(p, "or") && !jparse_is(p, "and")) {
			if (!jparse_kid(p, &k, jparse_postfix(p, parse_primary(p))))
				return NULL;
			jparse_kids(n, &k);
		}
	}
	n->a = of;
	n = jparse_done(p, n);
	return negated ? one_node(p, JN_NOT, at, n) : n;
}

static struct jnode *
parse_unary(struct jparse *p, bool filters)
{
	uint32_t at = p->tok->at;
	int t = p->tok->type;
	struct jnode *n;

	if (t == '-' || t == '+') {
		p->tok++;
		if (!jparse_enter(p))
			return NULL;
		n = one_node(p, t == '-' ? JN_NEG : JN_POS, at, parse_unary(p, false));
		p->depth--;
	} else {
		n = parse_primary(p);
	}
	n = jparse_postfix(p, n);
	while (n && filters) {
		if (p->tok->type == '|')
			n = jparse_filters(p, n, false);
		else if (jparse_is(p, "is"))
			n = parse_test(p, n);
		else if (p->tok->type == '(')
			n = parse_call(p, n);
		else
			break;
	}
	return n;
}
