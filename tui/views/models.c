/* Models (1): the models known and found, what one of them is made of, opening, decomposing. */
#include "tui/views/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/complete.h"
#include "tui/opening.h"
#include "tui/utf8.h"
#include "tui/views/views.h"
#include "tui/widgets/gauge.h"

enum { MD_INFO = 1, MD_LOOK, MD_FACTOR };

/* -- what is known of a path -------------------------------------------------------------------------------- */

struct models_entry *
models_entry(const struct models *s, const char *path)
{
	for (int i = 0; i < s->entries; i++)
		if (!strcmp(s->entry[i].path, path))
			return &s->entry[i];
	return NULL;
}

const struct models_row *
models_selected(const struct models *s)
{
	int i = table_selected(&s->table);

	return i >= 0 && i < s->rows ? &s->row[i] : NULL;
}

const struct model_info *
models_info(const struct models *s)
{
	const struct models_row *r = models_selected(s);
	const struct models_entry *e = r ? models_entry(s, r->path) : NULL;

	return e ? e->info : NULL;
}

int
models_decomposing(const struct models *s)
{
	const struct models_row *r = models_selected(s);

	if (!r)
		return 0;
	return r->open ? s->w->decomposing : !strcmp(r->path, s->other) ? s->other_job : 0;
}

static void
entry_set(struct models_entry *e, struct model_info *info, const char *why)
{
	model_info_free(e->info);
	e->info = info;
	snprintf(e->why, sizeof e->why, "%s", why);
	e->job = 0;
}

static struct models_entry *
entry_add(struct models *s, const char *path)
{
	struct models_entry *grown = realloc(s->entry, ((size_t)s->entries + 1) * sizeof *grown);

	if (!grown)
		return NULL;
	s->entry = grown;
	memset(&grown[s->entries], 0, sizeof *grown);
	snprintf(grown[s->entries].path, sizeof grown->path, "%s", path);
	return &grown[s->entries++];
}

/* The open model's factors as they are now; of others what was gathered stands. */
static void
count_factors(struct models *s)
{
	struct models_entry *e = models_entry(s, model_path(s->w->ui.model));

	factors_refresh(s->w->ui.factors);
	if (e && e->info)
		model_info_factors(e->info, s->w->ui.model, s->w->ui.factors);
}

struct info_job {
	struct event_queue *q;
	char path[1024], cache[1024];
};

struct info_event {
	char path[1024], why[512];
	struct model_info *info;
};

static void
info_event_free(void *data)
{
	struct info_event *x = data;

	model_info_free(x->info);
	free(x);
}

static enum t2_status
info_work(void *arg, struct job *job, struct t2_err *err)
{
	struct info_job *j = arg;
	struct info_event *x = calloc(1, sizeof *x);
	struct t2_err why = {0};
	enum t2_status st;

	if (!x)
		return t2_nomem(err, j->path);
	snprintf(x->path, sizeof x->path, "%s", j->path);
	st = model_info_open(&x->info, j->path, j->cache, job, &why);
	snprintf(x->why, sizeof x->why, "%s", st ? why.msg : "");
	/* What is no model is an answer here, not a failure of the job. */
	event_post(j->q, &models_view, MD_INFO, x, info_event_free);
	return T2_OK;
}

static void
gather(struct view *v, struct models *s, const char *path)
{
	struct job_spec spec = {.name = "look into model",
				.owner = &models_view,
				.lane = &models_view, /* one after the other */
				.work = info_work,
				.drop = free,
				.quiet = true,
				.light = true,
				.passing = true};
	struct models_entry *e = models_entry(s, path);
	struct info_job *j;

	if (e && e->job)
		return;
	if (!e && !(e = entry_add(s, path)))
		return;
	j = calloc(1, sizeof *j);
	if (!j)
		return;
	j->q = app_queue(v->app);
	snprintf(j->path, sizeof j->path, "%s", path);
	snprintf(j->cache, sizeof j->cache, "%s", s->w->ui.cache);
	spec.arg = j;
	e->job = app_job(v->app, &spec);
}

static void
show_tensors(struct models *s)
{
	const struct model_info *i = models_info(s);

	table_rows(&s->tensors, i ? i->tensors : 0);
}

static void
selected(struct view *v, struct models *s)
{
	const struct models_row *r = models_selected(s);
	const struct models_entry *e = r ? models_entry(s, r->path) : NULL;

	s->scroll = 0;
	if (r && r->there != THERE_NO && (!e || (!e->info && !e->why[0])))
		gather(v, s, r->path);
	show_tensors(s);
}

/* -- the list ----------------------------------------------------------------------------------------------- */

const char *
models_count(char *buf, size_t size, double n)
{
	if (n >= 1e9)
		snprintf(buf, size, "%.3gB", n / 1e9);
	else if (n >= 1e6)
		snprintf(buf, size, "%.3gM", n / 1e6);
	else
		snprintf(buf, size, "%.3gk", n / 1e3);
	return buf;
}

static void
row_name(struct models_row *r, const char *name)
{
	const char *slash = strrchr(name, '/');
	int n;

	name = slash && slash[1] ? slash + 1 : name;
	n = (int)strlen(name) - (path_ends(name, ".gguf") ? 5 : 0);
	snprintf(r->name, sizeof r->name, "%.*s", n, name);
}

/* Known models in the order of their last use, then what was found. */
static void
build_rows(struct models *s)
{
	const char *open = model_path(s->w->ui.model);
	struct models_row *row = calloc((size_t)s->known.n + (size_t)s->places.n + 1, sizeof *row);
	int n = 0;

	if (!row)
		return;
	for (int i = 0; i < s->known.n; i++) {
		const struct model_row *k = &s->known.v[i];
		struct models_row *r = &row[n++];

		r->open = k->id == s->w->ui.model_id;
		snprintf(r->path, sizeof r->path, "%s", r->open ? open : k->path);
		snprintf(r->name, sizeof r->name, "%s", k->name);
		r->shipped = k->shipped;
		r->parameters = k->parameters;
		r->used = k->opened;
		r->bytes = -1;
	}
	for (int i = 0; i < s->places.n; i++) {
		const struct place *p = &s->places.v[i];
		struct models_row *r = NULL;

		for (int k = 0; k < n && !r; k++)
			if (!strcmp(row[k].path, p->path))
				r = &row[k];
		if (!r && i < s->places.known)
			continue; /* the store has forgotten it since */
		if (!r) {
			r = &row[n++];
			snprintf(r->path, sizeof r->path, "%s", p->path);
			row_name(r, p->path);
			r->found = true;
			r->parameters = -1;
		}
		r->there = p->there ? THERE_YES : THERE_NO;
		r->bytes = p->bytes;
	}
	free(s->row);
	s->row = row;
	s->rows = n;
	table_rows(&s->table, n);
}

static void
read_known(struct models *s)
{
	struct model_list l;

	if (store_model_list(s->w->ui.store, &l, NULL))
		return;
	model_list_free(&s->known);
	s->known = l;
	build_rows(s);
}

static int64_t
row_id(void *arg, int row)
{
	const struct models *s = arg;
	uint64_t h = 0xcbf29ce484222325u;

	for (const char *p = s->row[row].path; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	return (int64_t)(h >> 1);
}

enum { COL_NAME, COL_PARAMETERS, COL_BYTES, COL_USED, COL_WHERE };

static const struct column columns[] = {
	[COL_NAME] = {"model", 28, 40, ALIGN_LEFT, 0},
	[COL_PARAMETERS] = {"numbers", 7, 7, ALIGN_RIGHT, 1},
	[COL_BYTES] = {"size", 7, 8, ALIGN_RIGHT, 2},
	[COL_USED] = {"used", 6, 7, ALIGN_RIGHT, 3},
	[COL_WHERE] = {"where", 10, 0, ALIGN_LEFT, 4},
};

static void
used_text(char buf[TABLE_CELL], double used)
{
	double ago = store_now() - used;

	if (used <= 0)
		snprintf(buf, TABLE_CELL, "·");
	else if (ago < 60)
		snprintf(buf, TABLE_CELL, "now");
	else if (ago < 3600)
		snprintf(buf, TABLE_CELL, "%.0f min", ago / 60);
	else if (ago < 86400)
		snprintf(buf, TABLE_CELL, "%.0f h", ago / 3600);
	else
		snprintf(buf, TABLE_CELL, "%.0f d", ago / 86400);
}

static void
cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	struct models *s = arg;
	const struct models_row *r = &s->row[row];
	const struct models_entry *e = models_entry(s, r->path);
	double n = e && e->info ? (double)e->info->parameters : (double)r->parameters;
	char path[1024];

	if (r->there == THERE_NO)
		st->attr |= ATTR_DIM;
	switch (col) {
	case COL_NAME:
		snprintf(buf, TABLE_CELL, "%s%s",
			 r->open		? "● "
			 : r->there == THERE_NO ? "✗ "
						: "  ",
			 r->name);
		break;
	case COL_PARAMETERS:
		if (n < 0)
			snprintf(buf, TABLE_CELL, "·");
		else
			models_count(buf, TABLE_CELL, n);
		break;
	case COL_BYTES:
		if (r->bytes < 0)
			snprintf(buf, TABLE_CELL, "·");
		else
			gauge_bytes(buf, TABLE_CELL, (double)r->bytes);
		break;
	case COL_USED:
		if (r->open)
			snprintf(buf, TABLE_CELL, "open");
		else
			used_text(buf, r->used);
		break;
	default:
		snprintf(buf, TABLE_CELL, "%.200s",
			 r->there == THERE_NO ? "gone"
			 : r->shipped	      ? "shipped"
					      : path_short(r->path, path, sizeof path));
	}
}

/* The folder that it lies in; the end of that says more than its beginning. */
static bool
paint(void *arg, int row, int col, struct canvas *c, struct rect r, struct style st)
{
	const struct models *s = arg;
	const struct models_row *m = &s->row[row];
	char path[1024];
	size_t n, at = 0;
	char *slash;

	if (col != COL_WHERE || m->shipped || m->there == THERE_NO)
		return false;
	path_short(m->path, path, sizeof path);
	slash = strrchr(path, '/');
	if (slash)
		slash[slash == path] = 0;
	n = strlen(path);
	while (at < n && utf8_width(path + at, n - at) + (at > 0) > r.w)
		at = utf8_after(path, n, at);
	if (at)
		canvas_text(c, r.x, r.y, 1, st, "…");
	canvas_text(c, r.x + (at > 0), r.y, r.w, st, path + at);
	return true;
}

static int
compare(void *arg, int a, int b, int col)
{
	struct models *s = arg;
	const struct models_row *x = &s->row[a], *y = &s->row[b];

	switch (col) {
	case COL_NAME:
		return strcmp(x->name, y->name);
	case COL_PARAMETERS:
		return (x->parameters > y->parameters) - (x->parameters < y->parameters);
	case COL_BYTES:
		return (x->bytes > y->bytes) - (x->bytes < y->bytes);
	case COL_USED:
		return (x->used > y->used) - (x->used < y->used);
	default:
		return strcmp(x->path, y->path);
	}
}

/* -- looking around ----------------------------------------------------------------------------------------- */

struct look_job {
	struct event_queue *q;
	struct models *s;
	char **known, *beside;
	int n;
};

static void
look_drop(void *arg)
{
	struct look_job *j = arg;

	for (int i = 0; i < j->n; i++)
		free(j->known[i]);
	free(j->known);
	free(j->beside);
	free(j);
}

static void
look_event_free(void *data)
{
	places_free(data);
	free(data);
}

static enum t2_status
look_work(void *arg, struct job *job, struct t2_err *err)
{
	struct look_job *j = arg;
	struct place_list *l = calloc(1, sizeof *l);
	enum t2_status st;

	if (!l)
		return t2_nomem(err, "models on disk");
	st = places_look(l, (const char *const *)j->known, j->n, j->beside, job, err);
	if (st)
		free(l);
	else
		event_post(j->q, &models_view, MD_LOOK, l, look_event_free);
	return st;
}

static void
look_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct look_job *j = arg;

	(void)st;
	(void)err;
	j->s->looking = 0;
}

static void
look(struct view *v, struct models *s)
{
	struct job_spec spec = {.name = "look for models",
				.owner = &models_view,
				.work = look_work,
				.done = look_done,
				.drop = look_drop,
				.quiet = true,
				.light = true,
				.passing = true};
	struct look_job *j;

	if (s->looking || !(j = calloc(1, sizeof *j)))
		return;
	j->q = app_queue(v->app);
	j->s = s;
	j->known = calloc((size_t)s->known.n + 1, sizeof *j->known);
	j->beside = strdup(model_path(s->w->ui.model));
	for (int i = 0; i < s->known.n && j->known; i++)
		if ((j->known[j->n] = strdup(s->row[i].path)))
			j->n++;
	if (!j->known || !j->beside) {
		look_drop(j);
		return;
	}
	spec.arg = j;
	s->looking = app_job(v->app, &spec);
}

/* -- decomposing -------------------------------------------------------------------------------------------- */

/* Of a model that is not the open one: it has a model and threads of its own. */
struct factor_job {
	struct view *v;
	struct models *s;
	struct event_queue *q;
	int threads;
	char path[1024], cache[1024];
};

static void
factor_done(void *arg, int mat)
{
	const struct factor_job *j = arg;
	int *kind = malloc(sizeof *kind);

	if (kind) {
		*kind = mat % MAT_KINDS;
		event_post(j->q, &models_view, MD_FACTOR, kind, free);
	}
}

static enum t2_status
factor_work(void *arg, struct job *job, struct t2_err *err)
{
	struct factor_job *j = arg;
	struct pool *pool = pool_new(j->threads);
	struct model *m = NULL;
	enum t2_status st = pool ? model_open(&m, j->path, err) : t2_nomem(err, "threads");

	if (!st)
		st = factors_decompose(m, j->cache, "all", false, false, pool, job, factor_done, j,
				       NULL, err);
	model_free(m);
	pool_free(pool);
	return st;
}

static void
factor_ended(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct factor_job *j = arg;

	(void)st;
	(void)err;
	j->s->other_job = 0;
	gather(j->v, j->s, j->path); /* what is in the cache now, not what was counted */
}

static void
decompose_other(struct view *v, struct models *s, const char *path)
{
	struct job_spec spec = {.owner = &models_view,
				.lane = &s->other_job,
				.work = factor_work,
				.done = factor_ended,
				.drop = free,
				.light = true};
	struct factor_job *j = calloc(1, sizeof *j);
	const struct models_row *r = models_selected(s);
	char name[JOB_NAME];

	if (!j)
		return;
	j->v = v;
	j->s = s;
	j->q = app_queue(v->app);
	j->threads = s->w->threads;
	snprintf(j->path, sizeof j->path, "%s", path);
	snprintf(j->cache, sizeof j->cache, "%s", s->w->ui.cache);
	snprintf(s->other, sizeof s->other, "%s", path);
	snprintf(name, sizeof name, "decompose %.40s", r->name);
	spec.name = name;
	spec.arg = j;
	s->other_job = app_job(v->app, &spec);
}

static void
decompose(struct view *v, void *state, const char *arg)
{
	struct models *s = state;
	const struct models_row *r = models_selected(s);
	const struct model_info *i = models_info(s);
	int job = models_decomposing(s);

	(void)arg;
	if (!r || !i) {
		app_say(v->app, "nothing is known of this model yet");
		return;
	}
	if (job) {
		jobs_cancel(app_jobs(v->app), job);
		app_say(v->app, "stopping after the matrices in flight; D goes on from there");
		return;
	}
	if (model_info_decomposed(i) == i->matrices) {
		app_say(v->app, "%s: all %d matrices are decomposed", r->name, i->matrices);
		return;
	}
	if (r->open)
		world_decompose(s->w);
	else if (s->other_job)
		app_say(v->app, "another model is being decomposed; one after the other");
	else
		decompose_other(v, s, r->path);
}

/* -- life --------------------------------------------------------------------------------------------------- */

static void
gather_open(struct view *v, struct models *s)
{
	const char *path = model_path(s->w->ui.model);
	struct models_entry *e = entry_add(s, path);

	/* All but the tokenizer is at hand: shown at once. */
	if (e && !model_info_read(&e->info, s->w->ui.model, NULL))
		model_info_factors(e->info, s->w->ui.model, s->w->ui.factors);
	gather(v, s, path);
}

static enum t2_status
models_open(struct view *v, void *state, struct t2_err *err)
{
	struct models *s = state;
	enum t2_status st;

	s->w = v->user;
	if ((st = world_begin(s->w, v->app, err)))
		return st;
	s->table = (struct table){.cols = columns,
				  .ncols = sizeof columns / sizeof *columns,
				  .cell = cell,
				  .paint = paint,
				  .id = row_id,
				  .compare = compare,
				  .arg = s,
				  .empty = "No models. Ctrl-o opens one by its path."};
	models_tensors_init(s);
	if ((st = store_model_list(s->w->ui.store, &s->known, err)))
		return st;
	build_rows(s);
	for (int i = 0; i < s->rows; i++)
		if (s->row[i].open)
			table_select(&s->table, i);
	gather_open(v, s);
	show_tensors(s);
	return T2_OK;
}

static void
models_close(struct view *v, void *state)
{
	struct models *s = state;

	(void)v;
	for (int i = 0; i < s->entries; i++)
		model_info_free(s->entry[i].info);
	free(s->entry);
	free(s->row);
	model_list_free(&s->known);
	places_free(&s->places);
	table_free(&s->table);
	table_free(&s->tensors);
}

static void
models_show(struct view *v, void *state)
{
	read_known(state);
	look(v, state);
}

static void
take_info(struct models *s, struct info_event *x)
{
	struct models_entry *e = models_entry(s, x->path);

	if (!e)
		return;
	if (!x->info && e->info) { /* it could be read before */
		snprintf(e->why, sizeof e->why, "%s", x->why);
		e->job = 0;
	} else {
		entry_set(e, x->info, x->why);
		x->info = NULL;
	}
	count_factors(s);
	show_tensors(s);
}

static void
models_event(struct view *v, void *state, const struct event *e)
{
	struct models *s = state;
	struct models_entry *other;

	switch (e->type) {
	case MD_INFO:
		take_info(s, e->data);
		break;
	case MD_LOOK:
		places_free(&s->places);
		s->places = *(struct place_list *)e->data;
		memset(e->data, 0, sizeof s->places);
		build_rows(s);
		selected(v, s);
		break;
	case MD_FACTOR:
		other = models_entry(s, s->other);
		if (other && other->info)
			other->info->decomposed[*(int *)e->data]++;
		break;
	case WORLD_FACTORS:
		count_factors(s);
		break;
	case WORLD_STORE:
		world_refresh(s->w);
		read_known(s);
		break;
	default:
		break;
	}
}

/* -- acting ------------------------------------------------------------------------------------------------- */

static void
open_selected(struct view *v, struct models *s)
{
	const struct models_row *r = models_selected(s);

	if (!r)
		return;
	if (r->open)
		view_focus(v, MD_FACTS);
	else
		opening_start(v->app, s->w, r->shipped ? "sample" : r->path);
}

static bool
facts_action(struct models *s, enum action a)
{
	int by = a == A_DOWN	    ? 1
		 : a == A_UP	    ? -1
		 : a == A_PAGE_DOWN ? s->height
		 : a == A_PAGE_UP   ? -s->height
				    : 0;

	if (a == A_TOP || a == A_BOTTOM)
		s->scroll = a == A_TOP ? 0 : 1000;
	else if (!by)
		return false;
	s->scroll += by;
	if (s->scroll < 0)
		s->scroll = 0;
	return true;
}

static bool
models_action(struct view *v, void *state, int pane, enum action a)
{
	struct models *s = state;

	if (a == A_REFRESH) {
		const struct models_row *r = models_selected(s);

		read_known(s);
		look(v, s);
		count_factors(s);
		if (r)
			gather(v, s, r->path);
		return true;
	}
	switch (pane) {
	case MD_LIST:
		if (a == A_OPEN) {
			open_selected(v, s);
			return true;
		}
		if (!table_action(&s->table, a))
			return false;
		selected(v, s);
		return true;
	case MD_FACTS:
		return facts_action(s, a);
	case MD_FACTORS:
		if (a != A_OPEN)
			return false;
		decompose(v, s, NULL);
		return true;
	default:
		return table_action(&s->tensors, a);
	}
}

static bool
models_mouse(struct view *v, void *state, int pane, const struct mouse *m)
{
	struct models *s = state;
	bool open = false;

	if (pane == MD_TENSORS)
		return table_mouse(&s->tensors, m, &open);
	if (pane != MD_LIST || !table_mouse(&s->table, m, &open))
		return false;
	if (open)
		open_selected(v, s);
	else
		selected(v, s);
	return true;
}

static void
models_filter(struct view *v, void *state, int pane, const char *text)
{
	struct models *s = state;

	if (pane == MD_LIST) {
		table_filter(&s->table, text);
		selected(v, s);
	} else if (pane == MD_TENSORS) {
		table_filter(&s->tensors, text);
	}
}

static void
open_path(struct view *v, void *state, const char *arg)
{
	struct models *s = state;

	(void)arg;
	opening_ask(v->app, s->w);
}

static const struct binding bindings[] = {
	{A_NONE, "O", "open-path", "open a model by its path", open_path, PANES_ALL, BIND_BAR},
	{A_NONE, "D", "decompose", "decompose the selected model, or stop that", decompose,
	 PANES_ALL, BIND_BAR},
};

static const struct pane_spec panes[] = {
	[MD_LIST] = {"list", "models", 40, 4,
		     CAN_LIST | CAN(A_OPEN) | CAN(A_SORT) | CAN(A_REFRESH)},
	[MD_FACTS] = {"facts", "architecture", 44, 8, CAN_MOVE | CAN(A_REFRESH)},
	[MD_FACTORS] = {"factors", "decomposed", 30, 9, CAN(A_OPEN) | CAN(A_REFRESH)},
	[MD_TENSORS] = {"tensors", "tensors", 44, 4, CAN_LIST | CAN(A_SORT) | CAN(A_REFRESH)},
};

const struct view_ops models_view = {
	.name = "Models",
	.number = 1,
	.state_size = sizeof(struct models),
	.panes = panes,
	.npanes = MD_PANES,
	.layout = "h(5:v(3:list =11:factors) 6:v(1:facts 1:tensors))",
	.bindings = bindings,
	.nbindings = sizeof bindings / sizeof *bindings,
	.open = models_open,
	.close = models_close,
	.show = models_show,
	.draw = models_draw,
	.action = models_action,
	.mouse = models_mouse,
	.event = models_event,
	.filter = models_filter,
	.dump = models_dump,
};
