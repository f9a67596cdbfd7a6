/* Jobs beside the screen, and the events that tell of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tui/event.h"
#include "tui/jobs.h"

struct task {
	atomic_int *running, *most;
	int done, dropped;
	enum t2_status st;
};

static enum t2_status
work(void *arg, struct job *j, struct t2_err *err)
{
	struct task *t = arg;
	int now = atomic_fetch_add(t->running, 1) + 1;

	if (now > atomic_load(t->most))
		atomic_store(t->most, now);
	job_stage(j, "work", 20);
	for (int i = 0; i < 20; i++) {
		if (job_cancelled(j)) {
			atomic_fetch_sub(t->running, 1);
			return t2_fail(err, T2_ECANCEL, "cancelled");
		}
		usleep(500);
		jobs_figure(j, i);
		job_step(j, 1);
	}
	atomic_fetch_sub(t->running, 1);
	return T2_OK;
}

static void
task_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct task *t = arg;

	(void)err;
	t->done++;
	t->st = st;
}

static void
task_drop(void *arg)
{
	((struct task *)arg)->dropped++;
}

static void
reap_all(struct jobs *js, struct event_queue *q)
{
	struct pollfd p = {event_fd(q), POLLIN, 0};

	while (jobs_active(js, true)) {
		poll(&p, 1, 1000);
		event_drain(q);
		jobs_reap(js, NULL, NULL);
	}
}

static void
test_jobs(void **state)
{
	struct event_queue *q = event_queue_new();
	struct jobs *js = jobs_new(q);
	atomic_int running = 0, most = 0;
	struct task t[4];
	struct job_spec s = {
		.name = "t", .work = work, .done = task_done, .drop = task_drop, .lane = &running};
	struct job_view v;
	int ids[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		t[i] = (struct task){&running, &most, 0, 0, T2_EIO};
		s.arg = &t[i];
		assert_int_equal(jobs_start(js, &s, &ids[i], NULL), T2_OK);
	}
	assert_int_equal(jobs_active(js, true), 4);
	assert_true(jobs_cancel(js, ids[3])); /* before it began */
	reap_all(js, q);
	assert_int_equal(atomic_load(&most), 1); /* one lane: one at a time */
	for (int i = 0; i < 4; i++) {
		assert_int_equal(t[i].done, 1);
		assert_int_equal(t[i].dropped, 1);
		assert_int_equal(t[i].st, i == 3 ? T2_ECANCEL : T2_OK);
	}
	assert_false(jobs_cancel(js, ids[0]));
	assert_true(jobs_find(js, ids[0], &v));
	assert_int_equal(v.state, JOB_OK);
	assert_int_equal(v.nfigure, 20);
	assert_true(v.figure[19] == 19);
	jobs_clear(js);
	assert_int_equal(jobs_count(js), 0);
	jobs_free(js);
	event_queue_free(q);
}

static void
test_jobs_end_early(void **state)
{
	struct event_queue *q = event_queue_new();
	struct jobs *js = jobs_new(q);
	atomic_int running = 0, most = 0;
	struct task t[3];
	struct job_spec s = {.name = "t", .work = work, .done = task_done, .drop = task_drop};

	(void)state;
	for (int i = 0; i < 3; i++) {
		t[i] = (struct task){&running, &most, 0, 0, T2_EIO};
		s.arg = &t[i];
		s.lane = i == 2 ? NULL : &running;
		jobs_start(js, &s, NULL, NULL);
	}
	jobs_free(js); /* joins: nothing may run on after this */
	assert_int_equal(atomic_load(&running), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(t[i].done, 0);
		assert_int_equal(t[i].dropped, 1);
	}
	event_queue_free(q);
}

static void
test_watched(void **state)
{
	struct event_queue *q = event_queue_new();
	struct jobs *js = jobs_new(q);
	struct job_spec s = {.name = "run 12"};
	struct job_view v;
	int id = jobs_watch(js, &s);

	(void)state;
	assert_true(id > 0);
	jobs_report(js, id, "steps", NULL, 48, 200, 0.41);
	assert_true(jobs_find(js, id, &v));
	assert_int_equal(v.progress.done, 48);
	assert_int_equal(jobs_active(js, true), 0); /* dies with nobody */
	assert_int_equal(jobs_active(js, false), 1);
	assert_false(jobs_cancel(js, id));
	jobs_end(js, id, JOB_OK, NULL);
	assert_int_equal(jobs_active(js, false), 0);
	jobs_free(js);
	event_queue_free(q);
}

static void
test_events(void **state)
{
	struct event_queue *q = event_queue_new();
	struct event e;

	(void)state;
	assert_false(event_take(q, &e));
	assert_true(event_post(q, &state, 1, strdup("a"), free));
	assert_true(event_post(q, NULL, 2, strdup("b"), free));
	assert_true(event_take(q, &e));
	assert_string_equal(e.data, "a");
	event_drop(&e);
	event_drop(&e);	     /* twice is once */
	event_queue_free(q); /* drops the second */
}

/* The list stops growing: what is at work stays in it, of the rest the newest. */
static void
test_old_jobs_are_forgotten(void **state)
{
	struct event_queue *q = event_queue_new();
	struct jobs *js = jobs_new(q);
	struct job_spec s = {.name = "run"};
	struct job_view v;
	int first = jobs_watch(js, &s), second = jobs_watch(js, &s), id = 0;

	(void)state;
	jobs_end(js, second, JOB_OK, NULL);
	for (int i = 0; i < JOBS_KEPT + 5; i++) {
		id = jobs_watch(js, &s);
		jobs_end(js, id, i % 2 ? JOB_OK : JOB_FAILED, "disk full");
		jobs_reap(js, NULL, NULL);
	}
	assert_int_equal(jobs_count(js), JOBS_KEPT + 1);
	assert_true(jobs_find(js, first, &v));
	assert_false(jobs_find(js, second, &v));
	assert_true(jobs_find(js, id, &v));
	assert_true(jobs_find(js, id - JOBS_KEPT + 1, &v));
	assert_false(jobs_find(js, id - JOBS_KEPT, &v));
	jobs_free(js);
	event_queue_free(q);
}

/* A thread that has lived leaves its stack, and all thread-local data on it: with the next jobs they are used again, at
 * rest they go back to the system. */
static enum t2_status
where(void *arg, struct job *j, struct t2_err *err)
{
	uintptr_t here = (uintptr_t)&j;

	(void)err;
	*(uintptr_t *)arg = here - here % (uintptr_t)sysconf(_SC_PAGESIZE);
	usleep(2000);
	return T2_OK;
}

static bool
is_mapped(uintptr_t page)
{
	unsigned char there;

	return !mincore((void *)page, 1, &there);
}

static void
test_stacks_are_given_back(void **state)
{
	enum { AT_ONCE = 12 }; /* more than are kept for the next */
	struct event_queue *q = event_queue_new();
	struct jobs *js = jobs_new(q);
	struct job_spec s = {.name = "where", .work = where};
	uintptr_t at[AT_ONCE], again, own = (uintptr_t)&s;
	bool used_again = false;
	int ms;

	(void)state;
	for (int i = 0; i < AT_ONCE; i++) {
		s.arg = &at[i];
		assert_int_equal(jobs_start(js, &s, NULL, NULL), T2_OK);
	}
	reap_all(js, q);
	s.arg = &again;
	assert_int_equal(jobs_start(js, &s, NULL, NULL), T2_OK);
	reap_all(js, q);
	for (int i = 0; i < AT_ONCE; i++)
		used_again |= at[i] == again;
	assert_true(used_again);
	assert_true(is_mapped(again));
	assert_true(is_mapped(own - own % (uintptr_t)sysconf(_SC_PAGESIZE)));
	while ((ms = jobs_rest(js)) > 0)
		usleep((useconds_t)ms * 1000);
	for (int i = 0; i < AT_ONCE; i++)
		assert_false(is_mapped(at[i]));
	jobs_free(js);
	event_queue_free(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jobs),
		cmocka_unit_test(test_jobs_end_early),
		cmocka_unit_test(test_watched),
		cmocka_unit_test(test_old_jobs_are_forgotten),
		cmocka_unit_test(test_stacks_are_given_back),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
