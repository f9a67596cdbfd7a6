/* copy.h - a model's weights in another type, in memory: the same model, as another file would hold it.
 *
 *	copy_new(&c, model, T2_Q8_0, pool, err);	// T2_EUNSUP: a row is not a whole number of blocks
 *	forward_new(&f, memmodel_model(c), pool, err);
 *	memmodel_free(c);
 *
 * Matrices, embedding and output are turned over by dtype_from_f32(); norms and biases stay float32.  Independent of the
 * model it was made from. */
#ifndef T2_BENCH_COPY_H
#define T2_BENCH_COPY_H

#include "tui/bench/memmodel.h"

enum t2_status copy_new(struct memmodel **out, const struct model *m, enum dtype t,
			struct pool *pool, struct t2_err *err);

#endif
