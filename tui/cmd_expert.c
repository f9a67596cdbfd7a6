#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/model/checkpoint.h"
#include "engine/svf/expert.h"
#include "store/models.h"
#include "tui/cli.h"
#include "tui/verbs.h"

static const struct opt opts[] = {
	{"--model", "MODEL",
	 "the model an imported file belongs to (default: the one it names, else the sample)"},
	{"--name", "NAME", "import under this name"},
	{"--transfer", NULL, "import an expert of another model where shapes fit"},
	{"-o", "FILE", "export to this file"},
	{0},
};

static const char *
when(double t, char *buf, size_t size)
{
	time_t s = (time_t)t;
	struct tm tm;

	strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&s, &tm));
	return buf;
}

static json_t *
row_json(const struct expert_row *r)
{
	char t[40];
	json_t *o = json_pack("{s:s,s:o,s:s,s:s,s:s,s:s,s:I,s:s,s:b}", "name", r->name, "model",
			      cli_json_text(r->model_name, strlen(r->model_name)), "task", r->task,
			      "method", r->method, "scale", r->scale, "modules", r->modules,
			      "parameters", (json_int_t)r->parameters, "created",
			      when(r->created, t, sizeof t), "shipped", r->shipped);

	json_object_set_new(o, "accuracy", cli_json_real(r->accuracy));
	json_object_set_new(o, "base_accuracy", cli_json_real(r->base_accuracy));
	return o;
}

static int
list(struct cli *c)
{
	struct expert_list l;
	json_t *a = json_array();
	char t[40], base[CLI_FIGURE], best[CLI_FIGURE];

	if (store_expert_list(c->ws.store, 0, &l, &c->err)) {
		json_decref(a);
		return cli_fail(c);
	}
	if (!c->json && l.n)
		printf("%-16s %-12s %-12s %-6s %-9s %-5s %8s %8s %8s  %s\n", "name", "model",
		       "task", "method", "scale", "mods", "values", "base", "accuracy", "created");
	for (int i = 0; i < l.n; i++) {
		const struct expert_row *r = &l.v[i];

		if (c->json)
			json_array_append_new(a, row_json(r));
		else
			printf("%-16s %-12s %-12s %-6s %-9s %-5s %8lld %8s %8s  %s%s\n", r->name,
			       r->model_name, r->task, r->method, r->scale, r->modules,
			       (long long)r->parameters, cli_figure(base, "%.3g", r->base_accuracy),
			       cli_figure(best, "%.3g", r->accuracy), when(r->created, t, sizeof t),
			       r->shipped ? " shipped" : "");
	}
	if (c->json)
		cli_json(json_pack("{s:O}", "experts", a));
	else if (!l.n)
		printf("no experts yet; \"t2tui train\" makes one, \"t2tui expert import FILE\" "
		       "brings one in\n");
	json_decref(a);
	expert_list_free(&l);
	return 0;
}

/* The expert named at position i with its model opened. */
static int
load(struct cli *c, int i, struct expert **e, struct expert_row *row, struct arena *a)
{
	const char *name = cli_pos(c, i, "NAME");

	*e = NULL;
	if (!name)
		return 2;
	if (store_expert_find(c->ws.store, c->ws.model_id, name, row, a, &c->err))
		return cli_fail(c);
	if (!c->ws.model && workspace_model(&c->ws, row->fingerprint, WS_CACHED, &c->job, &c->err))
		return cli_fail(c);
	if (c->ws.model_id != row->model) {
		t2_fail(&c->err, T2_EMISMATCH,
			"expert %s: %s is no longer the model that it was made for", row->name,
			model_path(c->ws.model));
		return cli_fail(c);
	}
	if (store_expert_load(c->ws.store, row->id, c->ws.model, e, &c->err))
		return cli_fail(c);
	return 0;
}

static json_t *
vectors_json(const struct model *m, const struct zset *z)
{
	json_t *a = json_array();

	for (int i = 0; i < z->count; i++) {
		double sum = 0, lo = INFINITY, hi = -INFINITY;

		if (!z->z[i])
			continue;
		for (int k = 0; k < z->rank[i]; k++) {
			double x = (double)z->z[i][k];

			sum += fabs(x - 1);
			lo = fmin(lo, x);
			hi = fmax(hi, x);
		}
		json_array_append_new(a, json_pack("{s:s,s:i,s:f,s:f,s:f}", "matrix",
						   model_matrix(m, i)->name, "rank", z->rank[i],
						   "mean_change", sum / z->rank[i], "min", lo,
						   "max", hi));
	}
	return a;
}

static int
show(struct cli *c)
{
	struct arena a = {0};
	struct expert_row row;
	struct expert *e;
	int rc = load(c, 1, &e, &row, &a);
	json_t *v;

	if (rc) {
		arena_free(&a);
		return rc;
	}
	v = vectors_json(c->ws.model, e->z);
	if (c->json) {
		json_t *o = row_json(&row);

		json_object_set_new(o, "vectors", v);
		cli_json(o);
	} else {
		printf("%s: model %s, task %s, %s, scale %s, modules %s, %lld values\n", row.name,
		       row.model_name, row.task, row.method, row.scale, row.modules,
		       (long long)row.parameters);
		printf("%-44s %6s %10s %9s %9s\n", "matrix", "rank", "mean|z-1|", "min", "max");
		for (size_t i = 0; i < json_array_size(v); i++) {
			json_t *o = json_array_get(v, i);

			printf("%-44s %6lld %10.4f %9.4f %9.4f\n",
			       json_string_value(json_object_get(o, "matrix")),
			       json_integer_value(json_object_get(o, "rank")),
			       json_real_value(json_object_get(o, "mean_change")),
			       json_real_value(json_object_get(o, "min")),
			       json_real_value(json_object_get(o, "max")));
		}
		json_decref(v);
	}
	expert_free(e);
	arena_free(&a);
	return 0;
}

/* Cosine of z - 1: what the two change, not that both are near one. */
static int
diff(struct cli *c)
{
	struct arena a = {0};
	struct expert_row ra, rb;
	struct expert *x = NULL, *y = NULL;
	double dot = 0, nx = 0, ny = 0, nd = 0;
	json_t *list;
	int rc = load(c, 1, &x, &ra, &a);

	if (!rc)
		rc = load(c, 2, &y, &rb, &a);
	list = json_array();
	for (int i = 0; !rc && i < x->z->count; i++) {
		double d = 0, px = 0, py = 0, pd = 0;

		if (!x->z->z[i] && !y->z->z[i])
			continue;
		for (int k = 0; k < x->z->rank[i]; k++) {
			double u = x->z->z[i] ? (double)x->z->z[i][k] - 1 : 0,
			       v = y->z->z[i] ? (double)y->z->z[i][k] - 1 : 0;

			d += u * v;
			px += u * u;
			py += v * v;
			pd += (u - v) * (u - v);
		}
		dot += d;
		nx += px;
		ny += py;
		nd += pd;
		json_array_append_new(list, json_pack("{s:s,s:f,s:f,s:f,s:f}", "matrix",
						      model_matrix(c->ws.model, i)->name, "cosine",
						      px > 0 && py > 0 ? d / sqrt(px * py) : 0.0,
						      "norm_a", sqrt(px), "norm_b", sqrt(py),
						      "norm_difference", sqrt(pd)));
	}
	if (!rc) {
		double cosine = nx > 0 && ny > 0 ? dot / sqrt(nx * ny) : 0;

		if (c->json) {
			cli_json(json_pack("{s:f,s:f,s:f,s:f,s:O}", "cosine", cosine, "norm_a",
					   sqrt(nx), "norm_b", sqrt(ny), "norm_difference",
					   sqrt(nd), "matrices", list));
		} else {
			printf("cosine of z - 1: %.4f   norms %.4f %.4f   difference %.4f\n",
			       cosine, sqrt(nx), sqrt(ny), sqrt(nd));
			for (size_t i = 0; i < json_array_size(list); i++)
				printf("%-44s %8.4f\n",
				       json_string_value(
					       json_object_get(json_array_get(list, i), "matrix")),
				       json_real_value(
					       json_object_get(json_array_get(list, i), "cosine")));
		}
	}
	json_decref(list);
	expert_free(x);
	expert_free(y);
	arena_free(&a);
	return rc;
}

/* The model that a file names by its fingerprint, where the store knows it; else the sample. */
static void
owner(struct cli *c, const char *file, char *out, size_t size)
{
	struct safetensors *s;
	struct arena a = {0};
	struct model_row row;
	const char *fp;

	snprintf(out, size, "sample");
	if (safetensors_open(&s, file, NULL))
		return;
	fp = safetensors_meta(s, "fingerprint");
	if (fp && !store_model_find(c->ws.store, fp, &row, &a, NULL))
		snprintf(out, size, "%s", row.fingerprint);
	arena_free(&a);
	safetensors_free(s);
}

/* What a file without a name is called: itself, without folder and ending. */
static void
file_name(const char *file, char *out, size_t size)
{
	const char *base = strrchr(file, '/'), *dot;

	base = base ? base + 1 : file;
	dot = strrchr(base, '.');
	snprintf(out, size, "%.*s", dot && dot > base ? (int)(dot - base) : (int)strlen(base),
		 base);
}

/* A file of raw parameters needs sigma: what is missing is computed then. */
static enum t2_status
load_file(struct cli *c, const char *file, struct expert **e)
{
	enum t2_status st = expert_load(e, file, c->ws.model, c->ws.factors,
					cli_flag(c, "--transfer"), &c->err);

	if (st != T2_ENOTFOUND || access(file, R_OK) ||
	    factors_count(c->ws.factors) == model_matrices(c->ws.model))
		return st;
	if ((st = workspace_decompose(&c->ws, "all", false, false, &c->job, NULL, &c->err)))
		return st;
	return expert_load(e, file, c->ws.model, c->ws.factors, cli_flag(c, "--transfer"), &c->err);
}

static int
import(struct cli *c)
{
	const char *file = cli_pos(c, 1, "FILE"), *name = cli_str(c, "--name"),
		   *model = cli_str(c, "--model");
	struct expert_row row = {.base_accuracy = NAN};
	struct expert *e = NULL;
	struct task *t = NULL;
	char of[64];
	int64_t id;
	int rc = 0;

	if (!file)
		return 2;
	if (name && store_name_check("expert", name, &c->err))
		return cli_usage(c, "%s", c->err.msg);
	owner(c, file, of, sizeof of);
	if (workspace_model(&c->ws, model ? model : of, WS_CACHED, &c->job, &c->err) ||
	    load_file(c, file, &e))
		return cli_fail(c);
	if (name)
		snprintf(e->name, sizeof e->name, "%s", name);
	if (!e->name[0])
		file_name(file, e->name, sizeof e->name);
	if (e->note[0])
		cli_note(c, "%s", e->note);
	/* a classifier stays one when it comes back from a file */
	if (e->task[0] && !workspace_task(e->task, &t, NULL))
		row.dispatch = task_categories(t) > 0 && task_dispatches(t);
	task_free(t);
	row.accuracy = e->accuracy[0] ? atof(e->accuracy) : NAN;
	if (store_expert_add(c->ws.store, c->ws.model_id, c->ws.model, e, &row, &id, &c->err))
		rc = cli_fail(c);
	else if (c->json)
		cli_json(json_pack("{s:s,s:I}", "name", e->name, "id", (json_int_t)id));
	else
		printf("%s\n", e->name);
	expert_free(e);
	return rc;
}

static int export(struct cli *c)
{
	const char *to = cli_str(c, "-o");
	struct arena a = {0};
	struct expert_row row;
	struct expert *e = NULL;
	int rc;

	if (!to)
		return cli_usage(c, "-o FILE is missing");
	rc = load(c, 1, &e, &row, &a);
	if (!rc && expert_save(e, to, c->ws.model, &c->err))
		rc = cli_fail(c);
	if (!rc && c->json)
		cli_json(json_pack("{s:s}", "path", to));
	expert_free(e);
	arena_free(&a);
	return rc;
}

static int
rename_or_remove(struct cli *c, bool renaming)
{
	const char *name = cli_pos(c, 1, "NAME"),
		   *to = renaming ? cli_pos(c, 2, "the new name") : NULL;
	struct arena a = {0};
	struct expert_row row;
	int rc = 0;

	if (!name || (renaming && !to))
		return 2;
	if (store_expert_find(c->ws.store, 0, name, &row, &a, &c->err) ||
	    (renaming ? store_expert_rename(c->ws.store, row.id, to, &c->err)
		      : store_expert_remove(c->ws.store, row.id, &c->err)))
		rc = cli_fail(c);
	arena_free(&a);
	return rc;
}

static int
rename_it(struct cli *c)
{
	return rename_or_remove(c, true);
}

static int
remove_it(struct cli *c)
{
	return rename_or_remove(c, false);
}

static const struct cli_sub subs[] = {{"list", 1, list},     {"show", 2, show},
				      {"diff", 3, diff},     {"import", 2, import},
				      {"export", 2, export}, {"rename", 3, rename_it},
				      {"rm", 2, remove_it},  {0}};

static int
expert_run(struct cli *c)
{
	const struct cli_sub *sub = cli_sub(c, subs);

	if (!sub)
		return 2;
	if (workspace_start(&c->ws, (int)c->threads, c->store_path, &c->err))
		return cli_fail(c);
	return sub->run(c);
}

const struct command cmd_expert = {
	"expert",
	"list | show NAME | diff A B | import FILE | export NAME -o FILE | rename A B | rm NAME",
	"the experts of the store",
	opts,
	expert_run,
	3};
