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
#include "engine/model/checkpoint.h"
#include "engine/svf/spectrum.h"
#include "tests/lib/golden.h"

static void
close_to(const char *what, double got, double want, double rel)
{
	if (!(fabs(got - want) <= rel * fabs(want)))
		fail_msg("%s: %.12g, expected %.12g within %g", what, got, want, rel);
}

static void
test_mp_median(void **state)
{
	const char *path = golden_path("sigma/mp_median.json");
	struct t2_err err;
	json_t *list, *row;
	size_t i;

	(void)state;
	assert_true(isnan(mp_median(0)));
	assert_true(isnan(mp_median(1.0001)));
	/* As beta goes to 0 the law narrows to a semicircle about 1; first order: 1 - beta / 3. */
	close_to("beta 1e-7", mp_median(1e-7), 1 - 1e-7 / 3, 1e-10);
	if (!path)
		skip();
	assert_int_equal(json_read_file(&list, path, &err), T2_OK);
	json_array_foreach (list, i, row) {
		double beta = json_number_value(json_object_get(row, "beta"));

		/* the file holds twelve digits */
		close_to("mp_median", mp_median(beta),
			 json_number_value(json_object_get(row, "mp_median")), 1e-12);
		close_to("edge", (1 + sqrt(beta)) / sqrt(mp_median(beta)),
			 json_number_value(json_object_get(row, "lambda_edge_over_median_sigma")),
			 1e-11);
	}
	assert_true(i >= 7);
	json_decref(list);
}

static double
num(const json_t *row, const char *key)
{
	return json_number_value(json_object_get(row, key));
}

static void
check_stats(const struct spectrum_stats *s, const json_t *row, double rel)
{
	close_to("spectral_norm", s->spectral_norm, num(row, "spectral_norm"), rel);
	close_to("frobenius_norm", s->frobenius_norm, num(row, "frobenius_norm"), rel);
	close_to("stable_rank", s->stable_rank, num(row, "stable_rank"), rel);
	close_to("effective_rank", s->effective_rank, num(row, "effective_rank"), rel);
	close_to("noise_edge", s->noise_edge, num(row, "noise_edge"), rel);
	close_to("tail_exponent", s->tail_exponent, num(row, "tail_exponent"), rel);
	close_to("tail_xmin", s->tail_xmin, num(row, "tail_xmin"), rel);
	assert_true(fabs(s->tail_ks - num(row, "tail_ks")) <=
		    rel); /* a difference of probabilities */
	assert_int_equal(s->tail_n, (int)num(row, "tail_n"));
	assert_int_equal(s->above_edge, (int)num(row, "above_edge"));
}

static void
test_statistics(void **state)
{
	const char *path = golden_path("sigma/statistics.json");
	struct t2_err err;
	json_t *list, *row;
	size_t i;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(json_read_file(&list, path, &err), T2_OK);
	json_array_foreach (list, i, row) {
		char file[64], name[256];
		struct safetensors *st;
		const struct st_tensor *t;
		struct spectrum_stats s;
		int m = (int)num(row, "m"), n = (int)num(row, "n"), r = (int)num(row, "rank");
		float *narrow = malloc(sizeof(float) * (size_t)r);

		snprintf(file, sizeof file, "sigma/%s.sigma.safetensors",
			 json_string_value(json_object_get(row, "model")));
		snprintf(name, sizeof name, "%s.sigma",
			 json_string_value(json_object_get(row, "name")));
		assert_int_equal(safetensors_open(&st, golden_path(file), &err), T2_OK);
		t = safetensors_find(st, name);
		assert_non_null(t);
		assert_int_equal(t->bytes, sizeof(double) * (size_t)r);
		assert_int_equal(spectrum_compute_f64(&s, t->data, m, n, &err), T2_OK);
		check_stats(&s, row, 2e-11); /* the file holds twelve digits */
		for (int k = 0; k < r; k++)
			narrow[k] = (float)((const double *)t->data)[k];
		assert_int_equal(spectrum_compute(&s, narrow, m, n, &err), T2_OK);
		check_stats(&s, row, 6e-6);
		free(narrow);
		safetensors_free(st);
	}
	assert_int_equal(i, 6);
	json_decref(list);
}

static void
test_known(void **state)
{
	const double one[] = {3}, flat[] = {2, 2, 2, 2}, none[] = {0, 0, 0},
		     steep[] = {10, 3, 1, 0};
	struct spectrum_stats s;
	struct t2_err err;

	(void)state;
	assert_int_equal(spectrum_compute_f64(&s, one, 1, 7, &err), T2_OK);
	assert_true(s.spectral_norm == 3 && s.stable_rank == 1 && s.energy90 == 1 && s.tail_n == 0);
	assert_int_equal(spectrum_compute_f64(&s, flat, 4, 9, &err), T2_OK);
	close_to("flat stable rank", s.stable_rank, 4, 1e-15);
	close_to("flat effective rank", s.effective_rank, 4, 1e-14);
	assert_int_equal(s.energy90, 4);
	assert_int_equal(s.tail_n, 0);
	assert_int_equal(spectrum_compute_f64(&s, none, 3, 3, &err), T2_OK);
	assert_true(s.stable_rank == 0 && s.effective_rank == 0 && s.noise_edge == 0 &&
		    s.above_edge == 0 && s.energy90 == 0);
	assert_int_equal(spectrum_compute_f64(&s, steep, 4, 4, &err), T2_OK);
	assert_int_equal(s.energy90, 1); /* 100 of 110 */
	assert_true(s.tail_n >= 2 && isfinite(s.tail_exponent));
	assert_int_equal(spectrum_compute_f64(&s, one, 0, 4, &err), T2_EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mp_median),
		cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
