/* Rows that generate: one sequence is bound by reading weights, many by multiplying. */
#include <stdlib.h>
#include <string.h>

#include "engine/model/generate.h"
#include "engine/svf/adaptation.h"
#include "tui/bench/copy.h"
#include "tui/bench/count.h"
#include "tui/bench/rows.h"
#include "tui/bench/decoder.h"

#define SECONDS 0.4 /* one measurement */

enum {
	BATCH = 32,
	PROMPT = 16,
	ROOM = 256,
	PREFILL = 512,
	RUN = 4
}; /* RUN: tokens of a short run, at most as many as decoder_calibrate() gives */

struct decode {
	struct decoder d;
	const struct linear *op;
	int steps;
	double each; /* bytes, or FLOP * 1e-9, a step of all sequences */
};

/* The best of short runs, as the limit's probe takes it: what else ran for a moment slows both or neither. */
static enum t2_status
decode_once(void *arg, double *value, struct t2_err *err)
{
	struct decode *w = arg;
	double best = 0;
	enum t2_status st = T2_OK;

	decoder_rewind(&w->d);
	for (int i = 0; i + RUN <= w->steps && !st; i += RUN) {
		double start = clock_seconds(), rate;

		st = decoder_steps(&w->d, w->op, RUN, err);
		rate = w->each * RUN / (clock_seconds() - start) * 1e-9;
		best = rate > best ? rate : best;
	}
	*value = best;
	return st;
}

static int
context(const struct model *m, int want)
{
	int most = model_config(m)->context;

	return want < most ? want : most;
}

/* count sequences under op; each: what one step of all of them comes to. */
static enum t2_status
decode(struct bench *b, struct bench_result *r, const struct model *m, const struct linear *op,
       int count, double each, struct t2_err *err)
{
	struct decode w = {.op = op, .each = each};
	int room = context(m, ROOM), prompt = room > 2 * PROMPT ? PROMPT : 1;
	enum t2_status st = bench_take(b, r, generator_bytes(m, b->ws->pool, room, count), 0, err);

	r->work = each * 1e-9;
	if (!st)
		st = decoder_open(&w.d, m, b->ws->pool, count, prompt, room, err);
	if (!st)
		st = decoder_prompt(&w.d, op, err);
	if (!st)
		st = decoder_calibrate(&w.d, op, SECONDS, &w.steps, err);
	if (!st)
		st = bench_repeat(b, r, false, decode_once, &w, err);
	if (!st)
		bench_detail(r, "%.1f tokens/s, best of runs of %d in %d %s after %d",
			     r->value * 1e9 / each * count, RUN, w.steps,
			     count > 1 ? "tokens a sequence" : "tokens", prompt);
	decoder_close(&w.d);
	return st;
}

static enum t2_status
decode_base(struct bench *b, struct bench_result *r, const struct model *m, struct t2_err *err)
{
	struct base_linear *base;
	double bytes = bench_weight_bytes(m);
	enum t2_status st = base_linear_new(&base, m, b->ws->pool, err);

	if (!st)
		st = decode(b, r, m, base_linear_op(base), 1, bytes, err);
	base_linear_free(base);
	bench_cached(r, bytes);
	return st;
}

static bool
stored_as(const struct model *m, enum dtype t)
{
	for (int i = 0; i < model_matrices(m); i++)
		if (model_matrix(m, i)->type != t)
			return false;
	return true;
}

static enum t2_status
decode_copy(struct bench *b, struct bench_result *r, enum dtype t, struct t2_err *err)
{
	struct memmodel *c = NULL;
	enum t2_status st;

	if (stored_as(b->ws->model, t) && model_head(b->ws->model)->type == t)
		return decode_base(b, r, b->ws->model, err);
	st = bench_take(b, r, memmodel_bytes(model_config(b->ws->model), t),
			generator_bytes(b->ws->model, b->ws->pool, ROOM, 1), err);
	if (!st)
		st = copy_new(&c, b->ws->model, t, b->ws->pool, err);
	if (!st) {
		bench_detail(r, "a copy in memory");
		st = decode_base(b, r, memmodel_model(c), err);
	}
	memmodel_free(c);
	return st;
}

enum t2_status
row_decode_bf16(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	return decode_copy(b, r, T2_BF16, err);
}

enum t2_status
row_decode_q8_0(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	return decode_copy(b, r, T2_Q8_0, err);
}

enum t2_status
row_decode_q4_1(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	const struct model *m = b->ws->model;

	if (!stored_as(m, T2_Q4_1))
		return t2_fail(
			err, T2_EUNSUP,
			"decode-q4_1: %s is not stored as Q4_1: measure it on a GGUF that is",
			model_name(m));
	bench_detail(r, "output matrix %s", dtype_name(model_head(m)->type));
	return decode_base(b, r, m, err);
}

/* One adaptation with as many slots, each under an expert of its own. */
static enum t2_status
experts_open(struct bench *b, const struct bench_result *r, int slots, enum form form,
	     struct adaptation **out, struct t2_err *err)
{
	const struct model *m = b->ws->model;
	enum t2_status st = bench_factors(b, r, err);

	*out = NULL;
	if (!st)
		st = bench_take(b, r, 0,
				adaptation_bytes(m, slots) +
					generator_bytes(m, b->ws->pool, context(m, ROOM), slots),
				err);
	if (!st)
		st = adaptation_new(out, m, b->ws->factors, b->ws->pool, slots, form, err);
	for (int i = 0; i < slots && !st; i++) {
		struct zset *z;

		st = bench_expert(&z, m, i, err);
		if (!st)
			st = adaptation_set(*out, i, z, err);
		zset_free(z);
	}
	return st;
}

enum t2_status
row_decode_factored(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	const struct model *m = b->ws->model;
	const struct weight *head = model_head(m);
	struct adaptation *a;
	double bytes = count_factors(model_config(m)) * sizeof(float) +
		       (double)dtype_row_bytes(head->type, (size_t)head->n) * head->m;
	enum t2_status st = experts_open(b, r, 1, FORM_FACTORED, &a, err);

	if (!st)
		st = decode(b, r, m, adaptation_op(a), 1, bytes, err);
	adaptation_free(a);
	bench_cached(r, bytes);
	return st;
}

enum t2_status
row_decode_batched(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	const struct model *m = b->ws->model;
	const struct config *c = model_config(m);
	struct adaptation *a;
	enum t2_status st = experts_open(b, r, BATCH, FORM_AUTO, &a, err);

	if (!st)
		st = decode(b, r, m, adaptation_op(a), BATCH,
			    2 * (count_adapted(c) + count_head(c)) * BATCH, err);
	adaptation_free(a);
	return st;
}

/* So many sequences as the row's name says, under the base weights. */
enum t2_status
row_batch(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	const struct model *m = b->ws->model;
	const struct config *c = model_config(m);
	int count = atoi(strchr(r->row->name, '-') + 1);
	struct base_linear *base;
	enum t2_status st = base_linear_new(&base, m, b->ws->pool, err);

	if (!st)
		st = decode(b, r, m, base_linear_op(base), count,
			    2 * (count_adapted(c) + count_head(c)) * count, err);
	base_linear_free(base);
	return st;
}

struct prefill {
	struct decoder d;
	const struct linear *op;
	double flop;
};

static enum t2_status
prefill_once(void *arg, double *value, struct t2_err *err)
{
	struct prefill *w = arg;
	double start = clock_seconds();
	enum t2_status st = decoder_prompt(&w->d, w->op, err);

	*value = w->flop / (clock_seconds() - start) * 1e-9;
	return st;
}

enum t2_status
row_prefill(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	const struct model *m = b->ws->model;
	const struct config *c = model_config(m);
	struct prefill w = {0};
	struct base_linear *base;
	double ignored;
	int tokens = context(m, PREFILL);
	enum t2_status st = base_linear_new(&base, m, b->ws->pool, err);

	w.flop = 2 * (count_adapted(c) * tokens + count_head(c)); /* the last position's logits */
	r->work = w.flop * 1e-9;
	if (!st)
		st = bench_take(b, r, generator_bytes(m, b->ws->pool, tokens, 1), 0, err);
	if (!st) {
		w.op = base_linear_op(base);
		st = decoder_open(&w.d, m, b->ws->pool, 1, tokens, tokens, err);
	}
	if (!st)
		st = prefill_once(&w, &ignored, err);
	if (!st)
		st = bench_repeat(b, r, false, prefill_once, &w, err);
	if (!st)
		bench_detail(r, "%d tokens, %.0f tokens/s, base weights %s", tokens,
			     r->value * 1e9 / w.flop * tokens,
			     dtype_name(model_matrix(m, 0)->type));
	decoder_close(&w.d);
	base_linear_free(base);
	return st;
}
