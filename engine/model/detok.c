#include "engine/model/detok.h"

#include <string.h>

#include "engine/base/utf8.h"
#include "engine/model/pretok.h"

enum t2_status
detok_add(struct detok *d, const struct detok_step *step, const char *where, struct t2_err *err)
{
	bool fused = d->fused < d->n;
	struct detok_step own = *step;

	if (fused && own.kind == DETOK_MARK) { /* all of the text is the first piece */
		own.kind = DETOK_REPLACE;
		own.to_len = own.left ? 0 : own.to_len;
	}
	if (d->n == DETOK_STEPS)
		return t2_fail(err, T2_EUNSUP, "%s: more than %d steps", where, DETOK_STEPS);
	if (fused && own.kind != DETOK_REPLACE && own.kind != DETOK_STRIP && own.kind != DETOK_FUSE)
		return t2_fail(err, T2_EUNSUP,
			       "%s: only Replace, Strip and Metaspace are supported behind Fuse or "
			       "ByteLevel",
			       where);
	if (!fused && own.kind != DETOK_FUSE && own.kind != DETOK_BYTES)
		d->fused++;
	d->steps[d->n++] = own;
	return T2_OK;
}

static void emit(struct detok_run *r, int i, const char *s, size_t len, struct strbuf *out);

static bool
starts_with(const char *s, size_t len, const char *what, size_t n)
{
	return len >= n && !memcmp(s, what, n);
}

/* Copies s with from replaced by the first to_len bytes of to.  In a text that goes on, stops where a match may be cut off:
 * returns how much of s was used. */
static size_t
replace(const struct detok_step *st, size_t to_len, const char *s, size_t len, bool more,
	struct strbuf *to)
{
	size_t i = 0;

	while (i < len) {
		size_t left = len - i;

		if (starts_with(s + i, left, st->from, st->from_len)) {
			strbuf_add(to, st->to, to_len);
			i += st->from_len;
		} else if (more && left < st->from_len && !memcmp(s + i, st->from, left)) {
			break;
		} else {
			strbuf_char(to, s[i++]);
		}
	}
	return i;
}

static void
drop(struct strbuf *b, size_t n)
{
	if (!n)
		return;
	memmove(b->s, b->s + n, b->len - n + 1);
	b->len -= n;
}

static void
strip_piece(const struct detok_step *st, const char **s, size_t *len)
{
	for (int k = 0; k < st->left && starts_with(*s, *len, st->from, st->from_len); k++) {
		*s += st->from_len;
		*len -= st->from_len;
	}
	for (int k = 0; k < st->right && *len >= st->from_len; k++) {
		if (memcmp(*s + *len - st->from_len, st->from, st->from_len))
			break;
		*len -= st->from_len;
	}
}

/* The text at the left, then what at the right may not be the end: as many of the last copies as would be stripped, and
 * the beginning of one more. */
static void
strip_text(struct detok_run *r, int i, bool more, struct strbuf *out)
{
	const struct detok_step *st = &r->chain->steps[i];
	struct strbuf *held = &r->state[i].held;
	int *stripped = &r->state[i].stripped;
	size_t keep = 0;

	while (*stripped >= 0 && *stripped < st->left &&
	       starts_with(held->s, held->len, st->from, st->from_len)) {
		drop(held, st->from_len);
		++*stripped;
	}
	if (!held->len)
		return;
	if (more && *stripped >= 0 && *stripped < st->left && held->len < st->from_len &&
	    !memcmp(held->s, st->from, held->len))
		return;
	*stripped = -1;
	if (st->right && more)
		for (size_t part = 1; part < st->from_len && part <= held->len; part++)
			if (!memcmp(held->s + held->len - part, st->from, part))
				keep = part;
	for (int k = 0; k < st->right && held->len - keep >= st->from_len; k++) {
		if (memcmp(held->s + held->len - keep - st->from_len, st->from, st->from_len))
			break;
		keep += st->from_len;
	}
	emit(r, i + 1, held->s, held->len - keep, out);
	drop(held, more ? held->len - keep : held->len);
}

static int
byte_token(const char *s, size_t len)
{
	int v = 0;

	if (len != 6 || memcmp(s, "<0x", 3) || s[5] != '>')
		return -1;
	for (int i = 3; i < 5; i++) {
		char c = s[i];

		v = v * 16 + (c >= '0' && c <= '9'   ? c - '0'
			      : c >= 'a' && c <= 'f' ? c - 'a' + 10
			      : c >= 'A' && c <= 'F' ? c - 'A' + 10
						     : 256);
	}
	return v < 256 ? v : -1;
}

static void
flush_bytes(struct detok_run *r, int i, struct strbuf *out)
{
	struct strbuf *held = &r->state[i].held;

	if (!held->len)
		return;
	if (utf8_valid(held->s, held->len))
		emit(r, i + 1, held->s, held->len, out);
	else
		for (size_t k = 0; k < held->len; k++)
			emit(r, i + 1, "\xef\xbf\xbd", 3, out);
	strbuf_clear(held);
}

/* A piece in GPT-2's alphabet to bytes; any other as it is. */
static void
add_bytes(struct strbuf *to, const char *s, size_t len)
{
	size_t before = to->len, i = 0;

	while (i < len) {
		uint32_t cp;
		int b;

		i += utf8_next(s + i, len - i, &cp);
		b = char_byte(cp);
		if (b < 0) {
			to->len = before;
			strbuf_add(to, s, len);
			return;
		}
		strbuf_char(to, (char)b);
	}
}

/* Whole characters, U+FFFD for what cannot become one. */
static void
flush_chars(struct detok_run *r, int i, bool more, struct strbuf *out)
{
	struct strbuf *held = &r->state[i].held, *s = &r->scratch[i];
	size_t n = held->len;

	/* Only the last three bytes can begin a character that is not complete. */
	for (size_t k = 1; more && k <= 3 && k <= held->len; k++) {
		uint32_t cp;

		if (utf8_next(held->s + held->len - k, k, &cp) == k && cp == UTF8_CUT)
			n = held->len - k;
	}
	if (!n)
		return;
	strbuf_clear(s);
	utf8_clean(s, held->s, n);
	drop(held, n);
	r->failed = r->failed || s->failed;
	if (!s->failed)
		emit(r, i + 1, s->s, s->len, out);
}

/* Hands a piece, or in a fused text the next part of it, to step i. */
static void
emit(struct detok_run *r, int i, const char *s, size_t len, struct strbuf *out)
{
	const struct detok_step *st = &r->chain->steps[i];
	struct strbuf *held, *scratch;
	bool piece = i < r->chain->fused;
	size_t n;
	int b;

	if (i == r->chain->n) {
		strbuf_add(out, s, len);
		return;
	}
	held = &r->state[i].held;
	scratch = &r->scratch[i];
	switch (st->kind) {
	case DETOK_REPLACE:
		if (piece) {
			strbuf_clear(scratch);
			replace(st, st->to_len, s, len, false, scratch);
		} else {
			strbuf_add(held, s, len);
			strbuf_clear(scratch);
			if (!held->failed)
				drop(held,
				     replace(st, st->to_len, held->s, held->len, true, scratch));
		}
		r->failed = r->failed || scratch->failed || held->failed;
		if (!r->failed && (piece || scratch->len)) /* a piece may become empty and counts */
			emit(r, i + 1, scratch->s ? scratch->s : "", scratch->len, out);
		break;
	case DETOK_MARK:
		strbuf_clear(scratch);
		n = st->left && !r->state[i].started ? 0 : st->to_len;
		r->state[i].started = true;
		replace(st, n, s, len, false, scratch);
		r->failed = r->failed || scratch->failed;
		if (!r->failed)
			emit(r, i + 1, scratch->s ? scratch->s : "", scratch->len, out);
		break;
	case DETOK_BYTE_FALLBACK:
		b = byte_token(s, len);
		if (b >= 0) {
			strbuf_char(held, (char)b);
			r->failed = r->failed || held->failed;
			break;
		}
		flush_bytes(r, i, out);
		emit(r, i + 1, s, len, out);
		break;
	case DETOK_FUSE:
		emit(r, i + 1, s, len, out);
		break;
	case DETOK_STRIP:
		if (piece) {
			strip_piece(st, &s, &len);
			emit(r, i + 1, s, len, out);
			break;
		}
		strbuf_add(held, s, len);
		r->failed = r->failed || held->failed;
		if (!r->failed)
			strip_text(r, i, true, out);
		break;
	case DETOK_BYTES:
		add_bytes(held, s, len);
		r->failed = r->failed || held->failed;
		if (!r->failed)
			flush_chars(r, i, true, out);
		break;
	case DETOK_JOIN:
		if (r->state[i].started)
			emit(r, i + 1, " ", 1, out);
		r->state[i].started = true;
		emit(r, i + 1, s, len, out);
		break;
	}
}

void
detok_push(struct detok_run *r, const char *piece, size_t len, struct strbuf *out)
{
	emit(r, 0, piece, len, out);
}

void
detok_end(struct detok_run *r, struct strbuf *out)
{
	for (int i = 0; i < r->chain->n && !r->failed; i++) {
		const struct detok_step *st = &r->chain->steps[i];
		struct strbuf *held = &r->state[i].held;

		if (st->kind == DETOK_BYTE_FALLBACK)
			flush_bytes(r, i, out);
		else if (st->kind == DETOK_BYTES)
			flush_chars(r, i, false, out);
		else if (st->kind == DETOK_STRIP && held->len)
			strip_text(r, i, false, out);
		else if (st->kind == DETOK_REPLACE && held->len)
			emit(r, i + 1, held->s, held->len, out);
		strbuf_clear(held);
	}
}

void
detok_run_free(struct detok_run *r)
{
	for (int i = 0; i < DETOK_STEPS; i++) {
		strbuf_free(&r->state[i].held);
		strbuf_free(&r->scratch[i]);
	}
}
