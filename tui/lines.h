/* lines.h - JSON lines of a file or of standard input, one at a time, within the memory limit.
 *
 *	lines_each("-", memory, on_line, arg, err);
 *
 * Only the line in hand is kept.  One that memory has no room for is T2_ENOMEM, and the message names what it would take. */
#ifndef T2_LINES_H
#define T2_LINES_H

#include "engine/base/json.h"

struct memory;

/* What messages call it. */
const char *lines_where(const char *path);
/* fn is called for every line that is not blank; the first failure ends it.  path NULL or "-": standard input; m may be NULL. */
enum t2_status lines_each(const char *path, const struct memory *m, json_line_fn *fn, void *arg,
			  struct t2_err *err);

#endif
