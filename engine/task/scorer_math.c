/* scorer_math.c - comparing two expressions that scorer_boxed.c brought to one way of writing.
 *
 * A list's parts compare in any order, and so do a set's; tuples, intervals, matrices and unions in theirs.  Parts that
 * are numbers compare by exact value, others by their text. */
#include "engine/task/scorer_math.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/task/decimal.h"

enum { NESTED = 20, PARTS = 200 }; /* tuples in tuples; elements of a list */

struct parts {
	struct side v[PARTS];
	int n;
	bool many; /* more than fit: never equal */
};

static int same_part(const struct scorer *s, struct side a, struct side b, int depth);

static struct side
trim(struct side s)
{
	while (s.len && strchr(" \t\n\r\f\v", *s.s) && *s.s)
		s.s++, s.len--;
	while (s.len && strchr(" \t\n\r\f\v", s.s[s.len - 1]) && s.s[s.len - 1])
		s.len--;
	return s;
}

static bool
starts(struct side s, const char *what)
{
	size_t n = strlen(what);

	return s.len >= n && !memcmp(s.s, what, n);
}

static bool
letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Bytes of the unit at s: a backslash takes the next character along; *depth follows ( [ { \{ and their like. */
static size_t
unit(struct side s, int *depth)
{
	bool escaped = s.s[0] == '\\' && s.len > 1;
	char c = escaped ? s.s[1] : s.s[0];

	if (!escaped || c == '{' || c == '}') {
		*depth += c == '(' || c == '[' || c == '{';
		*depth -= c == ')' || c == ']' || c == '}';
	}
	return escaped ? 2 : 1;
}

/* Cuts s at every mark of depth 0; a mark that is a command ends where its letters do. */
static void
split(struct side s, const char *mark, struct parts *p)
{
	size_t n = strlen(mark), start = 0, i = 0;
	int depth = 0;

	p->n = 0;
	p->many = false;
	while (i <= s.len && !p->many) {
		struct side rest = {s.s + i, s.len - i};
		bool hit = !depth && starts(rest, mark) &&
			   (!letter(mark[n - 1]) || rest.len == n || !letter(rest.s[n]));

		if (hit || i == s.len) {
			p->many = p->n == PARTS;
			if (!p->many)
				p->v[p->n++] = trim((struct side){s.s + start, i - start});
			start = i + n;
		}
		i += hit ? n : i == s.len ? 1 : unit(rest, &depth);
		if (depth < 0)
			depth = 0;
	}
}

/* The bracket that s opens with closes at its end: the inside; false: it does not. */
static bool
enclosed(struct side s, const char *open, struct side *in)
{
	size_t n = strlen(open), i = 0;
	int depth = 0;

	if (!starts(s, open))
		return false;
	while (i < s.len) {
		size_t k = unit((struct side){s.s + i, s.len - i}, &depth);

		i += k;
		if (depth <= 0)
			break;
	}
	*in = (struct side){s.s + n, s.len > 2 * n ? s.len - 2 * n : 0};
	return depth == 0 && i == s.len && s.len >= 2 * n && (n == 1 || s.s[s.len - n] == '\\');
}

/* Thousands commas of depth 0: "1,234" but not the pair (1,234). */
static void
drop_commas(struct side s, struct strbuf *out)
{
	size_t i = 0;
	int depth = 0;

	while (i < s.len) {
		size_t d = 0, end, k;

		if (!depth && s.s[i] >= '1' && s.s[i] <= '9' &&
		    !(i && (digit(s.s[i - 1]) || s.s[i - 1] == '.'))) {
			while (d < 3 && i + d < s.len && digit(s.s[i + d]))
				d++;
			end = i + d;
			while (end + 3 < s.len && s.s[end] == ',' && digit(s.s[end + 1]) &&
			       digit(s.s[end + 2]) && digit(s.s[end + 3]))
				end += 4;
			if (end > i + d && !(end < s.len && digit(s.s[end]))) {
				for (; i < end; i++)
					if (s.s[i] != ',')
						strbuf_char(out, s.s[i]);
				continue;
			}
		}
		k = unit((struct side){s.s + i, s.len - i}, &depth);
		strbuf_add(out, s.s + i, k);
		i += k;
		if (depth < 0)
			depth = 0;
	}
}

static bool
matches(const struct scorer *s, int rule, struct side text)
{
	struct finder f;
	bool yes;

	if (finder_open(&f, s->re[rule], text.s, text.len, NULL))
		return false;
	yes = finder_next(&f);
	finder_close(&f);
	return yes;
}

/* v = rest, or v \in rest, with v a variable; *twice: two signs of equality. */
static bool
left_side(const struct scorer *s, struct side part, struct side *v, struct side *rest, bool *twice)
{
	struct parts p;
	const char *mark = "=";

	split(part, mark, &p);
	*twice = p.n > 2 || p.many;
	if (p.n == 1)
		split(part, mark = "\\in", &p);
	if (p.n != 2)
		return false;
	*v = p.v[0];
	*rest = p.v[1];
	return matches(s, R_LEFT_SIDE, *v);
}

static bool
same_text(struct side a, struct side b)
{
	return a.len == b.len && (!a.len || !memcmp(a.s, b.s, a.len));
}

/* x = 1, x = 2 is 1, 2; different left sides stay. */
static void
drop_left_sides(const struct scorer *s, struct parts *p)
{
	struct side v, rest, first = {NULL, 0};
	bool twice;

	for (int i = 0; i < p->n; i++) {
		bool has = left_side(s, p->v[i], &v, &rest, &twice);

		if (twice || (has && first.s && !same_text(first, v)))
			return;
		if (has)
			first = v;
	}
	for (int i = 0; i < p->n; i++)
		if (left_side(s, p->v[i], &v, &rest, &twice))
			p->v[i] = rest;
}

/* The text of an atom in its final form. */
static bool
atom(const struct scorer *s, struct side in, struct strbuf *out)
{
	struct side text, inner;

	strbuf_add(out, in.s, in.len);
	if (!text_rules(s, R_ATOM, R_LEFT_SIDE, out) || out->failed)
		return false;
	text = (struct side){out->s, out->len};
	while (enclosed(text, "{", &inner))
		text = inner;
	if (text.len == 3 && text.s[0] == '(' && text.s[2] == ')' && text.s[1] >= 'A' &&
	    text.s[1] <= 'Z')
		text = (struct side){text.s + 1, 1};
	if (text.len && text.s[0] == '+')
		text = (struct side){text.s + 1, text.len - 1};
	memmove(out->s, text.s, text.len);
	out->len = text.len;
	return true;
}

static struct side
group(const struct finder *f, const char *name)
{
	struct finder_span g = f->span[regex_group(f->re, name)];

	return g.start == FINDER_NONE ? (struct side){NULL, 0}
				      : (struct side){f->s + g.start, g.end - g.start};
}

/* digits, decimals, fractions of integers, mixed numbers with a proper fraction. */
static bool
number(const struct scorer *s, struct side text, struct fraction *v)
{
	struct side n, w, a, b;
	struct finder f;
	bool neg, ok = false;

	if (finder_open(&f, s->re[R_NUMBER], text.s, text.len, NULL))
		return false;
	if (finder_next(&f)) {
		n = group(&f, "n");
		w = group(&f, "w");
		a = group(&f, "a");
		b = group(&f, "b");
		neg = group(&f, "s").len != 0;
		if (n.s)
			ok = fraction_set(v, neg, n.s, n.len, NULL, 0);
		else if (!w.len)
			ok = fraction_set(v, neg ^ (*a.s == '-') ^ (*b.s == '-'), a.s, a.len, b.s,
					  b.len);
		else if (*a.s != '-' && *b.s != '-' && digits_less(a.s, a.len, b.s, b.len))
			ok = fraction_mixed(v, neg, w.s, w.len, a.s, a.len, b.s, b.len);
	}
	finder_close(&f);
	return ok;
}

static bool
word(struct side s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!letter(s.s[i]))
			return false;
	return s.len > 1;
}

static int
same_atom(const struct scorer *s, struct side a, struct side b)
{
	struct strbuf x = {0}, y = {0};
	struct fraction p = {0}, q = {0};
	struct side t, u;
	int eq = 0;

	if (!atom(s, a, &x) || !atom(s, b, &y)) {
		eq = x.failed || y.failed ? -1 : 0;
	} else {
		t = (struct side){x.s, x.len};
		u = (struct side){y.s, y.len};
		eq = t.len && same_text(t, u);
		if (!eq && word(t) && word(u))
			eq = t.len == u.len && !strncasecmp(t.s, u.s, t.len);
		if (!eq && number(s, t, &p) && number(s, u, &q))
			eq = fraction_equal(&p, &q);
	}
	fraction_free(&p);
	fraction_free(&q);
	strbuf_free(&x);
	strbuf_free(&y);
	return eq;
}

/* All parts of two lists, in their order. */
static int
same_parts(const struct scorer *s, const struct parts *p, const struct parts *q, int depth)
{
	int eq = p->n == q->n && !p->many && !q->many;

	for (int i = 0; eq == 1 && i < p->n; i++)
		eq = same_part(s, p->v[i], q->v[i], depth + 1);
	return eq;
}

static bool
matrix(struct side s, struct side *in)
{
	static const char open[] = "\\begin{pmatrix}", close[] = "\\end{pmatrix}";
	size_t n = sizeof open - 1, m = sizeof close - 1;
	const char *end = s.s + s.len - m;

	/* p and b mean the same */
	if (s.len < n + m || memcmp(s.s, open, 7) || memcmp(s.s + 8, open + 8, n - 8) ||
	    !strchr("pb", s.s[7]) || memcmp(end, close, 5) || memcmp(end + 6, close + 6, m - 6) ||
	    !strchr("pb", end[5]))
		return false;
	*in = (struct side){s.s + n, s.len - n - m};
	return true;
}

static int
same_matrix(const struct scorer *s, struct side a, struct side b, int depth)
{
	struct parts *p = calloc(4, sizeof *p);
	int eq = -1;

	if (!p)
		return -1;
	split(a, "\\\\", &p[0]);
	split(b, "\\\\", &p[1]);
	for (int i = 0; i < 2; i++)
		if (p[i].n > 1 && !p[i].v[p[i].n - 1].len)
			p[i].n--; /* a trailing row break */
	eq = p[0].n == p[1].n && !p[0].many && !p[1].many;
	for (int i = 0; eq == 1 && i < p[0].n; i++) {
		split(p[0].v[i], "&", &p[2]);
		split(p[1].v[i], "&", &p[3]);
		eq = same_parts(s, &p[2], &p[3], depth);
	}
	free(p);
	return eq;
}

/* (a, b], with a comma: the inside. */
static bool
tuple(struct side s, struct side *in)
{
	return (enclosed(s, "(", in) || enclosed(s, "[", in)) && strchr(")]", s.s[s.len - 1]) &&
	       memchr(in->s, ',', in->len);
}

/* Cut at a mark of depth 0 on both sides, compared in order. */
static int
same_split(const struct scorer *s, struct side a, struct side b, const char *mark, int depth)
{
	struct parts *p = calloc(2, sizeof *p);
	int eq;

	if (!p)
		return -1;
	split(a, mark, &p[0]);
	split(b, mark, &p[1]);
	if (p[0].n == 1 && p[1].n == 1)
		eq = same_atom(s, a, b);
	else
		eq = same_parts(s, &p[0], &p[1], depth);
	free(p);
	return eq;
}

static int
same_part(const struct scorer *s, struct side a, struct side b, int depth)
{
	struct side x, y;

	if (depth > NESTED)
		return 0;
	if (matrix(a, &x) && matrix(b, &y))
		return same_matrix(s, x, y, depth);
	if (tuple(a, &x) && tuple(b, &y)) {
		if (a.s[0] != b.s[0] || a.s[a.len - 1] != b.s[b.len - 1])
			return 0;
		return same_split(s, x, y, ",", depth);
	}
	return same_split(s, a, b, "\\cup", depth);
}

/* As multisets: every part of one finds its own in the other. */
static int
same_multiset(const struct scorer *s, const struct parts *p, const struct parts *q)
{
	bool used[PARTS] = {false};

	for (int i = 0; i < p->n; i++) {
		int eq = 0;

		for (int j = 0; j < q->n && !eq; j++) {
			if (used[j])
				continue;
			eq = same_part(s, p->v[i], q->v[j], 0);
			used[j] = eq == 1;
		}
		if (eq != 1)
			return eq;
	}
	return 1;
}

/* One side as parts, whose texts lie in *b. */
static bool
take_apart(const struct scorer *s, struct side in, struct strbuf *b, struct parts *p)
{
	struct side set;

	drop_commas(in, b);
	if (b->failed)
		return false;
	split((struct side){b->s ? b->s : "", b->len}, ",", p);
	drop_left_sides(s, p);
	if (p->n == 1 && enclosed(p->v[0], "\\{", &set))
		split(set, ",", p);
	return true;
}

int
math_equal(const struct scorer *s, struct side a, struct side b)
{
	struct parts *p = calloc(2, sizeof *p);
	struct strbuf x = {0}, y = {0};
	int eq = -1;

	if (p && take_apart(s, a, &x, &p[0]) && take_apart(s, b, &y, &p[1]))
		eq = p[0].n == p[1].n && !p[0].many && !p[1].many ? same_multiset(s, &p[0], &p[1])
								  : 0;
	free(p);
	strbuf_free(&x);
	strbuf_free(&y);
	return eq;
}
