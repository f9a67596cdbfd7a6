/* svd.h - singular value decomposition of one matrix, in double, rounded afterwards.
 *
 *	svd_f32(W, m, n, U, sigma, Vt, &rel_error, err);	// W = U diag(sigma) Vt
 *
 * W[m][n], U[m][r], sigma[r] descending, Vt[r][n], r = min(m, n), all row-major.  Gram matrix in double + dsyevd +
 * back-multiplication where that is safe (checked: orthogonality, condition), dgesdd otherwise.  Single-threaded: run
 * one matrix a thread.  The sign of each component is fixed: the largest |entry| of its row of Vt is positive. */
#ifndef T2_SVD_H
#define T2_SVD_H

#include "engine/base/status.h"

/* sigma64 may be NULL: the singular values before rounding.  *rel_error may be NULL: relative Frobenius error of
 * the float32 reconstruction.  T2_ENUM when W holds NaN or infinity, or LAPACK does not converge. */
enum t2_status svd_f32(const float *W, int m, int n, float *U, float *sigma, double *sigma64,
		       float *Vt, double *rel_error, struct t2_err *err);

#endif
