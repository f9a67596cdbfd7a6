#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "tui/cli.h"
#include "tui/verbs.h"

static const struct opt opts[] = {
	{"--no-special", NULL,
	 "add no BOS or EOS; special tokens in the text are recognised all the same"},
	{"--decode", "IDS", "the way back: text of 1,2,3"},
	{"--messages", "FILE",
	 "JSON lines of conversations through the chat template (-: standard input)"},
	{0},
};

static json_t *
ids_json(const struct ids *ids)
{
	json_t *a = json_array();

	for (int i = 0; i < ids->n; i++)
		json_array_append_new(a, json_integer(ids->v[i]));
	return a;
}

static int
decode(struct cli *c, const struct tokenizer *t, const char *list)
{
	struct strbuf out = {0};
	int *ids, n;

	if (cli_parse_ids(list, &ids, &n, &c->err))
		return cli_fail(c);
	for (int i = 0; i < n; i++) {
		size_t len;

		if (!tokenizer_piece(t, ids[i], &len)) {
			cli_note(
				c,
				"token id %d: not in the vocabulary, whose ids are 0 .. %d; U+FFFD "
				"stands for it",
				ids[i], tokenizer_size(t) - 1);
			break;
		}
	}
	if (tokenizer_decode(t, ids, n, &out, &c->err)) {
		free(ids);
		strbuf_free(&out);
		return cli_fail(c);
	}
	if (c->json)
		cli_json(json_pack("{s:o}", "text", cli_json_text(out.s, out.len)));
	else
		fwrite(out.s ? out.s : "", 1, out.len, stdout);
	free(ids);
	strbuf_free(&out);
	return 0;
}

struct talk {
	struct cli *c;
	struct chat *chat;
	const struct tokenizer *tok;
	const char *where; /* for messages */
};

/* One conversation: what the template gives and its ids; what it raises is that line's result, not the end. */
static enum t2_status
message_line(void *arg, json_t *obj, long line, struct t2_err *err)
{
	struct talk *t = arg;
	struct strbuf text = {0};
	struct ids ids = {0};
	struct t2_err mine;
	json_t *messages = json_object_get(obj, "messages");
	enum t2_status st;

	if (!json_is_array(messages))
		return t2_fail(err, T2_EFORMAT, "%s:%ld: no \"messages\" list", t->where, line);
	st = chat_render(t->chat, messages,
			 json_is_true(json_object_get(obj, "add_generation_prompt")), &text, &mine);
	if (!st)
		st = tokenizer_encode(t->tok, text.s ? text.s : "", text.len,
				      chat_has_template(t->chat) ? TOK_PLAIN : TOK_SPECIAL, &ids,
				      &mine);
	if (st)
		cli_json(json_pack("{s:o}", "error", cli_json_text(mine.msg, strlen(mine.msg))));
	else
		cli_json(json_pack("{s:o,s:o}", "text", cli_json_text(text.s, text.len), "ids",
				   ids_json(&ids)));
	strbuf_free(&text);
	ids_free(&ids);
	return T2_OK;
}

static int
messages(struct cli *c, const char *model, const struct tokenizer *t, const char *file)
{
	struct talk talk = {.c = c, .tok = t, .where = strcmp(file, "-") ? file : "standard input"};
	char *text = NULL;
	size_t len;
	int rc = 0;

	if (chat_open(&talk.chat, model, t, &c->err) || cli_read_all(file, &text, &len, &c->err) ||
	    json_each_line(text, len, talk.where, message_line, &talk, &c->err))
		rc = cli_fail(c);
	free(text);
	chat_free(talk.chat);
	return rc;
}

static int
encode(struct cli *c, const struct tokenizer *t, const char *text, size_t len)
{
	struct ids ids = {0};
	json_t *pieces;

	if (tokenizer_encode(t, text, len, cli_flag(c, "--no-special") ? TOK_PLAIN : TOK_SPECIAL,
			     &ids, &c->err)) {
		ids_free(&ids);
		return cli_fail(c);
	}
	if (!c->json) {
		for (int i = 0; i < ids.n; i++)
			printf("%s%d", i ? " " : "", ids.v[i]);
		printf("\n");
		ids_free(&ids);
		return 0;
	}
	pieces = json_array();
	for (int i = 0; i < ids.n; i++) {
		size_t n = 0;
		const char *p = tokenizer_piece(t, ids.v[i], &n);
		json_t *s = json_stringn(p ? p : "", p ? n : 0);

		json_array_append_new(pieces, s ? s : json_string("\xef\xbf\xbd"));
	}
	cli_json(json_pack("{s:o,s:o}", "ids", ids_json(&ids), "pieces", pieces));
	ids_free(&ids);
	return 0;
}

static int
tokenize_run(struct cli *c)
{
	const char *model = cli_pos(c, 0, "MODEL"), *text;
	struct tokenizer *t = NULL;
	char path[1024], *all = NULL;
	bool shipped;
	size_t len;
	int rc;

	if (!model)
		return 2;
	/* the store is opened only when the name is not a path: this verb works without one */
	if (workspace_path(&c->ws, model, path, sizeof path, &shipped, &c->err) &&
	    (workspace_start(&c->ws, 1, c->store_path, &c->err) ||
	     workspace_path(&c->ws, model, path, sizeof path, &shipped, &c->err)))
		return cli_fail(c);
	if (tokenizer_open(&t, path, &c->err))
		return cli_fail(c);
	if (cli_str(c, "--decode")) {
		rc = decode(c, t, cli_str(c, "--decode"));
	} else if (cli_str(c, "--messages")) {
		rc = messages(c, path, t, cli_str(c, "--messages"));
	} else if (c->npos > 1 && strcmp(c->pos[1], "-")) {
		text = c->pos[1];
		rc = encode(c, t, text, strlen(text));
	} else {
		rc = cli_read_all("-", &all, &len, &c->err) ? cli_fail(c) : encode(c, t, all, len);
		free(all);
	}
	tokenizer_free(t);
	return rc;
}

const struct command cmd_tokenize = {
	"tokenize", "MODEL [TEXT]", "token ids of a text (standard input without TEXT)",
	opts,	    tokenize_run,   2};
