#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/svf/zset.h"
#include "tests/lib/svf.h"

static struct t2_err err;

static void
ok(enum t2_status st)
{
	if (st)
		fail_msg("%s", err.msg);
}

static struct zset *
constant(const struct bed *b, int mat, float value)
{
	struct zset *z;
	float v[128];

	ok(zset_new(&z, b->m, &err));
	for (int i = 0; i < 128; i++)
		v[i] = value + (float)i;
	if (mat >= 0)
		ok(zset_set(z, mat, v, &err));
	return z;
}

static void
test_set(void **state)
{
	struct bed b;
	struct zset *z, *w;
	float v[128] = {2};

	(void)state;
	if (!bed_open(&b, "models/tinystories-656k", 1))
		skip();
	z = constant(&b, -1, 0);
	assert_int_equal(z->count, 14);
	assert_int_equal(z->rank[MAT_K], 64);
	assert_int_equal(zset_values(z), 0);
	ok(zset_set(z, MAT_K, v, &err));
	assert_int_equal(zset_values(z), 64);
	assert_int_equal(zset_set(z, 14, v, &err), T2_EINVAL);
	assert_int_equal(zset_set(z, -1, v, &err), T2_EINVAL);
	w = constant(&b, MAT_UP, 7);
	ok(zset_copy(w, z, &err));
	assert_null(w->z[MAT_UP]); /* a copy has nothing of its own left */
	assert_true(w->z[MAT_K][0] == 2 && w->z[MAT_K] != z->z[MAT_K]);
	ok(zset_set(z, MAT_K, NULL, &err));
	assert_int_equal(zset_values(z), 0);
	w->rank[3]++;
	assert_int_equal(zset_copy(z, w, &err), T2_EMISMATCH);
	w->rank[3]--;
	zset_free(z);
	zset_free(w);
	zset_free(NULL);
	bed_close(&b);
}

static void
test_mix(void **state)
{
	const struct zset *list[3];
	struct zset *a, *c, *base, *dst;
	double alpha[3] = {0.6, 0.4, 0}, per[3 * 14] = {0};
	struct bed b;

	(void)state;
	if (!bed_open(&b, "models/tinystories-656k", 1))
		skip();
	list[0] = a = constant(&b, MAT_UP, 3);
	list[1] = c = constant(&b, MAT_Q, -2);
	list[2] = base = constant(&b, -1, 0);
	dst = constant(&b, MAT_DOWN, 9);

	ok(zset_mix(dst, list, alpha, 2, false, false, &err));
	assert_null(dst->z[MAT_DOWN]); /* nobody adapts it */
	assert_true(dst->z[MAT_UP][5] == (float)(0.6 * 8 + 0.4));
	assert_true(dst->z[MAT_Q][5] == (float)(0.6 + 0.4 * 3));

	alpha[0] = alpha[1] = 0.75; /* as written, and normalised */
	ok(zset_mix(dst, list, alpha, 2, false, false, &err));
	assert_true(dst->z[MAT_UP][0] == (float)(0.75 * 3 + 0.75));
	ok(zset_mix(dst, list, alpha, 2, false, true, &err));
	assert_true(dst->z[MAT_UP][0] == 2);
	alpha[0] = -0.75; /* a zero sum is the base model when normalised, and not otherwise */
	ok(zset_mix(dst, list, alpha, 2, false, true, &err));
	assert_int_equal(zset_values(dst), 0);
	ok(zset_mix(dst, list, alpha, 2, false, false, &err));
	assert_true(dst->z[MAT_UP][0] == (float)(-0.75 * 3 + 0.75));

	per[MAT_UP] = 2; /* expert 0, two matrices of expert 1 */
	per[14 + MAT_UP] = 2;
	per[14 + MAT_Q] = 1;
	ok(zset_mix(dst, list, per, 3, true, true, &err));
	assert_true(dst->z[MAT_UP][0] == 2 && dst->z[MAT_Q][0] == -2);
	ok(zset_mix(dst, list, per, 3, true, false, &err));
	assert_true(dst->z[MAT_UP][0] == 8 && dst->z[MAT_Q][0] == -2);

	list[0] = dst; /* in place: twice what it was */
	alpha[0] = 2;
	ok(zset_mix(dst, list, alpha, 1, false, false, &err));
	assert_true(dst->z[MAT_UP][0] == 16);

	alpha[0] = NAN;
	assert_int_equal(zset_mix(dst, list, alpha, 1, false, false, &err), T2_EINVAL);
	assert_int_equal(zset_mix(dst, list, alpha, 0, false, false, &err), T2_EINVAL);
	zset_free(a);
	zset_free(c);
	zset_free(base);
	zset_free(dst);
	bed_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
