/* The tape against a model written out in double: hidden rows, and gradients against central differences of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/rng.h"
#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"
#include "engine/model/checkpoint.h"
#include "engine/model/forward.h"
#include "engine/model/tape.h"
#include "tests/lib/golden.h"

enum {
	LAYERS = 2,
	HIDDEN = 24,
	HEADS = 4,
	KV = 2,
	DIM = 6,
	FFN = 20,
	VOCAB = 30,
	GROUP = HEADS / KV
};
enum { QD = HEADS * DIM, KVD = KV * DIM };

static const int out_of[MAT_KINDS] = {QD, KVD, KVD, HIDDEN, FFN, FFN, HIDDEN};
static const int in_of[MAT_KINDS] = {HIDDEN, HIDDEN, HIDDEN, QD, HIDDEN, HIDDEN, FFN};
static const char *const name_of[MAT_KINDS] = {
	"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
	"mlp.gate_proj",    "mlp.up_proj",	"mlp.down_proj"};

static struct t2_err err;

#define ok(call)                                                                                   \
	do {                                                                                       \
		err.msg[0] = 0;                                                                    \
		if (call)                                                                          \
			fail_msg("%s: %s", #call, err.msg);                                        \
	} while (0)

/* The same model twice: float32 in a file for the engine, double here. */
static struct {
	double embed[VOCAB][HIDDEN], norm[2 * LAYERS + 1][HIDDEN];
	double *mat[LAYERS * MAT_KINDS], bias[LAYERS * MAT_KINDS][QD];
} ref;

static char path[700];

static struct st_write tensors[64];
static int tensor_count;

static void
tensor_add(struct rng *r, const char *name, int m, int n, double mean, double deviation,
	   double *copy)
{
	size_t count = (size_t)m * (size_t)(n ? n : 1);
	float *v = malloc(count * sizeof *v);
	struct st_write *t = &tensors[tensor_count++];

	assert_non_null(v);
	for (size_t i = 0; i < count; i++) {
		v[i] = (float)(mean + deviation * rng_normal(r));
		copy[i] = v[i];
	}
	*t = (struct st_write){.name = strdup(name),
			       .dtype = "F32",
			       .ndim = n ? 2 : 1,
			       .shape = {m, n},
			       .data = v,
			       .bytes = count * sizeof *v};
}

static int
model_write(void **state)
{
	const char *dir = temp_dir();
	char name[256];
	struct rng r;
	FILE *f;

	(void)state;
	rng_seed(&r, 11, 0, 0);
	tensor_add(&r, "model.embed_tokens.weight", VOCAB, HIDDEN, 0, 1, ref.embed[0]);
	for (int l = 0; l < LAYERS; l++) {
		for (int k = 0; k < MAT_KINDS; k++) {
			double *copy = malloc((size_t)out_of[k] * (size_t)in_of[k] * sizeof *copy);

			ref.mat[l * MAT_KINDS + k] = copy;
			snprintf(name, sizeof name, "model.layers.%d.%s.weight", l, name_of[k]);
			tensor_add(&r, name, out_of[k], in_of[k], 0, 1.5 / sqrt(in_of[k]), copy);
			snprintf(name, sizeof name, "model.layers.%d.%s.bias", l, name_of[k]);
			tensor_add(&r, name, out_of[k], 0, 0, 0.3, ref.bias[l * MAT_KINDS + k]);
		}
		snprintf(name, sizeof name, "model.layers.%d.input_layernorm.weight", l);
		tensor_add(&r, name, HIDDEN, 0, 1, 0.2, ref.norm[2 * l]);
		snprintf(name, sizeof name, "model.layers.%d.post_attention_layernorm.weight", l);
		tensor_add(&r, name, HIDDEN, 0, 1, 0.2, ref.norm[2 * l + 1]);
	}
	tensor_add(&r, "model.norm.weight", HIDDEN, 0, 1, 0.2, ref.norm[2 * LAYERS]);
	snprintf(path, sizeof path, "%s/model.safetensors", dir);
	ok(safetensors_write(path, tensors, tensor_count, NULL, 0, &err));
	snprintf(path, sizeof path, "%s/config.json", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f,
		"{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", "
		"\"hidden_size\": %d,\n"
		"\"intermediate_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": "
		"%d,\n"
		"\"num_key_value_heads\": %d, \"head_dim\": %d, \"vocab_size\": %d, "
		"\"rms_norm_eps\": 1e-5,\n"
		"\"rope_theta\": 10000.0, \"max_position_embeddings\": 256, "
		"\"tie_word_embeddings\": true,\n"
		"\"attention_bias\": true, \"mlp_bias\": true, \"hidden_act\": \"silu\", "
		"\"bos_token_id\": 1, \"eos_token_id\": 2}\n",
		HIDDEN, FFN, LAYERS, HEADS, KV, DIM, VOCAB);
	fclose(f);
	snprintf(path, sizeof path, "%s", dir);
	for (int i = 0; i < tensor_count; i++) {
		free((char *)tensors[i].name);
		free((void *)tensors[i].data);
	}
	return 0;
}

static int
model_forget(void **state)
{
	(void)state;
	for (int i = 0; i < LAYERS * MAT_KINDS; i++)
		free(ref.mat[i]);
	return 0;
}

static void
ref_norm(const double *x, const double *w, double *y)
{
	double ss = 0;

	for (int i = 0; i < HIDDEN; i++)
		ss += x[i] * x[i];
	for (int i = 0; i < HIDDEN; i++)
		y[i] = w[i] * x[i] / sqrt(ss / HIDDEN + (double)1e-5f);
}

static void
ref_mat(int mat, const double *x, double *y)
{
	int k = mat % MAT_KINDS;

	for (int i = 0; i < out_of[k]; i++) {
		y[i] = ref.bias[mat][i];
		for (int j = 0; j < in_of[k]; j++)
			y[i] += ref.mat[mat][i * in_of[k] + j] * x[j];
	}
}

static void
ref_rope(double *x, int heads, int pos)
{
	for (int h = 0; h < heads; h++, x += DIM)
		for (int i = 0; i < DIM / 2; i++) {
			double angle = pos * pow(10000, -2.0 * i / DIM), a = x[i],
			       b = x[i + DIM / 2];

			x[i] = a * cos(angle) - b * sin(angle);
			x[i + DIM / 2] = b * cos(angle) + a * sin(angle);
		}
}

/* Final hidden rows of one sequence. */
static void
ref_sequence(const int *ids, int n, double (*h)[HIDDEN])
{
	double(*x)[HIDDEN] = malloc((size_t)n * sizeof *x),
	(*q)[QD] = malloc((size_t)n * sizeof *q);
	double(*k)[KVD] = malloc((size_t)n * sizeof *k), (*v)[KVD] = malloc((size_t)n * sizeof *v);
	double *p = malloc((size_t)n * sizeof *p), y[HIDDEN], a[QD], g[FFN], u[FFN];

	for (int t = 0; t < n; t++)
		memcpy(x[t], ref.embed[ids[t]], sizeof x[t]);
	for (int l = 0; l < LAYERS; l++) {
		int mat = l * MAT_KINDS;

		for (int t = 0; t < n; t++) {
			ref_norm(x[t], ref.norm[2 * l], y);
			ref_mat(mat + MAT_Q, y, q[t]);
			ref_mat(mat + MAT_K, y, k[t]);
			ref_mat(mat + MAT_V, y, v[t]);
			ref_rope(q[t], HEADS, t);
			ref_rope(k[t], KV, t);
		}
		for (int t = 0; t < n; t++) {
			memset(a, 0, sizeof a);
			for (int head = 0; head < HEADS; head++) {
				int kh = head / GROUP;
				double sum = 0;

				for (int s = 0; s <= t; s++) {
					p[s] = 0;
					for (int d = 0; d < DIM; d++)
						p[s] += q[t][head * DIM + d] * k[s][kh * DIM + d];
					p[s] = exp(p[s] / sqrt(DIM));
					sum += p[s];
				}
				for (int s = 0; s <= t; s++)
					for (int d = 0; d < DIM; d++)
						a[head * DIM + d] +=
							p[s] / sum * v[s][kh * DIM + d];
			}
			ref_mat(mat + MAT_O, a, y);
			for (int i = 0; i < HIDDEN; i++)
				x[t][i] += y[i];
			ref_norm(x[t], ref.norm[2 * l + 1], y);
			ref_mat(mat + MAT_GATE, y, g);
			ref_mat(mat + MAT_UP, y, u);
			for (int i = 0; i < FFN; i++)
				g[i] = g[i] / (1 + exp(-g[i])) * u[i];
			ref_mat(mat + MAT_DOWN, g, y);
			for (int i = 0; i < HIDDEN; i++)
				x[t][i] += y[i];
		}
	}
	for (int t = 0; t < n; t++)
		ref_norm(x[t], ref.norm[2 * LAYERS], h[t]);
	free(x);
	free(q);
	free(k);
	free(v);
	free(p);
}

/* Ragged on purpose: single tokens, and more rows than an attention tile holds. */
static const int lens[] = {5, 1, 70, 2, 17};
enum { SEQS = 5, ROWS = 95 };
static int ids[ROWS];
static float dhidden[ROWS][HIDDEN]; /* loss = sum of dhidden . hidden */

static double
ref_loss(void)
{
	static double h[ROWS][HIDDEN];
	double loss = 0;

	for (int s = 0, at = 0; s < SEQS; at += lens[s++])
		ref_sequence(ids + at, lens[s], h + at);
	for (int r = 0; r < ROWS; r++)
		for (int i = 0; i < HIDDEN; i++)
			loss += dhidden[r][i] * h[r][i];
	return loss;
}

/* Full weight gradients dW = G' X, in double, on top of the base layers; it also watches the tape's side of the
 * bargain: what is kept is one layer, and backward follows in reverse with the same inputs. */
struct full {
	struct linear op;
	const struct linear *base;
	double *dw[LAYERS * MAT_KINDS];
	float *held[MAT_KINDS]; /* the x of forward with keep or of recall */
	int held_mat[MAT_KINDS], next, recalls;
};

static void
full_hold(struct full *f, int mat, const float *x, int rows)
{
	int k = mat % MAT_KINDS;
	size_t n = (size_t)rows * (size_t)in_of[k];

	free(f->held[k]);
	f->held[k] = malloc(n * sizeof(float));
	memcpy(f->held[k], x, n * sizeof(float));
	f->held_mat[k] = mat;
}

static void
full_forward(void *self, int mat, const float *x, int rows, const int *slot, float *y, bool keep)
{
	struct full *f = self;

	f->base->forward(f->base->self, mat, x, rows, slot, y, keep);
	if (keep)
		full_hold(f, mat, x, rows);
}

static void
full_recall(void *self, int mat, const float *x, int rows, const int *slot)
{
	struct full *f = self;

	assert_null(slot);
	f->recalls++;
	full_hold(f, mat, x, rows);
}

static void
full_backward(void *self, int mat, const float *x, const float *g, int rows, const int *slot,
	      float *dx)
{
	struct full *f = self;
	int k = mat % MAT_KINDS, m = out_of[k], n = in_of[k];

	assert_int_equal(mat, f->next);
	f->next--;
	assert_int_equal(f->held_mat[k], mat);
	assert_memory_equal(x, f->held[k], (size_t)rows * (size_t)n * sizeof *x);
	for (int r = 0; r < rows; r++)
		for (int i = 0; i < m; i++)
			for (int j = 0; j < n; j++)
				f->dw[mat][i * n + j] += (double)g[r * m + i] * x[r * n + j];
	f->base->backward(f->base->self, mat, x, g, rows, slot, dx);
}

struct run {
	struct model *m;
	struct pool *pool;
	struct base_linear *base;
	struct tape *t;
	struct full full;
	float embed[VOCAB][HIDDEN], norm[2 * LAYERS + 1][HIDDEN];
	float hidden[ROWS][HIDDEN];
};

static void
run_open(struct run *r, int threads)
{
	struct rng rng;

	memset(r, 0, sizeof *r);
	rng_seed(&rng, 21, 0, 0);
	for (int i = 0; i < ROWS; i++) {
		ids[i] = (int)rng_below(&rng, VOCAB);
		for (int c = 0; c < HIDDEN; c++)
			dhidden[i][c] = (float)rng_normal(&rng);
	}
	ok(model_open(&r->m, path, &err));
	r->pool = pool_new(threads);
	ok(base_linear_new(&r->base, r->m, r->pool, &err));
	ok(tape_new(&r->t, r->m, r->pool, &err));
	r->full.base = base_linear_op(r->base);
	r->full.op = (struct linear){.self = &r->full,
				     .forward = full_forward,
				     .backward = full_backward,
				     .recall = full_recall};
	for (int i = 0; i < LAYERS * MAT_KINDS; i++)
		r->full.dw[i] = calloc((size_t)out_of[i % MAT_KINDS] * (size_t)in_of[i % MAT_KINDS],
				       sizeof(double));
}

static void
run_close(struct run *r)
{
	for (int i = 0; i < LAYERS * MAT_KINDS; i++)
		free(r->full.dw[i]);
	for (int i = 0; i < MAT_KINDS; i++)
		free(r->full.held[i]);
	tape_free(r->t);
	base_linear_free(r->base);
	pool_free(r->pool);
	model_free(r->m);
}

static void
run_once(struct run *r)
{
	struct packed b = {SEQS, lens, ids};
	struct tape_grads g = {r->embed[0], r->norm[0]};

	ok(tape_forward(r->t, &r->full.op, &b, &err));
	assert_int_equal(tape_rows(r->t), ROWS);
	memcpy(r->hidden, tape_hidden(r->t), sizeof r->hidden);
	r->full.next = LAYERS * MAT_KINDS - 1;
	ok(tape_backward(r->t, &r->full.op, dhidden[0], &g, &err));
	assert_int_equal(r->full.next, -1);
}

static void
hidden_equals_reference(void **state)
{
	struct run r;
	double diff = 0, big = 0;

	(void)state;
	run_open(&r, 2);
	run_once(&r);
	for (int s = 0, at = 0; s < SEQS; at += lens[s++]) {
		double h[ROWS][HIDDEN];

		ref_sequence(ids + at, lens[s], h);
		for (int t = 0; t < lens[s]; t++)
			for (int i = 0; i < HIDDEN; i++) {
				diff = fmax(diff, fabs(h[t][i] - r.hidden[at + t][i]));
				big = fmax(big, fabs(h[t][i]));
			}
	}
	assert_true(diff / big < 5e-6);
	run_close(&r);
}

static double
difference(double *param)
{
	const double h = 1e-5;
	double was = *param, up;

	*param = was + h;
	up = ref_loss();
	*param = was - h;
	up -= ref_loss();
	*param = was;
	return up / (2 * h);
}

/* Some components of one tensor: the error is held against the tensor's largest gradient. */
static void
compare(const char *what, double *param, size_t count, size_t samples, const double *got)
{
	double diff = 0, big = 0;
	struct rng r;

	rng_seed(&r, 31, 0, 0);
	for (size_t i = 0; i < count; i++)
		big = fmax(big, fabs(got[i]));
	for (size_t s = 0; s < samples; s++) {
		size_t i = samples == count ? s : rng_below(&r, count);

		diff = fmax(diff, fabs(difference(&param[i]) - got[i]));
	}
	assert_true(big > 0);
	if (!(diff / big < 1e-5))
		fail_msg("%s: gradient off by %.3g of its largest", what, diff / big);
}

static void
gradients_equal_differences(void **state)
{
	struct run r;
	double got[VOCAB * HIDDEN];

	(void)state;
	run_open(&r, 2);
	run_once(&r);
	for (int i = 0; i < LAYERS * MAT_KINDS; i++) {
		int k = i % MAT_KINDS;

		compare(mat_kind_name((enum mat_kind)k), ref.mat[i],
			(size_t)out_of[k] * (size_t)in_of[k], 30, r.full.dw[i]);
	}
	for (int l = 0; l <= 2 * LAYERS; l++) {
		for (int i = 0; i < HIDDEN; i++)
			got[i] = r.norm[l][i];
		compare("norm", ref.norm[l], HIDDEN, HIDDEN, got);
	}
	for (int i = 0; i < VOCAB * HIDDEN; i++)
		got[i] = r.embed[i / HIDDEN][i % HIDDEN];
	compare("embedding", ref.embed[0], VOCAB * HIDDEN, 60, got);
	run_close(&r);
}

static size_t
full_bytes(int mat)
{
	return (size_t)out_of[mat % MAT_KINDS] * (size_t)in_of[mat % MAT_KINDS] * sizeof(double);
}

static void
runs_equal(const struct run *a, const struct run *b)
{
	assert_memory_equal(a->hidden, b->hidden, sizeof a->hidden);
	assert_memory_equal(a->embed, b->embed, sizeof a->embed);
	assert_memory_equal(a->norm, b->norm, sizeof a->norm);
	for (int i = 0; i < LAYERS * MAT_KINDS; i++)
		assert_memory_equal(a->full.dw[i], b->full.dw[i], full_bytes(i));
}

static void
same_bits_for_any_threads(void **state)
{
	struct run one, more;

	(void)state;
	run_open(&one, 1);
	run_once(&one);
	for (int threads = 2; threads <= 4; threads++) {
		run_open(&more, threads);
		run_once(&more);
		runs_equal(&one, &more);
		run_close(&more);
	}
	run_close(&one);
}

static void
same_bits_for_any_memory(void **state)
{
	struct run kept, other;
	size_t layer = ROWS * (2 * QD + 2 * KVD + HIDDEN + 2 * FFN) * sizeof(float);

	(void)state;
	run_open(&kept, 2);
	run_once(&kept);
	assert_int_equal(kept.full.recalls, LAYERS * MAT_KINDS);
	for (int i = 0; i < 3; i++) {
		run_open(&other, 2);
		if (i < 2)
			tape_memory(other.t, i ? layer : 0);
		else
			other.full.op.recall = NULL;
		run_once(&other);
		/* a layer computed again needs one recall, of the matrix whose output nobody reads */
		assert_int_equal(other.full.recalls, i == 0   ? LAYERS
						     : i == 1 ? MAT_KINDS + LAYERS - 1
							      : 0);
		runs_equal(&kept, &other);
		run_close(&other);
	}
	run_close(&kept);
}

static void
gradients_accumulate(void **state)
{
	struct run r;
	float once[VOCAB][HIDDEN], norm[2 * LAYERS + 1][HIDDEN];
	const int one = 1;

	(void)state;
	run_open(&r, 2);
	run_once(&r);
	memcpy(once, r.embed, sizeof once);
	memcpy(norm, r.norm, sizeof norm);
	/* another shape in between: no trace of it may stay */
	struct packed small = {1, &one, ids};
	ok(tape_forward(r.t, r.full.base, &small, &err));
	ok(tape_backward(r.t, r.full.base, dhidden[0], NULL, &err));
	run_once(&r);
	for (int i = 0; i < HIDDEN; i++) {
		for (int v = 0; v < VOCAB; v++)
			assert_true(fabsf(r.embed[v][i] - 2 * once[v][i]) <=
				    1e-5f * (1 + fabsf(once[v][i])));
		for (int l = 0; l <= 2 * LAYERS; l++)
			assert_true(r.norm[l][i] == 2 * norm[l][i]);
	}
	run_close(&r);
}

static void
head_and_its_gradient(void **state)
{
	struct run r;
	static float logits[ROWS][VOCAB], dh[ROWS][HIDDEN], one[VOCAB];
	struct forward *f;
	struct kv *kv;

	(void)state;
	run_open(&r, 2);
	run_once(&r);
	head_forward(r.m, r.pool, r.hidden[0], ROWS, logits[0]);
	ok(forward_new(&f, r.m, r.pool, &err));
	ok(kv_new(&kv, r.m, ROWS, &err));
	struct segment s = {.kv = kv, .ids = ids + 6, .n = 70, .want = WANT_LAST};
	ok(forward_run(f, r.full.base, &s, 1, one, &err));
	for (int v = 0; v < VOCAB; v++) {
		double want = 0;

		for (int i = 0; i < HIDDEN; i++)
			want += ref.embed[v][i] * r.hidden[75][i];
		assert_true(fabs(logits[75][v] - want) < 1e-4);
		assert_true(fabsf(logits[75][v] - one[v]) < 1e-4f);
	}
	head_backward(r.m, r.pool, logits[0], ROWS, dh[0]);
	for (int i = 0; i < HIDDEN; i++) {
		double want = 0;

		for (int v = 0; v < VOCAB; v++)
			want += (double)logits[75][v] * ref.embed[v][i];
		assert_true(fabs(dh[75][i] - want) < 1e-3);
	}
	kv_free(kv);
	forward_free(f);
	run_close(&r);
}

static void
refusals(void **state)
{
	struct run r;
	int len[2] = {3, 0}, bad[3] = {1, VOCAB, 2};
	struct packed b = {2, len, ids};

	(void)state;
	run_open(&r, 2);
	assert_int_equal(tape_backward(r.t, r.full.base, dhidden[0], NULL, &err), T2_EINVAL);
	assert_int_equal(tape_forward(r.t, r.full.base, &b, &err), T2_EINVAL);
	b.count = 0;
	assert_int_equal(tape_forward(r.t, r.full.base, &b, &err), T2_EINVAL);
	run_once(&r);
	b = (struct packed){1, len, bad};
	assert_int_equal(tape_forward(r.t, r.full.base, &b, &err), T2_EINVAL);
	assert_int_equal(tape_backward(r.t, r.full.base, dhidden[0], NULL, &err),
			 T2_EINVAL); /* nothing to go back through */
	run_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hidden_equals_reference),
		cmocka_unit_test(gradients_equal_differences),
		cmocka_unit_test(same_bits_for_any_threads),
		cmocka_unit_test(same_bits_for_any_memory),
		cmocka_unit_test(gradients_accumulate),
		cmocka_unit_test(head_and_its_gradient),
		cmocka_unit_test(refusals),
	};

	if (blas_init(&err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	kern_init(NULL);
	return cmocka_run_group_tests(tests, model_write, model_forget);
}
