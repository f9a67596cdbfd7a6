/* Mix (4): a slider an expert, the resulting z, the same prompt answered side by side; searches and kept mixtures. */
#include "tui/views/mix.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/views/views.h"

/* -- the mixture ------------------------------------------------------------------------------------------------ */

void
mix_changed(struct mix *s)
{
	s->changes++;
	s->saved = false;
	mix_stats_update(s);
	mix_columns_refresh(s);
}

void
mix_named(struct mix *s, const char *name, bool saved)
{
	snprintf(s->name, sizeof s->name, "%s", name);
	s->saved = saved;
}

struct undo_point {
	struct mix *s;
	struct mixing set;
	char name[MIXING_NAME];
	bool saved;
};

static bool
undo(struct app *a, void *arg)
{
	struct undo_point *u = arg;
	struct mix *s = u->s;

	if (mix_search_runs(s)) { /* its next iteration would set the sliders again */
		app_say(a, "%s",
			KEYS_IN(a, mix_view.number,
				"a search sets Mix's sliders: Esc in Mix ({mix}) stops it, "
				"then {undo} takes it back"));
		return false;
	}
	for (int e = 0; e < s->set.k; e++) { /* experts may have come and gone meanwhile */
		int was = mixing_find(&u->set, s->set.expert[e]);

		for (int mat = 0; mat < s->mats; mat++)
			mixing_set(&s->set, e, mat,
				   was < 0 ? 0
					   : u->set.alpha[(size_t)was * (size_t)s->mats +
							  (size_t)mat]);
	}
	s->set.normalise = u->set.normalise;
	s->edited_row = -1;
	mix_changed(s);
	mix_named(s, u->name, u->saved && mix_is_kept(s, u->name));
	return true;
}

static void
undo_drop(void *arg)
{
	struct undo_point *u = arg;

	mixing_free(&u->set);
	free(u);
}

void
mix_undo_point(struct mix *s, const char *what)
{
	struct undo_point *u = calloc(1, sizeof *u);

	if (!u || mixing_copy(&u->set, &s->set, NULL)) {
		free(u);
		return;
	}
	u->s = s;
	u->saved = s->saved;
	snprintf(u->name, sizeof u->name, "%s", s->name);
	app_undo_push(s->app, what, undo, u, undo_drop, sizeof *u + mixing_bytes(&u->set));
}

bool
mix_load(struct mix *s, const struct mixture_row *row)
{
	struct t2_err err;

	if (mixing_load(&s->set, row, &err)) {
		app_fail(s->app, &err);
		return false;
	}
	s->edited_row = -1;
	mix_changed(s);
	mix_named(s, row->name, true);
	return true;
}

/* -- data -------------------------------------------------------------------------------------------------------- */

/* A slider an expert: those that answer first, those that dispatch last; alphas stay with their experts. */
static void
read_experts(struct mix *s)
{
	const struct expert_list *l = &s->w->experts;
	struct mixing next;
	bool same;

	if (mixing_init(&next, s->mats, NULL))
		return;
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < l->n && next.k < MIXING_EXPERTS; i++) {
			int was = mixing_find(&s->set, l->v[i].id);

			if (l->v[i].dispatch != (pass == 1))
				continue;
			mixing_add(&next, l->v[i].id, l->v[i].name, 0, NULL);
			for (int mat = 0; was >= 0 && mat < s->mats; mat++)
				mixing_set(
					&next, next.k - 1, mat,
					s->set.alpha[(size_t)was * (size_t)s->mats + (size_t)mat]);
		}
	next.normalise = s->set.normalise;
	same = next.k == s->set.k &&
	       !memcmp(next.expert, s->set.expert, (size_t)next.k * sizeof *next.expert);
	mixing_free(&s->set);
	s->set = next;
	if (s->sel >= s->set.k)
		s->sel = s->set.k ? s->set.k - 1 : 0;
	if (same) {
		if (!s->vectors) /* reading them has failed or was cancelled */
			mix_vectors_read(s);
		return;
	}
	s->group = -1;
	mix_vectors_drop(s->vectors);
	s->vectors = NULL;
	mix_vectors_read(s);
	s->changes++;
	if (s->ncolumns)
		mix_columns_refresh(s);
}

/* -- life -------------------------------------------------------------------------------------------------------- */

/* Something to see at first sight: the first two experts, mixed. */
static void
first_mixture(struct mix *s)
{
	int answering = 0;

	for (int i = 0; i < s->w->experts.n; i++)
		answering += !s->w->experts.v[i].dispatch;
	s->set.normalise = true;
	if (s->set.k)
		mixing_set(&s->set, 0, -1, answering > 1 ? 0.6 : 1);
	if (answering > 1)
		mixing_set(&s->set, 1, -1, 0.4);
}

/* For the sample, which can answer it. */
static const char first_prompt[] =
	"Jon has 7 eggs. Jon gives 5 to Ben and buys 10 more. How many eggs does Jon have now?";

static enum t2_status
mix_open(struct view *v, void *state, struct t2_err *err)
{
	struct mix *s = state;
	enum t2_status st;

	s->w = v->user;
	s->app = v->app;
	if ((st = world_begin(s->w, v->app, err)))
		return st;
	s->mats = model_matrices(s->w->ui.model);
	s->layers = model_config(s->w->ui.model)->layers;
	s->group = s->edited_row = -1;
	s->kind = MAT_UP;
	if ((st = mixing_init(&s->set, s->mats, err)))
		return st;
	if (!mix_search_open(s))
		return t2_nomem(err, "mix");
	read_experts(s);
	first_mixture(s);
	mix_saved_open(s);
	if (!strcmp(s->w->model_name, "sample"))
		editor_set(&s->prompt, first_prompt);
	mix_columns_open(s);
	return T2_OK;
}

static void
mix_close(struct view *v, void *state)
{
	struct mix *s = state;

	(void)v;
	mix_columns_close(s);
	mix_search_close(s);
	mix_vectors_drop(s->vectors);
	free(s->stats.far);
	free(s->stats.mean);
	free(s->stats.lo);
	free(s->stats.hi);
	mixing_free(&s->set);
	mixture_list_free(&s->list);
	table_free(&s->table);
	editor_free(&s->prompt);
	editor_free(&s->value);
}

/* The same prompt for another model: what is typed stays, and stays being typed. */
static char *
mix_keep(struct view *v, void *state, size_t *at)
{
	struct mix *s = state;
	const char *text = editor_text(&s->prompt);

	if (v->editing ? v->focus != MIX_PROMPT : !*text || !strcmp(text, first_prompt))
		return NULL;
	*at = s->prompt.pos;
	return strdup(text);
}

static void
mix_restore(struct view *v, void *state, const char *text, size_t at)
{
	struct mix *s = state;

	(void)v;
	editor_set(&s->prompt, text);
	s->prompt.pos = at;
}

static void
take_vectors(struct mix *s, struct mix_vectors *x)
{
	const struct zset *z[MIXING_EXPERTS];

	s->reading = false;
	if (!x)
		return;
	mix_vectors_drop(s->vectors);
	s->vectors = x;
	if (!mix_vectors_of(x, &s->set, z)) { /* others have come meanwhile */
		mix_vectors_read(s);
		return;
	}
	mix_stats_update(s);
	if (s->automatic && !s->asked_once)
		mix_ask(s, true, false);
}

static void
mix_event(struct view *v, void *state, const struct event *e)
{
	struct mix *s = state;
	void *mine = e->data;

	(void)v;
	switch (e->type) {
	case MIX_VECTORS:
	case MIX_STATS:
		((struct event *)e)->data = NULL; /* kept */
		if (e->type == MIX_VECTORS)
			take_vectors(s, mine);
		else
			mix_stats_take(s, mine);
		break;
	case MIX_TOKEN:
	case MIX_ENDED:
	case MIX_KL:
	case MIX_ASKED:
		mix_answers_event(s, e);
		break;
	case MIX_STEP:
	case MIX_SEARCHED:
		mix_search_event(s, e);
		break;
	case WORLD_READ:
		read_experts(s);
		break;
	case WORLD_STORE:
		mix_saved_read(s);
		break;
	default:
		break;
	}
}

/* -- acting ------------------------------------------------------------------------------------------------------ */

static void
edit_prompt(struct view *v)
{
	view_focus(v, MIX_PROMPT);
	v->hint = "Enter ask  Alt-Enter break the line  Esc leave";
	view_edit(v, true);
}

static int
clamp(int x, int hi)
{
	return x < 0 ? 0 : x > hi ? hi : x;
}

static bool
z_action(struct mix *s, enum action a)
{
	switch (a) {
	case A_UP:
	case A_DOWN:
		s->layer = clamp(s->layer + (a == A_DOWN ? 1 : -1), s->layers - 1);
		return true;
	case A_LEFT:
	case A_RIGHT:
		s->kind = clamp(s->kind + (a == A_RIGHT ? 1 : -1), MAT_KINDS - 1);
		return true;
	case A_PAGE_UP:
	case A_PAGE_DOWN:
		s->layer = clamp(s->layer + (a == A_PAGE_DOWN ? 10 : -10), s->layers - 1);
		return true;
	case A_TOP:
	case A_BOTTOM:
		s->layer = a == A_TOP ? 0 : s->layers - 1;
		return true;
	default:
		return false;
	}
}

static bool
mix_action(struct view *v, void *state, int pane, enum action a)
{
	struct mix *s = state;

	if (a == A_BACK) {
		if (pane != MIX_SEARCH && mix_ask_stop(s))
			return true;
		if (mix_search_stop(s)) {
			app_say(v->app, "stopping the search ...");
			return true;
		}
		return mix_ask_stop(s);
	}
	if (a == A_REFRESH) {
		world_refresh(s->w);
		mix_saved_read(s);
		return true;
	}
	if (pane == MIX_SAVED)
		return mix_saved_action(s, a);
	if (pane == MIX_SEARCH)
		return mix_search_action(v, s, a);
	if (pane == MIX_SLIDERS)
		return mix_sliders_action(v, s, a);
	if (a == A_EDIT || (a == A_OPEN && pane == MIX_PROMPT)) {
		edit_prompt(v);
		return true;
	}
	return pane == MIX_Z ? z_action(s, a) : mix_answers_action(v, s, a);
}

static const char *
mix_says(struct view *v, void *state, int pane, enum action a)
{
	(void)v;
	(void)state;
	if (pane == MIX_SEARCH)
		return a == A_OPEN ? "change" : NULL;
	if (pane == MIX_PROMPT)
		return a == A_OPEN ? "write" : a == A_EDIT ? "" : NULL;
	return NULL;
}

static bool
mix_key(struct view *v, void *state, int pane, int key)
{
	struct mix *s = state;

	if (pane == MIX_SLIDERS)
		return mix_sliders_key(v, s, key);
	if (pane == MIX_SEARCH)
		return mix_search_key(v, s, key);
	if (pane != MIX_PROMPT)
		return false;
	switch (editor_key(&s->prompt, key)) {
	case EDITOR_ACCEPT:
		view_edit(v, false);
		mix_ask(s, true, false);
		if (v->single)
			view_focus(v, MIX_ANSWERS);
		return true;
	case EDITOR_CANCEL:
		view_edit(v, false);
		return true;
	case EDITOR_IGNORED:
		return false;
	default:
		return true;
	}
}

static void
mix_paste(struct view *v, void *state, int pane, const char *text)
{
	struct mix *s = state;

	if (pane == MIX_SEARCH && mix_search_paste(s, text))
		return;
	if (pane == MIX_SLIDERS && s->typing) {
		editor_paste(&s->value, text);
		return;
	}
	edit_prompt(v);
	if (editor_paste(&s->prompt, text))
		app_say(v->app, "the prompt takes at most %d bytes; the rest was left out",
			EDITOR_MAX);
}

static bool
mix_mouse(struct view *v, void *state, int pane, const struct mouse *m)
{
	struct mix *s = state;
	struct rect p = v->pane[pane];
	bool open = false, taken;
	int row, col;

	switch (pane) {
	case MIX_SLIDERS:
		return mix_sliders_mouse(v, s, m);
	case MIX_SAVED:
		taken = table_mouse(&s->table, m, &open);
		if (open)
			mix_saved_action(s, A_OPEN);
		return taken;
	case MIX_ANSWERS:
		return mix_answers_mouse(v, s, m);
	case MIX_PROMPT:
		if (m->kind != MOUSE_PRESS)
			return false;
		edit_prompt(v);
		return editor_click(&s->prompt, rect_inset(p, 2, 1), p.x + 1 + m->x,
				    p.y + 1 + m->y);
	case MIX_SEARCH:
		return mix_search_mouse(v, s, m);
	default:
		if ((m->kind != MOUSE_PRESS && m->kind != MOUSE_DRAG) ||
		    !heat_hit(&s->heat, p.x + 1 + m->x, p.y + 1 + m->y, &row, &col))
			return false;
		s->layer = row;
		s->kind = col;
		return true;
	}
}

static void
toggle_auto(struct view *v, void *state, const char *arg)
{
	struct mix *s = state;

	(void)arg;
	s->automatic = !s->automatic;
	app_say(v->app, s->automatic ? "answers follow the sliders" : "answers wait for a");
	if (s->automatic)
		mix_ask(s, false, true);
}

static void
pin(struct view *v, void *state, const char *arg)
{
	struct mix *s = state;
	char label[200];

	(void)arg;
	if (v->focus == MIX_ANSWERS && s->column[s->at].kind == COLUMN_PIN) {
		mix_column_remove(s, s->at);
		return;
	}
	if (mixing_empty(&s->set)) {
		app_say(v->app, "nothing is mixed: that is base, which has its column");
		return;
	}
	if (s->saved)
		snprintf(label, sizeof label, "%s", s->name);
	else
		mixing_label(&s->set, label, sizeof label);
	mix_column_pin(s, &s->set, label);
}

static void
save(struct view *v, void *state, const char *arg)
{
	struct mix *s = state;

	(void)v;
	if (arg && *arg)
		mix_save_as(s, arg, false);
	else
		mix_save_prompt(s, false);
}

static void
to_ask(struct view *v, void *state, const char *arg)
{
	(void)arg;
	mix_saved_ask(state, v->focus == MIX_SAVED);
}

static void
search(struct view *v, void *state, const char *arg)
{
	(void)arg;
	mix_search_start(state);
	if (v->single)
		view_focus(v, MIX_SEARCH);
}

static void
ask_again(struct view *v, void *state, const char *arg)
{
	struct mix *s = state;
	const char *text = editor_text(&s->prompt);

	(void)arg;
	if (text[strspn(text, " \t\n")])
		mix_ask(s, true, false);
	else
		edit_prompt(v);
}

static void
normalise(struct view *v, void *state, const char *arg)
{
	(void)v;
	(void)arg;
	mix_sliders_normalise(state);
}

static void
per_layer(struct view *v, void *state, const char *arg)
{
	(void)v;
	(void)arg;
	mix_sliders_per(state);
}

static void
type_value(struct view *v, void *state, const char *arg)
{
	(void)arg;
	mix_sliders_type(v, state, ".");
}

static void
to_zero(struct view *v, void *state, const char *arg)
{
	(void)v;
	(void)arg;
	mix_sliders_end(state, 0);
}

static void
to_one(struct view *v, void *state, const char *arg)
{
	(void)v;
	(void)arg;
	mix_sliders_end(state, 1);
}

static void
toggle_sign(struct view *v, void *state, const char *arg)
{
	struct mix *s = state;

	(void)v;
	(void)arg;
	s->is_signed = !s->is_signed;
}

static const struct binding bindings[] = {
	{A_NONE, "a", "ask-again", "ask every column anew; Esc stops them", ask_again, PANES_ALL,
	 BIND_BAR},
	{A_NONE, "A", "auto", "answers follow the sliders, or wait to be asked", toggle_auto,
	 PANES_ALL, BIND_BAR},
	{A_NONE, "p", "pin", "pin the mixture as a column of its own; on a pin: take it away", pin,
	 PANES_ALL, BIND_BAR},
	{A_NONE, "s", "save", "keep the mixture in the store", save, PANES_ALL,
	 BIND_BAR | BIND_ARG},
	{A_NONE, "S", "search", "search the mixture that answers a task's examples best", search,
	 PANES_ALL, BIND_BAR},
	{A_NONE, "w", "ask-with", "ask with this mixture in Ask", to_ask, PANES_ALL, BIND_BAR},
	{A_NONE, "%", "normalise", "divide alphas by their sum, or take them as they are",
	 normalise, PANE(MIX_SLIDERS), BIND_BAR},
	{A_NONE, "P", "per-layer", "a slider an expert, a layer or a matrix", per_layer, PANES_ALL,
	 BIND_BAR},
	{A_NONE, "Enter", "answer", "ask every column anew", ask_again,
	 PANE(MIX_SLIDERS) | PANE(MIX_Z) | PANE(MIX_ANSWERS), 0},
	{A_NONE, "<", "to-zero", "this slider to 0", to_zero, PANE(MIX_SLIDERS), 0},
	{A_NONE, ">", "to-one", "this slider to 1", to_one, PANE(MIX_SLIDERS), 0},
	{A_NONE, ".", "type-value", "type the slider's value, beginning behind the point",
	 type_value, PANE(MIX_SLIDERS), 0},
	{A_NONE, "v", "statistic", "the map: mean |z−1| or mean z−1", toggle_sign, PANES_ALL, 0},
};

enum { COMMON = CAN(A_BACK) | CAN(A_EDIT) | CAN(A_REFRESH) };

static const struct pane_spec panes[] = {
	[MIX_SLIDERS] = {"mixture", "mixture", 30, 4,
			 CAN_MOVE_2D | CAN(A_MORE) | CAN(A_LESS) | CAN(A_MARK) | COMMON},
	[MIX_Z] = {"z", "resulting z", 30, 4, CAN_MOVE_2D | COMMON},
	[MIX_SAVED] = {"saved", "kept", 30, 2,
		       CAN_LIST | CAN(A_MARK) | CAN(A_DELETE) | CAN(A_OPEN) | CAN(A_REFRESH) |
			       CAN(A_BACK)},
	[MIX_ANSWERS] = {"answers", "answers", 40, 6, CAN_MOVE_2D | CAN(A_DELETE) | COMMON},
	[MIX_PROMPT] = {"prompt", "prompt", 30, 1, CAN(A_OPEN) | COMMON},
	[MIX_SEARCH] = {"search", "search", 40, 5,
			CAN_MOVE_2D | CAN(A_MARK) | CAN(A_MORE) | CAN(A_LESS) | CAN(A_OPEN) |
				COMMON},
};

static void
mix_filter(struct view *v, void *state, int pane, const char *text)
{
	struct mix *s = state;

	(void)v;
	if (pane == MIX_SAVED)
		table_filter(&s->table, text);
}

static struct table *
mix_table(void *state, int pane)
{
	struct mix *s = state;

	return pane == MIX_SAVED ? &s->table : NULL;
}

static const struct view_sign signs[] = {
	{"▪", "column", "has a column of its own"},
	{"~", "mean", "the mean of alphas that differ by layer or matrix"},
	{"*", "changed", "changed since it was kept"},
};

const struct view_ops mix_view = {
	.name = "Mix",
	.number = 4,
	.state_size = sizeof(struct mix),
	.panes = panes,
	.npanes = MIX_PANES,
	.layout = "h(5:v(3:mixture 5:z 2:saved) 9:v(9:answers =4:prompt 5:search))",
	.wide = "h(4:v(=14:mixture 4:z =9:saved) 11:v(6:answers =4:prompt =17:search))",
	.bindings = bindings,
	.nbindings = sizeof bindings / sizeof *bindings,
	.signs = signs,
	.nsigns = sizeof signs / sizeof *signs,
	.open = mix_open,
	.close = mix_close,
	.keep = mix_keep,
	.restore = mix_restore,
	.draw = mix_draw,
	.action = mix_action,
	.says = mix_says,
	.key = mix_key,
	.paste = mix_paste,
	.mouse = mix_mouse,
	.event = mix_event,
	.filter = mix_filter,
	.table = mix_table,
	.dump = mix_dump,
};
