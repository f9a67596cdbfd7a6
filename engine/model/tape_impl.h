/* tape_impl.h - inside a tape: what forward leaves for backward.
 *
 * Layer l reads resid[l] and writes resid[l + 1].  The other activations of a layer are kept where the memory set aside for
 * them reaches (layers 0 .. kept - 1), and are computed again in backward where it does not. */
#ifndef T2_TAPE_IMPL_H
#define T2_TAPE_IMPL_H

#include "engine/model/attention.h"
#include "engine/model/floats.h"
#include "engine/model/rope.h"
#include "engine/model/tape.h"

/* One layer's activations, [rows][...]; biases and rotation included. */
struct acts {
	float *q, *k, *v, *attn; /* attn: what the output matrix reads */
	float *mid;		 /* residual after attention */
	float *gate, *up;
};

/* Rows from .. from + rows - 1 of sequence seq; one attention tile for each key/value head. */
struct tape_tile {
	int seq, from, rows;
};

struct tape {
	const struct model *model;
	struct pool *pool;
	struct rope *rope;
	size_t memory;		      /* bytes that kept activations may take */
	int rows, count, kept;	      /* kept: layers whose activations are in store */
	int *len, *start, *pos, *ids; /* [count], [count], [rows], [rows] */
	int *order;		      /* [count] sequences, longest first */
	struct tape_tile *tile;
	int tiles;
	size_t meta_cap;
	struct floats resid;	       /* [layers + 1][rows][hidden] */
	struct floats hidden;	       /* [rows][hidden] */
	struct floats store;	       /* [kept][acts] */
	struct floats spare;	       /* [acts] for layers that are not kept */
	struct floats norm, wide, out; /* [rows][hidden], [rows][ffn], [rows][hidden] */
	struct floats dx, dn, da, dq, dk, dv, dgate, dup,
		inverse;       /* backward; inverse: [rows] 1 / rms */
	struct floats scratch; /* [workers][scratch_each] */
	size_t scratch_each;
};

float *tape_resid(const struct tape *t, int layer);
struct acts tape_acts(const struct tape *t, int layer);
/* Computes layer's activations from resid[layer], and resid[layer + 1] unless again. */
void tape_layer(struct tape *t, const struct linear *op, int layer, const struct acts *a,
		bool again);
enum t2_status tape_scratch(struct tape *t, size_t each, struct t2_err *err);

#endif
