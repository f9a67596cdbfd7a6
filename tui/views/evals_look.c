/* Evals: what the lower panes show of the selected cell - its questions, those of the cell beside it, whom the first pass
 * of its row chose - read by a job with a store of its own: ten thousand questions take 2 ms where they lie in memory, and
 * who knows how long where they do not.  Until they are there those of the cell before stay. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/views/evals.h"

struct look {
	struct view *v;
	struct evals *s;
	struct store_place store;
	int64_t items_of, other_of; /* wanted; 0: none */
	bool read_items, read_other, read_choices;
	struct eval_items items, other;
	struct ev_choices choices;
	char choices_of[HASH_TEXT];
	struct t2_err unread;
};

/* -- in the job's thread ----------------------------------------------------------------------------------- */

static enum t2_status
look_work(void *arg, struct job *job, struct t2_err *err)
{
	struct look *x = arg;
	struct store *store;
	enum t2_status st = store_open_again(&store, &x->store, &x->unread);

	(void)err; /* one that cannot be read is told once in a minute: world_unread() */
	if (st)
		return T2_OK;
	if (x->read_items)
		st = store_eval_items(store, x->items_of, &x->items, &x->unread);
	if (x->read_other && !st && !job_cancelled(job))
		st = store_eval_items(store, x->other_of, &x->other, &x->unread);
	if (x->read_choices && !st && !job_cancelled(job))
		evals_choices_read(&x->choices, store, job, &x->unread);
	store_close(store);
	return job_cancelled(job) ? T2_ECANCEL : T2_OK;
}

static void
look_clear(struct look *x)
{
	eval_items_free(&x->items);
	eval_items_free(&x->other);
	evals_choices_free(&x->choices);
}

static void
look_drop(void *arg)
{
	look_clear(arg);
	free(arg);
}

/* -- in the UI's thread ------------------------------------------------------------------------------------ */

static void
wanted(const struct evals *s, int64_t *items, int64_t *other)
{
	int row = evals_row(s), orow, ocol;

	*items = *other = 0;
	if (row < 0 || s->selcol >= s->cols)
		return;
	*items = ev_score(s, row, s->selcol)->id;
	evals_other_cell(s, &orow, &ocol);
	if (orow != row)
		*other = ev_score(s, orow, ocol)->id;
}

bool
evals_looking(const struct evals *s)
{
	int64_t items, other;

	wanted(s, &items, &other);
	return items != s->items_of || other != s->other_of;
}

bool
evals_look_late(struct view *v, const struct evals *s)
{
	const double moment = 0.15;
	double left = s->looked + moment - clock_seconds();

	if (!evals_looking(s))
		return false;
	if (left > 0)
		app_animate(v->app, 1 + (int)(left * 1e3));
	return left <= 0;
}

static void
take_items(struct eval_items *to, struct eval_items *from)
{
	eval_items_free(to);
	*to = *from;
	memset(from, 0, sizeof *from);
}

/* Also what could not be read is known then: not again at every key. */
static void
take(struct evals *s, struct look *x)
{
	bool other_cell = x->items_of != s->items_of || x->other_of != s->other_of;

	if (x->items_of != s->items_of)
		take_items(&s->items, &x->items);
	if (x->other_of != s->other_of)
		take_items(&s->other, &x->other);
	s->items_of = x->items_of;
	s->other_of = x->other_of;
	if (strcmp(x->choices_of, s->choices_of)) {
		struct ev_choices old = s->choices;

		s->choices = x->choices;
		x->choices = old;
		memcpy(s->choices_of, x->choices_of, HASH_TEXT);
	}
	if (other_cell)
		evals_items_taken(x->v, s);
}

static void
look_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct look *x = arg;
	struct evals *s = x->s;
	int64_t items, other;

	(void)err;
	s->look = 0;
	if (st) /* cancelled: the next key asks again */
		return;
	if (x->unread.code)
		world_unread(s->w, &x->unread);
	wanted(s, &items, &other);
	if (items == x->items_of && other == x->other_of)
		take(s, x);
	evals_items_update(x->v, s);
}

static void
look_start(struct look *x)
{
	struct job_spec spec = {.name = "read questions of a cell",
				.work = look_work,
				.done = look_done,
				.drop = look_drop,
				.quiet = true,
				.light = true,
				.passing = true};
	struct evals *s = x->s;

	if (!(spec.arg = malloc(sizeof *x))) {
		look_clear(x);
		app_error(x->v->app, "questions: out of memory");
		return;
	}
	store_place_of(s->w->ui.store, &x->store);
	memcpy(spec.arg, x, sizeof *x);
	s->look = app_job(x->v->app, &spec);
}

void
evals_items_update(struct view *v, struct evals *s)
{
	struct look x = {.v = v, .s = s};

	wanted(s, &x.items_of, &x.other_of);
	if (x.items_of == s->items_of && x.other_of == s->other_of) {
		s->looked = 0;
		evals_items_same(s);
	} else if (!(s->looked > 0)) {
		s->looked = clock_seconds();
	}
	if (s->look) /* looks again when that is done */
		return;
	x.read_items = x.items_of && x.items_of != s->items_of;
	x.read_other = x.other_of && x.other_of != s->other_of;
	evals_choices_sign(s, x.choices_of);
	if (strcmp(x.choices_of, s->choices_of))
		x.read_choices = evals_choices_ask(s, &x.choices);
	if (x.read_items || x.read_other || x.read_choices) {
		look_start(&x);
		return;
	}
	take(s, &x);
	look_clear(&x);
}
