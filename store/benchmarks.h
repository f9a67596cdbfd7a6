/* benchmarks.h - speed measured on this machine: one row a benchmark, one a figure of it. */
#ifndef T2_STORE_BENCHMARKS_H
#define T2_STORE_BENCHMARKS_H

#include "store/store.h"

/* A figure as `t2tui bench` prints it: medians, and the range of value against limit over the repetitions. */
struct benchmark_figure {
	char *name, *unit, *detail;
	double value, limit, ratio, low, high;
	double work; /* what was done once, in 1e9 of the unit's bytes or FLOP; 0: not counted */
	int repeats;
};

struct benchmark_row {
	int64_t id;
	double created;
	char *model;		      /* its name: in-memory and removed models count too */
	char *machine;		      /* the processor's own name */
	char *kernels;		      /* "avx512, BLIS zen3" */
	int threads, layers, figures; /* layers: the model's */
};

struct benchmark_list {
	struct benchmark_row *v;
	int n, cap;
	struct arena arena;
};

struct benchmark_figures {
	struct benchmark_figure *v;
	int n, cap;
	struct arena arena;
};

/* One transaction.  id and created (0: now) are set in *b. */
enum t2_status store_benchmark_add(struct store *s, struct benchmark_row *b,
				   const struct benchmark_figure *v, int n, struct t2_err *err);
/* Newest first; machine NULL: of all machines that this file has seen. */
enum t2_status store_benchmark_list(struct store *s, const char *machine,
				    struct benchmark_list *out, struct t2_err *err);
void benchmark_list_free(struct benchmark_list *l);
/* In the order measured; none and no such benchmark: T2_ENOTFOUND. */
enum t2_status store_benchmark_figures(struct store *s, int64_t id, struct benchmark_figures *out,
				       struct t2_err *err);
void benchmark_figures_free(struct benchmark_figures *l);

#endif
