/* experts.h - expert vectors kept in the store: effective z per matrix, and p where the scale is reference. */
#ifndef T2_STORE_EXPERTS_H
#define T2_STORE_EXPERTS_H

#include "store/store.h"

struct model;
struct expert;

struct expert_row {
	int64_t id, model, run; /* run 0: none */
	char *name, *task, *method, *scale, *modules, *model_name,
		*fingerprint; /* the last: the model's */
	int64_t parameters;
	double base_accuracy, accuracy; /* NaN: unknown */
	int accuracy_n;
	bool dispatch, shipped; /* dispatch: trained on a task that dispatches, a z^c */
	double created;
};

struct expert_list {
	struct expert_row *v;
	int n, cap;
	struct arena arena;
};

/* model 0: of all models. Newest last. */
enum t2_status store_expert_list(struct store *s, int64_t model, struct expert_list *out,
				 struct t2_err *err);
void expert_list_free(struct expert_list *l);
/* name may be "NAME" or "MODEL:NAME"; model 0: any, T2_EINVAL when ambiguous.  T2_ENOTFOUND otherwise. */
enum t2_status store_expert_find(struct store *s, int64_t model, const char *name,
				 struct expert_row *out, struct arena *a, struct t2_err *err);
/* Keeps e under e->name (T2_EINVAL if that name is taken); one transaction unless one is open.  row's numbers and flags are
 * used, its strings are not. */
enum t2_status store_expert_add(struct store *s, int64_t model, const struct model *m,
				const struct expert *e, const struct expert_row *row, int64_t *id,
				struct t2_err *err);
/* Reads vectors into a new expert (free with expert_free).  Matrices are matched by name; unknown ones are T2_EMISMATCH. */
enum t2_status store_expert_load(struct store *s, int64_t id, const struct model *m,
				 struct expert **out, struct t2_err *err);
/* Its evaluations go along. */
enum t2_status store_expert_rename(struct store *s, int64_t id, const char *to, struct t2_err *err);
/* T2_EBUSY when a mixture uses it, naming the mixture. */
enum t2_status store_expert_remove(struct store *s, int64_t id, struct t2_err *err);
/* The newest expert of the model with dispatch set; T2_ENOTFOUND: none. */
enum t2_status store_expert_dispatcher(struct store *s, int64_t model, struct expert_row *out,
				       struct arena *a, struct t2_err *err);
enum t2_status store_expert_accuracy(struct store *s, int64_t id, double base, double accuracy,
				     int n, struct t2_err *err);

#endif
