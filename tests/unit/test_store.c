/* The store's promises: what it refuses, what it survives, what it keeps. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/mapfile.h"
#include "engine/model/model.h"
#include "store/experts.h"
#include "store/models.h"
#include "store/runs.h"
#include "tests/lib/golden.h"
#include "tests/lib/stores.h"
#include "tests/lib/tinymodel.h"

/* -- opening ----------------------------------------------------------------------------------------------- */

static void
test_new(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	struct stat st;

	(void)state;
	assert_string_equal(store_path(s), path);
	store_close(s);
	assert_int_equal(stat(path, &st), 0);
	expect_sql(path, "PRAGMA application_id", "1949463669"); /* "t2tu" */
	expect_sql(path, "PRAGMA user_version", "5");
	expect_sql(path, "PRAGMA journal_mode", "wal");
	expect_sql(
		path,
		"SELECT count(*) FROM sqlite_schema WHERE type='table' AND name<>'sqlite_sequence'",
		"16");
	expect_sql(path,
		   "SELECT count(*) FROM pragma_table_list WHERE type='table' AND schema='main' "
		   "AND NOT strict AND name NOT LIKE 'sqlite%'",
		   "0");
}

static void
test_reopen(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	struct model_list l;
	int64_t id = add_model(s), again;

	(void)state;
	store_close(s);
	s = opened(path);
	again = add_model(s);
	assert_int_equal(again, id);
	OK(store_model_list(s, &l, &err));
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0].fingerprint, model_fingerprint(tiny));
	assert_string_equal(l.v[0].name, "tiny");
	assert_int_equal(l.v[0].parameters, model_parameters(tiny));
	model_list_free(&l);
	store_close(s);
}

static void
test_shipped_stays(void **state)
{
	struct store *s = opened(new_path());
	struct model_row row;
	struct arena a = {0};
	int64_t id;

	(void)state;
	OK(store_model_register(s, tiny, "sample", true, &id, &err));
	OK(store_model_register(s, tiny, "sample", false, &id, &err));
	OK(store_model_find(s, "sample", &row, &a, &err));
	assert_true(row.shipped);
	OK(store_model_find(s, model_fingerprint(tiny), &row, &a, &err));
	assert_int_equal(row.id, id);
	says(store_model_find(s, "nobody", &row, &a, &err), T2_ENOTFOUND, "nobody");
	arena_free(&a);
	store_close(s);
}

/* A file that is refused has the same bytes after as before, and no journal beside it. */
static void
refused_untouched(const char *path, enum t2_status want, const char *text)
{
	struct store *s = (struct store *)1;
	char side[720];
	struct mapfile before, after;
	void *copy;

	OK(mapfile_open(&before, path, &err));
	copy = malloc(before.size + 1);
	memcpy(copy, before.data, before.size);
	says(store_open(&s, path, &err), want, text);
	assert_null(s);
	assert_non_null(strstr(err.msg, path));
	OK(mapfile_open(&after, path, &err));
	assert_int_equal(after.size, before.size);
	assert_memory_equal(after.data, copy, after.size);
	snprintf(side, sizeof side, "%s-journal", path);
	assert_int_not_equal(access(side, F_OK), 0);
	mapfile_close(&before);
	mapfile_close(&after);
	free(copy);
}

static void
test_newer(void **state)
{
	const char *path = new_path();
	char out[100];

	(void)state;
	store_close(opened(path));
	sqlite(path, "PRAGMA user_version=99", out, sizeof out);
	refused_untouched(path, T2_EUNSUP, "version 99");
}

static void
test_foreign(void **state)
{
	const char *path = new_path(), *marked = new_path(), *versioned = new_path();
	char out[100];

	(void)state;
	sqlite(path, "CREATE TABLE model(a)", out, sizeof out);
	refused_untouched(path, T2_EFORMAT, "another program");
	sqlite(marked, "PRAGMA application_id=77", out, sizeof out);
	refused_untouched(marked, T2_EFORMAT, "another program");
	sqlite(versioned, "PRAGMA user_version=1", out, sizeof out);
	refused_untouched(versioned, T2_EFORMAT, "another program");
}

static void
test_not_a_database(void **state)
{
	const char *path = new_path(), *dir = temp_dir();
	struct store *s;
	char text[9000], missing[700];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	write_text(path, text);
	refused_untouched(path, T2_EFORMAT, "damaged");
	says(store_open(&s, dir, &err), T2_EIO, dir);
	snprintf(missing, sizeof missing, "%s/no/such/t2.db", dir);
	says(store_open(&s, missing, &err), T2_EIO, "No such file");
}

static void
test_corrupt(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	struct model_list l;
	int64_t model = add_model(s);
	enum t2_status st;
	struct stat size;
	char junk[4096];
	FILE *f;

	(void)state;
	for (int i = 0; i < 40; i++) {
		char name[32];

		snprintf(name, sizeof name, "expert-%d", i);
		add_expert(s, model, name, 1);
	}
	store_close(s); /* the last one: the WAL is in the file */
	assert_int_equal(stat(path, &size), 0);
	memset(junk, 0xa5, sizeof junk);
	f = fopen(path, "r+b");
	for (long at = 4096; at + 4096 <= size.st_size; at += 4096) {
		fseek(f, at, SEEK_SET);
		fwrite(junk, 1, sizeof junk, f);
	}
	fclose(f);
	st = store_open(&s, path, &err);
	if (!st) {
		st = store_model_list(s, &l, &err);
		store_close(s);
	}
	says(st, T2_EFORMAT, "restore a backup");
}

static void
test_cut(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	struct expert_list l;
	enum t2_status st;

	(void)state;
	add_expert(s, add_model(s), "math", 1);
	store_close(s);
	assert_int_equal(truncate(path, 5000), 0);
	st = store_open(&s, path, &err);
	if (!st) {
		st = store_expert_list(s, 0, &l, &err);
		store_close(s);
	}
	says(st, T2_EFORMAT, "damaged");
}

/* What somebody meets who may not write: 0, or the number of the broken promise. */
static int
as_nobody(const char *path)
{
	struct model_list l;
	struct store *s;
	enum t2_status st;
	int64_t id;

	if (getuid() == 0 && (setgid(65534) || setuid(65534)))
		return 99;
	st = store_open(&s, path, &err);
	if (st || !store_readonly(s))
		return 1;
	if (store_model_list(s, &l, &err))
		return 2;
	if (l.n != 1)
		return 3;
	st = store_model_register(s, tiny, "other", false, &id, &err);
	if (st != T2_EIO || !strstr(err.msg, "read-only"))
		return 4;
	st = store_begin(s, &err);
	return st == T2_EIO && strstr(err.msg, "permissions") ? 0 : 5;
}

static void
test_readonly(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char dir[600], path[700];

	(void)state;
	snprintf(dir, sizeof dir, "%s/t2ro.XXXXXX",
		 tmp && *tmp ? tmp : "/tmp"); /* temp_dir() is closed to others */
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/t2.db", dir);
	for (int writable = 0; writable < 2; writable++) {
		struct store *s;
		int status;
		pid_t pid;

		assert_int_equal(chmod(dir, 0755), 0);
		s = opened(path);
		add_model(s);
		store_close(s);
		assert_int_equal(chmod(path, 0444) | chmod(dir, writable ? 0777 : 0555), 0);
		if ((pid = fork()) == 0) {
			int rc = as_nobody(path);

			if (rc)
				fprintf(stderr, "%s\n", err.msg);
			_exit(rc);
		}
		waitpid(pid, &status, 0);
		assert_int_equal(chmod(dir, 0755) | chmod(path, 0644), 0);
		if (status)
			fail_msg("folder writable %d: the reader ended with %#x", writable, status);
	}
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof path, "rm -rf '%s'", dir);
	assert_int_equal(system(path), 0);
}

/* -- transactions ------------------------------------------------------------------------------------------- */

static void
test_rollback(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path), *other = opened(path);
	int64_t model, seen = store_data_version(other);

	(void)state;
	store_rollback(s); /* outside: nothing */
	OK(store_begin(s, &err));
	model = add_model(s);
	add_expert(s, model, "math", 1);
	expect_sql(path, "SELECT count(*) FROM model", "0");
	store_rollback(s);
	expect_sql(path, "SELECT count(*) FROM model", "0");
	assert_true(store_data_version(other) == seen);
	OK(store_begin(s, &err));
	model = add_model(s);
	add_expert(s, model, "math", 1);
	OK(store_commit(s, &err));
	expect_sql(path, "SELECT count(*) FROM expert", "1");
	assert_true(store_data_version(other) != seen);
	store_close(other);
	store_close(s);
}

/* -- several processes, deaths and full disks ----------------------------------------------------------------- */

static void
test_simultaneous(void **state)
{
	enum { N = 6 };

	(void)state;
	for (int round = 0; round < 20; round++) {
		const char *path = new_path();
		int gate[2], status, bad = 0;
		pid_t pid[N];

		assert_int_equal(pipe(gate), 0);
		for (int i = 0; i < N; i++) {
			if ((pid[i] = fork()) == 0) {
				struct store *s;
				char byte;

				close(gate[1]);
				if (read(gate[0], &byte, 1) < 0 || store_open(&s, path, &err)) {
					fprintf(stderr, "%s\n", err.msg);
					_exit(1);
				}
				add_run(s, add_model(s), "r");
				store_close(s);
				_exit(0);
			}
		}
		close(gate[0]);
		close(gate[1]); /* all at once */
		for (int i = 0; i < N; i++) {
			waitpid(pid[i], &status, 0);
			bad += status != 0;
		}
		assert_int_equal(bad, 0);
		expect_sql(path,
			   "SELECT (SELECT count(*) FROM model)||' '||(SELECT count(*) FROM run)",
			   "1 6");
	}
}

static void
test_killed_writer(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t model = add_model(s), run = add_run(s, model, "r");
	struct metric_list ml;
	int done[2], problems = 0;
	bool sound;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(done), 0);
	if ((pid = fork()) == 0) {
		struct store *mine;
		struct run_metric m = {.step = 1};
		char *state_bytes = calloc(1, 3000000);

		if (store_open(&mine, path, &err))
			_exit(1);
		for (m.step = 1; m.step <= 2; m.step++) {
			store_begin(mine, &err);
			store_run_step(mine, run, &m, &err);
			store_checkpoint_put(mine, run, "last", m.step, state_bytes, 3000000, &err);
			if (m.step == 2) { /* large enough that pages went to the WAL already */
				if (write(done[1], "x", 1) == 1)
					pause();
				_exit(2);
			}
			store_commit(mine, &err);
		}
	}
	assert_int_equal(read(done[0], &byte, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	OK(store_metric_list(s, run, 0, &ml, &err));
	assert_int_equal(ml.n, 1);
	metric_list_free(&ml);
	expect_sql(path, "SELECT step FROM checkpoint", "1");
	OK(store_begin(s, &err)); /* the dead one holds no lock */
	OK(store_run_finish(s, run, "stopped", "", &err));
	OK(store_commit(s, &err));
	OK(store_check(s, count_problem, &problems, &sound, &err));
	assert_true(sound && !problems);
	store_close(s);
}

/* With a limit on the size of files as the full disk: the write fails with a message, what was kept stays sound. */
static void
test_disk_full(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t run = add_run(s, add_model(s), "r");
	int problems = 0, status;
	bool sound;
	pid_t pid;

	(void)state;
	OK(store_checkpoint_put(s, run, "last", 1, "one", 3, &err));
	if ((pid = fork()) == 0) {
		struct rlimit lim = {400000, 400000};
		struct store *mine;
		char *big = calloc(1, 1000000);

		signal(SIGXFSZ, SIG_IGN);
		if (store_open(&mine, path, &err) || setrlimit(RLIMIT_FSIZE, &lim))
			_exit(1);
		if (store_begin(mine, &err))
			_exit(2);
		if (!store_checkpoint_put(mine, run, "last", 2, big, 1000000, &err) &&
		    !store_commit(mine, &err))
			_exit(3);
		if (err.code != T2_EIO || !strstr(err.msg, path)) {
			fprintf(stderr, "%d %s\n", err.code, err.msg);
			_exit(4);
		}
		store_rollback(mine);
		if (store_checkpoint_put(mine, run, "best", 1, "small", 5,
					 &err)) /* what fits still goes in */
			_exit(5);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (status)
		fail_msg("the writer ended with status %#x", status);
	expect_sql(path, "SELECT group_concat(kind||step||length(state)) FROM checkpoint",
		   "best15,last13");
	OK(store_check(s, count_problem, &problems, &sound, &err));
	assert_true(sound);
	store_close(s);
}

/* -- check and backup --------------------------------------------------------------------------------------- */

static void
test_check(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int problems = 0;
	bool sound;
	char out[100];

	(void)state;
	add_expert(s, add_model(s), "math", 1);
	OK(store_check(s, count_problem, &problems, &sound, &err));
	assert_true(sound && !problems);
	sqlite(path, "INSERT INTO expert_vector VALUES(4711,'w',x'00',NULL)", out,
	       sizeof out); /* that shell checks no keys */
	OK(store_check(s, count_problem, &problems, &sound, &err));
	assert_true(!sound && problems == 1);
	store_close(s);
}

static void
test_backup(void **state)
{
	const char *path = new_path(), *to = new_path();
	struct store *s = opened(path), *copy;
	struct expert_list l;
	char bad[720];

	(void)state;
	add_expert(s, add_model(s), "math", 1);
	OK(store_backup(s, to, &err));
	copy = opened(to);
	OK(store_expert_list(copy, 0, &l, &err));
	assert_int_equal(l.n, 1);
	expert_list_free(&l);
	store_close(copy);
	says(store_backup(s, to, &err), T2_EIO, "exists");
	says(store_backup(s, path, &err), T2_EIO, "exists");
	snprintf(bad, sizeof bad, "%s/none/b.db", temp_dir());
	says(store_backup(s, bad, &err), T2_EIO, "none/b.db");
	/* others write meanwhile: the copy is of one moment */
	OK(store_begin(s, &err));
	add_run(s, 1, "r");
	store_rollback(s);
	store_close(s);
}

static void
test_folders(void **state)
{
	char dir[700], want[760], out[1000], tiny_out[8];
	const char *base = temp_dir();
	struct stat st;

	(void)state;
	snprintf(dir, sizeof dir, "%s/a/b", base);
	setenv("XDG_DATA_HOME", dir, 1);
	OK(store_data_dir(out, sizeof out, &err));
	snprintf(want, sizeof want, "%s/t2tui", dir);
	assert_string_equal(out, want);
	assert_int_equal(stat(out, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_not_equal(store_data_dir(tiny_out, sizeof tiny_out, &err), T2_OK);
	setenv("XDG_DATA_HOME", "relative", 1); /* the standard: ignored */
	setenv("HOME", base, 1);
	OK(store_data_dir(out, sizeof out, &err));
	snprintf(want, sizeof want, "%s/.local/share/t2tui", base);
	assert_string_equal(out, want);
	unsetenv("HOME");
	says(store_data_dir(out, sizeof out, &err), T2_EINVAL, "--store");
}

/* A file cut to nothing under another program that still reads it: opening waits its ten seconds, not ten for each try. */
static void
test_cut_to_nothing(void **state)
{
	const char *path = new_path();
	struct flock shared = {.l_type = F_RDLCK, /* as SQLite locks for reading */
			       .l_whence = SEEK_SET,
			       .l_start = 0x40000002,
			       .l_len = 510};
	int fd = open(path, O_RDWR | O_CREAT, 0600), ready[2];
	struct store *s;
	pid_t reader;
	char c;

	(void)state;
	assert_true(fd >= 0);
	assert_false(pipe(ready));
	reader = fork();
	if (!reader) {
		if (!fcntl(fd, F_SETLK, &shared) && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	alarm(40);
	says(store_open(&s, path, &err), T2_EBUSY, "another process");
	alarm(0);
	kill(reader, SIGKILL);
	waitpid(reader, NULL, 0);
	close(ready[0]);
	close(fd);
}

/* Who opens a store once more makes none, and takes none for it that is another. */
static void
test_again(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path), *t;
	struct store_place p;
	struct model_list l;
	char away[1200], beside[1200];

	(void)state;
	add_model(s);
	store_place_of(s, &p);
	assert_string_equal(p.path, path);
	assert_int_equal(store_open_again(&t, &p, &err), T2_OK);
	assert_int_equal(store_model_list(t, &l, &err), T2_OK);
	assert_int_equal(l.n, 1);
	model_list_free(&l);
	store_close(t);

	store_guard(s);
	snprintf(away, sizeof away, "%s.away", path);
	assert_int_equal(rename(path, away), 0);
	says(store_open_again(&t, &p, &err), T2_EIO, "is gone: put it back");
	assert_null(t);
	says(store_there(s, &err), T2_EIO, "is gone");
	says(store_begin(s, &err), T2_EIO, "is gone");
	says(store_run_ask_stop(s, 1, &err), T2_EIO, "is gone");
	assert_int_equal(store_model_list(s, &l, &err), T2_OK); /* what it holds can be read */
	model_list_free(&l);
	assert_int_not_equal(access(path, F_OK), 0);

	assert_int_equal(link(away, path), 0);
	assert_int_equal(store_there(s, &err), T2_OK);
	assert_int_equal(store_begin(s, &err), T2_OK);
	store_rollback(s);
	assert_int_equal(unlink(path), 0);
	for (int i = 0; i < 2; i++) {
		snprintf(beside, sizeof beside, "%s-%s", path, i ? "shm" : "wal");
		assert_int_equal(unlink(beside), 0);
	}
	t = opened(path);
	store_close(t);
	says(store_open_again(&t, &p, &err), T2_EIO, "was replaced");
	says(store_begin(s, &err), T2_EIO, "was replaced");
	store_close(s);

	/* the same file, but nothing in it */
	s = opened(path);
	store_place_of(s, &p);
	store_close(s);
	assert_int_equal(truncate(path, 0), 0);
	says(store_open_again(&t, &p, &err), T2_EFORMAT, "was emptied");
	assert_int_equal(access(path, F_OK), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_shipped_stays),
		cmocka_unit_test(test_newer),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_not_a_database),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_to_nothing),
		cmocka_unit_test(test_readonly),
		cmocka_unit_test(test_rollback),
		cmocka_unit_test(test_simultaneous),
		cmocka_unit_test(test_killed_writer),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_backup),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_again),
	};

	return cmocka_run_group_tests(tests, open_tiny, close_tiny);
}
