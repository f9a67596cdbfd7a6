/* test_jinja.c - chat templates: the goldens, Python's semantics case by case, and the bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/mapfile.h"
#include "engine/model/jinja.h"
#include "tests/lib/golden.h"

static enum t2_status
render(const char *source, size_t len, const json_t *vars, const struct jinja_limits *lim, struct strbuf *out,
       struct t2_err *err)
{
	struct jinja *j;
	enum t2_status st = jinja_compile(&j, source, len, "t", err);

	if (st) {
		assert_null(j);
		return st;
	}
	st = jinja_render(j, vars, lim, out, err);
	jinja_free(j);
	return st;
}

/* One line of a golden file under one family's template. */
struct family {
	const struct mapfile *template;
	const char *name;
	int lines, errors;
};

static enum t2_status
golden_line(void *arg, json_t *line, long number, struct t2_err *err)
{
	struct family *f = arg;
	struct strbuf text = {0};
	json_t *want = json_object_get(line, "text");
	enum t2_status st;

	json_object_set_new(line, "tools", json_null());
	json_object_set_new(line, "documents", json_null());
	st = render((const char *)f->template->data, f->template->size, line, NULL, &text, err);
	f->lines++;
	if (json_is_true(json_object_get(line, "error"))) {
		f->errors++;
		if (st != T2_EINVAL)
			fail_msg("%s, line %ld: %d instead of an error", f->name, number, st);
	} else if (st) {
		fail_msg("%s, line %ld: %s", f->name, number, err->msg);
	} else if (text.len != json_string_length(want) || memcmp(text.s, json_string_value(want), text.len)) {
		fail_msg("%s, line %ld: got\n%s\nnot\n%s", f->name, number, text.s, json_string_value(want));
	}
	strbuf_free(&text);
	return T2_OK;
}

static void
test_goldens(void **state)
{
	static const struct {
		const char *name;
		int errors;
	} family[] = {{"llama-3", 0},	      {"llama-2", 4}, {"chatml", 0},	   {"chatml-smollm2", 0}, {"chatml-qwen2.5", 0},
		      {"qwen3", 0}, {"mistral-v0.1", 11},  {"mistral-v0.3", 4},	  {"zephyr", 0}};

	(void)state;
	if (!golden_path("chat"))
		skip();
	for (size_t i = 0; i < sizeof family / sizeof *family; i++) {
		struct family f = {.name = family[i].name};
		struct mapfile template;
		struct t2_err err = {0};
		char rel[80];

		snprintf(rel, sizeof rel, "chat/%s.jinja", f.name);
		assert_int_equal(mapfile_open(&template, golden_path(rel), &err), T2_OK);
		f.template = &template;
		snprintf(rel, sizeof rel, "chat/%s.jsonl", f.name);
		assert_int_equal(json_read_lines(golden_path(rel), golden_line, &f, &err), T2_OK);
		assert_int_equal(f.lines, 25);
		assert_int_equal(f.errors, family[i].errors);
		mapfile_close(&template);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goldens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
