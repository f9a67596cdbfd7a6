/* mixing.h - a mixture in the making: how much of each expert, and what comes of it.  `t2tui mix` and the Mix view share it.
 *
 *	mixing_init(&m, matrices, err);			// 1 where no model is open: one alpha an expert
 *	mixing_add(&m, expert_id, "math", 0.6, err);
 *	mixing_set(&m, 0, mat, 0.4);			// -1: in every matrix
 *	mixing_z(&m, vectors, mat, z, err);		// z' of one matrix, exactly as the kept mixture will give it
 *	mixing_keep(&m, store, model, "half", &id, err);
 *	mixing_free(&m);
 *
 * z' = sum_k alpha_k z_k, alphas divided by their sum (in each matrix) where normalise is on; a sum of 0 is then the base
 * model.  An expert that is 0 everywhere is no part of the mixture, and a mixture without parts is the base model. */
#ifndef T2_MIXING_H
#define T2_MIXING_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/svf/zset.h"
#include "store/mixtures.h"

enum { MIXING_EXPERTS = 64, MIXING_NAME = 128 };

struct mixing {
	int k, mats;
	int64_t *expert;
	char (*name)[MIXING_NAME];
	double *alpha; /* [k][mats], as set */
	bool normalise;
};

enum t2_status mixing_init(struct mixing *m, int mats, struct t2_err *err);
void mixing_free(struct mixing *m);
size_t mixing_bytes(const struct mixing *m); /* that it holds in memory */
enum t2_status mixing_copy(struct mixing *dst, const struct mixing *src, struct t2_err *err);
/* alpha in every matrix.  T2_EINVAL: more than MIXING_EXPERTS. */
enum t2_status mixing_add(struct mixing *m, int64_t expert, const char *name, double alpha,
			  struct t2_err *err);
int mixing_find(const struct mixing *m, int64_t expert); /* -1: not there */
void mixing_set(struct mixing *m, int e, int mat, double alpha);
/* Mean of an expert's alphas; *same (may be NULL): it is one number for all matrices. */
double mixing_alpha(const struct mixing *m, int e, bool *same);
/* One alpha an expert will do. */
bool mixing_empty(const struct mixing *m); /* no parts: the base model */
bool mixing_uniform(const struct mixing *m);
bool mixing_equal(const struct mixing *a, const struct mixing *b);
/* The same weights in every matrix, however they are written. */
bool mixing_same(const struct mixing *a, const struct mixing *b);
/* As applied in one matrix: w[k], 0 for an expert that is no part.  false: that matrix stays the base model's. */
bool mixing_applied(const struct mixing *m, int mat, double *w);

/* z[k] as m's experts.  Sets matrix mat of out (-1: all of them). */
enum t2_status mixing_z(const struct mixing *m, const struct zset *const *z, int mat,
			struct zset *out, struct t2_err *err);

/* Alphas of a kept mixture; experts that m does not have are T2_ENOTFOUND and nothing changes. */
enum t2_status mixing_load(struct mixing *m, const struct mixture_row *row, struct t2_err *err);
/* Keeps it as it is applied. */
enum t2_status mixing_keep(const struct mixing *m, struct store *s, int64_t model, const char *name,
			   int64_t *id, struct t2_err *err);

/* "0.6 math + 0.3 code", normalised "0.67 math + 0.33 code"; "~" before a mean; "base" without parts. */
const char *mixing_label(const struct mixing *m, char *buf, size_t size);
/* "mix:math=0.6,code=0.4" as applied, "none" without parts; false: needs keeping first (alphas by matrix, or no room). */
bool mixing_spec(const struct mixing *m, char *buf, size_t size);

#endif
