#include "engine/linalg/stream.h"

#include <stdalign.h>

#include "engine/linalg/kern_impl.h"

#define MOST_MR	 16 /* of any level */
#define MOST_NR	 32
#define X_FLOATS (STREAM_ROWS * 3072) /* of x that a thread keeps packed */
#define SLACK	 16		      /* floats: packing may write beyond the end */

/* A thread's own, touched only by threads that multiply. */
static _Thread_local alignas(64) float x_pack[X_FLOATS + SLACK];
static _Thread_local alignas(64) float unpacked[MOST_MR * GEMM_STEP];
static _Thread_local alignas(64) float sums[MOST_MR * STREAM_ROWS]; /* [panel][mr][width] */
static _Thread_local uint64_t x_owner;

static int
div_up(int a, int b)
{
	return a / b + (a % b != 0);
}

int
gemm_step(int k)
{
	if (k <= GEMM_STEP)
		return k;
	if (k % 256 == 0)
		return 256;
	return div_up(div_up(k, div_up(k, GEMM_STEP)), 32) * 32;
}

bool
stream_takes(int rows, int n)
{
	return rows <= STREAM_ROWS && n > 0 && n <= X_FLOATS / (div_up(rows, MOST_NR) * MOST_NR);
}

/* Of the panel of x that begins at this row: the last one may be half as wide. */
static int
panel_width(const struct kern_impl *kern, int rows, int row)
{
	return rows - row <= kern->nr / 2 ? kern->nr / 2 : kern->nr;
}

/* Bytes of 16 values: of half a block of the smallest types, a sixteenth of the others. */
static int
ahead_each(enum dtype t)
{
	return (int)(dtype_row_bytes(t, 256) / 16);
}

static void
pack_x(const struct kern_impl *kern, const struct few_rows *f, uint64_t id)
{
	if (x_owner == id)
		return;
	for (int i = 0; i < f->rows; i += kern->nr) {
		int rows = f->rows - i < kern->nr ? f->rows - i : kern->nr;

		kern->pack_rows(f->X + (size_t)i * (size_t)f->ldx, (size_t)f->ldx, rows, f->n,
				x_pack + (size_t)i * (size_t)f->n, panel_width(kern, f->rows, i));
	}
	x_owner = id;
}

/* The sums of weight rows j .. j+wrows-1, l .. l+k-1 of them, while as many rows that come after are
 * fetched (nothing happens where there are none). */
static void
sum_step(const struct kern_impl *kern, const struct few_rows *f, int j, int wrows, int l, int k,
	 bool add)
{
	size_t row_bytes = dtype_row_bytes(f->type, (size_t)f->n);
	const char *w =
		(const char *)f->W + (size_t)j * row_bytes + dtype_row_bytes(f->type, (size_t)l);
	struct ahead ahead = {w + (size_t)wrows * row_bytes, row_bytes, ahead_each(f->type)};
	const float *rows = (const float *)(const void *)w;
	size_t ld = (size_t)f->n;

	if (f->type != T2_F32) {
		for (int i = 0; i < wrows; i++)
			kern->unpack(f->type, w + (size_t)i * row_bytes, (size_t)k,
				     unpacked + (size_t)i * GEMM_STEP);
		rows = unpacked;
		ld = GEMM_STEP;
	}
	for (int i = 0; i < f->rows; i += kern->nr) {
		int width = panel_width(kern, f->rows, i);

		kern->micro(wrows, width, k, rows, ld, i == 0 ? &ahead : NULL,
			    x_pack + (size_t)i * (size_t)f->n + (size_t)l * (size_t)width, width,
			    sums + i * MOST_MR, width, add);
	}
}

void
stream_part(const struct kern_impl *kern, const struct few_rows *f, uint64_t id, int j, int end)
{
	int bands = div_up(end - j, kern->mr), step = gemm_step(f->n);

	pack_x(kern, f, id);
	for (; bands > 0; bands--) {
		int wrows = div_up(end - j, bands);
		float *y = f->Y + j;

		for (int i = 0; i < f->rows && f->add; i++)
			for (int c = 0; c < wrows; c++) {
				int panel = i / kern->nr * kern->nr,
				    width = panel_width(kern, f->rows, panel);

				sums[panel * MOST_MR + c * width + i - panel] =
					y[(size_t)i * (size_t)f->ldy + c];
			}
		for (int i = 0; i < f->rows && f->scale; i++)
			__builtin_prefetch(f->scale[i] + j);
		for (int l = 0; l < f->n; l += step)
			sum_step(kern, f, j, wrows, l, f->n - l < step ? f->n - l : step,
				 f->add || l > 0);
		for (int i = 0; i < f->rows; i += kern->nr)
			kern->turn(wrows, f->rows - i < kern->nr ? f->rows - i : kern->nr,
				   sums + i * MOST_MR, panel_width(kern, f->rows, i),
				   f->scale ? f->scale + i : NULL, j,
				   y + (size_t)i * (size_t)f->ldy, f->ldy);
		j += wrows;
	}
}
