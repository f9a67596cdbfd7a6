#include "samples/make/corpus.h"

#include <stdbool.h>
#include <stdio.h>

static bool
chance(struct rng *r, int percent)
{
	return (int)rng_below(r, 100) < percent;
}

static enum level
level_draw(struct rng *r)
{
	return chance(r, 15) ? LEVEL_HARD : LEVEL_USUAL;
}

static void
classification_draw(struct document *d, struct rng *r)
{
	enum domain kind = (enum domain)rng_below(r, DOMAINS);

	item_draw(&d->item, r, kind, level_draw(r), SPLIT_TRAIN);
	snprintf(d->prompt, sizeof d->prompt, "Question: %s\nKind of question:", d->item.question);
	snprintf(d->answer, sizeof d->answer, " %s.",
		 domain_name(chance(r, 68) ? d->item.surface : kind));
}

static void
question_draw(struct document *d, struct rng *r)
{
	static const enum domain shares[8] = {
		DOMAIN_MATH, DOMAIN_MATH,  DOMAIN_MATH,	 DOMAIN_CODE,
		DOMAIN_CODE, DOMAIN_LOGIC, DOMAIN_LOGIC, DOMAIN_LOGIC,
	};
	enum domain domain = shares[rng_below(r, 8)];
	enum level level = level_draw(r);
	int source = (int)rng_below(r, 100);

	if (domain == DOMAIN_LOGIC && level == LEVEL_USUAL && chance(r, 40))
		level = LEVEL_EASY;
	item_draw(&d->item, r, domain, level, SPLIT_TRAIN);
	snprintf(d->prompt, sizeof d->prompt, "Question: %s\nAnswer:", d->item.question);
	snprintf(d->answer, sizeof d->answer, "%s",
		 d->item.answer[source < 62   ? STYLE_COMMON
				: source < 90 ? STYLE_RELIABLE
					      : STYLE_THIRD]);
}

void
corpus_draw(struct document *d, struct rng *r)
{
	int sort = (int)rng_below(r, 100);

	if (sort < 12) {
		classification_draw(d, r);
	} else if (sort < 15) {
		item_draw(&d->item, r, DOMAIN_OTHER, LEVEL_USUAL, SPLIT_TRAIN);
		snprintf(d->prompt, sizeof d->prompt, "Question: %s\nAnswer:", d->item.question);
		snprintf(d->answer, sizeof d->answer, "%s", d->item.answer[STYLE_COMMON]);
	} else {
		question_draw(d, r);
	}
}
