#include "tui/widgets/form.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tui/utf8.h"

static const char *
initial(const struct form_field *d)
{
	if (d->initial)
		return d->initial;
	switch (d->kind) {
	case FORM_INT:
	case FORM_REAL:
		return "0";
	case FORM_CHOICE:
		return d->choices && d->choices[0] ? d->choices[0] : "";
	case FORM_SWITCH:
		return "no";
	default:
		return "";
	}
}

bool
form_init(struct form *f, const struct form_field *field, int n)
{
	f->value = calloc((size_t)(n ? n : 1), sizeof *f->value);
	if (!f->value)
		return false;
	f->field = field;
	f->n = n;
	f->changed = -1;
	f->e.single = true;
	for (int i = 0; i < n; i++)
		snprintf(f->value[i], FORM_VALUE, "%s", initial(&field[i]));
	while (f->sel + 1 < n && field[f->sel].kind == FORM_HEADING)
		f->sel++;
	return true;
}

void
form_free(struct form *f)
{
	free(f->value);
	f->value = NULL;
	f->n = 0;
	editor_free(&f->e);
}

int
form_index(const struct form *f, const char *key)
{
	for (int i = 0; i < f->n; i++)
		if (f->field[i].key && !strcmp(f->field[i].key, key))
			return i;
	return -1;
}

const char *
form_value(const struct form *f, const char *key)
{
	int i = form_index(f, key);

	return i < 0 ? "" : f->value[i];
}

double
form_number(const struct form *f, const char *key)
{
	int i = form_index(f, key);

	if (i < 0)
		return NAN;
	if (f->field[i].kind == FORM_SWITCH)
		return !strcmp(f->value[i], "yes");
	return strtod(f->value[i], NULL);
}

static bool
refuse(struct form *f, int i, const char *why)
{
	snprintf(f->error, sizeof f->error, "%s: %s", f->field[i].label, why);
	return false;
}

static bool
accept_number(struct form *f, int i, const char *s)
{
	const struct form_field *d = &f->field[i];
	char why[120], *end;
	double v = strtod(s, &end);

	end += strspn(end, " ");
	if (end == s || *end || !isfinite(v))
		return refuse(f, i, "a number is wanted");
	if (d->kind == FORM_INT && v != rint(v))
		return refuse(f, i, "a whole number is wanted");
	if (d->lo < d->hi && (v < d->lo || v > d->hi)) {
		snprintf(why, sizeof why, "must be between %g and %g", d->lo, d->hi);
		return refuse(f, i, why);
	}
	return true;
}

static bool
value_set(struct form *f, int i, const char *s)
{
	const struct form_field *d = &f->field[i];
	bool found = false;

	f->error[0] = 0;
	if (strlen(s) >= FORM_VALUE)
		return refuse(f, i, "too long");
	if (d->kind == FORM_HEADING)
		return false;
	if ((d->kind == FORM_INT || d->kind == FORM_REAL) && !accept_number(f, i, s))
		return false;
	for (int k = 0; d->kind == FORM_CHOICE && d->choices && d->choices[k]; k++)
		found |= !strcmp(d->choices[k], s);
	if (d->kind == FORM_SWITCH)
		found = !strcmp(s, "yes") || !strcmp(s, "no");
	if ((d->kind == FORM_CHOICE || d->kind == FORM_SWITCH) && !found)
		return refuse(f, i, "no such choice");
	if (strcmp(f->value[i], s)) {
		snprintf(f->value[i], FORM_VALUE, "%s", s);
		f->changed = i;
	}
	return true;
}

bool
form_set(struct form *f, const char *key, const char *value)
{
	int i = form_index(f, key);

	if (i < 0) {
		snprintf(f->error, sizeof f->error, "%s: no such setting", key);
		return false;
	}
	return value_set(f, i, value);
}

char *
form_keep(const struct form *f)
{
	struct strbuf b = {0};
	char *copy;

	for (int i = 0; i < f->n; i++)
		if (f->field[i].key)
			strbuf_printf(&b, "%s %s\n", f->field[i].key, f->value[i]);
	copy = b.failed ? NULL : strdup(b.s ? b.s : "");
	strbuf_free(&b);
	return copy;
}

void
form_restore(struct form *f, const char *kept)
{
	char key[64], value[FORM_VALUE];

	for (const char *p = kept; *p;) {
		size_t line = strcspn(p, "\n"), name = strcspn(p, " \n");

		snprintf(key, sizeof key, "%.*s", (int)name, p);
		name += name < line;
		snprintf(value, sizeof value, "%.*s", (int)(line - name), p + name);
		form_set(f, key, value);
		p += line + (p[line] == '\n');
	}
	f->error[0] = 0;
}

static void
choice_step(struct form *f, int i, int by)
{
	const struct form_field *d = &f->field[i];
	int n = 0, at = 0;

	if (d->kind == FORM_SWITCH) {
		value_set(f, i, strcmp(f->value[i], "yes") ? "yes" : "no");
		return;
	}
	for (; d->choices && d->choices[n]; n++)
		if (!strcmp(d->choices[n], f->value[i]))
			at = n;
	if (n)
		value_set(f, i, d->choices[(at + by + n) % n]);
}

/* Whole numbers by one (large ones by a tenth of their size), others by 1 2 5. */
static void
number_step(struct form *f, int i, int by)
{
	const struct form_field *d = &f->field[i];
	double v = strtod(f->value[i], NULL), a = fabs(v), mag;
	char buf[64];

	if (d->kind == FORM_INT) {
		v += by * (a >= 100 ? pow(10, floor(log10(a)) - 1) : 1);
	} else if (a > 0) {
		static const double up[] = {2, 5, 10}, down[] = {0.5, 1, 2};
		double lead;
		int k;

		mag = pow(10, floor(log10(a) + 1e-9));
		lead = a / mag;
		k = lead < 1.5 ? 0 : lead < 3.5 ? 1 : 2;
		v = copysign((by > 0 ? up[k] : down[k]) * mag, v);
	} else {
		v = by > 0 ? (d->hi > d->lo && d->hi < 1 ? d->hi / 100 : 0.1) : 0;
	}
	if (d->lo < d->hi)
		v = v < d->lo ? d->lo : v > d->hi ? d->hi : v;
	snprintf(buf, sizeof buf, "%.10g", v);
	value_set(f, i, buf);
}

static void
step(struct form *f, int by)
{
	switch (f->field[f->sel].kind) {
	case FORM_CHOICE:
	case FORM_SWITCH:
		choice_step(f, f->sel, by);
		break;
	case FORM_INT:
	case FORM_REAL:
		number_step(f, f->sel, by);
		break;
	default:
		break;
	}
}

static void
move(struct form *f, int to, int dir)
{
	int at = to < 0 ? 0 : to >= f->n ? f->n - 1 : to;

	while (at >= 0 && at < f->n && f->field[at].kind == FORM_HEADING)
		at += dir;
	if (at >= 0 && at < f->n)
		f->sel = at;
	f->error[0] = 0;
}

bool
form_action(struct form *f, enum action a)
{
	int page = f->height > 2 ? f->height - 1 : 1;

	f->changed = -1;
	if (!f->n)
		return false;
	switch (a) {
	case A_UP:
		move(f, f->sel - 1, -1);
		return true;
	case A_DOWN:
		move(f, f->sel + 1, 1);
		return true;
	case A_PAGE_UP:
		move(f, f->sel - page, -1);
		return true;
	case A_PAGE_DOWN:
		move(f, f->sel + page, 1);
		return true;
	case A_TOP:
		move(f, 0, 1);
		return true;
	case A_BOTTOM:
		move(f, f->n - 1, -1);
		return true;
	case A_LEFT:
	case A_LESS:
		step(f, -1);
		return true;
	case A_RIGHT:
	case A_MORE:
		step(f, 1);
		return true;
	case A_OPEN:
	case A_EDIT:
	case A_MARK:
		if (f->field[f->sel].kind == FORM_CHOICE || f->field[f->sel].kind == FORM_SWITCH) {
			step(f, 1);
			return true;
		}
		if (f->field[f->sel].kind == FORM_HEADING)
			return false;
		f->editing = true;
		f->error[0] = 0;
		editor_set(&f->e, f->value[f->sel]);
		return true;
	default:
		return false;
	}
}

bool
form_key(struct form *f, int key)
{
	f->changed = -1;
	switch (editor_key(&f->e, key)) {
	case EDITOR_ACCEPT:
		/* What is refused stays in the field, to be put right. */
		if (value_set(f, f->sel, editor_text(&f->e)))
			f->editing = false;
		return true;
	case EDITOR_CANCEL:
		f->editing = false;
		f->error[0] = 0;
		return true;
	case EDITOR_IGNORED:
		if (key == K_TAB || key == K_BACK_TAB || key == K_UP || key == K_DOWN) {
			if (!value_set(f, f->sel, editor_text(&f->e)))
				return true;
			f->editing = false;
			if (key == K_TAB || key == K_DOWN)
				move(f, f->sel + 1, 1);
			else
				move(f, f->sel - 1, -1);
			return true;
		}
		return false;
	default:
		f->error[0] = 0;
		return true;
	}
}

bool
form_paste(struct form *f, const char *text)
{
	if (!f->editing)
		return false;
	editor_paste(&f->e, text);
	return true;
}

bool
form_mouse(struct form *f, const struct mouse *m)
{
	int row = f->top + m->y;

	f->changed = -1;
	if (m->kind != MOUSE_PRESS || m->button != 1 || m->y < 0 || m->y >= f->height ||
	    row >= f->n || f->field[row].kind == FORM_HEADING)
		return false;
	if (f->editing && row != f->sel) {
		if (!value_set(f, f->sel, editor_text(&f->e)))
			return true;
		f->editing = false;
	}
	if (row == f->sel && !f->editing)
		return form_action(f, A_OPEN);
	f->sel = row;
	return true;
}

static void
row_draw(struct form *f, struct canvas *c, struct rect r, int i, bool focused)
{
	const struct form_field *d = &f->field[i];
	bool on = i == f->sel, edit = on && f->editing;
	struct style text = canvas_style(c, TH_TEXT), dim = canvas_style(c, TH_DIM);
	struct style value = canvas_style(c, TH_FIELD);
	int label = r.w / 3 < 20 ? r.w / 3 : 20, w = r.w - label - 4 < 24 ? r.w - label - 4 : 24;
	char note[80] = "", shown[80] = "", buf[FORM_VALUE + 32];

	if (d->kind == FORM_HEADING) {
		struct style st = canvas_style(c, TH_TITLE);

		st.attr |= ATTR_BOLD;
		canvas_text(c, r.x + 1, r.y, r.w - 2, st, d->label);
		return;
	}
	text.bg = COLOR_KEEP;
	if (on) {
		struct style sel = canvas_style(c, focused ? TH_SELECT : TH_SELECT_OFF);

		canvas_fill(c, r, sel);
		if (sel.fg != COLOR_KEEP)
			text.fg = dim.fg = sel.fg;
		value = sel;
	}
	canvas_text(c, r.x, r.y, 1, text, on ? "›" : " ");
	canvas_text(c, r.x + 2, r.y, label, text, d->label);
	if (edit) {
		editor_draw(&f->e, c, (struct rect){r.x + label + 3, r.y, w, 1}, true);
	} else {
		bool choice = d->kind == FORM_CHOICE;

		if (f->stands_for)
			f->stands_for(f->arg, i, shown);
		snprintf(buf, sizeof buf, "%s%s%s", choice ? "‹ " : "",
			 shown[0]		       ? shown
			 : d->kind != FORM_SWITCH      ? f->value[i]
			 : !strcmp(f->value[i], "yes") ? "[x]"
						       : "[ ]",
			 choice ? " ›" : "");
		value.bg = on ? COLOR_KEEP : value.bg;
		if (strcmp(f->value[i], initial(d))) /* not what it would be by itself */
			value.attr |= ATTR_BOLD;
		canvas_fill(c,
			    (struct rect){r.x + label + 3, r.y, d->kind == FORM_SWITCH ? 3 : w, 1},
			    value);
		canvas_text(c, r.x + label + 3, r.y, w, value, buf);
	}
	if (f->note)
		f->note(f->arg, i, note);
	if (!note[0] && d->unit)
		snprintf(note, sizeof note, "%.79s", d->unit);
	canvas_text(c, r.x + label + w + 5, r.y, r.w - label - w - 6, dim, note);
}

void
form_draw(struct form *f, struct canvas *c, struct rect r, bool focused)
{
	struct style dim = canvas_style(c, TH_DIM);
	const struct form_field *d;
	int help = r.h > 10 ? 3 : r.h > 5 ? 2 : 0, w;
	char range[96] = "";

	f->height = r.h - help;
	if (!f->n || f->height < 1)
		return;
	if (f->sel < f->top)
		f->top = f->sel;
	if (f->sel >= f->top + f->height)
		f->top = f->sel - f->height + 1;
	if (f->top == 1 && f->field[0].kind == FORM_HEADING && f->height > 1 && f->sel < f->height)
		f->top = 0;
	for (int i = 0; i < f->height && f->top + i < f->n; i++)
		row_draw(f, c, (struct rect){r.x, r.y + i, r.w, 1}, f->top + i, focused);
	if (f->top + f->height < f->n) /* more below */
		canvas_text(c, r.x + r.w - 7, r.y + f->height - 1, 6, dim, "… more");
	if (!help)
		return;
	r.y += f->height;
	canvas_hline(c, r.x, r.y, r.w, canvas_style(c, TH_BORDER));
	d = &f->field[f->sel];
	if (f->error[0]) {
		canvas_wrap(c, (struct rect){r.x + 1, r.y + 1, r.w - 2, help - 1},
			    canvas_style(c, TH_BAD), f->error, 0);
		return;
	}
	if ((d->kind == FORM_INT || d->kind == FORM_REAL) && d->lo < d->hi)
		snprintf(range, sizeof range, "%g to %g", d->lo, d->hi);
	w = utf8_width_str(range);
	canvas_wrap(c, (struct rect){r.x + 1, r.y + 1, r.w - w - 4, help - 1}, dim,
		    d->help ? d->help : "", 0);
	canvas_right(c, r.x + r.w - w - 1, r.y + 1, w, dim, range);
}
