/* jinja_attr.c - a.name, a[key], a[i:j:k], as Jinja2's sandbox resolves them. */
#include <string.h>

#include "engine/model/jinja_run.h"
#include "engine/model/jinja_text.h"

bool
jundef_fail(struct jrun *r, const struct jv *v)
{
	int n = v->len > 100 ? 100 : (int)v->len;

	switch (v->aux) {
	case JV_NO_NAME:
		return jrun_fail(r, T2_EINVAL, "'%.*s' is undefined", n, v->u.s);
	case JV_NO_PARAM:
		return jrun_fail(r, T2_EINVAL, "parameter '%.*s' was not provided", n, v->u.s);
	case JV_NO_ELSE:
		return jrun_fail(r, T2_EINVAL, "an inline if was false and has no else");
	case JV_NO_ITEM:
		return jrun_fail(r, T2_EINVAL, "there is no such item");
	case JV_UNSAFE:
		return jrun_fail(r, T2_EINVAL,
				 "'%.*s' would change its object, which templates may not", n,
				 v->u.s);
	}
	if (!v->u.s)
		return jrun_fail(r, T2_EINVAL, "%s object has no such element",
				 jv_type_name(v->aux));
	return jrun_fail(r, T2_EINVAL, "'%s object' has no attribute '%.*s'", jv_type_name(v->aux),
			 n, v->u.s);
}

/* What getattr() of Python gives; *found false: AttributeError. */
static bool
python_attr(struct jrun *r, const struct jv *v, const struct jv *name, struct jv *out, bool *found)
{
	const struct jv *hit;
	const struct jmethod *m;
	struct jv_method *bound;

	*found = true;
	switch ((enum jv_type)v->type) {
	case JV_UNDEF:
		return jundef_fail(r, v);
	case JV_NS:
		hit = jv_dict_name(v->u.dict, name->u.s, name->len);
		*found = hit != NULL;
		if (hit)
			*out = *hit;
		return true;
	case JV_LOOP:
		if (!jloop_attr(r, v, name, out))
			return false;
		*found = out->type != JV_UNDEF || out->aux == JV_NO_ITEM;
		return true;
	case JV_CYCLER:
		if (!jcycler_attr(r, v, name, out))
			return false;
		*found = out->type != JV_UNDEF;
		return true;
	case JV_MACRO:
	case JV_FUNC:
	case JV_METHOD:
	case JV_JOINER:
	case JV_ITER:
	case JV_VIEW:
	case JV_RANGE:
		return jrun_fail(r, T2_EUNSUP, "attribute '%.*s' of a %s is not supported",
				 name->len > 100 ? 100 : (int)name->len, name->u.s,
				 jv_type_name(v->type));
	default:
		break;
	}
	m = jmethod_find(v->type, name->u.s, name->len);
	*found = m != NULL;
	if (!m)
		return true;
	if (m->flags & JMETHOD_CHANGES) {
		*out = jv_undef(JV_UNSAFE, name->u.s, name->len);
		return true;
	}
	bound = jrun_alloc(r, 1, sizeof *bound);
	if (!bound)
		return false;
	*bound = (struct jv_method){*v, m};
	*out = (struct jv){.type = JV_METHOD, .u.method = bound};
	return true;
}

/* Attribute first, item second: message.items is the method even where the message has such a key. */
bool
jattr(struct jrun *r, const struct jv *v, const struct jv *name, struct jv *out)
{
	const struct jv *hit = NULL;
	bool found;

	if (name->len > 4 && !memcmp(name->u.s, "__", 2) &&
	    !memcmp(name->u.s + name->len - 2, "__", 2) && v->type != JV_UNDEF)
		return jrun_fail(r, T2_EUNSUP, "attribute '%.*s' is not supported",
				 name->len > 100 ? 100 : (int)name->len, name->u.s);
	if (!python_attr(r, v, name, out, &found))
		return false;
	if (found)
		return true;
	if (v->type == JV_DICT && !jv_dict_get(r, v->u.dict, name, &hit))
		return false;
	*out = hit ? *hit : jv_undef(v->type, name->u.s, name->len);
	return true;
}

/* Position of an index counted from either end; false: outside. */
static bool
position(long long i, size_t n, size_t *out)
{
	if (i < 0)
		i += (long long)n;
	*out = (size_t)i;
	return i >= 0 && (size_t)i < n;
}

static bool
python_item(struct jrun *r, const struct jv *v, const struct jv *key, struct jv *out, bool *found)
{
	const struct jv *hit;
	long long i;
	size_t n, k, end;

	*found = false;
	if (v->type == JV_UNDEF)
		return jundef_fail(r, v);
	if (v->type == JV_DICT) {
		if (!jv_hashable(key))
			return true;
		if (!jv_dict_get(r, v->u.dict, key, &hit))
			return false;
		*found = hit != NULL;
		if (hit)
			*out = *hit;
		return true;
	}
	if (!jv_as_int(key, &i))
		return true;
	switch ((enum jv_type)v->type) {
	case JV_LIST:
	case JV_TUPLE:
		*found = position(i, v->u.seq->n, &k);
		if (*found)
			*out = v->u.seq->v[k];
		return true;
	case JV_RANGE:
		*found = position(i, v->u.range->n, &k);
		if (*found)
			*out = jv_range_at(v->u.range, k);
		return true;
	case JV_STR:
		n = jtext_chars(v->u.s, v->len);
		*found = position(i, n, &k);
		if (*found) {
			k = jtext_offset(v->u.s, v->len, k);
			end = k + jtext_offset(v->u.s + k, v->len - k, 1);
			*out = jv_str(v->u.s + k, end - k);
			out->aux = v->aux;
		}
		return jrun_work(r, v->len / 64);
	default:
		return true;
	}
}

bool
jitem(struct jrun *r, const struct jv *v, const struct jv *key, struct jv *out)
{
	struct jv src = *v, k = *key;
	bool found;

	if (!python_item(r, &src, &k, out, &found))
		return false;
	if (!found && k.type == JV_STR && !python_attr(r, &src, &k, out, &found))
		return false;
	if (!found)
		*out = k.type == JV_STR ? jv_undef(src.type, k.u.s, k.len)
					: jv_undef(src.type, NULL, 0);
	return true;
}

static bool
slice_index(struct jrun *r, const struct jv *v, bool *given, long long *out)
{
	*given = v && v->type != JV_NONE;
	if (!*given || jv_as_int(v, out))
		return true;
	return jrun_fail(r, T2_EINVAL, "slice indices are integers or none, not %s",
			 jv_type_name(v->type));
}

/* The index of one end, clamped as Python does: lo and hi bound it. */
static long long
clamp(long long i, long long n, long long lo, long long hi)
{
	if (i < 0)
		i = i < -n ? -1 - n : i + n;
	return i < lo ? lo : i > hi ? hi : i;
}

static bool
slice_text(struct jrun *r, const struct jv *v, long long start, long long step, size_t count,
	   struct jv *out)
{
	const struct jv *items;
	size_t n, a, b;
	struct strbuf buf = {0};
	bool ok = true;

	if (step == 1 || !count) {
		a = jtext_offset(v->u.s, v->len, count ? (size_t)start : 0);
		b = a + jtext_offset(v->u.s + a, v->len - a, count);
		*out = jv_str(v->u.s + a, b - a);
		out->aux = v->aux;
		return jrun_work(r, v->len / 64);
	}
	if (!jv_items(r, v, &items, &n))
		return false;
	for (size_t k = 0; ok && k < count; k++) {
		const struct jv *c = &items[start + (long long)k * step];

		ok = jrun_work(r, 1) && jbuf_add(r, &buf, c->u.s, c->len);
	}
	a = v->aux;
	ok = ok && jbuf_take(r, &buf, out);
	strbuf_free(&buf);
	if (ok)
		out->aux = (unsigned char)a;
	return ok;
}

static bool
slice_range(struct jrun *r, const struct jv_range *g, long long start, long long stop,
	    long long step, size_t count, struct jv *out)
{
	struct jv_range *s = jrun_alloc(r, 1, sizeof *s);

	if (!s)
		return false;
	if (__builtin_mul_overflow(g->step, step, &s->step))
		return jrun_fail(r, T2_EUNSUP, "integer beyond 64 bits");
	s->start = g->start + start * g->step;
	s->stop = g->start + stop * g->step;
	s->n = count;
	*out = (struct jv){.type = JV_RANGE, .u.range = s};
	return true;
}

bool
jslice(struct jrun *r, const struct jv *v, const struct jv *start, const struct jv *stop,
       const struct jv *step, struct jv *out)
{
	long long i = 0, j = 0, k = 1, n;
	bool has_i, has_j, has_k;
	size_t len, count;

	if (v->type == JV_UNDEF)
		return jundef_fail(r, v);
	if (!slice_index(r, start, &has_i, &i) || !slice_index(r, stop, &has_j, &j) ||
	    !slice_index(r, step, &has_k, &k))
		return false;
	if (has_k && !k)
		return jrun_fail(r, T2_EINVAL, "slice step cannot be zero");
	if (v->type != JV_STR && v->type != JV_LIST && v->type != JV_TUPLE && v->type != JV_RANGE)
		return jrun_fail(r, T2_EINVAL, "'%s' object cannot be sliced",
				 jv_type_name(v->type));
	jv_length(v, &len);
	n = (long long)len;
	if (k < -n - 1)
		k = -n - 1; /* a step over the end: the same single item, and no overflow below */
	if (k > n + 1)
		k = n + 1;
	if (k > 0) {
		i = has_i ? clamp(i, n, 0, n) : 0;
		j = has_j ? clamp(j, n, 0, n) : n;
		count = j > i ? (size_t)((j - i - 1) / k + 1) : 0;
	} else {
		i = has_i ? clamp(i, n, -1, n - 1) : n - 1;
		j = has_j ? clamp(j, n, -1, n - 1) : -1;
		count = i > j ? (size_t)((i - j - 1) / -k + 1) : 0;
	}
	if (v->type == JV_STR)
		return slice_text(r, v, i, k, count, out);
	if (v->type == JV_RANGE)
		return slice_range(r, v->u.range, i, j, k, count, out);
	{
		const struct jv_seq *from = v->u.seq;

		if (!jv_new_seq(r, v->type, count, out))
			return false;
		for (size_t m = 0; m < count; m++)
			out->u.seq->v[m] = from->v[i + (long long)m * k];
	}
	return true;
}
