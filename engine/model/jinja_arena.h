/* jinja_arena.h - memory that is given back all at once.
 *
 *	struct jarena a = {.limit = 1 << 20};
 *	p = jarena_alloc(&a, n);	// NULL: limit reached or no memory
 *	jarena_free(&a);
 *
 * Private to engine/model/jinja*.c.  Values of a template are immutable, so nothing is ever freed singly. */
#ifndef T2_JINJA_ARENA_H
#define T2_JINJA_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct jarena_chunk;

struct jarena {
	struct jarena_chunk *top;
	char *cur, *end; /* free bytes of the top chunk */
	size_t used;	 /* bytes of all chunks */
	size_t limit;
};

void *jarena_alloc(struct jarena *a, size_t n); /* aligned for any type, not cleared */
char *jarena_bytes(struct jarena *a, size_t n); /* not aligned */
/* Makes the piece that ends at end n bytes longer where it lies: only the newest piece, and only while there is room.
 * a + b + c on strings then copies each byte once. */
bool jarena_extend(struct jarena *a, const char *end, size_t n);
size_t jarena_left(const struct jarena *a);
void jarena_free(struct jarena *a);

#endif
