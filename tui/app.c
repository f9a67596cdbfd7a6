#include "tui/app.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/base/strbuf.h"
#include "tui/app_state.h"
#include "tui/history.h"
#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/script.h"
#include "tui/splits.h"
#include "tui/terminal.h"
#include "tui/views/builtin.h"
#include "tui/widgets/table.h"

static const double frame_gap = 0.016; /* at most 60 frames a second */
static const double message_time = 6;

/* -- what views ask for ------------------------------------------------------------------------------------- */

static void
message_set(struct app *a, enum message_level level, const char *text)
{
	snprintf(a->message, sizeof a->message, "%s", text);
	a->level = level;
	a->message_until = level == MESSAGE_ERROR ? INFINITY : clock_seconds() + message_time;
	message_add(a->log, level, text);
	a->dirty = true;
}

void
app_say(struct app *a, const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	message_set(a, MESSAGE_INFO, buf);
}

void
app_error(struct app *a, const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	message_set(a, MESSAGE_ERROR, buf);
}

void
app_fail(struct app *a, const struct t2_err *err)
{
	message_set(a, MESSAGE_ERROR, err->msg[0] ? err->msg : "failed");
}

void
app_title(struct app *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->title, sizeof a->title, fmt, ap);
	va_end(ap);
	a->dirty = true;
}

void
app_redraw(struct app *a)
{
	a->dirty = true;
}

void
app_animate(struct app *a, int ms)
{
	double at = clock_seconds() + ms * 1e-3;

	if (a->animate_at <= 0 || at < a->animate_at)
		a->animate_at = at;
}

const struct theme *
app_theme(const struct app *a)
{
	return &a->theme;
}

void
app_size(const struct app *a, int *w, int *h)
{
	*w = a->canvas->w;
	*h = a->canvas->h;
}

struct event_queue *
app_queue(struct app *a)
{
	return a->queue;
}

struct jobs *
app_jobs(struct app *a)
{
	return a->jobs;
}

const struct message_log *
app_log(const struct app *a)
{
	return a->log;
}

int
app_job(struct app *a, const struct job_spec *s)
{
	struct t2_err err = {0};
	int id;

	if (jobs_start(a->jobs, s, &id, &err))
		app_fail(a, &err);
	a->dirty = true;
	return id;
}

void
app_quit(struct app *a, int status)
{
	a->quit = true;
	a->status = status;
}

void
app_copy(struct app *a, const char *text)
{
	size_t n = strlen(text);

	switch (a->terminal ? terminal_copy(a->terminal, text, n) : COPY_SENT) {
	case COPY_SENT:
		app_say(a,
			getenv("TMUX") ? "copied %zu bytes (tmux wants set-clipboard on)"
				       : "copied %zu bytes",
			n);
		break;
	case COPY_TOO_LONG:
		app_error(a, "copy: %zu bytes are more than terminals take; %s", n,
			  KEYS_IN(a, a->shown, "{export} exports to a file"));
		break;
	case COPY_UNABLE:
		app_error(a, "copy: this terminal has no clipboard; %s",
			  KEYS_IN(a, a->shown, "{export} exports to a file"));
		break;
	}
}

void
app_undo_push(struct app *a, const char *what, bool (*undo)(struct app *a, void *arg), void *arg,
	      void (*drop)(void *arg), size_t bytes)
{
	struct undo_step s = {.undo = undo,
			      .arg = arg,
			      .drop = drop,
			      .bytes = bytes,
			      .view = a->undo.held ? -1 : a->shown};

	snprintf(s.what, sizeof s.what, "%s", what);
	undo_push(&a->undo, &s);
}

void
app_undo_hold(struct app *a)
{
	a->undo.held++;
}

void
app_undo_release(struct app *a)
{
	a->undo.held--;
}

/* -- views -------------------------------------------------------------------------------------------------- */

struct view *
app_view(struct app *a)
{
	return &a->view[a->shown];
}

int
app_shown(const struct app *a)
{
	return a->shown;
}

/* What a list shows and in which order is as good for another model. */
static void
order_keep(struct view *v)
{
	for (int i = 0; i < v->ops->npanes && v->ops->table; i++) {
		const struct table *t = v->ops->table(v->state, i);

		v->order[i].column = t ? t->sort : 0;
		v->order[i].descending = t ? t->descending : 0;
	}
}

static void
order_restore(struct view *v)
{
	for (int i = 0; i < v->ops->npanes; i++) {
		struct table *t = v->ops->table ? v->ops->table(v->state, i) : NULL;

		if (t && v->order[i].column)
			table_order(t, v->order[i].column, v->order[i].descending);
		if (v->filter[i][0] && v->ops->filter)
			v->ops->filter(v, v->state, i, v->filter[i]);
	}
}

bool
view_open(struct view *v)
{
	const struct view_ops *ops = v->ops;
	enum t2_status st = T2_OK;

	if (v->opened || v->failed)
		return v->opened;
	v->why.msg[0] = 0;
	v->state = calloc(1, ops->state_size ? ops->state_size : 1);
	if (!v->state)
		st = t2_nomem(&v->why, ops->name);
	for (int i = 0; i < ops->npanes; i++)
		snprintf(v->title[i], sizeof v->title[i], "%s", ops->panes[i].title);
	for (int i = 0; i < LAYOUTS && !st; i++)
		if (!v->layout[i] && view_layout_text(ops, i))
			st = layout_new(&v->layout[i], view_layout_text(ops, i), ops->panes,
					ops->npanes, &v->why);
	if (!st && !v->app->script)
		splits_restore(v);
	if (!st && ops->open)
		st = ops->open(v, v->state, &v->why);
	v->failed = st != T2_OK;
	v->opened = !v->failed;
	if (v->opened)
		order_restore(v);
	if (v->failed) {
		free(v->state);
		v->state = NULL;
	} else if (v->kept) {
		ops->restore(v, v->state, v->kept, v->kept_at);
		v->editing = v->kept_editing;
		free(v->kept);
		v->kept = NULL;
	}
	return v->opened;
}

void
view_close(struct view *v)
{
	if (v->opened)
		order_keep(v);
	if (v->opened && v->ops->close)
		v->ops->close(v, v->state);
	free(v->state);
	v->state = NULL;
	v->opened = v->failed = v->editing = false;
	memset(v->note, 0, sizeof v->note);
}

void
app_show(struct app *a, int number)
{
	struct view *v;

	if (number < 0 || number >= APP_VIEWS)
		return;
	v = &a->view[number];
	if (!v->ops) {
		app_say(a, "%s: this view is not there yet", app_view_name(number));
		return;
	}
	if (number != a->shown)
		a->view[a->shown].editing = false;
	a->shown = number;
	a->dirty = true;
	if (view_open(v) && v->ops->show)
		v->ops->show(v, v->state);
}

void
app_send(struct app *a, const struct view_ops *to, int type, void *data, void (*drop)(void *))
{
	event_post(a->queue, to, type, data, drop);
}

/* What app_post()'s events are for: no view. */
static const char saying;

void
app_post(struct app *a, const char *text)
{
	event_post(a->queue, &saying, 0, strdup(text), free);
}

static void
deliver(struct app *a, const struct event *e)
{
	if (e->to == &saying && e->data)
		app_say(a, "%s", (const char *)e->data);
	if (!e->to && a->cfg->event)
		a->cfg->event(a->cfg->user, e);
	for (int i = 0; i < APP_VIEWS; i++) {
		struct view *v = &a->view[i];

		if (!v->ops || (e->to && e->to != v->ops))
			continue;
		if (e->to && !view_open(v))
			app_fail(a, &v->why);
		if (v->opened && v->ops->event)
			v->ops->event(v, v->state, e);
	}
	a->dirty = true;
}

/* -- frame and loop ----------------------------------------------------------------------------------------- */

void
app_resize(struct app *a, int w, int h)
{
	if (w == a->canvas->w && h == a->canvas->h)
		return;
	if (!canvas_resize(a->canvas, w, h))
		app_error(a, "screen: no memory for %d x %d", w, h);
	a->dirty = true;
}

void
app_repaint(struct app *a)
{
	if (a->terminal)
		terminal_repaint(a->terminal);
	a->dirty = true;
}

void
app_suspend(struct app *a)
{
	int w, h;

	if (!a->terminal)
		return;
	terminal_suspend(a->terminal);
	terminal_size(a->terminal, &w, &h);
	app_resize(a, w, h);
	app_repaint(a);
}

void
app_set_mouse(struct app *a, bool on)
{
	a->mouse = on;
	if (a->terminal)
		terminal_mouse(a->terminal, on);
}

bool
app_set_theme(struct app *a, const char *name)
{
	struct t2_err err = {0};

	if (theme_load(&a->theme, name, &err)) {
		app_fail(a, &err);
		return false;
	}
	app_repaint(a);
	return true;
}

static void
said(void *arg, bool error, const char *name, const char *text)
{
	if (error)
		app_error(arg, "%s: %s", name, text);
	else
		app_say(arg, "%s: %s", name, text);
}

static void
take_events(struct app *a)
{
	struct event e;

	event_drain(a->queue);
	while (event_take(a->queue, &e)) {
		deliver(a, &e);
		event_drop(&e);
	}
	jobs_reap(a->jobs, said, a);
	app_ask_step(a);
	app_later_step(a);
	app_renew_step(a);
	a->dirty = true;
}

static void
take_signals(struct app *a)
{
	int sig, w, h;

	while ((sig = terminal_signal(a->terminal))) {
		switch (sig) {
		case SIGWINCH:
			terminal_size(a->terminal, &w, &h);
			app_resize(a, w, h);
			app_repaint(a);
			break;
		case SIGTSTP:
			app_suspend(a);
			break;
		case SIGCONT:
			terminal_resume(a->terminal);
			app_repaint(a);
			break;
		default:
			app_quit(a, 128 + sig);
		}
	}
}

/* Milliseconds until something is due; -1: nothing is. */
static int
due(const struct app *a, double now)
{
	double at = INFINITY;

	if (a->dirty)
		at = a->frame_at;
	if (a->animate_at > 0)
		at = fmin(at, a->animate_at);
	if (a->message_until > 0)
		at = fmin(at, a->message_until);
	if (isinf(at))
		return -1;
	return at <= now ? 0 : (int)ceil((at - now) * 1e3);
}

static void
draw(struct app *a, double now)
{
	a->dirty = false;
	a->animate_at = 0;
	frame_draw(a);
	if (a->terminal && !terminal_flush(a->terminal, a->canvas))
		app_quit(a, 128 + SIGHUP);
	a->frame_at = a->terminal ? now + frame_gap : now; /* a script watches every frame */
}

static void
loop(struct app *a, struct t2_err *err)
{
	while (!a->quit) {
		struct pollfd fds[3] = {
			{event_fd(a->queue), POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};
		double now = clock_seconds();
		struct input in;
		int wait, rest = jobs_rest(a->jobs);

		if (a->animate_at > 0 && now >= a->animate_at)
			a->dirty = true;
		if (a->message_until > 0 && now >= a->message_until) {
			a->message_until = 0;
			a->dirty = true;
		}
		if (a->dirty && now >= a->frame_at)
			draw(a, now);
		wait = due(a, now);
		if (rest >= 0 && (wait < 0 || rest < wait))
			wait = rest;
		if (a->script && !a->dirty) {
			int ms = 0;

			switch (script_step(a->script, a, a->canvas, &ms, err)) {
			case SCRIPT_STEPPED:
				wait = 0;
				break;
			case SCRIPT_WAIT:
				wait = wait < 0 || ms < wait ? ms : wait;
				break;
			case SCRIPT_END:
				app_quit(a, 0);
				break;
			case SCRIPT_FAILED:
				app_quit(a, 1);
				break;
			}
		}
		if (a->terminal) {
			fds[1].fd = terminal_fd(a->terminal);
			fds[2].fd = terminal_signal_fd(a->terminal);
		}
		if (a->quit || poll(fds, 3, wait) <= 0)
			continue;
		if (fds[2].revents)
			take_signals(a);
		if (fds[0].revents)
			take_events(a);
		while (fds[1].revents && !a->quit && terminal_input(a->terminal, &in)) {
			if (in.kind == IN_EOF)
				app_quit(a, 128 + SIGHUP);
			else
				app_input(a, &in);
		}
	}
}

/* -- start and end ------------------------------------------------------------------------------------------ */

static enum t2_status
choice(const char *value, const char *const *names, int n, const char *what, int *out,
       struct t2_err *err)
{
	*out = -1;
	if (!value)
		return T2_OK;
	for (int i = 0; i < n; i++)
		if (!strcmp(value, names[i]))
			*out = i;
	return *out >= 0 ? T2_OK
			 : t2_fail(err, T2_EINVAL, "%s: %s: no such value; %s to %s", what, value,
				   names[0], names[n - 1]);
}

static enum t2_status
views_add(struct app *a, const struct view_ops *ops, struct t2_err *err)
{
	struct view *v;

	if (ops->number < 0 || ops->number >= APP_VIEWS || ops->npanes < 1 ||
	    ops->npanes > VIEW_PANES)
		return t2_fail(err, T2_EINVAL, "view %s: number or panes out of range", ops->name);
	v = &a->view[ops->number];
	if (v->ops)
		return t2_fail(err, T2_EINVAL, "views %s and %s: both have number %d", v->ops->name,
			       ops->name, ops->number);
	*v = (struct view){.app = a, .ops = ops, .user = a->cfg->user};
	return T2_OK;
}

static enum t2_status
app_start(struct app *a, struct t2_err *err)
{
	static const char *const glyphs[] = {"ascii", "block", "braille"};
	static const char *const colors[] = {"mono", "8", "16", "256", "24bit"};
	const struct app_config *cfg = a->cfg;
	struct terminal_options opt = {.mouse = a->mouse};
	enum t2_status st;
	int w = cfg->w ? cfg->w : 80, h = cfg->h ? cfg->h : 24;
	const char *set;

	st = choice(cfg->glyphs, glyphs, 3, "glyphs", &opt.glyphs, err);
	if (!st)
		st = choice(cfg->colors, colors, 5, "colours", &opt.depth, err);
	if (!st)
		st = views_add(a, &log_view, err);
	if (!st)
		st = views_add(a, &jobs_view, err);
	for (int i = 0; i < cfg->nviews && !st; i++)
		st = views_add(a, cfg->views[i], err);
	a->keys = cfg->keys;
	if (!st && !a->keys) {
		st = keymap_new(&a->own_keys, cfg->views, cfg->nviews, NULL, 0, "", err);
		a->keys = a->own_keys;
	}
	if (st)
		return st;
	a->queue = event_queue_new();
	a->log = message_log_new();
	a->jobs = a->queue ? jobs_new(a->queue) : NULL;
	/* A script must do the same on every machine and leave nothing behind. */
	a->commands = history_open("commands", !cfg->script);
	a->filters = history_open("filters", !cfg->script);
	if (!a->jobs || !a->log || !a->commands || !a->filters)
		return t2_nomem(err, "workbench");
	theme_builtin(&a->theme, THEME_DARK);
	if (cfg->theme) {
		st = theme_load(&a->theme, cfg->theme, err);
		if (st)
			return st;
	}
	if (cfg->script) {
		st = script_open(&a->script, cfg->script, err);
	} else {
		st = terminal_open(&a->terminal, &opt, err);
		if (!st)
			terminal_size(a->terminal, &w, &h);
	}
	if (st)
		return st;
	if (w < 1 || h < 1 || w > 1000 || h > 400)
		return t2_fail(err, T2_EINVAL, "screen: %d x %d: out of range", w, h);
	a->canvas = canvas_new(w, h);
	if (!a->canvas)
		return t2_nomem(err, "screen");
	a->canvas->theme = &a->theme;
	if (a->terminal) {
		a->canvas->depth = terminal_depth(a->terminal);
		a->canvas->glyphs = terminal_glyphs(a->terminal);
	} else {
		set = nl_langinfo(CODESET);
		a->canvas->depth =
			opt.depth >= 0 ? (enum color_depth)opt.depth : color_detect(1 << 24, true);
		a->canvas->glyphs = opt.glyphs >= 0	    ? (enum glyph_level)opt.glyphs
				    : !strcmp(set, "UTF-8") ? GLYPHS_BRAILLE
							    : GLYPHS_ASCII;
	}
	if (a->canvas->depth == DEPTH_MONO)
		theme_builtin(&a->theme, THEME_MONO);
	app_show(a, cfg->first);
	if (a->shown != cfg->first) /* a view that is not there: the first that is */
		app_show(a, cfg->nviews ? cfg->views[0]->number : jobs_view.number);
	return T2_OK;
}

/* The terminal is the shell's again. */
static void
lost(void *arg, const char *name, const char *text)
{
	(void)arg;
	fprintf(stderr, "t2tui: %s: %s\n", name, text);
}

static void
app_end(struct app *a)
{
	terminal_close(a->terminal);
	if (a->cfg->closing)
		a->cfg->closing(a->cfg->user);
	app_overlay_close(a);
	if (a->jobs) /* before the views: threads may still read their state */
		jobs_stop(a->jobs, lost, NULL);
	jobs_free(a->jobs);
	for (int i = 0; i < APP_VIEWS; i++) {
		struct view *v = &a->view[i];

		view_close(v);
		free(v->kept);
		for (int k = 0; k < LAYOUTS; k++)
			layout_free(v->layout[k]);
	}
	undo_clear(&a->undo);
	app_later_drop(a);
	app_renew_drop(a);
	script_close(a->script);
	event_queue_free(a->queue);
	message_log_free(a->log);
	canvas_free(a->canvas);
	history_close(a->commands);
	history_close(a->filters);
	keymap_free(a->own_keys);
}

int
app_run(const struct app_config *cfg)
{
	struct app *a = calloc(1, sizeof *a);
	struct t2_err err = {0};
	int status = 1;

	if (!a) {
		fprintf(stderr, "t2tui: out of memory\n");
		return 1;
	}
	setlocale(LC_CTYPE, "");
	a->cfg = cfg;
	a->drag = a->grab = -1;
	a->mouse = !cfg->no_mouse;
	snprintf(a->title, sizeof a->title, "%s", cfg->title ? cfg->title : "");
	if (!app_start(a, &err)) {
		loop(a, &err);
		status = a->status;
	}
	app_end(a);
	if (err.msg[0])
		fprintf(stderr, "t2tui: %s\n", err.msg);
	free(a);
	return status;
}
