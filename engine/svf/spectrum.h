/* spectrum.h - what the singular values of one matrix say.
 *
 *	struct spectrum_stats st;
 *	spectrum_compute_f64(&st, factor->sigma64, factor->m, factor->n, err);
 *
 * Definitions and sources: spectrum.c.  What is undefined is 0: every ratio where all singular values are 0, the tail
 * where fewer than two of them differ.  Time is O(r^2): a quarter of a second at r = 4096. */
#ifndef T2_SPECTRUM_H
#define T2_SPECTRUM_H

#include "engine/base/status.h"

struct spectrum_stats {
	double spectral_norm, frobenius_norm;
	double stable_rank;    /* sum s^2 / s_1^2 */
	double effective_rank; /* exp of the entropy of s / sum s (Roy & Vetterli 2007) */
	double tail_exponent;  /* power law on s^2 (Clauset, Shalizi & Newman 2009) */
	double tail_xmin, tail_ks;
	int tail_n;
	double noise_edge; /* Gavish & Donoho 2014, unknown noise */
	int above_edge;
	int energy90; /* components that hold 90 % of sum s^2 */
};

/* sigma[r] descending, r = min(m, n). */
enum t2_status spectrum_compute(struct spectrum_stats *out, const float *sigma, int m, int n,
				struct t2_err *err);
enum t2_status spectrum_compute_f64(struct spectrum_stats *out, const double *sigma, int m, int n,
				    struct t2_err *err);
/* Median of the Marchenko-Pastur law for beta in (0, 1]; NaN outside. */
double mp_median(double beta);

#endif
