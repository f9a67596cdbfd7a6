/* scratch.h - buffers that a thread keeps between calls, so that products do not allocate.
 *
 *	float *panel = scratch_floats(SCRATCH_PANEL, (size_t)rows * n);	// contents undefined; NULL: no memory
 *
 * One buffer a thread and slot, 64-byte aligned, growing, freed when the thread ends; valid until the same thread asks
 * for the same slot again. */
#ifndef T2_SCRATCH_H
#define T2_SCRATCH_H

#include <stddef.h>

enum scratch_slot {
	SCRATCH_PANEL, /* weights unpacked to float32 */
	SCRATCH_X,     /* inputs rearranged for a kernel */
	SCRATCH_TILES, /* operands in parts for AMX */
	SCRATCH_SLOTS
};

float *scratch_floats(enum scratch_slot slot, size_t n);

#endif
