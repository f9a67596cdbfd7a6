#include "engine/model/pattern.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/strbuf.h"
#include "engine/base/utf8.h"

enum {
	PATTERN_MAX = 16384, /* bytes of an expression */
	MATCH_STEPS = 20 * 1000 * 1000,
	MATCH_HEAP = 64 * 1024, /* KiB */
	JIT_STACK_MAX = 8 * 1024 * 1024,
};

static enum t2_status
keep(struct pattern *p, const char *s, size_t len, const char *where, struct t2_err *err)
{
	memset(p, 0, sizeof *p);
	if (!len)
		return t2_fail(err, T2_EUNSUP, "%s: an empty pattern is not supported", where);
	p->text = malloc(len + 1);
	if (!p->text)
		return t2_nomem(err, where);
	memcpy(p->text, s, len);
	p->text[len] = 0;
	p->len = len;
	return T2_OK;
}

enum t2_status
pattern_literal(struct pattern *p, const char *s, size_t len, const char *where, struct t2_err *err)
{
	return keep(p, s, len, where, err);
}

static bool
is_hex(const char *s, const char *end, int n)
{
	if (end - s < n)
		return false;
	while (n--)
		if (!isxdigit((unsigned char)s[n]))
			return false;
	return true;
}

/* s is at a backslash.  Returns what follows the escape, NULL where it is not one that we know. */
static const char *
translate_escape(struct strbuf *out, const char *s, const char *end)
{
	const char *name, *close;
	char c;

	if (end - s < 2)
		return NULL;
	c = s[1];
	if (!isalnum((unsigned char)c)) {
		strbuf_add(out, s, 2);
		return s + 2;
	}
	switch (c) {
	case 's':
		strbuf_str(out, "\\p{White_Space}");
		return s + 2;
	case 'S':
		strbuf_str(out, "\\P{White_Space}");
		return s + 2;
	case 'v':
		strbuf_str(out, "\\x0b");
		return s + 2;
	case 'd':
	case 'D':
	case 'r':
	case 'n':
	case 't':
	case 'f':
		strbuf_add(out, s, 2);
		return s + 2;
	case 'u':
		if (!is_hex(s + 2, end, 4))
			return NULL;
		strbuf_printf(out, "\\x{%.4s}", s + 2);
		return s + 6;
	case 'x':
		if (end - s > 2 && s[2] == '{') {
			close = memchr(s, '}', (size_t)(end - s));
			if (!close || close - s > 11 || close == s + 3 ||
			    !is_hex(s + 3, close, (int)(close - s - 3)))
				return NULL;
			strbuf_add(out, s, (size_t)(close + 1 - s));
			return close + 1;
		}
		if (!is_hex(s + 2, end, 2))
			return NULL;
		strbuf_printf(out, "\\x{%.2s}", s + 2);
		return s + 4;
	case 'p':
	case 'P':
		close = memchr(s, '}', (size_t)(end - s));
		if (end - s < 4 || s[2] != '{' || !close)
			return NULL;
		name = s[3] == '^' ? s + 4 : s + 3;
		for (const char *q = name; q < close; q++)
			if (!isalpha((unsigned char)*q) && *q != '_')
				return NULL;
		if (name == close)
			return NULL;
		/* PCRE2 takes a bare script name for the script extensions. */
		strbuf_printf(out, "\\%c{%s%s%.*s}", c, name == s + 4 ? "^" : "",
			      close - name > 2 ? "sc:" : "", (int)(close - name), name);
		return close + 1;
	default:
		return NULL;
	}
}

/* s is at "(?".  Only groups that mean the same to both. */
static const char *
translate_group(struct strbuf *out, const char *s, const char *end)
{
	static const char *const known[] = {"(?:",  "(?=",  "(?!",  "(?>",
					    "(?<=", "(?<!", "(?i:", "(?i)"};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		size_t n = strlen(known[i]);

		if ((size_t)(end - s) >= n && !memcmp(s, known[i], n)) {
			strbuf_add(out, known[i], n);
			return s + n;
		}
	}
	return NULL;
}

/* s is at "{": {n}, {n,} or {n,m}, without a "+" or "?" behind, which Oniguruma reads in its own way. */
static const char *
translate_repeat(struct strbuf *out, const char *s, const char *end)
{
	const char *q = s + 1;

	while (q < end && isdigit((unsigned char)*q))
		q++;
	if (q == s + 1)
		return NULL;
	if (q < end && *q == ',')
		q++;
	while (q < end && isdigit((unsigned char)*q))
		q++;
	if (q == end || *q != '}' || (q + 1 < end && (q[1] == '+' || q[1] == '?')))
		return NULL;
	strbuf_add(out, s, (size_t)(q + 1 - s));
	return q + 1;
}

/* From Oniguruma's dialect (Ruby syntax) to PCRE2's. On failure *bad is where it stopped. */
static bool
translate(struct strbuf *out, const char *s, size_t len, size_t *bad)
{
	const char *p = s, *end = s + len, *next;
	bool class = false;
	const char *class_start = NULL;

	while (p < end) {
		*bad = (size_t)(p - s);
		next = p + 1;
		if (*p == '\\') {
			next = translate_escape(out, p, end);
		} else if (class) {
			/* Nested classes and intersections are Oniguruma's alone. */
			if (*p == '[' || (*p == '&' && next < end && *next == '&'))
				return false;
			if (*p == ']' && p > class_start)
				class = false;
			strbuf_char(out, *p);
		} else if (*p == '(' && next < end && *next == '?') {
			next = translate_group(out, p, end);
		} else if (*p == '(' && next < end && *next == '*') {
			return false;
		} else if (*p == '{') {
			next = translate_repeat(out, p, end);
		} else {
			if (*p == '[') {
				class = true;
				class_start = next < end && *next == '^' ? next + 1 : next;
			}
			strbuf_char(out, *p);
		}
		if (!next)
			return false;
		p = next;
	}
	*bad = len;
	return !class;
}

static enum t2_status
compile(struct pattern *p, const struct strbuf *re, const char *where, struct t2_err *err)
{
	pcre2_compile_context *cc = pcre2_compile_context_create(NULL);
	PCRE2_UCHAR msg[128];
	PCRE2_SIZE at = 0;
	int rc = 0;

	if (!cc || re->failed) {
		pcre2_compile_context_free(cc);
		return t2_nomem(err, where);
	}
	pcre2_set_newline(cc, PCRE2_NEWLINE_LF);
	pcre2_set_parens_nest_limit(cc, 50);
	p->re = pcre2_compile((PCRE2_SPTR)re->s, re->len, PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE,
			      &rc, &at, cc);
	pcre2_compile_context_free(cc);
	if (!p->re) {
		pcre2_get_error_message(rc, msg, sizeof msg);
		return t2_fail(err, T2_EUNSUP, "%s: pattern \"%.200s\": %s", where, p->text,
			       (const char *)msg);
	}
	/* Without JIT (a system that forbids it) matching is slower, and the same. */
	pcre2_jit_compile(p->re, PCRE2_JIT_COMPLETE);
	return T2_OK;
}

enum t2_status
pattern_regex(struct pattern *p, const char *s, size_t len, const char *where, struct t2_err *err)
{
	enum t2_status st = keep(p, s, len, where, err);
	struct strbuf re = {0};
	size_t bad;

	if (st)
		return st;
	if (len > PATTERN_MAX)
		st = t2_fail(err, T2_EUNSUP, "%s: pattern of %zu bytes, more than %d", where, len,
			     PATTERN_MAX);
	else if (!translate(&re, s, len, &bad))
		st = t2_fail(err, T2_EUNSUP,
			     "%s: pattern \"%.200s\": not supported from byte %zu on: \"%.12s\"",
			     where, p->text, bad, p->text + bad);
	else
		st = compile(p, &re, where, err);
	strbuf_free(&re);
	if (st)
		pattern_free(p);
	return st;
}

enum t2_status
pattern_pcre2(struct pattern *p, const char *s, size_t len, const char *where, struct t2_err *err)
{
	enum t2_status st = keep(p, s, len, where, err);
	struct strbuf re = {0};

	if (st)
		return st;
	strbuf_add(&re, s, len);
	st = compile(p, &re, where, err);
	strbuf_free(&re);
	if (st)
		pattern_free(p);
	return st;
}

bool
pattern_may_be_empty(const struct pattern *p)
{
	uint32_t empty = 0;

	return p->re && !pcre2_pattern_info(p->re, PCRE2_INFO_MATCHEMPTY, &empty) && empty;
}

void
pattern_free(struct pattern *p)
{
	pcre2_code_free(p->re);
	free(p->text);
	memset(p, 0, sizeof *p);
}

static bool
matcher_ready(struct matcher *m)
{
	if (m->context)
		return true;
	m->data = pcre2_match_data_create(1, NULL);
	m->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_MAX, NULL);
	m->context = pcre2_match_context_create(NULL);
	if (!m->data || !m->context) {
		matcher_free(m);
		return false;
	}
	pcre2_set_match_limit(m->context, MATCH_STEPS);
	pcre2_set_heap_limit(m->context, MATCH_HEAP);
	if (m->stack)
		pcre2_jit_stack_assign(m->context, NULL, m->stack);
	return true;
}

void
matcher_free(struct matcher *m)
{
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	pcre2_jit_stack_free(m->stack);
	memset(m, 0, sizeof *m);
}

static enum t2_status
find(const struct pattern *p, struct matcher *m, const char *s, size_t n, size_t from,
     struct pattern_match *match, struct t2_err *err)
{
	const char *hit;
	PCRE2_UCHAR msg[128];
	int rc;

	match->found = false;
	if (!p->re) {
		hit = p->len == 1 ? memchr(s + from, p->text[0], n - from)
				  : memmem(s + from, n - from, p->text, p->len);
		if (hit) {
			match->found = true;
			match->start = (size_t)(hit - s);
			match->end = match->start + p->len;
		}
		return T2_OK;
	}
	if (!matcher_ready(m))
		return t2_nomem(err, "matching");
	rc = pcre2_match(p->re, (PCRE2_SPTR)s, n, from, PCRE2_NO_UTF_CHECK, m->data, m->context);
	if (rc >= 0) {
		const PCRE2_SIZE *v = pcre2_get_ovector_pointer(m->data);

		match->found = true;
		match->start = v[0];
		match->end = v[1];
	} else if (rc != PCRE2_ERROR_NOMATCH) {
		pcre2_get_error_message(rc, msg, sizeof msg);
		return t2_fail(err, T2_EUNSUP, "pattern \"%.200s\": text byte %zu: %s", p->text,
			       from, (const char *)msg);
	}
	return T2_OK;
}

enum t2_status
pattern_next(const struct pattern *p, struct matcher *m, const char *s, size_t n,
	     struct pattern_match *match, struct t2_err *err)
{
	size_t last = match->end, from = last;
	bool again = match->again;
	enum t2_status st;
	uint32_t cp;

	for (;;) {
		st = find(p, m, s, n, from, match, err);
		if (st || !match->found)
			return st;
		if (match->end > match->start || !again || match->end != last)
			break;
		if (from == n) {
			match->found = false;
			return T2_OK;
		}
		from += utf8_next(s + from, n - from, &cp);
	}
	match->again = true;
	return T2_OK;
}
