/* test_chat.c - from a model's folder to the text of a prompt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/json.h"
#include "engine/model/chat.h"
#include "engine/model/tokenizer.h"
#include "tests/lib/golden.h"

static const char tiny_tokenizer[] =
	"{\"added_tokens\": [{\"id\": 2, \"content\": \"<s>\", \"special\": true},"
	" {\"id\": 3, \"content\": \"</s>\", \"special\": true}], \"normalizer\": null,"
	" \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": "
	"true},"
	" \"post_processor\": null, \"decoder\": {\"type\": \"ByteLevel\"},"
	" \"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1}, \"merges\": []}}";

static char dir[600];

static void
write_file(const char *name, const char *text)
{
	char path[700];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

/* A fresh folder with the tiny tokenizer. */
static void
new_model(void)
{
	static const char *base;
	static int n;

	if (!base)
		base = temp_dir();
	snprintf(dir, sizeof dir, "%s/m%d", base, n++);
	assert_int_equal(mkdir(dir, 0700), 0);
	write_file("tokenizer.json", tiny_tokenizer);
}

static enum t2_status
open_chat(struct chat **c, struct t2_err *err)
{
	struct tokenizer *t;
	enum t2_status st;

	if (tokenizer_open(&t, dir, err))
		fail_msg("%s", err->msg);
	st = chat_open(c, dir, t, err);
	tokenizer_free(t); /* the chat keeps what it needs */
	return st;
}

static void
expect_one(const struct chat *c, const char *system, const char *user, const char *want)
{
	struct strbuf b = {0};
	struct t2_err err;

	if (chat_render_one(c, system, user, &b, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(b.s, want);
	strbuf_free(&b);
}

static void
test_prompt_itself(void **state)
{
	struct chat *c;
	struct t2_err err = {0};

	(void)state;
	new_model();
	assert_int_equal(open_chat(&c, &err), T2_OK);
	assert_false(chat_has_template(c));
	expect_one(c, NULL, "two {prompt} words", "two {prompt} words");
	expect_one(c, "Be brief.", "", "");
	expect_one(c, NULL, "cut \xc3", "cut \xef\xbf\xbd");
	chat_free(c);
	chat_free(NULL);
}

static void
test_plain(void **state)
{
	struct chat *c;
	struct t2_err err = {0};

	(void)state;
	new_model();
	write_file("t2tui.json", "{\"plain\": \"Question: {prompt}\\nAnswer:\"}");
	assert_int_equal(open_chat(&c, &err), T2_OK);
	assert_false(chat_has_template(c));
	expect_one(c, NULL, "What is {prompt}?", "Question: What is {prompt}?\nAnswer:");
	chat_free(c);

	write_file("t2tui.json", "{}");
	assert_int_equal(open_chat(&c, &err), T2_OK);
	expect_one(c, NULL, "Hi", "Hi");
	chat_free(c);

	write_file("t2tui.json", "{\"plain\": \"Question: \"}");
	assert_int_equal(open_chat(&c, &err), T2_EFORMAT);
	assert_null(c);
	assert_non_null(strstr(err.msg, "{prompt}"));
	write_file("t2tui.json", "{\"plain\": 3}");
	assert_int_equal(open_chat(&c, &err), T2_EFORMAT);
	write_file("t2tui.json", "[]");
	assert_int_equal(open_chat(&c, &err), T2_EFORMAT);
	write_file("t2tui.json", "{\"plain\":");
	assert_int_equal(open_chat(&c, &err), T2_EFORMAT);
	assert_non_null(strstr(err.msg, "t2tui.json"));
}

static void
test_last_user_message(void **state)
{
	struct chat *c;
	struct t2_err err = {0};
	struct strbuf b = {0};
	json_t *m = json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "role", "user", "content", "one",
			      "role", "user", "content", "two", "role", "assistant", "content",
			      "three");

	(void)state;
	new_model();
	assert_int_equal(open_chat(&c, &err), T2_OK);
	assert_int_equal(chat_render(c, m, true, &b, &err), T2_OK);
	assert_string_equal(b.s, "two");
	json_array_clear(m);
	assert_int_equal(chat_render(c, m, true, &b, &err), T2_EINVAL);
	json_array_append_new(m, json_pack("{s:s,s:s}", "role", "system", "content", "x"));
	assert_int_equal(chat_render(c, m, true, &b, &err), T2_EINVAL);
	assert_string_equal(b.s, "two");
	json_decref(m);
	strbuf_free(&b);
	chat_free(c);
}

static void
test_template(void **state)
{
	struct chat *c;
	struct t2_err err = {0};
	struct strbuf b = {0};

	(void)state;
	new_model();
	write_file("tokenizer_config.json",
		   "{\"bos_token\": \"<s>\", \"eos_token\": {\"content\": \"</s>\"},"
		   "\"chat_template\": \"{{ bos_token }}{% for m in messages %}"
		   "[{{ m.role }}|{{ m['content'] }}]{{ eos_token }}{% endfor %}"
		   "{% if add_generation_prompt %}>{% endif %}{% if tools or documents %}!{% endif "
		   "%}\"}");
	write_file("t2tui.json", "{\"plain\": \"not used: {prompt}\"}");
	assert_int_equal(open_chat(&c, &err), T2_OK);
	assert_true(chat_has_template(c));
	expect_one(c, NULL, "Hi", "<s>[user|Hi]</s>>");
	expect_one(c, "Be {{ brief }}.", "{% x %}",
		   "<s>[system|Be {{ brief }}.]</s>[user|{% x %}]</s>>");
	chat_free(c);

	/* a template that cannot be read says where */
	write_file("chat_template.jinja", "a\nb {{ x | }}");
	assert_int_equal(open_chat(&c, &err), T2_EFORMAT);
	assert_null(c);
	assert_non_null(strstr(err.msg, "chat template: line 2, column 10"));

	/* and one that raises leaves the text as it was */
	write_file("chat_template.jinja", "abc{{ raise_exception('no ' ~ messages[0].role) }}");
	assert_int_equal(open_chat(&c, &err), T2_OK);
	strbuf_str(&b, "before");
	assert_int_equal(chat_render_one(c, NULL, "Hi", &b, &err), T2_EINVAL);
	assert_string_equal(b.s, "before");
	assert_non_null(strstr(err.msg, "no user"));
	strbuf_free(&b);
	chat_free(c);
}

/* The template where a published tokenizer keeps it. */
static enum t2_status
qwen_line(void *arg, json_t *line, long number, struct t2_err *err)
{
	struct strbuf b = {0};
	json_t *want = json_object_get(line, "text");

	if (chat_render(arg, json_object_get(line, "messages"),
			json_is_true(json_object_get(line, "add_generation_prompt")), &b, err))
		fail_msg("line %ld: %s", number, err->msg);
	assert_int_equal(b.len, json_string_length(want));
	assert_memory_equal(b.s, json_string_value(want), b.len);
	strbuf_free(&b);
	return T2_OK;
}

static void
test_qwen3(void **state)
{
	const char *path = shared_path("tokenizers/qwen3"),
		   *lines = golden_path("chat/qwen3.jsonl");
	struct tokenizer *t;
	struct chat *c;
	struct t2_err err = {0};

	(void)state;
	if (!path || !lines)
		skip();
	assert_int_equal(tokenizer_open(&t, path, &err), T2_OK);
	assert_int_equal(chat_open(&c, path, t, &err), T2_OK);
	assert_int_equal(json_read_lines(lines, qwen_line, c, &err), T2_OK);
	chat_free(c);
	tokenizer_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prompt_itself),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_last_user_message),
		cmocka_unit_test(test_template),
		cmocka_unit_test(test_qwen3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
