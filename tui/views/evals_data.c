/* Evals: rows, columns and scores as the last board has them, their order and marks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tui/app.h"
#include "tui/shown.h"
#include "tui/views/evals.h"

/* -- rows and columns -------------------------------------------------------------------------------------- */

int
evals_find_row(const struct evals *s, const char *spec)
{
	for (int i = 0; i < s->rows; i++)
		if (!strcmp(s->row[i].spec, spec))
			return i;
	return -1;
}

int
evals_find_col(const struct evals *s, const char *task)
{
	for (int i = 0; i < s->cols; i++)
		if (!strcmp(s->col[i].task, task))
			return i;
	return -1;
}

int
evals_row(const struct evals *s)
{
	return s->sel >= 0 && s->sel < s->nmap ? s->map[s->sel] : -1;
}

bool
evals_pass1(const char *spec)
{
	return !strcmp(spec, "prompt") || !strcmp(spec, "cls");
}

/* -- cells -------------------------------------------------------------------------------------------------- */

const char *
evals_refusal(const struct evals *s, int row, int col)
{
	if (s->col[col].why[0])
		return s->col[col].why;
	if (!strcmp(s->row[row].spec, "few-shot") && s->col[col].shot_why[0])
		return s->col[col].shot_why;
	return s->row[row].why[0] ? s->row[row].why : NULL;
}

bool
evals_missing(const struct evals *s, int row, int col)
{
	const struct score *x = ev_score(s, row, col);

	return x->state != SCORE_CURRENT || x->fewer || score_shipped(x);
}

/* -- order, filter, marks ---------------------------------------------------------------------------------- */

static bool
has_text(const char *hay, const char *needle)
{
	size_t n = strlen(needle);

	for (; *hay; hay++)
		if (!strncasecmp(hay, needle, n))
			return true;
	return !n;
}

/* Rows without a score come last, whichever way the others go. */
static bool
before(const struct evals *s, int a, int b)
{
	int col = abs(s->sort) - 1;
	const struct score *x = ev_score(s, a, col), *y = ev_score(s, b, col);

	if (!x->state || !y->state)
		return x->state && !y->state;
	return s->sort > 0 ? x->accuracy > y->accuracy : x->accuracy < y->accuracy;
}

void
evals_map(struct evals *s, const char *filter)
{
	char was[EV_SPEC] = "";
	int *grown, old = evals_row(s), col = *s->sorted ? evals_find_col(s, s->sorted) : -1;

	s->sort = s->worst ? -(col + 1) : col + 1;
	if (old >= 0 && old < s->rows)
		snprintf(was, sizeof was, "%s", s->row[old].spec);
	grown = realloc(s->map, ((size_t)s->rows + 1) * sizeof *grown);
	s->nmap = 0;
	if (!grown)
		return;
	s->map = grown;
	for (int i = 0; i < s->rows; i++)
		if (has_text(shown_strategy(s->row[i].spec), filter))
			s->map[s->nmap++] = i;
	for (int i = 1; s->sort && i < s->nmap; i++) { /* few rows: by insertion, stable */
		int row = s->map[i], j = i;

		for (; j > 0 && before(s, row, s->map[j - 1]); j--)
			s->map[j] = s->map[j - 1];
		s->map[j] = row;
	}
	if (s->sel >= s->nmap)
		s->sel = s->nmap ? s->nmap - 1 : 0;
	for (int i = 0; i < s->nmap; i++)
		if (!strcmp(s->row[s->map[i]].spec, was))
			s->sel = i;
}

static int
find_mark(const struct evals *s, int row, int col)
{
	for (int i = 0; i < s->marks; i++)
		if (!strcmp(s->mark[i].spec, s->row[row].spec) &&
		    !strcmp(s->mark[i].task, s->col[col].task))
			return i;
	return -1;
}

bool
evals_marked(const struct evals *s, int row, int col)
{
	return find_mark(s, row, col) >= 0;
}

void
evals_mark(struct evals *s, int row, int col)
{
	int at = find_mark(s, row, col);
	struct ev_key *grown;

	if (at >= 0) { /* in order of marking: c takes the latest */
		memmove(s->mark + at, s->mark + at + 1,
			(size_t)(--s->marks - at) * sizeof *s->mark);
		return;
	}
	grown = realloc(s->mark, ((size_t)s->marks + 1) * sizeof *grown);
	if (!grown)
		return;
	s->mark = grown;
	snprintf(grown[s->marks].spec, EV_SPEC, "%s", s->row[row].spec);
	snprintf(grown[s->marks++].task, EV_TASK, "%s", s->col[col].task);
}

/* -- reading ----------------------------------------------------------------------------------------------- */

/* What a survey has found out goes with the name; mostly nothing has come or gone since it began. */
static void
take_known(struct evals *s, const struct ev_row *row, int rows, const struct ev_col *col, int cols)
{
	for (int i = 0; i < rows; i++) {
		int at = i < s->rows && !strcmp(s->row[i].spec, row[i].spec)
				 ? i
				 : evals_find_row(s, row[i].spec);

		if (at >= 0 && row[i].known)
			s->row[at] = row[i];
	}
	for (int i = 0; i < cols; i++) {
		int at = evals_find_col(s, col[i].task);

		if (at >= 0 && col[i].known)
			s->col[at] = col[i];
	}
}

void
evals_take(struct view *v, struct evals *s, const struct ev_row *row, int rows,
	   const struct ev_col *col, int cols)
{
	take_known(s, row, rows, col, cols);
	s->epoch++;
	evals_board(v, s, false);
}

bool
evals_pending(struct view *v, const struct evals *s)
{
	const struct ev_settings *a = &s->set, *b = &s->shown;

	if (s->boards && !strcmp(a->split, b->split) && a->n == b->n && a->temp == b->temp &&
	    a->seed == b->seed)
		return false;
	app_say(v->app, "the evaluations are being read: again in a moment");
	return true;
}

void
evals_board_take(struct view *v, struct evals *s, const struct ev_board *b)
{
	char was[EV_TASK] = "", spec[EV_SPEC] = "";

	if (s->selcol < s->cols)
		snprintf(was, sizeof was, "%s", s->col[s->selcol].task);
	if (evals_row(s) >= 0)
		snprintf(spec, sizeof spec, "%s", s->row[evals_row(s)].spec);
	free(s->row);
	free(s->col);
	free(s->score);
	free(s->pace);
	s->row = b->row;
	s->col = b->col;
	s->rows = b->rows;
	s->cols = b->cols;
	s->score = b->score;
	s->pace = b->pace;
	s->shown = b->set;
	s->boards++;
	s->selcol = evals_find_col(s, was) > 0 ? evals_find_col(s, was) : 0;
	s->nmap = 0;
	evals_map(s, view_filter(v, EV_MATRIX));
	for (int i = 0; i < s->nmap; i++)
		if (!strcmp(s->row[s->map[i]].spec, spec))
			s->sel = i;
	if (b->read) {
		eval_list_free(&s->list);
		s->list = b->list;
		if (strcmp(b->sign, s->signature)) {
			snprintf(s->signature, sizeof s->signature, "%s", b->sign);
			evals_survey(v, s);
		}
	}
	if (s->tell)
		app_say(v->app, s->set.n ? "the first %d questions" : "all questions", s->set.n);
	s->tell = false;
	evals_items_update(v, s);
}

/* A new split has other questions: what was known of the columns is not true any more. */
void
evals_settings(struct view *v, struct evals *s, const struct ev_settings *set)
{
	bool other = strcmp(set->split, s->set.split) != 0;

	for (int i = 0; i < s->cols && other; i++) {
		s->col[i].known = false;
		s->col[i].items = 0;
		s->col[i].why[0] = 0;
	}
	s->set = *set;
	s->epoch++;
	if (other && s->boards)
		evals_survey(v, s);
	evals_board(v, s, false);
}

void
evals_data_free(struct evals *s)
{
	eval_list_free(&s->list);
	free(s->row);
	free(s->col);
	free(s->score);
	free(s->pace);
	free(s->map);
	free(s->mark);
}
