/* jinja_print.c - str() and repr() of Python. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/jinja_run.h"
#include "engine/model/jinja_text.h"

/* The shortest digits that read back as f: 15 where they do, else 16, else 17.  The locale's decimal point does not
 * matter: only digits and the exponent are taken from the text. */
static int
shortest(double f, char digits[20], int *exponent)
{
	char buf[64];
	int n = 0;

	for (int prec = 14; prec <= 16; prec++) {
		snprintf(buf, sizeof buf, "%.*e", prec, f);
		if (strtod(buf, NULL) == f)
			break;
	}
	for (const char *p = buf; *p && *p != 'e'; p++)
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	*exponent = atoi(strchr(buf, 'e') + 1);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	digits[n] = 0;
	return n;
}

size_t
jv_float_text(double f, char buf[40])
{
	char digits[20], *p = buf;
	int n, e, i = 0;

	if (isnan(f) || isinf(f))
		return (size_t)sprintf(buf, "%s", isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
	if (signbit(f))
		*p++ = '-';
	n = shortest(fabs(f), digits, &e);
	if (e < -4 || e >= 16) {
		*p++ = digits[0];
		if (n > 1)
			p += sprintf(p, ".%s", digits + 1);
		p += sprintf(p, "e%c%02d", e < 0 ? '-' : '+', abs(e));
		return (size_t)(p - buf);
	}
	if (e < 0) {
		p += sprintf(p, "0.");
		for (i = -1; i > e; i--)
			*p++ = '0';
		p += sprintf(p, "%s", digits);
		return (size_t)(p - buf);
	}
	for (i = 0; i <= e; i++)
		*p++ = i < n ? digits[i] : '0';
	*p++ = '.';
	p += sprintf(p, "%s", e + 1 < n ? digits + e + 1 : "0");
	return (size_t)(p - buf);
}

static bool
repr_text(struct jrun *r, struct strbuf *b, const struct jv *v)
{
	bool single = memchr(v->u.s, '\'', v->len) != NULL,
	     dbl = memchr(v->u.s, '"', v->len) != NULL;
	char quote = single && !dbl ? '"' : '\'';
	size_t i = 0;

	if (!jrun_work(r, v->len / 16) || !jbuf_add(r, b, &quote, 1))
		return false;
	while (i < v->len) {
		uint32_t c;
		size_t n = jtext_next(v->u.s + i, v->len - i, &c);
		char esc[12];
		bool ok;

		if (c == (uint32_t)quote || c == '\\')
			snprintf(esc, sizeof esc, "\\%c", (int)c);
		else if (c == '\n' || c == '\r' || c == '\t')
			snprintf(esc, sizeof esc, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
		else if (!jtext_printable(c))
			snprintf(esc, sizeof esc,
				 c < 0x100     ? "\\x%02x"
				 : c < 0x10000 ? "\\u%04x"
					       : "\\U%08x",
				 c);
		else
			esc[0] = 0;
		ok = esc[0] ? jbuf_text(r, b, esc) : jbuf_add(r, b, v->u.s + i, n);
		if (!ok)
			return false;
		i += n;
	}
	return jbuf_add(r, b, &quote, 1);
}

static bool
print_seq(struct jrun *r, struct strbuf *b, const struct jv *v)
{
	const struct jv_seq *s = v->u.seq;
	bool list = v->type == JV_LIST;

	if (!jbuf_text(r, b, list ? "[" : "("))
		return false;
	for (size_t i = 0; i < s->n; i++)
		if ((i && !jbuf_text(r, b, ", ")) || !jv_print(r, b, &s->v[i], JV_AS_REPR))
			return false;
	return jbuf_text(r, b, list ? "]" : s->n == 1 ? ",)" : ")");
}

static bool
print_dict(struct jrun *r, struct strbuf *b, const struct jv_dict *d)
{
	if (!jbuf_text(r, b, "{"))
		return false;
	for (size_t i = 0; i < d->n; i++)
		if ((i && !jbuf_text(r, b, ", ")) || !jv_print(r, b, &d->k[i], JV_AS_REPR) ||
		    !jbuf_text(r, b, ": ") || !jv_print(r, b, &d->v[i], JV_AS_REPR))
			return false;
	return jbuf_text(r, b, "}");
}

static bool
print_view(struct jrun *r, struct strbuf *b, const struct jv *v)
{
	static const char *const name[] = {"dict_keys(", "dict_values(", "dict_items("};
	struct jv list = {.type = JV_LIST};
	struct jv_seq seq = {0};
	const struct jv *items;

	if (!jv_items(r, v, &items, &seq.n))
		return false;
	seq.v = (struct jv *)items; /* only read */
	list.u.seq = &seq;
	return jbuf_text(r, b, name[v->aux]) && print_seq(r, b, &list) && jbuf_text(r, b, ")");
}

static bool
print_value(struct jrun *r, struct strbuf *b, const struct jv *v, enum jv_form form)
{
	char buf[80];

	switch ((enum jv_type)v->type) {
	case JV_UNDEF:
		return form == JV_AS_STR || jbuf_text(r, b, "Undefined");
	case JV_NONE:
		return jbuf_text(r, b, "None");
	case JV_BOOL:
		return jbuf_text(r, b, v->u.b ? "True" : "False");
	case JV_INT:
		snprintf(buf, sizeof buf, "%lld", v->u.i);
		return jbuf_text(r, b, buf);
	case JV_FLOAT:
		return jbuf_add(r, b, buf, jv_float_text(v->u.f, buf));
	case JV_STR:
		if (form == JV_AS_STR)
			return jbuf_add(r, b, v->u.s, v->len);
		if (v->aux == JV_MARKUP)
			return jbuf_text(r, b, "Markup(") && repr_text(r, b, v) &&
			       jbuf_text(r, b, ")");
		return repr_text(r, b, v);
	case JV_LIST:
	case JV_TUPLE:
		return print_seq(r, b, v);
	case JV_DICT:
		return print_dict(r, b, v->u.dict);
	case JV_VIEW:
		return print_view(r, b, v);
	case JV_RANGE:
		snprintf(buf, sizeof buf,
			 v->u.range->step == 1 ? "range(%lld, %lld)" : "range(%lld, %lld, %lld)",
			 v->u.range->start, v->u.range->stop, v->u.range->step);
		return jbuf_text(r, b, buf);
	case JV_NS:
		return jbuf_text(r, b, "<Namespace ") && print_dict(r, b, v->u.dict) &&
		       jbuf_text(r, b, ">");
	default:
		return jrun_fail(r, T2_EUNSUP, "printing a %s: its text would be an address",
				 jv_type_name(v->type));
	}
}

bool
jv_print(struct jrun *r, struct strbuf *b, const struct jv *v, enum jv_form form)
{
	bool ok;

	if (!jrun_work(r, 1))
		return false;
	if (r->value == JINJA_VALUE_MAX)
		return jrun_fail(r, T2_EUNSUP, "lists nested over %d deep", JINJA_VALUE_MAX);
	r->value++;
	ok = print_value(r, b, v, form);
	r->value--;
	return ok;
}

bool
jv_to_str(struct jrun *r, const struct jv *v, struct jv *out)
{
	struct strbuf b = {0};
	bool ok;

	if (v->type == JV_STR) {
		*out = *v;
		return true;
	}
	ok = jv_print(r, &b, v, JV_AS_STR) && jbuf_take(r, &b, out);
	strbuf_free(&b);
	return ok;
}
