/* Keys and their names, look-up order, the tables' soundness, fuzzy search, the manual's lists. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include "engine/base/strbuf.h"
#include "tui/app_state.h"
#include "tui/binding.h"
#include "tui/event.h"
#include "tui/layout.h"
#include "tui/view.h"
#include "tui/views/builtin.h"

static int
key(const char *s)
{
	return key_parse(&s);
}

static void
test_keys(void **state)
{
	static const int keys[] = {'j',
				   'G',
				   '?',
				   K_ENTER,
				   K_ENTER | K_ALT,
				   'l' | K_CTRL,
				   K_UP,
				   K_UP | K_SHIFT,
				   K_F1 + 11,
				   K_BACK_TAB,
				   K_SPACE,
				   0xe9,
				   '-',
				   '-' | K_CTRL,
				   K_PAGE_DOWN,
				   '\n'};
	char buf[24];

	(void)state;
	assert_int_equal(key("Ctrl-l"), 'l' | K_CTRL);
	assert_int_equal(key("Alt-Enter"), K_ENTER | K_ALT);
	assert_int_equal(key("-"), '-');
	assert_int_equal(key("NoSuchKey"), K_NONE);
	assert_int_equal(key(""), K_NONE);
	assert_int_equal(key("Ctrl-"), K_NONE);
	for (size_t i = 0; i + 1 < sizeof keys / sizeof *keys; i++)
		assert_int_equal(key(key_text(keys[i], buf)), keys[i]); /* there and back */
	assert_string_equal(key_text('\n', buf), "Ctrl-j");
}

static void
run(struct view *v, void *s, const char *arg)
{
	(void)v;
	(void)s;
	(void)arg;
}

static const struct binding rows[] = {
	{A_NONE, "j", "special-j", "only in pane one", run, PANE(1), 0},
	{A_NONE, "L", "log", "log or linear", run, PANES_ALL, 0},
};
static const struct binding_set sets[] = {{"view", rows, 2}};

static void
test_lookup(void **state)
{
	struct binding_set all[3] = {sets[0], binding_actions, app_commands};

	(void)state;
	assert_string_equal(binding_find(all, 3, 'j', 1, CAN_MOVE)->name, "special-j");
	assert_int_equal(binding_find(all, 3, 'j', 0, CAN_MOVE)->action, A_DOWN);
	assert_null(binding_find(all, 3, 'j', 0, 0)); /* that pane cannot move */
	assert_string_equal(binding_find(all, 3, 'L', 0, 0)->name, "log");
	assert_string_equal(binding_find(all, 3, 'q', 0, 0)->name, "quit");
	assert_null(binding_find(all, 3, 0x1234, 0, ~0u));
	assert_non_null(binding_named(all, 3, "quit", 4));
	assert_null(binding_named(all, 3, "qui", 3));
}

static void
test_tables(void **state)
{
	const struct binding_set both[] = {binding_actions, app_commands};
	struct binding_set own = {"x", jobs_view.bindings, jobs_view.nbindings};
	char buf[160];

	(void)state;
	for (int i = 0; i < 2; i++)
		if (binding_check(&both[i], buf, sizeof buf))
			fail_msg("%s: %s", both[i].scope, buf);
	assert_null(binding_check(&own, buf, sizeof buf));
	/* What holds everywhere must not hide behind a common action. */
	for (int i = 0; i < app_commands.n; i++) {
		const char *s = app_commands.rows[i].keys;
		int k;

		while ((k = key_parse(&s)))
			assert_null(binding_find(&binding_actions, 1, k, 0, ~0u));
	}
}

static void
test_check_finds(void **state)
{
	static const struct binding bad[] = {
		{A_NONE, "j", "one", "x", run, PANE(1), 0},
		{A_NONE, "k j", "two", "x", run, PANES_ALL, 0},
	};
	static const struct binding unknown[] = {
		{A_NONE, "j Nokey", "one", "x", run, PANES_ALL, 0}};
	static const struct binding apart[] = {
		{A_NONE, "j", "one", "x", run, PANE(1), 0},
		{A_NONE, "j", "two", "x", run, PANE(2), 0},
	};
	static const struct binding idle[] = {{A_NONE, "j", "one", "x", NULL, PANES_ALL, 0}};
	char buf[160];

	(void)state;
	assert_non_null(binding_check(&(struct binding_set){"x", bad, 2}, buf, sizeof buf));
	assert_non_null(binding_check(&(struct binding_set){"x", unknown, 1}, buf, sizeof buf));
	assert_non_null(strstr(buf, "Nokey"));
	assert_non_null(binding_check(&(struct binding_set){"x", idle, 1}, buf, sizeof buf));
	assert_null(binding_check(&(struct binding_set){"x", apart, 2}, buf, sizeof buf));
}

static void
test_fuzzy(void **state)
{
	(void)state;
	assert_int_equal(binding_fuzzy("focus-next", "xyz"), 0);
	assert_true(binding_fuzzy("focus-next", "fn") > 0);
	assert_true(binding_fuzzy("focus-next", "fn") > binding_fuzzy("fountain", "fn"));
	assert_true(binding_fuzzy("theme", "theme") > binding_fuzzy("the-mean-one", "theme"));
	assert_true(binding_fuzzy("quit", "Q") > 0);
	assert_true(binding_fuzzy("anything", "") > 0);
}

static void
test_mdoc(void **state)
{
	struct binding_set all[3] = {sets[0], binding_actions, app_commands};
	struct strbuf b = {0};

	(void)state;
	binding_mdoc(all, 3, &b);
	assert_false(b.failed);
	assert_non_null(strstr(b.s, ".Ss Everywhere\n"));
	assert_non_null(strstr(b.s, "\"\\&j, Down\""));
	assert_non_null(strstr(b.s, "Ctrl\\-l"));
	strbuf_free(&b);
}

/* -- layout, which views declare next to their bindings ------------------------------------------------------ */

static const struct pane_spec panes[] = {
	{"a", "", 10, 4, 0}, {"b", "", 10, 4, 0}, {"c", "", 10, 2, 0}};

static void
test_layout(void **state)
{
	struct layout *l;
	struct rect r[3];
	struct t2_err err;
	int handle;

	(void)state;
	assert_int_equal(layout_new(&l, "h(1:a 2:v(3:b =5:c))", panes, 3, &err), T2_OK);
	assert_true(layout_place(l, (struct rect){0, 1, 90, 30}, r));
	assert_int_equal(r[0].w, 30);
	assert_int_equal(r[0].h, 30);
	assert_int_equal(r[1].x, 30);
	assert_int_equal(r[1].w, 60);
	assert_int_equal(r[2].h, 5);
	assert_int_equal(r[1].y + r[1].h - 1, r[2].y); /* a shared line */
	assert_int_equal(r[2].y + r[2].h, 31);
	assert_false(layout_place(l, (struct rect){0, 1, 20, 30}, r));
	assert_false(layout_place(l, (struct rect){0, 1, 90, 8}, r));
	layout_place(l, (struct rect){0, 1, 90, 30}, r);
	handle = layout_border(l, 29, 10);
	assert_true(handle >= 0);
	assert_int_equal(layout_border(l, 5, 10), -1);
	layout_drag(l, handle, 44, 10);
	assert_true(layout_place(l, (struct rect){0, 1, 90, 30}, r));
	assert_int_equal(r[0].w, 45);
	layout_drag(l, handle, -500, 0); /* too far: nothing */
	layout_drag(l, 99, 1, 1);
	layout_place(l, (struct rect){0, 1, 90, 30}, r);
	assert_int_equal(r[0].w, 45);
	layout_free(l);
}

/* Sizes dragged by hand come back; what is of another layout, or no sizes at all, changes nothing. */
static void
test_layout_sizes(void **state)
{
	static const char *const bad[] = {"",	       "1 2 3",	      "1 1 1 1 5 5", "1 1 x 1 5",
					  "1 0 1 1 5", "1 1 1 1 1e9", "1 nan 1 1 5"};
	struct strbuf b = {0};
	struct layout *l, *m;
	struct rect r[3];
	struct t2_err err;

	(void)state;
	assert_int_equal(layout_new(&l, "h(1:a 2:v(3:b =5:c))", panes, 3, &err), T2_OK);
	assert_int_equal(layout_new(&m, "h(1:a 2:v(3:b =5:c))", panes, 3, &err), T2_OK);
	layout_place(l, (struct rect){0, 1, 90, 30}, r);
	layout_drag(l, layout_border(l, 29, 10), 44, 10);
	layout_sizes(l, &b);
	assert_true(layout_resize(m, b.s));
	layout_place(m, (struct rect){0, 1, 90, 30}, r);
	assert_int_equal(r[0].w, 45);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (layout_resize(m, bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
	layout_place(m, (struct rect){0, 1, 90, 30}, r);
	assert_int_equal(r[0].w, 45);
	strbuf_free(&b);
	layout_free(l);
	layout_free(m);
}

static void
test_layout_wrong(void **state)
{
	static const char *const bad[] = {"",
					  "h(",
					  "h()",
					  "x",
					  "h(a b",
					  "h(a) b",
					  "h(0:a)",
					  "h(=:a)",
					  "h(1000:a)",
					  "h(1a)",
					  "h(h(h(h(h(h(h(a)))))))"};
	struct layout *l;
	struct t2_err err;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (layout_new(&l, bad[i], panes, 3, &err) != T2_EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_null(l);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),	     cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_tables),	     cmocka_unit_test(test_check_finds),
		cmocka_unit_test(test_fuzzy),	     cmocka_unit_test(test_mdoc),
		cmocka_unit_test(test_layout),	     cmocka_unit_test(test_layout_wrong),
		cmocka_unit_test(test_layout_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
