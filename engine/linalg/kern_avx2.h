/* kern_avx2.h - what the AVX2 kernels share.  Only for the files kern_avx2*.c; the macros are kern_avx512.h's. */
#ifndef T2_KERN_AVX2_H
#define T2_KERN_AVX2_H

#include <immintrin.h>
#include <stdbool.h>

#include "engine/linalg/kern_impl.h"

#define AVX2	    __attribute__((target("avx2,fma,f16c")))
#define AVX2_INLINE AVX2 static inline __attribute__((always_inline))
#define UNROLL	    _Pragma("GCC unroll 8")

/* kern_avx2_gemm.c: 12 sums of 8 in 16 registers. */
#define KERN_AVX2_MR 6
#define KERN_AVX2_NR 16
void kern_avx2_micro(int rows, int cols, int k, const float *A, size_t lda,
		     const struct ahead *next, const float *b, int width, float *C, int ldc,
		     bool add);
void kern_avx2_pack_rows(const float *src, size_t ld, int rows, int k, float *dst, int width);
void kern_avx2_pack_cols(const float *src, size_t ld, int cols, int k, float *dst, int width);

#endif
