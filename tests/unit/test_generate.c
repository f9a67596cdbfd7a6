/* Continuations against the greedy goldens, and what batched generation promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/memory.h"
#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"
#include "engine/model/generate.h"
#include "tests/lib/golden.h"

#define T_MODEL "models/tinystories-656k"
#define S_MODEL "models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf"

enum { MAX_REQUESTS = 40, MAX_IDS = 600 };

static struct t2_err err;

#define ok(call)                                                                                   \
	do {                                                                                       \
		err.msg[0] = 0;                                                                    \
		if (call)                                                                          \
			fail_msg("%s: %s", #call, err.msg);                                        \
	} while (0)

/* What came back for each request. */
struct answers {
	int ids[MAX_REQUESTS][MAX_IDS], n[MAX_REQUESTS];
	float logprob[MAX_REQUESTS][MAX_IDS];
	struct gen_result result[MAX_REQUESTS];
	int stop_at; /* ends a sequence after so many tokens; 0: never */
	struct job *cancel;
	int cancel_at, total;
};

static bool
collect(void *arg, int request, int id, float logprob)
{
	struct answers *a = arg;

	assert_in_range(request, 0, MAX_REQUESTS - 1);
	assert_true(a->n[request] < MAX_IDS);
	a->logprob[request][a->n[request]] = logprob;
	a->ids[request][a->n[request]++] = id;
	if (a->cancel && ++a->total == a->cancel_at)
		job_cancel(a->cancel);
	return a->stop_at && a->n[request] == a->stop_at;
}

/* The base layers, counting rows. */
struct counter {
	struct linear op;
	const struct linear *base;
	long rows; /* of one matrix */
};

static void
counted_forward(void *self, int mat, const float *x, int rows, const int *slot, float *y, bool keep)
{
	struct counter *c = self;

	if (mat == 0)
		c->rows += rows;
	c->base->forward(c->base->self, mat, x, rows, slot, y, keep);
}

static struct model *model;
static struct pool *pool;
static struct base_linear *base;
static struct counter counter;
static struct answers ans;

static void
open_model(const char *rel, int threads)
{
	ok(model_open(&model, shared_path(rel), &err));
	pool = pool_new(threads);
	ok(base_linear_new(&base, model, pool, &err));
	counter = (struct counter){.op = {.self = &counter, .forward = counted_forward},
				   .base = base_linear_op(base)};
}

static void
close_model(void)
{
	base_linear_free(base);
	pool_free(pool);
	model_free(model);
}

static void
run(int width, const struct gen_request *r, int count, uint64_t seed)
{
	struct generator *g;

	memset(&ans, 0, sizeof ans);
	counter.rows = 0;
	ok(generator_new(&g, model, pool, width, &err));
	ok(generate(g, &counter.op, r, count, seed, collect, &ans, ans.result, NULL, &err));
	generator_free(g);
}

static const int prompt_a[] = {1, 80, 147, 201, 282, 57}, prompt_b[] = {1, 80, 247, 604},
		 prompt_c[] = {1};

struct greedy {
	struct gen_request r[MAX_REQUESTS];
	int *want[MAX_REQUESTS], want_n[MAX_REQUESTS], count;
	bool eos[MAX_REQUESTS];
};

static int *
ints(const json_t *array, int *n)
{
	int *v = malloc((json_array_size(array) + 1) * sizeof *v);

	*n = (int)json_array_size(array);
	for (int i = 0; i < *n; i++)
		v[i] = (int)json_integer_value(json_array_get(array, (size_t)i));
	return v;
}

static enum t2_status
greedy_line(void *arg, json_t *obj, long line, struct t2_err *e)
{
	struct greedy *g = arg;
	int i = g->count++;
	const char *why = json_string_value(json_object_get(obj, "ended_by"));

	(void)line;
	(void)e;
	g->r[i].ids = ints(json_object_get(obj, "prompt_ids"), &g->r[i].n);
	g->want[i] = ints(json_object_get(obj, "ids"), &g->want_n[i]);
	g->eos[i] = !strcmp(why, "eos");
	g->r[i].max_new =
		g->eos[i] ? (int)json_integer_value(json_object_get(obj, "n")) : g->want_n[i];
	return T2_OK;
}

static void
greedy_check(const char *rel, const char *lines, const int *widths, int count)
{
	struct greedy g = {.count = 0};

	if (!shared_path(rel) || !golden_path(lines))
		skip();
	open_model(rel, 2);
	ok(json_read_lines(golden_path(lines), greedy_line, &g, &err));
	assert_true(g.count > 0);
	for (int w = 0; w < count; w++) {
		run(widths[w], g.r, g.count, 1);
		for (int i = 0; i < g.count; i++) {
			if (ans.n[i] != g.want_n[i] ||
			    memcmp(ans.ids[i], g.want[i], (size_t)ans.n[i] * sizeof(int)))
				fail_msg("width %d, prompt %d: other tokens than the golden's",
					 widths[w], i);
			assert_int_equal(ans.result[i].end, g.eos[i] ? GEN_EOS : GEN_LENGTH);
			if (g.eos[i])
				assert_int_equal(ans.result[i].end_id, 2);
		}
	}
	for (int i = 0; i < g.count; i++) {
		free((int *)g.r[i].ids);
		free(g.want[i]);
	}
	close_model();
}

static void
greedy_T(void **state)
{
	(void)state;
	greedy_check(T_MODEL, "greedy/T.jsonl", (const int[]){1, 5, 32}, 3);
}

static void
greedy_S(void **state)
{
	(void)state;
	greedy_check(S_MODEL, "greedy/S.jsonl", (const int[]){5}, 1);
}

/* Three prompts, several samples each, of unequal lengths. */
static int
requests(struct gen_request *r)
{
	int n = 0;

	for (int i = 0; i < 30; i++, n++)
		r[n] = (struct gen_request){.ids = i < 10   ? prompt_a
						   : i < 20 ? prompt_b
							    : prompt_c,
					    .n = i < 10	  ? 6
						 : i < 20 ? 4
							  : 1,
					    .max_new = 5 + 7 * (i % 5),
					    .sampling = {.temp = 1, .top_p = i % 2 ? 0.9f : 1},
					    .stream = 100 + (uint64_t)i};
	return n;
}

static void
width_and_threads_change_nothing(void **state)
{
	static struct answers first;
	struct gen_request r[MAX_REQUESTS];
	int n = requests(r);

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	for (int threads = 1; threads <= 3; threads++) {
		open_model(T_MODEL, threads);
		for (int width = 1; width <= 32; width += width < 3 ? 1 : 29) {
			run(width, r, n, 42);
			if (!first.n[0])
				first = ans;
			for (int i = 0; i < n; i++) {
				assert_int_equal(ans.n[i], first.n[i]);
				assert_memory_equal(ans.ids[i], first.ids[i],
						    (size_t)ans.n[i] * sizeof(int));
				assert_int_equal(ans.result[i].end, first.result[i].end);
			}
		}
		close_model();
	}
	/* and other seeds and streams give other tokens */
	open_model(T_MODEL, 2);
	run(32, r, n, 43);
	assert_memory_not_equal(ans.ids[4], first.ids[4], 12 * sizeof(int));
	assert_memory_not_equal(first.ids[4], first.ids[9], 12 * sizeof(int));
	close_model();
}

/* The stream alone decides, not a request's place among the others. */
static void
order_changes_nothing(void **state)
{
	static struct answers first;
	struct gen_request r[MAX_REQUESTS], back[MAX_REQUESTS];
	int n = requests(r);

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	open_model(T_MODEL, 2);
	run(4, r, n, 42);
	first = ans;
	for (int i = 0; i < n; i++)
		back[i] = r[n - 1 - i];
	run(4, back, n, 42);
	for (int i = 0; i < n; i++) {
		assert_int_equal(ans.n[n - 1 - i], first.n[i]);
		assert_memory_equal(ans.ids[n - 1 - i], first.ids[i],
				    (size_t)first.n[i] * sizeof(int));
	}
	close_model();
}

static void
logprobs_are_the_models(void **state)
{
	struct gen_request r = {
		.ids = prompt_a, .n = 6, .max_new = 12, .sampling = {.temp = 0.8f}, .stream = 3};
	float *logits;
	struct forward *f;
	struct kv *kv;
	int ids[18], vocab;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	open_model(T_MODEL, 2);
	run(8, &r, 1, 5);
	assert_int_equal(ans.n[0], 12);
	memcpy(ids, prompt_a, sizeof prompt_a);
	memcpy(ids + 6, ans.ids[0], 12 * sizeof *ids);
	vocab = model_config(model)->vocab;
	logits = malloc(18 * (size_t)vocab * sizeof *logits);
	ok(forward_new(&f, model, pool, &err));
	ok(kv_new(&kv, model, 18, &err));
	struct segment s = {.kv = kv, .ids = ids, .n = 18, .want = WANT_ALL};
	ok(forward_run(f, base_linear_op(base), &s, 1, logits, &err));
	for (int i = 0; i < 12; i++) {
		const float *at = logits + (size_t)(5 + i) * (size_t)vocab;
		double want = at[ids[6 + i]] - kern_logsumexp(at, vocab);

		assert_true(want - ans.logprob[0][i] < 1e-4 && ans.logprob[0][i] - want < 1e-4);
	}
	kv_free(kv);
	forward_free(f);
	free(logits);
	close_model();
}

static void
shared_prompts_are_computed_once(void **state)
{
	static int prompt[200];
	struct gen_request r[16];
	long tokens;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	open_model(T_MODEL, 2);
	for (int i = 0; i < 200; i++)
		prompt[i] = 1 + i * 7 % 2000;
	for (int width = 2; width <= 16; width += 14) {
		for (int i = 0; i < 16; i++)
			r[i] = (struct gen_request){.ids = prompt,
						    .n = 200,
						    .max_new = 3,
						    .slot = i / 8,
						    .stream = (uint64_t)i,
						    .sampling = {.temp = 1}};
		run(width, r, 16, 1);
		/* each of two slots: 200 prompt tokens once, then one token again for each of seven others */
		tokens = 0;
		for (int i = 0; i < 16; i++)
			tokens += ans.n[i] - (ans.result[i].end == GEN_LENGTH);
		assert_int_equal(counter.rows, 2 * (200 + 7) + tokens);
	}
	close_model();
}

/* Prompts that begin alike: one long beginning, one shared by half of them only, and ends of their own. */
enum { ALIKE = 12, BEGIN = 60, HALF = 20, OWN = 11, ALIKE_NEW = 6 };
static int alike[ALIKE][BEGIN + HALF + OWN];

static void
alike_requests(struct gen_request *r, bool apart)
{
	for (int i = 0; i < ALIKE; i++) {
		for (int t = 0; t < BEGIN + HALF + OWN; t++)
			alike[i][t] = 1 + (t < BEGIN	      ? t * 7
					   : t < BEGIN + HALF ? t * 11 + i % 2
							      : t * 13 + i * 29) %
						  2000;
		r[i] = (struct gen_request){.ids = alike[i],
					    .n = BEGIN + HALF + OWN,
					    .max_new = ALIKE_NEW,
					    .slot = apart ? i : 0};
	}
}

static void
prompts_that_begin_alike_share(void **state)
{
	static struct answers apart, first;
	struct gen_request r[ALIKE];
	long tokens = 0, once;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	open_model(T_MODEL, 2);
	alike_requests(r, true); /* every slot is the base model here, but nothing is shared */
	run(5, r, ALIKE, 1);
	apart = ans;
	for (int i = 0; i < ALIKE; i++)
		tokens += ans.n[i] - (ans.result[i].end == GEN_LENGTH);
	assert_int_equal(counter.rows, ALIKE * (BEGIN + HALF + OWN) + tokens);
	once = BEGIN + 2 * HALF + ALIKE * OWN + tokens;
	close_model();

	alike_requests(r, false);
	for (int threads = 1; threads <= 3; threads++) {
		open_model(T_MODEL, threads);
		for (int width = 1; width <= 2 * ALIKE; width += width < 3 ? 1 : 7) {
			run(width, r, ALIKE, 1);
			if (width >= ALIKE)
				assert_int_equal(counter.rows, once);
			else if (width > 1) /* of the halves one may have been given up */
				assert_in_range(counter.rows, once, once + ALIKE * HALF);
			else
				assert_int_equal(counter.rows, once + (ALIKE - 2) * HALF);
			for (int i = 0; i < ALIKE; i++) {
				assert_int_equal(ans.n[i], apart.n[i]);
				assert_memory_equal(ans.ids[i], apart.ids[i],
						    (size_t)ans.n[i] * sizeof(int));
				for (int t = 0; t < ans.n[i]; t++) {
					double d = ans.logprob[i][t] - apart.logprob[i][t];

					assert_true(d < 1e-4 && d > -1e-4);
				}
			}
		}
		run(4, r, ALIKE, 1);
		if (threads == 1)
			first = ans;
		assert_memory_equal(ans.logprob, first.logprob, sizeof ans.logprob);
		close_model();
	}
}

static void
ends(void **state)
{
	static int longest[600];
	struct gen_request r[4];
	int context, extra;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	open_model(T_MODEL, 2);
	context = model_config(model)->context;
	assert_true(context < 600);
	for (int i = 0; i < 600; i++)
		longest[i] = 300 + i % 40;

	/* the context is full: prompt and answer together */
	r[0] = (struct gen_request){.ids = longest, .n = context - 3, .max_new = 50};
	r[1] = (struct gen_request){.ids = longest, .n = context, .max_new = 50};
	r[2] = (struct gen_request){.ids = longest, .n = context + 20, .max_new = 50};
	r[3] = (struct gen_request){.ids = prompt_a, .n = 6, .max_new = 0};
	run(2, r, 4, 1);
	assert_int_equal(ans.result[0].end, GEN_CONTEXT);
	assert_int_equal(ans.n[0], 3);
	assert_int_equal(ans.result[1].end, GEN_CONTEXT);
	assert_int_equal(ans.n[1], 0);
	assert_int_equal(ans.result[2].end, GEN_CONTEXT);
	assert_int_equal(ans.result[3].end, GEN_LENGTH);
	assert_int_equal(ans.n[3], 0);

	/* one of the caller's end tokens: the fourth of the greedy answer */
	r[0] = (struct gen_request){.ids = prompt_a, .n = 6, .max_new = 20};
	run(1, r, 1, 1);
	assert_int_equal(ans.n[0], 20);
	extra = ans.ids[0][3];
	r[0].extra_eos = &extra;
	r[0].extra_eos_count = 1;
	run(1, r, 1, 1);
	assert_int_equal(ans.result[0].end, GEN_EOS);
	assert_int_equal(ans.result[0].end_id, extra);
	assert_true(ans.result[0].end_logprob < 0 && ans.result[0].end_logprob > -20);
	assert_int_equal(ans.n[0], 3);
	close_model();
}

static void
the_callers_stop(void **state)
{
	struct gen_request r[2] = {{.ids = prompt_a, .n = 6, .max_new = 20},
				   {.ids = prompt_b, .n = 4, .max_new = 3}};
	struct generator *g;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	open_model(T_MODEL, 2);
	memset(&ans, 0, sizeof ans);
	ans.stop_at = 5;
	ok(generator_new(&g, model, pool, 0, &err));
	ok(generate(g, &counter.op, r, 2, 1, collect, &ans, ans.result, NULL, &err));
	assert_int_equal(ans.n[0], 5);
	assert_int_equal(ans.result[0].end, GEN_STOP);
	assert_int_equal(ans.n[1], 3);
	assert_int_equal(ans.result[1].end, GEN_LENGTH);
	/* nobody has to listen */
	ok(generate(g, &counter.op, r, 2, 1, NULL, NULL, NULL, NULL, &err));
	ok(generate(g, &counter.op, r, 0, 1, NULL, NULL, NULL, NULL, &err));
	generator_free(g);
	close_model();
}

static void
cancelled_and_refused_calls_leave_it_usable(void **state)
{
	struct gen_request r[MAX_REQUESTS];
	struct generator *g;
	static struct answers good;
	int n = requests(r), bad[2] = {1, 1 << 20};
	struct job job;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	open_model(T_MODEL, 2);
	run(4, r, n, 42);
	good = ans;
	ok(generator_new(&g, model, pool, 4, &err));
	job_init(&job, NULL, NULL);
	memset(&ans, 0, sizeof ans);
	ans.cancel = &job;
	ans.cancel_at = 30;
	assert_int_equal(generate(g, &counter.op, r, n, 42, collect, &ans, NULL, &job, &err),
			 T2_ECANCEL);
	assert_in_range(ans.total, 30, 33);
	job_destroy(&job);

	struct gen_request wrong[] = {
		{.ids = bad, .n = 2, .max_new = 4},
		{.ids = bad, .n = 0, .max_new = 4},
		{.ids = bad, .n = 1, .max_new = 4, .slot = -1},
		{.ids = bad, .n = 1, .max_new = 4, .sampling = {.temp = -1}},
		{.ids = bad, .n = 1, .max_new = 4, .sampling = {.temp = 0.0f / 0.0f}},
		{.ids = bad, .n = 1, .max_new = 4, .sampling = {.temp = 1, .top_k = -1}},
		{.ids = bad, .n = 1, .max_new = 4, .sampling = {.temp = 1, .top_p = 1.5f}},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		r[n] = wrong[i]; /* the last of many: none of them may run */
		memset(&ans, 0, sizeof ans);
		assert_int_equal(
			generate(g, &counter.op, r, n + 1, 42, collect, &ans, NULL, NULL, &err),
			T2_EINVAL);
		assert_int_equal(ans.n[0], 0);
	}
	memset(&ans, 0, sizeof ans);
	ok(generate(g, &counter.op, r, n, 42, collect, &ans, NULL, NULL, &err));
	for (int i = 0; i < n; i++) {
		assert_int_equal(ans.n[i], good.n[i]);
		assert_memory_equal(ans.ids[i], good.ids[i], (size_t)ans.n[i] * sizeof(int));
	}
	generator_free(g);
	assert_int_equal(generator_new(&g, model, pool, -1, &err), T2_EINVAL);
	assert_null(g);
	close_model();
}

static void
nan_forward(void *self, int mat, const float *x, int rows, const int *slot, float *y, bool keep)
{
	counted_forward(self, mat, x, rows, slot, y, keep);
	if (mat == MAT_DOWN)
		y[0] = 0.0f / 0.0f;
}

static void
broken_weights_are_an_error(void **state)
{
	struct gen_request r = {.ids = prompt_a, .n = 6, .max_new = 20};
	struct generator *g;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	open_model(T_MODEL, 2);
	counter.op.forward = nan_forward;
	memset(&ans, 0, sizeof ans);
	ok(generator_new(&g, model, pool, 1, &err));
	r.ids = prompt_c; /* the first row is the spoilt one */
	r.n = 1;
	assert_int_equal(generate(g, &counter.op, &r, 1, 1, collect, &ans, NULL, NULL, &err),
			 T2_ENUM);
	assert_int_equal(ans.n[0], 0);
	generator_free(g);
	close_model();
}

static int told;

static void
tell(void *arg, const char *line)
{
	(void)arg;
	assert_non_null(strstr(line, " at once, not 12"));
	told++;
}

/* Fewer sequences at once, the same answers; too little for one is an error that names what would do. */
static void
memory_makes_it_narrower(void **state)
{
	static struct answers wide;
	struct gen_request r[ALIKE];
	size_t least, positions = BEGIN + HALF + OWN + ALIKE_NEW;
	struct generator *g;
	const char *at;

	(void)state;
	if (!shared_path(T_MODEL))
		skip();
	open_model(T_MODEL, 3);
	alike_requests(r, false);
	run(ALIKE, r, ALIKE, 1);
	wide = ans;
	least = generator_bytes(model, pool, (int)positions, 1);
	for (int k = 0; k < 3; k++) {
		struct memory *m =
			memory_new(k < 2 ? least + (size_t)k * 4 * kv_bytes(model, (int)positions)
					 : (size_t)1 << 40,
				   tell, NULL);
		size_t room = memory_room(m);

		told = 0;
		pool_use_memory(pool, m);
		ok(generator_new(&g, model, pool, ALIKE, &err));
		for (int again = 0; again < 2; again++) {
			memset(&ans, 0, sizeof ans);
			ok(generate(g, &counter.op, r, ALIKE, 1, collect, &ans, ans.result, NULL,
				    &err));
			for (int i = 0; i < ALIKE; i++) {
				assert_int_equal(ans.n[i], wide.n[i]);
				assert_memory_equal(ans.ids[i], wide.ids[i],
						    (size_t)ans.n[i] * sizeof(int));
			}
		}
		assert_int_equal(told, k < 2);
		assert_true(memory_room(m) < room);
		generator_free(g);
		assert_int_equal(memory_room(m), room);
		pool_use_memory(pool, NULL);
		memory_free(m);
	}
	struct memory *m = memory_new(least - 1, NULL, NULL);

	pool_use_memory(pool, m);
	ok(generator_new(&g, model, pool, ALIKE, &err));
	assert_int_equal(generate(g, &counter.op, r, ALIKE, 1, NULL, NULL, NULL, NULL, &err),
			 T2_ENOMEM);
	at = strstr(err.msg, "the least that would do is ");
	assert_non_null(at);
	assert_true(strtoul(at + 27, NULL, 10) << 20 >= least);
	generator_free(g);
	pool_use_memory(pool, NULL);
	memory_free(m);
	close_model();
}

static void
count_lines(void *arg, const char *line)
{
	assert_string_equal(line, ++*(int *)arg == 1 ? "1 of 2" : "1 of 3");
}

static void
memory_is_counted(void **state)
{
	struct memory *m;
	size_t n = 0;
	int lines = 0;

	(void)state;
	ok(memory_parse("1.5k", &n, &err));
	assert_int_equal(n, 1536);
	ok(memory_parse("800M", &n, &err));
	assert_int_equal(n, (size_t)800 << 20);
	ok(memory_parse("2G", &n, &err));
	assert_int_equal(n, (size_t)2 << 30);
	ok(memory_parse("123456", &n, &err));
	assert_int_equal(n, 123456);
	for (const char *const *bad =
		     (const char *const[]){"", "x", "-1M", "0", "1MB", "nan", "1e99", "M", NULL};
	     *bad; bad++)
		assert_int_equal(memory_parse(*bad, &n, &err), T2_EINVAL);
	m = memory_new(100, NULL, NULL);
	memory_take(m, 60);
	assert_int_equal(memory_room(m), 40);
	memory_take(m, 60);
	assert_int_equal(memory_room(m), 0);
	memory_give(m, 60);
	assert_int_equal(memory_room(m), 40);
	memory_tell(m, "nobody listens");
	memory_listen(m, count_lines, &lines);
	memory_tell(m, "%d of %d", 1, 2);
	assert_int_equal(lines, 1);
	memory_tell(m, "1 of 2"); /* no line twice in a row */
	assert_int_equal(lines, 1);
	memory_tell(m, "1 of 3");
	assert_int_equal(lines, 2);
	memory_listen(m, NULL, NULL);
	memory_tell(m, "1 of 2");
	assert_int_equal(lines, 2);
	memory_free(m);
	assert_true(memory_room(NULL) == (size_t)-1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greedy_T),
		cmocka_unit_test(greedy_S),
		cmocka_unit_test(width_and_threads_change_nothing),
		cmocka_unit_test(order_changes_nothing),
		cmocka_unit_test(logprobs_are_the_models),
		cmocka_unit_test(shared_prompts_are_computed_once),
		cmocka_unit_test(prompts_that_begin_alike_share),
		cmocka_unit_test(ends),
		cmocka_unit_test(the_callers_stop),
		cmocka_unit_test(cancelled_and_refused_calls_leave_it_usable),
		cmocka_unit_test(broken_weights_are_an_error),
		cmocka_unit_test(memory_makes_it_narrower),
		cmocka_unit_test(memory_is_counted),
	};

	if (blas_init(&err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	kern_init(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
