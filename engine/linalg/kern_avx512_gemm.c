/* The inner loop of large products for AVX-512, and the packing it wants. */
#if defined(__x86_64__)
#include "engine/linalg/kern_avx512.h"

AVX512_INLINE __mmask16
first(int n)
{
	return (__mmask16)(n >= 16 ? 0xffff : n > 0 ? (1u << n) - 1 : 0);
}

/* Each row of A is copied 16 values before they are used: rows whose starts are a multiple of 4 KB apart would drive each
 * other out of the cache between the uses of a line. */
AVX512_INLINE void
tile(const int R, const int V, int cols, int k, const float *A, size_t lda,
     const struct ahead *next, const float *b, float *C, int ldc, bool add)
{
	_Alignas(64) float block[2][KERN_AVX512_MR * 16];
	const char *fetch = next ? next->at : (const char *)A;
	size_t fetch_ld = next ? next->ld : 0;
	int fetch_each = next ? next->each : 0;
	__m512 sum[KERN_AVX512_MR][2];

	UNROLL for (int i = 0; i < R; i++)
	{
		_mm512_store_ps(block[0] + i * 16, _mm512_maskz_loadu_ps(first(k), A + i * lda));
		UNROLL for (int v = 0; v < V; v++)
		{
			sum[i][v] = _mm512_setzero_ps();
			_mm_prefetch((const char *)(C + (size_t)i * ldc + 16 * v), _MM_HINT_T0);
		}
	}
	for (int l = 0; l < k; l += 16, fetch += fetch_each) {
		const float *now = block[l / 16 % 2], *from = A + l + 16;
		float *to = block[(l / 16 + 1) % 2];
		int end = k - l < 16 ? k - l : 16;
		const char *f = fetch;
		__mmask16 m = first(k - l - 16);

		for (int j = 0; j < end; j++, b += 16 * V) {
			__m512 bv[2];

			if (j < R) {
				_mm_prefetch(f, _MM_HINT_T1);
				_mm512_store_ps(to + j * 16, _mm512_maskz_loadu_ps(m, from));
				from += lda;
				f += fetch_ld;
			}
			UNROLL for (int v = 0; v < V; v++) bv[v] = _mm512_loadu_ps(b + 16 * v);
			UNROLL for (int i = 0; i < R; i++)
			{
				__m512 ai = _mm512_set1_ps(now[i * 16 + j]);
				__asm__("" : "+v"(ai)); /* one load for two products */
				UNROLL for (int v = 0; v < V; v++) sum[i][v] =
					_mm512_fmadd_ps(ai, bv[v], sum[i][v]);
			}
		}
	}
	UNROLL for (int i = 0; i < R; i++) UNROLL for (int v = 0; v < V; v++)
	{
		float *c = C + (size_t)i * ldc + 16 * v;
		__mmask16 m = first(cols - 16 * v);

		if (add)
			sum[i][v] = _mm512_add_ps(sum[i][v], _mm512_maskz_loadu_ps(m, c));
		_mm512_mask_storeu_ps(c, m, sum[i][v]);
	}
}

#define TILE(R)                                                                                    \
	case R:                                                                                    \
		if (width == 16)                                                                   \
			tile(R, 1, cols, k, A, lda, next, b, C, ldc, add);                         \
		else                                                                               \
			tile(R, 2, cols, k, A, lda, next, b, C, ldc, add);                         \
		break;

AVX512 void
kern_avx512_micro(int rows, int cols, int k, const float *A, size_t lda, const struct ahead *next,
		  const float *b, int width, float *C, int ldc, bool add)
{
	switch (rows) {
		TILE(1)
		TILE(2)
		TILE(3)
		TILE(4)
		TILE(5)
		TILE(6)
		TILE(7)
		TILE(8)
		TILE(9)
		TILE(10)
		TILE(11)
		TILE(12)
		TILE(13)
		TILE(14)
	}
}

/* Rows become columns: pairs of numbers, of pairs, of fours, of eights change places. */
AVX512_INLINE void
transpose16(__m512 r[16])
{
	__m512 t[16];

	UNROLL for (int i = 0; i < 8; i++)
	{
		t[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
		t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
	}
	UNROLL for (int i = 0; i < 4; i++) UNROLL for (int j = 0; j < 2; j++)
	{
		__m512d a = _mm512_castps_pd(t[4 * i + j]), b = _mm512_castps_pd(t[4 * i + 2 + j]);
		r[4 * i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
		r[4 * i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
	}
	UNROLL for (int i = 0; i < 2; i++) UNROLL for (int j = 0; j < 4; j++)
	{
		t[8 * i + j] = _mm512_shuffle_f32x4(r[8 * i + j], r[8 * i + 4 + j], 0x88);
		t[8 * i + 4 + j] = _mm512_shuffle_f32x4(r[8 * i + j], r[8 * i + 4 + j], 0xdd);
	}
	UNROLL for (int j = 0; j < 8; j++)
	{
		r[j] = _mm512_shuffle_f32x4(t[j], t[8 + j], 0x88);
		r[8 + j] = _mm512_shuffle_f32x4(t[j], t[8 + j], 0xdd);
	}
}

AVX512 void
kern_avx512_turn(int wrows, int rows, const float *sum, int width, const float *const *scale,
		 int at, float *Y, int ldy)
{
	__mmask16 m = (__mmask16)((1u << wrows) - 1);

	for (int c = 0; c < rows; c += 16) {
		int n = rows - c < 16 ? rows - c : 16;
		__m512 r[16];

		UNROLL for (int i = 0; i < 16; i++) r[i] =
			i < wrows ? _mm512_loadu_ps(sum + i * width + c) : _mm512_setzero_ps();
		transpose16(r);
		UNROLL for (int i = 0; i < 16; i++) if (i < n)
		{
			if (scale)
				r[i] = _mm512_mul_ps(r[i],
						     _mm512_maskz_loadu_ps(m, scale[c + i] + at));
			_mm512_mask_storeu_ps(Y + (size_t)(c + i) * ldy, m, r[i]);
		}
	}
}

/* Up to 16 rows; each column is stored whole, the next one overwrites what was too much. */
AVX512_INLINE void
pack16(const float *src, size_t ld, int rows, int k, float *dst, int width)
{
	for (int l = 0; l < k; l += 16) {
		__mmask16 m = (__mmask16)(k - l >= 16 ? 0xffff : (1u << (k - l)) - 1);
		int n = k - l < 16 ? k - l : 16;
		__m512 r[16];

		UNROLL for (int i = 0; i < 16; i++) r[i] =
			i < rows ? _mm512_maskz_loadu_ps(m, src + (size_t)i * ld + l)
				 : _mm512_setzero_ps();
		transpose16(r);
		if (n == 16) {
			UNROLL for (int i = 0; i < 16; i++, dst += width)
				_mm512_storeu_ps(dst, r[i]);
		} else {
			UNROLL for (int i = 0; i < 16; i++) if (i < n)
				_mm512_storeu_ps(dst + (size_t)i * width, r[i]);
		}
	}
}

AVX512 void
kern_avx512_pack_rows(const float *src, size_t ld, int rows, int k, float *dst, int width)
{
	for (int i = 0; i < width; i += 16)
		if (rows - i >= 16)
			pack16(src + (size_t)i * ld, ld, 16, k, dst + i, width);
		else
			pack16(src + (size_t)i * ld, ld, rows - i, k, dst + i, width);
}

AVX512 void
kern_avx512_pack_cols(const float *src, size_t ld, int cols, int k, float *dst, int width)
{
	__mmask16 m0 = (__mmask16)(cols >= 16 ? 0xffff : (1u << cols) - 1);
	__mmask16 m1 = (__mmask16)(cols >= 32 ? 0xffff : cols > 16 ? (1u << (cols - 16)) - 1 : 0);

	for (int l = 0; l < k; l++, src += ld, dst += width) {
		_mm512_storeu_ps(dst, _mm512_maskz_loadu_ps(m0, src));
		if (width > 16)
			_mm512_storeu_ps(dst + 16, _mm512_maskz_loadu_ps(m1, src + 16));
	}
}
#endif
