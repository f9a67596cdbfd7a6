/* flow.h - styled text that grows at its end: a streaming answer, token by token.
 *
 *	struct flow f = {0};
 *	flow_add(&f, token, n, prob, FLOW_DIFFER);	// prob NAN: unshaded
 *	flow_draw(&f, c, r);				// word-wrapped; stays at the end until the reader scrolls up
 *	flow_action(&f, A_UP); flow_clear(&f); flow_free(&f);
 *
 * Tokens may be cut anywhere, also inside a UTF-8 sequence: clusters are found in the whole text. */
#ifndef T2_WIDGETS_FLOW_H
#define T2_WIDGETS_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include "engine/base/strbuf.h"
#include "tui/binding.h"
#include "tui/canvas.h"

enum {
	FLOW_DIFFER = 1, /* underlined: not what the base model says */
	FLOW_DIM = 2,
	FLOW_STRONG = 4,
};

struct flow_span {
	size_t from; /* first byte */
	float prob;  /* NAN: unshaded */
	unsigned flags;
};

struct flow {
	struct strbuf text;
	struct flow_span *span;
	int nspan, cap;
	int top, rows, height; /* as last drawn */
	bool held;	       /* the reader has scrolled away from the end */
	bool streaming;	       /* a block cursor stands at the end */
};

bool flow_add(struct flow *f, const char *s, size_t n, double prob,
	      unsigned flags); /* false: no memory */
void flow_clear(struct flow *f);
void flow_free(struct flow *f);
const char *flow_text(const struct flow *f); /* never NULL */
void flow_draw(struct flow *f, struct canvas *c, struct rect r);
bool flow_action(struct flow *f, enum action a); /* A_UP .. A_PAGE_DOWN, A_TOP, A_BOTTOM */

#endif
