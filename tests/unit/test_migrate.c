/* A store of version 1, made by its own schema (tests/golden/store1.sql): opened, it is like a new one, and nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/evals.h"
#include "tests/lib/stores.h"

/* One model, and one evaluation of two questions. */
static const char *
version1(void)
{
	const char *path = new_path();
	char out[400];

	sqlite(path, ".read tests/golden/store1.sql", out, sizeof out);
	sqlite(path,
	       "PRAGMA application_id=1949463669; PRAGMA user_version=1;"
	       "INSERT INTO model VALUES(7,'f','old','/p','llama',1,1,1,1,0,1,1);"
	       "INSERT INTO evaluation VALUES(3,7,5.5,'math','test','cls',0,9,2,1,1.5,20);"
	       "INSERT INTO evaluation_item VALUES(3,0,1,'seven'),(3,1,0,'')",
	       out, sizeof out);
	return path;
}

static void
test_kept(void **state)
{
	const char *path = version1();
	struct store *s = opened(path);
	struct eval_items items;
	struct eval_choices choices;
	struct eval_list l;

	(void)state;
	expect_sql(path, "PRAGMA user_version", "2");
	OK(store_eval_list(s, 7, &l, &err));
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0].strategy, "cls");
	assert_int_equal(l.v[0].seed, 9);
	assert_int_equal(l.v[0].tokens, 20);
	assert_string_equal(l.v[0].setup_hash, ""); /* not known, and said so */
	assert_string_equal(l.v[0].task_hash, "");
	OK(store_eval_items(s, 3, &items, &err));
	assert_int_equal(items.n, 2);
	assert_true(items.v[0].correct);
	assert_string_equal(items.v[0].answer, "seven");
	assert_null(items.v[0].decision);
	OK(store_eval_choices(s, 3, &choices, &err));
	assert_int_equal(choices.n, 0);
	eval_choices_free(&choices);
	eval_items_free(&items);
	eval_list_free(&l);
	store_close(s);
	s = opened(path); /* and once more, with nothing left to do */
	store_close(s);
}

/* Column by column what a new store has. */
static void
test_same_shape(void **state)
{
	static const char columns[] =
		"SELECT group_concat(t.name||'.'||c.name||' '||c.type||' '||c.\\\"notnull\\\"||' '||"
		"ifnull(c.dflt_value,'-')||' '||c.pk, char(10)) FROM "
		"(SELECT name FROM sqlite_schema WHERE type='table' ORDER BY name) t, "
		"pragma_table_info(t.name) c";
	const char *old = version1(), *fresh = new_path();
	char want[8000], got[8000];

	(void)state;
	store_close(opened(old));
	store_close(opened(fresh));
	sqlite(fresh, columns, want, sizeof want);
	sqlite(old, columns, got, sizeof got);
	assert_non_null(strstr(want, "evaluation_item.decision"));
	assert_string_equal(got, want);
	expect_sql(old, "PRAGMA integrity_check", "ok");
	expect_sql(old,
		   "SELECT count(*) FROM pragma_table_list WHERE type='table' AND schema='main' "
		   "AND NOT strict AND name NOT LIKE 'sqlite%'",
		   "0");
}

/* A migration that cannot be written changes nothing and says why. */
static void
test_half(void **state)
{
	const char *path = version1();
	struct store *s = (struct store *)1;
	char out[200];

	(void)state;
	/* the second of three statements fails: the column is there already */
	sqlite(path, "ALTER TABLE evaluation ADD COLUMN task_hash TEXT", out, sizeof out);
	says(store_open(&s, path, &err), T2_EDB, "task_hash");
	assert_null(s);
	expect_sql(path, "PRAGMA user_version", "1");
	expect_sql(path,
		   "SELECT count(*) FROM pragma_table_info('evaluation') WHERE name='setup_hash'",
		   "0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_same_shape),
		cmocka_unit_test(test_half),
	};

	return cmocka_run_group_tests(tests, open_tiny, close_tiny);
}
