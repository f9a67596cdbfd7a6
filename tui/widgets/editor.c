#include "tui/widgets/editor.h"

#include <string.h>
#include "tui/event.h"
#include "tui/utf8.h"

const char *
editor_text(const struct editor *e)
{
	return e->text.s ? e->text.s : "";
}

void
editor_set(struct editor *e, const char *text)
{
	strbuf_clear(&e->text);
	strbuf_str(&e->text, text ? text : "");
	e->pos = e->text.len;
	e->scroll = 0;
}

void
editor_free(struct editor *e)
{
	strbuf_free(&e->text);
	e->pos = 0;
}

/* What was put in or taken out may have joined with its neighbours (flags pair anew, an accent finds another letter): the
 * cursor goes behind the cluster that it would stand in. */
static void
to_border(struct editor *e)
{
	const char *s = editor_text(e);
	size_t i = e->pos;

	while (i > 0 && s[i - 1] != '\n')
		i--;
	while (i < e->pos)
		i = utf8_after(s, e->text.len, i);
	e->pos = i;
}

static bool
insert(struct editor *e, const char *s, size_t n)
{
	size_t tail = e->text.len - e->pos;

	if (!n || e->text.len + n > EDITOR_MAX)
		return false;
	strbuf_add(&e->text, s, n); /* makes room; then the tail moves behind it */
	if (e->text.failed) {
		e->text.failed = false;
		return false;
	}
	memmove(e->text.s + e->pos + n, e->text.s + e->pos, tail);
	memcpy(e->text.s + e->pos, s, n);
	e->pos += n;
	return true;
}

static enum editor_result
erase(struct editor *e, size_t from, size_t to)
{
	if (from >= to)
		return EDITOR_MOVED;
	memmove(e->text.s + from, e->text.s + to, e->text.len - to + 1);
	e->text.len -= to - from;
	e->pos = from;
	to_border(e);
	return EDITOR_CHANGED;
}

static size_t
line_start(const struct editor *e)
{
	size_t i = e->pos;

	while (i > 0 && e->text.s[i - 1] != '\n')
		i--;
	return i;
}

static size_t
line_end(const struct editor *e)
{
	size_t i = e->pos;

	while (i < e->text.len && e->text.s[i] != '\n')
		i++;
	return i;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t';
}

static size_t
word_back(const struct editor *e)
{
	size_t i = e->pos;

	while (i > 0 && is_blank(e->text.s[i - 1]))
		i--;
	while (i > 0 && !is_blank(e->text.s[i - 1]))
		i--;
	return i;
}

static size_t
word_on(const struct editor *e)
{
	size_t i = e->pos;

	while (i < e->text.len && is_blank(e->text.s[i]))
		i++;
	while (i < e->text.len && !is_blank(e->text.s[i]))
		i++;
	return i;
}

/* Row and column of a position in the wrapped text. */
static void
place(const struct editor *e, int width, size_t pos, int *row, int *col)
{
	const char *s = editor_text(e);
	size_t n = e->text.len, next, len;

	*row = 0;
	for (size_t i = 0;; i += next, ++*row) {
		if (i >= n) {
			*col = 0;
			return;
		}
		len = utf8_line(s + i, n - i, width, &next);
		if (pos <= i + len && (pos < i + next || (i + next >= n && s[n - 1] != '\n') ||
				       (pos == i + len && next > len))) {
			*col = utf8_width(s + i, pos - i);
			return;
		}
		if (pos < i + next) { /* on the space the line broke at */
			*col = utf8_width(s + i, len);
			return;
		}
	}
}

static size_t
position(const struct editor *e, int width, int row, int col)
{
	const char *s = editor_text(e);
	size_t n = e->text.len, next = 0, i = 0, len;

	if (row < 0)
		return 0;
	for (; i < n && row > 0; row--) {
		utf8_line(s + i, n - i, width, &next);
		i += next;
	}
	if (i >= n)
		return n;
	len = utf8_line(s + i, n - i, width, &next);
	return i + utf8_fit(s + i, len, col, NULL);
}

int
editor_rows(const struct editor *e, int width)
{
	int row, col;

	if (e->single || width < 2)
		return 1;
	place(e, width, e->text.len, &row, &col);
	return row + 1;
}

static enum editor_result
move_rows(struct editor *e, int by)
{
	int row, col, width = e->width > 2 ? e->width : 80;

	place(e, width, e->pos, &row, &col);
	if (row + by < 0 || (by > 0 && row + 1 >= editor_rows(e, width)))
		return EDITOR_MOVED;
	e->pos = position(e, width, row + by, col);
	return EDITOR_MOVED;
}

static enum editor_result
move_to(struct editor *e, size_t pos)
{
	e->pos = pos;
	to_border(e);
	return EDITOR_MOVED;
}

enum editor_result
editor_key(struct editor *e, int key)
{
	const char *s;
	size_t n = e->text.len;
	char u[4];
	int k;

	strbuf_add(&e->text, "", 0); /* from here on there is a string */
	s = editor_text(e);
	switch (key) {
	case K_ESC:
		return EDITOR_CANCEL;
	case K_ENTER:
		return EDITOR_ACCEPT;
	case '\n':
	case K_ENTER | K_ALT:
		if (e->single)
			return EDITOR_ACCEPT;
		return insert(e, "\n", 1) ? EDITOR_CHANGED : EDITOR_MOVED;
	case K_LEFT:
	case 'b' | K_CTRL:
		return move_to(e, utf8_before(s, n, e->pos));
	case K_RIGHT:
	case 'f' | K_CTRL:
		return move_to(e, utf8_after(s, n, e->pos));
	case K_LEFT | K_CTRL:
	case K_LEFT | K_ALT:
	case 'b' | K_ALT:
		return move_to(e, word_back(e));
	case K_RIGHT | K_CTRL:
	case K_RIGHT | K_ALT:
	case 'f' | K_ALT:
		return move_to(e, word_on(e));
	case K_HOME:
	case 'a' | K_CTRL:
		return move_to(e, line_start(e));
	case K_END:
	case 'e' | K_CTRL:
		return move_to(e, line_end(e));
	case K_UP:
		return e->single ? EDITOR_IGNORED : move_rows(e, -1);
	case K_DOWN:
		return e->single ? EDITOR_IGNORED : move_rows(e, 1);
	case K_BACKSPACE:
		return erase(e, utf8_before(s, n, e->pos), e->pos);
	case K_DELETE:
	case 'd' | K_CTRL:
		return erase(e, e->pos, utf8_after(s, n, e->pos));
	case 'w' | K_CTRL:
	case K_BACKSPACE | K_ALT:
		return erase(e, word_back(e), e->pos);
	case 'u' | K_CTRL:
		return erase(e, line_start(e), e->pos);
	case 'k' | K_CTRL: {
		size_t end = line_end(e);

		if (end == e->pos && end < n)
			end++;
		return erase(e, e->pos, end);
	}
	default:
		if (!key_char(key))
			return EDITOR_IGNORED;
		k = glyph_put(key, u);
		if (!insert(e, u, (size_t)k))
			return EDITOR_MOVED;
		to_border(e);
		return EDITOR_CHANGED;
	}
}

/* How much of it fits into room bytes without cutting a character. */
static size_t
fitting(const char *s, size_t n, size_t room)
{
	size_t start, cut = room;

	if (n <= room)
		return n;
	while (cut > 0 && ((unsigned char)s[cut] & 0xc0) == 0x80)
		cut--;
	if (!cut)
		return 0;
	start = utf8_before(s, n, cut);
	return utf8_after(s, n, start) > cut ? start : cut;
}

size_t
editor_paste(struct editor *e, const char *text)
{
	struct strbuf b = {0};
	size_t n = 0, all;

	strbuf_add(&e->text, "", 0);
	for (const char *s = text; *s; s++) {
		char ch = *s;

		if (ch == '\n' && e->single)
			ch = ' ';
		/* Other control characters would only show as pictures. */
		if ((unsigned char)ch >= 0x20 || ch == '\n' || ch == '\t')
			strbuf_char(&b, ch);
	}
	all = b.len;
	if (all && !b.failed) {
		n = fitting(b.s, all, EDITOR_MAX - e->text.len);
		if (!insert(e, b.s, n))
			n = 0;
		to_border(e);
	}
	strbuf_free(&b);
	return all - n;
}

bool
editor_click(struct editor *e, struct rect r, int x, int y)
{
	if (!rect_has(r, x, y))
		return false;
	if (e->single) {
		e->pos = utf8_fit(editor_text(e), e->text.len, x - r.x + e->scroll, NULL);
		return true;
	}
	e->pos = position(e, r.w > 2 ? r.w : 2, y - r.y + e->scroll, x - r.x);
	return true;
}

static void
draw_single(struct editor *e, struct canvas *c, struct rect r, struct style st)
{
	const char *s = editor_text(e);
	int col = utf8_width(s, e->pos), used;
	size_t skip;

	if (col - e->scroll >= r.w)
		e->scroll = col - r.w + 1;
	if (col < e->scroll)
		e->scroll = col;
	skip = utf8_fit(s, e->text.len, e->scroll, &used);
	if (col - used >= r.w) { /* a wide character lies across the edge */
		size_t after = utf8_after(s, e->text.len, skip);

		used += utf8_width(s + skip, after - skip);
		skip = after;
	}
	/* No ellipsis while it is typed: the cursor shows that there is more. */
	canvas_textn(c, r.x, r.y, r.w, st, s + skip,
		     utf8_fit(s + skip, e->text.len - skip, r.w, NULL));
	c->cursor_x = r.x + col - used;
	c->cursor_y = r.y;
}

void
editor_draw(struct editor *e, struct canvas *c, struct rect r, bool edit)
{
	struct style st = canvas_style(c, edit ? TH_FIELD_EDIT : TH_FIELD);
	const char *s = editor_text(e);
	size_t n = e->text.len, next;
	int row, col, line = 0;

	if (r.w < 2 || r.h < 1)
		return;
	e->width = r.w;
	canvas_fill(c, r, st);
	if (e->single) {
		if (edit)
			draw_single(e, c, r, st);
		else
			canvas_text(c, r.x, r.y, r.w, st, s);
		return;
	}
	place(e, r.w, e->pos, &row, &col);
	if (row - e->scroll >= r.h)
		e->scroll = row - r.h + 1;
	if (row < e->scroll)
		e->scroll = row;
	for (size_t i = 0; i < n; i += next, line++) {
		size_t len = utf8_line(s + i, n - i, r.w, &next);

		if (line >= e->scroll && line - e->scroll < r.h)
			canvas_textn(c, r.x, r.y + line - e->scroll, r.w, st, s + i, len);
	}
	if (edit) {
		c->cursor_x = r.x + (col < r.w ? col : r.w - 1);
		c->cursor_y = r.y + row - e->scroll;
	}
}
