/* The products on AMX tiles, on tiles in plain C that do what Intel's manual says: against sums in double, on values that
 * are hostile to bf16, and the same bits from the processor's own tiles where it has some. */
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
#include "engine/linalg/cpu.h"
#include "engine/linalg/kern.h"
#include "tests/lib/weights.h"

#ifdef __x86_64__

/* The kernel and gemm.c again, the one on emulated tiles, the other at the level a test sets; not the library's. */
#define T2_AMX_EMULATED
#define kern_amx_tile  emulated_tile
#define kern_amx_check emulated_check
#include "engine/linalg/kern_amx.c"
#undef kern_amx_tile
#undef kern_amx_check

static const struct kern_impl *level; /* of gemm.c here */
#define kern_current() level
#define min_int	       gemm_min_int
#include "engine/linalg/gemm.c"
#undef min_int
#undef kern_current

static struct kern_impl emulated;
static struct pool *pool1, *pool3;
static bool has_tiles; /* of the processor's */

/* A product and what becomes of it at one level: C[rows][cols + 3], the gap untouched. */
struct problem {
	enum { NT, NN, TN } way;
	int rows, cols, k;
	bool add;
	float *A, *B, *before; /* A[rows][k], B[k][cols] as they are meant */
};

static float *
transposed(const float *a, int rows, int cols)
{
	float *t = malloc((size_t)rows * (size_t)cols * sizeof *t);

	for (int i = 0; i < rows; i++)
		for (int j = 0; j < cols; j++)
			t[(size_t)j * rows + i] = a[(size_t)i * cols + j];
	return t;
}

static float *
solve(const struct problem *p, const struct kern_impl *at, struct pool *pool)
{
	size_t size = (size_t)p->rows * (size_t)(p->cols + 3) * sizeof(float);
	float *C = malloc(size), *At = transposed(p->A, p->rows, p->k),
	      *Bt = transposed(p->B, p->k, p->cols);

	memcpy(C, p->before, size);
	/* what an earlier product left in this thread's scratch is of no use: NaN */
	memset(scratch_floats(SCRATCH_TILES, sizeof(struct work) / sizeof(float)), 0xff,
	       sizeof(struct work));
	level = at;
	if (p->way == NT)
		gemm_nt(pool, p->rows, p->cols, p->k, p->A, p->k, Bt, p->k, C, p->cols + 3, p->add);
	else if (p->way == NN)
		gemm_nn(pool, p->rows, p->cols, p->k, p->A, p->k, p->B, p->cols, C, p->cols + 3,
			p->add);
	else
		gemm_tn(pool, p->rows, p->cols, p->k, At, p->rows, p->B, p->cols, C, p->cols + 3,
			p->add);
	free(At);
	free(Bt);
	return C;
}

/* The largest error of finite elements, each relative to the sum of its terms' magnitudes (what a float32 sum's error is
 * proportional to) where that is a normal number, to the smallest one otherwise. */
static double
worst(const struct problem *p, const float *C)
{
	double most = 0;

	for (int i = 0; i < p->rows; i++)
		for (int j = 0; j < p->cols; j++) {
			float was = p->before[(size_t)i * (p->cols + 3) + j],
			      is = C[(size_t)i * (p->cols + 3) + j];
			double sum = p->add ? (double)was : 0, size = fabs(sum), error;

			for (int l = 0; l < p->k; l++) {
				double term = (double)p->A[(size_t)i * p->k + l] *
					      (double)p->B[(size_t)l * p->cols + j];
				sum += term;
				size += fabs(term);
			}
			if (!(size < 3e38)) /* not finite, or on the way there */
				continue;
			if (!isfinite(is))
				fail_msg("%dx%dx%d: [%d][%d] is %g, not %g", p->rows, p->cols, p->k,
					 i, j, (double)is, sum);
			/* a denormal result is rounded to 2^-149, twice where it is added to something */
			error = (fabs((double)is - sum) - 0x1p-149) / fmax(size, 0x1p-126);
			most = fmax(most, error);
		}
	return most;
}

/* Of operands that are not finite no element is; which of infinite and NaN is the same in a sum of one step.  (Of several
 * steps another one may have run over.) */
static void
check_oddities(const struct problem *p, const float *C, const float *plain)
{
	for (int i = 0; i < p->rows; i++)
		for (int j = 0; j < p->cols; j++) {
			float a = C[(size_t)i * (p->cols + 3) + j],
			      b = plain[(size_t)i * (p->cols + 3) + j];
			bool odd_row = false;

			for (int l = 0; l < p->k; l++)
				odd_row = odd_row || !isfinite(p->A[(size_t)i * p->k + l]) ||
					  !isfinite(p->B[(size_t)l * p->cols + j]);
			if (odd_row && (isfinite(a) || isfinite(b) ||
					(p->k <= GEMM_STEP && !p->add && memcmp(&a, &b, 4))))
				fail_msg("[%d][%d] is %g, %g at avx512", i, j, (double)a,
					 (double)b);
		}
}

/* No element is further off than factor times the worst of avx512 is, or half a unit in the last place. */
static void
one_problem(struct problem *p, double factor)
{
	size_t size = (size_t)p->rows * (size_t)(p->cols + 3) * sizeof(float);
	float *plain, *one, *three, *real;
	double off, plain_off;

	p->before = random_floats(size / sizeof(float), 9);
	plain = solve(p, &kern_avx512, pool1);
	one = solve(p, &emulated, pool1);
	three = solve(p, &emulated, pool3);
	assert_memory_equal(one, three, size);
	for (int i = 0; i < p->rows; i++)
		assert_memory_equal(one + (size_t)i * (p->cols + 3) + p->cols,
				    p->before + (size_t)i * (p->cols + 3) + p->cols,
				    3 * sizeof(float));
	off = worst(p, one);
	plain_off = worst(p, plain);
	if (off > fmax(factor * plain_off, 0x1p-24))
		fail_msg("%d: %dx%dx%d: off by %g, avx512 by %g", (int)p->way, p->rows, p->cols,
			 p->k, off, plain_off);
	check_oddities(p, one, plain);
	if (has_tiles) {
		real = solve(p, &kern_amx, pool3);
		assert_memory_equal(one, real, size);
		free(real);
	}
	free(plain);
	free(one);
	free(three);
	free(p->before);
}

/* How values are made of random ones in -1 .. 1 (random_floats()), element i of n. */
enum kind {
	EVEN,  /* as they are */
	MIXED, /* times 10^-19 .. 10^19 */
	TINY,  /* around 1e-38, many denormal */
	HUGE_ONES,
	BY_ROW, /* a row of A, a column of B, has its own size of 1e-38 .. 1e38 */
	FADING, /* from 1 down to 1e-38 along k */
	SPARSE, /* mostly zero, whole rows too */
	WILD,	/* some infinite, some NaN, some denormal, some the largest */
	KINDS
};

static float
value(enum kind kind, float x, size_t line, size_t along, size_t k)
{
	static const float odd[] = {INFINITY, -INFINITY, NAN, 1e-45f, -1e-40f, 3.4028235e38f};
	size_t mix = line * 7919 + along * 104729;

	switch (kind) {
	case MIXED:
		return x * powf(10, (float)(mix % 39) - 19);
	case TINY:
		return x * powf(10, -37 - (float)(mix % 8));
	case HUGE_ONES:
		return x < 0 ? -3.4028235e38f : 3.4028235e38f * (1 - x * 0x1p-9f);
	case BY_ROW:
		return x * powf(10, (float)(line * 29 % 77) - 38);
	case FADING:
		return x * powf(10, -38.0f * (float)along / (float)k);
	case SPARSE:
		return line % 5 && mix % 11 == 0 ? x : 0;
	case WILD:
		return line % 9 == 4 && along == line % k ? odd[line / 9 % 6] : x;
	default:
		return x;
	}
}

static void
one_kind(enum kind a, enum kind b, int way, int rows, int cols, int k, bool add, double factor)
{
	struct problem p = {.way = way, .rows = rows, .cols = cols, .k = k, .add = add};

	p.A = random_floats((size_t)rows * (size_t)k, 1 + (unsigned)a);
	p.B = random_floats((size_t)k * (size_t)cols, 20 + (unsigned)b);
	for (int l = 0; l < k; l++) {
		for (int i = 0; i < rows; i++)
			p.A[(size_t)i * k + l] =
				value(a, p.A[(size_t)i * k + l], (size_t)i, (size_t)l, (size_t)k);
		for (int j = 0; j < cols; j++)
			p.B[(size_t)l * cols + j] = value(b, p.B[(size_t)l * cols + j], (size_t)j,
							  (size_t)l, (size_t)k);
	}
	one_problem(&p, factor);
	free(p.A);
	free(p.B);
}

static void
test_shapes(void **state)
{
	static const int shapes[][3] = {
		{65, 1, 1},    {32, 17, 5},   {33, 15, 31},  {66, 33, 33},
		{79, 48, 32},  {81, 257, 64}, {97, 32, 100}, {130, 64, 384},
		{70, 31, 385}, {96, 16, 800}, {513, 20, 70}, {600, 33, 40},
		{64, 300, 17}, {80, 49, 49},  {65, 40, 16},  {48, 20, 80},
	};

	(void)state;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		for (int way = NT; way <= TN; way++)
			for (int add = 0; add < 2; add++)
				one_kind(EVEN, EVEN, way, shapes[i][0], shapes[i][1], shapes[i][2],
					 add, 1.5);
}

static void
test_hostile(void **state)
{
	(void)state;
	/* Of many terms alike the error is half of float32's; where one term is nearly all of the sum, six roundings of it
	 * come to 1.8 times float32's. */
	for (enum kind a = EVEN; a < KINDS; a++)
		for (enum kind b = EVEN; b < KINDS; b++) {
			one_kind(a, b, NN, 70, 49, 90, false, 2);
			one_kind(a, b, TN, 45, 65, 400, true, 2);
		}
}

/* An element is what its row and its column make it, whatever else is in the product. */
static void
test_alone(void **state)
{
	enum { ROWS = 100, COLS = 70, K = 150, FROM = 37, N = 40 };
	float *A = random_floats(ROWS * K, 1), *B = random_floats(K * COLS, 2);
	float *whole = malloc(ROWS * COLS * sizeof *whole), *part = malloc(N * COLS * sizeof *part);

	(void)state;
	for (int i = 0; i < ROWS; i += 9)
		A[i * K + i] = i % 2 ? INFINITY : 1e-40f;
	level = &emulated;
	gemm_nn(pool3, ROWS, COLS, K, A, K, B, COLS, whole, COLS, false);
	gemm_nn(pool3, N, COLS, K, A + FROM * K, K, B, COLS, part, COLS, false);
	assert_memory_equal(whole + FROM * COLS, part, N * COLS * sizeof *part);
	for (int j = 0; j < COLS; j++) {
		gemm_nn(pool1, ROWS, 1, K, A, K, B + j, COLS, part, 1, false);
		for (int i = 0; i < ROWS; i++)
			assert_memory_equal(part + i, whole + i * COLS + j, sizeof *part);
	}
	free(A);
	free(B);
	free(whole);
	free(part);
}

/* Stored weights, their panels unpacked as at every level. */
static void
test_weights(void **state)
{
	static const enum dtype types[] = {T2_F32, T2_BF16, T2_Q8_0, T2_Q4_K};
	enum { M = 130, WIDTH = 512, ROWS = 90 };
	float *X = random_floats(ROWS * WIDTH, 5), *G = random_floats(ROWS * M, 6);
	float *Y[2], *dX[2];

	(void)state;
	for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
		unsigned char *W = random_weight(types[t], M, WIDTH, 11);
		double most = 0, size = 0;

		for (int i = 0; i < 2; i++) {
			Y[i] = malloc(ROWS * M * sizeof(float));
			dX[i] = malloc(ROWS * WIDTH * sizeof(float));
			level = i ? &emulated : &kern_avx512;
			gemm_weight_nt(pool3, types[t], W, M, WIDTH, X, ROWS, Y[i]);
			gemm_weight_nn(pool3, types[t], W, M, WIDTH, G, ROWS, dX[i], false);
		}
		for (int i = 0; i < ROWS * M; i++) {
			most = fmax(most, fabs((double)Y[0][i] - (double)Y[1][i]));
			size = fmax(size, fabs((double)Y[0][i]));
		}
		assert_true(size > 0 && most < 2e-6 * size);
		most = size = 0;
		for (int i = 0; i < ROWS * WIDTH; i++) {
			most = fmax(most, fabs((double)dX[0][i] - (double)dX[1][i]));
			size = fmax(size, fabs((double)dX[0][i]));
		}
		assert_true(size > 0 && most < 2e-6 * size);
		for (int i = 0; i < 2; i++) {
			free(Y[i]);
			free(dX[i]);
		}
		free(W);
	}
	free(X);
	free(G);
}

/* TDPBF16PS by hand: pairs apart, the halves of a sum rounded on their own, what is tiny gone. */
static void
test_instruction(void **state)
{
	uint16_t a[16][32] = {{0}}, b[16][32] = {{0}};
	float c[16][16];

	(void)state;
	a[0][0] = 0x4b80, b[0][0] = 0x3f80; /* 2^24 1 */
	a[0][1] = 0x3f80, b[0][1] = 0x3f80; /* + 1 1, in the other half */
	a[0][3] = 0x3f80, b[1][1] = 0x3f80; /* + 1 1, there too: 2^24 + 2 is exact */
	a[1][2] = 0x3f80, b[1][0] = 0x0040; /* row 1: a denormal of b: nothing */
	a[2][0] = 0x0080, b[0][4] = 0x3f00; /* row 2, column 2: 2^-126 / 2: nothing */
	a[2][1] = 0x0080, b[0][5] = 0x0000;
	a[3][0] = 0x0080, b[0][6] = 0x4000; /* row 3, column 3: 2^-126 2 */
	tiles_start();
	TILE_ZERO(0);
	TILE_LOAD(4, a);
	TILE_LOAD(6, b);
	TILE_MULTIPLY(0, 4, 6);
	TILE_STORE(0, c, 64);
	tiles_end();
	assert_true(c[0][0] == 0x1p24f + 2);
	assert_true(c[1][0] == 0);
	assert_true(c[2][2] == 0);
	assert_true(c[3][3] == 0x1p-125f);
}

static bool
wrong_tile(int rows, int cols, int k, const float *A, size_t lda, bool a_is_at, const float *b,
	   float *C, int ldc, bool add)
{
	bool done = emulated_tile(rows, cols, k, A, lda, a_is_at, b, C, ldc, add);

	C[rows / 2 * ldc + cols / 2] += 0x1p-16f;
	return done;
}

static void
test_self_check(void **state)
{
	struct kern_impl wrong = emulated;
	struct t2_err err = {0};

	(void)state;
	assert_int_equal(emulated_check(&emulated, &err), T2_OK);
	wrong.tile = wrong_tile;
	assert_int_equal(emulated_check(&wrong, &err), T2_ENUM);
	assert_non_null(strstr(err.msg, "T2_KERNELS"));
}

/* Asked for: the level, or a refusal that says so and the best of the others. */
static void
test_level(void **state)
{
	struct t2_err err = {0};
	enum kern_level had = kern_level();
	enum t2_status st;

	(void)state;
	assert_true(had != KERN_AMX);
	setenv("T2_KERNELS", "amx", 1);
	st = kern_init(&err);
	unsetenv("T2_KERNELS");
	if (has_tiles) {
		assert_int_equal(st, T2_OK);
		assert_string_equal(kern_name(), "amx");
	} else {
		assert_int_equal(st, T2_EUNSUP);
		assert_non_null(strstr(err.msg, "T2_KERNELS=amx"));
		assert_true(kern_level() == had);
		kern_force(KERN_AMX);
		assert_true(kern_level() == had);
	}
	assert_int_equal(kern_init(NULL), T2_OK);
	assert_true(kern_level() == had); /* not unless asked for */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instruction), cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_hostile),	    cmocka_unit_test(test_alone),
		cmocka_unit_test(test_weights),	    cmocka_unit_test(test_self_check),
		cmocka_unit_test(test_level),
	};
	int failed;

	if (!cpu_features()->avx512) {
		puts("test_amx: skipped: no AVX-512 here");
		return 0;
	}
	has_tiles = !cpu_allow_amx(NULL);
	if (!has_tiles)
		puts("test_amx: the processor's own tiles: skipped, there are none here");
	emulated = kern_avx512;
	emulated.name = "amx, emulated";
	emulated.tile = emulated_tile;
	pool1 = pool_new(1);
	pool3 = pool_new(3);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pool_free(pool1);
	pool_free(pool3);
	return failed;
}

#else

int
main(void)
{
	puts("test_amx: skipped: not this architecture");
	return 0;
}

#endif
