#include "tui/conf.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT(field) offsetof(struct conf, field), sizeof(((struct conf *)0)->field)

const struct conf_key conf_table[] = {
	{"theme", CONF_TEXT, AT(theme), 0, 0, NULL, "",
	 "a theme's name, or a file; without it dark"},
	{"glyphs", CONF_CHOICE, AT(glyphs), 0, 0, "braille|block|ascii", "",
	 "what plots are drawn with; without it by the locale"},
	{"colors", CONF_CHOICE, AT(colors), 0, 0, "24bit|256|16|8|mono", "",
	 "how many colours; without it by the terminal"},
	{"mouse", CONF_BOOL, AT(mouse), 0, 0, "yes|no", "yes",
	 "whether the workbench takes the mouse"},
	{"threads", CONF_INT, AT(threads), 0, 1024, NULL, "0", "threads; 0: all"},
	{"view", CONF_INT, AT(view), 0, 9, NULL, "2", "the view shown first, by its key"},
	{0},
};

void
conf_default(struct conf *k)
{
	memset(k, 0, sizeof *k);
	for (const struct conf_key *t = conf_table; t->name; t++)
		if (*t->dflt)
			conf_set(k, t->name, t->dflt, NULL);
}

static bool
is_choice(const char *choices, const char *value)
{
	size_t n = strlen(value);

	for (const char *p = choices; n && *p;) {
		size_t len = strcspn(p, "|");

		if (len == n && !memcmp(p, value, n))
			return true;
		p += len + (p[len] == '|');
	}
	return false;
}

enum t2_status
conf_set(struct conf *k, const char *name, const char *value, struct t2_err *err)
{
	const struct conf_key *t = conf_table;
	char *field, *end;
	long x;

	while (t->name && strcmp(t->name, name))
		t++;
	if (!t->name)
		return t2_fail(err, T2_EINVAL, "%s: no such setting; man t2tui.conf lists them",
			       name);
	field = (char *)k + t->offset;
	switch (t->kind) {
	case CONF_TEXT:
		if (!*value || strlen(value) >= t->size)
			return t2_fail(err, T2_EINVAL, "%s: a text of at most %zu bytes is wanted",
				       name, t->size - 1);
		snprintf(field, t->size, "%s", value);
		return T2_OK;
	case CONF_CHOICE:
	case CONF_BOOL:
		if (!is_choice(t->choices, value))
			return t2_fail(err, T2_EINVAL, "%s = %s: one of %s is wanted", name, value,
				       t->choices);
		if (t->kind == CONF_BOOL)
			*(bool *)(void *)field = !strcmp(value, "yes");
		else
			snprintf(field, t->size, "%s", value);
		return T2_OK;
	case CONF_INT:
		errno = 0;
		x = strtol(value, &end, 10);
		if (errno || end == value || *end || x < t->lo || x > t->hi)
			return t2_fail(err, T2_EINVAL,
				       "%s = %s: a whole number from %d to %d is wanted", name,
				       value, t->lo, t->hi);
		*(int *)(void *)field = (int)x;
		return T2_OK;
	}
	return T2_OK;
}

void
conf_free(struct conf *k)
{
	free(k->keys);
	k->keys = NULL;
	k->nkeys = 0;
}

enum {
	SECTION = 50
}; /* inih's own copy of a section's name has so many bytes, what is longer is cut there: MAX_SECTION */

struct reading {
	struct conf k;
	struct t2_err err;
	FILE *f;
	int line;
	bool key; /* the line before was a key's: an indented one goes on with its value */
	int section, nkeys; /* line of the section at hand, 0: none yet; rows of keys before it */
	char scope[32];	    /* of its view */
	int bad;	    /* line of err, where inih does not know it */
};

/* "keys" or "keys VIEW"; NULL: another section. */
static const char *
key_scope(const char *section)
{
	if (strncmp(section, "keys", 4) || (section[4] && section[4] != ' '))
		return NULL;
	return section + 4 + strspn(section + 4, " ");
}

static enum t2_status
key_add(struct reading *r, const char *scope, const char *name, const char *value)
{
	struct keymap_row row = {.line = r->line}, *grown;
	int a = snprintf(row.scope, sizeof row.scope, "%s", scope);
	int b = snprintf(row.name, sizeof row.name, "%s", name);
	int c = snprintf(row.keys, sizeof row.keys, "%s", value);

	if (a >= (int)sizeof row.scope || b >= (int)sizeof row.name || c >= (int)sizeof row.keys)
		return t2_fail(&r->err, T2_EINVAL, "%.40s: view, command or keys too long", name);
	grown = realloc(r->k.keys, ((size_t)r->k.nkeys + 1) * sizeof *grown);
	if (!grown)
		return t2_nomem(&r->err, "keys");
	r->k.keys = grown;
	grown[r->k.nkeys++] = row;
	return T2_OK;
}

/* inih goes on after a refusal and returns the first one's line: only the first message is kept. */
static int
on_key(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;
	const char *scope;
	enum t2_status st;

	if (r->err.code)
		return 0;
	scope = key_scope(section); /* one that is none was refused at its own line */
	if (!*section || !scope)
		st = conf_set(&r->k, name, value ? value : "", &r->err);
	else
		st = key_add(r, scope, name, value ? value : "");
	return st == T2_OK;
}

/* A section that ends without a row: its view is looked at by keymap_new() all the same. */
static void
section_end(struct reading *r)
{
	int line = r->line;

	if (!r->section || r->nkeys != r->k.nkeys || r->err.code)
		return;
	r->line = r->section;
	if (key_add(r, r->scope, "", ""))
		r->bad = r->section;
	r->line = line;
}

static void
section_begin(struct reading *r, const char *head)
{
	size_t n = strcspn(head, "]");
	char name[SECTION];
	const char *scope;

	if (!head[n])
		return; /* without its ]: inih refuses the line */
	section_end(r);
	snprintf(name, sizeof name, "%.*s", (int)n, head);
	scope = key_scope(name);
	if (n >= sizeof name && !r->err.code) {
		t2_fail(&r->err, T2_EINVAL,
			"[%.20s...]: a section's name has %d bytes at most; there are [keys] and "
			"[keys VIEW]",
			name, SECTION - 1);
		r->bad = r->line;
	} else if (scope && strlen(scope) < sizeof r->scope) {
		snprintf(r->scope, sizeof r->scope, "%s", scope);
		r->section = r->line;
		r->nkeys = r->k.nkeys;
	} else if (!r->err.code) {
		t2_fail(&r->err, T2_EINVAL,
			"[%s]: no such section; there are [keys] and [keys VIEW]", name);
		r->bad = r->line;
	}
}

/* inih tells its handler neither where a row stands nor of sections without rows: lines are counted and sections seen here,
 * as it reads them. */
static char *
next_line(char *buf, int size, void *stream)
{
	struct reading *r = stream;
	char *s = fgets(buf, size, r->f);
	size_t blank;

	r->line++;
	if (!s)
		return s;
	if (r->line == 1 && !strncmp(s, "\xef\xbb\xbf", 3)) /* a byte order mark */
		s += 3;
	blank = strspn(s, " \t\r\n\v\f");
	if (!s[blank] || strchr(";#", s[blank]) || (blank && r->key))
		return buf;
	r->key = s[blank] != '[';
	if (!r->key)
		section_begin(r, s + blank + 1);
	return buf;
}

static bool
own_path(char *out, size_t size)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n;

	if (base && *base == '/')
		n = snprintf(out, size, "%s/t2tui/t2tui.conf", base);
	else if (home && *home)
		n = snprintf(out, size, "%s/.config/t2tui/t2tui.conf", home);
	else
		return false;
	return n > 0 && (size_t)n < size;
}

enum t2_status
conf_load(struct conf *k, const char *path, struct t2_err *err)
{
	struct reading r = {.k = *k};
	char own[sizeof r.k.path];
	int line;

	if (!path && (!own_path(own, sizeof own) || (access(own, F_OK) && errno == ENOENT)))
		return T2_OK;
	path = path ? path : own;
	r.f = fopen(path, "re");
	if (!r.f)
		return t2_fail(err, T2_EIO, "%s: cannot open: %s", path, strerror(errno));
	r.k.keys = NULL;
	r.k.nkeys = 0;
	snprintf(r.k.path, sizeof r.k.path, "%s", path);
	line = ini_parse_stream(next_line, &r, on_key, &r);
	fclose(r.f);
	section_end(&r);
	if (r.bad && (!line || r.bad < line))
		line = r.bad;
	if (r.err.code || line) {
		conf_free(&r.k);
		if (r.err.code)
			return t2_fail(err, T2_EFORMAT, "%s:%d: %s", path, line, r.err.msg);
		return t2_fail(err, T2_EFORMAT, "%s:%d: key = value is wanted", path, line);
	}
	conf_free(k);
	*k = r.k;
	return T2_OK;
}
