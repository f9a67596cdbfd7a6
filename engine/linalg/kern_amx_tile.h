/* kern_amx_tile.h - the tile instructions that kern_amx.c uses, in two bodies: the processor's, and plain C for a test.
 *
 *	tiles_start();				// this thread's eight tiles: 16 rows of 64 bytes each
 *	TILE_ZERO(0);
 *	TILE_LOAD(4, a), TILE_LOAD(6, b);	// 1 KiB, row after row
 *	TILE_MULTIPLY(0, 4, 6);			// float32 [16][16] += bf16 [16][32] bf16 [32][16]
 *	TILE_STORE(0, sums, 128);		// bytes from row to row
 *	tiles_end();
 *
 * A row of the second operand holds rows 2i and 2i+1 of the matrix, their values in pairs.  The number of a tile is a part
 * of the instruction, hence macros.  Nothing may be read from tiles before tiles_start() or after tiles_end(): between
 * the two the system saves 8 KiB more on every switch of threads and in every signal's frame. */
#ifndef T2_KERN_AMX_TILE_H
#define T2_KERN_AMX_TILE_H

#include <stdint.h>

#include "engine/linalg/kern_avx512.h"

#ifndef T2_AMX_EMULATED

#define AMX __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,amx-tile,amx-bf16")))

/* gcc's tile instructions do not say that they read memory: what is to be read must have been written. */
#define TILES_WRITTEN() __asm__ volatile("" ::: "memory")

#define TILE_ZERO(t)		_tile_zero(t)
#define TILE_MULTIPLY(c, a, b)	_tile_dpbf16ps(c, a, b)
#define TILE_STORE(t, to, step) _tile_stored(t, to, step)
#define TILE_LOAD(t, from)                                                                         \
	do {                                                                                       \
		TILES_WRITTEN();                                                                   \
		_tile_loadd(t, from, 64);                                                          \
	} while (0)

struct tile_config {
	uint8_t palette, start_row, zero[14];
	uint16_t row_bytes[16];
	uint8_t rows[16];
};

AMX static inline void
tiles_start(void)
{
	struct tile_config config = {.palette = 1};

	for (int t = 0; t < 8; t++) {
		config.row_bytes[t] = 64;
		config.rows[t] = 16;
	}
	TILES_WRITTEN();
	/* all of it is read, which gcc's _tile_loadconfig() does not say either */
	__asm__ volatile("ldtilecfg %0" ::"m"(config));
}

AMX static inline void
tiles_end(void)
{
	_tile_release();
}

#else /* TDPBF16PS as Intel's manual defines it (volume 2, "Operation") */

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define AMX AVX512

#define TILE_ZERO(t)		memset(tile_at(t), 0, sizeof(union tile))
#define TILE_LOAD(t, from)	memcpy(tile_at(t), from, sizeof(union tile))
#define TILE_MULTIPLY(c, a, b)	tile_multiply(tile_at(c), tile_at(a), tile_at(b))
#define TILE_STORE(t, to, step) tile_store(tile_at(t), to, step)

union tile {
	float f[16][16];
	uint16_t h[16][32];
};

static _Thread_local union tile tiles[8];
static _Thread_local bool tiles_usable;

static inline void
tiles_start(void)
{
	memset(tiles, 0, sizeof tiles);
	tiles_usable = true;
}

static inline void
tiles_end(void)
{
	tiles_usable = false;
}

static inline union tile *
tile_at(int t)
{
	if (!tiles_usable)
		__builtin_trap(); /* as the processor would */
	return &tiles[t];
}

static inline void
tile_store(const union tile *t, void *to, int step)
{
	for (int i = 0; i < 16; i++)
		memcpy((char *)to + (size_t)i * (size_t)step, t->f[i], sizeof t->f[i]);
}

/* Numbers below the normal ones are zero, read or written (rounded first, as everywhere in this architecture). */
AVX512_INLINE float
tile_flush(float x)
{
	return fabsf(x) < FLT_MIN ? copysignf(0, x) : x;
}

AVX512_INLINE float
tile_value(uint16_t h)
{
	uint32_t bits = (uint32_t)h << 16;
	float x;

	memcpy(&x, &bits, sizeof x);
	return tile_flush(x);
}

AVX512 static inline void
tile_multiply(union tile *c, const union tile *a, const union tile *b)
{
	for (int m = 0; m < 16; m++) {
		float even[16] = {0}, odd[16] = {0};

		for (int k = 0; k < 16; k++) {
			float a0 = tile_value(a->h[m][2 * k]), a1 = tile_value(a->h[m][2 * k + 1]);

			for (int n = 0; n < 16; n++) {
				float b0 = tile_value(b->h[k][2 * n]),
				      b1 = tile_value(b->h[k][2 * n + 1]);
				even[n] = tile_flush(fmaf(a0, b0, even[n]));
				odd[n] = tile_flush(fmaf(a1, b1, odd[n]));
			}
		}
		for (int n = 0; n < 16; n++)
			c->f[m][n] =
				tile_flush(tile_flush(c->f[m][n]) + tile_flush(even[n] + odd[n]));
	}
}

#endif
#endif
