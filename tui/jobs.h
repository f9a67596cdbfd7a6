/* jobs.h - long pieces of work that run beside the screen.
 *
 *	const struct job_spec s = {.name = "decompose", .owner = &spectrum_view, .lane = model,
 *				   .work = decompose, .done = decomposed, .arg = d, .drop = free};
 *	jobs_start(js, &s, &id, err);
 *	work() runs in a thread of its own: job_stage(), job_step(), job_cancelled(), jobs_figure() inside
 *	done() runs in the UI thread afterwards, also after failure and cancel; then drop(arg)
 *
 * Jobs of one lane (any pointer; a model, say) run one after the other in the order they came; NULL waits for nobody.
 * Only the UI thread calls this, but jobs_figure().  A watched job is work of another process that a view reports on:
 * it shows like the others but dies with nobody.  Of jobs that have ended the newest JOBS_KEPT are remembered. */
#ifndef T2_JOBS_H
#define T2_JOBS_H

#include <stdbool.h>
#include "engine/base/job.h"
#include "engine/base/status.h"

struct event_queue;
struct jobs;

#define JOBS_GRACE 0.5
#define JOBS_BRIEF 0.3 /* seconds that a passing job is not worth a word: over already, as a rule */

enum { JOB_NAME = 64, JOB_SPARK = 64, JOBS_KEPT = 200 /* of those that have ended */ };

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_OK, JOB_FAILED, JOB_CANCELLED };

struct job_spec {
	const char *name;  /* copied */
	const void *owner; /* the view_ops that Esc and Ctrl-C belong to; may be NULL */
	const void *lane;
	enum t2_status (*work)(void *arg, struct job *job, struct t2_err *err);
	void (*done)(void *arg, enum t2_status st, const struct t2_err *err);
	void (*cancel)(
		void *arg); /* watched jobs: how to stop it; NULL: cannot be stopped from here */
	void *arg;
	void (*drop)(void *arg);
	bool quiet;   /* success is not worth a message */
	bool light;   /* what is lost by cancelling it, nobody asked for: no question first */
	bool passing; /* not kept in the list when it has ended well */
};

/* A copy of what is known about one job, for drawing. */
struct job_view {
	int id;
	char name[JOB_NAME];
	const void *owner;
	enum job_state state;
	bool watched, light, passing;
	bool brief;	 /* passing, and at it for JOBS_BRIEF at most: not to be shown yet */
	char counts[16]; /* what progress counts: "validating"; "": the job's own steps */
	struct job_progress progress;
	double started, ended; /* clock_seconds(); ended 0: not yet */
	double figure[JOB_SPARK];
	int nfigure;
	char error[256]; /* JOB_FAILED */
};

struct jobs *jobs_new(struct event_queue *q);
/* Cancels everything and waits for the threads; done() is not called any more.  What still waits for the store has JOBS_GRACE
 * seconds.  said (may be NULL) gets one line of each job of ours that was more than light and did not come to its end. */
void jobs_stop(struct jobs *js, void (*said)(void *arg, const char *name, const char *text),
	       void *arg);
void jobs_free(struct jobs *js); /* jobs_stop() where that was not yet, then drop() of each */
/* On failure drop(arg) has been called.  *id (optional) names it from now on; ids start at 1. */
enum t2_status jobs_start(struct jobs *js, const struct job_spec *s, int *id, struct t2_err *err);
/* From inside work(): one more value of the job's main figure (reward, loss ...). */
void jobs_figure(struct job *job, double value);

/* Watched jobs: returns the id, 0 without memory. */
int jobs_watch(struct jobs *js, const struct job_spec *s);
/* counts: a word for what is counted here where that is not its own steps, which stand still meanwhile; NULL: they are. */
void jobs_report(struct jobs *js, int id, const char *stage, const char *counts, long done,
		 long total, double figure);
void jobs_end(struct jobs *js, int id, enum job_state state, const char *error);

bool jobs_cancel(struct jobs *js, int id);		    /* false: nothing to cancel */
bool jobs_cancel_owned(struct jobs *js, const void *owner); /* the newest running one */
int jobs_count(const struct jobs *js);
void jobs_get(struct jobs *js, int i, struct job_view *out); /* i from 0, newest first */
bool jobs_find(struct jobs *js, int id, struct job_view *out);
int jobs_active(const struct jobs *js, bool own_only); /* queued or running */
void jobs_clear(struct jobs *js);		       /* forgets those that have ended */
/* Takes in what threads have finished, calls done(), starts what waited.  said(arg, ...) gets one line each. */
void jobs_reap(struct jobs *js,
	       void (*said)(void *arg, bool error, const char *name, const char *text), void *arg);
/* Gives the system back what ended jobs have freed, once nothing has been at work for a moment; milliseconds until then, -1:
 * nothing to give. */
int jobs_rest(struct jobs *js);

#endif
