#include "tui/asking.h"

#include <stdlib.h>
#include <string.h>

#include "store/decisions.h"

/* Labels are known only while the dispatcher lives: their scores are noted as the decision comes. */
struct relay {
	struct asking *k;
	const struct answer_events *ev;
};

static void
decided(void *arg, const struct dispatch *d, const struct dispatch_result *r)
{
	struct relay *y = arg;

	for (int i = 0; i < r->labels; i++)
		json_object_set_new(y->k->scores, dispatch_label(d, i), json_real(r->scores[i]));
	if (y->ev && y->ev->decided)
		y->ev->decided(y->ev->arg, d, r);
}

static void
text(void *arg, const char *s, size_t len, float logprob)
{
	struct relay *y = arg;

	if (y->ev && y->ev->text)
		y->ev->text(y->ev->arg, s, len, logprob);
}

static void
keep(struct asking *k, struct workspace *ws, const char *prompt)
{
	char *scores = json_dumps(k->scores, JSON_COMPACT),
	     *mixture = json_dumps(k->mixture, JSON_COMPACT);
	struct decision_row row = {.model = ws->model_id,
				   .strategy = k->strategy.name,
				   .prompt = (char *)prompt,
				   .pass1_text = k->answer.pass1.text,
				   .decision = k->decision,
				   .pass2_text = k->answer.text,
				   .scores = scores,
				   .mixture = mixture,
				   .pass1_ms = k->answer.pass1.ms,
				   .pass2_ms = k->answer.ms,
				   .tokens = k->answer.tokens};

	if (!scores || !mixture)
		t2_nomem(&k->lost, "keep decision");
	else if (ws->model_id < 0)
		k->lost = ws->lost;
	else if (store_decision_add(ws->store, &row, &k->id, &k->lost))
		k->id = 0;
	free(scores);
	free(mixture);
}

enum t2_status
asking_run(struct asking *k, struct workspace *ws, const char *prompt,
	   const struct asking_options *o, const struct answer_events *ev, struct job *job,
	   struct t2_err *err)
{
	struct relay relay = {.k = k, .ev = ev};
	struct answer_events mine = {.arg = &relay, .decided = decided, .text = text};
	struct adapt_env env = {.model = ws->model,
				.factors = ws->factors,
				.pool = ws->pool,
				.tok = ws->tok,
				.chat = ws->chat};
	struct answer_request q;
	enum t2_status st;

	memset(k, 0, sizeof *k);
	if ((st = strategy_open(&k->strategy, ws, o->strategy, o->experts, o->task, o->transfer,
				err)))
		return st;
	k->scores = json_object();
	q = (struct answer_request){.prompt = prompt,
				    .strategy = k->strategy.kind,
				    .fixed = k->strategy.fixed,
				    .dispatch = k->strategy.dispatch,
				    .classifier = k->strategy.classifier,
				    .cand = k->strategy.cand,
				    .ncand = k->strategy.ncand,
				    .max_new = o->max_new,
				    .sampling = {.temp = o->temp},
				    .seed = o->seed,
				    .form = o->form,
				    .compare_base = o->compare_base};
	if ((st = answer_run(&env, &q, &mine, &k->answer, job, err)))
		goto fail;
	k->mixture = strategy_mixture(&k->strategy, k->answer.decision);
	k->decision = strdup(k->answer.pass1.label ? k->answer.pass1.label : k->strategy.name);
	if (k->answer.tokens > 1 && k->answer.ms > k->answer.first_ms)
		k->tokens_per_s =
			(k->answer.tokens - 1) / (k->answer.ms - k->answer.first_ms) * 1000;
	if (k->decision) {
		keep(k, ws, prompt);
		return T2_OK;
	}
	st = t2_nomem(err, "decision");
fail:
	asking_free(k);
	return st;
}

void
asking_free(struct asking *k)
{
	answer_free(&k->answer);
	strategy_close(&k->strategy);
	json_decref(k->scores);
	json_decref(k->mixture);
	free(k->decision);
	memset(k, 0, sizeof *k);
}
