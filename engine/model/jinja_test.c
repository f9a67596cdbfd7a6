/* jinja_test.c - what may stand behind "is". */
#include <math.h>
#include <string.h>

#include "engine/model/jinja_run.h"
#include "engine/model/jinja_text.h"

/* value % divisor == rest, as odd, even and divisibleby ask. */
static bool
has_rest(struct jrun *r, const struct jv *v, const struct jv *divisor, long long rest, bool *out)
{
	struct jv left, want = jv_int(rest);

	return jop(r, '%', v, divisor, &left) && jv_equal(r, &left, &want, out);
}

static bool
none_given(struct jrun *r, const char *what, const struct jargs *a)
{
	return jargs_bind(r, what, a, "", NULL);
}

static bool
test_odd(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	struct jv two = jv_int(2);

	return none_given(r, "odd", a) && has_rest(r, v, &two, 1, out);
}

static bool
test_even(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	struct jv two = jv_int(2);

	return none_given(r, "even", a) && has_rest(r, v, &two, 0, out);
}

static bool
test_divisibleby(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	struct jv n;

	return jargs_bind(r, "divisibleby", a, "!num", &n) && has_rest(r, v, &n, 0, out);
}

/* The tests of a value's kind, by name: one row each, for a value without arguments. */
#define KIND_TEST(name, condition)                                                                 \
	static bool test_##name(struct jrun *r, const struct jv *v, const struct jargs *a,         \
				bool *out)                                                         \
	{                                                                                          \
		*out = (condition);                                                                \
		return none_given(r, #name, a);                                                    \
	}

KIND_TEST(defined, v->type != JV_UNDEF)
KIND_TEST(undefined, v->type == JV_UNDEF)
KIND_TEST(none, v->type == JV_NONE)
KIND_TEST(boolean, v->type == JV_BOOL)
KIND_TEST(true, v->type == JV_BOOL && v->u.b)
KIND_TEST(false, v->type == JV_BOOL && !v->u.b)
KIND_TEST(integer, v->type == JV_INT)
KIND_TEST(float, v->type == JV_FLOAT)
KIND_TEST(number, v->type == JV_INT || v->type == JV_FLOAT || v->type == JV_BOOL)
KIND_TEST(string, v->type == JV_STR)
KIND_TEST(mapping, v->type == JV_DICT)
KIND_TEST(iterable, jv_iterable(v) || v->type == JV_LOOP)
KIND_TEST(sequence, v->type == JV_STR || v->type == JV_LIST || v->type == JV_TUPLE ||
			    v->type == JV_DICT || v->type == JV_RANGE || v->type == JV_UNDEF)
KIND_TEST(callable, v->type == JV_FUNC || v->type == JV_METHOD || v->type == JV_MACRO ||
			    v->type == JV_JOINER || v->type == JV_LOOP || v->type == JV_UNDEF)
KIND_TEST(escaped, v->type == JV_STR && v->aux == JV_MARKUP)

/* str.isupper() and islower(): a cased letter, and none of the other case. */
static bool
test_case(struct jrun *r, const struct jv *v, bool upper, bool *out)
{
	bool any = false, up;
	size_t i = 0;
	struct jv s;

	*out = false;
	if (!jv_to_str(r, v, &s) || !jrun_work(r, s.len / 16))
		return false;
	while (i < s.len) {
		uint32_t c;

		i += jtext_next(s.u.s + i, s.len - i, &c);
		if (!jtext_cased(c, &up))
			continue;
		if (up != upper)
			return true;
		any = true;
	}
	*out = any;
	return true;
}

static bool
test_upper(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	return none_given(r, "upper", a) && test_case(r, v, true, out);
}

static bool
test_lower(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	return none_given(r, "lower", a) && test_case(r, v, false, out);
}

static bool
test_filter(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	*out = v->type == JV_STR && jfilter_find(v->u.s, v->len);
	return none_given(r, "filter", a);
}

static bool
test_test(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	*out = v->type == JV_STR && jtest_find(v->u.s, v->len);
	return none_given(r, "test", a);
}

static bool
test_in(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	struct jv seq;

	return jargs_bind(r, "in", a, "!seq", &seq) && jv_contains(r, v, &seq, out);
}

static bool
test_eq(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	struct jv w;

	return jargs_bind(r, "eq", a, "!other", &w) && jv_equal(r, v, &w, out);
}

static bool
test_ne(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	bool eq;

	if (!test_eq(r, v, a, &eq))
		return false;
	*out = !eq;
	return true;
}

static bool
test_order(struct jrun *r, const struct jv *v, const struct jargs *a, const char *op, int *c)
{
	struct jv w;

	return jargs_bind(r, op, a, "!other", &w) && jv_order(r, v, &w, op, c);
}

static bool
test_lt(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	int c = 0;
	bool ok = test_order(r, v, a, "<", &c);

	*out = c < 0;
	return ok;
}

static bool
test_le(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	int c = 0;
	bool ok = test_order(r, v, a, "<=", &c);

	*out = c <= 0;
	return ok;
}

static bool
test_gt(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	int c = 0;
	bool ok = test_order(r, v, a, ">", &c);

	*out = c == 1;
	return ok;
}

static bool
test_ge(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	int c = 0;
	bool ok = test_order(r, v, a, ">=", &c);

	*out = c == 0 || c == 1;
	return ok;
}

/* The same object: certain for the values of which there is only one. */
static bool
test_sameas(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out)
{
	struct jv w;

	if (!jargs_bind(r, "sameas", a, "!other", &w))
		return false;
	if (v->type != JV_NONE && v->type != JV_BOOL && w.type != JV_NONE && w.type != JV_BOOL)
		return jrun_unsupported(r, "sameas of anything but true, false and none");
	*out = v->type == w.type && (v->type == JV_NONE || v->u.b == w.u.b);
	return true;
}

static const struct jtest table[] = {
	{"!=", test_ne},
	{"<", test_lt},
	{"<=", test_le},
	{"==", test_eq},
	{">", test_gt},
	{">=", test_ge},
	{"boolean", test_boolean},
	{"callable", test_callable},
	{"defined", test_defined},
	{"divisibleby", test_divisibleby},
	{"eq", test_eq},
	{"equalto", test_eq},
	{"escaped", test_escaped},
	{"even", test_even},
	{"false", test_false},
	{"filter", test_filter},
	{"float", test_float},
	{"ge", test_ge},
	{"greaterthan", test_gt},
	{"gt", test_gt},
	{"in", test_in},
	{"integer", test_integer},
	{"iterable", test_iterable},
	{"le", test_le},
	{"lessthan", test_lt},
	{"lower", test_lower},
	{"lt", test_lt},
	{"mapping", test_mapping},
	{"ne", test_ne},
	{"none", test_none},
	{"number", test_number},
	{"odd", test_odd},
	{"sameas", test_sameas},
	{"sequence", test_sequence},
	{"string", test_string},
	{"test", test_test},
	{"true", test_true},
	{"undefined", test_undefined},
	{"upper", test_upper},
};

const struct jtest *
jtest_find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strlen(table[i].name) == len && !memcmp(table[i].name, name, len))
			return &table[i];
	return NULL;
}

bool
jtest_call(struct jrun *r, const struct jv *name, const struct jtest *t, const struct jv *v,
	   const struct jargs *a, bool *out)
{
	*out = false;
	if (!t)
		return jrun_fail(r, T2_EUNSUP, "unknown test '%.*s'",
				 name->len > 100 ? 100 : (int)name->len, name->u.s);
	return t->fn(r, v, a, out);
}
