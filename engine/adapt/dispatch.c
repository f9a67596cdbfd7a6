#include "engine/adapt/dispatch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/memory.h"
#include "engine/linalg/kern.h"
#include "engine/model/forward.h"
#include "engine/model/generate.h"
#include "engine/model/model.h"
#include "engine/task/scorer.h"

enum { BOX_TOKENS = 48 };

struct label {
	const char *text;
	int cand;	/* -1: base weights */
	struct ids ids; /* as the model would write it */
};

struct dispatch {
	struct adapt_env env;
	struct task *task; /* NULL: boxed question */
	struct label *label;
	int labels, longest; /* longest: tokens of a label */
	struct scorer *box;  /* reads \boxed{category} */
	char *system;	     /* the boxed question's system text */
	struct generator *gen;
	struct forward *fw;
	struct arena arena;
};

static int
find_candidate(const struct candidate *cand, int n, const char *expert)
{
	for (int i = 0; i < n && expert; i++)
		if (!strcmp(cand[i].expert, expert))
			return i;
	return -1;
}

static enum t2_status
add_label(struct dispatch *d, const char *text, int cand, struct t2_err *err)
{
	struct label *l = &d->label[d->labels];
	struct strbuf b = {0};
	enum t2_status st;

	l->text = arena_strdup(&d->arena, text);
	l->cand = cand;
	if (d->task)
		strbuf_printf(&b, " %s", text);
	else
		strbuf_printf(&b, "\\boxed{%s}", text);
	d->labels++;
	if (b.failed || !l->text)
		st = t2_nomem(err, "dispatch");
	else
		st = tokenizer_encode(d->env.tok, b.s, b.len, TOK_PLAIN, &l->ids, err);
	strbuf_free(&b);
	if (l->ids.n > d->longest)
		d->longest = l->ids.n;
	if (!st && !l->ids.n)
		st = t2_fail(err, T2_EMISMATCH, "category %s: the tokenizer makes nothing of it",
			     text);
	return st;
}

/* Labels of a dispatch task, each with the candidate that task names for it. */
static enum t2_status
labels_of_task(struct dispatch *d, const struct candidate *cand, int n, struct t2_err *err)
{
	int k = task_categories(d->task);
	enum t2_status st = T2_OK;

	if (!k)
		return t2_fail(err, T2_EINVAL, "task %s: has no categories, so it cannot dispatch",
			       task_name(d->task));
	d->label = calloc((size_t)k, sizeof *d->label);
	if (!d->label)
		return t2_nomem(err, "dispatch");
	for (int i = 0; i < k && !st; i++) {
		const char *c = task_category(d->task, i);

		st = add_label(d, c, find_candidate(cand, n, task_dispatch(d->task, c)), err);
	}
	return st;
}

/* Of two experts for one category the later in the list, the newer one, has it. */
static bool
later(const struct candidate *cand, int n, int i)
{
	for (int k = i + 1; k < n; k++)
		if (!strcmp(cand[k].category, cand[i].category))
			return true;
	return false;
}

/* The paper's way without a task of its own: describe the categories, ask for \boxed{category}. */
static enum t2_status
labels_of_experts(struct dispatch *d, const struct candidate *cand, int n, struct t2_err *err)
{
	struct strbuf b = {0};
	const char **names = calloc((size_t)n + 1, sizeof *names);
	int named = 0;
	enum t2_status st = T2_OK;

	d->label = calloc((size_t)n + 1, sizeof *d->label);
	if (!d->label || !names) {
		free(names);
		return t2_nomem(err, "dispatch");
	}
	strbuf_str(&b, "Classify the user's question into one of these categories: ");
	for (int i = 0; i < n && !st; i++) {
		if (later(cand, n, i))
			continue;
		names[named++] = cand[i].category;
		strbuf_printf(&b, "%s (questions of the kind \"%s\"), ", cand[i].category,
			      cand[i].category);
		st = add_label(d, cand[i].category, i, err);
	}
	strbuf_str(&b, "other (anything else). Do not answer the question. Reply with the category "
		       "alone, in the "
		       "form \\boxed{category}.");
	names[named++] = "other";
	if (!st)
		st = add_label(d, "other", -1, err);
	d->system = strbuf_take(&b);
	if (!st && !d->system)
		st = t2_nomem(err, "dispatch");
	if (!st)
		st = scorer_new(&d->box, "category", names, named, NULL, err);
	free(names);
	return st;
}

enum t2_status
dispatch_new(struct dispatch **out, const struct adapt_env *env, struct task *task,
	     const struct candidate *cand, int n, struct t2_err *err)
{
	struct dispatch *d = calloc(1, sizeof *d);
	enum t2_status st;

	*out = NULL;
	if (!d)
		return t2_nomem(err, "dispatch");
	d->env = *env;
	d->task = task;
	st = task ? labels_of_task(d, cand, n, err) : labels_of_experts(d, cand, n, err);
	if (!st)
		st = generator_new(&d->gen, env->model, env->pool, 0, err);
	if (!st)
		st = forward_new(&d->fw, env->model, env->pool, err);
	if (st) {
		dispatch_free(d);
		return st;
	}
	*out = d;
	return T2_OK;
}

void
dispatch_free(struct dispatch *d)
{
	if (!d)
		return;
	for (int i = 0; i < d->labels; i++)
		ids_free(&d->label[i].ids);
	free(d->label);
	scorer_free(d->box);
	free(d->system);
	generator_free(d->gen);
	forward_free(d->fw);
	arena_free(&d->arena);
	free(d);
}

int
dispatch_labels(const struct dispatch *d)
{
	return d->labels;
}

const char *
dispatch_label(const struct dispatch *d, int i)
{
	return d->label[i].text;
}

static enum t2_status
prompt_ids(const struct dispatch *d, const char *question, struct ids *ids, struct t2_err *err)
{
	struct strbuf text = {0};
	enum t2_status st;

	if (d->task)
		st = task_prompt_text(d->task, question, d->env.chat, d->env.tok, ids, err);
	else if (!(st = chat_render_one(d->env.chat, d->system, question, &text, err)))
		st = tokenizer_encode(d->env.tok, text.s ? text.s : "", text.len,
				      chat_has_template(d->env.chat) ? TOK_PLAIN : TOK_SPECIAL, ids,
				      err);
	strbuf_free(&text);
	if (!st && ids->n >= model_config(d->env.model)->context)
		st = t2_fail(err, T2_EMISMATCH,
			     "pass 1: the question has %d tokens, the model's context %d", ids->n,
			     model_config(d->env.model)->context);
	return st;
}

/* The category that the model's words name: the task's own reading of an answer, or the box. */
static enum t2_status
read_label(const struct dispatch *d, const char *text, size_t len, int *label, struct t2_err *err)
{
	*label = -1;
	for (int i = 0; i < d->labels; i++) {
		struct verdict v;
		enum t2_status st;

		if (d->task)
			st = task_score_text(d->task, d->label[i].text, text, len, &v, err);
		else
			st = scorer_score(d->box, text, len, d->label[i].text,
					  strlen(d->label[i].text), &v, err);
		if (st)
			return st;
		if (v.correct)
			*label = i;
		verdict_free(&v);
		if (*label >= 0)
			return T2_OK;
	}
	return T2_OK;
}

static bool
keep_token(void *arg, int request, int id, float logprob)
{
	struct ids *ids = (struct ids *)arg + request;

	(void)logprob;
	return ids_push(ids, id, NULL) != T2_OK;
}

static int
max_tokens(const struct dispatch *d)
{
	return d->task ? task_max_tokens(d->task) : BOX_TOKENS;
}

/* Of caches and logits for the labels after a prompt of so many tokens. */
static size_t
score_bytes(const struct dispatch *d, int prompt)
{
	const struct model *m = d->env.model;
	int positions = prompt + d->longest;

	return forward_bytes(m, memory_threads(pool_threads(d->env.pool)), positions) +
	       2 * kv_bytes(m, positions) +
	       (size_t)model_config(m)->vocab * ((size_t)d->longest + 1) * sizeof(float);
}

static size_t
ask_bytes(const struct dispatch *d, int prompt, bool scores)
{
	int context = model_config(d->env.model)->context,
	    positions = prompt + max_tokens(d) < context ? prompt + max_tokens(d) : context;

	return generator_bytes(d->env.model, d->env.pool, positions, 1) +
	       (scores ? score_bytes(d, prompt) : 0);
}

enum t2_status
dispatch_bytes(const struct dispatch *d, const char *question, size_t *bytes, struct t2_err *err)
{
	struct ids prompt = {0};
	enum t2_status st = prompt_ids(d, question, &prompt, err);

	*bytes = ask_bytes(d, prompt.n, true);
	ids_free(&prompt);
	return st;
}

enum t2_status
dispatch_many_least(const struct dispatch *d, const char *const *questions, int n, size_t *bytes,
		    struct t2_err *err)
{
	enum t2_status st = T2_OK;
	int most = 0;

	for (int i = 0; i < n && !st; i++) {
		struct ids prompt = {0};

		st = prompt_ids(d, questions[i], &prompt, err);
		most = prompt.n > most ? prompt.n : most;
		ids_free(&prompt);
	}
	*bytes = ask_bytes(d, most, false);
	return st;
}

/* log p(label | prompt) for every label, from one cached prompt. */
static enum t2_status
score_labels(struct dispatch *d, const struct linear *op, const struct ids *prompt, int slot,
	     double *scores, struct t2_err *err)
{
	int vocab = model_config(d->env.model)->vocab, longest = d->longest;
	struct kv *base = NULL, *kv = NULL;
	float *first = NULL, *rest = NULL;
	double lse, most = -INFINITY, sum = 0;
	enum t2_status st = T2_OK;
	struct segment seg;

	first = malloc((size_t)vocab * sizeof *first);
	rest = malloc((size_t)vocab * (size_t)longest * sizeof *rest);
	if (!first || !rest)
		st = t2_nomem(err, "pass 1");
	if (!st)
		st = kv_new(&base, d->env.model, prompt->n + longest, err);
	if (!st)
		st = kv_new(&kv, d->env.model, prompt->n + longest, err);
	seg = (struct segment){
		.kv = base, .ids = prompt->v, .n = prompt->n, .slot = slot, .want = WANT_LAST};
	if (!st)
		st = forward_run(d->fw, op, &seg, 1, first, err);
	if (st)
		goto out;
	lse = kern_logsumexp(first, vocab);
	for (int i = 0; i < d->labels && !st; i++) {
		const struct ids *l = &d->label[i].ids;

		scores[i] = (double)first[l->v[0]] - lse;
		if (l->n == 1)
			continue;
		if ((st = kv_copy(kv, base, prompt->n, err)))
			break;
		seg = (struct segment){
			.kv = kv, .ids = l->v, .n = l->n - 1, .slot = slot, .want = WANT_ALL};
		if ((st = forward_run(d->fw, op, &seg, 1, rest, err)))
			break;
		for (int k = 1; k < l->n; k++) {
			const float *row = rest + (size_t)(k - 1) * (size_t)vocab;

			scores[i] += (double)row[l->v[k]] - kern_logsumexp(row, vocab);
		}
	}
	for (int i = 0; i < d->labels; i++)
		most = fmax(most, scores[i]);
	for (int i = 0; i < d->labels; i++)
		sum += scores[i] = exp(scores[i] - most);
	for (int i = 0; i < d->labels; i++)
		scores[i] /= sum;
out:
	kv_free(base);
	kv_free(kv);
	free(first);
	free(rest);
	return st;
}

enum t2_status
dispatch_ask(struct dispatch *d, const struct linear *op, const char *question, int slot,
	     uint64_t seed, struct dispatch_result *out, struct job *job, struct t2_err *err)
{
	struct ids prompt = {0}, said = {0};
	struct strbuf text = {0};
	struct gen_request g;
	double t0 = clock_seconds();
	struct memory *m = pool_memory(d->env.pool);
	size_t taken = 0;
	int label;
	enum t2_status st;

	memset(out, 0, sizeof *out);
	out->decision = -1;
	out->labels = d->labels;
	if ((st = prompt_ids(d, question, &prompt, err)))
		goto out;
	if (ask_bytes(d, prompt.n, true) > memory_room(m)) {
		st = memory_short(m, ask_bytes(d, prompt.n, true), err, "pass 1");
		goto out;
	}
	/* before any weights are recomposed in what is left */
	taken = score_bytes(d, prompt.n);
	memory_take(m, taken);
	g = (struct gen_request){
		.ids = prompt.v, .n = prompt.n, .max_new = max_tokens(d), .slot = slot};
	if ((st = generate(d->gen, op, &g, 1, seed, keep_token, &said, NULL, job, err)) ||
	    (st = tokenizer_decode(d->env.tok, said.v, said.n, &text, err)) ||
	    (st = read_label(d, text.s ? text.s : "", text.len, &label, err)))
		goto out;
	out->scores = calloc((size_t)d->labels, sizeof *out->scores);
	out->text = strbuf_take(&text);
	out->label = strdup(label >= 0 ? d->label[label].text : "other");
	if (!out->scores || !out->text || !out->label) {
		st = t2_nomem(err, "pass 1");
		goto out;
	}
	out->decision = label >= 0 ? d->label[label].cand : -1;
	out->tokens = said.n;
	st = score_labels(d, op, &prompt, slot, out->scores, err);
	out->ms = (clock_seconds() - t0) * 1000;
out:
	memory_give(m, taken);
	strbuf_free(&text);
	ids_free(&prompt);
	ids_free(&said);
	if (st)
		dispatch_result_free(out);
	return st;
}

void
dispatch_result_free(struct dispatch_result *r)
{
	free(r->text);
	free(r->label);
	free(r->scores);
	memset(r, 0, sizeof *r);
	r->decision = -1;
}

struct crowd {
	struct ids *said;
	struct job *job;
};

static bool
crowd_token(void *arg, int request, int id, float logprob)
{
	return keep_token(((struct crowd *)arg)->said, request, id, logprob);
}

static void
crowd_ended(void *arg, int request, const struct gen_result *how)
{
	(void)request;
	(void)how;
	job_step(((struct crowd *)arg)->job, 1);
}

enum t2_status
dispatch_many(struct dispatch *d, const struct linear *op, const char *const *questions, int n,
	      int slot, int *decision, long *tokens, struct job *job, struct t2_err *err)
{
	struct gen_request *g = calloc((size_t)n + 1, sizeof *g);
	struct ids *prompt = calloc((size_t)n + 1, sizeof *prompt),
		   *said = calloc((size_t)n + 1, sizeof *said);
	struct crowd crowd = {.said = said, .job = job};
	enum t2_status st = T2_OK;

	if (!g || !prompt || !said)
		st = t2_nomem(err, "pass 1");
	for (int i = 0; i < n && !st; i++) {
		st = prompt_ids(d, questions[i], &prompt[i], err);
		g[i] = (struct gen_request){.ids = prompt[i].v,
					    .n = prompt[i].n,
					    .max_new = max_tokens(d),
					    .slot = slot,
					    .ended = crowd_ended};
	}
	if (!st)
		st = generate(d->gen, op, g, n, 0, crowd_token, &crowd, NULL, job, err);
	for (int i = 0; i < n && !st; i++) {
		struct strbuf text = {0};
		int label = -1;

		st = tokenizer_decode(d->env.tok, said[i].v, said[i].n, &text, err);
		if (!st)
			st = read_label(d, text.s ? text.s : "", text.len, &label, err);
		decision[i] = label >= 0 ? d->label[label].cand : -1;
		*tokens += said[i].n;
		strbuf_free(&text);
	}
	for (int i = 0; i < n; i++) {
		if (prompt)
			ids_free(&prompt[i]);
		if (said)
			ids_free(&said[i]);
	}
	free(g);
	free(prompt);
	free(said);
	return st;
}
