#include "tui/repeats.h"

#include <stdlib.h>
#include <string.h>

/* The seed of a run with this task and these settings; -1: it is another one. */
static int64_t
seed_of(const struct run_row *r, const char *task, const json_t *wanted)
{
	json_t *o, *had = NULL, *seed;
	struct train_settings x;
	int64_t found = -1;

	if (strcmp(r->kind, "train") || strcmp(r->task, task))
		return -1;
	o = json_loads(r->settings, 0, NULL);
	seed = json_object_get(o, "seed");
	if (json_is_integer(seed) && !train_settings_from_json(&x, o, "a run's settings", NULL)) {
		had = train_settings_json(&x);
		if (json_equal(had, wanted))
			found = json_integer_value(seed);
	}
	json_decref(had);
	json_decref(o);
	return found;
}

int64_t
repeats_find(const struct run_list *l, const char *task, const struct train_settings *s,
	     int64_t seed)
{
	json_t *wanted = train_settings_json(s);
	int64_t latest = 0;

	for (int i = 0; i < l->n; i++)
		if (l->v[i].id > latest && seed_of(&l->v[i], task, wanted) == seed)
			latest = l->v[i].id;
	json_decref(wanted);
	return latest;
}

int64_t
repeats_free_seed(const struct run_list *l, const char *task, const struct train_settings *s)
{
	json_t *wanted = train_settings_json(s);
	char *taken =
		calloc((size_t)l->n + 1, 1); /* of n runs one of the first n + 1 seeds is free */
	int64_t seed = 0;

	for (int i = 0; taken && i < l->n; i++) {
		int64_t had = seed_of(&l->v[i], task, wanted);

		if (had >= 0 && had <= l->n)
			taken[had] = 1;
	}
	while (taken && taken[seed])
		seed++;
	free(taken);
	json_decref(wanted);
	return seed;
}
