#include "tui/widgets/slider.h"

#include <math.h>
#include <stdio.h>

bool
slider_set(struct slider *s, double v)
{
	double old = s->value;

	if (!isfinite(v))
		return false;
	if (s->step > 0) /* 0.1 + 0.2 must show as 0.30 and be it */
		v = s->lo + rint((v - s->lo) / s->step) * s->step;
	s->value = v < s->lo ? s->lo : v > s->hi ? s->hi : v;
	return s->value != old;
}

void
slider_draw(struct slider *s, struct canvas *c, struct rect r, bool on, struct style st)
{
	int label = s->label_w ? s->label_w : 12, knob;
	struct style text = canvas_style(c, on ? TH_STRONG : TH_TEXT);
	struct style track = canvas_style(c, TH_TRACK);
	char buf[32];
	double t = s->hi > s->lo ? (s->value - s->lo) / (s->hi - s->lo) : 0;

	text.bg = st.bg = track.bg = COLOR_KEEP;
	canvas_text(c, r.x, r.y, 1, text, on ? "›" : " ");
	canvas_text(c, r.x + 2, r.y, label, st, s->label);
	s->x0 = r.x + 3 + label;
	s->track = r.w - label - 3 - 7;
	if (s->track < 4)
		s->track = 0;
	knob = (int)lrint(t * (s->track - 1));
	for (int i = 0; i < s->track; i++)
		canvas_text(c, s->x0 + i, r.y, 1, i < knob ? st : track, i < knob ? "━" : "─");
	if (isfinite(s->mark) && s->track && s->hi > s->lo)
		canvas_text(
			c, s->x0 + (int)lrint((s->mark - s->lo) / (s->hi - s->lo) * (s->track - 1)),
			r.y, 1, canvas_style(c, TH_DIM), "┼");
	st.attr |= ATTR_BOLD;
	if (s->track)
		canvas_text(c, s->x0 + knob, r.y, 1, st, "●");
	snprintf(buf, sizeof buf, "%.2f", s->value);
	canvas_right(c, r.x + r.w - 7, r.y, 6, text, buf);
}

bool
slider_action(struct slider *s, enum action a)
{
	switch (a) {
	case A_LEFT:
	case A_LESS:
		return slider_set(s, s->value - s->step);
	case A_RIGHT:
	case A_MORE:
		return slider_set(s, s->value + s->step);
	case A_TOP:
		return slider_set(s, s->lo);
	case A_BOTTOM:
		return slider_set(s, s->hi);
	default:
		return false;
	}
}

bool
slider_mouse(struct slider *s, struct rect r, const struct mouse *m)
{
	int x = r.x + m->x - s->x0;

	if (s->track < 2 || (m->kind != MOUSE_PRESS && m->kind != MOUSE_DRAG) || m->button != 1)
		return false;
	if (m->kind == MOUSE_PRESS && (x < -1 || x > s->track))
		return false;
	return slider_set(s, s->lo + (s->hi - s->lo) * x / (s->track - 1));
}
