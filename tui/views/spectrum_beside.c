/* The second model of the Spectrum view: its curve over the open one's, and by how much the statistics differ. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/complete.h"
#include "tui/views/spectrum.h"
#include "tui/widgets/gauge.h"

const struct beside_matrix *
sp_beside(const struct spectrum *s)
{
	if (!s->beside || !s->w->beside)
		return NULL;
	return beside_find(s->w->beside, model_matrix(s->w->ui.model, sp_matrix(s))->name);
}

bool
sp_beside_toggle(struct view *v, struct spectrum *s)
{
	if (!s->w->beside)
		return false;
	s->beside = !s->beside;
	if (s->beside && !sp_beside(s))
		app_say(v->app, "%s has no matrix of this name", s->w->beside->name);
	return true;
}

static void
with_typed(struct app *a, void *arg, const char *text)
{
	(void)a;
	if (*text)
		sp_beside_with(((struct spectrum *)arg)->view, arg, text);
}

void
sp_beside_with(struct view *v, void *state, const char *text)
{
	struct spectrum *s = state;
	struct app_prompt p = {.label = "compare with the model (Tab completes): ",
			       .model = true,
			       .done = with_typed,
			       .arg = s};
	char given[1024], path[1024], real[PATH_MAX];
	struct t2_err err;
	bool shipped;

	if (!text) {
		app_prompt(v->app, &p);
		return;
	}
	if (!path_expand(text, given, sizeof given)) {
		app_error(v->app, "%.40s...: the path is too long", text);
		return;
	}
	if (workspace_path(&s->w->ui, given, path, sizeof path, &shipped, &err)) {
		app_fail(v->app, &err);
		return;
	}
	if (!strcmp(realpath(path, real) ? real : path, model_path(s->w->ui.model))) {
		app_say(v->app, "%s is the open one: another is wanted", s->w->ui.name);
		return;
	}
	s->beside = true;
	beside_start(v->app, s->w, path, shipped ? "sample" : "");
}

void
sp_beside_note(const struct spectrum *s, char *out, size_t size)
{
	const struct beside_matrix *x = sp_beside(s);
	const struct weight *w = model_matrix(s->w->ui.model, sp_matrix(s));

	out[0] = 0;
	if (!s->beside || !s->w->beside)
		return;
	if (!x)
		snprintf(out, size, " · %.40s has none of this name", s->w->beside->name);
	else if (!x->sigma)
		snprintf(out, size, " · %.40s: not decomposed", s->w->beside->name);
	else if (x->m != w->m || x->n != w->n)
		snprintf(out, size, " · %.40s is %d × %d", s->w->beside->name, x->m, x->n);
	else
		snprintf(out, size, " · %.40s", s->w->beside->name);
}

/* What is compared: label, value here and there. */
struct pair {
	const char *label, *brief;
	double a, b;
	bool count; /* whole numbers */
};

enum { PAIRS = 8 };

static void
pairs(const struct spectrum_stats *x, const struct spectrum_stats *y, struct pair out[PAIRS])
{
	const struct pair all[PAIRS] = {
		{"spectral norm", "spectral", x->spectral_norm, y->spectral_norm, false},
		{"stable rank", "stable r", x->stable_rank, y->stable_rank, false},
		{"frobenius", "frobenius", x->frobenius_norm, y->frobenius_norm, false},
		{"effective rank", "effect. r", x->effective_rank, y->effective_rank, false},
		{"tail exponent", "tail", x->tail_exponent, y->tail_exponent, false},
		{"90 % energy at", "90 % at", x->energy90, y->energy90, true},
		{"noise edge", "edge", x->noise_edge, y->noise_edge, false},
		{"above edge", "above", x->above_edge, y->above_edge, true},
	};

	for (int i = 0; i < PAIRS; i++)
		out[i] = all[i];
}

static const char *
value(char *buf, size_t size, const struct pair *p, double v)
{
	if (!p->count)
		return gauge_number(buf, size, v);
	snprintf(buf, size, "%.0f", v);
	return buf;
}

static const char *
difference(char *buf, size_t size, const struct pair *p)
{
	char n[32];
	double d = p->a - p->b;

	snprintf(buf, size, "%s%s", d > 0 ? "+" : d < 0 ? "−" : "", value(n, sizeof n, p, fabs(d)));
	return buf;
}

/* Four columns where there is room for a line each. */
static void
draw_long(struct canvas *c, struct rect r, const struct pair *p, const char *name)
{
	int w = (r.w - 18) / 3;
	char b[40];

	canvas_right(c, r.x + 16, r.y, w, canvas_style(c, TH_DIM), "here");
	canvas_right(c, r.x + 17 + w, r.y, w, canvas_style(c, TH_DIM), name);
	canvas_right(c, r.x + 18 + 2 * w, r.y, w - 2, canvas_style(c, TH_DIM), "difference");
	for (int i = 0; i < PAIRS; i++) {
		int y = r.y + 1 + i;

		canvas_text(c, r.x + 1, y, 14, canvas_style(c, TH_DIM), p[i].label);
		canvas_right(c, r.x + 16, y, w, canvas_style(c, TH_TEXT),
			     value(b, sizeof b, &p[i], p[i].a));
		canvas_right(c, r.x + 17 + w, y, w, canvas_style(c, TH_TEXT),
			     value(b, sizeof b, &p[i], p[i].b));
		canvas_right(c, r.x + 18 + 2 * w, y, w - 2, canvas_style(c, TH_STRONG),
			     difference(b, sizeof b, &p[i]));
	}
}

bool
sp_beside_facts(struct view *v, struct spectrum *s, struct canvas *c, struct rect r)
{
	const struct beside_matrix *x = sp_beside(s);
	struct pair p[PAIRS];
	int w = r.w / 2;
	char b[40];

	if (!x || !x->sigma || !s->have[sp_matrix(s)])
		return false;
	pairs(&s->stats[sp_matrix(s)], &x->stats, p);
	view_title(v, SP_FACTS, "less %s: %s", s->w->beside->name, x->name);
	if (r.h > PAIRS) {
		draw_long(c, r, p, s->w->beside->name);
		return true;
	}
	for (int i = 0; i < PAIRS && i / 2 < r.h; i++) {
		int at = r.x + 1 + (i % 2) * w, y = r.y + i / 2;

		canvas_text(c, at, y, 9, canvas_style(c, TH_DIM), p[i].brief);
		canvas_right(c, at + 9, y, 6, canvas_style(c, TH_TEXT),
			     value(b, sizeof b, &p[i], p[i].a));
		canvas_right(c, at + 15, y, w - 17, canvas_style(c, TH_STRONG),
			     difference(b, sizeof b, &p[i]));
	}
	return true;
}
