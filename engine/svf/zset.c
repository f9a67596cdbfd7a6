#include "engine/svf/zset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/model.h"

enum t2_status
zset_new(struct zset **out, const struct model *m, struct t2_err *err)
{
	int count = model_matrices(m);
	struct zset *z = calloc(1, sizeof *z);

	*out = NULL;
	if (!z)
		return t2_nomem(err, "scale vectors");
	z->count = count;
	z->rank = calloc((size_t)count + 1, sizeof *z->rank);
	z->z = calloc((size_t)count + 1, sizeof *z->z);
	if (!z->rank || !z->z) {
		zset_free(z);
		return t2_nomem(err, "scale vectors");
	}
	for (int i = 0; i < count; i++)
		z->rank[i] = weight_rank(model_matrix(m, i));
	*out = z;
	return T2_OK;
}

void
zset_free(struct zset *z)
{
	if (!z)
		return;
	for (int i = 0; z->z && i < z->count; i++)
		free(z->z[i]);
	free(z->z);
	free(z->rank);
	free(z);
}

enum t2_status
zset_set(struct zset *z, int mat, const float *values, struct t2_err *err)
{
	size_t n;

	if (mat < 0 || mat >= z->count)
		return t2_fail(err, T2_EINVAL, "scale vector %d: there are %d matrices", mat,
			       z->count);
	if (!values) {
		free(z->z[mat]);
		z->z[mat] = NULL;
		return T2_OK;
	}
	n = (size_t)z->rank[mat] * sizeof(float);
	if (!z->z[mat]) {
		z->z[mat] = malloc(n);
		if (!z->z[mat])
			return t2_nomem(err, "scale vector");
	}
	memmove(z->z[mat], values, n);
	return T2_OK;
}

static enum t2_status
same_shape(const struct zset *a, const struct zset *b, struct t2_err *err)
{
	if (a->count != b->count)
		return t2_fail(
			err, T2_EMISMATCH,
			"scale vectors of %d matrices beside %d: they belong to different models",
			b->count, a->count);
	for (int i = 0; i < a->count; i++)
		if (a->rank[i] != b->rank[i])
			return t2_fail(err, T2_EMISMATCH,
				       "scale vector %d of rank %d beside %d: they belong to "
				       "different models",
				       i, b->rank[i], a->rank[i]);
	return T2_OK;
}

enum t2_status
zset_copy(struct zset *dst, const struct zset *src, struct t2_err *err)
{
	enum t2_status st = same_shape(dst, src, err);

	for (int i = 0; i < src->count && !st; i++)
		st = zset_set(dst, i, src->z[i], err);
	return st;
}

/* One matrix's mixture into sum[rank]; false: it stays the base model's. */
static bool
mix_one(double *sum, const struct zset *const *list, const double *alpha, size_t stride, int k,
	int mat, bool normalise)
{
	int rank = list[0]->rank[mat];
	bool adapted = false;
	double total = 0;

	for (int e = 0; e < k; e++) {
		adapted = adapted || list[e]->z[mat];
		total += alpha[(size_t)e * stride];
	}
	if (!adapted || (normalise && total == 0))
		return false;
	memset(sum, 0, (size_t)rank * sizeof *sum);
	for (int e = 0; e < k; e++) {
		double w =
			normalise ? alpha[(size_t)e * stride] / total : alpha[(size_t)e * stride];
		const float *z = list[e]->z[mat];

		for (int i = 0; i < rank; i++)
			sum[i] += w * (z ? z[i] : 1.0);
	}
	return true;
}

enum t2_status
zset_mix(struct zset *dst, const struct zset *const *list, const double *alpha, int k,
	 bool per_matrix, bool normalise, struct t2_err *err)
{
	size_t stride = per_matrix ? (size_t)dst->count : 1,
	       numbers = (size_t)(k > 0 ? k : 0) * stride;
	enum t2_status st = T2_OK;
	double *sum;
	float *mixed;
	int most = 1;

	if (k < 1)
		return t2_fail(err, T2_EINVAL, "a mixture needs at least one expert");
	for (int e = 0; e < k && !st; e++)
		st = same_shape(dst, list[e], err);
	for (size_t i = 0; i < numbers && !st; i++)
		if (!isfinite(alpha[i]))
			st = t2_fail(err, T2_EINVAL, "a mixture's weight is not a finite number");
	if (st)
		return st;
	for (int i = 0; i < dst->count; i++)
		most = dst->rank[i] > most ? dst->rank[i] : most;
	sum = malloc((size_t)most * sizeof *sum);
	mixed = malloc((size_t)most * sizeof *mixed);
	if (!sum || !mixed)
		st = t2_nomem(err, "mixture");
	for (int mat = 0; mat < dst->count && !st; mat++) {
		bool any = mix_one(sum, list, alpha + (per_matrix ? mat : 0), stride, k, mat,
				   normalise);

		for (int i = 0; any && i < dst->rank[mat]; i++)
			mixed[i] = (float)sum[i];
		st = zset_set(dst, mat, any ? mixed : NULL, err);
	}
	free(sum);
	free(mixed);
	return st;
}

enum t2_status
zset_mix_matrix(struct zset *dst, int mat, const struct zset *const *list, const double *alpha,
		int k, struct t2_err *err)
{
	size_t rank = mat >= 0 && mat < dst->count ? (size_t)dst->rank[mat] : 0;
	double *sum = malloc((rank + 1) * sizeof *sum);
	float *mixed = malloc((rank + 1) * sizeof *mixed);
	enum t2_status st = sum && mixed ? T2_OK : t2_nomem(err, "mixture");
	bool any = false;

	for (int e = 0; e < k && !st; e++)
		st = same_shape(dst, list[e], err);
	if (!st && rank && k > 0)
		any = mix_one(sum, list, alpha, 1, k, mat, false);
	for (size_t i = 0; any && i < rank; i++)
		mixed[i] = (float)sum[i];
	if (!st)
		st = zset_set(dst, mat, any ? mixed : NULL, err);
	free(sum);
	free(mixed);
	return st;
}

long
zset_values(const struct zset *z)
{
	long n = 0;

	for (int i = 0; i < z->count; i++)
		if (z->z[i])
			n += z->rank[i];
	return n;
}
