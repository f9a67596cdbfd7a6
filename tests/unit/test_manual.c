/* t2tui(1) lists the keys that the tables of bindings hold.  T2_UPDATE=1 writes them there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/mapfile.h"
#include "engine/base/strbuf.h"
#include "tui/app.h"
#include "tui/event.h"
#include "tui/keymap.h"
#include "tui/views/views.h"

static const char page[] = "man/t2tui.1";

static char *
keys(void)
{
	struct strbuf b = {0};

	app_keys_mdoc(workbench_views, workbench_view_count, &b);
	assert_false(b.failed);
	assert_true(b.len > 100);
	return strbuf_take(&b);
}

static void
test_keys(void **state)
{
	static const char end[] = ".\\\" keys: end\n";
	struct t2_err err;
	struct mapfile m;
	char *text, *from, *to, *want = keys();

	(void)state;
	if (mapfile_open(&m, page, &err))
		fail_msg("%s", err.msg);
	text = malloc(m.size + 1);
	memcpy(text, m.data, m.size);
	text[m.size] = 0;
	mapfile_close(&m);
	from = strstr(text, ".\\\" keys: begin");
	from = from ? strchr(from, '\n') + 1 : NULL;
	to = from ? strstr(from, end) : NULL;
	assert_non_null(to);
	if (getenv("T2_UPDATE")) {
		FILE *f = fopen(page, "w");

		assert_non_null(f);
		fwrite(text, 1, (size_t)(from - text), f);
		fputs(want, f);
		fputs(to, f);
		assert_int_equal(fclose(f), 0);
	} else if ((size_t)(to - from) != strlen(want) || memcmp(from, want, strlen(want))) {
		fail_msg("%s: its keys are not those of the program; T2_UPDATE=1 %s brings them up "
			 "to date",
			 page, "build/tests/test_manual");
	}
	free(text);
	free(want);
}

/* In each pane of each view every key that help shows does what help says, and every common action that the pane takes
 * has a key: nothing in the tables hides behind something else. */
static void
check_pane(const struct keymap *k, const struct view_ops *ops, int pane)
{
	struct binding_set sets[3];
	int n = keymap_sets(k, ops->number, sets);
	unsigned can = ops->panes[pane].can, found = 0;
	char name[24];

	for (int i = 0; i < n; i++)
		for (int j = 0; j < sets[i].n; j++) {
			const struct binding *b = &sets[i].rows[j];
			const char *s = b->keys;
			int key;

			if (!binding_holds(b, pane, can))
				continue;
			if (b->action != A_NONE)
				found |= CAN(b->action);
			while ((key = key_parse(&s)))
				if (binding_find(sets, n, key, pane, can) != b)
					fail_msg("%s, %s: %s is %s, not %s", ops->name,
						 ops->panes[pane].name, key_text(key, name),
						 binding_find(sets, n, key, pane, can)->name,
						 b->name);
		}
	/* Esc is nobody's key in the tables. */
	if (can & ~found & ~CAN(A_BACK))
		fail_msg("%s, %s: an action without a key: %x", ops->name, ops->panes[pane].name,
			 can & ~found);
}

static void
test_one_meaning(void **state)
{
	struct keymap *k;
	struct t2_err err;

	(void)state;
	if (keymap_new(&k, workbench_views, workbench_view_count, NULL, 0, "", &err))
		fail_msg("%s", err.msg);
	for (int i = 0; i < workbench_view_count; i++)
		for (int pane = 0; pane < workbench_views[i]->npanes; pane++)
			check_pane(k, workbench_views[i], pane);
	keymap_free(k);
}

/* What a letter does in one view it does in the others: what all views have by that letter, or one of these. */
static const struct {
	const char *key, *names;
} letters[] = {
	{"Space", " mark change "}, /* in a list, in a form */
	{"a", " ask ask-again ask-with "},
	{"d", " jobs-clear delete "},
	{"e", " rename edit "},
	{"K", " stop job-cancel "},
	{"R", " resume run-missing "},
	{"t", " train new-run "},
	{"v", " statistic "},
	{"w", " ask-with overlay strategy "},
};

static bool
allowed(const char *key, const char *name)
{
	char word[64];

	snprintf(word, sizeof word, " %s ", name);
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
		if (!strcmp(letters[i].key, key) && strstr(letters[i].names, word))
			return true;
	return false;
}

/* The command of another view, or of all, that has this letter; NULL: none. */
static const struct binding *
elsewhere(const struct keymap *k, const struct view_ops *ops, int key)
{
	struct binding_set sets[3];

	for (int i = 0; i < workbench_view_count; i++) {
		const struct view_ops *other = workbench_views[i];
		int n = keymap_sets(k, other->number, sets);

		for (int j = 0; j < n; j++)
			for (int r = 0; r < sets[j].n && (other != ops || j > 0 || n < 3); r++)
				if (binding_has_key(&sets[j].rows[r], key))
					return &sets[j].rows[r];
	}
	return NULL;
}

static void
test_letters(void **state)
{
	struct keymap *k;
	struct t2_err err;
	char name[24];

	(void)state;
	if (keymap_new(&k, workbench_views, workbench_view_count, NULL, 0, "", &err))
		fail_msg("%s", err.msg);
	for (int i = 0; i < workbench_view_count; i++) {
		const struct view_ops *ops = workbench_views[i];

		for (int j = 0; j < ops->nbindings; j++) {
			const struct binding *b = &ops->bindings[j], *o;
			const char *s = b->keys;
			int key;

			while ((key = key_parse(&s)))
				if (key_char(key) && (o = elsewhere(k, ops, key)) &&
				    strcmp(o->name, b->name) &&
				    !(allowed(key_text(key, name), b->name) &&
				      allowed(name, o->name)))
					fail_msg("%s: %s is %s, elsewhere %s", ops->name,
						 key_text(key, name), b->name, o->name);
		}
	}
	keymap_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys),
					   cmocka_unit_test(test_one_meaning),
					   cmocka_unit_test(test_letters)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
