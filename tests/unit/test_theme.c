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
		{"just a line\n", "line 1"},
		{"dim = 256\n", "dim"},
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
		cmocka_unit_test(test_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
