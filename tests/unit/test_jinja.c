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
#include "tests/lib/seed.h"

static enum t2_status
render(const char *source, size_t len, const json_t *vars, const struct jinja_limits *lim,
       struct strbuf *out, struct t2_err *err)
{
	struct jinja *j;
	enum t2_status st;

	if (len < 4096)
		seed_save("jinja", source, len);
	st = jinja_compile(&j, source, len, "t", err);
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
	} else if (text.len != json_string_length(want) ||
		   memcmp(text.s, json_string_value(want), text.len)) {
		fail_msg("%s, line %ld: got\n%s\nnot\n%s", f->name, number, text.s,
			 json_string_value(want));
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
	} family[] = {{"llama-3", 0},	     {"llama-2", 4},	    {"chatml", 0},
		      {"chatml-smollm2", 0}, {"chatml-qwen2.5", 0}, {"qwen3", 0},
		      {"mistral-v0.1", 11},  {"mistral-v0.3", 4},   {"zephyr", 0}};

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

/* tests/golden/jinja.jsonl: what Jinja2 3.1.6 gives in transformers' settings, case by case; "error" where it raises
 * too, or where ours refuses (EUNSUP). */
struct cases {
	json_t *vars;
	int lines, texts;
};

static enum t2_status
case_line(void *arg, json_t *line, long number, struct t2_err *err)
{
	static const struct {
		const char *name;
		enum t2_status code;
	} names[] = {{"EINVAL", T2_EINVAL}, {"EFORMAT", T2_EFORMAT}, {"EUNSUP", T2_EUNSUP}};
	static const struct jinja_limits lim = {.now = 1700000000};
	struct cases *c = arg;
	json_t *t = json_object_get(line, "t"), *text = json_object_get(line, "text");
	enum t2_status st, want = T2_OK;
	struct strbuf out = {0};

	if (!t) {
		c->vars = json_incref(json_object_get(line, "variables"));
		return T2_OK;
	}
	for (size_t i = 0; !text && i < 3; i++)
		if (!strcmp(names[i].name, json_string_value(json_object_get(line, "error"))))
			want = names[i].code;
	st = render(json_string_value(t), json_string_length(t), c->vars, &lim, &out, err);
	if (st != want)
		fail_msg("line %ld: %s: %d instead of %d: %s", number, json_string_value(t), st,
			 want, st ? err->msg : out.s);
	if (st && strncmp(err->msg, "t: line ", 8))
		fail_msg("line %ld: %s: no place in: %s", number, json_string_value(t), err->msg);
	if (text && (out.len != json_string_length(text) ||
		     memcmp(out.s, json_string_value(text), out.len)))
		fail_msg("line %ld: %s: got\n%s\nnot\n%s", number, json_string_value(t), out.s,
			 json_string_value(text));
	c->lines++;
	c->texts += text != NULL;
	strbuf_free(&out);
	return T2_OK;
}

static void
test_cases(void **state)
{
	struct cases c = {0};
	struct t2_err err = {0};

	(void)state;
	setenv("TZ", "UTC", 1);
	if (json_read_lines("tests/golden/jinja.jsonl", case_line, &c, &err))
		fail_msg("%s", err.msg);
	assert_in_range(c.lines, 1000, 100000);
	assert_in_range(c.texts, 700, 100000);
	json_decref(c.vars);
}

static enum t2_status
render_text(const char *source, const struct jinja_limits *lim, char *text, size_t size,
	    struct t2_err *err)
{
	struct strbuf out = {0};
	enum t2_status st;

	memset(err, 0, sizeof *err);
	st = render(source, strlen(source), NULL, lim, &out, err);
	snprintf(text, size, "%s", out.s ? out.s : "");
	strbuf_free(&out);
	return st;
}

/* The template's size is nothing: what it asks for is too much. */
static void
test_bounds(void **state)
{
	static const struct {
		const char *source, *word;
	} row[] = {
		{"{{ 'a' * 10**9 }}", "MiB"},
		{"{{ [1] * 10**9 }}", "of"},
		{"{{ 'ab' * 9223372036854775807 }}", "MiB"},
		{"{{ range(10**12)|list }}", "range()"},
		{"{{ range(-9223372036854775807, 9223372036854775807)|length }}", "range()"},
		{"{% set ns = namespace(x=['a']) %}{% for i in range(100) %}{% set ns.x = ns.x + "
		 "ns.x %}{% endfor %}",
		 "MiB"},
		{"{% set ns = namespace(x='a') %}{% for i in range(100) %}{% set ns.x = ns.x ~ "
		 "ns.x %}{% endfor %}",
		 "MiB"},
		{"{% set ns = namespace(x=[]) %}{% for i in range(100) %}{% set ns.x = [ns.x, "
		 "ns.x] %}{% endfor %}{{ ns.x }}",
		 "of"},
		{"{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% set ns.x = [ns.x] "
		 "%}{% endfor %}{{ ns.x }}",
		 "deep"},
		{"{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% set ns.x = [ns.x] "
		 "%}{% endfor %}{{ ns.x|tojson }}",
		 "deep"},
		{"{% set ns = namespace(x=[], y=[]) %}{% for i in range(1000) %}{% set ns.x = "
		 "[ns.x] %}{% set ns.y = [ns.y] %}"
		 "{% endfor %}{{ ns.x == ns.y }}",
		 "deep"},
		{"{% set ns = namespace(x=[0], y=[0]) %}{% for i in range(60) %}{% set ns.x = "
		 "[ns.x, ns.x] %}"
		 "{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
		 "of work"},
		{"{% set ns = namespace() %}{% set ns.ns = ns %}{{ ns }}", "deep"},
		{"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "deep"},
		{"{% macro f() %}{{ caller is defined }}{% call f() %}{% endcall %}{% endmacro "
		 "%}{{ f() }}",
		 "deep"},
		{"{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{% "
		 "endfor %}{% endfor %}{% endfor %}",
		 "of"},
		{"{% for a in range(99999) %}{% for b in range(99) %}0123456789{% endfor %}{% "
		 "endfor %}",
		 "of"},
		{"{% set x = 'a' * 100000 %}{% for i in range(1000) %}{{ x }}{% endfor %}",
		 "output"},
		{"{{ 'a'.replace('', 'b' * 1000000) * 1000 }}", "MiB"},
		{"{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}", "of"},
		{"{{ ('ab' * 100000)|list|join('x' * 100000)|length }}", "of"},
		{"{{ '%99999d' % 5 }}", "500 characters"},
		{"{{ 'a'|indent(10**9, true) }}", "MiB"},
		{"{{ [1]|tojson(indent=10**9) }}", "MiB"},
		{"{{ ('a,' * "
		 "1000000).split(',')|map('upper')|map('lower')|map('length')|map('string')|map('"
		 "trim')|list|length }}",
		 "of"},
		{"{{ 9223372036854775807 + 1 }}", "64 bits"},
		{"{{ -9223372036854775807 - 2 }}", "64 bits"},
		{"{{ (-9223372036854775807 - 1)|abs }}", "64 bits"},
		{"{{ (-9223372036854775807 - 1) // -1 }}", "64 bits"},
		{"{{ 3037000500 * 3037000500 }}", "64 bits"},
		{"{{ 10**19 }}", "64 bits"},
		{"{{ 99999999999999999999 }}", "64 bits"},
		{"{{ 1e30|int }}", "64 bits"},
	};
	struct t2_err err;
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		/* time enough for a slow machine under sanitizers: the other limits are meant here */
		enum t2_status st =
			render_text(row[i].source, &(struct jinja_limits){.seconds = 600}, text,
				    sizeof text, &err);

		if (st != T2_EUNSUP || !strstr(err.msg, row[i].word))
			fail_msg("%s: %d, %s%s", row[i].source, st, err.msg, text);
		assert_string_equal(text, "");
	}
	/* what is just inside */
	assert_int_equal(render_text("{{ (-9223372036854775807 - 1) % -1 }}{{ range(100000)|length "
				     "}}{{ -9223372036854775807 - 1 }}",
				     NULL, text, sizeof text, &err),
			 T2_OK);
	assert_string_equal(text, "0100000-9223372036854775808");
}

/* Limits of the caller's own. */
static void
test_limits(void **state)
{
	struct t2_err err;
	char text[100];

	(void)state;
	assert_int_equal(render_text("{{ 'a' * 20 }}", &(struct jinja_limits){.output = 19}, text,
				     sizeof text, &err),
			 T2_EUNSUP);
	assert_int_equal(render_text("{{ 'a' * 20 }}", &(struct jinja_limits){.output = 20}, text,
				     sizeof text, &err),
			 T2_OK);
	/* a captured text counts while it is captured */
	assert_int_equal(render_text("12345{% set x %}67890{% endset %}abcde",
				     &(struct jinja_limits){.output = 10}, text, sizeof text, &err),
			 T2_OK);
	assert_int_equal(render_text("12345{% set x %}678901{% endset %}",
				     &(struct jinja_limits){.output = 10}, text, sizeof text, &err),
			 T2_EUNSUP);
	assert_int_equal(render_text("{{ 1 + 1 }}", &(struct jinja_limits){.steps = 3}, text,
				     sizeof text, &err),
			 T2_EUNSUP);
	assert_int_equal(
		render_text("{% if 1 %}{% if 1 %}{% if 1 %}x{% endif %}{% endif %}{% endif %}",
			    &(struct jinja_limits){.depth = 2}, text, sizeof text, &err),
		T2_EUNSUP);
	assert_int_equal(render_text("{% if 1 %}{% if 1 %}x{% endif %}{% endif %}",
				     &(struct jinja_limits){.depth = 2}, text, sizeof text, &err),
			 T2_OK);
	assert_int_equal(render_text("{{ 'a' * 100000 }}", &(struct jinja_limits){.memory = 50000},
				     text, sizeof text, &err),
			 T2_EUNSUP);
	assert_int_equal(render_text("{% for i in range(99999) %}{% for j in range(9) %}{% endfor "
				     "%}{% endfor %}",
				     &(struct jinja_limits){.seconds = 1e-9}, text, sizeof text,
				     &err),
			 T2_EUNSUP);
	assert_non_null(strstr(err.msg, "seconds"));
	assert_int_equal(render_text("{{ strftime_now('%Y-%m-%d') }}",
				     &(struct jinja_limits){.now = 1}, text, sizeof text, &err),
			 T2_OK);
	assert_string_equal(text, "1970-01-01");
}

static void
repeat(struct strbuf *b, const char *piece, int n)
{
	while (n-- > 0)
		strbuf_str(b, piece);
}

/* open * n, middle, close * n: refused, or rendered; never a stack overflow. */
static void
test_deep_source(void **state)
{
	static const struct {
		const char *before, *open, *middle, *close, *after;
	} row[] = {
		{"{{ ", "(", "1", ")", " }}"},
		{"{{ ", "[", "1", "]", " }}"},
		{"{{ ", "{1:", "1", "}", " }}"},
		{"{{ ", "-", "1", "", " }}"},
		{"{{ ", "not ", "1", "", " }}"},
		{"{{ ", "1 if 1 else ", "1", "", " }}"},
		{"{{ ", "1 if ", "1", "", " }}"},
		{"{{ x", "", "", ".a", " }}"},
		{"{{ x", "", "", "[0]", " }}"},
		{"{{ x", "", "", "()", " }}"},
		{"{{ x", "", "", "|trim", " }}"},
		{"{{ x", "", "", " is defined", " }}"},
		{"{{ f(", "f(", "", ")", ") }}"},
		{"{{ 1", "", "", " + 1", " }}"},
		{"{{ 1", "", "", " ~ 1", " }}"},
		{"{{ 1", "", "", " and 1", " }}"},
		{"{{ 1", "", "", " < 1", " }}"},
		{"{{ 1", "", "", " ** 1", " }}"},
		{"{{ 1", "", "", ", 1", " }}"},
		{"{{ ''", "", "", " ''", " }}"},
		{"", "{% if 1 %}", "", "{% endif %}", ""},
		{"", "{% for i in [1] %}", "", "{% endfor %}", ""},
		{"", "{% set x %}", "", "{% endset %}", ""},
		{"", "{% filter trim %}", "", "{% endfilter %}", ""},
		{"", "{% macro f() %}", "", "{% endmacro %}", ""},
		{"", "{% with a = 1 %}", "", "{% endwith %}", ""},
		{"", "{% generation %}", "", "{% endgeneration %}", ""},
		{"{% if 0 %}", "{% elif 0 %}", "", "", "{% endif %}"},
		{"{% set ", "(", "x", ",)", " = 1 %}"},
		{"{% filter ", "", "trim", "|trim", " %}{% endfilter %}"},
		{"", "{{", "", "}}", ""},
		{"", "{#", "", "", ""},
		{"", "{% raw %}", "", "", ""},
		{"", "\n", "", "  \n{%- set x = 1 -%}\n", ""},
	};
	static const int sizes[] = {10, 99, 199, 201, 5000};
	struct t2_err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
			struct strbuf src = {0}, out = {0};
			enum t2_status st;

			strbuf_str(&src, row[i].before);
			repeat(&src, row[i].open, sizes[k]);
			strbuf_str(&src, row[i].middle);
			repeat(&src, row[i].close, sizes[k]);
			strbuf_str(&src, row[i].after);
			st = render(src.s, src.len, NULL, NULL, &out, &err);
			if (st && strncmp(err.msg, "t: line ", 8))
				fail_msg("%s x %d: %s", row[i].open, sizes[k], err.msg);
			strbuf_free(&src);
			strbuf_free(&out);
		}
	}
}

/* Every template cut at every byte, and with every byte changed: an answer each time. */
static void
test_cut_and_changed(void **state)
{
	static const char source[] = "{%- macro f(a, b=2) -%}[{{ a ~ b }}]{%- endmacro %}{# c #}{% "
				     "raw %}{{ }}{% endraw %}"
				     "{% for m in [{'k': 'v'}, 'x'|trim, 1.5e3] if m is not none "
				     "%}{{ f(m, b=loop.index0) }}{% else %}-{% endfor %}"
				     "{% set ns = namespace(i=0) %}{% set ns.i = -ns.i + 1 %}{{ "
				     "\"\\u00e9\\x41\" if ns.i >= 1 else 'b'[::-1] }}";
	static const char other[] = "{}%#'\"\\(.|\xc3 ";
	struct t2_err err = {0};
	char copy[sizeof source];

	(void)state;
	for (size_t n = 0; n < sizeof source; n++) {
		struct strbuf out = {0};

		render(source, n, NULL, NULL, &out, &err);
		strbuf_free(&out);
		for (size_t k = 0; n < sizeof source - 1 && k < sizeof other - 1; k++) {
			memcpy(copy, source, sizeof source);
			copy[n] = other[k];
			render(copy, sizeof source - 1, NULL, NULL, &out, &err);
			strbuf_free(&out);
		}
	}
	assert_int_equal(render("a\xff", 2, NULL, NULL, &(struct strbuf){0}, &err), T2_EFORMAT);
	assert_non_null(strstr(err.msg, "byte 1: not UTF-8"));
}

static void
test_places(void **state)
{
	static const struct {
		const char *source, *place;
	} row[] = {
		{"a\nb {{ x.y.z }}", "t: line 2, column 7: 'x' is undefined"},
		{"{% if 1 %}\r\n\r\n  {{ 1 / 0 }}{% endif %}",
		 "t: line 3, column 8: division by zero"},
		{"{{ 'é' + 1 }}",
		 "t: line 1, column 8: '+' is not supported between 'str' and 'int'"},
		{"éé{{ foo() }}", "t: line 1, column 9: unknown function 'foo'"},
		{"{{ 1|foo }}", "t: line 1, column 6: unknown filter 'foo'"},
		{"{{ 1 is foo }}", "t: line 1, column 9: unknown test 'foo'"},
		{"{{ 'a'.encode() }}",
		 "t: line 1, column 14: method 'encode' of str is not supported"},
		{"{{ [].append(1) }}",
		 "t: line 1, column 13: 'append' would change its object, which templates may not"},
		{"{% foo %}", "t: line 1, column 4: unknown statement 'foo'"},
		{"{% for x in [] recursive %}{% endfor %}",
		 "t: line 1, column 16: recursive loops are not supported"},
		{"{% if 1 %}\n{% else %}",
		 "t: line 2, column 11: the template ends before {% endif %}"},
		{"\n{{ raise_exception('roles\nmust alternate') }}",
		 "t: line 2, column 19: roles must alternate"},
	};
	struct t2_err err;
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		assert_int_not_equal(render_text(row[i].source, NULL, text, sizeof text, &err),
				     T2_OK);
		assert_string_equal(err.msg, row[i].place);
	}
}

/* Floats are written and read with a point whatever the locale says; U+0000 passes; *out is appended to. */
static void
test_values(void **state)
{
	json_t *vars =
		json_pack("{s:s%, s:f, s:[i,i]}", "z", "a\0b", (size_t)3, "f", 0.1, "l", 1, 2);
	static const char source[] =
		"{{ z }}|{{ z|length }}|{{ z|tojson }}|{{ [z] }}|{{ f }}|{{ l }}";
	static const char want[] = "before a\0b|3|\"a\\u0000b\"|['a\\x00b']|0.1|[1, 2]";
	struct strbuf out = {0};
	struct t2_err err = {0};

	(void)state;
	strbuf_str(&out, "before ");
	assert_int_equal(render(source, sizeof source - 1, vars, NULL, &out, &err), T2_OK);
	assert_int_equal(out.len, sizeof want - 1);
	assert_memory_equal(out.s, want, sizeof want - 1);
	/* a variable shadows a function of the same name */
	json_object_set_new(vars, "range", json_string("mine"));
	strbuf_clear(&out);
	assert_int_equal(render("{{ range }}", 11, vars, NULL, &out, &err), T2_OK);
	assert_string_equal(out.s, "mine");
	strbuf_free(&out);
	json_decref(vars);
	jinja_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goldens),	    cmocka_unit_test(test_cases),
		cmocka_unit_test(test_bounds),	    cmocka_unit_test(test_limits),
		cmocka_unit_test(test_deep_source), cmocka_unit_test(test_cut_and_changed),
		cmocka_unit_test(test_places),	    cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
