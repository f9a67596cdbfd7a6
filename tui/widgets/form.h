/* form.h - a list of settings with values, each with its range and help.
 *
 *	static const struct form_field fields[] = {
 *		{FORM_HEADING, NULL, "optimiser"},
 *		{FORM_REAL, "lr", "learning rate", "step size of Adam", .lo = 1e-6, .hi = 1, .initial = "0.002"},
 *		{FORM_CHOICE, "method", "method", "what is trained", .choices = (const char *const[]){"svf", "lora", NULL}},
 *	};
 *	form_init(&f, fields, n);			// values: initial
 *	form_draw(&f, c, r, focused); form_action(&f, a); if (f.editing) form_key(&f, key);
 *	form_number(&f, "lr"), form_value(&f, "method"), form_set(&f, "lr", "0.01")
 *
 * Enter, e or Space edit text and numbers, turn switches, step through choices; + - step numbers and choices.  What is
 * out of range is not accepted and says why.  After form_action() or form_key() returned true, f.changed is the index
 * of a field whose value is new, else -1. */
#ifndef T2_WIDGETS_FORM_H
#define T2_WIDGETS_FORM_H

#include <stdbool.h>
#include "tui/binding.h"
#include "tui/canvas.h"
#include "tui/event.h"
#include "tui/widgets/editor.h"

enum form_kind { FORM_HEADING, FORM_TEXT, FORM_INT, FORM_REAL, FORM_CHOICE, FORM_SWITCH };

struct form_field {
	enum form_kind kind;
	const char *key, *label, *help, *unit;
	double lo, hi;		    /* numbers; equal: any */
	const char *const *choices; /* NULL at the end */
	const char *initial;	    /* NULL: "", 0, the first choice, no */
};

enum { FORM_VALUE = 256 };

struct form {
	const struct form_field *field;
	int n;
	char (*value)[FORM_VALUE];
	int sel, top, changed;
	bool editing; /* mirror it into view_edit() */
	struct editor e;
	char error[160];
	int height; /* as drawn */
	/* Optional: a word on what a value costs or means, at the right of its row. */
	void (*note)(void *arg, int field, char buf[80]);
	/* Optional: what to show for a value that stands for something else ("rule: 0.02" for 0); empty: the value.  While it
	 * is edited the value itself shows. */
	void (*stands_for)(void *arg, int field, char buf[80]);
	void *arg;
};

bool form_init(struct form *f, const struct form_field *field, int n); /* false: no memory */
void form_free(struct form *f);
void form_draw(struct form *f, struct canvas *c, struct rect r, bool focused);
bool form_action(struct form *f, enum action a);
bool form_key(struct form *f, int key); /* while editing */
bool form_paste(struct form *f, const char *text);
bool form_mouse(struct form *f, const struct mouse *m); /* pane coordinates */
int form_index(const struct form *f, const char *key);	/* -1: no such field */
const char *form_value(const struct form *f, const char *key);
double form_number(const struct form *f, const char *key);
/* All values as lines, for another form of the same settings: NULL: no memory.  What that one does not accept it leaves. */
char *form_keep(const struct form *f);
void form_restore(struct form *f, const char *kept);
/* false: not acceptable, f.error says why, the old value stays. */
bool form_set(struct form *f, const char *key, const char *value);

#endif
