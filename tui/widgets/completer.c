#include "tui/widgets/completer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tui/event.h"

enum { ROWS = 8 };

void
completer_close(struct completer *k)
{
	completion_free(&k->list);
	k->open = k->empty = false;
	k->sel = -1;
}

/* The editor's text up to byte from stays. */
static void
put(struct editor *e, size_t from, const char *a, const char *b)
{
	struct strbuf s = {0};

	strbuf_add(&s, editor_text(e), from);
	strbuf_str(&s, a);
	strbuf_str(&s, b);
	if (!s.failed)
		editor_set(e, s.s);
	strbuf_free(&s);
}

static void
start(struct completer *k, struct editor *e, size_t from)
{
	completer_close(k);
	if (k->words ? !complete_word(&k->list, editor_text(e) + from, k->words, k->nwords)
		     : !complete_path(&k->list, editor_text(e) + from, k->models)) {
		completion_free(&k->list);
		return;
	}
	put(e, from, k->list.common, "");
	k->open = k->list.n > 1;
	k->empty = !k->list.n;
}

bool
completer_key(struct completer *k, struct editor *e, size_t from, int key)
{
	bool back = key == K_BACK_TAB || key == K_UP;
	/* Into the folder that was chosen: its name stands there with its slash. */
	bool into =
		!k->words && k->open && k->sel >= 0 && key == '/' && path_ends(editor_text(e), "/");

	if (key != K_TAB && !into && !(k->open && (back || key == K_DOWN)))
		return false;
	if (from > strlen(editor_text(e)))
		return false;
	if (!k->open || into) {
		start(k, e, from);
		return true;
	}
	k->sel += back ? -1 : 1;
	if (k->sel < 0)
		k->sel = k->list.n - 1;
	if (k->sel >= k->list.n)
		k->sel = 0;
	put(e, from, k->list.stem, k->list.name[k->sel]);
	return true;
}

void
completer_draw(struct completer *k, struct canvas *c, struct rect r)
{
	struct style popup = canvas_style(c, TH_POPUP), dim = canvas_style(c, TH_DIM);
	int rows = k->list.n < r.h ? k->list.n : r.h, top;

	if (rows > ROWS)
		rows = ROWS;
	if (k->empty && r.h > 0) {
		canvas_fill(c, (struct rect){r.x, r.y + r.h - 1, r.w, 1}, popup);
		canvas_text(c, r.x + 1, r.y + r.h - 1, r.w - 2, dim,
			    k->words	? "nothing there has this name"
			    : k->models ? "no folder or model file has this name"
					: "no file has this name");
		return;
	}
	if (!k->open || rows < 1)
		return;
	top = k->sel < rows ? 0 : k->sel - rows + 1;
	r.y += r.h - rows;
	r.h = rows;
	canvas_fill(c, r, popup);
	for (int i = 0; i < rows; i++) {
		struct style st = popup;

		if (top + i == k->sel) {
			canvas_fill(c, (struct rect){r.x, r.y + i, r.w, 1},
				    canvas_style(c, TH_SELECT));
			st = canvas_style(c, TH_SELECT);
			canvas_text(c, r.x, r.y + i, 1, st, "›");
		}
		canvas_text(c, r.x + 2, r.y + i, r.w - 14, st, k->list.name[top + i]);
	}
	if (k->list.n > rows) {
		char more[40];

		snprintf(more, sizeof more, "%d%s names", k->list.n, k->list.more ? "+" : "");
		canvas_right(c, r.x + r.w - 12, r.y + rows - 1, 11, dim, more);
	}
}
