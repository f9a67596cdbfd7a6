/* The palette (:): every command by name, found by a few of its letters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tui/app_state.h"
#include "tui/history.h"
#include "tui/keymap.h"
#include "tui/utf8.h"
#include "tui/widgets/completer.h"

enum { HITS = 256, ROWS = 12 };

struct hit_row {
	const struct binding *b;
	int score;
};

struct palette {
	struct editor e;
	struct hit_row hit[HITS];
	int n, sel, top;
	struct rect list;	/* as drawn */
	struct completer names; /* of an argument */
	enum binding_arg takes; /* what names are of; ARG_TEXT: none yet */
};

static int
by_score(const void *a, const void *b)
{
	const struct hit_row *x = a, *y = b;

	if (x->score != y->score)
		return y->score - x->score;
	return x->b < y->b ? -1 : x->b > y->b; /* the tables' order within equals */
}

/* Text behind the first space belongs to the command, if one has just that name. */
static const struct binding *
with_argument(struct view *v, const char *text, const char **arg)
{
	struct binding_set sets[3];
	const char *space = strchr(text, ' ');
	int n = app_bindings(v, sets);

	for (int i = 0; i < n && space; i++)
		for (int j = 0; j < sets[i].n; j++) {
			const struct binding *b = &sets[i].rows[j];
			size_t len = strlen(b->name);

			if (!(b->flags & BIND_ARG) || len != (size_t)(space - text) ||
			    memcmp(b->name, text, len))
				continue;
			*arg = space + strspn(space, " ");
			if (!**arg)
				*arg = NULL;
			return b;
		}
	return NULL;
}

static void
palette_match(struct app *a, struct palette *p)
{
	struct view *v = app_view(a);
	struct binding_set sets[3];
	const char *text = editor_text(&p->e), *arg;
	const struct binding *only = with_argument(v, text, &arg);
	unsigned can = view_can(v);
	int n = app_bindings(v, sets);

	p->n = p->sel = p->top = 0;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < sets[i].n && p->n < HITS; j++) {
			const struct binding *b = &sets[i].rows[j];
			int score, help;

			if ((b->flags & BIND_HIDDEN && b != only) ||
			    !binding_holds(b, v->focus, can) || (only && b != only))
				continue;
			score = only ? 1 : binding_fuzzy(b->name, text);
			help = only ? 0 : binding_fuzzy(b->help, text) / 2;
			if (score < help)
				score = help;
			if (*text && !score)
				continue;
			/* Without text: in the order of the tables, the pane's own first. */
			p->hit[p->n++] = (struct hit_row){b, *text ? score : -i};
		}
	qsort(p->hit, (size_t)p->n, sizeof *p->hit, by_score);
}

static void
palette_draw(struct app *a, void *state, struct canvas *c)
{
	struct palette *p = state;
	struct style popup = canvas_style(c, TH_POPUP), dim = canvas_style(c, TH_DIM);
	struct style key = canvas_style(c, TH_KEY), sel = canvas_style(c, TH_SELECT);
	int w = c->w - 8 < 76 ? c->w - 8 : 76, rows = c->h - 8 < ROWS ? c->h - 8 : ROWS;
	struct rect r = {(c->w - w) / 2, c->h > 30 ? 4 : 2, w, rows + 4}, in;
	char keys[64];

	(void)a;
	canvas_fill(c, r, popup);
	canvas_box(c, r, canvas_style(c, TH_POPUP_BORDER));
	in = rect_inset(r, 1, 1);
	canvas_text(c, in.x + 1, in.y, 2, key, ":");
	editor_draw(&p->e, c, (struct rect){in.x + 3, in.y, in.w - 4, 1}, true);
	canvas_hline(c, r.x, in.y + 1, r.w, canvas_style(c, TH_POPUP_BORDER));
	if (p->sel < p->top)
		p->top = p->sel;
	if (p->sel >= p->top + rows)
		p->top = p->sel - rows + 1;
	p->list = (struct rect){in.x, in.y + 2, in.w, rows};
	if (!p->n)
		canvas_text(c, in.x + 2, in.y + 2, in.w - 4, dim, "no command has these letters");
	for (int i = 0; i < rows && p->top + i < p->n; i++) {
		const struct binding *b = p->hit[p->top + i].b;
		struct rect row = {in.x, in.y + 2 + i, in.w, 1};
		struct style name = popup, help = dim;

		name.bg = COLOR_KEEP;
		if (p->top + i == p->sel) {
			canvas_fill(c, row, sel);
			if (sel.fg != COLOR_KEEP)
				name.fg = help.fg = sel.fg;
			name.attr |= ATTR_BOLD;
			canvas_text(c, row.x, row.y, 1, name, "›");
		}
		canvas_printf(c, row.x + 2, row.y, 22, name, "%s%s", b->name,
			      b->flags & BIND_ARG ? " …" : "");
		binding_keys(b, keys);
		canvas_text(c, row.x + 25, row.y, row.w - 27 - utf8_width_str(keys), help, b->help);
		canvas_right(c, row.x + row.w - 15, row.y, 14, key, keys);
	}
	completer_draw(&p->names, c, (struct rect){in.x, in.y + 4, in.w, rows - 2});
}

/* Nothing here has that name: does another view? */
static void
nowhere(struct app *a, const char *text)
{
	size_t len = strcspn(text, " ");
	struct binding_set sets[3];
	struct view *v = app_view(a);
	const struct binding *b;

	if (!len)
		return;
	b = binding_named(sets, app_bindings(v, sets), text, len);
	if (b && app_elsewhere(v, b))
		return;
	for (int i = 0; i < APP_VIEWS; i++) {
		const struct view_ops *ops = a->view[i].ops;

		if (ops && binding_named(sets, keymap_sets(a->keys, i, sets), text, len)) {
			app_error(a, "%.*s is a command of %s; \":view %s\" goes there", (int)len,
				  text, ops->name, ops->name);
			return;
		}
	}
	app_error(a, "%.*s: no such command; %s shows those that there are", (int)len, text,
		  KEYS_IN(a, a->shown, "{palette}"));
}

static void
palette_run(struct app *a, struct palette *p, int i)
{
	const char *arg = NULL;
	const struct binding *b = with_argument(app_view(a), editor_text(&p->e), &arg);
	char *copy = arg ? strdup(arg) : NULL, line[1024];
	char *typed = strdup(editor_text(&p->e));
	struct t2_err err;

	if (!b && i >= 0 && i < p->n)
		b = p->hit[i].b;
	app_overlay_close(a); /* p is gone: what runs may open another */
	if (b) {
		snprintf(line, sizeof line, "%s%s%s", b->name, copy ? " " : "", copy ? copy : "");
		if (history_add(a->commands, line, &err))
			app_fail(a, &err);
		app_run_binding(a, b, copy);
	} else if (typed) {
		nowhere(a, typed);
	}
	free(typed);
	free(copy);
}

/* Tab in the argument behind ":theme ", ":open " ... */
static bool
palette_argument(struct app *a, struct palette *p, int key)
{
	const char *text = editor_text(&p->e), *arg = NULL;
	const struct binding *b = with_argument(app_view(a), text, &arg);
	size_t from = arg ? (size_t)(arg - text) : strlen(text);

	if (!b || binding_takes(b) == ARG_TEXT)
		return false;
	if (p->takes != binding_takes(b)) { /* the names are asked for once */
		completer_close(&p->names);
		app_words_free(p->names.words, p->names.nwords);
		p->takes = binding_takes(b);
		p->names.words = app_words(a, p->takes, &p->names.nwords);
		p->names.models = p->takes == ARG_MODEL;
	}
	return completer_key(&p->names, &p->e, from, key);
}

/* Up at the top of the list goes to the commands given before, Down comes back from them; Ctrl-p and Ctrl-n always. */
static bool
palette_history(struct app *a, struct palette *p, int key)
{
	bool up = key == ('p' | K_CTRL) || (key == K_UP && !p->sel);
	bool down = key == ('n' | K_CTRL) || (key == K_DOWN && history_moving(a->commands));
	const char *text;

	if (!up && !down)
		return false;
	text = history_move(a->commands, up ? 1 : -1, editor_text(&p->e));
	if (text) {
		char *copy = strdup(text); /* the draft is the editor's own text */

		editor_set(&p->e, copy ? copy : "");
		free(copy);
		palette_match(a, p);
	}
	return true;
}

static bool
palette_key(struct app *a, void *state, int key)
{
	struct palette *p = state;

	if (palette_argument(a, p, key))
		return true;
	completer_close(&p->names);
	if (palette_history(a, p, key))
		return true;
	switch (key) {
	case K_UP:
	case K_BACK_TAB:
		p->sel -= p->sel > 0;
		return true;
	case K_DOWN:
		p->sel += p->sel + 1 < p->n;
		return true;
	case K_PAGE_UP:
		p->sel = p->sel > 10 ? p->sel - 10 : 0;
		return true;
	case K_PAGE_DOWN:
		p->sel = p->sel + 10 < p->n ? p->sel + 10 : p->n ? p->n - 1 : 0;
		return true;
	case K_TAB: /* completes the name, so that an argument can follow */
		if (p->sel < p->n) {
			char text[80];

			snprintf(text, sizeof text, "%s%s", p->hit[p->sel].b->name,
				 p->hit[p->sel].b->flags & BIND_ARG ? " " : "");
			editor_set(&p->e, text);
			palette_match(a, p);
		}
		return true;
	case 'c' | K_CTRL:
		return false;
	default:
		break;
	}
	switch (editor_key(&p->e, key)) {
	case EDITOR_CHANGED:
		history_rest(a->commands);
		palette_match(a, p);
		return true;
	case EDITOR_ACCEPT:
		palette_run(a, p, p->sel);
		return true;
	case EDITOR_CANCEL:
		return false;
	default:
		return true;
	}
}

static void
palette_paste(struct app *a, void *state, const char *text)
{
	struct palette *p = state;

	completer_close(&p->names);
	editor_paste(&p->e, text);
	palette_match(a, p);
}

static bool
palette_mouse(struct app *a, void *state, const struct mouse *m)
{
	struct palette *p = state;

	if (m->kind == MOUSE_WHEEL_UP)
		p->sel -= p->sel > 0;
	else if (m->kind == MOUSE_WHEEL_DOWN)
		p->sel += p->sel + 1 < p->n;
	else if (m->kind == MOUSE_PRESS && rect_has(p->list, m->x, m->y) &&
		 p->top + m->y - p->list.y < p->n)
		palette_run(a, p, p->top + m->y - p->list.y);
	else if (m->kind == MOUSE_PRESS)
		return false;
	return true;
}

static void
palette_close(void *state)
{
	struct palette *p = state;

	completer_close(&p->names);
	app_words_free(p->names.words, p->names.nwords);
	editor_free(&p->e);
	free(p);
}

static const struct overlay_ops palette_ops = {
	.draw = palette_draw,
	.key = palette_key,
	.paste = palette_paste,
	.mouse = palette_mouse,
	.close = palette_close,
	.hint = "Esc close  Enter run  Tab complete  Up earlier"};

void
palette_open(struct app *a)
{
	struct palette *p = calloc(1, sizeof *p);

	if (!p) {
		app_error(a, "out of memory");
		return;
	}
	p->e.single = true;
	editor_set(&p->e, "");
	history_rest(a->commands);
	palette_match(a, p);
	app_overlay(a, &palette_ops, p);
}
