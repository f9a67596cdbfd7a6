/* Rows of what is this program's own: factors, gradients of z, changing experts. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/linalg/blas.h"
#include "engine/linalg/svd.h"
#include "engine/model/floats.h"
#include "engine/model/generate.h"
#include "engine/model/tape.h"
#include "engine/svf/adaptation.h"
#include "engine/train/policy.h"
#include "tui/bench/count.h"
#include "tui/bench/rows.h"
#include "tui/bench/decoder.h"

enum { LINES = 4, TOKENS = 256, CONVERSATION = 64, SWITCHES = 8 }; /* SWITCHES: two tokens each */

static int
line_tokens(const struct model *m)
{
	return model_config(m)->context < TOKENS ? model_config(m)->context : TOKENS;
}

/* Every product of a training step on arrays of the right shapes, and nothing between them. */
struct products {
	const struct model *model;
	const struct factors *factors;
	struct pool *pool;
	int rows;
	struct floats in, out,
		mid; /* read: [rows][widest n], [rows][widest m]; [rows][widest rank] */
	struct floats in_to, out_to; /* written: gradients and outputs */
	struct floats logits;	     /* [HEAD_ROWS][vocab] */
	double flop;
};

enum { HEAD_ROWS = 144 }; /* logits of all rows would not stand at once either */

static enum t2_status
products_open(struct products *w, struct bench *b, const struct bench_result *result,
	      struct t2_err *err)
{
	const struct weight *head = model_head(w->model);
	size_t rows = (size_t)w->rows, n = (size_t)head->n, m = 0, r = 0, bytes = 0;
	enum t2_status st;

	for (int i = 0; i < model_matrices(w->model); i++) {
		const struct weight *a = model_matrix(w->model, i);

		n = (size_t)a->n > n ? (size_t)a->n : n;
		m = (size_t)a->m > m ? (size_t)a->m : m;
		r = (size_t)weight_rank(a) > r ? (size_t)weight_rank(a) : r;
	}
	const struct {
		struct floats *f;
		size_t n;
	} want[] = {
		{&w->in, rows * n},  {&w->in_to, rows * n},
		{&w->out, rows * m}, {&w->out_to, rows * m},
		{&w->mid, rows * r}, {&w->logits, HEAD_ROWS * (size_t)head->m},
	};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		bytes += want[i].n * sizeof(float);
	st = bench_take(b, result, bytes, 0, err);
	for (size_t i = 0; i < sizeof want / sizeof *want && !st; i++) {
		st = floats_reserve(want[i].f, want[i].n, err);
		for (size_t k = 0; k < want[i].n && !st; k++)
			want[i].f->v[k] = (float)(k % 31) * 0.01f - 0.15f;
	}
	return st;
}

static void
products_close(struct products *w)
{
	struct floats *all[] = {&w->in, &w->out, &w->mid, &w->in_to, &w->out_to, &w->logits};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		floats_free(all[i]);
}

static enum t2_status
products_once(void *arg, double *value, struct t2_err *err)
{
	struct products *w = arg;
	double start = clock_seconds();
	int rows = w->rows;

	(void)err;
	for (int i = 0; i < model_matrices(w->model); i++) {
		const struct factor *f = factors_get(w->factors, i);

		gemm_nt(w->pool, rows, f->r, f->n, w->in.v, f->n, f->Vt, f->n, w->mid.v, f->r,
			false);
		gemm_nt(w->pool, rows, f->m, f->r, w->mid.v, f->r, f->U, f->r, w->out_to.v, f->m,
			false);
		gemm_nn(w->pool, rows, f->r, f->m, w->out.v, f->m, f->U, f->r, w->mid.v, f->r,
			false);
		gemm_nn(w->pool, rows, f->n, f->r, w->mid.v, f->r, f->Vt, f->n, w->in_to.v, f->n,
			false);
	}
	for (int i = 0; i < rows; i += HEAD_ROWS) {
		int n = rows - i < HEAD_ROWS ? rows - i : HEAD_ROWS;

		head_forward(w->model, w->pool, w->in.v, n, w->logits.v);
		head_backward(w->model, w->pool, w->logits.v, n, w->in_to.v);
	}
	*value = w->flop / (clock_seconds() - start) * 1e-9;
	return T2_OK;
}

enum t2_status
row_train_gemm(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	const struct model *m = b->ws->model;
	struct products w = {.model = m, .pool = b->ws->pool, .rows = LINES * line_tokens(m)};
	enum t2_status st = bench_factors(b, r, err);
	double ignored;

	w.factors = b->ws->factors;
	w.flop = count_step(model_config(m), w.rows);
	r->work = w.flop * 1e-9;
	if (!st)
		st = products_open(&w, b, r, err);
	if (!st)
		st = products_once(&w, &ignored, err);
	if (!st)
		st = bench_repeat(b, r, false, products_once, &w, err);
	if (!st)
		bench_detail(r, "%d rows, %.1f GFLOP in %.2f s", w.rows, w.flop * 1e-9,
			     w.flop * 1e-9 / r->value);
	products_close(&w);
	return st;
}

struct step {
	struct policy *policy;
	struct adaptation *a;
	struct policy_setup setup;
	struct policy_line line[LINES];
	int *ids;
	double flop;
};

static enum t2_status
step_open(struct step *w, struct bench *b, const struct bench_result *r, struct t2_err *err)
{
	const struct model *m = b->ws->model;
	int tokens = line_tokens(m), vocab = model_config(m)->vocab;
	struct zset *z = NULL;
	enum t2_status st;

	w->ids = malloc((size_t)LINES * (size_t)(tokens + 1) * sizeof *w->ids);
	if (!w->ids)
		return t2_nomem(err, "bench: a batch");
	for (int i = 0; i < LINES * (tokens + 1); i++)
		w->ids[i] = (int)((i * 7919L + 13) % vocab);
	for (int j = 0; j < LINES; j++) {
		const int *ids = w->ids + j * (tokens + 1);

		w->line[j] = (struct policy_line){.prompt = ids,
						  .prompt_n = 1,
						  .answer = ids + 1,
						  .answer_n = tokens,
						  .reward = j % 2 ? 1 : -1};
	}
	w->flop = count_step(model_config(m), LINES * tokens);
	st = policy_new(&w->policy, m, b->ws->pool, err);
	if (!st)
		st = bench_take(b, r,
				policy_most(w->policy, tokens, (long)LINES * tokens, false,
					    ADAPTATION_HELD),
				adaptation_bytes(m, 1), err);
	if (!st)
		st = adaptation_new(&w->a, m, b->ws->factors, b->ws->pool, 1, FORM_AUTO, err);
	if (!st)
		st = bench_expert(&z, m, 0, err);
	if (!st)
		st = adaptation_set(w->a, 0, z, err);
	zset_free(z);
	w->setup = (struct policy_setup){.op = st ? NULL : adaptation_op(w->a), .backward = true};
	return st;
}

static void
step_close(struct step *w)
{
	policy_free(w->policy);
	adaptation_free(w->a);
	free(w->ids);
}

static enum t2_status
step_once(void *arg, double *value, struct t2_err *err)
{
	struct step *w = arg;
	struct policy_result result = {0};
	double start = clock_seconds();
	enum t2_status st = adaptation_grad_begin(w->a, "all", err);

	if (!st)
		st = policy_run(w->policy, &w->setup, w->line, LINES, &result, NULL, err);
	*value = w->flop / (clock_seconds() - start) * 1e-9;
	return st;
}

enum t2_status
row_train_step(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	struct step w = {0};
	enum t2_status st = bench_factors(b, r, err);
	double before = bench_memory(), ignored;

	if (!st)
		st = step_open(&w, b, r, err);
	r->work = w.flop * 1e-9;
	if (!st)
		st = step_once(&w, &ignored, err);
	if (!st) /* its buffers are kept, so this is the most it takes */
		bench_detail(r, "%.2f GB beyond the mapped factors",
			     (bench_memory() - before) / 1e3);
	if (!st)
		st = bench_repeat(b, r, false, step_once, &w, err);
	if (!st)
		bench_detail(r, "%d x %d tokens, %.2f s", LINES, line_tokens(b->ws->model),
			     w.flop * 1e-9 / r->value);
	step_close(&w);
	return st;
}

struct decomposition {
	struct bench *b;
	char dir[1100];
	double seconds, worst;
	int matrices;
};

/* The folder of factors and the one that it lies in. */
static void
remove_cache(const char *dir)
{
	DIR *top = opendir(dir);
	struct dirent *e;

	while (top && (e = readdir(top))) {
		int fd = e->d_name[0] == '.' ? -1
					     : openat(dirfd(top), e->d_name,
						      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		DIR *sub = fd < 0 ? NULL : fdopendir(fd);
		struct dirent *f;

		while (sub && (f = readdir(sub)))
			if (strcmp(f->d_name, ".") && strcmp(f->d_name, ".."))
				unlinkat(dirfd(sub), f->d_name, 0);
		if (sub)
			closedir(sub);
		else if (fd >= 0)
			close(fd);
		if (fd >= 0)
			unlinkat(dirfd(top), e->d_name, AT_REMOVEDIR);
	}
	if (top)
		closedir(top);
	rmdir(dir);
}

static enum t2_status
decompose_once(void *arg, double *value, struct t2_err *err)
{
	struct decomposition *w = arg;
	struct decompose_report report;
	enum t2_status st;

	snprintf(w->dir, sizeof w->dir, "%s/bench.XXXXXX", w->b->ws->cache);
	if (!mkdtemp(w->dir))
		return t2_fail(err, T2_EIO, "bench: %s: no folder can be made there",
			       w->b->ws->cache);
	st = factors_decompose(w->b->ws->model, w->dir, "all", true, false, w->b->ws->pool, NULL,
			       NULL, NULL, &report, err);
	*value = w->seconds = report.seconds;
	w->worst = report.max_rel_error;
	w->matrices = report.matrices;
	remove_cache(w->dir);
	return st;
}

/* A shape has no file to keep factors beside: the matrices of its first layer, for all. */
struct layer_svd {
	const struct model *model;
	struct pool *pool;
	enum t2_status status[MAT_KINDS];
	struct t2_err err[MAT_KINDS];
	double seconds; /* of all layers, as it was */
};

static void
svd_task(void *arg, int task, int worker)
{
	struct layer_svd *w = arg;
	const struct weight *a = model_matrix(w->model, MAT_KINDS - 1 - task);
	size_t m = (size_t)a->m, n = (size_t)a->n, r = (size_t)weight_rank(a),
	       row = dtype_row_bytes(a->type, n);
	float *all = malloc((m * n + m * r + r + r * n) * sizeof *all), *U = all + m * n,
	      *sigma = U + m * r, *Vt = sigma + r;
	double rel;

	(void)worker;
	for (size_t i = 0; all && i < m; i++)
		dtype_to_f32(a->type, (const char *)a->data + i * row, n, all + i * n);
	w->status[task] = all ? svd_f32(all, a->m, a->n, U, sigma, NULL, Vt, &rel, &w->err[task])
			      : t2_nomem(&w->err[task], a->name);
	free(all);
}

static enum t2_status
layer_once(void *arg, double *value, struct t2_err *err)
{
	struct layer_svd *w = arg;
	double start = clock_seconds();

	pool_run(w->pool, MAT_KINDS, svd_task, w); /* the feed-forward's, the largest, first */
	*value = w->seconds = (clock_seconds() - start) * model_config(w->model)->layers;
	for (int i = 0; i < MAT_KINDS; i++)
		if (w->status[i]) {
			*err = w->err[i];
			return w->status[i];
		}
	return T2_OK;
}

static enum t2_status
decompose_shape(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	struct layer_svd w = {.model = b->ws->model, .pool = b->ws->pool};
	enum t2_status st = bench_take(
		b, r, (size_t)(pool_threads(w.pool) * count_svd_bytes(model_config(w.model))), 0,
		err);

	if (!st)
		st = bench_repeat(b, r, true, layer_once, &w, err);
	if (!st)
		bench_detail(
			r,
			"%d matrices of the first layer, times %d; no files written; last took "
			"%.2f s as it is",
			MAT_KINDS, model_config(w.model)->layers, w.seconds);
	return st;
}

enum t2_status
row_decompose(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	struct decomposition w = {.b = b};
	enum t2_status st;

	r->work = count_svd(model_config(b->ws->model)) * 1e-9;
	if (b->shape)
		return decompose_shape(b, r, err);
	st = bench_repeat(b, r, true, decompose_once, &w, err);
	if (!st)
		bench_detail(r,
			     "%d matrices, files written; last took %.2f s as it is; largest "
			     "relative error %.1e",
			     w.matrices, w.seconds, w.worst);
	return st;
}

/* A conversation goes on under another expert: how long until its next token may begin. */
struct change {
	struct decoder d;
	struct adaptation *a;
	struct zset *expert[2];
	int turn;
	double token, token_after; /* seconds: a token before the change and the one after */
};

static enum t2_status
switch_once(void *arg, double *value, struct t2_err *err)
{
	struct change *w = arg;
	double each[SWITCHES], t[4];
	enum t2_status st = T2_OK;

	decoder_rewind(&w->d);
	for (int i = 0; i < SWITCHES && !st; i++) {
		t[0] = clock_seconds();
		st = decoder_steps(&w->d, adaptation_op(w->a), 1, err);
		t[1] = clock_seconds();
		if (!st)
			st = adaptation_set(w->a, 0, w->expert[w->turn ^= 1], err);
		t[2] = clock_seconds();
		if (!st)
			st = decoder_steps(&w->d, adaptation_op(w->a), 1, err);
		t[3] = clock_seconds();
		each[i] = (t[2] - t[1]) * 1e3;
	}
	w->token = t[1] - t[0];
	w->token_after = t[3] - t[2];
	*value = bench_median(each, SWITCHES);
	return st;
}

enum t2_status
row_switch(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	const struct model *m = b->ws->model;
	struct change w = {0};
	int room = model_config(m)->context < 2 * CONVERSATION ? model_config(m)->context
							       : 2 * CONVERSATION;
	enum t2_status st = bench_factors(b, r, err);

	if (!st)
		st = bench_take(b, r, generator_bytes(m, b->ws->pool, room, 1),
				adaptation_bytes(m, 3), err);
	if (!st)
		st = adaptation_new(&w.a, m, b->ws->factors, b->ws->pool, 1, FORM_FACTORED, err);
	for (int i = 0; i < 2 && !st; i++)
		st = bench_expert(&w.expert[i], m, i, err);
	if (!st)
		st = adaptation_set(w.a, 0, w.expert[0], err);
	if (!st)
		st = decoder_open(&w.d, m, b->ws->pool, 1, room / 2, room, err);
	if (!st)
		st = decoder_prompt(&w.d, adaptation_op(w.a), err);
	if (!st)
		st = bench_repeat(b, r, false, switch_once, &w, err);
	if (!st)
		bench_detail(r,
			     "in a conversation of %d tokens; a token took %.2f ms before and %.2f "
			     "ms after",
			     room / 2, w.token * 1e3, w.token_after * 1e3);
	decoder_close(&w.d);
	for (int i = 0; i < 2; i++)
		zset_free(w.expert[i]);
	adaptation_free(w.a);
	return st;
}
