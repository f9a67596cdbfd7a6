#include <stdlib.h>

#include "engine/linalg/blas.h"
#include "engine/model/linear.h"
#include "engine/model/model.h"

struct base_linear {
	struct linear op;
	const struct model *model;
	struct pool *pool;
};

static void
base_forward(void *self, int mat, const float *x, int rows, const int *slot, float *y, bool keep)
{
	const struct base_linear *b = self;
	const struct weight *w = model_matrix(b->model, mat);

	(void)slot; /* every slot is the base model */
	(void)keep; /* dx needs the weights only */
	gemm_weight_nt(b->pool, w->type, w->data, w->m, w->n, x, rows, y);
}

static void
base_together(void *self, const int *mat, int count, const float *x, int rows, const int *slot,
	      float *const *y)
{
	const struct base_linear *b = self;
	struct gemm_weight list[GEMM_TOGETHER];

	(void)slot;
	for (int i = 0; i < count; i++) {
		const struct weight *w = model_matrix(b->model, mat[i]);

		list[i] = (struct gemm_weight){w->type, w->data, w->m, w->n, x, y[i], NULL};
	}
	gemm_weights_nt(b->pool, list, count, rows);
}

static void
base_backward(void *self, int mat, const float *x, const float *g, int rows, const int *slot,
	      float *dx)
{
	const struct base_linear *b = self;
	const struct weight *w = model_matrix(b->model, mat);

	(void)x;
	(void)slot;
	gemm_weight_nn(b->pool, w->type, w->data, w->m, w->n, g, rows, dx, true);
}

static void
base_recall(void *self, int mat, const float *x, int rows, const int *slot)
{
	(void)self; /* nothing was held back */
	(void)mat;
	(void)x;
	(void)rows;
	(void)slot;
}

enum t2_status
base_linear_new(struct base_linear **out, const struct model *m, struct pool *pool,
		struct t2_err *err)
{
	struct base_linear *b = calloc(1, sizeof *b);

	*out = b;
	if (!b)
		return t2_nomem(err, "base layers");
	b->op = (struct linear){.self = b,
				.forward = base_forward,
				.together = base_together,
				.backward = base_backward,
				.recall = base_recall};
	b->model = m;
	b->pool = pool;
	return T2_OK;
}

void
base_linear_free(struct base_linear *b)
{
	free(b);
}

const struct linear *
base_linear_op(const struct base_linear *b)
{
	return &b->op;
}
