#include "engine/model/rope.h"

#include <math.h>
#include <stdlib.h>

#include "engine/model/floats.h"

struct rope {
	int head_dim, positions;
	bool pairs;
	struct floats table; /* [positions][cos, sin][head_dim / 2] */
	double freq[];	     /* [head_dim / 2] radians a position */
};

/* Llama 3's scaling: short wavelengths stay, long ones are stretched by factor, between them a ramp. */
static double
llama3_freq(const struct config *c, double f)
{
	double wavelength = 2 * M_PI / f, ramp;

	if (wavelength < c->rope_original / c->rope_high)
		return f;
	if (wavelength > c->rope_original / c->rope_low)
		return f / c->rope_factor;
	ramp = (c->rope_original / wavelength - c->rope_low) / (c->rope_high - c->rope_low);
	return (1 - ramp) * f / c->rope_factor + ramp * f;
}

enum t2_status
rope_new(struct rope **out, const struct config *c, const float *factors, struct t2_err *err)
{
	int half = c->head_dim / 2;
	struct rope *r;

	*out = NULL;
	if (c->head_dim < 2 || c->head_dim % 2)
		return t2_fail(err, T2_EUNSUP, "head_dim %d: rotary positions need an even one",
			       c->head_dim);
	r = calloc(1, sizeof *r + (size_t)half * sizeof *r->freq);
	if (!r)
		return t2_nomem(err, "rotary positions");
	r->head_dim = c->head_dim;
	r->pairs = c->rope_pairs;
	for (int i = 0; i < half; i++) {
		double f = pow(c->rope_theta, -2.0 * i / c->head_dim);

		if (c->rope_llama3)
			f = llama3_freq(c, f);
		if (factors)
			f /= factors[i];
		if (c->rope_linear > 0)
			f /= c->rope_linear;
		r->freq[i] = f;
	}
	*out = r;
	return T2_OK;
}

void
rope_free(struct rope *r)
{
	if (!r)
		return;
	floats_free(&r->table);
	free(r);
}

enum t2_status
rope_reserve(struct rope *r, int positions, struct t2_err *err)
{
	int half = r->head_dim / 2;
	enum t2_status st;

	if (positions <= r->positions)
		return T2_OK;
	if (positions < 2 * r->positions && positions < (1 << 20))
		positions = 2 * r->positions; /* growing by one token at a time stays cheap */
	r->positions = 0;
	st = floats_reserve(&r->table, (size_t)positions * (size_t)r->head_dim, err);
	if (st)
		return st;
	for (int p = 0; p < positions; p++) {
		float *cs = r->table.v + (size_t)p * (size_t)r->head_dim;

		for (int i = 0; i < half; i++) {
			cs[i] = (float)cos(p * r->freq[i]);
			cs[half + i] = (float)sin(p * r->freq[i]);
		}
	}
	r->positions = positions;
	return T2_OK;
}

void
rope_turn(const struct rope *r, float *x, int heads, int pos, bool back)
{
	int half = r->head_dim / 2;
	const float *cs = r->table.v + (size_t)pos * (size_t)r->head_dim, *sn = cs + half;
	float sign = back ? -1.0f : 1.0f;
	int step = r->pairs ? 2 : 1, other = r->pairs ? 1 : half;

	for (int h = 0; h < heads; h++, x += r->head_dim)
		for (int i = 0; i < half; i++) {
			float *a = x + i * step, *b = a + other;
			float s = sign * sn[i], va = *a, vb = *b;

			*a = va * cs[i] - vb * s;
			*b = vb * cs[i] + va * s;
		}
}
