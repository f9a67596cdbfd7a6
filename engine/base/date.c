#include "engine/base/date.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const double year_1 = -62135596800.0, year_10000 = 253402300800.0; /* where they begin */

/* of: localtime_r() or gmtime_r(). */
static const char *
text(char *buf, size_t size, const char *format, double moment,
     struct tm *of(const time_t *restrict t, struct tm *restrict out))
{
	bool known = moment >= year_1 && moment < year_10000; /* else no time_t may hold it */
	time_t t = known ? (time_t)moment : 0;
	struct tm tm;

	if (!known || !of(&t, &tm) || !strftime(buf, size, format, &tm))
		snprintf(buf, size, "?");
	return buf;
}

const char *
date_text(char *buf, size_t size, const char *format, double moment)
{
	return text(buf, size, format, moment, localtime_r);
}

const char *
date_when(char *buf, size_t size, double moment, double now)
{
	char today[16];

	date_text(today, sizeof today, "%Y-%m-%d", now);
	date_text(buf, size, "%Y-%m-%d", moment);
	return strcmp(today, buf) ? buf : date_text(buf, size, "%H:%M", moment);
}

const char *
date_text_utc(char *buf, size_t size, const char *format, double moment)
{
	return text(buf, size, format, moment, gmtime_r);
}
