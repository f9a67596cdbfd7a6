/* Rows of the few-shot search by the numbers alone: so many members, each under its own mixture, ten shots of 64 tokens that
 * are answered with 32; as search.c orders them, but each shot's prompt is all its own.  No task and no tokenizer, so that models of any shape can be held against each other. */
#include <stdlib.h>
#include <string.h>

#include "engine/model/generate.h"
#include "engine/svf/adaptation.h"
#include "tui/bench/count.h"
#include "tui/bench/decoder.h"
#include "tui/bench/rows.h"
#include "tui/bench/searchwork.h"

struct population {
	struct bench *b;
	struct decoder d; /* width sequences: members one after another, each with its shots */
	struct adaptation *a;
	struct zset *expert[2], *mix;
	int members, width;
	int all, rounds; /* of width sequences: of the iteration, and those that are measured */
	double flop;	 /* of all, as base weights count it */
	struct searchwork whole, work; /* of all, and of those that are measured */
	double prompts[BENCH_MOST], answers[BENCH_MOST]; /* FLOP a second */
	int n;
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
	double start = clock_seconds(), prompts, answers = 0;
	enum t2_status st = mix_members(w, err);

	prompts = clock_seconds() - start;
	for (int i = 0; i < w->rounds && !st; i++) {
		double asked = clock_seconds(), answered;

		w->d.first = i * w->width;
		st = decoder_prompt(&w->d, adaptation_op(w->a), err);
		answered = clock_seconds();
		if (!st)
			st = decoder_steps(&w->d, adaptation_op(w->a), SEARCH_ANSWER - 1, err);
		prompts += answered - asked;
		answers += clock_seconds() - answered;
	}
	if (w->n < BENCH_MOST) {
		w->prompts[w->n] = w->work.prompts / prompts;
		w->answers[w->n++] = w->work.answers / answers;
	}
	*value = w->flop * 1e-9 /
		 (prompts * w->whole.prompts / w->work.prompts +
		  answers * w->whole.answers / w->work.answers);
	return st;
}

static enum t2_status
population_open(struct population *w, const struct bench_result *r, struct t2_err *err)
{
	struct workspace *ws = w->b->ws;
	enum t2_status st = bench_factors(w->b, r, err);

	if (!st) /* a mixture and its experts take no more than slots */
		st = bench_take(
			w->b, r,
			generator_bytes(ws->model, ws->pool, SEARCH_PROMPT + SEARCH_ANSWER,
					w->width),
			adaptation_bytes(ws->model, w->members + 3) + (size_t)w->whole.copies, err);
	for (int k = 0; k < 2 && !st; k++)
		st = bench_expert(&w->expert[k], ws->model, k, err);
	if (!st)
		st = zset_new(&w->mix, ws->model, err);
	if (!st)
		st = adaptation_new(&w->a, ws->model, ws->factors, ws->pool, w->members, FORM_AUTO,
				    err);
	if (!st)
		st = decoder_open(&w->d, ws->model, ws->pool, w->width, SEARCH_PROMPT,
				  SEARCH_PROMPT + SEARCH_ANSWER, err);
	w->d.group = SEARCH_SHOTS;
	return st;
}

static void
add_part(struct bench_result *r, const char *suffix, const double *rate, int n, double flop)
{
	r->part[r->parts++] =
		(struct bench_part){suffix, bench_median(rate, n) * 1e-9, flop * 1e-9};
}

enum t2_status
row_population(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	const struct config *c = model_config(b->ws->model);
	struct population w = {.b = b, .members = atoi(strchr(r->row->name, '-') + 1)};
	enum t2_status st;
	double copies;

	if (c->context < SEARCH_PROMPT + SEARCH_ANSWER)
		return t2_fail(err, T2_EUNSUP, "%s: a context of %d tokens is too short",
			       r->row->name, c->context);
	w.width = searchwork_width(w.members);
	w.all = w.members * SEARCH_SHOTS / w.width;
	w.rounds = b->shape ? 1 : w.all;
	copies = (double)adaptation_dense_bytes(b->ws->model, w.members);
	searchwork_count(&w.whole, c, w.width, w.all, copies);
	searchwork_count(&w.work, c, w.width, w.rounds, copies);
	w.flop = count_population(c, w.members);
	r->work = w.flop * 1e-9;
	st = population_open(&w, r, err);
	if (!st)
		st = bench_repeat(b, r, false, population_once, &w, err);
	if (!st) {
		bench_detail(r, "%d members x %d shots of %d + %d tokens, %.3g s", w.members,
			     SEARCH_SHOTS, SEARCH_PROMPT, SEARCH_ANSWER, w.flop * 1e-9 / r->value);
		if (w.rounds < w.all)
			bench_detail(r, "from the first %d of %d sequences", w.width,
				     w.width * w.all);
		add_part(r, "prompts", w.prompts, w.n, w.whole.prompts);
		add_part(r, "answers", w.answers, w.n, w.whole.answers);
	}
	decoder_close(&w.d);
	adaptation_free(w.a);
	zset_free(w.mix);
	for (int k = 0; k < 2; k++)
		zset_free(w.expert[k]);
	return st;
}
