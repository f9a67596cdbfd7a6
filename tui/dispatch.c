/* Input finds its way: overlay, text field, the pane's keys, everybody's keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tui/app_state.h"
#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/splits.h"

unsigned
view_can(const struct view *v)
{
	return v->opened ? v->ops->panes[v->focus].can : 0;
}

int
app_bindings(struct view *v, struct binding_set out[3])
{
	int n = keymap_sets(v->app->keys, v->ops->number, out);

	if (!v->opened && n == 3) { /* the view's own want its state */
		out[0] = out[1];
		out[1] = out[2];
		n = 2;
	}
	return n;
}

const struct binding *
app_command(struct view *v, const char *name)
{
	struct binding_set sets[3];
	int n = app_bindings(v, sets);

	return binding_named(sets, n, name, strlen(name));
}

const char *
app_keys(const struct app *a, int view, char buf[KEYS_TEXT], const char *text)
{
	struct binding_set sets[3];
	int n = keymap_sets(a->keys, view, sets);
	size_t at = 0;

	while (*text && at < KEYS_TEXT - 1) {
		size_t len = *text == '{' ? strcspn(text + 1, "} ") : 0;
		const struct binding *b =
			len && text[len + 1] == '}' ? binding_named(sets, n, text + 1, len) : NULL;
		char key[24];

		if (!b) {
			buf[at++] = *text++;
			continue;
		}
		binding_key(b, key);
		at += (size_t)snprintf(buf + at, KEYS_TEXT - at, "%s%s", key[0] ? "" : ":",
				       key[0] ? key : b->name);
		text += len + 2;
	}
	buf[at < KEYS_TEXT ? at : KEYS_TEXT - 1] = 0;
	return buf;
}

void
app_overlay(struct app *a, const struct overlay_ops *ops, void *state)
{
	app_overlay_close(a);
	a->overlay = ops;
	a->overlay_state = state;
	a->dirty = true;
}

void
app_overlay_close(struct app *a)
{
	const struct overlay_ops *ops = a->overlay;
	void *state = a->overlay_state;

	if (!ops)
		return;
	a->overlay = NULL;
	a->overlay_state = NULL;
	if (ops->close)
		ops->close(state);
	a->dirty = true;
}

bool
app_action(struct app *a, enum action act)
{
	struct view *v = app_view(a);

	if (act == A_FILTER) {
		app_filter(a);
		return true;
	}
	return v->opened && v->ops->action && v->ops->action(v, v->state, v->focus, act);
}

void
app_run_binding(struct app *a, const struct binding *b, const char *arg)
{
	struct view *v = app_view(a);

	if (b->run)
		b->run(v, v->state, arg);
	else
		app_action(a, b->action);
	a->dirty = true;
}

/* Esc, the nearest first: the view's own way back, a filter, the zoom, a running job of this view. */
static void
go_back(struct app *a)
{
	struct view *v = app_view(a);

	if (v->opened && v->ops->action && v->ops->action(v, v->state, v->focus, A_BACK))
		return;
	if (v->opened && v->filter[v->focus][0]) {
		v->filter[v->focus][0] = 0;
		if (v->ops->filter)
			v->ops->filter(v, v->state, v->focus, "");
		return;
	}
	if (v->zoomed) {
		v->zoomed = false;
		return;
	}
	if (jobs_cancel_owned(a->jobs, v->ops))
		app_say(a, "cancelling ...");
}

static void
interrupt(struct app *a)
{
	struct view *v = app_view(a);

	if (jobs_cancel_owned(a->jobs, v->ops))
		app_say(a, "cancelling ...");
	else
		app_say(a, "nothing of this view is running; %s", KEYS(v, "{quit} leaves"));
}

bool
app_elsewhere(struct view *v, const struct binding *b)
{
	for (int pane = 0; v->opened && pane < v->ops->npanes; pane++)
		if (binding_holds(b, pane, v->ops->panes[pane].can)) {
			app_say(v->app, "%s is for the pane %s: %s", b->name,
				v->ops->panes[pane].name, KEYS(v, "{focus-next} goes there"));
			return true;
		}
	return false;
}

/* A key that means something in another pane only. */
static bool
key_elsewhere(struct view *v, const struct binding_set *sets, int n, int key)
{
	const struct binding *b = NULL;

	for (int pane = 0; v->opened && pane < v->ops->npanes && !b; pane++)
		b = binding_find(sets, n, key, pane, v->ops->panes[pane].can);
	return b && app_elsewhere(v, b);
}

static void
view_key(struct app *a, int key)
{
	struct view *v = app_view(a);
	struct binding_set sets[3];
	const struct binding *b;
	int n;

	if (v->opened && v->editing && v->ops->key) {
		if (v->ops->key(v, v->state, v->focus, key) || key_char(key))
			return;
		if (key == K_ESC) {
			v->editing = false;
			return;
		}
	}
	n = app_bindings(v, sets);
	b = binding_find(sets, n, key, v->focus, view_can(v));
	if (b) {
		app_run_binding(a, b, NULL);
		return;
	}
	if (key == K_ESC)
		go_back(a);
	else if (key == ('c' | K_CTRL))
		interrupt(a);
	else if (key_elsewhere(v, sets, n, key))
		return;
	else if (!v->opened && binding_has_key(app_command(v, "refresh"), key)) {
		v->failed = false;
		app_show(a, a->shown);
	}
}

static void
app_key(struct app *a, int key)
{
	struct view *v = app_view(a);

	/* Whatever was said has been seen, but under a prompt; the key does its work all the same. */
	if (!a->overlay || !a->overlay->bottom)
		a->message_until = 0;
	if (!key_char(key)) {
		struct binding_set sets[3];
		int n = app_bindings(v, sets);
		const struct binding *b = binding_find(&sets[n - 1], 1, key, v->focus, 0);

		if (b && b->flags & BIND_ALWAYS) {
			app_run_binding(a, b, NULL);
			return;
		}
	}
	if ((a->canvas->w < MIN_W || a->canvas->h < MIN_H) && !app_typing(a)) {
		if (binding_has_key(app_command(v, "quit"), key))
			app_ask_quit(a);
		return;
	}
	if (a->overlay) {
		const struct overlay_ops *ops = a->overlay;
		void *state = a->overlay_state;

		/* It may have put another in its place. */
		if (!ops->key(a, state, key) && a->overlay == ops && a->overlay_state == state)
			app_overlay_close(a);
		return;
	}
	view_key(a, key);
}

/* -- mouse -------------------------------------------------------------------------------------------------- */

static int
hit_find(const struct hit *h, int n, int x)
{
	for (int i = 0; i < n; i++)
		if (x >= h[i].x && x < h[i].x + h[i].w)
			return h[i].number;
	return -1;
}

static int
pane_at(const struct view *v, int x, int y)
{
	for (int i = 0; i < v->ops->npanes; i++)
		if (v->pane[i].w && rect_has(v->pane[i], x, y))
			return i;
	return -1;
}

static bool
pane_mouse(struct view *v, int pane, const struct mouse *m)
{
	struct rect in = pane_inside(v, pane);
	struct mouse local = *m;

	local.x -= in.x;
	local.y -= in.y;
	return v->ops->mouse && v->ops->mouse(v, v->state, pane, &local);
}

static void
view_mouse(struct app *a, const struct mouse *m)
{
	struct view *v = app_view(a);
	struct layout *l = v->shown;
	int pane = pane_at(v, m->x, m->y);
	bool wheel = m->kind == MOUSE_WHEEL_UP || m->kind == MOUSE_WHEEL_DOWN;
	struct t2_err err;

	if (m->kind == MOUSE_PRESS) {
		a->grab = -1;
		a->drag = l ? layout_border(l, m->x, m->y) : -1;
		if (a->drag >= 0)
			return;
	}
	if (a->drag >= 0) {
		if (m->kind == MOUSE_DRAG && l)
			layout_drag(l, a->drag, m->x, m->y);
		if (m->kind == MOUSE_RELEASE) {
			a->drag = -1;
			if (!a->script && splits_save(v, &err))
				app_fail(a, &err);
		}
		return;
	}
	if (m->kind == MOUSE_DRAG || m->kind == MOUSE_RELEASE) {
		/* Whoever got the press gets the rest, wherever the pointer is by now. */
		if (a->grab >= 0 && a->grab < v->ops->npanes)
			pane_mouse(v, a->grab, m);
		if (m->kind == MOUSE_RELEASE)
			a->grab = -1;
		return;
	}
	if (pane < 0)
		return;
	if (!wheel) {
		if (v->focus != pane)
			v->editing = false;
		v->focus = pane;
		a->grab = pane;
	}
	if (pane_mouse(v, pane, m) || !wheel || !v->ops->action)
		return;
	for (int i = 0; i < 3; i++)
		v->ops->action(v, v->state, pane, m->kind == MOUSE_WHEEL_UP ? A_UP : A_DOWN);
}

static void
app_mouse(struct app *a, const struct mouse *m)
{
	int k;

	if (!a->mouse || m->x < 0 || m->y < 0 || m->x >= a->canvas->w || m->y >= a->canvas->h)
		return;
	if (m->kind == MOUSE_PRESS)
		a->message_until = 0;
	if (a->overlay) {
		const struct overlay_ops *ops = a->overlay;
		void *state = a->overlay_state;

		if (ops->mouse && !ops->mouse(a, state, m) && a->overlay == ops &&
		    a->overlay_state == state)
			app_overlay_close(a);
		return;
	}
	if (m->kind == MOUSE_PRESS && m->y == 0) {
		k = hit_find(a->tab, a->ntab, m->x);
		if (k >= 0)
			app_show(a, k);
		return;
	}
	k = tabs_hit(&a->strip, m->x, m->y);
	if (m->kind == MOUSE_PRESS && k >= 0) {
		app_view(a)->focus = k;
		return;
	}
	if (app_view(a)->opened)
		view_mouse(a, m);
}

void
app_input(struct app *a, struct input *in)
{
	struct view *v = app_view(a);

	switch (in->kind) {
	case IN_KEY:
		app_key(a, in->key);
		break;
	case IN_MOUSE:
		app_mouse(a, &in->mouse);
		break;
	case IN_PASTE:
		if (a->overlay && a->overlay->paste)
			a->overlay->paste(a, a->overlay_state, in->text);
		else if (!a->overlay && v->opened && v->ops->paste)
			v->ops->paste(v, v->state, v->focus, in->text);
		break;
	default:
		break;
	}
	free(in->text);
	in->text = NULL;
	a->dirty = true;
	app_later_step(a);
	app_renew_step(a);
}
