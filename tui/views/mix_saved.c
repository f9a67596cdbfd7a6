/* Kept mixtures: the list of the Mix view, what is saved, opened, deleted and handed to Ask. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/deleting.h"
#include "tui/views/mix.h"
#include "tui/views/views.h"
#include "tui/widgets/gauge.h"

/* draft-1, draft-2 ...: the first that no kept mixture has. */
void
mix_saved_draft(struct mix *s)
{
	for (int i = 1;; i++) {
		bool taken = false;

		snprintf(s->name, sizeof s->name, "draft-%d", i);
		for (int k = 0; k < s->list.n; k++)
			taken = taken || !strcmp(s->list.v[k].name, s->name);
		if (!taken)
			return;
	}
}

/* The store's number of it; 0: none is called so. */
static int64_t
kept_id(const struct mix *s, const char *name)
{
	for (int i = 0; i < s->list.n; i++)
		if (!strcmp(s->list.v[i].name, name))
			return s->list.v[i].id;
	return 0;
}

bool
mix_is_kept(const struct mix *s, const char *name)
{
	return kept_id(s, name) != 0;
}

/* Is what the sliders say what the store has under this name? */
static bool
as_kept(const struct mix *s, const char *name)
{
	struct mixing other;
	bool same = false;

	for (int i = 0; i < s->list.n; i++) {
		if (strcmp(s->list.v[i].name, name) || mixing_copy(&other, &s->set, NULL))
			continue;
		same = !mixing_load(&other, &s->list.v[i], NULL) && mixing_same(&other, &s->set);
		mixing_free(&other);
	}
	return same;
}

void
mix_saved_read(struct mix *s)
{
	struct mixture_list l;
	struct t2_err err;

	if (store_mixture_list(s->w->ui.store, s->w->ui.model_id, &l, &err)) {
		world_unread(s->w, &err);
		return;
	}
	mixture_list_free(&s->list);
	s->list = l;
	table_rows(&s->table, l.n);
	s->saved = as_kept(s, s->name);
}

static const struct mixture_row *
selected(const struct mix *s)
{
	int i = table_selected(&s->table);

	return i >= 0 && i < s->list.n ? &s->list.v[i] : NULL;
}

static const struct column columns[] = {{"name", 8, 22, ALIGN_LEFT, 0},
					{"of", 10, 0, ALIGN_LEFT, 1},
					{"fitness", 7, 7, ALIGN_RIGHT, 2},
					{"task", 6, 12, ALIGN_LEFT, 3}};

static void
cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	struct mix *s = arg;
	const struct mixture_row *m = &s->list.v[row];
	size_t n = 0;

	(void)st;
	buf[0] = 0;
	switch (col) {
	case 0:
		snprintf(buf, TABLE_CELL, "%.200s", m->name);
		break;
	case 1:
		for (int i = 0; i < m->parts && n < TABLE_CELL; i++)
			n += (size_t)snprintf(buf + n, TABLE_CELL - n, "%s%s%.3g %s",
					      i ? " + " : "", m->part[i].alphas ? "~" : "",
					      m->part[i].alpha, m->part[i].name);
		break;
	case 2:
		gauge_share(buf, TABLE_CELL, m->fitness);
		break;
	default:
		snprintf(buf, TABLE_CELL, "%.200s", m->task);
	}
}

static int64_t
row_id(void *arg, int row)
{
	struct mix *s = arg;

	return s->list.v[row].id;
}

/* -- keeping ----------------------------------------------------------------------------------------------------- */

static void
delete_selected(struct mix *s)
{
	const struct mixture_row *m = selected(s);
	char what[MIXING_NAME + 16];

	if (!m)
		return;
	snprintf(what, sizeof what, "mixture %s", m->name);
	deleting_row(s->app, s->w->ui.store, TRASH_MIXTURE, m->id, what);
}

struct save {
	struct mix *s;
	char name[MIXING_NAME];
	bool then_ask; /* go to Ask with it */
};

static void
ask_with(struct mix *s, const char *spec)
{
	app_send(s->app, &ask_view, VIEW_STRATEGY, strdup(spec), free);
	app_show(s->app, ask_view.number);
}

static void
save_now(struct mix *s, const char *name, bool then_ask)
{
	struct store *store = s->w->ui.store;
	int64_t id, old = kept_id(s, name);
	struct t2_err err;
	enum t2_status st = store_begin(store, &err);

	if (!st && old)
		st = store_mixture_remove(store, old, &err);
	if (!st)
		st = mixing_keep(&s->set, store, s->w->ui.model_id, name, &id, &err);
	if (!st)
		st = store_commit(store, &err);
	if (st) {
		store_rollback(store);
		app_fail(s->app, &err);
		return;
	}
	mix_saved_read(s);
	mix_named(s, name, true);
	app_say(s->app, "mixture %s kept; t2tui ask --strategy mix:%s uses it too", name, name);
	if (then_ask) {
		char spec[MIXING_NAME + 8];

		snprintf(spec, sizeof spec, "mix:%s", name);
		ask_with(s, spec);
	}
}

static void
save_yes(struct app *a, void *arg)
{
	struct save *x = arg;

	(void)a;
	save_now(x->s, x->name, x->then_ask);
}

void
mix_save_as(struct mix *s, const char *name, bool then_ask)
{
	struct save *x;
	char question[MIXING_NAME + 64];
	struct t2_err err;

	if (!*name)
		return;
	if (store_name_check("mixture", name, &err)) {
		app_fail(s->app, &err);
		return;
	}
	if (!mix_is_kept(s, name)) {
		save_now(s, name, then_ask);
		return;
	}
	if (!(x = calloc(1, sizeof *x)))
		return;
	x->s = s;
	x->then_ask = then_ask;
	snprintf(x->name, sizeof x->name, "%s", name);
	snprintf(question, sizeof question, "Mixture %s is there already. Write over it?", name);
	app_confirm(s->app, question, save_yes, x, free);
}

static void
save_typed(struct app *a, void *arg, const char *text)
{
	struct save *x = arg;

	(void)a;
	mix_save_as(x->s, text, x->then_ask);
}

void
mix_save_prompt(struct mix *s, bool then_ask)
{
	struct save *x = calloc(1, sizeof *x);
	struct app_prompt p = {.label = "keep the mixture as: ",
			       .text = s->name,
			       .done = save_typed,
			       .drop = free};

	if (!x)
		return;
	x->s = s;
	x->then_ask = then_ask;
	p.arg = x;
	app_prompt(s->app, &p);
}

bool
mix_saved_action(struct mix *s, enum action a)
{
	const struct mixture_row *m = selected(s);
	struct mixing other;

	switch (a) {
	case A_OPEN:
		if (m) {
			mix_undo_point(s, "open a mixture");
			mix_load(s, m);
		}
		return true;
	case A_DELETE:
		delete_selected(s);
		return true;
	case A_MARK:
		if (!m || mixing_copy(&other, &s->set, NULL))
			return true;
		if (!mixing_load(&other, m, NULL))
			mix_column_pin(s, &other, m->name);
		mixing_free(&other);
		return true;
	default:
		return table_action(&s->table, a);
	}
}

void
mix_saved_open(struct mix *s)
{
	s->table = (struct table){
		.cols = columns,
		.ncols = sizeof columns / sizeof *columns,
		.cell = cell,
		.id = row_id,
		.arg = s,
		.headless = true,
		.empty = app_keys(s->app, mix_view.number, s->empty,
				  "Nothing kept yet. {save} keeps the mixture, {search} searches "
				  "for one.")};
	mix_saved_read(s);
	mix_saved_draft(s);
}

/* The selected one where that is what is looked at, else the sliders as they stand. */
void
mix_saved_ask(struct mix *s, bool of_list)
{
	const struct mixture_row *m = selected(s);
	char spec[300];

	if (of_list && m)
		snprintf(spec, sizeof spec, "mix:%s", m->name);
	else if (s->saved)
		snprintf(spec, sizeof spec, "mix:%s", s->name);
	else if (!mixing_spec(&s->set, spec, sizeof spec)) {
		mix_save_prompt(
			s, true); /* alphas by matrix have no spelling: it needs a name first */
		return;
	}
	ask_with(s, spec);
}
