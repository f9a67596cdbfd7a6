#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/pool.h"
#include "engine/base/rng.h"
#include "engine/base/status.h"
#include "engine/base/strbuf.h"
#include "tests/lib/golden.h"

/* -- status ------------------------------------------------------------------------------------------------ */

static void
test_status_control_bytes(void **state)
{
	struct t2_err err;

	(void)state;
	assert_int_equal(t2_fail(&err, T2_EIO, "%s: gone", "a\nb\x1b[2J\x7f\tc"), T2_EIO);
	assert_string_equal(err.msg, "a?b?[2J??c: gone");
	assert_int_equal(t2_wrap(&err, T2_EFORMAT, "%s", "x\ry"), T2_EFORMAT);
	assert_string_equal(err.msg, "x?y: a?b?[2J??c: gone");
	assert_int_equal(t2_fail(NULL, T2_ENUM, "nobody listens"), T2_ENUM);
	t2_fail(&err, T2_EIO, "%s",
		"sch\xc3\xb6n \xe2\x82\xac \xf0\x9f\x98\x80"); /* whole characters stay */
	assert_string_equal(err.msg, "sch\xc3\xb6n \xe2\x82\xac \xf0\x9f\x98\x80");
}

/* Whatever length comes before: what is left is whole characters. */
static void
test_status_cut(void **state)
{
	static const char *const chars[] = {"\xc3\xb6", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	char text[1200];
	struct t2_err err;

	(void)state;
	for (int k = 0; k < 3; k++) {
		size_t width = strlen(chars[k]);

		for (size_t pad = 0; pad < 8; pad++) {
			size_t n = pad;

			memset(text, 'x', pad);
			while (n + width < sizeof text - 1) {
				memcpy(text + n, chars[k], width);
				n += width;
			}
			text[n] = 0;
			t2_fail(&err, T2_EIO, "%s", text);
			n = strlen(err.msg);
			assert_int_equal((n - pad) % width, 0);
			assert_true(n > sizeof err.msg - 1 - width);
			t2_fail(&err, T2_EIO, "short");
			t2_wrap(&err, T2_EIO, "%.*s", (int)(sizeof err.msg - 10 + pad), text);
			n = strlen(err.msg);
			if (n >
			    sizeof err.msg - 10 + pad) /* the prefix fitted: ": sh.." follows it */
				n = (size_t)(strchr(err.msg, ':') - err.msg);
			assert_true(n >= pad);
		}
	}
}

/* -- rng --------------------------------------------------------------------------------------------------- */

/* xoshiro256** from the state 1, 2, 3, 4: the first outputs, by hand from its definition. */
static void
test_rng_known(void **state)
{
	struct rng r = {{1, 2, 3, 4}};

	(void)state;
	assert_true(rng_u64(&r) == 11520);
	assert_true(rng_u64(&r) == 0);
	assert_true(rng_u64(&r) == 1509978240);
}

static void
test_rng_moments(void **state)
{
	enum { N = 200000 };
	struct rng r;
	double sum = 0, sq = 0, lo = 1, hi = 0, nsum = 0, nsq = 0, n3 = 0, n4 = 0;

	(void)state;
	rng_seed(&r, 7, 1, 2);
	for (int i = 0; i < N; i++) {
		double u = rng_uniform(&r), x = rng_normal(&r);

		sum += u;
		sq += u * u;
		lo = fmin(lo, u);
		hi = fmax(hi, u);
		nsum += x;
		nsq += x * x;
		n3 += x * x * x;
		n4 += x * x * x * x;
	}
	assert_true(lo >= 0 && hi < 1 && lo < 1e-4 && hi > 1 - 1e-4);
	/* five standard errors each */
	assert_true(fabs(sum / N - 0.5) < 5 * sqrt(1.0 / 12 / N));
	assert_true(fabs(sq / N - 1.0 / 3) < 5 * sqrt(4.0 / 45 / N));
	assert_true(fabs(nsum / N) < 5 * sqrt(1.0 / N));
	assert_true(fabs(nsq / N - 1) < 5 * sqrt(2.0 / N));
	assert_true(fabs(n3 / N) < 5 * sqrt(15.0 / N));
	assert_true(fabs(n4 / N - 3) < 5 * sqrt(96.0 / N));
}

/* Streams of neighbouring seeds, steps and samples: the same again when asked again, unrelated to each other. */
static void
test_rng_streams(void **state)
{
	static const uint64_t key[][3] = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1},
					  {1, 1, 0}, {0, 1, 1}, {2, 0, 0}};
	enum { K = sizeof key / sizeof *key, N = 20000 };
	static double v[K][N];

	(void)state;
	for (int k = 0; k < K; k++) {
		struct rng a, b;

		rng_seed(&a, key[k][0], key[k][1], key[k][2]);
		rng_seed(&b, key[k][0], key[k][1], key[k][2]);
		for (int i = 0; i < N; i++) {
			v[k][i] = rng_uniform(&a) - 0.5;
			assert_true(v[k][i] == rng_uniform(&b) - 0.5);
		}
	}
	for (int k = 0; k < K; k++) {
		for (int j = 0; j < k; j++) {
			double dot = 0;

			for (int i = 0; i < N; i++)
				dot += v[k][i] * v[j][i];
			assert_true(
				fabs(dot * 12 / N) <
				5 / sqrt(N)); /* a correlation's standard error is 1 / sqrt(N) */
		}
	}
}

static void
test_rng_below(void **state)
{
	struct rng r;
	int seen[7] = {0};
	uint64_t big = (UINT64_C(1) << 63) + 1, above = 0;
	double chi = 0;

	(void)state;
	rng_seed(&r, 3, 0, 0);
	for (int i = 0; i < 70000; i++) {
		uint64_t x = rng_below(&r, 7);

		assert_true(x < 7);
		seen[x]++;
	}
	for (int i = 0; i < 7; i++)
		chi += (seen[i] - 10000.0) * (seen[i] - 10000.0) / 10000.0;
	assert_true(chi < 30); /* 6 degrees of freedom: p = 4e-5 */
	for (int i = 0; i < 100; i++)
		assert_true(rng_below(&r, 1) == 0);
	/* just above half of the range: x % n without rejection would fall below 2^62 far too often */
	for (int i = 0; i < 4000; i++) {
		uint64_t x = rng_below(&r, big);

		assert_true(x < big);
		above += x >= UINT64_C(1) << 62;
	}
	assert_true(above > 1800 && above < 2200);
}

static void
test_rng_shuffle(void **state)
{
	int v[50], seen[50] = {0}, first[50] = {0};
	struct rng r;

	(void)state;
	rng_seed(&r, 11, 0, 0);
	for (int round = 0; round < 5000; round++) {
		for (int i = 0; i < 50; i++)
			v[i] = i;
		rng_shuffle(&r, v, 50);
		first[v[0]]++;
	}
	for (int i = 0; i < 50; i++)
		seen[v[i]]++;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(seen[i], 1);
		assert_true(first[i] > 50 && first[i] < 150);
	}
	rng_shuffle(&r, v, 0);
}

/* -- pool -------------------------------------------------------------------------------------------------- */

enum { TASKS = 1000 };

struct tally {
	atomic_int done[TASKS], worst;
	struct pool *pool;
	int threads;
};

static void
count_one(void *arg, int task, int worker)
{
	struct tally *t = arg;

	atomic_fetch_add(&t->done[task], 1);
	if (worker < 0 || worker >= t->threads)
		atomic_store(&t->worst, 1);
}

static void
once_each(struct tally *t, int tasks)
{
	for (int i = 0; i < TASKS; i++)
		assert_int_equal(atomic_load(&t->done[i]), i < tasks);
	assert_int_equal(atomic_load(&t->worst), 0);
}

static void
test_pool_once(void **state)
{
	static const int threads[] = {1, 2, 7}, tasks[] = {0, 1, 2, 3, 999, TASKS};

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct pool *p = pool_new(threads[k]);

		assert_non_null(p);
		assert_int_equal(pool_threads(p), threads[k]);
		for (int round = 0; round < 20; round++) {
			for (int i = 0; i < 6; i++) {
				struct tally t = {.threads = threads[k]};

				pool_run(p, tasks[i], count_one, &t);
				once_each(&t, tasks[i]);
			}
		}
		pool_free(p);
	}
	struct tally t = {.threads = 1};

	pool_run(NULL, TASKS, count_one, &t);
	once_each(&t, TASKS);
	assert_int_equal(pool_threads(NULL), 1);
	pool_free(NULL);
}

static void
inner(void *arg, int task, int worker)
{
	struct tally *t = arg;

	(void)worker;
	atomic_fetch_add(&t->done[task], 1);
}

static void
outer(void *arg, int task, int worker)
{
	struct tally *t = arg;

	(void)task;
	(void)worker;
	pool_run(t->pool, TASKS, inner, t);
}

static void
test_pool_nested(void **state)
{
	struct tally t = {.threads = 4};

	(void)state;
	t.pool = pool_new(4);
	pool_run(t.pool, 16, outer, &t);
	for (int i = 0; i < TASKS; i++)
		assert_int_equal(atomic_load(&t.done[i]), 16);
	pool_free(t.pool);
}

static void *
caller(void *arg)
{
	for (int i = 0; i < 50; i++) {
		struct tally t = {.threads = 3};

		pool_run(arg, TASKS, count_one, &t);
		for (int k = 0; k < TASKS; k++)
			if (atomic_load(&t.done[k]) != 1)
				return (void *)"a task was lost or done twice";
		if (atomic_load(&t.worst))
			return (void *)"a worker's number is out of range";
	}
	return NULL;
}

static void
test_pool_callers(void **state)
{
	struct pool *p = pool_new(3);
	pthread_t th[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(pthread_create(&th[i], NULL, caller, p), 0);
	for (int i = 0; i < 5; i++) {
		void *why = NULL;

		pthread_join(th[i], &why);
		if (why)
			fail_msg("%s", (const char *)why);
	}
	pool_free(p);
}

/* -- strbuf, arena ----------------------------------------------------------------------------------------- */

static void
test_strbuf(void **state)
{
	struct strbuf b = {0};
	char *s;

	(void)state;
	strbuf_printf(&b, "%d-%s", 7, "x");
	strbuf_add(&b, "\0y", 2);
	assert_int_equal(b.len, 5);
	assert_memory_equal(b.s, "7-x\0y", 6);
	strbuf_clear(&b);
	assert_string_equal(b.s, "");
	for (int i = 0; i < 5000; i++)
		strbuf_char(&b, (char)('a' + i % 26));
	assert_int_equal(strlen(b.s), 5000);
	strbuf_printf(&b, "%10000d", 1);
	assert_int_equal(b.len, 15000);
	s = strbuf_take(&b);
	assert_int_equal(strlen(s), 15000);
	assert_true(!b.s && !b.len && !b.cap);
	free(s);
	s = strbuf_take(&b); /* of nothing: "" */
	assert_string_equal(s, "");
	free(s);
	strbuf_add(&b, "x", (size_t)-1 / 2); /* no such memory: says so, keeps what it has */
	assert_true(b.failed);
	strbuf_str(&b, "more");
	assert_int_equal(b.len, 0);
	assert_null(strbuf_take(&b));
	strbuf_free(&b);
}

static void
test_arena(void **state)
{
	struct arena a = {0};
	char *v[2000];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char text[40];
		char *z = arena_alloc(&a, (size_t)i);

		assert_int_equal((uintptr_t)z % 16, 0);
		for (int k = 0; k < i; k++)
			assert_int_equal(z[k], 0);
		if (i)
			memset(z, 0x55, (size_t)i);
		snprintf(text, sizeof text, "row %d", i);
		v[i] = arena_strdup(&a, text);
	}
	for (int i = 0; i < 2000; i++) {
		char text[40];

		snprintf(text, sizeof text, "row %d", i);
		assert_string_equal(v[i], text);
	}
	assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
	assert_memory_equal(arena_memdup(&a, "a\0b", 3), "a\0b", 3);
	assert_null(arena_strdup(&a, NULL));
	assert_false(a.failed);
	assert_null(arena_alloc(&a, (size_t)-1));
	assert_true(a.failed);
	assert_null(arena_strdup(&a, "after a failure"));
	arena_free(&a);
	assert_null(a.head);
}

/* -- json -------------------------------------------------------------------------------------------------- */

static json_t *
parse(const char *text)
{
	json_t *o;
	struct t2_err err;

	assert_int_equal(json_read_bytes(&o, text, strlen(text), "here", &err), T2_OK);
	return o;
}

static void
test_json_fields(void **state)
{
	json_t *o = parse("{\"n\": 5, \"x\": 2.5, \"big\": 99999999999, \"s\": \"text\", \"z\": "
			  "null, \"b\": true}");
	struct t2_err err;
	const char *s = "kept";
	double x = -1;
	bool b = false;
	int n = -1;

	(void)state;
	assert_int_equal(json_want_int(o, "n", 1, 10, &n, "here", &err), T2_OK);
	assert_int_equal(n, 5);
	assert_int_equal(json_want_int(o, "n", 6, 10, &n, "here", &err), T2_EFORMAT);
	assert_non_null(strstr(err.msg, "here"));
	assert_non_null(strstr(err.msg, "n"));
	assert_int_equal(json_want_int(o, "x", 1, 10, &n, "here", &err), T2_EFORMAT);
	assert_int_equal(json_want_int(o, "big", 1, 10, &n, "here", &err), T2_EFORMAT);
	assert_int_equal(json_want_int(o, "missing", 1, 10, &n, "here", &err), T2_EFORMAT);
	assert_int_equal(n, 5);
	assert_int_equal(json_opt_int(o, "missing", 1, 10, &n, "here", &err), T2_OK);
	assert_int_equal(json_opt_int(o, "z", 1, 10, &n, "here", &err), T2_OK);
	assert_int_equal(json_opt_int(o, "s", 1, 10, &n, "here", &err), T2_EFORMAT);
	assert_int_equal(n, 5);
	assert_int_equal(json_opt_double(o, "n", &x, "here", &err), T2_OK);
	assert_true(x == 5);
	assert_int_equal(json_opt_bool(o, "b", &b, "here", &err), T2_OK);
	assert_true(b);
	assert_int_equal(json_opt_bool(o, "n", &b, "here", &err), T2_EFORMAT);
	assert_int_equal(json_opt_string(o, "missing", &s, "here", &err), T2_OK);
	assert_string_equal(s, "kept");
	assert_int_equal(json_want_string(o, "s", &s, "here", &err), T2_OK);
	assert_string_equal(s, "text");
	assert_int_equal(json_want_string(o, "n", &s, "here", &err), T2_EFORMAT);
	json_decref(o);
}

static void
test_json_refused(void **state)
{
	static const char *const bad[] = {"",		"{",	       "{\"a\":1,\"a\":2}",
					  "[1,]",	"{\"a\":1} x", "\xff",
					  "[\"\xc3\"]", "nul",	       "[NaN]"};
	struct t2_err err;
	json_t *o;
	char *deep = malloc(200001);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		o = (json_t *)1;
		if (json_read_bytes(&o, bad[i], strlen(bad[i]), "file.json", &err) != T2_EFORMAT)
			fail_msg("accepted: %s", bad[i]);
		assert_null(o);
		assert_int_equal(strncmp(err.msg, "file.json", 9), 0);
	}
	memset(deep, '[', 200000);
	assert_int_equal(json_read_bytes(&o, deep, 200000, "deep", &err), T2_EFORMAT);
	free(deep);
	assert_int_equal(json_read_file(&o, "/nowhere/at/all.json", &err), T2_ENOTFOUND);
	assert_non_null(strstr(err.msg, "/nowhere/at/all.json"));
}

struct lines {
	long sum, last;
};

static enum t2_status
add_line(void *arg, json_t *o, long line, struct t2_err *err)
{
	struct lines *l = arg;
	long v = (long)json_integer_value(json_object_get(o, "v"));

	if (v < 0)
		return t2_fail(err, T2_EFORMAT, "line %ld: below zero", line);
	l->sum += v;
	l->last = line;
	return T2_OK;
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
test_json_lines(void **state)
{
	char path[600];
	struct t2_err err;
	struct lines l = {0};

	(void)state;
	snprintf(path, sizeof path, "%s/lines.jsonl", temp_dir());
	write_file(path, "{\"v\":1}\n\n  \r\n{\"v\":2}\r\n{\"v\":4}");
	assert_int_equal(json_read_lines(path, add_line, &l, &err), T2_OK);
	assert_int_equal(l.sum, 7);
	assert_int_equal(l.last, 5);
	write_file(path, "{\"v\":1}\n{\"v\":\n{\"v\":2}\n");
	assert_int_equal(json_read_lines(path, add_line, &l, &err), T2_EFORMAT);
	assert_non_null(strstr(err.msg, path));
	assert_non_null(strstr(err.msg, "2"));
	write_file(path, "{\"v\":1}\n{\"v\":-2}\n{\"v\":64}\n");
	l.sum = 0;
	assert_int_equal(json_read_lines(path, add_line, &l, &err), T2_EFORMAT);
	assert_int_equal(l.sum, 1);
	write_file(path, "");
	assert_int_equal(json_read_lines(path, add_line, &l, &err), T2_OK);
}

/* The values are what xxHash 0.8 gives through Python (xxh3_128_hexdigest). */
static void
test_hash_known(void **state)
{
	char a[HASH_TEXT], b[HASH_TEXT];
	struct hash h;

	(void)state;
	hash_start(&h);
	hash_end(&h, a);
	assert_string_equal(a, "99aa06d3014798d86001c324468d497f");
	hash_bytes(&h, "ab", 2);
	hash_bytes(&h, "c", 1);
	hash_end(&h, a);
	assert_string_equal(a, "06b05ab6733a618578af5f94892f3950");
	hash_start(&h);
	hash_text(&h, "ab");
	hash_text(&h, "c");
	hash_end(&h, a);
	hash_start(&h);
	hash_text(&h, "a");
	hash_text(&h, "bc");
	hash_end(&h, b);
	assert_string_not_equal(a, b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_control_bytes),
		cmocka_unit_test(test_status_cut),
		cmocka_unit_test(test_rng_known),
		cmocka_unit_test(test_rng_moments),
		cmocka_unit_test(test_rng_streams),
		cmocka_unit_test(test_rng_below),
		cmocka_unit_test(test_rng_shuffle),
		cmocka_unit_test(test_pool_once),
		cmocka_unit_test(test_pool_nested),
		cmocka_unit_test(test_pool_callers),
		cmocka_unit_test(test_strbuf),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_json_fields),
		cmocka_unit_test(test_json_refused),
		cmocka_unit_test(test_json_lines),
		cmocka_unit_test(test_hash_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
