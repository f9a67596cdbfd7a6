/* state.h - what the workbench remembers from one session to the next: small files of lines in $XDG_STATE_HOME/t2tui.
 *
 *	int n;
 *	char **v = state_read("commands", &n);
 *	state_update("commands", add, &text, err);	// read, changed and written under a lock
 *	state_free(v, n);
 *
 * Several workbenches may do so at once.  Nothing in there is needed: a file that cannot be read is an empty one. */
#ifndef T2_STATE_H
#define T2_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include "engine/base/status.h"

struct strbuf;

enum { STATE_LINES = 1000 }; /* more are not read */

/* The file's path; false: no home folder. */
bool state_path(const char *name, char *out, size_t size);
char **state_read(const char *name, int *n); /* NULL and 0: nothing there; state_free() */
void state_free(char **lines, int n);
/* change() gets the lines of now and writes all of the new text. */
enum t2_status state_update(const char *name,
			    void (*change)(void *arg, char *const *lines, int n,
					   struct strbuf *out),
			    void *arg, struct t2_err *err);

#endif
