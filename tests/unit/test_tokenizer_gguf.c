/* Vocabularies inside GGUF files made here by hand, right and wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/model/tokenizer.h"
#include "tests/lib/ggufmake.h"
#include "tests/lib/golden.h"
#include "tests/lib/seed.h"

static const char *dir;

struct vocab {
	const char *model, *pre;
	const char *const *pieces;
	const int *types;
	const float *scores;
	const char *const *merges;
	int bos;		/* -1: not there */
	int add_bos, add_space; /* -1: not there */
};

static void
put_strings(struct strbuf *b, const char *key, const char *const *s)
{
	uint64_t n = 0;

	while (s[n])
		n++;
	put_key(b, key, GG_ARR);
	put(b, GG_STR, 4);
	put(b, n, 8);
	for (uint64_t i = 0; i < n; i++)
		put_str(b, s[i]);
}

static void
put_flag(struct strbuf *b, const char *key, int v, uint64_t *values)
{
	if (v < 0)
		return;
	put_key(b, key, GG_BOOL);
	put(b, (uint64_t)v, 1);
	++*values;
}

static void
gguf_of(struct strbuf *file, const struct vocab *v)
{
	struct strbuf b = {0};
	uint64_t n = 0, values = 2;

	while (v->pieces[n])
		n++;
	put_key(&b, "tokenizer.ggml.model", GG_STR);
	put_str(&b, v->model);
	put_strings(&b, "tokenizer.ggml.tokens", v->pieces);
	if (v->pre) {
		put_key(&b, "tokenizer.ggml.pre", GG_STR);
		put_str(&b, v->pre);
		values++;
	}
	if (v->types) {
		put_key(&b, "tokenizer.ggml.token_type", GG_ARR);
		put(&b, GG_I32, 4);
		put(&b, n, 8);
		for (uint64_t i = 0; i < n; i++)
			put(&b, (uint64_t)v->types[i], 4);
		values++;
	}
	if (v->scores) {
		put_key(&b, "tokenizer.ggml.scores", GG_ARR);
		put(&b, GG_F32, 4);
		put(&b, n, 8);
		for (uint64_t i = 0; i < n; i++)
			put_f32(&b, v->scores[i]);
		values++;
	}
	if (v->merges) {
		put_strings(&b, "tokenizer.ggml.merges", v->merges);
		values++;
	}
	if (v->bos >= 0) {
		put_key(&b, "tokenizer.ggml.bos_token_id", GG_U32);
		put(&b, (uint64_t)v->bos, 4);
		values++;
	}
	put_flag(&b, "tokenizer.ggml.add_bos_token", v->add_bos, &values);
	put_flag(&b, "tokenizer.ggml.add_space_prefix", v->add_space, &values);
	put_head(file, 3, 0, values);
	strbuf_add(file, b.s, b.len);
	put_pad(file, 32);
	strbuf_free(&b);
}

static enum t2_status
open_gguf(struct tokenizer **t, const struct vocab *v, struct t2_err *err)
{
	struct strbuf b = {0};
	char path[600];
	FILE *f;

	gguf_of(&b, v);
	seed_save("tokenizer", b.s, b.len);
	snprintf(path, sizeof path, "%s/v.gguf", dir);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(b.s, 1, b.len, f), b.len);
	assert_int_equal(fclose(f), 0);
	strbuf_free(&b);
	return tokenizer_open(t, path, err);
}

/* The pieces of a text, with a bar between them. */
static char *
pieces(const struct tokenizer *t, const char *text, int flags)
{
	struct ids ids = {0};
	struct strbuf b = {0};
	struct t2_err err;

	if (tokenizer_encode(t, text, strlen(text), flags, &ids, &err))
		fail_msg("%s", err.msg);
	for (int i = 0; i < ids.n; i++) {
		if (i)
			strbuf_char(&b, '|');
		strbuf_str(&b, tokenizer_piece(t, ids.v[i], NULL));
	}
	ids_free(&ids);
	return strbuf_take(&b);
}

static void
check_gguf(const struct vocab *v, const char *text, const char *want, const char *back)
{
	struct tokenizer *t;
	struct t2_err err;
	struct ids ids = {0};
	struct strbuf b = {0};
	char *got;

	if (open_gguf(&t, v, &err))
		fail_msg("%s", err.msg);
	got = pieces(t, text, TOK_SPECIAL);
	if (strcmp(got, want))
		fail_msg("\"%s\": \"%s\", want \"%s\"", text, got, want);
	free(got);
	assert_int_equal(tokenizer_encode(t, text, strlen(text), TOK_PLAIN, &ids, &err), T2_OK);
	assert_int_equal(tokenizer_decode(t, ids.v, ids.n, &b, &err), T2_OK);
	assert_string_equal(b.s, back);
	ids_free(&ids);
	strbuf_free(&b);
	tokenizer_free(t);
}

/* SentencePiece: "bc" before "ab", for its score; "q" is no piece but "qa" is; "\u4e2d" becomes bytes where there are some. */
static const char *const sp_pieces[] = {"<unk>",  "<s>", "<0xE4>",  "<0xB8>", "<0xAD>",
					"\u2581", "a",	 "b",	    "c",      "ab",
					"bc",	  "qa",	 "\u2581a", NULL};
static const int sp_types[] = {2, 3, 6, 6, 6, 1, 1, 1, 1, 1, 1, 1, 1};
static const float sp_scores[] = {0, 0, 0, 0, 0, -9, -10, -11, -12, -2, -1, -3, -4};

static void
gguf_llama(void **state)
{
	struct vocab v = {.model = "llama",
			  .pieces = sp_pieces,
			  .types = sp_types,
			  .scores = sp_scores,
			  .bos = 1,
			  .add_bos = -1,
			  .add_space = -1};

	(void)state;
	check_gguf(&v, "abc", "<s>|\u2581a|bc", "abc");
	check_gguf(&v, "ab ab", "<s>|\u2581|ab|\u2581|ab", "ab ab");
	check_gguf(&v, "b<s>a", "<s>|\u2581|b|<s>|\u2581a", "b<s> a");
	check_gguf(&v, "bqa\u4e2d", "<s>|\u2581|b|qa|<0xE4>|<0xB8>|<0xAD>", "bqa\u4e2d");
	check_gguf(&v, "bqb", "<s>|\u2581|b|<unk>|b", "b<unk>b");
	v.add_space = 0;
	v.add_bos = 0;
	check_gguf(&v, "abc", "a|bc", "abc");
	check_gguf(&v, " a", "\u2581a", " a");
}

static const char *const bpe_pieces[] = {"<|end|>",
					 "a",
					 "b",
					 "1",
					 "2",
					 "\u0120",
					 "\u0120a",
					 "ab",
					 "12",
					 "\u0120"
					 "1",
					 "A",
					 "tool",
					 "aab",
					 NULL};
static const int bpe_types[] = {3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 1};
static const char *const bpe_merges[] = {"\u0120 a", "a b", "1 2", "\u0120 1", NULL};

static void
gguf_gpt2(void **state)
{
	struct vocab v = {.model = "gpt2",
			  .pieces = bpe_pieces,
			  .types = bpe_types,
			  .merges = bpe_merges,
			  .bos = 0,
			  .add_bos = -1,
			  .add_space = -1};

	(void)state;
	v.pre = "gpt-2";
	check_gguf(&v, "ab a 12<|end|>aab", "ab|\u0120a|\u0120|12|<|end|>|a|ab",
		   "ab a 12<|end|>aab");
	v.pre = "smollm"; /* digits by themselves, before the space is looked at */
	check_gguf(&v, "ab 12tool", "ab|\u0120|1|2|tool", "ab 12tool");
	v.pre = "qwen2";
	check_gguf(&v, " 12", "\u0120|1|2", " 12");
	v.pre = "llama-bpe"; /* BOS unless the file says otherwise; whole words first */
	check_gguf(&v, " 12aab", "<|end|>|\u0120|12|aab", " 12aab");
	v.add_bos = 0;
	check_gguf(&v, "aab", "aab", "aab");
}

static void
check_gguf_refused(const struct vocab *v, enum t2_status want, const char *msg)
{
	struct tokenizer *t;
	struct t2_err err;
	enum t2_status st = open_gguf(&t, v, &err);

	assert_null(t);
	if (st != want || !strstr(err.msg, msg) || !strstr(err.msg, "v.gguf"))
		fail_msg("status %d, \"%s\", want %d, \"%s\"", st, st ? err.msg : "", want, msg);
}

static void
gguf_refused(void **state)
{
	static const char *const twice[] = {"a", "b", "a", NULL}, *const none[] = {NULL};
	static const char *const no_utf8[] = {"a", "\xff", NULL}, *const no_piece[] = {"a z", NULL};
	static const char *const one[] = {"ab", NULL}, *const no_whole[] = {"b a", NULL};
	static const int bad_type[] = {3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 7};
	static const float nan_scores[13] = {[5] = (float)__builtin_nan("")};
	const struct vocab good = {.model = "gpt2",
				   .pre = "gpt-2",
				   .pieces = bpe_pieces,
				   .types = bpe_types,
				   .merges = bpe_merges,
				   .bos = -1,
				   .add_bos = -1,
				   .add_space = -1};
	struct vocab v = good;

	(void)state;
	check_gguf(&v, "a", "a", "a");
	v.model = "bert";
	check_gguf_refused(&v, T2_EUNSUP, "tokenizer.ggml.model \"bert\"");
	v = good, v.pre = "falcon";
	check_gguf_refused(&v, T2_EUNSUP, "tokenizer.ggml.pre \"falcon\"");
	v = good, v.pre = NULL;
	check_gguf_refused(&v, T2_EUNSUP, "tokenizer.ggml.pre is missing");
	v = good, v.add_bos = 1;
	check_gguf_refused(&v, T2_EFORMAT, "BOS");
	v = good, v.bos = 13;
	check_gguf_refused(&v, T2_EFORMAT, "bos_token_id: not an id in 0 .. 12");
	v = good, v.types = bad_type;
	check_gguf_refused(&v, T2_EUNSUP, "token_type[12]: no type 7");
	v = good, v.merges = NULL;
	check_gguf_refused(&v, T2_EFORMAT, "merges: no list");
	v = good, v.merges = no_piece;
	check_gguf_refused(&v, T2_EFORMAT, "merges[0]: \"a z\": the second");
	v = good, v.merges = no_whole;
	check_gguf_refused(&v, T2_EFORMAT, "merges[0]: \"b a\": the two together");
	v = good, v.merges = one;
	check_gguf_refused(&v, T2_EFORMAT, "merges[0]: not two pieces");
	v = good, v.pieces = none, v.types = NULL;
	check_gguf_refused(&v, T2_EFORMAT, "tokens: no list");
	v = good, v.pieces = twice, v.types = NULL;
	check_gguf_refused(&v, T2_EFORMAT, "\"a\" has two ids, 0 and 2");
	v = good, v.pieces = no_utf8, v.types = NULL;
	check_gguf_refused(&v, T2_EFORMAT, "token 1: not UTF-8");
	v = good, v.model = "llama";
	check_gguf_refused(&v, T2_EFORMAT, "scores is missing");
	v.scores = nan_scores, v.bos = 0;
	check_gguf_refused(&v, T2_EFORMAT, "scores[5]: not a number");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gguf_llama),
		cmocka_unit_test(gguf_gpt2),
		cmocka_unit_test(gguf_refused),
	};

	dir = temp_dir();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
