#include "engine/linalg/blas.h"
#include "engine/model/tape.h"

void
head_forward(const struct model *m, struct pool *pool, const float *h, int rows, float *logits)
{
	const struct weight *w = model_head(m);

	gemm_weight_nt(pool, w->type, w->data, w->m, w->n, h, rows, logits);
}

void
head_backward(const struct model *m, struct pool *pool, const float *dlogits, int rows, float *dh)
{
	const struct weight *w = model_head(m);

	gemm_weight_nn(pool, w->type, w->data, w->m, w->n, dlogits, rows, dh, false);
}
