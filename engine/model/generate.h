/* generate.h - many continuations at once, each with its own cache, prompt, scale vector and random stream.
 *
 *	struct gen_request r = { .ids = ids, .n = n, .max_new = 64, .slot = 0, .sampling = {0}, .stream = i };
 *	generate(g, op, &r, 1, seed, on_token, arg, job, err);
 *
 * A finished sequence leaves and the next one takes its place: nothing waits for the longest.  Prompts of one slot that begin
 * with the same tokens (samples of one prompt, items under one template) have that beginning computed and held once,
 * while one of them is in flight or its place is not taken: so requests of one slot belong one after another.  Results do
 * not depend on how many run at once, nor on what is shared, beyond float32 rounding: products of few rows and of many sum
 * in other orders. */
#ifndef T2_GENERATE_H
#define T2_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/job.h"
#include "engine/base/pool.h"
#include "engine/model/forward.h"
#include "engine/model/sampler.h"

enum gen_end { GEN_EOS, GEN_LENGTH, GEN_STOP, GEN_CONTEXT };

struct gen_result {
	enum gen_end end; /* GEN_CONTEXT: prompt and answer together filled the model's context */
	int end_id; /* GEN_EOS: which end token it was, and its log-probability (training needs both) */
	float end_logprob;
};

/* Called when a request has come to its end, in the calling thread; arg is that of gen_token_fn. */
typedef void gen_ended_fn(void *arg, int request, const struct gen_result *how);

struct gen_request {
	const int *ids; /* prompt, at least one token */
	int n, max_new, slot;
	struct sampling sampling;
	uint64_t stream; /* random stream: rng_seed(seed, stream, 0) */
	const int *
		extra_eos; /* end tokens besides the model's own; NULL where extra_eos_count is 0 */
	int extra_eos_count;
	gen_ended_fn *ended; /* NULL: the results at the end are enough */
};

/* Called for every new token that is not an end token, in the calling thread. Returns true to end that sequence
 * (a stop string was seen).  text position and stop handling are the caller's.  Tokens of different requests come
 * interleaved; generate() itself must not be called from here with the same generator. */
typedef bool gen_token_fn(void *arg, int request, int id, float logprob);

struct generator;

/* width: sequences in flight at most (0: 32); fewer where the pool's memory has no room for so many. */
enum t2_status generator_new(struct generator **out, const struct model *m, struct pool *pool,
			     int width, struct t2_err *err);
void generator_free(struct generator *g);
/* What so many sequences in flight take, each of so many positions; one is the least. */
size_t generator_bytes(const struct model *m, const struct pool *pool, int positions, int width);
/* result[count] may be NULL: how each one ended.  job is only asked whether it was cancelled, before every step; its
 * progress is the caller's.  After a failure the generator is ready for another call. */
enum t2_status generate(struct generator *g, const struct linear *op, const struct gen_request *req,
			int count, uint64_t seed, gen_token_fn *on_token, void *arg,
			struct gen_result *result, struct job *job, struct t2_err *err);

#endif
