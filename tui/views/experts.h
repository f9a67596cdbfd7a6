/* experts.h - inside the Experts view.  Private to tui/views/experts*.c.
 *
 * The store's rows are read by one job, vectors (a million numbers an expert on a large model) and the cosines of all pairs
 * by another; until it is done they are not known and show as such.  While it runs it reads vec[] and
 * cos[], so nobody changes them. */
#ifndef T2_VIEW_EXPERTS_H
#define T2_VIEW_EXPERTS_H

#include "engine/svf/zchange.h"
#include "store/evals.h"
#include "store/runs.h"
#include "tui/app.h"
#include "tui/heat.h"
#include "tui/view.h"
#include "tui/widgets/table.h"
#include "tui/world.h"

enum { EX_LIST, EX_COSINE, EX_MAP, EX_PROFILE, EX_ABOUT, EX_PANES };
enum { EX_MOST = 200 }; /* components that a comparison lists */

enum ex_stat { EX_MEAN_ABS, EX_MEAN, EX_MAX, EX_STATS };

/* An accuracy; NaN: not measured; n 0: on how many questions is not known. */
struct ex_worth {
	double accuracy;
	int n;
};

/* What belongs to row i of the list. */
struct ex_info {
	bool here; /* of the open model */
	struct ex_worth base, own;
	const struct eval_row *eval,
		*eval_base;	   /* the newest on its task's test split; NULL: none */
	const struct run_row *run; /* NULL: none, or gone */
};

/* What is read of the store at one go. */
struct ex_rows {
	struct expert_list list; /* of all models, the open one's first: */
	int here;		 /* so many */
	struct ex_info *info;	 /* [list.n] */
	struct run_list runs;
	struct eval_list
		evals; /* the newest of each kind, by model, strategy, task, split; then newest first */
};

struct ex_vector {
	int64_t id;
	struct zset *z;		/* NULL: could not be read, */
	char why[200];		/* for this reason */
	struct zchange *change; /* [mats] */
};

struct ex_pair {
	int64_t a, b; /* 0: nothing is compared */
	struct zcompare all;
	struct zcompare *layer; /* [layers] */
	struct zchange *change; /* [mats], of z_b - z_a */
	struct zdiffer most[EX_MOST];
	int nmost;
};

struct experts {
	struct app *app;
	struct world *w;
	int mats, layers;

	struct ex_rows rows;
	int reading;		/* rows, the job; 0: none */
	bool known, read_again; /* known: they have been read once */
	struct table table;
	char empty[KEYS_TEXT]; /* what the table says without rows */

	struct ex_vector *vec;
	int nvec;
	double *cos; /* [nvec][nvec] */
	int job;     /* reading vectors; 0: none */
	bool again;  /* the list changed meanwhile */

	double *grid;	    /* [nhere][nhere]: cos in the list's order, NaN: not known */
	const char **names; /* [nhere] */
	int row, col;	    /* selected in it */

	enum ex_stat stat;
	double *value;		    /* [mats]: what the map shows */
	double scale[EX_STATS];	    /* the largest of all experts: one scale for all */
	int layer, kind, component; /* component -1: none */
	struct ex_pair pair;
	struct table most;
	int scroll; /* of EX_ABOUT */

	struct heat_map map, cosine;
	struct rect bars;
};

extern const char *const ex_stat_name[EX_STATS];

static inline int
ex_matrix(const struct experts *s)
{
	return s->layer * MAT_KINDS + s->kind;
}

int ex_selected(const struct experts *s);			     /* row of the list, -1: none */
int ex_find(const struct experts *s, int64_t id);		     /* row of the list, -1: gone */
const struct ex_vector *ex_vector(const struct experts *s, int row); /* NULL: not read yet */
double ex_stat_of(const struct zchange *c, enum ex_stat stat);
/* "0.71 [0.66 0.75]"; short: without the interval. */
const char *ex_worth_text(const struct ex_worth *w, bool brief, char *buf, size_t size);
struct ex_worth ex_eval_worth(const struct eval_row *e);

/* experts.c */
void ex_selection_moved(struct experts *s);

/* experts_rows.c */
void ex_read(struct experts *s); /* the store's rows again; they show when they are there */
void ex_rows_free(struct ex_rows *r);
/* The place of the first of that model, strategy, task and split in evals, or of what comes behind it. */
int ex_evals_first(const struct eval_list *l, const struct eval_row *kind);
/* NULL: none.  like: as many questions, at its temperature; NULL: any. */
const struct eval_row *ex_evals_newest(const struct eval_list *l, int64_t model,
				       const char *strategy, const char *task, const char *split,
				       const struct eval_row *like);

/* experts_data.c */
void
ex_take_rows(struct experts *s);   /* s->rows are new; starts the job where vectors are missing */
void ex_values(struct experts *s); /* what the map shows */
bool ex_compare(struct experts *s, int row_a,
		int row_b); /* false: not read yet, or of another model */
void ex_compare_end(struct experts *s);
void ex_data_free(struct experts *s);

/* experts_act.c: each says what it did, or why it could not. */
void ex_rename(struct experts *s, int row, const char *to); /* to NULL: asks */
void ex_import(struct experts *s, const char *path);
void ex_export(struct experts *s, int row, const char *path);

/* experts_draw.c */
void ex_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r);

/* experts_dump.c */
bool ex_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out);

/* experts_table.c */
void ex_tables(struct experts *s); /* sets up table and most */

/* experts_about.c: "label\tvalue\n" of the selected expert. */
void ex_about(struct experts *s, int row, struct strbuf *out);

#endif
