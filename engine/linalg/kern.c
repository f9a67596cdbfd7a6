#include "engine/linalg/kern.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "engine/linalg/cpu.h"
#include "engine/linalg/kern_amx.h"
#include "engine/linalg/kern_impl.h"
#include "engine/linalg/scratch.h"

static const struct kern_impl *const levels[] = {
	[KERN_PLAIN] = &kern_plain,
#if defined(__x86_64__)
	[KERN_AVX2] = &kern_avx2,
	[KERN_AVX512] = &kern_avx512,
	[KERN_AMX] = &kern_amx,
#endif
};
#define LEVELS ((int)(sizeof levels / sizeof *levels))

static const struct kern_impl *_Atomic chosen; /* NULL until the first use */
static atomic_bool amx_allowed;		       /* and checked */

static enum kern_level
best_level(void)
{
	const struct cpu *cpu = cpu_features();
	enum kern_level level = cpu->avx512 ? KERN_AVX512 : cpu->avx2 ? KERN_AVX2 : KERN_PLAIN;

	return (int)level < LEVELS ? level : LEVELS - 1;
}

static enum t2_status
allow_amx(struct t2_err *err)
{
	enum t2_status st = cpu_allow_amx(err);

	if (st)
		return t2_wrap(err, st, "T2_KERNELS=amx");
#if defined(__x86_64__)
	st = kern_amx_check(&kern_amx, err);
#endif
	amx_allowed = !st;
	return st;
}

enum t2_status
kern_init(struct t2_err *err)
{
	const char *wish = getenv("T2_KERNELS");
	enum kern_level level = best_level();
	enum t2_status st = T2_OK;

	for (int i = 0; wish && i < (int)level; i++)
		if (!strcmp(wish, levels[i]->name))
			level = i;
	if (wish && !strcmp(wish, "amx") && !(st = allow_amx(err)))
		level = KERN_AMX;
	atomic_store(&chosen, levels[level]);
	return st;
}

bool
kern_has_amx(void)
{
	return cpu_features()->amx_bf16;
}

const struct kern_impl *
kern_current(void)
{
	const struct kern_impl *k = atomic_load_explicit(&chosen, memory_order_acquire);

	if (k)
		return k;
	kern_init(NULL);
	return atomic_load(&chosen);
}

enum kern_level
kern_level(void)
{
	const struct kern_impl *k = kern_current();

	for (int i = 0; i < LEVELS; i++)
		if (levels[i] == k)
			return i;
	return KERN_PLAIN;
}

const char *
kern_name(void)
{
	return kern_current()->name;
}

void
kern_force(enum kern_level level)
{
	enum kern_level best = amx_allowed ? KERN_AMX : best_level();

	atomic_store(&chosen, levels[level < best ? level : best]);
}

const float *
kern_arrange(const struct kern_impl **k, enum dtype t, const float *x, int ldx, int n, int rows)
{
	size_t size = (*k)->arranged_size ? (*k)->arranged_size(t, n, rows) : 0;
	float *arranged = size ? scratch_floats(SCRATCH_X, size) : NULL;

	if (arranged)
		(*k)->arrange(t, x, ldx, n, rows, arranged);
	else if (size)
		*k = &kern_plain;
	return arranged;
}

void
kern_matvec(enum dtype t, const void *W, int mrows, int n, const float *x, int ldx, int rows,
	    float *y, int ldy)
{
	const struct kern_impl *k = kern_current();
	const float *arranged = kern_arrange(&k, t, x, ldx, n, rows);

	k->matvec(t, W, mrows, n, x, ldx, rows, y, ldy, arranged);
}

void
kern_unpack(enum dtype t, const void *src, size_t n, float *dst)
{
	kern_current()->unpack(t, src, n, dst);
}

float
kern_dot(const float *a, const float *b, int n)
{
	return kern_current()->dot(a, b, n);
}

void
kern_axpy(float *y, float a, const float *x, int n)
{
	kern_current()->axpy(y, a, x, n);
}

void
kern_scale_mul(float *y, const float *x, const float *s, int n)
{
	kern_current()->scale_mul(y, x, s, n);
}

void
kern_rmsnorm(float *y, const float *x, const float *w, int n, float eps)
{
	kern_current()->rmsnorm(y, x, w, n, eps);
}

void
kern_silu_mul(float *y, const float *gate, const float *up, int n)
{
	kern_current()->silu_mul(y, gate, up, n);
}

void
kern_softmax(float *x, int n)
{
	kern_current()->softmax(x, n);
}

double
kern_logsumexp(const float *x, int n)
{
	return kern_current()->logsumexp(x, n);
}
