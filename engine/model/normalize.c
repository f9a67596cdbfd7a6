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
	struct strbuf *out, struct t2_err *err)
{
	struct pattern_match match = {0};
	size_t done = 0;
	enum t2_status st;

	for (;;) {
		st = pattern_next(&s->pattern, m, in->s, in->len, &match, err);
		if (st || !match.found)
			break;
		strbuf_add(out, in->s + done, match.start - done);
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

static enum t2_status
unicode_form(enum normalize_kind kind, const struct strbuf *in, struct strbuf *out,
	     struct t2_err *err)
{
	utf8proc_option_t o = UTF8PROC_STABLE;
	utf8proc_uint8_t *s = NULL;
	utf8proc_ssize_t n;

	o |= kind == NORMALIZE_NFC || kind == NORMALIZE_NFKC ? UTF8PROC_COMPOSE
							     : UTF8PROC_DECOMPOSE;
	if (kind == NORMALIZE_NFKC || kind == NORMALIZE_NFKD)
		o |= UTF8PROC_COMPAT;
	n = utf8proc_map((const utf8proc_uint8_t *)in->s, (utf8proc_ssize_t)in->len, &s, o);
	if (n < 0)
		return t2_fail(err, n == UTF8PROC_ERROR_NOMEM ? T2_ENOMEM : T2_EINVAL,
			       "normalizing: %s", utf8proc_errmsg(n));
	strbuf_add(out, s, (size_t)n);
	free(s);
	return T2_OK;
}

static void
lowercase(const struct strbuf *in, struct strbuf *out)
{
	for (size_t i = 0; i < in->len;) {
		uint32_t cp;
		char c[4];

		i += utf8_next(in->s + i, in->len - i, &cp);
		if (cp == 0x130) /* the only one whose lower case is two characters */
			strbuf_str(out, "i\xcc\x87");
		else
			strbuf_add(out, c,
				   utf8_put((uint32_t)utf8proc_tolower((utf8proc_int32_t)cp), c));
	}
}

static void
strip_accents(const struct strbuf *in, struct strbuf *out)
{
	for (size_t i = 0; i < in->len;) {
		uint32_t cp;
		size_t k = utf8_next(in->s + i, in->len - i, &cp);
		utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);

		if (c != UTF8PROC_CATEGORY_MN && c != UTF8PROC_CATEGORY_MC &&
		    c != UTF8PROC_CATEGORY_ME)
			strbuf_add(out, in->s + i, k);
		i += k;
	}
}

static void
strip(const struct normalize_step *s, const struct strbuf *in, struct strbuf *out)
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
}

/* Appends the step's result to out, which is empty. *same: nothing changes, out is not used. */
static enum t2_status
run_step(const struct normalize_step *s, struct matcher *m, const struct strbuf *in,
	 struct strbuf *out, bool *same, struct t2_err *err)
{
	*same = !in->len;
	if (*same)
		return T2_OK;
	switch (s->kind) {
	case NORMALIZE_PREPEND:
		strbuf_add(out, s->text, s->len);
		strbuf_add(out, in->s, in->len);
		return T2_OK;
	case NORMALIZE_REPLACE:
		return replace(s, m, in, out, err);
	case NORMALIZE_NFC:
	case NORMALIZE_NFD:
	case NORMALIZE_NFKC:
	case NORMALIZE_NFKD:
		*same = is_ascii(in);
		return *same ? T2_OK : unicode_form(s->kind, in, out, err);
	case NORMALIZE_LOWERCASE:
		lowercase(in, out);
		return T2_OK;
	case NORMALIZE_STRIP:
		strip(s, in, out);
		return T2_OK;
	case NORMALIZE_STRIP_ACCENTS:
		*same = is_ascii(in);
		if (!*same)
			strip_accents(in, out);
		return T2_OK;
	}
	return T2_OK;
}

enum t2_status
normalizer_run(const struct normalizer *n, struct matcher *m, struct strbuf *text,
	       struct strbuf *scratch, struct t2_err *err)
{
	for (int i = 0; i < n->n; i++) {
		struct strbuf old = *text;
		bool same;
		enum t2_status st;

		strbuf_clear(scratch);
		st = run_step(&n->steps[i], m, text, scratch, &same, err);
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
