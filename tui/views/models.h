/* models.h - inside the Models view.  Private to tui/views/models*.c. */
#ifndef T2_VIEW_MODELS_H
#define T2_VIEW_MODELS_H

#include "store/models.h"
#include "tui/model_info.h"
#include "tui/places.h"
#include "tui/view.h"
#include "tui/app.h"
#include "tui/widgets/table.h"
#include "tui/world.h"

enum { MD_LIST, MD_FACTS, MD_FACTORS, MD_TENSORS, MD_PANES };

enum models_there { THERE_UNKNOWN, THERE_YES, THERE_NO };

struct models_row {
	char path[1024], name[128];
	bool open, shipped, found; /* found: lies beside, the store does not know it */
	enum models_there there;
	int64_t bytes, parameters; /* -1: not known */
	double used;		   /* Unix seconds; 0: never */
};

/* What was gathered about one path; info NULL: on its way, or why. */
struct models_entry {
	char path[1024], why[512];
	struct model_info *info;
	int job;
};

struct models {
	struct world *w;
	struct model_list known;
	struct place_list places;
	struct models_row *row;
	int rows;
	struct models_entry *entry;
	int entries;
	struct table table, tensors;
	char empty[KEYS_TEXT]; /* what the table says without rows */
	int looking;	       /* job; 0: none */
	int other_job;	       /* decomposes a model that is not the open one; 0: none */
	char other[1024];      /* its path */
	int scroll, height;    /* of the facts */
};

const struct models_row *models_selected(const struct models *s); /* NULL: none */
/* Of the selected row; NULL: nothing asked for yet. */
struct models_entry *models_entry(const struct models *s, const char *path);
const struct model_info *models_info(const struct models *s); /* NULL: not there (yet) */
/* Events to the view: struct models_found, struct place_list, int (a matrix kind of s->other). */
enum { MD_INFO = 1, MD_LOOK, MD_FACTOR };

struct models_found {
	char path[1024], why[512];
	struct model_info *info; /* the taker sets it to NULL */
};

struct models_entry *models_entry_add(struct models *s, const char *path); /* NULL: no memory */
void models_entry_set(struct models_entry *e, struct model_info *info, const char *why);
/* Looks into a path by a job, which ends in MD_INFO. */
void models_gather(struct view *v, struct models *s, const char *path);
/* Which of the known are still there, and what lies beside the open one: MD_LOOK. */
void models_look(struct view *v, struct models *s);
/* The open model's factors as they are now; of others what was gathered stands. */
void models_count_factors(struct models *s);
/* Starts decomposing the selected model, or stops that; a binding. */
void models_decompose(struct view *v, void *state, const char *arg);
/* The job that decomposes the selected model; 0: none does. */
int models_decomposing(const struct models *s);
void models_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r);
bool models_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out);
/* The tensor table, of the selected model. */
void models_tensors_init(struct models *s);

#endif
