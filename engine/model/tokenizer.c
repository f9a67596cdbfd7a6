#include "engine/model/tokenizer.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/mapfile.h"
#include "engine/base/utf8.h"
#include "engine/model/gguf.h"
#include "engine/model/tokenizer_int.h"

/* What one call of tokenizer_encode() works with. */
struct encoding {
	const struct tokenizer *t;
	struct matcher matcher;
	struct strbuf text, scratch;
	struct words words;
	struct bpe_scratch bpe;
	struct ids *out;
};

struct tok_stream {
	const struct tokenizer *t;
	struct detok_run run;
};

enum t2_status
ids_push(struct ids *ids, int id, struct t2_err *err)
{
	if (ids->n == ids->cap) {
		int cap = ids->cap ? ids->cap : 32, *v;

		if (ids->cap > INT_MAX / 2)
			return t2_nomem(err, "token ids");
		cap = ids->cap ? cap * 2 : cap;
		v = realloc(ids->v, (size_t)cap * sizeof *v);
		if (!v)
			return t2_nomem(err, "token ids");
		ids->v = v;
		ids->cap = cap;
	}
	ids->v[ids->n++] = id;
	return T2_OK;
}

void
ids_free(struct ids *ids)
{
	free(ids->v);
	memset(ids, 0, sizeof *ids);
}

char *
tokenizer_copy(const char *s, size_t len)
{
	char *c = malloc(len + 1);

	if (c) {
		memcpy(c, s, len);
		c[len] = 0;
	}
	return c;
}

static enum t2_status
read_path(struct tokenizer *t, const char *path, struct t2_err *err)
{
	struct gguf *g = NULL;
	struct mapfile m;
	enum t2_status st = mapfile_open(&m, path, err);

	if (st)
		return st;
	if (m.size >= 4 && !memcmp(m.data, "GGUF", 4)) {
		st = gguf_open(&g, path, err);
		if (!st)
			st = tokenizer_read_gguf(t, g, err);
		gguf_free(g);
	} else {
		st = tokenizer_read_json(t, (const char *)m.data, m.size, path, err);
		if (!st)
			st = tokenizer_read_config(t, path, err);
	}
	mapfile_close(&m);
	return st;
}

enum t2_status
tokenizer_complete(struct tokenizer *t, struct t2_err *err)
{
	enum t2_status st = added_ready(&t->raw, err);

	bpe_ready(&t->bpe, &t->vocab);
	return st ? st : added_ready(&t->normed, err);
}

struct tokenizer *
tokenizer_alloc(void)
{
	struct tokenizer *t = calloc(1, sizeof *t);

	if (t)
		t->bos = t->eos = t->bpe.unk = -1;
	return t;
}

enum t2_status
tokenizer_open(struct tokenizer **out, const char *path, struct t2_err *err)
{
	struct tokenizer *t = tokenizer_alloc();
	struct strbuf file = {0};
	struct stat sb;
	enum t2_status st;

	*out = NULL;
	strbuf_str(&file, path);
	if (!stat(path, &sb) && S_ISDIR(sb.st_mode))
		strbuf_str(&file, "/tokenizer.json");
	st = !t || file.failed ? t2_nomem(err, path) : read_path(t, file.s, err);
	if (!st)
		st = tokenizer_complete(t, err);
	strbuf_free(&file);
	if (st)
		tokenizer_free(t);
	else
		*out = t;
	return st;
}

void
tokenizer_free(struct tokenizer *t)
{
	if (!t)
		return;
	vocab_free(&t->vocab);
	bpe_free(&t->bpe);
	added_free(&t->raw);
	added_free(&t->normed);
	normalizer_free(&t->norm);
	pretok_free(&t->pretok);
	ids_free(&t->prefix);
	ids_free(&t->suffix);
	free(t->bos_text);
	free(t->eos_text);
	free(t->chat_template);
	free(t);
}

int
tokenizer_size(const struct tokenizer *t)
{
	return t->size;
}

const char *
tokenizer_kind(const struct tokenizer *t)
{
	for (int i = 0; i < t->pretok.n; i++)
		if (t->pretok.steps[i].kind == PRETOK_BYTES)
			return "byte-level BPE";
	return t->bpe.byte_fallback ? "BPE with byte fallback" : "BPE";
}

int
tokenizer_merges(const struct tokenizer *t)
{
	return (int)t->bpe.count;
}

/* A text without added tokens, normalized already: e->text from byte off on, whose head is head bytes. */
static enum t2_status
encode_words(struct encoding *e, size_t off, size_t len, size_t head, struct t2_err *err)
{
	struct words *w = &e->words;
	enum t2_status st;

	strbuf_clear(&w->text);
	strbuf_add(&w->text, e->text.s + off, len);
	w->head = head > off ? head - off : 0;
	if (w->text.failed)
		return t2_nomem(err, "tokenizing");
	st = pretok_run(&e->t->pretok, &e->matcher, w, err);
	for (size_t i = 0; i < w->n && !st; i++)
		st = bpe_encode(&e->t->bpe, &e->bpe, w->text.s + w->v[i].off, w->v[i].len, e->out,
				err);
	return st;
}

/* A text without raw added tokens; first: the input begins with it. */
static enum t2_status
encode_text(struct encoding *e, const char *s, size_t len, bool first, struct t2_err *err)
{
	uint32_t cp;
	size_t head;
	struct added_match m = {0};
	enum t2_status st;

	if (!len)
		return T2_OK;
	strbuf_clear(&e->text);
	strbuf_add(&e->text, s, len);
	if (e->text.failed)
		return t2_nomem(err, "tokenizing");
	head = first && pretok_wants_head(&e->t->pretok) ? utf8_next(s, len, &cp) : 0;
	st = normalizer_run(&e->t->norm, &e->matcher, &e->text, &e->scratch, &head, err);
	if (st)
		return st;
	s = e->text.s;
	len = e->text.len;
	while (!st && added_next(&e->t->normed, &e->matcher, s, len, &m)) {
		st = encode_words(e, m.gap, m.start - m.gap, head, err);
		if (!st)
			st = ids_push(e->out, m.token->id, err);
	}
	return st ? st : encode_words(e, m.gap, len - m.gap, head, err);
}

static enum t2_status
push_all(struct ids *to, const struct ids *from, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	for (int i = 0; i < from->n && !st; i++)
		st = ids_push(to, from->v[i], err);
	return st;
}

enum t2_status
tokenizer_encode(const struct tokenizer *t, const char *text, size_t len, int flags,
		 struct ids *ids, struct t2_err *err)
{
	struct encoding e = {.t = t, .out = ids};
	struct added_match m = {0};
	struct strbuf clean = {0};
	enum t2_status st = T2_OK;
	int before = ids->n;

	if (len > TOKENIZER_TEXT_MAX)
		return t2_fail(err, T2_EINVAL, "text of %zu bytes: more than %d at once", len,
			       TOKENIZER_TEXT_MAX);
	if (!utf8_valid(text, len)) {
		utf8_clean(&clean, text, len);
		if (clean.failed)
			return t2_nomem(err, "tokenizing");
		text = clean.s;
		len = clean.len;
	}
	if (flags & TOK_SPECIAL)
		st = push_all(ids, &t->prefix, err);
	while (!st && added_next(&t->raw, &e.matcher, text, len, &m)) {
		st = encode_text(&e, text + m.gap, m.start - m.gap, !m.gap, err);
		if (!st)
			st = ids_push(ids, m.token->id, err);
	}
	if (!st)
		st = encode_text(&e, text + m.gap, len - m.gap, !m.gap, err);
	if (!st && (flags & TOK_SPECIAL))
		st = push_all(ids, &t->suffix, err);
	if (st)
		ids->n = before;
	matcher_free(&e.matcher);
	strbuf_free(&e.text);
	strbuf_free(&e.scratch);
	strbuf_free(&clean);
	words_free(&e.words);
	bpe_scratch_free(&e.bpe);
	return st;
}

enum t2_status
tok_stream_new(struct tok_stream **out, const struct tokenizer *t, struct t2_err *err)
{
	*out = calloc(1, sizeof **out);
	if (!*out)
		return t2_nomem(err, "decoding");
	(*out)->t = t;
	(*out)->run.chain = &t->detok;
	return T2_OK;
}

enum t2_status
tok_stream_push(struct tok_stream *s, int id, struct strbuf *out, struct t2_err *err)
{
	size_t len;
	const char *piece = tokenizer_piece(s->t, id, &len);

	if (!piece) {
		piece = "\xef\xbf\xbd";
		len = 3;
	}
	detok_push(&s->run, piece, len, out);
	return s->run.failed || out->failed ? t2_nomem(err, "decoding") : T2_OK;
}

enum t2_status
tok_stream_end(struct tok_stream *s, struct strbuf *out, struct t2_err *err)
{
	detok_end(&s->run, out);
	return s->run.failed || out->failed ? t2_nomem(err, "decoding") : T2_OK;
}

void
tok_stream_free(struct tok_stream *s)
{
	if (!s)
		return;
	detok_run_free(&s->run);
	free(s);
}

enum t2_status
tokenizer_decode(const struct tokenizer *t, const int *ids, int n, struct strbuf *out,
		 struct t2_err *err)
{
	struct tok_stream s = {.t = t, .run.chain = &t->detok};
	enum t2_status st = T2_OK;

	for (int i = 0; i < n && !st; i++)
		st = tok_stream_push(&s, ids[i], out, err);
	if (!st)
		st = tok_stream_end(&s, out, err);
	detok_run_free(&s.run);
	return st;
}

const char *
tokenizer_piece(const struct tokenizer *t, int id, size_t *len)
{
	return id < t->size ? vocab_piece(&t->vocab, id, len) : NULL;
}

int
tokenizer_id(const struct tokenizer *t, const char *piece)
{
	int id = vocab_find(&t->vocab, piece, strlen(piece));

	return id < t->size ? id : -1;
}

bool
tokenizer_is_special(const struct tokenizer *t, int id)
{
	return id >= 0 && id < t->size && (t->vocab.pieces[id].flags & VOCAB_SPECIAL);
}

int
tokenizer_bos(const struct tokenizer *t)
{
	return t->bos;
}

int
tokenizer_eos(const struct tokenizer *t)
{
	return t->eos;
}

const char *
tokenizer_bos_text(const struct tokenizer *t)
{
	return t->bos_text ? t->bos_text : "";
}

const char *
tokenizer_eos_text(const struct tokenizer *t)
{
	return t->eos_text ? t->eos_text : "";
}

const char *
tokenizer_chat_template(const struct tokenizer *t)
{
	return t->chat_template;
}
