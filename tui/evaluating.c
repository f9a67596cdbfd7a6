#include "tui/evaluating.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/evals.h"

/* Minutes of work are worth their figures even where the store cannot take them. */
static void
keep(struct evaluating *e, struct workspace *ws, const struct strategy *s,
     const struct evaluating_options *o)
{
	struct eval_row row = {.model = ws->model_id,
			       .task = e->task_name,
			       .split = (char *)o->split,
			       .strategy = (char *)o->strategy,
			       .temperature = (double)o->temp,
			       .seed = (int64_t)o->seed,
			       .n = e->result.n,
			       .correct = e->result.correct,
			       .seconds = e->result.seconds,
			       .tokens = e->result.tokens,
			       .setup_hash = e->setup_hash,
			       .task_hash = e->task_hash};
	struct eval_item *items = calloc((size_t)e->result.n + 1, sizeof *items);

	if (!items) {
		t2_nomem(&e->lost, "keep evaluation");
		return;
	}
	for (int i = 0; i < e->result.n; i++) {
		const struct rollout *r = &e->result.rollouts.v[i];

		items[i] = (struct eval_item){
			.item = r->item, .correct = r->correct, .answer = r->text};
		if (e->result.decision)
			items[i].decision = e->result.decision[i] >= 0
						    ? s->cand[e->result.decision[i]].expert
						    : "";
	}
	if (ws->model_id < 0)
		e->lost = ws->lost;
	else if (store_eval_add(ws->store, &row, items, e->result.n, &e->id, &e->lost))
		e->id = 0;
	free(items);
}

enum t2_status
evaluating_run(struct evaluating *e, struct workspace *ws, const char *task,
	       const struct evaluating_options *o, struct job *job, struct t2_err *err)
{
	struct adapt_env env = {.model = ws->model,
				.factors = ws->factors,
				.pool = ws->pool,
				.tok = ws->tok,
				.chat = ws->chat};
	struct evaluation_request q;
	struct strategy s = {0};
	struct task *t = NULL;
	enum t2_status st;

	memset(e, 0, sizeof *e);
	if ((st = workspace_task(task, &t, err)))
		return st;
	snprintf(e->task_name, sizeof e->task_name, "%s", task_name(t));
	if ((st = strategy_open(&s, ws, o->strategy, o->experts, e->task_name, o->transfer, err)))
		goto out;
	/* before the work: what the answers are made with is what is read now */
	if ((st = strategy_hash(&s, e->setup_hash, err)) ||
	    (st = task_hash(t, o->split, e->task_hash, err)))
		goto out;
	q = (struct evaluation_request){.split = o->split,
					.limit = o->limit,
					.sampling = {.temp = o->temp},
					.seed = o->seed,
					.form = o->form,
					.strategy = s.kind,
					.fixed = s.fixed,
					.dispatch = s.dispatch,
					.classifier = s.classifier,
					.cand = s.cand,
					.ncand = s.ncand,
					.scored = o->scored,
					.arg = o->arg};
	if ((st = evaluate(&env, t, &q, &e->result, job, err)))
		goto out;
	keep(e, ws, &s, o);
out:
	strategy_close(&s);
	task_free(t);
	return st;
}

void
evaluating_free(struct evaluating *e)
{
	evaluation_free(&e->result);
	memset(e, 0, sizeof *e);
}
