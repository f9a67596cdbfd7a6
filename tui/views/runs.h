/* runs.h - inside the Runs view.  Private to tui/views/runs*.c. */
#ifndef T2_VIEW_RUNS_H
#define T2_VIEW_RUNS_H

#include "store/runs.h"
#include "tui/app.h"
#include "tui/plot.h"
#include "tui/view.h"
#include "tui/widgets/table.h"
#include "tui/world.h"

enum { RUNS_LIST, RUNS_REWARD, RUNS_MORE, RUNS_Z, RUNS_ROLLOUTS, RUNS_SETTINGS, RUNS_PANES };
enum { RUNS_OVERLAY = 6 };

/* One run's curves, read step by step as they come. */
struct run_curves {
	int64_t id;
	int n, cap;
	double *step, *reward, *loss, *kl, *norm, *length, *tokens, *ms;
	float *zmean; /* [n][zcount], NULL: none kept */
	int zcount;
	struct validation_list val;
	double *vstep, *vacc, *vlo, *vhi; /* [val.n] as rewards are: 2 * accuracy - 1 */
};

struct runs {
	struct world *w;
	struct run_list list;
	struct table table;
	char empty[KEYS_TEXT];	  /* what the table says without rows */
	struct run_curves *curve; /* of every run looked at so far */
	int ncurves;
	struct rollout_list rollouts;
	int64_t rollouts_of;
	int rollouts_step;
	double cursor; /* a step, NaN: none */
	int more;      /* which curve RUNS_MORE shows */
	bool diff;     /* RUNS_SETTINGS shows what differs among marked runs */
	int scroll;    /* of rollouts */
	struct plot_map plot;
};

extern const char *const runs_more_name[];
enum { MORE_NORM, MORE_LENGTH, MORE_KL, MORE_LOSS, MORE_TIME, MORES };

/* runs_resume.c */
bool runs_resumable(const struct run_row *r);
void runs_resume(struct view *v, void *state, const char *arg);
const struct run_row *runs_selected(const struct runs *s);  /* NULL: none */
struct run_curves *runs_curves(struct runs *s, int64_t id); /* read up to now; NULL: no memory */
void runs_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r);
bool runs_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out);

#endif
