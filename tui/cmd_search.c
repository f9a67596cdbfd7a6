#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/cli.h"
#include "tui/searching.h"
#include "tui/verbs.h"

static const struct opt opts[] = {
	{"--task", "T", "the task whose examples decide"},
	{"--experts", "A,B", "the experts to mix"},
	{"--split", "S", "where the examples are drawn (default train)"},
	{"--shots", "N", "examples (default 10)"},
	{"--population", "N", "mixtures an iteration (default 32)"},
	{"--elite", "N", "of which the best N make the next (default a fifth)"},
	{"--iterations", "N", "default 4"},
	{"--per-layer", NULL, "an alpha for every matrix, not one an expert"},
	{"--normalise", "yes|no", "alphas divided by their sum (default yes)"},
	{"--name", "NAME", "of the mixture (default TASK-fewshot, TASK-fewshot-2 ...)"},
	{"--resume", "RUN", "go on with an interrupted search"},
	{0},
};

static void
on_iteration(void *arg, const struct search *s, const struct search_report *r)
{
	struct cli *c = arg;

	(void)s;
	if (!c->json)
		printf("iteration %d  best %.3f  mean %.3f  %.1f s, %ld tokens\n", r->iteration,
		       r->best, r->mean, r->ms / 1000, r->tokens);
	fflush(stdout);
}

static int
search_here(struct cli *c, const char *task, const struct searching_options *o)
{
	struct searching s;

	if (searching_run(&s, &c->ws, task, o, on_iteration, c, &c->job, &c->err))
		return cli_fail(c);
	if (c->json) {
		cli_json(json_pack("{s:O,s:O,s:f,s:s,s:I}", "iterations", s.iterations, "alpha",
				   s.alpha, "fitness", s.fitness, "mixture", s.name, "run",
				   (json_int_t)s.run));
	} else {
		const char *name;
		json_t *v;

		printf("mixture %s, fitness %.3f:", s.name, s.fitness);
		json_object_foreach (s.alpha, name, v) {
			double a = json_real_value(v);

			for (size_t i = 0; i < json_array_size(v); i++)
				a += json_real_value(json_array_get(v, i)) /
				     (double)json_array_size(v);
			printf(" %s=%.3f%s", name, a, json_is_array(v) ? " (mean)" : "");
		}
		printf("\n");
	}
	searching_free(&s);
	return 0;
}

static int
search_run(struct cli *c)
{
	const char *task = cli_str(c, "--task"), *experts = cli_str(c, "--experts"),
		   *norm = cli_str(c, "--normalise");
	const char *split = cli_str(c, "--split");
	struct searching_options o = {.experts = experts,
				      .name = cli_str(c, "--name"),
				      .split = split ? split : "train",
				      .resume = cli_str(c, "--resume"),
				      .seed = (uint64_t)c->seed};
	int rc;

	search_settings_default(&o.settings);
	o.settings.shots = (int)cli_int(c, "--shots", 1, 1000, o.settings.shots);
	o.settings.population = (int)cli_int(c, "--population", 2, 4096, o.settings.population);
	o.settings.elites = (int)cli_int(c, "--elite", 2, 4096, 0);
	o.settings.iterations = (int)cli_int(c, "--iterations", 1, 100000, o.settings.iterations);
	o.settings.per_matrix = cli_flag(c, "--per-layer");
	if (c->bad)
		return 2;
	if (norm && strcmp(norm, "yes") && strcmp(norm, "no"))
		return cli_usage(c, "--normalise %s: yes or no is wanted", norm);
	o.settings.normalise = !norm || !strcmp(norm, "yes");
	if (o.settings.elites > o.settings.population)
		return cli_usage(c, "--elite %d: more than the population of %d", o.settings.elites,
				 o.settings.population);
	if (!o.resume && (!task || !experts))
		return cli_usage(c, "%s is missing", task ? "--experts" : "--task");
	if (!o.resume && (rc = cli_task(c, task)))
		return rc;
	if ((rc = cli_open(c, 0, WS_TEXT | WS_FACTORS)))
		return rc;
	return search_here(c, task, &o);
}

int
searching_resume_verb(struct cli *c, const struct run_row *row)
{
	char id[32];
	struct searching_options o = {.resume = id};

	if (cli_flag(c, "--detach"))
		return cli_usage(c, "--detach: a search does not detach");
	snprintf(id, sizeof id, "%lld", (long long)row->id);
	if (workspace_model(&c->ws, row->model_path, WS_TEXT | WS_FACTORS, &c->job, &c->err))
		return cli_fail(c);
	return search_here(c, NULL, &o);
}

const struct command cmd_search = {"search",
				   "MODEL --task T --experts A,B",
				   "few-shot search for a mixture (cross-entropy method)",
				   opts,
				   search_run,
				   1};
