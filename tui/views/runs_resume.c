/* Runs: going on with a run: a training in a process of its own, a search in a job here, as it was started. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/memory.h"
#include "tui/app.h"
#include "tui/searching.h"
#include "tui/training.h"
#include "tui/views/runs.h"
#include "tui/views/views.h"
#include "tui/widgets/gauge.h"

struct resume {
	struct app *app;
	struct world *w;
	struct job *job;		      /* while it works */
	char id[32], model[1024], memory[32]; /* memory "": no limit */
	struct store_place store;
	char kept[128]; /* of a search: the mixture's name, */
	double fitness;
};

bool
runs_resumable(const struct run_row *r)
{
	return strcmp(r->status, "running") && strcmp(r->status, "done");
}

static enum t2_status
train_work(void *arg, struct job *job, struct t2_err *err)
{
	struct resume *x = arg;
	const char *args[] = {x->model,	     "--resume", x->id,	   "--store",
			      x->store.path, "--memory", x->memory};
	int64_t run;

	job_stage(job, "resuming", 0);
	return training_detach(NULL, args, x->memory[0] ? 7 : 5, &run, job, err);
}

static void
on_iteration(void *arg, const struct search *s, const struct search_report *r)
{
	(void)s;
	jobs_figure(((struct resume *)arg)->job, r->best);
}

static enum t2_status
search_work(void *arg, struct job *job, struct t2_err *err)
{
	struct resume *x = arg;
	struct searching_options o = {.resume = x->id};
	struct workspace ws = {.memory = x->w->memory};
	struct searching out;
	enum t2_status st;

	x->job = job;
	job_stage(job, "opening", 0);
	st = workspace_join(&ws, x->w->threads, &x->store, err);
	if (!st)
		st = workspace_model(&ws, x->model, WS_TEXT | WS_FACTORS, job, err);
	if (!st)
		st = searching_run(&out, &ws, NULL, &o, on_iteration, x, job, err);
	if (!st) {
		snprintf(x->kept, sizeof x->kept, "%s", out.name);
		x->fitness = out.fitness;
		searching_free(&out);
	}
	workspace_stop(&ws);
	return st;
}

static void
search_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct resume *x = arg;
	char fit[16];

	(void)err;
	if (!st)
		app_say(x->app, "run %s done: mixture %s kept, fitness %s", x->id, x->kept,
			gauge_share(fit, sizeof fit, x->fitness));
}

void
runs_resume(struct view *v, void *state, const char *arg)
{
	struct runs *s = state;
	const struct run_row *r = runs_selected(s);
	struct job_spec train = {.name = "resume run", .work = train_work, .drop = free};
	struct job_spec search = {.owner = &runs_view,
				  .work = search_work,
				  .done = search_done,
				  .drop = free,
				  .quiet = true};
	char name[JOB_NAME];
	struct resume *x;
	struct t2_err err;

	(void)arg;
	if (!r || !runs_resumable(r)) {
		app_say(v->app, "only an interrupted, stopped or failed run can be resumed");
		return;
	}
	if (store_there(s->w->ui.store, &err)) { /* a trainer would make a new one */
		app_fail(v->app, &err);
		return;
	}
	x = calloc(1, sizeof *x);
	if (!x)
		return;
	x->app = v->app;
	x->w = s->w;
	snprintf(x->id, sizeof x->id, "%lld", (long long)r->id);
	store_place_of(s->w->ui.store, &x->store);
	snprintf(x->model, sizeof x->model, "%s",
		 strcmp(s->w->model_name, "sample") ? model_path(s->w->ui.model) : "sample");
	if (s->w->memory)
		snprintf(x->memory, sizeof x->memory, "%zu", memory_limit(s->w->memory));
	train.arg = search.arg = x;
	snprintf(name, sizeof name, "run %lld %.30s", (long long)r->id, r->name);
	search.name = name;
	app_job(v->app, strcmp(r->kind, "search") ? &train : &search);
}
