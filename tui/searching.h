/* searching.h - a few-shot search as a kept run: iterations in the store, resumable, a mixture at its end. */
#ifndef T2_SEARCHING_H
#define T2_SEARCHING_H

#include <jansson.h>

#include "engine/adapt/search.h"
#include "store/runs.h"
#include "tui/workspace.h"

struct cli;

struct searching_options {
	const char *experts, *name, *split; /* experts "A,B" */
	const char *resume;		    /* a run; its own task, experts and settings are used */
	struct search_settings settings;
	uint64_t seed;
};

struct searching {
	json_t *iterations, *alpha; /* [{best, mean}], {expert: alpha or [per matrix]} */
	double fitness;
	char name[128]; /* of the mixture */
	int64_t run;
};

/* After an iteration: what it reached, and the search itself for its best member so far (search_alpha()). */
typedef void searching_fn(void *arg, const struct search *s, const struct search_report *r);
enum t2_status searching_run(struct searching *out, struct workspace *ws, const char *task,
			     const struct searching_options *o, searching_fn *on_iteration,
			     void *arg, struct job *job, struct t2_err *err);
/* `t2tui run resume RUN` for a search */
int searching_resume_verb(struct cli *c, const struct run_row *row);
void searching_free(struct searching *s);

#endif
