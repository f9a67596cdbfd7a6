/* factors.h - W = U diag(sigma) Vt of every adaptable matrix, cached on disk matrix by matrix and mapped.
 *
 *	factors_decompose(model, cache_dir, "all", false, pool, job, &report, err);	// resumable, verified on request
 *	factors_open(&f, model, cache_dir, err);			// maps what is there
 *	const struct factor *a = factors_get(f, mat);			// NULL: that matrix is not decomposed yet
 *	factors_free(f);
 *
 * Row-major float32: U[m][r], sigma[r] descending, Vt[r][n], r = min(m, n).  The cache is one safetensors file per
 * matrix in cache_dir/FINGERPRINT/, each written to a temporary name and renamed: an interrupted run loses at most the
 * matrices in flight.  A cached file that does not fit (shape, fingerprint, cut) is an error that names it. */
#ifndef T2_FACTORS_H
#define T2_FACTORS_H

#include "engine/base/job.h"
#include "engine/base/pool.h"
#include "engine/model/model.h"

struct factor {
	int m, n, r;
	const float *U, *sigma, *Vt;
};

struct decompose_report {
	int matrices, computed, cached;
	double seconds;
	double max_rel_error; /* over the matrices checked; -1: none checked */
	char worst[160];      /* name of the matrix that had it */
};

struct factors;

/* modules: "mlp", "attn", "all".  check: verifies each matrix, cached ones too: relative Frobenius error of the float32
 * reconstruction; above 1e-5 is T2_ENUM.  done (may be NULL) is called as each matrix comes, from worker threads. */
enum t2_status factors_decompose(const struct model *m, const char *cache_dir, const char *modules, bool check, bool force,
				 struct pool *pool, struct job *job, void (*done)(void *arg, int mat), void *arg,
				 struct decompose_report *report, struct t2_err *err);
enum t2_status factors_open(struct factors **out, const struct model *m, const char *cache_dir, struct t2_err *err);
void factors_free(struct factors *f);
const struct factor *factors_get(const struct factors *f, int mat);
int factors_count(const struct factors *f); /* how many are there */
/* Looks again for matrices that have been finished since; returns how many are there now. */
int factors_refresh(struct factors *f);
/* From memory instead of a cache (tests, goldens): borrowed arrays, NULL entries allowed. */
enum t2_status factors_from(struct factors **out, const struct model *m, const struct factor *list, struct t2_err *err);

#endif
