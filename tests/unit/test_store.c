/* The store's promises: what it refuses, what it survives, what it keeps. */
#include <errno.h>
#include <math.h>
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
#include "engine/svf/expert.h"
#include "engine/svf/spectrum.h"
#include "store/decisions.h"
#include "store/evals.h"
#include "store/experts.h"
#include "store/mixtures.h"
#include "store/models.h"
#include "store/runs.h"
#include "tests/lib/golden.h"
#include "tests/lib/tinymodel.h"

#define OK(call) ok((call), &err, #call)

static struct t2_err err;

static void
ok(enum t2_status st, const struct t2_err *e, const char *what)
{
	if (st)
		fail_msg("%s: %s", what, e->msg);
}

static void
says(enum t2_status got, enum t2_status want, const char *text)
{
	if (got != want || !strstr(err.msg, text))
		fail_msg("status %d, \"%s\"; wanted %d and \"%s\"", got, err.msg, want, text);
	assert_null(strchr(err.msg, '\n'));
}

static const char *
new_path(void)
{
	static char p[8][700];
	static int next;
	char *out = p[next = (next + 1) % 8];

	snprintf(out, sizeof p[0], "%s/t2.db", temp_dir());
	return out;
}

static struct store *
opened(const char *path)
{
	struct store *s;

	OK(store_open(&s, path, &err));
	return s;
}

/* Runs SQL with the sqlite3 program: a second witness, and a way to make what the store itself never would. */
static void
sqlite(const char *path, const char *sql, char *out, size_t size)
{
	char cmd[2000];
	FILE *f;
	size_t n;

	snprintf(cmd, sizeof cmd, "sqlite3 '%s' \"%s\" 2>&1", path, sql);
	f = popen(cmd, "r");
	assert_non_null(f);
	n = fread(out, 1, size - 1, f);
	out[n] = 0;
	while (n && out[n - 1] == '\n')
		out[--n] = 0;
	if (pclose(f))
		fail_msg("%s: %s", sql, out);
}

static void
expect_sql(const char *path, const char *sql, const char *want)
{
	char out[4000];

	sqlite(path, sql, out, sizeof out);
	assert_string_equal(out, want);
}

/* -- a model of 200 numbers in the store --------------------------------------------------------------------- */

static struct model *tiny;

static int
open_tiny(void **state)
{
	const char *folder = new_folder();

	(void)state;
	write_config(folder, "{}");
	write_tensors(folder, NULL, NULL, 0);
	return model_open(&tiny, folder, &err);
}

static int
close_tiny(void **state)
{
	(void)state;
	model_free(tiny);
	return 0;
}

static struct expert *
an_expert(const char *name, float first)
{
	struct expert *e;
	float *v;
	int r;

	OK(expert_new(&e, tiny, &err));
	r = e->z->rank[0];
	v = malloc((size_t)r * sizeof *v);
	for (int i = 0; i < r; i++)
		v[i] = first + (float)i / 3;
	OK(zset_set(e->z, 0, v, &err));
	free(v);
	snprintf(e->name, sizeof e->name, "%s", name);
	snprintf(e->task, sizeof e->task, "sums");
	return e;
}

static int64_t
add_expert(struct store *s, int64_t model, const char *name, float first)
{
	struct expert *e = an_expert(name, first);
	int64_t id = 0;

	OK(store_expert_add(s, model, tiny, e, NULL, &id, &err));
	expert_free(e);
	return id;
}

static int64_t
add_model(struct store *s)
{
	int64_t id;

	OK(store_model_register(s, tiny, "tiny", false, &id, &err));
	return id;
}

static int64_t
add_run(struct store *s, int64_t model, const char *name)
{
	struct run_row row = {.kind = "train", .model = model, .name = (char *)name, .task = "sums", .settings = "{}", .steps = 10};
	int64_t id;

	OK(store_run_start(s, &row, &id, &err));
	return id;
}

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
	expect_sql(path, "PRAGMA user_version", "1");
	expect_sql(path, "PRAGMA journal_mode", "wal");
	expect_sql(path, "SELECT count(*) FROM sqlite_schema WHERE type='table'", "14");
	expect_sql(path, "SELECT count(*) FROM pragma_table_list WHERE type='table' AND schema='main' AND NOT strict AND name NOT LIKE 'sqlite%'", "0");
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
	sqlite(path, "PRAGMA user_version=2", out, sizeof out);
	refused_untouched(path, T2_EUNSUP, "version 2");
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
as_nobody(const char *path, bool folder_writable)
{
	struct model_list l;
	struct store *s;
	enum t2_status st;
	int64_t id;

	if (getuid() == 0 && (setgid(65534) || setuid(65534)))
		return 99;
	st = store_open(&s, path, &err);
	if (!folder_writable) /* readers of a WAL need a file beside it */
		return st == T2_EIO && strstr(err.msg, "permissions") ? 0 : 1;
	if (st || store_model_list(s, &l, &err))
		return 2;
	if (l.n != 1)
		return 3;
	st = store_model_register(s, tiny, "other", false, &id, &err);
	if (st != T2_EIO || !strstr(err.msg, "read-only"))
		return 4;
	st = store_begin(s, &err);
	return !st || strstr(err.msg, "read-only") ? 0 : 5;
}

static void
test_readonly(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char dir[600], path[700];

	(void)state;
	snprintf(dir, sizeof dir, "%s/t2ro.XXXXXX", tmp && *tmp ? tmp : "/tmp"); /* temp_dir() is closed to others */
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
			int rc = as_nobody(path, writable);

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

/* -- nouns ------------------------------------------------------------------------------------------------- */

static void
test_experts(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t model = add_model(s), a = add_expert(s, model, "math", 1), b = add_expert(s, model, "code", 2), id;
	struct expert *e = an_expert("math", 3), *back;
	struct expert_row row;
	struct arena mem = {0};

	(void)state;
	says(store_expert_add(s, model, tiny, e, NULL, &id, &err), T2_EINVAL, "taken");
	expect_sql(path, "SELECT count(*) FROM expert_vector", "2"); /* nothing half kept */
	snprintf(e->name, sizeof e->name, "a:b");
	says(store_expert_add(s, model, tiny, e, NULL, &id, &err), T2_EINVAL, "a:b");
	e->name[0] = 0;
	says(store_expert_add(s, model, tiny, e, NULL, &id, &err), T2_EINVAL, "empty");
	says(store_expert_rename(s, b, "math", &err), T2_EINVAL, "taken");
	says(store_expert_rename(s, b, "x,y", &err), T2_EINVAL, "x,y");
	OK(store_expert_rename(s, b, "strings", &err));
	OK(store_expert_find(s, model, "strings", &row, &mem, &err));
	assert_int_equal(row.id, b);
	assert_true(isnan(row.accuracy) && isnan(row.base_accuracy));
	OK(store_expert_find(s, 0, "tiny:math", &row, &mem, &err));
	assert_int_equal(row.id, a);
	says(store_expert_find(s, 0, "nobody", &row, &mem, &err), T2_ENOTFOUND, "nobody");
	OK(store_expert_load(s, a, tiny, &back, &err));
	expert_free(e);
	e = an_expert("math", 1);
	assert_memory_equal(back->z->z[0], e->z->z[0], (size_t)e->z->rank[0] * sizeof(float));
	assert_null(back->z->z[1]);
	assert_string_equal(back->task, "sums");
	expert_free(back);
	expert_free(e);
	OK(store_expert_accuracy(s, a, 0.25, 0.75, 200, &err));
	OK(store_expert_find(s, 0, "math", &row, &mem, &err));
	assert_true(row.accuracy == 0.75 && row.base_accuracy == 0.25 && row.accuracy_n == 200);
	says(store_expert_load(s, 999, tiny, &back, &err), T2_ENOTFOUND, "999");
	OK(store_expert_remove(s, a, &err));
	expect_sql(path, "SELECT count(*) FROM expert_vector WHERE expert NOT IN (SELECT id FROM expert)", "0");
	arena_free(&mem);
	store_close(s);
}

/* The same name on two models: found only when the model is said. */
static void
test_ambiguous(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t model = add_model(s);
	struct expert_row row;
	struct arena mem = {0};
	char out[100];

	(void)state;
	add_expert(s, model, "math", 1);
	sqlite(path,
	       "INSERT INTO model SELECT 50,'other','two',path,arch,parameters,layers,hidden,vocab,0,added,opened FROM model;"
	       "INSERT INTO expert(id,model,name,parameters,created) VALUES(60,50,'math',1,1)",
	       out, sizeof out);
	says(store_expert_find(s, 0, "math", &row, &mem, &err), T2_EINVAL, "several models");
	OK(store_expert_find(s, 0, "two:math", &row, &mem, &err));
	assert_int_equal(row.id, 60);
	OK(store_expert_find(s, model, "math", &row, &mem, &err));
	assert_int_equal(row.model, model);
	arena_free(&mem);
	store_close(s);
}

/* A vector that does not fit the model is refused, not read beyond its end. */
static void
test_bad_vectors(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t id = add_expert(s, add_model(s), "math", 1);
	struct expert *e;
	char out[100];

	(void)state;
	sqlite(path, "UPDATE expert_vector SET z=x'00'", out, sizeof out);
	says(store_expert_load(s, id, tiny, &e, &err), T2_EMISMATCH, "rank");
	assert_null(e);
	sqlite(path, "UPDATE expert_vector SET matrix='model.nothing.weight'", out, sizeof out);
	says(store_expert_load(s, id, tiny, &e, &err), T2_EMISMATCH, "model.nothing.weight");
	store_close(s);
}

static void
test_mixtures(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t model = add_model(s), a = add_expert(s, model, "math", 1), b = add_expert(s, model, "code", 2), id;
	float alphas[] = {0.25f, 0.5f, 0.125f};
	struct mixture_part part[] = {{.expert = a, .alpha = 0.6}, {.expert = b, .alpha = 0.3, .alphas = alphas, .count = 3}};
	struct mixture_row m = {.model = model, .name = "both", .task = "sums", .fitness = NAN, .part = part, .parts = 2}, back;
	struct arena mem = {0};

	(void)state;
	OK(store_mixture_add(s, &m, &id, &err));
	says(store_mixture_add(s, &m, &id, &err), T2_EINVAL, "taken");
	expect_sql(path, "SELECT count(*) FROM mixture_part", "2");
	says(store_expert_remove(s, a, &err), T2_EBUSY, "both");
	expect_sql(path, "SELECT count(*) FROM expert", "2");
	OK(store_mixture_find(s, 0, "both", &back, &mem, &err));
	assert_int_equal(back.parts, 2);
	assert_string_equal(back.part[0].name, "math");
	assert_true(back.part[0].alpha == 0.6 && !back.part[0].alphas);
	assert_int_equal(back.part[1].count, 3);
	assert_memory_equal(back.part[1].alphas, alphas, sizeof alphas);
	assert_true(isnan(back.fitness));
	/* made by hand: not what few-shot takes */
	says(store_mixture_for_task(s, model, "sums", &back, &mem, &err), T2_ENOTFOUND, "search");
	m.name = "found";
	m.fitness = 0.9;
	OK(store_mixture_add(s, &m, &id, &err));
	OK(store_mixture_for_task(s, model, "sums", &back, &mem, &err));
	assert_string_equal(back.name, "found");
	m.name = "broken";
	part[1].expert = 12345; /* no such expert: nothing of it may stay */
	assert_int_not_equal(store_mixture_add(s, &m, &id, &err), T2_OK);
	expect_sql(path, "SELECT count(*) FROM mixture WHERE name='broken'", "0");
	OK(store_mixture_find(s, 0, "both", &back, &mem, &err));
	OK(store_mixture_remove(s, back.id, &err));
	OK(store_mixture_find(s, 0, "found", &back, &mem, &err));
	OK(store_mixture_remove(s, back.id, &err));
	OK(store_expert_remove(s, a, &err));
	arena_free(&mem);
	store_close(s);
}

static void
test_runs(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t model = add_model(s), id = add_run(s, model, "math");
	float zmean[] = {0, 0.5f};
	struct run_metric m = {.step = 1, .reward = 0.5, .loss = -1, .kl = NAN, .grad_norm = 2, .length = NAN, .tokens = 7, .ms = 1500, .zmean = zmean, .zcount = 2};
	struct run_validation v = {.step = 1, .correct = 3, .n = 4, .split = "validation"};
	struct run_rollout r[] = {{1, 0, "p", "a", "g", 1}, {1, 1, "q", "b", "h", -1}};
	struct metric_list ml;
	struct validation_list vl;
	struct rollout_list rl;
	struct run_row row;
	struct arena mem = {0};
	bool stop = true;
	void *blob;
	size_t n;
	int step;

	(void)state;
	OK(store_run_find(s, "math", &row, &mem, &err));
	assert_int_equal(row.id, id);
	assert_string_equal(row.status, "running");
	assert_true(row.pid == getpid() && row.pid_start == process_start(getpid()) && row.pid_start > 0);
	assert_int_equal(row.best_step, -1);
	for (m.step = 1; m.step <= 3; m.step++)
		OK(store_run_step(s, id, &m, &err));
	OK(store_validation_put(s, id, &v, &err));
	OK(store_checkpoint_put(s, id, "last", 3, "abc\0d", 5, &err));
	OK(store_rollouts_put(s, id, r, 2, &err));
	OK(store_rollouts_put(s, id, r, 1, &err)); /* replaces */
	OK(store_rollout_list(s, id, &rl, &err));
	assert_int_equal(rl.n, 1);
	rollout_list_free(&rl);
	OK(store_checkpoint_get(s, id, "last", &step, &blob, &n, &err));
	assert_int_equal(n, 5);
	assert_memory_equal(blob, "abc\0d", 5);
	free(blob);
	says(store_checkpoint_get(s, id, "best", &step, &blob, &n, &err), T2_ENOTFOUND, "best");
	assert_null(blob);
	OK(store_run_rewind(s, id, 2, &err));
	OK(store_metric_list(s, id, 0, &ml, &err));
	assert_int_equal(ml.n, 2);
	assert_true(isnan(ml.v[0].kl) && ml.v[0].reward == 0.5 && ml.v[0].zcount == 2 && ml.v[0].zmean[1] == 0.5f);
	metric_list_free(&ml);
	OK(store_validation_list(s, id, &vl, &err));
	assert_int_equal(vl.n, 1);
	free(vl.v);
	OK(store_run_beat(s, id, &stop, &err));
	assert_false(stop);
	OK(store_run_ask_stop(s, id, &err));
	OK(store_run_beat(s, id, &stop, &err));
	assert_true(stop);
	OK(store_run_best(s, id, 2, 0.75, &err));
	OK(store_run_finish(s, id, "stopped", "asked to", &err));
	OK(store_run_find(s, "1", &row, &mem, &err));
	assert_string_equal(row.status, "stopped");
	assert_true(row.best_step == 2 && row.best_accuracy == 0.75 && row.step == 2 && !row.stop);
	assert_true(store_run_finish(s, id, "sleeping", "", &err) != T2_OK); /* the schema knows four states */
	OK(store_run_ask_stop(s, id, &err));				      /* no longer running: nothing */
	OK(store_run_find(s, "math", &row, &mem, &err));
	assert_false(row.stop);
	says(store_run_find(s, "2", &row, &mem, &err), T2_ENOTFOUND, "2");
	arena_free(&mem);
	store_close(s);
}

/* A run of a process that died shows as interrupted and may be taken over; one that lives may not; a reused process
 * number is not taken for the trainer. */
static void
test_claim(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t model = add_model(s), id;
	struct run_row row;
	struct arena mem = {0};
	int go[2], done[2], status;
	char byte, sql[200], out[100];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(go) | pipe(done), 0);
	if ((pid = fork()) == 0) {
		struct store *mine;

		if (store_open(&mine, path, &err))
			_exit(1);
		id = add_run(mine, model, "child");
		if (write(done[1], "x", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(2);
		_exit(0);
	}
	assert_int_equal(read(done[0], &byte, 1), 1);
	OK(store_run_find(s, "child", &row, &mem, &err));
	id = row.id;
	assert_string_equal(row.status, "running");
	says(store_run_claim(s, id, &err), T2_EBUSY, "run stop");
	kill(pid, SIGKILL);
	for (int i = 0; i < 500 && process_start(pid); i++)
		usleep(10000); /* a zombie is dead already */
	OK(store_run_find(s, "child", &row, &mem, &err));
	assert_string_equal(row.status, "interrupted");
	waitpid(pid, &status, 0);
	OK(store_run_find(s, "child", &row, &mem, &err));
	assert_string_equal(row.status, "interrupted");
	OK(store_run_claim(s, id, &err));
	OK(store_run_find(s, "child", &row, &mem, &err));
	assert_string_equal(row.status, "running");
	assert_int_equal(row.pid, getpid());
	OK(store_run_claim(s, id, &err)); /* ours already */
	snprintf(sql, sizeof sql, "UPDATE run SET pid=%d,pid_start=pid_start+1", (int)getppid());
	sqlite(path, sql, out, sizeof out);
	OK(store_run_find(s, "child", &row, &mem, &err));
	assert_string_equal(row.status, "interrupted");
	OK(store_run_claim(s, id, &err));
	says(store_run_claim(s, 77, &err), T2_ENOTFOUND, "77");
	assert_int_equal(process_start(0x7ffffff0), 0);
	arena_free(&mem);
	store_close(s);
}

static void
test_evals_decisions(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t model = add_model(s), id;
	struct eval_row e = {.model = model, .task = "sums", .split = "test", .strategy = "none", .n = 2, .correct = 1};
	struct eval_item items[] = {{0, true, "7"}, {1, false, NULL}};
	struct decision_row d = {.model = model, .strategy = "cls", .prompt = "it's \"1 + 1\"?", .pass1_text = "math", .decision = "math"};
	struct decision_list dl;
	struct eval_list el;

	(void)state;
	OK(store_eval_add(s, &e, items, 2, &id, &err));
	items[1].item = 0; /* twice the same question: the whole evaluation is refused */
	assert_int_not_equal(store_eval_add(s, &e, items, 2, &id, &err), T2_OK);
	OK(store_eval_list(s, model, &el, &err));
	assert_int_equal(el.n, 1);
	assert_string_equal(el.v[0].strategy, "none");
	eval_list_free(&el);
	for (int i = 0; i < 3; i++)
		OK(store_decision_add(s, &d, &id, &err));
	OK(store_decision_list(s, 0, 2, &dl, &err));
	assert_int_equal(dl.n, 2);
	assert_int_equal(dl.v[0].id, id);
	assert_string_equal(dl.v[0].prompt, d.prompt);
	assert_string_equal(dl.v[0].scores, "{}");
	decision_list_free(&dl);
	store_close(s);
}

/* Removing a model takes everything of it along, and nothing is left that refers to it. */
static void
test_cascade(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t model = add_model(s);
	struct spectrum_stats st = {0};
	float sigma[8] = {4, 3, 2, 1};
	struct run_metric m = {.step = 1};
	int64_t run = add_run(s, model, "r");
	char out[200];

	(void)state;
	add_expert(s, model, "math", 1);
	OK(store_matrix_put(s, model, 0, "w", 0, "q", 8, 8, sigma, &st, &err));
	OK(store_run_step(s, run, &m, &err));
	sqlite(path, "PRAGMA foreign_keys=ON; DELETE FROM model", out, sizeof out);
	expect_sql(path, "SELECT (SELECT count(*) FROM expert)+(SELECT count(*) FROM expert_vector)+(SELECT count(*) FROM run)+(SELECT count(*) FROM metric)+(SELECT count(*) FROM matrix)", "0");
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
		expect_sql(path, "SELECT (SELECT count(*) FROM model)||' '||(SELECT count(*) FROM run)", "1 6");
	}
}

static void
problem(void *arg, const char *text)
{
	(void)text;
	++*(int *)arg;
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
	OK(store_check(s, problem, &problems, &sound, &err));
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
		if (!store_checkpoint_put(mine, run, "last", 2, big, 1000000, &err) && !store_commit(mine, &err))
			_exit(3);
		if (err.code != T2_EIO || !strstr(err.msg, path)) {
			fprintf(stderr, "%d %s\n", err.code, err.msg);
			_exit(4);
		}
		store_rollback(mine);
		if (store_checkpoint_put(mine, run, "best", 1, "small", 5, &err)) /* what fits still goes in */
			_exit(5);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (status)
		fail_msg("the writer ended with status %#x", status);
	expect_sql(path, "SELECT group_concat(kind||step||length(state)) FROM checkpoint", "best15,last13");
	OK(store_check(s, problem, &problems, &sound, &err));
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
	OK(store_check(s, problem, &problems, &sound, &err));
	assert_true(sound && !problems);
	sqlite(path, "INSERT INTO expert_vector VALUES(4711,'w',x'00',NULL)", out, sizeof out); /* that shell checks no keys */
	OK(store_check(s, problem, &problems, &sound, &err));
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),	      cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_shipped_stays), cmocka_unit_test(test_newer),
		cmocka_unit_test(test_foreign),	      cmocka_unit_test(test_not_a_database),
		cmocka_unit_test(test_corrupt),	      cmocka_unit_test(test_cut),
		cmocka_unit_test(test_readonly),      cmocka_unit_test(test_rollback),
		cmocka_unit_test(test_experts),	      cmocka_unit_test(test_ambiguous),
		cmocka_unit_test(test_bad_vectors),   cmocka_unit_test(test_mixtures),
		cmocka_unit_test(test_runs),	      cmocka_unit_test(test_claim),
		cmocka_unit_test(test_evals_decisions), cmocka_unit_test(test_cascade),
		cmocka_unit_test(test_simultaneous),  cmocka_unit_test(test_killed_writer),
		cmocka_unit_test(test_disk_full),     cmocka_unit_test(test_check),
		cmocka_unit_test(test_backup),	      cmocka_unit_test(test_folders),
	};

	return cmocka_run_group_tests(tests, open_tiny, close_tiny);
}
