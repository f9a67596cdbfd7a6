/* task.h - a task folder: task.json and JSON-lines data.
 *
 *	task_open(&t, "samples/tasks/math", err);
 *	int n = task_items(t, "test");
 *	task_prompt(t, "test", i, chat, tokenizer, &ids, err);	// template, chat template, prefill, tokenised
 *	task_score(t, "test", i, answer, len, &v, err);
 *	task_free(t);
 *
 * task.json (a field that is not among these is an error):
 *	name, prompt	the prompt is a template: {field} is the item's, {{ and }} are braces; a list of texts becomes
 *			lettered lines ("A. first")
 *	scorer		exact, number, choice, boxed or category
 *	splits		{name: file} or {name: {"file", "parity": 0|1 (even or odd lines), "from", "count" (lines of the
 *			file, from 0)}}; files lie inside the folder
 *	answer ("answer": field of the gold), question (template of what a user would type), system, prefill (a template,
 *	appended last), chat (true), max_tokens (256), stop [texts], extract (pattern: scorer.h), count (pattern),
 *	categories [words], dispatch {category: expert}, description
 * Splits a task lacks are T2_ENOTFOUND by name.  A split is read at its first use and kept; one thread at a time. */
#ifndef T2_TASK_H
#define T2_TASK_H

#include "engine/base/hash.h"
#include "engine/base/status.h"
#include "engine/base/strbuf.h"
#include "engine/model/chat.h"
#include "engine/model/tokenizer.h"
#include "engine/task/scorer.h"

struct task;

enum t2_status task_open(struct task **out, const char *dir, struct t2_err *err);
void task_free(struct task *t);
const char *task_name(const struct task *t);
const char *task_dir(const struct task *t);
int task_max_tokens(const struct task *t);
int task_items(struct task *t, const char *split, struct t2_err *err); /* -1: err says why */
/* Digest of task.json and of the split's file (NULL: of task.json alone): the same questions as when? */
enum t2_status task_hash(struct task *t, const char *split, char out[HASH_TEXT],
			 struct t2_err *err);
const char *task_gold(struct task *t, const char *split, int i); /* borrowed; "": no such item */
/* The text that the prompt template gives for item i, before chat template and prefill. */
enum t2_status task_question(struct task *t, const char *split, int i, struct strbuf *out,
			     struct t2_err *err);
/* The item's bare question, as a user would type it: the task's "question" template (default: the field "question", else
 * the whole prompt text). */
enum t2_status task_plain_question(struct task *t, const char *split, int i, struct strbuf *out,
				   struct t2_err *err);
enum t2_status task_prompt(struct task *t, const char *split, int i, const struct chat *chat,
			   const struct tokenizer *tok, struct ids *ids, struct t2_err *err);
/* The same for a user's own question text, which stands for {question} (two-pass dispatch over free text). */
enum t2_status task_prompt_text(struct task *t, const char *question, const struct chat *chat,
				const struct tokenizer *tok, struct ids *ids, struct t2_err *err);
enum t2_status task_score(struct task *t, const char *split, int i, const char *answer, size_t len,
			  struct verdict *out, struct t2_err *err);
/* The task's scorer on a gold of the caller's own (dispatch: does this text name that category?). */
enum t2_status task_score_text(struct task *t, const char *gold, const char *answer, size_t len,
			       struct verdict *out, struct t2_err *err);
/* How many bytes at the answer's start count in the log-probability of training: the match of the task's "count" pattern
 * (PCRE2, anchored there); len without one. */
enum t2_status task_counted(const struct task *t, const char *answer, size_t len, size_t *n,
			    struct t2_err *err);
int task_stops(const struct task *t);
const char *task_stop(const struct task *t, int i);
/* Dispatch tasks: category -> expert name.  NULL: not a dispatch task / no such category. */
int task_categories(const struct task *t);
const char *task_category(const struct task *t, int i);
const char *task_dispatch(const struct task *t, const char *category);
bool
task_dispatches(const struct task *t); /* has a "dispatch" map: an expert trained on it is a z^c */

#endif
