#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/model/checkpoint.h"
#include "engine/base/rng.h"
#include "tests/lib/golden.h"
#include "tests/lib/svf.h"

static const char *const model = "models/tinystories-656k";
static struct t2_err err;

static void
ok(enum t2_status st)
{
	if (st)
		fail_msg("%s", err.msg);
}

static void
test_golden(void **state)
{
	static const struct {
		const char *name, *scale, *modules;
		long values;
	} files[] = {
		{"T.plain_a_all", "plain", "all", 1536},
		{"T.plain_b_all", "plain", "all", 1536},
		{"T.plain_a_mlp", "plain", "mlp", 768},
		{"T.reference_all", "reference", "all", 1536},
		{"T.reference_mlp", "reference", "mlp", 768},
	};
	struct bed b;

	(void)state;
	if (!golden_path("svf/T.plain_a_all.safetensors") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct expert *e, *back;
		char path[96], copy[600];

		snprintf(path, sizeof path, "svf/%s.safetensors", files[i].name);
		ok(expert_load(&e, golden_path(path), b.m, b.f, false, &err));
		assert_string_equal(e->scale, files[i].scale);
		assert_string_equal(e->modules, files[i].modules);
		assert_string_equal(e->method, "svf");
		assert_int_equal(zset_values(e->z), files[i].values);
		assert_true((e->p != NULL) == !strcmp(files[i].scale, "reference"));
		assert_true(e->note[0]); /* no fingerprint in them */
		/* Saved under our fingerprint it comes back the same, without a note. */
		snprintf(copy, sizeof copy, "%s/copy.safetensors", b.cache);
		snprintf(e->fingerprint, sizeof e->fingerprint, "%s", model_fingerprint(b.m));
		snprintf(e->name, sizeof e->name, "copy");
		snprintf(e->accuracy, sizeof e->accuracy, "0.5");
		ok(expert_save(e, copy, b.m, &err));
		ok(expert_load(&back, copy, b.m, b.f, false, &err));
		assert_string_equal(back->note, "");
		assert_string_equal(back->name, "copy");
		assert_string_equal(back->accuracy, "0.5");
		assert_string_equal(back->scale, files[i].scale);
		for (int k = 0; k < e->z->count; k++) {
			assert_true((e->z->z[k] != NULL) == (back->z->z[k] != NULL));
			if (e->z->z[k])
				assert_memory_equal(e->z->z[k], back->z->z[k],
						    (size_t)e->z->rank[k] * sizeof(float));
		}
		expert_free(back);
		/* Raw parameters need singular values. */
		assert_int_equal(expert_load(&back, copy, b.m, NULL, false, &err),
				 e->p ? T2_ENOTFOUND : T2_OK);
		expert_free(back);
		expert_free(e);
	}
	bed_close(&b);
}

static void
test_effective(void **state)
{
	struct tensors t;
	struct expert *e;
	struct bed b;
	double worst = 0;

	(void)state;
	if (!golden_path("svf/T.reference_all.effective_z.safetensors") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	tensors_open(&t, golden_path("svf/T.reference_all.effective_z.safetensors"));
	ok(expert_load(&e, golden_path("svf/T.reference_all.safetensors"), b.m, b.f, false, &err));
	for (int k = 0; k < e->z->count; k++) {
		char name[160];
		const double *want;
		double p[128], z[128];

		snprintf(name, sizeof name, "%s.z", model_matrix(b.m, k)->name);
		want = tensors_get(&t, name, NULL);
		assert_non_null(want);
		for (int i = 0; i < e->z->rank[k]; i++)
			p[i] = e->p[k][i];
		reference_to_z(p, factors_get(b.f, k)->sigma64, e->z->rank[k], z);
		for (int i = 0; i < e->z->rank[k]; i++) {
			worst = fmax(worst, fabs(z[i] - want[i]) / want[i]);
			assert_true(e->z->z[k][i] == (float)z[i]);
		}
	}
	print_message("worst effective z %.2g\n", worst);
	assert_true(worst < 1e-12);
	tensors_close(&t);
	expert_free(e);
	bed_close(&b);
}

/* Against central differences in double. */
static void
test_reference_backward(void **state)
{
	enum { R = 17 };
	double p[R], sigma[R], dz[R], dp[R], z[R], c, scale = 0;
	struct rng rng;

	(void)state;
	rng_seed(&rng, 1, 2, 3);
	for (int i = 0; i < R; i++) {
		p[i] = rng_normal(&rng);
		sigma[i] = 9.0 / (1 + i);
		dz[i] = rng_normal(&rng);
	}
	reference_to_z(p, sigma, R, z);
	c = reference_c(p, sigma, R);
	for (int i = 0; i < R; i++)
		scale += sigma[i] * (1 - z[i]);
	assert_true(fabs(scale) < 1e-12); /* c keeps sum(sigma z) */
	assert_true(fabs(z[3] - c / (1 + exp(-p[3]))) < 1e-15);
	reference_backward(p, sigma, R, dz, dp);
	for (int i = 0; i < R; i++) {
		double save = p[i], h = 1e-5, up = 0, down = 0;

		p[i] = save + h;
		reference_to_z(p, sigma, R, z);
		for (int k = 0; k < R; k++)
			up += dz[k] * z[k];
		p[i] = save - h;
		reference_to_z(p, sigma, R, z);
		for (int k = 0; k < R; k++)
			down += dz[k] * z[k];
		p[i] = save;
		assert_true(fabs((up - down) / (2 * h) - dp[i]) < 1e-9);
	}
	/* In place, and a matrix of nothing. */
	memcpy(z, dz, sizeof z);
	reference_backward(p, sigma, R, z, z);
	assert_memory_equal(z, dp, sizeof z);
	memset(sigma, 0, sizeof sigma);
	reference_to_z(p, sigma, R, z);
	reference_backward(p, sigma, R, dz, dp);
	for (int i = 0; i < R; i++)
		assert_true(isfinite(z[i]) && isfinite(dp[i]));
}

/* The authors' quirk: raw p mixed and taken for m. */
static void
test_reference_mix(void **state)
{
	const struct expert *list[2];
	struct expert *e, *plain;
	double alpha[2] = {0.7, 0.6}, m[128], all = 0, scaled = 0;
	const struct factor *a;
	struct zset *z;
	struct bed b;

	(void)state;
	if (!golden_path("svf/T.reference_mlp.safetensors") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	ok(expert_load(&e, golden_path("svf/T.reference_mlp.safetensors"), b.m, b.f, false, &err));
	ok(expert_load(&plain, golden_path("svf/T.plain_a_mlp.safetensors"), b.m, b.f, false,
		       &err));
	ok(zset_new(&z, b.m, &err));
	list[0] = list[1] = e;
	ok(reference_mix(z, list, alpha, 2, false, b.f, b.m, &err));
	assert_null(z->z[MAT_Q]);
	a = factors_get(b.f, MAT_UP);
	for (int i = 0; i < a->r; i++) {
		m[i] = 1.3 * e->p[MAT_UP][i];
		all += a->sigma64[i];
		scaled += a->sigma64[i] * m[i];
	}
	for (int i = 0; i < a->r; i++)
		assert_true(fabs(z->z[MAT_UP][i] - all / scaled * m[i]) <
			    1e-6 * fabs(all / scaled * m[i]));
	alpha[0] = alpha[1] = 0;
	assert_int_equal(reference_mix(z, list, alpha, 2, false, b.f, b.m, &err), T2_ENUM);
	list[1] = plain;
	assert_int_equal(reference_mix(z, list, alpha, 2, false, b.f, b.m, &err), T2_EINVAL);
	expert_free(e);
	expert_free(plain);
	zset_free(z);
	bed_close(&b);
}

/* A file of one tensor with this metadata. */
static const char *
make(const struct bed *b, const char *tensor, const char *dtype, int n, const void *data,
     const char *const *meta, int pairs)
{
	static char path[600];
	struct st_write t = {tensor, dtype, 1,
			     {n},    data,  (size_t)n * (strcmp(dtype, "F64") ? 4 : 8)};

	snprintf(path, sizeof path, "%s/made.safetensors", b->cache);
	ok(safetensors_write(path, &t, tensor ? 1 : 0, meta, pairs, &err));
	return path;
}

static void
test_refused(void **state)
{
	static const char up[] = "model.layers.1.mlp.up_proj.weight.z";
	static const char *const good[] = {"format", "t2-expert", "version", "1", "scale", "plain"};
	static const char *const wrong[][6] = {
		{"format", "t2-experts", "version", "1", "scale", "plain"},
		{"version", "1", "scale", "plain", "task", "x"},
		{"format", "t2-expert", "version", "2", "scale", "plain"},
		{"format", "t2-expert", "scale", "plain", "task", "x"},
		{"format", "t2-expert", "version", "1", "scale", "double"},
		{"format", "t2-expert", "version", "1", "task", "x"},
		{"format", "t2-expert", "version", "1", "scale", "reference"}, /* holds .z */
	};
	const char *const other[] = {
		"format", "t2-expert", "version",     "1",
		"scale",  "plain",     "fingerprint", "00112233445566778899aabbccddeeff"};
	const char *bad[] = {"format", "t2-expert", "version", "1",
			     "scale",  "plain",	    "task",    "x\033[2J"};
	char *longer = calloc(1, 300);
	double wide[128] = {0};
	float v[384] = {0};
	struct expert *e;
	struct bed b;
	FILE *f;

	(void)state;
	if (!bed_open(&b, model, 1))
		skip();
	b.cache = temp_dir();
	ok(expert_load(&e, make(&b, up, "F32", 128, v, good, 3), b.m, NULL, false, &err));
	assert_string_equal(e->modules, "mlp");
	assert_true(e->z->z[MAT_KINDS + MAT_UP][0] == 0);
	expert_free(e);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_not_equal(expert_load(&e, make(&b, up, "F32", 128, v, wrong[i], 3), b.m,
						 NULL, false, &err),
				     T2_OK);
		assert_null(e);
		assert_non_null(strstr(err.msg, "made.safetensors"));
	}
	assert_int_equal(
		expert_load(&e, make(&b, up, "F32", 127, v, good, 3), b.m, NULL, false, &err),
		T2_EMISMATCH);
	assert_int_equal(
		expert_load(&e, make(&b, up, "F64", 128, wide, good, 3), b.m, NULL, false, &err),
		T2_EFORMAT);
	assert_int_equal(expert_load(&e, make(&b, "lm_head.weight.z", "F32", 128, v, good, 3), b.m,
				     NULL, false, &err),
			 T2_EMISMATCH);
	assert_int_equal(
		expert_load(&e, make(&b, ".z", "F32", 128, v, good, 3), b.m, NULL, false, &err),
		T2_EFORMAT);
	assert_int_equal(
		expert_load(&e, make(&b, NULL, "F32", 0, v, good, 3), b.m, NULL, false, &err),
		T2_EFORMAT);
	v[100] = NAN;
	assert_int_equal(
		expert_load(&e, make(&b, up, "F32", 128, v, good, 3), b.m, NULL, false, &err),
		T2_EFORMAT);
	v[100] = 1;
	assert_int_equal(
		expert_load(&e, make(&b, up, "F32", 128, v, bad, 4), b.m, NULL, false, &err),
		T2_EFORMAT);
	memset(longer, 'x', 299);
	bad[7] = longer;
	assert_int_equal(
		expert_load(&e, make(&b, up, "F32", 128, v, bad, 4), b.m, NULL, false, &err),
		T2_EFORMAT);

	/* Another model's: an explicit act. */
	assert_int_equal(
		expert_load(&e, make(&b, up, "F32", 128, v, other, 4), b.m, NULL, false, &err),
		T2_EMISMATCH);
	assert_non_null(strstr(err.msg, "transfer"));
	ok(expert_load(&e, make(&b, up, "F32", 128, v, other, 4), b.m, NULL, true, &err));
	assert_non_null(strstr(e->note, "transferred"));
	expert_free(e);

	/* Cut at every length. */
	f = fopen(make(&b, up, "F32", 128, v, good, 3), "r+");
	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	for (long n = ftell(f) - 1; n >= 0; n -= 7) {
		char path[600];

		snprintf(path, sizeof path, "%s/made.safetensors", b.cache);
		assert_int_equal(truncate(path, n), 0);
		assert_int_not_equal(expert_load(&e, path, b.m, NULL, false, &err), T2_OK);
	}
	fclose(f);
	assert_int_equal(expert_load(&e, "/nonexistent/expert", b.m, NULL, false, &err),
			 T2_ENOTFOUND);
	ok(expert_new(&e, b.m, &err));
	assert_int_equal(expert_save(e, "/tmp/never-written", b.m, &err), T2_EINVAL);
	expert_free(e);
	free(longer);
	bed_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_effective),
		cmocka_unit_test(test_reference_backward),
		cmocka_unit_test(test_reference_mix),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
