#include "engine/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message is one line of whole characters: control bytes become '?', a UTF-8 sequence that the buffer cut goes. */
static void
tidy(char *msg, size_t size)
{
	size_t n = strlen(msg), start = n;

	for (char *p = msg; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (n + 1 < size)
		return;
	while (start && n - start < 4 && ((unsigned char)msg[start - 1] & 0xc0) == 0x80)
		start--;
	if (start && n - --start < 4) {
		unsigned char lead = (unsigned char)msg[start];
		size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;

		if (n - start < want)
			msg[start] = 0;
	}
}

enum t2_status
t2_fail(struct t2_err *err, enum t2_status code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	tidy(err->msg, sizeof err->msg);
	return code;
}

enum t2_status
t2_wrap(struct t2_err *err, enum t2_status code, const char *fmt, ...)
{
	char old[sizeof err->msg];
	size_t n;
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	memcpy(old, err->msg, sizeof old);
	old[sizeof old - 1] = 0;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	snprintf(err->msg + n, sizeof err->msg - n, ": %s", old);
	tidy(err->msg, sizeof err->msg);
	return code;
}

enum t2_status
t2_nomem(struct t2_err *err, const char *what)
{
	return t2_fail(err, T2_ENOMEM, "%s: out of memory", what);
}
