/* config.h - what a Llama-architecture model is, from config.json or GGUF metadata.
 *
 *	if (config_read(&cfg, checkpoint, err)) return err->code;
 *	float q_scale = 1 / sqrtf((float)cfg.head_dim);
 *
 * Every number is in bounds that the rest of the engine may rely on: sizes at least 1 and far below INT_MAX (products of
 * two may not be: use size_t), heads a multiple of kv_heads, head_dim even, rope_theta, factors and rms_eps positive. */
#ifndef T2_CONFIG_H
#define T2_CONFIG_H

#include <stdbool.h>

#include "engine/base/status.h"

struct checkpoint;
struct strbuf;

enum { T2_MAX_EOS = 8 };
enum bias_rule { BIAS_NONE, BIAS_NEEDED, BIAS_OPTIONAL };

struct config {
	char arch[32]; /* "llama"; "mistral" and "qwen2", which compute the same but for biases */
	int layers, hidden, heads, kv_heads, head_dim, ffn, vocab, context;
	float rms_eps;
	double rope_theta;
	bool rope_llama3; /* Llama-3 frequency scaling with the four numbers below */
	double rope_factor, rope_low, rope_high;
	int rope_original;
	double rope_linear; /* position divisor ("linear" scaling); 1: none */
	bool rope_pairs; /* rotate neighbours 2i, 2i+1 (GGUF's permuted q and k rows), not i, i + d/2 */
	bool tied;	 /* output matrix is the embedding */
	enum bias_rule bias_qkv, bias_o, bias_mlp;
	int bos, eos[T2_MAX_EOS], eos_count; /* bos -1: none */
};

/* Reads config.json (generation_config.json for more end tokens) beside the checkpoint, or GGUF metadata.  Other
 * architectures are refused by name (T2_EUNSUP). */
enum t2_status config_read(struct config *out, const struct checkpoint *c, struct t2_err *err);

/* Everything that changes what the model computes, as text: the same for the same model however it was spelled. */
void config_describe(const struct config *cfg, struct strbuf *out);

#endif
