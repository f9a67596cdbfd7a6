#include "engine/task/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum { REGEX_MAX = 16384 }; /* bytes of a pattern */

struct regex {
	pcre2_code *code;
	pcre2_match_context *limits;
	uint32_t groups;
};

enum t2_status
regex_new(struct regex **out, const char *pattern, const char *where, struct t2_err *err)
{
	struct regex *re = calloc(1, sizeof *re);
	PCRE2_UCHAR text[200];
	PCRE2_SIZE at;
	int code;

	*out = NULL;
	if (!re)
		return t2_nomem(err, where);
	if (strlen(pattern) > REGEX_MAX) {
		free(re);
		return t2_fail(err, T2_EUNSUP, "%s: a pattern of over %d bytes", where, REGEX_MAX);
	}
	re->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP,
				 &code, &at, NULL);
	if (!re->code) {
		pcre2_get_error_message(code, text, sizeof text);
		free(re);
		return t2_fail(err, T2_EFORMAT, "%s: bad pattern at byte %zu: %s", where,
			       (size_t)at, (char *)text);
	}
	pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &re->groups);
	re->limits = pcre2_match_context_create(NULL);
	if (!re->limits || re->groups >= FINDER_SPANS) {
		enum t2_status st =
			re->limits ? t2_fail(err, T2_EUNSUP, "%s: a pattern of over %d groups",
					     where, FINDER_SPANS - 1)
				   : t2_nomem(err, where);

		regex_free(re);
		return st;
	}
	/* steps are the default's 10 million; backtracking points get 16 MiB */
	pcre2_set_match_limit(re->limits, 10000000);
	pcre2_set_heap_limit(re->limits, 16 * 1024);
	*out = re;
	return T2_OK;
}

void
regex_free(struct regex *re)
{
	if (!re)
		return;
	pcre2_code_free(re->code);
	pcre2_match_context_free(re->limits);
	free(re);
}

int
regex_groups(const struct regex *re)
{
	return (int)re->groups;
}

int
regex_group(const struct regex *re, const char *name)
{
	int n = pcre2_substring_number_from_name(re->code, (PCRE2_SPTR)name);

	return n > 0 ? n : -1;
}

bool
regex_replace(const struct regex *re, const char *replacement, struct strbuf *b)
{
	uint32_t options = PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_UNSET_EMPTY |
			   PCRE2_SUBSTITUTE_OVERFLOW_LENGTH | PCRE2_NO_UTF_CHECK;
	size_t room = b->len * 2 + 64, n;
	int rc = PCRE2_ERROR_NOMEMORY;
	char *text = NULL;

	for (int pass = 0; pass < 2 && rc == PCRE2_ERROR_NOMEMORY; pass++) {
		char *more = realloc(text, room);

		if (!more)
			break;
		text = more;
		n = room;
		rc = pcre2_substitute(re->code, (PCRE2_SPTR)(b->s ? b->s : ""), b->len, 0, options,
				      NULL, re->limits, (PCRE2_SPTR)replacement,
				      PCRE2_ZERO_TERMINATED, (PCRE2_UCHAR *)text, &n);
		room = n; /* what it takes, after an overflow */
	}
	if (rc > 0) {
		strbuf_clear(b);
		strbuf_add(b, text, n);
	}
	free(text);
	return rc >= 0 && !b->failed;
}

enum t2_status
finder_open(struct finder *f, const struct regex *re, const char *s, size_t len, struct t2_err *err)
{
	memset(f, 0, sizeof *f);
	f->re = re;
	f->s = s;
	f->len = len;
	f->data = pcre2_match_data_create_from_pattern(re->code, NULL);
	return f->data ? T2_OK : t2_nomem(err, "pattern");
}

static bool
find(struct finder *f, size_t pos, uint32_t options)
{
	const PCRE2_SIZE *ov;
	int rc;

	if (pos > f->len || f->limited)
		return false;
	rc = pcre2_match(f->re->code, (PCRE2_SPTR)f->s, f->len, pos, options | PCRE2_NO_UTF_CHECK,
			 f->data, f->re->limits);
	if (rc < 0) {
		f->limited = rc != PCRE2_ERROR_NOMATCH;
		return false;
	}
	ov = pcre2_get_ovector_pointer(f->data);
	for (uint32_t i = 0; i <= f->re->groups; i++)
		f->span[i] = (struct finder_span){ov[2 * i], ov[2 * i + 1]};
	f->pos = f->span[0].end;
	if (f->span[0].start >= f->span[0].end) { /* \K may even turn them round */
		f->pos = f->span[0].start > pos ? f->span[0].start : pos;
		do
			f->pos++;
		while (f->pos < f->len && ((unsigned char)f->s[f->pos] & 0xc0) == 0x80);
	}
	return true;
}

bool
finder_next(struct finder *f)
{
	return find(f, f->pos, 0);
}

bool
finder_at(struct finder *f, size_t pos)
{
	return find(f, pos, PCRE2_ANCHORED);
}

void
finder_close(struct finder *f)
{
	pcre2_match_data_free(f->data);
}
