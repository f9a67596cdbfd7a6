/* model.h - an opened checkpoint as the matrices and vectors of a Llama model.
 *
 *	model_open(&m, path, err);
 *	const struct weight *w = model_matrix(m, layer * MAT_KINDS + MAT_UP);	// W[w->m][w->n], packed as stored
 *	model_free(m);
 *
 * Weights stay in the mapped file in their stored type; only norms and biases are copied to float32.  Immutable after
 * model_open(): any number of threads and sessions may share it.  An adaptation never belongs to the model.
 * y = W x: m outputs, n inputs; q is [heads * head_dim][hidden], k and v [kv_heads * head_dim][hidden]. */
#ifndef T2_MODEL_H
#define T2_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/status.h"
#include "engine/linalg/dtype.h"
#include "engine/model/config.h"

enum mat_kind { MAT_Q, MAT_K, MAT_V, MAT_O, MAT_GATE, MAT_UP, MAT_DOWN, MAT_KINDS };

struct weight {
	const char *
		name; /* the checkpoint's (Hugging Face) name, e.g. model.layers.0.mlp.up_proj.weight */
	enum dtype type;
	int m, n;
	const void *data;
	const float *bias; /* [m] or NULL */
};

struct model;
struct checkpoint;

/* path: as checkpoint_open() takes it (store names and "sample" are resolved by the caller).  Tensors that the config
 * does not account for are refused by name where they would take part in a layer or the output, else ignored. */
enum t2_status model_open(struct model **out, const char *path, struct t2_err *err);
/* A model over the caller's own tensors, which may change between passes (pre-training): names and data are borrowed until
 * model_free(), norms are float32.  It has no checkpoint, and its fingerprint is "". */
struct tensor;
enum t2_status model_from_memory(struct model **out, const struct config *c,
				 const struct tensor *tensors, int count, struct t2_err *err);
void model_free(struct model *m);

const struct config *model_config(const struct model *m);
const struct checkpoint *model_checkpoint(const struct model *m); /* NULL: from memory */
const char *model_path(const struct model *m);
const char *model_name(const struct model *m); /* last part of the path, without .gguf */
/* Another name for it in messages, where its owner knows a better one than its folder's. */
enum t2_status model_call(struct model *m, const char *name, struct t2_err *err);
/* 32 hex digits: XXH3-128 of headers, sampled pages and the config's numbers; the path has no part in it. */
const char *model_fingerprint(const struct model *m);
long model_parameters(const struct model *m); /* numbers stored, tied ones once */

/* The adaptable matrices: index = layer * MAT_KINDS + kind. */
int model_matrices(const struct model *m);
const struct weight *model_matrix(const struct model *m, int index);
int model_matrix_find(const struct model *m, const char *name); /* -1: none */
int weight_rank(const struct weight *w);			/* min(m, n) */
const char *mat_kind_name(enum mat_kind k);			/* "q", "gate" ... */
bool mat_kind_in(enum mat_kind k, const char *modules); /* modules: "mlp", "attn" or "all" */

const struct weight *model_embed(const struct model *m); /* [vocab][hidden] */
const struct weight *
model_head(const struct model *m); /* [vocab][hidden]; the embedding where tied */
const float *model_norm_attn(const struct model *m, int layer); /* [hidden] */
const float *model_norm_ffn(const struct model *m, int layer);
const float *model_norm_final(const struct model *m);
/* [head_dim / 2], NULL where there are none: the frequency theta^(-2i / head_dim) of pair i is divided by factor i (how
 * GGUF files carry Llama-3 scaling). */
const float *model_rope_factors(const struct model *m);

#endif
