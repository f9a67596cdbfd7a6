#include "engine/model/added.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"

enum t2_status
added_add(struct added *a, const char *s, size_t len, struct added_token t, struct t2_err *err)
{
	if (a->n == a->cap) {
		int cap = a->cap ? a->cap * 2 : 32;
		struct added_token *v = realloc(a->v, (size_t)cap * sizeof *v);

		if (!v)
			return t2_nomem(err, "added tokens");
		a->v = v;
		a->cap = cap;
	}
	t.text = malloc(len + 1);
	if (!t.text)
		return t2_nomem(err, "added tokens");
	memcpy(t.text, s, len);
	t.text[len] = 0;
	t.len = len;
	a->v[a->n++] = t;
	return T2_OK;
}

static int
by_text(const void *x, const void *y)
{
	const struct added_token *a = x, *b = y;
	size_t n = a->len < b->len ? a->len : b->len;
	int c = memcmp(a->text, b->text, n);

	if (c)
		return c;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

enum t2_status
added_ready(struct added *a, struct t2_err *err)
{
	/* What Rust's \w is; PCRE2's leaves out marks and joiners. */
	static const char word[] = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}]";
	bool single = false;

	if (a->n)
		qsort(a->v, (size_t)a->n, sizeof *a->v, by_text);
	for (int i = 0; i < a->n; i++) {
		a->first[(unsigned char)a->v[i].text[0]] = true;
		single = single || a->v[i].single_word;
	}
	return single ? pattern_pcre2(&a->word, word, sizeof word - 1, "single_word", err) : T2_OK;
}

void
added_free(struct added *a)
{
	for (int i = 0; i < a->n; i++)
		free(a->v[i].text);
	free(a->v);
	pattern_free(&a->word);
	memset(a, 0, sizeof *a);
}

/* The longest token that s begins with. Narrows [lo, hi) of the sorted table, byte by byte. */
static const struct added_token *
longest_at(const struct added *a, const char *s, size_t n)
{
	const struct added_token *best = NULL;
	int lo = 0, hi = a->n;

	for (size_t i = 0; i < n && lo < hi; i++) {
		unsigned char c = (unsigned char)s[i];
		int l = lo, h = hi;

		while (l < h) { /* first whose byte i is not below c */
			int mid = l + (h - l) / 2;

			if ((unsigned char)a->v[mid].text[i] < c)
				l = mid + 1;
			else
				h = mid;
		}
		lo = l;
		h = hi;
		while (l < h) { /* first whose byte i is above c */
			int mid = l + (h - l) / 2;

			if ((unsigned char)a->v[mid].text[i] <= c)
				l = mid + 1;
			else
				h = mid;
		}
		hi = l;
		/* A token that ends here is the first of those it begins. */
		if (lo < hi && a->v[lo].len == i + 1) {
			best = &a->v[lo];
			while (lo < hi && a->v[lo].len == i + 1)
				lo++;
		}
	}
	return best;
}

static bool
is_word(const struct added *a, struct matcher *m, const char *s, size_t n)
{
	struct pattern_match match = {0};

	return !pattern_next(&a->word, m, s, n, &match, NULL) && match.found && match.start == 0;
}

static size_t
previous_char(const char *s, size_t end)
{
	size_t i = end - 1;

	while (i && ((unsigned char)s[i] & 0xc0) == 0x80)
		i--;
	return i;
}

static bool
stands_alone(const struct added *a, struct matcher *m, const char *s, size_t n, size_t start,
	     size_t end)
{
	uint32_t cp;
	size_t i;

	if (start) {
		i = previous_char(s, start);
		if (is_word(a, m, s + i, start - i))
			return false;
	}
	return end == n || !is_word(a, m, s + end, utf8_next(s + end, n - end, &cp));
}

bool
added_next(const struct added *a, struct matcher *m, const char *s, size_t n,
	   struct added_match *match)
{
	match->gap = match->end;
	if (!a->n)
		return false;
	for (size_t i = match->from; i < n; i++) {
		const struct added_token *t;
		size_t start = i, end;
		uint32_t cp;

		if (!a->first[(unsigned char)s[i]])
			continue;
		t = longest_at(a, s + i, n - i);
		if (!t)
			continue;
		end = i + t->len;
		if (t->single_word && !stands_alone(a, m, s, n, start, end)) {
			i = end - 1;
			continue;
		}
		match->from = end;
		if (t->lstrip) {
			while (start > match->gap) {
				size_t k = previous_char(s, start);

				utf8_next(s + k, start - k, &cp);
				if (!utf8_is_space(cp))
					break;
				start = k;
			}
			if (start < match->gap)
				start = match->gap;
		}
		while (t->rstrip && end < n) {
			size_t k = utf8_next(s + end, n - end, &cp);

			if (!utf8_is_space(cp))
				break;
			end += k;
		}
		/* White space taken by the token before may hold the start of this one. */
		match->start = start > match->gap ? start : match->gap;
		match->end = end;
		match->token = t;
		return true;
	}
	return false;
}
