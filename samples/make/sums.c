/* make-samples sums: two-digit addition as a task for an instruct model of the user's own (it is not of the sample's
 * world).  Every pair of 10 .. 99 once, shuffled by the seed: 2000 to train on, 200 others to test, 200 more to validate. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/rng.h"
#include "samples/make/command.h"
#include "samples/make/textfile.h"

enum { LOW = 10, HIGH = 99, SPAN = HIGH - LOW + 1, PAIRS = SPAN * SPAN, TRAIN = 2000, TEST = 200 };

static enum t2_status
write_split(const char *dir, const char *name, const int *pair, int n, struct t2_err *err)
{
	struct strbuf b = {0};
	enum t2_status st;

	for (int i = 0; i < n; i++) {
		int x = LOW + pair[i] / SPAN, y = LOW + pair[i] % SPAN;

		strbuf_printf(&b,
			      "{\"question\":\"What is %d + %d?\",\"start\":\"%d + %d "
			      "=\",\"answer\":\"%d\"}\n",
			      x, y, x, y, x + y);
	}
	st = textfile_write(dir, name, &b, err);
	strbuf_free(&b);
	return st;
}

enum t2_status
command_sums(const struct options *o, struct t2_err *err)
{
	char dir[1024];
	int *pair = malloc(PAIRS * sizeof *pair);
	struct rng r;
	enum t2_status st;

	if (!pair)
		return t2_nomem(err, "sums");
	for (int i = 0; i < PAIRS; i++)
		pair[i] = i;
	rng_seed(&r, o->seed, 0x5c35, 0);
	rng_shuffle(&r, pair, PAIRS);
	snprintf(dir, sizeof dir, "%s/sums", o->dir);
	if (!(st = folder_make(dir, err)) &&
	    !(st = write_split(dir, "train.jsonl", pair, TRAIN, err)) &&
	    !(st = write_split(dir, "test.jsonl", pair + TRAIN, TEST, err)) &&
	    !(st = write_split(dir, "validation.jsonl", pair + TRAIN + TEST, TEST, err)))
		st = textfile_write_json(
			dir, "task.json",
			json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:{s:s,s:s,s:s}}", "name",
				  "sums", "description", "two-digit addition", "prompt",
				  "{question}", "prefill", "{start}", "scorer", "exact", "extract",
				  "^\\s*(\\d+)", "count", "[\\s\\d]*", "max_tokens", 5, "splits",
				  "train", "train.jsonl", "validation", "validation.jsonl", "test",
				  "test.jsonl"),
			err);
	free(pair);
	return st;
}
