/* chat.h - a conversation as the prompt text that a model was trained on.
 *
 *	chat_open(&c, model_path, tokenizer, err);
 *	chat_render(c, messages, true, &text, err);	// messages: [{"role", "content"} ..]
 *	chat_free(c);
 *
 * A model without a template gets the plain one: t2tui.json's {"plain": "Question: {prompt}\nAnswer:"} in the model's
 * folder, else the last user message itself.  The rendered text is to be encoded with TOK_PLAIN (templates write their own
 * BOS) when chat_has_template(), with TOK_SPECIAL otherwise. */
#ifndef T2_CHAT_H
#define T2_CHAT_H

#include <jansson.h>
#include <stdbool.h>

#include "engine/base/status.h"
#include "engine/base/strbuf.h"

struct chat;
struct tokenizer;

enum t2_status chat_open(struct chat **out, const char *model_path, const struct tokenizer *t,
			 struct t2_err *err);
void chat_free(struct chat *c);
bool chat_has_template(const struct chat *c);
enum t2_status chat_render(const struct chat *c, const json_t *messages, bool add_generation_prompt,
			   struct strbuf *out, struct t2_err *err);
/* One user message, optional system text (NULL: none). */
enum t2_status chat_render_one(const struct chat *c, const char *system, const char *user,
			       struct strbuf *out, struct t2_err *err);

#endif
