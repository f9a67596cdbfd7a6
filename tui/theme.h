/* theme.h - what each part of the screen looks like: one table of roles, themes from files.
 *
 *	struct theme t;
 *	theme_builtin(&t, THEME_DARK);
 *	if (theme_load(&t, "light", err)) ...		// by name or path; on failure t is unchanged
 *	struct style s = t.style[TH_DIM];
 *
 * Files are key = value (t2tui-theme(5)); a key that a file leaves out is inherited.  On a terminal without colour
 * the mono theme is used whatever was asked for, so every distinction also exists as an attribute, mark or text. */
#ifndef T2_THEME_H
#define T2_THEME_H

#include <stdbool.h>
#include <stdint.h>
#include "engine/base/status.h"

enum {
	ATTR_BOLD = 1,
	ATTR_DIM = 2,
	ATTR_ITALIC = 4,
	ATTR_UNDERLINE = 8,
	ATTR_REVERSE = 16,
};

/* A colour of COLOR_KEEP leaves what is there: text on a selected row keeps the row's background. */
struct style {
	uint32_t fg, bg;
	uint8_t attr;
};

enum theme_role {
	TH_TEXT,
	TH_DIM,	  /* labels, units, what is secondary */
	TH_STALE, /* unknown, out of date, being computed */
	TH_STRONG,
	TH_TITLE,
	TH_BORDER,
	TH_FOCUS, /* border and title of the focused pane; the one accent */
	TH_BAR,	  /* top and bottom bands */
	TH_BRAND,
	TH_TAB,
	TH_TAB_ON,
	TH_KEY, /* key names in the bottom band */
	TH_MESSAGE,
	TH_ERROR,
	TH_SELECT,     /* the row or cell under the cursor, focused pane */
	TH_SELECT_OFF, /* the same in other panes */
	TH_MARK,       /* marked with space */
	TH_MATCH,      /* what a filter hit */
	TH_GOOD,       /* a clear gain only */
	TH_BAD,	       /* failure only */
	TH_WARN,
	TH_FIELD,      /* a text field */
	TH_FIELD_EDIT, /* while it takes letters */
	TH_POPUP,
	TH_POPUP_BORDER,
	TH_GAUGE,
	TH_TRACK, /* the empty part of gauges and sliders */
	TH_AXIS,
	TH_GRID,
	TH_CURSOR, /* the cursor line of a plot, a mark in it */
	TH_DIFFER, /* tokens that differ from base */
	TH_ROLES
};

enum { THEME_STOPS = 16, THEME_SERIES = 16 };

enum { RAMP_STEPS = 256 };

struct ramp {
	uint32_t stop[THEME_STOPS];
	int n;
	uint32_t step[RAMP_STEPS]; /* the whole of it, evenly */
};

struct theme {
	char name[64];
	bool mono;
	uint32_t background; /* of the role text; style[TH_TEXT] itself keeps what is there */
	struct style style[TH_ROLES];
	struct ramp sequential, diverging, probability;
	uint32_t series[THEME_SERIES]; /* experts, curves */
	int nseries;
};

enum theme_kind { THEME_DARK, THEME_MONO };

void theme_builtin(struct theme *t, enum theme_kind kind);
/* name: a path where it holds a '/', else NAME.theme in theme_dirs(). */
enum t2_status theme_load(struct theme *t, const char *name, struct t2_err *err);
/* The same from memory; where names it in messages. */
enum t2_status theme_parse(struct theme *t, const char *text, const char *where,
			   struct t2_err *err);
/* Names of all themes that can be loaded, sorted; the caller frees the array and each string. */
char **theme_names(int *n);
/* The role's key in a file, and what it is for. */
const char *theme_role_name(enum theme_role r);
const char *theme_role_help(enum theme_role r);

/* The ramp's colour at t, clamped to [0, 1]; NaN: the first. */
uint32_t theme_ramp(const struct ramp *r, double t);
/* Colour i of the series, around again after the last. */
struct style theme_series(const struct theme *t, int i);
/* A place in the series for a name (an expert, a run): the same name gets the same place everywhere; two names share
 * one only when all are taken. */
int theme_slot(const char *name);

#endif
