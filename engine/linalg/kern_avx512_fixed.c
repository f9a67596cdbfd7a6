/* Products of one row of x with Q4_K, Q5_K and Q6_K, where there is AVX512-VNNI.
 *
 * Weights are small whole numbers and a scale, x becomes whole numbers (kern_avx512_digits.h).  A lane sums four products
 * of one run of 32: 4 * 63 * 2^23 < 2^31. */
#if defined(__x86_64__)
#include "engine/linalg/kern_avx512_digits.h"
#include "engine/linalg/kern_avx512_group.h"

#define ROWS 2 /* of weights at a time: they share what is read of x */

/* x of a group: low and high nibbles' values, as the group has them. */
struct fixed {
	int8_t digit[2][DIGITS][4 * LANES]; /* most significant first */
	int32_t less
		[2]
		[LANES]; /* what is taken off every weight, times a lane's four numbers: not positive */
	float unit[2][LANES]; /* what 1 stands for */
	float sum[LANES];     /* of x: as the group's minima lie */
};

size_t
kern_avx512_fixed_size(int n)
{
	return ((size_t)n + GROUP - 1) / GROUP * sizeof(struct fixed) / sizeof(float);
}

/* What is taken off every weight. */
VNNI_INLINE int
offset(const enum dtype t)
{
	return t == T2_Q6_K ? 32 : 0;
}

/* Sixteen whole numbers into four lanes of the group, from `lane` on. */
VNNI_INLINE void
put16(__m512i v, struct fixed *g, int high, int lane, int offset)
{
	if (offset) {
		__m512i fours = _mm512_mullo_epi32(sums_of_four(v), _mm512_set1_epi32(-offset));
		_mm_storeu_si128((__m128i *)(g->less[high] + lane), each_fourth(fours));
	}
	put_digits(v, g->digit[high][0] + 4 * lane, sizeof g->digit[high][0]);
}

/* 32 values, in runs of 16, of which each has four lanes.  Where one of them is no finite number, the sum is none. */
VNNI_INLINE void
put32(const float *x, struct fixed *g, int high, int lane, int offset)
{
	__m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16);
	uint32_t most = largest_of(a, b);
	float unit = NAN, power = is_finite(most) ? scale_below(most, &unit) : NAN;
	__m512 scale = _mm512_set1_ps(power);

	put16(_mm512_cvtps_epi32(_mm512_mul_ps(a, scale)), g, high, lane, offset);
	put16(_mm512_cvtps_epi32(_mm512_mul_ps(b, scale)), g, high, lane + 4, offset);
	_mm256_storeu_ps(g->unit[high] + lane, _mm256_set1_ps(unit));
}

VNNI_INLINE void
arrange(const enum dtype t, const float *x, int n, struct fixed *g)
{
	for (; n > 0; n -= GROUP, g++) {
		_mm512_storeu_ps(g->sum, _mm512_setzero_ps());
		for (int b = 0; b < GROUP / 32; b++, x += 32) {
			/* Which of the group's runs are low nibbles, and in which lanes. */
			int high = t == T2_Q6_K ? b / 2 : b % 2,
			    lane = 8 * (t == T2_Q6_K ? b % 2 : b / 2);

			put32(x, g, high, lane, offset(t));
			g->sum[b] = has_min(t) ? sum32(x) : 0;
		}
	}
}

VNNI void
kern_avx512_fixed_arrange(enum dtype t, const float *x, int n, float *arranged)
{
	struct fixed *g = (struct fixed *)arranged;

	if (t == T2_Q6_K)
		arrange(T2_Q6_K, x, n, g);
	else
		arrange(T2_Q4_K, x, n, g);
}

/* How far up the two further bits of Q6_K's low nibbles go within their byte: 4 in runs 0, 2 in runs 1; high ones 4 less. */
#define SIXTH_UP(i) ((i) < 4 ? 4 : 2)
static const int64_t sixth_up[8] = {LANES_4(SIXTH_UP, 0), LANES_4(SIXTH_UP, 4)};

/* The 64 weights of low or of high nibbles, as they are stored: 0 and up. */
VNNI_INLINE __m512i
weights(const enum dtype t, const struct group *g, int half, const int high)
{
	__m512i q = high ? _mm512_srli_epi16(g->low, 4) : g->low, bits;
	__mmask64 fifth;

	q = _mm512_and_si512(q, _mm512_set1_epi8(15));
	switch (t) {
	case T2_Q5_K:
		bits = _mm512_mask_blend_epi32(
			0xff00, _mm512_set1_epi8((char)(1 << (4 * half + high))),
			_mm512_set1_epi8((char)(1 << (4 * half + 2 + high))));
		fifth = _mm512_test_epi8_mask(g->high, bits);
		return _mm512_mask_add_epi8(q, fifth, q, _mm512_set1_epi8(16));
	case T2_Q6_K:
		bits = _mm512_rolv_epi64(
			g->high, _mm512_sub_epi64(LOAD(sixth_up), _mm512_set1_epi64(high ? 4 : 0)));
		/* 0xea: first and second, or the third. */
		return _mm512_ternarylogic_epi64(bits, _mm512_set1_epi8(0x30), q, 0xea);
	default:
		return q;
	}
}

/* One group of each of R rows. */
VNNI_INLINE void
add_groups(const enum dtype t, const struct group *g, int half, const struct fixed *x, __m512 *sum,
	   const int R)
{
	__m512i low[ROWS], high[ROWS], even[ROWS], odd[ROWS];

	UNROLL for (int r = 0; r < R; r++)
	{
		low[r] = weights(t, &g[r], half, 0);
		high[r] = weights(t, &g[r], half, 1);
		even[r] = odd[r] = _mm512_setzero_si512();
	}
	UNROLL for (int d = 0; d < DIGITS; d++)
	{
		__m512i x0 = LOAD(x->digit[0][d]), x1 = LOAD(x->digit[1][d]);
		UNROLL for (int r = 0; r < R; r++)
		{
			if (d)
				even[r] = _mm512_slli_epi32(even[r], 8);
			even[r] = _mm512_dpbusd_epi32(even[r], low[r], x0);
			if (d)
				odd[r] = _mm512_slli_epi32(odd[r], 8);
			odd[r] = _mm512_dpbusd_epi32(odd[r], high[r], x1);
		}
	}
	UNROLL for (int r = 0; r < R; r++)
	{
		if (offset(t)) {
			even[r] = _mm512_add_epi32(even[r], LOAD(x->less[0]));
			odd[r] = _mm512_add_epi32(odd[r], LOAD(x->less[1]));
		}
		__m512 unit = _mm512_mul_ps(g[r].even, _mm512_loadu_ps(x->unit[0]));
		sum[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(even[r]), unit, sum[r]);
		unit = _mm512_mul_ps(g[r].odd, _mm512_loadu_ps(x->unit[1]));
		sum[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(odd[r]), unit, sum[r]);
		if (has_min(t))
			sum[r] = _mm512_fnmadd_ps(g[r].min, _mm512_loadu_ps(x->sum), sum[r]);
	}
}

VNNI_INLINE void
rows_at(const enum dtype t, const char *p, size_t stride, int n, const struct fixed *x, float *y,
	const int R)
{
	const size_t bytes = t == T2_Q4_K ? 144 : t == T2_Q5_K ? 176 : 210, turn = R * bytes;
	const char *ahead =
		p + (size_t)R * stride + AHEAD; /* in memory order, whatever the order of use */
	__m512 sum[ROWS], scales[ROWS];
	struct group g[ROWS];

	UNROLL for (int r = 0; r < R; r++) sum[r] = _mm512_setzero_ps();
	for (; n > 0; n -= 2 * GROUP, p += bytes, ahead += turn) {
		UNROLL for (size_t l = 0; l < turn; l += 64) _mm_prefetch(ahead + l, _MM_HINT_T0);
		UNROLL for (int r = 0; r < R; r++) scales[r] =
			super_scales(t, p + (size_t)r * stride);
		UNROLL for (int half = 0; half < 2; half++)
		{
			UNROLL for (int r = 0; r < R; r++) g[r] =
				load_half(t, p + (size_t)r * stride, half, scales[r]);
			add_groups(t, g, half, x++, sum, R);
		}
	}
	UNROLL for (int r = 0; r < R; r++) y[r] = _mm512_reduce_add_ps(sum[r]);
}

VNNI_INLINE void
rows_of(const enum dtype t, const char *w, int mrows, int n, const struct fixed *x, float *y)
{
	size_t stride = dtype_row_bytes(t, (size_t)n);
	int j = 0;

	for (; j + ROWS <= mrows; j += ROWS, w += ROWS * stride)
		rows_at(t, w, stride, n, x, y + j, ROWS);
	for (; j < mrows; j++, w += stride)
		rows_at(t, w, stride, n, x, y + j, 1);
}

VNNI void
kern_avx512_fixed_matvec(enum dtype t, const void *W, int mrows, int n, const float *arranged,
			 float *y)
{
	const struct fixed *x = (const struct fixed *)arranged;

	switch (t) {
	case T2_Q4_K:
		rows_of(T2_Q4_K, W, mrows, n, x, y);
		break;
	case T2_Q5_K:
		rows_of(T2_Q5_K, W, mrows, n, x, y);
		break;
	default:
		rows_of(T2_Q6_K, W, mrows, n, x, y);
		break;
	}
}
#endif
