/* places.h - models on disk: which of those known are still there, and what lies beside one of them.
 *
 *	places_look(&l, known, n, model_path, job, err);	// a job's work: folders are read
 *	l.v[0 .. n) are the known ones in their order, the rest was found; l.v[i].there
 *	places_free(&l);
 *
 * Beside a model: other models in its folder, in folders there, and in the folders next to it.  A folder counts as a
 * model when it holds config.json and .safetensors files. */
#ifndef T2_PLACES_H
#define T2_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/arena.h"
#include "engine/base/job.h"
#include "engine/base/status.h"

enum { PLACES_MAX = 256 }; /* found ones */

struct place {
	const char *path; /* absolute, without links */
	bool there;
	int64_t bytes; /* of the weights' files */
};

struct place_list {
	struct place *v;
	int n, cap, known;
	struct arena arena;
};

/* beside may be NULL. */
enum t2_status places_look(struct place_list *out, const char *const *known, int n,
			   const char *beside, struct job *job, struct t2_err *err);
void places_free(struct place_list *l);

#endif
