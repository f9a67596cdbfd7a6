/* kern_avx512.h - what the AVX-512 kernels share.  Only for the files kern_avx512*.c.
 *
 *	AVX512 static void f(...)		// compiled for F, DQ, BW, VL whatever the rest of the program is
 *	AVX512_INLINE void rows(..., const int R)	// inlined where R is a constant, so that its loops unroll
 */
#ifndef T2_KERN_AVX512_H
#define T2_KERN_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#include "engine/linalg/kern_impl.h"

#define AVX512	      __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c")))
#define AVX512_INLINE AVX512 static inline __attribute__((always_inline))
#define UNROLL	      _Pragma("GCC unroll 16")

/* Weights are fetched this far ahead of what is being read, in the order in which they lie in memory whatever the order
 * of their use: fetched row by row in turn they come at half the speed or less. */
#define AHEAD 3072

/* The half at p in every lane: a scale that many values share. */
AVX512_INLINE __m512
half_all(const void *p)
{
	uint16_t h;

	__builtin_memcpy(&h, p, sizeof h);
	return _mm512_cvtph_ps(_mm256_set1_epi16((short)h));
}

/* The eight scales of a Q4_K or Q5_K block, then its eight minima, as float32 (dtype.c: k_scales). */
AVX512_INLINE __m512
k_scales(const char *p)
{
	uint32_t u[3];
	__m512 d = _mm512_mask_mov_ps(half_all(p), 0xff00, half_all(p + 2));

	__builtin_memcpy(u, p + 4, sizeof u);
	__m128i bytes =
		_mm_set_epi32((int)((u[2] >> 4 & 0x0f0f0f0f) | (u[1] >> 6 & 0x03030303) << 4),
			      (int)(u[1] & 0x3f3f3f3f),
			      (int)((u[2] & 0x0f0f0f0f) | (u[0] >> 6 & 0x03030303) << 4),
			      (int)(u[0] & 0x3f3f3f3f));
	return _mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)));
}

/* Products with x arranged; sizes in floats.  Types whose values come four or five or six bits at a time, some rows of x:
 * kern_avx512_quant.c.  One row, where there is AVX512-VNNI: blocks of 256 in kern_avx512_fixed.c, blocks of 32 in
 * kern_avx512_blocks.c, Q8_0 in kern_avx512_bytes.c. */
size_t kern_avx512_quant_size(int n, int rows);
void kern_avx512_quant_arrange(enum dtype t, const float *x, int ldx, int n, int rows,
			       float *arranged);
void kern_avx512_quant_matvec(enum dtype t, const void *W, int mrows, int n, const float *arranged,
			      int rows, float *y, int ldy);
size_t kern_avx512_fixed_size(int n);
void kern_avx512_fixed_arrange(enum dtype t, const float *x, int n, float *arranged);
void kern_avx512_fixed_matvec(enum dtype t, const void *W, int mrows, int n, const float *arranged,
			      float *y);
size_t kern_avx512_blocks_size(int n);
void kern_avx512_blocks_arrange(enum dtype t, const float *x, int n, float *arranged);
void kern_avx512_blocks_matvec(enum dtype t, const void *W, int mrows, int n, const float *arranged,
			       float *y);
size_t kern_avx512_bytes_size(int n);
void kern_avx512_bytes_arrange(const float *x, int n, float *arranged);
void kern_avx512_bytes_matvec(const void *W, int mrows, int n, const float *arranged, float *y);

void kern_avx512_unpack(enum dtype t, const void *src, size_t n, float *dst);

/* kern_avx512_gemm.c: 28 sums of 16 in 32 registers. */
#define KERN_AVX512_MR 14
#define KERN_AVX512_NR 32
void kern_avx512_micro(int rows, int cols, int k, const float *A, size_t lda,
		       const struct ahead *next, const float *b, int width, float *C, int ldc,
		       bool add);
void kern_avx512_turn(int wrows, int rows, const float *sum, int width, const float *const *scale,
		      int at, float *Y, int ldy);
void kern_avx512_pack_rows(const float *src, size_t ld, int rows, int k, float *dst, int width);
void kern_avx512_pack_cols(const float *src, size_t ld, int cols, int k, float *dst, int width);

#endif
