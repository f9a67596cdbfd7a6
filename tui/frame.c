/* The three bands: tabs and running job, the view's panes, keys or message. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "engine/base/job.h"
#include "tui/app_state.h"
#include "tui/layout.h"
#include "tui/utf8.h"
#include "tui/widgets/gauge.h"
#include "tui/widgets/tabs.h"

static const char *const view_names[APP_VIEWS] = {
	"Log", "Models", "Spectrum", "Experts", "Mix", "Ask", "Train", "Runs", "Evals", "Jobs",
};

const char *
app_view_name(int number)
{
	return view_names[number];
}

struct rect
pane_inside(const struct view *v, int pane)
{
	return rect_inset(v->pane[pane], 1, 1);
}

/* -- top ---------------------------------------------------------------------------------------------------- */

/* The running job that the top band shows; -1: none.  *more: how many are at work or wait besides. */
static int
shown_job(struct app *a, int *more)
{
	int n = jobs_count(a->jobs), found = -1;
	struct job_view j;

	*more = 0;
	for (int i = 0; i < n; i++) {
		jobs_get(a->jobs, i, &j);
		if (j.state != JOB_RUNNING && j.state != JOB_QUEUED)
			continue;
		if (j.brief)
			app_animate(a, (int)(JOBS_BRIEF * 1e3));
		else if (found < 0 && j.state == JOB_RUNNING)
			found = i;
		else
			++*more;
	}
	return found;
}

/* Name and how far it is in so many columns.  Where there is no room, the name is cut, then goes, and then the word for what
 * is counted is cut, but some of it stays: "validating 0/200" is no step back. */
static void
job_counted(const struct job_view *j, int columns, char *out, size_t cap)
{
	static const int kept[] = {5, 3, 1};
	char number[64], word[24] = "";
	int room;

	snprintf(number, sizeof number, "%ld/%ld", j->progress.done, j->progress.total);
	if (j->counts[0])
		snprintf(word, sizeof word, "%s ", j->counts);
	for (int i = 0; i < 3 && word[0] && (int)strlen(word) + (int)strlen(number) > columns; i++)
		snprintf(word, sizeof word, "%.*s%s ", kept[i], j->counts, i ? "" : ".");
	room = columns - 1 - (int)strlen(word) - (int)strlen(number);
	if (utf8_width_str(j->name) <= room)
		snprintf(out, cap, "%s %s%s", j->name, word, number);
	else if (room > 3)
		snprintf(out, cap, "%.*s… %s%s",
			 (int)utf8_fit(j->name, strlen(j->name), room - 1, NULL), j->name, word,
			 number);
	else
		snprintf(out, cap, "%s%s", word, number);
}

/* "run 12  48/200 ▂▃▅▆▇ .41" right-aligned up to column x1; returns where it begins. */
static int
draw_job(struct app *a, struct canvas *c, int x0, int x1)
{
	struct style st = canvas_style(c, TH_BAR), gauge = canvas_style(c, TH_GAUGE);
	struct job_view j;
	char text[160], number[32];
	int more, i = shown_job(a, &more), w, spark;

	if (i < 0 || x1 - x0 < 8)
		return x1;
	jobs_get(a->jobs, i, &j);
	if (j.progress.total > 0) {
		job_counted(&j, x1 - x0 - 1, text, sizeof text);
	} else {
		snprintf(text, sizeof text, "%s %s", j.name, j.progress.stage);
	}
	/* How many more there are: where that fits whole. */
	snprintf(number, sizeof number, " (+%d)", more);
	if (more > 0 && utf8_width_str(text) + utf8_width_str(number) < x1 - x0)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s", number);
	spark = j.nfigure < 8 ? j.nfigure : 8;
	w = utf8_width_str(text) + (spark ? spark + 8 : j.progress.total > 0 ? 9 : 0);
	if (w > x1 - x0 - 1) {
		spark = 0;
		w = utf8_width_str(text);
		if (w > x1 - x0 - 1)
			w = x1 - x0 - 1;
	}
	x0 = x1 - w;
	i = canvas_text(c, x0, 0, w, st, text) + 1;
	if (spark) {
		canvas_spark(c, x0 + i, 0, spark, gauge, j.figure, j.nfigure, 0, 0);
		canvas_text(c, x0 + i + spark + 1, 0, 6, st,
			    gauge_number(number, sizeof number, j.figure[j.nfigure - 1]));
	} else if (w > i + 7 && j.progress.total > 0) {
		canvas_fill(c, (struct rect){x0 + i, 0, 8, 1}, canvas_style(c, TH_TRACK));
		for (int k = 0; k < 8; k++)
			canvas_text(c, x0 + i + k, 0, 1, canvas_style(c, TH_TRACK), "─");
		canvas_hbar(c, x0 + i, 0, 8, (double)j.progress.done / (double)j.progress.total,
			    gauge);
	}
	/* The clock of a job without steps moves too. */
	app_animate(a, 500);
	return x0;
}

static const char *const short_names[APP_VIEWS] = {
	"Log", "Mod", "Spec", "Exp", "Mix", "Ask", "Train", "Runs", "Evals", "Jobs",
};

/* "1 Models 2 Spectrum", "1 Mod 2 Spec", "1Mod 2Spec", "1 2". */
enum tab_names { TABS_FULL, TABS_SHORT, TABS_TIGHT, TABS_BARE };

/* The views in the order of the keyboard's digits. */
static int
tab_number(int i)
{
	return (i + 1) % APP_VIEWS;
}

static const char *
tab_name(int number, enum tab_names names)
{
	return names == TABS_FULL ? view_names[number] : short_names[number];
}

static int
tab_width(int number, bool on, enum tab_names names)
{
	if (on)
		return 4 + utf8_width_str(tab_name(number, names));
	return names == TABS_BARE
		       ? 1
		       : (names == TABS_TIGHT ? 1 : 2) + utf8_width_str(tab_name(number, names));
}

static int
tabs_width(const struct app *a, enum tab_names names)
{
	int total = 0;

	for (int k = 0; k < APP_VIEWS; k++)
		total += tab_width(k, k == a->shown, names) + 1;
	return total - 1;
}

static int
draw_tabs(struct app *a, struct canvas *c, int x, enum tab_names names)
{
	a->ntab = 0;
	for (int i = 0; i < APP_VIEWS; i++) {
		int k = tab_number(i), w = tab_width(k, k == a->shown, names);
		bool on = k == a->shown;
		struct style st = canvas_style(c, on		   ? TH_TAB_ON
						  : a->view[k].ops ? TH_TAB
								   : TH_STALE);

		st.attr &= (uint8_t)~ATTR_ITALIC;
		if (on)
			canvas_printf(c, x, 0, w, st, "[%d %s]", k, tab_name(k, names));
		else if (names == TABS_BARE)
			canvas_printf(c, x, 0, w, st, "%d", k);
		else
			canvas_printf(c, x, 0, w, st, names == TABS_TIGHT ? "%d%s" : "%d %s", k,
				      tab_name(k, names));
		a->tab[a->ntab++] = (struct hit){x, w, k};
		x += w + 1;
	}
	return x - 1;
}

/* The model's name, with its size in brackets or without, in so many columns at most: the size goes first, whole, then the
 * name is cut.  Returns the columns it takes with the gap behind it. */
static int
top_title(struct app *a, int max, bool with_size, char *name, size_t cap)
{
	const char *size = strrchr(a->title, '(');
	int w = utf8_width_str(a->title);

	snprintf(name, cap, "%s", a->title);
	if (size && size - a->title > 1 && size[-1] == ' ' && (!with_size || w > max)) {
		name[--size - a->title] = 0;
		w = utf8_width_str(name);
	}
	if (w > max)
		w = max;
	return w > 0 ? w + 2 : 0;
}

static void
draw_top(struct app *a, struct canvas *c)
{
	/* The views' names are worth more than the program's and the model's size.  What is shown follows from the
	 * width and the model alone: nothing may jump when a job starts or another view comes. */
	static const struct {
		enum tab_names names;
		bool brand, size;
	} tries[] = {{TABS_FULL, true, true},	 {TABS_FULL, true, false},
		     {TABS_FULL, false, false},	 {TABS_SHORT, true, false},
		     {TABS_SHORT, false, false}, {TABS_TIGHT, false, false},
		     {TABS_BARE, false, false}};
	enum { SHORTEST = 8 }; /* of a model's name */
	struct style bar = canvas_style(c, TH_BAR);
	int job = c->w >= 100 ? 17 : 10, x = 1, title, brand, room;
	char name[sizeof a->title];
	size_t i = 0;

	for (;; i++) {
		brand = tries[i].brand ? 7 : 0;
		room = c->w - 1 - brand - tabs_width(a, tries[i].names) - 1 - job;
		title = top_title(a, tries[i].names >= TABS_TIGHT ? room - 2 : c->w / 4,
				  tries[i].size, name, sizeof name);
		if (tries[i].names == TABS_BARE || title <= room ||
		    (tries[i].names == TABS_TIGHT && room >= SHORTEST))
			break;
	}
	canvas_fill(c, (struct rect){0, 0, c->w, 1}, bar);
	if (brand)
		x += canvas_text(c, x, 0, 8, canvas_style(c, TH_BRAND), "t2tui") + 2;
	if (title)
		x += canvas_text(c, x, 0, title - 2, bar, name) + 2;
	x = draw_tabs(a, c, x, tries[i].names);
	draw_job(a, c, x, c->w - 1);
}

/* -- bottom ------------------------------------------------------------------------------------------------- */

static int
draw_hint(struct canvas *c, int x, int x1, const char *keys, const char *what)
{
	int w = utf8_width_str(keys) + 1 + utf8_width_str(what);

	if (x + w > x1)
		return x;
	x += canvas_text(c, x, c->h - 1, w, canvas_style(c, TH_KEY), keys) + 1;
	x += canvas_text(c, x, c->h - 1, w, canvas_style(c, TH_BAR), what) + 2;
	return x;
}

/* "KEY what it does  KEY ..." */
static void
draw_hints(struct canvas *c, const char *s)
{
	int x = 1;

	while (*s) {
		const char *end = strstr(s, "  "), *gap = strchr(s, ' ');
		char key[32], what[80];

		if (!end)
			end = s + strlen(s);
		if (!gap || gap > end)
			gap = end;
		snprintf(key, sizeof key, "%.*s", (int)(gap - s), s);
		gap += gap < end;
		snprintf(what, sizeof what, "%.*s", (int)(end - gap), gap);
		x = draw_hint(c, x, c->w, key, what);
		s = end + strspn(end, " ");
	}
}

/* The arrows while they move, else the keys that do.  buf[24] */
static const char *
move_keys(struct view *v, const struct canvas *c, char *buf)
{
	static const struct {
		const char *name;
		int arrow;
	} moves[] = {{"left", K_LEFT}, {"down", K_DOWN}, {"up", K_UP}, {"right", K_RIGHT}};
	bool arrows = c->glyphs != GLYPHS_ASCII;
	char key[24];

	buf[0] = 0;
	for (int i = 0; i < 4; i++) {
		const struct binding *b = app_command(v, moves[i].name);

		arrows = arrows && binding_has_key(b, moves[i].arrow);
		snprintf(buf + strlen(buf), 24 - strlen(buf), "%.5s", binding_key(b, key));
	}
	return arrows ? "←↓↑→" : buf;
}

/* Help and palette keep their place at the right end; returns where they begin. */
static int
draw_last(struct view *v, struct canvas *c)
{
	static const struct {
		const char *name, *says;
	} last[] = {{"help", "help"}, {"palette", "commands"}};
	char key[2][24];
	int w = -2, x;

	for (int i = 0; i < 2; i++) {
		binding_key(app_command(v, last[i].name), key[i]);
		if (key[i][0])
			w += utf8_width_str(key[i]) + utf8_width_str(last[i].says) + 3;
	}
	x = c->w - w;
	for (int i = 0; i < 2; i++)
		if (key[i][0])
			x = draw_hint(c, x, c->w, key[i], last[i].says);
	return c->w - w;
}

/* A command's name as words; buf[48]. */
static const char *
hint_of(struct view *v, const struct binding *b, char *buf)
{
	const char *says = b->action != A_NONE && !b->run && v->ops->says
				   ? v->ops->says(v, v->state, v->focus, b->action)
				   : NULL;

	if (says)
		return says;
	snprintf(buf, 48, "%s", b->name);
	for (char *s = buf; *s; s++)
		if (*s == '-')
			*s = ' ';
	return buf;
}

/* set: 0 is the view's own. */
static bool
offered(struct view *v, int set, const struct binding *b)
{
	return set || !v->opened || !v->ops->offers || v->ops->offers(v, v->state, b);
}

static void
draw_keys(struct app *a, struct canvas *c)
{
	struct view *v = app_view(a);
	struct binding_set sets[3];
	const char *says;
	char key[24], words[48];
	int x = 1, x1, n = app_bindings(v, sets);
	unsigned can = view_can(v);

	if (a->overlay) { /* the view's keys do not hold */
		draw_hints(c, a->overlay->hint ? a->overlay->hint : "");
		return;
	}
	if (v->editing) {
		draw_hints(c, v->hint ? v->hint : "Esc leave  Enter accept");
		return;
	}
	x1 = draw_last(v, c) - 2;
	if (v->opened && can & CAN(A_LEFT))
		x = draw_hint(c, x, x1, move_keys(v, c, key), "move");
	for (unsigned late = 0; late <= BIND_LATE; late += BIND_LATE)
		for (int i = 0; i < n; i++)
			for (int j = 0; j < sets[i].n; j++) {
				const struct binding *b = &sets[i].rows[j];

				if (b->flags & BIND_BAR && (b->flags & BIND_LATE) == late &&
				    binding_holds(b, v->focus, can) && offered(v, i, b) &&
				    *(says = hint_of(v, b, words)))
					x = draw_hint(c, x, x1, binding_key(b, key), says);
			}
}

static void
draw_bottom(struct app *a, struct canvas *c)
{
	canvas_fill(c, (struct rect){0, c->h - 1, c->w, 1}, canvas_style(c, TH_BAR));
	if (a->message_until > 0) {
		struct style st =
			canvas_style(c, a->level == MESSAGE_ERROR ? TH_ERROR : TH_MESSAGE);

		if (a->level == MESSAGE_ERROR)
			canvas_fill(c, (struct rect){0, c->h - 1, c->w, 1}, st);
		canvas_text(c, 1, c->h - 1, c->w - 2, st, a->message);
		return;
	}
	draw_keys(a, c);
}

/* -- panes -------------------------------------------------------------------------------------------------- */

void
view_title(struct view *v, int pane, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->title[pane], sizeof v->title[pane], fmt, ap);
	va_end(ap);
}

void
view_note(struct view *v, int pane, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->note[pane], sizeof v->note[pane], fmt, ap);
	va_end(ap);
}

const char *
view_layout_text(const struct view_ops *ops, enum view_layout which)
{
	return which == LAYOUT_USUAL ? ops->layout : which == LAYOUT_WIDE ? ops->wide : ops->small;
}

void
view_focus(struct view *v, int pane)
{
	if (pane >= 0 && pane < v->ops->npanes)
		v->focus = pane;
}

void
view_edit(struct view *v, bool on)
{
	v->editing = on;
}

bool
view_focused(const struct view *v, int pane)
{
	return v->focus == pane;
}

const char *
view_filter(const struct view *v, int pane)
{
	return v->filter[pane];
}

static void
draw_border(struct view *v, struct canvas *c, int pane)
{
	struct style line = canvas_style(c, pane == v->focus ? TH_FOCUS : TH_BORDER);

	line.attr &= (uint8_t)~ATTR_BOLD;
	if (v->pane[pane].w >= 4)
		canvas_box(c, v->pane[pane], line);
}

static void
draw_title(struct view *v, struct canvas *c, int pane)
{
	struct rect r = v->pane[pane];
	bool on = pane == v->focus;
	struct style title = canvas_style(c, on ? TH_FOCUS : TH_TITLE);
	int w = 0, room = r.w - 4;
	char note[160];

	if (r.w < 4 || r.h < 2)
		return;
	/* Without colour the focus shows by its mark. */
	if (v->title[pane][0] && room > 3) {
		canvas_text(c, r.x + 1, r.y, 1, title, on ? "▸" : " ");
		w = canvas_text(c, r.x + 2, r.y, room, title, v->title[pane]);
		canvas_text(c, r.x + 2 + w, r.y, 1, title, " ");
	}
	snprintf(note, sizeof note, "%s%s%s%s", v->filter[pane][0] ? "/" : "", v->filter[pane],
		 v->filter[pane][0] && v->note[pane][0] ? " · " : "", v->note[pane]);
	if (note[0] && room - w > 8) {
		int k = utf8_width_str(note);

		k = k > room - w - 3 ? room - w - 3 : k;
		canvas_text(c, r.x + r.w - k - 3, r.y, 1, title, " ");
		canvas_text(c, r.x + r.w - k - 2, r.y, k, canvas_style(c, TH_DIM), note);
		canvas_text(c, r.x + r.w - 2, r.y, 1, title, " ");
	}
}

/* The names of all panes, when only one shows. */
static void
draw_strip(struct app *a, struct view *v, struct canvas *c, int y)
{
	const char *names[VIEW_PANES];
	char hint[48], key[24];
	int x;

	for (int i = 0; i < v->ops->npanes; i++)
		names[i] = v->ops->panes[i].name;
	x = tabs_draw(&a->strip, c, 1, y, c->w - 16, names, v->ops->npanes, v->focus);
	snprintf(hint, sizeof hint, "%s %s",
		 binding_key(app_command(v, v->zoomed ? "zoom" : "focus-next"), key),
		 v->zoomed ? "all panes" : "next pane");
	canvas_right(c, x, y, c->w - 1 - x, canvas_style(c, TH_DIM), hint);
}

static void
draw_view(struct app *a, struct canvas *c)
{
	struct view *v = app_view(a);
	struct rect area = {0, 1, c->w, c->h - 2}, whole[VIEW_PANES] = {0};
	struct layout *l = v->layout[v->layout[LAYOUT_WIDE] && c->w >= 160];
	int n = v->ops->npanes;

	if (!v->opened) {
		struct style bad = canvas_style(c, TH_BAD), dim = canvas_style(c, TH_DIM);
		char again[48], key[24];

		canvas_center(c, 2, c->h / 2 - 1, c->w - 4, bad, v->why.msg);
		snprintf(again, sizeof again, "%s tries again",
			 binding_key(app_command(v, "refresh"), key));
		canvas_center(c, 2, c->h / 2 + 1, c->w - 4, dim, again);
		return;
	}
	v->small = n > 1 && (c->w < 100 || c->h < 28);
	a->strip.n = 0;
	if (n > 1 && (v->zoomed || v->small || !layout_place(l, area, whole))) {
		draw_strip(a, v, c, area.y);
		area.y++;
		area.h--;
		l = v->zoomed || !v->small ? NULL : v->layout[LAYOUT_SMALL];
		memset(whole, 0, sizeof whole);
		if (l && (!layout_place(l, area, whole) || !whole[v->focus].w))
			l = NULL;
		if (!l) {
			memset(whole, 0, sizeof whole);
			whole[v->focus] = area;
		}
	} else if (n == 1) {
		whole[0] = area;
		l = NULL;
	}
	v->shown = l;
	v->single = !l && (n > 1 || v->zoomed);
	memcpy(v->pane, whole, sizeof v->pane);
	/* The insides first: they may set titles; of the borders the focused one last, so that it is whole; then the
	 * titles, which lie on borders that two panes share. */
	for (int i = 0; i < n; i++) {
		struct rect in = pane_inside(v, i), old;

		if (v->pane[i].w < 3 || v->pane[i].h < 3)
			continue;
		old = canvas_clip(c, in);
		v->ops->draw(v, v->state, i, c, in);
		canvas_unclip(c, old);
	}
	for (int i = 0; i < n; i++)
		if (i != v->focus)
			draw_border(v, c, i);
	draw_border(v, c, v->focus);
	for (int i = 0; i < n; i++)
		draw_title(v, c, i);
}

void
frame_draw(struct app *a)
{
	struct canvas *c = a->canvas;

	canvas_clear(c);
	if (c->w < MIN_W || c->h < MIN_H) {
		char text[64];

		snprintf(text, sizeof text, "t2tui needs %d x %d, this is %d x %d", MIN_W, MIN_H,
			 c->w, c->h);
		canvas_center(c, 0, c->h / 2, c->w, canvas_style(c, TH_TEXT), text);
		a->ntab = a->strip.n = 0;
		return;
	}
	draw_top(a, c);
	draw_view(a, c);
	draw_bottom(a, c);
	if (a->overlay) {
		if (!a->overlay->bottom)
			c->cursor_x = -1;
		a->overlay->draw(a, a->overlay_state, c);
	}
}
