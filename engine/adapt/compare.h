/* compare.h - one prompt under several scale vectors at once: the same question answered side by side.
 *
 *	struct compare_request q = {.prompt = text, .z = list, .n = 3, .max_new = 128};
 *	struct compare_answer a[3];
 *	compare_run(&env, &q, &events, a, job, err);	// one batch; tokens stream in the calling thread
 *	compare_free(a, 3);
 *
 * Every answer is a row of one batch under its own z, so what a setting says does not depend on its neighbours beyond
 * float32 rounding.  The prompt goes through the chat template as in answer.h. */
#ifndef T2_COMPARE_H
#define T2_COMPARE_H

#include "engine/adapt/answer.h"
#include "engine/model/tokenizer.h"

struct compare_request {
	const char *prompt;
	const struct zset *const *z; /* [n]; NULL: the base weights */
	int n, max_new;
	struct sampling sampling;
	uint64_t seed;
	enum form form;
	bool kl; /* also measure KL to the base weights once the answers are there */
};

struct compare_answer {
	struct ids ids; /* without the end token */
	char *text;
	enum gen_end end;    /* GEN_STOP: stopped by an event */
	double tokens_per_s; /* after its first token; 0: not measurable */
	double kl;	     /* KL(base || this), natural, a token; NaN: not measured */
};

/* All optional, in the calling thread. */
struct compare_events {
	void *arg;
	/* Answer i got a token: s[len] is text that has become certain with it (may be empty).  What is left of a character
	 * at an answer's end comes with id -1. */
	void (*token)(void *arg, int i, int id, const char *s, size_t len, float logprob);
	void (*ended)(void *arg, int i, const struct compare_answer *a); /* all but kl is known */
	void (*measured)(void *arg, int i, const struct compare_answer *a); /* kl too */
	bool (*stop)(void *arg); /* true: answers end where they are, nothing more is measured */
};

/* On failure out[] is all zero. */
enum t2_status compare_run(const struct adapt_env *env, const struct compare_request *q,
			   const struct compare_events *ev, struct compare_answer *out,
			   struct job *job, struct t2_err *err);
void compare_free(struct compare_answer *a, int n);

#endif
