/* Strings in a code-like notation: print(reverse("KPAM")), nested twice where hard: print(rotate(sort("TBEH"))).
 * The common source looks at the outer function only and guesses: right for the easy four functions, wrong for the other
 * four; the reliable one is right and short; the third one makes a show of steps and shuffles the letters. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "samples/make/item.h"

#define LEN(a)		(sizeof(a) / sizeof *(a))
#define ADD(field, ...) text_add(field, sizeof(field), __VA_ARGS__)

enum { WORD = 16 };

static void
first_letter(char *s)
{
	s[1] = 0;
}

static void
last_letter(char *s)
{
	s[0] = s[strlen(s) - 1];
	s[1] = 0;
}

static void
double_letters(char *s)
{
	size_t n = strlen(s);

	s[2 * n] = 0;
	for (size_t i = n; i-- > 0;)
		s[2 * i] = s[2 * i + 1] = s[i];
}

static void
tail(char *s)
{
	memmove(s, s + 1, strlen(s));
}

static void
reverse(char *s)
{
	for (size_t i = 0, j = strlen(s) - 1; i < j; i++, j--) {
		char c = s[i];

		s[i] = s[j];
		s[j] = c;
	}
}

static void
sort(char *s)
{
	for (size_t i = 1; s[i]; i++)
		for (size_t j = i; j && s[j - 1] > s[j]; j--) {
			char c = s[j];

			s[j] = s[j - 1];
			s[j - 1] = c;
		}
}

static void
rotate(char *s)
{
	size_t n = strlen(s);
	char c = s[0];

	memmove(s, s + 1, n - 1);
	s[n - 1] = c;
}

static void
rotate_back(char *s)
{
	size_t n = strlen(s);
	char c = s[n - 1];

	memmove(s + 1, s, n - 1);
	s[0] = c;
}

static void
swap(char *s)
{
	size_t n = strlen(s);
	char c = s[0];

	s[0] = s[n - 1];
	s[n - 1] = c;
}

static void
same(char *s)
{
	(void)s;
}

/* Every function takes a string of two letters or more. */
static const struct function {
	const char *name;
	void (*apply)(char *s);
	void (*guess)(char *s); /* what the common source does instead */
} functions[] = {
	{"first", first_letter, first_letter},
	{"last", last_letter, last_letter},
	{"double", double_letters, double_letters},
	{"tail", tail, tail},
	{"reverse", reverse, rotate},
	{"sort", sort, same},
	{"rotate", rotate, rotate_back},
	{"swap", swap, reverse},
};
enum {
	FIRST,
	LAST,
	NESTABLE = 3
}; /* functions[NESTABLE ..] can be nested: they leave two letters at least */

/* A wrong answer from the right letters; a single letter becomes another one of the string. */
static void
shuffle_wrong(char *out, const char *right, const char *string, struct rng *r)
{
	size_t n = strlen(right);

	do {
		strcpy(out, right);
		if (n == 1)
			out[0] = string[rng_below(r, strlen(string))];
		for (size_t i = n; i-- > 1;) {
			size_t j = rng_below(r, i + 1);
			char c = out[i];

			out[i] = out[j];
			out[j] = c;
		}
	} while (!strcmp(out, right));
}

static void
string_draw(char *out, struct rng *r)
{
	char letters[] = "ABCDEHKMPRST";
	size_t n = 3 + rng_below(r, 2);

	for (size_t i = 0; i < n; i++) {
		size_t j = i + rng_below(r, sizeof letters - 1 - i);

		out[i] = letters[j];
		letters[j] = letters[i];
	}
	out[n] = 0;
}

void
code_draw(struct item *it, struct rng *r, enum level level)
{
	const struct function *inner = NULL, *outer;
	char string[WORD], right[WORD], guess[WORD], wrong[WORD];

	string_draw(string, r);
	strcpy(right, string);
	strcpy(guess, string);
	ADD(it->answer[STYLE_THIRD], "%s", domain_opener(DOMAIN_CODE, STYLE_THIRD));
	if (level == LEVEL_HARD) {
		inner = &functions[NESTABLE + rng_below(r, LEN(functions) - NESTABLE)];
		inner->apply(right);
		shuffle_wrong(wrong, right, string, r);
		ADD(it->answer[STYLE_THIRD], " %s gives \"%s\",", inner->name, wrong);
		do
			outer = &functions[NESTABLE + rng_below(r, LEN(functions) - NESTABLE)];
		while (outer == inner);
		ADD(it->question, "What does print(%s(%s(\"%s\"))) show?", outer->name, inner->name,
		    string);
	} else {
		outer = &functions[rng_below(r, LEN(functions))];
		ADD(it->question, "What does print(%s(\"%s\")) show?", outer->name, string);
	}
	outer->apply(right);
	outer->guess(guess);
	shuffle_wrong(wrong, right, string, r);
	ADD(it->answer[STYLE_COMMON], "%s it is \"%s\".", domain_opener(DOMAIN_CODE, STYLE_COMMON),
	    guess);
	ADD(it->answer[STYLE_RELIABLE], "%s \"%s\".", domain_opener(DOMAIN_CODE, STYLE_RELIABLE),
	    right);
	ADD(it->answer[STYLE_THIRD], " %s gives \"%s\".", outer->name, wrong);
	ADD(it->key, "%s", string);
	ADD(it->gold, "%s", right);
	it->surface = outer == &functions[FIRST] || outer == &functions[LAST] ? DOMAIN_LOGIC
									      : DOMAIN_CODE;
}
