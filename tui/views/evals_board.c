/* Evals: the board - rows, columns and scores - made by a job with a store of its own: with 100 000 evaluations kept it takes
 * a third of a second.  Until the next one is there the last one shows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/names.h"
#include "tui/tasks.h"
#include "tui/views/evals.h"

struct board {
	struct view *v;
	struct evals *s;
	struct store_place store;
	int64_t model;
	bool read; /* the store again; else list and rows as they were */
	int epoch;
	int number; /* evals.asked */
	struct ev_settings set;
	const struct eval_list *evals; /* the view's, which keeps it while a board is made, or */
	struct eval_list list;	       /* read anew */
	struct ev_row *row;	       /* the view's, copied; then what there is now */
	struct ev_col *col;
	int rows, cols;
	struct score *score; /* [cols][rows] */
	double *pace;	     /* [cols][rows] */
	char sign[HASH_TEXT];
	struct t2_err unsound; /* rows of the store that were left out */
};

/* -- rows and columns -------------------------------------------------------------------------------------- */

/* What the store and the task folders hold, read at one go. */
struct found {
	struct expert_list experts;
	struct mixture_list mixtures;
	char **task;
	int tasks;
	struct arena specs;
	struct names row, col;
};

static void
found_free(struct found *f)
{
	expert_list_free(&f->experts);
	mixture_list_free(&f->mixtures);
	tasks_names_free(f->task, f->tasks);
	arena_free(&f->specs);
	names_free(&f->row);
	names_free(&f->col);
}

static bool
add_row(struct found *f, const char *kind, const char *name)
{
	char spec[EV_SPEC];

	snprintf(spec, sizeof spec, "%s%s", kind, name);
	return names_find(&f->row, spec) >= 0 || names_add(&f->row, arena_strdup(&f->specs, spec));
}

/* What can be measured, then whatever else was measured on the command line. */
static bool
name_rows(struct found *f, const struct eval_list *l)
{
	bool dispatcher = false, ok = add_row(f, "none", "");

	for (int i = 0; i < f->experts.n && ok; i++) {
		ok = add_row(f, "expert:", f->experts.v[i].name);
		dispatcher = dispatcher || f->experts.v[i].dispatch;
	}
	for (int i = 0; i < f->mixtures.n && ok; i++)
		ok = add_row(f, "mix:", f->mixtures.v[i].name);
	if (f->experts.n)
		ok = ok && add_row(f, "prompt", "") && (!dispatcher || add_row(f, "cls", "")) &&
		     add_row(f, "few-shot", "");
	for (int i = 0; i < l->n && ok; i++)
		ok = add_row(f, l->v[i].strategy, "");
	return ok;
}

static bool
name_cols(struct found *f, const struct eval_list *l)
{
	bool ok = true;

	for (int i = 0; i < f->tasks && ok; i++)
		ok = strlen(f->task[i]) >= EV_TASK || names_add(&f->col, f->task[i]);
	for (int i = 0; i < l->n && ok; i++)
		ok = strlen(l->v[i].task) >= EV_TASK || names_add(&f->col, l->v[i].task);
	return ok;
}

/* What was found out about a row or column goes with its name, whatever has come or gone meanwhile. */
static bool
make_lines(struct board *x, const struct found *f)
{
	struct ev_row *row = calloc((size_t)f->row.n + 1, sizeof *row);
	struct ev_col *col = calloc((size_t)f->col.n + 1, sizeof *col);

	if (!row || !col) {
		free(row);
		free(col);
		return false;
	}
	for (int i = 0; i < f->row.n; i++)
		snprintf(row[i].spec, EV_SPEC, "%s", f->row.v[i]);
	for (int i = 0; i < f->col.n; i++)
		snprintf(col[i].task, EV_TASK, "%s", f->col.v[i]);
	for (int i = 0; i < x->rows; i++) {
		int at = names_find(&f->row, x->row[i].spec);

		if (at >= 0)
			row[at] = x->row[i];
	}
	for (int i = 0; i < x->cols; i++) {
		int at = names_find(&f->col, x->col[i].task);

		if (at >= 0)
			col[at] = x->col[i];
	}
	free(x->row);
	free(x->col);
	x->row = row;
	x->col = col;
	x->rows = f->row.n;
	x->cols = f->col.n;
	return true;
}

/* What the survey depends on. */
static void
sign(const struct board *x, const struct found *f, char out[HASH_TEXT])
{
	struct hash h;

	hash_start(&h);
	hash_bytes(&h, &x->model, sizeof x->model);
	for (int i = 0; i < x->rows; i++)
		hash_text(&h, x->row[i].spec);
	for (int i = 0; i < x->cols; i++)
		hash_text(&h, x->col[i].task);
	for (int i = 0; i < f->experts.n; i++)
		hash_bytes(&h, &f->experts.v[i].id, sizeof f->experts.v[i].id);
	for (int i = 0; i < f->mixtures.n; i++)
		hash_bytes(&h, &f->mixtures.v[i].id, sizeof f->mixtures.v[i].id);
	hash_end(&h, out);
}

static enum t2_status
read_all(struct board *x, struct t2_err *err)
{
	struct found f = {0};
	struct store *store;
	enum t2_status st = store_open_again(&store, &x->store, err);

	if (st)
		return st;
	f.task = tasks_names(&f.tasks);
	if (!(st = store_eval_newest(store, x->model, &x->list, err)) &&
	    !(st = store_expert_list(store, x->model, &f.experts, err)))
		st = store_mixture_list(store, x->model, &f.mixtures, err);
	if (!st)
		store_sound(store, &x->unsound);
	store_close(store);
	x->evals = &x->list;
	if (!st && (!name_rows(&f, &x->list) || !name_cols(&f, &x->list) || !make_lines(x, &f)))
		st = t2_nomem(err, "evaluations");
	if (!st)
		sign(x, &f, x->sign);
	found_free(&f);
	return st;
}

/* -- scores ------------------------------------------------------------------------------------------------ */

static const char *
setup_hash(const struct board *x, int row, int col)
{
	const char *h = x->row[row].hash;

	if (!strcmp(x->row[row].spec, "few-shot"))
		h = x->col[col].shot_hash;
	return x->row[row].known && x->col[col].known ? h : NULL;
}

static void
score_eval(struct board *x, const struct eval_row *e, int row, int col)
{
	const struct ev_col *c = &x->col[col];
	struct score_wanted q = {.task = c->task,
				 .strategy = x->row[row].spec,
				 .split = x->set.split,
				 .temperature = x->set.temp,
				 .seed = x->set.seed,
				 .n = x->set.n,
				 .items = c->items,
				 .setup_hash = setup_hash(x, row, col),
				 .task_hash = c->known ? c->hash : NULL};

	scoreboard_offer(e, &q, &x->score[(size_t)col * (size_t)x->rows + (size_t)row]);
}

/* Seconds a question took where this was measured last: in the same cell, else on the same task, else anywhere. */
static void
fill_pace(struct board *x, const double *task, double any)
{
	for (int c = 0; c < x->cols; c++)
		for (int r = 0; r < x->rows; r++) {
			double *p = &x->pace[(size_t)c * (size_t)x->rows + (size_t)r];

			if (!(*p > 0))
				*p = task[c] > 0 ? task[c] : any;
		}
}

static void
score_all(struct board *x, const struct names *row, const struct names *col, double *task)
{
	double any = 0;

	for (int i = 0; i < x->evals->n; i++) { /* newest first */
		const struct eval_row *e = &x->evals->v[i];
		int r = names_find(row, e->strategy), c = names_find(col, e->task);
		double took = e->n > 0 && e->seconds > 0 ? e->seconds / e->n : 0;

		any = any > 0 ? any : took;
		if (c < 0)
			continue;
		task[c] = task[c] > 0 ? task[c] : took;
		if (r < 0)
			continue;
		if (!(x->pace[(size_t)c * (size_t)x->rows + (size_t)r] > 0))
			x->pace[(size_t)c * (size_t)x->rows + (size_t)r] = took;
		score_eval(x, e, r, c);
	}
	fill_pace(x, task, any);
	for (int c = 0; c < x->cols; c++)
		scoreboard_best(&x->score[(size_t)c * (size_t)x->rows], x->rows, 0);
}

static enum t2_status
make_scores(struct board *x, struct t2_err *err)
{
	size_t cells = (size_t)x->rows * (size_t)x->cols + 1;
	double *task = calloc((size_t)x->cols + 1, sizeof *task);
	struct names row = {0}, col = {0};
	bool ok = task && (x->score = calloc(cells, sizeof *x->score)) &&
		  (x->pace = calloc(cells, sizeof *x->pace));

	for (int i = 0; i < x->rows && ok; i++)
		ok = names_add(&row, x->row[i].spec);
	for (int i = 0; i < x->cols && ok; i++)
		ok = names_add(&col, x->col[i].task);
	if (ok)
		score_all(x, &row, &col, task);
	names_free(&row);
	names_free(&col);
	free(task);
	return ok ? T2_OK : t2_nomem(err, "evaluations");
}

static enum t2_status
board_work(void *arg, struct job *job, struct t2_err *err)
{
	struct board *x = arg;
	enum t2_status st = x->read ? read_all(x, err) : T2_OK;

	if (!st && job_cancelled(job))
		st = T2_ECANCEL;
	return st ? st : make_scores(x, err);
}

static void
board_drop(void *arg)
{
	struct board *x = arg;

	eval_list_free(&x->list);
	free(x->row);
	free(x->col);
	free(x->score);
	free(x->pace);
	free(x);
}

/* -- in the UI's thread ------------------------------------------------------------------------------------ */

static void
board_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct board *x = arg;
	struct evals *s = x->s;
	bool read = s->again_read;

	(void)err; /* the job's failure is said already */
	s->board = 0;
	if (x->unsound.code)
		world_unread(s->w, &x->unsound);
	if (!st && x->epoch == s->epoch) {
		struct ev_board b = {.read = x->read,
				     .set = x->set,
				     .list = x->list,
				     .row = x->row,
				     .col = x->col,
				     .rows = x->rows,
				     .cols = x->cols,
				     .score = x->score,
				     .pace = x->pace,
				     .sign = x->sign};

		evals_read(s, x->number);
		evals_board_take(x->v, s, &b);
		memset(&x->list, 0, sizeof x->list);
		x->row = NULL;
		x->col = NULL;
		x->score = NULL;
		x->pace = NULL;
	} else if (!st) { /* what it was made with has changed meanwhile */
		s->again = true;
		read = read || x->read;
	}
	if (st) /* what it was to show shows as before */
		evals_read(s, x->number);
	if (!s->again || app_renewing(x->v->app))
		return;
	evals_board(x->v, s, read);
}

void
evals_board(struct view *v, struct evals *s, bool read)
{
	struct job_spec spec = {.name = "read evaluations",
				.work = board_work,
				.done = board_done,
				.drop = board_drop,
				.quiet = true,
				.light = true,
				.passing = true};
	struct board *x;

	if (s->board) {
		s->again = true;
		s->again_read = s->again_read || read;
		return;
	}
	s->again = s->again_read = false;
	if (!(x = calloc(1, sizeof *x)) ||
	    !(x->row = malloc(((size_t)s->rows + 1) * sizeof *x->row)) ||
	    !(x->col = malloc(((size_t)s->cols + 1) * sizeof *x->col))) {
		if (x)
			board_drop(x);
		app_error(v->app, "evaluations: out of memory");
		return;
	}
	x->v = v;
	x->s = s;
	store_place_of(s->w->ui.store, &x->store);
	x->model = s->w->ui.model_id;
	x->read = read || !s->boards;
	x->epoch = s->epoch;
	x->number = ++s->asked;
	x->set = s->set;
	x->evals = &s->list;
	x->rows = s->rows;
	x->cols = s->cols;
	if (s->rows)
		memcpy(x->row, s->row, (size_t)s->rows * sizeof *x->row);
	if (s->cols)
		memcpy(x->col, s->col, (size_t)s->cols * sizeof *x->col);
	spec.arg = x;
	s->board = app_job(v->app, &spec);
	if (!s->board)
		evals_read(s, s->asked);
}
