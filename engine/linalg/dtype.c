#include "engine/linalg/dtype.h"

#include <math.h>
#include <string.h>

#define Q_BLOCK 32  /* values in a block of the simple types */
#define K_BLOCK 256 /* values in a super-block of the K types */

static const struct {
	const char *name;
	int block, bytes;
} types[T2_DTYPES] = {
	[T2_F32] = {"F32", 1, 4},	    [T2_F16] = {"F16", 1, 2},
	[T2_BF16] = {"BF16", 1, 2},	    [T2_Q8_0] = {"Q8_0", Q_BLOCK, 34},
	[T2_Q4_0] = {"Q4_0", Q_BLOCK, 18},  [T2_Q4_1] = {"Q4_1", Q_BLOCK, 20},
	[T2_Q5_0] = {"Q5_0", Q_BLOCK, 22},  [T2_Q5_1] = {"Q5_1", Q_BLOCK, 24},
	[T2_Q4_K] = {"Q4_K", K_BLOCK, 144}, [T2_Q5_K] = {"Q5_K", K_BLOCK, 176},
	[T2_Q6_K] = {"Q6_K", K_BLOCK, 210},
};

const char *
dtype_name(enum dtype t)
{
	return types[t].name;
}

int
dtype_block(enum dtype t)
{
	return types[t].block;
}

int
dtype_block_bytes(enum dtype t)
{
	return types[t].bytes;
}

size_t
dtype_row_bytes(enum dtype t, size_t n)
{
	size_t block = (size_t)types[t].block, bytes = (size_t)types[t].bytes;

	if (n % block || n / block > SIZE_MAX / bytes)
		return 0;
	return n / block * bytes;
}

static float
f32_of_bits(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof f);
	return f;
}

static uint32_t
bits_of_f32(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	return bits;
}

float
f16_to_f32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, magnitude = h & 0x7fff;

	if (magnitude >= 0x7c00) /* infinity, NaN with its payload */
		return f32_of_bits(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
	if (magnitude >= 0x0400)
		return f32_of_bits(sign | ((magnitude << 13) + (112u << 23)));
	/* Subnormal: magnitude * 2^-24, which float32 holds as a normal number. */
	return f32_of_bits(sign | bits_of_f32((float)magnitude * 0x1p-24f));
}

uint16_t
f32_to_f16(float f)
{
	uint32_t bits = bits_of_f32(f), magnitude = bits & 0x7fffffff;
	uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);

	if (magnitude > 0x7f800000) /* NaN: keep the top of its payload, stay quiet */
		return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
	if (magnitude >= 0x477ff000) /* 65520 and above round to infinity */
		return sign | 0x7c00;
	if (magnitude <
	    0x38800000) { /* below 2^-14: adding 0.5 rounds at a step of 2^-24, ties to even */
		float r = f32_of_bits(magnitude) + 0.5f;
		return (uint16_t)(sign | (bits_of_f32(r) - 0x3f000000));
	}
	magnitude += 0xfff + (magnitude >> 13 & 1);
	return (uint16_t)(sign | ((magnitude >> 13) - (112u << 10)));
}

uint16_t
f32_to_bf16(float f)
{
	uint32_t bits = bits_of_f32(f);

	if ((bits & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(bits >> 16 | 0x40);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Blocks need not be aligned: a tensor starts where the file says. */
static uint16_t
load16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t
load32(const uint8_t *p)
{
	return load16(p) | (uint32_t)load16(p + 2) << 16;
}

static float
half_at(const uint8_t *p)
{
	return f16_to_f32(load16(p));
}

static void
q8_0_block(const uint8_t *b, float *y)
{
	float d = half_at(b);

	for (int i = 0; i < Q_BLOCK; i++)
		y[i] = (float)(int8_t)b[2 + i] * d;
}

static void
q4_0_block(const uint8_t *b, float *y)
{
	float d = half_at(b);
	const uint8_t *q = b + 2;

	for (int i = 0; i < 16; i++) {
		y[i] = (float)((q[i] & 15) - 8) * d;
		y[i + 16] = (float)((q[i] >> 4) - 8) * d;
	}
}

static void
q4_1_block(const uint8_t *b, float *y)
{
	float d = half_at(b), m = half_at(b + 2);
	const uint8_t *q = b + 4;

	for (int i = 0; i < 16; i++) {
		y[i] = (float)(q[i] & 15) * d + m;
		y[i + 16] = (float)(q[i] >> 4) * d + m;
	}
}

/* Five-bit types: the low four bits as in the four-bit types, the fifth bits of all 32 values in one word. */
static void
q5_unpack(const uint8_t *q, uint32_t high, int v[Q_BLOCK])
{
	for (int i = 0; i < 16; i++) {
		v[i] = (q[i] & 15) | (int)(high >> i & 1) << 4;
		v[i + 16] = q[i] >> 4 | (int)(high >> (i + 16) & 1) << 4;
	}
}

static void
q5_0_block(const uint8_t *b, float *y)
{
	float d = half_at(b);
	int v[Q_BLOCK];

	q5_unpack(b + 6, load32(b + 2), v);
	for (int i = 0; i < Q_BLOCK; i++)
		y[i] = (float)(v[i] - 16) * d;
}

static void
q5_1_block(const uint8_t *b, float *y)
{
	float d = half_at(b), m = half_at(b + 2);
	int v[Q_BLOCK];

	q5_unpack(b + 8, load32(b + 4), v);
	for (int i = 0; i < Q_BLOCK; i++)
		y[i] = (float)v[i] * d + m;
}

/* Eight 6-bit scales and eight 6-bit minima in 12 bytes: the first four of each lie in the low bits of bytes 0-7, the
 * others are put together from nibbles of bytes 8-11 and the spare top bits of bytes 0-7. */
static void
k_scales(const uint8_t *s, int i, int *scale, int *min)
{
	if (i < 4) {
		*scale = s[i] & 63;
		*min = s[i + 4] & 63;
	} else {
		*scale = (s[i + 4] & 15) | (s[i - 4] >> 6) << 4;
		*min = s[i + 4] >> 4 | (s[i] >> 6) << 4;
	}
}

static void
q4_k_block(const uint8_t *b, float *y)
{
	float d = half_at(b), dmin = half_at(b + 2);
	const uint8_t *q = b + 16;

	for (int s = 0; s < 8; s++, y += 32) {
		int scale, min, shift = s % 2 * 4;
		k_scales(b + 4, s, &scale, &min);
		float ds = d * (float)scale, ms = dmin * (float)min;
		for (int i = 0; i < 32; i++)
			y[i] = ds * (float)(q[s / 2 * 32 + i] >> shift & 15) - ms;
	}
}

static void
q5_k_block(const uint8_t *b, float *y)
{
	float d = half_at(b), dmin = half_at(b + 2);
	const uint8_t *high = b + 16, *q = b + 48;

	for (int s = 0; s < 8; s++, y += 32) {
		int scale, min, shift = s % 2 * 4;
		k_scales(b + 4, s, &scale, &min);
		float ds = d * (float)scale, ms = dmin * (float)min;
		for (int i = 0; i < 32; i++) {
			int v = (q[s / 2 * 32 + i] >> shift & 15) | (high[i] >> s & 1) << 4;
			y[i] = ds * (float)v - ms;
		}
	}
}

/* Two halves of 128 values; in each, four runs of 32 take a nibble of 64 bytes and two bits of 32 bytes; a signed scale
 * every 16 values. */
static void
q6_k_block(const uint8_t *b, float *y)
{
	float d = half_at(b + 208);

	for (int half = 0; half < 2; half++) {
		const uint8_t *low = b + half * 64, *high = b + 128 + half * 32,
			      *scale = b + 192 + half * 8;
		for (int run = 0; run < 4; run++, y += 32) {
			for (int i = 0; i < 32; i++) {
				int nibble = low[run % 2 * 32 + i] >> (run / 2 * 4) & 15;
				int v = (nibble | (high[i] >> (2 * run) & 3) << 4) - 32;
				y[i] = d * (float)(int8_t)scale[run * 2 + i / 16] * (float)v;
			}
		}
	}
}

static void (*const block_to_f32[T2_DTYPES])(const uint8_t *, float *) = {
	[T2_Q8_0] = q8_0_block, [T2_Q4_0] = q4_0_block, [T2_Q4_1] = q4_1_block,
	[T2_Q5_0] = q5_0_block, [T2_Q5_1] = q5_1_block, [T2_Q4_K] = q4_k_block,
	[T2_Q5_K] = q5_k_block, [T2_Q6_K] = q6_k_block,
};

void
dtype_to_f32(enum dtype t, const void *src, size_t n, float *dst)
{
	const uint8_t *p = src;

	switch (t) {
	case T2_F32:
		memcpy(dst, src, n * sizeof *dst);
		return;
	case T2_F16:
		for (size_t i = 0; i < n; i++)
			dst[i] = half_at(p + 2 * i);
		return;
	case T2_BF16:
		for (size_t i = 0; i < n; i++)
			dst[i] = f32_of_bits((uint32_t)load16(p + 2 * i) << 16);
		return;
	default:
		break;
	}
	size_t block = (size_t)types[t].block;
	for (size_t i = 0; i + block <= n; i += block, p += types[t].bytes)
		block_to_f32[t](p, dst + i);
}

static void
store16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

/* The largest magnitude becomes 127; the scale is rounded to half precision first, so that values fit what is stored. */
static void
q8_0_store(const float *x, uint8_t *b)
{
	float most = 0, d;

	for (int i = 0; i < Q_BLOCK; i++)
		most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
	store16(b, f32_to_f16(most / 127));
	d = half_at(b);
	for (int i = 0; i < Q_BLOCK; i++) {
		float q = d > 0 ? nearbyintf(x[i] / d) : 0;

		b[2 + i] = (uint8_t)(int8_t)(q > 127 ? 127 : q < -127 ? -127 : q);
	}
}

bool
dtype_from_f32(enum dtype t, const float *src, size_t n, void *dst)
{
	uint8_t *p = dst;

	switch (t) {
	case T2_F32:
		memcpy(dst, src, n * sizeof *src);
		return true;
	case T2_F16:
		for (size_t i = 0; i < n; i++)
			store16(p + 2 * i, f32_to_f16(src[i]));
		return true;
	case T2_BF16:
		for (size_t i = 0; i < n; i++)
			store16(p + 2 * i, f32_to_bf16(src[i]));
		return true;
	case T2_Q8_0:
		for (size_t i = 0; i + Q_BLOCK <= n; i += Q_BLOCK, p += types[t].bytes)
			q8_0_store(src + i, p);
		return true;
	default:
		return false;
	}
}
