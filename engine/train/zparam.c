#include "engine/train/zparam.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/rng.h"

/* p of the base model: any constant p gives m constant, c = 1 / m and z = 1; the authors start about this one. */
static const float base_p = 0.1f;

enum t2_status
zparam_new(struct zparam **out, const struct model *m, const struct factors *f, const char *scale,
	   const char *modules, struct t2_err *err)
{
	struct zparam *zp;
	size_t count = (size_t)model_matrices(m);
	enum t2_status st;

	*out = NULL;
	if (strcmp(scale, "plain") && strcmp(scale, "reference"))
		return t2_fail(err, T2_EINVAL, "scale \"%s\": use plain or reference", scale);
	zp = calloc(1, sizeof *zp);
	if (!zp)
		return t2_nomem(err, "parameters");
	zp->model = m;
	zp->factors = f;
	zp->reference = !strcmp(scale, "reference");
	snprintf(zp->modules, sizeof zp->modules, "%s", modules);
	zp->mat = calloc(count + 1, sizeof *zp->mat);
	zp->at = calloc(count + 1, sizeof *zp->at);
	st = zp->mat && zp->at ? zset_new(&zp->z, m, err) : t2_nomem(err, "parameters");
	for (int i = 0; i < (int)count && !st; i++) {
		const struct factor *a;

		if (!mat_kind_in((enum mat_kind)(i % MAT_KINDS), modules))
			continue;
		a = factors_need(f, m, i, err);
		if (!a)
			st = T2_ENOTFOUND;
		else
			zp->n = zp->at[zp->count + 1] = zp->n + a->r;
		zp->mat[zp->count++] = i;
	}
	if (!st && !zp->n)
		st = t2_fail(err, T2_EINVAL, "modules \"%s\": use mlp, attn or all", modules);
	if (!st && !(zp->v = malloc((size_t)zp->n * sizeof *zp->v)))
		st = t2_nomem(err, "parameters");
	for (int k = 0; k < zp->count && !st;
	     k++) /* room for the trained vectors: zparam_changed() cannot fail */
		if (!(zp->z->z[zp->mat[k]] =
			      malloc((size_t)zp->z->rank[zp->mat[k]] * sizeof(float))))
			st = t2_nomem(err, "parameters");
	if (st) {
		zparam_free(zp);
		return st;
	}
	for (long i = 0; i < zp->n; i++)
		zp->v[i] = zp->reference ? base_p : 1;
	zparam_changed(zp);
	*out = zp;
	return T2_OK;
}

void
zparam_free(struct zparam *zp)
{
	if (!zp)
		return;
	free(zp->mat);
	free(zp->at);
	free(zp->v);
	zset_free(zp->z);
	free(zp);
}

static bool
trained(const struct zparam *zp, int mat)
{
	return mat_kind_in((enum mat_kind)(mat % MAT_KINDS), zp->modules);
}

enum t2_status
zparam_start_zset(struct zparam *zp, const struct zset *z, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	if (zp->reference)
		return t2_fail(err, T2_EINVAL,
			       "start: scale reference needs an expert with raw parameters");
	if (z->count != zp->z->count)
		return t2_fail(err, T2_EMISMATCH,
			       "start: scale vectors of %d matrices, the model has %d", z->count,
			       zp->z->count);
	for (int i = 0; i < z->count; i++)
		if (z->z[i] && z->rank[i] != zp->z->rank[i])
			return t2_fail(
				err, T2_EMISMATCH, "start: %s has rank %d, its scale vector %d",
				model_matrix(zp->model, i)->name, zp->z->rank[i], z->rank[i]);
	for (int i = 0; i < z->count && !st; i++)
		if (!trained(zp, i))
			st = zset_set(zp->z, i, z->z[i], err);
	for (int k = 0; k < zp->count; k++)
		for (long i = zp->at[k]; i < zp->at[k + 1]; i++)
			zp->v[i] = z->z[zp->mat[k]] ? z->z[zp->mat[k]][i - zp->at[k]] : 1;
	zparam_changed(zp);
	return st;
}

enum t2_status
zparam_start(struct zparam *zp, const struct expert *e, struct t2_err *err)
{
	if (!zp->reference)
		return zparam_start_zset(zp, e->z, err);
	if (!e->p)
		return t2_fail(err, T2_EINVAL,
			       "start: the expert is of scale plain: scale reference needs raw "
			       "parameters");
	for (int i = 0; i < e->z->count; i++)
		if (e->p[i] && !trained(zp, i))
			return t2_fail(err, T2_EINVAL,
				       "start: the expert adapts %s, outside modules %s",
				       model_matrix(zp->model, i)->name, zp->modules);
	for (int k = 0; k < zp->count; k++)
		for (long i = zp->at[k]; i < zp->at[k + 1]; i++)
			zp->v[i] = e->p[zp->mat[k]] ? e->p[zp->mat[k]][i - zp->at[k]] : base_p;
	zparam_changed(zp);
	return T2_OK;
}

void
zparam_start_random(struct zparam *zp, uint64_t seed)
{
	struct rng rng;

	rng_seed(&rng, seed, 0, 0);
	for (long i = 0; i < zp->n && zp->reference; i++)
		zp->v[i] = (float)(0.1 + 0.01 * rng_normal(&rng));
	zparam_changed(zp);
}

void
zparam_changed(struct zparam *zp)
{
	for (int k = 0; k < zp->count; k++) {
		const struct factor *a = factors_get(zp->factors, zp->mat[k]);
		const double *v = zp->v + zp->at[k];
		double c = zp->reference ? reference_c(v, a->sigma64, a->r) : 1;
		float *z = zp->z->z[zp->mat[k]];

		for (int i = 0; i < a->r; i++)
			z[i] = (float)(zp->reference ? c / (1 + exp(-v[i])) : v[i]);
	}
}

const struct zset *
zparam_zset(const struct zparam *zp)
{
	return zp->z;
}

void
zparam_grad(const struct zparam *zp, const struct adaptation *a, double *grad)
{
	for (int k = 0; k < zp->count; k++) {
		const struct factor *f = factors_get(zp->factors, zp->mat[k]);
		const double *ds = adaptation_grad_s(a, zp->mat[k]);
		double *g = grad + zp->at[k];

		for (int i = 0; i < f->r; i++)
			g[i] = f->sigma64[i] * ds[i];
		if (zp->reference)
			reference_backward(zp->v + zp->at[k], f->sigma64, f->r, g, g);
	}
}

enum t2_status
zparam_expert(const struct zparam *zp, struct expert **out, struct t2_err *err)
{
	struct expert *e;
	enum t2_status st = expert_new(&e, zp->model, err);
	float *p = NULL;

	*out = NULL;
	if (st)
		return st;
	snprintf(e->modules, sizeof e->modules, "%s", zp->modules);
	if (!zp->reference) {
		st = zset_copy(e->z, zp->z, err);
	} else {
		p = malloc((size_t)zp->n * sizeof *p);
		if (!p)
			st = t2_nomem(err, "expert");
		for (long i = 0; i < zp->n && !st; i++)
			p[i] = (float)zp->v[i];
		for (int k = 0; k < zp->count && !st; k++)
			st = expert_set_p(e, zp->factors, zp->model, zp->mat[k], p + zp->at[k],
					  err);
	}
	free(p);
	if (st)
		expert_free(e);
	else
		*out = e;
	return st;
}
