/* policy.h - the REINFORCE loss over answers that were given, and its gradient.
 *
 *	policy_new(&p, model, pool, err);
 *	adaptation_grad_begin(ad, "mlp", err);
 *	policy_run(p, &setup, lines, count, &result, job, err);	// setup.op = adaptation_op(ad)
 *	... adaptation_grad_s(ad, mat) ...
 *	policy_free(p);
 *
 *	loss = (1 / divisor) sum_j [ -R_j sum_t ln p(y_jt) + kl_weight KL_j ]
 *	KL_j = sum_t sum_v p_ref(v) (ln p_ref(v) - ln p(v))	full vocabulary, every position of the answer
 *
 * (REFERENCE.md section 2).  Positions are those that predict the answer's tokens; the prompt costs nothing.  With R = 1 and the
 * divisor of the caller's choice it is next-token prediction.  Lines run in micro-batches of bounded rows and the head in
 * chunks of bounded rows, both cut by shapes only: no logits of all positions ever stand, and the same input gives the same
 * bits for any number of threads. */
#ifndef T2_POLICY_H
#define T2_POLICY_H

#include <stdbool.h>

#include "engine/base/job.h"
#include "engine/base/pool.h"
#include "engine/base/status.h"
#include "engine/model/linear.h"
#include "engine/model/model.h"

struct policy_line {
	const int *prompt, *answer;
	int prompt_n, answer_n; /* prompt_n at least 1; without an answer a line adds nothing */
	double reward;		/* or advantage */
};

struct policy_setup {
	const struct linear *op; /* slot 0 is trained; its gradients are zeroed by the caller */
	const struct linear
		*ref; /* what KL is measured against (the base model); NULL: KL is not computed */
	double kl_weight;
	double divisor; /* 0: the number of lines */
	bool backward;	/* false: loss only */
};

struct policy_result {
	double loss, kl; /* kl: (1 / divisor) sum_j KL_j, without the weight */
	long tokens;	 /* of all answers */
	double *logprob; /* [count], the caller's; NULL: not wanted.  Summed over the answer */
	double *kl_line; /* [count] likewise */
};

struct policy;

enum t2_status policy_new(struct policy **out, const struct model *m, struct pool *pool,
			  struct t2_err *err);
void policy_free(struct policy *p);
/* What kept activations may take: tape_memory(). */
void policy_memory(struct policy *p, size_t bytes);
/* The least that policy_limit() can do with. */
size_t policy_least(const struct policy *p, int longest, bool ref);
/* What it takes where nothing limits it, with up to held bytes of op's products X V. */
size_t policy_most(const struct policy *p, int longest, long rows, bool ref, size_t held);
/* All that it and op's products X V may take, when lines have up to longest tokens and a step so many rows: smaller
 * micro-batches and fewer kept activations where that does not reach.  What they come to is taken of the pool's memory until
 * policy_free(); *held is what adaptation_memory() is to be set to.  T2_ENOMEM: not even one line fits.  Gradients are the
 * same to float32 rounding. */
enum t2_status policy_limit(struct policy *p, size_t bytes, int longest, long rows, bool ref,
			    size_t *held, struct t2_err *err);
/* result->logprob and ->kl_line are set before the call, the rest comes out.  job steps once a line (no stage of its
 * own); T2_ECANCEL between micro-batches.  T2_ENUM when the loss is not finite.  On failure gradients are incomplete. */
enum t2_status policy_run(struct policy *p, const struct policy_setup *setup,
			  const struct policy_line *lines, int count, struct policy_result *result,
			  struct job *job, struct t2_err *err);

#endif
