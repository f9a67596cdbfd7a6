#include "tests/lib/grad.h"

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
#include "tests/lib/golden.h"

static struct t2_err err;

static void
ok(enum t2_status st)
{
	if (st)
		fail_msg("%s", err.msg);
}

static enum t2_status
add_line(void *arg, json_t *row, long number, struct t2_err *e)
{
	struct grad_run *r = arg;
	int k = r->lines++;

	(void)number;
	(void)e;
	r->line = realloc(r->line, (size_t)r->lines * sizeof *r->line);
	r->ids = realloc(r->ids, 2 * (size_t)r->lines * sizeof *r->ids);
	r->line[k].prompt_n = bed_ids(json_object_get(row, "prompt_ids"), &r->ids[2 * k]);
	r->line[k].answer_n = bed_ids(json_object_get(row, "answer_ids"), &r->ids[2 * k + 1]);
	r->line[k].prompt = r->ids[2 * k];
	r->line[k].answer = r->ids[2 * k + 1];
	r->line[k].reward = json_number_value(json_object_get(row, "reward"));
	return T2_OK;
}

void
grad_open_batch(struct grad_run *r, struct bed *b, const struct factors *f, const char *which,
		const char *scale, const char *modules, double kl)
{
	char path[64];

	memset(r, 0, sizeof *r);
	r->b = b;
	snprintf(path, sizeof path, "grad/%s.batch.jsonl", which);
	ok(json_read_lines(golden_path(path), add_line, r, &err));
	ok(zparam_new(&r->zp, b->m, f, scale, modules, &err));
	ok(adaptation_new(&r->ad, b->m, f, b->pool, 1, FORM_AUTO, &err));
	ok(base_linear_new(&r->ref, b->m, b->pool, &err));
	ok(policy_new(&r->policy, b->m, b->pool, &err));
	r->setup.op = adaptation_op(r->ad);
	r->setup.ref = base_linear_op(r->ref);
	r->setup.kl_weight = kl;
	r->grad = malloc((size_t)r->zp->n * sizeof *r->grad);
	r->logprob = malloc((size_t)r->lines * sizeof *r->logprob);
	r->kl_line = malloc((size_t)r->lines * sizeof *r->kl_line);
}

static enum t2_status
find_case(void *arg, json_t *row, long number, struct t2_err *e)
{
	void **want = arg;

	(void)number;
	(void)e;
	if (!strcmp(json_string_value(json_object_get(row, "case")), want[0]))
		want[1] = json_incref(row);
	return T2_OK;
}

void
grad_open(struct grad_run *r, struct bed *b, const struct factors *f, const char *name)
{
	char path[160], which[2] = {name[0], 0};
	void *want[2] = {(char *)name, NULL};
	const char *start;
	json_t *row;

	snprintf(path, sizeof path, "grad/%s.cases.jsonl", which);
	ok(json_read_lines(golden_path(path), find_case, want, &err));
	row = want[1];
	assert_non_null(row);
	grad_open_batch(r, b, f, which, json_string_value(json_object_get(row, "scale")),
			json_string_value(json_object_get(row, "modules")),
			json_number_value(json_object_get(row, "kl_weight")));
	r->row = row;
	start = json_string_value(json_object_get(row, "expert"));
	if (start) {
		struct expert *e;

		ok(expert_load(&e, golden_path(start), b->m, f, false, &err));
		ok(zparam_start(r->zp, e, &err));
		expert_free(e);
	}
}

void
grad_close(struct grad_run *r)
{
	for (int i = 0; i < 2 * r->lines; i++)
		free(r->ids[i]);
	free(r->ids);
	free(r->line);
	free(r->grad);
	free(r->logprob);
	free(r->kl_line);
	json_decref(r->row);
	policy_free(r->policy);
	adaptation_free(r->ad);
	base_linear_free(r->ref);
	zparam_free(r->zp);
}

void
grad_eval(struct grad_run *r, bool backward)
{
	struct policy_result out = {.logprob = r->logprob, .kl_line = r->kl_line};

	zparam_changed(r->zp);
	ok(adaptation_set(r->ad, 0, zparam_zset(r->zp), &err));
	ok(adaptation_grad_begin(r->ad, r->zp->modules, &err));
	r->setup.backward = backward;
	ok(policy_run(r->policy, &r->setup, r->line, r->lines, &out, NULL, &err));
	r->loss = out.loss;
	r->kl = out.kl;
	if (!backward)
		return;
	zparam_grad(r->zp, r->ad, r->grad);
	r->norm = 0;
	for (long i = 0; i < r->zp->n; i++)
		r->norm += r->grad[i] * r->grad[i];
	r->norm = sqrt(r->norm);
}

static void
within(const char *name, const char *what, double got, double tol, double *worst)
{
	if (!(got <= tol))
		fail_msg("%s: %s off by %g, allowed %g", name, what, got, tol);
	*worst = fmax(*worst, got);
}

static void
check_vectors(const struct grad_run *r, const char *name, const struct grad_tolerance *tol,
	      struct grad_measured *worst)
{
	char path[160];
	struct tensors t;

	snprintf(path, sizeof path, "grad/%s",
		 json_string_value(json_object_get(r->row, "gradients")));
	tensors_open(&t, golden_path(path));
	for (int k = 0; k < r->zp->count; k++) {
		const double *got = r->grad + r->zp->at[k], *want;
		double d = 0, largest = 0, dot = 0, gg = 0, ww = 0;
		long n = r->zp->at[k + 1] - r->zp->at[k];
		size_t bytes;

		snprintf(path, sizeof path, "%s.%c", model_matrix(r->b->m, r->zp->mat[k])->name,
			 r->zp->reference ? 'p' : 'z');
		want = tensors_get(&t, path, &bytes);
		assert_non_null(want);
		assert_int_equal(bytes, (size_t)n * sizeof *want);
		for (long i = 0; i < n; i++) {
			d = fmax(d, fabs(got[i] - want[i]));
			largest = fmax(largest, fabs(want[i]));
			dot += got[i] * want[i];
			gg += got[i] * got[i];
			ww += want[i] * want[i];
		}
		within(name, path, d / largest, tol->gradient, &worst->gradient);
		within(name, path, 1 - dot / sqrt(gg * ww), tol->cosine, &worst->cosine);
	}
	tensors_close(&t);
}

struct check {
	struct bed *b;
	const struct factors *f;
	const struct grad_tolerance *tol;
	struct grad_measured *worst;
};

static enum t2_status
check_case(void *arg, json_t *row, long number, struct t2_err *e)
{
	const struct check *c = arg;
	const char *name = json_string_value(json_object_get(row, "case"));
	struct grad_run r;
	double want;

	(void)number;
	(void)e;
	grad_open(&r, c->b, c->f, name);
	grad_eval(&r, true);
	want = json_number_value(json_object_get(row, "loss"));
	within(name, "loss", fabs(r.loss - want) / fabs(want), c->tol->loss, &c->worst->loss);
	for (int j = 0; j < r.lines; j++) {
		want = json_number_value(
			json_array_get(json_object_get(row, "logprobs"), (size_t)j));
		within(name, "logprob", fabs(r.logprob[j] - want), c->tol->logprob,
		       &c->worst->logprob);
		want = json_number_value(
			json_array_get(json_object_get(row, "kl_per_line"), (size_t)j));
		within(name, "kl", fabs(r.kl_line[j] - want), c->tol->kl, &c->worst->kl);
	}
	want = json_number_value(json_object_get(row, "kl"));
	within(name, "kl", fabs(r.kl - want), c->tol->kl, &c->worst->kl);
	want = json_number_value(json_object_get(row, "grad_norm"));
	within(name, "norm", fabs(r.norm - want) / want, c->tol->gradient, &c->worst->gradient);
	check_vectors(&r, name, c->tol, c->worst);
	c->worst->cases++;
	grad_close(&r);
	return T2_OK;
}

void
grad_check(struct bed *b, const struct factors *f, const char *which,
	   const struct grad_tolerance *tol, struct grad_measured *worst)
{
	struct check c = {b, f, tol, worst};
	char path[64];

	snprintf(path, sizeof path, "grad/%s.cases.jsonl", which);
	ok(json_read_lines(golden_path(path), check_case, &c, &err));
}

void
grad_check_differences(struct bed *b, const struct factors *f, const char *which, double tol)
{
	char path[64];
	json_t *list, *c, *row;
	size_t i, k;
	double worst = 0;

	snprintf(path, sizeof path, "grad/%s.finite_differences.json", which);
	ok(json_read_file(&list, golden_path(path), &err));
	assert_true(json_array_size(list) > 0);
	json_array_foreach (list, i, c) {
		const char *name = json_string_value(json_object_get(c, "case"));
		struct grad_run r;

		grad_open(&r, b, f, name);
		grad_eval(&r, true);
		json_array_foreach (json_object_get(c, "checks"), k, row) {
			int mat = model_matrix_find(
				    b->m, json_string_value(json_object_get(row, "matrix"))),
			    at = 0;
			double want = json_number_value(json_object_get(row, "central_difference")),
			       largest = 0;
			long from;

			while (r.zp->mat[at] != mat)
				at++;
			from = r.zp->at[at];
			for (long j = from; j < r.zp->at[at + 1]; j++)
				largest = fmax(largest, fabs(r.grad[j]));
			within(name, "central difference",
			       fabs(r.grad[from +
					   json_integer_value(json_object_get(row, "component"))] -
				    want) /
				       largest,
			       tol, &worst);
		}
		grad_close(&r);
	}
	print_message("%s: worst of the goldens' central differences %.2g\n", which, worst);
	json_decref(list);
}
