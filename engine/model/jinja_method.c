/* jinja_method.c - methods of dicts and lists; the look-up for all kinds.  A name that Python has and we have not is in
 * the table without a function, so that it is refused by name instead of being undefined. */
#include <string.h>

#include "engine/model/jinja_run.h"
#include "engine/model/jinja_text.h"

static bool
view(struct jrun *r, const char *what, const struct jv *self, const struct jargs *a,
     enum jv_view which, struct jv *out)
{
	return jargs_bind(r, what, a, "", NULL) && jv_new_view(r, self, which, out);
}

static bool
dict_keys(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return view(r, "keys()", self, a, JV_KEYS, out);
}

static bool
dict_values(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return view(r, "values()", self, a, JV_VALUES, out);
}

static bool
dict_items(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return view(r, "items()", self, a, JV_ITEMS, out);
}

static bool
dict_get(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	struct jv arg[2] = {jv_none(), jv_none()};
	const struct jv *hit;

	if (a->nkw)
		return jrun_fail(r, T2_EINVAL, "get() takes no keyword arguments");
	if (!jargs_bind(r, "get()", a, "!key default", arg))
		return false;
	if (!jv_hashable(&arg[0]))
		return jrun_fail(r, T2_EINVAL, "unhashable type: '%s'", jv_type_name(arg[0].type));
	if (!jv_dict_get(r, self->u.dict, &arg[0], &hit))
		return false;
	*out = hit ? *hit : arg[1];
	return true;
}

/* Values cannot change, so the copy is the thing itself. */
static bool
any_copy(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	*out = *self;
	return jargs_bind(r, "copy()", a, "", NULL);
}

static bool
seq_count(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	long long n = 0;
	struct jv what;

	if (!jargs_bind(r, "count()", a, "!value", &what))
		return false;
	for (size_t i = 0; i < self->u.seq->n; i++) {
		bool eq;

		if (!jv_equal(r, &self->u.seq->v[i], &what, &eq))
			return false;
		n += eq;
	}
	*out = jv_int(n);
	return true;
}

static bool
seq_index(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	struct jv what;

	if (!jargs_bind(r, "index()", a, "!value", &what))
		return false;
	for (size_t i = 0; i < self->u.seq->n; i++) {
		bool eq;

		if (!jv_equal(r, &self->u.seq->v[i], &what, &eq))
			return false;
		if (eq) {
			*out = jv_int((long long)i);
			return true;
		}
	}
	return jrun_fail(r, T2_EINVAL, "index(): it is not in the list");
}

const struct jmethod jmethod_data_table[] = {
	{JV_DICT, JMETHOD_CHANGES, "clear", NULL},
	{JV_DICT, 0, "copy", any_copy},
	{JV_DICT, 0, "fromkeys", NULL},
	{JV_DICT, 0, "get", dict_get},
	{JV_DICT, 0, "items", dict_items},
	{JV_DICT, 0, "keys", dict_keys},
	{JV_DICT, JMETHOD_CHANGES, "pop", NULL},
	{JV_DICT, JMETHOD_CHANGES, "popitem", NULL},
	{JV_DICT, JMETHOD_CHANGES, "setdefault", NULL},
	{JV_DICT, JMETHOD_CHANGES, "update", NULL},
	{JV_DICT, 0, "values", dict_values},
	{JV_LIST, JMETHOD_CHANGES, "append", NULL},
	{JV_LIST, JMETHOD_CHANGES, "clear", NULL},
	{JV_LIST, 0, "copy", any_copy},
	{JV_LIST, 0, "count", seq_count},
	{JV_LIST, JMETHOD_CHANGES, "extend", NULL},
	{JV_LIST, 0, "index", seq_index},
	{JV_LIST, JMETHOD_CHANGES, "insert", NULL},
	{JV_LIST, JMETHOD_CHANGES, "pop", NULL},
	{JV_LIST, JMETHOD_CHANGES, "remove", NULL},
	{JV_LIST, JMETHOD_CHANGES, "reverse", NULL},
	{JV_LIST, JMETHOD_CHANGES, "sort", NULL},
	{JV_TUPLE, 0, "count", seq_count},
	{JV_TUPLE, 0, "index", seq_index},
	{JV_INT, 0, "as_integer_ratio", NULL},
	{JV_INT, 0, "bit_count", NULL},
	{JV_INT, 0, "bit_length", NULL},
	{JV_INT, 0, "conjugate", NULL},
	{JV_INT, 0, "denominator", NULL},
	{JV_INT, 0, "from_bytes", NULL},
	{JV_INT, 0, "imag", NULL},
	{JV_INT, 0, "numerator", NULL},
	{JV_INT, 0, "real", NULL},
	{JV_INT, 0, "to_bytes", NULL},
	{JV_FLOAT, 0, "as_integer_ratio", NULL},
	{JV_FLOAT, 0, "conjugate", NULL},
	{JV_FLOAT, 0, "fromhex", NULL},
	{JV_FLOAT, 0, "hex", NULL},
	{JV_FLOAT, 0, "imag", NULL},
	{JV_FLOAT, 0, "is_integer", NULL},
	{JV_FLOAT, 0, "real", NULL},
	{0, 0, NULL, NULL},
};

const struct jmethod *
jmethod_find(enum jv_type t, const char *name, size_t len)
{
	static const struct jmethod *const table[] = {jmethod_text_table, jmethod_data_table};

	for (size_t k = 0; k < 2; k++)
		for (const struct jmethod *m = table[k]; m->name; m++)
			if (m->type == t && strlen(m->name) == len && !memcmp(m->name, name, len))
				return m;
	return NULL;
}

bool
jmethod_call(struct jrun *r, const struct jv_method *m, const struct jargs *a, struct jv *out)
{
	if (!m->m->fn)
		return jrun_fail(r, T2_EUNSUP, "method '%s' of %s is not supported", m->m->name,
				 jv_type_name(m->self.type));
	return m->m->fn(r, &m->self, a, out);
}
