/* Decoding piece by piece: a character appears with its last byte, what cannot become one is U+FFFD, nothing is shown that a
 * later piece could change, and the parts together are the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/rng.h"
#include "engine/base/utf8.h"
#include "engine/model/detok.h"
#include "engine/model/pretok.h"

#define BAR "\u2581"

static void
add(struct detok *d, struct detok_step s)
{
	struct t2_err err;

	if (detok_add(d, &s, "test", &err))
		fail_msg("%s", err.msg);
}

static struct detok_step
strip(const char *c, int left, int right)
{
	struct detok_step s = {
		.kind = DETOK_STRIP, .from_len = strlen(c), .left = left, .right = right};

	memcpy(s.from, c, s.from_len);
	return s;
}

static struct detok_step
replace(const char *from, const char *to)
{
	struct detok_step s = {
		.kind = DETOK_REPLACE, .from_len = strlen(from), .to_len = strlen(to)};

	memcpy(s.from, from, s.from_len);
	memcpy(s.to, to, s.to_len);
	return s;
}

/* What each piece adds, and last what the end adds, with bars between. */
static void
check(const struct detok *d, const char *const *pieces, const char *want)
{
	struct detok_run r = {.chain = d};
	struct strbuf got = {0};

	strbuf_str(&got, "");
	for (; *pieces; pieces++) {
		detok_push(&r, *pieces, strlen(*pieces), &got);
		strbuf_char(&got, '|');
	}
	detok_end(&r, &got);
	assert_string_equal(got.s, want);
	detok_run_free(&r);
	strbuf_free(&got);
}

#define PIECES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* GPT-2's name for a byte. */
static const char *
name(int byte)
{
	static char names[256][5];

	names[byte][utf8_write(byte_char((unsigned char)byte), names[byte])] = 0;
	return names[byte];
}

static void
alphabet(void **state)
{
	bool seen[0x144] = {false};

	(void)state;
	for (int b = 0; b < 256; b++) {
		uint32_t cp = byte_char((unsigned char)b);

		assert_true(cp < 0x144 && !seen[cp]);
		seen[cp] = true;
		assert_int_equal(char_byte(cp), b);
	}
	for (uint32_t cp = 0; cp < 0x400; cp++)
		if (cp >= 0x144 || !seen[cp])
			assert_int_equal(char_byte(cp), -1);
	assert_int_equal(byte_char(' '), 0x120);
	assert_int_equal(byte_char('\n'), 0x10a);
	assert_int_equal(byte_char(0xad), 0x143);
}

static void
characters(void **state)
{
	struct detok d = {0};

	(void)state;
	add(&d, (struct detok_step){.kind = DETOK_BYTES});
	check(&d, PIECES("a", name(0xc3), name(0xa9), "b"), "a||\u00e9|b|");
	check(&d, PIECES(name(0xf0), name(0x9f), name(0x98), name(0x80)), "|||\U0001f600|");
	/* Broken off: U+FFFD when the next byte says so, or at the end. */
	check(&d, PIECES(name(0xe4), name(0xb8), "x", name(0xe4)), "||\ufffdx||\ufffd");
	check(&d, PIECES(name(0xf0), name(0x9f), name(0xf0), name(0x9f)), "||\ufffd||\ufffd");
	check(&d, PIECES(name(0x80), name(0xff), name(0xc0)), "\ufffd|\ufffd|\ufffd|");
	/* A surrogate's first byte may begin another character, its second cannot go on. */
	check(&d, PIECES(name(0xed), name(0xa0), name(0x80)), "|\ufffd\ufffd|\ufffd|");
	/* A piece with a character outside the alphabet is itself. */
	check(&d, PIECES("\u0120a", "<|x y|>", "\u4e2d\u0120"), " a|<|x y|>|\u4e2d\u0120|");
}

static void
byte_fallback(void **state)
{
	struct detok d = {0};

	(void)state;
	add(&d, replace(BAR, " "));
	add(&d, (struct detok_step){.kind = DETOK_BYTE_FALLBACK});
	add(&d, (struct detok_step){.kind = DETOK_FUSE});
	add(&d, strip(" ", 1, 0));
	/* The bytes of a run count together, so they wait for its end. */
	check(&d, PIECES(BAR "a", "<0xC3>", "<0xA9>", "b"), "a|||\u00e9b|");
	check(&d, PIECES("<0xE4>", "<0xB8>", "<0xAD>"), "|||\u4e2d");
	check(&d, PIECES("<0x41>", "<0xFF>", "<0x42>", "x"), "|||\ufffd\ufffd\ufffdx|");
	check(&d, PIECES(BAR, BAR "a" BAR), "| a |");
	check(&d, PIECES("a", BAR "b"), "a| b|");
	check(&d, PIECES("<0x4>", "<0xZZ>", "<0x411>"), "<0x4>|<0xZZ>|<0x411>|");
	check(&d, (const char *const[]){NULL}, "");
}

static void
text_steps(void **state)
{
	struct detok d = {0};

	(void)state;
	/* In a fused text a match may lie across pieces, and the end is not known before it comes. */
	add(&d, (struct detok_step){.kind = DETOK_FUSE});
	add(&d, replace("abc", "X"));
	add(&d, strip("X", 1, 2));
	check(&d, PIECES("a", "b", "c"), "|||");
	check(&d, PIECES("ab", "ab", "cabcab"), "|ab||XXab");
	check(&d, PIECES("ab", "ab", "cabcab", "c", "abcd"), "|ab||X|XXXd|");
	check(&d, PIECES("yabc", "abc", "abc"), "y||X|");
	memset(&d, 0, sizeof d);
	add(&d, (struct detok_step){.kind = DETOK_FUSE});
	add(&d, strip(BAR, 2, 1));
	check(&d, PIECES(BAR, BAR BAR "a" BAR, BAR, "b"), "|" BAR "a|" BAR "|" BAR "b|");
	check(&d, PIECES("a" BAR BAR), "a" BAR "|");
	/* Before it is fused, each piece by itself. */
	memset(&d, 0, sizeof d);
	add(&d, strip(" ", 1, 1));
	add(&d, replace("abc", "X"));
	check(&d, PIECES("  a ", " abc", "ab", "c"), " a|X|ab|c|");
	memset(&d, 0, sizeof d);
	add(&d, (struct detok_step){.kind = DETOK_JOIN});
	check(&d, PIECES("a", "", "b"), "a| | b|");
}

static struct detok_step
mark(bool first_loses_it)
{
	struct detok_step s = replace(BAR, " ");

	s.kind = DETOK_MARK;
	s.left = first_loses_it;
	return s;
}

static void
metaspace(void **state)
{
	struct detok d = {0};

	(void)state;
	/* All marks of the first piece go, those of the others are spaces. */
	add(&d, mark(true));
	check(&d, PIECES(BAR BAR "a" BAR "b", BAR "c", BAR), "ab| c| |");
	check(&d, PIECES(BAR, BAR "c"), "| c|");
	check(&d, PIECES("", BAR "c"), "| c|");
	memset(&d, 0, sizeof d);
	add(&d, mark(false));
	check(&d, PIECES(BAR "a", BAR), " a| |");
	/* The first piece is the first that comes out of the step before, though it be empty. */
	memset(&d, 0, sizeof d);
	add(&d, replace("q", ""));
	add(&d, (struct detok_step){.kind = DETOK_BYTE_FALLBACK});
	add(&d, mark(true));
	check(&d, PIECES("q", BAR "c"), "| c|");
	check(&d, PIECES("<0xE2>", "<0x96>", "<0x81>", BAR "c"), "||| c|");
	check(&d, PIECES("<0xE2>", "<0x96>", BAR "c"), "||\ufffd\ufffd c|");
	/* A fused text is one piece. */
	memset(&d, 0, sizeof d);
	add(&d, (struct detok_step){.kind = DETOK_FUSE});
	add(&d, mark(true));
	check(&d,
	      PIECES(BAR "a", BAR "\xe2\x96",
		     "\x81"
		     "b"),
	      "a||b|");
	memset(&d, 0, sizeof d);
	add(&d, (struct detok_step){.kind = DETOK_FUSE});
	add(&d, mark(false));
	check(&d, PIECES(BAR "a", BAR "b"), " a| b|");
}

static void
refused(void **state)
{
	struct detok d = {0};
	struct detok_step bytes = {.kind = DETOK_BYTES}, fuse = {.kind = DETOK_FUSE};
	struct t2_err err;

	(void)state;
	add(&d, fuse);
	assert_int_equal(detok_add(&d, &bytes, "file", &err), T2_EUNSUP);
	assert_non_null(strstr(err.msg, "file: only Replace, Strip and Metaspace"));
	while (d.n < DETOK_STEPS)
		add(&d, fuse);
	assert_int_equal(detok_add(&d, &fuse, "file", &err), T2_EUNSUP);
}

/* Any bytes, in pieces of any length: the whole is what utf8_clean() says, each part ends with a whole character, and what is
 * held back is never more than an unfinished one. */
static void
any_bytes(void **state)
{
	static const unsigned char likely[] = {0x41, 0x7f, 0x80, 0xbf, 0xc2, 0xdf, 0xe0,
					       0xa0, 0xed, 0x9f, 0xef, 0xf0, 0x90, 0xf4,
					       0x8f, 0xf5, 0xff, 0xe4, 0xb8, 0xad};
	struct detok d = {0};
	struct rng rng;

	(void)state;
	rng_seed(&rng, 1, 2, 3);
	add(&d, (struct detok_step){.kind = DETOK_BYTES});
	for (int round = 0; round < 20000; round++) {
		struct detok_run r = {.chain = &d};
		struct strbuf bytes = {0}, want = {0}, got = {0}, piece = {0};
		int n = 1 + (int)(rng_u64(&rng) % 24);

		for (int i = 0; i < n; i++) {
			unsigned char b = rng_u64(&rng) % 4 ? likely[rng_u64(&rng) % sizeof likely]
							    : (unsigned char)rng_u64(&rng);

			strbuf_char(&bytes, (char)b);
			strbuf_str(&piece, name(b));
			if (rng_u64(&rng) % 3 && i + 1 < n)
				continue;
			detok_push(&r, piece.s, piece.len, &got);
			strbuf_clear(&piece);
			strbuf_clear(&want);
			utf8_clean(&want, bytes.s, bytes.len);
			assert_true(utf8_valid(got.s ? got.s : "", got.len));
			assert_true(got.len <= want.len && want.len - got.len <= 3);
			assert_memory_equal(got.s ? got.s : "", want.s, got.len);
		}
		detok_end(&r, &got);
		assert_false(r.failed);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.s, want.s, want.len);
		detok_run_free(&r);
		strbuf_free(&bytes);
		strbuf_free(&want);
		strbuf_free(&got);
		strbuf_free(&piece);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alphabet),	 cmocka_unit_test(characters),
		cmocka_unit_test(byte_fallback), cmocka_unit_test(text_steps),
		cmocka_unit_test(metaspace),	 cmocka_unit_test(refused),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
