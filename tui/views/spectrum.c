/* Spectrum (2): layers x matrices, sigma of the selected ones, experts over them. */
#include "tui/views/spectrum.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/svf/expert.h"
#include "engine/svf/zchange.h"
#include "tui/app.h"
#include "tui/views/views.h"
#include "tui/widgets/gauge.h"

enum { SP_STATS = 1 };

const char *const sp_stat_name[STATS] = {"effective rank / r", "stable rank / r", "spectral norm",
					 "frobenius norm",     "tail exponent",	  "above edge / r",
					 "90 % energy / r",    "mean |z−1|"};
const char *const sp_stat_help[STATS] = {
	"exp of the entropy of σ / Σσ, over r: how evenly the components carry",
	"Σσ² / σ₁², over r: how many components as strong as the first",
	"σ₁, the largest gain",
	"√Σσ², the size of the matrix",
	"power law of σ²: heavier tails are smaller",
	"components above what noise alone would give",
	"components that hold 90 % of Σσ²",
	"how far the selected expert moves the matrix's components",
};

/* -- data -------------------------------------------------------------------------------------------------- */

int
sp_selected_expert(const struct spectrum *s)
{
	int i = table_selected(&s->table);

	return i >= 0 && i < s->experts ? i : -1;
}

const float *
sp_z(struct spectrum *s, int i, int mat)
{
	struct sp_expert *e;
	struct t2_err err;

	if (i < 0 || i >= s->experts)
		return NULL;
	e = &s->expert[i];
	if (!e->z && !e->unread && workspace_expert_zset(&s->w->ui, e->id, &e->z, &err)) {
		e->unread = true;
		app_fail(s->view->app, &err);
	}
	return e->z ? e->z->z[mat] : NULL;
}

static double
moved(struct spectrum *s, int mat)
{
	int i = sp_selected_expert(s);
	struct zchange c;

	if (!sp_z(s, i, mat)) /* reads it, too */
		return 0;
	zchange_of(s->expert[i].z, mat, &c);
	return c.mean_abs;
}

double
sp_value(const struct spectrum *s, int mat)
{
	const struct spectrum_stats *t = &s->stats[mat];
	double r = weight_rank(model_matrix(s->w->ui.model, mat));

	if (s->stat == STAT_MOVED)
		return s->value[mat];
	if (!s->have[mat])
		return NAN;
	switch (s->stat) {
	case STAT_EFFECTIVE:
		return t->effective_rank / r;
	case STAT_STABLE:
		return t->stable_rank / r;
	case STAT_SPECTRAL:
		return t->spectral_norm;
	case STAT_FROBENIUS:
		return t->frobenius_norm;
	case STAT_TAIL:
		return t->tail_exponent;
	case STAT_EDGE:
		return t->above_edge / r;
	default:
		return t->energy90 / r;
	}
}

static void
values(struct spectrum *s)
{
	for (int i = 0; i < s->mats; i++)
		s->value[i] = s->stat == STAT_MOVED ? moved(s, i) : sp_value(s, i);
}

static bool
compute(const struct factors *f, int mat, struct spectrum_stats *out)
{
	const struct factor *a = factors_get(f, mat);

	return a && !spectrum_compute_f64(out, a->sigma64, a->m, a->n, NULL);
}

/* The rest of a large model, beside the screen: the view sees one event for every matrix. */
struct stats_job {
	struct world *w;
	struct event_queue *q;
	bool *have; /* a copy */
	int mats;
};

struct stats_event {
	int mat;
	struct spectrum_stats stats;
};

static enum t2_status
stats_work(void *arg, struct job *job, struct t2_err *err)
{
	struct stats_job *j = arg;
	struct factors *f = NULL;
	enum t2_status st = factors_open(&f, j->w->ui.model, j->w->ui.cache, err);

	job_stage(job, "statistics", j->mats);
	for (int i = 0; i < j->mats && !st; i++) {
		struct stats_event *e;

		if (job_cancelled(job)) {
			st = T2_ECANCEL;
			break;
		}
		job_step(job, 1);
		if (j->have[i] || !factors_get(f, i))
			continue;
		e = calloc(1, sizeof *e);
		if (!e) {
			st = t2_nomem(err, "statistics");
			break;
		}
		e->mat = i;
		if (compute(f, i, &e->stats))
			event_post(j->q, &spectrum_view, SP_STATS, e, free);
		else
			free(e);
	}
	factors_free(f);
	return st;
}

static void
stats_drop(void *arg)
{
	struct stats_job *j = arg;

	free(j->have);
	free(j);
}

static void
start_stats(struct view *v, struct spectrum *s)
{
	struct job_spec spec = {.name = "spectrum statistics",
				.owner = &spectrum_view,
				.work = stats_work,
				.drop = stats_drop,
				.quiet = true,
				.light = true};
	struct stats_job *j = calloc(1, sizeof *j);

	if (!j || !(j->have = malloc((size_t)s->mats * sizeof *j->have))) {
		free(j);
		return;
	}
	memcpy(j->have, s->have, (size_t)s->mats * sizeof *j->have);
	j->w = s->w;
	j->q = app_queue(v->app);
	j->mats = s->mats;
	spec.arg = j;
	app_job(v->app, &spec);
}

/* A few milliseconds' worth at once, so that a small model's first screen is whole; the rest in a job. */
static void
catch_up(struct view *v, struct spectrum *s)
{
	double until = clock_seconds() + 0.012;
	bool left = false;

	factors_refresh(s->w->ui.factors);
	for (int i = 0; i < s->mats; i++) {
		if (s->have[i] || !factors_get(s->w->ui.factors, i))
			continue;
		if (clock_seconds() < until)
			s->have[i] = compute(s->w->ui.factors, i, &s->stats[i]);
		else
			left = true;
	}
	if (left)
		start_stats(v, s);
	values(s);
}

static void
read_experts(struct spectrum *s)
{
	const struct expert_list *l = &s->w->experts;
	struct sp_expert *fresh = calloc((size_t)l->n + 1, sizeof *fresh);

	if (!fresh)
		return;
	for (int i = 0; i < l->n; i++) {
		fresh[i].id = l->v[i].id;
		for (int k = 0; k < s->experts; k++) {
			if (s->expert[k].id != l->v[i].id)
				continue;
			fresh[i] = s->expert[k];
			s->expert[k].z = NULL;
		}
	}
	for (int k = 0; k < s->experts; k++)
		zset_free(s->expert[k].z);
	free(s->expert);
	s->expert = fresh;
	s->experts = l->n;
	table_rows(&s->table, l->n);
}

/* -- the table of experts ---------------------------------------------------------------------------------- */

static const struct column columns[] = {{"expert", 8, 20, ALIGN_LEFT, 0},
					{"task", 6, 14, ALIGN_LEFT, 2},
					{"base", 5, 5, ALIGN_RIGHT, 3},
					{"accuracy", 8, 8, ALIGN_RIGHT, 1}};

static void
expert_cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	struct spectrum *s = arg;
	const struct expert_row *e = &s->w->experts.v[row];

	(void)st;
	switch (col) {
	case 0:
		snprintf(buf, TABLE_CELL, "%s%s", s->expert[row].shown ? "● " : "○ ", e->name);
		break;
	case 1:
		snprintf(buf, TABLE_CELL, "%s", e->task);
		break;
	case 2:
	case 3:
		gauge_share(buf, TABLE_CELL, col == 2 ? e->base_accuracy : e->accuracy);
		break;
	default:
		buf[0] = 0;
	}
}

static int64_t
expert_id(void *arg, int row)
{
	struct spectrum *s = arg;

	return s->w->experts.v[row].id;
}

/* -- life -------------------------------------------------------------------------------------------------- */

static enum t2_status
spectrum_open(struct view *v, void *state, struct t2_err *err)
{
	struct spectrum *s = state;
	enum t2_status st;

	s->w = v->user;
	s->view = v;
	if ((st = world_begin(s->w, v->app, err)))
		return st;
	s->mats = model_matrices(s->w->ui.model);
	s->layers = model_config(s->w->ui.model)->layers;
	s->stats = calloc((size_t)s->mats, sizeof *s->stats);
	s->have = calloc((size_t)s->mats, sizeof *s->have);
	s->marked = calloc((size_t)s->mats, sizeof *s->marked);
	s->value = calloc((size_t)s->mats, sizeof *s->value);
	if (!s->stats || !s->have || !s->marked || !s->value)
		return t2_nomem(err, "spectrum");
	s->kind = MAT_UP;
	s->cursor = NAN;
	s->table = (struct table){
		.cols = columns,
		.ncols = 4,
		.cell = expert_cell,
		.id = expert_id,
		.arg = s,
		.empty = app_keys(v->app, v->ops->number, s->empty,
				  "No experts yet. {train} trains one; :expert-import in {experts} "
				  "brings one in.")};
	read_experts(s);
	if (s->experts)
		s->expert[0].shown = true; /* something to see at first sight */
	catch_up(v, s);
	return T2_OK;
}

static void
spectrum_close(struct view *v, void *state)
{
	struct spectrum *s = state;

	(void)v;
	for (int k = 0; k < s->experts; k++)
		zset_free(s->expert[k].z);
	free(s->expert);
	free(s->stats);
	free(s->have);
	free(s->marked);
	free(s->value);
	table_free(&s->table);
}

/* The named expert over the curve, and no other. */
static void
show_expert(struct spectrum *s, const char *name)
{
	read_experts(s);
	for (int i = 0; i < s->experts; i++) {
		s->expert[i].shown = !strcmp(s->w->experts.v[i].name, name);
		if (s->expert[i].shown)
			table_select(&s->table, i);
	}
	s->compare = false;
	values(s);
}

static void
show_matrix(struct view *v, struct spectrum *s, const char *name)
{
	int mat = model_matrix_find(s->w->ui.model, name);

	if (mat < 0)
		return;
	s->layer = mat / MAT_KINDS;
	s->kind = mat % MAT_KINDS;
	view_focus(v, SP_MAP);
}

static void
spectrum_event(struct view *v, void *state, const struct event *e)
{
	struct spectrum *s = state;
	const struct stats_event *x = e->data;

	switch (e->type) {
	case SP_STATS:
		s->stats[x->mat] = x->stats;
		s->have[x->mat] = true;
		values(s);
		break;
	case WORLD_FACTORS:
		catch_up(v, s);
		break;
	case WORLD_READ:
		read_experts(s);
		values(s);
		break;
	case VIEW_MATRIX:
		show_matrix(v, s, e->data);
		break;
	case VIEW_BESIDE:
		s->beside = true;
		break;
	case VIEW_EXPERT:
		show_expert(s, e->data);
		break;
	default:
		break;
	}
}

/* -- acting ------------------------------------------------------------------------------------------------ */

static int
clamp(int x, int hi)
{
	return x < 0 ? 0 : x > hi ? hi : x;
}

static int
marks(const struct spectrum *s)
{
	int n = 0;

	for (int i = 0; i < s->mats; i++)
		n += s->marked[i];
	return n;
}

static bool
map_action(struct view *v, struct spectrum *s, enum action a)
{
	int at = sp_matrix(s);

	switch (a) {
	case A_UP:
	case A_DOWN:
		s->layer = clamp(s->layer + (a == A_DOWN ? 1 : -1), s->layers - 1);
		break;
	case A_LEFT:
	case A_RIGHT:
		s->kind = clamp(s->kind + (a == A_RIGHT ? 1 : -1), MAT_KINDS - 1);
		break;
	case A_PAGE_UP:
	case A_PAGE_DOWN:
		s->layer = clamp(s->layer + (a == A_PAGE_DOWN ? 10 : -10), s->layers - 1);
		break;
	case A_TOP:
		s->layer = 0;
		break;
	case A_BOTTOM:
		s->layer = s->layers - 1;
		break;
	case A_MARK:
		if (!s->marked[at] && marks(s) == SP_OVERLAY)
			app_say(v->app, "%d matrices are over one another already; %s", SP_OVERLAY,
				KEYS(v, "{mark} takes one off"));
		else
			s->marked[at] = !s->marked[at];
		break;
	case A_BACK:
		if (!marks(s))
			return false;
		memset(s->marked, 0, (size_t)s->mats * sizeof *s->marked);
		break;
	case A_OPEN:
		view_focus(v, SP_CURVE);
		break;
	default:
		return false;
	}
	return true;
}

static bool
step_matrix(struct spectrum *s, int by)
{
	int at = clamp(sp_matrix(s) + by, s->mats - 1);

	s->layer = at / MAT_KINDS;
	s->kind = at % MAT_KINDS;
	return true;
}

/* The first two that are shown, one above the other in the pane of z, which a small screen goes to. */
static void
compare_experts(struct view *v, struct spectrum *s)
{
	const char *name[2];
	int n = 0;

	for (int k = 0; k < s->experts; k++)
		if (s->expert[k].shown && n++ < 2)
			name[n - 1] = s->w->experts.v[k].name;
	s->compare = !s->compare && n >= 2;
	if (n < 2) {
		app_say(v->app, "%s",
			KEYS(v, "{mark} shows experts, and marks a second model in {models} "
				"Models: {compare} compares two"));
	} else if (!s->compare) {
		app_say(v->app, "z of one expert again");
	} else {
		app_say(v->app, "z of %.60s and %.60s; %s", name[0], name[1],
			KEYS(v, "{compare} ends it"));
		if (v->single)
			view_focus(v, SP_Z);
	}
}

static bool
experts_action(struct view *v, struct spectrum *s, enum action a)
{
	int i = sp_selected_expert(s);

	if (a == A_MARK && i >= 0) {
		s->expert[i].shown = !s->expert[i].shown;
		return true;
	}
	if (a == A_COMPARE) {
		compare_experts(v, s);
		return true;
	}
	if (a == A_OPEN) {
		view_focus(v, SP_Z);
		return true;
	}
	if (!table_action(&s->table, a))
		return false;
	values(s);
	return true;
}

static bool
curve_action(struct spectrum *s, int pane, enum action a)
{
	int r = weight_rank(model_matrix(s->w->ui.model, sp_matrix(s)));

	(void)pane;
	switch (a) {
	case A_LEFT:
	case A_RIGHT:
		s->cursor = clamp((int)(isnan(s->cursor) ? 0 : s->cursor) + (a == A_RIGHT ? 1 : -1),
				  r - 1);
		return true;
	case A_TOP:
		s->cursor = 0;
		return true;
	case A_BOTTOM:
		s->cursor = r - 1;
		return true;
	case A_BACK:
		if (isnan(s->cursor))
			return false;
		s->cursor = NAN;
		return true;
	default:
		return false;
	}
}

static const char *
spectrum_says(struct view *v, void *state, int pane, enum action a)
{
	const struct spectrum *s = state;
	int i = sp_selected_expert(s);

	(void)v;
	return pane != SP_EXPERTS || a != A_MARK || i < 0 ? NULL
	       : s->expert[i].shown			  ? "hide"
							  : "show";
}

static bool
spectrum_action(struct view *v, void *state, int pane, enum action a)
{
	struct spectrum *s = state;

	if (a == A_STEP_NEXT || a == A_STEP_PREV)
		return step_matrix(s, a == A_STEP_NEXT ? 1 : -1);
	if (a == A_REFRESH) {
		world_refresh(s->w);
		catch_up(v, s);
		return true;
	}
	if (a == A_COMPARE)
		return (pane != SP_EXPERTS && sp_beside_toggle(v, s)) || experts_action(v, s, a);
	if (pane == SP_MAP || pane == SP_FACTS)
		return map_action(v, s, a);
	if (pane == SP_EXPERTS)
		return experts_action(v, s, a);
	return curve_action(s, pane, a);
}

static bool
spectrum_mouse(struct view *v, void *state, int pane, const struct mouse *m)
{
	struct spectrum *s = state;
	struct rect p = v->pane[pane];
	bool open;
	int row, col;

	if (pane == SP_EXPERTS)
		return table_mouse(&s->table, m, &open);
	if (m->kind != MOUSE_PRESS && m->kind != MOUSE_DRAG)
		return false;
	if (pane == SP_MAP && heat_hit(&s->heat, p.x + 1 + m->x, p.y + 1 + m->y, &row, &col)) {
		s->layer = row;
		s->kind = col;
		return true;
	}
	if (pane == SP_CURVE) {
		double x = plot_x(&s->plot, p.x + 1 + m->x);
		int r = weight_rank(model_matrix(s->w->ui.model, sp_matrix(s)));

		s->cursor = clamp((int)(x + 0.5), r - 1);
		return true;
	}
	return false;
}

static void
next_stat(struct view *v, void *state, const char *arg)
{
	struct spectrum *s = state;

	(void)arg;
	s->stat = (s->stat + 1) % STATS;
	if (s->stat == STAT_MOVED && sp_selected_expert(s) < 0)
		s->stat = 0;
	values(s);
	app_say(v->app, "%s: %s", sp_stat_name[s->stat], sp_stat_help[s->stat]);
}

static void
toggle_linear(struct view *v, void *state, const char *arg)
{
	struct spectrum *s = state;

	(void)v;
	(void)arg;
	s->linear = !s->linear;
}

static void
toggle_energy(struct view *v, void *state, const char *arg)
{
	struct spectrum *s = state;

	(void)v;
	(void)arg;
	s->energy = !s->energy;
}

static void
overlay_next(struct view *v, void *state, const char *arg)
{
	struct spectrum *s = state;
	int i = sp_selected_expert(s);

	(void)arg;
	if (i < 0)
		app_say(v->app, "%s", KEYS(v, "no experts yet: {train} trains one"));
	else
		s->expert[i].shown = !s->expert[i].shown;
}

static const struct binding bindings[] = {
	{A_NONE, "v", "statistic", "next statistic of the map", next_stat, PANES_ALL, BIND_BAR},
	{A_NONE, "w", "overlay", "with the selected expert's σ·z, or without", overlay_next,
	 PANES_ALL, BIND_BAR},
	{A_NONE, "C", "compare-with", "lay another model's spectra over", sp_beside_with, PANES_ALL,
	 BIND_BAR | BIND_TAKES(ARG_MODEL)},
	{A_NONE, "L", "log-linear", "logarithmic or linear axis", toggle_linear, PANES_ALL,
	 BIND_BAR},
	{A_NONE, "E", "energy", "cumulative energy in place of σ", toggle_energy, PANES_ALL,
	 BIND_BAR | BIND_LATE},
};

static const struct pane_spec panes[] = {
	[SP_MAP] = {"map", "layers × matrices", 38, 4,
		    CAN_MOVE_2D | CAN(A_MARK) | CAN(A_OPEN) | CAN(A_STEP_NEXT) | CAN(A_STEP_PREV) |
			    CAN(A_COMPARE) | CAN(A_REFRESH) | CAN(A_BACK)},
	[SP_FACTS] = {"facts", "selected", 30, 3,
		      CAN_MOVE_2D | CAN(A_STEP_NEXT) | CAN(A_STEP_PREV) | CAN(A_COMPARE)},
	[SP_EXPERTS] = {"experts", "experts", 24, 3,
			CAN_LIST | CAN(A_MARK) | CAN(A_OPEN) | CAN(A_COMPARE) | CAN(A_REFRESH)},
	[SP_CURVE] = {"curve", "spectrum", 36, 7,
		      CAN_MOVE_2D | CAN(A_STEP_NEXT) | CAN(A_STEP_PREV) | CAN(A_COMPARE) |
			      CAN(A_BACK)},
	[SP_Z] = {"z", "z − 1 by component", 30, 3,
		  CAN_MOVE_2D | CAN(A_STEP_NEXT) | CAN(A_STEP_PREV) | CAN(A_COMPARE) | CAN(A_BACK)},
};

static void
spectrum_filter(struct view *v, void *state, int pane, const char *text)
{
	struct spectrum *s = state;

	(void)v;
	if (pane == SP_EXPERTS)
		table_filter(&s->table, text);
}

static struct table *
spectrum_table(void *state, int pane)
{
	struct spectrum *s = state;

	return pane == SP_EXPERTS ? &s->table : NULL;
}

static const struct view_sign signs[] = {
	{"●", "over the curve", "its σ·z is over the curve"},
	{"○", "not over it", "not over the curve"},
	{"[ ]", "selected", "the selected matrix, ( ) while another pane has the keys"},
};

const struct view_ops spectrum_view = {
	.name = "Spectrum",
	.number = 2,
	.state_size = sizeof(struct spectrum),
	.panes = panes,
	.npanes = SP_PANES,
	.layout = "h(4:v(5:map =6:facts 2:experts) 5:v(5:curve 2:z))",
	.bindings = bindings,
	.nbindings = sizeof bindings / sizeof *bindings,
	.signs = signs,
	.nsigns = sizeof signs / sizeof *signs,
	.open = spectrum_open,
	.close = spectrum_close,
	.draw = sp_draw,
	.action = spectrum_action,
	.says = spectrum_says,
	.mouse = spectrum_mouse,
	.event = spectrum_event,
	.filter = spectrum_filter,
	.table = spectrum_table,
	.dump = sp_dump,
};
