/* slider.h - one number on a line: "math  ━━━━━━●━━━━  0.60".
 *
 *	struct slider s = {.label = "math", .value = 0.6, .lo = 0, .hi = 1, .step = 0.05};
 *	slider_draw(&s, c, (struct rect){x, y, w, 1}, selected, colour);
 *	if (slider_action(&s, A_MORE)) ...		// also A_LEFT, A_RIGHT, A_LESS, A_TOP (lo), A_BOTTOM (hi)
 *	if (slider_mouse(&s, r, m)) ...			// press and drag, m in r's coordinates
 *
 * True is returned when the value changed. */
#ifndef T2_WIDGETS_SLIDER_H
#define T2_WIDGETS_SLIDER_H

#include <stdbool.h>
#include "tui/binding.h"
#include "tui/canvas.h"
#include "tui/event.h"

struct slider {
	const char *label;
	double value, lo, hi, step;
	double mark;   /* a value worth a notch (what it was before); NAN: none */
	int label_w;   /* columns for the label; 0: 12 */
	int x0, track; /* as drawn */
};

void slider_draw(struct slider *s, struct canvas *c, struct rect r, bool on, struct style st);
bool slider_action(struct slider *s, enum action a);
bool slider_mouse(struct slider *s, struct rect r, const struct mouse *m);
bool slider_set(struct slider *s, double v); /* clamped, on the step's grid */

#endif
