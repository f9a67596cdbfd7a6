#include "engine/base/utf8.h"

#include <string.h>

size_t
utf8_next(const char *s, size_t n, uint32_t *cp)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char lo = 0x80, hi = 0xbf; /* what the second byte may be */
	size_t i, need;
	uint32_t c;

	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	*cp = UTF8_BAD;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 1;
	need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	c = p[0] & (0x7fu >> need);
	for (i = 1; i < need; i++) {
		if (i == n) {
			*cp = UTF8_CUT;
			return n;
		}
		if (p[i] < lo || p[i] > hi)
			return i;
		lo = 0x80;
		hi = 0xbf;
		c = c << 6 | (p[i] & 0x3f);
	}
	*cp = c;
	return need;
}

size_t
utf8_write(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

/* How many of the first bytes are whole, good characters. */
static size_t
good_prefix(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		uint32_t cp;
		size_t k;

		if (n - i >= 8) {
			uint64_t w;

			memcpy(&w, s + i, 8);
			if (!(w & 0x8080808080808080u)) {
				i += 8;
				continue;
			}
		}
		k = utf8_next(s + i, n - i, &cp);
		if (cp >= UTF8_CUT)
			break;
		i += k;
	}
	return i;
}

bool
utf8_valid(const char *s, size_t n)
{
	return good_prefix(s, n) == n;
}

void
utf8_clean(struct strbuf *out, const char *s, size_t n)
{
	while (n) {
		size_t k = good_prefix(s, n);
		uint32_t cp;

		strbuf_add(out, s, k);
		s += k;
		n -= k;
		if (!n)
			break;
		k = utf8_next(s, n, &cp);
		strbuf_add(out, "\xef\xbf\xbd", 3);
		s += k;
		n -= k;
	}
}

bool
utf8_is_space(uint32_t cp)
{
	return (cp >= 9 && cp <= 13) || cp == 0x20 || cp == 0x85 || cp == 0xa0 || cp == 0x1680 ||
	       (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f ||
	       cp == 0x205f || cp == 0x3000;
}
