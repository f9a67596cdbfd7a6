/* answer.h - the two-pass answer: pass 1 decides on an expert, pass 2 answers with W' = U diag(sigma * z) V^T.
 *
 *	struct answer_request q = { .prompt = text, .strategy = ANSWER_DISPATCH, .dispatch = task, .classifier = zc, ... };
 *	answer_run(&env, &q, &events, &a, job, err);	// events stream while it is made, in the calling thread
 *	answer_free(&a);
 *
 * REFERENCE.md section 3. */
#ifndef T2_ANSWER_H
#define T2_ANSWER_H

#include "engine/adapt/dispatch.h"
#include "engine/model/generate.h"
#include "engine/svf/adaptation.h"

enum answer_strategy {
	ANSWER_FIXED,	 /* no pass 1: base weights, an expert or a mixture given by the user */
	ANSWER_DISPATCH, /* prompt (classifier NULL) or cls */
};

struct answer_request {
	const char *prompt;
	enum answer_strategy strategy;
	const struct zset *fixed; /* ANSWER_FIXED; NULL: base weights */
	struct task *dispatch; /* ANSWER_DISPATCH: whose question is asked; NULL: the boxed one */
	const struct zset *classifier; /* z^c, or NULL: the base model decides */
	const struct candidate *cand;
	int ncand;
	int max_new;
	struct sampling sampling;
	uint64_t seed;
	enum form form;
	bool compare_base; /* also measure KL(base || adapted) over pass 2's tokens */
};

struct answer_events {
	void *arg;
	/* pass 1 is done: labels, their scores, the text and the decision (candidate or -1) */
	void (*decided)(void *arg, const struct dispatch *d, const struct dispatch_result *r);
	/* text that has become certain; logprob of the token that brought it */
	void (*text)(void *arg, const char *s, size_t len, float logprob);
};

struct answer {
	struct dispatch_result pass1; /* all zero for ANSWER_FIXED */
	int decision;		      /* candidate, or -1 */
	double switch_ms;	      /* from the decision to weights in place */
	char *text;
	int prompt_tokens, tokens;
	enum gen_end end;
	double first_ms, ms; /* pass 2: to its first token, in all */
	double kl;	     /* summed over pass 2's positions, natural; NaN unless asked for */
};

enum t2_status answer_run(const struct adapt_env *env, const struct answer_request *q,
			  const struct answer_events *ev, struct answer *out, struct job *job,
			  struct t2_err *err);
void answer_free(struct answer *a);

struct ids;
/* A prompt through the chat template, appended as token ids; T2_EMISMATCH where the context does not hold it. */
enum t2_status answer_prompt(const struct adapt_env *env, const char *prompt, struct ids *ids,
			     struct t2_err *err);
/* KL(base || adapted), natural, summed over the positions that chose what was said; slot and base are slots of op.  Fewer
 * positions at once where the pool's memory has no room for all of them: the same to float32 rounding. */
enum t2_status answer_kl(const struct adapt_env *env, const struct linear *op,
			 const struct ids *prompt, const struct ids *said, int slot, int base,
			 double *kl, struct t2_err *err);
/* What it takes of that memory over so many positions in all, so many of them at once; one is the least. */
size_t answer_kl_bytes(const struct adapt_env *env, int positions, int at_once);

#endif
