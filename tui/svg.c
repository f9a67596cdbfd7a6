/* A canvas as a drawing: for papers, issues and the manual. */
#include <stdio.h>
#include <string.h>
#include "engine/base/strbuf.h"
#include "tui/canvas.h"

enum { CELL_W = 8, CELL_H = 17 };

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

static bool
same_look(const struct cell *a, const struct cell *b)
{
	return a->fg == b->fg && a->bg == b->bg && a->attr == b->attr;
}

static void
row_draw(const struct cell *row, struct rect r, int y, struct strbuf *out)
{
	uint32_t fg, bg;

	for (int x = r.x, end; x < r.x + r.w; x = end) {
		for (end = x + 1; end < r.x + r.w && same_look(&row[x], &row[end]); end++)
			;
		colors(&row[x], &fg, &bg);
		if (bg != PAPER_BG)
			strbuf_printf(out,
				      "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
				      "fill=\"#%06x\"/>\n",
				      (x - r.x) * CELL_W, y * CELL_H, (end - x) * CELL_W, CELL_H,
				      bg);
	}
	for (int x = r.x; x < r.x + r.w; x++) {
		size_t len = strnlen(row[x].text, sizeof row[x].text);

		if (!row[x].width || !strcmp(row[x].text, " "))
			continue;
		/* Each cell in its own place: no font's advance can shift the columns. */
		colors(&row[x], &fg, &bg);
		strbuf_printf(out, "<text x=\"%d\" y=\"%d\" fill=\"#%06x\"%s%s%s>",
			      (x - r.x) * CELL_W, y * CELL_H + 13, fg,
			      row[x].attr & ATTR_BOLD ? " font-weight=\"bold\"" : "",
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
		      "font-family=\"DejaVu Sans Mono, monospace\" font-size=\"13\" "
		      "xml:space=\"preserve\">\n"
		      "<rect width=\"100%%\" height=\"100%%\" fill=\"#%06x\"/>\n",
		      r.w * CELL_W, r.h * CELL_H, PAPER_BG);
	for (int y = 0; y < r.h; y++)
		row_draw(&c->cells[(size_t)(r.y + y) * (size_t)c->w], r, y, out);
	strbuf_str(out, "</svg>\n");
}
