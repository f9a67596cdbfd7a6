#include <math.h>
#include <string.h>

#include "engine/linalg/kern.h"
#include "engine/model/rows.h"
#include "engine/model/tape_impl.h"
#include "engine/model/vec.h"

#define COLUMNS 64 /* a tile of sums over rows: this many columns, every row in order */

/* Elementwise gradients, in tiles of rows. */
struct back_work {
	struct tape *t;
	const struct acts *a;
	int tile, n;
	const float *x, *w, *g; /* of the norm: its input, weight, and the gradient at its output */
	float *sum;
	float eps;
};

static void
rows_tiles(struct back_work *w, int n, pool_fn *fn)
{
	w->n = n;
	w->tile = 16384 / n + 1;
	pool_run(w->t->pool, (w->t->rows + w->tile - 1) / w->tile, fn, w);
}

static int
tile_end(const struct back_work *w, int task)
{
	int end = (task + 1) * w->tile;

	return end < w->t->rows ? end : w->t->rows;
}

/* y = w x r, r = 1 / sqrt(mean(x x) + eps): dx += r (w g) - x r^3 mean(w g x) */
static void
norm_tile(void *arg, int task, int worker)
{
	struct back_work *w = arg;
	float *wg = w->t->scratch.v + (size_t)worker * w->t->scratch_each;
	int n = w->n;

	for (int i = task * w->tile; i < tile_end(w, task); i++) {
		const float *x = w->x + (size_t)i * (size_t)n, *g = w->g + (size_t)i * (size_t)n;
		float *dx = w->t->dx.v + (size_t)i * (size_t)n;
		double dot, r;

		kern_scale_mul(wg, g, w->w, n);
		dot = kern_dot(wg, x, n);
		r = 1 / sqrt((double)kern_dot(x, x, n) / n + w->eps);
		kern_axpy(dx, (float)r, wg, n);
		kern_axpy(dx, (float)(-r * r * r * dot / n), x, n);
		w->t->inverse.v[i] = (float)r;
	}
}

/* dw += sum over rows of g x r */
static void
norm_weight_tile(void *arg, int task, int worker)
{
	struct back_work *w = arg;
	int from = task * COLUMNS, n = w->n - from < COLUMNS ? w->n - from : COLUMNS;
	double sum[COLUMNS] = {0};

	(void)worker;
	for (int i = 0; i < w->t->rows; i++) {
		size_t at = (size_t)i * (size_t)w->n + (size_t)from;

		for (int c = 0; c < n; c++)
			sum[c] += (double)w->g[at + (size_t)c] * w->x[at + (size_t)c] *
				  w->t->inverse.v[i];
	}
	for (int c = 0; c < n; c++)
		w->sum[from + c] += (float)sum[c];
}

/* Adds the norm's gradient to dx; dw (NULL: not wanted) gets that of its weight. */
static void
norm_backward(struct tape *t, const float *x, const float *weight, const float *g, float *dw)
{
	const struct config *c = model_config(t->model);
	struct back_work w = {.t = t, .x = x, .w = weight, .g = g, .sum = dw, .eps = c->rms_eps};

	rows_tiles(&w, c->hidden, norm_tile);
	if (dw)
		pool_run(t->pool, (c->hidden + COLUMNS - 1) / COLUMNS, norm_weight_tile, &w);
}

static void
silu_tile(void *arg, int task, int worker)
{
	struct back_work *w = arg;
	size_t from = (size_t)(task * w->tile) * (size_t)w->n,
	       n = (size_t)tile_end(w, task) * (size_t)w->n - from;

	(void)worker;
	vec_silu_back(w->t->dgate.v + from, w->t->dup.v + from, w->a->gate + from, w->a->up + from,
		      (int)n);
}

/* One sequence under one key/value head: block after block, so that dk and dv are summed in one order. */
static void
attention_task(void *arg, int task, int worker)
{
	struct back_work *w = arg;
	struct tape *t = w->t;
	const struct config *c = model_config(t->model);
	int d = c->head_dim, group = c->heads / c->kv_heads, block = attn_block(group);
	int s = t->order[task / c->kv_heads], kh = task % c->kv_heads;
	size_t qd = (size_t)c->heads * (size_t)d, kvd = (size_t)c->kv_heads * (size_t)d;
	size_t head = (size_t)kh * (size_t)d, kv = (size_t)t->start[s] * kvd + head;

	for (int from = 0; from < t->len[s]; from += block) {
		int rows = t->len[s] - from < block ? t->len[s] - from : block;
		size_t at = (size_t)(t->start[s] + from) * qd + head * (size_t)group;
		struct attn_head h = {.q = w->a->q + at,
				      .ldq = (int)qd,
				      .k = w->a->k + kv,
				      .ldk = (int)kvd,
				      .v = w->a->v + kv,
				      .ldv = (int)kvd,
				      .group = group,
				      .d = d};

		attn_backward(&h, from, rows, w->a->attn + at, t->da.v + at, (int)qd, t->dq.v + at,
			      t->dk.v + kv, t->dv.v + kv,
			      t->scratch.v + (size_t)worker * t->scratch_each);
	}
}

static void
zero(struct tape *t, struct floats *f, int width)
{
	memset(f->v, 0, (size_t)t->rows * (size_t)width * sizeof *f->v);
}

static void
embed_tile(void *arg, int task, int worker)
{
	struct back_work *w = arg;
	int from = task * COLUMNS, n = w->n - from < COLUMNS ? w->n - from : COLUMNS;

	(void)worker;
	for (int i = 0; i < w->t->rows; i++) {
		const float *dx = w->t->dx.v + (size_t)i * (size_t)w->n + from;
		float *sum = w->sum + (size_t)w->t->ids[i] * (size_t)w->n + from;

		vec_add(sum, dx, n);
	}
}

/* One matrix's gradients; what no forward has just held back is recalled first. */
static void
mat_backward(const struct tape *t, const struct linear *op, int mat, bool held, const float *x,
	     const float *g, float *dx)
{
	if (!held)
		op->recall(op->self, mat, x, t->rows, NULL);
	op->backward(op->self, mat, x, g, t->rows, NULL, dx);
}

/* dx: from the gradient at the layer's output to that at its input. */
static void
layer_backward(struct tape *t, const struct linear *op, int layer, const struct tape_grads *grads)
{
	const struct config *c = model_config(t->model);
	struct acts a = tape_acts(t, layer);
	struct back_work w = {.t = t, .a = &a};
	bool again = layer >= t->kept || !op->recall;
	int mat = layer * MAT_KINDS, hidden = c->hidden, qd = c->heads * c->head_dim,
	    kvd = c->kv_heads * c->head_dim;
	float *dw = grads && grads->norm ? grads->norm + 2 * (size_t)layer * (size_t)hidden : NULL;
	const float *x = tape_resid(t, layer), *norm_attn = model_norm_attn(t->model, layer);
	const float *norm_ffn = model_norm_ffn(t->model, layer);

	if (again)
		tape_layer(t, op, layer, &a,
			   true); /* leaves the two inputs of the feed-forward in norm and wide */
	else {
		rows_norm(t->pool, a.mid, t->rows, hidden, norm_ffn, c->rms_eps, t->norm.v);
		rows_silu_mul(t->pool, a.gate, NULL, a.up, NULL, t->rows, c->ffn, t->wide.v);
	}
	zero(t, &t->dup, c->ffn);
	mat_backward(t, op, mat + MAT_DOWN, !op->recall, t->wide.v, t->dx.v, t->dup.v);
	rows_tiles(&w, c->ffn, silu_tile);
	zero(t, &t->dn, hidden);
	mat_backward(t, op, mat + MAT_UP, again, t->norm.v, t->dup.v, t->dn.v);
	mat_backward(t, op, mat + MAT_GATE, again, t->norm.v, t->dgate.v, t->dn.v);
	norm_backward(t, a.mid, norm_ffn, t->dn.v, dw ? dw + hidden : NULL);

	zero(t, &t->da, qd);
	mat_backward(t, op, mat + MAT_O, again, a.attn, t->dx.v, t->da.v);
	zero(t, &t->dk, kvd);
	zero(t, &t->dv, kvd);
	pool_run(t->pool, t->count * c->kv_heads, attention_task, &w);
	rows_rope(t->pool, t->rope, t->dq.v, NULL, t->pos, t->rows, c->heads, c->head_dim, true);
	rows_rope(t->pool, t->rope, t->dk.v, NULL, t->pos, t->rows, c->kv_heads, c->head_dim, true);

	rows_norm(t->pool, x, t->rows, hidden, norm_attn, c->rms_eps, t->norm.v);
	zero(t, &t->dn, hidden);
	mat_backward(t, op, mat + MAT_V, again, t->norm.v, t->dv.v, t->dn.v);
	mat_backward(t, op, mat + MAT_K, again, t->norm.v, t->dk.v, t->dn.v);
	mat_backward(t, op, mat + MAT_Q, again, t->norm.v, t->dq.v, t->dn.v);
	norm_backward(t, x, norm_attn, t->dn.v, dw);
}

static enum t2_status
reserve(struct tape *t, struct t2_err *err)
{
	const struct config *c = model_config(t->model);
	size_t n = (size_t)t->rows, qd = (size_t)c->heads * (size_t)c->head_dim;
	size_t kvd = (size_t)c->kv_heads * (size_t)c->head_dim;
	const struct {
		struct floats *f;
		size_t n;
	} want[] = {
		{&t->dx, n * (size_t)c->hidden},
		{&t->dn, n * (size_t)c->hidden},
		{&t->da, n * qd},
		{&t->dq, n * qd},
		{&t->dk, n * kvd},
		{&t->dv, n * kvd},
		{&t->dgate, n * (size_t)c->ffn},
		{&t->dup, n * (size_t)c->ffn},
		{&t->inverse, n},
	};
	enum t2_status st = tape_scratch(t, (size_t)c->hidden, err);

	for (size_t i = 0; !st && i < sizeof want / sizeof *want; i++)
		st = floats_reserve(want[i].f, want[i].n, err);
	return st;
}

enum t2_status
tape_backward(struct tape *t, const struct linear *op, const float *dhidden,
	      const struct tape_grads *g, struct t2_err *err)
{
	const struct config *c = model_config(t->model);
	float *dw = g && g->norm ? g->norm + 2 * (size_t)c->layers * (size_t)c->hidden : NULL;
	enum t2_status st;

	if (!t->rows)
		return t2_fail(err, T2_EINVAL, "tape: backward without a forward");
	if (!op->backward)
		return t2_fail(err, T2_EINVAL, "tape: this form of the layers has no backward");
	st = reserve(t, err);
	if (st)
		return st;
	zero(t, &t->dx, c->hidden);
	norm_backward(t, tape_resid(t, c->layers), model_norm_final(t->model), dhidden, dw);
	for (int l = c->layers - 1; l >= 0; l--)
		layer_backward(t, op, l, g);
	if (g && g->embed) {
		struct back_work w = {.t = t, .n = c->hidden, .sum = g->embed};

		pool_run(t->pool, (c->hidden + COLUMNS - 1) / COLUMNS, embed_tile, &w);
	}
	return T2_OK;
}
