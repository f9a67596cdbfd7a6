/* The kernels for AVX2, FMA and F16C. */
#if defined(__x86_64__)
#include "engine/linalg/kern_avx2.h"

#include <math.h>
#include <string.h>

#define AHEAD 8192 /* weights are fetched this far ahead of their use, in bytes */
#define UNIT  32   /* values taken together: a block, or a run within a block of 256 */

AVX2_INLINE float
half_at(const char *p)
{
	uint16_t h;

	memcpy(&h, p, sizeof h);
	return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(h)));
}

AVX2_INLINE __m128i
load128(const char *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

AVX2_INLINE __m256i
load256(const char *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}

/* Sixteen bytes of nibbles: all low ones, then all high ones. */
AVX2_INLINE __m256i
nibbles(const char *p)
{
	__m128i q = load128(p), low = _mm_set1_epi8(15);

	return _mm256_set_m128i(_mm_and_si128(_mm_srli_epi16(q, 4), low), _mm_and_si128(q, low));
}

/* 16 in every byte whose bit of the 32 at p is set. */
AVX2_INLINE __m256i
fifth_bits(const char *p)
{
	const __m256i byte_of =
		_mm256_set_epi64x(0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0);
	const __m256i bit_of = _mm256_set1_epi64x((long long)0x8040201008040201);
	int bits;

	memcpy(&bits, p, sizeof bits);
	__m256i spread =
		_mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(bits), byte_of), bit_of);
	return _mm256_and_si256(_mm256_cmpeq_epi8(spread, bit_of), _mm256_set1_epi8(16));
}

/* v[i] = (signed bytes) * d + m, products exact; without has_min no sum, so that zeros keep their sign. */
AVX2_INLINE void
scale32(__m256i bytes, float d, bool has_min, float m, __m256 v[4])
{
	__m128i half[2] = {_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)};
	__m256 vd = _mm256_set1_ps(d), vm = _mm256_set1_ps(m);

	UNROLL for (int i = 0; i < 4; i++)
	{
		__m128i eight = i % 2 ? _mm_srli_si128(half[i / 2], 8) : half[i / 2];
		__m256 f = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight));
		v[i] = has_min ? _mm256_fmadd_ps(f, vd, vm) : _mm256_mul_ps(f, vd);
	}
}

AVX2_INLINE void
k_scale(const char *p, int i, float *scale, float *min)
{
	const uint8_t *s = (const uint8_t *)p;

	if (i < 4) {
		*scale = (float)(s[i] & 63);
		*min = (float)(s[i + 4] & 63);
	} else {
		*scale = (float)((s[i + 4] & 15) | (s[i - 4] >> 6) << 4);
		*min = (float)(s[i + 4] >> 4 | (s[i] >> 6) << 4);
	}
}

AVX2_INLINE void
k_unit(const enum dtype t, const char *p, int s, __m256 v[4])
{
	__m256i q = load256(p + (t == T2_Q4_K ? 16 : 48) + s / 2 * 32);
	float scale, min;

	k_scale(p + 4, s, &scale, &min);
	q = _mm256_and_si256(s % 2 ? _mm256_srli_epi16(q, 4) : q, _mm256_set1_epi8(15));
	if (t == T2_Q5_K) {
		__m256i bit = _mm256_set1_epi8((char)(1 << s)),
			set = _mm256_cmpeq_epi8(_mm256_and_si256(load256(p + 16), bit), bit);
		q = _mm256_or_si256(q, _mm256_and_si256(set, _mm256_set1_epi8(16)));
	}
	scale32(q, half_at(p) * scale, true, -(half_at(p + 2) * min), v);
}

AVX2_INLINE void
q6_k_unit(const char *p, int s, __m256 v[4])
{
	int half = s / 4, run = s % 4;
	__m256i low = load256(p + half * 64 + run % 2 * 32), high = load256(p + 128 + half * 32);
	float d = half_at(p + 208);
	const int8_t *scale = (const int8_t *)p + 192 + half * 8 + run * 2;
	__m256 rest[4];

	low = _mm256_and_si256(run / 2 ? _mm256_srli_epi16(low, 4) : low, _mm256_set1_epi8(15));
	high = _mm256_and_si256(_mm256_srl_epi16(high, _mm_cvtsi32_si128(2 * run)),
				_mm256_set1_epi8(3));
	low = _mm256_sub_epi8(_mm256_or_si256(low, _mm256_slli_epi16(high, 4)),
			      _mm256_set1_epi8(32));
	scale32(low, d * scale[0], false, 0, v);
	scale32(low, d * scale[1], false, 0, rest);
	v[2] = rest[2];
	v[3] = rest[3];
}

/* Values 32 s .. 32 s + 31 of the block at p; s is 0 but in blocks of 256. */
AVX2_INLINE void
unit(const enum dtype t, const char *p, int s, __m256 v[4])
{
	switch (t) {
	case T2_F32:
		UNROLL for (int i = 0; i < 4; i++) v[i] = _mm256_loadu_ps((const float *)p + 8 * i);
		break;
	case T2_F16:
		UNROLL for (int i = 0; i < 4; i++) v[i] = _mm256_cvtph_ps(load128(p + 16 * i));
		break;
	case T2_BF16:
		UNROLL for (int i = 0; i < 4; i++) v[i] = _mm256_castsi256_ps(
			_mm256_slli_epi32(_mm256_cvtepu16_epi32(load128(p + 16 * i)), 16));
		break;
	case T2_Q8_0:
		scale32(load256(p + 2), half_at(p), false, 0, v);
		break;
	case T2_Q4_0:
		scale32(_mm256_sub_epi8(nibbles(p + 2), _mm256_set1_epi8(8)), half_at(p), false, 0,
			v);
		break;
	case T2_Q4_1:
		scale32(nibbles(p + 4), half_at(p), true, half_at(p + 2), v);
		break;
	case T2_Q5_0:
		scale32(_mm256_sub_epi8(_mm256_or_si256(nibbles(p + 6), fifth_bits(p + 2)),
					_mm256_set1_epi8(16)),
			half_at(p), false, 0, v);
		break;
	case T2_Q5_1:
		scale32(_mm256_or_si256(nibbles(p + 8), fifth_bits(p + 4)), half_at(p), true,
			half_at(p + 2), v);
		break;
	case T2_Q6_K:
		q6_k_unit(p, s, v);
		break;
	default:
		k_unit(t, p, s, v);
		break;
	}
}

AVX2_INLINE float
reduce_add(__m256 v)
{
	__m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* What is left of a row of a whole-value type after its last full unit. */
AVX2 static float
dot_tail(enum dtype t, const char *p, int n, const float *x)
{
	float buf[UNIT], sum = 0;

	dtype_to_f32(t, p, (size_t)n, buf);
	for (int i = 0; i < n; i++)
		sum += buf[i] * x[i];
	return sum;
}

/* One weight row times B rows of x, B a constant; two sums a row of x. */
AVX2_INLINE void
row(const enum dtype t, const char *p, int n, const float *x, int ldx, float *y, int ldy,
    const int B)
{
	const int units = dtype_block(t) == 256 ? 8 : 1;
	const size_t bytes = dtype_row_bytes(t, (size_t)(UNIT * units));
	__m256 sum[KERN_ROWS][2], v[4];

	UNROLL for (int b = 0; b < B; b++) sum[b][0] = sum[b][1] = _mm256_setzero_ps();
	for (; n >= UNIT; p += bytes) {
		for (size_t i = 0; i < bytes; i += 64)
			_mm_prefetch(p + AHEAD + i, _MM_HINT_T0);
		for (int s = 0; s < units; s++, n -= UNIT, x += UNIT) {
			unit(t, p, s, v);
			UNROLL for (int b = 0; b < B; b++) UNROLL for (int i = 0; i < 4;
								       i++) sum[b][i % 2] =
				_mm256_fmadd_ps(v[i], _mm256_loadu_ps(x + (size_t)b * ldx + 8 * i),
						sum[b][i % 2]);
		}
	}
	UNROLL for (int b = 0; b < B; b++)
	{
		float s = reduce_add(_mm256_add_ps(sum[b][0], sum[b][1]));
		y[(size_t)b * ldy] = n ? s + dot_tail(t, p, n, x + (size_t)b * ldx) : s;
	}
}

AVX2_INLINE void
rows_of(const enum dtype t, const char *w, int mrows, int n, const float *x, int ldx, int rows,
	float *y, int ldy)
{
	size_t stride = dtype_row_bytes(t, (size_t)n);

	for (int j = 0; j < mrows; j++, w += stride, y++) {
		int b = 0;
		for (; b + 4 <= rows; b += 4)
			row(t, w, n, x + (size_t)b * ldx, ldx, y + (size_t)b * ldy, ldy, 4);
		for (; b + 2 <= rows; b += 2)
			row(t, w, n, x + (size_t)b * ldx, ldx, y + (size_t)b * ldy, ldy, 2);
		if (b < rows)
			row(t, w, n, x + (size_t)b * ldx, ldx, y + (size_t)b * ldy, ldy, 1);
	}
}

AVX2_INLINE void
unpack_of(const enum dtype t, const char *p, size_t n, float *y)
{
	const int units = dtype_block(t) == 256 ? 8 : 1;
	const size_t bytes = dtype_row_bytes(t, (size_t)(UNIT * units));
	__m256 v[4];

	for (; n >= UNIT; p += bytes)
		for (int s = 0; s < units; s++, n -= UNIT, y += UNIT) {
			unit(t, p, s, v);
			UNROLL for (int i = 0; i < 4; i++) _mm256_storeu_ps(y + 8 * i, v[i]);
		}
	if (n)
		dtype_to_f32(t, p, n, y);
}

/* A case for each type, so that it is a constant in what is inlined. */
/* clang-format off */
#define EACH_TYPE(CASE)                                                                            \
	CASE(T2_F32) CASE(T2_F16) CASE(T2_BF16) CASE(T2_Q8_0) CASE(T2_Q4_0) CASE(T2_Q4_1)          \
	CASE(T2_Q5_0) CASE(T2_Q5_1) CASE(T2_Q4_K) CASE(T2_Q5_K) CASE(T2_Q6_K)
/* clang-format on */

AVX2 static void
matvec(enum dtype t, const void *W, int mrows, int n, const float *x, int ldx, int rows, float *y,
       int ldy, const float *arranged)
{
	(void)arranged;
#define MATVEC(type)                                                                               \
	case type:                                                                                 \
		rows_of(type, W, mrows, n, x, ldx, rows, y, ldy);                                  \
		break;
	switch (t) {
		EACH_TYPE(MATVEC)
	default:
		break;
	}
}

AVX2 static void
unpack(enum dtype t, const void *src, size_t n, float *dst)
{
#define UNPACK(type)                                                                               \
	case type:                                                                                 \
		unpack_of(type, src, n, dst);                                                      \
		break;
	switch (t) {
		EACH_TYPE(UNPACK)
	default:
		break;
	}
}

/* Up to eight floats; the missing ones are `fill`. */
AVX2_INLINE __m256
load(const float *p, int left, float fill)
{
	float buf[8] = {fill, fill, fill, fill, fill, fill, fill, fill};

	if (left >= 8)
		return _mm256_loadu_ps(p);
	memcpy(buf, p, (size_t)left * sizeof *p);
	return _mm256_loadu_ps(buf);
}

AVX2_INLINE void
store(float *p, __m256 v, int left)
{
	float buf[8];

	if (left >= 8) {
		_mm256_storeu_ps(p, v);
		return;
	}
	_mm256_storeu_ps(buf, v);
	memcpy(p, buf, (size_t)left * sizeof *p);
}

AVX2 static float
dot(const float *a, const float *b, int n)
{
	__m256 sum[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
			 _mm256_setzero_ps()};
	int i = 0;

	for (; i + 32 <= n; i += 32)
		UNROLL for (int j = 0; j < 4; j++) sum[j] = _mm256_fmadd_ps(
			_mm256_loadu_ps(a + i + 8 * j), _mm256_loadu_ps(b + i + 8 * j), sum[j]);
	for (; i < n; i += 8)
		sum[0] = _mm256_fmadd_ps(load(a + i, n - i, 0), load(b + i, n - i, 0), sum[0]);
	return reduce_add(
		_mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
}

AVX2 static void
axpy(float *y, float a, const float *x, int n)
{
	__m256 va = _mm256_set1_ps(a);

	for (int i = 0; i < n; i += 8)
		store(y + i, _mm256_fmadd_ps(va, load(x + i, n - i, 0), load(y + i, n - i, 0)),
		      n - i);
}

AVX2 static void
scale_mul(float *y, const float *x, const float *s, int n)
{
	for (int i = 0; i < n; i += 8)
		store(y + i, _mm256_mul_ps(load(x + i, n - i, 0), load(s + i, n - i, 0)), n - i);
}

AVX2 static void
rmsnorm(float *y, const float *x, const float *w, int n, float eps)
{
	__m256 scale = _mm256_set1_ps(1 / sqrtf(dot(x, x, n) / (float)n + eps));

	for (int i = 0; i < n; i += 8)
		store(y + i,
		      _mm256_mul_ps(_mm256_mul_ps(load(x + i, n - i, 0), scale),
				    load(w + i, n - i, 0)),
		      n - i);
}

/* 2^k, -126 <= k <= 127. */
AVX2_INLINE __m256
power_of_2(__m256i k)
{
	return _mm256_castsi256_ps(
		_mm256_slli_epi32(_mm256_add_epi32(k, _mm256_set1_epi32(127)), 23));
}

/* As in kern_avx512.c; here 2^k comes in two factors, the second of which rounds into the subnormal numbers. */
AVX2_INLINE __m256
exp8(__m256 x)
{
	x = _mm256_min_ps(_mm256_set1_ps(100), _mm256_max_ps(_mm256_set1_ps(-120), x));
	__m256 k = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(0x1.715476p+0f)),
				   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	__m256 r = _mm256_fnmadd_ps(k, _mm256_set1_ps(0x1.62e4p-1f), x);
	__m256 p = _mm256_set1_ps(1 / 5040.0f);
	__m256i whole = _mm256_cvtps_epi32(k), half = _mm256_srai_epi32(whole, 1);

	r = _mm256_fnmadd_ps(k, _mm256_set1_ps(0x1.7f7d1cp-20f), r);
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1 / 720.0f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1 / 120.0f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1 / 24.0f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1 / 6.0f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
	p = _mm256_fmadd_ps(_mm256_mul_ps(p, r), r, r);
	p = _mm256_add_ps(p, _mm256_set1_ps(1));
	return _mm256_mul_ps(_mm256_mul_ps(p, power_of_2(half)),
			     power_of_2(_mm256_sub_epi32(whole, half)));
}

AVX2 static void
silu_mul(float *y, const float *gate, const float *up, int n)
{
	__m256 one = _mm256_set1_ps(1);

	for (int i = 0; i < n; i += 8) {
		__m256 g = load(gate + i, n - i, 0), u = load(up + i, n - i, 0);
		__m256 e = exp8(_mm256_sub_ps(_mm256_setzero_ps(), g));
		store(y + i, _mm256_mul_ps(_mm256_div_ps(g, _mm256_add_ps(one, e)), u), n - i);
	}
}

AVX2_INLINE float
largest(const float *x, int n)
{
	__m256 max = _mm256_set1_ps(x[0]);
	float each[8], most;

	for (int i = 0; i < n; i += 8)
		max = _mm256_max_ps(max, load(x + i, n - i, x[0]));
	_mm256_storeu_ps(each, max);
	most = each[0];
	for (int i = 1; i < 8; i++)
		most = each[i] > most ? each[i] : most;
	return most;
}

AVX2 static void
softmax(float *x, int n)
{
	__m256 max = _mm256_set1_ps(largest(x, n)), sum = _mm256_setzero_ps(), scale;

	for (int i = 0; i < n; i += 8) {
		__m256 e = exp8(_mm256_sub_ps(load(x + i, n - i, -INFINITY), max));
		store(x + i, e, n - i);
		sum = _mm256_add_ps(sum, e); /* missing ones are e^-infinity */
	}
	scale = _mm256_set1_ps(1 / reduce_add(sum));
	for (int i = 0; i < n; i += 8)
		store(x + i, _mm256_mul_ps(load(x + i, n - i, 0), scale), n - i);
}

AVX2 static double
logsumexp(const float *x, int n)
{
	float most = largest(x, n);
	__m256 max = _mm256_set1_ps(most);
	__m256d low = _mm256_setzero_pd(), high = _mm256_setzero_pd();
	double each[4];

	for (int i = 0; i < n; i += 8) {
		__m256 e = exp8(_mm256_sub_ps(load(x + i, n - i, -INFINITY), max));
		low = _mm256_add_pd(low, _mm256_cvtps_pd(_mm256_castps256_ps128(e)));
		high = _mm256_add_pd(high, _mm256_cvtps_pd(_mm256_extractf128_ps(e, 1)));
	}
	_mm256_storeu_pd(each, _mm256_add_pd(low, high));
	return (double)most + log((each[0] + each[1]) + (each[2] + each[3]));
}

const struct kern_impl kern_avx2 = {
	.name = "avx2",
	.matvec = matvec,
	.unpack = unpack,
	.dot = dot,
	.axpy = axpy,
	.scale_mul = scale_mul,
	.rmsnorm = rmsnorm,
	.silu_mul = silu_mul,
	.softmax = softmax,
	.logsumexp = logsumexp,
	.mr = KERN_AVX2_MR,
	.nr = KERN_AVX2_NR,
	.micro = kern_avx2_micro,
	.turn = kern_turn,
	.pack_rows = kern_avx2_pack_rows,
	.pack_cols = kern_avx2_pack_cols,
};
#endif
