/* few_rows.h - products of up to KERN_ROWS rows with weights by the matrix-vector kernels, of more by
 * stream.h's, over a pool.  Only for gemm.c.
 *
 *	struct few_rows f = {.type = T2_Q8_0, .W = w, .m = m, .n = n, .rows = 1, .ldx = n, .ldy = m, .X = x, .Y = y};
 *	few_rows_run(pool, &f, 1);				// y[i][j] (+)= W[j] . x[i]
 *
 * Such a product is bound by reading W, which comes slowly where a thread begins to read: so each thread has one run of
 * weight rows of its own and takes it piece by piece; who is done helps the others.  Several products, none of which
 * waits for another's, are one piece of work.  The cut may depend on the number of threads, as a row's product is the
 * same bits in any piece. */
#ifndef T2_FEW_ROWS_H
#define T2_FEW_ROWS_H

#include "engine/base/pool.h"
#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"

struct few_rows {
	enum dtype type;
	const void *W;
	int m, n, rows, ldx, ldy;
	const float *X;
	float *Y;
	const float *const *scale; /* as in struct gemm_weight; not with add */
	bool add;
};

void few_rows_run(struct pool *pool, const struct few_rows *f, int count); /* <= GEMM_TOGETHER */

#endif
