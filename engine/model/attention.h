/* attention.h - causal attention of one key/value head: the tiles that forward passes and the tape are made of.
 *
 *	struct attn_head a = { .q = q, .ldq = heads * d, .k = k, .ldk = d, .v = v, .ldv = d, .group = g, .d = d };
 *	attn_forward(&a, first, rows, out, ldo, scratch);	// scratch: attn_forward_scratch(...) floats
 *
 * A key/value head serves group query heads that lie side by side in a row of q (and of out).  Query row i sits at
 * position first + i and sees keys 0 .. first + i.  Scores are scaled by 1 / sqrt(d).  Each call runs in its caller's
 * thread alone; what it sums is fixed by the shapes. */
#ifndef T2_ATTENTION_H
#define T2_ATTENTION_H

#include <stddef.h>

struct attn_head {
	const float *q; /* [rows][ldq], the group's first head at 0 */
	const float *k; /* [keys][ldk] */
	const float *v; /* [keys][ldv] */
	int ldq, ldk, ldv, group, d;
};

/* Query rows that one tile should hold. */
int attn_block(int group);
/* Floats of scratch for tiles of up to rows query rows that see up to keys keys. */
size_t attn_forward_scratch(int group, int d, int rows, int keys);
size_t attn_backward_scratch(int group, int d, int rows, int keys);

/* out[rows][ldo] */
void attn_forward(const struct attn_head *a, int first, int rows, float *out, int ldo,
		  float *scratch);
/* The same for one query row q[heads][d] of the group over keys and values that lie in pages: position i's at
 * page[i / each] + k + i % each * d, and v.  scratch: heads * keys floats. */
struct attn_pages {
	float *const *page;
	size_t k, v;
	int each;
};
void attn_forward_row(const float *q, int heads, int d, const struct attn_pages *pages, int keys,
		      float *out, float *scratch);

/* Given out of attn_forward() and dout, writes dq[rows][ldq] and adds to dk[keys][ldk] and dv[keys][ldv]. */
void attn_backward(const struct attn_head *a, int first, int rows, const float *out,
		   const float *dout, int ldo, float *dq, float *dk, float *dv, float *scratch);

#endif
