/* evals.h - inside the Evals view.  Private to tui/views/evals*.c. */
#ifndef T2_VIEW_EVALS_H
#define T2_VIEW_EVALS_H

#include "engine/base/hash.h"
#include "store/evals.h"
#include "tui/heat.h"
#include "tui/scoreboard.h"
#include "tui/view.h"
#include "tui/widgets/table.h"
#include "tui/world.h"

enum { EV_MATRIX, EV_SETTINGS, EV_CELL, EV_QUESTIONS, EV_ANSWER, EV_DISPATCH, EV_PANES };
enum { EV_SPEC = 300, EV_TASK = 128, EV_COLUMNS = 7 };
enum evals_event { EV_SURVEY = 1, EV_PROGRESS, EV_DONE };
enum ev_show { EV_ALL, EV_WRONG, EV_RIGHT, EV_DIFFER, EV_SHOWS };

/* A strategy as the command line spells it; row 0 is "none". */
struct ev_row {
	char spec[EV_SPEC];
	bool known;	      /* the survey has been here */
	char hash[HASH_TEXT]; /* of today; "" for few-shot, whose mixture is the column's */
	char why[200];	      /* why it cannot run; "" where it can */
};

struct ev_col {
	char task[EV_TASK];
	bool known;
	char hash[HASH_TEXT];
	int items;
	char why[200];
	char shot_hash[HASH_TEXT]; /* few-shot: of the task's searched mixture */
	char shot_why[200];
};

struct ev_key {
	char spec[EV_SPEC], task[EV_TASK];
};

struct ev_settings {
	char split[64];
	int n; /* 0: all */
	double temp;
	int64_t seed;
};

/* EV_KEPT: measured and in the store; the board that has it is being read. */
enum ev_phase { EV_QUEUED, EV_RUNNING, EV_KEPT, EV_FAILED };

/* An evaluation that waits, runs, is being read or has failed. */
struct ev_work {
	struct ev_key key;
	struct ev_settings set;
	enum ev_phase phase;
	int n, correct, total; /* as it counts */
	int board;	       /* EV_KEPT: the first one that has it */
	char error[256];
};

/* The questions of one task and split, read by a job. */
struct ev_texts {
	char task[EV_TASK], split[64], hash[HASH_TEXT];
	int n;
	char **question, **gold; /* [n] */
};

/* Whom the first pass of a row chose: counts, task x expert; the last column is the base model. */
struct ev_choices {
	char spec[EV_SPEC];
	int64_t *id; /* [asked]: the evaluations that are looked at */
	int asked, rows, cols;
	char (*task)[EV_TASK], (*expert)[EV_TASK];
	int *n, *total; /* [rows][cols], [rows] */
};

/* What evals_board.c makes. */
struct ev_board {
	bool read;	  /* list and rows are new, */
	const char *sign; /* and a digest of what a survey of them depends on */
	struct ev_settings set;
	struct eval_list list;
	struct ev_row *row;
	struct ev_col *col;
	int rows, cols;
	struct score *score;
	double *pace;
};

struct evals {
	struct world *w;
	struct ev_settings set;
	/* The last board, made by a job, which reads list while it makes the next one. */
	struct eval_list list; /* the newest of each kind */
	struct ev_row *row;
	struct ev_col *col;
	int rows, cols;
	struct score *score; /* [col][row]: a column lies together */
	double *pace;	     /* [col][row]: seconds a question, by those before; 0: not known */
	struct ev_settings shown; /* the board's */
	int boards;		  /* so many were shown */
	int board;		  /* the job that makes the next; 0: none */
	int asked;		  /* boards that were begun */
	int epoch;		  /* counts settings and surveys: what a board was made with */
	bool again, again_read;	  /* after that another one */
	bool tell;		  /* how many questions are counted, when it shows */
	int *map, nmap;		  /* rows shown, in order */
	int sel, selcol;	  /* sel: in map */
	char sorted[EV_TASK];	  /* by this column; "": as they come */
	bool worst;		  /* first */
	int sort;		  /* so: by column sort - 1, 0: none; negative: the worst first */
	struct ev_key *mark;
	int marks;
	struct ev_work *work;
	int works, finished; /* finished: since the queue was last empty */
	double began;
	int running; /* job id; 0: none */
	/* The survey: hashes and sizes, by a job; asked again when signature changes. */
	char signature[HASH_TEXT];
	int survey; /* number of the newest one asked for */
	/* The selected cell's questions, and those of the cell beside it; while they are read, the last ones. */
	int look;      /* the job that reads them; 0: none */
	double looked; /* when others were wanted; 0: these are they */
	struct eval_items items, other;
	char items_task[EV_TASK], items_split[64]; /* theirs, */
	bool items_current;			   /* and the task's questions are these still */
	int64_t items_of, other_of;		   /* evaluation ids */
	struct ev_key against;			   /* spec "": the base model */
	struct score_pair pair;
	struct ev_texts *texts;
	int reading_texts; /* job */
	enum ev_show show;
	int *line, lines; /* shown questions: indices into items */
	struct table table;
	struct column column[EV_COLUMNS]; /* those of the table that are shown */
	int which[EV_COLUMNS];
	int scroll;		   /* of the answer */
	struct ev_choices choices; /* of the selected row; rows 0: no pass 1, or nothing measured */
	char choices_of[HASH_TEXT];
	struct heat_map heat;
	int colw, col0, row0, label_w, top; /* as drawn */
};

static inline struct score *
ev_score(const struct evals *s, int row, int col)
{
	return &s->score[(size_t)col * (size_t)s->rows + (size_t)row];
}

/* evals_board.c: makes the next board, from the store or for other settings; it shows when it is done. */
void evals_board(struct view *v, struct evals *s, bool read);

/* The signs around a cell's figure, "" for none. */
struct ev_signs {
	const char *front, *star, *back;
};

/* evals_signs.c: what they are and mean. */
enum { EV_SIGNS = 9 };
extern const struct view_sign ev_signs[EV_SIGNS];
void evals_signs(const struct evals *s, int row, int col, struct ev_signs *out);
const char *evals_blank(const struct evals *s, int row, int col); /* in place of a figure */
/* Those that so many rows and columns show: a bit each, as ev_signs counts them. */
unsigned evals_signs_among(const struct evals *s, int row0, int rows, int col0, int cols);
/* All of them where they fit, else a line of those shown. */
void evals_legend(struct canvas *c, struct rect r, unsigned shown);

/* evals_data.c: rows, columns, scores. */
void evals_board_take(struct view *v, struct evals *s, const struct ev_board *b);
bool evals_pending(struct view *v,
		   const struct evals *s); /* no board of these settings yet: says so */
void evals_settings(struct view *v, struct evals *s, const struct ev_settings *set);
void evals_map(struct evals *s, const char *filter);
int evals_row(const struct evals *s); /* selected; -1: none */
int evals_find_row(const struct evals *s, const char *spec);
int evals_find_col(const struct evals *s, const char *task);
bool evals_marked(const struct evals *s, int row, int col);
void evals_mark(struct evals *s, int row, int col);
/* Why the cell cannot be measured; NULL: it can. */
const char *evals_refusal(const struct evals *s, int row, int col);
bool evals_missing(const struct evals *s, int row,
		   int col);	    /* nothing current on so many questions */
bool evals_pass1(const char *spec); /* decides a question at a time */
/* What the survey has found out about them. */
void evals_take(struct view *v, struct evals *s, const struct ev_row *row, int rows,
		const struct ev_col *col, int cols);
void evals_data_free(struct evals *s);

/* evals_survey.c: digests and sizes of rows and columns as they are today. */
void evals_survey(struct view *v, struct evals *s); /* EV_SURVEY comes when it is done */
void evals_surveyed(struct view *v, struct evals *s, const void *data);

/* evals_run.c: the queue of evaluations. */
struct ev_work *evals_work(const struct evals *s, int row, int col); /* NULL: none */
void evals_progress(struct evals *s, const void *data);
void evals_done(struct view *v, struct evals *s, const void *data);
int evals_waiting(const struct evals *s); /* how many are not done */
/* The board of this number is there, or failed: what was waiting for it shows as it has it. */
void evals_read(struct evals *s, int board);
double evals_left(const struct evals *s); /* seconds of the whole queue; < 0: not known */
double evals_cost(const struct evals *s, int row, int col); /* seconds by those before; < 0 */
/* Bound to keys: marked cells, else the selected row; the column; all; the selected cell, measured or not. */
void evals_run_row(struct view *v, void *state, const char *arg);
void evals_run_column(struct view *v, void *state, const char *arg);
void evals_run_all(struct view *v, void *state, const char *arg);
void evals_run_cell(struct view *v, void *state, const char *arg);

/* evals_look.c: reads what the lower panes show */
void evals_items_update(struct view *v,
			struct evals *s); /* after the selection or the store changed */
/* They show another cell's: the selected one's is being read, and late: already for a moment. */
bool evals_looking(const struct evals *s);
bool evals_look_late(struct view *v, const struct evals *s);

/* evals_items.c: questions of the selected cell. */
void evals_items_init(struct evals *s);
void evals_items_taken(struct view *v, struct evals *s); /* others are there now */
void evals_items_same(struct evals *s);			 /* but the task may be another */
void evals_items_show(struct evals *s, enum ev_show show);
bool evals_items_next(struct evals *s, int by); /* the next wrong one, or the next that differs */
void evals_items_free(struct evals *s);
const struct eval_item *evals_item(const struct evals *s); /* selected; NULL: none */
const struct eval_item *evals_other(const struct evals *s, int item);
const char *evals_question(const struct evals *s, int item); /* NULL: not known */
const char *evals_gold(const struct evals *s, int item);
/* The cell that the selected one is compared with. */
void evals_other_cell(const struct evals *s, int *row, int *col);

/* evals_choices.c */
void evals_choices_sign(const struct evals *s, char out[HASH_TEXT]); /* what they are made of */
/* Empty, but for what is to be read; false: there is nothing to be read. */
bool evals_choices_ask(const struct evals *s, struct ev_choices *out);
enum t2_status evals_choices_read(struct ev_choices *x, struct store *store, struct job *job,
				  struct t2_err *err); /* in a job */
void evals_choices_free(struct ev_choices *x);

void evals_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r);
/* evals_dump.c */
bool evals_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out);
void evals_draw_matrix(struct view *v, struct evals *s, struct canvas *c, struct rect r);
bool evals_hit(const struct evals *s, int x, int y, int *sel, int *col); /* pane coordinates */
#endif
