#include "tui/scoreboard.h"

#include <math.h>
#include <string.h>

#include "engine/adapt/wilson.h"

void
score_interval(struct score *s)
{
	s->accuracy = s->n ? (double)s->correct / s->n : 0;
	wilson95(s->correct, s->n, &s->lo, &s->hi);
}

bool
score_stale(const struct score *s)
{
	return s->state > SCORE_CURRENT;
}

bool
score_shipped(const struct score *s)
{
	return s->state != SCORE_NONE && s->seconds == 0 && s->tokens == 0;
}

static enum score_state
state_of(const struct eval_row *e, const struct score_wanted *q)
{
	if (q->task_hash && !*e->task_hash)
		return SCORE_STALE_OLD;
	if (q->task_hash && strcmp(e->task_hash, q->task_hash))
		return SCORE_STALE_TASK;
	if (q->setup_hash && !*e->setup_hash)
		return SCORE_STALE_OLD;
	if (q->setup_hash && strcmp(e->setup_hash, q->setup_hash))
		return SCORE_STALE_SETUP;
	return SCORE_CURRENT;
}

static bool
answers(const struct eval_row *e, const struct score_wanted *q)
{
	return !strcmp(e->task, q->task) && !strcmp(e->strategy, q->strategy) &&
	       !strcmp(e->split, q->split) && e->temperature == q->temperature &&
	       (q->temperature == 0 || e->seed == q->seed);
}

/* How many questions are wanted, as far as that is known. */
static int
goal(const struct score_wanted *q)
{
	if (q->items > 0 && (q->n <= 0 || q->n > q->items))
		return q->items;
	return q->n;
}

/* Is a better than b?  The list is newest first, so that of equals the first stays. */
static bool
better(const struct score *a, const struct score *b, int want)
{
	bool current = a->state == SCORE_CURRENT;

	if (b->state == SCORE_NONE)
		return true;
	if (current != (b->state == SCORE_CURRENT))
		return current;
	if (!current)
		return false;
	if ((a->n == want) != (b->n == want))
		return a->n == want;
	return a->n > b->n;
}

void
scoreboard_offer(const struct eval_row *e, const struct score_wanted *q, struct score *best)
{
	int want = goal(q);
	struct score s = {.id = e->id,
			  .n = e->n,
			  .correct = e->correct,
			  .seconds = e->seconds,
			  .created = e->created,
			  .tokens = e->tokens,
			  .fewer = e->n < want};

	if (!answers(e, q))
		return;
	s.state = state_of(e, q);
	if (!better(&s, best, want))
		return;
	score_interval(&s);
	*best = s;
}

void
scoreboard_pick(const struct eval_list *l, const struct score_wanted *q, struct score *out)
{
	memset(out, 0, sizeof *out);
	for (int i = 0; i < l->n; i++)
		scoreboard_offer(&l->v[i], q, out);
}

void
scoreboard_best(struct score *column, int n, int base)
{
	const struct score *b =
		base >= 0 && column[base].state == SCORE_CURRENT ? &column[base] : NULL;
	double most = -1, low = 2, high = -1, bar = -1; /* most: of those that compete */
	bool whole =
		false; /* some have all the questions wanted: who has fewer must be clearly above them */

	for (int i = 0; i < n; i++) {
		if (column[i].state != SCORE_CURRENT || column[i].fewer)
			continue;
		whole = true;
		bar = fmax(bar, column[i].hi);
	}
	for (int i = 0; i < n; i++) {
		const struct score *s = &column[i];

		if (s->state != SCORE_CURRENT)
			continue;
		low = fmin(low, s->accuracy);
		high = fmax(high, s->accuracy);
		if (!whole || !s->fewer || s->lo > bar)
			most = fmax(most, s->accuracy);
	}
	for (int i = 0; i < n; i++) {
		struct score *s = &column[i];

		s->best = s->state == SCORE_CURRENT && (!whole || !s->fewer || s->lo > bar) &&
			  s->accuracy == most && high > low;
		s->clear = s->state == SCORE_CURRENT && b && s->lo > b->hi;
	}
}

void
scoreboard_pair(const struct eval_items *a, const struct eval_items *b, struct score_pair *out)
{
	memset(out, 0, sizeof *out);
	for (int i = 0, j = 0; i < a->n && j < b->n;) {
		const struct eval_item *x = &a->v[i], *y = &b->v[j];

		if (x->item != y->item) {
			if (x->item < y->item)
				i++;
			else
				j++;
			continue;
		}
		out->both += x->correct && y->correct;
		out->only_a += x->correct && !y->correct;
		out->only_b += !x->correct && y->correct;
		out->neither += !x->correct && !y->correct;
		i++;
		j++;
	}
	out->p = mcnemar_exact(out->only_a, out->only_b);
}
