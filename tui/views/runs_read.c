/* Runs: curves of the runs that were looked at and the selected run's rollouts, read by a job with a store of its own.  Until
 * they are there the last ones show. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/adapt/wilson.h"
#include "tui/app.h"
#include "tui/views/runs.h"
#include "tui/views/views.h"

enum {
	NEAR = 40
}; /* so many runs above and below the selected one are read before they are looked at */

struct asked {
	int64_t id;
	int after;	       /* steps that are there, -1: all are wanted */
	int step;	       /* of its row, */
	double beat;	       /* and its heartbeat */
	struct run_curves got; /* what came after it */
	bool read;	       /* all of that */
};

struct reading {
	struct view *v;
	struct runs *s;
	struct store_place store;
	struct asked *ask;
	int n;
	int64_t run; /* whose rollouts are wanted; 0: nobody's */
	int step;
	struct rollout_list rollouts;
	bool rollouts_read;
	struct t2_err unread;
};

/* -- curves ------------------------------------------------------------------------------------------------ */

enum { LINES = 8 }; /* arrays of a number a step */

static void
lines_of(struct run_curves *k, double **line[LINES])
{
	double **const all[LINES] = {&k->step, &k->reward, &k->loss,   &k->kl,
				     &k->norm, &k->length, &k->tokens, &k->ms};

	memcpy(line, all, sizeof all);
}

void
runs_curves_clear(struct run_curves *k)
{
	double **line[LINES];

	lines_of(k, line);
	for (int i = 0; i < LINES; i++)
		free(*line[i]);
	free(k->zmean);
	free(k->val.v);
	free(k->vstep);
	free(k->vacc);
	free(k->vlo);
	free(k->vhi);
	memset(k, 0, sizeof *k);
}

static bool
grow(double **v, int n)
{
	double *p = realloc(*v, ((size_t)n + 1) * sizeof *p);

	if (p)
		*v = p;
	return p != NULL;
}

static bool
curves_room(struct run_curves *k, int n)
{
	int cap = k->cap ? k->cap : 64;
	double **line[LINES];

	while (cap < n)
		cap *= 2;
	/* zcount is known only with the first step: room without z may have been made before */
	if (cap == k->cap && (k->zmean || !k->zcount))
		return true;
	lines_of(k, line);
	for (int i = 0; i < LINES; i++)
		if (!grow(line[i], cap))
			return false;
	if (k->zcount) {
		float *z = realloc(k->zmean, (size_t)cap * (size_t)k->zcount * sizeof *z);

		if (!z)
			return false;
		k->zmean = z;
	}
	k->cap = cap;
	return true;
}

static bool
add_validations(struct run_curves *k)
{
	struct validation_list *v = &k->val;

	if (!grow(&k->vstep, v->n) || !grow(&k->vacc, v->n) || !grow(&k->vlo, v->n) ||
	    !grow(&k->vhi, v->n))
		return false;
	for (int i = 0; i < v->n; i++) {
		double lo, hi;

		wilson95(v->v[i].correct, v->v[i].n, &lo, &hi);
		k->vstep[i] = v->v[i].step;
		k->vacc[i] = v->v[i].n ? 2.0 * v->v[i].correct / v->v[i].n - 1 : NAN;
		k->vlo[i] = 2 * lo - 1;
		k->vhi[i] = 2 * hi - 1;
	}
	return true;
}

static bool
add_metrics(struct run_curves *k, const struct metric_list *m)
{
	k->zcount = m->n ? m->v[0].zcount : 0;
	if (!curves_room(k, m->n))
		return false;
	for (int i = 0; i < m->n; i++) {
		const struct run_metric *x = &m->v[i];

		k->step[i] = x->step;
		k->reward[i] = x->reward;
		k->loss[i] = x->loss;
		k->kl[i] = x->kl;
		k->norm[i] = x->grad_norm;
		k->length[i] = x->length;
		k->tokens[i] = (double)x->tokens;
		k->ms[i] = x->ms;
		for (int z = 0; z < k->zcount; z++)
			k->zmean[(size_t)i * (size_t)k->zcount + (size_t)z] =
				x->zmean && x->zcount == k->zcount ? x->zmean[z] : NAN;
	}
	k->n = m->n;
	return true;
}

/* What came since; validations are few and come whole. */
static bool
append(struct run_curves *k, struct run_curves *more)
{
	double **to[LINES], **from[LINES];

	if (more->n && !k->n)
		k->zcount = more->zcount;
	if (!curves_room(k, k->n + more->n))
		return false;
	lines_of(k, to);
	lines_of(more, from);
	for (int i = 0; i < LINES && more->n; i++)
		memcpy(*to[i] + k->n, *from[i], (size_t)more->n * sizeof **to[i]);
	for (int i = 0; i < more->n * k->zcount; i++)
		k->zmean[(size_t)k->n * (size_t)k->zcount + (size_t)i] =
			more->zcount == k->zcount ? more->zmean[i] : NAN;
	k->n += more->n;
	free(k->val.v);
	free(k->vstep);
	free(k->vacc);
	free(k->vlo);
	free(k->vhi);
	k->val = more->val;
	k->vstep = more->vstep;
	k->vacc = more->vacc;
	k->vlo = more->vlo;
	k->vhi = more->vhi;
	memset(&more->val, 0, sizeof more->val);
	more->vstep = more->vacc = more->vlo = more->vhi = NULL;
	return true;
}

/* -- in the job's thread ----------------------------------------------------------------------------------- */

static enum t2_status
read_curves(struct store *store, struct asked *a, struct t2_err *err)
{
	struct metric_list m;
	enum t2_status st = store_metric_list(store, a->id, a->after, &m, err);

	if (st)
		return st;
	if (!add_metrics(&a->got, &m))
		st = t2_nomem(err, "curves");
	metric_list_free(&m);
	if (!st)
		st = store_validation_list(store, a->id, &a->got.val, err);
	if (!st && !add_validations(&a->got))
		st = t2_nomem(err, "curves");
	a->read = !st;
	return st;
}

static enum t2_status
read_work(void *arg, struct job *job, struct t2_err *err)
{
	struct reading *x = arg;
	struct store *store;
	enum t2_status st = store_open_again(&store, &x->store, &x->unread);

	(void)err; /* one that cannot be read is told once in a minute: world_unread() */
	if (st)
		return T2_OK;
	for (int i = 0; i < x->n && !st && !job_cancelled(job); i++)
		st = read_curves(store, &x->ask[i], &x->unread);
	if (!st && x->run && !job_cancelled(job))
		x->rollouts_read = !store_rollout_list(store, x->run, &x->rollouts, &x->unread);
	store_close(store);
	return job_cancelled(job) ? T2_ECANCEL : T2_OK;
}

static void
read_drop(void *arg)
{
	struct reading *x = arg;

	for (int i = 0; i < x->n; i++)
		runs_curves_clear(&x->ask[i].got);
	free(x->ask);
	rollout_list_free(&x->rollouts);
	free(x);
}

/* -- in the UI's thread ------------------------------------------------------------------------------------ */

static struct run_curves *
find_curves(const struct runs *s, int64_t id)
{
	for (int i = 0; i < s->ncurves; i++)
		if (s->curve[i].id == id)
			return &s->curve[i];
	return NULL;
}

/* What was not read stays as it was, and is asked for again. */
static void
take_curves(struct runs *s, struct asked *a)
{
	struct run_curves *k = find_curves(s, a->id);

	if (!k || !a->read)
		return;
	if (a->after < 0) {
		struct run_curves old = *k;

		*k = a->got;
		a->got = old;
	} else if (!append(k, &a->got)) {
		return;
	}
	k->id = a->id;
	k->known = true;
	k->anew = false;
	k->at = a->step;
	k->beat = a->beat;
}

static void
read_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct reading *x = arg;
	struct runs *s = x->s;

	(void)st;
	(void)err;
	s->reading = 0;
	if (x->unread.code)
		world_unread(s->w, &x->unread);
	for (int i = 0; i < x->n; i++)
		take_curves(s, &x->ask[i]);
	if (x->rollouts_read) {
		if (s->rollouts_of != x->run)
			s->scroll = 0;
		rollout_list_free(&s->rollouts);
		s->rollouts = x->rollouts;
		memset(&x->rollouts, 0, sizeof x->rollouts);
		s->rollouts_of = x->run;
		s->rollouts_step = x->step;
	}
	if (s->again && !app_renewing(x->v->app)) /* whoever cancelled this one did not mean that */
		runs_read(x->v, s);
}

/* The list is by descending number. */
static const struct run_row *
find_row(const struct runs *s, int64_t id)
{
	int lo = 0, hi = s->list.n;

	while (lo < hi) {
		int mid = (lo + hi) / 2;

		if (s->list.v[mid].id > id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->list.n && s->list.v[lo].id == id ? &s->list.v[lo] : NULL;
}

static struct run_curves *
add_curves(struct runs *s, int64_t id)
{
	struct run_curves *grown = realloc(s->curve, ((size_t)s->ncurves + 1) * sizeof *grown);

	if (!grown)
		return NULL;
	s->curve = grown;
	memset(&grown[s->ncurves], 0, sizeof *grown);
	grown[s->ncurves].id = id;
	return &grown[s->ncurves++];
}

struct run_curves *
runs_curves(struct view *v, struct runs *s, int64_t id)
{
	struct run_curves *k = find_curves(s, id);

	if (k)
		return k;
	if (!s->wanting && event_post(app_queue(v->app), &runs_view, RUNS_WANT, NULL, NULL))
		s->wanting = true;
	return add_curves(s, id);
}

/* Those beside the selected one will be looked at next. */
static void
add_near(struct runs *s)
{
	int from = s->table.sel - NEAR, to = s->table.sel + NEAR;

	for (int i = from < 0 ? 0 : from; i <= to && i < s->table.nmap; i++) {
		int64_t id = s->list.v[s->table.map[i]].id;

		if (!find_curves(s, id))
			add_curves(s, id);
	}
}

/* Runs that are no more: their numbers may be given again. */
static void
forget_gone(struct runs *s)
{
	for (int i = 0; i < s->ncurves; i++)
		if (!find_row(s, s->curve[i].id)) {
			runs_curves_clear(&s->curve[i]);
			s->curve[i--] = s->curve[--s->ncurves];
		}
}

/* All of it once more, whatever is known; until it is read that shows. */
static void
read_anew(struct runs *s)
{
	for (int i = 0; i < s->ncurves; i++)
		s->curve[i].anew = true;
	s->rollouts_step = -1;
	s->anew = false;
}

/* Only what is new since the last look; a resumed run went back to its checkpoint. */
static void
ask_curves(struct reading *x, const struct run_curves *k, const struct run_row *r)
{
	bool whole = k->anew || !k->n || r->step < k->step[k->n - 1];

	if (k->known && !k->anew && k->at == r->step && k->beat >= r->heartbeat &&
	    k->beat <= r->heartbeat)
		return;
	x->ask[x->n++] = (struct asked){.id = k->id,
					.after = whole ? -1 : (int)k->step[k->n - 1],
					.step = r->step,
					.beat = r->heartbeat};
}

void
runs_read(struct view *v, struct runs *s)
{
	struct job_spec spec = {.name = "read runs",
				.work = read_work,
				.done = read_done,
				.drop = read_drop,
				.quiet = true,
				.light = true,
				.passing = true};
	const struct run_row *sel = runs_selected(s);
	struct reading *x;

	s->wanting = false;
	s->again = s->reading != 0;
	if (s->reading)
		return;
	if (s->anew)
		read_anew(s);
	forget_gone(s);
	add_near(s);
	if (!sel) {
		rollout_list_free(&s->rollouts);
		s->rollouts_of = 0;
	}
	if (!(x = calloc(1, sizeof *x)) ||
	    !(x->ask = malloc(((size_t)s->ncurves + 1) * sizeof *x->ask))) {
		free(x);
		app_error(v->app, "runs: out of memory");
		return;
	}
	x->v = v;
	x->s = s;
	store_place_of(s->w->ui.store, &x->store);
	for (int i = 0; i < s->ncurves; i++)
		ask_curves(x, &s->curve[i], find_row(s, s->curve[i].id));
	if (sel && (s->rollouts_of != sel->id || s->rollouts_step != sel->step)) {
		x->run = sel->id;
		x->step = sel->step;
	}
	if (!x->n && !x->run) {
		read_drop(x);
		return;
	}
	s->asked = clock_seconds();
	spec.arg = x;
	s->reading = app_job(v->app, &spec);
}
