#define PCRE2_CODE_UNIT_WIDTH 8
#include "samples/make/bpetrain.h"

#include <jansson.h>
#include <pcre2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "samples/make/textfile.h"

enum { FIRST_BYTE = 1, BYTES = 256, FIRST_MERGE = FIRST_BYTE + BYTES };

/* The expression of GPT-2's tokenizer, which "use_regex" in tokenizer.json stands for. */
#define SPLIT_PATTERN                                                                              \
	"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

struct word {
	int *sym;
	int n;
	long count;
};

struct bpetrain {
	pcre2_code *split;
	pcre2_match_data *match;
	json_t *counts; /* piece of text -> how often */
	struct word *words;
	size_t nwords;
	char **piece;	/* [size] as written in the file */
	int (*pair)[2]; /* [size] the two halves of a merge */
	int size;
};

/* GPT-2's letters for bytes: printable ones stand for themselves, the rest are counted up from U+0100. */
static void
byte_letter(int byte, char out[3])
{
	int code = byte, shifted = 0x100;

	for (int i = 0; i <= byte; i++) {
		bool plain = (i >= '!' && i <= '~') || (i >= 0xa1 && i <= 0xac) || i >= 0xae;

		if (i == byte && !plain)
			code = shifted;
		shifted += !plain;
	}
	memset(out, 0, 3);
	if (code < 0x80) {
		out[0] = (char)code;
	} else {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
	}
}

enum t2_status
bpetrain_new(struct bpetrain **out, struct t2_err *err)
{
	struct bpetrain *b = calloc(1, sizeof *b);
	PCRE2_SIZE at;
	int code;

	*out = NULL;
	if (!b)
		return t2_nomem(err, "tokenizer");
	b->split = pcre2_compile((PCRE2_SPTR)SPLIT_PATTERN, PCRE2_ZERO_TERMINATED,
				 PCRE2_UTF | PCRE2_UCP, &code, &at, NULL);
	b->match = b->split ? pcre2_match_data_create_from_pattern(b->split, NULL) : NULL;
	b->counts = json_object();
	if (!b->match || !b->counts) {
		bpetrain_free(b);
		return t2_nomem(err, "tokenizer");
	}
	*out = b;
	return T2_OK;
}

void
bpetrain_free(struct bpetrain *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->nwords; i++)
		free(b->words[i].sym);
	for (int i = 0; b->piece && i < b->size; i++)
		free(b->piece[i]);
	free(b->words);
	free(b->piece);
	free(b->pair);
	json_decref(b->counts);
	pcre2_match_data_free(b->match);
	pcre2_code_free(b->split);
	free(b);
}

static bool
is_capitals(const char *s, size_t n)
{
	size_t capitals = 0;

	for (size_t i = n && s[0] == ' '; i < n; i++, capitals++)
		if (s[i] < 'A' || s[i] > 'Z')
			return false;
	return capitals > 1;
}

enum t2_status
bpetrain_text(struct bpetrain *b, const char *text, struct t2_err *err)
{
	PCRE2_SIZE len = strlen(text), *range = pcre2_get_ovector_pointer(b->match);
	char word[256];

	for (PCRE2_SIZE at = 0; at < len; at = range[1]) {
		size_t n;
		json_int_t seen;

		if (pcre2_match(b->split, (PCRE2_SPTR)text, len, at, 0, b->match, NULL) < 1)
			return t2_fail(err, T2_EFORMAT, "tokenizer: training text is not UTF-8");
		n = range[1] - range[0];
		if (n >= sizeof word)
			return t2_fail(err, T2_EINVAL,
				       "tokenizer: a word of %zu bytes in the training text", n);
		memcpy(word, text + range[0], n);
		word[n] = 0;
		if (is_capitals(word, n))
			continue;
		seen = json_integer_value(json_object_get(b->counts, word));
		if (json_object_set_new(b->counts, word, json_integer(seen + 1)))
			return t2_nomem(err, "tokenizer");
	}
	return T2_OK;
}

static enum t2_status
words_make(struct bpetrain *b, struct t2_err *err)
{
	const char *key;
	json_t *count;

	b->words = calloc(json_object_size(b->counts) + 1, sizeof *b->words);
	if (!b->words)
		return t2_nomem(err, "tokenizer");
	json_object_foreach (b->counts, key, count) {
		struct word *w = &b->words[b->nwords++];

		w->n = (int)strlen(key);
		w->count = (long)json_integer_value(count);
		w->sym = malloc((size_t)w->n * sizeof *w->sym);
		if (!w->sym)
			return t2_nomem(err, "tokenizer");
		for (int i = 0; i < w->n; i++)
			w->sym[i] = FIRST_BYTE + (unsigned char)key[i];
	}
	return T2_OK;
}

static enum t2_status
alphabet_make(struct bpetrain *b, int max_size, struct t2_err *err)
{
	char letter[3];

	b->piece = calloc((size_t)max_size, sizeof *b->piece);
	b->pair = calloc((size_t)max_size, sizeof *b->pair);
	if (!b->piece || !b->pair)
		return t2_nomem(err, "tokenizer");
	b->piece[0] = strdup(BPE_END_TEXT);
	b->size = FIRST_MERGE;
	for (int i = 0; i < BYTES; i++) {
		byte_letter(i, letter);
		b->piece[FIRST_BYTE + i] = strdup(letter);
		if (!b->piece[0] || !b->piece[FIRST_BYTE + i])
			return t2_nomem(err, "tokenizer");
	}
	return T2_OK;
}

/* Returns the count of the most frequent pair; scratch[size * size]. */
static long
best_pair(const struct bpetrain *b, long *scratch, int pair[2])
{
	size_t size = (size_t)b->size;
	long best = 0;

	memset(scratch, 0, size * size * sizeof *scratch);
	for (size_t i = 0; i < b->nwords; i++) {
		const struct word *w = &b->words[i];

		for (int j = 0; j + 1 < w->n; j++)
			scratch[(size_t)w->sym[j] * size + (size_t)w->sym[j + 1]] += w->count;
	}
	for (size_t i = 0; i < size * size; i++)
		if (scratch[i] > best) {
			best = scratch[i];
			pair[0] = (int)(i / size);
			pair[1] = (int)(i % size);
		}
	return best;
}

static void
merge_apply(struct bpetrain *b, const int pair[2], int id)
{
	for (size_t i = 0; i < b->nwords; i++) {
		struct word *w = &b->words[i];
		int n = 0;

		for (int j = 0; j < w->n; j++) {
			bool hit = j + 1 < w->n && w->sym[j] == pair[0] && w->sym[j + 1] == pair[1];

			w->sym[n++] = hit ? id : w->sym[j];
			j += hit;
		}
		w->n = n;
	}
}

enum t2_status
bpetrain_train(struct bpetrain *b, int max_size, long min_count, struct t2_err *err)
{
	long *scratch;
	enum t2_status st;
	int pair[2];

	if (max_size <= FIRST_MERGE)
		return t2_fail(err, T2_EINVAL, "tokenizer: at least %d entries are needed",
			       FIRST_MERGE + 1);
	if (b->piece)
		return t2_fail(err, T2_EINVAL, "tokenizer: already trained");
	st = words_make(b, err);
	if (!st)
		st = alphabet_make(b, max_size, err);
	if (st)
		return st;
	scratch = malloc((size_t)max_size * (size_t)max_size * sizeof *scratch);
	if (!scratch)
		return t2_nomem(err, "tokenizer");
	while (b->size < max_size && best_pair(b, scratch, pair) >= min_count) {
		const char *left = b->piece[pair[0]], *right = b->piece[pair[1]];
		char *joined = malloc(strlen(left) + strlen(right) + 1);

		if (!joined) {
			free(scratch);
			return t2_nomem(err, "tokenizer");
		}
		strcat(strcpy(joined, left), right);
		b->piece[b->size] = joined;
		memcpy(b->pair[b->size], pair, sizeof pair);
		merge_apply(b, pair, b->size++);
	}
	free(scratch);
	return T2_OK;
}

int
bpetrain_size(const struct bpetrain *b)
{
	return b->size;
}

/* {"type": "BPE", "vocab", "merges", ..} */
static json_t *
model_json(const struct bpetrain *b)
{
	json_t *vocab = json_object(), *merges = json_array();

	for (int i = 0; i < b->size; i++)
		json_object_set_new(vocab, b->piece[i], json_integer(i));
	for (int i = FIRST_MERGE; i < b->size; i++)
		json_array_append_new(merges, json_sprintf("%s %s", b->piece[b->pair[i][0]],
							   b->piece[b->pair[i][1]]));
	return json_pack("{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b, s:o, s:o}", "type", "BPE",
			 "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
			 "fuse_unk", 0, "byte_fallback", 0, "ignore_merges", 0, "vocab", vocab,
			 "merges", merges);
}

static json_t *
byte_level_json(void)
{
	return json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0,
			 "trim_offsets", 1, "use_regex", 1);
}

/* The end token before every text. */
static json_t *
post_processor_json(void)
{
	json_t *end = json_pack("{s:{s:s, s:i}}", "SpecialToken", "id", BPE_END_TEXT, "type_id", 0);
	json_t *first = json_pack("{s:{s:s, s:i}}", "Sequence", "id", "A", "type_id", 0);
	json_t *second = json_pack("{s:{s:s, s:i}}", "Sequence", "id", "B", "type_id", 1);

	return json_pack("{s:s, s:[O, O], s:[o, o, o], s:{s:{s:s, s:[i], s:[s]}}}", "type",
			 "TemplateProcessing", "single", end, first, "pair", end, first, second,
			 "special_tokens", BPE_END_TEXT, "id", BPE_END_TEXT, "ids", 0, "tokens",
			 BPE_END_TEXT);
}

static json_t *
tokenizer_json(const struct bpetrain *b)
{
	json_t *end = json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", 0, "content",
				BPE_END_TEXT, "single_word", 0, "lstrip", 0, "rstrip", 0,
				"normalized", 0, "special", 1);

	return json_pack("{s:s, s:n, s:n, s:[o], s:n, s:o, s:o, s:o, s:o}", "version", "1.0",
			 "truncation", "padding", "added_tokens", end, "normalizer",
			 "pre_tokenizer", byte_level_json(), "post_processor",
			 post_processor_json(), "decoder", byte_level_json(), "model",
			 model_json(b));
}

enum t2_status
bpetrain_write(const struct bpetrain *b, const char *dir, struct t2_err *err)
{
	json_t *config =
		json_pack("{s:s, s:s, s:s, s:b, s:i}", "tokenizer_class", "PreTrainedTokenizerFast",
			  "bos_token", BPE_END_TEXT, "eos_token", BPE_END_TEXT,
			  "clean_up_tokenization_spaces", 0, "model_max_length", 256);
	enum t2_status st = textfile_write_json(dir, "tokenizer.json", tokenizer_json(b), err);

	if (st) {
		json_decref(config);
		return st;
	}
	return textfile_write_json(dir, "tokenizer_config.json", config, err);
}
