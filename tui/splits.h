/* splits.h - where the user has dragged the borders of a view's panes, kept in the state folder.
 *
 *	splits_restore(v);			// when the view opens
 *	splits_save(v, err);			// when a border is let go
 *	splits_reset(v, err);			// as they were laid out
 *
 * Kept with the layout's text: one that a newer version lays out otherwise is not touched. */
#ifndef T2_SPLITS_H
#define T2_SPLITS_H

#include "engine/base/status.h"

struct view;

void splits_restore(struct view *v);
enum t2_status splits_save(const struct view *v, struct t2_err *err);
enum t2_status splits_reset(struct view *v, struct t2_err *err);

#endif
