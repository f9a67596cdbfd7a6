/* plot.h - curves and bars in characters.
 *
 *	struct plot_series s = {.y = sigma, .n = r, .name = "σ", .style = theme_series(t, 0)};
 *	struct plot p = {.series = &s, .nseries = 1, .log_y = true, .cursor = NAN};
 *	struct plot_map m;
 *	plot_draw(c, rect, &p, &m);
 *	x = plot_x(&m, mouse_column);
 *
 * Braille where the canvas has it, else quarter blocks, else letters.  Without colour curves differ by their dashes (or
 * letters).  NaN and infinite values, and values <= 0 on a log axis, are gaps.  Nothing is kept between calls. */
#ifndef T2_PLOT_H
#define T2_PLOT_H

#include <stdbool.h>
#include "tui/canvas.h"

struct plot_series {
	const double *x; /* [n] ascending; NULL: 0, 1, 2 ... */
	const double *y; /* [n] */
	int n;
	const char *name; /* in the legend; NULL: not there */
	struct style style;
	const double *lo, *hi; /* [n] a band around it, both or none */
	bool dots;	       /* points alone, no line */
};

struct plot_mark {
	double at;
	bool across; /* a level (at is a y); else a place on the x axis */
	const char *label;
};

struct plot {
	const struct plot_series *series;
	int nseries;
	bool log_x, log_y;
	bool whole_x; /* x counts something (steps): whole numbers only stand on its axis */
	double x0, x1, y0, y1; /* equal: from the data */
	const struct plot_mark *marks;
	int nmarks;
	double cursor; /* an x, NAN: none.  Its values stand in the legend */
	const char *x_label, *y_label;
	const char *empty; /* where there is nothing to draw */
};

/* From columns to values and back; columns are the canvas's. */
struct plot_map {
	struct rect area; /* the inside of the axes */
	double x0, x1, y0, y1;
	bool log_x, log_y;
	int dx, dy; /* dots a cell */
};

void plot_draw(struct canvas *c, struct rect r, const struct plot *p, struct plot_map *map);
double plot_x(const struct plot_map *m, int column);
int plot_column(const struct plot_map *m, double x);

/* v[n] as bars up and down from a zero line, squeezed to the width: of each group the value farthest from 0.
 * Scale: +-limit, 0: from the data; returns the one used.  at: index of the cursor, -1 none. */
double plot_bars(struct canvas *c, struct rect r, const double *v, int n, double limit, int at);
/* Index of the first value in a column of plot_bars(). */
int plot_bars_index(struct rect r, int n, int column);

/* Nice numbers for an axis: fills tick[max], returns how many. */
int plot_ticks(double lo, double hi, bool log, int want, double *tick, int max);
/* The same for what is counted: whole numbers only. */
int plot_ticks_whole(double lo, double hi, int want, double *tick, int max);
/* One of them in words, step apart from the next: "0.25", "10⁻³" ("1e-3" where ascii). */
const char *plot_tick_text(char *buf, size_t cap, double v, bool log, double step, bool ascii);

#endif
