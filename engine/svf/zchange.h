/* zchange.h - what an expert changes: statistics of z - 1, and how the changes of two experts compare.
 *
 *	struct zchange c;
 *	if (zchange_of(z, mat, &c)) ...			// false: it leaves the matrix alone, all 0
 *	struct zcompare k;
 *	zcompare_of(a, b, 0, a->count, &k);		// over all matrices; k.cosine of z - 1
 *	n = zdiffer_most(a, b, v, 200);			// the components that differ most
 *
 * z - 1 and not z: two experts near the base model are not alike for that.  A matrix that an expert leaves alone has z = 1.
 * Both sets belong to one model.  Sums are taken in double, matrix by matrix in order: the same bits every time. */
#ifndef T2_ZCHANGE_H
#define T2_ZCHANGE_H

#include <stdbool.h>

struct zset;

struct zchange {
	double mean_abs, mean; /* of |z - 1|, of z - 1 */
	double max_abs;
	double lo, hi; /* of z itself */
	double norm;   /* of z - 1 */
};

struct zcompare {
	double cosine; /* of z - 1; 0 where one of the two changes nothing */
	double norm_a, norm_b, norm_difference;
};

struct zdiffer {
	int mat, component;
	float a, b; /* z */
};

bool zchange_of(const struct zset *z, int mat, struct zchange *out);
/* What turns a into b: statistics of z_b - z_a; lo and hi are of that.  false: neither touches the matrix. */
bool zchange_between(const struct zset *a, const struct zset *b, int mat, struct zchange *out);
/* Matrices from .. to - 1. */
void zcompare_of(const struct zset *a, const struct zset *b, int from, int to,
		 struct zcompare *out);
/* The largest |z_a - z_b| first, equal ones in the model's order; returns how many (those that differ at all, at most n). */
int zdiffer_most(const struct zset *a, const struct zset *b, struct zdiffer *out, int n);

#endif
