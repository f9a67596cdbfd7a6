#include "engine/adapt/search.h"

#include <stdlib.h>
#include <string.h>

#include "engine/adapt/cem.h"
#include "engine/base/blob.h"
#include "engine/base/memory.h"
#include "engine/base/rng.h"
#include "engine/model/model.h"
#include "engine/svf/adaptation.h"
#include "engine/task/rollout.h"

enum { WIDTH = 64 };

struct search {
	struct adapt_env env;
	struct task *task;
	char *split;
	const struct zset **expert;
	int k, dim;
	struct search_settings set;
	uint64_t seed;
	int *shot; /* [set.shots] items */
	struct cem *cem;
	struct roller *roller;
	struct adaptation *ad; /* one slot a member of a batch */
	int batch;	       /* members */
	struct zset *z;
	double *fitness, *loglik; /* [population] */
	struct rollout_request *req;
	double *reached; /* [2 * iterations] best and mean of each */
};

void
search_settings_default(struct search_settings *s)
{
	*s = (struct search_settings){
		.shots = 10, .population = 32, .iterations = 4, .normalise = true};
}

/* Distinct items, the same for every member and iteration. */
static enum t2_status
draw_shots(struct search *s, struct t2_err *err)
{
	int n = task_items(s->task, s->split, err);
	struct rng r;
	int *all;

	if (n < 0)
		return T2_ENOTFOUND;
	if (n < s->set.shots)
		s->set.shots = n;
	all = malloc((size_t)n * sizeof *all + 1);
	if (!all)
		return t2_nomem(err, "search");
	for (int i = 0; i < n; i++)
		all[i] = i;
	rng_seed(&r, s->seed, 0x5107, 0);
	rng_shuffle(&r, all, n);
	memcpy(s->shot, all, (size_t)s->set.shots * sizeof *all);
	free(all);
	return T2_OK;
}

/* With a limit that is too little for all, half of what one member leaves is for further members' scale vectors, the rest for
 * further sequences; batches are of about one size. */
static enum t2_status
choose_batch(struct search *s, struct t2_err *err)
{
	const struct model *model = s->env.model;
	struct pool *pool = s->env.pool;
	struct memory *m = pool_memory(pool);
	int context = model_config(model)->context, pop = s->set.population, positions, rounds;
	size_t one = adaptation_bytes(model, 1), each = adaptation_bytes(model, 2) - one, spare,
	       more, answers = (size_t)pop * (size_t)s->set.shots;
	enum t2_status st;

	s->batch = pop;
	if (!m)
		return T2_OK;
	if ((st = roller_check_items(s->roller, s->split, s->shot, s->set.shots, err)))
		return st;
	positions = roller_longest(s->roller) + task_max_tokens(s->task);
	positions = positions < context ? positions : context;
	one += generator_bytes(model, pool, positions, 1);
	if (one > memory_room(m))
		return memory_short(m, one, err, "a search");
	if (adaptation_bytes(model, pop) +
		    generator_bytes(model, pool, positions,
				    answers < WIDTH ? (int)answers : WIDTH) <=
	    memory_room(m))
		return T2_OK;
	spare = memory_room(m) - one;
	more = spare / 2 / each;
	if (more + 1 >= (size_t)pop)
		return T2_OK;
	rounds = (pop + (int)more) / ((int)more + 1);
	s->batch = (pop + rounds - 1) / rounds;
	memory_tell(m, "%d member%s at once, not %d", s->batch, s->batch == 1 ? "" : "s", pop);
	return T2_OK;
}

enum t2_status
search_new(struct search **out, const struct adapt_env *env, struct task *task, const char *split,
	   const struct zset *const *experts, int k, const struct search_settings *settings,
	   uint64_t seed, struct t2_err *err)
{
	struct search *s = calloc(1, sizeof *s);
	int mats = model_matrices(env->model);
	double *mean = NULL, *std = NULL;
	enum t2_status st = T2_OK;

	*out = NULL;
	if (!s)
		return t2_nomem(err, "search");
	s->env = *env;
	s->task = task;
	s->set = *settings;
	s->k = k;
	s->seed = seed;
	s->dim = s->set.per_matrix ? k * mats : k;
	if (!s->set.elites)
		s->set.elites = cem_default_elites(s->set.population);
	s->split = strdup(split);
	s->expert = calloc((size_t)k, sizeof *s->expert);
	s->shot = calloc((size_t)s->set.shots, sizeof *s->shot);
	s->fitness = calloc((size_t)s->set.population, sizeof *s->fitness);
	s->loglik = calloc((size_t)s->set.population, sizeof *s->loglik);
	s->req = calloc((size_t)s->set.population * (size_t)s->set.shots, sizeof *s->req);
	mean = malloc((size_t)s->dim * sizeof *mean);
	std = malloc((size_t)s->dim * sizeof *std);
	if (!s->split || !s->expert || !s->shot || !s->fitness || !s->loglik || !s->req || !mean ||
	    !std) {
		st = t2_nomem(err, "search");
		goto out;
	}
	memcpy(s->expert, experts, (size_t)k * sizeof *experts);
	for (int i = 0; i < s->dim; i++) {
		mean[i] = 1.0 / k;
		std[i] = 0.5;
	}
	if ((st = draw_shots(s, err)) ||
	    (st = cem_new(&s->cem, s->dim, s->set.population, s->set.elites, mean, std, err)) ||
	    (st = zset_new(&s->z, env->model, err)) ||
	    (st = roller_new(&s->roller, env->model, env->pool, env->tok, env->chat, task, WIDTH,
			     err)) ||
	    (st = choose_batch(s, err)) ||
	    (st = adaptation_new(&s->ad, env->model, env->factors, env->pool, s->batch, FORM_AUTO,
				 err)))
		goto out;
out:
	free(mean);
	free(std);
	if (st) {
		search_free(s);
		return st;
	}
	*out = s;
	return T2_OK;
}

void
search_free(struct search *s)
{
	if (!s)
		return;
	roller_free(s->roller);
	adaptation_free(s->ad);
	zset_free(s->z);
	cem_free(s->cem);
	free(s->split);
	free(s->expert);
	free(s->shot);
	free(s->fitness);
	free(s->loglik);
	free(s->req);
	free(s->reached);
	free(s);
}

int
search_iterations(const struct search *s)
{
	return s->cem->iteration;
}

int
search_shots(const struct search *s)
{
	return s->set.shots;
}

const int *
search_items(const struct search *s)
{
	return s->shot;
}

double
search_fitness(const struct search *s)
{
	return s->cem->best_fitness;
}

/* One batch: members from the first on x shots, the rows of each member under its own scale vector.  Members outermost: the
 * shots of one begin with the same template, which is computed once for all of them. */
static enum t2_status
measure(struct search *s, int first, int members, long *tokens, struct job *job, struct t2_err *err)
{
	int shots = s->set.shots, n = 0;
	struct rollouts list;
	enum t2_status st;

	for (int m = 0; m < members; m++)
		for (int i = 0; i < shots; i++)
			s->req[n++] = (struct rollout_request){.item = s->shot[i], .slot = m};
	st = roller_run(s->roller, adaptation_op(s->ad), s->split, s->req, n, 0, s->seed, &list,
			job, err);
	if (st)
		return st;
	for (int m = 0; m < members; m++) {
		int right = 0;
		double sum = 0;

		for (int i = 0; i < shots; i++) {
			const struct rollout *o = &list.v[m * shots + i];

			if (!o->correct)
				continue;
			right++;
			sum += o->counted ? o->logprob / o->counted : 0;
		}
		s->fitness[first + m] = shots ? (double)right / shots : 0;
		s->loglik[first + m] = right ? sum / right : 0;
	}
	*tokens += list.tokens;
	rollouts_free(&list);
	return T2_OK;
}

static enum t2_status
note_reached(struct search *s, double best, double mean, struct t2_err *err)
{
	size_t n = (size_t)s->cem->iteration;
	double *grown = realloc(s->reached, 2 * n * sizeof *grown);

	if (!grown)
		return t2_nomem(err, "search");
	s->reached = grown;
	grown[2 * n - 2] = best;
	grown[2 * n - 1] = mean;
	return T2_OK;
}

enum t2_status
search_step(struct search *s, struct search_report *out, struct job *job, struct t2_err *err)
{
	double t0 = clock_seconds();
	enum t2_status st = T2_OK;

	memset(out, 0, sizeof *out);
	cem_sample_seeded(s->cem, s->seed);
	for (int first = 0, n; first < s->set.population && !st; first += n) {
		n = s->set.population - first < s->batch ? s->set.population - first : s->batch;
		for (int m = 0; m < n && !st; m++) {
			st = zset_mix(s->z, s->expert,
				      s->cem->members + (size_t)(first + m) * (size_t)s->dim, s->k,
				      s->set.per_matrix, s->set.normalise, err);
			if (!st)
				st = adaptation_set(s->ad, m, s->z, err);
		}
		if (!st)
			st = measure(s, first, n, &out->tokens, job, err);
	}
	if (!st)
		st = cem_update(s->cem, s->fitness, s->loglik, err);
	if (st)
		return st;
	if ((st = note_reached(s, s->cem->best_fitness, s->cem->mean_fitness, err)))
		return st;
	out->iteration = s->cem->iteration;
	out->best = s->cem->best_fitness;
	out->best_loglik = s->cem->best_loglik;
	out->mean = s->cem->mean_fitness;
	out->ms = (clock_seconds() - t0) * 1000;
	return T2_OK;
}

void
search_alpha(const struct search *s, double *alpha)
{
	int groups = s->set.per_matrix ? s->dim / s->k : 1;

	memcpy(alpha, s->cem->best, (size_t)s->dim * sizeof *alpha);
	for (int g = 0; g < groups && s->set.normalise; g++) {
		double sum = 0;

		for (int k = 0; k < s->k; k++)
			sum += alpha[k * groups + g];
		for (int k = 0; k < s->k && sum > 0; k++)
			alpha[k * groups + g] /= sum;
	}
}

void
search_reached(const struct search *s, int i, double *best, double *mean)
{
	*best = s->reached[2 * i];
	*mean = s->reached[2 * i + 1];
}

/* What was reached, then CEM's own state. */
static const char tag[] = "T2SRCH1";

void
search_save(const struct search *s, struct strbuf *out)
{
	const int64_t fields[] = {s->cem->iteration}, sizes[] = {2 * (int64_t)s->cem->iteration};
	const double *const arrays[] = {s->reached};
	struct strbuf cem = {0};

	blob_put(out, tag, fields, 1, arrays, sizes, 1);
	cem_save(s->cem, &cem);
	strbuf_add(out, cem.s ? cem.s : "", cem.len);
	out->failed = out->failed || cem.failed;
	strbuf_free(&cem);
}

enum t2_status
search_load(struct search *s, const void *bytes, size_t size, struct t2_err *err)
{
	int64_t n, sizes[1];
	size_t head;
	double *reached;
	enum t2_status st = blob_get(bytes, size, tag, &n, 1, err);

	if (st)
		return st;
	head = sizeof tag + sizeof n;
	if (n < 0 || n > INT32_MAX || (size - head) / (2 * sizeof *reached) < (size_t)n)
		return t2_fail(err, T2_EFORMAT, "search: the state is of %lld iterations, but cut",
			       (long long)n);
	sizes[0] = 2 * n;
	head += 2 * (size_t)n * sizeof *reached;
	reached = malloc(2 * (size_t)n * sizeof *reached + 1);
	if (!reached)
		return t2_nomem(err, "search");
	st = blob_get_arrays(bytes, head, 1, &reached, sizes, 1, err);
	if (!st)
		st = cem_load(s->cem, (const char *)bytes + head, size - head, err);
	if (!st && s->cem->iteration != n)
		st = t2_fail(err, T2_EFORMAT,
			     "search: the state is of iteration %d, with %lld kept",
			     s->cem->iteration, (long long)n);
	if (st) {
		free(reached);
		return st;
	}
	free(s->reached);
	s->reached = reached;
	return T2_OK;
}
