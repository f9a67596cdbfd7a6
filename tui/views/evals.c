/* Evals (8): what strategies, experts and mixtures are worth on the tasks; launches what has not been measured. */
#include "tui/views/evals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/shown.h"
#include "tui/views/views.h"
#include "tui/widgets/form.h"
#include "tui/widgets/gauge.h"

/* The form stands beside the rest: the engine, which evals_run.c needs, has a form of its own. */
struct desk {
	struct evals s; /* first: the other files see this alone */
	struct form form;
};

static const char *const splits[] = {"test", "validation", "train", NULL};

static const struct form_field fields[] = {
	{.kind = FORM_INT,
	 .key = "questions",
	 .label = "questions",
	 .help = "0: all of them",
	 .hi = 100000,
	 .initial = "0"},
	{.kind = FORM_CHOICE,
	 .key = "split",
	 .label = "split",
	 .help = "training sees no test",
	 .choices = splits},
	{.kind = FORM_REAL,
	 .key = "temp",
	 .label = "temp",
	 .help = "temperature; 0: greedy",
	 .hi = 10,
	 .initial = "0"},
	{.kind = FORM_INT,
	 .key = "seed",
	 .label = "seed",
	 .help = "matters above temperature 0",
	 .hi = 2147483647,
	 .initial = "0"},
};

static struct ev_settings
settings_of(const struct desk *d)
{
	struct ev_settings set = {.n = (int)form_number(&d->form, "questions"),
				  .temp = (double)(float)form_number(&d->form, "temp"),
				  .seed = (int64_t)form_number(&d->form, "seed")};

	snprintf(set.split, sizeof set.split, "%s", form_value(&d->form, "split"));
	return set;
}

static void
settings_changed(struct view *v, struct desk *d)
{
	struct ev_settings set = settings_of(d);

	evals_settings(v, &d->s, &set);
}

/* -- life -------------------------------------------------------------------------------------------------- */

static enum t2_status
evals_open(struct view *v, void *state, struct t2_err *err)
{
	struct evals *s = state;
	enum t2_status st;

	s->w = v->user;
	if ((st = world_begin(s->w, v->app, err)))
		return st;
	if (!form_init(&((struct desk *)state)->form, fields, sizeof fields / sizeof *fields))
		return t2_nomem(err, "evals");
	evals_items_init(s);
	snprintf(s->set.split, sizeof s->set.split, "%s", splits[0]);
	return T2_OK;
}

static void
evals_close(struct view *v, void *state)
{
	struct evals *s = state;

	(void)v;
	form_free(&((struct desk *)state)->form);
	evals_data_free(s);
	evals_items_free(s);
	evals_choices_free(&s->choices);
	free(s->work);
}

/* Settings and the order of the rows are as good for another model; a value that is being typed is finished before. */
static char *
evals_keep(struct view *v, void *state, size_t *at)
{
	struct desk *d = state;
	char *form = v->editing ? NULL : form_keep(&d->form), *text = NULL;

	*at = (size_t)d->form.sel;
	if (form && asprintf(&text, "%c%s\n%s", d->s.worst ? 'w' : 'b', d->s.sorted, form) < 0)
		text = NULL;
	free(form);
	return text;
}

static void
evals_restore(struct view *v, void *state, const char *text, size_t at)
{
	struct desk *d = state;
	size_t n = strcspn(text, "\n");

	(void)v;
	d->s.worst = *text == 'w';
	snprintf(d->s.sorted, sizeof d->s.sorted, "%.*s", (int)n - 1, text + 1);
	form_restore(&d->form, text + n + 1);
	d->form.sel = (int)at;
	d->s.set = settings_of(d);
}

static void
evals_show(struct view *v, void *state)
{
	evals_board(v, state, true);
}

static void
evals_event(struct view *v, void *state, const struct event *e)
{
	struct evals *s = state;

	switch (e->type) {
	case WORLD_STORE:
		if (app_shown(v->app) == evals_view.number) /* else when it is */
			evals_board(v, s, true);
		return;
	case EV_SURVEY:
		evals_surveyed(v, s, e->data);
		return;
	case EV_PROGRESS:
		evals_progress(s, e->data);
		return;
	case EV_DONE:
		evals_done(v, s, e->data);
		return;
	default:
		return;
	}
}

static void
evals_filter(struct view *v, void *state, int pane, const char *text)
{
	struct evals *s = state;

	if (pane == EV_QUESTIONS) {
		table_filter(&s->table, text);
	} else {
		evals_map(s, text);
		evals_items_update(v, s);
	}
}

static void
unmark(struct view *v, void *state, const char *arg)
{
	(void)v;
	(void)arg;
	((struct evals *)state)->marks = 0;
}

/* -- acting ------------------------------------------------------------------------------------------------ */

/* The latest marked cell of the same column becomes the other one; without one, the base model again. */
static void
compare_cells(struct view *v, struct evals *s)
{
	int row = evals_row(s);

	if (row < 0 || s->selcol >= s->cols)
		return;
	s->against.spec[0] = 0;
	for (int i = s->marks - 1; i >= 0; i--)
		if (!strcmp(s->mark[i].task, s->col[s->selcol].task) &&
		    strcmp(s->mark[i].spec, s->row[row].spec)) {
			s->against = s->mark[i];
			break;
		}
	evals_items_update(v, s);
	if (s->against.spec[0])
		app_say(v->app, "compared with %s on the same questions",
			shown_strategy(s->against.spec));
	else
		app_say(v->app, "%s",
			KEYS(v, "compared with the base model; {mark} marks another cell of this "
				"column to compare with"));
	if (evals_looking(s))
		s->show = EV_DIFFER; /* as soon as they are there */
	else
		evals_items_show(s, EV_DIFFER);
	view_focus(v, v->single ? EV_CELL : EV_QUESTIONS);
}

static void
sort_rows(struct view *v, struct evals *s)
{
	const char *task = s->col[s->selcol].task;

	if (strcmp(s->sorted, task)) {
		snprintf(s->sorted, sizeof s->sorted, "%s", task);
		s->worst = false;
	} else if (s->worst) {
		s->sorted[0] = 0;
	} else {
		s->worst = true;
	}
	evals_map(s, view_filter(v, EV_MATRIX));
	if (s->sort)
		app_say(v->app, "sorted by %s, %s first", task, s->worst ? "worst" : "best");
	else
		app_say(v->app, "in their own order again");
}

/* Fewer or more questions, by steps that make the interval visibly narrower; after 1000 all. */
static void
more_questions(struct view *v, struct desk *d, int by)
{
	static const int step[] = {20, 50, 100, 200, 500, 1000, 2000, 5000, 0};
	enum { STEPS = sizeof step / sizeof *step };
	const struct evals *s = &d->s;
	int at = STEPS - 1;
	char text[32];

	for (int i = STEPS - 2; i >= 0; i--)
		if (s->set.n && s->set.n <= step[i])
			at = i;
	if (!s->set.n && by < 0) { /* the first step below all that there are */
		int items = s->selcol < s->cols ? s->col[s->selcol].items : 0;

		while (at > 0 && (at == STEPS - 1 || (items && step[at] >= items)))
			at--;
	} else {
		at += by;
	}
	at = at < 0 ? 0 : at > STEPS - 1 ? STEPS - 1 : at;
	snprintf(text, sizeof text, "%d", step[at]);
	form_set(&d->form, "questions", text);
	d->s.tell = true;
	settings_changed(v, d);
}

static bool
matrix_action(struct view *v, struct evals *s, enum action a)
{
	int row = evals_row(s), page = s->heat.rows > 1 ? s->heat.rows - 1 : 1;

	switch (a) {
	case A_UP:
	case A_PREV:
		s->sel -= s->sel > 0;
		break;
	case A_DOWN:
	case A_NEXT:
		s->sel += s->sel + 1 < s->nmap;
		break;
	case A_PAGE_UP:
		s->sel = s->sel > page ? s->sel - page : 0;
		break;
	case A_PAGE_DOWN:
		s->sel = s->sel + page < s->nmap ? s->sel + page : s->nmap ? s->nmap - 1 : 0;
		break;
	case A_TOP:
		s->sel = 0;
		break;
	case A_BOTTOM:
		s->sel = s->nmap ? s->nmap - 1 : 0;
		break;
	case A_LEFT:
		s->selcol -= s->selcol > 0;
		break;
	case A_RIGHT:
		s->selcol += s->selcol + 1 < s->cols;
		break;
	case A_MARK:
		if (row >= 0 && s->selcol < s->cols)
			evals_mark(s, row, s->selcol);
		return true;
	case A_SORT:
		if (s->selcol < s->cols)
			sort_rows(v, s);
		break;
	case A_OPEN:
		if (row < 0 || s->selcol >= s->cols)
			return false;
		if (evals_pending(v, s))
			return true;
		if (evals_missing(s, row, s->selcol))
			evals_run_cell(v, s, NULL);
		else
			view_focus(v, EV_QUESTIONS);
		return true;
	default:
		return false;
	}
	evals_items_update(v, s);
	return true;
}

static bool
questions_action(struct view *v, struct evals *s, enum action a)
{
	if (a == A_NEXT || a == A_PREV) {
		if (!evals_items_next(s, a == A_NEXT ? 1 : -1))
			app_say(v->app, "no further %s",
				s->show == EV_DIFFER ? "question that differs" : "wrong answer");
		s->scroll = 0;
		return true;
	}
	if (a == A_OPEN) {
		view_focus(v, EV_ANSWER);
		return true;
	}
	if (a == A_MARK || !table_action(&s->table, a))
		return false;
	s->scroll = 0;
	return true;
}

static bool
evals_action(struct view *v, void *state, int pane, enum action a)
{
	struct desk *d = state;
	struct evals *s = &d->s;

	if (a == A_REFRESH) {
		s->signature[0] = 0; /* files may have changed too */
		evals_board(v, s, true);
		return true;
	}
	if (a == A_COMPARE) {
		compare_cells(v, s);
		return true;
	}
	if (a == A_BACK) {
		if (s->running) /* the frame's meaning: cancel */
			return false;
		if (pane != EV_MATRIX) {
			view_focus(v, pane == EV_ANSWER ? EV_QUESTIONS : EV_MATRIX);
			return true;
		}
		return false;
	}
	if (pane == EV_SETTINGS) {
		if (!form_action(&d->form, a))
			return false;
		if (d->form.changed >= 0)
			settings_changed(v, d);
		view_edit(v, d->form.editing);
		return true;
	}
	if (a == A_MORE || a == A_LESS) {
		more_questions(v, d, a == A_MORE ? 1 : -1);
		return true;
	}
	if (a == A_EDIT) {
		view_focus(v, EV_SETTINGS);
		return true;
	}
	if (pane == EV_QUESTIONS)
		return questions_action(v, s, a);
	if (pane == EV_ANSWER) {
		int page = v->pane[EV_ANSWER].h > 4 ? v->pane[EV_ANSWER].h - 3 : 1;

		if (a == A_NEXT || a == A_PREV)
			return questions_action(v, s, a);
		s->scroll += a == A_DOWN	? 1
			     : a == A_UP	? -1
			     : a == A_PAGE_DOWN ? page
			     : a == A_PAGE_UP	? -page
						: 0;
		s->scroll = a == A_TOP || s->scroll < 0 ? 0 : s->scroll;
		return true;
	}
	return matrix_action(v, s, a);
}

static const char *
evals_says(struct view *v, void *state, int pane, enum action a)
{
	const struct evals *s = state;
	int row = evals_row(s);

	(void)v;
	if (a != A_OPEN || row < 0 || s->selcol >= s->cols)
		return NULL;
	if (pane == EV_SETTINGS)
		return "change";
	if (pane != EV_MATRIX)
		return NULL;
	return !evals_missing(s, row, s->selcol)  ? "questions"
	       : evals_work(s, row, s->selcol)	  ? ""
	       : evals_refusal(s, row, s->selcol) ? "why not"
						  : "measure";
}

static bool
evals_key(struct view *v, void *state, int pane, int key)
{
	struct desk *d = state;
	bool taken;

	if (pane != EV_SETTINGS)
		return false;
	taken = form_key(&d->form, key);
	if (taken && d->form.changed >= 0)
		settings_changed(v, d);
	view_edit(v, d->form.editing);
	return taken;
}

static void
evals_paste(struct view *v, void *state, int pane, const char *text)
{
	(void)v;
	if (pane == EV_SETTINGS)
		form_paste(&((struct desk *)state)->form, text);
}

static bool
evals_mouse(struct view *v, void *state, int pane, const struct mouse *m)
{
	struct desk *d = state;
	struct evals *s = &d->s;
	bool open = false;
	int sel, col;

	if (pane == EV_QUESTIONS && table_mouse(&s->table, m, &open)) {
		s->scroll = 0;
		return true;
	}
	if (pane == EV_SETTINGS && form_mouse(&d->form, m)) {
		if (d->form.changed >= 0)
			settings_changed(v, d);
		view_edit(v, d->form.editing);
		return true;
	}
	if (pane != EV_MATRIX || m->kind != MOUSE_PRESS || m->button != 1 ||
	    !evals_hit(s, m->x, m->y, &sel, &col))
		return false;
	if (sel < 0) { /* a column's title */
		s->selcol = col;
		sort_rows(v, s);
	} else if (s->sel == sel && s->selcol == col) {
		matrix_action(v, s, A_OPEN);
	} else {
		s->sel = sel;
		s->selcol = col;
	}
	evals_items_update(v, s);
	return true;
}

static void
next_show(struct view *v, void *state, const char *arg)
{
	static const char *const name[EV_SHOWS] = {"all questions", "wrong ones", "right ones",
						   "those that differ from the other cell"};
	struct evals *s = state;

	(void)arg;
	evals_items_show(s, (s->show + 1) % EV_SHOWS);
	app_say(v->app, "%s", name[s->show]);
}

static void
draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r)
{
	if (pane == EV_SETTINGS)
		form_draw(&((struct desk *)state)->form, c, r, view_focused(v, EV_SETTINGS));
	else
		evals_draw(v, state, pane, c, r);
}

static const struct binding bindings[] = {
	{A_NONE, "R", "run-missing", "run what is missing: marked cells, else the row",
	 evals_run_row, PANES_ALL, BIND_BAR},
	{A_NONE, "|", "run-column", "run what is missing in the column", evals_run_column,
	 PANES_ALL, BIND_BAR},
	{A_NONE, "", "run-all", "run everything that is missing", evals_run_all, PANES_ALL, 0},
	{A_NONE, "!", "run-again", "measure the selected cell, measured or not", evals_run_cell,
	 PANES_ALL, 0},
	{A_NONE, "f", "show", "all questions, wrong ones, right ones, those that differ", next_show,
	 PANES_ALL, BIND_BAR | BIND_LATE},
	{A_NONE, "U", "unmark", "unmark all cells", unmark, PANES_ALL, 0},
};

enum { COMMON = CAN(A_REFRESH) | CAN(A_COMPARE) | CAN(A_BACK) | CAN(A_MORE) | CAN(A_LESS) };

static const struct pane_spec panes[] = {
	[EV_MATRIX] = {"matrix", "accuracy", 40, 4,
		       CAN_MOVE_2D | CAN_FILTER | CAN(A_MARK) | CAN(A_OPEN) | CAN(A_SORT) |
			       CAN(A_EDIT) | COMMON},
	[EV_SETTINGS] = {"settings", "settings", 22, 3,
			 CAN_MOVE | CAN(A_OPEN) | CAN(A_EDIT) | CAN(A_MARK) | CAN(A_LEFT) |
				 CAN(A_RIGHT) | COMMON},
	[EV_CELL] = {"cell", "cell", 36, 4, COMMON},
	[EV_QUESTIONS] = {"questions", "questions", 36, 4,
			  CAN_LIST | CAN(A_OPEN) | CAN(A_SORT) | COMMON},
	[EV_ANSWER] = {"answer", "answer", 30, 4, CAN_MOVE | CAN(A_NEXT) | CAN(A_PREV) | COMMON},
	[EV_DISPATCH] = {"dispatch", "dispatch", 24, 3, COMMON},
};

static struct table *
evals_table(void *state, int pane)
{
	struct evals *s = state;

	return pane == EV_QUESTIONS ? &s->table : NULL;
}

const struct view_ops evals_view = {
	.name = "Evals",
	.number = 8,
	.state_size = sizeof(struct desk),
	.panes = panes,
	.npanes = EV_PANES,
	.layout = "v(5:h(1:matrix =31:v(=8:settings 1:dispatch)) 6:h(5:questions 4:v(=12:cell "
		  "1:answer)))",
	.wide = "v(6:matrix 5:h(6:questions 5:v(=12:cell 1:answer) =36:v(=8:settings 1:dispatch)))",
	.bindings = bindings,
	.nbindings = sizeof bindings / sizeof *bindings,
	.signs = ev_signs,
	.nsigns = EV_SIGNS,
	.open = evals_open,
	.close = evals_close,
	.show = evals_show,
	.keep = evals_keep,
	.restore = evals_restore,
	.draw = draw,
	.action = evals_action,
	.says = evals_says,
	.key = evals_key,
	.paste = evals_paste,
	.mouse = evals_mouse,
	.event = evals_event,
	.filter = evals_filter,
	.table = evals_table,
	.dump = evals_dump,
};
