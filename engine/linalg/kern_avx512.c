/* The kernels for AVX-512: vector work, and products with the types whose values are whole bytes. */
#if defined(__x86_64__)
#include "engine/linalg/kern_avx512.h"

#include <math.h>
#include <stdbool.h>

#include "engine/linalg/cpu.h"
#include "engine/linalg/kern_amx.h"

AVX512_INLINE __mmask16
first(int n)
{
	return (__mmask16)((1u << n) - 1);
}

/* Values i .. i+15 of a row; t is a constant wherever this is inlined. */
AVX512_INLINE __m512
load16(const enum dtype t, const char *row, int i)
{
	__m512i wide;

	switch (t) {
	case T2_F16:
		return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(row + 2 * (size_t)i)));
	case T2_BF16:
		wide = _mm512_cvtepu16_epi32(
			_mm256_loadu_si256((const __m256i *)(row + 2 * (size_t)i)));
		return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
	default:
		return _mm512_loadu_ps(row + 4 * (size_t)i);
	}
}

/* The same of the last few values: nothing behind them is touched. */
AVX512_INLINE __m512
load_tail(const enum dtype t, const char *row, int i, __mmask16 m)
{
	__m512i wide;

	switch (t) {
	case T2_F16:
		return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, row + 2 * (size_t)i));
	case T2_BF16:
		wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m, row + 2 * (size_t)i));
		return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
	default:
		return _mm512_maskz_loadu_ps(m, row + 4 * (size_t)i);
	}
}

/* R weight rows times B rows of x, both constants: the sums stay in registers. */
AVX512_INLINE void
plain_rows(const enum dtype t, const char *w, size_t stride, int n, const float *x, int ldx,
	   float *y, int ldy, const int R, const int B)
{
	__m512 sum[4][4];
	const size_t turn = (size_t)R * (t == T2_F32 ? 64 : 32); /* bytes a turn takes */
	const char *ahead = w + (size_t)R * stride + AHEAD;
	int i = 0;

	UNROLL for (int r = 0; r < R; r++) UNROLL for (int b = 0; b < B; b++) sum[r][b] =
		_mm512_setzero_ps();
	for (; i + 16 <= n; i += 16) {
		__m512 v[4];
		UNROLL for (size_t l = 0; l < turn; l += 64) _mm_prefetch(ahead + l, _MM_HINT_T0);
		ahead += turn;
		UNROLL for (int r = 0; r < R; r++) v[r] = load16(t, w + (size_t)r * stride, i);
		UNROLL for (int b = 0; b < B; b++)
		{
			__m512 xb = _mm512_loadu_ps(x + (size_t)b * ldx + i);
			UNROLL for (int r = 0; r < R; r++) sum[r][b] =
				_mm512_fmadd_ps(v[r], xb, sum[r][b]);
		}
	}
	if (i < n) {
		__mmask16 m = first(n - i);
		UNROLL for (int b = 0; b < B; b++)
		{
			__m512 xb = _mm512_maskz_loadu_ps(m, x + (size_t)b * ldx + i);
			UNROLL for (int r = 0; r < R; r++) sum[r][b] = _mm512_fmadd_ps(
				load_tail(t, w + (size_t)r * stride, i, m), xb, sum[r][b]);
		}
	}
	UNROLL for (int r = 0; r < R; r++) UNROLL for (int b = 0; b < B; b++)
		y[(size_t)b * ldy + r] = _mm512_reduce_add_ps(sum[r][b]);
}

/* Blocks of 32 signed bytes after their scale. */
AVX512_INLINE void
q8_0_rows(const char *w, size_t stride, int n, const float *x, int ldx, float *y, int ldy,
	  const int R, const int B)
{
	__m512 sum[4][4];
	const char *ahead = w + (size_t)R * stride + AHEAD;

	UNROLL for (int r = 0; r < R; r++) UNROLL for (int b = 0; b < B; b++) sum[r][b] =
		_mm512_setzero_ps();
	for (int i = 0; i < n; i += 32, w += 34) {
		UNROLL for (size_t l = 0; l < (size_t)R * 34; l += 64)
			_mm_prefetch(ahead + l, _MM_HINT_T0);
		ahead += R * 34;
		UNROLL for (int r = 0; r < R; r++)
		{
			const char *p = w + (size_t)r * stride;
			__m512 d = half_all(p);
			__m512 low = _mm512_cvtepi32_ps(
				_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(p + 2))));
			__m512 high = _mm512_cvtepi32_ps(
				_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(p + 18))));

			UNROLL for (int b = 0; b < B; b++)
			{
				const float *xb = x + (size_t)b * ldx + i;
				__m512 part = _mm512_mul_ps(low, _mm512_loadu_ps(xb));
				part = _mm512_fmadd_ps(high, _mm512_loadu_ps(xb + 16), part);
				sum[r][b] = _mm512_fmadd_ps(part, d, sum[r][b]);
			}
		}
	}
	UNROLL for (int r = 0; r < R; r++) UNROLL for (int b = 0; b < B; b++)
		y[(size_t)b * ldy + r] = _mm512_reduce_add_ps(sum[r][b]);
}

AVX512_INLINE void
some_rows(const enum dtype t, const char *w, size_t stride, int n, const float *x, int ldx,
	  float *y, int ldy, const int R, const int B)
{
	if (t == T2_Q8_0)
		q8_0_rows(w, stride, n, x, ldx, y, ldy, R, B);
	else
		plain_rows(t, w, stride, n, x, ldx, y, ldy, R, B);
}

AVX512_INLINE void
some_x(const enum dtype t, const char *w, size_t stride, int n, const float *x, int ldx, int rows,
       float *y, int ldy, const int R)
{
	switch (rows) {
	case 1:
		some_rows(t, w, stride, n, x, ldx, y, ldy, R, 1);
		break;
	case 2:
		some_rows(t, w, stride, n, x, ldx, y, ldy, R, 2);
		break;
	case 3:
		some_rows(t, w, stride, n, x, ldx, y, ldy, R, 3);
		break;
	default:
		some_rows(t, w, stride, n, x, ldx, y, ldy, R, 4);
		break;
	}
}

/* Four weight rows at a time, and up to four rows of x: more of them would not find registers, or their loads, which
 * lie across cache lines unless x is aligned, would be slower than the products.  The second four read the same
 * weights again, from the innermost cache. */
AVX512_INLINE void
any_rows(const enum dtype t, const char *w, size_t stride, int mrows, int n, const float *x,
	 int ldx, int rows, float *y, int ldy)
{
	const float *x4 = x + 4 * (size_t)ldx;
	int j = 0;

	for (; j + 4 <= mrows; j += 4, w += 4 * stride) {
		some_x(t, w, stride, n, x, ldx, rows < 4 ? rows : 4, y + j, ldy, 4);
		if (rows > 4)
			some_x(t, w, stride, n, x4, ldx, rows - 4, y + 4 * (size_t)ldy + j, ldy, 4);
	}
	for (; j < mrows; j++, w += stride) {
		some_x(t, w, stride, n, x, ldx, rows < 4 ? rows : 4, y + j, ldy, 1);
		if (rows > 4)
			some_x(t, w, stride, n, x4, ldx, rows - 4, y + 4 * (size_t)ldy + j, ldy, 1);
	}
}

/* How a product is computed: with x as it is, or arranged in one of four ways.  One row of x is bound by unpacking, which
 * takes fewer steps in whole numbers; more rows share it. */
enum way { AS_IT_IS, IN_BYTES, IN_BLOCKS, IN_SUPER, IN_FLOATS };

static enum way
way_of(enum dtype t, int rows)
{
	bool fixed = rows == 1 && cpu_features()->avx512_vnni;

	switch (t) {
	case T2_F32:
	case T2_F16:
	case T2_BF16:
		return AS_IT_IS;
	case T2_Q8_0:
		return fixed ? IN_BYTES : AS_IT_IS;
	case T2_Q4_0:
	case T2_Q4_1:
	case T2_Q5_0:
	case T2_Q5_1:
		return fixed ? IN_BLOCKS : IN_FLOATS;
	default:
		return fixed ? IN_SUPER : IN_FLOATS;
	}
}

static size_t
arranged_size(enum dtype t, int n, int rows)
{
	switch (way_of(t, rows)) {
	case AS_IT_IS:
		return 0;
	case IN_BYTES:
		return kern_avx512_bytes_size(n);
	case IN_BLOCKS:
		return kern_avx512_blocks_size(n);
	case IN_SUPER:
		return kern_avx512_fixed_size(n);
	default:
		return kern_avx512_quant_size(n, rows);
	}
}

static void
arrange(enum dtype t, const float *x, int ldx, int n, int rows, float *arranged)
{
	switch (way_of(t, rows)) {
	case AS_IT_IS:
		break;
	case IN_BYTES:
		kern_avx512_bytes_arrange(x, n, arranged);
		break;
	case IN_BLOCKS:
		kern_avx512_blocks_arrange(t, x, n, arranged);
		break;
	case IN_SUPER:
		kern_avx512_fixed_arrange(t, x, n, arranged);
		break;
	default:
		kern_avx512_quant_arrange(t, x, ldx, n, rows, arranged);
		break;
	}
}

AVX512 static void
as_it_is(enum dtype t, const void *W, int mrows, int n, const float *x, int ldx, int rows, float *y,
	 int ldy)
{
	size_t stride = dtype_row_bytes(t, (size_t)n);

	switch (t) {
	case T2_F32:
		any_rows(T2_F32, W, stride, mrows, n, x, ldx, rows, y, ldy);
		break;
	case T2_F16:
		any_rows(T2_F16, W, stride, mrows, n, x, ldx, rows, y, ldy);
		break;
	case T2_BF16:
		any_rows(T2_BF16, W, stride, mrows, n, x, ldx, rows, y, ldy);
		break;
	default:
		any_rows(T2_Q8_0, W, stride, mrows, n, x, ldx, rows, y, ldy);
		break;
	}
}

static void
matvec(enum dtype t, const void *W, int mrows, int n, const float *x, int ldx, int rows, float *y,
       int ldy, const float *arranged)
{
	switch (way_of(t, rows)) {
	case AS_IT_IS:
		as_it_is(t, W, mrows, n, x, ldx, rows, y, ldy);
		break;
	case IN_BYTES:
		kern_avx512_bytes_matvec(W, mrows, n, arranged, y);
		break;
	case IN_BLOCKS:
		kern_avx512_blocks_matvec(t, W, mrows, n, arranged, y);
		break;
	case IN_SUPER:
		kern_avx512_fixed_matvec(t, W, mrows, n, arranged, y);
		break;
	default:
		kern_avx512_quant_matvec(t, W, mrows, n, arranged, rows, y, ldy);
		break;
	}
}

AVX512 static float
dot(const float *a, const float *b, int n)
{
	__m512 sum[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
			 _mm512_setzero_ps()};
	int i = 0;

	for (; i + 64 <= n; i += 64)
		UNROLL for (int j = 0; j < 4; j++) sum[j] = _mm512_fmadd_ps(
			_mm512_loadu_ps(a + i + 16 * j), _mm512_loadu_ps(b + i + 16 * j), sum[j]);
	for (; i + 16 <= n; i += 16)
		sum[0] = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), sum[0]);
	if (i < n) {
		__mmask16 m = first(n - i);
		sum[1] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, a + i),
					 _mm512_maskz_loadu_ps(m, b + i), sum[1]);
	}
	return _mm512_reduce_add_ps(
		_mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
}

/* The loops below take 16 values a turn; m leaves the last turn's missing ones alone. */
#define EACH_16(i, m, n)                                                                           \
	for (int i = 0, m; i < (n) && (m = first((n)-i < 16 ? (n)-i : 16)); i += 16)

AVX512 static void
axpy(float *y, float a, const float *x, int n)
{
	__m512 va = _mm512_set1_ps(a);

	EACH_16(i, m, n)
	_mm512_mask_storeu_ps(y + i, m,
			      _mm512_fmadd_ps(va, _mm512_maskz_loadu_ps(m, x + i),
					      _mm512_maskz_loadu_ps(m, y + i)));
}

AVX512 static void
scale_mul(float *y, const float *x, const float *s, int n)
{
	EACH_16(i, m, n)
	_mm512_mask_storeu_ps(
		y + i, m,
		_mm512_mul_ps(_mm512_maskz_loadu_ps(m, x + i), _mm512_maskz_loadu_ps(m, s + i)));
}

AVX512 static void
rmsnorm(float *y, const float *x, const float *w, int n, float eps)
{
	__m512 scale = _mm512_set1_ps(1 / sqrtf(dot(x, x, n) / (float)n + eps));

	EACH_16(i, m, n)
	{
		__m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, x + i), scale);
		_mm512_mask_storeu_ps(y + i, m, _mm512_mul_ps(v, _mm512_maskz_loadu_ps(m, w + i)));
	}
}

/* e^x = 2^k e^r, |r| <= ln 2 / 2: ln 2 in two parts, the first short enough that k times it is exact; then the
 * Taylor series to r^7, whose first term left out is below 2^-27.  Beyond the range it gives infinity or zero. */
AVX512_INLINE __m512
exp16(__m512 x)
{
	/* Limits come first in the comparison, so that what is no number stays none. */
	x = _mm512_min_ps(_mm512_set1_ps(100), _mm512_max_ps(_mm512_set1_ps(-120), x));
	__m512 k = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(0x1.715476p+0f)),
					_MM_FROUND_TO_NEAREST_INT);
	__m512 r = _mm512_fnmadd_ps(k, _mm512_set1_ps(0x1.62e4p-1f), x);
	__m512 p = _mm512_set1_ps(1 / 5040.0f);

	r = _mm512_fnmadd_ps(k, _mm512_set1_ps(0x1.7f7d1cp-20f), r);
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1 / 720.0f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1 / 120.0f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1 / 24.0f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1 / 6.0f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
	p = _mm512_fmadd_ps(_mm512_mul_ps(p, r), r,
			    r); /* e^r - 1, so that the last sum rounds alone */
	return _mm512_scalef_ps(_mm512_add_ps(p, _mm512_set1_ps(1)), k);
}

AVX512 static void
silu_mul(float *y, const float *gate, const float *up, int n)
{
	__m512 one = _mm512_set1_ps(1);

	EACH_16(i, m, n)
	{
		__m512 g = _mm512_maskz_loadu_ps(m, gate + i), u = _mm512_maskz_loadu_ps(m, up + i);
		__m512 e = exp16(_mm512_sub_ps(_mm512_setzero_ps(), g));
		_mm512_mask_storeu_ps(y + i, m,
				      _mm512_mul_ps(_mm512_div_ps(g, _mm512_add_ps(one, e)), u));
	}
}

AVX512_INLINE float
largest(const float *x, int n)
{
	__m512 max = _mm512_set1_ps(x[0]);

	EACH_16(i, m, n)
	max = _mm512_mask_max_ps(max, m, max, _mm512_maskz_loadu_ps(m, x + i));
	return _mm512_reduce_max_ps(max);
}

AVX512 static void
softmax(float *x, int n)
{
	__m512 max = _mm512_set1_ps(largest(x, n)), sum = _mm512_setzero_ps(), scale;

	EACH_16(i, m, n)
	{
		__m512 e = exp16(_mm512_sub_ps(_mm512_maskz_loadu_ps(m, x + i), max));
		_mm512_mask_storeu_ps(x + i, m, e);
		sum = _mm512_mask_add_ps(sum, m, sum, e);
	}
	scale = _mm512_set1_ps(1 / _mm512_reduce_add_ps(sum));
	EACH_16(i, m, n)
	_mm512_mask_storeu_ps(x + i, m, _mm512_mul_ps(_mm512_maskz_loadu_ps(m, x + i), scale));
}

AVX512 static double
logsumexp(const float *x, int n)
{
	float most = largest(x, n);
	__m512 max = _mm512_set1_ps(most);
	__m512d low = _mm512_setzero_pd(), high = _mm512_setzero_pd();

	EACH_16(i, m, n)
	{
		__m512 e = exp16(_mm512_sub_ps(_mm512_maskz_loadu_ps(m, x + i), max));
		e = _mm512_maskz_mov_ps(m, e);
		low = _mm512_add_pd(low, _mm512_cvtps_pd(_mm512_castps512_ps256(e)));
		high = _mm512_add_pd(high, _mm512_cvtps_pd(_mm512_extractf32x8_ps(e, 1)));
	}
	return (double)most + log(_mm512_reduce_add_pd(_mm512_add_pd(low, high)));
}

#define EVERYTHING                                                                                 \
	.arranged_size = arranged_size, .arrange = arrange, .matvec = matvec,                      \
	.unpack = kern_avx512_unpack, .dot = dot, .axpy = axpy, .scale_mul = scale_mul,            \
	.rmsnorm = rmsnorm, .silu_mul = silu_mul, .softmax = softmax, .logsumexp = logsumexp,      \
	.mr = KERN_AVX512_MR, .nr = KERN_AVX512_NR, .micro = kern_avx512_micro,                    \
	.turn = kern_avx512_turn, .pack_rows = kern_avx512_pack_rows,                              \
	.pack_cols = kern_avx512_pack_cols

const struct kern_impl kern_avx512 = {.name = "avx512", EVERYTHING};
const struct kern_impl kern_amx = {.name = "amx", .tile = kern_amx_tile, EVERYTHING};
#endif
