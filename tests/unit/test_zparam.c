#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/json.h"
#include "engine/train/adam.h"
#include "engine/train/zparam.h"
#include "tests/lib/golden.h"
#include "tests/lib/grad.h"
#include "tests/lib/svf.h"

static const char *const model = "models/tinystories-656k";
static struct t2_err err;

static void
ok(enum t2_status st)
{
	if (st)
		fail_msg("%s", err.msg);
}

/* Tensor PREFIX/MATRIX.z|p of every trained matrix into out[zp->n]. */
static void
gather(const struct zparam *zp, const struct tensors *t, const char *prefix, double *out)
{
	for (int k = 0; k < zp->count; k++) {
		long n = zp->at[k + 1] - zp->at[k];
		const void *v;
		char name[200];
		size_t bytes;

		snprintf(name, sizeof name, "%s/%s.%c", prefix,
			 model_matrix(zp->model, zp->mat[k])->name, zp->reference ? 'p' : 'z');
		v = tensors_get(t, name, &bytes);
		assert_non_null(v);
		assert_true(bytes == (size_t)n * 8 || bytes == (size_t)n * 4);
		for (long i = 0; i < n; i++)
			out[zp->at[k] + i] = bytes == (size_t)n * 8 ? ((const double *)v)[i]
								    : ((const float *)v)[i];
	}
}

static int
up(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Parameters after a step, by the README's rule: Adam's first steps are close to lr * sign(g), so single ones may drift. */
static void
check_parameters(const struct grad_run *r, const struct tensors *t, const char *run, int step,
		 double lr)
{
	double *want = malloc((size_t)r->zp->n * sizeof *want), worst;
	char prefix[32];
	long off = 0;

	snprintf(prefix, sizeof prefix, "step%d", step);
	gather(r->zp, t, prefix, want);
	for (long i = 0; i < r->zp->n; i++) {
		want[i] = fabs(want[i] - r->zp->v[i]);
		off += want[i] > 0.01 * lr;
	}
	qsort(want, (size_t)r->zp->n, sizeof *want, up);
	worst = want[r->zp->n - 1];
	if (step == 5)
		print_message("%s: median %.2g, worst %.2g, %ld of %ld beyond 0.01 lr\n", run,
			      want[r->zp->n / 2], worst, off, r->zp->n);
	assert_true(want[r->zp->n / 2] <= 3e-7);
	assert_true(off <= r->zp->n / 100);
	assert_true(worst <= 0.5 * lr);
	free(want);
}

static enum t2_status
check_run(void *arg, json_t *row, long line, struct t2_err *e)
{
	struct bed *b = arg;
	struct adam_options o = adam_defaults();
	const char *name = json_string_value(json_object_get(row, "run"));
	double worst_loss = 0, worst_norm = 0;
	struct grad_run r;
	struct tensors t;
	struct adam *adam;
	char path[96];
	json_t *step;
	size_t k;

	(void)line;
	(void)e;
	o.lr = json_number_value(json_object_get(row, "lr"));
	o.clip = json_number_value(json_object_get(row, "clip"));
	snprintf(path, sizeof path, "step/%s", json_string_value(json_object_get(row, "file")));
	tensors_open(&t, golden_path(path));
	grad_open_batch(&r, b, b->f, "T", json_string_value(json_object_get(row, "scale")),
			json_string_value(json_object_get(row, "modules")),
			json_number_value(json_object_get(row, "kl_weight")));
	gather(r.zp, &t, "start", r.zp->v);
	ok(adam_new(&adam, r.zp->n, &err));
	json_array_foreach (json_object_get(row, "steps"), k, step) {
		double want = json_number_value(json_object_get(step, "loss")), norm;

		grad_eval(&r, true);
		worst_loss = fmax(worst_loss, fabs(r.loss - want) / fabs(want));
		want = json_number_value(json_object_get(step, "kl"));
		assert_true(fabs(r.kl - want) <= 2e-4);
		for (int j = 0; j < r.lines; j++) {
			want = json_number_value(
				json_array_get(json_object_get(step, "logprobs"), (size_t)j));
			assert_true(fabs(r.logprob[j] - want) <= 3e-4);
		}
		ok(adam_step(adam, &o, r.zp->v, r.grad, &norm, &err));
		want = json_number_value(json_object_get(step, "grad_norm"));
		worst_norm = fmax(worst_norm, fabs(norm - want) / want);
		check_parameters(&r, &t, name, (int)k + 1, o.lr);
	}
	assert_int_equal(k, 5);
	print_message("%s: loss %.2g, norm %.2g\n", name, worst_loss, worst_norm);
	assert_true(worst_loss <= 2e-6);
	assert_true(worst_norm <= 5e-6);
	adam_free(adam);
	tensors_close(&t);
	grad_close(&r);
	return T2_OK;
}

static void
test_golden_steps(void **state)
{
	struct bed b;

	(void)state;
	if (!golden_path("step/runs.jsonl") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	ok(json_read_lines(golden_path("step/runs.jsonl"), check_run, &b, &err));
	bed_close(&b);
}

/* The same steps whatever the number of threads, to the bit; and after a resume. */
static void
test_bits(void **state)
{
	struct adam_options o = adam_defaults();
	double *first = NULL;

	(void)state;
	if (!golden_path("grad/T.batch.jsonl"))
		skip();
	o.clip = 1;
	for (int threads = 1; threads <= 3; threads++) {
		struct strbuf blob = {0};
		struct grad_run r;
		struct adam *adam;
		struct bed b;

		if (!bed_open(&b, model, threads))
			skip();
		bed_decompose(&b);
		grad_open_batch(&r, &b, b.f, "T", "reference", "all", 0.1);
		zparam_start_random(r.zp, 3);
		ok(adam_new(&adam, r.zp->n, &err));
		for (int k = 0; k < 3; k++) {
			grad_eval(&r, true);
			ok(adam_step(adam, &o, r.zp->v, r.grad, NULL, &err));
			if (threads == 2) { /* through a checkpoint */
				adam_save(adam, &blob);
				adam_free(adam);
				ok(adam_new(&adam, r.zp->n, &err));
				ok(adam_load(adam, blob.s, blob.len, &err));
				strbuf_clear(&blob);
			}
		}
		if (first)
			assert_memory_equal(first, r.zp->v, (size_t)r.zp->n * sizeof *first);
		else
			first = memcpy(malloc((size_t)r.zp->n * sizeof *first), r.zp->v,
				       (size_t)r.zp->n * sizeof *first);
		strbuf_free(&blob);
		adam_free(adam);
		grad_close(&r);
		bed_close(&b);
	}
	free(first);
}

static void
test_starts(void **state)
{
	struct expert *e, *back;
	struct zparam *zp;
	struct zset *z;
	struct bed b;

	(void)state;
	if (!golden_path("svf/T.plain_a_all.safetensors") || !bed_open(&b, model, 1))
		skip();
	bed_decompose(&b);
	assert_int_equal(zparam_new(&zp, b.m, b.f, "odd", "all", &err), T2_EINVAL);
	assert_int_equal(zparam_new(&zp, b.m, b.f, "plain", "none", &err), T2_EINVAL);
	assert_null(zp);

	/* Plain, the MLP of an expert of all: attention stays as the expert has it. */
	z = bed_expert(&b, b.f, "T.plain_a_all");
	ok(zparam_new(&zp, b.m, b.f, "plain", "mlp", &err));
	assert_int_equal(zp->n, 6 * 128);
	assert_true(zp->v[5] == 1);
	assert_null(zparam_zset(zp)->z[MAT_Q]);
	ok(zparam_start_zset(zp, z, &err));
	assert_memory_equal(zparam_zset(zp)->z[MAT_Q], z->z[MAT_Q],
			    (size_t)z->rank[MAT_Q] * sizeof(float));
	assert_true(zp->v[0] == z->z[MAT_GATE][0]);
	zp->v[0] = 0.25;
	zparam_changed(zp);
	ok(zparam_expert(zp, &back, &err));
	assert_true(back->z->z[MAT_GATE][0] == 0.25f && back->z->z[MAT_Q][3] == z->z[MAT_Q][3]);
	assert_string_equal(back->scale, "plain");
	expert_free(back);
	zparam_free(zp);
	zset_free(z);

	/* Reference: z = 1 at the start, p round trip, and what it refuses. */
	ok(zparam_new(&zp, b.m, b.f, "reference", "mlp", &err));
	for (int i = 0; i < 128; i++)
		assert_true(fabsf(zparam_zset(zp)->z[MAT_UP][i] - 1) < 1e-6f);
	ok(expert_load(&e, golden_path("svf/T.plain_a_all.safetensors"), b.m, b.f, false, &err));
	assert_int_equal(zparam_start(zp, e, &err), T2_EINVAL);
	expert_free(e);
	ok(expert_load(&e, golden_path("svf/T.reference_all.safetensors"), b.m, b.f, false, &err));
	assert_int_equal(zparam_start(zp, e, &err), T2_EINVAL); /* attention is outside */
	zparam_free(zp);
	ok(zparam_new(&zp, b.m, b.f, "reference", "all", &err));
	ok(zparam_start(zp, e, &err));
	ok(zparam_expert(zp, &back, &err));
	for (int i = 0; i < e->z->count; i++) {
		assert_memory_equal(back->p[i], e->p[i], (size_t)e->z->rank[i] * sizeof(float));
		for (int k = 0; k < e->z->rank[i]; k++)
			assert_true(fabsf(back->z->z[i][k] - e->z->z[i][k]) <=
				    1.2e-7f * fabsf(e->z->z[i][k]));
	}
	assert_string_equal(back->scale, "reference");
	expert_free(back);
	expert_free(e);
	zparam_free(zp);
	bed_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_steps),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
