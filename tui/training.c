#include "tui/training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"

struct loop {
	struct workspace *ws;
	const struct training_sink *sink;
	struct training_result *out;
	struct train_settings set;
	struct task *task;
	struct trainer *trainer;
	uint64_t seed;
	int64_t resumed; /* the run to go on with */
	char task_arg[1000], name[128];
	int best_step, start_correct, start_n;
	bool asked;	    /* somebody asked it to stop */
	int kept;	    /* steps that the store has */
	const char *losing; /* what a failure of the store costs: of which step; NULL: nothing */
	double best, said;  /* said: when the store last heard how far a validation is */
	struct job *job;
};

static char *
settings_text(const struct loop *l)
{
	json_t *o = train_settings_json(&l->set);
	char *s;

	json_object_set_new(o, "task", json_string(l->task_arg));
	json_object_set_new(o, "seed", json_integer((json_int_t)l->seed));
	json_object_set_new(o, "name", json_string(l->name));
	s = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(17));
	json_decref(o);
	return s;
}

static enum t2_status
settings_read(struct loop *l, const char *text, struct t2_err *err)
{
	const char *task, *name;
	int seed = 0;
	json_t *o;
	enum t2_status st = json_read_bytes(&o, text, strlen(text), "the run's settings", err);

	if (st)
		return st;
	if (!(st = train_settings_from_json(&l->set, o, "the run's settings", err)) &&
	    !(st = json_want_string(o, "task", &task, "the run's settings", err)) &&
	    !(st = json_want_string(o, "name", &name, "the run's settings", err)) &&
	    !(st = json_want_int(o, "seed", 0, 2147483647, &seed, "the run's settings", err))) {
		snprintf(l->task_arg, sizeof l->task_arg, "%s", task);
		snprintf(l->name, sizeof l->name, "%s", name);
		l->seed = (uint64_t)seed;
	}
	json_decref(o);
	return st;
}

/* Another run that an expert of that name is to come from, at work or left to be resumed; T2_ENOTFOUND: none. */
static enum t2_status
spoken_for(const struct loop *l, const char *name, struct run_row *by, struct arena *a,
	   struct t2_err *err)
{
	return store_run_unfinished(l->ws->store, l->ws->model_id, "train", name, l->out->run, by,
				    a, err);
}

/* A name that no expert of the model has, nor a run that is not done: TASK, TASK-2 ... */
static enum t2_status
free_name(struct loop *l, const char *base, struct t2_err *err)
{
	enum t2_status bad = store_name_check("expert", base, err);

	if (bad)
		return t2_wrap(err, bad, "task \"%s\" names no expert; give --name", base);
	for (int i = 1; i < 10000; i++) {
		struct arena a = {0};
		struct expert_row row;
		struct run_row by;
		struct t2_err none;
		enum t2_status st;

		if (i == 1)
			snprintf(l->name, sizeof l->name, "%.100s", base);
		else
			snprintf(l->name, sizeof l->name, "%.100s-%d", base, i);
		st = store_expert_find(l->ws->store, l->ws->model_id, l->name, &row, &a, &none);
		if (st == T2_ENOTFOUND)
			st = spoken_for(l, l->name, &by, &a, &none);
		arena_free(&a);
		if (st == T2_ENOTFOUND)
			return T2_OK;
		if (st)
			return t2_fail(err, st, "%s", none.msg);
	}
	return t2_fail(err, T2_EINVAL, "expert %s: too many of that name; give --name", base);
}

/* An expert's name must be free before an hour of training, not after it. */
static enum t2_status
claim_name(struct loop *l, const char *name, struct t2_err *err)
{
	struct arena a = {0};
	struct expert_row row;
	struct run_row by;
	struct t2_err none;
	enum t2_status st;

	if ((st = store_name_check("expert", name, err)))
		return st;
	st = store_expert_find(l->ws->store, l->ws->model_id, name, &row, &a, &none);
	if (st == T2_OK) {
		st = t2_fail(err, T2_EINVAL, "expert %s: the name is taken; choose another", name);
	} else if (st == T2_ENOTFOUND) {
		st = spoken_for(l, name, &by, &a, &none);
		if (st == T2_OK)
			st = workspace_spoken_for("expert", &by, err);
		else if (st == T2_ENOTFOUND)
			snprintf(l->name, sizeof l->name, "%s", name);
	}
	arena_free(&a);
	if (st == T2_ENOTFOUND)
		return T2_OK;
	return st == T2_EINVAL ? st : t2_fail(err, st, "%s", none.msg);
}

static enum t2_status
save_checkpoint(struct loop *l, const char *kind, struct t2_err *err)
{
	struct strbuf b = {0};
	enum t2_status st;

	trainer_save(l->trainer, &b);
	st = b.failed ? t2_nomem(err, "checkpoint")
		      : store_checkpoint_put(l->ws->store, l->out->run, kind,
					     trainer_steps(l->trainer), b.s, b.len, err);
	strbuf_free(&b);
	return st;
}

/* Runs inside the step's transaction: a validation and the checkpoint it crowns are kept together. */
static enum t2_status
keep_validation(struct loop *l, int step, int correct, int n, struct t2_err *err)
{
	struct run_validation v = {.step = step, .correct = correct, .n = n, .split = "validation"};
	double accuracy = n ? (double)correct / n : 0;
	enum t2_status st = store_validation_put(l->ws->store, l->out->run, &v, err);

	if (st || accuracy <= l->best)
		return st;
	l->best = accuracy;
	l->best_step = step;
	st = store_run_best(l->ws->store, l->out->run, step, accuracy, err);
	if (!st)
		st = save_checkpoint(l, "best", err);
	return st;
}

static enum t2_status
keep_step(struct loop *l, const struct step_report *r, struct t2_err *err)
{
	struct run_metric m = {.step = r->step,
			       .reward = r->reward,
			       .loss = r->loss,
			       .kl = r->kl,
			       .grad_norm = r->grad_norm,
			       .length = r->length,
			       .tokens = r->tokens,
			       .ms = r->ms,
			       .zmean = r->zmean,
			       .zcount = r->zcount};
	enum { SHOWN = 16 };
	struct run_rollout v[SHOWN];
	int n = 0, stride = r->rollouts.n > SHOWN ? r->rollouts.n / SHOWN : 1;
	struct strbuf q = {0};
	char *prompt[SHOWN];
	enum t2_status st = store_run_step(l->ws->store, l->out->run, &m, err);

	for (int i = 0; i < r->rollouts.n && n < SHOWN && !st; i += stride, n++) {
		const struct rollout *o = &r->rollouts.v[i];

		st = task_question(l->task, "train", o->item, &q, err);
		prompt[n] = strbuf_take(&q);
		v[n] = (struct run_rollout){.step = r->step,
					    .position = i,
					    .prompt = prompt[n],
					    .answer = (char *)o->text,
					    .gold = (char *)task_gold(l->task, "train", o->item),
					    .reward = o->correct ? 1 : -1};
	}
	if (!st)
		st = store_rollouts_put(l->ws->store, l->out->run, v, n, err);
	for (int i = 0; i < n; i++)
		free(prompt[i]);
	if (!st)
		st = save_checkpoint(l, "last", err);
	return st;
}

static bool
due(const struct loop *l, int step)
{
	return l->set.eval_every > 0 && (step % l->set.eval_every == 0 || step == l->set.steps);
}

bool
training_validated(const char *message, int *done, int *of)
{
	return message && sscanf(message, "validating %*[^:]: %d of %d", done, of) == 2;
}

/* Twice a second at most.  A store that cannot take this note says so when the validation itself is to be kept. */
static void
validating(void *arg, int done, int of)
{
	struct loop *l = arg;
	int step = trainer_steps(l->trainer);
	double now = clock_seconds();
	char text[100];

	if (done && now - l->said < 0.5)
		return;
	l->said = now;
	if (step)
		snprintf(text, sizeof text, "validating step %d: %d of %d answers", step, done, of);
	else
		snprintf(text, sizeof text, "validating the base before step 1: %d of %d answers",
			 done, of);
	store_run_say(l->ws->store, l->out->run, text, NULL);
}

static enum t2_status
validate(struct loop *l, int step, struct t2_err *err)
{
	int correct, n;
	enum t2_status st;

	l->losing = "the validation of step";
	trainer_watch(l->trainer, validating, l);
	st = trainer_validate(l->trainer, "validation", &correct, &n, l->job, err);
	if (st)
		return st;
	if (!(st = store_begin(l->ws->store, err))) {
		st = keep_validation(l, step, correct, n, err);
		if (!st)
			st = store_run_say(l->ws->store, l->out->run, "", err);
		if (!st)
			st = store_commit(l->ws->store, err);
		if (st)
			store_rollback(l->ws->store);
	}
	if (!st && l->sink && l->sink->eval)
		l->sink->eval(l->sink->arg, step, "validation", correct, n);
	return st;
}

static enum t2_status
validated(struct loop *l, int step, bool *seen, struct t2_err *err)
{
	struct validation_list v;
	enum t2_status st = store_validation_list(l->ws->store, l->out->run, &v, err);

	*seen = false;
	if (st)
		return st;
	for (int i = 0; i < v.n; i++)
		*seen = *seen || v.v[i].step == step;
	free(v.v);
	return T2_OK;
}

static enum t2_status
one_step(struct loop *l, struct t2_err *err)
{
	struct step_report r;
	enum t2_status st = trainer_step(l->trainer, &r, l->job, err);

	if (st)
		return st;
	l->losing = "step";
	if (!(st = store_begin(l->ws->store, err))) {
		st = keep_step(l, &r, err);
		if (!st)
			st = store_commit(l->ws->store, err);
		if (st)
			store_rollback(l->ws->store);
	}
	if (!st)
		l->kept = trainer_steps(l->trainer);
	if (!st && l->sink && l->sink->step)
		l->sink->step(l->sink->arg, &r);
	step_report_free(&r);
	return st;
}

static enum t2_status
steps(struct loop *l, struct t2_err *err)
{
	bool stop = false, seen = true;
	enum t2_status st = T2_OK;

	/* a validation that the kill came before is made up for: the curve is the uninterrupted one's */
	if (l->set.eval_every > 0 &&
	    (trainer_steps(l->trainer) == 0 || due(l, trainer_steps(l->trainer))))
		st = validated(l, trainer_steps(l->trainer), &seen, err);
	if (!st && !seen)
		st = validate(l, trainer_steps(l->trainer), err);
	while (!st && trainer_steps(l->trainer) < l->set.steps) {
		l->losing = NULL;
		st = store_run_beat(l->ws->store, l->out->run, &stop, err);
		l->asked = !st && stop;
		if (l->asked) /* for who reads it in a shell; the workbench has a key for that */
			return t2_fail(err, T2_ECANCEL,
				       "stopped by request; \"t2tui run resume %lld\" goes on",
				       (long long)l->out->run);
		if (!st)
			st = one_step(l, err);
		if (!st && due(l, trainer_steps(l->trainer)))
			st = validate(l, trainer_steps(l->trainer), err);
	}
	return st;
}

/* Somebody may have taken the name during the run (two trainers, an import): the work is kept under another one. */
static enum t2_status
still_free(struct loop *l, struct t2_err *err)
{
	struct arena a = {0};
	struct expert_row row;
	char wanted[sizeof l->name];
	enum t2_status st =
		store_expert_find(l->ws->store, l->ws->model_id, l->name, &row, &a, err);
	size_t n = strlen(l->out->note);

	arena_free(&a);
	if (st == T2_ENOTFOUND)
		return T2_OK;
	memcpy(wanted, l->name, sizeof wanted);
	if (st || (st = free_name(l, wanted, err)))
		return st;
	snprintf(l->out->note + n, sizeof l->out->note - n,
		 "%sthe name %s was taken meanwhile: kept as %s", n ? "; " : "", wanted, l->name);
	return T2_OK;
}

/* What is kept: the best validation from step 0 on; if nothing beat the start, or nothing was validated, the last step. */
static enum t2_status
save_expert(struct loop *l, struct t2_err *err)
{
	struct expert_row row = {.run = l->out->run,
				 .base_accuracy = NAN,
				 .accuracy = NAN,
				 .dispatch =
					 task_categories(l->task) > 0 && task_dispatches(l->task)};
	struct validation_list v;
	struct expert *e = NULL;
	void *state = NULL;
	size_t n;
	int64_t id;
	int step;
	enum t2_status st;

	if (l->set.eval_every > 0 && l->best_step > 0) {
		if ((st = store_checkpoint_get(l->ws->store, l->out->run, "best", &step, &state, &n,
					       err)))
			return st;
		st = trainer_load(l->trainer, state, n, err);
		free(state);
		if (st)
			return st;
	} else if (l->set.eval_every > 0) {
		snprintf(l->out->note, sizeof l->out->note,
			 "no validation beat the start (%.3g): the last step is kept", l->best);
	}
	if ((st = store_validation_list(l->ws->store, l->out->run, &v, err)))
		return st;
	for (int i = 0; i < v.n; i++) {
		double a = v.v[i].n ? (double)v.v[i].correct / v.v[i].n : 0;

		if (v.v[i].step == 0)
			row.base_accuracy = a;
		if (v.v[i].step == trainer_steps(l->trainer)) {
			row.accuracy = a;
			row.accuracy_n = v.v[i].n;
		}
	}
	free(v.v);
	if ((st = trainer_expert(l->trainer, &e, err)))
		return st;
	if ((st = still_free(l, err))) {
		expert_free(e);
		return st;
	}
	snprintf(e->name, sizeof e->name, "%s", l->name);
	snprintf(e->task, sizeof e->task, "%s", task_name(l->task));
	snprintf(e->method, sizeof e->method, "svf");
	st = store_expert_add(l->ws->store, l->ws->model_id, l->ws->model, e, &row, &id, err);
	expert_free(e);
	if (!st)
		snprintf(l->out->expert, sizeof l->out->expert, "%s", l->name);
	return st;
}

/* The run's row and the checkpoint that it can be resumed from, in the caller's transaction. */
static enum t2_status
begin_run(struct loop *l, struct t2_err *err)
{
	char *text = settings_text(l);
	struct run_row row = {.kind = "train",
			      .model = l->ws->model_id,
			      .name = l->name,
			      .task = (char *)task_name(l->task),
			      .settings = text,
			      .steps = l->set.steps};
	enum t2_status st = text ? store_run_start(l->ws->store, &row, &l->out->run, err)
				 : t2_nomem(err, "settings");

	if (!st)
		st = save_checkpoint(l, "last", err);
	free(text);
	return st;
}

static enum t2_status
open_run(struct loop *l, const struct training_options *o, struct t2_err *err)
{
	struct train_env env = {.model = l->ws->model,
				.factors = l->ws->factors,
				.pool = l->ws->pool,
				.tok = l->ws->tok,
				.chat = l->ws->chat,
				.task = l->task};
	enum t2_status st = trainer_new(&l->trainer, &env, &l->set, l->seed, NULL, err);

	if (st || o->resume)
		return st;
	if ((st = store_begin(l->ws->store, err)))
		return st;
	/* again, now that nobody can take it between this and the run's row */
	st = o->name ? claim_name(l, o->name, err) : free_name(l, task_name(l->task), err);
	if (!st)
		st = begin_run(l, err);
	if (!st)
		st = store_commit(l->ws->store, err);
	if (st) {
		store_rollback(l->ws->store);
		l->out->run = 0;
	}
	return st;
}

static enum t2_status
resume_state(struct loop *l, struct t2_err *err)
{
	struct validation_list v;
	void *state = NULL;
	size_t n;
	int step;
	enum t2_status st = store_run_claim(l->ws->store, l->resumed, err);

	if (st)
		return st;
	l->out->run = l->resumed;
	if ((st = store_checkpoint_get(l->ws->store, l->out->run, "last", &step, &state, &n, err)))
		return st;
	st = trainer_load(l->trainer, state, n, err);
	free(state);
	if (!st)
		st = store_run_rewind(l->ws->store, l->out->run, step, err);
	l->kept = step;
	if (!st)
		st = store_validation_list(l->ws->store, l->out->run, &v, err);
	if (st)
		return st;
	for (int i = 0; i < v.n; i++) {
		double a = v.v[i].n ? (double)v.v[i].correct / v.v[i].n : 0;

		if (a > l->best) {
			l->best = a;
			l->best_step = v.v[i].step;
		}
	}
	free(v.v);
	return T2_OK;
}

static enum t2_status
choose(struct loop *l, const struct training_options *o, struct t2_err *err)
{
	struct arena a = {0};
	struct run_row row;
	enum t2_status st;

	if (o->resume) {
		st = store_run_find(l->ws->store, o->resume, &row, &a, err);
		if (!st && strcmp(row.kind, "train"))
			st = t2_fail(err, T2_EINVAL,
				     "run %s: a search; \"t2tui search --resume\" goes on with it",
				     o->resume);
		else if (!st && row.model != l->ws->model_id)
			st = t2_fail(err, T2_EMISMATCH, "run %s: of model %s, not of this one",
				     o->resume, row.model_name);
		else if (!st && !strcmp(row.status, "done"))
			st = t2_fail(err, T2_EINVAL, "run %s: is done; there is nothing to resume",
				     o->resume);
		if (!st)
			st = settings_read(l, row.settings, err);
		l->resumed = st ? 0 : row.id;
		arena_free(&a);
		return st ? st : workspace_task(l->task_arg, &l->task, err);
	}
	l->set = o->settings;
	l->seed = o->seed;
	if ((st = workspace_task(o->task, &l->task, err)))
		return st;
	workspace_task_spec(o->task, l->task_arg, sizeof l->task_arg);
	return o->name ? claim_name(l, o->name, err) : free_name(l, task_name(l->task), err);
}

/* A store that takes no more: what that cost, what is there, and how it goes on. */
static enum t2_status
say_losses(const struct loop *l, enum t2_status st, struct t2_err *err)
{
	struct t2_err why = *err;
	char lost[80] = "nothing is lost";

	if (l->losing)
		snprintf(lost, sizeof lost, "%s %d is lost", l->losing, trainer_steps(l->trainer));
	return t2_fail(err, st,
		       "run %lld: %s, steps to %d are kept: %.300s; then \"t2tui run resume %lld\" "
		       "goes on",
		       (long long)l->out->run, lost, l->kept, why.msg, (long long)l->out->run);
}

/* The run's last word.  Of one that failed the message at hand is the one to tell: a run whose end could not be written shows
 * as interrupted, which it is. */
static enum t2_status
finish(struct loop *l, enum t2_status st, struct t2_err *err)
{
	struct t2_err mine;
	enum t2_status end = store_run_finish(l->ws->store, l->out->run, l->out->status,
					      l->asked ? "stopped by request"
					      : st     ? err->msg
						       : l->out->note,
					      &mine);

	if (st || !end)
		return st;
	snprintf(l->out->status, sizeof l->out->status, "failed");
	return t2_fail(err, end,
		       "run %lld: expert %s is kept, but not that the run is done: %.300s",
		       (long long)l->out->run, l->out->expert, mine.msg);
}

enum t2_status
training_run(struct workspace *ws, const struct training_options *o,
	     const struct training_sink *sink, struct job *job, struct training_result *out,
	     struct t2_err *err)
{
	struct loop l = {
		.ws = ws, .sink = sink, .out = out, .best = -1, .best_step = 0, .job = job};
	struct t2_err mine;
	enum t2_status st;

	if (!err)
		err = &mine;

	memset(out, 0, sizeof *out);
	out->best_accuracy = NAN;
	snprintf(out->status, sizeof out->status, "failed");
	if (!(st = choose(&l, o, err)) && !(st = open_run(&l, o, err)) &&
	    !(o->resume && (st = resume_state(&l, err)))) {
		if (sink && sink->start)
			sink->start(sink->arg, out->run, l.name, &l.set, trainer_lr(l.trainer),
				    trainer_values(l.trainer));
		st = steps(&l, err);
		if (!st) {
			l.losing = "the expert of step";
			st = save_expert(&l, err);
		}
		if (st == T2_EIO || st == T2_EBUSY || st == T2_EDB)
			st = say_losses(&l, st, err);
		snprintf(out->status, sizeof out->status, "%s",
			 !st		    ? "done"
			 : st == T2_ECANCEL ? "stopped"
					    : "failed");
		st = finish(&l, st, err);
	}
	out->best_step = l.best_step;
	if (l.best >= 0)
		out->best_accuracy = l.best;
	trainer_free(l.trainer);
	task_free(l.task);
	return st;
}
