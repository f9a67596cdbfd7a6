#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "engine/base/mapfile.h"
#include "engine/model/checkpoint.h"
#include "engine/model/model.h"
#include "tests/lib/golden.h"
#include "tests/lib/tinymodel.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define L	 TINY_LAYER

/* Shards and their index. */
static void
test_index(void **state)
{
	static const struct {
		const char *index;
		enum t2_status want;
		const char *says;
	} cases[] = {
		{"[]", T2_EFORMAT, "weight_map"},
		{"{\"weight_map\":[]}", T2_EFORMAT, "weight_map"},
		{"{", T2_EFORMAT, "index.json: line"},
		{"{\"weight_map\":{}}", T2_EFORMAT, "is missing"},
		{"{\"weight_map\":{\"a\":3}}", T2_EFORMAT, "plain file name"},
		{"{\"weight_map\":{\"a\":\"\"}}", T2_EFORMAT, "plain file name"},
		{"{\"weight_map\":{\"a\":\"..\"}}", T2_EFORMAT, "plain file name"},
		{"{\"weight_map\":{\"a\":\"../other.safetensors\"}}", T2_EFORMAT,
		 "plain file name"},
		{"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", T2_EFORMAT, "plain file name"},
		{"{\"weight_map\":{\"a\":\"one.safetensors\\u0000x\"}}", T2_EFORMAT,
		 "plain file name"},
		{"{\"weight_map\":{\"a\":\"three.safetensors\"}}", T2_ENOTFOUND,
		 "three.safetensors"},
		{"{\"weight_map\":{\"a\":\"one.safetensors\"}}", T2_EFORMAT,
		 "\"a\" is not in its file"},
		{"{\"weight_map\":{\"model.norm.weight\":\"one.safetensors\"}}", T2_EFORMAT,
		 "not in its file"},
		{"{\"weight_map\":{\"model.norm.weight\":\"two.safetensors\",\"model.norm.weight\":"
		 "\"one.safetensors\"}}",
		 T2_EFORMAT, "duplicate"},
		{"{\"weight_map\":{\"a\":\"config.json\"}}", T2_EFORMAT, "config.json"},
	};
	const char *folder = new_folder();
	const char *index = in_folder(folder, "model.safetensors.index.json");
	int n = (int)COUNT(tiny_tensors);
	char saved[700];
	json_t *map = json_object();
	struct model *m;
	struct t2_err err = {0};

	(void)state;
	snprintf(saved, sizeof saved, "%s", index);
	write_config(folder, "{}");
	assert_int_equal(safetensors_write(in_folder(folder, "one.safetensors"), tiny_tensors, 5,
					   NULL, 0, &err),
			 T2_OK);
	assert_int_equal(safetensors_write(in_folder(folder, "two.safetensors"), tiny_tensors + 5,
					   n - 5, NULL, 0, &err),
			 T2_OK);
	expect_open(folder, T2_ENOTFOUND,
		    "index.json"); /* two files, and nothing says how they belong together */
	for (size_t i = 0; i < COUNT(cases); i++) {
		write_text(saved, cases[i].index);
		expect_open(folder, cases[i].want, cases[i].says);
	}
	for (int i = 0; i < n; i++)
		json_object_set_new(map, tiny_tensors[i].name,
				    json_string(i < 5 ? "one.safetensors" : "two.safetensors"));
	map = json_pack("{s:o}", "weight_map", map);
	assert_int_equal(json_dump_file(map, saved, 0), 0);
	json_decref(map);
	assert_int_equal(model_open(&m, folder, &err), T2_OK);
	assert_int_equal(checkpoint_count(model_checkpoint(m)), n);
	model_free(m);
}

static void
test_folders(void **state)
{
	const char *folder = new_folder(), *p;
	struct model *m;
	struct t2_err err = {0};

	(void)state;
	expect_open(in_folder(folder, "absent"), T2_ENOTFOUND, "absent");
	expect_open(folder, T2_ENOTFOUND, "no model.safetensors");
	write_text(in_folder(folder, "a.gguf"), "GGUF");
	expect_open(folder, T2_ENOTFOUND, "name its file a.gguf");
	expect_open(in_folder(folder, "a.gguf"), T2_EFORMAT, "version");
	write_text(in_folder(folder, "pytorch_model.bin"), "PK\3\4...");
	expect_open(in_folder(folder, "pytorch_model.bin"), T2_EUNSUP, "convert it to safetensors");
	write_text(in_folder(folder, "empty.safetensors"), "");
	expect_open(in_folder(folder, "empty.safetensors"), T2_EFORMAT, "too few");
	unlink(in_folder(folder, "empty.safetensors"));
	alarm(60); /* a pipe without a writer must not be waited for */
	assert_int_equal(mkfifo(in_folder(folder, "pipe.safetensors"), 0600), 0);
	expect_open(in_folder(folder, "pipe.safetensors"), T2_EIO, "not a regular file");
	alarm(0);
	unlink(in_folder(folder, "pipe.safetensors"));
	write_config(folder, "{}");
	assert_int_equal(safetensors_write(in_folder(folder, "other.safetensors"), tiny_tensors,
					   (int)COUNT(tiny_tensors), NULL, 0, &err),
			 T2_OK);
	assert_int_equal(model_open(&m, folder, &err), T2_OK); /* the only one is meant */
	assert_string_equal(model_name(m), strrchr(folder, '/') + 1);
	assert_string_equal(model_path(m), folder);
	model_free(m);
	p = in_folder(folder, "other.safetensors");
	assert_int_equal(model_open(&m, p, &err), T2_OK);
	assert_string_equal(model_name(m), "other");
	model_free(m);
	p = in_folder(folder, "");
	assert_int_equal(model_open(&m, p, &err), T2_OK);
	assert_string_equal(model_name(m), strrchr(folder, '/') + 1);
	model_free(m);
}

static void
test_fingerprint(void **state)
{
	const char *from = shared_path("models/tinystories-656k/model.safetensors");
	const char *config = shared_path("models/tinystories-656k/config.json");
	const char *folder;
	char copy[700], copied_config[700], first[33];
	struct mapfile m;
	struct model *model;
	struct t2_err err = {0};
	size_t last, name_at;

	(void)state;
	if (!from || !config)
		skip();
	folder = new_folder();
	snprintf(copy, sizeof copy, "%s/model.safetensors", folder);
	snprintf(copied_config, sizeof copied_config, "%s/config.json", folder);
	copy_file(from, copy);
	copy_file(config, copied_config);
	assert_int_equal(mapfile_open(&m, copy, &err), T2_OK);
	last = m.size - 1;
	name_at = (size_t)((const uint8_t *)memmem(m.data, m.size, "\"format\"", 8) - m.data) + 1;
	mapfile_close(&m);

#define PRINT(path, out)                                                                           \
	do {                                                                                       \
		if (model_open(&model, path, &err))                                                \
			fail_msg("%s", err.msg);                                                   \
		memcpy(out, model_fingerprint(model), 33);                                         \
		model_free(model);                                                                 \
	} while (0)
	char other[33];

	PRINT(shared_path("models/tinystories-656k"), first);
	assert_int_equal(strlen(first), 32);
	assert_int_equal(strspn(first, "0123456789abcdef"), 32);
	PRINT(folder, other);
	assert_string_equal(other, first); /* the path has no part in it */
	PRINT(copy, other);
	assert_string_equal(other, first);
	flip(copy, last);
	PRINT(folder, other);
	assert_string_not_equal(other, first);
	flip(copy, last);
	flip(copy, name_at);
	PRINT(folder, other);
	assert_string_not_equal(other, first);
	flip(copy, name_at);
	PRINT(folder, other);
	assert_string_equal(other, first);
	for (int pass = 0; pass < 2; pass++) {
		json_t *root = json_load_file(config, 0, NULL);

		if (pass == 0) /* another end token is the same model ... */
			json_object_set_new(root, "eos_token_id", json_integer(7));
		else /* ... other angles are not */
			json_object_set_new(root, "rope_theta", json_real(20000));
		assert_int_equal(json_dump_file(root, copied_config, 0), 0);
		json_decref(root);
		PRINT(folder, other);
		assert_int_equal(!strcmp(other, first), pass == 0);
	}
}

/* Whole models with one thing broken: an error or a model, never a crash. */
static void
test_damaged(void **state)
{
	const char *from = shared_path("models/tinystories-656k");
	const char *gguf = golden_path("quant/tinystories-q4_1.gguf");
	const char *folder;
	char config[700], tensors[700], damaged[700];
	struct mapfile m;
	struct t2_err err = {0};
	struct model *model;
	char *text;
	int opened = 0, tried = 0;

	(void)state;
	if (!from || !gguf)
		skip();
	folder = new_folder();
	snprintf(config, sizeof config, "%s/config.json", folder);
	snprintf(tensors, sizeof tensors, "%s/model.safetensors", folder);
	snprintf(damaged, sizeof damaged, "%s/damaged.gguf", folder);
	copy_file(in_folder(from, "model.safetensors"), tensors);
	assert_int_equal(mapfile_open(&m, in_folder(from, "config.json"), &err), T2_OK);
	text = malloc(m.size);
	for (size_t i = 0; i < m.size; i++) {
		memcpy(text, m.data, m.size);
		text[i] ^= (char)(1 << i % 7);
		write_bytes(config, text, m.size);
		opened += !model_open(&model, folder, &err);
		model_free(model);
		tried++;
		write_bytes(config, m.data, i);
		if (memrchr(m.data, '}', m.size) >= (void *)(m.data + i))
			expect_open(folder, T2_EFORMAT, "config.json: line");
	}
	assert_in_range(opened, 1, tried - 100);
	write_bytes(config, m.data, m.size);
	mapfile_close(&m);
	free(text);
	for (long n = 2626168; n > 0; n = n * 2 / 3) {
		assert_int_equal(truncate(tensors, n - 1), 0);
		expect_open(folder, T2_EFORMAT, "model.safetensors: ");
	}

	/* metadata keys, values and tensor descriptions of a GGUF, but for most of its vocabulary */
	assert_int_equal(mapfile_open(&m, gguf, &err), T2_OK);
	write_bytes(damaged, m.data, m.size);
	opened = tried = 0;
	for (size_t i = 0; i < 95000 && i < m.size; i += i < 2000 || i > 85000 ? 3 : 997) {
		flip(damaged, i);
		opened += !model_open(&model, damaged, &err);
		model_free(model);
		flip(damaged, i);
		tried++;
	}
	assert_in_range(opened, 1, tried - 1);
	mapfile_close(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_fingerprint),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
