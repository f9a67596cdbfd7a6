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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_mcnemar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
