/* kern_impl.h - one level of kernels: what kern.c chooses between.  Only for kern*.c and gemm.c.
 *
 *	const struct kern_impl kern_avx2 = { .name = "avx2", .matvec = {[T2_BF16] = bf16_matvec, ...}, ... };
 *
 * Contracts are kern.h's.  Every other pointer but tile is set at every level. */
#ifndef T2_KERN_IMPL_H
#define T2_KERN_IMPL_H

#include <stdbool.h>

#include "engine/linalg/kern.h"

/* As many rows that are wanted soon: first one, bytes to the next row, bytes of 16 values. */
struct ahead {
	const char *at;
	size_t ld;
	int each;
};

struct kern_impl {
	const char *name;
	/* kern_matvec() with x rearranged for weights of type t, once for all weight rows, in arranged_size() floats.  Where
	 * that is 0, or NULL, x is used as it is and arranged is not looked at. */
	size_t (*arranged_size)(enum dtype t, int n, int rows);
	void (*arrange)(enum dtype t, const float *x, int ldx, int n, int rows, float *arranged);
	void (*matvec)(enum dtype t, const void *W, int mrows, int n, const float *x, int ldx,
		       int rows, float *y, int ldy, const float *arranged);
	void (*unpack)(enum dtype t, const void *src, size_t n, float *dst);
	float (*dot)(const float *a, const float *b, int n);
	void (*axpy)(float *y, float a, const float *x, int n);
	void (*scale_mul)(float *y, const float *x, const float *s, int n);
	void (*rmsnorm)(float *y, const float *x, const float *w, int n, float eps);
	void (*silu_mul)(float *y, const float *gate, const float *up, int n);
	void (*softmax)(float *x, int n);
	double (*logsumexp)(const float *x, int n);

	/* Products (gemm.c, stream.c): C tile [rows <= mr][cols <= width] (+)= A b, A[rows][lda >= k] as it lies, b[k][width]
	 * packed, width nr or half of it, in that order over k, one rounding a step: the result does not depend on how a
	 * product was cut into tiles.  next may be NULL. */
	int mr, nr;
	void (*micro)(int rows, int cols, int k, const float *A, size_t lda,
		      const struct ahead *next, const float *b, int width, float *C, int ldc,
		      bool add);
	/* NULL, or many times micro: C[rows][cols] (+)= op(A) b, op(A) of A[k][rows] where a_is_at, k <= GEMM_STEP, cols <=
	 * 256, b in panels of 32 columns as packed for micro, the last one of 16 where it has no more.  An element has
	 * micro's accuracy but not its bits, and depends on its row of A and its column of b alone.  False: there is no
	 * memory, nothing was done. */
	bool (*tile)(int rows, int cols, int k, const float *A, size_t lda, bool a_is_at,
		     const float *b, float *C, int ldc, bool add);
	/* Y[rows][ldy >= wrows] from sum[wrows][width], rows <= width, times scale[row][at ..] where scale is not NULL. */
	void (*turn)(int wrows, int rows, const float *sum, int width, const float *const *scale,
		     int at, float *Y, int ldy);
	/* dst[k][width] from src[rows][ld >= k], zero beyond rows; dst may be written up to 16 floats beyond its end.
	 * width is at most nr, or a multiple of 16. */
	void (*pack_rows)(const float *src, size_t ld, int rows, int k, float *dst, int width);
	/* dst[k][width] from src[k][ld >= cols], zero beyond cols; the same about its end; width at most nr. */
	void (*pack_cols)(const float *src, size_t ld, int cols, int k, float *dst, int width);
};

/* plain's turn */
void kern_turn(int wrows, int rows, const float *sum, int width, const float *const *scale, int at,
	       float *Y, int ldy);

extern const struct kern_impl kern_plain, kern_avx2, kern_avx512, kern_amx;

const struct kern_impl *kern_current(void);
/* x for (*k)->matvec(), in this thread's scratch, or NULL where x serves as it is.  Without memory *k becomes the plain
 * level, which needs none. */
const float *kern_arrange(const struct kern_impl **k, enum dtype t, const float *x, int ldx, int n,
			  int rows);

#endif
