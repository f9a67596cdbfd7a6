#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/adapt/wilson.h"
#include "tui/cli.h"
#include "tui/evaluating.h"
#include "tui/searching.h"
#include "tui/verbs.h"

/* The sample world's claims, measured: experts at home and abroad, dispatch, few-shot search on the unseen tasks. */

static const struct opt opts[] = {
	{"--limit", "N", "test items a cell (default 600)"},
	{"--mixed", "N", "test items a domain in the two-pass table (default 200)"},
	{"--shots", "N", "examples that the few-shot search sees (default 20)"},
	{0},
};

static const char *const home[] = {"math", "code", "logic", "dispatch"};
static const char *const expert_of[] = {"math", "code", "logic", "cls"};
static const char *const unseen[] = {"math-hard", "code-hard", "logic-hard"};
static const char *const tasks[] = {"math",	 "code",       "logic",	  "math-hard",
				    "code-hard", "logic-hard", "dispatch"};
enum { HOMES = 4, UNSEEN = 3, TASKS = 7, ROWS = 5, DOMAINS = 3 };

struct cell {
	int n, correct;
	bool *right; /* [n] */
	double seconds, pass1_seconds;
};

struct tables {
	struct cli *c;
	int limit, mixed, shots;
	struct cell cell[ROWS][TASKS]; /* base, math, code, logic, cls */
	json_t *json;
	bool held; /* every claim so far */
};

static int
measure(struct tables *t, const char *task, const char *strategy, int limit, struct cell *out)
{
	struct evaluating_options o = {.split = "test",
				       .strategy = strategy,
				       .limit = limit,
				       .seed = (uint64_t)t->c->seed};
	struct evaluating e;

	if (evaluating_run(&e, &t->c->ws, task, &o, &t->c->job, &t->c->err))
		return cli_fail(t->c);
	out->n = e.result.n;
	out->correct = e.result.correct;
	out->seconds = e.result.seconds;
	out->pass1_seconds = e.result.pass1_seconds;
	out->right = calloc((size_t)e.result.n + 1, sizeof *out->right);
	for (int i = 0; out->right && i < e.result.n; i++)
		out->right[i] = e.result.rollouts.v[i].correct;
	cli_unkept(t->c, &e.lost);
	evaluating_free(&e);
	if (!out->right) {
		t2_nomem(&t->c->err, "reproduce");
		return cli_fail(t->c);
	}
	return 0;
}

static json_t *
accuracy_json(const struct cell *x)
{
	double lo, hi;

	wilson95(x->correct, x->n, &lo, &hi);
	return json_pack("{s:i,s:i,s:f,s:[f,f]}", "n", x->n, "correct", x->correct, "accuracy",
			 (double)x->correct / x->n, "ci95", lo, hi);
}

static void
print_cell(const struct cell *x)
{
	double lo, hi;

	wilson95(x->correct, x->n, &lo, &hi);
	printf(" %5.1f [%5.1f %5.1f]", 100.0 * x->correct / x->n, 100 * lo, 100 * hi);
}

static void
claim(struct tables *t, bool holds, const char *fmt, const char *what, double a, double b)
{
	char text[300];

	snprintf(text, sizeof text, fmt, what, a, b);
	if (!holds)
		t->held = false;
	if (t->c->json)
		json_array_append_new(json_object_get(t->json, "claims"),
				      json_pack("{s:s,s:b}", "claim", text, "holds", holds));
	else
		printf("  %-5s %s\n", holds ? "holds" : "FAILS", text);
}

static int
experts_table(struct tables *t)
{
	json_t *rows = json_object();
	int rc = 0;

	if (!t->c->json) {
		printf("accuracy in %% on the test splits, greedy, n = %d at most, [95 %% Wilson "
		       "interval]\n%-8s",
		       t->limit, "");
		for (int k = 0; k < TASKS; k++)
			printf(" %-19s", tasks[k]);
		printf("\n");
	}
	for (int r = 0; r < ROWS && !rc; r++) {
		char strategy[64];
		json_t *row = json_object();

		snprintf(strategy, sizeof strategy, r ? "expert:%s" : "none",
			 r ? expert_of[r - 1] : "");
		if (!t->c->json)
			printf("%-8s", r ? expert_of[r - 1] : "base");
		for (int k = 0; k < TASKS && !rc; k++) {
			if ((rc = measure(t, tasks[k], strategy, t->limit, &t->cell[r][k])))
				break;
			json_object_set_new(row, tasks[k], accuracy_json(&t->cell[r][k]));
			if (!t->c->json)
				print_cell(&t->cell[r][k]);
			fflush(stdout);
		}
		json_object_set_new(rows, r ? expert_of[r - 1] : "base", row);
		if (!t->c->json)
			printf("\n");
	}
	json_object_set_new(t->json, "experts", rows);
	return rc;
}

static int
column(const char *task)
{
	for (int k = 0; k < TASKS; k++)
		if (!strcmp(tasks[k], task))
			return k;
	return 0;
}

static void
expert_claims(struct tables *t)
{
	for (int i = 0; i < HOMES; i++) {
		const struct cell *b = &t->cell[0][column(home[i])],
				  *e = &t->cell[i + 1][column(home[i])];
		double blo, bhi, elo, ehi;

		wilson95(b->correct, b->n, &blo, &bhi);
		wilson95(e->correct, e->n, &elo, &ehi);
		claim(t, elo > bhi,
		      "expert %s beats the base at home: its interval begins at %.3f, the base's "
		      "ends at %.3f",
		      expert_of[i], elo, bhi);
	}
}

/* Two passes over the mixed sets: the same number of items of each domain. */
static int
two_pass_table(struct tables *t)
{
	static const char *const strategy[] = {"none", "prompt", "cls", "oracle"};
	struct cell sum[2][4];
	json_t *out = json_object();
	int rc = 0;

	memset(sum, 0, sizeof sum);
	for (int set = 0; set < 2 && !rc; set++) {
		for (int s = 0; s < 4 && !rc; s++) {
			for (int d = 0; d < DOMAINS && !rc; d++) {
				const char *task = set ? unseen[d] : home[d];
				struct cell x = {0};
				char oracle[64];

				snprintf(oracle, sizeof oracle, "expert:%s", expert_of[d]);
				rc = measure(t, task, s == 3 ? oracle : strategy[s], t->mixed, &x);
				sum[set][s].n += x.n;
				sum[set][s].correct += x.correct;
				sum[set][s].seconds += x.seconds;
				sum[set][s].pass1_seconds += x.pass1_seconds;
				free(x.right);
			}
		}
	}
	if (rc) {
		json_decref(out);
		return rc;
	}
	if (!t->c->json)
		printf("\ntwo passes on mixed questions, %d of each domain\n%-10s %-20s %-20s "
		       "%-20s %-20s %s\n",
		       t->mixed, "", "no experts", "prompt", "classifier", "oracle",
		       "pass 1's share of time");
	for (int set = 0; set < 2; set++) {
		json_t *row = json_object();
		double share = sum[set][2].seconds > 0
				       ? sum[set][2].pass1_seconds / sum[set][2].seconds
				       : 0;

		if (!t->c->json)
			printf("%-10s", set ? "unseen" : "training");
		for (int s = 0; s < 4; s++) {
			json_object_set_new(row, strategy[s], accuracy_json(&sum[set][s]));
			if (!t->c->json)
				print_cell(&sum[set][s]);
		}
		json_object_set_new(row, "pass1_share", json_real(share));
		json_object_set_new(out, set ? "unseen" : "training", row);
		if (!t->c->json)
			printf("  %.2f\n", share);
	}
	json_object_set_new(t->json, "two_pass", out);
	return 0;
}

static void
dispatch_claim(struct tables *t)
{
	const struct cell *b = &t->cell[0][column("dispatch")],
			  *e = &t->cell[4][column("dispatch")];
	double p;
	int only_e = 0, only_b = 0;

	for (int i = 0; i < b->n && i < e->n; i++) {
		only_e += e->right[i] && !b->right[i];
		only_b += b->right[i] && !e->right[i];
	}
	p = mcnemar_exact(only_e, only_b);
	claim(t, only_e > only_b && p < 0.05,
	      "the classifier expert dispatches %s than the plain prompt (McNemar p = %.2g, %.0f "
	      "questions gained)",
	      "better", p, only_e - only_b);
}

/* Few-shot search on an unseen task against the best single expert on the same questions. */
static int
search_row(struct tables *t, const char *task, json_t *out)
{
	struct searching_options o = {
		.experts = "math,code,logic", .split = "train", .seed = (uint64_t)t->c->seed};
	struct searching s;
	struct cell x = {0};
	char strategy[200], *alpha;
	int best = 1, only_best = 0, only_mix = 0, k = column(task), rc;
	double p;

	search_settings_default(&o.settings);
	o.settings.shots = t->shots;
	if (searching_run(&s, &t->c->ws, task, &o, NULL, NULL, &t->c->job, &t->c->err))
		return cli_fail(t->c);
	snprintf(strategy, sizeof strategy, "mix:%s", s.name);
	if ((rc = measure(t, task, strategy, t->limit, &x))) {
		searching_free(&s);
		return rc;
	}
	for (int r = 2; r <= DOMAINS; r++)
		if (t->cell[r][k].correct > t->cell[best][k].correct)
			best = r;
	for (int i = 0; i < x.n; i++) {
		only_best += t->cell[best][k].right[i] && !x.right[i];
		only_mix += x.right[i] && !t->cell[best][k].right[i];
	}
	p = mcnemar_exact(only_best, only_mix);
	alpha = json_dumps(s.alpha, JSON_COMPACT | JSON_REAL_PRECISION(3));
	if (!t->c->json) {
		printf("%-11s %-6s", task, expert_of[best - 1]);
		print_cell(&t->cell[best][k]);
		print_cell(&x);
		printf("  p %.3f  shots %.2f  %s\n", p, s.fitness, alpha ? alpha : "");
	}
	json_array_append_new(out, json_pack("{s:s,s:s,s:o,s:o,s:f,s:f,s:O}", "task", task,
					     "best_single", expert_of[best - 1], "single",
					     accuracy_json(&t->cell[best][k]), "mixture",
					     accuracy_json(&x), "p", p, "shots", s.fitness, "alpha",
					     s.alpha));
	if (x.correct < t->cell[best][k].correct)
		claim(t, p > 0.05,
		      "few-shot on %s is not significantly worse than the best single expert "
		      "(McNemar p = %.3f, alpha level %.2f)",
		      task, p, 0.05);
	else
		claim(t, true,
		      "few-shot on %s is at least as good as the best single expert (%.0f against "
		      "%.0f right)",
		      task, x.correct, t->cell[best][k].correct);
	free(alpha);
	free(x.right);
	searching_free(&s);
	return 0;
}

static int
reproduce_run(struct cli *c)
{
	static struct tables t;
	json_t *search;
	int rc;

	t = (struct tables){.c = c,
			    .limit = (int)cli_int(c, "--limit", 10, 1000000, 600),
			    .mixed = (int)cli_int(c, "--mixed", 1, 1000000, 200),
			    .shots = (int)cli_int(c, "--shots", 1, 1000, 20),
			    .held = true};
	if (c->bad)
		return 2;
	c->pos[0] = "sample";
	c->npos = 1;
	if ((rc = cli_open(c, 0, WS_TEXT | WS_FACTORS)))
		return rc;
	t.json = json_pack("{s:I,s:[]}", "seed", (json_int_t)c->seed, "claims");
	if (!(rc = experts_table(&t))) {
		if (!c->json)
			printf("\n");
		expert_claims(&t);
		dispatch_claim(&t);
		rc = two_pass_table(&t);
	}
	search = json_array();
	if (!rc && !c->json)
		printf("\nfew-shot search on the unseen tasks: %d shots, 32 members, 4 iterations, "
		       "alphas normalised, seed %ld\n"
		       "%-11s %-6s %-20s %-20s\n",
		       t.shots, c->seed, "task", "best", " single", " mixture");
	for (int i = 0; i < UNSEEN && !rc; i++)
		rc = search_row(&t, unseen[i], search);
	json_object_set_new(t.json, "search", search);
	for (int r = 0; r < ROWS; r++)
		for (int k = 0; k < TASKS; k++)
			free(t.cell[r][k].right);
	if (rc) {
		json_decref(t.json);
		return rc;
	}
	if (c->json) {
		json_object_set_new(t.json, "holds", json_boolean(t.held));
		cli_json(t.json);
	} else {
		printf("\n%s\n", t.held ? "every claim holds" : "NOT every claim holds");
		json_decref(t.json);
	}
	return t.held ? 0 : 1;
}

const struct command cmd_reproduce = {
	"reproduce",
	"",
	"the sample world's claims, measured: experts, dispatch, few-shot search",
	opts,
	reproduce_run,
	0};
