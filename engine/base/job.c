#include "engine/base/job.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

double
clock_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

void
job_init(struct job *j, void (*notify)(void *arg), void *arg)
{
	memset(j, 0, sizeof *j);
	atomic_init(&j->cancelled, false);
	atomic_init(&j->end, 0);
	pthread_mutex_init(&j->lock, NULL);
	j->started = clock_seconds();
	j->notify = notify;
	j->arg = arg;
}

void
job_destroy(struct job *j)
{
	pthread_mutex_destroy(&j->lock);
}

static void
changed(struct job *j)
{
	if (j->notify)
		j->notify(j->arg);
}

void
job_stage(struct job *j, const char *stage, long total)
{
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	snprintf(j->stage, sizeof j->stage, "%s", stage);
	j->done = 0;
	j->total = total;
	j->started = clock_seconds();
	pthread_mutex_unlock(&j->lock);
	changed(j);
}

void
job_step(struct job *j, long n)
{
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	j->done += n;
	pthread_mutex_unlock(&j->lock);
	changed(j);
}

void
job_cancel(struct job *j)
{
	if (j)
		atomic_store(&j->cancelled, true);
}

bool
job_cancelled(struct job *j)
{
	return j && atomic_load(&j->cancelled);
}

void
job_end(struct job *j, double then)
{
	atomic_store(&j->end, then);
	job_cancel(j);
}

double
job_left(struct job *j)
{
	double end = j ? atomic_load(&j->end) : 0;

	return end > 0 ? end - clock_seconds() : INFINITY;
}

void
job_read(struct job *j, struct job_progress *out)
{
	memset(out, 0, sizeof *out);
	out->eta = -1;
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	memcpy(out->stage, j->stage, sizeof out->stage);
	out->done = j->done;
	out->total = j->total;
	out->elapsed = clock_seconds() - j->started;
	if (j->done > 0 && j->total >= j->done)
		out->eta = out->elapsed * (double)(j->total - j->done) / (double)j->done;
	pthread_mutex_unlock(&j->lock);
}
