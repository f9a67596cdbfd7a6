/* date.h - a moment as people write it.
 *
 *	char buf[40];
 *	date_text(buf, sizeof buf, DATE_MINUTE, created);		// "2026-11-24 10:36", local time
 *	date_when(buf, sizeof buf, created, now);		// "10:36" of today, else "2026-11-24"
 *	date_text_utc(buf, sizeof buf, DATE_ISO, created);
 *
 * Moments are Unix seconds as the store keeps them, and may be any number at all: one that no calendar has (NaN, a year
 * beyond 9999) becomes "?".  Returns buf. */
#ifndef T2_DATE_H
#define T2_DATE_H

#include <stddef.h>

#define DATE_ISO    "%Y-%m-%dT%H:%M:%SZ"
#define DATE_MINUTE "%Y-%m-%d %H:%M"

const char *date_text(char *buf, size_t size, const char *format, double moment)
	__attribute__((format(strftime, 3, 0)));
const char *date_text_utc(char *buf, size_t size, const char *format, double moment)
	__attribute__((format(strftime, 3, 0)));
/* For a column: the time where it is of the same local day as now, else the day. */
const char *date_when(char *buf, size_t size, double moment, double now);

#endif
