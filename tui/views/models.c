/* Models (1): the models known and found, what one of them is made of, opening, decomposing. */
#include "tui/views/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/beside.h"
#include "tui/complete.h"
#include "tui/opening.h"
#include "tui/utf8.h"
#include "tui/views/views.h"
#include "tui/widgets/gauge.h"

static void
show_tensors(struct models *s)
{
	const struct model_info *i = models_info(s);

	table_rows(&s->tensors, i ? i->tensors : 0);
}

static void
selected(struct view *v, struct models *s)
{
	const struct models_row *r = models_selected(s);
	const struct models_entry *e = r ? models_entry(s, r->path) : NULL;

	s->scroll = 0;
	if (r && r->there != THERE_NO && (!e || (!e->info && !e->why[0])))
		models_gather(v, s, r->path);
	show_tensors(s);
}

/* -- the list ----------------------------------------------------------------------------------------------- */

static void
row_name(struct models_row *r, const char *name)
{
	const char *slash = strrchr(name, '/');
	int n;

	name = slash && slash[1] ? slash + 1 : name;
	n = (int)strlen(name) - (path_ends(name, ".gguf") ? 5 : 0);
	snprintf(r->name, sizeof r->name, "%.*s", n, name);
}

/* Known models in the order of their last use, then what was found. */
static void
build_rows(struct models *s)
{
	const char *open = model_path(s->w->ui.model);
	struct models_row *row = calloc((size_t)s->known.n + (size_t)s->places.n + 1, sizeof *row);
	int n = 0;

	if (!row)
		return;
	for (int i = 0; i < s->known.n; i++) {
		const struct model_row *k = &s->known.v[i];
		struct models_row *r = &row[n++];

		r->open = k->id == s->w->ui.model_id;
		snprintf(r->path, sizeof r->path, "%s", r->open ? open : k->path);
		snprintf(r->name, sizeof r->name, "%s", k->name);
		r->shipped = k->shipped;
		r->parameters = k->parameters;
		r->used = k->opened;
		r->bytes = -1;
	}
	for (int i = 0; i < s->places.n; i++) {
		const struct place *p = &s->places.v[i];
		struct models_row *r = NULL;

		for (int k = 0; k < n && !r; k++)
			if (!strcmp(row[k].path, p->path))
				r = &row[k];
		if (!r && i < s->places.known)
			continue; /* the store has forgotten it since */
		if (!r) {
			r = &row[n++];
			snprintf(r->path, sizeof r->path, "%s", p->path);
			row_name(r, p->path);
			r->found = true;
			r->parameters = -1;
		}
		r->there = p->there ? THERE_YES : THERE_NO;
		r->bytes = p->bytes;
	}
	free(s->row);
	s->row = row;
	s->rows = n;
	table_rows(&s->table, n);
}

static void
read_known(struct models *s)
{
	struct model_list l;
	struct t2_err err;

	if (store_model_list(s->w->ui.store, &l, &err)) {
		world_unread(s->w, &err);
		return;
	}
	model_list_free(&s->known);
	s->known = l;
	build_rows(s);
}

static int64_t
row_id(void *arg, int row)
{
	const struct models *s = arg;
	uint64_t h = 0xcbf29ce484222325u;

	for (const char *p = s->row[row].path; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	return (int64_t)(h >> 1);
}

enum { COL_NAME, COL_PARAMETERS, COL_BYTES, COL_USED, COL_WHERE };

static const struct column columns[] = {
	[COL_NAME] = {"model", 28, 40, ALIGN_LEFT, 0},
	[COL_PARAMETERS] = {"numbers", 7, 7, ALIGN_RIGHT, 1},
	[COL_BYTES] = {"size", 7, 8, ALIGN_RIGHT, 2},
	[COL_USED] = {"used", 6, 7, ALIGN_RIGHT, 3},
	[COL_WHERE] = {"where", 10, 0, ALIGN_LEFT, 4},
};

static void
used_text(char buf[TABLE_CELL], double used)
{
	double ago = store_now() - used;

	if (used <= 0)
		snprintf(buf, TABLE_CELL, "·");
	else if (ago < 60)
		snprintf(buf, TABLE_CELL, "now");
	else if (ago < 3600)
		snprintf(buf, TABLE_CELL, "%.0f min", ago / 60);
	else if (ago < 86400)
		snprintf(buf, TABLE_CELL, "%.0f h", ago / 3600);
	else
		snprintf(buf, TABLE_CELL, "%.0f d", ago / 86400);
}

static void
cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	struct models *s = arg;
	const struct models_row *r = &s->row[row];
	const struct models_entry *e = models_entry(s, r->path);
	double n = e && e->info ? (double)e->info->parameters : (double)r->parameters;
	char path[1024];

	if (r->there == THERE_NO)
		st->attr |= ATTR_DIM;
	switch (col) {
	case COL_NAME:
		snprintf(buf, TABLE_CELL, "%s%s",
			 r->open		? "◆ "
			 : r->there == THERE_NO ? "✗ "
						: "  ",
			 r->name);
		break;
	case COL_PARAMETERS:
		if (n < 0)
			snprintf(buf, TABLE_CELL, "·");
		else
			gauge_count(buf, TABLE_CELL, n);
		break;
	case COL_BYTES:
		if (r->bytes < 0)
			snprintf(buf, TABLE_CELL, "·");
		else
			gauge_bytes(buf, TABLE_CELL, (double)r->bytes);
		break;
	case COL_USED:
		if (r->open)
			snprintf(buf, TABLE_CELL, "open");
		else
			used_text(buf, r->used);
		break;
	default:
		snprintf(buf, TABLE_CELL, "%.200s",
			 r->there == THERE_NO ? "gone"
			 : r->shipped	      ? "shipped"
					      : path_short(r->path, path, sizeof path));
	}
}

/* The folder that it lies in; the end of that says more than its beginning. */
static bool
paint(void *arg, int row, int col, struct canvas *c, struct rect r, struct style st)
{
	const struct models *s = arg;
	const struct models_row *m = &s->row[row];
	char path[1024];
	size_t n, at = 0;
	char *slash;

	if (col != COL_WHERE || m->shipped || m->there == THERE_NO)
		return false;
	path_short(m->path, path, sizeof path);
	slash = strrchr(path, '/');
	if (slash)
		slash[slash == path] = 0;
	n = strlen(path);
	while (at < n && utf8_width(path + at, n - at) + (at > 0) > r.w)
		at = utf8_after(path, n, at);
	if (at)
		canvas_text(c, r.x, r.y, 1, st, "…");
	canvas_text(c, r.x + (at > 0), r.y, r.w, st, path + at);
	return true;
}

static int
compare(void *arg, int a, int b, int col)
{
	struct models *s = arg;
	const struct models_row *x = &s->row[a], *y = &s->row[b];

	switch (col) {
	case COL_NAME:
		return strcmp(x->name, y->name);
	case COL_PARAMETERS:
		return (x->parameters > y->parameters) - (x->parameters < y->parameters);
	case COL_BYTES:
		return (x->bytes > y->bytes) - (x->bytes < y->bytes);
	case COL_USED:
		return (x->used > y->used) - (x->used < y->used);
	default:
		return strcmp(x->path, y->path);
	}
}

/* -- life --------------------------------------------------------------------------------------------------- */

static void
gather_open(struct view *v, struct models *s)
{
	const char *path = model_path(s->w->ui.model);
	struct models_entry *e = models_entry_add(s, path);

	/* All but the tokenizer is at hand: shown at once. */
	if (e && !model_info_read(&e->info, s->w->ui.model, NULL))
		model_info_factors(e->info, s->w->ui.model, s->w->ui.factors);
	models_gather(v, s, path);
}

static enum t2_status
models_open(struct view *v, void *state, struct t2_err *err)
{
	struct models *s = state;
	enum t2_status st;

	s->w = v->user;
	if ((st = world_begin(s->w, v->app, err)))
		return st;
	s->table =
		(struct table){.cols = columns,
			       .ncols = sizeof columns / sizeof *columns,
			       .cell = cell,
			       .paint = paint,
			       .id = row_id,
			       .compare = compare,
			       .arg = s,
			       .empty = app_keys(v->app, v->ops->number, s->empty,
						 "No models. {open-model} opens one by its path.")};
	models_tensors_init(s);
	if ((st = store_model_list(s->w->ui.store, &s->known, err)))
		return st;
	build_rows(s);
	for (int i = 0; i < s->rows; i++)
		if (s->row[i].open)
			table_select(&s->table, i);
	gather_open(v, s);
	show_tensors(s);
	return T2_OK;
}

static void
models_close(struct view *v, void *state)
{
	struct models *s = state;

	(void)v;
	for (int i = 0; i < s->entries; i++)
		model_info_free(s->entry[i].info);
	free(s->entry);
	free(s->row);
	model_list_free(&s->known);
	places_free(&s->places);
	table_free(&s->table);
	table_free(&s->tensors);
}

static void
models_show(struct view *v, void *state)
{
	read_known(state);
	models_look(v, state);
}

static void
take_info(struct models *s, struct models_found *x)
{
	struct models_entry *e = models_entry(s, x->path);

	if (!e)
		return;
	if (!x->info && e->info) { /* it could be read before */
		snprintf(e->why, sizeof e->why, "%s", x->why);
		e->job = 0;
	} else {
		models_entry_set(e, x->info, x->why);
		x->info = NULL;
	}
	models_count_factors(s);
	show_tensors(s);
}

static void
models_event(struct view *v, void *state, const struct event *e)
{
	struct models *s = state;
	struct models_entry *other;

	switch (e->type) {
	case MD_INFO:
		take_info(s, e->data);
		break;
	case MD_LOOK:
		places_free(&s->places);
		s->places = *(struct place_list *)e->data;
		memset(e->data, 0, sizeof s->places);
		build_rows(s);
		selected(v, s);
		break;
	case MD_FACTOR:
		other = models_entry(s, s->other);
		if (other && other->info)
			other->info->decomposed[*(int *)e->data]++;
		break;
	case WORLD_FACTORS:
		models_count_factors(s);
		break;
	case WORLD_STORE:
		read_known(s);
		break;
	default:
		break;
	}
}

/* -- acting ------------------------------------------------------------------------------------------------- */

/* One other model at most is marked: it is what c compares the open one with. */
static void
mark(struct view *v, struct models *s)
{
	const struct models_row *r = models_selected(s);
	bool was = r && table_marked(&s->table, table_selected(&s->table));

	if (!r)
		return;
	if (r->open || r->there == THERE_NO) {
		if (r->open)
			app_say(v->app, "%s",
				KEYS(v, "this one is open; {mark} on another marks it for "
					"comparing"));
		else
			app_say(v->app, "%s: its files are gone", r->name);
		return;
	}
	table_unmark(&s->table);
	if (was) {
		beside_drop(v->app, s->w);
		return;
	}
	table_action(&s->table, A_MARK);
	beside_start(v->app, s->w, r->path, r->name);
}

static void
show_compared(struct view *v, struct models *s)
{
	if (!s->w->beside) {
		app_say(v->app, "%s",
			table_marks(&s->table)
				? "the marked model's spectra are still being read"
				: KEYS(v, "{mark} marks a second model; {compare} then compares "
					  "spectra"));
		return;
	}
	app_send(v->app, &spectrum_view, VIEW_BESIDE, NULL, NULL);
	app_show(v->app, spectrum_view.number);
}

static void
open_selected(struct view *v, struct models *s)
{
	const struct models_row *r = models_selected(s);

	if (!r)
		return;
	if (r->open)
		view_focus(v, MD_FACTS);
	else
		opening_start(v->app, s->w, r->shipped ? "sample" : r->path);
}

/* A tensor that is one of the open model's matrices: to its spectrum. */
static void
open_tensor(struct view *v, struct models *s)
{
	const struct models_row *r = models_selected(s);
	const struct model_info *i = models_info(s);
	int k = table_selected(&s->tensors);
	char *name;

	if (!r || !i || k < 0 || k >= i->tensors)
		return;
	if (!r->open) {
		app_say(v->app, "%s is not open: %s in the list opens it", r->name,
			KEYS(v, "{open}"));
		return;
	}
	if (model_matrix_find(s->w->ui.model, i->tensor[k].name) < 0) {
		app_say(v->app, "%s is not decomposed: only the layers' matrices are",
			i->tensor[k].name);
		return;
	}
	if (!(name = strdup(i->tensor[k].name)))
		return;
	app_send(v->app, &spectrum_view, VIEW_MATRIX, name, free);
	app_show(v->app, spectrum_view.number);
}

static bool
facts_action(struct models *s, enum action a)
{
	int by = a == A_DOWN	    ? 1
		 : a == A_UP	    ? -1
		 : a == A_PAGE_DOWN ? s->height
		 : a == A_PAGE_UP   ? -s->height
				    : 0;

	if (a == A_TOP || a == A_BOTTOM)
		s->scroll = a == A_TOP ? 0 : 1000;
	else if (!by)
		return false;
	s->scroll += by;
	if (s->scroll < 0)
		s->scroll = 0;
	return true;
}

static bool
models_action(struct view *v, void *state, int pane, enum action a)
{
	struct models *s = state;

	if (a == A_REFRESH) {
		const struct models_row *r;

		read_known(s); /* makes the rows anew */
		r = models_selected(s);
		models_look(v, s);
		models_count_factors(s);
		if (r)
			models_gather(v, s, r->path);
		return true;
	}
	if (a == A_COMPARE) {
		show_compared(v, s);
		return true;
	}
	switch (pane) {
	case MD_LIST:
		if (a == A_MARK) {
			mark(v, s);
			return true;
		}
		if (a == A_OPEN) {
			open_selected(v, s);
			return true;
		}
		if (!table_action(&s->table, a))
			return false;
		selected(v, s);
		return true;
	case MD_FACTS:
		return facts_action(s, a);
	case MD_FACTORS:
		if (a != A_OPEN && !(a == A_BACK && models_decomposing(s)))
			return false;
		models_decompose(v, s, NULL);
		return true;
	default:
		if (a == A_OPEN) {
			open_tensor(v, s);
			return true;
		}
		return table_action(&s->tensors, a);
	}
}

static bool
models_mouse(struct view *v, void *state, int pane, const struct mouse *m)
{
	struct models *s = state;
	bool open = false;

	if (pane == MD_TENSORS) {
		if (!table_mouse(&s->tensors, m, &open))
			return false;
		if (open)
			open_tensor(v, s);
		return true;
	}
	if (pane != MD_LIST || !table_mouse(&s->table, m, &open))
		return false;
	if (open)
		open_selected(v, s);
	else
		selected(v, s);
	return true;
}

static void
models_filter(struct view *v, void *state, int pane, const char *text)
{
	struct models *s = state;

	if (pane == MD_LIST) {
		table_filter(&s->table, text);
		selected(v, s);
	} else if (pane == MD_TENSORS) {
		table_filter(&s->tensors, text);
	}
}

static void
open_path(struct view *v, void *state, const char *arg)
{
	struct models *s = state;

	(void)arg;
	opening_run(v->app, s->w, NULL);
}

static const struct binding bindings[] = {
	{A_NONE, "O", "open-path", "open a model by its path", open_path, PANES_ALL, BIND_BAR},
	{A_NONE, "D", "decompose", "decompose the selected model, or stop that", models_decompose,
	 PANES_ALL, BIND_BAR},
};

static const struct pane_spec panes[] = {
	[MD_LIST] = {"list", "models", 40, 4,
		     CAN_LIST | CAN(A_OPEN) | CAN(A_MARK) | CAN(A_COMPARE) | CAN(A_SORT) |
			     CAN(A_REFRESH)},
	[MD_FACTS] = {"facts", "architecture", 44, 8, CAN_MOVE | CAN(A_COMPARE) | CAN(A_REFRESH)},
	[MD_FACTORS] = {"factors", "decomposed", 30, 9,
			CAN(A_OPEN) | CAN(A_COMPARE) | CAN(A_REFRESH)},
	[MD_TENSORS] = {"tensors", "tensors", 44, 4,
			CAN_LIST | CAN(A_OPEN) | CAN(A_SORT) | CAN(A_REFRESH)},
};

static struct table *
models_table(void *state, int pane)
{
	struct models *s = state;

	return pane == MD_LIST ? &s->table : pane == MD_TENSORS ? &s->tensors : NULL;
}

static const struct view_sign signs[] = {
	{"◆", "open", "the open model"},
	{"✗", "gone", "its files are gone"},
};

const struct view_ops models_view = {
	.name = "Models",
	.number = 1,
	.state_size = sizeof(struct models),
	.panes = panes,
	.npanes = MD_PANES,
	.layout = "h(5:v(3:list =11:factors) 6:v(1:facts 1:tensors))",
	.bindings = bindings,
	.nbindings = sizeof bindings / sizeof *bindings,
	.signs = signs,
	.nsigns = sizeof signs / sizeof *signs,
	.open = models_open,
	.close = models_close,
	.show = models_show,
	.draw = models_draw,
	.action = models_action,
	.mouse = models_mouse,
	.event = models_event,
	.filter = models_filter,
	.table = models_table,
	.dump = models_dump,
};
