#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/mixtures.h"
#include "tui/cli.h"
#include "tui/mixing.h"
#include "tui/verbs.h"

static const struct opt opts[] = {
	{"--model", "MODEL", "whose experts (default: the model of the first expert named)"},
	{"--normalise", NULL, "divide the weights by their sum"},
	{0},
};

static json_t *
row_json(const struct mixture_row *m)
{
	json_t *alpha = json_object();

	for (int i = 0; i < m->parts; i++) {
		json_t *v = json_real(m->part[i].alpha);

		if (m->part[i].alphas) {
			json_decref(v);
			v = json_array();
			for (int k = 0; k < m->part[i].count; k++)
				json_array_append_new(v, json_real((double)m->part[i].alphas[k]));
		}
		json_object_set_new(alpha, m->part[i].name, v);
	}
	return json_pack("{s:s,s:o,s:s,s:o,s:o}", "name", m->name, "model",
			 cli_json_text(m->model_name, strlen(m->model_name)), "task", m->task,
			 "fitness", cli_json_real(m->fitness), "alpha", alpha);
}

static void
print_row(const struct mixture_row *m)
{
	printf("%-*s %-*s", cli_field(m->name, 20), m->name, cli_field(m->model_name, 12),
	       m->model_name);
	for (int i = 0; i < m->parts; i++)
		printf("  %s=%.4g%s", m->part[i].name, m->part[i].alpha,
		       m->part[i].alphas ? " (per matrix)" : "");
	if (!isnan(m->fitness))
		printf("  searched on %s, fitness %.3g", m->task, m->fitness);
	printf("\n");
}

static int
list(struct cli *c)
{
	struct mixture_list l;
	json_t *a = json_array();

	if (store_mixture_list(c->ws.store, 0, &l, &c->err)) {
		json_decref(a);
		return cli_fail(c);
	}
	for (int i = 0; i < l.n; i++) {
		if (c->json)
			json_array_append_new(a, row_json(&l.v[i]));
		else
			print_row(&l.v[i]);
	}
	if (c->json)
		cli_json(json_pack("{s:O}", "mixtures", a));
	else if (!l.n)
		printf("no mixtures yet; \"t2tui mix create NAME A=0.6 B=0.4\" or \"t2tui search\" "
		       "makes one\n");
	json_decref(a);
	mixture_list_free(&l);
	return 0;
}

static int
create_parts(struct cli *c, struct mixing *m, int64_t *model, struct arena *a)
{
	double sum = 0;

	for (int i = 2; i < c->npos; i++) {
		const char *eq = strchr(c->pos[i], '=');
		struct expert_row row;
		char expert[200], *end;
		double alpha;

		if (!eq || m->k == MIXING_EXPERTS)
			return cli_usage(c, "%s: EXPERT=WEIGHT is wanted", c->pos[i]);
		alpha = strtod(eq + 1, &end);
		if (end == eq + 1 || *end || !isfinite(alpha))
			return cli_usage(c, "%s: the weight is not a number", c->pos[i]);
		snprintf(expert, sizeof expert, "%.*s", (int)(eq - c->pos[i]), c->pos[i]);
		if (store_expert_find(c->ws.store, *model, expert, &row, a, &c->err))
			return cli_fail(c);
		if (mixing_find(m, row.id) >= 0) {
			t2_fail(&c->err, T2_EINVAL,
				"mixture: %s is named twice; give it one weight", expert);
			return cli_fail(c);
		}
		if (mixing_add(m, row.id, row.name, alpha, &c->err))
			return cli_fail(c);
		*model = row.model;
		sum += alpha;
	}
	m->normalise = cli_flag(c, "--normalise");
	if (m->normalise && sum == 0)
		return cli_usage(c, "--normalise: the weights sum to 0");
	return 0;
}

static int
create(struct cli *c)
{
	const char *name = cli_pos(c, 1, "NAME"), *of = cli_str(c, "--model");
	struct mixing m;
	struct arena a = {0};
	int64_t id, model = 0;
	int rc;

	if (!name || !cli_pos(c, 2, "EXPERT=WEIGHT"))
		return 2;
	if (of) {
		if (workspace_model(&c->ws, of, WS_MODEL, &c->job, &c->err))
			return cli_fail(c);
		model = c->ws.model_id;
	}
	if (mixing_init(&m, 1, &c->err))
		return cli_fail(c);
	rc = create_parts(c, &m, &model, &a);
	if (!rc && mixing_keep(&m, c->ws.store, model, name, &id, &c->err))
		rc = cli_fail(c);
	if (!rc && c->json)
		cli_json(json_pack("{s:s,s:I}", "name", name, "id", (json_int_t)id));
	arena_free(&a);
	mixing_free(&m);
	return rc;
}

static int
show_or_remove(struct cli *c, bool removing)
{
	const char *name = cli_pos(c, 1, "NAME");
	struct mixture_row m;
	struct arena a = {0};
	int rc = 0;

	if (!name)
		return 2;
	if (store_mixture_find(c->ws.store, 0, name, &m, &a, &c->err) ||
	    (removing && store_mixture_remove(c->ws.store, m.id, &c->err)))
		rc = cli_fail(c);
	else if (removing && c->json)
		cli_json(json_pack("{s:I,s:s}", "id", (json_int_t)m.id, "removed", m.name));
	else if (c->json)
		cli_json(json_pack("{s:[o]}", "mixtures", row_json(&m)));
	else if (!removing)
		print_row(&m);
	arena_free(&a);
	return rc;
}

static int
show(struct cli *c)
{
	return show_or_remove(c, false);
}

static int
remove_it(struct cli *c)
{
	return show_or_remove(c, true);
}

static const struct cli_sub subs[] = {{"create", CLI_MAX, create},
				      {"list", 1, list},
				      {"show", 2, show},
				      {"rm", 2, remove_it},
				      {0}};

static int
mix_run(struct cli *c)
{
	const struct cli_sub *sub = cli_sub(c, subs);

	if (!sub)
		return 2;
	if (workspace_start(&c->ws, (int)c->threads, c->store_path, &c->err))
		return cli_fail(c);
	return sub->run(c);
}

const struct command cmd_mix = {"mix",
				"create NAME A=0.6 B=0.4 | list | show NAME | rm NAME",
				"the mixtures of the store",
				opts,
				mix_run,
				CLI_MAX};
