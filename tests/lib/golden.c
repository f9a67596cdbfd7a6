#include "tests/lib/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static char root[512];

static void
remove_root(void)
{
	char cmd[600];

	snprintf(cmd, sizeof cmd, "rm -rf '%s'", root);
	if (system(cmd))
		fprintf(stderr, "cannot remove %s\n", root);
}

const char *
temp_dir(void)
{
	static char dirs[16][560];
	static int made;
	const char *tmp = getenv("TMPDIR");
	char *dir;

	if (!made) {
		snprintf(root, sizeof root, "%s/t2test.XXXXXX", tmp && *tmp ? tmp : "/tmp");
		if (!mkdtemp(root))
			abort();
		atexit(remove_root);
	}
	dir = dirs[made % 16];
	snprintf(dir, sizeof dirs[0], "%s/%d", root, made++);
	if (mkdir(dir, 0777))
		abort();
	return dir;
}
