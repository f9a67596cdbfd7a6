#include "tui/prefetch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine/base/job.h"

enum { CHUNK = 1 << 20 }; /* what is counted in */

static bool
is_weights(const char *name)
{
	const char *end = strrchr(name, '.');

	return end && (!strcmp(end, ".safetensors") || !strcmp(end, ".gguf"));
}

static off_t
file_size(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) ? st.st_size : 0;
}

/* Calls fn for each file of the model. */
static void
each_file(const char *path, void (*fn)(void *arg, const char *file), void *arg)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char file[4400];

	if (!d) {
		fn(arg, path);
		return;
	}
	while ((e = readdir(d)))
		if (is_weights(e->d_name) &&
		    snprintf(file, sizeof file, "%s/%s", path, e->d_name) < (int)sizeof file)
			fn(arg, file);
	closedir(d);
}

static void
add_size(void *arg, const char *file)
{
	*(off_t *)arg += (file_size(file) + CHUNK - 1) / CHUNK;
}

struct reader {
	struct job *job;
	char *buf; /* [CHUNK] */
};

/* In memory already?  Where the system cannot say it is read, which is quick then. */
static bool
cached(int fd, char *buf, off_t at)
{
	struct iovec v = {.iov_base = buf, .iov_len = 1};

	return preadv2(fd, &v, 1, at, RWF_NOWAIT) == 1;
}

static void
read_file(void *arg, const char *file)
{
	struct reader *r = arg;
	off_t size = file_size(file), at;
	int fd = size ? open(file, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	for (at = 0; at < size && !job_cancelled(r->job); at += CHUNK) {
		if (!cached(fd, r->buf, at) && pread(fd, r->buf, CHUNK, at) <= 0)
			break;
		job_step(r->job, 1);
	}
	close(fd);
}

void
prefetch_model(const char *path, struct job *job)
{
	off_t total = 0, memory = (off_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	struct reader r = {.job = job, .buf = malloc(CHUNK)};

	each_file(path, add_size, &total);
	if (r.buf && total <= memory / 2 / CHUNK) {
		job_stage(job, "reading MiB", total);
		each_file(path, read_file, &r);
	}
	free(r.buf);
}
