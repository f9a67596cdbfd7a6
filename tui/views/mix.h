/* mix.h - inside the Mix view.  Private to tui/views/mix*.c. */
#ifndef T2_VIEW_MIX_H
#define T2_VIEW_MIX_H

#include <stdatomic.h>

#include "store/mixtures.h"
#include "tui/app.h"
#include "tui/heat.h"
#include "tui/mixing.h"
#include "tui/plot.h"
#include "tui/view.h"
#include "tui/widgets/editor.h"
#include "tui/widgets/flow.h"
#include "tui/widgets/table.h"
#include "tui/world.h"

enum { MIX_SLIDERS, MIX_Z, MIX_SAVED, MIX_ANSWERS, MIX_PROMPT, MIX_SEARCH, MIX_PANES };
enum { MIX_COLUMNS = 5, MIX_TOKENS = 128 };

enum mix_event {
	MIX_VECTORS = 1, /* struct mix_vectors */
	MIX_STATS,	 /* struct mix_stats */
	MIX_TOKEN,	 /* struct mix_token */
	MIX_ENDED,	 /* struct mix_figure: tokens a second */
	MIX_KL,		 /* struct mix_figure */
	MIX_ASKED,    /* the answers' thread is idle or gone; uint64_t: the ask that it did last */
	MIX_STEP,     /* struct mix_step: an iteration of the search */
	MIX_SEARCHED, /* struct mix_searched: how the search ended */
};

/* The experts' z, read beside the screen and shared with whoever computes with them. */
struct mix_vectors {
	atomic_int refs;
	int k;
	int64_t *id;
	struct zset **z;
};

/* What z does to each matrix. */
struct mix_stats {
	uint64_t of; /* struct mix.changes when it was asked for */
	int n;
	double *far, *mean, *lo, *hi; /* [n] mean |z - 1|, mean z - 1, least and greatest z */
};

enum mix_kind { COLUMN_BASE, COLUMN_EXPERT, COLUMN_MIXTURE, COLUMN_PIN };
enum mix_state { COLUMN_IDLE, COLUMN_ASKED, COLUMN_STREAMS, COLUMN_DONE, COLUMN_STOPPED };

struct mix_column {
	enum mix_kind kind;
	int64_t expert;	   /* COLUMN_EXPERT */
	uint64_t uid, ask; /* its own number; of the ask that fills it */
	char name[200];
	struct mixing set; /* what it was, or is to be, asked with */
	bool dirty;	   /* set or prompt have changed since it was asked */
	enum mix_state state;
	struct flow flow;
	int id[MIX_TOKENS], span[MIX_TOKENS],
		n;  /* tokens; span of the flow, -1: no text of its own */
	int differ; /* tokens that are not base's */
	double rate, kl;
};

struct mix_search; /* mix_search.c */
struct mix_asking; /* what the answers' thread and the view share: mix_answers.c */

struct mix_row {
	int expert, group; /* group -1: the expert itself; else a layer or a matrix */
};

enum mix_per { PER_EXPERT, PER_LAYER, PER_MATRIX };

struct mix {
	struct world *w;
	struct app *app;
	int mats, layers;
	struct mixing set;
	struct mix_vectors *vectors; /* NULL: being read */
	bool reading;
	char name[MIXING_NAME]; /* of the mixture; a draft's too */
	bool saved;		/* as the store has it */
	uint64_t changes;	/* counts every change of set */

	/* sliders */
	int sel, group, top; /* the expert, -1 or its group; first row shown */
	enum mix_per per;
	bool typing;
	struct editor value;
	double edited_at; /* for one undo step a drag */
	int edited_row;
	struct rect rows; /* as drawn */
	int switches_y;

	/* z */
	struct mix_stats stats;
	bool stats_running, is_signed;
	int layer, kind;
	struct heat_map heat;

	/* saved */
	struct mixture_list list;
	struct table table;
	char empty[KEYS_TEXT]; /* what the table says without rows */

	/* answers */
	struct mix_column column[MIX_COLUMNS];
	int ncolumns, at; /* at: the selected one */
	int first_shown, shown;
	uint64_t uids, busy; /* busy: the ask that is being worked on; 0: none */
	bool automatic, asked_once;
	struct mix_asking *asking; /* NULL: no thread */
	struct editor prompt;
	char *asked_prompt;

	struct mix_search *search;
};

static inline int
mix_matrix(const struct mix *s)
{
	return s->layer * MAT_KINDS + s->kind;
}

/* mix.c */
void mix_changed(struct mix *s); /* set is another one now: z and answers follow */
void mix_named(struct mix *s, const char *name, bool saved);
bool mix_load(struct mix *s, const struct mixture_row *row); /* false: said why */
void mix_undo_point(struct mix *s, const char *what);

/* mix_vectors.c */
void mix_vectors_read(struct mix *s);
void mix_vectors_drop(void *vectors);
struct mix_vectors *mix_vectors_ref(struct mix_vectors *x);
/* z of m's experts; false: some are not read yet. */
bool mix_vectors_of(const struct mix_vectors *x, const struct mixing *m,
		    const struct zset *z[MIXING_EXPERTS]);
void mix_stats_update(struct mix *s);
void mix_stats_take(struct mix *s, struct mix_stats *x);
void mix_stats_free(void *stats);

/* mix_sliders.c */
int mix_rows(const struct mix *s);
struct mix_row mix_row(const struct mix *s, int i);
bool mix_sliders_action(struct view *v, struct mix *s, enum action a);
bool mix_sliders_key(struct view *v, struct mix *s, int key);
bool mix_sliders_mouse(struct view *v, struct mix *s, const struct mouse *m);
void mix_sliders_type(struct view *v, struct mix *s, const char *text);
void mix_sliders_end(struct mix *s, double value);
void mix_sliders_per(struct mix *s);
void mix_sliders_normalise(struct mix *s);
void mix_sliders_draw(struct view *v, struct mix *s, struct canvas *c, struct rect r);

/* mix_answers.c */
void mix_columns_open(struct mix *s);
void mix_columns_close(struct mix *s);
void mix_columns_refresh(struct mix *s); /* experts may have gone, alphas have changed */
void mix_column_expert(struct mix *s, int e);
void mix_column_pin(struct mix *s, const struct mixing *set, const char *name);
void mix_column_remove(struct mix *s, int i);
int mix_column_of(const struct mix *s, int64_t expert); /* -1: not shown */
void mix_ask(struct mix *s, bool all, bool pause);
bool mix_ask_stop(struct mix *s); /* false: nothing runs */
void mix_answers_event(struct mix *s, const struct event *e);
bool mix_answers_action(struct view *v, struct mix *s, enum action a);
bool mix_answers_mouse(struct view *v, struct mix *s, const struct mouse *m);

/* mix_saved.c */
void mix_saved_open(struct mix *s);
void mix_saved_read(struct mix *s);
void mix_saved_draft(struct mix *s); /* names the mixture draft-1, or the next that is free */
bool mix_is_kept(const struct mix *s, const char *name);
void mix_save_as(struct mix *s, const char *name, bool then_ask);
void mix_save_prompt(struct mix *s, bool then_ask);
void mix_saved_ask(struct mix *s, bool of_list); /* goes to Ask */
bool mix_saved_action(struct mix *s, enum action a);

/* mix_search.c */
bool mix_search_open(struct mix *s);
void mix_search_close(struct mix *s);
void mix_search_start(struct mix *s);
bool mix_search_stop(struct mix *s); /* false: none runs */
bool mix_search_runs(const struct mix *s);
bool mix_search_action(struct view *v, struct mix *s, enum action a);
bool mix_search_key(struct view *v, struct mix *s, int key);
bool mix_search_paste(struct mix *s, const char *text); /* false: no field takes letters */
bool mix_search_mouse(struct view *v, struct mix *s, const struct mouse *m);
bool mix_search_dump(const struct mix *s, struct strbuf *out);
void mix_search_event(struct mix *s, const struct event *e);
void mix_search_draw(struct view *v, struct mix *s, struct canvas *c, struct rect r);

/* mix_draw.c */
void mix_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r);
bool mix_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out);

#endif
