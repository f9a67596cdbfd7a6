#include "tui/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
try(const char *dir, const char *rel, char *out, int size)
{
	int n = snprintf(out, (size_t)size, "%s/%s", dir, rel);

	return n > 0 && n < size && access(out, R_OK) == 0;
}

bool
paths_share(const char *rel, char *out, int size)
{
	char exe[1024];
	const char *over = getenv("T2TUI_SHARE");
	ssize_t n;

	if (over && *over)
		return try(over, rel, out, size);
	n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (n > 0) {
		char *slash;

		exe[n] = 0;
		/* build/t2tui and build/tests/x of a checkout; PREFIX/bin/t2tui of an installation */
		for (int up = 0; up < 3 && (slash = strrchr(exe, '/')); up++) {
			char dir[1100];

			*slash = 0;
			if (up >= 1 && try(exe, rel, out, size)) {
				snprintf(dir, sizeof dir, "%s/samples", exe);
				if (access(dir, R_OK) == 0)
					return true;
			}
			snprintf(dir, sizeof dir, "%s/share/t2tui", exe);
			if (try(dir, rel, out, size))
				return true;
		}
	}
	return try(T2_PREFIX "/share/t2tui", rel, out, size);
}
