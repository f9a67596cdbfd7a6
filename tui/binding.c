#include "tui/binding.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "engine/base/strbuf.h"
#include "tui/event.h"

static const struct binding actions[] = {
	{A_UP, "k Up", "up", "up", NULL, PANES_ALL, 0},
	{A_DOWN, "j Down", "down", "down", NULL, PANES_ALL, 0},
	{A_LEFT, "h Left", "left", "left", NULL, PANES_ALL, 0},
	{A_RIGHT, "l Right", "right", "right", NULL, PANES_ALL, 0},
	{A_TOP, "g Home", "top", "to the beginning", NULL, PANES_ALL, 0},
	{A_BOTTOM, "G End", "bottom", "to the end", NULL, PANES_ALL, 0},
	{A_PAGE_UP, "PgUp Ctrl-u", "page-up", "a page up", NULL, PANES_ALL, 0},
	{A_PAGE_DOWN, "PgDn Ctrl-d", "page-down", "a page down", NULL, PANES_ALL, 0},
	{A_OPEN, "Enter", "open", "open", NULL, PANES_ALL, BIND_BAR},
	{A_EDIT, "e", "edit", "edit", NULL, PANES_ALL, BIND_BAR},
	{A_MARK, "Space", "mark", "mark", NULL, PANES_ALL, BIND_BAR},
	{A_COMPARE, "c", "compare", "compare with what is marked", NULL, PANES_ALL, BIND_BAR},
	{A_FILTER, "/", "filter", "filter", NULL, PANES_ALL, BIND_BAR},
	{A_NEXT, "n", "next-match", "next match", NULL, PANES_ALL, 0},
	{A_PREV, "N", "previous-match", "previous match", NULL, PANES_ALL, 0},
	{A_STEP_NEXT, "]", "step-next", "next matrix or step", NULL, PANES_ALL, 0},
	{A_STEP_PREV, "[", "step-previous", "previous matrix or step", NULL, PANES_ALL, 0},
	{A_MORE, "+ =", "more", "zoom in, more", NULL, PANES_ALL, 0},
	{A_LESS, "-", "less", "zoom out, less", NULL, PANES_ALL, 0},
	{A_DELETE, "d Delete", "delete", "delete (undo takes it back)", NULL, PANES_ALL, 0},
	{A_REFRESH, "r", "refresh", "refresh", NULL, PANES_ALL, 0},
	{A_SORT, "o", "sort", "sort by the next column", NULL, PANES_ALL, 0},
};

const struct binding_set binding_actions = {"common keys", actions,
					    sizeof actions / sizeof *actions};

bool
binding_holds(const struct binding *b, int pane, unsigned can)
{
	if (b->action != A_NONE && !b->run)
		return can & CAN(b->action);
	return b->panes == PANES_ALL || (pane >= 0 && b->panes & PANE(pane));
}

bool
binding_has_key(const struct binding *b, int key)
{
	const char *s = b->keys;
	int k;

	while ((k = key_parse(&s)))
		if (k == key)
			return true;
	return false;
}

const struct binding *
binding_find(const struct binding_set *sets, int n, int key, int pane, unsigned can)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < sets[i].n; j++) {
			const struct binding *b = &sets[i].rows[j];

			if (binding_holds(b, pane, can) && binding_has_key(b, key))
				return b;
		}
	return NULL;
}

const struct binding *
binding_named(const struct binding_set *sets, int n, const char *name, size_t len)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < sets[i].n; j++) {
			const struct binding *b = &sets[i].rows[j];

			if (strlen(b->name) == len && !memcmp(b->name, name, len))
				return b;
		}
	return NULL;
}

const char *
binding_key(const struct binding *b, char *buf)
{
	const char *s = b->keys;
	int k = key_parse(&s);

	buf[0] = 0;
	return k ? key_text(k, buf) : buf;
}

const char *
binding_keys(const struct binding *b, char *buf)
{
	const char *s = b->keys;
	char one[24];
	size_t at = 0;
	int k;

	buf[0] = 0;
	while ((k = key_parse(&s)) && at < 40)
		at += (size_t)snprintf(buf + at, 64 - at, "%s%s", at ? ", " : "", key_text(k, one));
	return buf;
}

const char *
binding_check(const struct binding_set *set, char *buf, size_t cap)
{
	for (int i = 0; i < set->n; i++) {
		const struct binding *a = &set->rows[i];
		const char *s = a->keys;
		int k;

		if (!a->name || !*a->name ||
		    strspn(a->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(a->name)) {
			snprintf(buf, cap, "row %d: bad name", i);
			return buf;
		}
		if (!a->help || !*a->help || a->help[strlen(a->help) - 1] == '.') {
			snprintf(buf, cap, "%s: bad help", a->name);
			return buf;
		}
		if (!a->run && a->action == A_NONE) {
			snprintf(buf, cap, "%s: does nothing", a->name);
			return buf;
		}
		while ((k = key_parse(&s)))
			for (int j = 0; j < i; j++) {
				const struct binding *b = &set->rows[j];

				if ((a->panes == PANES_ALL || b->panes == PANES_ALL ||
				     a->panes & b->panes) &&
				    binding_has_key(b, k)) {
					snprintf(buf, cap, "%s and %s: one key", b->name, a->name);
					return buf;
				}
			}
		if (s[strspn(s, " ")]) {
			snprintf(buf, cap, "%s: no such key: %s", a->name, s);
			return buf;
		}
	}
	return NULL;
}

int
binding_fuzzy(const char *text, const char *pattern)
{
	int score = 1, run = 0;
	const char *t = text;

	for (const char *p = pattern; *p; p++) {
		int want = tolower((unsigned char)*p);
		const char *from = t;

		if (want == ' ')
			continue;
		while (*t && tolower((unsigned char)*t) != want)
			t++;
		if (!*t)
			return 0;
		run = t == from ? run + 1 : 1;
		/* Letters in a row and at the start of words are what people mean. */
		score += 1 + 2 * run;
		if (t == text || t[-1] == '-' || t[-1] == ' ')
			score += 6;
		t++;
	}
	if (strstr(text, pattern))
		score += 20;
	return score * 16 - (int)(strlen(text) < 16 ? strlen(text) : 15);
}

static void
mdoc_text(const char *s, struct strbuf *out)
{
	for (; *s; s++) {
		if (*s == '\\')
			strbuf_str(out, "\\e");
		else if (*s == '-')
			strbuf_str(out, "\\-");
		else
			strbuf_char(out, *s);
	}
}

void
binding_mdoc(const struct binding_set *sets, int n, struct strbuf *out)
{
	char keys[64];

	for (int i = 0; i < n; i++) {
		strbuf_printf(out, ".Ss %c%s\n.Bl -tag -width \"Shift-Tab, Ctrl-x\" -compact\n",
			      toupper((unsigned char)sets[i].scope[0]), sets[i].scope + 1);
		for (int j = 0; j < sets[i].n; j++) {
			const struct binding *b = &sets[i].rows[j];

			if (b->flags & BIND_HIDDEN)
				continue;
			strbuf_str(out, ".It ");
			binding_keys(b, keys);
			if (keys[0]) {
				strbuf_str(out, "Ic \"\\&");
				mdoc_text(keys, out);
				strbuf_str(out, "\"");
			} else {
				strbuf_printf(out, "Ic :%s", b->name);
			}
			strbuf_str(out, "\n");
			mdoc_text(b->help, out);
			if (keys[0])
				strbuf_printf(out, "\n.Pq Ic %s", b->name);
			strbuf_str(out, "\n");
		}
		strbuf_str(out, ".El\n");
	}
}
