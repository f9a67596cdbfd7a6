/* svf.h - models and factors for tests of the SVF layer.
 *
 *	if (!bed_open(&b, "models/tinystories-656k", 2)) skip();
 *	bed_decompose(&b);			// b.f: our own SVD, cached in a folder that goes at exit
 *	struct factors *g = bed_golden(&b);	// the goldens' factors of T instead
 *	bed_close(&b);
 *
 * Anything that fails fails the test. */
#ifndef T2_TEST_SVF_H
#define T2_TEST_SVF_H

#include <stdbool.h>

#include "engine/base/pool.h"
#include "engine/model/model.h"
#include "engine/svf/expert.h"
#include "engine/svf/factors.h"
#include "tests/lib/tensors.h"

struct bed {
	struct model *m;
	struct pool *pool;
	struct factors *f;
	const char *cache;
	float **vt; /* [matrices] transposed by bed_golden() */
	struct factors *golden;
	struct tensors file;
};

bool bed_open(struct bed *b, const char *model, int threads); /* false: the model is not there */
void bed_close(struct bed *b);
void bed_decompose(struct bed *b);
struct factors *bed_golden(struct bed *b); /* owned by b */

/* The goldens' expert of this name ("T.plain_a_all"), or "mix_0.6a_0.4b". */
struct zset *bed_expert(struct bed *b, const struct factors *f, const char *name);

/* logits[n][vocab] of one sequence in one slot. */
struct linear;
float *bed_logits(struct bed *b, const struct linear *op, const int *ids, int n, int slot);
/* max |difference| / max |golden| over a golden row's positions (top logits and logsumexp). */
double bed_compare(struct bed *b, const float *logits, const json_t *row);
int bed_ids(const json_t *list, int **out); /* the caller frees */

#endif
