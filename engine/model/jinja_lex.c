/* jinja_lex.c - see jinja_lex.h.  The rules are those of Jinja2's own lexer with trim_blocks and lstrip_blocks on. */
#include "engine/model/jinja_lex.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/jinja_text.h"

struct lex {
	struct jarena *mem;
	const struct jsource *src;
	const char *s;
	size_t len, pos;
	struct jtok *tok;
	size_t n, cap;
	bool line_start; /* the tag before ended with its line */
	struct t2_err *err;
	enum t2_status st;
};

static bool
lex_fail(struct lex *x, size_t at, enum t2_status code, const char *what)
{
	x->st = jsource_fail(x->src, (uint32_t)at, x->err, code, "%s", what);
	return false;
}

static bool
push(struct lex *x, int type, size_t at, const struct jv *v)
{
	if (x->n == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 256;
		struct jtok *t = realloc(x->tok, cap * sizeof *t);

		if (!t) {
			x->st = t2_nomem(x->err, x->src->where);
			return false;
		}
		x->tok = t;
		x->cap = cap;
	}
	x->tok[x->n++] = (struct jtok){.type = type, .at = (uint32_t)at, .v = v ? *v : jv_none()};
	return true;
}

static bool
at(const struct lex *x, size_t pos, const char *what)
{
	size_t n = strlen(what);

	return pos <= x->len && x->len - pos >= n && !memcmp(x->s + pos, what, n);
}

static size_t
skip_space(const struct lex *x, size_t pos)
{
	while (pos < x->len) {
		uint32_t c;
		size_t n = jtext_next(x->s + pos, x->len - pos, &c);

		if (!jtext_space(c))
			break;
		pos += n;
	}
	return pos;
}

/* If a tag ends at pos, the position behind it with the white space that it takes along; else 0. */
static size_t
tag_end(const struct lex *x, size_t pos, const char *close, bool trim)
{
	if (at(x, pos, "-") && at(x, pos + 1, close))
		return skip_space(x, pos + 3);
	if (trim && at(x, pos, "+") && at(x, pos + 1, close))
		return pos + 3;
	if (!at(x, pos, close))
		return 0;
	pos += 2;
	return trim && at(x, pos, "\n") ? pos + 1 : pos;
}

/* Text in front of a tag, cut as the tag's sign and lstrip_blocks say. */
static bool
push_data(struct lex *x, size_t from, size_t to, char sign, bool variable)
{
	struct jv v;

	if (sign == '-') {
		const char *s = x->s + from;
		size_t n = to - from;

		jtext_strip(&s, &n, NULL, 2);
		to = from + n;
	} else if (sign != '+' && !variable) {
		size_t line = to;

		while (line > from && x->s[line - 1] != '\n')
			line--;
		if ((line > from || x->line_start) && skip_space(x, line) >= to)
			to = line;
	}
	if (to <= from)
		return true;
	v = jv_str(x->s + from, to - from);
	return push(x, JT_DATA, from, &v);
}

/* {% raw %} ... {% endraw %}: pos is behind "{%" and its sign.  *is says whether it is one at all. */
static bool
raw_block(struct lex *x, size_t open, size_t pos, bool *is)
{
	size_t from, p;

	*is = false;
	pos = skip_space(x, pos);
	if (!at(x, pos, "raw"))
		return true;
	pos = skip_space(x, pos + 3);
	from = tag_end(x, pos, "%}", false);
	if (!from)
		return true;
	*is = true;
	x->line_start = x->s[from - 1] == '\n';
	for (p = from; p < x->len; p++) {
		size_t q = p + 2, end;
		char sign = 0;

		if (!at(x, p, "{%"))
			continue;
		if (at(x, q, "-") || at(x, q, "+"))
			sign = x->s[q++];
		q = skip_space(x, q);
		if (!at(x, q, "endraw"))
			continue;
		end = tag_end(x, skip_space(x, q + 6), "%}", true);
		if (!end)
			continue;
		if (!push_data(x, from, p, sign, false))
			return false;
		x->pos = end;
		x->line_start = x->s[end - 1] == '\n';
		return true;
	}
	return lex_fail(x, open, T2_EFORMAT, "{% raw %} without {% endraw %}");
}

static bool
comment(struct lex *x, size_t open, size_t pos)
{
	for (; pos < x->len; pos++) {
		size_t end = 0;

		if (x->s[pos] == '#' || x->s[pos] == '-' || x->s[pos] == '+')
			end = tag_end(x, pos, "#}", true);
		if (end) {
			x->pos = end;
			x->line_start = x->s[end - 1] == '\n';
			return true;
		}
	}
	return lex_fail(x, open, T2_EFORMAT, "{# without #}");
}

static bool
digits(const struct lex *x, size_t *pos, int base)
{
	size_t p = *pos;

	while (p < x->len) {
		size_t q = p + (x->s[p] == '_');
		int c = q < x->len ? (unsigned char)x->s[q] : 0;
		int d = c >= '0' && c <= '9'		     ? c - '0'
			: (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
							     : 99;

		/* the first digit has no underscore in front */
		if (d >= base || (q > p && p == *pos && base == 10))
			break;
		p = q + 1;
	}
	if (p == *pos)
		return false;
	*pos = p;
	return true;
}

/* The number's text without underscores, for strtoll() and strtod(). */
static bool
number_text(struct lex *x, size_t from, size_t to, char buf[512])
{
	size_t n = 0;

	for (; from < to; from++) {
		if (x->s[from] == '_')
			continue;
		if (n == 511)
			return lex_fail(x, from, T2_EUNSUP, "number of over 500 digits");
		buf[n++] = x->s[from];
	}
	buf[n] = 0;
	return true;
}

static bool
lex_float(struct lex *x, size_t end)
{
	char buf[512];
	locale_t c_locale;
	struct jv v;

	if (!number_text(x, x->pos, end, buf))
		return false;
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!c_locale) {
		x->st = t2_nomem(x->err, x->src->where);
		return false;
	}
	v = jv_float(strtod_l(buf, NULL, c_locale));
	freelocale(c_locale);
	if (!push(x, JT_FLOAT, x->pos, &v))
		return false;
	x->pos = end;
	return true;
}

static bool
lex_number(struct lex *x)
{
	size_t start = x->pos, p = start, frac, e;
	char second = start + 1 < x->len ? (char)(x->s[start + 1] | 32) : 0;
	bool zero = x->s[start] == '0', is_float = false;
	int base = 10;
	char buf[512];
	struct jv v;

	digits(x, &p, 10);
	/* after a point, as in a.0.1, there are no floats */
	if (!(start && x->s[start - 1] == '.')) {
		frac = p + 1;
		if (at(x, p, ".") && digits(x, &frac, 10)) {
			p = frac;
			is_float = true;
		}
		e = p + 1;
		if (at(x, p, "e") || at(x, p, "E")) {
			e += at(x, e, "+") || at(x, e, "-");
			if (digits(x, &e, 10)) {
				p = e;
				is_float = true;
			}
		}
		if (is_float)
			return lex_float(x, p);
	}
	if (zero) {
		base = second == 'b' ? 2 : second == 'o' ? 8 : second == 'x' ? 16 : 10;
		p = start + 1;
		if (base != 10) {
			p = start + 2;
			if (!digits(x, &p, base)) {
				base = 10;
				p = start + 1;
			}
		} else {
			while (at(x, p, "0") || at(x, p, "_0"))
				p += at(x, p, "_") ? 2 : 1;
		}
	}
	if (!number_text(x, base == 10 ? start : start + 2, p, buf))
		return false;
	errno = 0;
	v = jv_int(strtoll(buf, NULL, base));
	if (errno == ERANGE)
		return lex_fail(x, start, T2_EUNSUP, "integer beyond 64 bits");
	if (!push(x, JT_INT, start, &v))
		return false;
	x->pos = p;
	return true;
}

static bool
lex_string(struct lex *x)
{
	size_t start = x->pos, p = start + 1;
	char quote = x->s[start];
	struct jv v;

	while (p < x->len && x->s[p] != quote) {
		if (x->s[p] == '\\')
			p++;
		p++;
	}
	if (p >= x->len)
		return lex_fail(x, start, T2_EFORMAT, "string without its closing quote");
	x->st = jlex_unescape(x->mem, x->src, (uint32_t)start, x->s + start + 1, p - start - 1, &v,
			      x->err);
	if (x->st || !push(x, JT_STRING, start, &v))
		return false;
	x->pos = p + 1;
	return true;
}

static bool
name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool
lex_operator(struct lex *x, char *stack, size_t *depth)
{
	static const struct {
		char text[3];
		int type;
	} two[] = {{"//", JT_FLOORDIV}, {"**", JT_POW}, {"==", JT_EQ},
		   {"!=", JT_NE},	{">=", JT_GE},	{"<=", JT_LE}};
	char c = x->s[x->pos];

	for (size_t i = 0; i < sizeof two / sizeof *two; i++) {
		if (at(x, x->pos, two[i].text)) {
			x->pos += 2;
			return push(x, two[i].type, x->pos - 2, NULL);
		}
	}
	if (!c || !strchr("+-/*%~[](){}><=.:|,;", c))
		return lex_fail(x, x->pos, T2_EFORMAT, "unexpected character");
	if (c == '(' || c == '[' || c == '{') {
		if (*depth == JINJA_NEST_MAX)
			return lex_fail(x, x->pos, T2_EUNSUP,
					"more than 200 brackets in each other");
		stack[(*depth)++] = (char)(c == '(' ? ')' : c == '[' ? ']' : '}');
	} else if (c == ')' || c == ']' || c == '}') {
		if (!*depth || stack[--*depth] != c)
			return lex_fail(x, x->pos, T2_EFORMAT,
					"closing bracket without its opening one");
	}
	x->pos++;
	return push(x, c, x->pos - 1, NULL);
}

/* What stands between {{ and }}, or {% and %}. */
static bool
lex_tag(struct lex *x, size_t open, bool variable)
{
	char stack[JINJA_NEST_MAX];
	size_t depth = 0;

	while (x->pos < x->len) {
		size_t end = depth ? 0 : tag_end(x, x->pos, variable ? "}}" : "%}", !variable);
		char c = x->s[x->pos];
		bool ok;

		if (end) {
			if (!push(x, variable ? JT_VAR_END : JT_BLOCK_END, x->pos, NULL))
				return false;
			x->pos = end;
			x->line_start = x->s[end - 1] == '\n';
			return true;
		}
		if (skip_space(x, x->pos) > x->pos) {
			x->pos = skip_space(x, x->pos);
			continue;
		}
		if (c >= '0' && c <= '9') {
			ok = lex_number(x);
		} else if (c == '\'' || c == '"') {
			ok = lex_string(x);
		} else if (name_char(c)) {
			size_t p = x->pos;
			struct jv v;

			while (p < x->len && name_char(x->s[p]))
				p++;
			v = jv_str(x->s + x->pos, p - x->pos);
			ok = push(x, JT_NAME, x->pos, &v);
			x->pos = p;
		} else {
			ok = lex_operator(x, stack, &depth);
		}
		if (!ok)
			return false;
	}
	return lex_fail(x, open, T2_EFORMAT, variable ? "{{ without }}" : "{% without %}");
}

static bool
lex_root(struct lex *x)
{
	size_t from = x->pos, p = from;
	bool variable, raw = false;
	char sign = 0;

	while (p < x->len &&
	       !(x->s[p] == '{' && p + 1 < x->len && strchr("{%#", x->s[p + 1]) && x->s[p + 1]))
		p++;
	if (p >= x->len) {
		struct jv v = jv_str(x->s + from, x->len - from);

		x->pos = x->len;
		return from == x->len || push(x, JT_DATA, from, &v);
	}
	x->pos = p + 2;
	if (at(x, x->pos, "-") || at(x, x->pos, "+"))
		sign = x->s[x->pos++];
	variable = x->s[p + 1] == '{';
	if (!push_data(x, from, p, sign, variable))
		return false;
	x->line_start = false;
	if (x->s[p + 1] == '#')
		return comment(x, p, x->pos);
	if (!variable && (!raw_block(x, p, x->pos, &raw) || raw))
		return !x->st;
	return push(x, variable ? JT_VAR_BEGIN : JT_BLOCK_BEGIN, p, NULL) &&
	       lex_tag(x, p, variable);
}

enum t2_status
jlex(struct jarena *mem, const struct jsource *src, struct jtok **out, size_t *n,
     struct t2_err *err)
{
	struct lex x = {.mem = mem,
			.src = src,
			.s = src->text,
			.len = src->len,
			.line_start = true,
			.err = err};
	bool ok = true;

	while (ok && x.pos < x.len)
		ok = lex_root(&x);
	if (ok)
		ok = push(&x, JT_EOF, x.len, NULL);
	*out = x.tok;
	*n = x.n;
	return ok ? T2_OK : x.st;
}
