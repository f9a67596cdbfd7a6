/* test_scorer.c - every verdict of the scorers' goldens, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/strbuf.h"
#include "engine/task/scorer.h"
#include "tests/lib/golden.h"

static const char *const categories[] = {"math", "code", "reasoning", "other"};

struct tally {
	struct scorer *scorer;
	const char *kind;
	int lines, correct, wrong, algebra, algebra_right;
};

static enum t2_status
golden_line(void *arg, json_t *line, long number, struct t2_err *err)
{
	struct tally *t = arg;
	json_t *answer = json_object_get(line, "answer"), *gold = json_object_get(line, "gold");
	json_t *decision = json_object_get(line, "decision");
	bool want = json_is_true(json_object_get(line, "correct"));
	struct verdict v;

	if (scorer_score(t->scorer, json_string_value(answer), json_string_length(answer),
			 json_string_value(gold), json_string_length(gold), &v, err))
		fail_msg("%s, line %ld: %s", t->kind, number, err->msg);
	t->lines++;
	t->correct += want;
	if (json_is_true(json_object_get(line, "algebra"))) {
		t->algebra++;
		t->algebra_right += v.correct;
	} else if (v.correct != want) {
		t->wrong++;
		print_error(
			"%s, line %ld: %s instead of %s: %s\n\tanswer %s\n\tgold %s\n\ttaken %s\n",
			t->kind, number, v.correct ? "correct" : "wrong",
			want ? "correct" : "wrong", json_string_value(json_object_get(line, "why")),
			json_string_value(answer), json_string_value(gold),
			v.extracted ? v.extracted : "nothing");
	}
	/* a word that is no category is itself in the verdict, and "other" for dispatch */
	if (decision && v.extracted && strcmp(json_string_value(decision), "other"))
		assert_string_equal(v.extracted, json_string_value(decision));
	verdict_free(&v);
	return T2_OK;
}

static void
check_golden(const char *kind, int lines, int correct)
{
	struct tally t = {.kind = kind};
	struct t2_err err = {0};
	char rel[80];
	const char *path;

	snprintf(rel, sizeof rel, "scorers/%s.jsonl", kind);
	path = golden_path(rel);
	if (!path)
		skip();
	assert_int_equal(scorer_new(&t.scorer, kind, categories, 4, NULL, &err), T2_OK);
	assert_int_equal(json_read_lines(path, golden_line, &t, &err), T2_OK);
	scorer_free(t.scorer);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(t.lines, lines);
	assert_int_equal(t.correct, correct);
	if (t.algebra)
		print_message("%s: %d of %d algebra lines called correct\n", kind, t.algebra_right,
			      t.algebra);
}

static void
test_number(void **state)
{
	(void)state;
	check_golden("number", 405, 291);
}

static void
test_boxed(void **state)
{
	(void)state;
	check_golden("boxed", 341, 229);
}

static void
test_choice(void **state)
{
	(void)state;
	check_golden("choice", 217, 144);
}

static void
test_category(void **state)
{
	(void)state;
	check_golden("category", 65, 37);
}

static void
test_exact(void **state)
{
	(void)state;
	check_golden("exact", 66, 34);
}

/* Published solutions are right by their own gold, and wrong by their neighbour's (but for the same number by chance). */
struct sheet {
	struct scorer *scorer;
	const char *answer, *gold; /* fields */
	char *before;
	int lines, wrong, same_as_before;
};

static enum t2_status
sheet_line(void *arg, json_t *line, long number, struct t2_err *err)
{
	struct sheet *t = arg;
	json_t *a = json_object_get(line, t->answer), *g = json_object_get(line, t->gold);
	struct verdict v;

	if (scorer_score(t->scorer, json_string_value(a), json_string_length(a),
			 json_string_value(g), json_string_length(g), &v, err))
		fail_msg("line %ld: %s", number, err->msg);
	t->lines++;
	if (!v.correct) {
		t->wrong++;
		print_message("line %ld: taken %s, gold %s\n", number,
			      v.extracted ? v.extracted : "nothing", json_string_value(g));
	}
	verdict_free(&v);
	if (t->before) {
		assert_int_equal(scorer_score(t->scorer, t->before, strlen(t->before),
					      json_string_value(g), json_string_length(g), &v, err),
				 T2_OK);
		t->same_as_before += v.correct;
		verdict_free(&v);
		free(t->before);
	}
	t->before = strdup(json_string_value(a));
	return T2_OK;
}

static void
test_published_solutions(void **state)
{
	static const struct {
		const char *file, *kind, *answer, *gold;
		int lines, chance;
	} sheets[] = {
		{"data/gsm8k/test.jsonl", "number", "answer", "answer", 1319, 30},
		{"data/gsm8k/train.jsonl", "number", "answer", "answer", 7473, 150},
		{"data/math/test.jsonl", "boxed", "solution", "solution", 5000, 150},
		{"data/math/math500_test.jsonl", "boxed", "solution", "answer", 500, 15},
	};
	struct t2_err err = {0};

	(void)state;
	if (!shared_path("data/math/test.jsonl"))
		skip();
	for (size_t i = 0; i < sizeof sheets / sizeof *sheets; i++) {
		struct sheet t = {.answer = sheets[i].answer, .gold = sheets[i].gold};

		assert_int_equal(scorer_new(&t.scorer, sheets[i].kind, NULL, 0, NULL, &err), T2_OK);
		assert_int_equal(json_read_lines(shared_path(sheets[i].file), sheet_line, &t, &err),
				 T2_OK);
		scorer_free(t.scorer);
		free(t.before);
		assert_int_equal(t.lines, sheets[i].lines);
		assert_int_equal(t.wrong, 0);
		assert_in_range(t.same_as_before, 0, sheets[i].chance);
	}
}

static bool
correct(const struct scorer *s, const char *answer, const char *gold)
{
	struct verdict v;
	struct t2_err err = {0};
	bool yes;

	if (scorer_score(s, answer, strlen(answer), gold, strlen(gold), &v, &err))
		fail_msg("%s", err.msg);
	yes = v.correct;
	verdict_free(&v);
	return yes;
}

static void
test_extract(void **state)
{
	struct scorer *s;
	struct t2_err err = {0};

	(void)state;
	assert_int_equal(scorer_new(&s, "number", NULL, 0, "= (-?\\d+)", &err), T2_OK);
	assert_true(correct(s, "2 = 3, 4 = 5; 6", "5"));
	assert_false(correct(s, "2 = 3, 4 = 5; 6", "6"));
	assert_false(correct(s, "6", "6")); /* no match is wrong */
	scorer_free(s);

	assert_int_equal(scorer_new(&s, "exact", NULL, 0, "\"([A-Z]+)\"", &err), T2_OK);
	assert_true(correct(s, " It is \"WAPK\".", "WAPK"));
	assert_false(correct(s, " It is \"WAP\".", "WAPK"));
	scorer_free(s);

	assert_int_equal(scorer_new(&s, "category", categories, 4, "^\\s*(\\w+)", &err), T2_OK);
	assert_true(correct(s, " Math.", "math"));
	assert_true(correct(s, " poetry.", "other"));
	assert_false(correct(s, " \\boxed{code}", "code"));
	scorer_free(s);

	/* a pattern that runs away is no match, not a hang */
	assert_int_equal(scorer_new(&s, "exact", NULL, 0, "((?:a+)+)$", &err), T2_OK);
	assert_false(correct(s, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "a"));
	scorer_free(s);
}

static void
test_refused(void **state)
{
	struct scorer *s;
	struct t2_err err = {0};

	(void)state;
	assert_int_equal(scorer_new(&s, "tests", NULL, 0, NULL, &err), T2_EUNSUP);
	assert_null(s);
	assert_non_null(strstr(err.msg, "tests"));
	assert_int_equal(scorer_new(&s, "vibes", NULL, 0, NULL, &err), T2_EINVAL);
	assert_non_null(strstr(err.msg, "vibes"));
	assert_int_equal(scorer_new(&s, "category", NULL, 0, NULL, &err), T2_EINVAL);
	assert_int_equal(scorer_new(&s, "exact", NULL, 0, "(a", &err), T2_EFORMAT);
	assert_non_null(strstr(err.msg, "extract: bad pattern at byte 2"));
	assert_int_equal(scorer_new(&s, "exact", NULL, 0, "a", &err), T2_EFORMAT);
	assert_non_null(strstr(err.msg, "group 1"));
	scorer_free(NULL);
}

/* Long, cut and broken answers: a verdict, whatever it is, in bounded time. */
static void
test_hostile(void **state)
{
	static const char *const kind[] = {"exact", "number", "choice", "boxed", "category"};
	static const char *const piece[] = {"(",
					    "{",
					    "\\boxed{",
					    "1,234",
					    "\\frac{1}{",
					    "9",
					    "####",
					    " A and",
					    "$",
					    "\\text{",
					    "\\begin{pmatrix}",
					    "a=",
					    "\\",
					    "^{",
					    "\xf0\x9f",
					    "\\cup",
					    "x/"};
	struct t2_err err = {0};

	(void)state;
	for (size_t k = 0; k < 5; k++) {
		struct scorer *s;

		assert_int_equal(scorer_new(&s, kind[k], categories, 4, NULL, &err), T2_OK);
		for (size_t i = 0; i < sizeof piece / sizeof *piece; i++) {
			struct strbuf b = {0};
			struct verdict v;

			strbuf_str(&b, "\\boxed{");
			for (int n = 0; n < 2000; n++)
				strbuf_str(&b, piece[i]);
			strbuf_str(&b, "}");
			assert_int_equal(scorer_score(s, b.s, b.len, b.s, b.len, &v, &err), T2_OK);
			verdict_free(&v);
			assert_int_equal(scorer_score(s, b.s, b.len - 1, "5", 1, &v, &err), T2_OK);
			verdict_free(&v);
			assert_int_equal(scorer_score(s, "A\0B", 3, "A\0B", 3, &v, &err), T2_OK);
			verdict_free(&v);
			strbuf_free(&b);
		}
		scorer_free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),	cmocka_unit_test(test_boxed),
		cmocka_unit_test(test_choice),	cmocka_unit_test(test_category),
		cmocka_unit_test(test_exact),	cmocka_unit_test(test_published_solutions),
		cmocka_unit_test(test_extract), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
