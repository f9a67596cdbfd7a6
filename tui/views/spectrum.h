/* spectrum.h - inside the Spectrum view: its state, shared by what draws and what acts.  Private to tui/views/spectrum*.c. */
#ifndef T2_VIEW_SPECTRUM_H
#define T2_VIEW_SPECTRUM_H

#include "engine/svf/spectrum.h"
#include "tui/app.h"
#include "tui/beside.h"
#include "tui/heat.h"
#include "tui/plot.h"
#include "tui/view.h"
#include "tui/widgets/table.h"
#include "tui/world.h"

enum { SP_MAP, SP_FACTS, SP_EXPERTS, SP_CURVE, SP_Z, SP_PANES };
enum { SP_OVERLAY = 6 };

enum sp_stat {
	STAT_EFFECTIVE,
	STAT_STABLE,
	STAT_SPECTRAL,
	STAT_FROBENIUS,
	STAT_TAIL,
	STAT_EDGE,
	STAT_ENERGY,
	STAT_MOVED, /* mean |z - 1| of the selected expert */
	STATS
};

struct sp_expert {
	int64_t id;
	struct zset *z; /* loaded when first looked at */
	bool shown;	/* sigma * z over the curve */
	bool unread;	/* z cannot be read: told, and not tried again */
};

struct spectrum {
	struct world *w;
	struct view *view;
	int mats, layers;
	struct spectrum_stats *stats; /* [mats] */
	bool *have, *marked;	      /* [mats] */
	double *value;		      /* [mats] of the chosen statistic, NaN: not known yet */
	int layer, kind;	      /* the selected matrix */
	enum sp_stat stat;
	bool linear, energy, compare;
	bool beside;		  /* the second model shows, where there is one */
	struct sp_expert *expert; /* as w->experts */
	int experts;
	struct table table;
	char empty[KEYS_TEXT]; /* what the table says without rows */
	double cursor;	       /* component under the curve's cursor, NaN: none */
	int job;	       /* computing statistics; 0: none */
	struct heat_map heat;
	struct plot_map plot;
	struct rect zrect;
};

static inline int
sp_matrix(const struct spectrum *s)
{
	return s->layer * MAT_KINDS + s->kind;
}

extern const char *const sp_stat_name[STATS], *const sp_stat_help[STATS];

double sp_value(const struct spectrum *s, int mat); /* of the chosen statistic; NaN: unknown */
/* z of expert i for a matrix: NULL where it leaves the matrix alone or cannot be read. */
const float *sp_z(struct spectrum *s, int i, int mat);
int sp_selected_expert(const struct spectrum *s); /* -1: none */
/* The second model's matrix of the selected one's name; NULL: not shown, or none. */
const struct beside_matrix *sp_beside(const struct spectrum *s);
bool sp_beside_toggle(struct view *v, struct spectrum *s); /* false: there is no second model */
/* Reads another model, by a path or a name of the store, and shows it; without text: asks for it. */
void sp_beside_with(struct view *v, void *state, const char *text);
/* " · smollm2 1536 × 576", for a title; "" where none shows. */
void sp_beside_note(const struct spectrum *s, char *out, size_t size);
/* The statistics with their differences; false: nothing to compare. */
bool sp_beside_facts(struct view *v, struct spectrum *s, struct canvas *c, struct rect r);
void sp_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r);
bool sp_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out);

#endif
