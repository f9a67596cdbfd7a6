#include "tui/bench/rows.h"

#include <stdlib.h>

#include "engine/base/rng.h"

#define R(group, name, help, unit, limit, most, floor, goal, run)                                  \
	{                                                                                          \
		name, help, unit, limit, most, floor, goal, run, false, group                      \
	}
#define B(n)                                                                                       \
	{                                                                                          \
		"batch-" #n, #n " sequences, base weights", "GFLOPS", BENCH_PEAK, 0, 0, 0,         \
			row_batch, true, "decode"                                                  \
	}

#define P(n)                                                                                       \
	{                                                                                          \
		"population-" #n, #n " members of the few-shot search, each under its mixture",    \
			"GFLOPS", BENCH_PEAK, 0, 0, 0, row_population, true, "svf"                 \
	}

/* Floors and goals are shares of the limit.  Times are stated for the machine of BENCH_REFERENCE. */
const struct bench_row bench_rows[] = {
	R("decode", "decode-bf16", "one sequence, bf16 weights", "GB/s", BENCH_READ, 0, 0.60, 0.90,
	  row_decode_bf16),
	R("decode", "decode-q8_0", "one sequence, Q8_0 weights", "GB/s", BENCH_READ, 0, 0.60, 0.90,
	  row_decode_q8_0),
	R("decode", "decode-q4_1", "one sequence, Q4_1 weights", "GB/s", BENCH_READ, 0, 0.40, 0.70,
	  row_decode_q4_1),
	R("decode", "decode-factored", "one sequence under an expert that needs no preparation",
	  "GB/s", BENCH_READ, 0, 0.60, 0.90, row_decode_factored),
	R("decode", "prefill", "a prompt of 512 tokens", "GFLOPS", BENCH_PEAK, 0, 0.45, 0.85,
	  row_prefill),
	R("train", "train-gemm", "the products of a training step alone", "GFLOPS", BENCH_PEAK, 0,
	  0.55, 0.85, row_train_gemm),
	R("decode", "decode-batched", "32 sequences, each under its own expert", "GFLOPS",
	  BENCH_PEAK, 0, 0.29, 0.57, row_decode_batched),
	R("train", "train-step", "4 x 256 tokens, gradient of every z", "GFLOPS", BENCH_PEAK, 0,
	  0.50, 0.80, row_train_step),
	R("svf", "decompose", "every matrix, verified", "s", BENCH_SECONDS, 4, 0.50, 1.0,
	  row_decompose),
	R("svf", "switch", "another expert on a running conversation", "ms", BENCH_SECONDS, 1, 0.10,
	  1.0, row_switch),
	R("tui", "first-screen", "the workbench after its start", "ms", BENCH_SECONDS, 80, 0.27,
	  1.0, row_first_screen),
	R("tui", "frame", "a key's whole effect on the screen while a trainer runs", "ms",
	  BENCH_SECONDS, 16, 0.53, 1.0, row_frame),
	/* A frame against a byte for each of the 200 x 60 cells; one of the 60 a second that a stream may bring against what a
	 * line of 1 Mbit/s carries in its 16 ms. */
	R("tui", "bytes-move", "a frame when the cursor moves", "bytes", BENCH_BYTES, 12000, 0.5,
	  1.0, row_bytes_move),
	R("tui", "bytes-view", "a frame that shows another view", "bytes", BENCH_BYTES, 12000, 0.5,
	  1.0, row_bytes_view),
	R("tui", "bytes-stream", "a frame while an answer streams", "bytes", BENCH_BYTES, 2000, 0.5,
	  1.0, row_bytes_stream),
	R("tui", "key", "from a key to its letter on the screen", "ms", BENCH_SECONDS, 16, 0.5, 1.0,
	  row_key),
	R("tui", "key-training", "the same while a trainer runs", "ms", BENCH_SECONDS, 16, 0.5, 1.0,
	  row_key_training),
	R("tui", "idle-bytes", "written when nothing moves", "bytes", BENCH_NOTHING, 0, 1.0, 1.0,
	  row_idle_bytes),
	R("tui", "idle-cpu", "processor time when nothing moves", "ms", BENCH_NOTHING, 0, 1.0, 1.0,
	  row_idle_cpu),
	{"search", "an iteration of the few-shot search in one batch; 4 times the plain way is 1",
	 "s", BENCH_BESIDE, 0, 0.50, 1.0, row_search, true, "svf"},
	P(8),
	P(32),
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
