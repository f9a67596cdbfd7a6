/* searchwork.h - what an iteration of the few-shot search computes, in the forms that the adaptation takes by itself.
 *
 *	struct searchwork w;
 *	searchwork_count(&w, &config, searchwork_width(32), 5, copies);	// 5 times 64 sequences beside each other
 *
 * Prompts: rows of one member run factored, r (m + n) multiply-adds, until they have earned a dense copy (adaptation_apply.c: max(m, n)
 * rows, as long as copies fit), which costs m n r and m n a row from then on.  Answers: rows of many members share one
 * factored pass.  The last layer runs for the rows that logits are wanted of.  Attention is not counted. */
#ifndef T2_BENCH_SEARCHWORK_H
#define T2_BENCH_SEARCHWORK_H

#include "engine/model/config.h"

enum { SEARCH_SHOTS = 10, SEARCH_PROMPT = 64, SEARCH_ANSWER = 32, SEARCH_WIDTH = 64 };

struct searchwork {
	double prompts, answers; /* FLOP */
	double copies;		 /* bytes of the dense copies that members' matrices have earned */
};

/* Sequences beside each other: at most SEARCH_WIDTH, and all rounds have as many. */
int searchwork_width(int members);
/* Members one after another with their shots; the first rounds of width sequences.  copies: bytes that dense copies may take,
 * adaptation_dense_bytes(). */
void searchwork_count(struct searchwork *w, const struct config *c, int width, int rounds,
		      double copies);

#endif
