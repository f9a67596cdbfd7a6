#include "tui/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int
plot_ticks(double lo, double hi, bool log, int want, double *tick, int max)
{
	double raw, step, mag, first;
	int n = 0;

	if (want < 2)
		want = 2;
	if (!(hi > lo) || max < 1)
		return 0;
	if (log && hi - lo >= 1) { /* decades, or every so many */
		int every = (int)ceil((hi - lo) / want);

		for (double d = ceil(lo / every - 1e-9) * every; d <= hi + 1e-9 && n < max;
		     d += every)
			tick[n++] = pow(10, d);
		if (n >= 2 || hi - lo >= 2)
			return n;
		n = 0;
	}
	if (log) { /* less than a decade or so: 1 2 5 */
		static const double some[] = {1, 2, 3, 5};

		for (double d = floor(lo); d <= hi && n < max; d++)
			for (int i = 0; i < 4 && n < max; i++) {
				double v = some[i] * pow(10, d);

				if (log10(v) >= lo - 1e-9 && log10(v) <= hi + 1e-9)
					tick[n++] = v;
			}
		if (n >= 2)
			return n;
		n = 0;
		lo = pow(10, lo);
		hi = pow(10, hi);
	}
	raw = (hi - lo) / want;
	mag = pow(10, floor(log10(raw)));
	step = raw / mag <= 1	? mag
	       : raw / mag <= 2 ? 2 * mag
	       : raw / mag <= 5 ? 5 * mag
				: 10 * mag;
	first = ceil(lo / step - 1e-9);
	for (int i = 0; n < max; i++) {
		double v = (first + i) * step;

		if (v > hi + 1e-9 * step)
			break;
		tick[n++] = fabs(v) < 1e-12 * step ? 0 : v;
	}
	return n;
}

int
plot_ticks_whole(double lo, double hi, int want, double *tick, int max)
{
	int n = plot_ticks(lo, hi, false, want, tick, max);

	if (!n || hi - lo > want) /* so wide that they are whole already */
		return n;
	n = 0;
	for (double v = ceil(lo - 1e-9); v <= hi + 1e-9 && n < max; v++)
		tick[n++] = v + 0.0; /* not -0 */
	return n;
}

const char *
plot_tick_text(char *buf, size_t cap, double v, bool log, double step, bool ascii)
{
	double e = v > 0 ? log10(v) : 0.5;
	int digits;

	if (log && v > 0 && fabs(e - rint(e)) < 1e-9 && (fabs(e) > 2.5 || !ascii)) {
		static const char *const up[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
		int k = (int)rint(e);

		if (ascii)
			snprintf(buf, cap, "1e%d", k);
		else if (abs(k) < 10)
			snprintf(buf, cap, "10%s%s", k < 0 ? "⁻" : "", up[abs(k)]);
		else
			snprintf(buf, cap, "10%s%s%s", k < 0 ? "⁻" : "", up[abs(k) / 10 % 10],
				 up[abs(k) % 10]);
		return buf;
	}
	if (fabs(v) >= 1e5 || (v != 0 && fabs(v) < 1e-3)) {
		snprintf(buf, cap, "%.2g", v);
		return buf;
	}
	digits = step > 0 && step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
	snprintf(buf, cap, "%.*f", log ? (v < 1 ? 2 : v < 10 && v != rint(v)) : digits, v);
	return buf;
}
