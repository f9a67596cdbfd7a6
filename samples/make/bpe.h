/* bpe.h - training a byte-level BPE tokenizer, written as tokenizer.json.
 *
 *	bpe_new(&b, err);
 *	bpe_text(b, text, err);			// any number of times
 *	bpe_train(b, 1024, 50, err);		// at most 1024 entries, of pairs seen 50 times at least
 *	bpe_write(b, "samples/model", err);	// tokenizer.json, tokenizer_config.json
 *	bpe_free(b);
 *
 * Text is cut by GPT-2's expression.  Entry 0 is the end token, 1 to 256 are the bytes, then merges in order.  Words of two
 * capitals or more teach nothing, so that such a word stays one token a letter.  Ties between pairs: the lower ids. */
#ifndef T2_WORLD_BPE_H
#define T2_WORLD_BPE_H

#include "engine/base/status.h"

#define BPE_END_TEXT "<|endoftext|>"

struct bpe;

enum t2_status bpe_new(struct bpe **out, struct t2_err *err);
void bpe_free(struct bpe *b);
enum t2_status bpe_text(struct bpe *b, const char *text, struct t2_err *err);
enum t2_status bpe_train(struct bpe *b, int max_size, long min_count, struct t2_err *err);
int bpe_size(const struct bpe *b);
enum t2_status bpe_write(const struct bpe *b, const char *dir, struct t2_err *err);

#endif
