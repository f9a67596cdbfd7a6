/* ask.h - inside the Ask view.  Private to tui/views/ask*.c. */
#ifndef T2_VIEW_ASK_H
#define T2_VIEW_ASK_H

#include "store/decisions.h"
#include "tui/asking.h"
#include "tui/view.h"
#include "tui/widgets/editor.h"
#include "tui/widgets/flow.h"
#include "tui/widgets/table.h"
#include "tui/world.h"

enum { ASK_PROMPT, ASK_PASS1, ASK_ANSWER, ASK_HISTORY, ASK_LAYERS, ASK_PANES };
enum { ASK_STRATEGIES = 64, ASK_TOKENS = 128 };

/* What a pass said, copied out of the job. */
struct ask_result {
	char **label;
	double *score;
	int labels;
	char *said, *base;
	char strategy[300], decision[128],
		expert[128]; /* expert: whose z pass 2 ran under; "" none or several */
	double ms1, ms2, switch_ms, tokens_per_s, kl;
	int tokens;
	bool mixed; /* pass 2 ran under a mixture */
	int64_t id;
	struct t2_err lost; /* why it is not in the history */
};

struct ask_piece {
	float logprob;
	size_t len;
	char text[];
};

/* mean |z-1| of each layer of the expert that was read last. */
struct ask_moved {
	char expert[128];
	double *mean; /* [layers]; NULL: could not be read, for this reason */
	struct t2_err err;
};

struct ask {
	struct world *w;
	struct editor editor;
	char strategy[ASK_STRATEGIES][300], asked[300];
	char written[300]; /* a mixture that has no name, as another view sent it; "": none */
	int nstrategy, choice;
	bool running, with_base;
	struct ask_result *pass1, *done;
	struct flow answer;
	char *base;
	struct ask_moved moved;
	struct decision_list history;
	struct table table;
};

void ask_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r);

#endif
