/* The inner loop of large products for AVX-512, and the packing it wants. */
#if defined(__x86_64__)
#include "engine/linalg/kern_avx512.h"

AVX512_INLINE void
tile(const int R, int cols, int k, const float *a, const float *b, float *C, int ldc, bool add)
{
	__mmask16 m0 = (__mmask16)(cols >= 16 ? 0xffff : (1u << cols) - 1);
	__mmask16 m1 = (__mmask16)(cols >= 32 ? 0xffff : cols > 16 ? (1u << (cols - 16)) - 1 : 0);
	__m512 sum[KERN_AVX512_MR][2];

	UNROLL for (int i = 0; i < R; i++)
	{
		sum[i][0] = sum[i][1] = _mm512_setzero_ps();
		_mm_prefetch((const char *)(C + (size_t)i * ldc), _MM_HINT_T0);
		_mm_prefetch((const char *)(C + (size_t)i * ldc + 16), _MM_HINT_T0);
	}
	for (; k > 0; k--, a += R, b += KERN_AVX512_NR) {
		__m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);
		UNROLL for (int i = 0; i < R; i++)
		{
			__m512 ai = _mm512_set1_ps(a[i]);
			__asm__("" : "+v"(ai)); /* one load for two products */
			sum[i][0] = _mm512_fmadd_ps(ai, b0, sum[i][0]);
			sum[i][1] = _mm512_fmadd_ps(ai, b1, sum[i][1]);
		}
	}
	UNROLL for (int i = 0; i < R; i++)
	{
		float *c = C + (size_t)i * ldc;
		if (add) {
			sum[i][0] = _mm512_add_ps(sum[i][0], _mm512_maskz_loadu_ps(m0, c));
			sum[i][1] = _mm512_add_ps(sum[i][1], _mm512_maskz_loadu_ps(m1, c + 16));
		}
		_mm512_mask_storeu_ps(c, m0, sum[i][0]);
		_mm512_mask_storeu_ps(c + 16, m1, sum[i][1]);
	}
}

#define TILE(R)                                                                                    \
	case R:                                                                                    \
		tile(R, cols, k, a, b, C, ldc, add);                                               \
		break;

AVX512 void
kern_avx512_micro(int rows, int cols, int k, const float *a, const float *b, float *C, int ldc,
		  bool add)
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
	default:
		tile(14, cols, k, a, b, C, ldc, add);
		break;
	}
}

AVX512_INLINE __mmask16
first(int n)
{
	return (__mmask16)(n >= 16 ? 0xffff : n > 0 ? (1u << n) - 1 : 0);
}

/* Each row is copied 16 values before they are used: rows whose starts are a multiple of 4 KB apart would drive each
 * other out of the cache between the uses of a line. */
AVX512_INLINE void
stream_rows(const int R, const int V, int k, const float *W, size_t ld, const struct ahead *next,
	    const float *x, float *sum, bool add)
{
	_Alignas(64) float block[2][KERN_AVX512_MR * 16];
	const char *fetch = next ? next->at : (const char *)W;
	size_t fetch_ld = next ? next->ld : 0;
	__m512 s[KERN_AVX512_MR][2];

	UNROLL for (int i = 0; i < R; i++)
	{
		_mm512_store_ps(block[0] + i * 16,
				_mm512_maskz_loadu_ps(first(k), W + (size_t)i * ld));
		UNROLL for (int v = 0; v < V; v++) s[i][v] = _mm512_setzero_ps();
	}
	for (int l = 0; l < k; l += 16) {
		int end = k - l < 16 ? k - l : 16;
		const float *now = block[l / 16 % 2], *from = W + l + 16;
		float *to = block[(l / 16 + 1) % 2];
		const char *f = fetch + (next ? l / 16 * next->each : 0);
		__mmask16 m = first(k - l - 16);

		for (int j = 0; j < end; j++, x += 16 * V) {
			__m512 xv[2];

			if (j < R) {
				_mm_prefetch(f, _MM_HINT_T1);
				_mm512_store_ps(to + j * 16, _mm512_maskz_loadu_ps(m, from));
				from += ld;
				f += fetch_ld;
			}
			UNROLL for (int v = 0; v < V; v++) xv[v] = _mm512_loadu_ps(x + 16 * v);
			UNROLL for (int i = 0; i < R; i++)
			{
				__m512 wi = _mm512_set1_ps(now[i * 16 + j]);
				__asm__("" : "+v"(wi)); /* one load for two products */
				UNROLL for (int v = 0; v < V; v++) s[i][v] =
					_mm512_fmadd_ps(wi, xv[v], s[i][v]);
			}
		}
	}
	UNROLL for (int i = 0; i < R; i++) UNROLL for (int v = 0; v < V; v++)
	{
		float *at = sum + (i * V + v) * 16;

		_mm512_storeu_ps(at, add ? _mm512_add_ps(s[i][v], _mm512_loadu_ps(at)) : s[i][v]);
	}
}

#define STREAM(R)                                                                                  \
	case R:                                                                                    \
		if (width == 16)                                                                   \
			stream_rows(R, 1, k, W, ldw, next, x, sum, add);                           \
		else                                                                               \
			stream_rows(R, 2, k, W, ldw, next, x, sum, add);                           \
		break;

AVX512 void
kern_avx512_stream(int wrows, int width, int k, const float *W, size_t ldw,
		   const struct ahead *next, const float *x, float *sum, bool add)
{
	switch (wrows) {
		STREAM(1)
		STREAM(2)
		STREAM(3)
		STREAM(4)
		STREAM(5)
		STREAM(6)
		STREAM(7)
		STREAM(8)
		STREAM(9)
		STREAM(10)
		STREAM(11)
		STREAM(12)
		STREAM(13)
		STREAM(14)
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
