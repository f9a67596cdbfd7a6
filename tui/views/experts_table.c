/* The two lists of the Experts view: all experts, and the components in which two of them differ most. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/date.h"
#include "tui/app.h"
#include "tui/theme.h"
#include "tui/views/experts.h"
#include "tui/views/views.h"
#include "tui/widgets/gauge.h"

/* -- experts ----------------------------------------------------------------------------------------------- */

enum { C_NAME, C_TASK, C_METHOD, C_VALUES, C_BASE, C_OWN, C_TEST, C_WHEN, C_MODEL, COLUMNS };
enum { INTERVAL = 16 }; /* "0.71 [0.66 0.75]" */

static const struct column columns[COLUMNS] = {
	[C_NAME] = {"name", 8, 20, ALIGN_LEFT, 0},
	[C_TASK] = {"task", 8, 12, ALIGN_LEFT, 2},
	[C_METHOD] = {"method", 6, 6, ALIGN_LEFT, 7},
	[C_VALUES] = {"values", 6, 8, ALIGN_RIGHT, 5},
	[C_BASE] = {"base", 5, INTERVAL, ALIGN_RIGHT, 3},
	[C_OWN] = {"expert", INTERVAL, INTERVAL, ALIGN_RIGHT, 1},
	[C_TEST] = {"eval test", INTERVAL, INTERVAL, ALIGN_RIGHT, 6},
	[C_WHEN] = {"when", 10, 10, ALIGN_LEFT, 4},
	[C_MODEL] = {"model", 8, 16, ALIGN_LEFT, 8},
};

static void
cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	struct experts *s = arg;
	const struct expert_row *r = &s->rows.list.v[row];
	const struct ex_info *x = &s->rows.info[row];
	struct ex_worth eval = ex_eval_worth(x->eval);

	if (!x->here) { /* it cannot be used on the open model */
		struct style stale = app_theme(s->app)->style[TH_STALE];

		st->fg = stale.fg;
		st->attr |= stale.attr;
	}
	switch (col) {
	case C_NAME:
		snprintf(buf, TABLE_CELL, "%.200s", r->name);
		break;
	case C_TASK:
		snprintf(buf, TABLE_CELL, "%.200s", r->task[0] ? r->task : "·");
		break;
	case C_METHOD:
		snprintf(buf, TABLE_CELL, "%s", r->method);
		break;
	case C_VALUES:
		snprintf(buf, TABLE_CELL, "%lld", (long long)r->parameters);
		break;
	case C_BASE:
		ex_worth_text(&x->base, false, buf, TABLE_CELL);
		break;
	case C_OWN:
		ex_worth_text(&x->own, false, buf, TABLE_CELL);
		break;
	case C_TEST:
		ex_worth_text(&eval, false, buf, TABLE_CELL);
		break;
	case C_WHEN:
		date_when(buf, TABLE_CELL, r->created, store_now());
		break;
	default:
		snprintf(buf, TABLE_CELL, "%.200s", r->model_name);
	}
}

/* A name under its colour; an accuracy as long as it has room. */
static bool
paint(void *arg, int row, int col, struct canvas *c, struct rect r, struct style st)
{
	struct experts *s = arg;
	const struct ex_info *x = &s->rows.info[row];
	struct ex_worth eval = ex_eval_worth(x->eval);
	const struct ex_worth *w = col == C_BASE ? &x->base : col == C_OWN ? &x->own : &eval;
	char buf[TABLE_CELL];

	if (col == C_NAME && x->here) {
		struct style own = theme_series(c->theme, theme_slot(s->rows.list.v[row].name));

		own.bg = COLOR_KEEP;
		canvas_text(c, r.x, r.y, 2, own, "▌");
		canvas_text(c, r.x + 1, r.y, r.w - 1, st, s->rows.list.v[row].name);
		return true;
	}
	if (col != C_BASE && col != C_OWN && col != C_TEST)
		return false;
	if (!x->here) {
		struct style stale = canvas_style(c, TH_STALE);

		st.fg = stale.fg;
		st.attr |= stale.attr;
	}
	canvas_right(c, r.x, r.y, r.w, st, ex_worth_text(w, r.w < INTERVAL, buf, sizeof buf));
	return true;
}

static int64_t
row_id(void *arg, int row)
{
	struct experts *s = arg;

	return s->rows.list.v[row].id;
}

/* What is not known comes last, whichever way round numbers go up. */
static int
number(double x, double y)
{
	if (isnan(x) || isnan(y))
		return isnan(x) - isnan(y);
	return x < y ? -1 : x > y;
}

static int
compare(void *arg, int a, int b, int col)
{
	struct experts *s = arg;
	const struct expert_row *x = &s->rows.list.v[a], *y = &s->rows.list.v[b];
	const struct ex_info *p = &s->rows.info[a], *q = &s->rows.info[b];

	switch (col) {
	case C_NAME:
		return strcmp(x->name, y->name);
	case C_TASK:
		return strcmp(x->task, y->task);
	case C_METHOD:
		return strcmp(x->method, y->method);
	case C_VALUES:
		return number((double)x->parameters, (double)y->parameters);
	case C_BASE:
		return number(p->base.accuracy, q->base.accuracy);
	case C_OWN:
		return number(p->own.accuracy, q->own.accuracy);
	case C_TEST:
		return number(ex_eval_worth(p->eval).accuracy, ex_eval_worth(q->eval).accuracy);
	case C_WHEN:
		return number(x->created, y->created);
	default:
		return strcmp(x->model_name, y->model_name);
	}
}

/* -- components of a comparison ------------------------------------------------------------------------------ */

enum { M_LAYER, M_KIND, M_COMPONENT, M_A, M_B, M_DIFFERENCE, M_SIGMA, M_COLUMNS };

static const struct column most_columns[M_COLUMNS] = {
	[M_LAYER] = {"layer", 5, 5, ALIGN_RIGHT, 0},
	[M_KIND] = {"matrix", 6, 6, ALIGN_LEFT, 0},
	[M_COMPONENT] = {"comp", 5, 6, ALIGN_RIGHT, 0},
	[M_A] = {"z a", 6, 8, ALIGN_RIGHT, 0},
	[M_B] = {"z b", 6, 8, ALIGN_RIGHT, 0},
	[M_DIFFERENCE] = {"b − a", 6, 8, ALIGN_RIGHT, 2},
	[M_SIGMA] = {"σ", 6, 8, ALIGN_RIGHT, 1},
};

static double
sigma_of(const struct experts *s, const struct zdiffer *d)
{
	const struct factor *f = factors_get(s->w->ui.factors, d->mat);

	return f ? f->sigma64[d->component] : (double)NAN;
}

static void
most_cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	struct experts *s = arg;
	const struct zdiffer *d = &s->pair.most[row];

	(void)st;
	switch (col) {
	case M_LAYER:
		snprintf(buf, TABLE_CELL, "%d", d->mat / MAT_KINDS);
		break;
	case M_KIND:
		snprintf(buf, TABLE_CELL, "%s", mat_kind_name(d->mat % MAT_KINDS));
		break;
	case M_COMPONENT:
		snprintf(buf, TABLE_CELL, "%d", d->component);
		break;
	case M_A:
	case M_B:
		gauge_number(buf, TABLE_CELL, (double)(col == M_A ? d->a : d->b));
		break;
	case M_DIFFERENCE:
		snprintf(buf, TABLE_CELL, "%+.3f", (double)d->b - (double)d->a);
		break;
	default:
		if (isnan(sigma_of(s, d)))
			snprintf(buf, TABLE_CELL, "·");
		else
			gauge_number(buf, TABLE_CELL, sigma_of(s, d));
	}
}

static int
most_compare(void *arg, int a, int b, int col)
{
	struct experts *s = arg;
	const struct zdiffer *x = &s->pair.most[a], *y = &s->pair.most[b];

	switch (col) {
	case M_LAYER:
		return x->mat - y->mat;
	case M_KIND:
		return x->mat % MAT_KINDS - y->mat % MAT_KINDS;
	case M_COMPONENT:
		return x->component - y->component;
	case M_A:
		return number((double)x->a, (double)y->a);
	case M_B:
		return number((double)x->b, (double)y->b);
	case M_DIFFERENCE:
		return number((double)x->b - (double)x->a, (double)y->b - (double)y->a);
	default:
		return number(sigma_of(s, x), sigma_of(s, y));
	}
}

void
ex_tables(struct experts *s)
{
	s->table = (struct table){.cols = columns,
				  .ncols = COLUMNS,
				  .cell = cell,
				  .paint = paint,
				  .id = row_id,
				  .compare = compare,
				  .arg = s,
				  .empty = "Reading the experts ..."};
	s->most = (struct table){.cols = most_columns,
				 .ncols = M_COLUMNS,
				 .cell = most_cell,
				 .compare = most_compare,
				 .arg = s,
				 .empty = "They do not differ anywhere."};
}
