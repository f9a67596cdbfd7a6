#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/decisions.h"
#include "tui/asking.h"
#include "tui/cli.h"
#include "tui/shown.h"
#include "tui/verbs.h"
#include "tui/widgets/gauge.h"

static const struct opt opts[] = {
	{"--strategy", "S",
	 "none (or base), prompt, cls, few-shot, expert:NAME, mix:NAME (default: cls where the "
	 "model "
	 "has an expert trained on the task dispatch, else prompt)"},
	{"--experts", "A,B", "the experts pass 1 may choose from (default: all of the model's)"},
	{"--task", "T", "for few-shot: whose searched mixture"},
	{"--max-new", "N", "new tokens at most (default 128)"},
	{"--temp", "T", "sampling temperature (default 0: greedy)"},
	{"--form", "FORM", "base, dense, factored, delta or auto"},
	{"--transfer", NULL, "allow an expert of another model where shapes fit"},
	{0},
};

static void
show_decision(void *arg, const struct dispatch *d, const struct dispatch_result *r)
{
	struct cli *c = arg;
	int top = 0;

	if (c->json)
		return;
	printf("pass 1  %.1f ms  \"%s\"\n", r->ms, r->text);
	for (int i = 0; i < r->labels; i++) {
		int n = (int)(r->scores[i] * 30 + 0.5);

		printf("  %-10s %.3f %.*s\n", dispatch_label(d, i), r->scores[i], n,
		       "##############################");
	}
	for (int i = 1; i < r->labels; i++)
		if (r->scores[i] > r->scores[top])
			top = i;
	if (r->labels && strcmp(dispatch_label(d, top), r->label))
		printf("decision  %s (by the text; the bars, likelihoods only, favour %s)\n",
		       r->label, dispatch_label(d, top));
	else
		printf("decision  %s\n", r->label);
}

static void
show_text(void *arg, const char *s, size_t len, float logprob)
{
	struct cli *c = arg;

	(void)logprob;
	if (c->json)
		return;
	fwrite(s, 1, len, stdout);
	fflush(stdout);
}

static json_t *
pass1_json(const struct answer *a, const json_t *scores)
{
	json_t *text = cli_json_text(a->pass1.text, a->pass1.text ? strlen(a->pass1.text) : 0);

	return json_pack("{s:o,s:O,s:f,s:i}", "text", text, "scores", scores, "ms", a->pass1.ms,
			 "tokens", a->pass1.tokens);
}

static int
ask_run(struct cli *c)
{
	const char *given = cli_str(c, "--strategy"),
		   *spec = given ? shown_strategy_typed(given) : NULL;
	const char *form = cli_str(c, "--form"), *prompt;
	struct asking_options o = {.strategy = spec,
				   .experts = cli_str(c, "--experts"),
				   .task = cli_str(c, "--task"),
				   .transfer = cli_flag(c, "--transfer"),
				   .max_new = (int)cli_int(c, "--max-new", 1, 100000, 128),
				   .temp = (float)cli_real(c, "--temp", 0, 100, 0),
				   .seed = (uint64_t)c->seed};
	struct answer_events ev = {.arg = c, .decided = show_decision, .text = show_text};
	struct asking k;
	char *all = NULL;
	size_t len;
	int rc;

	if (c->bad)
		return 2;
	if (spec && !strategy_known(spec))
		return cli_usage(c, "--strategy %s: " STRATEGY_WORDS " is wanted", spec);
	if (form && !form_parse(form, &o.form))
		return cli_usage(c, "--form %s: base, dense, factored, delta or auto is wanted",
				 form);
	if (!cli_pos(c, 0, "MODEL"))
		return 2;
	prompt = c->npos > 1 && strcmp(c->pos[1], "-") ? c->pos[1] : NULL;
	if (!prompt) {
		if (cli_read_all("-", &all, &len, &c->err))
			return cli_fail(c);
		while (len && all[len - 1] == '\n')
			all[--len] = 0;
		prompt = all;
	}
	if (!prompt[strspn(prompt, " \t\r\n")]) {
		free(all);
		return cli_usage(c,
				 "the prompt is empty: give it after MODEL, or on standard input");
	}
	if ((rc = cli_open(c, 0,
			   WS_TEXT | WS_UNKEPT |
				   (strategy_needs_factors(spec) ? WS_FACTORS : WS_CACHED)))) {
		free(all);
		return rc;
	}
	if (asking_run(&k, &c->ws, prompt, &o, &ev, &c->job, &c->err)) {
		free(all);
		return cli_fail(c);
	}
	if (c->json) {
		cli_json(json_pack("{s:s,s:o,s:s,s:O,s:{s:o,s:i,s:f,s:f},s:o}", "strategy",
				   k.strategy.name, "pass1", pass1_json(&k.answer, k.scores),
				   "decision", k.decision, "mixture", k.mixture, "pass2", "text",
				   cli_json_text(k.answer.text, strlen(k.answer.text)), "tokens",
				   k.answer.tokens, "ms", k.answer.ms, "tokens_per_s",
				   k.tokens_per_s, "decision_id",
				   k.id ? json_integer((json_int_t)k.id) : json_null()));
	} else {
		char kept[60] = "not kept", rate[40] = "";

		if (gauge_rate_means(k.answer.tokens, k.tokens_per_s))
			snprintf(rate, sizeof rate, " at %.1f tokens/s", k.tokens_per_s);
		if (k.id)
			snprintf(kept, sizeof kept, "%lld kept", (long long)k.id);
		printf("\n");
		fflush(stdout); /* before what stderr says of it */
		if (k.strategy.kind == ANSWER_DISPATCH)
			cli_note(c,
				 "pass 1 %.1f ms (%.0f %% of the time), pass 2 %d tokens%s, "
				 "decision %s",
				 k.answer.pass1.ms,
				 100 * k.answer.pass1.ms / (k.answer.pass1.ms + k.answer.ms),
				 k.answer.tokens, rate, kept);
		else
			cli_note(c, "pass 2 %d tokens%s, decision %s", k.answer.tokens, rate, kept);
	}
	if (k.strategy.note[0])
		cli_note(c, "%s", k.strategy.note);
	cli_unkept(c, &k.lost);
	asking_free(&k);
	free(all);
	return 0;
}

const struct command cmd_ask = {
	"ask", "MODEL PROMPT", "a two-pass self-adaptive answer, kept as a decision",
	opts,  ask_run,	       2};
