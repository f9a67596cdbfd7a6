/* Widgets by themselves: editor, table, form, slider, flow, gauge, tabs, messages. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "engine/base/rng.h"
#include "engine/base/strbuf.h"
#include "tui/canvas.h"
#include "tui/message.h"
#include "tui/utf8.h"
#include "tui/widgets/editor.h"
#include "tui/widgets/flow.h"
#include "tui/widgets/form.h"
#include "tui/widgets/gauge.h"
#include "tui/widgets/slider.h"
#include "tui/widgets/table.h"
#include "tui/widgets/tabs.h"

static struct theme theme;

static struct canvas *
new_canvas(int w, int h)
{
	struct canvas *c = canvas_new(w, h);

	assert_non_null(c);
	theme_builtin(&theme, THEME_DARK);
	c->theme = &theme;
	canvas_clear(c);
	return c;
}

static void
expect(struct canvas *c, const char *want)
{
	struct strbuf b = {0};

	canvas_dump(c, canvas_rect(c), &b);
	assert_string_equal(b.s, want);
	strbuf_free(&b);
	canvas_clear(c);
}

/* -- editor ------------------------------------------------------------------------------------------------- */

static void
type(struct editor *e, const char *s)
{
	for (; *s; s++)
		editor_key(e, (unsigned char)*s);
}

static void
test_editor(void **state)
{
	struct editor e = {0};

	(void)state;
	assert_string_equal(editor_text(&e), "");
	assert_int_equal(editor_key(&e, K_BACKSPACE), EDITOR_MOVED); /* nothing there */
	type(&e, "one two");
	assert_int_equal(editor_key(&e, 0x65e5), EDITOR_CHANGED);
	assert_string_equal(editor_text(&e), "one two日");
	editor_key(&e, K_BACKSPACE);
	editor_key(&e, 'w' | K_CTRL);
	assert_string_equal(editor_text(&e), "one ");
	editor_key(&e, K_HOME);
	type(&e, "x");
	editor_key(&e, K_DELETE);
	assert_string_equal(editor_text(&e), "xne ");
	assert_int_equal(editor_key(&e, K_ENTER | K_ALT), EDITOR_CHANGED);
	assert_string_equal(editor_text(&e), "x\nne ");
	editor_key(&e, 'k' | K_CTRL);
	assert_string_equal(editor_text(&e), "x\n");
	editor_key(&e, 'u' | K_CTRL); /* the line is empty already */
	assert_string_equal(editor_text(&e), "x\n");
	assert_int_equal(editor_key(&e, K_ENTER), EDITOR_ACCEPT);
	assert_int_equal(editor_key(&e, K_ESC), EDITOR_CANCEL);
	assert_int_equal(editor_key(&e, K_F1), EDITOR_IGNORED);
	editor_free(&e);
}

static void
press(struct editor *e, const int *keys)
{
	for (; *keys; keys++)
		editor_key(e, *keys);
}

/* The cursor goes by what is seen as one character, and never stands inside it. */
static void
test_editor_clusters(void **state)
{
	static const int family[] = {0x1f469, 0x200d, 0x1f469, 0x200d, 0x1f467, 0};
	static const int germany[] = {0x1f1e9, 0x1f1ea, 0};
	struct editor e = {0};

	(void)state;
	editor_set(&e, "日本");
	press(&e, family);
	assert_string_equal(editor_text(&e), "日本👩‍👩‍👧");
	editor_key(&e, K_LEFT); /* over all of it */
	editor_key(&e, 'x');
	assert_string_equal(editor_text(&e), "日本x👩‍👩‍👧");
	editor_key(&e, K_DELETE);
	assert_string_equal(editor_text(&e), "日本x");
	editor_key(&e, K_BACKSPACE);
	editor_key(&e, K_BACKSPACE);
	assert_string_equal(editor_text(&e), "日");
	/* a heart with its selector, a thumb with its colour, a letter with its accent */
	editor_set(&e, "❤️👍🏽e\xcc\x81");
	for (int i = 0; i < 2; i++)
		editor_key(&e, K_BACKSPACE);
	assert_string_equal(editor_text(&e), "❤️");
	editor_key(&e, K_BACKSPACE);
	assert_string_equal(editor_text(&e), "");
	/* a letter of a flag put before two others pairs anew: the cursor stands behind the new pair */
	press(&e, germany);
	editor_key(&e, K_HOME);
	editor_key(&e, 0x1f1eb);
	assert_string_equal(editor_text(&e), "🇫🇩🇪");
	assert_int_equal(e.pos, 8);
	editor_key(&e, K_BACKSPACE);
	assert_string_equal(editor_text(&e), "🇪");
	assert_int_equal(e.pos, 0);
	/* an accent that loses its letter finds the one before */
	editor_set(&e, "ab\xcc\x81");
	e.pos = 1;
	editor_key(&e, K_DELETE);
	assert_string_equal(editor_text(&e), "a");
	editor_free(&e);
}

static void
test_editor_rows(void **state)
{
	struct canvas *c = new_canvas(10, 3);
	struct editor e = {0};
	struct rect r = {0, 0, 10, 3};

	(void)state;
	editor_set(&e, "one two three four five");
	assert_int_equal(editor_rows(&e, 10), 3);
	editor_draw(&e, c, r, true);
	assert_int_equal(c->cursor_y, 2);
	assert_int_equal(c->cursor_x, 4);
	expect(c, "one two\nthree four\nfive\n");
	editor_free(&e);
	canvas_free(c);
}

/* The cursor goes everywhere in a random text and stays inside what is drawn. */
static void
test_editor_random(void **state)
{
	static const int keys[] = {K_LEFT,
				   K_RIGHT,
				   K_UP,
				   K_DOWN,
				   K_HOME,
				   K_END,
				   K_BACKSPACE,
				   K_DELETE,
				   'a',
				   ' ',
				   0x65e5,
				   0x301,
				   0x1f600,
				   '\n',
				   'w' | K_CTRL,
				   'k' | K_CTRL,
				   K_LEFT | K_CTRL,
				   K_RIGHT | K_CTRL,
				   'b',
				   'c',
				   ' ',
				   'd'};
	struct canvas *c = new_canvas(14, 5);
	struct editor e = {0}, one = {.single = true};
	struct rng r;

	(void)state;
	rng_seed(&r, 11, 0, 0);
	for (int i = 0; i < 20000; i++) {
		int k = keys[rng_below(&r, sizeof keys / sizeof *keys)];

		editor_key(&e, k);
		editor_key(&one, k);
		if (i % 7 == 0) {
			editor_click(&e, (struct rect){0, 0, 14, 5}, (int)rng_below(&r, 14),
				     (int)rng_below(&r, 5));
		}
		assert_true(e.pos <= e.text.len);
		canvas_clear(c);
		editor_draw(&e, c, (struct rect){0, 0, 14, 5}, true);
		assert_in_range(c->cursor_x, 0, 13);
		assert_in_range(c->cursor_y, 0, 4);
		editor_draw(&one, c, (struct rect){0, 0, 14, 1}, true);
		assert_in_range(c->cursor_x, 0, 13);
		assert_int_equal(e.text.len, strlen(editor_text(&e)));
	}
	editor_free(&e);
	editor_free(&one);
	canvas_free(c);
}

static void
test_editor_paste(void **state)
{
	struct editor e = {.single = true};

	(void)state;
	editor_set(&e, "ab");
	editor_key(&e, K_LEFT);
	assert_int_equal(editor_paste(&e, "1\n2\033[31m"), 0);
	assert_string_equal(editor_text(&e), "a1 2[31mb");
	editor_free(&e);
}

/* More than there is room for: cut between characters, and told. */
static void
test_editor_paste_full(void **state)
{
	static const char *const one[] = {"日", "e\xcc\x81", "👩\xe2\x80\x8d👧", "x"};
	struct strbuf b = {0};
	struct editor e = {0};

	(void)state;
	for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
		size_t n = strlen(one[i]), room = (EDITOR_MAX - 2) / n * n;

		strbuf_clear(&b);
		while (b.len < EDITOR_MAX + 100)
			strbuf_str(&b, one[i]);
		editor_set(&e, "ab");
		editor_key(&e, K_LEFT);
		assert_int_equal(editor_paste(&e, b.s), b.len - room);
		assert_int_equal(e.text.len, room + 2);
		assert_int_equal(e.pos, room + 1);
		assert_memory_equal(e.text.s + e.pos - n, one[i], n);
		assert_string_equal(e.text.s + e.pos, "b");
		assert_int_equal(editor_paste(&e, b.s), b.len - (EDITOR_MAX - 2 - room) / n * n);
	}
	strbuf_free(&b);
	editor_free(&e);
}

/* -- table -------------------------------------------------------------------------------------------------- */

struct data {
	int n;
	const char *name[8];
	int64_t id[8];
};

static void
cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	struct data *d = arg;

	(void)st;
	if (col)
		snprintf(buf, TABLE_CELL, "%d", (int)strlen(d->name[row]));
	else
		snprintf(buf, TABLE_CELL, "%s", d->name[row]);
}

static int64_t
id(void *arg, int row)
{
	return ((struct data *)arg)->id[row];
}

static int
compare(void *arg, int a, int b, int col)
{
	struct data *d = arg;

	return col ? (int)strlen(d->name[a]) - (int)strlen(d->name[b])
		   : strcmp(d->name[a], d->name[b]);
}

static const struct column cols[] = {{"name", 6, 8, ALIGN_LEFT, 0}, {"len", 3, 3, ALIGN_RIGHT, 1}};

static void
test_table(void **state)
{
	struct data d = {4, {"math", "code", "logic", "a,b"}, {10, 20, 30, 40}};
	struct table t = {
		.cols = cols, .ncols = 2, .cell = cell, .id = id, .compare = compare, .arg = &d};
	struct canvas *c = new_canvas(18, 5);
	struct strbuf b = {0};
	struct mouse m = {MOUSE_PRESS, 3, 2, 1};
	bool open;

	(void)state;
	assert_int_equal(table_selected(&t), -1);
	table_draw(&t, c, (struct rect){0, 0, 18, 5}, true);
	expect(c, "  name      len\n\n  Nothing here\n  yet.\n\n");
	table_rows(&t, d.n);
	table_action(&t, A_DOWN);
	table_action(&t, A_MARK); /* marks and goes on */
	assert_int_equal(table_selected(&t), 2);
	assert_true(table_marked(&t, 1));
	table_draw(&t, c, (struct rect){0, 0, 18, 5}, true);
	expect(c, "  name      len\n  math        4\n● code        4\n› logic       5\n  a,b       "
		  "  3\n");
	/* The data changes: what is selected and marked is found again. */
	d = (struct data){3, {"new", "logic", "code"}, {50, 30, 20}};
	table_rows(&t, d.n);
	assert_int_equal(table_selected(&t), 1);
	assert_true(table_marked(&t, 2));
	table_filter(&t, "OD");
	assert_int_equal(t.nmap, 1);
	assert_int_equal(table_selected(&t), 2);
	table_filter(&t, "nothing like it");
	assert_int_equal(table_selected(&t), -1);
	assert_false(table_action(&t, A_MARK));
	table_filter(&t, "");
	table_action(&t, A_SORT);
	assert_int_equal(t.map[0], 2);
	table_action(&t, A_SORT);
	assert_int_equal(t.map[0], 0);
	assert_true(table_mouse(&t, &m, &open));
	assert_int_equal(t.sel, 1);
	assert_false(open);
	table_mouse(&t, &m, &open);
	assert_true(open);
	d.name[0] = "q\"x,y";
	table_dump(&t, true, &b);
	assert_non_null(strstr(b.s, "name,len\n"));
	assert_non_null(strstr(b.s, "\"q\"\"x,y\",5\n"));
	strbuf_free(&b);
	table_free(&t);
	canvas_free(c);
}

static void
test_table_narrow(void **state)
{
	struct data d = {2, {"math", "code"}, {1, 2}};
	struct table t = {.cols = cols, .ncols = 2, .cell = cell, .arg = &d};
	struct canvas *c = new_canvas(9, 3);

	(void)state;
	table_rows(&t, 2);
	table_draw(&t, c, (struct rect){0, 0, 9, 3}, false);
	expect(c, "  name\n› math\n  code\n"); /* the second column has no room */
	table_draw(&t, c, (struct rect){0, 0, 1, 3}, false);
	canvas_clear(c);
	table_draw(&t, c, (struct rect){0, 0, 9, 0}, false);
	table_free(&t);
	canvas_free(c);
}

/* -- form, slider ------------------------------------------------------------------------------------------- */

static const char *const methods[] = {"svf", "lora", NULL};
static const struct form_field fields[] = {
	{FORM_HEADING, NULL, "what", NULL, NULL, 0, 0, NULL, NULL},
	{FORM_CHOICE, "method", "method", "what is trained", NULL, 0, 0, methods, NULL},
	{FORM_INT, "steps", "steps", "how many", NULL, 1, 1000, NULL, "200"},
	{FORM_REAL, "lr", "learning rate", "of Adam", NULL, 1e-6, 1, NULL, "0.002"},
	{FORM_SWITCH, "kl", "KL", "held near the base", NULL, 0, 0, NULL, NULL},
	{FORM_TEXT, "name", "name", "of the run", NULL, 0, 0, NULL, NULL},
};

static void
test_form(void **state)
{
	struct canvas *c = new_canvas(60, 12);
	struct form f = {0};

	(void)state;
	assert_true(form_init(&f, fields, 6));
	assert_int_equal(f.sel, 1); /* a heading is not a place to be */
	assert_true(form_action(&f, A_MORE));
	assert_string_equal(form_value(&f, "method"), "lora");
	assert_int_equal(f.changed, 1);
	form_action(&f, A_UP);
	assert_int_equal(f.sel, 1);
	form_action(&f, A_DOWN);
	form_action(&f, A_MORE);
	assert_true(form_number(&f, "steps") == 210);
	form_action(&f, A_EDIT);
	assert_true(f.editing);
	form_key(&f, 'u' | K_CTRL);
	form_key(&f, '0');
	form_key(&f, K_ENTER);
	assert_true(f.editing); /* out of range: stays */
	assert_non_null(strstr(f.error, "between 1 and 1000"));
	assert_true(form_number(&f, "steps") == 210);
	form_key(&f, K_ESC);
	assert_false(f.editing);
	form_action(&f, A_DOWN);
	form_action(&f, A_LESS);
	assert_true(fabs(form_number(&f, "lr") - 0.001) < 1e-12);
	form_action(&f, A_MORE);
	form_action(&f, A_MORE);
	assert_true(fabs(form_number(&f, "lr") - 0.005) < 1e-12);
	form_action(&f, A_DOWN);
	form_action(&f, A_OPEN);
	assert_true(form_number(&f, "kl") == 1);
	assert_false(form_set(&f, "lr", "nan"));
	assert_false(form_set(&f, "lr", "1e"));
	assert_false(form_set(&f, "steps", "1.5"));
	assert_false(form_set(&f, "method", "x"));
	assert_false(form_set(&f, "nothing", "x"));
	assert_true(form_set(&f, "lr", "0.5"));
	form_draw(&f, c, (struct rect){0, 0, 60, 12}, true);
	assert_true(canvas_find(c, "learning rate"));
	assert_true(canvas_find(c, "[x]"));
	assert_true(canvas_find(c, "‹ lora ›"));
	form_draw(&f, c, (struct rect){0, 0, 20, 3}, true);
	form_draw(&f, c, (struct rect){0, 0, 3, 1}, true);
	form_free(&f);
	canvas_free(c);
}

static void
test_slider(void **state)
{
	struct slider s = {.label = "math",
			   .value = 0,
			   .lo = 0,
			   .hi = 1,
			   .step = 0.1,
			   .mark = NAN,
			   .label_w = 5};
	struct canvas *c = new_canvas(30, 1);
	struct mouse m = {MOUSE_PRESS, 22, 0, 1};
	struct rect r = {0, 0, 30, 1};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(slider_action(&s, A_MORE));
	assert_true(s.value == 3 * 0.1);
	assert_false(slider_action(&s, A_OPEN));
	slider_action(&s, A_BOTTOM);
	assert_false(slider_action(&s, A_MORE)); /* at its end */
	slider_draw(&s, c, r, true, canvas_style(c, TH_GAUGE));
	expect(c, "› math  ━━━━━━━━━━━━━━●  1.00\n");
	m.x = s.x0;
	assert_true(slider_mouse(&s, r, &m));
	assert_true(s.value == 0);
	m.kind = MOUSE_DRAG;
	m.x = 500;
	slider_mouse(&s, r, &m);
	assert_true(s.value == 1);
	assert_false(slider_set(&s, NAN));
	canvas_free(c);
}

/* -- flow --------------------------------------------------------------------------------------------------- */

static void
test_flow(void **state)
{
	struct canvas *c = new_canvas(10, 3);
	struct flow f = {.streaming = true};
	struct rect r = {0, 0, 10, 3};

	(void)state;
	flow_draw(&f, c, r);
	expect(c, "▌\n\n\n");
	flow_add(&f, "one ", 4, 0.5, 0);
	flow_add(&f, "tw\xe6\x97", 4, 0.1, FLOW_DIFFER); /* half a character */
	flow_draw(&f, c, r);
	expect(c, "one tw▌\n\n\n");
	flow_add(&f, "\xa5 three", 7, 0.9, 0);
	flow_draw(&f, c, r);
	assert_true(c->cells[4].attr & ATTR_UNDERLINE);
	assert_true(c->cells[6].attr &
		    ATTR_UNDERLINE); /* the character is its first byte's token's */
	assert_false(c->cells[10].attr & ATTR_UNDERLINE);
	expect(c, "one tw日\nthree▌\n\n");
	flow_add(&f, "\nx\ny\nz", 6, NAN, 0);
	flow_draw(&f, c, r);
	expect(c, "x\ny\nz▌\n"); /* at the end */
	flow_action(&f, A_TOP);
	flow_add(&f, "\nw", 2, NAN, 0);
	flow_draw(&f, c, r);
	expect(c, "one tw日\nthree\nx\n"); /* and held where the reader is */
	flow_action(&f, A_BOTTOM);
	flow_draw(&f, c, r);
	expect(c, "y\nz\nw▌\n");
	flow_clear(&f);
	assert_string_equal(flow_text(&f), "");
	flow_free(&f);
	canvas_free(c);
}

static void
test_flow_random(void **state)
{
	struct canvas *c = new_canvas(12, 4);
	struct flow f = {0};
	struct rng r;
	char s[8];

	(void)state;
	rng_seed(&r, 5, 0, 0);
	for (int i = 0; i < 3000; i++) {
		size_t n = 1 + rng_below(&r, 7);

		for (size_t k = 0; k < n; k++)
			s[k] = (char)(rng_below(&r, 3) ? 'a' + rng_below(&r, 5) - 1
						       : rng_below(&r, 256));
		f.streaming = i & 1;
		flow_add(&f, s, n, rng_uniform(&r), (unsigned)rng_below(&r, 8));
		if (i % 400 == 399)
			flow_clear(&f);
		flow_action(&f, (enum action)(A_UP + rng_below(&r, 8)));
		flow_draw(&f, c, (struct rect){1, 0, 2 + (int)rng_below(&r, 10), 4});
	}
	flow_free(&f);
	canvas_free(c);
}

/* -- gauge, tabs, messages ---------------------------------------------------------------------------------- */

static void
test_gauge(void **state)
{
	char b[32];

	(void)state;
	assert_string_equal(gauge_time(b, sizeof b, 64), "1m04s");
	assert_string_equal(gauge_time(b, sizeof b, 0.041), "41 ms");
	assert_string_equal(gauge_time(b, sizeof b, 3723), "1h02m");
	assert_string_equal(gauge_time(b, sizeof b, NAN), "?");
	assert_string_equal(gauge_number(b, sizeof b, 0.01234), "0.0123");
	assert_false(gauge_rate_means(4, 9438)); /* three tokens after the first */
	assert_false(gauge_rate_means(20, 9438));
	assert_false(gauge_rate_means(20, 0));
	assert_true(gauge_rate_means(61, 9438));
	assert_true(gauge_rate_means(8, 61));
	assert_string_equal(gauge_number(b, sizeof b, 12.345), "12.3");
	assert_string_equal(gauge_number(b, sizeof b, -1234), "-1234");
	assert_string_equal(gauge_number(b, sizeof b, 0.9996), "1.00");
	assert_string_equal(gauge_share(b, sizeof b, 0.98533), "0.985");
	assert_string_equal(gauge_share(b, sizeof b, 0.9994), "0.999");
	assert_string_equal(gauge_share(b, sizeof b, 0.9996), "1.00");
	assert_string_equal(gauge_share(b, sizeof b, 0), "0.000");
	assert_string_equal(gauge_share(b, sizeof b, NAN), "·");
	assert_string_equal(gauge_count(b, sizeof b, 864512), "865k");
	assert_string_equal(gauge_count(b, sizeof b, 999900), "1M");
	assert_string_equal(gauge_count(b, sizeof b, 134.5e6), "134M");
	assert_string_equal(gauge_count(b, sizeof b, 1.24e9), "1.24B");
	assert_string_equal(gauge_bytes(b, sizeof b, 1.44e9), "1.4 GB");
	assert_string_equal(gauge_bytes(b, sizeof b, 17), "17 B");
	assert_string_equal(gauge_interval(b, sizeof b, 0.712, 0.66, 0.75), "0.71 [0.66 0.75]");
}

static void
test_tabs(void **state)
{
	static const char *const names[] = {"map", "curve", "z"};
	struct canvas *c = new_canvas(24, 1);
	struct tabs t = {0};

	(void)state;
	tabs_draw(&t, c, 1, 0, 22, names, 3, 1);
	expect(c, "  map  [curve]  z\n");
	assert_int_equal(tabs_hit(&t, 8, 0), 1);
	assert_int_equal(tabs_hit(&t, 8, 1), -1);
	tabs_draw(&t, c, 1, 0, 8, names, 3, 0);
	assert_int_equal(t.n, 1);
	canvas_free(c);
}

static void
test_messages(void **state)
{
	struct message_log *l = message_log_new();
	char text[32];

	(void)state;
	message_add(l, MESSAGE_INFO, "a");
	message_add(l, MESSAGE_INFO, "a");
	message_add(l, MESSAGE_ERROR, "a");
	assert_int_equal(message_count(l), 2);
	assert_int_equal(message_get(l, 0)->times, 2);
	for (int i = 0; i < 2500; i++) {
		snprintf(text, sizeof text, "%d", i);
		message_add(l, MESSAGE_INFO, text);
	}
	assert_int_equal(message_count(l), 1000);
	assert_string_equal(message_get(l, 999)->text, "2499");
	assert_string_equal(message_get(l, 0)->text, "1500");
	assert_null(message_get(l, 1000));
	message_log_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_editor),
		cmocka_unit_test(test_editor_rows),
		cmocka_unit_test(test_editor_clusters),
		cmocka_unit_test(test_editor_random),
		cmocka_unit_test(test_editor_paste),
		cmocka_unit_test(test_editor_paste_full),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_narrow),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_slider),
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_flow_random),
		cmocka_unit_test(test_gauge),
		cmocka_unit_test(test_tabs),
		cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
