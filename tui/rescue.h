/* rescue.h - the terminal put right whatever kills the program, and signals made into something poll() sees.
 *
 *	rescue_open(err); rescue_add(exit_ca_mode); ... rescue_arm();
 *	poll(rescue_fd()); while ((sig = rescue_signal())) ...	// SIGWINCH, SIGTERM, SIGTSTP ...
 *	rescue_close();
 *
 * After rescue_arm() a SIGSEGV, SIGBUS, SIGABRT, SIGFPE or SIGILL writes the added bytes, restores the terminal's modes
 * as rescue_open() found them and dies of the signal: nothing in that way allocates or locks.  One at a time. */
#ifndef T2_RESCUE_H
#define T2_RESCUE_H

#include <stdbool.h>
#include <stddef.h>
#include "engine/base/status.h"

bool rescue_open(struct t2_err *err); /* false: no pipe */
void rescue_add(const char *bytes);   /* NULL is fine; what does not fit any more is left out */
void rescue_arm(void);
void rescue_close(void); /* restores modes and handlers */
int rescue_fd(void);
int rescue_signal(void); /* the next one that came, 0: none */
/* Restores the modes and stops the process as SIGTSTP does; returns when it goes on. */
void rescue_stop(void);
/* All of it to standard output, also where that is non-blocking; gives up when nobody reads for two seconds. */
void rescue_write(const char *s, size_t n);

#endif
