#include <stdio.h>
#include <string.h>

#include "engine/linalg/blas.h"
#include "engine/linalg/cpu.h"
#include "engine/linalg/kern.h"
#include "tui/bench/bench.h"
#include "tui/cli.h"
#include "tui/verbs.h"

static const struct opt opts[] = {
	{"--only", "NAME",
	 "one row (decode-bf16, prefill, decompose ...; an unknown name lists them)"},
	{"--repeats", "N", "measurements a row (default 5)"},
	{0},
};

static const struct bench_row *
find_row(const char *name)
{
	for (const struct bench_row *row = bench_rows; row->name; row++)
		if (!strcmp(row->name, name))
			return row;
	return NULL;
}

static int
unknown_row(struct cli *c, const char *name)
{
	char list[600];
	size_t n = 0;

	for (const struct bench_row *row = bench_rows; row->name && n < sizeof list; row++)
		n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", row->name);
	return cli_usage(c, "--only %s: there are %s", name, list);
}

static json_t *
result_json(const struct bench_result *r)
{
	return json_pack("{s:s,s:f,s:s,s:f,s:f,s:f,s:f,s:s,s:f,s:f,s:i}", "name", r->row->name,
			 "value", r->value, "unit", r->row->unit, "limit", r->limit, "ratio",
			 r->ratio, "floor", r->row->floor, "goal", r->row->goal, "detail",
			 r->detail, "ratio_low", r->low, "ratio_high", r->high, "repeats",
			 r->repeats);
}

static const char *
verdict(const struct bench_result *r)
{
	return r->ratio >= r->row->goal	   ? "goal reached"
	       : r->ratio >= r->row->floor ? "ok"
					   : "BELOW ITS FLOOR";
}

static void
print_result(const struct bench_result *r)
{
	printf("%-16s %9.4g %-7s %9.4g %6.2f %6.2f-%-5.2f %5.2f %5.2f  %s\n", r->row->name,
	       r->value, r->row->unit, r->limit, r->ratio, r->low, r->high, r->row->floor,
	       r->row->goal, verdict(r));
	printf("    %s; %s\n", r->row->help, r->detail);
	fflush(stdout);
}

static void
print_head(const struct cli *c)
{
	const struct cpu *cpu = cpu_features();

	printf("%s on %s, %d threads; kernels %s, BLIS %s\n", c->ws.name,
	       cpu->name[0] ? cpu->name : "this CPU", pool_threads(c->ws.pool), kern_name(),
	       blas_family());
	printf("%-16s %17s %9s %6s %12s %5s %5s\n", "row", "value", "limit", "ratio", "range",
	       "floor", "goal");
}

static int
bench_command(struct cli *c)
{
	const char *only = cli_str(c, "--only");
	const struct bench_row *row = only ? find_row(only) : NULL;
	struct bench b = {.ws = &c->ws,
			  .job = &c->job,
			  .repeats = (int)cli_int(c, "--repeats", 1, BENCH_MOST, 5)};
	json_t *results;
	int rc;

	if (c->bad)
		return 2;
	if (only && !row)
		return unknown_row(c, only);
	if (!c->npos)
		c->pos[c->npos++] = "sample";
	if ((rc = cli_open(c, 0, WS_MODEL)))
		return rc;
	if (!c->json)
		print_head(c);
	results = json_array();
	for (const struct bench_row *next = only ? row : bench_rows; next->name && !rc; next++) {
		struct bench_result r;
		enum t2_status st = bench_run(&b, next, &r, &c->err);

		if (st == T2_EUNSUP && !only)
			cli_note(c, "%s", c->err.msg);
		else if (st)
			rc = cli_fail(c);
		else if (c->json)
			json_array_append_new(results, result_json(&r));
		else
			print_result(&r);
		if (only)
			break;
	}
	bench_close(&b);
	if (c->json && !rc)
		cli_json(json_pack("{s:O}", "results", results));
	json_decref(results);
	return rc;
}

const struct command cmd_bench = {
	"bench", "[MODEL]",	"speed, each figure beside this machine's limit",
	opts,	 bench_command, 1};
