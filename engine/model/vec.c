#include "engine/model/vec.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "engine/linalg/kern.h"

enum { LANES = 16, WIDE = 8 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef uint32_t lanes_bits __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef double wide __attribute__((vector_size(WIDE * sizeof(double))));
typedef uint64_t wide_bits __attribute__((vector_size(WIDE * sizeof(uint64_t))));

#define BODY static inline __attribute__((always_inline))

/* One body, compiled for each width, and the call that picks: name_body() becomes name(). */
#ifdef __x86_64__
#define LEVELS(type, name, params, args)                                                           \
	__attribute__((target("avx512f"))) static type name##_avx512 params                        \
	{                                                                                          \
		return name##_body args;                                                           \
	}                                                                                          \
	__attribute__((target("avx2"))) static type name##_avx2 params                             \
	{                                                                                          \
		return name##_body args;                                                           \
	}                                                                                          \
	type name params                                                                           \
	{                                                                                          \
		switch (kern_level()) {                                                            \
		case KERN_AMX:                                                                     \
		case KERN_AVX512:                                                                  \
			return name##_avx512 args;                                                 \
		case KERN_AVX2:                                                                    \
			return name##_avx2 args;                                                   \
		default:                                                                           \
			return name##_body args;                                                   \
		}                                                                                  \
	}
#else
#define LEVELS(type, name, params, args)                                                           \
	type name params                                                                           \
	{                                                                                          \
		return name##_body args;                                                           \
	}
#endif

/* memcpy() of a whole vector is one unaligned load or store. */
#define LOAD(v, from) memcpy(&(v), from, sizeof(v))
#define STORE(to, v)  memcpy(to, &(v), sizeof(v))

BODY void
vec_add_body(float *y, const float *x, int n)
{
	int i = 0;

	for (; i + LANES <= n; i += LANES) {
		lanes a, b;

		LOAD(a, y + i);
		LOAD(b, x + i);
		a += b;
		STORE(y + i, a);
	}
	for (; i < n; i++)
		y[i] += x[i];
}

LEVELS(void, vec_add, (float *y, const float *x, int n), (y, x, n))

BODY void
vec_scale_body(float *y, const float *x, float a, int n)
{
	int i = 0;

	for (; i + LANES <= n; i += LANES) {
		lanes b;

		LOAD(b, x + i);
		b *= a;
		STORE(y + i, b);
	}
	for (; i < n; i++)
		y[i] = a * x[i];
}

LEVELS(void, vec_scale, (float *y, const float *x, float a, int n), (y, x, a, n))

BODY void
vec_softmax_back_body(float *ds, const float *p, float mean, int n)
{
	int i = 0;

	for (; i + LANES <= n; i += LANES) {
		lanes a, b;

		LOAD(a, ds + i);
		LOAD(b, p + i);
		a = b * (a - mean);
		STORE(ds + i, a);
	}
	for (; i < n; i++)
		ds[i] = p[i] * (ds[i] - mean);
}

LEVELS(void, vec_softmax_back, (float *ds, const float *p, float mean, int n), (ds, p, mean, n))

/* In place, to about one unit in the last place; x is held within what float32 can give.  (By reference: a vector passed
 * by value would depend on the width in its calling convention.) */
BODY void
exp_lanes(lanes *v)
{
	const float shift = 0x1.8p23f; /* adding it rounds to an integer, in the low bits */
	const lanes low = (lanes){0} - 87.0f, high = (lanes){0} + 88.0f;
	lanes x = *v, n, k, p;
	lanes_bits small = (lanes_bits)(x < low), large = (lanes_bits)(x > high);

	x = (lanes)(((lanes_bits)x & ~small) | ((lanes_bits)low & small));
	x = (lanes)(((lanes_bits)x & ~large) | ((lanes_bits)high & large));
	n = x * 0x1.715476p0f + shift;
	k = n - shift;
	x = x - k * 0x1.62ep-1f -
	    k * 0x1.0bfbe8p-15f; /* ln 2 in two parts, the first exact times k */
	p = x * (1 / 5040.0f) + 1 / 720.0f;
	p = p * x + 1 / 120.0f;
	p = p * x + 1 / 24.0f;
	p = p * x + 1 / 6.0f;
	p = p * x + 0.5f;
	p = p * x + 1;
	p = p * x + 1;
	*v = p * (lanes)(((lanes_bits)n + 127) << 23); /* the low bits of n are the power of two */
}

BODY void
silu_back_lanes(float *dgate, float *dup, const float *gate, const float *up)
{
	lanes g, u, dy, s, t;

	LOAD(g, gate);
	LOAD(u, up);
	LOAD(dy, dup);
	s = -g;
	exp_lanes(&s);
	s = 1 / (1 + s);
	t = g * s;
	u = dy * u * (s + t * (1 - s));
	dy = dy * t;
	STORE(dgate, u);
	STORE(dup, dy);
}

BODY void
vec_silu_back_body(float *dgate, float *dup, const float *gate, const float *up, int n)
{
	float part[4][LANES] = {0};
	int i = 0, rest;

	for (; i + LANES <= n; i += LANES)
		silu_back_lanes(dgate + i, dup + i, gate + i, up + i);
	rest = n - i;
	if (!rest)
		return;
	memcpy(part[1], dup + i, (size_t)rest * sizeof(float));
	memcpy(part[2], gate + i, (size_t)rest * sizeof(float));
	memcpy(part[3], up + i, (size_t)rest * sizeof(float));
	silu_back_lanes(part[0], part[1], part[2], part[3]);
	memcpy(dgate + i, part[0], (size_t)rest * sizeof(float));
	memcpy(dup + i, part[1], (size_t)rest * sizeof(float));
}

LEVELS(void, vec_silu_back, (float *dgate, float *dup, const float *gate, const float *up, int n),
       (dgate, dup, gate, up, n))

/* Columns from .. from + COUNT * LANES - 1, their sums in registers. */
#define WEIGHTED(COUNT)                                                                            \
	do {                                                                                       \
		lanes sum[COUNT], part;                                                            \
                                                                                                   \
		for (int k = 0; k < (COUNT); k++)                                                  \
			LOAD(sum[k], y + from + k * LANES);                                        \
		for (int j = 0; j < keys; j++)                                                     \
			for (int k = 0; k < (COUNT); k++) {                                        \
				LOAD(part, v + (size_t)j * (size_t)d + from + k * LANES);          \
				sum[k] += part * p[j];                                             \
			}                                                                          \
		for (int k = 0; k < (COUNT); k++)                                                  \
			STORE(y + from + k * LANES, sum[k]);                                       \
		from += (COUNT)*LANES;                                                             \
	} while (0)

#define SWAPPED(v, by)                                                                             \
	__builtin_shufflevector(v, v, 0 ^ (by), 1 ^ (by), 2 ^ (by), 3 ^ (by), 4 ^ (by), 5 ^ (by),  \
				6 ^ (by), 7 ^ (by), 8 ^ (by), 9 ^ (by), 10 ^ (by), 11 ^ (by),      \
				12 ^ (by), 13 ^ (by), 14 ^ (by), 15 ^ (by))

BODY float
dot(const float *a, const float *b, int n)
{
	lanes sum = {0};
	float rest = 0;
	int i = 0;

	for (; i + LANES <= n; i += LANES) {
		lanes x, y;

		LOAD(x, a + i);
		LOAD(y, b + i);
		sum += x * y;
	}
	for (; i < n; i++)
		rest += a[i] * b[i];
	sum += SWAPPED(sum, 8);
	sum += SWAPPED(sum, 4);
	sum += SWAPPED(sum, 2);
	sum += SWAPPED(sum, 1);
	return sum[0] + rest;
}

BODY void
vec_scores_body(float *p, int ldp, const float *q, int heads, const float *k, int keys, int d)
{
	for (int j = 0; j < keys; j++)
		for (int h = 0; h < heads; h++)
			p[(size_t)h * (size_t)ldp + (size_t)j] =
				dot(q + (size_t)h * (size_t)d, k + (size_t)j * (size_t)d, d);
}

LEVELS(void, vec_scores,
       (float *p, int ldp, const float *q, int heads, const float *k, int keys, int d),
       (p, ldp, q, heads, k, keys, d))

BODY void
vec_weighted_sum_body(float *y, const float *p, const float *v, int keys, int d)
{
	int from = 0;

	while (from + 4 * LANES <= d)
		WEIGHTED(4);
	while (from + LANES <= d)
		WEIGHTED(1);
	for (; from < d; from++) {
		float sum = y[from];

		for (int j = 0; j < keys; j++)
			sum += p[j] * v[(size_t)j * (size_t)d + (size_t)from];
		y[from] = sum;
	}
}

LEVELS(void, vec_weighted_sum, (float *y, const float *p, const float *v, int keys, int d),
       (y, p, v, keys, d))

BODY void
exp_wide(wide *v)
{
	const double shift = 0x1.8p52;
	wide x = *v, n, k, p;
	wide_bits in = (wide_bits)(x > -708); /* beyond: exp(0), then cleared; NaN too */

	x = (wide)((wide_bits)x & in);
	n = x * 0x1.71547652b82fep0 + shift;
	k = n - shift;
	x = x - k * 0x1.62e42feep-1 - k * 0x1.a39ef35793c76p-33;
	p = x * (1 / 6227020800.0) + 1 / 479001600.0;
	p = p * x + 1 / 39916800.0;
	p = p * x + 1 / 3628800.0;
	p = p * x + 1 / 362880.0;
	p = p * x + 1 / 40320.0;
	p = p * x + 1 / 5040.0;
	p = p * x + 1 / 720.0;
	p = p * x + 1 / 120.0;
	p = p * x + 1 / 24.0;
	p = p * x + 1 / 6.0;
	p = p * x + 0.5;
	p = p * x + 1;
	p = p * x + 1;
	p = p * (wide)(((wide_bits)n + 1023) << 52);
	*v = (wide)((wide_bits)p & in);
}

BODY double
vec_exp_sum_body(const float *x, float max, float temp, int n, double *w)
{
	double total = 0;
	wide sum = {0};
	int i = 0;

	for (; i + WIDE <= n; i += WIDE) {
		wide v;

		for (int k = 0; k < WIDE; k++)
			v[k] = x[i + k];
		v = (v - max) / temp;
		exp_wide(&v);
		STORE(w + i, v);
		sum += v;
	}
	for (; i < n; i++)
		total += w[i] = exp(((double)x[i] - max) / temp);
	for (int k = 0; k < WIDE; k++)
		total += sum[k];
	return total;
}

LEVELS(double, vec_exp_sum, (const float *x, float max, float temp, int n, double *w),
       (x, max, temp, n, w))

/* Each lane's first largest, then the first of these: two runs of vectors at a time, so that neither waits for its own. */
BODY int
vec_argmax_body(const float *x, int n)
{
	lanes max[2], v;
	lanes_bits at[2] = {{0}}, more;
	float top = -INFINITY;
	int best = 0, i = 0;

	max[0] = max[1] = (lanes){0} - INFINITY;
	for (; i + 2 * LANES <= n; i += 2 * LANES)
		for (int k = 0; k < 2; k++) {
			LOAD(v, x + i + k * LANES);
			more = (lanes_bits)(v > max[k]);
			max[k] = (lanes)(((lanes_bits)v & more) | ((lanes_bits)max[k] & ~more));
			at[k] = ((uint32_t)i & more) | (at[k] & ~more);
		}
	for (int k = 0; k < 2 * LANES; k++) {
		int id = (int)at[k / LANES][k % LANES] + k;

		if (max[k / LANES][k % LANES] > top ||
		    (max[k / LANES][k % LANES] == top && top > -INFINITY && id < best)) {
			top = max[k / LANES][k % LANES];
			best = id;
		}
	}
	for (; i < n; i++)
		if (x[i] > top) {
			top = x[i];
			best = i;
		}
	return best;
}

LEVELS(int, vec_argmax, (const float *x, int n), (x, n))
