#include "engine/base/mapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t nothing[1];

/* Read in pages of 2 MiB where the file system keeps such: weights are read from end to end for every token, and a third of
 * that time can go to finding 4 KiB pages.  Not for files so large that touching them here and there would read them. */
#define LARGE_FROM ((size_t)2 << 20)
#define LARGE_TO   ((size_t)1 << 30)

enum t2_status
mapfile_open(struct mapfile *out, const char *path, struct t2_err *err)
{
	struct stat st;
	void *p;
	int fd;

	memset(out, 0, sizeof *out);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would wait for its writer */
	if (fd < 0)
		return t2_fail(err, errno == ENOENT ? T2_ENOTFOUND : T2_EIO, "%s: cannot open: %s",
			       path, strerror(errno));
	if (fstat(fd, &st)) {
		t2_fail(err, T2_EIO, "%s: cannot stat: %s", path, strerror(errno));
		close(fd);
		return T2_EIO;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return t2_fail(err, T2_EIO, "%s: not a regular file", path);
	}
	if (st.st_size == 0) {
		close(fd);
		out->data = nothing;
		return T2_OK;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return t2_fail(err, T2_EIO, "%s: cannot map %lld bytes: %s", path,
			       (long long)st.st_size, strerror(errno));
	out->data = p;
	out->size = (size_t)st.st_size;
	if (out->size >= LARGE_FROM && out->size <= LARGE_TO)
		madvise(p, out->size,
			MADV_HUGEPAGE); /* a wish: pages that are cached stay as they are */
	return T2_OK;
}

void
mapfile_close(struct mapfile *m)
{
	if (m->size)
		munmap((void *)m->data, m->size);
	memset(m, 0, sizeof *m);
}
