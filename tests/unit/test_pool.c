/* The pool: every task once, in any mixture of callers; late workers take nothing of what is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/pool.h"

#define MOST 300

struct work {
	int times[MOST]; /* not atomic: two threads at one task would be a data race */
	int threads;
	atomic_int bad;
	struct pool *pool;
};

static void
count(void *arg, int task, int worker)
{
	struct work *w = arg;

	if (worker < 0 || worker >= w->threads)
		atomic_fetch_add(&w->bad, 1);
	w->times[task]++;
}

static void
run_many(struct pool *p, int turns)
{
	struct work w;

	for (int turn = 0; turn < turns; turn++) {
		int tasks = turn * 7 % MOST;
		memset(&w, 0, sizeof w);
		w.threads = pool_threads(p);
		pool_run(p, tasks, count, &w);
		assert_int_equal(w.bad, 0);
		for (int i = 0; i < MOST; i++)
			if (w.times[i] != (i < tasks))
				fail_msg("turn %d: task %d of %d ran %d times", turn, i, tasks,
					 w.times[i]);
	}
}

static void
test_each_task_once(void **state)
{
	static const int threads[] = {1, 2, 3, 8};

	(void)state;
	run_many(NULL, 50);
	for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
		struct pool *p = pool_new(threads[i]);
		assert_non_null(p);
		assert_int_equal(pool_threads(p), threads[i]);
		run_many(p, 3000);
		pool_free(p);
	}
	pool_free(NULL);
}

/* Workers that sleep between the runs, and ones that have hardly been born. */
static void
test_sleepers(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++) {
		struct pool *p = pool_new(4);
		run_many(p, 2);
		usleep(i % 3 * 1000);
		run_many(p, 3);
		pool_free(p);
	}
	for (int i = 0; i < 20; i++)
		pool_free(pool_new(5));
}

static void *
caller(void *arg)
{
	run_many(arg, 500);
	return NULL;
}

static void
test_many_callers(void **state)
{
	struct pool *p = pool_new(3);
	pthread_t t[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, caller, p), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	pool_free(p);
}

static void
inner(void *arg, int task, int worker)
{
	int *sum = arg;

	*sum += task + 100 * worker; /* inline: one thread, the outer worker's number */
}

static void
outer(void *arg, int task, int worker)
{
	struct work *w = arg;
	int sum = 0;

	pool_run(w->pool, 4, inner, &sum);
	if (sum != 6 + 400 * worker)
		atomic_fetch_add(&w->bad, 1);
	w->times[task]++;
}

static void
test_nested(void **state)
{
	struct work w = {.threads = 3};

	(void)state;
	w.pool = pool_new(3);
	for (int turn = 0; turn < 200; turn++)
		pool_run(w.pool, 50, outer, &w);
	assert_int_equal(w.bad, 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(w.times[i], 200);
	pool_free(w.pool);
}

static void
only_worker(void *arg, int task, int worker)
{
	struct work *w = arg;

	(void)task;
	if (worker)
		atomic_fetch_add(&w->bad, 1);
}

static void
foreign(void *arg, int task, int worker)
{
	struct work *w = arg;

	(void)task;
	(void)worker;
	pool_run(w->pool, 5, only_worker, w);
}

/* Inside a task of one pool, no pool or another one has a single worker, 0: scratch is made for no more. */
static void
test_foreign(void **state)
{
	struct pool *three = pool_new(3), *one = pool_new(1), *two = pool_new(2);
	struct work w = {.threads = 3};

	(void)state;
	for (int turn = 0; turn < 300; turn++) {
		w.pool = turn % 3 == 0 ? NULL : turn % 3 == 1 ? one : two;
		pool_run(three, 30, foreign, &w);
	}
	assert_int_equal(w.bad, 0);
	pool_free(three);
	pool_free(one);
	pool_free(two);
}

/* Tasks are handed out in order: one may wait for an earlier one. */
static void
in_order(void *arg, int task, int worker)
{
	atomic_int *done = arg;

	(void)worker;
	if (task < 3)
		usleep(500);
	else
		while (atomic_load(done) < 3)
			usleep(10);
	atomic_fetch_add(done, 1);
}

static void
test_in_order(void **state)
{
	struct pool *p = pool_new(4);

	(void)state;
	for (int i = 0; i < 20; i++) {
		atomic_int done = 0;
		pool_run(p, 12, in_order, &done);
		assert_int_equal(done, 12);
	}
	pool_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_task_once), cmocka_unit_test(test_sleepers),
		cmocka_unit_test(test_many_callers),   cmocka_unit_test(test_nested),
		cmocka_unit_test(test_in_order),       cmocka_unit_test(test_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
