/* Stored values to float32 for AVX-512, in their own order and to the bits of dtype_to_f32(): products are exact
 * and every sum is rounded once, fused or not. */
#if defined(__x86_64__)
#include "engine/linalg/kern_avx512.h"

AVX512_INLINE __m512
floats_of_bytes(__m128i bytes)
{
	return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
}

AVX512_INLINE __m128i
load128(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

AVX512_INLINE __m256i
load256(const void *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}

/* Sixteen bytes of nibbles: all low ones, then all high ones. */
AVX512_INLINE __m256i
nibbles(const char *p)
{
	__m128i q = load128(p), low = _mm_set1_epi8(15);

	return _mm256_set_m128i(_mm_and_si128(_mm_srli_epi16(q, 4), low), _mm_and_si128(q, low));
}

AVX512_INLINE __m256i
fifth_bits(const char *p)
{
	uint32_t bits;

	__builtin_memcpy(&bits, p, sizeof bits);
	return _mm256_maskz_set1_epi8((__mmask32)bits, 16);
}

/* y = (v - offset) * d + m, or without m. */
AVX512_INLINE void
store32(float *y, __m256i v, int offset, __m512 d, const __m512 *m)
{
	__m512 off = _mm512_set1_ps((float)offset);
	__m512 low = _mm512_sub_ps(floats_of_bytes(_mm256_castsi256_si128(v)), off);
	__m512 high = _mm512_sub_ps(floats_of_bytes(_mm256_extracti128_si256(v, 1)), off);

	_mm512_storeu_ps(y, m ? _mm512_fmadd_ps(low, d, *m) : _mm512_mul_ps(low, d));
	_mm512_storeu_ps(y + 16, m ? _mm512_fmadd_ps(high, d, *m) : _mm512_mul_ps(high, d));
}

AVX512_INLINE void
k_block(const enum dtype t, const char *p, float *y)
{
	const char *q = p + (t == T2_Q4_K ? 16 : 48);
	float scale[16];

	_mm512_storeu_ps(scale, k_scales(p));
	for (int s = 0; s < 8; s++, y += 32) {
		__m256i v = load256(q + s / 2 * 32);
		__m512 m = _mm512_set1_ps(-scale[8 + s]);

		v = _mm256_and_si256(s % 2 ? _mm256_srli_epi16(v, 4) : v, _mm256_set1_epi8(15));
		if (t == T2_Q5_K)
			v = _mm256_or_si256(
				v, _mm256_maskz_set1_epi8(
					   _mm256_test_epi8_mask(load256(p + 16),
								 _mm256_set1_epi8((char)(1 << s))),
					   16));
		store32(y, v, 0, _mm512_set1_ps(scale[s]), &m);
	}
}

AVX512_INLINE void
q6_k_block(const char *p, float *y)
{
	__m512 d = half_all(p + 208);
	float scale[16];

	_mm512_storeu_ps(scale, _mm512_mul_ps(d, _mm512_cvtepi32_ps(
							 _mm512_cvtepi8_epi32(load128(p + 192)))));
	for (int half = 0; half < 2; half++)
		for (int run = 0; run < 4; run++, y += 32) {
			__m256i low = load256(p + half * 64 + run % 2 * 32),
				high = load256(p + 128 + half * 32);
			const float *s = scale + half * 8 + run * 2;
			__m512 off = _mm512_set1_ps(32);

			low = _mm256_and_si256(run / 2 ? _mm256_srli_epi16(low, 4) : low,
					       _mm256_set1_epi8(15));
			high = _mm256_and_si256(_mm256_srl_epi16(high, _mm_cvtsi32_si128(2 * run)),
						_mm256_set1_epi8(3));
			low = _mm256_or_si256(low, _mm256_slli_epi16(high, 4));
			_mm512_storeu_ps(
				y, _mm512_mul_ps(_mm512_sub_ps(floats_of_bytes(
								       _mm256_castsi256_si128(low)),
							       off),
						 _mm512_set1_ps(s[0])));
			_mm512_storeu_ps(
				y + 16,
				_mm512_mul_ps(
					_mm512_sub_ps(
						floats_of_bytes(_mm256_extracti128_si256(low, 1)),
						off),
					_mm512_set1_ps(s[1])));
		}
}

AVX512_INLINE void
block(const enum dtype t, const char *p, float *y)
{
	__m512 d = half_all(p), m;

	switch (t) {
	case T2_Q8_0:
		_mm512_storeu_ps(
			y,
			_mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load128(p + 2))), d));
		_mm512_storeu_ps(
			y + 16,
			_mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load128(p + 18))),
				      d));
		break;
	case T2_Q4_0:
		store32(y, nibbles(p + 2), 8, d, NULL);
		break;
	case T2_Q4_1:
		m = half_all(p + 2);
		store32(y, nibbles(p + 4), 0, d, &m);
		break;
	case T2_Q5_0:
		store32(y, _mm256_or_si256(nibbles(p + 6), fifth_bits(p + 2)), 16, d, NULL);
		break;
	case T2_Q5_1:
		m = half_all(p + 2);
		store32(y, _mm256_or_si256(nibbles(p + 8), fifth_bits(p + 4)), 0, d, &m);
		break;
	case T2_Q6_K:
		q6_k_block(p, y);
		break;
	default:
		k_block(t, p, y);
		break;
	}
}

AVX512_INLINE void
blocks(const enum dtype t, const char *p, size_t n, float *y)
{
	const size_t step = (size_t)dtype_block(t), bytes = (size_t)dtype_block_bytes(t);

	for (; n >= step; n -= step, p += bytes, y += step)
		block(t, p, y);
}

AVX512 static void
unpack_f16(const char *p, size_t n, float *y)
{
	for (; n >= 16; n -= 16, p += 32, y += 16)
		_mm512_storeu_ps(y, _mm512_cvtph_ps(load256(p)));
	if (n) {
		__mmask16 m = (__mmask16)((1u << n) - 1);
		_mm512_mask_storeu_ps(y, m, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, p)));
	}
}

AVX512 static void
unpack_bf16(const char *p, size_t n, float *y)
{
	for (; n >= 16; n -= 16, p += 32, y += 16)
		_mm512_storeu_si512(y, _mm512_slli_epi32(_mm512_cvtepu16_epi32(load256(p)), 16));
	if (n) {
		__mmask16 m = (__mmask16)((1u << n) - 1);
		_mm512_mask_storeu_epi32(
			y, m,
			_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m, p)),
					  16));
	}
}

AVX512 void
kern_avx512_unpack(enum dtype t, const void *src, size_t n, float *dst)
{
	switch (t) {
	case T2_F16:
		unpack_f16(src, n, dst);
		break;
	case T2_BF16:
		unpack_bf16(src, n, dst);
		break;
	case T2_Q8_0:
		blocks(T2_Q8_0, src, n, dst);
		break;
	case T2_Q4_0:
		blocks(T2_Q4_0, src, n, dst);
		break;
	case T2_Q4_1:
		blocks(T2_Q4_1, src, n, dst);
		break;
	case T2_Q5_0:
		blocks(T2_Q5_0, src, n, dst);
		break;
	case T2_Q5_1:
		blocks(T2_Q5_1, src, n, dst);
		break;
	case T2_Q4_K:
		blocks(T2_Q4_K, src, n, dst);
		break;
	case T2_Q5_K:
		blocks(T2_Q5_K, src, n, dst);
		break;
	case T2_Q6_K:
		blocks(T2_Q6_K, src, n, dst);
		break;
	default:
		dtype_to_f32(t, src, n, dst);
		break;
	}
}
#endif
