#include "engine/train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/blob.h"
#include "engine/base/memory.h"
#include "engine/base/rng.h"
#include "engine/model/model.h"
#include "engine/svf/adaptation.h"
#include "engine/train/adam.h"
#include "engine/train/policy.h"
#include "engine/train/zparam.h"

/* Streams of rng_seed(seed, step, x): the draw of prompts must not meet the samples' streams. */
enum { STREAM_PROMPTS = 0x70726d74 };
enum { WIDTH = 64 };

struct trainer {
	struct train_env env;
	struct train_settings set;
	uint64_t seed;
	int steps, items; /* steps done; items of the training split */
	double lr;
	struct zparam *zp;
	struct adam *adam;
	struct adaptation *ad;
	struct base_linear *base; /* the KL's reference */
	struct policy *policy;
	struct roller *roller;
	double *grad;
	size_t taken;		     /* of the pool's memory */
	int *order;		     /* [items] */
	struct rollout_request *req; /* [batch * samples] */
	struct policy_line *line;
	void (*watch)(void *arg, int done, int of); /* validations only */
	void *watch_arg;
	int done, of;
};

static int
positions(const struct trainer *t, int prompt)
{
	int new = t->set.max_new > 0 ? t->set.max_new : task_max_tokens(t->env.task),
	    context = model_config(t->env.model)->context;

	return prompt + new < context ? prompt + new : context;
}

/* With a limit, of what is left beside the least that rollouts (of training and validation alike, whose longest prompts are
 * given) and gradient need: half for the gradient, an eighth for dense
 * copies, the rest for rollouts side by side.  Nothing of it depends on the steps done, so that a resumed run goes on as the
 * whole one would have. */
static enum t2_status
share_memory(struct trainer *t, int prompt, int validation, struct t2_err *err)
{
	struct memory *m = pool_memory(t->env.pool);
	int longest = positions(t, prompt);
	bool ref = t->set.kl > 0;
	size_t held = ADAPTATION_HELD, own = (size_t)t->zp->n * TRAINER_VALUE_BYTES, spare,
	       rollouts = generator_bytes(t->env.model, t->env.pool, positions(t, validation), 1),
	       least = policy_least(t->policy, longest, ref);
	enum t2_status st;

	if (!m)
		return T2_OK;
	if (own + rollouts + least > memory_room(m))
		return memory_short(m, own + rollouts + least, err, "training");
	memory_take(m, own);
	t->taken = own;
	spare = memory_room(m) - rollouts - least;
	adaptation_reserve(t->ad, spare / 8);
	st = policy_limit(t->policy, least + spare / 2, longest,
			  (long)longest * t->set.batch * t->set.samples, ref, &held, err);
	if (!st)
		adaptation_memory(t->ad, held);
	return st;
}

static enum t2_status
open_parts(struct trainer *t, const struct zset *start, struct t2_err *err)
{
	const struct train_env *e = &t->env;
	int longest;
	enum t2_status st;

	if ((st = zparam_new(&t->zp, e->model, e->factors, t->set.scale, t->set.modules, err)))
		return st;
	if (start && (st = zparam_start_zset(t->zp, start, err)))
		return st;
	if (!start)
		zparam_start_random(t->zp, t->seed);
	if ((st = adam_new(&t->adam, t->zp->n, err)) ||
	    (st = adaptation_new(&t->ad, e->model, e->factors, e->pool, 1, FORM_AUTO, err)) ||
	    (st = base_linear_new(&t->base, e->model, e->pool, err)) ||
	    (st = policy_new(&t->policy, e->model, e->pool, err)))
		return st;
	if ((st = roller_new(&t->roller, e->model, e->pool, e->tok, e->chat, e->task, WIDTH,
			     err)) ||
	    (st = roller_check(t->roller, "train", 0, err)))
		return st;
	longest = roller_longest(t->roller);
	if (t->set.eval_every > 0 &&
	    (st = roller_check(t->roller, "validation", t->set.eval_items, err)))
		return st;
	return share_memory(t, longest, roller_longest(t->roller), err);
}

enum t2_status
trainer_new(struct trainer **out, const struct train_env *env, const struct train_settings *s,
	    uint64_t seed, const struct zset *start, struct t2_err *err)
{
	struct trainer *t = calloc(1, sizeof *t);
	size_t n;
	enum t2_status st;

	*out = NULL;
	if (!t)
		return t2_nomem(err, "trainer");
	t->env = *env;
	t->set = *s;
	t->seed = seed;
	if ((st = train_settings_check(s, err)))
		goto fail;
	t->items = task_items(env->task, "train", err);
	if (t->items < 1) {
		st = t->items < 0 ? T2_ENOTFOUND
				  : t2_fail(err, T2_EMISMATCH, "task %s: its train split is empty",
					    task_name(env->task));
		goto fail;
	}
	if (t->set.batch > t->items)
		t->set.batch = t->items;
	if (t->set.eval_every > 0 && task_items(env->task, "validation", err) < 0) {
		st = t2_wrap(err, T2_ENOTFOUND,
			     "eval-every %d needs a validation split (0 trains without)",
			     t->set.eval_every);
		goto fail;
	}
	if ((st = open_parts(t, start, err)))
		goto fail;
	t->lr = train_settings_lr(&t->set, t->zp->n);
	n = (size_t)t->set.batch * (size_t)t->set.samples;
	t->grad = malloc((size_t)t->zp->n * sizeof *t->grad);
	t->order = malloc((size_t)t->items * sizeof *t->order);
	t->req = calloc(n, sizeof *t->req);
	t->line = calloc(n, sizeof *t->line);
	if (!t->grad || !t->order || !t->req || !t->line) {
		st = t2_nomem(err, "trainer");
		goto fail;
	}
	*out = t;
	return T2_OK;
fail:
	trainer_free(t);
	return st;
}

void
trainer_free(struct trainer *t)
{
	if (!t)
		return;
	memory_give(pool_memory(t->env.pool), t->taken);
	roller_free(t->roller);
	policy_free(t->policy);
	base_linear_free(t->base);
	adaptation_free(t->ad);
	adam_free(t->adam);
	zparam_free(t->zp);
	free(t->grad);
	free(t->order);
	free(t->req);
	free(t->line);
	free(t);
}

int
trainer_steps(const struct trainer *t)
{
	return t->steps;
}

long
trainer_values(const struct trainer *t)
{
	return t->zp->n;
}

double
trainer_lr(const struct trainer *t)
{
	return t->lr;
}

/* Distinct items, by (seed, step) alone: a resumed run draws what the whole one would have. */
static void
draw(struct trainer *t)
{
	int step = t->steps + 1, n = 0;
	struct rng r;

	for (int i = 0; i < t->items; i++)
		t->order[i] = i;
	rng_seed(&r, t->seed, (uint64_t)step, STREAM_PROMPTS);
	rng_shuffle(&r, t->order, t->items);
	for (int i = 0; i < t->set.batch; i++)
		for (int k = 0; k < t->set.samples; k++, n++)
			t->req[n] = (struct rollout_request){
				.item = t->order[i],
				.sampling = {.temp = (float)t->set.temp},
				.stream = ((uint64_t)step << 32) | (uint64_t)n};
}

/* Normalisation, clip, baseline, in that order (REFERENCE.md section 2). */
static void
advantages(const struct trainer *t, const struct rollouts *l, double *a)
{
	int n = l->n, k = t->set.samples;
	double mean = 0, var = 0;

	for (int i = 0; i < n; i++)
		mean += a[i] = l->v[i].correct ? 1 : -1;
	mean /= n;
	if (!strcmp(t->set.normalise, "yes")) {
		for (int i = 0; i < n; i++)
			var += (a[i] - mean) * (a[i] - mean) / n;
		for (int i = 0; i < n; i++)
			a[i] = (a[i] - mean) / fmax(sqrt(var), 1e-7);
	}
	if (t->set.reward_clip > 0)
		for (int i = 0; i < n; i++)
			a[i] = fmax(-t->set.reward_clip, fmin(t->set.reward_clip, a[i]));
	if (!strcmp(t->set.baseline, "mean")) {
		mean = 0;
		for (int i = 0; i < n; i++)
			mean += a[i] / n;
		for (int i = 0; i < n; i++)
			a[i] -= mean;
	} else if (!strcmp(t->set.baseline, "rloo")) {
		for (int i = 0; i < n; i += k) {
			double sum = 0;

			for (int j = i; j < i + k; j++)
				sum += a[j];
			for (int j = i; j < i + k; j++)
				a[j] -= (sum - a[j]) / (k - 1);
		}
	}
}

static enum t2_status
gradient(struct trainer *t, struct step_report *out, struct job *job, struct t2_err *err)
{
	struct policy_setup setup = {.op = adaptation_op(t->ad),
				     .ref = t->set.kl > 0 ? base_linear_op(t->base) : NULL,
				     .kl_weight = t->set.kl,
				     .divisor = out->rollouts.n,
				     .backward = true};
	struct policy_result res = {0};
	enum t2_status st;
	int n = 0;

	/* an answer whose advantage is 0 has no gradient; with KL it still counts */
	for (int i = 0; i < out->rollouts.n; i++) {
		const struct rollout *o = &out->rollouts.v[i];

		if (!o->counted || (out->advantage[i] == 0 && t->set.kl == 0))
			continue;
		t->line[n++] = (struct policy_line){.prompt = o->prompt,
						    .prompt_n = o->nprompt,
						    .answer = o->ids,
						    .answer_n = o->counted,
						    .reward = out->advantage[i]};
	}
	if ((st = adaptation_grad_begin(t->ad, t->set.modules, err)))
		return st;
	if (n && (st = policy_run(t->policy, &setup, t->line, n, &res, job, err)))
		return st;
	zparam_grad(t->zp, t->ad, t->grad);
	out->loss = res.loss;
	out->kl = setup.ref ? res.kl : NAN;
	return T2_OK;
}

static enum t2_status
summarise(const struct trainer *t, struct step_report *out, struct t2_err *err)
{
	const struct zset *z = zparam_zset(t->zp);
	int right = 0;

	for (int i = 0; i < out->rollouts.n; i++)
		right += out->rollouts.v[i].correct;
	out->reward = 2.0 * right / out->rollouts.n - 1;
	out->tokens = out->rollouts.tokens;
	out->length = (double)out->tokens / out->rollouts.n;
	out->zcount = z->count;
	out->zmean = calloc((size_t)z->count, sizeof *out->zmean);
	if (!out->zmean)
		return t2_nomem(err, "trainer");
	for (int i = 0; i < z->count; i++) {
		double sum = 0;

		for (int k = 0; z->z[i] && k < z->rank[i]; k++)
			sum += fabs((double)z->z[i][k] - 1);
		out->zmean[i] = (float)(sum / z->rank[i]);
	}
	return T2_OK;
}

enum t2_status
trainer_step(struct trainer *t, struct step_report *out, struct job *job, struct t2_err *err)
{
	struct adam_options o = adam_defaults();
	double t0 = clock_seconds();
	enum t2_status st;

	memset(out, 0, sizeof *out);
	out->step = t->steps + 1;
	o.lr = t->lr;
	o.clip = t->set.clip;
	draw(t);
	/* set anew although z may not have moved: what form the layers take must not depend on a validation before */
	st = adaptation_set(t->ad, 0, zparam_zset(t->zp), err);
	if (!st)
		st = roller_run(t->roller, adaptation_op(t->ad), "train", t->req,
				t->set.batch * t->set.samples, t->set.max_new, t->seed,
				&out->rollouts, job, err);
	if (st)
		goto fail;
	out->rollout_ms = (clock_seconds() - t0) * 1000;
	out->advantage = calloc((size_t)out->rollouts.n, sizeof *out->advantage);
	if (!out->advantage) {
		st = t2_nomem(err, "trainer");
		goto fail;
	}
	advantages(t, &out->rollouts, out->advantage);
	if ((st = gradient(t, out, job, err)) ||
	    (st = adam_step(t->adam, &o, t->zp->v, t->grad, &out->grad_norm, err)))
		goto fail;
	zparam_changed(t->zp);
	t->steps++;
	if ((st = summarise(t, out, err)))
		goto fail;
	out->ms = (clock_seconds() - t0) * 1000;
	return T2_OK;
fail:
	step_report_free(out);
	return st;
}

void
step_report_free(struct step_report *r)
{
	free(r->zmean);
	free(r->advantage);
	rollouts_free(&r->rollouts);
	memset(r, 0, sizeof *r);
}

void
trainer_watch(struct trainer *t, void (*fn)(void *arg, int done, int of), void *arg)
{
	t->watch = fn;
	t->watch_arg = arg;
}

static void
validated(void *arg, int request, const struct rollout *r)
{
	struct trainer *t = arg;

	(void)request;
	(void)r;
	if (t->watch)
		t->watch(t->watch_arg, ++t->done, t->of);
}

enum t2_status
trainer_validate(struct trainer *t, const char *split, int *correct, int *n, struct job *job,
		 struct t2_err *err)
{
	int items = task_items(t->env.task, split, err);
	struct rollout_request *req;
	struct rollouts l;
	enum t2_status st;

	*correct = *n = 0;
	if (items < 0)
		return T2_ENOTFOUND;
	if (items > t->set.eval_items)
		items = t->set.eval_items;
	req = calloc((size_t)items + 1, sizeof *req);
	if (!req)
		return t2_nomem(err, "validation");
	for (int i = 0; i < items; i++)
		req[i].item = i;
	st = adaptation_set(t->ad, 0, zparam_zset(t->zp), err);
	t->done = 0;
	t->of = items;
	roller_watch(t->roller, validated, t);
	if (t->watch)
		t->watch(t->watch_arg, 0, items);
	if (!st)
		st = roller_run(t->roller, adaptation_op(t->ad), split, req, items, t->set.max_new,
				t->seed, &l, job, err);
	roller_watch(t->roller, NULL, NULL);
	free(req);
	if (st)
		return st;
	for (int i = 0; i < l.n; i++)
		*correct += l.v[i].correct;
	*n = l.n;
	rollouts_free(&l);
	return T2_OK;
}

enum t2_status
trainer_expert(struct trainer *t, struct expert **out, struct t2_err *err)
{
	return zparam_expert(t->zp, out, err);
}

void
trainer_save(const struct trainer *t, struct strbuf *out)
{
	int64_t fields[2] = {t->steps, t->zp->n}, sizes[1] = {t->zp->n};
	const double *arrays[1] = {t->zp->v};
	struct strbuf head = {0}, adam = {0};

	blob_put(&head, "T2TRAI1", fields, 2, arrays, sizes, 1);
	adam_save(t->adam, &adam);
	strbuf_add(out, head.s ? head.s : "", head.len);
	strbuf_add(out, adam.s ? adam.s : "", adam.len);
	if (head.failed || adam.failed)
		out->failed = true;
	strbuf_free(&head);
	strbuf_free(&adam);
}

enum t2_status
trainer_load(struct trainer *t, const void *bytes, size_t size, struct t2_err *err)
{
	size_t head = 8 + 2 * sizeof(int64_t) + (size_t)t->zp->n * sizeof(double);
	int64_t fields[2], sizes[1] = {t->zp->n};
	double *arrays[1] = {t->zp->v};
	enum t2_status st;

	if ((st = blob_get(bytes, size, "T2TRAI1", fields, 2, err)))
		return st;
	if (fields[1] != t->zp->n || size < head)
		return t2_fail(err, T2_EMISMATCH, "checkpoint: of %lld values, this run trains %ld",
			       (long long)fields[1], t->zp->n);
	if ((st = adam_load(t->adam, (const char *)bytes + head, size - head, err)) ||
	    (st = blob_get_arrays(bytes, head, 2, arrays, sizes, 1, err)))
		return st;
	t->steps = (int)fields[0];
	zparam_changed(t->zp);
	return T2_OK;
}
