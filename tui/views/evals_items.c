/* Evals: the questions of the selected cell, right and wrong, beside those of the cell it is compared with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/views/evals.h"
#include "tui/views/views.h"

/* -- the questions' texts, read by a job --------------------------------------------------------------------- */

struct reading {
	struct view *v;
	struct evals *s;
	struct ev_texts *texts;
};

static void
texts_free(void *arg)
{
	struct ev_texts *t = arg;

	if (!t)
		return;
	for (int i = 0; i < t->n; i++) {
		free(t->question[i]);
		free(t->gold[i]);
	}
	free(t->question);
	free(t->gold);
	free(t);
}

static void
reading_free(void *arg)
{
	struct reading *r = arg;

	texts_free(r->texts);
	free(r);
}

static enum t2_status
read_work(void *arg, struct job *job, struct t2_err *err)
{
	struct ev_texts *t = ((struct reading *)arg)->texts;
	struct task *task = NULL;
	enum t2_status st = workspace_task(t->task, &task, err);
	int n;

	if (st)
		return st;
	if ((st = task_hash(task, t->split, t->hash, err)))
		goto out;
	if ((n = task_items(task, t->split, err)) < 0) {
		st = err->code;
		goto out;
	}
	t->question = calloc((size_t)n + 1, sizeof *t->question);
	t->gold = calloc((size_t)n + 1, sizeof *t->gold);
	if (!t->question || !t->gold) {
		st = t2_nomem(err, "questions");
		goto out;
	}
	for (; t->n < n && !st && !job_cancelled(job); t->n++) {
		struct strbuf b = {0};

		st = task_plain_question(task, t->split, t->n, &b, err);
		t->question[t->n] = strbuf_take(&b);
		t->gold[t->n] = strdup(task_gold(task, t->split, t->n));
	}
	if (!st && job_cancelled(job))
		st = T2_ECANCEL;
out:
	task_free(task);
	return st;
}

static void ask_texts(struct view *v, struct evals *s);

static bool
texts_of_items(const struct evals *s, const struct ev_texts *t)
{
	return t && !strcmp(t->task, s->items_task) && !strcmp(t->split, s->items_split);
}

static void
read_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct reading *r = arg;
	struct evals *s = r->s;
	bool wanted = texts_of_items(s, r->texts);

	(void)err; /* the job's failure is said already */
	s->reading_texts = 0;
	if (!st) {
		struct ev_texts *old = s->texts;

		s->texts = r->texts;
		r->texts = old;
		evals_items_show(s, s->show); /* the filter sees the texts too */
	}
	if (!wanted && s->items_of && st != T2_ECANCEL)
		ask_texts(r->v, s);
}

static void
ask_texts(struct view *v, struct evals *s)
{
	struct reading *r;
	struct job_spec spec = {.name = "read questions",
				.owner = &evals_view,
				.work = read_work,
				.done = read_done,
				.drop = reading_free,
				.quiet = true,
				.light = true};

	if (s->reading_texts) /* asks again when that is done */
		return;
	if (!(r = calloc(1, sizeof *r)) || !(r->texts = calloc(1, sizeof *r->texts))) {
		free(r);
		app_error(v->app, "questions: out of memory");
		return;
	}
	r->v = v;
	r->s = s;
	snprintf(r->texts->task, EV_TASK, "%s", s->items_task);
	snprintf(r->texts->split, sizeof r->texts->split, "%s", s->items_split);
	spec.arg = r;
	s->reading_texts = app_job(v->app, &spec);
}

/* -- what is selected -------------------------------------------------------------------------------------- */

void
evals_other_cell(const struct evals *s, int *row, int *col)
{
	*col = s->selcol;
	*row = evals_find_row(s, s->against.spec[0] ? s->against.spec : "none");
	if (*row < 0)
		*row = 0;
}

/* Made with the questions as they are now? */
static bool
current_texts(const struct evals *s)
{
	return s->items_current && texts_of_items(s, s->texts);
}

const char *
evals_question(const struct evals *s, int item)
{
	return current_texts(s) && item >= 0 && item < s->texts->n ? s->texts->question[item]
								   : NULL;
}

const char *
evals_gold(const struct evals *s, int item)
{
	return current_texts(s) && item >= 0 && item < s->texts->n ? s->texts->gold[item] : NULL;
}

const struct eval_item *
evals_other(const struct evals *s, int item)
{
	int lo = 0, hi = s->other.n;

	while (lo < hi) {
		int mid = (lo + hi) / 2;

		if (s->other.v[mid].item < item)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->other.n && s->other.v[lo].item == item ? &s->other.v[lo] : NULL;
}

const struct eval_item *
evals_item(const struct evals *s)
{
	int row = table_selected(&s->table);

	return row >= 0 && row < s->lines ? &s->items.v[s->line[row]] : NULL;
}

static bool
differs(const struct evals *s, const struct eval_item *i)
{
	const struct eval_item *o = evals_other(s, i->item);

	return o && o->correct != i->correct;
}

static bool
shown(const struct evals *s, const struct eval_item *i)
{
	switch (s->show) {
	case EV_WRONG:
		return !i->correct;
	case EV_RIGHT:
		return i->correct;
	case EV_DIFFER:
		return differs(s, i);
	default:
		return true;
	}
}

void
evals_items_show(struct evals *s, enum ev_show show)
{
	int *grown = realloc(s->line, ((size_t)s->items.n + 1) * sizeof *grown);

	s->show = show;
	s->lines = 0;
	if (grown) {
		s->line = grown;
		for (int i = 0; i < s->items.n; i++)
			if (shown(s, &s->items.v[i]))
				grown[s->lines++] = i;
	}
	table_rows(&s->table, s->lines);
}

bool
evals_items_next(struct evals *s, int by)
{
	struct table *t = &s->table;

	for (int i = t->sel + by; i >= 0 && i < t->nmap; i += by) {
		const struct eval_item *x = &s->items.v[s->line[t->map[i]]];

		if (s->show == EV_DIFFER ? differs(s, x) : !x->correct) {
			table_select(t, t->map[i]);
			return true;
		}
	}
	return false;
}

enum { C_ITEM, C_RIGHT, C_THAT, C_QUESTION, C_EXPECTED, C_ANSWER, C_CHOSE };

static const struct column columns[EV_COLUMNS] = {
	[C_ITEM] = {"#", 4, 5, ALIGN_RIGHT, 0},
	[C_RIGHT] = {"", 1, 1, ALIGN_LEFT, 0},
	[C_THAT] = {"vs", 2, 2, ALIGN_LEFT, 1},
	[C_QUESTION] = {"question", 24, 0, ALIGN_LEFT, 0},
	[C_EXPECTED] = {"expected", 8, 10, ALIGN_LEFT, 3},
	[C_ANSWER] = {"answer", 12, 20, ALIGN_LEFT, 2},
	[C_CHOSE] = {"chose", 5, 8, ALIGN_LEFT, 4},
};

/* Only what says something: the other cell's column where there is one, the choice where there was a pass 1. */
static void
choose_columns(struct evals *s)
{
	s->table.ncols = 0;
	for (int i = 0; i < EV_COLUMNS; i++) {
		if ((i == C_THAT && !s->other.n) ||
		    (i == C_CHOSE && !(s->items.n && s->items.v[0].decision)))
			continue;
		s->which[s->table.ncols] = i;
		s->column[s->table.ncols++] = columns[i];
	}
}

void
evals_items_same(struct evals *s)
{
	int row = evals_row(s);
	const struct score *x;

	if (row < 0 || s->selcol >= s->cols)
		return;
	x = ev_score(s, row, s->selcol);
	snprintf(s->items_task, EV_TASK, "%s", s->col[s->selcol].task);
	snprintf(s->items_split, sizeof s->items_split, "%s", s->shown.split);
	s->items_current = x->state && x->state != SCORE_STALE_TASK && x->state != SCORE_STALE_OLD;
}

void
evals_items_taken(struct view *v, struct evals *s)
{
	const struct ev_col *col = s->selcol < s->cols ? &s->col[s->selcol] : NULL;

	evals_items_same(s);
	scoreboard_pair(&s->items, &s->other, &s->pair);
	s->scroll = 0;
	choose_columns(s);
	if (s->show == EV_DIFFER && !s->other.n) /* from nothing, nothing differs */
		s->show = EV_ALL;
	evals_items_show(s, s->show);
	if (s->items_of && col &&
	    (!texts_of_items(s, s->texts) || (col->known && strcmp(s->texts->hash, col->hash))))
		ask_texts(v, s);
}

/* -- the list ---------------------------------------------------------------------------------------------- */

static void
one_line(char *out, size_t size, const char *s)
{
	size_t n = 0;

	for (s += strspn(s, " \n\t"); *s && n + 1 < size; s++)
		out[n++] = *s == '\n' || *s == '\t' ? ' ' : *s;
	while (n && ((unsigned char)*s & 0xc0) == 0x80) /* not in the middle of a character */
		s = out + --n;
	out[n] = 0;
}

static void
cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	struct evals *s = arg;
	const struct eval_item *i = &s->items.v[s->line[row]], *o;
	const char *text;

	(void)st;
	buf[0] = 0;
	switch (s->which[col]) {
	case C_ITEM:
		snprintf(buf, TABLE_CELL, "%d", i->item);
		break;
	case C_RIGHT:
		snprintf(buf, TABLE_CELL, i->correct ? "✓" : "✗");
		break;
	case C_THAT:
		o = evals_other(s, i->item);
		snprintf(buf, TABLE_CELL, "%s", !o ? "" : o->correct ? "✓" : "✗");
		break;
	case C_QUESTION:
		text = evals_question(s, i->item);
		one_line(buf, TABLE_CELL, text ? text : "·");
		break;
	case C_EXPECTED:
		text = evals_gold(s, i->item);
		one_line(buf, TABLE_CELL, text ? text : "·");
		break;
	case C_ANSWER:
		one_line(buf, TABLE_CELL, i->answer);
		break;
	default:
		if (i->decision)
			snprintf(buf, TABLE_CELL, "%.120s", *i->decision ? i->decision : "base");
	}
}

static int64_t
item_id(void *arg, int row)
{
	struct evals *s = arg;

	return s->items.v[s->line[row]].item;
}

static int
compare(void *arg, int a, int b, int col)
{
	struct evals *s = arg;
	const struct eval_item *x = &s->items.v[s->line[a]], *y = &s->items.v[s->line[b]];
	char p[TABLE_CELL], q[TABLE_CELL];
	struct style st = {0};

	if (s->which[col] == C_ITEM)
		return x->item < y->item ? -1 : x->item > y->item;
	cell(arg, a, col, p, &st);
	cell(arg, b, col, q, &st);
	return strcmp(p, q);
}

void
evals_items_init(struct evals *s)
{
	s->table = (struct table){
		.cols = s->column, .cell = cell, .id = item_id, .compare = compare, .arg = s};
	choose_columns(s);
}

void
evals_items_free(struct evals *s)
{
	eval_items_free(&s->items);
	eval_items_free(&s->other);
	texts_free(s->texts);
	free(s->line);
	table_free(&s->table);
}
