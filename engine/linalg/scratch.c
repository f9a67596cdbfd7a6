#include "engine/linalg/scratch.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

struct scratch {
	float *p[SCRATCH_SLOTS];
	size_t cap[SCRATCH_SLOTS]; /* floats */
};

static pthread_key_t key;
static _Thread_local struct scratch *mine;

static void
scratch_free(void *arg)
{
	struct scratch *s = arg;

	for (int i = 0; i < SCRATCH_SLOTS; i++)
		free(s->p[i]);
	free(s);
}

/* Keys have no destructor call in the main thread: its buffers live as long as the process and stay reachable. */
static void
make_key(void)
{
	if (pthread_key_create(&key, scratch_free))
		key = (pthread_key_t)-1; /* pthread_setspecific() then fails below */
}

static struct scratch *
scratch_new(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct scratch *s = calloc(1, sizeof *s);

	pthread_once(&once, make_key);
	if (s && pthread_setspecific(key, s)) {
		free(s);
		return NULL;
	}
	return s;
}

float *
scratch_floats(enum scratch_slot slot, size_t n)
{
	if (!mine && !(mine = scratch_new()))
		return NULL;
	if (n > mine->cap[slot]) {
		free(mine->p[slot]);
		mine->cap[slot] = 0;
		mine->p[slot] = n < SIZE_MAX / sizeof(float) - 64
					? aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64)
					: NULL;
		if (!mine->p[slot])
			return NULL;
		mine->cap[slot] = n;
	}
	return mine->p[slot];
}
