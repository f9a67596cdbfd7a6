#include "tui/keymap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "tui/app_state.h"
#include "tui/event.h"
#include "tui/views/builtin.h"

enum { SETS = 3, OWN = 0, ACTIONS, COMMANDS };
enum { EVERY = APP_VIEWS }; /* the tables without a view, to be shown */

struct table {
	struct binding *rows;
	int *line; /* of the user's file; 0: as it comes */
	int n;
};

struct keymap {
	const struct view_ops *view[APP_VIEWS];
	struct table table[APP_VIEWS + 1][SETS];
	char **keys; /* what rows point at */
	int nkeys;
};

static enum t2_status
table_copy(struct table *t, const struct binding *rows, int n, struct t2_err *err)
{
	if (!n)
		return T2_OK;
	t->rows = malloc((size_t)n * sizeof *rows);
	t->line = calloc((size_t)n, sizeof *t->line);
	if (!t->rows || !t->line)
		return t2_nomem(err, "keys");
	memcpy(t->rows, rows, (size_t)n * sizeof *rows);
	t->n = n;
	return T2_OK;
}

static enum t2_status
common_add(struct table t[SETS], struct t2_err *err)
{
	enum t2_status st = table_copy(&t[ACTIONS], binding_actions.rows, binding_actions.n, err);

	return st ? st : table_copy(&t[COMMANDS], app_commands.rows, app_commands.n, err);
}

static enum t2_status
view_add(struct keymap *k, const struct view_ops *ops, struct t2_err *err)
{
	struct table *t = k->table[ops->number];
	enum t2_status st;

	if (k->view[ops->number])
		return T2_OK;
	k->view[ops->number] = ops;
	st = table_copy(&t[OWN], ops->bindings, ops->nbindings, err);
	return st ? st : common_add(t, err);
}

/* -- the user's rows ---------------------------------------------------------------------------------------- */

/* NULL, or why these keys cannot be given. */
static const char *
keys_wrong(const char *keys, char *buf, size_t cap)
{
	const char *s = keys;
	int key;

	while ((key = key_parse(&s)))
		if (key == K_ESC || key == ('c' | K_CTRL)) {
			char name[24];

			snprintf(buf, cap, "%s goes back and cancels, and does nothing else",
				 key_text(key, name));
			return buf;
		}
	if (!s[strspn(s, " ")])
		return NULL;
	snprintf(buf, cap, "%s: no such key; \"t2tui --keys\" shows how they are named", s);
	return buf;
}

static int
row_find(const struct table *t, const char *name)
{
	for (int i = 0; i < t->n; i++)
		if (!strcmp(t->rows[i].name, name))
			return i;
	return -1;
}

static void
row_set(struct table *t, int i, const char *keys, int line)
{
	t->rows[i].keys = keys;
	t->line[i] = line;
}

/* Sets the row in one view; false: the view has no such command. */
static bool
view_bind(struct keymap *k, int view, int first, const struct keymap_row *r, const char *keys)
{
	for (int set = first; set < SETS; set++) {
		struct table *t = &k->table[view][set];
		int i = row_find(t, r->name);

		if (i >= 0) {
			row_set(t, i, keys, r->line);
			return true;
		}
	}
	return false;
}

/* A name that no view has, or that only one view has. */
static enum t2_status
unknown(const struct keymap *k, const struct keymap_row *r, const char *where, struct t2_err *err)
{
	for (int v = 0; v < APP_VIEWS; v++)
		for (int set = 0; set < SETS; set++)
			if (k->view[v] && row_find(&k->table[v][set], r->name) >= 0)
				return t2_fail(err, T2_EFORMAT,
					       "%s:%d: %s is a command of %s: it belongs under "
					       "[keys %s]",
					       where, r->line, r->name, k->view[v]->name,
					       k->view[v]->name);
	return t2_fail(err, T2_EFORMAT, "%s:%d: %s: no such command; \"t2tui --keys\" lists them",
		       where, r->line, r->name);
}

static enum t2_status
row_add(struct keymap *k, const struct keymap_row *r, const char *where, struct t2_err *err)
{
	char why[160], *keys;
	bool found = false, named = false;

	if (keys_wrong(r->keys, why, sizeof why))
		return t2_fail(err, T2_EFORMAT, "%s:%d: %s = %s: %s", where, r->line, r->name,
			       r->keys, why);
	keys = strdup(r->keys);
	if (!keys)
		return t2_nomem(err, "keys");
	k->keys[k->nkeys++] = keys;
	for (int v = 0; v < APP_VIEWS; v++) {
		if (!k->view[v] || (*r->scope && strcasecmp(r->scope, k->view[v]->name)))
			continue;
		named = true;
		if (!*r->name)
			continue;
		/* Without a view only what every view has is meant: two views may use a name for different things. */
		found |= view_bind(k, v, *r->scope ? OWN : ACTIONS, r, keys);
	}
	if (!*r->scope && *r->name)
		view_bind(k, EVERY, ACTIONS, r, keys);
	if (!named)
		return t2_fail(err, T2_EFORMAT, "%s:%d: [keys %s]: no such view", where, r->line,
			       r->scope);
	return found || !*r->name ? T2_OK : unknown(k, r, where, err);
}

/* -- conflicts ---------------------------------------------------------------------------------------------- */

struct place {
	int set, row;
};

/* Do both rows hold in some pane of the view? */
static bool
meet(const struct view_ops *ops, const struct binding *a, const struct binding *b)
{
	for (int p = 0; p < ops->npanes; p++)
		if (binding_holds(a, p, ops->panes[p].can) &&
		    binding_holds(b, p, ops->panes[p].can))
			return true;
	return false;
}

static enum t2_status
clash(const struct keymap *k, int view, struct place pa, struct place pb, const char *where,
      struct t2_err *err)
{
	const struct table *ta = &k->table[view][pa.set], *tb = &k->table[view][pb.set];
	const struct binding *a = &ta->rows[pa.row], *b = &tb->rows[pb.row];
	bool later = tb->line[pb.row] > ta->line[pa.row]; /* it is told of the one before */
	const struct binding *mine = later ? b : a, *other = later ? a : b;
	int line = later ? tb->line[pb.row] : ta->line[pa.row];
	bool own = pa.set == OWN || pb.set == OWN;
	const char *s = mine->keys;
	char name[24];
	int key;

	/* What the tables themselves hide behind one another is meant so. */
	if (!line || !meet(k->view[view], a, b))
		return T2_OK;
	while ((key = key_parse(&s)))
		if (binding_has_key(other, key))
			return t2_fail(err, T2_EFORMAT, "%s:%d: %s = %s: %s is %s%s%s", where, line,
				       mine->name, mine->keys, key_text(key, name), other->name,
				       own ? " in " : "", own ? k->view[view]->name : "");
	return T2_OK;
}

static enum t2_status
view_check(const struct keymap *k, int view, const char *where, struct t2_err *err)
{
	const struct table *t = k->table[view];
	enum t2_status st = T2_OK;

	for (int sa = 0; sa < SETS; sa++)
		for (int i = 0; i < t[sa].n; i++)
			for (int sb = sa; sb < SETS; sb++)
				for (int j = sb == sa ? i + 1 : 0; j < t[sb].n && !st; j++)
					st = clash(k, view, (struct place){sa, i},
						   (struct place){sb, j}, where, err);
	return st;
}

/* Who loses both the palette and the way out has only kill left. */
static enum t2_status
way_out(const struct keymap *k, int view, const char *where, struct t2_err *err)
{
	const struct table *t = &k->table[view][COMMANDS];
	int palette = row_find(t, "palette"), quit = row_find(t, "quit");
	char buf[24];

	if (*binding_key(&t->rows[palette], buf) || *binding_key(&t->rows[quit], buf))
		return T2_OK;
	return t2_fail(err, T2_EFORMAT, "%s:%d: neither palette nor quit has a key", where,
		       t->line[palette] > t->line[quit] ? t->line[palette] : t->line[quit]);
}

static enum t2_status
twice(const struct keymap_row *rows, int n, const char *where, struct t2_err *err)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			if (*rows[i].name && !strcmp(rows[i].name, rows[j].name) &&
			    !strcasecmp(rows[i].scope, rows[j].scope))
				return t2_fail(err, T2_EFORMAT,
					       "%s:%d: %s: line %d gives its keys already; one "
					       "line takes several, with spaces between",
					       where, rows[i].line, rows[i].name, rows[j].line);
	return T2_OK;
}

enum t2_status
keymap_new(struct keymap **out, const struct view_ops *const *views, int nviews,
	   const struct keymap_row *rows, int nrows, const char *where, struct t2_err *err)
{
	struct keymap *k = calloc(1, sizeof *k);
	enum t2_status st = twice(rows, nrows, where, err);

	*out = NULL;
	if (!k || !(k->keys = calloc((size_t)nrows + 1, sizeof *k->keys))) {
		free(k);
		return t2_nomem(err, "keys");
	}
	for (int i = 0; i < nviews && !st; i++)
		st = view_add(k, views[i], err);
	if (!st)
		st = view_add(k, &jobs_view, err);
	if (!st)
		st = view_add(k, &log_view, err);
	if (!st)
		st = common_add(k->table[EVERY], err);
	/* First what holds everywhere: a view's own section wins over it. */
	for (int own = 0; own < 2; own++)
		for (int i = 0; i < nrows && !st; i++)
			if (own == (rows[i].scope[0] != 0))
				st = row_add(k, &rows[i], where, err);
	for (int v = 0; v < APP_VIEWS && !st; v++) {
		if (!k->view[v])
			continue;
		st = view_check(k, v, where, err);
		if (!st)
			st = way_out(k, v, where, err);
	}
	if (st)
		keymap_free(k);
	else
		*out = k;
	return st;
}

void
keymap_free(struct keymap *k)
{
	if (!k)
		return;
	for (int v = 0; v <= EVERY; v++)
		for (int set = 0; set < SETS; set++) {
			free(k->table[v][set].rows);
			free(k->table[v][set].line);
		}
	for (int i = 0; i < k->nkeys; i++)
		free(k->keys[i]);
	free(k->keys);
	free(k);
}

int
keymap_sets(const struct keymap *k, int view, struct binding_set out[3])
{
	const struct table *t = k->table[view < 0 ? (int)EVERY : view];
	int n = 0;

	if (t[OWN].n)
		out[n++] = (struct binding_set){k->view[view]->name, t[OWN].rows, t[OWN].n};
	out[n++] = (struct binding_set){binding_actions.scope, t[ACTIONS].rows, t[ACTIONS].n};
	out[n++] = (struct binding_set){app_commands.scope, t[COMMANDS].rows, t[COMMANDS].n};
	return n;
}

bool
keymap_changed(const struct keymap *k, const struct binding *b)
{
	for (int v = 0; v <= EVERY; v++)
		for (int set = 0; set < SETS; set++) {
			const struct table *t = &k->table[v][set];

			if (t->n && b >= t->rows && b < t->rows + t->n)
				return t->line[b - t->rows] > 0;
		}
	return false;
}
