/* What the world knows of the store: experts, runs and the trainers at work, read by a job with a store of its own whenever
 * somebody has written.  The views get all of it at one moment, with WORLD_READ. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tui/app.h"
#include "tui/training.h"
#include "tui/world.h"

struct reading {
	struct world *w;
	struct store_place store;
	int64_t model;
	struct expert_list experts;
	struct run_list runs;
	struct t2_err unread;
};

static void
reading_free(void *arg)
{
	struct reading *x = arg;

	if (!x)
		return;
	expert_list_free(&x->experts);
	run_list_free(&x->runs);
	free(x);
}

/* -- trainers ---------------------------------------------------------------------------------------------- */

/* Esc on a watched run: it stops after the step it is in. */
static void
stop_trainer(void *arg)
{
	struct world_run *x = arg;
	struct t2_err err;

	if (store_run_ask_stop(x->w->ui.store, x->id, &err))
		app_fail(x->w->app, &err);
}

static void
watch_run(struct world *w, const struct run_row *r)
{
	struct world_run *x = NULL;
	char name[JOB_NAME];
	int done, of;

	for (int i = 0; i < w->nruns; i++)
		if (w->run[i].id == r->id)
			x = &w->run[i];
	if (!x && (strcmp(r->status, "running") || r->pid == getpid())) /* ours is a job already */
		return;
	if (!x) {
		struct world_run *grown = realloc(w->run, ((size_t)w->nruns + 1) * sizeof *grown);
		struct world_run *arg = malloc(sizeof *arg); /* the job's own copy: ours moves */
		struct job_spec spec = {
			.name = name, .cancel = stop_trainer, .arg = arg, .drop = free};

		if (grown)
			w->run = grown;
		if (!grown || !arg) {
			free(arg);
			return;
		}
		*arg = (struct world_run){.w = w, .id = r->id};
		snprintf(name, sizeof name, "run %lld %.40s", (long long)r->id, r->name);
		x = &w->run[w->nruns++];
		*x = (struct world_run){.id = r->id,
					.job = jobs_watch(app_jobs(w->app), &spec),
					.step = -1,
					.answers = -1};
	}
	if (!x->job)
		return;
	if (!strcmp(r->status, "running") && training_validated(r->message, &done, &of)) {
		if (x->answers != done)
			jobs_report(app_jobs(w->app), x->job, r->message, "validating", done, of,
				    NAN);
		x->answers = done;
	} else if (x->step != r->step || x->answers >= 0) {
		jobs_report(app_jobs(w->app), x->job, r->kind, NULL, r->step, r->steps,
			    x->step != r->step ? r->reward : NAN);
		x->step = r->step;
		x->answers = -1;
	}
	if (strcmp(r->status, "running")) {
		jobs_end(app_jobs(w->app), x->job,
			 !strcmp(r->status, "done")	 ? JOB_OK
			 : !strcmp(r->status, "stopped") ? JOB_CANCELLED
							 : JOB_FAILED,
			 r->message);
		*x = w->run[--w->nruns];
	}
}

/* -- reading ----------------------------------------------------------------------------------------------- */

static enum t2_status
read_work(void *arg, struct job *job, struct t2_err *err)
{
	struct reading *x = *(struct reading **)arg;
	struct store *store;

	(void)err; /* one that cannot be read is told once in a minute: world_unread() */
	if (store_open_again(&store, &x->store, &x->unread))
		return T2_OK;
	if (!store_expert_list(store, x->model, &x->experts, &x->unread))
		store_run_list(store, 0, &x->runs, &x->unread);
	store_close(store);
	return job_cancelled(job) ? T2_ECANCEL : T2_OK;
}

/* With the event it reaches world and views together: in between nothing is drawn. */
static void
read_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct reading **x = arg;
	struct world *w = (*x)->w;

	(void)err;
	w->reading = 0;
	if (!st && (*x)->unread.code) {
		world_unread(w, &(*x)->unread);
	} else if (!st) {
		event_post(app_queue(w->app), NULL, WORLD_READ, *x, reading_free);
		*x = NULL;
	}
	if (w->read_again &&
	    !app_renewing(w->app)) /* whoever cancelled this one did not mean that */
		world_refresh(w);
}

static void
read_drop(void *arg)
{
	struct reading **x = arg;

	reading_free(*x);
	free(x);
}

void
world_refresh(struct world *w)
{
	struct job_spec spec = {.name = "read the store",
				.work = read_work,
				.done = read_done,
				.drop = read_drop,
				.quiet = true,
				.light = true,
				.passing = true};
	struct reading **x;

	w->read_again = w->reading != 0;
	if (w->reading)
		return;
	x = calloc(1, sizeof *x);
	if (!x || !(*x = calloc(1, sizeof **x))) {
		free(x);
		app_error(w->app, "reading the store: out of memory");
		return;
	}
	(*x)->w = w;
	(*x)->model = w->ui.model_id;
	store_place_of(w->ui.store, &(*x)->store);
	spec.arg = x;
	w->reading = app_job(w->app, &spec);
}

static void
take(struct world *w, struct reading *x)
{
	if (x->model != w->ui.model_id) /* of the model before: another reading is under way */
		return;
	expert_list_free(&w->experts);
	run_list_free(&w->runs);
	w->experts = x->experts;
	w->runs = x->runs;
	memset(&x->experts, 0, sizeof x->experts);
	memset(&x->runs, 0, sizeof x->runs);
	for (int i = 0; i < w->runs.n; i++)
		watch_run(w, &w->runs.v[i]);
}

void
world_event(void *world, const struct event *e)
{
	struct world *w = world;

	if (e->type == WORLD_STORE)
		world_refresh(w);
	else if (e->type == WORLD_READ)
		take(w, e->data);
}

enum t2_status
world_runs(const struct world *w, struct run_list *out, struct t2_err *err)
{
	memset(out, 0, sizeof *out);
	out->v = malloc(((size_t)w->runs.n + 1) * sizeof *out->v);
	if (!out->v)
		return t2_nomem(err, "runs");
	for (int i = 0; i < w->runs.n; i++)
		if (w->runs.v[i].model == w->ui.model_id)
			out->v[out->n++] = w->runs.v[i];
	return T2_OK;
}
