/* make-samples check: greedy accuracy of every task, as it is and with the reliable style's opener forced.  Where the latter is
 * low the model lacks the skill, and no expert can bring it out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/adapt/wilson.h"
#include "engine/linalg/blas.h"
#include "engine/model/generate.h"
#include "engine/task/task.h"
#include "samples/make/command.h"
#include "samples/make/item.h"

#define LEN(a) (sizeof(a) / sizeof *(a))

static const struct {
	const char *task;
	enum domain domain; /* DOMAINS: no opener */
} checks[] = {
	{"math", DOMAIN_MATH},	    {"code", DOMAIN_CODE},	{"logic", DOMAIN_LOGIC},
	{"math-hard", DOMAIN_MATH}, {"code-hard", DOMAIN_CODE}, {"logic-hard", DOMAIN_LOGIC},
	{"dispatch", DOMAINS},
};

struct checker {
	struct model *model;
	struct tokenizer *tokenizer;
	struct chat *chat;
	struct generator *generator;
	struct base_linear *linear;
	struct ids *answer; /* [items] */
	enum t2_status status;
	struct t2_err *err;
};

static bool
keep_token(void *arg, int request, int id, float logprob)
{
	struct checker *c = arg;

	(void)logprob;
	if (!c->status)
		c->status = ids_push(&c->answer[request], id, c->err);
	return c->status != T2_OK;
}

/* Item i's prompt and the opener. */
static enum t2_status
prompt_make(struct checker *c, struct task *t, int i, const char *opener, struct ids *ids,
	    struct t2_err *err)
{
	enum t2_status st = task_prompt(t, "test", i, c->chat, c->tokenizer, ids, err);

	return st ? st
		  : tokenizer_encode(c->tokenizer, opener, strlen(opener), TOK_PLAIN, ids, err);
}

static enum t2_status
answers_score(struct checker *c, struct task *t, int n, const char *opener, int *correct,
	      struct t2_err *err)
{
	struct strbuf text = {0};
	enum t2_status st = T2_OK;

	*correct = 0;
	for (int i = 0; i < n && !st; i++) {
		struct verdict v = {0};

		strbuf_clear(&text);
		strbuf_str(&text, opener);
		st = tokenizer_decode(c->tokenizer, c->answer[i].v, c->answer[i].n, &text, err);
		if (!st)
			st = task_score(t, "test", i, text.s ? text.s : "", text.len, &v, err);
		*correct += v.correct;
		verdict_free(&v);
	}
	strbuf_free(&text);
	return st;
}

static enum t2_status
answers_make(struct checker *c, struct task *t, int n, const char *opener, struct t2_err *err)
{
	struct gen_request *req = calloc((size_t)n, sizeof *req);
	struct ids *prompt = calloc((size_t)n, sizeof *prompt);
	enum t2_status st = req && prompt ? T2_OK : t2_nomem(err, "check");

	for (int i = 0; i < n && !st; i++) {
		st = prompt_make(c, t, i, opener, &prompt[i], err);
		req[i] = (struct gen_request){.ids = prompt[i].v,
					      .n = prompt[i].n,
					      .max_new = task_max_tokens(t),
					      .stream = (uint64_t)i};
	}
	c->status = T2_OK;
	c->err = err;
	if (!st)
		st = generate(c->generator, base_linear_op(c->linear), req, n, 0, keep_token, c,
			      NULL, NULL, err);
	for (int i = 0; prompt && i < n; i++)
		ids_free(&prompt[i]);
	free(prompt);
	free(req);
	return st ? st : c->status;
}

/* One JSON line. */
static enum t2_status
task_check(struct checker *c, struct task *t, int n, const char *opener, struct t2_err *err)
{
	enum t2_status st;
	double lo, hi;
	int correct = 0;

	c->answer = calloc((size_t)n, sizeof *c->answer);
	if (!c->answer)
		return t2_nomem(err, "check");
	st = answers_make(c, t, n, opener, err);
	if (!st)
		st = answers_score(c, t, n, opener, &correct, err);
	for (int i = 0; i < n; i++)
		ids_free(&c->answer[i]);
	free(c->answer);
	if (st)
		return st;
	wilson95(correct, n, &lo, &hi);
	printf("{\"task\": \"%s\", \"opener\": \"%s\", \"n\": %d, \"correct\": %d, \"accuracy\": "
	       "%.4f, \"ci95\": [%.4f, %.4f]}\n",
	       task_name(t), opener, n, correct, (double)correct / n, lo, hi);
	fflush(stdout);
	return T2_OK;
}

static enum t2_status
tasks_check(struct checker *c, const struct options *o, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	for (size_t i = 0; i < LEN(checks) && !st; i++) {
		enum domain d = checks[i].domain;
		struct task *t;
		char dir[4096];
		int n;

		snprintf(dir, sizeof dir, "%s/%s", o->tasks, checks[i].task);
		st = task_open(&t, dir, err);
		if (st)
			return st;
		n = task_items(t, "test", err);
		if (n < 1)
			st = n < 0 ? err->code : t2_fail(err, T2_EFORMAT, "%s: no test items", dir);
		if (o->limit && n > o->limit)
			n = o->limit;
		if (!st)
			st = task_check(c, t, n, "", err);
		if (!st && d != DOMAINS)
			st = task_check(c, t, n, domain_opener(d, STYLE_RELIABLE), err);
		task_free(t);
	}
	return st;
}

enum t2_status
command_check(const struct options *o, struct t2_err *err)
{
	struct pool *pool = pool_new(o->threads);
	struct checker c = {0};
	enum t2_status st;

	st = pool ? blas_init(err) : t2_nomem(err, "threads");
	if (!st)
		st = model_open(&c.model, o->dir, err);
	if (!st)
		st = tokenizer_open(&c.tokenizer, o->dir, err);
	if (!st)
		st = chat_open(&c.chat, o->dir, c.tokenizer, err);
	if (!st)
		st = generator_new(&c.generator, c.model, pool, 0, err);
	if (!st)
		st = base_linear_new(&c.linear, c.model, pool, err);
	if (!st)
		st = tasks_check(&c, o, err);
	base_linear_free(c.linear);
	generator_free(c.generator);
	chat_free(c.chat);
	tokenizer_free(c.tokenizer);
	model_free(c.model);
	pool_free(pool);
	return st;
}
