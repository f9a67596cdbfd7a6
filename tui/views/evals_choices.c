/* Evals: the confusion matrix of a first pass, read from the store once for a row and its scores. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/views/evals.h"

static int
choice_col(const struct ev_choices *x, const char *expert)
{
	for (int i = 0; i < x->cols; i++)
		if (!strcmp(x->expert[i], expert))
			return i;
	return -1;
}

/* Which evaluations the matrix is made of. */
static void
sign(const struct evals *s, int row, char out[HASH_TEXT])
{
	struct hash h;

	hash_start(&h);
	for (int c = 0; row >= 0 && c < s->cols; c++) {
		const struct score *k = ev_score(s, row, c);
		int64_t id = k->state == SCORE_CURRENT ? k->id : 0;

		hash_bytes(&h, &id, sizeof id);
	}
	hash_text(&h, row >= 0 ? s->row[row].spec : "");
	for (int i = 0; i < s->w->experts.n; i++)
		hash_text(&h, s->w->experts.v[i].name);
	hash_end(&h, out);
}

static void
add_task(struct evals *s, struct ev_choices *x, int row, int col)
{
	const struct score *k = ev_score(s, row, col);
	struct eval_choices l;
	struct t2_err err;

	if (k->state != SCORE_CURRENT)
		return;
	if (store_eval_choices(s->w->ui.store, k->id, &l, &err)) {
		world_unread(s->w, &err);
		return;
	}
	for (int i = 0; i < l.n; i++) {
		int at = *l.v[i].decision ? choice_col(x, l.v[i].decision) : x->cols - 1;

		if (at >= 0)
			x->n[x->rows * x->cols + at] = l.v[i].n;
		x->total[x->rows] += l.v[i].n;
	}
	if (l.n)
		snprintf(x->task[x->rows++], EV_TASK, "%s", s->col[col].task);
	eval_choices_free(&l);
}

void
evals_choices_update(struct evals *s)
{
	struct ev_choices *x = &s->choices;
	int row = evals_row(s);
	size_t cols = (size_t)s->w->experts.n + 1;
	char now[HASH_TEXT];

	sign(s, row, now);
	if (!strcmp(now, s->choices_of))
		return;
	evals_choices_free(s);
	snprintf(s->choices_of, sizeof s->choices_of, "%s", now);
	if (row < 0 || !evals_pass1(s->row[row].spec))
		return;
	x->task = calloc((size_t)s->cols + 1, sizeof *x->task);
	x->expert = calloc(cols, sizeof *x->expert);
	x->total = calloc((size_t)s->cols + 1, sizeof *x->total);
	x->n = calloc((size_t)(s->cols + 1) * cols, sizeof *x->n);
	if (!x->task || !x->expert || !x->total || !x->n) {
		evals_choices_free(s);
		return;
	}
	for (int i = 0; i < s->w->experts.n; i++)
		if (!s->w->experts.v[i].dispatch)
			snprintf(x->expert[x->cols++], EV_TASK, "%.127s", s->w->experts.v[i].name);
	snprintf(x->expert[x->cols++], EV_TASK, "base");
	for (int c = 0; c < s->cols; c++)
		add_task(s, x, row, c);
}

void
evals_choices_free(struct evals *s)
{
	struct ev_choices *x = &s->choices;

	free(x->task);
	free(x->expert);
	free(x->n);
	free(x->total);
	memset(x, 0, sizeof *x);
}
