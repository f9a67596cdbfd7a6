/* evaluating.h - one evaluation from strategy to kept row: what `t2tui eval`, `reproduce` and the Evals view share. */
#ifndef T2_EVALUATING_H
#define T2_EVALUATING_H

#include "engine/adapt/evaluate.h"
#include "tui/strategy.h"

struct evaluating_options {
	const char *split, *strategy, *experts;
	int limit;
	bool transfer;
	float temp;
	uint64_t seed;
	enum form form;
	void (*scored)(void *arg, int item, bool correct); /* evaluate.h */
	void *arg;
};

struct evaluating {
	char task_name[128];
	char setup_hash[HASH_TEXT], task_hash[HASH_TEXT];
	struct evaluation result;
	int64_t id;	    /* row of the store; 0: it was not kept */
	struct t2_err lost; /* why not */
};

enum t2_status evaluating_run(struct evaluating *out, struct workspace *ws, const char *task,
			      const struct evaluating_options *o, struct job *job,
			      struct t2_err *err);
void evaluating_free(struct evaluating *e);

#endif
