/* app_state.h - what app.c, frame.c, dispatch.c, command.c and ask.c share; not for views (they see app.h). */
#ifndef T2_APP_STATE_H
#define T2_APP_STATE_H

#include "tui/app.h"
#include "tui/message.h"
#include "tui/theme.h"
#include "tui/undo.h"
#include "tui/widgets/tabs.h"

enum { APP_VIEWS = 10, MIN_W = 60, MIN_H = 16 };

struct history;
struct later;
struct terminal;
struct script;

/* Something over the view that takes all input: palette, help, a question, a prompt.  One at a time. */
struct overlay_ops {
	void (*draw)(struct app *a, void *state, struct canvas *c);
	bool (*key)(struct app *a, void *state, int key); /* false: done, close it */
	void (*paste)(struct app *a, void *state, const char *text);
	bool (*mouse)(struct app *a, void *state, const struct mouse *m);
	void (*close)(void *state); /* frees state */
	bool bottom;		    /* lies in the bottom band: the view stays in full sight */
	const char *
		hint; /* its keys for the bottom band, "Esc close  Enter run"; NULL: it shows them itself */
};

struct hit { /* a tab as drawn, for the mouse */
	int x, w, number;
};

struct app {
	const struct app_config *cfg;
	struct terminal *terminal; /* or */
	struct script *script;
	struct canvas *canvas;
	struct theme theme;
	struct event_queue *queue;
	struct jobs *jobs;
	struct message_log *log;
	struct keymap *own_keys; /* where the configuration brings none */
	const struct keymap *keys;
	struct history *commands, *filters;
	char title[128];

	struct view view[APP_VIEWS]; /* by number; ops NULL: none */
	int shown;
	const struct overlay_ops *overlay;
	void *overlay_state;

	char message[512];
	enum message_level level;
	double message_until; /* clock_seconds(); 0: no message */

	struct undo_stack undo;
	struct { /* app_renew(); swap NULL: nothing waits */
		struct app_renewal what;
		bool told, asking, allowed, ending, stopping;
	} renew;
	struct later *later; /* app_later(), the first first */

	struct hit tab[APP_VIEWS];
	int ntab;
	struct tabs strip;
	int drag; /* layout handle, -1: none */
	int grab; /* pane that got the button press, -1: none */

	bool mouse, dirty, quit, asked;
	int status;
	double frame_at, animate_at; /* 0: not */
};

struct view *app_view(struct app *a); /* the one shown */
bool view_open(struct view *v);	      /* false: failed, v->why says why */
unsigned view_can(const struct view *v);
void view_close(struct view *v);
/* The sets that hold in v, in the order of look-up. */
int app_bindings(struct view *v, struct binding_set out[3]);
/* The command of that name, with the keys that it has in v. */
const struct binding *app_command(struct view *v, const char *name);
extern const struct binding_set app_commands;

void app_input(struct app *a, struct input *in); /* takes in->text */
void app_resize(struct app *a, int w, int h);
void app_overlay(struct app *a, const struct overlay_ops *ops, void *state);
void app_overlay_close(struct app *a);
void app_run_binding(struct app *a, const struct binding *b, const char *arg);
bool app_action(struct app *a, enum action act);
void app_suspend(struct app *a);
/* Do what app_later() and app_renew() asked for, if its time has come; called after events and input. */
void app_later_step(struct app *a);
void app_later_drop(struct app *a);
void app_renew_step(struct app *a);
void app_renew_drop(struct app *a);
void app_ask_quit(struct app *a);
void app_ask_step(struct app *a); /* after events: what a question is about may have changed */
void app_export(struct app *a, bool screen); /* asks where to; else the focused pane */
void app_export_to(struct app *a, const char *path, bool screen);
/* The format is path's ending; nothing is written. */
enum t2_status app_export_text(struct app *a, const char *path, bool screen, struct strbuf *out,
			       struct t2_err *err);
enum t2_status app_export_write(const char *path, const struct strbuf *b, struct t2_err *err);
bool app_set_theme(struct app *a, const char *name); /* false: has said why not */
void app_set_mouse(struct app *a, bool on);
void app_repaint(struct app *a);
void app_filter(struct app *a);
const char *app_view_name(int number); /* of the ten, there or not */
/* What the focused pane holds: its own dump, else what is seen of it. */
bool app_dump(struct app *a, enum dump_format f, struct strbuf *out);
struct rect pane_inside(const struct view *v, int pane);

/* What may stand behind a command that takes this; NULL: paths, or nothing known. */
char **app_words(struct app *a, enum binding_arg what, int *n);
void app_words_free(char **words, int n);

void frame_draw(struct app *a);

void palette_open(struct app *a);
void help_open(struct app *a);
void themes_open(struct app *a);

#endif
