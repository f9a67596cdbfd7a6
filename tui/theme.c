#include "tui/theme.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "engine/base/strbuf.h"
#include "tui/color.h"

/* One row a role: its key in files, the built-in dark and mono styles, its help. */
static const struct {
	const char *name, *dark, *mono, *help;
} roles[TH_ROLES] = {
	[TH_TEXT] = {"text", "#d5d9e0 on #14171c", "default on default",
		     "ordinary text, and the background"},
	[TH_DIM] = {"dim", "#8a93a3", "default", "labels, units, what is secondary"},
	[TH_STALE] = {"stale", "#5b6473 italic", "default dim",
		      "unknown, out of date or being computed"},
	[TH_STRONG] = {"strong", "#ffffff bold", "default bold", "what must be seen first"},
	[TH_TITLE] = {"title", "#aab3c2", "default", "pane titles"},
	[TH_BORDER] = {"border", "#3d4552", "default", "pane borders"},
	[TH_FOCUS] = {"focus", "#7cc5ff bold", "default bold",
		      "border and title of the focused pane"},
	[TH_BAR] = {"bar", "#a6afbd on #1e232b", "default on default", "top and bottom bands"},
	[TH_BRAND] = {"brand", "#7cc5ff on #1e232b bold", "default bold", "the program's name"},
	[TH_TAB] = {"tab", "#8a93a3", "default", "names of other views"},
	[TH_TAB_ON] = {"tab_on", "#0f1318 on #7cc5ff bold", "default reverse bold",
		       "name of the view shown"},
	[TH_KEY] = {"key", "#7cc5ff", "default bold", "key names"},
	[TH_MESSAGE] = {"message", "#e6e9ee", "default", "messages"},
	[TH_ERROR] = {"error", "#ffffff on #a8323e bold", "default reverse bold", "error messages"},
	[TH_SELECT] = {"select", "#ffffff on #2b4a68", "default reverse",
		       "row under the cursor, focused pane"},
	[TH_SELECT_OFF] = {"select_off", "keep on #262c36", "default underline",
			   "row under the cursor, other panes"},
	[TH_MARK] = {"mark", "#e8c66a bold", "default bold", "marked with space"},
	[TH_MATCH] = {"match", "#0f1318 on #e8c66a", "default underline",
		      "what a filter or search hit"},
	[TH_GOOD] = {"good", "#7fd18b", "default bold", "a clear gain (intervals apart)"},
	[TH_BAD] = {"bad", "#ff7b81", "default bold", "failure"},
	[TH_WARN] = {"warn", "#e8c66a", "default bold", "needs attention"},
	[TH_FIELD] = {"field", "#d5d9e0 on #1e232b", "default underline", "a text field"},
	[TH_FIELD_EDIT] = {"field_edit", "#ffffff on #2a3340", "default underline bold",
			   "a text field that takes letters"},
	[TH_POPUP] = {"popup", "#d5d9e0 on #1b2027", "default on default",
		      "palette, help and questions"},
	[TH_POPUP_BORDER] = {"popup_border", "#7cc5ff", "default bold", "their border"},
	[TH_GAUGE] = {"gauge", "#7cc5ff", "default", "bars, gauges and sliders"},
	[TH_TRACK] = {"track", "#333b47", "default dim", "the empty part of gauges and sliders"},
	[TH_AXIS] = {"axis", "#7a8494", "default", "axes and their numbers"},
	[TH_GRID] = {"grid", "#272d36", "default dim", "grid lines of plots"},
	[TH_CURSOR] = {"cursor", "#e8c66a", "default bold", "cursor lines and marks in plots"},
	[TH_DIFFER] = {"differ", "keep underline", "default underline",
		       "tokens that differ from the base model's"},
};

static const char dark_sequential[] = "#1f2a5a #28517f #2a7a8c #3fa282 #8cc265 #f2dd60";
static const char dark_diverging[] = "#4aa3ff #3a76b8 #2f4b6b #2a2f37 #6e4b2c #b8742e #ff9f40";
static const char dark_probability[] = "#ff8f70 #d8a878 #c9c2a0 #d5d9e0";
static const char dark_series[] =
	"#5fb0ff #ffa657 #7ed491 #d99bff #f27f8f #56d0d0 #e3cf65 #b08d6f #9fb4ff #ff9bd2";

const char *
theme_role_name(enum theme_role r)
{
	return roles[r].name;
}

const char *
theme_role_help(enum theme_role r)
{
	return roles[r].help;
}

static const struct {
	const char *name;
	uint8_t bit;
} attrs[] = {
	{"bold", ATTR_BOLD},	       {"dim", ATTR_DIM},	  {"italic", ATTR_ITALIC},
	{"underline", ATTR_UNDERLINE}, {"reverse", ATTR_REVERSE},
};

/* FG [on BG] [ATTRIBUTE ...] */
static bool
style_parse(const char *s, struct style *out)
{
	struct style st = {COLOR_KEEP, COLOR_KEEP, 0};
	bool first = true, bg = false;

	for (;;) {
		size_t n, i;

		s += strspn(s, " \t");
		n = strcspn(s, " \t");
		if (!n)
			break;
		for (i = 0; i < sizeof attrs / sizeof *attrs; i++)
			if (strlen(attrs[i].name) == n && !memcmp(s, attrs[i].name, n))
				break;
		if (bg) {
			if (!color_parse(s, n, &st.bg))
				return false;
			bg = false;
		} else if (i < sizeof attrs / sizeof *attrs) {
			st.attr |= attrs[i].bit;
		} else if (n == 2 && !memcmp(s, "on", 2)) {
			bg = true;
		} else if (!first || !color_parse(s, n, &st.fg)) {
			return false;
		}
		first = false;
		s += n;
	}
	if (bg || first)
		return false;
	*out = st;
	return true;
}

/* COLOUR COLOUR ...; returns how many, 0 if one is wrong or there are too few or too many. */
static int
colors_parse(const char *s, uint32_t *out, int min, int max)
{
	int k = 0;

	for (;;) {
		size_t n;

		s += strspn(s, " \t");
		n = strcspn(s, " \t");
		if (!n)
			return k >= min ? k : 0;
		if (k == max || !color_parse(s, n, &out[k]))
			return 0;
		k++;
		s += n;
	}
}

static bool
ramp_parse(const char *s, struct ramp *r)
{
	struct ramp new = {.n = 0};

	new.n = colors_parse(s, new.stop, 2, THEME_STOPS);
	if (!new.n)
		return false;
	for (int i = 0; i < RAMP_STEPS; i++)
		new.step[i] = color_ramp(new.stop, new.n, (double)i / (RAMP_STEPS - 1));
	*r = new;
	return true;
}

static bool
role_set(struct theme *t, int i, const char *value)
{
	if (!style_parse(value, &t->style[i]))
		return false;
	if (i == TH_TEXT) {
		if (t->style[i].bg != COLOR_KEEP)
			t->background = t->style[i].bg;
		t->style[i].bg = COLOR_KEEP;
	}
	return true;
}

void
theme_builtin(struct theme *t, enum theme_kind kind)
{
	bool mono = kind == THEME_MONO;

	memset(t, 0, sizeof *t);
	snprintf(t->name, sizeof t->name, "%s", mono ? "mono" : "dark");
	t->mono = mono;
	for (int i = 0; i < TH_ROLES; i++)
		role_set(t, i, mono ? roles[i].mono : roles[i].dark);
	if (mono) {
		ramp_parse("default default", &t->sequential);
		t->diverging = t->probability = t->sequential;
		t->series[0] = COLOR_DEFAULT;
		t->nseries = 1;
		return;
	}
	ramp_parse(dark_sequential, &t->sequential);
	ramp_parse(dark_diverging, &t->diverging);
	ramp_parse(dark_probability, &t->probability);
	t->nseries = colors_parse(dark_series, t->series, 1, THEME_SERIES);
}

struct parse {
	struct theme t;
	bool first;
	char why[200]; /* of the first wrong line; "": none */
};

static int
wrong(struct parse *p, const char *key, const char *why)
{
	if (!p->why[0])
		snprintf(p->why, sizeof p->why, "%.80s: %s", key, why);
	return 0;
}

static int
theme_key(void *arg, const char *section, const char *key, const char *value)
{
	struct parse *p = arg;
	bool first = p->first;

	p->first = false;
	if (*section)
		return wrong(p, section, "a theme has no sections");
	if (!strcmp(key, "inherit")) {
		if (!first)
			return wrong(p, key, "must be the first key");
		if (strcmp(value, "dark") && strcmp(value, "mono"))
			return wrong(p, key, "dark or mono");
		theme_builtin(&p->t, value[0] == 'd' ? THEME_DARK : THEME_MONO);
		return 1;
	}
	if (!strcmp(key, "sequential") || !strcmp(key, "diverging") ||
	    !strcmp(key, "probability")) {
		struct ramp *r = key[0] == 's'	 ? &p->t.sequential
				 : key[0] == 'd' ? &p->t.diverging
						 : &p->t.probability;

		return ramp_parse(value, r) ? 1 : wrong(p, key, "2 to 16 colours wanted");
	}
	if (!strcmp(key, "series")) {
		uint32_t s[THEME_SERIES];
		int n = colors_parse(value, s, 1, THEME_SERIES);

		if (!n)
			return wrong(p, key, "1 to 16 colours wanted");
		memcpy(p->t.series, s, sizeof s);
		p->t.nseries = n;
		return 1;
	}
	for (int i = 0; i < TH_ROLES; i++)
		if (!strcmp(key, roles[i].name)) {
			if (!role_set(&p->t, i, value))
				return wrong(p, key, "wanted: COLOUR [on COLOUR] [ATTRIBUTE ...]");
			return 1;
		}
	return wrong(p, key, "no such key; t2tui-theme(5) lists them");
}

enum t2_status
theme_parse(struct theme *t, const char *text, const char *where, struct t2_err *err)
{
	struct parse p = {.first = true};
	const char *base = strrchr(where, '/');
	int n, line;

	theme_builtin(&p.t, THEME_DARK);
	line = ini_parse_string(text, theme_key, &p);
	if (line || p.why[0])
		return t2_fail(err, T2_EFORMAT, "theme: %s:%d: %s", where, line,
			       p.why[0] ? p.why : "key = value is wanted");
	base = base ? base + 1 : where;
	n = (int)strlen(base);
	if (n > 6 && !strcmp(base + n - 6, ".theme"))
		n -= 6;
	snprintf(p.t.name, sizeof p.t.name, "%.*s", n, base);
	*t = p.t;
	return T2_OK;
}

enum { THEME_DIRS = 3, PATH_CAP = 4096 };

/* The user's, the installed, and those beside a build that was not installed. */
static bool
theme_dir(int i, char *buf)
{
	const char *x = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *slash;
	ssize_t n;

	switch (i) {
	case 0:
		if (x && *x == '/')
			return snprintf(buf, PATH_CAP, "%s/t2tui/themes", x) < PATH_CAP;
		return home && snprintf(buf, PATH_CAP, "%s/.config/t2tui/themes", home) < PATH_CAP;
	case 1:
		return snprintf(buf, PATH_CAP, "%s/share/t2tui/themes", T2_PREFIX) < PATH_CAP;
	default:
		n = readlink("/proc/self/exe", buf, PATH_CAP - 16);
		if (n <= 0)
			return false;
		buf[n] = 0;
		/* build/t2tui and build/tests/X both have it above them. */
		for (int up = 0; up < 3; up++) {
			slash = strrchr(buf, '/');
			if (!slash)
				return false;
			strcpy(slash, "/themes");
			if (!access(buf, R_OK))
				return true;
			*slash = 0;
		}
		return false;
	}
}

static enum t2_status
theme_file(struct theme *t, const char *path, struct t2_err *err)
{
	struct strbuf b = {0};
	enum t2_status st;
	char buf[4096];
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return t2_fail(err, errno == ENOENT ? T2_ENOTFOUND : T2_EIO, "theme: %s: %s", path,
			       strerror(errno));
	while (b.len < 1 << 20 && (n = fread(buf, 1, sizeof buf, f)) > 0)
		strbuf_add(&b, buf, n);
	if (ferror(f))
		st = t2_fail(err, T2_EIO, "theme: %s: %s", path, strerror(errno));
	else if (b.len >= 1 << 20)
		st = t2_fail(err, T2_EFORMAT, "theme: %s: larger than 1 MB: not a theme", path);
	else if (b.failed)
		st = t2_nomem(err, "theme");
	else if (b.s && memchr(b.s, 0, b.len))
		st = t2_fail(err, T2_EFORMAT, "theme: %s: holds a NUL: not a theme", path);
	else
		st = theme_parse(t, b.s ? b.s : "", path, err);
	fclose(f);
	strbuf_free(&b);
	return st;
}

enum t2_status
theme_load(struct theme *t, const char *name, struct t2_err *err)
{
	char path[2 * PATH_CAP], dir[PATH_CAP];

	if (strchr(name, '/'))
		return theme_file(t, name, err);
	for (int i = 0; i < THEME_DIRS; i++) {
		if (!theme_dir(i, dir))
			continue;
		snprintf(path, sizeof path, "%s/%s.theme", dir, name);
		if (!access(path, F_OK))
			return theme_file(t, path, err);
	}
	if (!strcmp(name, "dark") || !strcmp(name, "mono")) { /* there even without any file */
		theme_builtin(t, name[0] == 'd' ? THEME_DARK : THEME_MONO);
		return T2_OK;
	}
	return t2_fail(err, T2_ENOTFOUND, "theme: %s: no such theme; \":theme\" lists them", name);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
name_add(char ***v, int *n, const char *s, size_t len)
{
	char **grown, *copy;

	for (int i = 0; i < *n; i++)
		if (strlen((*v)[i]) == len && !memcmp((*v)[i], s, len))
			return;
	copy = strndup(s, len);
	grown = copy ? realloc(*v, ((size_t)*n + 1) * sizeof **v) : NULL;
	if (!grown) {
		free(copy);
		return;
	}
	*v = grown;
	(*v)[(*n)++] = copy;
}

char **
theme_names(int *n)
{
	char **v = NULL, dir[PATH_CAP];

	*n = 0;
	name_add(&v, n, "dark", 4);
	name_add(&v, n, "mono", 4);
	for (int i = 0; i < THEME_DIRS; i++) {
		struct dirent *e;
		DIR *d;

		if (!theme_dir(i, dir))
			continue;
		d = opendir(dir);
		while (d && (e = readdir(d))) {
			size_t len = strlen(e->d_name);

			if (len > 6 && !strcmp(e->d_name + len - 6, ".theme"))
				name_add(&v, n, e->d_name, len - 6);
		}
		if (d)
			closedir(d);
	}
	if (v)
		qsort(v, (size_t)*n, sizeof *v, by_name);
	return v;
}

uint32_t
theme_ramp(const struct ramp *r, double t)
{
	return r->step[t >= 1 ? RAMP_STEPS - 1 : t > 0 ? (int)(t * (RAMP_STEPS - 1) + 0.5) : 0];
}

struct style
theme_series(const struct theme *t, int i)
{
	uint32_t c = t->nseries ? t->series[(unsigned)i % (unsigned)t->nseries] : COLOR_DEFAULT;

	return (struct style){c, COLOR_KEEP, 0};
}

/* By a hash of the name, so that a name keeps its colour from day to day; the next free place where another name came
 * first.  Ten places: the built-in palette's size. */
int
theme_slot(const char *name)
{
	enum { SLOTS = 10 };
	static char taken[SLOTS][64];
	uint32_t h = 2166136261u;
	int i;

	for (const char *s = name; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	for (int k = 0; k < SLOTS; k++) {
		i = (int)((h + (uint32_t)k) % SLOTS);
		if (!strncmp(taken[i], name, sizeof taken[i] - 1))
			return i;
		if (!taken[i][0]) {
			snprintf(taken[i], sizeof taken[i], "%s", name);
			return i;
		}
	}
	return (int)(h % SLOTS);
}
