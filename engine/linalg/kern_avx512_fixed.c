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

/* x of a group: low and high nibbles' values, as the group has them. */
struct fixed {
	int8_t digit[2][DIGITS][4 * LANES]; /* most significant first */
	int32_t less[2][LANES];		    /* what is taken off every weight, times a lane's four numbers: not positive */
	float unit[2][LANES];		    /* what 1 stands for */
	float sum[LANES];		    /* of x: as the group's minima lie */
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
	__m512i pairs = _mm512_add_epi32(v, _mm512_shuffle_epi32(v, _MM_PERM_CDAB)), fours;

	fours = _mm512_add_epi32(pairs, _mm512_shuffle_epi32(pairs, _MM_PERM_BADC));
	fours = _mm512_permutexvar_epi32(_mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 8, 4, 0), fours);
	fours = _mm512_mullo_epi32(fours, _mm512_set1_epi32(-offset));
	_mm_storeu_si128((__m128i *)(g->less[high] + lane), _mm512_castsi512_si128(fours));
	for (int d = DIGITS - 1; d >= 0; d--) { /* the lowest digit, then what is left without it */
		__m512i digit = _mm512_srai_epi32(_mm512_slli_epi32(v, 24), 24);
		_mm_storeu_si128((__m128i *)(g->digit[high][d] + 4 * lane), _mm512_cvtepi32_epi8(v));
		v = _mm512_srai_epi32(_mm512_sub_epi32(v, digit), 8);
	}
}

/* What 32 values are multiplied with: a power of two; NaN where one of them is no finite number, so that the sum is none. */
VNNI_INLINE float
scale_of(__m512 a, __m512 b)
{
	float most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b))), scale;
	int e;

	if (_mm512_fpclass_ps_mask(a, 0x99) | _mm512_fpclass_ps_mask(b, 0x99)) /* either NaN, either infinity */
		return NAN;
	if (most == 0)
		return 1;
	frexpf(most, &e); /* most < 2^e */
	scale = ldexpf(1, 23 - e < 126 ? 23 - e : 126);
	return most * scale > 127.0f * (65536 + 256 + 1) ? scale / 2 : scale;
}

/* 32 values, in runs of 16, of which each has four lanes. */
VNNI_INLINE void
put32(const float *x, struct fixed *g, int high0, int lane0, int high1, int lane1, int offset)
{
	__m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16), scale = _mm512_set1_ps(scale_of(a, b));
	__m128 unit = _mm512_castps512_ps128(_mm512_div_ps(_mm512_set1_ps(1), scale));

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

VNNI void
kern_avx512_fixed_arrange(enum dtype t, const float *x, int n, float *arranged)
{
	struct fixed *g = (struct fixed *)arranged;

	for (; n > 0; n -= GROUP, x += GROUP, g++) {
		int blocks = n < GROUP ? n / 32 : 4;

		__builtin_memset(g, 0, sizeof *g);
		for (int b = 0; b < blocks; b++) {
			const float *run = x + 32 * b;
			if (is_super(t)) { /* which of the group's runs are low nibbles, and in which lanes */
				int high = t == T2_Q6_K ? b / 2 : b % 2, lane = 8 * (t == T2_Q6_K ? b % 2 : b / 2);
				put32(run, g, high, lane, high, lane + 4, offset(t));
				g->sum[b] = sum32(run);
			} else {
				put32(run, g, 0, 4 * b, 1, 4 * b, offset(t));
				g->sum[4 * b] = sum32(run);
			}
		}
	}
}

/* Tables of one entry a byte. */
#define TABLE_8(name, f)                                                                                               \
	static const int8_t name[4 * LANES] = {LANES_16(f, 0), LANES_16(f, 16), LANES_16(f, 32), LANES_16(f, 48)}

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
		bits = _mm512_shuffle_epi8(g->high, _mm512_add_epi8(LOAD(fifth_byte), _mm512_set1_epi8(high ? 2 : 0)));
		fifth = _mm512_test_epi8_mask(bits, LOAD(fifth_bit));
		return _mm512_mask_add_epi8(q, fifth, q, _mm512_set1_epi8(16));
	case T2_Q5_K:
		bits = _mm512_mask_blend_epi32(0xff00, _mm512_set1_epi8((char)(1 << (4 * half + high))),
					       _mm512_set1_epi8((char)(1 << (4 * half + 2 + high))));
		fifth = _mm512_test_epi8_mask(g->high, bits);
		return _mm512_mask_add_epi8(q, fifth, q, _mm512_set1_epi8(16));
	case T2_Q6_K:
		bits = _mm512_rolv_epi64(g->high, _mm512_sub_epi64(LOAD(sixth_up), _mm512_set1_epi64(high ? 4 : 0)));
		/* 0xea: first and second, or the third. */
		return _mm512_ternarylogic_epi64(bits, _mm512_set1_epi8(0x30), q, 0xea);
	default:
		return q;
	}
}

VNNI_INLINE __m512i
add_digit(__m512i sum, __m512i w, const struct fixed *x, const int high, const int d)
{
	return _mm512_dpbusd_epi32(sum, w, LOAD(x->digit[high][d]));
}

VNNI_INLINE __m512
add_group(const enum dtype t, const struct group *g, int half, const struct fixed *x, __m512 sum)
{
	__m512i low = weights(t, g, half, 0), high = weights(t, g, half, 1);
	__m512i even = _mm512_setzero_si512(), odd = even;

	UNROLL for (int d = 0; d < DIGITS; d++) {
		even = add_digit(d ? _mm512_slli_epi32(even, 8) : even, low, x, 0, d);
		if (is_super(t))
			odd = add_digit(d ? _mm512_slli_epi32(odd, 8) : odd, high, x, 1, d);
		else
			even = add_digit(even, high, x, 1, d);
	}
	if (offset(t)) {
		even = _mm512_add_epi32(even, LOAD(x->less[0]));
		if (is_super(t))
			odd = _mm512_add_epi32(odd, LOAD(x->less[1]));
		else
			even = _mm512_add_epi32(even, LOAD(x->less[1]));
	}
	sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(even), _mm512_mul_ps(g->even, _mm512_loadu_ps(x->unit[0])), sum);
	if (is_super(t))
		sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(odd), _mm512_mul_ps(g->odd, _mm512_loadu_ps(x->unit[1])), sum);
	if (has_min(t) && is_super(t))
		sum = _mm512_fnmadd_ps(g->min, _mm512_loadu_ps(x->sum), sum);
	else if (has_min(t))
		sum = _mm512_fmadd_ps(g->min, _mm512_loadu_ps(x->sum), sum);
	return sum;
}

VNNI_INLINE float
row(const enum dtype t, const char *p, int n, const struct fixed *x)
{
	const int bytes = dtype_block_bytes(t);
	__m512 sum = _mm512_setzero_ps(), scales;
	struct group g;

	if (is_super(t)) {
		for (; n > 0; n -= 2 * GROUP, p += bytes) {
			for (int i = 0; i < bytes; i += 64)
				_mm_prefetch(p + AHEAD + i, _MM_HINT_T0);
			scales = super_scales(t, p);
			UNROLL for (int half = 0; half < 2; half++) {
				g = load_half(t, p, half, scales);
				sum = add_group(t, &g, half, x++, sum);
			}
		}
	} else {
		for (; n >= GROUP; n -= GROUP, p += 4 * bytes) {
			_mm_prefetch(p + AHEAD, _MM_HINT_T0);
			_mm_prefetch(p + AHEAD + 64, _MM_HINT_T0);
			g = load_blocks(t, p, 4);
			sum = add_group(t, &g, 0, x++, sum);
		}
		if (n > 0) {
			g = load_blocks(t, p, n / 32);
			sum = add_group(t, &g, 0, x, sum);
		}
	}
	return _mm512_reduce_add_ps(sum);
}

VNNI_INLINE void
rows_of(const enum dtype t, const char *w, int mrows, int n, const struct fixed *x, float *y)
{
	size_t stride = dtype_row_bytes(t, (size_t)n);

	for (int j = 0; j < mrows; j++, w += stride)
		y[j] = row(t, w, n, x);
}

VNNI void
kern_avx512_fixed_matvec(enum dtype t, const void *W, int mrows, int n, const float *arranged, float *y)
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
