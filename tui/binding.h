/* binding.h - what keys do: one kind of table drives dispatch, key bar, help, palette and the manual page.
 *
 *	static const struct binding mix_bindings[] = {
 *		{A_NONE, "+", "mix-up", "more of this expert", mixer_up, PANE(MIXER), BIND_BAR},
 *	};
 *	const struct binding *b = binding_find(sets, n, key, pane, can);
 *
 * Looked up in order: the view's own rows for the focused pane, the common actions that the pane can do, the rows that
 * hold everywhere.  A row of the common actions has no function: its action id is given to the view. */
#ifndef T2_BINDING_H
#define T2_BINDING_H

#include <stdbool.h>
#include <stddef.h>

struct view;
struct strbuf;

/* What the same key means in every pane.  A pane says which of them it can do (CAN(A_MARK) | ...). */
enum action {
	A_NONE,
	A_UP,
	A_DOWN,
	A_LEFT,
	A_RIGHT,
	A_TOP,
	A_BOTTOM,
	A_PAGE_UP,
	A_PAGE_DOWN,
	A_OPEN,
	A_BACK, /* Esc */
	A_EDIT,
	A_MARK,
	A_FILTER, /* the frame asks for the text; view_ops.filter gets it */
	A_NEXT,
	A_PREV,
	A_STEP_NEXT, /* ] */
	A_STEP_PREV, /* [ */
	A_MORE,	     /* + */
	A_LESS,	     /* - */
	A_COMPARE,
	A_DELETE,
	A_REFRESH,
	A_SORT,
	A_COUNT
};

#define CAN(a) (1u << (a))
#define CAN_MOVE                                                                                   \
	(CAN(A_UP) | CAN(A_DOWN) | CAN(A_TOP) | CAN(A_BOTTOM) | CAN(A_PAGE_UP) | CAN(A_PAGE_DOWN))
#define CAN_MOVE_2D (CAN_MOVE | CAN(A_LEFT) | CAN(A_RIGHT))
#define CAN_FILTER  (CAN(A_FILTER) | CAN(A_NEXT) | CAN(A_PREV))
#define CAN_LIST    (CAN_MOVE | CAN_FILTER)

#define PANE(n)	  (1u << (n))
#define PANES_ALL 0u

enum {
	BIND_BAR = 1,	 /* worth a place in the bottom band */
	BIND_HIDDEN = 2, /* neither in help nor palette: a second spelling */
	BIND_ARG = 4,	 /* takes text after its name in the palette */
	BIND_ALWAYS =
		8, /* holds in popups and text fields too, but for keys that type a character */
	BIND_LATE = 16, /* its place in the bottom band is behind the common keys */
};

/* What the text after a command's name is: Tab in the palette completes it. */
enum binding_arg {
	ARG_TEXT,
	ARG_MODEL, /* a model's path */
	ARG_FILE,
	ARG_THEME,
	ARG_GLYPHS,
	ARG_VIEW,
	ARG_EXPERT,
	ARG_TASK,
	ARG_MIXTURE,
	ARG_STRATEGY,
};
#define BIND_TAKES(arg) (BIND_ARG | (unsigned)(arg) << 8)

struct binding {
	enum action action;
	const char *keys; /* "j Down": names of key_parse(); "" for the palette only */
	const char *name; /* in the palette: lower case, words joined by '-' */
	const char *help; /* short, lower case, no period */
	void (*run)(struct view *v, void *state,
		    const char *arg); /* arg: NULL unless BIND_ARG and given */
	unsigned panes;		      /* PANE(i) | ...; PANES_ALL */
	unsigned flags;
};

struct binding_set {
	const char *scope; /* heading in help: "this pane", "everywhere" */
	const struct binding *rows;
	int n;
};

extern const struct binding_set binding_actions; /* the common ones */

/* Does the row hold for this pane, which can do these actions? */
bool binding_holds(const struct binding *b, int pane, unsigned can);
static inline enum binding_arg
binding_takes(const struct binding *b)
{
	return (enum binding_arg)(b->flags >> 8);
}

bool binding_has_key(const struct binding *b, int key);
const struct binding *binding_find(const struct binding_set *sets, int n, int key, int pane,
				   unsigned can);
const struct binding *binding_named(const struct binding_set *sets, int n, const char *name,
				    size_t len);
/* The first key's name, "" without one; buf[24]. */
const char *binding_key(const struct binding *b, char *buf);
/* All keys as "j, Down"; buf[64]. */
const char *binding_keys(const struct binding *b, char *buf);
/* NULL when sound, else what is wrong: unknown key names, one key twice in the same pane, bad names. */
const char *binding_check(const struct binding_set *set, char *buf, size_t cap);
/* A subsequence match for the palette: 0 no match, more is better. */
int binding_fuzzy(const char *text, const char *pattern);
/* mdoc lists, one a set, for the manual page. */
void binding_mdoc(const struct binding_set *sets, int n, struct strbuf *out);

#endif
