#if defined(__x86_64__)
#include "engine/linalg/kern_amx.h"

#include <math.h>

#include "engine/linalg/kern_amx_tile.h"
#include "engine/linalg/kern_avx512.h"
#include "engine/linalg/scratch.h"
#include "engine/linalg/stream.h"

enum { HI, MID, LO, PARTS };

#define SIDE   32 /* rows of A, or columns of b, at a time: two tiles */
#define DEPTH  32 /* of k in a tile */
#define BLOCKS ((GEMM_STEP + DEPTH - 1) / DEPTH)
#define PANELS 8 /* of b in a tile of gemm.c's */
#define FINITE 0x7f800000u
#define TOO_WIDE                                                                                   \
	(-88.0f) /* parts of a product that small still are 2^-15 of it above what tiles flush to zero */

/* SIDE rows or columns, scaled and in parts, padded with zeros. */
struct operand {
	uint32_t pairs[BLOCKS][PARTS][2][16][16]; /* tiles */
	float exponent[SIDE];			  /* of the largest magnitude */
	float low[SIDE];			  /* exponent of the smallest but zero, less that */
	float lowest;
};

/* A thread's own, in its scratch. */
struct work {
	struct operand a, b[PANELS];
	float turned[SIDE * (BLOCKS * DEPTH) + 16]; /* rows of an A[k][rows] */
	float sums[SIDE * SIDE], plain[SIDE * SIDE];
};

static int
min_int(int a, int b)
{
	return a < b ? a : b;
}

AVX512_INLINE __mmask16
first(int n)
{
	return (__mmask16)(n >= 16 ? 0xffff : n > 0 ? (1u << n) - 1 : 0);
}

/* x = part[HI] + part[MID] + part[LO], each a bf16 number in the upper half of its lane.  Every difference is exact. */
AVX512_INLINE void
split(__m512 x, __m512i part[PARTS])
{
	UNROLL for (int p = HI; p < PARTS; p++)
	{
		__m512i bits = _mm512_castps_si512(x), odd;

		odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
		bits = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
		part[p] = _mm512_and_si512(bits, _mm512_set1_epi32((int)0xffff0000));
		x = _mm512_sub_ps(x, _mm512_castsi512_ps(part[p]));
	}
}

/* Magnitudes as integers, which order as the numbers do, infinity and NaN above all. */
struct range {
	__m512i most, least; /* least: of those that are not zero */
};

AVX512_INLINE struct range
range_empty(void)
{
	return (struct range){_mm512_setzero_si512(), _mm512_set1_epi32((int)FINITE - 1)};
}

AVX512_INLINE void
range_add(struct range *r, __m512 x)
{
	__m512i bits = _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));

	r->most = _mm512_max_epu32(r->most, bits);
	r->least =
		_mm512_mask_min_epu32(r->least, _mm512_test_epi32_mask(bits, bits), r->least, bits);
}

/* Rows or columns at .. at+15 of an operand.  Those that are all zero are harmless, those not finite never serve. */
AVX512_INLINE void
operand_set_range(struct operand *o, int at, __m512i most, __m512i least)
{
	__mmask16 some = _mm512_test_epi32_mask(most, most),
		  good = _mm512_cmplt_epu32_mask(most, _mm512_set1_epi32((int)FINITE));
	__m512 exponent = _mm512_maskz_getexp_ps(some & good, _mm512_castsi512_ps(most)),
	       low = _mm512_maskz_sub_ps(some, _mm512_getexp_ps(_mm512_castsi512_ps(least)),
					 exponent);

	low = _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY), good, low);
	_mm512_storeu_ps(o->exponent + at, exponent);
	_mm512_storeu_ps(o->low + at, low);
	o->lowest = fminf(at ? o->lowest : 0, _mm512_reduce_min_ps(low));
}

/* A[rows <= SIDE][k]: a row of a tile is DEPTH values of a row. */
AVX512 static void
split_rows(struct operand *o, const float *A, size_t lda, int rows, int k)
{
	uint32_t most[SIDE] = {0}, least[SIDE] = {0};

	for (int i = 0; i < rows; i++) {
		struct range r = range_empty();

		for (int l = 0; l < k; l += 16)
			range_add(&r, _mm512_maskz_loadu_ps(first(k - l), A + i * lda + l));
		most[i] = _mm512_reduce_max_epu32(r.most);
		least[i] = _mm512_reduce_min_epu32(r.least);
	}
	for (int at = 0; at < SIDE; at += 16)
		operand_set_range(o, at, _mm512_loadu_si512(most + at),
				  _mm512_loadu_si512(least + at));
	for (int i = 0; i < SIDE; i++) {
		__m512 shift = _mm512_set1_ps(-o->exponent[i]);
		bool used = i < rows && o->low[i] > -INFINITY;

		for (int l = 0; l < k; l += 16) {
			__mmask16 m = used ? first(k - l) : 0;
			const float *from = used ? A + i * lda + l : A;
			__m512i part[PARTS];

			split(_mm512_scalef_ps(_mm512_maskz_loadu_ps(m, from), shift), part);
			UNROLL for (int p = HI; p < PARTS; p++) _mm256_storeu_si256(
				(void *)&o->pairs[l / DEPTH][p][i / 16][i % 16][l % DEPTH / 2],
				_mm512_cvtepi32_epi16(_mm512_srli_epi32(part[p], 16)));
		}
		for (int p = HI; k % DEPTH && k % DEPTH <= 16 && p < PARTS; p++)
			_mm256_storeu_si256((void *)&o->pairs[k / DEPTH][p][i / 16][i % 16][8],
					    _mm256_setzero_si256());
	}
}

/* b[k][width]: a row of a tile is two rows of b, 16 columns of them. */
AVX512 static void
split_columns(struct operand *o, const float *b, int width, int k)
{
	for (int at = 0; at < width; at += 16) {
		struct range r = range_empty();
		__m512 shift;
		__mmask16 used;

		for (int l = 0; l < k; l++)
			range_add(&r, _mm512_loadu_ps(b + l * width + at));
		operand_set_range(o, at, r.most, r.least);
		shift = _mm512_sub_ps(_mm512_setzero_ps(), _mm512_loadu_ps(o->exponent + at));
		used = _mm512_cmp_ps_mask(_mm512_loadu_ps(o->low + at), _mm512_set1_ps(-INFINITY),
					  _CMP_GT_OQ);
		for (int l = 0; l < (k + DEPTH - 1) / DEPTH * DEPTH; l += 2) {
			__m512i part[2][PARTS];

			UNROLL for (int n = 0; n < 2; n++)
			{
				const float *from = l + n < k ? b + (l + n) * width + at : b;
				__mmask16 m = l + n < k ? used : 0;

				split(_mm512_scalef_ps(_mm512_maskz_loadu_ps(m, from), shift),
				      part[n]);
			}
			UNROLL for (int p = HI; p < PARTS; p++) _mm512_storeu_si512(
				o->pairs[l / DEPTH][p][at / 16][l % DEPTH / 2],
				_mm512_or_si512(_mm512_srli_epi32(part[0][p], 16), part[1][p]));
		}
	}
}

/* sums[SIDE][SIDE] of k steps.  Tiles 0 to 3 are sums, 4 and 5 rows, 6 and 7 columns; lower and right: whether there are
 * more than 16 rows and columns.  From one product of parts to the next one operand changes. */
AMX static void
multiply(const struct operand *a, const struct operand *b, int k, bool lower, bool right,
	 float *sums)
{
#define ROWS(p)                                                                                    \
	do {                                                                                       \
		TILE_LOAD(4, a->pairs[block][p][0]);                                               \
		if (lower)                                                                         \
			TILE_LOAD(5, a->pairs[block][p][1]);                                       \
	} while (0)
#define COLUMNS(p)                                                                                 \
	do {                                                                                       \
		TILE_LOAD(6, b->pairs[block][p][0]);                                               \
		if (right)                                                                         \
			TILE_LOAD(7, b->pairs[block][p][1]);                                       \
	} while (0)
#define PRODUCT()                                                                                  \
	do {                                                                                       \
		TILE_MULTIPLY(0, 4, 6);                                                            \
		if (right)                                                                         \
			TILE_MULTIPLY(1, 4, 7);                                                    \
		if (lower)                                                                         \
			TILE_MULTIPLY(2, 5, 6);                                                    \
		if (lower && right)                                                                \
			TILE_MULTIPLY(3, 5, 7);                                                    \
	} while (0)

	TILE_ZERO(0);
	TILE_ZERO(1);
	TILE_ZERO(2);
	TILE_ZERO(3);
	for (int block = 0; block * DEPTH < k; block++) {
		ROWS(LO);
		COLUMNS(HI);
		PRODUCT();
		ROWS(MID);
		PRODUCT();
		COLUMNS(MID);
		PRODUCT();
		ROWS(HI);
		PRODUCT();
		COLUMNS(LO);
		PRODUCT();
		COLUMNS(HI);
		PRODUCT();
	}
	TILE_STORE(0, sums, SIDE * sizeof *sums);
	TILE_STORE(1, sums + 16, SIDE * sizeof *sums);
	TILE_STORE(2, sums + 16 * SIDE, SIDE * sizeof *sums);
	TILE_STORE(3, sums + 16 * SIDE + 16, SIDE * sizeof *sums);
}

/* C[rows][cols] (+)= the sums, scaled back, or plain ones where the operands are too wide. */
AVX512 static void
settle(const struct operand *a, const struct operand *b, const float *sums, const float *plain,
       int rows, int cols, float *C, int ldc, bool add)
{
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < cols; j += 16) {
			__mmask16 m = first(cols - j), wide;
			float *c = C + (size_t)i * (size_t)ldc + j;
			__m512 exponent = _mm512_add_ps(_mm512_set1_ps(a->exponent[i]),
							_mm512_loadu_ps(b->exponent + j)),
			       low = _mm512_add_ps(_mm512_set1_ps(a->low[i]),
						   _mm512_loadu_ps(b->low + j)),
			       y = _mm512_scalef_ps(_mm512_loadu_ps(sums + i * SIDE + j), exponent);

			wide = _mm512_cmp_ps_mask(low, _mm512_set1_ps(TOO_WIDE), _CMP_LT_OQ);
			if (wide &
			    m) /* else plain may be memory that no page stands behind yet: slow */
				y = _mm512_mask_loadu_ps(y, wide & m, plain + i * SIDE + j);
			if (add)
				y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(m, c));
			_mm512_mask_storeu_ps(c, m, y);
		}
}

static int
panel_columns(int cols)
{
	return cols <= 16 ? 16 : SIDE;
}

AVX512 bool
kern_amx_tile(int rows, int cols, int k, const float *A, size_t lda, bool a_is_at, const float *b,
	      float *C, int ldc, bool add)
{
	struct work *w = (void *)scratch_floats(SCRATCH_TILES, sizeof *w / sizeof(float));

	if (!w)
		return false;
	for (int j = 0; j < cols; j += SIDE)
		split_columns(&w->b[j / SIDE], b + (size_t)j * (size_t)k, panel_columns(cols - j),
			      k);
	tiles_start();
	for (int i = 0; i < rows; i += SIDE) {
		int n = min_int(SIDE, rows - i);
		const float *a = a_is_at ? A + i : A + (size_t)i * lda;
		size_t ld = lda;

		if (a_is_at) {
			ld = (size_t)(k + 15) / 16 * 16;
			kern_avx512_pack_rows(a, lda, k, n, w->turned, (int)ld);
			a = w->turned;
		}
		split_rows(&w->a, a, ld, n, k);
		for (int j = 0; j < cols; j += SIDE) {
			const struct operand *panel = &w->b[j / SIDE];
			int width = panel_columns(cols - j);

			multiply(&w->a, panel, k, n > 16, width > 16, w->sums);
			for (int r = 0; r < n && w->a.lowest + panel->lowest < TOO_WIDE;
			     r += KERN_AVX512_MR)
				kern_avx512_micro(min_int(KERN_AVX512_MR, n - r), width, k,
						  a + (size_t)r * ld, ld, NULL,
						  b + (size_t)j * (size_t)k, width,
						  w->plain + r * SIDE, SIDE, false);
			settle(&w->a, panel, w->sums, w->plain, n, min_int(SIDE, cols - j),
			       C + (size_t)i * (size_t)ldc + j, ldc, add);
		}
	}
	tiles_end();
	return true;
}

/* Full 24 bits, in -1 .. 1. */
static float
sample(uint32_t i)
{
	i = (i + 1) * 2654435761u;
	i ^= i >> 15;
	i *= 2246822519u;
	return (float)((int32_t)(i >> 8) - (1 << 23)) * 0x1p-23f;
}

enum t2_status
kern_amx_check(const struct kern_impl *level, struct t2_err *err)
{
	enum { ROWS_N = KERN_AVX512_MR, K = 70 };
	float A[ROWS_N * K], b[K * SIDE], want[ROWS_N * SIDE], got[ROWS_N * SIDE];

	for (uint32_t i = 0; i < ROWS_N * K; i++)
		A[i] = sample(i);
	for (uint32_t i = 0; i < K * SIDE; i++)
		b[i] = sample(i + 5000);
	kern_avx512_micro(ROWS_N, SIDE, K, A, K, NULL, b, SIDE, want, SIDE, false);
	if (!level->tile(ROWS_N, SIDE, K, A, K, false, b, got, SIDE, false))
		return t2_nomem(err, "tiles");
	for (int i = 0; i < ROWS_N * SIDE; i++)
		if (!(fabsf(got[i] - want[i]) <= 0x1p-18f)) /* two parts instead of three: 2^-14 */
			return t2_fail(
				err, T2_ENUM,
				"T2_KERNELS=%s: its products are wrong on this processor (%g, not "
				"%g): unset it",
				level->name, (double)got[i], (double)want[i]);
	return T2_OK;
}
#endif
