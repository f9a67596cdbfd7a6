#include "tui/names.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static int *
names_slot(const struct names *x, const char *text)
{
	size_t mask = 2 * (size_t)x->cap - 1, at = XXH3_64bits(text, strlen(text)) & mask;

	while (x->slot[at] >= 0 && strcmp(x->v[x->slot[at]], text))
		at = (at + 1) & mask;
	return &x->slot[at];
}

static bool
names_grow(struct names *x)
{
	int cap = x->cap ? 2 * x->cap : 64;
	const char **v = realloc(x->v, (size_t)cap * sizeof *v);
	int *slot = malloc(2 * (size_t)cap * sizeof *slot);

	if (v)
		x->v = v;
	if (!v || !slot) {
		free(slot);
		return false;
	}
	free(x->slot);
	x->slot = slot;
	x->cap = cap;
	memset(slot, -1, 2 * (size_t)cap * sizeof *slot);
	for (int i = 0; i < x->n; i++)
		*names_slot(x, v[i]) = i;
	return true;
}

bool
names_add(struct names *x, const char *text)
{
	int *slot;

	if (!text || (x->n == x->cap && !names_grow(x)))
		return false;
	slot = names_slot(x, text);
	if (*slot < 0) {
		x->v[x->n] = text;
		*slot = x->n++;
	}
	return true;
}

int
names_find(const struct names *x, const char *text)
{
	return x->n ? *names_slot(x, text) : -1;
}

void
names_free(struct names *x)
{
	free(x->v);
	free(x->slot);
	memset(x, 0, sizeof *x);
}
