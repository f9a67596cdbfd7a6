#include "engine/adapt/evaluate.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/memory.h"
#include "engine/model/model.h"

/* With a limit the least that the answers need, 0 without one. */
static enum t2_status
answers_least(const struct adapt_env *env, struct task *task, const struct evaluation_request *q,
	      struct roller *roller, int n, int slots, size_t *least, struct t2_err *err)
{
	int context = model_config(env->model)->context, positions;
	enum t2_status st;

	*least = 0;
	if (!pool_memory(env->pool))
		return T2_OK;
	if ((st = roller_check(roller, q->split, n, err)))
		return st;
	positions = roller_longest(roller) + task_max_tokens(task);
	*least = adaptation_bytes(env->model, slots) +
		 generator_bytes(env->model, env->pool, positions < context ? positions : context,
				 1);
	return T2_OK;
}

/* Neither pass may find too little, the second least of all: it comes when the first has taken its time. */
static enum t2_status
enough(const struct adapt_env *env, const struct dispatch *d, const char *const *questions, int n,
       size_t answers, struct t2_err *err)
{
	struct memory *m = pool_memory(env->pool);
	size_t pass1 = 0, least;
	enum t2_status st = m && d ? dispatch_many_least(d, questions, n, &pass1, err) : T2_OK;

	if (st || !m)
		return st;
	pass1 += d ? adaptation_bytes(env->model, 1) : 0;
	least = pass1 > answers ? pass1 : answers;
	return least > memory_room(m) ? memory_short(m, least, err, "this evaluation") : T2_OK;
}

/* Pass 1 for all items: their bare questions, asked in one batch.  Its adaptation is its own: weights recomposed for it leave
 * their room to the answers. */
static enum t2_status
decide(const struct adapt_env *env, struct task *task, const struct evaluation_request *q,
       size_t answers, struct evaluation *out, struct job *job, struct t2_err *err)
{
	struct adaptation *ad = NULL;
	char **text = calloc((size_t)out->n + 1, sizeof *text);
	struct dispatch *d = NULL;
	enum t2_status st = text ? T2_OK : t2_nomem(err, "evaluation");

	for (int i = 0; i < out->n && !st; i++) {
		struct strbuf b = {0};

		st = task_plain_question(task, q->split, i, &b, err);
		text[i] = strbuf_take(&b);
		if (!st && !text[i])
			st = t2_nomem(err, "evaluation");
	}
	if (!st)
		st = dispatch_new(&d, env, q->dispatch, q->cand, q->ncand, err);
	if (!st)
		st = enough(env, d, (const char *const *)text, out->n, answers, err);
	if (!st)
		st = adaptation_new(&ad, env->model, env->factors, env->pool, 1, q->form, err);
	if (!st)
		st = adaptation_set(ad, 0, q->classifier, err);
	if (!st)
		st = dispatch_many(d, adaptation_op(ad), (const char *const *)text, out->n, 0,
				   out->decision, &out->tokens, job, err);
	dispatch_free(d);
	adaptation_free(ad);
	for (int i = 0; text && i < out->n; i++)
		free(text[i]);
	free(text);
	return st;
}

struct counting {
	const struct evaluation_request *q;
	struct job *job;
};

static void
count_answer(void *arg, int request, const struct rollout *r)
{
	struct counting *c = arg;

	(void)request;
	job_step(c->job, 1);
	if (c->q->scored)
		c->q->scored(c->q->arg, r->item, r->correct);
}

enum t2_status
evaluate(const struct adapt_env *env, struct task *task, const struct evaluation_request *q,
	 struct evaluation *out, struct job *job, struct t2_err *err)
{
	/* a candidate each, then the base model */
	int slots = q->strategy == ANSWER_DISPATCH ? q->ncand + 1 : 1;
	int n = task_items(task, q->split, err);
	struct rollout_request *req = NULL;
	struct adaptation *ad = NULL;
	struct roller *roller = NULL;
	struct counting counting = {.q = q, .job = job};
	double t0 = clock_seconds();
	size_t answers;
	enum t2_status st = T2_OK;

	memset(out, 0, sizeof *out);
	if (n < 0)
		return T2_ENOTFOUND;
	out->n = q->limit > 0 && q->limit < n ? q->limit : n;
	req = calloc((size_t)out->n + 1, sizeof *req);
	if (!req)
		return t2_nomem(err, "evaluation");
	if ((st = roller_new(&roller, env->model, env->pool, env->tok, env->chat, task, q->width,
			     err)) ||
	    (st = answers_least(env, task, q, roller, out->n, slots, &answers, err)))
		goto out;
	if (q->strategy == ANSWER_DISPATCH) {
		out->decision = calloc((size_t)out->n + 1, sizeof *out->decision);
		if (!out->decision) {
			st = t2_nomem(err, "evaluation");
			goto out;
		}
		job_stage(job, "pass 1", out->n);
		st = decide(env, task, q, answers, out, job, err);
		out->pass1_seconds = clock_seconds() - t0;
	} else {
		st = enough(env, NULL, NULL, 0, answers, err);
	}
	if (st ||
	    (st = adaptation_new(&ad, env->model, env->factors, env->pool, slots, q->form, err)))
		goto out;
	if (q->strategy != ANSWER_DISPATCH)
		st = adaptation_set(ad, 0, q->fixed, err);
	for (int i = 0; out->decision && i < q->ncand && !st; i++)
		st = adaptation_set(ad, i, q->cand[i].z, err);
	if (st)
		goto out;
	for (int i = 0; i < out->n; i++) {
		int slot = !out->decision ? 0 : out->decision[i] >= 0 ? out->decision[i] : q->ncand;

		req[i] = (struct rollout_request){
			.item = i, .slot = slot, .sampling = q->sampling, .stream = (uint64_t)i};
	}
	job_stage(job, "answers", out->n);
	roller_watch(roller, count_answer, &counting);
	st = roller_run(roller, adaptation_op(ad), q->split, req, out->n, 0, q->seed,
			&out->rollouts, job, err);
	if (st)
		goto out;
	out->tokens += out->rollouts.tokens;
	for (int i = 0; i < out->n; i++)
		out->correct += out->rollouts.v[i].correct;
	out->seconds = clock_seconds() - t0;
out:
	free(req);
	roller_free(roller);
	adaptation_free(ad);
	if (st)
		evaluation_free(out);
	return st;
}

void
evaluation_free(struct evaluation *e)
{
	free(e->decision);
	rollouts_free(&e->rollouts);
	memset(e, 0, sizeof *e);
}
