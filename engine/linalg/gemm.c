#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#include "engine/linalg/blas.h"
#include "engine/linalg/few_rows.h"
#include "engine/linalg/kern_impl.h"
#include "engine/linalg/stream.h"

/* So few rows go through few_rows.h, which reads each weight row once for all of them. */
static bool
are_few(int rows, int k)
{
	return rows <= KERN_ROWS || stream_takes(rows, k);
}

/* Larger products go over k in steps of at most STEP, and over the rows in chunks of at most CHUNK.  C is cut into tiles,
 * a task each, which pack their own columns of B step by step and run the micro-kernel (kern_impl.h) over panels of them
 * and bands of A, which it reads as they lie. */
#define STEP	  GEMM_STEP
#define CHUNK	  512
#define TILE_COLS 256
#define TILE_ROWS 32 /* least of a product by kern_impl.h's tile, which works longer on B */
#define MAX_NR	  32 /* of any level */
#define MAX_MR	  16
#define SLACK	  16 /* floats: packing may write beyond the end */

/* A thread's own, touched only by threads that multiply: these products allocate nothing, so none can fail. */
static _Thread_local alignas(64) float b_pack[TILE_COLS * STEP + SLACK];
static _Thread_local alignas(64) float turned[MAX_MR * STEP + SLACK]; /* a band of an A[k][rows] */
/* [MAX_NR][STEP], or rows of TILE_COLS */
static _Thread_local alignas(64) float unpacked[MAX_NR * STEP];

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

/* C[rows][cols] (+)= op(A) op(B), summed over k.  Without B the second operand is a weight in its stored form. */
struct product {
	const struct kern_impl *kern;
	int rows, cols, k;
	const float *A;
	bool a_is_at; /* A[k][rows], else A[rows][k] */
	bool b_is_bt; /* B[cols][k], else B[k][cols] */
	int lda, ldb; /* ldb of a weight: values in a row */
	const float *B;
	enum dtype type;
	const char *W;
	float *C;
	int ldc;
	bool add, by_tiles;
	/* The chunk at hand.  Bands are of equal height, but for one row; tiles are whole bands. */
	int r0, chunk, step, bands, tile_bands, tile_cols, across;
};

/* Columns c0 .. c0+cols-1 of B, l0 .. l0+k-1 of the sum, as the micro-kernel wants them: [k][width]. */
static void
pack_panel(const struct product *p, int c0, int cols, int l0, int k, float *dst, int width)
{
	if (p->b_is_bt)
		p->kern->pack_rows(p->B + (size_t)c0 * p->ldb + l0, (size_t)p->ldb, cols, k, dst,
				   width);
	else
		p->kern->pack_cols(p->B + (size_t)l0 * p->ldb + c0, (size_t)p->ldb, cols, k, dst,
				   width);
}

/* The same of a weight whose rows are B's columns. */
static void
pack_panel_of_rows(const struct product *p, int c0, int cols, int l0, int k, float *dst, int width)
{
	const struct kern_impl *kern = p->kern;
	size_t row_bytes = dtype_row_bytes(p->type, (size_t)p->ldb);
	const char *w = p->W + (size_t)c0 * row_bytes + dtype_row_bytes(p->type, (size_t)l0);

	for (int j = 0; j < cols; j++, w += row_bytes)
		kern->unpack(p->type, w, (size_t)k, unpacked + (size_t)j * STEP);
	kern->pack_rows(unpacked, STEP, cols, k, dst, width);
}

/* Of the panel that begins at column j: the last one may be half as wide. */
static int
panel_width(const struct product *p, int cols, int j)
{
	return cols - j <= p->kern->nr / 2 ? p->kern->nr / 2 : p->kern->nr;
}

/* All panels of a tile from a weight whose rows are B's rows: a few rows at a time, as wide as the tile. */
static void
pack_tile_of_cols(const struct product *p, int c0, int cols, int l0, int k)
{
	const struct kern_impl *kern = p->kern;
	size_t row_bytes = dtype_row_bytes(p->type, (size_t)p->ldb);
	const char *w = p->W + (size_t)l0 * row_bytes + dtype_row_bytes(p->type, (size_t)c0);
	const int most = MAX_NR * STEP / TILE_COLS;

	for (int l = 0; l < k; l += most) {
		int n = min_int(most, k - l);
		for (int i = 0; i < n; i++, w += row_bytes)
			kern->unpack(p->type, w, (size_t)cols, unpacked + (size_t)i * TILE_COLS);
		for (int j = 0; j < cols; j += kern->nr) {
			int width = panel_width(p, cols, j);

			kern->pack_cols(unpacked + j, TILE_COLS, min_int(width, cols - j), n,
					b_pack + (size_t)j * k + (size_t)l * width, width);
		}
	}
}

static void
pack_tile(const struct product *p, int c0, int cols, int l0, int k)
{
	const int nr = p->kern->nr;

	if (!p->B && !p->b_is_bt) {
		pack_tile_of_cols(p, c0, cols, l0, k);
		return;
	}
	for (int j = 0; j < cols; j += nr) {
		int n = min_int(nr, cols - j), width = panel_width(p, cols, j);
		if (p->B)
			pack_panel(p, c0 + j, n, l0, k, b_pack + (size_t)j * k, width);
		else
			pack_panel_of_rows(p, c0 + j, n, l0, k, b_pack + (size_t)j * k, width);
	}
}

static int
band_start(const struct product *p, int band)
{
	return (int)((long)p->chunk * band / p->bands);
}

static void
multiply_tile(const struct product *p, int from, int to, int c0, int cols, int l, int k)
{
	const struct kern_impl *kern = p->kern;
	bool add = p->add || l > 0;

	for (int b = from; b < to; b++) {
		int start = band_start(p, b), rows = band_start(p, b + 1) - start,
		    r = p->r0 + start;
		const float *A = p->A + (size_t)r * p->lda + l;
		size_t lda = (size_t)p->lda;
		struct ahead ahead = {(const char *)(A + (size_t)rows * lda), lda * sizeof *A,
				      16 * sizeof *A};
		bool fetch = b + 1 < to && !p->a_is_at;
		float *c = p->C + (size_t)r * p->ldc + c0;

		if (p->a_is_at) {
			lda = (size_t)round_up(k, 16);
			kern->pack_rows(p->A + (size_t)l * p->lda + r, (size_t)p->lda, k, rows,
					turned, (int)lda);
			A = turned;
		}
		for (int j = 0; j < cols; j += kern->nr)
			kern->micro(rows, min_int(kern->nr, cols - j), k, A, lda,
				    fetch && j == 0 ? &ahead : NULL, b_pack + (size_t)j * k,
				    panel_width(p, cols, j), c + j, p->ldc, add);
	}
}

/* The same by the level's tile, or without memory by its micro-kernel. */
static void
multiply_by_tiles(const struct product *p, int from, int to, int c0, int cols, int l, int k)
{
	int start = band_start(p, from), rows = band_start(p, to) - start, r = p->r0 + start;
	size_t lda = (size_t)p->lda;
	const float *A = p->a_is_at ? p->A + (size_t)l * lda + r : p->A + (size_t)r * lda + l;

	if (!p->kern->tile(rows, cols, k, A, lda, p->a_is_at, b_pack,
			   p->C + (size_t)r * p->ldc + c0, p->ldc, p->add || l > 0))
		multiply_tile(p, from, to, c0, cols, l, k);
}

static void
product_task(void *arg, int task, int worker)
{
	const struct product *p = arg;
	int from = task / p->across * p->tile_bands, to = min_int(from + p->tile_bands, p->bands);
	int c0 = task % p->across * p->tile_cols, cols = min_int(p->tile_cols, p->cols - c0);

	(void)worker;
	for (int l = 0; l < p->k; l += p->step) {
		int k = min_int(p->step, p->k - l);
		pack_tile(p, c0, cols, l, k);
		if (p->by_tiles)
			multiply_by_tiles(p, from, to, c0, cols, l, k);
		else
			multiply_tile(p, from, to, c0, cols, l, k);
	}
}

/* The cut depends on the shape only, never on the number of threads: take the one that would be best for two, four and eight
 * together, the last round of tiles being as long as any.  A tile's time, in multiply-adds of 16 values: the products,
 * packing its columns (a weight's are unpacked before), splitting its rows where the level has a tile of its own, a start. */
static int
product_cut(struct product *p)
{
	static const int downs[] = {1, 2, 3, 4, 6, 8, 12, 16};
	int unit = p->B || p->b_is_bt || dtype_block(p->type) <= 32 ? 32 : dtype_block(p->type);
	double least = 0, pack = p->B ? 0.4 : 0.7, split = p->by_tiles ? 4 : 0, start = 1000;

	for (size_t d = 0; d < sizeof downs / sizeof *downs && downs[d] <= p->bands; d++) {
		int tile_bands = div_up(p->bands, downs[d]),
		    rows = div_up(p->chunk * tile_bands, p->bands);
		for (int tc = unit; tc <= TILE_COLS; tc += unit) {
			int tasks = div_up(p->bands, tile_bands) * div_up(p->cols, tc),
			    cols = min_int(tc, p->cols);
			double cost = 0;
			for (int threads = 2; threads <= 8; threads *= 2)
				cost += (double)div_up(tasks, threads) * threads;
			cost *= (double)p->k * (cols * (rows / 16.0 + pack) + rows * split) + start;
			if (least > 0 && cost >= least)
				continue;
			least = cost;
			p->tile_bands = tile_bands;
			p->tile_cols = tc;
		}
	}
	p->across = div_up(p->cols, p->tile_cols);
	return p->across * div_up(p->bands, p->tile_bands);
}

static void
product_run(struct pool *pool, struct product *p)
{
	for (int i = 0; p->k <= 0 && !p->add && i < p->rows; i++) /* an empty sum */
		memset(p->C + (size_t)i * p->ldc, 0, (size_t)p->cols * sizeof *p->C);
	if (p->rows <= 0 || p->cols <= 0 || p->k <= 0)
		return;
	p->kern = kern_current();
	p->step = gemm_step(p->k);
	p->by_tiles = p->kern->tile && p->rows >= TILE_ROWS;
	for (p->r0 = 0; p->r0 < p->rows; p->r0 += CHUNK) {
		p->chunk = min_int(CHUNK, p->rows - p->r0);
		p->bands = div_up(p->chunk, p->kern->mr);
		pool_run(pool, product_cut(p), product_task, p);
	}
}

void
gemm_nt(struct pool *pool, int rows, int m, int k, const float *A, int lda, const float *B, int ldb,
	float *C, int ldc, bool add)
{
	if (k > 0 && ldb == k && are_few(rows, k)) {
		struct few_rows f = {
			.type = T2_F32,
			.W = B,
			.m = m,
			.n = k,
			.rows = rows,
			.ldx = lda,
			.ldy = ldc,
			.X = A,
			.Y = C,
			.add = add,
		};
		few_rows_run(pool, &f, 1);
		return;
	}
	struct product p = {
		.rows = rows,
		.cols = m,
		.k = k,
		.A = A,
		.lda = lda,
		.B = B,
		.ldb = ldb,
		.b_is_bt = true,
		.C = C,
		.ldc = ldc,
		.add = add,
	};
	product_run(pool, &p);
}

void
gemm_nn(struct pool *pool, int rows, int n, int k, const float *A, int lda, const float *B, int ldb,
	float *C, int ldc, bool add)
{
	struct product p = {
		.rows = rows,
		.cols = n,
		.k = k,
		.A = A,
		.lda = lda,
		.B = B,
		.ldb = ldb,
		.C = C,
		.ldc = ldc,
		.add = add,
	};
	product_run(pool, &p);
}

void
gemm_tn(struct pool *pool, int m, int n, int rows, const float *A, int lda, const float *B, int ldb,
	float *C, int ldc, bool add)
{
	struct product p = {
		.rows = m,
		.cols = n,
		.k = rows,
		.A = A,
		.lda = lda,
		.a_is_at = true,
		.B = B,
		.ldb = ldb,
		.C = C,
		.ldc = ldc,
		.add = add,
	};
	product_run(pool, &p);
}

struct scaling {
	const struct kern_impl *kern;
	const struct gemm_weight *w;
};

static void
scaling_task(void *arg, int row, int worker)
{
	const struct scaling *s = arg;
	float *y = s->w->Y + (size_t)row * (size_t)s->w->m;

	(void)worker;
	s->kern->scale_mul(y, y, s->w->scale[row], s->w->m);
}

void
gemm_weights_nt(struct pool *pool, const struct gemm_weight *w, int count, int rows)
{
	struct few_rows few[GEMM_TOGETHER];
	int listed = 0;

	for (int i = 0; i < count; i++, w++) {
		struct product p = {
			.rows = rows,
			.cols = w->m,
			.k = w->n,
			.A = w->X,
			.lda = w->n,
			.type = w->type,
			.W = w->W,
			.ldb = w->n,
			.b_is_bt = true,
			.C = w->Y,
			.ldc = w->m,
		};
		struct few_rows f = {
			.type = w->type,
			.W = w->W,
			.m = w->m,
			.n = w->n,
			.rows = rows,
			.ldx = w->n,
			.ldy = w->m,
			.X = w->X,
			.Y = w->Y,
			.scale = w->scale,
		};
		struct scaling s = {kern_current(), w};

		if (w->n > 0 && are_few(rows, w->n)) {
			few[listed++] = f;
			continue;
		}
		product_run(pool, &p);
		if (w->scale)
			pool_run(pool, rows, scaling_task, &s);
	}
	few_rows_run(pool, few, listed);
}

void
gemm_weight_nt(struct pool *pool, enum dtype t, const void *W, int m, int n, const float *X,
	       int rows, float *Y)
{
	struct gemm_weight w = {.type = t, .W = W, .m = m, .n = n, .X = X, .Y = Y};

	gemm_weights_nt(pool, &w, 1, rows);
}

void
gemm_weight_nn(struct pool *pool, enum dtype t, const void *W, int m, int n, const float *G,
	       int rows, float *dX, bool add)
{
	struct product p = {
		.rows = rows,
		.cols = n,
		.k = m,
		.A = G,
		.lda = m,
		.type = t,
		.W = W,
		.ldb = n,
		.C = dX,
		.ldc = n,
		.add = add,
	};
	product_run(pool, &p);
}
