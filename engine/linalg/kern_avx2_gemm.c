/* The inner loop of large products for AVX2, and the packing it wants. */
#if defined(__x86_64__)
#include <string.h>

#include "engine/linalg/kern_avx2.h"

AVX2_INLINE void
tile(const int R, const int V, int cols, int k, const float *A, size_t lda,
     const struct ahead *next, const float *b, float *C, int ldc, bool add)
{
	__m256 sum[KERN_AVX2_MR][2];
	float part[KERN_AVX2_NR];

	UNROLL for (int i = 0; i < R; i++) UNROLL for (int v = 0; v < V; v++) sum[i][v] =
		_mm256_setzero_ps();
	for (int l = 0; l < k; l++, A++, b += 8 * V) {
		__m256 bv[2];

		for (int i = 0; i < R && next && l % 16 == 0; i++)
			_mm_prefetch(next->at + (size_t)i * next->ld + l / 16 * next->each,
				     _MM_HINT_T1);
		UNROLL for (int v = 0; v < V; v++) bv[v] = _mm256_loadu_ps(b + 8 * v);
		UNROLL for (int i = 0; i < R; i++)
		{
			__m256 ai = _mm256_broadcast_ss(A + (size_t)i * lda);

			UNROLL for (int v = 0; v < V; v++) sum[i][v] =
				_mm256_fmadd_ps(ai, bv[v], sum[i][v]);
		}
	}
	UNROLL for (int i = 0; i < R; i++)
	{
		float *c = C + (size_t)i * ldc, *out = cols == 8 * V ? c : part;

		if (add && out == part)
			memcpy(part, c, (size_t)cols * sizeof *c);
		UNROLL for (int v = 0; v < V; v++)
		{
			if (add)
				sum[i][v] = _mm256_add_ps(sum[i][v], _mm256_loadu_ps(out + 8 * v));
			_mm256_storeu_ps(out + 8 * v, sum[i][v]);
		}
		if (out == part)
			memcpy(c, part, (size_t)cols * sizeof *c);
	}
}

#define TILE(R)                                                                                    \
	case R:                                                                                    \
		if (width == 8)                                                                    \
			tile(R, 1, cols, k, A, lda, next, b, C, ldc, add);                         \
		else                                                                               \
			tile(R, 2, cols, k, A, lda, next, b, C, ldc, add);                         \
		break;

AVX2 void
kern_avx2_micro(int rows, int cols, int k, const float *A, size_t lda, const struct ahead *next,
		const float *b, int width, float *C, int ldc, bool add)
{
	switch (rows) {
		TILE(1)
		TILE(2)
		TILE(3)
		TILE(4)
		TILE(5)
		TILE(6)
	}
}

AVX2_INLINE void
transpose8(__m256 r[8])
{
	__m256 t[8];

	UNROLL for (int i = 0; i < 4; i++)
	{
		t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
		t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
	}
	UNROLL for (int i = 0; i < 2; i++) UNROLL for (int j = 0; j < 2; j++)
	{
		r[4 * i + 2 * j] = _mm256_shuffle_ps(t[4 * i + j], t[4 * i + 2 + j], 0x44);
		r[4 * i + 2 * j + 1] = _mm256_shuffle_ps(t[4 * i + j], t[4 * i + 2 + j], 0xee);
	}
	UNROLL for (int j = 0; j < 4; j++) t[j] = r[j];
	UNROLL for (int j = 0; j < 4; j++)
	{
		__m256 high = r[4 + j];
		r[j] = _mm256_permute2f128_ps(t[j], high, 0x20);
		r[4 + j] = _mm256_permute2f128_ps(t[j], high, 0x31);
	}
}

/* Up to eight rows, whole eights of k; each column is stored whole, the next one overwrites what was too much. */
AVX2_INLINE void
pack8(const float *src, size_t ld, int rows, int k, float *dst, int width)
{
	for (int l = 0; l + 8 <= k; l += 8) {
		__m256 r[8];

		UNROLL for (int i = 0; i < 8; i++) r[i] =
			i < rows ? _mm256_loadu_ps(src + (size_t)i * ld + l) : _mm256_setzero_ps();
		transpose8(r);
		UNROLL for (int i = 0; i < 8; i++, dst += width) _mm256_storeu_ps(dst, r[i]);
	}
}

AVX2 void
kern_avx2_pack_rows(const float *src, size_t ld, int rows, int k, float *dst, int width)
{
	int whole = k / 8 * 8;

	for (int i = 0; i < width; i += 8)
		if (rows - i >= 8)
			pack8(src + (size_t)i * ld, ld, 8, k, dst + i, width);
		else
			pack8(src + (size_t)i * ld, ld, rows - i, k, dst + i, width);
	for (int l = whole; l < k; l++)
		for (int i = 0; i < width; i++)
			dst[(size_t)l * width + i] = i < rows ? src[(size_t)i * ld + l] : 0;
}

/* All ones in the first n lanes. */
AVX2_INLINE __m256i
first(int n)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

AVX2 void
kern_avx2_pack_cols(const float *src, size_t ld, int cols, int k, float *dst, int width)
{
	__m256i m0 = first(cols), m1 = first(cols - 8);

	for (int l = 0; l < k; l++, src += ld, dst += width) {
		_mm256_storeu_ps(dst, _mm256_maskload_ps(src, m0));
		if (width > 8)
			_mm256_storeu_ps(dst + 8, _mm256_maskload_ps(src + 8, m1));
	}
}
#endif
