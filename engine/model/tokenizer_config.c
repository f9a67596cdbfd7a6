/* What lies beside a tokenizer.json: tokenizer_config.json (BOS, EOS, chat template) and chat_template.jinja. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/mapfile.h"
#include "engine/base/utf8.h"
#include "engine/model/tokenizer_int.h"

enum { TEMPLATE_BYTES = 1 << 20 };

/* A special token: its text, or an object with "content"; absent or null: none. */
static enum t2_status
read_special(const struct tokenizer *t, const json_t *root, const char *key, int *id, char **text,
	     const char *path, struct t2_err *err)
{
	const json_t *v = json_object_get(root, key);

	if (!v || json_is_null(v))
		return T2_OK;
	if (json_is_object(v))
		v = json_object_get(v, "content");
	if (!json_is_string(v))
		return t2_fail(err, T2_EFORMAT,
			       "%s: \"%s\" is neither a text nor has it a \"content\"", path, key);
	*id = vocab_find(&t->vocab, json_string_value(v), json_string_length(v));
	if (*id < 0)
		return t2_fail(err, T2_EFORMAT, "%s: %s \"%.80s\" is not in the vocabulary", path,
			       key, json_string_value(v));
	*text = tokenizer_copy(json_string_value(v), json_string_length(v));
	return *text ? T2_OK : t2_nomem(err, path);
}

enum t2_status
tokenizer_set_template(struct tokenizer *t, const char *s, size_t len, const char *path,
		       struct t2_err *err)
{
	if (len > TEMPLATE_BYTES)
		return t2_fail(err, T2_EUNSUP, "%s: chat template of %zu bytes, more than %d", path,
			       len, TEMPLATE_BYTES);
	if (memchr(s, 0, len) || !utf8_valid(s, len))
		return t2_fail(err, T2_EFORMAT, "%s: the chat template is not a UTF-8 text", path);
	free(t->chat_template);
	t->chat_template = tokenizer_copy(s, len);
	return t->chat_template ? T2_OK : t2_nomem(err, path);
}

/* One text, or a list of named ones of which "default" is taken. */
static enum t2_status
read_template(struct tokenizer *t, const json_t *v, const char *path, struct t2_err *err)
{
	const json_t *one;
	size_t i;

	if (!v || json_is_null(v))
		return T2_OK;
	if (json_is_string(v))
		return tokenizer_set_template(t, json_string_value(v), json_string_length(v), path,
					      err);
	if (!json_is_array(v))
		return t2_fail(err, T2_EFORMAT,
			       "%s: \"chat_template\" is neither a text nor a list", path);
	json_array_foreach (v, i, one) {
		const char *name = json_string_value(json_object_get(one, "name"));
		const json_t *text = json_object_get(one, "template");

		if (!name || !json_is_string(text))
			return t2_fail(err, T2_EFORMAT,
				       "%s: chat_template[%zu]: no \"name\" or no \"template\"",
				       path, i);
		if (!strcmp(name, "default"))
			return tokenizer_set_template(t, json_string_value(text),
						      json_string_length(text), path, err);
	}
	return t2_fail(err, T2_EUNSUP, "%s: chat_template: none of its %zu is named \"default\"",
		       path, json_array_size(v));
}

static enum t2_status
read_config(struct tokenizer *t, const char *path, struct t2_err *err)
{
	json_t *root;
	enum t2_status st = json_read_file_reals(&root, path, err);

	if (st)
		return st == T2_ENOTFOUND ? T2_OK : st;
	if (!json_is_object(root))
		st = t2_fail(err, T2_EFORMAT, "%s: not an object", path);
	if (!st)
		st = read_special(t, root, "bos_token", &t->bos, &t->bos_text, path, err);
	if (!st)
		st = read_special(t, root, "eos_token", &t->eos, &t->eos_text, path, err);
	if (!st)
		st = read_template(t, json_object_get(root, "chat_template"), path, err);
	json_decref(root);
	return st;
}

static enum t2_status
read_jinja(struct tokenizer *t, const char *path, struct t2_err *err)
{
	struct mapfile m;
	enum t2_status st = mapfile_open(&m, path, err);

	if (st)
		return st == T2_ENOTFOUND ? T2_OK : st;
	st = tokenizer_set_template(t, (const char *)m.data, m.size, path, err);
	mapfile_close(&m);
	return st;
}

enum t2_status
tokenizer_read_config(struct tokenizer *t, const char *path, struct t2_err *err)
{
	static const struct {
		const char *file;
		enum t2_status (*read)(struct tokenizer *t, const char *path, struct t2_err *err);
	} beside[] = {{"tokenizer_config.json", read_config}, {"chat_template.jinja", read_jinja}};
	const char *slash = strrchr(path, '/');
	struct strbuf file = {0};
	enum t2_status st = T2_OK;

	for (size_t i = 0; i < 2 && !st; i++) {
		strbuf_clear(&file);
		strbuf_add(&file, path, slash ? (size_t)(slash + 1 - path) : 0);
		strbuf_str(&file, beside[i].file);
		st = file.failed ? t2_nomem(err, path) : beside[i].read(t, file.s, err);
	}
	strbuf_free(&file);
	return st;
}
