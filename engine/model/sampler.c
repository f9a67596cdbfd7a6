#include "engine/model/sampler.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "engine/linalg/kern.h"

struct candidate {
	float logit;
	int id;
};

static int
best(const float *logits, int vocab)
{
	float max = -INFINITY;
	int top = 0;

	for (int i = 0; i < vocab; i++)
		if (logits[i] > max) {
			max = logits[i];
			top = i;
		}
	return top;
}

/* A candidate comes before another by logit, then by the lower id: one order, whatever the heap did. */
static bool
before(const struct candidate *a, const struct candidate *b)
{
	return a->logit != b->logit ? a->logit > b->logit : a->id < b->id;
}

static void
sift_down(struct candidate *heap, int n, int i)
{
	struct candidate c = heap[i];

	for (int child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &c))
			break;
		heap[i] = heap[child];
	}
	heap[i] = c;
}

/* Takes the best of n candidates out of the heap and puts it behind the rest, at heap[n - 1]. */
static void
take_best(struct candidate *heap, int n)
{
	struct candidate top = heap[0];

	heap[0] = heap[n - 1];
	sift_down(heap, n - 1, 0);
	heap[n - 1] = top;
}

static double
weight(float logit, float max, float temp)
{
	return exp(((double)logit - max) / temp);
}

enum { LANES = 8 };
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));
typedef int64_t lanes_int __attribute__((vector_size(LANES * sizeof(int64_t))));

/* w[i] = exp((logits[i] - max) / temp), logits at most max, to 1e-15; returns the sum.  The same operations on the same
 * lanes whatever the instruction set (no fused multiply-add), so the same bits. A whole vocabulary at every token is too
 * much for calls of exp(). */
static inline __attribute__((always_inline)) double
weights_lanes(const float *logits, int vocab, float max, float temp, double *w)
{
	const double shift = 0x1.8p52; /* adding it rounds to an integer, in the low bits */
	double total = 0;
	lanes sum = { 0 };
	int i = 0;

	for (; i + LANES <= vocab; i += LANES) {
		lanes x, n, p;
		lanes_int bits;

		for (int k = 0; k < LANES; k++)
			x[k] = logits[i + k];
		x = (x - max) / temp;
		bits = x > -708;
		x = (lanes)((lanes_int)x & bits); /* beyond: exp(0), then cleared */
		n = x * 0x1.71547652b82fep0 + shift;
		p = n - shift;
		x = x - p * 0x1.62e42feep-1 - p * 0x1.a39ef35793c76p-33; /* ln 2 in two parts */
		p = x * (1 / 6227020800.0) + 1 / 479001600.0;
		p = p * x + 1 / 39916800.0;
		p = p * x + 1 / 3628800.0;
		p = p * x + 1 / 362880.0;
		p = p * x + 1 / 40320.0;
		p = p * x + 1 / 5040.0;
		p = p * x + 1 / 720.0;
		p = p * x + 1 / 120.0;
		p = p * x + 1 / 24.0;
		p = p * x + 1 / 6.0;
		p = p * x + 0.5;
		p = p * x + 1;
		p = p * x + 1;
		p = p * (lanes)(((lanes_int)n + 1023) << 52); /* the low bits of n are the power of two */
		p = (lanes)((lanes_int)p & bits);
		memcpy(w + i, &p, sizeof p);
		sum += p;
	}
	for (; i < vocab; i++)
		total += w[i] = weight(logits[i], max, temp);
	for (int k = 0; k < LANES; k++)
		total += sum[k];
	return total;
}

#ifdef __x86_64__
__attribute__((target("avx512f"))) static double
weights_avx512(const float *logits, int vocab, float max, float temp, double *w)
{
	return weights_lanes(logits, vocab, max, temp, w);
}

__attribute__((target("avx2"))) static double
weights_avx2(const float *logits, int vocab, float max, float temp, double *w)
{
	return weights_lanes(logits, vocab, max, temp, w);
}
#endif

static double
weights(const float *logits, int vocab, float max, float temp, double *w)
{
#ifdef __x86_64__
	if (kern_level() == KERN_AVX512)
		return weights_avx512(logits, vocab, max, temp, w);
	if (kern_level() == KERN_AVX2)
		return weights_avx2(logits, vocab, max, temp, w);
#endif
	return weights_lanes(logits, vocab, max, temp, w);
}

/* All tokens, in the order of their ids. */
static int
pick_any(const float *logits, int vocab, float max, float temp, double u, double *w)
{
	double target = u * weights(logits, vocab, max, temp, w), sum = 0;
	int last = 0;

	for (int i = 0; i < vocab; i++) {
		sum += w[i];
		if (sum > target)
			return i;
		if (w[i] > 0)
			last = i; /* rounding left the sum short of the total: the last possible token */
	}
	return last;
}

/* The top_k best, of these the fewest that hold top_p of their probability, best first. */
static int
pick_some(const float *logits, int vocab, const struct sampling *s, float max, double u, struct candidate *heap)
{
	bool nucleus = s->top_p > 0 && s->top_p < 1;
	int k = s->top_k > 0 && s->top_k < vocab ? s->top_k : vocab, kept = 0;
	double total = 0, held = 0, sum = 0;

	if (k == vocab) /* in the room that the heap takes next */
		total = weights(logits, vocab, max, s->temp, (double *)heap);
	for (int i = 0; i < vocab; i++)
		heap[i] = (struct candidate){ logits[i], i };
	for (int i = vocab / 2 - 1; i >= 0; i--)
		sift_down(heap, vocab, i);
	while (kept < k && !(nucleus && k == vocab && held >= s->top_p * total)) {
		take_best(heap, vocab - kept);
		held += weight(heap[vocab - 1 - kept].logit, max, s->temp);
		kept++;
	}
	if (nucleus && k < vocab) {
		total = held;
		held = 0;
		for (kept = 0; kept < k && held < s->top_p * total; kept++)
			held += weight(heap[vocab - 1 - kept].logit, max, s->temp);
	}
	for (int i = 0; i < kept; i++) {
		sum += weight(heap[vocab - 1 - i].logit, max, s->temp);
		if (sum > u * held)
			return heap[vocab - 1 - i].id;
	}
	return heap[vocab - kept].id;
}

int
sampler_pick(const float *logits, int vocab, const struct sampling *s, struct rng *rng, void *scratch, float *logprob)
{
	int top = best(logits, vocab), id = top;

	if (s->temp > 0) {
		bool some = (s->top_k > 0 && s->top_k < vocab) || (s->top_p > 0 && s->top_p < 1);
		double u = rng_uniform(rng);

		id = some ? pick_some(logits, vocab, s, logits[top], u, scratch) :
			    pick_any(logits, vocab, logits[top], s->temp, u, scratch);
	}
	if (logprob)
		*logprob = (float)(logits[id] - kern_logsumexp(logits, vocab));
	return id;
}
