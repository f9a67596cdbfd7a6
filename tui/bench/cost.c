#include "tui/bench/cost.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/linalg/probe.h"
#include "engine/model/generate.h"
#include "engine/svf/adaptation.h"
#include "engine/train/policy.h"
#include "engine/train/trainer.h"
#include "store/benchmarks.h"
#include "tui/bench/bench.h"
#include "tui/bench/count.h"
#include "tui/bench/history.h"
#include "tui/bench/searchwork.h"

#define PROBE_BYTES ((size_t)256 << 20)

/* A conversation's and an answer's usual length, said with each job. */
enum { PROMPT = 64, ANSWER = 32, PREFILL = 512, SEQUENCES = 32, STEP_ROWS = 1024, STEP_LINES = 4 };
enum { LOOKED_AT = 3 };
enum { TRAINED = 96 }; /* answers of a training step */

struct points {
	struct cost_point v[COST_MODELS];
	char model[COST_MODELS][64];
	int seen[COST_MODELS]; /* figures looked at */
	int n;
};

enum row { BF16, Q8_0, Q4_1, FACTORED, BATCHED, PREFILLED, STEP, DECOMPOSE, ASKED, ANSWERED };

enum { MEMBERS = 32, ROLLOUTS = 64 }; /* of the row population-32; sequences at once */

static const char *const row_names[COST_ROWS] = {
	"decode-bf16",		"decode-q8_0",	  "decode-q4_1",
	"decode-factored",	"decode-batched", "prefill",
	"train-step",		"decompose",	  "population-32-prompts",
	"population-32-answers"};

struct cost_model {
	struct points points[COST_ROWS];
	struct cost_fit fit[COST_ROWS];
	double read, peak; /* GB/s, GFLOPS: now */
	struct pool *pool;
	int threads, models;
};

/* Shares of the limits that models of 100 million parameters and more have reached on several machines. */
static const double usual_share[COST_ROWS] = {0.85, 0.85, 0.65, 0.8,  0.35,
					      0.7,  0.6,  0.2,	0.75, 0.45};

#define ENDS	     2	 /* embedding and output matrix, as layers */
#define USUAL_WEIGHT 0.1 /* of a model */

double
cost_fit_seconds(const struct cost_fit *f, double layers, double work)
{
	return f->share > 0 ? f->layer * (layers + ENDS) + work / f->share : NAN;
}

/* One model: it is as large ones are, or overhead rules it. */
static void
fit_one(struct cost_fit *f, const struct cost_point *p, double usual)
{
	double share = p->work / p->seconds;

	f->share = share > usual / 4 ? share : usual;
	f->layer = share > usual / 4 ? 0 : (p->seconds - p->work / usual) / (p->layers + ENDS);
}

/* min sum (a x + b y - 1)^2 with x = layers / seconds, y = work / seconds. */
static void
fit_more(struct cost_fit *f, const struct cost_point *p, int n, double usual)
{
	double xx = 0, xy = 0, yy = USUAL_WEIGHT * usual * usual, sx = 0, sy = USUAL_WEIGHT * usual,
	       det, a = 0, b;

	for (int i = 0; i < n; i++) {
		double x = (p[i].layers + ENDS) / p[i].seconds, y = p[i].work / p[i].seconds;

		xx += x * x;
		xy += x * y;
		yy += y * y;
		sx += x;
		sy += y;
	}
	b = sy / yy;
	det = xx * yy - xy * xy;
	if (det > 1e-9 * xx * yy) {
		a = (sx * yy - sy * xy) / det;
		b = (sy * xx - sx * xy) / det;
		if (a < 0 || b <= 0) {
			a = 0;
			b = sy / yy;
		}
	}
	f->layer = a;
	f->share = 1 / b;
}

struct cost_fit
cost_fit(const struct cost_point *p, int n, double usual)
{
	struct cost_fit f = {.models = n};

	if (n == 1)
		fit_one(&f, p, usual);
	else if (n > 1)
		fit_more(&f, p, n, usual);
	for (int i = 0; i < n; i++) {
		double off = fabs(cost_fit_seconds(&f, p[i].layers, p[i].work) / p[i].seconds - 1);

		f.error = off > f.error ? off : f.error;
	}
	return f;
}

struct cost_fit
cost_fit_without(const struct cost_point *p, int n, int i, double usual)
{
	struct cost_point rest[COST_MODELS];
	int k = 0;

	for (int j = 0; j < n && k < COST_MODELS; j++)
		if (j != i)
			rest[k++] = p[j];
	return cost_fit(rest, k, usual);
}

/* Bytes in 1e9 that memory is read for. */
static double
from_memory(double gigabytes)
{
	return gigabytes * 1e9 > bench_cache_bytes() ? gigabytes : 0;
}

/* Seconds of once, and the seconds that its work would take at the limit. */
static bool
point(const struct benchmark_figure *f, int layers, enum row row, struct cost_point *out)
{
	bool times = row == DECOMPOSE;
	double work = row <= FACTORED ? from_memory(f->work) : f->work,
	       limit = times ? BENCH_REFERENCE : f->limit;

	if (!(f->work > 0) || !(f->value > 0) || !(limit > 0))
		return false;
	*out = (struct cost_point){layers, work / limit, times ? f->value : f->work / f->value};
	return true;
}

/* Where this model's point is; p->n: nowhere yet. */
static int
find(const struct points *p, const char *model)
{
	int i = 0;

	while (i < p->n && strcmp(p->model[i], model) != 0)
		i++;
	return i;
}

/* Nearer to its limit, or where that is the cache, sooner. */
static bool
is_better(const struct cost_point *a, const struct cost_point *b)
{
	return a->work > 0 && b->work > 0 ? a->work / a->seconds > b->work / b->seconds
					  : a->seconds < b->seconds;
}

static void
learn_figure(struct points *p, const struct benchmark_row *b, const struct benchmark_figure *f,
	     enum row row)
{
	char model[sizeof *p->model];
	struct cost_point new;
	int i;

	snprintf(model, sizeof model, "%s", b->model);
	i = find(p, model);
	if (i == COST_MODELS || !point(f, b->layers, row, &new) ||
	    (i < p->n && p->seen[i]++ >= LOOKED_AT))
		return;
	if (i == p->n) {
		memcpy(p->model[p->n++], model, sizeof model);
		p->seen[i] = 1;
		p->v[i] = new;
	} else if (is_better(&new, &p->v[i])) {
		p->v[i] = new;
	}
}

static enum t2_status
gather(struct store *s, const struct benchmark_row *b, struct points *points, struct t2_err *err)
{
	struct benchmark_figures l;
	enum t2_status st = store_benchmark_figures(s, b->id, &l, err);

	for (int i = 0; i < l.n && !st; i++)
		for (int k = 0; k < COST_ROWS; k++)
			if (!strcmp(l.v[i].name, row_names[k]))
				learn_figure(&points[k], b, &l.v[i], k);
	benchmark_figures_free(&l);
	return st;
}

/* Models that any row knows. */
static int
count_models(const struct points *points)
{
	int n = 0;

	for (int k = 0; k < COST_ROWS; k++)
		for (int i = 0; i < points[k].n; i++) {
			bool before = false;

			for (int q = 0; q < k && !before; q++)
				before = find(&points[q], points[k].model[i]) < points[q].n;
			n += !before;
		}
	return n;
}

/* What others on the machine take away makes a figure worse, never better: of the newest so many of each row and model, measured
 * with these kernels and threads, the best. */
static enum t2_status
learn(struct cost_model *cm, struct workspace *ws, struct t2_err *err)
{
	struct benchmark_list l;
	const char *machine;
	char kernels[64];
	enum t2_status st;

	history_head(&machine, kernels, sizeof kernels);
	if ((st = store_benchmark_list(ws->store, machine, &l, err)))
		return st;
	for (int i = 0; i < l.n && !st; i++)
		if (l.v[i].threads == cm->threads && !strcmp(l.v[i].kernels, kernels))
			st = gather(ws->store, &l.v[i], cm->points, err);
	benchmark_list_free(&l);
	for (int k = 0; k < COST_ROWS && !st; k++)
		if (cm->points[k].n)
			cm->fit[k] = cost_fit(cm->points[k].v, cm->points[k].n, usual_share[k]);
	cm->models = count_models(cm->points);
	return st;
}

/* Point i of a row from the others. */
static struct cost_held
held_out(const struct cost_model *cm, enum row row, int i)
{
	const struct points *p = &cm->points[row];
	struct cost_fit fit = cost_fit_without(p->v, p->n, i, usual_share[row]);

	return (struct cost_held){p->model[i], row_names[row],
				  cost_fit_seconds(&fit, p->v[i].layers, p->v[i].work),
				  p->v[i].seconds, fit.models};
}

/* A search step is both of its parts, as far as a model has both. */
static int
held_out_steps(const struct cost_model *cm, struct cost_held *out)
{
	int n = 0;

	for (int i = 0; i < cm->points[ASKED].n; i++)
		for (int k = 0; k < cm->points[ANSWERED].n; k++) {
			struct cost_held a = held_out(cm, ASKED, i), b = held_out(cm, ANSWERED, k);

			if (strcmp(a.model, b.model))
				continue;
			out[n++] = (struct cost_held){
				a.model, "population-32", a.predicted + b.predicted,
				a.measured + b.measured, a.models < b.models ? a.models : b.models};
		}
	return n;
}

int
cost_held_out(const struct cost_model *cm, struct cost_held out[COST_HELD])
{
	int n = 0;

	for (int k = 0; k < COST_ROWS; k++)
		for (int i = 0; i < cm->points[k].n; i++)
			out[n++] = held_out(cm, k, i);
	return n + held_out_steps(cm, out + n);
}

static enum t2_status
probe(struct cost_model *cm, struct pool *pool, struct t2_err *err)
{
	void *p =
		mmap(NULL, PROBE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return t2_nomem(err, "the read probe");
	madvise(p, PROBE_BYTES, MADV_HUGEPAGE);
	memset(p, 1, PROBE_BYTES);
	cm->read = probe_read_bandwidth(pool, p, PROBE_BYTES);
	cm->peak = probe_f32_peak(pool);
	munmap(p, PROBE_BYTES);
	return T2_OK;
}

enum t2_status
cost_model_new(struct cost_model **out, struct workspace *ws, struct t2_err *err)
{
	struct cost_model *cm = calloc(1, sizeof *cm);
	enum t2_status st = cm ? T2_OK : t2_nomem(err, "cost model");

	*out = NULL;
	if (st)
		return st;
	cm->pool = ws->pool;
	cm->threads = pool_threads(ws->pool);
	st = learn(cm, ws, err);
	if (!st)
		st = probe(cm, ws->pool, err);
	if (st)
		cost_model_free(cm);
	else
		*out = cm;
	return st;
}

void
cost_model_free(struct cost_model *cm)
{
	free(cm);
}

int
cost_models(const struct cost_model *cm)
{
	return cm->models;
}

struct jobs {
	const struct cost_model *cm;
	const struct config *c;
	struct cost_job *v;
	int n;
};

/* Bytes beside mapped files, as the engine counts them before it takes them. */
struct sizes {
	double decompose, one, one_expert, batch, gradient, training, search;
};

static enum t2_status
count_sizes(struct sizes *s, const struct model *m, struct pool *pool, double copies,
	    struct t2_err *err)
{
	const struct config *c = model_config(m);
	int threads = factors_decompose_most(m, pool_threads(pool)), answered = PROMPT + ANSWER;
	size_t rollouts = generator_bytes(m, pool, answered, ROLLOUTS), ranks = 0;
	struct policy *p;
	enum t2_status st = policy_new(&p, m, pool, err);

	if (st)
		return st;
	for (int i = 0; i < model_matrices(m); i++)
		ranks += (size_t)weight_rank(model_matrix(m, i));
	s->decompose = threads * count_svd_bytes(c);
	s->one = (double)generator_bytes(m, pool, PREFILL, 1);
	s->one_expert = s->one + (double)adaptation_bytes(m, 1);
	s->batch = (double)(generator_bytes(m, pool, answered, SEQUENCES) +
			    adaptation_bytes(m, SEQUENCES));
	s->gradient =
		(double)(policy_most(p, STEP_ROWS / STEP_LINES, STEP_ROWS, false, ADAPTATION_HELD) +
			 adaptation_bytes(m, 1) +
			 adaptation_grad_dense(m, STEP_ROWS, ADAPTATION_HELD));
	s->training = (double)(policy_most(p, answered, TRAINED * (long)answered, false,
					   ADAPTATION_HELD) +
			       rollouts + adaptation_bytes(m, 1) + adaptation_dense_bytes(m, 1) +
			       ranks * TRAINER_VALUE_BYTES);
	s->search = (double)(rollouts + adaptation_bytes(m, MEMBERS)) + copies;
	policy_free(p);
	return T2_OK;
}

/* work: in 1e9 bytes or FLOP, as the row counts it; times: how often that is done. */
static struct cost_job *
add(struct jobs *j, const char *name, enum row row, double work, double times)
{
	struct cost_job *job = &j->v[j->n++];
	bool reads = row <= FACTORED;

	*job = (struct cost_job){.name = name, .fit = j->cm->fit[row]};
	job->seconds = times * cost_fit_seconds(&job->fit, j->c->layers,
						reads ? from_memory(work) / j->cm->read
						      : work / j->cm->peak);
	return job;
}

/* Another part of the job before. */
static void
join(struct jobs *j, enum row row, double work, double times)
{
	struct cost_job *job = &j->v[j->n - 1];
	const struct cost_fit *fit = &j->cm->fit[row];

	job->seconds += times * cost_fit_seconds(fit, j->c->layers, work / j->cm->peak);
	job->fit.error = fit->error > job->fit.error ? fit->error : job->fit.error;
	job->fit.models = fit->models < job->fit.models ? fit->models : job->fit.models;
}

static enum row
stored_row(enum dtype t)
{
	int bits = dtype_block_bytes(t) * 8 / dtype_block(t);

	return bits >= 16 ? BF16 : bits >= 8 ? Q8_0 : Q4_1;
}

int
cost_predict(const struct cost_model *cm, const struct model *m, double weight_bytes,
	     enum dtype type, struct cost_job jobs[COST_JOBS], struct t2_err *err)
{
	const struct config *c = model_config(m);
	struct jobs j = {cm, c, jobs, 0};
	double adapted = count_adapted(c), head = count_head(c), factors = count_factors(c),
	       token = 2e-9 * (adapted + head) * SEQUENCES;
	struct searchwork search;
	struct sizes size;
	struct cost_job *job;

	searchwork_count(&search, c, SEARCH_WIDTH, MEMBERS * SEARCH_SHOTS / SEARCH_WIDTH,
			 (double)adaptation_dense_bytes(m, MEMBERS));
	if (count_sizes(&size, m, cm->pool, search.copies, err))
		return 0;
	job = add(&j, "decompose", DECOMPOSE, count_svd(c) * 1e-9, 1);
	job->bytes = size.decompose;
	snprintf(job->what, sizeof job->what,
		 "%d matrices; %.3g GB of factors, mapped from then on", c->layers * MAT_KINDS,
		 factors * 4e-9);
	job = add(&j, "prompt", PREFILLED, 2e-9 * (adapted * PREFILL + head), 1);
	job->bytes = size.one;
	snprintf(job->what, sizeof job->what, "%d tokens, base weights", PREFILL);
	job = add(&j, "token", stored_row(type), weight_bytes * 1e-9, 1);
	job->bytes = size.one;
	snprintf(job->what, sizeof job->what, "one sequence, base weights as stored (%s)",
		 dtype_name(type));
	job = add(&j, "expert token", FACTORED,
		  1e-9 * (4 * factors + weight_bytes * head / (adapted + head)), 1);
	job->bytes = size.one_expert;
	snprintf(job->what, sizeof job->what, "one sequence under an expert just switched to");
	job = add(&j, "batch token", BATCHED, token, 1);
	job->bytes = size.batch;
	snprintf(job->what, sizeof job->what, "%d sequences, each under its own expert", SEQUENCES);
	job = add(&j, "gradient", STEP, count_step(c, STEP_ROWS) * 1e-9, 1);
	job->bytes = size.gradient;
	snprintf(job->what, sizeof job->what, "of every z, %d x %d tokens", STEP_LINES,
		 STEP_ROWS / STEP_LINES);
	job = add(&j, "train step", STEP, count_step(c, TRAINED * (PROMPT + ANSWER)) * 1e-9, 1);
	join(&j, PREFILLED, 2e-9 * adapted * 12 * PROMPT, 1);
	join(&j, BATCHED, token, 3.0 * ANSWER);
	job->bytes = size.training;
	snprintf(job->what, sizeof job->what, "12 prompts of %d x 8 answers of %d tokens", PROMPT,
		 ANSWER);
	if (cm->fit[ASKED].models && cm->fit[ANSWERED].models) {
		job = add(&j, "search step", ASKED, search.prompts * 1e-9, 1);
		join(&j, ANSWERED, search.answers * 1e-9, 1);
	} else { /* from rows of the same kind */
		job = add(&j, "search step", PREFILLED, search.prompts * 1e-9, 1);
		join(&j, BATCHED, 2 * token, 5.0 * ANSWER);
	}
	job->bytes = size.search;
	snprintf(job->what, sizeof job->what, "32 members x 10 shots of %d + %d tokens", PROMPT,
		 ANSWER);
	return j.n;
}
