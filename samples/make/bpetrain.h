/* bpetrain.h - training a byte-level BPE tokenizer, written as tokenizer.json.
 *
 *	bpetrain_new(&b, err);
 *	bpetrain_text(b, text, err);			// any number of times
 *	bpetrain_train(b, 1024, 50, err);		// at most 1024 entries, of pairs seen 50 times at least
 *	bpetrain_write(b, "samples/model", err);	// tokenizer.json, tokenizer_config.json
 *	bpetrain_free(b);
 *
 * Text is cut by GPT-2's expression.  Entry 0 is the end token, 1 to 256 are the bytes, then merges in order.  Words of two
 * capitals or more teach nothing, so that such a word stays one token a letter.  Ties between pairs: the lower ids. */
#ifndef T2_WORLD_BPETRAIN_H
#define T2_WORLD_BPETRAIN_H

#include "engine/base/status.h"

#define BPE_END_TEXT "<|endoftext|>"

struct bpetrain;

enum t2_status bpetrain_new(struct bpetrain **out, struct t2_err *err);
void bpetrain_free(struct bpetrain *b);
enum t2_status bpetrain_text(struct bpetrain *b, const char *text, struct t2_err *err);
enum t2_status bpetrain_train(struct bpetrain *b, int max_size, long min_count, struct t2_err *err);
int bpetrain_size(const struct bpetrain *b);
enum t2_status bpetrain_write(const struct bpetrain *b, const char *dir, struct t2_err *err);

#endif
