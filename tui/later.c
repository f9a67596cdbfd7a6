/* What waits until nobody types: a job that ends by itself must not take the keys that are meant for a text. */
#include <stdlib.h>

#include "tui/app_state.h"

struct later {
	void (*run)(struct app *a, void *arg);
	void *arg;
	void (*drop)(void *arg);
	struct later *next;
};

bool
app_typing(struct app *a)
{
	return a->overlay || app_view(a)->editing;
}

void
app_later(struct app *a, void (*run)(struct app *a, void *arg), void *arg, void (*drop)(void *arg))
{
	struct later **last = &a->later, *x = calloc(1, sizeof *x);

	if (!x) {
		if (drop)
			drop(arg);
		app_error(a, "out of memory");
		return;
	}
	*x = (struct later){run, arg, drop, NULL};
	while (*last)
		last = &(*last)->next;
	*last = x;
	event_wake(a->queue);
}

static void
first_drop(struct app *a)
{
	struct later *x = a->later;

	a->later = x->next;
	if (x->drop)
		x->drop(x->arg);
	free(x);
}

void
app_later_drop(struct app *a)
{
	while (a->later)
		first_drop(a);
}

void
app_later_step(struct app *a)
{
	while (a->later && !app_typing(a)) {
		a->later->run(a, a->later->arg);
		first_drop(a);
	}
}
