/* cost.h - what a job will take on this machine, said before it is started.
 *
 *	struct cost_model *cm;
 *	cost_model_new(&cm, &ws, err);		// from the store's benchmarks of this machine; probes its limits now
 *	n = cost_predict(cm, model, weight_bytes, T2_BF16, jobs);
 *	cost_model_free(cm);
 *
 * For each row of the benchmark that counts its work, seconds = a * (layers + 2) + b * work / limit: a is what a layer costs
 * whatever its size (embedding and output matrix as one each), 1 / b the share of the limit that large layers reach.  a, b >= 0
 * are fitted to the best of the newest three figures of each model on this machine (least squares of the relative error, and a tenth of a
 * model that reaches the row's usual share: small models, which overhead rules, tell nothing of it); the limit is measured
 * anew each time, so that a slow hour is predicted as one.  Reading what fits the processor's cache is no work for memory.
 * A search step is two such rows: its prompts (many rows of one member) and its answers (a row of each of 64), which reach different
 * shares of the limit; their work is counted in the forms that compute it (searchwork.h).  Without benchmarks nothing is predicted but memory. */
#ifndef T2_BENCH_COST_H
#define T2_BENCH_COST_H

#include "engine/linalg/dtype.h"
#include "engine/model/config.h"
#include "tui/workspace.h"

enum { COST_JOBS = 8, COST_MODELS = 16, COST_ROWS = 10, COST_HELD = 11 * 16 };

struct cost_point {
	double layers, work, seconds; /* work: seconds at the limit */
};

struct cost_fit {
	double layer, share; /* a, and 1 / b; share 0: nothing known */
	double error;	     /* largest relative error on what it was fitted to */
	int models;	     /* fitted to so many */
};

struct cost_job {
	const char *name;
	char what[96];	/* in words: numbers of tokens ... */
	double seconds; /* NaN: no benchmark tells */
	double bytes;	/* of memory beside mapped files */
	struct cost_fit fit;
};

/* One row of one model's benchmark, and what the other models' say of it. */
struct cost_held {
	const char *model, *row;    /* model: until cost_model_free() */
	double predicted, measured; /* seconds; predicted NaN: no other model tells */
	int models;		    /* fitted to so many others */
};

struct cost_model;

/* Least squares over points with seconds > 0; usual: the share of the limit that large models reach. */
struct cost_fit cost_fit(const struct cost_point *p, int n, double usual);
double cost_fit_seconds(const struct cost_fit *f, double layers, double work);

/* The same without point i. */
struct cost_fit cost_fit_without(const struct cost_point *p, int n, int i, double usual);

enum t2_status cost_model_new(struct cost_model **out, struct workspace *ws, struct t2_err *err);
void cost_model_free(struct cost_model *cm);
int cost_models(const struct cost_model *cm); /* benchmarks that it knows */
/* m may be hollow (shape.h).  weight_bytes: of all adapted matrices and the output matrix as stored in type.  Memory is
 * what the engine itself counts for --memory, dense copies as the machine's memory allows them.  Returns how many jobs;
 * 0: err says why. */
int cost_predict(const struct cost_model *cm, const struct model *m, double weight_bytes,
		 enum dtype type, struct cost_job jobs[COST_JOBS], struct t2_err *err);

/* Every figure that the model was fitted to, predicted from the others at the limit that was measured beside it.  By rows, at
 * last search steps, whose parts stand before them; returns how many. */
int cost_held_out(const struct cost_model *cm, struct cost_held out[COST_HELD]);

#endif
