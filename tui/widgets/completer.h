/* completer.h - Tab in a one-line editor that takes a path or a word: completes as far as it is clear, then goes through the names;
 * '/' enters the folder that it stands on.
 *
 *	struct completer k = {.models = true};
 *	if (completer_key(&k, &editor, 5, key)) ...	// the path begins at byte 5; true: the key was taken
 *	completer_draw(&k, c, bottom);			// names above row `bottom`; nothing while there is nothing to choose
 *	completer_close(&k);				// whenever the text changes otherwise, and at the end
 */
#ifndef T2_WIDGETS_COMPLETER_H
#define T2_WIDGETS_COMPLETER_H

#include <stdbool.h>
#include "tui/canvas.h"
#include "tui/complete.h"
#include "tui/widgets/editor.h"

struct completer {
	bool models;  /* only folders and files of models */
	char **words; /* in place of paths, borrowed; NULL: paths */
	int nwords;
	struct completion list;
	bool open;  /* the names show */
	bool empty; /* there are none */
	int sel;    /* -1: none yet */
};

bool completer_key(struct completer *k, struct editor *e, size_t from, int key);
void completer_draw(struct completer *k, struct canvas *c, struct rect r);
void completer_close(struct completer *k);

#endif
