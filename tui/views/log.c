/* Everything that was said in the message line. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "engine/base/strbuf.h"
#include "tui/app.h"
#include "tui/message.h"
#include "tui/views/builtin.h"
#include "tui/widgets/table.h"

struct log_state {
	struct view *v;
	struct table t;
	int seen; /* messages when it was drawn last */
};

static const struct column columns[] = {
	{"time", 8, 8, ALIGN_LEFT, 1},
	{"times", 5, 5, ALIGN_RIGHT, 2},
	{"message", 20, 0, ALIGN_LEFT, 0},
};

static void
log_cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	struct log_state *s = arg;
	const struct message *m = message_get(app_log(s->v->app), row);
	const struct theme *th = app_theme(s->v->app);
	struct tm tm;

	if (!m)
		return;
	switch (col) {
	case 0:
		if (localtime_r(&m->when, &tm))
			strftime(buf, TABLE_CELL, "%H:%M:%S", &tm);
		st->fg = th->style[TH_DIM].fg;
		break;
	case 1:
		if (m->times > 1)
			snprintf(buf, TABLE_CELL, "%d×", m->times);
		break;
	default:
		snprintf(buf, TABLE_CELL, "%s%.240s", m->level == MESSAGE_ERROR ? "error: " : "",
			 m->text);
		if (m->level == MESSAGE_ERROR)
			st->fg = th->style[TH_BAD].fg;
	}
}

static enum t2_status
log_open(struct view *v, void *state, struct t2_err *err)
{
	struct log_state *s = state;

	(void)err;
	s->v = v;
	s->t = (struct table){.cols = columns,
			      .ncols = 3,
			      .cell = log_cell,
			      .arg = s,
			      .empty = "Nothing has been said yet."};
	return T2_OK;
}

static void
log_close(struct view *v, void *state)
{
	struct log_state *s = state;

	(void)v;
	table_free(&s->t);
}

static void
log_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r)
{
	struct log_state *s = state;
	int n = message_count(app_log(v->app));
	struct rect list = r, full = r;
	const struct message *m;

	table_rows(&s->t, n);
	if (n != s->seen)
		table_action(&s->t, A_BOTTOM);
	s->seen = n;
	/* A long message is cut in its row and whole below. */
	full.h = r.h > 12 ? 4 : 2;
	list.h = r.h - full.h;
	full.y = r.y + list.h;
	table_draw(&s->t, c, list, view_focused(v, pane));
	canvas_hline(c, full.x, full.y, full.w, canvas_style(c, TH_BORDER));
	m = message_get(app_log(v->app), table_selected(&s->t));
	full.y++;
	full.h--;
	if (m)
		canvas_wrap(c, full, canvas_style(c, TH_TEXT), m->text, 0);
}

static bool
log_action(struct view *v, void *state, int pane, enum action a)
{
	struct log_state *s = state;

	(void)v;
	(void)pane;
	return table_action(&s->t, a);
}

static bool
log_mouse(struct view *v, void *state, int pane, const struct mouse *m)
{
	struct log_state *s = state;
	bool open;

	(void)v;
	(void)pane;
	return table_mouse(&s->t, m, &open);
}

static void
log_filter(struct view *v, void *state, int pane, const char *text)
{
	struct log_state *s = state;

	(void)v;
	(void)pane;
	table_filter(&s->t, text);
}

static bool
log_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out)
{
	struct log_state *s = state;

	(void)v;
	(void)pane;
	table_dump(&s->t, f == DUMP_CSV, out);
	return true;
}

static const struct pane_spec panes[] = {{"log", "messages", 40, 6, CAN_LIST}};

static struct table *
log_table(void *state, int pane)
{
	(void)pane;
	return &((struct log_state *)state)->t;
}

const struct view_ops log_view = {
	.name = "Log",
	.number = 0,
	.state_size = sizeof(struct log_state),
	.panes = panes,
	.npanes = 1,
	.layout = "log",
	.open = log_open,
	.close = log_close,
	.draw = log_draw,
	.action = log_action,
	.mouse = log_mouse,
	.filter = log_filter,
	.table = log_table,
	.dump = log_dump,
};
