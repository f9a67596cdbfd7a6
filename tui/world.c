#include "tui/world.h"

#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "engine/base/hash.h"
#include "engine/base/memory.h"
#include "store/runs.h"
#include "tui/app.h"
#include "tui/beside.h"
#include "tui/model_info.h"
#include "tui/prefetch.h"
#include "tui/widgets/gauge.h"

enum t2_status
world_open(struct world *w, const char *model, const char *store_path, int threads,
	   struct memory *memory, struct job *job, struct t2_err *err)
{
	char path[1024];
	bool shipped;
	enum t2_status st;

	memset(w, 0, sizeof *w);
	w->inotify = w->stop[0] = w->stop[1] = -1;
	w->store_path = store_path;
	w->threads = threads;
	w->memory = w->ui.memory = w->work.memory = memory;
	snprintf(w->model_name, sizeof w->model_name, "%s", model);
	if ((st = workspace_start(&w->ui, 1, store_path, err)))
		return st;
	store_guard(w->ui.store);
	if (job && !workspace_path(&w->ui, model, path, sizeof path, &shipped, NULL))
		prefetch_model(path, job);
	job_stage(job, "opening", 0);
	if (job_cancelled(job))
		return t2_fail(err, T2_ECANCEL, "cancelled");
	if ((st = workspace_model(&w->ui, model, WS_CACHED | WS_UNKEPT, NULL, err)))
		return st;
	/* where these cannot be read, the first refresh says why */
	store_run_list(w->ui.store, 0, &w->runs, NULL);
	return store_expert_list(w->ui.store, w->ui.model_id, &w->experts, err);
}

static void
watcher_close(struct world *w)
{
	for (int i = 0; i < 2; i++)
		if (w->stop[i] >= 0)
			close(w->stop[i]);
	if (w->inotify >= 0)
		close(w->inotify);
	w->inotify = w->stop[0] = w->stop[1] = -1;
}

void
world_closing(void *world)
{
	struct world *w = world;

	if (w->watching && write(w->stop[1], "", 1) == 1)
		pthread_join(w->watcher, NULL);
	w->watching = false;
}

void
world_close(struct world *w)
{
	world_closing(w);
	watcher_close(w);
	expert_list_free(&w->experts);
	run_list_free(&w->runs);
	beside_free(w->beside);
	free(w->run);
	workspace_stop(&w->work);
	workspace_stop(&w->ui);
}

/* Many writes make one event: after the first, the thread sleeps a little and swallows the rest. */
static void *
watch(void *arg)
{
	struct world *w = arg;
	struct pollfd fd[2] = {{.fd = w->inotify, .events = POLLIN},
			       {.fd = w->stop[0], .events = POLLIN}};
	char buf[4096] __attribute__((aligned(8)));

	for (;;) {
		if (poll(fd, 2, -1) < 0)
			continue;
		if (fd[1].revents)
			return NULL;
		if (poll(fd + 1, 1, 120) > 0)
			return NULL;
		if (read(w->inotify, buf, sizeof buf) > 0)
			event_post(app_queue(w->app), NULL, WORLD_STORE, NULL, NULL);
	}
}

/* Signals are the UI thread's: a handler in here could write to a pipe that is being closed. */
static int
quiet_thread(pthread_t *t, void *(*run)(void *), void *arg)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(t, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

static enum t2_status
start_watcher(struct world *w, struct t2_err *err)
{
	char dir[1100];
	char *slash;

	snprintf(dir, sizeof dir, "%s", store_path(w->ui.store));
	slash = strrchr(dir, '/');
	if (slash)
		*slash = 0;
	w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->inotify < 0 || pipe(w->stop) ||
	    inotify_add_watch(w->inotify, slash ? dir : ".", IN_MODIFY | IN_CREATE) < 0 ||
	    quiet_thread(&w->watcher, watch, w)) {
		watcher_close(w);
		return t2_fail(
			err, T2_EIO,
			"%s: cannot be watched: views show what changes in it after a refresh",
			dir);
	}
	w->watching = true;
	return T2_OK;
}

static void
matrix_done(void *arg, int mat)
{
	struct world *w = arg;

	(void)mat;
	event_post(app_queue(w->app), NULL, WORLD_FACTORS, NULL, NULL);
}

static enum t2_status
decompose(void *arg, struct job *job, struct t2_err *err)
{
	struct world *w = arg;
	struct workspace *ws;
	enum t2_status st = world_work(w, WS_MODEL, &ws, job, err);

	if (!st)
		st = factors_decompose(ws->model, ws->cache, "all", false, false, ws->pool, job,
				       matrix_done, w, NULL, err);
	return st;
}

static void
decomposed(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct world *w = arg;

	(void)st;
	(void)err;
	w->decomposing = 0;
	event_post(app_queue(w->app), NULL, WORLD_FACTORS, NULL, NULL);
}

void
world_decompose(struct world *w)
{
	struct job_spec s = {.name = "decompose",
			     .lane = w,
			     .work = decompose,
			     .done = decomposed,
			     .arg = w,
			     .quiet = true,
			     .light = true};

	if (!w->decomposing)
		w->decomposing = app_job(w->app, &s);
}

static void
say_memory(void *arg, const char *line)
{
	char text[240];

	snprintf(text, sizeof text, "memory limit: %s", line);
	app_post(arg, text);
}

enum t2_status
world_begin(struct world *w, struct app *app, struct t2_err *err)
{
	struct t2_err e;

	(void)err;
	if (w->begun)
		return T2_OK;
	w->begun = true;
	if (!w->app) { /* the watcher reads it, and goes on when another model is opened */
		w->app = app;
		memory_listen(w->memory, say_memory, app);
	}
	if (!w->watching) {
		if (start_watcher(w, &e))
			app_fail(app, &e);
		if (store_readonly(w->ui.store)) {
			t2_fail(&e, T2_EIO,
				"%s is %s: what is asked, measured or changed here is not kept",
				store_path(w->ui.store), store_unwritable(w->ui.store));
			app_fail(app, &e);
		}
	}
	if (factors_count(w->ui.factors) < model_matrices(w->ui.model) &&
	    model_factor_bytes(w->ui.model) <= WORLD_AUTO)
		world_decompose(w);
	world_refresh(w);
	return T2_OK;
}

void
world_replace(struct world *w, struct world *fresh)
{
	expert_list_free(&w->experts);
	run_list_free(&w->runs);
	beside_free(w->beside);
	w->beside = NULL;
	workspace_stop(&w->work);
	workspace_stop(&w->ui);
	memcpy(w->model_name, fresh->model_name, sizeof w->model_name);
	w->ui = fresh->ui;
	w->work.memory = w->memory;
	w->experts = fresh->experts;
	w->runs = fresh->runs;
	w->begun = false;
	w->decomposing = 0;
	memset(&fresh->ui, 0, sizeof fresh->ui);
	memset(&fresh->experts, 0, sizeof fresh->experts);
	memset(&fresh->runs, 0, sizeof fresh->runs);
}

void
world_title(const struct world *w, char *out, size_t size)
{
	char n[24];

	snprintf(out, size, "%s (%s)", w->ui.name,
		 gauge_count(n, sizeof n, (double)model_parameters(w->ui.model)));
}

/* What is mapped stays readable; what has to be opened again needs the file to be where it was. */
static enum t2_status
gone(const struct world *w, enum t2_status st, struct t2_err *err)
{
	const char *path = model_path(w->ui.model);

	if (!access(path, R_OK))
		return st;
	return t2_fail(err, st,
		       "%s is gone since it was opened here; put it back, or open it from its new "
		       "place",
		       path);
}

enum t2_status
world_work(struct world *w, int what, struct workspace **out, struct job *job, struct t2_err *err)
{
	struct workspace *ws = &w->work;
	struct store_place place;
	enum t2_status st = T2_OK;

	*out = ws;
	what |= WS_UNKEPT; /* each who has something to keep tells when it is not kept */
	if (!ws->model) {
		store_place_of(w->ui.store, &place);
		if ((st = workspace_join(ws, w->threads, &place, err)))
			return st;
		store_guard(ws->store);
		if ((st = workspace_model(ws, w->model_name, what, job, err)))
			return gone(w, st, err);
		return T2_OK;
	}
	if ((what & WS_TEXT) && !ws->tok)
		st = workspace_model(ws, w->model_name, what, job, err);
	else if ((what & WS_FACTORS) &&
		 (!ws->factors || factors_count(ws->factors) < model_matrices(ws->model)))
		st = workspace_decompose(ws, "all", false, false, job, NULL, err);
	return st;
}

void
world_unread(struct world *w, const struct t2_err *err)
{
	enum { TOLD = sizeof w->told / sizeof *w->told };
	uint64_t text = XXH3_64bits(err->msg, strlen(err->msg));
	double now = clock_seconds();
	int oldest = 0;

	for (int i = 0; i < TOLD; i++) {
		if (w->told[i].text == text && w->told[i].at > 0 && now - w->told[i].at < 60)
			return;
		if (w->told[i].at < w->told[oldest].at)
			oldest = i;
	}
	w->told[oldest].text = text;
	w->told[oldest].at = now;
	app_fail(w->app, err);
}

int
world_expert_index(const struct world *w, const char *name)
{
	for (int i = 0; i < w->experts.n; i++)
		if (!strcmp(w->experts.v[i].name, name))
			return i;
	return -1;
}
