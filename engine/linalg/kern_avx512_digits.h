/* kern_avx512_digits.h - a row of x as whole numbers, for products with whole-number weights by AVX512-VNNI.  Only for the
 * files kern_avx512*.c.
 *
 * 32 values at a time are multiplied by one power of two and rounded, to below 2^23, which is as exact as float32 for the
 * largest of them, and so for their sum.  Each of these numbers has three digits of base 256, from -128 to 127:
 * vpdpbusd multiplies one digit of 64 of them with 64 weights and sums four by four.  Three such sums, each 256 times the
 * next one, are one sum in 32 bits, exact as long as it fits: what lies above is only there in between. */
#ifndef T2_KERN_AVX512_DIGITS_H
#define T2_KERN_AVX512_DIGITS_H

#include <math.h>

#include "engine/linalg/kern_avx512.h"

#define VNNI	    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")))
#define VNNI_INLINE VNNI static inline __attribute__((always_inline))

#define DIGITS 3

VNNI_INLINE float
float_of(uint32_t bits)
{
	float f;

	__builtin_memcpy(&f, &bits, sizeof f);
	return f;
}

/* What values are multiplied with so that one of `most`, a float's bits, comes to below 2^23, and the inverse: powers of
 * two. */
VNNI_INLINE float
scale_below(uint32_t most, float *unit)
{
	uint32_t e = most >> 23;

	/* most < 2^(e-126): times 2^(149-e) it is below 2^23, but three digits end at 127 * (65536 + 256 + 1). */
	uint32_t power = e < 23 ? 253 : 276 - e;
	if ((most & 0x7fffff) > 0x7e0000 && e >= 23)
		power--;
	*unit = float_of((254 - power) << 23);
	return float_of(power << 23);
}

/* The largest magnitude of 32 values, as a float's bits: these are ordered as the floats are. */
VNNI_INLINE uint32_t
largest_of(__m512 a, __m512 b)
{
	return _mm512_reduce_max_epu32(_mm512_max_epu32(_mm512_castps_si512(_mm512_abs_ps(a)),
							_mm512_castps_si512(_mm512_abs_ps(b))));
}

VNNI_INLINE bool
is_finite(uint32_t bits)
{
	return bits >> 23 < 255;
}

/* In each lane the sum of the four that it is one of. */
VNNI_INLINE __m512i
sums_of_four(__m512i v)
{
	v = _mm512_add_epi32(v, _mm512_shuffle_epi32(v, _MM_PERM_CDAB));
	return _mm512_add_epi32(v, _mm512_shuffle_epi32(v, _MM_PERM_BADC));
}

/* Every fourth lane, from the first on. */
VNNI_INLINE __m128i
each_fourth(__m512i v)
{
	const __m512i from = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 8, 4, 0);

	return _mm512_castsi512_si128(_mm512_permutexvar_epi32(from, v));
}

/* The digits of sixteen numbers, the most significant ones at `to`, the next ones `step` bytes on. */
VNNI_INLINE void
put_digits(__m512i v, int8_t *to, size_t step)
{
	UNROLL for (int d = DIGITS - 1; d >= 0; d--)
	{ /* the lowest digit, then what is left without it */
		__m512i digit = _mm512_srai_epi32(_mm512_slli_epi32(v, 24), 24);
		_mm_storeu_si128((__m128i *)(to + (size_t)d * step), _mm512_cvtepi32_epi8(v));
		v = _mm512_srai_epi32(_mm512_sub_epi32(v, digit), 8);
	}
}

VNNI_INLINE float
sum32(const float *x)
{
	return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)));
}

#endif
