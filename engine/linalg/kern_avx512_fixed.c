/* Products of one row of x with the types of four, five and six bits, where there is AVX512-VNNI.
 *
 * Weights are small whole numbers and a scale.  So x becomes whole numbers too: 32 values at a time are multiplied by one power
 * of two to below 2^23 and rounded, which is as exact as float32 for the largest of them, and so for their sum.  Each
 * of these has three digits of base 256, from -128 to 127; vpdpbusd multiplies one digit of 64 of them with 64 weights
 * and sums four by four.  Three such sums, each 256 times the next one, are one exact sum in 32 bits:
 * eight values of five bits make at most 8 * 31 * 2^23 < 2^31, four of six bits 4 * 63 * 2^23 < 2^31. */
#if defined(__x86_64__)
#include "engine/linalg/kern_avx512_group.h"

#include <math.h>

#define VNNI	    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")))
#define VNNI_INLINE VNNI static inline __attribute__((always_inline))

#define DIGITS 3
#define ROWS   2 /* of weights at a time: they share what is read of x */

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
	return t == T2_Q4_0 ? 8 : t == T2_Q5_0 ? 16 : t == T2_Q6_K ? 32 : 0;
}

/* Sixteen whole numbers into four lanes of the group, from `lane` on. */
VNNI_INLINE void
put16(__m512i v, struct fixed *g, int high, int lane, int offset)
{
	if (offset) {
		__m512i pairs = _mm512_add_epi32(v, _mm512_shuffle_epi32(v, _MM_PERM_CDAB));
		__m512i fours = _mm512_add_epi32(pairs, _mm512_shuffle_epi32(pairs, _MM_PERM_BADC));
		fours = _mm512_permutexvar_epi32(
			_mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 8, 4, 0), fours);
		fours = _mm512_mullo_epi32(fours, _mm512_set1_epi32(-offset));
		_mm_storeu_si128((__m128i *)(g->less[high] + lane), _mm512_castsi512_si128(fours));
	}
	UNROLL for (int d = DIGITS - 1; d >= 0; d--)
	{ /* the lowest digit, then what is left without it */
		__m512i digit = _mm512_srai_epi32(_mm512_slli_epi32(v, 24), 24);
		_mm_storeu_si128((__m128i *)(g->digit[high][d] + 4 * lane),
				 _mm512_cvtepi32_epi8(v));
		v = _mm512_srai_epi32(_mm512_sub_epi32(v, digit), 8);
	}
}

VNNI_INLINE float
float_of(uint32_t bits)
{
	float f;

	__builtin_memcpy(&f, &bits, sizeof f);
	return f;
}

/* What 32 values are multiplied with, and its inverse: powers of two; NaN where one of them is no finite number, so that
 * the sum is none. */
VNNI_INLINE float
scale_of(__m512 a, __m512 b, float *unit)
{
	__m512i magnitude = _mm512_max_epu32(_mm512_castps_si512(_mm512_abs_ps(a)),
					     _mm512_castps_si512(_mm512_abs_ps(b)));
	uint32_t most = _mm512_reduce_max_epu32(magnitude),
		 e = most >> 23; /* floats are ordered as their bits are */

	if (e == 255)
		return *unit = NAN;
	/* most < 2^(e-126): times 2^(149-e) it is below 2^23, but three digits end at 127 * (65536 + 256 + 1). */
	uint32_t power = e < 23 ? 253 : 276 - e;
	if ((most & 0x7fffff) > 0x7e0000 && e >= 23)
		power--;
	*unit = float_of((254 - power) << 23);
	return float_of(power << 23);
}

/* 32 values, in runs of 16, of which each has four lanes. */
VNNI_INLINE void
put32(const float *x, struct fixed *g, int high0, int lane0, int high1, int lane1, int offset)
{
	__m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16);
	float one;
	__m512 scale = _mm512_set1_ps(scale_of(a, b, &one));
	__m128 unit = _mm_set1_ps(one);

	put16(_mm512_cvtps_epi32(_mm512_mul_ps(a, scale)), g, high0, lane0, offset);
	put16(_mm512_cvtps_epi32(_mm512_mul_ps(b, scale)), g, high1, lane1, offset);
	_mm_storeu_ps(g->unit[high0] + lane0, unit);
	_mm_storeu_ps(g->unit[high1] + lane1, unit);
}

VNNI_INLINE float
sum32(const float *x)
{
	return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)));
}

VNNI_INLINE void
arrange(const enum dtype t, const float *x, int n, struct fixed *g)
{
	for (; n > 0; n -= GROUP, x += GROUP, g++) {
		int blocks = n < GROUP ? n / 32 : 4;

		if (blocks < 4)
			__builtin_memset(g, 0, sizeof *g);
		_mm512_storeu_ps(g->sum, _mm512_setzero_ps());
		for (int b = 0; b < blocks; b++) {
			const float *run = x + 32 * b;
			if (is_super(
				    t)) { /* which of the group's runs are low nibbles, and in which lanes */
				int high = t == T2_Q6_K ? b / 2 : b % 2,
				    lane = 8 * (t == T2_Q6_K ? b % 2 : b / 2);
				put32(run, g, high, lane, high, lane + 4, offset(t));
				g->sum[b] = has_min(t) ? sum32(run) : 0;
			} else {
				put32(run, g, 0, 4 * b, 1, 4 * b, offset(t));
				g->sum[4 * b] = has_min(t) ? sum32(run) : 0;
			}
		}
		if (blocks ==
		    2) { /* once more in the other lanes: there two weight rows will lie side by side */
			put32(x, g, 0, 8, 1, 8, offset(t));
			put32(x + 32, g, 0, 12, 1, 12, offset(t));
			g->sum[8] = g->sum[0];
			g->sum[12] = g->sum[4];
		}
	}
}

VNNI void
kern_avx512_fixed_arrange(enum dtype t, const float *x, int n, float *arranged)
{
	struct fixed *g = (struct fixed *)arranged;

	switch (t) {
	case T2_Q4_1: /* minima, nothing taken off */
	case T2_Q5_1:
		arrange(T2_Q4_1, x, n, g);
		break;
	case T2_Q4_K:
	case T2_Q5_K:
		arrange(T2_Q4_K, x, n, g);
		break;
	case T2_Q4_0:
		arrange(T2_Q4_0, x, n, g);
		break;
	case T2_Q5_0:
		arrange(T2_Q5_0, x, n, g);
		break;
	default:
		arrange(T2_Q6_K, x, n, g);
		break;
	}
}

/* Tables of one entry a byte. */
#define TABLE_8(name, f)                                                                           \
	static const int8_t name[4 * LANES] = {LANES_16(f, 0), LANES_16(f, 16), LANES_16(f, 32),   \
					       LANES_16(f, 48)}

/* Where the fifth bit of byte i's low nibble lies: value i % 16 of its block, whose 32 bits are in every lane. */
#define FIFTH_BYTE(i) ((i) / 16 * 16 + (i) % 16 / 8)
#define FIFTH_BIT(i)  ((int8_t)(1 << (i) % 8))
TABLE_8(fifth_byte, FIFTH_BYTE);
TABLE_8(fifth_bit, FIFTH_BIT);

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
	case T2_Q5_0:
	case T2_Q5_1:
		bits = _mm512_shuffle_epi8(
			g->high, _mm512_add_epi8(LOAD(fifth_byte), _mm512_set1_epi8(high ? 2 : 0)));
		fifth = _mm512_test_epi8_mask(bits, LOAD(fifth_bit));
		return _mm512_mask_add_epi8(q, fifth, q, _mm512_set1_epi8(16));
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
			if (!is_super(t)) {
				even[r] = _mm512_dpbusd_epi32(even[r], high[r], x1);
				continue;
			}
			if (d)
				odd[r] = _mm512_slli_epi32(odd[r], 8);
			odd[r] = _mm512_dpbusd_epi32(odd[r], high[r], x1);
		}
	}
	UNROLL for (int r = 0; r < R; r++)
	{
		if (offset(t)) {
			even[r] = _mm512_add_epi32(even[r], LOAD(x->less[0]));
			if (is_super(t))
				odd[r] = _mm512_add_epi32(odd[r], LOAD(x->less[1]));
			else
				even[r] = _mm512_add_epi32(even[r], LOAD(x->less[1]));
		}
		__m512 unit = _mm512_mul_ps(g[r].even, _mm512_loadu_ps(x->unit[0]));
		sum[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(even[r]), unit, sum[r]);
		if (is_super(t)) {
			unit = _mm512_mul_ps(g[r].odd, _mm512_loadu_ps(x->unit[1]));
			sum[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(odd[r]), unit, sum[r]);
		}
		if (has_min(t) && is_super(t))
			sum[r] = _mm512_fnmadd_ps(g[r].min, _mm512_loadu_ps(x->sum), sum[r]);
		else if (has_min(t))
			sum[r] = _mm512_fmadd_ps(g[r].min, _mm512_loadu_ps(x->sum), sum[r]);
	}
}

/* The last 64 values of two rows as one group, eight lanes each. */
VNNI_INLINE void
add_halves(const enum dtype t, const char *p, size_t stride, const struct fixed *x, __m512 *sum)
{
	__m512 both = _mm512_setzero_ps();
	struct group g = load_two_and_two(t, p, p + stride);

	add_groups(t, &g, 0, x, &both, 1);
	sum[0] = _mm512_mask_add_ps(sum[0], 0x00ff, sum[0], both);
	sum[1] = _mm512_mask_add_ps(sum[1], 0xff00, sum[1], both);
}

VNNI_INLINE void
rows_at(const enum dtype t, const char *p, size_t stride, int n, const struct fixed *x, float *y,
	const int R)
{
	const size_t bytes = (size_t)dtype_block_bytes(t),
		     turn = R * (is_super(t) ? bytes : 4 * bytes);
	const char *ahead =
		p + (size_t)R * stride + AHEAD; /* in memory order, whatever the order of use */
	__m512 sum[ROWS], scales[ROWS];
	struct group g[ROWS];

	UNROLL for (int r = 0; r < R; r++) sum[r] = _mm512_setzero_ps();
	for (; n >= GROUP; ahead += turn) {
		UNROLL for (size_t l = 0; l < turn; l += 64) _mm_prefetch(ahead + l, _MM_HINT_T0);
		if (is_super(t)) {
			UNROLL for (int r = 0; r < R; r++) scales[r] =
				super_scales(t, p + (size_t)r * stride);
			UNROLL for (int half = 0; half < 2; half++)
			{
				UNROLL for (int r = 0; r < R; r++) g[r] =
					load_half(t, p + (size_t)r * stride, half, scales[r]);
				add_groups(t, g, half, x++, sum, R);
			}
			p += bytes;
			n -= 2 * GROUP;
		} else {
			UNROLL for (int r = 0; r < R; r++) g[r] =
				load_blocks(t, p + (size_t)r * stride, 4);
			add_groups(t, g, 0, x++, sum, R);
			p += 4 * bytes;
			n -= GROUP;
		}
	}
	if (!is_super(t) && n == GROUP / 2 && R == 2) {
		add_halves(t, p, stride, x, sum);
	} else if (!is_super(t) && n > 0) {
		UNROLL for (int r = 0; r < R; r++) g[r] =
			load_blocks(t, p + (size_t)r * stride, n / 32);
		add_groups(t, g, 0, x, sum, R);
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
	case T2_Q4_0:
		rows_of(T2_Q4_0, W, mrows, n, x, y);
		break;
	case T2_Q4_1:
		rows_of(T2_Q4_1, W, mrows, n, x, y);
		break;
	case T2_Q5_0:
		rows_of(T2_Q5_0, W, mrows, n, x, y);
		break;
	case T2_Q5_1:
		rows_of(T2_Q5_1, W, mrows, n, x, y);
		break;
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
