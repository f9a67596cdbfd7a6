#include "tui/bench/history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/date.h"
#include "engine/linalg/blas.h"
#include "engine/linalg/cpu.h"
#include "engine/linalg/kern.h"
#include "store/benchmarks.h"

void
history_head(const char **machine, char *kernels, size_t size)
{
	const struct cpu *cpu = cpu_features();

	*machine = cpu->name[0] ? cpu->name : "this CPU";
	snprintf(kernels, size, "%s, BLIS %s", kern_name(), blas_family());
}

static struct benchmark_figure
part_figure(const struct bench_result *r, const struct bench_part *p, char name[64])
{
	double ratio = r->limit > 0 ? p->value / r->limit : 0;

	snprintf(name, 64, "%s-%s", r->row->name, p->suffix);
	return (struct benchmark_figure){.name = name,
					 .unit = (char *)r->row->unit,
					 .detail = (char *)"",
					 .value = p->value,
					 .limit = r->limit,
					 .ratio = ratio,
					 .low = ratio,
					 .high = ratio,
					 .work = p->work,
					 .repeats = r->repeats};
}

enum t2_status
history_keep(struct bench *b, const struct bench_result *r, int n, int64_t *id, struct t2_err *err)
{
	struct benchmark_figure *v = calloc((size_t)n * (1 + BENCH_PARTS), sizeof *v);
	char(*names)[64] = calloc((size_t)n * BENCH_PARTS, sizeof *names);
	struct benchmark_row row = {.model = (char *)b->ws->name,
				    .threads = pool_threads(b->ws->pool),
				    .layers = model_config(b->ws->model)->layers};
	const char *machine;
	char kernels[64];
	enum t2_status st;
	int figures = 0, parts = 0;

	if (!v || !names) {
		free(v);
		free(names);
		return t2_nomem(err, "bench");
	}
	history_head(&machine, kernels, sizeof kernels);
	row.machine = (char *)machine;
	row.kernels = kernels;
	for (int i = 0; i < n; i++) {
		v[figures++] = (struct benchmark_figure){.name = (char *)r[i].row->name,
							 .unit = (char *)r[i].row->unit,
							 .detail = (char *)r[i].detail,
							 .value = r[i].value,
							 .limit = r[i].limit,
							 .ratio = r[i].ratio,
							 .low = r[i].low,
							 .high = r[i].high,
							 .work = r[i].work,
							 .repeats = r[i].repeats};
		for (int k = 0; k < r[i].parts; k++)
			v[figures++] = part_figure(&r[i], &r[i].part[k], names[parts++]);
	}
	st = store_benchmark_add(b->ws->store, &row, v, figures, err);
	*id = row.id;
	free(v);
	free(names);
	return st;
}

static json_t *
row_json(const struct benchmark_row *b)
{
	return json_pack("{s:I,s:f,s:o,s:o,s:o,s:i,s:i}", "id", (json_int_t)b->id, "created",
			 b->created, "model", cli_json_text(b->model, strlen(b->model)), "machine",
			 cli_json_text(b->machine, strlen(b->machine)), "kernels",
			 cli_json_text(b->kernels, strlen(b->kernels)), "threads", b->threads,
			 "figures", b->figures);
}

int
history_list(struct cli *c)
{
	struct benchmark_list l;
	json_t *rows;
	char date[32];

	if (store_benchmark_list(c->ws.store, NULL, &l, &c->err))
		return cli_fail(c);
	rows = json_array();
	if (!c->json && l.n)
		printf("%4s  %-16s  %-36s %7s %7s  %s\n", "id", "when", "model", "threads",
		       "figures", "machine");
	for (int i = 0; i < l.n; i++) {
		const struct benchmark_row *b = &l.v[i];

		if (c->json)
			json_array_append_new(rows, row_json(b));
		else
			printf("%4lld  %-16s  %-36.36s %7d %7d  %s; %s\n", (long long)b->id,
			       date_text(date, sizeof date, DATE_MINUTE, b->created), b->model,
			       b->threads, b->figures, b->machine, b->kernels);
	}
	if (c->json)
		cli_json(json_pack("{s:O}", "benchmarks", rows));
	else if (!l.n)
		cli_note(c, "no benchmarks yet; `t2tui bench` makes the first");
	json_decref(rows);
	benchmark_list_free(&l);
	return 0;
}

int
history_change(const struct benchmark_figure *a, const struct benchmark_figure *b)
{
	return b->low > a->high ? 1 : b->high < a->low ? -1 : 0;
}

static const struct benchmark_figure *
named(const struct benchmark_figures *l, const char *name)
{
	for (int i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].name, name))
			return &l->v[i];
	return NULL;
}

static void
print_change(const struct benchmark_figure *a, const struct benchmark_figure *b)
{
	static const char *const words[] = {"worse", "not to be told", "better"};

	char factor[16] = "    -";

	if (a->ratio > 0)
		snprintf(factor, sizeof factor, "%5.2f", b->ratio / a->ratio);
	printf("%-16s %9.4g %9.4g %-7s  %5.2f [%.2f %.2f]  %5.2f [%.2f %.2f]  %s  %s\n", a->name,
	       a->value, b->value, a->unit, a->ratio, a->low, a->high, b->ratio, b->low, b->high,
	       factor, words[history_change(a, b) + 1]);
}

static json_t *
change_json(const struct benchmark_figure *a, const struct benchmark_figure *b)
{
	return json_pack("{s:s,s:s,s:f,s:f,s:f,s:f,s:o,s:i}", "name", a->name, "unit", a->unit,
			 "value_a", a->value, "value_b", b->value, "ratio_a", a->ratio, "ratio_b",
			 b->ratio, "factor",
			 cli_json_real(a->ratio > 0 ? b->ratio / a->ratio : NAN), "change",
			 history_change(a, b));
}

/* The newest benchmark that has a partner of the same model and machine before it, and that partner. */
static enum t2_status
last_two(struct cli *c, const struct benchmark_list *l, int64_t *a, int64_t *b)
{
	for (int i = 0; i < l->n; i++)
		for (int j = i + 1; j < l->n; j++)
			if (!strcmp(l->v[i].model, l->v[j].model) &&
			    !strcmp(l->v[i].machine, l->v[j].machine)) {
				*a = l->v[j].id;
				*b = l->v[i].id;
				return T2_OK;
			}
	return t2_fail(&c->err, T2_ENOTFOUND,
		       "%s: no two benchmarks of one model on one machine; `t2tui bench MODEL` "
		       "makes one",
		       store_path(c->ws.store));
}

static const struct benchmark_row *
find(const struct benchmark_list *l, int64_t id)
{
	for (int i = 0; i < l->n; i++)
		if (l->v[i].id == id)
			return &l->v[i];
	return NULL;
}

static void
print_heads(const struct benchmark_row *a, const struct benchmark_row *b)
{
	const struct benchmark_row *both[] = {a, b};
	char date[32];

	for (int i = 0; i < 2; i++)
		printf("%c: %lld, %s, %s, %d threads on %s; %s\n", 'a' + i, (long long)both[i]->id,
		       date_text(date, sizeof date, DATE_MINUTE, both[i]->created), both[i]->model,
		       both[i]->threads, both[i]->machine, both[i]->kernels);
	if (strcmp(a->machine, b->machine))
		printf("two machines: only shares of the limit compare\n");
	if (strcmp(a->model, b->model))
		printf("two models: shares of the limit compare, values do not\n");
	printf("%-16s %9s %9s %-7s  %-17s  %-17s  %5s\n", "figure", "a", "b", "", "share a",
	       "share b", "b/a");
}

static enum t2_status
compare(struct cli *c, const struct benchmark_list *l, int64_t ida, int64_t idb)
{
	const struct benchmark_row *a = find(l, ida), *b = find(l, idb);
	struct benchmark_figures fa, fb;
	json_t *rows;
	enum t2_status st;

	if ((st = store_benchmark_figures(c->ws.store, ida, &fa, &c->err)))
		return st;
	if ((st = store_benchmark_figures(c->ws.store, idb, &fb, &c->err))) {
		benchmark_figures_free(&fa);
		return st;
	}
	rows = json_array();
	if (!c->json)
		print_heads(a, b);
	for (int i = 0; i < fa.n; i++) {
		const struct benchmark_figure *other = named(&fb, fa.v[i].name);

		if (other && c->json)
			json_array_append_new(rows, change_json(&fa.v[i], other));
		else if (other)
			print_change(&fa.v[i], other);
	}
	if (c->json)
		cli_json(json_pack("{s:o,s:o,s:O}", "a", row_json(a), "b", row_json(b), "rows",
				   rows));
	json_decref(rows);
	benchmark_figures_free(&fa);
	benchmark_figures_free(&fb);
	return T2_OK;
}

int
history_compare(struct cli *c, const char *ids)
{
	struct benchmark_list l;
	int64_t a = 0, b = 0;
	char *end;
	enum t2_status st = T2_OK;

	if (strcmp(ids, "last")) {
		a = strtoll(ids, &end, 10);
		if (end == ids || *end != ',')
			return cli_usage(c, "--compare %s: two ids as 3,7, or last", ids);
		ids = end + 1;
		b = strtoll(ids, &end, 10);
		if (end == ids || *end)
			return cli_usage(c, "--compare: two ids as 3,7, or last");
	}
	if (store_benchmark_list(c->ws.store, NULL, &l, &c->err))
		return cli_fail(c);
	if (!a)
		st = last_two(c, &l, &a, &b);
	if (!st)
		st = compare(c, &l, a, b);
	benchmark_list_free(&l);
	return st ? cli_fail(c) : 0;
}
