/* jinja_method_text.c - methods of strings. */
#include <string.h>
#include <utf8proc.h>

#include "engine/model/jinja_run.h"
#include "engine/model/jinja_text.h"

static bool
none_given(struct jrun *r, const char *what, const struct jargs *a)
{
	return jargs_bind(r, what, a, "", NULL);
}

/* Methods that would escape their arguments on a text marked safe. */
static bool
plain(struct jrun *r, const char *what, const struct jv *self)
{
	return self->aux != JV_MARKUP ||
	       jrun_fail(r, T2_EUNSUP, "%s on a text marked safe is not supported", what);
}

static bool
strip(struct jrun *r, const char *what, const struct jv *self, const struct jargs *a, int which,
      struct jv *out)
{
	struct jv chars = jv_none();

	if (a->nkw)
		return jrun_fail(r, T2_EINVAL, "%s takes no keyword arguments", what);
	if (!jargs_bind(r, what, a, "chars", &chars))
		return false;
	if (chars.type != JV_NONE && !jargs_str(r, what, &chars))
		return false;
	*out = *self;
	jtext_strip(&out->u.s, &out->len, chars.type == JV_NONE ? NULL : &chars, which);
	return jrun_work(r, self->len / 64);
}

static bool
text_strip(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return strip(r, "strip()", self, a, 3, out);
}

static bool
text_lstrip(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return strip(r, "lstrip()", self, a, 1, out);
}

static bool
text_rstrip(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return strip(r, "rstrip()", self, a, 2, out);
}

static bool
change_case(struct jrun *r, const char *what, const struct jv *self, const struct jargs *a,
	    enum jtext_case how, struct jv *out)
{
	return none_given(r, what, a) && jtext_case(r, self, how, out);
}

static bool
text_upper(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return change_case(r, "upper()", self, a, JTEXT_UPPER, out);
}

static bool
text_lower(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return change_case(r, "lower()", self, a, JTEXT_LOWER, out);
}

static bool
text_capitalize(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return change_case(r, "capitalize()", self, a, JTEXT_CAPITALIZE, out);
}

static bool
text_title(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return change_case(r, "title()", self, a, JTEXT_TITLE, out);
}

/* The part of a text between two indices, as startswith(), find() and count() take them. */
static bool
window(struct jrun *r, const struct jv *self, const struct jv *start, const struct jv *stop,
       struct jv *out)
{
	struct jv one = jv_none();

	return jslice(r, self, start, stop, &one, out);
}

static bool
affix(struct jrun *r, const char *what, const struct jv *self, const struct jargs *a, bool end,
      struct jv *out)
{
	struct jv arg[3] = {jv_none(), jv_none(), jv_none()}, part;
	const struct jv *list = &arg[0];
	size_t n = 1;
	bool yes = false;

	if (a->nkw)
		return jrun_fail(r, T2_EINVAL, "%s takes no keyword arguments", what);
	if (!jargs_bind(r, what, a, "!affix start end", arg) ||
	    !window(r, self, &arg[1], &arg[2], &part))
		return false;
	if (arg[0].type == JV_TUPLE) {
		list = arg[0].u.seq->v;
		n = arg[0].u.seq->n;
	}
	for (size_t i = 0; i < n && !yes; i++) {
		if (!jargs_str(r, what, &list[i]))
			return false;
		yes = list[i].len <= part.len &&
		      (!list[i].len || !memcmp(end ? part.u.s + part.len - list[i].len : part.u.s,
					       list[i].u.s, list[i].len));
	}
	*out = jv_bool(yes);
	return true;
}

static bool
text_startswith(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return affix(r, "startswith()", self, a, false, out);
}

static bool
text_endswith(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return affix(r, "endswith()", self, a, true, out);
}

static bool
remove_affix(struct jrun *r, const char *what, const struct jv *self, const struct jargs *a,
	     bool end, struct jv *out)
{
	struct jv fix;

	if (!plain(r, what, self) || !jargs_bind(r, what, a, "!affix", &fix) ||
	    !jargs_str(r, what, &fix))
		return false;
	*out = *self;
	if (!fix.len || fix.len > self->len ||
	    memcmp(end ? self->u.s + self->len - fix.len : self->u.s, fix.u.s, fix.len))
		return true;
	out->len -= fix.len;
	if (!end)
		out->u.s += fix.len;
	return true;
}

static bool
text_removeprefix(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return remove_affix(r, "removeprefix()", self, a, false, out);
}

static bool
text_removesuffix(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return remove_affix(r, "removesuffix()", self, a, true, out);
}

static bool
text_replace(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	struct jv arg[3] = {jv_none(), jv_none(), jv_int(-1)};
	const char *s = self->u.s, *end = s + self->len;
	struct strbuf b = {0};
	long long count;
	bool ok = true;

	if (!plain(r, "replace()", self) ||
	    !jargs_bind(r, "replace()", a, "!old !new count", arg) ||
	    !jargs_str(r, "replace()", &arg[0]) || !jargs_str(r, "replace()", &arg[1]) ||
	    !jargs_int(r, "replace()", &arg[2], &count))
		return false;
	while (ok && count) {
		const char *hit = jtext_find(s, (size_t)(end - s), arg[0].u.s, arg[0].len);
		size_t step = 0;
		uint32_t c;

		if (!hit)
			break;
		count -= count > 0;
		ok = jrun_work(r, 1) && jbuf_add(r, &b, s, (size_t)(hit - s)) &&
		     jbuf_add(r, &b, arg[1].u.s, arg[1].len);
		s = hit + arg[0].len;
		if (arg[0].len)
			continue;
		/* an empty text is found in front of every character and at the end */
		if (s == end)
			break;
		step = jtext_next(s, (size_t)(end - s), &c);
		ok = ok && jbuf_add(r, &b, s, step);
		s += step;
	}
	ok = ok && jbuf_add(r, &b, s, (size_t)(end - s)) && jbuf_take(r, &b, out);
	strbuf_free(&b);
	return ok;
}

/* Items of a list whose number is not known. */
struct growing {
	struct jv *v;
	size_t n, cap;
};

static bool
grow(struct jrun *r, struct growing *g, const char *s, size_t len)
{
	if (g->n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 8;
		struct jv *v = jrun_alloc(r, cap, sizeof *v);

		if (!v)
			return false;
		if (g->n)
			memcpy(v, g->v, g->n * sizeof *v);
		g->v = v;
		g->cap = cap;
	}
	g->v[g->n++] = jv_str(s, len);
	return jrun_work(r, 1);
}

static bool
grown(struct jrun *r, const struct growing *g, bool backward, struct jv *out)
{
	if (!jv_new_seq(r, JV_LIST, g->n, out))
		return false;
	for (size_t i = 0; i < g->n; i++)
		out->u.seq->v[i] = g->v[backward ? g->n - 1 - i : i];
	return true;
}

/* White space splits: runs of it separate, none at the ends.  Backward for rsplit(). */
static bool
split_space(struct jrun *r, const struct jv *self, long long max, bool backward, struct growing *g)
{
	const char *s = self->u.s;
	size_t len = self->len;

	for (;;) {
		size_t n = 0;
		uint32_t c;

		jtext_strip(&s, &len, NULL, backward ? 2 : 1);
		if (!len)
			return true;
		if (!max) /* the rest is one piece, with the white space at its far end */
			return grow(r, g, s, len);
		while (n < len) {
			size_t k = backward ? jtext_last(s, len - n, &c)
					    : jtext_next(s + n, len - n, &c);

			if (jtext_space(c))
				break;
			n += k;
		}
		if (!grow(r, g, backward ? s + len - n : s, n))
			return false;
		s += backward ? 0 : n;
		len -= n;
		max -= max > 0;
	}
}

static bool
split_text(struct jrun *r, const struct jv *self, const struct jv *sep, long long max,
	   bool backward, struct growing *g)
{
	const char *s = self->u.s;
	size_t len = self->len;

	while (max) {
		const char *hit = backward ? jtext_rfind(s, len, sep->u.s, sep->len)
					   : jtext_find(s, len, sep->u.s, sep->len);
		size_t before, after;

		if (!hit)
			break;
		before = (size_t)(hit - s);
		after = len - before - sep->len;
		if (!grow(r, g, backward ? hit + sep->len : s, backward ? after : before))
			return false;
		s += backward ? 0 : before + sep->len;
		len = backward ? before : after;
		max -= max > 0;
	}
	return grow(r, g, s, len);
}

static bool
split(struct jrun *r, const char *what, const struct jv *self, const struct jargs *a, bool backward,
      struct jv *out)
{
	struct jv arg[2] = {jv_none(), jv_int(-1)};
	struct growing g = {0};
	long long max;

	if (!plain(r, what, self) || !jargs_bind(r, what, a, "sep maxsplit", arg) ||
	    !jargs_int(r, what, &arg[1], &max) || !jrun_work(r, self->len / 64))
		return false;
	if (arg[0].type == JV_NONE)
		return split_space(r, self, max, backward, &g) && grown(r, &g, backward, out);
	if (!jargs_str(r, what, &arg[0]))
		return false;
	if (!arg[0].len)
		return jrun_fail(r, T2_EINVAL, "%s: empty separator", what);
	return split_text(r, self, &arg[0], max, backward, &g) && grown(r, &g, backward, out);
}

static bool
text_split(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return split(r, "split()", self, a, false, out);
}

static bool
text_rsplit(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return split(r, "rsplit()", self, a, true, out);
}

static bool
text_splitlines(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	struct jv keep = jv_bool(false);
	struct growing g = {0};
	size_t i = 0, next;

	if (!plain(r, "splitlines()", self) ||
	    !jargs_bind(r, "splitlines()", a, "keepends", &keep) || !jrun_work(r, self->len / 16))
		return false;
	while (i < self->len) {
		size_t n = jtext_line(self->u.s + i, self->len - i, &next);

		if (!grow(r, &g, self->u.s + i, jv_truth(&keep) ? next : n))
			return false;
		i += next;
	}
	return grown(r, &g, false, out);
}

static bool
partition(struct jrun *r, const char *what, const struct jv *self, const struct jargs *a,
	  bool backward, struct jv *out)
{
	const char *hit;
	struct jv sep;
	size_t before;

	if (!plain(r, what, self) || !jargs_bind(r, what, a, "!sep", &sep) ||
	    !jargs_str(r, what, &sep) || !jrun_work(r, self->len / 64))
		return false;
	if (!sep.len)
		return jrun_fail(r, T2_EINVAL, "%s: empty separator", what);
	if (!jv_new_seq(r, JV_TUPLE, 3, out))
		return false;
	hit = backward ? jtext_rfind(self->u.s, self->len, sep.u.s, sep.len)
		       : jtext_find(self->u.s, self->len, sep.u.s, sep.len);
	for (int i = 0; i < 3; i++)
		out->u.seq->v[i] = jv_str("", 0);
	if (!hit) {
		out->u.seq->v[backward ? 2 : 0] = *self;
		return true;
	}
	before = (size_t)(hit - self->u.s);
	out->u.seq->v[0] = jv_str(self->u.s, before);
	out->u.seq->v[1] = sep;
	out->u.seq->v[2] = jv_str(hit + sep.len, self->len - before - sep.len);
	return true;
}

static bool
text_partition(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return partition(r, "partition()", self, a, false, out);
}

static bool
text_rpartition(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return partition(r, "rpartition()", self, a, true, out);
}

/* find(), rfind(), index(), rindex(): the index of a text in characters, or -1. */
static bool
find(struct jrun *r, const char *what, const struct jv *self, const struct jargs *a, bool backward,
     struct jv *out)
{
	struct jv arg[3] = {jv_none(), jv_none(), jv_none()}, part;
	const char *hit;

	if (!jargs_bind(r, what, a, "!sub start end", arg) || !jargs_str(r, what, &arg[0]) ||
	    !window(r, self, &arg[1], &arg[2], &part))
		return false;
	hit = backward ? jtext_rfind(part.u.s, part.len, arg[0].u.s, arg[0].len)
		       : jtext_find(part.u.s, part.len, arg[0].u.s, arg[0].len);
	if (hit && !part.len && self->len && arg[1].type != JV_NONE)
		return jrun_fail(r, T2_EUNSUP,
				 "%s of an empty text at a given start is not supported", what);
	*out = jv_int(hit ? (long long)jtext_chars(self->u.s, (size_t)(hit - self->u.s)) : -1);
	return jrun_work(r, self->len / 64);
}

static bool
text_find(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return find(r, "find()", self, a, false, out);
}

static bool
text_rfind(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return find(r, "rfind()", self, a, true, out);
}

static bool
text_index(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return find(r, "index()", self, a, false, out) &&
	       (out->u.i >= 0 || jrun_fail(r, T2_EINVAL, "index(): substring not found"));
}

static bool
text_rindex(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return find(r, "rindex()", self, a, true, out) &&
	       (out->u.i >= 0 || jrun_fail(r, T2_EINVAL, "rindex(): substring not found"));
}

static bool
text_count(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	struct jv arg[3] = {jv_none(), jv_none(), jv_none()}, part;
	long long n = 0;
	const char *s, *end, *hit;

	if (!jargs_bind(r, "count()", a, "!sub start end", arg) ||
	    !jargs_str(r, "count()", &arg[0]) || !window(r, self, &arg[1], &arg[2], &part) ||
	    !jrun_work(r, self->len / 16))
		return false;
	if (!arg[0].len) {
		*out = jv_int((long long)jtext_chars(part.u.s, part.len) + 1);
		return true;
	}
	s = part.u.s;
	end = s + part.len;
	while ((hit = jtext_find(s, (size_t)(end - s), arg[0].u.s, arg[0].len))) {
		n++;
		s = hit + arg[0].len;
	}
	*out = jv_int(n);
	return true;
}

static bool
text_join(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	const struct jv *items;
	struct strbuf b = {0};
	struct jv seq;
	bool ok = true;
	size_t n;

	if (!plain(r, "join()", self) || !jargs_bind(r, "join()", a, "!iterable", &seq) ||
	    !jv_items(r, &seq, &items, &n))
		return false;
	for (size_t i = 0; ok && i < n; i++)
		ok = jrun_work(r, 1) && jargs_str(r, "join()", &items[i]) &&
		     (!i || jbuf_add(r, &b, self->u.s, self->len)) &&
		     jbuf_add(r, &b, items[i].u.s, items[i].len);
	ok = ok && jbuf_take(r, &b, out);
	strbuf_free(&b);
	return ok;
}

static bool
text_zfill(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	size_t n = jtext_chars(self->u.s, self->len), sign;
	struct jv zero = jv_str("0", 1), width, pad, count;
	struct strbuf b = {0};
	long long want;
	bool ok;

	if (!plain(r, "zfill()", self) || !jargs_bind(r, "zfill()", a, "!width", &width) ||
	    !jargs_int(r, "zfill()", &width, &want))
		return false;
	*out = *self;
	if (want <= (long long)n)
		return true;
	count = jv_int(want - (long long)n);
	if (!jop(r, '*', &zero, &count, &pad))
		return false;
	sign = self->len && (self->u.s[0] == '-' || self->u.s[0] == '+');
	ok = jbuf_add(r, &b, self->u.s, sign) && jbuf_add(r, &b, pad.u.s, pad.len) &&
	     jbuf_add(r, &b, self->u.s + sign, self->len - sign) && jbuf_take(r, &b, out);
	strbuf_free(&b);
	return ok;
}

static bool
text_format(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return jformat_braces(r, self, a, out);
}

enum text_class { CLASS_SPACE, CLASS_ALPHA, CLASS_ALNUM, CLASS_DIGIT };

static bool
in_class(struct jrun *r, uint32_t c, enum text_class k, bool *out)
{
	utf8proc_category_t cat;
	bool letter, digit;

	if (k == CLASS_SPACE) {
		*out = jtext_space(c);
		return true;
	}
	cat = utf8proc_category((utf8proc_int32_t)c);
	letter = cat >= UTF8PROC_CATEGORY_LU && cat <= UTF8PROC_CATEGORY_LO;
	digit = cat == UTF8PROC_CATEGORY_ND;
	if ((cat == UTF8PROC_CATEGORY_NO || cat == UTF8PROC_CATEGORY_NL) && k == CLASS_DIGIT)
		return jrun_fail(r, T2_EUNSUP, "isdigit() of U+%04X is not supported", (unsigned)c);
	*out = k == CLASS_ALPHA	  ? letter
	       : k == CLASS_DIGIT ? digit
				  : letter || digit || cat == UTF8PROC_CATEGORY_NO ||
					    cat == UTF8PROC_CATEGORY_NL;
	return true;
}

/* All characters are of the class, and there is one. */
static bool
all_of(struct jrun *r, const char *what, const struct jv *self, const struct jargs *a,
       enum text_class k, struct jv *out)
{
	bool yes = self->len > 0;
	size_t i = 0;

	if (!none_given(r, what, a) || !jrun_work(r, self->len / 16))
		return false;
	while (yes && i < self->len) {
		uint32_t c;

		i += jtext_next(self->u.s + i, self->len - i, &c);
		if (!in_class(r, c, k, &yes))
			return false;
	}
	*out = jv_bool(yes);
	return true;
}

static bool
text_isspace(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return all_of(r, "isspace()", self, a, CLASS_SPACE, out);
}

static bool
text_isalpha(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return all_of(r, "isalpha()", self, a, CLASS_ALPHA, out);
}

static bool
text_isalnum(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return all_of(r, "isalnum()", self, a, CLASS_ALNUM, out);
}

static bool
text_isdigit(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return all_of(r, "isdigit()", self, a, CLASS_DIGIT, out);
}

static bool
case_test(struct jrun *r, const char *what, const struct jv *self, const struct jargs *a,
	  struct jv *out)
{
	bool yes;

	if (!none_given(r, what, a) || !jtest_find(what, 5)->fn(r, self, a, &yes))
		return false;
	*out = jv_bool(yes);
	return true;
}

static bool
text_isupper(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return case_test(r, "upper", self, a, out);
}

static bool
text_islower(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	return case_test(r, "lower", self, a, out);
}

const struct jmethod jmethod_text_table[] = {
	{JV_STR, 0, "capitalize", text_capitalize},
	{JV_STR, 0, "casefold", NULL},
	{JV_STR, 0, "center", NULL},
	{JV_STR, 0, "count", text_count},
	{JV_STR, 0, "encode", NULL},
	{JV_STR, 0, "endswith", text_endswith},
	{JV_STR, 0, "expandtabs", NULL},
	{JV_STR, 0, "find", text_find},
	{JV_STR, 0, "format", text_format},
	{JV_STR, 0, "format_map", NULL},
	{JV_STR, 0, "index", text_index},
	{JV_STR, 0, "isalnum", text_isalnum},
	{JV_STR, 0, "isalpha", text_isalpha},
	{JV_STR, 0, "isascii", NULL},
	{JV_STR, 0, "isdecimal", NULL},
	{JV_STR, 0, "isdigit", text_isdigit},
	{JV_STR, 0, "isidentifier", NULL},
	{JV_STR, 0, "islower", text_islower},
	{JV_STR, 0, "isnumeric", NULL},
	{JV_STR, 0, "isprintable", NULL},
	{JV_STR, 0, "isspace", text_isspace},
	{JV_STR, 0, "istitle", NULL},
	{JV_STR, 0, "isupper", text_isupper},
	{JV_STR, 0, "join", text_join},
	{JV_STR, 0, "ljust", NULL},
	{JV_STR, 0, "lower", text_lower},
	{JV_STR, 0, "lstrip", text_lstrip},
	{JV_STR, 0, "maketrans", NULL},
	{JV_STR, 0, "partition", text_partition},
	{JV_STR, 0, "removeprefix", text_removeprefix},
	{JV_STR, 0, "removesuffix", text_removesuffix},
	{JV_STR, 0, "replace", text_replace},
	{JV_STR, 0, "rfind", text_rfind},
	{JV_STR, 0, "rindex", text_rindex},
	{JV_STR, 0, "rjust", NULL},
	{JV_STR, 0, "rpartition", text_rpartition},
	{JV_STR, 0, "rsplit", text_rsplit},
	{JV_STR, 0, "rstrip", text_rstrip},
	{JV_STR, 0, "split", text_split},
	{JV_STR, 0, "splitlines", text_splitlines},
	{JV_STR, 0, "startswith", text_startswith},
	{JV_STR, 0, "strip", text_strip},
	{JV_STR, 0, "swapcase", NULL},
	{JV_STR, 0, "title", text_title},
	{JV_STR, 0, "translate", NULL},
	{JV_STR, 0, "upper", text_upper},
	{JV_STR, 0, "zfill", text_zfill},
	{0, 0, NULL, NULL},
};
