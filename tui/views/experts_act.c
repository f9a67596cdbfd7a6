/* What the Experts view does to the store: rename, import, export; u takes back the first two. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tui/app.h"
#include "tui/importing.h"
#include "tui/views/experts.h"
#include "tui/views/views.h"

/* Every view that is open reads the store again now, not when the watcher notices. */
static void
changed(struct app *a)
{
	event_post(app_queue(a), NULL, WORLD_STORE, NULL, NULL);
}

/* "~/x" as the shell would have it. */
static void
expand(const char *path, char *out, size_t size)
{
	const char *home = getenv("HOME");

	if (!strncmp(path, "~/", 2) && home)
		snprintf(out, size, "%s%s", home, path + 1);
	else
		snprintf(out, size, "%s", path);
}

/* -- rename ------------------------------------------------------------------------------------------------ */

struct rename {
	struct experts *s;
	int64_t id;
	char name[128];
};

static bool
rename_undo(struct app *a, void *arg)
{
	struct rename *x = arg;
	struct t2_err err;

	if (store_expert_rename(x->s->w->ui.store, x->id, x->name, &err)) {
		app_fail(a, &err);
		return false;
	}
	changed(a);
	return true;
}

static void
rename_to(struct experts *s, int row, const char *to)
{
	const struct expert_row *r = &s->rows.list.v[row];
	struct rename *was;
	struct t2_err err;
	char what[160];

	if (!strcmp(r->name, to))
		return;
	if (store_expert_rename(s->w->ui.store, r->id, to, &err)) {
		app_fail(s->app, &err);
		return;
	}
	was = calloc(1, sizeof *was);
	if (was) {
		*was = (struct rename){.s = s, .id = r->id};
		snprintf(was->name, sizeof was->name, "%s", r->name);
		snprintf(what, sizeof what, "expert %.60s renamed %.60s", r->name, to);
		app_undo_push(s->app, what, rename_undo, was, free, sizeof *was);
	}
	app_say(s->app, "%s is called %s now; %s", r->name, to,
		KEYS_IN(s->app, experts_view.number, "{undo} takes it back"));
	changed(s->app);
}

static void
rename_typed(struct app *a, void *arg, const char *text)
{
	struct rename *x = arg;
	int row = ex_find(x->s, x->id);

	(void)a;
	if (row >= 0 && *text)
		rename_to(x->s, row, text);
}

void
ex_rename(struct experts *s, int row, const char *to)
{
	struct app_prompt p = {.label = "new name: ",
			       .text = s->rows.list.v[row].name,
			       .done = rename_typed,
			       .drop = free};
	struct rename *x;

	if (to) {
		rename_to(s, row, to);
		return;
	}
	x = calloc(1, sizeof *x);
	if (!x)
		return;
	*x = (struct rename){.s = s, .id = s->rows.list.v[row].id};
	p.arg = x;
	app_prompt(s->app, &p);
}

/* -- import ------------------------------------------------------------------------------------------------ */

struct import {
	struct experts *s;
	char file[1024], model[1024], name[128]; /* name "": the file's */
	struct store_place store;
	int threads;
	struct importing got;
};

static enum t2_status
import_work(void *arg, struct job *job, struct t2_err *err)
{
	struct import *x = arg;
	struct importing_options o = {
		.file = x->file, .name = x->name[0] ? x->name : NULL, .otherwise = x->model};
	struct workspace ws = {0};
	enum t2_status st;

	job_stage(job, "importing", 0);
	st = workspace_join(&ws, x->threads, &x->store, err);
	if (!st)
		st = importing_run(&x->got, &ws, &o, job, err);
	workspace_stop(&ws);
	return st;
}

struct imported {
	struct experts *s;
	int64_t id, model;
	char name[128];
};

static bool
import_undo(struct app *a, void *arg)
{
	struct imported *x = arg;
	struct store *store = x->s->w->ui.store;
	struct expert_row row;
	struct arena found = {0};
	struct t2_err err;
	enum t2_status st = store_expert_find(store, x->model, x->name, &row, &found, &err);

	/* another of that name is not to be taken away */
	if (!st && row.id != x->id)
		st = t2_fail(&err, T2_ENOTFOUND, "expert %s is not the imported one any more",
			     x->name);
	if (!st)
		st = store_expert_remove(store, x->id, &err);
	arena_free(&found);
	if (st)
		app_fail(a, &err);
	else
		changed(a);
	return st == T2_OK;
}

static void import_start(struct app *a, const struct import *as);

static void
import_named(struct app *a, void *arg, const char *text)
{
	struct import *x = arg;

	if (!*text)
		return;
	snprintf(x->name, sizeof x->name, "%s", text);
	import_start(a, x);
}

/* Another name, then: the file is still good. */
static void
import_ask(struct app *a, void *arg)
{
	const struct import *x = arg;
	struct app_prompt p = {
		.label = "that name is taken; import as: ", .done = import_named, .drop = free};
	struct import *again = malloc(sizeof *again);
	char name[128];

	if (!again)
		return;
	*again = *x;
	snprintf(name, sizeof name, "%.120s-2", x->got.name);
	p.text = name;
	p.arg = again;
	app_prompt(a, &p);
}

static void
import_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct import *x = arg, *again;
	struct imported *undo;
	char what[160];

	(void)err;
	if (st && x->got.taken && (again = malloc(sizeof *again))) {
		*again = *x;
		app_later(x->s->app, import_ask, again, free);
	}
	if (st)
		return;
	undo = calloc(1, sizeof *undo);
	if (undo) {
		*undo = (struct imported){.s = x->s, .id = x->got.id, .model = x->got.model};
		snprintf(undo->name, sizeof undo->name, "%s", x->got.name);
		snprintf(what, sizeof what, "expert %.100s imported", x->got.name);
		app_undo_push(x->s->app, what, import_undo, undo, free, sizeof *undo);
	}
	app_say(x->s->app, "expert %s imported for %s%s%s", x->got.name, x->got.model_name,
		x->got.note[0] ? ": " : "; ",
		x->got.note[0] ? x->got.note
			       : KEYS_IN(x->s->app, experts_view.number, "{undo} takes it back"));
	changed(x->s->app);
}

static void
import_start(struct app *a, const struct import *as)
{
	struct job_spec spec = {.name = "import",
				.owner = &experts_view,
				.work = import_work,
				.done = import_done,
				.drop = free,
				.quiet = true};
	struct import *x = malloc(sizeof *x);

	if (!x)
		return;
	*x = *as;
	spec.arg = x;
	app_job(a, &spec);
}

void
ex_import(struct experts *s, const char *path)
{
	struct import x = {.s = s, .threads = s->w->threads};

	if (!path || !*path) {
		app_say(s->app, "say which file: :expert-import FILE.safetensors");
		return;
	}
	expand(path, x.file, sizeof x.file);
	snprintf(x.model, sizeof x.model, "%s", s->w->model_name);
	store_place_of(s->w->ui.store, &x.store);
	import_start(s->app, &x);
}

/* -- export ------------------------------------------------------------------------------------------------ */

struct export
{
	struct experts *s;
	const struct model *model;
	int64_t id;
	char name[128], file[1024];
	struct store_place store;
};

static enum t2_status
export_work(void *arg, struct job *job, struct t2_err *err)
{
	struct export *x = arg;
	struct expert *e = NULL;
	struct store *store;
	enum t2_status st = store_open_again(&store, &x->store, err);

	if (st)
		return st;
	job_stage(job, "exporting", 0);
	if (!(st = store_expert_load(store, x->id, x->model, &e, err)))
		st = expert_save(e, x->file, x->model, err);
	expert_free(e);
	store_close(store);
	return st;
}

static void
export_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct export *x = arg;

	(void)err;
	if (!st)
		app_say(x->s->app, "expert %s written to %s", x->name, x->file);
}

static void
export_start(struct app *a, void *arg)
{
	struct job_spec spec = {.name = "export",
				.owner = &experts_view,
				.work = export_work,
				.done = export_done,
				.drop = free,
				.quiet = true};
	struct export *x = malloc(sizeof *x);

	if (!x)
		return;
	*x = *(struct export *)arg;
	spec.arg = x;
	app_job(a, &spec);
}

void
ex_export(struct experts *s, int row, const char *path)
{
	const struct expert_row *r = &s->rows.list.v[row];
	struct export *x;
	char question[1200];

	if (!s->rows.info[row].here) {
		app_error(s->app, "expert %s is of %s: open that model to export it", r->name,
			  r->model_name);
		return;
	}
	x = calloc(1, sizeof *x);
	if (!x)
		return;
	x->s = s;
	x->model = s->w->ui.model;
	x->id = r->id;
	snprintf(x->name, sizeof x->name, "%s", r->name);
	if (path && *path)
		expand(path, x->file, sizeof x->file);
	else
		snprintf(x->file, sizeof x->file, "%s.safetensors", r->name);
	store_place_of(s->w->ui.store, &x->store);
	if (!access(x->file, F_OK)) {
		snprintf(question, sizeof question, "%s is there already. Write over it?", x->file);
		app_confirm(s->app, question, export_start, x, free);
		return;
	}
	export_start(s->app, x);
	free(x);
}
