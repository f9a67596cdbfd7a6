/* The tokenizers against the goldens: every line exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/json.h"
#include "engine/base/utf8.h"
#include "engine/model/tokenizer.h"
#include "tests/lib/golden.h"

static const struct {
	const char *name, *path;
} kinds[] = {
	{"llama3", "tokenizers/llama3"},
	{"qwen3", "tokenizers/qwen3"},
	{"llama2", "tokenizers/llama2/tokenizer.json"},
	{"tinystories", "models/tinystories-656k"},
	{"smollm2", "models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf"},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static struct tokenizer *opened[KINDS];

/* NULL where the files are not there. */
static struct tokenizer *
tokenizer_named(const char *name)
{
	for (int i = 0; i < KINDS; i++) {
		struct t2_err err;
		const char *path;

		if (strcmp(kinds[i].name, name))
			continue;
		path = shared_path(kinds[i].path);
		if (!opened[i] && path && tokenizer_open(&opened[i], path, &err))
			fail_msg("%s", err.msg);
		return opened[i];
	}
	return NULL;
}

static void
get_ids(const json_t *list, struct ids *ids)
{
	size_t i;
	const json_t *v;

	ids->n = 0;
	json_array_foreach (list, i, v)
		assert_int_equal(ids_push(ids, (int)json_integer_value(v), NULL), T2_OK);
}

static void
check_ids(const struct ids *got, const json_t *list, const char *what, long line)
{
	struct ids want = {0};

	get_ids(list, &want);
	if (got->n != want.n ||
	    (want.n && memcmp(got->v, want.v, (size_t)want.n * sizeof *want.v))) {
		int i = 0;

		while (i < got->n && i < want.n && got->v[i] == want.v[i])
			i++;
		fail_msg("line %ld: %s: %d ids, want %d; first difference at %d: %d, want %d", line,
			 what, got->n, want.n, i, i < got->n ? got->v[i] : -1,
			 i < want.n ? want.v[i] : -1);
	}
	ids_free(&want);
}

static bool
is_text(const struct strbuf *b, const json_t *s)
{
	return json_is_string(s) && b->len == json_string_length(s) &&
	       (!b->len || !memcmp(b->s, json_string_value(s), b->len));
}

/* Whole decoding is "decoded" or "decoded_alt", and what streams is at every step a prefix of it, in whole characters. */
static void
check_decoded(const struct tokenizer *t, const struct ids *ids, const json_t *obj, long line)
{
	struct strbuf whole = {0}, parts = {0};
	struct tok_stream *s;
	struct t2_err err;

	if (tokenizer_decode(t, ids->v, ids->n, &whole, &err))
		fail_msg("line %ld: %s", line, err.msg);
	if (!is_text(&whole, json_object_get(obj, "decoded")) &&
	    !is_text(&whole, json_object_get(obj, "decoded_alt")))
		fail_msg("line %ld: decoded \"%s\"", line, whole.s);
	assert_int_equal(tok_stream_new(&s, t, &err), T2_OK);
	for (int i = 0; i < ids->n; i++) {
		assert_int_equal(tok_stream_push(s, ids->v[i], &parts, &err), T2_OK);
		assert_true(parts.len <= whole.len);
		if (parts.len) {
			assert_true(utf8_valid(parts.s, parts.len));
			assert_memory_equal(parts.s, whole.s, parts.len);
		}
	}
	assert_int_equal(tok_stream_end(s, &parts, &err), T2_OK);
	tok_stream_free(s);
	assert_int_equal(parts.len, whole.len);
	if (whole.len)
		assert_memory_equal(parts.s, whole.s, whole.len);
	strbuf_free(&whole);
	strbuf_free(&parts);
}

struct check {
	const struct tokenizer *t;
	long lines;
};

static enum t2_status
check_line(void *arg, json_t *obj, long line, struct t2_err *err)
{
	struct check *c = arg;
	const json_t *text = json_object_get(obj, "text"),
		     *plain = json_object_get(obj, "ids_plain");
	const char *s = json_string_value(text);
	size_t len = json_string_length(text);
	struct ids ids = {0};

	assert_int_equal(tokenizer_encode(c->t, s, len, TOK_SPECIAL, &ids, err), T2_OK);
	check_ids(&ids, json_object_get(obj, "ids"), "ids", line);
	ids.n = 0;
	assert_int_equal(tokenizer_encode(c->t, s, len, TOK_PLAIN, &ids, err), T2_OK);
	check_ids(&ids, plain ? plain : json_object_get(obj, "ids"), "ids_plain", line);
	check_decoded(c->t, &ids, obj, line);
	ids_free(&ids);
	c->lines++;
	return T2_OK;
}

static void
check_golden(const char *name, long lines)
{
	struct check c = {.t = tokenizer_named(name)};
	char rel[64];
	const char *path;
	struct t2_err err;

	snprintf(rel, sizeof rel, "tokenize/%s.jsonl", name);
	path = golden_path(rel);
	if (!c.t || !path)
		skip();
	if (json_read_lines(path, check_line, &c, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(c.lines, lines);
}

static void
llama3(void **state)
{
	(void)state;
	check_golden("llama3", 397);
}

static void
qwen3(void **state)
{
	(void)state;
	check_golden("qwen3", 397);
}

static void
llama2(void **state)
{
	(void)state;
	check_golden("llama2", 383);
}

static void
tinystories(void **state)
{
	(void)state;
	check_golden("tinystories", 386);
}

static void
smollm2(void **state)
{
	(void)state;
	check_golden("smollm2", 397);
}

static enum t2_status
check_partial(void *arg, json_t *obj, long line, struct t2_err *err)
{
	const struct tokenizer *t =
		tokenizer_named(json_string_value(json_object_get(obj, "tokenizer")));
	struct ids ids = {0};
	long *lines = arg;

	(void)err;
	++*lines;
	if (!t)
		return T2_OK;
	get_ids(json_object_get(obj, "ids"), &ids);
	check_decoded(t, &ids, obj, line);
	ids_free(&ids);
	return T2_OK;
}

static void
partial_decode(void **state)
{
	const char *path = golden_path("tokenize/partial-decode.jsonl");
	struct t2_err err;
	long lines = 0;

	(void)state;
	if (!path)
		skip();
	if (json_read_lines(path, check_partial, &lines, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(lines, 200);
}

/* What is not UTF-8 is encoded as its text with U+FFFD for each maximal part. */
static void
invalid_utf8(void **state)
{
	const char *path = golden_path("tokenize/invalid-utf8.json");
	struct t2_err err;
	json_t *list;
	const json_t *hex;
	size_t i;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(json_read_file(&list, path, &err), T2_OK);
	assert_int_equal(json_array_size(list), 52);
	json_array_foreach (list, i, hex) {
		const char *h = json_string_value(hex);
		size_t n = strlen(h) / 2;
		char *bytes = malloc(n); /* exact, so that a sanitizer sees a byte too many */
		struct strbuf clean = {0};

		for (size_t k = 0; k < n; k++) {
			unsigned b;

			assert_int_equal(sscanf(h + 2 * k, "%2x", &b), 1);
			bytes[k] = (char)b;
		}
		assert_false(utf8_valid(bytes, n));
		utf8_clean(&clean, bytes, n);
		assert_true(utf8_valid(clean.s, clean.len));
		assert_non_null(memmem(clean.s, clean.len, "\xef\xbf\xbd", 3));
		for (int k = 0; k < KINDS; k++) {
			struct tokenizer *t = tokenizer_named(kinds[k].name);
			struct ids a = {0}, b = {0};

			if (!t)
				continue;
			assert_int_equal(tokenizer_encode(t, bytes, n, TOK_SPECIAL, &a, &err),
					 T2_OK);
			assert_int_equal(
				tokenizer_encode(t, clean.s, clean.len, TOK_SPECIAL, &b, &err),
				T2_OK);
			assert_int_equal(a.n, b.n);
			if (a.n)
				assert_memory_equal(a.v, b.v, (size_t)a.n * sizeof *a.v);
			ids_free(&a);
			ids_free(&b);
		}
		free(bytes);
		strbuf_free(&clean);
	}
	json_decref(list);
}

struct small {
	char name[32]; /* "": none yet */
	struct tokenizer *t;
	long lines;
};

static enum t2_status
small_line(void *arg, json_t *obj, long line, struct t2_err *err)
{
	struct small *s = arg;
	const char *name = json_string_value(json_object_get(obj, "tokenizer"));
	char path[96];

	if (strcmp(s->name, name)) {
		tokenizer_free(s->t);
		snprintf(s->name, sizeof s->name, "%s", name);
		snprintf(path, sizeof path, "tests/golden/metaspace/%s", name);
		if (tokenizer_open(&s->t, path, err))
			fail_msg("%s", err->msg);
	}
	if (json_object_get(obj, "text")) {
		struct check c = {.t = s->t};

		check_line(&c, obj, line, err);
	} else {
		struct ids ids = {0};

		get_ids(json_object_get(obj, "ids"), &ids);
		check_decoded(s->t, &ids, obj, line);
		ids_free(&ids);
	}
	s->lines++;
	return T2_OK;
}

/* tests/golden/metaspace, which make.py there made: three small tokenizers with Metaspace. */
static void
metaspace(void **state)
{
	struct small s = {0};
	struct t2_err err;

	(void)state;
	if (json_read_lines("tests/golden/metaspace/metaspace.jsonl", small_line, &s, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(s.lines, 177);
	tokenizer_free(s.t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(llama3),	cmocka_unit_test(qwen3),
		cmocka_unit_test(llama2),	cmocka_unit_test(tinystories),
		cmocka_unit_test(smollm2),	cmocka_unit_test(partial_decode),
		cmocka_unit_test(invalid_utf8), cmocka_unit_test(metaspace),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	for (int i = 0; i < KINDS; i++)
		tokenizer_free(opened[i]);
	return rc;
}
