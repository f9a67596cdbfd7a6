#include "tui/beside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/svf/factors.h"
#include "tui/app.h"
#include "tui/views/views.h"
#include "tui/world.h"

static int
by_name(const void *a, const void *b)
{
	const struct beside_matrix *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static enum t2_status
read_matrix(struct beside *b, const struct weight *w, const struct factor *f, struct t2_err *err)
{
	struct beside_matrix *x = &b->v[b->n++];

	x->name = arena_strdup(&b->arena, w->name);
	x->m = w->m;
	x->n = w->n;
	x->r = weight_rank(w);
	if (f) {
		x->sigma = arena_memdup(&b->arena, f->sigma64, (size_t)f->r * sizeof *x->sigma);
		b->have++;
	}
	if (b->arena.failed)
		return t2_nomem(err, b->path);
	return f ? spectrum_compute_f64(&x->stats, x->sigma, x->m, x->n, err) : T2_OK;
}

enum t2_status
beside_read(struct beside **out, const char *path, const char *cache, struct job *job,
	    struct t2_err *err)
{
	struct beside *b = calloc(1, sizeof *b);
	struct factors *f = NULL;
	struct model *m = NULL;
	enum t2_status st;

	*out = NULL;
	if (!b)
		return t2_nomem(err, path);
	snprintf(b->path, sizeof b->path, "%s", path);
	if (!(st = model_open(&m, path, err)) && !(st = factors_open(&f, m, cache, err))) {
		int count = model_matrices(m);

		snprintf(b->name, sizeof b->name, "%s", model_name(m));
		job_stage(job, "spectra", count);
		b->v = arena_alloc(&b->arena, (size_t)count * sizeof *b->v);
		if (!b->v)
			st = t2_nomem(err, path);
		for (int i = 0; i < count && !st; i++) {
			st = job_cancelled(job)
				     ? T2_ECANCEL
				     : read_matrix(b, model_matrix(m, i), factors_get(f, i), err);
			job_step(job, 1);
		}
	}
	factors_free(f);
	model_free(m);
	if (st) {
		beside_free(b);
		return st;
	}
	qsort(b->v, (size_t)b->n, sizeof *b->v, by_name);
	*out = b;
	return T2_OK;
}

void
beside_free(struct beside *b)
{
	if (!b)
		return;
	arena_free(&b->arena);
	free(b);
}

const struct beside_matrix *
beside_find(const struct beside *b, const char *name)
{
	const struct beside_matrix key = {.name = name};

	return bsearch(&key, b->v, (size_t)b->n, sizeof *b->v, by_name);
}

/* -- in the workbench --------------------------------------------------------------------------------------- */

struct reading {
	struct app *app;
	struct world *w;
	struct beside *b;
	int wanted; /* w->beside_wanted when it was asked for: another may have been since */
	char path[1024], name[256], cache[1024];
};

static enum t2_status
read_work(void *arg, struct job *job, struct t2_err *err)
{
	struct reading *x = arg;

	return beside_read(&x->b, x->path, x->cache, job, err);
}

static void
put(struct world *w, struct app *a, struct beside *b)
{
	beside_free(w->beside);
	w->beside = b;
	event_post(app_queue(a), NULL, WORLD_BESIDE, NULL, NULL);
}

static void
read_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct reading *x = arg;

	(void)err;
	if (st || x->wanted != x->w->beside_wanted)
		return;
	if (x->name[0])
		snprintf(x->b->name, sizeof x->b->name, "%s", x->name);
	if (x->b->have < x->b->n)
		app_say(x->app, "%s: %d of %d matrices are decomposed; %s in Models does the rest",
			x->b->name, x->b->have, x->b->n,
			KEYS_IN(x->app, models_view.number, "{decompose}"));
	else
		app_say(x->app, "%s beside %s: %s in Spectrum shows and hides its curves",
			x->b->name, x->w->ui.name,
			KEYS_IN(x->app, spectrum_view.number, "{compare}"));
	put(x->w, x->app, x->b);
	x->b = NULL;
}

static void
reading_free(void *arg)
{
	struct reading *x = arg;

	beside_free(x->b);
	free(x);
}

void
beside_start(struct app *a, struct world *w, const char *path, const char *name)
{
	struct job_spec s = {.name = "spectra to compare",
			     .work = read_work,
			     .done = read_done,
			     .drop = reading_free,
			     .quiet = true,
			     .light = true,
			     .passing = true};
	struct reading *x = calloc(1, sizeof *x);

	if (!x) {
		app_error(a, "out of memory");
		return;
	}
	x->app = a;
	x->w = w;
	x->wanted = ++w->beside_wanted;
	snprintf(x->path, sizeof x->path, "%s", path);
	snprintf(x->name, sizeof x->name, "%s", name);
	snprintf(x->cache, sizeof x->cache, "%s", w->ui.cache);
	s.arg = x;
	app_job(a, &s);
}

void
beside_drop(struct app *a, struct world *w)
{
	w->beside_wanted++;
	put(w, a, NULL);
}
