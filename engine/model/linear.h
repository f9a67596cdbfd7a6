/* linear.h - how one adaptable linear layer is computed: the interface that svf/ implements.
 *
 *	const struct linear *op = base_linear_op(b);	// the base model's own weights
 *	op->forward(op->self, mat, x, rows, slot, y, false);	// y[rows][m] = f(x[rows][n]); bias is not added here
 *
 * mat indexes model_matrix().  slot[row] says which scale vector a row runs under (NULL: all 0).  A forward with keep
 * may hold back what the backward of the same mat needs; at most one layer's seven matrices are kept at a time, besides those
 * that hold agreed to.
 * together, where there is one, is forward without keep of matrices mat[0 .. count-1], none of which waits for another, of the
 * same x: as one piece of parallel work where that can be.
 * backward adds dL/dx to dx[rows][n] and accumulates whatever gradient the operator owns.
 * recall, where there is one, spares the tape a second forward: called just before the backward of the same mat with the
 * same x and rows, it restores what a forward with keep would have held back, without y.  hold, where there is one, is
 * asked in the first forward: true means that a forward with keep of this mat and so many rows would be of use until the
 * backward of the same x, whatever other matrices run in between; recall and backward then follow as usual. */
#ifndef T2_LINEAR_H
#define T2_LINEAR_H

#include <stdbool.h>

#include "engine/base/pool.h"
#include "engine/base/status.h"

struct linear {
	void *self;
	void (*forward)(void *self, int mat, const float *x, int rows, const int *slot, float *y,
			bool keep);
	void (*together)(void *self, const int *mat, int count, const float *x, int rows,
			 const int *slot,
			 float *const *y); /* may be NULL; count <= GEMM_TOGETHER */
	void (*backward)(void *self, int mat, const float *x, const float *g, int rows,
			 const int *slot, float *dx);
	void (*recall)(void *self, int mat, const float *x, int rows,
		       const int *slot);	     /* may be NULL */
	bool (*hold)(void *self, int mat, int rows); /* may be NULL */
};

struct model;
struct base_linear;

/* The unadapted layers: packed weights through gemm_weight_nt/nn.  backward gives dx only. */
enum t2_status base_linear_new(struct base_linear **out, const struct model *m, struct pool *pool,
			       struct t2_err *err);
void base_linear_free(struct base_linear *b);
const struct linear *base_linear_op(const struct base_linear *b);

#endif
