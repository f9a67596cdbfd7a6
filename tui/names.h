/* names.h - texts in the order they came, each once, and where each stands.
 *
 *	struct names x = {0};
 *	names_add(&x, "math");			// place 0
 *	int at = names_find(&x, "math");	// -1: is not there
 *	names_free(&x);
 *
 * The texts stay their owner's and must outlive it. */
#ifndef T2_NAMES_H
#define T2_NAMES_H

#include <stdbool.h>

struct names {
	const char **v; /* borrowed texts */
	int *slot;	/* [2 * cap] places, -1: free; cap is a power of two */
	int n, cap;
};

/* false: no memory, or no text; a text that is there already is no failure. */
bool names_add(struct names *x, const char *text);
int names_find(const struct names *x, const char *text);
void names_free(struct names *x);

#endif
