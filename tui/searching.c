#include "tui/searching.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "store/runs.h"
#include "tui/strategy.h"

struct plan { /* what a run was asked to do: kept as its settings */
	char task[PATH_MAX], experts[4000], split[40], name[128];
	char label[200]; /* the task's name, not kept */
	struct search_settings set;
	uint64_t seed;
};

static char *
plan_json(const struct plan *p)
{
	json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:b,s:b,s:I}", "task", p->task,
			      "experts", p->experts, "split", p->split, "name", p->name, "shots",
			      p->set.shots, "population", p->set.population, "elite", p->set.elites,
			      "iterations", p->set.iterations, "per-layer", p->set.per_matrix,
			      "normalise", p->set.normalise, "seed", (json_int_t)p->seed);
	char *s = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	return s;
}

static enum t2_status
plan_read(struct plan *p, const char *text, struct t2_err *err)
{
	json_t *o;
	const char *task, *experts, *split, *name;
	int seed = 0;
	enum t2_status st = json_read_bytes(&o, text, strlen(text), "the run's settings", err);

	if (st)
		return st;
	if (!(st = json_want_string(o, "task", &task, "settings", err)) &&
	    !(st = json_want_string(o, "experts", &experts, "settings", err)) &&
	    !(st = json_want_string(o, "split", &split, "settings", err)) &&
	    !(st = json_want_string(o, "name", &name, "settings", err)) &&
	    !(st = json_want_int(o, "shots", 1, 100000, &p->set.shots, "settings", err)) &&
	    !(st = json_want_int(o, "population", 2, 100000, &p->set.population, "settings",
				 err)) &&
	    !(st = json_want_int(o, "elite", 0, 100000, &p->set.elites, "settings", err)) &&
	    !(st = json_want_int(o, "iterations", 1, 100000, &p->set.iterations, "settings",
				 err)) &&
	    !(st = json_opt_bool(o, "per-layer", &p->set.per_matrix, "settings", err)) &&
	    !(st = json_opt_bool(o, "normalise", &p->set.normalise, "settings", err)) &&
	    !(st = json_want_int(o, "seed", 0, 2147483647, &seed, "settings", err))) {
		snprintf(p->task, sizeof p->task, "%s", task);
		snprintf(p->experts, sizeof p->experts, "%s", experts);
		snprintf(p->split, sizeof p->split, "%s", split);
		snprintf(p->name, sizeof p->name, "%s", name);
		p->seed = (uint64_t)seed;
	}
	json_decref(o);
	return st;
}

static enum t2_status
plan_fill(struct plan *p, const char *task, const struct searching_options *o, struct t2_err *err)
{
	const struct {
		const char *what, *text;
		char *to;
		size_t size;
	} field[] = {{"task", task, p->task, sizeof p->task},
		     {"experts", o->experts, p->experts, sizeof p->experts},
		     {"split", o->split, p->split, sizeof p->split},
		     {"name", o->name ? o->name : "", p->name, sizeof p->name}};

	for (size_t i = 0; i < sizeof field / sizeof *field; i++)
		if ((size_t)snprintf(field[i].to, field[i].size, "%s", field[i].text) >=
		    field[i].size)
			return t2_fail(err, T2_EINVAL, "%s \"%.40s...\": longer than %zu bytes",
				       field[i].what, field[i].text, field[i].size - 1);
	return T2_OK;
}

/* Neither a mixture's name nor that of another search that is not done: TASK-fewshot, then TASK-fewshot-2 ... */
static enum t2_status
free_name(struct workspace *ws, const char *task, int64_t run, char *out, size_t size,
	  struct t2_err *err)
{
	for (int i = 1; i < 10000; i++) {
		struct arena a = {0};
		struct mixture_row m;
		struct run_row by;
		struct t2_err none;
		enum t2_status st;

		if (i == 1)
			snprintf(out, size, "%.100s-fewshot", task);
		else
			snprintf(out, size, "%.100s-fewshot-%d", task, i);
		st = store_mixture_find(ws->store, ws->model_id, out, &m, &a, &none);
		if (st == T2_ENOTFOUND)
			st = store_run_unfinished(ws->store, ws->model_id, "search", out, run, &by,
						  &a, &none);
		arena_free(&a);
		if (st == T2_ENOTFOUND)
			return T2_OK;
		if (st)
			return t2_fail(err, st, "%s", none.msg);
	}
	return t2_fail(err, T2_EINVAL, "mixture %s: too many of that name; give --name", out);
}

/* Of a mixture that is to be: fit for a name, and free. */
static enum t2_status
claim_name(struct workspace *ws, const char *name, struct t2_err *err)
{
	struct arena a = {0};
	struct mixture_row m;
	struct run_row by;
	struct t2_err none;
	enum t2_status st = store_name_check("mixture", name, err);

	if (st)
		return st;
	st = store_mixture_find(ws->store, ws->model_id, name, &m, &a, &none);
	if (st == T2_OK) {
		st = t2_fail(err, T2_EINVAL, "mixture %s: the name is taken; choose another", name);
	} else if (st == T2_ENOTFOUND) {
		st = store_run_unfinished(ws->store, ws->model_id, "search", name, 0, &by, &a,
					  &none);
		if (st == T2_OK)
			st = workspace_spoken_for("mixture", &by, err);
	}
	arena_free(&a);
	if (st == T2_ENOTFOUND)
		return T2_OK;
	return st == T2_EINVAL ? st : t2_fail(err, st, "%s", none.msg);
}

struct named_experts {
	struct expert_row row[64];
	struct zset *z[64];
	int k;
	struct arena arena;
};

static enum t2_status
experts_open(struct named_experts *x, struct workspace *ws, const char *names, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	for (const char *p = names; *p && !st;) {
		size_t n = strcspn(p, ",");
		char name[200];

		if (x->k == 64)
			return t2_fail(err, T2_EINVAL, "experts: more than 64");
		if (n >= sizeof name)
			return t2_fail(err, T2_ENOTFOUND, "expert %.*s...: no such expert", 40, p);
		snprintf(name, sizeof name, "%.*s", (int)n, p);
		st = store_expert_find(ws->store, ws->model_id, name, &x->row[x->k], &x->arena,
				       err);
		for (int i = 0; i < x->k && !st; i++)
			if (x->row[i].id == x->row[x->k].id)
				st = t2_fail(err, T2_EINVAL, "experts: %s is named twice", name);
		if (!st)
			st = workspace_expert_zset(ws, x->row[x->k].id, &x->z[x->k], err);
		if (!st)
			x->k++;
		p += n + (p[n] == ',');
	}
	return st || x->k ? st : t2_fail(err, T2_EINVAL, "experts: none named");
}

static void
experts_close(struct named_experts *x)
{
	for (int i = 0; i < x->k; i++)
		zset_free(x->z[i]);
	arena_free(&x->arena);
}

/* One transaction an iteration: its metric and the state that the next one starts from. */
static enum t2_status
keep_iteration(struct workspace *ws, int64_t run, const struct search *s,
	       const struct search_report *r, struct t2_err *err)
{
	struct run_metric m = {.step = r->iteration,
			       .reward = r->best,
			       .loss = NAN,
			       .kl = NAN,
			       .grad_norm = NAN,
			       .length = NAN,
			       .tokens = r->tokens,
			       .ms = r->ms};
	struct strbuf state = {0};
	enum t2_status st;

	search_save(s, &state);
	if (state.failed) {
		strbuf_free(&state);
		return t2_nomem(err, "search");
	}
	st = store_begin(ws->store, err);
	if (!st)
		st = store_run_step(ws->store, run, &m, err);
	if (!st)
		st = store_run_best(ws->store, run, r->iteration, r->best, err);
	if (!st)
		st = store_checkpoint_put(ws->store, run, "last", r->iteration, state.s, state.len,
					  err);
	if (!st)
		st = store_commit(ws->store, err);
	if (st)
		store_rollback(ws->store);
	strbuf_free(&state);
	return st;
}

/* Somebody may have taken the name meanwhile: the search is kept under another one. */
static enum t2_status
still_free(struct workspace *ws, struct plan *p, int64_t run, struct t2_err *err)
{
	struct arena a = {0};
	struct mixture_row m;
	enum t2_status st = store_mixture_find(ws->store, ws->model_id, p->name, &m, &a, err);
	char base[sizeof p->name];

	arena_free(&a);
	if (st)
		return st == T2_ENOTFOUND ? T2_OK : st;
	memcpy(base, p->name, sizeof base);
	return free_name(ws, base, run, p->name, sizeof p->name, err);
}

static enum t2_status
keep_mixture(struct searching *out, struct workspace *ws, const struct search *s,
	     const struct plan *p, const struct named_experts *x, struct t2_err *err)
{
	int mats = model_matrices(ws->model), groups = p->set.per_matrix ? mats : 1;
	double *alpha = malloc((size_t)x->k * (size_t)groups * sizeof *alpha);
	float *each = malloc((size_t)x->k * (size_t)groups * sizeof *each);
	struct mixture_part part[64];
	struct mixture_row m = {.model = ws->model_id,
				.run = out->run,
				.name = (char *)p->name,
				.task = (char *)p->label,
				.fitness = search_fitness(s),
				.part = part,
				.parts = x->k};
	enum t2_status st = alpha && each ? T2_OK : t2_nomem(err, "mixture");
	int64_t id;

	if (!st) {
		search_alpha(s, alpha);
		memset(part, 0, sizeof part);
		for (int i = 0; i < x->k; i++) {
			json_t *list = json_array();

			for (int g = 0; g < groups; g++) {
				double a = alpha[i * groups + g];

				part[i].alpha += a / groups;
				each[i * groups + g] = (float)a;
				json_array_append_new(list, json_real(a));
			}
			part[i].expert = x->row[i].id;
			part[i].name = x->row[i].name;
			if (groups > 1) {
				part[i].alphas = each + (size_t)i * (size_t)groups;
				part[i].count = groups;
				json_object_set(out->alpha, x->row[i].name, list);
			} else {
				json_object_set_new(out->alpha, x->row[i].name,
						    json_real(alpha[i]));
			}
			json_decref(list);
		}
		st = store_mixture_add(ws->store, &m, &id, err);
	}
	free(alpha);
	free(each);
	return st;
}

/* A new run, or the one to resume with its state and what it has printed so far. */
static enum t2_status
begin(struct searching *out, struct workspace *ws, struct search *s, const struct plan *p,
      bool resume, struct t2_err *err)
{
	char *settings;
	struct run_row row = {.kind = "search",
			      .model = ws->model_id,
			      .name = (char *)p->name,
			      .task = (char *)p->label,
			      .steps = p->set.iterations};
	void *state = NULL;
	size_t n;
	int step;
	enum t2_status st;

	if (!resume) {
		settings = plan_json(p);
		if (!settings)
			return t2_nomem(err, "search");
		row.settings = settings;
		st = store_run_start(ws->store, &row, &out->run, err);
		free(settings);
		return st;
	}
	if ((st = store_run_claim(ws->store, out->run, err)))
		return st;
	st = store_checkpoint_get(ws->store, out->run, "last", &step, &state, &n, err);
	if (st == T2_ENOTFOUND)
		return T2_OK; /* it died before its first iteration ended */
	if (!st)
		st = search_load(s, state, n, err);
	free(state);
	for (int i = 0; !st && i < search_iterations(s); i++) {
		double best, mean;

		search_reached(s, i, &best, &mean);
		json_array_append_new(out->iterations,
				      json_pack("{s:f,s:f}", "best", best, "mean", mean));
	}
	return st;
}

static enum t2_status
iterate(struct searching *out, struct workspace *ws, struct search *s, const struct plan *p,
	searching_fn *fn, void *arg, struct job *job, struct t2_err *err)
{
	job_stage(job, "search", p->set.iterations);
	job_step(job, search_iterations(s));
	while (search_iterations(s) < p->set.iterations) {
		struct search_report r;
		enum t2_status st = search_step(s, &r, job, err);
		bool stop = false;

		if (!st)
			st = keep_iteration(ws, out->run, s, &r, err);
		if (!st)
			st = store_run_beat(ws->store, out->run, &stop, err);
		if (st)
			return st;
		json_array_append_new(out->iterations,
				      json_pack("{s:f,s:f}", "best", r.best, "mean", r.mean));
		if (fn)
			fn(arg, s, &r);
		job_step(job, 1);
		if (stop)
			return t2_fail(err, T2_ECANCEL,
				       "stopped by request; \"t2tui run resume %lld\" goes on",
				       (long long)out->run);
	}
	return T2_OK;
}

enum t2_status
searching_run(struct searching *out, struct workspace *ws, const char *task,
	      const struct searching_options *o, searching_fn *fn, void *arg, struct job *job,
	      struct t2_err *err)
{
	struct adapt_env env = {.model = ws->model,
				.factors = ws->factors,
				.pool = ws->pool,
				.tok = ws->tok,
				.chat = ws->chat};
	struct named_experts *x = calloc(1, sizeof *x);
	struct plan p = {.set = o->settings, .seed = o->seed};
	struct search *s = NULL;
	struct task *t = NULL;
	struct arena a = {0};
	struct run_row row;
	enum t2_status st = T2_OK;

	memset(out, 0, sizeof *out);
	out->iterations = json_array();
	out->alpha = json_object();
	if (!x) {
		st = t2_nomem(err, "search");
	} else if (o->resume) {
		st = store_run_find(ws->store, o->resume, &row, &a, err);
		if (!st && (strcmp(row.kind, "search") || row.model != ws->model_id))
			st = t2_fail(err, T2_EMISMATCH, "run %s: not a search on this model",
				     o->resume);
		if (!st)
			st = plan_read(&p, row.settings, err);
		out->run = st ? 0 : row.id;
	} else {
		st = plan_fill(&p, task, o, err);
	}
	if (!st)
		st = workspace_task(p.task, &t, err);
	if (!st)
		snprintf(p.label, sizeof p.label, "%s", task_name(t));
	if (!st && !o->resume) {
		workspace_task_spec(task, p.task, sizeof p.task);
		if (!o->name)
			st = free_name(ws, task_name(t), 0, p.name, sizeof p.name, err);
		if (!st)
			st = claim_name(ws, p.name, err);
	}
	if (!st)
		st = experts_open(x, ws, p.experts, err);
	if (!st)
		st = search_new(&s, &env, t, p.split, (const struct zset *const *)x->z, x->k,
				&p.set, p.seed, err);
	if (!st)
		st = begin(out, ws, s, &p, o->resume, err);
	if (!st) {
		st = iterate(out, ws, s, &p, fn, arg, job, err);
		if (!st)
			st = still_free(ws, &p, out->run, err);
		if (!st)
			st = keep_mixture(out, ws, s, &p, x, err);
		store_run_finish(ws->store, out->run,
				 !st		    ? "done"
				 : st == T2_ECANCEL ? "stopped"
						    : "failed",
				 st && err ? err->msg : "", NULL);
	}
	if (!st) {
		out->fitness = search_fitness(s);
		snprintf(out->name, sizeof out->name, "%s", p.name);
	}
	search_free(s);
	task_free(t);
	if (x)
		experts_close(x);
	free(x);
	arena_free(&a);
	if (st) {
		int64_t run = out->run;

		searching_free(out);
		out->run = run;
	}
	return st;
}

void
searching_free(struct searching *s)
{
	json_decref(s->iterations);
	json_decref(s->alpha);
	memset(s, 0, sizeof *s);
}
