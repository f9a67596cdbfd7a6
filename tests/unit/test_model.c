#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "engine/base/mapfile.h"
#include "engine/model/checkpoint.h"
#include "engine/model/model.h"
#include "tests/lib/ggufmake.h"
#include "tests/lib/golden.h"
#include "tests/lib/tinymodel.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define L	 TINY_LAYER

static void
test_config_json(void **state)
{
	static const struct {
		const char *patch;
		enum t2_status want;
		const char *says;
	} cases[] = {
		{"{}", T2_OK, ""},
		{"{\"rope_scaling\":null,\"rope_theta\":500000,\"head_dim\":null,\"sliding_"
		 "window\":4}",
		 T2_OK, ""},
		{"{\"num_key_value_heads\":\"-\"}", T2_EMISMATCH, "k_proj.weight\" is not [8][8]"},
		{"{\"model_type\":\"-\"}", T2_EFORMAT, "\"model_type\" is missing"},
		{"{\"model_type\":\"gemma\"}", T2_EUNSUP, "\"gemma\""},
		{"{\"model_type\":7}", T2_EFORMAT, "not a string"},
		{"{\"hidden_size\":\"-\"}", T2_EFORMAT, "\"hidden_size\" is missing"},
		{"{\"hidden_size\":0}", T2_EFORMAT, "hidden_size"},
		{"{\"hidden_size\":-8}", T2_EFORMAT, "hidden_size"},
		{"{\"hidden_size\":8.0}", T2_EFORMAT, "hidden_size"},
		{"{\"hidden_size\":1000000000000}", T2_EFORMAT, "hidden_size"},
		{"{\"hidden_size\":9}", T2_EFORMAT, "head_dim"},
		{"{\"hidden_size\":16}", T2_EMISMATCH, "[5][16]"},
		{"{\"num_hidden_layers\":2}", T2_EFORMAT,
		 "model.layers.1.input_layernorm.weight\" is missing"},
		{"{\"num_hidden_layers\":2000000000}", T2_EFORMAT, "num_hidden_layers"},
		{"{\"num_attention_heads\":3,\"head_dim\":4,\"num_key_value_heads\":2}", T2_EFORMAT,
		 "not a multiple"},
		{"{\"head_dim\":3}", T2_EFORMAT, "odd"},
		{"{\"head_dim\":2}", T2_EMISMATCH, "q_proj.weight\" is not [4][8]"},
		{"{\"vocab_size\":6}", T2_EMISMATCH, "embed_tokens.weight\" is not [6][8]"},
		{"{\"intermediate_size\":13}", T2_EMISMATCH, "mlp.gate_proj.weight"},
		{"{\"hidden_act\":\"gelu\"}", T2_EUNSUP, "gelu"},
		{"{\"hidden_act\":\"silu\"}", T2_OK, ""},
		{"{\"quantization_config\":{\"quant_method\":\"gptq\"}}", T2_EUNSUP,
		 "quantization_config"},
		{"{\"partial_rotary_factor\":0.5}", T2_EUNSUP, "partial_rotary_factor"},
		{"{\"rope_parameters\":{\"rope_theta\":1e4,\"partial_rotary_factor\":0.5}}",
		 T2_EUNSUP, "partial"},
		{"{\"rms_norm_eps\":0}", T2_EFORMAT, "epsilon"},
		{"{\"rms_norm_eps\":-1e-5}", T2_EFORMAT, "epsilon"},
		{"{\"rms_norm_eps\":\"1e-5\"}", T2_EFORMAT, "rms_norm_eps"},
		{"{\"rope_theta\":0}", T2_EFORMAT, "theta"},
		{"{\"rope_theta\":1e300}", T2_EFORMAT, "theta"},
		{"{\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}", T2_OK, ""},
		{"{\"rope_scaling\":{\"type\":\"linear\",\"factor\":0}}", T2_EFORMAT,
		 "rope factor"},
		{"{\"rope_scaling\":{\"type\":\"linear\"}}", T2_EFORMAT, "without \"factor\""},
		{"{\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2}}", T2_EUNSUP,
		 "\"dynamic\""},
		{"{\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2}}", T2_EUNSUP, "\"yarn\""},
		{"{\"rope_scaling\":[]}", T2_EFORMAT, "rope_scaling"},
		{"{\"rope_parameters\":3}", T2_EFORMAT, "rope_parameters"},
		{"{\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":1,"
		 "\"high_freq_factor\":4}}",
		 T2_EFORMAT, "original_max_position_embeddings"},
		{"{\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,"
		 "\"high_freq_factor\":1,"
		 "\"original_max_position_embeddings\":64}}",
		 T2_EFORMAT, "llama3"},
		{"{\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,"
		 "\"original_max_position_embeddings\":64}}",
		 T2_EFORMAT, "llama3"},
		{"{\"eos_token_id\":5}", T2_EFORMAT, "end token 5"},
		{"{\"eos_token_id\":[1,-1]}", T2_EFORMAT, "end token -1"},
		{"{\"eos_token_id\":[1,\"2\"]}", T2_EFORMAT, "eos_token_id"},
		{"{\"eos_token_id\":\"2\"}", T2_EFORMAT, "eos_token_id"},
		{"{\"eos_token_id\":null,\"bos_token_id\":null}", T2_OK, ""},
		{"{\"bos_token_id\":5}", T2_EFORMAT, "start token 5"},
		{"{\"attention_bias\":1}", T2_EFORMAT, "attention_bias"},
		{"{\"attention_bias\":true}", T2_EFORMAT, "q_proj.bias\" is missing"},
		{"{\"mlp_bias\":true}", T2_EFORMAT, "gate_proj.bias\" is missing"},
		{"{\"model_type\":\"mistral\"}", T2_OK, ""},
		{"{\"model_type\":\"mistral\",\"num_key_value_heads\":\"-\"}", T2_EFORMAT,
		 "num_key_value_heads"},
		{"{\"model_type\":\"mistral\",\"sliding_window\":null}", T2_OK, ""},
		{"{\"model_type\":\"mistral\",\"sliding_window\":32}", T2_OK, ""},
		{"{\"model_type\":\"mistral\",\"sliding_window\":31}", T2_EUNSUP,
		 "sliding_window 31"},
		{"{\"model_type\":\"qwen2\",\"sliding_window\":4}", T2_EFORMAT,
		 "q_proj.bias\" is missing"},
		{"{\"model_type\":\"qwen2\",\"sliding_window\":4,\"use_sliding_window\":true}",
		 T2_EUNSUP, "sliding_window 4"},
		{"{\"layer_types\":[\"full_attention\"]}", T2_OK, ""},
		{"{\"layer_types\":[\"full_attention\",\"sliding_attention\"]}", T2_EUNSUP,
		 "layer_types"},
		{"{\"tie_word_embeddings\":true}", T2_EMISMATCH, "differ"},
	};
	const char *folder = new_folder();

	(void)state;
	write_tensors(folder, NULL, NULL, 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		write_config(folder, cases[i].patch);
		expect_open(folder, cases[i].want, cases[i].says);
	}
	write_text(in_folder(folder, "config.json"), "[]");
	expect_open(folder, T2_EFORMAT, "not an object");
	write_text(in_folder(folder, "config.json"), "{");
	expect_open(folder, T2_EFORMAT, "config.json: line 1");
	write_text(in_folder(folder, "config.json"), "");
	expect_open(folder, T2_EFORMAT, "config.json: line 1");
	unlink(in_folder(folder, "config.json"));
	expect_open(folder, T2_ENOTFOUND, "config.json");
}

static void
test_generation_config(void **state)
{
	const char *folder = new_folder();
	struct model *m;
	struct t2_err err = {0};
	const struct config *f;

	(void)state;
	write_tensors(folder, NULL, NULL, 0);
	write_config(folder, "{\"eos_token_id\":[2,3]}");
	write_text(in_folder(folder, "generation_config.json"),
		   "{\"eos_token_id\":[3,4],\"bos_token_id\":0}");
	assert_int_equal(model_open(&m, folder, &err), T2_OK);
	f = model_config(m);
	assert_int_equal(f->eos_count, 3);
	assert_true(f->eos[0] == 2 && f->eos[1] == 3 && f->eos[2] == 4);
	assert_int_equal(f->bos, 1);
	assert_int_equal(f->rope_theta, 10000); /* nothing said: the default */
	assert_true(f->rope_linear == 1 && !f->rope_llama3 && !f->rope_pairs);
	model_free(m);
	write_text(in_folder(folder, "generation_config.json"), "{\"eos_token_id\":7}");
	expect_open(folder, T2_EFORMAT, "generation_config.json: end token 7");
	write_text(in_folder(folder, "generation_config.json"), "{");
	expect_open(folder, T2_EFORMAT, "generation_config.json: line");
}

static void
test_tensors(void **state)
{
	static const struct {
		const char *config, *drop;
		struct st_write more;
		enum t2_status want;
		const char *says;
	} cases[] = {
		{"{}",
		 "model.norm.weight",
		 {.name = NULL},
		 T2_EFORMAT,
		 "model.norm.weight\" is missing"},
		{"{}",
		 L "mlp.up_proj.weight",
		 {.name = NULL},
		 T2_EFORMAT,
		 "up_proj.weight\" is missing"},
		{"{}", "lm_head.weight", {.name = NULL}, T2_EFORMAT, "tie_word_embeddings"},
		{"{}",
		 "model.embed_tokens.weight",
		 {.name = NULL},
		 T2_EFORMAT,
		 "embed_tokens.weight\" is missing"},
		{"{\"tie_word_embeddings\":true}", "lm_head.weight", {.name = NULL}, T2_OK, ""},
		{"{\"tie_word_embeddings\":true}",
		 "model.embed_tokens.weight",
		 {.name = NULL},
		 T2_OK,
		 ""},
		{"{\"tie_word_embeddings\":true}",
		 "lm_head.weight",
		 {"lm_head.weight", "F32", 2, {5, 8}, numbers + 40, 160},
		 T2_OK,
		 ""},
		{"{}",
		 "model.norm.weight",
		 {"model.norm.weight", "F16", 1, {8}, numbers, 16},
		 T2_OK,
		 ""},
		{"{}",
		 "model.norm.weight",
		 {"model.norm.weight", "F64", 1, {8}, numbers, 64},
		 T2_EUNSUP,
		 "type F64"},
		{"{}",
		 "model.norm.weight",
		 {"model.norm.weight", "F32", 2, {8, 1}, numbers, 32},
		 T2_EMISMATCH,
		 "not [8]"},
		{"{}",
		 "model.norm.weight",
		 {"model.norm.weight", "F32", 1, {7}, numbers, 28},
		 T2_EMISMATCH,
		 "not [8]"},
		{"{}",
		 L "mlp.up_proj.weight",
		 {L "mlp.up_proj.weight", "I8", 2, {12, 8}, numbers, 96},
		 T2_EUNSUP,
		 "type I8"},
		{"{}",
		 L "mlp.up_proj.weight",
		 {L "mlp.up_proj.weight", "F32", 2, {8, 12}, numbers, 384},
		 T2_EMISMATCH,
		 "not [12][8]"},
		{"{}",
		 L "mlp.up_proj.weight",
		 {L "mlp.up_proj.weight", "F32", 1, {96}, numbers, 384},
		 T2_EMISMATCH,
		 "not [12][8]"},
		{"{}",
		 NULL,
		 {L "self_attn.q_proj.bias", "F32", 1, {8}, numbers, 32},
		 T2_EMISMATCH,
		 "no bias"},
		{"{}",
		 NULL,
		 {L "mlp.down_proj.bias", "F32", 1, {8}, numbers, 32},
		 T2_EMISMATCH,
		 "no bias"},
		{"{}",
		 NULL,
		 {L "self_attn.q_norm.weight", "F32", 1, {4}, numbers, 16},
		 T2_EUNSUP,
		 "q_norm"},
		{"{}",
		 NULL,
		 {"model.layers.1.mlp.up_proj.weight", "F32", 2, {12, 8}, numbers, 384},
		 T2_EUNSUP,
		 "1 layers"},
		{"{}",
		 NULL,
		 {"model.layers.00.mlp.up_proj.weight", "F32", 2, {12, 8}, numbers, 384},
		 T2_EUNSUP,
		 ".00."},
		{"{}",
		 NULL,
		 {"lm_head.bias", "F32", 1, {5}, numbers, 20},
		 T2_EUNSUP,
		 "lm_head.bias"},
		{"{}",
		 NULL,
		 {L "self_attn.rotary_emb.inv_freq", "F32", 1, {2}, numbers, 8},
		 T2_OK,
		 ""},
		{"{}", NULL, {"position_ids", "I64", 1, {2}, numbers, 16}, T2_OK, ""},
		{"{}",
		 NULL,
		 {"five", "I8", 5, {1, 1, 1, 1, 1}, numbers, 1},
		 T2_EUNSUP,
		 "5 dimensions"},
	};
	const char *folder = new_folder();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		write_config(folder, cases[i].config);
		write_tensors(folder, cases[i].drop, &cases[i].more, cases[i].more.name ? 1 : 0);
		expect_open(folder, cases[i].want, cases[i].says);
	}
}

static void
test_biases(void **state)
{
	static const struct st_write more[] = {
		{L "self_attn.q_proj.bias", "F32", 1, {8}, numbers + 1, 32},
		{L "self_attn.k_proj.bias", "F32", 1, {4}, numbers + 2, 16},
		{L "self_attn.v_proj.bias", "F32", 1, {4}, numbers + 3, 16},
		{L "self_attn.o_proj.bias", "F32", 1, {8}, numbers + 4, 32},
		{L "mlp.gate_proj.bias", "F32", 1, {12}, numbers + 5, 48},
		{L "mlp.up_proj.bias", "F32", 1, {12}, numbers + 6, 48},
		{L "mlp.down_proj.bias", "F32", 1, {8}, numbers + 7, 32},
	};
	const char *folder = new_folder();
	struct model *m;
	struct t2_err err = {0};
	long bare;

	(void)state;
	write_config(folder, "{}");
	write_tensors(folder, NULL, NULL, 0);
	assert_int_equal(model_open(&m, folder, &err), T2_OK);
	for (int k = 0; k < MAT_KINDS; k++)
		assert_null(model_matrix(m, k)->bias);
	bare = model_parameters(m);
	assert_int_equal(bare, 2 * 40 + 3 * 8 + 3 * 96 + 2 * 64 + 2 * 32);
	model_free(m);

	write_config(folder, "{\"attention_bias\":true,\"mlp_bias\":true}");
	write_tensors(folder, NULL, more, 7);
	assert_int_equal(model_open(&m, folder, &err), T2_OK);
	for (int k = 0; k < MAT_KINDS; k++)
		assert_memory_equal(model_matrix(m, k)->bias, numbers + 1 + k,
				    (size_t)model_matrix(m, k)->m * 4);
	assert_int_equal(model_parameters(m), bare + 8 + 4 + 4 + 8 + 12 + 12 + 8);
	model_free(m);

	write_config(folder, "{\"model_type\":\"qwen2\"}");
	write_tensors(folder, NULL, more, 3);
	assert_int_equal(model_open(&m, folder, &err), T2_OK);
	assert_non_null(model_matrix(m, MAT_V)->bias);
	assert_null(model_matrix(m, MAT_O)->bias);
	model_free(m);
	write_tensors(folder, NULL, more, 4);
	expect_open(folder, T2_EMISMATCH, "o_proj.bias");
}

/* Opens the tiny GGUF with one more number in its metadata. */
static void
expect_with(const char *path, const char *key, int type, double x, enum t2_status want,
	    const char *says)
{
	struct strbuf v = {0};
	struct gguf_edit e = {.value = &v};

	put_key(&v, key, type);
	if (type == GG_F32)
		put_f32(&v, (float)x);
	else
		put(&v, (uint64_t)x, type == GG_BOOL ? 1 : 4);
	write_gguf(path, &e);
	expect_open(path, want, says);
	strbuf_free(&v);
}

static void
test_gguf_config(void **state)
{
	static const char *const needed[] = {"block_count", "embedding_length",
					     "attention.head_count", "feed_forward_length",
					     "context_length"};
	const char *path = in_folder(new_folder(), "tiny.gguf");
	struct strbuf v = {0};
	struct model *m;
	struct t2_err err = {0};
	const struct config *f;

	(void)state;
	write_gguf(path, &(struct gguf_edit){.drop = NULL});
	assert_int_equal(model_open(&m, path, &err), T2_OK);
	f = model_config(m);
	assert_true(f->rope_pairs && !f->tied && f->rope_theta == 10000 && f->rms_eps == 1e-5f &&
		    f->head_dim == 4);
	assert_true(f->eos_count == 1 && f->eos[0] == 2 && f->bos == -1 && f->vocab == 5);
	assert_string_equal(model_name(m), "tiny");
	assert_int_equal(model_matrix_find(m, L "mlp.down_proj.weight"), MAT_DOWN);
	assert_null(model_rope_factors(m));
	model_free(m);
	for (size_t i = 0; i < COUNT(needed); i++) {
		write_gguf(path, &(struct gguf_edit){.drop = needed[i]});
		expect_open(path, T2_EFORMAT, needed[i]);
	}
	write_gguf(path, &(struct gguf_edit){.drop = "eps"});
	expect_open(path, T2_EFORMAT, "layer_norm_rms_epsilon is missing");
	write_gguf(path, &(struct gguf_edit){.drop = "token_embd.weight"});
	expect_open(path, T2_EFORMAT, "token_embd.weight is missing");
	write_gguf(path, &(struct gguf_edit){.drop = "blk.0.ffn_up.weight"});
	expect_open(path, T2_EFORMAT, "up_proj.weight\" is missing");
	write_gguf(path, &(struct gguf_edit){.arch = "gemma"});
	expect_open(path, T2_EUNSUP, "\"gemma\"");
	write_gguf(path, &(struct gguf_edit){.drop = "attention.head_count_kv"});
	expect_open(path, T2_EMISMATCH, "k_proj.weight\" is not [8][8]");

	write_gguf(path, &(struct gguf_edit){.drop = "output.weight"});
	assert_int_equal(model_open(&m, path, &err), T2_OK);
	assert_true(model_config(m)->tied && model_head(m)->data == model_embed(m)->data);
	model_free(m);
	write_gguf(path,
		   &(struct gguf_edit){.arch = "qwen2", .tensor = "blk.0.attn_q.bias", .n = 8});
	assert_int_equal(model_open(&m, path, &err), T2_OK);
	assert_false(model_config(m)->rope_pairs);
	assert_memory_equal(model_matrix(m, MAT_Q)->bias, numbers + 1, 32);
	model_free(m);

	expect_with(path, "llama.expert_count", GG_U32, 8, T2_EUNSUP, "llama.expert_count = 8");
	expect_with(path, "llama.expert_count", GG_U32, 0, T2_OK, "");
	expect_with(path, "llama.attention.scale", GG_F32, 0.5, T2_EUNSUP, "attention.scale");
	expect_with(path, "llama.attention.causal", GG_BOOL, 0, T2_EUNSUP, "causal");
	expect_with(path, "llama.attention.sliding_window", GG_U32, 16, T2_EUNSUP,
		    "sliding_window = 16");
	expect_with(path, "llama.attention.key_length", GG_U32, 8, T2_EUNSUP, "rotating 4 of 8");
	expect_with(path, "llama.attention.value_length", GG_U32, 8, T2_EUNSUP, "values of");
	expect_with(path, "llama.rope.freq_base", GG_F32, -1, T2_EFORMAT, "theta");
	expect_with(path, "llama.rope.freq_base", GG_U32, 10000, T2_EFORMAT, "not a real number");
	expect_with(path, "llama.rope.scaling.factor", GG_F32, 1e30, T2_EFORMAT, "rope factor");
	expect_with(path, "llama.rope.scaling.attn_factor", GG_F32, 1.5, T2_EUNSUP, "attn_factor");
	expect_with(path, "tokenizer.ggml.bos_token_id", GG_U32, 5, T2_EFORMAT, "start token");
	expect_with(path, "tokenizer.ggml.bos_token_id", GG_U32, 4294967295.0, T2_EFORMAT,
		    "start token");
	expect_with(path, "tokenizer.ggml.eot_token_id", GG_U32, 4294967295.0, T2_EFORMAT,
		    "end token 4294967295");
	expect_with(path, "split.count", GG_U32, 3, T2_EUNSUP, "one of 3 parts");
	put_key(&v, "llama.rope.scaling.type", GG_STR), put_str(&v, "yarn");
	write_gguf(path, &(struct gguf_edit){.value = &v});
	expect_open(path, T2_EUNSUP, "\"yarn\"");
	strbuf_free(&v);
	put_key(&v, "llama.attention.head_count_kv", GG_ARR), put(&v, GG_U32, 4), put(&v, 1, 8),
		put(&v, 1, 4);
	write_gguf(path, &(struct gguf_edit){.drop = "attention.head_count_kv", .value = &v});
	expect_open(path, T2_EUNSUP, "different sizes");
	strbuf_free(&v);
	put_key(&v, "llama.rope.scale_linear", GG_F32), put_f32(&v, 4);
	write_gguf(path, &(struct gguf_edit){.value = &v});
	assert_int_equal(model_open(&m, path, &err), T2_OK);
	assert_true(model_config(m)->rope_linear == 4);
	model_free(m);
	strbuf_free(&v);
}

static void
test_gguf_tensors(void **state)
{
	const char *path = in_folder(new_folder(), "tensors.gguf");
	struct model *m;
	struct t2_err err = {0};

	(void)state;
	write_gguf(path, &(struct gguf_edit){.tensor = "rope_freqs.weight", .n = 2});
	assert_int_equal(model_open(&m, path, &err), T2_OK);
	assert_memory_equal(model_rope_factors(m), numbers + 1, 8);
	model_free(m);
	write_gguf(path, &(struct gguf_edit){.tensor = "rope_freqs.weight", .n = 4});
	expect_open(path, T2_EMISMATCH, "rope_freqs.weight\" is not [2]");
	numbers[2] = 0;
	write_gguf(path, &(struct gguf_edit){.tensor = "rope_freqs.weight", .n = 2});
	numbers[2] = 2;
	expect_open(path, T2_EFORMAT, "factor 1 is 0");
	write_gguf(path, &(struct gguf_edit){.tensor = "blk.0.attn_q_norm.weight", .n = 4});
	expect_open(path, T2_EUNSUP, "attn_q_norm");
	write_gguf(path, &(struct gguf_edit){.tensor = "blk.1.attn_q.weight", .n = 8, .m = 8});
	expect_open(path, T2_EUNSUP, "model.layers.1.");
	write_gguf(path, &(struct gguf_edit){.tensor = "output.bias", .n = 5});
	expect_open(path, T2_EUNSUP, "lm_head.bias");
	write_gguf(path,
		   &(struct gguf_edit){.tensor = "blk.99999999999.attn_q.weight", .n = 8, .m = 8});
	expect_open(path, T2_EUNSUP, "blk.99999999999");
	/* the file's own name and a translated one may not meet */
	write_gguf(path, &(struct gguf_edit){.tensor = "model.norm.weight", .n = 8});
	expect_open(path, T2_EFORMAT, "occurs twice");
	write_gguf(path, &(struct gguf_edit){.tensor = "something.else", .n = 8});
	expect_open(path, T2_OK, "");
}

static void
test_tinystories(void **state)
{
	const char *path = shared_path("models/tinystories-656k");
	struct model *m;
	struct t2_err err = {0};
	const struct config *f;
	struct dtype_use use[T2_TYPE_NAMES];
	const struct tensor *t;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(model_open(&m, path, &err), T2_OK);
	f = model_config(m);
	assert_string_equal(f->arch, "llama");
	assert_true(f->layers == 2 && f->hidden == 128 && f->heads == 8 && f->kv_heads == 4 &&
		    f->head_dim == 16);
	assert_true(f->ffn == 384 && f->vocab == 2048 && f->context == 512);
	assert_true(f->rms_eps == 1e-6f && f->rope_theta == 10000 && !f->rope_pairs && f->tied);
	assert_true(f->bos == 1 && f->eos_count == 1 && f->eos[0] == 2);
	assert_string_equal(model_name(m), "tinystories-656k");
	assert_int_equal(model_parameters(m), 656000);
	assert_int_equal(model_matrices(m), 14);
	assert_int_equal(checkpoint_count(model_checkpoint(m)), 20);
	assert_int_equal(checkpoint_bytes(model_checkpoint(m)), 2626168);
	assert_int_equal(checkpoint_dtypes(model_checkpoint(m), use, T2_TYPE_NAMES), 1);
	assert_string_equal(use[0].name, "F32");
	assert_true(use[0].tensors == 20 && use[0].numbers == 656000 && use[0].bytes == 2624000);
	assert_string_equal(model_embed(m)->name, "lm_head.weight");
	assert_ptr_equal(model_embed(m)->data, model_head(m)->data);
	assert_true(model_embed(m)->m == 2048 && model_embed(m)->n == 128);
	for (int layer = 0; layer < 2; layer++)
		for (int k = 0; k < MAT_KINDS; k++) {
			const struct weight *w = model_matrix(m, layer * MAT_KINDS + k);

			assert_int_equal(model_matrix_find(m, w->name), layer * MAT_KINDS + k);
			t = checkpoint_find(model_checkpoint(m), w->name);
			assert_ptr_equal(w->data, t->data);
			assert_int_equal(w->type, T2_F32);
			assert_null(w->bias);
			assert_int_equal(weight_rank(w), k == MAT_K || k == MAT_V ? 64 : 128);
		}
	assert_int_equal(model_matrix_find(m, "model.norm.weight"), -1);
	t = checkpoint_find(model_checkpoint(m), "model.layers.1.post_attention_layernorm.weight");
	assert_memory_equal(model_norm_ffn(m, 1), t->data, 512);
	t = checkpoint_find(model_checkpoint(m), "model.layers.1.input_layernorm.weight");
	assert_memory_equal(model_norm_attn(m, 1), t->data, 512);
	t = checkpoint_find(model_checkpoint(m), "model.norm.weight");
	assert_memory_equal(model_norm_final(m), t->data, 512);
	model_free(m);
}

static void
test_smollm2(void **state)
{
	const char *path =
		shared_path("models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
	struct model *m;
	struct t2_err err = {0};
	const struct config *f;
	struct dtype_use use[T2_TYPE_NAMES];
	int types, total = 0;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(model_open(&m, path, &err), T2_OK);
	f = model_config(m);
	assert_true(f->layers == 30 && f->hidden == 576 && f->heads == 9 && f->kv_heads == 3 &&
		    f->head_dim == 64);
	assert_true(f->ffn == 1536 && f->vocab == 49152 && f->context == 8192);
	assert_true(f->rms_eps == 1e-5f && f->rope_theta == 100000 && f->rope_pairs && f->tied);
	assert_true(f->bos == 1 && f->eos_count == 1 && f->eos[0] == 2);
	assert_string_equal(model_name(m), "SmolLM2-135M-Instruct.Q4_1");
	assert_int_equal(model_parameters(m), 134515008);
	assert_int_equal(checkpoint_count(model_checkpoint(m)), 272);
	types = checkpoint_dtypes(model_checkpoint(m), use, T2_TYPE_NAMES);
	assert_int_equal(types, 3);
	for (int i = 0; i < types; i++)
		total += use[i].tensors * (!strcmp(use[i].name, "Q4_1")	 ? 1000000
					   : !strcmp(use[i].name, "F32") ? 1000
									 : 1);
	assert_int_equal(total, 210061001);
	assert_int_equal(model_matrix(m, 29 * MAT_KINDS + MAT_DOWN)->type, T2_Q4_1);
	assert_string_equal(model_matrix(m, 29 * MAT_KINDS + MAT_DOWN)->name,
			    "model.layers.29.mlp.down_proj.weight");
	assert_string_equal(model_embed(m)->name, "model.embed_tokens.weight");
	assert_int_equal(model_embed(m)->type, T2_Q8_0);
	model_free(m);
}

/* The goldens' GGUF of T in float32 is T: every matrix equal, q and k with permuted rows. */
static void
test_gguf_is_hf(void **state)
{
	const char *path = golden_path("quant/tinystories-f32.gguf"),
		   *hf = shared_path("models/tinystories-656k");
	struct model *g, *h;
	struct t2_err err = {0};

	(void)state;
	if (!path || !hf)
		skip();
	assert_int_equal(model_open(&g, path, &err), T2_OK);
	assert_int_equal(model_open(&h, hf, &err), T2_OK);
	assert_int_equal(model_parameters(g), 656000);
	assert_memory_equal(model_embed(g)->data, model_embed(h)->data, 2048 * 128 * 4);
	assert_memory_equal(model_norm_final(g), model_norm_final(h), 512);
	for (int i = 0; i < model_matrices(h); i++) {
		const struct weight *a = model_matrix(g, i), *b = model_matrix(h, i);
		const float *x = a->data, *y = b->data;

		assert_string_equal(a->name, b->name);
		assert_true(a->m == b->m && a->n == b->n);
		for (int r = 0; r < a->m; r++) {
			int head = r / 16 * 16, in = r % 16, from = r;

			if (i % MAT_KINDS == MAT_Q || i % MAT_KINDS == MAT_K)
				from = head + in / 2 + in % 2 * 8;
			assert_memory_equal(x + r * a->n, y + from * a->n, (size_t)a->n * 4);
		}
	}
	assert_true(model_config(g)->rope_pairs && !model_config(h)->rope_pairs);
	model_free(g);
	model_free(h);
}

static void
test_quantised(void **state)
{
	static const struct {
		const char *file;
		enum dtype up, down;
		bool tied;
	} cases[] = {
		{"tinystories-f16.gguf", T2_F16, T2_F16, true},
		{"tinystories-bf16.gguf", T2_BF16, T2_BF16, true},
		{"tinystories-q8_0.gguf", T2_Q8_0, T2_Q8_0, true},
		{"tinystories-q4_1.gguf", T2_Q4_1, T2_Q4_1, true},
		{"random-q4k-q6k.gguf", T2_Q4_K, T2_Q6_K, false},
	};
	struct t2_err err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char rel[100];
		const char *path;
		struct model *m;

		snprintf(rel, sizeof rel, "quant/%s", cases[i].file);
		path = golden_path(rel);
		if (!path)
			skip();
		if (model_open(&m, path, &err))
			fail_msg("%s", err.msg);
		assert_int_equal(model_matrix(m, MAT_UP)->type, cases[i].up);
		assert_int_equal(model_matrix(m, MAT_DOWN)->type, cases[i].down);
		assert_int_equal(model_config(m)->tied, cases[i].tied);
		model_free(m);
	}
}

static void
test_rope_goldens(void **state)
{
	static const struct {
		const char *path;
		int head_dim, files;
	} cases[] = {{"rope/llama3-scaled", 16, 2}, {"rope/llama3-headdim", 32, 1}};
	struct t2_err err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *path = golden_path(cases[i].path);
		struct model *m;
		const struct config *f;

		if (!path)
			skip();
		if (model_open(&m, path, &err))
			fail_msg("%s", err.msg);
		f = model_config(m);
		assert_true(f->rope_llama3 && f->rope_theta == 500000 && f->rope_factor == 8 &&
			    f->rope_low == 1 && f->rope_high == 4 && f->rope_original == 64 &&
			    f->rope_linear == 1);
		assert_true(f->head_dim == cases[i].head_dim && f->heads == 4 && f->kv_heads == 2 &&
			    f->hidden == 64);
		assert_false(f->tied);
		assert_ptr_not_equal(model_head(m)->data, model_embed(m)->data);
		assert_int_equal(model_embed(m)->type, T2_BF16);
		assert_int_equal(model_matrix(m, MAT_O)->n, 4 * cases[i].head_dim);
		model_free(m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_json),  cmocka_unit_test(test_generation_config),
		cmocka_unit_test(test_tensors),	     cmocka_unit_test(test_biases),
		cmocka_unit_test(test_gguf_config),  cmocka_unit_test(test_gguf_tensors),
		cmocka_unit_test(test_tinystories),  cmocka_unit_test(test_smollm2),
		cmocka_unit_test(test_gguf_is_hf),   cmocka_unit_test(test_quantised),
		cmocka_unit_test(test_rope_goldens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
