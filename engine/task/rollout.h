/* rollout.h - answers of a model to a task's items: generated side by side, cut at stop strings, scored.
 *
 *	roller_new(&r, model, pool, tokenizer, chat, task, 0, err);
 *	struct rollout_request q = { .item = 3, .slot = 0, .sampling = {.temp = 1}, .stream = 17 };
 *	roller_run(r, op, "train", &q, 1, 0, seed, &list, job, err);
 *	... list.v[0].correct, .ids, .logprob ...
 *	rollouts_free(&list); roller_free(r);
 *
 * One object serves one thread at a time.  Requests of one item and slot in a row share the prompt's computation. */
#ifndef T2_ROLLOUT_H
#define T2_ROLLOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/arena.h"
#include "engine/base/job.h"
#include "engine/base/pool.h"
#include "engine/model/generate.h"
#include "engine/task/task.h"

struct rollout_request {
	int item, slot;
	struct sampling sampling;
	uint64_t stream;
};

struct rollout {
	int item;
	const int *prompt; /* [nprompt] */
	int nprompt;
	const int *ids; /* [n] what was generated, an end token included */
	int n;
	int counted;	  /* of ids: how many count in the log-probability (task.h: task_counted) */
	double logprob;	  /* of the counted ones, summed, natural, at temperature 1 */
	const char *text; /* without the end token, cut before a stop string */
	size_t len;
	bool correct;
	const char *extracted; /* NULL: nothing */
	enum gen_end end;
};

struct rollouts {
	struct rollout *v; /* [n], in the requests' order */
	int n;
	long tokens; /* generated */
	struct arena arena;
};

/* One answer is there and scored; from the calling thread, in the order in which they end. */
typedef void roller_scored_fn(void *arg, int request, const struct rollout *r);

struct roller;

/* width: sequences in flight (0: 32). */
enum t2_status roller_new(struct roller **out, const struct model *m, struct pool *pool,
			  const struct tokenizer *tok, const struct chat *chat, struct task *task,
			  int width, struct t2_err *err);
void roller_free(struct roller *r);
void roller_watch(struct roller *r, roller_scored_fn *fn, void *arg); /* NULL: nobody */
/* Do the prompts of the split's first count items (0: all) leave room for an answer?  T2_EMISMATCH names the first that does
 * not: asked before a long run, not found out in its middle. */
enum t2_status roller_check(struct roller *r, const char *split, int count, struct t2_err *err);
/* The same of these items. */
enum t2_status roller_check_items(struct roller *r, const char *split, const int *item, int count,
				  struct t2_err *err);
int
roller_longest(const struct roller *r); /* tokens of the longest prompt that these two have seen */
/* max_new 0: the task's.  A prompt that leaves no room in the model's context is T2_EMISMATCH and says so. */
enum t2_status roller_run(struct roller *r, const struct linear *op, const char *split,
			  const struct rollout_request *req, int count, int max_new, uint64_t seed,
			  struct rollouts *out, struct job *job, struct t2_err *err);
void rollouts_free(struct rollouts *l);

#endif
