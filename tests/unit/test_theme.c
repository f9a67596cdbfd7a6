/* Themes: the shipped files parse and dark is what is built in; wrong files say where; colours come down rightly. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/base/rng.h"
#include "tui/color.h"
#include "tui/theme.h"

static const char *const shipped[] = {"dark", "light", "mono", "default", "safe"};

static bool
same_style(struct style a, struct style b)
{
	return a.fg == b.fg && a.bg == b.bg && a.attr == b.attr;
}

static void
test_shipped(void **state)
{
	char path[64];
	struct theme t;
	struct t2_err err;

	(void)state;
	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof path, "themes/%s.theme", shipped[i]);
		if (theme_load(&t, path, &err))
			fail_msg("%s", err.msg);
		assert_string_equal(t.name, shipped[i]);
		assert_true(t.nseries >= 1 && t.sequential.n >= 2);
	}
}

static void
test_builtin_is_file(void **state)
{
	static const struct {
		const char *path;
		enum theme_kind kind;
	} pairs[] = {{"themes/dark.theme", THEME_DARK}, {"themes/mono.theme", THEME_MONO}};
	struct theme file, in;

	(void)state;
	for (int k = 0; k < 2; k++) {
		assert_int_equal(theme_load(&file, pairs[k].path, NULL), T2_OK);
		theme_builtin(&in, pairs[k].kind);
		assert_string_equal(file.name, in.name);
		assert_int_equal(file.background, in.background);
		for (int i = 0; i < TH_ROLES; i++)
			if (!same_style(file.style[i], in.style[i]))
				fail_msg("%s: %s differs from the built-in", pairs[k].path,
					 theme_role_name(i));
		assert_memory_equal(&file.sequential, &in.sequential, sizeof in.sequential);
		assert_memory_equal(&file.diverging, &in.diverging, sizeof in.diverging);
		assert_memory_equal(&file.probability, &in.probability, sizeof in.probability);
		assert_int_equal(file.nseries, in.nseries);
		assert_memory_equal(file.series, in.series, sizeof(uint32_t) * (size_t)in.nseries);
	}
}

static void
test_wrong_files(void **state)
{
	static const struct {
		const char *text, *says;
	} t[] = {
		{"nonsense = #ffffff\n", "nonsense"},
		{"dim = #ff\n", "dim"},
		{"dim = #gggggg\n", "dim"},
		{"dim = red on\n", "dim"},
		{"dim = red blue\n", "dim"},
		{"dim =\n", "dim"},
		{"sequential = red\n", "sequential"},
		{"series =\n", "series"},
		{"series = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n", "series"},
		{"[section]\ndim = red\n", "section"},
		{"dim = red\ninherit = dark\n", "inherit"},
		{"inherit = x\n", "inherit"},
		{"dim = red\njust a line\n", ":2: key = value"},
		{"# x\n\ndim = 256\n", "x.theme:3: dim"},
	};
	struct theme th, before;
	struct t2_err err;

	(void)state;
	theme_builtin(&th, THEME_DARK);
	before = th;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		assert_int_equal(theme_parse(&th, t[i].text, "x.theme", &err), T2_EFORMAT);
		if (!strstr(err.msg, t[i].says) || !strstr(err.msg, "x.theme"))
			fail_msg("\"%s\" does not name \"%s\"", err.msg, t[i].says);
		assert_memory_equal(&th, &before, sizeof th);
	}
	assert_int_equal(theme_load(&th, "no-such-theme", &err), T2_ENOTFOUND);
	assert_int_equal(theme_load(&th, "./no/such/file.theme", &err), T2_ENOTFOUND);
}

static void
test_hostile_bytes(void **state)
{
	struct theme t;
	struct rng r;
	char s[300];

	(void)state;
	rng_seed(&r, 3, 0, 0);
	for (int i = 0; i < 5000; i++) {
		size_t n = rng_below(&r, sizeof s - 20);

		snprintf(s, sizeof s, "dim = ");
		for (size_t k = 0; k < n; k++)
			s[6 + k] = (char)(1 + rng_below(&r, 255));
		s[6 + n] = 0;
		theme_builtin(&t, THEME_DARK);
		theme_parse(&t, s, "x", NULL); /* either way, without harm */
	}
}

static void
test_values(void **state)
{
	struct theme t;

	(void)state;
	theme_builtin(&t, THEME_DARK);
	assert_int_equal(theme_parse(&t,
				     "inherit = mono\ndim = red on 17 bold underline\n"
				     "text = default on #010203\n",
				     "a/b.theme", NULL),
			 T2_OK);
	assert_string_equal(t.name, "b");
	assert_true(t.mono);
	assert_int_equal(t.style[TH_DIM].fg, COLOR_INDEX(1));
	assert_int_equal(t.style[TH_DIM].bg, COLOR_INDEX(17));
	assert_int_equal(t.style[TH_DIM].attr, ATTR_BOLD | ATTR_UNDERLINE);
	assert_int_equal(t.background, 0x010203);
	assert_int_equal(t.style[TH_TEXT].bg, COLOR_KEEP);
}

static void
test_reduce(void **state)
{
	(void)state;
	assert_int_equal(color_reduce(0xff0000, DEPTH_RGB), 0xff0000);
	assert_int_equal(color_reduce(0xff0000, DEPTH_256), COLOR_INDEX(196));
	assert_int_equal(color_reduce(0x808080, DEPTH_256), COLOR_INDEX(244));
	assert_int_equal(color_reduce(0xee1111, DEPTH_16), COLOR_INDEX(9));
	assert_int_equal(color_reduce(0x14171c, DEPTH_8), COLOR_INDEX(0));
	assert_int_equal(color_reduce(0x8a93a3, DEPTH_8), COLOR_INDEX(7)); /* a grey, not a cyan */
	assert_int_equal(color_reduce(COLOR_INDEX(8), DEPTH_8),
			 COLOR_INDEX(7)); /* not black on black */
	assert_int_equal(color_reduce(COLOR_INDEX(12), DEPTH_8), COLOR_INDEX(4));
	assert_int_equal(color_reduce(0x123456, DEPTH_MONO), COLOR_DEFAULT);
	assert_int_equal(color_reduce(COLOR_DEFAULT, DEPTH_256), COLOR_DEFAULT);
}

static void
test_ramp(void **state)
{
	const uint32_t s[] = {0x000000, 0xffffff, 0xff0000};
	struct theme t;

	(void)state;
	assert_int_equal(color_ramp(s, 3, -1), 0x000000);
	assert_int_equal(color_ramp(s, 3, NAN), 0x000000);
	assert_int_equal(color_ramp(s, 3, 0.5), 0xffffff);
	assert_int_equal(color_ramp(s, 3, 2), 0xff0000);
	assert_int_equal(color_ramp(s, 2, 0.5) >> 16,
			 color_ramp(s, 2, 0.5) & 255); /* grey stays grey */
	theme_builtin(&t, THEME_DARK);
	assert_int_equal(theme_ramp(&t.sequential, 0), t.sequential.stop[0]);
	assert_int_equal(theme_ramp(&t.sequential, 1), t.sequential.stop[t.sequential.n - 1]);
	assert_int_equal(theme_ramp(&t.sequential, NAN), t.sequential.stop[0]);
}

static void
test_detect(void **state)
{
	(void)state;
	unsetenv("NO_COLOR");
	unsetenv("COLORTERM");
	assert_int_equal(color_detect(256, false), DEPTH_256);
	assert_int_equal(color_detect(8, false), DEPTH_8);
	assert_int_equal(color_detect(-1, false), DEPTH_MONO);
	assert_int_equal(color_detect(256, true), DEPTH_RGB);
	setenv("COLORTERM", "truecolor", 1);
	assert_int_equal(color_detect(256, false), DEPTH_RGB);
	setenv("NO_COLOR", "1", 1);
	assert_int_equal(color_detect(256, true), DEPTH_MONO);
	setenv("NO_COLOR", "", 1); /* no-color.org: only when not empty */
	assert_int_equal(color_detect(256, true), DEPTH_RGB);
}

/* Text must be readable on its background: WCAG contrast, 4.5 for text. */
static double
luminance(uint32_t c)
{
	double v[3];

	for (int i = 0; i < 3; i++) {
		v[i] = (double)(c >> (16 - 8 * i) & 255) / 255;
		v[i] = v[i] <= 0.03928 ? v[i] / 12.92 : pow((v[i] + 0.055) / 1.055, 2.4);
	}
	return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
}

static double
contrast(uint32_t a, uint32_t b)
{
	double x = luminance(a), y = luminance(b);

	return (fmax(x, y) + 0.05) / (fmin(x, y) + 0.05);
}

static void
test_contrast(void **state)
{
	static const enum theme_role text[] = {
		TH_TEXT,  TH_DIM,    TH_STRONG, TH_TITLE,  TH_FOCUS,	  TH_BAR,
		TH_BRAND, TH_TAB_ON, TH_ERROR,	TH_SELECT, TH_MARK,	  TH_MATCH,
		TH_GOOD,  TH_BAD,    TH_WARN,	TH_FIELD,  TH_FIELD_EDIT, TH_POPUP,
	};
	static const char *const names[] = {"dark", "light", "safe"};
	char path[64];
	struct theme t;

	(void)state;
	for (int k = 0; k < 3; k++) {
		snprintf(path, sizeof path, "themes/%s.theme", names[k]);
		assert_int_equal(theme_load(&t, path, NULL), T2_OK);
		for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
			struct style st = t.style[text[i]];
			uint32_t bg = st.bg == COLOR_KEEP ? t.background : st.bg;

			if (contrast(st.fg, bg) < 4.5)
				fail_msg("%s: %s: contrast %.1f", names[k],
					 theme_role_name(text[i]), contrast(st.fg, bg));
		}
		for (int i = 0; i < t.nseries; i++)
			if (contrast(t.series[i], t.background) < 3)
				fail_msg("%s: series %d: contrast %.1f", names[k], i,
					 contrast(t.series[i], t.background));
	}
}

/* -- other eyes ---------------------------------------------------------------------------------------------- */

static double
linear(uint32_t c, int shift)
{
	double v = (double)(c >> shift & 255) / 255;

	return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

/* As somebody sees it who lacks a cone type (Machado, Oliveira and Fernandes 2009, severity 1), in OKLab. */
static void
seen_lab(uint32_t c, const double m[3][3], double lab[3])
{
	double rgb[3] = {linear(c, 16), linear(c, 8), linear(c, 0)}, s[3], l, k, q;

	for (int i = 0; i < 3; i++) {
		s[i] = m[i][0] * rgb[0] + m[i][1] * rgb[1] + m[i][2] * rgb[2];
		s[i] = s[i] < 0 ? 0 : s[i] > 1 ? 1 : s[i];
	}
	l = cbrt(0.4122214708 * s[0] + 0.5363325363 * s[1] + 0.0514459929 * s[2]);
	k = cbrt(0.2119034982 * s[0] + 0.6806995451 * s[1] + 0.1073969566 * s[2]);
	q = cbrt(0.0883024619 * s[0] + 0.2817188376 * s[1] + 0.6299787005 * s[2]);
	lab[0] = 0.2104542553 * l + 0.7936177850 * k - 0.0040720468 * q;
	lab[1] = 1.9779984951 * l - 2.4285922050 * k + 0.4505937099 * q;
	lab[2] = 0.0259040371 * l + 0.7827717662 * k - 0.8086757660 * q;
}

static double
seen_apart(uint32_t a, uint32_t b, const double m[3][3])
{
	double x[3], y[3];

	seen_lab(a, m, x);
	seen_lab(b, m, y);
	return sqrt(pow(x[0] - y[0], 2) + pow(x[1] - y[1], 2) + pow(x[2] - y[2], 2));
}

/* In the safe theme what stands side by side stays apart for every kind of colour vision: good, bad and warning, the
 * marks and the selection, neighbours in the series, and both ends of the diverging ramp. */
static void
test_safe(void **state)
{
	static const double eyes[][3][3] = {
		{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
		{{0.367322, 0.860646, -0.227968}, /* deuteranopia */
		 {0.280085, 0.672501, 0.047413},
		 {-0.011820, 0.042940, 0.968881}},
		{{0.152286, 1.052583, -0.204868}, /* protanopia */
		 {0.114503, 0.786281, 0.099216},
		 {-0.003882, -0.048116, 1.051998}},
	};
	static const enum theme_role pairs[][2] = {
		{TH_GOOD, TH_BAD},  {TH_GOOD, TH_WARN},	   {TH_BAD, TH_TEXT},	 {TH_GOOD, TH_TEXT},
		{TH_WARN, TH_TEXT}, {TH_FOCUS, TH_BORDER}, {TH_MARK, TH_TEXT},	 {TH_DIM, TH_TEXT},
		{TH_KEY, TH_BAR},   {TH_GAUGE, TH_TRACK},  {TH_CURSOR, TH_TEXT}, {TH_STALE, TH_DIM},
	};
	const double least = 0.08; /* OKLab; 0.02 is what can just be told apart side by side */
	struct theme t;
	int n;

	(void)state;
	assert_int_equal(theme_load(&t, "themes/safe.theme", NULL), T2_OK);
	n = t.diverging.n;
	for (size_t e = 0; e < sizeof eyes / sizeof *eyes; e++) {
		for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
			double d = seen_apart(t.style[pairs[i][0]].fg, t.style[pairs[i][1]].fg,
					      eyes[e]);

			if (d < least)
				fail_msg("eyes %zu: %s and %s: %.3f", e,
					 theme_role_name(pairs[i][0]), theme_role_name(pairs[i][1]),
					 d);
		}
		for (int i = 0; i < t.nseries; i++) {
			double d = seen_apart(t.series[i], t.series[(i + 1) % t.nseries], eyes[e]);

			if (d < least)
				fail_msg("eyes %zu: series %d and the next: %.3f", e, i, d);
		}
		for (int i = 0; i + 1 < n; i++)
			if (seen_apart(t.diverging.stop[i], t.diverging.stop[i + 1], eyes[e]) <
			    0.03)
				fail_msg("eyes %zu: diverging %d", e, i);
		assert_true(seen_apart(t.diverging.stop[0], t.diverging.stop[n - 1], eyes[e]) >
			    0.2);
	}
}

/* The manual page names every key, in the table's words. */
static void
test_manual(void **state)
{
	static char page[32768];
	FILE *f = fopen("man/t2tui-theme.5", "r");
	char want[200];
	size_t n;

	(void)state;
	assert_non_null(f);
	n = fread(page, 1, sizeof page - 1, f);
	page[n] = 0;
	fclose(f);
	for (int i = 0; i < TH_ROLES; i++) {
		snprintf(want, sizeof want, ".It Ic %s\n%s\n", theme_role_name(i),
			 theme_role_help(i));
		if (!strstr(page, want))
			fail_msg("man/t2tui-theme.5: %s is missing or told otherwise",
				 theme_role_name(i));
	}
}

static void
test_slots(void **state)
{
	int a = theme_slot("math"), b = theme_slot("code");

	(void)state;
	assert_int_not_equal(a, b);
	assert_int_equal(theme_slot("math"), a);
	assert_int_equal(theme_slot("code"), b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped),	    cmocka_unit_test(test_builtin_is_file),
		cmocka_unit_test(test_wrong_files), cmocka_unit_test(test_hostile_bytes),
		cmocka_unit_test(test_values),	    cmocka_unit_test(test_reduce),
		cmocka_unit_test(test_ramp),	    cmocka_unit_test(test_detect),
		cmocka_unit_test(test_contrast),    cmocka_unit_test(test_slots),
		cmocka_unit_test(test_manual),	    cmocka_unit_test(test_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
