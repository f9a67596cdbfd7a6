/* weights.h - the weights a verb runs under, from --expert, --mix, --transfer and --form.
 *
 *	struct weights w;
 *	int rc = weights_open(c, 0, WS_TEXT, &w);	// opens MODEL (position 0) with what the options need
 *	if (rc) return rc;
 *	forward_run(f, adaptation_op(w.ad), ...);
 *	weights_close(&w);
 */
#ifndef T2_WEIGHTS_H
#define T2_WEIGHTS_H

#include <limits.h>

#include "engine/svf/adaptation.h"
#include "tui/cli.h"

#define WEIGHT_OPTS                                                                                \
	{"--expert", "NAME", "an expert of the store, or an expert file"},                         \
		{"--mix", "NAME", "a mixture of the store, or A=0.6,B=0.4"},                       \
		{"--transfer", NULL, "allow an expert of another model where shapes fit"},         \
	{                                                                                          \
		"--form", "FORM", "base, dense, factored, delta or auto"                           \
	}

struct weights {
	struct adaptation *ad;	   /* one slot */
	struct zset *z;		   /* NULL: the base model */
	char label[PATH_MAX + 16]; /* "none", "expert:math", "mix:..." */
	enum form form;
};

int weights_open(struct cli *c, int pos, int what,
		 struct weights *w); /* exit status; messages are printed */
void weights_close(struct weights *w);

#endif
