#include "tui/bench/rows.h"

#include <stdlib.h>

#include "engine/base/rng.h"

#define R(name, help, unit, limit, time, floor, goal, run)                                         \
	{                                                                                          \
		name, help, unit, limit, time, floor, goal, run, false                             \
	}
#define B(n)                                                                                       \
	{                                                                                          \
		"batch-" #n, #n " sequences, base weights", "GFLOPS", BENCH_PEAK, 0, 0, 0,         \
			row_batch, true                                                            \
	}

/* Floors and goals are shares of the limit.  Times are stated for the machine of BENCH_REFERENCE. */
const struct bench_row bench_rows[] = {
	R("decode-bf16", "one sequence, bf16 weights", "GB/s", BENCH_READ, 0, 0.60, 0.90,
	  row_decode_bf16),
	R("decode-q8_0", "one sequence, Q8_0 weights", "GB/s", BENCH_READ, 0, 0.60, 0.90,
	  row_decode_q8_0),
	R("decode-q4_1", "one sequence, Q4_1 weights", "GB/s", BENCH_READ, 0, 0.40, 0.70,
	  row_decode_q4_1),
	R("decode-factored", "one sequence under an expert that needs no preparation", "GB/s",
	  BENCH_READ, 0, 0.60, 0.90, row_decode_factored),
	R("prefill", "a prompt of 512 tokens", "GFLOPS", BENCH_PEAK, 0, 0.45, 0.85, row_prefill),
	R("train-gemm", "the products of a training step alone", "GFLOPS", BENCH_PEAK, 0, 0.55,
	  0.85, row_train_gemm),
	R("decode-batched", "32 sequences, each under its own expert", "GFLOPS", BENCH_PEAK, 0,
	  0.29, 0.57, row_decode_batched),
	R("train-step", "4 x 256 tokens, gradient of every z", "GFLOPS", BENCH_PEAK, 0, 0.50, 0.80,
	  row_train_step),
	R("decompose", "every matrix, verified", "s", BENCH_SECONDS, 4, 0.50, 1.0, row_decompose),
	R("switch", "another expert on a running conversation", "ms", BENCH_SECONDS, 1, 0.10, 1.0,
	  row_switch),
	R("first-screen", "the workbench after its start", "ms", BENCH_SECONDS, 80, 0.27, 1.0,
	  row_first_screen),
	R("frame", "a key's whole effect on the screen while a trainer runs", "ms", BENCH_SECONDS,
	  16, 0.53, 1.0, row_frame),
	{"search", "an iteration of the few-shot search in one batch; 4 times the plain way is 1",
	 "s", BENCH_BESIDE, 0, 0.50, 1.0, row_search, true},
	B(1),
	B(2),
	B(4),
	B(8),
	B(16),
	B(32),
	B(64),
	{0},
};

enum t2_status
bench_expert(struct zset **out, const struct model *m, int number, struct t2_err *err)
{
	struct rng rng;
	enum t2_status st = zset_new(out, m, err);

	rng_seed(&rng, 0, (uint64_t)number, 0);
	for (int i = 0; i < model_matrices(m) && !st; i++) {
		int r = weight_rank(model_matrix(m, i));
		float *z = malloc((size_t)r * sizeof *z);

		if (!z) {
			st = t2_nomem(err, "bench: an expert");
			break;
		}
		for (int k = 0; k < r; k++)
			z[k] = (float)(1.02 + 0.1 * rng_uniform(&rng));
		st = zset_set(*out, i, z, err);
		free(z);
	}
	if (st) {
		zset_free(*out);
		*out = NULL;
	}
	return st;
}
