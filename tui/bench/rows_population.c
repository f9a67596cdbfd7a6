/* Rows of the few-shot search by the numbers alone: so many members, each under its own mixture, ten shots of 64 tokens that
 * are answered with 32.  No task and no tokenizer, so that models of any shape can be held against each other. */
#include <stdlib.h>
#include <string.h>

#include "engine/svf/adaptation.h"
#include "tui/bench/count.h"
#include "tui/bench/decoder.h"
#include "tui/bench/rows.h"

struct population {
	struct bench *b;
	struct decoder d; /* members x side sequences, one after another */
	struct adaptation *a;
	struct zset *expert[2], *mix;
	int members, side; /* side: shots that fit beside each other */
	int shots;	   /* that are measured, of POPULATION_SHOTS */
	double flop;	   /* of all POPULATION_SHOTS */
};

static enum t2_status
mix_members(struct population *w, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	for (int i = 0; i < w->members && !st; i++) {
		double alpha[2] = {(i + 1.0) / (w->members + 1), 0};

		alpha[1] = 1 - alpha[0];
		st = zset_mix(w->mix, (const struct zset *const *)w->expert, alpha, 2, false, true,
			      err);
		if (!st)
			st = adaptation_set(w->a, i, w->mix, err);
	}
	return st;
}

static enum t2_status
population_once(void *arg, double *value, struct t2_err *err)
{
	struct population *w = arg;
	double start = clock_seconds();
	enum t2_status st = mix_members(w, err);

	for (int i = 0; i < w->shots && !st; i += w->side) {
		st = decoder_prompt(&w->d, adaptation_op(w->a), err);
		if (!st)
			st = decoder_steps(&w->d, adaptation_op(w->a), POPULATION_ANSWER - 1, err);
	}
	*value = w->flop / (clock_seconds() - start) * w->shots / POPULATION_SHOTS * 1e-9;
	return st;
}

static enum t2_status
population_open(struct population *w, struct t2_err *err)
{
	struct workspace *ws = w->b->ws;
	enum t2_status st = bench_factors(w->b, err);

	for (int k = 0; k < 2 && !st; k++)
		st = bench_expert(&w->expert[k], ws->model, k, err);
	if (!st)
		st = zset_new(&w->mix, ws->model, err);
	if (!st)
		st = adaptation_new(&w->a, ws->model, ws->factors, ws->pool, w->members, FORM_AUTO,
				    err);
	if (!st)
		st = decoder_open(&w->d, ws->model, ws->pool, w->members * w->side,
				  POPULATION_PROMPT, POPULATION_PROMPT + POPULATION_ANSWER, err);
	w->d.slots = w->members;
	return st;
}

enum t2_status
row_population(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	const struct config *c = model_config(b->ws->model);
	struct population w = {.b = b, .members = atoi(strchr(r->row->name, '-') + 1)};
	enum t2_status st;

	if (c->context < POPULATION_PROMPT + POPULATION_ANSWER)
		return t2_fail(err, T2_EUNSUP, "%s: a context of %d tokens is too short",
			       r->row->name, c->context);
	w.shots = b->shape ? 1 : POPULATION_SHOTS;
	w.side = w.shots;
	while (w.members * w.side > DECODER_MOST || w.shots % w.side)
		w.side--;
	w.flop = count_population(c, w.members);
	r->work = w.flop * 1e-9;
	st = population_open(&w, err);
	if (!st)
		st = bench_repeat(b, r, false, population_once, &w, err);
	if (!st)
		bench_detail(r, "%d members x %d shots of %d + %d tokens, %.3g s%s", w.members,
			     POPULATION_SHOTS, POPULATION_PROMPT, POPULATION_ANSWER,
			     w.flop * 1e-9 / r->value,
			     b->shape ? " (one of the shots, times 10)" : "");
	decoder_close(&w.d);
	adaptation_free(w.a);
	zset_free(w.mix);
	for (int k = 0; k < 2; k++)
		zset_free(w.expert[k]);
	return st;
}
