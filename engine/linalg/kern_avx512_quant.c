/* Products with the types of four, five and six bits, for AVX-512, and unpacking of all types.
 *
 * A dword of a block's nibbles holds eight values.  Shifting it right by 0, 4 .. 28 brings each of them into the lowest bits,
 * and vpermps takes from there its place in a table of float32: two instructions from stored form to sixteen numbers.
 * The price is their order, so x is rearranged once for all weight rows: to eight vectors a group, one for each shift.
 * A group is four blocks of 32 values, or half a block of 256.  Inside a group the products are summed as they are; then
 * each lane, which belongs to one block, is scaled. */
#if defined(__x86_64__)
#include "engine/linalg/kern_avx512.h"

#include <stdbool.h>

#include "engine/linalg/scratch.h"

#define GROUP 128 /* values */
#define LANES 16

/* x as a group wants it: v[shift][lane], and for types with a minimum sum[lane]: the sum of a block's x in one of its
 * lanes, zero in the others. */
struct spread {
	float v[8][LANES], sum[LANES];
};

/* Four dwords of bytes in a row hold, at shift 2s, values 4w + s of w = 0 .. 3. */
AVX512_INLINE void
spread16(const float *x, struct spread *g, int odd, int lane)
{
	__m128 a = _mm_loadu_ps(x), b = _mm_loadu_ps(x + 4), c = _mm_loadu_ps(x + 8), d = _mm_loadu_ps(x + 12);

	_MM_TRANSPOSE4_PS(a, b, c, d);
	_mm_storeu_ps(g->v[odd] + lane, a);
	_mm_storeu_ps(g->v[odd + 2] + lane, b);
	_mm_storeu_ps(g->v[odd + 4] + lane, c);
	_mm_storeu_ps(g->v[odd + 6] + lane, d);
}

AVX512_INLINE float
sum32(const float *x)
{
	return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)));
}

/* Blocks of 32: low nibbles are values 0 .. 15, high ones 16 .. 31; block b is lanes 4b .. 4b+3. */
AVX512 static void
spread_blocks(const float *x, int n, struct spread *g)
{
	for (; n > 0; n -= GROUP, x += GROUP, g++) {
		int blocks = n < GROUP ? n / 32 : 4;
		if (blocks < 4)
			*g = (struct spread){0};
		for (int b = 0; b < blocks; b++) {
			spread16(x + 32 * b, g, 0, 4 * b);
			spread16(x + 32 * b + 16, g, 1, 4 * b);
			_mm_storeu_ps(g->sum + 4 * b, _mm_set_ss(sum32(x + 32 * b)));
		}
	}
}

/* Blocks of 256: a lane's low and high nibbles belong to two runs of 32.  Q4_K and Q5_K: lanes 0 .. 7 to runs 0 and 1,
 * lanes 8 .. 15 to 2 and 3.  Q6_K (crossed): 0 and 2, 1 and 3. */
AVX512 static void
spread_super(const float *x, int n, bool crossed, struct spread *g)
{
	for (; n > 0; n -= GROUP, x += GROUP, g++) {
		_mm512_storeu_ps(g->sum, _mm512_setzero_ps());
		for (int half = 0; half < 2; half++)
			for (int odd = 0; odd < 2; odd++) {
				const float *run = x + 32 * (crossed ? half + 2 * odd : 2 * half + odd);
				spread16(run, g, odd, 8 * half);
				spread16(run + 16, g, odd, 8 * half + 4);
				g->sum[2 * half + odd] = sum32(run);
			}
	}
}

AVX512_INLINE bool
is_super(enum dtype t)
{
	return t == T2_Q4_K || t == T2_Q5_K || t == T2_Q6_K;
}

AVX512_INLINE bool
has_min(enum dtype t)
{
	return t == T2_Q4_1 || t == T2_Q5_1 || t == T2_Q4_K || t == T2_Q5_K;
}

/* A group of one weight row: nibbles, further bits, and what the products of even and odd shifts are scaled with. */
struct group {
	__m512i low, high;
	__m512 even, odd, min;
};

/* Tables of one entry a lane (or two: 16-bit words). */
#define LANES_4(f, i)	f(i), f(i + 1), f(i + 2), f(i + 3)
#define LANES_16(f, i)	LANES_4(f, i), LANES_4(f, i + 4), LANES_4(f, i + 8), LANES_4(f, i + 12)
#define TABLE_32(name, f) static const int32_t name[LANES] = {LANES_16(f, 0)}
#define TABLE_16(name, f) static const int16_t name[2 * LANES] = {LANES_16(f, 0), LANES_16(f, 16)}

/* Four blocks lie under two overlapping 64-byte loads; unit number u (of 4 or 2 bytes) is in the first one or, from `per`
 * on, in the second one, which starts `skip` units later. */
#define UNIT(u, per, skip) ((u) < (per) ? (u) : (per) + (u) - (skip))
#define BLOCK(lane)	   ((lane) / 4)
#define WORD(lane)	   ((lane) % 4)

#define Q4_1_HEAD(l) (5 * BLOCK(l))
#define Q4_1_LOW(l)  UNIT(5 * BLOCK(l) + 1 + WORD(l), 16, 4)
TABLE_32(q4_1_head, Q4_1_HEAD);
TABLE_32(q4_1_low, Q4_1_LOW);

#define Q5_1_HEAD(l) UNIT(6 * BLOCK(l), 16, 8)
#define Q5_1_HIGH(l) UNIT(6 * BLOCK(l) + 1, 16, 8)
#define Q5_1_LOW(l)  UNIT(6 * BLOCK(l) + 2 + WORD(l), 16, 8)
TABLE_32(q5_1_head, Q5_1_HEAD);
TABLE_32(q5_1_high, Q5_1_HIGH);
TABLE_32(q5_1_low, Q5_1_LOW);

/* Here a table's entry is half a lane; the scale's own table only uses its first sixteen. */
#define Q4_0_HEAD(i) (9 * BLOCK((i) % LANES))
#define Q4_0_LOW(i)  UNIT(9 * BLOCK((i) / 2) + 1 + 2 * WORD((i) / 2) + (i) % 2, 32, 4)
TABLE_16(q4_0_head, Q4_0_HEAD);
TABLE_16(q4_0_low, Q4_0_LOW);

#define Q5_0_HEAD(i) UNIT(11 * BLOCK((i) % LANES), 32, 12)
#define Q5_0_HIGH(i) UNIT(11 * BLOCK((i) / 2) + 1 + (i) % 2, 32, 12)
#define Q5_0_LOW(i)  UNIT(11 * BLOCK((i) / 2) + 3 + 2 * WORD((i) / 2) + (i) % 2, 32, 12)
TABLE_16(q5_0_head, Q5_0_HEAD);
TABLE_16(q5_0_high, Q5_0_HIGH);
TABLE_16(q5_0_low, Q5_0_LOW);

/* How far to turn the word of fifth bits left so that the lane's bit for shift 0 comes to bit 4; the further
 * shifts' bits then follow at fixed distances. */
#define Q5_TURN(l) ((4 - 4 * WORD(l)) & 31)
TABLE_32(q5_turn, Q5_TURN);
#define Q5_K_TURN(l) ((4 - 2 * ((l) / 8)) & 31) /* and by the half block, 4 bits more */
TABLE_32(q5_k_turn, Q5_K_TURN);
#define Q6_K_TURN(l) (30 - 2 * ((l) / 8))
TABLE_32(q6_k_turn, Q6_K_TURN);

/* Which of a super-block's scales a lane takes for even shifts; odd ones and the second half are fixed steps on. */
#define K_SCALE(l) (2 * ((l) / 8))
TABLE_32(k_scale, K_SCALE);
#define Q6_K_SCALE(l) (2 * ((l) / 8) + (l) % 8 / 4)
TABLE_32(q6_k_scale, Q6_K_SCALE);

/* What a nibble stands for. */
#define SAME(i) (i)
static const float from_0[LANES] = {LANES_16(SAME, 0)}, from_16[LANES] = {LANES_16(SAME, 16)};
static const float from_minus_8[LANES] = {LANES_16(SAME, -8)}, from_minus_16[LANES] = {LANES_16(SAME, -16)};

#define LOAD(table) _mm512_loadu_si512(table)

AVX512_INLINE __m512
halves(__m512i dwords)
{
	return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(dwords));
}

/* Up to four blocks of 32; what lies behind the last one is not touched and counts as zero. */
AVX512_INLINE struct group
load_blocks(const enum dtype t, const char *p, int blocks)
{
	struct group g;
	__m512i a, b, head;
	int units = blocks * (t == T2_Q4_0 ? 9 : t == T2_Q5_0 ? 11 : t == T2_Q4_1 ? 5 : 6);

	if (t == T2_Q4_1 || t == T2_Q5_1) {
		const int skip = t == T2_Q4_1 ? 4 : 8;
		if (blocks == 4) {
			a = _mm512_loadu_si512(p);
			b = _mm512_loadu_si512(p + 4 * skip);
		} else {
			a = _mm512_maskz_loadu_epi32((__mmask16)((1u << (units < 16 ? units : 16)) - 1), p);
			b = _mm512_maskz_loadu_epi32((__mmask16)((1u << (units > skip ? units - skip : 0)) - 1), p + 4 * skip);
		}
		if (t == T2_Q4_1) {
			head = _mm512_permutexvar_epi32(LOAD(q4_1_head), a);
			g.low = _mm512_permutex2var_epi32(a, LOAD(q4_1_low), b);
		} else {
			head = _mm512_permutex2var_epi32(a, LOAD(q5_1_head), b);
			g.low = _mm512_permutex2var_epi32(a, LOAD(q5_1_low), b);
			g.high = _mm512_rolv_epi32(_mm512_permutex2var_epi32(a, LOAD(q5_1_high), b), LOAD(q5_turn));
		}
		g.even = g.odd = halves(head);
		g.min = halves(_mm512_srli_epi32(head, 16));
		return g;
	}
	const int skip = t == T2_Q4_0 ? 4 : 12;
	if (blocks == 4) {
		a = _mm512_loadu_si512(p);
		b = _mm512_loadu_si512(p + 2 * skip);
	} else {
		a = _mm512_maskz_loadu_epi16((__mmask32)((1ull << (units < 32 ? units : 32)) - 1), p);
		b = _mm512_maskz_loadu_epi16((__mmask32)((1ull << (units > skip ? units - skip : 0)) - 1), p + 2 * skip);
	}
	if (t == T2_Q4_0) {
		head = _mm512_permutexvar_epi16(LOAD(q4_0_head), a);
		g.low = _mm512_permutex2var_epi16(a, LOAD(q4_0_low), b);
	} else {
		head = _mm512_permutex2var_epi16(a, LOAD(q5_0_head), b);
		g.low = _mm512_permutex2var_epi16(a, LOAD(q5_0_low), b);
		g.high = _mm512_rolv_epi32(_mm512_permutex2var_epi16(a, LOAD(q5_0_high), b), LOAD(q5_turn));
	}
	g.even = g.odd = _mm512_cvtph_ps(_mm512_castsi512_si256(head));
	return g;
}

/* Half of a block of 256. */
AVX512_INLINE struct group
load_half(const enum dtype t, const char *p, int half, __m512 scales)
{
	struct group g;

	if (t == T2_Q6_K) {
		__m512i at = _mm512_add_epi32(LOAD(q6_k_scale), _mm512_set1_epi32(8 * half));
		g.low = _mm512_loadu_si512(p + 64 * half);
		g.high = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)(p + 128 + 32 * half)));
		g.high = _mm512_rolv_epi32(g.high, LOAD(q6_k_turn));
		g.even = _mm512_permutexvar_ps(at, scales);
		g.odd = _mm512_permutexvar_ps(_mm512_add_epi32(at, _mm512_set1_epi32(4)), scales);
		return g;
	}
	__m512i at = _mm512_add_epi32(LOAD(k_scale), _mm512_set1_epi32(4 * half));
	g.even = _mm512_permutexvar_ps(at, scales);
	g.odd = _mm512_permutexvar_ps(_mm512_add_epi32(at, _mm512_set1_epi32(1)), scales);
	/* Four minima, as the sums of x lie: in the first four lanes. */
	g.min = _mm512_zextps128_ps512(half ? _mm512_extractf32x4_ps(scales, 3) : _mm512_extractf32x4_ps(scales, 2));
	if (t == T2_Q4_K) {
		g.low = _mm512_loadu_si512(p + 16 + 64 * half);
		return g;
	}
	g.low = _mm512_loadu_si512(p + 48 + 64 * half);
	g.high = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)(p + 16)));
	g.high = _mm512_rolv_epi32(g.high, _mm512_sub_epi32(LOAD(q5_k_turn), _mm512_set1_epi32(4 * half)));
	return g;
}

AVX512_INLINE __m512i
turn_right(__m512i dwords, int by)
{
	return _mm512_rorv_epi32(dwords, _mm512_set1_epi32(by));
}

/* The sixteen values at shift s, a constant. Q6_K's are 2^26 times too large. */
AVX512_INLINE __m512
values(const enum dtype t, const struct group *g, const int s)
{
	__m512i low = _mm512_srli_epi32(g->low, 4 * s), high;

	switch (t) {
	case T2_Q4_0:
		return _mm512_permutexvar_ps(low, _mm512_loadu_ps(from_minus_8));
	case T2_Q4_1:
	case T2_Q4_K:
		return _mm512_permutexvar_ps(low, _mm512_loadu_ps(from_0));
	case T2_Q5_0:
	case T2_Q5_1:
	case T2_Q5_K:
		/* 0xca: bits of the second where the first has ones, else of the third. */
		high = turn_right(g->high, t == T2_Q5_K ? 8 * (s / 2) + s % 2 : s / 2 + 16 * (s % 2));
		low = _mm512_ternarylogic_epi32(_mm512_set1_epi32(15), low, high, 0xca);
		if (t == T2_Q5_0)
			return _mm512_permutex2var_ps(_mm512_loadu_ps(from_minus_16), low, _mm512_loadu_ps(from_0));
		return _mm512_permutex2var_ps(_mm512_loadu_ps(from_0), low, _mm512_loadu_ps(from_16));
	default:
		/* Six bits on top of a dword, the highest one turned over: a signed number. */
		low = turn_right(g->low, (4 * s - 26) & 31);
		high = turn_right(g->high, 8 * (s / 2) + 4 * (s % 2));
		low = _mm512_ternarylogic_epi32(_mm512_set1_epi32(0x3c000000), low, high, 0xca);
		/* 0x78: second and third, exclusive or with the first. */
		low = _mm512_ternarylogic_epi32(_mm512_set1_epi32(INT32_MIN), low, _mm512_set1_epi32((int)0xfc000000), 0x78);
		return _mm512_cvtepi32_ps(low);
	}
}

AVX512_INLINE void
add_group(const enum dtype t, const struct group *g, const struct spread *x, size_t ldx, __m512 *sum, const int B)
{
	__m512 even[KERN_ROWS], odd[KERN_ROWS];

	UNROLL for (int s = 0; s < 8; s++) {
		__m512 v = values(t, g, s);
		UNROLL for (int b = 0; b < B; b++) {
			__m512 xb = _mm512_loadu_ps(x[(size_t)b * ldx].v[s]);
			if (s == 0)
				even[b] = _mm512_mul_ps(v, xb);
			else if (s == 1)
				odd[b] = _mm512_mul_ps(v, xb);
			else if (s % 2 == 0)
				even[b] = _mm512_fmadd_ps(v, xb, even[b]);
			else
				odd[b] = _mm512_fmadd_ps(v, xb, odd[b]);
		}
	}
	UNROLL for (int b = 0; b < B; b++) {
		__m512 xsum = _mm512_loadu_ps(x[(size_t)b * ldx].sum);
		if (is_super(t)) {
			sum[b] = _mm512_fmadd_ps(even[b], g->even, sum[b]);
			sum[b] = _mm512_fmadd_ps(odd[b], g->odd, sum[b]);
		} else {
			sum[b] = _mm512_fmadd_ps(_mm512_add_ps(even[b], odd[b]), g->even, sum[b]);
		}
		if (has_min(t) && is_super(t))
			sum[b] = _mm512_fnmadd_ps(g->min, xsum, sum[b]);
		else if (has_min(t))
			sum[b] = _mm512_fmadd_ps(g->min, xsum, sum[b]);
	}
}

/* One weight row times B rows of x. */
AVX512_INLINE void
quant_row(const enum dtype t, const char *p, int n, const struct spread *x, size_t ldx, float *y, int ldy, const int B)
{
	const int bytes = dtype_block_bytes(t);
	__m512 sum[KERN_ROWS], scales;
	struct group g;

	UNROLL for (int b = 0; b < B; b++)
		sum[b] = _mm512_setzero_ps();
	if (is_super(t)) {
		for (; n > 0; n -= 2 * GROUP, p += bytes) {
			for (int i = 0; i < bytes; i += 64)
				_mm_prefetch(p + AHEAD + i, _MM_HINT_T0);
			if (t == T2_Q6_K) {
				scales = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(p + 192))));
				scales = _mm512_mul_ps(scales, _mm512_mul_ps(half_all(p + 208), _mm512_set1_ps(0x1p-26f)));
			} else {
				scales = k_scales(p);
			}
			UNROLL for (int half = 0; half < 2; half++) {
				g = load_half(t, p, half, scales);
				add_group(t, &g, x++, ldx, sum, B);
			}
		}
	} else {
		for (; n >= GROUP; n -= GROUP, p += 4 * bytes) {
			_mm_prefetch(p + AHEAD, _MM_HINT_T0);
			_mm_prefetch(p + AHEAD + 64, _MM_HINT_T0);
			g = load_blocks(t, p, 4);
			add_group(t, &g, x++, ldx, sum, B);
		}
		if (n > 0) {
			g = load_blocks(t, p, n / 32);
			add_group(t, &g, x, ldx, sum, B);
		}
	}
	UNROLL for (int b = 0; b < B; b++)
		y[(size_t)b * ldy] = _mm512_reduce_add_ps(sum[b]);
}

AVX512_INLINE void
quant_rows(const enum dtype t, const char *w, int mrows, int n, const struct spread *x, size_t ldx, int rows, float *y,
	   int ldy)
{
	size_t stride = dtype_row_bytes(t, (size_t)n);

	for (int j = 0; j < mrows; j++, w += stride)
		switch (rows) {
		case 1:
			quant_row(t, w, n, x, ldx, y + j, ldy, 1);
			break;
		case 2:
			quant_row(t, w, n, x, ldx, y + j, ldy, 2);
			break;
		case 3:
			quant_row(t, w, n, x, ldx, y + j, ldy, 3);
			break;
		case 4:
			quant_row(t, w, n, x, ldx, y + j, ldy, 4);
			break;
		case 5:
			quant_row(t, w, n, x, ldx, y + j, ldy, 5);
			break;
		case 6:
			quant_row(t, w, n, x, ldx, y + j, ldy, 6);
			break;
		case 7:
			quant_row(t, w, n, x, ldx, y + j, ldy, 7);
			break;
		default:
			quant_row(t, w, n, x, ldx, y + j, ldy, 8);
			break;
		}
}

AVX512 void
kern_avx512_quant_matvec(enum dtype t, const void *W, int mrows, int n, const float *x, int ldx, int rows, float *y, int ldy)
{
	size_t groups = ((size_t)n + GROUP - 1) / GROUP;
	struct spread *g = (struct spread *)scratch_floats(SCRATCH_X, (size_t)rows * groups * sizeof *g / sizeof(float));

	if (!g) { /* no memory: the slow way */
		kern_plain.matvec(t, W, mrows, n, x, ldx, rows, y, ldy);
		return;
	}
	for (int i = 0; i < rows; i++)
		if (is_super(t))
			spread_super(x + (size_t)i * ldx, n, t == T2_Q6_K, g + (size_t)i * groups);
		else
			spread_blocks(x + (size_t)i * ldx, n, g + (size_t)i * groups);
	switch (t) {
	case T2_Q4_0:
		quant_rows(T2_Q4_0, W, mrows, n, g, groups, rows, y, ldy);
		break;
	case T2_Q4_1:
		quant_rows(T2_Q4_1, W, mrows, n, g, groups, rows, y, ldy);
		break;
	case T2_Q5_0:
		quant_rows(T2_Q5_0, W, mrows, n, g, groups, rows, y, ldy);
		break;
	case T2_Q5_1:
		quant_rows(T2_Q5_1, W, mrows, n, g, groups, rows, y, ldy);
		break;
	case T2_Q4_K:
		quant_rows(T2_Q4_K, W, mrows, n, g, groups, rows, y, ldy);
		break;
	case T2_Q5_K:
		quant_rows(T2_Q5_K, W, mrows, n, g, groups, rows, y, ldy);
		break;
	default:
		quant_rows(T2_Q6_K, W, mrows, n, g, groups, rows, y, ldy);
		break;
	}
}
#endif
