/* jinja_value.c - see jinja_value.h */
#include "engine/model/jinja_value.h"

#include <math.h>
#include <string.h>

#include "engine/model/jinja_run.h"
#include "engine/model/jinja_text.h"

const char *
jv_type_name(enum jv_type t)
{
	static const char *const name[] = {
		[JV_UNDEF] = "Undefined", [JV_NONE] = "NoneType",    [JV_BOOL] = "bool",
		[JV_INT] = "int",	  [JV_FLOAT] = "float",	     [JV_STR] = "str",
		[JV_LIST] = "list",	  [JV_TUPLE] = "tuple",	     [JV_DICT] = "dict",
		[JV_RANGE] = "range",	  [JV_ITER] = "generator",   [JV_VIEW] = "dict view",
		[JV_NS] = "Namespace",	  [JV_LOOP] = "LoopContext", [JV_MACRO] = "Macro",
		[JV_FUNC] = "function",	  [JV_METHOD] = "method",    [JV_CYCLER] = "Cycler",
		[JV_JOINER] = "Joiner",
	};

	return name[t];
}

bool
jv_truth(const struct jv *v)
{
	switch ((enum jv_type)v->type) {
	case JV_UNDEF:
	case JV_NONE:
		return false;
	case JV_BOOL:
		return v->u.b;
	case JV_INT:
		return v->u.i != 0;
	case JV_FLOAT:
		return v->u.f != 0;
	case JV_STR:
		return v->len != 0;
	case JV_LIST:
	case JV_TUPLE:
		return v->u.seq->n != 0;
	case JV_DICT:
	case JV_VIEW:
		return v->u.dict->n != 0;
	case JV_RANGE:
		return v->u.range->n != 0;
	default:
		return true;
	}
}

bool
jv_as_int(const struct jv *v, long long *out)
{
	if (v->type == JV_INT)
		*out = v->u.i;
	else if (v->type == JV_BOOL)
		*out = v->u.b;
	else
		return false;
	return true;
}

bool
jv_new_str(struct jrun *r, const char *s, size_t len, struct jv *out)
{
	char *p = jrun_bytes(r, len);

	if (!p)
		return false;
	if (len)
		memcpy(p, s, len);
	*out = jv_str(p, len);
	return true;
}

bool
jv_new_seq(struct jrun *r, enum jv_type t, size_t n, struct jv *out)
{
	struct jv_seq *s = jrun_alloc(r, 1, sizeof *s);

	if (!s || !jrun_work(r, n / 8))
		return false;
	s->n = n;
	s->pos = 0;
	s->v = n ? jrun_alloc(r, n, sizeof *s->v) : NULL;
	if (n && !s->v)
		return false;
	*out = (struct jv){.type = (unsigned char)t, .u.seq = s};
	return true;
}

bool
jv_new_dict(struct jrun *r, enum jv_type t, size_t cap, struct jv *out)
{
	struct jv_dict *d = jrun_alloc(r, 1, sizeof *d);

	if (!d)
		return false;
	d->n = 0;
	d->cap = cap ? cap : 4;
	d->k = jrun_alloc(r, d->cap, 2 * sizeof *d->k);
	if (!d->k)
		return false;
	d->v = d->k + d->cap;
	*out = (struct jv){.type = (unsigned char)t, .u.dict = d};
	return true;
}

bool
jv_new_view(struct jrun *r, const struct jv *dict, enum jv_view what, struct jv *out)
{
	(void)r;
	*out = (struct jv){.type = JV_VIEW, .aux = (unsigned char)what, .u.dict = dict->u.dict};
	return true;
}

bool
jv_hashable(const struct jv *v)
{
	if (v->type == JV_TUPLE) {
		for (size_t i = 0; i < v->u.seq->n; i++)
			if (!jv_hashable(&v->u.seq->v[i]))
				return false;
	}
	return v->type != JV_LIST && v->type != JV_DICT && v->type != JV_VIEW;
}

const struct jv *
jv_dict_name(const struct jv_dict *d, const char *name, size_t len)
{
	for (size_t i = 0; i < d->n; i++)
		if (jv_is(&d->k[i], name, len))
			return &d->v[i];
	return NULL;
}

bool
jv_dict_get(struct jrun *r, const struct jv_dict *d, const struct jv *key, const struct jv **out)
{
	*out = NULL;
	if (!jrun_work(r, d->n / 16))
		return false;
	if (key->type == JV_STR) {
		*out = jv_dict_name(d, key->u.s, key->len);
		return true;
	}
	for (size_t i = 0; i < d->n && !*out; i++) {
		bool eq;

		if (!jv_equal(r, &d->k[i], key, &eq))
			return false;
		if (eq)
			*out = &d->v[i];
	}
	return true;
}

bool
jv_dict_set(struct jrun *r, struct jv_dict *d, const struct jv *key, const struct jv *v)
{
	const struct jv *old;

	if (!jv_hashable(key))
		return jrun_fail(r, T2_EINVAL, "unhashable type: '%s'", jv_type_name(key->type));
	if (!jv_dict_get(r, d, key, &old))
		return false;
	if (old) {
		d->v[old - d->v] = *v;
		return true;
	}
	if (d->n == d->cap) {
		size_t cap = d->cap * 2;
		struct jv *k = jrun_alloc(r, cap, 2 * sizeof *k);

		if (!k)
			return false;
		memcpy(k, d->k, d->n * sizeof *k);
		memcpy(k + cap, d->v, d->n * sizeof *k);
		d->k = k;
		d->v = k + cap;
		d->cap = cap;
	}
	d->k[d->n] = *key;
	d->v[d->n++] = *v;
	return true;
}

static bool
is_number(const struct jv *v)
{
	return v->type == JV_INT || v->type == JV_BOOL || v->type == JV_FLOAT;
}

static int
number_order(const struct jv *a, const struct jv *b)
{
	long long x, y;
	long double p, q;

	if (jv_as_int(a, &x) && jv_as_int(b, &y))
		return x < y ? -1 : x > y;
	/* a long double holds every long long and every double */
	p = a->type == JV_FLOAT ? (long double)a->u.f : jv_as_int(a, &x) ? (long double)x : 0;
	q = b->type == JV_FLOAT ? (long double)b->u.f : jv_as_int(b, &y) ? (long double)y : 0;
	return p < q ? -1 : p > q ? 1 : p == q ? 0 : JV_UNORDERED;
}

static int
text_order(const struct jv *a, const struct jv *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int c = n ? memcmp(a->u.s, b->u.s, n) : 0; /* UTF-8 sorts as its code points do */

	return c ? c < 0 ? -1 : 1 : a->len < b->len ? -1 : a->len > b->len;
}

static bool
deeper(struct jrun *r)
{
	if (r->value == JINJA_VALUE_MAX)
		return jrun_fail(r, T2_EUNSUP, "lists nested over %d deep", JINJA_VALUE_MAX);
	r->value++;
	return true;
}

static bool
seq_equal(struct jrun *r, const struct jv_seq *a, const struct jv_seq *b, bool *out)
{
	*out = a->n == b->n;
	if (!*out || a == b)
		return true;
	if (!deeper(r))
		return false;
	for (size_t i = 0; i < a->n && *out; i++)
		if (!jv_equal(r, &a->v[i], &b->v[i], out))
			return false;
	r->value--;
	return true;
}

static bool
dict_equal(struct jrun *r, const struct jv_dict *a, const struct jv_dict *b, bool *out)
{
	*out = a->n == b->n;
	if (!*out || a == b)
		return true;
	if (!deeper(r))
		return false;
	for (size_t i = 0; i < a->n && *out; i++) {
		const struct jv *v;

		if (!jv_dict_get(r, b, &a->k[i], &v))
			return false;
		*out = v != NULL;
		if (v && !jv_equal(r, &a->v[i], v, out))
			return false;
	}
	r->value--;
	return true;
}

static bool
range_equal(const struct jv_range *a, const struct jv_range *b)
{
	return a->n == b->n &&
	       (!a->n || (a->start == b->start && (a->n == 1 || a->step == b->step)));
}

bool
jv_equal(struct jrun *r, const struct jv *a, const struct jv *b, bool *out)
{
	*out = false;
	if (!jrun_work(r, 1))
		return false;
	if (is_number(a) && is_number(b)) {
		*out = number_order(a, b) == 0;
		return true;
	}
	if (a->type != b->type)
		return true;
	switch ((enum jv_type)a->type) {
	case JV_UNDEF:
	case JV_NONE:
		*out = true;
		return true;
	case JV_STR:
		*out = a->len == b->len && (!a->len || !memcmp(a->u.s, b->u.s, a->len));
		return jrun_work(r, *out ? a->len / 64 : 0);
	case JV_LIST:
	case JV_TUPLE:
		return seq_equal(r, a->u.seq, b->u.seq, out);
	case JV_DICT:
		return dict_equal(r, a->u.dict, b->u.dict, out);
	case JV_RANGE:
		*out = range_equal(a->u.range, b->u.range);
		return true;
	case JV_VIEW:
		if (a->aux != b->aux || a->aux == JV_VALUES) /* views of values are never equal */
			return true;
		return jrun_unsupported(r, "comparing dict views");
	default:
		*out = a->u.seq == b->u.seq; /* the same object */
		return true;
	}
}

bool
jv_order(struct jrun *r, const struct jv *a, const struct jv *b, const char *op, int *out)
{
	bool eq = true;
	size_t i = 0, n;

	if (!jrun_work(r, 1))
		return false;
	if (a->type == JV_UNDEF || b->type == JV_UNDEF)
		return jundef_fail(r, a->type == JV_UNDEF ? a : b);
	if (is_number(a) && is_number(b)) {
		*out = number_order(a, b);
		return true;
	}
	if (a->type == JV_STR && b->type == JV_STR) {
		*out = text_order(a, b);
		return jrun_work(r, (a->len < b->len ? a->len : b->len) / 64);
	}
	if (a->type != b->type || (a->type != JV_LIST && a->type != JV_TUPLE))
		return jrun_fail(r, T2_EINVAL, "'%s' is not supported between '%s' and '%s'", op,
				 jv_type_name(a->type), jv_type_name(b->type));
	if (!deeper(r))
		return false;
	n = a->u.seq->n < b->u.seq->n ? a->u.seq->n : b->u.seq->n;
	for (; i < n; i++) {
		if (!jv_equal(r, &a->u.seq->v[i], &b->u.seq->v[i], &eq))
			return false;
		if (!eq)
			break;
	}
	if (i < n) {
		if (!jv_order(r, &a->u.seq->v[i], &b->u.seq->v[i], op, out))
			return false;
	} else {
		*out = a->u.seq->n < b->u.seq->n ? -1 : a->u.seq->n > b->u.seq->n;
	}
	r->value--;
	return true;
}

struct jv
jv_range_at(const struct jv_range *g, size_t i)
{
	return jv_int(g->start + (long long)i * g->step);
}

bool
jv_iterable(const struct jv *v)
{
	switch ((enum jv_type)v->type) {
	case JV_UNDEF:
	case JV_STR:
	case JV_LIST:
	case JV_TUPLE:
	case JV_DICT:
	case JV_RANGE:
	case JV_ITER:
	case JV_VIEW:
		return true;
	default:
		return false;
	}
}

bool
jv_length(const struct jv *v, size_t *out)
{
	switch ((enum jv_type)v->type) {
	case JV_UNDEF:
		*out = 0;
		return true;
	case JV_STR:
		*out = jtext_chars(v->u.s, v->len);
		return true;
	case JV_LIST:
	case JV_TUPLE:
		*out = v->u.seq->n;
		return true;
	case JV_DICT:
	case JV_VIEW:
		*out = v->u.dict->n;
		return true;
	case JV_RANGE:
		*out = v->u.range->n;
		return true;
	case JV_LOOP:
		*out = v->u.loop->n;
		return true;
	default:
		return false;
	}
}

static bool
view_items(struct jrun *r, const struct jv *v, struct jv *out)
{
	const struct jv_dict *d = v->u.dict;

	if (!jv_new_seq(r, JV_LIST, d->n, out))
		return false;
	for (size_t i = 0; i < d->n; i++) {
		struct jv *o = &out->u.seq->v[i];

		if (v->aux != JV_ITEMS) {
			*o = v->aux == JV_KEYS ? d->k[i] : d->v[i];
			continue;
		}
		if (!jv_new_seq(r, JV_TUPLE, 2, o))
			return false;
		o->u.seq->v[0] = d->k[i];
		o->u.seq->v[1] = d->v[i];
	}
	return true;
}

static bool
text_items(struct jrun *r, const struct jv *v, struct jv *out)
{
	size_t n = jtext_chars(v->u.s, v->len), i = 0;

	if (!jv_new_seq(r, JV_LIST, n, out))
		return false;
	for (size_t k = 0; k < n; k++) {
		uint32_t c;
		size_t used = jtext_next(v->u.s + i, v->len - i, &c);

		out->u.seq->v[k] = jv_str(v->u.s + i, used);
		i += used;
	}
	return true;
}

bool
jv_items(struct jrun *r, const struct jv *v, const struct jv **items, size_t *n)
{
	struct jv list = jv_none(), keys;

	*items = NULL;
	*n = 0;
	switch ((enum jv_type)v->type) {
	case JV_UNDEF:
		return true;
	case JV_STR:
		if (!text_items(r, v, &list))
			return false;
		break;
	case JV_LIST:
	case JV_TUPLE:
		list = *v;
		break;
	case JV_ITER:
		*items = v->u.seq->n ? v->u.seq->v + v->u.seq->pos : NULL;
		*n = v->u.seq->n - v->u.seq->pos;
		v->u.seq->pos = v->u.seq->n;
		return true;
	case JV_DICT:
		keys = (struct jv){.type = JV_VIEW, .aux = JV_KEYS, .u.dict = v->u.dict};
		if (!view_items(r, &keys, &list))
			return false;
		break;
	case JV_VIEW:
		if (!view_items(r, v, &list))
			return false;
		break;
	case JV_RANGE:
		if (!jv_new_seq(r, JV_LIST, v->u.range->n, &list))
			return false;
		for (size_t i = 0; i < v->u.range->n; i++)
			list.u.seq->v[i] = jv_range_at(v->u.range, i);
		break;
	default:
		return jrun_fail(r, T2_EINVAL, "'%s' object is not iterable",
				 jv_type_name(v->type));
	}
	*items = list.u.seq->v;
	*n = list.u.seq->n;
	return true;
}

bool
jv_contains(struct jrun *r, const struct jv *needle, const struct jv *in, bool *out)
{
	const struct jv *items, *hit;
	size_t n;

	*out = false;
	if (in->type == JV_STR) {
		if (needle->type != JV_STR)
			return jrun_fail(r, T2_EINVAL,
					 "'in <string>' wants a string on its left, not %s",
					 jv_type_name(needle->type));
		*out = jtext_find(in->u.s, in->len, needle->u.s, needle->len) != NULL;
		return jrun_work(r, in->len / 64);
	}
	if (in->type == JV_DICT || (in->type == JV_VIEW && in->aux == JV_KEYS)) {
		if (!jv_hashable(needle))
			return jrun_fail(r, T2_EINVAL, "unhashable type: '%s'",
					 jv_type_name(needle->type));
		if (!jv_dict_get(r, in->u.dict, needle, &hit))
			return false;
		*out = hit != NULL;
		return true;
	}
	if (!jv_iterable(in))
		return jrun_fail(r, T2_EINVAL, "argument of type '%s' is not iterable",
				 jv_type_name(in->type));
	if (!jv_items(r, in, &items, &n))
		return false;
	for (size_t i = 0; i < n && !*out; i++)
		if (!jv_equal(r, &items[i], needle, out))
			return false;
	return true;
}
