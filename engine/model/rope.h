/* rope.h - rotary positions: a table of cosines and sines, and rotating heads by it.
 *
 *	rope_new(&r, model_config(m), model_rope_factors(m), err);
 *	rope_reserve(r, 512, err);			// positions 0 .. 511
 *	rope_turn(r, q, heads, pos, false);		// q[heads][head_dim] in place; true turns back
 *	rope_free(r);
 *
 * Angles, cosines and sines are computed in double and rounded once.  Pairs are (i, i + d/2), or (2i, 2i + 1) where the
 * config says so.  factors[head_dim / 2], where not NULL, divide the frequencies.  rope_turn() only reads: any number of threads. */
#ifndef T2_ROPE_H
#define T2_ROPE_H

#include <stdbool.h>

#include "engine/base/status.h"
#include "engine/model/config.h"

struct rope;

enum t2_status rope_new(struct rope **out, const struct config *c, const float *factors,
			struct t2_err *err);
void rope_free(struct rope *r);
enum t2_status rope_reserve(struct rope *r, int positions, struct t2_err *err);
void rope_turn(const struct rope *r, float *x, int heads, int pos, bool back);

#endif
