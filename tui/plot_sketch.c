/* A plot as lines, for files: the same ranges, axes and colours as in characters. */
#include "tui/plot_impl.h"

#include <stdio.h>
#include "tui/sketch.h"

/* In cells.  A value lies where its dot would: in the middle of the outermost dots at the ends. */
static double
at_x(const struct plot_map *m, double x)
{
	double t = (plot_fwd(x, m->log_x) - m->x0) / (m->x1 - m->x0), dot = 1.0 / m->dx;

	return m->area.x + dot / 2 + t * (m->area.w - dot);
}

static double
at_y(const struct plot_map *m, double y)
{
	double t = (plot_fwd(y, m->log_y) - m->y0) / (m->y1 - m->y0), dot = 1.0 / m->dy;

	return m->area.y + m->area.h - dot / 2 - t * (m->area.h - dot);
}

static bool
within(double v, double lo, double hi)
{
	return v >= lo - 1e-6 && v <= hi + 1e-6;
}

static void
axes(struct canvas *c, struct rect r, const struct plot *p, const struct plot_map *m,
     const struct axis *ax, const struct axis *ay)
{
	struct pen line = {canvas_style(c, TH_AXIS).fg, 1, 1, NULL};
	struct pen grid = {canvas_style(c, TH_GRID).fg, 1, 1, "1 3"};
	double left = m->area.x - 0.5, bottom = m->area.y + m->area.h + 0.5;
	double right = m->area.x + m->area.w, free_from = m->area.x - 4;
	char buf[32];

	sketch_line(c, &line, left, m->area.y, left, bottom);
	sketch_line(c, &line, left, bottom, right, bottom);
	for (int i = 0; i < ay->n; i++) {
		double y = at_y(m, ay->tick[i]);

		if (!within(y, m->area.y, bottom))
			continue;
		sketch_line(c, &grid, left, y, right, y);
		sketch_line(c, &line, left - 0.35, y, left, y);
		plot_tick_text(buf, sizeof buf, ay->tick[i], p->log_y, ay->step, false);
		sketch_label(c, line.color, left - 0.5, fmax(y, r.y + 0.5), 1, buf);
	}
	for (int i = 0; i < ax->n; i++) {
		double x = at_x(m, ax->tick[i]), half;
		int w;

		if (!within(x, m->area.x, right))
			continue;
		sketch_line(c, &line, x, bottom, x, bottom + 0.25);
		plot_tick_text(buf, sizeof buf, ax->tick[i], p->log_x, ax->step, false);
		w = sketch_width(buf);
		half = w / 2.0;
		if (x + half > right)
			x = right - half;
		if (x - half <= free_from)
			continue;
		sketch_label(c, line.color, x, bottom + 1, 0.5, buf);
		free_from = x + half + 1;
	}
	if (p->x_label && right - sketch_width(p->x_label) > free_from)
		sketch_label(c, canvas_style(c, TH_DIM).fg, right, bottom + 1, 1, p->x_label);
	if (p->y_label)
		sketch_label(c, canvas_style(c, TH_DIM).fg, left, m->area.y - 0.5, 0, p->y_label);
}

/* Forth along the upper edge and back along the lower, for each stretch without a gap. */
static void
band(struct canvas *c, const struct plot_map *m, const struct plot_series *s)
{
	struct pen fill = {s->style.fg, 0, 0.22, NULL};

	for (int from = 0, to; from < s->n; from = to + 1) {
		for (to = from; to < s->n && isfinite(plot_fwd(s->lo[to], m->log_y)) &&
				isfinite(plot_fwd(s->hi[to], m->log_y));
		     to++)
			;
		if (to - from < 2)
			continue;
		sketch_path(c, &fill);
		for (int i = from; i < to; i++)
			sketch_to(c, at_x(m, plot_series_x(s, i)), at_y(m, s->hi[i]), i == from);
		for (int i = to - 1; i >= from; i--)
			sketch_to(c, at_x(m, plot_series_x(s, i)), at_y(m, s->lo[i]), false);
		sketch_end(c);
	}
}

static void
curve(struct canvas *c, const struct plot_map *m, const struct plot_series *s, int k)
{
	static const char *const dash[] = {NULL, "6 4", "2 4", "8 3 2 3"};
	struct pen pen = {s->style.fg, 1.5, 1, c->depth <= DEPTH_8 ? dash[k % 4] : NULL};
	bool alone = s->dots || s->n == 1;

	if (!alone)
		sketch_path(c, &pen);
	for (int i = 0; i < s->n; i++) {
		double x = at_x(m, plot_series_x(s, i)), y = at_y(m, s->y[i]);

		if (!alone) {
			sketch_to(c, x, y, false);
		} else if (isfinite(x) && isfinite(y)) {
			pen.width = 0;
			sketch_rect(c, &pen, x - 0.2, y - 0.1, 0.4, 0.2);
		}
	}
	if (!alone)
		sketch_end(c);
}

static void
marks(struct canvas *c, const struct plot *p, const struct plot_map *m)
{
	struct pen dim = {canvas_style(c, TH_DIM).fg, 1, 1, "4 3"};
	struct pen cursor = {canvas_style(c, TH_CURSOR).fg, 1, 1, NULL};
	double right = m->area.x + m->area.w, bottom = m->area.y + m->area.h;

	for (int i = 0; i < p->nmarks; i++) {
		const struct plot_mark *k = &p->marks[i];
		const char *label = k->label ? k->label : "";
		double v = k->across ? at_y(m, k->at) : at_x(m, k->at);

		if (k->across && within(v, m->area.y, bottom)) {
			sketch_line(c, &dim, m->area.x, v, right, v);
			sketch_label(c, dim.color, right - 1, v - 0.5, 1, label);
		} else if (!k->across && within(v, m->area.x, right)) {
			bool after = v + 1 + sketch_width(label) < right;

			sketch_line(c, &dim, v, m->area.y, v, bottom);
			sketch_label(c, dim.color, after ? v + 0.7 : v - 0.7, bottom - 0.5,
				     after ? 0 : 1, label);
		}
	}
	if (isfinite(p->cursor) && within(at_x(m, p->cursor), m->area.x, right))
		sketch_line(c, &cursor, at_x(m, p->cursor), m->area.y, at_x(m, p->cursor), bottom);
}

static void
numbers(struct canvas *c, const struct plot *p)
{
	bool bands = false;
	char name[24];

	for (int k = 0; k < p->nseries; k++)
		bands |= p->series[k].lo != NULL;
	sketch_table(c->sketch, bands ? "series,x,y,lo,hi" : "series,x,y");
	for (int k = 0; k < p->nseries; k++) {
		const struct plot_series *s = &p->series[k];

		snprintf(name, sizeof name, "%d", k + 1);
		for (int i = 0; i < s->n; i++) {
			sketch_text(c->sketch, s->name ? s->name : name);
			sketch_number(c->sketch, plot_series_x(s, i));
			sketch_number(c->sketch, s->y[i]);
			if (bands) {
				sketch_number(c->sketch, s->lo ? s->lo[i] : NAN);
				sketch_number(c->sketch, s->hi ? s->hi[i] : NAN);
			}
			sketch_row(c->sketch);
		}
	}
}

void
plot_sketch(struct canvas *c, struct rect r, const struct plot *p, const struct plot_map *m,
	    const struct axis *ax, const struct axis *ay)
{
	sketch_area(c, r);
	axes(c, r, p, m, ax, ay);
	sketch_area(c, (struct rect){m->area.x, m->area.y, m->area.w, m->area.h});
	for (int k = 0; k < p->nseries; k++)
		if (p->series[k].lo && p->series[k].hi)
			band(c, m, &p->series[k]);
	marks(c, p, m);
	for (int k = 0; k < p->nseries; k++)
		curve(c, m, &p->series[k], k);
	numbers(c, p);
}
