/* t2tui(1) lists the keys that the tables of bindings hold.  T2_UPDATE=1 writes them there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/mapfile.h"
#include "engine/base/strbuf.h"
#include "tui/app.h"
#include "tui/views/views.h"

static const char page[] = "man/t2tui.1";

static char *
keys(void)
{
	struct strbuf b = {0};

	app_keys_mdoc(workbench_views, workbench_view_count, &b);
	assert_false(b.failed);
	assert_true(b.len > 100);
	return strbuf_take(&b);
}

static void
test_keys(void **state)
{
	static const char end[] = ".\\\" keys: end\n";
	struct t2_err err;
	struct mapfile m;
	char *text, *from, *to, *want = keys();

	(void)state;
	if (mapfile_open(&m, page, &err))
		fail_msg("%s", err.msg);
	text = malloc(m.size + 1);
	memcpy(text, m.data, m.size);
	text[m.size] = 0;
	mapfile_close(&m);
	from = strstr(text, ".\\\" keys: begin");
	from = from ? strchr(from, '\n') + 1 : NULL;
	to = from ? strstr(from, end) : NULL;
	assert_non_null(to);
	if (getenv("T2_UPDATE")) {
		FILE *f = fopen(page, "w");

		assert_non_null(f);
		fwrite(text, 1, (size_t)(from - text), f);
		fputs(want, f);
		fputs(to, f);
		assert_int_equal(fclose(f), 0);
	} else if ((size_t)(to - from) != strlen(want) || memcmp(from, want, strlen(want))) {
		fail_msg("%s: its keys are not those of the program; T2_UPDATE=1 %s brings them up "
			 "to date",
			 page, "build/tests/test_manual");
	}
	free(text);
	free(want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
