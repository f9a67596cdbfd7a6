#include "tui/bench/searchwork.h"

#include <stdbool.h>
#include <string.h>

#include "tui/bench/count.h"

enum { CHUNK = 512 }; /* rows that a forward pass takes at once: forward.c */

/* One member's matrices, those of a layer alike: what their rows have earned so far. */
struct member {
	int slot;
	double rows[MAT_KINDS]; /* since its z was set */
	int copies[MAT_KINDS];	/* layers that have a dense copy */
};

struct search {
	const struct config *c;
	struct searchwork *out;
	double limit;	   /* bytes of dense copies */
	struct member now; /* members follow each other */
};

int
searchwork_width(int members)
{
	int all = members * SEARCH_SHOTS, width = all < SEARCH_WIDTH ? all : SEARCH_WIDTH;

	while (all % width)
		width--;
	return width;
}

/* Does the last layer run this one for every row? */
static bool
runs_to_the_end(enum mat_kind k)
{
	return k == MAT_K || k == MAT_V;
}

/* Neighbouring rows of one member through every matrix of a kind. */
static void
prompt_rows(struct search *s, enum mat_kind kind, double rows)
{
	int m, n, layers = s->c->layers - !runs_to_the_end(kind);
	double r, whole, factored;

	count_shape(s->c, kind, &m, &n);
	r = m < n ? m : n;
	whole = (double)m * n;
	factored = r * ((double)m + n);
	s->now.rows[kind] += rows;
	if (s->now.rows[kind] * (factored - whole) >= whole * r)
		while (s->now.copies[kind] < layers && s->out->copies + 4 * whole <= s->limit) {
			s->now.copies[kind]++;
			s->out->copies += 4 * whole;
			s->out->prompts += 2 * whole * r;
		}
	s->out->prompts +=
		2 * rows *
		(s->now.copies[kind] * whole + (layers - s->now.copies[kind]) * factored);
}

/* The prompts of sequences first .. first + width - 1, piece by piece as a forward pass takes them. */
static void
prompts(struct search *s, int first, int width)
{
	int all = width * SEARCH_PROMPT;

	for (int at = 0, n; at < all; at += n) {
		int slot = (first + at / SEARCH_PROMPT) / SEARCH_SHOTS,
		    end = ((slot + 1) * SEARCH_SHOTS - first) * SEARCH_PROMPT;

		n = CHUNK - at % CHUNK < all - at ? CHUNK - at % CHUNK : all - at;
		n = n < end - at ? n : end - at;
		if (slot != s->now.slot)
			s->now = (struct member){.slot = slot};
		for (int k = 0; k < MAT_KINDS; k++)
			prompt_rows(s, k, n);
	}
}

/* Multiply-adds of one row in the last layer where only K and V run for all. */
static double
end_row(const struct config *c)
{
	double sum = 0;

	for (int k = 0; k < MAT_KINDS; k++) {
		int m, n;

		count_shape(c, k, &m, &n);
		sum += runs_to_the_end(k) ? 0 : (m < n ? m : n) * ((double)m + n);
	}
	return sum;
}

void
searchwork_count(struct searchwork *w, const struct config *c, int width, int rounds, double copies)
{
	struct search s = {.c = c, .out = w, .limit = copies, .now = {.slot = -1}};
	double sequences = (double)rounds * width;

	memset(w, 0, sizeof *w);
	for (int i = 0; i < rounds; i++)
		prompts(&s, i * width, width);
	w->prompts += 2 * sequences * (end_row(c) + count_head(c));
	w->answers = 2 * sequences * (SEARCH_ANSWER - 1) * (count_factors(c) + count_head(c));
}
