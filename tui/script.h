/* script.h - the workbench without a terminal: keys from a file, screens into files.
 *
 *	script_open(&s, "tour.t2s", err);
 *	while ((st = script_step(s, app, canvas, &ms)) != SCRIPT_END) ...	// SCRIPT_WAIT: come back in ms
 *
 * One command a line, # starts a comment:
 *	key NAME ...	keys by name: j, Enter, Ctrl-l, Shift-Tab
 *	keys TEXT	each character is a key
 *	type TEXT	the same, for text fields; \n is Enter, \\ a backslash
 *	paste TEXT	as one bracketed paste
 *	mouse KIND X Y	press, drag, release, up, down (the wheel)
 *	resize WxH
 *	sleep MS
 *	wait TEXT [MS]	until the screen shows TEXT (5000 ms): a failure after that.  TEXT with spaces in "..."
 *	wait-not TEXT [MS]
 *	expect TEXT, expect-not TEXT
 *	shot FILE	the screen into FILE, .txt or .svg (- : stdout as text), also: shot FILE X Y W H
 *	export FILE	the focused pane into FILE, .txt, .csv or .svg
 *	export-screen FILE	the same as shot
 * Files are written over without asking. */
#ifndef T2_SCRIPT_H
#define T2_SCRIPT_H

#include "engine/base/status.h"

struct app;
struct canvas;
struct script;

enum script_status { SCRIPT_STEPPED, SCRIPT_WAIT, SCRIPT_END, SCRIPT_FAILED };

enum t2_status script_open(struct script **out, const char *path, struct t2_err *err);
void script_close(struct script *s);
/* The screen is up to date when this is called.  On SCRIPT_FAILED err says line and reason. */
enum script_status script_step(struct script *s, struct app *a, const struct canvas *c, int *ms,
			       struct t2_err *err);

#endif
