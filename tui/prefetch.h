/* prefetch.h - a model's weights from a slow disk into memory before it is opened, with progress in MiB; what is there already is
 * passed over.
 *
 *	prefetch_model("/models/smol", job);		// a folder or a file, as model_open() takes it
 *
 * Whatever cannot be read is left to the opening, which says why.  A model of more than half the machine's memory is left
 * alone: what is read would push itself out again. */
#ifndef T2_PREFETCH_H
#define T2_PREFETCH_H

struct job;

void prefetch_model(const char *path, struct job *job);

#endif
