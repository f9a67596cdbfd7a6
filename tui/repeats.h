/* repeats.h - has this been trained already?  The same model, task, settings and seed give the same expert again.
 *
 *	struct repeats *p = repeats_new();
 *	repeats_look(p, &runs);		// again whenever runs have come or gone: only new ones are read
 *	int64_t seed = repeats_free_seed(p, "math", &settings);	// what no run of the list has had
 *	int64_t run = repeats_find(p, "math", &settings, 0);	// 0: none
 *
 * The list is of one model; names and threads make no difference.  A run's settings are taken in once, when its task is
 * asked for; number and start say which run it is, for numbers are given again. */
#ifndef T2_REPEATS_H
#define T2_REPEATS_H

#include <stdbool.h>

#include "engine/train/settings.h"
#include "store/runs.h"

struct repeats;

struct repeats *repeats_new(void); /* NULL: no memory */
void repeats_free(struct repeats *p);
/* The list has to stay until the next look, or until repeats_free().  True where runs have come or gone since the last
 * one; without memory it knows none. */
bool repeats_look(struct repeats *p, const struct run_list *l);
/* The latest such run's number; 0: there is none. */
int64_t repeats_find(struct repeats *p, const char *task, const struct train_settings *s,
		     int64_t seed);
/* The smallest seed that no such run has had. */
int64_t repeats_free_seed(struct repeats *p, const char *task, const struct train_settings *s);

#endif
