#include "engine/svf/expert.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/strbuf.h"
#include "engine/model/checkpoint.h"
#include "engine/model/model.h"
#include "engine/svf/factors.h"

static const char format[] = "t2-expert", version[] = "1";

/* The metadata that an expert carries as text. */
static const struct field {
	const char *key;
	size_t at, size;
} fields[] = {
#define FIELD(key)                                                                                 \
	{                                                                                          \
#key, offsetof(struct expert, key), sizeof((struct expert *)0)->key                \
	}
	FIELD(name),   FIELD(scale),   FIELD(modules),	   FIELD(task),
	FIELD(method), FIELD(created), FIELD(fingerprint), FIELD(accuracy),
#undef FIELD
};
enum { FIELDS = sizeof fields / sizeof *fields };

enum t2_status
expert_new(struct expert **out, const struct model *m, struct t2_err *err)
{
	struct expert *e = calloc(1, sizeof *e);
	enum t2_status st;

	*out = NULL;
	if (!e)
		return t2_nomem(err, "expert");
	st = zset_new(&e->z, m, err);
	if (st) {
		expert_free(e);
		return st;
	}
	snprintf(e->scale, sizeof e->scale, "plain");
	snprintf(e->fingerprint, sizeof e->fingerprint, "%s", model_fingerprint(m));
	*out = e;
	return T2_OK;
}

struct zset *
expert_take_z(struct expert *e)
{
	struct zset *z = e->z;

	for (int i = 0; e->p && i < z->count; i++)
		free(e->p[i]);
	free(e->p);
	free(e);
	return z;
}

void
expert_free(struct expert *e)
{
	if (!e)
		return;
	zset_free(expert_take_z(e));
}

static double
sigmoid(double p)
{
	return 1 / (1 + exp(-p));
}

double
reference_c(const double *p, const double *sigma, int r)
{
	double all = 0, scaled = 0;

	for (int i = 0; i < r; i++) {
		all += sigma[i];
		scaled += sigma[i] * sigmoid(p[i]);
	}
	return scaled > 0 ? all / scaled : 1; /* a zero matrix: c does not matter */
}

void
reference_to_z(const double *p, const double *sigma, int r, double *z)
{
	double c = reference_c(p, sigma, r);

	for (int i = 0; i < r; i++)
		z[i] = c * sigmoid(p[i]);
}

/* z_i = c m_i, dc/dm_j = -c sigma_j / sum(sigma m); so dL/dm_j = c (dz_j - sigma_j sum(dz m) / sum(sigma m)). */
void
reference_backward(const double *p, const double *sigma, int r, const double *dz, double *dp)
{
	double c = reference_c(p, sigma, r), along = 0, scaled = 0;

	for (int i = 0; i < r; i++) {
		along += dz[i] * sigmoid(p[i]);
		scaled += sigma[i] * sigmoid(p[i]);
	}
	for (int i = 0; i < r; i++) {
		double m = sigmoid(p[i]),
		       dm = c * (dz[i] - (scaled > 0 ? sigma[i] * along / scaled : 0));

		dp[i] = dm * m * (1 - m);
	}
}

enum t2_status
expert_set_p(struct expert *e, const struct factors *f, const struct model *m, int mat,
	     const float *p, struct t2_err *err)
{
	const struct factor *a = factors_need(f, m, mat, err);
	enum t2_status st = T2_OK;
	double *wide;
	float *z;
	int r;

	if (!a)
		return T2_ENOTFOUND;
	if (!e->p)
		e->p = calloc((size_t)e->z->count + 1, sizeof *e->p);
	if (!e->p)
		return t2_nomem(err, "expert");
	r = a->r;
	if (!e->p[mat])
		e->p[mat] = malloc((size_t)r * sizeof(float));
	wide = calloc(2 * (size_t)r, sizeof *wide);
	z = malloc((size_t)r * sizeof *z);
	if (e->p[mat] && wide && z) {
		memmove(e->p[mat], p, (size_t)r * sizeof(float));
		for (int i = 0; i < r; i++)
			wide[i] = p[i];
		reference_to_z(wide, a->sigma64, r, wide + r);
		for (int i = 0; i < r; i++)
			z[i] = (float)wide[r + i];
		snprintf(e->scale, sizeof e->scale, "reference");
		st = zset_set(e->z, mat, z, err);
	} else {
		st = t2_nomem(err, "expert");
	}
	free(wide);
	free(z);
	return st;
}

static enum t2_status
read_meta(struct expert *e, const struct safetensors *s, const char *path, struct t2_err *err)
{
	const char *v = safetensors_meta(s, "format");

	if (!v || strcmp(v, format))
		return t2_fail(err, T2_EFORMAT,
			       "%s: not an expert: metadata \"format\" is %s%.40s%s, not \"%s\"",
			       path, v ? "\"" : "", v ? v : "absent", v ? "\"" : "", format);
	v = safetensors_meta(s, "version");
	if (!v || strcmp(v, version))
		return t2_fail(
			err, T2_EUNSUP,
			"%s: metadata \"version\" is %s%.40s%s: this program reads version %s",
			path, v ? "\"" : "", v ? v : "absent", v ? "\"" : "", version);
	e->scale[0] = e->fingerprint[0] = 0;
	for (int i = 0; i < FIELDS; i++) {
		size_t n;

		v = safetensors_meta(s, fields[i].key);
		n = v ? strlen(v) : 0;
		if (n >= fields[i].size)
			return t2_fail(err, T2_EFORMAT,
				       "%s: metadata \"%s\" is longer than %zu bytes", path,
				       fields[i].key, fields[i].size - 1);
		for (size_t k = 0; k < n; k++)
			if (iscntrl((unsigned char)v[k]))
				return t2_fail(err, T2_EFORMAT,
					       "%s: metadata \"%s\" holds a control character",
					       path, fields[i].key);
		if (n)
			memcpy((char *)e + fields[i].at, v, n + 1);
	}
	if (strcmp(e->scale, "plain") && strcmp(e->scale, "reference"))
		return t2_fail(err, T2_EFORMAT,
			       "%s: metadata \"scale\" is \"%s\", not plain or reference", path,
			       e->scale);
	return T2_OK;
}

static enum t2_status
read_vector(struct expert *e, const struct st_tensor *t, const struct model *m,
	    const struct factors *f, const char *path, struct t2_err *err)
{
	const char suffix = strcmp(e->scale, "plain") ? 'p' : 'z';
	size_t n = strlen(t->name);
	const float *v = t->data;
	struct strbuf name = {0};
	int mat, rank;

	if (n < 3 || t->name[n - 2] != '.' || t->name[n - 1] != suffix)
		return t2_fail(err, T2_EFORMAT,
			       "%s: tensor \"%.120s\": an expert of scale %s holds MATRIX.%c only",
			       path, t->name, e->scale, suffix);
	strbuf_add(&name, t->name, n - 2);
	if (name.failed)
		return t2_nomem(err, path);
	mat = model_matrix_find(m, name.s);
	strbuf_free(&name);
	if (mat < 0)
		return t2_fail(err, T2_EMISMATCH, "%s: tensor \"%.120s\": %s has no such matrix",
			       path, t->name, model_name(m));
	rank = e->z->rank[mat];
	if (strcmp(t->dtype, "F32"))
		return t2_fail(err, T2_EFORMAT, "%s: tensor \"%.120s\" is %s, not F32", path,
			       t->name, t->dtype);
	if (t->ndim != 1 || t->shape[0] != rank)
		return t2_fail(
			err, T2_EMISMATCH,
			"%s: tensor \"%.120s\" has %zu numbers; the matrix's rank in %s is %d",
			path, t->name, t->bytes / sizeof(float), model_name(m), rank);
	for (int i = 0; i < rank; i++)
		if (!isfinite(v[i]))
			return t2_fail(err, T2_EFORMAT,
				       "%s: tensor \"%.120s\": number %d is not finite", path,
				       t->name, i);
	return suffix == 'p' ? expert_set_p(e, f, m, mat, v, err) : zset_set(e->z, mat, v, err);
}

static enum t2_status
check_owner(struct expert *e, const struct model *m, bool transfer, const char *path,
	    struct t2_err *err)
{
	const char *own = model_fingerprint(m);

	if (!e->fingerprint[0])
		snprintf(e->note, sizeof e->note,
			 "the file does not say which model it was made for; names and shapes fit "
			 "%s",
			 model_name(m));
	else if (strcmp(e->fingerprint, own) && !transfer)
		return t2_fail(err, T2_EMISMATCH,
			       "%s: made for the model %.8s..., %s is %.8s...: allow transfer to "
			       "use it all the same",
			       path, e->fingerprint, model_name(m), own);
	else if (strcmp(e->fingerprint, own))
		snprintf(e->note, sizeof e->note, "transferred from the model %.8s... to %s",
			 e->fingerprint, model_name(m));
	return T2_OK;
}

/* For files that do not say. */
static void
guess_modules(struct expert *e)
{
	static const char *const sets[] = {"mlp", "attn", "all"};
	int found = 0;

	for (int i = 0; i < e->z->count; i++)
		if (e->z->z[i])
			found |= mat_kind_in((enum mat_kind)(i % MAT_KINDS), "mlp") ? 1 : 2;
	if (!e->modules[0] && found)
		snprintf(e->modules, sizeof e->modules, "%s", sets[found - 1]);
}

static enum t2_status
read_file(struct expert *e, const struct safetensors *s, const char *path, const struct model *m,
	  const struct factors *f, bool transfer, struct t2_err *err)
{
	enum t2_status st = read_meta(e, s, path, err);

	if (!st)
		st = check_owner(e, m, transfer, path, err);
	if (!st && !safetensors_count(s))
		st = t2_fail(err, T2_EFORMAT, "%s: no scale vector in it", path);
	for (int i = 0; i < safetensors_count(s) && !st; i++)
		st = read_vector(e, safetensors_tensor(s, i), m, f, path, err);
	if (!st)
		guess_modules(e);
	return st;
}

enum t2_status
expert_load(struct expert **out, const char *path, const struct model *m, const struct factors *f,
	    bool transfer, struct t2_err *err)
{
	struct safetensors *s;
	struct expert *e;
	enum t2_status st;

	*out = NULL;
	st = safetensors_open(&s, path, err);
	if (st)
		return st;
	st = expert_new(&e, m, err);
	if (!st)
		st = read_file(e, s, path, m, f, transfer, err);
	safetensors_free(s);
	if (st)
		expert_free(e);
	else
		*out = e;
	return st;
}

/* list[count] is filled with what is to be written, names[count] with the strings it borrows; returns how many. */
static int
list_vectors(const struct expert *e, const struct model *m, struct st_write *list,
	     struct strbuf *names)
{
	int n = 0;

	for (int i = 0; i < e->z->count; i++) {
		const float *v = e->p ? e->p[i] : e->z->z[i];

		if (!v)
			continue;
		strbuf_printf(&names[n], "%s.%c", model_matrix(m, i)->name, e->p ? 'p' : 'z');
		list[n] = (struct st_write){.name = names[n].s,
					    .dtype = "F32",
					    .ndim = 1,
					    .shape = {e->z->rank[i]},
					    .data = v,
					    .bytes = (size_t)e->z->rank[i] * sizeof *v};
		n++;
	}
	return n;
}

enum t2_status
expert_save(const struct expert *e, const char *path, const struct model *m, struct t2_err *err)
{
	const char *meta[2 * (2 + FIELDS)] = {"format", format, "version", version};
	size_t count = (size_t)e->z->count + 1;
	struct st_write *list = calloc(count, sizeof *list);
	struct strbuf *names = calloc(count, sizeof *names);
	enum t2_status st = T2_OK;
	int n = 0, pairs = 2;

	for (int i = 0; i < FIELDS; i++) {
		const char *v = (const char *)e + fields[i].at;

		if (!*v)
			continue;
		meta[2 * pairs] = fields[i].key;
		meta[2 * pairs + 1] = v;
		pairs++;
	}
	if (list && names)
		n = list_vectors(e, m, list, names);
	else
		st = t2_nomem(err, path);
	for (int i = 0; i < n && !st; i++)
		if (names[i].failed)
			st = t2_nomem(err, path);
	if (!st && !n)
		st = t2_fail(err, T2_EINVAL, "%s: the expert has no scale vector to save", path);
	if (!st)
		st = safetensors_write(path, list, n, meta, pairs, err);
	for (int i = 0; i < n; i++)
		strbuf_free(&names[i]);
	free(names);
	free(list);
	return st;
}

/* One matrix: m = sum alpha p, z = c m. */
static enum t2_status
mix_raw(float *z, double *m, const struct expert *const *list, const double *alpha, size_t stride,
	int k, int mat, const struct factor *a, struct t2_err *err)
{
	double all = 0, scaled = 0;

	memset(m, 0, (size_t)a->r * sizeof *m);
	for (int e = 0; e < k; e++) {
		const float *p = list[e]->p ? list[e]->p[mat] : NULL;

		if (!p)
			return t2_fail(err, T2_EINVAL,
				       "matrix %d: expert \"%s\" has no raw parameters to mix", mat,
				       list[e]->name);
		for (int i = 0; i < a->r; i++)
			m[i] += alpha[(size_t)e * stride] * p[i];
	}
	for (int i = 0; i < a->r; i++) {
		all += a->sigma64[i];
		scaled += a->sigma64[i] * m[i];
	}
	if (scaled == 0)
		return t2_fail(err, T2_ENUM,
			       "matrix %d: the mixture of raw parameters sums to nothing", mat);
	for (int i = 0; i < a->r; i++)
		z[i] = (float)(all / scaled * m[i]);
	return T2_OK;
}

static bool
any_has(const struct expert *const *list, int k, int mat)
{
	for (int e = 0; e < k; e++)
		if (list[e]->z->z[mat])
			return true;
	return false;
}

enum t2_status
reference_mix(struct zset *dst, const struct expert *const *list, const double *alpha, int k,
	      bool per_matrix, const struct factors *f, const struct model *m, struct t2_err *err)
{
	size_t stride = per_matrix ? (size_t)dst->count : 1;
	enum t2_status st = T2_OK;

	for (int mat = 0; mat < dst->count && !st; mat++) {
		const struct factor *a;
		double *mixed;
		float *z;

		if (!any_has(list, k, mat)) {
			st = zset_set(dst, mat, NULL, err);
			continue;
		}
		a = factors_need(f, m, mat, err);
		if (!a)
			return T2_ENOTFOUND;
		mixed = malloc((size_t)a->r * sizeof *mixed);
		z = malloc((size_t)a->r * sizeof *z);
		st = mixed && z ? mix_raw(z, mixed, list, alpha + (per_matrix ? mat : 0), stride, k,
					  mat, a, err)
				: t2_nomem(err, "mixture");
		if (!st)
			st = zset_set(dst, mat, z, err);
		free(mixed);
		free(z);
	}
	return st;
}
