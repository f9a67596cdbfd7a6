/* The SVF layer on SmolLM2-135M (Q4_1 GGUF): one decomposition of all 210 matrices serves every test here. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/json.h"
#include "engine/svf/adaptation.h"
#include "tests/lib/golden.h"
#include "tests/lib/grad.h"
#include "tests/lib/svf.h"

/* goldens/{sigma,svf,grad}/README.md, float64 SVD */
#define TOL_SIGMA  1e-12
#define TOL_LOGITS 2e-5
static const struct grad_tolerance tol_grad = {9e-4, 2e-8, 4e-6, 4e-4, 2e-4};

static struct bed b;
static bool there;
static struct t2_err err;

static void
ok(enum t2_status st)
{
	if (st)
		fail_msg("%s", err.msg);
}

static void
test_decompose(void **state)
{
	struct decompose_report r;

	(void)state;
	if (!bed_open(&b, "models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf", 0))
		skip();
	b.cache = temp_dir();
	ok(factors_decompose(b.m, b.cache, "all", true, false, b.pool, NULL, NULL, NULL, &r, &err));
	assert_int_equal(r.computed, 210);
	print_message("%.1f s, worst reconstruction %.2g of 1e-5\n", r.seconds, r.max_rel_error);
	ok(factors_open(&b.f, b.m, b.cache, &err));
	assert_int_equal(factors_count(b.f), 210);
	there = true;
}

static void
test_sigma(void **state)
{
	struct tensors t;
	double worst = 0;

	(void)state;
	if (!there || !golden_path("sigma/S.sigma.safetensors"))
		skip();
	tensors_open(&t, golden_path("sigma/S.sigma.safetensors"));
	for (int i = 0; i < 210; i++) {
		const struct factor *a = factors_get(b.f, i);
		const double *want;
		char name[160];

		snprintf(name, sizeof name, "%s.sigma", model_matrix(b.m, i)->name);
		want = tensors_get(&t, name, NULL);
		assert_non_null(want);
		for (int k = 0; k < a->r; k++)
			worst = fmax(worst, fabs(a->sigma64[k] - want[k]) / want[0]);
	}
	print_message("worst sigma %.2g of %g s_1\n", worst, TOL_SIGMA);
	assert_true(worst <= TOL_SIGMA);
	tensors_close(&t);
}

static enum t2_status
check_row(void *arg, json_t *row, long line, struct t2_err *e)
{
	static const enum form forms[] = {FORM_AUTO, FORM_DENSE, FORM_FACTORED, FORM_DELTA};
	struct zset *z = bed_expert(&b, b.f, "S.plain_all");
	int *ids, n = bed_ids(json_object_get(row, "ids"), &ids);
	double *worst = arg;

	(void)line;
	(void)e;
	for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
		struct adaptation *a;
		float *logits;

		ok(adaptation_new(&a, b.m, b.f, b.pool, 1, forms[k], &err));
		ok(adaptation_set(a, 0, z, &err));
		logits = bed_logits(&b, adaptation_op(a), ids, n, 0);
		worst[0] = fmax(worst[0], bed_compare(&b, logits, row));
		free(logits);
		adaptation_free(a);
	}
	worst[1]++;
	free(ids);
	zset_free(z);
	return T2_OK;
}

static void
test_logits(void **state)
{
	double worst[2] = {0};

	(void)state;
	if (!there || !golden_path("svf/S.jsonl"))
		skip();
	ok(json_read_lines(golden_path("svf/S.jsonl"), check_row, worst, &err));
	print_message("worst logits %.2g of %g\n", worst[0], TOL_LOGITS);
	assert_true(worst[0] <= TOL_LOGITS);
	assert_true(worst[1] == 2);
}

static void
test_gradients(void **state)
{
	struct grad_measured seen = {0};

	(void)state;
	if (!there || !golden_path("grad/S.cases.jsonl"))
		skip();
	grad_check(&b, b.f, "S", &tol_grad, &seen);
	assert_int_equal(seen.cases, 1);
	print_message("gradient %.2g, 1 - cosine %.2g, loss %.2g, logprob %.2g, kl %.2g\n",
		      seen.gradient, seen.cosine, seen.loss, seen.logprob, seen.kl);
	grad_check_differences(&b, b.f, "S", tol_grad.gradient);
}

static int
close_all(void **state)
{
	(void)state;
	if (there)
		bed_close(&b);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decompose),
		cmocka_unit_test(test_sigma),
		cmocka_unit_test(test_logits),
		cmocka_unit_test(test_gradients),
	};

	return cmocka_run_group_tests(tests, NULL, close_all);
}
