#include "engine/model/pretok.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"

struct cut {
	size_t start, end;
	bool match;
};

/* The printable bytes of Latin-1 stand for themselves, the other 68, in order, for U+0100 and up. */
static bool
stands_for_itself(uint32_t b)
{
	return (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
}

uint32_t
byte_char(unsigned char b)
{
	if (stands_for_itself(b))
		return b;
	if (b <= 0x20)
		return 0x100u + b;
	if (b <= 0xa0)
		return 0x100u + 33 + (b - 0x7fu);
	return 0x100 + 67;
}

int
char_byte(uint32_t cp)
{
	if (cp < 0x100)
		return stands_for_itself(cp) ? (int)cp : -1;
	if (cp <= 0x120)
		return (int)cp - 0x100;
	if (cp <= 0x142)
		return (int)cp - 0x121 + 0x7f;
	return cp == 0x143 ? 0xad : -1;
}

enum t2_status
pretok_add(struct pretok *p, const struct pretok_step *step, struct t2_err *err)
{
	struct pretok_step own = *step;
	struct pretok_step *s = realloc(p->steps, (size_t)(p->n + 1) * sizeof *s);

	if (!s) {
		pattern_free(&own.pattern);
		return t2_nomem(err, "pre-tokenizer");
	}
	p->steps = s;
	p->steps[p->n++] = own;
	return T2_OK;
}

void
pretok_free(struct pretok *p)
{
	for (int i = 0; i < p->n; i++)
		pattern_free(&p->steps[i].pattern);
	free(p->steps);
	memset(p, 0, sizeof *p);
}

void
words_free(struct words *w)
{
	strbuf_free(&w->text);
	strbuf_free(&w->old_text);
	free(w->v);
	free(w->old);
	free(w->cuts);
	memset(w, 0, sizeof *w);
}

bool
pretok_wants_head(const struct pretok *p)
{
	for (int i = 0; i < p->n; i++)
		if (p->steps[i].kind == PRETOK_MARK && p->steps[i].prepend == PRETOK_FIRST)
			return true;
	return false;
}

static bool
add_word(struct words *w, size_t off, size_t len, size_t head)
{
	if (!len)
		return true;
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 256;
		struct word *v = realloc(w->v, cap * sizeof *v);

		if (!v)
			return false;
		w->v = v;
		w->cap = cap;
	}
	w->v[w->n++] = (struct word){off, len, head < len ? head : len};
	return true;
}

static bool
add_cut(struct words *w, size_t *n, size_t start, size_t end, bool match)
{
	if (*n == w->cuts_cap) {
		size_t cap = w->cuts_cap ? w->cuts_cap * 2 : 256;
		struct cut *c = realloc(w->cuts, cap * sizeof *c);

		if (!c)
			return false;
		w->cuts = c;
		w->cuts_cap = cap;
	}
	w->cuts[(*n)++] = (struct cut){start, end, match};
	return true;
}

/* The word's matches and the gaps between them, in order, as w->cuts. */
static enum t2_status
find_cuts(const struct pretok_step *s, struct matcher *m, struct words *w, struct word in,
	  size_t *n, struct t2_err *err)
{
	const char *text = w->text.s + in.off;
	struct pattern_match match = {0};
	size_t done = 0;
	bool ok = true;

	*n = 0;
	for (;;) {
		enum t2_status st = pattern_next(&s->pattern, m, text, in.len, &match, err);

		if (st)
			return st;
		if (!match.found)
			break;
		if (match.start > done)
			ok = add_cut(w, n, done, match.start, s->invert);
		ok = ok && add_cut(w, n, match.start, match.end, !s->invert);
		if (!ok)
			return t2_nomem(err, "pre-tokenizer");
		done = match.end;
	}
	if (done < in.len && !add_cut(w, n, done, in.len, s->invert))
		return t2_nomem(err, "pre-tokenizer");
	return T2_OK;
}

/* Whether cut i begins a new word. */
static bool
begins(const struct cut *c, size_t i, enum pretok_behavior b)
{
	bool before = i > 0 && c[i - 1].match;

	switch (b) {
	case PRETOK_ISOLATED:
	case PRETOK_REMOVED:
		return true;
	case PRETOK_CONTIGUOUS:
		return i == 0 || c[i].match != before;
	case PRETOK_MERGED_PREVIOUS:
		return i == 0 || !c[i].match || before;
	case PRETOK_MERGED_NEXT:
		return i == 0 || !before || c[i].match;
	}
	return true;
}

static enum t2_status
split_word(const struct pretok_step *s, struct matcher *m, struct words *w, struct word in,
	   struct t2_err *err)
{
	size_t n, start = 0;
	enum t2_status st = find_cuts(s, m, w, in, &n, err);

	for (size_t i = 0; i < n && !st; i++) {
		const struct cut *c = w->cuts;

		if (begins(c, i, s->behavior))
			start = c[i].start;
		if (i + 1 < n && !begins(c, i + 1, s->behavior))
			continue;
		if (s->behavior == PRETOK_REMOVED && c[i].match)
			continue;
		if (!add_word(w, in.off + start, c[i].end - start,
			      in.head > start ? in.head - start : 0))
			st = t2_nomem(err, "pre-tokenizer");
	}
	return st;
}

static bool
begins_with_mark(const struct pretok_step *st, const char *s, size_t len)
{
	return *s == ' ' || (len >= st->mark_len && !memcmp(s, st->mark, st->mark_len));
}

/* Writes one old word to the new text, changed.  What is put before it counts as from where its first character is. */
static bool
rewrite_word(const struct pretok_step *st, struct words *w, struct word in)
{
	const char *s = w->old_text.s + in.off;
	size_t off = w->text.len, head = 0;
	bool mark = st->prepend == PRETOK_ALWAYS || (st->prepend == PRETOK_FIRST && in.head);

	if (st->kind == PRETOK_SPACE && *s != ' ')
		strbuf_char(&w->text, ' ');
	if (st->kind == PRETOK_MARK && mark && !begins_with_mark(st, s, in.len))
		strbuf_add(&w->text, st->mark, st->mark_len);
	for (size_t i = 0; i < in.len; i++) {
		char c[4];

		if (st->kind == PRETOK_BYTES)
			strbuf_add(&w->text, c, utf8_write(byte_char((unsigned char)s[i]), c));
		else if (st->kind == PRETOK_MARK && s[i] == ' ')
			strbuf_add(&w->text, st->mark, st->mark_len);
		else
			strbuf_char(&w->text, s[i]);
		if (i < in.head)
			head = w->text.len - off;
	}
	return !w->text.failed && add_word(w, off, w->text.len - off, head);
}

static enum t2_status
run_step(const struct pretok_step *s, struct matcher *m, struct words *w, struct t2_err *err)
{
	struct word *v = w->v;
	struct strbuf text = w->text;
	size_t cap = w->cap;
	enum t2_status st = T2_OK;

	w->v = w->old;
	w->cap = w->old_cap;
	w->old = v;
	w->old_cap = cap;
	w->old_n = w->n;
	w->n = 0;
	if (s->kind != PRETOK_SPLIT) {
		w->text = w->old_text;
		w->old_text = text;
		strbuf_clear(&w->text);
	}
	for (size_t i = 0; i < w->old_n && !st; i++) {
		if (s->kind == PRETOK_SPLIT)
			st = split_word(s, m, w, w->old[i], err);
		else if (!rewrite_word(s, w, w->old[i]))
			st = t2_nomem(err, "pre-tokenizer");
	}
	return st;
}

enum t2_status
pretok_run(const struct pretok *p, struct matcher *m, struct words *w, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	w->n = 0;
	if (!add_word(w, 0, w->text.len, w->head))
		return t2_nomem(err, "pre-tokenizer");
	for (int i = 0; i < p->n && !st; i++)
		st = run_step(&p->steps[i], m, w, err);
	return st;
}
