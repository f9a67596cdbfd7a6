#include "tui/bench/copy.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/base/arena.h"
#include "engine/model/checkpoint.h"

#define HUGE_PAGE ((size_t)2 << 20)

struct copy {
	struct model *model;
	struct tensor *tensors;
	int count;
	struct arena names; /* names, norms, biases */
	char *data;	    /* all matrices, one after another */
	size_t used;
};

/* Whole cache lines, so that no matrix begins inside another's. */
static size_t
padded(size_t bytes)
{
	return (bytes + 63) / 64 * 64;
}

struct turn {
	const struct weight *from;
	enum dtype type;
	char *to;
	float *row; /* [threads][n] */
};

static void
turn_task(void *arg, int task, int worker)
{
	const struct turn *t = arg;
	size_t n = (size_t)t->from->n, in = dtype_row_bytes(t->from->type, n),
	       out = dtype_row_bytes(t->type, n);
	float *row = t->row + (size_t)worker * n;

	dtype_to_f32(t->from->type, (const char *)t->from->data + (size_t)task * in, n, row);
	dtype_from_f32(t->type, row, n, t->to + (size_t)task * out);
}

static void
add_tensor(struct copy *c, const char *name, enum dtype t, int ndim, int64_t m, int64_t n,
	   const void *data, size_t bytes)
{
	c->tensors[c->count++] = (struct tensor){.name = name,
						 .type = t,
						 .type_name = dtype_name(t),
						 .ndim = ndim,
						 .shape = {m, n},
						 .data = data,
						 .bytes = bytes};
}

static enum t2_status
add_vector(struct copy *c, const char *name, const float *v, int n, struct t2_err *err)
{
	size_t bytes = (size_t)n * sizeof *v;
	const char *own = arena_strdup(&c->names, name);
	const float *copy = arena_memdup(&c->names, v, bytes);

	if (c->names.failed)
		return t2_nomem(err, "bench: a copy of the model");
	add_tensor(c, own, T2_F32, 1, n, 0, copy, bytes);
	return T2_OK;
}

static enum t2_status
add_matrix(struct copy *c, const char *name, const struct weight *w, enum dtype t,
	   struct pool *pool, struct t2_err *err)
{
	size_t bytes = dtype_row_bytes(t, (size_t)w->n) * (size_t)w->m;
	const char *own = arena_strdup(&c->names, name);
	struct turn turn = {w, t, c->data + c->used,
			    malloc((size_t)pool_threads(pool) * (size_t)w->n * sizeof(float))};

	if (!own || !turn.row) {
		free(turn.row);
		return t2_nomem(err, "bench: a copy of the model");
	}
	pool_run(pool, w->m, turn_task, &turn);
	free(turn.row);
	add_tensor(c, own, t, 2, w->m, w->n, turn.to, bytes);
	c->used += padded(bytes);
	return T2_OK;
}

static enum t2_status
add_layer(struct copy *c, const struct model *m, int layer, enum dtype t, struct pool *pool,
	  struct t2_err *err)
{
	int hidden = model_config(m)->hidden;
	char name[160];
	enum t2_status st;

	snprintf(name, sizeof name, "model.layers.%d.input_layernorm.weight", layer);
	if ((st = add_vector(c, name, model_norm_attn(m, layer), hidden, err)))
		return st;
	snprintf(name, sizeof name, "model.layers.%d.post_attention_layernorm.weight", layer);
	if ((st = add_vector(c, name, model_norm_ffn(m, layer), hidden, err)))
		return st;
	for (int k = 0; k < MAT_KINDS; k++) {
		const struct weight *w = model_matrix(m, layer * MAT_KINDS + k);
		int stem = (int)(strlen(w->name) - strlen(".weight"));

		if ((st = add_matrix(c, w->name, w, t, pool, err)))
			return st;
		snprintf(name, sizeof name, "%.*s.bias", stem, w->name);
		if (w->bias && (st = add_vector(c, name, w->bias, w->m, err)))
			return st;
	}
	return T2_OK;
}

/* Bytes of all matrices in type t; 0: rows are not whole numbers of blocks. */
static size_t
matrix_bytes(const struct model *m, enum dtype t)
{
	const struct weight *ends[] = {model_embed(m), model_head(m)};
	size_t sum = 0;

	for (int i = 0; i < model_matrices(m) + 2; i++) {
		const struct weight *w = i < 2 ? ends[i] : model_matrix(m, i - 2);
		size_t row = dtype_row_bytes(t, (size_t)w->n);

		if (!row)
			return 0;
		sum += padded(row * (size_t)w->m);
	}
	return sum;
}

static enum t2_status
fill(struct copy *c, const struct model *m, enum dtype t, struct pool *pool, struct t2_err *err)
{
	const struct config *f = model_config(m);
	size_t bytes = matrix_bytes(m, t);
	enum t2_status st;

	if (!bytes)
		return t2_fail(err, T2_EUNSUP, "%s: rows are not whole blocks of %s", model_name(m),
			       dtype_name(t));
	if (model_rope_factors(m))
		return t2_fail(err, T2_EUNSUP,
			       "%s: a copy in memory cannot carry the file's rotary factors",
			       model_name(m));
	bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	c->tensors = calloc((size_t)(f->layers * (2 * MAT_KINDS + 2) + 3), sizeof *c->tensors);
	c->data = aligned_alloc(HUGE_PAGE, bytes);
	if (!c->tensors || !c->data)
		return t2_nomem(err, "bench: a copy of the model");
	madvise(c->data, bytes, MADV_HUGEPAGE);
	st = add_matrix(c, "model.embed_tokens.weight", model_embed(m), t, pool, err);
	if (!st && !f->tied)
		st = add_matrix(c, "lm_head.weight", model_head(m), t, pool, err);
	for (int i = 0; i < f->layers && !st; i++)
		st = add_layer(c, m, i, t, pool, err);
	if (!st)
		st = add_vector(c, "model.norm.weight", model_norm_final(m), f->hidden, err);
	return st ? st : model_from_memory(&c->model, f, c->tensors, c->count, err);
}

enum t2_status
copy_new(struct copy **out, const struct model *m, enum dtype t, struct pool *pool,
	 struct t2_err *err)
{
	struct copy *c = calloc(1, sizeof *c);
	enum t2_status st =
		c ? fill(c, m, t, pool, err) : t2_nomem(err, "bench: a copy of the model");

	*out = NULL;
	if (st)
		copy_free(c);
	else
		*out = c;
	return st;
}

void
copy_free(struct copy *c)
{
	if (!c)
		return;
	model_free(c->model);
	free(c->tensors);
	free(c->data);
	arena_free(&c->names);
	free(c);
}

const struct model *
copy_model(const struct copy *c)
{
	return c->model;
}
