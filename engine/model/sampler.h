/* sampler.h - the next token from logits: greedy, temperature, top-k, top-p, seeded. */
#ifndef T2_SAMPLER_H
#define T2_SAMPLER_H

#include "engine/base/rng.h"

struct sampling {
	float temp;  /* 0: greedy */
	int top_k;   /* 0: all */
	float top_p; /* 1 (or 0): all */
};

/* logits[vocab] are read only; scratch has room for vocab doubles, aligned for them.  *logprob, where
 * not NULL, is the token's natural log-probability at temperature 1 over the whole vocabulary. Greedy ties: lowest id. */
int sampler_pick(const float *logits, int vocab, const struct sampling *s, struct rng *rng,
		 void *scratch, float *logprob);

#endif
