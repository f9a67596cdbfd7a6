/* memory.h - the most memory that this process has held while something ran, measured: a thread looks every few milliseconds.
 *
 *	struct memory_watch *w = memory_watch_begin();
 *	...
 *	memory_watch_end(w, &most);		// most.resident, most.own
 */
#ifndef T2_BENCH_MEMORY_H
#define T2_BENCH_MEMORY_H

struct memory_use {
	double resident; /* megabytes: with the pages of mapped files that are in memory */
	double own;	 /* that belong to this process alone */
};

struct memory_watch;

struct memory_use memory_now(void);
/* NULL: no memory or no thread; memory_watch_end(NULL) gives what is held then. */
struct memory_watch *memory_watch_begin(void);
void memory_watch_end(struct memory_watch *w, struct memory_use *most);

#endif
