/* arena.h - many small allocations that live and die together.
 *
 *	struct arena a = {0};
 *	row->name = arena_strdup(&a, text);		// NULL in, NULL out
 *	if (a.failed) ...				// checked once
 *	arena_free(&a);
 */
#ifndef T2_ARENA_H
#define T2_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *head;
	bool failed;
};

void *arena_alloc(struct arena *a, size_t n); /* zeroed, 16-aligned; NULL when out of memory */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
void *arena_memdup(struct arena *a, const void *p, size_t n);
size_t arena_bytes(const struct arena *a); /* that it has taken from the system */
void arena_free(struct arena *a);

#endif
