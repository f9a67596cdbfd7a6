#include "engine/model/config.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/strbuf.h"
#include "engine/model/checkpoint.h"
#include "engine/model/gguf.h"

enum {
	LAYERS_MAX = 1024,
	HIDDEN_MAX = 1 << 17,
	HEADS_MAX = 1024,
	HEAD_DIM_MAX = 1024,
	FFN_MAX = 1 << 20,
	VOCAB_MAX = 1 << 24,
	CONTEXT_MAX = 1 << 28,
	TEXT_SHOWN = 60, /* bytes of a foreign word in a message */
};

/* What both kinds of file must agree with. */
static enum t2_status
check(const struct config *f, const char *where, struct t2_err *err)
{
	if (f->heads % f->kv_heads)
		return t2_fail(err, T2_EFORMAT,
			       "%s: %d heads are not a multiple of %d key-value heads", where,
			       f->heads, f->kv_heads);
	if (f->head_dim % 2)
		return t2_fail(err, T2_EFORMAT,
			       "%s: head size %d is odd: its numbers cannot be rotated in pairs",
			       where, f->head_dim);
	if (!(f->rms_eps > 0 && f->rms_eps < 1))
		return t2_fail(err, T2_EFORMAT, "%s: RMS norm epsilon %g is not in 0 .. 1", where,
			       (double)f->rms_eps);
	if (!(f->rope_theta >= 1 && f->rope_theta <= 1e15))
		return t2_fail(err, T2_EFORMAT, "%s: rope theta %g is not in 1 .. 1e15", where,
			       f->rope_theta);
	if (!(f->rope_linear > 0 && f->rope_linear <= 1e6))
		return t2_fail(err, T2_EFORMAT, "%s: rope factor %g is not in 0 .. 1e6", where,
			       f->rope_linear);
	if (f->rope_llama3 && !(f->rope_factor > 0 && f->rope_factor <= 1e6 && f->rope_low > 0 &&
				f->rope_high > f->rope_low && f->rope_high <= 1e6))
		return t2_fail(err, T2_EFORMAT,
			       "%s: llama3 rope scaling by %g between %g and %g makes no sense",
			       where, f->rope_factor, f->rope_low, f->rope_high);
	if (f->bos < -1 || f->bos >= f->vocab)
		return t2_fail(err, T2_EFORMAT, "%s: start token %d is not in the vocabulary of %d",
			       where, f->bos, f->vocab);
	return T2_OK;
}

static enum t2_status
add_eos(struct config *f, long long id, const char *where, struct t2_err *err)
{
	if (id < 0 || id >= f->vocab)
		return t2_fail(err, T2_EFORMAT, "%s: end token %lld is not in the vocabulary of %d",
			       where, id, f->vocab);
	for (int i = 0; i < f->eos_count; i++)
		if (f->eos[i] == id)
			return T2_OK;
	if (f->eos_count == T2_MAX_EOS)
		return t2_fail(err, T2_EUNSUP, "%s: more than %d end tokens", where, T2_MAX_EOS);
	f->eos[f->eos_count++] = (int)id;
	return T2_OK;
}

/* config.json. */

static const struct json_arch {
	const char *name;
	bool kv_default;    /* key-value heads default to heads */
	bool window;	    /* "sliding_window" is on unless null */
	bool window_switch; /* ... and only with "use_sliding_window" */
	bool bias_switches; /* "attention_bias" and "mlp_bias" count */
	enum bias_rule bias_qkv;
} json_archs[] = {
	{.name = "llama", .kv_default = true, .bias_switches = true},
	{.name = "mistral", .window = true},
	{.name = "qwen2", .window = true, .window_switch = true, .bias_qkv = BIAS_NEEDED},
};

static const struct json_arch *
json_arch(const char *name)
{
	for (size_t i = 0; i < sizeof json_archs / sizeof *json_archs; i++)
		if (!strcmp(json_archs[i].name, name))
			return &json_archs[i];
	return NULL;
}

static bool
given(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return v && !json_is_null(v);
}

/* Things that would make the computation another one. */
static enum t2_status
refuse_json(const json_t *root, const struct json_arch *a, int context, const char *where,
	    struct t2_err *err)
{
	const char *act = "silu";
	const json_t *types = json_object_get(root, "layer_types"), *v;
	bool use_window = true;
	int window = INT_MAX;
	double part = 1;
	size_t i;
	enum t2_status st = json_opt_string(root, "hidden_act", &act, where, err);

	if (!st && strcmp(act, "silu"))
		return t2_fail(err, T2_EUNSUP,
			       "%s: hidden_act \"%.*s\" is not supported, only \"silu\"", where,
			       TEXT_SHOWN, act);
	if (!st && given(root, "quantization_config"))
		return t2_fail(
			err, T2_EUNSUP,
			"%s: quantization_config: weights packed by another library are not read: "
			"use the F16 or BF16 model, or a GGUF",
			where);
	if (!st)
		st = json_opt_double(root, "partial_rotary_factor", &part, where, err);
	if (!st && part != 1)
		return t2_fail(err, T2_EUNSUP,
			       "%s: partial_rotary_factor %g is not supported, only 1", where,
			       part);
	if (!st && a->window_switch) {
		use_window = false;
		st = json_opt_bool(root, "use_sliding_window", &use_window, where, err);
	}
	if (!st && a->window && use_window)
		st = json_opt_int(root, "sliding_window", 1, INT_MAX, &window, where, err);
	if (st)
		return st;
	if (window < context)
		return t2_fail(err, T2_EUNSUP,
			       "%s: sliding_window %d below the context of %d is not supported: "
			       "lower max_position_embeddings to it to use the model that far",
			       where, window, context);
	json_array_foreach ((json_t *)types, i, v)
		if (!json_is_string(v) || strcmp(json_string_value(v), "full_attention"))
			return t2_fail(err, T2_EUNSUP,
				       "%s: layer_types: only "
				       "\"full_attention\" is supported",
				       where);
	return T2_OK;
}

static enum t2_status
read_rope(struct config *f, const json_t *root, const char *where, struct t2_err *err)
{
	const json_t *old = json_object_get(root, "rope_scaling"),
		     *new = json_object_get(root, "rope_parameters");
	const json_t *rope = given(root, "rope_scaling") ? old : new;
	const char *type = "default";
	double part = 1;
	enum t2_status st;

	f->rope_theta = 10000;
	f->rope_linear = 1;
	if ((given(root, "rope_scaling") && !json_is_object(old)) ||
	    (given(root, "rope_parameters") && !json_is_object(new)))
		return t2_fail(err, T2_EFORMAT,
			       "%s: \"rope_scaling\" or \"rope_parameters\" is not an object",
			       where);
	/* transformers 5 writes theta among the parameters; that one counts where both are there */
	st = json_opt_double(root, "rope_theta", &f->rope_theta, where, err);
	if (!st)
		st = json_opt_double(new, "rope_theta", &f->rope_theta, where, err);
	if (!st)
		st = json_opt_double(rope, "rope_theta", &f->rope_theta, where, err);
	if (!st)
		st = json_opt_double(rope, "partial_rotary_factor", &part, where, err);
	if (!st)
		st = json_opt_string(rope, "type", &type, where, err);
	if (!st)
		st = json_opt_string(rope, "rope_type", &type, where, err);
	if (st)
		return st;
	if (part != 1)
		return t2_fail(err, T2_EUNSUP,
			       "%s: partial_rotary_factor %g is not supported, only 1", where,
			       part);
	if (!strcmp(type, "default"))
		return T2_OK;
	if (strcmp(type, "linear") && strcmp(type, "llama3"))
		return t2_fail(err, T2_EUNSUP,
			       "%s: rope scaling \"%.*s\" is not supported, only linear and llama3",
			       where, TEXT_SHOWN, type);
	if (!given(rope, "factor"))
		return t2_fail(err, T2_EFORMAT, "%s: rope scaling \"%s\" without \"factor\"", where,
			       type);
	if (!strcmp(type, "linear"))
		return json_opt_double(rope, "factor", &f->rope_linear, where, err);
	f->rope_llama3 = true;
	st = json_opt_double(rope, "factor", &f->rope_factor, where, err);
	if (!st)
		st = json_opt_double(rope, "low_freq_factor", &f->rope_low, where, err);
	if (!st)
		st = json_opt_double(rope, "high_freq_factor", &f->rope_high, where, err);
	if (!st)
		st = json_want_int(rope, "original_max_position_embeddings", 1, CONTEXT_MAX,
				   &f->rope_original, where, err);
	return st;
}

/* A token id, a list of them, or nothing. */
static enum t2_status
read_eos(struct config *f, const json_t *root, const char *where, struct t2_err *err)
{
	const json_t *v = json_object_get(root, "eos_token_id"), *e;
	enum t2_status st = T2_OK;
	size_t i;

	if (json_is_integer(v))
		return add_eos(f, json_integer_value(v), where, err);
	if (v && !json_is_null(v) && !json_is_array(v))
		return t2_fail(err, T2_EFORMAT, "%s: \"eos_token_id\" is not an integer or a list",
			       where);
	json_array_foreach ((json_t *)v, i, e) {
		if (!json_is_integer(e))
			return t2_fail(err, T2_EFORMAT,
				       "%s: \"eos_token_id\" holds something else than integers",
				       where);
		st = add_eos(f, json_integer_value(e), where, err);
		if (st)
			break;
	}
	return st;
}

static enum t2_status
read_biases(struct config *f, const json_t *root, const struct json_arch *a, const char *where,
	    struct t2_err *err)
{
	bool attention = false, mlp = false;
	enum t2_status st = T2_OK;

	f->bias_qkv = a->bias_qkv;
	if (!a->bias_switches)
		return T2_OK;
	st = json_opt_bool(root, "attention_bias", &attention, where, err);
	if (!st)
		st = json_opt_bool(root, "mlp_bias", &mlp, where, err);
	f->bias_qkv = f->bias_o = attention ? BIAS_NEEDED : BIAS_NONE;
	f->bias_mlp = mlp ? BIAS_NEEDED : BIAS_NONE;
	return st;
}

static enum t2_status
read_sizes(struct config *f, const json_t *root, const struct json_arch *a, const char *where,
	   struct t2_err *err)
{
	const struct {
		const char *key;
		int max, *out;
	} sizes[] = {
		{"num_hidden_layers", LAYERS_MAX, &f->layers},
		{"hidden_size", HIDDEN_MAX, &f->hidden},
		{"num_attention_heads", HEADS_MAX, &f->heads},
		{"intermediate_size", FFN_MAX, &f->ffn},
		{"vocab_size", VOCAB_MAX, &f->vocab},
		{"max_position_embeddings", CONTEXT_MAX, &f->context},
	};
	enum t2_status st = T2_OK;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes && !st; i++)
		st = json_want_int(root, sizes[i].key, 1, sizes[i].max, sizes[i].out, where, err);
	if (st)
		return st;
	if (a->kv_default) {
		f->kv_heads = f->heads;
		st = json_opt_int(root, "num_key_value_heads", 1, HEADS_MAX, &f->kv_heads, where,
				  err);
	} else {
		st = json_want_int(root, "num_key_value_heads", 1, HEADS_MAX, &f->kv_heads, where,
				   err);
	}
	if (!st)
		st = json_opt_int(root, "head_dim", 1, HEAD_DIM_MAX, &f->head_dim, where, err);
	if (st || f->head_dim)
		return st;
	if (f->hidden % f->heads || f->hidden / f->heads > HEAD_DIM_MAX)
		return t2_fail(
			err, T2_EFORMAT,
			"%s: hidden_size %d is not %d heads of at most %d: \"head_dim\" is missing",
			where, f->hidden, f->heads, HEAD_DIM_MAX);
	f->head_dim = f->hidden / f->heads;
	return T2_OK;
}

static enum t2_status
from_json(struct config *f, const json_t *root, const char *where, struct t2_err *err)
{
	const struct json_arch *a;
	const char *arch;
	double eps = 1e-6; /* transformers' default */
	enum t2_status st;

	if (!json_is_object(root))
		return t2_fail(err, T2_EFORMAT, "%s: not an object", where);
	st = json_want_string(root, "model_type", &arch, where, err);
	if (st)
		return st;
	a = json_arch(arch);
	if (!a)
		return t2_fail(
			err, T2_EUNSUP,
			"%s: model_type \"%.*s\" is not supported: llama, mistral and qwen2 are",
			where, TEXT_SHOWN, arch);
	snprintf(f->arch, sizeof f->arch, "%s", arch);
	st = read_sizes(f, root, a, where, err);
	if (!st)
		st = refuse_json(root, a, f->context, where, err);
	if (!st)
		st = read_rope(f, root, where, err);
	if (!st)
		st = read_biases(f, root, a, where, err);
	if (!st)
		st = json_opt_double(root, "rms_norm_eps", &eps, where, err);
	if (!st)
		st = json_opt_bool(root, "tie_word_embeddings", &f->tied, where, err);
	if (!st)
		st = json_opt_int(root, "bos_token_id", -1, VOCAB_MAX, &f->bos, where, err);
	if (!st)
		st = read_eos(f, root, where, err);
	f->rms_eps = (float)eps;
	return st ? st : check(f, where, err);
}

static enum t2_status
read_json(struct config *f, const struct checkpoint *c, struct t2_err *err)
{
	char *path = checkpoint_beside(c, "config.json"),
	     *more = checkpoint_beside(c, "generation_config.json");
	json_t *root = NULL, *generation = NULL;
	enum t2_status st =
		path && more ? json_read_file(&root, path, err) : t2_nomem(err, "config.json");

	if (!st)
		st = from_json(f, root, path, err);
	if (!st) {
		st = json_read_file(&generation, more, err);
		if (!st)
			st = read_eos(f, generation, more, err);
		else if (st == T2_ENOTFOUND) /* few models have one */
			st = T2_OK;
	}
	json_decref(root);
	json_decref(generation);
	free(path);
	free(more);
	return st;
}

/* GGUF. */

struct source {
	const struct gguf *g;
	const char *arch, *where;
	char key[128];
};

static const char *
key_of(struct source *s, const char *name)
{
	snprintf(s->key, sizeof s->key, "%s.%s", s->arch, name);
	return s->key;
}

static enum t2_status
opt_count(struct source *s, const char *name, uint32_t max, int *out, struct t2_err *err)
{
	uint32_t x;

	if (!gguf_has(s->g, key_of(s, name)))
		return T2_OK;
	if (!gguf_u32(s->g, s->key, &x))
		return t2_fail(err, T2_EUNSUP,
			       "%s: %s is not one natural number (layers of different sizes are "
			       "not supported)",
			       s->where, s->key);
	if (x < 1 || x > max)
		return t2_fail(err, T2_EFORMAT, "%s: %s is %u, not in 1 .. %u", s->where, s->key, x,
			       max);
	*out = (int)x;
	return T2_OK;
}

static enum t2_status
want_count(struct source *s, const char *name, uint32_t max, int *out, struct t2_err *err)
{
	if (!gguf_has(s->g, key_of(s, name)))
		return t2_fail(err, T2_EFORMAT, "%s: %s is missing", s->where, s->key);
	return opt_count(s, name, max, out, err);
}

static enum t2_status
opt_real(struct source *s, const char *name, float *out, struct t2_err *err)
{
	if (gguf_has(s->g, key_of(s, name)) && !gguf_f32(s->g, s->key, out))
		return t2_fail(err, T2_EFORMAT, "%s: %s is not a real number", s->where, s->key);
	return T2_OK;
}

static bool
is_text(struct gguf_str s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.s, text, s.len);
}

/* Things that would make the computation another one, where they are there and not zero. */
static enum t2_status
refuse_gguf(struct source *s, int context, struct t2_err *err)
{
	static const char *const counts[] = {"expert_count", "nextn_predict_layers",
					     "attention.shared_kv_layers"};
	static const char *const reals[] = {
		"attention.scale",	  "attention.max_alibi_bias", "attention.clamp_kqv",
		"embedding_scale",	  "residual_scale",	      "logit_scale",
		"attn_logit_softcapping", "final_logit_softcapping",  "attention.temperature_scale",
	};
	bool causal = true;
	uint32_t n;
	float x;

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		if (gguf_u32(s->g, key_of(s, counts[i]), &n) && n)
			return t2_fail(err, T2_EUNSUP, "%s: %s = %u is not supported", s->where,
				       s->key, n);
	for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
		if (gguf_f32(s->g, key_of(s, reals[i]), &x) && x != 0)
			return t2_fail(err, T2_EUNSUP, "%s: %s = %g is not supported", s->where,
				       s->key, (double)x);
	if (gguf_bool(s->g, key_of(s, "attention.causal"), &causal) && !causal)
		return t2_fail(err, T2_EUNSUP, "%s: attention that is not causal is not supported",
			       s->where);
	if (gguf_u32(s->g, key_of(s, "attention.sliding_window"), &n) && n && n < (uint32_t)context)
		return t2_fail(err, T2_EUNSUP,
			       "%s: %s = %u below the context of %d is not supported", s->where,
			       s->key, n, context);
	return T2_OK;
}

static enum t2_status
gguf_rope(struct config *f, struct source *s, struct t2_err *err)
{
	struct gguf_str type = {"linear", 6}; /* the format's meaning of a factor alone */
	float theta = 10000, factor = 0, magnitude = 1;
	int dims = f->head_dim;
	enum t2_status st = opt_count(s, "rope.dimension_count", HEAD_DIM_MAX, &dims, err);

	if (!st)
		st = opt_real(s, "rope.freq_base", &theta, err);
	if (!st)
		st = opt_real(s, "rope.scale_linear", &factor, err);
	if (!st)
		st = opt_real(s, "rope.scaling.factor", &factor, err);
	if (!st)
		st = opt_real(s, "rope.scaling.attn_factor", &magnitude, err);
	if (st)
		return st;
	if (magnitude != 1)
		return t2_fail(err, T2_EUNSUP, "%s: %s = %g is not supported", s->where, s->key,
			       (double)magnitude);
	if (dims != f->head_dim)
		return t2_fail(err, T2_EUNSUP,
			       "%s: rotating %d of %d numbers a head is not supported", s->where,
			       dims, f->head_dim);
	gguf_string(s->g, key_of(s, "rope.scaling.type"), &type);
	if (!is_text(type, "none") && !is_text(type, "linear"))
		return t2_fail(err, T2_EUNSUP,
			       "%s: %s \"%.*s\" is not supported, only none and linear", s->where,
			       s->key, (int)(type.len < TEXT_SHOWN ? type.len : TEXT_SHOWN),
			       type.s);
	f->rope_theta = (double)theta;
	f->rope_linear = is_text(type, "linear") && factor != 0 ? (double)factor : 1;
	return T2_OK;
}

static enum t2_status
gguf_tokens(struct config *f, struct source *s, struct t2_err *err)
{
	static const char *const ends[] = {"tokenizer.ggml.eos_token_id",
					   "tokenizer.ggml.eot_token_id",
					   "tokenizer.ggml.eom_token_id"};
	enum t2_status st = T2_OK;
	uint32_t id;

	if (gguf_u32(s->g, "tokenizer.ggml.bos_token_id", &id))
		f->bos = id < INT_MAX ? (int)id
				      : INT_MAX; /* check() refuses what is not in the vocabulary */
	for (size_t i = 0; i < sizeof ends / sizeof *ends && !st; i++)
		if (gguf_u32(s->g, ends[i], &id))
			st = add_eos(f, id, s->where, err);
	return st;
}

static enum t2_status
gguf_sizes(struct config *f, struct source *s, struct t2_err *err)
{
	const struct {
		const char *key;
		uint32_t max;
		int *out;
	} sizes[] = {
		{"block_count", LAYERS_MAX, &f->layers},
		{"embedding_length", HIDDEN_MAX, &f->hidden},
		{"attention.head_count", HEADS_MAX, &f->heads},
		{"feed_forward_length", FFN_MAX, &f->ffn},
		{"context_length", CONTEXT_MAX, &f->context},
	};
	enum t2_status st = T2_OK;
	int values;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes && !st; i++)
		st = want_count(s, sizes[i].key, sizes[i].max, sizes[i].out, err);
	f->kv_heads = f->heads;
	if (!st)
		st = opt_count(s, "attention.head_count_kv", HEADS_MAX, &f->kv_heads, err);
	if (!st)
		st = opt_count(s, "attention.key_length", HEAD_DIM_MAX, &f->head_dim, err);
	if (st)
		return st;
	if (!f->head_dim && (f->hidden % f->heads || f->hidden / f->heads > HEAD_DIM_MAX))
		return t2_fail(err, T2_EFORMAT,
			       "%s: embedding_length %d is not %d heads of at most %d", s->where,
			       f->hidden, f->heads, HEAD_DIM_MAX);
	if (!f->head_dim)
		f->head_dim = f->hidden / f->heads;
	values = f->head_dim;
	st = opt_count(s, "attention.value_length", HEAD_DIM_MAX, &values, err);
	if (!st && values != f->head_dim)
		return t2_fail(err, T2_EUNSUP,
			       "%s: keys of %d and values of %d numbers are not supported",
			       s->where, f->head_dim, values);
	return st;
}

static enum t2_status
read_gguf(struct config *f, const struct checkpoint *c, struct t2_err *err)
{
	struct source s = {.g = checkpoint_gguf(c), .where = checkpoint_path(c)};
	const struct tensor *embed = checkpoint_find(c, "model.embed_tokens.weight");
	struct gguf_str arch;
	enum t2_status st;

	if (!gguf_string(s.g, "general.architecture", &arch))
		return t2_fail(err, T2_EFORMAT, "%s: general.architecture is missing", s.where);
	if (!is_text(arch, "llama") && !is_text(arch, "qwen2"))
		return t2_fail(err, T2_EUNSUP,
			       "%s: architecture \"%.*s\" is not supported: llama and qwen2 are",
			       s.where, (int)(arch.len < TEXT_SHOWN ? arch.len : TEXT_SHOWN),
			       arch.s);
	snprintf(f->arch, sizeof f->arch, "%.*s", (int)arch.len, arch.s);
	s.arch = f->arch;
	if (!embed || embed->ndim != 2 || embed->shape[0] < 1 || embed->shape[0] > VOCAB_MAX)
		return t2_fail(
			err, T2_EFORMAT,
			"%s: tensor token_embd.weight is missing or no table of at most %d rows",
			s.where, VOCAB_MAX);
	f->vocab = (int)embed->shape[0];
	f->tied = !checkpoint_find(c, "lm_head.weight");
	/* llama's q and k rows were permuted by the converter, qwen2's were not */
	f->rope_pairs = is_text(arch, "llama");
	f->bias_qkv = f->bias_o = f->bias_mlp = BIAS_OPTIONAL;
	st = gguf_sizes(f, &s, err);
	if (!st)
		st = refuse_gguf(&s, f->context, err);
	if (!st)
		st = gguf_rope(f, &s, err);
	if (!st && !gguf_has(s.g, key_of(&s, "attention.layer_norm_rms_epsilon")))
		st = t2_fail(err, T2_EFORMAT, "%s: %s is missing", s.where, s.key);
	if (!st)
		st = opt_real(&s, "attention.layer_norm_rms_epsilon", &f->rms_eps, err);
	if (!st)
		st = gguf_tokens(f, &s, err);
	return st ? st : check(f, s.where, err);
}

enum t2_status
config_read(struct config *out, const struct checkpoint *c, struct t2_err *err)
{
	memset(out, 0, sizeof *out);
	out->bos = -1;
	return checkpoint_gguf(c) ? read_gguf(out, c, err) : read_json(out, c, err);
}

void
config_describe(const struct config *f, struct strbuf *out)
{
	strbuf_printf(
		out,
		"layers %d hidden %d heads %d/%d x %d ffn %d vocab %d eps %a theta %a linear %a",
		f->layers, f->hidden, f->heads, f->kv_heads, f->head_dim, f->ffn, f->vocab,
		(double)f->rms_eps, f->rope_theta, f->rope_linear);
	if (f->rope_llama3)
		strbuf_printf(out, " llama3 %a %a %a %d", f->rope_factor, f->rope_low, f->rope_high,
			      f->rope_original);
	strbuf_printf(out, " %s%s", f->rope_pairs ? "pairs" : "halves", f->tied ? " tied" : "");
}
