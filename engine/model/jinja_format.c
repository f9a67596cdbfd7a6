/* jinja_format.c - "..." % values and "...".format(): the plain conversions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/model/jinja_run.h"
#include "engine/model/jinja_text.h"

struct percent {
	const struct jv *arg;
	size_t narg, next;
	const struct jv_dict *named; /* NULL: the right side is no dict */
};

static bool
next_arg(struct jrun *r, struct percent *p, const struct jv **out)
{
	if (p->next == p->narg)
		return jrun_fail(r, T2_EINVAL, "%%: not enough arguments for the format");
	*out = &p->arg[p->next++];
	return true;
}

static bool
percent_int(struct jrun *r, const struct jv *v, char conv, long long *out)
{
	if (v->type == JV_UNDEF)
		return jundef_fail(r, v);
	if (jv_as_int(v, out))
		return true;
	if (v->type == JV_FLOAT && conv != 'x' && conv != 'X' && conv != 'o') {
		if (!(fabs(v->u.f) < 9e18))
			return jrun_fail(r, T2_EUNSUP, "integer beyond 64 bits");
		*out = (long long)v->u.f;
		return true;
	}
	return jrun_fail(r, T2_EINVAL, "%%%c wants an integer, not %s", conv,
			 jv_type_name(v->type));
}

/* spec: "%-05.2" without the conversion, at most 16 bytes. */
static bool
percent_number(struct jrun *r, struct strbuf *b, const char *spec, char conv, const struct jv *v)
{
	char fmt[32], buf[512];
	long long i = 0;
	double f;
	int n;

	if (strchr("diuxXo", conv)) {
		if (!percent_int(r, v, conv, &i))
			return false;
		if (strchr("xXo", conv) && i < 0)
			return jrun_unsupported(r, "%x of a negative number");
		snprintf(fmt, sizeof fmt, "%sll%c", spec, conv == 'u' || conv == 'i' ? 'd' : conv);
		n = snprintf(buf, sizeof buf, fmt, i);
	} else {
		if (v->type == JV_UNDEF)
			return jundef_fail(r, v);
		if (v->type != JV_FLOAT && !jv_as_int(v, &i))
			return jrun_fail(r, T2_EINVAL, "%%%c wants a number, not %s", conv,
					 jv_type_name(v->type));
		f = v->type == JV_FLOAT ? v->u.f : (double)i;
		snprintf(fmt, sizeof fmt, "%s%c", spec, conv);
		n = snprintf(buf, sizeof buf, fmt, f);
	}
	if (n < 0 || (size_t)n >= sizeof buf)
		return jrun_unsupported(r, "a formatted number of over 500 characters");
	for (int k = 0; k < n; k++)
		if (buf[k] == ',')
			buf[k] = '.'; /* the locale's decimal comma: no flag of ours writes one */
	return jbuf_add(r, b, buf, (size_t)n);
}

static bool
percent_one(struct jrun *r, struct strbuf *b, const char *spec, char conv, const struct jv *v)
{
	if (conv == 's' || conv == 'r') {
		if (spec[1])
			return jrun_unsupported(r, "a width or precision for %s");
		return jv_print(r, b, v, conv == 's' ? JV_AS_STR : JV_AS_REPR);
	}
	if (!strchr("diuxXoeEfFgG", conv))
		return jrun_fail(r, T2_EUNSUP, "%%%c in a format is not supported", conv);
	return percent_number(r, b, spec, conv, v);
}

static bool
percent_text(struct jrun *r, struct strbuf *b, const struct jv *fmt, struct percent *p)
{
	const char *s = fmt->u.s, *end = s + fmt->len;

	while (s < end) {
		const char *mark = memchr(s, '%', (size_t)(end - s)), *q;
		const struct jv *v = NULL;
		char spec[18] = "%";
		size_t n;

		if (!mark)
			mark = end;
		if (!jbuf_add(r, b, s, (size_t)(mark - s)))
			return false;
		if (mark == end)
			return true;
		q = mark + 1;
		if (q < end && *q == '(') {
			const char *close = memchr(q, ')', (size_t)(end - q));
			struct jv name;

			if (!close || !p->named)
				return jrun_fail(r, T2_EINVAL,
						 "%%(name): the right side is not a mapping");
			name = jv_str(q + 1, (size_t)(close - q) - 1);
			v = jv_dict_name(p->named, name.u.s, name.len);
			if (!v)
				return jrun_fail(r, T2_EINVAL, "%%(%.*s): no such key",
						 name.len > 100 ? 100 : (int)name.len, name.u.s);
			q = close + 1;
		}
		n = 0;
		while (q + n < end && q[n] && strchr("0123456789.-+ #", q[n]))
			n++;
		if (n > 6)
			return jrun_unsupported(r, "so long a width in a format");
		memcpy(spec + 1, q, n);
		spec[1 + n] = 0;
		q += n;
		if (q >= end)
			return jrun_fail(r, T2_EINVAL, "%%: incomplete format");
		if (*q == '%') {
			if (!jbuf_add(r, b, "%", 1))
				return false;
		} else if ((!v && !next_arg(r, p, &v)) || !percent_one(r, b, spec, *q, v)) {
			return false;
		}
		s = q + 1;
	}
	return true;
}

bool
jformat_percent(struct jrun *r, const struct jv *fmt, const struct jv *args, struct jv *out)
{
	struct percent p = {.arg = args, .narg = 1};
	struct strbuf b = {0};
	bool ok;

	if (fmt->aux == JV_MARKUP)
		return jrun_unsupported(r, "% on a text marked safe");
	if (args->type == JV_TUPLE) {
		p.arg = args->u.seq->v;
		p.narg = args->u.seq->n;
	} else if (args->type == JV_DICT) {
		p.named = args->u.dict;
	}
	ok = percent_text(r, &b, fmt, &p);
	if (ok && p.next < p.narg && !p.named && args->type != JV_LIST && args->type != JV_RANGE)
		ok = jrun_fail(r, T2_EINVAL, "%%: not all arguments converted");
	ok = ok && jbuf_take(r, &b, out);
	strbuf_free(&b);
	return ok;
}

/* The value that the field between two braces names; next counts the empty ones. */
static bool
brace_field(struct jrun *r, const struct jargs *a, const char *s, size_t n, size_t *next,
	    const struct jv **out)
{
	size_t index = 0;

	for (size_t i = 0; i < n; i++)
		if (s[i] == '.' || s[i] == '[' || s[i] == ':' || s[i] == '!' || s[i] == '{')
			return jrun_fail(r, T2_EUNSUP,
					 "format(): only {}, {0} and {name} are supported");
	if (!n) {
		index = (*next)++;
	} else if (s[0] >= '0' && s[0] <= '9') {
		for (size_t i = 0; i < n; i++) {
			if (s[i] < '0' || s[i] > '9' || index > 10000)
				return jrun_fail(r, T2_EINVAL, "format(): bad field");
			index = index * 10 + (size_t)(s[i] - '0');
		}
	} else {
		for (size_t i = 0; i < a->nkw; i++) {
			if (jv_is(&a->kw[i].name, s, n)) {
				*out = &a->kw[i].v;
				return true;
			}
		}
		return jrun_fail(r, T2_EINVAL, "format(): no argument called %.*s",
				 n > 100 ? 100 : (int)n, s);
	}
	if (index >= a->npos)
		return jrun_fail(r, T2_EINVAL, "format(): there is no argument %zu", index);
	*out = &a->pos[index];
	return true;
}

static bool
brace_text(struct jrun *r, struct strbuf *b, const struct jv *fmt, const struct jargs *a)
{
	const char *s = fmt->u.s, *end = s + fmt->len;
	size_t next = 0;

	while (s < end) {
		const char *close;
		const struct jv *v = NULL;

		if (*s != '{' && *s != '}') {
			if (!jbuf_add(r, b, s++, 1))
				return false;
			continue;
		}
		if (s + 1 < end && s[1] == *s) {
			if (!jbuf_add(r, b, s, 1))
				return false;
			s += 2;
			continue;
		}
		close = *s == '{' ? memchr(s, '}', (size_t)(end - s)) : NULL;
		if (!close)
			return jrun_fail(r, T2_EINVAL, "format(): a single '%c'", *s);
		if (!brace_field(r, a, s + 1, (size_t)(close - s) - 1, &next, &v) ||
		    !jv_print(r, b, v, JV_AS_STR))
			return false;
		s = close + 1;
	}
	return true;
}

bool
jformat_braces(struct jrun *r, const struct jv *fmt, const struct jargs *a, struct jv *out)
{
	struct strbuf b = {0};
	bool ok;

	if (fmt->aux == JV_MARKUP)
		return jrun_unsupported(r, "format() on a text marked safe");
	ok = jrun_work(r, fmt->len / 16) && brace_text(r, &b, fmt, a) && jbuf_take(r, &b, out);
	strbuf_free(&b);
	return ok;
}
