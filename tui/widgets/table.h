/* table.h - a list with columns: moving, marking, filtering, sorting, all by the common actions.
 *
 *	static const struct column cols[] = {{"name", 8, 0, ALIGN_LEFT, 0}, {"steps", 6, 6, ALIGN_RIGHT, 1}};
 *	struct table t = {.cols = cols, .ncols = 2, .cell = run_cell, .id = run_id, .arg = runs};
 *	table_rows(&t, n);		// whenever the data changes: keeps selection, marks, filter, order
 *	draw:	table_draw(&t, c, r, view_focused(v, pane));
 *	action:	return table_action(&t, a);		// A_OPEN is the view's
 *	row = table_selected(&t);	// index into the data, -1: none
 *
 * The table holds no data: cell() writes a row's text as it is asked for.  Rows are known by id() (default: their
 * index), so that what is marked or selected stays so when the data is read anew. */
#ifndef T2_WIDGETS_TABLE_H
#define T2_WIDGETS_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include "tui/binding.h"
#include "tui/canvas.h"
#include "tui/event.h"

struct strbuf;

enum align { ALIGN_LEFT, ALIGN_RIGHT };

struct column {
	const char *title;
	int min; /* columns that it needs */
	int max; /* the most it is given; 0: all that is left */
	enum align align;
	int rank; /* where there is no room, the highest rank goes first; 0 stays */
};

enum { TABLE_CELL = 256 };

struct table {
	const struct column *cols;
	int ncols;
	/* Row and column to text; st may be changed for this cell. */
	void (*cell)(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st);
	/* Draws the cell itself (a spark line, a bar); false: by cell(). */
	bool (*paint)(void *arg, int row, int col, struct canvas *c, struct rect r,
		      struct style st);
	int64_t (*id)(void *arg, int row);
	/* < 0, 0, > 0; without it A_SORT does nothing. */
	int (*compare)(void *arg, int a, int b, int col);
	void *arg;
	const char *empty; /* what to say without rows: an invitation */
	bool headless;	   /* no header line */

	/* The table's own. */
	int n;		/* rows of data */
	int *map, nmap; /* rows shown, in order */
	int cap;
	int sel, top, height; /* in map */
	int64_t sel_id;
	int64_t *marked;
	int nmarked, cap_marked;
	int sort, descending; /* sort: column + 1, 0: the data's order */
	char filter[64];
	int y0, x0, colx[16], colw[16]; /* as drawn */
};

void table_rows(struct table *t, int n);
void table_free(struct table *t);
bool table_action(struct table *t, enum action a); /* moving, marking, n N, sorting */
void table_filter(struct table *t, const char *text);
void table_order(struct table *t, int sort, int descending); /* as its fields of these names */
/* Coordinates as the view's mouse() gets them; *open: a click on the row that was selected already. */
bool table_mouse(struct table *t, const struct mouse *m, bool *open);
void table_draw(struct table *t, struct canvas *c, struct rect r, bool focused);
int table_selected(const struct table *t);
void table_select(struct table *t, int row); /* a row of the data */
bool table_marked(const struct table *t, int row);
int table_marks(const struct table *t);
void table_unmark(struct table *t);
void table_dump(struct table *t, bool csv, struct strbuf *out);

#endif
