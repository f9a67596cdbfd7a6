#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/json.h"
#include "engine/model/checkpoint.h"
#include "engine/train/adam.h"
#include "tests/lib/golden.h"

enum { MAX = 4096 };

/* [[..], [..]] one after another; returns how many numbers. */
static long
flatten(const json_t *lists, double *out)
{
	json_t *list, *v;
	size_t i, k;
	long n = 0;

	json_array_foreach (lists, i, list) {
		json_array_foreach (list, k, v) {
			assert_true(n < MAX);
			out[n++] = json_number_value(v);
		}
	}
	return n;
}

static void
same(const double *got, const double *want, long n, double tol, const char *what, long step)
{
	for (long i = 0; i < n; i++)
		if (!(fabs(got[i] - want[i]) <= tol))
			fail_msg("%s, step %ld, parameter %ld: %.17g, expected %.17g", what, step,
				 i, got[i], want[i]);
}

static struct adam_options
options_of(const json_t *c)
{
	struct adam_options o = adam_defaults();
	const json_t *betas = json_object_get(c, "betas");

	o.lr = json_number_value(json_object_get(c, "lr"));
	o.eps = json_number_value(json_object_get(c, "eps"));
	o.clip = json_number_value(json_object_get(c, "clip")); /* null: 0 */
	o.beta1 = json_number_value(json_array_get(betas, 0));
	o.beta2 = json_number_value(json_array_get(betas, 1));
	return o;
}

static void
test_golden(void **state)
{
	const char *path = golden_path("step/adam.json");
	struct t2_err err;
	json_t *cases, *c, *s;
	size_t i, k;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(json_read_file(&cases, path, &err), T2_OK);
	assert_int_equal(json_array_size(cases), 4);
	json_array_foreach (cases, i, c) {
		struct adam_options o = options_of(c);
		double param[MAX], grad[MAX], want[MAX], norm;
		long n = flatten(json_object_get(c, "start"), param);
		struct adam *a;

		assert_int_equal(adam_new(&a, n, &err), T2_OK);
		json_array_foreach (json_object_get(c, "steps"), k, s) {
			double wnorm = json_number_value(json_object_get(s, "grad_norm"));

			assert_int_equal(flatten(json_object_get(s, "gradients"), grad), n);
			assert_int_equal(flatten(json_object_get(s, "parameters"), want), n);
			assert_int_equal(adam_step(a, &o, param, grad, &norm, &err), T2_OK);
			same(&norm, &wnorm, 1, 1e-12 * (1 + wnorm), "norm", (long)k + 1);
			same(param, want, n, 1e-12, "adam.json", (long)k + 1);
		}
		assert_int_equal(adam_steps(a), 12);
		adam_free(a);
	}
	json_decref(cases);
}

/* All tensors whose names start with prefix, in file order, one after another. */
static long
gather(const struct safetensors *st, const char *prefix, double *out)
{
	long n = 0;

	for (int i = 0; i < safetensors_count(st); i++) {
		const struct st_tensor *t = safetensors_tensor(st, i);
		bool wide = !strcmp(t->dtype, "F64");
		long count = (long)(t->bytes / (wide ? 8 : 4));

		if (strncmp(t->name, prefix, strlen(prefix)))
			continue;
		assert_true(n + count <= MAX);
		for (long k = 0; k < count; k++)
			out[n++] = wide ? ((const double *)t->data)[k]
					: (double)((const float *)t->data)[k];
	}
	return n;
}

/* The whole runs' own gradients through our Adam must give their parameters. */
static void
test_replay(void **state)
{
	const char *path = golden_path("step/runs.jsonl");
	char line[8192];
	int runs = 0;
	FILE *f;

	(void)state;
	if (!path)
		skip();
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		struct t2_err err;
		struct safetensors *st;
		struct adam_options o;
		struct adam *a;
		double param[MAX], grad[MAX], want[MAX];
		char name[128];
		json_t *c;
		long n;

		assert_int_equal(json_read_bytes(&c, line, strlen(line), path, &err), T2_OK);
		o = options_of(c);
		snprintf(name, sizeof name, "step/%s",
			 json_string_value(json_object_get(c, "file")));
		assert_int_equal(safetensors_open(&st, golden_path(name), &err), T2_OK);
		n = gather(st, "start/", param);
		assert_true(n > 0);
		assert_int_equal(adam_new(&a, n, &err), T2_OK);
		for (int k = 1; k <= 5; k++) {
			snprintf(name, sizeof name, "grad%d/", k);
			assert_int_equal(gather(st, name, grad), n);
			snprintf(name, sizeof name, "step%d/", k);
			assert_int_equal(gather(st, name, want), n);
			assert_int_equal(adam_step(a, &o, param, grad, NULL, &err), T2_OK);
			same(param, want, n, 1e-12, "replay", k);
		}
		adam_free(a);
		safetensors_free(st);
		json_decref(c);
		runs++;
	}
	fclose(f);
	assert_int_equal(runs, 4);
}

static void
test_resume(void **state)
{
	struct adam_options o = adam_defaults();
	struct strbuf blob = {0};
	struct adam *a, *b, *other;
	struct t2_err err;
	double p[3] = {1, -2, 3}, q[3], g[3] = {0.3, -1e-7, 40};

	(void)state;
	o.clip = 1;
	assert_int_equal(adam_new(&a, 3, &err), T2_OK);
	assert_int_equal(adam_new(&b, 3, &err), T2_OK);
	assert_int_equal(adam_new(&other, 4, &err), T2_OK);
	for (int i = 0; i < 5; i++)
		assert_int_equal(adam_step(a, &o, p, g, NULL, &err), T2_OK);
	adam_save(a, &blob);
	assert_false(blob.failed);
	assert_int_equal(adam_load(b, blob.s, blob.len, &err), T2_OK);
	assert_int_equal(adam_steps(b), 5);
	memcpy(q, p, sizeof p);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(adam_step(a, &o, p, g, NULL, &err), T2_OK);
		assert_int_equal(adam_step(b, &o, q, g, NULL, &err), T2_OK);
	}
	assert_memory_equal(p, q, sizeof p);
	assert_int_equal(adam_load(other, blob.s, blob.len, &err), T2_EMISMATCH);
	for (size_t cut = 0; cut < blob.len; cut++)
		assert_int_equal(adam_load(b, blob.s, cut, &err), T2_EFORMAT);
	strbuf_char(&blob, 0);
	assert_int_equal(adam_load(b, blob.s, blob.len, &err), T2_EFORMAT);
	assert_int_equal(adam_steps(b), 10); /* a refused state changes nothing */
	strbuf_free(&blob);
	adam_free(a);
	adam_free(b);
	adam_free(other);
}

static void
test_not_finite(void **state)
{
	struct adam_options o = adam_defaults();
	double p[2] = {1, 2}, g[2] = {1, NAN}, norm;
	struct adam *a;
	struct t2_err err;

	(void)state;
	assert_int_equal(adam_new(&a, 0, &err), T2_EINVAL);
	assert_null(a);
	assert_int_equal(adam_new(&a, 2, &err), T2_OK);
	assert_int_equal(adam_step(a, &o, p, g, &norm, &err), T2_ENUM);
	g[1] = INFINITY;
	assert_int_equal(adam_step(a, &o, p, g, &norm, &err), T2_ENUM);
	assert_true(p[0] == 1 && p[1] == 2);
	assert_int_equal(adam_steps(a), 0);
	adam_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_not_finite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
