/* adaptation_impl.h - inside an adaptation: what each slot holds for each matrix. */
#ifndef T2_ADAPTATION_IMPL_H
#define T2_ADAPTATION_IMPL_H

#include <stddef.h>

#include "engine/svf/adaptation.h"

/* Rows that go through scratch together; longer inputs go in pieces of this many. */
enum { CHUNK = 1024 };

/* One matrix under one slot.  Buffers are kept when z changes. */
struct scaled {
	bool on;	  /* z is there and not all ones; else the rest means nothing */
	float *s;	  /* [r] sigma * z */
	float *change;	  /* [nk] sigma * (z - 1) of the changed components */
	int *changed, nk; /* [r] which they are */
	float *Uk, *Vk;	  /* [m][nk], [nk][n], gathered when delta first runs; NULL: not yet */
	float *dense;	  /* [m][n]; holds W' when dense_ready */
	bool dense_ready;
	double saved; /* multiply-adds that a dense copy would have saved since z was set */
};

/* A = X V of a forward with keep, for the backward of the same matrix. */
struct held {
	int mat, rows; /* rows 0: nothing */
	float *A;
	size_t cap;
};

struct adaptation {
	struct linear op;
	const struct model *model;
	const struct factors *factors;
	struct pool *pool;
	enum form form;
	int slots, count, most_rank;
	struct scaled *scaled; /* [slots][count] */
	double **grad;	       /* [count]: [rank] or NULL */
	size_t *reach; /* [count] ranks of this matrix and of those held before it, added up */
	struct held *
		held; /* [count] until the backward of the whole model, while they fit into held_limit */
	struct held near[MAT_KINDS]; /* of the layer whose backward is next */
	size_t held_limit;
	float *one, *two;			     /* [CHUNK][most_rank] scratch each */
	const float *row_scale[CHUNK];		     /* scratch of adaptation_together() */
	size_t dense_bytes, dense_limit, dense_most; /* dense_most: of all slots and matrices */
	size_t taken;				     /* of the pool's memory */
	bool reserved;				     /* dense_limit is taken of it already */
	bool mapped_only; /* auto makes no dense copies, and gathers dense_limit at most */
};

static inline struct scaled *
adaptation_scaled(const struct adaptation *a, int slot, int mat)
{
	return &a->scaled[(size_t)slot * (size_t)a->count + (size_t)mat];
}

/* Room that was found for gathered columns is given back. */
void adaptation_give(struct adaptation *a, size_t bytes);

/* The calls of the op. */
void adaptation_forward(void *self, int mat, const float *x, int rows, const int *slot, float *y,
			bool keep);
void adaptation_together(void *self, const int *mat, int count, const float *x, int rows,
			 const int *slot, float *const *y);
void adaptation_backward(void *self, int mat, const float *x, const float *g, int rows,
			 const int *slot, float *dx);
void adaptation_recall(void *self, int mat, const float *x, int rows, const int *slot);
bool adaptation_hold(void *self, int mat, int rows);

/* W' = (U * s) Vt into out[m][n]; scratch[CHUNK][r]. */
void adaptation_build(struct pool *pool, const struct factor *f, const float *s, float *scratch,
		      float *out);

#endif
