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
enum runs_event { RUNS_WANT = 1 }; /* something was drawn that is not read yet */

/* One run's curves, read step by step as they come. */
struct run_curves {
	int64_t id;
	bool anew;   /* to be read from the first step on */
	bool known;  /* read, when its row had */
	int at;	     /* this step */
	double beat; /* and this heartbeat */
	int n, cap;
	double *step, *reward, *loss, *kl, *norm, *length, *tokens, *ms;
	float *zmean; /* [n][zcount], NULL: none kept */
	int zcount;
	struct validation_list val;
	double *vstep, *vacc, *vlo, *vhi; /* [val.n] as rewards are: 2 * accuracy - 1 */
};

struct runs {
	struct view *v;
	struct world *w;
	struct run_list list; /* world_runs() */
	struct table table;
	char empty[KEYS_TEXT];	  /* what the table says without rows */
	struct run_curves *curve; /* of every run looked at so far */
	int ncurves;
	struct rollout_list
		rollouts; /* of the selected run, or of the one before until they are read */
	int64_t rollouts_of;
	int rollouts_step;
	int reading;	/* job that reads curves and rollouts; 0: none */
	bool again;	/* after that another one */
	bool wanting;	/* RUNS_WANT is on its way */
	bool anew;	/* the next one reads all of it once more */
	double asked;	/* when the job began, clock_seconds() */
	int64_t wanted; /* to be selected when it is in the list; 0: none */
	double cursor;	/* a step, NaN: none */
	int more;	/* which curve RUNS_MORE shows */
	bool diff;	/* RUNS_SETTINGS shows what differs among marked runs */
	int scroll;	/* of rollouts */
	struct plot_map plot;
};

extern const char *const runs_more_name[];
enum { MORE_NORM, MORE_LENGTH, MORE_KL, MORE_LOSS, MORE_TIME, MORES };

/* runs_resume.c */
bool runs_resumable(const struct run_row *r);
void runs_resume(struct view *v, void *state, const char *arg);
const struct run_row *runs_selected(const struct runs *s); /* NULL: none */
/* As far as they are read; what is not is asked for.  NULL: no memory. */
struct run_curves *runs_curves(struct view *v, struct runs *s, int64_t id);
/* runs_read.c: what is new of the runs looked at, as a job. */
void runs_read(struct view *v, struct runs *s);
void runs_curves_clear(struct run_curves *k);
void runs_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r);
bool runs_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out);

#endif
