/* What is deleted comes back byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/job.h"
#include "store/decisions.h"
#include "store/evals.h"
#include "store/experts.h"
#include "store/mixtures.h"
#include "store/runs.h"
#include "store/trash.h"
#include "tests/lib/stores.h"

/* Everything of a store but sqlite's own, as the sqlite3 program sees it. */
static const char *
dump(const char *path, char *out, size_t size)
{
	sqlite(path,
	       "SELECT * FROM expert ORDER BY 1;"
	       "SELECT expert,matrix,hex(z),hex(p) FROM expert_vector ORDER BY 1,2;"
	       "SELECT * FROM mixture ORDER BY 1; SELECT * FROM mixture_part ORDER BY 1,3;"
	       "SELECT * FROM run ORDER BY 1; SELECT *,hex(zmean) FROM metric ORDER BY 1,2;"
	       "SELECT * FROM validation ORDER BY 1,2;"
	       "SELECT run,kind,step,hex(state) FROM checkpoint ORDER BY 1,2;"
	       "SELECT * FROM rollout ORDER BY 1,2,3; SELECT * FROM decision ORDER BY 1;"
	       "SELECT * FROM evaluation ORDER BY 1; SELECT * FROM evaluation_item ORDER BY 1,2",
	       out, size);
	return out;
}

/* A store with one of everything; the numbers of what can be deleted. */
static struct store *
full(const char *path, int64_t id[5], int64_t *model)
{
	static const float zmean[2] = {0.25f, 0.1f};
	struct store *s = opened(path);
	struct run_metric m = {
		.step = 3, .reward = 0.1, .loss = 2, .zmean = zmean, .zcount = 2, .tokens = 7};
	struct run_validation v = {3, 11, 20, "validation"};
	struct run_rollout r = {3, 0, "1 + 1", "it's 2", "2", 1};
	struct mixture_part part = {.alpha = 0.6};
	struct mixture_row mix = {.name = "both", .task = "sums", .part = &part, .parts = 1};
	struct eval_item item = {.item = 4, .correct = true, .answer = "2"};
	struct eval_row e = {
		.task = "sums", .split = "test", .strategy = "expert:math", .n = 1, .correct = 1};
	struct decision_row d = {.strategy = "cls",
				 .prompt = "a\nb",
				 .pass1_text = "",
				 .scores = "{}",
				 .decision = "math",
				 .mixture = "{}",
				 .pass2_text = "2"};
	char sql[100], out[100];

	*model = add_model(s);
	id[TRASH_RUN] = add_run(s, *model, "sums");
	OK(store_run_step(s, id[TRASH_RUN], &m, &err));
	OK(store_validation_put(s, id[TRASH_RUN], &v, &err));
	OK(store_checkpoint_put(s, id[TRASH_RUN], "last", 3, "a\0b", 3, &err));
	OK(store_rollouts_put(s, id[TRASH_RUN], &r, 1, &err));
	OK(store_run_finish(s, id[TRASH_RUN], "done", "", &err));
	id[TRASH_EXPERT] = add_expert(s, *model, "math", 1);
	part.expert = add_expert(s, *model, "code", 2);
	mix.model = e.model = d.model = *model;
	OK(store_mixture_add(s, &mix, &id[TRASH_MIXTURE], &err));
	OK(store_eval_add(s, &e, &item, 1, &id[TRASH_EVALUATION], &err));
	OK(store_decision_add(s, &d, &id[TRASH_DECISION], &err));
	snprintf(sql, sizeof sql, "UPDATE expert SET run=%lld WHERE id=%lld",
		 (long long)id[TRASH_RUN], (long long)id[TRASH_EXPERT]);
	sqlite(path, sql, out, sizeof out);
	return s;
}

static void
test_same_bytes(void **state)
{
	const char *path = new_path();
	char before[8000], gone[8000], after[8000];
	int64_t id[5], model, back;
	struct store *s = full(path, id, &model);

	(void)state;
	dump(path, before, sizeof before);
	for (int kind = 0; kind < 5; kind++) {
		struct trash *t;

		OK(trash_put(&t, s, (enum trash_kind)kind, id[kind], NULL, &err));
		dump(path, gone, sizeof gone);
		assert_true(strlen(gone) < strlen(before));
		OK(trash_restore(t, s, &back, NULL, &err));
		assert_int_equal(back, id[kind]);
		assert_string_equal(dump(path, after, sizeof after), before);
		trash_free(t);
	}
	store_close(s);
}

static void
test_number_taken(void **state)
{
	const char *path = new_path();
	int64_t id[5], model, back, other;
	struct store *s = full(path, id, &model);
	struct trash *t, *last;
	char out[100], was[100];

	(void)state;
	sqlite(path, "SELECT hex(z) FROM expert_vector WHERE expert=1", was, sizeof was);
	OK(trash_put(&last, s, TRASH_MIXTURE, id[TRASH_MIXTURE], NULL, &err));
	OK(trash_put(&t, s, TRASH_EXPERT, 2, NULL,
		     &err)); /* the highest number: never given again, */
	other = add_expert(s, model, "new", 5);
	assert_int_equal(other, 3);
	sqlite(path, "UPDATE expert SET id=2 WHERE id=3", out,
	       sizeof out); /* but somebody took it */
	sqlite(path, "UPDATE expert_vector SET expert=2 WHERE expert=3", out, sizeof out);
	OK(trash_restore(t, s, &back, NULL, &err));
	assert_int_equal(back, 4);
	expect_sql(path, "SELECT name FROM expert WHERE id=4", "code");
	expect_sql(path, "SELECT count(*) FROM expert_vector WHERE expert=4", "1");
	trash_free(t);
	/* the mixture's expert has another number now: refused in whole, not half restored */
	sqlite(path, "DELETE FROM expert WHERE id=2", out, sizeof out);
	says(trash_restore(last, s, &back, NULL, &err), T2_EINVAL, "deleted since");
	expect_sql(path, "SELECT count(*) FROM mixture", "0");
	trash_free(last);
	store_close(s);
}

static void
test_refusals(void **state)
{
	const char *path = new_path();
	int64_t id[5], model, back;
	struct store *s = full(path, id, &model);
	struct trash *t;

	(void)state;
	says(trash_put(&t, s, TRASH_EXPERT, 99, NULL, &err), T2_ENOTFOUND, "expert 99");
	assert_null(t);
	says(trash_put(&t, s, TRASH_EXPERT, 2, NULL, &err), T2_EBUSY, "both");
	expect_sql(path, "SELECT count(*) FROM expert", "2");
	says(trash_put(&t, s, TRASH_RUN, add_run(s, model, "busy"), NULL, &err), T2_EBUSY,
	     "stop it");
	OK(trash_put(&t, s, TRASH_EXPERT, id[TRASH_EXPERT], NULL, &err));
	add_expert(s, model, "math", 9); /* the name is taken, the number too */
	says(trash_restore(t, s, &back, NULL, &err), T2_EINVAL, "taken since");
	expect_sql(path, "SELECT count(*) FROM expert", "2");
	trash_free(t);
	trash_free(NULL);
	store_close(s);
}

/* Its run went after it: the expert comes back without one. */
static void
test_run_gone(void **state)
{
	const char *path = new_path();
	int64_t id[5], model, back;
	struct store *s = full(path, id, &model);
	struct trash *run, *expert;

	(void)state;
	OK(trash_put(&expert, s, TRASH_EXPERT, id[TRASH_EXPERT], NULL, &err));
	OK(trash_put(&run, s, TRASH_RUN, id[TRASH_RUN], NULL, &err));
	OK(trash_restore(expert, s, &back, NULL, &err));
	expect_sql(path, "SELECT run IS NULL FROM expert WHERE name='math'", "1");
	OK(trash_restore(run, s, &back, NULL, &err));
	trash_free(run);
	trash_free(expert);
	store_close(s);
}

/* A cancelled job leaves everything where it was, both ways. */
static void
test_cancelled(void **state)
{
	const char *path = new_path();
	char before[8000], gone[8000], after[8000];
	int64_t id[5], model, back;
	struct store *s = full(path, id, &model);
	struct trash *t;
	struct job job;

	(void)state;
	sqlite(path,
	       "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM c WHERE i<4999) INSERT "
	       "INTO validation SELECT 1,i+10,'v',i%7,20 FROM c",
	       after, sizeof after);
	sqlite(path, "SELECT count(*),sum(step),sum(correct) FROM validation", before,
	       sizeof before);
	job_init(&job, NULL, NULL);
	job_cancel(&job);
	says(trash_put(&t, s, TRASH_RUN, id[TRASH_RUN], &job, &err), T2_ECANCEL, "cancelled");
	assert_null(t);
	expect_sql(path, "SELECT count(*),sum(step),sum(correct) FROM validation", before);
	OK(trash_put(&t, s, TRASH_RUN, id[TRASH_RUN], NULL, &err));
	dump(path, gone, sizeof gone);
	says(trash_restore(t, s, &back, &job, &err), T2_ECANCEL, "cancelled");
	assert_string_equal(dump(path, after, sizeof after), gone);
	job_destroy(&job);
	job_init(&job, NULL, NULL);
	OK(trash_restore(t, s, &back, &job, &err)); /* and can be brought back later */
	assert_int_equal(job.total, 5005);
	assert_in_range(job.done, 4 * 512, job.total);
	expect_sql(path, "SELECT count(*),sum(step),sum(correct) FROM validation", before);
	job_destroy(&job);
	trash_free(t);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_number_taken),
		cmocka_unit_test(test_refusals),   cmocka_unit_test(test_run_gone),
		cmocka_unit_test(test_cancelled),
	};

	return cmocka_run_group_tests(tests, open_tiny, close_tiny);
}
