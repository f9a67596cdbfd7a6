/* utf8.h - UTF-8, one character at a time.
 *
 *	while (n) {
 *		uint32_t cp;
 *		size_t k = utf8_next(s, n, &cp);	// 1 .. 4 bytes, never more than n
 *		if (cp == UTF8_CUT) ...			// s[0 .. n) ends inside a character: more bytes may complete it
 *		s += k, n -= k;
 *	}
 *
 * What is not UTF-8 (surrogates, overlong forms and numbers above U+10FFFF too) comes as UTF8_BAD, one for each maximal
 * part, which is how everybody else counts U+FFFD.  NUL is a character. */
#ifndef T2_BASE_UTF8_H
#define T2_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/strbuf.h"

#define UTF8_BAD 0xffffffffu
#define UTF8_CUT 0xfffffffeu

size_t utf8_next(const char *s, size_t n, uint32_t *cp);
/* Bytes written, 1 .. 4; cp is a Unicode scalar value. */
size_t utf8_write(uint32_t cp, char out[4]);
bool utf8_valid(const char *s, size_t n);
/* Appends s with U+FFFD for each maximal part that is not UTF-8. */
void utf8_clean(struct strbuf *out, const char *s, size_t n);
/* Unicode's White_Space. */
bool utf8_is_space(uint32_t cp);

#endif
