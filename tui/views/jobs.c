/* What runs, ran and waits in this process, and what it watches in others. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/base/strbuf.h"
#include "tui/app.h"
#include "tui/views/builtin.h"
#include "tui/widgets/gauge.h"
#include "tui/widgets/table.h"

struct jobs_state {
	struct view *v;
	struct table t;
	struct job_view *row;
	int n;
};

enum { COL_NAME, COL_STATE, COL_PROGRESS, COL_DONE, COL_TIME, COL_ETA, COL_FIGURE, COL_STAGE };

static const struct column columns[] = {
	[COL_NAME] = {"job", 24, 24, ALIGN_LEFT, 0},
	[COL_STATE] = {"state", 9, 9, ALIGN_LEFT, 0},
	[COL_PROGRESS] = {"progress", 10, 14, ALIGN_LEFT, 1},
	[COL_DONE] = {"done", 9, 13, ALIGN_RIGHT, 4},
	[COL_TIME] = {"time", 6, 7, ALIGN_RIGHT, 2},
	[COL_ETA] = {"left", 6, 7, ALIGN_RIGHT, 3},
	[COL_FIGURE] = {"figure", 12, 16, ALIGN_LEFT, 6},
	[COL_STAGE] = {"stage", 12, 0, ALIGN_LEFT, 5},
};

static const char *const states[] = {"waiting", "running", "done", "failed", "cancelled"};

static bool
is_over(const struct job_view *j)
{
	return j->state == JOB_OK || j->state == JOB_FAILED || j->state == JOB_CANCELLED;
}

static void
jobs_cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	struct jobs_state *s = arg;
	const struct job_view *j = &s->row[row];
	const struct theme *th = app_theme(s->v->app);

	switch (col) {
	case COL_NAME:
		snprintf(buf, TABLE_CELL, "%s%s", j->name, j->watched ? " detached" : "");
		break;
	case COL_STATE:
		snprintf(buf, TABLE_CELL, "%s", states[j->state]);
		if (j->state == JOB_FAILED)
			st->fg = th->style[TH_BAD].fg;
		else if (is_over(j))
			st->fg = th->style[TH_DIM].fg;
		break;
	case COL_DONE:
		if (j->progress.total > 0)
			snprintf(buf, TABLE_CELL, "%ld/%ld", j->progress.done, j->progress.total);
		else if (j->progress.done > 0)
			snprintf(buf, TABLE_CELL, "%ld", j->progress.done);
		break;
	case COL_TIME:
		if (j->state != JOB_QUEUED)
			gauge_time(buf, TABLE_CELL,
				   (j->ended > 0 ? j->ended : clock_seconds()) - j->started);
		break;
	case COL_ETA:
		if (j->state == JOB_RUNNING && j->progress.eta >= 0)
			gauge_time(buf, TABLE_CELL, j->progress.eta);
		break;
	case COL_FIGURE:
		if (j->nfigure)
			gauge_number(buf, TABLE_CELL, j->figure[j->nfigure - 1]);
		break;
	case COL_STAGE:
		snprintf(buf, TABLE_CELL, "%s",
			 j->state == JOB_FAILED ? j->error : j->progress.stage);
		break;
	default:
		break;
	}
}

static bool
jobs_paint(void *arg, int row, int col, struct canvas *c, struct rect r, struct style st)
{
	struct jobs_state *s = arg;
	const struct job_view *j = &s->row[row];
	char figure[32];
	int k;

	if (col == COL_PROGRESS) {
		if (j->state == JOB_RUNNING && j->progress.total > 0)
			gauge_draw(c, r.x, r.y, r.w,
				   (double)j->progress.done / (double)j->progress.total,
				   canvas_style(c, TH_GAUGE));
		return true;
	}
	if (col == COL_FIGURE && j->nfigure > 1 && r.w > 10) {
		struct style bar = canvas_style(c, TH_GAUGE);

		bar.bg = COLOR_KEEP;
		k = r.w - 7;
		canvas_spark(c, r.x, r.y, k, bar, j->figure, j->nfigure, 0, 0);
		canvas_text(c, r.x + k + 1, r.y, 6, st,
			    gauge_number(figure, sizeof figure, j->figure[j->nfigure - 1]));
		return true;
	}
	return false;
}

static int64_t
jobs_id(void *arg, int row)
{
	struct jobs_state *s = arg;

	return s->row[row].id;
}

static void
jobs_read(struct jobs_state *s)
{
	struct jobs *js = app_jobs(s->v->app);
	int n = jobs_count(js);
	struct job_view *row = realloc(s->row, (size_t)(n ? n : 1) * sizeof *row);

	if (row) {
		s->row = row;
		s->n = 0;
		for (int i = 0; i < n; i++) {
			jobs_get(js, i, &row[s->n]);
			if (row[s->n].brief) /* the frame draws again when it is not */
				continue;
			s->n++;
		}
	}
	table_rows(&s->t, s->n);
}

static enum t2_status
jobs_open(struct view *v, void *state, struct t2_err *err)
{
	struct jobs_state *s = state;

	(void)err;
	s->v = v;
	s->t = (struct table){
		.cols = columns,
		.ncols = sizeof columns / sizeof *columns,
		.cell = jobs_cell,
		.paint = jobs_paint,
		.id = jobs_id,
		.arg = s,
		.empty = "Nothing is running. Whatever takes longer than a moment shows up "
			 "here, with its progress."};
	return T2_OK;
}

static void
jobs_close(struct view *v, void *state)
{
	struct jobs_state *s = state;

	(void)v;
	table_free(&s->t);
	free(s->row);
}

/* What the row has no room for. */
static void
detail_draw(struct jobs_state *s, struct canvas *c, struct rect r)
{
	int row = table_selected(&s->t);
	const struct job_view *j;

	canvas_hline(c, r.x, r.y, r.w, canvas_style(c, TH_BORDER));
	if (row < 0)
		return;
	j = &s->row[row];
	r = (struct rect){r.x + 1, r.y + 1, r.w - 2, r.h - 1};
	if (j->state == JOB_FAILED)
		canvas_wrap(c, r, canvas_style(c, TH_BAD), j->error, 0);
	else
		canvas_text(c, r.x, r.y, r.w, canvas_style(c, TH_DIM), j->progress.stage);
}

static void
jobs_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r)
{
	struct jobs_state *s = state;
	int running = 0;

	jobs_read(s);
	for (int i = 0; i < s->n; i++)
		running += s->row[i].state == JOB_RUNNING;
	view_note(v, pane, "%d running", running);
	table_draw(&s->t, c, (struct rect){r.x, r.y, r.w, r.h - 3}, view_focused(v, pane));
	if (s->n)
		detail_draw(s, c, (struct rect){r.x, r.y + r.h - 3, r.w, 3});
	if (running)
		app_animate(v->app, 250);
}

static void
job_stop(struct view *v, void *state, const char *arg)
{
	struct jobs_state *s = state;
	int row = table_selected(&s->t);

	(void)arg;
	if (row < 0)
		app_say(v->app, "nothing is running");
	else if (jobs_cancel(app_jobs(v->app), s->row[row].id))
		app_say(v->app, "%s: cancelling ...", s->row[row].name);
	else
		app_say(v->app, "%s: is not running", s->row[row].name);
}

static bool
jobs_action(struct view *v, void *state, int pane, enum action a)
{
	struct jobs_state *s = state;
	int row = table_selected(&s->t);

	if (a == A_BACK && !view_filter(v, pane)[0] && row >= 0 && !is_over(&s->row[row])) {
		job_stop(v, state, NULL);
		return true;
	}
	return table_action(&s->t, a);
}

static bool
jobs_mouse(struct view *v, void *state, int pane, const struct mouse *m)
{
	struct jobs_state *s = state;
	bool open;

	(void)v;
	(void)pane;
	return table_mouse(&s->t, m, &open);
}

static void
jobs_filter(struct view *v, void *state, int pane, const char *text)
{
	struct jobs_state *s = state;

	(void)v;
	(void)pane;
	table_filter(&s->t, text);
}

static bool
jobs_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out)
{
	struct jobs_state *s = state;

	(void)v;
	(void)pane;
	table_dump(&s->t, f == DUMP_CSV, out);
	return true;
}

static void
job_clear(struct view *v, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	jobs_clear(app_jobs(v->app));
}

static const struct binding bindings[] = {
	{A_NONE, "K Ctrl-c", "job-cancel", "cancel the selected job", job_stop, PANES_ALL,
	 BIND_BAR},
	{A_NONE, "d Delete", "jobs-clear", "take those that are over off the list", job_clear,
	 PANES_ALL, BIND_BAR},
};

static const struct pane_spec panes[] = {{"jobs", "jobs", 40, 6, CAN_LIST}};

static struct table *
jobs_table(void *state, int pane)
{
	(void)pane;
	return &((struct jobs_state *)state)->t;
}

const struct view_ops jobs_view = {
	.name = "Jobs",
	.number = 9,
	.state_size = sizeof(struct jobs_state),
	.panes = panes,
	.npanes = 1,
	.layout = "jobs",
	.bindings = bindings,
	.nbindings = sizeof bindings / sizeof *bindings,
	.open = jobs_open,
	.close = jobs_close,
	.draw = jobs_draw,
	.action = jobs_action,
	.mouse = jobs_mouse,
	.filter = jobs_filter,
	.table = jobs_table,
	.dump = jobs_dump,
};
