/* Small tokenizers made here: each component by itself (what is expected is what tokenizers 0.23.3 gives), and files that are
 * wrong, cut, hostile or ask for what we lack. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "engine/base/mapfile.h"
#include "engine/model/pretok.h"
#include "engine/model/tokenizer.h"
#include "tests/lib/golden.h"
#include "tests/lib/seed.h"

static const char *dir;

static void
write_file(const char *name, const void *s, size_t len)
{
	char path[600];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(s, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void
remove_file(const char *name)
{
	char path[600];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	remove(path);
}

/* The parts of a tokenizer.json; NULL: null, or empty. */
struct parts {
	const char *added, *normalizer, *pre, *post, *decoder, *model, *vocab, *merges;
};

#define VOCAB                                                                                      \
	"\"<unk>\":0,\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"A\":6,\" "                          \
	"\":7,\"\u2581\":8,\"-\":9,\"1\":10,\"2\":11,"                                             \
	"\"\\n\":12,\"\u0120\":13,\"\u00e9\":14,\"s\":15,\"'\":16,\"\u00c3\":17,\"\u00a9\":18,"    \
	"\"ab\":19,\"abc\":20,"                                                                    \
	"\"aa\":21,\"1\u2581\":22,\"\u0301\":23,\"x\":24"
#define MERGES "\"a b\",[\"ab\",\"c\"],\"a a\",\"1 \u2581\""

static char *
json_of(const struct parts *p)
{
	struct strbuf b = {0};

	strbuf_printf(
		&b,
		"{\"version\":\"1.0\",\"added_tokens\":[%s],\"normalizer\":%s,\"pre_tokenizer\":%s,"
		"\"post_processor\":%s,\"decoder\":%s,\"model\":{\"type\":\"BPE\",%s"
		"\"unk_token\":\"<unk>\",\"vocab\":{%s},\"merges\":[%s]}}",
		p->added ? p->added : "", p->normalizer ? p->normalizer : "null",
		p->pre ? p->pre : "null", p->post ? p->post : "null",
		p->decoder ? p->decoder : "null", p->model ? p->model : "",
		p->vocab ? p->vocab : VOCAB, p->merges ? p->merges : MERGES);
	return strbuf_take(&b);
}

static enum t2_status
open_json(struct tokenizer **t, const struct parts *p, struct t2_err *err)
{
	char *s = json_of(p);

	write_file("tokenizer.json", s, strlen(s));
	seed_save("tokenizer", s, strlen(s));
	free(s);
	return tokenizer_open(t, dir, err);
}

/* The pieces of a text, with a bar between them. */
static char *
pieces(const struct tokenizer *t, const char *text, int flags)
{
	struct ids ids = {0};
	struct strbuf b = {0};
	struct t2_err err;

	if (tokenizer_encode(t, text, strlen(text), flags, &ids, &err))
		fail_msg("%s", err.msg);
	for (int i = 0; i < ids.n; i++) {
		if (i)
			strbuf_char(&b, '|');
		strbuf_str(&b, tokenizer_piece(t, ids.v[i], NULL));
	}
	ids_free(&ids);
	return strbuf_take(&b);
}

static void
check_pieces(const struct parts *p, const char *text, const char *want)
{
	struct tokenizer *t;
	struct t2_err err;
	char *got;

	if (open_json(&t, p, &err))
		fail_msg("%s", err.msg);
	got = pieces(t, text, TOK_SPECIAL);
	if (strcmp(got, want))
		fail_msg("\"%s\": \"%s\", want \"%s\"", text, got, want);
	free(got);
	tokenizer_free(t);
}

#define SPLIT(re)                                                                                  \
	"{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" re                                         \
	"\"},\"behavior\":\"Removed\",\"invert\":false}"
#define ADDED(id, text, more)                                                                      \
	"{\"id\":" id ",\"content\":\"" text "\",\"normalized\":false,\"special\":false" more "}"

#define METASPACE(more) "{\"type\":\"Metaspace\",\"replacement\":\"\u2581\"" more "}"
#define FIRST		METASPACE(",\"prepend_scheme\":\"first\"")
#define SEQUENCE(a, b)	"{\"type\":\"Sequence\",\"pretokenizers\":[" a "," b "]}"
#define DIGITS		"{\"type\":\"Digits\",\"individual_digits\":true}"
#define STRIP		"{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}"
#define REPLACE(a, b)                                                                              \
	"{\"type\":\"Replace\",\"pattern\":{\"String\":\"" a "\"},\"content\":\"" b "\"}"

static void
components(void **state)
{
	static const struct {
		struct parts p;
		const char *text, *want;
	} cases[] = {
		{{0}, "abc aaa", "abc| |aa|a"},
		{{0}, "aZZb", "a|<unk>|<unk>|b"},
		{{.model = "\"fuse_unk\":true,"}, "aZZb", "a|<unk>|b"},
		{{.normalizer = "{\"type\":\"NFC\"}"}, "e\u0301abc", "\u00e9|abc"},
		{{.normalizer = "{\"type\":\"NFD\"}"}, "\u00e9", "e|\u0301"},
		{{.normalizer = "{\"type\":\"NFKC\"}"}, "\u2081\ufe0e", "1|<unk>"},
		{{.normalizer = "{\"type\":\"Lowercase\"}"}, "ABAa\u0130", "ab|aa|<unk>|<unk>"},
		{{.normalizer = "{\"type\":\"StripAccents\"}"}, "ae\u0301b", "a|e|b"},
		{{.normalizer = "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}"},
		 " \u00a0a b \n",
		 "a| |b| |\n"},
		{{.normalizer = "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}"},
		 " \n ",
		 ""},
		{{.normalizer = "{\"type\":\"Prepend\",\"prepend\":\"x\"}"}, "ab", "x|ab"},
		{{.normalizer = "{\"type\":\"Prepend\",\"prepend\":\"x\"}"}, "", ""},
		{{.normalizer = "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" "
				"{2,}\"},\"content\":\"-\"}"},
		 "a   b c",
		 "a|-|b| |c"},
		{{.normalizer = "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","
				"\"prepend\":\"\u2581\"},"
				"{\"type\":\"Replace\",\"pattern\":{\"String\":\" "
				"\"},\"content\":\"\u2581\"}]}"},
		 "1 a",
		 "\u2581|1\u2581|a"},
		{{.pre = "{\"type\":\"Digits\",\"individual_digits\":false}"},
		 "1\u2581a12",
		 "1|\u2581|a|1|2"},
		{{.pre = "{\"type\":\"ByteLevel\"}"},
		 "ab \u00e9's",
		 "\u0120|ab|\u0120|\u00c3|\u00a9|'|s"},
		{{.pre = "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}"},
		 "a b",
		 "a|\u0120|b"},
		{{.pre = "{\"type\":\"Split\",\"pattern\":{\"String\":\"b\"},\"behavior\":"
			 "\"Removed\"}"},
		 "abcab",
		 "a|c|a"},
		{{.pre = SPLIT("\\\\s")},
		 "a\u180eb\xc2\x85"
		 "a b",
		 "a|<unk>|b|a|b"},
		{{.pre = SPLIT("[\\\\S]")}, "a b", " "},
		{{.pre = "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?<=a)(?=b)\"},\"behavior\":"
			 "\"Isolated\"}"},
		 "abcab",
		 "a|b|c|a|b"},
		{{.pre = METASPACE("")}, "ab  c\u2581", "\u2581|ab|\u2581|\u2581|c|\u2581"},
		{{.pre = METASPACE("")}, " ab", "\u2581|ab"},
		{{.pre = METASPACE(",\"add_prefix_space\":true,\"split\":true")}, "a", "\u2581|a"},
		{{.pre = METASPACE(",\"prepend_scheme\":\"never\",\"add_prefix_space\":false")},
		 "a 1 ",
		 "a|\u2581|1|\u2581"},
		/* A merge that ends with the mark needs words that do too. */
		{{.pre = METASPACE(",\"split\":false")}, "1 1", "\u2581|1\u2581|1"},
		{{.pre = METASPACE(""), .added = ADDED("25", "<t>", "")},
		 "a<t>b<t>",
		 "\u2581|a|<t>|\u2581|b|<t>"},
		{{.pre = FIRST, .added = ADDED("25", "<t>", "")},
		 "a<t>b c",
		 "\u2581|a|<t>|b|\u2581|c"},
		{{.pre = FIRST, .added = ADDED("25", "<t>", "")}, "<t>b", "<t>|b"},
		{{.pre = FIRST, .added = ADDED("2", "b", ",\"lstrip\":true")}, " ba", "b|a"},
		/* first: whose characters, not whose place in what normalizing left. */
		{{.pre = FIRST, .normalizer = STRIP}, " a b", "a|\u2581|b"},
		{{.pre = FIRST, .normalizer = REPLACE("cc", "a")}, "cc b", "a|\u2581|b"},
		{{.pre = FIRST, .normalizer = REPLACE("c", "ab")}, "cb", "\u2581|ab|b"},
		{{.pre = FIRST, .normalizer = REPLACE("c", "")}, "ca", "a"},
		{{.pre = SEQUENCE(DIGITS, FIRST), .normalizer = "{\"type\":\"NFKC\"}"},
		 "\u2460\u2461",
		 "\u2581|1|2"},
		{{.pre = SEQUENCE(DIGITS, FIRST), .normalizer = "{\"type\":\"NFKC\"}"},
		 "\u246b1",
		 "\u2581|1|\u2581|2|1"},
		{{.pre = SEQUENCE(SPLIT("x"), FIRST), .normalizer = "{\"type\":\"NFD\"}"},
		 "\u00e9xa",
		 "\u2581|e|\u0301|a"},
		{{.pre = "{\"type\":\"Metaspace\",\"replacement\":\"-\"}"}, "a-b c", "-|a|-|b|-|c"},
		{{.pre = SEQUENCE(
			  "{\"type\":\"Metaspace\",\"replacement\":\"-\",\"prepend_scheme\":"
			  "\"never\"}",
			  FIRST)},
		 "ab c",
		 "\u2581|ab|-|c"},
		{{.added = ADDED("25", "<t>", "")}, "a<t>b", "a|<t>|b"},
		{{.added = ADDED("25", "<t>", ",\"lstrip\":true,\"rstrip\":true")},
		 "a <t> \n b",
		 "a|<t>|b"},
		{{.added = ADDED("25", "e2", ",\"single_word\":true")},
		 "e2 ae2 e2-",
		 "e2| |a|e|2| |e2|-"},
		{{.added = ADDED("19", "ab", "") "," ADDED("25", "abcd", "")},
		 "abcababcd",
		 "ab|c|ab|abcd"},
		{{.added = "{\"id\":25,\"content\":\"AB\",\"normalized\":true}",
		  .normalizer = "{\"type\":\"Lowercase\"}"},
		 "ab AB",
		 "AB| |AB"},
		{{.post = "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"
			  "\"x\",\"type_id\":0}},"
			  "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":"
			  "\"-\"}}],"
			  "\"special_tokens\":{\"x\":{\"ids\":[24,24]},\"-\":{\"ids\":[9]}}}"},
		 "ab",
		 "x|x|ab|-"},
		/* A word that is an entry is that entry; otherwise nothing makes "aab". */
		{{.model = "\"ignore_merges\":true,", .vocab = VOCAB ",\"aab\":25"}, "aab", "aab"},
		{{.vocab = VOCAB ",\"aab\":25"}, "aab", "a|ab"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_pieces(&cases[i].p, cases[i].text, cases[i].want);
}

static void
split_behaviors(void **state)
{
	static const char *const want[2][5] = {
		[false] =
			{
				[PRETOK_ISOLATED] = "the|-|final|-|-|countdown",
				[PRETOK_REMOVED] = "the|final|countdown",
				[PRETOK_MERGED_PREVIOUS] = "the-|final-|-|countdown",
				[PRETOK_MERGED_NEXT] = "the|-final|-|-countdown",
				[PRETOK_CONTIGUOUS] = "the|-|final|--|countdown",
			},
		[true] =
			{
				[PRETOK_ISOLATED] = "the|-|final|-|-|countdown",
				[PRETOK_REMOVED] = "-|-|-",
				[PRETOK_MERGED_PREVIOUS] = "the|-final|-|-countdown",
				[PRETOK_MERGED_NEXT] = "the-|final-|-|countdown",
				[PRETOK_CONTIGUOUS] = "the|-|final|--|countdown",
			},
	};

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct pretok_step s = {.kind = PRETOK_SPLIT, .behavior = i % 5, .invert = i / 5};
		struct pretok p = {0};
		struct words w = {0};
		struct matcher m = {0};
		struct strbuf got = {0};
		struct t2_err err;

		assert_int_equal(pattern_regex(&s.pattern, "-", 1, "test", &err), T2_OK);
		assert_int_equal(pretok_add(&p, &s, &err), T2_OK);
		strbuf_str(&w.text, "the-final--countdown");
		assert_int_equal(pretok_run(&p, &m, &w, &err), T2_OK);
		for (size_t k = 0; k < w.n; k++) {
			if (k)
				strbuf_char(&got, '|');
			strbuf_add(&got, w.text.s + w.v[k].off, w.v[k].len);
		}
		assert_string_equal(got.s, want[i / 5][i % 5]);
		strbuf_free(&got);
		words_free(&w);
		matcher_free(&m);
		pretok_free(&p);
	}
}

/* Each is refused with this in the message, and with the file's name. */
static void
refused(void **state)
{
	static const struct {
		struct parts p;
		enum t2_status st;
		const char *msg;
	} cases[] = {
		{{.normalizer = "{\"type\":\"Precompiled\"}"},
		 T2_EUNSUP,
		 "normalizer: type \"Precompiled\""},
		{{.pre = "{\"type\":\"Metaspace\"}"}, T2_EFORMAT, "pre_tokenizer: Metaspace"},
		{{.pre = "{\"type\":\"Metaspace\",\"replacement\":\"__\"}"},
		 T2_EFORMAT,
		 "\"replacement\" is not one character"},
		{{.pre = METASPACE(",\"prepend_scheme\":\"last\"")},
		 T2_EUNSUP,
		 "prepend_scheme \"last\""},
		{{.pre = METASPACE(",\"add_prefix_space\":false")},
		 T2_EFORMAT,
		 "needs \"prepend_scheme\""},
		{{.decoder = METASPACE(",\"split\":3")},
		 T2_EFORMAT,
		 "decoder: Metaspace: \"split\""},
		{{.pre = "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Punctuation\"}]}"},
		 T2_EUNSUP,
		 "\"Punctuation\""},
		{{.decoder = "{\"type\":\"WordPiece\"}"}, T2_EUNSUP, "decoder: type \"WordPiece\""},
		{{.decoder = "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Fuse\"},{\"type\":"
			     "\"ByteFallback\"}]}"},
		 T2_EUNSUP,
		 "behind Fuse"},
		{{.post = "{\"type\":\"BertProcessing\"}"},
		 T2_EUNSUP,
		 "post_processor: type \"BertProcessing\""},
		{{.post = "{\"type\":\"TemplateProcessing\",\"single\":[]}"},
		 T2_EUNSUP,
		 "no Sequence A"},
		{{.post = "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"
			  "\"x\"}}],"
			  "\"special_tokens\":{\"x\":{\"ids\":[99]}}}"},
		 T2_EFORMAT,
		 "no such token id"},
		{{.model = "\"dropout\":0.1,"}, T2_EUNSUP, "dropout"},
		{{.model = "\"end_of_word_suffix\":\"</w>\","}, T2_EUNSUP, "end_of_word_suffix"},
		{{.model = "\"fuse_unk\":3,"}, T2_EFORMAT, "fuse_unk"},
		{{.pre = SPLIT("\\\\bfoo")}, T2_EUNSUP, "not supported from byte 0"},
		{{.pre = SPLIT("a{1,3}+")}, T2_EUNSUP, "not supported from byte 1"},
		{{.pre = SPLIT("[a&&b]")}, T2_EUNSUP, "not supported from byte 2"},
		{{.pre = SPLIT("[a[b]]")}, T2_EUNSUP, "not supported from byte 2"},
		{{.pre = SPLIT("(?<n>a)")}, T2_EUNSUP, "not supported"},
		{{.pre = SPLIT("[a")}, T2_EUNSUP, "not supported"},
		{{.pre = SPLIT("(a")}, T2_EUNSUP, "pattern"},
		{{.pre = SPLIT("\\\\p{Klingon}")}, T2_EUNSUP, "pattern"},
		{{.pre = SPLIT("")}, T2_EUNSUP, "empty pattern"},
		{{.normalizer =
			  "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a*\"},\"content\":\"\"}"},
		 T2_EUNSUP,
		 "matches nothing"},
		{{.vocab = "\"a\":0,\"<unk>\":0"}, T2_EFORMAT, "id 0 stands for two tokens"},
		{{.vocab = "\"\\n\\u001b[2J\":0,\"<unk>\":0"}, T2_EFORMAT, "\"??[2J\""},
		{{.vocab = "\"a\":0,\"a\":1"}, T2_EFORMAT, "duplicate"},
		{{.vocab = "\"<unk>\":0,\"a\":-1"}, T2_EFORMAT, "\"a\": not an id"},
		{{.vocab = "\"<unk>\":0,\"a\":16777216"}, T2_EFORMAT, "\"a\": not an id"},
		{{.vocab = "\"<unk>\":0,\"a\":1.5"}, T2_EFORMAT, "\"a\": not an id"},
		{{.vocab = "\"<unk>\":0,\"a\":16777215"},
		 T2_EFORMAT,
		 "id 16777215, but there are only 2 tokens"},
		{{.vocab = "\"a\":0,\"b\":1,\"ab\":2", .merges = "\"a b\""},
		 T2_EFORMAT,
		 "unk_token"},
		{{.vocab = "\"<unk>\":0,\"a\":1", .merges = "\"a b\""},
		 T2_EFORMAT,
		 "merges[0]: \"b"},
		{{.vocab = "\"<unk>\":0,\"a\":1,\"b\":2", .merges = "\"a b\""},
		 T2_EFORMAT,
		 "merges[0]: \"ab\""},
		{{.merges = "\"a b\",\"ab\""}, T2_EFORMAT, "merges[1]: not two pieces"},
		{{.merges = "\"a b c\""}, T2_EFORMAT, "merges[0]: not two pieces"},
		{{.merges = "[\"a\"]"}, T2_EFORMAT, "merges[0]: not two pieces"},
		{{.added = ADDED("1", "b", "")}, T2_EFORMAT, "id 1 stands for two tokens"},
		{{.added = ADDED("30", "b", "")}, T2_EFORMAT, "two ids, 2 and 30"},
		{{.added = ADDED("25", "", "")},
		 T2_EFORMAT,
		 "added_tokens[0]: \"content\" is empty"},
		{{.added = ADDED("25", "t", "") "," ADDED("25", "t", "")},
		 T2_EFORMAT,
		 "added_tokens[1]"},
	};
	struct tokenizer *t;
	struct t2_err err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum t2_status st = open_json(&t, &cases[i].p, &err);

		assert_null(t);
		if (st != cases[i].st || !strstr(err.msg, cases[i].msg) ||
		    !strstr(err.msg, "tokenizer.json"))
			fail_msg("case %zu: status %d, \"%s\", want %d, \"%s\"", i, st,
				 st ? err.msg : "", cases[i].st, cases[i].msg);
	}
	write_file("tokenizer.json", "{}", 2);
	assert_int_equal(tokenizer_open(&t, dir, &err), T2_EFORMAT);
	assert_non_null(strstr(err.msg, "not a tokenizer.json"));
	remove_file("tokenizer.json");
	assert_int_equal(tokenizer_open(&t, dir, &err), T2_ENOTFOUND);
}

/* A real file, cut anywhere, is refused. */
static void
cut(void **state)
{
	const char *path = shared_path("models/tinystories-656k/tokenizer.json");
	struct tokenizer *t;
	struct mapfile m;
	struct t2_err err;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(mapfile_open(&m, path, &err), T2_OK);
	for (size_t n = 0; n < m.size; n += n < 2000 ? 97 : 4999) {
		write_file("tokenizer.json", m.data, n);
		assert_int_equal(tokenizer_open(&t, dir, &err), T2_EFORMAT);
		assert_null(t);
	}
	mapfile_close(&m);
}

static void
check_config(const char *config, const char *jinja, int eos, const char *template)
{
	struct tokenizer *t;
	struct t2_err err;

	write_file("tokenizer_config.json", config, strlen(config));
	if (jinja)
		write_file("chat_template.jinja", jinja, strlen(jinja));
	if (open_json(&t, &(struct parts){0}, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(tokenizer_bos(t), -1);
	assert_string_equal(tokenizer_bos_text(t), "");
	assert_int_equal(tokenizer_eos(t), eos);
	assert_string_equal(tokenizer_eos_text(t), eos < 0 ? "" : tokenizer_piece(t, eos, NULL));
	if (template)
		assert_string_equal(tokenizer_chat_template(t), template);
	else
		assert_null(tokenizer_chat_template(t));
	tokenizer_free(t);
	remove_file("chat_template.jinja");
}

static void
config(void **state)
{
	static const struct {
		const char *config, *msg;
	} wrong[] = {
		{"{\"eos_token\":\"nope\"}", "eos_token \"nope\" is not in the vocabulary"},
		{"{\"bos_token\":3}", "\"bos_token\" is neither"},
		{"{\"chat_template\":3}", "chat_template"},
		{"{\"chat_template\":\"a\\u0000b\"}", "not a UTF-8 text"},
		{"{\"chat_template\":[{\"name\":\"rag\",\"template\":\"r\"}]}", "none of its 1"},
		{"[]", "not an object"},
		{"{", "not JSON"},
	};
	struct tokenizer *t;
	struct t2_err err;

	(void)state;
	check_config("{}", NULL, -1, NULL);
	check_config("{\"bos_token\":null,\"eos_token\":\"x\",\"model_max_length\":"
		     "1000000000000000019884624838656}",
		     NULL, 24, NULL);
	check_config("{\"eos_token\":{\"content\":\"ab\"},\"chat_template\":\"one\"}", NULL, 19,
		     "one");
	check_config("{\"chat_template\":\"one\"}", "two", -1, "two");
	check_config("{\"chat_template\":[{\"name\":\"rag\",\"template\":\"r\"},{\"name\":"
		     "\"default\",\"template\":\"d\"}]}",
		     NULL, -1, "d");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		write_file("tokenizer_config.json", wrong[i].config, strlen(wrong[i].config));
		assert_true(open_json(&t, &(struct parts){0}, &err) != T2_OK);
		if (!strstr(err.msg, wrong[i].msg) || !strstr(err.msg, "tokenizer_config.json"))
			fail_msg("case %zu: \"%s\"", i, err.msg);
	}
	remove_file("tokenizer_config.json");
}

/* Merging is not quadratic: a megabyte without a space, worst cases of each kind. */
static void
long_words(void **state)
{
	static const char *const files[] = {"tokenizers/llama2", "models/tinystories-656k",
					    "tokenizers/qwen3"};
	static const char *const fill[] = {"a",	   " ",	    "the", "<|", " \n", "e\u0301\u0323",
					   "\xff", "\u4e2d"};
	struct t2_err err;

	(void)state;
	for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
		const char *path = shared_path(files[f]);
		struct tokenizer *t;

		if (!path)
			skip();
		assert_int_equal(tokenizer_open(&t, path, &err), T2_OK);
		for (size_t k = 0; k < sizeof fill / sizeof *fill; k++) {
			struct strbuf b = {0};
			struct ids ids = {0};
			struct timespec from, to;
			double seconds;

			while (b.len < 1000000)
				strbuf_str(&b, fill[k]);
			clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
			if (tokenizer_encode(t, b.s, b.len, TOK_PLAIN, &ids, &err))
				fail_msg("%s", err.msg);
			clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
			seconds = (double)(to.tv_sec - from.tv_sec) +
				  (double)(to.tv_nsec - from.tv_nsec) * 1e-9;
			if (seconds >
			    10) /* a sanitizer is slow; the square of the length would be hours */
				fail_msg("%s: %.1f s for 1 MB of \"%s\"", files[f], seconds,
					 fill[k]);
			assert_true(ids.n > 0);
			ids_free(&ids);
			strbuf_free(&b);
		}
		tokenizer_free(t);
	}
}

struct worker {
	const struct tokenizer *t;
	const char *text;
	struct ids ids;
};

static void *
work(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < 50; i++) {
		w->ids.n = 0;
		if (tokenizer_encode(w->t, w->text, strlen(w->text), TOK_SPECIAL, &w->ids, NULL))
			return w;
	}
	return NULL;
}

/* One tokenizer, many threads. */
static void
threads(void **state)
{
	const char *path = shared_path("tokenizers/qwen3");
	struct worker w[4] = {{0}};
	pthread_t th[4];
	struct tokenizer *t;
	struct t2_err err;

	(void)state;
	if (!path)
		skip();
	assert_int_equal(tokenizer_open(&t, path, &err), T2_OK);
	for (int i = 0; i < 4; i++) {
		w[i].t = t;
		w[i].text = "It's 12345 caf\u00e9s, e\u0301!<|im_end|>\n\n  \u4e2d\u6587 don't";
		assert_int_equal(pthread_create(&th[i], NULL, work, &w[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		void *failed;

		pthread_join(th[i], &failed);
		assert_null(failed);
		assert_int_equal(w[i].ids.n, w[0].ids.n);
		assert_memory_equal(w[i].ids.v, w[0].ids.v, (size_t)w[0].ids.n * sizeof(int));
	}
	for (int i = 0; i < 4; i++)
		ids_free(&w[i].ids);
	tokenizer_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(components), cmocka_unit_test(split_behaviors),
		cmocka_unit_test(refused),    cmocka_unit_test(cut),
		cmocka_unit_test(config),     cmocka_unit_test(long_words),
		cmocka_unit_test(threads),
	};

	dir = temp_dir();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
