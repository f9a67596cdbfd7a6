#include "engine/model/peek.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct span {
	size_t from, pages; /* page numbers in the map */
};

struct peek {
	char *map;
	size_t size, page;
	struct span *span;
	size_t spans, room;
	size_t *missing; /* numbers of pages that were not cached */
	size_t missed, missing_room;
};

enum t2_status
peek_new(struct peek **out, void *map, size_t size, struct t2_err *err)
{
	struct peek *p = calloc(1, sizeof *p);

	*out = p;
	if (!p)
		return t2_nomem(err, "pages of a large file");
	p->map = map;
	p->size = size;
	p->page = (size_t)sysconf(_SC_PAGESIZE);
	madvise(map, size, MADV_RANDOM);
	return T2_OK;
}

void
peek_range(struct peek *p, const void *at, size_t n)
{
	size_t from = (size_t)((const char *)at - p->map), to = from + n;

	if (!n)
		return;
	if (p->spans == p->room) {
		size_t room = p->room ? 2 * p->room : 256;
		struct span *grown = realloc(p->span, room * sizeof *grown);

		if (!grown)
			return;
		p->span = grown;
		p->room = room;
	}
	from /= p->page;
	p->span[p->spans++] = (struct span){from, (to + p->page - 1) / p->page - from};
}

static bool
add_missing(struct peek *p, size_t page)
{
	if (p->missed == p->missing_room) {
		size_t room = p->missing_room ? 2 * p->missing_room : 1024;
		size_t *grown = realloc(p->missing, room * sizeof *grown);

		if (!grown)
			return false;
		p->missing = grown;
		p->missing_room = room;
	}
	p->missing[p->missed++] = page;
	return true;
}

/* Before anything is asked for: two ranges may share a page. */
static void
note_missing(struct peek *p)
{
	for (size_t i = 0; i < p->spans; i++)
		for (size_t k = 0; k < p->span[i].pages; k++) {
			size_t page = p->span[i].from + k;
			unsigned char in = 1;

			if (mincore(p->map + page * p->page, p->page, &in) || (in & 1))
				continue;
			if (!add_missing(p, page))
				return;
		}
}

void
peek_ask(struct peek *p)
{
	note_missing(p);
	for (size_t i = 0; i < p->spans; i++)
		madvise(p->map + p->span[i].from * p->page, p->span[i].pages * p->page,
			MADV_WILLNEED);
}

void
peek_free(struct peek *p, const char *path)
{
	int fd;

	if (!p)
		return;
	fd = path && p->missed ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	if (fd >= 0) {
		madvise(p->map, p->size, MADV_DONTNEED); /* a page that is mapped stays cached */
		for (size_t i = 0; i < p->missed; i++)
			posix_fadvise(fd, (off_t)(p->missing[i] * p->page), (off_t)p->page,
				      POSIX_FADV_DONTNEED);
		close(fd);
	}
	madvise(p->map, p->size, MADV_NORMAL);
	free(p->span);
	free(p->missing);
	free(p);
}
