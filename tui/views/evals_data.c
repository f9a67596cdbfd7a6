/* Evals: which rows and columns there are, and the score of each cell under the settings of the form. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tui/tasks.h"
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

static void
add_row(struct evals *s, const char *kind, const char *name)
{
	char spec[EV_SPEC];
	struct ev_row *grown;

	snprintf(spec, sizeof spec, "%s%s", kind, name);
	if (evals_find_row(s, spec) >= 0)
		return;
	grown = realloc(s->row, ((size_t)s->rows + 1) * sizeof *grown);
	if (!grown)
		return;
	s->row = grown;
	memset(&grown[s->rows], 0, sizeof *grown);
	snprintf(grown[s->rows++].spec, EV_SPEC, "%s", spec);
}

static void
add_col(struct evals *s, const char *task)
{
	struct ev_col *grown;

	if (evals_find_col(s, task) >= 0 || strlen(task) >= EV_TASK)
		return;
	grown = realloc(s->col, ((size_t)s->cols + 1) * sizeof *grown);
	if (!grown)
		return;
	s->col = grown;
	memset(&grown[s->cols], 0, sizeof *grown);
	snprintf(grown[s->cols++].task, EV_TASK, "%s", task);
}

/* What can be measured, then whatever else was measured on the command line. */
static void
make_rows(struct evals *s)
{
	bool dispatcher = false;

	free(s->row);
	s->row = NULL;
	s->rows = 0;
	add_row(s, "none", "");
	for (int i = 0; i < s->w->experts.n; i++) {
		add_row(s, "expert:", s->w->experts.v[i].name);
		dispatcher = dispatcher || s->w->experts.v[i].dispatch;
	}
	for (int i = 0; i < s->mixtures.n; i++)
		add_row(s, "mix:", s->mixtures.v[i].name);
	if (s->w->experts.n) {
		add_row(s, "prompt", "");
		if (dispatcher)
			add_row(s, "cls", "");
		add_row(s, "few-shot", "");
	}
	for (int i = 0; i < s->list.n; i++)
		add_row(s, s->list.v[i].strategy, "");
}

static void
make_cols(struct evals *s)
{
	int n;
	char **names = tasks_names(&n);

	free(s->col);
	s->col = NULL;
	s->cols = 0;
	for (int i = 0; i < n; i++)
		add_col(s, names[i]);
	for (int i = 0; i < s->list.n; i++)
		add_col(s, s->list.v[i].task);
	tasks_names_free(names, n);
}

/* -- scores ------------------------------------------------------------------------------------------------ */

static const char *
setup_hash(const struct evals *s, int row, int col)
{
	const char *h = s->row[row].hash;

	if (!strcmp(s->row[row].spec, "few-shot"))
		h = s->col[col].shot_hash;
	return s->row[row].known && s->col[col].known ? h : NULL;
}

static void
make_scores(struct evals *s)
{
	struct score *grown =
		realloc(s->score, ((size_t)s->rows * (size_t)s->cols + 1) * sizeof *grown);

	if (!grown) {
		s->rows = s->cols = 0;
		return;
	}
	s->score = grown;
	for (int c = 0; c < s->cols; c++) {
		for (int r = 0; r < s->rows; r++) {
			struct score_wanted q = {.task = s->col[c].task,
						 .strategy = s->row[r].spec,
						 .split = s->set.split,
						 .temperature = s->set.temp,
						 .seed = s->set.seed,
						 .n = s->set.n,
						 .items = s->col[c].items,
						 .setup_hash = setup_hash(s, r, c),
						 .task_hash =
							 s->col[c].known ? s->col[c].hash : NULL};

			scoreboard_pick(&s->list, &q, ev_score(s, r, c));
		}
		scoreboard_best(ev_score(s, 0, c), s->rows, 0);
	}
}

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

	return x->state != SCORE_CURRENT || x->fewer;
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
	int *grown, old = evals_row(s);

	if (old >= 0 && old < s->rows)
		snprintf(was, sizeof was, "%s", s->row[old].spec);
	grown = realloc(s->map, ((size_t)s->rows + 1) * sizeof *grown);
	s->nmap = 0;
	if (!grown)
		return;
	s->map = grown;
	for (int i = 0; i < s->rows; i++)
		if (has_text(s->row[i].spec, filter))
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

/* What was found out about a row or column goes with its name, whatever has come or gone meanwhile. */
static void
take_known(struct evals *s, const struct ev_row *row, int rows, const struct ev_col *col, int cols)
{
	for (int i = 0; i < rows; i++) {
		int at = evals_find_row(s, row[i].spec);

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
	make_scores(s);
	evals_map(s, view_filter(v, EV_MATRIX));
}

/* What the survey depends on. */
static void
sign(const struct evals *s, char out[HASH_TEXT])
{
	struct hash h;

	hash_start(&h);
	hash_bytes(&h, &s->w->ui.model_id, sizeof s->w->ui.model_id);
	hash_text(&h, s->set.split);
	for (int i = 0; i < s->rows; i++)
		hash_text(&h, s->row[i].spec);
	for (int i = 0; i < s->cols; i++)
		hash_text(&h, s->col[i].task);
	for (int i = 0; i < s->w->experts.n; i++)
		hash_bytes(&h, &s->w->experts.v[i].id, sizeof s->w->experts.v[i].id);
	for (int i = 0; i < s->mixtures.n; i++)
		hash_bytes(&h, &s->mixtures.v[i].id, sizeof s->mixtures.v[i].id);
	hash_end(&h, out);
}

static void
rebuild(struct view *v, struct evals *s)
{
	struct ev_row *row = s->row;
	struct ev_col *col = s->col;
	int rows = s->rows, cols = s->cols;
	char was[EV_TASK] = "", now[HASH_TEXT], spec[EV_SPEC] = "";

	if (s->selcol < cols)
		snprintf(was, sizeof was, "%s", col[s->selcol].task);
	if (evals_row(s) >= 0)
		snprintf(spec, sizeof spec, "%s", row[evals_row(s)].spec);
	s->row = NULL;
	s->col = NULL;
	make_rows(s);
	make_cols(s);
	take_known(s, row, rows, col, cols);
	free(row);
	free(col);
	s->selcol = evals_find_col(s, was) > 0 ? evals_find_col(s, was) : 0;
	if (abs(s->sort) > s->cols)
		s->sort = 0;
	sign(s, now);
	if (strcmp(now, s->signature)) {
		snprintf(s->signature, sizeof s->signature, "%s", now);
		evals_survey(v, s);
	}
	make_scores(s);
	s->nmap = 0;
	evals_map(s, view_filter(v, EV_MATRIX));
	for (int i = 0; i < s->nmap; i++)
		if (!strcmp(s->row[s->map[i]].spec, spec))
			s->sel = i;
}

void
evals_read(struct view *v, struct evals *s)
{
	struct eval_list l;
	struct mixture_list m;

	if (store_eval_list(s->w->ui.store, s->w->ui.model_id, &l, NULL))
		return;
	eval_list_free(&s->list);
	s->list = l;
	if (!store_mixture_list(s->w->ui.store, s->w->ui.model_id, &m, NULL)) {
		mixture_list_free(&s->mixtures);
		s->mixtures = m;
	}
	rebuild(v, s);
}

/* A new split has other questions: what was known of the columns is not true any more. */
void
evals_settings(struct view *v, struct evals *s, const struct ev_settings *set)
{
	if (strcmp(set->split, s->set.split))
		for (int i = 0; i < s->cols; i++) {
			s->col[i].known = false;
			s->col[i].items = 0;
			s->col[i].why[0] = 0;
		}
	s->set = *set;
	rebuild(v, s);
}

void
evals_data_free(struct evals *s)
{
	eval_list_free(&s->list);
	mixture_list_free(&s->mixtures);
	free(s->row);
	free(s->col);
	free(s->score);
	free(s->map);
	free(s->mark);
}
