/* kern_avx512_group.h - reading 128 values of a row of four, five or six bits into registers.  Only for the files
 * kern_avx512*.c.
 *
 * A group is four blocks of 32 values, or half a block of 256.  A lane (dword) holds eight nibbles.  In blocks of 32 they are
 * values 4w .. 4w+3 and 16+4w .. 16+4w+3 of block lane / 4, w = lane % 4: low nibbles the first sixteen values, high ones
 * the others.  In blocks of 256 low and high nibbles belong to two runs of 32.  Q4_K and Q5_K: lanes 0 .. 7 to runs 0 and 1,
 * lanes 8 .. 15 to 2 and 3.  Q6_K: 0 and 2, 1 and 3. */
#ifndef T2_KERN_AVX512_GROUP_H
#define T2_KERN_AVX512_GROUP_H

#include <stdbool.h>

#include "engine/linalg/kern_avx512.h"

#define GROUP 128 /* values */
#define LANES 16

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

/* Nibbles; the block's further bits, whole, in each of its lanes (of 256: the 32 bytes of them, twice); what low (even)
 * and high (odd) nibbles are scaled with; minima, of blocks of 256 in the first four lanes: one a run. */
struct group {
	__m512i low, high;
	__m512 even, odd, min;
};

/* Tables of one entry a lane (or two: 16-bit words). */
#define LANES_4(f, i)	  f(i), f(i + 1), f(i + 2), f(i + 3)
#define LANES_16(f, i)	  LANES_4(f, i), LANES_4(f, i + 4), LANES_4(f, i + 8), LANES_4(f, i + 12)
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

/* Which of a super-block's scales a lane takes for even shifts; odd ones and the second half are fixed steps on. */
#define K_SCALE(l) (2 * ((l) / 8))
TABLE_32(k_scale, K_SCALE);
#define Q6_K_SCALE(l) (2 * ((l) / 8) + (l) % 8 / 4)
TABLE_32(q6_k_scale, Q6_K_SCALE);

#define LOAD(table) _mm512_loadu_si512(table)

AVX512_INLINE __m512
halves(__m512i dwords)
{
	return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(dwords));
}

/* Blocks of 32 are read in units of two or four bytes, a block's size and its scale's place being multiples of them. */
AVX512_INLINE bool
in_words(const enum dtype t)
{
	return t == T2_Q4_0 || t == T2_Q5_0;
}

AVX512_INLINE int
block_units(const enum dtype t)
{
	return t == T2_Q4_0 ? 9 : t == T2_Q5_0 ? 11 : t == T2_Q4_1 ? 5 : 6;
}

/* How many units the second load starts after the first one: together they are four blocks, and no more. */
AVX512_INLINE int
second_load(const enum dtype t)
{
	return 4 * block_units(t) - (in_words(t) ? 32 : 16);
}

/* Units from .. from+15 (or 31) at p of those that lie before `end`; what lies behind is not touched and counts as zero. */
AVX512_INLINE __m512i
load_units(const enum dtype t, const char *p, int from, int end)
{
	uint32_t n = end > from ? (uint32_t)(end - from) : 0;

	if (in_words(t))
		return _mm512_maskz_loadu_epi16(n < 32 ? (1u << n) - 1 : 0xffffffff, p + 2 * from);
	return _mm512_maskz_loadu_epi32((__mmask16)(n < 16 ? (1u << n) - 1 : 0xffff), p + 4 * from);
}

AVX512_INLINE struct group
group_of(const enum dtype t, __m512i a, __m512i b)
{
	struct group g;
	__m512i head;

	switch (t) {
	case T2_Q4_1:
		head = _mm512_permutexvar_epi32(LOAD(q4_1_head), a);
		g.low = _mm512_permutex2var_epi32(a, LOAD(q4_1_low), b);
		break;
	case T2_Q5_1:
		head = _mm512_permutex2var_epi32(a, LOAD(q5_1_head), b);
		g.low = _mm512_permutex2var_epi32(a, LOAD(q5_1_low), b);
		g.high = _mm512_permutex2var_epi32(a, LOAD(q5_1_high), b);
		break;
	case T2_Q4_0:
		head = _mm512_permutexvar_epi16(LOAD(q4_0_head), a);
		g.low = _mm512_permutex2var_epi16(a, LOAD(q4_0_low), b);
		break;
	default:
		head = _mm512_permutex2var_epi16(a, LOAD(q5_0_head), b);
		g.low = _mm512_permutex2var_epi16(a, LOAD(q5_0_low), b);
		g.high = _mm512_permutex2var_epi16(a, LOAD(q5_0_high), b);
		break;
	}
	if (in_words(t)) {
		g.even = g.odd = _mm512_cvtph_ps(_mm512_castsi512_si256(head));
		return g;
	}
	g.even = g.odd = halves(head);
	g.min = halves(_mm512_srli_epi32(head, 16));
	return g;
}

/* Up to four blocks of 32; those that are missing count as zero. */
AVX512_INLINE struct group
load_blocks(const enum dtype t, const char *p, int blocks)
{
	int second = second_load(t), end = blocks * block_units(t);

	if (blocks == 4)
		return group_of(t, _mm512_loadu_si512(p),
				_mm512_loadu_si512(p + (in_words(t) ? 2 : 4) * second));
	return group_of(t, load_units(t, p, 0, end), load_units(t, p, second, end));
}

/* The scales of a block of 256: sixteen, or eight and then eight minima. */
AVX512_INLINE __m512
super_scales(const enum dtype t, const char *p)
{
	if (t == T2_Q6_K) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(p + 192));
		return _mm512_mul_ps(half_all(p + 208),
				     _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)));
	}
	return k_scales(p);
}

/* Half of a block of 256. */
AVX512_INLINE struct group
load_half(const enum dtype t, const char *p, int half, __m512 scales)
{
	struct group g;

	if (t == T2_Q6_K) {
		__m512i at = _mm512_add_epi32(LOAD(q6_k_scale), _mm512_set1_epi32(8 * half));
		g.low = _mm512_loadu_si512(p + 64 * half);
		g.high = _mm512_broadcast_i64x4(
			_mm256_loadu_si256((const __m256i *)(p + 128 + 32 * half)));
		g.even = _mm512_permutexvar_ps(at, scales);
		g.odd = _mm512_permutexvar_ps(_mm512_add_epi32(at, _mm512_set1_epi32(4)), scales);
		return g;
	}
	__m512i at = _mm512_add_epi32(LOAD(k_scale), _mm512_set1_epi32(4 * half));
	g.even = _mm512_permutexvar_ps(at, scales);
	g.odd = _mm512_permutexvar_ps(_mm512_add_epi32(at, _mm512_set1_epi32(1)), scales);
	/* Four minima, as the sums of x lie: in the first four lanes. */
	g.min = _mm512_zextps128_ps512(half ? _mm512_extractf32x4_ps(scales, 3)
					    : _mm512_extractf32x4_ps(scales, 2));
	if (t == T2_Q4_K) {
		g.low = _mm512_loadu_si512(p + 16 + 64 * half);
		return g;
	}
	g.low = _mm512_loadu_si512(p + 48 + 64 * half);
	g.high = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)(p + 16)));
	return g;
}

#endif
