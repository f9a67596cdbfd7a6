#include "engine/linalg/cpu.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct cpu found;

#if defined(__x86_64__)
#include <cpuid.h>

/* Register states the system saves on a switch of threads: a feature without its state is an illegal instruction. */
#define XCR0_AVX    0x6u     /* SSE and the upper halves of ymm */
#define XCR0_AVX512 0xe6u    /* and opmask, the upper halves of zmm, zmm16-31 */
#define XCR0_AMX    0x600e6u /* and tile configuration and data */

static uint64_t
xcr0(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

static bool
has(uint32_t reg, int bit)
{
	return reg >> bit & 1;
}

static void
read_vendor(uint32_t signature)
{
	uint32_t a, r[3];
	char name[13] = {0};

	__cpuid(0, a, r[0], r[2], r[1]);
	memcpy(name, r, 12);
	found.vendor = !strcmp(name, "GenuineIntel")   ? CPU_INTEL
		       : !strcmp(name, "AuthenticAMD") ? CPU_AMD
						       : CPU_OTHER;
	found.family = signature >> 8 & 15;
	found.model = signature >> 4 & 15;
	if (found.family == 15)
		found.family += signature >> 20 & 255;
	if (found.family >= 6)
		found.model |= (signature >> 16 & 15) << 4;
}

static void
read_name(void)
{
	uint32_t r[12];

	if (__get_cpuid_max(0x80000000, NULL) < 0x80000004)
		return;
	for (uint32_t i = 0; i < 3; i++)
		__cpuid(0x80000002 + i, r[4 * i], r[4 * i + 1], r[4 * i + 2], r[4 * i + 3]);
	memcpy(found.name, r, 48);
}

static void
read_features(void)
{
	uint32_t a, b, c, d, ecx1, b7, c7, d7;

	if (!__get_cpuid(1, &a, &b, &ecx1, &d))
		return;
	read_vendor(a);
	read_name();
	if (!has(ecx1, 27)) /* OSXSAVE: the system uses XCR0 at all */
		return;
	uint64_t saved = xcr0();
	if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d7) || (saved & XCR0_AVX) != XCR0_AVX)
		return;
	found.avx2 = has(ecx1, 28) && has(ecx1, 12) && has(ecx1, 29) && has(b7, 5);
	if (!found.avx2 || (saved & XCR0_AVX512) != XCR0_AVX512)
		return;
	found.avx512 = has(b7, 16) && has(b7, 17) && has(b7, 30) && has(b7, 31);
	if (!found.avx512)
		return;
	found.avx512_vnni = has(c7, 11);
	found.amx_bf16 = has(d7, 22) && has(d7, 24) && (saved & XCR0_AMX) == XCR0_AMX;
	if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d))
		found.avx512_bf16 = has(a, 5);
}

static bool
ask_for_tiles(void)
{
	enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

	return !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
}
#else
static void
read_features(void)
{
}

static bool
ask_for_tiles(void)
{
	return false;
}
#endif

const struct cpu *
cpu_features(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_features);
	return &found;
}

enum t2_status
cpu_allow_amx(struct t2_err *err)
{
	if (!cpu_features()->amx_bf16)
		return t2_fail(err, T2_EUNSUP,
			       "this processor, or the system on it, has no AMX: unset it");
	if (!ask_for_tiles())
		return t2_fail(err, T2_EUNSUP,
			       "the system does not let this program use AMX: %s: unset it",
			       strerror(errno));
	return T2_OK;
}
