#include "tui/theme_choice.h"

#include <stdio.h>
#include <string.h>
#include "engine/base/strbuf.h"
#include "tui/app_state.h"
#include "tui/state.h"

bool
theme_remembered(const char *conf, char *out, size_t size)
{
	struct theme t;
	int n;
	char **v = state_read("theme", &n);
	bool ok = n == 2 ? !strcmp(v[1], conf) : n == 1 && !*conf;

	ok = ok && (size_t)snprintf(out, size, "%s", v[0]) < size && !theme_load(&t, out, NULL);
	state_free(v, n);
	return ok;
}

struct choice {
	const char *name, *conf;
};

static void
change(void *arg, char *const *lines, int n, struct strbuf *out)
{
	const struct choice *c = arg;

	(void)lines;
	(void)n;
	strbuf_printf(out, "%s\n%s\n", c->name, c->conf);
}

enum t2_status
theme_remember(const char *name, const char *conf, struct t2_err *err)
{
	struct choice c = {name, conf};

	return state_update("theme", change, &c, err);
}

void
theme_keep(struct app *a)
{
	const char *conf = a->cfg->theme_conf ? a->cfg->theme_conf : "";
	struct t2_err err;

	if (a->canvas->depth == DEPTH_MONO) {
		app_say(a, "no colours here: theme mono");
		return;
	}
	if (!a->script && theme_remember(a->theme.name, conf, &err))
		app_fail(a, &err);
	else
		app_say(a, "theme %s", a->theme.name);
}
