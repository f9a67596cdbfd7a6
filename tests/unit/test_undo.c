#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tui/undo.h"

static int value, dropped;
static struct undo_stack *nested;

struct kept {
	int was;
	bool refuse;
};

static bool
restore(struct app *a, void *arg)
{
	struct kept *k = arg;

	(void)a;
	if (k->refuse)
		return false;
	value = k->was;
	return true;
}

static void
drop(void *arg)
{
	(void)arg;
	dropped++;
}

static void
push(struct undo_stack *u, struct kept *k, int i)
{
	struct undo_step s = {.undo = restore, .arg = k, .drop = drop};

	snprintf(s.what, sizeof s.what, "step %d", i);
	undo_push(u, &s);
}

static void
test_order(void **state)
{
	struct undo_stack u = {0};
	struct kept k[2] = {{.was = 1}, {.was = 2}};
	char what[UNDO_WHAT];

	(void)state;
	value = 3;
	dropped = 0;
	assert_int_equal(undo_last(&u, NULL, what), UNDO_NONE);
	push(&u, &k[0], 0);
	push(&u, &k[1], 1);
	assert_int_equal(undo_last(&u, NULL, what), UNDO_DONE);
	assert_string_equal(what, "step 1");
	assert_int_equal(value, 2);
	assert_int_equal(undo_last(&u, NULL, what), UNDO_DONE);
	assert_int_equal(value, 1);
	assert_int_equal(dropped, 2);
	assert_int_equal(undo_last(&u, NULL, what), UNDO_NONE);
}

/* What could not be taken back now can be later: it is not lost. */
static void
test_refused(void **state)
{
	struct undo_stack u = {0};
	struct kept k = {.was = 7, .refuse = true};
	char what[UNDO_WHAT];

	(void)state;
	value = dropped = 0;
	push(&u, &k, 0);
	assert_int_equal(undo_last(&u, NULL, what), UNDO_FAILED);
	assert_int_equal(dropped, 0);
	assert_int_equal(value, 0);
	k.refuse = false;
	assert_int_equal(undo_last(&u, NULL, what), UNDO_DONE);
	assert_int_equal(value, 7);
	assert_int_equal(dropped, 1);
}

static void
test_full(void **state)
{
	static struct kept k[UNDO_STEPS + 5];
	struct undo_stack u = {0};
	char what[UNDO_WHAT];
	int n = 0;

	(void)state;
	dropped = 0;
	for (int i = 0; i < UNDO_STEPS + 5; i++) {
		k[i].was = i;
		push(&u, &k[i], i);
	}
	assert_int_equal(dropped, 5);
	while (undo_last(&u, NULL, what) == UNDO_DONE)
		n++;
	assert_int_equal(n, UNDO_STEPS);
	assert_string_equal(what, "");
	assert_int_equal(value, 5); /* the oldest that was kept */
	push(&u, &k[0], 0);
	undo_clear(&u);
	assert_int_equal(dropped, UNDO_STEPS + 5 + 1);
	assert_int_equal(u.n, 0);
}

static void
push_big(struct undo_stack *u, struct kept *k, size_t bytes)
{
	undo_push(u,
		  &(struct undo_step){
			  .what = "big", .undo = restore, .arg = k, .drop = drop, .bytes = bytes});
}

/* What is kept in memory has a limit; the newest step stays whatever it holds. */
static void
test_big(void **state)
{
	struct undo_stack u = {0};
	struct kept k = {.was = 1};

	(void)state;
	dropped = 0;
	for (int i = 0; i < 4; i++)
		push_big(&u, &k, UNDO_BYTES / 4);
	assert_int_equal(u.n, 4);
	push(&u, &k, 0); /* holds nothing */
	assert_int_equal(u.n, 5);
	push_big(&u, &k, 1);
	assert_int_equal(u.n, 5); /* one of the big ones had to go */
	assert_int_equal(dropped, 1);
	push_big(&u, &k, UNDO_BYTES + 1);
	assert_int_equal(u.n, 1);
	assert_int_equal(dropped, 6);
	push(&u, &k, 0);
	assert_int_equal(u.n, 1); /* the one before holds too much to be the older one */
	undo_clear(&u);
	assert_int_equal(dropped, 8);
}

static bool
push_again(struct app *a, void *arg)
{
	(void)a;
	push(nested, arg, 9);
	return true;
}

static void
test_pushes_itself(void **state)
{
	struct undo_stack u = {0};
	struct kept k = {.was = 4};
	char what[UNDO_WHAT];

	(void)state;
	nested = &u;
	dropped = 0;
	undo_push(&u, &(struct undo_step){.what = "outer", .undo = push_again, .arg = &k});
	assert_int_equal(undo_last(&u, NULL, what), UNDO_DONE);
	assert_string_equal(what, "outer");
	assert_int_equal(undo_last(&u, NULL, what), UNDO_DONE);
	assert_string_equal(what, "step 9");
	assert_int_equal(dropped, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	      cmocka_unit_test(test_refused),
		cmocka_unit_test(test_full),	      cmocka_unit_test(test_big),
		cmocka_unit_test(test_pushes_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
