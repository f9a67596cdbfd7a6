#include "engine/model/rows.h"

#include "engine/linalg/kern.h"
#include "engine/model/rope.h"
#include "engine/model/vec.h"

/* Below this many floats a second thread costs more than it helps; tiles hold about as many. */
#define TILE_FLOATS 16384

struct rows_work {
	int rows, n, tile;
	void (*row)(const struct rows_work *w, size_t row);
	/* what the row functions need: */
	float *x, *y, *z;
	const float *in, *bias, *bias2, *scale;
	float eps;
	const struct weight *embed;
	size_t embed_bytes;
	const int *index;
	const struct rope *rope;
	int heads;
	bool back;
};

static void
tile_run(void *arg, int task, int worker)
{
	const struct rows_work *w = arg;
	int from = task * w->tile, to = from + w->tile < w->rows ? from + w->tile : w->rows;

	(void)worker;
	for (int i = from; i < to; i++)
		w->row(w, (size_t)i);
}

static void
rows_run(struct pool *pool, struct rows_work *w)
{
	w->tile = TILE_FLOATS / w->n + 1;
	pool_run(pool, (w->rows + w->tile - 1) / w->tile, tile_run, w);
}

static void
row_embed(const struct rows_work *w, size_t i)
{
	const char *row = (const char *)w->embed->data + (size_t)w->index[i] * w->embed_bytes;

	dtype_to_f32(w->embed->type, row, (size_t)w->n, w->x + i * (size_t)w->n);
}

void
rows_embed(struct pool *pool, const struct weight *embed, const int *ids, int rows, float *x)
{
	struct rows_work w = {.rows = rows,
			      .n = embed->n,
			      .row = row_embed,
			      .x = x,
			      .embed = embed,
			      .index = ids,
			      .embed_bytes = dtype_row_bytes(embed->type, (size_t)embed->n)};

	rows_run(pool, &w);
}

static void
row_norm(const struct rows_work *w, size_t i)
{
	kern_rmsnorm(w->y + i * (size_t)w->n, w->in + i * (size_t)w->n, w->scale, w->n, w->eps);
}

void
rows_norm(struct pool *pool, const float *x, int rows, int n, const float *w, float eps, float *y)
{
	struct rows_work r = {
		.rows = rows, .n = n, .row = row_norm, .in = x, .scale = w, .eps = eps, .y = y};

	rows_run(pool, &r);
}

static void
row_add_norm(const struct rows_work *w, size_t i)
{
	float *x = w->x + i * (size_t)w->n;

	vec_add(x, w->in + i * (size_t)w->n, w->n);
	if (w->bias)
		vec_add(x, w->bias, w->n);
	if (w->scale)
		kern_rmsnorm(w->y + i * (size_t)w->n, x, w->scale, w->n, w->eps);
}

void
rows_add_norm(struct pool *pool, float *x, const float *o, const float *bias, int rows, int n,
	      const float *w, float eps, float *y)
{
	struct rows_work r = {.rows = rows,
			      .n = n,
			      .row = row_add_norm,
			      .x = x,
			      .in = o,
			      .bias = bias,
			      .scale = w,
			      .eps = eps,
			      .y = y};

	rows_run(pool, &r);
}

static void
row_add_bias(const struct rows_work *w, size_t i)
{
	vec_add(w->x + i * (size_t)w->n, w->bias, w->n);
}

void
rows_add_bias(struct pool *pool, float *x, const float *bias, int rows, int n)
{
	struct rows_work r = {.rows = rows, .n = n, .row = row_add_bias, .x = x, .bias = bias};

	if (bias)
		rows_run(pool, &r);
}

static void
row_silu_mul(const struct rows_work *w, size_t i)
{
	float *gate = w->x + i * (size_t)w->n, *up = w->z + i * (size_t)w->n;

	if (w->bias)
		vec_add(gate, w->bias, w->n);
	if (w->bias2)
		vec_add(up, w->bias2, w->n);
	kern_silu_mul(w->y + i * (size_t)w->n, gate, up, w->n);
}

void
rows_silu_mul(struct pool *pool, float *gate, const float *gate_bias, float *up,
	      const float *up_bias, int rows, int n, float *y)
{
	struct rows_work r = {.rows = rows,
			      .n = n,
			      .row = row_silu_mul,
			      .x = gate,
			      .bias = gate_bias,
			      .z = up,
			      .bias2 = up_bias,
			      .y = y};

	rows_run(pool, &r);
}

static void
row_rope(const struct rows_work *w, size_t i)
{
	float *x = w->x + i * (size_t)w->n;

	if (w->bias)
		vec_add(x, w->bias, w->n);
	rope_turn(w->rope, x, w->heads, w->index[i], w->back);
}

void
rows_rope(struct pool *pool, const struct rope *r, float *x, const float *bias, const int *pos,
	  int rows, int heads, int head_dim, bool back)
{
	struct rows_work w = {.rows = rows,
			      .n = heads * head_dim,
			      .row = row_rope,
			      .rope = r,
			      .x = x,
			      .bias = bias,
			      .index = pos,
			      .heads = heads,
			      .back = back};

	rows_run(pool, &w);
}
