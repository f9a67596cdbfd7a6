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

	restore(v, v->layout, v->ops->layout, lines, n);
	restore(v, v->layout_wide, v->ops->wide, lines, n);
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
	line_head(s->v, s->v->ops->layout, &head);
	strbuf_str(out, head.s ? head.s : "");
	layout_sizes(s->v->layout, out);
	strbuf_char(out, '\n');
	if (s->v->layout_wide) {
		line_head(s->v, s->v->ops->wide, &head);
		strbuf_str(out, head.s ? head.s : "");
		layout_sizes(s->v->layout_wide, out);
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
	enum t2_status st = layout_new(&l, v->ops->layout, v->ops->panes, v->ops->npanes, err);

	if (st)
		return st;
	layout_free(v->layout);
	v->layout = l;
	if (v->layout_wide) {
		st = layout_new(&l, v->ops->wide, v->ops->panes, v->ops->npanes, err);
		if (st)
			return st;
		layout_free(v->layout_wide);
		v->layout_wide = l;
	}
	return state_update("splits", change, &s, err);
}
