#include "tui/cli.h"
#include "tui/near.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/memory.h"
#include "engine/base/utf8.h"
#include "engine/linalg/blas.h"
#include "store/wait.h"
#include "tui/utf8.h"

const struct opt common_opts[] = {
	{"--store", "FILE", "the store (default: $XDG_DATA_HOME/t2tui/t2.db)"},
	{"--threads", "N", "threads (default: all)"},
	{"--memory", "LIMIT",
	 "beside mapped files, e.g. 800M: smaller batches where work would take more"},
	{"--seed", "N", "seed of everything random (default: 0)"},
	{"--json", NULL, "one JSON object, or one a line, on stdout"},
	{"--quiet", NULL, "no messages but errors"},
	{"--help", NULL, "this text"},
	{0},
};

static volatile sig_atomic_t caught;
static bool json_lost; /* something could not be said in JSON */
static struct job *running;

static void
on_signal(int sig)
{
	caught = sig;
	if (running)
		atomic_store(&running->cancelled, true); /* lock-free: safe here */
}

/* Progress on a terminal's stderr, ten times a second at most. */
static void
show_progress(void *arg)
{
	static _Atomic double last;
	struct cli *c = arg;
	struct job_progress p;
	double now = clock_seconds();

	job_read(&c->job, &p);
	if (now - last < 0.1 && p.done < p.total)
		return;
	last = now;
	if (p.total <= 0)
		return;
	fprintf(stderr, "\r%s %ld/%ld", p.stage, p.done, p.total);
	if (p.eta >= 1)
		fprintf(stderr, "  %.0f s left   ", p.eta);
	else
		fprintf(stderr, "            ");
	if (p.done >= p.total)
		fprintf(stderr, "\r\033[K");
}

const char *
cli_str(const struct cli *c, const char *name)
{
	for (int i = c->nset - 1; i >= 0; i--)
		if (!strcmp(c->set[i].name, name))
			return c->set[i].value ? c->set[i].value : "";
	return NULL;
}

bool
cli_flag(const struct cli *c, const char *name)
{
	return cli_str(c, name) != NULL;
}

long
cli_int(struct cli *c, const char *name, long lo, long hi, long dflt)
{
	const char *s = cli_str(c, name);
	char *end;
	long x;

	if (!s)
		return dflt;
	errno = 0;
	x = strtol(s, &end, 10);
	if (errno || end == s || *end || x < lo || x > hi) {
		cli_usage(c, "%s %s: a whole number from %ld to %ld is wanted", name, s, lo, hi);
		return dflt;
	}
	return x;
}

double
cli_real(struct cli *c, const char *name, double lo, double hi, double dflt)
{
	const char *s = cli_str(c, name);
	char *end;
	double x;

	if (!s)
		return dflt;
	x = strtod(s, &end);
	if (end == s || *end || !isfinite(x) || x < lo || x > hi) {
		cli_usage(c, "%s %s: a number from %g to %g is wanted", name, s, lo, hi);
		return dflt;
	}
	return x;
}

const char *
cli_pos(struct cli *c, int i, const char *what)
{
	if (i < c->npos)
		return c->pos[i];
	cli_usage(c, "%s is missing", what);
	return NULL;
}

const struct cli_sub *
cli_sub(struct cli *c, const struct cli_sub *subs)
{
	char names[200] = "";
	size_t n = 0;

	for (const struct cli_sub *s = subs; s->name; s++) {
		if (c->npos && !strcmp(s->name, c->pos[0])) {
			if (c->npos <= s->most)
				return s;
			cli_usage(c, "%s: one argument too many", c->pos[s->most]);
			return NULL;
		}
		n += (size_t)snprintf(names + n, sizeof names - n, "%s%s",
				      n ? s[1].name ? ", " : " or " : "", s->name);
	}
	if (c->npos)
		cli_usage(c, "%s %s: %s is wanted", c->cmd->name, c->pos[0], names);
	else
		cli_usage(c, "%s: say which: %s", c->cmd->name, names);
	return NULL;
}

int
cli_usage(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->bad)
		return 2; /* one message is enough */
	c->bad = true;
	fprintf(stderr, "t2tui: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (c->cmd && *c->cmd->name)
		fprintf(stderr, "; \"t2tui %s --help\" shows what it takes\n", c->cmd->name);
	else
		fprintf(stderr, "; \"t2tui --help\" lists the verbs\n");
	return 2;
}

int
cli_fail(struct cli *c)
{
	if (caught) {
		fprintf(stderr, "t2tui: stopped by signal %d\n", (int)caught);
		return 128 + caught;
	}
	/* one line, whatever a file's name or a database had to say */
	for (char *p = c->err.msg; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	fprintf(stderr, "t2tui: %s\n", c->err.msg);
	return 1;
}

void
cli_note(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet)
		return;
	fprintf(stderr, "t2tui: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void
cli_unkept(const struct cli *c, const struct t2_err *lost)
{
	const char *why = store_unwritable(c->ws.store);

	fflush(stdout); /* the answer first */
	if (lost->code && !(c->quiet && why && !strcmp(why, "read-only")))
		fprintf(stderr, "t2tui: not kept: %s\n", lost->msg);
}

int
cli_open(struct cli *c, int i, int what)
{
	const char *name = cli_pos(c, i, "MODEL");

	if (!name)
		return 2;
	if (workspace_start(&c->ws, (int)c->threads, c->store_path, &c->err) ||
	    workspace_model(&c->ws, name, what, &c->job, &c->err))
		return cli_fail(c);
	return 0;
}

int
cli_task(struct cli *c, const char *name)
{
	struct task *t = NULL;
	enum t2_status st = workspace_task(name, &t, &c->err);

	task_free(t);
	return st ? cli_fail(c) : 0;
}

void
cli_json(json_t *obj)
{
	if (!obj) {
		fprintf(stderr, "t2tui: JSON: the result holds a text that is not UTF-8 or a "
				"number that is not finite\n");
		json_lost = true;
		return;
	}
	json_dumpf(obj, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
	fputc('\n', stdout);
	fflush(stdout);
	json_decref(obj);
}

json_t *
cli_json_real(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

json_t *
cli_json_text(const char *s, size_t len)
{
	struct strbuf b = {0};
	json_t *j;

	if (!s || utf8_valid(s, len))
		return json_stringn(s ? s : "", s ? len : 0);
	utf8_clean(&b, s, len);
	j = b.failed ? NULL : json_stringn(b.s, b.len);
	strbuf_free(&b);
	return j;
}

int
cli_field(const char *s, int cols)
{
	return cols + (int)strlen(s) - utf8_width_str(s);
}

const char *
cli_figure(char buf[CLI_FIGURE], const char *fmt, double x)
{
	if (isnan(x))
		return "-";
	snprintf(buf, CLI_FIGURE, fmt, x);
	return buf;
}

enum t2_status
cli_read_all(const char *path, char **out, size_t *len, struct t2_err *err)
{
	bool std = !path || !strcmp(path, "-");
	FILE *f = std ? stdin : fopen(path, "rbe");
	size_t cap = 65536, n = 0, got;
	char *p;

	*out = NULL;
	*len = 0;
	if (!f)
		return t2_fail(err, T2_EIO, "%s: cannot open: %s", path, strerror(errno));
	p = malloc(cap + 1);
	while (p && (got = fread(p + n, 1, cap - n, f)) > 0) {
		n += got;
		if (n == cap) {
			char *q = realloc(p, (cap *= 2) + 1);

			if (!q)
				free(p);
			p = q;
		}
	}
	if (p && ferror(f)) {
		t2_fail(err, T2_EIO, "%s: cannot read: %s", std ? "standard input" : path,
			strerror(errno));
		free(p);
		if (!std)
			fclose(f);
		return T2_EIO;
	}
	if (!std)
		fclose(f);
	if (!p)
		return t2_nomem(err, "reading");
	p[n] = 0;
	*out = p;
	*len = n;
	return T2_OK;
}

enum t2_status
cli_parse_ids(const char *text, int **ids, int *n, struct t2_err *err)
{
	size_t cap = strlen(text) / 2 + 2;
	int *v = malloc(cap * sizeof *v);
	const char *p = text;

	*ids = NULL;
	*n = 0;
	if (!v)
		return t2_nomem(err, "ids");
	while (*p) {
		char *end;
		long x = strtol(p, &end, 10);

		if (end == p || x < 0 || x > 1 << 30 || (*end && *end != ',' && *end != ' ')) {
			free(v);
			return t2_fail(
				err, T2_EINVAL,
				"token ids \"%.40s\": numbers with commas between are wanted",
				text);
		}
		v[(*n)++] = (int)x;
		p = *end ? end + 1 : end;
	}
	*ids = v;
	return T2_OK;
}

enum { HELP_WIDTH = 80, HELP_INDENT = 29 };

/* text after what stands up to column at, broken between words; what follows begins under it. */
static void
print_wrapped(const char *text, int at, int indent)
{
	while (*text) {
		int room = HELP_WIDTH - at, n = (int)strlen(text);

		if (n > room) {
			for (n = room; n > 0 && text[n] != ' ';)
				n--;
			while (n > 0 && text[n - 1] == ' ') /* two stand between sentences */
				n--;
			if (!n) /* one long word */
				n = (int)strcspn(text, " ");
		}
		printf("%.*s\n", n, text);
		text += n;
		text += strspn(text, " ");
		if (*text)
			printf("%*s", indent, "");
		at = indent;
	}
}

static void
print_opts(const struct opt *o)
{
	for (; o && o->name; o++) {
		char left[60];

		snprintf(left, sizeof left, "%s%s%s", o->name, o->arg ? " " : "",
			 o->arg ? o->arg : "");
		printf("  %-26s ", left);
		print_wrapped(o->help, HELP_INDENT, HELP_INDENT);
	}
}

/* "list | show NAME": a line each. */
static void
print_usage(const struct command *cmd)
{
	const char *args = cmd->args, *lead = "usage:";

	for (;;) {
		const char *end = strstr(args, " | ");
		int n = end ? (int)(end - args) : (int)strlen(args);

		printf("%6s t2tui %s%s%.*s%s\n", lead, cmd->name, n ? " " : "", n, args,
		       cmd->opts ? " [OPTION ...]" : "");
		if (!end)
			return;
		args = end + 3;
		lead = "";
	}
}

extern const struct command cmd_workbench;

static int
print_help(const struct command *cmd)
{
	if (cmd) {
		print_usage(cmd);
		print_wrapped(cmd->help, 0, 0);
		print_opts(cmd->opts);
		printf("common:\n");
		print_opts(common_opts);
		return 0;
	}
	printf("usage: t2tui [MODEL]      the workbench (default: the last model, or the sample)\n"
	       "       t2tui VERB [ARGUMENT ...] [OPTION ...]\n\n");
	for (int i = 0; commands[i]; i++) {
		printf("  %-10s ", commands[i]->name);
		print_wrapped(commands[i]->help, 13, 13);
	}
	printf("\nof the workbench:\n");
	print_opts(cmd_workbench.opts);
	printf("\n");
	print_wrapped(
		"MODEL is a folder with config.json, tokenizer.json and *.safetensors, a .gguf "
		"file, a name from the store, or \"sample\".  \"t2tui VERB --help\" shows a "
		"verb's options; \"man t2tui\" tells more.",
		0, 0);
	return 0;
}

static const struct opt *
find_opt(const struct command *cmd, const char *name)
{
	const struct opt *tables[] = {cmd ? cmd->opts : NULL, common_opts};

	for (int t = 0; t < 2; t++)
		for (const struct opt *o = tables[t]; o && o->name; o++)
			if (!strcmp(o->name, name))
				return o;
	return NULL;
}

static int
parse(struct cli *c, int argc, char **argv)
{
	bool only_args = false;

	for (int i = 0; i < argc; i++) {
		const char *a = argv[i], *eq;
		const struct opt *o;
		char name[64];

		if (only_args || a[0] != '-' || !a[1]) {
			if (c->npos == CLI_MAX)
				return cli_usage(c, "too many arguments");
			c->pos[c->npos++] = a;
			continue;
		}
		if (!strcmp(a, "--")) {
			only_args = true;
			continue;
		}
		eq = a[1] == '-' ? strchr(a, '=') : NULL;
		snprintf(name, sizeof name, "%.*s", (int)(eq ? eq - a : (long)strlen(a)), a);
		o = find_opt(c->cmd, name);
		if (!o)
			return cli_usage(c, "%s: no such option", name);
		if (c->nset == CLI_MAX)
			return cli_usage(c, "too many options");
		c->set[c->nset].name = o->name;
		if (o->arg && eq)
			c->set[c->nset].value = eq + 1;
		else if (o->arg && i + 1 < argc)
			c->set[c->nset].value = argv[++i];
		else if (o->arg)
			return cli_usage(c, "%s: %s is missing", o->name, o->arg);
		else if (eq)
			return cli_usage(c, "%s takes nothing", o->name);
		c->nset++;
	}
	return 0;
}

static void
watch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	static const int sigs[] = {SIGINT, SIGTERM, SIGHUP};

	for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++)
		sigaction(sigs[i], &sa, NULL);
}

/* A write to a closed pipe and one beyond the file size limit fail as writes do, instead of ending the program midway. */
static void
ignore_signals(void)
{
	struct sigaction sa = {.sa_handler = SIG_IGN};

	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL);
}

/* The verb comes first, or after common options (t2tui --store FILE info sample); 0: there is none. */
static int
find_verb(int argc, char **argv, const struct command **cmd)
{
	int at = 1;

	while (at < argc && argv[at][0] == '-') {
		const struct opt *o = find_opt(NULL, argv[at]);
		bool joined = !o && strchr(argv[at], '=');

		if (!o && !joined)
			return 0;
		at += o && o->arg ? 2 : 1;
	}
	for (int i = 0; at < argc && commands[i]; i++) {
		if (!strcmp(commands[i]->name, argv[at])) {
			*cmd = commands[i];
			return at;
		}
	}
	return 0;
}

const char *
cli_near_verb(const char *typed)
{
	const char *near = NULL;
	int best = strlen(typed) > 4 ? 3 : 2; /* nearer than that */

	for (int i = 0; commands[i]; i++) {
		int d = near_distance(typed, commands[i]->name);

		if (d < best) {
			best = d;
			near = commands[i]->name;
		}
	}
	return near;
}

/* A closed standard descriptor would be the next file opened, and what is printed would go into it.  For reading only, so
 * that a write to what was closed fails as it should. */
static void
hold_standard(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			return;
}

/* The program itself: threads' own buffers of products, the store, what the allocator does not give back. */
#define PROGRAM_BYTES ((size_t)8 << 20)

static void
say_memory(void *arg, const char *line)
{
	cli_note(arg, "memory limit: %s", line);
}

static void
read_memory(struct cli *c)
{
	const char *text = cli_str(c, "--memory");
	size_t bytes;

	if (!text)
		return;
	if (memory_parse(text, &bytes, &c->err)) {
		cli_usage(c, "--%s", c->err.msg);
		return;
	}
	/* the workbench, which has the screen, listens itself */
	c->memory = memory_new(bytes, c->cmd == &cmd_workbench ? NULL : say_memory, c);
	if (!c->memory)
		cli_usage(c, "--memory: out of memory");
	memory_take(c->memory, PROGRAM_BYTES);
	c->ws.memory = c->memory;
}

/* What was printed has arrived, or the exit status says that it has not. */
static int
end_output(int rc)
{
	struct pollfd out = {.fd = 1};

	if (!fflush(stdout) && !ferror(stdout))
		return rc;
	if (poll(&out, 1, 0) > 0 && (out.revents & POLLERR))
		return 128 + SIGPIPE; /* nobody reads any more: as other tools, without a word */
	fprintf(stderr, "t2tui: standard output: %s\n", strerror(errno));
	return rc ? rc : 1;
}

int
cli_main(int argc, char **argv)
{
	static struct cli c;
	int rc, verb;

	hold_standard();
	ignore_signals();
	if (argc > 1 &&
	    (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")))
		return end_output(print_help(NULL));
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		printf("t2tui %s\n", T2_VERSION);
		return end_output(0);
	}
	verb = find_verb(argc, argv, &c.cmd);
	if (verb)
		memmove(argv + verb, argv + verb + 1,
			(size_t)(argc - verb) * sizeof *argv); /* its NULL too */
	else
		c.cmd = &cmd_workbench;
	if (parse(&c, argc - (verb ? 2 : 1), argv + 1))
		return 2;
	if (cli_flag(&c, "--help"))
		return end_output(print_help(c.cmd == &cmd_workbench ? NULL : c.cmd));
	c.json = cli_flag(&c, "--json");
	c.quiet = cli_flag(&c, "--quiet");
	c.seed = cli_int(&c, "--seed", 0, 2147483647, 0);
	c.threads = cli_int(&c, "--threads", 1, 1024, 0);
	c.store_path = cli_str(&c, "--store");
	read_memory(&c);
	if (c.npos > c.cmd->most)
		cli_usage(&c, "%s: one argument too many", c.pos[c.cmd->most]);
	if (c.bad)
		return 2;
	if (blas_init(&c.err))
		return cli_fail(&c);
	job_init(&c.job, isatty(2) && !c.quiet && c.cmd != &cmd_workbench ? show_progress : NULL,
		 &c);
	running = &c.job;
	store_wait_heed(&c.job);
	if (c.cmd != &cmd_workbench)
		watch_signals();
	rc = c.cmd->run(&c);
	if (json_lost && !rc)
		rc = 1;
	workspace_stop(&c.ws);
	memory_free(c.memory);
	running = NULL;
	job_destroy(&c.job);
	rc = end_output(rc);
	return caught && rc != 128 + SIGPIPE ? 128 + caught : rc;
}
