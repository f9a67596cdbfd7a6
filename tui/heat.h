/* heat.h - a matrix of numbers in colours, with the numbers in it.
 *
 *	struct heat h = {.rows = layers, .cols = 7, .v = stat, .col_name = kinds, .sel_row = i, .sel_col = j};
 *	struct heat_map m;
 *	heat_draw(c, rect, &h, &m);
 *	if (heat_hit(&m, x, y, &row, &col)) ...		// canvas coordinates
 *	heat_ramp(c, x, y, w, &h);
 *
 * NaN is "not known yet" and shows as a dim point.  Where colours are few a shade stands beside the number; where
 * there is no room for numbers the cells shrink, and rows and columns scroll with the selection. */
#ifndef T2_HEAT_H
#define T2_HEAT_H

#include <stdbool.h>
#include <stdint.h>
#include "tui/canvas.h"

struct heat {
	int rows, cols;
	const double *v;			       /* [rows][cols] */
	const char *const *row_name, *const *col_name; /* NULL: 0, 1, 2 ... ; none */
	bool diverging;				       /* around mid; else from lo to hi */
	double mid;
	double lo, hi;	      /* equal: from the data */
	int sel_row, sel_col; /* -1: none */
	const uint8_t *mark;  /* [rows][cols], optional */
	bool focused;
	bool bare;  /* no numbers even where there is room */
	int places; /* digits behind the point; 0: three figures, wherever the point is */
};

struct heat_map {
	struct rect area;
	int cw; /* columns a cell */
	int row0, col0, rows, cols;
};

void heat_draw(struct canvas *c, struct rect r, const struct heat *h, struct heat_map *map);
bool heat_hit(const struct heat_map *m, int x, int y, int *row, int *col);
/* "▏.58 ░▒▓█ .88▕": what the colours mean. */
void heat_ramp(struct canvas *c, int x, int y, int w, const struct heat *h);
/* All of it squeezed into r, two rows of cells in a line, no numbers: z over a thousand steps. */
void heat_dense(struct canvas *c, struct rect r, const struct heat *h);
/* The line of r in whose middle heat_dense() has that row. */
int heat_dense_line(const struct canvas *c, struct rect r, const struct heat *h, int row);
void heat_range(const struct heat *h, double *lo, double *hi);
/* Three figures in four columns: ".61", "12.4", "-.31", "3e+5". */
const char *heat_number(char *buf, double v); /* buf[16] */
/* The colour of v in [lo, hi] on this canvas's theme. */
uint32_t heat_color(const struct canvas *c, bool diverging, double lo, double hi, double v);

#endif
