/* Rotary positions against the formula in double, in every variant that a config can ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "engine/model/rope.h"

enum { DIM = 16, HALF = DIM / 2, HEADS = 2 };

static struct t2_err err;

static struct config
config_make(void)
{
	return (struct config){.heads = HEADS,
			       .kv_heads = HEADS,
			       .head_dim = DIM,
			       .rope_theta = 10000,
			       .rope_linear = 1};
}

static void
check(const struct config *c, const float *factors, const double freq[HALF])
{
	static const int positions[] = {0, 1, 2, 63, 4095, 131071};
	struct rope *r;

	if (rope_new(&r, c, factors, &err))
		fail_msg("%s", err.msg);
	for (size_t p = 0; p < sizeof positions / sizeof *positions; p++) {
		float x[HEADS * DIM], y[HEADS * DIM];

		assert_int_equal(rope_reserve(r, positions[p] + 1, &err), T2_OK);
		for (int i = 0; i < HEADS * DIM; i++)
			x[i] = y[i] = (float)sin(1 + 3 * i);
		rope_turn(r, y, HEADS, positions[p], false);
		for (int h = 0; h < HEADS; h++)
			for (int i = 0; i < HALF; i++) {
				int ia = h * DIM + (c->rope_pairs ? 2 * i : i),
				    ib = ia + (c->rope_pairs ? 1 : HALF);
				double cs = cos(positions[p] * freq[i]),
				       sn = sin(positions[p] * freq[i]);

				assert_true(fabs(y[ia] - (x[ia] * cs - x[ib] * sn)) < 3e-7);
				assert_true(fabs(y[ib] - (x[ib] * cs + x[ia] * sn)) < 3e-7);
			}
		rope_turn(r, y, HEADS, positions[p], true);
		for (int i = 0; i < HEADS * DIM; i++)
			assert_true(fabsf(x[i] - y[i]) < 5e-7f);
	}
	rope_free(r);
}

static void
frequencies(double f[HALF], double theta)
{
	for (int i = 0; i < HALF; i++)
		f[i] = pow(theta, -2.0 * i / DIM);
}

static void
plain_and_pairs(void **state)
{
	struct config c = config_make();
	double f[HALF];

	(void)state;
	frequencies(f, 10000);
	check(&c, NULL, f);
	c.rope_pairs = true;
	check(&c, NULL, f);
}

static void
linear(void **state)
{
	struct config c = config_make();
	double f[HALF];

	(void)state;
	frequencies(f, 10000);
	for (int i = 0; i < HALF; i++)
		f[i] /= 4;
	c.rope_linear = 4;
	check(&c, NULL, f);
}

static void
file_factors(void **state)
{
	struct config c = config_make();
	double f[HALF];
	float factors[HALF];

	(void)state;
	frequencies(f, 10000);
	for (int i = 0; i < HALF; i++) {
		factors[i] = (float)(1 + 0.7 * i);
		f[i] /= factors[i];
	}
	check(&c, factors, f);
}

static void
llama3(void **state)
{
	struct config c = config_make();
	double f[HALF];
	int branch[3] = {0};

	(void)state;
	c.rope_theta = 500000;
	c.rope_llama3 = true;
	c.rope_factor = 8;
	c.rope_low = 1;
	c.rope_high = 4;
	c.rope_original = 512;
	frequencies(f, 500000);
	for (int i = 0; i < HALF; i++) {
		double w = 2 * acos(-1) / f[i], s = (512 / w - 1) / (4 - 1);

		branch[w < 512.0 / 4 ? 0 : w > 512 ? 1 : 2]++;
		f[i] = w < 512.0 / 4 ? f[i] : w > 512 ? f[i] / 8 : (1 - s) * f[i] / 8 + s * f[i];
	}
	assert_true(branch[0] && branch[1] && branch[2]);
	check(&c, NULL, f);
}

static void
odd_heads_are_refused(void **state)
{
	struct config c = config_make();
	struct rope *r;

	(void)state;
	c.head_dim = 15;
	assert_int_equal(rope_new(&r, &c, NULL, &err), T2_EUNSUP);
	assert_null(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_and_pairs),	 cmocka_unit_test(linear),
		cmocka_unit_test(file_factors),		 cmocka_unit_test(llama3),
		cmocka_unit_test(odd_heads_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
