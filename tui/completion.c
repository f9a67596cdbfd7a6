#include "tui/completion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "engine/base/strbuf.h"
#include "engine/train/settings.h"
#include "store/experts.h"
#include "store/mixtures.h"
#include "store/models.h"
#include "store/runs.h"
#include "tui/bench/bench.h"
#include "tui/cli.h"
#include "tui/tasks.h"
#include "tui/theme.h"
#include "tui/verbs.h"

/* What the word being completed begins with, and what goes before each answer ("--task=", "math,"). */
struct asking {
	const char *begin;
	char before[256];
	const char *store_path; /* of --store on the line */
	bool files;
	struct strbuf *out;
};

static void
offer(struct asking *k, const char *word, const char *help)
{
	if (!strncmp(word, k->begin, strlen(k->begin)))
		strbuf_printf(k->out, "%s%s\t%s\n", k->before, word, help);
}

/* "a|b|c" */
static void
offer_list(struct asking *k, const char *list, const char *help)
{
	while (*list) {
		size_t n = strcspn(list, "|");
		char word[32];

		snprintf(word, sizeof word, "%.*s", (int)n, list);
		offer(k, word, help);
		list += n + (list[n] == '|');
	}
}

/* -- names of the store ------------------------------------------------------------------------------------- */

static struct store *
store_of(const struct asking *k)
{
	struct store *s = NULL;
	char path[4096];
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (k->store_path)
		snprintf(path, sizeof path, "%s", k->store_path);
	else if (data && *data == '/')
		snprintf(path, sizeof path, "%s/t2tui/t2.db", data);
	else
		snprintf(path, sizeof path, "%s/.local/share/t2tui/t2.db", home ? home : "");
	/* a Tab has no place for messages: what cannot be read is not offered, here and in the lists below */
	if (access(path, R_OK) || store_open(&s, path, NULL))
		return NULL;
	return s;
}

static void
offer_experts(struct asking *k, const char *prefix)
{
	struct store *s = store_of(k);
	struct expert_list l;
	char word[300];

	if (s && !store_expert_list(s, 0, &l, NULL)) {
		for (int i = 0; i < l.n; i++) {
			snprintf(word, sizeof word, "%s%s", prefix, l.v[i].name);
			offer(k, word, "expert");
		}
		expert_list_free(&l);
	}
	store_close(s);
}

static void
offer_mixtures(struct asking *k, const char *prefix)
{
	struct store *s = store_of(k);
	struct mixture_list l;
	char word[300];

	if (s && !store_mixture_list(s, 0, &l, NULL)) {
		for (int i = 0; i < l.n; i++) {
			snprintf(word, sizeof word, "%s%s", prefix, l.v[i].name);
			offer(k, word, "mixture");
		}
		mixture_list_free(&l);
	}
	store_close(s);
}

static void
offer_models(struct asking *k)
{
	struct store *s = store_of(k);
	struct model_list l;

	k->files = true;
	offer(k, "sample", "the shipped model");
	if (s && !store_model_list(s, &l, NULL)) {
		for (int i = 0; i < l.n; i++)
			if (strcmp(l.v[i].name, "sample") && !l.v[i].shipped)
				offer(k, l.v[i].name, "model");
		model_list_free(&l);
	}
	store_close(s);
}

static void
offer_runs(struct asking *k)
{
	struct store *s = store_of(k);
	struct run_list l;
	char word[32], help[300];

	if (s && !store_run_list(s, 0, &l, NULL)) {
		for (int i = 0; i < l.n; i++) {
			snprintf(word, sizeof word, "%lld", (long long)l.v[i].id);
			snprintf(help, sizeof help, "%s, %s", l.v[i].name, l.v[i].status);
			offer(k, word, help);
		}
		run_list_free(&l);
	}
	store_close(s);
}

static void
offer_names(struct asking *k, char **names, int n, const char *help)
{
	for (int i = 0; i < n; i++) {
		offer(k, names[i], help);
		free(names[i]);
	}
	free(names);
}

static void
offer_tasks(struct asking *k)
{
	int n;
	char **names = tasks_names(&n);

	k->files = true;
	offer_names(k, names, n, "task");
}

static void
offer_themes(struct asking *k)
{
	int n;
	char **names = theme_names(&n);

	k->files = true;
	offer_names(k, names, n, "theme");
}

static void
offer_strategies(struct asking *k)
{
	offer_list(k, "none|base|prompt|cls|few-shot", "strategy");
	offer_experts(k, "expert:");
	offer_mixtures(k, "mix:");
}

/* -- values of options -------------------------------------------------------------------------------------- */

/* "A,B": only the last of them is being typed. */
static void
last_of_list(struct asking *k)
{
	const char *comma = strrchr(k->begin, ',');
	size_t at = strlen(k->before);

	if (!comma)
		return;
	snprintf(k->before + at, sizeof k->before - at, "%.*s", (int)(comma + 1 - k->begin),
		 k->begin);
	k->begin = comma + 1;
}

static void
offer_expert(struct asking *k)
{
	k->files = true;
	offer_experts(k, "");
}

static void
offer_expert_list(struct asking *k)
{
	last_of_list(k);
	offer_experts(k, "");
}

static void
offer_mixture(struct asking *k)
{
	offer_mixtures(k, "");
}

/* The rows of the table, each after the group that it begins. */
static void
offer_benchmarks(struct asking *k)
{
	last_of_list(k);
	for (const struct bench_row *r = bench_rows; r->name; r++) {
		const struct bench_row *first = bench_rows;

		while (strcmp(first->group, r->group) != 0)
			first++;
		if (first == r)
			offer(k, r->group, "a group of rows");
		offer(k, r->name, r->help);
	}
}

static void
offer_files(struct asking *k)
{
	k->files = true;
}

static const struct {
	const char *name;
	void (*names)(struct asking *k);
	const char *choices;
} values[] = {
	{"--task", offer_tasks, NULL},
	{"--expert", offer_expert, NULL},
	{"--experts", offer_expert_list, NULL},
	{"--mix", offer_mixture, NULL},
	{"--strategy", offer_strategies, NULL},
	{"--model", offer_models, NULL},
	{"--only", offer_benchmarks, NULL},
	{"--resume", offer_runs, NULL},
	{"--theme", offer_themes, NULL},
	{"--store", offer_files, NULL},
	{"-o", offer_files, NULL},
	{"--preset", NULL, "default|reference"},
	{"--method", NULL, "svf"},
	{"--objective", NULL, "rl"},
	{"--form", NULL, "auto|base|dense|factored|delta"},
	{"--dtype", NULL, "f32|bf16|f16"},
	{"--split", NULL, "train|validation|test"},
	{"--scorer", NULL, "exact|number|choice|boxed|category"},
	{"--modules", NULL, "all|mlp|attn"},
	{"--scale", NULL, "plain|reference"},
	{"--glyphs", NULL, "braille|block|ascii"},
	{"--colors", NULL, "24bit|256|16|8|mono"},
};

static void
offer_values(struct asking *k, const struct opt *o)
{
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (!strcmp(values[i].name, o->name)) {
			if (values[i].names)
				values[i].names(k);
			else
				offer_list(k, values[i].choices, o->help);
			return;
		}
	for (const struct setting *t = train_settings_table; t->name; t++)
		if (t->choices && !strcmp(o->name + 2, t->name)) {
			offer_list(k, t->choices, t->help);
			return;
		}
	if (strchr(o->arg, '|'))
		offer_list(k, o->arg, o->help);
	else if (!strcmp(o->arg, "FILE"))
		k->files = true;
}

/* -- the line ----------------------------------------------------------------------------------------------- */

static const struct opt *
option_of(const struct command *cmd, const char *word)
{
	const struct opt *tables[] = {cmd->opts, common_opts};
	size_t n = strcspn(word, "=");

	for (int t = 0; t < 2; t++)
		for (const struct opt *o = tables[t]; o && o->name; o++)
			if (strlen(o->name) == n && !memcmp(o->name, word, n))
				return o;
	return NULL;
}

static void
offer_options(struct asking *k, const struct command *cmd)
{
	const struct opt *tables[] = {cmd->opts, common_opts};

	for (int t = 0; t < 2; t++)
		for (const struct opt *o = tables[t]; o && o->name; o++)
			offer(k, o->name, o->help);
}

/* What a word of a command's synopsis stands for; verb: whose own names NAME, A and B are. */
static void
offer_meaning(struct asking *k, const char *verb, const char *word, size_t n)
{
	bool letter =
		(n == 1 && (*word == 'A' || *word == 'B')) || (n == 4 && !memcmp(word, "NAME", 4));

	if (n == 5 && !memcmp(word, "MODEL", 5))
		offer_models(k);
	else if (n == 3 && !memcmp(word, "RUN", 3))
		offer_runs(k);
	else if (n == 4 && !memcmp(word, "FILE", 4))
		k->files = true;
	else if (letter && !strcmp(verb, "expert"))
		offer_experts(k, "");
	else if (letter && !strcmp(verb, "mix"))
		offer_mixtures(k, "");
}

/* Position at of "MODEL [TEXT]" or "show NAME". */
static void
offer_position(struct asking *k, const char *verb, const char *args, size_t len, int at)
{
	const char *end = args + len;

	for (int i = 0; args < end; i++) {
		size_t n;

		args += strspn(args, " [");
		n = strcspn(args, " ]|");
		if (args >= end || *args == '-' || !n)
			return; /* what follows belongs to options */
		if (i == at) {
			offer_meaning(k, verb, args, n);
			return;
		}
		args += n + (args[n] == ']');
	}
}

/* "list | show NAME | diff A B": first the verb's own verb, then what that takes. */
static void
offer_argument(struct asking *k, const struct command *cmd, const char *sub, int at)
{
	const char *args = cmd->args;

	if (!strstr(args, " | ")) {
		offer_position(k, cmd->name, args, strlen(args), at);
		return;
	}
	while (*args) {
		const char *end = strstr(args, " | ");
		size_t len = end ? (size_t)(end - args) : strlen(args), n = strcspn(args, " ");
		char word[32];

		snprintf(word, sizeof word, "%.*s", (int)(n < len ? n : len), args);
		if (at == 0)
			offer(k, word, cmd->help);
		else if (sub && !strcmp(sub, word) && n < len)
			offer_position(k, cmd->name, args + n, len - n, at - 1);
		args += len + (end ? 3 : 0);
	}
}

static void
offer_verbs(struct asking *k)
{
	for (int i = 0; commands[i]; i++)
		offer(k, commands[i]->name, commands[i]->help);
}

void
completion_words(const char *const *words, int n, struct strbuf *out)
{
	const char *cur = n > 0 ? words[n - 1] : "", *sub = NULL, *eq;
	const struct command *cmd = &cmd_workbench;
	const struct opt *open = NULL; /* wants the next word */
	struct strbuf found = {0};
	struct asking k = {.begin = cur, .out = &found};
	int at = 0; /* positions so far */
	bool verb = false, options = true;

	for (int i = 0; i + 1 < n; i++) {
		const char *w = words[i];

		if (open) {
			if (!strcmp(open->name, "--store"))
				k.store_path = w;
			open = NULL;
		} else if (options && !strcmp(w, "--")) {
			options = false;
		} else if (options && w[0] == '-' && w[1]) {
			const char *value = strchr(w, '=');

			open = option_of(cmd, w);
			if (open && value && !strcmp(open->name, "--store"))
				k.store_path = value + 1;
			if (open && (!open->arg || value))
				open = NULL;
		} else if (!verb && !at) {
			for (int c = 0; commands[c]; c++)
				if (!strcmp(commands[c]->name, w))
					cmd = commands[c];
			verb = cmd != &cmd_workbench;
			at += !verb;
		} else {
			if (!at++)
				sub = w;
		}
	}
	eq = options && cur[0] == '-' ? strchr(cur, '=') : NULL;
	if (open) {
		offer_values(&k, open);
	} else if (eq) {
		const struct opt *o = option_of(cmd, cur);

		snprintf(k.before, sizeof k.before, "%.*s", (int)(eq + 1 - cur), cur);
		k.begin = eq + 1;
		if (o && o->arg)
			offer_values(&k, o);
	} else if (options && cur[0] == '-') {
		offer_options(&k, cmd);
	} else {
		if (!verb && !at)
			offer_verbs(&k);
		offer_argument(&k, cmd, sub, at);
	}
	if (k.files)
		strbuf_str(out, ":files\n");
	if (found.len)
		strbuf_add(out, found.s, found.len);
	strbuf_free(&found);
}
