/* dispatch.h - pass 1: which expert should answer this?
 *
 *	dispatch_new(&d, &env, task, candidates, n, err);	// task: a dispatch task, or NULL for the paper's boxed question
 *	dispatch_ask(d, op, question, 0, seed, &p, job, err);	// p.decision: index of a candidate, or -1: base weights
 *	dispatch_result_free(&p); dispatch_free(d);
 *
 * The model (the base for strategy prompt, adapted by z^c for cls) is asked in words and answers in words; what it says decides.
 * scores are the labels' normalised likelihoods after the same prompt: evidence to look at, not the decision. */
#ifndef T2_DISPATCH_H
#define T2_DISPATCH_H

#include <stdint.h>

#include "engine/base/job.h"
#include "engine/base/pool.h"
#include "engine/model/linear.h"
#include "engine/svf/zset.h"
#include "engine/task/task.h"

struct model;

/* What an answer is made with; all borrowed. */
struct adapt_env {
	const struct model *model;
	const struct factors *factors;
	struct pool *pool;
	const struct tokenizer *tok;
	const struct chat *chat;
};

struct candidate {
	const char *expert;   /* its name */
	const char *category; /* what its questions are called when no dispatch task says so */
	const struct zset *z;
};

struct dispatch;

enum t2_status dispatch_new(struct dispatch **out, const struct adapt_env *env, struct task *task,
			    const struct candidate *cand, int n, struct t2_err *err);
void dispatch_free(struct dispatch *d);
int dispatch_labels(const struct dispatch *d);
const char *dispatch_label(const struct dispatch *d, int i);

struct dispatch_result {
	char *text;	/* what the model said */
	char *label;	/* the category read from it; "other" when none */
	int decision;	/* candidate, or -1 */
	double *scores; /* [labels], sum 1 */
	int labels, tokens;
	double ms;
};

/* What asking takes of the pool's memory: the model's words and the labels' likelihoods.  T2_EMISMATCH as in dispatch_ask(). */
enum t2_status dispatch_bytes(const struct dispatch *d, const char *question, size_t *bytes,
			      struct t2_err *err);
/* slot: of op.  A label that no candidate answers for decides for the base model. */
enum t2_status dispatch_ask(struct dispatch *d, const struct linear *op, const char *question,
			    int slot, uint64_t seed, struct dispatch_result *out, struct job *job,
			    struct t2_err *err);
void dispatch_result_free(struct dispatch_result *r);

/* Many questions at once, as many as the pool's memory has room for, without scores: decision[i], and tokens spent.  job
 * steps once a question. */
enum t2_status dispatch_many(struct dispatch *d, const struct linear *op,
			     const char *const *questions, int n, int slot, int *decision,
			     long *tokens, struct job *job, struct t2_err *err);
/* The least of that memory that will do. */
enum t2_status dispatch_many_least(const struct dispatch *d, const char *const *questions, int n,
				   size_t *bytes, struct t2_err *err);

#endif
