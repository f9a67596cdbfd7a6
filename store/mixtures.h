/* mixtures.h - named mixtures z' = sum_k alpha_k z_k of a model's experts. */
#ifndef T2_STORE_MIXTURES_H
#define T2_STORE_MIXTURES_H

#include "store/store.h"

struct mixture_part {
	int64_t expert;
	char *name;    /* the expert's */
	double alpha;  /* as applied; the mean of alphas where there are some */
	float *alphas; /* per matrix of the model, or NULL */
	int count;     /* of alphas */
};

struct mixture_row {
	int64_t id, model, run;
	char *name, *task, *model_name;
	double fitness; /* NaN: not searched */
	bool normalised; /* searched with alphas divided by their sum: where all are 0 the search meant the base model */
	double created;
	struct mixture_part *part; /* [parts] */
	int parts;
};

struct mixture_list {
	struct mixture_row *v;
	int n, cap;
	struct arena arena;
};

enum t2_status store_mixture_list(struct store *s, int64_t model, struct mixture_list *out,
				  struct t2_err *err);
void mixture_list_free(struct mixture_list *l);
enum t2_status store_mixture_find(struct store *s, int64_t model, const char *name,
				  struct mixture_row *out, struct arena *a, struct t2_err *err);
/* The latest searched mixture for a task. */
enum t2_status store_mixture_for_task(struct store *s, int64_t model, const char *task,
				      struct mixture_row *out, struct arena *a, struct t2_err *err);
enum t2_status store_mixture_add(struct store *s, const struct mixture_row *m, int64_t *id,
				 struct t2_err *err);
enum t2_status store_mixture_remove(struct store *s, int64_t id, struct t2_err *err);

#endif
