#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/mapfile.h"
#include "engine/model/checkpoint.h"
#include "tests/lib/golden.h"
#include "tests/lib/seed.h"

static const char *dir;

static char *
in_dir(const char *name)
{
	static char p[600];

	snprintf(p, sizeof p, "%s/%s", dir, name);
	return p;
}

/* A file in memory: header text and so many bytes of data. The result is the caller's. */
static uint8_t *
make(const char *header, size_t data, size_t *n)
{
	size_t len = strlen(header);
	uint8_t *p = calloc(1, 8 + len + data);

	assert_non_null(p);
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(len >> 8 * i);
	memcpy(p + 8, header, len);
	*n = 8 + len + data;
	return p;
}

static enum t2_status
try_bytes(const void *bytes, size_t n, struct t2_err *err)
{
	struct safetensors *s;
	/* A copy of exactly this size, so that a byte read too far is seen by the sanitizer. */
	void *copy = malloc(n ? n : 1);
	enum t2_status st;

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	seed_save("safetensors", bytes, n);
	memset(err, 0, sizeof *err);
	st = safetensors_from_bytes(&s, copy, n, "file", err);
	if (st) {
		assert_null(s);
		assert_int_equal(err->code, st);
		assert_ptr_equal(strstr(err->msg, "file: "), err->msg);
	}
	safetensors_free(s);
	free(copy);
	return st;
}

static void
test_hostile(void **state)
{
	static const struct {
		const char *header;
		size_t data;
		enum t2_status want;
		const char *says;
	} cases[] = {
		{"{}", 0, T2_OK, ""},
		{"{}   ", 0, T2_OK, ""},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, T2_OK, ""},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[0,0]}}", 0, T2_OK,
		 ""},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,9223372036854775807,0],"
		 "\"data_offsets\":[0,0]}}",
		 0, T2_OK, ""},
		{"", 0, T2_EFORMAT, "not JSON"},
		{"[]", 0, T2_EFORMAT, "not an object"},
		{"{\"a\":", 0, T2_EFORMAT, "not JSON"},
		{"{}", 3, T2_EFORMAT, "3 bytes after"},
		{"{\"__metadata__\":[]}", 0, T2_EFORMAT, "__metadata__"},
		{"{\"__metadata__\":{\"a\":1}}", 0, T2_EFORMAT, "plain string"},
		{"{\"__metadata__\":{\"a\":\"x\\u0000y\"}}", 0, T2_EFORMAT, "plain string"},
		{"{\"a\":7}", 0, T2_EFORMAT, "dtype"},
		{"{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, T2_EUNSUP,
		 "F33"},
		{"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, T2_EFORMAT, "shape"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, T2_EFORMAT,
		 "shape"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4,
		 T2_EFORMAT, "shape"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}",
		 4, T2_EFORMAT, "at most 8"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, T2_EFORMAT, "data_offsets"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, T2_EFORMAT,
		 "data_offsets"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,\"4\"]}}", 4,
		 T2_EFORMAT, "data_offsets"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, T2_EFORMAT,
		 "backwards"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, T2_EFORMAT,
		 "backwards"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, T2_EFORMAT,
		 "cut short"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[9223372036854775803,"
		 "9223372036854775807]}}",
		 4, T2_EFORMAT, "cut short"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,99999999999999999999]"
		 "}}",
		 4, T2_EFORMAT, "not JSON"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, T2_EFORMAT,
		 "do not fit"},
		/* 2^62 floats of 32 bits each wrap to 0 in 64 bits */
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}"
		 "}",
		 0, T2_EFORMAT, "do not fit"},
		{"{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]}}", 1, T2_EFORMAT,
		 "do not fit"},
		{"{\"a\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[0,2]}}", 2, T2_OK, ""},
		{"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
		 "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}}",
		 6, T2_EFORMAT, "overlaps"},
		{"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
		 "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
		 4, T2_EFORMAT, "overlaps"},
		{"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
		 "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[6,10]}}",
		 10, T2_EFORMAT, "hole"},
		{"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
		 "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
		 8, T2_EFORMAT, "not JSON"},
		{"{\"a\\u0000b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4,
		 T2_EFORMAT, "not JSON"},
	};
	struct t2_err err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t n;
		uint8_t *p = make(cases[i].header, cases[i].data, &n);
		enum t2_status st = try_bytes(p, n, &err);

		if (st != cases[i].want || !strstr(err.msg, cases[i].says))
			fail_msg("%s: status %d, \"%s\"", cases[i].header, (int)st, err.msg);
		free(p);
	}
}

static void
test_lengths(void **state)
{
	uint8_t head[16] = {0};
	struct t2_err err;

	(void)state;
	for (size_t n = 0; n < 8; n++)
		assert_int_equal(try_bytes(head, n, &err), T2_EFORMAT);
	memset(head, 0xff, 8); /* 2^64 - 1 */
	assert_int_equal(try_bytes(head, 16, &err), T2_EFORMAT);
	memset(head, 0, 8);
	head[0] = 9; /* one more than there is */
	assert_int_equal(try_bytes(head, 16, &err), T2_EFORMAT);
	assert_non_null(strstr(err.msg, "cut short"));
}

static void
test_deep(void **state)
{
	enum { DEPTH = 200000 };
	char *text = malloc(DEPTH + 1);
	struct t2_err err;
	size_t n;
	uint8_t *p;

	(void)state;
	memset(text, '[', DEPTH);
	text[DEPTH] = 0;
	p = make(text, 0, &n);
	assert_int_equal(try_bytes(p, n, &err), T2_EFORMAT);
	free(p);
	free(text);
}

/* Data behind a header of any length is handed out aligned. */
static void
test_unaligned(void **state)
{
	(void)state;
	for (int pad = 0; pad < 9; pad++) {
		char text[300];
		struct safetensors *s;
		struct t2_err err;
		const struct st_tensor *a, *b, *c;
		float f;
		size_t n;
		uint8_t *p;

		snprintf(text, sizeof text,
			 "{\"c\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[3,11]},"
			 "\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
			 "\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[11,19]}}%*s",
			 pad, "");
		p = make(text, 19, &n);
		f = 1.5f;
		memcpy(p + n - 16, &f, 4);
		f = -2;
		memcpy(p + n - 12, &f, 4);
		p[n - 19] = 7;
		assert_int_equal(safetensors_from_bytes(&s, p, n, "file", &err), T2_OK);
		assert_int_equal(safetensors_count(s), 3);
		a = safetensors_find(s, "a");
		b = safetensors_find(s, "b");
		c = safetensors_find(s, "c");
		assert_ptr_equal(a, safetensors_tensor(s, 0));
		assert_ptr_equal(c, safetensors_tensor(s, 1));
		assert_ptr_equal(b, safetensors_tensor(s, 2));
		assert_null(safetensors_find(s, "d"));
		assert_int_equal((uintptr_t)b->data % 8, 0);
		assert_int_equal((uintptr_t)c->data % 4, 0);
		assert_true(((const float *)c->data)[0] == 1.5f &&
			    ((const float *)c->data)[1] == -2);
		assert_int_equal(((const uint8_t *)a->data)[0], 7);
		safetensors_free(s);
		free(p);
	}
}

static void
test_round_trip(void **state)
{
	static const float f[6] = {1, 2, 3, 4, 5, -0.0f};
	static const uint8_t u[3] = {9, 8, 7};
	static const int64_t i[1] = {-5};
	const struct st_write w[] = {
		{"bytes", "U8", 1, {3}, u, 3},
		{"layer.z", "F32", 2, {2, 3}, f, sizeof f},
		{"n", "I64", 0, {0}, i, sizeof i},
		{"none", "F32", 2, {0, 5}, NULL, 0},
	};
	const char *const meta[] = {"format", "t2-expert", "gr\303\266\303\237e \"x\"\n",
				    "\342\202\254"};
	const char *path = in_dir("round.safetensors");
	struct safetensors *s;
	struct t2_err err = {0};
	const struct st_tensor *t;
	size_t size, header;

	(void)state;
	for (int round = 0; round < 2; round++) { /* the second replaces the first */
		assert_int_equal(safetensors_write(path, w, 4, meta, 2, &err), T2_OK);
		assert_int_equal(safetensors_open(&s, path, &err), T2_OK);
		assert_int_equal(safetensors_count(s), 4);
		assert_non_null(safetensors_file(s, &size, &header));
		assert_int_equal(header % 64, 0);
		assert_int_equal(size, header + 24 + 3 + 8);
		t = safetensors_find(s, "layer.z");
		assert_int_equal(t->ndim, 2);
		assert_int_equal(t->shape[0], 2);
		assert_int_equal(t->shape[1], 3);
		assert_string_equal(t->dtype, "F32");
		assert_memory_equal(t->data, f, sizeof f);
		assert_memory_equal(safetensors_find(s, "bytes")->data, u, 3);
		t = safetensors_find(s, "n");
		assert_int_equal(t->ndim, 0);
		assert_memory_equal(t->data, i, 8);
		assert_int_equal(safetensors_find(s, "none")->bytes, 0);
		assert_string_equal(safetensors_meta(s, "format"), "t2-expert");
		assert_string_equal(safetensors_meta(s, meta[2]), meta[3]);
		assert_null(safetensors_meta(s, "absent"));
		safetensors_free(s);
	}
	assert_int_equal(safetensors_write(path, NULL, 0, NULL, 0, &err), T2_OK);
	assert_int_equal(safetensors_open(&s, path, &err), T2_OK);
	assert_int_equal(safetensors_count(s), 0);
	assert_null(safetensors_meta(s, "format"));
	safetensors_free(s);
}

static int
files_in_dir(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void
test_write_refusals(void **state)
{
	static const float f[2] = {1, 2};
	const struct st_write twice[] = {{"a", "F32", 1, {1}, f, 4}, {"a", "F32", 1, {1}, f, 4}};
	const struct st_write meta_name[] = {{"__metadata__", "F32", 1, {1}, f, 4}};
	const struct st_write size[] = {{"a", "F32", 1, {3}, f, 8}};
	const struct st_write type[] = {{"a", "F33", 1, {2}, f, 8}};
	const struct st_write utf8[] = {{"\377", "F32", 1, {2}, f, 8}};
	const char *const bad_meta[] = {"k", "\377"};
	const char *path = in_dir("refused.safetensors");
	struct t2_err err;
	int before = files_in_dir();

	(void)state;
	assert_int_equal(safetensors_write(path, twice, 2, NULL, 0, &err), T2_EINVAL);
	assert_int_equal(safetensors_write(path, meta_name, 1, NULL, 0, &err), T2_EINVAL);
	assert_int_equal(safetensors_write(path, size, 1, NULL, 0, &err), T2_EINVAL);
	assert_int_equal(safetensors_write(path, type, 1, NULL, 0, &err), T2_EINVAL);
	assert_int_equal(safetensors_write(path, utf8, 1, NULL, 0, &err), T2_EINVAL);
	assert_int_equal(safetensors_write(path, type, 0, bad_meta, 1, &err), T2_EINVAL);
	assert_int_equal(safetensors_write(in_dir("no/such/folder"), type, 0, NULL, 0, &err),
			 T2_EIO);
	assert_non_null(strstr(err.msg, strerror(ENOENT)));
	assert_int_equal(files_in_dir(), before);
}

/* A file size limit fails the same write() that a full disk does. */
static void
test_disk_full(void **state)
{
	static float big[1 << 16];
	const struct st_write w[] = {{"a", "F32", 1, {1 << 16}, big, sizeof big}};
	const struct st_write old[] = {{"old", "F32", 1, {1}, big, 4}};
	const char *path = in_dir("full.safetensors");
	struct rlimit saved, small;
	struct safetensors *s;
	struct t2_err err = {0};
	int before;

	(void)state;
	assert_int_equal(safetensors_write(path, old, 1, NULL, 0, &err), T2_OK);
	before = files_in_dir();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	small = saved;
	small.rlim_cur = 100000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(safetensors_write(path, w, 1, NULL, 0, &err), T2_EIO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
	assert_non_null(strstr(err.msg, strerror(EFBIG)));
	assert_int_equal(files_in_dir(), before);
	assert_int_equal(safetensors_open(&s, path, &err),
			 T2_OK); /* what was there is still there */
	assert_non_null(safetensors_find(s, "old"));
	safetensors_free(s);
}

static void
test_absent(void **state)
{
	struct safetensors *s;
	struct t2_err err;

	(void)state;
	assert_int_equal(safetensors_open(&s, in_dir("absent"), &err), T2_ENOTFOUND);
	assert_null(s);
	assert_int_equal(safetensors_open(&s, dir, &err), T2_EIO);
	assert_null(s);
}

static void
test_goldens(void **state)
{
	const char *path = golden_path("quant/blocks.safetensors");
	const char *model = shared_path("models/tinystories-656k/model.safetensors");
	struct safetensors *s;
	struct t2_err err = {0};
	const struct st_tensor *t;
	size_t numbers = 0;

	(void)state;
	if (!path || !model)
		skip();
	assert_int_equal(safetensors_open(&s, path, &err), T2_OK);
	t = safetensors_find(s, "Q4_1.f32");
	assert_non_null(t);
	assert_string_equal(t->dtype, "F32");
	assert_int_equal(t->bytes, 2048 * 4);
	t = safetensors_find(s, "Q4_1.raw");
	assert_non_null(t);
	assert_string_equal(t->dtype, "U8");
	assert_int_equal(t->bytes, 64 * 20);
	safetensors_free(s);

	assert_int_equal(safetensors_open(&s, model, &err), T2_OK);
	assert_int_equal(safetensors_count(s), 20);
	for (int i = 0; i < 20; i++)
		numbers += safetensors_tensor(s, i)->bytes / 4;
	assert_int_equal(numbers, 656000);
	assert_string_equal(safetensors_meta(s, "format"), "pt");
	safetensors_free(s);
}

/* A real file cut anywhere is refused; with a byte of its header flipped it is read or refused, never more. */
static void
test_damaged(void **state)
{
	const char *path = golden_path("rope/llama3-scaled/model-00002-of-00002.safetensors");
	struct mapfile m;
	struct t2_err err = {0};
	size_t head, refused = 0;
	uint8_t *copy;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(mapfile_open(&m, path, &err), T2_OK);
	head = 8 + (m.data[0] | (size_t)m.data[1] << 8);
	assert_in_range(head, 100, m.size);
	assert_int_equal(try_bytes(m.data, m.size, &err), T2_OK);
	for (size_t n = 0; n < m.size; n += n < head + 64 ? 7 : 9973)
		assert_int_equal(try_bytes(m.data, n, &err), T2_EFORMAT);
	copy = malloc(m.size);
	for (size_t i = 0; i < head; i++) {
		memcpy(copy, m.data, m.size);
		copy[i] ^= (uint8_t)(1u << i % 8);
		refused += try_bytes(copy, m.size, &err) != T2_OK;
	}
	/* Most of a header is names and quotes: changed names are legal, changed structure is not. */
	assert_in_range(refused, head / 4, head);
	free(copy);
	mapfile_close(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile),	   cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_deep),	   cmocka_unit_test(test_unaligned),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_write_refusals),
		cmocka_unit_test(test_disk_full),  cmocka_unit_test(test_absent),
		cmocka_unit_test(test_goldens),	   cmocka_unit_test(test_damaged),
	};

	dir = temp_dir();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
