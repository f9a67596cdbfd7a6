#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/memory.h"
#include "engine/adapt/wilson.h"
#include "tui/cli.h"
#include "tui/training.h"
#include "tui/verbs.h"

/* The hyper-parameters are those of train_settings_table; tests hold the two lists together. */
static const struct opt opts[] = {
	{"--task", "T", "a task's name or folder"},
	{"--name", "NAME", "of the run and its expert (default: the task's)"},
	{"--preset", "P", "default, or reference: the authors' recipe (slow: some 200 steps)"},
	{"--method", "M", "svf"},
	{"--objective", "O", "rl"},
	{"--modules", "WHICH", "all, mlp or attn: which matrices get a z"},
	{"--scale", "S", "plain, or reference: the authors' c * sigmoid(p)"},
	{"--steps", "N", "optimiser steps (60)"},
	{"--batch", "N", "prompts a step (32)"},
	{"--samples", "N", "answers a prompt (8)"},
	{"--temp", "T", "of rollouts (1); 0 is greedy"},
	{"--baseline", "B", "rloo, mean or none"},
	{"--lr", "X", "Adam's step size (0: 1.2 / sqrt(values), twice that for reference)"},
	{"--clip", "X", "global gradient norm at most (1; 0: none)"},
	{"--kl", "X", "weight of KL(base || adapted) (0)"},
	{"--normalise", "yes|no", "rewards to mean 0, deviation 1 (no)"},
	{"--reward-clip", "X", "rewards clipped to +- X (0: no)"},
	{"--max-new", "N", "new tokens an answer at most (0: the task's)"},
	{"--eval-every", "N", "steps between validations (5; 0: never, keep the last step)"},
	{"--eval-items", "N", "validation items at most (200)"},
	{"--resume", "RUN", "go on with an interrupted or stopped run"},
	{"--detach", NULL, "in a process of its own; prints its run"},
	{0},
};

static void
on_start(void *arg, int64_t run, const char *name, const struct train_settings *s, double lr,
	 long values)
{
	struct cli *c = arg;

	if (c->json)
		cli_json(json_pack("{s:s,s:I,s:s,s:i,s:f,s:I}", "event", "start", "run",
				   (json_int_t)run, "name", name, "steps", s->steps, "lr", lr,
				   "values", (json_int_t)values));
	else
		printf("run %lld %s: %ld values, %d steps of %d x %d, lr %.3g\n", (long long)run,
		       name, values, s->steps, s->batch, s->samples, lr);
	fflush(stdout);
}

static void
on_step(void *arg, const struct step_report *r)
{
	struct cli *c = arg;

	if (c->json)
		cli_json(json_pack("{s:s,s:i,s:f,s:o,s:o,s:o,s:I,s:f,s:f}", "event", "step", "step",
				   r->step, "reward", r->reward, "loss", cli_json_real(r->loss),
				   "kl", cli_json_real(r->kl), "grad_norm",
				   cli_json_real(r->grad_norm), "tokens", (json_int_t)r->tokens,
				   "length", r->length, "ms", r->ms));
	else
		printf("step %4d  reward %+.3f  length %5.1f  loss %+.4f  grad norm %.3g  %.2f s "
		       "(rollouts %.2f)\n",
		       r->step, r->reward, r->length, r->loss, r->grad_norm, r->ms / 1000,
		       r->rollout_ms / 1000);
	fflush(stdout);
}

static void
on_eval(void *arg, int step, const char *split, int correct, int n)
{
	struct cli *c = arg;
	double lo, hi, a = n ? (double)correct / n : 0;

	wilson95(correct, n, &lo, &hi);
	if (c->json)
		cli_json(json_pack("{s:s,s:i,s:s,s:f,s:i}", "event", "eval", "step", step, "split",
				   split, "accuracy", a, "n", n));
	else
		printf("step %4d  %s %.3f [%.3f %.3f] of %d\n", step, split, a, lo, hi, n);
	fflush(stdout);
}

static int
read_settings(struct cli *c, struct train_settings *s)
{
	const char *preset = cli_str(c, "--preset"), *method = cli_str(c, "--method"),
		   *objective = cli_str(c, "--objective");

	if (method && strcmp(method, "svf"))
		return cli_usage(c, "--method %s: svf is what there is", method);
	if (objective && strcmp(objective, "rl"))
		return cli_usage(c, "--objective %s: rl is what there is", objective);
	if (train_settings_preset(s, preset ? preset : "default", &c->err))
		return cli_usage(c, "%s", c->err.msg);
	for (const struct setting *t = train_settings_table; t->name; t++) {
		char name[40];
		const char *v;

		snprintf(name, sizeof name, "--%s", t->name);
		v = cli_str(c, name);
		if (v && train_settings_set(s, t->name, v, &c->err))
			return cli_usage(c, "%s", c->err.msg);
	}
	if (train_settings_check(s, &c->err))
		return cli_usage(c, "%s", c->err.msg);
	return 0;
}

static int
started(struct cli *c, const char *const *args, int n)
{
	int64_t run;

	if (training_detach(&c->ws, args, n, &run, &c->job, &c->err))
		return cli_fail(c);
	if (c->json)
		cli_json(json_pack("{s:I}", "run", (json_int_t)run));
	else
		printf("%lld\n", (long long)run);
	return 0;
}

/* The same words again for the process that is to do it, with the model's path made absolute. */
static int
detach(struct cli *c)
{
	const char *args[2 * CLI_MAX + 4];
	char model[1024], real[4096];
	bool shipped;
	int n = 0;

	if (workspace_start(&c->ws, (int)c->threads, c->store_path, &c->err) ||
	    workspace_path(&c->ws, c->pos[0], model, sizeof model, &shipped, &c->err))
		return cli_fail(c);
	args[n++] = !shipped && realpath(model, real) ? real : c->pos[0];
	for (int i = 0; i < c->nset; i++) {
		if (!strcmp(c->set[i].name, "--detach") || !strcmp(c->set[i].name, "--json"))
			continue;
		args[n++] = c->set[i].name;
		if (c->set[i].value)
			args[n++] = c->set[i].value;
	}
	return started(c, args, n);
}

static int
train_here(struct cli *c, const char *model, const struct training_options *o)
{
	struct training_sink sink = {.arg = c, .start = on_start, .step = on_step, .eval = on_eval};
	struct training_result r;
	enum t2_status st;

	int rc = o->resume ? 0 : cli_task(c, o->task);

	if (rc)
		return rc;
	if (workspace_start(&c->ws, (int)c->threads, c->store_path, &c->err) ||
	    workspace_model(&c->ws, model, WS_TEXT | WS_FACTORS, &c->job, &c->err))
		return cli_fail(c);
	st = training_run(&c->ws, o, &sink, &c->job, &r, &c->err);
	if (r.run && c->json)
		cli_json(json_pack("{s:s,s:I,s:s,s:s?,s:i,s:o,s:s}", "event", "end", "run",
				   (json_int_t)r.run, "status", r.status, "expert",
				   r.expert[0] ? r.expert : NULL, "best_step", r.best_step,
				   "best_accuracy", cli_json_real(r.best_accuracy), "note",
				   r.note));
	if (st)
		return cli_fail(c);
	if (r.note[0])
		cli_note(c, "%s", r.note);
	if (c->json)
		return 0;
	printf("run %lld %s: expert %s, ", (long long)r.run, r.status, r.expert);
	if (r.best_step > 0)
		printf("best step %d\n", r.best_step);
	else
		printf("its last step\n");
	return 0;
}

static int
train_run(struct cli *c)
{
	struct training_options o = {.task = cli_str(c, "--task"),
				     .name = cli_str(c, "--name"),
				     .seed = (uint64_t)c->seed,
				     .resume = cli_str(c, "--resume")};
	const char *model = cli_pos(c, 0, "MODEL");
	int rc;

	if (!model)
		return 2;
	if (!o.resume && !o.task)
		return cli_usage(c, "--task is missing");
	if ((rc = read_settings(c, &o.settings)))
		return rc;
	return cli_flag(c, "--detach") ? detach(c) : train_here(c, model, &o);
}

int
training_resume_verb(struct cli *c, const struct run_row *row)
{
	char id[32];
	struct training_options o = {.resume = id};

	snprintf(id, sizeof id, "%lld", (long long)row->id);
	if (cli_flag(c, "--detach")) {
		char threads[32], limit[32];
		const char *args[9] = {row->model_path, "--resume", id, "--store",
				       store_path(c->ws.store)};
		int n = 5;

		snprintf(threads, sizeof threads, "%ld", c->threads);
		snprintf(limit, sizeof limit, "%zu", memory_limit(c->memory));
		if (c->threads) {
			args[n++] = "--threads";
			args[n++] = threads;
		}
		if (c->memory) {
			args[n++] = "--memory";
			args[n++] = limit;
		}
		return started(c, args, n);
	}
	return train_here(c, row->model_path, &o);
}

const struct command cmd_train = {"train", "MODEL --task T", "trains an expert by REINFORCE",
				  opts,	   train_run,	     1};
