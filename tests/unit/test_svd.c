/* Singular values against the goldens, and vectors by what makes them singular vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/pool.h"
#include "engine/base/rng.h"
#include "engine/linalg/blas.h"
#include "engine/linalg/svd.h"
#include "tests/lib/golden.h"
#include "tests/lib/tensors.h"

struct factors {
	int m, n, r;
	float *U, *sigma, *Vt;
	double *sigma64, rel_error;
};

static struct factors
factors_new(int m, int n)
{
	int r = m < n ? m : n;
	struct factors f = {.m = m, .n = n, .r = r};

	f.U = malloc((size_t)m * r * sizeof *f.U);
	f.sigma = malloc((size_t)r * sizeof *f.sigma);
	f.Vt = malloc((size_t)r * n * sizeof *f.Vt);
	f.sigma64 = malloc((size_t)r * sizeof *f.sigma64);
	assert_true(f.U && f.sigma && f.Vt && f.sigma64);
	return f;
}

static void
factors_free(struct factors *f)
{
	free(f->U);
	free(f->sigma);
	free(f->Vt);
	free(f->sigma64);
}

/* Vectors of length 1 and right angles, to float32 rounding; v(i, k) = p[i * vec + k * step]. */
static void
check_orthonormal(const float *p, int count, int len, size_t vec, size_t step, const char *what)
{
	for (int i = 0; i < count; i++)
		for (int j = 0; j <= i; j++) {
			double sum = 0;
			for (int k = 0; k < len; k++)
				sum += (double)p[i * vec + k * step] *
				       (double)p[j * vec + k * step];
			if (fabs(sum - (i == j)) > 2e-7)
				fail_msg("%s %d . %s %d = %g", what, i, what, j, sum);
		}
}

/* The reconstruction in double, apart from the code's own check. */
static double
relative_error(const float *W, const struct factors *f)
{
	double off = 0, size = 0;

	for (int i = 0; i < f->m; i++)
		for (int j = 0; j < f->n; j++) {
			double sum = 0, w = (double)W[(size_t)i * f->n + j];
			for (int k = 0; k < f->r; k++)
				sum += (double)f->U[(size_t)i * f->r + k] * (double)f->sigma[k] *
				       (double)f->Vt[(size_t)k * f->n + j];
			off += (w - sum) * (w - sum);
			size += w * w;
		}
	return size > 0 ? sqrt(off / size) : sqrt(off);
}

static struct factors
decompose_and_check(const float *W, int m, int n)
{
	struct factors f = factors_new(m, n);
	struct t2_err err = {0};

	if (svd_f32(W, m, n, f.U, f.sigma, f.sigma64, f.Vt, &f.rel_error, &err))
		fail_msg("%s", err.msg);
	check_orthonormal(f.U, f.r, m, 1, (size_t)f.r, "u");
	check_orthonormal(f.Vt, f.r, n, (size_t)n, 1, "v");
	for (int i = 0; i < f.r; i++) {
		float largest = 0;
		assert_true(f.sigma64[i] >= 0 && (i == 0 || f.sigma64[i] <= f.sigma64[i - 1]));
		assert_true(f.sigma[i] == (float)f.sigma64[i]);
		for (int j = 0; j < n; j++)
			if (fabsf(f.Vt[(size_t)i * n + j]) > fabsf(largest))
				largest = f.Vt[(size_t)i * n + j];
		assert_true(largest > 0);
	}
	double rel = relative_error(W, &f);
	if (rel > 1e-6 || f.rel_error > 4e-6 || fabs(f.rel_error - rel) > 1e-6)
		fail_msg("%d x %d: relative error %g, said to be %g", m, n, rel, f.rel_error);
	return f;
}

static void
test_golden_tinystories(void **state)
{
	const char *weights = shared_path("models/tinystories-656k/model.safetensors");
	const char *golden = golden_path("sigma/T.sigma.safetensors"), *key;
	struct tensors w, s;
	json_t *value;
	int matrices = 0;

	(void)state;
	if (!weights || !golden)
		skip();
	tensors_open(&w, weights);
	tensors_open(&s, golden);
	json_object_foreach (s.header, key, value) {
		char name[128];
		size_t bytes;
		const double *want = tensors_get(&s, key, &bytes);
		int r = (int)(bytes / sizeof *want);

		if (!want)
			continue;
		snprintf(name, sizeof name, "%.*s", (int)(strlen(key) - strlen(".sigma")), key);
		const float *W = tensors_get(&w, name, &bytes);
		if (!W) {
			snprintf(name + strlen(name), 16, ".weight");
			W = tensors_get(&w, name, &bytes);
		}
		assert_non_null(W);
		int m = tensors_dim(&w, name, 0), n = tensors_dim(&w, name, 1);
		assert_int_equal(bytes, (size_t)m * n * 4);
		float *copy = malloc(bytes);
		memcpy(copy, W, bytes);
		struct factors f = decompose_and_check(copy, m, n);
		assert_int_equal(r, f.r);
		for (int i = 0; i < r; i++) {
			double expected;
			memcpy(&expected, want + i, sizeof expected);
			if (fabs(f.sigma64[i] - expected) > 1e-12 * f.sigma64[0])
				fail_msg("%s: sigma[%d] = %.17g, want %.17g", name, i, f.sigma64[i],
					 expected);
		}
		factors_free(&f);
		free(copy);
		matrices++;
	}
	assert_int_equal(matrices, 14);
	tensors_close(&w);
	tensors_close(&s);
}

/* Orthonormal rows[count][n] in double, by Gram-Schmidt twice over random ones. */
static double *
random_frame(int count, int n, uint64_t seed)
{
	double *q = malloc((size_t)count * n * sizeof *q);
	struct rng r;

	rng_seed(&r, seed, (uint64_t)count, (uint64_t)n);
	for (int i = 0; i < count; i++) {
		double *v = q + (size_t)i * n, len = 0;
		for (int k = 0; k < n; k++)
			v[k] = rng_normal(&r);
		for (int pass = 0; pass < 2; pass++)
			for (int j = 0; j < i; j++) {
				double dot = 0;
				for (int k = 0; k < n; k++)
					dot += v[k] * q[(size_t)j * n + k];
				for (int k = 0; k < n; k++)
					v[k] -= dot * q[(size_t)j * n + k];
			}
		for (int k = 0; k < n; k++)
			len += v[k] * v[k];
		for (int k = 0; k < n; k++)
			v[k] /= sqrt(len);
	}
	return q;
}

static void
check_spectrum(int m, int n, const double *sigma)
{
	int r = m < n ? m : n;
	double *u = random_frame(r, m, 1), *v = random_frame(r, n, 2);
	float *W = malloc((size_t)m * n * sizeof *W);

	for (int i = 0; i < m; i++)
		for (int j = 0; j < n; j++) {
			double sum = 0;
			for (int k = 0; k < r; k++)
				sum += u[(size_t)k * m + i] * sigma[k] * v[(size_t)k * n + j];
			W[(size_t)i * n + j] = (float)sum;
		}
	struct factors f = decompose_and_check(W, m, n);
	/* Rounding W to float32 moves every singular value by at most the norm of what was rounded. */
	double rounding = sigma[0] * 0x1p-24 * sqrt(r);
	for (int i = 0; i < r; i++)
		if (fabs(f.sigma64[i] - sigma[i]) > rounding)
			fail_msg("%d x %d: sigma[%d] = %g, want %g", m, n, i, f.sigma64[i],
				 sigma[i]);
	factors_free(&f);
	free(u);
	free(v);
	free(W);
}

static void
test_spectra(void **state)
{
	static const int shapes[][2] = {{40, 40}, {100, 30}, {30, 100}, {65, 64}, {17, 200}};
	double sigma[64];

	(void)state;
	for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
		int m = shapes[s][0], n = shapes[s][1], r = m < n ? m : n;
		static const double falls[] = {1, 0.9, 0.5, 0.05};
		for (size_t f = 0; f < sizeof falls / sizeof *falls; f++) {
			for (int i = 0; i < r; i++)
				sigma[i] = 3 * pow(falls[f], i);
			check_spectrum(m, n, sigma);
		}
		for (int i = 0; i < r; i++) /* a missing rank, and a cliff */
			sigma[i] = i < r * 3 / 4 ? 1 : 0;
		check_spectrum(m, n, sigma);
		for (int i = 0; i < r; i++)
			sigma[i] = i < 2 ? 1e4 : 1e-3;
		check_spectrum(m, n, sigma);
		for (int i = 0; i < r;
		     i++) /* values of every size, within the range of float32 squared */
			sigma[i] = 1e-30 * (r - i);
		check_spectrum(m, n, sigma);
		for (int i = 0; i < r; i++)
			sigma[i] = 1e30 * (r - i);
		check_spectrum(m, n, sigma);
	}
}

/* Small singular values to a relative precision: dgesdd promises 1e-16 sigma_1, and so must the faster way. */
static void
test_small_sigma(void **state)
{
	/* diag(d) with a rotation that float32 holds exactly: Hadamard, entries +-1/8. */
	enum { N = 64 };
	static float W[N * N];
	double want[N];

	(void)state;
	for (int i = 0; i < N; i++)
		want[i] = ldexp(1, -i / 4);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
			W[i * N + j] =
				(float)(want[i] *
					(__builtin_popcount((unsigned)(i & j)) & 1 ? -1 : 1) / 8);
	struct factors f = decompose_and_check(W, N, N);
	for (int i = 0; i < N; i++)
		if (fabs(f.sigma64[i] - want[i]) > 1e-14)
			fail_msg("sigma[%d] off by %g", i, f.sigma64[i] - want[i]);
	factors_free(&f);
}

static void
test_degenerate(void **state)
{
	static const int shapes[][2] = {{1, 1}, {1, 9}, {9, 1}, {5, 3}, {3, 5}, {8, 8}};

	(void)state;
	for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
		int m = shapes[s][0], n = shapes[s][1];
		float W[64] = {0};
		struct factors f = decompose_and_check(
			W, m, n); /* zero: vectors must be orthonormal all the same */
		assert_true(f.sigma64[0] == 0);
		factors_free(&f);
		W[m * n - 1] = -2;
		f = decompose_and_check(W, m, n);
		assert_true(fabs(f.sigma64[0] - 2) < 1e-15);
		factors_free(&f);
		for (int i = 0; i < m * n; i++) /* rank one */
			W[i] = (float)((i / n + 1) * (i % n - 3));
		f = decompose_and_check(W, m, n);
		factors_free(&f);
	}
}

static void
test_refused(void **state)
{
	float W[6] = {1, 2, 3, 4, 5, 6}, U[4], sigma[2], Vt[6];
	struct t2_err err = {0};

	(void)state;
	W[4] = NAN;
	assert_int_equal(svd_f32(W, 2, 3, U, sigma, NULL, Vt, NULL, &err), T2_ENUM);
	assert_non_null(strstr(err.msg, "[1][1]"));
	W[4] = -INFINITY;
	assert_int_equal(svd_f32(W, 2, 3, U, sigma, NULL, Vt, NULL, &err), T2_ENUM);
	assert_int_equal(svd_f32(W, 0, 3, U, sigma, NULL, Vt, NULL, &err), T2_EINVAL);
	W[4] = 5;
	assert_int_equal(svd_f32(W, 2, 3, U, sigma, NULL, Vt, NULL, NULL), T2_OK);
}

/* One matrix a thread, as decompose does it: the same bits as one after another. */
struct many {
	float *W;
	struct factors f[12];
};

static void
one_of_many(void *arg, int task, int worker)
{
	struct many *w = arg;
	struct factors *f = &w->f[task];

	(void)worker;
	if (svd_f32(w->W, f->m, f->n, f->U, f->sigma, f->sigma64, f->Vt, &f->rel_error, NULL))
		f->r = 0;
}

static void
test_threads(void **state)
{
	enum { M = 150, N = 130 };
	struct many w;
	struct pool *pool = pool_new(4);
	struct rng r;

	(void)state;
	w.W = malloc(M * N * sizeof *w.W);
	rng_seed(&r, 1, 2, 3);
	for (int i = 0; i < M * N; i++)
		w.W[i] = (float)rng_normal(&r);
	for (int i = 0; i < 12; i++)
		w.f[i] = factors_new(M, N);
	one_of_many(&w, 0, 0);
	pool_run(pool, 12, one_of_many, &w);
	for (int i = 1; i < 12; i++) {
		assert_int_equal(w.f[i].r, N);
		assert_memory_equal(w.f[i].U, w.f[0].U, M * N * sizeof(float));
		assert_memory_equal(w.f[i].Vt, w.f[0].Vt, N * N * sizeof(float));
		assert_memory_equal(w.f[i].sigma64, w.f[0].sigma64, N * sizeof(double));
	}
	for (int i = 0; i < 12; i++)
		factors_free(&w.f[i]);
	free(w.W);
	pool_free(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_tinystories),
		cmocka_unit_test(test_spectra),
		cmocka_unit_test(test_small_sigma),
		cmocka_unit_test(test_degenerate),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
