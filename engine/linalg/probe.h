/* probe.h - the limits of this machine, measured: what `t2tui bench` holds every figure against.
 *
 *	struct pool *p = pool_new(0);
 *	double peak1 = probe_f32_peak(NULL), peak = probe_f32_peak(p);	// GFLOPS, one thread and all
 *	double read = probe_read_bandwidth(p, buf, bytes);		// GB/s (1e9)
 *
 * Each call takes about 0.2 s: the best of several short runs, so that it may be repeated between the things measured
 * (two virtual processors are not always two cores).  The pool's threads start together; the time is the slowest's. */
#ifndef T2_PROBE_H
#define T2_PROBE_H

#include <stddef.h>

#include "engine/base/pool.h"

/* Multiply-adds on registers with the widest vectors kern.h uses here; two FLOP each.  NULL: the caller alone. */
double probe_f32_peak(struct pool *p);
/* Reading buf once from end to end; it should be far larger than the caches (512 MiB; MADV_HUGEPAGE helps) and
 * have been written. */
double probe_read_bandwidth(struct pool *p, const void *buf, size_t bytes);

#endif
