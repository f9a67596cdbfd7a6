#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/adapt/wilson.h"

/* The bounds are the roots of (p - x)^2 = z^2 x (1 - x) / n: that equation is the witness, not a second formula. */
static void
test_roots(void **state)
{
	static const int cases[][2] = {{1, 2},	   {7, 10},  {50, 100},
				       {599, 600}, {1, 600}, {123, 457}};
	const double z = 1.959963984540054;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int k = cases[i][0], n = cases[i][1];
		double lo, hi, p = (double)k / n;

		wilson95(k, n, &lo, &hi);
		assert_true(0 <= lo && lo < p && p < hi && hi <= 1);
		assert_true(fabs((p - lo) * (p - lo) - z * z * lo * (1 - lo) / n) < 1e-14);
		assert_true(fabs((p - hi) * (p - hi) - z * z * hi * (1 - hi) / n) < 1e-14);
	}
}

static void
test_ends(void **state)
{
	double lo, hi, lo2, hi2;

	(void)state;
	wilson95(0, 0, &lo, &hi);
	assert_true(lo == 0 && hi == 1);
	wilson95(0, 20, &lo, &hi);
	wilson95(20, 20, &lo2, &hi2);
	assert_true(lo == 0 && hi2 == 1);
	assert_true(fabs(hi - 0.1611251580528190) < 1e-9); /* z^2 / (n + z^2) */
	assert_true(fabs(lo2 - (1 - hi)) < 1e-12);
}

/* p of n = 5 throws, by hand: 2 * (1 + 5) / 32 for one against four. */
static void
test_mcnemar(void **state)
{
	(void)state;
	assert_true(mcnemar_exact(0, 0) == 1);
	assert_true(fabs(mcnemar_exact(0, 5) - 2.0 / 32) < 1e-12);
	assert_true(fabs(mcnemar_exact(1, 4) - 12.0 / 32) < 1e-12);
	assert_true(fabs(mcnemar_exact(4, 1) - 12.0 / 32) < 1e-12);
	assert_true(mcnemar_exact(5, 5) == 1);
	assert_true(mcnemar_exact(400, 600) < 1e-8 && mcnemar_exact(400, 600) > 0);
}

/* statsmodels 0.15.0: proportion_confint(k, n, 0.05, "wilson"); scipy 1.17.1's binomtest(k, n).proportion_ci(0.95,
 * "wilson") gives the same to the last digits. */
static void
test_wilson_elsewhere(void **state)
{
	static const struct {
		int k, n;
		double lo, hi;
	} want[] = {
		{0, 1, 0, 0.79345068562276266},
		{0, 20, 0, 0.16112515805281941},
		{1, 20, 0.0088814488007954023, 0.2361311934467421},
		{567, 1000, 0.53609108624395729, 0.59739612811897824},
		{859, 1000, 0.83605351411231965, 0.87919887329505186},
		{71, 100, 0.61461108824428867, 0.78985164250877726},
		{993, 1000, 0.98562168453423338, 0.99660513159900921},
		{20, 20, 0.83887484194718043, 1},
		{123456, 654321, 0.18773185940854037, 0.18962786440741708},
	};

	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		double lo, hi;

		wilson95(want[i].k, want[i].n, &lo, &hi);
		assert_true(fabs(lo - want[i].lo) < 1e-14);
		assert_true(fabs(hi - want[i].hi) < 1e-14);
	}
}

/* statsmodels: mcnemar([[0, b], [c, 0]], exact=True); scipy: binomtest(min(b, c), b + c). */
static void
test_mcnemar_elsewhere(void **state)
{
	static const struct {
		int b, c;
		double p;
	} want[] = {
		{7, 0, 0.015625},
		{30, 12, 0.0079158973348967265},
		{1, 1, 1},
		{100, 140, 0.011664092317677691},
		{3, 250, 3.7297995298699393e-70},
		{0, 1, 1},
		{250, 251, 1},
		{2000, 2150, 0.020715456049267052},
	};

	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		double p = mcnemar_exact(want[i].b, want[i].c);

		assert_true(fabs(p - want[i].p) <= 1e-9 * want[i].p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_mcnemar),
		cmocka_unit_test(test_wilson_elsewhere),
		cmocka_unit_test(test_mcnemar_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
