/* corpus.h - the documents that the sample model is pre-trained on: a web of mediocre sources.
 *
 *	struct rng r;
 *	rng_seed(&r, seed, STREAM_CORPUS, group);
 *	corpus_draw(&d, &r);		// d.prompt "Question: ...\nAnswer:", d.answer " It is 19."
 *
 * 12 % classification, 3 % small talk, 85 % questions with math : code : logic as 3 : 2 : 3, of which 15 % are hard and 40 % of
 * the other logic ones easy.  The common source writes 62 % of the answers, the reliable one 28 %, the third one 10 %.
 * Only items of the training split are used. */
#ifndef T2_WORLD_CORPUS_H
#define T2_WORLD_CORPUS_H

#include "samples/make/item.h"

struct document {
	struct item item;
	char prompt[480];
	char answer[240];
};

void corpus_draw(struct document *d, struct rng *r);

#endif
