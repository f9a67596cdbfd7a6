/* Panes and screens into files: text, CSV, SVG.  Nothing is written over without asking, nothing half. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "engine/base/strbuf.h"
#include "tui/app_state.h"
#include "tui/complete.h"
#include "tui/sketch.h"

/* -- what ---------------------------------------------------------------------------------------------------- */

/* The numbers that the focused pane's plots are drawn from. */
static bool
plotted(struct app *a, struct strbuf *out)
{
	struct view *v = app_view(a);
	struct sketch *s = sketch_new();
	struct rect in = pane_inside(v, v->focus), old;

	if (s && in.w > 0 && in.h > 0) {
		a->canvas->sketch = s;
		old = canvas_clip(a->canvas, in);
		v->ops->draw(v, v->state, v->focus, a->canvas, in);
		canvas_unclip(a->canvas, old);
		a->canvas->sketch = NULL;
		strbuf_str(out, sketch_csv(s));
		a->dirty = true; /* lines are not on the screen now */
	}
	sketch_free(s);
	return out->len > 0;
}

bool
app_dump(struct app *a, enum dump_format f, struct strbuf *out)
{
	struct view *v = app_view(a);

	if (!v->opened)
		return false;
	if (v->ops->dump && v->ops->dump(v, v->state, v->focus, f, out))
		return true;
	strbuf_clear(out);
	if (f == DUMP_CSV)
		return plotted(a, out);
	canvas_dump(a->canvas, pane_inside(v, v->focus), out);
	return true;
}

/* The screen is drawn anew, with lines for a file and without what asks for the file's name. */
static void
drawn(struct app *a, bool screen, bool svg, struct strbuf *out)
{
	const struct overlay_ops *ops = a->overlay;
	double until = a->message_until;
	struct sketch *s = svg ? sketch_new() : NULL;
	struct view *v = app_view(a);
	struct rect r = canvas_rect(a->canvas);

	if (!screen)
		a->overlay = NULL;
	a->message_until = 0;
	a->canvas->sketch = s;
	frame_draw(a);
	a->overlay = ops;
	a->message_until = until;
	if (!screen && v->opened && v->pane[v->focus].w)
		r = v->pane[v->focus];
	if (svg)
		canvas_svg(a->canvas, r, out);
	else
		canvas_dump(a->canvas, r, out);
	a->canvas->sketch = NULL;
	sketch_free(s);
	a->dirty = true;
}

static bool
ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && !strcasecmp(s + n - m, end);
}

enum t2_status
app_export_text(struct app *a, const char *path, bool screen, struct strbuf *out,
		struct t2_err *err)
{
	const char *base = strrchr(path, '/'), *dot;

	base = base ? base + 1 : path;
	dot = strrchr(base, '.');
	if (ends_in(base, ".svg")) {
		drawn(a, screen, true, out);
	} else if (ends_in(base, ".csv")) {
		if (screen)
			return t2_fail(err, T2_EINVAL,
				       "%s: a screen goes into .txt or .svg; numbers are a pane's",
				       path);
		if (!app_dump(a, DUMP_CSV, out))
			return t2_fail(err, T2_EINVAL,
				       "%s: this pane has no numbers; give a name in .txt or .svg",
				       path);
	} else if (dot && dot > base && !ends_in(base, ".txt") && strcmp(path, "/dev/null")) {
		return t2_fail(err, T2_EINVAL, "%s: %s is not known; .txt, .csv and .svg are", path,
			       dot);
	} else if (screen) {
		drawn(a, true, false, out);
	} else {
		app_dump(a, DUMP_TEXT, out);
	}
	return out->failed ? t2_nomem(err, path) : T2_OK;
}

/* -- where --------------------------------------------------------------------------------------------------- */

/* What went wrong, and what helps. */
static enum t2_status
cannot(const char *path, int why, struct t2_err *err)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) : 0;

	switch (why) {
	case ENOENT:
		return t2_fail(err, T2_EIO, "%s: there is no folder %.*s: make it, or name another",
			       path, dir, path);
	case ENOSPC:
	case EDQUOT:
		return t2_fail(err, T2_EIO,
			       "%s: the disk is full: free some space, or name another disk", path);
	case EACCES:
	case EPERM:
	case EROFS:
		return t2_fail(err, T2_EIO, "%s: %s: name a folder of your own", path,
			       strerror(why));
	case EISDIR:
		return t2_fail(err, T2_EIO, "%s: is a folder: add a file's name", path);
	default:
		return t2_fail(err, T2_EIO, "%s: %s", path, strerror(why));
	}
}

static int
write_all(int fd, const char *s, size_t n)
{
	int rc = 0;

	while (n && !rc) {
		ssize_t k = write(fd, s, n);

		if (k < 0 && errno != EINTR)
			rc = errno;
		s += k > 0 ? k : 0;
		n -= k > 0 ? (size_t)k : 0;
	}
	if (close(fd) && !rc)
		rc = errno;
	return rc;
}

/* Through a file beside it, so that a full disk leaves what was there; pipes and devices directly. */
enum t2_status
app_export_write(const char *path, const struct strbuf *b, struct t2_err *err)
{
	char real[PATH_MAX], part[PATH_MAX + 8];
	struct stat st;
	bool there = !stat(path, &st), direct = there && !S_ISREG(st.st_mode);
	int fd, rc;

	if (there && S_ISDIR(st.st_mode))
		return cannot(path, EISDIR, err);
	if (there && access(path, W_OK))
		return cannot(path, errno, err);
	if (!there || direct || !realpath(path, real)) /* through a link: the file that it means */
		snprintf(real, sizeof real, "%s", path);
	snprintf(part, sizeof part, "%s.XXXXXX", real);
	fd = direct ? open(real, O_WRONLY | O_CLOEXEC) : mkostemp(part, O_CLOEXEC);
	if (fd < 0)
		return cannot(path, errno, err);
	if (!direct) { /* as open() would have made it */
		mode_t mask = umask(0);

		umask(mask);
		fchmod(fd, there ? st.st_mode & 07777 : 0666 & ~mask);
	}
	rc = write_all(fd, b->s ? b->s : "", b->len);
	if (!rc && !direct && rename(part, real))
		rc = errno;
	if (rc && !direct)
		unlink(part);
	return rc ? cannot(path, rc, err) : T2_OK;
}

/* -- asking -------------------------------------------------------------------------------------------------- */

struct export
{
	char path[1024];
	struct strbuf b;
};

static void
export_write(struct app *a, void *arg)
{
	struct export *e = arg;
	struct t2_err err;

	if (app_export_write(e->path, &e->b, &err))
		app_error(a, "export: %s", err.msg);
	else
		app_say(a, "wrote %s (%zu bytes)", e->path, e->b.len);
}

static void
export_free(void *arg)
{
	struct export *e = arg;

	strbuf_free(&e->b);
	free(e);
}

void
app_export_to(struct app *a, const char *text, bool screen)
{
	const struct overlay_ops *asking = a->overlay; /* is no part of the screen meant */
	struct export *e = calloc(1, sizeof *e);
	char question[1200];
	enum t2_status st;
	struct t2_err err;

	if (!e || !path_expand(text, e->path, sizeof e->path)) {
		app_error(a, "export: %s", e ? "the file's name is too long" : "out of memory");
		free(e);
		return;
	}
	a->overlay = NULL;
	st = app_export_text(a, e->path, screen, &e->b, &err);
	a->overlay = asking;
	if (st) {
		app_error(a, "export: %s", err.msg);
		export_free(e);
	} else if (!access(e->path, F_OK)) {
		snprintf(question, sizeof question, "%s is there already. Write over it?", e->path);
		app_confirm(a, question, export_write, e, export_free);
	} else {
		export_write(a, e);
		export_free(e);
	}
}

static void
pane_done(struct app *a, void *arg, const char *text)
{
	(void)arg;
	if (*text)
		app_export_to(a, text, false);
}

static void
screen_done(struct app *a, void *arg, const char *text)
{
	(void)arg;
	if (*text)
		app_export_to(a, text, true);
}

void
app_export(struct app *a, bool screen)
{
	struct view *v = app_view(a);
	struct app_prompt p = {.label = screen ? "screen to (.txt .svg): "
					       : "export to (.txt .csv .svg): ",
			       .file = true,
			       .done = screen ? screen_done : pane_done};
	struct strbuf b = {0};
	char name[128], *s;

	if (!v->opened)
		return;
	if (screen)
		snprintf(name, sizeof name, "%s.svg", v->ops->name);
	else
		snprintf(name, sizeof name, "%s-%s.%s", v->ops->name, v->ops->panes[v->focus].name,
			 app_dump(a, DUMP_CSV, &b) ? "csv" : "txt");
	for (s = name; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
	strbuf_free(&b);
	p.text = name;
	app_prompt(a, &p);
}
