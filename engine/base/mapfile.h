/* mapfile.h - a file mapped for reading.
 *
 *	if (mapfile_open(&m, path, err)) return err->code;
 *	parse(m.data, m.size);
 *	mapfile_close(&m);
 *
 * data is page-aligned and private; an empty file has size 0 and a valid, non-NULL data.  A file that is
 * cut short by somebody else while mapped raises SIGBUS on access.  Files of 2 MiB to 1 GiB that are not cached yet are read
 * in large pages where the system can; larger ones in its own, until somebody who has looked around says more (peek.h). */
#ifndef T2_MAPFILE_H
#define T2_MAPFILE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/status.h"

struct mapfile {
	const uint8_t *data;
	size_t size;
};

enum t2_status mapfile_open(struct mapfile *out, const char *path, struct t2_err *err);
void mapfile_close(struct mapfile *m); /* twice is fine */

#endif
