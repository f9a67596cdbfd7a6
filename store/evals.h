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
	/* Of the weights or the way to choose them, and of the questions; "": kept by a version that had none. */
	char *setup_hash, *task_hash;
};

struct eval_item {
	int item;
	bool correct;
	const char *answer;
	const char *decision; /* the expert that pass 1 chose, "" base weights; NULL: no pass 1 */
};

struct eval_items {
	struct eval_item *v; /* by item */
	int n, cap;
	struct arena arena;
};

/* What pass 1 decided how often, and how often that came out right. */
struct eval_choice {
	char *decision;
	int n, correct;
};

struct eval_choices {
	struct eval_choice *v;
	int n, cap;
	struct arena arena;
};

struct eval_list {
	struct eval_row *v;
	int n, cap;
	struct arena arena;
};

/* One transaction, or inside the caller's. */
enum t2_status store_eval_add(struct store *s, const struct eval_row *e,
			      const struct eval_item *items, int n, int64_t *id,
			      struct t2_err *err);
enum t2_status store_eval_list(struct store *s, int64_t model, struct eval_list *out,
			       struct t2_err *err); /* newest first */
/* What repeats an evaluation (the same but for time and result; the seed counts above temperature 0 only) hides it: of
 * each kind the newest alone. */
enum t2_status store_eval_newest(struct store *s, int64_t model, struct eval_list *out,
				 struct t2_err *err);
void eval_list_free(struct eval_list *l);
enum t2_status store_eval_items(struct store *s, int64_t id, struct eval_items *out,
				struct t2_err *err);
void eval_items_free(struct eval_items *l);
/* Empty for an evaluation without pass 1. */
enum t2_status store_eval_choices(struct store *s, int64_t id, struct eval_choices *out,
				  struct t2_err *err);
void eval_choices_free(struct eval_choices *l);

#endif
