/* scorer_boxed.c - does the last box hold the gold expression?  (MATH)
 *
 * Both sides are brought to one way of writing (rules below, in this order), then compared by their structure
 * (scorer_math.c).  Nothing is evaluated: 2^3 is not 8, x+1 is not 1+x. */
#include <string.h>

#include "engine/task/scorer_math.h"

#define PUNCTUATION "[.,;:]"
/* am and pm, with or without points, say more than a unit does */
#define HALF_DAY "\\s*(?i:[ap]\\.?\\s?m\\.?)\\s*"
#define EXPONENT "(?:\\^(?:[0-9]|\\{[0-9]\\}))?"
#define SIMPLE                                                                                     \
	"-?(?:[0-9]+/"                                                                             \
	"[0-9]+|[0-9][0-9,]*(?:\\.[0-9]+)?|\\.[0-9]+|\\\\frac(?:\\{-?[0-9]+\\}|[0-9])(?:\\{[0-9]+" \
	"\\}|[0-9]))"

static const struct scorer_rule rules[] = {
	/* roots */
	[R_NORMAL] = {"√\\h*([0-9]+|[A-Za-z])", "\\sqrt{${1}}"},
	{"√\\h*\\(([^()]*)\\)", "\\sqrt{${1}}"},
	/* math delimiters and currencies */
	{"(?<!\\\\)(?:\\\\[()\\[\\]$]|[$€£])", ""},
	/* sizes and styles */
	{"\\\\(?:left|right|big|Big|bigl|bigr|Bigl|Bigr|displaystyle|textstyle|limits|nolimits)(?!["
	 "A-Za-z])\\.?",
	 ""},
	/* spaces */
	{"\\{,\\}", ","},
	{"\\\\!", ""},
	{"(?<!\\\\)\\\\(?:[,;:> ]|q?quad(?![A-Za-z]))", " "},
	{"(?<!\\\\)~", " "},
	/* one name a command */
	{"\\\\[dtc]frac(?![A-Za-z])", "\\frac"},
	{"\\\\leq(?:slant)?(?![A-Za-z])", "\\le"},
	{"\\\\geq(?:slant)?(?![A-Za-z])", "\\ge"},
	/* degrees and percent */
	{"\\^\\h*\\{?\\h*\\\\circ(?![A-Za-z])\\h*\\}?|\\\\degree(?![A-Za-z])|\\\\?%", ""},
	/* "and" makes a list */
	{"(?:\\s*,)?\\s*\\\\text\\h*\\{\\s*(?:and|or)\\s*\\}\\s*|(?:\\s*,)?\\s+(?:and|or)\\s+",
	 ","},
	/* a unit at the end; other texts are what they say (R_TEXT is repeated) */
	[R_UNIT] = {"(?<=[0-9})\\.])\\s*(?!" SCORER_TEXT_OPEN HALF_DAY "\\})" SCORER_TEXT EXPONENT
		    "\\s*$",
		    ""},
	[R_TEXT] = {SCORER_TEXT, "${1}"},
	/* punctuation around */
	[R_TRIM] = {"^\\s+|\\s+$", ""},
	{"(?<![ap]\\.m)" PUNCTUATION "(?:" PUNCTUATION "|\\s)*$", ""},
	/* units as bare words */
	{"^(" SIMPLE ")\\s+(?!(?:pi|am|pm|a\\.m|p\\.m|mod)\\b)[A-Za-z]{2,}\\.?(?:\\s+[A-Za-z]{2,}"
	 "\\.?)*" EXPONENT "$",
	 "${1}"},
	/* mixed numbers */
	{"(?<![0-9./])([0-9]+)\\h+([0-9]+)/([0-9]+)(?![0-9/])", "${1}\\frac{${2}}{${3}}"},

	/* atoms, see scorer_math.c */
	[R_ATOM] = {"(?<![A-Za-z\\\\])(?:infinity|infty|inf)(?![A-Za-z])", "\\infty "},
	{"(?<![A-Za-z\\\\])pi(?![A-Za-z])", "\\pi "},
	{"\\\\(?:times|cdot)(?![A-Za-z])", "*"},
	{"\\s+", ""},
	{"(?<![A-Za-z\\\\])sqrt\\(([^()]*)\\)", "\\sqrt{${1}}"},
	{"\\\\sqrt([0-9A-Za-z])", "\\sqrt{${1}}"},
	{"\\\\frac([0-9A-Za-z])", "\\frac{${1}}"},
	{"(\\\\frac(?<b>\\{(?:[^{}]|(?&b))*+\\}))([0-9A-Za-z])", "${1}{${3}}"},
	{"([\\^_])\\{([^{}])\\}", "${1}${2}"},
	{"([\\^_])([0-9]{2,})", "${1}{${2}}"},
	{"\\*(?=[A-Za-z(]|\\\\pi|\\\\sqrt)", ""},
	{"(?<![\\^_})\\\\A-Za-z0-9.])((?:[A-Za-z0-9.]|\\\\pi|\\\\sqrt\\{[^{}]*\\})++)/"
	 "((?:[A-Za-z0-9.]|\\\\pi|\\\\sqrt\\{[^{}]*\\})++)(?![\\^_{(])",
	 "\\frac{${1}}{${2}}"},
	{"\\\\frac\\{-((?:[^{}+-]|\\{[^{}]*\\})*+)\\}", "-\\frac{${1}}"},
	{"(\\\\frac(?<b>\\{(?:[^{}]|(?&b))*+\\}))\\{-((?:[^{}+-]|\\{[^{}]*\\})*+)\\}",
	 "-${1}{${3}}"},
	{"^--", ""},

	/* searched for */
	[R_LEFT_SIDE] =
		{"^(?:\\\\?[A-Za-z]+(?:_(?:\\{[^{}]*\\}|[0-9A-Za-z]))?|[A-Za-z]\\([A-Za-z]\\))$",
		 NULL},
	[R_NUMBER] = {"^(?<s>-?)(?:(?<n>[0-9]+(?:\\.[0-9]+)?|\\.[0-9]+)"
		      "|(?<w>[0-9]*)\\\\frac\\{(?<a>-?[0-9]+)\\}\\{(?<b>-?[0-9]+)\\})$",
		      NULL},
	{NULL, NULL},
};

static const struct text_map map[] = {
	{0x2212, "-"},
	{0x2010, "-"},
	{0x2011, "-"},
	{0x2012, "-"},
	{0x2013, "-"},
	{0x2014, "-"},
	{0x2015, "-"},
	{0xfe63, "-"},
	{0xff0d, "-"},
	{0xd7, "\\times "},
	{0xb7, "\\cdot "},
	{0x22c5, "\\cdot "},
	{0x3c0, "\\pi "},
	{0x221e, "\\infty "},
	{0xb0, "^\\circ "},
	{0x2264, "\\le "},
	{0x2265, "\\ge "},
	{0x222a, "\\cup "},
	{0x2229, "\\cap "},
	{0xb1, "\\pm "},
	{0x3b8, "\\theta "},
	{0x2208, "\\in "},
	{0xbd, "\\frac{1}{2}"},
	{0xbc, "\\frac{1}{4}"},
	{0xbe, "\\frac{3}{4}"},
	{0x2153, "\\frac{1}{3}"},
	{0x2154, "\\frac{2}{3}"},
	{0xb2, "^2"},
	{0xb3, "^3"},
	{0xff10, "0"},
	{0xff11, "1"},
	{0xff12, "2"},
	{0xff13, "3"},
	{0xff14, "4"},
	{0xff15, "5"},
	{0xff16, "6"},
	{0xff17, "7"},
	{0xff18, "8"},
	{0xff19, "9"},
	{0xff08, "("},
	{0xff09, ")"},
	{0xff3b, "["},
	{0xff3d, "]"},
	{0xff5b, "{"},
	{0xff5d, "}"},
	{0xff0c, ","},
	{0xff0e, "."},
	{0xa0, " "},
	{0x2009, " "},
	{0x202f, " "},
	{0, NULL},
};

/* One way of writing; false: out of memory, or an expression that hit PCRE2's limits. */
static bool
normal(const struct scorer *s, struct side in, struct strbuf *out)
{
	size_t n;

	text_map(out, in, map);
	if (!text_rules(s, R_NORMAL, R_UNIT + 1, out))
		return false;
	do {
		n = out->len;
		if (!text_rules(s, R_TEXT, R_TEXT + 1, out))
			return false;
	} while (out->len < n);
	return text_rules(s, R_TRIM, R_ATOM, out) && !out->failed;
}

static enum t2_status
score(const struct scorer *s, struct side answer, struct side gold, bool *correct,
      struct strbuf *found, bool *taken, struct t2_err *err)
{
	struct strbuf a = {0}, g = {0};
	struct side box, want = gold;
	int eq = 0;
	size_t at;
	bool ok;

	if (!text_box(answer, &box, &at) || !box.len)
		return T2_OK;
	*taken = true;
	strbuf_add(found, box.s, box.len);
	text_box(gold, &want, &at);
	ok = normal(s, box, &a) && normal(s, want, &g);
	if (ok)
		eq = math_equal(s, (struct side){a.s ? a.s : "", a.len},
				(struct side){g.s ? g.s : "", g.len});
	*correct = eq == 1;
	ok = !a.failed && !g.failed && !found->failed && eq >= 0;
	strbuf_free(&a);
	strbuf_free(&g);
	return ok ? T2_OK : t2_nomem(err, "scorer");
}

const struct scorer_kind scorer_boxed = {.name = "boxed", .rule = rules, .score = score};
