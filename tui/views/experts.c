/* Experts (3): what they were trained on and are worth, what they change, how alike they are, where two differ. */
#include "tui/views/experts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/strbuf.h"
#include "tui/app.h"
#include "tui/deleting.h"
#include "tui/plot.h"
#include "tui/views/views.h"

const char *const ex_stat_name[EX_STATS] = {"mean |z−1|", "mean z−1", "largest |z−1|"};

void
ex_selection_moved(struct experts *s)
{
	int row = ex_selected(s);

	s->scroll = 0;
	if (row >= 0 && row < s->rows.here) {
		s->row = row;
		if (s->col == row) /* with itself it is always 1 */
			s->col = (row + 1) % s->rows.here;
	}
	ex_values(s);
}

/* -- life -------------------------------------------------------------------------------------------------- */

static enum t2_status
experts_open(struct view *v, void *state, struct t2_err *err)
{
	struct experts *s = state;
	enum t2_status st;

	s->w = v->user;
	s->app = v->app;
	if ((st = world_begin(s->w, v->app, err)))
		return st;
	s->mats = model_matrices(s->w->ui.model);
	s->layers = model_config(s->w->ui.model)->layers;
	s->value = calloc((size_t)s->mats + 1, sizeof *s->value);
	if (!s->value)
		return t2_nomem(err, "experts");
	s->kind = MAT_UP;
	s->component = -1;
	ex_tables(s);
	return T2_OK;
}

static void
experts_close(struct view *v, void *state)
{
	struct experts *s = state;

	(void)v;
	ex_data_free(s);
	table_free(&s->table);
	table_free(&s->most);
}

static void
experts_show(struct view *v, void *state)
{
	(void)v;
	ex_read(state);
}

static void
experts_event(struct view *v, void *state, const struct event *e)
{
	struct experts *s = state;

	if (e->type == WORLD_STORE) {
		if (app_shown(v->app) == experts_view.number) /* else when it is */
			ex_read(s);
	} else if (e->type == WORLD_FACTORS) {
		factors_refresh(s->w->ui.factors); /* sigma of more matrices */
	}
}

/* -- moving ------------------------------------------------------------------------------------------------ */

static int
clamp(int x, int hi)
{
	return x < 0 || hi < 0 ? 0 : x > hi ? hi : x;
}

/* Rows and columns of a grid by the common actions. */
static bool
move(int *row, int rows, int *col, int cols, enum action a)
{
	switch (a) {
	case A_UP:
	case A_DOWN:
		*row = clamp(*row + (a == A_DOWN ? 1 : -1), rows - 1);
		return true;
	case A_LEFT:
	case A_RIGHT:
		*col = clamp(*col + (a == A_RIGHT ? 1 : -1), cols - 1);
		return true;
	case A_PAGE_UP:
	case A_PAGE_DOWN:
		*row = clamp(*row + (a == A_PAGE_DOWN ? 10 : -10), rows - 1);
		return true;
	case A_TOP:
		*row = 0;
		return true;
	case A_BOTTOM:
		*row = rows - 1;
		return true;
	default:
		return false;
	}
}

static bool
step_matrix(struct experts *s, int by)
{
	int at = clamp(ex_matrix(s) + by, s->mats - 1);

	s->layer = at / MAT_KINDS;
	s->kind = at % MAT_KINDS;
	s->component = -1;
	return true;
}

static bool
component_action(struct experts *s, enum action a)
{
	int r = weight_rank(model_matrix(s->w->ui.model, ex_matrix(s))), none = 0;

	if (a == A_BACK) {
		if (s->component < 0)
			return false;
		s->component = -1;
		return true;
	}
	if (a == A_UP || a == A_DOWN)
		return step_matrix(s, a == A_DOWN ? MAT_KINDS : -MAT_KINDS);
	if (a == A_TOP || a == A_BOTTOM) {
		s->component = a == A_TOP ? 0 : r - 1;
		return true;
	}
	if (a == A_PAGE_UP || a == A_PAGE_DOWN) {
		s->component = clamp(s->component + (a == A_PAGE_DOWN ? 10 : -10), r - 1);
		return true;
	}
	return move(&none, 1, &s->component, r, a);
}

/* The row of the list of components takes the map and the profile along. */
static void
follow_most(struct experts *s)
{
	int i = table_selected(&s->most);

	if (i < 0 || i >= s->pair.nmost)
		return;
	s->layer = s->pair.most[i].mat / MAT_KINDS;
	s->kind = s->pair.most[i].mat % MAT_KINDS;
	s->component = s->pair.most[i].component;
}

/* -- comparing --------------------------------------------------------------------------------------------- */

static void
compare_rows(struct view *v, struct experts *s, int a, int b)
{
	if (ex_compare(s, a, b)) {
		if (v->single)
			view_focus(v, EX_MAP);
		return;
	}
	app_say(v->app, s->job ? "the experts are being read: again in a moment"
			       : "only experts of the open model can be compared");
}

/* The two marked ones; one marked and another selected will do, and in the cosines the pair under the cursor. */
static void
compare_marked(struct view *v, struct experts *s)
{
	int a = -1, b = -1, n = 0, sel = ex_selected(s);

	if (s->pair.a) {
		ex_compare_end(s);
		return;
	}
	for (int i = 0; i < s->rows.list.n; i++) {
		if (!table_marked(&s->table, i))
			continue;
		if (n == 0)
			a = i;
		else if (n == 1)
			b = i;
		n++;
	}
	if (n == 1 && sel >= 0 && sel != a)
		b = sel;
	if (n == 0 && view_focused(v, EX_COSINE) && s->row != s->col) {
		a = s->row;
		b = s->col;
	}
	if (n > 2)
		app_say(v->app, "%d are marked; %s", n, KEYS(v, "{compare} compares two"));
	else if (b < 0)
		app_say(v->app, "%s",
			KEYS(v, "{mark} marks experts; {compare} compares two of them"));
	else
		compare_rows(v, s, a, b);
}

/* -- to other views ---------------------------------------------------------------------------------------- */

/* The selected expert where the open model can run it; else says why not. */
static const struct expert_row *
usable(struct experts *s)
{
	int row = ex_selected(s);

	if (row < 0) {
		app_say(s->app, "no expert is selected");
		return NULL;
	}
	if (s->rows.info[row].here)
		return &s->rows.list.v[row];
	app_error(s->app, "expert %s is of %s: open that model (1) first", s->rows.list.v[row].name,
		  s->rows.list.v[row].model_name);
	return NULL;
}

static void
overlay(struct experts *s)
{
	const struct expert_row *r = usable(s);

	if (!r)
		return;
	app_show(s->app, spectrum_view.number);
	app_send(s->app, &spectrum_view, VIEW_EXPERT, strdup(r->name), free);
}

static void
ask_with(struct view *v, void *state, const char *arg)
{
	const struct expert_row *r = usable(state);
	struct strbuf b = {0};

	(void)arg;
	if (!r)
		return;
	strbuf_printf(&b, "expert:%s", r->name);
	app_show(v->app, ask_view.number);
	app_send(v->app, &ask_view, VIEW_STRATEGY, strbuf_take(&b), free);
}

static void
train(struct view *v, void *state, const char *arg)
{
	struct experts *s = state;
	int row = ex_selected(s);

	app_show(v->app, train_view.number);
	if (!arg && row >= 0)
		arg = s->rows.list.v[row].task;
	if (arg && *arg)
		app_send(v->app, &train_view, VIEW_TASK, strdup(arg), free);
}

/* -- acting ------------------------------------------------------------------------------------------------ */

static bool
list_action(struct view *v, struct experts *s, enum action a)
{
	int row = ex_selected(s);
	char what[160];

	if (a == A_OPEN) {
		overlay(s);
		return true;
	}
	if (a == A_DELETE) {
		if (row < 0)
			return false;
		snprintf(what, sizeof what, "expert %.120s", s->rows.list.v[row].name);
		deleting_row(v->app, s->w->ui.store, TRASH_EXPERT, s->rows.list.v[row].id, what);
		return true;
	}
	if (!table_action(&s->table, a))
		return false;
	ex_selection_moved(s);
	return true;
}

static bool
cosine_action(struct view *v, struct experts *s, enum action a)
{
	if (a != A_OPEN)
		return move(&s->row, s->rows.here, &s->col, s->rows.here, a);
	if (s->row == s->col)
		app_say(v->app, "the same expert twice; move to another pair");
	else
		compare_rows(v, s, s->row, s->col);
	return true;
}

static bool
map_action(struct view *v, struct experts *s, enum action a)
{
	if (a == A_OPEN) {
		view_focus(v, EX_PROFILE);
		return true;
	}
	if (!move(&s->layer, s->layers, &s->kind, MAT_KINDS, a))
		return false;
	s->component = -1;
	return true;
}

static bool
about_action(struct view *v, struct experts *s, enum action a)
{
	if (s->pair.a && a == A_OPEN) {
		view_focus(v, EX_PROFILE);
		return true;
	}
	if (s->pair.a) {
		if (!table_action(&s->most, a))
			return false;
		follow_most(s);
		return true;
	}
	if (a == A_TOP)
		s->scroll = 0;
	else if (a == A_UP)
		s->scroll -= s->scroll > 0;
	else if (a == A_DOWN)
		s->scroll++;
	else
		return false;
	return true;
}

static bool
experts_action(struct view *v, void *state, int pane, enum action a)
{
	struct experts *s = state;
	bool taken = false;

	if (a == A_REFRESH) {
		world_refresh(s->w);
		ex_read(s);
		return true;
	}
	if (a == A_COMPARE) {
		compare_marked(v, s);
		return true;
	}
	if (a == A_STEP_NEXT || a == A_STEP_PREV)
		return step_matrix(s, a == A_STEP_NEXT ? 1 : -1);
	switch (pane) {
	case EX_LIST:
		taken = list_action(v, s, a);
		break;
	case EX_COSINE:
		taken = cosine_action(v, s, a);
		break;
	case EX_MAP:
		taken = map_action(v, s, a);
		break;
	case EX_PROFILE:
		taken = component_action(s, a);
		break;
	default:
		taken = about_action(v, s, a);
	}
	if (!taken && a == A_BACK && s->pair.a) {
		ex_compare_end(s);
		return true;
	}
	return taken;
}

static bool
experts_mouse(struct view *v, void *state, int pane, const struct mouse *m)
{
	struct experts *s = state;
	struct rect p = v->pane[pane];
	int x = p.x + 1 + m->x, y = p.y + 1 + m->y, row, col;
	bool open = false;

	if (pane == EX_LIST || (pane == EX_ABOUT && s->pair.a)) {
		struct table *t = pane == EX_LIST ? &s->table : &s->most;

		if (!table_mouse(t, m, &open))
			return false;
		if (pane == EX_LIST)
			ex_selection_moved(s);
		else
			follow_most(s);
		return true;
	}
	if (m->kind != MOUSE_PRESS && m->kind != MOUSE_DRAG)
		return false;
	if (pane == EX_MAP && heat_hit(&s->map, x, y, &row, &col)) {
		s->layer = row;
		s->kind = col;
		s->component = -1;
		return true;
	}
	if (pane == EX_COSINE && heat_hit(&s->cosine, x, y, &row, &col)) {
		s->row = row;
		s->col = col;
		return true;
	}
	if (pane == EX_PROFILE && rect_has(s->bars, x, y)) {
		int r = weight_rank(model_matrix(s->w->ui.model, ex_matrix(s)));

		s->component = plot_bars_index(s->bars, r, x);
		return true;
	}
	return false;
}

static void
next_stat(struct view *v, void *state, const char *arg)
{
	struct experts *s = state;

	(void)v;
	(void)arg;
	s->stat = (s->stat + 1) % EX_STATS;
	ex_values(s);
}

static void
rename_expert(struct view *v, void *state, const char *arg)
{
	struct experts *s = state;
	int row = ex_selected(s);

	if (row < 0)
		app_say(v->app, "no expert is selected");
	else
		ex_rename(s, row, arg && *arg ? arg : NULL);
}

static void
import_expert(struct view *v, void *state, const char *arg)
{
	(void)v;
	ex_import(state, arg);
}

static void
export_expert(struct view *v, void *state, const char *arg)
{
	struct experts *s = state;
	int row = ex_selected(s);

	if (row < 0)
		app_say(v->app, "no expert is selected");
	else
		ex_export(s, row, arg);
}

static const struct binding bindings[] = {
	{A_NONE, "v", "statistic", "the map: mean |z−1|, mean z−1, largest |z−1|", next_stat,
	 PANES_ALL, BIND_BAR | BIND_LATE},
	{A_NONE, "w a", "ask-with", "ask with the selected expert in Ask", ask_with, PANES_ALL,
	 BIND_BAR},
	{A_NONE, "t", "new-run", "train on the selected expert's task", train, PANES_ALL,
	 BIND_BAR | BIND_TAKES(ARG_TASK)},
	{A_NONE, "e", "rename", "rename the selected expert", rename_expert, PANES_ALL,
	 BIND_BAR | BIND_LATE | BIND_ARG},
	{A_NONE, "", "expert-import", "bring in an expert from a file", import_expert, PANES_ALL,
	 BIND_TAKES(ARG_FILE)},
	{A_NONE, "", "expert-export", "write the selected expert to a file", export_expert,
	 PANES_ALL, BIND_TAKES(ARG_FILE)},
};

enum {
	COMMON = CAN(A_COMPARE) | CAN(A_REFRESH) | CAN(A_BACK) | CAN(A_STEP_NEXT) | CAN(A_STEP_PREV)
};

static const struct pane_spec panes[] = {
	[EX_LIST] = {"list", "experts", 30, 3,
		     CAN_LIST | CAN(A_MARK) | CAN(A_OPEN) | CAN(A_SORT) | CAN(A_DELETE) | COMMON},
	[EX_COSINE] = {"cosines", "cosine of z − 1", 26, 3, CAN_MOVE_2D | CAN(A_OPEN) | COMMON},
	[EX_MAP] = {"map", "layers × matrices", 38, 4, CAN_MOVE_2D | CAN(A_OPEN) | COMMON},
	[EX_PROFILE] = {"profile", "z − 1 by component", 30, 3, CAN_MOVE_2D | COMMON},
	[EX_ABOUT] = {"about", "about", 30, 3, CAN_MOVE | CAN(A_SORT) | CAN(A_OPEN) | COMMON},
};

static void
experts_filter(struct view *v, void *state, int pane, const char *text)
{
	struct experts *s = state;

	(void)v;
	if (pane != EX_LIST)
		return;
	table_filter(&s->table, text);
	ex_selection_moved(s);
}

static struct table *
experts_table(void *state, int pane)
{
	struct experts *s = state;

	return pane == EX_LIST ? &s->table : pane == EX_ABOUT ? &s->most : NULL;
}

static const struct view_sign signs[] = {
	{"▌", "colour", "the expert's colour in every view"},
	{"( )", "selected", "the selected matrix, [ ] while its pane has the keys"},
};

const struct view_ops experts_view = {
	.name = "Experts",
	.number = 3,
	.state_size = sizeof(struct experts),
	.panes = panes,
	.npanes = EX_PANES,
	.layout = "h(1:v(1:list 1:cosines) 1:v(3:map 3:profile 5:about))",
	.bindings = bindings,
	.nbindings = sizeof bindings / sizeof *bindings,
	.signs = signs,
	.nsigns = sizeof signs / sizeof *signs,
	.open = experts_open,
	.close = experts_close,
	.show = experts_show,
	.draw = ex_draw,
	.action = experts_action,
	.mouse = experts_mouse,
	.event = experts_event,
	.filter = experts_filter,
	.table = experts_table,
	.dump = ex_dump,
};
