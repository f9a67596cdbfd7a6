/* tokenizer.json as the tokenizers library writes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/model/tokenizer_int.h"

enum { WHERE = 300, ADDED_MAX = 1 << 16, TEMPLATE_MAX = 64 };

static enum t2_status
refuse_text(const json_t *model, const char *key, const char *path, struct t2_err *err)
{
	const json_t *v = json_object_get(model, key);

	if (!v || json_is_null(v) || (json_is_string(v) && !json_string_length(v)))
		return T2_OK;
	return t2_fail(err, T2_EUNSUP, "%s: model: \"%s\" is not supported", path, key);
}

static enum t2_status
read_vocab(struct tokenizer *t, json_t *vocab, const char *path, struct t2_err *err)
{
	enum t2_status st = T2_OK;
	const char *piece;
	size_t len;
	json_t *id;

	json_object_keylen_foreach (vocab, piece, len, id) {
		json_int_t i = json_integer_value(id);

		if (!json_is_integer(id) || i < 0 || i >= VOCAB_MAX)
			return t2_fail(err, T2_EFORMAT,
				       "%s: model: vocab: \"%.80s\": not an id in 0 .. %d", path,
				       piece, VOCAB_MAX - 1);
		st = vocab_add(&t->vocab, (int)i, piece, len, VOCAB_MODEL, path, err);
		if (st)
			break;
	}
	return st;
}

/* The two halves of "a b" or ["a", "b"]. */
static bool
merge_halves(const json_t *m, const char *s[2], size_t n[2])
{
	const char *space;
	size_t len;

	if (json_is_array(m) && json_array_size(m) == 2) {
		for (size_t k = 0; k < 2; k++) {
			const json_t *half = json_array_get(m, k);

			if (!json_is_string(half))
				return false;
			s[k] = json_string_value(half);
			n[k] = json_string_length(half);
		}
		return true;
	}
	if (!json_is_string(m))
		return false;
	s[0] = json_string_value(m);
	len = json_string_length(m);
	space = memchr(s[0], ' ', len);
	if (!space)
		return false;
	n[0] = (size_t)(space - s[0]);
	s[1] = space + 1;
	n[1] = len - n[0] - 1;
	return !memchr(s[1], ' ', n[1]);
}

static enum t2_status
read_merges(struct tokenizer *t, const json_t *merges, const char *path, struct t2_err *err)
{
	struct strbuf whole = {0};
	enum t2_status st = T2_OK;
	size_t i;
	const json_t *m;

	json_array_foreach (merges, i, m) {
		const char *s[2];
		size_t n[2];
		int left, right, id;

		if (!merge_halves(m, s, n)) {
			st = t2_fail(err, T2_EFORMAT, "%s: model: merges[%zu]: not two pieces",
				     path, i);
			break;
		}
		left = vocab_find_model(&t->vocab, s[0], n[0]);
		right = vocab_find_model(&t->vocab, s[1], n[1]);
		strbuf_clear(&whole);
		strbuf_add(&whole, s[0], n[0]);
		strbuf_add(&whole, s[1], n[1]);
		if (whole.failed) {
			st = t2_nomem(err, path);
			break;
		}
		id = vocab_find_model(&t->vocab, whole.s, whole.len);
		if (left < 0 || right < 0 || id < 0) {
			int bad = left < 0 ? 0 : 1;

			st = t2_fail(err, T2_EFORMAT,
				     "%s: model: merges[%zu]: \"%.80s\" is not in the vocabulary",
				     path, i, left < 0 || right < 0 ? s[bad] : whole.s);
			break;
		}
		st = bpe_merge(&t->bpe, left, right, (uint32_t)i, id, err);
		if (st)
			break;
	}
	strbuf_free(&whole);
	return st;
}

static enum t2_status
read_model(struct tokenizer *t, const json_t *model, const char *path, struct t2_err *err)
{
	char where[WHERE];
	const char *type = "BPE";
	double dropout = 0;
	json_t *vocab = json_object_get(model, "vocab"), *merges = json_object_get(model, "merges");
	enum t2_status st;

	snprintf(where, sizeof where, "%.200s: model", path);
	st = json_opt_string(model, "type", &type, where, err);
	if (!st && strcmp(type, "BPE"))
		return t2_fail(err, T2_EUNSUP, "%s: type \"%.60s\" is not supported, only BPE is",
			       where, type);
	if (!st && (!json_is_object(vocab) || !json_is_array(merges)))
		return t2_fail(err, T2_EFORMAT, "%s: no \"vocab\" object or no \"merges\" list",
			       where);
	if (!st)
		st = json_opt_double(model, "dropout", &dropout, where, err);
	if (!st && dropout != 0)
		return t2_fail(err, T2_EUNSUP, "%s: \"dropout\" is not supported", where);
	if (!st)
		st = refuse_text(model, "continuing_subword_prefix", path, err);
	if (!st)
		st = refuse_text(model, "end_of_word_suffix", path, err);
	if (!st)
		st = json_opt_bool(model, "fuse_unk", &t->bpe.fuse_unk, where, err);
	if (!st)
		st = json_opt_bool(model, "byte_fallback", &t->bpe.byte_fallback, where, err);
	if (!st)
		st = json_opt_bool(model, "ignore_merges", &t->bpe.ignore_merges, where, err);
	if (!st)
		st = read_vocab(t, vocab, path, err);
	return st ? st : read_merges(t, merges, path, err);
}

/* unk_token may be an added token, so this comes last. */
static enum t2_status
read_unk(struct tokenizer *t, const json_t *model, const char *path, struct t2_err *err)
{
	const json_t *unk = json_object_get(model, "unk_token");

	if (!unk || json_is_null(unk))
		return T2_OK;
	if (json_is_string(unk))
		t->bpe.unk = vocab_find(&t->vocab, json_string_value(unk), json_string_length(unk));
	if (t->bpe.unk < 0)
		return t2_fail(err, T2_EFORMAT, "%s: model: unk_token is not in the vocabulary",
			       path);
	return T2_OK;
}

static enum t2_status
add_normalized(struct tokenizer *t, const char *s, size_t len, struct added_token a,
	       const char *where, struct t2_err *err)
{
	struct strbuf text = {0}, scratch = {0};
	struct matcher m = {0};
	size_t head = 0;
	enum t2_status st;

	strbuf_add(&text, s, len);
	st = text.failed ? t2_nomem(err, where)
			 : normalizer_run(&t->norm, &m, &text, &scratch, &head, err);
	if (!st && !text.len)
		st = t2_fail(err, T2_EUNSUP, "%s: nothing is left of \"%.80s\" when normalized",
			     where, s);
	if (!st)
		st = added_add(&t->normed, text.s, text.len, a, err);
	matcher_free(&m);
	strbuf_free(&text);
	strbuf_free(&scratch);
	return st;
}

static enum t2_status
read_added_token(struct tokenizer *t, const json_t *j, const char *path, size_t i,
		 struct t2_err *err)
{
	char where[WHERE];
	struct added_token a = {0};
	bool special = false, normalized;
	int flags = VOCAB_ADDED, there;
	const char *s;
	size_t len;
	enum t2_status st;

	snprintf(where, sizeof where, "%.200s: added_tokens[%zu]", path, i);
	st = json_want_string(j, "content", &s, where, err);
	if (!st)
		st = json_want_int(j, "id", 0, VOCAB_MAX - 1, &a.id, where, err);
	if (!st)
		st = json_opt_bool(j, "special", &special, where, err);
	normalized = !special;
	if (!st)
		st = json_opt_bool(j, "normalized", &normalized, where, err);
	if (!st)
		st = json_opt_bool(j, "lstrip", &a.lstrip, where, err);
	if (!st)
		st = json_opt_bool(j, "rstrip", &a.rstrip, where, err);
	if (!st)
		st = json_opt_bool(j, "single_word", &a.single_word, where, err);
	if (st)
		return st;
	len = json_string_length(json_object_get(j, "content"));
	if (!len)
		return t2_fail(err, T2_EFORMAT, "%s: \"content\" is empty", where);
	if (special)
		flags |= VOCAB_SPECIAL;
	there = vocab_find(&t->vocab, s, len);
	if (there == a.id && !(t->vocab.pieces[there].flags & VOCAB_ADDED))
		t->vocab.pieces[there].flags |= (uint8_t)flags;
	else
		st = vocab_add(&t->vocab, a.id, s, len, flags, where, err);
	if (st)
		return st;
	return normalized ? add_normalized(t, s, len, a, where, err)
			  : added_add(&t->raw, s, len, a, err);
}

/* The ids that one part of a template stands for. */
static enum t2_status
template_ids(const struct tokenizer *t, const json_t *post, const json_t *special, struct ids *to,
	     const char *where, struct t2_err *err)
{
	const char *name = json_string_value(json_object_get(special, "id"));
	const json_t *ids, *id;
	enum t2_status st = T2_OK;
	size_t i;

	if (!name)
		return t2_fail(err, T2_EFORMAT, "%s: SpecialToken: no \"id\"", where);
	ids = json_object_get(json_object_get(json_object_get(post, "special_tokens"), name),
			      "ids");
	if (!json_is_array(ids) || json_array_size(ids) > TEMPLATE_MAX)
		return t2_fail(err, T2_EFORMAT, "%s: \"%.80s\" has no \"ids\" in special_tokens",
			       where, name);
	json_array_foreach (ids, i, id) {
		json_int_t v = json_integer_value(id);

		if (!json_is_integer(id) || v < 0 || v >= t->vocab.n ||
		    !vocab_piece(&t->vocab, (int)v, NULL))
			return t2_fail(err, T2_EFORMAT,
				       "%s: special_tokens: \"%.80s\": no such token id", where,
				       name);
		st = ids_push(to, (int)v, err);
		if (st)
			break;
	}
	return st;
}

/* TemplateProcessing: what it puts before and behind the text. */
static enum t2_status
read_template(struct tokenizer *t, const json_t *post, const char *path, struct t2_err *err)
{
	const json_t *single = json_object_get(post, "single"), *part;
	char where[WHERE];
	bool seen = false;
	enum t2_status st = T2_OK;
	size_t i;

	snprintf(where, sizeof where, "%.200s: post_processor: TemplateProcessing", path);
	if (t->prefix.n || t->suffix.n)
		return t2_fail(err, T2_EUNSUP, "%s: only one that adds tokens is supported", where);
	if (!json_is_array(single) || json_array_size(single) > TEMPLATE_MAX)
		return t2_fail(err, T2_EFORMAT, "%s: \"single\" is not a list of at most %d", where,
			       TEMPLATE_MAX);
	json_array_foreach (single, i, part) {
		const json_t *special = json_object_get(part, "SpecialToken");
		const json_t *text = json_object_get(json_object_get(part, "Sequence"), "id");

		if (special)
			st = template_ids(t, post, special, seen ? &t->suffix : &t->prefix, where,
					  err);
		else if (json_is_string(text) && !strcmp(json_string_value(text), "A") && !seen)
			seen = true;
		else
			return t2_fail(
				err, T2_EUNSUP,
				"%s: single[%zu]: not a SpecialToken, nor the one Sequence A",
				where, i);
		if (st)
			return st;
	}
	return seen ? T2_OK : t2_fail(err, T2_EUNSUP, "%s: \"single\" has no Sequence A", where);
}

static enum t2_status
read_post(struct tokenizer *t, const json_t *j, bool nested, const char *path, struct t2_err *err)
{
	const char *type = json_string_value(json_object_get(j, "type"));
	const json_t *parts, *part;
	enum t2_status st = T2_OK;
	size_t i;

	if (!j || json_is_null(j))
		return T2_OK;
	if (!type)
		return t2_fail(err, T2_EFORMAT, "%s: post_processor: no \"type\"", path);
	if (!strcmp(type, "ByteLevel")) /* only touches offsets */
		return T2_OK;
	if (!strcmp(type, "TemplateProcessing"))
		return read_template(t, j, path, err);
	parts = json_object_get(j, "processors");
	if (strcmp(type, "Sequence") || nested || !json_is_array(parts))
		return t2_fail(err, T2_EUNSUP,
			       "%s: post_processor: type \"%.60s\" is not supported%s", path, type,
			       nested ? " in a Sequence" : "");
	json_array_foreach (parts, i, part) {
		st = read_post(t, part, true, path, err);
		if (st)
			break;
	}
	return st;
}

static enum t2_status
read_root(struct tokenizer *t, const json_t *root, const char *path, struct t2_err *err)
{
	const json_t *model = json_object_get(root, "model"),
		     *added = json_object_get(root, "added_tokens"), *a;
	enum t2_status st;
	size_t i;

	if (!json_is_object(model))
		return t2_fail(err, T2_EFORMAT, "%s: no \"model\": not a tokenizer.json", path);
	if (json_array_size(added) > ADDED_MAX)
		return t2_fail(err, T2_EUNSUP, "%s: added_tokens: more than %d", path, ADDED_MAX);
	if (json_object_size(json_object_get(model, "vocab")) > VOCAB_MAX)
		return t2_fail(err, T2_EFORMAT, "%s: model: vocab: more than %d pieces", path,
			       VOCAB_MAX);
	t->vocab.expect =
		(int)(json_object_size(json_object_get(model, "vocab")) + json_array_size(added));
	st = read_model(t, model, path, err);
	if (!st)
		st = tokenizer_read_normalizer(t, json_object_get(root, "normalizer"), path, err);
	if (!st)
		st = tokenizer_read_pretok(t, json_object_get(root, "pre_tokenizer"), path, err);
	if (!st)
		st = tokenizer_read_decoder(t, json_object_get(root, "decoder"), path, err);
	if (st)
		return st;
	json_array_foreach (added, i, a) {
		st = read_added_token(t, a, path, i, err);
		if (st)
			return st;
	}
	if (!t->vocab.count)
		return t2_fail(err, T2_EFORMAT, "%s: the vocabulary is empty", path);
	t->size = t->vocab.n;
	st = read_unk(t, model, path, err);
	return st ? st : read_post(t, json_object_get(root, "post_processor"), false, path, err);
}

enum t2_status
tokenizer_read_json(struct tokenizer *t, const char *bytes, size_t n, const char *path,
		    struct t2_err *err)
{
	json_t *root;
	enum t2_status st = json_read_bytes(&root, bytes, n, path, err);

	if (st)
		return st;
	st = read_root(t, root, path, err);
	json_decref(root);
	return st;
}
