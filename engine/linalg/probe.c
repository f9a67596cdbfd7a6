#include "engine/linalg/probe.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/job.h"
#include "engine/linalg/cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define PROBE_SECONDS 0.2
#define FMA_TURNS     400000	/* some tens of milliseconds */
#define READ_CHUNK    (4 << 20) /* bytes a task */

/* What a loop computes must be seen to be used, or it is no loop. */
static _Atomic uint32_t sink;

static void
swallow(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	atomic_fetch_xor(&sink, bits);
}

/* Ten independent chains: five cycles of latency on two ports. */
#define CHAINS 10

static double
fma_plain(void)
{
	float acc[CHAINS][4] = {{0}}, x = 0.999f;

	for (int t = 0; t < FMA_TURNS; t++)
		for (int i = 0; i < CHAINS; i++)
			for (int j = 0; j < 4; j++)
				acc[i][j] = acc[i][j] * x + x;
	for (int i = 0; i < CHAINS; i++)
		swallow(acc[i][0] + acc[i][1] + acc[i][2] + acc[i][3]);
	return 2.0 * 4 * CHAINS * FMA_TURNS;
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static double
fma_avx2(void)
{
	__m256 acc[CHAINS], x = _mm256_set1_ps(0.999f);

	for (int i = 0; i < CHAINS; i++)
		acc[i] = _mm256_set1_ps((float)i);
	for (int t = 0; t < FMA_TURNS; t++) {
#pragma GCC unroll 10
		for (int i = 0; i < CHAINS; i++)
			acc[i] = _mm256_fmadd_ps(acc[i], x, x);
		__asm__ volatile("" : "+x"(x));
	}
	for (int i = 1; i < CHAINS; i++)
		acc[0] = _mm256_add_ps(acc[0], acc[i]);
	swallow(_mm256_cvtss_f32(acc[0]));
	return 2.0 * 8 * CHAINS * FMA_TURNS;
}

__attribute__((target("avx512f"))) static double
fma_avx512(void)
{
	__m512 acc[CHAINS], x = _mm512_set1_ps(0.999f);

	for (int i = 0; i < CHAINS; i++)
		acc[i] = _mm512_set1_ps((float)i);
	for (int t = 0; t < FMA_TURNS; t++) {
#pragma GCC unroll 10
		for (int i = 0; i < CHAINS; i++)
			acc[i] = _mm512_fmadd_ps(acc[i], x, x);
		__asm__ volatile("" : "+v"(x));
	}
	for (int i = 1; i < CHAINS; i++)
		acc[0] = _mm512_add_ps(acc[0], acc[i]);
	swallow(_mm512_cvtss_f32(acc[0]));
	return 2.0 * 16 * CHAINS * FMA_TURNS;
}
#endif

static double (*fma_loop(void))(void)
{
#if defined(__x86_64__)
	if (cpu_features()->avx512)
		return fma_avx512;
	if (cpu_features()->avx2)
		return fma_avx2;
#endif
	return fma_plain;
}

struct fma_work {
	double (*loop)(void);
	double flop; /* of one task */
};

static void
fma_task(void *arg, int task, int worker)
{
	struct fma_work *w = arg;
	double flop = w->loop();

	(void)worker;
	if (task == 0)
		w->flop = flop;
}

double
probe_f32_peak(struct pool *p)
{
	struct fma_work w = {.loop = fma_loop()};
	int tasks = pool_threads(p);
	double best = 0, start = clock_seconds(), t0, t1;

	do {
		t0 = clock_seconds();
		pool_run(p, tasks, fma_task, &w);
		t1 = clock_seconds();
		double rate = w.flop * tasks / (t1 - t0) * 1e-9;
		best = rate > best ? rate : best;
	} while (t1 - start < PROBE_SECONDS);
	return best;
}

static float
read_plain(const char *p, size_t bytes)
{
	uint64_t sum[8] = {0}, v[8];

	for (; bytes >= sizeof v; bytes -= sizeof v, p += sizeof v) {
		memcpy(v, p, sizeof v);
		for (int i = 0; i < 8; i++)
			sum[i] ^= v[i];
	}
	for (int i = 1; i < 8; i++)
		sum[0] ^= sum[i];
	return (float)sum[0];
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static float
read_avx2(const char *p, size_t bytes)
{
	__m256i sum[8];

	for (int i = 0; i < 8; i++)
		sum[i] = _mm256_setzero_si256();
	for (; bytes >= 256; bytes -= 256, p += 256) {
		for (int i = 0; i < 4; i++)
			_mm_prefetch(p + 8192 + 64 * i, _MM_HINT_T0);
#pragma GCC unroll 8
		for (int i = 0; i < 8; i++)
			sum[i] = _mm256_xor_si256(sum[i],
						  _mm256_loadu_si256((const __m256i *)p + i));
	}
	for (int i = 1; i < 8; i++)
		sum[0] = _mm256_xor_si256(sum[0], sum[i]);
	return (float)_mm256_extract_epi64(sum[0], 0);
}
#endif

struct read_work {
	const char *buf;
	size_t bytes;
};

static void
read_task(void *arg, int task, int worker)
{
	const struct read_work *w = arg;
	size_t from = (size_t)task * READ_CHUNK, n = w->bytes - from;

	(void)worker;
	if (n > READ_CHUNK)
		n = READ_CHUNK;
#if defined(__x86_64__)
	if (cpu_features()->avx2) {
		swallow(read_avx2(w->buf + from, n));
		return;
	}
#endif
	swallow(read_plain(w->buf + from, n));
}

double
probe_read_bandwidth(struct pool *p, const void *buf, size_t bytes)
{
	struct read_work w = {.buf = buf, .bytes = bytes};
	int tasks = (int)((bytes + READ_CHUNK - 1) / READ_CHUNK);
	double best = 0, start = clock_seconds(), t0, t1;

	do {
		t0 = clock_seconds();
		pool_run(p, tasks, read_task, &w);
		t1 = clock_seconds();
		double rate = (double)bytes / (t1 - t0) * 1e-9;
		best = rate > best ? rate : best;
	} while (t1 - start < PROBE_SECONDS);
	return best;
}
