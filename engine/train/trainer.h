/* trainer.h - REINFORCE on a task, one step at a time, resumable to the bit.
 *
 *	trainer_new(&t, &env, &settings, seed, NULL, err);
 *	while (trainer_steps(t) < settings.steps) {
 *		trainer_step(t, &report, job, err);		// rollouts, rewards, loss, gradient, Adam
 *		trainer_save(t, &blob);				// everything that the next step depends on
 *		step_report_free(&report);
 *	}
 *	trainer_expert(t, &expert, err);
 *	trainer_free(t);
 *
 * REFERENCE.md section 2.  A step draws `batch` distinct training items by (seed, step), `samples` answers each by
 * (seed, step, sample); reward +1 or -1 by the task's scorer; then normalisation, clip, baseline, in that order.  The same
 * seed gives the same parameters bit for bit for any number of threads. */
#ifndef T2_TRAINER_H
#define T2_TRAINER_H

#include "engine/base/job.h"
#include "engine/svf/expert.h"
#include "engine/svf/factors.h"
#include "engine/task/rollout.h"
#include "engine/train/settings.h"

struct train_env {
	const struct model *model;
	const struct factors *factors; /* of all matrices that settings.modules names */
	struct pool *pool;
	const struct tokenizer *tok;
	const struct chat *chat;
	struct task *task;
};

struct step_report {
	int step; /* 1 for the first */
	double reward, loss, kl, grad_norm,
		length; /* reward: mean of +-1; length: mean new tokens */
	long tokens;
	double ms, rollout_ms;
	float *zmean; /* [zcount] mean |z - 1| per matrix of the model after the step */
	int zcount;
	struct rollouts rollouts;
	double *advantage; /* [rollouts.n] */
};

struct trainer;

/* Memory of each number that is trained: itself, z, gradient, Adam, what is saved of it. */
#define TRAINER_VALUE_BYTES 96

enum t2_status trainer_new(struct trainer **out, const struct train_env *env,
			   const struct train_settings *s, uint64_t seed, const struct zset *start,
			   struct t2_err *err);
void trainer_free(struct trainer *t);
int trainer_steps(const struct trainer *t);   /* done */
long trainer_values(const struct trainer *t); /* trained numbers */
double trainer_lr(const struct trainer *t);
/* After a failure or a cancel the state is what it was before the call. */
enum t2_status trainer_step(struct trainer *t, struct step_report *out, struct job *job,
			    struct t2_err *err);
void step_report_free(struct step_report *r);
/* Greedy accuracy on a split's first items (settings.eval_items at most). */
enum t2_status trainer_validate(struct trainer *t, const char *split, int *correct, int *n,
				struct job *job, struct t2_err *err);
/* fn is called while trainer_validate() works, from its thread, at its start (done 0) and each time an answer
 * is there; NULL: nobody. */
void trainer_watch(struct trainer *t, void (*fn)(void *arg, int done, int of), void *arg);
/* The current parameters as an expert without a name. */
enum t2_status trainer_expert(struct trainer *t, struct expert **out, struct t2_err *err);

void trainer_save(const struct trainer *t, struct strbuf *out);
enum t2_status trainer_load(struct trainer *t, const void *bytes, size_t size, struct t2_err *err);

#endif
