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
#include "engine/base/rng.h"
#include "engine/model/forward.h"
#include "engine/svf/adaptation.h"
#include "tests/lib/golden.h"
#include "tests/lib/svf.h"

/* goldens/svf/README.md, float64 SVD rounded to float32 */
#define TOL_WEIGHT 2e-6
#define TOL_LOGITS 7e-6

static const char *const model = "models/tinystories-656k";
static struct t2_err err;

static void
ok(enum t2_status st)
{
	if (st)
		fail_msg("%s", err.msg);
}

/* max |a - b| / max |b| */
static double
apart(const float *a, const float *b, size_t n)
{
	double worst = 0, largest = 0;

	for (size_t i = 0; i < n; i++) {
		worst = fmax(worst, fabs((double)a[i] - b[i]));
		largest = fmax(largest, fabs(b[i]));
	}
	return worst / largest;
}

static void
fill(float *x, size_t n, uint64_t seed)
{
	struct rng rng;

	rng_seed(&rng, seed, 0, 0);
	for (size_t i = 0; i < n; i++)
		x[i] = (float)rng_normal(&rng);
}

static void
test_names(void **state)
{
	enum form f;

	(void)state;
	for (int i = FORM_AUTO; i <= FORM_DELTA; i++) {
		assert_true(form_parse(form_name((enum form)i), &f));
		assert_int_equal(f, i);
	}
	assert_false(form_parse("sparse", &f));
}

/* W' of the goldens, from our own SVD and from the given factors. */
static void
test_weights(void **state)
{
	struct tensors t;
	const char *name;
	struct bed b;
	json_t *v;
	double worst = 0;
	int seen = 0;

	(void)state;
	if (!golden_path("svf/T.adapted_weights.safetensors") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	tensors_open(&t, golden_path("svf/T.adapted_weights.safetensors"));
	json_object_foreach (t.header, name, v) {
		struct factors *both[] = {b.f, b.golden ? b.golden : bed_golden(&b)};
		const double *want = tensors_get(&t, name, NULL);
		char expert[64];

		if (!strcmp(name, "__metadata__"))
			continue;
		snprintf(expert, sizeof expert, "T.%.*s", (int)strcspn(name, "/"), name);
		for (int k = 0; k < 2; k++) {
			int mat = model_matrix_find(b.m, strchr(name, '/') + 1);
			const struct weight *w = model_matrix(b.m, mat);
			size_t n = (size_t)w->m * (size_t)w->n;
			struct zset *z = bed_expert(&b, both[k], expert);
			float *got = malloc(n * sizeof *got);
			struct adaptation *a;
			double wrong = 0, all = 0;

			ok(adaptation_new(&a, b.m, both[k], b.pool, 1, FORM_AUTO, &err));
			ok(adaptation_set(a, 0, z, &err));
			ok(adaptation_weight(a, 0, mat, got, &err));
			for (size_t i = 0; i < n; i++) {
				wrong += (got[i] - want[i]) * (got[i] - want[i]);
				all += want[i] * want[i];
			}
			worst = fmax(worst, sqrt(wrong / all));
			if (!(sqrt(wrong / all) <= TOL_WEIGHT))
				fail_msg("%s, factors %d: %g", name, k, sqrt(wrong / all));
			seen++;
			free(got);
			adaptation_free(a);
			zset_free(z);
		}
	}
	print_message("worst W' %.2g of %g\n", worst, TOL_WEIGHT);
	assert_true(seen >= 8);
	tensors_close(&t);
	bed_close(&b);
}

/* Every golden row in every form: against the golden, and the forms against each other. */
struct logit_rows {
	struct bed *b;
	double worst, pairs;
	int seen;
};

static enum t2_status
check_row(void *arg, json_t *row, long line, struct t2_err *e)
{
	static const enum form forms[] = {FORM_AUTO, FORM_DENSE, FORM_FACTORED, FORM_DELTA};
	struct logit_rows *w = arg;
	struct bed *b = w->b;
	size_t vocab = (size_t)model_config(b->m)->vocab;
	char name[80];
	struct zset *z;
	float *first = NULL;
	int *ids, n = bed_ids(json_object_get(row, "ids"), &ids);

	(void)e;
	snprintf(name, sizeof name, "%s%s",
		 strncmp(json_string_value(json_object_get(row, "expert")), "mix", 3) ? "T." : "",
		 json_string_value(json_object_get(row, "expert")));
	z = bed_expert(b, b->f, name);
	for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
		struct adaptation *a;
		float *logits;
		double rel;

		ok(adaptation_new(&a, b->m, b->f, b->pool, 1, forms[k], &err));
		ok(adaptation_set(a, 0, z, &err));
		logits = bed_logits(b, adaptation_op(a), ids, n, 0);
		rel = bed_compare(b, logits, row);
		if (!(rel <= TOL_LOGITS))
			fail_msg("line %ld, %s, form %s: logits off by %g", line, name,
				 form_name(forms[k]), rel);
		w->worst = fmax(w->worst, rel);
		if (first)
			w->pairs = fmax(w->pairs, apart(logits, first, (size_t)n * vocab));
		if (first)
			free(logits);
		else
			first = logits;
		adaptation_free(a);
	}
	assert_true(w->pairs <= 1e-4);
	w->seen++;
	free(first);
	free(ids);
	zset_free(z);
	return T2_OK;
}

static void
test_logits(void **state)
{
	struct logit_rows w = {0};
	struct bed b;

	(void)state;
	if (!golden_path("svf/T.jsonl") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	w.b = &b;
	ok(json_read_lines(golden_path("svf/T.jsonl"), check_row, &w, &err));
	assert_int_equal(w.seen, 20);
	print_message("worst logits %.2g of %g, forms apart %.2g of 1e-4\n", w.worst, TOL_LOGITS,
		      w.pairs);
	bed_close(&b);
}

enum { SLOTS = 5 };

/* An adaptation whose slots run under four experts and the base model. */
static struct adaptation *
five_slots(struct bed *b, struct pool *pool, enum form form)
{
	static const char *const names[] = {"T.plain_a_all", "T.plain_b_all", "T.plain_a_mlp",
					    "T.reference_all"};
	struct adaptation *a;

	ok(adaptation_new(&a, b->m, b->f, pool, SLOTS, form, &err));
	for (int i = 0; i < SLOTS - 1; i++) {
		struct zset *z = bed_expert(b, b->f, names[i]);

		ok(adaptation_set(a, i, z, &err));
		zset_free(z);
	}
	return a;
}

/* Sequences of one batch under different vectors give what each gives alone. */
static void
test_batch(void **state)
{
	enum { LEN = 9 };
	struct segment seg[SLOTS] = {0};
	int ids[LEN] = {1, 80, 147, 201, 282, 215, 286, 202, 2047};
	struct forward *f;
	struct bed b;
	size_t vocab, block;
	float *together;

	(void)state;
	if (!golden_path("svf/T.jsonl") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	vocab = (size_t)model_config(b.m)->vocab;
	block = LEN * vocab;
	together = malloc(SLOTS * block * sizeof *together);
	ok(forward_new(&f, b.m, b.pool, &err));
	for (int form = FORM_AUTO; form <= FORM_DELTA; form++) {
		struct adaptation *a;

		if (form == FORM_BASE)
			continue;
		a = five_slots(&b, b.pool, (enum form)form);
		for (int i = 0; i < SLOTS; i++) {
			seg[i] =
				(struct segment){.ids = ids, .n = LEN, .slot = i, .want = WANT_ALL};
			ok(kv_new(&seg[i].kv, b.m, LEN, &err));
		}
		ok(forward_run(f, adaptation_op(a), seg, SLOTS, together, &err));
		for (int i = 0; i < SLOTS; i++) {
			struct adaptation *one;
			float *alone;
			double rel;

			one = five_slots(&b, b.pool, (enum form)form);
			alone = bed_logits(&b, adaptation_op(one), ids, LEN, i);
			rel = apart(together + (size_t)i * block, alone, block);
			if (!(rel <= TOL_LOGITS))
				fail_msg("form %s, slot %d: off by %g", form_name((enum form)form),
					 i, rel);
			if (i)
				assert_true(apart(together + (size_t)i * block, together, block) >
					    1e-3);
			free(alone);
			adaptation_free(one);
			kv_free(seg[i].kv);
		}
		adaptation_free(a);
	}
	forward_free(f);
	free(together);
	bed_close(&b);
}

/* The same bits for any number of threads: products of every form, and gradients. */
static void
run_all(struct bed *b, struct pool *pool, int mat, int rows, const int *slot, float *y, float *dx,
	double *ds)
{
	const struct weight *w = model_matrix(b->m, mat);
	size_t nx = (size_t)rows * (size_t)w->n, ny = (size_t)rows * (size_t)w->m;
	float *x = malloc(nx * sizeof *x), *g = malloc(ny * sizeof *g);

	fill(x, nx, 5);
	fill(g, ny, 6);
	for (int form = FORM_AUTO; form <= FORM_DELTA; form++) {
		struct adaptation *a = five_slots(b, pool, (enum form)form);
		const struct linear *op = adaptation_op(a);

		op->forward(op->self, mat, x, rows, slot, y + (size_t)form * ny, false);
		ok(adaptation_grad_begin(a, "all", &err));
		op->forward(op->self, mat, x, rows, slot, y + (size_t)form * ny, true);
		memset(dx + (size_t)form * nx, 0, nx * sizeof *dx);
		op->backward(op->self, mat, x, g, rows, slot, dx + (size_t)form * nx);
		memcpy(ds + form * weight_rank(w), adaptation_grad_s(a, mat),
		       (size_t)weight_rank(w) * sizeof *ds);
		adaptation_free(a);
	}
	free(x);
	free(g);
}

static void
test_threads(void **state)
{
	static const int rows[] = {1, 7, 40, 1100};
	struct pool *one, *three;
	struct bed b;
	int slot[1100];

	(void)state;
	if (!golden_path("svf/T.jsonl") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	one = pool_new(1);
	three = pool_new(3);
	for (int i = 0; i < 1100; i++)
		slot[i] = i % 3 ? i % SLOTS : 0;
	for (int k = 0; k < 8; k++) {
		int mat = MAT_KINDS + k / 4 * MAT_DOWN, n = rows[k % 4];
		const struct weight *w = model_matrix(b.m, mat);
		size_t ny = 5 * (size_t)n * (size_t)w->m, nx = 5 * (size_t)n * (size_t)w->n,
		       ns = 5 * (size_t)weight_rank(w);
		float *y = malloc(2 * ny * sizeof *y), *dx = malloc(2 * nx * sizeof *dx);
		double *ds = malloc(2 * ns * sizeof *ds);

		run_all(&b, one, mat, n, k % 2 ? slot : NULL, y, dx, ds);
		run_all(&b, three, mat, n, k % 2 ? slot : NULL, y + ny, dx + nx, ds + ns);
		assert_memory_equal(y, y + ny, ny * sizeof *y);
		assert_memory_equal(dx, dx + nx, nx * sizeof *dx);
		assert_memory_equal(ds, ds + ns, ns * sizeof *ds);
		free(y);
		free(dx);
		free(ds);
	}
	pool_free(one);
	pool_free(three);
	bed_close(&b);
}

/* q, k and v of one x together are what they are one by one, whatever their forms and slots. */
static void
test_together(void **state)
{
	static const enum form forms[] = {FORM_AUTO, FORM_BASE, FORM_DENSE, FORM_FACTORED,
					  FORM_DELTA};
	static const int rows[] = {1, 5, 20}, mats[] = {MAT_Q, MAT_K, MAT_V};
	struct bed b;

	(void)state;
	if (!golden_path("svf/T.jsonl") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	for (int k = 0; k < 5 * 3 * 3; k++) {
		struct adaptation *a = five_slots(&b, b.pool, forms[k % 5]),
				  *single = five_slots(&b, b.pool, forms[k % 5]);
		const struct linear *op = adaptation_op(a), *op1 = adaptation_op(single);
		int n = rows[k / 5 % 3], slot[20], way = k / 15;
		size_t nx = (size_t)n * (size_t)model_matrix(b.m, MAT_Q)->n;
		float *x = malloc(nx * sizeof *x), *y[3], *want[3];

		fill(x, nx, 3);
		for (int i = 0; i < n; i++)
			slot[i] = way == 1 ? 2 : i % SLOTS;
		for (int i = 0; i < 3; i++) {
			size_t size = (size_t)n * (size_t)model_matrix(b.m, mats[i])->m;

			y[i] = malloc(size * sizeof(float));
			want[i] = malloc(size * sizeof(float));
			op1->forward(op1->self, mats[i], x, n, way ? slot : NULL, want[i], false);
		}
		op->together(op->self, mats, 3, x, n, way ? slot : NULL, y);
		for (int i = 0; i < 3; i++) {
			assert_memory_equal(y[i], want[i],
					    (size_t)n * (size_t)model_matrix(b.m, mats[i])->m *
						    sizeof(float));
			free(y[i]);
			free(want[i]);
		}
		free(x);
		adaptation_free(a);
		adaptation_free(single);
	}
	bed_close(&b);
}

static struct zset *
constant(const struct bed *b, float gate, float up)
{
	const float value[] = {gate, up};
	const int mats[] = {MAT_GATE, MAT_UP};
	struct zset *z;

	ok(zset_new(&z, b->m, &err));
	for (int i = 0; i < 2; i++) {
		int r = weight_rank(model_matrix(b->m, mats[i]));
		float *all = malloc((size_t)r * sizeof *all);

		for (int k = 0; k < r; k++)
			all[k] = value[i];
		if (value[i] != 1)
			ok(zset_set(z, mats[i], all, &err));
		free(all);
	}
	return z;
}

/* One matrix of a call goes in one factored pass for all slots while the next is computed slot by slot. */
static void
test_together_apart(void **state)
{
	enum { ROWS = 80, FIRST = 60 };
	static const int mats[2][2] = {{MAT_GATE, MAT_UP}, {MAT_UP, MAT_GATE}};
	struct bed b;
	int slot[ROWS];

	(void)state;
	if (!bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	for (int i = 0; i < ROWS; i++)
		slot[i] = i >= FIRST;
	for (int k = 0; k < 2; k++) {
		struct zset *z[] = {constant(&b, 1.5f, 3), constant(&b, 0.5f, 1)};
		const struct weight *w = model_matrix(b.m, MAT_GATE);
		size_t nx = ROWS * (size_t)w->n, ny = ROWS * (size_t)w->m;
		float *x = malloc(nx * sizeof *x), *y[2], *want = malloc(ny * sizeof *want);
		struct adaptation *a[2];

		fill(x, nx, 3);
		for (int i = 0; i < 2; i++) {
			ok(adaptation_new(&a[i], b.m, b.f, b.pool, 2, FORM_AUTO, &err));
			ok(adaptation_set(a[i], 0, z[0], &err));
			ok(adaptation_set(a[i], 1, z[1], &err));
			y[i] = malloc(ny * sizeof **y);
		}
		adaptation_op(a[0])->together(adaptation_op(a[0])->self, mats[k], 2, x, ROWS, slot,
					      y);
		for (int i = 0; i < 2; i++) {
			const struct linear *op = adaptation_op(a[1]);

			op->forward(op->self, mats[k][i], x, ROWS, slot, want, false);
			assert_memory_equal(y[i], want, ny * sizeof *want);
		}
		for (int i = 0; i < 2; i++) {
			free(y[i]);
			zset_free(z[i]);
			adaptation_free(a[i]);
		}
		free(want);
		free(x);
	}
	bed_close(&b);
}

/* dL/ds and dL/dx of L = sum(g * y) in double, from the definitions; kept, recalled and recomputed alike. */
static void
test_gradients(void **state)
{
	enum { ROWS = 1030 };
	int mat = MAT_UP, *slot = calloc(ROWS, sizeof *slot);
	const struct weight *w;
	const struct factor *f;
	float *x, *g, *y, *dx;
	struct adaptation *a;
	const struct linear *op;
	struct zset *z;
	struct bed b;
	size_t m, n, r;
	double *want, *A, *B, largest = 0, worst = 0;

	(void)state;
	if (!golden_path("svf/T.jsonl") || !bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	w = model_matrix(b.m, mat);
	f = factors_get(b.f, mat);
	m = (size_t)w->m, n = (size_t)w->n, r = (size_t)f->r;
	x = malloc(ROWS * n * sizeof *x), g = malloc(ROWS * m * sizeof *g);
	y = malloc(ROWS * m * sizeof *y), dx = calloc(ROWS * n, sizeof *dx);
	want = calloc(2 * r, sizeof *want), A = malloc(2 * r * sizeof *A), B = A + r;
	fill(x, ROWS * n, 1);
	fill(g, ROWS * m, 2);
	for (int t = 0; t < ROWS; t++) {
		slot[t] = t % 2;
		for (size_t i = 0; i < r; i++) {
			A[i] = B[i] = 0;
			for (size_t c = 0; c < n; c++)
				A[i] += (double)x[(size_t)t * n + c] * f->Vt[i * n + c];
			for (size_t c = 0; c < m; c++)
				B[i] += (double)g[(size_t)t * m + c] * f->U[c * r + i];
			want[i] += A[i] * B[i];			/* all rows in slot 0 */
			want[r + i] += t % 2 ? 0 : A[i] * B[i]; /* every other one */
		}
	}
	for (size_t i = 0; i < r; i++)
		largest = fmax(largest, fabs(want[i]));
	z = bed_expert(&b, b.f, "T.plain_a_all");
	ok(adaptation_new(&a, b.m, b.f, b.pool, 2, FORM_AUTO, &err));
	ok(adaptation_set(a, 0, z, &err));
	op = adaptation_op(a);
	for (int how = 0; how < 4; how++) {
		const double *at = want + (how == 3 ? r : 0);

		ok(adaptation_grad_begin(a, "mlp", &err));
		assert_null(adaptation_grad_s(a, MAT_Q));
		if (how == 0)
			op->forward(op->self, mat, x, ROWS, NULL, y, true);
		if (how == 1)
			op->recall(op->self, mat, x, ROWS, NULL);
		op->backward(op->self, mat, x, g, ROWS, how == 3 ? slot : NULL, dx);
		for (size_t i = 0; i < r; i++)
			worst = fmax(worst, fabs(adaptation_grad_s(a, mat)[i] - at[i]) / largest);
	}
	print_message("worst ds %.2g\n", worst);
	assert_true(worst < 3e-6);
	/* dx has been added four times; three times under slot 0 alone, once with odd rows under the base model. */
	worst = largest = 0;
	for (int t = 0; t < ROWS; t += 103) {
		for (size_t c = 0; c < n; c++) {
			double sum = 0;

			for (size_t i = 0; i < r; i++) {
				double back = 0, s = f->sigma64[i] * z->z[mat][i];

				for (size_t k = 0; k < m; k++)
					back += (double)g[(size_t)t * m + k] * f->U[k * r + i];
				sum += back * (3 * s + (t % 2 ? f->sigma64[i] : s)) *
				       f->Vt[i * n + c];
			}
			worst = fmax(worst, fabs(sum - dx[(size_t)t * n + c]));
			largest = fmax(largest, fabs(sum));
		}
	}
	print_message("worst dx %.2g\n", worst / largest);
	assert_true(worst / largest < 3e-6);
	adaptation_free(a);
	zset_free(z);
	free(x), free(g), free(y), free(dx), free(want), free(A), free(slot);
	bed_close(&b);
}

/* The rules of the cost model that callers can rely on. */
static void
test_choice(void **state)
{
	struct adaptation *a;
	struct zset *z;
	struct bed b;
	float *v, x[128] = {0}, y[384];
	int mat = MAT_UP;

	(void)state;
	if (!bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	v = malloc(sizeof *v * (size_t)weight_rank(model_matrix(b.m, mat)));
	for (int i = 0; i < weight_rank(model_matrix(b.m, mat)); i++)
		v[i] = 1;
	ok(zset_new(&z, b.m, &err));
	ok(adaptation_new(&a, b.m, b.f, b.pool, 2, FORM_AUTO, &err));
	assert_int_equal(adaptation_choice(a, 0, mat, 1), FORM_BASE);
	ok(zset_set(z, mat, v, &err));
	ok(adaptation_set(a, 0, z, &err));
	assert_int_equal(adaptation_choice(a, 0, mat, 1), FORM_BASE); /* all ones */
	v[3] = 1.5f;
	ok(zset_set(z, mat, v, &err));
	ok(adaptation_set(a, 0, z, &err));
	assert_int_equal(adaptation_choice(a, 0, mat, 64), FORM_DELTA); /* one component changed */
	for (int i = 0; i < weight_rank(model_matrix(b.m, mat)); i++)
		v[i] = 0.5f;
	ok(zset_set(z, mat, v, &err));
	ok(adaptation_set(a, 0, z, &err));
	assert_int_equal(adaptation_choice(a, 0, mat, 1), FORM_FACTORED);
	assert_int_equal(adaptation_choice(a, 0, mat, 100000), FORM_DENSE);
	/* Row after row a dense copy becomes worth its price. */
	for (int i = 0; i < 100000 && adaptation_choice(a, 0, mat, 1) == FORM_FACTORED; i++)
		adaptation_op(a)->forward(a, mat, x, 1, NULL, y, false);
	assert_int_equal(adaptation_choice(a, 0, mat, 1), FORM_DENSE);
	ok(adaptation_set(a, 0, z, &err));
	assert_int_equal(adaptation_choice(a, 0, mat, 1), FORM_FACTORED);
	adaptation_form(a, FORM_DENSE);
	assert_int_equal(adaptation_choice(a, 0, mat, 1), FORM_DENSE);
	assert_int_equal(adaptation_choice(a, 1, mat, 1), FORM_BASE); /* no z in that slot */
	adaptation_form(a, FORM_BASE);
	assert_int_equal(adaptation_choice(a, 0, mat, 1), FORM_BASE);
	adaptation_free(a);
	zset_free(z);
	free(v);
	bed_close(&b);
}

static void
test_refused(void **state)
{
	struct adaptation *a;
	struct factor none[MAT_KINDS * 2] = {{0}};
	struct factors *f;
	struct zset *z;
	struct bed b;
	float v[128] = {0};

	(void)state;
	if (!bed_open(&b, model, 1))
		skip();
	assert_int_equal(model_matrices(b.m), MAT_KINDS * 2);
	ok(factors_from(&f, b.m, none, &err));
	assert_int_equal(factors_count(f), 0);
	ok(zset_new(&z, b.m, &err));
	ok(zset_set(z, MAT_Q, v, &err));
	assert_int_equal(adaptation_new(&a, b.m, f, b.pool, 0, FORM_AUTO, &err), T2_EINVAL);
	assert_null(a);
	ok(adaptation_new(&a, b.m, f, b.pool, 1, FORM_AUTO, &err));
	assert_int_equal(adaptation_set(a, 0, z, &err), T2_ENOTFOUND);
	assert_non_null(strstr(err.msg, "decompose"));
	assert_int_equal(adaptation_choice(a, 0, MAT_Q, 1), FORM_BASE);
	assert_int_equal(adaptation_set(a, 1, NULL, &err), T2_EINVAL);
	assert_int_equal(adaptation_grad_begin(a, "attn", &err), T2_ENOTFOUND);
	adaptation_free(a);
	factors_free(f);
	zset_free(z);
	bed_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	 cmocka_unit_test(test_weights),
		cmocka_unit_test(test_logits),	 cmocka_unit_test(test_batch),
		cmocka_unit_test(test_threads),	 cmocka_unit_test(test_gradients),
		cmocka_unit_test(test_choice),	 cmocka_unit_test(test_refused),
		cmocka_unit_test(test_together), cmocka_unit_test(test_together_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
