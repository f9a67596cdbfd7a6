/* utf8.h - text as a terminal shows it: grapheme clusters and their columns.
 *
 *	struct glyph g;
 *	for (size_t i = 0; i < n; i += utf8_glyph(s + i, n - i, &g))
 *		if (g.width)
 *			put(g.text, g.width);
 *
 * Any bytes may come in (models write what they like); what comes out is always safe to print: control characters
 * become their pictures, broken UTF-8 becomes U+FFFD, format characters (bidi overrides, joiners, variation
 * selectors) are dropped because terminals disagree about them, an emoji sequence is shown by its first emoji. */
#ifndef T2_TUI_UTF8_H
#define T2_TUI_UTF8_H

#include <stdbool.h>
#include <stddef.h>

enum { GLYPH_BYTES = 20 }; /* five code points of four bytes: what a cell holds */

struct glyph {
	char text[GLYPH_BYTES + 1]; /* UTF-8, NUL padded */
	int width;		    /* columns: 1 or 2; 0: nothing to show */
};

/* The first cluster of s[n]; returns the bytes it takes, at least 1 (n must not be 0). */
size_t utf8_glyph(const char *s, size_t n, struct glyph *g);
/* Columns of s[n]. */
int utf8_width(const char *s, size_t n);
int utf8_width_str(const char *s);
/* How many bytes of s[n] fit into cols columns; *used (optional) gets their columns. */
size_t utf8_fit(const char *s, size_t n, int cols, int *used);
/* One line of word-wrapped text: returns its bytes, *next gets where the following line starts (n at the end).
 * Breaks at '\n', else at the last space or beside the last wide character, else where it must.  cols >= 2. */
size_t utf8_line(const char *s, size_t n, int cols, size_t *next);
/* Cluster borders, for editing. */
size_t utf8_after(const char *s, size_t n, size_t pos);
size_t utf8_before(const char *s, size_t n, size_t pos);
/* The nearest printable ASCII character: lines, bars and arrows by shape, letters without accents, else '?'. */
char utf8_ascii(const char *glyph);
/* Bytes of the code point put into out[4]; 0 if cp is none. */
int glyph_put(long cp, char out[4]);

#endif
