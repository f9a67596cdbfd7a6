#include <stdio.h>
#include <string.h>

#include "engine/svf/spectrum.h"
#include "tui/asking.h"
#include "tui/cli.h"
#include "tui/training.h"
#include "tui/verbs.h"

/* The workbench's main job without a screen: spectra, a short training run, a two-pass answer. */

static const struct opt opts[] = {
	{"--task", "T", "what to train on (default math)"},
	{"--steps", "N", "training steps (default 3)"},
	{"--prompt", "TEXT", "what to ask"},
	{0},
};

static int
spectra(struct cli *c)
{
	const struct config *g = model_config(c->ws.model);

	printf("model %s: %ld parameters, %d layers, %d matrices decomposed\n\n", c->ws.name,
	       model_parameters(c->ws.model), g->layers, factors_count(c->ws.factors));
	printf("effective rank / r by layer\n%5s", "");
	for (int k = 0; k < MAT_KINDS; k++)
		printf(" %6s", mat_kind_name(k));
	printf("\n");
	for (int layer = 0; layer < g->layers; layer++) {
		printf("%5d", layer);
		for (int k = 0; k < MAT_KINDS; k++) {
			const struct factor *f = factors_get(c->ws.factors, layer * MAT_KINDS + k);
			struct spectrum_stats s;

			if (!f || spectrum_compute(&s, f->sigma, f->m, f->n, &c->err))
				return cli_fail(c);
			printf(" %6.3f", s.effective_rank / f->r);
		}
		printf("\n");
	}
	printf("\n");
	fflush(stdout);
	return 0;
}

static void
on_step(void *arg, const struct step_report *r)
{
	(void)arg;
	printf("step %2d  reward %+.3f  mean length %.1f  %.2f s\n", r->step, r->reward, r->length,
	       r->ms / 1000);
	fflush(stdout);
}

static int
train(struct cli *c, const char *task, int steps)
{
	struct training_options o = {.task = task, .seed = (uint64_t)c->seed};
	struct training_sink sink = {.step = on_step};
	struct training_result r;
	enum t2_status st = train_settings_preset(&o.settings, "default", &c->err);

	o.settings.steps = steps;
	o.settings.eval_every = 0;
	printf("training on %s: REINFORCE, %d prompts x %d samples a step\n", task,
	       o.settings.batch, o.settings.samples);
	fflush(stdout);
	if (!st)
		st = training_run(&c->ws, &o, &sink, &c->job, &r, &c->err);
	if (st)
		return cli_fail(c);
	printf("run %lld kept as expert %s (a taste: validation and more steps come with \"t2tui "
	       "train\")\n\n",
	       (long long)r.run, r.expert);
	return 0;
}

static void
on_decided(void *arg, const struct dispatch *d, const struct dispatch_result *r)
{
	(void)arg;
	printf("pass 1  %.1f ms  says \"%s\"\n", r->ms, r->text);
	for (int i = 0; i < r->labels; i++)
		printf("        %-8s %.3f\n", dispatch_label(d, i), r->scores[i]);
	printf("decision  %s\npass 2 ", r->label);
}

static void
on_text(void *arg, const char *s, size_t len, float logprob)
{
	(void)arg;
	(void)logprob;
	fwrite(s, 1, len, stdout);
}

static int
ask(struct cli *c, const char *prompt)
{
	struct answer_events ev = {.decided = on_decided, .text = on_text};
	struct asking_options o = {.max_new = 64, .seed = (uint64_t)c->seed};
	struct asking k;
	enum t2_status st;

	printf("asking: %s\n", prompt);
	st = asking_run(&k, &c->ws, prompt, &o, &ev, &c->job, &c->err);
	if (st)
		return cli_fail(c);
	if (k.strategy.note[0])
		cli_note(c, "%s", k.strategy.note);
	printf("\n        %d tokens in %.1f ms", k.answer.tokens, k.answer.ms);
	if (k.id)
		printf(", kept as decision %lld", (long long)k.id);
	printf("\n");
	cli_unkept(c, &k.lost);
	asking_free(&k);
	return 0;
}

static int
tour_run(struct cli *c)
{
	const char *task = cli_str(c, "--task"), *prompt = cli_str(c, "--prompt");
	int steps = (int)cli_int(c, "--steps", 1, 100000, 3), rc;

	if (c->bad)
		return 2;
	if (c->json)
		return cli_usage(
			c, "--json: the tour is for reading; spectrum, train and ask have it");
	if ((rc = cli_open(c, 0, WS_TEXT | WS_FACTORS)))
		return rc;
	if (!(rc = spectra(c)) && !(rc = train(c, task ? task : "math", steps)))
		rc = ask(c, prompt ? prompt
				   : "Jon has 7 eggs. Jon gives 5 to Ben and buys 10 more. How "
				     "many eggs does Jon have now?");
	return rc;
}

const struct command cmd_tour = {
	"tour", "MODEL",  "the main job without a screen: spectra, a short run, a two-pass answer",
	opts,	tour_run, 1};
