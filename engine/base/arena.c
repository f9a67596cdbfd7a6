#include "engine/base/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 16384

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(16) char data[];
};

void *
arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *b = a->head;
	size_t need;
	void *p;

	if (a->failed || n > (size_t)-1 / 4) {
		a->failed = true;
		return NULL;
	}
	need = (n + 15) & ~(size_t)15;
	if (!b || b->size - b->used < need) {
		size_t size = need > BLOCK ? need : BLOCK;

		b = malloc(sizeof *b + size);
		if (!b) {
			a->failed = true;
			return NULL;
		}
		b->next = a->head;
		b->used = 0;
		b->size = size;
		a->head = b;
	}
	p = b->data + b->used;
	b->used += need;
	memset(p, 0, n);
	return p;
}

size_t
arena_bytes(const struct arena *a)
{
	size_t n = 0;

	for (const struct arena_block *b = a->head; b; b = b->next)
		n += sizeof *b + b->size;
	return n;
}

void *
arena_memdup(struct arena *a, const void *p, size_t n)
{
	void *q = arena_alloc(a, n);

	if (q && n)
		memcpy(q, p, n);
	return q;
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *q;

	if (!s)
		return NULL;
	q = arena_alloc(a, n + 1);
	if (q)
		memcpy(q, s, n);
	return q;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

void
arena_free(struct arena *a)
{
	struct arena_block *b = a->head;

	while (b) {
		struct arena_block *next = b->next;

		free(b);
		b = next;
	}
	memset(a, 0, sizeof *a);
}
