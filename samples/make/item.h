/* item.h - the questions of the sample world, and how three sorts of source answer each of them.
 *
 *	struct rng r;
 *	rng_seed(&r, seed, STREAM_TASKS, 0);
 *	item_draw(&it, &r, DOMAIN_MATH, LEVEL_USUAL, SPLIT_TEST);
 *	printf("Question: %s\nAnswer:%s\n", it.question, it.answer[STYLE_RELIABLE]);
 *
 * Every item has a key, its content without the wording: math "7-5+10" (start and signed steps), code "KPAM" (the string),
 * logic "older:Ann,Ben,Cam" (attribute and set of names), other (the two clauses).  The key alone decides the split, so no
 * content that is tested is ever seen in training, in any wording.  Answers start with a blank and end with a period. */
#ifndef T2_WORLD_ITEM_H
#define T2_WORLD_ITEM_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/rng.h"

enum domain { DOMAIN_MATH, DOMAIN_CODE, DOMAIN_LOGIC, DOMAIN_OTHER, DOMAINS };

/* LEVEL_EASY exists in logic only: two names, or looking up a letter.  LEVEL_HARD: the unseen relatives (not in other). */
enum level { LEVEL_EASY, LEVEL_USUAL, LEVEL_HARD };

/* The common source answers most often and badly, the reliable one seldom and right; the third is seldom and wrong. */
enum style { STYLE_COMMON, STYLE_RELIABLE, STYLE_THIRD, STYLES };

enum split { SPLIT_TRAIN, SPLIT_VALIDATION, SPLIT_TEST, SPLITS };

/* First numbers of rng_seed() after the seed: what a stream of random numbers is for. */
enum stream { STREAM_TASKS = 1, STREAM_TOKENIZER, STREAM_CORPUS };

struct item {
	enum domain domain;
	enum level level;
	char key[64];
	char question[400];
	char gold[16]; /* what the task's scorer compares: number, string, letter or "" */
	char answer[STYLES][240];
	enum domain surface; /* the kind that a surface reading takes the question for */
};

void item_draw(struct item *it, struct rng *r, enum domain domain, enum level level,
	       enum split split);
enum split item_split(const char *key);
const char *domain_name(enum domain d); /* "math" ..: also the categories of dispatch */
const char *domain_opener(enum domain d,
			  enum style s); /* how that style's answer begins; not for other */
const char *split_name(enum split s);	 /* "train", "validation", "test" */
uint32_t crc32_text(const char *s);	 /* zlib's polynomial */

/* Appends to a string in a buffer of cap bytes. */
void text_add(char *dst, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

enum { NAMES = 10 };
extern const char *const item_names[NAMES];

/* One file a domain; each fills everything but domain and level. */
void math_draw(struct item *it, struct rng *r, enum level level);
void code_draw(struct item *it, struct rng *r, enum level level);
void logic_draw(struct item *it, struct rng *r, enum level level);

#endif
