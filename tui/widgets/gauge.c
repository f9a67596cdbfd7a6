#include "tui/widgets/gauge.h"

#include <math.h>
#include <stdio.h>

void
gauge_draw(struct canvas *c, int x, int y, int w, double frac, struct style st)
{
	struct style track = canvas_style(c, TH_TRACK);

	for (int i = 0; i < w; i++)
		canvas_text(c, x + i, y, 1, track, "─");
	canvas_hbar(c, x, y, w, frac, st);
}

const char *
gauge_time(char *buf, size_t cap, double s)
{
	if (!isfinite(s) || s < 0)
		snprintf(buf, cap, "?");
	else if (s < 1)
		snprintf(buf, cap, "%.0f ms", s * 1e3);
	else if (s < 10)
		snprintf(buf, cap, "%.1f s", s);
	else if (s < 60)
		snprintf(buf, cap, "%.0f s", s);
	else if (s < 3600)
		snprintf(buf, cap, "%dm%02ds", (int)(s / 60), (int)fmod(s, 60));
	else if (s < 86400 * 4.0)
		snprintf(buf, cap, "%dh%02dm", (int)(s / 3600), (int)(fmod(s, 3600) / 60));
	else
		snprintf(buf, cap, "%.0f d", s / 86400);
	return buf;
}

const char *
gauge_number(char *buf, size_t cap, double v)
{
	double a = fabs(v);

	if (isnan(v))
		snprintf(buf, cap, "?");
	else if (v == 0)
		snprintf(buf, cap, "0");
	else if (a >= 1e5 || a < 1e-3)
		snprintf(buf, cap, "%.2e", v);
	else if (a >= 99.95)
		snprintf(buf, cap, "%.0f", v);
	else
		snprintf(buf, cap, "%.*f",
			 a >= 9.995	? 1
			 : a >= 0.9995	? 2
			 : a >= 0.09995 ? 3
					: 4,
			 v);
	return buf;
}

const char *
gauge_bytes(char *buf, size_t cap, double b)
{
	static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
	int i = 0;

	while (b >= 1000 && i < 4) {
		b /= 1000;
		i++;
	}
	snprintf(buf, cap, i && b < 10 ? "%.1f %s" : "%.0f %s", b, unit[i]);
	return buf;
}

const char *
gauge_share(char *buf, size_t cap, double v)
{
	if (isnan(v))
		snprintf(buf, cap, "·");
	else
		snprintf(buf, cap, "%.*f", v < 0.9995 ? 3 : 2, v);
	return buf;
}

const char *
gauge_count(char *buf, size_t cap, double n)
{
	if (n >= 999.5e6)
		snprintf(buf, cap, "%.3gB", n / 1e9);
	else if (n >= 999.5e3)
		snprintf(buf, cap, "%.3gM", n / 1e6);
	else
		snprintf(buf, cap, "%.3gk", n / 1e3);
	return buf;
}

const char *
gauge_interval(char *buf, size_t cap, double v, double lo, double hi)
{
	snprintf(buf, cap, "%.2f [%.2f %.2f]", v, lo, hi);
	return buf;
}

bool
gauge_rate_means(int tokens, double per_s)
{
	enum { FEWEST = 8 };
	const double shortest = 0.005; /* seconds */

	return tokens >= FEWEST && per_s > 0 && (tokens - 1) / per_s >= shortest;
}
