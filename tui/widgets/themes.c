/* The themes (:theme): moving the selection shows each at once, Enter keeps it, Esc brings back what was. */
#include <stdlib.h>
#include <string.h>
#include "tui/app_state.h"
#include "tui/theme_choice.h"

struct themes {
	struct theme before;
	char **names;
	int n, sel, top, rows;
	struct rect list; /* as drawn */
	char *wrong;	  /* what is wrong with the selected file; NULL: nothing */
};

static void
preview(struct app *a, struct themes *t, int sel)
{
	struct t2_err err;

	if (sel < 0 || sel >= t->n)
		return;
	t->sel = sel;
	free(t->wrong);
	t->wrong = NULL;
	if (theme_load(&a->theme, t->names[sel],
		       &err)) { /* the folder is known, and the box narrow */
		const char *file = strrchr(err.msg, '/');

		t->wrong = strdup(file ? file + 1 : err.msg);
	}
	app_repaint(a);
}

static void
themes_draw(struct app *a, void *state, struct canvas *c)
{
	struct themes *t = state;
	struct style popup = canvas_style(c, TH_POPUP), sel = canvas_style(c, TH_SELECT);
	int w = 34, wrong = t->wrong ? 4 : 0;
	int rows = t->n < c->h - 8 - wrong ? t->n : c->h - 8 - wrong;
	struct rect r = {c->w - w, 2, w, rows + 4 + wrong}, in = rect_inset(r, 1, 1);

	(void)a;
	/* At the edge: what is chosen must be seen on the view itself. */
	canvas_fill(c, r, popup);
	canvas_box(c, r, canvas_style(c, TH_POPUP_BORDER));
	canvas_text(c, r.x + 2, r.y, w - 4, canvas_style(c, TH_POPUP_BORDER), " theme ");
	if (t->sel < t->top)
		t->top = t->sel;
	if (t->sel >= t->top + rows)
		t->top = t->sel - rows + 1;
	t->list = (struct rect){in.x, in.y, in.w, rows};
	for (int i = 0; i < rows && t->top + i < t->n; i++) {
		struct style name = popup;

		name.bg = COLOR_KEEP;
		if (t->top + i == t->sel) {
			canvas_fill(c, (struct rect){in.x, in.y + i, in.w, 1}, sel);
			if (sel.fg != COLOR_KEEP)
				name.fg = sel.fg;
			name.attr |= ATTR_BOLD;
			canvas_text(c, in.x, in.y + i, 1, name, "›");
		}
		canvas_text(c, in.x + 2, in.y + i, in.w - 14, name, t->names[t->top + i]);
		for (int k = 0; k < 8 && t->top + i == t->sel && !t->wrong; k++)
			canvas_text(c, in.x + in.w - 10 + k, in.y + i, 1, theme_series(c->theme, k),
				    "●");
	}
	if (t->wrong)
		canvas_wrap(c, (struct rect){in.x + 1, in.y + rows, in.w - 2, wrong},
			    canvas_style(c, TH_BAD), t->wrong, 0);
	canvas_text(c, in.x + 1, r.y + r.h - 2, in.w - 2, canvas_style(c, TH_DIM),
		    t->wrong ? "Esc as before" : "Enter keeps it  Esc as before");
}

static bool
themes_keep(struct app *a, struct themes *t)
{
	if (t->wrong)
		return true;
	theme_keep(a);
	return false;
}

static void
themes_restore(struct app *a, struct themes *t)
{
	a->theme = t->before;
	app_repaint(a);
}

static bool
themes_key(struct app *a, void *state, int key)
{
	struct themes *t = state;

	switch (key) {
	case K_UP:
	case 'k':
	case K_BACK_TAB:
		preview(a, t, t->sel - 1);
		return true;
	case K_DOWN:
	case 'j':
	case K_TAB:
		preview(a, t, t->sel + 1);
		return true;
	case K_HOME:
	case 'g':
		preview(a, t, 0);
		return true;
	case K_END:
	case 'G':
		preview(a, t, t->n - 1);
		return true;
	case K_ENTER:
		return themes_keep(a, t);
	case K_ESC:
	case 'q':
	case 'c' | K_CTRL:
		themes_restore(a, t);
		return false;
	default: /* the next that begins with this letter */
		for (int i = 1; i <= t->n && key_char(key); i++)
			if (t->names[(t->sel + i) % t->n][0] == key) {
				preview(a, t, (t->sel + i) % t->n);
				break;
			}
		return true;
	}
}

static bool
themes_mouse(struct app *a, void *state, const struct mouse *m)
{
	struct themes *t = state;
	int at = t->top + m->y - t->list.y;

	if (m->kind == MOUSE_WHEEL_UP)
		preview(a, t, t->sel - 1);
	else if (m->kind == MOUSE_WHEEL_DOWN)
		preview(a, t, t->sel + 1);
	else if (m->kind == MOUSE_PRESS && rect_has(t->list, m->x, m->y) && at == t->sel)
		return themes_keep(a, t);
	else if (m->kind == MOUSE_PRESS && rect_has(t->list, m->x, m->y))
		preview(a, t, at);
	else if (m->kind == MOUSE_PRESS) {
		themes_restore(a, t);
		return false;
	}
	return true;
}

static void
themes_close(void *state)
{
	struct themes *t = state;

	app_words_free(t->names, t->n);
	free(t->wrong);
	free(t);
}

static const struct overlay_ops themes_ops = {.draw = themes_draw,
					      .key = themes_key,
					      .mouse = themes_mouse,
					      .close = themes_close,
					      .hint = "Enter keep  Esc as before"};

void
themes_open(struct app *a)
{
	struct themes *t = calloc(1, sizeof *t);

	if (t)
		t->names = theme_names(&t->n);
	if (!t || !t->n) {
		free(t);
		app_error(a, "out of memory");
		return;
	}
	t->before = a->theme;
	for (int i = 0; i < t->n; i++)
		if (!strcmp(t->names[i], a->theme.name))
			t->sel = i;
	app_overlay(a, &themes_ops, t);
}
