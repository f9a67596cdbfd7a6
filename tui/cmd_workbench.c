#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/models.h"
#include "tui/app.h"
#include "tui/cli.h"
#include "tui/conf.h"
#include "tui/verbs.h"
#include "tui/views/views.h"
#include "tui/world.h"

static const struct opt opts[] = {
	{"--theme", "NAME", "dark, light, default, mono, safe, or a file"},
	{"--glyphs", "KIND", "braille, block or ascii (default: by the locale)"},
	{"--colors", "N", "24bit, 256, 16, 8 or mono (default: by the terminal)"},
	{"--no-mouse", NULL, "leave the mouse to the terminal"},
	{"--view", "N", "the view shown first (default 2, Spectrum)"},
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

static int
workbench_run(struct cli *c)
{
	const char *size = cli_str(c, "--size");
	struct app_config cfg = {.theme = cli_str(c, "--theme"),
				 .glyphs = cli_str(c, "--glyphs"),
				 .colors = cli_str(c, "--colors"),
				 .script = cli_str(c, "--script"),
				 .views = workbench_views,
				 .nviews = workbench_view_count,
				 .commands = &workbench_commands,
				 .w = 120,
				 .h = 40};
	struct conf k;
	static struct world w;
	char model[1024], text[300];
	int rc;

	conf_default(&k);
	if (conf_load(&k, NULL, &c->err))
		return cli_fail(c);
	cfg.first = (int)cli_int(c, "--view", 0, 9, k.view);
	cfg.theme = cfg.theme || !k.theme[0] ? cfg.theme : k.theme;
	cfg.glyphs = cfg.glyphs || !k.glyphs[0] ? cfg.glyphs : k.glyphs;
	cfg.colors = cfg.colors || !k.colors[0] ? cfg.colors : k.colors;
	cfg.no_mouse = cli_flag(c, "--no-mouse") || !k.mouse;
	if (!c->threads)
		c->threads = k.threads;
	if (c->bad)
		return 2;
	if (c->npos > 1)
		return cli_usage(c, "%s: no such verb", c->pos[0]);
	if (size && (sscanf(size, "%dx%d", &cfg.w, &cfg.h) != 2 || cfg.w < 1 || cfg.h < 1 ||
		     cfg.w > 1000 || cfg.h > 1000))
		return cli_usage(c, "--size %s: WxH is wanted, e.g. 120x40", size);
	if (c->npos && !known(c))
		return cli_fail(c);
	if (!cfg.script && (!isatty(0) || !isatty(1))) {
		t2_fail(&c->err, T2_EINVAL,
			"the workbench needs a terminal; \"t2tui tour MODEL\" does its main job "
			"without one");
		return cli_fail(c);
	}
	if (c->npos)
		snprintf(model, sizeof model, "%s", c->pos[0]);
	else if ((rc = last_model(c, model, sizeof model)))
		return rc;
	if (world_open(&w, model, c->store_path, (int)c->threads, &c->err)) {
		rc = cli_fail(c);
	} else {
		world_title(&w, text, sizeof text);
		cfg.title = text;
		cfg.user = &w;
		rc = app_run(&cfg);
	}
	world_close(&w);
	return rc;
}

const struct command cmd_workbench = {"", "[MODEL]", "the workbench", opts, workbench_run, CLI_MAX};
