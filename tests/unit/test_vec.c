/* Elementwise kernels against libm in double, every length's tail, and the same bits at every level. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "engine/base/rng.h"
#include "engine/linalg/kern.h"
#include "engine/model/vec.h"

enum { N = 203 };

static float a[N], b[N], c[N];

static void
fill(double deviation)
{
	struct rng r;

	rng_seed(&r, 2, 0, 0);
	for (int i = 0; i < N; i++) {
		a[i] = (float)(deviation * rng_normal(&r));
		b[i] = (float)rng_normal(&r);
		c[i] = (float)rng_normal(&r);
	}
}

static void
near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance * (1 + fabs(want))))
		fail_msg("%.9g, expected %.9g", got, want);
}

static void
simple_ones(void **state)
{
	float y[N + 1];

	(void)state;
	fill(1);
	for (int n = 0; n <= N; n += n < 70 ? 1 : 19) {
		memcpy(y, a, sizeof a);
		y[n] = 42;
		vec_add(y, b, n);
		for (int i = 0; i < n; i++)
			assert_true(y[i] == a[i] + b[i]);
		vec_scale(y, a, 0.3f, n);
		for (int i = 0; i < n; i++)
			assert_true(y[i] == 0.3f * a[i]);
		memcpy(y, a, (size_t)n * sizeof *y);
		vec_softmax_back(y, b, 0.7f, n);
		for (int i = 0; i < n; i++)
			near(y[i], b[i] * ((double)a[i] - 0.7f), 1e-6);
		assert_true(y[n] == 42);
	}
}

static void
silu_gradient(void **state)
{
	float dgate[N], dup[N];

	(void)state;
	for (double deviation = 1; deviation < 1e5; deviation *= 10) {
		fill(deviation);
		a[0] = 0;
		a[1] = -INFINITY;
		a[2] = -88.5f;
		a[3] = 1e-30f;
		for (int n = 1; n <= N; n += n < 40 ? 1 : 163) {
			memcpy(dup, c, sizeof dup);
			memset(dgate, 0x7f, sizeof dgate);
			vec_silu_back(dgate, dup, a, b, n);
			for (int i = 0; i < n; i++) {
				double g = a[i], s = 1 / (1 + exp(-g));

				if (i == 1)
					continue; /* -inf * 0: no gate is infinite where the logits are finite */
				near(dgate[i], c[i] * b[i] * (s + g * s * (1 - s)), 1e-6);
				near(dup[i], c[i] * g * s, 1e-6);
			}
			if (n < N) {
				assert_true(dup[n] == c[n]);
				assert_memory_equal(&dgate[n], "\x7f\x7f\x7f\x7f", 4);
			}
		}
	}
}

static void
weighted_sums(void **state)
{
	enum { KEYS = 37, D = 150 };
	static float v[KEYS * D], y[D + 1];
	struct rng r;

	(void)state;
	fill(1);
	rng_seed(&r, 6, 0, 0);
	for (int i = 0; i < KEYS * D; i++)
		v[i] = (float)rng_normal(&r);
	for (int d = 1; d <= D; d += d < 20 ? 1 : 13)
		for (int keys = 1; keys <= KEYS; keys += 9) {
			for (int i = 0; i <= d; i++)
				y[i] = 42;
			vec_weighted_sum(y, a, v, keys, d);
			for (int i = 0; i < d; i++) {
				double want = 42;

				for (int j = 0; j < keys; j++)
					want += (double)a[j] * v[j * d + i];
				near(y[i], want, 1e-5);
			}
			assert_true(y[d] == 42);
		}
}

static void
exponentials(void **state)
{
	static const float temps[] = {1, 0.1f, 3, 1e-30f, 1e30f};
	double w[N];

	(void)state;
	fill(5);
	a[10] = -INFINITY;
	a[11] = -3000;
	for (size_t t = 0; t < sizeof temps / sizeof *temps; t++)
		for (int n = 1; n <= N; n += n < 30 ? 1 : 173) {
			float max = a[0];
			double sum = 0, got;

			for (int i = 1; i < n; i++)
				max = fmaxf(max, a[i]);
			got = vec_exp_sum(a, max, temps[t], n, w);
			for (int i = 0; i < n; i++) {
				double want = exp(((double)a[i] - max) / temps[t]);

				assert_true(fabs(w[i] - want) <= 1e-15 + 2e-15 * want);
				sum += want;
			}
			near(got, sum, 1e-14);
		}
}

/* Against a plain loop, where the largest come several times and where numbers are none. */
static void
first_of_the_largest(void **state)
{
	enum kern_level best = kern_level();
	struct rng r;

	(void)state;
	rng_seed(&r, 3, 0, 0);
	for (int level = KERN_PLAIN; level <= (int)best; level++) {
		kern_force((enum kern_level)level);
		for (int turn = 0; turn < 400; turn++) {
			int n = turn % N, want = 0;
			float top = -INFINITY;

			for (int i = 0; i < n; i++) {
				a[i] = (float)(rng_below(&r, turn % 7 + 1)) - 3;
				if (turn % 5 == 1 && rng_below(&r, 3) == 0)
					a[i] = turn % 2 ? NAN : -INFINITY;
				if (turn % 11 == 3)
					a[i] = turn % 2 ? NAN : -INFINITY;
				if (a[i] > top) {
					top = a[i];
					want = i;
				}
			}
			assert_int_equal(vec_argmax(a, n), want);
		}
	}
	kern_force(best);
}

static void
same_bits_at_every_level(void **state)
{
	enum kern_level best = kern_level();
	struct {
		float y[N], dgate[N], dup[N], ds[N], ws[N];
		double w[N], sum;
	} first, now;

	(void)state;
	fill(4);
	for (int level = KERN_PLAIN; level <= (int)best; level++) {
		kern_force((enum kern_level)level);
		memset(&now, 0, sizeof now);
		vec_scale(now.y, a, 0.37f, N);
		vec_add(now.y, b, N);
		memcpy(now.dup, c, sizeof now.dup);
		vec_silu_back(now.dgate, now.dup, a, b, N);
		memcpy(now.ds, c, sizeof now.ds);
		vec_softmax_back(now.ds, b, 0.1f, N);
		vec_weighted_sum(now.ws, b, a, 5, N / 5); /* to zeros */
		now.sum = vec_exp_sum(a, 20, 0.8f, N, now.w);
		if (level == KERN_PLAIN)
			first = now;
		assert_memory_equal(&first, &now, sizeof now);
	}
	kern_force(best);
}

/* Scores of several queries against double, for widths with and without a tail, the same bits at every level. */
static void
scores_are_dot_products(void **state)
{
	enum { HEADS = 3, KEYS = 5, MOST = 70, LD = 8 };
	static const int widths[] = {1, 15, 16, 64, 70};
	enum kern_level best = kern_level();
	float q[HEADS * MOST], k[KEYS * MOST], p[HEADS * LD], first[HEADS * LD];

	(void)state;
	for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
		int d = widths[w];

		for (int i = 0; i < HEADS * d; i++)
			q[i] = sinf((float)i);
		for (int i = 0; i < KEYS * d; i++)
			k[i] = cosf(1.7f * (float)i);
		for (enum kern_level level = KERN_PLAIN; level <= best; level++) {
			kern_force(level);
			memset(p, 0, sizeof p);
			vec_scores(p, LD, q, HEADS, k, KEYS, d);
			for (int h = 0; h < HEADS; h++)
				for (int j = 0; j < KEYS; j++) {
					double want = 0;

					for (int i = 0; i < d; i++)
						want += (double)q[h * d + i] * k[j * d + i];
					assert_true(fabs(p[h * LD + j] - want) < 1e-5);
				}
			if (level == KERN_PLAIN)
				memcpy(first, p, sizeof first);
			assert_memory_equal(p, first, sizeof first);
		}
	}
	kern_force(best);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scores_are_dot_products),
		cmocka_unit_test(simple_ones),
		cmocka_unit_test(silu_gradient),
		cmocka_unit_test(weighted_sums),
		cmocka_unit_test(exponentials),
		cmocka_unit_test(first_of_the_largest),
		cmocka_unit_test(same_bits_at_every_level),
	};

	kern_init(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
