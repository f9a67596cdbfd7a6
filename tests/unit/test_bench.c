/* The arithmetic of `t2tui bench`: medians and ratios, what is counted, copies of a model in another type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "engine/linalg/dtype.h"
#include "engine/svf/adaptation.h"
#include "tests/lib/golden.h"
#include "tui/bench/bench.h"
#include "store/benchmarks.h"
#include "tui/bench/copy.h"
#include "tui/bench/cost.h"
#include "tui/bench/count.h"
#include "tui/bench/decoder.h"
#include "tui/bench/history.h"
#include "tui/bench/rows.h"
#include "tui/bench/screen.h"
#include "tui/bench/searchwork.h"
#include "tui/bench/shape.h"

static void
median_of_few(void **state)
{
	const double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2}, one[] = {7};

	(void)state;
	assert_true(bench_median(odd, 3) == 3);
	assert_true(bench_median(even, 4) == 2.5);
	assert_true(bench_median(one, 1) == 7);
	assert_true(odd[0] == 5); /* unchanged */
}

/* A row of our own: the work says what it came to, so the ratios are known. */
static int calls;
static const double spent[] = {2, 8, 4, 5, 1};

static enum t2_status
spend(void *arg, double *value, struct t2_err *err)
{
	(void)arg;
	(void)err;
	*value = spent[calls++];
	return T2_OK;
}

static enum t2_status
spend_run(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	enum t2_status st = bench_repeat(b, r, false, spend, NULL, err);

	bench_detail(r, "one");
	bench_detail(r, "two %d", 2);
	return st;
}

static void
times_against_their_limit(void **state)
{
	static const struct bench_row row = {"spend", "", "s",	     BENCH_SECONDS, 4,
					     0.5,     1,  spend_run, false,	    "group"};
	struct workspace ws = {0};
	struct bench b = {.ws = &ws};
	struct bench_result r;

	(void)state;
	calls = 0;
	assert_int_equal(bench_run(&b, &row, &r, NULL), T2_OK);
	assert_int_equal(r.repeats, 5);
	assert_true(r.value == 4 && r.limit == 4);
	assert_true(r.ratio == 1 && r.low == 0.5 && r.high == 4);
	assert_non_null(strstr(r.detail, "one; two 2"));
	bench_close(&b);
}

static enum t2_status
nothing(void *arg, double *value, struct t2_err *err)
{
	(void)arg;
	(void)err;
	*value = 0;
	return T2_OK;
}

static enum t2_status
nothing_run(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	return bench_repeat(b, r, false, nothing, NULL, err);
}

static void
a_measurement_of_nothing_is_an_error(void **state)
{
	static const struct bench_row row = {"nothing", "", "s",	 BENCH_SECONDS, 4,
					     0.5,	1,  nothing_run, false,		"group"};
	struct workspace ws = {0};
	struct bench b = {.ws = &ws};
	struct bench_result r;
	struct t2_err err;

	(void)state;
	assert_int_equal(bench_run(&b, &row, &r, &err), T2_ENUM);
}

static double idle_value;

static enum t2_status
idle(void *arg, double *value, struct t2_err *err)
{
	(void)arg;
	(void)err;
	*value = idle_value;
	return T2_OK;
}

static enum t2_status
idle_run(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	return bench_repeat(b, r, false, idle, NULL, err);
}

static void
nothing_is_what_some_rows_want(void **state)
{
	static const struct bench_row row = {"idle", "", "bytes",  BENCH_NOTHING, 0,
					     1,	     1,	 idle_run, false,	  "group"};
	struct workspace ws = {0};
	struct bench b = {.ws = &ws};
	struct bench_result r;

	(void)state;
	idle_value = 0;
	assert_int_equal(bench_run(&b, &row, &r, NULL), T2_OK);
	assert_true(r.value == 0 && r.limit == 0 && r.ratio == 1);
	idle_value = 3;
	assert_int_equal(bench_run(&b, &row, &r, NULL), T2_OK);
	assert_true(r.value == 3 && r.ratio == 0);
	idle_value = -1;
	assert_int_equal(bench_run(&b, &row, &r, NULL), T2_ENUM);
}

static bool
prints(const char *text, char c)
{
	struct screen_frame f = {.text = text, .n = strlen(text)};

	return screen_prints(&f, c);
}

static void
letters_are_told_from_control_sequences(void **state)
{
	(void)state;
	assert_true(prints("\033[3;4Hq", 'q'));
	assert_true(prints("\033(B\033[mq\033[?2026l", 'q'));
	assert_false(prints("\033[3;4H\033[5q\033[m", 'q'));
	assert_false(prints("\033(q\033[38;5;80m", 'q'));
	assert_false(prints("\033[1", 'm'));
}

static void
table_is_sound(void **state)
{
	(void)state;
	for (const struct bench_row *r = bench_rows; r->name; r++) {
		assert_true(r->extra && r->goal == 0 ? r->floor == 0
						     : r->floor > 0 && r->floor <= r->goal);
		assert_non_null(r->run);
		assert_true((r->limit == BENCH_SECONDS || r->limit == BENCH_BYTES) ==
			    (r->most > 0));
		assert_non_null(r->group);
		for (const struct bench_row *o = bench_rows; o < r; o++)
			assert_string_not_equal(o->name, r->name);
	}
}

static void
q8_0_is_near_and_stable(void **state)
{
	float x[64], y[64], z[64];
	char packed[2 * 34], again[2 * 34];

	(void)state;
	for (int i = 0; i < 64; i++)
		x[i] = i < 32 ? 0.0f : (float)(i * i % 37 - 18) * 0.01f;
	assert_true(dtype_from_f32(T2_Q8_0, x, 64, packed));
	dtype_to_f32(T2_Q8_0, packed, 64, y);
	for (int i = 0; i < 64; i++)
		assert_true(fabsf(x[i] - y[i]) <= 0.18f / 127 * 0.51f);
	assert_true(dtype_from_f32(T2_Q8_0, y, 64, again)); /* what is stored stays what it is */
	dtype_to_f32(T2_Q8_0, again, 64, z);
	for (int i = 0; i < 64; i++)
		assert_true(fabsf(y[i] - z[i]) <= 1e-4f);
	assert_false(dtype_from_f32(T2_Q4_K, x, 64, packed));
}

static void
halves_are_exact_where_they_can_be(void **state)
{
	const float x[] = {0, -0.0f, 1, -2.5f, 65504, 0x1p-24f, 3.140625f};
	uint16_t half[7];
	float y[7];

	(void)state;
	assert_true(dtype_from_f32(T2_F16, x, 7, half));
	dtype_to_f32(T2_F16, half, 7, y);
	assert_memory_equal(x, y, sizeof x);
	assert_true(dtype_from_f32(T2_BF16, x, 4, half));
	dtype_to_f32(T2_BF16, half, 4, y);
	assert_memory_equal(x, y, 4 * sizeof *x);
}

static void
counts_of_smollm2(void **state)
{
	const char *path =
		shared_path("models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
	const struct config *c;
	struct model *m;
	struct t2_err err;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(model_open(&m, path, &err), T2_OK);
	c = model_config(m);
	assert_true(count_adapted(c) + count_head(c) == 106168320.0 + 49152.0 * 576);
	assert_true(count_factors(c) == 30.0 * (2 * 576 * 1152 + 2 * 192 * 768 + 3 * 576 * 2112));
	assert_int_equal((long)(count_step(c, 1024) / 1e9),
			 763); /* as the table of limits states it */
	model_free(m);
}

/* Q8_0 in memory gives the logits that the float32 file gives, but for the rounding of weights. */
static void
a_copy_is_the_same_model(void **state)
{
	const char *path = shared_path("models/tinystories-656k");
	struct model *m;
	struct memmodel *c;
	struct t2_err err;
	struct decoder d, e;
	struct base_linear *of_m, *of_c;
	double off = 0, size = 0;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(model_open(&m, path, &err), T2_OK);
	assert_int_equal(copy_new(&c, m, T2_Q8_0, NULL, &err), T2_OK);
	assert_int_equal(model_matrix(memmodel_model(c), 0)->type, T2_Q8_0);
	assert_int_equal(base_linear_new(&of_m, m, NULL, &err), T2_OK);
	assert_int_equal(base_linear_new(&of_c, memmodel_model(c), NULL, &err), T2_OK);
	assert_int_equal(decoder_open(&d, m, NULL, 1, 8, 16, &err), T2_OK);
	assert_int_equal(decoder_open(&e, memmodel_model(c), NULL, 1, 8, 16, &err), T2_OK);
	assert_int_equal(decoder_prompt(&d, base_linear_op(of_m), &err), T2_OK);
	assert_int_equal(decoder_prompt(&e, base_linear_op(of_c), &err), T2_OK);
	for (int i = 0; i < model_config(m)->vocab; i++) {
		off += pow(d.logits[i] - e.logits[i], 2);
		size += pow(d.logits[i], 2);
	}
	assert_true(off > 0 && sqrt(off / size) < 0.05);
	assert_int_equal(decoder_steps(&d, base_linear_op(of_m), 3, &err), T2_OK);
	assert_int_equal(kv_len(d.kv[0]), 11);
	decoder_rewind(&d);
	assert_int_equal(kv_len(d.kv[0]), 8);
	decoder_close(&d);
	decoder_close(&e);
	base_linear_free(of_m);
	base_linear_free(of_c);
	memmodel_free(c);
	model_free(m);
}

/* Better only where the ranges lie apart, whichever way the medians point. */
static void
changes_beyond_the_scatter(void **state)
{
	const struct benchmark_figure old = {.ratio = 0.5, .low = 0.48, .high = 0.52},
				      near = {.ratio = 0.55, .low = 0.51, .high = 0.6},
				      above = {.ratio = 0.6, .low = 0.53, .high = 0.65};

	(void)state;
	assert_int_equal(history_change(&old, &near), 0);
	assert_int_equal(history_change(&old, &above), 1);
	assert_int_equal(history_change(&above, &old), -1);
	assert_int_equal(history_change(&old, &old), 0);
}

/* Times made from known a and b come back; one large model alone tells a share, nothing of layers, and one that overhead
 * rules the reverse; nonsense never gives a < 0. */
static void
costs_are_fitted(void **state)
{
	struct cost_point p[3] = {{4, 1e-5, 0}, {30, 0.2, 0}, {22, 1.5, 0}};
	struct cost_fit f;

	(void)state;
	for (int i = 0; i < 3; i++)
		p[i].seconds = 2e-4 * (p[i].layers + 2) + p[i].work / 0.6;
	f = cost_fit(p, 3, 0.6);
	assert_true(fabs(f.layer / 2e-4 - 1) < 1e-9 && fabs(f.share / 0.6 - 1) < 1e-9);
	assert_true(f.error < 1e-9 && f.models == 3);
	assert_true(fabs(cost_fit_seconds(&f, 10, 3) - (2.4e-3 + 5)) < 1e-9);
	f = cost_fit(p, 3, 0.9); /* what is measured weighs more than what is usual */
	assert_true(fabs(f.share / 0.6 - 1) < 0.05);
	f = cost_fit(p + 1, 1, 0.9);
	assert_true(f.layer == 0 && fabs(cost_fit_seconds(&f, 30, 0.2) / p[1].seconds - 1) < 1e-9);
	f = cost_fit(p, 1, 0.9);
	assert_true(f.share == 0.9 &&
		    fabs(cost_fit_seconds(&f, 4, 1e-5) / p[0].seconds - 1) < 1e-9);
	p[0].seconds = 1e-6; /* faster than its share: a would be negative */
	f = cost_fit(p, 3, 0.6);
	assert_true(f.layer >= 0 && f.share > 0 && f.error > 0.1);
	f = cost_fit(p, 0, 0.6);
	assert_true(isnan(cost_fit_seconds(&f, 1, 1)));
}

/* Two small models do not promise that a large one goes at their share; a model held out is predicted from the others. */
static void
costs_of_what_was_not_fitted(void **state)
{
	struct cost_point p[4] = {{2, 1e-6, 0}, {4, 2e-6, 0}, {30, 7e-3, 0}, {22, 60e-3, 0}};
	struct cost_fit f;

	(void)state;
	for (int i = 0; i < 4; i++) /* 10 % up and down */
		p[i].seconds = (1e-5 * (p[i].layers + 2) + p[i].work / 0.75) * (i % 2 ? 1.1 : 0.9);
	for (int i = 0; i < 4; i++) {
		f = cost_fit_without(p, 4, i, 0.7);
		assert_int_equal(f.models, 3);
		assert_true(fabs(cost_fit_seconds(&f, p[i].layers, p[i].work) / p[i].seconds - 1) <
			    0.35);
	}
	p[0].work = p[1].work = 0; /* in the cache */
	f = cost_fit(p, 2, 0.7);
	assert_true(fabs(f.share / 0.7 - 1) < 1e-9);
	assert_true(fabs(cost_fit_seconds(&f, p[3].layers, p[3].work) / p[3].seconds - 1) < 0.35);
}

/* Experts of a model of numbers that are all 1. */
static struct factors *
flat_factors(const struct model *m)
{
	int n = model_matrices(m);
	struct factor *list = calloc((size_t)n, sizeof *list);
	static float one[1 << 17];
	struct factors *f;
	struct t2_err err;

	for (size_t i = 0; i < sizeof one / sizeof *one; i++)
		one[i] = 1;
	for (int i = 0; i < n; i++) {
		const struct weight *w = model_matrix(m, i);

		list[i] = (struct factor){w->m, w->n, weight_rank(w), one, one, one, NULL};
	}
	assert_int_equal(factors_from(&f, m, list, &err), T2_OK);
	free(list);
	return f;
}

/* The form that so many rows under an expert run in, and what copies may take. */
static enum form
form_of(const char *name, int rows, size_t *copies)
{
	struct config c;
	struct shape *s;
	struct factors *f;
	struct adaptation *a;
	struct zset *z;
	struct t2_err err;
	enum form form;

	assert_int_equal(shape_config(name, &c, &err), T2_OK);
	assert_int_equal(shape_hollow(&s, &c, &err), T2_OK);
	f = flat_factors(shape_model(s));
	assert_int_equal(adaptation_new(&a, shape_model(s), f, NULL, 1, FORM_AUTO, &err), T2_OK);
	assert_int_equal(bench_expert(&z, shape_model(s), 0, &err), T2_OK);
	assert_int_equal(adaptation_set(a, 0, z, &err), T2_OK);
	form = adaptation_choice(a, 0, 0, rows);
	*copies = adaptation_dense_bytes(shape_model(s), 1);
	/* of a gradient: none where all X V are held, all where none is, here those of the last layer's down */
	assert_true(adaptation_grad_dense(shape_model(s), 10, SIZE_MAX) == 0);
	assert_true(adaptation_grad_dense(shape_model(s), 10, 0) == *copies);
	if (*copies)
		assert_true(adaptation_grad_dense(shape_model(s), 10,
						  10 * sizeof(float) *
							  (2 * (2 * 64 + 2 * 32 + 3 * 64) - 1)) ==
			    64 * 128 * sizeof(float));
	zset_free(z);
	adaptation_free(a);
	factors_free(f);
	shape_free(s);
	return form;
}

/* A model whose copies no machine has room for runs on its mapped files; one that fits is copied as ever. */
static void
copies_within_the_machine(void **state)
{
	const size_t gb = (size_t)1 << 30;
	size_t copies;

	(void)state;
	assert_true(adaptation_dense_limit(gb / 2, gb, 24 * gb) == gb);
	assert_true(adaptation_dense_limit(4 * gb, 8 * gb, 24 * gb) == 4 * gb);
	assert_true(adaptation_dense_limit(26 * gb, 50 * gb, 24 * gb) == 0);
	assert_true(adaptation_dense_limit(26 * gb, 50 * gb, 64 * gb) == 0);
	assert_true(adaptation_dense_limit(26 * gb, 50 * gb, 128 * gb) == 26 * gb);
	assert_true(adaptation_dense_limit(gb / 4, gb / 2, gb + gb / 2) == gb / 2);
	assert_int_equal(form_of("shape:2,64,128,4,2,100", 1000, &copies), FORM_DENSE);
	assert_true(copies == 4 * 2 * (64 * 64 * 2 + 32 * 64 * 2 + 3 * 64 * 128));
	assert_int_equal(form_of("shape:4,131072,131072,1024,1024,100", 1 << 20, &copies),
			 FORM_FACTORED);
	assert_true(copies == 0);
}

/* What is counted is what the adaptation does: rows that it runs through a search's prompts earn as many copies. */
static void
a_search_is_counted_as_it_runs(void **state)
{
	static const char *const shapes[] = {"shape:3,64,192,4,2,100", "shape:2,64,704,4,2,100"};

	(void)state;
	for (int k = 0; k < 2; k++) {
		const int members = 8, width = searchwork_width(members);
		struct config c;
		struct shape *s;
		struct factors *f;
		struct adaptation *a;
		struct decoder d;
		struct searchwork w;
		struct t2_err err;
		double copies = 0, factored;

		assert_int_equal(width, 40);
		assert_int_equal(shape_config(shapes[k], &c, &err), T2_OK);
		assert_int_equal(shape_new(&s, &c, NULL, &err), T2_OK);
		assert_int_equal(shape_factors(s, &f, NULL, &err), T2_OK);
		assert_int_equal(
			adaptation_new(&a, shape_model(s), f, NULL, members, FORM_AUTO, &err),
			T2_OK);
		for (int i = 0; i < members; i++) {
			struct zset *z;

			assert_int_equal(bench_expert(&z, shape_model(s), i, &err), T2_OK);
			assert_int_equal(adaptation_set(a, i, z, &err), T2_OK);
			zset_free(z);
		}
		assert_int_equal(decoder_open(&d, shape_model(s), NULL, width, SEARCH_PROMPT,
					      SEARCH_PROMPT + SEARCH_ANSWER, &err),
				 T2_OK);
		d.group = SEARCH_SHOTS;
		for (int i = 0; i < 2; i++) {
			d.first = i * width;
			assert_int_equal(decoder_prompt(&d, adaptation_op(a), &err), T2_OK);
		}
		for (int i = 0; i < members * model_matrices(shape_model(s)); i++) {
			int mat = i / members;
			const struct weight *m = model_matrix(shape_model(s), mat);

			if (adaptation_choice(a, i % members, mat, 1) == FORM_DENSE)
				copies += 4.0 * m->m * m->n;
		}
		searchwork_count(&w, &c, width, 2,
				 (double)adaptation_dense_bytes(shape_model(s), members));
		assert_true(copies > 0 && w.copies == copies);
		factored = w.prompts;
		searchwork_count(&w, &c, width, 2, 0);
		assert_true(w.copies == 0 && w.prompts != factored);
		assert_true(w.answers == 2.0 * 80 * 31 * (count_factors(&c) + count_head(&c)));
		decoder_close(&d);
		adaptation_free(a);
		shape_free(s);
	}
	assert_int_equal(searchwork_width(32), 64);
	assert_int_equal(searchwork_width(1), 10);
}

static void
shapes_are_models(void **state)
{
	static const char *const wrong[] = {"shape:",
					    "shape:2,64,128,4,2",
					    "shape:2,64,128,4,3,9",
					    "shape:2,6,128,4,2,9",
					    "shape:0,64,128,4,2,9",
					    "shape:2,64,128,4,2,9x"};
	struct config c;
	struct shape *s;
	struct factors *f;
	const struct weight *w;
	struct t2_err err;
	double sum = 0;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(shape_config(wrong[i], &c, &err), T2_EINVAL);
	assert_int_equal(shape_config("shape:1.1b", &c, &err), T2_OK);
	assert_int_equal(c.hidden, 2048);
	assert_int_equal(shape_config("shape:8b", &c, &err), T2_OK);
	assert_true(fabs((count_adapted(&c) + 2 * count_head(&c)) / 8.03e9 - 1) < 0.01);
	assert_true(shape_is("shape:1.1b") && !shape_is("sample"));
	assert_int_equal(shape_config("shape:2,64,96,4,2,100", &c, &err), T2_OK);
	assert_int_equal(shape_new(&s, &c, NULL, &err), T2_OK);
	assert_int_equal(model_parameters(shape_model(s)),
			 2 * 100 * 64 + 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64 + 2 * 64) +
				 64);
	w = model_matrix(shape_model(s), MAT_DOWN);
	assert_int_equal(w->m, 64);
	assert_int_equal(w->n, 96);
	for (int i = 0; i < w->m; i++) {
		float row[96];

		dtype_to_f32(w->type, (const char *)w->data + i * 96 * 2, 96, row);
		for (int k = 0; k < 96; k++)
			sum += row[k] * row[k];
	}
	assert_true(fabs(sum / 64 - 1) < 0.1); /* the variance is 1 / n */
	assert_int_equal(shape_factors(s, &f, NULL, &err), T2_OK);
	assert_int_equal(factors_count(f), 14);
	assert_int_equal(factors_get(f, MAT_K)->r, 32);
	shape_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(median_of_few),
		cmocka_unit_test(times_against_their_limit),
		cmocka_unit_test(a_measurement_of_nothing_is_an_error),
		cmocka_unit_test(nothing_is_what_some_rows_want),
		cmocka_unit_test(letters_are_told_from_control_sequences),
		cmocka_unit_test(table_is_sound),
		cmocka_unit_test(q8_0_is_near_and_stable),
		cmocka_unit_test(halves_are_exact_where_they_can_be),
		cmocka_unit_test(counts_of_smollm2),
		cmocka_unit_test(a_copy_is_the_same_model),
		cmocka_unit_test(changes_beyond_the_scatter),
		cmocka_unit_test(shapes_are_models),
		cmocka_unit_test(costs_are_fitted),
		cmocka_unit_test(costs_of_what_was_not_fitted),
		cmocka_unit_test(copies_within_the_machine),
		cmocka_unit_test(a_search_is_counted_as_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
