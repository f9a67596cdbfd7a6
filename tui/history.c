#include "tui/history.h"

#include <stdlib.h>
#include <string.h>
#include "engine/base/strbuf.h"
#include "tui/state.h"

struct history {
	char name[32];
	bool keep;
	char *line[HISTORY_LINES]; /* oldest first, as in the file */
	int n, at;		   /* at: how far back; 0: not at all */
	char *draft;
};

static void
line_drop(struct history *h, int i)
{
	free(h->line[i]);
	memmove(&h->line[i], &h->line[i + 1], (size_t)(h->n - i - 1) * sizeof *h->line);
	h->n--;
}

/* Its own place is the last from now on. */
static void
line_put(struct history *h, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return; /* the command has run; only the record is lost */
	for (int i = 0; i < h->n; i++)
		if (!strcmp(h->line[i], text)) {
			line_drop(h, i);
			break;
		}
	if (h->n == HISTORY_LINES)
		line_drop(h, 0);
	h->line[h->n++] = copy;
}

struct history *
history_open(const char *name, bool keep)
{
	struct history *h = calloc(1, sizeof *h);
	char **v;
	int n;

	if (!h)
		return NULL;
	strncpy(h->name, name, sizeof h->name - 1);
	h->keep = keep;
	if (keep) {
		v = state_read(name, &n);
		for (int i = 0; i < n; i++)
			line_put(h, v[i]);
		state_free(v, n);
	}
	return h;
}

void
history_close(struct history *h)
{
	if (!h)
		return;
	while (h->n)
		line_drop(h, h->n - 1);
	free(h->draft);
	free(h);
}

bool
history_moving(const struct history *h)
{
	return h->at > 0;
}

void
history_rest(struct history *h)
{
	h->at = 0;
}

const char *
history_move(struct history *h, int by, const char *draft)
{
	if (h->at + by < 0 || h->at + by > h->n)
		return NULL;
	if (!h->at) {
		free(h->draft);
		h->draft = strdup(draft);
	}
	h->at += by;
	if (h->at)
		return h->line[h->n - h->at];
	return h->draft ? h->draft : "";
}

/* Another workbench may have added lines of its own meanwhile: they stay, and are known here from now on. */
static void
change(void *arg, char *const *lines, int n, struct strbuf *out)
{
	struct history *h = arg;
	char *mine = h->line[h->n - 1];

	h->n--;
	while (h->n)
		line_drop(h, h->n - 1);
	for (int i = 0; i < n; i++)
		line_put(h, lines[i]);
	line_put(h, mine);
	free(mine);
	for (int i = 0; i < h->n; i++)
		strbuf_printf(out, "%s\n", h->line[i]);
}

enum t2_status
history_add(struct history *h, const char *text, struct t2_err *err)
{
	h->at = 0;
	if (!*text || strchr(text, '\n') || *text == ' ') /* a space before: not to be remembered */
		return T2_OK;
	line_put(h, text);
	if (!h->keep || !h->n || strcmp(h->line[h->n - 1], text))
		return T2_OK;
	return state_update(h->name, change, h, err);
}
