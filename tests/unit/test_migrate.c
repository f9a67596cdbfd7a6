/* Stores of older versions: brought up to date whole, or left as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/benchmarks.h"
#include "store/evals.h"
#include "store/experts.h"
#include "tests/lib/golden.h"
#include "tests/lib/stores.h"

/* What the program of that version made: its schema, a model, an expert, a run of it with a step, a mixture, a decision and an
 * evaluation. */
static const char *
old_store(int version)
{
	const char *path = new_path();
	char sql[2500], out[64];

	snprintf(sql, sizeof sql, ".read tests/golden/store-%d.sql", version);
	sqlite(path, sql, out, sizeof out);
	snprintf(sql, sizeof sql,
		 "INSERT INTO model VALUES(1,'f','old','/old','llama',1,1,1,1,0,5,6);"
		 "INSERT INTO run(id,kind,model,name,task,settings,status,steps,started) "
		 "VALUES(12,'train',1,'r','math','{}','done',5,8);"
		 "INSERT INTO metric(run,step,reward) VALUES(12,1,0.5);"
		 "INSERT INTO expert(id,model,name,parameters,run,created) "
		 "VALUES(3,1,'math',2,12,7);"
		 "INSERT INTO mixture(id,model,name,created) VALUES(6,1,'m',9);"
		 "INSERT INTO mixture_part VALUES(6,3,0,0.5,NULL);"
		 "INSERT INTO expert_vector VALUES(3,'a.weight',x'0000803f0000003f',NULL);"
		 "INSERT INTO decision VALUES(9,1,1.5,'cls','p','1','{}',2,'d','{}','2',3,4);"
		 "INSERT INTO evaluation(id,model,created,task,split,strategy,temperature,seed,n,"
		 "correct,seconds,tokens) VALUES(4,1,5.5,'math','test','cls',0,9,2,1,1.5,20);"
		 "INSERT INTO evaluation_item(evaluation,item,correct,answer) "
		 "VALUES(4,0,1,'seven'),(4,1,0,'');"
		 "PRAGMA application_id=1949463669; PRAGMA user_version=%d;"
		 "PRAGMA journal_mode=wal;",
		 version);
	sqlite(path, sql, out, sizeof out);
	return path;
}

/* What is deleted takes along what is its own, and its number is never given again. */
static void
numbers_stay(const char *path)
{
	static const struct {
		const char *table, *add, *own, *next;
	} t[] = {
		{"mixture", "(model,name,created) VALUES(1,'n',1)", "mixture_part", "7"},
		{"run",
		 "(kind,model,name,task,settings,status,steps,started) "
		 "VALUES('train',1,'s','math','{}','done',5,8)",
		 "metric", "13"},
		{"decision",
		 "(model,created,strategy,prompt,pass1_text,scores,pass1_ms,decision,mixture,"
		 "pass2_text,tokens,pass2_ms) VALUES(1,1.5,'cls','p','1','{}',2,'d','{}','2',3,4)",
		 NULL, "10"},
		{"evaluation",
		 "(model,created,task,split,strategy,temperature,seed,n,correct,seconds,tokens) "
		 "VALUES(1,5.5,'math','test','cls',0,9,2,1,1.5,20)",
		 "evaluation_item", "5"},
	};
	char sql[600], out[64];

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		snprintf(sql, sizeof sql,
			 "PRAGMA foreign_keys=ON; DELETE FROM %s; INSERT INTO %s%s", t[i].table,
			 t[i].table, t[i].add);
		sqlite(path, sql, out, sizeof out);
		snprintf(sql, sizeof sql, "SELECT id FROM %s", t[i].table);
		expect_sql(path, sql, t[i].next);
		if (!t[i].own)
			continue;
		snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", t[i].own);
		expect_sql(path, sql, "0");
	}
	expect_sql(path, "SELECT run IS NULL FROM expert", "1");
}

static void
test_each_version(void **state)
{
	/* a column that was added stands on the line before, a table made anew in quotes: blanks and quotes aside */
	static const char shape[] =
		"SELECT group_concat(sql, x'0a') FROM (SELECT "
		"replace(replace(replace(replace(sql, x'0a', ''), x'09', ''), ' ', ''), x'22', '') "
		"AS "
		"sql "
		"FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name)";
	static char fresh[20000], migrated[20000];
	const char *path = new_path();
	struct store *s = opened(path);

	(void)state;
	store_close(s);
	sqlite(path, shape, fresh, sizeof fresh);
	assert_true(strlen(fresh) > 1000);
	for (int version = 1; version < STORE_VERSION; version++) {
		char want[8];

		path = old_store(version);
		s = opened(path);
		snprintf(want, sizeof want, "%d", STORE_VERSION);
		expect_sql(path, "PRAGMA user_version", want);
		sqlite(path, shape, migrated, sizeof migrated);
		assert_string_equal(migrated, fresh);
		expect_sql(path,
			   "SELECT name || hex(z) FROM expert JOIN expert_vector ON expert=id",
			   "math0000803F0000003F");
		expect_sql(path, "SELECT id || pass2_text || pass2_ms FROM decision", "924.0");
		expect_sql(path, "PRAGMA integrity_check", "ok");
		expect_sql(path, "PRAGMA foreign_key_check", "");
		expect_sql(path, "SELECT run FROM expert", "12");
		expect_sql(path, "SELECT run || step || reward FROM metric", "1210.5");
		expect_sql(path, "SELECT mixture || expert || alpha FROM mixture_part", "630.5");
		expect_sql(path, "SELECT count(*) FROM evaluation_item WHERE evaluation=4", "2");
		numbers_stay(path);
		/* foreign keys hold from now on, and the number stays the expert's alone */
		OK(store_expert_remove(s, 3, &err));
		expect_sql(path, "SELECT count(*) FROM expert_vector", "0");
		sqlite(path, "INSERT INTO expert(model,name,parameters,created) VALUES(1,'x',2,7)",
		       migrated, sizeof migrated);
		expect_sql(path, "SELECT id FROM expert", "4");
		store_close(s);
	}
}

/* Somebody's own table is in the way: the migration fails as a whole. */
static void
test_fails_whole(void **state)
{
	const char *path = old_store(1);
	struct store *s;
	char out[64];

	(void)state;
	sqlite(path, "CREATE TABLE benchmark_figure(mine)", out, sizeof out);
	says(store_open(&s, path, &err), T2_EDB, "benchmark_figure");
	expect_sql(path, "PRAGMA user_version", "1");
	expect_sql(path, "SELECT count(*) FROM sqlite_schema WHERE name='benchmark'", "0");
	expect_sql(path, "SELECT name FROM expert", "math");
	sqlite(path, "DROP TABLE benchmark_figure", out, sizeof out);
	s = opened(path);
	expect_sql(path, "PRAGMA user_version", "5");
	store_close(s);
}

/* What an old evaluation was made with is not known, and it says so. */
static void
test_evaluations(void **state)
{
	(void)state;
	for (int version = 1; version < STORE_VERSION; version++) {
		struct store *s = opened(old_store(version));
		struct eval_choices choices;
		struct eval_items items;
		struct eval_list l;

		OK(store_eval_list(s, 1, &l, &err));
		assert_int_equal(l.n, 1);
		assert_string_equal(l.v[0].strategy, "cls");
		assert_int_equal(l.v[0].seed, 9);
		assert_int_equal(l.v[0].tokens, 20);
		assert_string_equal(l.v[0].setup_hash, "");
		assert_string_equal(l.v[0].task_hash, "");
		OK(store_eval_items(s, l.v[0].id, &items, &err));
		assert_int_equal(items.n, 2);
		assert_true(items.v[0].correct);
		assert_string_equal(items.v[0].answer, "seven");
		assert_null(items.v[0].decision);
		OK(store_eval_choices(s, l.v[0].id, &choices, &err));
		assert_int_equal(choices.n, 0);
		eval_choices_free(&choices);
		eval_items_free(&items);
		eval_list_free(&l);
		store_close(s);
	}
}

static void
test_benchmarks(void **state)
{
	const char *path = old_store(1);
	struct store *s = opened(path);
	struct benchmark_figure v[] = {
		{"decode", "GB/s", "fine", 30, 40, 0.75, 0.7, 0.8, 12, 5},
		{"frame", "ms", "", 8, 16, 2, 1.9, 2.5, 0, 3},
	};
	struct benchmark_row a = {.created = 10, .model = "m", .machine = "cpu A", .kernels = "k"},
			     b = {.model = "m",
				  .machine = "cpu B",
				  .kernels = "k",
				  .threads = 2,
				  .layers = 7};
	struct benchmark_figures f;
	struct benchmark_list l;

	(void)state;
	OK(store_benchmark_add(s, &a, v, 1, &err));
	OK(store_benchmark_add(s, &b, v, 2, &err));
	OK(store_benchmark_list(s, NULL, &l, &err));
	assert_int_equal(l.n, 2);
	assert_int_equal(l.v[0].id, b.id);
	assert_int_equal(l.v[0].figures, 2);
	assert_int_equal(l.v[0].layers, 7);
	benchmark_list_free(&l);
	OK(store_benchmark_list(s, "cpu A", &l, &err));
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0].machine, "cpu A");
	assert_true(l.v[0].created == 10);
	benchmark_list_free(&l);
	OK(store_benchmark_figures(s, b.id, &f, &err));
	assert_int_equal(f.n, 2);
	assert_string_equal(f.v[1].name, "frame");
	assert_true(f.v[0].work == 12 && f.v[1].limit == 16 && f.v[1].high == 2.5 &&
		    f.v[1].repeats == 3);
	benchmark_figures_free(&f);
	says(store_benchmark_figures(s, 99, &f, &err), T2_ENOTFOUND, "--history");
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_version),
		cmocka_unit_test(test_fails_whole),
		cmocka_unit_test(test_evaluations),
		cmocka_unit_test(test_benchmarks),
	};

	return cmocka_run_group_tests(tests, open_tiny, close_tiny);
}
