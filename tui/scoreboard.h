/* scoreboard.h - what the kept evaluations say about strategies x tasks, and whether it still holds.
 *
 *	struct score_wanted q = {.task = "math", .strategy = "cls", .split = "test", .setup_hash = h, ...};
 *	scoreboard_pick(&list, &q, &score);
 *	scoreboard_best(column, n, 0);			// row 0 is the base model
 *	scoreboard_pair(&a, &b, &pair);			// the same questions: McNemar
 *
 * Only store rows are looked at; nothing is drawn here.  Evaluations are numbered items 0 .. n - 1 of a split, so two of one
 * split share the first min(n) questions. */
#ifndef T2_SCOREBOARD_H
#define T2_SCOREBOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "store/evals.h"

struct score_wanted {
	const char *task, *strategy, *split;
	double temperature;
	int64_t seed; /* matters above temperature 0 only */
	int n;	      /* questions wanted; 0: all */
	int items;    /* of the split; 0: not known */
	/* As they would be kept today; NULL: not known, so nothing is called stale. */
	const char *setup_hash, *task_hash;
};

enum score_state {
	SCORE_NONE,
	SCORE_CURRENT,
	SCORE_STALE_SETUP, /* the weights, candidates or mixture have changed since */
	SCORE_STALE_TASK,  /* the questions have */
	SCORE_STALE_OLD,   /* kept by a version that did not say what it was made with */
};

struct score {
	enum score_state state;
	int64_t id; /* of the evaluation */
	int n, correct;
	double accuracy, lo, hi; /* Wilson, 95 % */
	double seconds, created;
	long tokens;
	bool fewer; /* than wanted */
	bool best,
		clear; /* of its column; clear: its interval lies wholly above the base model's */
};

/* What holds today wins, then as many questions as are wanted, then more of them, then the newer one. */
void scoreboard_pick(const struct eval_list *l, const struct score_wanted *q, struct score *out);
/* The same, one evaluation at a time, newest first; *best starts zeroed. */
void scoreboard_offer(const struct eval_row *e, const struct score_wanted *q, struct score *best);
/* Fills accuracy and interval from n and correct. */
void score_interval(struct score *s);
/* best and clear within one column; only what is current counts, and of that what has as many questions as are wanted,
 * where there is some.  Where all are equal none is best.  base: its row, -1: none. */
void scoreboard_best(struct score *column, int n, int base);
bool score_stale(const struct score *s);
/* It came with the program: single answers and times are not kept. */
bool score_shipped(const struct score *s);

struct score_pair {
	int both, only_a, only_b, neither;
	double p; /* McNemar, exact, two-sided */
};

/* Over the questions that both have. */
void scoreboard_pair(const struct eval_items *a, const struct eval_items *b,
		     struct score_pair *out);

#endif
