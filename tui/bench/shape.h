/* shape.h - a model of a given shape with random weights, in memory: how speed grows, without a file of that size.
 *
 *	shape_config("shape:1.1b", &config, err);
 *	shape_new(&s, &config, pool, err);
 *	ws->model = shape_model(s); ws->factors = shape_factors(s);
 *	shape_free(s);
 *
 * A shape is shape:1.1b (TinyLlama's), shape:8b (Llama 3's) or shape:LAYERS,HIDDEN,FFN,HEADS,KV_HEADS,VOCAB.  Weights are bf16, uniform with the
 * variance 1 / n that keeps activations of order one; factors are orthogonal to no more than that, made on demand: they
 * are for measuring time, which does not depend on the numbers. */
#ifndef T2_BENCH_SHAPE_H
#define T2_BENCH_SHAPE_H

#include <stdbool.h>

#include "engine/svf/factors.h"

struct shape;

bool shape_is(const char *name); /* does it begin with "shape:"? */
enum t2_status shape_config(const char *name, struct config *out, struct t2_err *err);
enum t2_status shape_new(struct shape **out, const struct config *config, struct pool *pool,
			 struct t2_err *err);
/* Its shapes without numbers, for estimates: any size takes no memory.  Has no factors. */
enum t2_status shape_hollow(struct shape **out, const struct config *config, struct t2_err *err);
void shape_free(struct shape *s);
/* Of its factors, as far as they are made; 0 for NULL. */
double shape_bytes(const struct shape *s);
struct model *shape_model(const struct shape *s); /* lent: until shape_free() */
/* Makes them at the first call. */
enum t2_status shape_factors(struct shape *s, struct factors **out, struct pool *pool,
			     struct t2_err *err);

#endif
