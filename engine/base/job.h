/* job.h - progress of a long piece of work, and a way to stop it.
 *
 *	struct job j;
 *	job_init(&j, wake_ui, ui);
 *	start thread: model_work(..., &j, err)	// job_stage(), job_step(), job_cancelled() inside
 *	UI: job_read(&j, &p) for its gauge; job_cancel(&j) on Esc
 *
 * Any thread may call any of these.  A NULL job is accepted by every call but job_init(): no progress, never
 * cancelled.  notify runs in the worker's thread and may only wake somebody up. */
#ifndef T2_JOB_H
#define T2_JOB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct job {
	atomic_bool cancelled;
	_Atomic double end;   /* of job_end(); 0: takes its time */
	pthread_mutex_t lock; /* guards the rest */
	char stage[64];	      /* "decompose", "pass 1" ... */
	long done, total;     /* total 0: unknown */
	double started;	      /* monotonic seconds at the stage's start */
	void (*notify)(void *arg);
	void *arg;
};

struct job_progress {
	char stage[64];
	long done, total;
	double elapsed, eta; /* seconds; eta < 0: unknown */
};

void job_init(struct job *j, void (*notify)(void *arg), void *arg);
void job_destroy(struct job *j);
void job_stage(struct job *j, const char *stage, long total);
void job_step(struct job *j, long n);
void job_cancel(struct job *j);
bool job_cancelled(struct job *j);
/* Cancels it; what it has to put away should be put away by then (clock_seconds()). */
void job_end(struct job *j, double then);
double job_left(struct job *j); /* seconds until then, INFINITY: nobody said so */
void job_read(struct job *j, struct job_progress *out);

/* Seconds on the monotonic clock. */
double clock_seconds(void);

#endif
