/* zset.h - one effective scale vector z per adapted matrix: what an expert or a mixture is to the engine.
 *
 *	zset_new(&z, model, err);
 *	zset_set(z, mat, values, err);		// copies [rank]; NULL: back to ones
 *	zset_mix(z, list, alpha, k, false, true, err);	// z = sum_k alpha_k z_k / sum_k alpha_k
 *	zset_free(z);
 *
 * "Effective" means z of W' = U diag(sigma * z) V^T, whatever scale the expert was trained in (REFERENCE.md section 1). */
#ifndef T2_ZSET_H
#define T2_ZSET_H

#include <stdbool.h>

#include "engine/base/status.h"

struct model;

struct zset {
	int count; /* model_matrices() */
	int *rank; /* [count] */
	float **z; /* [count]: [rank], or NULL for ones */
};

enum t2_status zset_new(struct zset **out, const struct model *m, struct t2_err *err);
void zset_free(struct zset *z);
enum t2_status zset_set(struct zset *z, int mat, const float *values, struct t2_err *err);
enum t2_status zset_copy(struct zset *dst, const struct zset *src, struct t2_err *err);
/* z = sum_e alpha_e z_e with z_e = 1 where expert e lacks the matrix, taken in double; a matrix that no expert of the list
 * adapts stays NULL.  alpha[k], or alpha[e * count + mat] when per_matrix.  normalise divides by the sum (per matrix where
 * alphas are); a zero sum is then the base model.  dst may be one of the list. */
enum t2_status zset_mix(struct zset *dst, const struct zset *const *list, const double *alpha,
			int k, bool per_matrix, bool normalise, struct t2_err *err);
/* One matrix of it: alpha[k], taken as they are.  The rest of dst stays. */
enum t2_status zset_mix_matrix(struct zset *dst, int mat, const struct zset *const *list,
			       const double *alpha, int k, struct t2_err *err);
long zset_values(const struct zset *z); /* numbers in non-NULL vectors */

#endif
