#include "engine/base/memory.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

struct memory {
	size_t limit, taken;
	void (*tell)(void *arg, const char *line);
	void *arg;
	char last[200];	      /* line told */
	pthread_mutex_t lock; /* guards taken and last */
};

enum t2_status
memory_parse(const char *text, size_t *bytes, struct t2_err *err)
{
	static const char letters[] = "KMG";
	char *end;
	double x;
	const char *at;

	errno = 0;
	x = strtod(text, &end);
	at = end != text && *end ? strchr(letters, *end >= 'a' ? *end - 'a' + 'A' : *end) : NULL;
	for (int i = 0; at && i <= at - letters; i++)
		x *= 1024;
	if (end == text || errno || !(x >= 1) || x >= (double)SIZE_MAX / 2 ||
	    (at ? end[1] : end[0]) != 0)
		return t2_fail(err, T2_EINVAL,
			       "memory \"%.40s\": a number with K, M or G is wanted, e.g. 800M",
			       text);
	*bytes = (size_t)x;
	return T2_OK;
}

struct memory *
memory_new(size_t limit, void (*tell)(void *arg, const char *line), void *arg)
{
	struct memory *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->limit = limit;
	m->tell = tell;
	m->arg = arg;
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

void
memory_listen(struct memory *m, void (*tell)(void *arg, const char *line), void *arg)
{
	if (!m)
		return;
	m->tell = tell;
	m->arg = arg;
}

void
memory_free(struct memory *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->lock);
	free(m);
}

size_t
memory_limit(const struct memory *m)
{
	return m ? m->limit : SIZE_MAX;
}

size_t
memory_room(const struct memory *m)
{
	struct memory *open = (struct memory *)m;
	size_t room;

	if (!m)
		return SIZE_MAX;
	pthread_mutex_lock(&open->lock);
	room = m->taken < m->limit ? m->limit - m->taken : 0;
	pthread_mutex_unlock(&open->lock);
	return room;
}

void
memory_take(struct memory *m, size_t bytes)
{
	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	m->taken += bytes;
	pthread_mutex_unlock(&m->lock);
}

void
memory_give(struct memory *m, size_t bytes)
{
	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	m->taken -= bytes < m->taken ? bytes : m->taken;
	pthread_mutex_unlock(&m->lock);
}

void
memory_tell(struct memory *m, const char *fmt, ...)
{
	char line[sizeof m->last];
	va_list ap;
	bool news;

	if (!m)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&m->lock);
	news = strcmp(line, m->last) != 0;
	memcpy(m->last, line, sizeof line);
	pthread_mutex_unlock(&m->lock);
	if (news && m->tell)
		m->tell(m->arg, line);
}

enum t2_status
memory_short(const struct memory *m, size_t need, struct t2_err *err, const char *what)
{
	size_t room = memory_room(m), limit = memory_limit(m), least = limit - room + need;

	return t2_fail(
		err, T2_ENOMEM,
		"memory limit of %zu MiB: %s takes %zu MiB where %zu MiB are left: the least "
		"that would do is %zuM",
		limit / MIB, what, (need + MIB - 1) / MIB, room / MIB, (least + MIB - 1) / MIB);
}

int
memory_threads(int threads)
{
	return threads > MEMORY_THREADS ? threads : MEMORY_THREADS;
}

/* A control group's limit; SIZE_MAX: none. */
static size_t
group_limit(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long long bytes;
	size_t limit = SIZE_MAX;

	if (!f)
		return limit;
	if (fscanf(f, "%llu", &bytes) == 1 && bytes < SIZE_MAX)
		limit = (size_t)bytes;
	fclose(f);
	return limit;
}

size_t
memory_machine(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), each = sysconf(_SC_PAGESIZE);
	size_t all = pages > 0 && each > 0 ? (size_t)pages * (size_t)each : SIZE_MAX,
	       now = group_limit("/sys/fs/cgroup/memory.max"),
	       old = group_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes");

	all = now < all ? now : all;
	return old < all ? old : all;
}
