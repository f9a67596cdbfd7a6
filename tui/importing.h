/* importing.h - an expert file into the store, for the verb and the view.
 *
 *	struct importing_options o = {.file = path, .otherwise = "sample"};
 *	workspace_start(&ws, threads, store, err);
 *	importing_run(&got, &ws, &o, job, err);		// got.name, got.id
 *
 * It goes to the model that the file names by its fingerprint where the store knows that model.  A file of raw parameters
 * (scale reference) needs sigma: matrices that are not decomposed yet are then, which takes its time. */
#ifndef T2_IMPORTING_H
#define T2_IMPORTING_H

#include <stdbool.h>

#include "engine/base/job.h"
#include "tui/workspace.h"

struct importing_options {
	const char *file;
	const char *name;      /* NULL: the file's own, else what the file is called */
	const char *model;     /* NULL: the one it names, or */
	const char *otherwise; /* this one */
	bool transfer;	       /* an expert of another model where shapes fit */
};

struct importing {
	int64_t id, model; /* rows of the store */
	char name[128], model_name[256];
	char note[256]; /* "" or what the user should know */
	bool taken;	/* it failed for that: the model has an expert of this name */
};

/* ws has a store; the model is opened in it. */
enum t2_status importing_run(struct importing *out, struct workspace *ws,
			     const struct importing_options *o, struct job *job,
			     struct t2_err *err);

#endif
