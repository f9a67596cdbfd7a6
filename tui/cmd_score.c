#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/task/scorer.h"
#include "tui/cli.h"
#include "tui/lines.h"
#include "tui/verbs.h"

static const struct opt opts[] = {
	{"--scorer", "KIND", "exact, number, choice, boxed or category"},
	{"--categories", "A,B", "for category: the words that count"},
	{"--extract", "PATTERN", "PCRE2 pattern whose last match's group 1 is scored"},
	{0},
};

struct scoring {
	struct cli *c;
	const struct scorer *scorer;
	const char *where;
};

static enum t2_status
score_line(void *arg, json_t *o, long line, struct t2_err *err)
{
	struct scoring *s = arg;
	json_t *a = json_object_get(o, "answer"), *g = json_object_get(o, "gold");
	struct verdict v;
	enum t2_status st;

	if (!json_is_string(a) || !json_is_string(g))
		return t2_fail(err, T2_EFORMAT, "%s:%ld: \"answer\" and \"gold\" texts are wanted",
			       s->where, line);
	st = scorer_score(s->scorer, json_string_value(a), json_string_length(a),
			  json_string_value(g), json_string_length(g), &v, err);
	if (st)
		return st;
	if (s->c->json)
		cli_json(json_pack("{s:b,s:s?}", "correct", v.correct, "extracted", v.extracted));
	else
		printf("%s\t%s\n", v.correct ? "correct" : "wrong", v.extracted ? v.extracted : "");
	verdict_free(&v);
	return T2_OK;
}

static int
score_run(struct cli *c)
{
	enum { MOST = 64 };
	const char *kind = cli_str(c, "--scorer"), *cats = cli_str(c, "--categories"),
		   *file = c->npos ? c->pos[0] : "-";
	struct scoring s = {.c = c, .where = lines_where(file)};
	char *list = strdup(cats ? cats : ""), *rest = list;
	const char *cat[MOST];
	struct scorer *scorer = NULL;
	enum t2_status st;
	int n = 0, rc = 0;

	if (!kind)
		rc = cli_usage(c, "--scorer is missing");
	for (char *p; !rc && rest && (p = strsep(&rest, ","));) {
		if (*p && n == MOST)
			rc = cli_usage(c, "--categories: more than %d", MOST);
		else if (*p)
			cat[n++] = p;
	}
	if (!rc && (st = scorer_new(&scorer, kind, cat, n, cli_str(c, "--extract"), &c->err)))
		rc = st == T2_EINVAL ? cli_usage(c, "%s", c->err.msg) : cli_fail(c);
	s.scorer = scorer;
	if (!rc && lines_each(file, c->memory, score_line, &s, &c->err))
		rc = cli_fail(c);
	scorer_free(scorer);
	free(list);
	return rc;
}

const struct command cmd_score = {
	"score", "--scorer KIND [FILE]", "scores JSON lines {\"answer\",\"gold\"}", opts, score_run,
	1};
