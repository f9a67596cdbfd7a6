#include "engine/adapt/cem.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/blob.h"
#include "engine/base/rng.h"

static const char tag[] = "T2CEM_1";

int
cem_default_elites(int population)
{
	int n = (int)(0.2 * population);

	return n < 2 ? 2 : n;
}

enum t2_status
cem_new(struct cem **out, int dim, int population, int elites, const double *mean,
	const double *std, struct t2_err *err)
{
	struct cem *c;
	size_t d = (size_t)(dim > 0 ? dim : 0) * sizeof(double);

	*out = NULL;
	if (dim < 1 || elites < 2 || population < elites)
		return t2_fail(err, T2_EINVAL,
			       "cem: %d dimensions, population %d, %d elites: needs a dimension "
			       "and population >= elites >= 2",
			       dim, population, elites);
	for (int k = 0; k < dim; k++)
		if (!isfinite(mean[k]) || !(std[k] >= 0) || !isfinite(std[k]))
			return t2_fail(err, T2_EINVAL,
				       "cem: mean %g, standard deviation %g of coordinate %d",
				       mean[k], std[k], k);
	c = calloc(1, sizeof *c);
	if (!c)
		return t2_nomem(err, "cem");
	c->dim = dim;
	c->population = population;
	c->elites = elites;
	c->mean = malloc(d);
	c->std = malloc(d);
	c->best = malloc(d);
	c->members = calloc((size_t)population, d);
	c->elite = calloc((size_t)elites, sizeof *c->elite);
	c->order = calloc((size_t)population, sizeof *c->order);
	if (!c->mean || !c->std || !c->best || !c->members || !c->elite || !c->order) {
		cem_free(c);
		return t2_nomem(err, "cem");
	}
	memcpy(c->mean, mean, d);
	memcpy(c->std, std, d);
	memcpy(c->best, mean, d);
	*out = c;
	return T2_OK;
}

void
cem_free(struct cem *c)
{
	if (!c)
		return;
	free(c->mean);
	free(c->std);
	free(c->best);
	free(c->members);
	free(c->elite);
	free(c->order);
	free(c);
}

static void
place(struct cem *c, int member, int k, double noise)
{
	double x = c->mean[k] + c->std[k] * noise;

	c->members[(size_t)member * (size_t)c->dim + (size_t)k] = x < 0 ? 0 : x > 1 ? 1 : x;
}

void
cem_sample(struct cem *c, const double *noise)
{
	memcpy(c->members, c->best, (size_t)c->dim * sizeof *c->best);
	for (int i = 1; i < c->population; i++)
		for (int k = 0; k < c->dim; k++)
			place(c, i, k, noise[(size_t)i * (size_t)c->dim + (size_t)k]);
}

void
cem_sample_seeded(struct cem *c, uint64_t seed)
{
	memcpy(c->members, c->best, (size_t)c->dim * sizeof *c->best);
	for (int i = 1; i < c->population; i++) {
		struct rng rng;

		rng_seed(&rng, seed, (uint64_t)c->iteration, (uint64_t)i);
		for (int k = 0; k < c->dim; k++)
			place(c, i, k, rng_normal(&rng));
	}
}

static bool
better(const double *fitness, const double *loglik, int a, int b)
{
	if (fitness[a] != fitness[b])
		return fitness[a] > fitness[b];
	if (loglik[a] != loglik[b])
		return loglik[a] > loglik[b];
	return a < b;
}

static int
by_index(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Mean and (n-1) standard deviation of the elites, taken from the first one's value: equal elites give exactly 0. */
static void
fit(struct cem *c)
{
	for (int k = 0; k < c->dim; k++) {
		const double *col = c->members + k;
		double base = col[(size_t)c->elite[0] * (size_t)c->dim], sum = 0, squares = 0,
		       shift;

		for (int e = 0; e < c->elites; e++)
			sum += col[(size_t)c->elite[e] * (size_t)c->dim] - base;
		shift = sum / c->elites;
		for (int e = 0; e < c->elites; e++) {
			double d = col[(size_t)c->elite[e] * (size_t)c->dim] - base - shift;

			squares += d * d;
		}
		c->mean[k] = base + shift;
		c->std[k] = sqrt(squares / (c->elites - 1));
	}
}

enum t2_status
cem_update(struct cem *c, const double *fitness, const double *mean_loglik, struct t2_err *err)
{
	double sum = 0;

	for (int i = 0; i < c->population; i++) {
		int at = i;

		if (isnan(fitness[i]) || isnan(mean_loglik[i]))
			return t2_fail(err, T2_ENUM,
				       "cem: iteration %d: member %d has no fitness (NaN)",
				       c->iteration + 1, i);
		for (; at > 0 && better(fitness, mean_loglik, i, c->order[at - 1]); at--)
			c->order[at] = c->order[at - 1];
		c->order[at] = i;
		sum += fitness[i];
	}
	c->best_index = c->order[0];
	c->best_fitness = fitness[c->best_index];
	c->best_loglik = mean_loglik[c->best_index];
	c->mean_fitness = sum / c->population;
	memcpy(c->best, c->members + (size_t)c->best_index * (size_t)c->dim,
	       (size_t)c->dim * sizeof *c->best);
	memcpy(c->elite, c->order, (size_t)c->elites * sizeof *c->elite);
	qsort(c->elite, (size_t)c->elites, sizeof *c->elite, by_index);
	fit(c);
	c->iteration++;
	return T2_OK;
}

void
cem_save(const struct cem *c, struct strbuf *out)
{
	const double scores[] = {c->best_fitness, c->best_loglik, c->mean_fitness};
	const int64_t fields[] = {c->dim, c->population, c->elites, c->iteration, c->best_index};
	const int64_t sizes[] = {c->dim, c->dim, c->dim, 3};
	const double *const arrays[] = {c->mean, c->std, c->best, scores};

	blob_put(out, tag, fields, 5, arrays, sizes, 4);
}

enum t2_status
cem_load(struct cem *c, const void *bytes, size_t size, struct t2_err *err)
{
	double scores[3];
	double *const arrays[] = {c->mean, c->std, c->best, scores};
	const int64_t sizes[] = {c->dim, c->dim, c->dim, 3};
	int64_t f[5];
	enum t2_status st = blob_get(bytes, size, tag, f, 5, err);

	if (st)
		return st;
	if (f[0] != c->dim || f[1] != c->population || f[2] != c->elites)
		return t2_fail(err, T2_EMISMATCH,
			       "cem: the state is of %lld dimensions, population %lld, %lld "
			       "elites; this search has %d, %d, %d",
			       (long long)f[0], (long long)f[1], (long long)f[2], c->dim,
			       c->population, c->elites);
	if (f[3] < 0 || f[3] > INT32_MAX || f[4] < 0 || f[4] >= c->population)
		return t2_fail(err, T2_EFORMAT, "cem: the state is of iteration %lld, member %lld",
			       (long long)f[3], (long long)f[4]);
	st = blob_get_arrays(bytes, size, 5, arrays, sizes, 4, err);
	if (st)
		return st;
	c->iteration = (int)f[3];
	c->best_index = (int)f[4];
	c->best_fitness = scores[0];
	c->best_loglik = scores[1];
	c->mean_fitness = scores[2];
	return T2_OK;
}
