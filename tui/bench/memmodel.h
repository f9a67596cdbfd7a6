/* memmodel.h - a model made in memory, matrix by matrix: what copies and synthetic models are built on.
 *
 *	memmodel_new(&b, &config, T2_BF16, err);		// T2_EUNSUP: a row is not a whole number of blocks
 *	memmodel_matrix(b, "model.embed_tokens.weight", vocab, hidden, row, arg, pool, err);
 *	memmodel_vector(b, "model.norm.weight", norm, hidden, err);
 *	memmodel_finish(b, err);				// model_from_memory() over all of it
 *	... memmodel_model(b) ...
 *	memmodel_free(b);
 *
 * All matrices are in one type; vectors stay float32.  A hollow model has shapes and no numbers, and takes no memory: for
 * what is worked out from shapes alone. */
#ifndef T2_BENCH_MEMMODEL_H
#define T2_BENCH_MEMMODEL_H

#include "engine/base/pool.h"
#include "engine/base/status.h"
#include "engine/model/model.h"

struct memmodel;

/* Row number `row` of a matrix as float32; called by the pool's threads. */
typedef void memmodel_row_fn(void *arg, int row, float *out);

/* What its matrices take; 0: rows are not whole numbers of blocks. */
size_t memmodel_bytes(const struct config *c, enum dtype t);
/* Room for every matrix that config needs.  config is copied. */
enum t2_status memmodel_new(struct memmodel **out, const struct config *config, enum dtype t,
			    struct t2_err *err);
/* Matrices given to it later have row NULL and read as zero. */
enum t2_status memmodel_hollow(struct memmodel **out, const struct config *config, enum dtype t,
			       struct t2_err *err);
enum t2_status memmodel_matrix(struct memmodel *b, const char *name, int m, int n,
			       memmodel_row_fn *row, void *arg, struct pool *pool,
			       struct t2_err *err);
enum t2_status memmodel_vector(struct memmodel *b, const char *name, const float *v, int n,
			       struct t2_err *err);
enum t2_status memmodel_finish(struct memmodel *b, struct t2_err *err);
void memmodel_free(struct memmodel *b);
const struct model *memmodel_model(const struct memmodel *b);

#endif
