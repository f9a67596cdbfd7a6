#include "tui/deleting.h"

#include <stdio.h>
#include <stdlib.h>

#include "tui/app.h"
#include "tui/undo.h"
#include "tui/world.h"

struct deleted {
	struct store *s;
	struct trash *trash;
};

static void
deleted_drop(void *arg)
{
	struct deleted *x = arg;

	trash_free(x->trash);
	free(x);
}

/* Now, and not when the watcher notices. */
static void
changed(struct app *a)
{
	event_post(app_queue(a), NULL, WORLD_STORE, NULL, NULL);
}

static bool
bring_back(struct app *a, void *arg)
{
	struct deleted *x = arg;
	struct t2_err err;
	int64_t id;

	if (trash_restore(x->trash, x->s, &id, &err)) {
		app_fail(a, &err);
		return false;
	}
	changed(a);
	return true;
}

bool
deleting_row(struct app *a, struct store *s, enum trash_kind kind, int64_t id, const char *what)
{
	struct deleted *x = calloc(1, sizeof *x);
	struct t2_err err = {0};
	char text[UNDO_WHAT];

	if (!x) {
		app_error(a, "%s stays: out of memory", what);
		return false;
	}
	x->s = s;
	if (trash_put(&x->trash, s, kind, id, &err)) {
		free(x);
		app_fail(a, &err);
		return false;
	}
	snprintf(text, sizeof text, "%.140s deleted", what);
	app_undo_push(a, text, bring_back, x, deleted_drop);
	app_say(a, "%s; %s", text, KEYS_IN(a, app_shown(a), "{undo} takes it back"));
	changed(a);
	return true;
}
