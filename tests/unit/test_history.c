/* What is remembered: lines once each and bounded, kept between sessions, of several workbenches at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/golden.h"
#include "tui/complete.h"
#include "tui/history.h"
#include "tui/state.h"
#include "tui/theme_choice.h"

static void
home(void)
{
	setenv("XDG_STATE_HOME", temp_dir(), 1);
}

static void
test_moving(void **state)
{
	struct history *h = history_open("commands", false);

	(void)state;
	assert_null(history_move(h, 1, "draft"));
	history_add(h, "one", NULL);
	history_add(h, "two", NULL);
	history_add(h, "one", NULL); /* again: once, and the newest */
	history_add(h, "", NULL);
	history_add(h, " secret", NULL);
	assert_string_equal(history_move(h, 1, "draft"), "one");
	assert_true(history_moving(h));
	assert_string_equal(history_move(h, 1, "one"), "two");
	assert_null(history_move(h, 1, "two"));
	assert_string_equal(history_move(h, -1, "two"), "one");
	assert_string_equal(history_move(h, -1, "one"), "draft");
	assert_null(history_move(h, -1, "draft"));
	assert_false(history_moving(h));
	history_close(h);
	history_close(NULL);
}

static void
test_kept(void **state)
{
	struct history *a, *b;
	char path[4200];
	struct t2_err err;
	struct stat sb;

	(void)state;
	home();
	a = history_open("commands", true);
	b = history_open("commands", true);
	assert_int_equal(history_add(a, "theme light", &err), T2_OK);
	assert_int_equal(history_add(b, "view runs", &err), T2_OK); /* b had not seen a's */
	assert_string_equal(history_move(b, 1, ""), "view runs");
	assert_string_equal(history_move(b, 1, ""), "theme light");
	history_close(a);
	history_close(b);
	a = history_open("commands", true);
	assert_string_equal(history_move(a, 1, ""), "view runs");
	assert_string_equal(history_move(a, 1, ""), "theme light");
	assert_null(history_move(a, 1, ""));
	history_close(a);
	a = history_open("filters", true); /* a file of its own */
	assert_null(history_move(a, 1, ""));
	history_close(a);
	assert_true(state_path("commands", path, sizeof path));
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 077, 0); /* what one types is one's own */
}

static void
test_bounded(void **state)
{
	struct history *h;
	struct t2_err err;
	char text[32];
	int n = 0;

	(void)state;
	home();
	h = history_open("commands", true);
	for (int i = 0; i < HISTORY_LINES + 20; i++) {
		snprintf(text, sizeof text, "line %d", i);
		assert_int_equal(history_add(h, text, &err), T2_OK);
	}
	history_close(h);
	h = history_open("commands", true);
	while (history_move(h, 1, ""))
		n++;
	assert_int_equal(n, HISTORY_LINES);
	assert_string_equal(history_move(h, -1, ""), "line 21");
	history_close(h);
}

/* A folder that cannot be made is said, and the line is there for the session. */
static void
test_nowhere(void **state)
{
	struct history *h;
	struct t2_err err = {0};

	(void)state;
	setenv("XDG_STATE_HOME", "/dev/null", 1);
	h = history_open("commands", true);
	assert_int_equal(history_add(h, "one", &err), T2_EIO);
	assert_non_null(strstr(err.msg, "/dev/null/t2tui/commands"));
	assert_string_equal(history_move(h, 1, ""), "one");
	history_close(h);
}

static void
test_words(void **state)
{
	static char a[] = "math", b[] = "math-hard", c[] = "Code";
	char *words[] = {a, b, c};
	struct completion k;

	(void)state;
	assert_true(complete_word(&k, "ma", words, 3));
	assert_int_equal(k.n, 2);
	assert_string_equal(k.common, "math");
	completion_free(&k);
	assert_true(complete_word(&k, "co", words, 3)); /* in any case */
	assert_string_equal(k.common, "Code");
	completion_free(&k);
	assert_true(complete_word(&k, "x", words, 3));
	assert_int_equal(k.n, 0);
	assert_string_equal(k.common, "x");
	completion_free(&k);
}

/* The theme chosen last holds until t2tui.conf says another than it did then, and while it can be loaded. */
static void
test_theme(void **state)
{
	struct t2_err err;
	char name[64];

	(void)state;
	home();
	assert_false(theme_remembered("", name, sizeof name));
	assert_int_equal(theme_remember("light", "", &err), T2_OK);
	assert_true(theme_remembered("", name, sizeof name));
	assert_string_equal(name, "light");
	assert_false(theme_remembered("safe", name, sizeof name));
	assert_int_equal(theme_remember("mono", "safe", &err), T2_OK);
	assert_true(theme_remembered("safe", name, sizeof name));
	assert_string_equal(name, "mono");
	assert_false(theme_remembered("", name, sizeof name));
	assert_int_equal(theme_remember("gone", "", &err), T2_OK);
	assert_false(theme_remembered("", name, sizeof name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moving),	cmocka_unit_test(test_kept),
		cmocka_unit_test(test_bounded), cmocka_unit_test(test_nowhere),
		cmocka_unit_test(test_words),	cmocka_unit_test(test_theme),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
