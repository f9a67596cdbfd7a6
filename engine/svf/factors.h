/* factors.h - W = U diag(sigma) Vt of every adaptable matrix, cached on disk matrix by matrix and mapped.
 *
 *	factors_decompose(model, cache_dir, "all", false, false, pool, job, NULL, NULL, &report, err);	// resumable
 *	factors_open(&f, model, cache_dir, err);			// maps what is there
 *	const struct factor *a = factors_get(f, mat);			// NULL: that matrix is not decomposed yet
 *	factors_free(f);
 *
 * Row-major float32: U[m][r], sigma[r] descending, Vt[r][n], r = min(m, n).  The cache is one safetensors file per
 * matrix in cache_dir/FINGERPRINT/, each written to a temporary name and renamed: an interrupted run loses at most the
 * matrices in flight.  A cached file that does not fit (shape, fingerprint, cut) is an error that names it.  Processes
 * and threads may decompose the same model at once: each matrix is claimed by a lock, so they share the work. */
#ifndef T2_FACTORS_H
#define T2_FACTORS_H

#include "engine/base/job.h"
#include "engine/base/pool.h"
#include "engine/model/model.h"

struct factor {
	int m, n, r;
	const float *U, *sigma, *Vt;
	const double *sigma64; /* [r] before rounding; never NULL in what factors_get() returns */
};

struct decompose_report {
	int matrices, computed, cached;
	double seconds;
	double max_rel_error; /* over the matrices checked; -1: none checked */
	char worst[160];      /* name of the matrix that had it */
};

struct factors;

/* modules: "mlp", "attn", "all".  check: verifies each matrix, cached ones too: relative Frobenius error of the float32
 * reconstruction; above 1e-5 is T2_ENUM.  force: computes anew what is cached.  done (may be NULL) is called as each
 * matrix comes, from worker threads.  job steps once a matrix; cancelling takes effect after the matrices in flight.
 * report (may be NULL) is filled on failure too. */
enum t2_status factors_decompose(const struct model *m, const char *cache_dir, const char *modules,
				 bool check, bool force, struct pool *pool, struct job *job,
				 void (*done)(void *arg, int mat), void *arg,
				 struct decompose_report *report, struct t2_err *err);
/* Matrices at once: one a thread, but no more than half of the machine's memory has room for (the other half is for the
 * files that are read and written). */
int factors_decompose_most(const struct model *m, int threads);
/* A folder that is not there yet is fine: nothing is decomposed. */
enum t2_status factors_open(struct factors **out, const struct model *m, const char *cache_dir,
			    struct t2_err *err);
void factors_free(struct factors *f);
/* Borrowed until factors_free(). */
const struct factor *factors_get(const struct factors *f, int mat);
/* The same, but NULL fills err: the matrix is to be decomposed first.  f may be NULL. */
const struct factor *factors_need(const struct factors *f, const struct model *m, int mat,
				  struct t2_err *err);
int factors_count(const struct factors *f); /* how many are there */
/* Looks again for matrices that have been finished since; returns how many are there now (those that do not fit are
 * left out; factors_open() names them).  Not while another thread uses f. */
int factors_refresh(struct factors *f);
/* From memory instead of a cache (tests, goldens): list[model_matrices()], borrowed arrays; U NULL: not there; sigma64 may
 * be NULL. */
enum t2_status factors_from(struct factors **out, const struct model *m, const struct factor *list,
			    struct t2_err *err);

#endif
