#include "tui/mixing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum t2_status
mixing_init(struct mixing *m, int mats, struct t2_err *err)
{
	memset(m, 0, sizeof *m);
	m->mats = mats;
	m->expert = calloc(MIXING_EXPERTS, sizeof *m->expert);
	m->name = calloc(MIXING_EXPERTS, sizeof *m->name);
	m->alpha = calloc((size_t)MIXING_EXPERTS * (size_t)mats, sizeof *m->alpha);
	if (m->expert && m->name && m->alpha)
		return T2_OK;
	mixing_free(m);
	return t2_nomem(err, "mixture");
}

void
mixing_free(struct mixing *m)
{
	free(m->expert);
	free(m->name);
	free(m->alpha);
	memset(m, 0, sizeof *m);
}

size_t
mixing_bytes(const struct mixing *m)
{
	return MIXING_EXPERTS *
	       (sizeof *m->expert + sizeof *m->name + (size_t)m->mats * sizeof *m->alpha);
}

enum t2_status
mixing_copy(struct mixing *dst, const struct mixing *src, struct t2_err *err)
{
	enum t2_status st = mixing_init(dst, src->mats, err);
	size_t k = (size_t)src->k;

	if (st)
		return st;
	dst->k = src->k;
	dst->normalise = src->normalise;
	memcpy(dst->expert, src->expert, k * sizeof *dst->expert);
	memcpy(dst->name, src->name, k * sizeof *dst->name);
	memcpy(dst->alpha, src->alpha, k * (size_t)src->mats * sizeof *dst->alpha);
	return T2_OK;
}

enum t2_status
mixing_add(struct mixing *m, int64_t expert, const char *name, double alpha, struct t2_err *err)
{
	if (m->k == MIXING_EXPERTS)
		return t2_fail(err, T2_EINVAL, "mixture: more than %d experts", MIXING_EXPERTS);
	m->expert[m->k] = expert;
	snprintf(m->name[m->k], MIXING_NAME, "%s", name);
	mixing_set(m, m->k++, -1, alpha);
	return T2_OK;
}

int
mixing_find(const struct mixing *m, int64_t expert)
{
	for (int e = 0; e < m->k; e++)
		if (m->expert[e] == expert)
			return e;
	return -1;
}

static const double *
alphas(const struct mixing *m, int e)
{
	return m->alpha + (size_t)e * (size_t)m->mats;
}

void
mixing_set(struct mixing *m, int e, int mat, double alpha)
{
	double *a = m->alpha + (size_t)e * (size_t)m->mats;

	for (int i = mat < 0 ? 0 : mat; i < (mat < 0 ? m->mats : mat + 1); i++)
		a[i] = alpha;
}

double
mixing_alpha(const struct mixing *m, int e, bool *same)
{
	const double *a = alphas(m, e);
	bool one = true;
	double sum = 0;

	for (int i = 0; i < m->mats; i++) {
		sum += a[i];
		one = one && a[i] == a[0];
	}
	if (same)
		*same = one;
	return one ? a[0] : sum / m->mats;
}

bool
mixing_uniform(const struct mixing *m)
{
	bool same = true;

	for (int e = 0; e < m->k && same; e++)
		mixing_alpha(m, e, &same);
	return same;
}

bool
mixing_equal(const struct mixing *a, const struct mixing *b)
{
	size_t k = (size_t)a->k;

	if (a->k != b->k || a->mats != b->mats || a->normalise != b->normalise ||
	    memcmp(a->expert, b->expert, k * sizeof *a->expert))
		return false;
	for (size_t i = 0; i < k * (size_t)a->mats; i++)
		if (a->alpha[i] != b->alpha[i])
			return false;
	return true;
}

static bool
is_part(const struct mixing *m, int e)
{
	const double *a = alphas(m, e);

	for (int i = 0; i < m->mats; i++)
		if (a[i] != 0)
			return true;
	return false;
}

bool
mixing_empty(const struct mixing *m)
{
	for (int e = 0; e < m->k; e++)
		if (is_part(m, e))
			return false;
	return true;
}

/* Alphas by matrix are kept as float32: what is kept is what is used. */
bool
mixing_applied(const struct mixing *m, int mat, double *w)
{
	bool uniform = mixing_uniform(m);
	double sum = 0;

	for (int e = 0; e < m->k; e++) {
		w[e] = alphas(m, e)[mat];
		sum += w[e];
	}
	if (mixing_empty(m) || (m->normalise && sum == 0))
		return false;
	for (int e = 0; e < m->k; e++) {
		if (m->normalise)
			w[e] /= sum;
		if (!uniform)
			w[e] = (double)(float)w[e];
	}
	return true;
}

bool
mixing_same(const struct mixing *a, const struct mixing *b)
{
	double x[MIXING_EXPERTS], y[MIXING_EXPERTS];

	if (a->k != b->k || a->mats != b->mats ||
	    memcmp(a->expert, b->expert, (size_t)a->k * sizeof *a->expert))
		return false;
	for (int mat = 0; mat < a->mats; mat++) {
		bool any = mixing_applied(a, mat, x);

		if (any != mixing_applied(b, mat, y))
			return false;
		for (int e = 0; e < a->k && any; e++)
			if (x[e] != y[e])
				return false;
	}
	return true;
}

enum t2_status
mixing_z(const struct mixing *m, const struct zset *const *z, int mat, struct zset *out,
	 struct t2_err *err)
{
	const struct zset *part[MIXING_EXPERTS];
	double all[MIXING_EXPERTS], w[MIXING_EXPERTS];
	enum t2_status st = T2_OK;
	int n;

	for (int i = mat < 0 ? 0 : mat; i < (mat < 0 ? m->mats : mat + 1) && !st; i++) {
		n = 0;
		if (mixing_applied(m, i, all))
			for (int e = 0; e < m->k; e++)
				if (is_part(m, e)) {
					part[n] = z[e];
					w[n++] = all[e];
				}
		st = n ? zset_mix_matrix(out, i, part, w, n, err) : zset_set(out, i, NULL, err);
	}
	return st;
}

enum t2_status
mixing_load(struct mixing *m, const struct mixture_row *row, struct t2_err *err)
{
	for (int i = 0; i < row->parts; i++) {
		const struct mixture_part *p = &row->part[i];

		if (mixing_find(m, p->expert) < 0)
			return t2_fail(err, T2_ENOTFOUND, "mixture %s: its expert %s is not here",
				       row->name, p->name);
		if (p->alphas && p->count != m->mats)
			return t2_fail(err, T2_EMISMATCH,
				       "mixture %s: %d alphas, the model has %d matrices",
				       row->name, p->count, m->mats);
	}
	for (int e = 0; e < m->k; e++)
		mixing_set(m, e, -1, 0);
	m->normalise = row->normalised;
	for (int i = 0; i < row->parts; i++) {
		const struct mixture_part *p = &row->part[i];
		int e = mixing_find(m, p->expert);

		mixing_set(m, e, -1, p->alpha);
		for (int mat = 0; p->alphas && mat < m->mats; mat++)
			mixing_set(m, e, mat, (double)p->alphas[mat]);
	}
	return T2_OK;
}

enum t2_status
mixing_keep(const struct mixing *m, struct store *s, int64_t model, const char *name, int64_t *id,
	    struct t2_err *err)
{
	struct mixture_part part[MIXING_EXPERTS];
	struct mixture_row row = {
		.model = model, .name = (char *)name, .part = part, .fitness = NAN};
	bool uniform = mixing_uniform(m);
	double w[MIXING_EXPERTS];
	float *each = calloc((size_t)m->k * (size_t)m->mats + 1, sizeof *each);
	enum t2_status st = each ? T2_OK : t2_nomem(err, "mixture");

	memset(part, 0, sizeof part);
	for (int mat = 0; mat < m->mats && !st; mat++) {
		if (!mixing_applied(m, mat, w))
			st = t2_fail(err, T2_EINVAL,
				     uniform ? "mixture %s: the weights sum to 0: that is the base "
					       "model, there is nothing to keep"
					     : "mixture %s: the weights of matrix %d sum to 0: "
					       "switch normalise off or move one up",
				     name, mat);
		for (int e = 0; e < m->k && !st; e++) {
			each[(size_t)e * (size_t)m->mats + (size_t)mat] = (float)w[e];
			part[e].alpha = uniform ? w[e] : part[e].alpha + w[e] / m->mats;
		}
	}
	for (int e = 0; e < m->k && !st; e++) {
		struct mixture_part *p = &part[row.parts];

		if (!is_part(m, e))
			continue;
		*p = (struct mixture_part){
			.expert = m->expert[e], .name = m->name[e], .alpha = part[e].alpha};
		if (!uniform) {
			p->alphas = each + (size_t)e * (size_t)m->mats;
			p->count = m->mats;
		}
		row.parts++;
	}
	if (!st)
		st = store_mixture_add(s, &row, id, err);
	free(each);
	return st;
}

/* What is applied of an expert, the mean over the matrices that anything is applied to; false: to none. */
static bool
effective(const struct mixing *m, int e, double *a)
{
	double w[MIXING_EXPERTS], sum = 0;
	int n = 0;

	for (int mat = 0; mat < (mixing_uniform(m) ? 1 : m->mats); mat++)
		if (mixing_applied(m, mat, w)) {
			sum += w[e];
			n++;
		}
	*a = n ? sum / n : *a;
	return n > 0;
}

const char *
mixing_label(const struct mixing *m, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = 0;
	for (int e = 0; e < m->k && n < size; e++) {
		bool same;
		double a = mixing_alpha(m, e, &same);

		if (is_part(m, e) && m->normalise && effective(m, e, &a))
			n += (size_t)snprintf(buf + n, size - n, "%s%s%.2g %s", n ? " + " : "",
					      mixing_uniform(m) ? "" : "~", a, m->name[e]);
		else if (is_part(m, e))
			n += (size_t)snprintf(buf + n, size - n, "%s%s%.3g %s", n ? " + " : "",
					      same ? "" : "~", a, m->name[e]);
	}
	if (!n)
		snprintf(buf, size, "base");
	return buf;
}

/* As short as it can be and still be read back as the same number. */
static const char *
exact(double v, char buf[32])
{
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(buf, 32, "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	return buf;
}

bool
mixing_spec(const struct mixing *m, char *buf, size_t size)
{
	double w[MIXING_EXPERTS];
	char number[32];
	size_t n = 4;

	if (!mixing_uniform(m))
		return false;
	if (!mixing_applied(m, 0, w)) {
		snprintf(buf, size, "none");
		return true;
	}
	snprintf(buf, size, "mix:");
	for (int e = 0; e < m->k && n < size; e++)
		if (is_part(m, e))
			n += (size_t)snprintf(buf + n, size - n, "%s%s=%s", n > 4 ? "," : "",
					      m->name[e], exact(w[e], number));
	return n < size;
}
