#include "engine/svf/zchange.h"

#include <math.h>
#include <string.h>

#include "engine/svf/zset.h"

static double
at(const struct zset *z, int mat, int k)
{
	return z->z[mat] ? (double)z->z[mat][k] : 1;
}

static void
change_add(struct zchange *c, double d)
{
	c->mean += d;
	c->mean_abs += fabs(d);
	c->max_abs = fmax(c->max_abs, fabs(d));
	c->norm += d * d;
}

static void
change_end(struct zchange *c, int n)
{
	c->mean /= n;
	c->mean_abs /= n;
	c->norm = sqrt(c->norm);
}

bool
zchange_of(const struct zset *z, int mat, struct zchange *out)
{
	int n = z->rank[mat];

	memset(out, 0, sizeof *out);
	out->lo = out->hi = 1;
	if (!z->z[mat])
		return false;
	out->lo = INFINITY;
	out->hi = -INFINITY;
	for (int k = 0; k < n; k++) {
		double x = (double)z->z[mat][k];

		change_add(out, x - 1);
		out->lo = fmin(out->lo, x);
		out->hi = fmax(out->hi, x);
	}
	change_end(out, n);
	return true;
}

bool
zchange_between(const struct zset *a, const struct zset *b, int mat, struct zchange *out)
{
	int n = a->rank[mat];

	memset(out, 0, sizeof *out);
	if (!a->z[mat] && !b->z[mat])
		return false;
	out->lo = INFINITY;
	out->hi = -INFINITY;
	for (int k = 0; k < n; k++) {
		double d = at(b, mat, k) - at(a, mat, k);

		change_add(out, d);
		out->lo = fmin(out->lo, d);
		out->hi = fmax(out->hi, d);
	}
	change_end(out, n);
	return true;
}

void
zcompare_of(const struct zset *a, const struct zset *b, int from, int to, struct zcompare *out)
{
	double dot = 0, na = 0, nb = 0, nd = 0;

	for (int i = from; i < to; i++) {
		double d = 0, pa = 0, pb = 0, pd = 0;

		if (!a->z[i] && !b->z[i])
			continue;
		for (int k = 0; k < a->rank[i]; k++) {
			double u = at(a, i, k) - 1, v = at(b, i, k) - 1;

			d += u * v;
			pa += u * u;
			pb += v * v;
			pd += (u - v) * (u - v);
		}
		dot += d;
		na += pa;
		nb += pb;
		nd += pd;
	}
	*out = (struct zcompare){.cosine = na > 0 && nb > 0 ? dot / sqrt(na * nb) : 0,
				 .norm_a = sqrt(na),
				 .norm_b = sqrt(nb),
				 .norm_difference = sqrt(nd)};
}

static double
size_of(const struct zdiffer *d)
{
	return fabs((double)d->b - (double)d->a);
}

/* Does x come before y in the list?  By size, then by place. */
static bool
before(const struct zdiffer *x, const struct zdiffer *y)
{
	double p = size_of(x), q = size_of(y);

	if (p != q)
		return p > q;
	return x->mat != y->mat ? x->mat < y->mat : x->component < y->component;
}

/* The heap's root is the last of the n best so far: most of two hundred thousand components are turned away by one
 * comparison with it. */
static void
sift(struct zdiffer *v, int n, int i)
{
	for (;;) {
		int child = 2 * i + 1;
		struct zdiffer t = v[i];

		if (child >= n)
			return;
		if (child + 1 < n && before(&v[child], &v[child + 1]))
			child++;
		if (before(&v[child], &v[i]))
			return;
		v[i] = v[child];
		v[child] = t;
		i = child;
	}
}

int
zdiffer_most(const struct zset *a, const struct zset *b, struct zdiffer *out, int n)
{
	int have = 0;

	for (int mat = 0; mat < a->count && n > 0; mat++) {
		if (!a->z[mat] && !b->z[mat])
			continue;
		for (int k = 0; k < a->rank[mat]; k++) {
			struct zdiffer d = {mat, k, (float)at(a, mat, k), (float)at(b, mat, k)};

			if (d.a == d.b)
				continue;
			if (have < n) {
				out[have++] = d;
				for (int i = have / 2 - 1; have == n && i >= 0; i--)
					sift(out, n, i);
			} else if (before(&d, &out[0])) {
				out[0] = d;
				sift(out, n, 0);
			}
		}
	}
	for (int i = have / 2 - 1; i >= 0; i--) /* fewer than n: not a heap yet */
		sift(out, have, i);
	for (int left = have - 1; left > 0; left--) {
		struct zdiffer t = out[0];

		out[0] = out[left];
		out[left] = t;
		sift(out, left, 0);
	}
	return have;
}
