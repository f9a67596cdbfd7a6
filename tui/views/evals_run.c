/* Evals: evaluations one after the other, each a job of its own, so that a question asked meanwhile waits for one cell only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/evaluating.h"
#include "tui/shown.h"
#include "tui/views/evals.h"
#include "tui/views/views.h"
#include "tui/widgets/gauge.h"

enum { REPORT_MS = 60 };

struct run {
	struct world *w;
	struct event_queue *q;
	struct ev_key key;
	struct ev_settings set;
	int n, correct;
	double told;
};

struct progress {
	struct ev_key key;
	int n, correct, total;
};

struct outcome {
	struct ev_key key;
	int n, correct;
	enum t2_status st;
	char error[256];
};

static bool
same(const struct ev_key *a, const struct ev_key *b)
{
	return !strcmp(a->spec, b->spec) && !strcmp(a->task, b->task);
}

static struct ev_work *
find(const struct evals *s, const struct ev_key *key)
{
	for (int i = 0; i < s->works; i++)
		if (same(&s->work[i].key, key))
			return &s->work[i];
	return NULL;
}

struct ev_work *
evals_work(const struct evals *s, int row, int col)
{
	for (int i = 0; i < s->works; i++)
		if (!strcmp(s->work[i].key.spec, s->row[row].spec) &&
		    !strcmp(s->work[i].key.task, s->col[col].task))
			return &s->work[i];
	return NULL;
}

/* -- in the job's thread ----------------------------------------------------------------------------------- */

static void
on_scored(void *arg, int item, bool correct)
{
	struct run *r = arg;
	struct progress *p;
	double now = clock_seconds();

	(void)item;
	r->n++;
	r->correct += correct;
	if (now - r->told < REPORT_MS / 1000.0)
		return;
	r->told = now;
	p = malloc(sizeof *p);
	if (!p)
		return;
	*p = (struct progress){.key = r->key, .n = r->n, .correct = r->correct};
	event_post(r->q, &evals_view, EV_PROGRESS, p, free);
}

static enum t2_status
work(void *arg, struct job *job, struct t2_err *err)
{
	struct run *r = arg;
	struct evaluating_options o = {.split = r->set.split,
				       .strategy = r->key.spec,
				       .limit = r->set.n,
				       .temp = (float)r->set.temp,
				       .seed = (uint64_t)r->set.seed,
				       .scored = on_scored,
				       .arg = r};
	struct workspace *ws;
	struct evaluating e;
	enum t2_status st = world_work(r->w, WS_TEXT | WS_FACTORS, &ws, job, err);

	if (!st)
		st = evaluating_run(&e, ws, r->key.task, &o, job, err);
	if (st)
		return st;
	/* the board shows what is in the store: what is not there is told here */
	if (!e.id)
		st = t2_fail(err, e.lost.code, "%d of %d right, but not kept: %s", e.result.correct,
			     e.result.n, e.lost.msg);
	evaluating_free(&e);
	return st;
}

static void
done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct run *r = arg;
	struct outcome *x = calloc(1, sizeof *x);

	if (!x)
		return;
	x->key = r->key;
	x->n = r->n;
	x->correct = r->correct;
	x->st = st;
	snprintf(x->error, sizeof x->error, "%.255s", st ? err->msg : "");
	event_post(r->q, &evals_view, EV_DONE, x, free);
}

/* -- the queue --------------------------------------------------------------------------------------------- */

static void
drop_work(struct evals *s, struct ev_work *x)
{
	int at = (int)(x - s->work);

	memmove(x, x + 1, (size_t)(--s->works - at) * sizeof *x);
}

static void
start_next(struct view *v, struct evals *s)
{
	struct job_spec spec = {
		.owner = &evals_view, .lane = s->w, .work = work, .done = done, .drop = free};
	struct ev_work *x = NULL;
	struct run *r;
	char name[JOB_NAME];

	if (s->running)
		return;
	for (int i = 0; i < s->works && !x; i++)
		if (s->work[i].phase == EV_QUEUED)
			x = &s->work[i];
	if (!x || !(r = calloc(1, sizeof *r)))
		return;
	r->w = s->w;
	r->q = app_queue(v->app);
	r->key = x->key;
	r->set = x->set;
	r->told = clock_seconds();
	snprintf(name, sizeof name, "eval %.28s %.28s", shown_strategy(x->key.spec), x->key.task);
	spec.name = name;
	spec.arg = r;
	spec.quiet = true;
	x->phase = EV_RUNNING;
	s->running = app_job(v->app, &spec);
	if (!s->running)
		drop_work(s, x);
}

static void
launch(struct view *v, struct evals *s, int row, int col)
{
	struct ev_work *x = evals_work(s, row, col), *grown;

	if (x && x->phase != EV_FAILED) {
		app_say(v->app, "%s · %s: %s", shown_strategy(x->key.spec), x->key.task,
			x->phase == EV_KEPT ? "measured, is being read" : "is at work already");
		return;
	}
	if (!x) {
		grown = realloc(s->work, ((size_t)s->works + 1) * sizeof *grown);
		if (!grown)
			return;
		s->work = grown;
		x = &grown[s->works++];
	}
	memset(x, 0, sizeof *x);
	snprintf(x->key.spec, EV_SPEC, "%s", s->row[row].spec);
	snprintf(x->key.task, EV_TASK, "%s", s->col[col].task);
	x->set = s->set;
	x->total = s->col[col].items;
	if (s->set.n > 0 && (s->set.n < x->total || !x->total))
		x->total = s->set.n;
	if (!s->running) {
		s->finished = 0;
		s->began = clock_seconds();
	}
	start_next(v, s);
}

void
evals_progress(struct evals *s, const void *data)
{
	const struct progress *p = data;
	struct ev_work *x = find(s, &p->key);

	if (!x || x->phase != EV_RUNNING)
		return;
	x->n = p->n;
	x->correct = p->correct;
}

static bool
waits(const struct ev_work *x)
{
	return x->phase == EV_QUEUED || x->phase == EV_RUNNING;
}

int
evals_waiting(const struct evals *s)
{
	int n = 0;

	for (int i = 0; i < s->works; i++)
		n += waits(&s->work[i]);
	return n;
}

void
evals_read(struct evals *s, int board)
{
	for (int i = s->works - 1; i >= 0; i--)
		if (s->work[i].phase == EV_KEPT && s->work[i].board <= board)
			drop_work(s, &s->work[i]);
}

void
evals_done(struct view *v, struct evals *s, const void *data)
{
	const struct outcome *o = data;
	struct ev_work *x = find(s, &o->key);
	char b[32];

	s->running = 0;
	if (o->st == T2_ECANCEL) { /* of one is meant for all: the rest would only begin again */
		int dropped = evals_waiting(s);

		for (int i = s->works - 1; i >= 0; i--)
			if (waits(&s->work[i]))
				drop_work(s, &s->work[i]);
		if (dropped > 1)
			app_say(v->app, "cancelled, and %d more that waited", dropped - 1);
		return;
	}
	evals_board(v, s, true);
	if (x && o->st) {
		x->phase = EV_FAILED;
		snprintf(x->error, sizeof x->error, "%s", o->error);
	} else if (x) {
		x->phase = EV_KEPT;
		x->n = o->n;
		x->correct = o->correct;
		x->board = s->asked + s->again; /* one that was begun before may not have it */
		s->finished++;
	}
	start_next(v, s);
	if (!s->running && s->finished)
		app_say(v->app, "%d evaluation%s kept, %s", s->finished,
			s->finished == 1 ? "" : "s",
			gauge_time(b, sizeof b, clock_seconds() - s->began));
}

/* -- time -------------------------------------------------------------------------------------------------- */

double
evals_cost(const struct evals *s, int row, int col)
{
	double pace = s->pace[(size_t)col * (size_t)s->rows + (size_t)row];
	int n = s->col[col].items;

	if (s->set.n > 0 && (s->set.n < n || !n))
		n = s->set.n;
	return pace > 0 && n ? pace * n : -1;
}

double
evals_left(const struct evals *s)
{
	double left = 0;

	for (int i = 0; i < s->works; i++) {
		const struct ev_work *x = &s->work[i];
		int row = evals_find_row(s, x->key.spec), col = evals_find_col(s, x->key.task);
		double cost = row >= 0 && col >= 0 ? evals_cost(s, row, col) : -1;

		if (!waits(x))
			continue;
		if (cost < 0)
			return -1;
		left += x->phase == EV_RUNNING && x->total ? cost * (1 - (double)x->n / x->total)
							   : cost;
	}
	return left;
}

/* -- launching --------------------------------------------------------------------------------------------- */

/* Some cells, to be confirmed or launched at once. */
struct batch {
	struct view *v;
	struct evals *s;
	int n;
	struct ev_key key[];
};

static void
batch_go(struct app *a, void *arg)
{
	struct batch *b = arg;

	(void)a;
	for (int i = 0; i < b->n; i++) {
		int row = evals_find_row(b->s, b->key[i].spec),
		    col = evals_find_col(b->s, b->key[i].task);

		if (row >= 0 && col >= 0)
			launch(b->v, b->s, row, col);
	}
}

static bool
wanted(const struct evals *s, int row, int col)
{
	const struct ev_work *work = evals_work(s, row, col);

	if (!strcmp(s->row[row].spec, "few-shot") && !s->col[col].known)
		return false; /* whether there is a mixture is being looked up */
	return evals_missing(s, row, col) && !evals_refusal(s, row, col) &&
	       !(work && work->phase != EV_FAILED);
}

/* Every cell of rows [r0, r1) of the map and columns [c0, c1) that is missing; marked: of the marked ones only. */
static void
run_missing(struct view *v, struct evals *s, int r0, int r1, int c0, int c1, bool marked)
{
	struct batch *b;
	double seconds = 0;
	char q[160], t[32];

	if (evals_pending(v, s))
		return;
	b = calloc(1, sizeof *b + (size_t)s->nmap * (size_t)s->cols * sizeof *b->key);
	if (!b)
		return;
	b->v = v;
	b->s = s;
	for (int c = c0; c < c1; c++)
		for (int i = r0; i < r1; i++) {
			int row = s->map[i];
			double cost;

			if (!wanted(s, row, c) || (marked && !evals_marked(s, row, c)))
				continue;
			snprintf(b->key[b->n].spec, EV_SPEC, "%s", s->row[row].spec);
			snprintf(b->key[b->n++].task, EV_TASK, "%s", s->col[c].task);
			cost = evals_cost(s, row, c);
			seconds = cost < 0 || seconds < 0 ? -1 : seconds + cost;
		}
	if (!b->n) {
		app_say(v->app, "%s",
			KEYS(v, "nothing is missing here; {run-again} measures the selected cell "
				"again"));
		free(b);
		return;
	}
	if (b->n == 1) {
		batch_go(v->app, b);
		free(b);
		return;
	}
	if (seconds >= 0)
		snprintf(q, sizeof q, "Run %d evaluations, about %s?", b->n,
			 gauge_time(t, sizeof t, seconds));
	else
		snprintf(q, sizeof q, "Run %d evaluations? How long is not known yet.", b->n);
	app_confirm(v->app, q, batch_go, b, free);
}

void
evals_run_row(struct view *v, void *state, const char *arg)
{
	struct evals *s = state;

	(void)arg;
	if (s->marks)
		run_missing(v, s, 0, s->nmap, 0, s->cols, true);
	else if (s->nmap)
		run_missing(v, s, s->sel, s->sel + 1, 0, s->cols, false);
}

void
evals_run_column(struct view *v, void *state, const char *arg)
{
	struct evals *s = state;

	(void)arg;
	if (s->cols)
		run_missing(v, s, 0, s->nmap, s->selcol, s->selcol + 1, false);
}

void
evals_run_all(struct view *v, void *state, const char *arg)
{
	struct evals *s = state;

	(void)arg;
	run_missing(v, s, 0, s->nmap, 0, s->cols, false);
}

void
evals_run_cell(struct view *v, void *state, const char *arg)
{
	struct evals *s = state;
	int row = evals_row(s);
	const char *why;

	(void)arg;
	if (row < 0 || s->selcol >= s->cols)
		return;
	if ((why = evals_refusal(s, row, s->selcol)))
		app_error(v->app, "%s", why);
	else
		launch(v, s, row, s->selcol);
}
