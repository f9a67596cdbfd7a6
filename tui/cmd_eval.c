#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/adapt/evaluate.h"
#include "engine/adapt/wilson.h"
#include "store/evals.h"
#include "tui/cli.h"
#include "tui/evaluating.h"
#include "tui/shown.h"
#include "tui/verbs.h"

static const struct opt opts[] = {
	{"--task", "T", "a task's name or folder"},
	{"--split", "S", "which items (default test)"},
	{"--limit", "N", "the first N (default: all)"},
	{"--strategy", "S",
	 "none (or base; default), prompt, cls, few-shot, expert:NAME, mix:NAME"},
	{"--expert", "NAME", "the same as --strategy expert:NAME"},
	{"--mix", "NAME", "the same as --strategy mix:NAME"},
	{"--experts", "A,B", "the experts pass 1 may choose from"},
	{"--temp", "T", "sampling temperature (default 0: greedy)"},
	{"--transfer", NULL, "allow an expert of another model where shapes fit"},
	{"--form", "FORM", "base, dense, factored, delta or auto"},
	{0},
};

static int
eval_run(struct cli *c)
{
	const char *task = cli_str(c, "--task"), *given = cli_str(c, "--strategy"),
		   *form = cli_str(c, "--form");
	const char *spec = given ? shown_strategy_typed(given) : NULL;
	const char *expert = cli_str(c, "--expert"), *mix = cli_str(c, "--mix"),
		   *split = cli_str(c, "--split");
	struct evaluating_options o = {.split = split ? split : "test",
				       .limit = (int)cli_int(c, "--limit", 1, 1 << 30, 0),
				       .experts = cli_str(c, "--experts"),
				       .transfer = cli_flag(c, "--transfer"),
				       .temp = (float)cli_real(c, "--temp", 0, 100, 0),
				       .seed = (uint64_t)c->seed};
	struct evaluating e;
	char made[PATH_MAX + 16];
	double lo, hi;
	int rc;

	if (c->bad)
		return 2;
	if (!task)
		return cli_usage(c, "--task is missing");
	if ((spec != NULL) + (expert != NULL) + (mix != NULL) > 1)
		return cli_usage(c, "--strategy, --expert and --mix: one of the three");
	if (spec && !strategy_known(spec))
		return cli_usage(c, "--strategy %s: " STRATEGY_WORDS " is wanted", spec);
	if (form && !form_parse(form, &o.form))
		return cli_usage(c, "--form %s: base, dense, factored, delta or auto is wanted",
				 form);
	if (expert || mix)
		snprintf(made, sizeof made, "%s:%s", expert ? "expert" : "mix",
			 expert ? expert : mix);
	o.strategy = expert || mix ? made : spec ? spec : "none";
	if ((rc = cli_task(c, task)))
		return rc;
	if ((rc = cli_open(c, 0,
			   WS_TEXT | WS_UNKEPT |
				   (strategy_needs_factors(o.strategy) ? WS_FACTORS : WS_CACHED))))
		return rc;
	if (evaluating_run(&e, &c->ws, task, &o, &c->job, &c->err))
		return cli_fail(c);
	wilson95(e.result.correct, e.result.n, &lo, &hi);
	if (c->json) {
		json_t *j = json_pack("{s:s,s:s,s:s,s:i,s:i,s:f,s:[f,f],s:f,s:I,s:s,s:s}", "task",
				      e.task_name, "split", o.split, "strategy", o.strategy, "n",
				      e.result.n, "correct", e.result.correct, "accuracy",
				      e.result.n ? (double)e.result.correct / e.result.n : 0,
				      "ci95", lo, hi, "seconds", e.result.seconds, "tokens",
				      (json_int_t)e.result.tokens, "setup_hash", e.setup_hash,
				      "task_hash", e.task_hash);

		if (e.result.decision)
			json_object_set_new(j, "pass1_seconds", json_real(e.result.pass1_seconds));
		cli_json(j);
	} else {
		printf("%s %s, %s: %d of %d right, %.3f [%.3f %.3f], %.1f s, %ld tokens\n",
		       e.task_name, o.split, o.strategy, e.result.correct, e.result.n,
		       e.result.n ? (double)e.result.correct / e.result.n : 0, lo, hi,
		       e.result.seconds, e.result.tokens);
	}
	cli_unkept(c, &e.lost);
	evaluating_free(&e);
	return 0;
}

const struct command cmd_eval = {
	"eval", "MODEL --task T", "accuracy on a task, with its 95 % interval", opts, eval_run, 1};
