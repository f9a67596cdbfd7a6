#include "tui/bench/count.h"

#include "tui/bench/searchwork.h"

#define EIGEN_FLOP (13.0 / 3) /* r^3: tridiagonal form 4/3, vectors back 2, divide and conquer 1 */
#define FLOAT	   4.0
#define DOUBLE	   8.0

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

double
count_population(const struct config *c, int members)
{
	double answered = (double)members * SEARCH_SHOTS * SEARCH_ANSWER,
	       asked = (double)members * SEARCH_SHOTS * (SEARCH_PROMPT - 1);

	return 2 * (count_adapted(c) * (asked + answered) + count_head(c) * answered);
}
