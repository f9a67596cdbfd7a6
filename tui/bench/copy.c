#include "tui/bench/copy.h"

#include <stdio.h>
#include <string.h>

static void
stored_row(void *arg, int row, float *out)
{
	const struct weight *w = arg;
	size_t n = (size_t)w->n;

	dtype_to_f32(w->type, (const char *)w->data + (size_t)row * dtype_row_bytes(w->type, n), n,
		     out);
}

static enum t2_status
add_matrix(struct memmodel *c, const char *name, const struct weight *w, struct pool *pool,
	   struct t2_err *err)
{
	return memmodel_matrix(c, name, w->m, w->n, stored_row, (void *)w, pool, err);
}

static enum t2_status
add_layer(struct memmodel *c, const struct model *m, int layer, struct pool *pool,
	  struct t2_err *err)
{
	int hidden = model_config(m)->hidden;
	char name[160];
	enum t2_status st;

	snprintf(name, sizeof name, "model.layers.%d.input_layernorm.weight", layer);
	if ((st = memmodel_vector(c, name, model_norm_attn(m, layer), hidden, err)))
		return st;
	snprintf(name, sizeof name, "model.layers.%d.post_attention_layernorm.weight", layer);
	if ((st = memmodel_vector(c, name, model_norm_ffn(m, layer), hidden, err)))
		return st;
	for (int k = 0; k < MAT_KINDS; k++) {
		const struct weight *w = model_matrix(m, layer * MAT_KINDS + k);
		int stem = (int)(strlen(w->name) - strlen(".weight"));

		if ((st = add_matrix(c, w->name, w, pool, err)))
			return st;
		snprintf(name, sizeof name, "%.*s.bias", stem, w->name);
		if (w->bias && (st = memmodel_vector(c, name, w->bias, w->m, err)))
			return st;
	}
	return T2_OK;
}

static enum t2_status
fill(struct memmodel *c, const struct model *m, struct pool *pool, struct t2_err *err)
{
	const struct config *f = model_config(m);
	enum t2_status st = add_matrix(c, "model.embed_tokens.weight", model_embed(m), pool, err);

	if (!st && !f->tied)
		st = add_matrix(c, "lm_head.weight", model_head(m), pool, err);
	for (int i = 0; i < f->layers && !st; i++)
		st = add_layer(c, m, i, pool, err);
	if (!st)
		st = memmodel_vector(c, "model.norm.weight", model_norm_final(m), f->hidden, err);
	return st ? st : memmodel_finish(c, err);
}

enum t2_status
copy_new(struct memmodel **out, const struct model *m, enum dtype t, struct pool *pool,
	 struct t2_err *err)
{
	enum t2_status st;

	*out = NULL;
	if (model_rope_factors(m))
		return t2_fail(err, T2_EUNSUP,
			       "%s: a copy in memory cannot carry the file's rotary factors",
			       model_name(m));
	if ((st = memmodel_new(out, model_config(m), t, err)))
		return st;
	if ((st = fill(*out, m, pool, err))) {
		memmodel_free(*out);
		*out = NULL;
	}
	return st;
}
