#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/adapt/cem.h"
#include "engine/base/json.h"
#include "tests/lib/golden.h"

enum { MAX = 16384 };

/* A number, a list or a list of lists into out; returns how many. */
static int
numbers(const json_t *v, double *out, int at)
{
	json_t *e;
	size_t i;

	if (json_is_number(v)) {
		assert_true(at < MAX);
		out[at] = json_number_value(v);
		return at + 1;
	}
	json_array_foreach (v, i, e)
		at = numbers(e, out, at);
	return at;
}

static int
get(const json_t *obj, const char *key, double *out)
{
	json_t *v = json_object_get(obj, key);

	assert_non_null(v);
	return numbers(v, out, 0);
}

static void
same(const char *what, const double *got, const json_t *obj, const char *key, int n)
{
	double want[MAX];

	assert_int_equal(get(obj, key, want), n);
	for (int i = 0; i < n; i++)
		if (!(fabs(got[i] - want[i]) <= 1e-12))
			fail_msg("%s: %s[%d]: %.17g, expected %.17g", what, key, i, got[i],
				 want[i]);
}

static void
same_elites(const struct cem *c, const json_t *obj)
{
	double want[MAX];

	assert_int_equal(get(obj, "elites", want), c->elites);
	for (int i = 0; i < c->elites; i++)
		assert_int_equal(c->elite[i], (int)want[i]);
}

static enum t2_status
check_case(void *arg, json_t *obj, long line, struct t2_err *err)
{
	static double a[MAX], b[MAX], noise[MAX];
	const json_t *want = json_object_get(obj, "expected");
	char what[32];
	struct cem *c;
	int dim, pop;

	snprintf(what, sizeof what, "case on line %ld", line);
	get(obj, "dim", a);
	dim = (int)a[0];
	get(obj, "population", a);
	pop = (int)a[0];
	get(obj, "elite_count", b);
	get(obj, "previous_mean", a);
	get(obj, "previous_std", noise);
	assert_int_equal(cem_new(&c, dim, pop, (int)b[0], a, noise, err), T2_OK);
	assert_int_equal(get(obj, "previous_best", c->best), dim);
	assert_int_equal(get(obj, "noise", noise), dim * pop);
	cem_sample(c, noise);
	same(what, c->members, obj, "members", dim * pop);
	assert_int_equal(get(obj, "fitness", a), pop);
	assert_int_equal(get(obj, "mean_loglik", b), pop);
	assert_int_equal(cem_update(c, a, b, err), T2_OK);
	get(want, "best", a);
	assert_int_equal(c->best_index, (int)a[0]);
	same(what, c->best, want, "best_value", dim);
	same(what, c->mean, want, "mean", dim);
	same(what, c->std, want, "std", dim);
	same_elites(c, want);
	cem_free(c);
	++*(int *)arg;
	return T2_OK;
}

static void
test_cases(void **state)
{
	const char *path = golden_path("cem/cases.jsonl");
	struct t2_err err;
	int n = 0;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(json_read_lines(path, check_case, &n, &err), T2_OK);
	assert_int_equal(n, 20);
}

/* The README's analytic fitness: shot j is solved within radius[j] of the centre. */
static void
evaluate(const struct cem *c, const double *centre, const double *radius, int shots,
	 double *fitness, double *loglik)
{
	for (int i = 0; i < c->population; i++) {
		double square = 0, sum = 0;
		int solved = 0;

		for (int k = 0; k < c->dim; k++) {
			double d = c->members[i * c->dim + k] - centre[k];

			square += d * d;
		}
		for (int j = 0; j < shots; j++) {
			double s = radius[j] - sqrt(square);

			if (s < 0)
				continue;
			solved++;
			sum -= log1p(exp(-4 * s));
		}
		fitness[i] = (double)solved / shots;
		loglik[i] = solved ? sum / solved : 0;
	}
}

static enum t2_status
check_run(void *arg, json_t *obj, long line, struct t2_err *err)
{
	static double mean[MAX], std[MAX], centre[MAX], radius[MAX], noise[MAX], fit[MAX], lik[MAX];
	const json_t *it;
	char what[48];
	struct cem *c;
	double v[3];
	int shots;
	size_t t;

	get(obj, "dim", v);
	get(obj, "population", v + 1);
	get(obj, "elite_count", v + 2);
	get(obj, "initial_mean", mean);
	get(obj, "initial_std", std);
	get(obj, "centre", centre);
	shots = get(obj, "radius", radius);
	assert_int_equal(cem_new(&c, (int)v[0], (int)v[1], (int)v[2], mean, std, err), T2_OK);
	same("start", c->best, obj, "initial_best", c->dim);
	json_array_foreach (json_object_get(obj, "iterations"), t, it) {
		snprintf(what, sizeof what, "run on line %ld, iteration %zu", line, t);
		assert_int_equal(get(it, "noise", noise), c->dim * c->population);
		cem_sample(c, noise);
		evaluate(c, centre, radius, shots, fit, lik);
		same(what, fit, it, "fitness", c->population);
		same(what, lik, it, "mean_loglik", c->population);
		assert_int_equal(cem_update(c, fit, lik, err), T2_OK);
		same(what, &c->best_fitness, it, "best_fitness", 1);
		same(what, &c->mean_fitness, it, "mean_fitness", 1);
		get(it, "best", v);
		assert_int_equal(c->best_index, (int)v[0]);
		same(what, c->mean, it, "mean", c->dim);
		same(what, c->std, it, "std", c->dim);
		same_elites(c, it);
	}
	same(what, c->best, obj, "result", c->dim);
	same(what, &c->best_fitness, obj, "result_fitness", 1);
	cem_free(c);
	++*(int *)arg;
	return T2_OK;
}

static void
test_runs(void **state)
{
	const char *path = golden_path("cem/runs.jsonl");
	struct t2_err err;
	int n = 0;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(json_read_lines(path, check_run, &n, &err), T2_OK);
	assert_int_equal(n, 5);
}

static void
iterate(struct cem *c)
{
	const double centre[] = {0.2, 0.9, 0.5}, radius[] = {0.9, 0.6, 0.4, 0.2};
	double fit[32], lik[32];

	cem_sample_seeded(c, 7);
	evaluate(c, centre, radius, 4, fit, lik);
	assert_int_equal(cem_update(c, fit, lik, NULL), T2_OK);
}

static void
test_resume(void **state)
{
	const double mean[3] = {1.0 / 3, 1.0 / 3, 1.0 / 3}, std[3] = {0.5, 0.5, 0.5};
	struct strbuf blob = {0};
	struct cem *a, *b, *other;
	struct t2_err err;

	(void)state;
	assert_int_equal(cem_default_elites(32), 6);
	assert_int_equal(cem_default_elites(5), 2);
	assert_int_equal(cem_new(&a, 3, 32, 6, mean, std, &err), T2_OK);
	assert_int_equal(cem_new(&b, 3, 32, 6, mean, std, &err), T2_OK);
	assert_int_equal(cem_new(&other, 2, 32, 6, mean, std, &err), T2_OK);
	for (int i = 0; i < 3; i++)
		iterate(a);
	cem_save(a, &blob);
	assert_int_equal(cem_load(other, blob.s, blob.len, &err), T2_EMISMATCH);
	for (size_t cut = 0; cut < blob.len; cut++)
		assert_int_equal(cem_load(b, blob.s, cut, &err), T2_EFORMAT);
	assert_int_equal(cem_load(b, blob.s, blob.len, &err), T2_OK);
	for (int i = 0; i < 3; i++) {
		iterate(a);
		iterate(b);
	}
	assert_int_equal(a->iteration, b->iteration);
	assert_memory_equal(a->best, b->best, sizeof mean);
	assert_memory_equal(a->mean, b->mean, sizeof mean);
	assert_memory_equal(a->members, b->members, 32 * sizeof mean);
	assert_true(a->best_fitness >= 0.75);
	strbuf_free(&blob);
	cem_free(a);
	cem_free(b);
	cem_free(other);
}

static void
test_refused(void **state)
{
	const double mean[2] = {0.5, 0.5}, std[2] = {0.5, -1}, ok[2] = {0.5, 0};
	double fit[4] = {0, 1, NAN, 0}, lik[4] = {0};
	struct cem *c;
	struct t2_err err;

	(void)state;
	assert_int_equal(cem_new(&c, 2, 4, 2, mean, std, &err), T2_EINVAL);
	assert_int_equal(cem_new(&c, 2, 4, 1, mean, ok, &err), T2_EINVAL);
	assert_int_equal(cem_new(&c, 2, 4, 5, mean, ok, &err), T2_EINVAL);
	assert_int_equal(cem_new(&c, 0, 4, 2, mean, ok, &err), T2_EINVAL);
	assert_null(c);
	assert_int_equal(cem_new(&c, 2, 4, 2, mean, ok, &err), T2_OK);
	cem_sample_seeded(c, 1);
	assert_int_equal(cem_update(c, fit, lik, &err), T2_ENUM);
	assert_true(c->iteration == 0 && c->best[0] == 0.5);
	fit[2] = 0;
	assert_int_equal(cem_update(c, fit, lik, &err), T2_OK);
	assert_int_equal(c->best_index, 1);
	cem_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
