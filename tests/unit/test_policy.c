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
#include "engine/base/memory.h"
#include "engine/base/rng.h"
#include "engine/train/adam.h"
#include "engine/train/policy.h"
#include "engine/train/zparam.h"
#include "tests/lib/golden.h"
#include "tests/lib/grad.h"
#include "tests/lib/svf.h"

static const char *const model = "models/tinystories-656k";
static struct t2_err err;

static void
ok(enum t2_status st)
{
	if (st)
		fail_msg("%s", err.msg);
}

/* goldens/grad/README.md, "given factors": our own SVD is a float64 one, so it is held to the same. */
static const struct grad_tolerance tight = {3e-5, 4e-11, 2e-6, 3e-4, 2e-4};

static void
test_golden(void **state)
{
	struct grad_measured seen[2] = {{0}};
	struct bed b;

	(void)state;
	if (!golden_path("grad/T.cases.jsonl") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	bed_golden(&b);
	grad_check(&b, b.f, "T", &tight, &seen[0]);
	grad_check(&b, b.golden, "T", &tight, &seen[1]);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(seen[i].cases, 16);
		print_message(
			"%s: gradient %.2g, 1 - cosine %.2g, loss %.2g, logprob %.2g, kl %.2g\n",
			i ? "given factors" : "own SVD", seen[i].gradient, seen[i].cosine,
			seen[i].loss, seen[i].logprob, seen[i].kl);
	}
	bed_close(&b);
}

/* Where the goldens took central differences in float64. */
static void
test_golden_differences(void **state)
{
	struct bed b;

	(void)state;
	if (!golden_path("grad/T.finite_differences.json") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	grad_check_differences(&b, b.f, "T", tight.gradient);
	bed_close(&b);
}

/* Central differences of our own loss along random directions and along single components.  A float32 loss of some tens carries
 * an error of about 1e-5, so steps are as large as its curvature allows. */
static void
test_own_differences(void **state)
{
	static const char *const cases[] = {"T.plain_all_kl0.2_expert",
					    "T.reference_all_kl0.2_expert",
					    "T.plain_mlp_kl0_expert"};
	struct bed b;

	(void)state;
	if (!golden_path("grad/T.cases.jsonl") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	for (int c = 0; c < 3; c++) {
		struct grad_run run;
		double *start, *way, worst = 0;

		grad_open(&run, &b, b.f, cases[c]);
		grad_eval(&run, true);
		start = malloc((size_t)run.zp->n * sizeof *start);
		way = malloc((size_t)run.zp->n * sizeof *way);
		memcpy(start, run.zp->v, (size_t)run.zp->n * sizeof *start);
		for (int d = 0; d < 6; d++) {
			double slope = 0, length = 0, h = 2e-2, loss[4], central;
			struct rng rng;

			rng_seed(&rng, 11, (uint64_t)c, (uint64_t)d);
			for (long i = 0; i < run.zp->n; i++)
				way[i] = run.grad[i] +
					 run.norm / sqrt((double)run.zp->n) * rng_normal(&rng);
			for (long i = 0; i < run.zp->n; i++)
				length += way[i] * way[i];
			for (long i = 0; i < run.zp->n; i++) {
				way[i] /= sqrt(length);
				slope += way[i] * run.grad[i];
			}
			for (int k = 0; k < 4; k++) {
				static const double at[] = {-2, -1, 1, 2};

				for (long i = 0; i < run.zp->n; i++)
					run.zp->v[i] = start[i] + at[k] * h * way[i];
				grad_eval(&run, false);
				loss[k] = run.loss;
			}
			/* five points: the error falls with h^4 */
			central = (loss[0] - 8 * loss[1] + 8 * loss[2] - loss[3]) / (12 * h);
			worst = fmax(worst, fabs(central - slope) / fabs(slope));
		}
		print_message("%s: worst slope off by %.2g\n", cases[c], worst);
		assert_true(worst < 2e-4);
		free(start);
		free(way);
		grad_close(&run);
	}
	bed_close(&b);
}

/* One line at a time, all together, many copies over several micro-batches, one thread or three: the same, in bits where
 * shapes are the same. */
static void
test_cuts(void **state)
{
	enum { COPIES = 12 };
	struct grad_run run;
	struct bed b;
	struct policy_line *many;
	double *first, worst = 0, sum = 0;
	struct policy_result r = {0};
	struct pool *pools[2];
	int n;

	(void)state;
	if (!golden_path("grad/T.cases.jsonl") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	grad_open(&run, &b, b.f, "T.plain_all_kl0.2_expert");
	grad_eval(&run, true);
	n = run.lines;
	many = malloc(sizeof *many * (size_t)(n * COPIES));
	for (int i = 0; i < n * COPIES; i++)
		many[i] = run.line[i % n];
	first = malloc((size_t)run.zp->n * sizeof *first);
	memcpy(first, run.grad, (size_t)run.zp->n * sizeof *first);
	sum = run.loss;

	for (int k = 0; k < 2; k++) {
		struct adaptation *a;
		struct policy *p;
		struct policy_setup setup = run.setup;
		double *grad = malloc((size_t)run.zp->n * sizeof *grad);

		pools[k] = pool_new(1 + 2 * k);
		ok(adaptation_new(&a, b.m, b.f, pools[k], 1, FORM_AUTO, &err));
		ok(adaptation_set(a, 0, zparam_zset(run.zp), &err));
		ok(adaptation_grad_begin(a, run.zp->modules, &err));
		ok(policy_new(&p, b.m, pools[k], &err));
		setup.op = adaptation_op(a);
		ok(policy_run(p, &setup, many, n * COPIES, &r, NULL, &err));
		assert_true(fabs(r.loss - sum) < 2e-6 * fabs(sum));
		zparam_grad(run.zp, a, grad);
		for (long i = 0; i < run.zp->n; i++)
			worst = fmax(worst, fabs(grad[i] - first[i]) / run.norm);
		if (k)
			assert_memory_equal(grad, run.grad, (size_t)run.zp->n * sizeof *grad);
		memcpy(run.grad, grad, (size_t)run.zp->n * sizeof *grad);
		free(grad);
		policy_free(p);
		adaptation_free(a);
		pool_free(pools[k]);
	}
	print_message("copies: worst gradient off by %.2g of the norm\n", worst);
	assert_true(worst < 1e-6);
	free(first);
	free(many);
	grad_close(&run);
	bed_close(&b);
}

/* What is kept and what is computed again cannot change a bit where the form does not. */
static void
test_memory(void **state)
{
	double *first = NULL;
	struct bed b;

	(void)state;
	if (!golden_path("grad/T.cases.jsonl") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	for (int k = 0; k < 4; k++) {
		struct grad_run run;

		grad_open(&run, &b, b.f, "T.plain_all_kl0.2_expert");
		adaptation_form(run.ad, FORM_FACTORED);
		if (k & 1)
			adaptation_memory(run.ad, 0);
		if (k & 2)
			policy_memory(run.policy, 0);
		grad_eval(&run, true);
		if (first)
			assert_memory_equal(first, run.grad, (size_t)run.zp->n * sizeof *first);
		else
			first = memcpy(malloc((size_t)run.zp->n * sizeof *first), run.grad,
				       (size_t)run.zp->n * sizeof *first);
		grad_close(&run);
	}
	free(first);
	bed_close(&b);
}

/* A limit cuts the micro-batches and changes the gradient by no more than the order of its sums. */
static void
test_limit(void **state)
{
	enum { COPIES = 12 };
	struct grad_run run;
	struct policy_line *many;
	struct policy_result r = {0};
	double *first = NULL, worst = 0;
	struct bed b;
	int n, longest = 0;
	long rows = 0;

	(void)state;
	if (!golden_path("grad/T.cases.jsonl") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	grad_open(&run, &b, b.f, "T.plain_all_kl0.2_expert");
	grad_eval(&run, true);
	assert_true(run.norm > 0);
	n = run.lines;
	many = malloc(sizeof *many * (size_t)(n * COPIES));
	for (int i = 0; i < n * COPIES; i++) {
		int length = run.line[i % n].prompt_n + run.line[i % n].answer_n;

		many[i] = run.line[i % n];
		longest = length > longest ? length : longest;
		rows += length;
	}
	{ /* with room for everything it takes what it says */
		struct memory *m = memory_new((size_t)8 << 30, NULL, NULL);
		size_t held = ADAPTATION_HELD, room = memory_room(m);
		struct policy *p;

		pool_use_memory(b.pool, m);
		ok(policy_new(&p, b.m, b.pool, &err));
		ok(policy_limit(p, room / 2, longest, rows, true, &held, &err));
		assert_true(room - memory_room(m) ==
			    policy_most(p, longest, rows, true, ADAPTATION_HELD));
		assert_true(policy_most(p, longest, rows, true, ADAPTATION_HELD) >
			    policy_most(p, longest, rows, false, 0));
		policy_free(p);
		pool_use_memory(b.pool, NULL);
		memory_free(m);
	}
	for (int k = 0; k < 3; k++) {
		struct memory *m = k ? memory_new((size_t)1 << 30, NULL, NULL) : NULL;
		size_t held = (size_t)192 << 20, room = memory_room(m), least;
		struct policy_setup setup = run.setup;
		struct adaptation *a;
		struct policy *p;
		double *grad = malloc((size_t)run.zp->n * sizeof *grad);

		pool_use_memory(b.pool, m);
		ok(adaptation_new(&a, b.m, b.f, b.pool, 1, FORM_FACTORED, &err));
		ok(adaptation_set(a, 0, zparam_zset(run.zp), &err));
		ok(adaptation_grad_begin(a, run.zp->modules, &err));
		ok(policy_new(&p, b.m, b.pool, &err));
		least = policy_least(p, longest, true);
		if (k) {
			assert_int_equal(
				policy_limit(p, least - 1, longest, rows, true, &held, &err),
				T2_ENOMEM);
			assert_non_null(strstr(err.msg, "least that would do"));
			room = memory_room(m);
			ok(policy_limit(p, k == 1 ? least : least * 3, longest, rows, true, &held,
					&err));
			assert_true(room - memory_room(m) <= (k == 1 ? least : least * 3));
			assert_true(room > memory_room(m));
			adaptation_memory(a, held);
		}
		setup.op = adaptation_op(a);
		ok(policy_run(p, &setup, many, n * COPIES, &r, NULL, &err));
		zparam_grad(run.zp, a, grad);
		for (long i = 0; i < run.zp->n && first; i++)
			worst = fmax(worst, fabs(grad[i] - first[i]) / run.norm);
		if (first)
			free(grad);
		else
			first = grad;
		policy_free(p);
		adaptation_free(a);
		pool_use_memory(b.pool, NULL);
		assert_true(!m || memory_room(m) == (size_t)1 << 30); /* all is given back */
		memory_free(m);
	}
	print_message("limits: worst gradient off by %.2g of the norm\n", worst);
	assert_true(worst > 0 && worst < 1e-6); /* not 0: micro-batches were cut */
	free(first);
	free(many);
	grad_close(&run);
	bed_close(&b);
}

static void
test_refused(void **state)
{
	int ids[3] = {1, 2, 3}, bad[1] = {1 << 30};
	struct policy_line line = {
		.prompt = ids, .answer = ids, .prompt_n = 3, .answer_n = 0, .reward = 1};
	struct policy_setup setup = {.backward = true};
	struct policy_result r = {0};
	struct base_linear *base;
	struct policy *p;
	struct job job;
	struct bed b;
	double lp = 1;

	(void)state;
	if (!bed_open(&b, model, 1))
		skip();
	ok(base_linear_new(&base, b.m, b.pool, &err));
	ok(policy_new(&p, b.m, b.pool, &err));
	setup.op = base_linear_op(base);
	r.logprob = &lp;
	ok(policy_run(p, &setup, &line, 1, &r, NULL, &err)); /* no answer: nothing to learn */
	assert_true(r.loss == 0 && r.tokens == 0 && lp == 0);
	line.answer_n = 2;
	ok(policy_run(p, &setup, &line, 1, &r, NULL, &err));
	assert_true(r.loss > 0 && r.loss == -lp && r.tokens == 2);
	line.prompt_n = 0;
	assert_int_equal(policy_run(p, &setup, &line, 1, &r, NULL, &err), T2_EINVAL);
	line.prompt_n = 3;
	line.answer = bad;
	line.answer_n = 1;
	assert_int_equal(policy_run(p, &setup, &line, 1, &r, NULL, &err), T2_EINVAL);
	line.answer = ids;
	line.prompt = bad;
	line.prompt_n = 1;
	assert_int_equal(policy_run(p, &setup, &line, 1, &r, NULL, &err), T2_EINVAL);
	line.prompt = ids;
	line.reward = NAN;
	assert_int_equal(policy_run(p, &setup, &line, 1, &r, NULL, &err), T2_EINVAL);
	line.reward = 1;
	assert_int_equal(policy_run(p, &setup, &line, 0, &r, NULL, &err), T2_EINVAL);
	job_init(&job, NULL, NULL);
	job_cancel(&job);
	assert_int_equal(policy_run(p, &setup, &line, 1, &r, &job, &err), T2_ECANCEL);
	job_destroy(&job);
	policy_free(p);
	base_linear_free(base);
	bed_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),		cmocka_unit_test(test_golden_differences),
		cmocka_unit_test(test_own_differences), cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_memory),		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
