/* terminal.h - the real terminal; the only file that knows curses.
 *
 *	terminal_open(&t, &opt, err);
 *	poll(terminal_fd(t), terminal_signal_fd(t)); while (terminal_input(t, &in)) ...
 *	terminal_flush(t, canvas);			// writes the cells that changed since the last one
 *	terminal_close(t);				// also done by every signal that kills
 *
 * ncurses brings the terminal up and down, knows its capabilities and reads its keys.  Cells are written here and not
 * through curses windows, because curses has 24-bit colour only where the terminal's entry promises direct colour
 * (xterm-256color, which nearly everybody uses, does not) and would otherwise change the user's palette. */
#ifndef T2_TERMINAL_H
#define T2_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include "engine/base/status.h"
#include "tui/canvas.h"
#include "tui/event.h"

struct terminal;

struct terminal_options {
	int depth;  /* enum color_depth, -1: find out */
	int glyphs; /* enum glyph_level, -1: by the locale */
	bool mouse;
};

/* Needs a tty on stdin and stdout and a TERM that can address the cursor; else T2_EUNSUP.  One at a time. */
enum t2_status terminal_open(struct terminal **out, const struct terminal_options *opt,
			     struct t2_err *err);
void terminal_close(struct terminal *t);
int terminal_fd(const struct terminal *t);
int terminal_signal_fd(const struct terminal *t);
int terminal_signal(struct terminal *t);		   /* the next one that came, 0: none */
bool terminal_input(struct terminal *t, struct input *in); /* false: nothing there */
void terminal_size(struct terminal *t, int *w, int *h);	   /* never less than 1 x 1, never absurd */
enum color_depth terminal_depth(const struct terminal *t);
enum glyph_level terminal_glyphs(const struct terminal *t);
bool terminal_flush(struct terminal *t, const struct canvas *c); /* false: the terminal is gone */
void terminal_repaint(struct terminal *t); /* the next flush writes every cell */
void terminal_mouse(struct terminal *t, bool on);
bool terminal_has_mouse(const struct terminal *t);
void terminal_suspend(struct terminal *t); /* stops the process; returns when it goes on */
void
terminal_resume(struct terminal *t); /* after a stop by another: the shell set the tty its way */
/* To the user's clipboard by OSC 52, through tmux and screen where the program runs inside.  Whether the terminal takes
 * it nobody can know. */
enum terminal_copied { COPY_SENT, COPY_TOO_LONG, COPY_UNABLE };
enum terminal_copied terminal_copy(struct terminal *t, const char *text, size_t n);

#endif
