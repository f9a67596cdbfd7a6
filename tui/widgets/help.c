/* Help (?): the keys that hold for the focused pane; letters search. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tui/app_state.h"
#include "tui/utf8.h"
#include "tui/widgets/editor.h"

struct help {
	struct editor e;
	int top, lines, rows;
	bool search; /* after '/': q is a letter even as the first */
};

/* What is in no table of bindings: it cannot be given other keys. */
static const struct {
	const char *scope, *keys, *help;
} always[] = {
	{"signs everywhere", "▸  ›  ●", "the focused pane; the selected row; a marked one"},
	{"signs everywhere", "·  …", "not known yet; cut, for there is more"},
	{"always", "Esc", "back: leaves field, filter, zoom; cancels its job"},
	{"always", "Ctrl-c", "cancels this view's job"},
	{"always", "click", "focuses and selects, a second one opens"},
	{"always", "wheel, drag", "scrolls; moves sliders and borders between panes"},
	{"always", "Shift and drag", "the terminal's own selection"},
	{"in a text field", "Enter", "accepts; Esc leaves"},
	{"in a text field", "Alt-Enter Ctrl-j", "breaks the line"},
	{"in a text field", "Ctrl-a, Ctrl-e", "to the beginning, the end of the line"},
	{"in a text field", "Alt-b, Alt-f", "a word back, a word on"},
	{"in a text field", "Ctrl-w", "deletes the word before"},
	{"in a text field", "Ctrl-u, Ctrl-k", "deletes to the beginning, the end of the line"},
	{"in : and /", "Up, Down", "what was given before; in : also Ctrl-p, Ctrl-n"},
	{"in : and /", "Tab", "completes the command, then what follows it"},
	{"in this help", "letters", "search names, keys and words"},
	{"in this help", "/", "the same, for words that begin with q"},
};

/* An entry from this row on (counted from the top of the text, before scrolling), as many lines as its words need; returns
 * the row behind it.  keys NULL: a heading. */
static int
entry_draw(struct canvas *c, struct rect r, int row, const char *keys, const char *help,
	   const char *name)
{
	enum { KEYS_W = 16, HELP_X = KEYS_W + 2 };
	int named = utf8_width_str(name), y = r.y + row;
	struct rect text = {r.x + HELP_X, y, r.w - HELP_X - named - (named > 0), 0};

	if (!keys) {
		canvas_text(c, r.x, y, r.w, canvas_style(c, TH_TITLE), help);
		return row + 1;
	}
	canvas_text(c, r.x + 1, y, r.w - 1, canvas_style(c, TH_KEY), keys);
	if (utf8_width_str(keys) > KEYS_W)
		text.y++;
	text.h = canvas_wrap(c, (struct rect){0, 0, text.w, 0}, canvas_style(c, TH_TEXT), help, 0);
	canvas_wrap(c, text, canvas_style(c, TH_TEXT), help, 0);
	canvas_right(c, r.x + r.w - named, text.y, named, canvas_style(c, TH_DIM), name);
	return text.y + text.h - r.y;
}

/* Every word of the search is in the name, the explanation or the keys. */
static bool
found(const char *filter, const char *name, const char *help, const char *keys)
{
	while (*filter) {
		size_t n = strcspn(filter, " ");
		char word[64];

		snprintf(word, sizeof word, "%.*s", (int)n, filter);
		if (n && !strcasestr(name, word) && !strcasestr(help, word) &&
		    !strcasestr(keys, word))
			return false;
		filter += n + (filter[n] == ' ');
	}
	return true;
}

/* What the view's signs say, from this row on; returns the row behind them. */
static int
signs_draw(struct canvas *c, struct rect r, int row, const struct view_ops *ops, const char *filter,
	   bool gap)
{
	bool heading = false;

	for (int i = 0; i < ops->nsigns; i++) {
		const struct view_sign *k = &ops->signs[i];
		const char *help = k->help ? k->help : k->means;

		if (!found(filter, k->means, help, k->sign))
			continue;
		if (!heading)
			row = entry_draw(c, r, row + gap, NULL, "signs", "");
		heading = true;
		row = entry_draw(c, r, row, k->sign, help, "");
	}
	return row;
}

/* What the command does, and for a common one what that is here and now. */
static const char *
words_of(struct view *v, const struct binding *b, char buf[120])
{
	const char *now = v->opened && v->ops->says && b->action != A_NONE && !b->run
				  ? v->ops->says(v, v->state, v->focus, b->action)
				  : NULL;

	if (!now || !*now)
		return b->help;
	snprintf(buf, 120, "%s: %s", b->help, now);
	return buf;
}

static void
help_draw(struct app *a, void *state, struct canvas *c)
{
	struct help *h = state;
	struct view *v = app_view(a);
	const char *filter = editor_text(&h->e);
	struct binding_set sets[3];
	int w = c->w - 6 < 84 ? c->w - 6 : 84, n = app_bindings(v, sets), line = 0;
	struct rect r = {(c->w - w) / 2, 1, w, c->h - 3}, in, old;
	struct style border = canvas_style(c, TH_POPUP_BORDER);
	const char *scope = NULL;
	unsigned can = view_can(v);
	char keys[64], help[120];

	canvas_fill(c, r, canvas_style(c, TH_POPUP));
	canvas_box(c, r, border);
	canvas_printf(c, r.x + 2, r.y, r.w - 4, border, " help: %s, %s ", v->ops->name,
		      v->opened ? v->ops->panes[v->focus].name : "");
	canvas_text(c, r.x + 2, r.y + 1, 9, canvas_style(c, TH_DIM), "search");
	editor_draw(&h->e, c, (struct rect){r.x + 10, r.y + 1, r.w - 12, 1}, true);
	in = (struct rect){r.x + 2, r.y + 3, r.w - 4, r.h - 4};
	h->rows = in.h;
	if (h->top > h->lines - in.h)
		h->top = h->lines - in.h;
	if (h->top < 0)
		h->top = 0;
	old = canvas_clip(c, in);
	for (int i = 0; i < n; i++) {
		bool heading = false;

		if (i == n - 2) /* behind the view's own keys */
			line = h->top + signs_draw(c, in, line - h->top, v->ops, filter, line > 0);
		for (int j = 0; j < sets[i].n; j++) {
			const struct binding *b = &sets[i].rows[j];

			binding_keys(b, keys);
			if (b->flags & BIND_HIDDEN || !binding_holds(b, v->focus, can) ||
			    !found(filter, b->name, b->help, keys))
				continue;
			if (!heading) {
				line += line > 0;
				line = h->top +
				       entry_draw(c, in, line - h->top, NULL, sets[i].scope, "");
				heading = true;
			}
			line = h->top + entry_draw(c, in, line - h->top,
						   keys[0] ? keys : KEYS(v, "by {palette} only"),
						   words_of(v, b, help), b->name);
		}
	}
	for (size_t i = 0; i < sizeof always / sizeof *always; i++) {
		if (!found(filter, "", always[i].help, always[i].keys))
			continue;
		if (always[i].scope != scope) {
			line += line > 0;
			line = h->top + entry_draw(c, in, line - h->top, NULL, always[i].scope, "");
			scope = always[i].scope;
		}
		line = h->top +
		       entry_draw(c, in, line - h->top, always[i].keys, always[i].help, "");
	}
	if (!line)
		entry_draw(c, in, 0, NULL, "nothing here is called that", "");
	canvas_unclip(c, old);
	h->lines = line;
	if (line > in.h)
		canvas_printf(c, r.x + r.w - 16, r.y + r.h - 1, 14, border, " %d%% ",
			      100 * (h->top + in.h < line ? h->top + in.h : line) / line);
}

static bool
help_key(struct app *a, void *state, int key)
{
	struct help *h = state;

	/* The key that opened it closes it, but in a search it is a letter. */
	if (binding_has_key(app_command(app_view(a), "help"), key) &&
	    (!h->e.text.len || !key_char(key)))
		return false;
	switch (key) {
	case K_UP:
		h->top--;
		return true;
	case K_DOWN:
		h->top++;
		return true;
	case K_PAGE_UP:
		h->top -= h->rows - 1;
		return true;
	case K_PAGE_DOWN:
		h->top += h->rows - 1;
		return true;
	case 'c' | K_CTRL:
		return false;
	case 'q':
		if (!h->e.text.len && !h->search)
			return false;
		break;
	case '/':
		if (h->e.text.len)
			break;
		h->search = true;
		return true;
	default:
		break;
	}
	switch (editor_key(&h->e, key)) {
	case EDITOR_CHANGED:
		h->top = 0;
		return true;
	case EDITOR_ACCEPT:
		return false;
	case EDITOR_CANCEL: /* first the search, then the help */
		if (!h->e.text.len && !h->search)
			return false;
		h->search = false;
		editor_set(&h->e, "");
		return true;
	default:
		return true;
	}
}

static bool
help_mouse(struct app *a, void *state, const struct mouse *m)
{
	struct help *h = state;

	(void)a;
	if (m->kind == MOUSE_WHEEL_UP)
		h->top -= 3;
	else if (m->kind == MOUSE_WHEEL_DOWN)
		h->top += 3;
	else if (m->kind == MOUSE_PRESS)
		return false;
	return true;
}

static void
help_close(void *state)
{
	struct help *h = state;

	editor_free(&h->e);
	free(h);
}

static const struct overlay_ops help_ops = {.draw = help_draw,
					    .key = help_key,
					    .mouse = help_mouse,
					    .close = help_close,
					    .hint = "Esc close  PgDn more  a-z search"};

void
help_open(struct app *a)
{
	struct help *h = calloc(1, sizeof *h);

	if (!h) {
		app_error(a, "out of memory");
		return;
	}
	h->e.single = true;
	editor_set(&h->e, "");
	app_overlay(a, &help_ops, h);
}
