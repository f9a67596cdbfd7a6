/* Axes, curves, bars and heat maps: where values land, what happens to NaN, infinities, empty and tiny input. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>
#include "engine/base/rng.h"
#include "engine/base/strbuf.h"
#include "tui/canvas.h"
#include "tui/heat.h"
#include "tui/plot.h"

static struct theme theme;

static struct canvas *
new_canvas(int w, int h, enum glyph_level g)
{
	struct canvas *c = canvas_new(w, h);

	assert_non_null(c);
	theme_builtin(&theme, THEME_DARK);
	c->theme = &theme;
	c->glyphs = g;
	canvas_clear(c);
	return c;
}

static void
expect(struct canvas *c, const char *want)
{
	struct strbuf b = {0};

	canvas_dump(c, canvas_rect(c), &b);
	assert_string_equal(b.s, want);
	strbuf_free(&b);
	canvas_clear(c);
}

static void
test_ticks(void **state)
{
	double t[32];
	int n;

	(void)state;
	n = plot_ticks(0, 1, false, 5, t, 32);
	assert_int_equal(n, 6);
	assert_true(t[0] == 0 && fabs(t[5] - 1) < 1e-12);
	n = plot_ticks(-2.3, 3.1, true, 5, t, 32);
	assert_int_equal(n, 3); /* every second decade: 10^-2, 1, 10^2 */
	assert_true(fabs(t[0] - 0.01) < 1e-9);
	n = plot_ticks(0, 0.5, true, 5, t, 32); /* 1 to 3.16 */
	assert_int_equal(n, 3);
	assert_true(t[1] == 2);
	n = plot_ticks_whole(-0.5, 0.5, 10, t, 32);
	assert_true(n == 1 && t[0] == 0 && !signbit(t[0]));
	n = plot_ticks_whole(1, 2, 5, t, 32);
	assert_true(n == 2 && t[0] == 1 && t[1] == 2);
	n = plot_ticks_whole(0, 3, 10, t, 32);
	assert_true(n == 4 && t[3] == 3);
	n = plot_ticks_whole(1, 12, 10, t, 32);
	assert_true(n > 3 && t[1] - t[0] == 2);
	for (double hi = 1.5; hi < 1000; hi *= 1.1)
		for (int want = 3; want < 12; want++) {
			n = plot_ticks_whole(1, hi, want, t, 32);
			assert_in_range(n, 1, 32);
			for (int i = 0; i < n; i++)
				assert_true(t[i] == rint(t[i]));
		}
	assert_int_equal(plot_ticks_whole(1, 1, 5, t, 32), 0);
	assert_int_equal(plot_ticks(1, 1, false, 5, t, 32), 0);
	assert_int_equal(plot_ticks(NAN, 1, false, 5, t, 32), 0);
	assert_in_range(plot_ticks(0, 1e300, false, 5, t, 32), 2, 32);
	assert_in_range(plot_ticks(-1e-300, 1e-300, false, 5, t, 32), 1, 32);
	assert_in_range(plot_ticks(1e15, 1e15 + 1, false, 5, t, 32), 1, 32);
}

static void
test_line(void **state)
{
	struct canvas *c = new_canvas(24, 8, GLYPHS_ASCII);
	double y[] = {0, 1, 2, 3};
	struct plot_series s = {.y = y, .n = 4, .name = "up", .style = canvas_style(c, TH_GAUGE)};
	struct plot p = {.series = &s, .nseries = 1, .cursor = NAN};
	struct plot_map m;

	(void)state;
	plot_draw(c, (struct rect){0, 0, 24, 8}, &p, &m);
	expect(c, " |** up                *\n"
		  " |                  ****\n"
		  "2+              *****\n"
		  " |       ********\n"
		  " |    ****\n"
		  "0+*****\n"
		  " ++-------------+-------\n"
		  "  0             2\n");
	assert_int_equal(plot_column(&m, 0), m.area.x);
	assert_int_equal(plot_column(&m, 3), m.area.x + m.area.w - 1);
	assert_int_equal(plot_column(&m, 17), -1);
	assert_true(fabs(plot_x(&m, m.area.x + m.area.w - 1) - 3) < 1e-9);
	assert_true(plot_x(&m, -100) == 0);
	canvas_free(c);
}

static void
test_gaps(void **state)
{
	struct canvas *c = new_canvas(20, 6, GLYPHS_BRAILLE);
	double y[] = {1, NAN, INFINITY, -1, 0, 10}, nothing[] = {NAN, NAN};
	struct plot_series s = {.y = y, .n = 6, .style = canvas_style(c, TH_GAUGE)};
	struct plot p = {
		.series = &s, .nseries = 1, .log_y = true, .cursor = NAN, .empty = "empty"};

	(void)state;
	plot_draw(c, (struct rect){0, 0, 20, 6}, &p, NULL);
	assert_true(canvas_find(c, "10"));
	canvas_clear(c);
	s.y = nothing;
	s.n = 2;
	plot_draw(c, (struct rect){0, 0, 20, 6}, &p, NULL);
	assert_true(canvas_find(c, "empty"));
	p.nseries = 0;
	plot_draw(c, (struct rect){0, 0, 20, 6}, &p, NULL);
	plot_draw(c, (struct rect){0, 0, 3, 1}, &p, NULL);
	plot_draw(c, (struct rect){0, 0, 0, 0}, &p, NULL);
	canvas_free(c);
}

/* Any data in any rectangle: no crash, nothing outside it. */
static void
test_random(void **state)
{
	struct canvas *c = new_canvas(60, 20, GLYPHS_BRAILLE);
	double x[50], y[50], lo[50], hi[50];
	struct rng r;

	(void)state;
	rng_seed(&r, 9, 0, 0);
	for (int i = 0; i < 3000; i++) {
		struct plot_series s = {.x = i % 3 ? x : NULL,
					.y = y,
					.n = (int)rng_below(&r, 50),
					.name = "s",
					.style = canvas_style(c, TH_GAUGE),
					.lo = i % 2 ? lo : NULL,
					.hi = i % 2 ? hi : NULL};
		struct plot_mark mark = {rng_normal(&r), i & 1, "label"};
		struct plot p = {.series = &s,
				 .nseries = 1,
				 .log_x = i % 5 == 0,
				 .log_y = i % 4 == 0,
				 .marks = &mark,
				 .nmarks = 1,
				 .cursor = i % 6 ? NAN : rng_normal(&r),
				 .x_label = "x",
				 .y_label = i % 7 ? NULL : "y"};
		struct rect a = {(int)rng_below(&r, 30), (int)rng_below(&r, 10),
				 (int)rng_below(&r, 60), (int)rng_below(&r, 20)};

		for (int k = 0; k < 50; k++) {
			double big = pow(10, 300 * rng_uniform(&r) * (i % 11 == 0));

			x[k] = (k ? x[k - 1] : 0) + rng_uniform(&r) * big;
			y[k] = rng_below(&r, 20) ? rng_normal(&r) * big : NAN;
			lo[k] = y[k] - 1;
			hi[k] = y[k] + 1;
		}
		c->glyphs = (enum glyph_level)(i % 3);
		c->depth = (enum color_depth)(i % 5);
		canvas_clear(c);
		plot_draw(c, a, &p, NULL);
		for (int v = 0; v < c->h; v++)
			for (int u = 0; u < c->w; u++)
				if (!rect_has(a, u, v))
					assert_string_equal(c->cells[v * c->w + u].text, " ");
		plot_bars(c, a, y, s.n, 0, s.n / 2);
	}
	canvas_free(c);
}

static void
test_bars(void **state)
{
	struct canvas *c = new_canvas(8, 4, GLYPHS_BRAILLE);
	double v[] = {1, -1, 0.5, 0, NAN, -0.25, 0, 0}, many[80] = {0};
	double limit;

	(void)state;
	limit = plot_bars(c, (struct rect){0, 0, 8, 4}, v, 8, 0, -1);
	assert_true(limit == 1);
	expect(c, "█\n█ █\n █   ▄\n █\n");
	many[41] = -3; /* the one that stands out is seen, however narrow it gets */
	limit = plot_bars(c, (struct rect){0, 0, 8, 4}, many, 80, 0, -1);
	assert_true(limit == 3);
	expect(c, "\n\n    █\n    █\n");
	assert_int_equal(plot_bars_index((struct rect){0, 0, 8, 4}, 80, 4), 40);
	assert_int_equal(plot_bars_index((struct rect){0, 0, 8, 4}, 4, 7), 3);
	plot_bars(c, (struct rect){0, 0, 8, 1}, v, 8, 0, 0);
	plot_bars(c, (struct rect){0, 0, 8, 4}, v, 0, 0, 0);
	canvas_free(c);
}

static void
test_heat(void **state)
{
	static const char *const cols[] = {"q", "k"};
	double v[] = {0.1, 0.5, NAN, 0.9};
	struct canvas *c = new_canvas(24, 4, GLYPHS_BRAILLE);
	struct heat h = {.rows = 2,
			 .cols = 2,
			 .v = v,
			 .col_name = cols,
			 .sel_row = 1,
			 .sel_col = 1,
			 .focused = true};
	struct heat_map m;
	int row, col;

	(void)state;
	heat_draw(c, (struct rect){0, 0, 24, 4}, &h, &m);
	assert_int_equal(c->cells[24 + m.area.x].bg, theme_ramp(&theme.sequential, 0));
	assert_true(heat_hit(&m, m.area.x + m.cw, m.area.y + 1, &row, &col));
	assert_int_equal(row, 1);
	assert_int_equal(col, 1);
	assert_false(heat_hit(&m, 0, 0, &row, &col));
	expect(c, "      q       k\n 0    .10     .50\n›1     ·   [  .90 ]\n\n");
	c->depth = DEPTH_MONO;
	theme_builtin(&theme, THEME_MONO);
	heat_draw(c, (struct rect){0, 0, 24, 4}, &h, &m);
	assert_true(canvas_find(c, "▒")); /* strength without colour */
	canvas_free(c);
}

static void
test_heat_scrolls(void **state)
{
	static double v[100 * 50];
	struct canvas *c = new_canvas(30, 6, GLYPHS_BRAILLE);
	struct heat h = {.rows = 100, .cols = 50, .v = v, .sel_row = 80, .sel_col = 45};
	struct heat_map m;

	(void)state;
	heat_draw(c, (struct rect){0, 0, 30, 6}, &h, &m);
	assert_in_range(80, m.row0, m.row0 + m.rows - 1);
	assert_in_range(45, m.col0, m.col0 + m.cols - 1);
	h.sel_row = h.sel_col = -1;
	for (int w = 0; w < 30; w++)
		for (int k = 0; k < 6; k++) {
			heat_draw(c, (struct rect){0, 0, w, k}, &h, &m);
			heat_dense(c, (struct rect){0, 0, w, k}, &h);
			heat_ramp(c, 0, 0, w, &h);
		}
	canvas_free(c);
}

static void
test_heat_numbers(void **state)
{
	static const struct {
		double v;
		const char *text;
	} t[] = {
		{0, "0"},	   {0.61, ".61"},    {-0.31, "-.31"},	{0.0123, ".012"},
		{1, "1.00"},	   {12.345, "12.3"}, {123.4, "123"},	{99999, "99999"},
		{1e6, "1e+06"},	   {0.996, "1.00"},  {0.0001, "1e-04"}, {NAN, "·"},
		{INFINITY, "inf"}, {9.999, "10.0"},  {0.0996, ".10"},
	};
	char buf[16];

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_string_equal(heat_number(buf, t[i].v), t[i].text);
}

static void
test_heat_range(void **state)
{
	double v[] = {0.8, 1.5, NAN, INFINITY}, lo, hi, same[] = {1, 1};
	struct heat h = {.rows = 2, .cols = 2, .v = v, .diverging = true, .mid = 1};

	(void)state;
	heat_range(&h, &lo, &hi);
	assert_true(lo == 0.5 && hi == 1.5); /* the same distance on both sides */
	h.v = same;
	h.rows = 1;
	heat_range(&h, &lo, &hi);
	assert_true(lo < 1 && hi > 1);
	h.v = &v[2];
	heat_range(&h, &lo, &hi);
	assert_true(lo < hi);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ticks),	     cmocka_unit_test(test_line),
		cmocka_unit_test(test_gaps),	     cmocka_unit_test(test_random),
		cmocka_unit_test(test_bars),	     cmocka_unit_test(test_heat),
		cmocka_unit_test(test_heat_scrolls), cmocka_unit_test(test_heat_numbers),
		cmocka_unit_test(test_heat_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
