#include "engine/model/tape.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/rows.h"
#include "engine/model/tape_impl.h"

#define KEEP_DEFAULT ((size_t)768 << 20)

enum t2_status
tape_new(struct tape **out, const struct model *m, struct pool *pool, struct t2_err *err)
{
	struct tape *t = calloc(1, sizeof *t);
	enum t2_status st;

	*out = NULL;
	if (!t)
		return t2_nomem(err, "tape");
	t->model = m;
	t->pool = pool;
	t->memory = KEEP_DEFAULT;
	st = rope_new(&t->rope, model_config(m), model_rope_factors(m), err);
	if (st) {
		tape_free(t);
		return st;
	}
	*out = t;
	return T2_OK;
}

void
tape_free(struct tape *t)
{
	if (!t)
		return;
	struct floats *all[] = {&t->resid, &t->hidden, &t->store, &t->spare,   &t->norm,   &t->wide,
				&t->out,   &t->dx,     &t->dn,	  &t->da,      &t->dq,	   &t->dk,
				&t->dv,	   &t->dgate,  &t->dup,	  &t->inverse, &t->scratch};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		floats_free(all[i]);
	rope_free(t->rope);
	free(t->len);
	free(t->tile);
	free(t);
}

void
tape_memory(struct tape *t, size_t bytes)
{
	t->memory = bytes;
}

int
tape_rows(const struct tape *t)
{
	return t->rows;
}

const float *
tape_hidden(const struct tape *t)
{
	return t->hidden.v;
}

float *
tape_resid(const struct tape *t, int layer)
{
	return t->resid.v +
	       (size_t)layer * (size_t)t->rows * (size_t)model_config(t->model)->hidden;
}

/* Floats of one row of struct acts. */
static size_t
acts_width(const struct config *c)
{
	size_t d = (size_t)c->head_dim;

	return 2 * (size_t)c->heads * d + 2 * (size_t)c->kv_heads * d + (size_t)c->hidden +
	       2 * (size_t)c->ffn;
}

struct tape_bytes
tape_bytes(const struct model *m, int threads, int longest)
{
	const struct config *c = model_config(m);
	size_t d = (size_t)c->head_dim, acts = acts_width(c),
	       row = ((size_t)c->layers + 1) * (size_t)c->hidden + acts /* resid, spare */
		     + 5 * (size_t)c->hidden + 3 * (size_t)c->ffn /* hidden, norm, out, dx, dn;
								   wide, dgate, dup */
		     + 2 * (size_t)c->heads * d + 2 * (size_t)c->kv_heads * d /* da, dq; dk, dv */
		     + 8; /* inverse, tiles, positions */
	int group = c->heads / c->kv_heads, block = attn_block(group);

	return (struct tape_bytes){
		.row = row * sizeof(float),
		.kept = acts * sizeof(float),
		.scratch = (size_t)threads * sizeof(float) *
			   attn_backward_scratch(group, c->head_dim, block, longest)};
}

struct acts
tape_acts(const struct tape *t, int layer)
{
	const struct config *c = model_config(t->model);
	size_t n = (size_t)t->rows, qd = n * (size_t)c->heads * (size_t)c->head_dim;
	size_t kvd = n * (size_t)c->kv_heads * (size_t)c->head_dim;
	struct acts a;

	a.q = layer < t->kept ? t->store.v + (size_t)layer * n * acts_width(c) : t->spare.v;
	a.attn = a.q + qd;
	a.k = a.attn + qd;
	a.v = a.k + kvd;
	a.mid = a.v + kvd;
	a.gate = a.mid + n * (size_t)c->hidden;
	a.up = a.gate + n * (size_t)c->ffn;
	return a;
}

enum t2_status
tape_scratch(struct tape *t, size_t each, struct t2_err *err)
{
	enum t2_status st;

	if (each <= t->scratch_each)
		return T2_OK;
	each = (each + 15) / 16 * 16;
	t->scratch_each = 0;
	st = floats_reserve(&t->scratch, each * (size_t)pool_threads(t->pool), err);
	if (!st)
		t->scratch_each = each;
	return st;
}

static enum t2_status
batch_check(const struct tape *t, const struct packed *b, int *rows, struct t2_err *err)
{
	int vocab = model_config(t->model)->vocab;
	long total = 0;

	if (b->count < 1)
		return t2_fail(err, T2_EINVAL, "tape: no sequences");
	for (int i = 0; i < b->count; i++) {
		if (b->len[i] < 1)
			return t2_fail(err, T2_EINVAL, "tape: sequence %d has no tokens", i);
		total += b->len[i];
		if (total > INT_MAX / 4)
			return t2_fail(err, T2_EINVAL, "tape: %ld tokens are too many at once",
				       total);
	}
	for (long i = 0; i < total; i++)
		if (b->ids[i] < 0 || b->ids[i] >= vocab)
			return t2_fail(err, T2_EINVAL,
				       "tape: token id %d: the vocabulary has 0 .. %d", b->ids[i],
				       vocab - 1);
	*rows = (int)total;
	return T2_OK;
}

/* Longest first, equal lengths in their order: an insertion sort would be quadratic in thousands of sequences. */
static int
by_length(const void *a, const void *b, void *arg)
{
	const struct tape *t = arg;
	int i = *(const int *)a, j = *(const int *)b;

	return t->len[i] != t->len[j] ? t->len[j] - t->len[i] : i - j;
}

/* Copies the batch's shape and cuts its attention into tiles. */
static enum t2_status
batch_set(struct tape *t, const struct packed *b, int rows, struct t2_err *err)
{
	const struct config *c = model_config(t->model);
	int block = attn_block(c->heads / c->kv_heads), longest = 0;
	size_t n = 3 * (size_t)b->count + 2 * (size_t)rows;
	enum t2_status st;

	if (n > t->meta_cap) {
		t->meta_cap = 0;
		free(t->len);
		free(t->tile);
		t->tile = NULL;
		t->len = malloc(n * sizeof *t->len);
		t->tile = t->len ? malloc(n * sizeof *t->tile)
				 : NULL; /* a tile is at least one row */
		if (!t->tile)
			return t2_nomem(err, "tape");
		t->meta_cap = n;
	}
	t->start = t->len + b->count;
	t->order = t->start + b->count;
	t->pos = t->order + b->count;
	t->ids = t->pos + rows;
	t->count = b->count;
	t->rows = 0;
	memcpy(t->ids, b->ids, (size_t)rows * sizeof *t->ids);
	for (int i = 0; i < b->count; i++) {
		t->len[i] = b->len[i];
		t->start[i] = t->rows;
		t->order[i] = i;
		for (int p = 0; p < b->len[i]; p++)
			t->pos[t->rows++] = p;
		if (b->len[i] > longest)
			longest = b->len[i];
	}
	qsort_r(t->order, (size_t)b->count, sizeof *t->order, by_length, t);
	t->tiles = 0;
	for (int i = 0; i < b->count; i++) {
		int s = t->order[i];

		for (int from = (t->len[s] - 1) / block * block; from >= 0; from -= block)
			t->tile[t->tiles++] = (struct tape_tile){
				s, from, t->len[s] - from < block ? t->len[s] - from : block};
	}
	if (block > longest)
		block = longest;
	st = tape_scratch(
		t, attn_backward_scratch(c->heads / c->kv_heads, c->head_dim, block, longest), err);
	return st ? st : rope_reserve(t->rope, longest, err);
}

static enum t2_status
reserve(struct tape *t, struct t2_err *err)
{
	const struct config *c = model_config(t->model);
	size_t n = (size_t)t->rows, layer = n * acts_width(c),
	       kept = t->memory / sizeof(float) / layer;
	enum t2_status st = T2_OK;

	t->kept = kept < (size_t)c->layers ? (int)kept : c->layers;
	const struct {
		struct floats *f;
		size_t n;
	} want[] = {
		{&t->resid, ((size_t)c->layers + 1) * n * (size_t)c->hidden},
		{&t->store, (size_t)t->kept * layer},
		{&t->spare, t->kept < c->layers ? layer : 0},
		{&t->hidden, n * (size_t)c->hidden},
		{&t->norm, n * (size_t)c->hidden},
		{&t->wide, n * (size_t)c->ffn},
		{&t->out, n * (size_t)c->hidden},
	};
	for (size_t i = 0; !st && i < sizeof want / sizeof *want; i++)
		st = floats_reserve(want[i].f, want[i].n, err);
	return st;
}

struct attention_work {
	struct tape *t;
	const struct acts *a;
};

static void
attention_tile(void *arg, int task, int worker)
{
	const struct attention_work *w = arg;
	struct tape *t = w->t;
	const struct config *c = model_config(t->model);
	int d = c->head_dim, group = c->heads / c->kv_heads, kh = task % c->kv_heads;
	const struct tape_tile *tile = &t->tile[task / c->kv_heads];
	size_t qd = (size_t)c->heads * (size_t)d, kvd = (size_t)c->kv_heads * (size_t)d;
	size_t seq = (size_t)t->start[tile->seq], head = (size_t)kh * (size_t)d;
	size_t at = (seq + (size_t)tile->from) * qd + head * (size_t)group;
	struct attn_head h = {.q = w->a->q + at,
			      .ldq = (int)qd,
			      .k = w->a->k + seq * kvd + head,
			      .ldk = (int)kvd,
			      .v = w->a->v + seq * kvd + head,
			      .ldv = (int)kvd,
			      .group = group,
			      .d = d};

	attn_forward(&h, tile->from, tile->rows, w->a->attn + at, (int)qd,
		     t->scratch.v + (size_t)worker * t->scratch_each);
}

/* One matrix's forward: held back where its backward is next, or where op wants to hold it until recall. */
static void
mat_forward(const struct tape *t, const struct linear *op, int mat, const float *x, float *y,
	    bool again)
{
	bool later = !again && mat / MAT_KINDS < t->kept && op->recall && op->hold &&
		     op->hold(op->self, mat, t->rows);

	op->forward(op->self, mat, x, t->rows, NULL, y, again || later);
}

void
tape_layer(struct tape *t, const struct linear *op, int layer, const struct acts *a, bool again)
{
	const struct config *c = model_config(t->model);
	struct attention_work work = {t, a};
	const struct weight *w[MAT_KINDS];
	int mat = layer * MAT_KINDS, rows = t->rows, hidden = c->hidden;
	const float *x = tape_resid(t, layer);
	size_t bytes = (size_t)rows * (size_t)hidden * sizeof(float);
	float *next = tape_resid(t, layer + 1);

	for (int k = 0; k < MAT_KINDS; k++)
		w[k] = model_matrix(t->model, mat + k);
	rows_norm(t->pool, x, rows, hidden, model_norm_attn(t->model, layer), c->rms_eps,
		  t->norm.v);
	mat_forward(t, op, mat + MAT_Q, t->norm.v, a->q, again);
	mat_forward(t, op, mat + MAT_K, t->norm.v, a->k, again);
	mat_forward(t, op, mat + MAT_V, t->norm.v, a->v, again);
	rows_rope(t->pool, t->rope, a->q, w[MAT_Q]->bias, t->pos, rows, c->heads, c->head_dim,
		  false);
	rows_rope(t->pool, t->rope, a->k, w[MAT_K]->bias, t->pos, rows, c->kv_heads, c->head_dim,
		  false);
	rows_add_bias(t->pool, a->v, w[MAT_V]->bias, rows, w[MAT_V]->m);
	pool_run(t->pool, t->tiles * c->kv_heads, attention_tile, &work);
	mat_forward(t, op, mat + MAT_O, a->attn, t->out.v, again);
	memcpy(a->mid, x, bytes);
	rows_add_norm(t->pool, a->mid, t->out.v, w[MAT_O]->bias, rows, hidden,
		      model_norm_ffn(t->model, layer), c->rms_eps, t->norm.v);
	mat_forward(t, op, mat + MAT_GATE, t->norm.v, a->gate, again);
	mat_forward(t, op, mat + MAT_UP, t->norm.v, a->up, again);
	rows_silu_mul(t->pool, a->gate, w[MAT_GATE]->bias, a->up, w[MAT_UP]->bias, rows, c->ffn,
		      t->wide.v);
	if (again && op->recall)
		return; /* nobody needs the layer's output again, and recall does without it */
	mat_forward(t, op, mat + MAT_DOWN, t->wide.v, t->out.v, again);
	if (again)
		return;
	memcpy(next, a->mid, bytes);
	rows_add_norm(t->pool, next, t->out.v, w[MAT_DOWN]->bias, rows, hidden, NULL, 0, NULL);
}

enum t2_status
tape_forward(struct tape *t, const struct linear *op, const struct packed *b, struct t2_err *err)
{
	const struct config *c = model_config(t->model);
	enum t2_status st;
	int rows = 0;

	t->rows = 0; /* a failed forward leaves nothing to go back through */
	st = batch_check(t, b, &rows, err);
	if (st)
		return st;
	st = batch_set(t, b, rows, err);
	if (!st)
		st = reserve(t, err);
	if (st) {
		t->rows = 0;
		return st;
	}
	rows_embed(t->pool, model_embed(t->model), t->ids, rows, t->resid.v);
	for (int l = 0; l < c->layers; l++) {
		struct acts a = tape_acts(t, l);

		tape_layer(t, op, l, &a, false);
	}
	rows_norm(t->pool, tape_resid(t, c->layers), rows, c->hidden, model_norm_final(t->model),
		  c->rms_eps, t->hidden.v);
	return T2_OK;
}
