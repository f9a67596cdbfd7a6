#include <stdio.h>

#include "engine/model/checkpoint.h"
#include "tui/bench/cost_command.h"
#include "tui/cli.h"
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

static int
info_run(struct cli *c)
{
	int rc = cli_flag(c, "--cost") ? 0 : cli_open(c, 0, WS_CACHED), count[T2_DTYPES] = {0};
	const struct model *m = c->ws.model;
	const struct checkpoint *ck;
	const struct config *g;

	if (rc)
		return rc;
	if (cli_flag(c, "--cost"))
		return cost_command(c);
	g = model_config(m);
	ck = model_checkpoint(m);
	for (int i = 0; i < checkpoint_count(ck); i++)
		count[checkpoint_tensor(ck, i)->type]++;
	if (c->json) {
		json_t *types = json_object();

		for (int t = 0; t < T2_DTYPES; t++)
			if (count[t])
				json_object_set_new(types, dtype_name(t), json_integer(count[t]));
		cli_json(json_pack("{s:s,s:s,s:s,s:I,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:o,s:I,s:o}",
				   "name", c->ws.name, "arch", g->arch, "fingerprint",
				   model_fingerprint(m), "parameters",
				   (json_int_t)model_parameters(m), "layers", g->layers, "hidden",
				   g->hidden, "heads", g->heads, "kv_heads", g->kv_heads,
				   "head_dim", g->head_dim, "ffn", g->ffn, "vocab", g->vocab,
				   "context", g->context, "dtypes", types, "bytes",
				   (json_int_t)checkpoint_bytes(ck), "matrices", matrices_json(m)));
		return 0;
	}
	printf("name         %s\npath         %s\nfingerprint  %s\n", c->ws.name, model_path(m),
	       model_fingerprint(m));
	printf("architecture %s, %d layers, hidden %d, ffn %d, %d heads of %d (%d key/value)\n",
	       g->arch, g->layers, g->hidden, g->ffn, g->heads, g->head_dim, g->kv_heads);
	printf("vocabulary   %d%s, context %d, rope theta %g%s\n", g->vocab,
	       g->tied ? " (output tied)" : "", g->context, g->rope_theta,
	       g->rope_llama3 ? ", llama3 scaling" : "");
	printf("parameters   %ld in %d tensors, %zu bytes:", model_parameters(m),
	       checkpoint_count(ck), checkpoint_bytes(ck));
	for (int t = 0; t < T2_DTYPES; t++)
		if (count[t])
			printf(" %d %s", count[t], dtype_name(t));
	printf("\ndecomposed   %d of %d matrices\n\n", factors_count(c->ws.factors),
	       model_matrices(m));
	printf("%-44s %-5s %6s %6s %6s  %s\n", "matrix", "kind", "m", "n", "rank", "type");
	for (int i = 0; i < model_matrices(m); i++) {
		const struct weight *w = model_matrix(m, i);

		printf("%-44s %-5s %6d %6d %6d  %s\n", w->name, mat_kind_name(i % MAT_KINDS), w->m,
		       w->n, weight_rank(w), dtype_name(w->type));
	}
	return 0;
}

const struct command cmd_info = {
	"info", "MODEL", "architecture, tensors, types, sizes, fingerprint", opts, info_run, 1};
