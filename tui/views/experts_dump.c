/* Export of the Experts view: text as it is seen, CSV with every digit. */
#include <math.h>
#include <string.h>

#include "engine/adapt/wilson.h"
#include "engine/base/strbuf.h"
#include "tui/views/experts.h"

static void
name(const char *s, bool csv, struct strbuf *out)
{
	if (csv)
		strbuf_csv(out, s);
	else
		strbuf_str(out, s);
}

static void
dump_cosine(const struct experts *s, bool csv, struct strbuf *out)
{
	char sep = csv ? ',' : '\t';

	strbuf_str(out, "expert");
	for (int i = 0; i < s->rows.here; i++) {
		strbuf_char(out, sep);
		name(s->names[i], csv, out);
	}
	for (int a = 0; a < s->rows.here; a++) {
		strbuf_char(out, '\n');
		name(s->names[a], csv, out);
		for (int b = 0; b < s->rows.here; b++) {
			double v = s->grid[a * s->rows.here + b];

			strbuf_char(out, sep);
			if (!isnan(v)) /* else not read yet */
				strbuf_printf(out, csv ? "%.9g" : "%+.4f", v);
		}
	}
	strbuf_char(out, '\n');
}

static bool
dump_map(const struct experts *s, struct strbuf *out)
{
	const struct ex_vector *x = ex_vector(s, ex_selected(s));
	const struct zchange *k = s->pair.a ? s->pair.change : x ? x->change : NULL;

	if (!k)
		return false;
	strbuf_str(out, "matrix,mean_abs,mean,max_abs,norm,min,max\n");
	for (int i = 0; i < s->mats; i++)
		strbuf_printf(out, "%s,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g\n",
			      model_matrix(s->w->ui.model, i)->name, k[i].mean_abs, k[i].mean,
			      k[i].max_abs, k[i].norm, k[i].lo, k[i].hi);
	return true;
}

static bool
dump_profile(const struct experts *s, struct strbuf *out)
{
	int mat = ex_matrix(s), row[2] = {ex_selected(s), -1}, n = 1;
	const struct factor *f = factors_get(s->w->ui.factors, mat);

	if (s->pair.a) {
		row[0] = ex_find(s, s->pair.a);
		row[1] = ex_find(s, s->pair.b);
		n = 2;
	}
	for (int i = 0; i < n; i++) {
		const struct ex_vector *x = ex_vector(s, row[i]);

		if (!x || !x->z)
			return false;
	}
	strbuf_str(out, "component,sigma");
	for (int i = 0; i < n; i++)
		strbuf_printf(out, ",z_%s", s->rows.list.v[row[i]].name);
	for (int k = 0; k < weight_rank(model_matrix(s->w->ui.model, mat)); k++) {
		if (f)
			strbuf_printf(out, "\n%d,%.17g", k, f->sigma64[k]);
		else
			strbuf_printf(out, "\n%d,", k);
		for (int i = 0; i < n; i++) {
			const float *z = ex_vector(s, row[i])->z->z[mat];

			strbuf_printf(out, ",%.9g", z ? (double)z[k] : 1.0);
		}
	}
	strbuf_char(out, '\n');
	return true;
}

/* Empty where not measured; n empty where not known. */
static void
dump_worth(const struct ex_worth *w, struct strbuf *out)
{
	double lo, hi;

	if (isnan(w->accuracy)) {
		strbuf_str(out, ",,,,");
	} else if (!w->n) {
		strbuf_printf(out, ",%.9g,,,", w->accuracy);
	} else {
		wilson95((int)lround(w->accuracy * w->n), w->n, &lo, &hi);
		strbuf_printf(out, ",%.9g,%.9g,%.9g,%d", w->accuracy, lo, hi, w->n);
	}
}

static void
dump_list(const struct experts *s, struct strbuf *out)
{
	static const char *const what[] = {"base", "expert", "eval_base", "eval"};

	strbuf_str(out, "name,model,task,method,scale,modules,values");
	for (int i = 0; i < 4; i++)
		strbuf_printf(out, ",%s,%s_lo,%s_hi,%s_n", what[i], what[i], what[i], what[i]);
	strbuf_str(out, ",created\n");
	for (int i = 0; i < s->table.nmap; i++) {
		const struct expert_row *r = &s->rows.list.v[s->table.map[i]];
		const struct ex_info *x = &s->rows.info[s->table.map[i]];
		struct ex_worth worth[4] = {x->base, x->own, ex_eval_worth(x->eval_base),
					    ex_eval_worth(x->eval)};

		name(r->name, true, out);
		strbuf_char(out, ',');
		name(r->model_name, true, out);
		strbuf_char(out, ',');
		name(r->task, true, out);
		strbuf_printf(out, ",%s,%s,%s,%lld", r->method, r->scale, r->modules,
			      (long long)r->parameters);
		for (int k = 0; k < 4; k++)
			dump_worth(&worth[k], out);
		strbuf_printf(out, ",%.0f\n", r->created);
	}
}

static void
dump_most(const struct experts *s, struct strbuf *out)
{
	strbuf_str(out, "matrix,component,z_a,z_b,sigma\n");
	for (int i = 0; i < s->most.nmap; i++) {
		const struct zdiffer *d = &s->pair.most[s->most.map[i]];
		const struct factor *f = factors_get(s->w->ui.factors, d->mat);

		strbuf_printf(out, "%s,%d,%.9g,%.9g,", model_matrix(s->w->ui.model, d->mat)->name,
			      d->component, (double)d->a, (double)d->b);
		if (f)
			strbuf_printf(out, "%.17g", f->sigma64[d->component]);
		strbuf_char(out, '\n');
	}
}

bool
ex_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out)
{
	struct experts *s = state;
	int row = ex_selected(s);

	(void)v;
	switch (pane) {
	case EX_LIST:
		if (f == DUMP_CSV)
			dump_list(s, out);
		else
			table_dump(&s->table, false, out);
		return true;
	case EX_COSINE:
		if (s->rows.here)
			dump_cosine(s, f == DUMP_CSV, out);
		return s->rows.here > 0;
	case EX_MAP:
		return f == DUMP_CSV && dump_map(s, out);
	case EX_PROFILE:
		return f == DUMP_CSV && dump_profile(s, out);
	default:
		if (s->pair.a && f == DUMP_CSV)
			dump_most(s, out);
		else if (s->pair.a)
			table_dump(&s->most, false, out);
		else if (row >= 0 && f == DUMP_TEXT)
			ex_about(s, row, out);
		return s->pair.a || (row >= 0 && f == DUMP_TEXT);
	}
}
