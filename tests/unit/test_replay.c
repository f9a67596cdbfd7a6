/* The frame under scripts: every tests/replay/NAME.t2s is played on a screen in memory, with two views that show
 * every kind of plot and widget.  "test_replay --screen" shows the same views on the terminal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "engine/base/strbuf.h"
#include "tests/lib/golden.h"
#include "tui/app.h"
#include "tui/heat.h"
#include "tui/plot.h"
#include "tui/widgets/editor.h"
#include "tui/widgets/gauge.h"
#include "tui/widgets/table.h"

enum { LAYERS = 4, KINDS = 7, RANK = 128, STEPS = 200 };

static const char *const kinds[KINDS] = {"q", "k", "v", "o", "gate", "up", "down"};

/* -- plots: heat map, curves, bars -------------------------------------------------------------------------- */

struct plots {
	double stat[LAYERS * KINDS], sigma[RANK], sz[2][RANK], z[RANK];
	int row, col, computed;
	bool linear;
	struct heat_map map;
};

enum { P_MAP, P_STATS, P_CURVE, P_BARS };

static void
plots_fill(struct plots *p)
{
	int seed = p->row * KINDS + p->col;

	for (int i = 0; i < RANK; i++) {
		p->sigma[i] = (12 - p->row) * pow(i + 1.0, -0.9 - 0.02 * p->col) +
			      0.02 * (RANK - i) / RANK;
		p->z[i] = 0.4 * exp(-i / 20.0) * sin(i * 0.7 + seed) + 0.03 * sin(i * 1.9);
		p->sz[0][i] = p->sigma[i] * (1 + p->z[i]);
		p->sz[1][i] = p->sigma[i] * (1 - 0.3 * cos(i * 0.2));
	}
}

static enum t2_status
plots_open(struct view *v, void *state, struct t2_err *err)
{
	struct plots *p = state;

	(void)v;
	(void)err;
	for (int i = 0; i < LAYERS * KINDS; i++)
		p->stat[i] = 0.58 + 0.3 * (i % KINDS) / KINDS + 0.02 * (i / KINDS);
	p->stat[LAYERS * KINDS - 2] = NAN;
	p->row = 1;
	p->col = 5;
	plots_fill(p);
	return T2_OK;
}

static void
plots_curve(struct plots *p, struct canvas *c, struct rect r)
{
	struct plot_series s[] = {
		{.y = p->sigma, .n = RANK, .name = "σ", .style = canvas_style(c, TH_TEXT)},
		{.y = p->sz[0], .n = RANK, .name = "σ·z math", .style = theme_series(c->theme, 0)},
		{.y = p->sz[1], .n = RANK, .name = "σ·z code", .style = theme_series(c->theme, 1)},
	};
	struct plot_mark mark = {0.42, true, "noise edge 0.42"};
	struct plot plot = {.series = s,
			    .nseries = 3,
			    .log_y = !p->linear,
			    .marks = &mark,
			    .nmarks = 1,
			    .cursor = NAN,
			    .x_label = "component"};

	plot_draw(c, r, &plot, NULL);
}

static void
plots_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r)
{
	struct plots *p = state;
	struct heat h = {.rows = LAYERS,
			 .cols = KINDS,
			 .v = p->stat,
			 .col_name = kinds,
			 .sel_row = p->row,
			 .sel_col = p->col,
			 .focused = view_focused(v, pane)};
	double limit;

	switch (pane) {
	case P_MAP:
		view_note(v, pane, "effective rank / r");
		heat_draw(c, (struct rect){r.x, r.y, r.w, r.h - 2}, &h, &p->map);
		heat_ramp(c, r.x + 1, r.y + r.h - 1, r.w - 2, &h);
		break;
	case P_CURVE:
		view_title(v, pane, "layer %d  %s_proj  384 × 128  r %d", p->row, kinds[p->col],
			   RANK);
		view_note(v, pane, p->linear ? "linear" : "log");
		plots_curve(p, c, r);
		break;
	case P_BARS:
		limit = plot_bars(c, (struct rect){r.x, r.y, r.w, r.h - 1}, p->z, RANK, 0, -1);
		canvas_printf(c, r.x, r.y + r.h - 1, r.w, canvas_style(c, TH_DIM),
			      "±%.2f   moves 6.1 %% of ‖W‖", limit);
		break;
	default:
		canvas_text(c, r.x + 1, r.y, r.w, canvas_style(c, TH_TEXT),
			    "spectral norm 12.4   stable rank 9.1   tail α 3.2");
		canvas_text(c, r.x + 1, r.y + 1, r.w, canvas_style(c, TH_DIM), "above edge 41");
	}
}

static bool
plots_action(struct view *v, void *state, int pane, enum action a)
{
	struct plots *p = state;

	(void)v;
	if (pane != P_MAP)
		return false;
	p->row += (a == A_DOWN) - (a == A_UP);
	p->col += (a == A_RIGHT) - (a == A_LEFT);
	p->row = p->row < 0 ? 0 : p->row >= LAYERS ? LAYERS - 1 : p->row;
	p->col = p->col < 0 ? 0 : p->col >= KINDS ? KINDS - 1 : p->col;
	plots_fill(p);
	return true;
}

static void
plots_scale(struct view *v, void *state, const char *arg)
{
	struct plots *p = state;

	(void)v;
	(void)arg;
	p->linear = !p->linear;
}

static const struct binding plots_bindings[] = {
	{A_NONE, "L", "log-linear", "log or linear", plots_scale, PANES_ALL, BIND_BAR},
};

static const struct pane_spec plots_panes[] = {
	[P_MAP] = {"map", "layers × matrices", 30, 6, CAN_MOVE_2D},
	[P_STATS] = {"stats", "selected", 20, 2, 0},
	[P_CURVE] = {"curve", "spectrum", 30, 8, 0},
	[P_BARS] = {"z", "z − 1 by component (math)", 30, 4, 0},
};

static const struct view_ops plots_view = {
	.name = "Spectrum",
	.number = 2,
	.state_size = sizeof(struct plots),
	.panes = plots_panes,
	.npanes = 4,
	.layout = "h(2:v(3:map =5:stats) 3:v(2:curve 1:z))",
	.bindings = plots_bindings,
	.nbindings = 1,
	.open = plots_open,
	.draw = plots_draw,
	.action = plots_action,
};

/* -- runs: table, curves with bands, dense map, editor, jobs ------------------------------------------------- */

struct runs {
	struct view *v;
	struct table t;
	struct editor e;
	double reward[STEPS], lo[STEPS], hi[STEPS], kl[STEPS], z[LAYERS * KINDS * STEPS];
	bool deleted;
};

enum { R_LIST, R_CURVE, R_MAP, R_TEXT };

static const char *const run_names[] = {
	"math",	  "code",	    "logic",	"classifier with a rather long name",
	"日本語", "a\033[31mb\xff", "math-hard"};

static void
run_cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	struct runs *r = arg;

	switch (col) {
	case 0:
		snprintf(buf, TABLE_CELL, "%s", run_names[row % 7]);
		*st = theme_series(app_theme(r->v->app), theme_slot(buf));
		break;
	case 1:
		snprintf(buf, TABLE_CELL, "%d", 40 * row % 200);
		break;
	default:
		gauge_interval(buf, TABLE_CELL, 0.5 + 0.01 * row, 0.45 + 0.01 * row,
			       0.55 + 0.01 * row);
	}
}

static int
run_compare(void *arg, int a, int b, int col)
{
	(void)arg;
	if (col == 0)
		return strcmp(run_names[a % 7], run_names[b % 7]);
	return col == 1 ? 40 * a % 200 - 40 * b % 200 : a - b;
}

static bool
run_paint(void *arg, int row, int col, struct canvas *c, struct rect r, struct style st)
{
	struct runs *s = arg;

	(void)st;
	if (col != 3)
		return false;
	canvas_spark(c, r.x, r.y, r.w, theme_series(c->theme, row), s->reward + row, 120, 0, 0);
	return true;
}

static const struct column run_columns[] = {
	{"task", 8, 24, ALIGN_LEFT, 0},
	{"steps", 5, 5, ALIGN_RIGHT, 1},
	{"accuracy", 16, 16, ALIGN_LEFT, 2},
	{"reward", 8, 24, ALIGN_LEFT, 3},
};

static enum t2_status
runs_open(struct view *v, void *state, struct t2_err *err)
{
	struct runs *r = state;

	(void)err;
	r->v = v;
	r->t = (struct table){.cols = run_columns,
			      .ncols = 4,
			      .cell = run_cell,
			      .paint = run_paint,
			      .compare = run_compare,
			      .arg = r};
	for (int i = 0; i < STEPS; i++) {
		r->reward[i] = 0.75 - 0.5 * exp(-i / 50.0) + 0.04 * sin(i * 1.3) * cos(i * 0.31);
		r->lo[i] = r->reward[i] - 0.06;
		r->hi[i] = r->reward[i] + 0.06;
		r->kl[i] = 0.3 * (1 - exp(-i / 80.0));
		for (int k = 0; k < LAYERS * KINDS; k++)
			r->z[k * STEPS + i] =
				1 + 0.3 * sin(k * 0.5 + i * 0.01) * (1 - exp(-i / 60.0));
	}
	table_rows(&r->t, 40);
	editor_set(&r->e, "Ann has 3 apples. Ben gives her 4 more. How many apples does Ann have?");
	return T2_OK;
}

static void
runs_close(struct view *v, void *state)
{
	struct runs *r = state;

	(void)v;
	table_free(&r->t);
	editor_free(&r->e);
}

static void
runs_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r)
{
	struct runs *s = state;
	struct plot_series ser[] = {
		{.y = s->reward,
		 .n = STEPS,
		 .name = "reward",
		 .style = theme_series(c->theme, 0),
		 .lo = s->lo,
		 .hi = s->hi},
		{.y = s->kl, .n = STEPS, .name = "KL", .style = theme_series(c->theme, 1)},
	};
	struct plot p = {.series = ser, .nseries = 2, .cursor = 120, .x_label = "step"};
	struct heat h = {.rows = LAYERS * KINDS,
			 .cols = STEPS,
			 .v = s->z,
			 .diverging = true,
			 .mid = 1,
			 .sel_row = -1,
			 .sel_col = -1};

	switch (pane) {
	case R_LIST:
		view_note(v, pane, "%d marked", table_marks(&s->t));
		table_draw(&s->t, c, r, view_focused(v, pane));
		break;
	case R_CURVE:
		plot_draw(c, r, &p, NULL);
		break;
	case R_MAP:
		heat_dense(c, (struct rect){r.x, r.y, r.w, r.h - 1}, &h);
		heat_ramp(c, r.x, r.y + r.h - 1, r.w, &h);
		break;
	default:
		editor_draw(&s->e, c, r, v->editing && view_focused(v, pane));
	}
}

static bool
runs_action(struct view *v, void *state, int pane, enum action a)
{
	struct runs *s = state;

	if (pane == R_TEXT && (a == A_EDIT || a == A_OPEN)) {
		view_edit(v, true);
		return true;
	}
	if (pane != R_LIST)
		return false;
	if (a == A_OPEN)
		app_say(v->app, "opened %s", run_names[table_selected(&s->t) % 7]);
	return table_action(&s->t, a) || a == A_OPEN;
}

static bool
runs_key(struct view *v, void *state, int pane, int key)
{
	struct runs *s = state;

	(void)pane;
	switch (editor_key(&s->e, key)) {
	case EDITOR_ACCEPT:
		app_say(v->app, "asked: %s", editor_text(&s->e));
		view_edit(v, false);
		return true;
	case EDITOR_CANCEL:
		view_edit(v, false);
		return true;
	case EDITOR_IGNORED:
		return false;
	default:
		return true;
	}
}

static void
runs_paste(struct view *v, void *state, int pane, const char *text)
{
	struct runs *s = state;

	if (v->editing && pane == R_TEXT)
		editor_paste(&s->e, text);
}

static bool
runs_mouse(struct view *v, void *state, int pane, const struct mouse *m)
{
	struct runs *s = state;
	bool open;

	return pane == R_LIST && table_mouse(&s->t, m, &open) &&
	       (!open || runs_action(v, s, pane, A_OPEN));
}

static void
runs_filter(struct view *v, void *state, int pane, const char *text)
{
	struct runs *s = state;

	(void)v;
	(void)pane;
	table_filter(&s->t, text);
}

static bool
runs_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out)
{
	struct runs *s = state;

	(void)v;
	if (pane == R_LIST)
		table_dump(&s->t, f == DUMP_CSV, out);
	return pane == R_LIST;
}

static enum t2_status
work(void *arg, struct job *job, struct t2_err *err)
{
	long n = (long)(intptr_t)arg;

	job_stage(job, "steps", n);
	for (long i = 0; i < n; i++) {
		if (job_cancelled(job))
			return t2_fail(err, T2_ECANCEL, "cancelled");
		usleep(10000);
		jobs_figure(job, sin(i * 0.3));
		job_step(job, 1);
	}
	return n == 3 ? t2_fail(err, T2_EIO, "disk full: free some space") : T2_OK;
}

static void
runs_job(struct view *v, void *state, const char *arg)
{
	struct job_spec s = {.name = "train math", .owner = v->ops, .lane = state, .work = work};

	s.arg = (void *)(intptr_t)(arg ? atol(arg) : 500);
	app_job(v->app, &s);
}

/* Another world, after a while; with an argument it asks before. */
static enum t2_status
renew_work(void *arg, struct job *job, struct t2_err *err)
{
	(void)arg;
	(void)job;
	(void)err;
	usleep(200000);
	return T2_OK;
}

static bool
renew_question(struct app *a, void *arg, char *text, size_t size)
{
	(void)a;
	snprintf(text, size, "Leave this world?");
	return arg != NULL;
}

static void
renew_swap(struct app *a, void *arg)
{
	(void)arg;
	app_title(a, "another world");
}

static struct app *renewed;

static void
renew_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct app_renewal r = {"another", renew_question, renew_swap, arg, NULL};

	(void)st;
	(void)err;
	app_renew(renewed, &r);
}

static void
runs_renew(struct view *v, void *state, const char *arg)
{
	struct job_spec s = {
		.name = "renew", .work = renew_work, .done = renew_done, .quiet = true};

	(void)state;
	app_title(v->app, "first world");
	renewed = v->app;
	s.arg = arg ? v : NULL;
	app_job(v->app, &s);
}

static void
later_run(struct app *a, void *arg)
{
	(void)arg;
	app_title(a, "later has come");
}

static void
later_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	(void)st;
	(void)err;
	app_later(renewed, later_run, arg, NULL);
}

static void
runs_later(struct view *v, void *state, const char *arg)
{
	struct job_spec s = {
		.name = "later", .work = renew_work, .done = later_done, .quiet = true};

	(void)state;
	(void)arg;
	renewed = v->app;
	app_job(v->app, &s);
}

static char *
runs_keep(struct view *v, void *state, size_t *at)
{
	struct runs *s = state;

	(void)v;
	*at = s->e.pos;
	/* a text that begins so has to be finished in its world */
	return strncmp(editor_text(&s->e), "stay", 4) ? strdup(editor_text(&s->e)) : NULL;
}

static void
runs_restore(struct view *v, void *state, const char *text, size_t at)
{
	struct runs *s = state;

	(void)v;
	editor_set(&s->e, text);
	s->e.pos = at;
}

static bool
undelete(struct app *a, void *arg)
{
	(void)a;
	((struct runs *)arg)->deleted = false;
	return true;
}

static void
runs_delete(struct view *v, void *state, const char *arg)
{
	struct runs *s = state;

	(void)arg;
	s->deleted = true;
	app_undo_push(v->app, "delete run", undelete, s, NULL, 0);
	app_say(v->app, "deleted");
}

static void
runs_wrong(struct view *v, void *state, const char *arg)
{
	(void)state;
	(void)arg;
	app_error(v->app, "store: run 12: it is gone");
}

static const struct binding runs_bindings[] = {
	{A_NONE, "t", "start", "start a job", runs_job, PANES_ALL, BIND_BAR | BIND_ARG},
	{A_NONE, "E", "fail", "say an error", runs_wrong, PANES_ALL, 0},
	{A_NONE, "W", "world", "another world", runs_renew, PANES_ALL, BIND_ARG | BIND_HIDDEN},
	{A_NONE, "T", "later", "something later", runs_later, PANES_ALL, BIND_HIDDEN},
	{A_NONE, "d", "delete-run", "delete the run", runs_delete, PANE(R_LIST), 0},
};

static const struct pane_spec runs_panes[] = {
	[R_LIST] = {"runs", "runs", 30, 6, CAN_LIST | CAN(A_MARK) | CAN(A_OPEN) | CAN(A_SORT)},
	[R_CURVE] = {"curves", "reward and KL", 30, 6, 0},
	[R_MAP] = {"z", "z over steps", 30, 4, 0},
	[R_TEXT] = {"prompt", "prompt", 30, 2, CAN(A_EDIT) | CAN(A_OPEN)},
};

static const struct view_ops runs_view = {
	.name = "Runs",
	.number = 7,
	.state_size = sizeof(struct runs),
	.panes = runs_panes,
	.npanes = 4,
	.layout = "v(=5:prompt 1:h(1:runs 1:v(3:curves 2:z)))",
	.bindings = runs_bindings,
	.nbindings = sizeof runs_bindings / sizeof *runs_bindings,
	.open = runs_open,
	.close = runs_close,
	.keep = runs_keep,
	.restore = runs_restore,
	.draw = runs_draw,
	.action = runs_action,
	.key = runs_key,
	.paste = runs_paste,
	.mouse = runs_mouse,
	.filter = runs_filter,
	.dump = runs_dump,
};

static const struct view_ops *const views[] = {&plots_view, &runs_view};

static int
play(const char *path, const char *glyphs, const char *colors)
{
	struct app_config cfg = {.title = "sample (0.9M)",
				 .views = views,
				 .nviews = 2,
				 .first = 2,
				 .script = path,
				 .w = 120,
				 .h = 40,
				 .glyphs = glyphs,
				 .colors = colors};

	return app_run(&cfg);
}

static void
test_scripts(void **state)
{
	static const char *const glyphs[] = {"braille", "block", "ascii"};
	static const char *const colors[] = {"24bit", "16", "mono"};
	glob_t g = {0};

	(void)state;
	assert_int_equal(glob("tests/replay/*.t2s", 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++)
		for (int k = 0; k < 3; k++) {
			/* What such a script expects is UTF-8, or holds for all. */
			if (k == 2 && strstr(g.gl_pathv[i], "utf8"))
				continue;
			print_message("%s (%s, %s)\n", g.gl_pathv[i], glyphs[k], colors[k]);
			assert_int_equal(play(g.gl_pathv[i], glyphs[k], colors[k]), 0);
		}
	globfree(&g);
}

static void
test_keys_mdoc(void **state)
{
	struct strbuf b = {0};

	(void)state;
	app_keys_mdoc(views, 2, &b);
	assert_non_null(strstr(b.s, ".Ss Everywhere"));
	assert_non_null(strstr(b.s, ".Ss Runs"));
	assert_non_null(strstr(b.s, "delete the run"));
	strbuf_free(&b);
}

/* A script that fails must say so. */
static void
test_failure(void **state)
{
	char path[4200];
	FILE *f;

	(void)state;
	snprintf(path, sizeof path, "%s/bad.t2s", temp_dir());
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("expect \"no such text anywhere\"\n", f);
	fclose(f);
	assert_int_equal(play(path, "ascii", "mono"), 1);
	f = fopen(path, "w");
	fputs("frobnicate\n", f);
	fclose(f);
	assert_int_equal(play(path, "ascii", "mono"), 1);
	assert_int_equal(play("/nonexistent/x.t2s", "ascii", "mono"), 1);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_keys_mdoc),
	};
	struct app_config cfg = {.title = "sample (0.9M)", .views = views, .nviews = 2, .first = 2};

	if (argc > 1 && !strcmp(argv[1], "--screen")) {
		cfg.theme = argc > 2 ? argv[2] : NULL;
		return app_run(&cfg);
	}
	if (argc > 1)
		return play(argv[1], argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
