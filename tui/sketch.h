/* sketch.h - what plots add when they are drawn for a file: true lines beside the cells, and the numbers behind them.
 *
 *	c->sketch = sketch_new();			// NULL, as on a terminal: nobody sketches
 *	frame_draw(a);					// plot_draw() and its like do the rest
 *	canvas_svg(c, r, &out);				// cells, and the lines over them
 *	sketch_csv(c->sketch);				// "series,x,y ..."
 *
 * Coordinates are the canvas's cells, with fractions.  An area claims cells: its lines show only there, and a cell that
 * is written afterwards (a legend, a popup) hides them, as it hides the dots that the terminal gets. */
#ifndef T2_SKETCH_H
#define T2_SKETCH_H

#include <stdbool.h>
#include <stdint.h>
#include "tui/canvas.h"

struct sketch;

struct pen {
	uint32_t color;
	double width;	  /* in pixels; 0: the inside is filled */
	double opacity;	  /* 0 .. 1 */
	const char *dash; /* "4 2"; NULL: none */
};

enum { SKETCH_CELL_W = 8, SKETCH_CELL_H = 16 }; /* pixels */

struct sketch *sketch_new(void); /* NULL: no memory */
void sketch_free(struct sketch *s);

/* All on c->sketch, which must be there.  Paths lie in the area begun last. */
void sketch_area(struct canvas *c, struct rect r);
void sketch_path(struct canvas *c, const struct pen *p);
/* move: without a line from the point before.  Not finite: a gap. */
void sketch_to(struct canvas *c, double x, double y, bool move);
void sketch_end(struct canvas *c);
void sketch_line(struct canvas *c, const struct pen *p, double x0, double y0, double x1, double y1);
void sketch_rect(struct canvas *c, const struct pen *p, double x, double y, double w, double h);

/* Text with its middle at height y; anchor 0: it begins at x, 0.5: is centred, 1: ends there. */
void sketch_label(struct canvas *c, uint32_t color, double x, double y, double anchor,
		  const char *text);
int sketch_width(const char *text); /* in cells */

/* The numbers: a header once for each kind of table, then lines.  Strings are quoted where they must be. */
void sketch_table(struct sketch *s, const char *header);
void sketch_text(struct sketch *s, const char *field); /* a field and its comma */
void sketch_number(struct sketch *s, double v);	       /* the same; NaN: empty */
void sketch_row(struct sketch *s);
const char *sketch_csv(const struct sketch *s); /* "": no numbers were drawn */

/* Into an SVG, r at its origin; used by canvas_svg(). */
void sketch_svg(const struct canvas *c, struct rect r, struct strbuf *out);
/* A colour as it is on paper: palette entries by their usual looks, otherwise for the terminal's default. */
uint32_t sketch_rgb(uint32_t color, uint32_t otherwise);

#endif
