#include <stdio.h>
#include <string.h>

#include "tui/cli.h"
#include "tui/verbs.h"

static const struct opt opts[] = {
	{"--modules", "WHICH", "mlp, attn or all (default)"},
	{"--check", NULL,
	 "verify each: relative Frobenius error of the reconstruction at most 1e-5"},
	{"--force", NULL, "compute again what is cached"},
	{0},
};

static int
decompose_run(struct cli *c)
{
	const char *modules = cli_str(c, "--modules");
	struct decompose_report r;
	bool check = cli_flag(c, "--check");
	int rc;

	if (modules && strcmp(modules, "all") && strcmp(modules, "mlp") && strcmp(modules, "attn"))
		return cli_usage(c, "--modules %s: all, mlp or attn is wanted", modules);
	if ((rc = cli_open(c, 0, WS_MODEL)))
		return rc;
	if (workspace_decompose(&c->ws, modules ? modules : "all", check, cli_flag(c, "--force"),
				&c->job, &r, &c->err))
		return cli_fail(c);
	if (c->json) {
		json_t *o = json_pack("{s:i,s:i,s:i,s:f}", "matrices", r.matrices, "computed",
				      r.computed, "cached", r.cached, "seconds", r.seconds);

		if (check)
			json_object_set_new(o, "max_rel_error", json_real(r.max_rel_error));
		cli_json(o);
		return 0;
	}
	printf("%d matrices: %d computed, %d cached, %.2f s\n", r.matrices, r.computed, r.cached,
	       r.seconds);
	if (check)
		printf("largest relative error %.2e (%s)\n", r.max_rel_error, r.worst);
	return 0;
}

const struct command cmd_decompose = {
	"decompose",
	"MODEL",
	"singular value decomposition of every adaptable matrix; resumable",
	opts,
	decompose_run,
	1};
