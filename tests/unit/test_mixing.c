/* A mixture in the making: what is applied, the z that comes of it against sums taken here, and that what is kept is what
 * was seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/rng.h"
#include "engine/model/model.h"
#include "tests/lib/stores.h"
#include "tui/mixing.h"
#include "tui/workspace.h"

enum { K = 3 };

static const char *const names[K] = {"math", "code", "logic"};

/* z of expert e in matrix mat; expert e leaves matrix 2 + e alone. */
static float
z_of(int e, int mat, int i)
{
	struct rng r;

	if (mat == 2 + e)
		return 1;
	rng_seed(&r, 7, (uint64_t)(e * 100 + mat), (uint64_t)i);
	return (float)(0.5 + rng_uniform(&r));
}

struct set {
	struct store *s;
	int64_t model;
	struct mixing m;
	struct zset *z[K];
};

static void
set_open(struct set *x)
{
	int mats = model_matrices(tiny);

	x->s = opened(new_path());
	x->model = add_model(x->s);
	OK(mixing_init(&x->m, mats, &err));
	for (int e = 0; e < K; e++) {
		struct expert *ex;
		int64_t id;

		OK(expert_new(&ex, tiny, &err));
		strcpy(ex->name, names[e]);
		for (int mat = 0; mat < mats; mat++) {
			float v[64];

			for (int i = 0; i < ex->z->rank[mat]; i++)
				v[i] = z_of(e, mat, i);
			if (mat != 2 + e)
				OK(zset_set(ex->z, mat, v, &err));
		}
		OK(store_expert_add(x->s, x->model, tiny, ex, NULL, &id, &err));
		OK(mixing_add(&x->m, id, names[e], 0, &err));
		x->z[e] = expert_take_z(ex);
	}
}

static void
set_close(struct set *x)
{
	mixing_free(&x->m);
	for (int e = 0; e < K; e++)
		zset_free(x->z[e]);
	store_close(x->s);
}

static struct zset *
mixed(const struct set *x)
{
	struct zset *out;

	OK(zset_new(&out, tiny, &err));
	OK(mixing_z(&x->m, (const struct zset *const *)x->z, -1, out, &err));
	return out;
}

static void
same(const struct zset *a, const struct zset *b)
{
	for (int mat = 0; mat < a->count; mat++) {
		assert_int_equal(a->z[mat] != NULL, b->z[mat] != NULL);
		if (a->z[mat])
			assert_memory_equal(a->z[mat], b->z[mat],
					    (size_t)a->rank[mat] * sizeof(float));
	}
}

/* z' by the definition, in long double, alphas given matrix by matrix. */
static void
expect_z(const struct zset *got, const double alpha[K], int mat, bool normalise)
{
	long double sum = 0;

	for (int e = 0; e < K; e++)
		sum += (long double)alpha[e];
	for (int i = 0; i < got->rank[mat]; i++) {
		long double want = 0;
		double have = got->z[mat] ? (double)got->z[mat][i] : 1;

		for (int e = 0; e < K; e++)
			want += (long double)alpha[e] / (normalise ? sum : 1) *
				(long double)z_of(e, mat, i);
		if (normalise && sum == 0)
			want = 1;
		assert_true(fabs(have - (double)want) <= 2e-7 * (1 + fabs((double)want)));
	}
}

static void
test_z(void **state)
{
	static const double alphas[][K] = {
		{0.6, 0.3, 0}, {0.6, 0.4, 0.2}, {1, 0, 0}, {-0.5, 2, 0.25}, {0.05, 0.05, 0.05}};
	struct set x;

	(void)state;
	set_open(&x);
	for (size_t c = 0; c < sizeof alphas / sizeof *alphas; c++)
		for (int normalise = 0; normalise < 2; normalise++) {
			struct zset *out;
			double part[K];

			for (int e = 0; e < K; e++)
				mixing_set(&x.m, e, -1, alphas[c][e]);
			x.m.normalise = normalise;
			assert_true(mixing_uniform(&x.m));
			out = mixed(&x);
			for (int mat = 0; mat < x.m.mats; mat++) {
				bool alone = true; /* no part of the mixture changes the matrix */

				memcpy(part, alphas[c], sizeof part);
				for (int e = 0; e < K; e++)
					alone = alone && (part[e] == 0 || mat == 2 + e);
				if (alone)
					assert_null(out->z[mat]);
				else
					expect_z(out, part, mat, normalise);
			}
			zset_free(out);
		}
	set_close(&x);
}

static void
test_by_matrix(void **state)
{
	struct set x;
	struct zset *out;
	double alpha[K], w[K];

	(void)state;
	set_open(&x);
	x.m.normalise = true;
	for (int mat = 0; mat < x.m.mats; mat++)
		for (int e = 0; e < K; e++)
			mixing_set(&x.m, e, mat, mat == 6 ? 0 : 0.1 * (mat + 1) + 0.3 * e);
	assert_false(mixing_uniform(&x.m));
	out = mixed(&x);
	for (int mat = 0; mat < x.m.mats; mat++) {
		for (int e = 0; e < K; e++)
			alpha[e] = x.m.alpha[e * x.m.mats + mat];
		expect_z(out, alpha, mat, true);
	}
	/* where alphas sum to 0 the matrix is the base model's, and such a mixture has no kept form */
	assert_false(mixing_applied(&x.m, 6, w));
	assert_null(out->z[6]);
	says(mixing_keep(&x.m, x.s, x.model, "hole", &(int64_t){0}, &err), T2_EINVAL, "matrix 6");
	zset_free(out);
	set_close(&x);
}

/* Kept, and read by everybody else: the same bits. */
static void
kept_is_seen(struct set *x, const char *name)
{
	struct workspace ws = {.store = x->s, .model = tiny, .model_id = x->model};
	struct zset *seen = mixed(x), *kept, *again;
	struct arena a = {0};
	struct mixture_row row;
	struct mixing was;
	int64_t id;

	OK(mixing_keep(&x->m, x->s, x->model, name, &id, &err));
	OK(store_mixture_find(x->s, x->model, name, &row, &a, &err));
	OK(workspace_mixture_zset(&ws, &row, &kept, &err));
	same(seen, kept);
	OK(mixing_copy(&was, &x->m, &err));
	OK(mixing_load(&x->m, &row, &err));
	assert_true(mixing_same(&was, &x->m));
	mixing_set(&was, 0, 3, 0.9);
	assert_false(mixing_same(&was, &x->m));
	mixing_free(&was);
	again = mixed(x);
	same(seen, again);
	arena_free(&a);
	zset_free(seen);
	zset_free(kept);
	zset_free(again);
}

static void
test_kept(void **state)
{
	struct set x;
	char text[200];

	(void)state;
	set_open(&x);
	mixing_set(&x.m, 0, -1, 0.6);
	mixing_set(&x.m, 1, -1, 0.3);
	assert_string_equal(mixing_label(&x.m, text, sizeof text), "0.6 math + 0.3 code");
	kept_is_seen(&x, "plain");
	x.m.normalise = true;
	kept_is_seen(&x, "normalised");
	assert_false(x.m.normalise); /* what is kept is what was applied */
	assert_true(fabs(mixing_alpha(&x.m, 0, NULL) - 2.0 / 3) < 1e-15);
	assert_true(mixing_spec(&x.m, text, sizeof text));
	assert_string_equal(text, "mix:math=0.6666666666666667,code=0.33333333333333337");
	x.m.normalise = true;
	for (int mat = 0; mat < x.m.mats; mat++)
		mixing_set(&x.m, 2, mat, 0.07 * mat);
	assert_string_equal(mixing_label(&x.m, text, sizeof text),
			    "~0.56 math + ~0.28 code + ~0.16 logic");
	assert_false(mixing_spec(&x.m, text, sizeof text));
	kept_is_seen(&x, "by-matrix");
	set_close(&x);
}

static void
test_nothing(void **state)
{
	struct set x;
	struct zset *out;
	char text[40];
	int64_t id;

	(void)state;
	set_open(&x);
	/* all at 0 is the base model, normalised or not */
	for (int normalise = 0; normalise < 2; normalise++) {
		x.m.normalise = normalise;
		out = mixed(&x);
		assert_int_equal(zset_values(out), 0);
		zset_free(out);
		assert_string_equal(mixing_label(&x.m, text, sizeof text), "base");
		assert_true(mixing_spec(&x.m, text, sizeof text));
		assert_string_equal(text, "none");
		says(mixing_keep(&x.m, x.s, x.model, "none", &id, &err), T2_EINVAL, "base model");
	}
	/* one expert at 1 is that expert, to the bit */
	mixing_set(&x.m, 1, -1, 1);
	out = mixed(&x);
	same(out, x.z[1]);
	zset_free(out);
	set_close(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_z),
		cmocka_unit_test(test_by_matrix),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, open_tiny, close_tiny);
}
