/* Export of the Evals view. */
#include <stdio.h>
#include <string.h>

#include "engine/base/strbuf.h"
#include "tui/shown.h"
#include "tui/utf8.h"
#include "tui/views/evals.h"
#include "tui/widgets/gauge.h"

static const char *
state_name(const struct score *x)
{
	return x->state == SCORE_NONE ? "missing"
	       : score_stale(x)	      ? "stale"
	       : score_shipped(x)     ? "shipped"
				      : "current";
}

static void
quoted(struct strbuf *out, const char *s)
{
	strbuf_str(out, "\"");
	for (; *s; s++) {
		strbuf_add(out, s, 1);
		if (*s == '"')
			strbuf_add(out, s, 1);
	}
	strbuf_str(out, "\",");
}

static void
dump_csv(const struct evals *s, struct strbuf *out)
{
	strbuf_str(out, "strategy,task,split,n,correct,accuracy,low,high,state\n");
	for (int i = 0; i < s->nmap; i++)
		for (int c = 0; c < s->cols; c++) {
			int row = s->map[i];
			const struct score *x = ev_score(s, row, c);

			if (!x->state)
				continue;
			quoted(out, s->row[row].spec);
			quoted(out, s->col[c].task);
			strbuf_printf(out, "%s,%d,%d,%.9g,%.9g,%.9g,%s\n", s->shown.split, x->n,
				      x->correct, x->accuracy, x->lo, x->hi, state_name(x));
		}
}

/* Text in so many columns, at their right end. */
static void
right(struct strbuf *out, int w, const char *text)
{
	strbuf_printf(out, "%*s%s", w > utf8_width_str(text) ? w - utf8_width_str(text) : 0, "",
		      text);
}

static void
dump_cell(const struct evals *s, int row, int col, int w, struct strbuf *out)
{
	const struct score *x = ev_score(s, row, col);
	struct ev_signs sign;
	char figure[40], b[64];

	evals_signs(s, row, col, &sign);
	snprintf(b, sizeof b, "%s%s%s", sign.front, *sign.front && *sign.star ? "" : " ",
		 sign.star);
	gauge_interval(figure, sizeof figure, x->accuracy, x->lo, x->hi);
	if (x->state) {
		right(out, w - 1 - utf8_width_str(figure), b);
		strbuf_printf(out, "%s%s", figure, *sign.back ? sign.back : " ");
	} else {
		right(out, w - 2, *sign.front ? sign.front : "");
		strbuf_printf(out, "%s ", evals_blank(s, row, col));
	}
}

/* As the screen has it, with the intervals and all of it. */
static void
dump_text(const struct evals *s, struct strbuf *out)
{
	enum { CELL = 21 };
	int label = 8, w;

	for (int i = 0; i < s->nmap; i++) {
		w = utf8_width_str(shown_strategy(s->row[s->map[i]].spec));
		label = w > label ? w : label;
	}
	strbuf_printf(out, "%*s", label, "");
	for (int c = 0; c < s->cols; c++) {
		right(out, CELL - 1, s->col[c].task);
		strbuf_str(out, " ");
	}
	strbuf_str(out, "\n");
	for (int i = 0; i < s->nmap; i++) {
		const char *name = shown_strategy(s->row[s->map[i]].spec);

		strbuf_printf(out, "%s%*s", name, label - utf8_width_str(name), "");
		for (int c = 0; c < s->cols; c++)
			dump_cell(s, s->map[i], c, CELL, out);
		strbuf_str(out, "\n");
	}
	strbuf_printf(out, "\n%s, ", s->shown.split);
	strbuf_printf(out, s->shown.n ? "first %d" : "all", s->shown.n);
	for (int i = 0; i < EV_SIGNS; i++)
		strbuf_printf(out, "  %s %s", ev_signs[i].sign, ev_signs[i].means);
	strbuf_str(out, "\n");
}

bool
evals_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out)
{
	struct evals *s = state;
	const struct eval_item *i;
	const struct ev_choices *x = &s->choices;

	(void)v;
	switch (pane) {
	case EV_MATRIX:
		if (f == DUMP_CSV)
			dump_csv(s, out);
		else
			dump_text(s, out);
		return true;
	case EV_QUESTIONS:
		table_dump(&s->table, f == DUMP_CSV, out);
		return true;
	case EV_ANSWER:
		if (f == DUMP_CSV || !(i = evals_item(s)))
			return false;
		strbuf_printf(out, "%s\n\nexpected: %s\nanswer (%s): %s\n",
			      evals_question(s, i->item) ? evals_question(s, i->item) : "",
			      evals_gold(s, i->item) ? evals_gold(s, i->item) : "",
			      i->correct ? "right" : "wrong", i->answer);
		return true;
	case EV_DISPATCH:
		if (f != DUMP_CSV || !x->rows)
			return false;
		strbuf_str(out, "task,chosen,n\n");
		for (int k = 0; k < x->rows * x->cols; k++) {
			quoted(out, x->task[k / x->cols]);
			quoted(out, x->expert[k % x->cols]);
			strbuf_printf(out, "%d\n", x->n[k]);
		}
		return true;
	default:
		return false;
	}
}
