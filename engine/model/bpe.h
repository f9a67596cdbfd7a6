/* bpe.h - byte-pair merging: a word to ids.
 *
 *	bpe_merge(&b, left, right, rank, id);		// in any order; the last one for a pair holds
 *	bpe_ready(&b, &vocab, where, err);
 *	bpe_encode(&b, &scratch, word, len, &ids, err);	// word is UTF-8
 *
 * Lowest rank first, leftmost on a tie, by a heap: n log n in the length of the word, so that a text without word
 * boundaries costs no more than one with.  A character that is no piece becomes byte pieces <0x00> .. <0xFF> where the model
 * has them, else the unknown piece, else nothing.  Immutable once ready; the scratch belongs to one thread. */
#ifndef T2_BPE_H
#define T2_BPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/status.h"
#include "engine/model/tokenizer.h"
#include "engine/model/vocab.h"

enum { BPE_DIRECT = 0x800 }; /* characters below are looked up in a table */

struct bpe_pair {
	uint64_t key; /* left << 32 | right; all ones: empty */
	uint32_t rank;
	int32_t id;
};

struct bpe {
	const struct vocab *vocab;
	struct bpe_pair *pairs; /* open addressing */
	uint32_t mask, count;
	int unk;       /* -1: none */
	bool fuse_unk; /* a run of unknown characters is one piece */
	bool byte_fallback;
	bool ignore_merges; /* a word that is a piece is that piece, whatever the merges say */
	int hidden;	    /* pieces from this id on only exist while merging (0: no such) */
	int byte_id[256];   /* -1: none */
	int32_t direct[BPE_DIRECT];
};

struct bpe_symbol {
	int32_t id, prev, next; /* id -1: merged into its left neighbour */
};

struct bpe_item {
	uint64_t key; /* rank << 32 | position */
	int32_t id;
};

struct bpe_scratch {
	struct bpe_symbol *sym;
	int n, cap;
	struct bpe_item *heap;
	size_t items, room;
};

enum t2_status bpe_merge(struct bpe *b, int left, int right, uint32_t rank, int id,
			 struct t2_err *err);
/* Fills the tables from the vocabulary, which must stay. */
void bpe_ready(struct bpe *b, const struct vocab *v);
void bpe_free(struct bpe *b);
enum t2_status bpe_encode(const struct bpe *b, struct bpe_scratch *s, const char *word, size_t len,
			  struct ids *out, struct t2_err *err);
void bpe_scratch_free(struct bpe_scratch *s);

#endif
