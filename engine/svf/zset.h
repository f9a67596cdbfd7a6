/* zset.h - one effective scale vector z per adapted matrix: what an expert or a mixture is to the engine.
 *
 *	zset_new(&z, model, err);
 *	zset_set(z, mat, values, err);		// copies [rank]; NULL: back to ones
 *	zset_mix(z, list, alpha, k, err);	// z = sum_k alpha_k z_k; a missing vector counts as ones
 *	zset_free(z);
 *
 * "Effective" means z of W' = U diag(sigma * z) V^T, whatever scale the expert was trained in (REFERENCE.md section 1). */
#ifndef T2_ZSET_H
#define T2_ZSET_H

#include <stdbool.h>

#include "engine/base/status.h"

struct model;

struct zset {
	int count;   /* model_matrices() */
	int *rank;   /* [count] */
	float **z;   /* [count]: [rank], or NULL for ones */
};

enum t2_status zset_new(struct zset **out, const struct model *m, struct t2_err *err);
void zset_free(struct zset *z);
enum t2_status zset_set(struct zset *z, int mat, const float *values, struct t2_err *err);
enum t2_status zset_copy(struct zset *dst, const struct zset *src, struct t2_err *err);
/* alpha[k], or alpha[k * count + mat] when per_matrix.  normalise divides by the sum (per matrix where alphas are); a zero
 * sum is the base model.  Plain sums are exact: no vector anywhere stays NULL. */
enum t2_status zset_mix(struct zset *dst, const struct zset *const *list, const double *alpha, int k, bool per_matrix,
			bool normalise, struct t2_err *err);
long zset_values(const struct zset *z); /* numbers in non-NULL vectors */

#endif
