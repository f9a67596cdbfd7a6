/* What the Models view knows: gathered by jobs, path by path; and the decomposition of models that are not open. */
#include "tui/views/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/beside.h"
#include "tui/views/views.h"

/* -- what is known of a path -------------------------------------------------------------------------------- */

struct models_entry *
models_entry(const struct models *s, const char *path)
{
	for (int i = 0; i < s->entries; i++)
		if (!strcmp(s->entry[i].path, path))
			return &s->entry[i];
	return NULL;
}

const struct models_row *
models_selected(const struct models *s)
{
	int i = table_selected(&s->table);

	return i >= 0 && i < s->rows ? &s->row[i] : NULL;
}

const struct model_info *
models_info(const struct models *s)
{
	const struct models_row *r = models_selected(s);
	const struct models_entry *e = r ? models_entry(s, r->path) : NULL;

	return e ? e->info : NULL;
}

int
models_decomposing(const struct models *s)
{
	const struct models_row *r = models_selected(s);

	if (!r)
		return 0;
	return r->open ? s->w->decomposing : !strcmp(r->path, s->other) ? s->other_job : 0;
}

void
models_entry_set(struct models_entry *e, struct model_info *info, const char *why)
{
	model_info_free(e->info);
	e->info = info;
	snprintf(e->why, sizeof e->why, "%s", why);
	e->job = 0;
}

struct models_entry *
models_entry_add(struct models *s, const char *path)
{
	struct models_entry *grown = realloc(s->entry, ((size_t)s->entries + 1) * sizeof *grown);

	if (!grown)
		return NULL;
	s->entry = grown;
	memset(&grown[s->entries], 0, sizeof *grown);
	snprintf(grown[s->entries].path, sizeof grown->path, "%s", path);
	return &grown[s->entries++];
}

/* The open model's factors as they are now; of others what was gathered stands. */
void
models_count_factors(struct models *s)
{
	struct models_entry *e = models_entry(s, model_path(s->w->ui.model));

	factors_refresh(s->w->ui.factors);
	if (e && e->info)
		model_info_factors(e->info, s->w->ui.model, s->w->ui.factors);
}

struct info_job {
	struct event_queue *q;
	struct models *s;
	char path[1024], cache[1024];
};

static void
info_event_free(void *data)
{
	struct models_found *x = data;

	model_info_free(x->info);
	free(x);
}

static enum t2_status
info_work(void *arg, struct job *job, struct t2_err *err)
{
	struct info_job *j = arg;
	struct models_found *x = calloc(1, sizeof *x);
	struct t2_err why = {0};
	enum t2_status st;

	if (!x)
		return t2_nomem(err, j->path);
	snprintf(x->path, sizeof x->path, "%s", j->path);
	st = model_info_open(&x->info, j->path, j->cache, job, &why);
	snprintf(x->why, sizeof x->why, "%s", st ? why.msg : "");
	/* What is no model is an answer here, not a failure of the job. */
	event_post(j->q, &models_view, MD_INFO, x, info_event_free);
	return T2_OK;
}

/* One that was cancelled while it waited for its turn posts nothing: it is asked again when the row is next selected. */
static void
info_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	const struct info_job *j = arg;
	struct models_entry *e = models_entry(j->s, j->path);

	(void)st;
	(void)err;
	if (e)
		e->job = 0;
}

void
models_gather(struct view *v, struct models *s, const char *path)
{
	struct job_spec spec = {.name = "look into model",
				.owner = &models_view,
				.lane = &models_view, /* one after the other */
				.work = info_work,
				.done = info_done,
				.drop = free,
				.quiet = true,
				.light = true,
				.passing = true};
	struct models_entry *e = models_entry(s, path);
	struct info_job *j;

	if (e && e->job)
		return;
	if (!e && !(e = models_entry_add(s, path)))
		return;
	j = calloc(1, sizeof *j);
	if (!j)
		return;
	j->q = app_queue(v->app);
	j->s = s;
	snprintf(j->path, sizeof j->path, "%s", path);
	snprintf(j->cache, sizeof j->cache, "%s", s->w->ui.cache);
	spec.arg = j;
	e->job = app_job(v->app, &spec);
}

/* -- looking around ----------------------------------------------------------------------------------------- */

struct look_job {
	struct event_queue *q;
	struct models *s;
	char **known, *beside;
	int n;
};

static void
look_drop(void *arg)
{
	struct look_job *j = arg;

	for (int i = 0; i < j->n; i++)
		free(j->known[i]);
	free(j->known);
	free(j->beside);
	free(j);
}

static void
look_event_free(void *data)
{
	places_free(data);
	free(data);
}

static enum t2_status
look_work(void *arg, struct job *job, struct t2_err *err)
{
	struct look_job *j = arg;
	struct place_list *l = calloc(1, sizeof *l);
	enum t2_status st;

	if (!l)
		return t2_nomem(err, "models on disk");
	st = places_look(l, (const char *const *)j->known, j->n, j->beside, job, err);
	if (st)
		free(l);
	else
		event_post(j->q, &models_view, MD_LOOK, l, look_event_free);
	return st;
}

static void
look_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct look_job *j = arg;

	(void)st;
	(void)err;
	j->s->looking = 0;
}

void
models_look(struct view *v, struct models *s)
{
	struct job_spec spec = {.name = "look for models",
				.owner = &models_view,
				.work = look_work,
				.done = look_done,
				.drop = look_drop,
				.quiet = true,
				.light = true,
				.passing = true};
	struct look_job *j;

	if (s->looking || !(j = calloc(1, sizeof *j)))
		return;
	j->q = app_queue(v->app);
	j->s = s;
	j->known = calloc((size_t)s->known.n + 1, sizeof *j->known);
	j->beside = strdup(model_path(s->w->ui.model));
	for (int i = 0; i < s->known.n && j->known; i++)
		if ((j->known[j->n] = strdup(s->row[i].path)))
			j->n++;
	if (!j->known || !j->beside) {
		look_drop(j);
		return;
	}
	spec.arg = j;
	s->looking = app_job(v->app, &spec);
}

/* -- decomposing -------------------------------------------------------------------------------------------- */

/* Of a model that is not the open one: it has a model and threads of its own. */
struct factor_job {
	struct view *v;
	struct models *s;
	struct event_queue *q;
	int threads;
	struct memory *memory;
	char path[1024], cache[1024];
};

static void
factor_done(void *arg, int mat)
{
	const struct factor_job *j = arg;
	int *kind = malloc(sizeof *kind);

	if (kind) {
		*kind = mat % MAT_KINDS;
		event_post(j->q, &models_view, MD_FACTOR, kind, free);
	}
}

static enum t2_status
factor_work(void *arg, struct job *job, struct t2_err *err)
{
	struct factor_job *j = arg;
	struct pool *pool = pool_new(j->threads);
	struct model *m = NULL;
	enum t2_status st = pool ? model_open(&m, j->path, err) : t2_nomem(err, "threads");

	if (pool)
		pool_use_memory(pool, j->memory);
	if (!st)
		st = factors_decompose(m, j->cache, "all", false, false, pool, job, factor_done, j,
				       NULL, err);
	model_free(m);
	pool_free(pool);
	return st;
}

static void
factor_ended(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct factor_job *j = arg;

	(void)st;
	(void)err;
	j->s->other_job = 0;
	models_gather(j->v, j->s, j->path); /* what is in the cache now, not what was counted */
	if (j->s->w->beside && !strcmp(j->s->w->beside->path, j->path))
		beside_start(j->v->app, j->s->w, j->path, j->s->w->beside->name);
}

static void
decompose_other(struct view *v, struct models *s, const char *path)
{
	struct job_spec spec = {.owner = &models_view,
				.lane = &s->other_job,
				.work = factor_work,
				.done = factor_ended,
				.drop = free,
				.light = true};
	struct factor_job *j = calloc(1, sizeof *j);
	const struct models_row *r = models_selected(s);
	char name[JOB_NAME];

	if (!j)
		return;
	j->v = v;
	j->s = s;
	j->q = app_queue(v->app);
	j->threads = s->w->threads;
	j->memory = s->w->memory;
	snprintf(j->path, sizeof j->path, "%s", path);
	snprintf(j->cache, sizeof j->cache, "%s", s->w->ui.cache);
	snprintf(s->other, sizeof s->other, "%s", path);
	snprintf(name, sizeof name, "decompose %.40s", r->name);
	spec.name = name;
	spec.arg = j;
	s->other_job = app_job(v->app, &spec);
}

void
models_decompose(struct view *v, void *state, const char *arg)
{
	struct models *s = state;
	const struct models_row *r = models_selected(s);
	const struct model_info *i = models_info(s);
	int job = models_decomposing(s);

	(void)arg;
	if (!r || !i) {
		app_say(v->app, "nothing is known of this model yet");
		return;
	}
	if (job) {
		jobs_cancel(app_jobs(v->app), job);
		app_say(v->app, "stopping after the matrices in flight; %s",
			KEYS(v, "{decompose} goes on from there"));
		return;
	}
	if (model_info_decomposed(i) == i->matrices) {
		app_say(v->app, "%s: all %d matrices are decomposed", r->name, i->matrices);
		return;
	}
	if (r->open)
		world_decompose(s->w);
	else if (s->other_job)
		app_say(v->app, "another model is being decomposed; one after the other");
	else
		decompose_other(v, s, r->path);
}
