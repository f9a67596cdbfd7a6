#include "tui/bench/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TICK_NS 5000000

struct memory_watch {
	pthread_t thread;
	atomic_bool over;
	struct memory_use most;
};

struct memory_use
memory_now(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	struct memory_use m = {0, 0};
	char line[256];
	long kb;

	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			m.resident = (double)kb / 1024;
		else if (sscanf(line, "RssAnon: %ld", &kb) == 1)
			m.own = (double)kb / 1024;
	}
	if (f)
		fclose(f);
	return m;
}

static void
look(struct memory_use *most)
{
	struct memory_use m = memory_now();

	most->resident = m.resident > most->resident ? m.resident : most->resident;
	most->own = m.own > most->own ? m.own : most->own;
}

static void *
watch(void *arg)
{
	struct memory_watch *w = arg;
	const struct timespec tick = {.tv_nsec = TICK_NS};

	while (!atomic_load(&w->over)) {
		look(&w->most);
		nanosleep(&tick, NULL);
	}
	return NULL;
}

struct memory_watch *
memory_watch_begin(void)
{
	struct memory_watch *w = calloc(1, sizeof *w);

	if (w && pthread_create(&w->thread, NULL, watch, w)) {
		free(w);
		return NULL;
	}
	return w;
}

void
memory_watch_end(struct memory_watch *w, struct memory_use *most)
{
	*most = (struct memory_use){0, 0};
	if (w) {
		atomic_store(&w->over, true);
		pthread_join(w->thread, NULL);
		*most = w->most;
	}
	look(most);
	free(w);
}
