/* pretrain_impl.h - what pretrain.c, pretrain_step.c and pretrain_file.c share. */
#ifndef T2_PRETRAIN_IMPL_H
#define T2_PRETRAIN_IMPL_H

#include <stddef.h>

#include "engine/model/floats.h"
#include "engine/model/tape.h"
#include "engine/train/pretrain.h"

enum { PRETRAIN_NAME = 64 };
enum { PRETRAIN_CHUNK = 16384 }; /* numbers in a task of the update */

/* A batch is cut into this many runs of whole sequences, each worked on by one thread from its embedding to its gradient: a
 * step then waits for other threads three times instead of at every layer's every product.  The number is fixed, so that
 * what is summed in which order does not depend on the number of threads. */
enum { PRETRAIN_SHARDS = 4 };

struct pretrain_shard {
	struct pretrain *p;
	struct tape *tape; /* without a pool */
	struct linear op;
	float *g; /* [n] */
	struct floats logits, dhidden;
	int first, count, row, rows; /* sequences and rows of the batch; count 0: nothing to do */
	enum t2_status status;
	struct t2_err err;
};

struct pretrain {
	struct config c;
	struct pretrain_settings s;
	struct pool *pool;
	int done;

	/* All weights are one vector: embedding, norms in the tape's order, matrices in the model's; so are the rest. */
	size_t n, norms, matrices; /* size; where norms and matrices begin */
	float *w, *g, *m, *v;
	double *partial; /* [chunks] squares of the gradient */
	struct pretrain_tensor *tensor;
	char (*name)[PRETRAIN_NAME];
	int tensors;

	struct model *model;
	struct pretrain_shard shard[PRETRAIN_SHARDS];
	double *row_loss;
	size_t row_cap;
};

/* dx += g W, dW += g^T x: the operator that a shard's tape runs on. */
struct linear pretrain_linear(struct pretrain_shard *s);

#endif
