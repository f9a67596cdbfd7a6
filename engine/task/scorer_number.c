/* scorer_number.c - is the answer's number the gold one?  (GSM8K)
 *
 * Gold: the last number behind the last ####.  Answer: the last number in the last box, or the first behind a ####
 * that it follows at once, whichever stands later; without either the last number of the text.  Numbers are exact:
 * 1,234.50 is 1234.5, 3/4 is 0.75, 0.333 is not 1/3; percent signs, currencies and units are dropped. */
#include <string.h>

#include "engine/task/decimal.h"
#include "engine/task/scorer_kind.h"

#define GROUPED		     "[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9])"
#define NUMBER		     "(?:(?:" GROUPED "|[0-9]+)(?:\\.[0-9]+)?|(?<![0-9A-Za-z.])\\.[0-9]+)"
#define CURRENCY	     "[$€£¥₹]"
#define SYMBOL		     "(?:\\\\?" CURRENCY "\\h?)?"
#define FRAC		     "\\\\[dtc]?frac"
#define ABOVE(braced, digit) "(?:\\{\\h*(?<" braced ">-?[0-9]+)\\h*\\}|(?<" digit ">[0-9]))"
#define BELOW(braced, digit) "(?:\\{\\h*(?<" braced ">[0-9]+)\\h*\\}|(?<" digit ">[0-9]))"

/* Read as a whole and without a value: list labels, "Step 3", versions, times, dates, sub- and superscripts, words with
 * digits in them. */
#define SKIPPED                                                                                    \
	"(?<skip>(?m:^)\\h*[0-9]{1,3}[.)]\\h+(?=\\S)"                                              \
	"|\\b(?:Step|Question|Problem|Example|Exercise|Equation)\\h+\\#?[0-9]+(?:\\.[0-9]+)*"      \
	"|[0-9]+(?:\\.[0-9]+){2,}"                                                                 \
	"|[0-9]+(?::[0-9]+)+"                                                                      \
	"|[0-9]+(?:/[0-9]+){2,}"                                                                   \
	"|[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?![0-9])"                          \
	"|(?<=[\\p{L}\\p{N})}\\]])[_^](?:\\{[^{}]*\\}|[-+]?[\\p{L}0-9]+)"                          \
	"|(?<!\\p{L})(?!(?:USD|EUR|GBP|Rs)\\h?-?[0-9])\\p{Latin}[\\p{L}\\p{N}_]*[0-9](?:\\.[0-9]+" \
	")*)"

/* A minus that touches the number and follows no letter, digit or closing bracket; or the word for it. */
#define SIGN                                                                                       \
	"(?<sgn>(?:(?<neg>(?<![\\p{L}0-9)\\]}%-])-(?=" SYMBOL "(?:" FRAC "|\\.?[0-9]))"            \
	"|=\\h*-\\h+|\\b[Nn]egative\\h+|\\b(?:is|equals|to)\\h+minus\\h+))?" SYMBOL                \
	"(?:(?:(?<=" CURRENCY ")|(?<=" CURRENCY "\\h))-(?=\\.?[0-9]))?)"

#define MIXED                                                                                      \
	"(?<mw>[0-9]+)(?:\\h+(?<mn>[0-9]+)/(?<mq>[0-9]+)(?![0-9/.])"                               \
	"|\\h*" FRAC "\\h*" ABOVE("ma", "mb") "\\h*" BELOW("mc", "md") ")"

#define SCIENTIFIC                                                                                   \
	"(?<sci>" NUMBER ")(?:[eE](?<se>[+-]?[0-9]{1,3})(?![\\p{L}0-9])"                             \
	"|\\h*(?:×|x|\\*|\\\\times|\\\\cdot|·)\\h*10\\^(?:\\{(?<sf>[+-]?[0-9]{1,3})\\}|(?<sg>[+-]" \
	"?[0-9]{1,3})(?![0-9])))"

#define SCAN                                                                                       \
	SKIPPED "|" SIGN "(?:" MIXED "|" FRAC "\\h*" ABOVE("fa", "fb") "\\h*" BELOW(               \
		"fc", "fd") "|" SCIENTIFIC "|(?<pow>" NUMBER                                       \
			    "\\^(?:\\{[^{}\\\\]*\\}|-?[\\p{L}0-9]+))"                              \
			    "|(?<n>" NUMBER ")(?:/(?<d>" NUMBER "))?)|\\\\[A-Za-z]+"

enum {
	R_VULGAR,
	R_THIN,
	R_BRACED_COMMA,
	R_GAP,
	R_CLEAN_END,
	R_SCAN = R_CLEAN_END,
	R_HASHES,
	R_HEADING
};

static const struct scorer_rule rules[] = {
	[R_VULGAR] = {"(?<=[0-9０-９])(?=[¼½¾⅓⅔⅛⅜⅝⅞])", " "}, /* 2½ is 2 1/2 */
	[R_THIN] = {"\\\\!", ""},
	[R_BRACED_COMMA] = {"\\{,\\}", ","},
	[R_GAP] = {"(?<=[0-9])(?:[\\x{a0}\\x{2009}\\x{202f}]|\\\\,)(?=[0-9]{3}(?![0-9]))", ","},
	[R_SCAN] = {SCAN, NULL},
	[R_HASHES] = {"####[\\h:]*", NULL},
	[R_HEADING] = {"[.):]\\h+\\S", NULL}, /* "#### 2. Then" is a heading, no answer */
	{NULL, NULL},
};

static const struct text_map map[] = {
	{0xff10, "0"},	 {0xff11, "1"},	  {0xff12, "2"},   {0xff13, "3"},   {0xff14, "4"},
	{0xff15, "5"},	 {0xff16, "6"},	  {0xff17, "7"},   {0xff18, "8"},   {0xff19, "9"},
	{0xff0e, "."},	 {0xff0c, ","},	  {0xff0d, "-"},   {0xff05, "%"},   {0xff04, "$"},
	{0xff0f, "/"},	 {0xff1a, ":"},	  {0x2212, "-"},   {0x2010, "-"},   {0x2011, "-"},
	{0x2012, "-"},	 {0x2013, "-"},	  {0xfe63, "-"},   {0xbc, "1/4"},   {0xbd, "1/2"},
	{0xbe, "3/4"},	 {0x2153, "1/3"}, {0x2154, "2/3"}, {0x215b, "1/8"}, {0x215c, "3/8"},
	{0x215d, "5/8"}, {0x215e, "7/8"}, {0, NULL},
};

static struct side
group(const struct finder *f, const char *name)
{
	int k = regex_group(f->re, name);

	if (k < 0 || f->span[k].start == FINDER_NONE)
		return (struct side){NULL, 0};
	return (struct side){f->s + f->span[k].start, f->span[k].end - f->span[k].start};
}

/* The one of two groups that took part. */
static struct side
either(const struct finder *f, const char *a, const char *b)
{
	struct side s = group(f, a);

	return s.s ? s : group(f, b);
}

static bool
negative(const struct finder *f)
{
	struct side sign = group(f, "sgn"), neg = group(f, "neg");
	const char *rest = neg.s ? neg.s + neg.len : sign.s;

	/* a second minus, behind the currency sign */
	return (neg.s != NULL) != (rest && memchr(rest, '-', (size_t)(sign.s + sign.len - rest)));
}

/* A fraction with the sign that may be inside its numerator. */
static bool
set_fraction(struct fraction *v, bool neg, struct side num, struct side den)
{
	if (num.len && num.s[0] == '-') {
		neg = !neg;
		num.s++;
		num.len--;
	}
	return fraction_set(v, neg, num.s, num.len, den.s, den.len);
}

/* 2 1/2: the sum where the fraction is proper, else the fraction alone. */
static bool
set_mixed(struct fraction *v, bool neg, struct side whole, struct side num, struct side den)
{
	if (num.s[0] != '-' && digits_less(num.s, num.len, den.s, den.len))
		return fraction_mixed(v, neg, whole.s, whole.len, num.s, num.len, den.s, den.len);
	return set_fraction(v, false, num, den);
}

static long
exponent(struct side s)
{
	bool neg = s.s[0] == '-';
	long e = 0;

	for (size_t i = 0; i < s.len; i++)
		if (s.s[i] >= '0' && s.s[i] <= '9')
			e = e * 10 + (s.s[i] - '0');
	return neg ? -e : e;
}

/* The value of the token that was just found; false: it has none. */
static bool
token_value(const struct finder *f, struct fraction *v)
{
	struct side a;
	bool neg = negative(f);

	if ((a = group(f, "mw")).s)
		return group(f, "mn").s
			       ? set_mixed(v, neg, a, group(f, "mn"), group(f, "mq"))
			       : set_mixed(v, neg, a, either(f, "ma", "mb"), either(f, "mc", "md"));
	if ((a = either(f, "fa", "fb")).s)
		return set_fraction(v, neg, a, either(f, "fc", "fd"));
	if ((a = group(f, "sci")).s) {
		struct side e = group(f, "se").s ? group(f, "se") : either(f, "sf", "sg");

		if (!fraction_set(v, neg, a.s, a.len, NULL, 0))
			return false;
		fraction_scale(v, exponent(e));
		return true;
	}
	if ((a = group(f, "n")).s)
		return fraction_set(v, neg, a.s, a.len, group(f, "d").s, group(f, "d").len);
	return false;
}

/* The last number of a text, or the first token's if that starts at 0; *has: there is one. */
static enum t2_status
last_number(const struct scorer *s, struct side text, struct fraction *v, bool *has,
	    struct t2_err *err)
{
	struct finder f;
	struct fraction got = {0};
	enum t2_status st = finder_open(&f, s->re[R_SCAN], text.s, text.len, err);

	*has = false;
	if (st)
		return st;
	while (finder_next(&f)) {
		if (token_value(&f, &got)) {
			struct fraction old = *v;

			*v = got;
			got = old;
			*has = true;
		}
	}
	if (f.limited)
		*has = false;
	fraction_free(&got);
	finder_close(&f);
	return T2_OK;
}

static bool
follows_heading(const struct scorer *s, struct side text, size_t at, enum t2_status *st,
		struct t2_err *err)
{
	struct finder f;
	bool yes;

	*st = finder_open(&f, s->re[R_HEADING], text.s, text.len, err);
	if (*st)
		return false;
	yes = finder_at(&f, at);
	finder_close(&f);
	return yes;
}

/* The number right behind the last #### that one follows at once; *where: the hashes. */
static enum t2_status
hash_number(const struct scorer *s, struct side text, struct fraction *v, bool *has, size_t *where,
	    struct t2_err *err)
{
	struct finder hashes, scan;
	struct fraction got = {0};
	enum t2_status st = finder_open(&hashes, s->re[R_HASHES], text.s, text.len, err);

	*has = false;
	if (st)
		return st;
	st = finder_open(&scan, s->re[R_SCAN], text.s, text.len, err);
	if (st) {
		finder_close(&hashes);
		return st;
	}
	while (!st && finder_next(&hashes)) {
		if (!finder_at(&scan, hashes.span[0].end) || !token_value(&scan, &got))
			continue;
		if (!follows_heading(s, text, scan.span[0].end, &st, err) && !st) {
			struct fraction old = *v;

			*v = got;
			got = old;
			*has = true;
			*where = hashes.span[0].start;
		}
	}
	if (scan.limited || hashes.limited)
		*has = false;
	fraction_free(&got);
	finder_close(&scan);
	finder_close(&hashes);
	return st;
}

static enum t2_status
clean(const struct scorer *s, struct side in, struct strbuf *out, struct t2_err *err)
{
	struct strbuf raw = {0};
	bool ok;

	strbuf_add(&raw, in.s, in.len);
	ok = text_rules(s, R_VULGAR, R_VULGAR + 1, &raw);
	if (ok)
		text_map(out, (struct side){raw.s, raw.len}, map);
	strbuf_free(&raw);
	ok = ok && text_rules(s, R_THIN, R_CLEAN_END, out);
	return ok && !out->failed ? T2_OK : t2_nomem(err, "scorer");
}

/* Steps 2 and 3 of the answer's side: an explicit answer, else the last number of all. */
static enum t2_status
answer_number(const struct scorer *s, struct side text, struct fraction *v, bool *has,
	      struct t2_err *err)
{
	struct fraction hash = {0};
	struct side box;
	size_t box_at = 0, hash_at = 0;
	bool hashed = false;
	enum t2_status st = T2_OK;

	*has = false;
	if (text_box(text, &box, &box_at))
		st = last_number(s, box, v, has, err);
	if (!st)
		st = hash_number(s, text, &hash, &hashed, &hash_at, err);
	if (!st && hashed && (!*has || hash_at > box_at)) {
		struct fraction old = *v;

		*v = hash;
		hash = old;
		*has = true;
	}
	fraction_free(&hash);
	return st || *has ? st : last_number(s, text, v, has, err);
}

static struct side
behind_hashes(struct side gold)
{
	for (size_t i = gold.len; i-- > 3;) {
		if (!memcmp(gold.s + i - 3, "####", 4))
			return (struct side){gold.s + i + 1, gold.len - i - 1};
	}
	return gold;
}

static enum t2_status
score(const struct scorer *s, struct side answer, struct side gold, bool *correct,
      struct strbuf *found, bool *taken, struct t2_err *err)
{
	struct strbuf a = {0}, g = {0};
	struct fraction x = {0}, y = {0};
	bool has_gold = false;
	int eq;
	enum t2_status st = clean(s, answer, &a, err);

	if (!st)
		st = clean(s, gold, &g, err);
	if (!st)
		st = answer_number(s, (struct side){a.s ? a.s : "", a.len}, &x, taken, err);
	if (!st)
		st = last_number(s, behind_hashes((struct side){g.s ? g.s : "", g.len}), &y,
				 &has_gold, err);
	if (!st && *taken) {
		fraction_print(&x, found);
		eq = has_gold ? fraction_equal(&x, &y) : 0;
		*correct = eq == 1;
		if (eq < 0 || found->failed)
			st = t2_nomem(err, "scorer");
	}
	fraction_free(&x);
	fraction_free(&y);
	strbuf_free(&a);
	strbuf_free(&g);
	return st;
}

const struct scorer_kind scorer_number = {.name = "number", .rule = rules, .score = score};
