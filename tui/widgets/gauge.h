/* gauge.h - how far something is, how long it took.
 *
 *	gauge_draw(c, x, y, w, 0.4, canvas_style(c, TH_GAUGE));
 *	gauge_time(buf, sizeof buf, 64);		// "1m04s"
 *	gauge_number(buf, sizeof buf, 0.0123);		// three significant digits: "0.0123", "12.3", "4.57e+06"
 */
#ifndef T2_WIDGETS_GAUGE_H
#define T2_WIDGETS_GAUGE_H

#include <stdbool.h>
#include <stddef.h>
#include "tui/canvas.h"

void gauge_draw(struct canvas *c, int x, int y, int w, double frac, struct style st);
const char *gauge_time(char *buf, size_t cap, double seconds);
const char *gauge_number(char *buf, size_t cap, double v);
const char *gauge_bytes(char *buf, size_t cap, double bytes); /* "1.4 GB" */
/* A share of one, an accuracy, without an interval: "0.985", "1.00"; "·" where it is not known. */
const char *gauge_share(char *buf, size_t cap, double v);
const char *gauge_count(char *buf, size_t cap, double n); /* "865k", "135M" */
/* Does it mean anything that so many tokens came at that rate (after the first; 0: not measured)?  Not where they were too few,
 * or so soon over that the clock and the system decide. */
bool gauge_rate_means(int tokens, double per_s);
/* "0.71 [0.66 0.75]" */
const char *gauge_interval(char *buf, size_t cap, double v, double lo, double hi);

#endif
