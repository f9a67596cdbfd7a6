#include "tui/undo.h"

#include <string.h>

static void
step_drop(struct undo_step *s)
{
	if (s->drop)
		s->drop(s->arg);
}

void
undo_push(struct undo_stack *u, const struct undo_step *s)
{
	if (u->n == UNDO_STEPS) {
		step_drop(&u->step[0]);
		memmove(u->step, u->step + 1, sizeof u->step - sizeof *u->step);
		u->n--;
	}
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
