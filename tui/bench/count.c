#include "tui/bench/count.h"

#include "tui/bench/searchwork.h"

#define TAPE_BYTES  (768.0 * 1048576)  /* tape_memory() unless set */
#define HELD_BYTES  (192.0 * 1048576)  /* adaptation_memory() unless set */
#define DENSE_BYTES (1024.0 * 1048576) /* of all slots, or one model where that is more */
#define HEAD_BYTES  (32.0 * 1048576)   /* a chunk of logits */
#define EIGEN_FLOP  (13.0 / 3) /* r^3: tridiagonal form 4/3, vectors back 2, divide and conquer 1 */
#define FLOAT	    4.0
#define DOUBLE	    8.0

void
count_shape(const struct config *c, enum mat_kind kind, int *m, int *n)
{
	int wide = c->heads * c->head_dim, narrow = c->kv_heads * c->head_dim;

	*m = kind == MAT_Q			  ? wide
	     : kind == MAT_K || kind == MAT_V	  ? narrow
	     : kind == MAT_GATE || kind == MAT_UP ? c->ffn
						  : c->hidden;
	*n = kind == MAT_O ? wide : kind == MAT_DOWN ? c->ffn : c->hidden;
}

/* The sum of f over the matrices of one layer. */
static double
layer_sum(const struct config *c, double (*f)(double m, double n, double r))
{
	double sum = 0;

	for (int k = 0; k < MAT_KINDS; k++) {
		int m, n;

		count_shape(c, k, &m, &n);
		sum += f(m, n, m < n ? m : n);
	}
	return sum;
}

static double
numbers(double m, double n, double r)
{
	(void)r;
	return m * n;
}

static double
factor_numbers(double m, double n, double r)
{
	return r * (m + n);
}

static double
svd_flop(double m, double n, double r)
{
	return 3 * m * n * r + EIGEN_FLOP * r * r * r; /* Gram m n r, back 2 m n r */
}

double
count_adapted(const struct config *c)
{
	return c->layers * layer_sum(c, numbers);
}

double
count_head(const struct config *c)
{
	return (double)c->vocab * c->hidden;
}

double
count_factors(const struct config *c)
{
	return c->layers * layer_sum(c, factor_numbers);
}

double
count_svd(const struct config *c)
{
	return c->layers * layer_sum(c, svd_flop);
}

double
count_svd_bytes(const struct config *c)
{
	double most = 0;

	for (int k = 0; k < MAT_KINDS; k++) {
		int m, n;
		double r, bytes;

		count_shape(c, k, &m, &n);
		r = m < n ? m : n;
		bytes = DOUBLE * (2.0 * m * n + 3 * r * r) +
			FLOAT * ((double)m * n + r * ((double)m + n));
		most = bytes > most ? bytes : most;
	}
	return most;
}

double
count_step(const struct config *c, double rows)
{
	return 2 * rows * 2 * (count_factors(c) + count_head(c));
}

static double
least(double a, double b)
{
	return a < b ? a : b;
}

double
count_step_bytes(const struct config *c, double rows)
{
	double wide = (double)c->heads * c->head_dim, narrow = (double)c->kv_heads * c->head_dim,
	       layer = rows * FLOAT * (2 * wide + 2 * narrow + c->hidden + 2.0 * c->ffn),
	       residual = rows * FLOAT * c->hidden * (c->layers + 1), ranks = 0;

	for (int k = 0; k < MAT_KINDS; k++) {
		int m, n;

		count_shape(c, k, &m, &n);
		ranks += m < n ? m : n;
	}
	return residual + least(layer * c->layers, TAPE_BYTES + layer) +
	       least(rows * FLOAT * ranks * c->layers, HELD_BYTES) +
	       rows * FLOAT * (6.0 * c->hidden + 2.0 * c->ffn) + HEAD_BYTES;
}

double
count_population(const struct config *c, int members)
{
	double answered = (double)members * SEARCH_SHOTS * SEARCH_ANSWER,
	       asked = (double)members * SEARCH_SHOTS * (SEARCH_PROMPT - 1);

	return 2 * (count_adapted(c) * (asked + answered) + count_head(c) * answered);
}

double
count_dense_bytes(const struct config *c, int slots)
{
	double whole = FLOAT * count_adapted(c), limit = whole > DENSE_BYTES ? whole : DENSE_BYTES;

	return least(slots * whole, limit);
}

double
count_kv_bytes(const struct config *c, double tokens)
{
	return 2 * FLOAT * tokens * c->layers * c->kv_heads * c->head_dim;
}
