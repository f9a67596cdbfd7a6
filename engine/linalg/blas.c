#include "engine/linalg/blas.h"

#include <blis.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine/linalg/cpu.h"
#include "engine/linalg/kern.h"

/* The families of the library that this file trusts, by BLIS 0.9.0's numbers.  The library itself would take any
 * number, and anything else than a number as 0: an illegal instruction on a processor without AVX-512. */
static const struct family {
	int id;
	const char *name;
	enum { NEEDS_NOTHING, NEEDS_AVX2, NEEDS_AVX512 } needs;
} families[] = {
	{BLIS_ARCH_SKX, "skx", NEEDS_AVX512}, {BLIS_ARCH_HASWELL, "haswell", NEEDS_AVX2},
	{BLIS_ARCH_ZEN3, "zen3", NEEDS_AVX2}, {BLIS_ARCH_ZEN2, "zen2", NEEDS_AVX2},
	{BLIS_ARCH_ZEN, "zen", NEEDS_AVX2},   {BLIS_ARCH_GENERIC, "generic", NEEDS_NOTHING},
};
#define FAMILIES ((int)(sizeof families / sizeof *families))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct family *in_use; /* set once, under lock */

static const struct family *
family_find(long id)
{
	for (int i = 0; i < FAMILIES; i++)
		if (families[i].id == id)
			return &families[i];
	return NULL;
}

/* AVX-512 of AMD's family 0x19 (Zen 4) runs at half width: there the 256-bit kernels, better tuned, win by 5-10 %. */
static const struct family *
family_best(void)
{
	const struct cpu *cpu = cpu_features();

	if (cpu->avx512 && !(cpu->vendor == CPU_AMD && cpu->family <= 0x19))
		return family_find(BLIS_ARCH_SKX);
	if (cpu->avx2)
		return family_find(cpu->vendor == CPU_AMD ? BLIS_ARCH_ZEN3 : BLIS_ARCH_HASWELL);
	return family_find(BLIS_ARCH_GENERIC);
}

static enum t2_status
family_of_user(const char *text, const struct family **out, struct t2_err *err)
{
	const struct cpu *cpu = cpu_features();
	char *end;

	errno = 0;
	long id = strtol(text, &end, 10);
	const struct family *f = *text && !*end && !errno ? family_find(id) : NULL;
	if (!f)
		return t2_fail(err, T2_EINVAL,
			       "BLIS_ARCH_TYPE: \"%s\" is none of 0 (skx), 3 (haswell), 6 (zen3), "
			       "7 (zen2), 8 (zen), "
			       "25 (generic): unset it",
			       text);
	if ((f->needs == NEEDS_AVX512 && !cpu->avx512) || (f->needs == NEEDS_AVX2 && !cpu->avx2))
		return t2_fail(err, T2_EINVAL,
			       "BLIS_ARCH_TYPE: this processor cannot run the %s kernels: unset it",
			       f->name);
	*out = f;
	return T2_OK;
}

static enum t2_status
start_blis(struct t2_err *err)
{
	const char *user = getenv("BLIS_ARCH_TYPE");
	const struct family *f = family_best();
	char id[16];
	enum t2_status st = kern_init(err);

	if (st)
		return st;
	if (user) {
		st = family_of_user(user, &f, err);
		if (st)
			return st;
	}
	snprintf(id, sizeof id, "%d", f->id);
	if (setenv("BLIS_ARCH_TYPE", id, 1))
		return t2_nomem(err, "environment");
	bli_init();
	/* One thread a call: the pool is ours, BLIS would create threads anew for every product. */
	bli_thread_set_ways(1, 1, 1, 1, 1);
	bli_thread_set_num_threads(1);
	in_use = family_find(bli_arch_query_id());
	if (!in_use)
		return t2_fail(err, T2_EUNSUP, "BLIS: unknown kernel family %d",
			       (int)bli_arch_query_id());
	return T2_OK;
}

enum t2_status
blas_init(struct t2_err *err)
{
	enum t2_status st = T2_OK;

	pthread_mutex_lock(&lock);
	if (!in_use)
		st = start_blis(err);
	pthread_mutex_unlock(&lock);
	return st;
}

const char *
blas_family(void)
{
	return in_use ? in_use->name : "not started";
}

const char *
blas_best_family(void)
{
	return family_best()->name;
}

static char library[256];

/* LAPACK calls dgemm_(), whoever defines it; that may be another library than the one this file was linked with. */
static void
find_library(void)
{
	Dl_info ours, theirs, blis;
	const char *file;

	if (!dladdr((void *)(uintptr_t)dgemm_, &theirs) ||
	    !dladdr((void *)(uintptr_t)blas_init, &ours) ||
	    !dladdr((void *)(uintptr_t)bli_init, &blis)) {
		snprintf(library, sizeof library, "unknown");
		return;
	}
	file = theirs.dli_fname;
	if (theirs.dli_fbase != blis.dli_fbase)
		snprintf(library, sizeof library, "%s (not BLIS)", file);
	else
		snprintf(library, sizeof library, "BLIS %s (%s)", bli_info_get_version_str(),
			 theirs.dli_fbase == ours.dli_fbase ? "static" : file);
}

const char *
blas_library(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, find_library);
	return library;
}
