/* search.h - few-shot adaptation: alphas of z' = sum_k alpha_k z_k searched by the cross-entropy method on a few examples.
 *
 *	search_new(&s, &env, task, "train", experts, names, k, &settings, seed, err);
 *	while (search_iterations(s) < settings.iterations)
 *		search_step(s, &report, job, err);	// the whole population in one batch, each member its own z
 *	search_alpha(s, alpha);				// the best member's, as applied
 *	search_free(s);
 *
 * Where the pool's memory has no room for the whole population, as many members as it has room for make a batch, one after the
 * other: the same to float32 rounding.  REFERENCE.md section 3.  Normalised: the search samples, clamps and updates raw alphas, and only their use divides by the
 * sum (per matrix where alphas are). */
#ifndef T2_SEARCH_H
#define T2_SEARCH_H

#include "engine/adapt/dispatch.h"
#include "engine/base/strbuf.h"

struct search_settings {
	int shots, population, elites, iterations; /* elites 0: max(2, population / 5) */
	bool per_matrix, normalise;
};

struct search_report {
	int iteration;	   /* 1 for the first */
	double best, mean; /* fitness: share of the shots answered right */
	double best_loglik;
	double ms;
	long tokens;
};

struct search;

void search_settings_default(
	struct search_settings *s); /* 10 shots, 32 members, 4 iterations, normalised */

/* Shots are drawn from split by seed.  experts[k] are borrowed. */
enum t2_status search_new(struct search **out, const struct adapt_env *env, struct task *task,
			  const char *split, const struct zset *const *experts, int k,
			  const struct search_settings *settings, uint64_t seed,
			  struct t2_err *err);
void search_free(struct search *s);
int search_iterations(const struct search *s);
int search_shots(const struct search *s); /* at most settings.shots, as many as the split has */
const int *
search_items(const struct search *s); /* [shots] of the split, the same for every member */
enum t2_status search_step(struct search *s, struct search_report *out, struct job *job,
			   struct t2_err *err);
/* alpha[k], or [k * matrices] when per_matrix: of the best member so far, divided by the sum where normalised. */
void search_alpha(const struct search *s, double *alpha);
double search_fitness(const struct search *s);

/* What iteration i (0 .. search_iterations - 1) reached, those before a resumption too. */
void search_reached(const struct search *s, int i, double *best, double *mean);
void search_save(const struct search *s, struct strbuf *out);
enum t2_status search_load(struct search *s, const void *bytes, size_t size, struct t2_err *err);

#endif
