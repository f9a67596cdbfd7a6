/* tape.h - forward and backward over whole sequences, for gradients.
 *
 *	tape_new(&t, model, pool, err);
 *	tape_forward(t, op, &batch, err);			// keeps each layer's input; recomputes the rest later
 *	const float *h = tape_hidden(t);			// [tokens][hidden] after the final norm
 *	... loss over h gives dh ...
 *	tape_backward(t, op, dh, NULL, err);			// calls op->backward: op accumulates its gradients
 *	tape_free(t);
 *
 * Sequences are packed one after another, rows in order; attention is causal within each.  Of every layer its input is
 * kept, and as many layers' other activations as tape_memory() allows; the rest is computed again in backward.  All rows
 * run in slot 0.  Scratch is kept between calls. */
#ifndef T2_TAPE_H
#define T2_TAPE_H

#include <stddef.h>

#include "engine/base/pool.h"
#include "engine/base/status.h"
#include "engine/model/linear.h"
#include "engine/model/model.h"

struct packed {
	int count;	/* sequences */
	const int *len; /* [count], each at least 1 */
	const int *ids; /* [sum of len] */
};

/* Gradients outside the adaptable matrices, for pre-training; accumulated; each may be NULL. */
struct tape_grads {
	float *embed; /* [vocab][hidden], the input side only */
	float *norm;  /* [2 * layers + 1][hidden]: attn, ffn of layer 0, 1, ..., final */
};

struct tape;

enum t2_status tape_new(struct tape **out, const struct model *m, struct pool *pool,
			struct t2_err *err);
void tape_free(struct tape *t);
/* What kept activations may take, 768 MiB unless set; 0: none are kept.  More memory, less time, the same result. */
void tape_memory(struct tape *t, size_t bytes);
/* About what rows take in all, without kept activations (row; spare ones of a layer included), and what a layer's kept ones
 * take (kept); scratch: of attention over sequences of up to longest tokens. */
struct tape_bytes {
	size_t row, kept, scratch;
};
struct tape_bytes tape_bytes(const struct model *m, int threads, int longest);
enum t2_status tape_forward(struct tape *t, const struct linear *op, const struct packed *b,
			    struct t2_err *err);
int tape_rows(const struct tape *t);
const float *tape_hidden(const struct tape *t); /* borrowed until the next tape_forward() */
enum t2_status tape_backward(struct tape *t, const struct linear *op, const float *dhidden,
			     const struct tape_grads *g, struct t2_err *err);

/* The head: logits[rows][vocab] = h[rows][hidden] E^T, and dh[rows][hidden] = dlogits E. */
void head_forward(const struct model *m, struct pool *pool, const float *h, int rows,
		  float *logits);
void head_backward(const struct model *m, struct pool *pool, const float *dlogits, int rows,
		   float *dh);

#endif
