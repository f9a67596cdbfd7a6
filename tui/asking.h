/* asking.h - one question from strategy to kept decision: what `t2tui ask` and the Ask view share.  An answer that the store
 * cannot keep (full, locked, read-only) is an answer all the same.
 *
 *	asking_run(&k, ws, prompt, &options, &events, job, err);
 *	use(k.answer.text, k.decision, k.id);
 *	asking_free(&k);
 */
#ifndef T2_ASKING_H
#define T2_ASKING_H

#include "tui/strategy.h"

struct asking_options {
	const char *strategy, *experts, *task; /* as strategy_open() takes them */
	bool transfer, compare_base;
	int max_new;
	float temp;
	uint64_t seed;
	enum form form;
};

struct asking {
	struct strategy strategy;
	struct answer answer;
	json_t *scores, *mixture; /* label -> likelihood, expert -> alpha */
	char *decision;		  /* label of pass 1, or the strategy's own name */
	double tokens_per_s;	  /* after the first token */
	int64_t id;		  /* of the decision kept in the store; 0: it was not kept */
	struct t2_err lost;	  /* why not */
};

enum t2_status asking_run(struct asking *out, struct workspace *ws, const char *prompt,
			  const struct asking_options *o, const struct answer_events *ev,
			  struct job *job, struct t2_err *err);
void asking_free(struct asking *k);

#endif
