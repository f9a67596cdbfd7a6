/* Jobs that read for the views, while nobody can open the store: cancelling one leaves the request that waits behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/golden.h"
#include "tui/app.h"
#include "tui/views/views.h"
#include "tui/world.h"

int sqlite3_auto_extension(void (*each)(void)); /* SQLite's, whose header is store/'s alone */

static char dir[900];
static atomic_int opened;

static bool
is_there(const char *name)
{
	char path[1000];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return !access(path, F_OK);
}

/* Of every connection that is opened: from when the file "shut" is there it stands still until "open" is. */
static int
stand_still(void *db, char **why, const void *api)
{
	(void)db;
	(void)why;
	(void)api;
	if (!is_there("shut"))
		return 0;
	opened++;
	while (!is_there("open"))
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	return 0;
}

static void
test_cancelled(void **state)
{
	static struct world w;
	struct app_config cfg = {.views = workbench_views,
				 .nviews = workbench_view_count,
				 .first = 2,
				 .w = 120,
				 .h = 40,
				 .glyphs = "ascii",
				 .colors = "mono",
				 .title = "sample",
				 .user = &w,
				 .event = world_event,
				 .closing = world_closing,
				 .words = world_words};
	static const char *const name[] = {"read runs", "read the store"};
	char store[1000], script[1000];
	struct t2_err err;
	FILE *f;
	int rc;

	(void)state;
	snprintf(dir, sizeof dir, "%s", temp_dir());
	snprintf(store, sizeof store, "%s/store", dir);
	assert_int_equal(mkdir(store, 0700),
			 0); /* its folder is watched: no other files in there */
	snprintf(store, sizeof store, "%s/store/t2.db", dir);
	snprintf(script, sizeof script, "%s/s.t2s", dir);
	setenv("XDG_CACHE_HOME", dir, 1);
	setenv("XDG_STATE_HOME", dir, 1);
	f = fopen(script, "w");
	assert_non_null(f);
	fprintf(f,
		"wait \"effective rank\" 20000\nkeys 9\nwait \"0 running\" 20000\n"
		"shot %s/shut\nsleep 300\n"
		/* Runs reads its curves and the world; then both are to read once more */
		"keys 7jr\nkeys 9\nwait \"read runs\" 9000\nwait \"read the store\" 9000\n",
		dir);
	for (int i = 0; i < 2; i++)
		fprintf(f, "keys /\ntype %s\nkey Enter\nkeys gK\nkeys /\nkey Ctrl-u\nkey Enter\n",
			name[i]);
	fprintf(f, "shot %s/open\nwait \"0 running\" 20000\n", dir);
	fclose(f);
	cfg.script = script;
	if (world_open(&w, "sample", store, 1, NULL, NULL, &err))
		fail_msg("%s", err.msg);
	sqlite3_auto_extension((void (*)(void))stand_still);
	rc = app_run(&cfg);
	world_close(&w);
	assert_int_equal(rc, 0);
	assert_true(opened >= 4); /* each of the two, and once more */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cancelled)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
