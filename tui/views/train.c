/* Train (6): a form from the table of settings; t starts a trainer, a process of its own, and goes to Runs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/memory.h"
#include "engine/train/settings.h"
#include "store/runs.h"
#include "tui/app.h"
#include "tui/paths.h"
#include "tui/repeats.h"
#include "tui/tasks.h"
#include "tui/training.h"
#include "tui/views/views.h"
#include "tui/widgets/form.h"
#include "tui/widgets/gauge.h"
#include "tui/world.h"

enum { T_FORM, T_COST, T_PANES };
enum { FIELDS = 40, CHOICES = 8 };
enum { ALL = 100000 }; /* no task has so many questions */
enum train_event { TRAIN_STARTED = 1 };

struct train {
	struct world *w;
	struct repeats *repeats; /* of runs */
	struct form form;
	struct form_field field[FIELDS];
	int nfields;
	char **tasks;
	int ntasks;
	const char *choice[FIELDS][CHOICES]; /* of SETTING_CHOICE rows, NULL at the end */
	char *choices[FIELDS];		     /* their text, cut at '|' */
	struct run_list runs;		     /* world_runs(), whose strings are the world's */
	char task[256];			     /* whose max_new this is */
	int max_new;		/* new tokens an answer, by the task itself; 0: unknown */
	bool starting, shipped; /* shipped: the task comes with the sample */
	char proposed[24];	/* the seed that was put into the form, not typed */
	bool unseen;		/* runs have come or gone since the seed was looked at */
	int64_t free_seed, as;	/* as: the run that the form repeats; 0: none */
};

/* -- the form ---------------------------------------------------------------------------------------------- */

static void
add_field(struct train *t, struct form_field f)
{
	if (t->nfields < FIELDS)
		t->field[t->nfields++] = f;
}

static void
add_setting(struct train *t, const struct setting *s)
{
	struct form_field f = {.kind = s->kind == SETTING_INT	 ? FORM_INT
				       : s->kind == SETTING_REAL ? FORM_REAL
								 : FORM_CHOICE,
			       .key = s->name,
			       .label = s->name,
			       .help = s->help,
			       .lo = s->lo,
			       .hi = s->hi};
	int n = 0;

	if (s->kind == SETTING_CHOICE && (t->choices[t->nfields] = strdup(s->choices))) {
		char *save = NULL;

		for (char *p = strtok_r(t->choices[t->nfields], "|", &save); p && n < CHOICES - 1;
		     p = strtok_r(NULL, "|", &save))
			t->choice[t->nfields][n++] = p;
		f.choices = t->choice[t->nfields];
	}
	add_field(t, f);
}

static void
fill_preset(struct train *t, const char *preset)
{
	struct train_settings s;

	if (train_settings_preset(&s, preset, NULL))
		return;
	for (const struct setting *x = train_settings_table; x->name; x++) {
		char value[64];

		train_settings_get(&s, x, value, sizeof value);
		form_set(&t->form, x->name, value);
	}
}

static const char *const presets[] = {"default", "reference", NULL};

static bool
make_form(struct train *t)
{
	static const char *const none[] = {"math", NULL};

	t->tasks = tasks_names(&t->ntasks);
	add_field(t, (struct form_field){.kind = FORM_HEADING, .label = "what"});
	add_field(t,
		  (struct form_field){.kind = FORM_CHOICE,
				      .key = "task",
				      .label = "task",
				      .help = "what the answers are scored by",
				      .choices = t->ntasks ? (const char *const *)t->tasks : none,
				      .initial = "math"});
	add_field(t,
		  (struct form_field){.kind = FORM_TEXT,
				      .key = "name",
				      .label = "name",
				      .help = "of the run and its expert; empty: the task's name"});
	add_field(t, (struct form_field){.kind = FORM_INT,
					 .key = "seed",
					 .label = "seed",
					 .help = "the same seed gives the same expert",
					 .hi = 2147483647,
					 .initial = "0"});
	add_field(t, (struct form_field){.kind = FORM_INT,
					 .key = "threads",
					 .label = "threads",
					 .help = "0: all",
					 .hi = 1024,
					 .initial = "0"});
	add_field(t, (struct form_field){.kind = FORM_HEADING, .label = "how"});
	add_field(t, (struct form_field){.kind = FORM_CHOICE,
					 .key = "preset",
					 .label = "preset",
					 .choices = presets,
					 .help = "default, or reference: the authors' recipe "
						 "(slow, some 200 steps)"});
	for (const struct setting *s = train_settings_table; s->name; s++)
		add_setting(t, s);
	if (!form_init(&t->form, t->field, t->nfields))
		return false;
	fill_preset(t, "default");
	return true;
}

static enum t2_status
settings_of(struct train *t, struct train_settings *s, struct t2_err *err)
{
	enum t2_status st = train_settings_preset(s, form_value(&t->form, "preset"), err);

	for (const struct setting *x = train_settings_table; x->name && !st; x++)
		st = train_settings_set(s, x->name, form_value(&t->form, x->name), err);
	return st ? st : train_settings_check(s, err);
}

/* -- starting ---------------------------------------------------------------------------------------------- */

struct start {
	struct world *w;
	struct event_queue *q;
	char **arg;
	int n;
	int64_t run;
};

static void
start_arg(struct start *j, const char *a, const char *b)
{
	char **grown = realloc(j->arg, ((size_t)j->n + 2) * sizeof *grown);

	if (!grown)
		return;
	j->arg = grown;
	grown[j->n++] = strdup(a);
	if (b)
		grown[j->n++] = strdup(b);
}

static enum t2_status
start_work(void *arg, struct job *job, struct t2_err *err)
{
	struct start *j = arg;

	job_stage(job, "starting a trainer", 0);
	return training_detach(NULL, (const char *const *)j->arg, j->n, &j->run, job, err);
}

static void
start_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct start *j = arg;
	int64_t *run = st ? NULL : malloc(sizeof *run);

	(void)err;
	if (run)
		*run = j->run;
	event_post(j->q, &train_view, TRAIN_STARTED, run, free);
}

static void
start_drop(void *arg)
{
	struct start *j = arg;

	for (int i = 0; i < j->n; i++)
		free(j->arg[i]);
	free(j->arg);
	free(j);
}

static void
start(struct view *v, void *state, const char *arg)
{
	struct train *t = state;
	struct job_spec spec = {.name = "start trainer",
				.work = start_work,
				.done = start_done,
				.drop = start_drop,
				.quiet = true};
	struct train_settings s;
	struct t2_err err;
	struct start *j;

	(void)arg;
	if (t->starting)
		return;
	/* in the place of a store that is gone the trainer would make a new one */
	if (settings_of(t, &s, &err) || store_there(t->w->ui.store, &err)) {
		app_fail(v->app, &err);
		return;
	}
	j = calloc(1, sizeof *j);
	if (!j)
		return;
	j->w = t->w;
	j->q = app_queue(v->app);
	start_arg(j, strcmp(t->w->model_name, "sample") ? model_path(t->w->ui.model) : "sample",
		  NULL);
	start_arg(j, "--task", form_value(&t->form, "task"));
	if (*form_value(&t->form, "name"))
		start_arg(j, "--name", form_value(&t->form, "name"));
	start_arg(j, "--seed", form_value(&t->form, "seed"));
	if (form_number(&t->form, "threads") > 0)
		start_arg(j, "--threads", form_value(&t->form, "threads"));
	if (t->w->memory) {
		char limit[32];

		snprintf(limit, sizeof limit, "%zu", memory_limit(t->w->memory));
		start_arg(j, "--memory", limit);
	}
	start_arg(j, "--preset", form_value(&t->form, "preset"));
	for (const struct setting *x = train_settings_table; x->name; x++) {
		char name[40];

		snprintf(name, sizeof name, "--%s", x->name);
		start_arg(j, name, form_value(&t->form, x->name));
	}
	start_arg(j, "--store", store_path(t->w->ui.store));
	spec.arg = j;
	t->starting = app_job(v->app, &spec) != 0;
}

/* -- what it costs ------------------------------------------------------------------------------------------- */

static long
values_of(const struct model *m, const char *modules)
{
	long n = 0;

	for (int i = 0; i < model_matrices(m); i++)
		if (mat_kind_in(i % MAT_KINDS, modules))
			n += weight_rank(model_matrix(m, i));
	return n;
}

/* Milliseconds an answer in the latest run on this model whose steps were timed, and that run's number. */
static double
measured(struct train *t, int64_t *run)
{
	for (int i = 0; i < t->runs.n; i++) {
		const struct run_row *r = &t->runs.v[i];
		json_t *o;
		double answers, ms = r->step > 0 ? r->seconds * 1000 / r->step : 0;

		if (strcmp(r->kind, "train") || r->step < 1 || r->shipped)
			continue;
		o = json_loads(r->settings, 0, NULL);
		answers = (double)json_integer_value(json_object_get(o, "batch")) *
			  (double)json_integer_value(json_object_get(o, "samples"));
		json_decref(o);
		if (answers > 0) {
			*run = r->id;
			return ms / answers;
		}
	}
	return 0;
}

/* The value beside its label, or below it where it is narrow; returns the line behind. */
static int
row(struct canvas *c, struct rect r, int y, const char *label, const char *value)
{
	bool narrow = r.w < 44;

	canvas_text(c, r.x + 1, r.y + y, narrow ? r.w - 2 : 20, canvas_style(c, TH_DIM), label);
	if (narrow)
		canvas_text(c, r.x + 3, r.y + y + 1, r.w - 4, canvas_style(c, TH_TEXT), value);
	else
		canvas_text(c, r.x + 22, r.y + y, r.w - 23, canvas_style(c, TH_TEXT), value);
	return y + 1 + narrow;
}

static void
draw_cost(struct view *v, struct train *t, struct canvas *c, struct rect r)
{
	const struct model *m = t->w->ui.model;
	struct train_settings s;
	struct t2_err err;
	char b[160], tm[32];
	long n = values_of(m, form_value(&t->form, "modules")), answers;
	int64_t run = 0;
	double per = measured(t, &run);
	int y = 0;

	if (settings_of(t, &s, &err)) {
		canvas_wrap(c, rect_inset(r, 1, 0), canvas_style(c, TH_WARN), err.msg, 0);
		return;
	}
	answers = (long)s.batch * s.samples;
	snprintf(b, sizeof b, "%ld of %ld (%.3g %%)", n, model_parameters(m),
		 100.0 * (double)n / (double)model_parameters(m));
	y = row(c, r, y, "trained values", b);
	snprintf(b, sizeof b, "%.3g%s", train_settings_lr(&s, n),
		 s.lr > 0			? ""
		 : strcmp(s.scale, "reference") ? "  (1.2 / √values)"
						: "  (2.4 / √values)");
	y = row(c, r, y, "step size", b);
	snprintf(b, sizeof b, "%ld a step, %ld in all", answers, answers * s.steps);
	y = row(c, r, y, "answers", b);
	if (per > 0) {
		snprintf(b, sizeof b, "%.2g s a step, %s in all (run %lld)",
			 per * (double)answers / 1000,
			 gauge_time(tm, sizeof tm, per * (double)answers * s.steps / 1000),
			 (long long)run);
		y = row(c, r, y, "time", b);
	} else {
		y = row(c, r, y, "time", "the first steps will tell");
	}
	if (s.eval_every > 0)
		snprintf(b, sizeof b, "%s%.0d, then every %d steps",
			 s.eval_items < ALL ? "" : "all", s.eval_items < ALL ? s.eval_items : 0,
			 s.eval_every);
	else
		snprintf(b, sizeof b, "none: the last step is kept");
	y = row(c, r, y, "validation", b);
	snprintf(b, sizeof b, "%d of %d decomposed", factors_count(t->w->ui.factors),
		 model_matrices(m));
	y = row(c, r, y, "factors", b);
	if (t->as) {
		snprintf(b, sizeof b, "run %lld again: the same expert; seed %lld is free",
			 (long long)t->as, (long long)t->free_seed);
		y += canvas_wrap(c, (struct rect){r.x + 1, r.y + y, r.w - 2, r.h - y},
				 canvas_style(c, TH_WARN), b, 0);
	}
	y++;
	if (r.h > 8)
		y += 1 +
		     canvas_wrap(c, (struct rect){r.x + 1, r.y + y, r.w - 2, r.h - y},
				 canvas_style(c, TH_DIM),
				 KEYS(v,
				      "{train} starts a trainer, a process of its own. Its run "
				      "shows in {runs}; the best validation is kept as an expert."),
				 0);
	if (r.h > y && strcmp(t->w->model_name, "sample") && t->shipped)
		canvas_wrap(
			c, (struct rect){r.x + 1, r.y + y, r.w - 2, r.h - y},
			canvas_style(c, TH_DIM),
			"This task comes with the sample model. One of your own is a folder with "
			"task.json: t2tui(1), TASKS.",
			0);
}

/* Settings for which 0 means a rule show what the rule gives. */
static void
rule(void *arg, int field, char buf[80])
{
	struct train *t = arg;
	const char *key = t->field[field].key;
	struct train_settings s;

	if (!key || strtod(form_value(&t->form, key), NULL) != 0)
		return;
	if (!strcmp(key, "lr") && !settings_of(t, &s, NULL))
		snprintf(buf, 80, "rule: %.3g",
			 train_settings_lr(&s, values_of(t->w->ui.model, s.modules)));
	else if (!strcmp(key, "threads"))
		snprintf(buf, 80, "all (%d)", pool_cpus());
	else if (!strcmp(key, "max-new") && t->max_new)
		snprintf(buf, 80, "the task's: %d", t->max_new);
	else if (!strcmp(key, "clip") || !strcmp(key, "reward-clip"))
		snprintf(buf, 80, "none");
	else if (!strcmp(key, "eval-every"))
		snprintf(buf, 80, "never");
}

static void
look_at_task(struct train *t)
{
	const char *name = form_value(&t->form, "task");
	char file[400], dir[1024];
	struct task *task;

	if (!strcmp(t->task, name))
		return;
	snprintf(t->task, sizeof t->task, "%s", name);
	snprintf(file, sizeof file, "samples/tasks/%.300s", name);
	t->shipped = paths_share(file, dir, sizeof dir);
	t->max_new = 0; /* a task that does not open says so when training is started */
	if (!workspace_task(name, &task, NULL)) {
		t->max_new = task_max_tokens(task);
		task_free(task);
	}
}

/* A seed of its own for every run: what nobody has typed steps on to the next that no run like this one has had. */
static void
look_at_seed(struct train *t)
{
	struct train_settings s;
	const char *task = form_value(&t->form, "task");

	t->as = 0;
	t->unseen = false;
	if (settings_of(t, &s, NULL))
		return;
	t->free_seed = repeats_free_seed(t->repeats, task, &s);
	if (!strcmp(form_value(&t->form, "seed"), t->proposed)) {
		snprintf(t->proposed, sizeof t->proposed, "%lld", (long long)t->free_seed);
		form_set(&t->form, "seed", t->proposed);
	}
	t->as = repeats_find(t->repeats, task, &s, (int64_t)form_number(&t->form, "seed"));
}

static void
note(void *arg, int field, char buf[80])
{
	struct train *t = arg;
	const char *key = t->field[field].key;

	if (!key || strcmp(key, "seed"))
		return;
	if (t->as)
		snprintf(buf, 80, "as run %lld", (long long)t->as);
	else if (t->free_seed && !strcmp(form_value(&t->form, "seed"), t->proposed))
		snprintf(buf, 80, "next free");
}

/* -- view -------------------------------------------------------------------------------------------------- */

/* Has a run come or gone?  What was set for one stays: its seed need not be looked at again at each of its steps. */
static bool
read_runs(struct train *t)
{
	struct run_list l;
	struct t2_err err;

	if (world_runs(t->w, &l, &err)) {
		app_fail(t->w->app, &err);
		return false;
	}
	free(t->runs.v);
	t->runs = l;
	return repeats_look(t->repeats, &l);
}

static void
train_close(struct view *v, void *state)
{
	struct train *t = state;

	(void)v;
	form_free(&t->form);
	for (int i = 0; i < FIELDS; i++)
		free(t->choices[i]);
	tasks_names_free(t->tasks, t->ntasks);
	free(t->runs.v);
	repeats_free(t->repeats);
}

static enum t2_status
train_open(struct view *v, void *state, struct t2_err *err)
{
	struct train *t = state;
	enum t2_status st;

	t->w = v->user;
	if ((st = world_begin(t->w, v->app, err)))
		return st;
	if (!(t->repeats = repeats_new()) || !make_form(t)) {
		train_close(v, t);
		return t2_nomem(err, "train");
	}
	read_runs(t);
	t->form.stands_for = rule;
	t->form.note = note;
	t->form.arg = t;
	snprintf(t->proposed, sizeof t->proposed, "%s", form_value(&t->form, "seed"));
	look_at_task(t);
	look_at_seed(t);
	return T2_OK;
}

static void
train_show(struct view *v, void *state)
{
	struct train *t = state;

	if (t->unseen && !v->editing)
		look_at_seed(t);
}

/* What is set here is as good for another model; a value that is being typed is finished before. */
static char *
train_keep(struct view *v, void *state, size_t *at)
{
	struct train *t = state;

	*at = (size_t)t->form.sel;
	return v->editing ? NULL : form_keep(&t->form);
}

static void
train_restore(struct view *v, void *state, const char *text, size_t at)
{
	struct train *t = state;

	(void)v;
	form_restore(&t->form, text);
	t->form.sel = (int)at;
	look_at_task(t);
	look_at_seed(t);
}

static void
train_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r)
{
	struct train *t = state;

	if (pane == T_COST) {
		draw_cost(v, t, c, r);
		return;
	}
	view_note(v, T_FORM, "%s", t->starting ? "starting ..." : KEYS(v, "{train} starts"));
	form_draw(&t->form, c, r, view_focused(v, T_FORM));
}

/* A preset fills the rows below it. */
static void
changed(struct train *t)
{
	if (t->form.changed >= 0 && t->field[t->form.changed].key &&
	    !strcmp(t->field[t->form.changed].key, "preset"))
		fill_preset(t, form_value(&t->form, "preset"));
	look_at_task(t);
	look_at_seed(t);
}

static bool
train_action(struct view *v, void *state, int pane, enum action a)
{
	struct train *t = state;

	(void)pane;
	if (!form_action(&t->form, a))
		return false;
	changed(t);
	view_edit(v, t->form.editing);
	return true;
}

/* Space stands there already. */
static const char *
train_says(struct view *v, void *state, int pane, enum action a)
{
	(void)v;
	(void)state;
	(void)pane;
	return a == A_OPEN ? "" : NULL;
}

static bool
train_key(struct view *v, void *state, int pane, int key)
{
	struct train *t = state;
	bool taken;

	(void)pane;
	taken = form_key(&t->form, key);
	if (taken)
		changed(t);
	view_edit(v, t->form.editing);
	return taken;
}

static void
train_paste(struct view *v, void *state, int pane, const char *text)
{
	struct train *t = state;

	(void)v;
	(void)pane;
	form_paste(&t->form, text);
}

static bool
train_mouse(struct view *v, void *state, int pane, const struct mouse *m)
{
	struct train *t = state;
	bool taken = pane == T_FORM && form_mouse(&t->form, m);

	if (taken) {
		changed(t);
		view_edit(v, t->form.editing);
	}
	return taken;
}

static void
train_event(struct view *v, void *state, const struct event *e)
{
	struct train *t = state;
	char id[24];

	if (e->type == TRAIN_STARTED) {
		t->starting = false;
		if (e->data) {
			/* who has gone on to something else meanwhile stays there */
			if (app_typing(v->app) || app_shown(v->app) != train_view.number) {
				app_say(v->app, "run %lld started; %s shows it",
					(long long)*(int64_t *)e->data, KEYS(v, "{runs}"));
			} else {
				app_say(v->app, "run %lld started", (long long)*(int64_t *)e->data);
				app_show(v->app, runs_view.number);
			}
			snprintf(id, sizeof id, "%lld", (long long)*(int64_t *)e->data);
			app_send(v->app, &runs_view, VIEW_RUN, strdup(id), free);
		}
	} else if (e->type == WORLD_READ) {
		t->unseen = read_runs(t) || t->unseen;
		if (t->unseen && !v->editing && app_shown(v->app) == train_view.number)
			look_at_seed(t);
	} else if (e->type == VIEW_TASK) {
		bool known = form_set(&t->form, "task", e->data);

		look_at_task(t);
		look_at_seed(t);
		if (known)
			app_say(v->app, "task %s; %s", (const char *)e->data,
				KEYS(v, "{train} starts"));
		else
			app_error(v->app, "%s", t->form.error);
	}
}

static bool
train_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out)
{
	struct train *t = state;

	(void)v;
	if (pane != T_FORM)
		return false;
	if (f == DUMP_CSV)
		strbuf_str(out, "setting,value\n");
	for (int i = 0; i < t->nfields; i++)
		if (t->field[i].key)
			strbuf_printf(out, f == DUMP_CSV ? "%s,%s\n" : "%-14s %s\n",
				      t->field[i].key, form_value(&t->form, t->field[i].key));
	return true;
}

static void
change(struct view *v, void *state, const char *arg)
{
	(void)arg;
	train_action(v, state, T_FORM, A_OPEN);
}

static const struct binding bindings[] = {
	{A_NONE, "t", "train", "start training with these settings", start, PANES_ALL, BIND_BAR},
	{A_NONE, "Space", "change", "the next choice, or edit the value", change, PANE(T_FORM),
	 BIND_BAR},
};

static const struct pane_spec panes[] = {
	[T_FORM] = {"form", "train an expert", 44, 8,
		    CAN_MOVE | CAN(A_OPEN) | CAN(A_EDIT) | CAN(A_MORE) | CAN(A_LESS) | CAN(A_LEFT) |
			    CAN(A_RIGHT)},
	[T_COST] = {"cost", "what it costs", 30, 4, 0},
};

const struct view_ops train_view = {
	.name = "Train",
	.number = 6,
	.state_size = sizeof(struct train),
	.panes = panes,
	.npanes = T_PANES,
	.layout = "h(1:form 1:cost)",
	.small = "h(=46:form 1:cost)",
	.bindings = bindings,
	.nbindings = sizeof bindings / sizeof *bindings,
	.open = train_open,
	.close = train_close,
	.show = train_show,
	.keep = train_keep,
	.restore = train_restore,
	.draw = train_draw,
	.action = train_action,
	.says = train_says,
	.key = train_key,
	.paste = train_paste,
	.mouse = train_mouse,
	.event = train_event,
	.dump = train_dump,
};
