#include "engine/adapt/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/memory.h"
#include "engine/model/model.h"

struct column {
	struct tok_stream *tok;
	struct strbuf text, piece;
	double first, last; /* when its tokens came */
};

struct comparison {
	const struct compare_request *q;
	const struct compare_events *ev;
	struct compare_answer *out;
	struct column *col;
	struct job *job;
	struct t2_err *err;
	enum t2_status st;
	bool stopped;
};

static bool
stopping(struct comparison *c)
{
	if (!c->stopped && c->ev && c->ev->stop)
		c->stopped = c->ev->stop(c->ev->arg);
	return c->stopped;
}

static void
emit(struct comparison *c, int i, int id, float logprob)
{
	struct column *k = &c->col[i];

	if (c->ev && c->ev->token && (id >= 0 || k->piece.len))
		c->ev->token(c->ev->arg, i, id, k->piece.s ? k->piece.s : "", k->piece.len,
			     logprob);
	strbuf_add(&k->text, k->piece.s ? k->piece.s : "", k->piece.len);
	strbuf_clear(&k->piece);
}

static void
on_ended(void *arg, int i, const struct gen_result *how)
{
	struct comparison *c = arg;
	struct column *k = &c->col[i];
	struct compare_answer *a = &c->out[i];

	if (!c->st)
		c->st = tok_stream_end(k->tok, &k->piece, c->err);
	if (c->st)
		return;
	emit(c, i, -1, 0);
	a->end = how->end;
	a->kl = NAN;
	if (a->ids.n > 1 && k->last > k->first)
		a->tokens_per_s = (a->ids.n - 1) / (k->last - k->first);
	if (k->text.failed || !(a->text = strbuf_take(&k->text)))
		c->st = t2_nomem(c->err, "answers");
	else if (c->ev && c->ev->ended)
		c->ev->ended(c->ev->arg, i, a);
}

static bool
on_token(void *arg, int i, int id, float logprob)
{
	struct comparison *c = arg;
	struct column *k = &c->col[i];

	if (c->st || stopping(c))
		return true;
	k->last = clock_seconds();
	if (!c->out[i].ids.n)
		k->first = k->last;
	c->st = ids_push(&c->out[i].ids, id, c->err);
	if (!c->st)
		c->st = tok_stream_push(k->tok, id, &k->piece, c->err);
	if (!c->st)
		emit(c, i, id, logprob);
	job_step(c->job, 1);
	return c->st != T2_OK;
}

static enum t2_status
measure(const struct adapt_env *env, struct comparison *c, const struct linear *op,
	const struct ids *prompt, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	job_stage(c->job, "KL to base", c->q->n);
	for (int i = 0; i < c->q->n && !st && !stopping(c); i++) {
		struct compare_answer *a = &c->out[i];

		if (job_cancelled(c->job))
			return t2_fail(err, T2_ECANCEL, "answers: cancelled");
		if (!c->q->z[i])
			a->kl = 0;
		else if (a->ids.n)
			st = answer_kl(env, op, prompt, &a->ids, i, c->q->n, &a->kl, err);
		if (c->q->z[i] && a->ids.n)
			a->kl /= a->ids.n;
		if (!st && c->ev && c->ev->measured)
			c->ev->measured(c->ev->arg, i, a);
		job_step(c->job, 1);
	}
	return st;
}

/* As in answer.c: too little for the greater of answers and KL is an error before the first token, and weights are recomposed in
 * what both leave. */
static enum t2_status
adapt(const struct adapt_env *env, const struct comparison *c, int prompt, struct adaptation **ad,
      struct t2_err *err)
{
	struct memory *m = pool_memory(env->pool);
	int n = c->q->n, context = model_config(env->model)->context,
	    positions = c->q->max_new < context - prompt ? prompt + c->q->max_new : context;
	size_t least = generator_bytes(env->model, env->pool, positions, 1),
	       wanted = generator_bytes(env->model, env->pool, positions, n);
	enum t2_status st;

	if (c->q->kl) {
		size_t one = answer_kl_bytes(env, positions, 1),
		       all = answer_kl_bytes(env, positions, positions - prompt);

		least = one > least ? one : least;
		wanted = all > wanted ? all : wanted;
	}
	least += adaptation_bytes(env->model, n + 1);
	if (least > memory_room(m))
		return memory_short(m, least, err, "a comparison");
	st = adaptation_new(ad, env->model, env->factors, env->pool, n + 1, c->q->form, err);
	if (!st && m)
		adaptation_reserve(*ad, memory_room(m) > wanted ? memory_room(m) - wanted : 0);
	return st;
}

/* Slots 0 .. n - 1 are the settings, slot n the base weights. */
static enum t2_status
prepare(const struct adapt_env *env, struct comparison *c, struct adaptation **ad,
	struct generator **gen, struct ids *prompt, struct t2_err *err)
{
	int n = c->q->n;
	enum t2_status st = answer_prompt(env, c->q->prompt, prompt, err);

	if (!st)
		st = adapt(env, c, prompt->n, ad, err);
	for (int i = 0; i < n && !st; i++) {
		st = adaptation_set(*ad, i, c->q->z[i], err);
		if (!st)
			st = tok_stream_new(&c->col[i].tok, env->tok, err);
	}
	return st ? st : generator_new(gen, env->model, env->pool, n, err);
}

static enum t2_status
stream(struct comparison *c, struct adaptation *ad, struct generator *gen, const struct ids *prompt,
       struct t2_err *err)
{
	int n = c->q->n;
	struct gen_request *g = calloc((size_t)n, sizeof *g);
	enum t2_status st;

	if (!g)
		return t2_nomem(err, "answers");
	for (int i = 0; i < n; i++)
		g[i] = (struct gen_request){.ids = prompt->v,
					    .n = prompt->n,
					    .max_new = c->q->max_new,
					    .slot = i,
					    .sampling = c->q->sampling,
					    .ended = on_ended};
	job_stage(c->job, "answers", (long)n * c->q->max_new);
	st = generate(gen, adaptation_op(ad), g, n, c->q->seed, on_token, c, NULL, c->job, err);
	free(g);
	return c->st ? c->st : st;
}

enum t2_status
compare_run(const struct adapt_env *env, const struct compare_request *q,
	    const struct compare_events *ev, struct compare_answer *out, struct job *job,
	    struct t2_err *err)
{
	struct comparison c = {.q = q, .ev = ev, .out = out, .job = job, .err = err};
	struct adaptation *ad = NULL;
	struct generator *gen = NULL;
	struct ids prompt = {0};
	enum t2_status st = T2_OK;

	if (q->n < 1)
		return t2_fail(err, T2_EINVAL, "answers: nothing to compare");
	memset(out, 0, (size_t)q->n * sizeof *out);
	c.col = calloc((size_t)q->n, sizeof *c.col);
	if (!c.col)
		st = t2_nomem(err, "answers");
	if (!st)
		st = prepare(env, &c, &ad, &gen, &prompt, err);
	if (!st)
		st = stream(&c, ad, gen, &prompt, err);
	generator_free(gen); /* its room is what KL is measured in */
	if (!st && q->kl && !stopping(&c))
		st = measure(env, &c, adaptation_op(ad), &prompt, err);
	for (int i = 0; c.col && i < q->n; i++) {
		tok_stream_free(c.col[i].tok);
		strbuf_free(&c.col[i].text);
		strbuf_free(&c.col[i].piece);
	}
	free(c.col);
	adaptation_free(ad);
	ids_free(&prompt);
	if (st)
		compare_free(out, q->n);
	return st;
}

void
compare_free(struct compare_answer *a, int n)
{
	for (int i = 0; i < n; i++) {
		ids_free(&a[i].ids);
		free(a[i].text);
	}
	memset(a, 0, (size_t)n * sizeof *a);
}
