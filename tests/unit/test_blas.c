/* Products against a double sum, over shapes with awkward edges, and the same bits on any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"
#include "tests/lib/weights.h"

static struct pool *pool1, *pool2, *pool5;

/* One operand element by element, whatever way round it lies. */
struct view {
	const float *p;
	size_t row, col;
};

static float
at(struct view v, int i, int j)
{
	return v.p[(size_t)i * v.row + (size_t)j * v.col];
}

/* |error| of a k-term float32 sum stays below k ulp of the sum of magnitudes by far; 8 sqrt(k) ulp is asked. */
static void
check(int rows, int cols, int k, struct view A, struct view B, const float *before, const float *C,
      int ldc, bool add)
{
	for (int i = 0; i < rows; i++) {
		for (int j = 0; j < cols; j++) {
			double sum = add ? (double)before[(size_t)i * ldc + j] : 0,
			       size = fabs(sum);
			for (int l = 0; l < k; l++) {
				double term = (double)at(A, i, l) * (double)at(B, l, j);
				sum += term;
				size += fabs(term);
			}
			double err = fabs((double)C[(size_t)i * ldc + j] - sum);
			if (err >
			    8 * sqrt(k + 1) * 0x1p-24 * (size / sqrt(k + 1) + fabs(sum)) + 1e-30)
				fail_msg("%dx%dx%d: C[%d][%d] = %g, want %g", rows, cols, k, i, j,
					 (double)C[(size_t)i * ldc + j], sum);
		}
	}
}

enum way { NT, NN, TN };

static void
run(enum way way, struct pool *p, int rows, int cols, int k, const float *A, int lda,
    const float *B, int ldb, float *C, int ldc, bool add)
{
	if (way == NT)
		gemm_nt(p, rows, cols, k, A, lda, B, ldb, C, ldc, add);
	else if (way == NN)
		gemm_nn(p, rows, cols, k, A, lda, B, ldb, C, ldc, add);
	else
		gemm_tn(p, rows, cols, k, A, lda, B, ldb, C, ldc, add);
}

static void
one_shape(enum way way, int rows, int cols, int k, int pad, bool add)
{
	int lda = (way == TN ? rows : k) + pad, ldb = (way == NT ? k : cols) + pad,
	    ldc = cols + pad;
	size_t c_size = (size_t)rows * ldc;
	float *A = random_floats((size_t)(way == TN ? k : rows) * lda, 1),
	      *B = random_floats((size_t)(way == NT ? cols : k) * ldb, 2);
	float *before = random_floats(c_size, 3), *C[3];
	struct pool *pools[3] = {pool1, pool2, pool5};
	struct view a = {A, way == TN ? 1 : (size_t)lda, way == TN ? (size_t)lda : 1};
	struct view b = {B, way == NT ? 1 : (size_t)ldb, way == NT ? (size_t)ldb : 1};

	for (int t = 0; t < 3; t++) {
		C[t] = malloc((c_size ? c_size : 1) * sizeof(float));
		memcpy(C[t], before, c_size * sizeof(float));
		run(way, pools[t], rows, cols, k, A, lda, B, ldb, C[t], ldc, add);
	}
	check(rows, cols, k, a, b, before, C[0], ldc, add);
	assert_memory_equal(C[0], C[1], c_size * sizeof(float));
	assert_memory_equal(C[0], C[2], c_size * sizeof(float));
	for (int i = 0; i < rows; i++) /* the gap between rows is not ours */
		assert_memory_equal(C[0] + (size_t)i * ldc + cols, before + (size_t)i * ldc + cols,
				    (size_t)pad * sizeof(float));
	for (int t = 0; t < 3; t++)
		free(C[t]);
	free(A);
	free(B);
	free(before);
}

static void
test_gemm_shapes(void **state)
{
	static const int shapes[][3] = {
		{1, 1, 1},	{1, 576, 576},	{2, 7, 5},	{3, 64, 31},  {8, 100, 129},
		{9, 33, 64},	{15, 129, 77},	{16, 64, 128},	{17, 1, 40},  {31, 65, 33},
		{33, 200, 257}, {64, 64, 64},	{100, 3, 50},	{129, 97, 1}, {300, 128, 384},
		{511, 96, 100}, {1030, 64, 70}, {70, 1100, 40},
	};

	(void)state;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		for (enum way w = NT; w <= TN; w++)
			for (int add = 0; add < 2; add++)
				one_shape(w, shapes[i][0], shapes[i][1], shapes[i][2],
					  i % 3 ? 5 : 0, add);
}

static void
test_gemm_nothing(void **state)
{
	float x = 3, y = 4, c = 5;

	(void)state;
	gemm_nt(pool2, 0, 1, 1, &x, 1, &y, 1, &c, 1, false);
	gemm_nt(pool2, 1, 0, 1, &x, 1, &y, 1, &c, 1, false);
	assert_true(c == 5);
	for (enum way w = NT; w <= TN; w++) { /* an empty sum is zero, not what was there */
		c = 5;
		run(w, pool2, 1, 1, 0, &x, 1, &y, 1, &c, 1, true);
		assert_true(c == 5);
		run(w, pool2, 1, 1, 0, &x, 1, &y, 1, &c, 1, false);
		assert_true(c == 0);
	}
}

static void
one_weight(enum dtype t, int m, int n, int rows)
{
	unsigned char *W = random_weight(t, m, n, 11);
	float *w = malloc((size_t)m * n * sizeof *w), *X = random_floats((size_t)rows * n, 5),
	      *G = random_floats((size_t)rows * m, 6);
	size_t y_size = (size_t)rows * m, x_size = (size_t)rows * n;
	float *Y[2], *dX[2], *before = random_floats(x_size, 8);
	struct pool *pools[2] = {pool1, pool5};

	for (int i = 0; i < m; i++)
		dtype_to_f32(t, W + (size_t)i * dtype_row_bytes(t, (size_t)n), (size_t)n,
			     w + (size_t)i * n);
	for (int p = 0; p < 2; p++) {
		Y[p] = malloc(y_size * sizeof(float));
		dX[p] = malloc(x_size * sizeof(float));
		memcpy(dX[p], before, x_size * sizeof(float));
		gemm_weight_nt(pools[p], t, W, m, n, X, rows, Y[p]);
		gemm_weight_nn(pools[p], t, W, m, n, G, rows, dX[p], true);
	}
	check(rows, m, n, (struct view){X, (size_t)n, 1}, (struct view){w, 1, (size_t)n}, NULL,
	      Y[0], m, false);
	check(rows, n, m, (struct view){G, (size_t)m, 1}, (struct view){w, (size_t)n, 1}, before,
	      dX[0], n, true);
	assert_memory_equal(Y[0], Y[1], y_size * sizeof(float));
	assert_memory_equal(dX[0], dX[1], x_size * sizeof(float));
	gemm_weight_nn(pool2, t, W, m, n, G, rows, dX[0], false);
	check(rows, n, m, (struct view){G, (size_t)m, 1}, (struct view){w, (size_t)n, 1}, NULL,
	      dX[0], n, false);
	for (int p = 0; p < 2; p++) {
		free(Y[p]);
		free(dX[p]);
	}
	free(before);
	free(W);
	free(w);
	free(X);
	free(G);
}

static void
test_weights(void **state)
{
	static const int rows[] = {1, 2, 5, 8, 13, 17, 40, 130};

	(void)state;
	for (enum dtype t = 0; t < T2_DTYPES; t++)
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			one_weight(t, 37, dtype_block(t) == 1 ? 71 : 256, rows[i]);
			one_weight(t, 130, 512, rows[i]);
			if (dtype_block(t) == 32)
				one_weight(t, 50, 96, rows[i]);
		}
}

/* Weights of several types and heights, of one X or of their own, together and one by one: the same bits. */
static void
test_together(void **state)
{
	static const enum dtype types[] = {T2_BF16, T2_Q4_1, T2_Q4_1, T2_Q8_0};
	static const int heights[] = {130, 1, 37, 0};
	static const int rows[] = {1, 3, 8, 13};
	struct pool *pools[] = {pool1, pool2, pool5};
	enum { WIDTH = 256 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		float *X = random_floats((size_t)rows[i] * WIDTH, 5),
		      *other = random_floats((size_t)rows[i] * WIDTH, 6);
		struct gemm_weight list[GEMM_TOGETHER];
		float *want[GEMM_TOGETHER];

		for (int k = 0; k < GEMM_TOGETHER; k++) {
			size_t size = (size_t)rows[i] * (size_t)heights[k] + 1;

			list[k] = (struct gemm_weight){
				.type = types[k],
				.W = random_weight(types[k], heights[k] + 1, WIDTH, 20 + k),
				.m = heights[k],
				.n = WIDTH,
				.X = k == 2 ? other : X,
				.Y = malloc(size * sizeof(float))};
			want[k] = malloc(size * sizeof(float));
			want[k][size - 1] = list[k].Y[size - 1] = 42; /* nobody writes beyond */
			gemm_weight_nt(pool1, list[k].type, list[k].W, list[k].m, WIDTH, list[k].X,
				       rows[i], want[k]);
		}
		for (size_t p = 0; p < sizeof pools / sizeof *pools; p++) {
			for (int k = 0; k < GEMM_TOGETHER; k++)
				memset(list[k].Y, 0xff,
				       (size_t)rows[i] * (size_t)heights[k] * sizeof(float));
			gemm_weights_nt(pools[p], list, GEMM_TOGETHER, rows[i]);
			for (int k = 0; k < GEMM_TOGETHER; k++)
				assert_memory_equal(list[k].Y, want[k],
						    ((size_t)rows[i] * (size_t)heights[k] + 1) *
							    sizeof(float));
		}
		for (int k = 0; k < GEMM_TOGETHER; k++) {
			free((void *)list[k].W);
			free(list[k].Y);
			free(want[k]);
		}
		free(X);
		free(other);
	}
}

/* Few rows with a weight of some megabytes, which threads share out among themselves as they come (few_rows.c): the same
 * bits, also of numbers that are none, or too large, or hardly any. */
static void
one_large(enum dtype t, int rows, bool wild)
{
	enum { M = 4099, WIDTH = 1024, POOLS = 4 };
	static const int threads[POOLS] = {1, 2, 3, 7};
	static const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-42f, 0};
	unsigned char *W = random_weight(t, M, WIDTH, 31);
	float *X = random_floats((size_t)rows * WIDTH, 32), *want = NULL;
	size_t size = (size_t)rows * M * sizeof(float);

	for (int i = 0; wild && i < rows;
	     i++) /* one kind a row, so that the others' rows stay numbers */
		X[(size_t)i * WIDTH + 700] = odd[i % 7];
	for (int p = 0; p < POOLS; p++) {
		struct pool *pool = pool_new(threads[p]);
		float *Y = malloc(size);

		for (int again = 0; again < 3; again++) {
			memset(Y, 0xff, size);
			gemm_weight_nt(pool, t, W, M, WIDTH, X, rows, Y);
			if (!want) {
				want = malloc(size);
				memcpy(want, Y, size);
			}
			if (memcmp(Y, want, size))
				fail_msg("%s, %d rows, %d threads: other bits", dtype_name(t), rows,
					 threads[p]);
		}
		pool_free(pool);
		free(Y);
	}
	free(want);
	free(W);
	free(X);
}

static void
test_large(void **state)
{
	(void)state;
	for (enum dtype t = 0; t < T2_DTYPES; t++) {
		one_large(t, 1, false);
		one_large(t, 7, true);
		one_large(t, 31, true);
	}
	one_large(T2_Q4_0, 1, true);
	one_large(T2_Q8_0, 1, true);
}

/* Up to 64 rows take another way than more (stream.c) to the same bits; each row times its scale where one is given. */
static void
one_stream(enum dtype t, int m, int n, int rows)
{
	enum { MANY = 130 };
	unsigned char *W = random_weight(t, m, n, 41);
	float *X = random_floats((size_t)MANY * n, 42),
	      *scale = random_floats((size_t)rows * m, 43);
	float *want = malloc((size_t)MANY * m * sizeof *want);
	const float *of_row[64];
	struct pool *pools[] = {pool1, pool5};

	gemm_weight_nt(pool1, t, W, m, n, X, MANY, want);
	for (int i = 0; i < rows; i++)
		of_row[i] = scale + (size_t)(rows - 1 - i) * m;
	for (int p = 0; p < 4; p++) {
		float *Y =
			malloc((size_t)rows * m * sizeof *Y); /* a sanitizer sees what is beyond */
		struct gemm_weight w = {t, W, m, n, X, Y, p < 2 ? NULL : of_row};

		gemm_weights_nt(pools[p % 2], &w, 1, rows);
		for (int i = 0; i < rows; i++)
			for (int j = 0; j < m; j++) {
				float v = want[(size_t)i * m + j] * (p < 2 ? 1 : of_row[i][j]);

				if (memcmp(&Y[(size_t)i * m + j], &v, sizeof v))
					fail_msg("%s %d x %d, %d rows, %s: [%d][%d] is %a, not %a",
						 dtype_name(t), m, n, rows, kern_name(), i, j,
						 (double)Y[(size_t)i * m + j], (double)v);
			}
		free(Y);
	}
	free(want);
	free(scale);
	free(X);
	free(W);
}

static void
test_stream(void **state)
{
	static const int rows[] = {9, 16, 17, 24, 32, 33, 49, 64};
	static const int heights[] = {1, 13, 14, 29, 130};
	enum kern_level had = kern_level();

	(void)state;
	for (int level = KERN_PLAIN; level <= (int)had; level++) {
		kern_force((enum kern_level)level);
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
			for (size_t h = 0; h < sizeof heights / sizeof *heights; h++) {
				one_stream(T2_F32, heights[h], 71, rows[i]);
				one_stream(T2_F32, heights[h], 576, rows[i]);
				one_stream(T2_Q8_0, heights[h], 416, rows[i]);
				one_stream(T2_Q4_K, heights[h], 512, rows[i]);
			}
	}
	kern_force(had);
}

static void
test_family(void **state)
{
	(void)state;
	assert_non_null(blas_family());
	assert_string_equal(blas_family(), blas_best_family());
	assert_non_null(strstr(blas_library(), "BLIS"));
}

static int
setup(void **state)
{
	struct t2_err err = {0};

	(void)state;
	/* What a user may set is refused where BLIS would misunderstand it ("zen3" becomes 0, skx). */
	setenv("BLIS_ARCH_TYPE", "zen3", 1);
	if (blas_init(&err) != T2_EINVAL || !strstr(err.msg, "BLIS_ARCH_TYPE"))
		return -1;
	setenv("BLIS_ARCH_TYPE", "9999", 1);
	if (blas_init(&err) != T2_EINVAL)
		return -1;
	unsetenv("BLIS_ARCH_TYPE");
	if (blas_init(&err) || blas_init(&err))
		return -1;
	pool1 = pool_new(1);
	pool2 = pool_new(2);
	pool5 = pool_new(5);
	return pool1 && pool2 && pool5 ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	pool_free(pool1);
	pool_free(pool2);
	pool_free(pool5);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_together),    cmocka_unit_test(test_family),
		cmocka_unit_test(test_gemm_shapes), cmocka_unit_test(test_gemm_nothing),
		cmocka_unit_test(test_weights),	    cmocka_unit_test(test_large),
		cmocka_unit_test(test_stream),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
