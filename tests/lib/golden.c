#include "tests/lib/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *
shared_path(const char *rel)
{
	static char bufs[8][1024];
	static int next;
	const char *root = getenv("T2_SHARED");
	char *p = bufs[next = (next + 1) % 8];

	snprintf(p, sizeof bufs[0], "%s/%s", root && *root ? root : "../shared", rel);
	return access(p, R_OK) ? NULL : p;
}

const char *
golden_path(const char *rel)
{
	char p[900];

	snprintf(p, sizeof p, "goldens/%s", rel);
	return shared_path(p);
}

static char dir[512];

static void
remove_dir(void)
{
	char cmd[600];

	snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
	if (system(cmd))
		fprintf(stderr, "cannot remove %s\n", dir);
}

const char *
temp_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof dir, "%s/t2test.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		abort();
	atexit(remove_dir);
	return dir;
}
