/* wait.h - how long a thread waits for a store that another process holds: ten seconds, or shorter.
 *
 *	store_wait_heed(job);	// a job's thread: cancelling the job ends the wait that it is in, with T2_ECANCEL
 *	store_wait_most(0.3);	// who must not stand still: so many seconds a wait, then T2_EBUSY
 *
 * Of the calling thread, for every store that it uses.  A wait that begins after the cancel - to note how the job ended - has
 * its full time.  Where the job is to end by a moment (job_end()), that is what ends each wait, and after it nothing waits. */
#ifndef T2_STORE_WAIT_H
#define T2_STORE_WAIT_H

struct job;

void store_wait_heed(struct job *job); /* NULL: nobody's */
void store_wait_most(double seconds);

#endif
