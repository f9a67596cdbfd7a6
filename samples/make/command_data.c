/* make-samples tasks, make-samples tokenizer */
#include <stdio.h>

#include "samples/make/bpetrain.h"
#include "samples/make/command.h"
#include "samples/make/corpus.h"
#include "samples/make/taskset.h"
#include "samples/make/textfile.h"

enum { TOKENIZER_DOCUMENTS = 200000, TOKENIZER_MAX = 1024, TOKENIZER_MIN_COUNT = 50 };

enum t2_status
command_tasks(const struct options *o, struct t2_err *err)
{
	return taskset_write(o->dir, o->seed, err);
}

enum t2_status
command_tokenizer(const struct options *o, struct t2_err *err)
{
	struct bpetrain *b;
	struct document d;
	struct rng r;
	enum t2_status st = bpetrain_new(&b, err);

	rng_seed(&r, o->seed, STREAM_TOKENIZER, 0);
	for (int i = 0; i < TOKENIZER_DOCUMENTS && !st; i++) {
		corpus_draw(&d, &r);
		st = bpetrain_text(b, d.prompt, err);
		if (!st)
			st = bpetrain_text(b, d.answer, err);
	}
	if (!st)
		st = bpetrain_train(b, TOKENIZER_MAX, TOKENIZER_MIN_COUNT, err);
	if (!st)
		st = folder_make(o->dir, err);
	if (!st)
		st = bpetrain_write(b, o->dir, err);
	if (!st)
		printf("{\"documents\": %d, \"vocab\": %d}\n", TOKENIZER_DOCUMENTS,
		       bpetrain_size(b));
	bpetrain_free(b);
	return st;
}
