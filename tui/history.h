/* history.h - lines typed before, newest first, as in a shell: up and down go through those that are there.
 *
 *	struct history *h = history_open("commands", true);	// kept in the state folder
 *	text = history_move(h, 1, "draft");			// the one before; NULL: there is none
 *	text = history_move(h, -1, text);			// and back, at last to the draft
 *	history_rest(h);					// whenever something else is typed
 *	history_add(h, "theme light", err);
 *
 * A line stands in it once, at its latest place; at most HISTORY_LINES. */
#ifndef T2_HISTORY_H
#define T2_HISTORY_H

#include <stdbool.h>
#include "engine/base/status.h"

enum { HISTORY_LINES = 200 };

struct history;

/* keep: read now and written by each history_add(), else of this session only.  NULL: no memory. */
struct history *history_open(const char *name, bool keep);
void history_close(struct history *h);
/* by 1: older, -1: newer.  Borrowed until the next call. */
const char *history_move(struct history *h, int by, const char *draft);
bool history_moving(const struct history *h);
void history_rest(struct history *h);
enum t2_status history_add(struct history *h, const char *text, struct t2_err *err);

#endif
