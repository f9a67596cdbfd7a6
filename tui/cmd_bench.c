#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/memory.h"
#include "tui/bench/cost_command.h"
#include "tui/bench/history.h"
#include "tui/bench/memmodel.h"
#include "tui/bench/shape.h"
#include "tui/cli.h"
#include "tui/verbs.h"

static const struct opt opts[] = {
	{"--only", "NAME,...",
	 "these rows, or groups of them: tui, decode, train, svf (an unknown name lists all)"},
	{"--all", NULL,
	 "the rows that take long or have no floor too: search, population-8 and -32, batch-1 to "
	 "-64"},
	{"--repeats", "N", "measurements a row (default 5)"},
	{"--resident", NULL,
	 "watch memory too: the most resident, and the most beside model and factors"},
	{"--history", NULL, "list the benchmarks that the store keeps"},
	{"--compare", "A,B", "hold two of them against each other (last: the last two of a model)"},
	{"--held-out", NULL,
	 "each kept figure, and what the other models' benchmarks predict of it (info --cost)"},
	{0},
};

enum { ROWS_MOST = 64 };

/* Is name one of the comma-separated? */
static bool
among(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p; p = strchr(p, ','), p += p != NULL)
		if (!strncmp(p, name, n) && (!p[n] || p[n] == ','))
			return true;
	return false;
}

/* Is that one of the names in the list, and not only the beginning of one? */
static bool
is_name(const char *p, size_t n, const char *name)
{
	return strlen(name) == n && !strncmp(p, name, n);
}

/* The first name in the list that is neither a row's nor a group's; NULL: none.  *n: its length. */
static const char *
unknown_name(const char *only, size_t *n)
{
	for (const char *p = only; p; p = strchr(p, ','), p += p != NULL) {
		const struct bench_row *row = bench_rows;

		*n = strcspn(p, ",");
		while (row->name && !is_name(p, *n, row->name) && !is_name(p, *n, row->group))
			row++;
		if (!row->name)
			return p;
	}
	return NULL;
}

static int
unknown_row(struct cli *c, const char *name, size_t n)
{
	char list[1000];
	size_t len = 0;

	for (const struct bench_row *row = bench_rows; row->name && len < sizeof list; row++)
		len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len ? ", " : "",
					row->name);
	return cli_usage(c, "--only %.*s: there are %s; and the groups tui, decode, train, svf",
			 (int)n, name, list);
}

/* The rows that --only names, by themselves or by their group; without it those of the table, or all. */
static int
choose(const char *only, bool all, const struct bench_row **rows)
{
	int n = 0;

	for (const struct bench_row *row = bench_rows; row->name && n < ROWS_MOST; row++) {
		bool usual = all || !row->extra;

		if (only ? among(only, row->name) || (usual && among(only, row->group)) : usual)
			rows[n++] = row;
	}
	return n;
}

static json_t *
result_json(const struct bench_result *r, bool memory)
{
	return json_pack("{s:s,s:f,s:s,s:f,s:f,s:f,s:f,s:s,s:f,s:f,s:f,s:i,s:o,s:o}", "name",
			 r->row->name, "value", r->value, "unit", r->row->unit, "limit", r->limit,
			 "ratio", r->ratio, "floor", r->row->floor, "goal", r->row->goal, "detail",
			 r->detail, "ratio_low", r->low, "ratio_high", r->high, "work", r->work,
			 "repeats", r->repeats, "resident",
			 cli_json_real(memory ? r->resident : NAN), "beside",
			 cli_json_real(memory ? r->beside : NAN));
}

static const char *
verdict(const struct bench_result *r)
{
	return r->row->goal == 0	   ? ""
	       : r->ratio >= r->row->goal  ? "goal reached"
	       : r->ratio >= r->row->floor ? "ok"
					   : "BELOW ITS FLOOR";
}

static void
print_result(const struct bench_result *r, bool memory)
{
	printf("%-16s %9.4g %-7s %9.4g %6.2f %6.2f-%-5.2f %5.2f %5.2f  %s\n", r->row->name,
	       r->value, r->row->unit, r->limit, r->ratio, r->low, r->high, r->row->floor,
	       r->row->goal, verdict(r));
	printf("    %s; %s\n", r->row->help, r->detail);
	if (memory)
		printf("    %.1f MB resident at most, %.1f of them beside model and factors\n",
		       r->resident, r->beside);
	fflush(stdout);
}

static void
print_head(const struct bench *b)
{
	const char *machine;
	char kernels[64];

	history_head(&machine, kernels, sizeof kernels);
	printf("%s on %s, %d threads; kernels %s\n", b->ws->name, machine,
	       pool_threads(b->ws->pool), kernels);
	printf("%-16s %17s %9s %6s %12s %5s %5s\n", "row", "value", "limit", "ratio", "range",
	       "floor", "goal");
}

/* Measures the rows one after the other; what this model has not is said and left out.  Kept at the end, whole. */
static int
measure(struct cli *c, struct shape *shape, const struct bench_row **rows, int n, bool named)
{
	struct bench b = {.ws = &c->ws,
			  .memory = cli_flag(c, "--resident"),
			  .job = &c->job,
			  .shape = shape,
			  .repeats = (int)cli_int(c, "--repeats", 1, BENCH_MOST, 5)};
	struct bench_result r[ROWS_MOST];
	json_t *results = json_array();
	int64_t id = 0;
	int rc = 0, done = 0;

	if (!c->json)
		print_head(&b);
	for (int i = 0; i < n && !job_cancelled(&c->job); i++) {
		enum t2_status st = bench_run(&b, rows[i], &r[done], &c->err);

		if (st == T2_EUNSUP && !named)
			cli_note(c, "%s", c->err.msg);
		else if (st)
			rc = cli_fail(c); /* the other rows are worth having */
		else if (c->json)
			json_array_append_new(results, result_json(&r[done++], b.memory));
		else
			print_result(&r[done++], b.memory);
	}
	bench_close(&b);
	if (done && !job_cancelled(&c->job) && history_keep(&b, r, done, &id, &c->err))
		rc = cli_fail(c);
	if (c->json && id)
		cli_json(json_pack("{s:I,s:O}", "id", (json_int_t)id, "results", results));
	else if (id)
		cli_note(c,
			 "kept as benchmark %lld; --history lists, --compare holds two against "
			 "each other",
			 (long long)id);
	json_decref(results);
	return rc;
}

/* Its weights lie in memory. */
static enum t2_status
shape_fits(struct cli *c, const struct config *config)
{
	size_t bytes = memmodel_bytes(config, T2_BF16);

	if (bytes > memory_room(c->memory))
		return memory_short(c->memory, bytes, &c->err, c->pos[0]);
	memory_take(c->memory, bytes);
	return T2_OK;
}

static int
on_shape(struct cli *c, const struct bench_row **rows, int n, bool named)
{
	struct config config;
	struct shape *shape = NULL;
	int rc;

	if (shape_config(c->pos[0], &config, &c->err) ||
	    workspace_start(&c->ws, (int)c->threads, c->store_path, &c->err) ||
	    shape_fits(c, &config) || shape_new(&shape, &config, c->ws.pool, &c->err))
		return cli_fail(c);
	c->ws.model = shape_model(shape);
	snprintf(c->ws.name, sizeof c->ws.name, "%s", c->pos[0]);
	rc = measure(c, shape, rows, n, named);
	c->ws.model = NULL; /* both are the shape's */
	c->ws.factors = NULL;
	shape_free(shape);
	return rc;
}

/* Its files and its factors are read anew. */
static enum t2_status
forget_model(struct cli *c)
{
	char path[1024], factors[1100];
	struct model *m;
	bool shipped;
	enum t2_status st = workspace_path(&c->ws, c->pos[0], path, sizeof path, &shipped, &c->err);

	if (st || (st = model_open(&m, path, &c->err)))
		return st;
	snprintf(factors, sizeof factors, "%s/%s", c->ws.cache, model_fingerprint(m));
	model_free(m);
	bench_forget(path);
	bench_forget(factors);
	return T2_OK;
}

static int
bench_command(struct cli *c)
{
	const char *only = cli_str(c, "--only"), *ids = cli_str(c, "--compare");
	const struct bench_row *rows[ROWS_MOST];
	size_t length = 0;
	const char *unknown = unknown_name(only, &length);
	int n = choose(only, cli_flag(c, "--all"), rows);
	bool past = ids || cli_flag(c, "--history");

	cli_int(c, "--repeats", 1, BENCH_MOST, 5);
	if (c->bad)
		return 2;
	if (cli_flag(c, "--held-out"))
		return cost_held_command(c);
	if (unknown)
		return unknown_row(c, unknown, length);
	if (!c->npos)
		c->pos[c->npos++] = "sample";
	if (!past && shape_is(c->pos[0]))
		return on_shape(c, rows, n, only);
	if (past) {
		if (workspace_start(&c->ws, 1, c->store_path, &c->err))
			return cli_fail(c);
	} else if (workspace_start(&c->ws, (int)c->threads, c->store_path, &c->err) ||
		   forget_model(c) ||
		   workspace_model(&c->ws, c->pos[0], WS_MODEL, &c->job, &c->err)) {
		return cli_fail(c);
	}
	return ids    ? history_compare(c, ids)
	       : past ? history_list(c)
		      : measure(c, NULL, rows, n, only);
}

const struct command cmd_bench = {
	"bench", "[MODEL]",	"speed, each figure beside this machine's limit",
	opts,	 bench_command, 1};
