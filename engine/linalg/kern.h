/* kern.h - our own vector kernels, chosen at run time: products of few rows with packed weights, and small vector work.
 *
 *	kern_init(err);						// T2_KERNELS=plain|avx2|avx512 forces a lower one
 *	kern_matvec(t, W, mrows, n, x, ldx, rows, y, ldy);	// y[i][j] = W[j] . x[i]
 *
 * Decoding is bound by the bandwidth at which weights are read, so these read the stored form directly.  Every kernel
 * agrees with the plain C one to float32 rounding (sums are taken in another order) while the largest of 32 neighbours in x
 * is above 1e-31 or so: below that AVX-512 has fewer and fewer digits of packed weights' products, and none at 1e-45.
 * Where x holds a number that is not finite no product is; which (infinite or NaN) differs.  The first call of any of
 * them does what kern_init() does.  On processors other than x86-64 there is only the plain level.
 *
 * Level amx differs from avx512 in large products alone (kern_amx.h).  It is taken only where T2_KERNELS=amx asks for it. */
#ifndef T2_KERN_H
#define T2_KERN_H

#include <stdbool.h>

#include "engine/base/status.h"
#include "engine/linalg/dtype.h"

enum kern_level { KERN_PLAIN, KERN_AVX2, KERN_AVX512, KERN_AMX };

#define KERN_ROWS 8 /* most rows of x a kern_matvec() takes */

/* T2_EUNSUP, T2_ENUM: T2_KERNELS=amx, and there is no AMX or it fails its self-check; the level is then the best other. */
enum t2_status kern_init(struct t2_err *err);
bool kern_has_amx(void); /* whether T2_KERNELS=amx has any prospect here */
enum kern_level kern_level(void);
const char *kern_name(void);
void kern_force(enum kern_level level); /* up to the best there is; amx once allowed.  For tests */

/* Dot products of mrows consecutive weight rows with each of rows inputs: y[i][j] = W[j] . x[i], i < rows <= 8. */
void kern_matvec(enum dtype t, const void *W, int mrows, int n, const float *x, int ldx, int rows,
		 float *y, int ldy);
/* dtype_to_f32() by the vector unit: the same bits.  n is a whole number of blocks. */
void kern_unpack(enum dtype t, const void *src, size_t n, float *dst);

float kern_dot(const float *a, const float *b, int n);
void kern_axpy(float *y, float a, const float *x, int n);	      /* y += a x */
void kern_scale_mul(float *y, const float *x, const float *s, int n); /* y = x * s elementwise */
void kern_rmsnorm(float *y, const float *x, const float *w, int n, float eps);
void kern_silu_mul(float *y, const float *gate, const float *up,
		   int n);		      /* y = gate sigmoid(gate) up */
void kern_softmax(float *x, int n);	      /* in place, max subtracted */
double kern_logsumexp(const float *x, int n); /* accumulated in double */

#endif
