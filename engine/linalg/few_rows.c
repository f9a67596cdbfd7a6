#include "engine/linalg/few_rows.h"

#include <stdalign.h>
#include <stdatomic.h>

#include "engine/linalg/kern_impl.h"

/* The owner of a share takes half of what is left of it, or all where that is little: where a thread begins to read,
 * nothing is on its way from memory yet.  Helpers, who come when every share has begun, take less, from the end. */
#define PIECE_BYTES (256 << 10) /* of weights */
#define HELP_BYTES  (32 << 10)
#define SHARE_BYTES (4 << 10) /* for less no other thread is asked */
#define SHARES	    32	      /* more threads than this help the first ones */
#define GROUP	    4	      /* weight rows that the kernels take together */

/* What is left of a share: first row in the high half, end in the low one.  On a cache line of its own: mostly one
 * thread takes from it. */
struct rest {
	alignas(64) _Atomic uint64_t rows;
};

struct work {
	struct few_rows few;
	const struct kern_impl *kern;
	uint64_t id; /* of the product: no two have the same */
	size_t row_bytes;
	int shares, piece, help; /* rows */
	struct rest rest[SHARES];
};

static int
min_int(int a, int b)
{
	return a < b ? a : b;
}

static uint64_t
new_id(void)
{
	static _Atomic uint64_t last;

	return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

/* X as the kernels want it, by each thread for itself and for all its pieces: it costs less than fetching it from another
 * processor's cache.  Without memory *kern becomes the plain level. */
static const float *
arranged_here(const struct work *w, const struct kern_impl **kern)
{
	static _Thread_local uint64_t done;
	static _Thread_local const struct kern_impl *how;
	static _Thread_local const float *arranged;
	const struct few_rows *f = &w->few;

	if (done != w->id) {
		how = w->kern;
		arranged = kern_arrange(&how, f->type, f->X, f->ldx, f->n, f->rows);
		done = w->id;
	}
	*kern = how;
	return arranged;
}

static void
rows_from(const struct work *w, int j, int end)
{
	const struct few_rows *f = &w->few;
	float part[KERN_ROWS][64];
	const struct kern_impl *kern;
	const float *arranged = arranged_here(w, &kern);

	while (j < end) {
		int mrows = f->add ? min_int(64, end - j) : end - j;
		float *y = f->add ? part[0] : f->Y + j;

		kern->matvec(f->type, (const char *)f->W + (size_t)j * w->row_bytes, mrows, f->n,
			     f->X, f->ldx, f->rows, y, f->add ? 64 : f->ldy, arranged);
		for (int i = 0; f->add && i < f->rows; i++)
			kern->axpy(f->Y + (size_t)i * f->ldy + j, 1, part[i], mrows);
		j += mrows;
	}
}

static int
share_start(const struct work *w, int i)
{
	long groups = ((long)w->few.m + GROUP - 1) / GROUP;

	return min_int((int)(groups * i / w->shares * GROUP), w->few.m);
}

static int
owner_piece(const struct work *w, int rows)
{
	int half = (rows / 2 + GROUP - 1) / GROUP * GROUP;

	return half >= w->piece ? half : rows;
}

static int
helper_piece(const struct work *w, int rows)
{
	int quarter = rows / 4 / GROUP * GROUP;

	return min_int(quarter > w->help ? quarter : w->help, rows);
}

static uint64_t
rest_of(int from, int end)
{
	return (uint64_t)(uint32_t)from << 32 | (uint32_t)end;
}

/* To ask costs as much as some thousand bytes of weights, more when another thread has asked last: so it is known
 * without asking when a share has no rest, and when the last of it was taken here. */
static void
rest_take(struct work *w, int share, bool own)
{
	_Atomic uint64_t *rest = &w->rest[share].rows;
	int start = share_start(w, share), rows = share_start(w, share + 1) - start;
	uint64_t had;

	if (owner_piece(w, rows) == rows)
		return;
	had = atomic_load_explicit(rest, memory_order_relaxed);
	for (;;) {
		int from = (int)(had >> 32), end = (int)(uint32_t)had;
		int n = own ? owner_piece(w, end - from) : helper_piece(w, end - from);
		uint64_t left = own ? rest_of(from + n, end) : rest_of(from, end - n);

		if (n == 0)
			break;
		if (!atomic_compare_exchange_weak_explicit(rest, &had, left, memory_order_relaxed,
							   memory_order_relaxed))
			continue;
		if (own)
			rows_from(w, from, from + n);
		else
			rows_from(w, end - n, end);
		if (n == end - from)
			break;
		had = atomic_load_explicit(rest, memory_order_relaxed);
	}
}

/* Tasks are the shares, then as many helpers. */
static void
share_task(void *arg, int task, int worker)
{
	struct work *w = arg;

	(void)worker;
	if (task < w->shares) {
		int start = share_start(w, task), rows = share_start(w, task + 1) - start;

		rows_from(w, start, start + owner_piece(w, rows));
		rest_take(w, task, true);
		return;
	}
	for (int i = 1; i <= w->shares; i++)
		rest_take(w, (task + i) % w->shares, false);
}

static int
rows_in(const struct work *w, int bytes)
{
	return (int)((size_t)bytes / (GROUP * w->row_bytes + 1) + 1) * GROUP;
}

void
few_rows_run(struct pool *pool, const struct few_rows *f)
{
	struct work w;
	size_t bytes;
	bool rests = false;

	if (f->m <= 0 || f->rows <= 0)
		return;
	w.few = *f;
	w.kern = kern_current();
	w.id = new_id();
	w.row_bytes = dtype_row_bytes(f->type, (size_t)f->n);
	bytes = w.row_bytes * (size_t)f->m;
	w.shares = min_int(pool_threads(pool), SHARES);
	if ((size_t)w.shares > bytes / SHARE_BYTES)
		w.shares = 1 + (int)(bytes / SHARE_BYTES);
	w.piece = rows_in(&w, PIECE_BYTES);
	w.help = rows_in(&w, HELP_BYTES);
	for (int i = 0; i < w.shares; i++) {
		int start = share_start(&w, i), end = share_start(&w, i + 1);
		int first = start + owner_piece(&w, end - start);

		atomic_init(&w.rest[i].rows, rest_of(first, end));
		rests |= first < end;
	}
	pool_run(pool, rests ? 2 * w.shares : w.shares, share_task, &w);
}
