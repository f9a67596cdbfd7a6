/* Which of the kept evaluations a cell shows, whether it still holds, which is best, and pairs on the same questions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/stores.h"
#include "tui/scoreboard.h"

static struct eval_row
row(int64_t id, int n, int correct, char *setup, char *task)
{
	return (struct eval_row){.id = id,
				 .task = "math",
				 .split = "test",
				 .strategy = "cls",
				 .n = n,
				 .correct = correct,
				 .setup_hash = setup,
				 .task_hash = task};
}

static struct score
pick(struct eval_row *v, int n, int want, int items)
{
	struct eval_list l = {.v = v, .n = n};
	struct score_wanted q = {.task = "math",
				 .strategy = "cls",
				 .split = "test",
				 .n = want,
				 .items = items,
				 .setup_hash = "s",
				 .task_hash = "t"};
	struct score s;

	scoreboard_pick(&l, &q, &s);
	return s;
}

static void
test_state(void **state)
{
	struct eval_row v[1] = {row(1, 100, 71, "s", "t")};
	struct score_wanted unknown = {.task = "math", .strategy = "cls", .split = "test"};
	struct eval_list l = {.v = v, .n = 1};
	struct score s;

	(void)state;
	s = pick(v, 1, 0, 100);
	assert_int_equal(s.state, SCORE_CURRENT);
	assert_false(score_stale(&s) || s.fewer);
	assert_true(s.accuracy == 0.71 && fabs(s.lo - 0.6146) < 1e-4 && fabs(s.hi - 0.7899) < 1e-4);
	v[0].setup_hash = "other";
	assert_int_equal(pick(v, 1, 0, 100).state, SCORE_STALE_SETUP);
	v[0].task_hash = "other";
	assert_int_equal(pick(v, 1, 0, 100).state, SCORE_STALE_TASK);
	v[0].task_hash = "";
	s = pick(v, 1, 0, 100);
	assert_int_equal(s.state, SCORE_STALE_OLD);
	assert_true(score_stale(&s));
	/* as long as today's hashes are not known nothing is called stale */
	scoreboard_pick(&l, &unknown, &s);
	assert_int_equal(s.state, SCORE_CURRENT);
	assert_int_equal(pick(v, 0, 0, 100).state, SCORE_NONE);
}

/* Others' evaluations are not this cell's. */
static void
test_same_cell(void **state)
{
	struct eval_row v[1];

	(void)state;
	v[0] = row(1, 100, 71, "s", "t");
	v[0].split = "validation";
	assert_int_equal(pick(v, 1, 0, 100).state, SCORE_NONE);
	v[0] = row(1, 100, 71, "s", "t");
	v[0].strategy = "prompt";
	assert_int_equal(pick(v, 1, 0, 100).state, SCORE_NONE);
	v[0] = row(1, 100, 71, "s", "t");
	v[0].temperature = 0.7;
	assert_int_equal(pick(v, 1, 0, 100).state, SCORE_NONE);
	v[0] = row(1, 100, 71, "s", "t");
	v[0].seed = 9; /* greedy: the seed draws nothing */
	assert_int_equal(pick(v, 1, 0, 100).state, SCORE_CURRENT);
}

static void
test_choice(void **state)
{
	/* newest first */
	struct eval_row v[] = {
		row(5, 1000, 900, "old", "t"),
		row(4, 200, 100, "s", "t"),
		row(3, 1000, 700, "s", "t"),
		row(2, 1000, 600, "s", "t"),
	};
	struct score s;

	(void)state;
	assert_int_equal(pick(v, 4, 0, 1000).id, 3); /* holds, all, newest of these */
	assert_int_equal(pick(v, 4, 200, 1000).id, 4);
	s = pick(v, 4, 500, 1000); /* none of 500: the one with more */
	assert_int_equal(s.id, 3);
	assert_false(s.fewer);
	s = pick(v, 2, 0, 1000);
	assert_int_equal(s.id, 4);
	assert_true(s.fewer);
	assert_int_equal(pick(v, 1, 0, 1000).state, SCORE_STALE_SETUP); /* better than nothing */
	assert_false(pick(v, 2, 5000, 200).fewer);			/* there are no more */
}

static struct score
held(int correct, int n)
{
	struct score s = {.state = SCORE_CURRENT, .n = n, .correct = correct};

	score_interval(&s);
	return s;
}

static void
test_best(void **state)
{
	struct score c[5] = {held(50, 100), held(55, 100), held(90, 100), held(90, 100)};

	(void)state;
	scoreboard_best(c, 5, 0);
	assert_false(c[0].best || c[1].best || c[4].best);
	assert_true(c[2].best && c[3].best); /* as good as each other */
	assert_true(c[2].clear);
	assert_false(c[1].clear || c[0].clear || c[4].clear);
	c[2].state = SCORE_STALE_SETUP;
	scoreboard_best(c, 5, 0);
	assert_false(c[2].best || c[2].clear);
	assert_true(c[3].best);
	c[0].state = SCORE_STALE_TASK; /* nothing to be above of */
	scoreboard_best(c, 5, 0);
	assert_true(c[3].best && !c[3].clear);
	/* 3 of 3 do not beat 90 of 100 where 100 are wanted */
	c[1] = held(3, 3);
	c[1].fewer = true;
	scoreboard_best(c, 5, 0);
	assert_true(c[3].best && !c[1].best);
	/* but 60 of 60 do beat 50 of 100 */
	c[3] = held(50, 100);
	c[1] = held(60, 60);
	c[1].fewer = true;
	scoreboard_best(c, 5, 0);
	assert_true(c[1].best && !c[3].best);
	c[0] = c[1] = held(4, 8);
	scoreboard_best(c, 2, 0);
	assert_false(c[0].best || c[1].best);
	c[1].state = SCORE_NONE;
	scoreboard_best(c, 2, -1);
	assert_false(c[0].best || c[0].clear);
}

static void
test_pair(void **state)
{
	struct eval_item a[6] = {{.item = 0, .correct = true},	{.item = 1, .correct = true},
				 {.item = 2, .correct = false}, {.item = 3, .correct = false},
				 {.item = 5, .correct = true},	{.item = 6, .correct = true}};
	struct eval_item b[6] = {{.item = 0, .correct = true}, {.item = 1, .correct = false},
				 {.item = 2, .correct = true}, {.item = 3, .correct = false},
				 {.item = 4, .correct = true}, {.item = 6, .correct = false}};
	struct eval_items x = {.v = a, .n = 6}, y = {.v = b, .n = 6}, none = {0};
	struct score_pair p;

	(void)state;
	scoreboard_pair(&x, &y, &p);
	assert_int_equal(p.both, 1);
	assert_int_equal(p.only_a, 2);
	assert_int_equal(p.only_b, 1);
	assert_int_equal(p.neither, 1);
	assert_true(fabs(p.p - 1) < 1e-12);
	scoreboard_pair(&x, &none, &p);
	assert_int_equal(p.both + p.only_a + p.only_b + p.neither, 0);
	assert_true(p.p == 1);
}

/* Whatever is asked: of many repeated evaluations the newest of each kind say the same as all of them. */
static void
test_newest(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t model = add_model(s);
	struct eval_list all, newest;
	char out[100];

	(void)state;
	sqlite(path,
	       "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM c WHERE i<1999) INSERT "
	       "INTO evaluation(model,created,task,split,strategy,temperature,seed,n,correct,"
	       "seconds,tokens,setup_hash,task_hash) SELECT 1,(i*7919)%997,'t'||(i*31%2),'test',"
	       "'s'||(i*17%3),(i*13%4)/3*0.5,i*11%2,10*(1+i*7%3),i%10,i,1,'h'||(i*5%3),'q' FROM c",
	       out, sizeof out);
	OK(store_eval_list(s, model, &all, &err));
	OK(store_eval_newest(s, model, &newest, &err));
	assert_int_equal(all.n, 2000);
	assert_in_range(newest.n, 1, 200);
	for (int i = 0; i < 2 * 3 * 2 * 2 * 4 * 3; i++) {
		char task[8], strategy[8], hash[8];
		struct score_wanted q = {.task = task,
					 .strategy = strategy,
					 .split = "test",
					 .temperature = i / 6 % 2 * 0.5,
					 .seed = i / 12 % 2,
					 .n = 10 * (i / 24 % 4),
					 .items = 40,
					 .setup_hash = hash,
					 .task_hash = "q"};
		struct score a, b;

		snprintf(task, sizeof task, "t%d", i % 2);
		snprintf(strategy, sizeof strategy, "s%d", i / 2 % 3);
		snprintf(hash, sizeof hash, "h%d", i / 96 % 3);
		scoreboard_pick(&all, &q, &a);
		scoreboard_pick(&newest, &q, &b);
		assert_int_equal(a.id, b.id);
		assert_int_equal(a.state, b.state);
		assert_true(a.accuracy == b.accuracy && a.lo == b.lo && a.fewer == b.fewer);
	}
	eval_list_free(&all);
	eval_list_free(&newest);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state),  cmocka_unit_test(test_same_cell),
		cmocka_unit_test(test_choice), cmocka_unit_test(test_best),
		cmocka_unit_test(test_pair),   cmocka_unit_test(test_newest),
	};

	return cmocka_run_group_tests(tests, open_tiny, close_tiny);
}
