/* Products of one row of x with Q4_0, Q4_1, Q5_0 and Q5_1, blocks of 32 values, where there is AVX512-VNNI.
 *
 * Weights are whole numbers from 0 to 31 (times a scale, plus a minimum; Q4_0 and Q5_0: minus 8 or 16 times the scale), x
 * becomes whole numbers (kern_avx512_digits.h): a lane's eight products are below 8 * 31 * 2^23 < 2^31.
 *
 * A group is four blocks, in one register of nibbles.  Lane l holds values 4w .. 4w+3 of block l % 4, w = l / 4, in its
 * low nibbles, and 16 values on in its high ones: so four scales in a row, repeated, are the scales of all lanes. */
#if defined(__x86_64__)
#include "engine/linalg/kern_avx512_digits.h"

#define GROUP 128
#define LANES 16
#define ROWS                                                                                       \
	4 /* of weights at a time: they share what is read of x, and the work on their scales */

/* x of a group.  unit: what 1 stands for, by block; sum: of a block's x, for the minima. */
struct group_x {
	_Alignas(64) int8_t digit[2][DIGITS][4 * LANES]; /* of low and high nibbles' values */
	int32_t less[LANES];				 /* what a lane's sum is too large by */
	float unit[4], sum[4];
};

static size_t
groups_of(int n)
{
	return ((size_t)n + GROUP - 1) / GROUP;
}

size_t
kern_avx512_blocks_size(int n)
{
	return groups_of(n) * sizeof(struct group_x) / sizeof(float);
}

VNNI_INLINE bool
has_min(const enum dtype t)
{
	return t == T2_Q4_1 || t == T2_Q5_1;
}

VNNI_INLINE int
offset(const enum dtype t)
{
	return t == T2_Q4_0 ? 8 : t == T2_Q5_0 ? 16 : 0;
}

/* Block number b of a group: its lanes come one after another until the whole group is turned. */
VNNI_INLINE void
put_block(const float *x, int b, int offset, struct group_x *g)
{
	__m512 low = _mm512_loadu_ps(x), high = _mm512_loadu_ps(x + 16), scale;
	uint32_t most = largest_of(low, high);
	__m512i v, v16;

	if (!is_finite(most)) { /* so that the sum is none */
		g->unit[b] = g->sum[b] = NAN;
		return;
	}
	scale = _mm512_set1_ps(scale_below(most, &g->unit[b]));
	v = _mm512_cvtps_epi32(_mm512_mul_ps(low, scale));
	v16 = _mm512_cvtps_epi32(_mm512_mul_ps(high, scale));
	put_digits(v, g->digit[0][0] + 16 * b, sizeof g->digit[0][0]);
	put_digits(v16, g->digit[1][0] + 16 * b, sizeof g->digit[0][0]);
	v = _mm512_mullo_epi32(sums_of_four(_mm512_add_epi32(v, v16)), _mm512_set1_epi32(offset));
	_mm_store_si128((__m128i *)(g->less + 4 * b), each_fourth(v));
	g->sum[b] = sum32(x);
}

VNNI_INLINE void
turn_lanes(void *lanes)
{
	const __m512i from = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);

	_mm512_store_si512(lanes, _mm512_permutexvar_epi32(from, _mm512_load_si512(lanes)));
}

VNNI void
kern_avx512_blocks_arrange(enum dtype t, const float *x, int n, float *arranged)
{
	struct group_x *g = (struct group_x *)arranged;

	for (; n > 0; n -= GROUP, x += GROUP, g++) {
		int blocks = n < GROUP ? n / 32 : 4;

		if (blocks < 4)
			__builtin_memset(g, 0, sizeof *g);
		for (int b = 0; b < blocks; b++)
			put_block(x + 32 * b, b, offset(t), g);
		for (int b = 0; blocks == 2 && b < 2; b++) /* once more, for another weight row's */
			put_block(x + 32 * b, b + 2, offset(t), g);
		turn_lanes(g->less);
		for (int d = 0; d < DIGITS; d++) {
			turn_lanes(g->digit[0][d]);
			turn_lanes(g->digit[1][d]);
		}
	}
}

/* Tables with an entry a lane, a word or a byte. */
#define FOUR(f, i)	  f(i), f(i + 1), f(i + 2), f(i + 3)
#define SIXTEEN(f, i)	  FOUR(f, i), FOUR(f, i + 4), FOUR(f, i + 8), FOUR(f, i + 12)
#define LOAD(table)	  _mm512_loadu_si512(table)
#define TABLE_32(name, f) static const int32_t name[16] = {SIXTEEN(f, 0)}
#define TABLE_16(name, f) static const int16_t name[32] = {SIXTEEN(f, 0), SIXTEEN(f, 16)}
#define TABLE_8(name, f)                                                                           \
	static const int8_t name[64] = {SIXTEEN(f, 0), SIXTEEN(f, 16), SIXTEEN(f, 32),             \
					SIXTEEN(f, 48)}

/* A group lies under two overlapping 64-byte loads.  It is read in units of four bytes (or of two: Q4_0 and Q5_0), of
 * which number u is in the first load or, from `per` on, in the second one, which starts `skip` units later. */
#define UNIT(u, per, skip) ((u) < (per) ? (u) : (per) + (u) - (skip))
#define BLOCK(lane)	   ((lane) % 4)
#define WORD(lane)	   ((lane) / 4)

#define Q4_1_LOW(l)  UNIT(5 * BLOCK(l) + 1 + WORD(l), 16, 4)
#define Q5_1_HEAD(l) UNIT(6 * BLOCK(l), 16, 8)
#define Q5_1_BITS(l) UNIT(6 * BLOCK(l) + 1, 16, 8)
#define Q5_1_LOW(l)  UNIT(6 * BLOCK(l) + 2 + WORD(l), 16, 8)
TABLE_32(q4_1_low, Q4_1_LOW);
TABLE_32(q5_1_head, Q5_1_HEAD);
TABLE_32(q5_1_bits, Q5_1_BITS);
TABLE_32(q5_1_low, Q5_1_LOW);
#define Q4_0_LOW(i)  UNIT(9 * BLOCK((i) / 2) + 1 + 2 * WORD((i) / 2) + (i) % 2, 32, 4)
#define Q5_0_HEAD(i) UNIT(11 * BLOCK(i), 32, 12)
#define Q5_0_BITS(i) UNIT(11 * BLOCK((i) / 2) + 1 + (i) % 2, 32, 12)
#define Q5_0_LOW(i)  UNIT(11 * BLOCK((i) / 2) + 3 + 2 * WORD((i) / 2) + (i) % 2, 32, 12)
TABLE_16(q4_0_low, Q4_0_LOW);
TABLE_16(q5_0_head, Q5_0_HEAD);
TABLE_16(q5_0_bits, Q5_0_BITS);
TABLE_16(q5_0_low, Q5_0_LOW);

VNNI_INLINE bool
in_words(const enum dtype t)
{
	return t == T2_Q4_0 || t == T2_Q5_0;
}

VNNI_INLINE int
unit_bytes(const enum dtype t)
{
	return in_words(t) ? 2 : 4;
}

VNNI_INLINE int
block_units(const enum dtype t)
{
	return t == T2_Q4_0 ? 9 : t == T2_Q5_0 ? 11 : t == T2_Q4_1 ? 5 : 6;
}

/* The two loads of a group. */
struct raw {
	__m512i a, b;
};

/* How many units the second one starts after the first: together they are four blocks, and no more. */
VNNI_INLINE int
second_load(const enum dtype t)
{
	return 4 * block_units(t) - 64 / unit_bytes(t);
}

VNNI_INLINE struct raw
load_group(const enum dtype t, const char *p)
{
	return (struct raw){
		_mm512_loadu_si512(p),
		_mm512_loadu_si512(p + second_load(t) * unit_bytes(t)),
	};
}

/* Units from..from+15 (or 31) at p of those before number `end`; from there on at q, as if q's first one were `end`. Nothing
 * from `last` on is touched: zero. */
VNNI_INLINE __m512i
load_part(const enum dtype t, const char *p, const char *q, int from, int end, int last)
{
	uint64_t ones = 1, at_p = (ones << (end > from ? end - from : 0)) - 1,
		 all = (ones << (last > from ? last - from : 0)) - 1;
	__m512i v;

	p += from * unit_bytes(t);
	q += (from - end) * unit_bytes(t);
	if (in_words(t)) {
		v = _mm512_maskz_loadu_epi16((__mmask32)at_p, p);
		return _mm512_mask_loadu_epi16(v, (__mmask32)(all & ~at_p), q);
	}
	v = _mm512_maskz_loadu_epi32((__mmask16)at_p, p);
	return _mm512_mask_loadu_epi32(v, (__mmask16)(all & ~at_p), q);
}

/* `blocks` blocks at p, then more at q. */
VNNI_INLINE struct raw
load_parts(const enum dtype t, const char *p, int blocks, const char *q, int more)
{
	int end = blocks * block_units(t), last = end + more * block_units(t);

	return (struct raw){
		load_part(t, p, q, 0, end, last),
		load_part(t, p, q, second_load(t), end, last),
	};
}

VNNI_INLINE __m512i
nibbles(const enum dtype t, struct raw r)
{
	switch (t) {
	case T2_Q4_1:
		return _mm512_permutex2var_epi32(r.a, LOAD(q4_1_low), r.b);
	case T2_Q5_1:
		return _mm512_permutex2var_epi32(r.a, LOAD(q5_1_low), r.b);
	case T2_Q4_0:
		return _mm512_permutex2var_epi16(r.a, LOAD(q4_0_low), r.b);
	default:
		return _mm512_permutex2var_epi16(r.a, LOAD(q5_0_low), r.b);
	}
}

/* Where the fifth bit of byte i's low nibble lies in its block's 32 bits, which every lane has; the high nibble's is
 * two bytes on. */
#define VALUE(i)      (4 * WORD((i) / 4) + (i) % 4)
#define FIFTH_BYTE(i) ((i) / 4 % 4 * 4 + VALUE(i) / 8)
#define FIFTH_BIT(i)  ((int8_t)(1 << VALUE(i) % 8))
TABLE_8(fifth_byte, FIFTH_BYTE);
TABLE_8(fifth_bit, FIFTH_BIT);

VNNI_INLINE __m512i
with_fifth(__m512i q, __m512i bits, const int high)
{
	__m512i from = _mm512_add_epi8(LOAD(fifth_byte), _mm512_set1_epi8(high ? 2 : 0));
	__mmask64 set = _mm512_test_epi8_mask(_mm512_shuffle_epi8(bits, from), LOAD(fifth_bit));

	return _mm512_mask_add_epi8(q, set, q, _mm512_set1_epi8(16));
}

/* The 64 weights of low and of high nibbles. */
struct weights {
	__m512i low, high;
};

VNNI_INLINE struct weights
weights_of(const enum dtype t, struct raw r)
{
	const __m512i four = _mm512_set1_epi8(15);
	__m512i q = nibbles(t, r), bits;
	struct weights w = {_mm512_and_si512(q, four),
			    _mm512_and_si512(_mm512_srli_epi16(q, 4), four)};

	if (t == T2_Q4_0 || t == T2_Q4_1)
		return w;
	bits = t == T2_Q5_1 ? _mm512_permutex2var_epi32(r.a, LOAD(q5_1_bits), r.b)
			    : _mm512_permutex2var_epi16(r.a, LOAD(q5_0_bits), r.b);
	return (struct weights){with_fifth(w.low, bits, 0), with_fifth(w.high, bits, 1)};
}

/* Scales and minima, four blocks of each row in turn. */
struct heads {
	__m512 scale, min;
};

#define Q4_1_HEADS(i) ((i) / 4 % 2 * 32 + 10 * BLOCK(i) + (i) / 16)
#define Q4_0_HEADS(i) ((i) / 4 % 2 * 32 + 9 * BLOCK(i))
TABLE_16(q4_1_heads, Q4_1_HEADS);
TABLE_16(q4_0_heads, Q4_0_HEADS);

/* Those of two rows, twice. */
VNNI_INLINE __m512i
two_heads(const enum dtype t, struct raw r, struct raw s)
{
	__m512i h, i;

	switch (t) {
	case T2_Q4_1:
		return _mm512_permutex2var_epi16(r.a, LOAD(q4_1_heads), s.a);
	case T2_Q4_0:
		return _mm512_permutex2var_epi16(r.a, LOAD(q4_0_heads), s.a);
	case T2_Q5_1:
		h = _mm512_permutex2var_epi32(r.a, LOAD(q5_1_head), r.b);
		i = _mm512_permutex2var_epi32(s.a, LOAD(q5_1_head), s.b);
		return _mm512_mask_mov_epi32(h, 0xf0f0, i);
	default:
		h = _mm512_permutex2var_epi16(r.a, LOAD(q5_0_head), r.b);
		i = _mm512_permutex2var_epi16(s.a, LOAD(q5_0_head), s.b);
		return _mm512_mask_mov_epi64(h, 0xaa, i);
	}
}

VNNI_INLINE struct heads
heads_of(const enum dtype t, const struct raw *r, const int R)
{
	__m512i h = two_heads(t, r[0], r[R > 1]), i = R > 2 ? two_heads(t, r[2], r[3]) : h;

	if (in_words(t))
		return (struct heads){.scale = _mm512_cvtph_ps(_mm512_castsi512_si256(
					      _mm512_mask_mov_epi64(h, 0x0c, i)))};
	if (t == T2_Q4_1) {
		h = _mm512_mask_mov_epi64(h, 0xcc, i);
		return (struct heads){
			_mm512_cvtph_ps(_mm512_castsi512_si256(h)),
			_mm512_cvtph_ps(_mm512_extracti64x4_epi64(h, 1)),
		};
	}
	h = _mm512_mask_mov_epi32(h, 0xff00, i);
	return (struct heads){
		_mm512_cvtph_ps(_mm512_cvtepi32_epi16(h)),
		_mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(h, 16))),
	};
}

VNNI_INLINE __m512
four_times(const float *four)
{
	return _mm512_broadcast_f32x4(_mm_loadu_ps(four));
}

/* A group of each of R rows: sum by rows, min of all rows together, four lanes each.  Steps go over all rows before the
 * next step, so that none waits for the one before. */
VNNI_INLINE void
add_groups(const enum dtype t, const struct raw *raw, const struct group_x *x, __m512 *sum,
	   __m512 *min, const int R)
{
	struct heads h = heads_of(t, raw, R);
	_Alignas(64) float scale[LANES];
	struct weights w[ROWS];
	__m512i s[ROWS];

	_mm512_store_ps(scale, _mm512_mul_ps(h.scale, four_times(x->unit)));
	__asm__("" : "+m"(scale));
	if (has_min(t))
		*min = _mm512_fmadd_ps(h.min, four_times(x->sum), *min);
	UNROLL for (int r = 0; r < R; r++)
	{
		w[r] = weights_of(t, raw[r]);
		s[r] = _mm512_setzero_si512();
	}
	UNROLL for (int d = 0; d < DIGITS; d++)
	{
		__m512i x0 = LOAD(x->digit[0][d]), x1 = LOAD(x->digit[1][d]);

		UNROLL for (int r = 0; d && r < R; r++) s[r] = _mm512_slli_epi32(s[r], 8);
		UNROLL for (int r = 0; r < R; r++) s[r] = _mm512_dpbusd_epi32(s[r], w[r].low, x0);
		UNROLL for (int r = 0; r < R; r++) s[r] = _mm512_dpbusd_epi32(s[r], w[r].high, x1);
	}
	UNROLL for (int r = 0; r < R; r++)
	{
		if (offset(t))
			s[r] = _mm512_sub_epi32(s[r], LOAD(x->less));
		sum[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(s[r]), four_times(scale + 4 * r),
					 sum[r]);
	}
}

/* The last two blocks of rows 0 and 1, and of 2 and 3, as one group each. */
VNNI_INLINE void
add_halves(const enum dtype t, const char *p, size_t stride, const struct group_x *x, __m512 *sum,
	   __m512 *min)
{
	const __m512i apart = _mm512_set_epi32(0, 0, 7, 6, 0, 0, 5, 4, 0, 0, 3, 2, 0, 0, 1, 0);
	__m512 both[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()}, m = _mm512_setzero_ps();
	struct raw raw[2];

	UNROLL for (int i = 0; i < 2; i++, p += 2 * stride) raw[i] =
		load_parts(t, p, 2, p + stride, 2);
	add_groups(t, raw, x, both, &m, 2);
	UNROLL for (int i = 0; i < 2; i++)
	{
		__m512 *first = sum + 2 * i, *second = first + 1;
		*first = _mm512_mask_add_ps(*first, 0x3333, *first, both[i]);
		*second = _mm512_mask_add_ps(*second, 0xcccc, *second, both[i]);
	}
	*min = _mm512_add_ps(*min, _mm512_maskz_permutexvar_ps(0x3333, apart, m));
}

VNNI_INLINE __m128
fold(__m512 v)
{
	__m256 h = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));

	return _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
}

/* The rows' sums together with their minima. */
VNNI_INLINE void
put_sums(const __m512 *sum, __m512 min, float *y, const int R)
{
	__m128 a = _mm_add_ps(fold(sum[0]), _mm512_castps512_ps128(min));

	if (R == 1) {
		a = _mm_add_ps(a, _mm_movehl_ps(a, a));
		*y = _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)));
		return;
	}
	__m128 b = _mm_add_ps(fold(sum[1]), _mm512_extractf32x4_ps(min, 1));
	__m128 c = _mm_add_ps(fold(sum[2]), _mm512_extractf32x4_ps(min, 2));
	__m128 d = _mm_add_ps(fold(sum[3]), _mm512_extractf32x4_ps(min, 3));

	_MM_TRANSPOSE4_PS(a, b, c, d);
	_mm_storeu_ps(y, _mm_add_ps(_mm_add_ps(a, c), _mm_add_ps(b, d)));
}

VNNI_INLINE void
rows_at(const enum dtype t, const char *p, size_t stride, int n, const struct group_x *x, float *y,
	const int R)
{
	const size_t bytes = 4 * (size_t)(block_units(t) * unit_bytes(t)), turn = (size_t)R * bytes;
	const char *ahead = p + (size_t)R * stride + AHEAD; /* in memory order */
	__m512 sum[ROWS], min = _mm512_setzero_ps();
	struct raw raw[ROWS];

	UNROLL for (int r = 0; r < R; r++) sum[r] = _mm512_setzero_ps();
	for (; n >= GROUP; n -= GROUP, p += bytes, ahead += turn) {
		UNROLL for (size_t l = 0; l < turn; l += 64) _mm_prefetch(ahead + l, _MM_HINT_T0);
		UNROLL for (int r = 0; r < R; r++) raw[r] = load_group(t, p + (size_t)r * stride);
		add_groups(t, raw, x++, sum, &min, R);
	}
	if (n == GROUP / 2 && R == ROWS) {
		add_halves(t, p, stride, x, sum, &min);
	} else if (n > 0) {
		UNROLL for (int r = 0; r < R; r++, p += stride) raw[r] =
			load_parts(t, p, n / 32, p, 0);
		add_groups(t, raw, x, sum, &min, R);
	}
	put_sums(sum, min, y, R);
}

VNNI_INLINE void
rows_of(const enum dtype t, const char *w, int mrows, int n, const struct group_x *x, float *y)
{
	size_t stride = dtype_row_bytes(t, (size_t)n);
	int j = 0;

	for (; j + ROWS <= mrows; j += ROWS, w += ROWS * stride)
		rows_at(t, w, stride, n, x, y + j, ROWS);
	for (; j < mrows; j++, w += stride)
		rows_at(t, w, stride, n, x, y + j, 1);
}

VNNI void
kern_avx512_blocks_matvec(enum dtype t, const void *W, int mrows, int n, const float *arranged,
			  float *y)
{
	const struct group_x *x = (const struct group_x *)arranged;

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
	default:
		rows_of(T2_Q5_1, W, mrows, n, x, y);
		break;
	}
}
#endif
