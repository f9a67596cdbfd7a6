/* jinja_op.c - arithmetic as Python does it on the values that templates have. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/jinja_run.h"
#include "engine/model/jinja_text.h"

static bool
overflow(struct jrun *r)
{
	return jrun_fail(r, T2_EUNSUP, "integer beyond 64 bits");
}

static const char *
op_name(int op, char buf[2])
{
	if (op == 'f' || op == 'p')
		return op == 'f' ? "//" : "**";
	buf[0] = (char)op;
	buf[1] = 0;
	return buf;
}

static bool
wrong_types(struct jrun *r, int op, const struct jv *a, const struct jv *b)
{
	char buf[2];

	if (a->type == JV_UNDEF || b->type == JV_UNDEF)
		return jundef_fail(r, a->type == JV_UNDEF ? a : b);
	return jrun_fail(r, T2_EINVAL, "'%s' is not supported between '%s' and '%s'",
			 op_name(op, buf), jv_type_name(a->type), jv_type_name(b->type));
}

bool
jop_join(struct jrun *r, const struct jv *a, const struct jv *b, struct jv *out)
{
	const char *s = a->u.s;
	size_t n = a->len, m = b->len;
	const char *t = b->u.s;
	char *p;

	if (!jrun_work(r, (n + m) / 64))
		return false;
	if (n && jarena_extend(&r->mem, s + n, m)) {
		memcpy((char *)s + n, t,
		       m); /* the free bytes behind the newest piece of the arena */
		*out = jv_str(s, n + m);
		return true;
	}
	p = jrun_bytes(r, n + m);
	if (!p)
		return false;
	if (n)
		memcpy(p, s, n);
	if (m)
		memcpy(p + n, t, m);
	*out = jv_str(p, n + m);
	return true;
}

static bool
add_text(struct jrun *r, const struct jv *a, const struct jv *b, struct jv *out)
{
	struct jv x = *a, y = *b;
	bool markup = a->aux == JV_MARKUP || b->aux == JV_MARKUP;

	if (markup && x.aux != JV_MARKUP && !jtext_escape(r, a, &x))
		return false;
	if (markup && y.aux != JV_MARKUP && !jtext_escape(r, b, &y))
		return false;
	if (!jop_join(r, &x, &y, out))
		return false;
	out->aux = markup ? JV_MARKUP : 0;
	return true;
}

static bool
add_seq(struct jrun *r, const struct jv *a, const struct jv *b, struct jv *out)
{
	const struct jv_seq *x = a->u.seq, *y = b->u.seq;

	if (!jv_new_seq(r, a->type, x->n + y->n, out))
		return false;
	if (x->n)
		memcpy(out->u.seq->v, x->v, x->n * sizeof *x->v);
	if (y->n)
		memcpy(out->u.seq->v + x->n, y->v, y->n * sizeof *y->v);
	return true;
}

static bool
repeat(struct jrun *r, const struct jv *a, long long times, struct jv *out)
{
	size_t n = a->type == JV_STR ? a->len : a->u.seq->n, total;
	unsigned char aux = a->aux;

	if (times < 0)
		times = 0;
	if (__builtin_mul_overflow(n, (size_t)times, &total))
		return jrun_fail(r, T2_EUNSUP, "values of more than %zu MiB", r->lim.memory >> 20);
	if (a->type == JV_STR) {
		char *p = jrun_bytes(r, total);

		if (!p || !jrun_work(r, total / 64))
			return false;
		if (n == 1)
			memset(p, a->u.s[0], total);
		else
			for (size_t i = 0; i < total; i += n)
				memcpy(p + i, a->u.s, n);
		*out = jv_str(p, total);
		out->aux = aux;
		return true;
	}
	{
		const struct jv_seq *from = a->u.seq;

		if (!jv_new_seq(r, a->type, total, out))
			return false;
		for (size_t i = 0; i < total; i += n)
			memcpy(out->u.seq->v + i, from->v, n * sizeof *from->v);
	}
	return true;
}

static bool
int_power(struct jrun *r, long long a, long long b, struct jv *out)
{
	long long x = 1;

	if (b < 0) {
		if (!a)
			return jrun_fail(r, T2_EINVAL, "0 to a negative power");
		*out = jv_float(pow((double)a, (double)b));
		return true;
	}
	while (b) {
		if ((b & 1) && __builtin_mul_overflow(x, a, &x))
			return overflow(r);
		b >>= 1;
		if (b && __builtin_mul_overflow(a, a, &a))
			return overflow(r);
	}
	*out = jv_int(x);
	return true;
}

static bool
int_op(struct jrun *r, int op, long long a, long long b, struct jv *out)
{
	long long x = 0, rest;
	bool over = false;

	switch (op) {
	case '+':
		over = __builtin_add_overflow(a, b, &x);
		break;
	case '-':
		over = __builtin_sub_overflow(a, b, &x);
		break;
	case '*':
		over = __builtin_mul_overflow(a, b, &x);
		break;
	case 'p':
		return int_power(r, a, b, out);
	default:
		if (!b)
			return jrun_fail(r, T2_EINVAL, "division by zero");
		if (op == '/') {
			/* exact operands give the correctly rounded quotient; larger ones would not */
			if (llabs(a) > 1LL << 53 || llabs(b) > 1LL << 53)
				return overflow(r);
			*out = jv_float((double)a / (double)b);
			return true;
		}
		if (b == -1) {
			over = op == 'f' && __builtin_sub_overflow(0LL, a, &x);
			break;
		}
		rest = a % b;
		x = a / b;
		if (rest && (rest < 0) != (b < 0)) {
			rest += b;
			x--;
		}
		if (op == '%')
			x = rest;
		break;
	}
	if (over)
		return overflow(r);
	*out = jv_int(x);
	return true;
}

static bool
float_op(struct jrun *r, int op, double a, double b, struct jv *out)
{
	double rest, x;

	if (op == '+' || op == '-' || op == '*') {
		*out = jv_float(op == '+' ? a + b : op == '-' ? a - b : a * b);
		return true;
	}
	if (op == 'p') {
		if (a == 0 && b < 0)
			return jrun_fail(r, T2_EINVAL, "0 to a negative power");
		x = pow(a, b);
		if (isnan(x) && !isnan(a) && !isnan(b))
			return jrun_unsupported(r, "a fractional power of a negative number");
		if (isinf(x) && !isinf(a) && !isinf(b))
			return jrun_fail(r, T2_EINVAL, "the power is too large");
		*out = jv_float(x);
		return true;
	}
	if (b == 0)
		return jrun_fail(r, T2_EINVAL, "division by zero");
	if (op == '/') {
		*out = jv_float(a / b);
		return true;
	}
	rest = fmod(a, b);
	x = (a - rest) / b;
	if (rest != 0 && (rest < 0) != (b < 0)) {
		rest += b;
		x -= 1;
	} else if (rest == 0) {
		rest = copysign(0, b);
	}
	if (op == '%') {
		*out = jv_float(rest);
		return true;
	}
	if (x != 0) {
		double down = floor(x);

		x = x - down > 0.5 ? down + 1 : down;
	} else {
		x = copysign(0, a / b);
	}
	*out = jv_float(x);
	return true;
}

static bool
number(const struct jv *v, double *f, long long *i, bool *is_float)
{
	*is_float = v->type == JV_FLOAT;
	if (*is_float) {
		*f = v->u.f;
		return true;
	}
	if (!jv_as_int(v, i))
		return false;
	*f = (double)*i;
	return true;
}

bool
jop(struct jrun *r, int op, const struct jv *a, const struct jv *b, struct jv *out)
{
	struct jv x = *a, y = *b; /* out may be one of them */
	bool seq_a = x.type == JV_STR || x.type == JV_LIST || x.type == JV_TUPLE;
	bool seq_b = y.type == JV_STR || y.type == JV_LIST || y.type == JV_TUPLE;
	double f, g;
	long long i, j;
	bool fa, fb;

	if (op == '+' && seq_a && x.type == y.type)
		return x.type == JV_STR ? add_text(r, &x, &y, out) : add_seq(r, &x, &y, out);
	if (op == '*' && seq_a && jv_as_int(&y, &j))
		return repeat(r, &x, j, out);
	if (op == '*' && seq_b && jv_as_int(&x, &i))
		return repeat(r, &y, i, out);
	if (op == '%' && x.type == JV_STR)
		return y.type == JV_UNDEF ? jundef_fail(r, &y) : jformat_percent(r, &x, &y, out);
	if (!number(&x, &f, &i, &fa) || !number(&y, &g, &j, &fb))
		return wrong_types(r, op, &x, &y);
	return fa || fb ? float_op(r, op, f, g, out) : int_op(r, op, i, j, out);
}

bool
jop_negate(struct jrun *r, const struct jv *a, struct jv *out)
{
	long long i;

	if (a->type == JV_UNDEF)
		return jundef_fail(r, a);
	if (a->type == JV_FLOAT) {
		*out = jv_float(-a->u.f);
		return true;
	}
	if (!jv_as_int(a, &i))
		return jrun_fail(r, T2_EINVAL, "'-' is not supported for '%s'",
				 jv_type_name(a->type));
	if (__builtin_sub_overflow(0LL, i, &i))
		return overflow(r);
	*out = jv_int(i);
	return true;
}

bool
jop_plus(struct jrun *r, const struct jv *a, struct jv *out)
{
	long long i;

	if (a->type == JV_UNDEF)
		return jundef_fail(r, a);
	if (a->type == JV_FLOAT) {
		*out = *a;
		return true;
	}
	if (!jv_as_int(a, &i))
		return jrun_fail(r, T2_EINVAL, "'+' is not supported for '%s'",
				 jv_type_name(a->type));
	*out = jv_int(i);
	return true;
}
