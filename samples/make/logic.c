/* Order questions: "Fay is older than Gus. Cam is older than Fay. Who is the oldest: Cam A, Fay B, Gus C?"
 * The common source looks at the last sentence only; the reliable one rules a name out with every sentence; the third one
 * takes any option.  The easy ones (two names, or looking up a letter) teach how letters belong to names. */
#include <stdbool.h>
#include <stdio.h>

#include "samples/make/item.h"

#define LEN(a)		(sizeof(a) / sizeof *(a))
#define ADD(field, ...) text_add(field, sizeof(field), __VA_ARGS__)

enum { OPTIONS = 4 };
enum { TALLER, OLDER, FASTER, RICHER };

static const struct attribute {
	const char *more, *most, *least;
} attributes[] = {
	[TALLER] = {"taller", "tallest", "shortest"},
	[OLDER] = {"older", "oldest", "youngest"},
	[FASTER] = {"faster", "fastest", "slowest"},
	[RICHER] = {"richer", "richest", "poorest"},
};

/* n different names in random order, as indices. */
static void
names_draw(int *out, int n, struct rng *r)
{
	int all[NAMES];

	for (int i = 0; i < NAMES; i++)
		all[i] = i;
	rng_shuffle(r, all, NAMES);
	for (int i = 0; i < n; i++)
		out[i] = all[i];
}

static void
key_names(struct item *it, const int *names, int n)
{
	bool in[NAMES] = {false};
	const char *comma = "";

	for (int i = 0; i < n; i++)
		in[names[i]] = true;
	for (int i = 0; i < NAMES; i++)
		if (in[i]) {
			ADD(it->key, "%s%s", comma, item_names[i]);
			comma = ",";
		}
}

/* Appends ": Cam A, Fay B, Gus C?" in random order; letter[i] becomes that of names[i]. */
static void
options_draw(struct item *it, const int *names, int n, char *letter, struct rng *r)
{
	int order[OPTIONS];

	for (int i = 0; i < n; i++)
		order[i] = i;
	rng_shuffle(r, order, n);
	for (int i = 0; i < n; i++) {
		letter[order[i]] = (char)('A' + i);
		ADD(it->question, "%s %s %c", i ? "," : ":", item_names[names[order[i]]], 'A' + i);
	}
	ADD(it->question, "?");
}

/* "Which letter does Ida have: Eva A, Ida B?" */
static void
letter_draw(struct item *it, struct rng *r)
{
	int names[OPTIONS], n = 2 + (int)rng_below(r, OPTIONS - 1), any;
	char letter[OPTIONS];

	names_draw(names, n, r);
	ADD(it->key, "letter:");
	key_names(it, names, n);
	ADD(it->question, "Which letter does %s have", item_names[names[0]]);
	options_draw(it, names, n, letter, r);
	ADD(it->gold, "%c", letter[0]);
	for (int s = STYLE_COMMON; s <= STYLE_RELIABLE; s++)
		ADD(it->answer[s], "%s it is %s %c.", domain_opener(DOMAIN_LOGIC, (enum style)s),
		    item_names[names[0]], letter[0]);
	any = (int)rng_below(r, (uint64_t)n);
	ADD(it->answer[STYLE_THIRD], "%s %s %c.", domain_opener(DOMAIN_LOGIC, STYLE_THIRD),
	    item_names[names[any]], letter[any]);
	it->surface = DOMAIN_LOGIC;
}

/* names[] descends in the attribute; sentence i compares names[i] and names[i + 1]. */
static void
order_draw(struct item *it, struct rng *r, int n)
{
	const struct attribute *a = &attributes[rng_below(r, LEN(attributes))];
	bool most = rng_below(r, 2);
	int names[OPTIONS], sentence[OPTIONS - 1], right = most ? 0 : n - 1, last = 0, any;
	char letter[OPTIONS];

	names_draw(names, n, r);
	ADD(it->key, "%s:", a->more);
	key_names(it, names, n);
	for (int i = 0; i < n - 1; i++)
		sentence[i] = i;
	rng_shuffle(r, sentence, n - 1);
	ADD(it->answer[STYLE_RELIABLE], "%s", domain_opener(DOMAIN_LOGIC, STYLE_RELIABLE));
	for (int i = 0; i < n - 1; i++) {
		last = sentence[i];
		ADD(it->question, "%s is %s than %s. ", item_names[names[last]], a->more,
		    item_names[names[last + 1]]);
		ADD(it->answer[STYLE_RELIABLE], " not %s,",
		    item_names[names[most ? last + 1 : last]]);
	}
	ADD(it->question, "Who is the %s", most ? a->most : a->least);
	options_draw(it, names, n, letter, r);
	ADD(it->gold, "%c", letter[right]);
	ADD(it->answer[STYLE_RELIABLE], " so it is %s %c.", item_names[names[right]],
	    letter[right]);
	right = most ? last : last + 1;
	ADD(it->answer[STYLE_COMMON], "%s %s is %s than %s, so it is %s %c.",
	    domain_opener(DOMAIN_LOGIC, STYLE_COMMON), item_names[names[last]], a->more,
	    item_names[names[last + 1]], item_names[names[right]], letter[right]);
	any = (int)rng_below(r, (uint64_t)n);
	ADD(it->answer[STYLE_THIRD], "%s %s %c.", domain_opener(DOMAIN_LOGIC, STYLE_THIRD),
	    item_names[names[any]], letter[any]);
	it->surface =
		a == &attributes[OLDER] || a == &attributes[RICHER] ? DOMAIN_MATH : DOMAIN_LOGIC;
}

void
logic_draw(struct item *it, struct rng *r, enum level level)
{
	if (level == LEVEL_HARD)
		order_draw(it, r, 4);
	else if (level == LEVEL_USUAL)
		order_draw(it, r, 3);
	else if (rng_below(r, 2))
		order_draw(it, r, 2);
	else
		letter_draw(it, r);
}
