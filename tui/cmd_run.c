#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/runs.h"
#include "tui/cli.h"
#include "tui/run_csv.h"
#include "tui/searching.h"
#include "tui/training.h"
#include "tui/verbs.h"

static const struct opt opts[] = {
	{"--csv", NULL, "export: " RUN_CSV_COLUMNS},
	{"--detach", NULL, "resume: in a process of its own"},
	{0},
};

static json_t *
row_json(const struct run_row *r)
{
	return json_pack("{s:I,s:s,s:s,s:o,s:s,s:s,s:i,s:i,s:o,s:o,s:o,s:f,s:f,s:o,s:b}", "id",
			 (json_int_t)r->id, "kind", r->kind, "name", r->name, "model",
			 cli_json_text(r->model_name, strlen(r->model_name)), "task", r->task,
			 "status", r->status, "step", r->step, "steps", r->steps, "reward",
			 cli_json_real(r->reward), "best_accuracy", cli_json_real(r->best_accuracy),
			 "best_step", r->best_step >= 0 ? json_integer(r->best_step) : json_null(),
			 "started", r->started, "seconds", r->seconds, "message",
			 cli_json_text(r->message, strlen(r->message)), "shipped", r->shipped);
}

static int
list(struct cli *c)
{
	struct run_list l;
	json_t *a = json_array();

	if (store_run_list(c->ws.store, 0, &l, &c->err)) {
		json_decref(a);
		return cli_fail(c);
	}
	if (!c->json && l.n)
		printf("%4s %-7s %-16s %-12s %-12s %-12s %10s %8s %8s %8s\n", "id", "kind", "name",
		       "model", "task", "status", "step", "reward", "best", "seconds");
	for (int i = 0; i < l.n; i++) {
		const struct run_row *r = &l.v[i];
		char reward[CLI_FIGURE], best[CLI_FIGURE];

		if (c->json)
			json_array_append_new(a, row_json(r));
		else
			printf("%4lld %-7s %-*s %-*s %-*s %-12s %5d/%-5d %7s %8s %8.1f\n",
			       (long long)r->id, r->kind, cli_field(r->name, 16), r->name,
			       cli_field(r->model_name, 12), r->model_name, cli_field(r->task, 12),
			       r->task, r->shipped ? "shipped" : r->status, r->step, r->steps,
			       cli_figure(reward, "%.3f", r->reward),
			       cli_figure(best, "%.3g", r->best_accuracy), r->seconds);
	}
	if (c->json)
		cli_json(json_pack("{s:O}", "runs", a));
	else if (!l.n)
		printf("no runs yet; \"t2tui train MODEL --task T\" starts one\n");
	json_decref(a);
	run_list_free(&l);
	return 0;
}

static json_t *
curve_json(const struct metric_list *m)
{
	json_t *a = json_array();

	for (int i = 0; i < m->n; i++) {
		const struct run_metric *x = &m->v[i];

		json_t *o = json_pack(
			"{s:i,s:o,s:o,s:o,s:o,s:o,s:I,s:f}", "step", x->step, "reward",
			cli_json_real(x->reward), "loss", cli_json_real(x->loss), "kl",
			cli_json_real(x->kl), "grad_norm", cli_json_real(x->grad_norm), "length",
			cli_json_real(x->length), "tokens", (json_int_t)x->tokens, "ms", x->ms);

		if (x->zcount) { /* mean |z - 1| per matrix, four decimals: it is looked at, not computed with */
			json_t *z = json_array();

			for (int k = 0; k < x->zcount; k++)
				json_array_append_new(
					z, json_real(rint((double)x->zmean[k] * 1e4) / 1e4));
			json_object_set_new(o, "zmean", z);
		}
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *
validation_json(const struct validation_list *v)
{
	json_t *a = json_array();

	for (int i = 0; i < v->n; i++)
		json_array_append_new(
			a,
			json_pack("{s:i,s:s,s:i,s:i,s:f}", "step", v->v[i].step, "split",
				  v->v[i].split, "correct", v->v[i].correct, "n", v->v[i].n,
				  "accuracy", v->v[i].n ? (double)v->v[i].correct / v->v[i].n : 0));
	return a;
}

static json_t *
rollouts_json(const struct rollout_list *l)
{
	json_t *a = json_array();

	for (int i = 0; i < l->n; i++)
		json_array_append_new(a,
				      json_pack("{s:i,s:i,s:s,s:s,s:s,s:f}", "step", l->v[i].step,
						"position", l->v[i].position, "prompt",
						l->v[i].prompt, "answer", l->v[i].answer, "gold",
						l->v[i].gold, "reward", l->v[i].reward));
	return a;
}

static int
print_csv(struct cli *c, const struct metric_list *m, const struct validation_list *v)
{
	struct strbuf out = {0};
	int rc = 0;

	run_csv(&out, m->v, m->n, v->v, v->n);
	if (out.failed) {
		t2_nomem(&c->err, "export");
		rc = cli_fail(c);
	} else {
		fwrite(out.s, 1, out.len, stdout);
	}
	strbuf_free(&out);
	return rc;
}

static int
show(struct cli *c, const struct run_row *r, bool export)
{
	struct metric_list m;
	struct validation_list v;
	struct rollout_list rollouts = {0};
	bool csv = cli_flag(c, "--csv");
	int rc = 0;

	if (store_metric_list(c->ws.store, r->id, -1, &m, &c->err))
		return cli_fail(c);
	if (store_validation_list(c->ws.store, r->id, &v, &c->err)) {
		metric_list_free(&m);
		return cli_fail(c);
	}
	if ((export || c->json) && !csv &&
	    store_rollout_list(c->ws.store, r->id, &rollouts, &c->err)) {
		rc = cli_fail(c);
	} else if (export && csv) {
		rc = print_csv(c, &m, &v);
	} else if (export || c->json) {
		json_t *o = row_json(r), *s = json_loads(r->settings, 0, NULL);

		json_object_set_new(o, "settings", s ? s : json_null());
		json_object_set_new(o, "steps_done", curve_json(&m));
		json_object_set_new(o, "validations", validation_json(&v));
		json_object_set_new(o, "rollouts", rollouts_json(&rollouts));
		cli_json(o);
	} else {
		printf("run %lld %s: %s on %s, model %s, %s, step %d of %d, %.1f s\n",
		       (long long)r->id, r->name, r->kind, r->task, r->model_name, r->status,
		       r->step, r->steps, r->seconds);
		if (r->message[0])
			printf("%s\n", r->message);
		printf("settings %s\n", r->settings);
		for (int i = 0; i < v.n; i++)
			printf("validation at step %d: %d of %d\n", v.v[i].step, v.v[i].correct,
			       v.v[i].n);
		for (int i = 0; i < m.n; i++) {
			char reward[CLI_FIGURE], length[CLI_FIGURE], norm[CLI_FIGURE];

			printf("step %4d  reward %7s  length %6s  grad norm %8s  %6.0f ms\n",
			       m.v[i].step, cli_figure(reward, "%.3f", m.v[i].reward),
			       cli_figure(length, "%.1f", m.v[i].length),
			       cli_figure(norm, "%.3g", m.v[i].grad_norm), m.v[i].ms);
		}
	}
	rollout_list_free(&rollouts);
	metric_list_free(&m);
	free(v.v);
	return rc;
}

/* Asks first: the trainer ends between two steps.  One that does not within 30 s gets SIGTERM. */
static int
stop(struct cli *c, const struct run_row *r)
{
	struct timespec tick = {.tv_nsec = 100000000};

	if (strcmp(r->status, "running")) {
		t2_fail(&c->err, T2_EINVAL, "run %lld: is not running but %s", (long long)r->id,
			r->status);
		return cli_fail(c);
	}
	if (store_run_ask_stop(c->ws.store, r->id, &c->err))
		return cli_fail(c);
	for (int i = 0; i < 350 && process_start(r->pid) == r->pid_start && !job_cancelled(&c->job);
	     i++) {
		if (i == 300 && kill((pid_t)r->pid, SIGTERM)) {
			t2_fail(&c->err, T2_EIO, "process %lld: %s", (long long)r->pid,
				strerror(errno));
			return cli_fail(c);
		}
		nanosleep(&tick, NULL);
	}
	if (process_start(r->pid) == r->pid_start) {
		t2_fail(&c->err, T2_EBUSY, "run %lld: process %lld does not end", (long long)r->id,
			(long long)r->pid);
		return cli_fail(c);
	}
	if (c->json)
		cli_json(json_pack("{s:I,s:s}", "run", (json_int_t)r->id, "status", "stopped"));
	return 0;
}

/* The run named at position 1; a row's strings live in a. */
static int
find(struct cli *c, struct run_row *row, struct arena *a)
{
	const char *which = cli_pos(c, 1, "RUN");

	if (!which)
		return 2;
	return store_run_find(c->ws.store, which, row, a, &c->err) ? cli_fail(c) : 0;
}

static int
with_run(struct cli *c, int (*fn)(struct cli *c, const struct run_row *row))
{
	struct arena a = {0};
	struct run_row row;
	int rc = find(c, &row, &a);

	if (!rc)
		rc = fn(c, &row);
	arena_free(&a);
	return rc;
}

static int
resume(struct cli *c, const struct run_row *row)
{
	return strcmp(row->kind, "search") ? training_resume_verb(c, row)
					   : searching_resume_verb(c, row);
}

static int
show_it(struct cli *c, const struct run_row *row)
{
	return show(c, row, false);
}

static int
export_it(struct cli *c, const struct run_row *row)
{
	return show(c, row, true);
}

static int
show_verb(struct cli *c)
{
	return with_run(c, show_it);
}

static int
resume_verb(struct cli *c)
{
	return with_run(c, resume);
}

static int
stop_verb(struct cli *c)
{
	return with_run(c, stop);
}

static int
export_verb(struct cli *c)
{
	if (c->json && cli_flag(c, "--csv"))
		return cli_usage(c, "--csv and --json: one of the two");
	return with_run(c, export_it);
}

static const struct cli_sub subs[] = {{"list", 1, list},	  {"show", 2, show_verb},
				      {"resume", 2, resume_verb}, {"stop", 2, stop_verb},
				      {"export", 2, export_verb}, {0}};

static int
run_run(struct cli *c)
{
	const struct cli_sub *sub = cli_sub(c, subs);

	if (!sub)
		return 2;
	if (workspace_start(&c->ws, (int)c->threads, c->store_path, &c->err))
		return cli_fail(c);
	return sub->run(c);
}

const struct command cmd_run = {"run",
				"list | show RUN | resume RUN | stop RUN | export RUN",
				"training runs and searches",
				opts,
				run_run,
				2};
