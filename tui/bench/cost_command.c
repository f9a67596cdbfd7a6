#include "tui/bench/cost_command.h"

#include <math.h>
#include <stdio.h>

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

static json_t *
job_json(const struct cost_job *j)
{
	return json_pack("{s:s,s:s,s:o,s:o,s:f,s:i}", "name", j->name, "what", j->what, "seconds",
			 cli_json_real(j->seconds), "error",
			 cli_json_real(j->fit.models > 1 ? j->fit.error : NAN), "bytes", j->bytes,
			 "models", j->fit.models);
}

/* The model's numbers; a shape needs no file. */
static int
describe(struct cli *c, struct config *config, double *bytes, enum dtype *type)
{
	int rc;

	if (c->npos && shape_is(c->pos[0])) {
		*type = T2_BF16;
		if (shape_config(c->pos[0], config, &c->err) ||
		    workspace_start(&c->ws, (int)c->threads, c->store_path, &c->err))
			return cli_fail(c);
		*bytes = 2 * (count_adapted(config) + count_head(config));
		return 0;
	}
	if ((rc = cli_open(c, 0, WS_MODEL)))
		return rc;
	*config = *model_config(c->ws.model);
	*type = model_matrix(c->ws.model, 0)->type;
	*bytes = bench_weight_bytes(c->ws.model);
	return 0;
}

int
cost_command(struct cli *c)
{
	struct cost_job jobs[COST_JOBS];
	struct cost_model *cm;
	struct config config;
	enum dtype type;
	json_t *list;
	double bytes = 0;
	int n, rc = describe(c, &config, &bytes, &type);

	if (rc)
		return rc;
	if (cost_model_new(&cm, &c->ws, &c->err))
		return cli_fail(c);
	n = cost_predict(cm, &config, bytes, type, jobs);
	list = json_array();
	if (!c->json)
		printf("%-13s %9s %-3s %6s  %9s  %s\n", "job", "time", "", "", "memory", "");
	for (int i = 0; i < n; i++) {
		if (c->json) {
			json_array_append_new(list, job_json(&jobs[i]));
			continue;
		}
		printf("%-13s ", jobs[i].name);
		print_seconds(jobs[i].seconds, jobs[i].fit.models > 1 ? jobs[i].fit.error : 0);
		print_bytes(jobs[i].bytes);
		printf("  %s\n", jobs[i].what);
	}
	if (c->json)
		cli_json(json_pack("{s:i,s:f,s:f,s:O}", "benchmarks", cost_models(cm),
				   "weight_bytes", bytes, "factor_bytes",
				   4 * count_factors(&config), "jobs", list));
	else if (cost_models(cm))
		printf("from %d benchmark%s of this machine; memory is beside the mapped files\n",
		       cost_models(cm), cost_models(cm) > 1 ? "s" : "");
	else
		printf("times: no benchmark of this machine is kept yet, `t2tui bench MODEL` makes "
		       "one; "
		       "memory is beside the mapped files\n");
	json_decref(list);
	cost_model_free(cm);
	return 0;
}
