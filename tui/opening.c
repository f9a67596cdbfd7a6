#include "tui/opening.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/complete.h"
#include "tui/views/views.h"
#include "tui/world.h"

struct opening {
	struct app *app;
	struct world *w;
	struct world fresh;
	char name[1024];
};

static void
opening_free(void *arg)
{
	struct opening *x = arg;

	if (!x)
		return;
	world_close(&x->fresh);
	free(x);
}

static void
empty(struct world *w)
{
	memset(w, 0, sizeof *w);
	w->inotify = w->stop[0] = w->stop[1] = -1;
}

static enum t2_status
open_work(void *arg, struct job *job, struct t2_err *err)
{
	struct opening *x = arg;
	enum t2_status st = store_there(x->w->ui.store, err); /* opening would make a new one */

	if (st)
		return st;
	st = world_open(&x->fresh, x->name, x->w->store_path, x->w->threads, x->w->memory, job,
			err);
	if (!st && job_cancelled(job))
		st = T2_ECANCEL;
	return st;
}

static void
swap(struct app *a, void *arg)
{
	struct opening *x = arg;
	char title[300];

	world_replace(x->w, &x->fresh);
	world_title(x->w, title, sizeof title);
	app_title(a, "%s", title);
	app_say(a, "opened %s; filters, order and prompts stay, marks and sliders start anew",
		title);
}

/* A job that would lose something by being cancelled; the number of them. */
static int
heavy_jobs(struct app *a, struct job_view *out)
{
	struct job_view j;
	int n = 0;

	for (int i = 0; i < jobs_count(app_jobs(a)); i++) {
		jobs_get(app_jobs(a), i, &j);
		if (j.watched || j.light || (j.state != JOB_QUEUED && j.state != JOB_RUNNING))
			continue;
		if (!n++)
			*out = j;
	}
	return n;
}

static bool
question(struct app *a, void *arg, char *text, size_t size)
{
	const struct opening *x = arg;
	struct job_view j = {0};
	int n = heavy_jobs(a, &j);

	if (n == 1)
		snprintf(text, size, "\"%s\" is at work on %.60s. Stop it and open %.60s?", j.name,
			 x->w->ui.name, x->fresh.ui.name);
	else
		snprintf(text, size,
			 "\"%s\" and %d more are at work on %.60s. Stop them and open %.60s?",
			 j.name, n - 1, x->w->ui.name, x->fresh.ui.name);
	return n > 0;
}

static void
opened(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct opening *from = arg, *x;
	struct app_renewal r = {.question = question, .swap = swap, .drop = opening_free};

	(void)err; /* the job's failure is said already */
	if (st)
		return;
	x = malloc(sizeof *x);
	if (!x) {
		app_error(from->app, "open %s: out of memory", from->name);
		return;
	}
	*x = *from; /* the job drops its own, now empty */
	empty(&from->fresh);
	r.arg = x;
	snprintf(r.name, sizeof r.name, "%.70s", x->fresh.ui.name);
	app_renew(from->app, &r);
}

void
opening_start(struct app *a, struct world *w, const char *model)
{
	struct job_spec s = {.owner = &models_view,
			     .work = open_work,
			     .done = opened,
			     .drop = opening_free,
			     .quiet = true,
			     .light = true,
			     .passing = true};
	struct opening *x = calloc(1, sizeof *x);
	char name[JOB_NAME];
	size_t n = strlen(model);

	if (!x) {
		app_error(a, "out of memory");
		return;
	}
	x->app = a;
	x->w = w;
	empty(&x->fresh);
	if (!path_expand(model, x->name, sizeof x->name)) {
		app_error(a, "open %.40s...: the path is too long", model);
		opening_free(x);
		return;
	}
	/* the end of a path tells more than its beginning */
	snprintf(name, sizeof name, "open %s%s", n > 40 ? "..." : "",
		 n > 40 ? model + n - 40 : model);
	s.name = name;
	s.arg = x;
	app_job(a, &s);
}

/* -- asking for it ------------------------------------------------------------------------------------------ */

static void
asked(struct app *a, void *arg, const char *text)
{
	size_t n = strlen(text);
	char *path = strndup(text, n > 1 && text[n - 1] == '/' ? n - 1 : n);

	if (path && *path)
		opening_start(a, arg, path);
	free(path);
}

void
opening_run(struct app *a, void *w, const char *model)
{
	struct app_prompt p = {
		.label = "open model (Tab completes): ", .model = true, .done = asked, .arg = w};

	if (model)
		asked(a, w, model);
	else
		app_prompt(a, &p);
}
