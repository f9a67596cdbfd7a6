#include "engine/base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__x86_64__) || defined(__i386__)
#define relax() __builtin_ia32_pause()
#else
#define relax() ((void)0)
#endif

/* A decode step is some two hundred small parallel pieces: a sleeping worker would cost more than the piece.  Workers
 * therefore look for work this many times before they sleep (some tens of microseconds), so idle still costs nothing. */
#define SPINS 4000

struct worker {
	struct pool *pool;
	int index;
	pthread_t thread;
};

struct pool {
	int threads;
	struct worker *workers;	 /* [threads], 0 unused: that is the caller */
	pthread_mutex_t callers; /* one pool_run() at a time */
	pthread_mutex_t lock;
	pthread_cond_t wake, finished;
	atomic_uint generation; /* counts pool_run() calls: a new value is new work */
	atomic_int next, busy;	/* next task to hand out; workers not yet done with this generation */
	atomic_bool quit;
	int tasks, sleepers;
	pool_fn *fn;
	void *arg;
};

static _Thread_local struct pool *inside; /* this thread is running a task of this pool (NULL: of none), as this worker: */
static _Thread_local int current;

static void
take(struct pool *p, int worker)
{
	int t;

	inside = p;
	current = worker;
	while ((t = atomic_fetch_add(&p->next, 1)) < p->tasks)
		p->fn(p->arg, t, worker);
	inside = NULL;
	current = 0;
}

static bool
wait_for_work(struct pool *p, unsigned seen)
{
	for (int i = 0; i < SPINS; i++) {
		if (atomic_load(&p->quit))
			return false;
		if (atomic_load(&p->generation) != seen)
			return true;
		relax();
	}
	pthread_mutex_lock(&p->lock);
	p->sleepers++;
	while (!atomic_load(&p->quit) && atomic_load(&p->generation) == seen)
		pthread_cond_wait(&p->wake, &p->lock);
	p->sleepers--;
	pthread_mutex_unlock(&p->lock);
	return !atomic_load(&p->quit);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	unsigned seen = 0;

	while (wait_for_work(p, seen)) {
		seen = atomic_load(&p->generation);
		take(p, w->index);
		if (atomic_fetch_sub(&p->busy, 1) == 1) {
			pthread_mutex_lock(&p->lock);
			pthread_cond_signal(&p->finished);
			pthread_mutex_unlock(&p->lock);
		}
	}
	return NULL;
}

static int
cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set))
		return 1;
	return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}

struct pool *
pool_new(int threads)
{
	struct pool *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	if (threads <= 0)
		threads = cpus();
	p->workers = calloc((size_t)threads, sizeof *p->workers);
	if (!p->workers) {
		free(p);
		return NULL;
	}
	pthread_mutex_init(&p->callers, NULL);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	pthread_cond_init(&p->finished, NULL);
	p->threads = 1;
	for (int i = 1; i < threads; i++) {
		p->workers[i].pool = p;
		p->workers[i].index = i;
		if (pthread_create(&p->workers[i].thread, NULL, worker_main, &p->workers[i]))
			break; /* fewer threads than asked for: slower, not wrong */
		p->threads++;
	}
	return p;
}

void
pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->quit, true);
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (int i = 1; i < p->threads; i++)
		pthread_join(p->workers[i].thread, NULL);
	pthread_cond_destroy(&p->finished);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	pthread_mutex_destroy(&p->callers);
	free(p->workers);
	free(p);
}

int
pool_threads(const struct pool *p)
{
	return p ? p->threads : 1;
}

void
pool_run(struct pool *p, int tasks, pool_fn *fn, void *arg)
{
	if (!p || p->threads == 1 || tasks <= 1 || inside) {
		for (int t = 0; t < tasks; t++)
			fn(arg, t, p && inside == p ? current : 0); /* another pool's task is our only worker */
		return;
	}
	pthread_mutex_lock(&p->callers);
	p->fn = fn;
	p->arg = arg;
	p->tasks = tasks;
	atomic_store(&p->next, 0);
	atomic_store(&p->busy, p->threads - 1);
	pthread_mutex_lock(&p->lock);
	atomic_fetch_add(&p->generation, 1);
	if (p->sleepers)
		pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	take(p, 0);
	for (int i = 0; i < SPINS && atomic_load(&p->busy); i++)
		relax();
	if (atomic_load(&p->busy)) {
		pthread_mutex_lock(&p->lock);
		while (atomic_load(&p->busy))
			pthread_cond_wait(&p->finished, &p->lock);
		pthread_mutex_unlock(&p->lock);
	}
	pthread_mutex_unlock(&p->callers);
}
