#include "tui/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>
#include "engine/base/job.h"
#include "engine/base/strbuf.h"
#include "tui/app_state.h"

struct script {
	char *text, *at;
	const char *path;
	int line;
	char *cmd;	 /* the line being done, NULL: the next one */
	double until;	 /* sleep, wait */
	size_t done;	 /* bytes of the argument that were typed */
	char want[1024]; /* what is waited for */
};

enum t2_status
script_open(struct script **out, const char *path, struct t2_err *err)
{
	struct script *s = calloc(1, sizeof *s);
	bool in = !strcmp(path, "-");
	FILE *f = in ? stdin : fopen(path, "re");
	struct strbuf b = {0};
	char buf[4096];
	size_t n;
	int bad;

	*out = NULL;
	if (!f || !s) {
		free(s);
		if (f && !in)
			fclose(f);
		return f ? t2_nomem(err, path)
			 : t2_fail(err, T2_EIO, "script: %s: %s", path, strerror(errno));
	}
	while ((n = fread(buf, 1, sizeof buf, f)) > 0 && b.len < 16 << 20)
		strbuf_add(&b, buf, n);
	bad = ferror(f) ? errno : 0; /* a folder opens, and then cannot be read */
	if (!in)
		fclose(f);
	if (bad) {
		free(s);
		strbuf_free(&b);
		return t2_fail(err, T2_EIO, "script: %s: %s", path, strerror(bad));
	}
	s->text = strbuf_take(&b);
	s->path = in ? "stdin" : path;
	s->at = s->text;
	if (!s->text) {
		free(s);
		return t2_nomem(err, path);
	}
	*out = s;
	return T2_OK;
}

void
script_close(struct script *s)
{
	if (!s)
		return;
	free(s->text);
	free(s);
}

static enum script_status
wrong(struct script *s, const struct canvas *c, struct t2_err *err, const char *why,
      const char *what)
{
	struct strbuf b = {0};

	t2_fail(err, T2_EINVAL, "script: %s: line %d: %s: %s", s->path, s->line, why, what);
	if (c) {
		canvas_dump(c, canvas_rect(c), &b);
		fprintf(stderr, "%s", b.s ? b.s : "");
		strbuf_free(&b);
	}
	return SCRIPT_FAILED;
}

static bool
next_line(struct script *s)
{
	while (*s->at) {
		char *line = s->at, *end = strchr(line, '\n');

		s->line++;
		s->at = end ? end + 1 : line + strlen(line);
		if (end)
			*end = 0;
		line += strspn(line, " \t");
		if (*line && *line != '#') {
			s->cmd = line;
			s->done = 0;
			s->until = 0;
			return true;
		}
	}
	return false;
}

/* Splits "TEXT [MS]"; TEXT may be in quotes.  Writes into the line. */
static char *
text_ms(char *arg, int *ms)
{
	char *text = arg, *end;

	if (*arg == '"') {
		text = ++arg;
		end = strchr(arg, '"');
		if (!end)
			return text;
		*end++ = 0;
	} else {
		end = strrchr(arg, ' ');
		if (!end || !end[1] || end[1 + strspn(end + 1, "0123456789")])
			return text;
		*end++ = 0;
	}
	end += strspn(end, " ");
	if (*end)
		*ms = atoi(end);
	return text;
}

static void
press(struct app *a, int key)
{
	struct input in = {.kind = IN_KEY, .key = key};

	app_input(a, &in);
}

/* One character of the argument a step, so that every key meets an up-to-date screen. */
static bool
type_next(struct script *s, struct app *a, const char *arg, bool escapes)
{
	utf8proc_int32_t cp;
	utf8proc_ssize_t k;

	arg += s->done;
	if (!*arg)
		return false;
	if (escapes && *arg == '\\' && (arg[1] == 'n' || arg[1] == '\\')) {
		press(a, arg[1] == 'n' ? K_ENTER : '\\');
		s->done += 2;
		return true;
	}
	k = utf8proc_iterate((const utf8proc_uint8_t *)arg, -1, &cp);
	if (k <= 0) {
		k = 1;
		cp = (unsigned char)*arg;
	}
	press(a, cp);
	s->done += (size_t)k;
	return true;
}

/* shot FILE X Y W H: a part of the screen as text. */
static bool
shot_part(const struct canvas *c, const char *arg, struct strbuf *b, struct t2_err *err)
{
	struct rect r = canvas_rect(c);

	if (sscanf(arg, "%d %d %d %d", &r.x, &r.y, &r.w, &r.h) != 4) {
		t2_fail(err, T2_EINVAL, "script: shot FILE X Y W H wanted: %s", arg);
		return false;
	}
	canvas_dump(c, r, b);
	return true;
}

/* Scripts write over what is there: they are run again and again. */
static bool
save(struct app *a, const struct canvas *c, const char *arg, bool screen, struct t2_err *err)
{
	struct strbuf b = {0};
	char path[1024], why[sizeof err->msg];
	int n = 0;
	bool ok;

	if (sscanf(arg, "%1023s%n", path, &n) != 1) {
		t2_fail(err, T2_EINVAL, "script: a file's name is wanted");
		return false;
	}
	arg += n + strspn(arg + n, " ");
	if (*arg)
		ok = shot_part(c, arg, &b, err);
	else
		ok = !app_export_text(a, path, screen, &b, err);
	if (ok && !strcmp(path, "-")) {
		ok = fwrite(b.s ? b.s : "", 1, b.len, stdout) == b.len && !fflush(stdout);
		if (!ok)
			t2_fail(err, T2_EIO, "stdout: %s", strerror(errno));
	} else if (ok) {
		ok = !app_export_write(path, &b, err);
	}
	if (!ok && strncmp(err->msg, "script: ", 8)) {
		snprintf(why, sizeof why, "%s", err->msg);
		t2_fail(err, T2_EIO, "script: %s", why);
	}
	strbuf_free(&b);
	return ok;
}

static bool
mouse(struct app *a, const char *arg)
{
	static const char *const kinds[] = {"press", "drag", "release", "up", "down"};
	struct input in = {.kind = IN_MOUSE, .mouse = {.button = 1}};
	char kind[16];

	if (sscanf(arg, "%15s %d %d", kind, &in.mouse.x, &in.mouse.y) != 3)
		return false;
	for (int i = 0; i < 5; i++)
		if (!strcmp(kind, kinds[i])) {
			in.mouse.kind = (enum mouse_kind)i;
			app_input(a, &in);
			return true;
		}
	return false;
}

static enum script_status
step_wait(struct script *s, const struct canvas *c, char *arg, bool want, int *ms,
	  struct t2_err *err)
{
	int limit = 5000;
	double now = clock_seconds();

	if (s->until <= 0) {
		snprintf(s->want, sizeof s->want, "%s", text_ms(arg, &limit));
		if (!*s->want)
			return wrong(s, NULL, err, "a text is wanted", want ? "wait" : "wait-not");
		s->until = now + limit * 1e-3;
	}
	if (canvas_find(c, s->want) == want) {
		s->cmd = NULL;
		return SCRIPT_STEPPED;
	}
	if (now >= s->until)
		return wrong(s, c, err, want ? "did not come" : "did not go", s->want);
	*ms = 20;
	return SCRIPT_WAIT;
}

static enum script_status
step_sleep(struct script *s, const char *arg, int *ms, struct t2_err *err)
{
	double now = clock_seconds();

	if (!*arg || arg[strspn(arg, "0123456789")])
		return wrong(s, NULL, err, "milliseconds are wanted", arg);
	if (s->until <= 0)
		s->until = now + atoi(arg) * 1e-3;
	if (now >= s->until) {
		s->cmd = NULL;
		return SCRIPT_STEPPED;
	}
	*ms = 1 + (int)((s->until - now) * 1e3);
	return SCRIPT_WAIT;
}

static enum script_status
step_keys(struct script *s, struct app *a, const struct canvas *c, char *arg, struct t2_err *err)
{
	const char *k = arg + s->done;
	int key = key_parse(&k);

	s->done = (size_t)(k - arg);
	if (key)
		press(a, key);
	else if (k[strspn(k, " ")])
		return wrong(s, c, err, "no such key", k);
	else
		s->cmd = NULL;
	return SCRIPT_STEPPED;
}

enum script_status
script_step(struct script *s, struct app *a, const struct canvas *c, int *ms, struct t2_err *err)
{
	char name[16], *arg, *raw;
	int n = 0, w, h, limit;
	bool want;

	if (!s->cmd && !next_line(s))
		return SCRIPT_END;
	if (sscanf(s->cmd, "%15s%n", name, &n) != 1)
		return wrong(s, NULL, err, "no command", s->cmd);
	raw = s->cmd + n;
	raw += *raw == ' '; /* typed text may begin with spaces of its own */
	arg = raw + strspn(raw, " \t");
	want = !strstr(name, "-not");
	if (!strcmp(name, "key"))
		return step_keys(s, a, c, arg, err);
	if (!strcmp(name, "wait") || !strcmp(name, "wait-not"))
		return step_wait(s, c, arg, want, ms, err);
	if (!strcmp(name, "sleep"))
		return step_sleep(s, arg, ms, err);
	if (!strcmp(name, "keys") || !strcmp(name, "type")) {
		if (!type_next(s, a, raw, name[0] == 't'))
			s->cmd = NULL;
		return SCRIPT_STEPPED;
	}
	s->cmd = NULL;
	if (!strcmp(name, "paste")) {
		struct input in = {.kind = IN_PASTE, .text = strdup(raw)};

		if (in.text)
			app_input(a, &in);
		return SCRIPT_STEPPED;
	}
	if (!strcmp(name, "mouse"))
		return mouse(a, arg) ? SCRIPT_STEPPED
				     : wrong(s, NULL, err, "mouse KIND X Y wanted", arg);
	if (!strcmp(name, "resize")) {
		if (sscanf(arg, "%dx%d", &w, &h) != 2 || w < 1 || h < 1 || w > 1000 || h > 400)
			return wrong(s, NULL, err, "WxH wanted", arg);
		app_resize(a, w, h);
		return SCRIPT_STEPPED;
	}
	if (!strcmp(name, "shot") || !strcmp(name, "export") || !strcmp(name, "export-screen"))
		return save(a, c, arg, strcmp(name, "export") != 0, err) ? SCRIPT_STEPPED
									 : SCRIPT_FAILED;
	if (!strcmp(name, "expect") || !strcmp(name, "expect-not")) {
		arg = text_ms(arg, &limit);
		if (!*arg)
			return wrong(s, NULL, err, "a text is wanted", name);
		return canvas_find(c, arg) == want
			       ? SCRIPT_STEPPED
			       : wrong(s, c, err, want ? "is not there" : "is there", arg);
	}
	return wrong(s, NULL, err, "no such command", name);
}
