/* The names that commands of the workbench take: experts, tasks, mixtures, strategies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/mixtures.h"
#include "tui/tasks.h"
#include "tui/world.h"

struct words {
	char **v;
	int n;
};

static void
word_add(struct words *w, const char *prefix, const char *name)
{
	char **grown = realloc(w->v, ((size_t)w->n + 1) * sizeof *grown);

	if (!grown)
		return; /* one suggestion less */
	w->v = grown;
	if (asprintf(&w->v[w->n], "%s%s", prefix, name) >= 0)
		w->n++;
}

static void
experts_add(struct words *w, const struct world *world, const char *prefix)
{
	for (int i = 0; i < world->experts.n; i++)
		word_add(w, prefix, world->experts.v[i].name);
}

static void
mixtures_add(struct words *w, struct world *world, const char *prefix)
{
	struct mixture_list m;
	struct t2_err err;

	if (store_mixture_list(world->ui.store, world->ui.model_id, &m, &err)) {
		world_unread(world, &err);
		return;
	}
	for (int i = 0; i < m.n; i++)
		word_add(w, prefix, m.v[i].name);
	mixture_list_free(&m);
}

char **
world_words(void *user, enum binding_arg what, int *n)
{
	static const char *const fixed[] = {"auto", "base", "cls", "prompt"};
	struct world *world = user;
	struct words w = {0};

	switch (what) {
	case ARG_TASK:
		return tasks_names(n);
	case ARG_EXPERT:
		experts_add(&w, world, "");
		break;
	case ARG_MIXTURE:
		mixtures_add(&w, world, "");
		break;
	case ARG_STRATEGY:
		for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
			word_add(&w, "", fixed[i]);
		experts_add(&w, world, "expert:");
		mixtures_add(&w, world, "mix:");
		break;
	default:
		break;
	}
	*n = w.n;
	return w.v;
}
