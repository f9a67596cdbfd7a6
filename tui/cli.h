/* cli.h - the command line: one table of subcommands drives parsing, --help, completion and the manual's synopsis.
 *
 *	static const struct opt opts[] = {{"--task", "TASK", "a task's name or folder"}, {0}};
 *	const struct command cmd_eval = {"eval", "MODEL", "accuracy on a task", opts, eval_run};
 *	...
 *	const char *task = cli_str(c, "--task");
 *	long limit = cli_int(c, "--limit", 1, 1000000, 0);
 *	if (c->bad) return 2;				// a message has been printed
 *
 * A command returns an exit status: 0 ok, 1 failed, 2 usage.  stdout is data, stderr is messages. */
#ifndef T2_CLI_H
#define T2_CLI_H

#include <jansson.h>
#include <stdbool.h>

#include "engine/base/job.h"
#include "engine/base/status.h"
#include "tui/workspace.h"

struct opt {
	const char *name; /* "--steps" or "-n" */
	const char *arg;  /* what it takes, NULL: a flag */
	const char *help;
};

struct cli;

struct command {
	const char *name, *args, *help;
	const struct opt *opts; /* ended by a zero row; may be NULL */
	int (*run)(struct cli *c);
	int most; /* positions at most: one more is a mistake, not to be left out in silence */
};

extern const struct command *const commands[]; /* ended by NULL; tui/commands.c */
extern const struct opt common_opts[];

enum { CLI_MAX = 256 };

struct cli {
	const struct command *cmd;
	const char *pos[CLI_MAX];
	int npos;
	struct {
		const char *name, *value;
	} set[CLI_MAX];
	int nset;
	bool json, quiet, bad;
	long seed, threads;
	const char *store_path;
	struct memory *memory; /* --memory; NULL: no limit */
	struct job job;	       /* cancelled by SIGINT, SIGTERM, SIGHUP */
	struct workspace ws;
	struct t2_err err;
};

const char *cli_near_verb(const char *typed);		    /* NULL: none is near */
const char *cli_str(const struct cli *c, const char *name); /* NULL: not given */
bool cli_flag(const struct cli *c, const char *name);
/* Out of range or not a number: prints a usage message, sets bad, returns dflt. */
long cli_int(struct cli *c, const char *name, long lo, long hi, long dflt);
double cli_real(struct cli *c, const char *name, double lo, double hi, double dflt);
/* Position i; missing: usage message naming what, bad set, NULL. */
const char *cli_pos(struct cli *c, int i, const char *what);
/* Verbs of a verb (expert list, expert show NAME), a table ended by a zero row.  The row that position 0 names, given no more
 * positions than it takes; NULL: a usage message was printed. */
struct cli_sub {
	const char *name;
	int most; /* positions, its own name among them */
	int (*run)(struct cli *c);
};
const struct cli_sub *cli_sub(struct cli *c, const struct cli_sub *subs);
int cli_usage(struct cli *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))); /* prints, returns 2 */
int
cli_fail(struct cli *
		 c); /* prints "t2tui: " and err.msg; returns 1, or 128+n when a signal cancelled */
void cli_note(const struct cli *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))); /* unless --quiet */
/* "t2tui: not kept: " and lost.msg, when there is one: with --quiet too, but for a store that is read-only by the user's own
 * choice. */
void cli_unkept(const struct cli *c, const struct t2_err *lost);

/* Opens the store and MODEL at position i (what: WS_* of workspace.h). Prints and sets c->bad to an exit code. */
int cli_open(struct cli *c, int i, int what);
/* Is T a task at all?  Asked before a model is opened and decomposed for it.  An exit status. */
int cli_task(struct cli *c, const char *name);
/* Prints obj as one line of JSON with full precision and releases it.  NULL (what json_pack gives where a text is not UTF-8
 * or a number not finite) fails the whole command: an empty line is no answer. */
void cli_json(json_t *obj);
/* A number, null where it is not finite; a text, with U+FFFD for what is not UTF-8.  Never NULL but out of memory. */
json_t *cli_json_real(double x);
json_t *cli_json_text(const char *s, size_t len);
/* For a table: the width that printf's %-*s needs to make s at least so many columns wide. */
int cli_field(const char *s, int cols);
/* For a table: x as fmt ("%.3g") has it, "-" where there is no such number. */
enum { CLI_FIGURE = 32 };
const char *cli_figure(char buf[CLI_FIGURE], const char *fmt, double x);
/* A whole file or standard input ("-" or NULL) into memory; the caller frees. */
enum t2_status cli_read_all(const char *path, char **out, size_t *len, struct t2_err *err);
/* "1,2,3" -> ids; malloced. */
enum t2_status cli_parse_ids(const char *text, int **ids, int *n, struct t2_err *err);

int cli_main(int argc, char **argv);

#endif
