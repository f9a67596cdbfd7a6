/* detok.h - from pieces back to text: a chain of steps over a stream of pieces.
 *
 *	detok_add(&d, &(struct detok_step){.kind = DETOK_BYTES}, where, err);
 *	struct detok_run r = {.chain = &d};
 *	detok_push(&r, piece, len, &out);	// for each piece; appends what has become certain
 *	detok_end(&r, &out);
 *	detok_run_free(&r);
 *
 * Whole and streamed decoding are the same code.  Up to DETOK_FUSE or DETOK_BYTES a step sees pieces, behind it one text
 * that comes in parts.  out->failed, or r.failed, says that memory ran out.  The chain is immutable once built. */
#ifndef T2_DETOK_H
#define T2_DETOK_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/status.h"
#include "engine/base/strbuf.h"

enum { DETOK_STEPS = 16, DETOK_TEXT = 64 };

enum detok_kind {
	DETOK_REPLACE,	     /* from by to */
	DETOK_BYTE_FALLBACK, /* runs of <0x..>: their bytes, or U+FFFD for each when they are not UTF-8 */
	DETOK_FUSE,	     /* all pieces become one text */
	DETOK_STRIP,	     /* at most left and right times from, at the ends */
	DETOK_BYTES,	     /* GPT-2's visible characters to bytes, then as DETOK_FUSE */
	DETOK_MARK,	     /* from by a space; by nothing in the first piece, when left is set */
	DETOK_JOIN,	     /* a space between pieces: what a missing decoder means */
};

struct detok_step {
	enum detok_kind kind;
	char from[DETOK_TEXT], to[DETOK_TEXT];
	size_t from_len, to_len;
	int left, right;
};

struct detok {
	struct detok_step steps[DETOK_STEPS];
	int n, fused; /* steps before index fused see pieces */
};

struct detok_run {
	const struct detok *chain;
	struct detok_state {
		struct strbuf held; /* what may still change */
		int stripped;	    /* STRIP: on the left so far; -1 once other text came */
		bool started;	    /* JOIN, MARK: a piece came */
	} state[DETOK_STEPS];
	struct strbuf scratch[DETOK_STEPS];
	bool failed;
};

enum t2_status detok_add(struct detok *d, const struct detok_step *step, const char *where,
			 struct t2_err *err);
void detok_push(struct detok_run *r, const char *piece, size_t len, struct strbuf *out);
void detok_end(struct detok_run *r, struct strbuf *out);
void detok_run_free(struct detok_run *r);

#endif
