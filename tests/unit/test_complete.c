/* Names of files behind what was typed, and models on disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/tinymodel.h"
#include "tui/complete.h"
#include "tui/event.h"
#include "tui/places.h"
#include "tui/widgets/completer.h"

static char root[4096]; /* without links: what places_look() answers */

static const char *
at(const char *name)
{
	static char path[4][8192];
	static int k;

	k = (k + 1) % 4;
	snprintf(path[k], sizeof path[k], "%s/%s", root, name);
	return path[k];
}

static int
setup(void **state)
{
	static const char *const folders[] = {"models",	      "models/tiny",	"models/deep",
					      "models/empty", "models/.hidden", "modest"};

	(void)state;
	assert_non_null(realpath(new_folder(), root));
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		assert_int_equal(mkdir(at(folders[i]), 0777), 0);
	write_text(at("models/b.gguf"), "GGUF");
	write_text(at("models/a\303\244.gguf"), "GGUF");
	write_text(at("models/a\303\266.gguf"), "GGUF");
	write_text(at("models/notes.txt"), "x");
	write_text(at("models/deep/c.gguf"), "GGUF!");
	write_text(at("models/tiny/config.json"), "{}");
	write_text(at("models/tiny/model.safetensors"), "1234567");
	setenv("HOME", root, 1);
	return 0;
}

static void
test_common(void **state)
{
	struct completion k;

	(void)state;
	assert_true(complete_path(&k, at("mod"), true));
	assert_string_equal(k.common, at("mode"));
	assert_int_equal(k.n, 2);
	assert_string_equal(k.name[0], "models/");
	assert_string_equal(k.name[1], "modest/");
	completion_free(&k);
	assert_true(complete_path(&k, at("models/no"), true));
	assert_int_equal(k.n, 0); /* a text is no model */
	assert_string_equal(k.common, at("models/no"));
	completion_free(&k);
	assert_true(complete_path(&k, at("models/no"), false));
	assert_string_equal(k.common, at("models/notes.txt"));
	completion_free(&k);
	assert_true(complete_path(&k, at("nowhere/x"), true));
	assert_int_equal(k.n, 0);
	completion_free(&k);
}

/* "aä" and "aö" share their first byte after the a: half a character is no completion. */
static void
test_whole_characters(void **state)
{
	struct completion k;

	(void)state;
	assert_true(complete_path(&k, at("models/a"), true));
	assert_int_equal(k.n, 2);
	assert_string_equal(k.common, at("models/a"));
	completion_free(&k);
}

static void
test_home_and_hidden(void **state)
{
	char path[8192];
	struct completion k;

	(void)state;
	assert_true(complete_path(&k, "~", true));
	assert_string_equal(k.common, "~/mode");
	completion_free(&k);
	assert_true(complete_path(&k, "~/models/", true));
	for (int i = 0; i < k.n; i++)
		assert_string_not_equal(k.name[i], ".hidden/");
	completion_free(&k);
	assert_true(complete_path(&k, "~/models/.", true));
	assert_string_equal(k.common, "~/models/.hidden/");
	completion_free(&k);
	assert_true(path_expand("~/x", path, sizeof path));
	assert_string_equal(path, at("x"));
	assert_true(path_expand("~x", path, sizeof path));
	assert_string_equal(path, "~x"); /* somebody else's: as it is */
	assert_false(path_expand("~/x", path, 4));
	assert_string_equal(path_short(at("x"), path, sizeof path), "~/x");
}

/* Tab completes, then goes through the names; '/' enters the folder it stands on. */
static void
test_keys(void **state)
{
	struct completer k = {.models = true};
	struct editor e = {.single = true};

	(void)state;
	editor_set(&e, "open ~/mod");
	assert_false(completer_key(&k, &e, 5, 'x'));
	assert_true(completer_key(&k, &e, 5, K_TAB));
	assert_string_equal(editor_text(&e), "open ~/mode");
	assert_true(completer_key(&k, &e, 5, K_TAB));
	assert_string_equal(editor_text(&e), "open ~/models/");
	assert_true(completer_key(&k, &e, 5, K_BACK_TAB));
	assert_string_equal(editor_text(&e), "open ~/modest/");
	assert_true(completer_key(&k, &e, 5, K_TAB));
	assert_string_equal(editor_text(&e), "open ~/models/");
	assert_true(completer_key(&k, &e, 5, '/'));
	assert_true(k.open);
	assert_int_equal(k.list.n, 6);
	completer_close(&k);
	editor_free(&e);
}

static bool
has(const struct place_list *l, const char *path, int64_t bytes)
{
	for (int i = l->known; i < l->n; i++)
		if (!strcmp(l->v[i].path, path))
			return l->v[i].there && l->v[i].bytes == bytes;
	return false;
}

static void
test_places(void **state)
{
	const char *known[] = {at("models/tiny"), at("models/gone.gguf")};
	struct place_list l;

	(void)state;
	assert_int_equal(places_look(&l, known, 2, at("models/b.gguf"), NULL, NULL), T2_OK);
	assert_int_equal(l.known, 2);
	assert_true(l.v[0].there);
	assert_int_equal(l.v[0].bytes, 7);
	assert_false(l.v[1].there);
	assert_true(has(&l, at("models/b.gguf"), 4));
	assert_true(has(&l, at("models/deep/c.gguf"), 5));
	assert_false(has(&l, at("models/tiny"), 7));  /* known already */
	assert_false(has(&l, at("models/empty"), 0)); /* a folder is no model */
	places_free(&l);
	/* a folder's neighbours */
	assert_int_equal(places_look(&l, NULL, 0, at("models/tiny"), NULL, NULL), T2_OK);
	assert_true(has(&l, at("models/tiny"), 7));
	assert_true(has(&l, at("models/b.gguf"), 4));
	places_free(&l);
	assert_int_equal(places_look(&l, NULL, 0, at("nowhere"), NULL, NULL), T2_OK);
	assert_int_equal(l.n, 0);
	places_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_common),		cmocka_unit_test(test_whole_characters),
		cmocka_unit_test(test_home_and_hidden), cmocka_unit_test(test_keys),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
