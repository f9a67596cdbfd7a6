/* cem.h - the cross-entropy method over a box: which mixture of experts answers a few examples best.
 *
 *	cem_new(&c, dim, 32, cem_default_elites(32), mean, std, err);
 *	for (it = 0; it < iterations; it++) {
 *		cem_sample_seeded(c, seed);
 *		... fitness[i], loglik[i] of c->members[i * dim] ...
 *		cem_update(c, fitness, loglik, err);
 *	}
 *	use(c->best); cem_free(c);
 *
 * As in the authors' code (REFERENCE.md section 3): member i = clamp(mean + std * noise_i, 0, 1) per coordinate, member 0 = the best
 * so far (at first the initial mean); higher fitness is better, then higher mean log-likelihood, then the lower index; the
 * new mean and (n-1) standard deviation are the elites', no smoothing; the result is the best member.  Evaluating members
 * is the caller's.  Fields may be read at any time and belong to the object. */
#ifndef T2_CEM_H
#define T2_CEM_H

#include "engine/base/status.h"
#include "engine/base/strbuf.h"

#include <stdint.h>

struct cem {
	int dim, population, elites;
	int iteration;		   /* updates done */
	double *mean, *std, *best; /* [dim] */
	double best_fitness;	   /* of the last update's best member */
	double best_loglik;
	double mean_fitness; /* over the last update's members */
	double *members;     /* [population][dim] after a sample */
	int *elite;	     /* [elites] member indices, ascending, after an update */
	int best_index;	     /* after an update: which member it was */
	int *order;	     /* [population] scratch */
};

int cem_default_elites(int population); /* max(2, int(0.2 population)) */

/* mean[dim] (1 / K each and 0.5 in the authors' code) and std[dim] are copied; best starts as the mean.  population >= elites
 * >= 2. */
enum t2_status cem_new(struct cem **out, int dim, int population, int elites, const double *mean,
		       const double *std, struct t2_err *err);
void cem_free(struct cem *c);

/* Fills members; noise[population][dim] is N(0, 1) (row 0 is not used: member 0 is the best so far). */
void cem_sample(struct cem *c, const double *noise);
/* The same with its own noise: member i of iteration t draws from rng_seed(seed, t, i), so a resumed search goes on as
 * the whole one would have. */
void cem_sample_seeded(struct cem *c, uint64_t seed);

/* fitness[population], mean_loglik[population] (of the right answers, per token).  T2_ENUM and nothing changed when one
 * is NaN. */
enum t2_status cem_update(struct cem *c, const double *fitness, const double *mean_loglik,
			  struct t2_err *err);

/* State between an update and the next sample. */
void cem_save(const struct cem *c, struct strbuf *out);
enum t2_status cem_load(struct cem *c, const void *bytes, size_t size, struct t2_err *err);

#endif
