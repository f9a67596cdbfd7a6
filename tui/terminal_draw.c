/* What goes out to the terminal: of each frame the cells that changed, in as few bytes as will do. */
#include "tui/terminal_impl.h"

#include <stdlib.h>
#include <string.h>
#include "tui/rescue.h"

void
terminal_put(struct terminal *t, const char *s)
{
	if (s)
		strbuf_str(&t->out, s);
}

/* Puts a terminfo string through tputs(), which takes out the padding. */
static struct terminal *putting;

static int
put_char(int c)
{
	strbuf_char(&putting->out, (char)c);
	return c;
}

void
terminal_put_cap(struct terminal *t, const char *cap)
{
	if (!cap)
		return;
	putting = t;
	tputs(cap, 1, put_char);
}

void
terminal_send(struct terminal *t)
{
	if (t->out.len)
		rescue_write(t->out.s, t->out.len);
	strbuf_clear(&t->out);
}

/* c is reduced already. */
static void
out_color(struct terminal *t, uint32_t c, bool back)
{
	if (c == COLOR_DEFAULT)
		return; /* after exit_attribute_mode it is */
	if (color_is_rgb(c)) {
		strbuf_printf(&t->out, "\033[%d;2;%u;%u;%um", back ? 48 : 38, c >> 16, c >> 8 & 255,
			      c & 255);
	} else {
		const char *cap = back ? set_a_background : set_a_foreground;

		if (cap)
			terminal_put_cap(t, tparm(cap, (int)(c & 255), 0, 0, 0, 0, 0, 0, 0, 0));
	}
}

/* Of what is not there only the background is seen. */
static bool
shows_nothing(const struct cell *k)
{
	return k->text[0] == ' ' && !k->text[1] && !(k->attr & (ATTR_REVERSE | ATTR_UNDERLINE));
}

static bool
looks_alike(const struct cell *a, const struct cell *b)
{
	if (shows_nothing(a) && shows_nothing(b))
		return a->bg == b->bg && a->width == b->width;
	return a->fg == b->fg && a->bg == b->bg && a->attr == b->attr && a->width == b->width &&
	       !memcmp(a->text, b->text, sizeof a->text);
}

/* The style that the terminal has to be in for this cell; where it is free, what it is in. */
static struct style
style_for(const struct terminal *t, const struct cell *k)
{
	struct style st = {color_reduce(k->fg, t->depth), color_reduce(k->bg, t->depth), k->attr};

	if (t->now_known && shows_nothing(k) && !(t->now.attr & (ATTR_REVERSE | ATTR_UNDERLINE))) {
		st.fg = t->now.fg;
		st.attr = t->now.attr;
	}
	return st;
}

static bool
is_style(const struct terminal *t, const struct style *st)
{
	return t->now_known && st->fg == t->now.fg && st->bg == t->now.bg &&
	       st->attr == t->now.attr;
}

static void
out_style(struct terminal *t, const struct cell *k)
{
	struct style st = style_for(t, k);
	/* only colours change, and none to the terminal's own, which a reset alone brings back */
	bool colors = t->now_known && st.attr == t->now.attr &&
		      (st.fg == t->now.fg || st.fg != COLOR_DEFAULT) &&
		      (st.bg == t->now.bg || st.bg != COLOR_DEFAULT);

	if (is_style(t, &st))
		return;
	if (!colors) {
		terminal_put_cap(t, exit_attribute_mode);
		if (st.attr & ATTR_BOLD)
			terminal_put_cap(t, enter_bold_mode);
		if (st.attr & ATTR_DIM)
			terminal_put_cap(t, enter_dim_mode);
		if (st.attr & ATTR_ITALIC)
			terminal_put_cap(t, enter_italics_mode);
		if (st.attr & ATTR_UNDERLINE)
			terminal_put_cap(t, enter_underline_mode);
		if (st.attr & ATTR_REVERSE)
			terminal_put_cap(t, enter_reverse_mode);
	}
	if (!colors || st.fg != t->now.fg)
		out_color(t, st.fg, false);
	if (!colors || st.bg != t->now.bg)
		out_color(t, st.bg, true);
	t->now = st;
	t->now_known = true;
}

/* Terminals disagree about the width of all but the plainest characters: after such a one the cursor is placed anew. */
static bool
plain_width(const struct cell *k)
{
	return !(k->text[0] & 0x80) || (!k->text[3] && k->width == 1);
}

/* The cursor from `at` (-1: who knows) to x in this row: over a few cells that stay as they are by writing them again, where
 * that is shorter than any other way. */
static void
out_move(struct terminal *t, const struct cell *row, int y, int at, int x)
{
	enum { SHORT = 5 }; /* bytes of the shortest other way */
	size_t bytes = 0;

	for (int i = at; i >= 0 && i < x && bytes <= SHORT; i++) {
		struct style st = style_for(t, &row[i]);

		bytes += !plain_width(&row[i]) || row[i].width != 1 || !is_style(t, &st)
				 ? SHORT + 1
				 : strnlen(row[i].text, sizeof row[i].text);
	}
	if (at >= 0 && bytes <= SHORT) {
		for (int i = at; i < x; i++)
			strbuf_add(&t->out, row[i].text, strnlen(row[i].text, sizeof row[i].text));
	} else if (at >= 0 && parm_right_cursor) {
		terminal_put_cap(t, tparm(parm_right_cursor, x - at, 0, 0, 0, 0, 0, 0, 0, 0));
	} else {
		terminal_put_cap(t, tparm(cursor_address, y, x, 0, 0, 0, 0, 0, 0, 0));
	}
}

bool
terminal_flush(struct terminal *t, const struct canvas *c)
{
	size_t n = (size_t)c->w * (size_t)c->h;
	bool changed = t->all;

	if (t->eof)
		return false;
	if (!t->front || t->w != c->w || t->h != c->h) {
		struct cell *front = calloc(n, sizeof *front);

		if (!front)
			return true; /* the old picture stays */
		free(t->front);
		t->front = front;
		t->w = c->w;
		t->h = c->h;
		t->all = changed = true;
	}
	if (t->has_mouse) /* xterm's kin: a synchronised update, where it is known */
		terminal_put(t, "\033[?2026h");
	if (t->all) {
		memset(t->front, 0, n * sizeof *t->front);
		terminal_put_cap(t, exit_attribute_mode);
		terminal_put_cap(t, clear_screen);
		t->now_known = false;
		t->all = false;
	}
	for (int y = 0; y < c->h; y++) {
		int at = -1;

		for (int x = 0; x < c->w; x++) {
			const struct cell *k = &c->cells[(size_t)y * (size_t)c->w + (size_t)x];
			struct cell *f = &t->front[(size_t)y * (size_t)c->w + (size_t)x];

			if (looks_alike(k, f))
				continue;
			*f = *k;
			changed = true;
			if (!k->width)
				continue;
			/* The last cell of the screen would scroll some terminals. */
			if (y == c->h - 1 && x == c->w - 1 && auto_right_margin &&
			    !eat_newline_glitch)
				continue;
			if (at != x)
				out_move(t, &c->cells[(size_t)y * (size_t)c->w], y, at, x);
			out_style(t, k);
			strbuf_add(&t->out, k->text, strnlen(k->text, sizeof k->text));
			at = plain_width(k) ? x + k->width : -1;
		}
	}
	if (!changed && c->cursor_x == t->cursor_x && c->cursor_y == t->cursor_y) {
		strbuf_clear(&t->out); /* nothing moves: nothing is written */
		return true;
	}
	t->cursor_x = c->cursor_x;
	t->cursor_y = c->cursor_y;
	if (c->cursor_x >= 0 && c->cursor_x < c->w && c->cursor_y >= 0 && c->cursor_y < c->h) {
		terminal_put_cap(
			t, tparm(cursor_address, c->cursor_y, c->cursor_x, 0, 0, 0, 0, 0, 0, 0));
		terminal_put_cap(t, cursor_normal);
	} else {
		terminal_put_cap(t, cursor_invisible);
	}
	if (t->has_mouse)
		terminal_put(t, "\033[?2026l");
	terminal_send(t);
	return !t->eof;
}
