/* Every level of the kernels this processor has, against plain sums in double, over odd sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/linalg/cpu.h"
#include "engine/linalg/kern.h"
#include "tests/lib/golden.h"
#include "tests/lib/tensors.h"
#include "tests/lib/weights.h"

static enum kern_level best;

#define EACH_LEVEL(l) for (enum kern_level l = KERN_PLAIN; l <= best && (kern_force(l), 1); l++)

/* A copy that ends where its memory ends, so that a sanitizer sees any reading beyond. */
static void *
copy_of(const void *p, size_t bytes)
{
	void *c = malloc(bytes ? bytes : 1);

	assert_non_null(c);
	return memcpy(c, p, bytes);
}

static void
test_levels(void **state)
{
	(void)state;
	assert_true(best == (cpu_features()->avx512 ? KERN_AVX512
			     : cpu_features()->avx2 ? KERN_AVX2
						    : KERN_PLAIN));
	EACH_LEVEL(l)
	assert_true(kern_level() == l);
	kern_force(KERN_PLAIN);
	assert_string_equal(kern_name(), "plain");
	setenv("T2_KERNELS", "plain", 1);
	kern_init(NULL);
	assert_true(kern_level() == KERN_PLAIN);
	setenv("T2_KERNELS", "no such level", 1);
	kern_init(NULL);
	assert_true(kern_level() == best);
	unsetenv("T2_KERNELS");
	kern_init(NULL);
	assert_true(kern_level() == best);
}

static void
test_unpack_goldens(void **state)
{
	const char *path = golden_path("quant/blocks.safetensors");
	struct tensors t;

	(void)state;
	if (!path)
		skip();
	tensors_open(&t, path);
	for (enum dtype type = T2_F16; type < T2_DTYPES; type++) {
		char name[32];
		size_t raw_bytes, want_bytes;

		snprintf(name, sizeof name, "%s.raw", dtype_name(type));
		const char *raw = tensors_get(&t, name, &raw_bytes);
		snprintf(name, sizeof name, "%s.f32", dtype_name(type));
		const float *want = tensors_get(&t, name, &want_bytes);
		assert_true(raw && want);
		EACH_LEVEL(l)
		{
			char *src = copy_of(raw, raw_bytes);
			float *got = malloc(want_bytes);
			kern_unpack(type, src, want_bytes / sizeof *got, got);
			assert_memory_equal(got, want, want_bytes);
			free(src);
			free(got);
		}
	}
	tensors_close(&t);
}

static void
test_unpack_sizes(void **state)
{
	(void)state;
	for (enum dtype t = 0; t < T2_DTYPES; t++)
		for (int n = 0; n <= 600; n += dtype_block(t)) {
			unsigned char *w = random_weight(t, 1, n, 3);
			float *want = malloc((size_t)n * 4 + 4), *got = malloc((size_t)n * 4 + 4);
			dtype_to_f32(t, w, (size_t)n, want);
			EACH_LEVEL(l)
			{
				got[n] = 17;
				kern_unpack(t, w, (size_t)n, got);
				assert_memory_equal(got, want, (size_t)n * 4);
				assert_true(got[n] == 17);
			}
			free(w);
			free(want);
			free(got);
		}
}

/* Size of the terms a kernel may add up: a block's offset counts apart from what it is subtracted from. */
static double
term_size(enum dtype t, float w, float x)
{
	double offset = dtype_block(t) > 1 ? 4 : 0;

	return (fabs((double)w) + offset) * fabs((double)x);
}

static void
one_matvec(enum dtype t, int mrows, int n, int rows)
{
	unsigned char *random = random_weight(t, mrows, n, 5);
	size_t row_bytes = dtype_row_bytes(t, (size_t)n);
	void *W = copy_of(random, row_bytes * (size_t)mrows);
	int ldx = n + 3, ldy = mrows + 2;
	float *x = random_floats((size_t)(rows - 1) * ldx + n, 6),
	      *w = malloc((size_t)n * sizeof *w + 1);
	float *y = malloc((size_t)rows * ldy * sizeof *y);

	EACH_LEVEL(l)
	{
		for (int i = 0; i < rows * ldy; i++)
			y[i] = 1234;
		kern_matvec(t, W, mrows, n, x, ldx, rows, y, ldy);
		for (int j = 0; j < mrows; j++) {
			dtype_to_f32(t, (char *)W + row_bytes * (size_t)j, (size_t)n, w);
			for (int i = 0; i < rows; i++) {
				double sum = 0, size = 0;
				for (int k = 0; k < n; k++) {
					sum += (double)w[k] * (double)x[i * ldx + k];
					size += term_size(t, w[k], x[i * ldx + k]);
				}
				double off = fabs((double)y[i * ldy + j] - sum);
				if (!(off <= 2e-7 * size))
					fail_msg("%s %s %d x %d, %d rows: y[%d][%d] = %g, want %g",
						 kern_name(), dtype_name(t), mrows, n, rows, i, j,
						 (double)y[i * ldy + j], sum);
			}
		}
		for (int i = 0; i < rows; i++)
			assert_true(y[i * ldy + mrows] == 1234);
	}
	free(random);
	free(W);
	free(x);
	free(w);
	free(y);
}

static void
test_matvec(void **state)
{
	(void)state;
	for (enum dtype t = 0; t < T2_DTYPES; t++) {
		int block = dtype_block(t);
		for (int rows = 1; rows <= KERN_ROWS; rows++)
			for (int mrows = 1; mrows <= 7; mrows += 2)
				for (int blocks = 1; blocks <= (block == 256 ? 3 : 9); blocks++)
					one_matvec(t, mrows, blocks * block, rows);
		for (int n = 10; block == 1 && n < 100; n += 7)
			one_matvec(t, 6, n, n % KERN_ROWS + 1);
	}
}

/* x of one kind: flat at a limit of its exponent, one sign or two; or of sizes far apart in every block. */
static float
hostile_x(int kind, int i)
{
	static const float flat[] = {0x1.fffffep0f, -0x1.fffffep0f, 0x1.fcp0f, 1, 0x1.fffffep127f};

	if (kind < 5)
		return flat[kind] * (kind == 4 ? 0x1p-20f : 1);
	if (kind == 5)
		return i % 2 ? 0x1.fffffep3f : -0x1.fffffep3f;
	return ldexpf(1 + (float)(i * 7919 % 1000) / 1000, -(i * 13 % 29)) * (i % 3 ? 1 : -1);
}

/* Every weight as large as it can be, or any; then whole numbers are as large as they get.  A block's values are as exact
 * as its largest; the lower levels' sums have long chains of rounding here. */
static void
test_matvec_hostile(void **state)
{
	enum { N = 768, M = 5 };
	static const int fill[] = {-1, 0xff, 0x80, 0x7f, 0x00};

	(void)state;
	for (enum dtype t = T2_Q8_0; t < T2_DTYPES; t++)
		for (int f = 0; f < 5; f++)
			for (int kind = 0; kind < 7; kind++) {
				size_t row_bytes = dtype_row_bytes(t, N), bytes = row_bytes * M;
				unsigned char *random = random_weight(t, M, N, 11);
				unsigned char *W = copy_of(random, bytes);
				float x[N], w[N], y[M];

				if (f) { /* all but the scales, which differ from any such byte */
					memset(W, fill[f], bytes);
					for (size_t b = 0; b < bytes;
					     b += (size_t)dtype_block_bytes(t)) {
						size_t at = t == T2_Q6_K ? 208 : 0;
						memcpy(W + b + at, random + b + at,
						       t == T2_Q8_0 || t == T2_Q4_0 ||
								       t == T2_Q5_0 || t == T2_Q6_K
							       ? 2
							       : 4);
					}
				}
				for (int i = 0; i < N; i++)
					x[i] = hostile_x(kind, i);
				EACH_LEVEL(l)
				{
					kern_matvec(t, W, M, N, x, N, 1, y, M);
					for (int j = 0; j < M; j++) {
						double sum = 0, size = 0, most = 0;

						dtype_to_f32(t, W + row_bytes * (size_t)j, N, w);
						for (int i = 0; i < N; i++) {
							if (i % 32 == 0)
								most = 0;
							for (int k = i; i % 32 == 0 && k < i + 32;
							     k++)
								most = fmax(most,
									    fabs((double)x[k]));
							sum += (double)w[i] * (double)x[i];
							size += (fabs((double)w[i]) + 4) * most;
						}
						if (!(fabs((double)y[j] - sum) <=
						      (l == KERN_AVX512 ? 3e-7 : 4e-6) * size))
							fail_msg("%s %s fill %d x %d: y[%d] = %g, "
								 "want %g, "
								 "size %g",
								 kern_name(), dtype_name(t),
								 fill[f], kind, j, (double)y[j],
								 sum, size);
					}
				}
				free(random);
				free(W);
			}
}

/* A number that is none makes every sum none, one that is too large or very small stays what it is. */
static void
test_matvec_extremes(void **state)
{
	(void)state;
	for (enum dtype t = 0; t < T2_DTYPES; t++) {
		unsigned char *W = random_weight(t, 1, 512, 9);
		float x[512], y, w[512];

		dtype_to_f32(t, W, 512, w);
		EACH_LEVEL(l)
		{
			static const float sizes[] = {1e-42f, 1e-31f, 1e-20f, 1, 1e30f};
			memset(x, 0, sizeof x);
			kern_matvec(t, W, 1, 512, x, 512, 1, &y, 1);
			assert_true(y == 0);
			for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
				x[77] = sizes[i];
				kern_matvec(t, W, 1, 512, x, 512, 1, &y, 1);
				double want = (double)x[77] * (double)w[77];
				if (!(fabs((double)y - want) <=
				      1e-6 * (fabs(want) + 4 * (double)sizes[i]) + 1e-38))
					fail_msg("%s %s: %g times %g is %g", kern_name(),
						 dtype_name(t), (double)w[77], (double)sizes[i],
						 (double)y);
			}
			x[300] = NAN;
			kern_matvec(t, W, 1, 512, x, 512, 1, &y, 1);
			assert_true(isnan(y));
			x[300] = -INFINITY;
			kern_matvec(t, W, 1, 512, x, 512, 1, &y, 1);
			assert_false(isfinite(y));
		}
		free(W);
	}
}

/* Distance in units of the last place of want; both finite. */
static double
ulps(float got, double want)
{
	int e;

	frexp(want, &e);
	return fabs((double)got - want) / ldexp(1, e - 24 < -149 ? -149 : e - 24);
}

/* exp() itself is reached by silu (one value a time, from a large gate) and softmax against an entry of 0. */
static void
test_exp(void **state)
{
	(void)state;
	EACH_LEVEL(l)
	{
		double worst = 0;
		for (int i = 0; i < 400000; i++) {
			/* softmax of {0, x, -inf ...}: the sum is exact enough for x < -17 to leave e^x alone. */
			float x = -17 - (float)i * 0x1.1p-12f, pair[2] = {0, x};
			kern_softmax(pair, 2);
			double want = exp((double)x);
			double off = ulps(pair[1], want);
			worst = off > worst ? off : worst;
			if (off > 2)
				fail_msg("%s: e^%a is %g ulp off", kern_name(), (double)x, off);
		}
		for (int i = -200000; i < 200000; i++) {
			float g = (float)i * 0x1.23p-13f, one = 1, y;
			kern_silu_mul(&y, &g, &one, 1);
			double want = (double)g / (1 + exp(-(double)g)), off = ulps(y, want);
			if (off > 4)
				fail_msg("%s: silu(%a) is %g ulp off", kern_name(), (double)g, off);
		}
	}
}

static void
test_exp_limits(void **state)
{
	(void)state;
	EACH_LEVEL(l)
	{
		float x[] = {-INFINITY, 0, -500, -104, -88}, y, one = 1, g;

		kern_softmax(x, 5);
		assert_true(x[0] == 0 && x[1] == 1 && x[2] == 0 && x[3] == 0);
		assert_true(ulps(x[4], exp(-88)) < 2);
		g = 200;
		kern_silu_mul(&y, &g, &one, 1);
		assert_true(y == 200);
		g = -200;
		kern_silu_mul(&y, &g, &one, 1);
		assert_true(y <= 0 && y > -1e-30f);
		g = NAN;
		kern_silu_mul(&y, &g, &one, 1);
		assert_true(isnan(y));
	}
}

static void
test_vectors(void **state)
{
	(void)state;
	for (int n = 1; n < 150; n += n < 40 ? 1 : 13) {
		float *random_a = random_floats((size_t)n, 1),
		      *random_b = random_floats((size_t)n, 2);
		float *a = copy_of(random_a, (size_t)n * 4), *b = copy_of(random_b, (size_t)n * 4);

		EACH_LEVEL(l)
		{
			float *y = malloc((size_t)(n + 1) * sizeof *y);
			double sum = 0, size = 0, squares = 0, most = -1e9, total = 0;

			y[n] = 77;
			for (int i = 0; i < n; i++) {
				sum += (double)a[i] * (double)b[i];
				size += fabs((double)a[i] * (double)b[i]);
				squares += (double)a[i] * (double)a[i];
				most = (double)a[i] > most ? (double)a[i] : most;
			}
			for (int i = 0; i < n; i++)
				total += exp((double)a[i] - most);

			assert_true(fabs((double)kern_dot(a, b, n) - sum) <= 2e-7 * size);
			assert_true(fabs(kern_logsumexp(a, n) - (most + log(total))) < 1e-6);

			memcpy(y, b, (size_t)n * 4);
			kern_axpy(y, 0.3f, a, n);
			for (int i = 0; i < n; i++)
				assert_true(fabs((double)y[i] -
						 ((double)b[i] + (double)0.3f * (double)a[i])) <
					    2e-7 * (fabs((double)b[i]) + fabs((double)a[i])));
			kern_scale_mul(y, a, b, n);
			for (int i = 0; i < n; i++)
				assert_true(y[i] == a[i] * b[i]);
			kern_rmsnorm(y, a, b, n, 1e-5f);
			for (int i = 0; i < n; i++) {
				double want =
					(double)a[i] / sqrt(squares / n + 1e-5) * (double)b[i];
				assert_true(fabs((double)y[i] - want) <= 5e-7 * fabs(want) + 1e-37);
			}
			kern_silu_mul(y, a, b, n);
			for (int i = 0; i < n; i++) {
				double want =
					(double)a[i] / (1 + exp(-(double)a[i])) * (double)b[i];
				assert_true(fabs((double)y[i] - want) <= 5e-7 * fabs(want));
			}
			memcpy(y, a, (size_t)n * 4);
			kern_softmax(y, n);
			for (int i = 0; i < n; i++) {
				double want = exp((double)a[i] - most) / total;
				assert_true(fabs((double)y[i] - want) <= 1e-6 * want);
			}
			assert_true(y[n] == 77);
			free(y);
		}
		free(a);
		free(b);
		free(random_a);
		free(random_b);
	}
}

static void
test_in_place(void **state)
{
	(void)state;
	EACH_LEVEL(l)
	{
		float *a = random_floats(37, 1), *b = random_floats(37, 2),
		      *want = malloc(37 * sizeof *want);
		kern_silu_mul(want, a, b, 37);
		kern_silu_mul(a, a, b, 37);
		assert_memory_equal(a, want, 37 * sizeof *want);
		kern_rmsnorm(want, a, b, 37, 1e-5f);
		kern_rmsnorm(a, a, b, 37, 1e-5f);
		assert_memory_equal(a, want, 37 * sizeof *want);
		free(a);
		free(b);
		free(want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_unpack_goldens),
		cmocka_unit_test(test_unpack_sizes),
		cmocka_unit_test(test_matvec),
		cmocka_unit_test(test_matvec_extremes),
		cmocka_unit_test(test_matvec_hostile),
		cmocka_unit_test(test_exp),
		cmocka_unit_test(test_exp_limits),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_in_place),
	};

	kern_init(NULL);
	best = kern_level();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
