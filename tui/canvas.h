/* canvas.h - a grid of cells that views draw on; no terminal in it.
 *
 *	struct style dim = canvas_style(c, TH_DIM);
 *	struct rect old = canvas_clip(c, pane);
 *	canvas_text(c, x, y, w, dim, "any UTF-8");	// cut with "…" where it does not fit into w columns
 *	canvas_printf(c, x, y + 1, w, dim, "%d of %d", i, n);
 *	canvas_unclip(c, old);
 *
 * Coordinates are absolute, x right and y down from 0.  Everything outside the clip is dropped, so drawing needs no
 * checks of its own.  All text goes through utf8_glyph(): nothing a model writes can reach the terminal raw.  On a
 * canvas of GLYPHS_ASCII every non-ASCII character is replaced as it is put, so callers draw as if they had all. */
#ifndef T2_CANVAS_H
#define T2_CANVAS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tui/color.h"
#include "tui/theme.h"

struct sketch;
struct strbuf;

struct rect {
	int x, y, w, h;
};

struct cell {
	char text[20]; /* one grapheme cluster, NUL padded; " " where empty */
	uint32_t fg, bg;
	uint8_t attr;
	uint8_t width; /* 1, 2, or 0: the right half of the cell before */
	uint8_t arms;  /* of line drawing, so that lines that meet join */
	uint8_t claim; /* of an area of the sketch, 0: none */
};

enum glyph_level { GLYPHS_ASCII, GLYPHS_BLOCK, GLYPHS_BRAILLE };

struct canvas {
	int w, h;
	struct cell *cells; /* [h][w] */
	struct rect clip;
	enum glyph_level glyphs;
	enum color_depth depth;
	const struct theme *theme; /* borrowed */
	struct sketch *sketch;	   /* borrowed; NULL but while drawing for a file: sketch.h */
	int cursor_x, cursor_y;	   /* where the terminal's cursor shows; x < 0: hidden */
};

struct canvas *canvas_new(int w, int h); /* NULL: no memory */
bool canvas_resize(struct canvas *c, int w,
		   int h); /* contents are lost; false: no memory, size unchanged */
void canvas_free(struct canvas *c);
void canvas_clear(struct canvas *c); /* blank in the theme's text style, clip and cursor reset */

static inline struct style
canvas_style(const struct canvas *c, enum theme_role role)
{
	return c->theme->style[role];
}

/* The clip becomes r cut by the present one; returns the present one for canvas_unclip(). */
struct rect canvas_clip(struct canvas *c, struct rect r);
void canvas_unclip(struct canvas *c, struct rect old);
struct rect rect_inset(struct rect r, int dx, int dy);
bool rect_has(struct rect r, int x, int y);

/* Text.  Returns the columns used (at most w). */
int canvas_text(struct canvas *c, int x, int y, int w, struct style st, const char *s);
int canvas_textn(struct canvas *c, int x, int y, int w, struct style st, const char *s, size_t n);
int canvas_right(struct canvas *c, int x, int y, int w, struct style st, const char *s);
int canvas_center(struct canvas *c, int x, int y, int w, struct style st, const char *s);
int canvas_printf(struct canvas *c, int x, int y, int w, struct style st, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* Word-wrapped into r from line skip on; returns the number of lines the text has in all. */
int canvas_wrap(struct canvas *c, struct rect r, struct style st, const char *s, int skip);

/* Areas and lines. */
void canvas_fill(struct canvas *c, struct rect r, struct style st);
/* Sets colours and attributes, keeps the characters; KEEP keeps a colour too. */
void canvas_tint(struct canvas *c, struct rect r, struct style st);
void canvas_hline(struct canvas *c, int x, int y, int w, struct style st);
void canvas_vline(struct canvas *c, int x, int y, int h, struct style st);
/* The cells are that area's of the sketch until something is written there. */
void canvas_claim(struct canvas *c, struct rect r, uint8_t id);
/* A frame; its lines join those it meets. */
void canvas_box(struct canvas *c, struct rect r, struct style st);

/* Bars.  A bar to the right in eighths of a cell; frac is clamped to [0, 1]. */
void canvas_hbar(struct canvas *c, int x, int y, int w, double frac, struct style st);
/* One column, h cells high, growing up from y + h - 1. */
void canvas_vbar(struct canvas *c, int x, int y, int h, double frac, struct style st);
/* The same growing down from y. */
void canvas_vbar_down(struct canvas *c, int x, int y, int h, double frac, struct style st);
/* The last w values, one a column; NaN leaves a gap; lo >= hi: their own range. */
void canvas_spark(struct canvas *c, int x, int y, int w, struct style st, const double *v, int n,
		  double lo, double hi);

/* What is on it, as text; trailing blanks are cut. */
void canvas_dump(const struct canvas *c, struct rect r, struct strbuf *out);
void canvas_svg(const struct canvas *c, struct rect r, struct strbuf *out);
bool canvas_find(const struct canvas *c, const char *text); /* in one line */
struct rect canvas_rect(const struct canvas *c);

#endif
