/* Several settings side by side: each says what it says alone, whatever stands beside it and however many threads work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/adapt/compare.h"
#include "engine/base/memory.h"
#include "engine/base/rng.h"
#include "engine/model/chat.h"
#include "tests/lib/svf.h"

enum { N = 4, NEW = 40 };

static const char prompt[] = "Once upon a time there was a little";

static struct t2_err err;
static struct bed b;
static struct tokenizer *tok;
static struct chat *chat;
static struct zset *z[N]; /* z[0]: the base weights */

#define ok(call)                                                                                   \
	do {                                                                                       \
		err.msg[0] = 0;                                                                    \
		if (call)                                                                          \
			fail_msg("%s: %s", #call, err.msg);                                        \
	} while (0)

static int
begin(void **state)
{
	(void)state;
	if (!bed_open(&b, "models/tinystories-656k", 2))
		return 0;
	bed_decompose(&b);
	ok(tokenizer_open(&tok, model_path(b.m), &err));
	ok(chat_open(&chat, model_path(b.m), tok, &err));
	for (int k = 1; k < N; k++) {
		ok(zset_new(&z[k], b.m, &err));
		for (int mat = 0; mat < z[k]->count; mat++) {
			int r = z[k]->rank[mat];
			float *v = malloc((size_t)r * sizeof *v);
			struct rng g;

			rng_seed(&g, 5, (uint64_t)k, (uint64_t)mat);
			for (int i = 0; i < r; i++)
				v[i] = (float)(1 + 0.3 * k * (rng_uniform(&g) - 0.5));
			ok(zset_set(z[k], mat, v, &err));
			free(v);
		}
	}
	return 0;
}

static int
end(void **state)
{
	(void)state;
	if (!b.m)
		return 0;
	for (int k = 0; k < N; k++)
		zset_free(z[k]);
	chat_free(chat);
	tokenizer_free(tok);
	bed_close(&b);
	return 0;
}

static struct adapt_env
env(void)
{
	return (struct adapt_env){
		.model = b.m, .factors = b.f, .pool = b.pool, .tok = tok, .chat = chat};
}

struct seen {
	struct strbuf text[N];
	int tokens[N], ended[N], measured[N], all, stop_at;
	struct job *cancel;
};

static void
on_token(void *arg, int i, int id, const char *s, size_t len, float logprob)
{
	struct seen *x = arg;

	assert_int_equal(x->ended[i], 0);
	assert_true(logprob <= 0);
	strbuf_add(&x->text[i], s, len);
	x->tokens[i] += id >= 0;
	x->all++;
	if (x->cancel && x->all == 9)
		job_cancel(x->cancel);
}

static void
on_ended(void *arg, int i, const struct compare_answer *a)
{
	struct seen *x = arg;

	x->ended[i]++;
	assert_int_equal(a->ids.n, x->tokens[i]);
	assert_true(isnan(a->kl));
}

static void
on_measured(void *arg, int i, const struct compare_answer *a)
{
	struct seen *x = arg;

	assert_int_equal(x->ended[i], 1);
	assert_false(isnan(a->kl));
	x->measured[i]++;
}

static bool
on_stop(void *arg)
{
	struct seen *x = arg;

	return x->stop_at && x->all >= x->stop_at;
}

static enum t2_status
run(struct seen *x, struct compare_answer *out, struct job *job)
{
	struct adapt_env e = env();
	struct compare_request q = {.prompt = prompt,
				    .z = (const struct zset *const *)z,
				    .n = N,
				    .max_new = NEW,
				    .kl = true};
	struct compare_events ev = {.arg = x,
				    .token = on_token,
				    .ended = on_ended,
				    .measured = on_measured,
				    .stop = on_stop};

	return compare_run(&e, &q, &ev, out, job, &err);
}

static void
seen_free(struct seen *x)
{
	for (int i = 0; i < N; i++)
		strbuf_free(&x->text[i]);
}

static void
test_as_alone(void **state)
{
	struct compare_answer out[N];
	struct adapt_env e = env();
	struct seen x = {0};

	(void)state;
	if (!b.m)
		skip();
	ok(run(&x, out, NULL));
	for (int i = 0; i < N; i++) {
		struct answer_request q = {.prompt = prompt,
					   .strategy = ANSWER_FIXED,
					   .fixed = z[i],
					   .max_new = NEW,
					   .compare_base = true};
		struct answer a;

		ok(answer_run(&e, &q, NULL, &a, NULL, &err));
		assert_string_equal(out[i].text, a.text);
		assert_string_equal(out[i].text, x.text[i].s);
		assert_int_equal(out[i].ids.n, a.tokens);
		assert_int_equal(out[i].end, a.end);
		assert_int_equal(x.measured[i], 1);
		if (i)
			assert_true(out[i].kl > 0);
		assert_true(fabs(out[i].kl * a.tokens - a.kl) <= 1e-4 * (1e-2 + fabs(a.kl)));
		answer_free(&a);
	}
	assert_true(out[0].kl == 0);
	assert_string_not_equal(out[0].text, out[N - 1].text);
	compare_free(out, N);
	seen_free(&x);
}

static void
test_threads(void **state)
{
	struct compare_answer one[N], two[N];
	struct pool *pool = b.pool;
	struct seen x = {0}, y = {0};

	(void)state;
	if (!b.m)
		skip();
	ok(run(&x, two, NULL));
	b.pool = pool_new(1);
	ok(run(&y, one, NULL));
	pool_free(b.pool);
	b.pool = pool;
	for (int i = 0; i < N; i++) {
		assert_int_equal(one[i].ids.n, two[i].ids.n);
		assert_memory_equal(one[i].ids.v, two[i].ids.v, (size_t)one[i].ids.n * sizeof(int));
		assert_true(one[i].kl == two[i].kl);
	}
	compare_free(one, N);
	compare_free(two, N);
	seen_free(&x);
	seen_free(&y);
}

static void
test_stopped(void **state)
{
	struct compare_answer out[N];
	struct seen x = {.stop_at = 10};
	struct job job;

	(void)state;
	if (!b.m)
		skip();
	ok(run(&x, out, NULL));
	for (int i = 0; i < N; i++) {
		assert_int_equal(out[i].end, GEN_STOP);
		assert_int_equal(x.ended[i], 1);
		assert_int_equal(x.measured[i], 0);
		assert_true(isnan(out[i].kl));
		assert_in_range(out[i].ids.n, 2, 3);
	}
	compare_free(out, N);
	seen_free(&x);

	job_init(&job, NULL, NULL);
	x = (struct seen){.cancel = &job};
	assert_int_equal(run(&x, out, &job), T2_ECANCEL);
	for (int i = 0; i < N; i++)
		assert_null(out[i].text);
	job_destroy(&job);
	seen_free(&x);
}

static void
on_line(void *arg, const char *line)
{
	int *told = arg;

	told[0] += strstr(line, "sequence") != NULL;
	told[1] += strstr(line, "KL to base of ") != NULL;
}

/* The exact least that answers under so many slots and their KL need. */
static size_t
least_of(int slots)
{
	struct adapt_env e = env();
	struct ids ids = {0};
	size_t answers, kl;

	ok(answer_prompt(&e, prompt, &ids, &err));
	answers = generator_bytes(b.m, b.pool, ids.n + NEW, 1);
	kl = answer_kl_bytes(&e, ids.n + NEW, 1);
	ids_free(&ids);
	return adaptation_bytes(b.m, slots) + (answers > kl ? answers : kl);
}

static void
refused(enum t2_status st, size_t least)
{
	char want[64];

	snprintf(want, sizeof want, "the least that would do is %zuM",
		 (least + (1 << 20) - 1) >> 20);
	assert_int_equal(st, T2_ENOMEM);
	assert_non_null(strstr(err.msg, want));
}

/* With the least that will do, few answers at once and KL in pieces: the same words.  A byte less is refused before the first
 * token. */
static void
test_limited(void **state)
{
	struct compare_answer wide[N], out[N];
	struct seen x = {0}, y = {0};
	int told[2] = {0};
	size_t least;

	(void)state;
	if (!b.m)
		skip();
	ok(run(&x, wide, NULL));
	least = least_of(N + 1);
	for (int less = 1; less >= 0; less--) {
		struct memory *m = memory_new(least - (size_t)less, on_line, told);

		pool_use_memory(b.pool, m);
		if (less) {
			refused(run(&y, out, NULL), least);
			assert_int_equal(y.all, 0);
		} else {
			ok(run(&y, out, NULL));
		}
		assert_int_equal(memory_room(m), memory_limit(m)); /* all is given back */
		pool_use_memory(b.pool, NULL);
		memory_free(m);
	}
	assert_true(told[0] > 0 && told[1] > 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(wide[i].ids.n, out[i].ids.n);
		assert_memory_equal(wide[i].ids.v, out[i].ids.v,
				    (size_t)out[i].ids.n * sizeof(int));
		assert_true(fabs(wide[i].kl - out[i].kl) <= 1e-4 * (1e-2 + wide[i].kl));
	}
	compare_free(wide, N);
	compare_free(out, N);
	seen_free(&x);
	seen_free(&y);
}

/* The same of one answer, whose weights are not recomposed then. */
static void
test_answer_limited(void **state)
{
	struct adapt_env e = env();
	struct answer_request q = {.prompt = prompt,
				   .strategy = ANSWER_FIXED,
				   .fixed = z[1],
				   .max_new = NEW,
				   .compare_base = true};
	struct answer wide, a;
	int told[2] = {0};
	size_t least;

	(void)state;
	if (!b.m)
		skip();
	ok(answer_run(&e, &q, NULL, &wide, NULL, &err));
	least = least_of(2);
	for (int less = 1; less >= 0; less--) {
		struct memory *m = memory_new(least - (size_t)less, on_line, told);

		pool_use_memory(b.pool, m);
		if (less)
			refused(answer_run(&e, &q, NULL, &a, NULL, &err), least);
		else
			ok(answer_run(&e, &q, NULL, &a, NULL, &err));
		assert_int_equal(memory_room(m), memory_limit(m));
		pool_use_memory(b.pool, NULL);
		memory_free(m);
	}
	assert_true(told[0] == 0 && told[1] > 0);
	assert_string_equal(wide.text, a.text);
	assert_true(fabs(wide.kl - a.kl) <= 1e-4 * (1e-2 + wide.kl));
	answer_free(&wide);
	answer_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_alone),       cmocka_unit_test(test_threads),
		cmocka_unit_test(test_stopped),	       cmocka_unit_test(test_limited),
		cmocka_unit_test(test_answer_limited),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
