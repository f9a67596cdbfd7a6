/* theme_choice.h - the theme chosen in the workbench, kept in the state folder for the next time.
 *
 *	if (theme_remembered(conf.theme, name, sizeof name)) ...	// in place of the file's
 *	theme_remember("light", conf.theme, err);
 *
 * What was chosen last wins: it is kept with the setting that t2tui.conf had then, and is forgotten when that changes. */
#ifndef T2_THEME_CHOICE_H
#define T2_THEME_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include "engine/base/status.h"

struct app;

/* conf: what t2tui.conf says, "": nothing.  false also where the theme cannot be loaded any more. */
bool theme_remembered(const char *conf, char *out, size_t size);
enum t2_status theme_remember(const char *name, const char *conf, struct t2_err *err);
/* The theme of now, said and remembered. */
void theme_keep(struct app *a);

#endif
