/* peek.h - some pages of a large mapped file, read for themselves: no others around them, and the system's cache is as it was.
 *
 *	peek_new(&p, map, size, err);
 *	peek_range(p, at, n);				// ... of what will be read
 *	peek_ask(p);					// all of it from the disk at once
 *	read(at) ...
 *	peek_free(p, path);				// what was not cached before is not cached again
 *
 * Single pages that stay cached would keep the system from ever reading the 2 MiB around them as one large page.  Where the
 * system does not tell what is cached, nothing is taken out of it. */
#ifndef T2_PEEK_H
#define T2_PEEK_H

#include <stddef.h>

#include "engine/base/status.h"

struct peek;

/* map: where a file's size bytes are mapped for reading; until peek_free() it is read without reading ahead. */
enum t2_status peek_new(struct peek **out, void *map, size_t size, struct t2_err *err);
/* [at, at + n) within the map; what does not fit in memory any more is left out. */
void peek_range(struct peek *p, const void *at, size_t n);
void peek_ask(struct peek *p);
/* path: the file; NULL: its pages stay. */
void peek_free(struct peek *p, const char *path);

#endif
