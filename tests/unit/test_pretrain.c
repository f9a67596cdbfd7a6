/* Pre-training: gradients of every weight against finite differences, AdamW by hand, bits for any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/rng.h"
#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"
#include "engine/model/checkpoint.h"
#include "engine/train/pretrain.h"
#include "tests/lib/golden.h"

enum { VOCAB = 29, TOKENS = 40, SHARPER = 4 };

static const struct config tiny = {
	.arch = "llama",
	.layers = 2,
	.hidden = 16,
	.heads = 4,
	.kv_heads = 2,
	.head_dim = 4,
	.ffn = 24,
	.vocab = VOCAB,
	.context = 64,
	.rms_eps = 1e-5f,
	.rope_theta = 10000,
	.rope_linear = 1,
	.tied = true,
	.bos = 0,
	.eos = {0},
	.eos_count = 1,
};

/* Five sequences, one of them a single token; random tokens, weights of both sorts. */
struct data {
	int len[5], ids[TOKENS], target[TOKENS];
	float weight[TOKENS];
	struct pretrain_batch batch;
};

static void
data_draw(struct data *d, uint64_t step)
{
	static const int len[5] = {10, 1, 10, 9, 10};
	struct rng r;

	rng_seed(&r, 5, step, 0);
	memcpy(d->len, len, sizeof len);
	for (int i = 0; i < TOKENS; i++) {
		d->ids[i] = (int)rng_below(&r, VOCAB);
		d->target[i] = (d->ids[i] * 5 + 3) % VOCAB;
		d->weight[i] = i % 10 < 4 ? 0.1f : 1;
	}
	d->batch = (struct pretrain_batch){
		.count = 5, .len = d->len, .ids = d->ids, .target = d->target, .weight = d->weight};
}

static struct pretrain *
start(struct pool *pool, int steps)
{
	struct pretrain_settings s = pretrain_defaults();
	struct pretrain *p;
	struct t2_err err;

	s.steps = steps;
	s.warmup = 2;
	s.seed = 3;
	assert_int_equal(pretrain_new(&p, &tiny, &s, pool, &err), T2_OK);
	return p;
}

static void
run(struct pretrain *p, int until)
{
	struct pretrain_loss loss;
	struct t2_err err;
	struct data d;

	while (pretrain_done(p) < until) {
		data_draw(&d, (uint64_t)pretrain_done(p));
		assert_int_equal(pretrain_gradient(p, &d.batch, &loss, &err), T2_OK);
		assert_int_equal(pretrain_update(p, NULL, &err), T2_OK);
	}
}

static void
assert_same_weights(const struct pretrain *a, const struct pretrain *b)
{
	for (int i = 0; i < pretrain_tensors(a); i++) {
		struct pretrain_tensor x = pretrain_tensor(a, i), y = pretrain_tensor(b, i);

		assert_memory_equal(x.w, y.w, (size_t)x.rows * (size_t)x.cols * sizeof(float));
	}
}

static double
loss_at(struct pretrain *p, const struct pretrain_batch *b)
{
	struct pretrain_loss loss;

	assert_int_equal(pretrain_gradient(p, b, &loss, NULL), T2_OK);
	return loss.weighted;
}

/* (loss(w + h d) - loss(w - h d)) / 2h for a direction d of one tensor; w comes back as it was. */
static double
slope(struct pretrain *p, const struct pretrain_batch *b, float *w, const float *d, size_t n,
      double h)
{
	float *old = malloc(n * sizeof *old);
	double up, down;

	memcpy(old, w, n * sizeof *old);
	for (size_t i = 0; i < n; i++)
		w[i] = old[i] + (float)h * d[i];
	up = loss_at(p, b);
	for (size_t i = 0; i < n; i++)
		w[i] = old[i] - (float)h * d[i];
	down = loss_at(p, b);
	memcpy(w, old, n * sizeof *old);
	free(old);
	return (up - down) / (2 * h);
}

static void
test_gradients(void **state)
{
	struct pretrain *p = start(NULL, 10);
	struct data d;
	struct rng r;

	(void)state;
	run(p, 3); /* norms away from 1 */
	data_draw(&d, 77);
	rng_seed(&r, 9, 9, 9);
	for (int i = 0; i < pretrain_tensors(p);
	     i++) { /* sharper attention than the first weights give */
		struct pretrain_tensor t = pretrain_tensor(p, i);

		for (size_t j = 0; t.rows > 1 && j < (size_t)t.rows * (size_t)t.cols; j++)
			t.w[j] *= SHARPER;
	}
	for (int i = 0; i < pretrain_tensors(p); i++) {
		struct pretrain_tensor t = pretrain_tensor(p, i);
		size_t n = (size_t)t.rows * (size_t)t.cols;
		float *g = malloc(n * sizeof *g), *dir = calloc(n, sizeof *dir);
		double norm = 0, found;

		loss_at(p, &d.batch);
		memcpy(g, t.g, n * sizeof *g);
		for (size_t j = 0; j < n; j++)
			norm += (double)g[j] * g[j];
		norm = sqrt(norm);
		assert_true(norm >
			    0.1); /* large against what differences of float32 losses can show */
		/* Along the gradient itself: every entry takes part. */
		for (size_t j = 0; j < n; j++)
			dir[j] = (float)(g[j] / norm);
		found = slope(p, &d.batch, t.w, dir, n, 2e-3);
		if (fabs(found - norm) > 0.01 * norm + 5e-4)
			fail_msg("%s: |gradient| %g, differences %g", t.name, norm, found);
		for (int k = 0; k < 4; k++) {
			size_t j = rng_below(&r, n);

			memset(dir, 0, n * sizeof *dir);
			dir[j] = 1;
			found = slope(p, &d.batch, t.w, dir, n, 5e-3);
			if (fabs(found - g[j]) > 0.01 * fabs(g[j]) + 5e-4)
				fail_msg("%s[%zu]: gradient %g, differences %g", t.name, j, g[j],
					 found);
		}
		free(g);
		free(dir);
	}
	pretrain_free(p);
}

/* With moments at zero, the first update moves every weight by the rate, against its gradient's sign. */
static void
test_first_update(void **state)
{
	struct pretrain *p = start(NULL, 10);
	struct pretrain_settings s = pretrain_defaults();
	double rate = pretrain_rate(p), norm, square = 0;
	float *before[32], *grad[32];
	struct data d;

	(void)state;
	assert_true(fabs(rate - s.lr / 2) < 1e-12); /* the first of two steps of warm-up */
	data_draw(&d, 0);
	loss_at(p, &d.batch);
	for (int i = 0; i < pretrain_tensors(p); i++) {
		struct pretrain_tensor t = pretrain_tensor(p, i);
		size_t n = (size_t)t.rows * (size_t)t.cols;

		before[i] = malloc(n * sizeof(float));
		grad[i] = malloc(n * sizeof(float));
		memcpy(before[i], t.w, n * sizeof(float));
		memcpy(grad[i], t.g, n * sizeof(float));
		for (size_t j = 0; j < n; j++)
			square += (double)t.g[j] * t.g[j];
	}
	assert_int_equal(pretrain_update(p, &norm, NULL), T2_OK);
	assert_true(fabs(norm - sqrt(square)) < 1e-9 * norm);
	for (int i = 0; i < pretrain_tensors(p); i++) {
		struct pretrain_tensor t = pretrain_tensor(p, i);

		for (size_t j = 0; j < (size_t)t.rows * (size_t)t.cols; j++) {
			double g = grad[i][j] * (norm > s.clip ? s.clip / norm : 1);
			double want = before[i][j] * (t.rows > 1 ? 1 - rate * s.decay : 1) -
				      rate * g / (fabs(g) + s.eps);

			assert_true(fabs(t.w[j] - want) < 2e-6);
		}
		free(before[i]);
		free(grad[i]);
	}
	pretrain_free(p);
}

static void
test_rate(void **state)
{
	struct pretrain *p = start(NULL, 12);
	struct pretrain_settings s = pretrain_defaults();

	(void)state;
	run(p, 2);
	assert_true(fabs(pretrain_rate(p) - s.lr) < 1e-12);
	run(p, 7); /* half way down */
	assert_true(fabs(pretrain_rate(p) - s.lr * (1 + s.floor) / 2) < 1e-12);
	run(p, 12);
	assert_true(fabs(pretrain_rate(p) - s.lr * s.floor) < 1e-12);
	pretrain_free(p);
}

static void
test_learns(void **state)
{
	struct pretrain *p = start(NULL, 400);
	struct data d;

	(void)state;
	data_draw(&d, 1000);
	assert_true(loss_at(p, &d.batch) > 2.5); /* log 29 = 3.4 */
	run(p, 400);
	data_draw(&d, 1000);
	assert_true(loss_at(p, &d.batch) < 0.5); /* the next token is a function of this one */
	pretrain_free(p);
}

static void
test_threads_agree(void **state)
{
	struct pool *pool = pool_new(3);
	struct pretrain *one = start(NULL, 10), *three = start(pool, 10);

	(void)state;
	run(one, 10);
	run(three, 10);
	assert_same_weights(one, three);
	pretrain_free(one);
	pretrain_free(three);
	pool_free(pool);
}

static void
test_resume(void **state)
{
	struct pretrain *whole = start(NULL, 10), *first = start(NULL, 10),
			*second = start(NULL, 10), *other;
	struct t2_err err;
	char path[900];
	FILE *f;

	(void)state;
	snprintf(path, sizeof path, "%s/state.safetensors", temp_dir());
	assert_int_equal(pretrain_load(second, path, &err), T2_ENOTFOUND);
	run(whole, 10);
	run(first, 4);
	assert_int_equal(pretrain_save(first, path, &err), T2_OK);
	assert_int_equal(pretrain_load(second, path, &err), T2_OK);
	assert_int_equal(pretrain_done(second), 4);
	run(second, 10);
	assert_same_weights(whole, second);

	other = start(NULL, 11);
	assert_int_equal(pretrain_load(other, path, &err), T2_EMISMATCH);
	assert_non_null(strstr(err.msg, "steps 10"));
	assert_int_equal(pretrain_done(other), 0);
	f = fopen(path, "r+");
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	assert_int_equal(ftruncate(fileno(f), ftell(f) - 5), 0);
	fclose(f);
	assert_int_equal(pretrain_load(first, path, &err), T2_EFORMAT);
	assert_int_equal(pretrain_done(first), 4);
	pretrain_free(whole);
	pretrain_free(first);
	pretrain_free(second);
	pretrain_free(other);
}

static void
test_written_weights(void **state)
{
	struct pretrain *p = start(NULL, 10);
	struct safetensors *s;
	struct t2_err err;
	char path[900];

	(void)state;
	run(p, 1);
	snprintf(path, sizeof path, "%s/model.safetensors", temp_dir());
	assert_int_equal(pretrain_write(p, path, &err), T2_OK);
	assert_int_equal(safetensors_open(&s, path, &err), T2_OK);
	assert_int_equal(safetensors_count(s), pretrain_tensors(p));
	for (int i = 0; i < pretrain_tensors(p); i++) {
		struct pretrain_tensor t = pretrain_tensor(p, i);
		const struct st_tensor *f = safetensors_find(s, t.name);

		assert_non_null(f);
		assert_int_equal(f->shape[f->ndim - 1], t.cols);
		assert_memory_equal(f->data, t.w, f->bytes);
	}
	safetensors_free(s);
	pretrain_free(p);
}

static void
test_model_in_memory(void **state)
{
	struct pretrain *p = start(NULL, 10);
	const struct model *m = pretrain_model(p);
	struct pretrain_tensor last = pretrain_tensor(p, pretrain_tensors(p) - 1);
	struct tensor few = {.name = "model.embed_tokens.weight",
			     .type = T2_F32,
			     .ndim = 2,
			     .shape = {VOCAB, 16},
			     .data = pretrain_tensor(p, 0).w,
			     .bytes = VOCAB * 16 * sizeof(float)};
	struct model *broken;
	struct t2_err err;

	(void)state;
	assert_ptr_equal(model_matrix(m, model_matrices(m) - 1)->data, last.w);
	assert_string_equal(model_matrix(m, MAT_UP)->name, "model.layers.0.mlp.up_proj.weight");
	assert_ptr_equal(model_head(m)->data, pretrain_tensor(p, 0).w);
	assert_null(model_checkpoint(m));
	assert_string_equal(model_fingerprint(m), "");
	assert_int_equal(model_from_memory(&broken, &tiny, &few, 1, &err), T2_EFORMAT);
	assert_null(broken);
	assert_non_null(strstr(err.msg, "model.layers.0.input_layernorm.weight"));
	pretrain_free(p);
}

static void
test_bad_input(void **state)
{
	struct pretrain *p = start(NULL, 10);
	struct pretrain_settings s = pretrain_defaults();
	struct config untied = tiny;
	struct pretrain *q;
	struct t2_err err;
	struct data d;
	struct pretrain_loss loss;

	(void)state;
	data_draw(&d, 0);
	d.target[7] = VOCAB;
	assert_int_equal(pretrain_gradient(p, &d.batch, &loss, &err), T2_EINVAL);
	data_draw(&d, 0);
	d.ids[7] = -1;
	assert_int_equal(pretrain_gradient(p, &d.batch, &loss, &err), T2_EINVAL);
	data_draw(&d, 0);
	memset(d.weight, 0, sizeof d.weight);
	assert_int_equal(pretrain_gradient(p, &d.batch, &loss, &err), T2_EINVAL);
	data_draw(&d, 0);
	loss_at(p, &d.batch);
	pretrain_tensor(p, 0).g[3] = NAN;
	assert_int_equal(pretrain_update(p, NULL, &err), T2_ENUM);
	assert_int_equal(pretrain_done(p), 0);
	untied.tied = false;
	assert_int_equal(pretrain_new(&q, &untied, &s, NULL, &err), T2_EUNSUP);
	assert_null(q);
	pretrain_free(p);
}

static int
set_up(void **state)
{
	(void)state;
	kern_init(NULL);
	return blas_init(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gradients),
		cmocka_unit_test(test_first_update),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_learns),
		cmocka_unit_test(test_threads_agree),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_written_weights),
		cmocka_unit_test(test_model_in_memory),
		cmocka_unit_test(test_bad_input),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
