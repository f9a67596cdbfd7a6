#include "tui/deleting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/undo.h"
#include "tui/world.h"

/* One of deleting and bringing back; a run takes its rollouts along, so both are jobs with a store of their own. */
struct deleted {
	struct app *app;
	struct store_place store;
	char text[UNDO_WHAT]; /* text: "run 12 math deleted" */
	enum trash_kind kind;
	int64_t id;
	struct trash *trash; /* NULL: not deleted yet */
};

static const char lane; /* one after the other, as they were asked for */

static void
deleted_drop(void *arg)
{
	struct deleted *x = arg;

	trash_free(x->trash);
	free(x);
}

static void start(const struct deleted *from, const char *verb,
		  enum t2_status (*work)(void *arg, struct job *job, struct t2_err *err),
		  void (*done)(void *arg, enum t2_status st, const struct t2_err *err));

static bool bring_back(struct app *a, void *arg);

/* What was kept goes over to the step. */
static void
keep_step(struct deleted *x)
{
	struct deleted *step = malloc(sizeof *step);

	if (!step) {
		app_error(x->app, "%s; out of memory to take it back", x->text);
		return;
	}
	*step = *x;
	x->trash = NULL;
	app_undo_push(x->app, x->text, bring_back, step, deleted_drop,
		      sizeof *step + trash_bytes(step->trash));
}

/* Now, and not when the watcher notices. */
static void
changed(struct app *a)
{
	event_post(app_queue(a), NULL, WORLD_STORE, NULL, NULL);
}

/* -- back ------------------------------------------------------------------------------------------------------ */

static enum t2_status
restore_work(void *arg, struct job *job, struct t2_err *err)
{
	struct deleted *x = arg;
	struct store *s;
	int64_t id;
	enum t2_status st = store_open_again(&s, &x->store, err);

	if (st)
		return st;
	st = trash_restore(x->trash, s, &id, job, err);
	store_close(s);
	return st;
}

static void
restored(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct deleted *x = arg;

	(void)err; /* the job's failure is said already */
	app_undo_release(x->app);
	if (st) {
		keep_step(x);
		return;
	}
	app_say(x->app, "undone: %s", x->text);
	changed(x->app);
}

static bool
bring_back(struct app *a, void *arg)
{
	struct deleted *x = arg;

	(void)a;
	start(x, "bring back", restore_work, restored);
	x->trash = NULL; /* the job has it */
	return true;
}

/* -- out ------------------------------------------------------------------------------------------------------- */

static enum t2_status
delete_work(void *arg, struct job *job, struct t2_err *err)
{
	struct deleted *x = arg;
	struct store *s;
	enum t2_status st = store_open_again(&s, &x->store, err);

	if (st)
		return st;
	st = trash_put(&x->trash, s, x->kind, x->id, job, err);
	store_close(s);
	return st;
}

static void
was_deleted(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct deleted *x = arg;

	(void)err;
	app_undo_release(x->app);
	if (st)
		return;
	app_say(x->app, "%s; u takes it back", x->text);
	keep_step(x);
	changed(x->app);
}

static void
start(const struct deleted *from, const char *verb,
      enum t2_status (*work)(void *arg, struct job *job, struct t2_err *err),
      void (*done)(void *arg, enum t2_status st, const struct t2_err *err))
{
	struct job_spec s = {.lane = &lane,
			     .work = work,
			     .done = done,
			     .drop = deleted_drop,
			     .quiet = true,
			     .passing = true};
	struct deleted *x = malloc(sizeof *x);
	char name[JOB_NAME];

	if (!x) {
		trash_free(from->trash);
		app_error(from->app, "%s %s: out of memory", verb, from->text);
		return;
	}
	*x = *from;
	snprintf(name, sizeof name, "%s %.*s", verb, (int)(strlen(x->text) - strlen(" deleted")),
		 x->text);
	s.name = name;
	s.arg = x;
	app_undo_hold(x->app);
	if (!app_job(x->app, &s))
		app_undo_release(x->app);
}

void
deleting_row(struct app *a, struct store *s, enum trash_kind kind, int64_t id, const char *what)
{
	struct deleted x = {.app = a, .kind = kind, .id = id};

	store_place_of(s, &x.store);
	snprintf(x.text, sizeof x.text, "%.140s deleted", what);
	start(&x, "delete", delete_work, was_deleted);
}
