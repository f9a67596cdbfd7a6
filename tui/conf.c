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

struct reading {
	struct conf k;
	struct t2_err err;
	FILE *f;
	int line;
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
	if (!*section)
		st = conf_set(&r->k, name, value ? value : "", &r->err);
	else if ((scope = key_scope(section)))
		st = key_add(r, scope, name, value ? value : "");
	else
		st = t2_fail(&r->err, T2_EINVAL,
			     "[%s]: no such section; there are [keys] and "
			     "[keys VIEW]",
			     section);
	return st == T2_OK;
}

/* Counts as inih does, which does not tell its handler. */
static char *
next_line(char *buf, int size, void *stream)
{
	struct reading *r = stream;

	r->line++;
	return fgets(buf, size, r->f);
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
