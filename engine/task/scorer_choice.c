/* scorer_choice.c - is the answer's letter the gold one, A to J?  (ARC)
 *
 * In this order: the whole text is one letter; the last "answer is X"; the last "Answer: X" or \boxed{X}; the last lone
 * capital letter.  Two letters joined by "and", "or", a comma are no answer, and nothing is guessed. */
#include <string.h>

#include "engine/task/scorer_kind.h"

/* What may stand between the words and the letter. */
#define OPENING                                                                                    \
	"(?:[\\s:*_\"\\'`(\\[{$]|\\\\(?:boxed|fbox|text|textbf|mathrm|mathbf|left|right)?(?=[{("   \
	"\\s])|\\\\(?=\\())*+"
#define OPTION "(?i:(?:(?:option|choice|letter)\\b" OPENING ")?)"
/* A letter is not part of a word or number, and "I" not the pronoun. */
#define ALONE "(?![\\p{L}\\p{N}_-]|\\'\\p{L})"
#define LETTER                                                                                     \
	"(?|(?<L>[A-J])" ALONE "(?!(?<=I)\\h+\\p{L})"                                              \
	"|(?<L>[a-j])(?=[*_\"\\'`)\\]}$]*(?:[.,;!)\\]}]|\\s*$|\\h*\\R)))"

enum { R_WHOLE, R_PHRASE, R_LABEL, R_JOIN, R_ECHO, R_LONE, R_ARTICLE, R_PRONOUN };

static const struct scorer_rule rules[] = {
	[R_WHOLE] = {"^[\\s*_\"'`()\\[\\]{}$.,;:!]*(?<L>[A-Ja-j])[\\s*_\"'`()\\[\\]{}$.,;:!]*$",
		     NULL},
	[R_PHRASE] = {"(?i:answer\\h+is\\b)" OPENING OPTION LETTER, NULL},
	[R_LABEL] = {"(?:(?i:answer)\\**\\h*[:=]" OPENING OPTION
		     "|\\\\(?:boxed|fbox)\\h*\\{" OPENING ")" LETTER,
		     NULL},
	[R_JOIN] = {"[)\\]}*_\"\\'`$]*\\h*(?:,?\\h*(?:and|or|nor)\\b|[,/"
		    "&+])\\h*(?:\\h*(?:option|choice)\\h+)?"
		    "[(\\[*\"\\'`]*[A-J]" ALONE,
		    NULL},
	[R_ECHO] = {"(?m)^\\h*[(*]{0,3}([A-J])[*]{0,2}[.):][)*]{0,2}\\h+\\S.*$", NULL},
	[R_LONE] = {"(?<![\\p{L}\\p{N}_°º-])(?<!\\p{L}\\')(?<![0-9] )(?<!\\bnot )(?<!\\bnot "
		    "\\()[A-J]" ALONE,
		    NULL},
	/* from the letter on */
	[R_ARTICLE] = {"A\\h+(?!(?:and|or|nor|is|because|since|as|would)\\b)\\p{Ll}", NULL},
	[R_PRONOUN] = {"I\\h+\\p{L}", NULL},
	{NULL, NULL},
};

static const struct text_map map[] = {
	{0xff21, "A"}, {0xff22, "B"}, {0xff23, "C"}, {0xff24, "D"}, {0xff25, "E"}, {0xff26, "F"},
	{0xff27, "G"}, {0xff28, "H"}, {0xff29, "I"}, {0xff2a, "J"}, {0xff41, "a"}, {0xff42, "b"},
	{0xff43, "c"}, {0xff44, "d"}, {0xff45, "e"}, {0xff46, "f"}, {0xff47, "g"}, {0xff48, "h"},
	{0xff49, "i"}, {0xff4a, "j"}, {0xff08, "("}, {0xff09, ")"}, {0xff0e, "."}, {0xff1a, ":"},
	{0x2018, "'"}, {0x2019, "'"}, {0, NULL},
};

static char
upper(char c)
{
	return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

/* Whether a rule matches exactly at pos, and where that match ends. */
static bool
matches_at(const struct scorer *s, int rule, struct side text, size_t pos, size_t *end,
	   enum t2_status *st, struct t2_err *err)
{
	struct finder f;
	bool yes;

	if (*st)
		return false;
	*st = finder_open(&f, s->re[rule], text.s, text.len, err);
	if (*st)
		return false;
	yes = finder_at(&f, pos);
	*end = f.span[0].end;
	finder_close(&f);
	return yes;
}

/* The letter of a rule's last match; 0: none, or joined to another.  *any: the rule matched. */
static char
last_letter(const struct scorer *s, int rule, struct side text, bool *any, enum t2_status *st,
	    struct t2_err *err)
{
	int k = regex_group(s->re[rule], "L");
	struct finder f;
	size_t behind = 0, end;
	char c = 0;

	*any = false;
	if (*st)
		return 0;
	*st = finder_open(&f, s->re[rule], text.s, text.len, err);
	if (*st)
		return 0;
	while (finder_next(&f)) {
		*any = true;
		c = upper(text.s[f.span[k].start]);
		behind = f.span[k].end;
	}
	if (f.limited)
		c = 0;
	finder_close(&f);
	return *any && matches_at(s, R_JOIN, text, behind, &end, st, err) ? 0 : c;
}

/* Lines "A. text" of two or more letters are the question's options echoed: taken out. */
static enum t2_status
drop_echo(const struct scorer *s, struct side text, struct strbuf *out, struct t2_err *err)
{
	struct finder f;
	size_t done = 0;
	unsigned seen = 0;
	enum t2_status st = finder_open(&f, s->re[R_ECHO], text.s, text.len, err);

	if (st)
		return st;
	while (finder_next(&f)) {
		strbuf_add(out, text.s + done, f.span[0].start - done);
		done = f.span[0].end;
		seen |= 1u << (text.s[f.span[1].start] - 'A');
	}
	if (!(seen & (seen - 1))) { /* no or one letter: no echo */
		strbuf_clear(out);
		done = 0;
	}
	strbuf_add(out, text.s + done, text.len - done);
	finder_close(&f);
	return out->failed ? t2_nomem(err, "scorer") : T2_OK;
}

static char
lone_letter(const struct scorer *s, struct side text, enum t2_status *st, struct t2_err *err)
{
	size_t last = FINDER_NONE, before = FINDER_NONE, end;
	struct finder f;
	bool limited;

	*st = finder_open(&f, s->re[R_LONE], text.s, text.len, err);
	if (*st)
		return 0;
	while (finder_next(&f)) {
		size_t at = f.span[0].start;

		if (matches_at(s, R_ARTICLE, text, at, &end, st, err) ||
		    matches_at(s, R_PRONOUN, text, at, &end, st, err))
			continue;
		before = last;
		last = at;
	}
	limited = f.limited;
	finder_close(&f);
	if (*st || limited || last == FINDER_NONE)
		return 0;
	if (before != FINDER_NONE && matches_at(s, R_JOIN, text, before + 1, &end, st, err) &&
	    end == last + 1)
		return 0;
	return text.s[last];
}

static enum t2_status
find_letter(const struct scorer *s, struct side text, char *letter, struct t2_err *err)
{
	static const int order[] = {R_WHOLE, R_PHRASE, R_LABEL};
	struct strbuf rest = {0};
	enum t2_status st = T2_OK;

	for (int i = 0; i < 3; i++) {
		bool any;

		*letter = last_letter(s, order[i], text, &any, &st, err);
		if (any || st)
			return st;
	}
	st = drop_echo(s, text, &rest, err);
	if (!st)
		*letter = lone_letter(s, (struct side){rest.s ? rest.s : "", rest.len}, &st, err);
	strbuf_free(&rest);
	return st;
}

static enum t2_status
score(const struct scorer *s, struct side answer, struct side gold, bool *correct,
      struct strbuf *found, bool *taken, struct t2_err *err)
{
	struct strbuf text = {0};
	enum t2_status st;
	char c = 0;

	text_map(&text, answer, map);
	st = text.failed ? t2_nomem(err, "scorer")
			 : find_letter(s, (struct side){text.s ? text.s : "", text.len}, &c, err);
	strbuf_free(&text);
	if (st || !c)
		return st;
	*taken = true;
	strbuf_char(found, c);
	*correct = gold.len == 1 && gold.s[0] == c;
	return found->failed ? t2_nomem(err, "scorer") : T2_OK;
}

const struct scorer_kind scorer_choice = {.name = "choice", .rule = rules, .score = score};
