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

void
evals_choices_sign(const struct evals *s, char out[HASH_TEXT])
{
	int row = evals_row(s);
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

bool
evals_choices_ask(const struct evals *s, struct ev_choices *x)
{
	int row = evals_row(s);
	size_t cols = (size_t)s->w->experts.n + 1, tasks = (size_t)s->cols + 1;

	memset(x, 0, sizeof *x);
	if (row < 0 || !evals_pass1(s->row[row].spec))
		return false;
	x->id = calloc(tasks, sizeof *x->id);
	x->task = calloc(tasks, sizeof *x->task);
	x->expert = calloc(cols, sizeof *x->expert);
	x->total = calloc(tasks, sizeof *x->total);
	x->n = calloc(tasks * cols, sizeof *x->n);
	if (!x->id || !x->task || !x->expert || !x->total || !x->n) {
		evals_choices_free(x);
		return false;
	}
	snprintf(x->spec, sizeof x->spec, "%s", s->row[row].spec);
	for (int i = 0; i < s->w->experts.n; i++)
		if (!s->w->experts.v[i].dispatch)
			snprintf(x->expert[x->cols++], EV_TASK, "%.127s", s->w->experts.v[i].name);
	snprintf(x->expert[x->cols++], EV_TASK, "base");
	for (int c = 0; c < s->cols; c++) {
		const struct score *k = ev_score(s, row, c);

		if (k->state != SCORE_CURRENT)
			continue;
		snprintf(x->task[x->asked], EV_TASK, "%s", s->col[c].task);
		x->id[x->asked++] = k->id;
	}
	return x->asked > 0;
}

/* A row of those that are asked for; one without choices leaves its place to the next. */
static enum t2_status
read_row(struct ev_choices *x, int i, struct store *store, struct t2_err *err)
{
	struct eval_choices l;
	enum t2_status st = store_eval_choices(store, x->id[i], &l, err);

	if (st)
		return st;
	for (int k = 0; k < l.n; k++) {
		int at = *l.v[k].decision ? choice_col(x, l.v[k].decision) : x->cols - 1;

		if (at >= 0)
			x->n[x->rows * x->cols + at] = l.v[k].n;
		x->total[x->rows] += l.v[k].n;
	}
	if (l.n && x->rows != i)
		memcpy(x->task[x->rows], x->task[i], EV_TASK);
	x->rows += l.n > 0;
	eval_choices_free(&l);
	return T2_OK;
}

enum t2_status
evals_choices_read(struct ev_choices *x, struct store *store, struct job *job, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	for (int i = 0; i < x->asked && !st && !job_cancelled(job); i++)
		st = read_row(x, i, store, err);
	return st;
}

void
evals_choices_free(struct ev_choices *x)
{
	free(x->id);
	free(x->task);
	free(x->expert);
	free(x->n);
	free(x->total);
	memset(x, 0, sizeof *x);
}
