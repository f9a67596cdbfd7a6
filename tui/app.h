/* app.h - the workbench: terminal or script, event loop, views; and what views may ask of it.
 *
 *	struct app_config cfg = {.title = "sample (865k)", .views = views, .nviews = 4, .first = 2, .user = world};
 *	return app_run(&cfg);				// an exit status
 *
 * main() builds the table of views and one world object that all of them share through view->user; the frame never
 * looks into it.  Jobs (9) and Log (0) are always there.  All calls are the UI thread's, but app_post() and event_post() on
 * app_queue().  The loop sleeps in poll(): a view that shows something moving asks with app_animate() while it draws. */
#ifndef T2_APP_H
#define T2_APP_H

#include <stdbool.h>
#include <stddef.h>
#include "engine/base/status.h"
#include "tui/color.h"
#include "tui/event.h"
#include "tui/jobs.h"
#include "tui/view.h"

struct app;
struct history;
struct keymap;
struct message_log;
struct theme;

struct app_config {
	const char *title; /* of what is open; app_title() changes it */
	const struct view_ops *const *views;
	int nviews;
	int first; /* number of the view shown first */
	void (*open)(struct app *a, void *user, const char *what); /* Ctrl-o; what NULL: ask */
	/* Sees what goes to every view, before they do; optional. */
	void (*event)(void *user, const struct event *e);
	/* A sentence on what this session has left unfinished, said before quitting; false: nothing.  Optional. */
	bool (*left)(struct app *a, void *user, char *text, size_t size);
	void (*closing)(void *user); /* the loop is over: nobody may post any more */
	void *user;
	const char *theme; /* name or path; NULL: dark */
	const char
		*theme_conf; /* what t2tui.conf says; a theme chosen here is remembered beside it */
	const char *glyphs;  /* "ascii", "block", "braille"; NULL: by the locale */
	const char
		*colors; /* "mono", "8", "16", "256", "24bit"; NULL: by terminal and environment */
	bool no_mouse;
	/* Names of experts, tasks, mixtures, strategies, for completion; optional.  The caller frees array and strings. */
	char **(*words)(void *user, enum binding_arg what, int *n);
	const struct keymap *keys; /* borrowed; NULL: as the tables have them */
	const char *
		script; /* a file ("-": stdin) replayed on a screen of w x h without a terminal; see script.h */
	int w, h;
};

/* Returns an exit status: 0, 1 after an error (which it has printed), 128 + n when signal n ended it. */
int app_run(const struct app_config *cfg);

/* Every key of the workbench and of these views as mdoc lists, for t2tui(1). */
void app_keys_mdoc(const struct view_ops *const *views, int n, struct strbuf *out);

/* Saying things.  Also kept in the log. */
void app_say(struct app *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void app_error(struct app *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void app_fail(struct app *a, const struct t2_err *err); /* err's message */
void app_post(struct app *a, const char *text);		/* any thread: app_say() it soon */
void app_title(struct app *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Moving about. */
void app_show(struct app *a, int number);
int app_shown(const struct app *a);
/* To another view, opened or not (it is opened then): its event() gets it.  data is dropped afterwards. */
void app_send(struct app *a, const struct view_ops *to, int type, void *data, void (*drop)(void *));
void app_quit(struct app *a, int status);
/* Everything anew: cancels the jobs of this process and, when the last of them has ended, closes every view, calls
 * swap(a, arg), then drop(arg), and opens the shown view afresh.  Watched jobs go on; what u could take back is forgotten.
 * Nothing of it happens while somebody types, but for text that the view keeps (view_ops.keep). */
struct app_renewal {
	char name[80]; /* of what comes */
	/* What has to be answered with yes before; false: nothing. */
	bool (*question)(struct app *a, void *arg, char *text, size_t size);
	void (*swap)(struct app *a, void *arg);
	void *arg;
	void (*drop)(void *arg); /* also where it does not come to it */
};
void app_renew(struct app *a, const struct app_renewal *r);
/* Jobs are ended for it: what done() would start anew is not wanted any more. */
bool app_renewing(const struct app *a);
/* Keys are text or answers now: something lies over the view, or it is edited. */
bool app_typing(struct app *a);
/* run(a, arg) as soon as nobody types, then drop(arg): for what would take keys without having been asked for by one.  Only
 * drop(arg) where another model comes before, or the end. */
void app_later(struct app *a, void (*run)(struct app *a, void *arg), void *arg,
	       void (*drop)(void *arg));

/* Sentences name keys by what they do, for the user may have given other ones: in "{resume} goes on" stands the first
 * key of that command in the view of this number (-1: in every view), ":resume" where it has none.  In a function's block:
 *
 *	app_say(v->app, "run %d stops; %s", run, KEYS(v, "{resume} goes on")); */
enum { KEYS_TEXT = 320 };
const char *app_keys(const struct app *a, int view, char buf[KEYS_TEXT], const char *text);
#define KEYS_IN(a, view, text) app_keys((a), (view), (char[KEYS_TEXT]){0}, (text))
#define KEYS(v, text)	       KEYS_IN((v)->app, (v)->ops->number, (text))

/* Drawing. */
void app_redraw(struct app *a);
void app_animate(struct app *a, int ms); /* while drawing: draw again in ms */
const struct theme *app_theme(const struct app *a);
void app_size(const struct app *a, int *w, int *h);

/* Work beside the screen. */
struct event_queue *app_queue(struct app *a);
struct jobs *app_jobs(struct app *a);
/* jobs_start() whose failure is said in the message line; returns the id, 0 on failure. */
int app_job(struct app *a, const struct job_spec *s);

/* Questions.  drop(arg) is called when the question is gone, answered or not. */
void app_confirm(struct app *a, const char *question, void (*yes)(struct app *a, void *arg),
		 void *arg, void (*drop)(void *arg));
/* One line of text in the bottom band; changed (optional) sees each edit, done the final text.  cancelled: Esc. */
struct app_prompt {
	const char *label, *text; /* text: to start with; NULL: none */
	bool model, file;	  /* the path of a model, of any file: Tab completes it */
	void (*changed)(struct app *a, void *arg, const char *text);
	void (*done)(struct app *a, void *arg, const char *text);
	void (*cancelled)(struct app *a, void *arg);
	void (*drop)(void *arg);
	struct history *history; /* up and down; accepted lines go there; NULL: none */
	void *arg;
};
void app_prompt(struct app *a, const struct app_prompt *p);

/* What "u" takes back: undo(app, arg), then drop(arg).  what: "delete expert math".  undo() returns false where it could
 * not and has said why; the step then stays.  bytes: about what arg holds in memory; many make old steps forgotten. */
void app_undo_push(struct app *a, const char *what, bool (*undo)(struct app *a, void *arg),
		   void *arg, void (*drop)(void *arg), size_t bytes);
/* A job makes a step or takes one back: until the release nothing else is taken back.  An undo() that holds has begun; its
 * job says how it ended, and releases. */
void app_undo_hold(struct app *a);
void app_undo_release(struct app *a);
void app_copy(struct app *a, const char *text); /* to the user's clipboard, by OSC 52 */
const struct message_log *app_log(const struct app *a);

#endif
