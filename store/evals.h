/* evals.h - accuracies measured: one row an evaluation, one an item (for paired tests). */
#ifndef T2_STORE_EVALS_H
#define T2_STORE_EVALS_H

#include "store/store.h"

struct eval_row {
	int64_t id, model;
	double created;
	char *task, *split, *strategy; /* "none", "expert:math", "cls" ... */
	double temperature, seconds;
	int64_t seed;
	int n, correct;
	long tokens;
};

struct eval_item {
	int item;
	bool correct;
	const char *answer;
};

struct eval_list {
	struct eval_row *v;
	int n, cap;
	struct arena arena;
};

/* One transaction. */
enum t2_status store_eval_add(struct store *s, const struct eval_row *e,
			      const struct eval_item *items, int n, int64_t *id,
			      struct t2_err *err);
enum t2_status store_eval_list(struct store *s, int64_t model, struct eval_list *out,
			       struct t2_err *err); /* newest first */
void eval_list_free(struct eval_list *l);

#endif
