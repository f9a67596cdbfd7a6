#include "tui/plot.h"

#include <math.h>
#include "tui/sketch.h"

int
plot_bars_index(struct rect r, int n, int column)
{
	int k = column - r.x;

	if (k < 0 || r.w < 1 || n < 1)
		return 0;
	if (n <= r.w) {
		int wide = r.w / n > 3 ? 3 : r.w / n;

		return k / wide < n ? k / wide : n - 1;
	}
	return (int)((long)(k < r.w ? k : r.w - 1) * n / r.w);
}

/* Every value a bar of its own, however many there are. */
static void
bars_sketch(struct canvas *c, struct rect r, const double *v, int n, double max, int at,
	    uint32_t up, uint32_t down)
{
	uint32_t cursor = canvas_style(c, TH_CURSOR).fg;
	double w = (double)r.w / n, half = r.h / 2.0;
	struct pen line = {canvas_style(c, TH_GRID).fg, 1, 1, NULL};

	if (w > 3)
		w = 3;
	sketch_area(c, r);
	for (int i = 0; i < n; i++) {
		double h = max > 0 ? fmin(fabs(v[i]) / max, 1) * half : 0;
		struct pen fill = {i == at ? cursor : v[i] > 0 ? up : down, 0, 1, NULL};

		if (isfinite(v[i]))
			sketch_rect(c, &fill, r.x + i * w, r.y + half - (v[i] > 0 ? h : 0),
				    w > 1 ? w - 0.25 : w, h);
	}
	sketch_line(c, &line, r.x, r.y + half, r.x + n * w, r.y + half);
	sketch_table(c->sketch, "index,value");
	for (int i = 0; i < n; i++) {
		sketch_number(c->sketch, i);
		sketch_number(c->sketch, v[i]);
		sketch_row(c->sketch);
	}
}

double
plot_bars(struct canvas *c, struct rect r, const double *v, int n, double limit, int at)
{
	struct style zero = canvas_style(c, TH_GRID), cursor = canvas_style(c, TH_CURSOR);
	const struct ramp *ramp = &c->theme->diverging;
	struct style up = {ramp->stop[ramp->n - 1], COLOR_KEEP, 0};
	struct style down = {ramp->stop[0], COLOR_KEEP, 0};
	int half = r.h / 2, base = r.y + half, wide = 1, columns;
	double max = 0;

	for (int i = 0; i < n; i++)
		if (isfinite(v[i]))
			max = fmax(max, fabs(v[i]));
	if (limit > 0)
		max = limit;
	if (n < 1 || r.w < 1 || r.h < 1)
		return max;
	if (c->sketch) {
		bars_sketch(c, r, v, n, max, at, up.fg, down.fg);
		return max;
	}
	if (n <= r.w)
		wide = r.w / n > 3 ? 3 : r.w / n;
	columns = n <= r.w ? n * wide : r.w;
	if (half == 0)
		base++;
	for (int x = 0; x < columns; x++) {
		int i = plot_bars_index(r, n, r.x + x), end = plot_bars_index(r, n, r.x + x + 1);
		double best = NAN;
		bool here = false;

		if (x == r.w - 1 && n > r.w)
			end = n;
		for (int k = i; k < (end > i ? end : i + 1); k++) {
			if (isfinite(v[k]) && !(fabs(v[k]) <= fabs(best)))
				best = v[k];
			here |= k == at;
		}
		if (wide > 2 && x % wide == wide - 1) /* a gap between wide bars */
			best = NAN;
		if (half)
			canvas_text(c, r.x + x, base, 1, zero, " ");
		if (best > 0)
			canvas_vbar(c, r.x + x, base - (half ? half : 1), half ? half : 1,
				    max > 0 ? best / max : 0, here ? cursor : up);
		else if (best < 0 && r.h - half > 0 && half)
			canvas_vbar_down(c, r.x + x, base, r.h - half, max > 0 ? -best / max : 0,
					 here ? cursor : down);
		if (here)
			canvas_text(c, r.x + x, r.y + (best > 0 && half ? r.h - 1 : 0), 1, cursor,
				    best > 0 && half ? "▴" : "▾");
	}
	return max;
}
