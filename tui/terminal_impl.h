/* terminal_impl.h - the terminal as terminal.c (modes, input) and terminal_draw.c (what is written) share it. */
#ifndef T2_TERMINAL_IMPL_H
#define T2_TERMINAL_IMPL_H

#include <curses.h>
#include <term.h>

#include "engine/base/strbuf.h"
#include "tui/terminal.h"

struct terminal {
	SCREEN *screen;
	WINDOW *input; /* a pad: reading from it never writes */
	enum color_depth depth;
	enum glyph_level glyphs;
	bool mouse, has_mouse, eof;
	struct cell *front; /* what the terminal shows */
	int w, h, cursor_x, cursor_y;
	bool all; /* front is not to be trusted */
	struct style now;
	bool now_known;
	struct strbuf paste; /* what came of it so far */
	bool pasting;
	double paste_at; /* when its last piece came */
	struct strbuf out;
};

/* Into t->out: text as it is; a string of terminfo, NULL where the terminal has none. */
void terminal_put(struct terminal *t, const char *s);
void terminal_put_cap(struct terminal *t, const char *cap);
void terminal_send(struct terminal *t); /* t->out goes out */

#endif
