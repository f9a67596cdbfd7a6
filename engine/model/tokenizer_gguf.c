/* The vocabulary inside a GGUF file: tokenizer.ggml.model "gpt2" (byte-level, ranked merges) or "llama" (SentencePiece
 * pieces, whose scores are the merges). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/model/gguf.h"
#include "engine/model/tokenizer_int.h"

enum { SPLITS = 4, SCORED_PIECE_MAX = 1024 };

/* tokenizer.ggml.token_type */
enum piece_type {
	PIECE_NORMAL = 1,
	PIECE_UNKNOWN,
	PIECE_CONTROL,
	PIECE_USER,
	PIECE_UNUSED,
	PIECE_BYTE
};

#define LLAMA3_WORDS                                                                               \
	"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"                  \
	" ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define QWEN2_WORDS                                                                                \
	"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"                       \
	" ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* What the names in tokenizer.ggml.pre stand for. */
static const struct pre {
	const char *name;
	bool nfc; /* the model's own tokenizer does it, though the format does not say so */
	bool ignore_merges, add_bos;
	const char *splits[SPLITS]; /* each cuts what the one before left */
} pres[] = {
	{.name = "gpt-2", .splits = {tokenizer_gpt2_words}},
	{.name = "smollm", .splits = {"\\p{N}", tokenizer_gpt2_words}},
	{.name = "llama-bpe", .ignore_merges = true, .add_bos = true, .splits = {LLAMA3_WORDS}},
	{.name = "llama3", .ignore_merges = true, .add_bos = true, .splits = {LLAMA3_WORDS}},
	{.name = "llama-v3", .ignore_merges = true, .add_bos = true, .splits = {LLAMA3_WORDS}},
	{.name = "qwen2", .nfc = true, .splits = {QWEN2_WORDS}},
	{.name = "default",
	 .splits = {"[\\p{P}\\$\\+<=>\\^~\\|]+", tokenizer_gpt2_words, "\\p{N}+",
		    "[0-9][0-9][0-9]"}},
};

/* The arrays of the vocabulary, as long as they are read. */
struct source {
	const struct gguf *g;
	const char *where;
	struct gguf_str *pieces;
	int32_t *types; /* NULL: all normal */
	float *scores;	/* NULL: none */
	size_t n;
};

static bool
is_string(struct gguf_str a, const char *b)
{
	return a.len == strlen(b) && !memcmp(a.s, b, a.len);
}

static enum t2_status
read_source(struct source *s, struct t2_err *err)
{
	size_t n;

	if (!gguf_array_len(s->g, "tokenizer.ggml.tokens", &s->n) || !s->n || s->n > VOCAB_MAX)
		return t2_fail(err, T2_EFORMAT,
			       "%s: tokenizer.ggml.tokens: no list of 1 .. %d tokens", s->where,
			       VOCAB_MAX);
	s->pieces = malloc(s->n * sizeof *s->pieces);
	s->types = malloc(s->n * sizeof *s->types);
	s->scores = malloc(s->n * sizeof *s->scores);
	if (!s->pieces || !s->types || !s->scores)
		return t2_nomem(err, s->where);
	if (!gguf_array_strings(s->g, "tokenizer.ggml.tokens", s->pieces))
		return t2_fail(err, T2_EFORMAT, "%s: tokenizer.ggml.tokens: not strings", s->where);
	if (!gguf_has(s->g, "tokenizer.ggml.token_type")) {
		free(s->types);
		s->types = NULL;
	} else if (!gguf_array_len(s->g, "tokenizer.ggml.token_type", &n) || n != s->n ||
		   !gguf_array_i32(s->g, "tokenizer.ggml.token_type", s->types)) {
		return t2_fail(err, T2_EFORMAT, "%s: tokenizer.ggml.token_type: not %zu integers",
			       s->where, s->n);
	}
	if (!gguf_has(s->g, "tokenizer.ggml.scores")) {
		free(s->scores);
		s->scores = NULL;
	} else if (!gguf_array_len(s->g, "tokenizer.ggml.scores", &n) || n != s->n ||
		   !gguf_array_f32(s->g, "tokenizer.ggml.scores", s->scores)) {
		return t2_fail(err, T2_EFORMAT, "%s: tokenizer.ggml.scores: not %zu numbers",
			       s->where, s->n);
	}
	return T2_OK;
}

/* The pieces; those that are not plain text are also cut out of the raw text. */
static enum t2_status
read_pieces(struct tokenizer *t, const struct source *s, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	t->vocab.expect = (int)s->n;
	for (size_t i = 0; i < s->n && !st; i++) {
		int type = s->types ? s->types[i] : PIECE_NORMAL, flags = VOCAB_MODEL;
		bool cut = type == PIECE_UNKNOWN || type == PIECE_CONTROL || type == PIECE_USER;

		if (type < PIECE_NORMAL || type > PIECE_BYTE)
			return t2_fail(err, T2_EUNSUP,
				       "%s: tokenizer.ggml.token_type[%zu]: no type %d", s->where,
				       i, type);
		if (cut)
			flags |= VOCAB_ADDED;
		if (type == PIECE_UNKNOWN || type == PIECE_CONTROL)
			flags |= VOCAB_SPECIAL;
		st = vocab_add(&t->vocab, (int)i, s->pieces[i].s, s->pieces[i].len, flags, s->where,
			       err);
		if (!st && cut && s->pieces[i].len)
			st = added_add(&t->raw, s->pieces[i].s, s->pieces[i].len,
				       (struct added_token){.id = (int)i}, err);
	}
	t->size = t->vocab.n;
	return st;
}

static enum t2_status
read_id(const struct tokenizer *t, const struct source *s, const char *key, int *id,
	struct t2_err *err)
{
	uint32_t v;

	if (!gguf_has(s->g, key))
		return T2_OK;
	if (!gguf_u32(s->g, key, &v) || v >= (uint32_t)t->size)
		return t2_fail(err, T2_EFORMAT, "%s: %s: not an id in 0 .. %d", s->where, key,
			       t->size - 1);
	*id = (int)v;
	return T2_OK;
}

static enum t2_status
read_flag(const struct source *s, const char *key, bool *flag, struct t2_err *err)
{
	if (gguf_has(s->g, key) && !gguf_bool(s->g, key, flag))
		return t2_fail(err, T2_EFORMAT, "%s: %s: neither true nor false", s->where, key);
	return T2_OK;
}

static enum t2_status
copy_piece(const struct tokenizer *t, int id, char **text, struct t2_err *err)
{
	size_t len;
	const char *s = vocab_piece(&t->vocab, id, &len);

	if (!s)
		return T2_OK;
	*text = tokenizer_copy(s, len);
	return *text ? T2_OK : t2_nomem(err, "vocabulary");
}

/* BOS and EOS, and whether encoding adds them; *bos and *eos are the defaults. */
static enum t2_status
read_ends(struct tokenizer *t, const struct source *s, bool add_bos, struct t2_err *err)
{
	bool add_eos = false;
	enum t2_status st = read_id(t, s, "tokenizer.ggml.bos_token_id", &t->bos, err);

	if (!st)
		st = read_id(t, s, "tokenizer.ggml.eos_token_id", &t->eos, err);
	if (!st)
		st = read_flag(s, "tokenizer.ggml.add_bos_token", &add_bos, err);
	if (!st)
		st = read_flag(s, "tokenizer.ggml.add_eos_token", &add_eos, err);
	if (!st && ((add_bos && t->bos < 0) || (add_eos && t->eos < 0)))
		st = t2_fail(err, T2_EFORMAT,
			     "%s: tokenizer.ggml: asks for a %s token to be added, but has none",
			     s->where, add_bos && t->bos < 0 ? "BOS" : "EOS");
	if (!st && add_bos)
		st = ids_push(&t->prefix, t->bos, err);
	if (!st && add_eos)
		st = ids_push(&t->suffix, t->eos, err);
	if (!st)
		st = copy_piece(t, t->bos, &t->bos_text, err);
	return st ? st : copy_piece(t, t->eos, &t->eos_text, err);
}

/* gpt2 */

static enum t2_status
read_merge(struct tokenizer *t, const struct source *s, size_t rank, struct gguf_str m,
	   struct strbuf *whole, struct t2_err *err)
{
	/* A piece may be a space, but no piece begins with one and goes on. */
	const char *space = m.len > 2 ? memchr(m.s + 1, ' ', m.len - 1) : NULL;
	size_t n = space ? (size_t)(space - m.s) : 0;
	int left, right, id;

	if (!space)
		return t2_fail(err, T2_EFORMAT, "%s: tokenizer.ggml.merges[%zu]: not two pieces",
			       s->where, rank);
	strbuf_clear(whole);
	strbuf_add(whole, m.s, n);
	strbuf_add(whole, space + 1, m.len - n - 1);
	if (whole->failed)
		return t2_nomem(err, s->where);
	left = vocab_find_model(&t->vocab, m.s, n);
	right = vocab_find_model(&t->vocab, space + 1, m.len - n - 1);
	id = vocab_find_model(&t->vocab, whole->s, whole->len);
	if (left < 0 || right < 0 || id < 0)
		return t2_fail(err, T2_EFORMAT,
			       "%s: tokenizer.ggml.merges[%zu]: \"%.*s\": %s is no token", s->where,
			       rank, m.len < 80 ? (int)m.len : 80, m.s,
			       left < 0	   ? "the first"
			       : right < 0 ? "the second"
					   : "the two together");
	return bpe_merge(&t->bpe, left, right, (uint32_t)rank, id, err);
}

static enum t2_status
read_merges(struct tokenizer *t, const struct source *s, struct t2_err *err)
{
	struct strbuf whole = {0};
	struct gguf_str *m;
	enum t2_status st = T2_OK;
	size_t n;

	if (!gguf_array_len(s->g, "tokenizer.ggml.merges", &n) || n > UINT32_MAX / 2)
		return t2_fail(err, T2_EFORMAT, "%s: tokenizer.ggml.merges: no list", s->where);
	m = malloc((n ? n : 1) * sizeof *m);
	if (!m)
		return t2_nomem(err, s->where);
	if (!gguf_array_strings(s->g, "tokenizer.ggml.merges", m))
		st = t2_fail(err, T2_EFORMAT, "%s: tokenizer.ggml.merges: not strings", s->where);
	for (size_t i = 0; i < n && !st; i++)
		st = read_merge(t, s, i, m[i], &whole, err);
	strbuf_free(&whole);
	free(m);
	return st;
}

static enum t2_status
read_gpt2(struct tokenizer *t, const struct source *s, struct t2_err *err)
{
	const struct pre *pre = NULL;
	struct gguf_str name;
	enum t2_status st;

	if (!gguf_string(s->g, "tokenizer.ggml.pre", &name))
		return t2_fail(err, T2_EUNSUP,
			       "%s: tokenizer.ggml.pre is missing: how it cuts words is not known; "
			       "convert the "
			       "model again",
			       s->where);
	for (size_t i = 0; i < sizeof pres / sizeof *pres; i++)
		if (is_string(name, pres[i].name))
			pre = &pres[i];
	if (!pre)
		return t2_fail(err, T2_EUNSUP, "%s: tokenizer.ggml.pre \"%.*s\" is not supported",
			       s->where, name.len < 60 ? (int)name.len : 60, name.s);
	st = read_pieces(t, s, err);
	if (!st)
		st = read_merges(t, s, err);
	if (!st)
		st = read_ends(t, s, pre->add_bos, err);
	if (!st && pre->nfc)
		st = normalizer_add(&t->norm, &(struct normalize_step){.kind = NORMALIZE_NFC}, err);
	for (int i = 0; i < SPLITS && pre->splits[i] && !st; i++)
		st = tokenizer_add_split(t, pre->splits[i], s->where, err);
	if (!st)
		st = pretok_add(&t->pretok, &(struct pretok_step){.kind = PRETOK_BYTES}, err);
	t->bpe.ignore_merges = pre->ignore_merges;
	return st ? st
		  : detok_add(&t->detok, &(struct detok_step){.kind = DETOK_BYTES}, s->where, err);
}

/* llama */

struct scored {
	float score;
	int id;
};

static int
best_first(const void *x, const void *y)
{
	const struct scored *a = x, *b = y;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

/* A character of a piece that is no piece itself still takes part in merging: it gets an id behind the others. */
static enum t2_status
add_hidden(struct tokenizer *t, const struct source *s, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	for (size_t i = 0; i < s->n; i++) {
		const char *p = s->pieces[i].s;

		for (size_t k, len = s->pieces[i].len; len; p += k, len -= k) {
			uint32_t cp;

			k = utf8_next(p, len, &cp);
			if (vocab_find(&t->vocab, p, k) >= 0)
				continue;
			t->vocab.expect++;
			st = vocab_add(&t->vocab, t->vocab.n, p, k, VOCAB_MODEL, s->where, err);
			if (st)
				return st;
		}
	}
	t->bpe.hidden = t->size;
	return st;
}

/* Every way to put a piece together from two is a merge, ranked by the piece's score. */
static enum t2_status
score_merges(struct tokenizer *t, const struct source *s, struct t2_err *err)
{
	struct scored *order = malloc(s->n * sizeof *order);
	uint32_t rank = 0;
	enum t2_status st = order ? T2_OK : t2_nomem(err, s->where);

	for (size_t i = 0; i < s->n && !st; i++) {
		order[i] = (struct scored){s->scores[i], (int)i};
		if (isnan(s->scores[i]))
			st = t2_fail(err, T2_EFORMAT,
				     "%s: tokenizer.ggml.scores[%zu]: not a number", s->where, i);
		else if (s->pieces[i].len > SCORED_PIECE_MAX)
			st = t2_fail(err, T2_EUNSUP,
				     "%s: tokenizer.ggml.tokens[%zu]: %zu bytes, more than %d",
				     s->where, i, s->pieces[i].len, SCORED_PIECE_MAX);
	}
	if (!st)
		qsort(order, s->n, sizeof *order, best_first);
	for (size_t i = 0; i < s->n && !st; i++) {
		struct gguf_str p = s->pieces[order[i].id];
		uint32_t cp;

		rank += i > 0 && order[i].score != order[i - 1].score;
		for (size_t k = p.len ? utf8_next(p.s, p.len, &cp) : 0; k < p.len && !st;
		     k += utf8_next(p.s + k, p.len - k, &cp)) {
			int left = vocab_find_model(&t->vocab, p.s, k);
			int right = vocab_find_model(&t->vocab, p.s + k, p.len - k);

			if (left >= 0 && right >= 0)
				st = bpe_merge(&t->bpe, left, right, rank, order[i].id, err);
		}
	}
	free(order);
	return st;
}

static enum t2_status
detok_llama(struct tokenizer *t, bool space_prefix, const char *where, struct t2_err *err)
{
	static const struct detok_step steps[] = {
		{.kind = DETOK_REPLACE,
		 .from = "\xe2\x96\x81",
		 .from_len = 3,
		 .to = " ",
		 .to_len = 1},
		{.kind = DETOK_BYTE_FALLBACK},
		{.kind = DETOK_FUSE},
		{.kind = DETOK_STRIP, .from = " ", .from_len = 1, .left = 1},
	};
	size_t n = sizeof steps / sizeof *steps - !space_prefix;
	enum t2_status st = T2_OK;

	for (size_t i = 0; i < n && !st; i++)
		st = detok_add(&t->detok, &steps[i], where, err);
	return st;
}

static enum t2_status
normalize_llama(struct tokenizer *t, bool space_prefix, const char *where, struct t2_err *err)
{
	struct normalize_step prepend = {.kind = NORMALIZE_PREPEND, .len = 3};
	struct normalize_step replace = {.kind = NORMALIZE_REPLACE, .len = 3};
	enum t2_status st = T2_OK;

	if (space_prefix) {
		prepend.text = tokenizer_copy("\xe2\x96\x81", 3);
		st = prepend.text ? normalizer_add(&t->norm, &prepend, err) : t2_nomem(err, where);
	}
	if (!st)
		st = pattern_literal(&replace.pattern, " ", 1, where, err);
	if (st)
		return st;
	replace.text = tokenizer_copy("\xe2\x96\x81", 3);
	if (!replace.text) {
		normalize_step_free(&replace);
		return t2_nomem(err, where);
	}
	return normalizer_add(&t->norm, &replace, err);
}

static enum t2_status
read_llama(struct tokenizer *t, const struct source *s, struct t2_err *err)
{
	bool space_prefix = true, squeeze = false;
	enum t2_status st = read_flag(s, "tokenizer.ggml.add_space_prefix", &space_prefix, err);

	if (!st)
		st = read_flag(s, "tokenizer.ggml.remove_extra_whitespaces", &squeeze, err);
	if (st)
		return st;
	if (squeeze)
		return t2_fail(err, T2_EUNSUP,
			       "%s: tokenizer.ggml.remove_extra_whitespaces is not supported",
			       s->where);
	if (gguf_has(s->g, "tokenizer.ggml.precompiled_charsmap"))
		return t2_fail(err, T2_EUNSUP,
			       "%s: tokenizer.ggml.precompiled_charsmap is not supported",
			       s->where);
	if (!s->scores)
		return t2_fail(err, T2_EFORMAT, "%s: tokenizer.ggml.scores is missing", s->where);
	st = read_pieces(t, s, err);
	if (st)
		return st;
	/* SentencePiece's own numbers, where the file gives none. */
	t->bpe.unk = 0;
	t->bos = t->size > 1 ? 1 : -1;
	t->eos = t->size > 2 ? 2 : -1;
	t->bpe.byte_fallback = t->bpe.fuse_unk = true;
	st = read_id(t, s, "tokenizer.ggml.unknown_token_id", &t->bpe.unk, err);
	if (!st)
		st = read_ends(t, s, true, err);
	if (!st)
		st = add_hidden(t, s, err);
	if (!st)
		st = score_merges(t, s, err);
	if (!st)
		st = normalize_llama(t, space_prefix, s->where, err);
	return st ? st : detok_llama(t, space_prefix, s->where, err);
}

enum t2_status
tokenizer_read_gguf(struct tokenizer *t, const struct gguf *g, struct t2_err *err)
{
	static const char template_key[] = "tokenizer.chat_template";
	struct source s = {.g = g, .where = gguf_path(g)};
	struct gguf_str kind, text;
	enum t2_status st;

	if (!gguf_string(g, "tokenizer.ggml.model", &kind))
		return t2_fail(err, T2_EFORMAT,
			       "%s: no tokenizer.ggml.model: there is no vocabulary in it",
			       s.where);
	if (!is_string(kind, "gpt2") && !is_string(kind, "llama"))
		return t2_fail(err, T2_EUNSUP, "%s: tokenizer.ggml.model \"%.*s\" is not supported",
			       s.where, kind.len < 60 ? (int)kind.len : 60, kind.s);
	st = read_source(&s, err);
	if (!st)
		st = is_string(kind, "gpt2") ? read_gpt2(t, &s, err) : read_llama(t, &s, err);
	if (!st && gguf_string(g, template_key, &text))
		st = tokenizer_set_template(t, text.s, text.len, s.where, err);
	free(s.pieces);
	free(s.types);
	free(s.scores);
	return st;
}
