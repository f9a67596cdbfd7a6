/* vec.h - elementwise work of layers and sampling, at the width of the CPU (kern_level()).
 *
 *	vec_silu_back(dgate, dup, gate, up, n);
 *
 * The same operations on the same elements at every level and never a fused multiply-add, so the same bits everywhere.
 * Outputs may be inputs only where said. */
#ifndef T2_VEC_H
#define T2_VEC_H

void vec_add(float *y, const float *x, int n);		  /* y += x */
void vec_scale(float *y, const float *x, float a, int n); /* y = a x; y may be x */

/* y = silu(gate) up with dy in dup: dgate = dy up (s + gate s (1 - s)), dup = dy gate s, s = sigmoid(gate). */
void vec_silu_back(float *dgate, float *dup, const float *gate, const float *up, int n);
/* ds = p (ds - mean): from the gradient at probabilities to that at scores, mean = sum of p dp. */
void vec_softmax_back(float *ds, const float *p, float mean, int n);

/* p[h][key] = q[h] . k[key] of width d, h < heads, rows of p ldp apart: scores of queries that share their keys.  Keys are
 * read one after another: four rows at a time, as products do it, leave the processor's prefetchers in a state in which
 * the weights that come next arrive at two thirds of their speed. */
void vec_scores(float *p, int ldp, const float *q, int heads, const float *k, int keys, int d);
/* y[d] += sum over keys of p[key] v[key][d]: one query's values, added in the order of the keys. */
void vec_weighted_sum(float *y, const float *p, const float *v, int keys, int d);

/* w[i] = exp((x[i] - max) / temp) for x[i] <= max, in double to 1e-15; returns their sum. */
double vec_exp_sum(const float *x, float max, float temp, int n, double *w);
/* The first of the largest; 0 where no number is above -infinity. */
int vec_argmax(const float *x, int n);

#endif
