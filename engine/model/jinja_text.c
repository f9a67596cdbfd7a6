/* jinja_text.c - see jinja_text.h */
#include "engine/model/jinja_text.h"

#include <string.h>
#include <utf8proc.h>

#include "engine/model/jinja_run.h"

bool
jtext_valid(const char *s, size_t len, size_t *bad)
{
	size_t i = 0;

	while (i < len) {
		utf8proc_int32_t c;
		utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s + i,
						      (utf8proc_ssize_t)(len - i), &c);

		if (n <= 0) {
			*bad = i;
			return false;
		}
		i += (size_t)n;
	}
	return true;
}

size_t
jtext_chars(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

size_t
jtext_offset(const char *s, size_t len, size_t chars)
{
	size_t i = 0;

	while (i < len && chars) {
		i++;
		while (i < len && ((unsigned char)s[i] & 0xc0) == 0x80)
			i++;
		chars--;
	}
	return i;
}

size_t
jtext_next(const char *s, size_t len, uint32_t *c)
{
	unsigned char b = (unsigned char)s[0];
	size_t n = b < 0x80 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;

	if (n > len)
		n = len;
	*c = n == 1 ? b : n == 2 ? b & 0x1fu : n == 3 ? b & 0x0fu : b & 0x07u;
	for (size_t i = 1; i < n; i++)
		*c = *c << 6 | ((unsigned char)s[i] & 0x3fu);
	return n;
}

size_t
jtext_last(const char *s, size_t len, uint32_t *c)
{
	size_t i = len - 1;

	while (i && ((unsigned char)s[i] & 0xc0) == 0x80)
		i--;
	return jtext_next(s + i, len - i, c);
}

size_t
jtext_put(uint32_t c, char buf[4])
{
	return (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (utf8proc_uint8_t *)buf);
}

bool
jtext_space(uint32_t c)
{
	if (c < 0x80)
		return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20);
	return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool
jtext_printable(uint32_t c)
{
	if (c < 0x80)
		return c >= 0x20 && c < 0x7f;
	switch (utf8proc_category((utf8proc_int32_t)c)) {
	case UTF8PROC_CATEGORY_CN:
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_CF:
	case UTF8PROC_CATEGORY_CS:
	case UTF8PROC_CATEGORY_CO:
	case UTF8PROC_CATEGORY_ZS:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return false;
	default:
		return true;
	}
}

const char *
jtext_find(const char *s, size_t len, const char *what, size_t n)
{
	return n ? memmem(s, len, what, n) : s;
}

const char *
jtext_rfind(const char *s, size_t len, const char *what, size_t n)
{
	if (n > len)
		return NULL;
	for (size_t i = len - n + 1; i-- > 0;)
		if (!memcmp(s + i, what, n))
			return s + i;
	return NULL;
}

static bool
strips(uint32_t c, const struct jv *chars)
{
	size_t i = 0;

	if (!chars)
		return jtext_space(c);
	while (i < chars->len) {
		uint32_t d;

		i += jtext_next(chars->u.s + i, chars->len - i, &d);
		if (c == d)
			return true;
	}
	return false;
}

void
jtext_strip(const char **s, size_t *len, const struct jv *chars, int which)
{
	uint32_t c;
	size_t n;

	while ((which & 1) && *len) {
		n = jtext_next(*s, *len, &c);
		if (!strips(c, chars))
			break;
		*s += n;
		*len -= n;
	}
	while ((which & 2) && *len) {
		n = jtext_last(*s, *len, &c);
		if (!strips(c, chars))
			break;
		*len -= n;
	}
}

size_t
jtext_line(const char *s, size_t len, size_t *next)
{
	size_t i = 0;

	while (i < len) {
		uint32_t c;
		size_t n = jtext_next(s + i, len - i, &c);

		if ((c >= 10 && c <= 13) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
		    c == 0x2029) {
			*next = i + n + (c == 13 && i + 1 < len && s[i + 1] == '\n');
			return i;
		}
		i += n;
	}
	*next = len;
	return len;
}

/* Whether the full mapping of a letter is several characters (Unicode's SpecialCasing.txt). */
static bool
special_upper(uint32_t c)
{
	static const struct {
		uint16_t lo, hi;
	} range[] = {{0x149, 0x149},   {0x1f0, 0x1f0},	 {0x390, 0x390},   {0x3b0, 0x3b0},
		     {0x587, 0x587},   {0x1e96, 0x1e9a}, {0x1f50, 0x1f56}, {0x1f80, 0x1faf},
		     {0x1fb2, 0x1fb4}, {0x1fb6, 0x1fb7}, {0x1fbc, 0x1fbc}, {0x1fc2, 0x1fc4},
		     {0x1fc6, 0x1fc7}, {0x1fcc, 0x1fcc}, {0x1fd2, 0x1fd3}, {0x1fd6, 0x1fd7},
		     {0x1fe2, 0x1fe4}, {0x1fe6, 0x1fe7}, {0x1ff2, 0x1ff4}, {0x1ff6, 0x1ff7},
		     {0x1ffc, 0x1ffc}, {0xfb00, 0xfb06}, {0xfb13, 0xfb17}};

	for (size_t i = 0; i < sizeof range / sizeof *range; i++)
		if (c >= range[i].lo && c <= range[i].hi)
			return true;
	return false;
}

bool
jtext_cased(uint32_t c, bool *upper)
{
	utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);

	*upper = k == UTF8PROC_CATEGORY_LU;
	return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT;
}

static bool
special(struct jrun *r, uint32_t c)
{
	return jrun_fail(r, T2_EUNSUP,
			 "case of U+%04X: only characters that map to one character are supported",
			 (unsigned)c);
}

static bool
put_upper(struct jrun *r, struct strbuf *b, uint32_t c, bool title)
{
	char buf[4];

	if (c == 0xdf)
		return jbuf_add(r, b, title ? "Ss" : "SS", 2);
	if (special_upper(c))
		return special(r, c);
	c = (uint32_t)(title ? utf8proc_totitle((utf8proc_int32_t)c)
			     : utf8proc_toupper((utf8proc_int32_t)c));
	return jbuf_add(r, b, buf, jtext_put(c, buf));
}

static bool
put_lower(struct jrun *r, struct strbuf *b, uint32_t c)
{
	char buf[4];

	/* capital sigma's small form depends on what follows; dotted capital I gives two characters */
	if (c == 0x3a3 || c == 0x130)
		return special(r, c);
	c = (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
	return jbuf_add(r, b, buf, jtext_put(c, buf));
}

bool
jtext_case(struct jrun *r, const struct jv *v, enum jtext_case how, struct jv *out)
{
	struct strbuf b = {0};
	bool ok = true, after_cased = false;
	unsigned char aux = v->aux;
	size_t i = 0;

	while (ok && i < v->len) {
		bool first = !i, upper;
		uint32_t c;

		i += jtext_next(v->u.s + i, v->len - i, &c);
		if (how == JTEXT_UPPER || how == JTEXT_LOWER)
			ok = how == JTEXT_UPPER ? put_upper(r, &b, c, false) : put_lower(r, &b, c);
		else if (how == JTEXT_CAPITALIZE)
			ok = first ? put_upper(r, &b, c, true) : put_lower(r, &b, c);
		else
			ok = after_cased ? put_lower(r, &b, c) : put_upper(r, &b, c, true);
		after_cased = jtext_cased(c, &upper);
	}
	ok = ok && jbuf_take(r, &b, out);
	strbuf_free(&b);
	if (ok)
		out->aux = aux;
	return ok;
}

bool
jtext_escape(struct jrun *r, const struct jv *v, struct jv *out)
{
	struct strbuf b = {0};
	bool ok = jrun_work(r, v->len / 16);

	for (size_t i = 0; ok && i < v->len; i++) {
		char c = v->u.s[i];

		if (c == '&')
			ok = jbuf_text(r, &b, "&amp;");
		else if (c == '<')
			ok = jbuf_text(r, &b, "&lt;");
		else if (c == '>')
			ok = jbuf_text(r, &b, "&gt;");
		else if (c == '"')
			ok = jbuf_text(r, &b, "&#34;");
		else if (c == '\'')
			ok = jbuf_text(r, &b, "&#39;");
		else
			ok = jbuf_add(r, &b, &c, 1);
	}
	ok = ok && jbuf_take(r, &b, out);
	strbuf_free(&b);
	if (ok)
		out->aux = JV_MARKUP;
	return ok;
}
