#include "engine/model/jinja_arena.h"

#include <stdint.h>
#include <stdlib.h>

#define CHUNK_MIN ((size_t)16 << 10)
#ifndef CHUNK_MAX /* 0 gives every piece its own malloc(): for a run under AddressSanitizer */
#define CHUNK_MAX ((size_t)4 << 20)
#endif
#define ALIGN 16

struct jarena_chunk {
	struct jarena_chunk *below;
	size_t size;
};

/* The header takes a whole unit of alignment, so that the bytes behind it are aligned. */
_Static_assert(sizeof(struct jarena_chunk) <= ALIGN, "chunk header");

size_t
jarena_left(const struct jarena *a)
{
	size_t chunk = (size_t)(a->end - a->cur);

	return (a->limit > a->used ? a->limit - a->used : 0) + chunk;
}

static bool
chunk_add(struct jarena *a, size_t n)
{
	size_t size = a->top ? a->top->size * 2 : CHUNK_MIN, room;
	struct jarena_chunk *c;

	if (size > CHUNK_MAX)
		size = CHUNK_MAX;
	if (size < n)
		size = n;
	room = a->limit > a->used ? a->limit - a->used : 0;
	if (n > room)
		return false;
	if (size > room)
		size = room;
	c = malloc(ALIGN + size);
	if (!c)
		return false;
	c->below = a->top;
	c->size = size;
	a->top = c;
	a->used += size;
	a->cur = (char *)c + ALIGN;
	a->end = a->cur + size;
	return true;
}

char *
jarena_bytes(struct jarena *a, size_t n)
{
	char *p;

	if (n > SIZE_MAX / 4)
		return NULL;
	if ((!a->top || n > (size_t)(a->end - a->cur)) && !chunk_add(a, n))
		return NULL;
	p = a->cur;
	a->cur += n;
	return p;
}

void *
jarena_alloc(struct jarena *a, size_t n)
{
	size_t pad = a->top ? (size_t)(-(uintptr_t)a->cur % ALIGN) : 0;

	if (n > SIZE_MAX / 4)
		return NULL;
	if (a->top && pad + n <= (size_t)(a->end - a->cur)) {
		a->cur += pad;
	} else if (!chunk_add(a, n ? n : 1)) {
		return NULL;
	}
	return jarena_bytes(a, n);
}

bool
jarena_extend(struct jarena *a, const char *end, size_t n)
{
	if (!a->top || end != a->cur || n > (size_t)(a->end - a->cur))
		return false;
	a->cur += n;
	return true;
}

void
jarena_free(struct jarena *a)
{
	while (a->top) {
		struct jarena_chunk *c = a->top;

		a->top = c->below;
		free(c);
	}
	a->cur = a->end = NULL;
	a->used = 0;
}
