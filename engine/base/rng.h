/* rng.h - seeded random numbers whose streams do not depend on who draws first.
 *
 *	struct rng r;
 *	rng_seed(&r, seed, step, sample);	// one stream a rollout: the order of threads cannot matter
 *	double u = rng_uniform(&r);		// [0, 1), 53 bits
 *
 * xoshiro256** (Blackman & Vigna 2018), its state filled by splitmix64 from the three numbers. */
#ifndef T2_RNG_H
#define T2_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed, uint64_t a, uint64_t b);
uint64_t rng_u64(struct rng *r);
double rng_uniform(struct rng *r);		/* [0, 1) */
double rng_normal(struct rng *r);		/* N(0, 1), Box-Muller, one of the pair */
uint64_t rng_below(struct rng *r, uint64_t n);	/* 0 .. n-1 without bias; n > 0 */
void rng_shuffle(struct rng *r, int *v, int n); /* Fisher-Yates */

#endif
