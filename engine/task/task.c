#include "engine/task/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/mapfile.h"
#include "engine/base/utf8.h"
#include "engine/task/regex.h"

enum { MAX_SPLITS = 16, MAX_STOPS = 16, MAX_CATEGORIES = 64, MAX_OPTIONS = 26 };

struct item {
	const char *text;     /* the prompt template filled in */
	const char *question; /* what a user would type */
	const char *prefill;
	const char *gold;
};

struct split {
	const char *name, *file;
	int parity;	 /* -1: all lines; 0, 1: even or odd ones, counted from 0 */
	int from, count; /* count 0: to the end */
	bool loaded;
	struct item *v;
	int n, cap;
};

struct task {
	char *dir, *where; /* where: dir/task.json, for messages */
	struct arena arena;
	const char *name, *prompt, *question, *system, *prefill, *answer;
	bool chat;
	int max_tokens;
	const char *stop[MAX_STOPS];
	int nstops;
	const char *category[MAX_CATEGORIES],
		*expert[MAX_CATEGORIES]; /* expert NULL: the base model */
	int ncategories;
	bool dispatches;
	struct split split[MAX_SPLITS];
	int nsplits;
	struct scorer *scorer;
	struct regex *count; /* NULL: every token counts */
	char *count_text;
};

static const char *const known[] = {"name",	   "prompt", "question",   "system",	 "prefill",
				    "chat",	   "scorer", "categories", "extract",	 "count",
				    "splits",	   "answer", "stop",	   "max_tokens", "dispatch",
				    "description", NULL};

/* -- reading task.json ------------------------------------------------------------------------------------- */

static enum t2_status
text_field(struct task *t, const json_t *o, const char *key, const char **out, const char *dflt,
	   struct t2_err *err)
{
	const char *s = dflt;
	enum t2_status st = json_opt_string(o, key, &s, t->where, err);

	if (st)
		return st;
	if (s && s != dflt && strlen(s) != json_string_length(json_object_get(o, key)))
		return t2_fail(err, T2_EFORMAT, "%s: \"%s\" holds U+0000", t->where, key);
	*out = arena_strdup(&t->arena, s);
	return t->arena.failed ? t2_nomem(err, "task") : T2_OK;
}

/* A data file lies in the task's folder: a task copied from somewhere cannot make the program read elsewhere. */
static bool
inside(const char *file)
{
	if (!*file || *file == '/')
		return false;
	for (const char *p = file; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (p[0] == '.' && p[1] == '.' && (p[2] == '/' || !p[2]))
			return false;
	}
	return true;
}

static enum t2_status
read_splits(struct task *t, const json_t *o, struct t2_err *err)
{
	json_t *splits = json_object_get(o, "splits"), *v;
	const char *name;

	if (!json_is_object(splits) || !json_object_size(splits))
		return t2_fail(
			err, T2_EFORMAT,
			"%s: \"splits\" is missing: {\"train\": \"train.jsonl\", ...} is wanted",
			t->where);
	json_object_foreach (splits, name, v) {
		struct split *s = &t->split[t->nsplits];
		const char *file = json_string_value(v), *key;
		json_t *x;
		enum t2_status st;

		if (t->nsplits == MAX_SPLITS)
			return t2_fail(err, T2_EFORMAT, "%s: more than %d splits", t->where,
				       MAX_SPLITS);
		s->parity = -1;
		if (json_is_object(v)) {
			file = json_string_value(json_object_get(v, "file"));
			json_object_foreach (v, key, x) {
				if (strcmp(key, "file") && strcmp(key, "parity") &&
				    strcmp(key, "from") && strcmp(key, "count"))
					return t2_fail(err, T2_EFORMAT,
						       "%s: split %s: \"%s\" is not known",
						       t->where, name, key);
			}
			if ((st = json_opt_int(v, "parity", 0, 1, &s->parity, t->where, err)) ||
			    (st = json_opt_int(v, "from", 0, 100000000, &s->from, t->where, err)) ||
			    (st = json_opt_int(v, "count", 1, 100000000, &s->count, t->where, err)))
				return st;
		}
		if (!file || !inside(file))
			return t2_fail(err, T2_EFORMAT,
				       "%s: split %s: a file inside the task's folder is wanted",
				       t->where, name);
		s->name = arena_strdup(&t->arena, name);
		s->file = arena_strdup(&t->arena, file);
		t->nsplits++;
	}
	return t->arena.failed ? t2_nomem(err, "task") : T2_OK;
}

static enum t2_status
read_list(struct task *t, const json_t *o, const char *key, const char **out, int max, int *n,
	  struct t2_err *err)
{
	json_t *list = json_object_get(o, key), *v;
	size_t i;

	if (!list)
		return T2_OK;
	if (!json_is_array(list) || json_array_size(list) > (size_t)max)
		return t2_fail(err, T2_EFORMAT, "%s: \"%s\" is not a list of at most %d texts",
			       t->where, key, max);
	json_array_foreach (list, i, v) {
		if (!json_is_string(v) || !json_string_length(v))
			return t2_fail(err, T2_EFORMAT, "%s: \"%s\"[%zu] is not a text", t->where,
				       key, i);
		out[(*n)++] = arena_strdup(&t->arena, json_string_value(v));
	}
	return t->arena.failed ? t2_nomem(err, "task") : T2_OK;
}

static enum t2_status
read_dispatch(struct task *t, const json_t *o, struct t2_err *err)
{
	json_t *map = json_object_get(o, "dispatch"), *v;
	const char *key;

	if (!map)
		return T2_OK;
	if (!json_is_object(map))
		return t2_fail(err, T2_EFORMAT, "%s: \"dispatch\" is not {category: expert}",
			       t->where);
	t->dispatches = true;
	json_object_foreach (map, key, v) {
		int i = 0;

		while (i < t->ncategories && strcmp(t->category[i], key))
			i++;
		if (i == t->ncategories)
			return t2_fail(err, T2_EFORMAT,
				       "%s: \"dispatch\": %s is not among \"categories\"", t->where,
				       key);
		if (!json_is_string(v))
			return t2_fail(err, T2_EFORMAT,
				       "%s: \"dispatch\": %s: an expert's name is wanted", t->where,
				       key);
		t->expert[i] = arena_strdup(&t->arena, json_string_value(v));
	}
	return t->arena.failed ? t2_nomem(err, "task") : T2_OK;
}

static enum t2_status
read_count(struct task *t, const json_t *o, struct t2_err *err)
{
	const char *pattern = NULL;
	enum t2_status st = json_opt_string(o, "count", &pattern, t->where, err);

	if (st || !pattern)
		return st;
	st = regex_new(&t->count, pattern, "count", err);
	if (!st && !(t->count_text = strdup(pattern)))
		return t2_nomem(err, "task");
	return st ? t2_wrap(err, st, "%s", t->where) : T2_OK;
}

static enum t2_status
read_task(struct task *t, const json_t *o, struct t2_err *err)
{
	const char *scorer = NULL, *extract = NULL, *key;
	json_t *v;
	enum t2_status st;

	if (!json_is_object(o))
		return t2_fail(err, T2_EFORMAT, "%s: not a JSON object", t->where);
	json_object_foreach ((json_t *)o, key, v) {
		int i = 0;

		while (known[i] && strcmp(known[i], key))
			i++;
		if (!known[i])
			return t2_fail(err, T2_EFORMAT, "%s: \"%s\" is not a field of a task",
				       t->where, key);
	}
	t->chat = true;
	t->max_tokens = 256;
	if ((st = json_want_string(o, "name", &key, t->where, err)) ||
	    (st = text_field(t, o, "name", &t->name, NULL, err)) ||
	    (st = json_want_string(o, "prompt", &key, t->where, err)) ||
	    (st = text_field(t, o, "prompt", &t->prompt, NULL, err)) ||
	    (st = text_field(t, o, "question", &t->question, NULL, err)) ||
	    (st = text_field(t, o, "system", &t->system, NULL, err)) ||
	    (st = text_field(t, o, "prefill", &t->prefill, "", err)) ||
	    (st = text_field(t, o, "answer", &t->answer, "answer", err)) ||
	    (st = json_opt_string(o, "description", &key, t->where, err)) ||
	    (st = json_opt_bool(o, "chat", &t->chat, t->where, err)) ||
	    (st = json_opt_int(o, "max_tokens", 1, 1000000, &t->max_tokens, t->where, err)) ||
	    (st = read_list(t, o, "stop", t->stop, MAX_STOPS, &t->nstops, err)) ||
	    (st = read_list(t, o, "categories", t->category, MAX_CATEGORIES, &t->ncategories,
			    err)) ||
	    (st = read_dispatch(t, o, err)) || (st = read_splits(t, o, err)) ||
	    (st = read_count(t, o, err)) ||
	    (st = json_want_string(o, "scorer", &scorer, t->where, err)) ||
	    (st = json_opt_string(o, "extract", &extract, t->where, err)))
		return st;
	st = scorer_new(&t->scorer, scorer, t->category, t->ncategories, extract, err);
	return st ? t2_wrap(err, st, "%s", t->where) : T2_OK;
}

enum t2_status
task_open(struct task **out, const char *dir, struct t2_err *err)
{
	struct task *t = calloc(1, sizeof *t);
	size_t n = strlen(dir);
	json_t *o = NULL;
	enum t2_status st;

	*out = NULL;
	if (!t)
		return t2_nomem(err, "task");
	t->dir = strdup(dir);
	t->where = malloc(n + 16);
	if (!t->dir || !t->where) {
		st = t2_nomem(err, "task");
		goto fail;
	}
	while (n > 1 && t->dir[n - 1] == '/')
		t->dir[--n] = 0;
	snprintf(t->where, n + 16, "%s/task.json", t->dir);
	if ((st = json_read_file(&o, t->where, err)) || (st = read_task(t, o, err)))
		goto fail;
	json_decref(o);
	*out = t;
	return T2_OK;
fail:
	json_decref(o);
	task_free(t);
	return st;
}

void
task_free(struct task *t)
{
	if (!t)
		return;
	for (int i = 0; i < t->nsplits; i++)
		free(t->split[i].v);
	scorer_free(t->scorer);
	regex_free(t->count);
	free(t->count_text);
	arena_free(&t->arena);
	free(t->dir);
	free(t->where);
	free(t);
}

/* -- items ------------------------------------------------------------------------------------------------- */

struct loading {
	struct task *t;
	struct split *s;
	const char *path;
	long line; /* of data, blank ones not counted */
};

/* The shortest digits that mean the same number: a gold of 0.1 is not 0.10000000000000001. */
static void
real_text(struct strbuf *out, double x)
{
	char buf[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buf, sizeof buf, "%.*g", digits, x);
		if (strtod(buf, NULL) == x)
			break;
	}
	if (strchr(buf, ','))
		*strchr(buf, ',') = '.'; /* the locale's decimal sign */
	strbuf_str(out, buf);
}

/* A field as text: strings as they are, numbers as written, a list as lettered lines. */
static enum t2_status
field_text(struct strbuf *out, const json_t *v, const char *where, const char *key,
	   struct t2_err *err)
{
	if (json_is_string(v)) {
		if (strlen(json_string_value(v)) != json_string_length(v))
			return t2_fail(err, T2_EFORMAT, "%s: \"%s\" holds U+0000", where, key);
		strbuf_str(out, json_string_value(v));
	} else if (json_is_integer(v)) {
		strbuf_printf(out, "%lld", json_integer_value(v));
	} else if (json_is_real(v)) {
		real_text(out, json_real_value(v));
	} else if (json_is_array(v) && json_array_size(v) <= MAX_OPTIONS) {
		for (size_t i = 0; i < json_array_size(v); i++) {
			const char *s = json_string_value(json_array_get(v, i));

			if (!s)
				return t2_fail(err, T2_EFORMAT, "%s: \"%s\"[%zu] is not a text",
					       where, key, i);
			strbuf_printf(out, "%s%c. %s", i ? "\n" : "", (char)('A' + (int)i), s);
		}
	} else {
		return t2_fail(
			err, T2_EFORMAT,
			"%s: \"%s\" is neither a text, a number nor a list of at most %d texts",
			where, key, MAX_OPTIONS);
	}
	return T2_OK;
}

/* {field} becomes the field, {{ and }} a brace. */
static enum t2_status
fill(struct strbuf *out, const char *template, const json_t *obj, const char *where,
     struct t2_err *err)
{
	for (const char *p = template; *p; p++) {
		char key[80];
		size_t n;
		json_t *v;
		enum t2_status st;

		if ((*p == '{' && p[1] == '{') || (*p == '}' && p[1] == '}')) {
			strbuf_char(out, *p++);
			continue;
		}
		if (*p != '{') {
			strbuf_char(out, *p);
			continue;
		}
		n = strcspn(p + 1, "{}");
		if (p[1 + n] != '}' || n == 0 || n >= sizeof key)
			return t2_fail(err, T2_EFORMAT,
				       "%s: the template's \"%.20s\" is not {field}; {{ stands for "
				       "a brace",
				       where, p);
		memcpy(key, p + 1, n);
		key[n] = 0;
		v = json_object_get(obj, key);
		if (!v)
			return t2_fail(err, T2_EFORMAT,
				       "%s: no field \"%s\", which the template names", where, key);
		if ((st = field_text(out, v, where, key, err)))
			return st;
		p += n + 1;
	}
	return out->failed ? t2_nomem(err, "task") : T2_OK;
}

static enum t2_status
filled(struct task *t, const char *template, const json_t *obj, const char *where, const char **out,
       struct t2_err *err)
{
	struct strbuf b = {0};
	enum t2_status st = fill(&b, template, obj, where, err);

	if (!st) {
		*out = arena_strdup(&t->arena, b.s ? b.s : "");
		if (!*out)
			st = t2_nomem(err, "task");
	}
	strbuf_free(&b);
	return st;
}

static enum t2_status
add_item(void *arg, json_t *obj, long line, struct t2_err *err)
{
	struct loading *l = arg;
	struct split *s = l->s;
	struct task *t = l->t;
	long index = l->line++;
	struct strbuf gold = {0};
	struct item *it;
	char where[400];
	json_t *v;
	enum t2_status st;

	if ((s->parity >= 0 && index % 2 != s->parity) || index < s->from ||
	    (s->count && index >= (long)s->from + s->count))
		return T2_OK;
	snprintf(where, sizeof where, "%s:%ld", l->path, line);
	if (!json_is_object(obj))
		return t2_fail(err, T2_EFORMAT, "%s: not a JSON object", where);
	if (s->n == s->cap) {
		int cap = s->cap ? 2 * s->cap : 256;
		struct item *grown = realloc(s->v, (size_t)cap * sizeof *grown);

		if (!grown)
			return t2_nomem(err, "task");
		s->v = grown;
		s->cap = cap;
	}
	it = &s->v[s->n];
	memset(it, 0, sizeof *it);
	if ((st = filled(t, t->prompt, obj, where, &it->text, err)) ||
	    (st = filled(t, t->prefill, obj, where, &it->prefill, err)))
		return st;
	if (t->question)
		st = filled(t, t->question, obj, where, &it->question, err);
	else if (json_is_string(v = json_object_get(obj, "question")))
		it->question = arena_strdup(&t->arena, json_string_value(v));
	else
		it->question = it->text;
	if (st)
		return st;
	v = json_object_get(obj, t->answer);
	if (!v)
		return t2_fail(err, T2_EFORMAT, "%s: no field \"%s\", the answer", where,
			       t->answer);
	if (!(st = field_text(&gold, v, where, t->answer, err)))
		it->gold = arena_strdup(&t->arena, gold.s ? gold.s : "");
	strbuf_free(&gold);
	if (!st && t->arena.failed)
		st = t2_nomem(err, "task");
	if (!st)
		s->n++;
	return st;
}

static enum t2_status
find_split(struct task *t, const char *name, struct split **out, struct t2_err *err)
{
	struct strbuf have = {0};
	struct split *s = NULL;
	struct loading l;
	char path[1200];
	enum t2_status st;

	*out = NULL;

	for (int i = 0; i < t->nsplits; i++)
		if (!strcmp(t->split[i].name, name))
			s = &t->split[i];
	if (!s) {
		for (int i = 0; i < t->nsplits; i++)
			strbuf_printf(&have, "%s%s", i ? ", " : "", t->split[i].name);
		t2_fail(err, T2_ENOTFOUND, "task %s: no split \"%s\"; it has %s", t->name, name,
			have.s ? have.s : "none");
		strbuf_free(&have);
		return T2_ENOTFOUND;
	}
	*out = s;
	if (s->loaded)
		return T2_OK;
	snprintf(path, sizeof path, "%s/%s", t->dir, s->file);
	l = (struct loading){.t = t, .s = s, .path = path};
	st = json_read_lines(path, add_item, &l, err);
	if (!st && !s->n)
		st = t2_fail(err, T2_EFORMAT, "%s: split \"%s\" has no items", path, name);
	if (st)
		s->n = 0;
	s->loaded = !st;
	return st;
}

static enum t2_status
find_item(struct task *t, const char *split, int i, const struct item **out, struct t2_err *err)
{
	struct split *s;
	enum t2_status st = find_split(t, split, &s, err);

	*out = NULL;
	if (st)
		return st;
	if (i < 0 || i >= s->n)
		return t2_fail(err, T2_EINVAL, "task %s: %s has items 0 .. %d, not %d", t->name,
			       split, s->n - 1, i);
	*out = &s->v[i];
	return T2_OK;
}

const char *
task_name(const struct task *t)
{
	return t->name;
}

const char *
task_dir(const struct task *t)
{
	return t->dir;
}

int
task_max_tokens(const struct task *t)
{
	return t->max_tokens;
}

int
task_items(struct task *t, const char *split, struct t2_err *err)
{
	struct split *s;

	return find_split(t, split, &s, err) ? -1 : s->n;
}

static enum t2_status
hash_file(struct hash *h, const char *path, struct t2_err *err)
{
	struct mapfile m;
	enum t2_status st = mapfile_open(&m, path, err);

	if (st)
		return st;
	hash_bytes(h, &m.size, sizeof m.size);
	hash_bytes(h, m.data, m.size);
	mapfile_close(&m);
	return T2_OK;
}

enum t2_status
task_hash(struct task *t, const char *split, char out[HASH_TEXT], struct t2_err *err)
{
	struct split *s = NULL;
	char path[1200];
	struct hash h;
	enum t2_status st = T2_OK;

	out[0] = 0;
	if (split)
		st = find_split(t, split, &s, err);
	hash_start(&h);
	if (!st)
		st = hash_file(&h, t->where, err);
	if (!st && s) {
		snprintf(path, sizeof path, "%s/%s", t->dir, s->file);
		hash_text(&h, s->name);
		st = hash_file(&h, path, err);
	}
	if (!st)
		hash_end(&h, out);
	return st;
}

const char *
task_gold(struct task *t, const char *split, int i)
{
	const struct item *it;

	return find_item(t, split, i, &it, NULL) ? "" : it->gold;
}

enum t2_status
task_question(struct task *t, const char *split, int i, struct strbuf *out, struct t2_err *err)
{
	const struct item *it;
	enum t2_status st = find_item(t, split, i, &it, err);

	if (st)
		return st;
	strbuf_str(out, it->text);
	return out->failed ? t2_nomem(err, "task") : T2_OK;
}

enum t2_status
task_plain_question(struct task *t, const char *split, int i, struct strbuf *out,
		    struct t2_err *err)
{
	const struct item *it;
	enum t2_status st = find_item(t, split, i, &it, err);

	if (st)
		return st;
	strbuf_str(out, it->question);
	return out->failed ? t2_nomem(err, "task") : T2_OK;
}

/* The prompt text through the chat template (where the task and the model have it), then the prefill, then tokens. */
static enum t2_status
encode(const struct task *t, const char *text, const char *prefill, const struct chat *chat,
       const struct tokenizer *tok, struct ids *ids, struct t2_err *err)
{
	bool templated = t->chat && chat && chat_has_template(chat);
	struct strbuf b = {0};
	enum t2_status st = T2_OK;

	if (templated) {
		st = chat_render_one(chat, t->system, text, &b, err);
	} else {
		if (t->system)
			strbuf_printf(&b, "%s\n", t->system);
		strbuf_str(&b, text);
	}
	strbuf_str(&b, prefill);
	if (!st && b.failed)
		st = t2_nomem(err, "task");
	if (!st)
		st = tokenizer_encode(tok, b.s ? b.s : "", b.len,
				      templated ? TOK_PLAIN : TOK_SPECIAL, ids, err);
	strbuf_free(&b);
	return st;
}

enum t2_status
task_prompt(struct task *t, const char *split, int i, const struct chat *chat,
	    const struct tokenizer *tok, struct ids *ids, struct t2_err *err)
{
	const struct item *it;
	enum t2_status st = find_item(t, split, i, &it, err);

	return st ? st : encode(t, it->text, it->prefill, chat, tok, ids, err);
}

enum t2_status
task_prompt_text(struct task *t, const char *question, const struct chat *chat,
		 const struct tokenizer *tok, struct ids *ids, struct t2_err *err)
{
	struct strbuf b = {0}, pre = {0}, clean = {0};
	enum t2_status st;
	json_t *obj;

	utf8_clean(&clean, question, strlen(question));
	obj = clean.failed ? NULL : json_pack("{s:s}", "question", clean.s ? clean.s : "");
	strbuf_free(&clean);
	if (!obj)
		return t2_nomem(err, "task");
	st = fill(&b, t->prompt, obj, t->where, err);
	if (!st)
		st = fill(&pre, t->prefill, obj, t->where, err);
	if (!st)
		st = encode(t, b.s ? b.s : "", pre.s ? pre.s : "", chat, tok, ids, err);
	strbuf_free(&b);
	strbuf_free(&pre);
	json_decref(obj);
	return st;
}

/* -- scoring ----------------------------------------------------------------------------------------------- */

enum t2_status
task_score(struct task *t, const char *split, int i, const char *answer, size_t len,
	   struct verdict *out, struct t2_err *err)
{
	const struct item *it;
	enum t2_status st = find_item(t, split, i, &it, err);

	*out = (struct verdict){0};
	return st ? st : scorer_score(t->scorer, answer, len, it->gold, strlen(it->gold), out, err);
}

enum t2_status
task_score_text(struct task *t, const char *gold, const char *answer, size_t len,
		struct verdict *out, struct t2_err *err)
{
	return scorer_score(t->scorer, answer, len, gold, strlen(gold), out, err);
}

enum t2_status
task_counted(const struct task *t, const char *answer, size_t len, size_t *n, struct t2_err *err)
{
	struct finder f;
	size_t valid = 0;
	enum t2_status st;

	*n = t->count ? 0 : len;
	if (!t->count)
		return T2_OK;
	while (valid < len) { /* a pattern can look at UTF-8 only */
		uint32_t c;
		size_t k = utf8_next(answer + valid, len - valid, &c);

		if (c == UTF8_BAD || c == UTF8_CUT)
			break;
		valid += k;
	}
	if ((st = finder_open(&f, t->count, answer, valid, err)))
		return st;
	if (finder_at(&f, 0))
		*n = f.span[0].end;
	else if (f.limited)
		st = t2_fail(
			err, T2_EUNSUP,
			"%s: count: the pattern \"%.80s\" takes too many steps on an answer of "
			"%zu bytes; write it without nested repetition",
			t->where, t->count_text, len);
	finder_close(&f);
	return st;
}

int
task_stops(const struct task *t)
{
	return t->nstops;
}

const char *
task_stop(const struct task *t, int i)
{
	return t->stop[i];
}

int
task_categories(const struct task *t)
{
	return t->ncategories;
}

const char *
task_category(const struct task *t, int i)
{
	return t->category[i];
}

const char *
task_dispatch(const struct task *t, const char *category)
{
	for (int i = 0; i < t->ncategories; i++)
		if (!strcmp(t->category[i], category))
			return t->expert[i];
	return NULL;
}

bool
task_dispatches(const struct task *t)
{
	return t->dispatches;
}
