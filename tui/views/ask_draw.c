/* Drawing of the Ask view. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/shown.h"
#include "tui/views/ask.h"
#include "tui/widgets/gauge.h"

enum { BAR_MAX = 40 }; /* a longer one says no more */

static void
draw_prompt(struct view *v, struct ask *s, struct canvas *c, struct rect r)
{
	bool edit = v->editing && v->focus == ASK_PROMPT;

	view_title(v, ASK_PROMPT, "prompt");
	view_note(v, ASK_PROMPT, edit ? "Enter asks, Alt-Enter breaks the line" : "strategy %s",
		  shown_strategy(s->strategy[s->choice]));
	canvas_fill(c, r, canvas_style(c, edit ? TH_FIELD_EDIT : TH_TEXT));
	if (!edit && !*editor_text(&s->editor)) {
		canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_DIM),
			    KEYS(v, "Write a prompt first: {edit} begins, then Enter asks."));
		return;
	}
	editor_draw(&s->editor, c, rect_inset(r, 1, 0), edit);
}

/* The label that the evidence favours, where that is not what the model said (which decides); else -1. */
static int
other_favourite(const struct ask_result *p)
{
	int top = 0;

	for (int i = 1; i < p->labels; i++)
		if (p->score[i] > p->score[top])
			top = i;
	return p->labels && strcmp(p->label[top], p->decision) ? top : -1;
}

static void
draw_scores(struct ask *s, struct canvas *c, struct rect r)
{
	const struct ask_result *p = s->pass1;
	double first = 0, second = 0;
	int x, width = 6, shown = p->labels < r.h ? p->labels : r.h, bar, y = 0,
	       other = other_favourite(p);
	char said[120], share[16];
	size_t n;

	for (int i = 0; i < p->labels; i++) {
		int w = (int)strlen(p->label[i]);

		width = w > width ? w : width;
		if (p->score[i] > first) {
			second = first;
			first = p->score[i];
		} else if (p->score[i] > second) {
			second = p->score[i];
		}
	}
	width = width > 14 ? 14 : width;
	bar = r.w > 70 ? r.w - width - 10 - 38 : r.w - width - 10;
	bar = bar > BAR_MAX ? BAR_MAX : bar;
	for (int i = 0; i < shown; i++) {
		bool chosen = !strcmp(p->label[i], p->decision);
		struct style st = canvas_style(c, chosen ? TH_STRONG : TH_TEXT);
		struct style tint = theme_series(c->theme, theme_slot(p->label[i]));

		canvas_text(c, r.x + 1, r.y + i, width, st, p->label[i]);
		canvas_hbar(c, r.x + 2 + width, r.y + i, bar, p->score[i], tint);
		canvas_printf(c, r.x + 3 + width + bar, r.y + i, 6, st, "%s",
			      gauge_share(share, sizeof share, p->score[i]));
	}
	x = r.x + width + bar + 13;
	if (r.w <= 70) {
		if (other >= 0 && shown < r.h)
			canvas_printf(c, r.x + 1, r.y + shown, r.w - 2, canvas_style(c, TH_WARN),
				      "the text decides, not the bars: %s", p->decision);
		return;
	}
	snprintf(said, sizeof said, "%s", p->said ? p->said : "");
	n = strlen(said);
	while (n && (said[n - 1] == '\n' || said[n - 1] == ' '))
		said[--n] = 0;
	if (other < 0) {
		canvas_printf(c, x, r.y + y++, 35, canvas_style(c, TH_STRONG), "decision: %s",
			      p->decision);
	} else {
		canvas_printf(c, x, r.y + y++, 35, canvas_style(c, TH_STRONG),
			      "decision: %s (by the text)", p->decision);
		canvas_printf(c, x, r.y + y++, 35, canvas_style(c, TH_WARN),
			      "bars (likelihoods) favour %s", p->label[other]);
	}
	canvas_printf(c, x, r.y + y++, 35, canvas_style(c, TH_DIM), "evidence: \"%s\"", said);
	if (second > 0 && y < r.h)
		canvas_printf(c, x, r.y + y++, 35, canvas_style(c, TH_DIM), "margin %.1f nat",
			      log(first / second));
	if (y >= r.h)
		return;
	if (s->done && s->done->expert[0])
		canvas_printf(c, x, r.y + y, 35, canvas_style(c, TH_DIM), "applied: z %s, %.1f ms",
			      s->done->expert, s->done->switch_ms);
	else if (s->done)
		canvas_text(c, x, r.y + y, 35, canvas_style(c, TH_DIM),
			    s->done->mixed ? "applied: a mixture" : "applied: base weights");
}

static void
draw_pass1(struct view *v, struct ask *s, struct canvas *c, struct rect r)
{
	const struct ask_result *p = s->pass1;
	char ms[32];

	view_note(v, ASK_PASS1, "%s", "");
	if (p) {
		view_title(v, ASK_PASS1, "pass 1 · %s",
			   shown_strategy(s->done ? s->done->strategy : s->asked));
		if (s->done && s->done->ms1 + s->done->ms2 > 0)
			view_note(v, ASK_PASS1, "%s (%.0f %% of total)",
				  gauge_time(ms, sizeof ms, p->ms1 / 1e3),
				  100 * s->done->ms1 / (s->done->ms1 + s->done->ms2));
		else
			view_note(v, ASK_PASS1, "%s", gauge_time(ms, sizeof ms, p->ms1 / 1e3));
		draw_scores(s, c, r);
		return;
	}
	view_title(v, ASK_PASS1, "pass 1");
	if (s->running && !s->answer.text.len)
		canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_STALE),
			    "asking which expert should answer ...");
	else if (s->running)
		canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_DIM),
			    "this strategy decides nothing");
	else if (s->done)
		canvas_printf(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_DIM),
			      "strategy %s decides nothing", shown_strategy(s->done->strategy));
	else
		canvas_wrap(c, rect_inset(r, 1, 0), canvas_style(c, TH_DIM),
			    "Here the model first says what kind of question it is: that picks the "
			    "expert whose z answers it.",
			    0);
}

static void
draw_answer(struct view *v, struct ask *s, struct canvas *c, struct rect r)
{
	const struct ask_result *d = s->done;
	struct rect top = r;
	char b[32], rate[40];

	if (d && gauge_rate_means(d->tokens, d->tokens_per_s))
		snprintf(rate, sizeof rate, "%s tok/s", gauge_number(b, sizeof b, d->tokens_per_s));
	else if (d)
		gauge_time(rate, sizeof rate, d->ms2 / 1e3);
	if (d && d->tokens > 0 && strcmp(d->decision, "none") && !isnan(d->kl))
		view_note(v, ASK_ANSWER, "%d tokens · %s · KL to base %s/token", d->tokens, rate,
			  gauge_number(b, sizeof b, d->kl / (double)d->tokens));
	else if (d)
		view_note(v, ASK_ANSWER, "%d tokens · %s", d->tokens, rate);
	else
		view_note(v, ASK_ANSWER, "%s", "");
	view_title(v, ASK_ANSWER, d ? "pass 2 · %s" : "pass 2%s",
		   d ? shown_strategy(d->decision) : "");
	if (s->base && r.h >= 4) {
		int rows = r.h / 3;
		struct rect low = {r.x + 1, r.y + r.h - rows, r.w - 2, rows};
		char line[4096];

		top.h -= rows + 1;
		canvas_hline(c, r.x, low.y - 1, r.w, canvas_style(c, TH_BORDER));
		snprintf(line, sizeof line, "base would say:%s", s->base);
		canvas_wrap(c, low, canvas_style(c, TH_DIM), line, 0);
	}
	s->answer.streaming = s->running && !d;
	if (!s->answer.text.len && !s->running) {
		if (!d)
			canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_DIM),
				    KEYS(v, "{ask} asks; the answer streams here, shaded by "
					    "probability"));
		else
			canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_DIM),
				    "(the model said nothing)");
		return;
	}
	flow_draw(&s->answer, c, rect_inset(top, 1, 0));
}

/* How far the applied expert moves each layer. */
static double *
layer_means(const struct zset *z, int layers)
{
	double *mean = calloc((size_t)layers, sizeof *mean);

	for (int l = 0; l < layers && mean; l++) {
		double sum = 0;
		int n = 0;

		for (int mat = l * MAT_KINDS; mat < (l + 1) * MAT_KINDS; mat++) {
			for (int j = 0; z->z[mat] && j < z->rank[mat]; j++)
				sum += fabs((double)z->z[mat][j] - 1);
			n += z->rank[mat];
		}
		mean[l] = n ? sum / n : 0;
	}
	return mean;
}

/* Reads the expert once, when it is first drawn. */
static const struct ask_moved *
moved_by(struct ask *s, const char *expert)
{
	struct ask_moved *m = &s->moved;
	int i = world_expert_index(s->w, expert);
	struct zset *z = NULL;

	if (!strcmp(m->expert, expert))
		return m;
	free(m->mean);
	*m = (struct ask_moved){.mean = NULL};
	snprintf(m->expert, sizeof m->expert, "%s", expert);
	if (i < 0)
		t2_fail(&m->err, T2_ENOTFOUND, "%s is no longer in the store", expert);
	else if (!workspace_expert_zset(&s->w->ui, s->w->experts.v[i].id, &z, &m->err) &&
		 !(m->mean = layer_means(z, model_config(s->w->ui.model)->layers)))
		t2_nomem(&m->err, "layers");
	zset_free(z);
	return m;
}

static void
draw_layers(struct view *v, struct ask *s, struct canvas *c, struct rect r)
{
	const char *name = s->done ? s->done->expert : "";
	const struct ask_moved *m = *name ? moved_by(s, name) : NULL;
	int bar = r.w - 11 < BAR_MAX ? r.w - 11 : BAR_MAX,
	    layers = model_config(s->w->ui.model)->layers;
	double top = 0;

	view_title(v, ASK_LAYERS, "layers");
	view_note(v, ASK_LAYERS, "%s", m && m->mean ? "mean |z−1|" : "");
	if (!m || !m->mean) {
		canvas_wrap(c, rect_inset(r, 1, 0), canvas_style(c, m ? TH_WARN : TH_DIM),
			    m		     ? m->err.msg
			    : !s->done	     ? "What the expert moves, layer by layer."
			    : s->done->mixed ? "A mixture: Mix shows what it moves."
					     : "base weights",
			    0);
		return;
	}
	for (int l = 0; l < layers; l++)
		top = fmax(top, m->mean[l]);
	for (int l = 0; l < layers && l < r.h; l++) {
		canvas_printf(c, r.x + 1, r.y + l, 3, canvas_style(c, TH_DIM), "%2d", l);
		canvas_hbar(c, r.x + 4, r.y + l, bar, top > 0 ? m->mean[l] / top : 0,
			    theme_series(c->theme, theme_slot(name)));
		canvas_printf(c, r.x + 5 + bar, r.y + l, 6, canvas_style(c, TH_TEXT), "%.3f",
			      m->mean[l]);
	}
}

void
ask_draw(struct view *v, void *state, int pane, struct canvas *c, struct rect r)
{
	struct ask *s = state;

	switch (pane) {
	case ASK_PROMPT:
		draw_prompt(v, s, c, r);
		break;
	case ASK_PASS1:
		draw_pass1(v, s, c, r);
		break;
	case ASK_ANSWER:
		draw_answer(v, s, c, r);
		break;
	case ASK_HISTORY:
		table_draw(&s->table, c, r, view_focused(v, ASK_HISTORY));
		break;
	default:
		draw_layers(v, s, c, r);
	}
}
