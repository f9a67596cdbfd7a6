/* Drawing and export of the Runs view. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "engine/base/strbuf.h"
#include "tui/heat.h"
#include "tui/run_csv.h"
#include "tui/views/runs.h"
#include "tui/widgets/gauge.h"

/* The selected run first, then marked ones. */
static int
shown(struct runs *s, int64_t *id, char name[][64], int max)
{
	const struct run_row *r = runs_selected(s);
	int n = 0;

	if (r) {
		id[n] = r->id;
		snprintf(name[n++], 64, "%lld %.40s", (long long)r->id, r->name);
	}
	for (int i = 0; i < s->list.n && n < max; i++) {
		if (!table_marked(&s->table, i) || (r && s->list.v[i].id == r->id))
			continue;
		id[n] = s->list.v[i].id;
		snprintf(name[n++], 64, "%lld %.40s", (long long)s->list.v[i].id,
			 s->list.v[i].name);
	}
	return n;
}

static const double *
more_of(const struct run_curves *k, int which)
{
	switch (which) {
	case MORE_NORM:
		return k->norm;
	case MORE_LENGTH:
		return k->length;
	case MORE_KL:
		return k->kl;
	case MORE_LOSS:
		return k->loss;
	default:
		return k->ms;
	}
}

#define UNREAD(v) KEYS((v), "not read; {refresh} reads it again")

/* A run that is going has not recorded things yet; one that is over never will. */
static const char *
unrecorded(const struct runs *s, const struct run_row *r, bool read, const char *unread)
{
	if (!read)
		return !r ? "" : s->reading || s->wanting ? "reading ..." : unread;
	return r && !strcmp(r->status, "running") ? "nothing recorded yet"
						  : "not recorded for this run";
}

/* What a run is at, or why it ended: one line under the curves. */
static void
draw_message(struct view *v, struct canvas *c, struct rect *r, const struct run_row *run)
{
	bool again = runs_resumable(run);
	enum theme_role role = !strcmp(run->status, "failed")	 ? TH_BAD
			       : !strcmp(run->status, "running") ? TH_STALE
								 : TH_DIM;

	if ((!run->message[0] && !again) || run->shipped || r->h < 6)
		return;
	r->h--;
	if (again) { /* a message that is of the moment says nothing about one that is no more */
		bool over = strcmp(run->status, "interrupted");

		canvas_printf(c, r->x + 1, r->y + r->h, r->w - 2, canvas_style(c, role), "%s; %s",
			      over && run->message[0] ? run->message : run->status,
			      KEYS(v, "{resume} resumes it"));
	} else {
		canvas_text(c, r->x + 1, r->y + r->h, r->w - 2, canvas_style(c, role),
			    run->message);
	}
}

static void
draw_reward(struct view *v, struct runs *s, struct canvas *c, struct rect r)
{
	struct plot_series series[2 * RUNS_OVERLAY];
	struct plot p = {.series = series,
			 .whole_x = true,
			 .cursor = s->cursor,
			 .x_label = "step",
			 .empty = "no step yet"};
	const struct run_row *sel = runs_selected(s);
	char name[RUNS_OVERLAY][64], vname[80] = "", best[16];
	int64_t id[RUNS_OVERLAY];
	int n = shown(s, id, name, RUNS_OVERLAY), k = 0;
	bool read = false;

	memset(series, 0, sizeof series);
	for (int i = 0; i < n; i++) {
		struct run_curves *x = runs_curves(v, s, id[i]);

		if (!x)
			continue;
		read = read || x->known;
		series[k++] =
			(struct plot_series){.x = x->step,
					     .y = x->reward,
					     .n = x->n,
					     .name = n > 1 ? name[i] : "reward",
					     .style = theme_series(c->theme, theme_slot(name[i]))};
		if (!x->val.n || i > 0)
			continue;
		snprintf(vname, sizeof vname, "validation (2 × accuracy − 1)");
		series[k++] = (struct plot_series){.x = x->vstep,
						   .y = x->vacc,
						   .n = x->val.n,
						   .lo = x->vlo,
						   .hi = x->vhi,
						   .name = vname,
						   .style = canvas_style(c, TH_STRONG)};
	}
	p.nseries = k;
	p.empty = sel && !read ? unrecorded(s, sel, false, UNREAD(v)) : p.empty;
	p.y0 = -1;
	p.y1 = 1;
	if (sel && !strcmp(sel->kind, "search")) {
		p.y0 = 0;
		view_title(v, RUNS_REWARD, "run %lld %s · fitness of the best member",
			   (long long)sel->id, sel->name);
	} else if (sel) {
		view_title(v, RUNS_REWARD, "run %lld %s · mean reward and validation",
			   (long long)sel->id, sel->name);
	}
	if (sel && sel->best_step >= 0)
		view_note(v, RUNS_REWARD, "best %s at step %d",
			  gauge_share(best, sizeof best, sel->best_accuracy), sel->best_step);
	else
		view_note(v, RUNS_REWARD, "%s", "");
	if (sel)
		draw_message(v, c, &r, sel);
	plot_draw(c, r, &p, &s->plot);
}

static void
draw_more(struct view *v, struct runs *s, struct canvas *c, struct rect r)
{
	struct plot_series series[RUNS_OVERLAY];
	struct plot p = {.series = series,
			 .whole_x = true,
			 .cursor = s->cursor,
			 .empty = "nothing recorded"};
	char name[RUNS_OVERLAY][64];
	int64_t id[RUNS_OVERLAY];
	int n = shown(s, id, name, RUNS_OVERLAY), k = 0;
	const struct run_row *sel = runs_selected(s);
	struct plot_map map;
	bool read = false;

	memset(series, 0, sizeof series);
	for (int i = 0; i < n; i++) {
		struct run_curves *x = runs_curves(v, s, id[i]);

		read = read || (x && x->known);
		if (x)
			series[k++] = (struct plot_series){
				.x = x->step,
				.y = more_of(x, s->more),
				.n = x->n,
				.name = n > 1 ? name[i] : NULL,
				.style = theme_series(c->theme, theme_slot(name[i]))};
	}
	p.nseries = k;
	p.empty = sel && !read ? unrecorded(s, sel, false, UNREAD(v)) : p.empty;
	view_title(v, RUNS_MORE, "%s", runs_more_name[s->more]);
	view_note(v, RUNS_MORE, "%s", KEYS(v, "{more} {less} others"));
	plot_draw(c, r, &p, &map);
}

/* Layers down, steps to the right: mean |z - 1| of the layer's matrices. */
static void
draw_z(struct view *v, struct runs *s, struct canvas *c, struct rect r)
{
	const struct run_row *sel = runs_selected(s);
	struct run_curves *k = sel ? runs_curves(v, s, sel->id) : NULL;
	int layers = model_config(s->w->ui.model)->layers;
	struct heat h = {.rows = layers, .bare = true, .sel_row = -1, .sel_col = -1};
	struct rect map = r;
	double *m;

	view_title(v, RUNS_Z, "z over time · layers × steps");
	view_note(v, RUNS_Z, "%s", "");
	if (!k || !k->zmean || !k->n || k->zcount != layers * MAT_KINDS) {
		canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_DIM),
			    unrecorded(s, sel, k && k->known, UNREAD(v)));
		return;
	}
	m = malloc((size_t)layers * (size_t)k->n * sizeof *m);
	if (!m)
		return;
	for (int l = 0; l < layers; l++)
		for (int i = 0; i < k->n; i++) {
			double sum = 0;

			for (int j = 0; j < MAT_KINDS; j++)
				sum += (double)k->zmean[(size_t)i * (size_t)k->zcount +
							(size_t)(l * MAT_KINDS + j)];
			m[(size_t)l * (size_t)k->n + (size_t)i] = sum / MAT_KINDS;
		}
	h.cols = k->n;
	h.v = m;
	map.h -= r.h > 3;
	map.x += 4;
	map.w -= 5;
	heat_dense(c, map, &h);
	for (int l = 0, last = -1; l < layers; l++) {
		int y = heat_dense_line(c, map, &h, l);

		if (y > last)
			canvas_printf(c, r.x + 1, map.y + y, 2, canvas_style(c, TH_DIM), "%2d", l);
		last = y;
	}
	if (r.h > 3) {
		double lo, hi;

		heat_range(&h, &lo, &hi);
		canvas_printf(c, r.x + 1, r.y + r.h - 1, r.w - 2, canvas_style(c, TH_DIM),
			      "mean |z−1|  %.3g … %.3g   steps %.0f … %.0f", lo, hi, k->step[0],
			      k->step[k->n - 1]);
	}
	free(m);
}

/* Those of the run before stay a moment, so that nothing flickers; after that they are grey, for they are another's. */
static bool
rollouts_in_time(struct view *v, const struct runs *s)
{
	const double moment = 0.15;
	const struct run_row *sel = runs_selected(s);
	double left = s->asked + moment - clock_seconds();

	if (!sel || s->rollouts_of == sel->id)
		return true;
	if (left > 0)
		app_animate(v->app, 1 + (int)(left * 1e3));
	return left > 0;
}

static void
draw_rollouts(struct view *v, struct runs *s, struct canvas *c, struct rect r)
{
	const struct run_row *sel = runs_selected(s);
	bool late = !rollouts_in_time(v, s);
	int y = 0;

	if (late)
		view_title(v, RUNS_ROLLOUTS, "rollouts · %s",
			   s->reading || s->wanting ? "reading ..." : "not read");
	else if (s->rollouts.n)
		view_title(v, RUNS_ROLLOUTS, "rollouts of step %d", s->rollouts.v[0].step);
	else
		view_title(v, RUNS_ROLLOUTS, "rollouts");
	if (!s->rollouts.n) {
		canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_DIM),
			    unrecorded(s, sel, sel && s->rollouts_of == sel->id, UNREAD(v)));
		return;
	}
	for (int i = s->scroll; i < s->rollouts.n && y < r.h; i++) {
		const struct run_rollout *o = &s->rollouts.v[i];
		bool good = o->reward > 0;
		struct rect line = {r.x + 6, r.y + y, r.w - 7, r.h - y > 2 ? 2 : r.h - y};
		int rows;

		canvas_printf(c, r.x + 1, r.y + y, 4,
			      canvas_style(c, late   ? TH_STALE
					      : good ? TH_GOOD
						     : TH_BAD),
			      "%+.0f %s", o->reward, good ? "✓" : "✗");
		if (r.w > 50) {
			char prompt[256];

			snprintf(prompt, sizeof prompt, "%.255s", o->prompt);
			for (char *p = prompt; *p; p++)
				*p = *p == '\n' ? ' ' : *p;
			canvas_text(c, r.x + 6, r.y + y, r.w / 2 - 7, canvas_style(c, TH_DIM),
				    prompt);
			line.x = r.x + r.w / 2;
			line.w = r.w - r.w / 2 - 1;
		}
		rows = canvas_wrap(c, line, canvas_style(c, late ? TH_STALE : TH_TEXT), o->answer,
				   0);
		y += rows < 1 ? 1 : rows > 2 ? 2 : rows;
	}
}

static void
setting_line(struct canvas *c, struct rect r, int y, const char *key, const char *value)
{
	canvas_text(c, r.x + 1, r.y + y, 13, canvas_style(c, TH_DIM), key);
	canvas_text(c, r.x + 15, r.y + y, r.w - 16, canvas_style(c, TH_TEXT), value);
}

static const char *
value_text(const char *key, const json_t *v, char *buf, size_t size)
{
	if (!strcmp(key, "lr") && json_is_number(v) && json_number_value(v) <= 0)
		snprintf(buf, size, "by rule");
	else if (!strcmp(key, "max-new") && json_is_integer(v) && !json_integer_value(v))
		snprintf(buf, size, "the task's");
	else if (json_is_string(v))
		snprintf(buf, size, "%s", json_string_value(v));
	else if (json_is_integer(v))
		snprintf(buf, size, "%lld", json_integer_value(v));
	else if (json_is_real(v))
		snprintf(buf, size, "%.4g", json_real_value(v));
	else
		snprintf(buf, size, "%s", json_is_true(v) ? "yes" : json_is_false(v) ? "no" : "·");
	return buf;
}

static void
draw_settings(struct view *v, struct runs *s, struct canvas *c, struct rect r)
{
	json_t *set[RUNS_OVERLAY] = {NULL}, *x;
	char name[RUNS_OVERLAY][64], b[200], line[400];
	int64_t id[RUNS_OVERLAY];
	int n = shown(s, id, name, s->diff ? RUNS_OVERLAY : 1), y = 0;
	const char *key;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < s->list.n; j++)
			if (s->list.v[j].id == id[i])
				set[i] = json_loads(s->list.v[j].settings, 0, NULL);
	view_title(v, RUNS_SETTINGS, s->diff ? "settings that differ" : "settings");
	json_object_foreach (set[0], key, x) {
		bool same = true;

		line[0] = 0;
		for (int i = 0; i < n; i++) {
			json_t *other = json_object_get(set[i], key);
			size_t at = strlen(line);

			same = same && json_equal(x, other);
			snprintf(line + at, sizeof line - at, "%s%s", i ? " | " : "",
				 value_text(key, other, b, sizeof b));
		}
		if (y < r.h && (!s->diff || !same))
			setting_line(c, r, y++, key, line);
	}
	if (s->diff && !y)
		canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_DIM), "none");
	for (int i = 0; i < n; i++)
		json_decref(set[i]);
}

void
runs_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r)
{
	struct runs *s = state;

	switch (pane) {
	case RUNS_LIST:
		table_draw(&s->table, c, r, view_focused(v, RUNS_LIST));
		break;
	case RUNS_REWARD:
		draw_reward(v, s, c, r);
		break;
	case RUNS_MORE:
		draw_more(v, s, c, r);
		break;
	case RUNS_Z:
		draw_z(v, s, c, r);
		break;
	case RUNS_ROLLOUTS:
		draw_rollouts(v, s, c, r);
		break;
	default:
		draw_settings(v, s, c, r);
	}
}

static void
numbers(struct strbuf *out, const double *v, int n)
{
	for (int i = 0; i < n; i++) {
		strbuf_char(out, ',');
		strbuf_number(out, v[i]);
	}
	strbuf_char(out, '\n');
}

/* The rows that are seen, in their order; times in seconds. */
static void
dump_list(const struct runs *s, struct strbuf *out)
{
	strbuf_str(out, "run,kind,name,task,status,step,steps,reward,best,best_step,seconds\n");
	for (int i = 0; i < s->table.nmap; i++) {
		const struct run_row *r = &s->list.v[s->table.map[i]];
		const char *text[] = {r->kind, r->name, r->task,
				      r->shipped ? "shipped" : r->status};
		double best = r->best_step < 0 ? NAN : r->best_step;

		strbuf_printf(out, "%lld", (long long)r->id);
		for (int k = 0; k < 4; k++) {
			strbuf_char(out, ',');
			strbuf_csv(out, text[k]);
		}
		strbuf_printf(out, ",%d,%d", r->step, r->steps);
		numbers(out, (double[]){r->reward, r->best_accuracy, best, r->seconds}, 4);
	}
}

static void
dump_curves(const struct run_curves *k, struct strbuf *out)
{
	struct run_metric *m = calloc((size_t)k->n + 1, sizeof *m);

	out->failed = out->failed || !m;
	for (int i = 0; m && i < k->n; i++)
		m[i] = (struct run_metric){.step = (int)k->step[i],
					   .reward = k->reward[i],
					   .loss = k->loss[i],
					   .kl = k->kl[i],
					   .grad_norm = k->norm[i],
					   .length = k->length[i],
					   .tokens = (long)k->tokens[i],
					   .ms = k->ms[i]};
	if (m)
		run_csv(out, m, k->n, k->val.v, k->val.n);
	free(m);
}

bool
runs_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out)
{
	struct runs *s = state;
	const struct run_row *sel = runs_selected(s);
	struct run_curves *k = sel ? runs_curves(v, s, sel->id) : NULL;

	if (pane == RUNS_LIST) {
		if (f == DUMP_CSV)
			dump_list(s, out);
		else
			table_dump(&s->table, false, out);
		return true;
	}
	if (pane == RUNS_ROLLOUTS && f == DUMP_TEXT) {
		if (!sel || s->rollouts_of != sel->id)
			return false;
		for (int i = 0; i < s->rollouts.n; i++)
			strbuf_printf(out, "%+.0f  %s\n    %s\n", s->rollouts.v[i].reward,
				      s->rollouts.v[i].prompt, s->rollouts.v[i].answer);
		return true;
	}
	if (f != DUMP_CSV || !k || !k->known || pane == RUNS_Z) /* its map has numbers of its own */
		return false;
	dump_curves(k, out);
	return true;
}
