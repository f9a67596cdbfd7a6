#include "engine/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Messages quote foreign files: what comes out is one line, and nothing a terminal would obey. */
static void
one_line(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
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
	one_line(err->msg);
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
	one_line(err->msg);
	return code;
}

enum t2_status
t2_nomem(struct t2_err *err, const char *what)
{
	return t2_fail(err, T2_ENOMEM, "%s: out of memory", what);
}
