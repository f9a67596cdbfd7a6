/* Evals: what strategies and tasks are today, by their digests, found out by a job away from the UI's thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/strategy.h"
#include "tui/views/evals.h"
#include "tui/views/views.h"

struct survey {
	struct event_queue *q;
	char model[1024], split[64];
	struct store_place store;
	int number;
	struct ev_row *row;
	struct ev_col *col;
	int rows, cols;
};

static void
survey_free(void *arg)
{
	struct survey *x = arg;

	free(x->row);
	free(x->col);
	free(x);
}

static void
hash_strategy(struct workspace *ws, const char *spec, const char *task, char hash[HASH_TEXT],
	      char why[200])
{
	struct t2_err err = {0};
	struct strategy s;
	enum t2_status st = strategy_open(&s, ws, spec, NULL, task, false, &err);

	if (!st) {
		st = strategy_hash(&s, hash, &err);
		strategy_close(&s);
	}
	if (st)
		snprintf(why, 200, "%.199s", err.msg);
}

static enum t2_status
survey_work(void *arg, struct job *job, struct t2_err *err)
{
	struct survey *x = arg;
	struct workspace ws = {0};
	enum t2_status st = workspace_join(&ws, 1, &x->store, err);

	if (!st)
		st = workspace_model(&ws, x->model, WS_MODEL, NULL, err);
	for (int i = 0; i < x->cols && !st && !job_cancelled(job); i++) {
		struct ev_col *c = &x->col[i];
		struct task *t = NULL;
		struct t2_err why = {0};

		c->known = true;
		if (workspace_task(c->task, &t, &why) ||
		    (c->items = task_items(t, x->split, &why)) < 0 ||
		    task_hash(t, x->split, c->hash, &why)) {
			c->items = 0;
			snprintf(c->why, sizeof c->why, "%.199s", why.msg);
		}
		task_free(t);
		hash_strategy(&ws, "few-shot", c->task, c->shot_hash, c->shot_why);
	}
	for (int i = 0; i < x->rows && !st && !job_cancelled(job); i++) {
		x->row[i].known = true;
		if (strcmp(x->row[i].spec, "few-shot"))
			hash_strategy(&ws, x->row[i].spec, NULL, x->row[i].hash, x->row[i].why);
	}
	workspace_stop(&ws);
	return st;
}

static void
survey_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct survey *x = arg, *out;

	(void)err;
	if (st || !(out = malloc(sizeof *out)))
		return;
	*out = *x;
	x->row = NULL;
	x->col = NULL;
	event_post(x->q, &evals_view, EV_SURVEY, out, survey_free);
}

void
evals_survey(struct view *v, struct evals *s)
{
	struct survey *x = calloc(1, sizeof *x);
	struct job_spec spec = {.name = "look over strategies and tasks",
				.owner = &evals_view,
				.work = survey_work,
				.done = survey_done,
				.drop = survey_free,
				.arg = x,
				.quiet = true,
				.light = true};

	if (!x)
		return;
	x->q = app_queue(v->app);
	x->number = ++s->survey;
	snprintf(x->model, sizeof x->model, "%s", s->w->model_name);
	store_place_of(s->w->ui.store, &x->store);
	snprintf(x->split, sizeof x->split, "%s", s->set.split);
	x->rows = s->rows;
	x->cols = s->cols;
	x->row = calloc((size_t)s->rows + 1, sizeof *x->row);
	x->col = calloc((size_t)s->cols + 1, sizeof *x->col);
	if (!x->row || !x->col) {
		survey_free(x);
		return;
	}
	for (int i = 0; i < s->rows; i++)
		snprintf(x->row[i].spec, EV_SPEC, "%s", s->row[i].spec);
	for (int i = 0; i < s->cols; i++)
		snprintf(x->col[i].task, EV_TASK, "%s", s->col[i].task);
	app_job(v->app, &spec);
}

void
evals_surveyed(struct view *v, struct evals *s, const void *data)
{
	const struct survey *x = data;

	if (x->number == s->survey && !strcmp(x->split, s->set.split))
		evals_take(v, s, x->row, x->rows, x->col, x->cols);
}
