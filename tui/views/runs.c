/* Runs (7): training runs and searches as they go: curves, z over time, rollouts, settings. */
#include "tui/views/runs.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/deleting.h"
#include "tui/training.h"
#include "tui/views/views.h"
#include "tui/widgets/gauge.h"

const char *const runs_more_name[] = {"gradient norm", "answer length", "KL to base", "loss",
				      "milliseconds a step"};

/* -- the list ------------------------------------------------------------------------------------------------ */

const struct run_row *
runs_selected(const struct runs *s)
{
	int i = table_selected(&s->table);

	return i >= 0 && i < s->list.n ? &s->list.v[i] : NULL;
}

/* The list as the world has it; what is new in it is read beside. */
static void
take_list(struct view *v, struct runs *s)
{
	struct run_list l;
	struct t2_err err;

	if (world_runs(s->w, &l, &err)) {
		app_fail(v->app, &err);
		return;
	}
	free(s->list.v);
	s->list = l;
	table_rows(&s->table, l.n);
	runs_read(v, s);
}

static const struct column columns[] = {
	{"run", 3, 5, ALIGN_RIGHT, 0},	 {"name", 8, 18, ALIGN_LEFT, 0},
	{"task", 8, 12, ALIGN_LEFT, 4},	 {"status", 7, 11, ALIGN_LEFT, 1},
	{"step", 7, 9, ALIGN_RIGHT, 2},	 {"reward", 6, 7, ALIGN_RIGHT, 1},
	{"best", 5, 6, ALIGN_RIGHT, 3},	 {"time", 6, 8, ALIGN_RIGHT, 5},
	{"curve", 8, 24, ALIGN_LEFT, 6},
};

static void
cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	struct runs *s = arg;
	const struct run_row *r = &s->list.v[row];
	int done, of;

	(void)st;
	switch (col) {
	case 0:
		snprintf(buf, TABLE_CELL, "%lld", (long long)r->id);
		break;
	case 1:
		snprintf(buf, TABLE_CELL, "%.200s", r->name);
		break;
	case 2:
		snprintf(buf, TABLE_CELL, "%.200s", r->task);
		break;
	case 3:
		snprintf(buf, TABLE_CELL, "%s",
			 r->shipped			? "shipped"
			 : strcmp(r->status, "running") ? r->status
			 : !strcmp(r->kind, "search")	? "searching"
			 : r->message[0]		? "validating"
							: r->status);
		break;
	case 4:
		if (!strcmp(r->status, "running") && training_validated(r->message, &done, &of))
			snprintf(buf, TABLE_CELL, "%d/%d", done,
				 of); /* answers, as "validating" says */
		else
			snprintf(buf, TABLE_CELL, "%d/%d", r->step, r->steps);
		break;
	case 5:
	case 6:
		if (col == 6)
			gauge_share(buf, TABLE_CELL, r->best_accuracy);
		else if (isnan(r->reward))
			snprintf(buf, TABLE_CELL, "·");
		else
			snprintf(buf, TABLE_CELL, "%+.3f", r->reward);
		break;
	case 7:
		/* Steps are counted; before the first one, what it took until its last beat. */
		gauge_time(buf, TABLE_CELL,
			   r->step || r->seconds > 0 ? r->seconds
						     : fmax(0, r->heartbeat - r->started));
		break;
	default:
		buf[0] = 0;
	}
}

static bool
paint(void *arg, int row, int col, struct canvas *c, struct rect r, struct style st)
{
	struct runs *s = arg;
	struct run_curves *k;

	if (col != 8)
		return false;
	k = runs_curves(s->v, s, s->list.v[row].id);
	if (k)
		canvas_spark(c, r.x, r.y, r.w, st, k->reward, k->n, 0, 0);
	return true;
}

static int64_t
row_id(void *arg, int row)
{
	struct runs *s = arg;

	return s->list.v[row].id;
}

static int
compare(void *arg, int a, int b, int col)
{
	struct runs *s = arg;
	const struct run_row *x = &s->list.v[a], *y = &s->list.v[b];
	double d;

	switch (col) {
	case 1:
		return strcmp(x->name, y->name);
	case 2:
		return strcmp(x->task, y->task);
	case 3:
		return strcmp(x->status, y->status);
	case 5:
		d = x->reward - y->reward;
		break;
	case 6:
		d = x->best_accuracy - y->best_accuracy;
		break;
	case 7:
		d = x->seconds - y->seconds;
		break;
	default:
		d = (double)(x->id - y->id);
	}
	return d < 0 ? -1 : d > 0;
}

/* -- life -------------------------------------------------------------------------------------------------- */

static enum t2_status
runs_open(struct view *v, void *state, struct t2_err *err)
{
	struct runs *s = state;
	enum t2_status st;

	s->v = v;
	s->w = v->user;
	if ((st = world_begin(s->w, v->app, err)))
		return st;
	s->cursor = NAN;
	s->table = (struct table){.cols = columns,
				  .ncols = sizeof columns / sizeof *columns,
				  .cell = cell,
				  .paint = paint,
				  .id = row_id,
				  .compare = compare,
				  .arg = s,
				  .empty = app_keys(v->app, v->ops->number, s->empty,
						    "No runs yet. {new-run} trains an expert.")};
	take_list(v, s);
	return T2_OK;
}

static void
runs_close(struct view *v, void *state)
{
	struct runs *s = state;

	(void)v;
	for (int i = 0; i < s->ncurves; i++)
		runs_curves_clear(&s->curve[i]);
	free(s->curve);
	free(s->list.v);
	rollout_list_free(&s->rollouts);
	table_free(&s->table);
}

/* What was just started is what is looked at, as soon as it is in the list. */
static void
select_wanted(struct runs *s)
{
	for (int i = 0; i < s->list.n && s->wanted; i++)
		if (s->list.v[i].id == s->wanted) {
			table_select(&s->table, i);
			s->cursor = NAN;
			s->diff = false;
			s->wanted = 0;
		}
}

static void
runs_event(struct view *v, void *state, const struct event *e)
{
	struct runs *s = state;

	if (e->type == VIEW_RUN && e->data) {
		s->wanted = strtoll(e->data, NULL, 10);
		world_refresh(s->w);
	}
	if (e->type == WORLD_READ)
		take_list(v, s);
	if (s->wanted)
		select_wanted(s);
	if (e->type == RUNS_WANT || e->type == VIEW_RUN)
		runs_read(v, s);
}

static void
runs_show(struct view *v, void *state)
{
	(void)v;
	world_refresh(((struct runs *)state)->w);
}

/* -- acting ------------------------------------------------------------------------------------------------ */

/* Its expert stays, and its curves come back with it. */
static void
delete_run(struct view *v, struct runs *s, const struct run_row *r)
{
	char what[160];

	snprintf(what, sizeof what, "run %lld %.100s", (long long)r->id, r->name);
	deleting_row(v->app, s->w->ui.store, TRASH_RUN, r->id, what);
}

static bool
runs_action(struct view *v, void *state, int pane, enum action a)
{
	struct runs *s = state;
	const struct run_row *r = runs_selected(s);

	if (a == A_REFRESH) {
		s->anew = true;
		memset(s->w->told, 0, sizeof s->w->told); /* who asks is answered, each time */
		world_refresh(s->w);
		return true;
	}
	if (a == A_COMPARE) {
		s->diff = !s->diff && table_marks(&s->table) >= 2;
		if (table_marks(&s->table) < 2)
			app_say(v->app, "%s",
				KEYS(v, "{mark} marks runs; {compare} then shows the settings that "
					"differ"));
		else
			view_focus(v, s->diff ? RUNS_SETTINGS : RUNS_LIST);
		return true;
	}
	if (a == A_MORE || a == A_LESS) {
		s->more = (s->more + (a == A_MORE ? 1 : MORES - 1)) % MORES;
		return true;
	}
	if (pane == RUNS_LIST) {
		if (a == A_DELETE) {
			if (r)
				delete_run(v, s, r);
			return true;
		}
		if (a == A_OPEN) {
			view_focus(v, RUNS_REWARD);
			return true;
		}
		if (!table_action(&s->table, a))
			return false;
		runs_read(v, s);
		return true;
	}
	if (pane == RUNS_ROLLOUTS && (a == A_DOWN || a == A_UP || a == A_TOP)) {
		s->scroll = a == A_TOP ? 0 : s->scroll + (a == A_DOWN ? 1 : s->scroll > 0 ? -1 : 0);
		return true;
	}
	if ((pane == RUNS_REWARD || pane == RUNS_MORE) && r && (a == A_LEFT || a == A_RIGHT)) {
		double last = r->step;

		s->cursor = isnan(s->cursor)
				    ? last
				    : fmax(0, fmin(last, s->cursor + (a == A_RIGHT ? 1 : -1)));
		return true;
	}
	if (a == A_BACK && !isnan(s->cursor)) {
		s->cursor = NAN;
		return true;
	}
	return false;
}

static bool
runs_mouse(struct view *v, void *state, int pane, const struct mouse *m)
{
	struct runs *s = state;
	bool open = false;

	if (pane == RUNS_LIST && table_mouse(&s->table, m, &open)) {
		runs_read(v, s);
		return true;
	}
	if ((pane == RUNS_REWARD || pane == RUNS_MORE) &&
	    (m->kind == MOUSE_PRESS || m->kind == MOUSE_DRAG)) {
		s->cursor = fmax(0, floor(plot_x(&s->plot, v->pane[pane].x + 1 + m->x) + 0.5));
		return true;
	}
	return false;
}

static void
stop_run(struct view *v, void *state, const char *arg)
{
	struct runs *s = state;
	const struct run_row *r = runs_selected(s);
	struct t2_err err;

	(void)arg;
	if (!r || strcmp(r->status, "running")) {
		app_say(v->app, "the selected run is not running");
		return;
	}
	if (store_run_ask_stop(s->w->ui.store, r->id, &err))
		app_fail(v->app, &err);
	else
		app_say(v->app, "run %lld will stop after the step it is in; %s", (long long)r->id,
			KEYS(v, "{resume} resumes it"));
}

static void
new_run(struct view *v, void *state, const char *arg)
{
	(void)state;
	app_show(v->app, train_view.number);
	if (arg)
		app_send(v->app, &train_view, VIEW_TASK, strdup(arg), free);
}

static const struct binding bindings[] = {
	{A_NONE, "t", "new-run", "train a new expert", new_run, PANES_ALL,
	 BIND_BAR | BIND_TAKES(ARG_TASK)},
	{A_NONE, "K", "stop", "stop the selected run after its step", stop_run, PANES_ALL,
	 BIND_BAR},
	{A_NONE, "R", "resume", "go on with an interrupted or stopped run", runs_resume, PANES_ALL,
	 BIND_BAR},
};

enum { COMMON = CAN(A_REFRESH) | CAN(A_COMPARE) | CAN(A_BACK) | CAN(A_MORE) | CAN(A_LESS) };

static const struct pane_spec panes[] = {
	[RUNS_LIST] = {"list", "runs", 44, 4,
		       CAN_LIST | CAN(A_MARK) | CAN(A_OPEN) | CAN(A_SORT) | CAN(A_DELETE) | COMMON},
	[RUNS_REWARD] = {"reward", "reward", 36, 6, CAN(A_LEFT) | CAN(A_RIGHT) | COMMON},
	[RUNS_MORE] = {"more", "more", 30, 5, CAN(A_LEFT) | CAN(A_RIGHT) | COMMON},
	[RUNS_Z] = {"z", "z over time", 30, 4, COMMON},
	[RUNS_ROLLOUTS] = {"rollouts", "latest rollouts", 36, 4, CAN_MOVE | COMMON},
	[RUNS_SETTINGS] = {"settings", "settings", 28, 4, COMMON},
};

static void
runs_filter(struct view *v, void *state, int pane, const char *text)
{
	struct runs *s = state;

	(void)v;
	if (pane == RUNS_LIST)
		table_filter(&s->table, text);
}

static struct table *
runs_table(void *state, int pane)
{
	struct runs *s = state;

	return pane == RUNS_LIST ? &s->table : NULL;
}

static const struct view_sign signs[] = {
	{"▾ ▴", "order", "the column that sorts, downwards or upwards"},
};

const struct view_ops runs_view = {
	.name = "Runs",
	.number = 7,
	.state_size = sizeof(struct runs),
	.panes = panes,
	.npanes = RUNS_PANES,
	.layout = "v(2:list 5:h(3:v(3:reward 2:rollouts) 2:v(2:more 2:z 2:settings)))",
	.small = "v(2:list 3:reward)",
	.bindings = bindings,
	.nbindings = sizeof bindings / sizeof *bindings,
	.signs = signs,
	.nsigns = sizeof signs / sizeof *signs,
	.open = runs_open,
	.close = runs_close,
	.show = runs_show,
	.draw = runs_draw,
	.action = runs_action,
	.mouse = runs_mouse,
	.event = runs_event,
	.filter = runs_filter,
	.table = runs_table,
	.dump = runs_dump,
};
