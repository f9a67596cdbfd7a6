#include "tui/splits.h"

#include <stdio.h>
#include <string.h>
#include "engine/base/strbuf.h"
#include "tui/layout.h"
#include "tui/state.h"
#include "tui/view.h"

/* "Runs\tv(2:list ...)\t": what a line of the file begins with. */
static void
line_head(const struct view *v, const char *layout, struct strbuf *out)
{
	strbuf_clear(out);
	strbuf_printf(out, "%s\t%s\t", v->ops->name, layout);
}

static bool
has_head(const char *line, const struct strbuf *head)
{
	return head->s && !strncmp(line, head->s, head->len);
}

static void
restore(const struct view *v, struct layout *l, const char *text, char *const *lines, int n)
{
	struct strbuf head = {0};

	if (!l)
		return;
	line_head(v, text, &head);
	for (int i = 0; i < n; i++)
		if (has_head(lines[i], &head))
			layout_resize(l, lines[i] + head.len);
	strbuf_free(&head);
}

void
splits_restore(struct view *v)
{
	int n;
	char **lines = state_read("splits", &n);

	for (int i = 0; i < LAYOUTS; i++)
		restore(v, v->layout[i], view_layout_text(v->ops, i), lines, n);
	state_free(lines, n);
}

struct saving {
	const struct view *v;
	bool forget;
};

static void
change(void *arg, char *const *lines, int n, struct strbuf *out)
{
	const struct saving *s = arg;
	size_t len = strlen(s->v->ops->name);
	struct strbuf head = {0};

	for (int i = 0; i < n; i++)
		if (strncmp(lines[i], s->v->ops->name, len) || lines[i][len] != '\t')
			strbuf_printf(out, "%s\n", lines[i]);
	if (s->forget)
		return;
	for (int i = 0; i < LAYOUTS; i++) {
		if (!s->v->layout[i])
			continue;
		line_head(s->v, view_layout_text(s->v->ops, i), &head);
		strbuf_str(out, head.s ? head.s : "");
		layout_sizes(s->v->layout[i], out);
		strbuf_char(out, '\n');
	}
	strbuf_free(&head);
}

enum t2_status
splits_save(const struct view *v, struct t2_err *err)
{
	struct saving s = {v, false};

	return state_update("splits", change, &s, err);
}

enum t2_status
splits_reset(struct view *v, struct t2_err *err)
{
	struct saving s = {v, true};
	struct layout *l;
	enum t2_status st;

	for (int i = 0; i < LAYOUTS; i++) {
		if (!v->layout[i])
			continue;
		if ((st = layout_new(&l, view_layout_text(v->ops, i), v->ops->panes, v->ops->npanes,
				     err)))
			return st;
		if (v->shown == v->layout[i])
			v->shown = l;
		layout_free(v->layout[i]);
		v->layout[i] = l;
	}
	return state_update("splits", change, &s, err);
}
