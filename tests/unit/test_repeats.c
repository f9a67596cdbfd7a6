/* Which seed a second run of the same task takes, and what counts as the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tui/repeats.h"

static char *
settings(const char *steps, int seed)
{
	struct train_settings s;
	json_t *o;
	char *text;

	assert_int_equal(train_settings_preset(&s, "default", NULL), T2_OK);
	assert_int_equal(train_settings_set(&s, "steps", steps, NULL), T2_OK);
	o = train_settings_json(&s);
	json_object_set_new(o, "seed", json_integer(seed));
	json_object_set_new(o, "name", json_string("whatever"));
	text = json_dumps(o, JSON_REAL_PRECISION(17));
	json_decref(o);
	return text;
}

static void
steps(struct train_settings *s, const char *n)
{
	assert_int_equal(train_settings_preset(s, "default", NULL), T2_OK);
	assert_int_equal(train_settings_set(s, "steps", n, NULL), T2_OK);
}

static void
test_seeds(void **state)
{
	char *a = settings("60", 0), *b = settings("60", 1), *c = settings("40", 2),
	     *d = settings("60", 3), *big = settings("60", 2147483647);
	struct run_row v[] = {
		{.id = 9, .kind = "train", .task = "math", .settings = big},
		{.id = 8, .kind = "train", .task = "math", .settings = d},
		{.id = 7, .kind = "train", .task = "math", .settings = a},
		{.id = 6, .kind = "train", .task = "math", .settings = c},
		{.id = 5, .kind = "train", .task = "math", .settings = b},
		{.id = 4, .kind = "train", .task = "math", .settings = a},
		{.id = 3, .kind = "search", .task = "code", .settings = "{\"seed\":0}"},
		{.id = 2, .kind = "train", .task = "math", .settings = "not JSON"},
	};
	struct run_list l = {.v = v, .n = sizeof v / sizeof *v}, none = {0};
	struct repeats *p = repeats_new();
	struct train_settings s;

	(void)state;
	assert_non_null(p);
	steps(&s, "60");
	assert_int_equal(repeats_free_seed(p, "math", &s), 0);
	assert_true(repeats_look(p, &none));
	assert_int_equal(repeats_free_seed(p, "math", &s), 0);
	assert_true(repeats_look(p, &l));
	assert_int_equal(repeats_free_seed(p, "math", &s), 2); /* run 6's is of other settings */
	assert_int_equal(repeats_free_seed(p, "code", &s), 0);
	assert_int_equal(repeats_find(p, "math", &s, 0), 7); /* the latest of two */
	assert_int_equal(repeats_find(p, "math", &s, 2), 0);
	assert_int_equal(repeats_find(p, "math", &s, 2147483647), 9);
	steps(&s, "40");
	assert_int_equal(repeats_free_seed(p, "math", &s), 0);
	assert_int_equal(repeats_find(p, "math", &s, 2), 6);
	repeats_free(p);
	free(a);
	free(b);
	free(c);
	free(d);
	free(big);
}

/* Runs come, go, and a number is given again: what was taken in goes with the run, not with its place or number. */
static void
test_looks(void **state)
{
	char *a = settings("60", 0), *b = settings("60", 1), *c = settings("60", 2);
	struct run_row before[] = {
		{.id = 3, .started = 30, .kind = "train", .task = "math", .settings = c},
		{.id = 2, .started = 20, .kind = "train", .task = "math", .settings = b},
		{.id = 1, .started = 10, .kind = "train", .task = "math", .settings = a},
	};
	struct run_row after[] = {
		{.id = 4, .started = 50, .kind = "train", .task = "math", .settings = a},
		{.id = 3, .started = 40, .kind = "train", .task = "math", .settings = b},
		/* were it read again it would say nothing */
		{.id = 1, .started = 10, .kind = "train", .task = "math", .settings = "read"},
	};
	struct run_list l = {.v = before, .n = 3}, m = {.v = after, .n = 3};
	struct repeats *p = repeats_new();
	struct train_settings s;

	(void)state;
	assert_non_null(p);
	steps(&s, "60");
	assert_true(repeats_look(p, &l));
	assert_int_equal(repeats_free_seed(p, "math", &s), 3);
	assert_false(repeats_look(p, &l));
	assert_true(repeats_look(p, &m));
	assert_int_equal(repeats_free_seed(p, "math", &s), 2);
	assert_int_equal(repeats_find(p, "math", &s, 0), 4);
	assert_int_equal(repeats_find(p, "math", &s, 1), 3);
	assert_int_equal(repeats_find(p, "math", &s, 2), 0);
	m.v = after + 1; /* run 4 has gone */
	m.n = 2;
	assert_true(repeats_look(p, &m));
	assert_int_equal(repeats_find(p, "math", &s, 0), 1);
	repeats_free(p);
	free(a);
	free(b);
	free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
