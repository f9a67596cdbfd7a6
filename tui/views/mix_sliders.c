/* The sliders of the Mix view: one an expert, and under the selected one its layers or matrices. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/job.h"
#include "tui/app.h"
#include "tui/views/mix.h"
#include "tui/widgets/slider.h"

enum { LABEL = 12 };
enum { SIDE = 10 }; /* a typed alpha lies between - SIDE and SIDE */

static const double notch = 0.05, fine = 0.01;

/* Moves of one slider that follow each other so closely are one step to undo. */
static const double one_move = 1.5;

/* -- rows ---------------------------------------------------------------------------------------------------- */

static int
groups(const struct mix *s)
{
	return s->per == PER_LAYER ? s->layers : s->per == PER_MATRIX ? s->mats : 0;
}

int
mix_rows(const struct mix *s)
{
	return s->set.k ? s->set.k + groups(s) : 0;
}

struct mix_row
mix_row(const struct mix *s, int i)
{
	int n = groups(s);

	if (i <= s->sel)
		return (struct mix_row){i, -1};
	if (i <= s->sel + n)
		return (struct mix_row){s->sel, i - s->sel - 1};
	return (struct mix_row){i - n, -1};
}

static int
row_at(const struct mix *s)
{
	return s->sel + s->group + 1;
}

static void
go_row(struct mix *s, int i)
{
	int n = mix_rows(s);
	struct mix_row r;

	if (!n)
		return;
	r = mix_row(s, i < 0 ? 0 : i >= n ? n - 1 : i);
	/* From an expert's layers up to another expert: onto that one, its layers stay below it. */
	s->sel = r.expert;
	s->group = r.group;
	if (r.group >= 0) {
		s->layer = s->per == PER_LAYER ? r.group : r.group / MAT_KINDS;
		if (s->per == PER_MATRIX)
			s->kind = r.group % MAT_KINDS;
	}
}

static double
row_value(const struct mix *s, struct mix_row r, bool *same)
{
	const double *a = s->set.alpha + (size_t)r.expert * (size_t)s->mats;
	double sum = 0;

	if (r.group < 0)
		return mixing_alpha(&s->set, r.expert, same);
	*same = true;
	if (s->per == PER_MATRIX)
		return a[r.group];
	a += (size_t)r.group * MAT_KINDS;
	for (int i = 0; i < MAT_KINDS; i++) {
		*same = *same && a[i] == a[0];
		sum += a[i];
	}
	return *same ? a[0] : sum / MAT_KINDS;
}

static void
row_set(struct mix *s, struct mix_row r, double v)
{
	if (r.group < 0)
		mixing_set(&s->set, r.expert, -1, v);
	else if (s->per == PER_MATRIX)
		mixing_set(&s->set, r.expert, r.group, v);
	else
		for (int i = 0; i < MAT_KINDS; i++)
			mixing_set(&s->set, r.expert, r.group * MAT_KINDS + i, v);
}

static const char *
row_label(const struct mix *s, struct mix_row r, char buf[MIXING_NAME])
{
	if (r.group < 0)
		snprintf(buf, MIXING_NAME, "%s", s->set.name[r.expert]);
	else if (s->per == PER_LAYER)
		snprintf(buf, MIXING_NAME, "  layer %d", r.group);
	else
		snprintf(buf, MIXING_NAME, "  %2d %s", r.group / MAT_KINDS,
			 mat_kind_name(r.group % MAT_KINDS));
	return buf;
}

/* Ends that hold every alpha: 0 and 1 unless somebody typed more. */
static struct slider
row_slider(const struct mix *s, struct mix_row r, bool *same)
{
	struct slider x = {.value = row_value(s, r, same),
			   .hi = 1,
			   .step = fine,
			   .mark = NAN,
			   .label_w = LABEL};

	for (size_t i = 0; i < (size_t)s->set.k * (size_t)s->mats; i++) {
		x.lo = fmin(x.lo, floor(s->set.alpha[i]));
		x.hi = fmax(x.hi, ceil(s->set.alpha[i]));
	}
	return x;
}

/* -- changing ------------------------------------------------------------------------------------------------ */

static void
change(struct mix *s, struct mix_row r, double v)
{
	double now = clock_seconds();
	char what[MIXING_NAME + 40], label[MIXING_NAME];
	bool same;

	if (row_value(s, r, &same) == v && same)
		return;
	if (s->edited_row != row_at(s) || now - s->edited_at > one_move) {
		row_label(s, r, label);
		snprintf(what, sizeof what, "move %s", label + strspn(label, " "));
		mix_undo_point(s, what);
	}
	s->edited_row = row_at(s);
	s->edited_at = now;
	row_set(s, r, v);
	mix_changed(s);
}

static bool
step(struct mix *s, double by)
{
	struct mix_row r = mix_row(s, row_at(s));
	bool same;
	struct slider x = row_slider(s, r, &same);

	slider_set(&x, x.value + by);
	change(s, r, x.value);
	return true;
}

void
mix_sliders_end(struct mix *s, double value)
{
	if (s->set.k)
		change(s, mix_row(s, row_at(s)), value);
}

bool
mix_sliders_action(struct view *v, struct mix *s, enum action a)
{
	int page = s->rows.h > 2 ? s->rows.h - 1 : 1;
	bool same;
	char text[32];

	if (!s->set.k)
		return false;
	switch (a) {
	case A_UP:
	case A_DOWN:
		go_row(s, row_at(s) + (a == A_DOWN ? 1 : -1));
		return true;
	case A_PAGE_UP:
	case A_PAGE_DOWN:
		go_row(s, row_at(s) + (a == A_PAGE_DOWN ? page : -page));
		return true;
	case A_TOP:
		go_row(s, 0);
		return true;
	case A_BOTTOM:
		go_row(s, mix_rows(s) - 1);
		return true;
	case A_LEFT:
		return step(s, -notch);
	case A_RIGHT:
		return step(s, notch);
	case A_LESS:
		return step(s, -fine);
	case A_MORE:
		return step(s, fine);
	case A_EDIT:
		snprintf(text, sizeof text, "%.10g", row_value(s, mix_row(s, row_at(s)), &same));
		mix_sliders_type(v, s, text);
		return true;
	case A_MARK:
		mix_column_expert(s, s->sel);
		return true;
	default:
		return false;
	}
}

void
mix_sliders_type(struct view *v, struct mix *s, const char *text)
{
	if (!s->set.k)
		return;
	view_focus(v, MIX_SLIDERS);
	s->typing = true;
	s->value.single = true;
	editor_set(&s->value, text);
	v->hint = "Enter set  Esc leave";
	view_edit(v, true);
}

bool
mix_sliders_key(struct view *v, struct mix *s, int key)
{
	double x;
	char *end;

	switch (editor_key(&s->value, key)) {
	case EDITOR_ACCEPT:
		x = strtod(editor_text(&s->value), &end);
		end += strspn(end, " ");
		if (end == editor_text(&s->value) || *end || !(fabs(x) <= SIDE)) {
			app_error(v->app, "\"%s\": a number between -%d and %d is wanted",
				  editor_text(&s->value), SIDE, SIDE);
			return true;
		}
		s->edited_row = -1; /* a step of its own */
		change(s, mix_row(s, row_at(s)), x);
		break;
	case EDITOR_CANCEL:
		break;
	case EDITOR_IGNORED:
		return false;
	default:
		return true;
	}
	s->typing = false;
	view_edit(v, false);
	return true;
}

void
mix_sliders_per(struct mix *s)
{
	s->per = (s->per + 1) % 3;
	s->group = -1;
	app_say(s->app, s->per == PER_EXPERT  ? "one slider an expert; what was set stays"
			: s->per == PER_LAYER ? "a slider for each layer of the selected expert"
					      : "a slider for each matrix of the selected expert");
}

void
mix_sliders_normalise(struct mix *s)
{
	mix_undo_point(s, "normalise");
	s->edited_row = -1;
	s->set.normalise = !s->set.normalise;
	mix_changed(s);
}

/* -- drawing and mouse --------------------------------------------------------------------------------------- */

/* m counts from the pane's inside, rows were drawn on the canvas. */
bool
mix_sliders_mouse(struct view *v, struct mix *s, const struct mouse *m)
{
	struct rect in = rect_inset(v->pane[MIX_SLIDERS], 1, 1), line = s->rows;
	int x = in.x + m->x, y = in.y + m->y, row = s->top + y - s->rows.y;
	struct mouse local = *m;
	struct slider sl;
	bool same;

	if (m->kind == MOUSE_PRESS && y == s->switches_y) {
		if (x < in.x + 20)
			mix_sliders_per(s);
		else
			mix_sliders_normalise(s);
		return true;
	}
	if (m->kind == MOUSE_PRESS) {
		if (!rect_has(s->rows, x, y) || row >= mix_rows(s))
			return false;
		/* Another expert's layers close as this one's open: the pointer stays on its row. */
		go_row(s, row);
		s->edited_row = -1;
	} else if (m->kind != MOUSE_DRAG) {
		return false;
	}
	if (!s->set.k)
		return false;
	sl = row_slider(s, mix_row(s, row_at(s)), &same);
	sl.x0 = s->rows.x + 3 + LABEL;
	sl.track = s->rows.w - LABEL - 10;
	line.y = y;
	local.x = x - line.x;
	local.y = 0;
	if (slider_mouse(&sl, line, &local))
		change(s, mix_row(s, row_at(s)), sl.value);
	return true;
}

static void
draw_row(struct view *v, struct mix *s, struct canvas *c, struct rect r, int i)
{
	struct mix_row row = mix_row(s, i);
	bool same, on = i == row_at(s), focused = view_focused(v, MIX_SLIDERS);
	struct slider x = row_slider(s, row, &same);
	const char *expert = s->set.name[row.expert];
	struct style st = theme_series(c->theme, theme_slot(expert));
	char label[MIXING_NAME];

	x.label = row_label(s, row, label);
	if (on) {
		struct style sel = canvas_style(c, focused ? TH_SELECT : TH_SELECT_OFF);

		canvas_fill(c, r, sel);
	}
	slider_draw(&x, c, r, on, st);
	if (on && s->typing) {
		editor_draw(&s->value, c, (struct rect){r.x + r.w - 8, r.y, 7, 1}, true);
		return;
	}
	if (!same)
		canvas_text(c, r.x + r.w - 7, r.y, 1, canvas_style(c, TH_DIM), "~");
	if (row.group < 0 && mix_column_of(s, s->set.expert[row.expert]) >= 0)
		canvas_text(c, r.x + 1, r.y, 1, canvas_style(c, TH_MARK), "▪");
}

static void
draw_switches(struct mix *s, struct canvas *c, struct rect r)
{
	struct style text = canvas_style(c, TH_TEXT), dim = canvas_style(c, TH_DIM);
	static const char *const per[] = {"[ ]", "[x] layer", "[x] matrix"};
	int x = r.x + 1;

	x += canvas_text(c, x, r.y, 10, dim, "per layer") + 1;
	canvas_text(c, x, r.y, 10, text, per[s->per]);
	x = r.x + 22;
	x += canvas_text(c, x, r.y, r.w - 23, dim, "normalise") + 1;
	canvas_text(c, x, r.y, 3, text, s->set.normalise ? "[x]" : "[ ]");
}

void
mix_sliders_draw(struct view *v, struct mix *s, struct canvas *c, struct rect r)
{
	int n = mix_rows(s), room = r.h - 1, at = row_at(s);
	char label[60];

	view_title(v, MIX_SLIDERS, "mixture  %s%s", s->name, s->saved ? "" : " *");
	s->switches_y = -1;
	if (!n) {
		canvas_wrap(c, rect_inset(r, 1, 0), canvas_style(c, TH_DIM),
			    KEYS(v, "No experts to mix yet. {train} trains one; :expert-import in "
				    "{experts} brings one in."),
			    0);
		return;
	}
	if (room < 1)
		return;
	view_note(v, MIX_SLIDERS, "%s", r.w > 44 ? mixing_label(&s->set, label, sizeof label) : "");
	if (at < s->top)
		s->top = at;
	if (at >= s->top + room)
		s->top = at - room + 1;
	if (s->top > n - room)
		s->top = n > room ? n - room : 0;
	s->rows = (struct rect){r.x, r.y, r.w, n < room ? n : room};
	for (int i = 0; i < s->rows.h; i++)
		draw_row(v, s, c, (struct rect){r.x, r.y + i, r.w, 1}, s->top + i);
	s->switches_y = r.y + s->rows.h;
	if (s->rows.h + 1 < r.h) /* a line of air where there is one */
		s->switches_y++;
	draw_switches(s, c, (struct rect){r.x, s->switches_y, r.w, 1});
}
