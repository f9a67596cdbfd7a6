#include "engine/base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#define relax() __builtin_ia32_pause()
#else
#define relax() ((void)0)
#endif

/* A decode step is some two hundred small parallel pieces: a sleeping worker would cost more than the piece.  Workers
 * therefore look for work this many times before they sleep (some tens of microseconds), so idle still costs nothing.
 * With more threads than processors looking only keeps others from working. */
#define SPINS	      4000
#define SPINS_CROWDED 100

/* The ticket: in the high half the generation, which counts pool_run() calls, in the low half the next task to hand out.
 * A worker takes a task by raising the ticket it has read, which fails if anything has happened since: so a worker that
 * comes late, from an earlier generation, takes nothing, and nobody has to wait for it.  While the caller changes
 * fn, arg and tasks the low half is CLOSED. */
#define CLOSED 0xffffffffu

struct worker {
	struct pool *pool;
	int index;
	pthread_t thread;
};

/* Cache lines of their own: what a waiting worker looks at, with all it needs to begin; what the caller looks at while it
 * waits; and what only one side writes. */
struct pool {
	int threads, spins;
	struct memory *memory;
	struct worker *workers;	 /* [threads], 0 unused: that is the caller */
	pthread_mutex_t callers; /* one pool_run() at a time */
	_Alignas(64) _Atomic uint64_t ticket;
	pool_fn *_Atomic fn;
	void *_Atomic arg;
	atomic_int tasks;
	atomic_bool quit;
	_Alignas(64) atomic_int done;	  /* tasks of this generation */
	_Alignas(64) atomic_bool waiting; /* the caller sleeps until the last task is done */
	atomic_int sleepers;
	pthread_mutex_t lock; /* for sleeping only */
	pthread_cond_t wake, finished;
};

static _Thread_local struct pool
	*inside; /* this thread is running a task of this pool (NULL: of none), as this worker: */
static _Thread_local int current;

static uint32_t
generation(uint64_t ticket)
{
	return (uint32_t)(ticket >> 32);
}

/* Runs tasks until none is left; returns the last generation whose end it saw. */
static uint32_t
take(struct pool *p, int worker)
{
	int mine = 0, tasks;
	uint64_t ticket = atomic_load(&p->ticket);

	inside = p;
	current = worker;
	for (;;) {
		uint32_t next = (uint32_t)ticket;
		tasks = atomic_load_explicit(&p->tasks, memory_order_acquire);
		pool_fn *fn = atomic_load_explicit(&p->fn, memory_order_acquire);
		void *arg = atomic_load_explicit(&p->arg, memory_order_acquire);
		if (next == CLOSED || next >= (uint32_t)tasks)
			break;
		if (!atomic_compare_exchange_weak(&p->ticket, &ticket, ticket + 1))
			continue;
		fn(arg, (int)next, worker);
		mine++;
		ticket = atomic_load(&p->ticket);
	}
	inside = NULL;
	current = 0;
	/* With tasks of this generation uncounted, tasks and ticket cannot have moved on. */
	if (mine && atomic_fetch_add(&p->done, mine) + mine == tasks && atomic_load(&p->waiting)) {
		pthread_mutex_lock(&p->lock);
		pthread_cond_signal(&p->finished);
		pthread_mutex_unlock(&p->lock);
	}
	return generation(ticket) - ((uint32_t)ticket == CLOSED);
}

/* There is a generation that this worker has not seen the end of. */
static bool
work_since(struct pool *p, uint32_t seen)
{
	uint64_t ticket = atomic_load(&p->ticket);

	return generation(ticket) != seen && (uint32_t)ticket != CLOSED;
}

static bool
wait_for_work(struct pool *p, uint32_t seen)
{
	for (int i = 0; i < p->spins; i++) {
		if (atomic_load(&p->quit))
			return false;
		if (work_since(p, seen))
			return true;
		relax();
	}
	pthread_mutex_lock(&p->lock);
	atomic_fetch_add(&p->sleepers,
			 1); /* before looking again: the caller looks at it after its ticket */
	while (!atomic_load(&p->quit) && !work_since(p, seen))
		pthread_cond_wait(&p->wake, &p->lock);
	atomic_fetch_sub(&p->sleepers, 1);
	pthread_mutex_unlock(&p->lock);
	return !atomic_load(&p->quit);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	uint32_t seen = 0;

	while (wait_for_work(w->pool, seen))
		seen = take(w->pool, w->index);
	return NULL;
}

int
pool_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set))
		return 1;
	return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}

struct pool *
pool_new(int threads)
{
	struct pool *p = aligned_alloc(64, sizeof *p);

	if (!p)
		return NULL;
	memset(p, 0, sizeof *p);
	if (threads <= 0)
		threads = pool_cpus();
	p->spins = threads <= pool_cpus() ? SPINS : SPINS_CROWDED;
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

void
pool_use_memory(struct pool *p, struct memory *m)
{
	p->memory = m;
}

struct memory *
pool_memory(const struct pool *p)
{
	return p ? p->memory : NULL;
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
			fn(arg, t,
			   p && inside == p ? current
					    : 0); /* another pool's task is our only worker */
		return;
	}
	pthread_mutex_lock(&p->callers);
	uint64_t next = (uint64_t)(generation(atomic_load(&p->ticket)) + 1) << 32;
	atomic_store_explicit(
		&p->ticket, next | CLOSED,
		memory_order_relaxed); /* seen before what follows: that releases it */
	atomic_store_explicit(&p->fn, fn, memory_order_release);
	atomic_store_explicit(&p->arg, arg, memory_order_release);
	atomic_store_explicit(&p->tasks, tasks, memory_order_release);
	atomic_store_explicit(&p->done, 0, memory_order_relaxed);
	atomic_store(&p->ticket, next);
	if (atomic_load(&p->sleepers)) {
		pthread_mutex_lock(&p->lock);
		pthread_cond_broadcast(&p->wake);
		pthread_mutex_unlock(&p->lock);
	}
	take(p, 0);
	for (int i = 0; i < p->spins && atomic_load(&p->done) < tasks; i++)
		relax();
	if (atomic_load(&p->done) < tasks) {
		pthread_mutex_lock(&p->lock);
		atomic_store(&p->waiting, true);
		while (atomic_load(&p->done) < tasks)
			pthread_cond_wait(&p->finished, &p->lock);
		atomic_store(&p->waiting, false);
		pthread_mutex_unlock(&p->lock);
	}
	pthread_mutex_unlock(&p->callers);
}
