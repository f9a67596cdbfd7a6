#include "tests/lib/svf.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"
#include "engine/model/forward.h"
#include "tests/lib/golden.h"

static struct t2_err err;

static void
ok(enum t2_status st)
{
	if (st)
		fail_msg("%s", err.msg);
}

bool
bed_open(struct bed *b, const char *model, int threads)
{
	const char *path = shared_path(model);

	memset(b, 0, sizeof *b);
	if (!path)
		return false;
	ok(blas_init(&err));
	ok(model_open(&b->m, path, &err));
	b->pool = pool_new(threads);
	assert_non_null(b->pool);
	return true;
}

void
bed_close(struct bed *b)
{
	for (int i = 0; b->vt && i < model_matrices(b->m); i++)
		free(b->vt[i]);
	if (b->golden)
		tensors_close(&b->file);
	free(b->vt);
	factors_free(b->golden);
	factors_free(b->f);
	pool_free(b->pool);
	model_free(b->m);
}

void
bed_decompose(struct bed *b)
{
	b->cache = temp_dir();
	ok(factors_decompose(b->m, b->cache, "all", false, false, b->pool, NULL, NULL, NULL, NULL,
			     &err));
	ok(factors_open(&b->f, b->m, b->cache, &err));
	assert_int_equal(factors_count(b->f), model_matrices(b->m));
}

struct factors *
bed_golden(struct bed *b)
{
	int count = model_matrices(b->m);
	struct factor *list = calloc((size_t)count, sizeof *list);

	tensors_open(&b->file, golden_path("svf/T.factors.safetensors"));
	b->vt = calloc((size_t)count, sizeof *b->vt);
	for (int i = 0; i < count; i++) {
		const struct weight *w = model_matrix(b->m, i);
		struct factor *a = &list[i];
		char name[256];
		const float *v;
		size_t bytes;

		a->m = w->m;
		a->n = w->n;
		a->r = weight_rank(w);
		snprintf(name, sizeof name, "%s.U", w->name);
		a->U = tensors_get(&b->file, name, &bytes);
		snprintf(name, sizeof name, "%s.sigma", w->name);
		a->sigma = tensors_get(&b->file, name, &bytes);
		snprintf(name, sizeof name, "%s.V", w->name);
		v = tensors_get(&b->file, name, &bytes);
		assert_true(a->U && a->sigma && v);
		b->vt[i] = malloc(bytes);
		for (int k = 0; k < a->r; k++)
			for (int j = 0; j < a->n; j++)
				b->vt[i][k * a->n + j] = v[j * a->r + k];
		a->Vt = b->vt[i];
	}
	ok(factors_from(&b->golden, b->m, list, &err));
	free(list);
	return b->golden;
}

struct zset *
bed_expert(struct bed *b, const struct factors *f, const char *name)
{
	struct expert *e, *e2;
	struct zset *z;
	char path[128];

	ok(zset_new(&z, b->m, &err));
	if (!strncmp(name, "mix_0.6a_0.4b", 13)) {
		const struct zset *list[2];
		const double alpha[] = {0.6, 0.4};

		ok(expert_load(&e, golden_path("svf/T.plain_a_all.safetensors"), b->m, f, false,
			       &err));
		ok(expert_load(&e2, golden_path("svf/T.plain_b_all.safetensors"), b->m, f, false,
			       &err));
		list[0] = e->z;
		list[1] = e2->z;
		ok(zset_mix(z, list, alpha, 2, false, false, &err));
		expert_free(e2);
	} else {
		snprintf(path, sizeof path, "svf/%s.safetensors", name);
		ok(expert_load(&e, golden_path(path), b->m, f, false, &err));
		ok(zset_copy(z, e->z, &err));
	}
	expert_free(e);
	return z;
}

float *
bed_logits(struct bed *b, const struct linear *op, const int *ids, int n, int slot)
{
	size_t vocab = (size_t)model_config(b->m)->vocab;
	float *logits = malloc((size_t)n * vocab * sizeof *logits);
	struct forward *f;
	struct kv *kv;
	struct segment s = {.ids = ids, .n = n, .slot = slot, .want = WANT_ALL};

	ok(kv_new(&kv, b->m, n, &err));
	ok(forward_new(&f, b->m, b->pool, &err));
	s.kv = kv;
	ok(forward_run(f, op, &s, 1, logits, &err));
	forward_free(f);
	kv_free(kv);
	return logits;
}

double
bed_compare(struct bed *b, const float *logits, const json_t *row)
{
	int vocab = model_config(b->m)->vocab;
	double worst = 0, largest = 0;
	json_t *p, *pair;
	size_t i, k;

	json_array_foreach (json_object_get(row, "positions"), i, p) {
		const float *l = logits + (size_t)json_integer_value(json_object_get(p, "pos")) *
						  (size_t)vocab;
		double lse = json_number_value(json_object_get(p, "logsumexp"));

		worst = fmax(worst, fabs(kern_logsumexp(l, vocab) - lse));
		json_array_foreach (json_object_get(p, "top"), k, pair) {
			double want = json_number_value(json_array_get(pair, 1));
			double d = fabs(l[json_integer_value(json_array_get(pair, 0))] - want);

			worst = isnan(d) ? INFINITY : fmax(worst, d);
			largest = fmax(largest, fabs(want));
		}
	}
	assert_true(largest > 0);
	return worst / largest;
}

int
bed_ids(const json_t *list, int **out)
{
	int n = (int)json_array_size(list);

	*out = malloc(((size_t)n + 1) * sizeof **out);
	for (int i = 0; i < n; i++)
		(*out)[i] = (int)json_integer_value(json_array_get(list, (size_t)i));
	return n;
}
