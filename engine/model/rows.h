/* rows.h - what happens between two products of a layer, row by row.
 *
 *	rows_norm(pool, x, rows, n, w, eps, y);
 *	rows_add_norm(pool, x, o, bias, rows, n, w, eps, y);	// x += o + bias, then y = norm(x) w
 *
 * Rows are independent of each other, so tiles cannot change a bit.  bias may be NULL. */
#ifndef T2_ROWS_H
#define T2_ROWS_H

#include "engine/base/pool.h"
#include "engine/model/model.h"

struct rope;

void rows_embed(struct pool *pool, const struct weight *embed, const int *ids, int rows, float *x);
void rows_norm(struct pool *pool, const float *x, int rows, int n, const float *w, float eps,
	       float *y);
/* w NULL: the sum alone. */
void rows_add_norm(struct pool *pool, float *x, const float *o, const float *bias, int rows, int n,
		   const float *w, float eps, float *y);
void rows_add_bias(struct pool *pool, float *x, const float *bias, int rows, int n);
/* y = silu(gate + gate_bias) * (up + up_bias); gate and up keep the sums. y may be gate. */
void rows_silu_mul(struct pool *pool, float *gate, const float *gate_bias, float *up,
		   const float *up_bias, int rows, int n, float *y);
/* pos[rows]; heads of x[rows][heads * head_dim]; bias is added first. */
void rows_rope(struct pool *pool, const struct rope *r, float *x, const float *bias, const int *pos,
	       int rows, int heads, int head_dim, bool back);

#endif
