/* Moments as text: those of a calendar, and any other number that a store may hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "engine/base/date.h"

static void
test_calendar(void **state)
{
	char b[40];

	(void)state;
	assert_string_equal(date_text_utc(b, sizeof b, DATE_ISO, 0), "1970-01-01T00:00:00Z");
	assert_string_equal(date_text_utc(b, sizeof b, DATE_ISO, 1795516587.9),
			    "2026-11-24T10:36:27Z");
	assert_string_equal(date_text_utc(b, sizeof b, "%Y", 253402300799.0), "9999");
	setenv("TZ", "XXX-1", 1); /* an hour east */
	tzset();
	assert_string_equal(date_text(b, sizeof b, "%H:%M", 0), "01:00");
}

static void
test_when(void **state)
{
	char b[40];

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(date_when(b, sizeof b, 3600, 86399), "01:00");
	assert_string_equal(date_when(b, sizeof b, 86399, 86400), "1970-01-01"); /* a second ago */
	assert_string_equal(date_when(b, sizeof b, NAN, 86400), "?");
}

static void
test_no_calendar(void **state)
{
	static const double moments[] = {1e18,		 -1e18,	   1e300,     -1e300,
					 253402300800.0, INFINITY, -INFINITY, NAN};
	char b[40];

	(void)state;
	for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
		assert_string_equal(date_text(b, sizeof b, DATE_ISO, moments[i]), "?");
		assert_string_equal(date_text_utc(b, sizeof b, DATE_ISO, moments[i]), "?");
	}
	/* more than there is room for */
	assert_string_equal(date_text_utc(b, 5, DATE_ISO, 0), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_no_calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
