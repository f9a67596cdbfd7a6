#include "engine/model/normalize.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "engine/base/utf8.h"
#include "engine/model/tokenizer.h"

enum t2_status
normalizer_add(struct normalizer *n, const struct normalize_step *step, struct t2_err *err)
{
	struct normalize_step own = *step;
	struct normalize_step *p = realloc(n->steps, (size_t)(n->n + 1) * sizeof *p);

	if (!p) {
		normalize_step_free(&own);
		return t2_nomem(err, "normalizer");
	}
	n->steps = p;
	n->steps[n->n++] = own;
	return T2_OK;
}

void
normalize_step_free(struct normalize_step *s)
{
	pattern_free(&s->pattern);
	free(s->text);
	s->text = NULL;
}

void
normalizer_free(struct normalizer *n)
{
	for (int i = 0; i < n->n; i++)
		normalize_step_free(&n->steps[i]);
	free(n->steps);
	memset(n, 0, sizeof *n);
}

static bool
is_ascii(const struct strbuf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if ((unsigned char)b->s[i] >= 0x80)
			return false;
	return true;
}

static enum t2_status
replace(const struct normalize_step *s, struct matcher *m, const struct strbuf *in,
	struct strbuf *out, size_t *head, struct t2_err *err)
{
	struct pattern_match match = {0};
	size_t done = 0, old = *head;
	enum t2_status st;

	for (;;) {
		st = pattern_next(&s->pattern, m, in->s, in->len, &match, err);
		if (st || !match.found)
			break;
		strbuf_add(out, in->s + done, match.start - done);
		/* What is put in counts as from where the match's last character is. */
		if (match.start < old)
			*head = out->len + (match.end <= old ? s->len + old - match.end : 0);
		strbuf_add(out, s->text, s->len);
		if (out->len > TOKENIZER_TEXT_MAX)
			return t2_fail(err, T2_EINVAL, "text grows above %d bytes when normalized",
				       TOKENIZER_TEXT_MAX);
		done = match.end;
	}
	if (!st)
		strbuf_add(out, in->s + done, in->len - done);
	return st;
}

/* Code points, decomposed. */
struct points {
	utf8proc_int32_t *v;
	size_t n, cap;
};

enum {
	EXPANSION = 32,	 /* no character decomposes to more than 18 */
	LATER = 1 << 24, /* in points.v: not the first that its character became */
};

static bool
decompose(struct points *p, uint32_t cp, utf8proc_option_t o)
{
	int bound = 0;
	utf8proc_ssize_t k;

	if (p->cap - p->n < EXPANSION) {
		size_t cap = p->cap ? p->cap * 2 : 1024;
		utf8proc_int32_t *v = realloc(p->v, cap * sizeof *v);

		if (!v)
			return false;
		p->v = v;
		p->cap = cap;
	}
	k = utf8proc_decompose_char((utf8proc_int32_t)cp, p->v + p->n, EXPANSION, o, &bound);
	if (k < 0 || k > EXPANSION)
		return false;
	for (utf8proc_ssize_t i = 1; i < k; i++)
		p->v[p->n + (size_t)i] |= LATER;
	p->n += (size_t)k;
	return true;
}

static int
combining_class(utf8proc_int32_t cp)
{
	return utf8proc_get_property(cp & ~LATER)->combining_class;
}

/* Puts v[0 .. n), all of a class that is not 0, in the order of their classes, the same ones as they were.  Counting: runs
 * may be as long as the text, and utf8proc's own ordering would take their square. */
static bool
order_run(utf8proc_int32_t *v, size_t n)
{
	size_t start[257] = {0};
	utf8proc_int32_t *to = malloc(n * sizeof *to);

	if (!to)
		return false;
	for (size_t i = 0; i < n; i++)
		start[combining_class(v[i]) + 1]++;
	for (int c = 0; c < 256; c++)
		start[c + 1] += start[c];
	for (size_t i = 0; i < n; i++)
		to[start[combining_class(v[i])]++] = v[i];
	memcpy(v, to, n * sizeof *to);
	free(to);
	return true;
}

static bool
canonical_order(struct points *p)
{
	for (size_t i = 0; i < p->n;) {
		size_t end = i;
		bool sorted = true;

		for (int last = 0; end < p->n; end++) {
			int c = combining_class(p->v[end]);

			if (!c)
				break;
			sorted = sorted && c >= last;
			last = c;
		}
		if (!sorted && !order_run(p->v + i, end - i))
			return false;
		i = end > i ? end : i + 1;
	}
	return true;
}

/* How many more characters than one cp takes from the decomposed ones, d[*from ..) as far as they are not used up (-1), when
 * each LATER one counts nothing.  Negative: it is itself a LATER one. */
static int
taken(utf8proc_int32_t cp, struct points *d, size_t *from)
{
	utf8proc_int32_t parts[EXPANSION];
	int bound = 0, more = -1;
	utf8proc_ssize_t k = utf8proc_decompose_char(cp, parts, EXPANSION,
						     UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, &bound);
	size_t i = *from;

	for (utf8proc_ssize_t j = 0; j < k; j++) {
		while (i < d->n && (d->v[i] < 0 || (d->v[i] & ~LATER) != parts[j]))
			i++;
		if (i == d->n)
			break;
		more += !(d->v[i] & LATER);
		d->v[i] = -1;
	}
	while (*from < d->n && d->v[*from] < 0)
		++*from;
	return more;
}

/* The head of to[0 .. n), made of the decomposed d, made of in.  The library counts how many characters of the old text each
 * one of the new stands for, in the order of the new, whatever was reordered between. */
static size_t
form_head(const utf8proc_int32_t *to, size_t n, struct points *d, const struct strbuf *in,
	  size_t head)
{
	size_t off = 0, len = 0, from = 0;
	uint32_t cp;

	for (size_t i = 0; i < n; i++) {
		int more = taken(to[i], d, &from);
		char c[4];

		if ((more < 0 && off ? off - 1 : off) >= head)
			break;
		len += utf8_write((uint32_t)to[i], c);
		for (; more >= 0 && off < in->len; more--)
			off += utf8_next(in->s + off, in->len - off, &cp);
	}
	return len;
}

static bool
copy_points(struct points *to, const struct points *from)
{
	to->v = malloc((from->n ? from->n : 1) * sizeof *to->v);
	if (!to->v)
		return false;
	memcpy(to->v, from->v, from->n * sizeof *to->v);
	to->n = from->n;
	return true;
}

static enum t2_status
unicode_form(enum normalize_kind kind, const struct strbuf *in, struct strbuf *out, size_t *head,
	     struct t2_err *err)
{
	utf8proc_option_t o = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
	struct points p = {0}, d = {0};
	utf8proc_ssize_t n;
	bool ok = true;

	if (kind == NORMALIZE_NFKC || kind == NORMALIZE_NFKD)
		o |= UTF8PROC_COMPAT;
	for (size_t i = 0; i < in->len && ok;) {
		uint32_t cp;

		i += utf8_next(in->s + i, in->len - i, &cp);
		ok = decompose(&p, cp, o);
	}
	ok = ok && canonical_order(&p) && (!*head || copy_points(&d, &p));
	n = (utf8proc_ssize_t)p.n;
	for (size_t i = 0; i < p.n; i++)
		p.v[i] &= ~LATER;
	if (ok && (kind == NORMALIZE_NFC || kind == NORMALIZE_NFKC))
		n = utf8proc_normalize_utf32(p.v, n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	if (ok && *head)
		*head = form_head(p.v, (size_t)n, &d, in, *head);
	for (utf8proc_ssize_t i = 0; ok && i < n; i++) {
		char c[4];

		strbuf_add(out, c, utf8_write((uint32_t)p.v[i], c));
	}
	free(p.v);
	free(d.v);
	return ok ? T2_OK : t2_nomem(err, "normalizing");
}

static void
lowercase(const struct strbuf *in, struct strbuf *out, size_t *head)
{
	size_t old = *head;

	for (size_t i = 0; i < in->len;) {
		uint32_t cp;
		char c[4];

		i += utf8_next(in->s + i, in->len - i, &cp);
		if (cp == 0x130) /* the only one whose lower case is two characters */
			strbuf_str(out, "i\xcc\x87");
		else
			strbuf_add(out, c,
				   utf8_write((uint32_t)utf8proc_tolower((utf8proc_int32_t)cp), c));
		if (i <= old)
			*head = out->len;
	}
}

static void
strip_accents(const struct strbuf *in, struct strbuf *out, size_t *head)
{
	size_t old = *head;

	for (size_t i = 0; i < in->len;) {
		uint32_t cp;
		size_t k = utf8_next(in->s + i, in->len - i, &cp);
		utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);

		if (c != UTF8PROC_CATEGORY_MN && c != UTF8PROC_CATEGORY_MC &&
		    c != UTF8PROC_CATEGORY_ME)
			strbuf_add(out, in->s + i, k);
		i += k;
		if (i <= old)
			*head = out->len;
	}
}

static void
strip(const struct normalize_step *s, const struct strbuf *in, struct strbuf *out, size_t *head)
{
	size_t a = 0, b = 0;
	bool leading = s->left;

	for (size_t i = 0; i < in->len;) {
		uint32_t cp;
		size_t k = utf8_next(in->s + i, in->len - i, &cp);
		bool space = utf8_is_space(cp);

		i += k;
		if (leading && space)
			a = i;
		else
			leading = false;
		if (!space)
			b = i;
	}
	if (!s->right)
		b = in->len;
	if (b > a)
		strbuf_add(out, in->s + a, b - a);
	*head = *head > a ? *head - a : 0;
	*head = *head < out->len ? *head : out->len;
}

/* Appends the step's result to out, which is empty. *same: nothing changes, out is not used. */
static enum t2_status
run_step(const struct normalize_step *s, struct matcher *m, const struct strbuf *in,
	 struct strbuf *out, size_t *head, bool *same, struct t2_err *err)
{
	*same = !in->len;
	if (*same)
		return T2_OK;
	switch (s->kind) {
	case NORMALIZE_PREPEND:
		strbuf_add(out, s->text, s->len);
		strbuf_add(out, in->s, in->len);
		*head += *head ? s->len : 0;
		return T2_OK;
	case NORMALIZE_REPLACE:
		return replace(s, m, in, out, head, err);
	case NORMALIZE_NFC:
	case NORMALIZE_NFD:
	case NORMALIZE_NFKC:
	case NORMALIZE_NFKD:
		*same = is_ascii(in);
		return *same ? T2_OK : unicode_form(s->kind, in, out, head, err);
	case NORMALIZE_LOWERCASE:
		lowercase(in, out, head);
		return T2_OK;
	case NORMALIZE_STRIP:
		strip(s, in, out, head);
		return T2_OK;
	case NORMALIZE_STRIP_ACCENTS:
		*same = is_ascii(in);
		if (!*same)
			strip_accents(in, out, head);
		return T2_OK;
	}
	return T2_OK;
}

enum t2_status
normalizer_run(const struct normalizer *n, struct matcher *m, struct strbuf *text,
	       struct strbuf *scratch, size_t *head, struct t2_err *err)
{
	for (int i = 0; i < n->n; i++) {
		struct strbuf old = *text;
		bool same;
		enum t2_status st;

		strbuf_clear(scratch);
		st = run_step(&n->steps[i], m, text, scratch, head, &same, err);
		if (st)
			return st;
		if (scratch->failed)
			return t2_nomem(err, "normalizing");
		if (same)
			continue;
		*text = *scratch;
		*scratch = old;
	}
	return T2_OK;
}
