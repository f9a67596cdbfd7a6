#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/date.h"
#include "engine/svf/expert.h"
#include "engine/svf/zchange.h"
#include "tui/cli.h"
#include "tui/importing.h"
#include "tui/verbs.h"

enum { MOST = 20 }; /* components that diff lists */

static const struct opt opts[] = {
	{"--model", "MODEL",
	 "the model an imported file belongs to (default: the one it names, else the sample)"},
	{"--name", "NAME", "import under this name"},
	{"--transfer", NULL, "import an expert of another model where shapes fit"},
	{"-o", "FILE", "export to this file"},
	{0},
};

static json_t *
row_json(const struct expert_row *r)
{
	char t[40];
	json_t *o =
		json_pack("{s:s,s:o,s:s,s:s,s:s,s:s,s:I,s:s,s:b}", "name", r->name, "model",
			  cli_json_text(r->model_name, strlen(r->model_name)), "task", r->task,
			  "method", r->method, "scale", r->scale, "modules", r->modules,
			  "parameters", (json_int_t)r->parameters, "created",
			  date_text_utc(t, sizeof t, DATE_ISO, r->created), "shipped", r->shipped);

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
			printf("%-*s %-*s %-*s %-6s %-9s %-5s %8lld %8s %8s  %s%s\n",
			       cli_field(r->name, 16), r->name, cli_field(r->model_name, 12),
			       r->model_name, cli_field(r->task, 12), r->task, r->method, r->scale,
			       r->modules, (long long)r->parameters,
			       cli_figure(base, "%.3g", r->base_accuracy),
			       cli_figure(best, "%.3g", r->accuracy),
			       date_text_utc(t, sizeof t, DATE_ISO, r->created),
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
		struct zchange x;

		if (zchange_of(z, i, &x))
			json_array_append_new(a, json_pack("{s:s,s:i,s:f,s:f,s:f,s:f}", "matrix",
							   model_matrix(m, i)->name, "rank",
							   z->rank[i], "mean_change", x.mean_abs,
							   "mean_signed", x.mean, "min", x.lo,
							   "max", x.hi));
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

static json_t *
compare_json(const struct zset *a, const struct zset *b, int from, int to)
{
	struct zcompare k;

	zcompare_of(a, b, from, to, &k);
	return json_pack("{s:f,s:f,s:f,s:f}", "cosine", k.cosine, "norm_a", k.norm_a, "norm_b",
			 k.norm_b, "norm_difference", k.norm_difference);
}

static json_t *
layers_json(const struct model *m, const struct zset *a, const struct zset *b)
{
	json_t *list = json_array();

	for (int l = 0; l < model_config(m)->layers; l++) {
		json_t *o = compare_json(a, b, l * MAT_KINDS, (l + 1) * MAT_KINDS);

		json_object_set_new(o, "layer", json_integer(l));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
matrices_json(const struct model *m, const struct zset *a, const struct zset *b)
{
	json_t *list = json_array();

	for (int i = 0; i < a->count; i++) {
		json_t *o;

		if (!a->z[i] && !b->z[i])
			continue;
		o = compare_json(a, b, i, i + 1);
		json_object_set_new(o, "matrix", json_string(model_matrix(m, i)->name));
		json_array_append_new(list, o);
	}
	return list;
}

/* sigma null: not decomposed yet. */
static json_t *
components_json(const struct workspace *ws, const struct zset *a, const struct zset *b)
{
	struct zdiffer v[MOST];
	int n = zdiffer_most(a, b, v, MOST);
	json_t *list = json_array();

	for (int i = 0; i < n; i++) {
		const struct factor *f = factors_get(ws->factors, v[i].mat);
		json_t *o = json_pack("{s:s,s:i,s:f,s:f}", "matrix",
				      model_matrix(ws->model, v[i].mat)->name, "component",
				      v[i].component, "z_a", (double)v[i].a, "z_b", (double)v[i].b);

		json_object_set_new(o, "sigma",
				    cli_json_real(f ? f->sigma64[v[i].component] : (double)NAN));
		json_array_append_new(list, o);
	}
	return list;
}

static void
diff_print(const json_t *all)
{
	const json_t *o;
	size_t i;

	printf("cosine of z - 1: %.4f   norms %.4f %.4f   difference %.4f\n",
	       json_real_value(json_object_get(all, "cosine")),
	       json_real_value(json_object_get(all, "norm_a")),
	       json_real_value(json_object_get(all, "norm_b")),
	       json_real_value(json_object_get(all, "norm_difference")));
	json_array_foreach (json_object_get(all, "matrices"), i, o)
		printf("%-44s %8.4f\n", json_string_value(json_object_get(o, "matrix")),
		       json_real_value(json_object_get(o, "cosine")));
	json_array_foreach (json_object_get(all, "layers"), i, o)
		printf("layer %-38lld %8.4f\n", json_integer_value(json_object_get(o, "layer")),
		       json_real_value(json_object_get(o, "cosine")));
	printf("components that differ most\n%-44s %9s %9s %9s %9s\n", "matrix", "component", "z a",
	       "z b", "sigma");
	json_array_foreach (json_object_get(all, "components"), i, o) {
		const json_t *sigma = json_object_get(o, "sigma");

		printf("%-44s %9lld %9.4f %9.4f ", json_string_value(json_object_get(o, "matrix")),
		       json_integer_value(json_object_get(o, "component")),
		       json_real_value(json_object_get(o, "z_a")),
		       json_real_value(json_object_get(o, "z_b")));
		if (json_is_null(sigma))
			printf("%9s\n", "-");
		else
			printf("%9.4g\n", json_real_value(sigma));
	}
}

/* Cosine of z - 1: what the two change, not that both are near one. */
static int
diff(struct cli *c)
{
	struct arena mem = {0};
	struct expert_row ra, rb;
	struct expert *a = NULL, *b = NULL;
	int rc = load(c, 1, &a, &ra, &mem);

	if (!rc)
		rc = load(c, 2, &b, &rb, &mem);
	if (!rc) {
		json_t *o = compare_json(a->z, b->z, 0, a->z->count);

		json_object_set_new(o, "matrices", matrices_json(c->ws.model, a->z, b->z));
		json_object_set_new(o, "layers", layers_json(c->ws.model, a->z, b->z));
		json_object_set_new(o, "components", components_json(&c->ws, a->z, b->z));
		if (c->json) {
			cli_json(o);
		} else {
			diff_print(o);
			json_decref(o);
		}
	}
	expert_free(a);
	expert_free(b);
	arena_free(&mem);
	return rc;
}

static int
import(struct cli *c)
{
	struct importing_options o = {.file = cli_pos(c, 1, "FILE"),
				      .name = cli_str(c, "--name"),
				      .model = cli_str(c, "--model"),
				      .otherwise = "sample",
				      .transfer = cli_flag(c, "--transfer")};
	struct importing got;

	if (!o.file)
		return 2;
	if (o.name && store_name_check("expert", o.name, &c->err))
		return cli_usage(c, "%s", c->err.msg);
	if (importing_run(&got, &c->ws, &o, &c->job, &c->err))
		return cli_fail(c);
	if (got.note[0])
		cli_note(c, "%s", got.note);
	if (c->json)
		cli_json(json_pack("{s:s,s:I}", "name", got.name, "id", (json_int_t)got.id));
	else
		printf("%s\n", got.name);
	return 0;
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
	else if (c->json)
		cli_json(json_pack("{s:I,s:s}", "id", (json_int_t)row.id,
				   renaming ? "name" : "removed", renaming ? to : row.name));
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
