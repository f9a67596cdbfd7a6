/* Text to cells: clusters and widths, clipping, what must never reach a terminal, bars and boxes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "engine/base/rng.h"
#include "engine/base/strbuf.h"
#include "tui/canvas.h"
#include "tui/utf8.h"

static struct theme theme;

static struct canvas *
new_canvas(int w, int h, enum glyph_level g)
{
	struct canvas *c = canvas_new(w, h);

	assert_non_null(c);
	theme_builtin(&theme, THEME_DARK);
	c->theme = &theme;
	c->glyphs = g;
	canvas_clear(c);
	return c;
}

static void
expect(const struct canvas *c, const char *want)
{
	struct strbuf b = {0};

	canvas_dump(c, canvas_rect(c), &b);
	assert_string_equal(b.s, want);
	strbuf_free(&b);
}

static void
test_widths(void **state)
{
	static const struct {
		const char *s;
		int width;
	} t[] = {
		{"", 0},
		{"abc", 3},
		{"é", 1},
		{"e\xcc\x81", 1},
		{"日本語", 6},
		{"ｱ", 1},
		{"한국", 4},
		{"😀", 2},
		{"👩‍👩‍👧", 2},
		{"👍🏽", 2},
		{"❤️", 1},
		{"🇩🇪", 2},
		{"σ·z", 3},
		{"a\xe2\x80\x8b"
		 "b",
		 2},
		{"\xe2\x80\xae"
		 "abc",
		 3},
		{"नमस्ते", 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (utf8_width_str(t[i].s) != t[i].width)
			fail_msg("\"%s\": %d, not %d", t[i].s, utf8_width_str(t[i].s), t[i].width);
}

static void
test_hostile(void **state)
{
	struct glyph g;

	(void)state;
	utf8_glyph("\033[31m", 5, &g);
	assert_string_equal(g.text, "␛");
	utf8_glyph("\x7f", 1, &g);
	assert_string_equal(g.text, "␡");
	utf8_glyph("\xc2\x9b"
		   "31m",
		   5, &g); /* CSI as one C1 character */
	assert_string_equal(g.text, "�");
	assert_int_equal(utf8_glyph("\xff", 1, &g), 1);
	assert_string_equal(g.text, "�");
	assert_int_equal(utf8_glyph("\xe2\x82", 2, &g), 1); /* cut off */
	assert_string_equal(g.text, "�");
	utf8_glyph("\xed\xa0\x80", 3, &g); /* a surrogate */
	assert_string_equal(g.text, "�");
	utf8_glyph("\xe2\x80\xae", 3, &g); /* right-to-left override */
	assert_int_equal(g.width, 0);
	utf8_glyph("\t", 1, &g);
	assert_string_equal(g.text, " ");
}

/* Whatever the bytes, what lands in cells is printable UTF-8, and never a control character. */
static void
test_random_bytes(void **state)
{
	struct canvas *c = new_canvas(40, 3, GLYPHS_BRAILLE);
	struct rng r;
	char s[64];

	(void)state;
	rng_seed(&r, 7, 0, 0);
	for (int i = 0; i < 20000; i++) {
		size_t n = 1 + rng_below(&r, 60);

		for (size_t k = 0; k < n; k++) {
			unsigned pick = (unsigned)rng_below(&r, 4);

			s[k] = (char)(pick == 0	  ? rng_below(&r, 32)
				      : pick == 1 ? 0xe0 + rng_below(&r, 32)
						  : rng_below(&r, 256));
		}
		canvas_textn(c, (int)rng_below(&r, 50) - 5, 1, (int)rng_below(&r, 45),
			     canvas_style(c, TH_TEXT), s, n);
		for (int x = 0; x < 40; x++) {
			const struct cell *k = &c->cells[40 + x];
			size_t len = strnlen(k->text, sizeof k->text), at = 0;
			struct glyph g;

			if (!k->width) {
				assert_true(x > 0 && k[-1].width == 2);
				continue;
			}
			assert_true(len > 0);
			for (; at < len; at++)
				assert_true((unsigned char)k->text[at] >= 0x20 &&
					    k->text[at] != 0x7f);
			assert_int_equal(utf8_glyph(k->text, len, &g), len);
			assert_int_equal(g.width, k->width);
			assert_true(k->width == 1 || (x + 1 < 40 && k[1].width == 0));
		}
	}
	canvas_free(c);
}

static void
test_truncation(void **state)
{
	struct canvas *c = new_canvas(12, 1, GLYPHS_BRAILLE);
	struct style st = canvas_style(c, TH_TEXT);

	(void)state;
	assert_int_equal(canvas_text(c, 0, 0, 6, st, "abcdefgh"), 6);
	expect(c, "abcde…\n");
	canvas_clear(c);
	assert_int_equal(canvas_text(c, 0, 0, 5, st, "日本語"), 5);
	expect(c, "日本…\n");
	canvas_clear(c);
	assert_int_equal(canvas_text(c, 0, 0, 4, st, "日本語"), 3); /* no half characters */
	expect(c, "日…\n");
	canvas_clear(c);
	canvas_right(c, 0, 0, 12, st, "right");
	expect(c, "       right\n");
	canvas_clear(c);
	canvas_text(c, 10, 0, 12, st, "日本"); /* the canvas ends in the middle of one */
	expect(c, "          日\n");
	canvas_clear(c);
	canvas_text(c, 11, 0, 12, st, "日");
	expect(c, "\n");
	canvas_free(c);
}

static void
test_overwriting_halves(void **state)
{
	struct canvas *c = new_canvas(6, 1, GLYPHS_BRAILLE);
	struct style st = canvas_style(c, TH_TEXT);

	(void)state;
	canvas_text(c, 0, 0, 6, st, "日本語");
	canvas_text(c, 1, 0, 1, st, "x");
	expect(c, " x本語\n");
	canvas_text(c, 2, 0, 1, st, "y");
	expect(c, " xy 語\n");
	canvas_text(c, 3, 0, 2, st, "日");
	expect(c, " xy日\n");
	canvas_free(c);
}

static void
test_clip(void **state)
{
	struct canvas *c = new_canvas(8, 3, GLYPHS_BRAILLE);
	struct style st = canvas_style(c, TH_TEXT);
	struct rect old = canvas_clip(c, (struct rect){2, 1, 3, 1});

	(void)state;
	canvas_text(c, 0, 1, 8, st, "abcdefgh");
	canvas_text(c, 0, 0, 8, st, "abcdefgh");
	canvas_fill(c, (struct rect){-5, -5, 100, 3}, st);
	canvas_unclip(c, old);
	expect(c, "\n  cde\n\n");
	canvas_free(c);
}

static void
test_wrap(void **state)
{
	struct canvas *c = new_canvas(10, 4, GLYPHS_BRAILLE);

	(void)state;
	assert_int_equal(canvas_wrap(c, (struct rect){0, 0, 10, 4}, canvas_style(c, TH_TEXT),
				     "one two three\nfour abcdefghijklmn", 0),
			 5);
	expect(c, "one two\nthree\nfour\nabcdefghij\n");
	canvas_clear(c);
	canvas_wrap(c, (struct rect){0, 0, 10, 4}, canvas_style(c, TH_TEXT), "日本語日本語 x", 0);
	expect(c, "日本語日本\n語 x\n\n\n");
	canvas_free(c);
}

static void
test_boxes_join(void **state)
{
	struct canvas *c = new_canvas(8, 5, GLYPHS_BRAILLE);
	struct style st = canvas_style(c, TH_TEXT);

	(void)state;
	canvas_box(c, (struct rect){0, 0, 8, 3}, st);
	canvas_box(c, (struct rect){0, 2, 8, 3}, st);
	canvas_vline(c, 3, 0, 5, st);
	expect(c, "╭──┬───╮\n│  │   │\n├──┼───┤\n│  │   │\n╰──┴───╯\n");
	c->glyphs = GLYPHS_ASCII;
	canvas_clear(c);
	canvas_box(c, (struct rect){0, 0, 4, 3}, st);
	expect(c, "+--+\n|  |\n+--+\n\n\n");
	canvas_free(c);
}

static void
test_ascii(void **state)
{
	struct canvas *c = new_canvas(24, 1, GLYPHS_ASCII);

	(void)state;
	canvas_text(c, 0, 0, 24, canvas_style(c, TH_TEXT), "σ·z ×2 → naïve 日 “ok” ⠿");
	expect(c, "s.z x2 > naive ?  \"ok\" *\n");
	canvas_free(c);
}

static void
test_bars(void **state)
{
	struct canvas *c = new_canvas(10, 3, GLYPHS_BRAILLE);
	struct style st = canvas_style(c, TH_GAUGE);
	double v[] = {0, 1, NAN, 2, 4};

	(void)state;
	canvas_hbar(c, 0, 0, 10, 0.25, st);
	canvas_spark(c, 0, 1, 10, st, v, 5, 0, 0);
	canvas_vbar(c, 9, 0, 3, 0.5, st);
	expect(c, "██▌\n▁▃ ▅█    ▄\n         █\n");
	canvas_clear(c);
	canvas_hbar(c, 0, 0, 10, 7, st); /* clamped */
	canvas_hbar(c, 0, 1, 10, NAN, st);
	canvas_hbar(c, 0, 2, 10, -3, st);
	expect(c, "██████████\n\n\n");
	canvas_free(c);
}

static void
test_svg(void **state)
{
	struct canvas *c = new_canvas(6, 1, GLYPHS_BRAILLE);
	struct strbuf b = {0};

	(void)state;
	canvas_text(c, 0, 0, 6, canvas_style(c, TH_BAD), "<&>█⠿");
	canvas_svg(c, canvas_rect(c), &b);
	assert_non_null(strstr(b.s, "&lt;"));
	assert_non_null(strstr(b.s, "&amp;"));
	assert_null(strstr(b.s, "█"));
	assert_non_null(strstr(b.s, "</svg>"));
	strbuf_free(&b);
	canvas_free(c);
}

static void
test_kept_colours(void **state)
{
	struct canvas *c = new_canvas(4, 1, GLYPHS_BRAILLE);
	struct style sel = canvas_style(c, TH_SELECT), text = canvas_style(c, TH_TEXT);

	(void)state;
	canvas_fill(c, (struct rect){0, 0, 4, 1}, sel);
	canvas_text(c, 0, 0, 4, text, "ab");
	assert_int_equal(c->cells[0].bg, sel.bg);
	assert_int_equal(c->cells[0].fg, text.fg);
	canvas_free(c);
}

static void
test_sizes(void **state)
{
	struct canvas *c = new_canvas(4, 4, GLYPHS_BRAILLE);

	(void)state;
	assert_false(canvas_resize(c, 0, 4));
	assert_false(canvas_resize(c, 4, -1));
	assert_false(canvas_resize(c, 1 << 20, 1 << 20));
	assert_int_equal(c->w, 4);
	assert_true(canvas_resize(c, 1, 1));
	canvas_clear(c);
	canvas_box(c, (struct rect){0, 0, 1, 1}, canvas_style(c, TH_TEXT));
	canvas_box(c, (struct rect){-3, -3, 9, 9}, canvas_style(c, TH_TEXT));
	expect(c, "\n");
	canvas_free(c);
}

/* Text without spaces breaks between wide characters, but not before what closes and not behind what opens. */
static void
test_wide_lines(void **state)
{
	static const struct {
		const char *s, *first;
		int cols;
	} t[] = {
		{"答えは七です", "答えは", 7},
		{"Answer: 日本語です", "Answer: 日", 11},
		{"答えは七。です", "答えは", 8},
		{"答え「七」です", "答え", 7},
		{"日本語 abc", "日本語", 8},
		{"abc日本語", "abc", 4},
		{"abcdef日", "abcd", 4},
		{"👩‍👩‍👧👍🏽😀", "👩‍👩‍👧👍🏽", 5},
		{"ab cd", "ab", 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		size_t next, len = utf8_line(t[i].s, strlen(t[i].s), t[i].cols, &next);

		if (len != strlen(t[i].first) || memcmp(t[i].s, t[i].first, len))
			fail_msg("\"%s\" in %d: \"%.*s\", not \"%s\"", t[i].s, t[i].cols, (int)len,
				 t[i].s, t[i].first);
	}
}

static void
test_editing_borders(void **state)
{
	const char *s = "a日e\xcc\x81\n👩‍👩‍👧z";
	size_t n = strlen(s), p = 0, fwd[8], k = 0;

	(void)state;
	while (p < n) {
		p = utf8_after(s, n, p);
		assert_in_range(k, 0, 7);
		fwd[k++] = p;
	}
	assert_int_equal(k, 6);
	while (k-- > 0) { /* backwards by the same steps */
		assert_int_equal(p, fwd[k]);
		p = utf8_before(s, n, p);
	}
	assert_int_equal(p, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_wide_lines),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_overwriting_halves),
		cmocka_unit_test(test_clip),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_boxes_join),
		cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_bars),
		cmocka_unit_test(test_svg),
		cmocka_unit_test(test_kept_colours),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_editing_borders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
