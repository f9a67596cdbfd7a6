#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"
#include "engine/train/pretrain_impl.h"

enum { LOSS_ROWS = 16 };

static const struct pretrain_tensor *
matrix(const struct pretrain *p, int mat)
{
	return &p->tensor[2 + 2 * p->c.layers + mat];
}

static void
full_forward(void *self, int mat, const float *x, int rows, const int *slot, float *y, bool keep)
{
	const struct pretrain *p = self;
	const struct pretrain_tensor *t = matrix(p, mat);

	(void)slot;
	(void)keep; /* backward is given x again, and needs no more */
	gemm_nt(p->pool, rows, t->rows, t->cols, x, t->cols, t->w, t->cols, y, t->rows, false);
}

static void
full_backward(void *self, int mat, const float *x, const float *g, int rows, const int *slot, float *dx)
{
	const struct pretrain *p = self;
	const struct pretrain_tensor *t = matrix(p, mat);

	(void)slot;
	gemm_nn(p->pool, rows, t->cols, t->rows, g, t->rows, t->w, t->cols, dx, t->cols, true);
	gemm_tn(p->pool, t->rows, t->cols, rows, g, t->rows, x, t->cols, t->g, t->cols, true);
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
pretrain_linear(struct pretrain *p)
{
	return (struct linear){ .self = p, .forward = full_forward, .backward = full_backward, .recall = full_recall };
}

struct loss_work {
	float *logits;
	const struct pretrain_batch *b;
	double *row_loss;
	double total; /* of the weights */
	int rows, vocab;
};

/* Logits become their own gradient: weight / total * (softmax - one-hot). */
static void
loss_tile(void *arg, int task, int worker)
{
	const struct loss_work *w = arg;
	int end = (task + 1) * LOSS_ROWS < w->rows ? (task + 1) * LOSS_ROWS : w->rows;

	(void)worker;
	for (int i = task * LOSS_ROWS; i < end; i++) {
		float *x = w->logits + (size_t)i * (size_t)w->vocab, scale = (float)(w->b->weight[i] / w->total);
		int target = w->b->target[i];

		kern_softmax(x, w->vocab);
		w->row_loss[i] = -log(x[target] > FLT_MIN ? x[target] : FLT_MIN); /* a probability may underflow */
		x[target] -= 1.0f;
		for (int j = 0; j < w->vocab; j++)
			x[j] *= scale;
	}
}

static enum t2_status
batch_check(const struct pretrain *p, const struct pretrain_batch *b, int *rows, double *total, struct t2_err *err)
{
	*rows = 0;
	*total = 0;
	for (int i = 0; i < b->count; i++)
		*rows += b->len[i];
	for (int i = 0; i < *rows; i++) {
		if (b->target[i] < 0 || b->target[i] >= p->c.vocab)
			return t2_fail(err, T2_EINVAL, "pretraining: target %d: the vocabulary has 0 .. %d", b->target[i],
				       p->c.vocab - 1);
		*total += b->weight[i];
	}
	return *total > 0 ? T2_OK : t2_fail(err, T2_EINVAL, "pretraining: a batch without weight");
}

static enum t2_status
rows_reserve(struct pretrain *p, int rows, struct t2_err *err)
{
	enum t2_status st = floats_reserve(&p->logits, (size_t)rows * (size_t)p->c.vocab, err);

	if (!st)
		st = floats_reserve(&p->dhidden, (size_t)rows * (size_t)p->c.hidden, err);
	if (st || (size_t)rows <= p->row_cap)
		return st;
	free(p->row_loss);
	p->row_loss = malloc((size_t)rows * sizeof *p->row_loss);
	p->row_cap = p->row_loss ? (size_t)rows : 0;
	return p->row_loss ? T2_OK : t2_nomem(err, "pretraining");
}

static void
loss_sum(const struct pretrain *p, const struct loss_work *w, struct pretrain_loss *out)
{
	int full = 0;

	*out = (struct pretrain_loss){ .tokens = w->rows };
	for (int i = 0; i < w->rows; i++) {
		out->weighted += w->b->weight[i] * p->row_loss[i] / w->total;
		out->all += p->row_loss[i] / w->rows;
		if (w->b->weight[i] >= 1) {
			out->full += p->row_loss[i];
			full++;
		}
	}
	if (full)
		out->full /= full;
}

enum t2_status
pretrain_gradient(struct pretrain *p, const struct pretrain_batch *b, struct pretrain_loss *out, struct t2_err *err)
{
	const struct packed packed = { .count = b->count, .len = b->len, .ids = b->ids };
	const struct tape_grads grads = { .embed = p->g, .norm = p->g + p->norms };
	struct loss_work w = { .b = b, .vocab = p->c.vocab };
	enum t2_status st = batch_check(p, b, &w.rows, &w.total, err);

	if (!st)
		st = rows_reserve(p, w.rows, err);
	if (!st)
		st = tape_forward(p->tape, &p->op, &packed, err);
	if (st)
		return st;
	w.logits = p->logits.v;
	w.row_loss = p->row_loss;
	head_forward(p->model, p->pool, tape_hidden(p->tape), w.rows, w.logits);
	pool_run(p->pool, (w.rows + LOSS_ROWS - 1) / LOSS_ROWS, loss_tile, &w);
	loss_sum(p, &w, out);
	memset(p->g, 0, p->n * sizeof *p->g);
	head_backward(p->model, p->pool, w.logits, w.rows, p->dhidden.v);
	gemm_tn(p->pool, p->c.vocab, p->c.hidden, w.rows, w.logits, p->c.vocab, tape_hidden(p->tape), p->c.hidden, p->g,
		p->c.hidden, true);
	return tape_backward(p->tape, &p->op, p->dhidden.v, &grads, err);
}

static void
square_tile(void *arg, int task, int worker)
{
	struct pretrain *p = arg;
	size_t from = (size_t)task * PRETRAIN_CHUNK, to = from + PRETRAIN_CHUNK < p->n ? from + PRETRAIN_CHUNK : p->n;
	double sum = 0;

	(void)worker;
	for (size_t i = from; i < to; i++)
		sum += (double)p->g[i] * p->g[i];
	p->partial[task] = sum;
}

struct update_work {
	struct pretrain *p;
	float scale, keep, rate, beta1, beta2, root2, eps; /* keep: what decay leaves; root2: of the second correction */
};

/* Decoupled decay, bias-corrected moments (Loshchilov & Hutter 2019). */
static void
update_tile(void *arg, int task, int worker)
{
	const struct update_work u = *(const struct update_work *)arg;
	struct pretrain *p = u.p;
	size_t from = (size_t)task * PRETRAIN_CHUNK, to = from + PRETRAIN_CHUNK < p->n ? from + PRETRAIN_CHUNK : p->n;
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
	int chunks = (int)((p->n + PRETRAIN_CHUNK - 1) / PRETRAIN_CHUNK), t = p->done + 1;
	struct update_work u;

	pool_run(p->pool, chunks, square_tile, p);
	for (int i = 0; i < chunks; i++)
		square += p->partial[i];
	length = sqrt(square);
	if (!isfinite(length))
		return t2_fail(err, T2_ENUM, "pretraining: step %d: the gradient is not finite: lower the learning rate", t);
	if (norm)
		*norm = length;
	u = (struct update_work){
		.p = p, .scale = (float)(s->clip > 0 && length > s->clip ? s->clip / length : 1),
		.keep = (float)(1 - rate * s->decay), .rate = (float)(rate / (1 - pow(s->beta1, t))),
		.beta1 = (float)s->beta1, .beta2 = (float)s->beta2, .root2 = (float)sqrt(1 - pow(s->beta2, t)),
		.eps = (float)s->eps,
	};
	pool_run(p->pool, chunks, update_tile, &u);
	p->done = t;
	return T2_OK;
}
