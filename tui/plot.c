#include "tui/plot_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tui/utf8.h"
#include "tui/widgets/gauge.h"

/* Dots of one drawing: braille 2 x 4 a cell, quarter blocks 2 x 2, letters 1 x 1. */
struct raster {
	int dx, dy;	      /* dots a cell */
	int w, h;	      /* dots */
	unsigned char *bits;  /* [cells] */
	unsigned char *owner; /* [cells] 1 + series */
	int cw;
};

static const char letters[] = "*+ox#@%&"; /* curves without anything better */

static const char *const quarters[16] = {
	" ", "▘", "▝", "▀", "▖", "▌", "▞", "▛", "▗", "▚", "▐", "▜", "▄", "▙", "▟", "█",
};

static int
dots_x(const struct canvas *c)
{
	return c->glyphs == GLYPHS_ASCII ? 1 : 2;
}

static int
dots_y(const struct canvas *c)
{
	return c->glyphs == GLYPHS_ASCII ? 1 : c->glyphs == GLYPHS_BLOCK ? 2 : 4;
}

static bool
raster_new(struct raster *q, const struct canvas *c, struct rect a)
{
	size_t n = (size_t)a.w * (size_t)a.h;

	q->dx = dots_x(c);
	q->dy = dots_y(c);
	q->w = a.w * q->dx;
	q->h = a.h * q->dy;
	q->cw = a.w;
	q->bits = calloc(n, 2);
	q->owner = q->bits ? q->bits + n : NULL;
	return q->bits != NULL;
}

static void
raster_dot(struct raster *q, int x, int y, int series)
{
	/* Braille numbers its dots down the columns, the fourth row was added later. */
	static const unsigned char braille[4][2] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
	size_t cell;

	if (x < 0 || y < 0 || x >= q->w || y >= q->h)
		return;
	cell = (size_t)(y / q->dy) * (size_t)q->cw + (size_t)(x / q->dx);
	if (q->dy == 4)
		q->bits[cell] |= braille[y % 4][x % 2];
	else if (q->dy == 2)
		q->bits[cell] |= (unsigned char)(1 << (y % 2 * 2 + x % 2));
	else
		q->bits[cell] = 1;
	q->owner[cell] = (unsigned char)(series + 1);
}

/* dashes: which of eight dots along the line are drawn. */
static void
raster_line(struct raster *q, int x0, int y0, int x1, int y1, int series, unsigned dashes,
	    unsigned *step)
{
	int dx = abs(x1 - x0), dy = -abs(y1 - y0), sx = x0 < x1 ? 1 : -1, sy = y0 < y1 ? 1 : -1;
	int e = dx + dy;

	for (;;) {
		if (dashes >> (*step)++ % 8 & 1)
			raster_dot(q, x0, y0, series);
		if (x0 == x1 && y0 == y1)
			return;
		if (2 * e >= dy) {
			e += dy;
			x0 += sx;
		} else {
			e += dx;
			y0 += sy;
		}
	}
}

static void
raster_draw(const struct raster *q, struct canvas *c, struct rect a, const struct plot *p)
{
	for (int y = 0; y < a.h; y++)
		for (int x = 0; x < a.w; x++) {
			size_t cell = (size_t)y * (size_t)q->cw + (size_t)x;
			int k = q->owner[cell] - 1;
			char buf[5] = {0};

			if (k < 0)
				continue;
			if (q->dy == 4)
				glyph_put(0x2800 + q->bits[cell], buf);
			else if (q->dy == 2)
				memcpy(buf, quarters[q->bits[cell]],
				       strlen(quarters[q->bits[cell]]));
			else
				buf[0] = letters[k % 8];
			canvas_text(c, a.x + x, a.y + y, 1, p->series[k].style, buf);
		}
}

/* -- axes --------------------------------------------------------------------------------------------------- */

static void
range_add(double v, bool log, double *lo, double *hi)
{
	v = plot_fwd(v, log);
	if (isfinite(v)) {
		*lo = fmin(*lo, v);
		*hi = fmax(*hi, v);
	}
}

/* Ranges, in the axes' own units (log10 on a log axis); false: nothing to show. */
static bool
ranges(const struct plot *p, struct plot_map *m)
{
	double xl = INFINITY, xh = -INFINITY, yl = INFINITY, yh = -INFINITY, pad;

	for (int k = 0; k < p->nseries; k++) {
		const struct plot_series *s = &p->series[k];

		for (int i = 0; i < s->n; i++) {
			if (!isfinite(plot_fwd(s->y[i], p->log_y)))
				continue;
			range_add(plot_series_x(s, i), p->log_x, &xl, &xh);
			range_add(s->y[i], p->log_y, &yl, &yh);
			if (s->lo)
				range_add(s->lo[i], p->log_y, &yl, &yh);
			if (s->hi)
				range_add(s->hi[i], p->log_y, &yl, &yh);
		}
	}
	if (!(xl <= xh) || !(yl <= yh))
		return false;
	if (p->x0 != p->x1) {
		xl = plot_fwd(p->x0, p->log_x);
		xh = plot_fwd(p->x1, p->log_x);
	}
	if (p->y0 != p->y1) {
		yl = plot_fwd(p->y0, p->log_y);
		yh = plot_fwd(p->y1, p->log_y);
	} else {
		pad = yh > yl ? 0.04 * (yh - yl) : fabs(yl) > 0 ? 0.1 * fabs(yl) : 1;
		yl -= pad;
		yh += pad;
	}
	if (!(xh > xl)) {
		xl -= 0.5;
		xh += 0.5;
	}
	if (!isfinite(xl) || !isfinite(xh) || !isfinite(yl) || !isfinite(yh) || !(yh > yl))
		return false;
	m->x0 = xl;
	m->x1 = xh;
	m->y0 = yl;
	m->y1 = yh;
	m->log_x = p->log_x;
	m->log_y = p->log_y;
	return true;
}

static double
place(double v, double lo, double hi, int dots)
{
	return (v - lo) / (hi - lo) * (dots - 1);
}

/* The cell that a value's dot falls into; -1: outside. */
static int
cell_of(double v, double lo, double hi, int cells, int dots)
{
	double p = place(v, lo, hi, cells * dots);

	return p > -0.5 && p < cells * dots - 0.5 ? (int)lrint(p) / dots : -1;
}

double
plot_x(const struct plot_map *m, int column)
{
	double t = m->area.w > 1 ? (double)(column - m->area.x) / (m->area.w - 1) : 0;
	double v = m->x0 + (t < 0 ? 0 : t > 1 ? 1 : t) * (m->x1 - m->x0);

	return m->log_x ? pow(10, v) : v;
}

int
plot_column(const struct plot_map *m, double x)
{
	int k = cell_of(plot_fwd(x, m->log_x), m->x0, m->x1, m->area.w, m->dx);

	return k < 0 ? -1 : m->area.x + k;
}

static int
plot_row(const struct plot_map *m, double y)
{
	int k = cell_of(plot_fwd(y, m->log_y), m->y0, m->y1, m->area.h, m->dy);

	return k < 0 ? -1 : m->area.y + m->area.h - 1 - k;
}

static void
axis_make(struct axis *x, double lo, double hi, bool log, bool whole, int want)
{
	x->n = whole ? plot_ticks_whole(lo, hi, want, x->tick, PLOT_TICKS)
		     : plot_ticks(lo, hi, log, want, x->tick, PLOT_TICKS);
	x->step = x->n > 1 ? x->tick[1] - x->tick[0] : 0;
}

static void
axes_draw(struct canvas *c, const struct plot *p, const struct plot_map *m, const struct axis *ax,
	  const struct axis *ay, int left)
{
	struct style st = canvas_style(c, TH_AXIS), grid = canvas_style(c, TH_GRID);
	bool ascii = c->glyphs == GLYPHS_ASCII;
	int bottom = m->area.y + m->area.h, free_from = m->area.x - 2;
	char buf[32];

	for (int i = 0; i < ay->n; i++) {
		int y = plot_row(m, ay->tick[i]);

		if (y < 0)
			continue;
		plot_tick_text(buf, sizeof buf, ay->tick[i], p->log_y, ay->step, ascii);
		canvas_right(c, m->area.x - 1 - left, y, left, st, buf);
		if (!ascii)
			for (int x = m->area.x; x < m->area.x + m->area.w; x++)
				canvas_text(c, x, y, 1, grid, "┈");
	}
	for (int y = m->area.y; y < bottom; y++)
		canvas_text(c, m->area.x - 1, y, 1, st, "│");
	for (int i = 0; i < ay->n; i++)
		if (plot_row(m, ay->tick[i]) >= 0)
			canvas_text(c, m->area.x - 1, plot_row(m, ay->tick[i]), 1, st, "┤");
	canvas_text(c, m->area.x - 1, bottom, 1, st, "└");
	for (int x = m->area.x; x < m->area.x + m->area.w; x++)
		canvas_text(c, x, bottom, 1, st, "─");
	for (int i = 0; i < ax->n; i++) {
		int x = plot_column(m, ax->tick[i]), w, at;

		if (x < 0)
			continue;
		canvas_text(c, x, bottom, 1, st, "┬");
		plot_tick_text(buf, sizeof buf, ax->tick[i], p->log_x, ax->step, ascii);
		w = utf8_width_str(buf);
		at = x - w / 2;
		if (at + w > m->area.x + m->area.w)
			at = m->area.x + m->area.w - w;
		if (at <= free_from)
			continue;
		canvas_text(c, at, bottom + 1, w, st, buf);
		free_from = at + w;
	}
	if (p->x_label) {
		int w = utf8_width_str(p->x_label);

		if (m->area.x + m->area.w - w > free_from + 1)
			canvas_text(c, m->area.x + m->area.w - w, bottom + 1, w,
				    canvas_style(c, TH_DIM), p->x_label);
	}
}

/* -- what is drawn over one another ------------------------------------------------------------------------- */

static void
band_draw(struct canvas *c, const struct plot_map *m, const struct plot_series *s)
{
	struct style tint = {COLOR_KEEP, 0, 0};
	uint32_t back = c->theme->background;

	if (c->depth < DEPTH_256 || !color_is_rgb(s->style.fg))
		return; /* the edges are drawn as lines then */
	tint.bg = color_mix(color_is_rgb(back) ? back : 0x101418, s->style.fg, 0.22);
	for (int x = m->area.x; x < m->area.x + m->area.w; x++) {
		double at = m->x0 + (double)(x - m->area.x) / (m->area.w > 1 ? m->area.w - 1 : 1) *
					    (m->x1 - m->x0);
		int i = 0, y0, y1;
		double t, lo, hi, xa, xb;

		while (i + 1 < s->n && plot_fwd(plot_series_x(s, i + 1), m->log_x) < at)
			i++;
		if (i + 1 >= s->n)
			continue;
		xa = plot_fwd(plot_series_x(s, i), m->log_x);
		xb = plot_fwd(plot_series_x(s, i + 1), m->log_x);
		t = xb > xa ? (at - xa) / (xb - xa) : 0;
		if (!(t >= 0 && t <= 1))
			continue;
		lo = s->lo[i] + t * (s->lo[i + 1] - s->lo[i]);
		hi = s->hi[i] + t * (s->hi[i + 1] - s->hi[i]);
		y0 = plot_row(m, hi);
		y1 = plot_row(m, lo);
		y0 = y0 < 0 ? m->area.y : y0;
		y1 = y1 < 0 ? m->area.y + m->area.h - 1 : y1;
		if (isfinite(lo) && isfinite(hi) && y1 >= y0)
			canvas_tint(c, (struct rect){x, y0, 1, y1 - y0 + 1}, tint);
	}
}

static void
curve_draw(struct raster *q, const struct plot_map *m, const struct plot_series *s, const double *y,
	   int k, unsigned dashes)
{
	int px = 0, py = 0;
	bool have = false;
	unsigned step = 0;

	for (int i = 0; i < s->n; i++) {
		double fx = place(plot_fwd(plot_series_x(s, i), m->log_x), m->x0, m->x1, q->w);
		double fy = place(plot_fwd(y[i], m->log_y), m->y0, m->y1, q->h);
		int ix, iy;

		if (!isfinite(fx) || !isfinite(fy) || fx < -1e4 || fx > 1e5) {
			have = false;
			continue;
		}
		/* Far outside is as good as just outside, and keeps the line short. */
		fy = fy < -q->h ? -q->h : fy > 2 * q->h ? 2 * q->h : fy;
		ix = (int)lrint(fx);
		iy = q->h - 1 - (int)lrint(fy);
		if (have && !s->dots)
			raster_line(q, px, py, ix, iy, k, dashes, &step);
		else
			raster_dot(q, ix, iy, k);
		px = ix;
		py = iy;
		have = true;
	}
}

static void
marks_draw(struct canvas *c, const struct plot *p, const struct plot_map *m)
{
	struct style st = canvas_style(c, TH_CURSOR), dim = canvas_style(c, TH_DIM);

	for (int i = 0; i < p->nmarks; i++) {
		const struct plot_mark *k = &p->marks[i];
		const char *label = k->label ? k->label : "";
		int w = utf8_width_str(label);

		if (k->across) {
			int y = plot_row(m, k->at);

			if (y < 0)
				continue;
			for (int x = m->area.x; x < m->area.x + m->area.w; x++)
				canvas_text(c, x, y, 1, dim, "╌");
			canvas_text(c, m->area.x + m->area.w - w - 1, y, w, dim, label);
		} else {
			int x = plot_column(m, k->at), at;

			if (x < 0)
				continue;
			for (int y = m->area.y; y < m->area.y + m->area.h; y++)
				canvas_text(c, x, y, 1, dim, "┊");
			at = x + 1 + w < m->area.x + m->area.w ? x + 2 : x - w - 1;
			canvas_text(c, at, m->area.y + m->area.h - 1, w, dim, label);
		}
	}
	if (isfinite(p->cursor)) {
		int x = plot_column(m, p->cursor);

		for (int y = m->area.y; x >= 0 && y < m->area.y + m->area.h; y++)
			canvas_text(c, x, y, 1, st, "│");
	}
}

static double
value_at(const struct plot_series *s, double x)
{
	for (int i = 0; i < s->n; i++) {
		double d0 = plot_series_x(s, i) - x;

		if (d0 >= 0) {
			double d1 = i > 0 ? x - plot_series_x(s, i - 1) : INFINITY;

			return d1 < d0 ? s->y[i - 1] : s->y[i];
		}
	}
	return s->n ? s->y[s->n - 1] : NAN;
}

/* "── name 0.67": the line's look, the name, its value at the cursor. */
static int
legend_entry(const struct canvas *c, const struct plot *p, int i, char line[8], char text[160])
{
	static const char *const lines[] = {"──", "╌╌", "··", "─·"};
	const struct plot_series *s = &p->series[i];
	char num[32];

	memset(line, 0, 8);
	if (c->glyphs == GLYPHS_ASCII)
		line[0] = line[1] = letters[i % 8];
	else
		snprintf(line, 8, "%s", s->dots ? "··" : lines[c->depth <= DEPTH_8 ? i % 4 : 0]);
	if (isfinite(p->cursor))
		snprintf(text, 160, "%.100s %s", s->name,
			 gauge_number(num, sizeof num, value_at(s, p->cursor)));
	else
		snprintf(text, 160, "%.150s", s->name);
	return utf8_width_str(text) + 3;
}

/* Of the four corners the one with the fewest curves in it; the top right where there is no difference. */
static struct rect
legend_place(const struct raster *q, const struct plot_map *m, int w, int h)
{
	struct rect best = {0, 0, 0, 0};
	int least = -1;

	for (int k = 0; k < 4; k++) {
		int x0 = k & 1 ? 0 : m->area.w - w, y0 = k & 2 ? m->area.h - h : 0, n = 0;

		for (int y = y0; y < y0 + h; y++)
			for (int x = x0; x < x0 + w; x++)
				n += q->owner[(size_t)y * (size_t)q->cw + (size_t)x] != 0;
		if (least < 0 || n < least) {
			least = n;
			best = (struct rect){m->area.x + x0, m->area.y + y0, w, h};
		}
	}
	return best;
}

static void
legend_draw(struct canvas *c, const struct plot *p, const struct plot_map *m,
	    const struct raster *q)
{
	struct style st = canvas_style(c, TH_TEXT);
	int w = 0, h = 0;
	char line[8], text[160];
	struct rect r;

	for (int i = 0; i < p->nseries; i++)
		if (p->series[i].name) {
			int k = legend_entry(c, p, i, line, text);

			w = k > w ? k : w;
			h++;
		}
	if (!h || w > m->area.w - 2 || h > m->area.h - 1)
		return;
	r = legend_place(q, m, w, h);
	for (int i = 0; i < p->nseries; i++) {
		if (!p->series[i].name)
			continue;
		legend_entry(c, p, i, line, text);
		canvas_text(c, r.x, r.y, 2, p->series[i].style, line);
		canvas_text(c, r.x + 2, r.y, 1, st, " ");
		canvas_text(c, r.x + 3, r.y++, w - 3, st, text);
	}
}

void
plot_draw(struct canvas *c, struct rect r, const struct plot *p, struct plot_map *map)
{
	static const unsigned dash[] = {0xff, 0x33, 0x11, 0x6f};
	struct plot_map m = {.area = r, .dx = dots_x(c), .dy = dots_y(c)};
	struct rect old = canvas_clip(c, r);
	struct axis ax, ay;
	struct raster q;
	bool mono = c->depth <= DEPTH_8;
	int left = 0;

	if (r.w < 12 || r.h < 4 || !ranges(p, &m)) {
		canvas_wrap(c, rect_inset(r, 2, r.h > 2), canvas_style(c, TH_DIM),
			    r.w < 12 || r.h < 4 ? "too small"
			    : p->empty		? p->empty
						: "Nothing to draw yet.",
			    0);
		if (map)
			*map = m;
		canvas_unclip(c, old);
		return;
	}
	axis_make(&ay, m.y0, m.y1, p->log_y, false, r.h / 3 < 8 ? r.h / 3 : 8);
	for (int i = 0; i < ay.n; i++) {
		char buf[32];
		int w = utf8_width_str(plot_tick_text(buf, sizeof buf, ay.tick[i], p->log_y,
						      ay.step, c->glyphs == GLYPHS_ASCII));

		left = w > left ? w : left;
	}
	left = left > r.w / 3 ? r.w / 3 : left;
	m.area = (struct rect){r.x + left + 1, r.y, r.w - left - 1, r.h - 2};
	if (p->y_label) { /* over the axis */
		canvas_text(c, r.x, r.y, r.w, canvas_style(c, TH_DIM), p->y_label);
		m.area.y++;
		m.area.h--;
	}
	axis_make(&ax, m.x0, m.x1, p->log_x, p->whole_x && !p->log_x,
		  m.area.w / 10 < 10 ? m.area.w / 10 : 10);
	if (c->sketch) {
		plot_sketch(c, r, p, &m, &ax, &ay);
	} else {
		axes_draw(c, p, &m, &ax, &ay, left);
		for (int k = 0; k < p->nseries; k++)
			if (p->series[k].lo && p->series[k].hi)
				band_draw(c, &m, &p->series[k]);
		marks_draw(c, p, &m);
	}
	if (raster_new(&q, c, m.area)) {
		for (int k = 0; k < p->nseries; k++) {
			const struct plot_series *s = &p->series[k];

			if (s->lo && s->hi &&
			    (c->depth < DEPTH_256 || !color_is_rgb(s->style.fg))) {
				curve_draw(&q, &m, s, s->lo, k, 0x11);
				curve_draw(&q, &m, s, s->hi, k, 0x11);
			}
			curve_draw(&q, &m, s, s->y, k, mono ? dash[k % 4] : 0xff);
		}
		if (!c->sketch) /* the legend wants to know where the curves are all the same */
			raster_draw(&q, c, m.area, p);
		legend_draw(c, p, &m, &q);
		free(q.bits);
	}
	if (map)
		*map = m;
	canvas_unclip(c, old);
}
