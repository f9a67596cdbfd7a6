/* pool.h - the one persistent pool of threads that all heavy work runs on.
 *
 *	struct pool *p = pool_new(0);			// 0: one thread a CPU
 *	pool_run(p, tiles, do_tile, &work);		// returns when every tile is done
 *	pool_free(p);
 *
 * Results are the same bits for any number of threads where a task's result does not depend on how work was cut: tiles
 * have sizes that depend on shapes only, or (few_rows.h) every row is summed by itself.  Tasks are handed out in order; the caller works too, as worker 0.
 * pool_run() may be called from several threads (they queue) and from inside a task (it then runs inline).
 * Scratch indexed by worker belongs to the object that calls, never to the pool: two callers may both be worker 0.
 * A NULL pool runs everything in the caller. */
#ifndef T2_POOL_H
#define T2_POOL_H

struct pool;
struct memory;

typedef void pool_fn(void *arg, int task, int worker);

int pool_cpus(void);		    /* CPUs this process may run on: what 0 threads means */
struct pool *pool_new(int threads); /* NULL: no memory */
void pool_free(struct pool *p);
/* What the work on it may take (memory.h); borrowed, NULL: no limit. */
void pool_use_memory(struct pool *p, struct memory *m);
struct memory *pool_memory(const struct pool *p);
int pool_threads(const struct pool *p); /* at least 1; workers are 0 .. threads-1 */
void pool_run(struct pool *p, int tasks, pool_fn *fn, void *arg);

#endif
