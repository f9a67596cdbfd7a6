/* rows.h - what each row of the table does: its run function, by file.  Only for tui/bench/rows*.c. */
#ifndef T2_BENCH_ROWS_H
#define T2_BENCH_ROWS_H

#include "engine/svf/zset.h"
#include "tui/bench/bench.h"

typedef enum t2_status bench_row_fn(struct bench *b, struct bench_result *r, struct t2_err *err);

/* rows_decode.c */
bench_row_fn row_decode_bf16, row_decode_q8_0, row_decode_q4_1, row_decode_factored,
	row_decode_batched, row_batch, row_prefill;
/* rows_svf.c */
bench_row_fn row_train_gemm, row_train_step, row_decompose, row_switch;
/* rows_search.c */
bench_row_fn row_search;
/* rows_population.c */
bench_row_fn row_population;
/* rows_screen.c */
bench_row_fn row_first_screen, row_frame, row_bytes_move, row_bytes_view, row_bytes_stream, row_key,
	row_key_training, row_idle_bytes, row_idle_cpu;

/* Scale vectors like a trained expert's: every component of every matrix away from 1 by some percent. */
enum t2_status bench_expert(struct zset **out, const struct model *m, int number,
			    struct t2_err *err);

#endif
