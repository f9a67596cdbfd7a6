#include "tests/lib/weights.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/rng.h"

/* Where a block holds float16 numbers; everything else in it may be any bits. */
static const struct {
	enum dtype type;
	int at[2];
} scales[] = {
	{T2_F16, {0, -1}}, {T2_Q8_0, {0, -1}}, {T2_Q4_0, {0, -1}},
	{T2_Q4_1, {0, 2}}, {T2_Q5_0, {0, -1}}, {T2_Q5_1, {0, 2}},
	{T2_Q4_K, {0, 2}}, {T2_Q5_K, {0, 2}},  {T2_Q6_K, {208, -1}},
};

static void *
alloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		abort();
	return p;
}

static void
set_scales(enum dtype t, unsigned char *block, struct rng *r)
{
	for (size_t s = 0; s < sizeof scales / sizeof *scales; s++)
		for (int j = 0; scales[s].type == t && j < 2 && scales[s].at[j] >= 0; j++) {
			uint16_t h = f32_to_f16((float)rng_normal(r) / 16);
			memcpy(block + scales[s].at[j], &h, 2);
		}
}

unsigned char *
random_weight(enum dtype t, int m, int n, uint64_t seed)
{
	size_t bytes = dtype_row_bytes(t, (size_t)n) * (size_t)m,
	       block = (size_t)dtype_block_bytes(t);
	unsigned char *w = alloc(bytes);
	struct rng r;

	rng_seed(&r, seed, (uint64_t)t, (uint64_t)n);
	for (size_t i = 0; i < bytes; i++)
		w[i] = (unsigned char)rng_u64(&r);
	for (size_t i = 0; i + block <= bytes; i += block) {
		float f = (float)rng_normal(&r);
		uint16_t b = f32_to_bf16(f);
		if (t == T2_F32)
			memcpy(w + i, &f, sizeof f);
		else if (t == T2_BF16)
			memcpy(w + i, &b, sizeof b);
		else
			set_scales(t, w + i, &r);
	}
	return w;
}

float *
random_floats(size_t n, uint64_t seed)
{
	float *p = alloc(n * sizeof *p);
	struct rng r;

	rng_seed(&r, seed, 1, n);
	for (size_t i = 0; i < n; i++)
		p[i] = (float)rng_normal(&r);
	return p;
}
