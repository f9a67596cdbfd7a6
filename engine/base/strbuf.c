#include "engine/base/strbuf.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
room(struct strbuf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 64;
	char *s;

	if (b->failed)
		return false;
	if (n >= (size_t)-1 / 2 - b->len) {
		b->failed = true;
		return false;
	}
	if (b->len + n + 1 <= b->cap)
		return true;
	while (cap < b->len + n + 1)
		cap *= 2;
	s = realloc(b->s, cap);
	if (!s) {
		b->failed = true;
		return false;
	}
	b->s = s;
	b->cap = cap;
	return true;
}

void
strbuf_add(struct strbuf *b, const void *bytes, size_t n)
{
	if (!room(b, n))
		return;
	if (n)
		memcpy(b->s + b->len, bytes, n);
	b->len += n;
	b->s[b->len] = 0;
}

void
strbuf_str(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void
strbuf_char(struct strbuf *b, char c)
{
	strbuf_add(b, &c, 1);
}

void
strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0 && room(b, (size_t)n)) {
		vsnprintf(b->s + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void
strbuf_number(struct strbuf *b, double v)
{
	if (isfinite(v))
		strbuf_printf(b, "%.9g", v);
}

void
strbuf_csv(struct strbuf *b, const char *field)
{
	if (!strpbrk(field, ",\"\r\n")) {
		strbuf_str(b, field);
		return;
	}
	strbuf_char(b, '"');
	for (; *field; field++) {
		if (*field == '"')
			strbuf_char(b, '"');
		strbuf_char(b, *field);
	}
	strbuf_char(b, '"');
}

void
strbuf_xml(struct strbuf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '<')
			strbuf_str(b, "&lt;");
		else if (s[i] == '>')
			strbuf_str(b, "&gt;");
		else if (s[i] == '&')
			strbuf_str(b, "&amp;");
		else
			strbuf_char(b, s[i]);
	}
}

void
strbuf_clear(struct strbuf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->s)
		b->s[0] = 0;
}

char *
strbuf_take(struct strbuf *b)
{
	char *s;

	strbuf_add(b, "", 0);
	s = b->failed ? NULL : b->s;
	if (b->failed)
		free(b->s);
	memset(b, 0, sizeof *b);
	return s;
}

void
strbuf_free(struct strbuf *b)
{
	free(b->s);
	memset(b, 0, sizeof *b);
}
