/* view.h - one screen of the workbench, made of panes: what a view gives to the frame, and what the frame gives to it.
 *
 *	enum { MAP, CURVE };
 *	static const struct pane_spec panes[] = {
 *		[MAP] = {"map", "layers × matrices", 40, 8, CAN_MOVE_2D | CAN(A_MARK)},
 *		[CURVE] = {"curve", "spectrum", 40, 8, 0},
 *	};
 *	const struct view_ops spectrum_view = {
 *		.name = "Spectrum", .number = 2, .state_size = sizeof(struct spectrum),
 *		.panes = panes, .npanes = 2, .layout = "h(2:map 3:curve)",
 *		.bindings = bindings, .nbindings = N, .open = spectrum_open, .draw = spectrum_draw, ...
 *	};
 *
 * Everything here runs in the UI thread.  state is state_size zeroed bytes, made when the view is first shown and kept
 * until the program ends.  draw() only reads (what widgets remember of their geometry aside); key(), action(), mouse()
 * and event() change state, and the frame redraws after each of them.  Nothing may block: over a few milliseconds of
 * work belongs in a job (jobs.h).
 *
 * Layout: h(...) puts children side by side, v(...) one above the other; each child is WEIGHT:NODE, or =SIZE:NODE for
 * that many rows or columns (borders counted); a node is a pane's name or another group.  Where the panes do not get
 * their minimum, or the screen is small, only the focused pane shows, under a strip with the names of all; but those that the
 * view's small layout names show together while one of them has the focus. */
#ifndef T2_VIEW_H
#define T2_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include "engine/base/status.h"
#include "tui/binding.h"
#include "tui/canvas.h"
#include "tui/event.h"

struct app;
struct layout;
struct strbuf;
struct table;
struct view;

enum { VIEW_PANES = 12 };

enum view_layout { LAYOUT_USUAL, LAYOUT_WIDE, LAYOUT_SMALL, LAYOUTS };

enum dump_format { DUMP_TEXT, DUMP_CSV };

struct pane_spec {
	const char *name;  /* in the layout */
	const char *title; /* until view_title() */
	int min_w, min_h;  /* of the inside */
	unsigned can;	   /* CAN(A_...) | ...: common actions that action() takes here */
};

/* A sign that its panes use, with what it says: in a legend, and in the help of every pane. */
struct view_sign {
	const char *sign, *means, *help; /* help NULL: means */
};

struct view_ops {
	const char *name; /* the tab */
	int number;	  /* its key, 0 to 9 */
	size_t state_size;
	const struct pane_spec *panes;
	int npanes;
	const char *layout;
	const char *wide;  /* from 160 columns on; optional */
	const char *small; /* below 100 x 28: of the panes that go together; optional */
	const struct binding *bindings;
	int nbindings;
	const struct view_sign *signs; /* optional */
	int nsigns;

	/* All but draw are optional. */
	enum t2_status (*open)(struct view *v, void *state, struct t2_err *err);
	void (*close)(struct view *v, void *state);
	void (*show)(struct view *v, void *state); /* each time it comes to the front */
	void (*draw)(struct view *v, void *state, int pane, struct canvas *c, struct rect r);
	/* A common action; false: nothing to do here (the frame then tries its own meaning, as for Esc). */
	bool (*action)(struct view *v, void *state, int pane, enum action a);
	/* What a common action would do now, in a word or two for the bottom band: "measure"; "": nothing worth a word
	 * there; NULL: its name says it. */
	const char *(*says)(struct view *v, void *state, int pane, enum action a);
	/* Has the view's own command something to do now?  One that has not is left out of the bottom band; its key says
	 * why. */
	bool (*offers)(struct view *v, void *state, const struct binding *b);
	/* Every key while view_edit() is on, before any binding; false: not taken. */
	bool (*key)(struct view *v, void *state, int pane, int key);
	void (*paste)(struct view *v, void *state, int pane, const char *text);
	/* x and y count from the pane's inside; false: the frame's meaning (wheel moves). */
	bool (*mouse)(struct view *v, void *state, int pane, const struct mouse *m);
	void (*event)(struct view *v, void *state, const struct event *e);
	/* The filter's text while it is typed, "" when it is given up. */
	void (*filter)(struct view *v, void *state, int pane, const char *text);
	/* The pane's list, NULL: none.  When another model takes the open one's place its order stays, as filters do. */
	struct table *(*table)(void *state, int pane);
	/* Another model takes the open one's place: what was typed here and is worth keeping, with the place of the cursor, for
	 * restore() in the view opened afresh; NULL: nothing.  While it says NULL and the view is edited, the other model waits.
	 * Both or neither; the frame frees the text. */
	char *(*keep)(struct view *v, void *state, size_t *at);
	void (*restore)(struct view *v, void *state, const char *text, size_t at);
	/* For y (text) and x; false: not in this format.  Without dump, or on false for text: what is seen. */
	bool (*dump)(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out);
};

/* What the frame keeps for an open view.  A view reads app, user and focus; the rest is the frame's. */
struct view {
	struct app *app;
	const struct view_ops *ops;
	void *state;
	void *user; /* app_config.user */
	int focus;  /* index of the focused pane */
	bool zoomed, editing, failed;
	bool opened;
	const char *
		hint; /* bottom band while editing: "Esc leave  Enter ask"; NULL: that, with "accept" */
	struct t2_err why;		/* failed: open() said this */
	struct layout *layout[LAYOUTS]; /* NULL: the view has none of that kind */
	struct layout *shown;		/* as last drawn; NULL: one pane alone */
	struct rect pane[VIEW_PANES];	/* with borders, as last drawn; w 0: not shown */
	bool single, small;		/* one pane alone; on a small screen */
	char *kept;			/* by ops->keep(), until it is opened again */
	size_t kept_at;
	bool kept_editing;
	char title[VIEW_PANES][96];
	char note[VIEW_PANES][64];
	char filter[VIEW_PANES][64];
	struct {
		int column, descending; /* as table_order() takes them */
	} order[VIEW_PANES];		/* of the lists, while the view is closed */
};

/* Title at the left of a pane's border, note at its right; draw() may call both. */
void view_title(struct view *v, int pane, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void view_note(struct view *v, int pane, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void view_focus(struct view *v, int pane);
const char *view_layout_text(const struct view_ops *ops, enum view_layout which); /* NULL: none */
/* While on, key() sees every key first and letters mean themselves. */
void view_edit(struct view *v, bool on);
bool view_focused(const struct view *v, int pane); /* for the style of a selection */
const char *view_filter(const struct view *v, int pane);

#endif
