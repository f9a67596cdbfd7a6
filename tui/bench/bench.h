/* bench.h - speed held against what this machine can do, measured in the same minute.
 *
 *	struct bench b = {.ws = &ws, .job = &job};
 *	struct bench_result r;
 *	bench_run(&b, &bench_rows[i], &r, err);		// T2_EUNSUP: not on this model; err says why
 *	printf("%s %g %s, %.2f of %g\n", r.row->name, r.value, r.row->unit, r.ratio, r.limit);
 *	bench_close(&b);
 *
 * A row's work is done several times; its limit is probed before and after each, and each value is held against the mean
 * of the two.  What is reported are medians, and the range of the ratios.  The probes take the best of several runs of some
 * milliseconds, and so do the rows that decode; longer work is taken as it comes.  Multiply-adds are the base model's weights
 * (two FLOP each) whatever form computes them, but for a training step's, which are the factored form's without
 * recomputation; attention is not counted. */
#ifndef T2_BENCH_H
#define T2_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/job.h"
#include "engine/base/status.h"
#include "engine/model/model.h"
#include "tui/workspace.h"

enum { BENCH_MOST = 9 }; /* repetitions */

enum bench_limit {
	BENCH_READ,    /* GB/s: reading memory */
	BENCH_PEAK,    /* GFLOPS: float32 multiply-adds */
	BENCH_SECONDS, /* a time to reach, scaled by the peak where the row says so */
	BENCH_BYTES,   /* so many at most */
	BENCH_BESIDE,  /* a time that other work took in the same run: struct bench's beside */
	BENCH_NOTHING, /* nothing at all: the ratio is 1, or 0 */
};

struct bench;
struct bench_result;
struct shape;

struct bench_row {
	const char *name, *help, *unit;
	enum bench_limit limit;
	double most;	    /* of BENCH_SECONDS and BENCH_BYTES: the limit, in the row's unit */
	double floor, goal; /* shares of the limit */
	enum t2_status (*run)(struct bench *b, struct bench_result *r, struct t2_err *err);
	bool extra; /* only when asked for by its name; floor and goal are 0 where there are none */
	const char *group; /* --only takes it for all of its rows */
};

extern const struct bench_row bench_rows[]; /* ended by a row without a name */

/* A part of a row's work, with a rate of its own: kept beside the row as NAME-SUFFIX. */
struct bench_part {
	const char *suffix;
	double value, work; /* as of the row */
};

enum { BENCH_PARTS = 2 };

struct bench_result {
	const struct bench_row *row;
	double value, limit; /* medians */
	double ratio, low, high;
	double work; /* done once, 1e9 bytes or FLOP; 0: not counted (cost.h needs it) */
	struct bench_part part[BENCH_PARTS];
	int parts;
	int repeats;
	double resident,
		beside; /* megabytes at most, where struct bench says so: all, and beside the model and its factors */
	char detail[400];
};

struct bench {
	struct workspace *ws; /* with its model */
	struct job *job;
	struct shape *shape; /* ws's model is this one, not a file's; NULL: from a file */
	int repeats;	     /* 0: 5 */
	bool memory;	     /* watch it */
	double beside;	     /* BENCH_BESIDE: the limit, set by the row's work */
	void *probe;	     /* what the read probe reads */
	size_t probe_bytes;
	size_t taken; /* of the memory limit, by the row that runs */
};

enum t2_status bench_run(struct bench *b, const struct bench_row *row, struct bench_result *r,
			 struct t2_err *err);
void bench_close(struct bench *b);

/* For the rows.  once does the work and says in *value what it came to, in the row's unit (BENCH_SECONDS with scale: as if
 * the peak were BENCH_REFERENCE).  It has run before, where warm-up matters. */
#define BENCH_REFERENCE 483.0 /* GFLOPS of the machine that times are stated for */
typedef enum t2_status bench_once(void *arg, double *value, struct t2_err *err);
enum t2_status bench_repeat(struct bench *b, struct bench_result *r, bool scale, bench_once *once,
			    void *arg, struct t2_err *err);
void bench_detail(struct bench_result *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))); /* appends */
/* A row does the same work whatever the limit, or none: T2_ENOMEM where own, and what the adaptation takes by itself
 * (also), are more than there is room for.  own is taken until the row's end. */
enum t2_status bench_take(struct bench *b, const struct bench_result *r, size_t own, size_t also,
			  struct t2_err *err);
/* The model's factors, all of them; a shape's are counted. */
enum t2_status bench_factors(struct bench *b, const struct bench_result *r, struct t2_err *err);
/* The processor's last cache. */
double bench_cache_bytes(void);
/* Says so in the detail where these many bytes fit the processor's cache. */
void bench_cached(struct bench_result *r, double bytes);
/* Megabytes of memory that belong to this process alone. */
double bench_memory(void);

/* Bytes of all adapted matrices and the output matrix, as stored. */
double bench_weight_bytes(const struct model *m);

/* Takes files (a file, or those of a folder and its folders) out of the system's cache, as far as nobody uses them: what is
 * measured then is what a first start finds, not how the file came to be cached. */
void bench_forget(const char *path);

double bench_median(const double *x, int n); /* x is not changed; n <= BENCH_MOST */

#endif
