/* Drawing the Experts view. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/strbuf.h"
#include "tui/plot.h"
#include "tui/utf8.h"
#include "tui/views/experts.h"
#include "tui/widgets/gauge.h"

enum { LABEL = 11, COS = 7 }; /* columns of a label in about, of the cosines beside the map */

/* What a pane says in place of its contents; NULL: it has contents. */
static const char *
nothing(const struct experts *s, int row)
{
	const struct ex_vector *x;

	if (row < 0)
		return "No expert to show.";
	if (!s->rows.info[row].here)
		return "Made for another model: its z does not belong to these matrices.";
	x = ex_vector(s, row);
	if (!x)
		return s->job ? "reading …" : "not read; {refresh} tries again";
	return x->z ? NULL : x->why;
}

static void
say_nothing(struct view *v, struct canvas *c, struct rect r, const char *text)
{
	canvas_wrap(c, rect_inset(r, 1, 0), canvas_style(c, TH_STALE), KEYS(v, text), 0);
}

/* -- cosines ----------------------------------------------------------------------------------------------- */

static struct heat
cosine_heat(const struct experts *s, bool focused)
{
	return (struct heat){.rows = s->rows.here,
			     .cols = s->rows.here,
			     .v = s->grid,
			     .row_name = s->names,
			     .col_name = s->names,
			     .diverging = true,
			     .lo = -1,
			     .hi = 1,
			     .places = 2,
			     .sel_row = s->row,
			     .sel_col = s->col,
			     .focused = focused};
}

static void
draw_cosine(struct view *v, struct experts *s, struct canvas *c, struct rect r)
{
	struct heat h = cosine_heat(s, view_focused(v, EX_COSINE));
	struct rect map = r;
	double at;

	view_note(v, EX_COSINE, "%s", s->job ? "reading …" : "");
	if (!s->rows.here) {
		say_nothing(v, c, r, "Two experts or more show here how alike they are.");
		return;
	}
	if (r.h > 4)
		map.h -= 2;
	heat_draw(c, map, &h, &s->cosine);
	if (r.h <= 4)
		return;
	at = s->grid[s->row * s->rows.here + s->col];
	heat_ramp(c, r.x + 1, r.y + r.h - 1, r.w / 2, &h);
	if (!isnan(at))
		canvas_printf(c, r.x + r.w / 2 + 2, r.y + r.h - 1, r.w / 2 - 3,
			      canvas_style(c, TH_DIM), "%s · %s %+.4f", s->names[s->row],
			      s->names[s->col], at);
}

/* -- the map ----------------------------------------------------------------------------------------------- */

static struct heat
map_heat(const struct experts *s, bool focused)
{
	static const char *const kind[MAT_KINDS] = {"q", "k", "v", "o", "gate", "up", "down"};
	struct heat h = {.rows = s->layers,
			 .cols = MAT_KINDS,
			 .v = s->value,
			 .col_name = kind,
			 .diverging = s->stat == EX_MEAN,
			 .sel_row = s->layer,
			 .sel_col = s->kind,
			 .focused = focused};

	if (!s->pair.a && s->scale[s->stat] > 0) { /* one scale for all experts */
		h.hi = s->scale[s->stat];
		h.lo = h.diverging ? -h.hi : 0;
	}
	return h;
}

/* One cosine a layer, beside the map's rows. */
static void
draw_layers(struct experts *s, struct canvas *c, int x)
{
	const struct heat_map *m = &s->map;
	struct style dim = canvas_style(c, TH_DIM);

	canvas_right(c, x, m->area.y - 1, COS - 1, dim, "cosine");
	for (int i = 0; i < m->rows; i++) {
		double v = s->pair.layer[m->row0 + i].cosine;
		struct style st = canvas_style(c, TH_TEXT);
		char num[16];

		if (c->depth > DEPTH_16 && !c->theme->mono) {
			st.bg = heat_color(c, true, -1, 1, v);
			st.fg = color_ink(st.bg);
		}
		canvas_fill(c, (struct rect){x + 1, m->area.y + i, COS - 2, 1}, st);
		canvas_right(c, x + 1, m->area.y + i, COS - 2, st, heat_number(num, v));
	}
}

static void
draw_map(struct view *v, struct experts *s, struct canvas *c, struct rect r)
{
	int row = ex_selected(s), a = ex_find(s, s->pair.a), b = ex_find(s, s->pair.b);
	struct heat h = map_heat(s, view_focused(v, EX_MAP));
	struct rect map = r;
	const char *why;
	char cos[24];
	bool pair = a >= 0 && b >= 0;

	if (pair)
		view_title(v, EX_MAP, "%s − %s · %s", s->rows.list.v[b].name,
			   s->rows.list.v[a].name,
			   s->stat == EX_MEAN_ABS ? "mean |Δz|"
			   : s->stat == EX_MEAN	  ? "mean Δz"
						  : "largest |Δz|");
	else
		view_title(v, EX_MAP, "layers × matrices · %s%s%s", ex_stat_name[s->stat],
			   row >= 0 ? " · " : "", row >= 0 ? s->rows.list.v[row].name : "");
	if (pair)
		view_note(v, EX_MAP, "cosine %s",
			  gauge_number(cos, sizeof cos, s->pair.all.cosine));
	else
		view_note(v, EX_MAP, "%s", "");
	if (!pair && (why = nothing(s, row))) {
		memset(&s->map, 0, sizeof s->map);
		say_nothing(v, c, r, why);
		return;
	}
	if (pair)
		map.w -= COS;
	if (r.h > s->layers + 2 || r.h > 6)
		map.h -= 1 + (r.h > s->layers + 2);
	heat_draw(c, map, &h, &s->map);
	if (pair && s->map.rows)
		draw_layers(s, c, s->map.area.x + s->map.area.w + 1);
	if (map.h < r.h)
		heat_ramp(c, r.x + 1, r.y + r.h - 1, r.w - 2, &h);
}

/* -- the profile --------------------------------------------------------------------------------------------- */

static double *
profile_of(const struct experts *s, int row, double *limit)
{
	const struct ex_vector *x = ex_vector(s, row);
	int mat = ex_matrix(s), n = weight_rank(model_matrix(s->w->ui.model, mat));
	double *d = malloc((size_t)n * sizeof *d);

	for (int k = 0; d && k < n; k++) {
		d[k] = x->z->z[mat] ? (double)x->z->z[mat][k] - 1 : 0;
		*limit = fmax(*limit, fabs(d[k]));
	}
	return d;
}

/* ‖U diag(sigma (z - 1)) V'‖ / ‖W‖: U and V are orthogonal. */
static double
moved(const struct experts *s, const double *d)
{
	const struct factor *f = factors_get(s->w->ui.factors, ex_matrix(s));
	double change = 0, all = 0;

	for (int k = 0; f && k < f->r; k++) {
		change += f->sigma64[k] * d[k] * f->sigma64[k] * d[k];
		all += f->sigma64[k] * f->sigma64[k];
	}
	return all > 0 ? sqrt(change / all) : (double)NAN;
}

static void
draw_bars(struct experts *s, struct canvas *c, struct rect r, int row, double limit)
{
	int mat = ex_matrix(s), n = weight_rank(model_matrix(s->w->ui.model, mat)), x = r.x + 1;
	const struct ex_vector *e = ex_vector(s, row);
	const struct factor *f = factors_get(s->w->ui.factors, mat);
	struct style dim = canvas_style(c, TH_DIM), own;
	double own_limit = limit, *d = profile_of(s, row, &own_limit);
	struct rect bars = {r.x, r.y, r.w, r.h - 1};
	char a[32];

	if (!d)
		return;
	own = theme_series(c->theme, theme_slot(s->rows.list.v[row].name));
	own.bg = COLOR_KEEP;
	if (bars.h > 0 && e->z->z[mat])
		plot_bars(c, bars, d, n, limit, s->component);
	s->bars = bars;
	x += canvas_text(c, x, r.y + r.h - 1, r.w - 2, own, s->rows.list.v[row].name) + 2;
	if (!e->z->z[mat])
		canvas_text(c, x, r.y + r.h - 1, r.x + r.w - x, dim, "leaves this matrix alone");
	else if (s->component >= 0 && s->component < n)
		canvas_printf(c, x, r.y + r.h - 1, r.x + r.w - x, dim,
			      "component %d: z = %.3f, σ = %s", s->component, d[s->component] + 1,
			      f ? gauge_number(a, sizeof a, f->sigma64[s->component])
				: "not known yet");
	else if (isnan(moved(s, d)))
		canvas_printf(c, x, r.y + r.h - 1, r.x + r.w - x, dim, "z %.3f … %.3f",
			      e->change[mat].lo, e->change[mat].hi);
	else
		canvas_printf(c, x, r.y + r.h - 1, r.x + r.w - x, dim,
			      "z %.3f … %.3f   moves %.1f %% of ‖W‖", e->change[mat].lo,
			      e->change[mat].hi, 100 * moved(s, d));
	free(d);
}

static void
draw_profile(struct view *v, struct experts *s, struct canvas *c, struct rect r)
{
	int row = ex_selected(s), a = ex_find(s, s->pair.a), b = ex_find(s, s->pair.b);
	const struct weight *w = model_matrix(s->w->ui.model, ex_matrix(s));
	struct zcompare k;
	double limit = 0;
	const char *why;
	char cos[24];

	view_title(v, EX_PROFILE, "z − 1 by component · layer %d %s", s->layer,
		   mat_kind_name((enum mat_kind)s->kind));
	view_note(v, EX_PROFILE, "r %d", weight_rank(w));
	memset(&s->bars, 0, sizeof s->bars);
	if (a >= 0 && b >= 0) {
		struct rect top = r, bottom = r;

		free(profile_of(s, a, &limit));
		free(profile_of(s, b, &limit)); /* one scale for both */
		zcompare_of(ex_vector(s, a)->z, ex_vector(s, b)->z, ex_matrix(s), ex_matrix(s) + 1,
			    &k);
		view_title(v, EX_PROFILE, "z − 1 · layer %d %s", s->layer,
			   mat_kind_name((enum mat_kind)s->kind));
		view_note(v, EX_PROFILE, "cosine %s", gauge_number(cos, sizeof cos, k.cosine));
		top.h = r.h / 2;
		bottom.y += top.h;
		bottom.h -= top.h;
		draw_bars(s, c, top, a, limit);
		draw_bars(s, c, bottom, b, limit);
		s->bars = (struct rect){r.x, r.y, r.w, r.h};
		return;
	}
	if ((why = nothing(s, row))) {
		say_nothing(v, c, r, why);
		return;
	}
	draw_bars(s, c, r, row, 0);
}

/* -- about ------------------------------------------------------------------------------------------------- */

/* Lines of "label\tvalue", values wrapped; returns how many rows they take. */
static int
draw_lines(struct canvas *c, struct rect r, const char *text, int skip)
{
	int y = -skip;

	for (const char *p = text; *p;) {
		const char *end = strchr(p, '\n'), *tab = strchr(p, '\t');
		char value[2000];
		int rows;

		if (!end || !tab || tab > end)
			break;
		snprintf(value, sizeof value, "%.*s", (int)(end - tab - 1), tab + 1);
		if (y >= 0)
			canvas_textn(c, r.x + 1, r.y + y, LABEL - 1, canvas_style(c, TH_DIM), p,
				     (size_t)(tab - p));
		rows = canvas_wrap(
			c,
			(struct rect){r.x + 1 + LABEL, r.y + (y > 0 ? y : 0), r.w - LABEL - 2, r.h},
			canvas_style(c, TH_TEXT), value, y < 0 ? -y : 0);
		y += rows > 0 ? rows : 1;
		p = end + 1;
	}
	return y + skip;
}

static void
draw_about(struct view *v, struct experts *s, struct canvas *c, struct rect r)
{
	int row = ex_selected(s), a = ex_find(s, s->pair.a), b = ex_find(s, s->pair.b), rows;
	struct strbuf text = {0};

	if (a >= 0 && b >= 0) {
		view_title(v, EX_ABOUT, "components that differ most");
		view_note(v, EX_ABOUT, "a %s  b %s", s->rows.list.v[a].name,
			  s->rows.list.v[b].name);
		table_draw(&s->most, c, r, view_focused(v, EX_ABOUT));
		return;
	}
	view_title(v, EX_ABOUT, row >= 0 ? "about %s" : "about",
		   row >= 0 ? s->rows.list.v[row].name : "");
	view_note(v, EX_ABOUT, "%s", "");
	if (row < 0) {
		say_nothing(v, c, r,
			    "An expert is a scale vector z for each weight matrix: "
			    "W' = U diag(σ z) V'. {new-run} trains one.");
		return;
	}
	ex_about(s, row, &text);
	rows = draw_lines(c, r, text.s ? text.s : "", s->scroll);
	if (s->scroll > 0 && s->scroll > rows - r.h) {
		s->scroll = rows > r.h ? rows - r.h : 0;
		canvas_fill(c, r, canvas_style(c, TH_TEXT));
		draw_lines(c, r, text.s ? text.s : "", s->scroll);
	}
	if (rows > r.h)
		view_note(v, EX_ABOUT, "%d/%d", s->scroll + r.h < rows ? s->scroll + r.h : rows,
			  rows);
	strbuf_free(&text);
}

/* -- the view ---------------------------------------------------------------------------------------------- */

static void
draw_list(struct view *v, struct experts *s, struct canvas *c, struct rect r)
{
	int marks = table_marks(&s->table);

	if (marks)
		view_note(v, EX_LIST, "%d marked", marks);
	else
		view_note(v, EX_LIST, "%s", "");
	table_draw(&s->table, c, r, view_focused(v, EX_LIST));
}

/* On a small screen, where a pane has all of it and needs h rows: what goes with its selection stands below it. */
static bool
below(const struct view *v, struct canvas *c, struct rect *r, int h, struct rect *rest)
{
	if (!v->single || v->zoomed || r->h < h + 9)
		return false;
	canvas_hline(c, r->x, r->y + h, r->w, canvas_style(c, TH_BORDER));
	*rest = (struct rect){r->x, r->y + h + 1, r->w, r->h - h - 1};
	r->h = h;
	return true;
}

void
ex_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r)
{
	struct experts *s = state;
	struct rect rest;

	switch (pane) {
	case EX_LIST:
		if (below(v, c, &r, s->rows.list.n + 1, &rest))
			draw_about(v, s, c, rest);
		draw_list(v, s, c, r);
		break;
	case EX_COSINE:
		draw_cosine(v, s, c, r);
		break;
	case EX_MAP:
		if (below(v, c, &r, s->layers + 3, &rest))
			draw_profile(v, s, c, rest);
		draw_map(v, s, c, r);
		break;
	case EX_PROFILE:
		draw_profile(v, s, c, r);
		break;
	default:
		draw_about(v, s, c, r);
	}
}
