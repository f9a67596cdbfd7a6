#include "tui/bench/cost.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/linalg/probe.h"
#include "store/benchmarks.h"
#include "tui/bench/bench.h"
#include "tui/bench/count.h"
#include "tui/bench/history.h"

#define PROBE_BYTES ((size_t)256 << 20)

/* A conversation's and an answer's usual length, said with each job. */
enum { PROMPT = 64, ANSWER = 32, PREFILL = 512, SEQUENCES = 32, STEP_ROWS = 1024 };

struct points {
	const char *row;
	struct cost_point v[COST_MODELS];
	int n;
};

enum row { BF16, Q8_0, Q4_1, FACTORED, BATCHED, PREFILLED, STEP, DECOMPOSE, ROWS };

static const char *const row_names[ROWS] = {"decode-bf16",     "decode-q8_0",	 "decode-q4_1",
					    "decode-factored", "decode-batched", "prefill",
					    "train-step",      "decompose"};

struct cost_model {
	struct cost_fit fit[ROWS];
	double read, peak; /* GB/s, GFLOPS: now */
	int threads, models;
};

double
cost_fit_seconds(const struct cost_fit *f, double layers, double work)
{
	return f->share > 0 ? f->layer * layers + work / f->share : NAN;
}

/* min sum (a x + b y - 1)^2 with x = layers / seconds, y = work / seconds. */
struct cost_fit
cost_fit(const struct cost_point *p, int n)
{
	struct cost_fit f = {.models = n};
	double xx = 0, xy = 0, yy = 0, sx = 0, sy = 0, det, a = 0, b;

	for (int i = 0; i < n; i++) {
		double x = p[i].layers / p[i].seconds, y = p[i].work / p[i].seconds;

		xx += x * x;
		xy += x * y;
		yy += y * y;
		sx += x;
		sy += y;
	}
	if (!(yy > 0))
		return f;
	det = xx * yy - xy * xy;
	b = sy / yy; /* one model says nothing of layers */
	if (n > 1 && det > 1e-9 * xx * yy) {
		a = (sx * yy - sy * xy) / det;
		b = (sy * xx - sx * xy) / det;
		if (a < 0 || b <= 0) {
			a = 0;
			b = sy / yy;
		}
	}
	f.layer = a;
	f.share = 1 / b;
	for (int i = 0; i < n; i++) {
		double off = fabs(cost_fit_seconds(&f, p[i].layers, p[i].work) / p[i].seconds - 1);

		f.error = off > f.error ? off : f.error;
	}
	return f;
}

/* Seconds of once, and the seconds that its work would take at the limit. */
static bool
point(const struct benchmark_figure *f, int layers, bool times, struct cost_point *out)
{
	double limit = times ? BENCH_REFERENCE : f->limit;

	if (!(f->work > 0) || !(f->value > 0) || !(limit > 0))
		return false;
	*out = (struct cost_point){layers, f->work / limit, times ? f->value : f->work / f->value};
	return true;
}

static enum t2_status
gather(struct store *s, const struct benchmark_row *b, struct points *points, struct t2_err *err)
{
	struct benchmark_figures l;
	enum t2_status st = store_benchmark_figures(s, b->id, &l, err);

	for (int i = 0; i < l.n && !st; i++)
		for (int k = 0; k < ROWS; k++)
			if (!strcmp(l.v[i].name, row_names[k]) && points[k].n < COST_MODELS &&
			    point(&l.v[i], b->layers, k == DECOMPOSE, &points[k].v[points[k].n]))
				points[k].n++;
	benchmark_figures_free(&l);
	return st;
}

/* A whole benchmark with these kernels and threads? */
static bool
usable(const struct benchmark_row *b, const char *kernels, int threads)
{
	return b->figures >= ROWS && b->threads == threads && !strcmp(b->kernels, kernels);
}

/* The newest benchmark of each model. */
static enum t2_status
learn(struct cost_model *cm, struct workspace *ws, struct t2_err *err)
{
	struct points points[ROWS] = {0};
	struct benchmark_list l;
	const char *machine;
	char kernels[64];
	enum t2_status st;

	history_head(&machine, kernels, sizeof kernels);
	if ((st = store_benchmark_list(ws->store, machine, &l, err)))
		return st;
	for (int i = 0; i < l.n && !st; i++) {
		bool fits = usable(&l.v[i], kernels, cm->threads);

		for (int j = 0; j < i && fits; j++)
			fits = strcmp(l.v[j].model, l.v[i].model) ||
			       !usable(&l.v[j], kernels, cm->threads);
		if (fits) {
			st = gather(ws->store, &l.v[i], points, err);
			cm->models++;
		}
	}
	benchmark_list_free(&l);
	for (int k = 0; k < ROWS && !st; k++)
		if (points[k].n)
			cm->fit[k] = cost_fit(points[k].v, points[k].n);
	return st;
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

/* work: in 1e9 bytes or FLOP, as the row counts it; times: how often that is done. */
static struct cost_job *
add(struct jobs *j, const char *name, enum row row, double work, double times)
{
	struct cost_job *job = &j->v[j->n++];
	bool reads = row <= FACTORED;

	*job = (struct cost_job){.name = name, .fit = j->cm->fit[row]};
	job->seconds = times * cost_fit_seconds(&job->fit, j->c->layers,
						work / (reads ? j->cm->read : j->cm->peak));
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
cost_predict(const struct cost_model *cm, const struct config *c, double weight_bytes,
	     enum dtype type, struct cost_job jobs[COST_JOBS])
{
	struct jobs j = {cm, c, jobs, 0};
	double adapted = count_adapted(c), head = count_head(c), factors = count_factors(c),
	       token = 2e-9 * (adapted + head) * SEQUENCES, kv = count_kv_bytes(c, PROMPT + ANSWER);
	struct cost_job *job;

	job = add(&j, "decompose", DECOMPOSE, count_svd(c) * 1e-9, 1);
	job->bytes = cm->threads * count_svd_bytes(c);
	snprintf(job->what, sizeof job->what,
		 "%d matrices; %.3g GB of factors, mapped from then on", c->layers * MAT_KINDS,
		 factors * 4e-9);
	job = add(&j, "prompt", PREFILLED, 2e-9 * (adapted * PREFILL + head), 1);
	job->bytes = count_kv_bytes(c, PREFILL);
	snprintf(job->what, sizeof job->what, "%d tokens, base weights", PREFILL);
	job = add(&j, "token", stored_row(type), weight_bytes * 1e-9, 1);
	job->bytes = count_kv_bytes(c, PREFILL);
	snprintf(job->what, sizeof job->what, "one sequence, base weights as stored (%s)",
		 dtype_name(type));
	job = add(&j, "expert token", FACTORED,
		  1e-9 * (4 * factors + weight_bytes * head / (adapted + head)), 1);
	job->bytes = count_kv_bytes(c, PREFILL);
	snprintf(job->what, sizeof job->what, "one sequence under an expert just switched to");
	job = add(&j, "batch token", BATCHED, token, 1);
	job->bytes = SEQUENCES * kv;
	snprintf(job->what, sizeof job->what, "%d sequences, each under its own expert", SEQUENCES);
	job = add(&j, "gradient", STEP, count_step(c, STEP_ROWS) * 1e-9, 1);
	job->bytes = count_step_bytes(c, STEP_ROWS);
	snprintf(job->what, sizeof job->what, "of every z, %d tokens", STEP_ROWS);
	job = add(&j, "train step", STEP, count_step(c, 96.0 * (PROMPT + ANSWER)) * 1e-9, 1);
	join(&j, PREFILLED, 2e-9 * adapted * 12 * PROMPT, 1);
	join(&j, BATCHED, token, 3.0 * ANSWER);
	job->bytes = count_step_bytes(c, STEP_ROWS) + SEQUENCES * kv; /* in such parts */
	snprintf(job->what, sizeof job->what, "12 prompts of %d x 8 answers of %d tokens", PROMPT,
		 ANSWER);
	job = add(&j, "search step", BATCHED, token, 10.0 * ANSWER);
	join(&j, PREFILLED, 2e-9 * factors * 320 * PROMPT, 1);
	job->bytes = SEQUENCES * kv;
	snprintf(job->what, sizeof job->what, "32 members x 10 shots of %d + %d tokens", PROMPT,
		 ANSWER);
	return j.n;
}
