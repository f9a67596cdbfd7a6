#include "tui/bench/shape.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/rng.h"
#include "tui/bench/count.h"
#include "tui/bench/memmodel.h"

#define PREFIX "shape:"

struct shape {
	struct memmodel *memory;
	struct factors *factors;
	struct factor *list; /* [matrices]; its arrays are own */
};

bool
shape_is(const char *name)
{
	return !strncmp(name, PREFIX, strlen(PREFIX));
}

enum t2_status
shape_config(const char *name, struct config *out, struct t2_err *err)
{
	static const struct {
		const char *name, *numbers;
	} known[] = {{"1.1b", "22,2048,5632,32,4,32000"},  /* TinyLlama's */
		     {"8b", "32,4096,14336,32,8,128256"}}; /* Llama 3's */
	const char *numbers = name + strlen(PREFIX);
	int used = 0;
	struct config c = {.arch = "llama",
			   .context = 2048,
			   .rms_eps = 1e-5F,
			   .rope_theta = 10000,
			   .rope_linear = 1,
			   .bos = -1};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(numbers, known[i].name))
			numbers = known[i].numbers;
	if (sscanf(numbers, "%5d,%6d,%6d,%4d,%4d,%7d%n", &c.layers, &c.hidden, &c.ffn, &c.heads,
		   &c.kv_heads, &c.vocab, &used) != 6 ||
	    numbers[used])
		return t2_fail(err, T2_EINVAL,
			       "%s: a shape is shape:1.1b, shape:8b or "
			       "shape:LAYERS,HIDDEN,FFN,HEADS,KV_HEADS,VOCAB",
			       name);
	if (c.layers < 1 || c.hidden < 2 || c.ffn < 1 || c.heads < 1 || c.kv_heads < 1 ||
	    c.vocab < 1 || c.heads % c.kv_heads || c.hidden % (2 * c.heads))
		return t2_fail(err, T2_EINVAL,
			       "%s: numbers from 1 on, HIDDEN a multiple of 2 x HEADS, HEADS of "
			       "KV_HEADS",
			       name);
	c.head_dim = c.hidden / c.heads;
	*out = c;
	return T2_OK;
}

struct noise {
	uint64_t matrix;
	int n;
};

static void
noise_row(void *arg, int row, float *out)
{
	const struct noise *w = arg;
	float width = sqrtf(12.0F / (float)w->n);
	struct rng rng;

	rng_seed(&rng, 0, w->matrix, (uint64_t)row);
	for (int i = 0; i < w->n; i += 2) {
		uint64_t bits = rng_u64(&rng);

		out[i] = ((float)(bits & 0xffffff) * 0x1p-24F - 0.5F) * width;
		if (i + 1 < w->n)
			out[i + 1] = ((float)(bits >> 40) * 0x1p-24F - 0.5F) * width;
	}
}

static enum t2_status
fill(struct memmodel *b, const struct config *c, struct pool *pool, struct t2_err *err)
{
	static const char *const names[MAT_KINDS] = {
		"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
		"mlp.gate_proj",    "mlp.up_proj",	"mlp.down_proj"};
	struct noise w = {0, c->hidden};
	float *ones = malloc((size_t)c->hidden * sizeof *ones);
	enum t2_status st = ones ? T2_OK : t2_nomem(err, "bench: a shape");
	char name[160];

	for (int i = 0; ones && i < c->hidden; i++)
		ones[i] = 1;
	if (!st)
		st = memmodel_matrix(b, "model.embed_tokens.weight", c->vocab, c->hidden, noise_row,
				     &w, pool, err);
	w.matrix = 1;
	if (!st)
		st = memmodel_matrix(b, "lm_head.weight", c->vocab, c->hidden, noise_row, &w, pool,
				     err);
	for (int i = 0; i < c->layers * MAT_KINDS && !st; i++) {
		int m, n, layer = i / MAT_KINDS;

		count_shape(c, i % MAT_KINDS, &m, &n);
		w = (struct noise){(uint64_t)i + 2, n};
		snprintf(name, sizeof name, "model.layers.%d.%s.weight", layer,
			 names[i % MAT_KINDS]);
		st = memmodel_matrix(b, name, m, n, noise_row, &w, pool, err);
		for (int k = 0; k < 2 && i % MAT_KINDS == 0 && !st; k++) {
			snprintf(name, sizeof name, "model.layers.%d.%s_layernorm.weight", layer,
				 k ? "post_attention" : "input");
			st = memmodel_vector(b, name, ones, c->hidden, err);
		}
	}
	if (!st)
		st = memmodel_vector(b, "model.norm.weight", ones, c->hidden, err);
	free(ones);
	return st ? st : memmodel_finish(b, err);
}

static enum t2_status
create(struct shape **out, const struct config *config, bool hollow, struct pool *pool,
       struct t2_err *err)
{
	struct shape *s = calloc(1, sizeof *s);
	enum t2_status st = !s	     ? t2_nomem(err, "bench: a shape")
			    : hollow ? memmodel_hollow(&s->memory, config, T2_BF16, err)
				     : memmodel_new(&s->memory, config, T2_BF16, err);

	*out = NULL;
	if (!st)
		st = fill(s->memory, config, pool, err);
	if (st)
		shape_free(s);
	else
		*out = s;
	return st;
}

enum t2_status
shape_new(struct shape **out, const struct config *config, struct pool *pool, struct t2_err *err)
{
	return create(out, config, false, pool, err);
}

enum t2_status
shape_hollow(struct shape **out, const struct config *config, struct t2_err *err)
{
	return create(out, config, true, NULL, err);
}

void
shape_free(struct shape *s)
{
	if (!s)
		return;
	factors_free(s->factors);
	for (int i = 0; s->list && i < model_matrices(shape_model(s)); i++)
		free((void *)s->list[i].U); /* with sigma and Vt behind it */
	free(s->list);
	memmodel_free(s->memory);
	free(s);
}

double
shape_bytes(const struct shape *s)
{
	double sum = 0;

	for (int i = 0; s && s->list && i < model_matrices(shape_model(s)); i++)
		if (s->list[i].U)
			sum += sizeof(float) *
			       (s->list[i].r * ((double)s->list[i].m + s->list[i].n + 1));
	return sum;
}

struct model *
shape_model(const struct shape *s)
{
	return (struct model *)memmodel_model(s->memory);
}

struct rows {
	struct noise noise;
	float *to;
};

static void
rows_task(void *arg, int task, int worker)
{
	const struct rows *w = arg;

	(void)worker;
	noise_row((void *)&w->noise, task, w->to + (size_t)task * (size_t)w->noise.n);
}

static enum t2_status
make_factor(struct factor *f, const struct weight *w, int index, struct pool *pool,
	    struct t2_err *err)
{
	int r = weight_rank(w);
	size_t u = (size_t)w->m * (size_t)r, v = (size_t)r * (size_t)w->n;
	float *all = malloc((u + (size_t)r + v) * sizeof *all);
	struct rows left = {{(uint64_t)index * 2 + 1000, r}, all},
		    right = {{(uint64_t)index * 2 + 1001, w->n}, all + u + r};

	if (!all)
		return t2_nomem(err, "bench: factors of a shape");
	pool_run(pool, w->m, rows_task, &left);
	pool_run(pool, r, rows_task, &right);
	for (int k = 0; k < r; k++)
		all[u + (size_t)k] = 2 * (1 - (float)k / (float)r);
	*f = (struct factor){w->m, w->n, r, all, all + u, all + u + r, NULL};
	return T2_OK;
}

enum t2_status
shape_factors(struct shape *s, struct factors **out, struct pool *pool, struct t2_err *err)
{
	const struct model *m = shape_model(s);
	int n = model_matrices(m);
	enum t2_status st = T2_OK;

	if (!s->list && !(s->list = calloc((size_t)n, sizeof *s->list)))
		return t2_nomem(err, "bench: factors of a shape");
	for (int i = 0; i < n && !st; i++)
		if (!s->list[i].U)
			st = make_factor(&s->list[i], model_matrix(m, i), i, pool, err);
	if (!st && !s->factors)
		st = factors_from(&s->factors, m, s->list, err);
	*out = st ? NULL : s->factors;
	return st;
}
