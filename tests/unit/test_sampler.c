/* Drawing tokens: exact cases, and frequencies against the exact distribution. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/linalg/kern.h"
#include "engine/model/sampler.h"

enum { VOCAB = 40, DRAWS = 40000 };

static float logits[VOCAB];
static void *scratch; /* VOCAB doubles */

static void
fill(void)
{
	struct rng r;

	rng_seed(&r, 7, 0, 0);
	for (int i = 0; i < VOCAB; i++)
		logits[i] = (float)(2 * rng_normal(&r));
}

static int
by_logit(const void *a, const void *b)
{
	float x = logits[*(const int *)a], y = logits[*(const int *)b];

	return x < y ? 1 : x > y ? -1 : 0;
}

/* What the settings mean, worked out without the sampler: sort, cut, renormalise. */
static void
exact(const struct sampling *s, double p[VOCAB])
{
	int order[VOCAB], k = s->top_k > 0 && s->top_k < VOCAB ? s->top_k : VOCAB;
	double total = 0, sum = 0;

	for (int i = 0; i < VOCAB; i++) {
		order[i] = i;
		p[i] = 0;
	}
	qsort(order, VOCAB, sizeof *order, by_logit);
	for (int i = 0; i < k; i++)
		total += p[order[i]] = exp(logits[order[i]] / (double)s->temp);
	for (int i = 0; i < k; i++) {
		if (s->top_p > 0 && s->top_p < 1 && sum >= s->top_p * total)
			p[order[i]] = 0;
		else
			sum += p[order[i]];
	}
	for (int i = 0; i < VOCAB; i++)
		p[i] /= sum;
}

static void
frequencies(struct sampling s)
{
	double p[VOCAB], chi = 0;
	long seen[VOCAB] = {0};
	struct rng r;
	int cells = 0, pick;

	exact(&s, p);
	rng_seed(&r, 1, 2, 3);
	for (int i = 0; i < DRAWS; i++) {
		pick = sampler_pick(logits, VOCAB, &s, &r, scratch, NULL);
		assert_in_range(pick, 0, VOCAB - 1);
		seen[pick]++;
	}
	for (int i = 0; i < VOCAB; i++) {
		if (p[i] == 0)
			assert_int_equal(seen[i], 0);
		else if (p[i] * DRAWS >= 5) {
			chi += (seen[i] - p[i] * DRAWS) * (seen[i] - p[i] * DRAWS) / (p[i] * DRAWS);
			cells++;
		}
	}
	/* chi-square with cells - 1 degrees: mean cells - 1, variance twice that; 5 deviations */
	assert_true(chi < cells - 1 + 5 * sqrt(2.0 * cells));
}

static void
draws_follow_the_distribution(void **state)
{
	(void)state;
	fill();
	frequencies((struct sampling){.temp = 1});
	frequencies((struct sampling){.temp = 0.5f});
	frequencies((struct sampling){.temp = 2, .top_p = 1});
	frequencies((struct sampling){.temp = 1, .top_k = 5});
	frequencies((struct sampling){.temp = 1, .top_k = 1000});
	frequencies((struct sampling){.temp = 1, .top_p = 0.8f});
	frequencies((struct sampling){.temp = 1.5f, .top_p = 0.5f});
	frequencies((struct sampling){.temp = 1.5f, .top_k = 10, .top_p = 0.7f});
	frequencies((struct sampling){.temp = 1, .top_p = 1e-6f});
}

/* Not only on average: every draw is the inverse of the cumulative distribution at the stream's next number. */
static void
draws_invert_the_distribution(void **state)
{
	struct sampling s = {.temp = 0.7f};
	double p[VOCAB];
	struct rng r, twin;

	(void)state;
	fill();
	logits[3] = -600; /* (l - max) / temp below what exp() can give */
	logits[5] = -INFINITY;
	exact(&s, p);
	rng_seed(&r, 4, 0, 0);
	twin = r;
	for (int i = 0; i < DRAWS; i++) {
		double u = rng_uniform(&twin), sum = 0;
		int want = 0, pick = sampler_pick(logits, VOCAB, &s, &r, scratch, NULL);

		while ((sum += p[want]) <= u)
			want++;
		if (pick != want) /* a coin flip at the very edge is all that rounding may change */
			assert_true(fabs(sum - u) < 1e-12 || fabs(sum - p[want] - u) < 1e-12);
		assert_true(pick != 3 && pick != 5);
	}
}

static void
greedy_takes_the_lowest_of_equals(void **state)
{
	struct sampling s = {0};
	struct rng r, before;

	(void)state;
	fill();
	logits[9] = logits[23] = logits[31] = 50;
	rng_seed(&r, 1, 0, 0);
	before = r;
	assert_int_equal(sampler_pick(logits, VOCAB, &s, &r, scratch, NULL), 9);
	assert_memory_equal(&r, &before, sizeof r); /* greedy draws nothing */
	s = (struct sampling){.temp = 1, .top_k = 1};
	for (int i = 0; i < 50; i++)
		assert_int_equal(sampler_pick(logits, VOCAB, &s, &r, scratch, NULL), 9);
}

static void
logprob_is_at_temperature_one(void **state)
{
	struct sampling s[3] = {{0}, {.temp = 0.3f}, {.temp = 2, .top_k = 3, .top_p = 0.9f}};
	struct rng r;
	double sum = 0;

	(void)state;
	fill();
	for (int i = 0; i < VOCAB; i++)
		sum += exp(logits[i]);
	rng_seed(&r, 5, 0, 0);
	for (int i = 0; i < 3; i++) {
		float lp;
		int id = sampler_pick(logits, VOCAB, &s[i], &r, scratch, &lp);

		assert_true(fabs(lp - (logits[id] - log(sum))) < 1e-6);
	}
}

static void
extremes(void **state)
{
	struct sampling hot = {.temp = 1e30f}, cold = {.temp = 1e-30f}, one = {.temp = 1};
	float copy[VOCAB];
	struct rng r;

	(void)state;
	fill();
	logits[17] = 20;
	rng_seed(&r, 9, 0, 0);
	memcpy(copy, logits, sizeof copy);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(sampler_pick(logits, VOCAB, &cold, &r, scratch, NULL), 17);
		assert_in_range(sampler_pick(logits, VOCAB, &hot, &r, scratch, NULL), 0, VOCAB - 1);
	}
	assert_memory_equal(copy, logits, sizeof copy); /* read only */
	for (int i = 0; i < VOCAB; i++)
		logits[i] = i == 4 ? 1 : -INFINITY; /* all but one forbidden */
	for (int i = 0; i < 200; i++)
		assert_int_equal(sampler_pick(logits, VOCAB, &one, &r, scratch, NULL), 4);
	assert_int_equal(sampler_pick(logits, 1, &one, &r, scratch, NULL), 0);
}

static void
same_seed_same_tokens(void **state)
{
	struct sampling s = {.temp = 1, .top_p = 0.9f};
	struct rng a, b;

	(void)state;
	fill();
	rng_seed(&a, 3, 4, 0);
	rng_seed(&b, 3, 4, 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(sampler_pick(logits, VOCAB, &s, &a, scratch, NULL),
				 sampler_pick(logits, VOCAB, &s, &b, scratch, NULL));
}

static void
same_tokens_at_every_kernel_level(void **state)
{
	static int first[DRAWS];
	struct sampling s = {.temp = 0.9f};
	enum kern_level best = kern_level();

	(void)state;
	fill();
	for (int level = KERN_PLAIN; level <= (int)best; level++) {
		struct rng r;

		kern_force((enum kern_level)level);
		rng_seed(&r, 8, 0, 0);
		for (int i = 0; i < DRAWS; i++) {
			int pick = sampler_pick(logits, VOCAB, &s, &r, scratch, NULL);

			if (level == KERN_PLAIN)
				first[i] = pick;
			assert_int_equal(pick, first[i]);
		}
	}
	kern_force(best);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_follow_the_distribution),
		cmocka_unit_test(draws_invert_the_distribution),
		cmocka_unit_test(greedy_takes_the_lowest_of_equals),
		cmocka_unit_test(logprob_is_at_temperature_one),
		cmocka_unit_test(extremes),
		cmocka_unit_test(same_seed_same_tokens),
		cmocka_unit_test(same_tokens_at_every_kernel_level),
	};

	kern_init(NULL);
	scratch = malloc(VOCAB * sizeof(double));
	if (!scratch)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
