/* memory.h - what the work of this process may take, shared out before it is taken.
 *
 *	memory_parse("800M", &bytes, err);
 *	struct memory *m = memory_new(bytes, tell, arg);
 *	if (need > memory_room(m))			// take less at once, and say so:
 *		memory_tell(m, "12 sequences at once, not 64");
 *	memory_take(m, need); ... memory_give(m, need);
 *	memory_free(m);
 *
 * An account, not an allocator: who is about to need much estimates it from shapes, looks what room there is, chooses a smaller
 * batch where it must, and takes it until its buffers are freed.  Mapped files do not count.  Estimates do not depend on the
 * number of threads up to MEMORY_THREADS, so that the same limit gives the same batches.  NULL is no limit.  Any thread
 * may call any of these. */
#ifndef T2_MEMORY_H
#define T2_MEMORY_H

#include <stddef.h>

#include "engine/base/status.h"

enum { MEMORY_THREADS = 4 };

struct memory;

/* A number with K, M or G behind it (1024 each step); without a letter bytes. */
enum t2_status memory_parse(const char *text, size_t *bytes, struct t2_err *err);

/* tell (may be NULL) gets a line whenever work becomes smaller because of the limit, but no line twice in a row; called in the
 * thread that works.  memory_listen() puts another in its place; while it is replaced nobody works. */
struct memory *memory_new(size_t limit, void (*tell)(void *arg, const char *line), void *arg);
void memory_listen(struct memory *m, void (*tell)(void *arg, const char *line), void *arg);
void memory_free(struct memory *m);
size_t memory_limit(const struct memory *m); /* (size_t)-1: none */
size_t memory_room(const struct memory *m);  /* what is left; (size_t)-1: no limit */
void memory_take(struct memory *m, size_t bytes);
void memory_give(struct memory *m, size_t bytes);
void memory_tell(struct memory *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* T2_ENOMEM: what needs more than there is room for; the message names the least limit that would do. */
enum t2_status memory_short(const struct memory *m, size_t need, struct t2_err *err,
			    const char *what);
/* Threads to count in an estimate. */
int memory_threads(int threads);
/* What this process may have of the machine's memory: all there is, or what its control group allows. */
size_t memory_machine(void);

#endif
