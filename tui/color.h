/* color.h - colours, and what becomes of them on terminals that have fewer.
 *
 *	uint32_t c = color_ramp(stops, n, 0.4);		// between the stops, in a perceptual space (OKLab)
 *	uint32_t t = color_reduce(c, DEPTH_256);	// what such a terminal can show
 *
 * A colour is 0xRRGGBB, a palette entry, the terminal's own default, or KEEP: "what is already there". */
#ifndef T2_COLOR_H
#define T2_COLOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COLOR_DEFAULT  0x01000000u
#define COLOR_KEEP     0x02000000u
#define COLOR_INDEX(n) (0x03000000u | (uint32_t)(n))

static inline bool
color_is_rgb(uint32_t c)
{
	return c < 0x01000000u;
}

static inline bool
color_is_index(uint32_t c)
{
	return (c & 0xff000000u) == 0x03000000u;
}

enum color_depth { DEPTH_MONO, DEPTH_8, DEPTH_16, DEPTH_256, DEPTH_RGB };

/* "#rrggbb", "default", "keep", a name (red, brightblue ...) or a palette number 0-255. */
bool color_parse(const char *s, size_t n, uint32_t *out);
uint32_t color_reduce(uint32_t c, enum color_depth depth);
/* t in [0, 1]: 0 is a.  Colours that are not RGB are not mixed: the nearer one is returned. */
uint32_t color_mix(uint32_t a, uint32_t b, double t);
uint32_t color_ramp(const uint32_t *stops, int n, double t);
uint32_t color_index_rgb(int i); /* a palette entry's usual look */
/* Near black or near white, whichever reads better on bg. */
uint32_t color_ink(uint32_t bg);
/* From the environment and the number of colours that terminfo gives: NO_COLOR, COLORTERM, TERM. */
enum color_depth color_detect(int terminfo_colors, bool terminfo_rgb);

#endif
