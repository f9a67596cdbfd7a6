#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/rng.h"
#include "engine/model/checkpoint.h"
#include "engine/train/pretrain_impl.h"

struct pretrain_settings
pretrain_defaults(void)
{
	return (struct pretrain_settings){
		.steps = 12000,
		.warmup = 100,
		.lr = 2e-3,
		.floor = 0.05,
		.beta1 = 0.9,
		.beta2 = 0.95,
		.eps = 1e-8,
		.decay = 0.1,
		.clip = 1.0,
	};
}

static size_t
tensor_count(const struct config *c)
{
	return 2 + (2 + (size_t)MAT_KINDS) * (size_t)c->layers;
}

/* Appends a tensor at *at of the vector. */
static void
tensor_add(struct pretrain *p, size_t *at, int rows, int cols, const char *name, int layer)
{
	struct pretrain_tensor *t = &p->tensor[p->tensors];

	if (layer < 0)
		snprintf(p->name[p->tensors], PRETRAIN_NAME, "%s", name);
	else
		snprintf(p->name[p->tensors], PRETRAIN_NAME, "model.layers.%d.%s.weight", layer,
			 name);
	*t = (struct pretrain_tensor){.name = p->name[p->tensors++],
				      .rows = rows,
				      .cols = cols,
				      .w = p->w ? p->w + *at : NULL,
				      .g = p->g ? p->g + *at : NULL};
	*at += (size_t)rows * (size_t)cols;
}

/* Lays the tensors out; returns the vector's size. */
static size_t
layout(struct pretrain *p)
{
	static const char *const kind[MAT_KINDS] = {
		[MAT_Q] = "self_attn.q_proj", [MAT_K] = "self_attn.k_proj",
		[MAT_V] = "self_attn.v_proj", [MAT_O] = "self_attn.o_proj",
		[MAT_GATE] = "mlp.gate_proj", [MAT_UP] = "mlp.up_proj",
		[MAT_DOWN] = "mlp.down_proj",
	};
	const struct config *c = &p->c;
	int q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
	const int shape[MAT_KINDS][2] = {
		[MAT_Q] = {q, c->hidden},	  [MAT_K] = {kv, c->hidden},
		[MAT_V] = {kv, c->hidden},	  [MAT_O] = {c->hidden, q},
		[MAT_GATE] = {c->ffn, c->hidden}, [MAT_UP] = {c->ffn, c->hidden},
		[MAT_DOWN] = {c->hidden, c->ffn},
	};
	size_t at = 0;

	p->tensors = 0;
	tensor_add(p, &at, c->vocab, c->hidden, "model.embed_tokens.weight", -1);
	p->norms = at;
	for (int l = 0; l < c->layers; l++) {
		tensor_add(p, &at, 1, c->hidden, "input_layernorm", l);
		tensor_add(p, &at, 1, c->hidden, "post_attention_layernorm", l);
	}
	tensor_add(p, &at, 1, c->hidden, "model.norm.weight", -1);
	p->matrices = at;
	for (int l = 0; l < c->layers; l++)
		for (int k = 0; k < MAT_KINDS; k++)
			tensor_add(p, &at, shape[k][0], shape[k][1], kind[k], l);
	return at;
}

/* Wide embedding and sharp queries and keys: with the usual 0.02 a model of this size takes far longer to learn to copy
 * (the first of its sudden steps).  Matrices that write into the residual stream start smaller, as in GPT-2. */
static void
weights_draw(struct pretrain *p)
{
	double into = 0.049 / sqrt(2.0 * p->c.layers);
	const double std[MAT_KINDS] = {
		[MAT_Q] = 0.098,    [MAT_K] = 0.098,  [MAT_V] = 0.049,	 [MAT_O] = into,
		[MAT_GATE] = 0.049, [MAT_UP] = 0.049, [MAT_DOWN] = into,
	};
	int first = 2 + 2 * p->c.layers;

	for (int i = 0; i < p->tensors; i++) {
		const struct pretrain_tensor *t = &p->tensor[i];
		size_t n = (size_t)t->rows * (size_t)t->cols;
		struct rng r;

		rng_seed(&r, p->s.seed, 0x696e6974, (uint64_t)i);
		for (size_t j = 0; j < n; j++)
			t->w[j] = t->rows == 1 ? 1.0f
					       : (float)(rng_normal(&r) *
							 (i ? std[(i - first) % MAT_KINDS] : 0.1));
	}
}

static enum t2_status
shards_make(struct pretrain *p, struct t2_err *err)
{
	for (int i = 0; i < PRETRAIN_SHARDS; i++) {
		struct pretrain_shard *s = &p->shard[i];
		enum t2_status st = tape_new(&s->tape, p->model, NULL, err);

		if (st)
			return st;
		s->p = p;
		s->op = pretrain_linear(s);
		s->g = malloc(p->n * sizeof *s->g);
		if (!s->g)
			return t2_nomem(err, "pretraining");
	}
	return T2_OK;
}

static enum t2_status
model_make(struct pretrain *p, struct t2_err *err)
{
	struct tensor *t = calloc(tensor_count(&p->c), sizeof *t);
	enum t2_status st;

	if (!t)
		return t2_nomem(err, "pretraining");
	for (int i = 0; i < p->tensors; i++) {
		const struct pretrain_tensor *from = &p->tensor[i];

		t[i] = (struct tensor){
			.name = from->name,
			.type_name = "F32",
			.type = T2_F32,
			.ndim = from->rows == 1 ? 1 : 2,
			.shape = {from->rows == 1 ? from->cols : from->rows, from->cols},
			.data = from->w,
			.bytes = (size_t)from->rows * (size_t)from->cols * sizeof(float)};
	}
	st = model_from_memory(&p->model, &p->c, t, p->tensors, err);
	free(t);
	return st;
}

enum t2_status
pretrain_new(struct pretrain **out, const struct config *c, const struct pretrain_settings *s,
	     struct pool *pool, struct t2_err *err)
{
	struct pretrain *p;
	enum t2_status st;

	*out = NULL;
	if (!c->tied)
		return t2_fail(err, T2_EUNSUP,
			       "pretraining: only models whose head is the embedding");
	p = calloc(1, sizeof *p);
	if (!p)
		return t2_nomem(err, "pretraining");
	p->c = *c;
	p->s = *s;
	p->pool = pool;
	p->tensor = calloc(tensor_count(c), sizeof *p->tensor);
	p->name = calloc(tensor_count(c), sizeof *p->name);
	if (!p->tensor || !p->name)
		goto nomem;
	p->n = layout(p);
	p->w = calloc(p->n, sizeof *p->w);
	p->g = calloc(p->n, sizeof *p->g);
	p->m = calloc(p->n, sizeof *p->m);
	p->v = calloc(p->n, sizeof *p->v);
	p->partial = calloc(p->n / PRETRAIN_CHUNK + 1, sizeof *p->partial);
	if (!p->w || !p->g || !p->m || !p->v || !p->partial)
		goto nomem;
	layout(p); /* now with addresses */
	weights_draw(p);
	st = model_make(p, err);
	if (!st)
		st = shards_make(p, err);
	if (st) {
		pretrain_free(p);
		return st;
	}
	*out = p;
	return T2_OK;
nomem:
	pretrain_free(p);
	return t2_nomem(err, "pretraining");
}

void
pretrain_free(struct pretrain *p)
{
	if (!p)
		return;
	for (int i = 0; i < PRETRAIN_SHARDS; i++) {
		tape_free(p->shard[i].tape);
		floats_free(&p->shard[i].logits);
		floats_free(&p->shard[i].dhidden);
		free(p->shard[i].g);
	}
	model_free(p->model);
	free(p->row_loss);
	free(p->partial);
	free(p->tensor);
	free(p->name);
	free(p->w);
	free(p->g);
	free(p->m);
	free(p->v);
	free(p);
}

const struct model *
pretrain_model(const struct pretrain *p)
{
	return p->model;
}

int
pretrain_tensors(const struct pretrain *p)
{
	return p->tensors;
}

struct pretrain_tensor
pretrain_tensor(const struct pretrain *p, int i)
{
	return p->tensor[i];
}

int
pretrain_done(const struct pretrain *p)
{
	return p->done;
}

double
pretrain_rate(const struct pretrain *p)
{
	const struct pretrain_settings *s = &p->s;
	double at;

	if (p->done < s->warmup)
		return s->lr * (p->done + 1) / s->warmup;
	at = (double)(p->done - s->warmup) / (s->steps > s->warmup ? s->steps - s->warmup : 1);
	return s->lr * (s->floor + (1 - s->floor) * 0.5 * (1 + cos(M_PI * (at < 1 ? at : 1))));
}
