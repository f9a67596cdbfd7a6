#include "engine/model/generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/memory.h"
#include "engine/model/floats.h"

#define WIDTH_DEFAULT 32
#define WIDTH_MAX     4096

/* Prompt tokens a step takes in at most: bounds the pause of running sequences and the wait for a cancellation. */
#define PROMPT_STEP 512

/* Tokens: a shorter beginning that two prompts share is not worth waiting for. */
#define SHARE_LEAST 8

/* A sequence in flight.  After its end req and kv stay: the next prompts may begin as its own. */
struct seq {
	const struct gen_request *req; /* NULL: nothing is cached */
	struct kv *kv;
	struct rng rng;
	const int *feed; /* tokens that wait to be cached */
	int left, produced, row;
	int leader, share; /* waits for so many tokens of that sequence's cache; -1: for none */
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
	int now;  /* sequences in flight at most in this call: width, or what the memory allows */
	int told; /* least that it was reduced to; 0: never */
	size_t taken; /* of the memory */
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
	memory_give(pool_memory(g->pool), g->taken);
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

/* How many of the request's prompt tokens the sequence's cache holds, or is going to hold, under the same slot; 0: too few.
 * Never the last one: it is fed like any new token, since its logits are wanted. */
static int
shared(const struct seq *s, const struct gen_request *r)
{
	const struct gen_request *o = s->req;
	int n = 0, most = r->n - 1;

	if (!o || o->slot != r->slot)
		return 0;
	most = o->n < most ? o->n : most;
	if (!s->active && kv_len(s->kv) < most)
		most = kv_len(s->kv);
	if (o->ids == r->ids)
		n = most;
	while (n < most && o->ids[n] == r->ids[n])
		n++;
	return n >= SHARE_LEAST || n == r->n - 1 ? n : 0;
}

static void
finish(struct gen_call *c, int request, struct gen_result how)
{
	if (c->result)
		c->result[request] = how;
	if (c->req[request].ended)
		c->req[request].ended(c->arg, request, &how);
}

/* A free place for the request, best the one that holds most of its prompt already; -1: none. */
static int
place(const struct generator *g, const struct gen_request *r)
{
	int found = -1, most = -1;

	for (int i = 0; i < g->now; i++) {
		const struct seq *s = &g->seq[i];
		int worth = s->active ? -1 : 2 * shared(s, r) + !s->req;

		if (worth > most) {
			most = worth;
			found = i;
		}
	}
	return found;
}

/* Another sequence whose cache holds, or is going to hold, more of the request's prompt than held; -1: none.  One that
 * waits for a third must be worth the longer wait. */
static int
leader_of(const struct generator *g, const struct gen_request *r, int self, int held)
{
	int found = -1, most = 2 * held + 1;

	for (int i = 0; i < g->now; i++) {
		const struct seq *s = &g->seq[i];
		int n = i == self ? 0 : shared(s, r), worth;

		if (!n)
			continue;
		worth = 2 * n + (kv_len(s->kv) >= n);
		if (s->active && s->leader >= 0)
			worth -= 2 * SHARE_LEAST;
		if (worth > most) {
			most = worth;
			found = i;
		}
	}
	return found;
}

/* Once the leader holds what is shared, takes that over. */
static enum t2_status
follow(struct generator *g, struct seq *s, struct t2_err *err)
{
	enum t2_status st;

	if (s->leader < 0 || kv_len(g->seq[s->leader].kv) < s->share)
		return T2_OK;
	st = kv_copy(s->kv, g->seq[s->leader].kv, s->share, err);
	s->leader = -1;
	s->feed = s->req->ids + s->share;
	s->left = s->req->n - s->share;
	return st;
}

static enum t2_status
admit(struct gen_call *c, int i, const struct gen_request *r, struct t2_err *err)
{
	struct generator *g = c->g;
	struct seq *s = &g->seq[i];
	int held = shared(s, r);
	enum t2_status st;

	if (s->kv && kv_capacity(s->kv) < c->capacity) {
		kv_free(s->kv);
		s->kv = NULL;
	}
	s->req = NULL;
	if (!s->kv) {
		st = kv_new(&s->kv, g->model, c->capacity, err);
		if (st)
			return st;
		held = 0;
	}
	s->leader = leader_of(g, r, i, held);
	s->share = s->leader < 0 ? held : shared(&g->seq[s->leader], r);
	kv_truncate(s->kv, s->leader < 0 ? held : 0);
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
	for (int i = 0; i < g->now; i++) {
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
	for (int i = 0; !st && i < g->now; i++)
		if (g->seq[i].active)
			st = follow(g, &g->seq[i], err);
	if (st)
		return st;
	pool_run(g->pool, g->drawn, draw_task, g);
	return step_finish(c, err);
}

/* Beside the sequences, and each of them. */
static size_t
fixed_bytes(const struct model *m, const struct pool *pool, int positions)
{
	int threads = memory_threads(pool_threads(pool));

	return forward_bytes(m, threads, positions) +
	       (size_t)threads * 2 * (size_t)model_config(m)->vocab * sizeof(float);
}

static size_t
each_bytes(const struct model *m, int positions)
{
	return kv_bytes(m, positions) + (size_t)model_config(m)->vocab * sizeof(float);
}

size_t
generator_bytes(const struct model *m, const struct pool *pool, int positions, int width)
{
	return fixed_bytes(m, pool, positions) + (size_t)width * each_bytes(m, positions);
}

/* As many sequences at once as the memory has room for; what an earlier call took counts as room. */
static enum t2_status
width_fit(struct gen_call *c, struct t2_err *err)
{
	struct generator *g = c->g;
	struct memory *m = pool_memory(g->pool);
	size_t fixed = fixed_bytes(g->model, g->pool, c->capacity),
	       each = each_bytes(g->model, c->capacity), room, fit;
	int wanted = c->count < g->width ? c->count : g->width;

	g->now = g->width;
	if (!m || !c->count)
		return T2_OK;
	memory_give(m, g->taken);
	g->taken = 0;
	room = memory_room(m);
	fit = room > fixed ? (room - fixed) / each : 0;
	if (!fit)
		return memory_short(m, fixed + each, err, "one sequence");
	g->now = fit < (size_t)wanted ? (int)fit : wanted;
	if (g->now < wanted && (!g->told || g->now < g->told)) {
		g->told = g->now;
		memory_tell(m, "%d sequence%s at once, not %d", g->now, g->now == 1 ? "" : "s",
			    wanted);
	}
	g->taken = fixed + (size_t)g->now * each;
	memory_take(m, g->taken);
	for (int i = 0; i < g->width; i++)
		if (g->seq[i].kv && (i >= g->now || kv_capacity(g->seq[i].kv) > c->capacity)) {
			kv_free(g->seq[i].kv);
			g->seq[i].kv = NULL;
		}
	floats_free(&g->logits);
	return T2_OK;
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
		st = width_fit(&c, err);
	if (!st)
		st = floats_reserve(&g->logits, (size_t)g->now * vocab, err);
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
