/* A canvas as a drawing: for papers, issues and the manual.  Lines, blocks and braille are drawn and not written, so
 * that they meet whatever the viewer's font is. */
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>
#include "engine/base/strbuf.h"
#include "tui/canvas.h"
#include "tui/sketch.h"

enum { CELL_W = SKETCH_CELL_W, CELL_H = SKETCH_CELL_H, BASE = 12 };

/* What "the terminal's default" looks like on paper. */
enum { PAPER_FG = 0xd5d9e0, PAPER_BG = 0x14171c };

static void
colors(const struct cell *k, enum color_depth depth, uint32_t *fg, uint32_t *bg)
{
	*fg = sketch_rgb(color_reduce(k->fg, depth), PAPER_FG);
	*bg = sketch_rgb(color_reduce(k->bg, depth), PAPER_BG);
	if (k->attr & ATTR_REVERSE) {
		uint32_t t = *fg;

		*fg = *bg;
		*bg = t;
	}
	if (k->attr & ATTR_DIM)
		*fg = color_mix(*fg, *bg, 0.45);
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

/* Backgrounds and underlines, a run of like cells at a time. */
static void
row_ground(const struct cell *row, enum color_depth depth, struct rect r, int y, struct strbuf *out)
{
	uint32_t fg, bg;

	for (int x = r.x, end; x < r.x + r.w; x = end) {
		for (end = x + 1; end < r.x + r.w && same_look(&row[x], &row[end]); end++)
			;
		colors(&row[x], depth, &fg, &bg);
		if (bg != PAPER_BG)
			box(out, (x - r.x) * CELL_W, y * CELL_H, (end - x) * CELL_W, CELL_H, bg);
		if (row[x].attr & ATTR_UNDERLINE)
			box(out, (x - r.x) * CELL_W, y * CELL_H + CELL_H - 2, (end - x) * CELL_W, 1,
			    fg);
	}
}

/* The only code point of a cell; 0: there are more, or it is a right half. */
static utf8proc_int32_t
alone(const struct cell *k)
{
	size_t len = strnlen(k->text, sizeof k->text);
	utf8proc_int32_t cp;

	return k->width && utf8proc_iterate((const utf8proc_uint8_t *)k->text,
					    (utf8proc_ssize_t)len, &cp) == (utf8proc_ssize_t)len
		       ? cp
		       : 0;
}

/* Can the cell stand in a run of text?  x="..." counts UTF-16 units, so only what is one of them. */
static bool
in_run(const struct cell *k)
{
	utf8proc_int32_t cp = alone(k);

	return k->width == 1 && cp > 0x20 && cp < 0x2500;
}

static bool
is_space(const struct cell *k)
{
	return k->width == 1 && !strcmp(k->text, " ");
}

static void
text_open(struct strbuf *out, uint32_t fg, uint8_t attr)
{
	strbuf_printf(out, "<text fill=\"#%06x\"%s%s", fg,
		      attr & ATTR_BOLD ? " font-weight=\"bold\"" : "",
		      attr & ATTR_ITALIC ? " font-style=\"italic\"" : "");
}

/* Each character in its own place: no font's advance can shift the columns. */
static int
text_run(const struct cell *row, enum color_depth depth, int x, struct rect r, int y,
	 struct strbuf *out)
{
	uint32_t fg, bg, fg1, bg1;
	int end = x, last = x;

	colors(&row[x], depth, &fg, &bg);
	for (; end < r.x + r.w; end++) {
		if (is_space(&row[end])) {
			if (end >
			    last) /* not over gaps: some viewers go by the font's advance all the same */
				break;
			continue;
		}
		colors(&row[end], depth, &fg1, &bg1);
		if (!in_run(&row[end]) || fg1 != fg ||
		    ((row[end].attr ^ row[x].attr) & (ATTR_BOLD | ATTR_ITALIC)))
			break;
		last = end + 1;
	}
	text_open(out, fg, row[x].attr);
	strbuf_printf(out, " y=\"%d\" x=\"", y * CELL_H + BASE);
	for (int i = x; i < last; i++)
		strbuf_printf(out, "%s%d", i > x ? " " : "", (i - r.x) * CELL_W);
	strbuf_str(out, "\">");
	for (int i = x; i < last; i++)
		strbuf_xml(out, row[i].text, strnlen(row[i].text, sizeof row[i].text));
	strbuf_str(out, "</text>\n");
	return last;
}

static void
row_draw(const struct cell *row, enum color_depth depth, struct rect r, int y, struct strbuf *out)
{
	uint32_t fg, bg;

	row_ground(row, depth, r, y, out);
	for (int x = r.x, next; x < r.x + r.w; x = next) {
		int px = (x - r.x) * CELL_W, py = y * CELL_H;
		utf8proc_int32_t cp = alone(&row[x]);

		next = x + 1;
		if (!row[x].width || is_space(&row[x]))
			continue;
		colors(&row[x], depth, &fg, &bg);
		if (in_run(&row[x])) {
			next = text_run(row, depth, x, r, y, out);
		} else if (!cp || !shape(cp, px, py, fg, out)) {
			text_open(out, fg, row[x].attr);
			strbuf_printf(out, " x=\"%d\" y=\"%d\">", px, py + BASE);
			strbuf_xml(out, row[x].text, strnlen(row[x].text, sizeof row[x].text));
			strbuf_str(out, "</text>\n");
		}
	}
}

void
canvas_svg(const struct canvas *c, struct rect r, struct strbuf *out)
{
	if (r.x < 0 || r.y < 0 || r.x + r.w > c->w || r.y + r.h > c->h)
		r = canvas_rect(c);
	strbuf_printf(
		out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" "
		"font-size=\"13.29\" xml:space=\"preserve\" shape-rendering=\"crispEdges\">\n",
		r.w * CELL_W, r.h * CELL_H);
	box(out, 0, 0, r.w * CELL_W, r.h * CELL_H, PAPER_BG);
	for (int y = 0; y < r.h; y++)
		row_draw(&c->cells[(size_t)(r.y + y) * (size_t)c->w], c->depth, r, y, out);
	sketch_svg(c, r, out);
	strbuf_str(out, "</svg>\n");
}
