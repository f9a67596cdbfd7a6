/* A few-shot search launched from the Mix view: its form, its job, the curve of what it reaches. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/runs.h"
#include "tui/app.h"
#include "tui/searching.h"
#include "tui/tasks.h"
#include "tui/views/mix.h"
#include "tui/views/views.h"
#include "tui/widgets/form.h"
#include "tui/widgets/gauge.h"

enum { LONGEST = 4000 };

/* One iteration's best member. */
struct mix_step {
	double best, mean, ms;
	bool normalise;
	int n;
	double alpha[]; /* [k] or [k][matrices], as applied */
};

struct mix_searched {
	int64_t run; /* 0: it had not begun */
	bool stopped;
	char name[]; /* of the mixture; "": none is kept */
};

struct mix_search {
	struct form form;
	char **tasks;
	int ntasks;
	int job;	 /* 0: none */
	int64_t *expert; /* [k] of the search that runs or ran */
	int k;
	double *step, *best, *mean; /* [n] */
	int n;
	char note[200];
};

struct search_job {
	struct world *w;
	struct event_queue *q;
	char task[FORM_VALUE], experts[LONGEST], name[FORM_VALUE];
	struct searching_options o;
	int k;
	struct job *job; /* while it runs */
	int64_t run;
	char *kept; /* the mixture's name */
};

/* -- the form -------------------------------------------------------------------------------------------------- */

static struct form_field fields[] = {
	{FORM_CHOICE, "task", "task", "whose examples decide", NULL, 0, 0, NULL, NULL},
	{FORM_TEXT, "experts", "experts",
	 "names with commas; empty: all that have a slider above 0", NULL, 0, 0, NULL, NULL},
	{FORM_INT, "shots", "shots", "examples that every mixture answers", NULL, 1, 1000, NULL,
	 "10"},
	{FORM_INT, "population", "population", "mixtures an iteration, all in one batch", NULL, 2,
	 4096, NULL, "32"},
	{FORM_INT, "iterations", "iterations", "of the cross-entropy method", NULL, 1, 1000, NULL,
	 "4"},
	{FORM_SWITCH, "per-matrix", "per matrix", "an alpha for every matrix, not one an expert",
	 NULL, 0, 0, NULL, "no"},
	{FORM_SWITCH, "normalise", "normalise", "alphas divided by their sum", NULL, 0, 0, NULL,
	 "yes"},
	{FORM_INT, "seed", "seed", "the same seed finds the same mixture", NULL, 0, 2147483647,
	 NULL, "0"},
	{FORM_TEXT, "name", "name", "of the mixture; empty: TASK-fewshot, TASK-fewshot-2 ...", NULL,
	 0, 0, NULL, NULL},
};

enum { FIELDS = sizeof fields / sizeof *fields };

bool
mix_search_open(struct mix *s)
{
	static const char *const none[] = {"math", NULL};
	struct mix_search *x = calloc(1, sizeof *x);

	if (!(s->search = x))
		return false;
	x->tasks = tasks_names(&x->ntasks);
	fields[0].choices = x->ntasks ? (const char *const *)x->tasks : none;
	if (!form_init(&x->form, fields, FIELDS))
		return false;
	form_set(&x->form, "task", "math");
	return true;
}

void
mix_search_close(struct mix *s)
{
	struct mix_search *x = s->search;

	if (!x)
		return;
	form_free(&x->form);
	tasks_names_free(x->tasks, x->ntasks);
	free(x->expert);
	free(x->step);
	free(x->best);
	free(x->mean);
	free(x);
}

bool
mix_search_action(struct view *v, struct mix *s, enum action a)
{
	if (!form_action(&s->search->form, a))
		return false;
	v->hint = NULL;
	view_edit(v, s->search->form.editing);
	return true;
}

bool
mix_search_key(struct view *v, struct mix *s, int key)
{
	bool taken = form_key(&s->search->form, key);

	view_edit(v, s->search->form.editing);
	return taken;
}

bool
mix_search_paste(struct mix *s, const char *text)
{
	return form_paste(&s->search->form, text);
}

bool
mix_search_mouse(struct view *v, struct mix *s, const struct mouse *m)
{
	bool taken = form_mouse(&s->search->form, m);

	if (taken) {
		v->hint = NULL;
		view_edit(v, s->search->form.editing);
	}
	return taken;
}

/* -- the job --------------------------------------------------------------------------------------------------- */

static void
on_iteration(void *arg, const struct search *x, const struct search_report *r)
{
	struct search_job *j = arg;
	int n = j->k * (j->o.settings.per_matrix ? model_matrices(j->w->ui.model) : 1);
	struct mix_step *p = malloc(sizeof *p + (size_t)n * sizeof p->alpha[0]);

	if (!p)
		return;
	*p = (struct mix_step){.best = r->best,
			       .mean = r->mean,
			       .ms = r->ms,
			       .normalise = j->o.settings.normalise,
			       .n = n};
	search_alpha(x, p->alpha);
	event_post(j->q, &mix_view, MIX_STEP, p, free);
	jobs_figure(j->job, r->best);
}

/* A workspace of its own: answers go on while it searches. */
static enum t2_status
search_work(void *arg, struct job *job, struct t2_err *err)
{
	struct search_job *j = arg;
	struct workspace ws = {.memory = j->w->memory};
	struct store_place place;
	struct searching out = {0};
	enum t2_status st;

	j->job = job;
	job_stage(job, "opening", 0);
	store_place_of(j->w->ui.store, &place);
	st = workspace_join(&ws, j->w->threads, &place, err);
	if (!st)
		st = workspace_model(&ws, j->w->model_name, WS_TEXT | WS_FACTORS, job, err);
	if (!st)
		st = searching_run(&out, &ws, j->task, &j->o, on_iteration, j, job, err);
	j->run = out.run;
	if (!st) {
		j->kept = strdup(out.name);
		searching_free(&out);
	}
	workspace_stop(&ws);
	return st;
}

static void
search_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct search_job *j = arg;
	size_t n = j->kept ? strlen(j->kept) : 0;
	struct mix_searched *x = calloc(1, sizeof *x + n + 1);

	(void)err;
	if (x) {
		x->run = j->run;
		x->stopped = st == T2_ECANCEL;
		memcpy(x->name, j->kept ? j->kept : "", n);
	}
	event_post(j->q, &mix_view, MIX_SEARCHED, x, free);
}

static void
search_drop(void *arg)
{
	struct search_job *j = arg;

	free(j->kept);
	free(j);
}

/* The names asked for, or those that are part of the mixture as it stands; their ids in that order. */
static bool
chosen(struct mix *s, char *out, size_t size, struct t2_err *err)
{
	struct mix_search *x = s->search;
	const char *given = form_value(&x->form, "experts");
	size_t n = 0;

	free(x->expert);
	x->expert = calloc(MIXING_EXPERTS, sizeof *x->expert);
	x->k = 0;
	out[0] = 0;
	if (!x->expert)
		return !t2_nomem(err, "search");
	for (const char *p = given; *p;) {
		size_t len = strcspn(p += strspn(p, " "), ","), after = len;
		int e = 0;

		while (len && p[len - 1] == ' ')
			len--;
		while (e < s->set.k &&
		       (strlen(s->set.name[e]) != len || memcmp(s->set.name[e], p, len)))
			e++;
		if (e == s->set.k || x->k == MIXING_EXPERTS) {
			t2_fail(err, T2_ENOTFOUND, "search: expert %.*s: no such expert", (int)len,
				p);
			return false;
		}
		x->expert[x->k++] = s->set.expert[e];
		p += after + (p[after] == ',');
	}
	for (int e = 0; e < s->set.k && !*given; e++)
		if (mixing_alpha(&s->set, e, NULL) != 0)
			x->expert[x->k++] = s->set.expert[e];
	for (int i = 0; i < x->k && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i ? "," : "",
				      s->set.name[mixing_find(&s->set, x->expert[i])]);
	if (x->k < 2) {
		t2_fail(err, T2_EINVAL,
			"search: at least two experts are needed: name them, or move their sliders "
			"above 0");
		return false;
	}
	return n < size || !t2_fail(err, T2_EINVAL, "search: too many names");
}

void
mix_search_start(struct mix *s)
{
	struct job_spec spec = {.name = "search",
				.owner = &mix_view,
				.work = search_work,
				.done = search_done,
				.drop = search_drop,
				.quiet = true};
	struct mix_search *x = s->search;
	struct search_job *j;
	struct t2_err err;

	if (x->job) {
		app_say(s->app, "a search is running; Esc in its pane stops it");
		return;
	}
	if (!(j = calloc(1, sizeof *j)))
		return;
	if (!chosen(s, j->experts, sizeof j->experts, &err)) {
		app_fail(s->app, &err);
		free(j);
		return;
	}
	snprintf(j->task, sizeof j->task, "%s", form_value(&x->form, "task"));
	snprintf(j->name, sizeof j->name, "%s", form_value(&x->form, "name"));
	j->o = (struct searching_options){.experts = j->experts,
					  .name = j->name[0] ? j->name : NULL,
					  .split = "train",
					  .seed = (uint64_t)form_number(&x->form, "seed")};
	search_settings_default(&j->o.settings);
	j->o.settings.shots = (int)form_number(&x->form, "shots");
	j->o.settings.population = (int)form_number(&x->form, "population");
	j->o.settings.iterations = (int)form_number(&x->form, "iterations");
	j->o.settings.per_matrix = form_number(&x->form, "per-matrix") > 0;
	j->o.settings.normalise = form_number(&x->form, "normalise") > 0;
	j->k = x->k;
	j->w = s->w;
	j->q = app_queue(s->app);
	spec.arg = j;
	x->n = 0;
	snprintf(x->note, sizeof x->note, "task %.60s, %.120s", j->task, j->experts);
	mix_undo_point(s, "what the search did to the sliders");
	x->job = app_job(s->app, &spec);
}

bool
mix_search_stop(struct mix *s)
{
	return s->search->job && jobs_cancel(app_jobs(s->app), s->search->job);
}

bool
mix_search_runs(const struct mix *s)
{
	return s->search->job != 0;
}

/* -- what comes ------------------------------------------------------------------------------------------------ */

static void
take_step(struct mix *s, const struct mix_step *p)
{
	struct mix_search *x = s->search;
	size_t n = (size_t)x->n + 1;
	double *step = realloc(x->step, n * sizeof *step), *best, *mean;
	int groups = x->k ? p->n / x->k : 0;

	x->step = step ? step : x->step;
	best = realloc(x->best, n * sizeof *best);
	x->best = best ? best : x->best;
	mean = realloc(x->mean, n * sizeof *mean);
	x->mean = mean ? mean : x->mean;
	if (step && best && mean) {
		x->step[x->n] = x->n + 1;
		x->best[x->n] = p->best;
		x->mean[x->n++] = p->mean;
	}
	for (int e = 0; e < s->set.k; e++)
		mixing_set(&s->set, e, -1, 0);
	s->set.normalise = p->normalise;
	for (int i = 0; i < x->k; i++) {
		int e = mixing_find(&s->set, x->expert[i]);

		if (e < 0)
			continue;
		if (groups == 1)
			mixing_set(&s->set, e, -1, p->alpha[i]);
		for (int mat = 0; groups == s->mats && mat < groups; mat++)
			mixing_set(&s->set, e, mat, p->alpha[i * groups + mat]);
	}
	mix_changed(s);
}

/* What a stopped search leaves: a run to go on with. */
static void
say_stopped(struct mix *s, int64_t run)
{
	struct arena a = {0};
	struct run_row r;
	struct t2_err err;
	char id[32];

	snprintf(id, sizeof id, "%lld", (long long)run);
	if (!run)
		app_say(s->app, "search stopped before it began");
	else if (store_run_find(s->w->ui.store, id, &r, &a, &err))
		app_fail(s->app, &err);
	else
		app_say(s->app, "search stopped at step %d of %d; %s run %s %.60s", r.step, r.steps,
			KEYS_IN(s->app, runs_view.number, "{resume} in Runs ({runs}) resumes"), id,
			r.name);
	arena_free(&a);
}

static void
take_end(struct mix *s, const struct mix_searched *x)
{
	const char *name = x ? x->name : "";
	struct arena a = {0};
	struct mixture_row m;
	struct t2_err err;
	char fit[16];

	s->search->job = 0;
	if (x && x->stopped)
		say_stopped(s, x->run);
	if (!*name)
		return;
	if (store_mixture_find(s->w->ui.store, s->w->ui.model_id, name, &m, &a, &err)) {
		app_fail(s->app, &err);
	} else if (mix_load(s, &m)) {
		app_say(s->app, "mixture %s kept: fitness %s on %s", name,
			gauge_share(fit, sizeof fit, m.fitness), m.task);
	}
	arena_free(&a);
}

void
mix_search_event(struct mix *s, const struct event *e)
{
	if (e->type == MIX_STEP)
		take_step(s, e->data);
	else
		take_end(s, e->data);
}

/* -- drawing --------------------------------------------------------------------------------------------------- */

static void
draw_curve(struct view *v, const struct mix_search *x, struct canvas *c, struct rect r)
{
	struct plot_series series[2] = {
		{.x = x->step,
		 .y = x->best,
		 .n = x->n,
		 .name = "best",
		 .style = theme_series(c->theme, 0)},
		{.x = x->step,
		 .y = x->mean,
		 .n = x->n,
		 .name = "mean",
		 .style = canvas_style(c, TH_DIM)},
	};
	struct plot p = {.series = series,
			 .nseries = 2,
			 .whole_x = true,
			 .x0 = 1,
			 .x1 = fmax(2, form_number(&x->form, "iterations")),
			 .y1 = 1,
			 .cursor = NAN,
			 .x_label = "iteration",
			 .empty = x->job ? "the first iteration is running"
					 : KEYS(v, "{search} searches: best and mean fitness show "
						   "here")};
	struct plot_map map;

	plot_draw(c, r, &p, &map);
}

void
mix_search_draw(struct view *v, struct mix *s, struct canvas *c, struct rect r)
{
	struct mix_search *x = s->search;
	struct rect form = r, curve = r;
	struct job_view j;
	char eta[40];

	view_title(v, MIX_SEARCH, x->job || x->n ? "search · %s" : "search%s",
		   x->job || x->n ? x->note : "");
	if (x->job && jobs_find(app_jobs(s->app), x->job, &j) && j.progress.total > 0)
		view_note(v, MIX_SEARCH, "%ld/%ld%s%s", j.progress.done, j.progress.total,
			  j.progress.eta > 0 ? " · " : "",
			  j.progress.eta > 0 ? gauge_time(eta, sizeof eta, j.progress.eta) : "");
	else if (x->n)
		view_note(v, MIX_SEARCH, "best %s",
			  gauge_share(eta, sizeof eta, x->best[x->n - 1]));
	else
		view_note(v, MIX_SEARCH, "%s", KEYS(v, "{search} starts"));
	if (r.w >= 66) {
		form.w = r.w * 9 / 20;
		curve.x += form.w + 1;
		curve.w -= form.w + 1;
		canvas_vline(c, curve.x - 1, r.y, r.h, canvas_style(c, TH_BORDER));
		draw_curve(v, x, c, curve);
	} else if (x->job || (x->n && !view_focused(v, MIX_SEARCH))) {
		draw_curve(v, x, c, curve);
		return;
	}
	form_draw(&x->form, c, form, view_focused(v, MIX_SEARCH));
}

bool
mix_search_dump(const struct mix *s, struct strbuf *out)
{
	const struct mix_search *x = s->search;

	if (!x->n)
		return false;
	strbuf_str(out, "iteration,best,mean\n");
	for (int i = 0; i < x->n; i++)
		strbuf_printf(out, "%d,%.9g,%.9g\n", i + 1, x->best[i], x->mean[i]);
	return true;
}
