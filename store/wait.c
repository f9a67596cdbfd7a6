#include "store/wait.h"

#include <math.h>
#include <stdbool.h>
#include <time.h>

#include "engine/base/job.h"
#include "store/db.h"

static _Thread_local struct {
	struct job *job;
	double most; /* 0: DB_WAIT */
	double since;
	bool tidying; /* this wait began after the cancel */
} waiting;

void
store_wait_heed(struct job *job)
{
	waiting.job = job;
}

void
store_wait_most(double seconds)
{
	waiting.most = seconds;
}

double
db_patience(void)
{
	return waiting.most > 0 ? waiting.most : DB_WAIT;
}

static void
doze(double seconds)
{
	struct timespec ts = {.tv_nsec = (long)(seconds * 1e9)};

	nanosleep(&ts, NULL);
}

/* First often, for most writers hold it for a moment only. */
int
db_wait(void *store, int n)
{
	static const double doze_ms[] = {1, 2, 5, 10, 15};
	struct store *s = store;
	double now = clock_seconds(), left, end = job_left(waiting.job);

	if (!n) {
		waiting.since = now;
		waiting.tidying = job_cancelled(waiting.job);
	}
	s->cancelled = isinf(end) ? !waiting.tidying && job_cancelled(waiting.job) : end <= 0;
	left = waiting.since + db_patience() - now;
	if (s->cancelled || left <= 0)
		return 0;
	doze(fmin(fmin(left, end), (n < 5 ? doze_ms[n] : 20) * 1e-3));
	return 1;
}
