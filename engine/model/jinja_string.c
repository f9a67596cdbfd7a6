/* jinja_string.c - Python's escapes in a template's string literals. */
#include <stdio.h>
#include <string.h>

#include "engine/model/jinja_lex.h"
#include "engine/model/jinja_text.h"

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return -1;
}

/* Exactly n hexadecimal digits. */
static bool
hex(const char *s, size_t len, size_t n, uint32_t *c)
{
	*c = 0;
	if (len < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int d = hex_value(s[i]);

		if (d < 0)
			return false;
		*c = *c << 4 | (uint32_t)d;
	}
	return true;
}

/* An escape names a character by number: x, u, U, or up to three octal digits.  s is behind the backslash. */
static bool
numbered(const char *s, size_t len, uint32_t *c, size_t *used)
{
	size_t n = s[0] == 'x' ? 2 : s[0] == 'u' ? 4 : s[0] == 'U' ? 8 : 0;

	if (n) {
		*used = n + 1;
		return hex(s + 1, len - 1, n, c) && *c <= 0x10ffff;
	}
	*c = 0;
	for (*used = 0; *used < 3 && *used < len && s[*used] >= '0' && s[*used] <= '7'; ++*used)
		*c = *c << 3 | (uint32_t)(s[*used] - '0');
	return true;
}

enum t2_status
jlex_unescape(struct jarena *mem, const struct jsource *src, uint32_t at, const char *s, size_t len,
	      struct jv *out, struct t2_err *err)
{
	static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
	size_t n = 0, room = len, i = 0;
	char *b;

	if (!memchr(s, '\\', len)) {
		*out = jv_str(s, len);
		return T2_OK;
	}
	/* No escape grows, but for one in front of a character beyond ASCII: it becomes up to 11 bytes from 3. */
	if (room < (size_t)-1 / 4)
		room *= 4;
	b = jarena_bytes(mem, room);
	if (!b)
		return t2_nomem(err, src->where);
	while (i < len) {
		const char *hit;
		uint32_t c;
		size_t used;

		if (s[i] != '\\') {
			b[n++] = s[i++];
			continue;
		}
		i++; /* a backslash is never the last byte: it would hide the closing quote */
		hit = memchr(from, s[i], sizeof from - 1);
		if (hit) {
			b[n++] = to[hit - from];
			i++;
		} else if (s[i] == '\n') {
			i++;
		} else if (s[i] == 'N') {
			return jsource_fail(src, at + 1 + (uint32_t)i, err, T2_EUNSUP,
					    "\\N{name} in a string");
		} else if (strchr("xuU01234567", s[i]) && s[i]) {
			if (!numbered(s + i, len - i, &c, &used))
				return jsource_fail(src, at + 1 + (uint32_t)i, err, T2_EFORMAT,
						    "bad \\%c escape in a string", s[i]);
			if (c >= 0xd800 && c <= 0xdfff)
				return jsource_fail(src, at + 1 + (uint32_t)i, err, T2_EUNSUP,
						    "lone surrogate in a string");
			n += jtext_put(c, b + n);
			i += used;
		} else if ((unsigned char)s[i] < 0x80) {
			b[n++] = '\\';
			b[n++] = s[i++];
		} else {
			/* Jinja2 spells such a character as an escape itself, and the backslash in front eats
			 * that one's: "\e-acute" reads as a backslash and "xe9". */
			char spelt[12];
			int k;

			used = jtext_next(s + i, len - i, &c);
			k = snprintf(spelt, sizeof spelt,
				     c < 0x100	   ? "\\x%02x"
				     : c < 0x10000 ? "\\u%04x"
						   : "\\U%08x",
				     c);
			memcpy(b + n, spelt, (size_t)k);
			n += (size_t)k;
			i += used;
		}
	}
	*out = jv_str(b, n);
	return T2_OK;
}
