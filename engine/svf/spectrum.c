/* What the singular values s_1 >= ... >= s_r of W (m x n) say.
 *
 * effective rank  Roy & Vetterli, "The effective rank" (EUSIPCO 2007): exp of the entropy of p_i = s_i / sum s
 * noise edge      Gavish & Donoho, "The optimal hard threshold for singular values is 4/sqrt(3)" (2014), unknown noise:
 *                 the largest singular value of pure noise whose median singular value is ours
 * tail exponent   Clauset, Shalizi & Newman, "Power-law distributions in empirical data" (2009), continuous, of s^2: the
 *                 eigenvalues of W W^T.  For each candidate x_min the exponent by maximum likelihood; the candidate
 *                 with the least Kolmogorov-Smirnov distance wins. */
#include "engine/svf/spectrum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

/* Distribution function of the Marchenko-Pastur law at t = 1 + beta - 2 sqrt(beta) cos(theta), theta in [0, pi].  With that
 * substitution the density becomes 2 sin^2(theta) / (pi t) dtheta, which has an elementary integral; written with
 * delta, the angle at the origin of 1 - sqrt(beta) e^(i theta), it loses no digits at either end of beta. */
static double
mp_cdf(double beta, double theta)
{
	double root = sqrt(beta);
	double delta = atan2(root * sin(theta), 1 - root * cos(theta));

	return (theta + sin(theta) / root - (1 - beta) * delta / beta) / pi;
}

double
mp_median(double beta)
{
	double lo = 0, hi = pi;

	if (!(beta > 0 && beta <= 1))
		return NAN;
	for (;;) {
		double mid = lo + (hi - lo) / 2;

		if (mid <= lo || mid >= hi)
			return 1 + beta - 2 * sqrt(beta) * cos(mid);
		if (mp_cdf(beta, mid) < 0.5)
			lo = mid;
		else
			hi = mid;
	}
}

/* x[n] ascending eigenvalues, lx their logarithms. */
static void
tail_fit(struct spectrum_stats *out, const double *x, const double *lx, int n)
{
	double best = INFINITY;

	for (int k = 0; k < n && x[k] < x[n - 1]; k++) {
		double sum = 0, alpha, dist = 0;
		int count = n - k;

		if (k > 0 && x[k] == x[k - 1])
			continue;
		for (int i = k; i < n; i++)
			sum += lx[i] - lx[k];
		alpha = 1 + count / sum;
		for (int i = 0; i < count && dist < best; i++) {
			double above = exp((1 - alpha) * (lx[k + i] - lx[k]));
			double d = fabs(1 - above - (double)i / count);

			if (d > dist)
				dist = d;
		}
		if (dist < best) {
			best = dist;
			out->tail_exponent = alpha;
			out->tail_xmin = x[k];
			out->tail_ks = dist;
			out->tail_n = count;
		}
	}
}

/* work[2 * r] */
static void
tail(struct spectrum_stats *out, const double *sigma, int r, double *work)
{
	int n = 0;

	for (int i = r - 1; i >= 0; i--)
		if (sigma[i] * sigma[i] > 0)
			work[n++] = sigma[i] * sigma[i];
	for (int i = 0; i < n; i++)
		work[r + i] = log(work[i]);
	tail_fit(out, work, work + r, n);
}

static void
energy(struct spectrum_stats *out, const double *sigma, int r)
{
	double sum = 0, squares = 0, entropy = 0, part = 0;

	for (int i = 0; i < r; i++) {
		sum += sigma[i];
		squares += sigma[i] * sigma[i];
	}
	out->spectral_norm = sigma[0];
	out->frobenius_norm = sqrt(squares);
	if (!(squares > 0))
		return;
	for (int i = 0; i < r; i++)
		if (sigma[i] > 0)
			entropy -= sigma[i] / sum * log(sigma[i] / sum);
	out->stable_rank = squares / (sigma[0] * sigma[0]);
	out->effective_rank = exp(entropy);
	while (out->energy90 < r && part < 0.9 * squares) {
		part += sigma[out->energy90] * sigma[out->energy90];
		out->energy90++;
	}
}

static void
noise(struct spectrum_stats *out, const double *sigma, int m, int n)
{
	int r = m < n ? m : n;
	double beta = (double)r / (m > n ? m : n);
	double median = (sigma[(r - 1) / 2] + sigma[r / 2]) / 2;

	out->noise_edge = median / sqrt(mp_median(beta)) * (1 + sqrt(beta));
	while (out->above_edge < r && sigma[out->above_edge] > out->noise_edge)
		out->above_edge++;
}

enum t2_status
spectrum_compute_f64(struct spectrum_stats *out, const double *sigma, int m, int n,
		     struct t2_err *err)
{
	int r = m < n ? m : n;
	double *work;

	memset(out, 0, sizeof *out);
	if (r < 1)
		return t2_fail(err, T2_EINVAL,
			       "spectrum: a matrix of %d x %d has no singular values", m, n);
	work = malloc(2 * (size_t)r * sizeof *work);
	if (!work)
		return t2_nomem(err, "spectrum");
	energy(out, sigma, r);
	noise(out, sigma, m, n);
	tail(out, sigma, r, work);
	free(work);
	return T2_OK;
}

enum t2_status
spectrum_compute(struct spectrum_stats *out, const float *sigma, int m, int n, struct t2_err *err)
{
	int r = m < n ? m : n;
	double *wide = malloc((size_t)(r > 0 ? r : 1) * sizeof *wide);
	enum t2_status st;

	if (!wide)
		return t2_nomem(err, "spectrum");
	for (int i = 0; i < r; i++)
		wide[i] = sigma[i];
	st = spectrum_compute_f64(out, wide, m, n, err);
	free(wide);
	return st;
}
