/* world.h - what the views share: the open model, the store as the UI sees it, and the workspace that jobs run in.
 *
 *	view open():	struct world *w = v->user; world_begin(w, v->app, err);
 *	UI thread:	w->ui.store, w->ui.model, w->ui.factors
 *	job, lane w:	struct workspace *ws; world_work(w, WS_TEXT | WS_FACTORS, &ws, job, err);
 *	view event():	case WORLD_STORE: somebody has written: read your own rows again
 *			case WORLD_READ: w->experts and w->runs are new; case WORLD_FACTORS: more matrices are decomposed
 *
 * Two workspaces on one model: `ui` belongs to the UI thread, `work` to the jobs of lane w, which run one after the other.
 * A thread of its own watches the store's file and posts WORLD_STORE when anybody - this process, a trainer, another
 * workbench - has written to it; when nobody writes it sleeps. */
#ifndef T2_WORLD_H
#define T2_WORLD_H

#include <pthread.h>

#include "tui/binding.h"
#include "tui/color.h"
#include "store/runs.h"
#include "tui/event.h"
#include "tui/workspace.h"

struct app;
struct beside;

struct world_run {
	struct world *w;
	int64_t id;
	int job, step, answers; /* as last reported; answers: of a validation, -1: at none */
};

enum world_events { WORLD_STORE = 1000, WORLD_READ, WORLD_FACTORS, WORLD_BESIDE };

struct world {
	char model_name[1024]; /* as workspace_model() takes it */
	const char *store_path;
	int threads;
	struct memory *memory; /* the process's, borrowed; NULL: no limit */
	struct workspace ui, work;
	/* Of the model, and of every model; as last read (world_refresh()): they change with WORLD_READ only, which every
	 * view gets before it draws. */
	struct expert_list experts;
	struct run_list runs;
	int reading;	 /* job id, 0: none */
	bool read_again; /* after that */
	struct app *app;
	bool begun, watching;
	pthread_t watcher;
	int inotify, stop[2];  /* of the watcher; -1: none */
	int decomposing;       /* job id, 0: none */
	struct world_run *run; /* trainers at work, shown as watched jobs */
	int nruns;
	struct beside *beside; /* a second model to compare with; NULL: none */
	int beside_wanted;     /* counts what beside.h was asked for */
	struct {	       /* failed reads, lately told */
		uint64_t text;
		double at;
	} told[8];
};

/* Opens the model for the UI thread: mapped.  job: reads it from the disk first, counting MiB; NULL: not read. */
enum t2_status world_open(struct world *w, const char *model, const char *store_path, int threads,
			  struct memory *memory, struct job *job, struct t2_err *err);
void world_close(struct world *w); /* after app_run() */
/* app_config.closing of a world: its watcher posts no more. */
void world_closing(void *world);
/* Another model in the place of the open one: w takes over what world_open() made of fresh, which is empty afterwards.
 * The watcher and the trainers that are watched go on.  Called when no view is open and no job of ours runs. */
void world_replace(struct world *w, struct world *fresh);
/* "smollm2 (135M)" */
void world_title(const struct world *w, char *out, size_t size);
/* Once the app runs: starts the watcher and, where matrices are missing and their factors stay under WORLD_AUTO, the
 * decomposition. */
enum { WORLD_AUTO = 1 << 30 };
enum t2_status world_begin(struct world *w, struct app *app, struct t2_err *err);
/* Decomposes what is missing, as a job of lane w; nothing where that runs already. */
void world_decompose(struct world *w);
/* For jobs of lane w only; opens on first use, adds what is asked for and not there yet. */
enum t2_status world_work(struct world *w, int what, struct workspace **ws, struct job *job,
			  struct t2_err *err);
/* app_config.event of a world. */
void world_event(void *world, const struct event *e);
/* Reads experts, runs and which trainers are at work (of every model) again, as a job; WORLD_READ comes when that is done. */
void world_refresh(struct world *w);
/* Those runs that are the model's, newest first, in out->v, which the caller frees; their strings are w->runs's. */
enum t2_status world_runs(const struct world *w, struct run_list *out, struct t2_err *err);
/* A read of the store in the UI's thread has failed: says so, but the same only once in a minute, for every change of the
 * store has the views read again. */
void world_unread(struct world *w, const struct t2_err *err);
/* app_config.words of a world. */
char **world_words(void *world, enum binding_arg what, int *n);
/* An expert's stable number (its place in w->experts by id), for its colour; -1: not of this model. */
int world_expert_index(const struct world *w, const char *name);

#endif
