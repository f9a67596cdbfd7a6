#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/task/scorer.h"
#include "tui/cli.h"
#include "tui/verbs.h"

static const struct opt opts[] = {
	{"--scorer", "KIND", "exact, number, choice, boxed or category"},
	{"--categories", "A,B", "for category: the words that count"},
	{"--extract", "PATTERN", "PCRE2 pattern whose last match's group 1 is scored"},
	{0},
};

static int
score_line(struct cli *c, const struct scorer *s, const char *line, size_t n, const char *where)
{
	json_t *o = NULL, *a, *g;
	struct verdict v;

	if (json_read_bytes(&o, line, n, where, &c->err))
		return cli_fail(c);
	a = json_object_get(o, "answer");
	g = json_object_get(o, "gold");
	if (!json_is_string(a) || !json_is_string(g)) {
		t2_fail(&c->err, T2_EFORMAT, "%s: \"answer\" and \"gold\" texts are wanted", where);
		json_decref(o);
		return cli_fail(c);
	}
	if (scorer_score(s, json_string_value(a), json_string_length(a), json_string_value(g), json_string_length(g), &v,
			 &c->err)) {
		json_decref(o);
		return cli_fail(c);
	}
	if (c->json)
		cli_json(json_pack("{s:b,s:s?}", "correct", v.correct, "extracted", v.extracted));
	else
		printf("%s\t%s\n", v.correct ? "correct" : "wrong", v.extracted ? v.extracted : "");
	verdict_free(&v);
	json_decref(o);
	return 0;
}

static int
score_run(struct cli *c)
{
	const char *kind = cli_str(c, "--scorer"), *cats = cli_str(c, "--categories"), *file = c->npos ? c->pos[0] : "-";
	char *list = cats ? strdup(cats) : NULL, *text = NULL, where[300];
	const char *cat[64];
	struct scorer *s = NULL;
	size_t len;
	int n = 0, rc = 0;

	for (char *p = list ? strtok(list, ",") : NULL; p && n < 64; p = strtok(NULL, ","))
		cat[n++] = p;
	if (!kind) {
		rc = cli_usage(c, "--scorer is missing");
	} else if (scorer_new(&s, kind, cat, n, cli_str(c, "--extract"), &c->err) ||
		   cli_read_all(file, &text, &len, &c->err)) {
		rc = cli_fail(c);
	} else {
		char *p = text, *end = text + len;

		for (long line = 1; p < end && !rc; line++) {
			char *nl = memchr(p, '\n', (size_t)(end - p));
			size_t k = (size_t)((nl ? nl : end) - p);

			snprintf(where, sizeof where, "%s:%ld", strcmp(file, "-") ? file : "standard input", line);
			if (strspn(p, " \t\r") < k)
				rc = score_line(c, s, p, k, where);
			p = nl ? nl + 1 : end;
		}
	}
	scorer_free(s);
	free(text);
	free(list);
	return rc;
}

const struct command cmd_score = {"score", "--scorer KIND [FILE]", "scores JSON lines {\"answer\",\"gold\"}", opts, score_run};
