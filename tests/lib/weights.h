/* weights.h - random weights in any stored form, for tests.
 *
 *	unsigned char *W = random_weight(T2_Q4_1, m, n, seed);	// free() it; block scales finite and of sensible size */
#ifndef T2_WEIGHTS_H
#define T2_WEIGHTS_H

#include <stdint.h>

#include "engine/linalg/dtype.h"

unsigned char *random_weight(enum dtype t, int m, int n, uint64_t seed);
float *random_floats(size_t n, uint64_t seed); /* normal, variance 1 */

#endif
