/* Another world under the same views: what app_renew() promises. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app_state.h"

void
app_renew_drop(struct app *a)
{
	struct app_renewal r = a->renew.what;

	memset(&a->renew, 0, sizeof a->renew);
	if (r.drop)
		r.drop(r.arg);
}

void
app_renew(struct app *a, const struct app_renewal *r)
{
	if (a->renew.asking) /* about one that is not wanted any more */
		app_overlay_close(a);
	app_renew_drop(a);
	a->renew.what = *r;
	event_wake(a->queue);
}

bool
app_renewing(const struct app *a)
{
	return a->renew.ending;
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

/* What is typed in a view that keeps it goes over to the new world; all else is finished in the old one. */
static bool
carried(struct view *v)
{
	size_t at;
	char *text = v->opened && v->ops->keep ? v->ops->keep(v, v->state, &at) : NULL;

	free(text);
	return text != NULL;
}

static void
wait_for_typing(struct app *a)
{
	if (!a->renew.told)
		app_say(a, "%s is ready: it opens when this is done", a->renew.what.name);
	a->renew.told = true;
}

static void
allow(struct app *a, void *arg)
{
	(void)arg;
	a->renew.allowed = true;
}

static void
answered(void *arg)
{
	struct app *a = arg;

	a->renew.asking = false;
	if (!a->renew.allowed)
		app_renew_drop(a);
}

static void
view_keep(struct view *v)
{
	bool editing = v->editing;
	char *text = v->opened && v->ops->keep ? v->ops->keep(v, v->state, &v->kept_at) : NULL;

	view_close(v);
	if (!text)
		return;
	free(v->kept);
	v->kept = text;
	v->kept_editing = editing;
}

void
app_renew_step(struct app *a)
{
	const struct app_renewal *r = &a->renew.what;
	struct view *v = app_view(a);
	char question[512];
	struct event e;

	if (!r->swap)
		return;
	if (a->overlay || (v->editing && !carried(v))) {
		if (!a->renew.asking)
			wait_for_typing(a);
		return;
	}
	if (!a->renew.allowed && r->question && r->question(a, r->arg, question, sizeof question)) {
		if (v->editing) {
			wait_for_typing(a);
			return;
		}
		a->renew.asking = true;
		app_confirm(a, question, allow, a, answered);
		return;
	}
	a->renew.allowed = a->renew.ending = true;
	if (jobs_ending(a)) {
		jobs_reap(a->jobs, NULL, NULL); /* those that had not begun end here */
		if (jobs_active(a->jobs, true)) {
			if (!a->renew.stopping)
				app_say(a, "stopping what is at work ...");
			a->renew.stopping = true;
			return;
		}
	}
	undo_clear(&a->undo);
	app_later_drop(a);
	for (int i = 0; i < APP_VIEWS; i++)
		view_keep(&a->view[i]);
	/* What the old views would have been told concerns nobody any more. */
	while (event_take(a->queue, &e))
		event_drop(&e);
	r->swap(a, r->arg);
	app_renew_drop(a);
	app_show(a, a->shown);
}
