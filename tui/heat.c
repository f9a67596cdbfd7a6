#include "tui/heat.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tui/sketch.h"
#include "tui/utf8.h"

static const char *const shades[] = {" ", "░", "▒", "▓", "█"};

void
heat_range(const struct heat *h, double *lo, double *hi)
{
	double l = INFINITY, u = -INFINITY, d;

	if (h->lo < h->hi) {
		*lo = h->lo;
		*hi = h->hi;
		return;
	}
	for (long i = 0, n = (long)h->rows * h->cols; i < n; i++)
		if (isfinite(h->v[i])) {
			l = fmin(l, h->v[i]);
			u = fmax(u, h->v[i]);
		}
	if (!(l <= u)) {
		l = h->diverging ? h->mid - 1 : 0;
		u = h->diverging ? h->mid + 1 : 1;
	}
	if (h->diverging) { /* the same distance means the same strength on both sides */
		d = fmax(fabs(l - h->mid), fabs(u - h->mid));
		if (d <= 0)
			d = 1e-6;
		l = h->mid - d;
		u = h->mid + d;
	}
	*lo = l;
	*hi = u;
}

uint32_t
heat_color(const struct canvas *c, bool diverging, double lo, double hi, double v)
{
	const struct ramp *r = diverging ? &c->theme->diverging : &c->theme->sequential;

	return theme_ramp(r, hi > lo ? (v - lo) / (hi - lo) : 0.5);
}

const char *
heat_number(char *buf, double v)
{
	double a = fabs(v);
	char tmp[24]; /* a < 1: six characters */

	if (isnan(v))
		snprintf(buf, 16, "·");
	else if (isinf(v))
		snprintf(buf, 16, v > 0 ? "inf" : "-inf");
	else if (a >= 99999.5)
		snprintf(buf, 16, "%.0e", v);
	else if (a >= 99.95)
		snprintf(buf, 16, "%.0f", v);
	else if (a >= 9.995)
		snprintf(buf, 16, "%.1f", v);
	else if (a >= 0.995)
		snprintf(buf, 16, "%.2f", v);
	else if (a < 0.0005 && a > 0)
		snprintf(buf, 16, "%.0e", v);
	else {
		/* ".612": the zero before the point says nothing. */
		snprintf(tmp, sizeof tmp, a < 0.0995 ? "%.3f" : "%.2f", a);
		snprintf(buf, 16, "%s%.6s", v < 0 ? "-" : "", a == 0 ? "0" : tmp + 1);
	}
	return buf;
}

/* "-.05", "1.00" */
static const char *
fixed_number(char *buf, double v, int places)
{
	char tmp[24];

	snprintf(tmp, sizeof tmp, "%.*f", places, fabs(v));
	snprintf(buf, 16, "%s%.14s", v < 0 && strspn(tmp, "0.") < strlen(tmp) ? "-" : "",
		 tmp[0] == '0' ? tmp + 1 : tmp);
	return buf;
}

static bool
few_colors(const struct canvas *c)
{
	return c->depth <= DEPTH_16 || c->theme->mono;
}

static const char *
shade_of(const struct canvas *c, bool diverging, double t)
{
	int k;

	if (!(t >= 0))
		t = 0;
	if (t > 1)
		t = 1;
	if (diverging) { /* sign by its own mark, strength by the shade */
		double d = 2 * fabs(t - 0.5);

		k = (int)lrint(d * 4);
		if (c->glyphs == GLYPHS_ASCII)
			return k == 0 ? " " : t < 0.5 ? (k > 2 ? "=" : "-") : (k > 2 ? "#" : "+");
		return t < 0.5 ? (k == 0  ? " "
				  : k > 2 ? "▼"
					  : "▿")
			       : (k == 0  ? " "
				  : k > 2 ? "▲"
					  : "▵");
	}
	return shades[(int)lrint(t * 4)];
}

static int
row_width(const struct heat *h)
{
	int w = 1;

	for (int i = 0; i < h->rows; i++) {
		int k = h->row_name ? utf8_width_str(h->row_name[i])
			: i > 999   ? 4
			: i > 99    ? 3
			: i > 9	    ? 2
				    : 1;

		w = k > w ? k : w;
	}
	return w < 20 ? w : 20;
}

static void
cell_draw(struct canvas *c, const struct heat *h, int row, int col, struct rect k, double lo,
	  double hi)
{
	size_t at = (size_t)row * (size_t)h->cols + (size_t)col;
	double v = h->v[at], t = hi > lo ? (v - lo) / (hi - lo) : 0.5;
	bool sel = row == h->sel_row && col == h->sel_col, few = few_colors(c);
	bool mark = h->mark && h->mark[at], known = isfinite(v);
	struct style st = canvas_style(c, known ? TH_TEXT : TH_STALE), edge;
	char num[16];
	int w, x;

	st.bg = COLOR_KEEP;
	if (known && !few) {
		st.bg = heat_color(c, h->diverging, lo, hi, v);
		st.fg = color_ink(st.bg);
	}
	if (sel)
		st.attr |= ATTR_BOLD;
	canvas_fill(c, k, st);
	if (known && h->places)
		fixed_number(num, v, h->places);
	else
		heat_number(num, v);
	w = utf8_width_str(num);
	edge = st;
	if (few && known && color_is_rgb(heat_color(c, h->diverging, lo, hi, v)))
		edge.fg = heat_color(c, h->diverging, lo, hi, v);
	if (h->bare || k.w < (h->places ? h->places + 3 : 4) + few) {
		if (few && known)
			for (int i = 0; i < k.w; i++)
				canvas_text(c, k.x + i, k.y, 1, edge, shade_of(c, h->diverging, t));
		else if (!known)
			canvas_text(c, k.x + (k.w - 1) / 2, k.y, 1, st, "·");
		if (sel)
			canvas_text(c, k.x + (k.w - 1) / 2, k.y, 1,
				    few ? canvas_style(c, TH_SELECT) : st, k.w > 2 ? "◆" : "▪");
		return;
	}
	x = k.x + (k.w - w) / 2 + (k.w > w + 2 ? (k.w - w) % 2 : 0);
	if (x + w > k.x + k.w - (few || mark))
		x = k.x + k.w - w - (few || mark);
	canvas_text(c, x < k.x ? k.x : x, k.y, w, st, num);
	if (few && known && c->glyphs != GLYPHS_ASCII) /* there "%" would be read as a unit */
		canvas_text(c, k.x + k.w - 1, k.y, 1, edge, shade_of(c, h->diverging, t));
	if (mark)
		canvas_text(c, k.x + (few && k.w > w + 2 ? 0 : k.w - 1), k.y, 1,
			    few ? canvas_style(c, TH_MARK) : st, "●");
	if (sel && w + 2 > k.w && !few) { /* brackets would cut the number */
		st.attr = ATTR_BOLD | ATTR_REVERSE;
		canvas_text(c, x < k.x ? k.x : x, k.y, w, st, num);
		return;
	}
	if (sel) { /* by brackets, so that the colour stays to be seen */
		struct style b = canvas_style(c, few ? TH_SELECT : TH_STRONG);

		if (!few) {
			b = st;
			b.attr = h->focused ? ATTR_BOLD | ATTR_UNDERLINE : ATTR_UNDERLINE;
		}
		if (x > k.x)
			canvas_text(c, k.x, k.y, 1, b, h->focused ? "[" : "(");
		else /* no room beside the number */
			canvas_tint(c, (struct rect){x, k.y, w, 1}, b);
		if (x + w < k.x + k.w)
			canvas_text(c, k.x + k.w - 1, k.y, 1, b, h->focused ? "]" : ")");
	}
}

/* All of it for a file, whatever part of it shows. */
static void
numbers(const struct canvas *c, const struct heat *h)
{
	char name[16];

	if (!c->sketch)
		return;
	sketch_table(c->sketch, "row,column,value");
	for (int i = 0; i < h->rows; i++)
		for (int j = 0; j < h->cols; j++) {
			snprintf(name, sizeof name, "%d", i);
			sketch_text(c->sketch, h->row_name ? h->row_name[i] : name);
			snprintf(name, sizeof name, "%d", j);
			sketch_text(c->sketch, h->col_name ? h->col_name[j] : name);
			sketch_number(c->sketch, h->v[(size_t)i * (size_t)h->cols + (size_t)j]);
			sketch_row(c->sketch);
		}
}

static int
first_shown(int sel, int n, int room)
{
	int first = sel - room / 2;

	if (first > n - room)
		first = n - room;
	return first < 0 ? 0 : first;
}

void
heat_draw(struct canvas *c, struct rect r, const struct heat *h, struct heat_map *map)
{
	struct style dim = canvas_style(c, TH_DIM), strong = canvas_style(c, TH_STRONG);
	struct heat_map m = {.cw = 1};
	int left = row_width(h) + 2, top = h->col_name ? 1 : 0, want = 6;
	double lo, hi;
	char buf[16];

	memset(map, 0, sizeof *map);
	if (h->rows < 1 || h->cols < 1 || r.w < left + 2 || r.h < top + 1)
		return;
	heat_range(h, &lo, &hi);
	m.cw = (r.w - left) / h->cols;
	m.cw = m.cw > want + 2 ? want + 2 : m.cw < 1 ? 1 : m.cw;
	m.cols = (r.w - left) / m.cw < h->cols ? (r.w - left) / m.cw : h->cols;
	m.rows = r.h - top < h->rows ? r.h - top : h->rows;
	m.row0 = first_shown(h->sel_row, h->rows, m.rows);
	m.col0 = first_shown(h->sel_col, h->cols, m.cols);
	m.area = (struct rect){r.x + left, r.y + top, m.cols * m.cw, m.rows};
	for (int j = 0; j < m.cols && top; j++) {
		int col = m.col0 + j;

		if (m.cw > 2 || col % (6 / m.cw) == 0)
			canvas_center(c, m.area.x + j * m.cw, r.y, m.cw > 2 ? m.cw : 6,
				      col == h->sel_col ? strong : dim, h->col_name[col]);
	}
	for (int i = 0; i < m.rows; i++) {
		int row = m.row0 + i;
		bool on = row == h->sel_row;

		snprintf(buf, sizeof buf, "%d", row);
		canvas_right(c, r.x + 1, m.area.y + i, left - 2, on ? strong : dim,
			     h->row_name ? h->row_name[row] : buf);
		if (on)
			canvas_text(c, r.x, m.area.y + i, 1, strong, "›");
		for (int j = 0; j < m.cols; j++)
			cell_draw(c, h, row, m.col0 + j,
				  (struct rect){m.area.x + j * m.cw, m.area.y + i, m.cw, 1}, lo,
				  hi);
	}
	*map = m;
	numbers(c, h);
}

bool
heat_hit(const struct heat_map *m, int x, int y, int *row, int *col)
{
	if (!rect_has(m->area, x, y))
		return false;
	*row = m->row0 + y - m->area.y;
	*col = m->col0 + (x - m->area.x) / m->cw;
	return true;
}

void
heat_ramp(struct canvas *c, int x, int y, int w, const struct heat *h)
{
	struct style dim = canvas_style(c, TH_DIM);
	char a[16], b[16];
	double lo, hi;
	int n;

	heat_range(h, &lo, &hi);
	heat_number(a, lo);
	heat_number(b, hi);
	n = w - utf8_width_str(a) - utf8_width_str(b) - 2;
	if (n < 3)
		return;
	if (n > 24)
		n = 24;
	x += canvas_text(c, x, y, 8, dim, a) + 1;
	for (int i = 0; i < n; i++, x++) {
		double t = (double)i / (n - 1);
		struct style st = {COLOR_DEFAULT, COLOR_KEEP, 0};

		st.fg = heat_color(c, h->diverging, 0, 1, t);
		if (few_colors(c))
			canvas_text(c, x, y, 1, st, shade_of(c, h->diverging, t));
		else
			canvas_text(c, x, y, 1, st, c->glyphs == GLYPHS_ASCII ? "#" : "█");
	}
	canvas_text(c, x + 1, y, 8, dim, b);
}

/* Mean of the finite values that fall into one dot. */
static double
bucket(const struct heat *h, int r0, int r1, int c0, int c1)
{
	double sum = 0;
	int n = 0;

	for (int i = r0; i < r1; i++)
		for (int j = c0; j < c1; j++) {
			double v = h->v[(size_t)i * (size_t)h->cols + (size_t)j];

			if (isfinite(v)) {
				sum += v;
				n++;
			}
		}
	return n ? sum / n : NAN;
}

static int
cut(int i, int parts, int n)
{
	return (int)((long)i * n / parts);
}

static double
dense_at(const struct heat *h, int i, int rows, int j, int cols)
{
	int r0 = cut(i, rows, h->rows), r1 = cut(i + 1, rows, h->rows);
	int c0 = cut(j, cols, h->cols), c1 = cut(j + 1, cols, h->cols);

	return bucket(h, r0, r1 > r0 ? r1 : r0 + 1, c0, c1 > c0 ? c1 : c0 + 1);
}

static bool
dense_few(const struct canvas *c)
{
	return few_colors(c) || c->glyphs == GLYPHS_ASCII;
}

/* Of pixels, two of them in a cell where there are colours; the same number for each row where there is room. */
static int
dense_lines(const struct canvas *c, struct rect r, const struct heat *h)
{
	int n = dense_few(c) ? r.h : 2 * r.h;

	return h->rows > 0 && h->rows < n ? n / h->rows * h->rows : n;
}

int
heat_dense_line(const struct canvas *c, struct rect r, const struct heat *h, int row)
{
	int mid = (2 * row + 1) * dense_lines(c, r, h) / (2 * h->rows);

	return dense_few(c) ? mid : mid / 2;
}

void
heat_dense(struct canvas *c, struct rect r, const struct heat *h)
{
	bool few = dense_few(c);
	int rows = dense_lines(c, r, h), cols;
	double lo, hi;

	if (h->rows < 1 || h->cols < 1 || r.w < 1 || r.h < 1)
		return;
	numbers(c, h);
	heat_range(h, &lo, &hi);
	cols = r.w;
	for (int y = 0; y * (few ? 1 : 2) < rows; y++)
		for (int x = 0; x < cols; x++) {
			struct style st = {COLOR_KEEP, COLOR_KEEP, 0};
			double a, b;

			a = dense_at(h, few ? y : 2 * y, rows, x, cols);
			if (few) {
				if (isfinite(a)) {
					st.fg = heat_color(c, h->diverging, lo, hi, a);
					canvas_text(
						c, r.x + x, r.y + y, 1, st,
						shade_of(c, h->diverging, (a - lo) / (hi - lo)));
				}
				continue;
			}
			b = 2 * y + 1 < rows ? dense_at(h, 2 * y + 1, rows, x, cols) : NAN;
			if (isfinite(a))
				st.fg = heat_color(c, h->diverging, lo, hi, a);
			if (isfinite(b))
				st.bg = heat_color(c, h->diverging, lo, hi, b);
			if (isfinite(a))
				canvas_text(c, r.x + x, r.y + y, 1, st, "▀");
			else if (isfinite(b)) {
				st.fg = st.bg;
				st.bg = COLOR_KEEP;
				canvas_text(c, r.x + x, r.y + y, 1, st, "▄");
			}
		}
}
