/* Drawing of the Evals view: the matrix. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/shown.h"
#include "tui/utf8.h"
#include "tui/views/evals.h"
#include "tui/widgets/gauge.h"

/* A cell is the sign in front, then the value with a place for the star and one for the sign behind: FULL columns hold
 * "*0.71 [0.66 0.75]~", SHORT ones "*0.714~", less ".71". */
enum { COL_MIN = 6, COL_MAX = 20, FULL = 18, SHORT = 7 };

static bool
few_colors(const struct canvas *c)
{
	return c->depth <= DEPTH_16 || c->theme->mono;
}

/* -- geometry ---------------------------------------------------------------------------------------------- */

static int
first_shown(int sel, int n, int room)
{
	int first = sel - room / 2;

	if (first > n - room)
		first = n - room;
	return first < 0 ? 0 : first;
}

static const char *
row_label(const struct evals *s, int row)
{
	return shown_strategy(s->row[row].spec);
}

static void
measure(struct evals *s, struct rect r, int *shown_cols, int *shown_rows)
{
	int w = 8, room, rows;

	for (int i = 0; i < s->nmap; i++) {
		int k = utf8_width_str(row_label(s, s->map[i]));

		w = k > w ? k : w;
	}
	s->label_w = w > r.w / 4 ? r.w / 4 : w;
	room = r.w - s->label_w - 2;
	s->colw = s->cols ? room / s->cols : COL_MIN;
	s->colw = s->colw > COL_MAX ? COL_MAX : s->colw < COL_MIN ? COL_MIN : s->colw;
	*shown_cols = room / s->colw < s->cols ? room / s->colw : s->cols;
	s->col0 = first_shown(s->selcol, s->cols, *shown_cols);
	s->top = 1;
	for (int i = 0; i < s->cols; i++)
		if (utf8_width_str(s->col[i].task) > s->colw - 1 && r.h > 8)
			s->top = 2;
	rows = r.h - s->top - 1 - (r.h > 8); /* the line below, and one of the legend */
	*shown_rows = rows < s->nmap ? rows : s->nmap;
	s->row0 = first_shown(s->sel, s->nmap, *shown_rows);
	s->heat.rows = *shown_rows;
}

bool
evals_hit(const struct evals *s, int x, int y, int *sel, int *col)
{
	int at = (x - s->label_w - 2) / (s->colw ? s->colw : 1);

	*col = s->col0 + at;
	*sel = y < s->top ? -1 : s->row0 + y - s->top;
	return x >= s->label_w + 2 && *col < s->cols && (y < s->top || *sel < s->nmap) &&
	       y < s->top + s->heat.rows;
}

/* -- a cell ------------------------------------------------------------------------------------------------ */

static const char *
value_text(char *buf, size_t size, const struct score *x, int w)
{
	if (w >= FULL)
		return gauge_interval(buf, size, x->accuracy, x->lo, x->hi);
	if (w >= SHORT)
		gauge_share(buf, size, x->accuracy);
	else if (x->accuracy >= 0.995)
		snprintf(buf, size, "1.0");
	else
		snprintf(buf, size, ".%02d", (int)lrint(100 * x->accuracy));
	return buf;
}

static void
draw_value(struct canvas *c, struct rect k, const struct score *x, const struct ev_signs *sign,
	   bool live)
{
	static const char *const shades[] = {" ", "░", "▒", "▓", "█"};
	struct style st = canvas_style(c, score_stale(x) ? TH_STALE : TH_TEXT);
	bool few = few_colors(c);
	char text[40];
	int len;

	st.bg = COLOR_KEEP;
	if (!few && !score_stale(x)) {
		st.bg = heat_color(c, false, 0, 1, x->accuracy);
		st.fg = color_ink(st.bg);
		canvas_fill(c, k, st);
	}
	if (live)
		st.attr |= ATTR_ITALIC;
	else if (x->best)
		st.attr |= ATTR_BOLD;
	value_text(text, sizeof text, x, k.w);
	len = utf8_width_str(text);
	canvas_right(c, k.x, k.y, k.w - 1, st, text);
	canvas_text(c, k.x + k.w - len - 2, k.y, 1, st, sign->star);
	if (few && !*sign->back && c->glyphs != GLYPHS_ASCII)
		canvas_text(c, k.x + k.w - 1, k.y, 1, canvas_style(c, TH_DIM),
			    shades[(int)lrint(4 * x->accuracy)]);
	else
		canvas_text(c, k.x + k.w - 1, k.y, 1, st, sign->back);
}

static void
draw_cell(struct evals *s, struct canvas *c, struct rect k, int row, int col, bool sel,
	  bool focused)
{
	const struct score *x = ev_score(s, row, col);
	const struct ev_work *w = evals_work(s, row, col);
	int vw = k.w - 2 >= FULL ? k.w - 2 : k.w - 1 < SHORT ? k.w - 1 : SHORT;
	struct rect value = {k.x + k.w - vw, k.y, vw, 1};
	struct ev_signs sign;
	struct score live;

	evals_signs(s, row, col, &sign);
	if (w && w->phase != EV_FAILED && w->n) {
		live = (struct score){.state = SCORE_CURRENT, .n = w->n, .correct = w->correct};
		score_interval(&live);
		draw_value(c, value, &live, &sign, true);
	} else if (w && w->phase != EV_FAILED) {
		canvas_right(c, value.x, k.y, value.w - 1, canvas_style(c, TH_STALE), "...");
	} else if (w) {
		canvas_right(c, value.x, k.y, value.w - 1, canvas_style(c, TH_BAD),
			     value.w > 9 ? "✗ failed" : "✗");
	} else if (x->state) {
		draw_value(c, value, x, &sign, false);
	} else {
		canvas_right(c, value.x, k.y, value.w - 1, canvas_style(c, TH_STALE),
			     evals_blank(s, row, col));
	}
	canvas_text(c, value.x - 1, k.y, 1,
		    canvas_style(c, evals_marked(s, row, col) ? TH_MARK
				    : w			      ? TH_FOCUS
							      : TH_GOOD),
		    sign.front);
	if (sel) {
		k.w -= value.x - 1 - k.x;
		k.x = value.x - 1;
		canvas_tint(c, k, canvas_style(c, focused ? TH_SELECT : TH_SELECT_OFF));
	}
}

/* -- around the cells -------------------------------------------------------------------------------------- */

/* In two lines where one is too short: "math-hard" at its hyphen, "dispatch" with one put in. */
static void
draw_head(struct canvas *c, int x, int y, int w, int lines, struct style st, const char *task)
{
	const char *cut = strrchr(task, '-');
	char first[EV_TASK + 8];
	size_t n;

	if (utf8_width_str(task) <= w || lines < 2) {
		canvas_right(c, x, y + lines - 1, w - (utf8_width_str(task) < w), st, task);
		return;
	}
	n = cut && cut > task && cut - task <= w ? (size_t)(cut - task)
						 : utf8_fit(task, strlen(task), w - 1, NULL);
	snprintf(first, sizeof first, "%.*s%s", (int)n, task, task[n] == '-' ? "" : "-");
	canvas_right(c, x, y, w - (utf8_width_str(first) < w), st, first);
	canvas_right(c, x, y + 1, w - (utf8_width_str(task + n) < w), st, task + n);
}

/* The stable colour of an expert, so that its row is known at a glance. */
static struct style
label_style(struct evals *s, struct canvas *c, int row, bool on)
{
	const char *spec = s->row[row].spec;

	if (s->row[row].why[0])
		return canvas_style(c, TH_STALE);
	if (!strncmp(spec, "expert:", 7) && world_expert_index(s->w, spec + 7) >= 0)
		return theme_series(c->theme, theme_slot(spec + 7));
	return canvas_style(c, on ? TH_STRONG : TH_TEXT);
}

static void
draw_foot(struct view *v, struct evals *s, struct canvas *c, int x, int y, int w)
{
	int row = evals_row(s), col = s->selcol;
	struct style st = canvas_style(c, TH_DIM);
	const struct score *k;
	const struct ev_work *work;
	const char *why;
	char b[40];

	if (row < 0 || col >= s->cols)
		return;
	k = ev_score(s, row, col);
	work = evals_work(s, row, col);
	why = evals_refusal(s, row, col);
	if (work && work->phase == EV_FAILED)
		canvas_text(c, x, y, w, canvas_style(c, TH_BAD), work->error);
	else if (work && work->phase == EV_KEPT)
		canvas_printf(c, x, y, w, st, "%s · %s: measured, is being read", row_label(s, row),
			      s->col[col].task);
	else if (work && work->phase == EV_QUEUED)
		canvas_printf(c, x, y, w, st, "%s · %s: waits to be measured", row_label(s, row),
			      s->col[col].task);
	else if (work)
		canvas_printf(c, x, y, w, st, "%s · %s: %d of %d counted", row_label(s, row),
			      s->col[col].task, work->n, work->total);
	else if (k->state)
		canvas_printf(c, x, y, w, canvas_style(c, TH_TEXT), "%s · %s: %s  %d of %d%s",
			      row_label(s, row), s->col[col].task,
			      gauge_interval(b, sizeof b, k->accuracy, k->lo, k->hi), k->correct,
			      k->n,
			      score_stale(k)	 ? KEYS(v, ", stale: {open} measures it again")
			      : score_shipped(k) ? KEYS(v, ", shipped; {open} measures")
						 : "");
	else if (why)
		canvas_text(c, x, y, w, canvas_style(c, TH_WARN), why);
	else
		canvas_printf(c, x, y, w, st, "%s · %s: not measured yet, %s", row_label(s, row),
			      s->col[col].task, KEYS(v, "{open} does"));
}

static void
note(struct view *v, struct evals *s)
{
	double left = evals_left(s);
	int n = evals_waiting(s);
	char b[32];

	if (!n && !s->boards)
		view_note(v, EV_MATRIX, "%s", "");
	else if (!n && s->shown.n)
		view_note(v, EV_MATRIX, "%s, first %d%s", s->shown.split, s->shown.n,
			  s->shown.temp > 0 ? ", sampled" : "");
	else if (!n)
		view_note(v, EV_MATRIX, "%s, all%s", s->shown.split,
			  s->shown.temp > 0 ? ", sampled" : "");
	else if (left >= 0)
		view_note(v, EV_MATRIX, "%d to do, %s left, Esc cancels", n,
			  gauge_time(b, sizeof b, left));
	else
		view_note(v, EV_MATRIX, "%d to do, Esc cancels", n);
}

/* Between the rows and the line below them, with a gap above it where there is room. */
static struct rect
legend_place(struct rect r, int used)
{
	int gap = r.h - used > 2;

	return (struct rect){r.x + 1, r.y + used + gap, r.w - 2, r.h - used - 1 - gap};
}

void
evals_draw_matrix(struct view *v, struct evals *s, struct canvas *c, struct rect r)
{
	struct style dim = canvas_style(c, TH_DIM), strong = canvas_style(c, TH_STRONG);
	bool focused = view_focused(v, EV_MATRIX);
	char head[EV_TASK + 8];
	int cols, rows, x0;

	view_title(v, EV_MATRIX, "accuracy, 95 %% interval");
	note(v, s);
	if (!s->boards) {
		canvas_text(c, r.x + 1, r.y, r.w - 2, dim, "reading the evaluations ...");
		return;
	}
	if (!s->cols) {
		canvas_text(c, r.x + 1, r.y, r.w - 2, dim,
			    "No tasks found. A folder with task.json in the tasks folder makes "
			    "one.");
		return;
	}
	if (!s->nmap) {
		canvas_text(c, r.x + 1, r.y, r.w - 2, dim, "No row matches the filter.");
		return;
	}
	measure(s, r, &cols, &rows);
	x0 = r.x + s->label_w + 2;
	for (int j = 0; j < cols; j++) {
		int col = s->col0 + j, x = x0 + j * s->colw;
		bool on = col == s->selcol;

		snprintf(head, sizeof head, "%s%s",
			 abs(s->sort) != col + 1 ? ""
			 : s->sort > 0		 ? "▾"
						 : "▴",
			 s->col[col].task);
		draw_head(c, x + 1, r.y, s->colw - 1, s->top, on ? strong : dim, head);
	}
	for (int i = 0; i < rows; i++) {
		int at = s->row0 + i, row = s->map[at], y = r.y + s->top + i;
		bool on = at == s->sel;

		if (on)
			canvas_text(c, r.x, y, 1, strong, "›");
		canvas_text(c, r.x + 1, y, s->label_w, label_style(s, c, row, on),
			    row_label(s, row));
		for (int j = 0; j < cols; j++)
			draw_cell(s, c, (struct rect){x0 + j * s->colw, y, s->colw, 1}, row,
				  s->col0 + j, on && s->col0 + j == s->selcol, focused);
	}
	if (s->col0 > 0)
		canvas_text(c, x0 - 1, r.y + s->top - 1, 1, strong, "‹");
	if (s->col0 + cols < s->cols)
		canvas_text(c, r.x + r.w - 1, r.y + s->top - 1, 1, strong, "›");
	draw_foot(v, s, c, r.x + 1, r.y + r.h - 1, r.w - 2);
	evals_legend(c, legend_place(r, s->top + rows),
		     evals_signs_among(s, s->row0, rows, s->col0, cols));
}
