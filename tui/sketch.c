#include "tui/sketch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/base/strbuf.h"
#include "tui/utf8.h"

enum { AREAS = 64, PAPER_INK = 0xd5d9e0 };

struct area {
	struct rect r;
	struct strbuf paths;
};

struct sketch {
	struct area area[AREAS];
	int n;
	bool down;  /* the pen is on the paper */
	bool begun; /* a row of the table */
	struct strbuf csv;
	char header[160];
};

struct sketch *
sketch_new(void)
{
	return calloc(1, sizeof(struct sketch));
}

void
sketch_free(struct sketch *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->n; i++)
		strbuf_free(&s->area[i].paths);
	strbuf_free(&s->csv);
	free(s);
}

uint32_t
sketch_rgb(uint32_t color, uint32_t otherwise)
{
	static const uint32_t ansi[16] = {
		0x000000, 0xcd3131, 0x0dbc79, 0xe5e510, 0x2472c8, 0xbc3fbc, 0x11a8cd, 0xe5e5e5,
		0x666666, 0xf14c4c, 0x23d18b, 0xf5f543, 0x3b8eea, 0xd670d6, 0x29b8db, 0xffffff,
	};

	if (color_is_rgb(color))
		return color;
	if (!color_is_index(color))
		return otherwise;
	return (color & 255) < 16 ? ansi[color & 255] : color_index_rgb((int)(color & 255));
}

/* -- lines -------------------------------------------------------------------------------------------------- */

void
sketch_area(struct canvas *c, struct rect r)
{
	struct sketch *s = c->sketch;

	/* More plots than anyone's screen has: the last areas are one. */
	if (s->n < AREAS)
		s->n++;
	s->area[s->n - 1].r = r;
	canvas_claim(c, r, (uint8_t)s->n);
}

static struct strbuf *
paper(struct canvas *c)
{
	return &c->sketch->area[c->sketch->n - 1].paths;
}

void
sketch_path(struct canvas *c, const struct pen *p)
{
	uint32_t rgb = sketch_rgb(color_reduce(p->color, c->depth), PAPER_INK);

	if (p->width > 0)
		strbuf_printf(paper(c), "<path fill=\"none\" stroke=\"#%06x\" stroke-width=\"%g\"",
			      rgb, p->width);
	else
		strbuf_printf(paper(c), "<path fill=\"#%06x\"", rgb);
	if (p->opacity < 1)
		strbuf_printf(paper(c), " opacity=\"%g\"", p->opacity);
	if (p->dash)
		strbuf_printf(paper(c), " stroke-dasharray=\"%s\"", p->dash);
	strbuf_str(paper(c), " d=\"");
	c->sketch->down = false;
}

void
sketch_to(struct canvas *c, double x, double y, bool move)
{
	if (!isfinite(x) || !isfinite(y)) {
		c->sketch->down = false;
		return;
	}
	/* What is far outside is as good as just outside. */
	x = fmin(fmax(x, -1e4), 1e4);
	y = fmin(fmax(y, -1e4), 1e4);
	strbuf_printf(paper(c), "%c%.2f %.2f", move || !c->sketch->down ? 'M' : 'L',
		      x * SKETCH_CELL_W, y * SKETCH_CELL_H);
	c->sketch->down = true;
}

void
sketch_end(struct canvas *c)
{
	strbuf_str(paper(c), "\"/>\n");
}

void
sketch_line(struct canvas *c, const struct pen *p, double x0, double y0, double x1, double y1)
{
	sketch_path(c, p);
	sketch_to(c, x0, y0, true);
	sketch_to(c, x1, y1, false);
	sketch_end(c);
}

void
sketch_rect(struct canvas *c, const struct pen *p, double x, double y, double w, double h)
{
	sketch_path(c, p);
	sketch_to(c, x, y, true);
	sketch_to(c, x + w, y, false);
	sketch_to(c, x + w, y + h, false);
	sketch_to(c, x, y + h, false);
	strbuf_char(paper(c), 'Z');
	sketch_end(c);
}

int
sketch_width(const char *text)
{
	return utf8_width_str(text);
}

void
sketch_label(struct canvas *c, uint32_t color, double x, double y, double anchor, const char *text)
{
	static const char *const anchors[] = {"start", "middle", "end"};
	struct strbuf *out = paper(c);

	strbuf_printf(out, "<text x=\"%.2f\" y=\"%.2f\" text-anchor=\"%s\" fill=\"#%06x\">",
		      x * SKETCH_CELL_W, y * SKETCH_CELL_H + 4.5, anchors[(int)(anchor * 2)],
		      sketch_rgb(color_reduce(color, c->depth), PAPER_INK));
	strbuf_xml(out, text, strlen(text));
	strbuf_str(out, "</text>\n");
}

/* Runs of cells in a row that are still the area's. */
static void
clip_svg(const struct canvas *c, struct rect r, int id, struct strbuf *out)
{
	strbuf_printf(out, "<clipPath id=\"a%d\">\n", id);
	for (int y = r.y; y < r.y + r.h && y < c->h; y++) {
		const struct cell *row = &c->cells[(size_t)y * (size_t)c->w];

		for (int x = r.x, end; x < r.x + r.w && x < c->w; x = end) {
			for (end = x; end < r.x + r.w && end < c->w && row[end].claim == id; end++)
				;
			if (end > x)
				strbuf_printf(
					out,
					"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
					x * SKETCH_CELL_W, y * SKETCH_CELL_H,
					(end - x) * SKETCH_CELL_W, SKETCH_CELL_H);
			else
				end++;
		}
	}
	strbuf_str(out, "</clipPath>\n");
}

void
sketch_svg(const struct canvas *c, struct rect r, struct strbuf *out)
{
	const struct sketch *s = c->sketch;

	if (!s || !s->n)
		return;
	strbuf_printf(out,
		      "<g transform=\"translate(%d %d)\" shape-rendering=\"geometricPrecision\" "
		      "stroke-linejoin=\"round\">\n",
		      -r.x * SKETCH_CELL_W, -r.y * SKETCH_CELL_H);
	for (int i = 0; i < s->n; i++) {
		clip_svg(c, s->area[i].r, i + 1, out);
		strbuf_printf(out, "<g clip-path=\"url(#a%d)\">\n", i + 1);
		if (s->area[i].paths.len)
			strbuf_add(out, s->area[i].paths.s, s->area[i].paths.len);
		strbuf_str(out, "</g>\n");
	}
	strbuf_str(out, "</g>\n");
}

/* -- numbers ------------------------------------------------------------------------------------------------ */

void
sketch_table(struct sketch *s, const char *header)
{
	if (!strcmp(s->header, header))
		return;
	snprintf(s->header, sizeof s->header, "%s", header);
	strbuf_printf(&s->csv, "%s%s\n", s->csv.len ? "\n" : "", header);
}

static void
separate(struct sketch *s)
{
	if (s->begun)
		strbuf_char(&s->csv, ',');
	s->begun = true;
}

void
sketch_text(struct sketch *s, const char *field)
{
	separate(s);
	strbuf_csv(&s->csv, field);
}

void
sketch_number(struct sketch *s, double v)
{
	separate(s);
	strbuf_number(&s->csv, v);
}

void
sketch_row(struct sketch *s)
{
	strbuf_char(&s->csv, '\n');
	s->begun = false;
}

const char *
sketch_csv(const struct sketch *s)
{
	return s->csv.s && !s->csv.failed ? s->csv.s : "";
}
