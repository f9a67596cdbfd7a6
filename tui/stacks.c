#include "tui/stacks.h"

#include <sys/mman.h>
#include <unistd.h>

/* What a thread without attributes would get: the limit of the main thread's stack, mostly 8 MB. */
static size_t
stack_size(void)
{
	static size_t size;
	pthread_attr_t attr;

	if (!size) {
		pthread_attr_init(&attr);
		pthread_attr_getstacksize(&attr, &size);
		pthread_attr_destroy(&attr);
	}
	return size;
}

static size_t
page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* The guard page lies below the stack. */
static void *
stack_map(void)
{
	char *p = mmap(NULL, page() + stack_size(), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (mprotect(p, page(), PROT_NONE)) {
		munmap(p, page() + stack_size());
		return NULL;
	}
	return p + page();
}

static void
stack_unmap(void *low)
{
	munmap((char *)low - page(), page() + stack_size());
}

void *
stacks_take(struct stacks *s, pthread_attr_t *attr)
{
	void *low = s->n ? s->free[--s->n] : stack_map();

	if (!low)
		return NULL;
	pthread_attr_init(attr);
	if (!pthread_attr_setstack(attr, low, stack_size()))
		return low;
	pthread_attr_destroy(attr);
	stack_unmap(low);
	return NULL;
}

void
stacks_give(struct stacks *s, void *low)
{
	if (s->n < STACKS_FREE)
		s->free[s->n++] = low;
	else
		stack_unmap(low);
}

void
stacks_trim(struct stacks *s)
{
	while (s->n)
		stack_unmap(s->free[--s->n]);
}
