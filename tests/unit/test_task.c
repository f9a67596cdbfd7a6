/* test_task.c - task folders: what they say, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/task/task.h"
#include "tests/lib/golden.h"

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

/* A fresh folder. */
static void
new_dir(void)
{
	static const char *base;
	static int n;

	if (!base)
		base = temp_dir();
	snprintf(dir, sizeof dir, "%s/t%d", base, n++);
	assert_int_equal(mkdir(dir, 0700), 0);
}

static struct task *
open_task(const char *json)
{
	struct task *t;
	struct t2_err err = {0};

	write_file("task.json", json);
	if (task_open(&t, dir, &err))
		fail_msg("%s", err.msg);
	return t;
}

static size_t
counted(const struct task *t, const char *answer, size_t len)
{
	size_t n = 0;
	struct t2_err err = {0};

	if (task_counted(t, answer, len, &n, &err))
		fail_msg("%s", err.msg);
	return n;
}

static void
expect_question(struct task *t, const char *split, int i, const char *want)
{
	struct strbuf b = {0};
	struct t2_err err = {0};

	if (task_question(t, split, i, &b, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(b.s ? b.s : "", want);
	strbuf_free(&b);
}

static void
expect_plain(struct task *t, int i, const char *want)
{
	struct strbuf b = {0};
	struct t2_err err = {0};

	if (task_plain_question(t, "test", i, &b, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(b.s, want);
	strbuf_free(&b);
}

static void
test_fields(void **state)
{
	struct task *t;
	struct t2_err err = {0};

	(void)state;
	new_dir();
	write_file("d.jsonl",
		   "{\"question\": \"2+2?\", \"choices\": [\"one\", \"four\"], \"n\": 7, \"x\": "
		   "1.5, \"key\": \"B\"}\n"
		   "\n"
		   "{\"question\": \"{n}\", \"choices\": [], \"n\": -1, \"x\": 0.1, \"key\": 3}\n");
	t = open_task("{\"name\": \"t\", \"description\": \"d\", \"prompt\": \"Q: "
		      "{question}\\n{choices}\\n({n}, {x}) {{n}}\","
		      "\"answer\": \"key\", \"scorer\": \"choice\", \"max_tokens\": 9, \"stop\": "
		      "[\"\\n\", \"Q:\"],"
		      "\"splits\": {\"test\": \"d.jsonl\"}}");
	assert_string_equal(task_name(t), "t");
	assert_string_equal(task_dir(t), dir);
	assert_int_equal(task_max_tokens(t), 9);
	assert_int_equal(task_stops(t), 2);
	assert_string_equal(task_stop(t, 1), "Q:");
	assert_int_equal(task_items(t, "test", &err), 2);
	expect_question(t, "test", 0, "Q: 2+2?\nA. one\nB. four\n(7, 1.5) {n}");
	expect_question(t, "test", 1,
			"Q: {n}\n\n(-1, 0.1) {n}"); /* what a field holds is no template */
	expect_plain(t, 1, "{n}");
	assert_string_equal(task_gold(t, "test", 0), "B");
	assert_string_equal(task_gold(t, "test", 1), "3");
	assert_string_equal(task_gold(t, "test", 2), "");
	assert_int_equal(task_items(t, "train", &err), -1);
	assert_int_equal(err.code, T2_ENOTFOUND);
	assert_non_null(strstr(err.msg, "train"));
	assert_int_equal(task_question(t, "test", 2, &(struct strbuf){0}, &err), T2_EINVAL);
	assert_int_equal(task_categories(t), 0);
	assert_null(task_dispatch(t, "math"));
	assert_false(task_dispatches(t));
	assert_int_equal(counted(t, "abc", 3), 3);
	task_free(t);
	task_free(NULL);
}

/* The digest is that of what is asked and how it is scored, of the split alone, and of nothing else. */
static void
test_hash(void **state)
{
	static const char json[] = "{\"name\": \"t\", \"prompt\": \"{question}\", \"answer\": "
				   "\"key\", \"scorer\": \"exact\", \"splits\": {\"test\": "
				   "\"d.jsonl\", \"train\": \"e.jsonl\"}}";
	char was[HASH_TEXT], now[HASH_TEXT], bare[HASH_TEXT], other[HASH_TEXT];
	struct t2_err err = {0};
	struct task *t;

	(void)state;
	new_dir();
	write_file("d.jsonl", "{\"question\": \"2+2?\", \"key\": \"4\"}\n");
	write_file("e.jsonl", "{\"question\": \"2+2?\", \"key\": \"4\"}\n");
	t = open_task(json);
	assert_int_equal(task_hash(t, "test", was, &err), T2_OK);
	assert_int_equal(task_hash(t, "train", other, &err), T2_OK);
	assert_int_equal(task_hash(t, NULL, bare, &err), T2_OK);
	assert_int_equal(strlen(was), 32);
	assert_string_not_equal(was, other);
	assert_string_not_equal(was, bare);
	assert_int_equal(task_hash(t, "none", now, &err), T2_ENOTFOUND);
	assert_string_equal(now, "");
	task_free(t);
	write_file("e.jsonl", "{\"question\": \"3+3?\", \"key\": \"6\"}\n");
	t = open_task(json);
	assert_int_equal(task_hash(t, "test", now, &err), T2_OK);
	assert_string_equal(now, was);
	assert_int_equal(task_hash(t, "train", now, &err), T2_OK);
	assert_string_not_equal(now, other);
	task_free(t);
	write_file("d.jsonl", "{\"question\": \"2+2?\", \"key\": \"5\"}\n");
	t = open_task(json);
	assert_int_equal(task_hash(t, "test", now, &err), T2_OK);
	assert_string_not_equal(now, was);
	assert_int_equal(task_hash(t, NULL, now, &err), T2_OK);
	assert_string_equal(now, bare);
	task_free(t);
}

static void
test_plain_question(void **state)
{
	struct task *t;

	(void)state;
	new_dir();
	write_file("d.jsonl", "{\"problem\": \"1+1\", \"answer\": \"2\"}\n");
	t = open_task(
		"{\"name\": \"t\", \"prompt\": \"Problem: {problem}\", \"scorer\": \"number\","
		"\"splits\": {\"test\": \"d.jsonl\"}}");
	expect_plain(t, 0, "Problem: 1+1");
	task_free(t);
	t = open_task("{\"name\": \"t\", \"prompt\": \"Problem: {problem}\", \"question\": "
		      "\"{problem}?\", \"scorer\": \"number\","
		      "\"splits\": {\"test\": \"d.jsonl\"}}");
	expect_plain(t, 0, "1+1?");
	task_free(t);
}

static void
test_splits(void **state)
{
	static const struct {
		const char *name;
		int n;
		const char *first;
	} want[] = {{"all", 7, "0"},  {"even", 4, "0"},	  {"odd", 3, "1"},
		    {"tail", 3, "4"}, {"middle", 2, "2"}, {"odd4", 2, "3"}};
	struct task *t;
	struct t2_err err = {0};

	(void)state;
	new_dir();
	write_file("d.jsonl",
		   "{\"q\":0,\"answer\":0}\n{\"q\":1,\"answer\":1}\n{\"q\":2,\"answer\":2}\n{\"q\":"
		   "3,\"answer\":3}\n"
		   "{\"q\":4,\"answer\":4}\n{\"q\":5,\"answer\":5}\n{\"q\":6,\"answer\":6}");
	t = open_task("{\"name\": \"t\", \"prompt\": \"{q}\", \"scorer\": \"exact\", \"splits\": "
		      "{\"all\": \"d.jsonl\","
		      "\"even\": {\"file\": \"d.jsonl\", \"parity\": 0}, \"odd\": {\"file\": "
		      "\"d.jsonl\", \"parity\": 1},"
		      "\"tail\": {\"file\": \"d.jsonl\", \"from\": 4},"
		      "\"middle\": {\"file\": \"./d.jsonl\", \"from\": 2, \"count\": 2},"
		      "\"odd4\": {\"file\": \"d.jsonl\", \"parity\": 1, \"from\": 2, \"count\": 4},"
		      "\"beyond\": {\"file\": \"d.jsonl\", \"from\": 7}}}");
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		assert_int_equal(task_items(t, want[i].name, &err), want[i].n);
		expect_question(t, want[i].name, 0, want[i].first);
		assert_string_equal(task_gold(t, want[i].name, 0), want[i].first);
	}
	assert_int_equal(task_items(t, "beyond", &err), -1);
	assert_int_equal(err.code, T2_EFORMAT);
	assert_non_null(strstr(err.msg, "no items"));
	/* read once and kept: the file may go */
	snprintf(strrchr(dir, 0), 20, "/d.jsonl");
	assert_int_equal(remove(dir), 0);
	assert_int_equal(task_items(t, "all", &err), 7);
	expect_question(t, "even", 3, "6");
	task_free(t);
}

/* A pattern that runs into PCRE2's limits is an error that names it, not an answer of which nothing counts. */
static void
test_count_limited(void **state)
{
	struct t2_err err = {0};
	struct task *t;
	char answer[64];
	size_t n = 7;

	(void)state;
	new_dir();
	write_file("d.jsonl", "{\"question\":\"How many?\",\"answer\":\"1\"}\n");
	t = open_task("{\"name\": \"slow\", \"prompt\": \"{question}\", \"scorer\": \"exact\", "
		      "\"count\": \"(a+a+)+[bc]\", \"splits\": {\"test\": \"d.jsonl\"}}");
	assert_int_equal(counted(t, "aab", 3), 3);
	memset(answer, 'a', sizeof answer);
	assert_int_equal(task_counted(t, answer, sizeof answer, &n, &err), T2_EUNSUP);
	assert_int_equal(n, 0);
	assert_non_null(strstr(err.msg, "task.json"));
	assert_non_null(strstr(err.msg, "count: the pattern \"(a+a+)+[bc]\""));
	task_free(t);
}

static void
test_scoring(void **state)
{
	struct task *t;
	struct t2_err err = {0};
	struct verdict v;

	(void)state;
	new_dir();
	write_file("d.jsonl", "{\"question\":\"How many?\",\"answer\":\"math\"}\n");
	t = open_task(
		"{\"name\": \"d\", \"prompt\": \"{question}\", \"scorer\": \"category\", "
		"\"extract\": \"([a-z]+)\","
		"\"count\": \"\\\\s*[a-zé]+\", \"categories\": [\"math\", \"code\", \"other\"],"
		"\"dispatch\": {\"math\": \"sums\", \"code\": \"strings\"}, \"splits\": {\"test\": "
		"\"d.jsonl\"}}");
	assert_int_equal(task_score(t, "test", 0, " math.", 6, &v, &err), T2_OK);
	assert_true(v.correct);
	assert_string_equal(v.extracted, "math");
	verdict_free(&v);
	assert_int_equal(task_score(t, "test", 0, " 42", 3, &v, &err), T2_OK);
	assert_false(v.correct);
	assert_null(v.extracted);
	assert_int_equal(task_score(t, "test", 1, "x", 1, &v, &err), T2_EINVAL);
	assert_int_equal(task_score(t, "none", 0, "x", 1, &v, &err), T2_ENOTFOUND);
	assert_int_equal(task_score_text(t, "code", " code", 5, &v, &err), T2_OK);
	assert_true(v.correct);
	verdict_free(&v);
	assert_true(task_dispatches(t));
	assert_int_equal(task_categories(t), 3);
	assert_string_equal(task_category(t, 2), "other");
	assert_string_equal(task_dispatch(t, "math"), "sums");
	assert_null(task_dispatch(t, "other"));
	assert_null(task_dispatch(t, "poetry"));
	assert_int_equal(counted(t, " math. More", 11), 5);
	assert_int_equal(counted(t, "42", 2), 0);
	assert_int_equal(counted(t, "ab\xc3", 3), 2); /* not UTF-8 from there on */
	task_free(t);
}

/* A tokenizer of bytes: each letter is its own token. */
static const char letters[] = "{\"added_tokens\": [{\"id\": 0, \"content\": \"<s>\", \"special\": "
			      "true}], \"normalizer\": null,"
			      " \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": "
			      "false, \"use_regex\": true},"
			      " \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": "
			      "[{\"SpecialToken\": {\"id\": \"<s>\","
			      " \"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", \"type_id\": "
			      "0}}], \"pair\": [], \"special_tokens\":"
			      " {\"<s>\": {\"id\": \"<s>\", \"ids\": [0], \"tokens\": "
			      "[\"<s>\"]}}}, \"decoder\": {\"type\": \"ByteLevel\"},"
			      " \"model\": {\"type\": \"BPE\", \"vocab\": {\"<s>\": 0, \"a\": 1, "
			      "\"b\": 2, \"c\": 3, \"d\": 4, \":\": 5, \"[\": 6,"
			      " \"]\": 7, \"\xc4\x8a\": 8, \"\xc4\xa0\": 9}, \"merges\": []}}";

static void
expect_prompt(struct task *t, const char *question, const struct chat *chat,
	      const struct tokenizer *tok, const char *want)
{
	struct ids ids = {0};
	struct strbuf text = {0};
	struct t2_err err = {0};
	enum t2_status st = question ? task_prompt_text(t, question, chat, tok, &ids, &err)
				     : task_prompt(t, "test", 0, chat, tok, &ids, &err);

	if (st)
		fail_msg("%s", err.msg);
	assert_int_equal(tokenizer_decode(tok, ids.v, ids.n, &text, &err), T2_OK);
	assert_string_equal(text.s, want);
	strbuf_free(&text);
	ids_free(&ids);
}

static void
test_prompt(void **state)
{
	static const char body[] =
		"\"name\": \"t\", \"prompt\": \"a:{question}\", \"scorer\": \"exact\","
		"\"splits\": {\"test\": \"d.jsonl\"}";
	struct tokenizer *tok;
	struct chat *plain = NULL, *chat = NULL;
	struct task *t;
	struct t2_err err = {0};
	struct ids ids = {0};
	char json[600];

	(void)state;
	new_dir();
	write_file("tokenizer.json", letters);
	write_file("d.jsonl", "{\"question\":\"b\",\"start\":\"c\",\"answer\":\"b\"}\n");
	if (tokenizer_open(&tok, dir, &err) || chat_open(&plain, dir, tok, &err))
		fail_msg("%s", err.msg);
	tokenizer_free(tok);
	write_file("chat_template.jinja", "{% for m in messages %}[{{ m.content }}]{% endfor %}{% "
					  "if add_generation_prompt %}d{% endif %}");
	if (tokenizer_open(&tok, dir, &err) || chat_open(&chat, dir, tok, &err))
		fail_msg("%s", err.msg);

	snprintf(json, sizeof json, "{%s}", body);
	t = open_task(json);
	expect_prompt(t, NULL, chat, tok, "[a:b]d");
	expect_prompt(t, "cc", chat, tok, "[a:cc]d");
	expect_prompt(t, NULL, plain, tok,
		      "<s>a:b"); /* no template: what the tokenizer itself puts in front */
	expect_prompt(t, NULL, NULL, tok, "<s>a:b");
	task_free(t);

	snprintf(json, sizeof json, "{%s, \"system\": \"bd\", \"prefill\": \" {start}\"}", body);
	t = open_task(json);
	expect_prompt(t, NULL, chat, tok, "[bd][a:b]d c");
	expect_prompt(t, NULL, plain, tok, "<s>bd\na:b c");
	/* a free question has no other field */
	assert_int_equal(task_prompt_text(t, "b", chat, tok, &ids, &err), T2_EFORMAT);
	assert_non_null(strstr(err.msg, "start"));
	task_free(t);

	snprintf(json, sizeof json, "{%s, \"chat\": false}", body);
	t = open_task(json);
	expect_prompt(t, NULL, chat, tok, "<s>a:b");
	task_free(t);

	chat_free(plain);
	chat_free(chat);
	tokenizer_free(tok);
	ids_free(&ids);
}

/* Each row: a task.json, and words that its error must say. */
static void
test_refused_files(void **state)
{
#define MOST "\"name\": \"t\", \"prompt\": \"{question}\", \"splits\": {\"test\": \"d.jsonl\"}"
#define ALL  MOST ", \"scorer\": \"exact\""
	static const struct {
		const char *json;
		enum t2_status code;
		const char *word[2];
	} row[] = {
		{"{", T2_EFORMAT, {"task.json", "JSON"}},
		{"[]", T2_EFORMAT, {"task.json", "object"}},
		{"{\"prompt\": \"x\", \"scorer\": \"exact\", \"splits\": {\"test\": \"d.jsonl\"}}",
		 T2_EFORMAT,
		 {"name", "missing"}},
		{"{\"name\": \"t\", \"scorer\": \"exact\", \"splits\": {\"test\": \"d.jsonl\"}}",
		 T2_EFORMAT,
		 {"prompt", "missing"}},
		{"{" MOST "}", T2_EFORMAT, {"scorer", "missing"}},
		{"{\"name\": \"t\", \"prompt\": \"x\", \"scorer\": \"exact\"}",
		 T2_EFORMAT,
		 {"splits", "missing"}},
		{"{\"name\": \"t\", \"prompt\": \"x\", \"scorer\": \"exact\", \"splits\": {}}",
		 T2_EFORMAT,
		 {"splits", "missing"}},
		{"{" ALL ", \"promt\": \"x\"}", T2_EFORMAT, {"promt", "task.json"}},
		{"{" ALL ", \"system\": 3}", T2_EFORMAT, {"system", "string"}},
		{"{" ALL ", \"description\": 3}", T2_EFORMAT, {"description", "string"}},
		{"{" ALL ", \"chat\": \"no\"}", T2_EFORMAT, {"chat", "true or false"}},
		{"{" ALL ", \"max_tokens\": 0}", T2_EFORMAT, {"max_tokens", "0"}},
		{"{" ALL ", \"max_tokens\": 1.5}", T2_EFORMAT, {"max_tokens", "integer"}},
		{"{" ALL ", \"stop\": \"x\"}", T2_EFORMAT, {"stop", "list"}},
		{"{" ALL ", \"stop\": [\"\"]}", T2_EFORMAT, {"stop", "text"}},
		{"{" ALL ", \"stop\": [1]}", T2_EFORMAT, {"stop", "text"}},
		{"{" ALL ", \"categories\": {}}", T2_EFORMAT, {"categories", "list"}},
		{"{" ALL ", \"dispatch\": {\"math\": \"m\"}}", T2_EFORMAT, {"dispatch", "math"}},
		{"{" ALL ", \"dispatch\": []}", T2_EFORMAT, {"dispatch", "expert"}},
		{"{" ALL ", \"categories\": [\"math\"], \"dispatch\": {\"math\": 1}}",
		 T2_EFORMAT,
		 {"dispatch", "math"}},
		{"{" ALL ", \"extract\": \"(\"}", T2_EFORMAT, {"extract", "pattern"}},
		{"{" ALL ", \"extract\": \"a\"}", T2_EFORMAT, {"extract", "group 1"}},
		{"{" ALL ", \"count\": \"[\"}", T2_EFORMAT, {"count", "pattern"}},
		{"{" MOST ", \"scorer\": \"best\"}", T2_EINVAL, {"best", "choice"}},
		{"{" MOST ", \"scorer\": \"tests\"}", T2_EUNSUP, {"tests", "sandbox"}},
		{"{" MOST ", \"scorer\": \"category\"}", T2_EINVAL, {"category", "categories"}},
		{"{" ALL ", \"name\": \"again\"}", T2_EFORMAT, {"name", "duplicate"}},
		{"{\"name\": \"t\", \"prompt\": \"x\", \"scorer\": \"exact\", \"splits\": "
		 "{\"test\": \"../d.jsonl\"}}",
		 T2_EFORMAT,
		 {"test", "folder"}},
		{"{\"name\": \"t\", \"prompt\": \"x\", \"scorer\": \"exact\", \"splits\": "
		 "{\"test\": \"a/../../d.jsonl\"}}",
		 T2_EFORMAT,
		 {"test", "folder"}},
		{"{\"name\": \"t\", \"prompt\": \"x\", \"scorer\": \"exact\", \"splits\": "
		 "{\"test\": \"/etc/passwd\"}}",
		 T2_EFORMAT,
		 {"test", "folder"}},
		{"{\"name\": \"t\", \"prompt\": \"x\", \"scorer\": \"exact\", \"splits\": "
		 "{\"test\": {\"file\": \"..\"}}}",
		 T2_EFORMAT,
		 {"test", "folder"}},
		{"{\"name\": \"t\", \"prompt\": \"x\", \"scorer\": \"exact\", \"splits\": "
		 "{\"test\": {\"parity\": 1}}}",
		 T2_EFORMAT,
		 {"test", "file"}},
		{"{\"name\": \"t\", \"prompt\": \"x\", \"scorer\": \"exact\", \"splits\": "
		 "{\"test\": {\"file\": \"d.jsonl\", \"parity\": 2}}}",
		 T2_EFORMAT,
		 {"parity", "2"}},
		{"{\"name\": \"t\", \"prompt\": \"x\", \"scorer\": \"exact\", \"splits\": "
		 "{\"test\": {\"file\": \"d.jsonl\", \"odd\": 1}}}",
		 T2_EFORMAT,
		 {"test", "odd"}},
		{"{\"name\": \"t\", \"prompt\": \"x\\u0000y\", \"scorer\": \"exact\", \"splits\": "
		 "{\"test\": \"d.jsonl\"}}",
		 T2_EFORMAT,
		 {"prompt", "U+0000"}},
	};
	struct task *t;
	struct t2_err err;

	(void)state;
	new_dir();
	write_file("d.jsonl", "{\"question\":\"b\",\"answer\":\"b\"}\n");
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		enum t2_status st;

		write_file("task.json", row[i].json);
		memset(&err, 0, sizeof err);
		st = task_open(&t, dir, &err);
		if (st != row[i].code || !strstr(err.msg, row[i].word[0]) ||
		    !strstr(err.msg, row[i].word[1]))
			fail_msg("%s: %d, %s", row[i].json, st, err.msg);
		assert_null(t);
	}
	new_dir();
	assert_int_equal(task_open(&t, dir, &err), T2_ENOTFOUND);
	assert_non_null(strstr(err.msg, "task.json"));
}

static void
test_refused_data(void **state)
{
	static const struct {
		const char *data; /* NULL: no file */
		enum t2_status code;
		const char *word[2];
	} row[] = {
		{NULL, T2_ENOTFOUND, {"d.jsonl", ""}},
		{"", T2_EFORMAT, {"d.jsonl", "no items"}},
		{"\n \n", T2_EFORMAT, {"d.jsonl", "no items"}},
		{"{\"question\":\"b\",\"answer\":\"b\"}\n[1]\n",
		 T2_EFORMAT,
		 {"d.jsonl:2", "object"}},
		{"{\"question\":\"b\",\"answer\":\"b\"}\n{\"question\":\n",
		 T2_EFORMAT,
		 {"d.jsonl:2", "JSON"}},
		{"{\"answer\":\"b\"}\n", T2_EFORMAT, {"d.jsonl:1", "question"}},
		{"{\"question\":\"b\"}\n", T2_EFORMAT, {"d.jsonl:1", "answer"}},
		{"{\"question\":\"b\",\"answer\":{}}\n", T2_EFORMAT, {"d.jsonl:1", "answer"}},
		{"{\"question\":null,\"answer\":\"b\"}\n", T2_EFORMAT, {"d.jsonl:1", "question"}},
		{"{\"question\":[1],\"answer\":\"b\"}\n", T2_EFORMAT, {"d.jsonl:1", "question"}},
		{"{\"question\":\"b\",\"answer\":\"a\\u0000b\"}\n",
		 T2_EFORMAT,
		 {"d.jsonl:1", "U+0000"}},
		{"{\"question\":\"\xff\",\"answer\":\"b\"}\n", T2_EFORMAT, {"d.jsonl:1", "JSON"}},
	};
	struct t2_err err;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct task *t;

		new_dir();
		if (row[i].data)
			write_file("d.jsonl", row[i].data);
		t = open_task("{\"name\": \"t\", \"prompt\": \"{question}\", \"scorer\": \"exact\","
			      "\"splits\": {\"test\": \"d.jsonl\"}}");
		for (int again = 0; again < 2; again++) { /* the second time says the same */
			memset(&err, 0, sizeof err);
			assert_int_equal(task_items(t, "test", &err), -1);
			if (err.code != row[i].code || !strstr(err.msg, row[i].word[0]) ||
			    !strstr(err.msg, row[i].word[1]))
				fail_msg("row %zu: %d, %s", i, err.code, err.msg);
		}
		task_free(t);
	}
	/* braces that are no field */
	new_dir();
	write_file("d.jsonl", "{\"question\":\"b\",\"answer\":\"b\"}\n");
	{
		struct task *t = open_task(
			"{\"name\": \"t\", \"prompt\": \"\\\\boxed{\", \"scorer\": \"exact\","
			"\"splits\": {\"test\": \"d.jsonl\"}}");

		assert_int_equal(task_items(t, "test", &err), -1);
		assert_non_null(strstr(err.msg, "{{"));
		task_free(t);
	}
}

/* The tasks that come with the program open, and their golds are right by their own scorers. */
static void
test_shipped(void **state)
{
	static const char *const name[] = {"math",	"code",	      "logic",	  "math-hard",
					   "code-hard", "logic-hard", "dispatch", "sums"};
	static const char *const wrap[] = {" It is %s.",
					   " It is \"%s\".",
					   " So it is Kim %s.",
					   " It is %s.",
					   " \"%s\".",
					   " Kim %s.",
					   " %s.",
					   " %s"};

	(void)state;
	for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
		struct task *t;
		struct t2_err err = {0};
		char path[80];
		int n;

		snprintf(path, sizeof path, "samples/tasks/%s", name[i]);
		if (task_open(&t, path, &err))
			fail_msg("%s", err.msg);
		assert_string_equal(task_name(t), name[i]);
		n = task_items(t, "test", &err);
		if (n < 0)
			fail_msg("%s", err.msg);
		for (int k = 0; k < n; k++) {
			const char *gold = task_gold(t, "test", k);
			struct verdict v;
			char answer[200];

			snprintf(answer, sizeof answer, wrap[i], gold);
			assert_int_equal(task_score(t, "test", k, answer, strlen(answer), &v, &err),
					 T2_OK);
			if (!v.correct)
				fail_msg("%s, item %d: \"%s\" is wrong for \"%s\"", name[i], k,
					 answer, gold);
			verdict_free(&v);
			assert_int_equal(task_score(t, "test", k, "", 0, &v, &err), T2_OK);
			assert_false(v.correct);
			verdict_free(&v);
		}
		task_free(t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),	      cmocka_unit_test(test_plain_question),
		cmocka_unit_test(test_splits),	      cmocka_unit_test(test_count_limited),
		cmocka_unit_test(test_scoring),	      cmocka_unit_test(test_prompt),
		cmocka_unit_test(test_refused_files), cmocka_unit_test(test_refused_data),
		cmocka_unit_test(test_shipped),	      cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
