#include "tui/undo.h"

#include <string.h>

static void
step_drop(struct undo_step *s)
{
	if (s->drop)
		s->drop(s->arg);
}

/* How many steps, the oldest first, do not fit beside a new one of so many bytes? */
static int
too_many(const struct undo_stack *u, size_t bytes)
{
	int from = u->n;

	while (from > 0 && u->n - from < UNDO_STEPS - 1) {
		bytes += u->step[from - 1].bytes;
		if (bytes > UNDO_BYTES)
			break;
		from--;
	}
	return from;
}

void
undo_push(struct undo_stack *u, const struct undo_step *s)
{
	int old = too_many(u, s->bytes);

	for (int i = 0; i < old; i++)
		step_drop(&u->step[i]);
	u->n -= old;
	memmove(u->step, u->step + old, (size_t)u->n * sizeof *u->step);
	u->step[u->n++] = *s;
}

/* The step is off the stack while it runs: it may push steps of its own. */
enum undo_result
undo_last(struct undo_stack *u, struct app *a, char what[UNDO_WHAT])
{
	struct undo_step s;

	what[0] = 0;
	if (u->held)
		return UNDO_HELD;
	if (!u->n)
		return UNDO_NONE;
	s = u->step[--u->n];
	memcpy(what, s.what, sizeof s.what);
	if (!s.undo(a, s.arg)) {
		undo_push(u, &s);
		return UNDO_FAILED;
	}
	step_drop(&s);
	return u->held ? UNDO_LATER : UNDO_DONE;
}

void
undo_clear(struct undo_stack *u)
{
	while (u->n)
		step_drop(&u->step[--u->n]);
}
