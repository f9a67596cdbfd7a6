/* batches.h - the corpus as batches of tokens, a function of seed and step.
 *
 *	batches_new(&s, tokenizer, seed);
 *	batches_get(s, step, &batch, err);	// borrowed until the next call
 *	batches_free(s);
 *
 * A batch is 24 documents, each between two end tokens and a sequence by itself.  The documents of 16 batches are drawn at
 * once and sorted by length, so that a batch holds documents of a kind; then the 16 come in random order. */
#ifndef T2_WORLD_BATCHES_H
#define T2_WORLD_BATCHES_H

#include <stdint.h>

#include "engine/base/status.h"
#include "engine/model/tokenizer.h"
#include "engine/train/pretrain.h"

struct batches;

enum t2_status batches_new(struct batches **out, const struct tokenizer *t, uint64_t seed,
			   struct t2_err *err);
void batches_free(struct batches *s);
enum t2_status batches_get(struct batches *s, int step, struct pretrain_batch *out,
			   struct t2_err *err);

#endif
