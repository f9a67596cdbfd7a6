/* evaluate.h - accuracy on a task's split under weights of one's choice, or with two passes for every question.
 *
 *	struct evaluation_request q = { .split = "test", .limit = 0, .fixed = z };
 *	evaluate(&env, task, &q, &e, job, err);
 *	evaluation_free(&e);
 */
#ifndef T2_EVALUATE_H
#define T2_EVALUATE_H

#include "engine/adapt/answer.h"
#include "engine/task/rollout.h"

struct evaluation_request {
	const char *split;
	int limit; /* first items; 0: all */
	int width; /* sequences in flight; 0: 32 */
	struct sampling sampling;
	uint64_t seed;
	enum form form;
	/* as in answer_request: one z for all, or a decision for each question */
	enum answer_strategy strategy;
	const struct zset *fixed;
	struct task *dispatch;
	const struct zset *classifier;
	const struct candidate *cand;
	int ncand;
	/* Each answer as it is scored, in the calling thread, in the order in which they end; optional. */
	void (*scored)(void *arg, int item, bool correct);
	void *arg;
};

struct evaluation {
	int n, correct;
	long tokens;		       /* generated, pass 1's included */
	double pass1_seconds, seconds; /* seconds: both passes */
	int *decision;		       /* [n] candidate or -1; NULL without pass 1 */
	struct rollouts rollouts;      /* [n] */
};

/* job: stage "pass 1" where there is one, then "answers", a step a question. */
enum t2_status evaluate(const struct adapt_env *env, struct task *task,
			const struct evaluation_request *q, struct evaluation *out, struct job *job,
			struct t2_err *err);
void evaluation_free(struct evaluation *e);

#endif
