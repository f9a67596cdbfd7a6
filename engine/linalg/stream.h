/* stream.h - products of KERN_ROWS + 1 to STREAM_ROWS rows with weights as they lie.  Only for gemm.c and few_rows.c.
 *
 *	if (stream_takes(rows, n))
 *		stream_part(kern, &f, id, 0, f.m);		// Y[i][j] (+)= W[j] . X[i]
 *
 * The larger products of gemm.c turn both operands into panels; here only x is, and a weight is read where it is, once
 * for all rows of x, the next ones on their way from memory meanwhile.  Sums are gemm.c's, to the bit (but at level amx,
 * which leaves them as at avx512). */
#ifndef T2_STREAM_H
#define T2_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/linalg/few_rows.h"

#define STREAM_ROWS 64

/* How long gemm.c's sums run before they are added up: steps of equal length, at most GEMM_STEP and whole blocks of any
 * type that a row of k values may hold. */
#define GEMM_STEP 384
int gemm_step(int k);

struct kern_impl;

bool stream_takes(int rows, int n);
/* Weight rows j .. end-1.  id: of X, no two have the same; a thread packs X once for all parts of an id. */
void stream_part(const struct kern_impl *kern, const struct few_rows *f, uint64_t id, int j,
		 int end);

#endif
