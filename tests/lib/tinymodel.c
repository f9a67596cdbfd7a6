#include "tests/lib/tinymodel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <jansson.h>

#include "engine/base/mapfile.h"
#include "engine/model/model.h"
#include "tests/lib/ggufmake.h"
#include "tests/lib/golden.h"
#include "tests/lib/seed.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define L	 TINY_LAYER

const char *
new_folder(void)
{
	static const char *dir;
	static int folders;
	static char p[8][600];
	char *out = p[folders % 8];

	if (!dir) {
		dir = temp_dir();
		for (int i = 0; i < TINY_NUMBERS; i++)
			numbers[i] = (float)i;
	}
	snprintf(out, sizeof p[0], "%s/m%d", dir, folders++);
	assert_int_equal(mkdir(out, 0777), 0);
	return out;
}

const char *
in_folder(const char *folder, const char *name)
{
	static char p[4][700];
	static int next;
	char *out = p[next = (next + 1) % 4];

	snprintf(out, sizeof p[0], "%s/%s", folder, name);
	return out;
}

void
write_bytes(const char *path, const void *bytes, size_t n)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

void
write_text(const char *path, const char *text)
{
	write_bytes(path, text, strlen(text));
}

void
copy_file(const char *from, const char *to)
{
	struct mapfile m;
	struct t2_err err;

	assert_int_equal(mapfile_open(&m, from, &err), T2_OK);
	write_bytes(to, m.data, m.size);
	mapfile_close(&m);
}

void
flip(const char *path, size_t at)
{
	FILE *f = fopen(path, "r+b");
	int c;

	assert_non_null(f);
	assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
	c = fgetc(f);
	assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
	fputc(c ^ 1, f);
	assert_int_equal(fclose(f), 0);
}

void
expect_open(const char *path, enum t2_status want, const char *says)
{
	struct model *m;
	struct t2_err err = {0};
	enum t2_status st = model_open(&m, path, &err);

	if (st != want || (st && (err.code != st || m)) || !strstr(err.msg, says))
		fail_msg("status %d, \"%s\"; expected %d, \"%s\"", (int)st, err.msg, (int)want,
			 says);
	model_free(m);
}

static const char tiny_config[] =
	"{\"model_type\":\"llama\",\"hidden_size\":8,\"num_hidden_layers\":1,\"num_attention_"
	"heads\":2,"
	"\"num_key_value_heads\":1,\"intermediate_size\":12,\"vocab_size\":5,\"max_position_"
	"embeddings\":32,"
	"\"rms_norm_eps\":1e-5,\"tie_word_embeddings\":false,\"bos_token_id\":1,\"eos_token_id\":"
	"2}";

float numbers[TINY_NUMBERS];

const struct st_write tiny_tensors[TINY_TENSORS] = {
	{"lm_head.weight", "F32", 2, {5, 8}, numbers, 160},
	{"model.embed_tokens.weight", "F32", 2, {5, 8}, numbers + 40, 160},
	{L "input_layernorm.weight", "F32", 1, {8}, numbers, 32},
	{L "mlp.down_proj.weight", "F32", 2, {8, 12}, numbers, 384},
	{L "mlp.gate_proj.weight", "F32", 2, {12, 8}, numbers, 384},
	{L "mlp.up_proj.weight", "F32", 2, {12, 8}, numbers, 384},
	{L "post_attention_layernorm.weight", "F32", 1, {8}, numbers, 32},
	{L "self_attn.k_proj.weight", "F32", 2, {4, 8}, numbers, 128},
	{L "self_attn.o_proj.weight", "F32", 2, {8, 8}, numbers, 256},
	{L "self_attn.q_proj.weight", "F32", 2, {8, 8}, numbers, 256},
	{L "self_attn.v_proj.weight", "F32", 2, {4, 8}, numbers, 128},
	{"model.norm.weight", "F32", 1, {8}, numbers, 32},
};

void
write_config(const char *folder, const char *patch)
{
	json_t *root = json_loads(tiny_config, 0, NULL), *p = json_loads(patch, 0, NULL), *v;
	const char *key;

	assert_non_null(root);
	assert_non_null(p);
	json_object_foreach (p, key, v)
		if (json_is_string(v) && !strcmp(json_string_value(v), "-"))
			json_object_del(root, key);
		else
			json_object_set(root, key, v);
	assert_int_equal(json_dump_file(root, in_folder(folder, "config.json"), 0), 0);
	json_decref(root);
	json_decref(p);
}

void
write_tensors(const char *folder, const char *drop, const struct st_write *more, int count)
{
	struct st_write w[40];
	struct t2_err err = {0};
	int n = 0;

	for (size_t i = 0; i < COUNT(tiny_tensors); i++)
		if (!drop || strcmp(tiny_tensors[i].name, drop))
			w[n++] = tiny_tensors[i];
	for (int i = 0; i < count; i++)
		w[n++] = more[i];
	if (safetensors_write(in_folder(folder, "model.safetensors"), w, n, NULL, 0, &err))
		fail_msg("%s", err.msg);
}

static const struct {
	const char *name;
	int n, m;
} tiny_gguf[] = {
	{"token_embd.weight", 8, 5},
	{"output_norm.weight", 8, 0},
	{"output.weight", 8, 5},
	{"blk.0.attn_norm.weight", 8, 0},
	{"blk.0.ffn_norm.weight", 8, 0},
	{"blk.0.attn_q.weight", 8, 8},
	{"blk.0.attn_k.weight", 8, 4},
	{"blk.0.attn_v.weight", 8, 4},
	{"blk.0.attn_output.weight", 8, 8},
	{"blk.0.ffn_gate.weight", 8, 12},
	{"blk.0.ffn_up.weight", 8, 12},
	{"blk.0.ffn_down.weight", 12, 8},
};

void
write_gguf(const char *path, const struct gguf_edit *e)
{
	static const struct {
		const char *key;
		uint32_t value;
	} counts[] = {
		{"block_count", 1},	     {"embedding_length", 8},
		{"attention.head_count", 2}, {"attention.head_count_kv", 1},
		{"feed_forward_length", 12}, {"context_length", 32},
		{"rope.dimension_count", 4},
	};
	const char *arch = e->arch ? e->arch : "llama", *drop = e->drop ? e->drop : "";
	struct strbuf values = {0}, tensors = {0}, data = {0}, file = {0};
	int nvalues = 2, ntensors = 0;
	char key[100];

	put_key(&values, "general.architecture", GG_STR), put_str(&values, arch);
	put_key(&values, "tokenizer.ggml.eos_token_id", GG_U32), put(&values, 2, 4);
	for (size_t i = 0; i < COUNT(counts); i++) {
		if (!strcmp(drop, counts[i].key))
			continue;
		snprintf(key, sizeof key, "%s.%s", arch, counts[i].key);
		put_key(&values, key, GG_U32), put(&values, counts[i].value, 4);
		nvalues++;
	}
	if (strcmp(drop, "eps")) {
		snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", arch);
		put_key(&values, key, GG_F32), put_f32(&values, 1e-5f);
		nvalues++;
	}
	if (e->value) {
		strbuf_add(&values, e->value->s, e->value->len);
		nvalues++;
	}
	for (size_t i = 0; i < COUNT(tiny_gguf) + 1; i++) {
		bool last = i == COUNT(tiny_gguf);
		const char *name = last ? e->tensor : tiny_gguf[i].name;
		int n = last ? e->n : tiny_gguf[i].n, m = last ? e->m : tiny_gguf[i].m;

		if (!name || !strcmp(drop, name))
			continue;
		put_pad(&data, 32);
		put_tensor(&tensors, name, (uint64_t)n, (uint64_t)m, 0, data.len);
		strbuf_add(&data, numbers + 1, (size_t)n * (size_t)(m ? m : 1) * 4);
		ntensors++;
	}
	put_head(&file, 3, (uint64_t)ntensors, (uint64_t)nvalues);
	strbuf_add(&file, values.s, values.len);
	strbuf_add(&file, tensors.s, tensors.len);
	put_pad(&file, 32);
	strbuf_add(&file, data.s, data.len);
	write_bytes(path, file.s, file.len);
	seed_save("gguf", file.s, file.len);
	strbuf_free(&values);
	strbuf_free(&tensors);
	strbuf_free(&data);
	strbuf_free(&file);
}
