/* The normalizer, pre_tokenizer and decoder of a tokenizer.json: trees of named components, flattened to lists of steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/utf8.h"
#include "engine/model/tokenizer_int.h"

enum { NESTING = 8, WHERE = 300 };

const char tokenizer_gpt2_words[] =
	"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/* One component of one of the three trees; where is "FILE: tree: Type". */
struct component {
	const char *type;
	int kind; /* of the step */
	enum t2_status (*add)(struct tokenizer *t, int kind, const json_t *j, const char *where,
			      struct t2_err *err);
};

struct tree {
	const char *name, *list; /* the field that holds a Sequence's parts */
	const struct component *known;
};

static enum t2_status
read_tree(struct tokenizer *t, const struct tree *tree, const json_t *j, int depth,
	  const char *path, struct t2_err *err)
{
	char where[WHERE];
	const char *type = NULL;
	const json_t *parts, *part;
	enum t2_status st;
	size_t i;

	snprintf(where, sizeof where, "%.200s: %s", path, tree->name);
	if (!json_is_object(j))
		return t2_fail(err, T2_EFORMAT, "%s: not an object", where);
	st = json_want_string(j, "type", &type, where, err);
	if (st)
		return st;
	if (!strcmp(type, "Sequence")) {
		parts = json_object_get(j, tree->list);
		if (!json_is_array(parts))
			return t2_fail(err, T2_EFORMAT, "%s: Sequence: no list \"%s\"", where,
				       tree->list);
		if (depth == NESTING)
			return t2_fail(err, T2_EUNSUP, "%s: Sequence: nested more than %d deep",
				       where, NESTING);
		json_array_foreach (parts, i, part) {
			st = read_tree(t, tree, part, depth + 1, path, err);
			if (st)
				return st;
		}
		return T2_OK;
	}
	for (const struct component *c = tree->known; c->type; c++) {
		if (strcmp(c->type, type))
			continue;
		snprintf(where, sizeof where, "%.200s: %s: %s", path, tree->name, type);
		return c->add(t, c->kind, j, where, err);
	}
	return t2_fail(err, T2_EUNSUP, "%s: type \"%.60s\" is not supported", where, type);
}

/* {"String": ..} or {"Regex": ..} */
static enum t2_status
read_pattern(struct pattern *p, const json_t *j, const char *where, struct t2_err *err)
{
	const json_t *pattern = json_object_get(j, "pattern");
	const json_t *s = json_object_get(pattern, "String"),
		     *re = json_object_get(pattern, "Regex");

	if (json_is_string(s))
		return pattern_literal(p, json_string_value(s), json_string_length(s), where, err);
	if (json_is_string(re))
		return pattern_regex(p, json_string_value(re), json_string_length(re), where, err);
	return t2_fail(err, T2_EFORMAT, "%s: \"pattern\" is neither a String nor a Regex", where);
}

static enum t2_status
want_text(const json_t *j, const char *key, const char **s, size_t *len, const char *where,
	  struct t2_err *err)
{
	enum t2_status st = json_want_string(j, key, s, where, err);

	if (!st)
		*len = json_string_length(json_object_get(j, key));
	return st;
}

/* What the pre-tokenizer and the decoder of the name Metaspace both read. */
struct metaspace {
	const char *mark;
	size_t len;
	enum pretok_prepend prepend;
	bool split;
};

static enum t2_status
read_metaspace(struct metaspace *m, const json_t *j, const char *where, struct t2_err *err)
{
	static const char *const schemes[] = {
		[PRETOK_NEVER] = "never",
		[PRETOK_FIRST] = "first",
		[PRETOK_ALWAYS] = "always",
	};
	const json_t *scheme = json_object_get(j, "prepend_scheme");
	const char *name = scheme ? json_string_value(scheme) : "always";
	bool space = true;
	int i = 0;
	uint32_t cp;
	enum t2_status st = want_text(j, "replacement", &m->mark, &m->len, where, err);

	m->split = true;
	if (!st)
		st = json_opt_bool(j, "split", &m->split, where, err);
	if (!st)
		st = json_opt_bool(j, "add_prefix_space", &space, where, err);
	if (st)
		return st;
	if (!m->len || utf8_next(m->mark, m->len, &cp) != m->len)
		return t2_fail(err, T2_EFORMAT, "%s: \"replacement\" is not one character", where);
	while (i <= PRETOK_ALWAYS && (!name || strcmp(name, schemes[i])))
		i++;
	if (i > PRETOK_ALWAYS)
		return t2_fail(err, T2_EUNSUP,
			       "%s: prepend_scheme \"%.60s\" is not supported, only first, always "
			       "and never are",
			       where, name ? name : "");
	m->prepend = (enum pretok_prepend)i;
	if (!space && m->prepend != PRETOK_NEVER)
		return t2_fail(
			err, T2_EFORMAT,
			"%s: \"add_prefix_space\": false needs \"prepend_scheme\": \"never\"",
			where);
	return T2_OK;
}

/* Normalizers */

static enum t2_status
norm_plain(struct tokenizer *t, int kind, const json_t *j, const char *where, struct t2_err *err)
{
	(void)j, (void)where;
	return normalizer_add(&t->norm, &(struct normalize_step){.kind = (enum normalize_kind)kind},
			      err);
}

static enum t2_status
norm_strip(struct tokenizer *t, int kind, const json_t *j, const char *where, struct t2_err *err)
{
	struct normalize_step s = {.kind = (enum normalize_kind)kind, .left = true, .right = true};
	enum t2_status st = json_opt_bool(j, "strip_left", &s.left, where, err);

	if (!st)
		st = json_opt_bool(j, "strip_right", &s.right, where, err);
	return st ? st : normalizer_add(&t->norm, &s, err);
}

static enum t2_status
add_with_text(struct tokenizer *t, struct normalize_step *s, const char *text, size_t len,
	      struct t2_err *err)
{
	s->text = tokenizer_copy(text, len);
	s->len = len;
	if (!s->text) {
		normalize_step_free(s);
		return t2_nomem(err, "normalizer");
	}
	return normalizer_add(&t->norm, s, err);
}

static enum t2_status
norm_prepend(struct tokenizer *t, int kind, const json_t *j, const char *where, struct t2_err *err)
{
	struct normalize_step s = {.kind = (enum normalize_kind)kind};
	const char *text;
	size_t len;
	enum t2_status st = want_text(j, "prepend", &text, &len, where, err);

	return st ? st : add_with_text(t, &s, text, len, err);
}

static enum t2_status
norm_replace(struct tokenizer *t, int kind, const json_t *j, const char *where, struct t2_err *err)
{
	struct normalize_step s = {.kind = (enum normalize_kind)kind};
	const char *text;
	size_t len;
	enum t2_status st = want_text(j, "content", &text, &len, where, err);

	if (!st)
		st = read_pattern(&s.pattern, j, where, err);
	if (!st && pattern_may_be_empty(&s.pattern)) {
		pattern_free(&s.pattern);
		return t2_fail(err, T2_EUNSUP,
			       "%s: a pattern that matches nothing is not supported", where);
	}
	return st ? st : add_with_text(t, &s, text, len, err);
}

static const struct component normalizers[] = {
	{"NFC", NORMALIZE_NFC, norm_plain},
	{"NFD", NORMALIZE_NFD, norm_plain},
	{"NFKC", NORMALIZE_NFKC, norm_plain},
	{"NFKD", NORMALIZE_NFKD, norm_plain},
	{"Lowercase", NORMALIZE_LOWERCASE, norm_plain},
	{"Strip", NORMALIZE_STRIP, norm_strip},
	{"StripAccents", NORMALIZE_STRIP_ACCENTS, norm_plain},
	{"Prepend", NORMALIZE_PREPEND, norm_prepend},
	{"Replace", NORMALIZE_REPLACE, norm_replace},
	{NULL, 0, NULL},
};

enum t2_status
tokenizer_read_normalizer(struct tokenizer *t, const json_t *j, const char *path,
			  struct t2_err *err)
{
	static const struct tree tree = {"normalizer", "normalizers", normalizers};

	return json_is_null(j) || !j ? T2_OK : read_tree(t, &tree, j, 0, path, err);
}

/* Pre-tokenizers */

enum t2_status
tokenizer_add_split(struct tokenizer *t, const char *regex, const char *where, struct t2_err *err)
{
	struct pretok_step s = {.kind = PRETOK_SPLIT, .behavior = PRETOK_ISOLATED};
	enum t2_status st = pattern_regex(&s.pattern, regex, strlen(regex), where, err);

	return st ? st : pretok_add(&t->pretok, &s, err);
}

static enum t2_status
pretok_byte_level(struct tokenizer *t, int kind, const json_t *j, const char *where,
		  struct t2_err *err)
{
	bool space = true, words = true;
	enum t2_status st = json_opt_bool(j, "add_prefix_space", &space, where, err);

	if (!st)
		st = json_opt_bool(j, "use_regex", &words, where, err);
	if (!st && space)
		st = pretok_add(&t->pretok, &(struct pretok_step){.kind = PRETOK_SPACE}, err);
	if (!st && words)
		st = tokenizer_add_split(t, tokenizer_gpt2_words, where, err);
	return st ? st
		  : pretok_add(&t->pretok, &(struct pretok_step){.kind = (enum pretok_kind)kind},
			       err);
}

static enum t2_status
pretok_digits(struct tokenizer *t, int kind, const json_t *j, const char *where, struct t2_err *err)
{
	struct pretok_step s = {.kind = (enum pretok_kind)kind};
	bool each = false;
	enum t2_status st = json_opt_bool(j, "individual_digits", &each, where, err);

	s.behavior = each ? PRETOK_ISOLATED : PRETOK_CONTIGUOUS;
	if (!st)
		st = pattern_regex(&s.pattern, "\\p{N}", 5, where, err);
	return st ? st : pretok_add(&t->pretok, &s, err);
}

static enum t2_status
pretok_split(struct tokenizer *t, int kind, const json_t *j, const char *where, struct t2_err *err)
{
	static const char *const behaviors[] = {
		[PRETOK_ISOLATED] = "Isolated",
		[PRETOK_REMOVED] = "Removed",
		[PRETOK_MERGED_PREVIOUS] = "MergedWithPrevious",
		[PRETOK_MERGED_NEXT] = "MergedWithNext",
		[PRETOK_CONTIGUOUS] = "Contiguous",
	};
	struct pretok_step s = {.kind = (enum pretok_kind)kind};
	const char *name;
	enum t2_status st = json_want_string(j, "behavior", &name, where, err);
	size_t b = 0;

	if (!st)
		st = json_opt_bool(j, "invert", &s.invert, where, err);
	if (st)
		return st;
	while (b < sizeof behaviors / sizeof *behaviors && strcmp(name, behaviors[b]))
		b++;
	if (b == sizeof behaviors / sizeof *behaviors)
		return t2_fail(err, T2_EUNSUP, "%s: behavior \"%.60s\" is not supported", where,
			       name);
	s.behavior = (enum pretok_behavior)b;
	st = read_pattern(&s.pattern, j, where, err);
	return st ? st : pretok_add(&t->pretok, &s, err);
}

static enum t2_status
pretok_metaspace(struct tokenizer *t, int kind, const json_t *j, const char *where,
		 struct t2_err *err)
{
	struct pretok_step words = {.kind = PRETOK_SPLIT, .behavior = PRETOK_MERGED_NEXT};
	struct pretok_step s = {.kind = (enum pretok_kind)kind};
	struct metaspace m;
	enum t2_status st = read_metaspace(&m, j, where, err);

	if (st)
		return st;
	s.prepend = m.prepend;
	s.mark_len = m.len;
	memcpy(s.mark, m.mark, m.len);
	st = pretok_add(&t->pretok, &s, err);
	if (st || !m.split)
		return st;
	st = pattern_literal(&words.pattern, m.mark, m.len, where, err);
	return st ? st : pretok_add(&t->pretok, &words, err);
}

static const struct component pretokenizers[] = {
	{"ByteLevel", PRETOK_BYTES, pretok_byte_level},
	{"Digits", PRETOK_SPLIT, pretok_digits},
	{"Metaspace", PRETOK_MARK, pretok_metaspace},
	{"Split", PRETOK_SPLIT, pretok_split},
	{NULL, 0, NULL},
};

enum t2_status
tokenizer_read_pretok(struct tokenizer *t, const json_t *j, const char *path, struct t2_err *err)
{
	static const struct tree tree = {"pre_tokenizer", "pretokenizers", pretokenizers};

	return json_is_null(j) || !j ? T2_OK : read_tree(t, &tree, j, 0, path, err);
}

/* Decoders */

static enum t2_status
detok_plain(struct tokenizer *t, int kind, const json_t *j, const char *where, struct t2_err *err)
{
	(void)j;
	return detok_add(&t->detok, &(struct detok_step){.kind = (enum detok_kind)kind}, where,
			 err);
}

static enum t2_status
detok_text(char *to, size_t *to_len, const char *s, size_t len, const char *where,
	   struct t2_err *err)
{
	if (len > DETOK_TEXT)
		return t2_fail(err, T2_EUNSUP, "%s: a text of %zu bytes, more than %d", where, len,
			       DETOK_TEXT);
	memcpy(to, s, len);
	*to_len = len;
	return T2_OK;
}

static enum t2_status
detok_replace(struct tokenizer *t, int kind, const json_t *j, const char *where, struct t2_err *err)
{
	struct detok_step s = {.kind = (enum detok_kind)kind};
	const json_t *from = json_object_get(json_object_get(j, "pattern"), "String");
	const char *to;
	size_t len;
	enum t2_status st = want_text(j, "content", &to, &len, where, err);

	if (st)
		return st;
	if (!json_is_string(from) || !json_string_length(from))
		return t2_fail(err, T2_EUNSUP,
			       "%s: only a pattern that is a String, not empty, is supported",
			       where);
	st = detok_text(s.from, &s.from_len, json_string_value(from), json_string_length(from),
			where, err);
	if (!st)
		st = detok_text(s.to, &s.to_len, to, len, where, err);
	return st ? st : detok_add(&t->detok, &s, where, err);
}

static enum t2_status
detok_strip(struct tokenizer *t, int kind, const json_t *j, const char *where, struct t2_err *err)
{
	struct detok_step s = {.kind = (enum detok_kind)kind};
	const char *what;
	size_t len;
	uint32_t cp;
	enum t2_status st = want_text(j, "content", &what, &len, where, err);

	if (!st)
		st = json_want_int(j, "start", 0, 1 << 20, &s.left, where, err);
	if (!st)
		st = json_want_int(j, "stop", 0, 1 << 20, &s.right, where, err);
	if (st)
		return st;
	if (!len || utf8_next(what, len, &cp) != len)
		return t2_fail(err, T2_EFORMAT, "%s: \"content\" is not one character", where);
	st = detok_text(s.from, &s.from_len, what, len, where, err);
	return st ? st : detok_add(&t->detok, &s, where, err);
}

static enum t2_status
detok_metaspace(struct tokenizer *t, int kind, const json_t *j, const char *where,
		struct t2_err *err)
{
	struct detok_step s = {.kind = (enum detok_kind)kind, .to = " ", .to_len = 1};
	struct metaspace m;
	enum t2_status st = read_metaspace(&m, j, where, err);

	if (!st)
		st = detok_text(s.from, &s.from_len, m.mark, m.len, where, err);
	if (st)
		return st;
	s.left = m.prepend != PRETOK_NEVER;
	return detok_add(&t->detok, &s, where, err);
}

static const struct component decoders[] = {
	{"ByteLevel", DETOK_BYTES, detok_plain},
	{"ByteFallback", DETOK_BYTE_FALLBACK, detok_plain},
	{"Fuse", DETOK_FUSE, detok_plain},
	{"Replace", DETOK_REPLACE, detok_replace},
	{"Strip", DETOK_STRIP, detok_strip},
	{"Metaspace", DETOK_MARK, detok_metaspace},
	{NULL, 0, NULL},
};

enum t2_status
tokenizer_read_decoder(struct tokenizer *t, const json_t *j, const char *path, struct t2_err *err)
{
	static const struct tree tree = {"decoder", "decoders", decoders};

	if (json_is_null(j) || !j)
		return detok_add(&t->detok, &(struct detok_step){.kind = DETOK_JOIN}, path, err);
	return read_tree(t, &tree, j, 0, path, err);
}
