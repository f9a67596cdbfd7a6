/* undo.h - what "u" takes back: the last steps of this session that can be, newest first.
 *
 *	undo_push(&u, &(struct undo_step){.what = "delete expert math", .undo = restore, .arg = kept, .drop = free});
 *	if (undo_last(&u, app, what) == UNDO_DONE) app_say(app, "undone: %s", what);
 *	undo_clear(&u);
 *
 * Views push through app_undo_push() (app.h) and know nothing of the stack.  A full stack forgets its oldest steps: more than
 * UNDO_STEPS, or those before the newest that together hold more than UNDO_BYTES - a deleted run is all its rollouts. */
#ifndef T2_UNDO_H
#define T2_UNDO_H

#include <stdbool.h>
#include <stddef.h>

struct app;

enum { UNDO_STEPS = 64, UNDO_BYTES = 16 << 20, UNDO_WHAT = 160 };

struct undo_step {
	char what[UNDO_WHAT]; /* "delete expert math" */
	/* Puts things back.  false: it could not, has said why, and the step stays to be tried again. */
	bool (*undo)(struct app *a, void *arg);
	void *arg;
	void (*drop)(void *arg); /* may be NULL */
	size_t bytes;		 /* about what arg holds in memory */
	int view;		 /* the one it was done in; -1: none, a job made it */
};

struct undo_stack {
	struct undo_step step[UNDO_STEPS];
	int n;
	int held; /* so many steps are being made or taken back by jobs: until they end nothing else is taken back */
};

/* UNDO_HELD: not now; UNDO_LATER: the step has left the stack, and its job says how it ended. */
enum undo_result { UNDO_NONE, UNDO_DONE, UNDO_FAILED, UNDO_HELD, UNDO_LATER };

void undo_push(struct undo_stack *u, const struct undo_step *s); /* owns s->arg from now on */
enum undo_result undo_last(struct undo_stack *u, struct app *a, char what[UNDO_WHAT]);
void undo_clear(struct undo_stack *u);

#endif
