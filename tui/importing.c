#include "tui/importing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/model/checkpoint.h"
#include "store/models.h"

/* The model that a file names by its fingerprint, where the store knows it. */
static void
owner(struct workspace *ws, const struct importing_options *o, char *out, size_t size)
{
	struct safetensors *s;
	struct arena a = {0};
	struct model_row row;
	const char *fp;

	snprintf(out, size, "%s", o->model ? o->model : o->otherwise);
	if (o->model || safetensors_open(&s, o->file, NULL))
		return; /* load_file() opens it again, and says what is wrong */
	fp = safetensors_meta(s, "fingerprint");
	/* none: the model at hand decides whether the file fits; a store that cannot be read says so when that is opened */
	if (fp && !store_model_find(ws->store, fp, &row, &a, NULL))
		snprintf(out, size, "%s", row.fingerprint);
	arena_free(&a);
	safetensors_free(s);
}

/* What a file without a name is called: itself, without folder and ending. */
static void
file_name(const char *file, char *out, size_t size)
{
	const char *base = strrchr(file, '/'), *dot;

	base = base ? base + 1 : file;
	dot = strrchr(base, '.');
	snprintf(out, size, "%.*s", dot && dot > base ? (int)(dot - base) : (int)strlen(base),
		 base);
}

static enum t2_status
load_file(struct workspace *ws, const struct importing_options *o, struct expert **e,
	  struct job *job, struct t2_err *err)
{
	enum t2_status st = expert_load(e, o->file, ws->model, ws->factors, o->transfer, err);

	if (st != T2_ENOTFOUND || access(o->file, R_OK) ||
	    factors_count(ws->factors) == model_matrices(ws->model))
		return st;
	if ((st = workspace_decompose(ws, "all", false, false, job, NULL, err)))
		return st;
	return expert_load(e, o->file, ws->model, ws->factors, o->transfer, err);
}

enum t2_status
importing_run(struct importing *out, struct workspace *ws, const struct importing_options *o,
	      struct job *job, struct t2_err *err)
{
	struct expert_row row = {.base_accuracy = NAN};
	struct expert *e = NULL;
	struct task *t = NULL;
	struct arena a = {0};
	char of[1024];
	struct t2_err why;
	enum t2_status st;

	memset(out, 0, sizeof *out);
	owner(ws, o, of, sizeof of);
	if ((st = workspace_model(ws, of, WS_CACHED, job, err)) ||
	    (st = load_file(ws, o, &e, job, err)))
		return st;
	if (o->name)
		snprintf(e->name, sizeof e->name, "%s", o->name);
	if (!e->name[0])
		file_name(o->file, e->name, sizeof e->name);
	/* a classifier stays one when it comes back from a file */
	st = e->task[0] ? workspace_task(e->task, &t, &why) : T2_ENOTFOUND;
	if (!st)
		row.dispatch = task_categories(t) > 0 && task_dispatches(t);
	else if (st != T2_ENOTFOUND && !e->note[0])
		snprintf(e->note, sizeof e->note, "its task cannot be read: %.200s", why.msg);
	task_free(t);
	row.accuracy = e->accuracy[0] ? atof(e->accuracy) : NAN;
	st = store_expert_add(ws->store, ws->model_id, ws->model, e, &row, &out->id, err);
	if (st == T2_EINVAL) {
		/* whatever else is the matter, the message at hand says it */
		out->taken = !store_expert_find(ws->store, ws->model_id, e->name, &row, &a, NULL);
		arena_free(&a);
	}
	out->model = ws->model_id;
	snprintf(out->name, sizeof out->name, "%s", e->name);
	snprintf(out->model_name, sizeof out->model_name, "%s", ws->name);
	snprintf(out->note, sizeof out->note, "%s", e->note);
	expert_free(e);
	return st;
}
