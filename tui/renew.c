/* Another world under the same views: what app_renew() promises. */
#include <string.h>

#include "tui/app_state.h"

void
app_renew_drop(struct app *a)
{
	if (a->renew.drop)
		a->renew.drop(a->renew.arg);
	memset(&a->renew, 0, sizeof a->renew);
}

void
app_renew(struct app *a, void (*swap)(struct app *a, void *arg), void *arg, void (*drop)(void *arg))
{
	app_renew_drop(a);
	a->renew.swap = swap;
	a->renew.arg = arg;
	a->renew.drop = drop;
	event_wake(a->queue);
}

/* True while one of ours still runs: its end wakes the loop. */
static bool
jobs_ending(struct app *a)
{
	struct job_view j;
	bool busy = false;

	for (int i = 0; i < jobs_count(a->jobs); i++) {
		jobs_get(a->jobs, i, &j);
		if (!j.watched && (j.state == JOB_QUEUED || j.state == JOB_RUNNING)) {
			jobs_cancel(a->jobs, j.id);
			busy = true;
		}
	}
	return busy;
}

void
app_renew_step(struct app *a)
{
	struct event e;

	if (!a->renew.swap)
		return;
	if (jobs_ending(a)) {
		jobs_reap(a->jobs, NULL, NULL); /* those that had not begun end here */
		if (jobs_active(a->jobs, true))
			return;
	}
	app_overlay_close(a);
	undo_clear(&a->undo);
	for (int i = 0; i < APP_VIEWS; i++)
		view_close(&a->view[i]);
	/* What the old views would have been told concerns nobody any more. */
	while (event_take(a->queue, &e))
		event_drop(&e);
	a->renew.swap(a, a->renew.arg);
	app_renew_drop(a);
	app_show(a, a->shown);
}
