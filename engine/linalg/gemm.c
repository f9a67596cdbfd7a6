#include <blis.h>
#include <string.h>

#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"
#include "engine/linalg/scratch.h"

/* Up to here products go through the matrix-vector kernels, which share each weight row among the rows of x. */
#define FEW_ROWS 16

/* A matrix-vector task reads about this many bytes of weights, and there are at most so many tasks: long streams, yet
 * enough of them that the threads end together. */
#define VEC_TASK_BYTES 32768
#define VEC_TASKS      64

/* A product task is worth about this many multiply-adds (some tens of microseconds), and there are at most so many. */
#define TILE_WORK  4e6
#define TILE_TASKS 24
#define TILE_ROWS  48 /* tiles are whole numbers of the micro-kernels of every family, both ways round */
#define TILE_COLS  96

static int
div_up(int a, int b)
{
	return a / b + (a % b != 0);
}

static int
round_up(int a, int b)
{
	return div_up(a, b) * b;
}

static int
min_int(int a, int b)
{
	return a < b ? a : b;
}

/* C[rows][cols] = op(A) op(B), summed over k; strides in floats, so that a transposed operand only swaps its two.
 * Without B, the second operand is a weight in its stored form: its rows are B's columns, or its rows. */
struct product {
	int rows, cols, k;
	const float *A;
	inc_t a_row, a_k;
	const float *B;
	inc_t b_k, b_col;
	enum dtype type;
	const char *W;
	bool w_is_bt; /* W[cols][k], else W[k][cols] */
	float *C;
	int ldc;
	bool add;
	int tile_rows, tile_cols, across; /* across: tiles side by side */
};

/* The tile's part of the weight as float32, in this thread's panel. */
static bool
unpack_weight(const struct product *p, int c0, int cols, float **panel)
{
	size_t row_bytes = dtype_row_bytes(p->type, (size_t)(p->w_is_bt ? p->k : p->cols));
	float *b = *panel = scratch_floats(SCRATCH_PANEL, (size_t)cols * (size_t)p->k);

	if (!b)
		return false;
	if (p->w_is_bt) {
		for (int j = 0; j < cols; j++)
			kern_unpack(p->type, p->W + (size_t)(c0 + j) * row_bytes, (size_t)p->k, b + (size_t)j * p->k);
		return true;
	}
	size_t from = dtype_row_bytes(p->type, (size_t)c0);
	for (int i = 0; i < p->k; i++)
		kern_unpack(p->type, p->W + (size_t)i * row_bytes + from, (size_t)cols, b + (size_t)i * cols);
	return true;
}

/* Without memory for a panel: slow, but right. */
static void
tile_unpacked_by_rows(const struct product *p, int r0, int rows, int c0, int cols)
{
	size_t row_bytes = dtype_row_bytes(p->type, (size_t)(p->w_is_bt ? p->k : p->cols));

	for (int r = r0; r < r0 + rows; r++) {
		float *c = p->C + (size_t)r * p->ldc + c0;
		const float *a = p->A + r * p->a_row;
		if (!p->add)
			memset(c, 0, (size_t)cols * sizeof *c);
		if (p->w_is_bt) {
			for (int j = 0; j < cols; j++) {
				float y;
				kern_matvec(p->type, p->W + (size_t)(c0 + j) * row_bytes, 1, p->k, a, 0, 1, &y, 0);
				c[j] += y;
			}
			continue;
		}
		for (int i = 0; i < p->k; i++) {
			const char *w = p->W + (size_t)i * row_bytes + dtype_row_bytes(p->type, (size_t)c0);
			float part[256];
			for (int j = 0; j < cols; j += 256) {
				int n = min_int(256, cols - j);
				kern_unpack(p->type, w + dtype_row_bytes(p->type, (size_t)j), (size_t)n, part);
				kern_axpy(c + j, a[i * p->a_k], part, n);
			}
		}
	}
}

static void
product_tile(const struct product *p, int r0, int rows, int c0, int cols)
{
	float one = 1, beta = p->add ? 1 : 0, *panel;
	const float *b = p->B ? p->B + c0 * p->b_col : NULL;
	inc_t b_k = p->b_k, b_col = p->b_col;

	if (!b) {
		if (!unpack_weight(p, c0, cols, &panel)) {
			tile_unpacked_by_rows(p, r0, rows, c0, cols);
			return;
		}
		b = panel;
		b_k = p->w_is_bt ? 1 : cols;
		b_col = p->w_is_bt ? p->k : 1;
	}
	bli_sgemm(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, rows, cols, p->k, &one, (float *)p->A + r0 * p->a_row, p->a_row,
		  p->a_k, (float *)b, b_k, b_col, &beta, p->C + (size_t)r0 * p->ldc + c0, p->ldc, 1);
}

static void
product_task(void *arg, int task, int worker)
{
	const struct product *p = arg;
	int r0 = task / p->across * p->tile_rows, c0 = task % p->across * p->tile_cols;

	(void)worker;
	product_tile(p, r0, min_int(p->tile_rows, p->rows - r0), c0, min_int(p->tile_cols, p->cols - c0));
}

/* Each tile packs its rows of A and its columns of B anew: of all ways to make enough tiles, take the one with
 * the least to pack.  Unpacking a weight costs several times as much as packing float32. */
static int
product_cut(struct product *p)
{
	double work = (double)p->rows * p->cols * p->k, least = 0, b_cost = p->B ? 1 : 4;
	int want = work > TILE_WORK * TILE_TASKS ? TILE_TASKS : 1 + (int)(work / TILE_WORK);
	int unit = p->B || p->w_is_bt || dtype_block(p->type) <= 32 ? TILE_COLS : dtype_block(p->type);

	for (int down = 1; down <= want; down++) {
		int tr = round_up(div_up(p->rows, down), TILE_ROWS);
		int tc = round_up(div_up(p->cols, div_up(want, down)), unit);
		int tasks = div_up(p->rows, tr) * div_up(p->cols, tc);
		double packed = tasks * (min_int(tr, p->rows) + b_cost * min_int(tc, p->cols));
		if ((2 * tasks < want && down > 1) || (down > 1 && packed >= least))
			continue;
		least = packed;
		p->tile_rows = tr;
		p->tile_cols = tc;
	}
	p->across = div_up(p->cols, p->tile_cols);
	return p->across * div_up(p->rows, p->tile_rows);
}

static void
product_run(struct pool *pool, struct product *p)
{
	if (p->rows > 0 && p->cols > 0)
		pool_run(pool, product_cut(p), product_task, p);
}

/* Few rows: Y[rows][m] = X[rows][n] W[m][n]^T, weight rows in tasks, each read once for up to KERN_ROWS rows of X. */
struct vector_work {
	enum dtype type;
	const char *W;
	size_t row_bytes;
	int m, n, rows, ldx, ldy, per_task;
	const float *X;
	float *Y;
	bool add;
};

static void
vector_task(void *arg, int task, int worker)
{
	const struct vector_work *v = arg;
	int j0 = task * v->per_task, mrows = min_int(v->per_task, v->m - j0);
	const char *w = v->W + (size_t)j0 * v->row_bytes;

	(void)worker;
	for (int r = 0; r < v->rows; r += KERN_ROWS) {
		int rows = min_int(KERN_ROWS, v->rows - r);
		const float *x = v->X + (size_t)r * v->ldx;
		float *y = v->Y + (size_t)r * v->ldy + j0;
		if (!v->add) {
			kern_matvec(v->type, w, mrows, v->n, x, v->ldx, rows, y, v->ldy);
			continue;
		}
		for (int j = 0; j < mrows; j++) {
			float part[KERN_ROWS];
			kern_matvec(v->type, w + (size_t)j * v->row_bytes, 1, v->n, x, v->ldx, rows, part, 1);
			for (int i = 0; i < rows; i++)
				y[(size_t)i * v->ldy + j] += part[i];
		}
	}
}

static void
vector_run(struct pool *pool, struct vector_work *v)
{
	double bytes = (double)v->row_bytes * v->m;
	int tasks = bytes > (double)VEC_TASK_BYTES * VEC_TASKS ? VEC_TASKS : 1 + (int)(bytes / VEC_TASK_BYTES);

	if (v->m <= 0 || v->rows <= 0)
		return;
	v->per_task = round_up(div_up(v->m, tasks), 4);
	pool_run(pool, div_up(v->m, v->per_task), vector_task, v);
}

void
gemm_nt(struct pool *pool, int rows, int m, int k, const float *A, int lda, const float *B, int ldb, float *C, int ldc,
	bool add)
{
	if (rows <= FEW_ROWS && ldb == k) {
		struct vector_work v = {
			.type = T2_F32, .W = (const char *)B, .row_bytes = (size_t)k * sizeof *B, .m = m, .n = k,
			.rows = rows, .ldx = lda, .ldy = ldc, .X = A, .Y = C, .add = add,
		};
		vector_run(pool, &v);
		return;
	}
	struct product p = {
		.rows = rows, .cols = m, .k = k, .A = A, .a_row = lda, .a_k = 1, .B = B, .b_k = 1, .b_col = ldb,
		.C = C, .ldc = ldc, .add = add,
	};
	product_run(pool, &p);
}

void
gemm_nn(struct pool *pool, int rows, int n, int k, const float *A, int lda, const float *B, int ldb, float *C, int ldc,
	bool add)
{
	struct product p = {
		.rows = rows, .cols = n, .k = k, .A = A, .a_row = lda, .a_k = 1, .B = B, .b_k = ldb, .b_col = 1,
		.C = C, .ldc = ldc, .add = add,
	};
	product_run(pool, &p);
}

void
gemm_tn(struct pool *pool, int m, int n, int rows, const float *A, int lda, const float *B, int ldb, float *C, int ldc,
	bool add)
{
	struct product p = {
		.rows = m, .cols = n, .k = rows, .A = A, .a_row = 1, .a_k = lda, .B = B, .b_k = ldb, .b_col = 1,
		.C = C, .ldc = ldc, .add = add,
	};
	product_run(pool, &p);
}

void
gemm_weight_nt(struct pool *pool, enum dtype t, const void *W, int m, int n, const float *X, int rows, float *Y)
{
	if (rows <= FEW_ROWS) {
		struct vector_work v = {
			.type = t, .W = W, .row_bytes = dtype_row_bytes(t, (size_t)n), .m = m, .n = n,
			.rows = rows, .ldx = n, .ldy = m, .X = X, .Y = Y,
		};
		vector_run(pool, &v);
		return;
	}
	struct product p = {
		.rows = rows, .cols = m, .k = n, .A = X, .a_row = n, .a_k = 1, .type = t, .W = W, .w_is_bt = true,
		.C = Y, .ldc = m,
	};
	product_run(pool, &p);
}

void
gemm_weight_nn(struct pool *pool, enum dtype t, const void *W, int m, int n, const float *G, int rows, float *dX, bool add)
{
	struct product p = {
		.rows = rows, .cols = n, .k = m, .A = G, .a_row = m, .a_k = 1, .type = t, .W = W,
		.C = dX, .ldc = n, .add = add,
	};
	product_run(pool, &p);
}
