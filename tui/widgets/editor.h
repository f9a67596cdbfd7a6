/* editor.h - text that is typed: one line, or many with word wrap.
 *
 *	struct editor e = {.single = true};
 *	editor_set(&e, "draft");
 *	switch (editor_key(&e, key)) { case EDITOR_ACCEPT: use(editor_text(&e)); ... }
 *	editor_draw(&e, c, r, true);			// also places the terminal's cursor
 *	editor_free(&e);
 *
 * Enter accepts, Alt-Enter and Ctrl-J break the line (not in a single one), Esc cancels.  The text is always valid to
 * draw; at most EDITOR_MAX bytes are taken. */
#ifndef T2_WIDGETS_EDITOR_H
#define T2_WIDGETS_EDITOR_H

#include <stdbool.h>
#include "engine/base/strbuf.h"
#include "tui/canvas.h"

enum { EDITOR_MAX = 1 << 20 };

enum editor_result {
	EDITOR_IGNORED, /* not a key of the editor's */
	EDITOR_MOVED,
	EDITOR_CHANGED,
	EDITOR_ACCEPT,
	EDITOR_CANCEL,
};

struct editor {
	struct strbuf text;
	size_t pos; /* of the cursor, at a cluster's border */
	bool single;
	int scroll; /* first row shown; first column of a single line */
	int width;  /* as last drawn: up and down go by rows */
};

void editor_set(struct editor *e, const char *text); /* cursor to the end */
const char *editor_text(const struct editor *e);     /* never NULL; until the next change */
enum editor_result editor_key(struct editor *e, int key);
/* Puts in what has room, whole characters of it; returns how many bytes were left out. */
size_t editor_paste(struct editor *e, const char *text);
/* edit: it takes letters now, and has the cursor. */
void editor_draw(struct editor *e, struct canvas *c, struct rect r, bool edit);
int editor_rows(const struct editor *e, int width);		  /* how many it needs */
bool editor_click(struct editor *e, struct rect r, int x, int y); /* moves the cursor there */
void editor_free(struct editor *e);

#endif
