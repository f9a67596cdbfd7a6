/* spectrum.h - what the singular values of one matrix say.  Definitions and sources: spectrum.c. */
#ifndef T2_SPECTRUM_H
#define T2_SPECTRUM_H

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
void spectrum_compute(struct spectrum_stats *out, const float *sigma, int m, int n);
void spectrum_compute_f64(struct spectrum_stats *out, const double *sigma, int m, int n);
/* Median of the Marchenko-Pastur law for beta in (0, 1]. */
double mp_median(double beta);

#endif
