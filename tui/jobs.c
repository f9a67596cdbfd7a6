#include "tui/jobs.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/wait.h"
#include "tui/event.h"
#include "tui/stacks.h"

#define QUIET_SECONDS 0.5

struct entry {
	struct job job; /* first: jobs_figure() finds the entry by it */
	struct entry *next;
	struct jobs *js;
	struct job_spec spec;
	char name[JOB_NAME];
	int id;
	enum job_state state;
	bool watched;
	char counts[16]; /* of a watched one */
	pthread_t thread;
	void *stack;
	atomic_bool finished; /* set last by the thread; result and err are readable after */
	enum t2_status result;
	struct t2_err err;
	double started, ended;
	pthread_mutex_t figures; /* guards the next three */
	double figure[JOB_SPARK];
	int nfigure;
};

struct jobs {
	struct event_queue *queue;
	struct entry *newest;
	int next_id;
	struct stacks stacks;
	double ended; /* when the last thread did, clock_seconds(); 0: what it left is given back */
};

static void
wake(void *arg)
{
	event_wake(arg);
}

struct jobs *
jobs_new(struct event_queue *q)
{
	struct jobs *js = calloc(1, sizeof *js);

	if (!js)
		return NULL;
	js->queue = q;
	js->next_id = 1;
	return js;
}

static void
entry_free(struct entry *e)
{
	if (e->spec.drop && e->spec.arg)
		e->spec.drop(e->spec.arg);
	job_destroy(&e->job);
	pthread_mutex_destroy(&e->figures);
	free(e);
}

static void
entry_join(struct entry *e)
{
	pthread_join(e->thread, NULL);
	stacks_give(&e->js->stacks, e->stack);
}

static bool
is_active(const struct entry *e)
{
	return e->state == JOB_QUEUED || e->state == JOB_RUNNING;
}

void
jobs_stop(struct jobs *js, void (*said)(void *arg, const char *name, const char *text), void *arg)
{
	double then = clock_seconds() + JOBS_GRACE;

	for (struct entry *e = js->newest; e; e = e->next)
		job_end(&e->job, then);
	for (struct entry *e = js->newest; e; e = e->next) {
		if (e->watched || !is_active(e))
			continue;
		if (e->state == JOB_RUNNING)
			entry_join(e);
		else
			e->result = t2_fail(&e->err, T2_ECANCEL, "cancelled before it began");
		e->state = JOB_CANCELLED;
		if (said && !e->spec.light && e->result)
			said(arg, e->name, e->err.msg[0] ? e->err.msg : "cancelled");
	}
}

void
jobs_free(struct jobs *js)
{
	struct entry *e, *next;

	if (!js)
		return;
	jobs_stop(js, NULL, NULL);
	for (e = js->newest; e; e = next) {
		next = e->next;
		entry_free(e);
	}
	stacks_trim(&js->stacks);
	free(js);
}

static void *
thread_main(void *arg)
{
	struct entry *e = arg;

	store_wait_heed(&e->job);
	e->result = e->spec.work(e->spec.arg, &e->job, &e->err);
	atomic_store(&e->finished, true);
	event_wake(e->js->queue);
	return NULL;
}

static enum t2_status
entry_run(struct entry *e, struct t2_err *err)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int rc = ENOMEM;

	/* Signals are the UI thread's. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	e->state = JOB_RUNNING;
	e->started = clock_seconds();
	if ((e->stack = stacks_take(&e->js->stacks, &attr))) {
		rc = pthread_create(&e->thread, &attr, thread_main, e);
		pthread_attr_destroy(&attr);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!rc)
		return T2_OK;
	if (e->stack)
		stacks_give(&e->js->stacks, e->stack);
	e->state = JOB_FAILED;
	e->ended = e->started;
	return t2_fail(err, T2_EIO, "job %s: cannot start a thread: %s", e->name, strerror(rc));
}

static bool
lane_busy(const struct jobs *js, const void *lane)
{
	if (!lane)
		return false;
	for (const struct entry *e = js->newest; e; e = e->next)
		if (!e->watched && e->state == JOB_RUNNING && e->spec.lane == lane)
			return true;
	return false;
}

static struct entry *
entry_add(struct jobs *js, const struct job_spec *s)
{
	struct entry *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	job_init(&e->job, wake, js->queue);
	pthread_mutex_init(&e->figures, NULL);
	atomic_init(&e->finished, false);
	e->js = js;
	e->spec = *s;
	snprintf(e->name, sizeof e->name, "%s", s->name);
	e->spec.name = e->name;
	e->id = js->next_id++;
	e->started = clock_seconds();
	e->next = js->newest;
	js->newest = e;
	return e;
}

enum t2_status
jobs_start(struct jobs *js, const struct job_spec *s, int *id, struct t2_err *err)
{
	struct entry *e = entry_add(js, s);
	enum t2_status st;

	if (id)
		*id = 0;
	if (!e) {
		if (s->drop && s->arg)
			s->drop(s->arg);
		return t2_nomem(err, "job");
	}
	e->state = JOB_QUEUED;
	if (!lane_busy(js, s->lane)) {
		st = entry_run(e, err);
		if (st) {
			js->newest = e->next;
			entry_free(e);
			return st;
		}
	}
	if (id)
		*id = e->id;
	return T2_OK;
}

int
jobs_watch(struct jobs *js, const struct job_spec *s)
{
	struct entry *e = entry_add(js, s);

	if (!e)
		return 0;
	e->watched = true;
	e->state = JOB_RUNNING;
	return e->id;
}

static struct entry *
entry_find(struct jobs *js, int id)
{
	struct entry *e = js->newest;

	while (e && e->id != id)
		e = e->next;
	return e;
}

void
jobs_figure(struct job *job, double value)
{
	struct entry *e = (struct entry *)job;

	if (!e)
		return;
	pthread_mutex_lock(&e->figures);
	if (e->nfigure == JOB_SPARK) {
		memmove(e->figure, e->figure + 1, sizeof e->figure - sizeof *e->figure);
		e->nfigure--;
	}
	e->figure[e->nfigure++] = value;
	pthread_mutex_unlock(&e->figures);
	event_wake(e->js->queue);
}

void
jobs_report(struct jobs *js, int id, const char *stage, const char *counts, long done, long total,
	    double figure)
{
	struct entry *e = entry_find(js, id);

	if (!e || !e->watched || !is_active(e))
		return;
	snprintf(e->counts, sizeof e->counts, "%s", counts ? counts : "");
	pthread_mutex_lock(&e->job.lock);
	snprintf(e->job.stage, sizeof e->job.stage, "%s", stage);
	e->job.done = done;
	e->job.total = total;
	pthread_mutex_unlock(&e->job.lock);
	if (isfinite(figure))
		jobs_figure(&e->job, figure);
}

void
jobs_end(struct jobs *js, int id, enum job_state state, const char *error)
{
	struct entry *e = entry_find(js, id);

	if (!e || !e->watched || !is_active(e))
		return;
	e->state = state;
	e->ended = clock_seconds();
	snprintf(e->err.msg, sizeof e->err.msg, "%s", error ? error : "");
}

static bool
entry_cancel(struct entry *e)
{
	if (!is_active(e))
		return false;
	if (e->watched) {
		if (!e->spec.cancel)
			return false;
		e->spec.cancel(e->spec.arg);
		return true;
	}
	job_cancel(&e->job);
	return true;
}

bool
jobs_cancel(struct jobs *js, int id)
{
	struct entry *e = entry_find(js, id);

	return e && entry_cancel(e);
}

bool
jobs_cancel_owned(struct jobs *js, const void *owner)
{
	for (struct entry *e = js->newest; e; e = e->next)
		if (e->spec.owner == owner && !e->watched && is_active(e) &&
		    !job_cancelled(&e->job))
			return entry_cancel(e);
	return false;
}

int
jobs_count(const struct jobs *js)
{
	int n = 0;

	for (const struct entry *e = js->newest; e; e = e->next)
		n++;
	return n;
}

int
jobs_active(const struct jobs *js, bool own_only)
{
	int n = 0;

	for (const struct entry *e = js->newest; e; e = e->next)
		n += is_active(e) && !(own_only && e->watched);
	return n;
}

static void
entry_read(struct entry *e, struct job_view *out)
{
	memset(out, 0, sizeof *out);
	out->id = e->id;
	memcpy(out->name, e->name, sizeof out->name);
	out->owner = e->spec.owner;
	out->state = e->state;
	out->watched = e->watched;
	out->light = e->spec.light;
	out->passing = e->spec.passing;
	out->brief = e->spec.passing && is_active(e) && clock_seconds() - e->started <= JOBS_BRIEF;
	memcpy(out->counts, e->counts, sizeof out->counts);
	job_read(&e->job, &out->progress);
	out->started = e->started;
	out->ended = e->ended;
	if (e->ended > 0)
		snprintf(out->error, sizeof out->error, "%.255s", e->err.msg);
	pthread_mutex_lock(&e->figures);
	memcpy(out->figure, e->figure, sizeof out->figure);
	out->nfigure = e->nfigure;
	pthread_mutex_unlock(&e->figures);
}

void
jobs_get(struct jobs *js, int i, struct job_view *out)
{
	struct entry *e = js->newest;

	memset(out, 0, sizeof *out);
	while (e && i-- > 0)
		e = e->next;
	if (e)
		entry_read(e, out);
}

bool
jobs_find(struct jobs *js, int id, struct job_view *out)
{
	struct entry *e = entry_find(js, id);

	if (e)
		entry_read(e, out);
	return e != NULL;
}

static void
forget(struct jobs *js, bool (*which)(const struct entry *e))
{
	for (struct entry **p = &js->newest; *p;) {
		struct entry *e = *p;

		if (!which(e)) {
			p = &e->next;
			continue;
		}
		*p = e->next;
		entry_free(e);
	}
}

static bool
has_ended(const struct entry *e)
{
	return !is_active(e);
}

static bool
has_passed(const struct entry *e)
{
	return e->spec.passing && e->state == JOB_OK;
}

/* A list that nobody clears does not grow for days. */
static void
forget_old(struct jobs *js)
{
	int ended = 0;

	for (struct entry **p = &js->newest; *p;) {
		struct entry *e = *p;

		if (is_active(e) || ++ended <= JOBS_KEPT) {
			p = &e->next;
			continue;
		}
		*p = e->next;
		entry_free(e);
	}
}

void
jobs_clear(struct jobs *js)
{
	forget(js, has_ended);
}

static void
entry_end(struct entry *e, void (*said)(void *, bool, const char *, const char *), void *arg)
{
	e->ended = clock_seconds();
	e->state = e->result == T2_OK	     ? JOB_OK
		   : e->result == T2_ECANCEL ? JOB_CANCELLED
					     : JOB_FAILED;
	if (e->spec.done)
		e->spec.done(e->spec.arg, e->result, &e->err);
	if (e->spec.drop && e->spec.arg)
		e->spec.drop(e->spec.arg);
	e->spec.arg = NULL;
	if (!said)
		return;
	if (e->state == JOB_FAILED)
		said(arg, true, e->name, e->err.msg[0] ? e->err.msg : "failed");
	else if (e->state == JOB_CANCELLED)
		said(arg, false, e->name, "cancelled");
	else if (!e->spec.quiet)
		said(arg, false, e->name, "done");
}

/* The oldest queued job whose lane is free; one that was cancelled waits no longer. */
static struct entry *
next_queued(struct jobs *js)
{
	struct entry *found = NULL;

	for (struct entry *e = js->newest; e; e = e->next)
		if (!e->watched && e->state == JOB_QUEUED &&
		    (job_cancelled(&e->job) || !lane_busy(js, e->spec.lane)))
			found = e;
	return found;
}

/* malloc keeps what threads needed once, for others that come; a workbench is open for days.  It takes a millisecond or
 * more, and those that come soon would have to ask for it again: so once nothing has been at work for a moment. */
int
jobs_rest(struct jobs *js)
{
	double left;

	if (!js->ended || jobs_active(js, true))
		return -1;
	left = js->ended + QUIET_SECONDS - clock_seconds();
	if (left > 0)
		return 1 + (int)(left * 1e3);
	js->ended = 0;
	stacks_trim(&js->stacks);
	malloc_trim(0);
	return -1;
}

void
jobs_reap(struct jobs *js, void (*said)(void *arg, bool error, const char *name, const char *text),
	  void *arg)
{
	struct entry *e;

	for (e = js->newest; e; e = e->next)
		if (!e->watched && e->state == JOB_RUNNING && atomic_load(&e->finished)) {
			entry_join(e);
			entry_end(e, said, arg);
			js->ended = clock_seconds();
		}
	while ((e = next_queued(js))) {
		if (job_cancelled(&e->job)) {
			e->result = T2_ECANCEL;
			entry_end(e, said, arg);
		} else if (entry_run(e, &e->err)) {
			e->result = e->err.code;
			entry_end(e, said, arg);
		}
	}
	forget(js, has_passed);
	forget_old(js);
}
