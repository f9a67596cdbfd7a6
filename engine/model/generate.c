#include "engine/model/generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/floats.h"

#define WIDTH_DEFAULT 32
#define WIDTH_MAX     4096

/* Prompt tokens a step takes in at most: bounds the pause of running sequences and the wait for a cancellation. */
#define PROMPT_STEP 512

/* A sequence in flight.  After its end req and kv stay: the next request may have the same prompt. */
struct seq {
	const struct gen_request *req; /* NULL: nothing is cached */
	struct kv *kv;
	struct rng rng;
	const int *feed; /* tokens that wait to be cached */
	int left, produced, leader, row;
	int token;
	float logprob;
	bool active;
};

struct generator {
	const struct model *model;
	struct pool *pool;
	struct forward *forward;
	struct floats logits, scratch; /* [width][vocab], [workers][2 * vocab] */
	struct segment *seg;	       /* [width] */
	int *drawing;		       /* [width] sequences that get a token in this step */
	int width, drawn;
	struct seq seq[];
};

/* One generate(): what its parts share. */
struct gen_call {
	struct generator *g;
	const struct gen_request *req;
	int count, next, capacity;
	uint64_t seed;
	gen_token_fn *on_token;
	void *arg;
	struct gen_result *result;
};

enum t2_status
generator_new(struct generator **out, const struct model *m, struct pool *pool, int width,
	      struct t2_err *err)
{
	struct generator *g;
	enum t2_status st;

	*out = NULL;
	if (width < 0 || width > WIDTH_MAX)
		return t2_fail(err, T2_EINVAL, "generation: %d sequences at once: 1 .. %d", width,
			       WIDTH_MAX);
	if (!width)
		width = WIDTH_DEFAULT;
	g = calloc(1, sizeof *g + (size_t)width * sizeof g->seq[0]);
	if (!g)
		return t2_nomem(err, "generation");
	g->model = m;
	g->pool = pool;
	g->width = width;
	g->seg = malloc((size_t)width * sizeof *g->seg);
	g->drawing = malloc((size_t)width * sizeof *g->drawing);
	if (!g->seg || !g->drawing)
		st = t2_nomem(err, "generation");
	else
		st = forward_new(&g->forward, m, pool, err);
	if (st) {
		generator_free(g);
		return st;
	}
	*out = g;
	return T2_OK;
}

void
generator_free(struct generator *g)
{
	if (!g)
		return;
	for (int i = 0; i < g->width; i++)
		kv_free(g->seq[i].kv);
	forward_free(g->forward);
	floats_free(&g->logits);
	floats_free(&g->scratch);
	free(g->seg);
	free(g->drawing);
	free(g);
}

static enum t2_status
requests_check(struct gen_call *c, struct t2_err *err)
{
	const struct config *cfg = model_config(c->g->model);

	c->capacity = 1;
	for (int i = 0; i < c->count; i++) {
		const struct gen_request *r = &c->req[i];
		int need;

		if (r->n < 1)
			return t2_fail(err, T2_EINVAL,
				       "generation: request %d: a prompt needs at least one token",
				       i);
		if (r->slot < 0)
			return t2_fail(err, T2_EINVAL, "generation: request %d: slot %d", i,
				       r->slot);
		if (!(r->sampling.temp >= 0) || isinf(r->sampling.temp) || r->sampling.top_k < 0 ||
		    !(r->sampling.top_p >= 0 && r->sampling.top_p <= 1))
			return t2_fail(
				err, T2_EINVAL,
				"generation: request %d: temperature, top-k and top-p: %g, %d, %g",
				i, (double)r->sampling.temp, r->sampling.top_k,
				(double)r->sampling.top_p);
		for (int t = 0; t < r->n; t++)
			if (r->ids[t] < 0 || r->ids[t] >= cfg->vocab)
				return t2_fail(err, T2_EINVAL,
					       "generation: request %d: token id %d: the "
					       "vocabulary has 0 .. %d",
					       i, r->ids[t], cfg->vocab - 1);
		need = r->n < cfg->context && r->max_new < cfg->context - r->n ? r->n + r->max_new
									       : cfg->context;
		if (need > c->capacity)
			c->capacity = need;
	}
	return T2_OK;
}

static bool
same_prompt(const struct gen_request *a, const struct gen_request *b)
{
	return a->n == b->n && a->slot == b->slot &&
	       (a->ids == b->ids || !memcmp(a->ids, b->ids, (size_t)a->n * sizeof *a->ids));
}

static void
finish(struct gen_call *c, int request, struct gen_result how)
{
	if (c->result)
		c->result[request] = how;
	if (c->req[request].ended)
		c->req[request].ended(c->arg, request, &how);
}

/* A free place for the request, best the one that holds its prompt already; -1: none. */
static int
place(const struct generator *g, const struct gen_request *r)
{
	int found = -1;

	for (int i = 0; i < g->width; i++) {
		const struct seq *s = &g->seq[i];

		if (s->active)
			continue;
		if (s->req && same_prompt(s->req, r) && kv_len(s->kv) >= r->n - 1)
			return i;
		if (found < 0)
			found = i;
	}
	return found;
}

/* Another sequence whose cache holds, or is going to hold, the request's prompt; -1: none. */
static int
leader_of(const struct generator *g, const struct gen_request *r, int self)
{
	for (int i = 0; i < g->width; i++) {
		const struct seq *s = &g->seq[i];

		if (i != self && s->req && s->leader < 0 && same_prompt(s->req, r) &&
		    (s->active || kv_len(s->kv) >= r->n - 1))
			return i;
	}
	return -1;
}

/* Once the leader holds all of the prompt but its last token, copies that; the last token is then fed like any new one,
 * since its logits are wanted. */
static enum t2_status
follow(struct generator *g, struct seq *s, struct t2_err *err)
{
	int shared = s->req->n - 1;
	enum t2_status st;

	if (s->leader < 0 || kv_len(g->seq[s->leader].kv) < shared)
		return T2_OK;
	st = kv_copy(s->kv, g->seq[s->leader].kv, shared, err);
	s->leader = -1;
	s->feed = s->req->ids + shared;
	s->left = 1;
	return st;
}

static enum t2_status
admit(struct gen_call *c, int i, const struct gen_request *r, struct t2_err *err)
{
	struct generator *g = c->g;
	struct seq *s = &g->seq[i];
	bool held = s->req && same_prompt(s->req, r) && kv_len(s->kv) >= r->n - 1;
	enum t2_status st;

	s->req = NULL;
	if (s->kv && kv_capacity(s->kv) < c->capacity) {
		kv_free(s->kv);
		s->kv = NULL;
		held = false;
	}
	if (!s->kv) {
		st = kv_new(&s->kv, g->model, c->capacity, err);
		if (st)
			return st;
	}
	s->leader = held ? -1 : leader_of(g, r, i);
	kv_truncate(s->kv, held ? r->n - 1 : 0);
	s->req = r;
	s->feed = r->ids + kv_len(s->kv);
	s->left = r->n - kv_len(s->kv);
	s->produced = 0;
	s->active = true;
	rng_seed(&s->rng, c->seed, r->stream, 0);
	return follow(g, s, err);
}

/* Fills the free places with the next requests. */
static enum t2_status
admit_all(struct gen_call *c, struct t2_err *err)
{
	int context = model_config(c->g->model)->context;

	while (c->next < c->count) {
		const struct gen_request *r = &c->req[c->next];
		int i;

		if (r->max_new < 1 || r->n >= context) {
			finish(c, c->next++,
			       (struct gen_result){.end = r->max_new < 1 ? GEN_LENGTH
									 : GEN_CONTEXT});
			continue;
		}
		i = place(c->g, r);
		if (i < 0)
			return T2_OK;
		c->next++;
		enum t2_status st = admit(c, i, r, err);
		if (st)
			return st;
	}
	return T2_OK;
}

/* One token for every running sequence and a share of the waiting prompts, in one pass. Returns how many segments. */
static int
step_make(struct generator *g)
{
	int count = 0, budget = PROMPT_STEP;

	g->drawn = 0;
	for (int i = 0; i < g->width; i++) {
		struct seq *s = &g->seq[i];
		int n = s->left;

		if (!s->active || s->leader >= 0)
			continue;
		if (!s->produced && n > 1) {
			n = n < budget ? n : budget;
			budget -= n;
			if (!n)
				continue;
		}
		g->seg[count++] = (struct segment){.kv = s->kv,
						   .ids = s->feed,
						   .n = n,
						   .slot = s->req->slot,
						   .want = n == s->left ? WANT_LAST : WANT_NONE};
		s->feed += n;
		s->left -= n;
		if (!s->left) {
			s->row = g->drawn;
			g->drawing[g->drawn++] = i;
		}
	}
	return count;
}

static void
draw_task(void *arg, int task, int worker)
{
	struct generator *g = arg;
	struct seq *s = &g->seq[g->drawing[task]];
	size_t vocab = (size_t)model_config(g->model)->vocab;

	s->token = sampler_pick(g->logits.v + (size_t)s->row * vocab, (int)vocab, &s->req->sampling,
				&s->rng, g->scratch.v + (size_t)worker * 2 * vocab, &s->logprob);
}

static bool
is_end(const struct config *cfg, const struct gen_request *r, int token)
{
	for (int i = 0; i < cfg->eos_count; i++)
		if (token == cfg->eos[i])
			return true;
	for (int i = 0; i < r->extra_eos_count; i++)
		if (token == r->extra_eos[i])
			return true;
	return false;
}

/* Hands the drawn tokens out and ends what has come to its end. */
static enum t2_status
step_finish(struct gen_call *c, struct t2_err *err)
{
	struct generator *g = c->g;
	const struct config *cfg = model_config(g->model);

	for (int d = 0; d < g->drawn; d++) {
		struct seq *s = &g->seq[g->drawing[d]];
		const struct gen_request *r = s->req;
		int request = (int)(r - c->req);
		struct gen_result how = {0};

		if (!isfinite(s->logprob))
			return t2_fail(
				err, T2_ENUM,
				"generation: request %d: the logits are not finite after %d tokens",
				request, kv_len(s->kv));
		s->active = false;
		if (is_end(cfg, r, s->token))
			how = (struct gen_result){GEN_EOS, s->token, s->logprob};
		else {
			s->produced++;
			if (c->on_token && c->on_token(c->arg, request, s->token, s->logprob))
				how.end = GEN_STOP;
			else if (s->produced >= r->max_new)
				how.end = GEN_LENGTH;
			else if (kv_len(s->kv) + 1 >= cfg->context)
				how.end = GEN_CONTEXT;
			else {
				s->active = true;
				s->feed = &s->token;
				s->left = 1;
				continue;
			}
		}
		finish(c, request, how);
	}
	return T2_OK;
}

static enum t2_status
step(struct gen_call *c, const struct linear *op, bool *busy, struct t2_err *err)
{
	struct generator *g = c->g;
	enum t2_status st = admit_all(c, err);
	int segments;

	if (st)
		return st;
	segments = step_make(g);
	*busy = segments > 0;
	if (!segments)
		return T2_OK;
	st = forward_run(g->forward, op, g->seg, segments, g->logits.v, err);
	for (int i = 0; !st && i < g->width; i++)
		if (g->seq[i].active)
			st = follow(g, &g->seq[i], err);
	if (st)
		return st;
	pool_run(g->pool, g->drawn, draw_task, g);
	return step_finish(c, err);
}

enum t2_status
generate(struct generator *g, const struct linear *op, const struct gen_request *req, int count,
	 uint64_t seed, gen_token_fn *on_token, void *arg, struct gen_result *result,
	 struct job *job, struct t2_err *err)
{
	struct gen_call c = {.g = g,
			     .req = req,
			     .count = count,
			     .seed = seed,
			     .on_token = on_token,
			     .arg = arg,
			     .result = result};
	size_t vocab = (size_t)model_config(g->model)->vocab;
	enum t2_status st = requests_check(&c, err);
	bool busy = true;

	if (!st)
		st = floats_reserve(&g->logits, (size_t)g->width * vocab, err);
	if (!st)
		st = floats_reserve(&g->scratch, (size_t)pool_threads(g->pool) * 2 * vocab, err);
	while (!st && busy)
		st = job_cancelled(job) ? t2_fail(err, T2_ECANCEL, "generation cancelled")
					: step(&c, op, &busy, err);
	for (int i = 0; i < g->width;
	     i++) { /* requests and weights are the caller's: nothing is remembered */
		g->seq[i].req = NULL;
		g->seq[i].active = false;
	}
	return st;
}
