/* strategy.h - none, prompt, cls, few-shot, expert:NAME, mix:NAME: what the words of --strategy stand for on a model.
 *
 *	strategy_open(&s, ws, "cls", NULL, NULL, false, err);	// NULL: cls where there is a z^c, else prompt
 *	request.strategy = s.kind; request.fixed = s.fixed; request.cand = s.cand; ...
 *	strategy_close(&s);
 */
#ifndef T2_STRATEGY_H
#define T2_STRATEGY_H

#include <jansson.h>

#include "engine/adapt/answer.h"
#include "tui/workspace.h"

struct strategy {
	char name[300]; /* as the user would write it */
	char note[256];
	enum answer_strategy kind;
	struct zset *fixed;	 /* NULL: base weights */
	struct task *dispatch;	 /* NULL: the boxed question */
	struct zset *classifier; /* NULL: the base model decides */
	struct candidate *cand;
	int ncand;
	json_t *mixture; /* of a fixed one: {"math": 0.6}; {} for none */
};

/* experts: "A,B" candidates (NULL: all of the model's that do not dispatch).  task: whose latest searched mixture few-shot
 * uses. */
enum t2_status strategy_open(struct strategy *s, struct workspace *ws, const char *spec,
			     const char *experts, const char *task, bool transfer,
			     struct t2_err *err);
void strategy_close(struct strategy *s);
/* A new reference: what the answer was made with, given its decision. */
json_t *strategy_mixture(const struct strategy *s, int decision);
/* Digest of all that decides what it answers: scale vectors, candidates, z^c, pass 1's question. */
enum t2_status strategy_hash(const struct strategy *s, char out[HASH_TEXT], struct t2_err *err);
/* Is it one of the words above?  Asked before a model is opened; whether what it names exists, strategy_open() says. */
bool strategy_known(const char *spec);
#define STRATEGY_WORDS "none, prompt, cls, few-shot, expert:NAME or mix:NAME"
bool strategy_needs_factors(const char *spec);

#endif
