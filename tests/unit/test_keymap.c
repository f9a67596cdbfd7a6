/* The user's keys: what a row changes and where, and every way in which one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include "tui/event.h"
#include "tui/keymap.h"
#include "tui/view.h"

static void
run(struct view *v, void *s, const char *arg)
{
	(void)v;
	(void)s;
	(void)arg;
}

static const struct binding runs_rows[] = {
	{A_NONE, "s", "stop", "stop it", run, PANES_ALL, 0},
	{A_NONE, "t", "new-run", "new one", run, PANE(1), 0},
};
static const struct binding mix_rows[] = {
	{A_NONE, "s", "search", "search", run, PANES_ALL, 0},
	{A_NONE, "w", "widen", "wider", run, PANES_ALL, 0},
};
static const struct pane_spec panes[] = {{"list", "", 10, 4, CAN_LIST | CAN(A_MARK)},
					 {"curve", "", 10, 4, CAN(A_LEFT)}};
static const struct view_ops runs = {.name = "Runs",
				     .number = 7,
				     .panes = panes,
				     .npanes = 2,
				     .bindings = runs_rows,
				     .nbindings = 2};
static const struct view_ops mix = {.name = "Mix",
				    .number = 4,
				    .panes = panes,
				    .npanes = 2,
				    .bindings = mix_rows,
				    .nbindings = 2};
static const struct view_ops *const views[] = {&runs, &mix};

static int
key(const char *s)
{
	return key_parse(&s);
}

/* What the key does in a pane of the view; "": nothing. */
static const char *
does(const struct keymap *k, int view, int pane, const char *name)
{
	struct binding_set sets[3];
	int n = keymap_sets(k, view, sets);
	const struct binding *b = binding_find(sets, n, key(name), pane, panes[pane].can);

	return b ? b->name : "";
}

static void
test_rows(void **state)
{
	/* the view's own line wins over the other wherever it stands */
	static const struct keymap_row rows[] = {
		{1, "runs", "mark", "v"}, {2, "", "mark", "b"},	  {3, "", "quit", "Q F10"},
		{4, "RUNS", "stop", "K"}, {5, "", "suspend", ""}, {6, "mix", "open", "o"},
	};
	struct keymap *k;
	struct t2_err err;
	struct binding_set sets[3];

	(void)state;
	if (keymap_new(&k, views, 2, rows, 6, "f", &err))
		fail_msg("%s", err.msg);
	assert_string_equal(does(k, 7, 0, "v"), "mark");
	assert_string_equal(does(k, 7, 0, "b"), "");
	assert_string_equal(does(k, 7, 0, "Space"), "");
	assert_string_equal(does(k, 4, 0, "b"), "mark");
	assert_string_equal(does(k, 4, 0, "v"), "");
	assert_string_equal(does(k, 7, 0, "Q"), "quit");
	assert_string_equal(does(k, 4, 1, "F10"), "quit");
	assert_string_equal(does(k, 7, 1, "q"), "");
	assert_string_equal(does(k, 7, 0, "K"), "stop");
	assert_string_equal(does(k, 7, 0, "s"), "");
	assert_string_equal(does(k, 4, 0, "s"), "search");
	assert_string_equal(does(k, 4, 0, "Ctrl-z"), "");
	assert_string_equal(does(k, 0, 0, "Q"), "quit"); /* the log has its tables too */
	assert_int_equal(keymap_sets(k, 7, sets), 3);
	assert_true(keymap_changed(k, &sets[0].rows[0]));
	assert_false(keymap_changed(k, &sets[0].rows[1]));
	assert_int_equal(keymap_sets(k, -1, sets), 2);
	for (int i = 0; i < sets[0].n; i++)
		if (!strcmp(sets[0].rows[i].name, "mark"))
			assert_string_equal(sets[0].rows[i].keys, "b");
	keymap_free(k);
	/* sections without a row: nothing changes, and their views are looked at */
	{
		static const struct keymap_row none[] = {
			{1, "", "", ""}, {2, "", "", ""}, {3, "mix", "", ""}, {4, "no", "", ""}};

		if (keymap_new(&k, views, 2, none, 3, "f", &err))
			fail_msg("%s", err.msg);
		assert_string_equal(does(k, 7, 0, "q"), "quit");
		keymap_free(k);
		assert_int_equal(keymap_new(&k, views, 2, none, 4, "f", &err), T2_EFORMAT);
		assert_string_equal(err.msg, "f:4: [keys no]: no such view");
	}
	keymap_free(NULL);
}

static void
test_none(void **state)
{
	struct keymap *k;

	(void)state;
	assert_int_equal(keymap_new(&k, views, 2, NULL, 0, "", NULL), T2_OK);
	assert_string_equal(does(k, 7, 0, "s"), "stop");
	assert_string_equal(does(k, 7, 0, "q"), "quit");
	keymap_free(k);
}

/* Two of the user's own may swap; what one pane cannot do is free there. */
static void
test_allowed(void **state)
{
	static const struct keymap_row swap[] = {{1, "", "quit", "x"}, {2, "", "export", "q"}};
	static const struct keymap_row free_there[] = {{1, "runs", "new-run", "j"}};
	struct keymap *k;
	struct t2_err err;

	(void)state;
	if (keymap_new(&k, views, 2, swap, 2, "f", &err))
		fail_msg("%s", err.msg);
	assert_string_equal(does(k, 7, 0, "x"), "quit");
	assert_string_equal(does(k, 7, 0, "q"), "export");
	keymap_free(k);
	if (keymap_new(&k, views, 2, free_there, 1, "f",
		       &err)) /* in the curve, which does not move */
		fail_msg("%s", err.msg);
	assert_string_equal(does(k, 7, 1, "j"), "new-run");
	assert_string_equal(does(k, 7, 0, "j"), "down");
	keymap_free(k);
}

static void
test_refused(void **state)
{
	static const struct {
		struct keymap_row row[2];
		const char *says;
	} t[] = {
		{{{4, "", "quti", "Q"}}, "f:4: quti: no such command"},
		{{{4, "nowhere", "quit", "Q"}}, "f:4: [keys nowhere]: no such view"},
		{{{4, "", "stop", "X"}},
		 "f:4: stop is a command of Runs: it belongs under [keys Runs]"},
		{{{4, "mix", "stop", "X"}}, "stop is a command of Runs"},
		{{{4, "", "quit", "Q Nokey"}}, "f:4: quit = Q Nokey:  Nokey: no such key"},
		{{{4, "", "quit", "Esc"}}, "f:4: quit = Esc: Esc goes back"},
		{{{4, "", "quit", "Ctrl-c"}}, "Ctrl-c goes back"},
		{{{4, "", "quit", "x"}}, "f:4: quit = x: x is export"},
		{{{4, "runs", "stop", "t"}}, "f:4: stop = t: t is new-run in Runs"},
		{{{4, "", "up", "w"}}, "f:4: up = w: w is widen in Mix"},
		{{{4, "", "quit", "U"}, {9, "", "undo", "U"}}, "f:9: undo = U: U is quit"},
		{{{9, "", "quit", "U"}, {4, "", "undo", "U"}}, "f:9: quit = U: U is undo"},
		{{{4, "", "quit", "U"}, {9, "", "quit", "Q"}}, "f:9: quit: line 4 gives its keys"},
		{{{4, "", "quit", ""}, {9, "", "palette", ""}}, "f:9: neither palette nor quit"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct keymap *k = (void *)1;
		struct t2_err err = {0};
		int n = t[i].row[1].line ? 2 : 1;

		if (keymap_new(&k, views, 2, t[i].row, n, "f", &err) != T2_EFORMAT)
			fail_msg("row %zu was taken", i);
		assert_null(k);
		if (!strstr(err.msg, t[i].says))
			fail_msg("\"%s\" does not say \"%s\"", err.msg, t[i].says);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
