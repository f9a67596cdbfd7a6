/* Experts: the store's rows, read by a job with a store of its own, however many evaluations and runs there are.  Until the
 * next ones are there the last ones show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/views/experts.h"
#include "tui/views/views.h"

struct reading {
	struct experts *s;
	struct store_place store;
	int64_t model; /* the open one */
	struct ex_rows rows;
	struct t2_err unsound; /* numbers of the store that were left out */
};

void
ex_rows_free(struct ex_rows *r)
{
	expert_list_free(&r->list);
	run_list_free(&r->runs);
	eval_list_free(&r->evals);
	free(r->info);
	memset(r, 0, sizeof *r);
}

/* -- evaluations by what they are of --------------------------------------------------------------------------- */

static int
by_kind(const struct eval_row *a, const struct eval_row *b)
{
	int d = a->model < b->model ? -1 : a->model > b->model;

	d = d ? d : strcmp(a->strategy, b->strategy);
	d = d ? d : strcmp(a->task, b->task);
	return d ? d : strcmp(a->split, b->split);
}

/* Of one kind the newest first. */
static int
by_age(const void *x, const void *y)
{
	const struct eval_row *a = x, *b = y;
	int d = by_kind(a, b);

	d = d ? d : a->created > b->created ? -1 : a->created < b->created;
	return d ? d : a->id > b->id ? -1 : a->id < b->id;
}

int
ex_evals_first(const struct eval_list *l, const struct eval_row *kind)
{
	int lo = 0, hi = l->n;

	while (lo < hi) {
		int mid = (lo + hi) / 2;

		if (by_kind(&l->v[mid], kind) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct eval_row *
ex_evals_newest(const struct eval_list *l, int64_t model, const char *strategy, const char *task,
		const char *split, const struct eval_row *like)
{
	struct eval_row kind = {.model = model,
				.strategy = (char *)strategy,
				.task = (char *)task,
				.split = (char *)split};

	for (int i = ex_evals_first(l, &kind); i < l->n && !by_kind(&l->v[i], &kind); i++)
		if (!like || (l->v[i].n == like->n && l->v[i].temperature == like->temperature))
			return &l->v[i];
	return NULL;
}

/* -- in the job's thread ----------------------------------------------------------------------------------- */

/* The open model's experts first, else in the store's order. */
static bool
partition(struct ex_rows *r, int64_t open)
{
	struct expert_list *l = &r->list;
	struct expert_row *v = malloc(((size_t)l->n + 1) * sizeof *v);
	int n = 0;

	if (!v)
		return false;
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < l->n; i++)
			if ((l->v[i].model == open) == !pass)
				v[n++] = l->v[i];
		if (!pass)
			r->here = n;
	}
	free(l->v);
	l->v = v;
	l->cap = l->n + 1;
	return true;
}

/* The newest evaluation on the expert's own test questions, and the base model's on as many. */
static bool
fill_info(struct ex_rows *r)
{
	r->info = calloc((size_t)r->list.n + 1, sizeof *r->info);
	for (int i = 0; r->info && i < r->list.n; i++) {
		const struct expert_row *e = &r->list.v[i];
		struct ex_info *x = &r->info[i];
		char strategy[300];

		*x = (struct ex_info){.here = i < r->here,
				      .base = {e->base_accuracy, e->accuracy_n},
				      .own = {e->accuracy, e->accuracy_n}};
		for (int k = 0; k < r->runs.n && e->run && !x->run; k++)
			if (r->runs.v[k].id == e->run)
				x->run = &r->runs.v[k];
		snprintf(strategy, sizeof strategy, "expert:%s", e->name);
		x->eval = ex_evals_newest(&r->evals, e->model, strategy, e->task, "test", NULL);
		if (x->eval)
			x->eval_base = ex_evals_newest(&r->evals, e->model, "none", e->task, "test",
						       x->eval);
	}
	return r->info != NULL;
}

static enum t2_status
rows_work(void *arg, struct job *job, struct t2_err *err)
{
	struct reading *x = arg;
	struct ex_rows *r = &x->rows;
	struct store *store;
	enum t2_status st = store_open_again(&store, &x->store, err);

	if (st)
		return st;
	if (!(st = store_expert_list(store, 0, &r->list, err)) &&
	    !(st = store_run_list(store, 0, &r->runs, err)))
		st = store_eval_newest(store, 0, &r->evals, err);
	if (!st)
		store_sound(store, &x->unsound);
	store_close(store);
	if (st || job_cancelled(job))
		return st ? st : T2_ECANCEL;
	if (r->evals.n)
		qsort(r->evals.v, (size_t)r->evals.n, sizeof *r->evals.v, by_age);
	return partition(r, x->model) && fill_info(r) ? T2_OK : t2_nomem(err, "experts");
}

/* -- in the UI's thread ------------------------------------------------------------------------------------ */

static void
rows_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct reading *x = arg;
	struct experts *s = x->s;

	(void)err; /* the job's failure is said already */
	s->reading = 0;
	if (x->unsound.code)
		world_unread(s->w, &x->unsound);
	if (!st) {
		ex_rows_free(&s->rows);
		s->rows = x->rows;
		memset(&x->rows, 0, sizeof x->rows);
		ex_take_rows(s);
	}
	if (s->read_again && !app_renewing(s->app))
		ex_read(s);
}

static void
rows_drop(void *arg)
{
	struct reading *x = arg;

	ex_rows_free(&x->rows);
	free(x);
}

void
ex_read(struct experts *s)
{
	struct job_spec spec = {.name = "read experts",
				.work = rows_work,
				.done = rows_done,
				.drop = rows_drop,
				.quiet = true,
				.light = true,
				.passing = true};
	struct reading *x;

	s->read_again = s->reading != 0;
	if (s->reading)
		return;
	if (!(x = calloc(1, sizeof *x))) {
		app_error(s->app, "experts: out of memory");
		return;
	}
	x->s = s;
	x->model = s->w->ui.model_id;
	store_place_of(s->w->ui.store, &x->store);
	spec.arg = x;
	s->reading = app_job(s->app, &spec);
}
