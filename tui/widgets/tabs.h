/* tabs.h - names in a row, one of them on.
 *
 *	struct tabs t = {0};
 *	x = tabs_draw(&t, c, x, y, w, names, n, on);	// returns the column behind the last
 *	k = tabs_hit(&t, m->x, m->y);			// index, -1: none
 */
#ifndef T2_WIDGETS_TABS_H
#define T2_WIDGETS_TABS_H

#include "tui/canvas.h"

enum { TABS = 16 };

struct tabs {
	int n, y;
	int x[TABS], w[TABS];
};

int tabs_draw(struct tabs *t, struct canvas *c, int x, int y, int w, const char *const *names,
	      int n, int on);
int tabs_hit(const struct tabs *t, int x, int y);

#endif
