/* Products of one row of x with Q8_0, blocks of 32 signed bytes after their scale, where there is AVX512-VNNI.
 *
 * x becomes whole numbers (kern_avx512_digits.h).  vpdpbusd takes one factor without a sign: so 128 is added to every
 * weight, and what that makes the sum larger by, the same for all weight rows, is taken off again.  Four numbers times
 * weights of up to 128 are below 2^31 if together they are below 2^24.
 *
 * Registers of 256 bits: a block is one of them, whose scale is the same in all lanes. */
#if defined(__x86_64__)
#include "engine/linalg/kern_avx512_digits.h"

#define ROWS 4 /* of weights at a time: they share what is read of x */

struct block {
	_Alignas(32) int8_t digit[DIGITS][32];
	int32_t less[8]; /* what a lane's sum is too large by */
};

static size_t
blocks_of(int n)
{
	return (size_t)n / 32;
}

/* After the blocks there is what 1 stands for in each of them. */
size_t
kern_avx512_bytes_size(int n)
{
	return blocks_of(n) * (sizeof(struct block) / sizeof(float) + 1);
}

/* NaN where a value is no finite number, so that the sum is none. */
VNNI_INLINE float
scale_of(__m512 a, __m512 b, float *unit)
{
	const __m512 eighth = _mm512_set1_ps(0.125f);
	__m512 fours_a = _mm512_mul_ps(_mm512_abs_ps(a), eighth),
	       fours_b = _mm512_mul_ps(_mm512_abs_ps(b), eighth);
	uint32_t most = largest_of(a, b), most_of_four;

	if (!is_finite(most))
		return *unit = NAN;
	/* Sums of four must be below 2^24, so half of them below 2^23.  An eighth of them cannot be too large; then
	 * the exponent goes up by two. */
	fours_a = _mm512_add_ps(fours_a,
				_mm512_shuffle_ps(fours_a, fours_a, _MM_SHUFFLE(2, 3, 0, 1)));
	fours_b = _mm512_add_ps(fours_b,
				_mm512_shuffle_ps(fours_b, fours_b, _MM_SHUFFLE(2, 3, 0, 1)));
	fours_a = _mm512_add_ps(fours_a,
				_mm512_shuffle_ps(fours_a, fours_a, _MM_SHUFFLE(1, 0, 3, 2)));
	fours_b = _mm512_add_ps(fours_b,
				_mm512_shuffle_ps(fours_b, fours_b, _MM_SHUFFLE(1, 0, 3, 2)));
	most_of_four = largest_of(fours_a, fours_b) + (2u << 23);
	return scale_below(most > most_of_four ? most : most_of_four, unit);
}

VNNI void
kern_avx512_bytes_arrange(const float *x, int n, float *arranged)
{
	struct block *to = (struct block *)arranged;
	float *unit = (float *)(to + blocks_of(n));

	for (int i = 0; i < n; i += 32, to++, unit++) {
		__m512 a = _mm512_loadu_ps(x + i), b = _mm512_loadu_ps(x + i + 16);
		__m512 scale = _mm512_set1_ps(scale_of(a, b, unit));
		__m512i low = _mm512_cvtps_epi32(_mm512_mul_ps(a, scale)),
			high = _mm512_cvtps_epi32(_mm512_mul_ps(b, scale));
		__m256i fours = _mm256_set_m128i(each_fourth(sums_of_four(high)),
						 each_fourth(sums_of_four(low)));

		put_digits(low, to->digit[0], 32);
		put_digits(high, to->digit[0] + 16, 32);
		_mm256_store_si256((__m256i *)to->less, _mm256_slli_epi32(fours, 7));
	}
}

VNNI_INLINE __m256i
load32(const void *p)
{
	return _mm256_loadu_si256(p);
}

/* The scales of one block of each of R rows, times `unit`. */
VNNI_INLINE __m256
scales_of(const char *p, size_t stride, float unit, const int R)
{
	uint64_t halves = 0;

	UNROLL for (int r = 0; r < R; r++)
	{
		uint16_t h;
		__builtin_memcpy(&h, p + (size_t)r * stride, sizeof h);
		halves |= (uint64_t)h << (16 * r);
	}
	__m128 d = _mm_cvtph_ps(_mm_cvtsi64_si128((long long)halves));
	return _mm256_castps128_ps256(_mm_mul_ps(d, _mm_set1_ps(unit)));
}

VNNI_INLINE float
sum8(__m256 v)
{
	__m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* R weight rows.  Steps go over all of them before the next step, so that none waits for the one before. */
VNNI_INLINE void
rows_at(const char *p, size_t stride, int n, const struct block *x, const float *unit, float *y,
	const int R)
{
	const char *ahead = p + (size_t)R * stride + AHEAD; /* in memory order */
	__m256 sum[ROWS];

	UNROLL for (int r = 0; r < R; r++) sum[r] = _mm256_setzero_ps();
	for (int i = 0; i < n; i += 32, p += 34, x++, ahead += R * 34) {
		__m256 scale = scales_of(p, stride, *unit++, R);
		__m256i less = load32(x->less), w[ROWS], s[ROWS];

		UNROLL for (size_t l = 0; l < (size_t)R * 34; l += 64)
			_mm_prefetch(ahead + l, _MM_HINT_T0);
		UNROLL for (int r = 0; r < R; r++)
		{
			w[r] = _mm256_xor_si256(load32(p + (size_t)r * stride + 2),
						_mm256_set1_epi8(-128));
			s[r] = _mm256_setzero_si256();
		}
		UNROLL for (int d = 0; d < DIGITS; d++)
		{
			__m256i digit = load32(x->digit[d]);
			UNROLL for (int r = 0; d && r < R; r++) s[r] = _mm256_slli_epi32(s[r], 8);
			UNROLL for (int r = 0; r < R; r++) s[r] =
				_mm256_dpbusd_epi32(s[r], w[r], digit);
		}
		UNROLL for (int r = 0; r < R; r++)
		{
			__m256 d = _mm256_permutevar8x32_ps(scale, _mm256_set1_epi32(r));
			s[r] = _mm256_sub_epi32(s[r], less);
			sum[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(s[r]), d, sum[r]);
		}
	}
	UNROLL for (int r = 0; r < R; r++) y[r] = sum8(sum[r]);
}

VNNI void
kern_avx512_bytes_matvec(const void *W, int mrows, int n, const float *arranged, float *y)
{
	const struct block *x = (const struct block *)arranged;
	const float *unit = (const float *)(x + blocks_of(n));
	size_t stride = dtype_row_bytes(T2_Q8_0, (size_t)n);
	const char *w = W;
	int j = 0;

	for (; j + ROWS <= mrows; j += ROWS, w += ROWS * stride)
		rows_at(w, stride, n, x, unit, y + j, ROWS);
	for (; j < mrows; j++, w += stride)
		rows_at(w, stride, n, x, unit, y + j, 1);
}
#endif
