/* A canvas as a drawing: for papers, issues and the manual.  Lines, blocks and braille are drawn and not written, so
 * that they meet whatever the viewer's font is. */
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>
#include "engine/base/strbuf.h"
#include "tui/canvas.h"

enum { CELL_W = 8, CELL_H = 16, BASE = 12 };

/* What "the terminal's default" looks like on paper. */
enum { PAPER_FG = 0xd5d9e0, PAPER_BG = 0x14171c };

static uint32_t
plain(uint32_t c, uint32_t otherwise)
{
	static const uint32_t ansi[16] = {
		0x000000, 0xcd3131, 0x0dbc79, 0xe5e510, 0x2472c8, 0xbc3fbc, 0x11a8cd, 0xe5e5e5,
		0x666666, 0xf14c4c, 0x23d18b, 0xf5f543, 0x3b8eea, 0xd670d6, 0x29b8db, 0xffffff,
	};

	if (color_is_rgb(c))
		return c;
	if (color_is_index(c) && (c & 255) < 16)
		return ansi[c & 255];
	return otherwise;
}

static void
colors(const struct cell *k, uint32_t *fg, uint32_t *bg)
{
	*fg = plain(k->fg, PAPER_FG);
	*bg = plain(k->bg, PAPER_BG);
	if (k->attr & ATTR_REVERSE) {
		uint32_t t = *fg;

		*fg = *bg;
		*bg = t;
	}
	if (k->attr & ATTR_DIM)
		*fg = color_mix(*fg, *bg, 0.45);
}

static void
escape(const char *s, size_t n, struct strbuf *out)
{
	for (size_t i = 0; i < n; i++) {
		switch (s[i]) {
		case '<':
			strbuf_str(out, "&lt;");
			break;
		case '>':
			strbuf_str(out, "&gt;");
			break;
		case '&':
			strbuf_str(out, "&amp;");
			break;
		default:
			strbuf_char(out, s[i]);
		}
	}
}

static void
box(struct strbuf *out, double x, double y, double w, double h, uint32_t fill)
{
	strbuf_printf(out, "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"#%06x\"/>\n",
		      x, y, w, h, fill);
}

/* Up 1, down 2, left 4, right 8, as in canvas.c. */
static int
arms(utf8proc_int32_t cp)
{
	static const struct {
		utf8proc_int32_t cp;
		int arms;
	} lines[] = {
		{0x2500, 12}, {0x2502, 3},  {0x250c, 10}, {0x2510, 6},	{0x2514, 9},
		{0x2518, 5},  {0x251c, 11}, {0x2524, 7},  {0x252c, 14}, {0x2534, 13},
		{0x253c, 15}, {0x256d, 10}, {0x256e, 6},  {0x256f, 5},	{0x2570, 9},
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (lines[i].cp == cp)
			return lines[i].arms;
	return 0;
}

/* false: not a shape, write it as text. */
static bool
shape(utf8proc_int32_t cp, int x, int y, uint32_t fg, struct strbuf *out)
{
	static const unsigned char dots[8][2] = {{0, 0}, {0, 1}, {0, 2}, {1, 0},
						 {1, 1}, {1, 2}, {0, 3}, {1, 3}};
	static const unsigned char quarter[] = {4, 8, 1, 13, 9, 7, 11, 2, 6, 14}; /* 2596 .. 259f */
	int a = arms(cp), q;

	if (a) {
		double mx = x + CELL_W / 2.0, my = y + CELL_H / 2.0, t = a & 1 ? y : my;

		if (a & 3)
			box(out, mx - 0.5, t, 1, (a & 2 ? y + CELL_H : my) - t, fg);
		t = a & 4 ? x : mx;
		if (a & 12)
			box(out, t, my - 0.5, (a & 8 ? x + CELL_W : mx) - t, 1, fg);
		return true;
	}
	if (cp >= 0x2581 && cp <= 0x2588) {
		double h = CELL_H * (cp - 0x2580) / 8.0;

		box(out, x, y + CELL_H - h, CELL_W, h, fg);
		return true;
	}
	if (cp >= 0x2589 && cp <= 0x258f) {
		box(out, x, y, CELL_W * (0x2590 - cp) / 8.0, CELL_H, fg);
		return true;
	}
	if (cp == 0x2580 || cp == 0x2590) {
		box(out, cp == 0x2590 ? x + CELL_W / 2 : x, y, cp == 0x2590 ? CELL_W / 2 : CELL_W,
		    cp == 0x2580 ? CELL_H / 2 : CELL_H, fg);
		return true;
	}
	if (cp >= 0x2596 && cp <= 0x259f) {
		q = quarter[cp - 0x2596];
		for (int i = 0; i < 4; i++)
			if (q >> i & 1)
				box(out, x + (i & 1) * CELL_W / 2, y + (i >> 1) * CELL_H / 2,
				    CELL_W / 2, CELL_H / 2, fg);
		return true;
	}
	if (cp < 0x2800 || cp > 0x28ff)
		return false;
	for (int i = 0; i < 8; i++)
		if (cp >> i & 1)
			box(out, x + 1 + 4 * dots[i][0], y + 1 + 4 * dots[i][1], 2, 2, fg);
	return true;
}

static bool
same_look(const struct cell *a, const struct cell *b)
{
	return a->fg == b->fg && a->bg == b->bg && a->attr == b->attr;
}

static void
row_draw(const struct cell *row, struct rect r, int y, struct strbuf *out)
{
	utf8proc_int32_t cp;
	uint32_t fg, bg;

	for (int x = r.x, end; x < r.x + r.w; x = end) {
		for (end = x + 1; end < r.x + r.w && same_look(&row[x], &row[end]); end++)
			;
		colors(&row[x], &fg, &bg);
		if (bg != PAPER_BG)
			box(out, (x - r.x) * CELL_W, y * CELL_H, (end - x) * CELL_W, CELL_H, bg);
	}
	for (int x = r.x; x < r.x + r.w; x++) {
		size_t len = strnlen(row[x].text, sizeof row[x].text);
		int px = (x - r.x) * CELL_W, py = y * CELL_H;

		if (!row[x].width || !strcmp(row[x].text, " "))
			continue;
		colors(&row[x], &fg, &bg);
		if (utf8proc_iterate((const utf8proc_uint8_t *)row[x].text, (utf8proc_ssize_t)len,
				     &cp) == (utf8proc_ssize_t)len &&
		    shape(cp, px, py, fg, out))
			continue;
		/* Each cell in its own place: no font's advance can shift the columns. */
		strbuf_printf(out, "<text x=\"%d\" y=\"%d\" fill=\"#%06x\"%s%s%s>", px, py + BASE,
			      fg, row[x].attr & ATTR_BOLD ? " font-weight=\"bold\"" : "",
			      row[x].attr & ATTR_ITALIC ? " font-style=\"italic\"" : "",
			      row[x].attr & ATTR_UNDERLINE ? " text-decoration=\"underline\"" : "");
		escape(row[x].text, len, out);
		strbuf_str(out, "</text>\n");
	}
}

void
canvas_svg(const struct canvas *c, struct rect r, struct strbuf *out)
{
	if (r.x < 0 || r.y < 0 || r.x + r.w > c->w || r.y + r.h > c->h)
		r = canvas_rect(c);
	strbuf_printf(out,
		      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		      "font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" "
		      "font-size=\"13\" xml:space=\"preserve\" shape-rendering=\"crispEdges\">\n",
		      r.w * CELL_W, r.h * CELL_H);
	box(out, 0, 0, r.w * CELL_W, r.h * CELL_H, PAPER_BG);
	for (int y = 0; y < r.h; y++)
		row_draw(&c->cells[(size_t)(r.y + y) * (size_t)c->w], r, y, out);
	strbuf_str(out, "</svg>\n");
}
