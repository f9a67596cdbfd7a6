#include "engine/model/sampler.h"

#include <math.h>
#include <stdbool.h>

#include "engine/linalg/kern.h"
#include "engine/model/vec.h"

struct candidate {
	float logit;
	int id;
};

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

/* All tokens, in the order of their ids. */
static int
pick_any(const float *logits, int vocab, float max, float temp, double u, double *w)
{
	double target = u * vec_exp_sum(logits, max, temp, vocab, w), sum = 0;
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
pick_some(const float *logits, int vocab, const struct sampling *s, float max, double u,
	  struct candidate *heap)
{
	bool nucleus = s->top_p > 0 && s->top_p < 1;
	int k = s->top_k > 0 && s->top_k < vocab ? s->top_k : vocab, kept = 0;
	double total = 0, held = 0, sum = 0;

	if (k == vocab) /* in the room that the heap takes next */
		total = vec_exp_sum(logits, max, s->temp, vocab, (double *)heap);
	for (int i = 0; i < vocab; i++)
		heap[i] = (struct candidate){logits[i], i};
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
sampler_pick(const float *logits, int vocab, const struct sampling *s, struct rng *rng,
	     void *scratch, float *logprob)
{
	int top = vec_argmax(logits, vocab), id = top;

	if (s->temp > 0) {
		bool some = (s->top_k > 0 && s->top_k < vocab) || (s->top_p > 0 && s->top_p < 1);
		double u = rng_uniform(rng);

		id = some ? pick_some(logits, vocab, s, logits[top], u, scratch)
			  : pick_any(logits, vocab, logits[top], s->temp, u, scratch);
	}
	if (logprob)
		*logprob = (float)(logits[id] - kern_logsumexp(logits, vocab));
	return id;
}
