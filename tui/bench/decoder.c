#include "tui/bench/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/job.h"
#include "engine/model/sampler.h"

enum { WARM = 4 };

enum t2_status
decoder_open(struct decoder *d, const struct model *m, struct pool *pool, int count, int prompt,
	     int capacity, struct t2_err *err)
{
	enum t2_status st;

	*d = (struct decoder){.model = m, .count = count, .prompt = prompt, .capacity = capacity};
	d->logits = malloc((size_t)count * (size_t)model_config(m)->vocab * sizeof *d->logits);
	if (!d->logits)
		return t2_nomem(err, "bench: logits");
	st = forward_new(&d->forward, m, pool, err);
	for (int i = 0; i < count && !st; i++)
		st = kv_new(&d->kv[i], m, capacity, err);
	return st;
}

void
decoder_close(struct decoder *d)
{
	for (int i = 0; i < d->count; i++)
		kv_free(d->kv[i]);
	forward_free(d->forward);
	free(d->logits);
	memset(d, 0, sizeof *d);
}

static enum t2_status
pass(struct decoder *d, const struct linear *op, const int *ids, int n, struct t2_err *err)
{
	static const struct sampling greedy = {0};
	struct segment seg[DECODER_MOST];
	int vocab = model_config(d->model)->vocab;
	enum t2_status st;

	for (int i = 0; i < d->count; i++)
		seg[i] = (struct segment){.kv = d->kv[i],
					  .ids = ids ? ids : &d->next[i],
					  .n = n,
					  .slot = d->group ? (d->first + i) / d->group : i,
					  .want = WANT_LAST};
	st = forward_run(d->forward, op, seg, d->count, d->logits, err);
	for (int i = 0; i < d->count && !st; i++)
		d->next[i] = sampler_pick(d->logits + (size_t)i * (size_t)vocab, vocab, &greedy,
					  NULL, NULL, NULL);
	return st;
}

enum t2_status
decoder_prompt(struct decoder *d, const struct linear *op, struct t2_err *err)
{
	int *ids = malloc((size_t)d->prompt * sizeof *ids), vocab = model_config(d->model)->vocab;
	enum t2_status st;

	if (!ids)
		return t2_nomem(err, "bench: a prompt");
	for (int i = 0; i < d->prompt; i++)
		ids[i] = (int)((i * 7919L + 13) % vocab);
	for (int i = 0; i < d->count; i++)
		kv_truncate(d->kv[i], 0);
	st = pass(d, op, ids, d->prompt, err);
	free(ids);
	return st;
}

enum t2_status
decoder_steps(struct decoder *d, const struct linear *op, int steps, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	for (int i = 0; i < steps && !st; i++)
		st = pass(d, op, NULL, 1, err);
	return st;
}

void
decoder_rewind(struct decoder *d)
{
	for (int i = 0; i < d->count; i++)
		kv_truncate(d->kv[i], d->prompt);
}

enum t2_status
decoder_calibrate(struct decoder *d, const struct linear *op, double seconds, int *steps,
		  struct t2_err *err)
{
	int room = d->capacity - d->prompt, warm = room < WARM ? room : WARM;
	enum t2_status st = decoder_steps(d, op, warm, err); /* first use: pages, buffers */
	double start, each;

	decoder_rewind(d);
	start = clock_seconds();
	if (!st)
		st = decoder_steps(d, op, warm, err);
	each = (clock_seconds() - start) / warm;
	decoder_rewind(d);
	*steps = each * room < seconds	 ? room
		 : seconds / each < WARM ? warm
					 : (int)(seconds / each);
	return st;
}
