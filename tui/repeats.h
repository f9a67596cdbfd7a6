/* repeats.h - has this been trained already?  The same model, task, settings and seed give the same expert again.
 *
 *	int64_t seed = repeats_free_seed(&runs, "math", &settings);	// what no run of the list has had
 *	int64_t run = repeats_find(&runs, "math", &settings, 0);		// 0: none
 *
 * The list is of one model; names and threads make no difference. */
#ifndef T2_REPEATS_H
#define T2_REPEATS_H

#include "engine/train/settings.h"
#include "store/runs.h"

/* The latest such run's number; 0: there is none. */
int64_t repeats_find(const struct run_list *l, const char *task, const struct train_settings *s,
		     int64_t seed);
/* The smallest seed that no such run has had. */
int64_t repeats_free_seed(const struct run_list *l, const char *task,
			  const struct train_settings *s);

#endif
