#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "engine/base/mapfile.h"
#include "engine/model/checkpoint.h"
#include "engine/model/gguf.h"
#include "tests/lib/ggufmake.h"
#include "tests/lib/golden.h"
#include "tests/lib/seed.h"

static enum t2_status
try_bytes(const void *bytes, size_t n, struct t2_err *err)
{
	struct gguf *g;
	/* A copy of exactly this size, so that a byte read too far is seen by the sanitizer. */
	void *copy = malloc(n ? n : 1);
	enum t2_status st;

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	seed_save("gguf", bytes, n);
	memset(err, 0, sizeof *err);
	st = gguf_from_bytes(&g, copy, n, "file", err);
	if (st) {
		assert_null(g);
		assert_int_equal(err->code, st);
		assert_ptr_equal(strstr(err->msg, "file: "), err->msg);
	}
	gguf_free(g);
	free(copy);
	return st;
}

static void
expect(struct strbuf *b, enum t2_status want, const char *says)
{
	struct t2_err err;
	enum t2_status st = try_bytes(b->s ? b->s : "", b->len, &err);

	if (st != want || !strstr(err.msg, says))
		fail_msg("status %d, \"%s\", not \"%s\"", (int)st, err.msg, says);
	strbuf_free(b);
}

static void
put_all_values(struct strbuf *b)
{
	float f = 0.5f;
	double d = -0.25;
	uint32_t bits;
	uint64_t wide;

	memcpy(&bits, &f, 4);
	memcpy(&wide, &d, 8);
	put_key(b, "u8", GG_U8), put(b, 200, 1);
	put_key(b, "i8", GG_I8), put(b, 0xff, 1);
	put_key(b, "u16", GG_U16), put(b, 60000, 2);
	put_key(b, "i16", GG_I16), put(b, 0xfffe, 2);
	put_key(b, "u32", GG_U32), put(b, 4000000000u, 4);
	put_key(b, "i32", GG_I32), put(b, 7, 4);
	put_key(b, "f32", GG_F32), put(b, bits, 4);
	put_key(b, "yes", GG_BOOL), put(b, 1, 1);
	put_key(b, "text", GG_STR), put_str(b, "hello");
	put_key(b, "u64", GG_U64), put(b, 1ull << 32, 8);
	put_key(b, "i64", GG_I64), put(b, 5, 8);
	put_key(b, "f64", GG_F64), put(b, wide, 8);
	put_key(b, "strings", GG_ARR), put(b, GG_STR, 4), put(b, 3, 8), put_str(b, "a"),
		put_str(b, ""), put_str(b, "bcd");
	put_key(b, "floats", GG_ARR), put(b, GG_F32, 4), put(b, 2, 8), put(b, bits, 4),
		put(b, 0, 4);
	put_key(b, "ints", GG_ARR), put(b, GG_I16, 4), put(b, 2, 8), put(b, 0xffff, 2),
		put(b, 3, 2);
	put_key(b, "bools", GG_ARR), put(b, GG_BOOL, 4), put(b, 2, 8), put(b, 1, 1), put(b, 0, 1);
	put_key(b, "wide", GG_ARR), put(b, GG_U64, 4), put(b, 1, 8), put(b, 1ull << 40, 8);
	put_key(b, "nested", GG_ARR), put(b, GG_ARR, 4), put(b, 2, 8);
	put(b, GG_U8, 4), put(b, 3, 8), put(b, 0, 3);
	put(b, GG_STR, 4), put(b, 1, 8), put_str(b, "deep");
	put_key(b, "empty", GG_ARR), put(b, GG_STR, 4), put(b, 0, 8);
}

static void
test_values(void **state)
{
	struct strbuf b = {0};
	struct gguf *g;
	struct t2_err err = {0};
	struct gguf_str s, list[3];
	uint32_t u = 99;
	float f[2];
	int32_t ints[2];
	bool yes = false;
	size_t n;

	(void)state;
	for (int version = 2; version <= 3; version++) {
		put_head(&b, version, 0, 19);
		put_all_values(&b);
		assert_int_equal(gguf_from_bytes(&g, b.s, b.len, "file", &err), T2_OK);
		assert_true(gguf_u32(g, "u8", &u) && u == 200);
		assert_true(gguf_u32(g, "u16", &u) && u == 60000);
		assert_true(gguf_u32(g, "u32", &u) && u == 4000000000u);
		assert_true(gguf_u32(g, "i32", &u) && u == 7);
		assert_true(gguf_u32(g, "i64", &u) && u == 5);
		assert_false(gguf_u32(g, "i8", &u) || gguf_u32(g, "i16", &u)); /* negative */
		assert_false(gguf_u32(g, "u64", &u) || gguf_u32(g, "f32", &u) ||
			     gguf_u32(g, "yes", &u));
		assert_false(gguf_u32(g, "u", &u) || gguf_u32(g, "u33", &u) || gguf_u32(g, "", &u));
		assert_int_equal(u, 5);
		assert_true(gguf_f32(g, "f32", f) && f[0] == 0.5f);
		assert_true(gguf_f32(g, "f64", f) && f[0] == -0.25f);
		assert_false(gguf_f32(g, "u8", f));
		assert_true(gguf_bool(g, "yes", &yes) && yes);
		assert_false(gguf_bool(g, "u8", &yes));
		assert_true(gguf_string(g, "text", &s) && s.len == 5 && !memcmp(s.s, "hello", 5));
		assert_false(gguf_string(g, "strings", &s));
		assert_true(gguf_array_len(g, "strings", &n) && n == 3);
		assert_true(gguf_array_strings(g, "strings", list));
		assert_true(list[0].len == 1 && list[1].len == 0 && list[2].len == 3 &&
			    !memcmp(list[2].s, "bcd", 3));
		assert_false(gguf_array_strings(g, "floats", list) ||
			     gguf_array_strings(g, "text", list));
		assert_true(gguf_array_f32(g, "floats", f) && f[0] == 0.5f && f[1] == 0);
		assert_false(gguf_array_f32(g, "ints", f));
		assert_true(gguf_array_i32(g, "ints", ints) && ints[0] == -1 && ints[1] == 3);
		assert_true(gguf_array_i32(g, "bools", ints) && ints[0] == 1 && ints[1] == 0);
		assert_false(gguf_array_i32(g, "wide", ints) || gguf_array_i32(g, "floats", ints));
		assert_true(gguf_array_len(g, "nested", &n) && n == 2);
		assert_false(gguf_array_i32(g, "nested", ints) || gguf_array_f32(g, "nested", f));
		assert_true(gguf_array_len(g, "empty", &n) && n == 0);
		assert_true(gguf_has(g, "nested"));
		assert_false(gguf_has(g, "nest"));
		gguf_free(g);
		strbuf_free(&b);
	}
}

static void
test_tensors(void **state)
{
	struct strbuf b = {0};
	struct gguf *g;
	struct t2_err err = {0};
	struct tensor t;
	size_t size, header;

	(void)state;
	put_head(&b, 3, 3, 1);
	put_key(&b, "general.alignment", GG_U32), put(&b, 64, 4);
	put_tensor(&b, "b", 32, 3, 8, 64);     /* Q8_0: 3 rows of 34 bytes */
	put_tensor(&b, "a", 2, 0, 0, 0);       /* F32 */
	put_tensor(&b, "iq", 256, 1, 17, 192); /* IQ2_XS: known, not read */
	put_pad(&b, 64);
	put_zeros(&b, 192 + 74);
	assert_int_equal(gguf_from_bytes(&g, b.s, b.len, "file", &err), T2_OK);
	assert_int_equal(gguf_tensor_count(g), 3);
	assert_ptr_equal(gguf_file(g, &size, &header), b.s);
	assert_int_equal(size, b.len);
	assert_int_equal(header, b.len - 192 - 74);
	assert_int_equal(gguf_tensor(g, 0, &t, &err), T2_OK);
	assert_string_equal(t.name, "b");
	assert_int_equal(t.type, T2_Q8_0);
	assert_int_equal(t.ndim, 2);
	assert_true(t.shape[0] == 3 && t.shape[1] == 32);
	assert_int_equal(t.bytes, 3 * 34);
	assert_ptr_equal(t.data, b.s + header + 64);
	assert_int_equal(gguf_tensor(g, 1, &t, &err), T2_OK);
	assert_true(t.ndim == 1 && t.shape[0] == 2 && t.type == T2_F32);
	assert_int_equal(gguf_tensor(g, 2, &t, &err), T2_EUNSUP);
	assert_non_null(strstr(err.msg, "IQ2_XS"));
	assert_int_equal(t.type, T2_DTYPES);
	assert_string_equal(t.type_name, "IQ2_XS");
	gguf_free(g);
	strbuf_free(&b);
}

static void
test_hostile_head(void **state)
{
	struct strbuf b = {0};

	(void)state;
	expect(&b, T2_EFORMAT, "not a GGUF");
	strbuf_str(&b, "GGU"), expect(&b, T2_EFORMAT, "not a GGUF");
	strbuf_str(&b, "PK\3\4 and more of it"), expect(&b, T2_EFORMAT, "not a GGUF");
	put_head(&b, 1, 0, 0), expect(&b, T2_EUNSUP, "version 1");
	put_head(&b, 4, 0, 0), expect(&b, T2_EUNSUP, "version 4");
	put_head(&b, 3 << 24, 0, 0), expect(&b, T2_EUNSUP, "big-endian");
	put_head(&b, 3, 0, 0), expect(&b, T2_OK, "");
	put_head(&b, 3, 1, 0), expect(&b, T2_EFORMAT, "cannot lie");
	put_head(&b, 3, 0, 1), expect(&b, T2_EFORMAT, "cannot lie");
	put_head(&b, 3, UINT64_MAX, 0), expect(&b, T2_EFORMAT, "cannot lie");
	put_head(&b, 3, 0, UINT64_MAX), expect(&b, T2_EFORMAT, "cannot lie");
	put_head(&b, 3, 1ull << 32, 1ull << 32), put_zeros(&b, 4096),
		expect(&b, T2_EFORMAT, "cannot lie");
}

static void
test_hostile_values(void **state)
{
	struct strbuf b = {0};

	(void)state;
	put_head(&b, 3, 0, 1), put(&b, UINT64_MAX, 8), put_zeros(&b, 32);
	expect(&b, T2_EFORMAT, "a metadata key");
	put_head(&b, 3, 0, 1), put(&b, 0, 8), put_zeros(&b, 32);
	expect(&b, T2_EFORMAT, "a metadata key");
	put_head(&b, 3, 0, 1), put(&b, 70000, 8), put_zeros(&b, 80000);
	expect(&b, T2_EFORMAT, "a metadata key");
	put_head(&b, 3, 0, 1), put_key(&b, "k", 13), put_zeros(&b, 32);
	expect(&b, T2_EFORMAT, "a metadata type");
	put_head(&b, 3, 0, 1), put_key(&b, "k", -1), put_zeros(&b, 32);
	expect(&b, T2_EFORMAT, "a metadata type");
	put_head(&b, 3, 0, 1), put_key(&b, "key", GG_U64), put_zeros(&b, 7);
	expect(&b, T2_EFORMAT, "a metadata value");
	put_head(&b, 3, 0, 1), put_key(&b, "k", GG_STR), put(&b, 1ull << 63, 8);
	expect(&b, T2_EFORMAT, "a metadata string");
	put_head(&b, 3, 0, 1), put_key(&b, "k", GG_STR), put(&b, 2, 8), put(&b, 'x', 1);
	expect(&b, T2_EFORMAT, "a metadata string");
	put_head(&b, 3, 0, 1), put_key(&b, "k", GG_ARR), put(&b, 13, 4), put(&b, 0, 8);
	expect(&b, T2_EFORMAT, "an array");
	put_head(&b, 3, 0, 1), put_key(&b, "k", GG_ARR), put(&b, GG_U64, 4),
		put(&b, UINT64_MAX / 8 + 2, 8), put_zeros(&b, 64);
	expect(&b, T2_EFORMAT, "an array");
	put_head(&b, 3, 0, 1), put_key(&b, "k", GG_ARR), put(&b, GG_U8, 4), put(&b, 9, 8),
		put_zeros(&b, 8);
	expect(&b, T2_EFORMAT, "an array");
	put_head(&b, 3, 0, 1), put_key(&b, "k", GG_ARR), put(&b, GG_STR, 4), put(&b, UINT64_MAX, 8),
		put_zeros(&b, 64);
	expect(&b, T2_EFORMAT, "a string in an array");
	put_head(&b, 3, 0, 1), put_key(&b, "k", GG_ARR);
	for (int i = 0; i < 1000; i++)
		put(&b, GG_ARR, 4), put(&b, 1, 8);
	expect(&b, T2_EUNSUP, "nested");
	put_head(&b, 3, 0, 2), put_key(&b, "k", GG_U8), put(&b, 1, 1), put_key(&b, "k", GG_U16),
		put(&b, 1, 2);
	expect(&b, T2_EFORMAT, "occurs twice");
	for (uint64_t a = 0; a < 1ull << 32;
	     a = a * 3 + 1) { /* no power of two from 8 but those that are */
		put_head(&b, 3, 0, 1), put_key(&b, "general.alignment", GG_U32), put(&b, a, 4);
		expect(&b, T2_EFORMAT, "general.alignment");
	}
	put_head(&b, 3, 0, 1), put_key(&b, "general.alignment", GG_STR), put_str(&b, "32");
	expect(&b, T2_EFORMAT, "general.alignment");
}

static void
head_one(struct strbuf *b)
{
	put_head(b, 3, 1, 0);
}

static void
data(struct strbuf *b, size_t n)
{
	put_pad(b, 32);
	put_zeros(b, n);
}

static void
test_hostile_tensors(void **state)
{
	struct strbuf b = {0};

	(void)state;
	head_one(&b), put_tensor(&b, "t", 8, 1, 0, 0), data(&b, 32), expect(&b, T2_OK, "");
	head_one(&b), put_tensor(&b, "t", 8, 1, 0, 0), data(&b, 31),
		expect(&b, T2_EFORMAT, "outside");
	head_one(&b), put_tensor(&b, "t", 8, 1, 0, 0), expect(&b, T2_EFORMAT, "outside");
	head_one(&b), put_tensor(&b, "t", 8, 1, 0, 32), data(&b, 32),
		expect(&b, T2_EFORMAT, "outside");
	head_one(&b), put_tensor(&b, "t", 8, 1, 0, 64), data(&b, 32),
		expect(&b, T2_EFORMAT, "outside");
	head_one(&b), put_tensor(&b, "t", 8, 1, 0, -32ull), data(&b, 32),
		expect(&b, T2_EFORMAT, "outside");
	head_one(&b), put_tensor(&b, "t", 8, 1, 0, 4), data(&b, 64),
		expect(&b, T2_EFORMAT, "not aligned");
	head_one(&b), put_tensor(&b, "", 8, 1, 0, 0), data(&b, 32), expect(&b, T2_EFORMAT, "name");
	head_one(&b), put_tensor(&b, "t", 0, 1, 0, 0), data(&b, 32),
		expect(&b, T2_EFORMAT, "not positive");
	head_one(&b), put_tensor(&b, "t", -8ull, 1, 0, 0), data(&b, 32),
		expect(&b, T2_EFORMAT, "not positive");
	head_one(&b), put_tensor(&b, "t", 1ull << 62, 1, 0, 0), data(&b, 32),
		expect(&b, T2_EFORMAT, "overflows");
	head_one(&b), put_tensor(&b, "t", 1ull << 32, 1ull << 32, 0, 0), data(&b, 32);
	expect(&b, T2_EFORMAT, "overflows");
	head_one(&b), put_tensor(&b, "t", 1ull << 30, 1ull << 30, 0, 0), data(&b, 32),
		expect(&b, T2_EFORMAT, "outside");
	head_one(&b), put_tensor(&b, "t", 33, 1, 8, 0), data(&b, 99),
		expect(&b, T2_EFORMAT, "whole number of blocks");
	head_one(&b), put_tensor(&b, "t", 8, 1, 99, 0), data(&b, 32),
		expect(&b, T2_EUNSUP, "type 99");
	head_one(&b), put_tensor(&b, "t", 8, 1, 4, 0), data(&b, 32),
		expect(&b, T2_EUNSUP, "type 4");
	head_one(&b), put_tensor(&b, "t", 8, 1, -1, 0), data(&b, 32),
		expect(&b, T2_EUNSUP, "type 4294967295");
	head_one(&b), put_str(&b, "t"), put(&b, 5, 4), data(&b, 64),
		expect(&b, T2_EFORMAT, "dimensions");
	head_one(&b), put_str(&b, "t"), put(&b, 0, 4), data(&b, 64),
		expect(&b, T2_EFORMAT, "dimensions");
	head_one(&b), put(&b, 2, 8), strbuf_add(&b, "a\0", 2), put_zeros(&b, 64),
		expect(&b, T2_EFORMAT, "name");
	put_head(&b, 3, 2, 0), put_tensor(&b, "t", 8, 1, 0, 0), put_tensor(&b, "t", 8, 1, 0, 32),
		data(&b, 64);
	expect(&b, T2_EFORMAT, "occurs twice");
	put_head(&b, 3, 2, 0), put_tensor(&b, "t", 9, 1, 0, 0), put_tensor(&b, "u", 8, 1, 0, 32),
		data(&b, 64);
	expect(&b, T2_EFORMAT, "overlaps");
	put_head(&b, 3, 2, 0), put_tensor(&b, "t", 8, 1, 0, 0), put_tensor(&b, "u", 8, 1, 0, 0),
		data(&b, 64);
	expect(&b, T2_EFORMAT, "overlaps");
}

/* Sizes of every type that the goldens have. */
static void
test_block_sizes(void **state)
{
	const char *path = golden_path("quant/blocks.json");
	json_t *list, *e;
	size_t i;

	(void)state;
	if (!path)
		skip();
	list = json_load_file(path, 0, NULL);
	assert_true(json_array_size(list) >= 12);
	json_array_foreach (list, i, e) {
		struct strbuf b = {0};
		struct gguf *g;
		struct t2_err err;
		struct tensor t;
		json_int_t block = json_integer_value(json_object_get(e, "block_values"));
		json_int_t bytes = json_integer_value(json_object_get(e, "block_bytes"));

		put_head(&b, 3, 1, 0);
		put_tensor(&b, "t", (uint64_t)block * 2, 5,
			   (int)json_integer_value(json_object_get(e, "ggml_type")), 0);
		data(&b, (size_t)bytes * 10);
		assert_int_equal(gguf_from_bytes(&g, b.s, b.len, "file", &err), T2_OK);
		gguf_tensor(g, 0, &t, &err);
		assert_string_equal(t.type_name, json_string_value(json_object_get(e, "type")));
		assert_int_equal(t.bytes, bytes * 10);
		gguf_free(g);
		strbuf_free(&b);
	}
	json_decref(list);
}

static void
test_smollm2(void **state)
{
	const char *path =
		shared_path("models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
	struct gguf *g;
	struct t2_err err = {0};
	struct gguf_str s, *merges;
	uint32_t u;
	float f;
	size_t n;
	int types[T2_DTYPES] = {0};

	(void)state;
	if (!path)
		skip();
	assert_int_equal(gguf_open(&g, path, &err), T2_OK);
	assert_string_equal(gguf_path(g), path);
	assert_true(gguf_string(g, "general.architecture", &s) && s.len == 5 &&
		    !memcmp(s.s, "llama", 5));
	assert_true(gguf_u32(g, "llama.block_count", &u) && u == 30);
	assert_true(gguf_f32(g, "llama.attention.layer_norm_rms_epsilon", &f) && f == 1e-5f);
	assert_true(gguf_array_len(g, "tokenizer.ggml.merges", &n) && n == 48900);
	merges = calloc(n, sizeof *merges);
	assert_true(gguf_array_strings(g, "tokenizer.ggml.merges", merges));
	for (size_t i = 0; i < n; i++)
		assert_non_null(memchr(merges[i].s, ' ', merges[i].len));
	free(merges);
	assert_int_equal(gguf_tensor_count(g), 272);
	for (int i = 0; i < 272; i++) {
		struct tensor t;

		assert_int_equal(gguf_tensor(g, i, &t, &err), T2_OK);
		types[t.type]++;
	}
	assert_int_equal(types[T2_Q4_1], 210);
	assert_int_equal(types[T2_F32], 61);
	assert_int_equal(types[T2_Q8_0], 1);
	gguf_free(g);
}

/* A real file cut anywhere is refused; with a bit of its header flipped it is read or refused, never more. */
static void
test_damaged(void **state)
{
	const char *path = golden_path("quant/tinystories-q4_1.gguf");
	struct mapfile m;
	struct gguf *g;
	struct t2_err err = {0};
	size_t size, head, refused = 0, tried = 0;
	uint8_t *copy;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(gguf_open(&g, path, &err), T2_OK);
	gguf_file(g, &size, &head);
	gguf_free(g);
	assert_int_equal(mapfile_open(&m, path, &err), T2_OK);
	assert_int_equal(try_bytes(m.data, m.size, &err), T2_OK);
	for (size_t n = 0; n < m.size; n += n < 4096 ? 7 : 1999)
		assert_int_not_equal(try_bytes(m.data, n, &err), T2_OK);
	copy = malloc(m.size);
	for (size_t i = 0; i < head; i += i < 600 || i > head - 1500 ? 1 : 131) {
		memcpy(copy, m.data, m.size);
		copy[i] ^= (uint8_t)(1u << i % 8);
		refused += try_bytes(copy, m.size, &err) != T2_OK;
		tried++;
	}
	assert_in_range(refused, tried / 10, tried);
	free(copy);
	mapfile_close(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),		cmocka_unit_test(test_tensors),
		cmocka_unit_test(test_hostile_head),	cmocka_unit_test(test_hostile_values),
		cmocka_unit_test(test_hostile_tensors), cmocka_unit_test(test_block_sizes),
		cmocka_unit_test(test_smollm2),		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
