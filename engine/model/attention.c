#include "engine/model/attention.h"

#include <math.h>
#include <string.h>

#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"
#include "engine/model/vec.h"

int
attn_block(int group)
{
	int rows = 192 / group; /* about as many score rows as a product needs to run well */

	return rows > 64 ? 64 : rows < 16 ? 16 : rows;
}

size_t
attn_forward_scratch(int group, int d, int rows, int keys)
{
	return (size_t)group * (size_t)rows * ((size_t)keys + 2 * (size_t)d);
}

size_t
attn_backward_scratch(int group, int d, int rows, int keys)
{
	return (size_t)group * (size_t)rows * (2 * (size_t)keys + 3 * (size_t)d);
}

/* The group's heads of each row, one head's rows after another's: packed[group][rows][d] = scale * x. */
static void
gather(float *packed, const float *x, int ldx, int group, int rows, int d, float scale)
{
	for (int h = 0; h < group; h++)
		for (int i = 0; i < rows; i++) {
			vec_scale(packed, x + (size_t)i * (size_t)ldx + (size_t)h * (size_t)d,
				  scale, d);
			packed += d;
		}
}

static void
scatter(float *x, int ldx, const float *packed, int group, int rows, int d, float scale)
{
	for (int h = 0; h < group; h++)
		for (int i = 0; i < rows; i++) {
			vec_scale(x + (size_t)i * (size_t)ldx + (size_t)h * (size_t)d, packed,
				  scale, d);
			packed += d;
		}
}

/* p[group * rows][keys]: scores of packed q, then their softmax; zero where a key lies in the future. */
static void
probabilities(const struct attn_head *a, const float *q, int first, int rows, float *p)
{
	int keys = first + rows, all = a->group * rows;

	gemm_nt(NULL, all, keys, a->d, q, a->d, a->k, a->ldk, p, keys, false);
	for (int i = 0; i < all; i++, p += keys) {
		int seen = first + i % rows + 1;

		kern_softmax(p, seen);
		memset(p + seen, 0, (size_t)(keys - seen) * sizeof *p);
	}
}

void
attn_forward(const struct attn_head *a, int first, int rows, float *out, int ldo, float *scratch)
{
	int keys = first + rows, all = a->group * rows;
	float *p = scratch, *q = p + (size_t)all * (size_t)keys,
	      *o = q + (size_t)all * (size_t)a->d;

	gather(q, a->q, a->ldq, a->group, rows, a->d, 1.0f / sqrtf((float)a->d));
	probabilities(a, q, first, rows, p);
	gemm_nn(NULL, all, a->d, keys, p, keys, a->v, a->ldv, o, a->d, false);
	scatter(out, ldo, o, a->group, rows, a->d, 1.0f);
}

void
attn_forward_row(const float *q, int heads, int d, const struct attn_pages *pages, int keys,
		 float *out, float *scratch)
{
	float scale = 1.0f / sqrtf((float)d);

	for (int i = 0; i < keys; i += pages->each)
		vec_scores(scratch + i, keys, q, heads, pages->page[i / pages->each] + pages->k,
			   keys - i < pages->each ? keys - i : pages->each, d);
	memset(out, 0, (size_t)heads * (size_t)d * sizeof *out);
	for (int h = 0; h < heads; h++) {
		float *p = scratch + (size_t)h * (size_t)keys;

		vec_scale(p, p, scale, keys);
		kern_softmax(p, keys);
		for (int i = 0; i < keys; i += pages->each)
			vec_weighted_sum(out + (size_t)h * (size_t)d, p + i,
					 pages->page[i / pages->each] + pages->v,
					 keys - i < pages->each ? keys - i : pages->each, d);
	}
}

/* With P the probabilities: dV = P' dO, dP = dO V', dS = P . (dP - rowsum(dO . O)), dQ = dS K, dK = dS' Q. */
void
attn_backward(const struct attn_head *a, int first, int rows, const float *out, const float *dout,
	      int ldo, float *dq, float *dk, float *dv, float *scratch)
{
	int keys = first + rows, d = a->d, all = a->group * rows;
	size_t pn = (size_t)all * (size_t)keys, qn = (size_t)all * (size_t)d;
	float *p = scratch, *dp = p + pn, *q = dp + pn, *go = q + qn, *o = go + qn;
	float scale = 1.0f / sqrtf((float)d);

	gather(q, a->q, a->ldq, a->group, rows, d, scale);
	gather(go, dout, ldo, a->group, rows, d, 1.0f);
	gather(o, out, ldo, a->group, rows, d, 1.0f);
	probabilities(a, q, first, rows, p);
	gemm_tn(NULL, keys, d, all, p, keys, go, d, dv, a->ldv, true);
	gemm_nt(NULL, all, keys, d, go, d, a->v, a->ldv, dp, keys, false);
	for (int i = 0; i < all; i++) {
		size_t at = (size_t)i * (size_t)keys, row = (size_t)i * (size_t)d;

		vec_softmax_back(dp + at, p + at, kern_dot(go + row, o + row, d), keys);
	}
	gemm_tn(NULL, keys, d, all, dp, keys, q, d, dk, a->ldk, true);
	gemm_nn(NULL, all, d, keys, dp, keys, a->k, a->ldk, o, d, false);
	scatter(dq, a->ldq, o, a->group, rows, d, scale);
}
