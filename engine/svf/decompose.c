/* Filling the cache: one matrix a task, largest first, so that the last ones to finish are short. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/memory.h"
#include "engine/base/strbuf.h"
#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"
#include "engine/linalg/svd.h"
#include "engine/svf/factor_file.h"

#define MOST_ERROR 1e-5 /* relative Frobenius, of the float32 reconstruction */

enum { CHECK_ROWS = 64 };

struct work {
	const struct model *model;
	char *dir;
	bool check, force;
	struct job *job;
	void (*done)(void *arg, int mat);
	void *arg;
	int claims;  /* descriptor of DIR/.claims; -1: none can be made */
	int *todo;   /* [count] matrices, largest first */
	bool *taken; /* [model_matrices()] finished here */
	struct memory *memory;
	size_t each; /* what the largest takes */
	int threads, fit,
		most; /* matrices at once: without a limit; that there is room for; that is at least 1 */
	int left; /* of todo, this round */
	atomic_int next;

	pthread_mutex_t lock; /* guards the rest */
	struct decompose_report report;
	enum t2_status status; /* the first failure stops the others */
	struct t2_err err;
};

/* A matrix's claim is a lock on one byte of DIR/.claims that belongs to the open file: it keeps out other processes and
 * other calls in this one, and goes with the process however that ends.  Where the file system has no locks there are
 * no claims: work may then be done twice, and the second rename wins. */
static bool
claim(struct work *w, int mat)
{
	struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = mat, .l_len = 1};

	return w->claims < 0 || !fcntl(w->claims, F_OFD_SETLK, &range) ||
	       (errno != EAGAIN && errno != EACCES);
}

static void
unclaim(struct work *w, int mat)
{
	struct flock range = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = mat, .l_len = 1};

	if (w->claims >= 0)
		fcntl(w->claims, F_OFD_SETLK, &range);
}

static enum t2_status
unpack(const struct weight *w, float **out, struct t2_err *err)
{
	size_t n = (size_t)w->n, row = dtype_row_bytes(w->type, n);

	*out = malloc((size_t)w->m * n * sizeof **out);
	if (!*out)
		return t2_nomem(err, w->name);
	for (int i = 0; i < w->m; i++)
		dtype_to_f32(w->type, (const char *)w->data + (size_t)i * row, n,
			     *out + (size_t)i * n);
	return T2_OK;
}

/* |W - U diag(sigma) Vt| / |W| from the float32 factors. */
static enum t2_status
reconstruction_error(const struct factor *a, const float *W, double *out, struct t2_err *err)
{
	size_t n = (size_t)a->n, r = (size_t)a->r;
	float *scaled = malloc(CHECK_ROWS * r * sizeof *scaled),
	      *back = malloc(CHECK_ROWS * n * sizeof *back);
	double wrong = 0, all = 0;

	if (!scaled || !back) {
		free(scaled);
		free(back);
		return t2_nomem(err, "check");
	}
	for (int i = 0; i < a->m; i += CHECK_ROWS) {
		int rows = a->m - i < CHECK_ROWS ? a->m - i : CHECK_ROWS;
		const float *block = W + (size_t)i * n;

		for (int k = 0; k < rows; k++)
			kern_scale_mul(scaled + (size_t)k * r, a->U + (size_t)(i + k) * r, a->sigma,
				       a->r);
		gemm_nn(NULL, rows, a->n, a->r, scaled, a->r, a->Vt, a->n, back, a->n, false);
		for (size_t k = 0; k < (size_t)rows * n; k++) {
			double d = (double)block[k] - back[k];

			wrong += d * d;
			all += (double)block[k] * block[k];
		}
	}
	free(scaled);
	free(back);
	*out = all > 0 ? sqrt(wrong / all) : sqrt(wrong);
	return T2_OK;
}

static enum t2_status
judge(struct work *w, int mat, double rel, struct t2_err *err)
{
	const char *name = model_matrix(w->model, mat)->name;

	pthread_mutex_lock(&w->lock);
	if (!(rel <= w->report.max_rel_error)) {
		w->report.max_rel_error = rel;
		w->report.worst[0] = 0;
		strncat(w->report.worst, name, sizeof w->report.worst - 1);
	}
	pthread_mutex_unlock(&w->lock);
	if (!(rel <= MOST_ERROR))
		return t2_fail(err, T2_ENUM,
			       "%s: the factors give the matrix back only to %.3g (limit %g): "
			       "decompose with --force",
			       name, rel, MOST_ERROR);
	return T2_OK;
}

/* What decomposing takes at its most, the check and the way through dgesdd included. */
static size_t
compute_bytes(const struct weight *a)
{
	size_t m = (size_t)a->m, n = (size_t)a->n, r = (size_t)weight_rank(a);

	return sizeof(double) * (3 * m * n + 8 * r * r) +
	       sizeof(float) * (2 * m * n + 2 * r * (m + n));
}

static int
side_by_side(size_t each, int threads)
{
	size_t half = memory_machine() / 2 / each;

	return half < 1 ? 1 : half < (size_t)threads ? (int)half : threads;
}

int
factors_decompose_most(const struct model *m, int threads)
{
	size_t each = 1;

	for (int i = 0; i < model_matrices(m); i++) {
		size_t bytes = compute_bytes(model_matrix(m, i));

		each = bytes > each ? bytes : each;
	}
	return side_by_side(each, threads);
}

static void
share_memory(struct work *w, struct pool *pool)
{
	size_t fit;

	w->memory = pool_memory(pool);
	w->threads = pool_threads(pool);
	for (int i = 0; i < w->report.matrices; i++) {
		size_t bytes = compute_bytes(model_matrix(w->model, w->todo[i]));

		w->each = bytes > w->each ? bytes : w->each;
	}
	fit = memory_room(w->memory) / w->each;
	w->threads = side_by_side(w->each, w->threads);
	w->fit = fit < (size_t)w->threads ? (int)fit : w->threads;
	w->most = w->fit ? w->fit : 1;
}

static enum t2_status
compute(struct work *w, int mat, struct t2_err *err)
{
	const struct weight *src = model_matrix(w->model, mat);
	int r = weight_rank(src);
	float *W = NULL, *U = malloc((size_t)src->m * (size_t)r * sizeof *U);
	float *Vt = malloc((size_t)r * (size_t)src->n * sizeof *Vt),
	      *sigma = malloc((size_t)r * sizeof *sigma);
	double *sigma64 = malloc((size_t)r * sizeof *sigma64), rel = 0;
	struct factor a = {src->m, src->n, r, U, sigma, Vt, sigma64};
	enum t2_status st =
		U && Vt && sigma && sigma64 ? unpack(src, &W, err) : t2_nomem(err, src->name);

	if (!st) {
		st = svd_f32(W, src->m, src->n, U, sigma, sigma64, Vt, w->check ? &rel : NULL, err);
		if (st)
			t2_wrap(err, st, "%s", src->name);
	}
	if (!st && w->check)
		st = judge(w, mat, rel, err);
	if (!st)
		st = factor_file_write(&a, w->model, mat, w->dir, err);
	free(W);
	free(U);
	free(Vt);
	free(sigma);
	free(sigma64);
	return st;
}

static enum t2_status
compute_within(struct work *w, int mat, struct t2_err *err)
{
	if (!w->fit)
		return memory_short(w->memory, w->each, err, "decomposing one matrix");
	if (w->most < w->threads)
		memory_tell(w->memory, "%d matrices at once, not %d", w->most, w->threads);

	return compute(w, mat, err);
}

static enum t2_status
check_cached(struct work *w, int mat, const struct factor *a, struct t2_err *err)
{
	double rel = 0;
	float *W;
	enum t2_status st = unpack(model_matrix(w->model, mat), &W, err);

	if (st)
		return st;
	st = reconstruction_error(a, W, &rel, err);
	free(W);
	return st ? st : judge(w, mat, rel, err);
}

/* With the matrix claimed: it is in the cache afterwards. */
static enum t2_status
one(struct work *w, int mat, bool *computed, struct t2_err *err)
{
	struct safetensors *file;
	struct factor a;
	enum t2_status st;

	*computed = true;
	if (w->force)
		return compute_within(w, mat, err);
	st = factor_file_open(&file, &a, w->model, mat, w->dir, err);
	if (st == T2_ENOTFOUND)
		return compute_within(w, mat, err);
	*computed = false;
	if (!st && w->check)
		st = check_cached(w, mat, &a, err);
	safetensors_free(file);
	return st;
}

static bool
stopped(struct work *w)
{
	bool yes;

	pthread_mutex_lock(&w->lock);
	if (!w->status && job_cancelled(w->job))
		w->status = t2_fail(&w->err, T2_ECANCEL,
				    "decompose: cancelled; what is finished is kept");
	yes = w->status != T2_OK;
	pthread_mutex_unlock(&w->lock);
	return yes;
}

static void
task(void *arg, int i, int worker)
{
	struct work *w = arg;
	int mat = w->todo[i];
	bool computed = false;
	struct t2_err err = {0};
	enum t2_status st;

	(void)worker;
	if (w->taken[mat] || stopped(w) || !claim(w, mat))
		return;
	st = one(w, mat, &computed, &err);
	unclaim(w, mat);
	w->taken[mat] = true;
	pthread_mutex_lock(&w->lock);
	if (st && !w->status) {
		w->status = st;
		w->err = err;
	}
	w->report.computed += !st && computed;
	w->report.cached += !st && !computed;
	pthread_mutex_unlock(&w->lock);
	if (st)
		return;
	job_step(w->job, 1);
	if (w->done)
		w->done(w->arg, mat);
}

/* One of as many as may work at once: takes matrices until there are none. */
static void
lane(void *arg, int i, int worker)
{
	struct work *w = arg;

	while ((i = atomic_fetch_add(&w->next, 1)) < w->left)
		task(w, i, worker);
}

/* Files that a killed writer left.  Only the holder of every claim may say that nobody is writing. */
static void
sweep(struct work *w)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct dirent *e;
	DIR *d;

	if (w->claims < 0 || fcntl(w->claims, F_OFD_SETLK, &all))
		return;
	d = opendir(w->dir);
	while (d && (e = readdir(d)))
		if (strstr(e->d_name, ".safetensors.tmp."))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	all.l_type = F_UNLCK;
	fcntl(w->claims, F_OFD_SETLK, &all);
}

static void
open_claims(struct work *w)
{
	struct strbuf path = {0};

	strbuf_printf(&path, "%s/.claims", w->dir);
	w->claims = path.failed ? -1 : open(path.s, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	strbuf_free(&path);
}

struct size {
	double work;
	int mat;
};

static int
largest_first(const void *pa, const void *pb)
{
	const struct size *a = pa, *b = pb;

	return a->work != b->work ? (a->work > b->work ? -1 : 1) : a->mat - b->mat;
}

static enum t2_status
list_todo(struct work *w, const char *modules, struct t2_err *err)
{
	size_t count = (size_t)model_matrices(w->model);
	struct size *list = calloc(count + 1, sizeof *list);
	int n = 0;

	w->todo = calloc(count + 1, sizeof *w->todo);
	w->taken = calloc(count + 1, sizeof *w->taken);
	if (!list || !w->todo || !w->taken) {
		free(list);
		return t2_nomem(err, "decompose");
	}
	for (int i = 0; i < (int)count; i++) {
		const struct weight *a = model_matrix(w->model, i);

		if (mat_kind_in((enum mat_kind)(i % MAT_KINDS), modules))
			list[n++] = (struct size){(double)a->m * a->n * weight_rank(a), i};
	}
	qsort(list, (size_t)n, sizeof *list, largest_first);
	for (int i = 0; i < n; i++)
		w->todo[i] = list[i].mat;
	free(list);
	w->report.matrices = n;
	if (!n)
		return t2_fail(err, T2_EINVAL, "decompose: modules \"%s\": use mlp, attn or all",
			       modules);
	return T2_OK;
}

/* Those that somebody else holds are looked at again until they are there, or free. */
static void
run_rounds(struct work *w, struct pool *pool)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	int left = w->report.matrices;

	for (;;) {
		int still = 0;

		w->left = left;
		atomic_store(&w->next, 0);
		pool_run(pool, left < w->most ? left : w->most, lane, w);
		for (int i = 0; i < left; i++)
			if (!w->taken[w->todo[i]])
				w->todo[still++] = w->todo[i];
		if (!still || stopped(w))
			return;
		if (still == left)
			nanosleep(&pause, NULL);
		left = still;
	}
}

enum t2_status
factors_decompose(const struct model *m, const char *cache_dir, const char *modules, bool check,
		  bool force, struct pool *pool, struct job *job, void (*done)(void *arg, int mat),
		  void *arg, struct decompose_report *report, struct t2_err *err)
{
	struct work w = {.model = m,
			 .check = check,
			 .force = force,
			 .job = job,
			 .done = done,
			 .arg = arg,
			 .claims = -1};
	double start = clock_seconds();
	enum t2_status st;

	w.report.max_rel_error = -1;
	pthread_mutex_init(&w.lock, NULL);
	w.dir = factor_file_dir(m, cache_dir);
	st = w.dir ? list_todo(&w, modules, err) : t2_nomem(err, "decompose");
	if (!st)
		st = factor_file_mkdir(w.dir, err);
	if (!st) {
		open_claims(&w);
		sweep(&w);
		share_memory(&w, pool);
		memory_take(w.memory, (size_t)w.fit * w.each);
		job_stage(job, "decompose", w.report.matrices);
		run_rounds(&w, pool);
		memory_give(w.memory, (size_t)w.fit * w.each);
		st = w.status;
		if (st && err)
			*err = w.err;
	}
	if (w.claims >= 0)
		close(w.claims);
	w.report.seconds = clock_seconds() - start;
	if (report)
		*report = w.report;
	pthread_mutex_destroy(&w.lock);
	free(w.dir);
	free(w.todo);
	free(w.taken);
	return st;
}
