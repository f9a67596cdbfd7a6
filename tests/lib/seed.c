#include "tests/lib/seed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SEED_MAX = 1 << 17 }; /* larger ones only slow a fuzzer down */

void
seed_save(const char *kind, const void *bytes, size_t n)
{
	static int count;
	const char *dir = getenv("T2_SEEDS");
	char path[1000];
	FILE *f;

	if (!dir || !*dir || n > SEED_MAX)
		return;
	mkdir(dir, 0777);
	snprintf(path, sizeof path, "%s/%s", dir, kind);
	mkdir(path, 0777);
	snprintf(path, sizeof path, "%s/%s/%s.%05d", dir, kind, program_invocation_short_name,
		 count++);
	f = fopen(path, "wb");
	if (!f || fwrite(bytes, 1, n, f) != n || fclose(f)) {
		fprintf(stderr, "%s: cannot write\n", path);
		abort();
	}
}
