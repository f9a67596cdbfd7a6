#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/lib/golden.h"
#include "tui/conf.h"

static const char *
file(const char *text)
{
	static char path[600];
	FILE *f;

	snprintf(path, sizeof path, "%s/t2tui.conf", temp_dir());
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static void
test_default(void **state)
{
	struct conf k;

	(void)state;
	conf_default(&k);
	assert_string_equal(k.theme, "");
	assert_string_equal(k.glyphs, "");
	assert_string_equal(k.colors, "");
	assert_true(k.mouse);
	assert_int_equal(k.threads, 0);
	assert_int_equal(k.view, 2);
}

static void
test_load(void **state)
{
	struct conf k;
	struct t2_err err;

	(void)state;
	conf_default(&k);
	assert_int_equal(conf_load(&k,
				   file("# mine\n; too\n\ntheme = light\nglyphs=block\ncolors = "
					"256\nmouse = no\nthreads = 3\nview = 0\n"),
				   &err),
			 T2_OK);
	assert_string_equal(k.theme, "light");
	assert_string_equal(k.glyphs, "block");
	assert_string_equal(k.colors, "256");
	assert_false(k.mouse);
	assert_int_equal(k.threads, 3);
	assert_int_equal(k.view, 0);
	conf_default(&k);
	assert_int_equal(conf_load(&k, file(""), &err), T2_OK);
	assert_int_equal(k.view, 2);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text, *line, *says;
	} bad[] = {
		{"theme = light\n\ncolour = red\n", ":3: ", "colour"},
		{"view = 10\n", ":1: ", "0 to 9"},
		{"view = two\n", ":1: ", "0 to 9"},
		{"view = 3x\n", ":1: ", "0 to 9"},
		{"threads = 99999999999999999999\n", ":1: ", "threads"},
		{"mouse = maybe\n", ":1: ", "yes|no"},
		{"mouse =\n", ":1: ", "yes|no"},
		{"theme =\n", ":1: ", "theme"},
		{"glyphs = brail\n", ":1: ", "braille"},
		{"[ui]\ntheme = light\n", ":1:", "[ui]: no such section"},
		{"view = 3\n\n[ui]\n", ":3:", "[ui]: no such section"}, /* empty ones too */
		{"view = 3\n; [a]\n\n[ui]\n[keys]\n", ":4:", "[ui]: no such section"},
		{"[keys]\n[keysrun]\n", ":2:", "[keysrun]: no such section"},
		{"[]\n", ":1:", "[]: no such section"},
		{"\xef\xbb\xbf[ui]\n", ":1:", "[ui]: no such section"},
		{"  [ui]\n", ":1:", "[ui]: no such section"},
		/* inih would take it for [keys], whose rows are every view's */
		{"view = 3\n[keys"
		 "                                              mix]\nup = w\n",
		 ":2:", "49 bytes at most"},
		{"view = 3\njust words\n", ":2: ", "key = value"},
		{"glyphs = block\n  view = 3\n",
		 ":2: ", "braille"}, /* indented: a second line of glyphs */
		{"colour = red\nview = 77\n", ":1: ", "colour"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct conf k;
		struct t2_err err;
		const char *path = file(bad[i].text);

		conf_default(&k);
		if (conf_load(&k, path, &err) != T2_EFORMAT)
			fail_msg("accepted: %s", bad[i].text);
		if (!strstr(err.msg, path) || !strstr(err.msg, bad[i].line) ||
		    !strstr(err.msg, bad[i].says))
			fail_msg("%s says: %s", bad[i].text, err.msg);
		assert_int_equal(k.view, 2); /* nothing of a bad file is taken */
		assert_string_equal(k.theme, "");
	}
}

static void
test_own(void **state)
{
	struct conf k;
	struct t2_err err;
	char dir[600], path[700];
	FILE *f;

	(void)state;
	snprintf(dir, sizeof dir, "%s", temp_dir());
	setenv("XDG_CONFIG_HOME", dir, 1);
	conf_default(&k);
	assert_int_equal(conf_load(&k, NULL, &err), T2_OK); /* none there */
	snprintf(path, sizeof path, "%s/t2tui", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/t2tui/t2tui.conf", dir);
	f = fopen(path, "w");
	fputs("view = 7\n", f);
	fclose(f);
	assert_int_equal(conf_load(&k, NULL, &err), T2_OK);
	assert_int_equal(k.view, 7);
	assert_int_equal(conf_load(&k, "/nowhere/t2tui.conf", &err),
			 T2_EIO); /* named: must be there */
}

static void
test_keys(void **state)
{
	struct conf k;
	struct t2_err err;
	const char *path = file("view = 3\n# keys\n[keys]\nquit = Q\npalette = :\nmore = + =\n"
				"suspend =\n\n[keys Runs]\nstop = X\n");

	(void)state;
	conf_default(&k);
	assert_int_equal(conf_load(&k, path, &err), T2_OK);
	assert_int_equal(k.view, 3);
	assert_string_equal(k.path, path);
	assert_int_equal(k.nkeys, 5);
	assert_string_equal(k.keys[0].name, "quit");
	assert_string_equal(k.keys[0].keys, "Q");
	assert_string_equal(k.keys[0].scope, "");
	assert_int_equal(k.keys[0].line, 4);
	assert_string_equal(k.keys[1].keys, ":");
	assert_string_equal(k.keys[2].keys, "+ =");
	assert_string_equal(k.keys[3].keys, "");
	assert_string_equal(k.keys[4].scope, "Runs");
	assert_int_equal(k.keys[4].line, 10);
	/* read again: no row twice, and a bad file leaves what there was */
	assert_int_equal(conf_load(&k, path, &err), T2_OK);
	assert_int_equal(k.nkeys, 5);
	assert_int_equal(conf_load(&k, file("[keys]\nup = w\n[nokeys]\na = b\n"), &err),
			 T2_EFORMAT);
	assert_non_null(strstr(err.msg, ":3: [nokeys]"));
	assert_int_equal(k.nkeys, 5);
	/* sections without rows are there to be checked; indented after a key it is that key's second line */
	assert_int_equal(conf_load(&k,
				   file("[keys]\n[keys Nowhere]\n\n[keys mix]\nstop = X\n"
					"  [x]\n[keys runs]"),
				   &err),
			 T2_OK);
	assert_int_equal(k.nkeys, 5);
	assert_string_equal(k.keys[1].scope, "Nowhere");
	assert_string_equal(k.keys[1].name, "");
	assert_int_equal(k.keys[1].line, 2);
	assert_string_equal(k.keys[4].scope, "runs");
	assert_int_equal(k.keys[4].line, 7);
	conf_free(&k);
	assert_int_equal(k.nkeys, 0);
}

/* Every row can be set to its default and to each of its choices. */
static void
test_table(void **state)
{
	struct conf k;
	struct t2_err err;

	(void)state;
	conf_default(&k);
	for (const struct conf_key *t = conf_table; t->name; t++) {
		char text[64];

		assert_true(t->help && *t->help);
		if (*t->dflt)
			assert_int_equal(conf_set(&k, t->name, t->dflt, &err), T2_OK);
		if (!t->choices)
			continue;
		snprintf(text, sizeof text, "%s", t->choices);
		for (char *p = strtok(text, "|"); p; p = strtok(NULL, "|"))
			assert_int_equal(conf_set(&k, t->name, p, &err), T2_OK);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default), cmocka_unit_test(test_load),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_own),
		cmocka_unit_test(test_table),	cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
