/* decisions.h - two-pass answers: what pass 1 saw and decided, what pass 2 said, and the time of both. */
#ifndef T2_STORE_DECISIONS_H
#define T2_STORE_DECISIONS_H

#include "store/store.h"

struct decision_row {
	int64_t id, model;
	double created;
	char *strategy, *prompt, *pass1_text, *decision, *pass2_text;
	char *scores, *mixture; /* JSON objects: label -> likelihood, expert -> alpha */
	double pass1_ms, pass2_ms;
	int tokens;
};

struct decision_list {
	struct decision_row *v;
	int n, cap;
	struct arena arena;
};

enum t2_status store_decision_add(struct store *s, const struct decision_row *d, int64_t *id,
				  struct t2_err *err);
/* Newest first, at most limit (0: all); model 0: of all models. */
enum t2_status store_decision_list(struct store *s, int64_t model, int limit,
				   struct decision_list *out, struct t2_err *err);
void decision_list_free(struct decision_list *l);

#endif
