/* Drawing and export of the Models view, and its table of tensors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/strbuf.h"
#include "tui/app.h"
#include "tui/complete.h"
#include "tui/utf8.h"
#include "tui/views/models.h"
#include "tui/widgets/gauge.h"

enum { LABEL = 14 }; /* columns of a fact's label */

/* -- tensors ------------------------------------------------------------------------------------------------ */

enum { COL_TENSOR, COL_SHAPE, COL_BYTES, COL_TYPE };

static const struct column columns[] = {
	[COL_TENSOR] = {"tensor", 24, 0, ALIGN_LEFT, 0},
	[COL_SHAPE] = {"shape", 12, 14, ALIGN_RIGHT, 0},
	[COL_BYTES] = {"bytes", 6, 7, ALIGN_RIGHT, 2},
	[COL_TYPE] = {"type", 5, 7, ALIGN_LEFT, 1},
};

static void
tensor_cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	const struct model_info *i = models_info(arg);
	const struct model_tensor *t;

	(void)st;
	buf[0] = 0;
	if (!i || row >= i->tensors)
		return;
	t = &i->tensor[row];
	switch (col) {
	case COL_TENSOR:
		snprintf(buf, TABLE_CELL, "%s", t->name);
		break;
	case COL_SHAPE:
		model_tensor_shape(t, buf, TABLE_CELL);
		break;
	case COL_TYPE:
		snprintf(buf, TABLE_CELL, "%s", t->type);
		break;
	default:
		gauge_bytes(buf, TABLE_CELL, (double)t->bytes);
	}
}

/* A name that has no room loses what all have in common, its "model." and ".weight", before it is cut. */
static bool
tensor_paint(void *arg, int row, int col, struct canvas *c, struct rect r, struct style st)
{
	const struct model_info *i = models_info(arg);
	const char *name;
	int n;

	if (col != COL_TENSOR || !i || row >= i->tensors)
		return false;
	name = i->tensor[row].name;
	n = (int)strlen(name);
	if (utf8_width(name, (size_t)n) > r.w) {
		if (!strncmp(name, "model.", 6)) {
			name += 6;
			n -= 6;
		}
		if (path_ends(name, ".weight"))
			n -= 7;
	}
	canvas_textn(c, r.x, r.y, r.w, st, name, (size_t)n);
	return true;
}

static int64_t
numbers(const struct model_tensor *t)
{
	int64_t n = 1;

	for (int k = 0; k < t->ndim; k++)
		n *= t->shape[k];
	return n;
}

static int
tensor_compare(void *arg, int a, int b, int col)
{
	const struct model_info *i = models_info(arg);
	const struct model_tensor *x, *y;

	if (!i || a >= i->tensors || b >= i->tensors)
		return 0;
	x = &i->tensor[a];
	y = &i->tensor[b];
	switch (col) {
	case COL_TENSOR:
		return strverscmp(x->name, y->name); /* layer 2 before layer 10 */
	case COL_SHAPE:
		return (numbers(x) > numbers(y)) - (numbers(x) < numbers(y));
	case COL_TYPE:
		return strcmp(x->type, y->type);
	default:
		return (x->bytes > y->bytes) - (x->bytes < y->bytes);
	}
}

void
models_tensors_init(struct models *s)
{
	s->tensors = (struct table){.cols = columns,
				    .ncols = sizeof columns / sizeof *columns,
				    .cell = tensor_cell,
				    .paint = tensor_paint,
				    .compare = tensor_compare,
				    .arg = s,
				    .empty = "Tensors of the selected model, once it is read."};
}

/* -- facts -------------------------------------------------------------------------------------------------- */

struct facts {
	struct canvas *c;
	struct rect r;
	int y; /* of the next line, counted from r.y; negative: scrolled away */
};

static void
fact(void *arg, const char *label, const char *text)
{
	struct facts *f = arg;
	struct style dim = canvas_style(f->c, TH_DIM), st = canvas_style(f->c, TH_TEXT);
	struct rect r = {f->r.x + LABEL + 2, f->r.y + f->y, f->r.w - LABEL - 3, 8};
	struct rect none = canvas_clip(f->c, (struct rect){0, 0, 0, 0});
	int lines = canvas_wrap(f->c, r, st, text, 0);

	canvas_unclip(f->c, none);
	if (lines < 1)
		lines = 1;
	if (f->y + lines > 0 && f->y < f->r.h) {
		int skip = f->y < 0 ? -f->y : 0;

		r.y += skip;
		r.h = lines - skip;
		canvas_wrap(f->c, r, st, text, skip);
		if (!skip)
			canvas_text(f->c, f->r.x + 1, f->r.y + f->y, LABEL, dim, label);
	}
	f->y += lines;
}

static int
say(struct canvas *c, struct rect r, enum theme_role role, const char *text)
{
	return canvas_wrap(c, rect_inset(r, 1, 0), canvas_style(c, role), text, 0);
}

static void
draw_facts(struct view *v, struct models *s, struct canvas *c, struct rect r)
{
	const struct models_row *row = models_selected(s);
	const struct models_entry *e = row ? models_entry(s, row->path) : NULL;
	struct facts f = {c, r, -s->scroll};
	char text[1300];

	view_title(v, MD_FACTS, "%s", row ? row->name : "architecture");
	view_note(v, MD_FACTS, "%s", row && row->open ? "open" : "");
	s->height = r.h;
	if (!row)
		return;
	if (row->there == THERE_NO) {
		snprintf(text, sizeof text,
			 "Its files are gone: deleted or moved, they were at %s. %s", row->path,
			 row->open ? "It stays usable until you leave it."
				   : KEYS(v, "{open-path} opens it from its new place; its experts "
					     "and runs are kept and come back with it."));
		f.y += say(c, r, TH_BAD, text) + 1;
	}
	if (e && e->info) {
		model_info_lines(e->info, fact, &f);
		if (s->scroll > f.y + s->scroll - 1)
			s->scroll = f.y + s->scroll - 1;
	} else if (e && e->why[0]) {
		say(c, r, TH_BAD, e->why);
	} else if (row->there != THERE_NO) {
		say(c, r, TH_STALE,
		    e && e->job ? "reading ..." : KEYS(v, "Not read; {refresh} does."));
	}
}

/* -- factors ------------------------------------------------------------------------------------------------ */

static void
draw_state(struct view *v, struct models *s, const struct model_info *i, struct canvas *c,
	   struct rect r)
{
	struct style dim = canvas_style(c, TH_DIM);
	int have = model_info_decomposed(i);
	char b[40], t[40];
	struct job_view j;

	if (models_decomposing(s) && jobs_find(app_jobs(v->app), models_decomposing(s), &j)) {
		if (j.state == JOB_QUEUED)
			canvas_text(c, r.x, r.y, r.w, dim,
				    KEYS(v, "waits for its turn   {decompose} gives it up"));
		else if (!j.progress.total)
			canvas_text(c, r.x, r.y, r.w, dim,
				    KEYS(v, "starting ...   {decompose} stops"));
		else
			canvas_printf(
				c, r.x, r.y, r.w, canvas_style(c, TH_TEXT),
				"%ld of %ld, %s left   %s stops", j.progress.done, j.progress.total,
				j.progress.eta < 0 ? "?" : gauge_time(t, sizeof t, j.progress.eta),
				KEYS(v, "{decompose}"));
		app_animate(v->app, 500);
	} else if (have == i->matrices) {
		canvas_printf(c, r.x, r.y, r.w, dim, "all %d, %s in the cache", i->matrices,
			      gauge_bytes(b, sizeof b, (double)i->factor_bytes));
	} else {
		canvas_printf(c, r.x, r.y, r.w, canvas_style(c, TH_STRONG),
			      "%s decomposes %d more (%s in all)", KEYS(v, "{decompose}"),
			      i->matrices - have,
			      gauge_bytes(b, sizeof b, (double)i->factor_bytes));
	}
}

static void
draw_factors(struct view *v, struct models *s, struct canvas *c, struct rect r)
{
	const struct model_info *i = models_info(s);
	int bar = r.w - 22 < 40 ? r.w - 22 : 40,
	    last = r.h - 1 < MAT_KINDS + 1 ? r.h - 1 : MAT_KINDS + 1;

	if (!i) {
		view_title(v, MD_FACTORS, "decomposed");
		return;
	}
	view_title(v, MD_FACTORS, "decomposed %d of %d matrices", model_info_decomposed(i),
		   i->matrices);
	for (int k = 0; k < MAT_KINDS && k < r.h - 1; k++) {
		canvas_text(c, r.x + 1, r.y + k, 6, canvas_style(c, TH_DIM), mat_kind_name(k));
		gauge_draw(c, r.x + 7, r.y + k, bar,
			   i->adaptable[k] ? (double)i->decomposed[k] / i->adaptable[k] : 0,
			   canvas_style(c, TH_GAUGE));
		canvas_printf(c, r.x + 8 + bar, r.y + k, 13, canvas_style(c, TH_TEXT), "%4d of %d",
			      i->decomposed[k], i->adaptable[k]);
	}
	draw_state(v, s, i, c, (struct rect){r.x + 1, r.y + last, r.w - 2, 1});
}

/* A small screen: what is selected stands below the list. */
static void
draw_list(struct view *v, struct models *s, struct canvas *c, struct rect r)
{
	struct rect below = r;
	int h = s->rows + 1 < r.h / 2 ? s->rows + 1 : r.h / 2;

	if (v->single && !v->zoomed && r.h >= 16) {
		r.h = h;
		below.y += h + 1;
		below.h -= h + 1;
		canvas_hline(c, r.x, r.y + h, r.w, canvas_style(c, TH_BORDER));
		draw_facts(v, s, c, below);
	}
	table_draw(&s->table, c, r, view_focused(v, MD_LIST));
}

void
models_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r)
{
	struct models *s = state;
	const struct model_info *i = models_info(s);

	switch (pane) {
	case MD_LIST:
		view_note(v, MD_LIST, "%s", s->looking ? "looking ..." : "");
		draw_list(v, s, c, r);
		break;
	case MD_FACTS:
		draw_facts(v, s, c, r);
		break;
	case MD_FACTORS:
		draw_factors(v, s, c, r);
		break;
	default:
		if (i)
			view_title(v, MD_TENSORS, "%d tensors", i->tensors);
		else
			view_title(v, MD_TENSORS, "tensors");
		table_draw(&s->tensors, c, r, view_focused(v, MD_TENSORS));
	}
}

/* -- export ------------------------------------------------------------------------------------------------- */

static void
fact_text(void *arg, const char *label, const char *text)
{
	strbuf_printf(arg, "%-14s %s\n", label, text);
}

static void
fact_csv(void *arg, const char *label, const char *text)
{
	strbuf_printf(arg, "%s,\"", label);
	for (const char *p = text; *p; p++) {
		if (*p == '"')
			strbuf_char(arg, '"');
		strbuf_char(arg, *p);
	}
	strbuf_str(arg, "\"\n");
}

/* What is not known is left empty. */
static void
dump_list(const struct models *s, struct strbuf *out)
{
	strbuf_str(out, "model,parameters,bytes,state,path\n");
	for (int i = 0; i < s->table.nmap; i++) {
		const struct models_row *r = &s->row[s->table.map[i]];
		const struct models_entry *e = models_entry(s, r->path);
		int64_t n = e && e->info ? e->info->parameters : r->parameters;

		strbuf_csv(out, r->name);
		strbuf_char(out, ',');
		if (n >= 0)
			strbuf_printf(out, "%lld", (long long)n);
		strbuf_char(out, ',');
		if (r->bytes >= 0)
			strbuf_printf(out, "%lld", (long long)r->bytes);
		strbuf_str(out, r->open ? ",open," : r->there == THERE_NO ? ",gone," : ",,");
		strbuf_csv(out, r->path);
		strbuf_char(out, '\n');
	}
}

bool
models_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out)
{
	struct models *s = state;
	const struct model_info *i = models_info(s);

	(void)v;
	switch (pane) {
	case MD_LIST:
		if (f == DUMP_CSV)
			dump_list(s, out);
		else
			table_dump(&s->table, false, out);
		return true;
	case MD_TENSORS:
		table_dump(&s->tensors, f == DUMP_CSV, out);
		return true;
	case MD_FACTS:
		if (i)
			model_info_lines(i, f == DUMP_CSV ? fact_csv : fact_text, out);
		return i != NULL;
	default:
		if (!i || f != DUMP_CSV)
			return false;
		strbuf_str(out, "kind,decomposed,of\n");
		for (int k = 0; k < MAT_KINDS; k++)
			strbuf_printf(out, "%s,%d,%d\n", mat_kind_name(k), i->decomposed[k],
				      i->adaptable[k]);
		return true;
	}
}
