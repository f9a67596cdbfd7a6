/* jinja_filter.c - filters of strings and single values; the table's look-up. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/jinja_run.h"
#include "engine/model/jinja_text.h"

static bool
none_given(struct jrun *r, const char *what, const struct jargs *a)
{
	return jargs_bind(r, what, a, "", NULL);
}

static bool
change_case(struct jrun *r, const char *what, const struct jv *v, const struct jargs *a,
	    enum jtext_case how, struct jv *out)
{
	struct jv s;

	return none_given(r, what, a) && jv_to_str(r, v, &s) && jtext_case(r, &s, how, out);
}

static bool
filter_upper(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	return change_case(r, "upper", v, a, JTEXT_UPPER, out);
}

static bool
filter_lower(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	return change_case(r, "lower", v, a, JTEXT_LOWER, out);
}

static bool
filter_capitalize(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	return change_case(r, "capitalize", v, a, JTEXT_CAPITALIZE, out);
}

/* Unlike str.title(), words start behind white space and - ( { [ < only. */
static bool
filter_title(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv s, piece, done;
	struct strbuf b = {0};
	size_t i = 0;
	bool ok = none_given(r, "title", a) && jv_to_str(r, v, &s), start = true;

	while (ok && i < s.len) {
		uint32_t c;
		size_t n = jtext_next(s.u.s + i, s.len - i, &c);

		piece = jv_str(s.u.s + i, n);
		ok = jtext_case(r, &piece, start ? JTEXT_UPPER : JTEXT_LOWER, &done) &&
		     jbuf_add(r, &b, done.u.s, done.len);
		start = jtext_space(c) || (c && c < 0x80 && strchr("-({[<", (int)c));
		i += n;
	}
	ok = ok && jbuf_take(r, &b, out);
	strbuf_free(&b);
	return ok;
}

static bool
filter_trim(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv chars = jv_none(), s;

	if (!jargs_bind(r, "trim", a, "chars", &chars) || !jv_to_str(r, v, &s) ||
	    !jrun_work(r, s.len / 64))
		return false;
	if (chars.type != JV_NONE && !jargs_str(r, "trim", &chars))
		return false;
	*out = s;
	jtext_strip(&out->u.s, &out->len, chars.type == JV_NONE ? NULL : &chars, 3);
	return true;
}

static bool
filter_string(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	return none_given(r, "string", a) && jv_to_str(r, v, out);
}

static bool
filter_safe(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	if (!none_given(r, "safe", a) || !jv_to_str(r, v, out))
		return false;
	out->aux = JV_MARKUP;
	return true;
}

static bool
filter_escape(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv s;

	if (!none_given(r, "escape", a) || !jv_to_str(r, v, &s))
		return false;
	if (s.aux == JV_MARKUP) {
		*out = s;
		return true;
	}
	return jtext_escape(r, &s, out);
}

static bool
filter_forceescape(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv s;

	return none_given(r, "forceescape", a) && jv_to_str(r, v, &s) && jtext_escape(r, &s, out);
}

static bool
filter_replace(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv arg[3] = {jv_none(), jv_none(), jv_none()}, s, from, to, bound;
	const struct jmethod *m = jmethod_find(JV_STR, "replace", 7);
	struct jv pos[3];
	struct jargs call = {pos, 3, NULL, 0};

	if (!jargs_bind(r, "replace", a, "!old !new count", arg) || !jv_to_str(r, v, &s) ||
	    !jv_to_str(r, &arg[0], &from) || !jv_to_str(r, &arg[1], &to))
		return false;
	bound = s;
	bound.aux = 0;
	pos[0] = from;
	pos[1] = to;
	pos[2] = arg[2].type == JV_NONE ? jv_int(-1) : arg[2];
	return m->fn(r, &bound, &call, out);
}

static bool
filter_indent(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv arg[3] = {jv_int(4), jv_bool(false), jv_bool(false)}, s, pad;
	struct strbuf b = {0};
	size_t i = 0, next;
	bool ok, blank, first = true;
	struct jv space = jv_str(" ", 1);

	if (!jargs_bind(r, "indent", a, "width first blank", arg))
		return false;
	if (!jargs_str(r, "indent", v))
		return false;
	s = *v;
	if (arg[0].type == JV_STR)
		pad = arg[0];
	else if (!jop(r, '*', &space, &arg[0], &pad))
		return false;
	blank = jv_truth(&arg[2]);
	ok = !jv_truth(&arg[1]) || jbuf_add(r, &b, pad.u.s, pad.len);
	/* a line end is put behind the text, so that one that is there gives an empty last line */
	while (ok) {
		size_t n = jtext_line(s.u.s + i, s.len - i, &next);
		bool ends = i + next == s.len && i + n == s.len;

		if (!first)
			ok = jbuf_add(r, &b, "\n", 1);
		if (ok && !first && (n || blank))
			ok = jbuf_add(r, &b, pad.u.s, pad.len);
		ok = ok && jrun_work(r, 1 + n / 16) && jbuf_add(r, &b, s.u.s + i, n);
		first = false;
		i += next;
		if (ends)
			break;
	}
	ok = ok && jbuf_take(r, &b, out);
	strbuf_free(&b);
	return ok;
}

static bool
filter_default(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv arg[2] = {jv_str("", 0), jv_bool(false)};

	if (!jargs_bind(r, "default", a, "default_value boolean", arg))
		return false;
	*out = v->type == JV_UNDEF || (jv_truth(&arg[1]) && !jv_truth(v)) ? arg[0] : *v;
	return true;
}

static bool
filter_tojson(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	/* transformers' tojson(x, ensure_ascii, indent, separators, sort_keys) */
	struct jv arg[4] = {jv_bool(false), jv_none(), jv_none(), jv_bool(false)};
	struct jv space = jv_str(" ", 1);
	struct jdump how = {0};
	struct strbuf b = {0};
	long long width;
	bool ok;

	if (!jargs_bind(r, "tojson", a, "ensure_ascii indent separators sort_keys", arg))
		return false;
	how.ascii = jv_truth(&arg[0]);
	how.sort = jv_truth(&arg[3]);
	how.pretty = arg[1].type != JV_NONE;
	how.item_sep = how.pretty ? jv_str(",", 1) : jv_str(", ", 2);
	how.key_sep = jv_str(": ", 2);
	how.indent = arg[1];
	if (how.pretty && arg[1].type != JV_STR) {
		if (!jargs_int(r, "tojson: indent", &arg[1], &width) ||
		    !jop(r, '*', &space, &arg[1], &how.indent))
			return false;
	}
	if (arg[2].type != JV_NONE) {
		const struct jv_seq *s = arg[2].u.seq;

		if ((arg[2].type != JV_TUPLE && arg[2].type != JV_LIST) || s->n != 2 ||
		    s->v[0].type != JV_STR || s->v[1].type != JV_STR)
			return jrun_fail(r, T2_EINVAL, "tojson: separators are two strings");
		how.item_sep = s->v[0];
		how.key_sep = s->v[1];
	}
	ok = jdump_value(r, &b, v, &how) && jbuf_take(r, &b, out);
	strbuf_free(&b);
	return ok;
}

/* Python's int(text) and float(text): blanks around, underscores between digits. */
static bool
number_text(const struct jv *v, char *buf, size_t size)
{
	const char *s = v->u.s;
	size_t len = v->len, n = 0;

	jtext_strip(&s, &len, NULL, 3);
	if (!len || len >= size)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool digit_before = i && s[i - 1] >= '0' && s[i - 1] <= '9';
		bool digit_after = i + 1 < len && s[i + 1] >= '0' && s[i + 1] <= '9';

		if ((unsigned char)s[i] >= 0x80 || !s[i])
			return false;
		if (s[i] == '_' && digit_before && digit_after)
			continue;
		buf[n++] = s[i];
	}
	buf[n] = 0;
	return true;
}

static bool
parse_float(struct jrun *r, const struct jv *v, double *out, bool *ok)
{
	char buf[512], *end;
	locale_t c_locale;

	*ok = number_text(v, buf, sizeof buf) && !strpbrk(buf, "xXpP(_");
	if (!*ok)
		return true;
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!c_locale)
		return jrun_fail(r, T2_ENOMEM, "out of memory");
	*out = strtod_l(buf, &end, c_locale);
	freelocale(c_locale);
	*ok = !*end && end != buf && buf[0] != ' ';
	return true;
}

static bool
float_to_int(struct jrun *r, double f, struct jv *out)
{
	if (isnan(f) || isinf(f))
		return jrun_fail(r, T2_EINVAL, "int: %s is no integer",
				 isnan(f) ? "nan" : "infinity");
	if (!(fabs(f) < 9.2e18))
		return jrun_fail(r, T2_EUNSUP, "integer beyond 64 bits");
	*out = jv_int((long long)f);
	return true;
}

/* int(text, base), with the prefixes that Python allows. */
static bool
parse_int(struct jrun *r, const struct jv *v, long long base, long long *out, bool *ok)
{
	char buf[512], *p = buf, *end;
	bool minus;

	*ok = number_text(v, buf, sizeof buf);
	if (!*ok)
		return true;
	minus = *p == '-';
	p += *p == '-' || *p == '+';
	if (p[0] == '0' &&
	    (p[1] | 32) == (base == 16	? 'x'
			    : base == 8 ? 'o'
			    : base == 2 ? 'b'
					: 0) &&
	    base != 10)
		p += 2;
	*ok = (*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z');
	if (!*ok)
		return true;
	if (minus)
		*--p = '-'; /* in the place of the sign or of the prefix's last character */
	errno = 0;
	*out = strtoll(p, &end, (int)base);
	*ok = !*end;
	if (*ok && errno == ERANGE)
		return jrun_fail(r, T2_EUNSUP, "integer beyond 64 bits");
	return true;
}

static bool
filter_int(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv arg[2] = {jv_int(0), jv_int(10)};
	long long base, i = 0;
	bool ok = false;
	double f;

	if (!jargs_bind(r, "int", a, "default base", arg) ||
	    !jargs_int(r, "int: base", &arg[1], &base))
		return false;
	if (base < 2 || base > 36)
		return jrun_unsupported(r, "int: a base outside 2 .. 36");
	if (v->type == JV_UNDEF)
		return jundef_fail(r, v);
	if (v->type == JV_FLOAT) {
		if (isnan(v->u.f)) {
			*out = arg[0];
			return true;
		}
		return float_to_int(r, v->u.f, out);
	}
	if (v->type == JV_STR) {
		if (!parse_int(r, v, base, &i, &ok))
			return false;
		if (!ok) {
			if (!parse_float(r, v, &f, &ok))
				return false;
			if (ok && !isnan(f))
				return float_to_int(r, f, out);
			ok = false;
		}
	} else {
		ok = jv_as_int(v, &i);
	}
	*out = ok ? jv_int(i) : arg[0];
	return true;
}

static bool
filter_float(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv fallback = jv_float(0);
	long long i;
	double f = 0;
	bool ok = true;

	if (!jargs_bind(r, "float", a, "default", &fallback))
		return false;
	if (v->type == JV_UNDEF)
		return jundef_fail(r, v);
	if (v->type == JV_FLOAT)
		f = v->u.f;
	else if (jv_as_int(v, &i))
		f = (double)i;
	else if (v->type == JV_STR && !parse_float(r, v, &f, &ok))
		return false;
	else if (v->type != JV_STR)
		ok = false;
	*out = ok ? jv_float(f) : fallback;
	return true;
}

static bool
filter_abs(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	long long i;

	if (!none_given(r, "abs", a))
		return false;
	if (v->type == JV_UNDEF)
		return jundef_fail(r, v);
	if (v->type == JV_FLOAT) {
		*out = jv_float(fabs(v->u.f));
		return true;
	}
	if (!jv_as_int(v, &i))
		return jrun_fail(r, T2_EINVAL, "abs wants a number, not %s", jv_type_name(v->type));
	if (i < 0 && __builtin_sub_overflow(0LL, i, &i))
		return jrun_fail(r, T2_EUNSUP, "integer beyond 64 bits");
	*out = jv_int(i);
	return true;
}

/* round(f, digits) of Python: of the exact value, halves to even. */
static double
round_digits(double f, int digits)
{
	char buf[400];
	double out = f;

	if (digits > 22 || isnan(f) || isinf(f))
		return f;
	if (digits < 0) {
		double unit = pow(10, -digits);

		return nearbyint(f / unit) * unit;
	}
	/* both in the current locale, so its decimal point does not matter */
	if (snprintf(buf, sizeof buf, "%.*f", digits, f) < (int)sizeof buf)
		out = strtod(buf, NULL);
	return out;
}

static bool
filter_round(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv arg[2] = {jv_int(0), jv_str("common", 6)};
	long long digits, i;
	double f, unit;
	bool up;

	if (!jargs_bind(r, "round", a, "precision method", arg) ||
	    !jargs_int(r, "round", &arg[0], &digits))
		return false;
	if (digits < -300 || digits > 300)
		return jrun_unsupported(r, "round: a precision outside -300 .. 300");
	if (v->type == JV_UNDEF)
		return jundef_fail(r, v);
	if (v->type != JV_FLOAT && !jv_as_int(v, &i))
		return jrun_fail(r, T2_EINVAL, "round wants a number, not %s",
				 jv_type_name(v->type));
	f = v->type == JV_FLOAT ? v->u.f : (double)i;
	up = jv_is(&arg[1], "ceil", 4);
	if (up || jv_is(&arg[1], "floor", 5)) {
		unit = pow(10, (double)digits);
		*out = jv_float((up ? ceil(f * unit) : floor(f * unit)) / unit);
		return true;
	}
	if (!jv_is(&arg[1], "common", 6))
		return jrun_fail(r, T2_EINVAL, "round: method is common, ceil or floor");
	if (v->type == JV_FLOAT) {
		*out = jv_float(round_digits(f, (int)digits));
		return true;
	}
	if (digits < 0)
		return jrun_unsupported(r, "round of an integer to tens");
	*out = jv_int(i);
	return true;
}

static bool
filter_format(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv s, args;

	if (a->nkw && a->npos)
		return jrun_fail(r, T2_EINVAL, "format wants values or names, not both");
	if (!jv_to_str(r, v, &s))
		return false;
	if (a->nkw) {
		if (!jv_new_dict(r, JV_DICT, a->nkw, &args))
			return false;
		for (size_t i = 0; i < a->nkw; i++)
			if (!jv_dict_set(r, args.u.dict, &a->kw[i].name, &a->kw[i].v))
				return false;
	} else {
		if (!jv_new_seq(r, JV_TUPLE, a->npos, &args))
			return false;
		if (a->npos)
			memcpy(args.u.seq->v, a->pos, a->npos * sizeof *a->pos);
	}
	return jformat_percent(r, &s, &args, out);
}

/* Attributes only, never items. */
static bool
filter_attr(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out)
{
	struct jv name;

	if (!jargs_bind(r, "attr", a, "!name", &name) || !jargs_str(r, "attr", &name))
		return false;
	if (v->type == JV_DICT && !jmethod_find(JV_DICT, name.u.s, name.len)) {
		*out = jv_undef(JV_DICT, name.u.s, name.len);
		return true;
	}
	return jattr(r, v, &name, out);
}

const struct jfilter jfilter_text_table[] = {
	{"abs", filter_abs},
	{"attr", filter_attr},
	{"capitalize", filter_capitalize},
	{"d", filter_default},
	{"default", filter_default},
	{"e", filter_escape},
	{"escape", filter_escape},
	{"float", filter_float},
	{"forceescape", filter_forceescape},
	{"format", filter_format},
	{"indent", filter_indent},
	{"int", filter_int},
	{"lower", filter_lower},
	{"replace", filter_replace},
	{"round", filter_round},
	{"safe", filter_safe},
	{"string", filter_string},
	{"title", filter_title},
	{"tojson", filter_tojson},
	{"trim", filter_trim},
	{"upper", filter_upper},
	{NULL, NULL},
};

const struct jfilter *
jfilter_find(const char *name, size_t len)
{
	static const struct jfilter *const table[] = {jfilter_text_table, jfilter_seq_table};

	for (size_t t = 0; t < 2; t++)
		for (const struct jfilter *f = table[t]; f->name; f++)
			if (strlen(f->name) == len && !memcmp(f->name, name, len))
				return f;
	return NULL;
}

bool
jfilter_call(struct jrun *r, const struct jv *name, const struct jfilter *f, const struct jv *v,
	     const struct jargs *a, struct jv *out)
{
	if (!f)
		return jrun_fail(r, T2_EUNSUP, "unknown filter '%.*s'",
				 name->len > 100 ? 100 : (int)name->len, name->u.s);
	return f->fn(r, v, a, out);
}
