/* What the store keeps: models, experts, mixtures, runs, evaluations and decisions. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/model/model.h"
#include "engine/svf/expert.h"
#include "engine/svf/spectrum.h"
#include "store/decisions.h"
#include "store/evals.h"
#include "store/experts.h"
#include "store/mixtures.h"
#include "store/models.h"
#include "store/runs.h"
#include "tests/lib/stores.h"

static void
test_experts(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t model = add_model(s), a = add_expert(s, model, "math", 1),
		b = add_expert(s, model, "code", 2), id;
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
	says(store_expert_rename(s, b, "x/y", &err), T2_EINVAL, "x/y");
	says(store_expert_rename(s, b, "x\xffy", &err), T2_EINVAL, "UTF-8");
	says(store_expert_rename(s, b, "x\ny", &err), T2_EINVAL, "control");
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
	expect_sql(path,
		   "SELECT count(*) FROM expert_vector WHERE expert NOT IN (SELECT id FROM expert)",
		   "0");
	/* the highest number is not given again, not by another connection either */
	OK(store_expert_remove(s, b, &err));
	store_close(s);
	s = opened(path);
	assert_int_equal(add_expert(s, model, "late", 4), b + 1);
	arena_free(&mem);
	store_close(s);
}

/* What was measured of an expert stays its own under a new name, and nobody else's. */
static void
test_rename_evals(void **state)
{
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t model = add_model(s), a = add_expert(s, model, "math", 1), id;
	struct eval_row e = {.model = model, .task = "sums", .split = "test", .n = 10};

	(void)state;
	add_expert(s, model, "code", 2);
	e.strategy = "expert:math";
	OK(store_eval_add(s, &e, NULL, 0, &id, &err));
	e.strategy = "expert:code";
	OK(store_eval_add(s, &e, NULL, 0, &id, &err));
	says(store_expert_rename(s, a, "code", &err), T2_EINVAL, "taken");
	expect_sql(
		path,
		"SELECT group_concat(strategy) FROM (SELECT strategy FROM evaluation ORDER BY id)",
		"expert:math,expert:code");
	OK(store_expert_rename(s, a, "sums", &err));
	expect_sql(
		path,
		"SELECT group_concat(strategy) FROM (SELECT strategy FROM evaluation ORDER BY id)",
		"expert:sums,expert:code");
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
	       "INSERT INTO model SELECT "
	       "50,'other','two',path,arch,parameters,layers,hidden,vocab,0,added,opened FROM "
	       "model;"
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
	int64_t model = add_model(s), a = add_expert(s, model, "math", 1),
		b = add_expert(s, model, "code", 2), id;
	float alphas[] = {0.25f, 0.5f, 0.125f};
	struct mixture_part part[] = {{.expert = a, .alpha = 0.6},
				      {.expert = b, .alpha = 0.3, .alphas = alphas, .count = 3}};
	struct mixture_row m = {.model = model,
				.name = "both",
				.task = "sums",
				.fitness = NAN,
				.part = part,
				.parts = 2},
			   back;
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
	struct run_metric m = {.step = 1,
			       .reward = 0.5,
			       .loss = -1,
			       .kl = NAN,
			       .grad_norm = 2,
			       .length = NAN,
			       .tokens = 7,
			       .ms = 1500,
			       .zmean = zmean,
			       .zcount = 2};
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
	assert_true(row.pid == getpid() && row.pid_start == process_start(getpid()) &&
		    row.pid_start > 0);
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
	assert_true(isnan(ml.v[0].kl) && ml.v[0].reward == 0.5 && ml.v[0].zcount == 2 &&
		    ml.v[0].zmean[1] == 0.5f);
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
	assert_true(store_run_finish(s, id, "sleeping", "", &err) !=
		    T2_OK);		     /* the schema knows four states */
	OK(store_run_ask_stop(s, id, &err)); /* no longer running: nothing */
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
	struct eval_row e = {.model = model,
			     .task = "sums",
			     .split = "test",
			     .strategy = "none",
			     .n = 3,
			     .correct = 2,
			     .setup_hash = "ab",
			     .task_hash = "cd"};
	struct eval_item items[] = {
		{2, true, "9", "math"}, {0, true, "7", "math"}, {1, false, NULL, ""}};
	struct eval_choices choices;
	struct eval_items kept;
	struct decision_row d = {.model = model,
				 .strategy = "cls",
				 .prompt = "it's \"1 + 1\"?",
				 .pass1_text = "math",
				 .decision = "math"};
	struct decision_list dl;
	struct eval_list el;

	(void)state;
	OK(store_eval_add(s, &e, items, 3, &id, &err));
	OK(store_eval_items(s, id, &kept, &err));
	assert_int_equal(kept.n, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(kept.v[i].item, i);
	assert_string_equal(kept.v[1].answer, "");
	assert_string_equal(kept.v[1].decision, "");
	assert_string_equal(kept.v[2].decision, "math");
	eval_items_free(&kept);
	OK(store_eval_choices(s, id, &choices, &err));
	assert_int_equal(choices.n, 2);
	assert_string_equal(choices.v[0].decision, "");
	assert_int_equal(choices.v[0].correct, 0);
	assert_string_equal(choices.v[1].decision, "math");
	assert_int_equal(choices.v[1].n, 2);
	assert_int_equal(choices.v[1].correct, 2);
	eval_choices_free(&choices);
	items[1].item = 1; /* twice the same question: the whole evaluation is refused */
	assert_int_not_equal(store_eval_add(s, &e, items, 3, &id, &err), T2_OK);
	OK(store_eval_list(s, model, &el, &err));
	assert_int_equal(el.n, 1);
	assert_string_equal(el.v[0].strategy, "none");
	assert_string_equal(el.v[0].setup_hash, "ab");
	assert_string_equal(el.v[0].task_hash, "cd");
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
	expect_sql(
		path,
		"SELECT (SELECT count(*) FROM expert)+(SELECT count(*) FROM expert_vector)+(SELECT "
		"count(*) FROM run)+(SELECT count(*) FROM metric)+(SELECT count(*) FROM matrix)",
		"0");
	store_close(s);
}

/* Numbers that no measurement gives are named, and kept from whoever would draw them. */
static void
test_unsound(void **state)
{
	static const char *const bad[] = {"n=-5",	   "correct=11",	 "correct=-1",
					  "seconds=9e999", "temperature=-9e999", "created=9e999",
					  "n=9000000000",  "tokens=-1"};
	const char *path = new_path();
	struct store *s = opened(path);
	int64_t model = add_model(s), expert = add_expert(s, model, "math", 1),
		run = add_run(s, model, "r"), id;
	struct eval_row e = {.model = model,
			     .task = "sums",
			     .split = "test",
			     .strategy = "none",
			     .n = 10,
			     .correct = 10,
			     .created = 5};
	struct run_validation v = {1, 5, 10, "validation"};
	struct validation_list vl;
	struct expert_row row;
	struct run_row r;
	struct eval_list l;
	struct arena mem = {0};
	char sql[200], out[200];
	int problems;
	bool sound;

	(void)state;
	OK(store_eval_add(s, &e, NULL, 0, &id, &err));
	OK(store_validation_put(s, run, &v, &err));
	OK(store_expert_accuracy(s, expert, 0, 1, 0, &err));
	OK(store_sound(s, &err)); /* the ends of what is allowed */
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(sql, sizeof sql,
			 "UPDATE evaluation SET n=10,correct=10,seconds=0,temperature=0,created=5,"
			 "tokens=0; UPDATE evaluation SET %s",
			 bad[i]);
		sqlite(path, sql, out, sizeof out);
		says(store_sound(s, &err), T2_EFORMAT, "evaluation 1: ");
		OK(store_eval_list(s, model, &l, &err));
		assert_int_equal(l.n, 0);
		eval_list_free(&l);
		OK(store_eval_newest(s, model, &l, &err));
		assert_int_equal(l.n, 0);
		eval_list_free(&l);
	}
	sqlite(path,
	       "DELETE FROM evaluation; UPDATE validation SET correct=11; UPDATE run SET "
	       "best_accuracy=9e999; UPDATE expert SET accuracy=-9e999,base_accuracy=1.5,"
	       "accuracy_n=-3",
	       out, sizeof out);
	says(store_sound(s, &err), T2_EFORMAT, "11 right of 10");
	OK(store_validation_list(s, run, &vl, &err));
	assert_int_equal(vl.n, 0);
	free(vl.v);
	OK(store_expert_find(s, model, "math", &row, &mem, &err));
	assert_true(isnan(row.accuracy) && isnan(row.base_accuracy) && row.accuracy_n == 0);
	OK(store_run_find(s, "r", &r, &mem, &err));
	assert_true(isnan(r.best_accuracy));
	problems = 0;
	OK(store_check(s, count_problem, &problems, &sound, &err));
	assert_false(sound);
	assert_int_equal(problems, 3);
	arena_free(&mem);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_experts),	  cmocka_unit_test(test_rename_evals),
		cmocka_unit_test(test_ambiguous), cmocka_unit_test(test_bad_vectors),
		cmocka_unit_test(test_mixtures),  cmocka_unit_test(test_runs),
		cmocka_unit_test(test_claim),	  cmocka_unit_test(test_evals_decisions),
		cmocka_unit_test(test_cascade),	  cmocka_unit_test(test_unsound),
	};

	return cmocka_run_group_tests(tests, open_tiny, close_tiny);
}
