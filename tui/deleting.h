/* deleting.h - a row leaves the store, and u brings it back with every byte.
 *
 *	deleting_row(v->app, w->ui.store, TRASH_RUN, r->id, "run 12 math");
 *
 * A job, for a run can have a hundred thousand rollouts; it says what it did or why it could not, and has every open view read
 * the store again.  Cancelled, or when the program ends before, it has changed nothing. */
#ifndef T2_DELETING_H
#define T2_DELETING_H

#include <stdint.h>

#include "store/trash.h"

struct app;

void deleting_row(struct app *a, struct store *s, enum trash_kind kind, int64_t id,
		  const char *what);

#endif
