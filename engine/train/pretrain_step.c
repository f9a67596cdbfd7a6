#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"
#include "engine/train/pretrain_impl.h"

static const struct pretrain_tensor *
matrix(const struct pretrain *p, int mat)
{
	return &p->tensor[2 + 2 * p->c.layers + mat];
}

static void
full_forward(void *self, int mat, const float *x, int rows, const int *slot, float *y, bool keep)
{
	const struct pretrain_shard *s = self;
	const struct pretrain_tensor *t = matrix(s->p, mat);

	(void)slot;
	(void)keep; /* backward is given x again, and needs no more */
	gemm_nt(NULL, rows, t->rows, t->cols, x, t->cols, t->w, t->cols, y, t->rows, false);
}

static void
full_backward(void *self, int mat, const float *x, const float *g, int rows, const int *slot,
	      float *dx)
{
	const struct pretrain_shard *s = self;
	const struct pretrain_tensor *t = matrix(s->p, mat);

	(void)slot;
	gemm_nn(NULL, rows, t->cols, t->rows, g, t->rows, t->w, t->cols, dx, t->cols, true);
	gemm_tn(NULL, t->rows, t->cols, rows, g, t->rows, x, t->cols, s->g + (t->w - s->p->w),
		t->cols, true);
}

static void
full_recall(void *self, int mat, const float *x, int rows, const int *slot)
{
	(void)self; /* nothing is held back */
	(void)mat;
	(void)x;
	(void)rows;
	(void)slot;
}

struct linear
pretrain_linear(struct pretrain_shard *s)
{
	return (struct linear){.self = s,
			       .forward = full_forward,
			       .backward = full_backward,
			       .recall = full_recall};
}

struct gradient_work {
	struct pretrain *p;
	const struct pretrain_batch *b;
	double total; /* of the weights */
	int rows;
};

/* Logits become their own gradient: weight / total * (softmax - one-hot). */
static void
loss_rows(const struct gradient_work *w, const struct pretrain_shard *s)
{
	int vocab = w->p->c.vocab;

	for (int i = 0; i < s->rows; i++) {
		float *x = s->logits.v + (size_t)i * (size_t)vocab;
		int row = s->row + i, target = w->b->target[row];
		float scale = (float)(w->b->weight[row] / w->total);

		kern_softmax(x, vocab);
		w->p->row_loss[row] =
			-log(x[target] > FLT_MIN ? x[target] : FLT_MIN); /* it may underflow */
		x[target] -= 1.0f;
		for (int j = 0; j < vocab; j++)
			x[j] *= scale;
	}
}

static enum t2_status
shard_run(const struct gradient_work *w, struct pretrain_shard *s, struct t2_err *err)
{
	const struct pretrain *p = w->p;
	const struct packed packed = {
		.count = s->count, .len = w->b->len + s->first, .ids = w->b->ids + s->row};
	const struct tape_grads grads = {.embed = s->g, .norm = s->g + p->norms};
	enum t2_status st = floats_reserve(&s->logits, (size_t)s->rows * (size_t)p->c.vocab, err);
	const float *hidden;

	if (!st)
		st = floats_reserve(&s->dhidden, (size_t)s->rows * (size_t)p->c.hidden, err);
	if (!st)
		st = tape_forward(s->tape, &s->op, &packed, err);
	if (st)
		return st;
	hidden = tape_hidden(s->tape);
	head_forward(p->model, NULL, hidden, s->rows, s->logits.v);
	loss_rows(w, s);
	memset(s->g, 0, p->n * sizeof *s->g);
	head_backward(p->model, NULL, s->logits.v, s->rows, s->dhidden.v);
	gemm_tn(NULL, p->c.vocab, p->c.hidden, s->rows, s->logits.v, p->c.vocab, hidden,
		p->c.hidden, s->g, p->c.hidden, true);
	return tape_backward(s->tape, &s->op, s->dhidden.v, &grads, err);
}

static void
shard_task(void *arg, int task, int worker)
{
	const struct gradient_work *w = arg;
	struct pretrain_shard *s = &w->p->shard[task];

	(void)worker;
	s->status = s->count ? shard_run(w, s, &s->err) : T2_OK;
}

/* Sums the shards' gradients in their order. */
static void
sum_tile(void *arg, int task, int worker)
{
	struct pretrain *p = arg;
	size_t from = (size_t)task * PRETRAIN_CHUNK,
	       n = p->n - from < PRETRAIN_CHUNK ? p->n - from : PRETRAIN_CHUNK;
	bool first = true;

	(void)worker;
	for (int i = 0; i < PRETRAIN_SHARDS; i++) {
		const struct pretrain_shard *s = &p->shard[i];

		if (!s->count)
			continue;
		if (first)
			memcpy(p->g + from, s->g + from, n * sizeof *p->g);
		else
			kern_axpy(p->g + from, 1, s->g + from, (int)n);
		first = false;
	}
}

static enum t2_status
batch_check(const struct pretrain *p, struct gradient_work *w, struct t2_err *err)
{
	const struct pretrain_batch *b = w->b;

	for (int i = 0; i < b->count; i++)
		w->rows += b->len[i];
	for (int i = 0; i < w->rows; i++) {
		if (b->target[i] < 0 || b->target[i] >= p->c.vocab)
			return t2_fail(err, T2_EINVAL,
				       "pretraining: target %d: the vocabulary has 0 .. %d",
				       b->target[i], p->c.vocab - 1);
		w->total += b->weight[i];
	}
	return w->total > 0 ? T2_OK
			    : t2_fail(err, T2_EINVAL, "pretraining: a batch without weight");
}

/* Runs of sequences with about the same number of rows. */
static void
batch_cut(struct pretrain *p, const struct gradient_work *w)
{
	int row = 0;

	for (int i = 0; i < PRETRAIN_SHARDS; i++)
		p->shard[i].count = p->shard[i].rows = 0;
	for (int i = 0; i < w->b->count; i++) {
		long middle = 2L * row + w->b->len[i]; /* twice its row */
		struct pretrain_shard *s = &p->shard[middle * PRETRAIN_SHARDS / (2L * w->rows)];

		if (!s->count++) {
			s->first = i;
			s->row = row;
		}
		s->rows += w->b->len[i];
		row += w->b->len[i];
	}
}

static enum t2_status
rows_reserve(struct pretrain *p, int rows, struct t2_err *err)
{
	if ((size_t)rows <= p->row_cap)
		return T2_OK;
	free(p->row_loss);
	p->row_loss = malloc((size_t)rows * sizeof *p->row_loss);
	p->row_cap = p->row_loss ? (size_t)rows : 0;
	return p->row_loss ? T2_OK : t2_nomem(err, "pretraining");
}

static void
loss_sum(const struct gradient_work *w, struct pretrain_loss *out)
{
	const double *loss = w->p->row_loss;
	int full = 0;

	*out = (struct pretrain_loss){.tokens = w->rows};
	for (int i = 0; i < w->rows; i++) {
		out->weighted += w->b->weight[i] * loss[i] / w->total;
		out->all += loss[i] / w->rows;
		if (w->b->weight[i] >= 1) {
			out->full += loss[i];
			full++;
		}
	}
	if (full)
		out->full /= full;
}

static int
chunks(const struct pretrain *p)
{
	return (int)((p->n + PRETRAIN_CHUNK - 1) / PRETRAIN_CHUNK);
}

enum t2_status
pretrain_gradient(struct pretrain *p, const struct pretrain_batch *b, struct pretrain_loss *out,
		  struct t2_err *err)
{
	struct gradient_work w = {.p = p, .b = b};
	enum t2_status st = batch_check(p, &w, err);

	if (!st)
		st = rows_reserve(p, w.rows, err);
	if (st)
		return st;
	batch_cut(p, &w);
	pool_run(p->pool, PRETRAIN_SHARDS, shard_task, &w);
	for (int i = 0; i < PRETRAIN_SHARDS; i++)
		if (p->shard[i].status)
			return t2_fail(err, p->shard[i].status, "%s", p->shard[i].err.msg);
	pool_run(p->pool, chunks(p), sum_tile, p);
	loss_sum(&w, out);
	return T2_OK;
}

static void
square_tile(void *arg, int task, int worker)
{
	struct pretrain *p = arg;
	size_t from = (size_t)task * PRETRAIN_CHUNK,
	       to = from + PRETRAIN_CHUNK < p->n ? from + PRETRAIN_CHUNK : p->n;
	double sum = 0;

	(void)worker;
	for (size_t i = from; i < to; i++)
		sum += (double)p->g[i] * p->g[i];
	p->partial[task] = sum;
}

struct update_work {
	struct pretrain *p;
	float scale, keep, rate, beta1, beta2, root2,
		eps; /* keep: what decay leaves; root2: of the second correction */
};

/* Decoupled decay, bias-corrected moments (Loshchilov & Hutter 2019). */
static void
update_tile(void *arg, int task, int worker)
{
	const struct update_work u = *(const struct update_work *)arg;
	struct pretrain *p = u.p;
	size_t from = (size_t)task * PRETRAIN_CHUNK,
	       to = from + PRETRAIN_CHUNK < p->n ? from + PRETRAIN_CHUNK : p->n;
	float *restrict w = p->w, *restrict m = p->m, *restrict v = p->v;
	const float *restrict grad = p->g;

	(void)worker;
	for (size_t i = from; i < to; i++) {
		float g = grad[i] * u.scale;

		m[i] = u.beta1 * m[i] + (1 - u.beta1) * g;
		v[i] = u.beta2 * v[i] + (1 - u.beta2) * g * g;
		if (i < p->norms || i >= p->matrices)
			w[i] *= u.keep;
		w[i] -= u.rate * m[i] / (sqrtf(v[i]) / u.root2 + u.eps);
	}
}

enum t2_status
pretrain_update(struct pretrain *p, double *norm, struct t2_err *err)
{
	const struct pretrain_settings *s = &p->s;
	double square = 0, length, rate = pretrain_rate(p);
	int t = p->done + 1;
	struct update_work u;

	pool_run(p->pool, chunks(p), square_tile, p);
	for (int i = 0; i < chunks(p); i++)
		square += p->partial[i];
	length = sqrt(square);
	if (!isfinite(length))
		return t2_fail(
			err, T2_ENUM,
			"pretraining: step %d: the gradient is not finite: lower the learning rate",
			t);
	if (norm)
		*norm = length;
	u = (struct update_work){
		.p = p,
		.scale = (float)(s->clip > 0 && length > s->clip ? s->clip / length : 1),
		.keep = (float)(1 - rate * s->decay),
		.rate = (float)(rate / (1 - pow(s->beta1, t))),
		.beta1 = (float)s->beta1,
		.beta2 = (float)s->beta2,
		.root2 = (float)sqrt(1 - pow(s->beta2, t)),
		.eps = (float)s->eps,
	};
	pool_run(p->pool, chunks(p), update_tile, &u);
	p->done = t;
	return T2_OK;
}
