/* stacks.h - the stacks that job threads run on.
 *
 *	void *low = stacks_take(&s, &attr);		// attr has it; NULL: no memory
 *	pthread_create(&t, &attr, ...); pthread_attr_destroy(&attr);
 *	pthread_join(t, NULL); stacks_give(&s, low);	// for the next job
 *	stacks_trim(&s);				// nothing is at work: all that lie free go back to the system
 *
 * The C library keeps some of its own stacks for ever, and with each the thread-local data that lay on it - more than a
 * megabyte of panels, once the thread had existed.  Size and guard page are those that it would give a thread.  One thread's. */
#ifndef T2_STACKS_H
#define T2_STACKS_H

#include <pthread.h>

enum { STACKS_FREE = 8 };

struct stacks { /* zeroed: empty */
	void *free[STACKS_FREE];
	int n;
};

/* attr is initialised where this is not NULL. */
void *stacks_take(struct stacks *s, pthread_attr_t *attr);
void stacks_give(struct stacks *s, void *low);
void stacks_trim(struct stacks *s);

#endif
