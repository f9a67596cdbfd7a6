/* beside.h - a second model beside the open one, to compare spectra with: read by a job from its cached factors.
 *
 *	beside_start(app, w, path, name);	// w->beside and WORLD_BESIDE once it is read; beside_drop(app, w) takes it away
 *	const struct beside_matrix *x = beside_find(w->beside, "model.layers.0.mlp.up_proj.weight");
 *	if (x && x->sigma) ...			// NULL: not decomposed
 *
 * It holds copies: neither the model nor its factors stay open. */
#ifndef T2_BESIDE_H
#define T2_BESIDE_H

#include "engine/base/arena.h"
#include "engine/base/job.h"
#include "engine/svf/spectrum.h"

struct app;
struct world;

struct beside_matrix {
	const char *name;
	int m, n, r;
	const double *sigma; /* [r]; NULL: not decomposed */
	struct spectrum_stats stats;
};

struct beside {
	char path[1024], name[256];
	struct beside_matrix *v; /* sorted by name */
	int n, have;
	struct arena arena;
};

enum t2_status beside_read(struct beside **out, const char *path, const char *cache,
			   struct job *job, struct t2_err *err);
void beside_free(struct beside *b);
const struct beside_matrix *beside_find(const struct beside *b, const char *name); /* NULL: none */

/* name: what the user knows it by; "": what it calls itself. */
void beside_start(struct app *a, struct world *w, const char *path, const char *name);
void beside_drop(struct app *a, struct world *w);

#endif
