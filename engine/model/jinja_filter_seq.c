/* jinja_filter_seq.c - filters of lists and dicts. */
#include <stdlib.h>
#include <string.h>

#include "engine/model/jinja_run.h"
#include "engine/model/jinja_text.h"

static bool
none_given(struct jrun *r, const char *what, const struct jargs *a)
{
	return jargs_bind(r, what, a, "", NULL);
}

/* A dotted path such as "function.name" or "items.0"; a part that is all digits is an index. */
static bool
path_get(struct jrun *r, const struct jv *v, const struct jv *path, struct jv *out)
{
	struct jv cur = *v, next;
	size_t i = 0;

	if (path->type == JV_NONE) {
		*out = cur;
		return true;
	}
	if (path->type != JV_STR)
		return jitem(r, &cur, path, out);
	for (;;) {
		const char *s = path->u.s + i, *dot = memchr(s, '.', path->len - i);
		size_t n = dot ? (size_t)(dot - s) : path->len - i, digits = 0;
		struct jv key = jv_str(s, n);

		while (digits < n && digits < 9 && s[digits] >= '0' && s[digits] <= '9')
			digits++;
		if (n && digits == n) {
			key = jv_int(0);
			for (size_t k = 0; k < n; k++)
				key.u.i = key.u.i * 10 + (s[k] - '0');
		}
		if (!jrun_work(r, 1) || !jitem(r, &cur, &key, &next))
			return false;
		cur = next;
		if (!dot)
			break;
		i += n + 1;
	}
	*out = cur;
	return true;
}

/* What is compared when case does not matter. */
static bool
fold(struct jrun *r, const struct jv *v, bool case_sensitive, struct jv *out)
{
	if (v->type == JV_STR && !case_sensitive)
		return jtext_case(r, v, JTEXT_LOWER, out);
	*out = *v;
	return true;
}

static bool
copy_seq(struct jrun *r, enum jv_type t, const struct jv *items, size_t n, struct jv *out)
{
	struct jv v;

	if (!jv_new_seq(r, t, n, &v))
		return false;
	if (n)
		memcpy(v.u.seq->v, items, n * sizeof *items);
	*out = v;
	return true;
}

static bool
filter_length(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	size_t n;

	if (!none_given(r, "length", a))
		return false;
	if (!jv_length(v, &n))
		return jrun_fail(r, T2_EINVAL, "object of type '%s' has no length",
				 jv_type_name(v->type));
	*out = jv_int((long long)n);
	return jrun_work(r, v->type == JV_STR ? v->len / 64 : 0);
}

static bool
filter_first(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	const struct jv *items;
	size_t n;

	if (!none_given(r, "first", a))
		return false;
	if (v->type == JV_ITER) { /* takes one and leaves the others */
		struct jv_seq *s = v->u.seq;

		*out = s->pos < s->n ? s->v[s->pos++] : jv_undef(JV_NO_ITEM, NULL, 0);
		return true;
	}
	if (!jv_items(r, v, &items, &n))
		return false;
	*out = n ? items[0] : jv_undef(JV_NO_ITEM, NULL, 0);
	return true;
}

static bool
filter_last(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	const struct jv *items;
	size_t n;

	if (!none_given(r, "last", a))
		return false;
	if (v->type == JV_ITER)
		return jrun_fail(r, T2_EINVAL, "last: a generator cannot be reversed");
	if (!jv_items(r, v, &items, &n))
		return false;
	*out = n ? items[n - 1] : jv_undef(JV_NO_ITEM, NULL, 0);
	return true;
}

static bool
filter_list(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	const struct jv *items;
	size_t n;

	return none_given(r, "list", a) && jv_items(r, v, &items, &n) &&
	       copy_seq(r, JV_LIST, items, n, out);
}

static bool
filter_items(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	const struct jv *items = NULL;
	struct jv view;
	size_t n = 0;

	if (!none_given(r, "items", a))
		return false;
	if (v->type != JV_UNDEF && v->type != JV_DICT)
		return jrun_fail(r, T2_EINVAL, "items wants a mapping, not %s",
				 jv_type_name(v->type));
	if (v->type == JV_DICT &&
	    (!jv_new_view(r, v, JV_ITEMS, &view) || !jv_items(r, &view, &items, &n)))
		return false;
	return copy_seq(r, JV_ITER, items, n, out);
}

static bool
filter_join(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv arg[2] = {jv_str("", 0), jv_none()}, sep, item;
	const struct jv *items;
	struct strbuf b = {0};
	bool ok;
	size_t n;

	if (!jargs_bind(r, "join", a, "d attribute", arg) || !jv_to_str(r, &arg[0], &sep) ||
	    !jv_items(r, v, &items, &n))
		return false;
	ok = true;
	for (size_t i = 0; ok && i < n; i++)
		ok = (!i || jbuf_add(r, &b, sep.u.s, sep.len)) &&
		     path_get(r, &items[i], &arg[1], &item) && jv_print(r, &b, &item, JV_AS_STR);
	ok = ok && jbuf_take(r, &b, out);
	strbuf_free(&b);
	return ok;
}

static bool
filter_reverse(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv none = jv_none(), back = jv_int(-1);
	const struct jv *items;
	struct jv_seq *s;
	size_t n;

	if (!none_given(r, "reverse", a))
		return false;
	if (v->type == JV_STR)
		return jslice(r, v, &none, &none, &back, out);
	/* a generator gives a list, everything else an iterator */
	if (!jv_items(r, v, &items, &n) ||
	    !copy_seq(r, v->type == JV_ITER ? JV_LIST : JV_ITER, items, n, out))
		return false;
	s = out->u.seq;
	for (size_t i = 0; i < n / 2; i++) {
		struct jv t = s->v[i];

		s->v[i] = s->v[n - 1 - i];
		s->v[n - 1 - i] = t;
	}
	return true;
}

/* Stable merge sort of idx[] by key[]; idx and tmp hold n indices. */
static bool
merge_sort(struct jrun *r, const struct jv *key, size_t *idx, size_t *tmp, size_t n, bool reverse)
{
	for (size_t width = 1; width < n; width *= 2) {
		for (size_t lo = 0; lo < n; lo += 2 * width) {
			size_t mid = lo + width < n ? lo + width : n,
			       hi = lo + 2 * width < n ? lo + 2 * width : n;
			size_t i = lo, j = mid;

			for (size_t k = lo; k < hi; k++) {
				int c = 0;

				if (i < mid && j < hi &&
				    !jv_order(r, &key[idx[j]], &key[idx[i]], "<", &c))
					return false;
				/* the right one goes first only where it is strictly before the left one */
				if (i == mid || (j < hi && (reverse ? c == 1 : c < 0)))
					tmp[k] = idx[j++];
				else
					tmp[k] = idx[i++];
			}
		}
		memcpy(idx, tmp, n * sizeof *idx);
	}
	return true;
}

static bool
sort_by(struct jrun *r, const struct jv *items, const struct jv *key, size_t n, bool reverse,
	struct jv *out)
{
	size_t *idx = n ? jrun_alloc(r, n, 2 * sizeof *idx) : NULL;
	struct jv v;

	if ((n && !idx) || !jv_new_seq(r, JV_LIST, n, &v))
		return false;
	for (size_t i = 0; i < n; i++)
		idx[i] = i;
	if (n > 1 && !merge_sort(r, key, idx, idx + n, n, reverse))
		return false;
	for (size_t i = 0; i < n; i++)
		v.u.seq->v[i] = items[idx[i]];
	*out = v;
	return true;
}

/* One key for each item: the list of the attributes "a,b" or the item itself. */
static bool
sort_key(struct jrun *r, const struct jv *item, const struct jv *attribute, bool case_sensitive,
	 struct jv *out)
{
	size_t parts = 1, i = 0, k = 0;
	struct jv v;

	if (attribute->type != JV_STR)
		return path_get(r, item, attribute, &v) && fold(r, &v, case_sensitive, out);
	for (size_t c = 0; c < attribute->len; c++)
		parts += attribute->u.s[c] == ',';
	if (!jv_new_seq(r, JV_LIST, parts, out))
		return false;
	for (; k < parts; k++) {
		const char *s = attribute->u.s + i, *comma = memchr(s, ',', attribute->len - i);
		struct jv path = jv_str(s, comma ? (size_t)(comma - s) : attribute->len - i);

		if (!path_get(r, item, &path, &v) ||
		    !fold(r, &v, case_sensitive, &out->u.seq->v[k]))
			return false;
		i += path.len + 1;
	}
	return true;
}

static bool
filter_sort(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv arg[3] = {jv_bool(false), jv_bool(false), jv_none()}, *key;
	const struct jv *items;
	size_t n;

	if (!jargs_bind(r, "sort", a, "reverse case_sensitive attribute", arg) ||
	    !jv_items(r, v, &items, &n))
		return false;
	key = jrun_alloc(r, n + 1, sizeof *key);
	if (!key)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!sort_key(r, &items[i], &arg[2], jv_truth(&arg[1]), &key[i]))
			return false;
	return sort_by(r, items, key, n, jv_truth(&arg[0]), out);
}

static bool
filter_dictsort(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv arg[3] = {jv_bool(false), jv_str("key", 3), jv_bool(false)}, view, *key;
	const struct jv *items, *from;
	size_t n;

	if (!jargs_bind(r, "dictsort", a, "case_sensitive by reverse", arg))
		return false;
	if (v->type == JV_UNDEF)
		return jundef_fail(r, v);
	if (v->type != JV_DICT)
		return jrun_fail(r, T2_EINVAL, "dictsort wants a mapping, not %s",
				 jv_type_name(v->type));
	if (!jv_is(&arg[1], "key", 3) && !jv_is(&arg[1], "value", 5))
		return jrun_fail(r, T2_EINVAL, "dictsort: by is key or value");
	if (!jv_new_view(r, v, JV_ITEMS, &view) || !jv_items(r, &view, &items, &n))
		return false;
	key = jrun_alloc(r, n + 1, sizeof *key);
	if (!key)
		return false;
	from = arg[1].len == 3 ? v->u.dict->k : v->u.dict->v;
	for (size_t i = 0; i < n; i++)
		if (!fold(r, &from[i], jv_truth(&arg[0]), &key[i]))
			return false;
	return sort_by(r, items, key, n, jv_truth(&arg[2]), out);
}

static bool
filter_unique(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv arg[2] = {jv_bool(false), jv_none()}, *key, got, result;
	const struct jv *items;
	size_t n, kept = 0;

	if (!jargs_bind(r, "unique", a, "case_sensitive attribute", arg) ||
	    !jv_items(r, v, &items, &n))
		return false;
	key = jrun_alloc(r, n + 1, sizeof *key);
	if (!key || !jv_new_seq(r, JV_ITER, n, &result))
		return false;
	for (size_t i = 0; i < n; i++) {
		bool seen = false;

		if (!path_get(r, &items[i], &arg[1], &got) ||
		    !fold(r, &got, jv_truth(&arg[0]), &key[kept]))
			return false;
		if (!jv_hashable(&key[kept]))
			return jrun_fail(r, T2_EINVAL, "unique: unhashable type: '%s'",
					 jv_type_name(key[kept].type));
		for (size_t k = 0; k < kept && !seen; k++)
			if (!jv_equal(r, &key[k], &key[kept], &seen))
				return false;
		if (!seen)
			result.u.seq->v[kept++] = items[i];
	}
	result.u.seq->n = kept;
	*out = result;
	return true;
}

static bool
extreme(struct jrun *r, const char *what, const struct jv *v, const struct jargs *a, int want,
	struct jv *out)
{
	struct jv arg[2] = {jv_bool(false), jv_none()}, got, key, best = jv_none();
	const struct jv *items;
	size_t n, at = 0;
	int c;

	if (!jargs_bind(r, what, a, "case_sensitive attribute", arg) || !jv_items(r, v, &items, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!path_get(r, &items[i], &arg[1], &got) ||
		    !fold(r, &got, jv_truth(&arg[0]), &key))
			return false;
		if (i && !jv_order(r, &key, &best, want < 0 ? "<" : ">", &c))
			return false;
		if (!i || c == want) {
			best = key;
			at = i;
		}
	}
	*out = n ? items[at] : jv_undef(JV_NO_ITEM, NULL, 0);
	return true;
}

static bool
filter_min(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	return extreme(r, "min", v, a, -1, out);
}

static bool
filter_max(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	return extreme(r, "max", v, a, 1, out);
}

static bool
filter_sum(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv arg[2] = {jv_none(), jv_int(0)}, got, sum;
	const struct jv *items;
	size_t n;

	if (!jargs_bind(r, "sum", a, "attribute start", arg) || !jv_items(r, v, &items, &n))
		return false;
	sum = arg[1];
	if (sum.type == JV_STR)
		return jrun_fail(r, T2_EINVAL, "sum: strings are joined, not summed");
	for (size_t i = 0; i < n; i++)
		if (!jrun_work(r, 1) || !path_get(r, &items[i], &arg[0], &got) ||
		    !jop(r, '+', &sum, &got, &sum))
			return false;
	*out = sum;
	return true;
}

static bool
filter_batch(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv arg[2] = {jv_none(), jv_none()}, result;
	const struct jv *items;
	long long width;
	size_t n, rows;

	if (!jargs_bind(r, "batch", a, "!linecount fill_with", arg) ||
	    !jargs_int(r, "batch", &arg[0], &width) || !jv_items(r, v, &items, &n))
		return false;
	if (width < 1)
		return jrun_unsupported(r, "batch of less than one");
	rows = n ? (n - 1) / (size_t)width + 1 : 0;
	if (!jv_new_seq(r, JV_ITER, rows, &result))
		return false;
	for (size_t i = 0; i < rows; i++) {
		size_t from = i * (size_t)width, left = n - from,
		       k = left < (size_t)width ? left : (size_t)width;
		size_t all = arg[1].type == JV_NONE ? k : (size_t)width;
		struct jv *row = &result.u.seq->v[i];

		if (!jv_new_seq(r, JV_LIST, all, row))
			return false;
		for (size_t j = 0; j < all; j++)
			row->u.seq->v[j] = j < k ? items[from + j] : arg[1];
	}
	*out = result;
	return true;
}

/* The arguments behind the first n. */
static struct jargs
rest_of(const struct jargs *a, size_t n)
{
	return (struct jargs){n ? a->pos + n : a->pos, a->npos - n, a->kw, a->nkw};
}

static bool
filter_map(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv arg[2] = {jv_none(), jv_none()}, result;
	const struct jfilter *f = NULL;
	const struct jv *items;
	struct jargs rest = {0};
	size_t n;

	if (!jv_truth(v)) {
		return copy_seq(r, JV_ITER, NULL, 0, out);
	} else if (a->npos) {
		if (!jargs_str(r, "map", &a->pos[0]))
			return false;
		f = jfilter_find(a->pos[0].u.s, a->pos[0].len);
		rest = rest_of(a, 1);
	} else if (!jargs_bind(r, "map", a, "attribute default", arg)) {
		return false;
	}
	if (!a->npos && !a->nkw)
		return jrun_fail(r, T2_EINVAL, "map wants a filter's name or an attribute");
	if (!jv_items(r, v, &items, &n) || !jv_new_seq(r, JV_ITER, n, &result))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct jv *got = &result.u.seq->v[i];

		if (!jrun_work(r, 1))
			return false;
		if (a->npos) {
			if (!jfilter_call(r, &a->pos[0], f, &items[i], &rest, got))
				return false;
			continue;
		}
		if (!path_get(r, &items[i], &arg[0], got))
			return false;
		if (got->type == JV_UNDEF && arg[1].type != JV_NONE)
			*got = arg[1];
	}
	*out = result;
	return true;
}

/* select, reject, selectattr and rejectattr. */
static bool
pick(struct jrun *r, const char *what, const struct jv *v, const struct jargs *a, bool attribute,
     bool want, struct jv *out)
{
	struct jargs test = rest_of(a, attribute && a->npos ? 1 : 0), rest;
	struct jv name = jv_none(), result, got;
	const struct jtest *t = NULL;
	const struct jv *items;
	size_t n, kept = 0;
	bool yes;

	if (attribute && !a->npos)
		return jrun_fail(r, T2_EINVAL, "%s wants an attribute", what);
	rest = test;
	if (test.npos) {
		name = test.pos[0];
		if (!jargs_str(r, what, &name))
			return false;
		t = jtest_find(name.u.s, name.len);
		rest = rest_of(&test, 1);
	}
	if (!jv_truth(v))
		return copy_seq(r, JV_ITER, NULL, 0, out);
	if (!jv_items(r, v, &items, &n) || !jv_new_seq(r, JV_ITER, n, &result))
		return false;
	for (size_t i = 0; i < n; i++) {
		got = items[i];
		if (!jrun_work(r, 1) || (attribute && !path_get(r, &items[i], &a->pos[0], &got)))
			return false;
		if (!test.npos)
			yes = jv_truth(&got);
		else if (!jtest_call(r, &name, t, &got, &rest, &yes))
			return false;
		if (yes == want)
			result.u.seq->v[kept++] = items[i];
	}
	result.u.seq->n = kept;
	*out = result;
	return true;
}

static bool
filter_select(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	return pick(r, "select", v, a, false, true, out);
}

static bool
filter_reject(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	return pick(r, "reject", v, a, false, false, out);
}

static bool
filter_selectattr(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	return pick(r, "selectattr", v, a, true, true, out);
}

static bool
filter_rejectattr(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	return pick(r, "rejectattr", v, a, true, false, out);
}

const struct jfilter jfilter_seq_table[] = {
	{"batch", filter_batch},
	{"count", filter_length},
	{"dictsort", filter_dictsort},
	{"first", filter_first},
	{"items", filter_items},
	{"join", filter_join},
	{"last", filter_last},
	{"length", filter_length},
	{"list", filter_list},
	{"map", filter_map},
	{"max", filter_max},
	{"min", filter_min},
	{"reject", filter_reject},
	{"rejectattr", filter_rejectattr},
	{"reverse", filter_reverse},
	{"select", filter_select},
	{"selectattr", filter_selectattr},
	{"sort", filter_sort},
	{"sum", filter_sum},
	{"unique", filter_unique},
	{NULL, NULL},
};
