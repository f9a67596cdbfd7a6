#include "tui/shipped.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/model/model.h"
#include "engine/svf/expert.h"
#include "store/evals.h"
#include "store/experts.h"
#include "store/models.h"
#include "store/runs.h"
#include "tui/paths.h"

/* fingerprint NULL: whichever sample it is. */
static enum t2_status
registered(struct store *s, const char *fingerprint, bool *yes, struct t2_err *err)
{
	struct model_list l;
	enum t2_status st = store_model_list(s, &l, err);

	*yes = false;
	if (st)
		return st;
	for (int i = 0; i < l.n; i++)
		*yes = *yes || (l.v[i].shipped &&
				(!fingerprint || !strcmp(l.v[i].fingerprint, fingerprint)));
	model_list_free(&l);
	return T2_OK;
}

static double
real_or_nan(const json_t *obj, const char *key)
{
	json_t *v = json_object_get(obj, key);

	return json_is_number(v) ? json_number_value(v) : NAN;
}

/* One step of a recorded run; z as it moved is there for runs recorded with it. */
static enum t2_status
add_step(struct store *s, int64_t run, const json_t *v, struct t2_err *err)
{
	struct run_metric m = {.step = (int)json_integer_value(json_object_get(v, "step")),
			       .reward = real_or_nan(v, "reward"),
			       .loss = real_or_nan(v, "loss"),
			       .kl = real_or_nan(v, "kl"),
			       .grad_norm = real_or_nan(v, "grad_norm"),
			       .length = real_or_nan(v, "length"),
			       .tokens = (long)json_integer_value(json_object_get(v, "tokens")),
			       .ms = json_number_value(json_object_get(v, "ms"))};
	json_t *z = json_object_get(v, "zmean");
	size_t n = json_array_size(z);
	float *zmean = n ? malloc(n * sizeof *zmean) : NULL;
	enum t2_status st;

	for (size_t i = 0; zmean && i < n; i++)
		zmean[i] = (float)json_number_value(json_array_get(z, i));
	if (zmean) {
		m.zmean = zmean;
		m.zcount = (int)n;
	}
	st = store_run_step(s, run, &m, err);
	free(zmean);
	return st;
}

static enum t2_status
add_rollouts(struct store *s, int64_t run, const json_t *list, const char *where,
	     struct t2_err *err)
{
	size_t n = json_array_size(list), i;
	struct run_rollout *v = calloc(n + 1, sizeof *v);
	enum t2_status st = v ? T2_OK : t2_nomem(err, "rollouts");
	json_t *o;

	json_array_foreach (list, i, o) {
		const char *prompt = "", *answer = "", *gold = "";

		if (st || (st = json_want_string(o, "prompt", &prompt, where, err)) ||
		    (st = json_want_string(o, "answer", &answer, where, err)) ||
		    (st = json_want_string(o, "gold", &gold, where, err)))
			break;
		v[i] = (struct run_rollout){
			.step = (int)json_integer_value(json_object_get(o, "step")),
			.position = (int)json_integer_value(json_object_get(o, "position")),
			.prompt = (char *)prompt,
			.answer = (char *)answer,
			.gold = (char *)gold,
			.reward = json_number_value(json_object_get(o, "reward"))};
	}
	if (!st)
		st = store_rollouts_put(s, run, v, (int)n, err);
	free(v);
	return st;
}

/* One recorded run, as `t2tui run export --json` writes it. */
static enum t2_status
add_run(struct store *s, int64_t model, const json_t *o, const char *where, int64_t *run,
	struct t2_err *err)
{
	json_t *settings = json_object_get(o, "settings"),
	       *steps = json_object_get(o, "steps_done"), *v;
	char *text = json_is_object(settings) ? json_dumps(settings, JSON_COMPACT) : strdup("{}");
	struct run_row row = {.model = model, .settings = text, .shipped = true};
	const char *kind = "train", *name = "", *task = "";
	int total = 0, best = -1;
	size_t i;
	enum t2_status st;

	if (!(st = json_opt_string(o, "kind", &kind, where, err)) &&
	    !(st = json_want_string(o, "name", &name, where, err)) &&
	    !(st = json_want_string(o, "task", &task, where, err)) &&
	    !(st = json_want_int(o, "steps", 1, 1000000, &total, where, err)))
		st = json_opt_int(o, "best_step", 0, 1000000, &best, where, err);
	row.kind = (char *)kind;
	row.name = (char *)name;
	row.task = (char *)task;
	row.steps = total;
	row.started = real_or_nan(o, "started");
	if (!st)
		st = store_run_start(s, &row, run, err);
	json_array_foreach (steps, i, v) {
		if (!st)
			st = add_step(s, *run, v, err);
	}
	json_array_foreach (json_object_get(o, "validations"), i, v) {
		struct run_validation x = {
			.step = (int)json_integer_value(json_object_get(v, "step")),
			.correct = (int)json_integer_value(json_object_get(v, "correct")),
			.n = (int)json_integer_value(json_object_get(v, "n"))};

		snprintf(x.split, sizeof x.split, "validation");
		if (!st)
			st = store_validation_put(s, *run, &x, err);
	}
	if (!st)
		st = add_rollouts(s, *run, json_object_get(o, "rollouts"), where, err);
	if (!st && best >= 0)
		st = store_run_best(s, *run, best, real_or_nan(o, "best_accuracy"), err);
	if (!st)
		st = store_run_finish(s, *run, "done", "recorded with the shipped sample", err);
	free(text);
	return st;
}

/* The figures of the index as evaluations, greedy on the first n test questions; with the digests of what they were made
 * with, so that they are stale where that is not what is here. */
static enum t2_status
add_evals(struct store *s, int64_t model, const char *task, const struct expert_row *row,
	  const json_t *o, const char *where, struct t2_err *err)
{
	const char *name, *setup[2] = {NULL, NULL}, *questions = NULL;
	char strategy[300];
	enum t2_status st;

	if ((st = json_want_string(o, "name", &name, where, err)) ||
	    (st = json_opt_string(o, "base_setup_hash", &setup[0], where, err)) ||
	    (st = json_opt_string(o, "setup_hash", &setup[1], where, err)) ||
	    (st = json_opt_string(o, "task_hash", &questions, where, err)))
		return st;
	if (!setup[0] || !setup[1] || !questions || !row->accuracy_n)
		return T2_OK;
	snprintf(strategy, sizeof strategy, "expert:%s", name);
	for (int i = 0; i < 2 && !st; i++) {
		double share = i ? row->accuracy : row->base_accuracy;
		struct eval_row e = {.model = model,
				     .created = row->created,
				     .task = (char *)task,
				     .split = "test",
				     .strategy = i ? strategy : "none",
				     .n = row->accuracy_n,
				     .correct = (int)lround(share * row->accuracy_n),
				     .setup_hash = (char *)setup[i],
				     .task_hash = (char *)questions};
		int64_t id;

		if (isfinite(share))
			st = store_eval_add(s, &e, NULL, 0, &id, err);
	}
	return st;
}

static enum t2_status
add_expert(struct store *s, int64_t model, const struct model *m, const char *dir, const json_t *o,
	   const char *where, struct t2_err *err)
{
	const char *name = "", *run_file = NULL;
	struct expert_row row = {.shipped = true,
				 .base_accuracy = real_or_nan(o, "base_accuracy"),
				 .accuracy = real_or_nan(o, "accuracy"),
				 .created = real_or_nan(o, "created"),
				 .dispatch = json_is_true(json_object_get(o, "dispatch"))};
	struct expert *e = NULL;
	json_t *run = NULL;
	char path[1400];
	int64_t id;
	enum t2_status st;

	if ((st = json_want_string(o, "name", &name, where, err)) ||
	    (st = json_opt_string(o, "run", &run_file, where, err)) ||
	    (st = json_opt_int(o, "n", 0, 1000000, &row.accuracy_n, where, err)))
		return st;
	if (run_file) {
		snprintf(path, sizeof path, "%s/%s", dir, run_file);
		if (!(st = json_read_file(&run, path, err)))
			st = add_run(s, model, run, path, &row.run, err);
		json_decref(run);
		if (st)
			return st;
	}
	snprintf(path, sizeof path, "%s/%s.safetensors", dir, name);
	if ((st = expert_load(&e, path, m, NULL, false, err)))
		return st;
	snprintf(e->name, sizeof e->name, "%s", name);
	st = store_expert_add(s, model, m, e, &row, &id, err);
	if (!st)
		st = add_evals(s, model, e->task, &row, o, where, err);
	expert_free(e);
	return st;
}

/* index NULL: the model alone. */
static enum t2_status
add_all(struct store *s, const char *model_dir, const char *dir, const json_t *index,
	const char *where, struct t2_err *err)
{
	const char *made_with = NULL;
	struct model *m = NULL;
	int64_t id;
	size_t i;
	json_t *o;
	enum t2_status st = model_open(&m, model_dir, err);

	if (!st && index && !(st = json_want_string(index, "model", &made_with, where, err)) &&
	    strcmp(made_with, model_fingerprint(m)) != 0)
		st = t2_fail(err, T2_EMISMATCH,
			     "%s: these experts were made with another model than %s; "
			     "samples/make/experts.sh makes them anew",
			     where, model_dir);
	if (!st)
		st = model_call(m, "sample", err);
	if (!st)
		st = store_model_retire(s, model_fingerprint(m), err);
	if (!st)
		st = store_model_register(s, m, NULL, true, &id, err);
	json_array_foreach (json_object_get(index, "experts"), i, o) {
		if (!st)
			st = add_expert(s, id, m, dir, o, where, err);
	}
	model_free(m);
	return st;
}

enum t2_status
shipped_register(struct store *s, struct t2_err *err)
{
	char model[1024], index[1024], dir[1024];
	const char *fingerprint = NULL;
	json_t *list = NULL;
	bool yes = false;
	enum t2_status st = T2_OK;

	if (!paths_share("samples/model", model, sizeof model))
		return T2_OK;
	if (paths_share("samples/experts/index.json", index, sizeof index) &&
	    !(st = json_read_file(&list, index, err)))
		st = json_want_string(list, "model", &fingerprint, index, err);
	snprintf(dir, sizeof dir, "%s", index);
	if (strrchr(dir, '/'))
		*strrchr(dir, '/') = 0;
	if (!st)
		st = registered(s, fingerprint, &yes, err);
	if (!st && !yes && !(st = store_begin(s, err))) {
		st = registered(s, fingerprint, &yes,
				err); /* another process may have been quicker */
		if (!st && !yes)
			st = add_all(s, model, dir, list, index, err);
		if (!st)
			st = store_commit(s, err);
		if (st)
			store_rollback(s);
	}
	json_decref(list);
	return st;
}
