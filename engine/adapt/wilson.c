#include "engine/adapt/wilson.h"

#include <math.h>

void
wilson95(int correct, int n, double *lo, double *hi)
{
	const double z = 1.959963984540054;
	double p, mid, half, scale;

	*lo = 0;
	*hi = 1;
	if (n <= 0)
		return;
	p = (double)correct / n;
	scale = 1 + z * z / n;
	mid = (p + z * z / (2.0 * n)) / scale;
	half = z * sqrt(p * (1 - p) / n + z * z / (4.0 * n * n)) / scale;
	*lo = fmax(0, mid - half);
	*hi = fmin(1, mid + half);
}

double
mcnemar_exact(int b, int c)
{
	int n = b + c, k = b < c ? b : c;
	double p = 0;

	if (!n)
		return 1;
	for (int i = 0; i <= k; i++)
		p += exp(lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) - n * log(2));
	return fmin(1, 2 * p);
}
