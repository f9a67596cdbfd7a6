/* blas.h - large products, the same bits for any number of threads; and BLIS, made to use the right kernels, for LAPACK.
 *
 *	blas_init(err);						// once, before any thread: picks the kernel family
 *	gemm_nt(pool, rows, m, k, X, k, W, k, Y, m, false);	// Y[rows][m] = X[rows][k] W[m][k]^T
 *
 * Row-major float32.  add: C += instead of C =.  ld* are row strides in floats.  An element's sum runs over k in a fixed
 * order, one rounding a step, and its result does not depend on how C is cut into tiles (gemm.c: our own micro-kernels,
 * which pack straight from stored weights and beat BLIS 0.9.0 on every shape of ours).  Up to eight rows of X go
 * through the matrix-vector kernels of kern.h instead, whose sums run in another order.  None of these can fail: for some
 * weights few rows are rearranged in a scratch of each thread, and where there is no memory for that the plain kernel
 * takes them as they are, with sums in yet another order; at level amx a large product goes on as at avx512 there. */
#ifndef T2_BLAS_H
#define T2_BLAS_H

#include <stdbool.h>

#include "engine/base/pool.h"
#include "engine/base/status.h"
#include "engine/linalg/dtype.h"

/* Reads CPUID and XCR0, sets BLIS_ARCH_TYPE unless the user set it, starts BLIS.  Idempotent.  BLIS 0.9.0 does not
 * know newer CPUs and would fall to scalar ("generic") or narrower kernels by itself.  Does kern_init() too, and fails
 * where that does. */
enum t2_status blas_init(struct t2_err *err);
const char *blas_family(void);	    /* the family in use: "skx", "haswell", "zen3", "generic" ... */
const char *blas_best_family(void); /* the one this CPU should have */
const char *blas_library(void);	    /* which BLAS LAPACK runs on, e.g. "BLIS 0.9.0 (static)" */

/* C[rows][m] = A[rows][k] B[m][k]^T */
void gemm_nt(struct pool *p, int rows, int m, int k, const float *A, int lda, const float *B,
	     int ldb, float *C, int ldc, bool add);
/* C[rows][n] = A[rows][k] B[k][n] */
void gemm_nn(struct pool *p, int rows, int n, int k, const float *A, int lda, const float *B,
	     int ldb, float *C, int ldc, bool add);
/* C[m][n] = A[rows][m]^T B[rows][n]: weight gradients (pre-training only); summed over rows in fixed order */
void gemm_tn(struct pool *p, int m, int n, int rows, const float *A, int lda, const float *B,
	     int ldb, float *C, int ldc, bool add);

/* Y[rows][m] = X[rows][n] W^T for a weight W[m][n] in its stored form: unpacked panel by panel for many rows, read
 * as it is by the vector kernels for few. */
void gemm_weight_nt(struct pool *p, enum dtype t, const void *W, int m, int n, const float *X,
		    int rows, float *Y);
/* The same for up to GEMM_TOGETHER weights, none of which waits for another's Y: few rows go through them as one piece of
 * parallel work, which spares the threads a meeting after each. */
#define GEMM_TOGETHER 4
struct gemm_weight {
	enum dtype type;
	const void *W; /* [m][n] */
	int m, n;
	const float *X; /* [rows][n] */
	float *Y;	/* [rows][m] */
	const float *const
		*scale; /* Y[i][j] is multiplied by scale[i][j] afterwards; NULL: by nothing */
};
void gemm_weights_nt(struct pool *p, const struct gemm_weight *w, int count, int rows);
/* dX[rows][n] (+)= G[rows][m] W */
void gemm_weight_nn(struct pool *p, enum dtype t, const void *W, int m, int n, const float *G,
		    int rows, float *dX, bool add);

#endif
