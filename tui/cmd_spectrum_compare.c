/* `t2tui spectrum MODEL --compare OTHER`: two models' spectra, matrix by matrix. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/beside.h"
#include "tui/cmd_spectrum.h"

struct pair {
	const struct weight *w;
	const struct factor *f;
	const struct beside_matrix *x;
	struct spectrum_stats stats;
	int i;
};

static bool
same_shape(const struct pair *p)
{
	return p->f->m == p->x->m && p->f->n == p->x->n;
}

/* ||sigma - other's sigma|| / ||sigma||: a lower bound of how far the matrices themselves lie apart (Mirsky 1960).  NaN:
 * shapes differ. */
static double
distance(const struct pair *p)
{
	double d = 0, norm = 0;

	if (!same_shape(p))
		return NAN;
	for (int k = 0; k < p->f->r; k++) {
		double a = p->f->sigma64 ? p->f->sigma64[k] : (double)p->f->sigma[k];

		d += (a - p->x->sigma[k]) * (a - p->x->sigma[k]);
		norm += a * a;
	}
	return norm > 0 ? sqrt(d / norm) : NAN;
}

static void
print_head(const struct cli *c, const char *other)
{
	printf("%s against %s\n", c->ws.name, other);
	printf("%-40s %19s %19s %19s %8s\n", "matrix", "spectral", "stable r", "effect. r",
	       "apart");
}

static void
print_pair(const struct pair *p)
{
	printf("%-40s %9.4g %9.4g %9.3g %9.3g %9.3g %9.3g ", p->w->name, p->stats.spectral_norm,
	       p->x->stats.spectral_norm, p->stats.stable_rank, p->x->stats.stable_rank,
	       p->stats.effective_rank, p->x->stats.effective_rank);
	if (same_shape(p))
		printf("%8.3g\n", distance(p));
	else
		printf("%8s\n    shapes differ: %d x %d, %d x %d\n", "-", p->f->m, p->f->n, p->x->m,
		       p->x->n);
}

static void
print_csv(const struct pair *p)
{
	int r = p->f->r > p->x->r ? p->f->r : p->x->r;

	for (int k = 0; k < r; k++) {
		printf("%s,%d,", p->w->name, k);
		if (k < p->f->r)
			printf("%.17g", p->f->sigma64 ? p->f->sigma64[k] : (double)p->f->sigma[k]);
		if (k < p->x->r)
			printf(",%.17g\n", p->x->sigma[k]);
		else
			printf(",\n");
	}
}

static json_t *
pair_json(const struct pair *p)
{
	json_t *o = spectrum_matrix_json(p->w, p->i, p->f, &p->stats, NULL);
	json_t *x = json_pack("{s:i,s:i,s:i,s:o}", "m", p->x->m, "n", p->x->n, "rank", p->x->r,
			      "sigma", spectrum_numbers(NULL, p->x->sigma, p->x->r));

	spectrum_stats_json(x, &p->x->stats);
	json_object_set_new(o, "other", x);
	json_object_set_new(o, "same_shape", json_boolean(same_shape(p)));
	json_object_set_new(o, "distance", cli_json_real(distance(p)));
	return o;
}

/* What only one of the two has; said, and listed in the JSON. */
static json_t *
alone(const struct cli *c, const struct beside *b, bool here)
{
	const struct model *m = c->ws.model;
	json_t *names = json_array();

	for (int i = 0; here && i < model_matrices(m); i++)
		if (!beside_find(b, model_matrix(m, i)->name))
			json_array_append_new(names, json_string(model_matrix(m, i)->name));
	for (int i = 0; !here && i < b->n; i++)
		if (model_matrix_find(m, b->v[i].name) < 0)
			json_array_append_new(names, json_string(b->v[i].name));
	if (json_array_size(names))
		cli_note(c, "%zu matrices are only in %s", json_array_size(names),
			 here ? c->ws.name : b->name);
	return names;
}

/* Everything that is to be compared is decomposed, and there is something. */
static enum t2_status
check(struct cli *c, const struct beside *b, const char *other, int want)
{
	int missing = 0, both = 0;

	for (int i = 0; i < model_matrices(c->ws.model); i++) {
		const char *name = model_matrix(c->ws.model, i)->name;
		const struct beside_matrix *x = want < 0 || want == i ? beside_find(b, name) : NULL;

		if (want == i && !x)
			return t2_fail(&c->err, T2_ENOTFOUND, "matrix %s: %s has none of that name",
				       name, other);
		both += x != NULL;
		missing += x && !x->sigma;
	}
	if (!both)
		return t2_fail(&c->err, T2_ENOTFOUND, "%s and %s have no matrix of the same name",
			       c->ws.name, other);
	if (missing)
		return t2_fail(&c->err, T2_ENOTFOUND,
			       "%s: %d of %d matrices to compare are not decomposed yet; \"t2tui "
			       "decompose %s\" does it",
			       other, missing, both, other);
	return T2_OK;
}

int
spectrum_compare(struct cli *c, const char *other, int want, bool csv)
{
	const struct model *m = c->ws.model;
	json_t *list, *here, *there;
	struct beside *b = NULL;
	char path[1024], real[PATH_MAX];
	bool shipped;
	int rc = 0;

	if (workspace_path(&c->ws, other, path, sizeof path, &shipped, &c->err) ||
	    beside_read(&b, path, c->ws.cache, &c->job, &c->err) || check(c, b, other, want)) {
		beside_free(b);
		return cli_fail(c);
	}
	if (shipped) /* as everywhere else, and not as its folder is called */
		snprintf(b->name, sizeof b->name, "sample");
	if (csv)
		printf("matrix,component,sigma,sigma_other\n");
	else if (!c->json)
		print_head(c, realpath(path, real) && !strcmp(real, model_path(m)) ? "itself"
										   : b->name);
	list = json_array();
	for (int i = 0; i < model_matrices(m) && !rc; i++) {
		struct pair p = {.w = model_matrix(m, i), .i = i};

		p.f = factors_get(c->ws.factors, i);
		p.x = beside_find(b, p.w->name);
		if (!p.f || !p.x || (want >= 0 && i != want))
			continue;
		if (p.f->sigma64
			    ? spectrum_compute_f64(&p.stats, p.f->sigma64, p.f->m, p.f->n, &c->err)
			    : spectrum_compute(&p.stats, p.f->sigma, p.f->m, p.f->n, &c->err))
			rc = cli_fail(c);
		else if (csv)
			print_csv(&p);
		else if (c->json)
			json_array_append_new(list, pair_json(&p));
		else
			print_pair(&p);
	}
	here = want < 0 ? alone(c, b, true) : json_array();
	there = want < 0 ? alone(c, b, false) : json_array();
	if (c->json && !csv && !rc)
		cli_json(json_pack("{s:O,s:{s:s,s:s,s:O,s:O}}", "matrices", list, "compare", "name",
				   b->name, "path", b->path, "only_here", here, "only_there",
				   there));
	json_decref(list);
	json_decref(here);
	json_decref(there);
	beside_free(b);
	return rc;
}
