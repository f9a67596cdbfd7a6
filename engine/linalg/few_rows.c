#include "engine/linalg/few_rows.h"

#include <stdalign.h>
#include <stdatomic.h>

#include "engine/linalg/kern_impl.h"

/* The owner of a share takes half of what is left of it, or all where that is little: where a thread begins to read,
 * nothing is on its way from memory yet.  Helpers, who come when every share has begun, take less, from the end. */
#define UNIT	    64 /* bytes of weights, the measure of all that follows */
#define PIECE	    ((256 << 10) / UNIT)
#define HELP	    ((32 << 10) / UNIT)
#define SHARE_BYTES (4 << 10) /* for less no other thread is asked */
#define SHARES	    32	      /* more threads than this help the first ones */
#define GROUP	    4	      /* weight rows that the kernels take together */

/* What is left of a share: first unit in the high half, end in the low one.  On a cache line of its own: mostly one
 * thread takes from it. */
struct rest {
	alignas(64) _Atomic uint64_t units;
};

/* One of the weights. */
struct part {
	struct few_rows few;
	uint64_t id;		 /* of X as the kernels want it: no two have the same */
	size_t row_bytes, start; /* start: bytes of the weights before these */
};

struct work {
	const struct kern_impl *kern;
	int shares, units, parts;
	struct part part[GEMM_TOGETHER];
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
arranged_here(const struct part *p, const struct kern_impl **kern)
{
	static _Thread_local uint64_t done;
	static _Thread_local const struct kern_impl *how;
	static _Thread_local const float *arranged;
	const struct few_rows *f = &p->few;

	if (done != p->id) {
		how = *kern;
		arranged = kern_arrange(&how, f->type, f->X, f->ldx, f->n, f->rows);
		done = p->id;
	}
	*kern = how;
	return arranged;
}

static void
part_rows(const struct part *p, const struct kern_impl *kern, int j, int end)
{
	const struct few_rows *f = &p->few;
	float sum[KERN_ROWS][64];
	const float *arranged = arranged_here(p, &kern);

	while (j < end) {
		int mrows = f->add ? min_int(64, end - j) : end - j;
		float *y = f->add ? sum[0] : f->Y + j;

		kern->matvec(f->type, (const char *)f->W + (size_t)j * p->row_bytes, mrows, f->n,
			     f->X, f->ldx, f->rows, y, f->add ? 64 : f->ldy, arranged);
		for (int i = 0; f->add && i < f->rows; i++)
			kern->axpy(f->Y + (size_t)i * f->ldy + j, 1, sum[i], mrows);
		j += mrows;
	}
}

/* The first weight row of this part that begins at a unit or behind it and a group: where one piece ends and the next begins. */
static int
row_at(const struct part *p, int unit)
{
	size_t byte = (size_t)unit * UNIT, row = 0;

	if (byte > p->start)
		row = (byte - p->start + GROUP * p->row_bytes - 1) / (GROUP * p->row_bytes) * GROUP;
	return row < (size_t)p->few.m ? (int)row : p->few.m;
}

static void
run_units(const struct work *w, int from, int end)
{
	for (int i = 0; i < w->parts; i++) {
		int j = row_at(&w->part[i], from), to = row_at(&w->part[i], end);

		if (j < to)
			part_rows(&w->part[i], w->kern, j, to);
	}
}

static int
share_start(const struct work *w, int i)
{
	return (int)((long)w->units * i / w->shares);
}

static int
owner_piece(int units)
{
	return units / 2 >= PIECE ? units / 2 : units;
}

static int
helper_piece(int units)
{
	return min_int(units / 4 > HELP ? units / 4 : HELP, units);
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
	_Atomic uint64_t *rest = &w->rest[share].units;
	int start = share_start(w, share), units = share_start(w, share + 1) - start;
	uint64_t had;

	if (owner_piece(units) == units)
		return;
	had = atomic_load_explicit(rest, memory_order_relaxed);
	for (;;) {
		int from = (int)(had >> 32), end = (int)(uint32_t)had;
		int n = own ? owner_piece(end - from) : helper_piece(end - from);
		uint64_t left = own ? rest_of(from + n, end) : rest_of(from, end - n);

		if (n == 0)
			break;
		if (!atomic_compare_exchange_weak_explicit(rest, &had, left, memory_order_relaxed,
							   memory_order_relaxed))
			continue;
		if (own)
			run_units(w, from, from + n);
		else
			run_units(w, end - n, end);
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
		int start = share_start(w, task), units = share_start(w, task + 1) - start;

		run_units(w, start, start + owner_piece(units));
		rest_take(w, task, true);
		return;
	}
	for (int i = 1; i <= w->shares; i++)
		rest_take(w, (task + i) % w->shares, false);
}

void
few_rows_run(struct pool *pool, const struct few_rows *f, int count)
{
	struct work w;
	size_t bytes = 0;
	bool rests = false;

	w.kern = kern_current();
	w.parts = 0;
	for (; count > 0; count--, f++) {
		struct part *p = &w.part[w.parts];
		bool same = w.parts && f->X == p[-1].few.X && f->type == p[-1].few.type &&
			    f->n == p[-1].few.n;

		if (f->m <= 0 || f->rows <= 0)
			continue;
		p->few = *f;
		p->id = same ? p[-1].id : new_id();
		p->row_bytes = dtype_row_bytes(f->type, (size_t)f->n);
		p->start = bytes;
		bytes += p->row_bytes * (size_t)f->m;
		w.parts++;
	}
	if (!w.parts)
		return;
	w.units = (int)((bytes + UNIT - 1) / UNIT);
	w.shares = min_int(pool_threads(pool), SHARES);
	if ((size_t)w.shares > bytes / SHARE_BYTES)
		w.shares = 1 + (int)(bytes / SHARE_BYTES);
	for (int i = 0; i < w.shares; i++) {
		int start = share_start(&w, i), end = share_start(&w, i + 1);
		int first = start + owner_piece(end - start);

		atomic_init(&w.rest[i].units, rest_of(first, end));
		rests |= first < end;
	}
	pool_run(pool, rests ? 2 * w.shares : w.shares, share_task, &w);
}
