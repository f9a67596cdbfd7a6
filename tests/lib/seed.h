/* seed.h - the inputs of unit tests as first inputs of the fuzzers.
 *
 *	seed_save("gguf", bytes, n);	// T2_SEEDS=DIR: to DIR/gguf/TEST.NUMBER; not set: nothing happens
 */
#ifndef T2_SEED_H
#define T2_SEED_H

#include <stddef.h>

void seed_save(const char *kind, const void *bytes, size_t n);

#endif
