/* Waiting for a store that somebody else holds: how long, what ends it, and what is said of what could not be kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/wait.h"
#include "tests/lib/stores.h"
#include "tui/event.h"
#include "tui/jobs.h"

#define SLACK 0.4 /* for a machine that has much to do */

struct writing {
	const char *path;
	bool tidies; /* tries once more after a cancel, for so long: */
	double tidied;
	enum t2_status st, again;
};

static enum t2_status
write_work(void *arg, struct job *job, struct t2_err *e)
{
	struct writing *x = arg;
	struct store *s;
	double t0;

	if ((x->st = store_open(&s, x->path, e)))
		return x->st;
	job_stage(job, "waiting", 0);
	if (!(x->st = store_begin(s, e)))
		x->st = store_commit(s, e);
	if (x->st && x->tidies) {
		store_wait_most(0.3);
		t0 = clock_seconds();
		x->again = store_begin(s, NULL);
		x->tidied = clock_seconds() - t0;
	}
	store_close(s);
	return x->st;
}

static int
begin(struct jobs *js, struct writing *x, const char *name, bool light)
{
	struct job_spec s = {.name = name, .work = write_work, .arg = x, .light = light};
	int id;

	OK(jobs_start(js, &s, &id, &err));
	return id;
}

/* Until the job has asked for the store. */
static void
until_waiting(struct jobs *js, int id)
{
	struct job_view v;

	do {
		usleep(1000);
		assert_true(jobs_find(js, id, &v));
	} while (!v.progress.stage[0]);
	usleep(20000);
}

struct said {
	int n;
	char name[JOB_NAME], text[256];
};

static void
hear(void *arg, const char *name, const char *text)
{
	struct said *x = arg;

	x->n++;
	snprintf(x->name, sizeof x->name, "%s", name);
	snprintf(x->text, sizeof x->text, "%.255s", text);
}

/* The end of the program: soon, and what was more than light is said. */
static void
test_end(void **state)
{
	const char *path = new_path();
	struct store *holder = opened(path);
	struct event_queue *q = event_queue_new();
	struct jobs *js = jobs_new(q);
	struct writing saves = {.path = path}, reads = {.path = path};
	struct said said = {0};
	double t0;
	int id;

	(void)state;
	OK(store_begin(holder, &err));
	id = begin(js, &saves, "save expert", false);
	until_waiting(js, id);
	until_waiting(js, begin(js, &reads, "light", true));
	t0 = clock_seconds();
	jobs_stop(js, hear, &said);
	assert_true(clock_seconds() - t0 < JOBS_GRACE + SLACK);
	assert_int_equal(saves.st, T2_ECANCEL);
	assert_int_equal(said.n, 1);
	assert_string_equal(said.name, "save expert");
	assert_non_null(strstr(said.text, "cancelled while another process held the store"));
	jobs_free(js);
	store_close(holder);
	event_queue_free(q);
}

static void *
let_go(void *holder)
{
	usleep(150000);
	store_commit(holder, NULL);
	return NULL;
}

/* What is computed until the end comes, and what waits already, has the grace, and is kept. */
static enum t2_status
late_work(void *arg, struct job *job, struct t2_err *e)
{
	job_stage(job, "computing", 0);
	while (!job_cancelled(job))
		usleep(1000);
	return write_work(arg, job, e);
}

static void
test_grace(void **state)
{
	const char *path = new_path();
	struct store *holder = opened(path);
	struct event_queue *q = event_queue_new();
	struct jobs *js = jobs_new(q);
	struct writing x = {.path = path}, early = {.path = path};
	struct job_spec s = {.name = "late", .work = late_work, .arg = &x};
	struct said said = {0};
	pthread_t t;
	int id;

	(void)state;
	OK(store_begin(holder, &err));
	OK(jobs_start(js, &s, &id, &err));
	until_waiting(js, id);
	until_waiting(js, begin(js, &early, "early", false));
	assert_false(pthread_create(&t, NULL, let_go, holder));
	jobs_stop(js, hear, &said);
	pthread_join(t, NULL);
	assert_int_equal(x.st, T2_OK);
	assert_int_equal(early.st, T2_OK);
	assert_int_equal(said.n, 0);
	jobs_free(js);
	store_close(holder);
	event_queue_free(q);
}

/* Cancelled by the user: the wait ends; one that begins after it - to note the end - has its time. */
static void
test_cancel(void **state)
{
	const char *path = new_path();
	struct store *holder = opened(path);
	struct event_queue *q = event_queue_new();
	struct jobs *js = jobs_new(q);
	struct writing x = {.path = path, .tidies = true};
	struct job_view v;
	double t0;
	int id;

	(void)state;
	OK(store_begin(holder, &err));
	id = begin(js, &x, "save", false);
	until_waiting(js, id);
	t0 = clock_seconds();
	assert_true(jobs_cancel(js, id));
	while (jobs_active(js, true)) {
		usleep(5000);
		jobs_reap(js, NULL, NULL);
	}
	assert_true(clock_seconds() - t0 < 0.3 + SLACK);
	assert_true(jobs_find(js, id, &v));
	assert_int_equal(v.state, JOB_CANCELLED);
	assert_int_equal(x.again, T2_EBUSY);
	assert_true(x.tidied >= 0.29);
	jobs_free(js);
	store_close(holder);
	event_queue_free(q);
}

/* The thread that draws. */
static void
test_short(void **state)
{
	const char *path = new_path();
	struct store *holder = opened(path), *s = opened(path);
	double t0;

	(void)state;
	OK(store_begin(holder, &err));
	store_wait_most(0.3);
	t0 = clock_seconds();
	says(store_begin(s, &err), T2_EBUSY, "another process holds the store");
	store_wait_most(0);
	assert_true(clock_seconds() - t0 >= 0.29);
	assert_true(clock_seconds() - t0 < 0.3 + SLACK);
	store_close(s);
	store_close(holder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_grace),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests(tests, open_tiny, close_tiny);
}
