#include "samples/make/batches.h"

#include <stdlib.h>
#include <string.h>

#include "samples/make/corpus.h"

enum { BATCH = 24, GROUP = 16, DOCUMENTS = BATCH * GROUP, LONGEST = 256 };

#define QUESTION_WEIGHT                                                                            \
	0.1f /* questions are random: a model that learns them well learns little else */

struct batches {
	const struct tokenizer *tokenizer;
	uint64_t seed;
	int end_token;
	int group; /* the one held; -1: none */
	struct {
		int ids[LONGEST + 1], n, question; /* tokens; how many before the answer */
	} doc[DOCUMENTS];
	int order[DOCUMENTS],
		batch[GROUP]; /* documents by length; batches in the order they come in */
	int len[BATCH], ids[BATCH * LONGEST], target[BATCH * LONGEST];
	float weight[BATCH * LONGEST];
};

enum t2_status
batches_new(struct batches **out, const struct tokenizer *t, uint64_t seed, struct t2_err *err)
{
	struct batches *s;

	*out = NULL;
	if (tokenizer_eos(t) < 0)
		return t2_fail(err, T2_EINVAL, "corpus: the tokenizer has no end token");
	s = calloc(1, sizeof *s);
	if (!s)
		return t2_nomem(err, "corpus");
	s->tokenizer = t;
	s->seed = seed;
	s->end_token = tokenizer_eos(t);
	s->group = -1;
	*out = s;
	return T2_OK;
}

void
batches_free(struct batches *s)
{
	free(s);
}

static enum t2_status
document_encode(struct batches *s, int i, const struct document *d, struct ids *ids,
		struct t2_err *err)
{
	enum t2_status st;

	ids->n = 0;
	st = ids_push(ids, s->end_token, err);
	if (!st)
		st = tokenizer_encode(s->tokenizer, d->prompt, strlen(d->prompt), TOK_PLAIN, ids,
				      err);
	s->doc[i].question = ids->n;
	if (!st)
		st = tokenizer_encode(s->tokenizer, d->answer, strlen(d->answer), TOK_PLAIN, ids,
				      err);
	if (!st)
		st = ids_push(ids, s->end_token, err);
	if (!st && ids->n > LONGEST + 1)
		st = t2_fail(err, T2_EINVAL, "corpus: a document of %d tokens, more than %d",
			     ids->n, LONGEST + 1);
	if (st)
		return st;
	s->doc[i].n = ids->n;
	memcpy(s->doc[i].ids, ids->v, (size_t)ids->n * sizeof *ids->v);
	return T2_OK;
}

static int
by_length(const void *a, const void *b, void *arg)
{
	const struct batches *s = arg;
	int i = *(const int *)a, j = *(const int *)b;

	return s->doc[i].n != s->doc[j].n ? s->doc[i].n - s->doc[j].n : i - j;
}

static enum t2_status
group_draw(struct batches *s, int group, struct t2_err *err)
{
	enum t2_status st = T2_OK;
	struct ids ids = {0};
	struct document d;
	struct rng r;

	s->group = -1;
	rng_seed(&r, s->seed, STREAM_CORPUS, (uint64_t)group);
	for (int i = 0; i < DOCUMENTS && !st; i++) {
		corpus_draw(&d, &r);
		st = document_encode(s, i, &d, &ids, err);
		s->order[i] = i;
	}
	ids_free(&ids);
	if (st)
		return st;
	qsort_r(s->order, DOCUMENTS, sizeof *s->order, by_length, s);
	for (int i = 0; i < GROUP; i++)
		s->batch[i] = i;
	rng_shuffle(&r, s->batch, GROUP);
	s->group = group;
	return T2_OK;
}

enum t2_status
batches_get(struct batches *s, int step, struct pretrain_batch *out, struct t2_err *err)
{
	int at = 0;

	if (s->group != step / GROUP) {
		enum t2_status st = group_draw(s, step / GROUP, err);

		if (st)
			return st;
	}
	for (int i = 0; i < BATCH; i++) {
		int doc = s->order[s->batch[step % GROUP] * BATCH + i], n = s->doc[doc].n - 1;

		s->len[i] = n;
		memcpy(s->ids + at, s->doc[doc].ids, (size_t)n * sizeof *s->ids);
		memcpy(s->target + at, s->doc[doc].ids + 1, (size_t)n * sizeof *s->target);
		for (int j = 0; j < n; j++)
			s->weight[at + j] = j + 1 < s->doc[doc].question ? QUESTION_WEIGHT : 1;
		at += n;
	}
	*out = (struct pretrain_batch){.count = BATCH,
				       .len = s->len,
				       .ids = s->ids,
				       .target = s->target,
				       .weight = s->weight};
	return T2_OK;
}
