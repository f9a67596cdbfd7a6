#include "engine/model/forward.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/attention.h"
#include "engine/model/floats.h"
#include "engine/model/kv.h"
#include "engine/model/rope.h"
#include "engine/model/rows.h"
#include "engine/model/tape.h"

/* Rows computed together at most: longer input goes through in pieces, so that scratch stays small. */
#define CHUNK 512

/* Query rows of one sequence from which attention goes through the big products. */
#define BLOCK_MIN 8

/* Multiply-adds of attention below which one thread does it sooner than two can agree; and those worth a task of their own
 * when every thread has one. */
#define INLINE_WORK 8000
#define TASK_WORK   50000

/* Consecutive tokens of one segment inside a chunk. */
struct piece {
	const struct segment *seg;
	int first, n; /* position of its first row; rows */
	int row;      /* first row in the chunk */
	bool last;    /* ends its segment */
};

/* A tile of attention: rows of a piece under query heads head .. head + heads - 1 of one key/value head. */
struct tile {
	const struct piece *piece;
	int from, rows, head, heads;
};

struct forward {
	const struct model *model;
	struct pool *pool;
	struct rope *rope;
	struct floats x, norm, q, k, v, attn, out, gate, up; /* [CHUNK][...] */
	struct floats scratch;				     /* [workers][scratch_each] */
	size_t scratch_each;
	int ids[CHUNK], slot[CHUNK], pos[CHUNK];
	struct piece piece[CHUNK];
	struct tile *tile;
	int pieces, rows, tiles, tile_cap, tasks, layer;
	bool slotted; /* some row is not in slot 0 */
};

enum t2_status
forward_new(struct forward **out, const struct model *m, struct pool *pool, struct t2_err *err)
{
	struct forward *f = calloc(1, sizeof *f);
	enum t2_status st;

	*out = NULL;
	if (!f)
		return t2_nomem(err, "forward pass");
	f->model = m;
	f->pool = pool;
	st = rope_new(&f->rope, model_config(m), model_rope_factors(m), err);
	if (st) {
		forward_free(f);
		return st;
	}
	*out = f;
	return T2_OK;
}

void
forward_free(struct forward *f)
{
	if (!f)
		return;
	struct floats *all[] = {&f->x,	  &f->norm, &f->q,    &f->k,  &f->v,
				&f->attn, &f->out,  &f->gate, &f->up, &f->scratch};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		floats_free(all[i]);
	rope_free(f->rope);
	free(f->tile);
	free(f);
}

/* Floats that a worker's attention takes: of a tile, and the keys and values that it reads, one after another. */
static size_t
tile_scratch(const struct config *c, int rows, int keys)
{
	return attn_forward_scratch(c->heads / c->kv_heads, c->head_dim, rows, keys) +
	       2 * (size_t)keys * (size_t)c->head_dim;
}

size_t
forward_bytes(const struct model *m, int threads, int keys)
{
	const struct config *c = model_config(m);
	int block = attn_block(c->heads / c->kv_heads);
	size_t qd = (size_t)c->heads * (size_t)c->head_dim,
	       kvd = (size_t)c->kv_heads * (size_t)c->head_dim,
	       row = 3 * (size_t)c->hidden + 2 * qd + 2 * kvd + 2 * (size_t)c->ffn;

	return sizeof(float) *
		       (CHUNK * row + (size_t)threads * tile_scratch(c, block, keys + keys / 4)) +
	       CHUNK * (size_t)c->heads * sizeof(struct tile) + sizeof(struct forward);
}

static enum t2_status
segment_check(const struct forward *f, const struct segment *s, int i, struct t2_err *err)
{
	const struct config *c = model_config(f->model);

	if (s->n < 1)
		return t2_fail(err, T2_EINVAL, "forward: segment %d has no tokens", i);
	if (s->slot < 0)
		return t2_fail(err, T2_EINVAL, "forward: segment %d: slot %d", i, s->slot);
	if (s->kv->layers != c->layers || s->kv->kv_heads != c->kv_heads ||
	    s->kv->head_dim != c->head_dim)
		return t2_fail(err, T2_EMISMATCH,
			       "forward: segment %d: its KV cache belongs to another model", i);
	if (s->kv->marked)
		return t2_fail(err, T2_EINVAL,
			       "forward: segment %d: its KV cache is in this call twice", i);
	if (s->n > s->kv->capacity - s->kv->len)
		return t2_fail(err, T2_EINVAL,
			       "forward: segment %d: %d tokens after %d do not fit a cache of %d",
			       i, s->n, s->kv->len, s->kv->capacity);
	for (int t = 0; t < s->n; t++)
		if (s->ids[t] < 0 || s->ids[t] >= c->vocab)
			return t2_fail(
				err, T2_EINVAL,
				"forward: segment %d: token id %d: the vocabulary has 0 .. %d", i,
				s->ids[t], c->vocab - 1);
	return T2_OK;
}

static enum t2_status
segments_check(const struct forward *f, const struct segment *seg, int count, struct t2_err *err)
{
	enum t2_status st = T2_OK;
	int checked = 0;

	for (; checked < count; checked++) {
		st = segment_check(f, &seg[checked], checked, err);
		if (st)
			break;
		seg[checked].kv->marked = true;
	}
	for (int i = 0; i < checked; i++)
		seg[i].kv->marked = false;
	return st;
}

/* Room for everything that the chunks of this call will need: after this nothing can fail. */
static enum t2_status
reserve(struct forward *f, const struct segment *seg, int count, struct t2_err *err)
{
	const struct config *c = model_config(f->model);
	int block = attn_block(c->heads / c->kv_heads), keys = 0, tiles;
	long total = 0;
	size_t rows, qd = (size_t)c->heads * (size_t)c->head_dim,
		     kvd = (size_t)c->kv_heads * (size_t)c->head_dim, each;
	enum t2_status st;

	for (int i = 0; i < count; i++) {
		total += seg[i].n;
		if (seg[i].kv->len + seg[i].n > keys)
			keys = seg[i].kv->len + seg[i].n;
	}
	rows = total < CHUNK ? (size_t)total : CHUNK;
	const struct {
		struct floats *f;
		size_t n;
	} want[] = {
		{&f->x, (size_t)c->hidden},
		{&f->norm, (size_t)c->hidden},
		{&f->out, (size_t)c->hidden},
		{&f->q, qd},
		{&f->attn, qd},
		{&f->k, kvd},
		{&f->v, kvd},
		{&f->gate, (size_t)c->ffn},
		{&f->up, (size_t)c->ffn},
	};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		st = floats_reserve(want[i].f, rows * want[i].n, err);
		if (st)
			return st;
	}
	if (total < (long)block)
		block = (int)total;
	each = tile_scratch(c, block, keys);
	each = (each + 15) / 16 * 16;
	if (each > f->scratch_each) {
		each += each / 4; /* a growing sequence does not reallocate at every token */
		f->scratch_each = 0;
		st = floats_reserve(&f->scratch, each * (size_t)pool_threads(f->pool), err);
		if (st)
			return st;
		f->scratch_each = each;
	}
	tiles = CHUNK * c->heads; /* a tile is at least one row and one head */
	if (tiles > f->tile_cap) {
		struct tile *t = realloc(f->tile, (size_t)tiles * sizeof *t);

		if (!t)
			return t2_nomem(err, "attention tiles");
		f->tile = t;
		f->tile_cap = tiles;
	}
	st = rope_reserve(f->rope, keys, err);
	for (int i = 0; i < count && !st; i++)
		st = kv_reserve(seg[i].kv, seg[i].n, err);
	return st;
}

static void
tile_add(struct forward *f, const struct piece *p, int from, int rows, int heads)
{
	for (int h = 0; h < model_config(f->model)->heads; h += heads)
		f->tile[f->tiles++] = (struct tile){p, from, rows, h, heads};
}

/* Cuts the chunk's attention into tiles; blocks with the most keys come first, the small ones fill the gaps. */
static void
tiles_make(struct forward *f)
{
	const struct config *c = model_config(f->model);
	int group = c->heads / c->kv_heads, block = attn_block(group), singles = 0;

	f->tiles = 0;
	for (int i = 0; i < f->pieces; i++) {
		const struct piece *p = &f->piece[i];

		if (p->n < BLOCK_MIN) {
			singles += p->n;
			continue;
		}
		for (int from = (p->n - 1) / block * block; from >= 0; from -= block)
			tile_add(f, p, from, p->n - from < block ? p->n - from : block, group);
	}
	for (int i = 0; i < f->pieces; i++)
		if (f->piece[i].n < BLOCK_MIN)
			for (int t = 0; t < f->piece[i].n;
			     t++) /* few rows: by head, so that threads share evenly */
				tile_add(f, &f->piece[i], t, 1, singles < BLOCK_MIN ? 1 : group);
}

/* Puts up to CHUNK tokens from segment *si, token *ti on into the chunk and moves both on. */
static void
chunk_fill(struct forward *f, const struct segment *seg, int count, int *si, int *ti)
{
	f->rows = f->pieces = 0;
	f->slotted = false;
	while (*si < count && f->rows < CHUNK) {
		const struct segment *s = &seg[*si];
		int n = s->n - *ti < CHUNK - f->rows ? s->n - *ti : CHUNK - f->rows;

		f->piece[f->pieces++] = (struct piece){s, s->kv->len, n, f->rows, *ti + n == s->n};
		for (int i = 0; i < n; i++, f->rows++) {
			f->ids[f->rows] = s->ids[*ti + i];
			f->slot[f->rows] = s->slot;
			f->pos[f->rows] = s->kv->len + i;
		}
		f->slotted |= s->slot != 0;
		*ti += n;
		if (*ti == s->n) {
			++*si;
			*ti = 0;
		}
	}
	tiles_make(f);
}

static void
cache_rows(struct forward *f)
{
	const struct config *c = model_config(f->model);
	size_t d = (size_t)c->head_dim, kvd = (size_t)c->kv_heads * d;

	for (int i = 0; i < f->pieces; i++) {
		const struct piece *p = &f->piece[i];
		struct kv *kv = p->seg->kv;

		for (int h = 0; h < c->kv_heads; h++)
			for (int t = 0; t < p->n; t++) {
				size_t from = (size_t)(p->row + t) * kvd + (size_t)h * d;
				int pos = p->first + t;
				float *to = kv->page[pos / KV_PAGE] + (size_t)(pos % KV_PAGE) * d;

				memcpy(to + kv_keys(kv, f->layer, h), f->k.v + from,
				       d * sizeof(float));
				memcpy(to + kv_values(kv, f->layer, h), f->v.v + from,
				       d * sizeof(float));
			}
	}
}

static void
tile_run(const struct forward *f, const struct tile *t, int worker)
{
	const struct config *c = model_config(f->model);
	const struct kv *kv = t->piece->seg->kv;
	int d = c->head_dim, qd = c->heads * d, group = c->heads / c->kv_heads,
	    first = t->piece->first + t->from;
	size_t row = (size_t)(t->piece->row + t->from) * (size_t)qd + (size_t)t->head * (size_t)d,
	       keys = (size_t)(first + t->rows);
	float *scratch = f->scratch.v + (size_t)worker * f->scratch_each, *k = scratch,
	      *v = k + keys * (size_t)d;
	struct attn_pages pages = {.page = kv->page,
				   .k = kv_keys(kv, f->layer, t->head / group),
				   .v = kv_values(kv, f->layer, t->head / group),
				   .each = KV_PAGE};
	struct attn_head a = {.q = f->q.v + row,
			      .ldq = qd,
			      .k = k,
			      .ldk = d,
			      .v = v,
			      .ldv = d,
			      .group = t->heads,
			      .d = d};

	if (t->piece->n < BLOCK_MIN) {
		attn_forward_row(a.q, t->heads, d, &pages, (int)keys, f->attn.v + row, scratch);
		return;
	}
	kv_gather(kv, f->layer, t->head / group, (int)keys, k, v);
	attn_forward(&a, first, t->rows, f->attn.v + row, qd, v + keys * (size_t)d);
}

/* Tiles side by side, which may share keys and values: one thread reads them once. */
static void
tiles_run(void *arg, int task, int worker)
{
	const struct forward *f = arg;
	int from = (int)((long)f->tiles * task / f->tasks),
	    to = (int)((long)f->tiles * (task + 1) / f->tasks);

	for (int t = from; t < to; t++)
		tile_run(f, &f->tile[t], worker);
}

static void
attention(struct forward *f)
{
	const struct config *c = model_config(f->model);
	long work = 0;

	for (int i = 0; i < f->pieces; i++)
		work += (long)f->piece[i].n * (f->piece[i].first + f->piece[i].n) * c->heads *
			c->head_dim;
	f->tasks = work < INLINE_WORK ? 1 : pool_threads(f->pool);
	if (work / TASK_WORK > f->tasks)
		f->tasks = work / TASK_WORK < f->tiles ? (int)(work / TASK_WORK) : f->tiles;
	pool_run(f->pool, f->tasks, tiles_run, f);
}

/* The last layer's output matters only where logits are wanted: once its keys and values are cached, the other rows leave
 * the chunk.  What a piece keeps is its end. */
static void
chunk_shrink(struct forward *f)
{
	size_t bytes = (size_t)model_config(f->model)->hidden * sizeof(float);
	int pieces = 0, rows = 0;

	for (int i = 0; i < f->pieces; i++) {
		struct piece p = f->piece[i];
		int drop = p.seg->want == WANT_ALL		? 0
			   : p.seg->want == WANT_LAST && p.last ? p.n - 1
								: p.n;

		p.seg->kv->len += p.n;
		for (int r = p.row + drop, to = rows; r < p.row + p.n; r++, to++) {
			memmove((char *)f->x.v + (size_t)to * bytes,
				(char *)f->x.v + (size_t)r * bytes, bytes);
			memmove((char *)f->norm.v + (size_t)to * bytes,
				(char *)f->norm.v + (size_t)r * bytes, bytes);
			f->slot[to] = f->slot[r];
			f->pos[to] = f->pos[r];
		}
		p.first += drop;
		p.n -= drop;
		p.row = rows;
		rows += p.n;
		if (p.n)
			f->piece[pieces++] = p;
	}
	f->pieces = pieces;
	f->rows = rows;
	tiles_make(f);
}

/* Matrices first .. last of this layer, all of the same x, one y each. */
static void
products(struct forward *f, const struct linear *op, enum mat_kind first, enum mat_kind last,
	 const float *x, float *const *y)
{
	const int *slot = f->slotted ? f->slot : NULL;
	int mat[MAT_KINDS], count = 0;

	for (int k = (int)first; k <= (int)last; k++)
		mat[count++] = f->layer * MAT_KINDS + k;
	if (op->together && count > 1)
		op->together(op->self, mat, count, x, f->rows, slot, y);
	else
		for (int i = 0; i < count; i++)
			op->forward(op->self, mat[i], x, f->rows, slot, y[i], false);
}

static void
layer_run(struct forward *f, const struct linear *op)
{
	const struct config *c = model_config(f->model);
	const struct weight *w[MAT_KINDS];
	float *const qkv[] = {f->q.v, f->k.v, f->v.v}, *const gate_up[] = {f->gate.v, f->up.v};
	int mat = f->layer * MAT_KINDS, rows = f->rows;
	bool last = f->layer + 1 == c->layers;
	const float *next =
		last ? model_norm_final(f->model) : model_norm_attn(f->model, f->layer + 1);

	for (int k = 0; k < MAT_KINDS; k++)
		w[k] = model_matrix(f->model, mat + k);
	products(f, op, last ? MAT_K : MAT_Q, MAT_V, f->norm.v, last ? qkv + 1 : qkv);
	rows_rope(f->pool, f->rope, f->k.v, w[MAT_K]->bias, f->pos, rows, c->kv_heads, c->head_dim,
		  false);
	rows_add_bias(f->pool, f->v.v, w[MAT_V]->bias, rows, w[MAT_V]->m);
	cache_rows(f);
	if (last) {
		chunk_shrink(f);
		rows = f->rows;
		if (!rows)
			return;
		products(f, op, MAT_Q, MAT_Q, f->norm.v, qkv);
	}
	rows_rope(f->pool, f->rope, f->q.v, w[MAT_Q]->bias, f->pos, rows, c->heads, c->head_dim,
		  false);
	attention(f);
	products(f, op, MAT_O, MAT_O, f->attn.v, &f->out.v);
	rows_add_norm(f->pool, f->x.v, f->out.v, w[MAT_O]->bias, rows, c->hidden,
		      model_norm_ffn(f->model, f->layer), c->rms_eps, f->norm.v);
	products(f, op, MAT_GATE, MAT_UP, f->norm.v, gate_up);
	rows_silu_mul(f->pool, f->gate.v, w[MAT_GATE]->bias, f->up.v, w[MAT_UP]->bias, rows, c->ffn,
		      f->gate.v);
	products(f, op, MAT_DOWN, MAT_DOWN, f->gate.v, &f->out.v);
	rows_add_norm(f->pool, f->x.v, f->out.v, w[MAT_DOWN]->bias, rows, c->hidden, next,
		      c->rms_eps, f->norm.v);
}

enum t2_status
forward_run(struct forward *f, const struct linear *op, const struct segment *seg, int count,
	    float *logits, struct t2_err *err)
{
	const struct config *c = model_config(f->model);
	enum t2_status st = segments_check(f, seg, count, err);
	int si = 0, ti = 0;

	if (st || count < 1)
		return st;
	for (int i = 0; i < count; i++)
		if (seg[i].want != WANT_NONE && !logits)
			return t2_fail(err, T2_EINVAL,
				       "forward: segment %d wants logits without room for them", i);
	st = reserve(f, seg, count, err);
	if (st)
		return st;
	while (si < count) {
		chunk_fill(f, seg, count, &si, &ti);
		rows_embed(f->pool, model_embed(f->model), f->ids, f->rows, f->x.v);
		rows_norm(f->pool, f->x.v, f->rows, c->hidden, model_norm_attn(f->model, 0),
			  c->rms_eps, f->norm.v);
		for (f->layer = 0; f->layer < c->layers; f->layer++)
			layer_run(f, op);
		if (!f->rows)
			continue;
		head_forward(f->model, f->pool, f->norm.v, f->rows, logits);
		logits += (size_t)f->rows * (size_t)c->vocab;
	}
	return T2_OK;
}
