/* Drawing and export of the Mix view. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/strbuf.h"
#include "tui/app.h"
#include "tui/utf8.h"
#include "tui/views/mix.h"
#include "tui/widgets/gauge.h"

enum { NARROWEST = 17 }; /* a column of answers */

static const char *const kinds[MAT_KINDS] = {"q", "k", "v", "o", "gate", "up", "down"};

/* -- resulting z ------------------------------------------------------------------------------------------------- */

static void
draw_z(struct view *v, struct mix *s, struct canvas *c, struct rect r)
{
	const struct mix_stats *x = &s->stats;
	struct heat h = {.rows = s->layers,
			 .cols = MAT_KINDS,
			 .v = s->is_signed ? x->mean : x->far,
			 .col_name = kinds,
			 .diverging = s->is_signed,
			 .sel_row = s->layer,
			 .sel_col = s->kind,
			 .focused = view_focused(v, MIX_Z)};
	int at = mix_matrix(s);
	struct rect map = r;

	view_title(v, MIX_Z, "resulting z · %s", s->is_signed ? "mean z−1" : "mean |z−1|");
	view_note(v, MIX_Z, "%s",
		  x->n && x->of != s->changes ? "computing ..."
		  : s->is_signed	      ? KEYS(v, "{statistic} |z−1|")
					      : KEYS(v, "{statistic} z−1"));
	if (x->n != s->mats) {
		canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, s->set.k ? TH_STALE : TH_DIM),
			    s->set.k ? "reading the experts' z ..." : "base weights: z is 1");
		return;
	}
	if (r.h >= 5)
		map.h--;
	heat_draw(c, map, &h, &s->heat);
	if (r.h >= 5)
		canvas_printf(c, r.x + 1, r.y + r.h - 1, r.w - 2, canvas_style(c, TH_DIM),
			      "%d %s  |z−1| %.3f  z %.3g … %.3g", s->layer, kinds[s->kind],
			      x->far[at], x->lo[at], x->hi[at]);
}

/* -- answers ------------------------------------------------------------------------------------------------------ */

static struct style
column_style(const struct canvas *c, const struct mix_column *k)
{
	if (k->kind == COLUMN_EXPERT)
		return theme_series(c->theme, theme_slot(k->name));
	return canvas_style(c, k->kind == COLUMN_BASE	   ? TH_DIM
			       : k->kind == COLUMN_MIXTURE ? TH_STRONG
							   : TH_TEXT);
}

static void
draw_figures(struct view *v, struct canvas *c, struct rect r, const struct mix_column *k,
	     const struct mix_column *base, bool prompt)
{
	struct style dim = canvas_style(c, TH_DIM);
	char a[40] = "", b[40] = "", n[24];
	bool rate = gauge_rate_means(k->n, k->rate);
	/* what is said of an answer against base holds for all of it, under the setting that stands above it */
	bool whole = k->state >= COLUMN_DONE && !k->dirty;

	switch (k->state) {
	case COLUMN_IDLE:
		snprintf(a, sizeof a, "%s",
			 KEYS(v, prompt ? "{ask-again} asks" : "{ask-again} writes a prompt"));
		break;
	case COLUMN_ASKED:
		snprintf(a, sizeof a, "waiting ...");
		break;
	case COLUMN_STREAMS:
		snprintf(a, sizeof a, "%d tokens", k->n);
		break;
	case COLUMN_STOPPED:
		snprintf(a, sizeof a, k->n ? "stopped at %d" : "stopped", k->n);
		break;
	default:
		if (rate)
			snprintf(a, sizeof a, "%s tok/s", gauge_number(n, sizeof n, k->rate));
		else
			snprintf(a, sizeof a, "%d tokens", k->n);
	}
	if (k->dirty && k->state >= COLUMN_DONE)
		snprintf(a, sizeof a, "%s", KEYS(v, "{ask-again} asks anew"));
	canvas_text(c, r.x, r.y, r.w, dim, a);
	if (r.h < 2)
		return;
	if (k->kind == COLUMN_BASE && k->state == COLUMN_DONE && rate && !k->dirty)
		snprintf(b, sizeof b, "%d tokens", k->n);
	else if (k->kind != COLUMN_BASE && !isnan(k->kl) && whole)
		snprintf(b, sizeof b, r.w >= 23 ? "KL to base %s/token" : "KL %s/token",
			 gauge_number(n, sizeof n, k->kl));
	canvas_text(c, r.x, r.y + 1, r.w, dim, b);
	if (r.h < 3 || k->kind == COLUMN_BASE || !k->n || !whole || base->state != COLUMN_DONE)
		return;
	if (k->differ)
		canvas_printf(c, r.x, r.y + 2, r.w, dim, "%d of %d differ", k->differ, k->n);
	else
		canvas_text(c, r.x, r.y + 2, r.w, dim, "as base");
}

static void
draw_column(struct view *v, struct mix *s, struct canvas *c, struct rect r, int i, int head)
{
	struct mix_column *k = &s->column[i];
	int low = r.h > 9 ? 3 : r.h > 5 ? 2 : 1;
	struct rect text = {r.x + 1, r.y + head, r.w - 2, r.h - head - low};
	struct style name = column_style(c, k);
	bool on = i == s->at && view_focused(v, MIX_ANSWERS);

	if (on)
		canvas_fill(c, (struct rect){r.x, r.y, r.w, head}, canvas_style(c, TH_SELECT));
	name.bg = COLOR_KEEP;
	name.attr |= ATTR_BOLD;
	canvas_text(c, r.x, r.y, 1, name, on ? "▸" : k->kind == COLUMN_PIN ? "▪" : " ");
	if (head > 1)
		canvas_wrap(c, (struct rect){r.x + 1, r.y, r.w - 2, head}, name, k->name, 0);
	else
		canvas_text(c, r.x + 1, r.y, r.w - 2, name, k->name);
	k->flow.streaming = k->state == COLUMN_STREAMS;
	if (k->state == COLUMN_DONE && !k->flow.text.len)
		canvas_text(c, text.x, text.y, text.w, canvas_style(c, TH_DIM), "(nothing said)");
	else
		flow_draw(&k->flow, c, text);
	draw_figures(v, c, (struct rect){r.x + 1, r.y + r.h - low, r.w - 2, low}, k, &s->column[0],
		     *editor_text(&s->prompt));
}

static void
draw_answers(struct view *v, struct mix *s, struct canvas *c, struct rect r)
{
	int n = s->ncolumns, fit = (r.w + 1) / (NARROWEST + 1), head = 1;

	s->shown = n < fit ? n : fit;
	if (s->shown < 1)
		return;
	if (s->at < s->first_shown)
		s->first_shown = s->at;
	if (s->at >= s->first_shown + s->shown)
		s->first_shown = s->at - s->shown + 1;
	if (s->first_shown > n - s->shown)
		s->first_shown = n - s->shown;
	view_title(v, MIX_ANSWERS, "answers");
	if (s->shown < n)
		view_note(v, MIX_ANSWERS, "%d–%d of %d", s->first_shown + 1,
			  s->first_shown + s->shown, n);
	else if (s->busy)
		view_note(v, MIX_ANSWERS, "Esc stops");
	else
		view_note(v, MIX_ANSWERS, "%s",
			  s->automatic ? "follow the sliders" : KEYS(v, "{ask-again} asks anew"));
	/* Two lines for the names where one of them needs them and the answers can spare one. */
	for (int i = 0; i < s->shown && r.h > 10; i++)
		if (utf8_width_str(s->column[s->first_shown + i].name) > r.w / s->shown - 3)
			head = 2;
	for (int i = 0; i < s->shown; i++) {
		int x0 = i * (r.w + 1) / s->shown, x1 = (i + 1) * (r.w + 1) / s->shown - 1;

		draw_column(v, s, c, (struct rect){r.x + x0, r.y, x1 - x0, r.h}, s->first_shown + i,
			    head);
		if (i + 1 < s->shown)
			canvas_vline(c, r.x + x1, r.y, r.h, canvas_style(c, TH_BORDER));
	}
}

static void
draw_prompt(struct view *v, struct mix *s, struct canvas *c, struct rect r)
{
	bool edit = v->editing && v->focus == MIX_PROMPT;

	view_title(v, MIX_PROMPT, "prompt");
	view_note(v, MIX_PROMPT, "%s",
		  edit ? "Enter asks, Alt-Enter breaks the line" : KEYS(v, "{edit} edits"));
	canvas_fill(c, r, canvas_style(c, edit ? TH_FIELD_EDIT : TH_TEXT));
	if (!edit && !*editor_text(&s->prompt)) {
		canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_DIM),
			    KEYS(v, "{edit} to write, then Enter asks every column at once"));
		return;
	}
	editor_draw(&s->prompt, c, rect_inset(r, 1, 0), edit);
}

void
mix_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r)
{
	struct mix *s = state;
	struct rect top = r, low = r;

	switch (pane) {
	case MIX_SLIDERS:
		top.h = mix_rows(s) + 2;
		if (v->single && r.h >= top.h + 7) { /* a small screen: what is said, below */
			low.y += top.h + 1;
			low.h -= top.h + 1;
			canvas_hline(c, r.x, r.y + top.h, r.w, canvas_style(c, TH_BORDER));
			mix_sliders_draw(v, s, c, top);
			draw_answers(v, s, c, low);
		} else {
			mix_sliders_draw(v, s, c, r);
		}
		break;
	case MIX_Z:
		draw_z(v, s, c, r);
		break;
	case MIX_SAVED:
		table_draw(&s->table, c, r, view_focused(v, MIX_SAVED));
		break;
	case MIX_ANSWERS:
		if (v->single && r.h >= 14) { /* the question below its answers */
			top.h -= 3;
			low.y += r.h - 2;
			low.h = 2;
			draw_answers(v, s, c, top);
			canvas_hline(c, r.x, low.y - 1, r.w, canvas_style(c, TH_BORDER));
			canvas_wrap(c, rect_inset(low, 1, 0), canvas_style(c, TH_DIM),
				    *editor_text(&s->prompt)
					    ? editor_text(&s->prompt)
					    : KEYS(v, "No prompt yet: {ask-again} writes one."),
				    0);
		} else {
			draw_answers(v, s, c, r);
		}
		break;
	case MIX_PROMPT:
		draw_prompt(v, s, c, r);
		break;
	default:
		mix_search_draw(v, s, c, r);
	}
}

/* -- export ------------------------------------------------------------------------------------------------------- */

static void
csv_field(struct strbuf *out, const char *s)
{
	strbuf_char(out, '"');
	for (; *s; s++) {
		if (*s == '"')
			strbuf_char(out, '"');
		strbuf_char(out, *s);
	}
	strbuf_char(out, '"');
}

static void
dump_sliders(struct mix *s, bool csv, struct strbuf *out)
{
	double w[MIXING_EXPERTS];
	bool uniform = mixing_uniform(&s->set);

	if (!csv)
		strbuf_printf(out, "mixture %s%s\n", s->name,
			      s->set.normalise ? ", normalised" : "");
	else
		strbuf_str(out, "expert,matrix,alpha,applied\n");
	for (int e = 0; e < s->set.k; e++)
		for (int mat = 0; mat < (uniform ? 1 : s->mats); mat++) {
			double a = s->set.alpha[(size_t)e * (size_t)s->mats + (size_t)mat];
			const char *name =
				uniform ? "all" : model_matrix(s->w->ui.model, mat)->name;

			if (!mixing_applied(&s->set, mat, w))
				w[e] = NAN;
			if (csv) {
				csv_field(out, s->set.name[e]);
				strbuf_printf(out, ",%s,%.17g,", name, a);
				if (!isnan(w[e]))
					strbuf_printf(out, "%.17g", w[e]);
				strbuf_char(out, '\n');
			} else {
				strbuf_printf(out, "%-16s %s %10.4g\n", s->set.name[e], name, a);
			}
		}
}

static bool
dump_z(struct mix *s, bool csv, struct strbuf *out)
{
	const struct mix_stats *x = &s->stats;

	if (!csv || x->n != s->mats || x->of != s->changes)
		return false;
	strbuf_str(out, "matrix,mean_abs_z_minus_1,mean_z_minus_1,min_z,max_z\n");
	for (int i = 0; i < s->mats; i++)
		strbuf_printf(out, "%s,%.9g,%.9g,%.9g,%.9g\n",
			      model_matrix(s->w->ui.model, i)->name, x->far[i], x->mean[i],
			      x->lo[i], x->hi[i]);
	return true;
}

static void
dump_answers(struct mix *s, bool csv, struct strbuf *out)
{
	if (csv)
		strbuf_str(out, "setting,tokens,tokens_per_s,kl_to_base,differ,text\n");
	else
		strbuf_printf(out, "%s\n", s->asked_prompt ? s->asked_prompt : "");
	for (int i = 0; i < s->ncolumns; i++) {
		const struct mix_column *k = &s->column[i];

		if (!csv) {
			strbuf_printf(out, "\n%s\n%s\n", k->name, flow_text(&k->flow));
			continue;
		}
		csv_field(out, k->name);
		strbuf_printf(out, ",%d,", k->n);
		if (k->rate > 0)
			strbuf_printf(out, "%.6g", k->rate);
		strbuf_char(out, ',');
		if (!isnan(k->kl))
			strbuf_printf(out, "%.9g", k->kl);
		strbuf_printf(out, ",%d,", k->differ);
		csv_field(out, flow_text(&k->flow));
		strbuf_char(out, '\n');
	}
}

bool
mix_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out)
{
	struct mix *s = state;
	bool csv = f == DUMP_CSV;

	(void)v;
	switch (pane) {
	case MIX_SLIDERS:
		dump_sliders(s, csv, out);
		return true;
	case MIX_Z:
		return dump_z(s, csv, out);
	case MIX_SAVED:
		table_dump(&s->table, csv, out);
		return true;
	case MIX_ANSWERS:
		dump_answers(s, csv, out);
		return true;
	case MIX_PROMPT:
		if (!csv)
			strbuf_str(out, editor_text(&s->prompt));
		return !csv;
	default:
		return csv && mix_search_dump(s, out);
	}
}
