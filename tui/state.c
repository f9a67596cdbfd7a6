#include "tui/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "engine/base/strbuf.h"

bool
state_path(const char *name, char *out, size_t size)
{
	const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	if (base && *base == '/')
		n = snprintf(out, size, "%s/t2tui/%s", base, name);
	else if (home && *home)
		n = snprintf(out, size, "%s/.local/state/t2tui/%s", home, name);
	else
		return false;
	return n > 0 && (size_t)n < size;
}

char **
state_read(const char *name, int *n)
{
	char path[PATH_MAX], *line = NULL, **v = NULL;
	size_t cap = 0;
	ssize_t len;
	FILE *f;

	*n = 0;
	if (!state_path(name, path, sizeof path) || !(f = fopen(path, "re")))
		return NULL;
	v = calloc(STATE_LINES, sizeof *v);
	while (v && *n < STATE_LINES && (len = getline(&line, &cap, f)) > 0) {
		if (line[len - 1] == '\n')
			line[--len] = 0;
		if (!len || strlen(line) != (size_t)len)
			continue;
		v[*n] = line;
		++*n;
		line = NULL;
		cap = 0;
	}
	free(line);
	fclose(f);
	return v;
}

void
state_free(char **lines, int n)
{
	for (int i = 0; i < n; i++)
		free(lines[i]);
	free(lines);
}

/* Makes every folder above the file, as private as XDG wants it. */
static bool
folders(char *path)
{
	for (char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
		bool ok;

		*s = 0;
		ok = !mkdir(path, 0700) || errno == EEXIST;
		*s = '/';
		if (!ok)
			return false;
	}
	return true;
}

static enum t2_status
replace(const char *path, const struct strbuf *b, struct t2_err *err)
{
	char part[PATH_MAX + 8];
	FILE *f;
	int fd;

	snprintf(part, sizeof part, "%s.XXXXXX", path);
	fd = mkostemp(part, O_CLOEXEC);
	f = fd >= 0 ? fdopen(fd, "we") : NULL;
	if (!f)
		return t2_fail(err, T2_EIO, "%s: %s", path, strerror(errno));
	if (b->len)
		fwrite(b->s, 1, b->len, f);
	if (fflush(f) || ferror(f) || rename(part, path)) {
		t2_fail(err, T2_EIO, "%s: %s", path, strerror(errno));
		fclose(f);
		unlink(part);
		return T2_EIO;
	}
	fclose(f);
	return T2_OK;
}

enum t2_status
state_update(const char *name,
	     void (*change)(void *arg, char *const *lines, int n, struct strbuf *out), void *arg,
	     struct t2_err *err)
{
	struct strbuf b = {0};
	char path[PATH_MAX], lock[PATH_MAX], **v;
	enum t2_status st = T2_OK;
	int n, fd;

	if (!state_path(name, path, sizeof path) || !state_path("lock", lock, sizeof lock))
		return t2_fail(err, T2_EIO, "%s: there is no home folder to keep it in", name);
	if (!folders(path) || (fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return t2_fail(err, T2_EIO, "%s: %s", path, strerror(errno));
	flock(fd, LOCK_EX);
	v = state_read(name, &n);
	change(arg, v, n, &b);
	st = b.failed ? t2_nomem(err, name) : replace(path, &b, err);
	close(fd);
	state_free(v, n);
	strbuf_free(&b);
	return st;
}
