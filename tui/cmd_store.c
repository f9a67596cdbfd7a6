#include <stdio.h>
#include <string.h>

#include "tui/cli.h"
#include "tui/verbs.h"

static void
problem(void *arg, const char *text)
{
	json_array_append_new(arg, json_string(text));
}

static int
store_run(struct cli *c)
{
	const char *what = cli_pos(c, 0, "check, backup or path");
	bool ok;
	json_t *list;

	if (!what)
		return 2;
	if (strcmp(what, "check") && strcmp(what, "backup") && strcmp(what, "path"))
		return cli_usage(c, "store %s: check, backup FILE or path is wanted", what);
	if (c->npos > 1 + !strcmp(what, "backup"))
		return cli_usage(c, "%s: one argument too many", c->pos[c->npos - 1]);
	if (workspace_start(&c->ws, 1, c->store_path, &c->err))
		return cli_fail(c);
	if (!strcmp(what, "path")) {
		if (c->json)
			cli_json(json_pack("{s:s}", "path", store_path(c->ws.store)));
		else
			printf("%s\n", store_path(c->ws.store));
		return 0;
	}
	if (!strcmp(what, "backup")) {
		const char *to = cli_pos(c, 1, "FILE");

		if (!to)
			return 2;
		if (store_backup(c->ws.store, to, &c->err))
			return cli_fail(c);
		if (c->json)
			cli_json(json_pack("{s:b,s:[]}", "ok", 1, "problems"));
		return 0;
	}
	list = json_array();
	if (store_check(c->ws.store, problem, list, &ok, &c->err)) {
		json_decref(list);
		return cli_fail(c);
	}
	if (!c->json) {
		for (size_t i = 0; i < json_array_size(list); i++)
			printf("%s\n", json_string_value(json_array_get(list, i)));
		printf("%s: %s\n", store_path(c->ws.store), ok ? "sound" : "damaged");
		json_decref(list);
	} else {
		cli_json(json_pack("{s:b,s:o}", "ok", ok, "problems", list));
	}
	return ok ? 0 : 1;
}

const struct command cmd_store = {"store",
				  "check | backup FILE | path",
				  "the store file: is it sound, copy it, where is it",
				  NULL,
				  store_run,
				  2};
