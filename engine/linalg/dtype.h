/* dtype.h - the number formats weights are stored in, and turning them into float32.
 *
 *	size_t bytes = dtype_row_bytes(T2_Q4_1, n);		// 0 if n is not a whole number of blocks
 *	dtype_to_f32(T2_Q4_1, row, n, out);			// exact: one float32 rounding a value
 *
 * The quantised types are GGUF's (ggml): blocks run along a row, a row starts a new block.  Little-endian. */
#ifndef T2_DTYPE_H
#define T2_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype {
	T2_F32,
	T2_F16,
	T2_BF16,
	T2_Q8_0,
	T2_Q4_0,
	T2_Q4_1,
	T2_Q5_0,
	T2_Q5_1,
	T2_Q4_K,
	T2_Q5_K,
	T2_Q6_K,
	T2_DTYPES
};

const char *dtype_name(enum dtype t); /* "F32", "Q4_K" ... */
int dtype_block(enum dtype t);	      /* values a block: 1, 32 or 256 */
int dtype_block_bytes(enum dtype t);
size_t dtype_row_bytes(enum dtype t, size_t n);
void dtype_to_f32(enum dtype t, const void *src, size_t n, float *dst);
/* The nearest stored values, ties to even; F32, F16, BF16 and Q8_0 only (false: another type). n is whole blocks. */
bool dtype_from_f32(enum dtype t, const float *src, size_t n, void *dst);

float f16_to_f32(uint16_t h);
uint16_t f32_to_f16(float f);  /* round to nearest even */
uint16_t f32_to_bf16(float f); /* round to nearest even, NaN kept */

#endif
