/* scorer.c - see scorer.h; and the two kinds that need no rules of their own:
 *
 * exact: the same bytes, but for white space at the ends.  category: the word in the last box (or what extract took),
 * unwrapped from \text{} and marks, in lower case; a word that is no category counts as "other", no word is wrong. */
#include "engine/task/scorer.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/task/scorer_kind.h"

static struct side
trim(struct side s)
{
	uint32_t c;
	size_t n;

	while (s.len) {
		n = utf8_next(s.s, s.len, &c);
		if (!utf8_is_space(c))
			break;
		s.s += n;
		s.len -= n;
	}
	while (s.len) {
		n = 1;
		while (n < 4 && n < s.len && ((unsigned char)s.s[s.len - n] & 0xc0) == 0x80)
			n++;
		utf8_next(s.s + s.len - n, n, &c);
		if (!utf8_is_space(c))
			break;
		s.len -= n;
	}
	return s;
}

static bool
same(struct side a, struct side b)
{
	return a.len == b.len && (!a.len || !memcmp(a.s, b.s, a.len));
}

static enum t2_status
score_exact(const struct scorer *s, struct side answer, struct side gold, bool *correct,
	    struct strbuf *found, bool *taken, struct t2_err *err)
{
	struct side a = trim(answer);

	(void)s;
	*taken = true;
	*correct = same(a, trim(gold));
	strbuf_add(found, a.s, a.len);
	return found->failed ? t2_nomem(err, "scorer") : T2_OK;
}

enum { R_TEXT };

static const struct scorer_rule category_rules[] = {
	[R_TEXT] = {SCORER_TEXT, "$1"},
	{NULL, NULL},
};

static void
lower(struct strbuf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->s[i] >= 'A' && b->s[i] <= 'Z')
			b->s[i] = (char)(b->s[i] - 'A' + 'a');
}

/* The bare word of a box: wrappers replaced by their content, innermost first, marks and blanks off the ends. */
static bool
bare_word(const struct scorer *s, struct side box, struct strbuf *b)
{
	static const char front[] = "*_\"'`$", behind[] = "*_\"'`$.,;:!";
	struct side w;
	size_t n;

	strbuf_clear(b);
	strbuf_add(b, box.s, box.len);
	do {
		n = b->len;
		if (!text_rules(s, R_TEXT, R_TEXT + 1, b))
			return false;
	} while (b->len < n);
	w = trim((struct side){b->s ? b->s : "", b->len});
	for (n = w.len + 1; w.len < n;) {
		n = w.len;
		while (w.len && strchr(front, *w.s) && *w.s)
			w.s++, w.len--;
		while (w.len && strchr(behind, w.s[w.len - 1]) && w.s[w.len - 1])
			w.len--;
		w = trim(w);
	}
	if (w.len)
		memmove(b->s, w.s, w.len);
	b->len = w.len;
	lower(b);
	return true;
}

static bool
same_fold(struct side a, const char *b)
{
	return a.len == strlen(b) && !strncasecmp(a.s, b, a.len);
}

static enum t2_status
score_category(const struct scorer *s, struct side answer, struct side gold, bool *correct,
	       struct strbuf *found, bool *taken, struct t2_err *err)
{
	struct side box = answer;
	const char *decision = "other";
	size_t at;

	if (!s->extract && !text_box(answer, &box, &at))
		return T2_OK;
	if (!bare_word(s, box, found))
		return found->failed ? t2_nomem(err, "scorer") : T2_OK;
	if (!found->len)
		return T2_OK;
	*taken = true;
	for (int i = 0; i < s->categories; i++)
		if (same_fold((struct side){found->s, found->len}, s->category[i]))
			decision = s->category[i];
	*correct = same_fold(gold, decision);
	return T2_OK;
}

static const struct scorer_rule no_rules[] = {{NULL, NULL}};
static const struct scorer_kind scorer_exact = {
	.name = "exact", .rule = no_rules, .score = score_exact};
static const struct scorer_kind scorer_category = {
	.name = "category", .rule = category_rules, .score = score_category};

static const struct scorer_kind *const kinds[] = {&scorer_exact, &scorer_number, &scorer_choice,
						  &scorer_boxed, &scorer_category};

static enum t2_status
find_kind(const struct scorer_kind **out, const char *name, struct t2_err *err)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (!strcmp(kinds[i]->name, name)) {
			*out = kinds[i];
			return T2_OK;
		}
	}
	if (!strcmp(name, "tests"))
		return t2_fail(err, T2_EUNSUP,
			       "scorer \"tests\" is not supported: it runs what a model wrote, and "
			       "needs a sandbox");
	return t2_fail(err, T2_EINVAL,
		       "scorer \"%.60s\" is unknown: exact, number, choice, boxed or category",
		       name);
}

static enum t2_status
compile_rules(struct scorer *s, struct t2_err *err)
{
	size_t n = 0;

	while (s->kind->rule[n].pattern)
		n++;
	s->re = calloc(n + 1, sizeof *s->re);
	if (!s->re)
		return t2_nomem(err, "scorer");
	for (size_t i = 0; i < n; i++) {
		enum t2_status st = regex_new(&s->re[i], s->kind->rule[i].pattern, "scorer", err);

		if (st)
			return st;
	}
	return T2_OK;
}

static enum t2_status
copy_categories(struct scorer *s, const char *const *categories, int n, struct t2_err *err)
{
	s->category = calloc((size_t)n + 1, sizeof *s->category);
	if (!s->category)
		return t2_nomem(err, "scorer");
	for (; s->categories < n; s->categories++) {
		s->category[s->categories] = strdup(categories[s->categories]);
		if (!s->category[s->categories])
			return t2_nomem(err, "scorer");
	}
	return T2_OK;
}

enum t2_status
scorer_new(struct scorer **out, const char *kind, const char *const *categories, int ncategories,
	   const char *extract, struct t2_err *err)
{
	struct scorer *s = calloc(1, sizeof *s);
	enum t2_status st;

	*out = NULL;
	if (!s)
		return t2_nomem(err, "scorer");
	st = find_kind(&s->kind, kind, err);
	if (!st && s->kind == &scorer_category && ncategories < 1)
		st = t2_fail(err, T2_EINVAL, "scorer \"category\" needs categories");
	if (!st)
		st = compile_rules(s, err);
	if (!st)
		st = copy_categories(s, categories, ncategories, err);
	if (!st && extract) {
		st = regex_new(&s->extract, extract, "extract", err);
		if (!st && regex_groups(s->extract) < 1)
			st = t2_fail(err, T2_EFORMAT, "extract: the pattern has no group 1");
	}
	if (st) {
		scorer_free(s);
		return st;
	}
	*out = s;
	return T2_OK;
}

void
scorer_free(struct scorer *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->re && s->kind->rule[i].pattern; i++)
		regex_free(s->re[i]);
	free(s->re);
	regex_free(s->extract);
	for (int i = 0; i < s->categories; i++)
		free(s->category[i]);
	free(s->category);
	free(s);
}

/* Group 1 of the last match takes the answer's place; *found false: no match. */
static enum t2_status
extract(const struct scorer *s, struct side *answer, bool *found, struct t2_err *err)
{
	struct side got = {NULL, 0};
	struct finder f;
	enum t2_status st = finder_open(&f, s->extract, answer->s, answer->len, err);

	if (st)
		return st;
	while (finder_next(&f)) {
		size_t start = f.span[1].start;

		got = start == FINDER_NONE
			      ? (struct side){NULL, 0}
			      : (struct side){answer->s + start, f.span[1].end - start};
	}
	*found = got.s && !f.limited;
	if (*found)
		*answer = got;
	finder_close(&f);
	return T2_OK;
}

enum t2_status
scorer_score(const struct scorer *s, const char *answer, size_t answer_len, const char *gold,
	     size_t gold_len, struct verdict *out, struct t2_err *err)
{
	struct strbuf a = {0}, g = {0}, found = {0};
	bool taken = false, usable = true;
	enum t2_status st = T2_OK;
	struct side side;

	*out = (struct verdict){0};
	utf8_clean(&a, answer, answer_len);
	utf8_clean(&g, gold, gold_len);
	if (a.failed || g.failed)
		st = t2_nomem(err, "scorer");
	side = (struct side){a.s ? a.s : "", a.len};
	if (!st && s->extract)
		st = extract(s, &side, &usable, err);
	if (!st && usable)
		st = s->kind->score(s, side, (struct side){g.s ? g.s : "", g.len}, &out->correct,
				    &found, &taken, err);
	if (!st && taken) {
		out->extracted = strbuf_take(&found);
		if (!out->extracted)
			st = t2_nomem(err, "scorer");
	}
	strbuf_free(&a);
	strbuf_free(&g);
	strbuf_free(&found);
	if (st)
		verdict_free(out);
	return st;
}

void
verdict_free(struct verdict *v)
{
	free(v->extracted);
	*v = (struct verdict){0};
}
