#include "tui/bench/cost_command.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/memory.h"
#include "engine/svf/adaptation.h"
#include "tui/bench/bench.h"
#include "tui/bench/cost.h"
#include "tui/bench/count.h"
#include "tui/bench/shape.h"
#include "tui/cli.h"

static void
print_seconds(double s, double error)
{
	double x = s < 1e-3 ? s * 1e6 : s < 1 ? s * 1e3 : s < 600 ? s : s / 60;
	const char *unit = s < 1e-3 ? "us" : s < 1 ? "ms" : s < 600 ? "s" : "min";

	if (isnan(s))
		printf("%9s %-3s %6s", "?", "", "");
	else if (error > 0)
		printf("%9.3g %-3s ±%3.0f %%", x, unit, 100 * error);
	else
		printf("%9.3g %-3s %6s", x, unit, "");
}

static void
print_bytes(double b)
{
	printf("  %6.3g %s", b < 1e9 ? b / 1e6 : b / 1e9, b < 1e9 ? "MB" : "GB");
}

/* What files hold, and how much more is taken at most. */
static void
print_mapped(double weights, enum dtype type, const struct config *c, const struct cost_job *jobs,
	     int n)
{
	double factors = 4 * count_factors(c), most = 0;
	const char *who = "";

	for (int i = 0; i < n; i++)
		if (jobs[i].bytes > most) {
			most = jobs[i].bytes;
			who = jobs[i].name;
		}
	printf("%-13s %9s %-3s %6s", "mapped", "", "", "");
	print_bytes(weights + factors);
	printf("  %.3g GB of weights (%s) + %.3g GB of factors; beside them at most %.3g GB (%s)\n",
	       weights * 1e-9, dtype_name(type), factors * 1e-9, most * 1e-9, who);
}

static json_t *
job_json(const struct cost_job *j)
{
	return json_pack("{s:s,s:s,s:o,s:o,s:f,s:i}", "name", j->name, "what", j->what, "seconds",
			 cli_json_real(j->seconds), "error",
			 cli_json_real(j->fit.models > 1 ? j->fit.error : NAN), "bytes", j->bytes,
			 "models", j->fit.models);
}

/* A file's model, or a shape's without its numbers. */
struct subject {
	struct shape *shape;
	const struct model *model;
	double bytes; /* of weights as stored */
	enum dtype type;
};

static int
describe(struct cli *c, struct subject *s)
{
	struct config config;
	int rc;

	if (c->npos && shape_is(c->pos[0])) {
		if (shape_config(c->pos[0], &config, &c->err) ||
		    shape_hollow(&s->shape, &config, &c->err) ||
		    workspace_start(&c->ws, (int)c->threads, c->store_path, &c->err))
			return cli_fail(c);
		s->model = shape_model(s->shape);
	} else {
		if ((rc = cli_open(c, 0, WS_MODEL)))
			return rc;
		s->model = c->ws.model;
	}
	s->type = model_matrix(s->model, 0)->type;
	s->bytes = bench_weight_bytes(s->model);
	return 0;
}

/* Relative errors in percent; how far the worst and the middle one are off. */
static void
print_held(const struct cost_held *h, int n)
{
	const char *row = "";

	printf("%-21s %-28s %12s %12s %8s  %s\n", "row", "model held out", "predicted", "measured",
	       "error", "from");
	for (int i = 0; i < n; i++) {
		printf("%-21s %-28.28s ", strcmp(row, h[i].row) ? h[i].row : "", h[i].model);
		print_seconds(h[i].predicted, 0);
		print_seconds(h[i].measured, 0);
		if (!isnan(h[i].predicted))
			printf(" %+7.0f %%", 100 * (h[i].predicted / h[i].measured - 1));
		else
			printf(" %9s", "");
		printf("  %d other%s\n", h[i].models, h[i].models == 1 ? "" : "s");
		row = h[i].row;
	}
}

int
cost_held_command(struct cli *c)
{
	struct cost_held h[COST_HELD];
	struct cost_model *cm;
	json_t *list;
	int n;

	if (workspace_start(&c->ws, (int)c->threads, c->store_path, &c->err) ||
	    cost_model_new(&cm, &c->ws, &c->err))
		return cli_fail(c);
	n = cost_held_out(cm, h);
	if (c->json) {
		list = json_array();
		for (int i = 0; i < n; i++)
			json_array_append_new(
				list, json_pack("{s:s,s:o,s:o,s:f,s:i}", "row", h[i].row, "model",
						cli_json_text(h[i].model, strlen(h[i].model)),
						"predicted", cli_json_real(h[i].predicted),
						"measured", h[i].measured, "models", h[i].models));
		cli_json(json_pack("{s:o}", "held_out", list));
	} else if (n) {
		print_held(h, n);
	} else {
		printf("no benchmark of this machine is kept yet: `t2tui bench MODEL` makes one\n");
	}
	cost_model_free(cm);
	return 0;
}

/* What an expert's products run on. */
static void
print_copies(const struct model *m)
{
	double whole = 4 * count_adapted(model_config(m)), machine = (double)memory_machine(),
	       copies = (double)adaptation_dense_bytes(m, INT_MAX);

	printf("%-13s %9s %-3s %6s", "dense copies", "", "", "");
	print_bytes(copies);
	if (copies > 0)
		printf("  at most, of experts that many rows run under (one takes %.3g GB)\n",
		       whole * 1e-9);
	else
		printf("  none: one expert's %.3g GB are more than half of what %.3g GB of memory "
		       "leave; experts run on the mapped files\n",
		       whole * 1e-9, machine * 1e-9);
}

static void
print_jobs(const struct subject *s, const struct cost_model *cm, const struct cost_job *jobs, int n)
{
	printf("%-13s %9s %-3s %6s  %9s  %s\n", "job", "time", "", "", "memory", "");
	for (int i = 0; i < n; i++) {
		printf("%-13s ", jobs[i].name);
		print_seconds(jobs[i].seconds, jobs[i].fit.models > 1 ? jobs[i].fit.error : 0);
		print_bytes(jobs[i].bytes);
		printf("  %s\n", jobs[i].what);
	}
	print_mapped(s->bytes, s->type, model_config(s->model), jobs, n);
	print_copies(s->model);
	if (cost_models(cm))
		printf("from benchmarks of %d model%s on this machine; memory is beside the mapped "
		       "files\n",
		       cost_models(cm), cost_models(cm) > 1 ? "s" : "");
	else
		printf("times: no benchmark of this machine is kept yet, `t2tui bench MODEL` makes "
		       "one; memory is beside the mapped files\n");
}

static void
answer_json(const struct subject *s, const struct cost_model *cm, const struct cost_job *jobs,
	    int n)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(list, job_json(&jobs[i]));
	cli_json(json_pack("{s:i,s:f,s:f,s:f,s:f,s:o}", "benchmarks", cost_models(cm),
			   "weight_bytes", s->bytes, "factor_bytes",
			   4 * count_factors(model_config(s->model)), "dense_bytes",
			   (double)adaptation_dense_bytes(s->model, INT_MAX), "machine_bytes",
			   (double)memory_machine(), "jobs", list));
}

int
cost_command(struct cli *c)
{
	struct cost_job jobs[COST_JOBS];
	struct cost_model *cm = NULL;
	struct subject s = {0};
	int n, rc = describe(c, &s);

	if (!rc && cost_model_new(&cm, &c->ws, &c->err))
		rc = cli_fail(c);
	if (!rc && !(n = cost_predict(cm, s.model, s.bytes, s.type, jobs, &c->err)))
		rc = cli_fail(c);
	if (!rc && c->json)
		answer_json(&s, cm, jobs, n);
	else if (!rc)
		print_jobs(&s, cm, jobs, n);
	cost_model_free(cm);
	shape_free(s.shape);
	return rc;
}
