/* cpu.h - what this processor can do, as far as the kernels ask: CPUID, and what the system saves (XCR0).
 *
 *	if (cpu_features()->avx512) ...		// F, DQ, BW, VL, and the system keeps the wide registers
 *
 * Read once; immutable after.  On a processor that is not x86-64 everything is false. */
#ifndef T2_CPU_H
#define T2_CPU_H

#include <stdbool.h>

#include "engine/base/status.h"

enum cpu_vendor { CPU_OTHER, CPU_INTEL, CPU_AMD };

struct cpu {
	enum cpu_vendor vendor;
	int family, model;
	char name[49]; /* the brand string, "" where there is none */
	bool avx2;     /* AVX2, FMA and F16C */
	bool avx512;   /* F, DQ, BW, VL on top of avx2 */
	bool avx512_bf16;
	bool avx512_vnni;
	bool amx_bf16; /* tiles, on top of avx512; cpu_allow_amx() comes before the first */
};

const struct cpu *cpu_features(void);
/* Asks the system to let all threads of this process use tiles.  T2_EUNSUP: there are none, or it says no. */
enum t2_status cpu_allow_amx(struct t2_err *err);

#endif
