/* Runs: the settings of the selected run, or those that differ among marked ones. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "engine/adapt/cem.h"
#include "engine/base/strbuf.h"
#include "tui/views/runs.h"

static const char *
value_text(const char *key, const json_t *v, char *buf, size_t size)
{
	if (!strcmp(key, "lr") && json_is_number(v) && json_number_value(v) <= 0)
		snprintf(buf, size, "by rule");
	else if (!strcmp(key, "max-new") && json_is_integer(v) && !json_integer_value(v))
		snprintf(buf, size, "the task's");
	else if (json_is_string(v))
		snprintf(buf, size, "%s", json_string_value(v));
	else if (json_is_integer(v))
		snprintf(buf, size, "%lld", json_integer_value(v));
	else if (json_is_real(v))
		snprintf(buf, size, "%.4g", json_real_value(v));
	else
		snprintf(buf, size, "%s", json_is_true(v) ? "yes" : json_is_false(v) ? "no" : "·");
	return buf;
}

static json_t *
settings_of(const struct runs *s, int64_t id)
{
	json_t *set = NULL, *elite;

	for (int i = 0; i < s->list.n && !set; i++)
		if (s->list.v[i].id == id)
			set = json_loads(s->list.v[i].settings, 0, NULL);
	elite = json_object_get(set, "elite");
	if (json_is_integer(elite) && !json_integer_value(elite)) /* by rule: what that makes */
		json_integer_set(elite, cem_default_elites((int)json_integer_value(
						json_object_get(set, "population"))));
	return set;
}

/* Every setting of the selected run, or of those that are compared, the selected one first. */
static void
each(struct runs *s, void (*fn)(void *arg, const char *key, char value[][200], int n), void *arg)
{
	json_t *set[RUNS_OVERLAY], *x;
	char name[RUNS_OVERLAY][64], value[RUNS_OVERLAY][200];
	int64_t id[RUNS_OVERLAY];
	int n = runs_shown(s, id, name, s->diff ? RUNS_OVERLAY : 1);
	const char *key;

	for (int i = 0; i < n; i++)
		set[i] = settings_of(s, id[i]);
	json_object_foreach (n ? set[0] : NULL, key, x) {
		bool same = true;

		for (int i = 0; i < n; i++) {
			json_t *other = json_object_get(set[i], key);

			same = same && json_equal(x, other);
			value_text(key, other, value[i], sizeof value[i]);
		}
		if (!s->diff || !same)
			fn(arg, key, value, n);
	}
	for (int i = 0; i < n; i++)
		json_decref(set[i]);
}

struct drawing {
	struct canvas *c;
	struct rect r;
	int y;
};

static void
draw_one(void *arg, const char *key, char value[][200], int n)
{
	struct drawing *d = arg;
	struct canvas *c = d->c;
	int y = d->r.y + d->y;
	char line[400] = "";

	for (int i = 0; i < n; i++) {
		size_t at = strlen(line);

		snprintf(line + at, sizeof line - at, "%s%s", i ? " | " : "", value[i]);
	}
	if (d->y++ >= d->r.h)
		return;
	canvas_text(c, d->r.x + 1, y, 13, canvas_style(c, TH_DIM), key);
	canvas_text(c, d->r.x + 15, y, d->r.w - 16, canvas_style(c, TH_TEXT), line);
}

void
runs_draw_settings(struct view *v, struct runs *s, struct canvas *c, struct rect r)
{
	struct drawing d = {c, r, 0};

	view_title(v, RUNS_SETTINGS, s->diff ? "settings that differ" : "settings");
	each(s, draw_one, &d);
	if (s->diff && !d.y)
		canvas_text(c, r.x + 1, r.y, r.w - 2, canvas_style(c, TH_DIM), "none");
}

static void
text_one(void *arg, const char *key, char value[][200], int n)
{
	strbuf_printf(arg, "%-14s", key);
	for (int i = 0; i < n; i++)
		strbuf_printf(arg, "%s%s", i ? " | " : " ", value[i]);
	strbuf_char(arg, '\n');
}

static void
csv_one(void *arg, const char *key, char value[][200], int n)
{
	strbuf_csv(arg, key);
	for (int i = 0; i < n; i++) {
		strbuf_char(arg, ',');
		strbuf_csv(arg, value[i]);
	}
	strbuf_char(arg, '\n');
}

/* Of several runs a column each, under the run's number and name. */
void
runs_dump_settings(struct runs *s, enum dump_format f, struct strbuf *out)
{
	char name[RUNS_OVERLAY][64];
	int64_t id[RUNS_OVERLAY];
	int n = s->diff ? runs_shown(s, id, name, RUNS_OVERLAY) : 0;

	if (f == DUMP_TEXT) {
		each(s, text_one, out);
		return;
	}
	strbuf_str(out, n ? "setting" : "setting,value");
	for (int i = 0; i < n; i++) {
		strbuf_char(out, ',');
		strbuf_csv(out, name[i]);
	}
	strbuf_char(out, '\n');
	each(s, csv_one, out);
}
