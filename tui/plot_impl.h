/* plot_impl.h - what plot.c and plot_sketch.c share. */
#ifndef T2_PLOT_IMPL_H
#define T2_PLOT_IMPL_H

#include <math.h>
#include "tui/plot.h"

enum { PLOT_TICKS = 32 };

struct axis {
	double tick[PLOT_TICKS];
	int n;
	double step;
};

/* In the axis's own units. */
static inline double
plot_fwd(double v, bool log)
{
	return log ? (v > 0 ? log10(v) : NAN) : v;
}

static inline double
plot_series_x(const struct plot_series *s, int i)
{
	return s->x ? s->x[i] : i;
}

/* All of it but the legend as lines on c->sketch, and its numbers. */
void plot_sketch(struct canvas *c, struct rect r, const struct plot *p, const struct plot_map *m,
		 const struct axis *ax, const struct axis *ay);

#endif
