/* The row of the few-shot search: a whole population in one batch, beside what others do, one recomposed model after another. */
#include <stdlib.h>
#include <string.h>

#include "engine/adapt/cem.h"
#include "engine/adapt/search.h"
#include "engine/svf/adaptation.h"
#include "engine/task/rollout.h"
#include "tui/bench/rows.h"

/* PLAIN: members that are measured the plain way, of which each takes as long as the others. */
enum { EXPERTS = 3, PLAIN = 4, SEED = 3, GOAL = 4 };

struct searching_row {
	struct bench *b;
	struct adapt_env env;
	struct task *task;
	struct tokenizer *tok;
	struct chat *chat;
	struct zset *expert[EXPERTS];
	struct search_settings set;
	double batch, whole, plain; /* seconds of one iteration each way */
	double batch_mb, model_mb;  /* memory of the first, and of the others */
	double batch_mean, whole_mean;
	long tokens;
};

/* The iteration as `search` does it. */
static enum t2_status
in_one_batch(struct searching_row *w, struct search *s, struct t2_err *err)
{
	struct search_report report;
	double before = bench_memory();
	enum t2_status st = search_step(s, &report, w->b->job, err);

	if (st)
		return st;
	w->batch = report.ms * 1e-3;
	w->batch_mean = report.mean;
	w->batch_mb = bench_memory() - before; /* its buffers are kept */
	w->tokens = report.tokens;
	return T2_OK;
}

/* One member: its weights recomposed, then the shots, side by side or each for itself. */
static enum t2_status
one_member(struct searching_row *w, struct adaptation *a, struct roller *roller, const int *shots,
	   bool apart, int *right, struct t2_err *err)
{
	int n = w->set.shots, each = apart ? 1 : n;
	struct rollout_request *req = calloc((size_t)n, sizeof *req);
	enum t2_status st = req ? T2_OK : t2_nomem(err, "bench: search");

	for (int i = 0; i < n && !st; i++)
		req[i].item = shots[i];
	for (int i = 0; i < n && !st; i += each) {
		struct rollouts list;

		st = roller_run(roller, adaptation_op(a), "train", req + i, each, 0, SEED, &list,
				w->b->job, err);
		for (int k = 0; k < each && !st; k++)
			*right += list.v[k].correct;
		if (!st)
			rollouts_free(&list);
	}
	free(req);
	return st;
}

/* The same members one after another, dense; every stride-th of them. */
static enum t2_status
one_by_one(struct searching_row *w, const struct cem *c, const int *shots, bool apart, int stride,
	   double *seconds, double *mean, struct t2_err *err)
{
	struct adaptation *a = NULL;
	struct roller *roller = NULL;
	struct zset *z = NULL;
	double before = bench_memory(), start = clock_seconds();
	int right = 0, members = 0;
	enum t2_status st = zset_new(&z, w->env.model, err);

	if (!st)
		st = adaptation_new(&a, w->env.model, w->env.factors, w->env.pool, 1, FORM_DENSE,
				    err);
	if (!st)
		st = roller_new(&roller, w->env.model, w->env.pool, w->env.tok, w->env.chat,
				w->task, apart ? 1 : w->set.shots, err);
	for (int m = 0; m < c->population && !st; m += stride, members++) {
		st = zset_mix(z, (const struct zset *const *)w->expert, c->members + m * EXPERTS,
			      EXPERTS, false, true, err);
		if (!st)
			st = adaptation_set(a, 0, z, err);
		if (!st)
			st = one_member(w, a, roller, shots, apart, &right, err);
	}
	*seconds = (clock_seconds() - start) * stride;
	*mean = members ? (double)right / (members * w->set.shots) : 0;
	w->model_mb = bench_memory() - before;
	roller_free(roller);
	adaptation_free(a);
	zset_free(z);
	return st;
}

static enum t2_status
search_once(void *arg, double *value, struct t2_err *err)
{
	struct searching_row *w = arg;
	double mean[EXPERTS], std[EXPERTS], ignored;
	struct search *s = NULL;
	struct cem *c = NULL;
	int *shots = calloc((size_t)w->set.shots, sizeof *shots);
	enum t2_status st;

	if (!shots)
		return t2_nomem(err, "bench: shots");
	for (int k = 0; k < EXPERTS; k++) {
		mean[k] = 1.0 / EXPERTS; /* as search_new() begins */
		std[k] = 0.5;
	}
	st = search_new(&s, &w->env, w->task, "train", (const struct zset *const *)w->expert,
			EXPERTS, &w->set, SEED, err);
	if (!st)
		st = in_one_batch(w, s, err);
	if (!st)
		memcpy(shots, search_items(s), (size_t)search_shots(s) * sizeof *shots);
	search_free(s); /* one after another do not need its room beside theirs */
	if (!st)
		st = cem_new(&c, EXPERTS, w->set.population, 2, mean, std, err);
	if (!st) {
		cem_sample_seeded(c, SEED);
		st = one_by_one(w, c, shots, false, 1, &w->whole, &w->whole_mean, err);
	}
	if (!st)
		st = one_by_one(w, c, shots, true, w->set.population / PLAIN, &w->plain, &ignored,
				err);
	cem_free(c);
	free(shots);
	*value = w->batch;
	w->b->beside = w->plain / GOAL;
	return st;
}

/* An expert that leaves most answers right: components within some percent of 1. */
static enum t2_status
mild_expert(struct zset **out, const struct model *m, int number, struct t2_err *err)
{
	enum t2_status st = bench_expert(out, m, number, err);

	for (int i = 0; i < model_matrices(m) && !st; i++) {
		struct zset *z = *out;

		for (int k = 0; k < z->rank[i]; k++)
			z->z[i][k] = 1 + (z->z[i][k] - 1.07f) * 0.5f;
	}
	return st;
}

static enum t2_status
search_open(struct searching_row *w, const struct bench_result *r, struct t2_err *err)
{
	struct workspace *ws = w->b->ws;
	const char *path = model_path(ws->model);
	enum t2_status st = bench_factors(w->b, r, err);

	if (!st) /* the experts; the search shares out the rest itself */
		st = bench_take(w->b, r, adaptation_bytes(ws->model, EXPERTS), 0, err);
	if (!st)
		st = tokenizer_open(&w->tok, path, err);
	if (!st)
		st = chat_open(&w->chat, path, w->tok, err);
	if (!st)
		st = workspace_task("sums", &w->task, err);
	for (int k = 0; k < EXPERTS && !st; k++)
		st = mild_expert(&w->expert[k], ws->model, k, err);
	w->env = (struct adapt_env){.model = ws->model,
				    .factors = ws->factors,
				    .pool = ws->pool,
				    .tok = w->tok,
				    .chat = w->chat};
	search_settings_default(&w->set);
	return st;
}

enum t2_status
row_search(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	struct searching_row w = {.b = b};
	enum t2_status st;

	if (b->shape)
		return t2_fail(err, T2_EUNSUP, "search: a shape has no tokenizer to ask it with");
	st = search_open(&w, r, err);
	if (!st)
		st = bench_repeat(b, r, false, search_once, &w, err);
	if (!st)
		bench_detail(r,
			     "%d members x %d shots of sums, %ld tokens; recomposed one after "
			     "another, the shots of each side by side %.3g s (%.2f x), one at a "
			     "time %.3g s (%.2f x, from %d members); memory %.0f MB against %.0f "
			     "MB; right %.3f and %.3f",
			     w.set.population, w.set.shots, w.tokens, w.whole, w.whole / w.batch,
			     w.plain, w.plain / w.batch, PLAIN, w.batch_mb, w.model_mb,
			     w.batch_mean, w.whole_mean);
	for (int k = 0; k < EXPERTS; k++)
		zset_free(w.expert[k]);
	task_free(w.task);
	chat_free(w.chat);
	tokenizer_free(w.tok);
	return st;
}
