/* vocab.h - the numbered pieces of a tokenizer: id to bytes and back.
 *
 *	struct vocab v = {.expect = 50257};
 *	vocab_add(&v, 262, "\xc4\xa0the", 5, VOCAB_MODEL, "tokenizer.json", err);
 *	int id = vocab_find(&v, "\xc4\xa0the", 5);	// -1: none
 *	vocab_free(&v);
 *
 * Each piece occurs once and is UTF-8.  Ids may leave holes, but they stay below 2 * expect, so that a file cannot ask for
 * more memory than its size. */
#ifndef T2_VOCAB_H
#define T2_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/status.h"
#include "engine/base/strbuf.h"

enum {
	VOCAB_MAX = 1 << 24,	   /* ids are below */
	VOCAB_PIECE_MAX = 1 << 16, /* bytes of a piece */
};

enum vocab_flags {
	VOCAB_MODEL = 1,   /* the model's own: what merging may find */
	VOCAB_ADDED = 2,   /* cut out of the text before the model sees it */
	VOCAB_SPECIAL = 4, /* control, not text */
};

struct vocab_piece {
	uint32_t off;
	int32_t len; /* -1: no such id */
	uint8_t flags;
};

struct vocab {
	struct strbuf text; /* all pieces, each followed by a NUL */
	struct vocab_piece *pieces;
	int expect;	   /* pieces to come, at least */
	int n, cap, count; /* n: highest id + 1; count: pieces */
	int32_t *slots;	   /* open addressing: id, or -1 */
	uint32_t mask;
};

/* where names the file in messages. */
enum t2_status vocab_add(struct vocab *v, int id, const char *s, size_t len, int flags,
			 const char *where, struct t2_err *err);
void vocab_free(struct vocab *v);
int vocab_find(const struct vocab *v, const char *s, size_t len);
/* The same among VOCAB_MODEL pieces only. */
int vocab_find_model(const struct vocab *v, const char *s, size_t len);
const char *vocab_piece(const struct vocab *v, int id, size_t *len); /* NULL: none */

#endif
