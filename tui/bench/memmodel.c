#include "tui/bench/memmodel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/base/arena.h"
#include "engine/model/checkpoint.h"
#include "tui/bench/count.h"

#define HUGE_PAGE ((size_t)2 << 20)

struct memmodel {
	struct config config;
	enum dtype type;
	struct model *model;
	struct tensor *tensors;
	int count, most;
	struct arena names; /* names, norms, biases */
	char *data;	    /* all matrices, one after another */
	size_t used, size;
	bool hollow;
};

/* Whole cache lines, so that no matrix begins inside another's. */
static size_t
padded(size_t bytes)
{
	return (bytes + 63) / 64 * 64;
}

size_t
memmodel_bytes(const struct config *c, enum dtype t)
{
	size_t head = dtype_row_bytes(t, (size_t)c->hidden),
	       sum = padded(head * (size_t)c->vocab) * (c->tied ? 1 : 2);

	for (int k = 0; k < MAT_KINDS; k++) {
		size_t row;
		int m, n;

		count_shape(c, k, &m, &n);
		row = dtype_row_bytes(t, (size_t)n);
		if (!row || !head)
			return 0;
		sum += padded(row * (size_t)m) * (size_t)c->layers;
	}
	return sum;
}

/* Addresses only; NULL: none. */
static char *
reserved(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* data: all matrices' room. */
static enum t2_status
create(struct memmodel **out, const struct config *config, enum dtype t, bool hollow,
       struct t2_err *err)
{
	size_t bytes = memmodel_bytes(config, t);
	struct memmodel *b;

	*out = NULL;
	if (!bytes)
		return t2_fail(err, T2_EUNSUP, "bench: rows are not whole blocks of %s",
			       dtype_name(t));
	if (!(b = calloc(1, sizeof *b)))
		return t2_nomem(err, "bench: a model in memory");
	b->config = *config;
	b->type = t;
	b->size = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	b->most = config->layers * (2 * MAT_KINDS + 2) + 3;
	b->tensors = calloc((size_t)b->most, sizeof *b->tensors);
	b->hollow = hollow;
	b->data = hollow ? reserved(b->size) : aligned_alloc(HUGE_PAGE, b->size);
	if (!b->tensors || !b->data) {
		memmodel_free(b);
		return t2_nomem(err, "bench: a model in memory");
	}
	if (!hollow)
		madvise(b->data, b->size, MADV_HUGEPAGE);
	*out = b;
	return T2_OK;
}

enum t2_status
memmodel_new(struct memmodel **out, const struct config *config, enum dtype t, struct t2_err *err)
{
	return create(out, config, t, false, err);
}

enum t2_status
memmodel_hollow(struct memmodel **out, const struct config *config, enum dtype t,
		struct t2_err *err)
{
	return create(out, config, t, true, err);
}

void
memmodel_free(struct memmodel *b)
{
	if (!b)
		return;
	model_free(b->model);
	free(b->tensors);
	if (b->hollow && b->data)
		munmap(b->data, b->size);
	else
		free(b->data);
	arena_free(&b->names);
	free(b);
}

static enum t2_status
add_tensor(struct memmodel *b, const char *name, enum dtype t, int ndim, int64_t m, int64_t n,
	   const void *data, size_t bytes, struct t2_err *err)
{
	const char *own = arena_strdup(&b->names, name);

	if (b->names.failed)
		return t2_nomem(err, "bench: a model in memory");
	if (b->count == b->most)
		return t2_fail(err, T2_EINVAL, "bench: %s: one tensor more than the model has",
			       name);
	b->tensors[b->count++] = (struct tensor){.name = own,
						 .type = t,
						 .type_name = dtype_name(t),
						 .ndim = ndim,
						 .shape = {m, n},
						 .data = data,
						 .bytes = bytes};
	return T2_OK;
}

enum t2_status
memmodel_vector(struct memmodel *b, const char *name, const float *v, int n, struct t2_err *err)
{
	size_t bytes = (size_t)n * sizeof *v;

	return add_tensor(b, name, T2_F32, 1, n, 0, arena_memdup(&b->names, v, bytes), bytes, err);
}

struct turn {
	memmodel_row_fn *row;
	void *arg;
	enum dtype type;
	size_t n;
	char *to;
	float *wide; /* [threads][n] */
};

static void
turn_task(void *arg, int task, int worker)
{
	const struct turn *t = arg;
	float *wide = t->wide + (size_t)worker * t->n;

	t->row(t->arg, task, wide);
	dtype_from_f32(t->type, wide, t->n, t->to + (size_t)task * dtype_row_bytes(t->type, t->n));
}

enum t2_status
memmodel_matrix(struct memmodel *b, const char *name, int m, int n, memmodel_row_fn *row, void *arg,
		struct pool *pool, struct t2_err *err)
{
	size_t bytes = dtype_row_bytes(b->type, (size_t)n) * (size_t)m;
	struct turn turn = {row, arg, b->type, (size_t)n, b->data + b->used, NULL};

	if (padded(bytes) > b->size - b->used)
		return t2_fail(err, T2_EINVAL, "bench: %s: larger than the model has room for",
			       name);
	if (!b->hollow) {
		turn.wide = malloc((size_t)pool_threads(pool) * (size_t)n * sizeof(float));
		if (!turn.wide)
			return t2_nomem(err, "bench: a model in memory");
		pool_run(pool, m, turn_task, &turn);
		free(turn.wide);
	}
	b->used += padded(bytes);
	return add_tensor(b, name, b->type, 2, m, n, turn.to, bytes, err);
}

enum t2_status
memmodel_finish(struct memmodel *b, struct t2_err *err)
{
	return model_from_memory(&b->model, &b->config, b->tensors, b->count, err);
}

const struct model *
memmodel_model(const struct memmodel *b)
{
	return b->model;
}
