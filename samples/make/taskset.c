#include "samples/make/taskset.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "samples/make/item.h"
#include "samples/make/textfile.h"

#define LEN(a) (sizeof(a) / sizeof *(a))

static const struct spec {
	const char *name;
	enum domain domain; /* DOMAINS: all of them, to be told apart */
	enum level level;
	const char *scorer, *extract;
	int max_tokens;
	int items[SPLITS];
} specs[] = {
	{"math", DOMAIN_MATH, LEVEL_USUAL, "number", "(-?[0-9]+)", 48, {2000, 400, 1000}},
	{"code", DOMAIN_CODE, LEVEL_USUAL, "exact", "\"([A-Z]+)\"", 32, {2000, 400, 1000}},
	{"logic", DOMAIN_LOGIC, LEVEL_USUAL, "exact", "\\b([A-E])\\b", 32, {2000, 400, 1000}},
	{"math-hard", DOMAIN_MATH, LEVEL_HARD, "number", "(-?[0-9]+)", 60, {400, 400, 1000}},
	{"code-hard", DOMAIN_CODE, LEVEL_HARD, "exact", "\"([A-Z]+)\"", 32, {400, 400, 1000}},
	{"logic-hard", DOMAIN_LOGIC, LEVEL_HARD, "exact", "\\b([A-E])\\b", 36, {400, 400, 1000}},
	{"dispatch", DOMAINS, LEVEL_USUAL, "category", "([a-z]+)", 5, {1600, 400, 1000}},
};

static enum t2_status
task_json_write(const struct spec *s, const char *dir, struct t2_err *err)
{
	const char *last_line = s->domain == DOMAINS ? "Kind of question:" : "Answer:";
	json_t *files = json_object();
	json_t *task;

	for (int i = 0; i < SPLITS; i++)
		json_object_set_new(files, split_name((enum split)i),
				    json_sprintf("%s.jsonl", split_name((enum split)i)));
	task = json_pack("{s:s, s:o, s:b, s:s, s:s, s:s, s:i, s:o}", "name", s->name, "prompt",
			 json_sprintf("Question: {question}\n%s", last_line), "chat", 0, "scorer",
			 s->scorer, "extract", s->extract, "answer", "answer", "max_tokens",
			 s->max_tokens, "splits", files);
	if (task && s->domain == DOMAINS) {
		json_t *categories = json_array(), *dispatch = json_object();

		for (int d = 0; d < DOMAINS; d++) {
			const char *name = domain_name((enum domain)d);

			json_array_append_new(categories, json_string(name));
			if (d != DOMAIN_OTHER)
				json_object_set_new(dispatch, name, json_string(name));
		}
		json_object_set_new(task, "categories", categories);
		json_object_set_new(task, "dispatch", dispatch);
	}
	return textfile_write_json(dir, "task.json", task, err);
}

/* Questions seen in a split: open addressing, twice as many places as items at least. */
struct seen {
	char **question;
	size_t places;
};

static bool
seen_add(struct seen *s, const char *question)
{
	size_t i = crc32_text(question) % s->places;

	for (; s->question[i]; i = (i + 1) % s->places)
		if (!strcmp(s->question[i], question))
			return false;
	s->question[i] = strdup(question);
	return s->question[i] != NULL;
}

static enum t2_status
items_draw(const struct spec *s, enum split split, struct rng *r, struct seen *seen,
	   struct strbuf *out, struct t2_err *err)
{
	struct item it;

	for (int i = 0, tries = 0; i < s->items[split]; tries++) {
		enum domain d = s->domain;
		json_t *obj;
		char *line;

		if (tries > 100 * s->items[split])
			return t2_fail(err, T2_EINVAL,
				       "%s: fewer than %d different questions in %s", s->name,
				       s->items[split], split_name(split));
		/* Small talk is one question in ten: the three kinds are what dispatch is about. */
		if (d == DOMAINS)
			d = i % 10 == 9 ? DOMAIN_OTHER : (enum domain)(i % 10 % 3);
		item_draw(&it, r, d, s->level, split);
		if (!seen_add(seen, it.question))
			continue;
		obj = json_pack("{s:s, s:s}", "question", it.question, "answer",
				s->domain == DOMAINS ? domain_name(d) : it.gold);
		line = json_dumps(obj, JSON_COMPACT);
		json_decref(obj);
		if (!line)
			return t2_nomem(err, s->name);
		strbuf_printf(out, "%s\n", line);
		free(line);
		i++;
	}
	return T2_OK;
}

static enum t2_status
split_write(const struct spec *s, enum split split, const char *dir, uint64_t seed,
	    struct t2_err *err)
{
	struct strbuf text = {0};
	struct seen seen = {.places = 2 * (size_t)s->items[split] + 1};
	enum t2_status st;
	char name[32];
	struct rng r;

	seen.question = calloc(seen.places, sizeof *seen.question);
	if (!seen.question)
		return t2_nomem(err, s->name);
	rng_seed(&r, seed, STREAM_TASKS, (uint64_t)(s - specs) * SPLITS + split);
	st = items_draw(s, split, &r, &seen, &text, err);
	snprintf(name, sizeof name, "%s.jsonl", split_name(split));
	if (!st)
		st = textfile_write(dir, name, &text, err);
	for (size_t i = 0; i < seen.places; i++)
		free(seen.question[i]);
	free(seen.question);
	strbuf_free(&text);
	return st;
}

enum t2_status
taskset_write(const char *dir, uint64_t seed, struct t2_err *err)
{
	for (size_t i = 0; i < LEN(specs); i++) {
		char sub[4096];
		enum t2_status st;

		if ((size_t)snprintf(sub, sizeof sub, "%s/%s", dir, specs[i].name) >= sizeof sub)
			return t2_fail(err, T2_EINVAL, "%.40s...: folder name is too long", dir);
		st = folder_make(sub, err);
		if (!st)
			st = task_json_write(&specs[i], sub, err);
		for (int s = 0; s < SPLITS && !st; s++)
			st = split_write(&specs[i], (enum split)s, sub, seed, err);
		if (st)
			return st;
	}
	return T2_OK;
}
