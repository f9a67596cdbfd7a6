/* training.h - a training run from settings to kept expert: the loop of `t2tui train`, writing to the store as it goes.
 *
 *	training_run(&ws, &options, &sink, &job, &result, err);
 *
 * One transaction a step: metrics, rollouts and the checkpoint that the next step starts from; SIGKILL loses the step in
 * flight.  The heartbeat and the wish to stop go through the store as well. */
#ifndef T2_TRAINING_H
#define T2_TRAINING_H

#include "engine/train/settings.h"
#include "engine/train/trainer.h"
#include "store/runs.h"
#include "tui/workspace.h"

struct cli;

struct training_options {
	const char *task, *name; /* name NULL: TASK, TASK-2 ... */
	struct train_settings settings;
	uint64_t seed;
	const char *resume; /* a run: its own task, settings and seed are used */
};

struct training_sink {
	void *arg;
	void (*start)(void *arg, int64_t run, const char *name, const struct train_settings *s,
		      double lr, long values);
	void (*step)(void *arg, const struct step_report *r);
	void (*eval)(void *arg, int step, const char *split, int correct, int n);
};

struct training_result {
	int64_t run;
	char status[16], expert[128]; /* expert "": none was saved (a stopped or failed run) */
	char note[512];		      /* "" or e.g. that nothing beat the start */
	int best_step;
	double best_accuracy; /* NaN: never validated */
};

enum t2_status training_run(struct workspace *ws, const struct training_options *o,
			    const struct training_sink *sink, struct job *job,
			    struct training_result *out, struct t2_err *err);

/* How far a validation is, of a running run's message ("validating step 20: 40 of 200 answers"); false: it is at none. */
bool training_validated(const char *message, int *done, int *of);

/* Starts `t2tui train ...` as a process of its own, detached, its output to a log file; returns once its run is in the
 * store (*run),
 * or fails with what it said.  A cancelled job (may be NULL) ends the waiting and the process. argv: the verb's arguments after "train". */
enum t2_status training_detach(struct workspace *ws, const char *const *argv, int argc,
			       int64_t *run, struct job *job, struct t2_err *err);

/* `t2tui run resume RUN` */
int training_resume_verb(struct cli *c, const struct run_row *row);

#endif
