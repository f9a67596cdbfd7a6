/* pretrain_impl.h - what pretrain.c, pretrain_step.c and pretrain_file.c share. */
#ifndef T2_PRETRAIN_IMPL_H
#define T2_PRETRAIN_IMPL_H

#include <stddef.h>

#include "engine/model/floats.h"
#include "engine/model/tape.h"
#include "engine/train/pretrain.h"

enum { PRETRAIN_NAME = 64 };
enum { PRETRAIN_CHUNK = 16384 }; /* numbers in a task of the update */

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
	struct tape *tape;
	struct linear op;
	struct floats logits, dhidden;
	double *row_loss;
	size_t row_cap;
};

/* dx += g W, dW += g^T x: the operator that the tape runs on. */
struct linear pretrain_linear(struct pretrain *p);

#endif
