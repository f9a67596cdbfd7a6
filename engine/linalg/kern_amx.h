/* kern_amx.h - large products on bf16 tiles (AMX), as exact as float32.  Only for kern*.c.
 *
 *	if (!cpu_allow_amx(err) && !kern_amx_check(&kern_amx, err)) ...	// the level may be used
 *
 * A float32 is the sum of three bf16 numbers (24 bits, eight each); of the nine products of their parts the six that
 * matter are taken, summed in float32 by the tiles: the three left out are below 2^-25 of their term.  Tiles take numbers
 * below 1.2e-38 for zero and make NaN of infinities, so each row of A and each column of b is first scaled by a power of
 * two, exactly, for its largest value to lie in 1..2; an element of C whose row and column, by their smallest values,
 * could lose digits all the same, or hold a number that is not finite, is computed as at level avx512.  What an element
 * is depends on its row of A, its column of b and the steps over k alone, not on what else is in the product. */
#ifndef T2_KERN_AMX_H
#define T2_KERN_AMX_H

#include "engine/base/status.h"
#include "engine/linalg/kern_impl.h"

/* kern_impl.h: tile */
bool kern_amx_tile(int rows, int cols, int k, const float *A, size_t lda, bool a_is_at,
		   const float *b, float *C, int ldc, bool add);

/* A small product by that level's tile against the micro-kernel of AVX-512.  T2_ENUM: they do not agree. */
enum t2_status kern_amx_check(const struct kern_impl *level, struct t2_err *err);

#endif
