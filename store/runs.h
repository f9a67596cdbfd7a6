/* runs.h - training runs and searches: their settings, curves, checkpoints and rollouts, and whether they live.
 *
 *	store_run_start(s, &row, &id, err);			// status running, this process's pid and start time
 *	store_begin(s, err);					// one transaction a step
 *	store_run_step(s, id, &metric, err); store_checkpoint_put(s, id, "last", step, blob, n, err);
 *	store_commit(s, err);
 *	store_run_finish(s, id, "done", "", err);
 *
 * A run whose row says running but whose process (pid and its start time) is gone shows as "interrupted". */
#ifndef T2_STORE_RUNS_H
#define T2_STORE_RUNS_H

#include "store/store.h"

struct run_row {
	/* model_path: what opens the model, "sample" for the shipped one */
	int64_t id, model;
	char *kind, *name, *task, *settings, *status, *message, *model_name,
		*model_path;	      /* status: see above */
	int step, steps, best_step;   /* best_step -1: none */
	double reward, best_accuracy; /* NaN: none yet */
	int64_t pid, pid_start;
	double heartbeat, started, seconds;
	bool stop, shipped;
};

struct run_list {
	struct run_row *v;
	int n, cap;
	struct arena arena;
};

struct run_metric {
	int step;
	double reward, loss, kl, grad_norm,
		length; /* length: mean new tokens a rollout; NaN: not known */
	long tokens;
	double ms;
	const float *zmean; /* mean |z - 1| per matrix of the model, or NULL */
	int zcount;
};

struct metric_list {
	struct run_metric *v;
	int n, cap;
	struct arena arena; /* zmean */
};

struct run_validation {
	int step, correct, n;
	char split[24];
};

struct validation_list {
	struct run_validation *v;
	int n, cap;
};

struct run_rollout {
	int step, position;
	char *prompt, *answer, *gold;
	double reward;
};

struct rollout_list {
	struct run_rollout *v;
	int n, cap;
	struct arena arena;
};

enum t2_status store_run_start(struct store *s, const struct run_row *row, int64_t *id,
			       struct t2_err *err);
/* Takes over an interrupted, stopped or failed run: status running, this process.  T2_EBUSY while its process lives. */
enum t2_status store_run_claim(struct store *s, int64_t id, struct t2_err *err);
enum t2_status store_run_step(struct store *s, int64_t id, const struct run_metric *m,
			      struct t2_err *err);
enum t2_status store_run_best(struct store *s, int64_t id, int step, double accuracy,
			      struct t2_err *err);
enum t2_status store_run_finish(struct store *s, int64_t id, const char *status,
				const char *message, struct t2_err *err);
/* Heartbeat, and *stop: somebody asked it to stop. */
enum t2_status store_run_beat(struct store *s, int64_t id, bool *stop, struct t2_err *err);
/* What a run is at, for those who watch it; its end (store_run_finish) replaces it. */
enum t2_status store_run_say(struct store *s, int64_t id, const char *text, struct t2_err *err);
enum t2_status store_run_ask_stop(struct store *s, int64_t id, struct t2_err *err);

enum t2_status store_run_list(struct store *s, int64_t model, struct run_list *out,
			      struct t2_err *err); /* newest first */
void run_list_free(struct run_list *l);
/* By number or by name (the newest of that name). */
enum t2_status store_run_find(struct store *s, const char *which, struct run_row *out,
			      struct arena *a, struct t2_err *err);
/* The newest run of this kind and name on a model that is at work or left to be resumed, but for one (0: none excepted): its
 * name is spoken for.  T2_ENOTFOUND: there is none. */
enum t2_status store_run_unfinished(struct store *s, int64_t model, const char *kind,
				    const char *name, int64_t but, struct run_row *out,
				    struct arena *a, struct t2_err *err);

enum t2_status store_metric_list(struct store *s, int64_t run, int after_step,
				 struct metric_list *out, struct t2_err *err);
void metric_list_free(struct metric_list *l);
enum t2_status store_validation_put(struct store *s, int64_t run, const struct run_validation *v,
				    struct t2_err *err);
enum t2_status store_validation_list(struct store *s, int64_t run, struct validation_list *out,
				     struct t2_err *err);
/* Forgets metrics and validations after a step: a resumed run goes on from its checkpoint. */
enum t2_status store_run_rewind(struct store *s, int64_t run, int step, struct t2_err *err);

enum t2_status store_checkpoint_put(struct store *s, int64_t run, const char *kind, int step,
				    const void *state, size_t n, struct t2_err *err);
/* *state is malloced; T2_ENOTFOUND: none of that kind. */
enum t2_status store_checkpoint_get(struct store *s, int64_t run, const char *kind, int *step,
				    void **state, size_t *n, struct t2_err *err);

/* Replaces the rollouts kept for a run by these (the latest step's). */
enum t2_status store_rollouts_put(struct store *s, int64_t run, const struct run_rollout *v, int n,
				  struct t2_err *err);
enum t2_status store_rollout_list(struct store *s, int64_t run, struct rollout_list *out,
				  struct t2_err *err);
void rollout_list_free(struct rollout_list *l);

/* Start time of a process in clock ticks since boot; 0: no such process. */
int64_t process_start(int64_t pid);

#endif
