#include <stdio.h>
#include <string.h>

#include "tui/bench/cost_command.h"
#include "tui/cli.h"
#include "tui/model_info.h"
#include "tui/verbs.h"

static const struct opt opts[] = {
	{"--cost", NULL, "what each job will take on this machine; MODEL may be a shape:..."},
	{0},
};

static json_t *
matrices_json(const struct model *m)
{
	json_t *list = json_array();

	for (int i = 0; i < model_matrices(m); i++) {
		const struct weight *w = model_matrix(m, i);

		json_array_append_new(list, json_pack("{s:s,s:i,s:i,s:i,s:s}", "name", w->name, "m",
						      w->m, "n", w->n, "rank", weight_rank(w),
						      "kind", mat_kind_name(i % MAT_KINDS)));
	}
	return list;
}

static void
print_json(const struct cli *c, const struct model_info *i)
{
	const struct config *g = &i->config;
	json_t *types = json_object(), *tokenizer = json_null(), *decomposed = json_object();

	for (int t = 0; t < i->types; t++)
		json_object_set_new(types, i->type[t].name, json_integer(i->type[t].tensors));
	for (int k = 0; k < MAT_KINDS; k++)
		json_object_set_new(decomposed, mat_kind_name(k), json_integer(i->decomposed[k]));
	if (i->vocab)
		tokenizer = json_pack("{s:s,s:i,s:i}", "kind", i->tokenizer, "entries", i->vocab,
				      "merges", i->merges);
	cli_json(json_pack(
		"{s:s,s:s,s:s,s:I,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:f,s:b,s:o,s:I,s:o,s:o,s:o,s:o}",
		"name", c->ws.name, "arch", g->arch, "fingerprint", i->fingerprint, "parameters",
		(json_int_t)i->parameters, "layers", g->layers, "hidden", g->hidden, "heads",
		g->heads, "kv_heads", g->kv_heads, "head_dim", g->head_dim, "ffn", g->ffn, "vocab",
		g->vocab, "context", g->context, "rope_theta", g->rope_theta, "tied", (int)g->tied,
		"dtypes", types, "bytes", (json_int_t)i->bytes, "tokenizer", tokenizer,
		"decomposed", decomposed, "matrices", matrices_json(c->ws.model), "path",
		cli_json_text(i->path, strlen(i->path))));
}

static void
print_line(void *arg, const char *label, const char *text)
{
	(void)arg;
	printf("%-13s %s\n", label, text);
}

static void
print_text(const struct cli *c, const struct model_info *i)
{
	const struct model *m = c->ws.model;

	printf("%-13s %s\n", "name", c->ws.name);
	model_info_lines(i, print_line, NULL);
	printf("%-13s %d of %d matrices\n\n", "decomposed", model_info_decomposed(i), i->matrices);
	printf("%-44s %-5s %6s %6s %6s  %s\n", "matrix", "kind", "m", "n", "rank", "type");
	for (int k = 0; k < model_matrices(m); k++) {
		const struct weight *w = model_matrix(m, k);

		printf("%-44s %-5s %6d %6d %6d  %s\n", w->name, mat_kind_name(k % MAT_KINDS), w->m,
		       w->n, weight_rank(w), dtype_name(w->type));
	}
}

static int
info_run(struct cli *c)
{
	struct model_info *i = NULL;
	int rc;

	if (cli_flag(c, "--cost"))
		return cost_command(c);
	if ((rc = cli_open(c, 0, WS_CACHED | WS_UNKEPT)))
		return rc;
	if (model_info_read(&i, c->ws.model, &c->err))
		return cli_fail(c);
	model_info_factors(i, c->ws.model, c->ws.factors);
	if (model_info_text(i, &c->err))
		rc = cli_fail(c);
	else if (c->json)
		print_json(c, i);
	else
		print_text(c, i);
	model_info_free(i);
	return rc;
}

const struct command cmd_info = {
	"info", "MODEL", "architecture, tensors, types, sizes, fingerprint", opts, info_run, 1};
