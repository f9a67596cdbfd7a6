/* Products with the types of four, five and six bits, for AVX-512.
 *
 * Shifting the dwords of a group (kern_avx512_group.h) right by 0, 4 .. 28 brings each of their eight nibbles into the lowest
 * bits, and vpermps takes from there its place in a table of float32: two instructions from stored form to sixteen
 * numbers.  The price is their order, so x is rearranged once for all weight rows: to eight vectors a group, one for each
 * shift.  Inside a group the products are summed as they are; then each lane, which belongs to one block, is scaled. */
#if defined(__x86_64__)
#include "engine/linalg/kern_avx512_group.h"

/* x as a group wants it: v[shift][lane], and for types with a minimum sum[lane]: the sum of a block's x in one of its
 * lanes, zero in the others. */
struct spread {
	float v[8][LANES], sum[LANES];
};

/* Four dwords of bytes in a row hold, at shift 2s, values 4w + s of w = 0 .. 3. */
AVX512_INLINE void
spread16(const float *x, struct spread *g, int odd, int lane)
{
	__m128 a = _mm_loadu_ps(x), b = _mm_loadu_ps(x + 4), c = _mm_loadu_ps(x + 8),
	       d = _mm_loadu_ps(x + 12);

	_MM_TRANSPOSE4_PS(a, b, c, d);
	_mm_storeu_ps(g->v[odd] + lane, a);
	_mm_storeu_ps(g->v[odd + 2] + lane, b);
	_mm_storeu_ps(g->v[odd + 4] + lane, c);
	_mm_storeu_ps(g->v[odd + 6] + lane, d);
}

static size_t
groups_of(int n)
{
	return ((size_t)n + GROUP - 1) / GROUP;
}

AVX512_INLINE float
sum32(const float *x)
{
	return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)));
}

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

/* crossed: as Q6_K has its runs. */
AVX512 static void
spread_super(const float *x, int n, bool crossed, struct spread *g)
{
	for (; n > 0; n -= GROUP, x += GROUP, g++) {
		_mm512_storeu_ps(g->sum, _mm512_setzero_ps());
		for (int half = 0; half < 2; half++)
			for (int odd = 0; odd < 2; odd++) {
				const float *run =
					x + 32 * (crossed ? half + 2 * odd : 2 * half + odd);
				spread16(run, g, odd, 8 * half);
				spread16(run + 16, g, odd, 8 * half + 4);
				g->sum[2 * half + odd] = sum32(run);
			}
	}
}

/* How far to turn the word of fifth bits left so that the lane's bit for shift 0 comes to bit 4; the further
 * shifts' bits then follow at fixed distances. */
#define Q5_TURN(l) ((4 - 4 * WORD(l)) & 31)
TABLE_32(q5_turn, Q5_TURN);
#define Q5_K_TURN(l) ((4 - 2 * ((l) / 8)) & 31) /* and by the half block, 4 bits more */
TABLE_32(q5_k_turn, Q5_K_TURN);
#define Q6_K_TURN(l) (30 - 2 * ((l) / 8))
TABLE_32(q6_k_turn, Q6_K_TURN);

/* Further bits turned to where shift 0 wants them; those of the other shifts follow at fixed distances. */
AVX512_INLINE void
turn(const enum dtype t, struct group *g, int half)
{
	if (t == T2_Q5_0 || t == T2_Q5_1)
		g->high = _mm512_rolv_epi32(g->high, LOAD(q5_turn));
	else if (t == T2_Q5_K)
		g->high = _mm512_rolv_epi32(
			g->high, _mm512_sub_epi32(LOAD(q5_k_turn), _mm512_set1_epi32(4 * half)));
	else if (t == T2_Q6_K)
		g->high = _mm512_rolv_epi32(g->high, LOAD(q6_k_turn));
}

/* What a nibble stands for. */
#define SAME(i) (i)
static const float from_0[LANES] = {LANES_16(SAME, 0)}, from_16[LANES] = {LANES_16(SAME, 16)};
static const float from_minus_8[LANES] = {LANES_16(SAME, -8)},
		   from_minus_16[LANES] = {LANES_16(SAME, -16)};

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
		high = turn_right(g->high,
				  t == T2_Q5_K ? 8 * (s / 2) + s % 2 : s / 2 + 16 * (s % 2));
		low = _mm512_ternarylogic_epi32(_mm512_set1_epi32(15), low, high, 0xca);
		if (t == T2_Q5_0)
			return _mm512_permutex2var_ps(_mm512_loadu_ps(from_minus_16), low,
						      _mm512_loadu_ps(from_0));
		return _mm512_permutex2var_ps(_mm512_loadu_ps(from_0), low,
					      _mm512_loadu_ps(from_16));
	default:
		/* Six bits on top of a dword, the highest one turned over: a signed number. */
		low = turn_right(g->low, (4 * s - 26) & 31);
		high = turn_right(g->high, 8 * (s / 2) + 4 * (s % 2));
		low = _mm512_ternarylogic_epi32(_mm512_set1_epi32(0x3c000000), low, high, 0xca);
		/* 0x78: second and third, exclusive or with the first. */
		low = _mm512_ternarylogic_epi32(_mm512_set1_epi32(INT32_MIN), low,
						_mm512_set1_epi32((int)0xfc000000), 0x78);
		return _mm512_cvtepi32_ps(low);
	}
}

AVX512_INLINE void
add_group(const enum dtype t, const struct group *g, const struct spread *x, size_t ldx,
	  __m512 *sum, const int B)
{
	__m512 even[KERN_ROWS], odd[KERN_ROWS];

	UNROLL for (int s = 0; s < 8; s++)
	{
		__m512 v = values(t, g, s);
		UNROLL for (int b = 0; b < B; b++)
		{
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
	UNROLL for (int b = 0; b < B; b++)
	{
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
quant_row(const enum dtype t, const char *p, int n, const struct spread *x, size_t ldx, float *y,
	  int ldy, const int B)
{
	const int bytes = dtype_block_bytes(t);
	__m512 sum[KERN_ROWS], scales;
	struct group g;

	UNROLL for (int b = 0; b < B; b++) sum[b] = _mm512_setzero_ps();
	if (is_super(t)) {
		for (; n > 0; n -= 2 * GROUP, p += bytes) {
			for (int i = 0; i < bytes; i += 64)
				_mm_prefetch(p + AHEAD + i, _MM_HINT_T0);
			scales = super_scales(t, p);
			if (t == T2_Q6_K)
				scales = _mm512_mul_ps(scales, _mm512_set1_ps(0x1p-26f));
			UNROLL for (int half = 0; half < 2; half++)
			{
				g = load_half(t, p, half, scales);
				turn(t, &g, half);
				add_group(t, &g, x++, ldx, sum, B);
			}
		}
	} else {
		for (; n >= GROUP; n -= GROUP, p += 4 * bytes) {
			_mm_prefetch(p + AHEAD, _MM_HINT_T0);
			_mm_prefetch(p + AHEAD + 64, _MM_HINT_T0);
			g = load_blocks(t, p, 4);
			turn(t, &g, 0);
			add_group(t, &g, x++, ldx, sum, B);
		}
		if (n > 0) {
			g = load_blocks(t, p, n / 32);
			turn(t, &g, 0);
			add_group(t, &g, x, ldx, sum, B);
		}
	}
	UNROLL for (int b = 0; b < B; b++) y[(size_t)b * ldy] = _mm512_reduce_add_ps(sum[b]);
}

AVX512_INLINE void
quant_rows(const enum dtype t, const char *w, int mrows, int n, const struct spread *x, size_t ldx,
	   int rows, float *y, int ldy)
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

size_t
kern_avx512_quant_size(int n, int rows)
{
	return (size_t)rows * groups_of(n) * sizeof(struct spread) / sizeof(float);
}

AVX512 void
kern_avx512_quant_arrange(enum dtype t, const float *x, int ldx, int n, int rows, float *arranged)
{
	struct spread *g = (struct spread *)arranged;

	for (int i = 0; i < rows; i++, x += ldx, g += groups_of(n))
		if (is_super(t))
			spread_super(x, n, t == T2_Q6_K, g);
		else
			spread_blocks(x, n, g);
}

AVX512 void
kern_avx512_quant_matvec(enum dtype t, const void *W, int mrows, int n, const float *arranged,
			 int rows, float *y, int ldy)
{
	const struct spread *g = (const struct spread *)arranged;
	size_t groups = groups_of(n);

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
