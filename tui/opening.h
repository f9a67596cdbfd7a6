/* opening.h - another model into the running workbench: a job opens it beside the old one, then it takes its place.
 *
 *	opening_start(app, w, "~/models/smol.gguf");	// a path, a name of the store, "sample"
 *	opening_run(app, w, NULL);			// asks for it first; app_config.open
 *
 * What is no model leaves the old one open, with an error that says why.  Jobs on the old model end; where one of them would
 * lose something, the user is asked first.  Trainers are processes of their own and go on. */
#ifndef T2_OPENING_H
#define T2_OPENING_H

struct app;
struct world;

void opening_start(struct app *a, struct world *w, const char *model);
void opening_run(struct app *a, void *world, const char *model);

#endif
