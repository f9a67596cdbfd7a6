#include "engine/linalg/svd.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/rng.h"
#include "engine/linalg/blas.h"

/* The way taken.  Let S (short side, r long) and L (long side) be the two sides of W.  The eigenvectors of the Gram
 * matrix W W' or W' W, as rows of E[r][r], are the singular vectors of the short side; Y = E W (or E W') has rows
 * sigma_i q_i, and so gives sigma as their lengths, far more exactly than the square roots of the eigenvalues, and
 * the long side's vectors q_i.  W = E' Y holds to double rounding whatever sigma is, as E is square and orthonormal.
 *
 * The rows of Y are orthogonal only to about eps sigma_1^2 / (sigma_i sigma_j).  Those shorter than WEAK sigma_1 are
 * therefore freed from the longer ones and decomposed by themselves (dgesdd, a thin matrix), which rotates E's rows
 * with them.  So neither a large condition number nor a missing rank costs anything but that small second step;
 * when most of the spectrum is weak, dgesdd takes the whole matrix. */
#define WEAK 1e-3

/* Largest |Q Q' - I| (Frobenius, a row's share) that is accepted, in double: below what rounding to float32 does. */
#define ORTHOGONAL 2e-9
#define PROBES	   4

struct work {
	int m, n, r, l; /* l: the long side, max(m, n) */
	double *W;	/* [m][n] */
	double *E;	/* [r][r], rows: vectors of the short side */
	double *Q;	/* [r][l], rows: Y, then vectors of the long side */
	double *sigma;	/* [r] */
	int *order;	/* [r]: descending */
};

static enum t2_status
work_new(struct work *w, int m, int n, struct t2_err *err)
{
	size_t r = (size_t)(m < n ? m : n), l = (size_t)(m < n ? n : m);

	memset(w, 0, sizeof *w);
	w->m = m;
	w->n = n;
	w->r = (int)r;
	w->l = (int)l;
	w->W = malloc(r * l * sizeof *w->W);
	w->E = malloc(r * r * sizeof *w->E);
	w->Q = malloc(r * l * sizeof *w->Q);
	w->sigma = malloc(r * sizeof *w->sigma);
	w->order = malloc(r * sizeof *w->order);
	if (!w->W || !w->E || !w->Q || !w->sigma || !w->order)
		return t2_nomem(err, "singular value decomposition");
	return T2_OK;
}

static void
work_free(struct work *w)
{
	free(w->W);
	free(w->E);
	free(w->Q);
	free(w->sigma);
	free(w->order);
}

static enum t2_status
load(struct work *w, const float *W, struct t2_err *err)
{
	size_t count = (size_t)w->m * (size_t)w->n;

	for (size_t i = 0; i < count; i++) {
		if (!isfinite(W[i]))
			return t2_fail(err, T2_ENUM,
				       "singular value decomposition: entry [%zu][%zu] is %s",
				       i / (size_t)w->n, i % (size_t)w->n,
				       isnan(W[i]) ? "not a number" : "infinite");
		w->W[i] = (double)W[i];
	}
	return T2_OK;
}

/* C[rows][cols] = alpha A[rows][k] op(B) + beta C, all dense row-major. */
static void
dgemm(enum CBLAS_TRANSPOSE op, int rows, int cols, int k, double alpha, const double *A,
      const double *B, double beta, double *C)
{
	cblas_dgemm(CblasRowMajor, CblasNoTrans, op, rows, cols, k, alpha, A, k, B,
		    op == CblasTrans ? k : cols, beta, C, cols);
}

/* Eigenvectors of the Gram matrix into E, largest first. */
static bool
gram_eigen(struct work *w)
{
	double size, *lambda = w->sigma, *buf;
	lapack_int isize, r = w->r, *ibuf;
	bool ok;

	/* Row-major lower is LAPACK's upper: only one triangle is computed and read. */
	cblas_dsyrk(CblasRowMajor, CblasLower, w->m >= w->n ? CblasTrans : CblasNoTrans, r, w->l, 1,
		    w->W, w->n, 0, w->E, r);
	if (LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'U', r, w->E, r, lambda, &size, -1, &isize,
				-1))
		return false;
	buf = malloc((size_t)size * sizeof *buf);
	ibuf = malloc((size_t)isize * sizeof *ibuf);
	ok = buf && ibuf &&
	     !LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'U', r, w->E, r, lambda, buf,
				  (lapack_int)size, ibuf, isize);
	free(buf);
	free(ibuf);
	if (!ok)
		return false;
	for (int i = 0, j = r - 1; i < j; i++, j--) { /* LAPACK's order is ascending */
		double *a = w->E + (size_t)i * r, *b = w->E + (size_t)j * r;
		for (int k = 0; k < r; k++) {
			double t = a[k];
			a[k] = b[k];
			b[k] = t;
		}
	}
	return true;
}

static double
norm(const double *x, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += x[i] * x[i];
	return sqrt(sum);
}

/* Rows k .. r-1 of Q, too short to be orthogonal as they are: take the longer ones' part out (twice, as the first
 * time leaves rounding of the removed part), decompose what is left, and turn E's rows accordingly. */
static bool
weak_rows(struct work *w, int k)
{
	int weak = w->r - k, l = w->l;
	double *Y = w->Q + (size_t)k * l, *E = w->E + (size_t)k * w->r;
	double *dots = malloc((size_t)weak * (size_t)(k ? k : 1) * sizeof *dots);
	double *turn = malloc((size_t)weak * (size_t)weak * sizeof *turn);
	double *copy = malloc((size_t)weak * (size_t)l * sizeof *copy);
	bool ok = dots && turn && copy;

	for (int pass = 0; ok && k && pass < 2; pass++) {
		dgemm(CblasTrans, weak, k, l, 1, Y, w->Q, 0, dots);
		dgemm(CblasNoTrans, weak, l, k, -1, dots, w->Q, 1, Y);
	}
	if (ok) {
		/* In LAPACK's eyes the rows are columns: copy = Y' = Qnew diag(sigma) turn', turn[weak][weak] by columns. */
		memcpy(copy, Y, (size_t)weak * (size_t)l * sizeof *Y);
		ok = !LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', l, weak, copy, l, w->sigma + k, Y, l,
				     turn, weak);
	}
	if (ok) {
		memcpy(copy, E,
		       (size_t)weak * (size_t)w->r * sizeof *E); /* l >= r: there is room */
		cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, weak, w->r, weak, 1, turn,
			    weak, copy, w->r, 0, E, w->r);
	}
	free(dots);
	free(turn);
	free(copy);
	return ok;
}

/* ||Q Q' x - x|| for random signs x is, in the mean over x, the Frobenius norm of Q Q' - I. */
static bool
orthonormal(const double *Q, int rows, int n)
{
	double *x = malloc((size_t)(2 * rows + n) * sizeof *x), *t = x + rows, *y = t + n,
	       worst = 0;
	struct rng rng;

	if (!x)
		return false;
	rng_seed(&rng, 0, (uint64_t)rows, (uint64_t)n);
	for (int p = 0; p < PROBES; p++) {
		for (int i = 0; i < rows; i++)
			x[i] = rng_u64(&rng) & 1 ? 1 : -1;
		cblas_dgemv(CblasRowMajor, CblasTrans, rows, n, 1, Q, n, x, 1, 0, t, 1);
		cblas_dgemv(CblasRowMajor, CblasNoTrans, rows, n, 1, Q, n, t, 1, 0, y, 1);
		for (int i = 0; i < rows; i++)
			y[i] -= x[i];
		double off = norm(y, rows);
		worst = off > worst || isnan(off) ? off : worst;
	}
	free(x);
	return worst <= ORTHOGONAL * rows;
}

/* False: not safe this way, or no memory for it. */
static bool
by_gram(struct work *w)
{
	int strong = 0, r = w->r, l = w->l;

	if (!gram_eigen(w))
		return false;
	dgemm(w->m >= w->n ? CblasTrans : CblasNoTrans, r, l, r, 1, w->E, w->W, 0, w->Q);
	for (int i = 0; i < r; i++)
		w->sigma[i] = norm(w->Q + (size_t)i * l, l);
	while (strong < r && w->sigma[strong] > WEAK * w->sigma[0])
		strong++;
	if (strong < r / 2 || w->sigma[0] == 0)
		return false;
	for (int i = 0; i < strong; i++)
		for (int j = 0; j < l; j++)
			w->Q[(size_t)i * l + j] /= w->sigma[i];
	if (strong < r && !weak_rows(w, strong))
		return false;
	return orthonormal(w->E, r, r) && orthonormal(w->Q, r, l);
}

static enum t2_status
by_lapack(struct work *w, struct t2_err *err)
{
	int r = w->r, l = w->l, m = w->m, n = w->n;
	bool tall = m >= n;
	/* LAPACK sees the rows of W as columns: W' = V diag(sigma) U', n x m.  U by columns is U' by rows, and V' by columns
	 * V by rows, which still has to be turned over. */
	double *side = malloc((size_t)r * (size_t)m * sizeof *side);
	double *other = tall ? w->E : w->Q, *mine = tall ? w->Q : w->E; /* V' and U', by rows */
	lapack_int info;

	if (!side)
		return t2_nomem(err, "singular value decomposition");
	info = LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', n, m, w->W, n, w->sigma, other, n, side, r);
	for (int i = 0; i < r; i++)
		for (int j = 0; j < m; j++)
			mine[(size_t)i * m + j] = side[(size_t)j * r + i];
	free(side);
	if (info == LAPACK_WORK_MEMORY_ERROR)
		return t2_nomem(err, "singular value decomposition");
	if (info)
		return t2_fail(
			err, T2_ENUM,
			"singular value decomposition: %d x %d: no convergence (dgesdd says %d)", m,
			n, (int)info);
	if (!orthonormal(w->E, r, r) || !orthonormal(w->Q, r, l))
		return t2_fail(err, T2_ENUM,
			       "singular value decomposition: %d x %d: vectors are not orthogonal",
			       m, n);
	return T2_OK;
}

/* Insertion sort: the order is right already but for near-equal neighbours. */
static void
sort_descending(struct work *w)
{
	for (int i = 0; i < w->r; i++) {
		int j = i;
		for (; j > 0 && w->sigma[w->order[j - 1]] < w->sigma[i]; j--)
			w->order[j] = w->order[j - 1];
		w->order[j] = i;
	}
}

/* The first of the largest, as float32 has them: equal entries must not choose by their last bit. */
static double
sign_of(const double *v, int n)
{
	int at = 0;

	for (int i = 1; i < n; i++)
		if (fabsf((float)v[i]) > fabsf((float)v[at]))
			at = i;
	return v[at] < 0 ? -1 : 1;
}

/* Component i of the result is component order[i] of the work. */
static void
store(const struct work *w, float *U, float *sigma, double *sigma64, float *Vt)
{
	bool tall = w->m >= w->n;
	const double *us = tall ? w->Q : w->E, *vs = tall ? w->E : w->Q;

	for (int i = 0; i < w->r; i++) {
		int from = w->order[i];
		const double *u = us + (size_t)from * w->m, *v = vs + (size_t)from * w->n;
		double sign = sign_of(v, w->n);

		sigma[i] = (float)w->sigma[from];
		if (sigma64)
			sigma64[i] = w->sigma[from];
		for (int j = 0; j < w->n; j++)
			Vt[(size_t)i * w->n + j] = (float)(sign * v[j]);
		for (int j = 0; j < w->m; j++)
			U[(size_t)j * w->r + i] = (float)(sign * u[j]);
	}
}

/* ||W - U diag(sigma) Vt|| / ||W||, of the float32 factors by float32 products, as they will be used. */
static enum t2_status
reconstruct(const struct work *w, const float *W, const float *U, const float *sigma,
	    const float *Vt, double *out, struct t2_err *err)
{
	size_t count = (size_t)w->m * (size_t)w->n;
	float *R = malloc(count * sizeof *R),
	      *scaled = malloc((size_t)w->m * (size_t)w->r * sizeof *scaled);
	double off = 0, size = 0;

	if (!R || !scaled) {
		free(R);
		free(scaled);
		return t2_nomem(err, "check of a decomposition");
	}
	for (int i = 0; i < w->m; i++)
		for (int j = 0; j < w->r; j++)
			scaled[(size_t)i * w->r + j] = U[(size_t)i * w->r + j] * sigma[j];
	gemm_nn(NULL, w->m, w->n, w->r, scaled, w->r, Vt, w->n, R, w->n, false);
	for (size_t i = 0; i < count; i++) {
		double d = (double)W[i] - (double)R[i];
		off += d * d;
		size += (double)W[i] * (double)W[i];
	}
	*out = size > 0 ? sqrt(off / size) : sqrt(off);
	free(R);
	free(scaled);
	return T2_OK;
}

enum t2_status
svd_f32(const float *W, int m, int n, float *U, float *sigma, double *sigma64, float *Vt,
	double *rel_error, struct t2_err *err)
{
	struct work w;
	enum t2_status st;

	if (m <= 0 || n <= 0)
		return t2_fail(err, T2_EINVAL, "singular value decomposition: %d x %d matrix", m,
			       n);
	st = blas_init(err);
	if (st)
		return st;
	st = work_new(&w, m, n, err);
	if (!st)
		st = load(&w, W, err);
	if (!st && !by_gram(&w))
		st = by_lapack(&w, err);
	if (!st) {
		sort_descending(&w);
		store(&w, U, sigma, sigma64, Vt);
		if (rel_error)
			st = reconstruct(&w, W, U, sigma, Vt, rel_error, err);
	}
	work_free(&w);
	return st;
}
