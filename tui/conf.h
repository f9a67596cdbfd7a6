/* conf.h - the workbench's settings file, t2tui.conf(5): key = value, one table of settings; then [keys] sections.
 *
 *	struct conf k;
 *	conf_default(&k);
 *	if (conf_load(&k, NULL, err)) ...	// $XDG_CONFIG_HOME/t2tui/t2tui.conf; no such file is fine
 *	keymap_new(&m, views, n, k.keys, k.nkeys, k.path, err);
 *	conf_free(&k);
 *
 * Options of the command line win over it; that is the caller's part.  The rows of [keys] are kept as they stand: what
 * commands there are, keymap.h knows. */
#ifndef T2_CONF_H
#define T2_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/status.h"
#include "tui/keymap.h"

struct conf {
	char theme[512], glyphs[16], colors[16]; /* "": chosen by the terminal (theme: dark) */
	bool mouse;
	int threads; /* 0: all */
	int view;
	char path[1024]; /* of the file that was read, "": none */
	struct keymap_row *keys;
	int nkeys;
};

enum conf_kind { CONF_TEXT, CONF_CHOICE, CONF_BOOL, CONF_INT };

struct conf_key {
	const char *name;
	enum conf_kind kind;
	size_t offset, size; /* in struct conf */
	int lo, hi;
	const char *choices; /* "ascii|block|braille" */
	const char *dflt;
	const char *help;
};

extern const struct conf_key conf_table[]; /* ended by a NULL name */

void conf_default(struct conf *k);
void conf_free(struct conf *k);
enum t2_status conf_set(struct conf *k, const char *name, const char *value, struct t2_err *err);
/* path NULL: the user's own, which may be absent.  An unknown section, even an empty one, an unknown key or a value out of
 * range names file and line; k is then as it was. */
enum t2_status conf_load(struct conf *k, const char *path, struct t2_err *err);

#endif
