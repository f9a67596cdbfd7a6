#include "tui/strategy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum t2_status
add_candidate(struct strategy *s, struct workspace *ws, const struct expert_row *row,
	      struct t2_err *err)
{
	struct candidate *v = realloc(s->cand, ((size_t)s->ncand + 1) * sizeof *v);
	struct zset *z;
	enum t2_status st;

	if (!v)
		return t2_nomem(err, "experts");
	s->cand = v;
	if ((st = workspace_expert_zset(ws, row->id, &z, err)))
		return st;
	v[s->ncand].z = z;
	v[s->ncand].expert = strdup(row->name);
	v[s->ncand].category = strdup(row->task[0] ? row->task : row->name);
	s->ncand++;
	return v[s->ncand - 1].expert && v[s->ncand - 1].category ? T2_OK
								  : t2_nomem(err, "experts");
}

static enum t2_status
all_candidates(struct strategy *s, struct workspace *ws, struct t2_err *err)
{
	struct expert_list l;
	enum t2_status st = store_expert_list(ws->store, ws->model_id, &l, err);

	for (int i = 0; !st && i < l.n; i++)
		if (!l.v[i].dispatch)
			st = add_candidate(s, ws, &l.v[i], err);
	expert_list_free(&l);
	return st;
}

static enum t2_status
named_candidates(struct strategy *s, struct workspace *ws, const char *names, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	for (const char *p = names; *p && !st;) {
		size_t n = strcspn(p, ",");
		struct arena a = {0};
		struct expert_row row;
		char name[200];

		if (n >= sizeof name)
			return t2_fail(err, T2_ENOTFOUND, "expert %.40s...: no such expert", p);
		snprintf(name, sizeof name, "%.*s", (int)n, p);
		st = store_expert_find(ws->store, ws->model_id, name, &row, &a, err);
		for (int i = 0; i < s->ncand && !st; i++)
			if (!strcmp(s->cand[i].expert, row.name))
				st = t2_fail(err, T2_EINVAL, "experts: %s is named twice", name);
		if (!st)
			st = add_candidate(s, ws, &row, err);
		arena_free(&a);
		p += n + (p[n] == ',');
	}
	return st;
}

/* prompt and cls: the candidates, and the task whose question pass 1 asks: that of z^c where there is one. */
static enum t2_status
open_dispatch(struct strategy *s, struct workspace *ws, bool with_classifier, const char *experts,
	      struct t2_err *err)
{
	struct arena a = {0};
	struct expert_row row;
	struct t2_err none;
	enum t2_status st;

	s->kind = ANSWER_DISPATCH;
	st = experts ? named_candidates(s, ws, experts, err) : all_candidates(s, ws, err);
	if (!st && !s->ncand)
		st = t2_fail(err, T2_ENOTFOUND,
			     "strategy %s: the model has no experts to choose from; \"t2tui "
			     "train\" makes one, or use --strategy none",
			     s->name);
	if (st)
		return st;
	st = store_expert_dispatcher(ws->store, ws->model_id, &row, &a, &none);
	if (!st)
		st = workspace_task(row.task, &s->dispatch, err);
	else if (st == T2_ENOTFOUND && !with_classifier)
		st = T2_OK;
	else
		st = t2_fail(err, st, "strategy cls: %s", none.msg);
	if (!st && with_classifier)
		st = workspace_expert_zset(ws, row.id, &s->classifier, err);
	arena_free(&a);
	return st;
}

static enum t2_status
open_mixture(struct strategy *s, struct workspace *ws, const struct mixture_row *m,
	     struct t2_err *err)
{
	for (int i = 0; i < m->parts; i++)
		json_object_set_new(s->mixture, m->part[i].name, json_real(m->part[i].alpha));
	return workspace_mixture_zset(ws, m, &s->fixed, err);
}

/* few-shot: T is a name or a folder; mixtures are kept under the task's own name. */
static enum t2_status
searched_mixture(struct workspace *ws, const char *task, struct mixture_row *m, struct arena *a,
		 struct t2_err *err)
{
	struct task *t = NULL;
	enum t2_status st;

	if (!strchr(task, '/'))
		return store_mixture_for_task(ws->store, ws->model_id, task, m, a, err);
	if (!(st = workspace_task(task, &t, err)))
		st = store_mixture_for_task(ws->store, ws->model_id, task_name(t), m, a, err);
	task_free(t);
	return st;
}

static enum t2_status
open_fixed(struct strategy *s, struct workspace *ws, const char *spec, const char *task,
	   bool transfer, struct t2_err *err)
{
	struct arena a = {0};
	struct mixture_row m;
	enum t2_status st;

	s->kind = ANSWER_FIXED;
	if (!strcmp(spec, "none"))
		return T2_OK;
	if (!strcmp(spec, "few-shot")) {
		if (!task)
			return t2_fail(err, T2_EINVAL,
				       "strategy few-shot: --task T is needed: whose searched "
				       "mixture to use");
		st = searched_mixture(ws, task, &m, &a, err);
		if (!st)
			st = open_mixture(s, ws, &m, err);
	} else if (!strncmp(spec, "mix:", 4) && !strchr(spec, '=')) {
		st = store_mixture_find(ws->store, ws->model_id, spec + 4, &m, &a, err);
		if (!st)
			st = open_mixture(s, ws, &m, err);
	} else {
		st = workspace_zset(ws, spec, transfer, &s->fixed, s->note, err);
		if (!st && !strncmp(spec, "expert:", 7))
			json_object_set_new(s->mixture, spec + 7, json_real(1));
		for (const char *p = spec + 4; !st && !strncmp(spec, "mix:", 4) && *p;) {
			size_t n = strcspn(p, ",");
			const char *eq = memchr(p, '=', n);
			char name[200];

			snprintf(name, sizeof name, "%.*s", eq ? (int)(eq - p) : (int)n, p);
			json_object_set_new(s->mixture, name, json_real(eq ? atof(eq + 1) : 0));
			p += n + (p[n] == ',');
		}
	}
	arena_free(&a);
	return st;
}

/* cls where there is a z^c, else prompt; where there is nothing to choose from the base model answers, and it is said. */
static enum t2_status
standard(struct workspace *ws, const char **spec, char *note, size_t size, struct t2_err *err)
{
	struct expert_list l;
	enum t2_status st = store_expert_list(ws->store, ws->model_id, &l, err);

	if (st)
		return st;
	*spec = l.n ? "prompt" : "none";
	for (int i = 0; i < l.n; i++)
		if (l.v[i].dispatch)
			*spec = "cls";
	if (!l.n)
		snprintf(note, size, "the model has no experts yet: its base weights answer");
	expert_list_free(&l);
	return T2_OK;
}

enum t2_status
strategy_open(struct strategy *s, struct workspace *ws, const char *spec, const char *experts,
	      const char *task, bool transfer, struct t2_err *err)
{
	enum t2_status st;

	memset(s, 0, sizeof *s);
	if (!spec && (st = standard(ws, &spec, s->note, sizeof s->note, err)))
		return st;
	snprintf(s->name, sizeof s->name, "%s", spec);
	s->mixture = json_object();
	if (!strategy_known(spec))
		st = t2_fail(err, T2_EINVAL, "strategy %s: " STRATEGY_WORDS " is wanted", spec);
	else if (!strcmp(spec, "prompt") || !strcmp(spec, "cls"))
		st = open_dispatch(s, ws, !strcmp(spec, "cls"), experts, err);
	else
		st = open_fixed(s, ws, spec, task, transfer, err);
	if (st)
		strategy_close(s);
	return st;
}

void
strategy_close(struct strategy *s)
{
	for (int i = 0; i < s->ncand; i++) {
		zset_free((struct zset *)s->cand[i].z);
		free((char *)s->cand[i].expert);
		free((char *)s->cand[i].category);
	}
	free(s->cand);
	zset_free(s->fixed);
	zset_free(s->classifier);
	task_free(s->dispatch);
	json_decref(s->mixture);
	memset(s, 0, sizeof *s);
}

json_t *
strategy_mixture(const struct strategy *s, int decision)
{
	if (s->kind == ANSWER_FIXED || decision < 0)
		return s->kind == ANSWER_FIXED ? json_incref(s->mixture) : json_object();
	return json_pack("{s:f}", s->cand[decision].expert, 1.0);
}

static void
hash_zset(struct hash *h, const struct zset *z)
{
	for (int i = 0; z && i < z->count; i++) {
		if (!z->z[i])
			continue; /* ones: as if it were not there */
		hash_bytes(h, &i, sizeof i);
		hash_bytes(h, z->z[i], (size_t)z->rank[i] * sizeof *z->z[i]);
	}
	hash_text(h, "");
}

enum t2_status
strategy_hash(const struct strategy *s, char out[HASH_TEXT], struct t2_err *err)
{
	char question[HASH_TEXT] = "boxed";
	enum t2_status st = T2_OK;
	struct hash h;

	hash_start(&h);
	if (s->kind == ANSWER_FIXED) {
		hash_text(&h, "fixed");
		hash_zset(&h, s->fixed);
	} else {
		if (s->dispatch)
			st = task_hash(s->dispatch, NULL, question, err);
		hash_text(&h, s->classifier ? "cls" : "prompt");
		hash_text(&h, question);
		hash_zset(&h, s->classifier);
		for (int i = 0; i < s->ncand; i++) {
			hash_text(&h, s->cand[i].expert);
			hash_text(&h, s->cand[i].category);
			hash_zset(&h, s->cand[i].z);
		}
	}
	hash_end(&h, out);
	return st;
}

bool
strategy_known(const char *spec)
{
	static const char *const words[] = {"none", "prompt", "cls", "few-shot"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(spec, words[i]))
			return true;
	return !strncmp(spec, "expert:", 7) || !strncmp(spec, "mix:", 4);
}

bool
strategy_needs_factors(const char *spec)
{
	return !spec || strcmp(spec, "none");
}
