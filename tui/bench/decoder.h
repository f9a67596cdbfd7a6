/* decoder.h - a model that decodes, for the rows: one forward object, its sequences, greedy continuation.
 *
 *	decoder_open(&d, model, pool, 1, 16, 256, err);	// one sequence, prompt of 16, room for 256
 *	decoder_prompt(&d, op, err);
 *	decoder_steps(&d, op, 32, err);			// 32 tokens more in every sequence
 *	decoder_rewind(&d);
 *	decoder_close(&d);
 */
#ifndef T2_BENCH_DECODER_H
#define T2_BENCH_DECODER_H

#include "engine/model/forward.h"

enum { DECODER_MOST = 64 };

struct decoder {
	const struct model *model;
	struct forward *forward;
	int count, prompt, capacity;
	int first, group; /* sequence i runs in slot (first + i) / group; group 0: in slot i */
	struct kv *kv[DECODER_MOST];
	int next[DECODER_MOST]; /* the token that comes next */
	float *logits;		/* [count][vocab] */
};

/* Zeroed or closed before; closed by the caller after failure too. */
enum t2_status decoder_open(struct decoder *d, const struct model *m, struct pool *pool, int count,
			    int prompt, int capacity, struct t2_err *err);
void decoder_close(struct decoder *d);
/* Computes the prompts; again after decoder_rewind() or with other weights. */
enum t2_status decoder_prompt(struct decoder *d, const struct linear *op, struct t2_err *err);
enum t2_status decoder_steps(struct decoder *d, const struct linear *op, int steps,
			     struct t2_err *err);
void decoder_rewind(struct decoder *d); /* to the end of the prompts */
/* Steps that take about this long, at least 4 and no more than fit; the sequences are rewound. */
enum t2_status decoder_calibrate(struct decoder *d, const struct linear *op, double seconds,
				 int *steps, struct t2_err *err);

#endif
