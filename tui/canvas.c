#include "tui/canvas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/base/strbuf.h"
#include "tui/utf8.h"

enum { ARM_UP = 1, ARM_DOWN = 2, ARM_LEFT = 4, ARM_RIGHT = 8 };

static const char *const joints[16] = {
	" ", "│", "│", "│", "─", "╯", "╮", "┤", "─", "╰", "╭", "├", "─", "┴", "┬", "┼",
};

static const char *const eighths_right[9] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
static const char *const eighths_up[9] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char ascii_up[] = " .:-=+*%#";

struct canvas *
canvas_new(int w, int h)
{
	struct canvas *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->glyphs = GLYPHS_BRAILLE;
	c->depth = DEPTH_RGB;
	c->cursor_x = -1;
	if (!canvas_resize(c, w, h)) {
		free(c);
		return NULL;
	}
	return c;
}

bool
canvas_resize(struct canvas *c, int w, int h)
{
	struct cell *cells;

	if (w < 1 || h < 1 || w > 4096 || h > 4096)
		return false;
	cells = calloc((size_t)w * (size_t)h, sizeof *cells);
	if (!cells)
		return false;
	free(c->cells);
	c->cells = cells;
	c->w = w;
	c->h = h;
	c->clip = canvas_rect(c);
	return true;
}

void
canvas_free(struct canvas *c)
{
	if (!c)
		return;
	free(c->cells);
	free(c);
}

struct rect
canvas_rect(const struct canvas *c)
{
	return (struct rect){0, 0, c->w, c->h};
}

void
canvas_clear(struct canvas *c)
{
	struct style st = canvas_style(c, TH_TEXT);
	struct cell blank = {
		.text = " ", .fg = st.fg, .bg = c->theme->background, .attr = st.attr, .width = 1};

	if (blank.fg == COLOR_KEEP)
		blank.fg = COLOR_DEFAULT;
	for (size_t i = 0, n = (size_t)c->w * (size_t)c->h; i < n; i++)
		c->cells[i] = blank;
	c->clip = canvas_rect(c);
	c->cursor_x = -1;
}

struct rect
rect_inset(struct rect r, int dx, int dy)
{
	r.x += dx;
	r.y += dy;
	r.w = r.w > 2 * dx ? r.w - 2 * dx : 0;
	r.h = r.h > 2 * dy ? r.h - 2 * dy : 0;
	return r;
}

bool
rect_has(struct rect r, int x, int y)
{
	return x >= r.x && y >= r.y && x < r.x + r.w && y < r.y + r.h;
}

static struct rect
rect_cut(struct rect a, struct rect b)
{
	int x1 = a.x + a.w < b.x + b.w ? a.x + a.w : b.x + b.w;
	int y1 = a.y + a.h < b.y + b.h ? a.y + a.h : b.y + b.h;
	struct rect r = {a.x > b.x ? a.x : b.x, a.y > b.y ? a.y : b.y, 0, 0};

	r.w = x1 > r.x ? x1 - r.x : 0;
	r.h = y1 > r.y ? y1 - r.y : 0;
	return r;
}

struct rect
canvas_clip(struct canvas *c, struct rect r)
{
	struct rect old = c->clip;

	c->clip = rect_cut(old, r);
	return old;
}

void
canvas_unclip(struct canvas *c, struct rect old)
{
	c->clip = old;
}

static struct cell *
cell_at(struct canvas *c, int x, int y)
{
	if (!rect_has(c->clip, x, y))
		return NULL;
	return &c->cells[(size_t)y * (size_t)c->w + (size_t)x];
}

static void
cell_style(struct cell *k, struct style st)
{
	if (st.fg != COLOR_KEEP)
		k->fg = st.fg;
	if (st.bg != COLOR_KEEP)
		k->bg = st.bg;
	/* On a kept background an attribute adds to the row's own (a reversed selection stays reversed). */
	k->attr = st.bg == COLOR_KEEP ? (uint8_t)((k->attr & ATTR_REVERSE) | st.attr) : st.attr;
}

/* A wide character loses its other half when one half is written over. */
static void
halves_free(struct canvas *c, struct cell *k, int x)
{
	if (k->width == 0 && x > 0 && k[-1].width == 2) {
		memset(k[-1].text, 0, sizeof k->text);
		k[-1].text[0] = ' ';
		k[-1].width = 1;
	}
	if (k->width == 2 && x + 1 < c->w && k[1].width == 0) {
		memset(k[1].text, 0, sizeof k->text);
		k[1].text[0] = ' ';
		k[1].width = 1;
	}
}

static void
cell_put(struct canvas *c, int x, int y, struct style st, const char *text, int width)
{
	struct cell *k = cell_at(c, x, y), *right = NULL;
	size_t len = strlen(text);

	if (!k)
		return;
	if (width == 2) {
		right = cell_at(c, x + 1, y);
		if (!right) { /* half of it would be cut off */
			text = " ";
			len = 1;
			width = 1;
		}
	}
	halves_free(c, k, x);
	if (right)
		halves_free(c, right, x + 1);
	memset(k->text, 0, sizeof k->text);
	if (c->glyphs == GLYPHS_ASCII) {
		k->text[0] = utf8_ascii(text);
	} else {
		memcpy(k->text, text, len < sizeof k->text ? len : sizeof k->text);
	}
	cell_style(k, st);
	k->arms = 0;
	k->claim = 0;
	k->width = 1;
	if (!right)
		return;
	memset(right->text, 0, sizeof right->text);
	right->arms = 0;
	right->claim = 0;
	cell_style(right, st);
	if (c->glyphs == GLYPHS_ASCII) {
		right->text[0] = ' ';
		right->width = 1;
	} else {
		k->width = 2;
		right->width = 0;
	}
}

int
canvas_textn(struct canvas *c, int x, int y, int w, struct style st, const char *s, size_t n)
{
	struct glyph g;
	bool cut = false;
	size_t fit;
	int used;

	if (w <= 0)
		return 0;
	fit = utf8_fit(s, n, w, &used);
	if (fit < n) {
		cut = true;
		fit = utf8_fit(s, n, w - 1, &used);
	}
	for (size_t i = 0; i < fit;) {
		i += utf8_glyph(s + i, fit - i, &g);
		if (!g.width)
			continue;
		cell_put(c, x, y, st, g.text, g.width);
		x += g.width;
	}
	if (cut) {
		cell_put(c, x, y, st, "…", 1);
		used++;
	}
	return used;
}

int
canvas_text(struct canvas *c, int x, int y, int w, struct style st, const char *s)
{
	return canvas_textn(c, x, y, w, st, s, strlen(s));
}

int
canvas_right(struct canvas *c, int x, int y, int w, struct style st, const char *s)
{
	int k = utf8_width_str(s);

	if (k < w) {
		x += w - k;
		w = k;
	}
	return canvas_text(c, x, y, w, st, s);
}

int
canvas_center(struct canvas *c, int x, int y, int w, struct style st, const char *s)
{
	int k = utf8_width_str(s);

	if (k < w)
		x += (w - k) / 2;
	return canvas_text(c, x, y, k < w ? k : w, st, s);
}

int
canvas_printf(struct canvas *c, int x, int y, int w, struct style st, const char *fmt, ...)
{
	char buf[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	return canvas_text(c, x, y, w, st, buf);
}

int
canvas_wrap(struct canvas *c, struct rect r, struct style st, const char *s, int skip)
{
	size_t n = strlen(s), next;
	int line = 0;

	if (r.w < 2)
		return 0;
	for (size_t i = 0; i < n; i += next, line++) {
		size_t len = utf8_line(s + i, n - i, r.w, &next);

		if (line >= skip && line - skip < r.h)
			canvas_textn(c, r.x, r.y + line - skip, r.w, st, s + i, len);
	}
	return line;
}

void
canvas_fill(struct canvas *c, struct rect r, struct style st)
{
	r = rect_cut(r, c->clip);
	for (int y = r.y; y < r.y + r.h; y++)
		for (int x = r.x; x < r.x + r.w; x++)
			cell_put(c, x, y, st, " ", 1);
}

void
canvas_tint(struct canvas *c, struct rect r, struct style st)
{
	r = rect_cut(r, c->clip);
	for (int y = r.y; y < r.y + r.h; y++)
		for (int x = r.x; x < r.x + r.w; x++) {
			struct cell *k = cell_at(c, x, y);

			if (st.fg != COLOR_KEEP)
				k->fg = st.fg;
			if (st.bg != COLOR_KEEP)
				k->bg = st.bg;
			k->attr |= st.attr;
		}
}

void
canvas_claim(struct canvas *c, struct rect r, uint8_t id)
{
	r = rect_cut(r, c->clip);
	for (int y = r.y; y < r.y + r.h; y++)
		for (int x = r.x; x < r.x + r.w; x++)
			cell_at(c, x, y)->claim = id;
}

static void
line_put(struct canvas *c, int x, int y, unsigned arms, struct style st)
{
	struct cell *k = cell_at(c, x, y);

	if (!k)
		return;
	arms |= k->arms;
	cell_put(c, x, y, st, joints[arms & 15], 1);
	k->arms = (uint8_t)arms;
}

void
canvas_hline(struct canvas *c, int x, int y, int w, struct style st)
{
	for (int i = 0; i < w; i++)
		line_put(c, x + i, y,
			 (i > 0 || w == 1 ? ARM_LEFT : 0) | (i < w - 1 || w == 1 ? ARM_RIGHT : 0),
			 st);
}

void
canvas_vline(struct canvas *c, int x, int y, int h, struct style st)
{
	for (int i = 0; i < h; i++)
		line_put(c, x, y + i,
			 (i > 0 || h == 1 ? ARM_UP : 0) | (i < h - 1 || h == 1 ? ARM_DOWN : 0), st);
}

void
canvas_box(struct canvas *c, struct rect r, struct style st)
{
	if (r.w < 2 || r.h < 2)
		return;
	canvas_hline(c, r.x, r.y, r.w, st);
	canvas_hline(c, r.x, r.y + r.h - 1, r.w, st);
	canvas_vline(c, r.x, r.y, r.h, st);
	canvas_vline(c, r.x + r.w - 1, r.y, r.h, st);
}

static double
clamp01(double f)
{
	return f >= 1 ? 1 : f > 0 ? f : 0; /* NaN: 0 */
}

void
canvas_hbar(struct canvas *c, int x, int y, int w, double frac, struct style st)
{
	int units, full;

	if (w <= 0)
		return;
	if (c->glyphs == GLYPHS_ASCII) {
		full = (int)lrint(clamp01(frac) * w);
		for (int i = 0; i < full; i++)
			cell_put(c, x + i, y, st, "#", 1);
		return;
	}
	units = (int)lrint(clamp01(frac) * w * 8);
	for (int i = 0; i < units / 8; i++)
		cell_put(c, x + i, y, st, eighths_right[8], 1);
	if (units % 8)
		cell_put(c, x + units / 8, y, st, eighths_right[units % 8], 1);
}

static void
put_up(struct canvas *c, int x, int y, struct style st, int eighth)
{
	char a[2] = {ascii_up[eighth], 0};

	cell_put(c, x, y, st, c->glyphs == GLYPHS_ASCII ? a : eighths_up[eighth], 1);
}

void
canvas_vbar(struct canvas *c, int x, int y, int h, double frac, struct style st)
{
	int units = (int)lrint(clamp01(frac) * h * 8);

	for (int i = 0; i < h && units > 0; i++, units -= 8)
		put_up(c, x, y + h - 1 - i, st, units < 8 ? units : 8);
}

void
canvas_vbar_down(struct canvas *c, int x, int y, int h, double frac, struct style st)
{
	int units = (int)lrint(clamp01(frac) * h * 8);

	for (int i = 0; i < h && units > 0; i++, units -= 8) {
		struct style rev = st;

		if (units >= 8 || c->glyphs == GLYPHS_ASCII) {
			put_up(c, x, y + i, st, units < 8 ? units : 8);
			continue;
		}
		/* There are no upper eighths: the lower ones with the colours turned round. */
		rev.attr ^= ATTR_REVERSE;
		put_up(c, x, y + i, rev, 8 - units);
	}
}

void
canvas_spark(struct canvas *c, int x, int y, int w, struct style st, const double *v, int n,
	     double lo, double hi)
{
	if (n > w) {
		v += n - w;
		n = w;
	}
	if (!(lo < hi)) {
		lo = INFINITY;
		hi = -INFINITY;
		for (int i = 0; i < n; i++)
			if (isfinite(v[i])) {
				lo = fmin(lo, v[i]);
				hi = fmax(hi, v[i]);
			}
	}
	for (int i = 0; i < n; i++) {
		double t = hi > lo ? (v[i] - lo) / (hi - lo) : 0.5;

		if (isfinite(v[i]))
			put_up(c, x + i, y, st, 1 + (int)lrint(clamp01(t) * 7));
	}
}

void
canvas_dump(const struct canvas *c, struct rect r, struct strbuf *out)
{
	r = rect_cut(r, canvas_rect(c));
	for (int y = r.y; y < r.y + r.h; y++) {
		const struct cell *row = &c->cells[(size_t)y * (size_t)c->w];
		int end = r.x + r.w;

		while (end > r.x && row[end - 1].width == 1 && !strcmp(row[end - 1].text, " "))
			end--;
		for (int x = r.x; x < end; x++)
			if (row[x].width)
				strbuf_add(out, row[x].text,
					   strnlen(row[x].text, sizeof row[x].text));
		strbuf_char(out, '\n');
	}
}

bool
canvas_find(const struct canvas *c, const char *text)
{
	struct strbuf b = {0};
	bool hit;

	canvas_dump(c, canvas_rect(c), &b);
	hit = b.s && strstr(b.s, text);
	strbuf_free(&b);
	return hit;
}
