#include "tui/color.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct lab {
	double l, a, b;
};

static const char *const names[16] = {
	"black",      "red",	       "green",	      "yellow",	     "blue",	    "magenta",
	"cyan",	      "white",	       "brightblack", "brightred",   "brightgreen", "brightyellow",
	"brightblue", "brightmagenta", "brightcyan",  "brightwhite",
};

/* xterm's defaults; users change them, so this is only good for choosing the nearest. */
static const uint32_t ansi[16] = {
	0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
	0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
};

static double
to_linear(double c)
{
	return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double
from_linear(double c)
{
	c = c <= 0.0031308 ? 12.92 * c : 1.055 * pow(c, 1 / 2.4) - 0.055;
	return c < 0 ? 0 : c > 1 ? 1 : c;
}

/* OKLab: Ottosson 2020, "A perceptual color space for image processing". */
static struct lab
lab_of(uint32_t c)
{
	double r = to_linear((double)(c >> 16 & 255) / 255);
	double g = to_linear((double)(c >> 8 & 255) / 255), b = to_linear((double)(c & 255) / 255);
	double l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
	double m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
	double s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);

	return (struct lab){0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
			    1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
			    0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

static uint32_t
rgb_of(struct lab k)
{
	double l = k.l + 0.3963377774 * k.a + 0.2158037573 * k.b;
	double m = k.l - 0.1055613458 * k.a - 0.0638541728 * k.b;
	double s = k.l - 0.0894841775 * k.a - 1.2914855480 * k.b;
	double r, g, b;

	l = l * l * l;
	m = m * m * m;
	s = s * s * s;
	r = from_linear(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
	g = from_linear(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
	b = from_linear(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s);
	return (uint32_t)lrint(r * 255) << 16 | (uint32_t)lrint(g * 255) << 8 |
	       (uint32_t)lrint(b * 255);
}

bool
color_parse(const char *s, size_t n, uint32_t *out)
{
	char buf[24], *end;
	unsigned long v;

	if (n == 0 || n >= sizeof buf)
		return false;
	memcpy(buf, s, n);
	buf[n] = 0;
	if (buf[0] == '#') {
		if (n != 7 || strspn(buf + 1, "0123456789abcdefABCDEF") != 6)
			return false;
		*out = (uint32_t)strtoul(buf + 1, NULL, 16);
		return true;
	}
	if (!strcmp(buf, "default") || !strcmp(buf, "keep")) {
		*out = buf[0] == 'd' ? COLOR_DEFAULT : COLOR_KEEP;
		return true;
	}
	for (int i = 0; i < 16; i++)
		if (!strcmp(buf, names[i])) {
			*out = COLOR_INDEX(i);
			return true;
		}
	if (buf[0] < '0' || buf[0] > '9')
		return false;
	v = strtoul(buf, &end, 10);
	if (*end || v > 255)
		return false;
	*out = COLOR_INDEX(v);
	return true;
}

uint32_t
color_index_rgb(int i)
{
	static const int level[6] = {0, 95, 135, 175, 215, 255};

	if (i < 16)
		return ansi[i];
	if (i >= 232)
		return (uint32_t)(8 + 10 * (i - 232)) * 0x010101u;
	i -= 16;
	return (uint32_t)level[i / 36] << 16 | (uint32_t)level[i / 6 % 6] << 8 |
	       (uint32_t)level[i % 6];
}

static int
nearest(uint32_t c, int from, int to)
{
	struct lab k = lab_of(c);
	double best = INFINITY;
	int at = from;

	for (int i = from; i < to; i++) {
		struct lab p = lab_of(color_index_rgb(i));
		/* Hue counts more than lightness: orange must not become grey. */
		double d = (p.l - k.l) * (p.l - k.l) +
			   2.5 * ((p.a - k.a) * (p.a - k.a) + (p.b - k.b) * (p.b - k.b));

		if (d < best) {
			best = d;
			at = i;
		}
	}
	return at;
}

/* Greys stay grey: the nearest of few colours would be some pale cyan, and on eight colours black on black. */
static int
nearest_grey(double l, enum color_depth depth)
{
	if (l < 0.31)
		return 0;
	if (depth == DEPTH_8)
		return 7;
	return l < 0.62 ? 8 : l < 0.88 ? 7 : 15;
}

static int
nearest_few(uint32_t c, enum color_depth depth)
{
	struct lab k = lab_of(c);

	if (hypot(k.a, k.b) < 0.035)
		return nearest_grey(k.l, depth);
	return nearest(c, 0, depth == DEPTH_8 ? 8 : 16);
}

uint32_t
color_reduce(uint32_t c, enum color_depth depth)
{
	/* Frames reduce the same few hundred colours again and again.  Only the UI thread draws. */
	static struct {
		uint32_t key, value;
	} cache[1024];
	uint32_t key, slot;
	int i;

	if (depth == DEPTH_MONO)
		return COLOR_DEFAULT;
	if (c == COLOR_DEFAULT || c == COLOR_KEEP)
		return COLOR_DEFAULT;
	if (color_is_index(c)) {
		i = (int)(c & 255);
		if (depth >= DEPTH_256 || i < 8 || (i < 16 && depth == DEPTH_16))
			return c;
		if (i < 16)
			return COLOR_INDEX(i == 8 ? 7 : i & 7);
		c = color_index_rgb(i);
	}
	if (depth == DEPTH_RGB)
		return c;
	key = (c | (uint32_t)depth << 24) + 1;
	slot = (key * 2654435761u) >> 22;
	if (cache[slot].key == key)
		return cache[slot].value;
	i = depth == DEPTH_256 ? nearest(c, 16, 256) : nearest_few(c, depth);
	cache[slot].key = key;
	cache[slot].value = COLOR_INDEX(i);
	return COLOR_INDEX(i);
}

uint32_t
color_mix(uint32_t a, uint32_t b, double t)
{
	struct lab p, q;

	if (!(t > 0))
		return a;
	if (t >= 1)
		return b;
	if (!color_is_rgb(a) || !color_is_rgb(b))
		return t < 0.5 ? a : b;
	p = lab_of(a);
	q = lab_of(b);
	return rgb_of(
		(struct lab){p.l + t * (q.l - p.l), p.a + t * (q.a - p.a), p.b + t * (q.b - p.b)});
}

uint32_t
color_ramp(const uint32_t *stops, int n, double t)
{
	double x;
	int i;

	if (n < 1)
		return COLOR_DEFAULT;
	if (n == 1 || !(t > 0))
		return stops[0];
	if (t >= 1)
		return stops[n - 1];
	x = t * (n - 1);
	i = (int)x;
	if (!color_is_rgb(stops[i])) /* palette ramps step at even widths */
		return stops[(int)(t * n)];
	return color_mix(stops[i], stops[i + 1], x - i);
}

uint32_t
color_ink(uint32_t bg)
{
	if (color_is_index(bg))
		bg = color_index_rgb((int)(bg & 255));
	if (!color_is_rgb(bg))
		return COLOR_DEFAULT;
	return lab_of(bg).l > 0.62 ? 0x101418 : 0xf4f4f0;
}

enum color_depth
color_detect(int terminfo_colors, bool terminfo_rgb)
{
	const char *no = getenv("NO_COLOR"), *ct = getenv("COLORTERM");

	if (no && *no)
		return DEPTH_MONO;
	if (terminfo_colors < 8)
		return DEPTH_MONO;
	if (terminfo_rgb || (ct && (!strcmp(ct, "truecolor") || !strcmp(ct, "24bit"))))
		return DEPTH_RGB;
	if (terminfo_colors >= 256)
		return DEPTH_256;
	return terminfo_colors >= 16 ? DEPTH_16 : DEPTH_8;
}
