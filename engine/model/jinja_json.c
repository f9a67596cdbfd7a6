/* jinja_json.c - JSON in (the variables) and out (tojson, as Python's json.dumps writes it). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/jinja_run.h"
#include "engine/model/jinja_text.h"

static bool
from_object(struct jrun *r, const json_t *j, struct jv *out)
{
	struct jv_dict *d;
	void *it;

	if (!jv_new_dict(r, JV_DICT, json_object_size(j), out))
		return false;
	d = out->u.dict;
	/* jansson keeps the order of the text; its keys are unique already */
	for (it = json_object_iter((json_t *)j); it; it = json_object_iter_next((json_t *)j, it)) {
		size_t len = json_object_iter_key_len(it);

		d->k[d->n] = jv_str(json_object_iter_key(it), len);
		if (!jv_from_json(r, json_object_iter_value(it), &d->v[d->n]))
			return false;
		d->n++;
	}
	return true;
}

static bool
from_array(struct jrun *r, const json_t *j, struct jv *out)
{
	if (!jv_new_seq(r, JV_LIST, json_array_size(j), out))
		return false;
	for (size_t i = 0; i < out->u.seq->n; i++)
		if (!jv_from_json(r, json_array_get(j, i), &out->u.seq->v[i]))
			return false;
	return true;
}

/* Strings stay where jansson has them: the caller's JSON outlives the rendering. */
bool
jv_from_json(struct jrun *r, const json_t *j, struct jv *out)
{
	bool ok = true;

	if (!jrun_work(r, 1))
		return false;
	if (r->value == JINJA_VALUE_MAX)
		return jrun_fail(r, T2_EUNSUP, "variables nested over %d deep", JINJA_VALUE_MAX);
	r->value++;
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		ok = from_object(r, j, out);
		break;
	case JSON_ARRAY:
		ok = from_array(r, j, out);
		break;
	case JSON_STRING:
		*out = jv_str(json_string_value(j), json_string_length(j));
		break;
	case JSON_INTEGER:
		*out = jv_int(json_integer_value(j));
		break;
	case JSON_REAL:
		*out = jv_float(json_real_value(j));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		*out = jv_bool(json_is_true(j));
		break;
	case JSON_NULL:
		*out = jv_none();
		break;
	}
	r->value--;
	return ok;
}

static bool
dump_text(struct jrun *r, struct strbuf *b, const struct jv *v, bool ascii)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	size_t i = 0;

	if (!jrun_work(r, v->len / 16) || !jbuf_text(r, b, "\""))
		return false;
	while (i < v->len) {
		uint32_t c;
		size_t n = jtext_next(v->u.s + i, v->len - i, &c);
		const char *hit = c && c < 0x80 ? strchr(from, (int)c) : NULL;
		char esc[16] = "";
		bool ok;

		if (hit)
			snprintf(esc, sizeof esc, "\\%c", to[hit - from]);
		else if (c < ' ' || (ascii && c > 0x7e && c < 0x10000))
			snprintf(esc, sizeof esc, "\\u%04x", c);
		else if (ascii && c >= 0x10000)
			snprintf(esc, sizeof esc, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10),
				 0xdc00 + (c & 0x3ff));
		ok = esc[0] ? jbuf_text(r, b, esc) : jbuf_add(r, b, v->u.s + i, n);
		if (!ok)
			return false;
		i += n;
	}
	return jbuf_text(r, b, "\"");
}

static bool
dump_float(struct jrun *r, struct strbuf *b, double f)
{
	char buf[40];

	if (isnan(f) || isinf(f))
		return jbuf_text(r, b, isnan(f) ? "NaN" : f < 0 ? "-Infinity" : "Infinity");
	return jbuf_add(r, b, buf, jv_float_text(f, buf));
}

static bool
newline(struct jrun *r, struct strbuf *b, const struct jdump *how)
{
	if (!how->pretty)
		return true;
	if (!jbuf_text(r, b, "\n"))
		return false;
	for (int i = 0; i < how->depth; i++)
		if (!jbuf_add(r, b, how->indent.u.s, how->indent.len))
			return false;
	return true;
}

/* Between two entries, or in front of the first. */
static bool
next_entry(struct jrun *r, struct strbuf *b, const struct jdump *how, size_t i)
{
	return (!i || jbuf_add(r, b, how->item_sep.u.s, how->item_sep.len)) && newline(r, b, how);
}

static bool
dump_key(struct jrun *r, struct strbuf *b, const struct jv *k, struct jdump *how)
{
	switch ((enum jv_type)k->type) {
	case JV_STR:
		return dump_text(r, b, k, how->ascii);
	case JV_NONE:
	case JV_BOOL:
	case JV_INT:
	case JV_FLOAT:
		return jbuf_text(r, b, "\"") && jdump_value(r, b, k, how) && jbuf_text(r, b, "\"");
	default:
		return jrun_fail(r, T2_EINVAL, "tojson: a key cannot be a %s",
				 jv_type_name(k->type));
	}
}

struct key_order {
	size_t i;
	const struct jv *k;
};

static int
by_key(const void *a, const void *b)
{
	const struct jv *x = ((const struct key_order *)a)->k,
			*y = ((const struct key_order *)b)->k;
	size_t n = x->len < y->len ? x->len : y->len;
	int c = n ? memcmp(x->u.s, y->u.s, n) : 0;

	return c ? c : x->len < y->len ? -1 : x->len > y->len;
}

static bool
dump_dict(struct jrun *r, struct strbuf *b, const struct jv_dict *d, struct jdump *how)
{
	struct key_order *order = jrun_alloc(r, d->n, sizeof *order);

	if (!order)
		return false;
	for (size_t i = 0; i < d->n; i++) {
		order[i] = (struct key_order){i, &d->k[i]};
		if (how->sort && d->k[i].type != JV_STR)
			return jrun_unsupported(
				r, "tojson(sort_keys=true) with keys that are no strings");
	}
	if (how->sort)
		qsort(order, d->n, sizeof *order, by_key);
	how->depth++;
	if (!jbuf_text(r, b, "{"))
		return false;
	for (size_t i = 0; i < d->n; i++)
		if (!next_entry(r, b, how, i) || !dump_key(r, b, order[i].k, how) ||
		    !jbuf_add(r, b, how->key_sep.u.s, how->key_sep.len) ||
		    !jdump_value(r, b, &d->v[order[i].i], how))
			return false;
	how->depth--;
	return (!d->n || newline(r, b, how)) && jbuf_text(r, b, "}");
}

static bool
dump_seq(struct jrun *r, struct strbuf *b, const struct jv_seq *s, struct jdump *how)
{
	how->depth++;
	if (!jbuf_text(r, b, "["))
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (!next_entry(r, b, how, i) || !jdump_value(r, b, &s->v[i], how))
			return false;
	how->depth--;
	return (!s->n || newline(r, b, how)) && jbuf_text(r, b, "]");
}

bool
jdump_value(struct jrun *r, struct strbuf *b, const struct jv *v, struct jdump *how)
{
	char buf[32];

	if (!jrun_work(r, 1))
		return false;
	if (how->depth > JINJA_VALUE_MAX)
		return jrun_fail(r, T2_EUNSUP, "lists nested over %d deep", JINJA_VALUE_MAX);
	switch ((enum jv_type)v->type) {
	case JV_NONE:
		return jbuf_text(r, b, "null");
	case JV_BOOL:
		return jbuf_text(r, b, v->u.b ? "true" : "false");
	case JV_INT:
		snprintf(buf, sizeof buf, "%lld", v->u.i);
		return jbuf_text(r, b, buf);
	case JV_FLOAT:
		return dump_float(r, b, v->u.f);
	case JV_STR:
		return dump_text(r, b, v, how->ascii);
	case JV_LIST:
	case JV_TUPLE:
		return dump_seq(r, b, v->u.seq, how);
	case JV_DICT:
		return dump_dict(r, b, v->u.dict, how);
	default:
		return jrun_fail(r, T2_EINVAL, "tojson: object of type %s is not JSON serializable",
				 jv_type_name(v->type));
	}
}
