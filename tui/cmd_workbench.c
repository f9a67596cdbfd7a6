#include <limits.h>
#include <math.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/models.h"
#include "store/runs.h"
#include "store/wait.h"
#include "tui/app.h"
#include "tui/cli.h"
#include "tui/conf.h"
#include "tui/keymap.h"
#include "tui/theme_choice.h"
#include "tui/utf8.h"
#include "tui/opening.h"
#include "tui/verbs.h"
#include "tui/views/builtin.h"
#include "tui/views/views.h"
#include "tui/world.h"

static const struct opt opts[] = {
	{"--theme", "NAME", "dark, light, default, mono, safe, or a file"},
	{"--glyphs", "KIND", "braille, block or ascii (default: by the locale)"},
	{"--colors", "N", "24bit, 256, 16, 8 or mono (default: by the terminal)"},
	{"--no-mouse", NULL, "leave the mouse to the terminal"},
	{"--view", "N", "the view shown first (default 2, Spectrum)"},
	{"--keys", NULL, "print the keys in force, the user's among them, and leave"},
	{"--script", "FILE", "replay keys without a terminal (- is standard input)"},
	{"--size", "WxH", "the replay's screen (default 120x40)"},
	{0},
};

/* The last model opened, or the sample. */
static int
last_model(struct cli *c, char *out, size_t size)
{
	struct model_list l;

	if (workspace_start(&c->ws, 1, c->store_path, &c->err) ||
	    store_model_list(c->ws.store, &l, &c->err))
		return cli_fail(c);
	snprintf(out, size, "sample");
	for (int i = 0; i < l.n; i++) {
		if (l.v[i].shipped || !access(l.v[i].path, R_OK)) {
			snprintf(out, size, "%s", l.v[i].shipped ? "sample" : l.v[i].path);
			break;
		}
	}
	model_list_free(&l);
	workspace_stop(&c->ws);
	return 0;
}

/* A mistyped verb is taken for a model: say that there is none before saying anything else. */
static bool
known(struct cli *c)
{
	char path[PATH_MAX];
	bool shipped;
	enum t2_status st = workspace_path(&c->ws, c->pos[0], path, sizeof path, &shipped, &c->err);

	if (st && !strchr(c->pos[0], '/')) {
		st = workspace_start(&c->ws, 1, c->store_path, &c->err);
		if (!st)
			st = workspace_path(&c->ws, c->pos[0], path, sizeof path, &shipped,
					    &c->err);
		workspace_stop(&c->ws);
	}
	return !st;
}

/* -- --keys ------------------------------------------------------------------------------------------------- */

static json_t *
key_json(const struct keymap *k, const struct binding *b, const char *view)
{
	json_t *keys = json_array();
	const char *s = b->keys;
	char name[24];
	int key;

	while ((key = key_parse(&s)))
		json_array_append_new(keys, json_string(key_text(key, name)));
	return json_pack("{s:s?,s:s,s:o,s:s,s:b}", "view", view, "name", b->name, "keys", keys,
			 "help", b->help, "changed", (int)keymap_changed(k, b));
}

static void
key_line(const struct keymap *k, const struct binding *b)
{
	char keys[64];

	binding_keys(b, keys);
	printf("%c %s%*s %-22s %s\n", keymap_changed(k, b) ? '*' : ' ', keys,
	       24 - utf8_width_str(keys), "", b->name, b->help);
}

/* Of the sets that every view has only what this view has otherwise. */
static bool
key_shown(const struct binding_set *all, const struct binding *b)
{
	const struct binding *usual = all ? binding_named(all, 2, b->name, strlen(b->name)) : NULL;

	return !(b->flags & BIND_HIDDEN) && (!usual || strcmp(usual->keys, b->keys));
}

static void
keys_of(const struct keymap *k, const struct binding_set *sets, int n, const char *view,
	const struct binding_set *all, json_t *list)
{
	bool headed = false;

	for (int i = 0; i < n; i++) {
		for (int j = 0; j < sets[i].n; j++) {
			const struct binding *b = &sets[i].rows[j];

			if (!key_shown(all, b))
				continue;
			if (list) {
				json_array_append_new(list, key_json(k, b, view));
				continue;
			}
			if (!headed)
				printf("%s\n", view ? view : sets[i].scope);
			headed = true;
			key_line(k, b);
		}
		headed = headed && view;
	}
}

/* Under a view stand its own commands and the common ones that have other keys there. */
static int
keys_print(const struct cli *c, const struct keymap *k)
{
	const struct view_ops *builtin[] = {&jobs_view, &log_view};
	json_t *list = c->json ? json_array() : NULL;
	struct binding_set all[3], sets[3];

	keymap_sets(k, -1, all);
	keys_of(k, all, 2, NULL, NULL, list);
	for (int i = 0; i < workbench_view_count + 2; i++) {
		const struct view_ops *v = i < workbench_view_count
						   ? workbench_views[i]
						   : builtin[i - workbench_view_count];
		int n = keymap_sets(k, v->number, sets);

		keys_of(k, sets, n, v->name, all, list);
	}
	if (list)
		cli_json(json_pack("{s:o}", "keys", list));
	return 0;
}

/* -- start -------------------------------------------------------------------------------------------------- */

/* The user's settings, under what the command line says. */
static int
settings(struct cli *c, struct app_config *cfg, struct conf *k, struct keymap **keys)
{
	static char chosen[sizeof k->theme];

	if (conf_load(k, NULL, &c->err) || keymap_new(keys, workbench_views, workbench_view_count,
						      k->keys, k->nkeys, k->path, &c->err))
		return cli_fail(c);
	cfg->keys = *keys;
	cfg->first = (int)cli_int(c, "--view", 0, 9, k->view);
	cfg->theme_conf = k->theme;
	if (!cfg->theme && !cfg->script && theme_remembered(k->theme, chosen, sizeof chosen))
		cfg->theme = chosen;
	cfg->theme = cfg->theme || !k->theme[0] ? cfg->theme : k->theme;
	cfg->glyphs = cfg->glyphs || !k->glyphs[0] ? cfg->glyphs : k->glyphs;
	cfg->colors = cfg->colors || !k->colors[0] ? cfg->colors : k->colors;
	cfg->no_mouse = cli_flag(c, "--no-mouse") || !k->mouse;
	if (!c->threads)
		c->threads = k->threads;
	return c->bad ? 2 : 0;
}

/* What this process was at and did not end: a search. */
static void
what_was_left(const struct cli *c, const struct run_row *r)
{
	if (strcmp(r->status, "done") && strcmp(r->status, "failed"))
		cli_note(c,
			 "run %lld %s is left at step %d of %d; \"t2tui run resume %lld\" goes on "
			 "with it",
			 (long long)r->id, r->name, r->step, r->steps, (long long)r->id);
}

static bool
is_mine(const struct run_row *r)
{
	return r->pid == getpid() && r->pid_start == process_start(getpid());
}

/* The newest run that this process stopped and did not take up again, before its user goes. */
static bool
unfinished(struct app *a, void *user, char *text, size_t size)
{
	struct world *w = user;
	struct run_list l;
	int i = 0;

	if (store_run_list(w->ui.store, 0, &l, NULL))
		return false;
	while (i < l.n && !(is_mine(&l.v[i]) && !strcmp(l.v[i].status, "stopped")))
		i++;
	if (i < l.n)
		snprintf(text, size, "Run %lld %.60s is left at step %d of %d; %s.",
			 (long long)l.v[i].id, l.v[i].name, l.v[i].step, l.v[i].steps,
			 KEYS_IN(a, runs_view.number, "{resume} in Runs ({runs}) goes on with it"));
	i = i < l.n;
	run_list_free(&l);
	return i;
}

/* Trainers outlive the workbench: the shell's next line says which do. */
static void
what_goes_on(const struct cli *c, const struct world *w)
{
	struct run_list l;
	struct t2_err err;

	if (store_run_list(w->ui.store, w->ui.model_id, &l, &err)) {
		cli_note(c, "%s", err.msg);
		return;
	}
	for (int i = 0; i < l.n; i++)
		if (is_mine(&l.v[i]))
			what_was_left(c, &l.v[i]);
		else if (!strcmp(l.v[i].status, "running"))
			cli_note(c,
				 "run %lld %s goes on, at step %d of %d; \"t2tui run stop %lld\" "
				 "stops it",
				 (long long)l.v[i].id, l.v[i].name, l.v[i].step, l.v[i].steps,
				 (long long)l.v[i].id);
	run_list_free(&l);
}

static int
workbench_open(struct cli *c, struct app_config *cfg)
{
	const char *size = cli_str(c, "--size");
	static struct world w;
	char model[1024], text[300];
	int rc;

	if (c->npos > 1)
		return cli_usage(c, "%s: no such verb", c->pos[0]);
	if (size && (sscanf(size, "%dx%d", &cfg->w, &cfg->h) != 2 || cfg->w < 1 || cfg->h < 1 ||
		     cfg->w > 1000 || cfg->h > 1000))
		return cli_usage(c, "--size %s: WxH is wanted, e.g. 120x40", size);
	if (c->npos && !known(c))
		return cli_fail(c);
	if (!cfg->script && (!isatty(0) || !isatty(1))) {
		t2_fail(&c->err, T2_EINVAL,
			"the workbench needs a terminal; \"t2tui tour MODEL\" does its main job "
			"without one");
		return cli_fail(c);
	}
	if (c->npos)
		snprintf(model, sizeof model, "%s", c->pos[0]);
	else if ((rc = last_model(c, model, sizeof model)))
		return rc;
	/* every job is a thread: of more arenas each would keep its most, as malloc_trim() leaves the top of all but this */
	mallopt(M_ARENA_MAX, 1);
	if (world_open(&w, model, c->store_path, (int)c->threads, c->memory, NULL, &c->err)) {
		rc = cli_fail(c);
	} else {
		world_title(&w, text, sizeof text);
		cfg->title = text;
		cfg->user = &w;
		cfg->event = world_event;
		cfg->closing = world_closing;
		cfg->left = unfinished;
		cfg->words = world_words;
		store_wait_most(0.3); /* this thread draws */
		rc = app_run(cfg);
		if (!rc && !cfg->script)
			what_goes_on(c, &w);
	}
	world_close(&w);
	return rc;
}

static int
workbench_run(struct cli *c)
{
	struct app_config cfg = {.theme = cli_str(c, "--theme"),
				 .glyphs = cli_str(c, "--glyphs"),
				 .colors = cli_str(c, "--colors"),
				 .script = cli_str(c, "--script"),
				 .views = workbench_views,
				 .nviews = workbench_view_count,
				 .open = opening_run,
				 .w = 120,
				 .h = 40};
	struct keymap *keys = NULL;
	struct conf k;
	int rc;

	conf_default(&k);
	rc = settings(c, &cfg, &k, &keys);
	if (!rc)
		rc = cli_flag(c, "--keys") ? keys_print(c, keys) : workbench_open(c, &cfg);
	keymap_free(keys);
	conf_free(&k);
	return rc;
}

const struct command cmd_workbench = {"", "[MODEL]", "the workbench", opts, workbench_run, CLI_MAX};
