#include "tui/repeats.h"

#include <stdlib.h>
#include <string.h>

/* What matters of a run. */
struct repeat {
	int64_t id;
	double started;
	bool read;
	int64_t seed; /* -1: its settings do not say how to do it again */
	struct train_settings set;
};

struct repeats {
	struct run_list runs;
	struct repeat *run; /* [runs.n], in the list's order */
};

struct repeats *
repeats_new(void)
{
	return calloc(1, sizeof(struct repeats));
}

void
repeats_free(struct repeats *p)
{
	if (!p)
		return;
	free(p->run);
	free(p);
}

static bool
same_run(const struct repeat *a, const struct run_row *b)
{
	return a->id == b->id && a->started >= b->started && a->started <= b->started;
}

bool
repeats_look(struct repeats *p, const struct run_list *l)
{
	bool same = p->run && l->n == p->runs.n;
	struct repeat *now;

	for (int i = 0; i < l->n && same; i++)
		same = same_run(&p->run[i], &l->v[i]);
	if (same) {
		p->runs = *l;
		return false;
	}
	now = calloc((size_t)l->n + 1, sizeof *now);
	/* both lists are by descending number */
	for (int i = 0, was = 0; now && i < l->n; i++) {
		now[i] = (struct repeat){.id = l->v[i].id, .started = l->v[i].started};
		while (was < p->runs.n && p->run[was].id > now[i].id)
			was++;
		if (was < p->runs.n && same_run(&p->run[was], &l->v[i]))
			now[i] = p->run[was];
	}
	free(p->run);
	p->run = now;
	p->runs = *l;
	if (!now)
		p->runs.n = 0;
	return true;
}

static bool
same_settings(const struct train_settings *a, const struct train_settings *b)
{
	bool same = !strcmp(a->preset, b->preset);

	for (const struct setting *t = train_settings_table; t->name && same; t++) {
		const void *x = (const char *)a + t->offset, *y = (const char *)b + t->offset;

		if (t->kind == SETTING_CHOICE)
			same = !strcmp(x, y);
		else if (t->kind == SETTING_INT)
			same = *(const int *)x == *(const int *)y;
		else
			same = *(const double *)x <= *(const double *)y &&
			       *(const double *)x >= *(const double *)y;
	}
	return same;
}

static void
read_run(struct repeat *x, const char *settings)
{
	json_t *o = json_loads(settings, 0, NULL), *seed = json_object_get(o, "seed");

	x->read = true;
	x->seed = -1;
	if (json_is_integer(seed) &&
	    !train_settings_from_json(&x->set, o, "a run's settings", NULL))
		x->seed = json_integer_value(seed);
	json_decref(o);
}

/* The seed of run i if it has this task and these settings; -1: it is another one. */
static int64_t
seed_of(struct repeats *p, int i, const char *task, const struct train_settings *wanted)
{
	const struct run_row *r = &p->runs.v[i];
	struct repeat *x = &p->run[i];

	if (strcmp(r->kind, "train") || strcmp(r->task, task))
		return -1;
	if (!x->read)
		read_run(x, r->settings);
	return x->seed >= 0 && same_settings(&x->set, wanted) ? x->seed : -1;
}

int64_t
repeats_find(struct repeats *p, const char *task, const struct train_settings *s, int64_t seed)
{
	int64_t latest = 0;

	for (int i = 0; i < p->runs.n; i++)
		if (p->run[i].id > latest && seed_of(p, i, task, s) == seed)
			latest = p->run[i].id;
	return latest;
}

int64_t
repeats_free_seed(struct repeats *p, const char *task, const struct train_settings *s)
{
	/* of n runs one of the first n + 1 seeds is free */
	char *taken = calloc((size_t)p->runs.n + 1, 1);
	int64_t seed = 0;

	for (int i = 0; taken && i < p->runs.n; i++) {
		int64_t had = seed_of(p, i, task, s);

		if (had >= 0 && had <= p->runs.n)
			taken[had] = 1;
	}
	while (taken && taken[seed])
		seed++;
	free(taken);
	return seed;
}
