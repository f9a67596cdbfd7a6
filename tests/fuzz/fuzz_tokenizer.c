/* libFuzzer entry: a tokenizer.json, a NUL and a text; or a GGUF vocabulary, used on texts of our own.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined ... tests/fuzz/fuzz_tokenizer.c -ljansson -lpcre2-8 -lutf8proc -lxxhash
 *	T2_SEEDS=seeds build/tests/test_tokenizer_file; ./fuzz_tokenizer seeds/tokenizer */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/model/gguf.h"
#include "engine/model/tokenizer_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* There and back: ids exist, the text is UTF-8, what streams is a prefix of the whole, and no call depends on another. */
static void
use(const struct tokenizer *t, const char *text, size_t len)
{
	struct ids a = {0}, b = {0};
	struct strbuf whole = {0}, parts = {0};
	struct tok_stream *s;
	struct t2_err err;

	if (tokenizer_encode(t, text, len, TOK_SPECIAL, &a, &err)) {
		must(a.n == 0);
		goto out;
	}
	must(!tokenizer_encode(t, text, len, TOK_SPECIAL, &b, &err));
	must(a.n == b.n && (!a.n || !memcmp(a.v, b.v, (size_t)a.n * sizeof *a.v)));
	must(!tokenizer_decode(t, a.v, a.n, &whole, &err));
	must(!whole.len || utf8_valid(whole.s, whole.len));
	must(!tok_stream_new(&s, t, &err));
	for (int i = 0; i < a.n; i++) {
		must(tokenizer_piece(t, a.v[i], NULL) != NULL);
		must(!tok_stream_push(s, a.v[i], &parts, &err));
		must(parts.len <= whole.len &&
		     (!parts.len || !memcmp(parts.s, whole.s, parts.len)));
	}
	must(!tok_stream_end(s, &parts, &err));
	must(parts.len == whole.len);
	tok_stream_free(s);
out:
	ids_free(&a);
	ids_free(&b);
	strbuf_free(&whole);
	strbuf_free(&parts);
}

static enum t2_status
read_gguf(struct tokenizer *t, const uint8_t *data, size_t size, struct t2_err *err)
{
	uint8_t *copy = malloc(size + 1); /* aligned as a map is */
	struct gguf *g;
	enum t2_status st;

	must(copy != NULL);
	memcpy(copy, data, size);
	st = gguf_from_bytes(&g, copy, size, "input", err);
	if (!st)
		st = tokenizer_read_gguf(t, g, err);
	gguf_free(g);
	free(copy);
	return st;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const texts[] = {
		"",
		" abc aab  12\n\n'S <s>b a\xe4\xb8\xad\xff\xe4\xb8",
		"\u2581 a\u2581ab <|end|>tool 123  \t x\xcc\x81\xcc\xa3",
	};
	const uint8_t *nul = memchr(data, 0, size);
	size_t n = nul ? (size_t)(nul - data) : size;
	bool gguf = size >= 4 && !memcmp(data, "GGUF", 4);
	struct tokenizer *t = tokenizer_alloc();
	struct t2_err err;
	enum t2_status st;

	must(t != NULL);
	st = gguf ? read_gguf(t, data, size, &err)
		  : tokenizer_read_json(t, (const char *)data, n, "input", &err);
	if (st)
		must(!strncmp(err.msg, "input: ", 7));
	else
		st = tokenizer_complete(t, &err);
	for (size_t i = 0; i < sizeof texts / sizeof *texts && !st; i++)
		use(t, texts[i], strlen(texts[i]));
	if (!st && !gguf && nul)
		use(t, (const char *)nul + 1, size - n - 1);
	tokenizer_free(t);
	return 0;
}
