/* What the Mix view computes with: the experts' z, read beside the screen, and what the mixture makes of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/svf/zchange.h"
#include "tui/app.h"
#include "tui/views/mix.h"
#include "tui/views/views.h"

/* Products that a slider may cost the UI thread, some 2 ms; more are a job's. */
enum { STATS_AT_ONCE = 2000000 };

/* -- the experts' z ------------------------------------------------------------------------------------------ */

struct mix_vectors *
mix_vectors_ref(struct mix_vectors *x)
{
	if (x)
		atomic_fetch_add(&x->refs, 1);
	return x;
}

void
mix_vectors_drop(void *vectors)
{
	struct mix_vectors *x = vectors;

	if (!x || atomic_fetch_sub(&x->refs, 1) != 1)
		return;
	for (int i = 0; x->z && i < x->k; i++)
		zset_free(x->z[i]);
	free(x->z);
	free(x->id);
	free(x);
}

static struct mix_vectors *
vectors_new(int k)
{
	struct mix_vectors *x = calloc(1, sizeof *x);

	if (!x)
		return NULL;
	atomic_init(&x->refs, 1);
	x->id = calloc((size_t)k + 1, sizeof *x->id);
	x->z = calloc((size_t)k + 1, sizeof *x->z);
	if (x->id && x->z)
		return x;
	mix_vectors_drop(x);
	return NULL;
}

static int
place_of(const struct mix_vectors *x, int64_t expert)
{
	for (int i = 0; x && i < x->k; i++)
		if (x->id[i] == expert)
			return x->z[i] ? i : -1;
	return -1;
}

bool
mix_vectors_of(const struct mix_vectors *x, const struct mixing *m,
	       const struct zset *z[MIXING_EXPERTS])
{
	for (int e = 0; e < m->k; e++) {
		int at = place_of(x, m->expert[e]);

		if (at < 0)
			return false;
		z[e] = x->z[at];
	}
	return true;
}

struct reading {
	const struct model *model; /* immutable, the world's */
	struct store_place store;
	struct event_queue *q;
	struct mix_vectors *x;
};

/* A store handle of its own: the jobs' one may be busy for minutes. */
static enum t2_status
read_work(void *arg, struct job *job, struct t2_err *err)
{
	struct reading *j = arg;
	struct workspace ws = {.model = (struct model *)j->model};
	enum t2_status st = store_open_again(&ws.store, &j->store, err);

	job_stage(job, "reading z", j->x->k);
	for (int i = 0; i < j->x->k && !st; i++) {
		if (job_cancelled(job))
			st = t2_fail(err, T2_ECANCEL, "experts: cancelled");
		else
			st = workspace_expert_zset(&ws, j->x->id[i], &j->x->z[i], err);
		if (st == T2_ENOTFOUND) /* removed meanwhile: the store's next event says so */
			st = T2_OK;
		job_step(job, 1);
	}
	store_close(ws.store);
	return st;
}

static void
read_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct reading *j = arg;

	(void)err;
	event_post(j->q, &mix_view, MIX_VECTORS, st ? NULL : mix_vectors_ref(j->x),
		   mix_vectors_drop);
}

static void
read_drop(void *arg)
{
	struct reading *j = arg;

	mix_vectors_drop(j->x);
	free(j);
}

void
mix_vectors_read(struct mix *s)
{
	struct job_spec spec = {.name = "experts' vectors",
				.owner = &mix_view,
				.work = read_work,
				.done = read_done,
				.drop = read_drop,
				.quiet = true,
				.light = true,
				.passing = true};
	struct reading *j;

	if (s->reading || !s->set.k)
		return;
	j = calloc(1, sizeof *j);
	if (!j || !(j->x = vectors_new(s->set.k))) {
		free(j);
		return;
	}
	j->x->k = s->set.k;
	memcpy(j->x->id, s->set.expert, (size_t)s->set.k * sizeof *j->x->id);
	j->model = s->w->ui.model;
	store_place_of(s->w->ui.store, &j->store);
	j->q = app_queue(s->app);
	spec.arg = j;
	s->reading = app_job(s->app, &spec) != 0;
}

/* -- what the mixture does to each matrix ---------------------------------------------------------------------- */

static void
stats_clear(struct mix_stats *x)
{
	free(x->far);
	free(x->mean);
	free(x->lo);
	free(x->hi);
	memset(x, 0, sizeof *x);
}

void
mix_stats_free(void *stats)
{
	if (stats)
		stats_clear(stats);
	free(stats);
}

static bool
stats_room(struct mix_stats *x, int n)
{
	if (x->n == n)
		return true;
	stats_clear(x);
	x->far = malloc((size_t)n * sizeof *x->far);
	x->mean = malloc((size_t)n * sizeof *x->mean);
	x->lo = malloc((size_t)n * sizeof *x->lo);
	x->hi = malloc((size_t)n * sizeof *x->hi);
	if (!x->far || !x->mean || !x->lo || !x->hi) {
		stats_clear(x);
		return false;
	}
	x->n = n;
	return true;
}

static void
stats_one(struct mix_stats *x, const struct zset *z, int mat)
{
	struct zchange c;
	bool any = zchange_of(z, mat, &c);

	x->far[mat] = c.mean_abs;
	x->mean[mat] = c.mean;
	x->lo[mat] = any ? c.lo : 1;
	x->hi[mat] = any ? c.hi : 1;
}

static enum t2_status
stats_compute(struct mix_stats *x, const struct model *m, const struct mixing *set,
	      const struct mix_vectors *vectors, struct t2_err *err)
{
	const struct zset *z[MIXING_EXPERTS];
	struct zset *out = NULL;
	enum t2_status st = T2_OK;

	if (!mix_vectors_of(vectors, set, z) || !stats_room(x, set->mats))
		return t2_nomem(err, "resulting z");
	st = zset_new(&out, m, err);
	for (int mat = 0; mat < set->mats && !st; mat++) {
		st = mixing_z(set, z, mat, out, err);
		if (!st)
			stats_one(x, out, mat);
		if (!st)
			st = zset_set(out, mat, NULL, err); /* one at a time is enough memory */
	}
	zset_free(out);
	return st;
}

struct stats_job {
	const struct model *model;
	struct event_queue *q;
	struct mixing set;
	struct mix_vectors *vectors;
	struct mix_stats *x;
};

static enum t2_status
stats_work(void *arg, struct job *job, struct t2_err *err)
{
	struct stats_job *j = arg;

	(void)job;
	return stats_compute(j->x, j->model, &j->set, j->vectors, err);
}

static void
stats_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct stats_job *j = arg;

	(void)err;
	event_post(j->q, &mix_view, MIX_STATS, st ? NULL : j->x, mix_stats_free);
	if (!st)
		j->x = NULL;
}

static void
stats_drop(void *arg)
{
	struct stats_job *j = arg;

	mixing_free(&j->set);
	mix_vectors_drop(j->vectors);
	mix_stats_free(j->x);
	free(j);
}

static void
stats_start(struct mix *s)
{
	struct job_spec spec = {.name = "resulting z",
				.owner = &mix_view,
				.work = stats_work,
				.done = stats_done,
				.drop = stats_drop,
				.quiet = true,
				.light = true,
				.passing = true};
	struct stats_job *j = calloc(1, sizeof *j);

	if (!j)
		return;
	if (mixing_copy(&j->set, &s->set, NULL) || !(j->x = calloc(1, sizeof *j->x))) {
		stats_drop(j);
		return;
	}
	j->model = s->w->ui.model;
	j->q = app_queue(s->app);
	j->vectors = mix_vectors_ref(s->vectors);
	j->x->of = s->changes;
	spec.arg = j;
	s->stats_running = app_job(s->app, &spec) != 0;
}

/* At once where that is a matter of a frame; on a large model beside the screen, the latest wish only. */
void
mix_stats_update(struct mix *s)
{
	long products = 0;

	if (!s->vectors || s->stats_running)
		return;
	for (int i = 0; i < s->mats; i++)
		products += weight_rank(model_matrix(s->w->ui.model, i));
	products *= s->set.k;
	if (products > STATS_AT_ONCE) {
		stats_start(s);
		return;
	}
	if (!stats_compute(&s->stats, s->w->ui.model, &s->set, s->vectors, NULL))
		s->stats.of = s->changes;
}

void
mix_stats_take(struct mix *s, struct mix_stats *x)
{
	s->stats_running = false;
	if (x) {
		stats_clear(&s->stats);
		s->stats = *x;
		free(x);
	}
	if (x && s->stats.of != s->changes)
		mix_stats_update(s);
}
