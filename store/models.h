/* models.h - the models a store knows, by fingerprint, and their matrices' singular values. */
#ifndef T2_STORE_MODELS_H
#define T2_STORE_MODELS_H

#include "store/store.h"

struct model;
struct spectrum_stats;

struct model_row {
	int64_t id;
	char *fingerprint, *name, *path, *arch;
	int64_t parameters;
	int layers, hidden, vocab;
	bool shipped;
	double added, opened; /* Unix seconds */
};

struct model_list {
	struct model_row *v;
	int n, cap;
	struct arena arena; /* the rows' strings */
};

/* Adds the model or brings its name, path and time of opening up to date; *id is its row.  name NULL: model_name(). */
enum t2_status store_model_register(struct store *s, const struct model *m, const char *name,
				    bool shipped, int64_t *id, struct t2_err *err);
/* The shipped model is the one of this fingerprint.  What came with another one goes; what the user made of that stays, under
 * "old sample". */
enum t2_status store_model_retire(struct store *s, const char *fingerprint, struct t2_err *err);
enum t2_status store_model_list(struct store *s, struct model_list *out,
				struct t2_err *err); /* last opened first */
void model_list_free(struct model_list *l);
/* By name, else by fingerprint; the latest opened of several.  T2_ENOTFOUND names what there is. */
enum t2_status store_model_find(struct store *s, const char *name, struct model_row *out,
				struct arena *a, struct t2_err *err);
/* One decomposed matrix: sigma[rank] and what spectrum.h says of it. */
enum t2_status store_matrix_put(struct store *s, int64_t model, int idx, const char *name,
				int layer, const char *kind, int m, int n, const float *sigma,
				const struct spectrum_stats *st, struct t2_err *err);

#endif
