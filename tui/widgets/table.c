#include "tui/widgets/table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/base/strbuf.h"
#include "tui/utf8.h"

enum { COLS = 16 };

static int64_t
row_id(const struct table *t, int row)
{
	return t->id ? t->id(t->arg, row) : row;
}

static bool
has_text(const char *hay, const char *needle)
{
	size_t n = strlen(needle);

	for (; *hay; hay++)
		if (!strncasecmp(hay, needle, n))
			return true;
	return !n;
}

static bool
row_matches(struct table *t, int row)
{
	char buf[TABLE_CELL];
	struct style st = {0};

	if (!t->filter[0])
		return true;
	for (int col = 0; col < t->ncols; col++) {
		buf[0] = 0;
		t->cell(t->arg, row, col, buf, &st);
		if (has_text(buf, t->filter))
			return true;
	}
	return false;
}

/* Stable, and the lists are short: insertion by binary search would gain nothing that anyone sees. */
static void
map_sort(struct table *t)
{
	int col = t->sort - 1, *tmp;

	if (t->sort <= 0 || !t->compare || t->nmap < 2)
		return;
	tmp = malloc((size_t)t->nmap * sizeof *tmp);
	if (!tmp)
		return; /* in the data's order, then */
	for (int width = 1; width < t->nmap; width *= 2) {
		for (int lo = 0; lo < t->nmap; lo += 2 * width) {
			int mid = lo + width < t->nmap ? lo + width : t->nmap;
			int hi = lo + 2 * width < t->nmap ? lo + 2 * width : t->nmap;
			int a = lo, b = mid;

			for (int k = lo; k < hi; k++) {
				int d = a < mid && b < hi
						? t->compare(t->arg, t->map[a], t->map[b], col)
						: 0;

				if (t->descending)
					d = -d;
				if (b >= hi || (a < mid && d <= 0))
					tmp[k] = t->map[a++];
				else
					tmp[k] = t->map[b++];
			}
		}
		memcpy(t->map, tmp, (size_t)t->nmap * sizeof *tmp);
	}
	free(tmp);
}

static void
map_make(struct table *t)
{
	t->nmap = 0;
	for (int i = 0; i < t->n && i < t->cap; i++)
		if (row_matches(t, i))
			t->map[t->nmap++] = i;
	map_sort(t);
}

static void
sel_set(struct table *t, int sel)
{
	if (sel >= t->nmap)
		sel = t->nmap - 1;
	if (sel < 0)
		sel = 0;
	t->sel = sel;
	if (t->nmap)
		t->sel_id = row_id(t, t->map[sel]);
}

static void
sel_restore(struct table *t, bool known)
{
	for (int i = 0; known && i < t->nmap; i++)
		if (row_id(t, t->map[i]) == t->sel_id) {
			t->sel = i;
			return;
		}
	sel_set(t, t->sel);
}

void
table_rows(struct table *t, int n)
{
	bool known = t->nmap > 0;

	if (n > t->cap) {
		int cap = n + n / 2 + 16;
		int *map = realloc(t->map, (size_t)cap * sizeof *map);

		if (map) {
			t->map = map;
			t->cap = cap;
		}
	}
	t->n = n;
	map_make(t);
	sel_restore(t, known);
}

void
table_free(struct table *t)
{
	free(t->map);
	free(t->marked);
	t->map = NULL;
	t->marked = NULL;
	t->n = t->nmap = t->cap = t->nmarked = t->cap_marked = 0;
}

int
table_selected(const struct table *t)
{
	return t->nmap ? t->map[t->sel] : -1;
}

void
table_select(struct table *t, int row)
{
	for (int i = 0; i < t->nmap; i++)
		if (t->map[i] == row)
			sel_set(t, i);
}

static int
mark_find(const struct table *t, int64_t id)
{
	for (int i = 0; i < t->nmarked; i++)
		if (t->marked[i] == id)
			return i;
	return -1;
}

bool
table_marked(const struct table *t, int row)
{
	return mark_find(t, row_id(t, row)) >= 0;
}

int
table_marks(const struct table *t)
{
	return t->nmarked;
}

void
table_unmark(struct table *t)
{
	t->nmarked = 0;
}

static void
mark_toggle(struct table *t, int row)
{
	int64_t id = row_id(t, row);
	int i = mark_find(t, id);

	if (i >= 0) {
		t->marked[i] = t->marked[--t->nmarked];
		return;
	}
	if (t->nmarked == t->cap_marked) {
		int cap = t->cap_marked * 2 + 8;
		int64_t *m = realloc(t->marked, (size_t)cap * sizeof *m);

		if (!m)
			return;
		t->marked = m;
		t->cap_marked = cap;
	}
	t->marked[t->nmarked++] = id;
}

static void
sort_next(struct table *t)
{
	if (t->sort && !t->descending) {
		t->descending = 1;
	} else {
		t->descending = 0;
		t->sort = t->sort < t->ncols ? t->sort + 1 : 0;
	}
	map_make(t);
	sel_restore(t, true);
}

bool
table_action(struct table *t, enum action a)
{
	int page = t->height > 2 ? t->height - 1 : 1;

	switch (a) {
	case A_UP:
	case A_PREV:
		sel_set(t, t->sel - 1);
		return true;
	case A_DOWN:
	case A_NEXT:
		sel_set(t, t->sel + 1);
		return true;
	case A_PAGE_UP:
		sel_set(t, t->sel - page);
		return true;
	case A_PAGE_DOWN:
		sel_set(t, t->sel + page);
		return true;
	case A_TOP:
		sel_set(t, 0);
		return true;
	case A_BOTTOM:
		sel_set(t, t->nmap - 1);
		return true;
	case A_MARK:
		if (!t->nmap)
			return false;
		mark_toggle(t, t->map[t->sel]);
		sel_set(t, t->sel + 1);
		return true;
	case A_SORT:
		if (!t->compare)
			return false;
		sort_next(t);
		return true;
	default:
		return false;
	}
}

void
table_order(struct table *t, int sort, int descending)
{
	t->sort = sort;
	t->descending = descending;
	map_make(t);
	sel_restore(t, true);
}

void
table_filter(struct table *t, const char *text)
{
	snprintf(t->filter, sizeof t->filter, "%s", text);
	map_make(t);
	sel_restore(t, true);
}

bool
table_mouse(struct table *t, const struct mouse *m, bool *open)
{
	int row = m->y - (t->headless ? 0 : 1);

	*open = false;
	if (m->kind != MOUSE_PRESS || m->button != 1)
		return false;
	if (row < 0 && t->compare) {
		for (int i = 0; i < t->ncols && i < COLS; i++)
			if (t->colw[i] && m->x >= t->colx[i] && m->x < t->colx[i] + t->colw[i]) {
				t->descending = t->sort == i + 1 ? !t->descending : 0;
				t->sort = i + 1;
				map_make(t);
				sel_restore(t, true);
			}
		return true;
	}
	row += t->top;
	if (row < 0 || row >= t->nmap)
		return true;
	*open = row == t->sel;
	sel_set(t, row);
	return true;
}

/* Widths: first who stays, then what each may have. */
static void
columns_fit(struct table *t, int w)
{
	int used = 0, n = t->ncols < COLS ? t->ncols : COLS, grow, x = 2;

	for (int i = 0; i < n; i++) {
		t->colw[i] = t->cols[i].min;
		used += t->cols[i].min + 2;
	}
	while (used - 2 > w - 2) {
		int worst = -1;

		for (int i = 0; i < n; i++)
			if (t->colw[i] && t->cols[i].rank > 0 &&
			    (worst < 0 || t->cols[i].rank >= t->cols[worst].rank))
				worst = i;
		if (worst < 0)
			break;
		used -= t->colw[worst] + 2;
		t->colw[worst] = 0;
	}
	do { /* a column at a time, round and round */
		grow = 0;
		for (int i = 0; i < n && used - 2 < w - 2; i++)
			if (t->colw[i] && (t->cols[i].max == 0 || t->colw[i] < t->cols[i].max)) {
				t->colw[i]++;
				used++;
				grow = 1;
			}
	} while (grow);
	for (int i = 0; i < n; i++) {
		t->colx[i] = x;
		if (t->colw[i])
			x += t->colw[i] + 2;
	}
}

static void
draw_row(struct table *t, struct canvas *c, struct rect r, int at, bool focused)
{
	int row = t->map[at], n = t->ncols < COLS ? t->ncols : COLS;
	bool on = at == t->sel, marked = table_marked(t, row);
	struct style base = canvas_style(c, TH_TEXT), mark = canvas_style(c, TH_MARK);

	struct style sel = canvas_style(c, focused ? TH_SELECT : TH_SELECT_OFF);

	mark.bg = COLOR_KEEP;
	if (on) {
		canvas_fill(c, r, sel);
		if (sel.fg != COLOR_KEEP)
			base.fg = sel.fg;
		if (!focused)
			base.attr |= sel.attr;
	}
	canvas_text(c, r.x, r.y, 1, mark, marked ? "●" : on ? "›" : " ");
	for (int i = 0; i < n; i++) {
		struct rect k = {r.x + t->colx[i], r.y, t->colw[i], 1};
		struct style st = base;
		char buf[TABLE_CELL] = "";

		if (!k.w || (t->paint && t->paint(t->arg, row, i, c, k, st)))
			continue;
		t->cell(t->arg, row, i, buf, &st);
		if (t->cols[i].align == ALIGN_RIGHT)
			canvas_right(c, k.x, k.y, k.w, st, buf);
		else
			canvas_text(c, k.x, k.y, k.w, st, buf);
	}
	if (on && sel.attr & ATTR_REVERSE) /* colours turned round would be blocks, not text */
		canvas_tint(c, r, sel);
}

static void
draw_header(struct table *t, struct canvas *c, struct rect r)
{
	struct style st = canvas_style(c, TH_DIM);
	char buf[80];

	for (int i = 0; i < t->ncols && i < COLS; i++) {
		if (!t->colw[i])
			continue;
		snprintf(buf, sizeof buf, "%s%s", t->cols[i].title,
			 t->sort != i + 1 ? ""
			 : t->descending  ? "▾"
					  : "▴");
		if (t->cols[i].align == ALIGN_RIGHT)
			canvas_right(c, r.x + t->colx[i], r.y, t->colw[i], st, buf);
		else
			canvas_text(c, r.x + t->colx[i], r.y, t->colw[i], st, buf);
	}
}

void
table_draw(struct table *t, struct canvas *c, struct rect r, bool focused)
{
	struct style bar = canvas_style(c, TH_BORDER);

	/* the last column keeps text off the border, and has the mark of the place in a long list */
	columns_fit(t, r.w - 1);
	if (!t->headless) {
		draw_header(t, c, r);
		r.y++;
		r.h--;
	}
	t->height = r.h;
	if (r.h < 1)
		return;
	if (!t->nmap) {
		canvas_wrap(c, (struct rect){r.x + 2, r.y + (r.h > 2), r.w - 4, r.h},
			    canvas_style(c, TH_DIM),
			    t->n       ? "Nothing here matches the filter. Esc takes it away."
			    : t->empty ? t->empty
				       : "Nothing here yet.",
			    0);
		return;
	}
	if (t->sel < t->top)
		t->top = t->sel;
	if (t->sel >= t->top + r.h)
		t->top = t->sel - r.h + 1;
	if (t->top > t->nmap - r.h)
		t->top = t->nmap - r.h;
	if (t->top < 0)
		t->top = 0;
	for (int i = 0; i < r.h && t->top + i < t->nmap; i++)
		draw_row(t, c, (struct rect){r.x, r.y + i, r.w, 1}, t->top + i, focused);
	if (t->nmap > r.h) { /* where in the list this is, at the right edge */
		int len = r.h * r.h / t->nmap, at;

		len = len < 1 ? 1 : len;
		at = t->top * (r.h - len) / (t->nmap - r.h);
		bar.bg = COLOR_KEEP;
		for (int i = 0; i < len; i++)
			canvas_text(c, r.x + r.w - 1, r.y + at + i, 1, bar, "▐");
	}
}

void
table_dump(struct table *t, bool csv, struct strbuf *out)
{
	struct style st = {0};
	char buf[TABLE_CELL];

	for (int i = -1; i < t->nmap; i++) {
		for (int col = 0; col < t->ncols; col++) {
			if (i < 0)
				snprintf(buf, sizeof buf, "%s", t->cols[col].title);
			else
				buf[0] = 0;
			if (i >= 0)
				t->cell(t->arg, t->map[i], col, buf, &st);
			if (col)
				strbuf_char(out, csv ? ',' : '\t');
			if (csv)
				strbuf_csv(out, buf);
			else
				strbuf_str(out, buf);
		}
		strbuf_char(out, '\n');
	}
}
