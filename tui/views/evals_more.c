/* Drawing of the Evals view: what is beside the matrix. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/date.h"
#include "tui/app.h"
#include "tui/shown.h"
#include "tui/utf8.h"
#include "tui/views/evals.h"
#include "tui/widgets/gauge.h"

enum { EV_SHOWN = 24 }; /* tasks and experts that fit any screen */

/* -- the selected cell ------------------------------------------------------------------------------------- */

static void
line(struct canvas *c, struct rect r, int y, const char *label, struct style st, const char *value)
{
	if (y >= r.h)
		return;
	canvas_text(c, r.x + 1, r.y + y, 10, canvas_style(c, TH_DIM), label);
	canvas_text(c, r.x + 12, r.y + y, r.w - 13, st, value);
}

static const char *
state_text(const struct score *x, enum theme_role *role)
{
	*role = TH_WARN;
	switch (x->state) {
	case SCORE_STALE_SETUP:
		return "stale: made with other weights";
	case SCORE_STALE_TASK:
		return "stale: the questions have changed";
	case SCORE_STALE_OLD:
		return "stale: kept by an older version";
	default:
		*role = TH_TEXT;
		return x->best && x->clear ? "best here, clearly above base"
		       : x->best	   ? "best here, intervals overlap"
		       : x->clear	   ? "clearly above base"
					   : "up to date";
	}
}

static void
draw_pair(struct view *v, struct evals *s, struct canvas *c, struct rect r, const struct score *x)
{
	struct style dim = canvas_style(c, TH_DIM), text = canvas_style(c, TH_TEXT);
	const struct score_pair *p = &s->pair;
	int row, col, n = p->both + p->only_a + p->only_b + p->neither;
	const struct score *o;
	char b[100], num[32];

	evals_other_cell(s, &row, &col);
	if (row == evals_row(s) || r.h < 3)
		return;
	o = ev_score(s, row, col);
	if (evals_look_late(v, s) || (evals_looking(s) && !n)) {
		canvas_printf(c, r.x + 1, r.y, r.w - 2, dim, "against %s",
			      shown_strategy(s->row[row].spec));
		return;
	}
	if (n)
		canvas_printf(c, r.x + 1, r.y, r.w - 2, dim, "against %s on the same %d questions",
			      shown_strategy(s->row[row].spec), n);
	else
		canvas_printf(c, r.x + 1, r.y, r.w - 2, dim, "against %s",
			      shown_strategy(s->row[row].spec));
	if (!o->state || !x->state || !n) {
		canvas_text(c, r.x + 1, r.y + 1, r.w - 2, canvas_style(c, TH_STALE),
			    "both must have been measured here");
		return;
	}
	canvas_printf(c, r.x + 1, r.y + 1, r.w - 2, text, "both right %-5d only this %d", p->both,
		      p->only_a);
	canvas_printf(c, r.x + 1, r.y + 2, r.w - 2, text, "both wrong %-5d only that %d",
		      p->neither, p->only_b);
	snprintf(b, sizeof b, "%+.3f   McNemar p %s", (double)(p->only_a - p->only_b) / n,
		 gauge_number(num, sizeof num, p->p));
	if (r.h > 3)
		line(c, r, 3, "difference", text, b);
}

static void
draw_cell(struct view *v, struct evals *s, struct canvas *c, struct rect r)
{
	struct style text = canvas_style(c, TH_TEXT);
	int row = evals_row(s), y = 0;
	const struct ev_work *w;
	const struct score *x;
	enum theme_role role;
	const char *why;
	char b[200], t[40], at[32];

	view_title(v, EV_CELL, "cell");
	if (row < 0 || s->selcol >= s->cols)
		return;
	view_title(v, EV_CELL, "%s · %s", shown_strategy(s->row[row].spec), s->col[s->selcol].task);
	x = ev_score(s, row, s->selcol);
	w = evals_work(s, row, s->selcol);
	why = evals_refusal(s, row, s->selcol);
	if (w && w->phase == EV_FAILED) {
		canvas_wrap(c, rect_inset(r, 1, 0), canvas_style(c, TH_BAD), w->error, 0);
		return;
	}
	if (w) {
		struct score live = {.n = w->n, .correct = w->correct};

		score_interval(&live);
		line(c, r, y++, w->phase == EV_KEPT ? "accuracy" : "so far", text,
		     gauge_interval(t, sizeof t, live.accuracy, live.lo, live.hi));
		snprintf(b, sizeof b, "%d of %d", w->n, w->total);
		line(c, r, y++, "counted", text, b);
		if (y < r.h)
			gauge_draw(c, r.x + 1, r.y + y, r.w - 2,
				   w->total ? (double)w->n / w->total : 0,
				   canvas_style(c, TH_GAUGE));
		return;
	}
	if (!x->state) {
		double cost = evals_cost(s, row, s->selcol);

		if (why)
			canvas_wrap(c, rect_inset(r, 1, 0), canvas_style(c, TH_WARN), why, 0);
		else if (cost >= 0)
			canvas_printf(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_DIM),
				      "Not measured yet. %s, in about %s.", KEYS(v, "{open} does"),
				      gauge_time(t, sizeof t, cost));
		else
			canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_DIM),
				    KEYS(v, "Not measured yet. {open} measures it."));
		return;
	}
	line(c, r, y++, "accuracy", canvas_style(c, x->clear ? TH_GOOD : TH_STRONG),
	     gauge_interval(t, sizeof t, x->accuracy, x->lo, x->hi));
	snprintf(b, sizeof b, "%d of %d right, %s%s", x->correct, x->n, s->shown.split,
		 x->fewer ? ", fewer than set" : "");
	line(c, r, y++, "questions", text, b);
	date_text(at, sizeof at, DATE_MINUTE, x->created);
	snprintf(b, sizeof b, "%s%s", at, score_shipped(x) ? ", shipped" : "");
	line(c, r, y++, "measured", text, b);
	if (!score_shipped(x)) {
		snprintf(b, sizeof b, "%s, %.3g tokens a question",
			 gauge_time(t, sizeof t, x->seconds), x->n ? (double)x->tokens / x->n : 0);
		line(c, r, y++, "took", text, b);
	}
	why = why && s->row[row].why[0] ? "its expert or mixture is gone" : state_text(x, &role);
	if (s->row[row].why[0])
		role = TH_WARN;
	line(c, r, y++, "state", canvas_style(c, role), why);
	r.y += y + 1;
	r.h -= y + 1;
	draw_pair(v, s, c, r, x);
}

/* -- questions --------------------------------------------------------------------------------------------- */

static void
draw_questions(struct view *v, struct evals *s, struct canvas *c, struct rect r)
{
	static const char *const name[EV_SHOWS] = {"questions", "wrong answers", "right answers",
						   "questions that differ"};
	int row, col;

	view_title(v, EV_QUESTIONS, evals_look_late(v, s) ? "%s · reading ..." : "%s",
		   name[s->show]);
	evals_other_cell(s, &row, &col);
	if (!s->items.n)
		view_note(v, EV_QUESTIONS, "%s", "");
	else if (row != evals_row(s) && s->other.n && !evals_looking(s))
		view_note(v, EV_QUESTIONS, "%d of %d, against %s", s->table.nmap, s->items.n,
			  shown_strategy(s->row[row].spec));
	else
		view_note(v, EV_QUESTIONS, "%d of %d", s->table.nmap, s->items.n);
	s->table.empty = s->items.n ? KEYS(v, "None of this kind; {show} shows others.")
				    : KEYS(v, "The questions of a cell that was measured here show "
					      "here.");
	table_draw(&s->table, c, r, view_focused(v, EV_QUESTIONS));
}

/* Label, then wrapped text; returns the lines used from y on. */
static int
paragraph(struct canvas *c, struct rect r, int y, const char *label, struct style st,
	  const char *text)
{
	struct rect t = {r.x + 12, r.y + y, r.w - 13, r.h - y};
	int skip = y < 0 ? -y : 0, n;

	if (skip) {
		t.y = r.y;
		t.h = r.h;
	} else if (y < r.h) {
		canvas_text(c, r.x + 1, r.y + y, 10, canvas_style(c, TH_DIM), label);
	}
	if (t.h < 0)
		t.h = 0;
	n = canvas_wrap(c, t, st, text + strspn(text, " \n"), skip);
	return n < 1 ? 1 : n;
}

static void
draw_answer(struct view *v, struct evals *s, struct canvas *c, struct rect r)
{
	const struct eval_item *i = evals_item(s), *o;
	struct style text = canvas_style(c, TH_TEXT);
	const char *question, *gold;
	int y = -s->scroll, row, col;

	view_title(v, EV_ANSWER, "answer");
	if (!i) {
		canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_DIM),
			    "no question selected");
		return;
	}
	view_title(v, EV_ANSWER, "question %d · %s", i->item, i->correct ? "✓ right" : "✗ wrong");
	question = evals_question(s, i->item);
	gold = evals_gold(s, i->item);
	y += paragraph(c, r, y, "question", text,
		       question ? question : "has changed since, or is being read");
	y += paragraph(c, r, y, "expected", canvas_style(c, TH_STRONG), gold ? gold : "·");
	if (i->decision)
		y += paragraph(c, r, y, "chose", text, *i->decision ? i->decision : "base");
	y += paragraph(c, r, y, i->correct ? "✓ answer" : "✗ answer", text, i->answer);
	o = evals_other(s, i->item);
	evals_other_cell(s, &row, &col);
	if (o) {
		char label[32];

		snprintf(label, sizeof label, "%s that", o->correct ? "✓" : "✗");
		y += paragraph(c, r, y, label, canvas_style(c, TH_DIM), o->answer);
	}
}

/* -- the first pass's choices ------------------------------------------------------------------------------ */

/* Cut to so many columns, so that the heads of narrow columns do not run into one. */
static void
short_name(char *name, int w)
{
	size_t n = strlen(name);

	while (n && utf8_width_str(name) > (w < 3 ? 3 : w)) {
		do
			n--;
		while (n && ((unsigned char)name[n] & 0xc0) == 0x80);
		name[n] = 0;
	}
}

static void
draw_dispatch(struct view *v, struct evals *s, struct canvas *c, struct rect r)
{
	const struct ev_choices *x = &s->choices;
	const char *task[EV_SHOWN], *expert[EV_SHOWN];
	char head[EV_SHOWN][EV_TASK];
	int row = evals_row(s), left = 1, cols = x->cols < EV_SHOWN ? x->cols : EV_SHOWN,
	    rows = x->rows < EV_SHOWN ? x->rows : EV_SHOWN;
	double share[EV_SHOWN * EV_SHOWN];
	struct heat h = {.rows = rows,
			 .cols = cols,
			 .v = share,
			 .row_name = task,
			 .col_name = expert,
			 .lo = 0,
			 .hi = 1,
			 .sel_row = -1,
			 .sel_col = -1};
	struct heat_map map;

	view_title(v, EV_DISPATCH, "dispatch · task × choice");
	if (row < 0)
		return;
	if (!rows) {
		if (evals_pass1(s->row[row].spec) && s->look) /* not known yet */
			return;
		canvas_wrap(c, rect_inset(r, 1, 0), canvas_style(c, TH_DIM),
			    evals_pass1(s->row[row].spec)
				    ? KEYS(v, "Nothing measured yet: {run-missing} runs this row.")
				    : "Whom pass 1 chooses shows on the rows prompt and cls.",
			    0);
		return;
	}
	view_title(v, EV_DISPATCH, "%s · task × choice", x->spec);
	for (int i = 0; i < rows; i++) {
		task[i] = x->task[i];
		left = utf8_width_str(task[i]) > left ? utf8_width_str(task[i]) : left;
		for (int j = 0; j < cols; j++)
			share[i * cols + j] = (double)x->n[i * x->cols + j] / x->total[i];
	}
	for (int j = 0; j < cols; j++) {
		snprintf(head[j], sizeof head[j], "%s", x->expert[j]);
		short_name(head[j], (r.w - left - 2) / cols - 1);
		expert[j] = head[j];
	}
	heat_draw(c, r, &h, &map);
}

void
evals_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r)
{
	struct evals *s = state;

	switch (pane) {
	case EV_MATRIX:
		evals_draw_matrix(v, s, c, r);
		break;
	case EV_CELL:
		draw_cell(v, s, c, r);
		break;
	case EV_QUESTIONS:
		draw_questions(v, s, c, r);
		break;
	case EV_ANSWER:
		draw_answer(v, s, c, r);
		break;
	default:
		draw_dispatch(v, s, c, r);
	}
}
