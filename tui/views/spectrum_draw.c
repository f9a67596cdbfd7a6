/* Drawing and export of the Spectrum view. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/strbuf.h"
#include "engine/svf/zchange.h"
#include "tui/app.h"
#include "tui/views/spectrum.h"
#include "tui/views/views.h"
#include "tui/widgets/gauge.h"

enum { SERIES = SP_OVERLAY + 8 };

#define UNDECOMPOSED "not decomposed: {decompose} in {models} Models does that"

static void
draw_map(struct view *v, struct spectrum *s, struct canvas *c, struct rect r)
{
	static const char *const kind[MAT_KINDS] = {"q", "k", "v", "o", "gate", "up", "down"};
	struct heat h = {.rows = s->layers,
			 .cols = MAT_KINDS,
			 .v = s->value,
			 .col_name = kind,
			 .sel_row = s->layer,
			 .sel_col = s->kind,
			 .mark = (const uint8_t *)s->marked,
			 .focused = view_focused(v, SP_MAP)};
	int have = 0;

	for (int i = 0; i < s->mats; i++)
		have += s->have[i];
	view_title(v, SP_MAP, "layers × matrices · %s", sp_stat_name[s->stat]);
	if (have < s->mats)
		view_note(v, SP_MAP, "%d/%d", have, s->mats);
	else
		view_note(v, SP_MAP, "%s", "");
	if (r.h > 4) {
		struct rect map = r;

		map.h -= 2;
		heat_draw(c, map, &h, &s->heat);
		heat_ramp(c, r.x + 1, r.y + r.h - 1, r.w - 2, &h);
	} else {
		heat_draw(c, r, &h, &s->heat);
	}
}

static void
fact(struct canvas *c, struct rect r, int slot, const char *label, const char *value)
{
	int w = r.w / 2, x = r.x + 1 + (slot % 2) * w, y = r.y + slot / 2;

	if (slot / 2 >= r.h)
		return;
	canvas_text(c, x, y, w - 2, canvas_style(c, TH_DIM), label);
	canvas_right(c, x, y, w - 3, canvas_style(c, TH_TEXT), value);
}

static void
draw_facts(struct view *v, struct spectrum *s, struct canvas *c, struct rect r)
{
	int mat = sp_matrix(s);
	const struct weight *w = model_matrix(s->w->ui.model, mat);
	const struct spectrum_stats *t = &s->stats[mat];
	char a[40];

	view_title(v, SP_FACTS, "%s", w->name);
	if (!s->have[mat]) {
		canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_STALE),
			    s->w->decomposing ? "not decomposed yet: the map fills in as it comes"
					      : KEYS_IN(v->app, models_view.number, UNDECOMPOSED));
		return;
	}
	if (sp_beside_facts(v, s, c, r))
		return;
	fact(c, r, 0, "spectral norm", gauge_number(a, sizeof a, t->spectral_norm));
	fact(c, r, 1, "stable rank", gauge_number(a, sizeof a, t->stable_rank));
	fact(c, r, 2, "frobenius", gauge_number(a, sizeof a, t->frobenius_norm));
	fact(c, r, 3, "effective rank", gauge_number(a, sizeof a, t->effective_rank));
	fact(c, r, 4, "tail exponent", gauge_number(a, sizeof a, t->tail_exponent));
	snprintf(a, sizeof a, "%d", t->energy90);
	fact(c, r, 5, "90 % energy at", a);
	snprintf(a, sizeof a, "%.3g", t->noise_edge);
	fact(c, r, 6, "noise edge", a);
	snprintf(a, sizeof a, "%d", t->above_edge);
	fact(c, r, 7, "above edge", a);
}

static double *
curve(const struct spectrum *s, const double *sigma, int r, const float *z, int *n)
{
	double *y = malloc((size_t)r * sizeof *y), sum = 0, part = 0;

	*n = 0;
	if (!y)
		return NULL;
	*n = r;
	for (int i = 0; i < r; i++) {
		y[i] = sigma[i] * (z ? (double)z[i] : 1);
		sum += y[i] * y[i];
	}
	for (int i = 0; i < r && s->energy; i++) {
		part += y[i] * y[i];
		y[i] = sum > 0 ? part / sum : 0;
	}
	return y;
}

static double *
curve_of(const struct spectrum *s, int mat, const float *z, int *n)
{
	const struct factor *f = factors_get(s->w->ui.factors, mat);

	*n = 0;
	return f ? curve(s, f->sigma64, f->r, z, n) : NULL;
}

static void
draw_curve(struct view *v, struct spectrum *s, struct canvas *c, struct rect r)
{
	struct plot_series series[SERIES];
	struct plot_mark mark = {.across = true, .label = "noise edge"};
	double *data[SERIES];
	char name[SERIES][64];
	int n = 0, mat = sp_matrix(s);
	const struct weight *w = model_matrix(s->w->ui.model, mat);
	const struct beside_matrix *x = sp_beside(s);
	char other[128];
	struct plot p = {.series = series,
			 .whole_x = true,
			 .log_y = !s->linear && !s->energy,
			 .cursor = s->cursor,
			 .empty = s->w->decomposing
					  ? "this matrix is not decomposed yet"
					  : KEYS_IN(v->app, models_view.number, UNDECOMPOSED)};

	memset(series, 0, sizeof series);
	for (int i = 0; i < s->experts && n < SERIES - 2; i++) {
		const float *z;

		if (!s->expert[i].shown || !(z = sp_z(s, i, mat)))
			continue;
		data[n] = curve_of(s, mat, z, &series[n].n);
		snprintf(name[n], sizeof name[n], "σ·z %s", s->w->experts.v[i].name);
		series[n].style = theme_series(c->theme, theme_slot(s->w->experts.v[i].name));
		n++;
	}
	if (x && x->sigma) {
		data[n] = curve(s, x->sigma, x->r, NULL, &series[n].n);
		snprintf(name[n], sizeof name[n], "σ %.50s", s->w->beside->name);
		series[n].style = theme_series(c->theme, theme_slot(s->w->beside->name));
		n++;
	}
	for (int k = 0; k <= s->mats && n < SERIES;
	     k++) { /* the selected one last: drawn over the others */
		int at = k == s->mats ? mat : k;

		if (k < s->mats && (!s->marked[k] || k == mat))
			continue;
		data[n] = curve_of(s, at, NULL, &series[n].n);
		snprintf(name[n], sizeof name[n], k == s->mats ? "σ" : "%d %s", at / MAT_KINDS,
			 mat_kind_name(at % MAT_KINDS));
		series[n].style =
			k == s->mats ? canvas_style(c, TH_STRONG) : theme_series(c->theme, 8 + n);
		n++;
	}
	for (int i = 0; i < n; i++) {
		series[i].y = data[i];
		series[i].name = name[i];
	}
	p.nseries = n;
	if (s->have[mat] && !s->energy && s->stats[mat].noise_edge > 0) {
		mark.at = s->stats[mat].noise_edge;
		p.marks = &mark;
		p.nmarks = 1;
	}
	sp_beside_note(s, other, sizeof other);
	view_title(v, SP_CURVE, "layer %d  %s  %d × %d  r %d%s%s", s->layer, mat_kind_name(s->kind),
		   w->m, w->n, weight_rank(w), s->energy ? "  cumulative energy" : "", other);
	view_note(v, SP_CURVE, "%s",
		  s->energy   ? KEYS(v, "{energy} σ")
		  : s->linear ? KEYS(v, "linear · {log-linear} log")
			      : KEYS(v, "log · {log-linear} linear"));
	plot_draw(c, r, &p, &s->plot);
	for (int i = 0; i < n; i++)
		free(data[i]);
}

static void
z_bars(struct spectrum *s, struct canvas *c, struct rect r, int i, double limit, int at)
{
	int mat = sp_matrix(s), n = weight_rank(model_matrix(s->w->ui.model, mat));
	const struct factor *f = factors_get(s->w->ui.factors, mat);
	const float *z = sp_z(s, i, mat);
	double *d = malloc((size_t)n * sizeof *d), lo = 0, hi = 0, moved = 0, norm = 0;
	const char *name = s->w->experts.v[i].name;
	struct style st = theme_series(c->theme, theme_slot(name));
	struct rect bars = r;
	char line[200], sigma[32];

	if (!d)
		return;
	for (int k = 0; k < n; k++) {
		d[k] = z ? (double)z[k] - 1 : 0;
		lo = fmin(lo, d[k]);
		hi = fmax(hi, d[k]);
		if (f) {
			moved += f->sigma64[k] * d[k] * f->sigma64[k] * d[k];
			norm += f->sigma64[k] * f->sigma64[k];
		}
	}
	bars.h--;
	if (z)
		plot_bars(c, bars, d, n, limit, at);
	if (!z)
		snprintf(line, sizeof line, "leaves this matrix alone");
	else if (at >= 0 && at < n)
		snprintf(line, sizeof line, "component %d: z = %.3f, σ = %s", at, d[at] + 1,
			 f ? gauge_number(sigma, sizeof sigma, f->sigma64[at]) : "not known yet");
	else
		snprintf(line, sizeof line, "z %.3f … %.3f   moves %.1f %% of ‖W‖", 1 + lo, 1 + hi,
			 norm > 0 ? 100 * sqrt(moved / norm) : 0);
	canvas_printf(c, r.x + 1, r.y + r.h - 1, r.w - 2, st, "%s", name);
	canvas_text(c, r.x + 2 + (int)strlen(name), r.y + r.h - 1, r.w - 3 - (int)strlen(name),
		    canvas_style(c, TH_DIM), line);
	free(d);
}

/* The two experts compared: the first two shown. */
static bool
pair(const struct spectrum *s, int *a, int *b)
{
	*a = *b = -1;
	for (int i = 0; i < s->experts; i++) {
		if (!s->expert[i].shown)
			continue;
		if (*a < 0)
			*a = i;
		else if (*b < 0)
			*b = i;
	}
	return *b >= 0;
}

static double
cosine(struct spectrum *s, int a, int b, int mat)
{
	struct zcompare k;

	if (!sp_z(s, a, mat) || !sp_z(s, b, mat)) /* reads them, too */
		return 0;
	zcompare_of(s->expert[a].z, s->expert[b].z, mat, mat + 1, &k);
	return k.cosine;
}

static void
draw_z(struct view *v, struct spectrum *s, struct canvas *c, struct rect r)
{
	int a, b, i = sp_selected_expert(s), at = isnan(s->cursor) ? -1 : (int)s->cursor;

	view_note(v, SP_Z, "%s", "");
	if (s->compare && pair(s, &a, &b) && r.h >= 6) {
		struct rect top = r, bottom = r;

		view_title(v, SP_Z, "z − 1 by component · %s and %s", s->w->experts.v[a].name,
			   s->w->experts.v[b].name);
		view_note(v, SP_Z, "cosine %+.2f", cosine(s, a, b, sp_matrix(s)));
		top.h = r.h / 2;
		bottom.y += top.h;
		bottom.h -= top.h;
		z_bars(s, c, top, a, 0, at);
		z_bars(s, c, bottom, b, 0, at);
		return;
	}
	view_title(v, SP_Z, "z − 1 by component");
	if (i < 0) {
		canvas_wrap(c, rect_inset(r, 1, 0), canvas_style(c, TH_DIM),
			    KEYS(v, "No expert to show. {train} trains one."), 0);
		return;
	}
	z_bars(s, c, r, i, 0, at);
}

void
sp_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r)
{
	struct spectrum *s = state;

	switch (pane) {
	case SP_MAP:
		if (v->single &&
		    r.h >= s->layers + 3 +
				    9) { /* a small screen: the curve that the map's cursor draws stands below it */
			struct rect map = r, curve = r;

			map.h = s->layers + 3;
			curve.y += map.h + 1;
			curve.h -= map.h + 1;
			canvas_hline(c, r.x, r.y + map.h, r.w, canvas_style(c, TH_BORDER));
			draw_map(v, s, c, map);
			draw_curve(v, s, c, curve);
		} else {
			draw_map(v, s, c, r);
		}
		break;
	case SP_FACTS:
		draw_facts(v, s, c, r);
		break;
	case SP_EXPERTS:
		table_draw(&s->table, c, r, view_focused(v, SP_EXPERTS));
		break;
	case SP_CURVE:
		draw_curve(v, s, c, r);
		break;
	default:
		draw_z(v, s, c, r);
	}
}

static void
dump_experts(const struct spectrum *s, struct strbuf *out)
{
	strbuf_str(out, "expert,task,base,accuracy,shown\n");
	for (int i = 0; i < s->table.nmap; i++) {
		int row = s->table.map[i];
		const struct expert_row *e = &s->w->experts.v[row];

		strbuf_csv(out, e->name);
		strbuf_char(out, ',');
		strbuf_csv(out, e->task);
		strbuf_char(out, ',');
		strbuf_number(out, e->base_accuracy);
		strbuf_char(out, ',');
		strbuf_number(out, e->accuracy);
		strbuf_str(out, s->expert[row].shown ? ",yes\n" : ",no\n");
	}
}

bool
sp_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out)
{
	struct spectrum *s = state;
	const struct model *m = s->w->ui.model;
	int mat = sp_matrix(s), rows;
	const struct factor *a = factors_get(s->w->ui.factors, mat);
	const struct beside_matrix *x = sp_beside(s);

	(void)v;
	if (pane == SP_EXPERTS) {
		if (f == DUMP_CSV)
			dump_experts(s, out);
		else
			table_dump(&s->table, false, out);
		return true;
	}
	if (f != DUMP_CSV)
		return false;
	if (pane == SP_MAP || pane == SP_FACTS) {
		strbuf_str(out, "matrix,spectral_norm,frobenius_norm,stable_rank,effective_rank,"
				"tail_exponent,noise_edge,above_edge\n");
		for (int i = 0; i < s->mats; i++) {
			const struct spectrum_stats *t = &s->stats[i];

			if (s->have[i])
				strbuf_printf(out, "%s,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%d\n",
					      model_matrix(m, i)->name, t->spectral_norm,
					      t->frobenius_norm, t->stable_rank, t->effective_rank,
					      t->tail_exponent, t->noise_edge, t->above_edge);
		}
		return true;
	}
	if (!a)
		return false;
	strbuf_str(out, "component,sigma");
	for (int i = 0; i < s->experts; i++)
		if (s->expert[i].shown)
			strbuf_printf(out, ",z %s", s->w->experts.v[i].name);
	if (x && x->sigma)
		strbuf_printf(out, ",sigma %s", s->w->beside->name);
	strbuf_str(out, "\n");
	rows = x && x->sigma && x->r > a->r ? x->r : a->r;
	for (int k = 0; k < rows; k++) {
		strbuf_printf(out, "%d,", k);
		if (k < a->r)
			strbuf_printf(out, "%.17g", a->sigma64[k]);
		for (int i = 0; i < s->experts; i++) {
			const float *z = s->expert[i].shown ? sp_z(s, i, mat) : NULL;

			if (s->expert[i].shown && k < a->r)
				strbuf_printf(out, ",%.9g", z ? (double)z[k] : 1.0);
			else if (s->expert[i].shown)
				strbuf_char(out, ',');
		}
		if (x && x->sigma && k < x->r)
			strbuf_printf(out, ",%.17g", x->sigma[k]);
		else if (x && x->sigma)
			strbuf_char(out, ',');
		strbuf_str(out, "\n");
	}
	return true;
}
