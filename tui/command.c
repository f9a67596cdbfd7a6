/* The commands that hold everywhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "engine/base/strbuf.h"
#include "tui/app_state.h"
#include "tui/splits.h"
#include "tui/terminal.h"
#include "tui/theme_choice.h"

#define SHOW(n)                                                                                    \
	static void show_##n(struct view *v, void *state, const char *arg)                         \
	{                                                                                          \
		(void)state;                                                                       \
		(void)arg;                                                                         \
		app_show(v->app, n);                                                               \
	}
SHOW(0)
SHOW(1)
SHOW(2)
SHOW(3)
SHOW(4)
SHOW(5)
SHOW(6)
SHOW(7)
SHOW(8)
SHOW(9)

static void
view_named(struct view *v, void *state, const char *arg)
{
	(void)state;
	for (int i = 0; arg && i < APP_VIEWS; i++)
		if (!strcasecmp(arg, app_view_name(i)) || (arg[0] == '0' + i && !arg[1])) {
			app_show(v->app, i);
			return;
		}
	app_error(v->app, "view: %s: no such view; Tab after \":view \" shows them",
		  arg ? arg : "a name is wanted");
}

static void
focus_by(struct view *v, int by)
{
	int n = v->ops->npanes;

	v->editing = false;
	if (!v->opened || n < 2)
		return;
	v->focus = (v->focus + by + n) % n;
	/* A pane that this layout leaves out cannot have the focus. */
	for (int i = 0; i < n && !v->single && !v->small && !v->pane[v->focus].w; i++)
		v->focus = (v->focus + by + n) % n;
}

static void
focus_next(struct view *v, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	focus_by(v, 1);
}

static void
focus_prev(struct view *v, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	focus_by(v, -1);
}

static void
zoom(struct view *v, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	v->zoomed = !v->zoomed && v->ops->npanes > 1;
}

static void
reset_panes(struct view *v, void *state, const char *arg)
{
	struct t2_err err;

	(void)state;
	(void)arg;
	if (v->opened && splits_reset(v, &err))
		app_fail(v->app, &err);
	else
		app_say(v->app, "panes as they were laid out");
}

static void
quit(struct view *v, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	app_ask_quit(v->app);
}

static void
help(struct view *v, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	help_open(v->app);
}

static void
palette(struct view *v, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	palette_open(v->app);
}

static void
mouse(struct view *v, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	if (v->app->terminal && !terminal_has_mouse(v->app->terminal)) {
		app_say(v->app, "this terminal has no mouse");
		return;
	}
	app_set_mouse(v->app, !v->app->mouse);
	app_say(v->app,
		v->app->mouse ? "mouse on" : "mouse off: the terminal's own selection works");
}

static void
copy(struct view *v, void *state, const char *arg)
{
	struct strbuf b = {0};

	(void)state;
	(void)arg;
	if (app_dump(v->app, DUMP_TEXT, &b) && b.s && !b.failed)
		app_copy(v->app, b.s);
	strbuf_free(&b);
}

static void
export_pane(struct view *v, void *state, const char *arg)
{
	(void)state;
	if (arg)
		app_export_to(v->app, arg, false);
	else
		app_export(v->app, false);
}

static void
export_screen(struct view *v, void *state, const char *arg)
{
	(void)state;
	if (arg)
		app_export_to(v->app, arg, true);
	else
		app_export(v->app, true);
}

static void
undo(struct view *v, void *state, const char *arg)
{
	struct app *a = v->app;
	int from = a->undo.n ? a->undo.step[a->undo.n - 1].view : -1;
	char what[UNDO_WHAT];

	(void)state;
	(void)arg;
	switch (undo_last(&a->undo, a, what)) {
	case UNDO_NONE:
		app_say(a, "nothing to undo");
		break;
	case UNDO_DONE:
		if (from < 0 || from == a->shown)
			app_say(a, "undone: %s", what);
		else
			app_say(a, "undone in %s (%d): %s", app_view_name(from), from, what);
		break;
	case UNDO_HELD:
		app_say(a, "still at work on the last step: again when it is done");
		break;
	case UNDO_FAILED: /* the step has said why */
	case UNDO_LATER:
		break;
	}
}

static void
redraw(struct view *v, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	app_repaint(v->app);
}

static void
suspend(struct view *v, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	app_suspend(v->app);
}

static void
theme(struct view *v, void *state, const char *arg)
{
	struct app *a = v->app;

	(void)state;
	if (a->canvas->depth == DEPTH_MONO)
		app_say(a, "no colours here: theme mono");
	else if (!arg)
		themes_open(a);
	else if (app_set_theme(a, arg))
		theme_keep(a);
}

static void
glyphs(struct view *v, void *state, const char *arg)
{
	static const char *const names[] = {"ascii", "block", "braille"};
	struct canvas *c = v->app->canvas;
	int next = (c->glyphs + 1) % 3;

	(void)state;
	for (int i = 0; arg && i < 3; i++)
		if (!strcmp(arg, names[i]))
			next = i;
	c->glyphs = (enum glyph_level)next;
	app_say(v->app, "plots in %s", names[next]);
}

static void
open_model(struct view *v, void *state, const char *arg)
{
	const struct app_config *cfg = v->app->cfg;

	(void)state;
	if (cfg->open)
		cfg->open(v->app, cfg->user, arg);
	else
		app_say(v->app, "there is nothing to open here");
}

static const struct binding commands[] = {
	{A_NONE, "1", "models", "view 1: models", show_1, PANES_ALL, 0},
	{A_NONE, "2", "spectrum", "view 2: spectrum", show_2, PANES_ALL, 0},
	{A_NONE, "3", "experts", "view 3: experts", show_3, PANES_ALL, 0},
	{A_NONE, "4", "mix", "view 4: mix", show_4, PANES_ALL, 0},
	{A_NONE, "5", "ask", "view 5: ask", show_5, PANES_ALL, 0},
	{A_NONE, "6", "train", "view 6: train", show_6, PANES_ALL, 0},
	{A_NONE, "7", "runs", "view 7: runs", show_7, PANES_ALL, 0},
	{A_NONE, "8", "evals", "view 8: evaluations", show_8, PANES_ALL, 0},
	{A_NONE, "9", "jobs", "view 9: jobs", show_9, PANES_ALL, 0},
	{A_NONE, "0", "log", "view 0: everything that was said", show_0, PANES_ALL, 0},
	{A_NONE, "", "view", "a view by its name or number", view_named, PANES_ALL,
	 BIND_TAKES(ARG_VIEW)},
	{A_NONE, "Tab", "focus-next", "next pane", focus_next, PANES_ALL, 0},
	{A_NONE, "Shift-Tab", "focus-previous", "previous pane", focus_prev, PANES_ALL, 0},
	{A_NONE, "z", "zoom", "focused pane alone, and back", zoom, PANES_ALL, 0},
	{A_NONE, "", "panes-reset", "pane sizes as they were laid out", reset_panes, PANES_ALL, 0},
	{A_NONE, "y", "copy", "copy the pane to the clipboard", copy, PANES_ALL, 0},
	{A_NONE, "x", "export", "export the pane to a file: .txt, .csv or .svg", export_pane,
	 PANES_ALL, BIND_TAKES(ARG_FILE)},
	{A_NONE, "X", "export-screen", "export the whole screen: .txt or .svg", export_screen,
	 PANES_ALL, BIND_TAKES(ARG_FILE)},
	{A_NONE, "u", "undo", "take back the last deletion or change", undo, PANES_ALL, 0},
	{A_NONE, "m", "mouse", "mouse on or off", mouse, PANES_ALL, 0},
	{A_NONE, "?", "help", "help", help, PANES_ALL, 0},
	{A_NONE, ":", "palette", "every command by name", palette, PANES_ALL, 0},
	{A_NONE, "Ctrl-o", "open-model", "open another model: a path or a name", open_model,
	 PANES_ALL, BIND_TAKES(ARG_MODEL)},
	{A_NONE, "", "open", "open another model", open_model, PANES_ALL,
	 BIND_TAKES(ARG_MODEL) | BIND_HIDDEN},
	{A_NONE, "", "theme", "choose a theme, or the one named", theme, PANES_ALL,
	 BIND_TAKES(ARG_THEME)},
	{A_NONE, "", "glyphs", "draw plots in braille, block or ascii", glyphs, PANES_ALL,
	 BIND_TAKES(ARG_GLYPHS)},
	{A_NONE, "Ctrl-l", "redraw", "draw the screen anew", redraw, PANES_ALL, BIND_ALWAYS},
	{A_NONE, "Ctrl-z", "suspend", "back to the shell for a while", suspend, PANES_ALL,
	 BIND_ALWAYS},
	{A_NONE, "q", "quit", "quit", quit, PANES_ALL, 0},
};

const struct binding_set app_commands = {"everywhere", commands,
					 sizeof commands / sizeof *commands};

void
app_keys_mdoc(const struct view_ops *const *views, int n, struct strbuf *out)
{
	const struct binding_set common[] = {app_commands, binding_actions};

	binding_mdoc(common, 2, out);
	for (int i = 0; i < n; i++) {
		struct binding_set own = {views[i]->name, views[i]->bindings, views[i]->nbindings};

		if (own.n)
			binding_mdoc(&own, 1, out);
	}
}
