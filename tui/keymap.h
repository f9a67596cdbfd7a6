/* keymap.h - the tables of bindings with the user's keys in them (the [keys] sections of t2tui.conf(5)).
 *
 *	struct keymap_row rows[] = {{12, "", "quit", "Q"}, {15, "runs", "stop", "X"}};
 *	keymap_new(&k, views, nviews, rows, 2, "t2tui.conf", err);
 *	n = keymap_sets(k, 7, sets);			// what holds in view 7, in the order of look-up
 *	keymap_free(k);
 *
 * Every view has tables of its own: a row without a scope changes all of them, one with a view's name that view alone,
 * whatever the order.  Dispatch, key bar, help and palette read these tables and no others.  A row gives all keys of
 * its command; no keys leaves it to the palette. */
#ifndef T2_KEYMAP_H
#define T2_KEYMAP_H

#include "engine/base/status.h"
#include "tui/binding.h"

struct keymap;
struct view_ops;

struct keymap_row {
	int line;
	char scope[32]; /* a view's name in any case; "": every view */
	char name[48],
		keys[80]; /* name "": a section without rows, whose view is to be one all the same */
};

/* Jobs and Log need not be among the views.  T2_EFORMAT: "where:line: why", for an unknown view, command or key, and
 * where two commands of one pane would have the same key. */
enum t2_status keymap_new(struct keymap **out, const struct view_ops *const *views, int nviews,
			  const struct keymap_row *rows, int nrows, const char *where,
			  struct t2_err *err);
void keymap_free(struct keymap *k);
/* view -1: what holds in every view that says nothing else.  The view's own rows (left out where it has none), the common actions, what holds everywhere; returns how many. */
int keymap_sets(const struct keymap *k, int view, struct binding_set out[3]);
/* Has the user given the row other keys? */
bool keymap_changed(const struct keymap *k, const struct binding *b);

#endif
