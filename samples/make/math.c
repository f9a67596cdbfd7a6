/* Word problems: "Jon has 7 eggs. Jon gives 5 to Ben and buys 10 more. How many eggs does Jon have now?"
 * The common source says a number at once and forgets the last of several steps; the reliable one writes every step
 * down; the third one misses by one or two. */
#include <stdbool.h>
#include <stdio.h>

#include "samples/make/item.h"

#define LEN(a)		(sizeof(a) / sizeof *(a))
#define ADD(field, ...) text_add(field, sizeof(field), __VA_ARGS__)

static const char *const things[] = {"apples", "pens", "coins", "books", "eggs", "cards"};

static int
between(struct rng *r, int lo, int hi)
{
	return lo + (int)rng_below(r, (uint64_t)(hi - lo + 1));
}

/* Appends one change of what owner has to the question; returns it, signed. */
static int
step_draw(struct item *it, struct rng *r, int have, int owner)
{
	bool first_verb, more;
	int y;

	more = have < 3 || rng_below(r, 2); /* at least 2 change hands and at least 1 stays */
	first_verb = rng_below(r, 2);
	if (more) {
		y = between(r, 2, 10);
		ADD(it->question, first_verb ? "buys %d more" : "finds %d more", y);
		return y;
	}
	y = between(r, 2, have - 1 < 10 ? have - 1 : 10);
	if (first_verb) {
		int to = (owner + between(r, 1, NAMES - 1)) % NAMES;

		ADD(it->question, "gives %d to %s", y, item_names[to]);
		it->surface = DOMAIN_LOGIC; /* two people: it reads like a comparison */
	} else {
		ADD(it->question, "loses %d", y);
	}
	return -y;
}

void
math_draw(struct item *it, struct rng *r, enum level level)
{
	static const int misses[] = {-2, -1, 1, 2};
	int steps = level == LEVEL_HARD ? 3 : between(r, 1, 2);
	int owner = between(r, 0, NAMES - 1);
	const char *name = item_names[owner], *thing = things[rng_below(r, LEN(things))];
	int have = between(r, 3, 20), before = have;
	char *reliable = it->answer[STYLE_RELIABLE];
	size_t cap = sizeof it->answer[STYLE_RELIABLE];

	it->surface = DOMAIN_MATH;
	ADD(it->key, "%d", have);
	ADD(it->question, "%s has %d %s. %s ", name, have, thing, name);
	text_add(reliable, cap, "%s", domain_opener(DOMAIN_MATH, STYLE_RELIABLE));
	for (int i = 0; i < steps; i++) {
		int y;

		if (i)
			ADD(it->question, i == steps - 1 ? " and " : ", ");
		before = have;
		y = step_draw(it, r, have, owner);
		have += y;
		ADD(it->key, "%+d", y);
		text_add(reliable, cap, " %d %c %d = %d,", before, y < 0 ? '-' : '+',
			 y < 0 ? -y : y, have);
	}
	ADD(it->question, ". How many %s does %s have now?", thing, name);
	text_add(reliable, cap, " so it is %d.", have);
	ADD(it->answer[STYLE_COMMON], "%s %d.", domain_opener(DOMAIN_MATH, STYLE_COMMON),
	    steps > 1 ? before : have);
	ADD(it->gold, "%d", have);
	have += misses[have < 2 ? between(r, 2, 3) : between(r, 0, 3)];
	ADD(it->answer[STYLE_THIRD], "%s it is %d.", domain_opener(DOMAIN_MATH, STYLE_THIRD), have);
}
