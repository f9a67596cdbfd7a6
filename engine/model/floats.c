#include "engine/model/floats.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ALIGN	  64
#define HUGE_PAGE ((size_t)2 << 20)

enum t2_status
floats_reserve(struct floats *f, size_t n, struct t2_err *err)
{
	size_t bytes, align = ALIGN;

	if (n <= f->cap)
		return T2_OK;
	if (n > SIZE_MAX / sizeof(float) - HUGE_PAGE)
		return t2_nomem(err, "scratch");
	bytes = n * sizeof(float);
	if (bytes >= 2 * HUGE_PAGE)
		align = HUGE_PAGE; /* fewer page faults and TLB misses over what every step sweeps */
	bytes = (bytes + align - 1) / align * align;
	free(f->v);
	f->cap = 0;
	f->v = aligned_alloc(align, bytes);
	if (!f->v)
		return t2_nomem(err, "scratch");
	if (align == HUGE_PAGE)
		madvise(f->v, bytes, MADV_HUGEPAGE);
	f->cap = n;
	return T2_OK;
}

void
floats_free(struct floats *f)
{
	free(f->v);
	f->v = NULL;
	f->cap = 0;
}
