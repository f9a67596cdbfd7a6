/* floats.h - a block of float32 scratch that grows and is then reused.
 *
 *	struct floats x = {0};
 *	if (floats_reserve(&x, rows * n, err)) return ...;	// x.v[rows * n]; the old contents are not kept
 *	floats_free(&x);
 *
 * 64-byte aligned.  Once it is large enough a call allocates nothing. */
#ifndef T2_FLOATS_H
#define T2_FLOATS_H

#include <stddef.h>

#include "engine/base/status.h"

struct floats {
	float *v;
	size_t cap; /* floats */
};

enum t2_status floats_reserve(struct floats *f, size_t n, struct t2_err *err);
void floats_free(struct floats *f);

#endif
