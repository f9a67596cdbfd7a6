/* Statistics of z - 1 against numpy in double precision:
 *	E = {n: numpy.concatenate([z.astype(float) for each MATRIX.z of samples/experts/n.safetensors, in the model's order])}
 *	u, v = E[a] - 1, E[b] - 1;  u @ v / sqrt((u @ u) * (v @ v));  abs(u).mean() ...
 * The shipped experts' numbers below change when the experts are trained again. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/model/model.h"
#include "engine/svf/expert.h"
#include "engine/svf/zchange.h"

static struct t2_err err;

static void
near(double got, double want)
{
	if (!(fabs(got - want) <= 1e-11))
		fail_msg("%.15g, numpy has %.15g", got, want);
}

/* Two matrices of three components by hand: what can be checked in the head. */
static void
test_by_hand(void **state)
{
	int rank[2] = {3, 2};
	float a0[3] = {1.5f, 1, 0.5f}, b0[3] = {1.5f, 2, 1}, b1[2] = {1, 3};
	float *za[2] = {a0, NULL}, *zb[2] = {b0, b1};
	struct zset a = {2, rank, za}, b = {2, rank, zb};
	struct zchange c;
	struct zcompare k;
	struct zdiffer d[8];

	(void)state;
	assert_true(zchange_of(&a, 0, &c));
	near(c.mean_abs, 1.0 / 3);
	near(c.mean, 0);
	near(c.max_abs, 0.5);
	near(c.norm, sqrt(0.5));
	assert_true(c.lo == 0.5 && c.hi == 1.5);
	assert_false(zchange_of(&a, 1, &c));
	assert_true(c.mean_abs == 0 && c.norm == 0 && c.lo == 1 && c.hi == 1);
	assert_true(zchange_between(&a, &b, 0, &c));
	near(c.mean, 0.5);
	near(c.max_abs, 1);
	assert_true(c.lo == 0 && c.hi == 1);
	assert_true(zchange_between(&a, &b, 1, &c));
	near(c.mean_abs, 1);
	zcompare_of(&a, &b, 0, 2, &k);
	near(k.cosine, 0.25 / sqrt(0.5 * 5.25));
	near(k.norm_difference, sqrt(0 + 1 + 0.25 + 0 + 4));
	zcompare_of(&a, &b, 1, 2, &k);
	assert_true(k.cosine == 0 && k.norm_a == 0 && k.norm_b == 2);
	assert_int_equal(zdiffer_most(&a, &b, d, 8), 3); /* two components are the same */
	assert_true(d[0].mat == 1 && d[0].component == 1 && d[0].a == 1 && d[0].b == 3);
	assert_true(d[1].mat == 0 && d[1].component == 1);
	assert_true(d[2].mat == 0 && d[2].component == 2 && d[2].a == 0.5f);
	assert_int_equal(zdiffer_most(&a, &b, d, 2), 2);
	assert_true(d[0].mat == 1 && d[1].component == 1);
	assert_int_equal(zdiffer_most(&a, &a, d, 8), 0);
	assert_int_equal(zdiffer_most(&a, &b, d, 0), 0);
}

/* The few largest of many, against sorting all of them. */
static int
by_size(const void *x, const void *y)
{
	const struct zdiffer *a = x, *b = y;
	double p = fabs((double)a->b - (double)a->a), q = fabs((double)b->b - (double)b->a);

	return p > q ? -1 : p < q ? 1 : a->component - b->component;
}

static void
test_most(void **state)
{
	enum { N = 1000 };
	static float x[N], y[N];
	static struct zdiffer all[N], some[N];
	int rank = N;
	float *zx = x, *zy = y;
	struct zset a = {1, &rank, &zx}, b = {1, &rank, &zy};

	(void)state;
	for (int i = 0; i < N; i++) {
		x[i] = 1;
		y[i] = (float)((i * 7919 + 13) % 499 + 2); /* each size about twice */
		all[i] = (struct zdiffer){0, i, x[i], y[i]};
	}
	qsort(all, N, sizeof *all, by_size);
	for (int n = 1; n <= N; n = n * 3 + 1) {
		assert_int_equal(zdiffer_most(&a, &b, some, n), n);
		for (int i = 0; i < n; i++)
			assert_int_equal(some[i].component, all[i].component);
	}
}

static struct expert *
shipped(const struct model *m, const char *name)
{
	struct expert *e;
	char path[100];

	snprintf(path, sizeof path, "samples/experts/%s.safetensors", name);
	if (expert_load(&e, path, m, NULL, false, &err))
		fail_msg("%s", err.msg);
	return e;
}

static void
test_shipped(void **state)
{
	static const char *const name[4] = {"math", "code", "logic", "cls"};
	static const struct {
		int a, b;
		double all, layer[4];
	} want[] = {
		{0,
		 1,
		 -0.064069003579,
		 {-0.111439476773, -0.032423985475, -0.079323440030, -0.062144258004}},
		{0,
		 2,
		 -0.034632987853,
		 {0.010783800424, 0.087020548399, -0.121856756487, -0.123935951548}},
		{2,
		 3,
		 0.025874503222,
		 {0.063831194351, 0.035793844329, 0.046979130964, -0.030742848554}},
	};
	static const struct zdiffer most[3] = {
		{27, 111, 0.07997500896453857f, 1.8228307962417603f},
		{27, 73, 1.9386929273605347f, 0.2118331342935562f},
		{27, 126, 0.13457588851451874f, 1.7917089462280273f},
	};
	struct expert *e[4];
	struct model *m;
	struct zdiffer d[20];
	struct zchange c;
	struct zcompare k;

	(void)state;
	if (model_open(&m, "samples/model", &err))
		fail_msg("%s", err.msg);
	for (int i = 0; i < 4; i++)
		e[i] = shipped(m, name[i]);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		const struct zset *a = e[want[i].a]->z, *b = e[want[i].b]->z;

		zcompare_of(a, b, 0, a->count, &k);
		near(k.cosine, want[i].all);
		for (int l = 0; l < 4; l++) {
			zcompare_of(a, b, l * MAT_KINDS, (l + 1) * MAT_KINDS, &k);
			near(k.cosine, want[i].layer[l]);
		}
	}
	zcompare_of(e[0]->z, e[1]->z, 0, 28, &k);
	near(k.norm_a, 15.169194654995);
	near(k.norm_difference, 21.665698099952);
	assert_true(zchange_of(e[0]->z, 0 * MAT_KINDS + MAT_Q, &c));
	near(c.mean_abs, 0.161322901957);
	near(c.mean, -0.004498477094);
	near(c.norm, 2.213636762180);
	assert_true(zchange_of(e[1]->z, 3 * MAT_KINDS + MAT_DOWN, &c));
	near(c.mean_abs, 0.554839299992);
	near(c.max_abs, 0.881844401360);
	assert_true(zchange_between(e[0]->z, e[1]->z, 1 * MAT_KINDS + MAT_GATE, &c));
	near(c.mean_abs, 0.237436265219);
	near(c.mean, 0.045430671889);
	near(c.max_abs, 1.031949967146);
	assert_int_equal(zdiffer_most(e[0]->z, e[1]->z, d, 20), 20);
	for (int i = 0; i < 3; i++)
		assert_memory_equal(&d[i], &most[i], sizeof *d);
	for (int i = 0; i < 4; i++)
		expert_free(e[i]);
	model_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_most),
		cmocka_unit_test(test_shipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
