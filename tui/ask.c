/* Questions: yes or no, one line of text; and what is asked that way: quitting, filters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tui/app_state.h"
#include "tui/history.h"
#include "tui/utf8.h"
#include "tui/widgets/completer.h"

/* -- yes or no ---------------------------------------------------------------------------------------------- */

struct confirm {
	char *question;
	/* The question as it stands now, false: there is none any more; NULL: it stays as it was put. */
	bool (*again)(struct app *a, char *text, size_t size);
	void (*yes)(struct app *a, void *arg);
	void *arg;
	void (*drop)(void *arg);
};

static void
confirm_draw(struct app *a, void *state, struct canvas *c)
{
	const struct confirm *q = state;
	struct style popup = canvas_style(c, TH_POPUP);
	int w = c->w - 8 < 64 ? c->w - 8 : 64, lines;
	struct rect r, old;

	(void)a;
	old = canvas_clip(c, (struct rect){0, 0, 0, 0}); /* only to count the lines */
	lines = canvas_wrap(c, (struct rect){0, 0, w - 4, 100}, popup, q->question, 0);
	canvas_unclip(c, old);
	r = (struct rect){(c->w - w) / 2, (c->h - lines - 4) / 2, w, lines + 4};
	canvas_fill(c, r, popup);
	canvas_box(c, r, canvas_style(c, TH_POPUP_BORDER));
	canvas_wrap(c, (struct rect){r.x + 2, r.y + 1, w - 4, lines}, popup, q->question, 0);
	canvas_text(c, r.x + 2, r.y + r.h - 2, w - 4, canvas_style(c, TH_KEY), "y yes   n no");
}

static bool
confirm_key(struct app *a, void *state, int key)
{
	struct confirm *q = state;

	if (key == 'y' || key == 'Y') {
		q->yes(a, q->arg);
		return false;
	}
	return !(key == 'n' || key == 'N' || key == 'q' || key == K_ESC || key == ('c' | K_CTRL));
}

static void
confirm_close(void *state)
{
	struct confirm *q = state;

	if (q->drop)
		q->drop(q->arg);
	free(q->question);
	free(q);
}

static const struct overlay_ops confirm_ops = {
	.draw = confirm_draw, .key = confirm_key, .close = confirm_close};

void
app_confirm(struct app *a, const char *question, void (*yes)(struct app *a, void *arg), void *arg,
	    void (*drop)(void *arg))
{
	struct confirm *q = calloc(1, sizeof *q);
	char *copy = strdup(question);

	if (!q || !copy) {
		free(q);
		free(copy);
		if (drop)
			drop(arg);
		app_error(a, "out of memory");
		return;
	}
	*q = (struct confirm){.question = copy, .yes = yes, .arg = arg, .drop = drop};
	app_overlay(a, &confirm_ops, q);
}

/* -- one line ----------------------------------------------------------------------------------------------- */

struct prompt {
	struct app_prompt p;
	char label[64];
	struct editor e;
	struct completer names;
};

static void
prompt_draw(struct app *a, void *state, struct canvas *c)
{
	struct prompt *p = state;
	struct rect r = {0, c->h - 1, c->w, 1};

	(void)a;
	canvas_fill(c, r, canvas_style(c, TH_FIELD_EDIT));
	r.x = 1 + canvas_text(c, 1, r.y, c->w / 2, canvas_style(c, TH_KEY), p->label);
	r.w = c->w - 1 - r.x;
	editor_draw(&p->e, c, r, true);
	completer_draw(&p->names, c, (struct rect){r.x - 2, 1, r.w + 2, r.y - 1});
}

static void
prompt_history(struct app *a, struct prompt *p, int by)
{
	const char *text = history_move(p->p.history, by, editor_text(&p->e));
	char *copy = text ? strdup(text) : NULL;

	if (!copy)
		return;
	editor_set(&p->e, copy);
	if (p->p.changed)
		p->p.changed(a, p->p.arg, copy);
	free(copy);
}

static bool
prompt_key(struct app *a, void *state, int key)
{
	struct prompt *p = state;
	struct t2_err err;

	if (key == ('c' | K_CTRL))
		key = K_ESC;
	if ((p->p.model || p->p.file) && completer_key(&p->names, &p->e, 0, key))
		return true;
	completer_close(&p->names);
	if (p->p.history && (key == K_UP || key == K_DOWN)) {
		prompt_history(a, p, key == K_UP ? 1 : -1);
		return true;
	}
	switch (editor_key(&p->e, key)) {
	case EDITOR_CHANGED:
		if (p->p.history)
			history_rest(p->p.history);
		if (p->p.changed)
			p->p.changed(a, p->p.arg, editor_text(&p->e));
		return true;
	case EDITOR_ACCEPT:
		if (p->p.history && history_add(p->p.history, editor_text(&p->e), &err))
			app_fail(a, &err);
		if (p->p.done)
			p->p.done(a, p->p.arg, editor_text(&p->e));
		return false;
	case EDITOR_CANCEL:
		if (p->p.cancelled)
			p->p.cancelled(a, p->p.arg);
		return false;
	default:
		return true;
	}
}

static void
prompt_paste(struct app *a, void *state, const char *text)
{
	struct prompt *p = state;

	completer_close(&p->names);
	editor_paste(&p->e, text);
	if (p->p.changed)
		p->p.changed(a, p->p.arg, editor_text(&p->e));
}

static void
prompt_close(void *state)
{
	struct prompt *p = state;

	if (p->p.drop)
		p->p.drop(p->p.arg);
	completer_close(&p->names);
	editor_free(&p->e);
	free(p);
}

static const struct overlay_ops prompt_ops = {.draw = prompt_draw,
					      .key = prompt_key,
					      .paste = prompt_paste,
					      .close = prompt_close,
					      .bottom = true};

void
app_prompt(struct app *a, const struct app_prompt *ask)
{
	struct prompt *p = calloc(1, sizeof *p);

	if (!p) {
		if (ask->drop)
			ask->drop(ask->arg);
		app_error(a, "out of memory");
		return;
	}
	p->p = *ask;
	snprintf(p->label, sizeof p->label, "%s", ask->label);
	p->e.single = true;
	p->names.models = ask->model;
	editor_set(&p->e, ask->text);
	app_overlay(a, &prompt_ops, p);
}

/* -- quitting ----------------------------------------------------------------------------------------------- */

static void
quit_yes(struct app *a, void *arg)
{
	(void)arg;
	app_quit(a, 0);
}

/* What there is to lose or to know before quitting, as a question; false: nothing. */
static bool
quit_question(struct app *a, char *text, size_t size)
{
	int n = jobs_active(a->jobs, true);
	struct job_view j = {0};
	char left[200] = "";
	bool is_left = a->cfg->left && a->cfg->left(a, a->cfg->user, left, sizeof left);

	for (int i = 0; n && i < jobs_count(a->jobs); i++) {
		jobs_get(a->jobs, i, &j);
		if (j.state == JOB_RUNNING && !j.watched)
			break;
	}
	if (n == 1)
		snprintf(text, size, "%s%s\"%s\" is running. Stop it and quit?", left,
			 is_left ? " " : "", j.name);
	else if (n)
		snprintf(text, size, "%s%s\"%s\" and %d more are running. Stop them and quit?",
			 left, is_left ? " " : "", j.name, n - 1);
	else
		snprintf(text, size, "%s Quit?", left);
	return n || is_left;
}

void
app_ask_quit(struct app *a)
{
	char text[512];

	if (!quit_question(a, text, sizeof text)) {
		app_quit(a, 0);
		return;
	}
	app_confirm(a, text, quit_yes, NULL, NULL);
	if (a->overlay == &confirm_ops)
		((struct confirm *)a->overlay_state)->again = quit_question;
}

void
app_ask_step(struct app *a)
{
	struct confirm *q = a->overlay_state;
	char text[512], *copy;

	if (a->overlay != &confirm_ops || !q->again)
		return;
	if (!q->again(a, text, sizeof text)) {
		app_overlay_close(a);
		app_say(a, "%s", KEYS_IN(a, a->shown, "what was running has ended; {quit} quits"));
	} else if (strcmp(text, q->question) && (copy = strdup(text))) {
		free(q->question);
		q->question = copy;
	}
}

/* -- filter ------------------------------------------------------------------------------------------------- */

static void
filter_changed(struct app *a, void *arg, const char *text)
{
	struct view *v = app_view(a);

	(void)arg;
	snprintf(v->filter[v->focus], sizeof v->filter[v->focus], "%s", text);
	if (v->ops->filter)
		v->ops->filter(v, v->state, v->focus, v->filter[v->focus]);
}

static void
filter_cancelled(struct app *a, void *arg)
{
	filter_changed(a, arg, "");
}

void
app_filter(struct app *a)
{
	struct view *v = app_view(a);
	struct app_prompt p = {.label = "/",
			       .text = v->filter[v->focus],
			       .changed = filter_changed,
			       .cancelled = filter_cancelled,
			       .history = a->filters};

	history_rest(a->filters);
	app_prompt(a, &p);
}
