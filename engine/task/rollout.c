#include "engine/task/rollout.h"

#include <stdlib.h>
#include <string.h>

#include "engine/model/model.h"

struct roller {
	const struct model *model;
	const struct tokenizer *tok;
	const struct chat *chat;
	struct task *task;
	struct generator *gen;
	int longest;
	roller_scored_fn *scored;
	void *arg;
};

/* One answer in the making. */
struct live {
	struct ids ids;
	double *logprob; /* [ids.cap] kept in step with ids */
	int *start;	 /* byte of text at which each token begins */
	int room;
	struct strbuf text;
	struct tok_stream *stream;
	size_t cut; /* text is cut here by a stop string; (size_t)-1: none */
};

struct run {
	struct roller *r;
	const char *split;
	struct rollouts *out;
	struct live *live;
	struct t2_err *err;
	enum t2_status st;
};

enum t2_status
roller_new(struct roller **out, const struct model *m, struct pool *pool,
	   const struct tokenizer *tok, const struct chat *chat, struct task *task, int width,
	   struct t2_err *err)
{
	struct roller *r = calloc(1, sizeof *r);
	enum t2_status st;

	*out = NULL;
	if (!r)
		return t2_nomem(err, "rollouts");
	r->model = m;
	r->tok = tok;
	r->chat = chat;
	r->task = task;
	st = generator_new(&r->gen, m, pool, width, err);
	if (st) {
		free(r);
		return st;
	}
	*out = r;
	return T2_OK;
}

void
roller_free(struct roller *r)
{
	if (!r)
		return;
	generator_free(r->gen);
	free(r);
}

void
roller_watch(struct roller *r, roller_scored_fn *fn, void *arg)
{
	r->scored = fn;
	r->arg = arg;
}

/* The first stop string at or after from (a stop may begin in text seen before: from steps back by its length). */
static size_t
find_stop(const struct task *t, const char *text, size_t len, size_t from)
{
	size_t best = (size_t)-1;

	for (int i = 0; i < task_stops(t); i++) {
		const char *stop = task_stop(t, i);
		size_t n = strlen(stop), at = from > n ? from - n : 0;
		const char *p = n ? memmem(text + at, len - at, stop, n) : NULL;

		if (p && (size_t)(p - text) < best)
			best = (size_t)(p - text);
	}
	return best;
}

static enum t2_status
live_push(struct live *l, int id, double logprob, struct t2_err *err)
{
	if (l->ids.n == l->room) {
		int room = l->room ? l->room * 2 : 32;
		double *lp = realloc(l->logprob, (size_t)room * sizeof *lp);
		int *s;

		if (!lp)
			return t2_nomem(err, "rollouts");
		l->logprob = lp;
		s = realloc(l->start, (size_t)room * sizeof *s);
		if (!s)
			return t2_nomem(err, "rollouts");
		l->start = s;
		l->room = room;
	}
	l->logprob[l->ids.n] = logprob;
	l->start[l->ids.n] = (int)l->text.len;
	return ids_push(&l->ids, id, err);
}

static bool
on_token(void *arg, int request, int id, float logprob)
{
	struct run *run = arg;
	struct live *l = &run->live[request];
	size_t before = l->text.len;

	if (run->st)
		return true;
	run->st = live_push(l, id, (double)logprob, run->err);
	if (!run->st)
		run->st = tok_stream_push(l->stream, id, &l->text, run->err);
	if (run->st)
		return true;
	l->cut = find_stop(run->r->task, l->text.s ? l->text.s : "", l->text.len, before);
	return l->cut != (size_t)-1;
}

static void
live_free(struct live *l)
{
	ids_free(&l->ids);
	free(l->logprob);
	free(l->start);
	strbuf_free(&l->text);
	tok_stream_free(l->stream);
}

/* Takes one finished answer over into the list's arena and scores it. */
static enum t2_status
finish(struct roller *r, const char *split, struct live *l, int end_id, double end_logprob,
       struct rollout *o, struct rollouts *out, struct t2_err *err)
{
	struct verdict v;
	size_t counted;
	enum t2_status st = tok_stream_end(l->stream, &l->text, err);

	if (st)
		return st;
	if (o->end == GEN_EOS && (st = live_push(l, end_id, end_logprob, err)))
		return st;
	if (l->text.failed)
		return t2_nomem(err, "rollouts");
	o->len = l->cut != (size_t)-1 ? l->cut : l->text.len;
	o->text = arena_strndup(&out->arena, l->text.s ? l->text.s : "", o->len);
	o->n = l->ids.n;
	o->ids = arena_memdup(&out->arena, l->ids.v, (size_t)o->n * sizeof *o->ids);
	if (out->arena.failed)
		return t2_nomem(err, "rollouts");
	if ((st = task_counted(r->task, o->text, o->len, &counted, err)))
		return st;
	for (int i = 0; i < o->n; i++) {
		if (counted < o->len && (size_t)l->start[i] >= counted)
			break;
		o->counted = i + 1;
		o->logprob += l->logprob[i];
	}
	out->tokens += o->n;
	st = task_score(r->task, split, o->item, o->text, o->len, &v, err);
	if (st)
		return st;
	o->correct = v.correct;
	o->extracted = arena_strdup(&out->arena, v.extracted);
	verdict_free(&v);
	return out->arena.failed ? t2_nomem(err, "rollouts") : T2_OK;
}

static void
on_end(void *arg, int request, const struct gen_result *how)
{
	struct run *run = arg;
	struct rollout *o = &run->out->v[request];

	if (run->st)
		return;
	o->end = how->end;
	run->st = finish(run->r, run->split, &run->live[request], how->end_id,
			 (double)how->end_logprob, o, run->out, run->err);
	if (!run->st && run->r->scored)
		run->r->scored(run->r->arg, request, o);
}

static enum t2_status
prompt_ids(struct roller *r, const char *split, int item, struct ids *ids, struct t2_err *err)
{
	int context = model_config(r->model)->context;
	enum t2_status st = task_prompt(r->task, split, item, r->chat, r->tok, ids, err);

	if (!st && (ids->n == 0 || ids->n >= context))
		st = t2_fail(
			err, T2_EMISMATCH,
			"task %s, %s item %d: its prompt has %d tokens, the model's context %d",
			task_name(r->task), split, item, ids->n, context);
	return st;
}

enum t2_status
roller_check_items(struct roller *r, const char *split, const int *item, int count,
		   struct t2_err *err)
{
	enum t2_status st = T2_OK;

	for (int i = 0; i < count && !st; i++) {
		struct ids ids = {0};

		st = prompt_ids(r, split, item ? item[i] : i, &ids, err);
		if (ids.n > r->longest)
			r->longest = ids.n;
		ids_free(&ids);
	}
	return st;
}

enum t2_status
roller_check(struct roller *r, const char *split, int count, struct t2_err *err)
{
	int items = task_items(r->task, split, err);

	if (items < 0)
		return T2_ENOTFOUND;
	return roller_check_items(r, split, NULL, count && count < items ? count : items, err);
}

int
roller_longest(const struct roller *r)
{
	return r->longest;
}

/* Token ids of every request's prompt; equal items share one copy, so that generate() sees they are the same. */
static enum t2_status
prompts(struct roller *r, const char *split, const struct rollout_request *req, int count,
	int max_new, struct gen_request *g, struct rollouts *out, struct t2_err *err)
{
	for (int i = 0; i < count; i++) {
		struct ids ids = {0};
		enum t2_status st;

		g[i] = (struct gen_request){.max_new = max_new,
					    .slot = req[i].slot,
					    .sampling = req[i].sampling,
					    .stream = req[i].stream,
					    .ended = on_end};
		if (i && req[i].item == req[i - 1].item) {
			g[i].ids = g[i - 1].ids;
			g[i].n = g[i - 1].n;
			continue;
		}
		st = prompt_ids(r, split, req[i].item, &ids, err);
		if (!st) {
			g[i].ids = arena_memdup(&out->arena, ids.v, (size_t)ids.n * sizeof *ids.v);
			g[i].n = ids.n;
		}
		ids_free(&ids);
		if (st)
			return st;
		if (out->arena.failed)
			return t2_nomem(err, "rollouts");
	}
	return T2_OK;
}

enum t2_status
roller_run(struct roller *r, const struct linear *op, const char *split,
	   const struct rollout_request *req, int count, int max_new, uint64_t seed,
	   struct rollouts *out, struct job *job, struct t2_err *err)
{
	struct gen_request *g = calloc((size_t)count + 1, sizeof *g);
	struct run run = {.r = r, .split = split, .out = out, .err = err};
	enum t2_status st = T2_OK;

	memset(out, 0, sizeof *out);
	run.live = calloc((size_t)count + 1, sizeof *run.live);
	out->v = calloc((size_t)count + 1, sizeof *out->v);
	if (!g || !run.live || !out->v) {
		st = t2_nomem(err, "rollouts");
		goto out;
	}
	out->n = count;
	st = prompts(r, split, req, count, max_new > 0 ? max_new : task_max_tokens(r->task), g, out,
		     err);
	for (int i = 0; i < count && !st; i++) {
		run.live[i].cut = (size_t)-1;
		out->v[i].item = req[i].item;
		out->v[i].prompt = g[i].ids;
		out->v[i].nprompt = g[i].n;
		st = tok_stream_new(&run.live[i].stream, r->tok, err);
	}
	if (st)
		goto out;
	st = generate(r->gen, op, g, count, seed, on_token, &run, NULL, job, err);
	if (run.st)
		st = run.st;
out:
	for (int i = 0; run.live && i < count; i++)
		live_free(&run.live[i]);
	free(run.live);
	free(g);
	if (st)
		rollouts_free(out);
	return st;
}

void
rollouts_free(struct rollouts *l)
{
	free(l->v);
	arena_free(&l->arena);
	memset(l, 0, sizeof *l);
}
