#include "engine/adapt/evaluate.h"

#include <stdlib.h>
#include <string.h>

/* Pass 1 for all items: their bare questions, asked in one batch. */
static enum t2_status
decide(const struct adapt_env *env, struct task *task, const struct evaluation_request *q,
       struct adaptation *ad, struct evaluation *out, struct job *job, struct t2_err *err)
{
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
		st = adaptation_set(ad, q->ncand, q->classifier, err);
	if (!st)
		st = dispatch_new(&d, env, q->dispatch, q->cand, q->ncand, err);
	if (!st)
		st = dispatch_many(d, adaptation_op(ad), (const char *const *)text, out->n,
				   q->ncand, out->decision, &out->tokens, job, err);
	dispatch_free(d);
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
	int slots = q->strategy == ANSWER_DISPATCH ? q->ncand + 2 : 1;
	int n = task_items(task, q->split, err);
	struct rollout_request *req = NULL;
	struct adaptation *ad = NULL;
	struct roller *roller = NULL;
	struct counting counting = {.q = q, .job = job};
	double t0 = clock_seconds();
	enum t2_status st = T2_OK;

	memset(out, 0, sizeof *out);
	if (n < 0)
		return T2_ENOTFOUND;
	out->n = q->limit > 0 && q->limit < n ? q->limit : n;
	req = calloc((size_t)out->n + 1, sizeof *req);
	if (!req)
		return t2_nomem(err, "evaluation");
	if ((st = adaptation_new(&ad, env->model, env->factors, env->pool, slots, q->form, err)) ||
	    (st = roller_new(&roller, env->model, env->pool, env->tok, env->chat, task, q->width,
			     err)))
		goto out;
	if (q->strategy == ANSWER_DISPATCH) {
		/* slots: a candidate each, then pass 1's own, then the base model */
		out->decision = calloc((size_t)out->n + 1, sizeof *out->decision);
		if (!out->decision) {
			st = t2_nomem(err, "evaluation");
			goto out;
		}
		job_stage(job, "pass 1", out->n);
		if ((st = decide(env, task, q, ad, out, job, err)))
			goto out;
		out->pass1_seconds = clock_seconds() - t0;
		for (int i = 0; i < q->ncand && !st; i++)
			st = adaptation_set(ad, i, q->cand[i].z, err);
	} else {
		st = adaptation_set(ad, 0, q->fixed, err);
	}
	if (st)
		goto out;
	for (int i = 0; i < out->n; i++) {
		int slot = !out->decision	   ? 0
			   : out->decision[i] >= 0 ? out->decision[i]
						   : q->ncand + 1;

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
