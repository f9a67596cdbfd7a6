#include "tui/bench/bench.h"

#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/base/memory.h"
#include "engine/linalg/probe.h"
#include "tui/bench/count.h"
#include "tui/bench/memory.h"
#include "tui/bench/shape.h"

#define PROBE_BYTES  ((size_t)512 << 20)
#define PROBE_CACHES 4 /* a probe of so many caches still reads memory */
#define REPEATS	     5
#define PATIENCE     120.0 /* seconds after which a row is not repeated again, but for the least */
#define LEAST	     1

double
bench_median(const double *x, int n)
{
	double sorted[BENCH_MOST];

	for (int i = 0; i < n; i++) {
		int j = i;

		for (; j > 0 && sorted[j - 1] > x[i]; j--)
			sorted[j] = sorted[j - 1];
		sorted[j] = x[i];
	}
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static double
stored(const struct weight *w)
{
	return (double)dtype_row_bytes(w->type, (size_t)w->n) * w->m;
}

double
bench_weight_bytes(const struct model *m)
{
	double sum = stored(model_head(m));

	for (int i = 0; i < model_matrices(m); i++)
		sum += stored(model_matrix(m, i));
	return sum;
}

double
bench_memory(void)
{
	return memory_now().own;
}

void
bench_detail(struct bench_result *r, const char *fmt, ...)
{
	size_t n = strlen(r->detail);
	va_list ap;

	if (n && n + 3 < sizeof r->detail)
		n += (size_t)snprintf(r->detail + n, sizeof r->detail - n, "; ");
	va_start(ap, fmt);
	if (n < sizeof r->detail)
		vsnprintf(r->detail + n, sizeof r->detail - n, fmt, ap);
	va_end(ap);
}

/* The system's word: sysconf() counts a shared cache once a processor on some. */
double
bench_cache_bytes(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "re");
	long kb = 0;

	if (f && fscanf(f, "%ldK", &kb) != 1)
		kb = 0;
	if (f)
		fclose(f);
	return kb * 1024.0;
}

void
bench_cached(struct bench_result *r, double bytes)
{
	double cache = bench_cache_bytes();

	if (bytes < cache)
		bench_detail(r, "%.1f MB fit the cache of %.0f MB: memory is not what bounds it",
			     bytes / 1e6, cache / 1e6);
}

/* The least that reading can be probed over. */
static size_t
least_probe(void)
{
	size_t caches = PROBE_CACHES * (size_t)bench_cache_bytes();

	return caches < PROBE_BYTES ? caches : PROBE_BYTES;
}

enum t2_status
bench_take(struct bench *b, const struct bench_result *r, size_t own, size_t also,
	   struct t2_err *err)
{
	struct memory *m = b->ws->memory;
	char what[64];

	snprintf(what, sizeof what, "the row %s", r->row->name);
	also += r->row->limit == BENCH_READ && !b->probe ? least_probe() : 0;
	if (own + also > memory_room(m))
		return memory_short(m, own + also, err, what);
	memory_take(m, own);
	b->taken += own;
	return T2_OK;
}

enum t2_status
bench_factors(struct bench *b, const struct bench_result *r, struct t2_err *err)
{
	enum t2_status st;
	size_t bytes;

	if (b->ws->factors && factors_count(b->ws->factors) == model_matrices(b->ws->model))
		return T2_OK;
	if (b->shape) {
		bytes = (size_t)(4 * count_factors(model_config(b->ws->model)));
		if ((st = bench_take(b, r, 0, bytes, err)))
			return st;
		memory_take(b->ws->memory, bytes); /* they stay when the row is over */
		return shape_factors(b->shape, &b->ws->factors, b->ws->pool, err);
	}
	return workspace_decompose(b->ws, "all", false, false, b->job, NULL, err);
}

static int
forget_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	int fd = type == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	(void)st;
	(void)at;
	if (fd >= 0) {
		fdatasync(fd); /* what is not written yet cannot go */
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
	return 0;
}

void
bench_forget(const char *path)
{
	nftw(path, forget_one, 8, FTW_PHYS);
}

/* With a limit half of what is left, but far more than the caches hold. */
static enum t2_status
probe_size(const struct bench *b, size_t *bytes, struct t2_err *err)
{
	struct memory *m = b->ws->memory;
	size_t least = least_probe(), half = memory_room(m) / 2;

	*bytes = half < least ? least : half < PROBE_BYTES ? half : PROBE_BYTES;
	return least > memory_room(m) ? memory_short(m, least, err, "the read probe") : T2_OK;
}

static enum t2_status
probe_buffer(struct bench *b, struct t2_err *err)
{
	size_t bytes;
	void *p;
	enum t2_status st;

	if (b->probe)
		return T2_OK;
	if ((st = probe_size(b, &bytes, err)))
		return st;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return t2_nomem(err, "bench: the read probe");
	if (bytes < PROBE_BYTES)
		memory_tell(b->ws->memory, "reading is probed over %zu MiB, not %zu", bytes >> 20,
			    PROBE_BYTES >> 20);
	madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 1, bytes);
	memory_take(b->ws->memory, bytes);
	b->probe = p;
	b->probe_bytes = bytes;
	return T2_OK;
}

void
bench_close(struct bench *b)
{
	if (b->probe) {
		munmap(b->probe, b->probe_bytes);
		memory_give(b->ws->memory, b->probe_bytes);
	}
	b->probe = NULL;
}

static enum t2_status
run_row(struct bench *b, const struct bench_row *row, struct bench_result *r, struct t2_err *err)
{
	enum t2_status st = row->run(b, r, err);

	memory_give(b->ws->memory, b->taken);
	b->taken = 0;
	return st;
}

/* What the machine gives now: GB/s, GFLOPS. */
static double
probe(const struct bench *b, enum bench_limit limit)
{
	return limit == BENCH_READ ? probe_read_bandwidth(b->ws->pool, b->probe, b->probe_bytes)
				   : probe_f32_peak(b->ws->pool);
}

/* Seconds of all processors that somebody has used, and of this process. */
static void
used(double *all, double *own)
{
	FILE *f = fopen("/proc/stat", "re");
	unsigned long long user = 0, nice = 0, sys = 0, idle, wait, irq = 0, soft = 0, steal = 0;
	struct rusage r;

	if (!f || fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &sys,
			 &idle, &wait, &irq, &soft, &steal) != 8)
		user = nice = sys = irq = soft = steal = 0;
	if (f)
		fclose(f);
	*all = (double)(user + nice + sys + irq + soft + steal) / (double)sysconf(_SC_CLK_TCK);
	getrusage(RUSAGE_SELF, &r);
	*own = (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

/* A figure from a machine that works for others too is not the machine's: say how much of it they had. */
static void
note_others(struct bench_result *r, double all, double own, double seconds)
{
	double all_now, own_now, share;

	used(&all_now, &own_now);
	share = ((all_now - all) - (own_now - own)) /
		(seconds * (double)sysconf(_SC_NPROCESSORS_ONLN));
	if (share > 0.05)
		bench_detail(r, "others used %.0f %% of the processors meanwhile", 100 * share);
}

static bool
is_probed(const struct bench_row *row)
{
	return row->limit == BENCH_READ || row->limit == BENCH_PEAK;
}

static double
share(const struct bench_row *row, double value, double limit)
{
	if (row->limit == BENCH_NOTHING)
		return value > 0 ? 0 : 1;
	return is_probed(row) ? value / limit : limit / value;
}

static enum t2_status
one(struct bench *b, const struct bench_row *row, bool scale, bench_once *once, void *arg,
    double *value, double *limit, struct t2_err *err)
{
	bool probed = is_probed(row) || scale, none = row->limit == BENCH_NOTHING;
	double before = probed ? probe(b, row->limit) : 0, machine;
	enum t2_status st = once(arg, value, err);

	if (st)
		return st;
	if (!(*value > 0 || (none && *value == 0)) || !isfinite(*value))
		return t2_fail(err, T2_ENUM, "bench: %s: measured %g", row->name, *value);
	machine = probed ? (before + probe(b, row->limit)) / 2 : 0;
	if (scale)
		*value *= machine / BENCH_REFERENCE;
	*limit = is_probed(row) ? machine : row->limit == BENCH_BESIDE ? b->beside : row->most;
	return T2_OK;
}

enum t2_status
bench_repeat(struct bench *b, struct bench_result *r, bool scale, bench_once *once, void *arg,
	     struct t2_err *err)
{
	double value[BENCH_MOST], limit[BENCH_MOST], ratio[BENCH_MOST], start = clock_seconds(),
									all, own;
	int want = b->repeats ? b->repeats : REPEATS, n = 0;
	enum t2_status st = r->row->limit == BENCH_READ ? probe_buffer(b, err) : T2_OK;
	char stage[64];

	snprintf(stage, sizeof stage, "bench: %s", r->row->name);
	job_stage(b->job, stage, want);
	used(&all, &own);
	for (; !st && n < want && (n < LEAST || clock_seconds() - start < PATIENCE); n++) {
		if (job_cancelled(b->job))
			return t2_fail(err, T2_ECANCEL, "bench: cancelled");
		st = one(b, r->row, scale, once, arg, &value[n], &limit[n], err);
		if (st)
			return st;
		ratio[n] = share(r->row, value[n], limit[n]);
		job_step(b->job, 1);
	}
	if (st)
		return st;
	note_others(r, all, own, clock_seconds() - start);
	r->repeats = n;
	r->value = bench_median(value, n);
	r->limit = bench_median(limit, n);
	r->ratio = bench_median(ratio, n);
	r->low = r->high = ratio[0];
	for (int i = 1; i < n; i++) {
		r->low = ratio[i] < r->low ? ratio[i] : r->low;
		r->high = ratio[i] > r->high ? ratio[i] : r->high;
	}
	return T2_OK;
}

enum t2_status
bench_run(struct bench *b, const struct bench_row *row, struct bench_result *r, struct t2_err *err)
{
	struct memory_use before, most;
	struct memory_watch *watch;
	double held, probe, probe_before = b->probe_bytes / 1048576.0;
	enum t2_status st;

	memset(r, 0, sizeof *r);
	r->row = row;
	if (!b->memory)
		return run_row(b, row, r, err);
	malloc_trim(0); /* what rows before this one needed is not its own */
	before = memory_now();
	held = shape_bytes(b->shape) / 1048576;
	watch = memory_watch_begin();
	st = run_row(b, row, r, err);
	memory_watch_end(watch, &most);
	probe = b->probe_bytes / 1048576.0;
	r->resident = most.resident - probe;
	r->beside = most.own - before.own - (probe - probe_before) -
		    (shape_bytes(b->shape) / 1048576 - held);
	return st;
}
