/* What the Experts view knows: rows, and vectors and cosines that a job brings. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/adapt/wilson.h"
#include "tui/app.h"
#include "tui/views/experts.h"
#include "tui/views/views.h"
#include "tui/widgets/gauge.h"

/* -- accuracies -------------------------------------------------------------------------------------------- */

const char *
ex_worth_text(const struct ex_worth *w, bool brief, char *buf, size_t size)
{
	double lo, hi;

	if (isnan(w->accuracy) || brief || !w->n) {
		gauge_share(buf, size, w->accuracy);
	} else {
		wilson95((int)lround(w->accuracy * w->n), w->n, &lo, &hi);
		gauge_interval(buf, size, w->accuracy, lo, hi);
	}
	return buf;
}

struct ex_worth
ex_eval_worth(const struct eval_row *e)
{
	if (!e || !e->n)
		return (struct ex_worth){.accuracy = (double)NAN};
	return (struct ex_worth){(double)e->correct / e->n, e->n};
}

/* -- rows -------------------------------------------------------------------------------------------------- */

int
ex_selected(const struct experts *s)
{
	int i = table_selected(&s->table);

	return i >= 0 && i < s->rows.list.n ? i : -1;
}

int
ex_find(const struct experts *s, int64_t id)
{
	for (int i = 0; id && i < s->rows.list.n; i++)
		if (s->rows.list.v[i].id == id)
			return i;
	return -1;
}

static int
vector_index(const struct experts *s, int row)
{
	for (int i = 0; row >= 0 && i < s->nvec; i++)
		if (s->vec[i].id == s->rows.list.v[row].id)
			return i;
	return -1;
}

const struct ex_vector *
ex_vector(const struct experts *s, int row)
{
	int i = vector_index(s, row);

	return i < 0 ? NULL : &s->vec[i];
}

/* -- vectors and cosines, in a job ----------------------------------------------------------------------------- */

struct load {
	struct experts *s;
	const struct model *model;
	struct store_place store;
	struct ex_vector *v; /* [n]: the first `known` are the view's own and only read */
	int known, n;
	const double *old; /* [known][known] */
	double *cos;	   /* [n][n] */
};

static void
vector_free(struct ex_vector *v)
{
	zset_free(v->z);
	free(v->change);
}

static void
vector_read(struct ex_vector *v, struct store *st, const struct model *m)
{
	struct t2_err err = {0};
	struct expert *e;

	if (store_expert_load(st, v->id, m, &e, &err)) {
		snprintf(v->why, sizeof v->why, "%.199s", err.msg);
		return;
	}
	v->z = expert_take_z(e);
	v->change = calloc((size_t)v->z->count, sizeof *v->change);
	for (int i = 0; v->change && i < v->z->count; i++)
		zchange_of(v->z, i, &v->change[i]);
	if (!v->change) {
		snprintf(v->why, sizeof v->why, "out of memory");
		zset_free(v->z);
		v->z = NULL;
	}
}

static double
cosine_of(const struct load *j, int a, int b)
{
	struct zcompare k;

	if (a < j->known && b < j->known)
		return j->old[a * j->known + b];
	if (!j->v[a].z || !j->v[b].z)
		return NAN;
	zcompare_of(j->v[a].z, j->v[b].z, 0, j->v[a].z->count, &k);
	return k.cosine;
}

static enum t2_status
load_work(void *arg, struct job *job, struct t2_err *err)
{
	struct load *j = arg;
	struct store *store;
	enum t2_status st = store_open_again(&store, &j->store, err);

	if (st)
		return st;
	job_stage(job, "reading experts", j->n - j->known);
	for (int i = j->known; i < j->n && !job_cancelled(job); i++) {
		vector_read(&j->v[i], store, j->model);
		job_step(job, 1);
	}
	store_close(store);
	job_stage(job, "cosines", j->n);
	for (int a = 0; a < j->n && !job_cancelled(job); a++) {
		for (int b = 0; b <= a; b++)
			j->cos[a * j->n + b] = j->cos[b * j->n + a] = cosine_of(j, a, b);
		job_step(job, 1);
	}
	return job_cancelled(job) ? t2_fail(err, T2_ECANCEL, "cancelled") : T2_OK;
}

static void settle(struct experts *s);

static void
load_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct load *j = arg;
	struct experts *s = j->s;

	(void)err;
	s->job = 0;
	if (!st) {
		free(s->vec);
		free(s->cos);
		s->vec = j->v;
		s->nvec = j->n;
		s->cos = j->cos;
		j->v = NULL;
		j->cos = NULL;
	}
	if (s->again || !st) {
		s->again = false;
		settle(s);
	}
}

static void
load_drop(void *arg)
{
	struct load *j = arg;

	for (int i = j->known; j->v && i < j->n; i++)
		vector_free(&j->v[i]);
	free(j->v);
	free(j->cos);
	free(j);
}

/* Drops what is no longer in the list. */
static void
vectors_keep(struct experts *s)
{
	int n = 0, was = s->nvec;
	int *from = malloc(((size_t)was + 1) * sizeof *from);

	if (!from)
		return;
	for (int i = 0; i < was; i++) {
		int row = ex_find(s, s->vec[i].id);

		if (row >= 0 && s->rows.info[row].here)
			from[n++] = i;
		else
			vector_free(&s->vec[i]);
	}
	for (int a = 0; a < n; a++) /* forwards: nothing is written before it is read */
		for (int b = 0; b < n; b++)
			s->cos[a * n + b] = s->cos[from[a] * was + from[b]];
	for (int a = 0; a < n; a++)
		s->vec[a] = s->vec[from[a]];
	s->nvec = n;
	free(from);
}

static void
load_start(struct experts *s)
{
	struct job_spec spec = {.name = "experts",
				.owner = &experts_view,
				.work = load_work,
				.done = load_done,
				.drop = load_drop,
				.quiet = true,
				.light = true};
	struct load *j = calloc(1, sizeof *j);
	size_t most = (size_t)(s->nvec + s->rows.here);

	if (!j || !(j->v = calloc(most + 1, sizeof *j->v)) ||
	    !(j->cos = calloc(most * most + 1, sizeof *j->cos))) {
		if (j)
			load_drop(j);
		app_error(s->app, "experts: out of memory");
		return;
	}
	j->s = s;
	j->model = s->w->ui.model;
	store_place_of(s->w->ui.store, &j->store);
	j->known = j->n = s->nvec;
	j->old = s->cos;
	for (int i = 0; i < s->nvec; i++)
		j->v[i] = s->vec[i];
	for (int i = 0; i < s->rows.here; i++)
		if (vector_index(s, i) < 0)
			j->v[j->n++].id = s->rows.list.v[i].id;
	if (j->n == j->known) {
		load_drop(j);
		return;
	}
	spec.arg = j;
	s->job = app_job(s->app, &spec);
}

/* -- what panes show of it ------------------------------------------------------------------------------------- */

double
ex_stat_of(const struct zchange *c, enum ex_stat stat)
{
	return stat == EX_MEAN_ABS ? c->mean_abs : stat == EX_MEAN ? c->mean : c->max_abs;
}

void
ex_values(struct experts *s)
{
	const struct ex_vector *x = ex_vector(s, ex_selected(s));
	const struct zchange *c = s->pair.a ? s->pair.change : x ? x->change : NULL;

	for (int i = 0; i < s->mats; i++)
		s->value[i] = c ? ex_stat_of(&c[i], s->stat) : NAN;
}

static void
fill_grid(struct experts *s)
{
	size_t n = (size_t)s->rows.here;
	double *grid = malloc((n * n + 1) * sizeof *grid);
	const char **names = malloc((n + 1) * sizeof *names);

	if (!grid || !names) {
		free(grid);
		free(names);
		return;
	}
	for (int a = 0; a < s->rows.here; a++) {
		int i = vector_index(s, a);

		names[a] = s->rows.list.v[a].name;
		for (int b = 0; b < s->rows.here; b++) {
			int k = i < 0 ? -1 : vector_index(s, b);

			grid[a * s->rows.here + b] = k < 0 ? NAN : s->cos[i * s->nvec + k];
		}
	}
	free(s->grid);
	free(s->names);
	s->grid = grid;
	s->names = names;
	s->row = s->row < s->rows.here ? s->row : s->rows.here ? s->rows.here - 1 : 0;
	s->col = s->col < s->rows.here ? s->col : s->rows.here ? s->rows.here - 1 : 0;
	for (int k = 0; k < EX_STATS; k++)
		s->scale[k] = 0;
	for (int v = 0; v < s->nvec; v++)
		for (int i = 0; s->vec[v].z && i < s->mats; i++)
			for (int k = 0; k < EX_STATS; k++)
				s->scale[k] = fmax(
					s->scale[k],
					fabs(ex_stat_of(&s->vec[v].change[i], (enum ex_stat)k)));
}

/* After rows or vectors have come. */
static void
settle(struct experts *s)
{
	if (s->job)
		s->again = true;
	else
		vectors_keep(s);
	fill_grid(s);
	if (s->pair.a && (ex_find(s, s->pair.a) < 0 || ex_find(s, s->pair.b) < 0))
		ex_compare_end(s);
	ex_values(s);
	if (!s->job)
		load_start(s);
}

void
ex_take_rows(struct experts *s)
{
	bool first = !s->known;

	if (first)
		s->table.empty =
			app_keys(s->app, experts_view.number, s->empty,
				 "No experts yet. {new-run} trains one; :expert-import FILE "
				 "brings one in.");
	s->known = true;
	table_rows(&s->table, s->rows.list.n);
	settle(s);
	if (first)
		ex_selection_moved(s);
}

/* -- two of them ------------------------------------------------------------------------------------------- */

bool
ex_compare(struct experts *s, int row_a, int row_b)
{
	const struct ex_vector *a = ex_vector(s, row_a), *b = ex_vector(s, row_b);
	struct ex_pair *p = &s->pair;

	if (!a || !b || !a->z || !b->z)
		return false;
	if (!p->layer)
		p->layer = calloc((size_t)s->layers, sizeof *p->layer);
	if (!p->change)
		p->change = calloc((size_t)s->mats, sizeof *p->change);
	if (!p->layer || !p->change)
		return false;
	p->a = a->id;
	p->b = b->id;
	zcompare_of(a->z, b->z, 0, s->mats, &p->all);
	for (int l = 0; l < s->layers; l++)
		zcompare_of(a->z, b->z, l * MAT_KINDS, (l + 1) * MAT_KINDS, &p->layer[l]);
	for (int i = 0; i < s->mats; i++)
		zchange_between(a->z, b->z, i, &p->change[i]);
	p->nmost = zdiffer_most(a->z, b->z, p->most, EX_MOST);
	s->most.sel = s->most.top = 0;
	table_rows(&s->most, p->nmost);
	ex_values(s);
	return true;
}

void
ex_compare_end(struct experts *s)
{
	s->pair.a = s->pair.b = 0;
	s->pair.nmost = 0;
	table_rows(&s->most, 0);
	ex_values(s);
}

void
ex_data_free(struct experts *s)
{
	for (int i = 0; i < s->nvec; i++)
		vector_free(&s->vec[i]);
	free(s->vec);
	free(s->cos);
	free(s->grid);
	free(s->names);
	free(s->value);
	free(s->pair.layer);
	free(s->pair.change);
	ex_rows_free(&s->rows);
}
