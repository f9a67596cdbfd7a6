/* history.h - benchmarks as the store keeps them: kept, listed, two of them held against each other. */
#ifndef T2_BENCH_HISTORY_H
#define T2_BENCH_HISTORY_H

#include "tui/bench/bench.h"
#include "tui/cli.h"

/* What is measured on; machine is not the caller's, kernels[64]. */
void history_head(const char **machine, char *kernels, size_t size);
enum t2_status history_keep(struct bench *b, const struct bench_result *r, int n, int64_t *id,
			    struct t2_err *err);
/* The verbs' halves; exit statuses. */
int history_list(struct cli *c);
int history_compare(struct cli *c,
		    const char *ids); /* "3,7", or "last": the last two of one model */

/* Is b's figure another than a's, more than the repetitions scattered?  1 better, -1 worse, 0 not to be told: shares of the
 * limit are compared, since limits move from minute to minute. */
struct benchmark_figure;
int history_change(const struct benchmark_figure *a, const struct benchmark_figure *b);

#endif
