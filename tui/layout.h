/* layout.h - where the panes of a view lie: a small tree of splits.
 *
 *	layout_new(&l, "h(2:map 3:v(1:curve =8:stats))", panes, n, err);
 *	if (!layout_place(l, area, rects)) ...		// some pane gets less than its minimum: show one at a time
 *	layout_drag(l, x, y, dx, dy);			// the border at x, y moves
 *
 * Panes above one another share a border line; those side by side have their own. */
#ifndef T2_LAYOUT_H
#define T2_LAYOUT_H

#include <stdbool.h>
#include "engine/base/status.h"
#include "tui/canvas.h"

struct layout;
struct pane_spec;
struct strbuf;

enum t2_status layout_new(struct layout **out, const char *text, const struct pane_spec *panes,
			  int n, struct t2_err *err);
void layout_free(struct layout *l);
/* Fills rects[n], borders included; panes that the layout does not name get width 0. */
bool layout_place(struct layout *l, struct rect area, struct rect *rects);
/* Is there a border between two panes at x, y?  Returns a handle for layout_drag(), -1 if not.  Both speak of the
 * places of the last layout_place(). */
int layout_border(const struct layout *l, int x, int y);
void layout_drag(struct layout *l, int handle, int x, int y);
/* All sizes as text, "1 2 3.5", and back; false, and nothing changed, where it is not of this layout. */
void layout_sizes(const struct layout *l, struct strbuf *out);
bool layout_resize(struct layout *l, const char *sizes);

#endif
