/* Logits against the goldens, caches, and the same bits for any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/mapfile.h"
#include "engine/base/rng.h"
#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"
#include "engine/model/forward.h"
#include "tests/lib/golden.h"

#define T_MODEL "models/tinystories-656k"
#define S_MODEL "models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf"

static struct t2_err err;

#define ok(call)                                                                                   \
	do {                                                                                       \
		err.msg[0] = 0;                                                                    \
		if (call)                                                                          \
			fail_msg("%s: %s", #call, err.msg);                                        \
	} while (0)

/* A model with all that running it takes. */
struct bench {
	struct model *m;
	struct pool *pool;
	struct base_linear *base;
	const struct linear *op;
	struct forward *f;
	int vocab;
};

static void
bench_open(struct bench *b, const char *path, int threads)
{
	ok(model_open(&b->m, path, &err));
	b->pool = pool_new(threads);
	assert_non_null(b->pool);
	ok(base_linear_new(&b->base, b->m, b->pool, &err));
	b->op = base_linear_op(b->base);
	ok(forward_new(&b->f, b->m, b->pool, &err));
	b->vocab = model_config(b->m)->vocab;
}

static void
bench_close(struct bench *b)
{
	forward_free(b->f);
	base_linear_free(b->base);
	pool_free(b->pool);
	model_free(b->m);
}

static struct kv *
cache(struct bench *b, int capacity)
{
	struct kv *kv;

	ok(kv_new(&kv, b->m, capacity, &err));
	return kv;
}

/* All logits of one sequence, whole. */
static float *
logits_whole(struct bench *b, const int *ids, int n)
{
	float *l = malloc((size_t)n * (size_t)b->vocab * sizeof *l);
	struct kv *kv = cache(b, n);
	struct segment s = {.kv = kv, .ids = ids, .n = n, .want = WANT_ALL};

	assert_non_null(l);
	ok(forward_run(b->f, b->op, &s, 1, l, &err));
	assert_int_equal(kv_len(kv), n);
	kv_free(kv);
	return l;
}

static int *
random_ids(struct bench *b, uint64_t seed, int n)
{
	int *ids = malloc((size_t)n * sizeof *ids);
	struct rng r;

	assert_non_null(ids);
	rng_seed(&r, seed, 0, 0);
	for (int i = 0; i < n; i++)
		ids[i] = (int)rng_below(&r, (uint64_t)b->vocab);
	return ids;
}

static double
worst(const float *a, const float *b, size_t n)
{
	double diff = 0, big = 0;

	for (size_t i = 0; i < n; i++) {
		diff = fmax(diff, fabs((double)a[i] - b[i]));
		big = fmax(big, fabs((double)b[i]));
	}
	return diff / big;
}

struct golden {
	struct bench b;
	double tolerance, worst;
	long sequences;
};

static enum t2_status
golden_line(void *arg, json_t *obj, long line, struct t2_err *e)
{
	struct golden *g = arg;
	const json_t *ids = json_object_get(obj, "ids"),
		     *positions = json_object_get(obj, "positions"), *p;
	int n = (int)json_array_size(ids), *v = malloc((size_t)n * sizeof *v + 1);
	double big = 0, diff = 0;
	float *l;
	size_t i;

	(void)e;
	for (int t = 0; t < n; t++)
		v[t] = (int)json_integer_value(json_array_get(ids, (size_t)t));
	l = logits_whole(&g->b, v, n);
	json_array_foreach (positions, i, p) {
		const float *at = l + (size_t)json_integer_value(json_object_get(p, "pos")) *
					      (size_t)g->b.vocab;
		const json_t *top = json_object_get(p, "top"), *pair;
		double sum = json_number_value(json_object_get(p, "logsumexp"));
		size_t j;

		diff = fmax(diff, fabs(kern_logsumexp(at, g->b.vocab) - sum));
		json_array_foreach (top, j, pair) {
			double want = json_number_value(json_array_get(pair, 1));

			big = fmax(big, fabs(want));
			diff = fmax(diff,
				    fabs(at[json_integer_value(json_array_get(pair, 0))] - want));
		}
	}
	free(l);
	free(v);
	assert_true(json_array_size(positions) > 0);
	if (!(diff / big <= g->tolerance))
		fail_msg("line %ld: %d tokens: rel %.3g, allowed %.3g", line, n, diff / big,
			 g->tolerance);
	g->worst = fmax(g->worst, diff / big);
	g->sequences++;
	return T2_OK;
}

static void
golden_check(const char *model, const char *lines, double tolerance)
{
	struct golden g = {.tolerance = tolerance};

	bench_open(&g.b, model, 2);
	ok(json_read_lines(lines, golden_line, &g, &err));
	bench_close(&g.b);
	assert_true(g.sequences > 0);
	printf("             %ld sequences, worst rel %.2g of %.2g\n", g.sequences, g.worst,
	       tolerance);
}

static void
golden_skip(const char *model, const char *lines, double tolerance)
{
	if (!model || !lines)
		skip();
	golden_check(model, lines, tolerance);
}

static void
logits_T(void **state)
{
	(void)state;
	golden_skip(shared_path(T_MODEL), golden_path("logits/T.jsonl"), 5e-6);
}

static void
logits_S(void **state)
{
	(void)state;
	golden_skip(shared_path(S_MODEL), golden_path("logits/S.jsonl"), 1e-4);
}

static void
logits_rope(void **state)
{
	(void)state;
	golden_skip(golden_path("rope/llama3-scaled"), golden_path("rope/llama3-scaled.jsonl"),
		    8e-6);
	golden_skip(golden_path("rope/llama3-headdim"), golden_path("rope/llama3-headdim.jsonl"),
		    3e-5);
}

static void
logits_quant(void **state)
{
	static const struct {
		const char *name;
		double rel;
	} files[] = {
		{"tinystories-f32", 5e-6},  {"tinystories-f16", 6e-6},	{"tinystories-bf16", 4e-6},
		{"tinystories-q8_0", 5e-6}, {"tinystories-q4_1", 4e-6}, {"random-q4k-q6k", 6e-5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char gguf[64], lines[64];

		snprintf(gguf, sizeof gguf, "quant/%s.gguf", files[i].name);
		snprintf(lines, sizeof lines, "quant/%s.jsonl", files[i].name);
		golden_skip(golden_path(gguf), golden_path(lines), files[i].rel);
	}
}

/* The complete vocabulary of one text, not only the best twenty. */
static enum t2_status
text3_line(void *arg, json_t *obj, long line, struct t2_err *e)
{
	struct golden *g = arg;
	const json_t *ids = json_object_get(obj, "ids");
	int n = (int)json_array_size(ids), *v;
	struct mapfile map;
	float *l;

	(void)line;
	if (strcmp(json_string_value(json_object_get(obj, "name")), "text3"))
		return T2_OK;
	v = malloc((size_t)n * sizeof *v + 1);
	for (int t = 0; t < n; t++)
		v[t] = (int)json_integer_value(json_array_get(ids, (size_t)t));
	l = logits_whole(&g->b, v, n);
	ok(mapfile_open(&map, golden_path("logits/T.text3.all.f32"), e));
	assert_int_equal(map.size, (size_t)n * (size_t)g->b.vocab * sizeof *l);
	assert_true(worst(l, (const float *)map.data, map.size / sizeof *l) <= g->tolerance);
	mapfile_close(&map);
	g->sequences++;
	free(l);
	free(v);
	return T2_OK;
}

static void
logits_full_vocabulary(void **state)
{
	struct golden g = {.tolerance = 5e-6};

	(void)state;
	if (!shared_path(T_MODEL) || !golden_path("logits/T.text3.all.f32"))
		skip();
	bench_open(&g.b, shared_path(T_MODEL), 2);
	ok(json_read_lines(golden_path("logits/T.jsonl"), text3_line, &g, &err));
	bench_close(&g.b);
	assert_int_equal(g.sequences, 1);
}

static void
whole_equals_token_by_token(void **state)
{
	struct bench b;
	float *whole, *one;
	struct kv *kv;
	int n = 90, *ids;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	bench_open(&b, shared_path(T_MODEL), 2);
	ids = random_ids(&b, 1, n);
	whole = logits_whole(&b, ids, n);
	one = malloc((size_t)n * (size_t)b.vocab * sizeof *one);
	kv = cache(&b, n);
	for (int i = 0; i < n;) {
		int take = i < 40    ? 1
			   : i == 40 ? 5
			   : i == 45 ? 20
				     : 1; /* few and many rows after a prefix too */
		struct segment s = {.kv = kv, .ids = ids + i, .n = take, .want = WANT_ALL};

		ok(forward_run(b.f, b.op, &s, 1, one + (size_t)i * (size_t)b.vocab, &err));
		i += take;
	}
	assert_true(worst(one, whole, (size_t)n * (size_t)b.vocab) < 5e-6);
	/* A cache cut back and fed anew gives the same as before. */
	kv_truncate(kv, 50);
	struct segment s = {.kv = kv, .ids = ids + 50, .n = n - 50, .want = WANT_LAST};
	ok(forward_run(b.f, b.op, &s, 1, one, &err));
	assert_true(worst(one, whole + (size_t)(n - 1) * (size_t)b.vocab, (size_t)b.vocab) < 5e-6);
	kv_free(kv);
	free(whole);
	free(one);
	free(ids);
	bench_close(&b);
}

/* Many sequences in one call, more rows than a chunk holds, some cut in two by its end. */
static void
segments_do_not_meet(void **state)
{
	static const int len[] = {200, 1, 250, 7, 300, 8, 33};
	enum { COUNT = sizeof len / sizeof *len };
	struct bench b;
	struct segment s[COUNT];
	int *ids[COUNT];
	float *all;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	bench_open(&b, shared_path(T_MODEL), 2);
	for (int i = 0; i < COUNT; i++) {
		ids[i] = random_ids(&b, 10 + (uint64_t)i, len[i]);
		s[i] = (struct segment){.kv = cache(&b, 300),
					.ids = ids[i],
					.n = len[i],
					.want = i == 3	 ? WANT_ALL
						: i == 1 ? WANT_NONE
							 : WANT_LAST};
	}
	all = malloc((size_t)(COUNT + 6) * (size_t)b.vocab * sizeof *all);
	memset(all, 0xff, (size_t)(COUNT + 6) * (size_t)b.vocab * sizeof *all);
	ok(forward_run(b.f, b.op, s, COUNT, all, &err));
	const float *at = all;
	for (int i = 0; i < COUNT; i++) {
		int rows = s[i].want == WANT_ALL ? len[i] : s[i].want == WANT_LAST;
		float *alone = logits_whole(&b, ids[i], len[i]);
		const float *from = alone + (size_t)(len[i] - rows) * (size_t)b.vocab;

		if (rows)
			assert_true(worst(at, from, (size_t)rows * (size_t)b.vocab) < 5e-6);
		at += (size_t)rows * (size_t)b.vocab;
		assert_int_equal(kv_len(s[i].kv), len[i]);
		free(alone);
	}
	assert_true(at == all + (size_t)(COUNT + 5) * (size_t)b.vocab);
	assert_true(isnan(*at)); /* nothing was written past the wanted rows */
	for (int i = 0; i < COUNT; i++) {
		kv_free(s[i].kv);
		free(ids[i]);
	}
	free(all);
	bench_close(&b);
}

static void
copied_prefix(void **state)
{
	struct bench b;
	struct kv *from, *to;
	float *whole, *got;
	int n = 30, *ids;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	bench_open(&b, shared_path(T_MODEL), 2);
	ids = random_ids(&b, 3, n);
	whole = logits_whole(&b, ids, n);
	got = malloc((size_t)b.vocab * sizeof *got);
	from = cache(&b, 64);
	to = cache(&b, 31);
	struct segment s = {.kv = from, .ids = ids, .n = 25};
	ok(forward_run(b.f, b.op, &s, 1, NULL, &err));
	assert_int_equal(kv_copy(to, from, 26, &err), T2_EINVAL);
	assert_int_equal(kv_len(to), 0);
	ok(kv_copy(to, from, 20, &err));
	struct segment rest = {.kv = to, .ids = ids + 20, .n = 10, .want = WANT_LAST};
	ok(forward_run(b.f, b.op, &rest, 1, got, &err));
	assert_true(worst(got, whole + (size_t)(n - 1) * (size_t)b.vocab, (size_t)b.vocab) < 5e-6);
	kv_free(from);
	kv_free(to);
	free(whole);
	free(got);
	free(ids);
	bench_close(&b);
}

enum { BEGIN = 70, MORE = 20 };

/* Appends tokens one at a time; the last one's logits. */
static void
go_on(struct bench *b, struct kv *kv, const int *ids, int n, float *logits)
{
	for (int i = 0; i < n; i++) {
		struct segment s = {.kv = kv, .ids = ids + i, .n = 1, .want = WANT_LAST};

		ok(forward_run(b->f, b->op, &s, 1, logits, &err));
	}
}

/* The logits after the beginning, cut to begin, and more, in a cache that shares nothing. */
static float *
alone(struct bench *b, const int *ids, int begin, const int *more, int n)
{
	float *l = malloc((size_t)b->vocab * sizeof *l);
	struct kv *kv = cache(b, BEGIN + 2 * MORE);
	struct segment s = {.kv = kv, .ids = ids, .n = BEGIN};

	ok(forward_run(b->f, b->op, &s, 1, NULL, &err));
	kv_truncate(kv, begin);
	go_on(b, kv, more, n, l);
	assert_int_equal(kv_shared(kv), 0);
	kv_free(kv);
	return l;
}

static void
same_logits(const struct bench *b, const float *got, float *want)
{
	assert_memory_equal(got, want, (size_t)b->vocab * sizeof *got);
	free(want);
}

/* Caches that begin alike hold that once, and what becomes of one is nothing to the others. */
static void
shared_pages(void **state)
{
	struct bench b;
	struct kv *kv[3];
	struct segment s;
	int *ids, *more[3];
	float *got;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	bench_open(&b, shared_path(T_MODEL), 2);
	got = malloc((size_t)b.vocab * sizeof *got);
	ids = random_ids(&b, 3, BEGIN);
	for (int i = 0; i < 3; i++) {
		kv[i] = cache(&b, BEGIN + 2 * MORE);
		more[i] = random_ids(&b, 4 + (uint64_t)i, MORE + 1);
	}
	s = (struct segment){.kv = kv[0], .ids = ids, .n = BEGIN};
	ok(forward_run(b.f, b.op, &s, 1, NULL, &err));
	go_on(&b, kv[1], more[1], 3, got); /* what a cache held goes */
	for (int i = 1; i < 3; i++) {
		ok(kv_copy(kv[i], kv[0], BEGIN, &err));
		assert_int_equal(kv_len(kv[i]), BEGIN);
		assert_int_equal(kv_shared(kv[i]), 64);
	}
	for (int i = 0; i < 3; i++) { /* each its own way */
		go_on(&b, kv[i], more[i], MORE, got);
		same_logits(&b, got, alone(&b, ids, BEGIN, more[i], MORE));
		assert_int_equal(kv_shared(kv[i]), 64);
	}
	kv_truncate(kv[0], 40); /* into a page that all have */
	assert_int_equal(kv_shared(kv[0]), 40);
	go_on(&b, kv[0], more[1], 5, got);
	same_logits(&b, got, alone(&b, ids, 40, more[1], 5));
	assert_int_equal(kv_shared(kv[0]), 32);
	assert_int_equal(kv_shared(kv[1]), 64);
	kv_free(kv[0]);
	go_on(&b, kv[1], more[1] + MORE, 1, got);
	same_logits(&b, got, alone(&b, ids, BEGIN, more[1], MORE + 1));
	ok(kv_copy(kv[1], kv[2], 0, &err));
	assert_int_equal(kv_len(kv[1]), 0);
	kv_free(kv[1]);
	assert_int_equal(kv_shared(kv[2]), 0);
	go_on(&b, kv[2], more[2] + MORE, 1, got);
	same_logits(&b, got, alone(&b, ids, BEGIN, more[2], MORE + 1));
	kv_free(kv[2]);
	for (int i = 0; i < 3; i++)
		free(more[i]);
	free(ids);
	free(got);
	bench_close(&b);
}

static void
same_bits_for_any_threads(void **state)
{
	float *first[3] = {0};
	size_t bytes = 0;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	for (int threads = 1; threads <= 3; threads++) {
		struct bench b;
		struct kv *kv;
		int n = 150, *ids;
		float *got[3];

		bench_open(&b, shared_path(T_MODEL), threads);
		ids = random_ids(&b, 4, n);
		bytes = (size_t)n * (size_t)b.vocab * sizeof(float);
		got[0] = logits_whole(&b, ids, n);
		got[1] = malloc(bytes);
		kv = cache(&b, n);
		for (int i = 0; i < n; i++) {
			struct segment s = {.kv = kv, .ids = ids + i, .n = 1, .want = WANT_ALL};

			ok(forward_run(b.f, b.op, &s, 1, got[1] + (size_t)i * (size_t)b.vocab,
				       &err));
		}
		kv_free(kv);
		/* twelve sequences at once, one new token each */
		struct segment s[12];
		for (int i = 0; i < 12; i++) {
			s[i] = (struct segment){.kv = cache(&b, n), .ids = ids + i, .n = 8 * i + 1};
			ok(forward_run(b.f, b.op, &s[i], 1, NULL, &err));
			s[i].n = 1;
			s[i].want = WANT_LAST;
		}
		got[2] = malloc(bytes);
		memset(got[2], 0, bytes);
		ok(forward_run(b.f, b.op, s, 12, got[2], &err));
		for (int i = 0; i < 12; i++)
			kv_free(s[i].kv);
		for (int i = 0; i < 3; i++) {
			if (!first[i]) {
				first[i] = got[i];
				continue;
			}
			assert_memory_equal(first[i], got[i], bytes);
			free(got[i]);
		}
		free(ids);
		bench_close(&b);
	}
	for (int i = 0; i < 3; i++)
		free(first[i]);
}

/* An operator that notes the slots it was given. */
struct spy {
	const struct linear *base;
	long rows[3], calls, unslotted;
};

static void
spy_forward(void *self, int mat, const float *x, int rows, const int *slot, float *y, bool keep)
{
	struct spy *s = self;

	assert_false(keep);
	s->calls++;
	s->unslotted += !slot;
	for (int i = 0; slot && i < rows; i++)
		s->rows[slot[i]]++;
	s->base->forward(s->base->self, mat, x, rows, slot, y, keep);
}

static void
slots_reach_the_operator(void **state)
{
	struct bench b;
	struct spy spy = {0};
	struct linear op = {.self = &spy, .forward = spy_forward};
	struct segment s[2];
	float *logits;
	int *ids;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	bench_open(&b, shared_path(T_MODEL), 2);
	spy.base = b.op;
	ids = random_ids(&b, 5, 9);
	logits = malloc(10 * (size_t)b.vocab * sizeof *logits);
	s[0] = (struct segment){.kv = cache(&b, 20), .ids = ids, .n = 9, .want = WANT_ALL};
	s[1] = (struct segment){
		.kv = cache(&b, 20), .ids = ids, .n = 4, .slot = 2, .want = WANT_LAST};
	ok(forward_run(b.f, &op, s, 2, logits, &err));
	assert_int_equal(spy.calls, model_matrices(b.m));
	assert_int_equal(spy.unslotted, 0);
	assert_int_equal(spy.rows[0], 9 * spy.calls);
	assert_int_equal(spy.rows[1], 0);
	/* beyond its keys and values the last layer sees wanted rows only */
	assert_int_equal(spy.rows[2], 4 * (spy.calls - 5) + 5);
	s[1].slot = 0;
	ok(forward_run(b.f, &op, s, 2, logits, &err));
	assert_int_equal(spy.unslotted, model_matrices(b.m)); /* all in slot 0: NULL */
	free(logits);
	kv_free(s[0].kv);
	kv_free(s[1].kv);
	free(ids);
	bench_close(&b);
}

static void
refusals_change_nothing(void **state)
{
	struct bench b;
	struct segment s[2];
	float *logits, *again;
	int *ids, bad[3] = {1, 0, 2};

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	bench_open(&b, shared_path(T_MODEL), 2);
	ids = random_ids(&b, 6, 20);
	logits = malloc((size_t)b.vocab * 2 * sizeof *logits);
	again = malloc((size_t)b.vocab * sizeof *again);
	s[0] = (struct segment){.kv = cache(&b, 16), .ids = ids, .n = 10, .want = WANT_LAST};
	s[1] = (struct segment){.kv = cache(&b, 16), .ids = ids, .n = 17, .want = WANT_LAST};
	assert_int_equal(forward_run(b.f, b.op, s, 2, logits, &err), T2_EINVAL);
	assert_non_null(strstr(err.msg, "16"));
	assert_int_equal(kv_len(s[0].kv), 0);
	assert_int_equal(kv_len(s[1].kv), 0);

	ok(forward_run(b.f, b.op, s, 1, logits, &err));
	s[0].n = 7; /* 10 + 7 > 16 */
	assert_int_equal(forward_run(b.f, b.op, s, 1, again, &err), T2_EINVAL);
	assert_int_equal(kv_len(s[0].kv), 10);

	for (int i = 0; i < 2; i++) {
		bad[1] = i ? b.vocab : -1;
		s[1] = (struct segment){.kv = s[1].kv, .ids = bad, .n = 3, .want = WANT_LAST};
		assert_int_equal(forward_run(b.f, b.op, s + 1, 1, again, &err), T2_EINVAL);
		assert_int_equal(kv_len(s[1].kv), 0);
	}
	s[1].n = 0;
	assert_int_equal(forward_run(b.f, b.op, s + 1, 1, again, &err), T2_EINVAL);
	s[1] = (struct segment){.kv = s[1].kv, .ids = ids, .n = 10, .want = WANT_LAST};
	assert_int_equal(forward_run(b.f, b.op, s + 1, 1, NULL, &err),
			 T2_EINVAL); /* nowhere to put them */
	struct segment twice[2] = {s[1], s[1]};
	twice[0].n = twice[1].n = 2;
	assert_int_equal(forward_run(b.f, b.op, twice, 2, logits, &err), T2_EINVAL);
	assert_int_equal(kv_new(&(struct kv *){NULL}, b.m, 0, &err), T2_EINVAL);
	assert_int_equal(kv_len(s[1].kv), 0);
	/* and after all of that it still works */
	ok(forward_run(b.f, b.op, s + 1, 1, again, &err));
	assert_memory_equal(logits, again, (size_t)b.vocab * sizeof *again);
	kv_free(s[0].kv);
	kv_free(s[1].kv);
	free(ids);
	free(logits);
	free(again);
	bench_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logits_T),
		cmocka_unit_test(logits_full_vocabulary),
		cmocka_unit_test(logits_rope),
		cmocka_unit_test(logits_quant),
		cmocka_unit_test(logits_S),
		cmocka_unit_test(whole_equals_token_by_token),
		cmocka_unit_test(segments_do_not_meet),
		cmocka_unit_test(copied_prefix),
		cmocka_unit_test(shared_pages),
		cmocka_unit_test(same_bits_for_any_threads),
		cmocka_unit_test(slots_reach_the_operator),
		cmocka_unit_test(refusals_change_nothing),
	};

	if (blas_init(&err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	kern_init(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
