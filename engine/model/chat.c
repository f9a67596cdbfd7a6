/* chat.c - see chat.h */
#include "engine/model/chat.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/json.h"
#include "engine/base/utf8.h"
#include "engine/model/jinja.h"
#include "engine/model/tokenizer.h"

static const char prompt_mark[] = "{prompt}";

struct chat {
	struct jinja *template; /* NULL: plain */
	char *plain;		/* with {prompt}; NULL: the prompt itself */
	char *bos, *eos;
};

/* t2tui.json in the model's folder, or beside the model's file. */
static enum t2_status
settings_path(struct strbuf *b, const char *model_path, struct t2_err *err)
{
	const char *slash = strrchr(model_path, '/');
	struct stat sb;

	if (!stat(model_path, &sb) && S_ISDIR(sb.st_mode))
		strbuf_printf(b, "%s/", model_path);
	else if (slash)
		strbuf_add(b, model_path, (size_t)(slash - model_path) + 1);
	strbuf_str(b, "t2tui.json");
	return b->failed ? t2_nomem(err, model_path) : T2_OK;
}

static enum t2_status
read_plain(struct chat *c, const char *path, struct t2_err *err)
{
	const char *plain = NULL;
	json_t *root;
	enum t2_status st = json_read_file(&root, path, err);

	if (st)
		return st;
	if (!json_is_object(root))
		st = t2_fail(err, T2_EFORMAT, "%s: not an object", path);
	else
		st = json_opt_string(root, "plain", &plain, path, err);
	if (!st && plain && !strstr(plain, prompt_mark))
		st = t2_fail(err, T2_EFORMAT, "%s: \"plain\" has no %s", path, prompt_mark);
	if (!st && plain) {
		c->plain = strdup(plain);
		if (!c->plain)
			st = t2_nomem(err, path);
	}
	json_decref(root);
	return st;
}

enum t2_status
chat_open(struct chat **out, const char *model_path, const struct tokenizer *t, struct t2_err *err)
{
	struct chat *c = calloc(1, sizeof *c);
	const char *source = tokenizer_chat_template(t);
	struct strbuf path = {0};
	struct stat sb;
	enum t2_status st = T2_OK;

	*out = NULL;
	if (!c)
		return t2_nomem(err, model_path);
	c->bos = strdup(tokenizer_bos_text(t));
	c->eos = strdup(tokenizer_eos_text(t));
	if (!c->bos || !c->eos) {
		st = t2_nomem(err, model_path);
	} else if (source) {
		strbuf_printf(&path, "%s: chat template", model_path);
		st = path.failed ? t2_nomem(err, model_path)
				 : jinja_compile(&c->template, source, strlen(source), path.s, err);
	} else {
		st = settings_path(&path, model_path, err);
		if (!st && !stat(path.s, &sb))
			st = read_plain(c, path.s, err);
	}
	strbuf_free(&path);
	if (st) {
		chat_free(c);
		return st;
	}
	*out = c;
	return T2_OK;
}

void
chat_free(struct chat *c)
{
	if (!c)
		return;
	jinja_free(c->template);
	free(c->plain);
	free(c->bos);
	free(c->eos);
	free(c);
}

bool
chat_has_template(const struct chat *c)
{
	return c->template != NULL;
}

/* The plain text with every {prompt} replaced; what the prompt itself contains is not looked at again. */
static enum t2_status
render_plain(const struct chat *c, const char *prompt, size_t len, struct strbuf *out,
	     struct t2_err *err)
{
	const char *s = c->plain ? c->plain : prompt_mark, *hit;

	while ((hit = strstr(s, prompt_mark))) {
		strbuf_add(out, s, (size_t)(hit - s));
		strbuf_add(out, prompt, len);
		s = hit + sizeof prompt_mark - 1;
	}
	strbuf_str(out, s);
	return out->failed ? t2_nomem(err, "prompt") : T2_OK;
}

static const json_t *
last_user_message(const json_t *messages)
{
	for (size_t i = json_array_size(messages); i-- > 0;) {
		const json_t *m = json_array_get(messages, i);
		const char *role = json_string_value(json_object_get(m, "role"));

		if (role && !strcmp(role, "user") && json_is_string(json_object_get(m, "content")))
			return json_object_get(m, "content");
	}
	return NULL;
}

enum t2_status
chat_render(const struct chat *c, const json_t *messages, bool add_generation_prompt,
	    struct strbuf *out, struct t2_err *err)
{
	const json_t *prompt;
	enum t2_status st;
	json_t *vars;

	if (!json_is_array(messages) || !json_array_size(messages))
		return t2_fail(err, T2_EINVAL, "chat: no messages");
	if (!c->template) {
		prompt = last_user_message(messages);
		if (!prompt)
			return t2_fail(
				err, T2_EINVAL,
				"chat: no message of the user, and the model has no chat template");
		return render_plain(c, json_string_value(prompt), json_string_length(prompt), out,
				    err);
	}
	vars = json_pack("{s:O, s:b, s:s, s:s, s:n, s:n}", "messages", messages,
			 "add_generation_prompt", (int)add_generation_prompt, "bos_token", c->bos,
			 "eos_token", c->eos, "tools", "documents");
	if (!vars)
		return t2_nomem(err, "chat");
	st = jinja_render(c->template, vars, NULL, out, err);
	json_decref(vars);
	return st;
}

/* jansson takes UTF-8 only; what is none becomes U+FFFD, as it does in the tokenizer. */
static json_t *
message(const char *role, const char *content)
{
	struct strbuf clean = {0};
	json_t *m = NULL;

	utf8_clean(&clean, content, strlen(content));
	if (!clean.failed)
		m = json_pack("{s:s, s:s%}", "role", role, "content", clean.s ? clean.s : "",
			      clean.len);
	strbuf_free(&clean);
	return m;
}

enum t2_status
chat_render_one(const struct chat *c, const char *system, const char *user, struct strbuf *out,
		struct t2_err *err)
{
	json_t *list = json_array();
	enum t2_status st;

	/* json_array_append_new() takes NULL as a failure of its own */
	if (!list || (system && json_array_append_new(list, message("system", system))) ||
	    json_array_append_new(list, message("user", user)))
		st = t2_nomem(err, "chat");
	else
		st = chat_render(c, list, true, out, err);
	json_decref(list);
	return st;
}
