#include "engine/linalg/few_rows.h"

#include <stdalign.h>
#include <stdatomic.h>

#include "engine/linalg/kern_impl.h"
#include "engine/linalg/stream.h"

/* The owner of a share takes half of what is left of it, or all where that is little: where a thread begins to read,
 * nothing is on its way from memory yet.  Helpers, who come when every share has begun, take less, from the end. */
#define PIECE_BYTES (256 << 10) /* of weights */
#define HELP_BYTES  (32 << 10)
#define SHARE_BYTES (4 << 10) /* for less no other thread is asked */
#define SHARES	    32	      /* more threads than this get none */
#define GROUP	    4	      /* weight rows that the matrix-vector kernels take together */
#define PIECE_BANDS 2	      /* the same where stream.h's kernels multiply band by band */
#define HELP_BANDS  1

/* What is left of a share: first group in the high half, end in the low one.  On a cache line of its own: mostly one
 * thread takes from it. */
struct rest {
	alignas(64) _Atomic uint64_t groups;
};

/* One of the products.  Weight rows are counted in groups, over all products one after another. */
struct part {
	struct few_rows few;
	uint64_t id; /* of X as the kernels want it: no two have the same */
	size_t row_bytes;
	int group, end; /* its first one, and the one behind its last */
};

struct work {
	const struct kern_impl *kern;
	int count, shares, unit, piece, help; /* unit: weight rows of a group; pieces in groups */
	int start[SHARES + 1];		      /* of the shares */
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
	float sums[KERN_ROWS][64];
	const float *arranged;

	if (f->rows > KERN_ROWS) {
		stream_part(kern, f, p->id, j, end);
		return;
	}
	arranged = arranged_here(p, &kern);
	while (j < end) {
		int mrows = f->add ? min_int(64, end - j) : end - j;
		float *y = f->add ? sums[0] : f->Y + j;

		kern->matvec(f->type, (const char *)f->W + (size_t)j * p->row_bytes, mrows, f->n,
			     f->X, f->ldx, f->rows, y, f->add ? 64 : f->ldy, arranged);
		for (int i = 0; f->add && i < f->rows; i++)
			kern->axpy(f->Y + (size_t)i * f->ldy + j, 1, sums[i], mrows);
		for (int i = 0; f->scale && i < f->rows; i++)
			kern->scale_mul(y + (size_t)i * f->ldy, y + (size_t)i * f->ldy,
					f->scale[i] + j, mrows);
		j += mrows;
	}
}

static void
groups_from(const struct work *w, int group, int end)
{
	for (const struct part *p = w->part; group < end; p++) {
		int to = min_int(end, p->end);

		if (group >= to)
			continue;
		part_rows(p, w->kern, (group - p->group) * w->unit,
			  min_int((to - p->group) * w->unit, p->few.m));
		group = to;
	}
}

static int
owner_piece(const struct work *w, int groups)
{
	int half = groups / 2;

	return half >= w->piece ? half : groups;
}

static int
helper_piece(const struct work *w, int groups)
{
	int quarter = groups / 4;

	return min_int(quarter > w->help ? quarter : w->help, groups);
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
	_Atomic uint64_t *rest = &w->rest[share].groups;
	int all = w->start[share + 1] - w->start[share];
	uint64_t had;

	if (owner_piece(w, all) == all)
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
			groups_from(w, from, from + n);
		else
			groups_from(w, end - n, end);
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
		int start = w->start[task];

		groups_from(w, start, start + owner_piece(w, w->start[task + 1] - start));
		rest_take(w, task, true);
		return;
	}
	for (int i = 1; i <= w->shares; i++)
		rest_take(w, (task + i) % w->shares, false);
}

static void
part_add(struct work *w, const struct few_rows *f)
{
	struct part *p = &w->part[w->count];
	const struct part *last = w->count ? p - 1 : NULL;
	bool same = last && last->few.X == f->X && last->few.type == f->type && last->few.n == f->n;

	if (f->m <= 0 || f->rows <= 0)
		return;
	p->few = *f;
	p->id = same ? last->id : new_id();
	p->row_bytes = dtype_row_bytes(f->type, (size_t)f->n);
	p->group = last ? last->end : 0;
	p->end = p->group + (f->m - 1) / w->unit + 1;
	w->count++;
}

static size_t
bytes_of(const struct work *w, const struct part *p)
{
	return (size_t)(p->end - p->group) * (size_t)w->unit * p->row_bytes;
}

/* The group at this byte of all. */
static int
group_at(const struct work *w, size_t byte)
{
	const struct part *p = w->part, *last = p + w->count - 1;

	for (; p < last && byte >= bytes_of(w, p); p++)
		byte -= bytes_of(w, p);
	return min_int(p->group + (int)(byte / ((size_t)w->unit * p->row_bytes)), p->end);
}

void
few_rows_run(struct pool *pool, const struct few_rows *f, int count)
{
	struct work w;
	size_t bytes = 0, each;
	bool rests = false, stream = count > 0 && f->rows > KERN_ROWS;

	w.kern = kern_current();
	w.count = 0;
	w.unit = stream ? w.kern->mr : GROUP;
	for (int i = 0; i < count; i++)
		part_add(&w, &f[i]);
	if (!w.count)
		return;
	for (int i = 0; i < w.count; i++)
		bytes += bytes_of(&w, &w.part[i]);
	each = bytes / (size_t)w.part[w.count - 1].end + 1; /* bytes a group */
	w.shares = min_int(pool_threads(pool), SHARES);
	if ((size_t)w.shares > bytes / SHARE_BYTES)
		w.shares = 1 + (int)(bytes / SHARE_BYTES);
	w.piece = stream ? PIECE_BANDS : 1 + (int)(PIECE_BYTES / each);
	w.help = stream ? HELP_BANDS : 1 + (int)(HELP_BYTES / each);
	for (int i = 0; i <= w.shares; i++)
		w.start[i] = group_at(&w, bytes / (size_t)w.shares * (size_t)i);
	w.start[w.shares] = w.part[w.count - 1].end;
	for (int i = 0; i < w.shares; i++) {
		int first = w.start[i] + owner_piece(&w, w.start[i + 1] - w.start[i]);

		atomic_init(&w.rest[i].groups, rest_of(first, w.start[i + 1]));
		rests |= first < w.start[i + 1];
	}
	pool_run(pool, rests ? 2 * w.shares : w.shares, share_task, &w);
}
