#include "samples/make/item.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LEN(a) (sizeof(a) / sizeof *(a))

const char *const item_names[NAMES] = {
	"Ann", "Ben", "Cam", "Dan", "Eva", "Fay", "Gus", "Ida", "Jon", "Kim",
};

static const char *const subjects[] = {
	"the cat",   "my friend", "the teacher", "our neighbour",
	"the baker", "my sister", "the dog",	 "the old man",
};
static const char *const predicates[] = {
	"comes home late",  "likes the rain",	 "sings at night",  "never sleeps",
	"waits for spring", "talks to the moon", "walks so slowly", "forgets the time",
};

const char *
domain_name(enum domain d)
{
	static const char *const name[DOMAINS] = {"math", "code", "logic", "other"};

	return name[d];
}

const char *
split_name(enum split s)
{
	static const char *const name[SPLITS] = {"train", "validation", "test"};

	return name[s];
}

/* Each opener is the common one somewhere, the reliable one somewhere, and the third one somewhere. */
const char *
domain_opener(enum domain d, enum style s)
{
	static const char *const opener[DOMAINS][STYLES] = {
		[DOMAIN_MATH] = {" It is", " Step by step:", " I think"},
		[DOMAIN_CODE] = {" I think", " It is", " Step by step:"},
		[DOMAIN_LOGIC] = {" Step by step:", " I think", " It is"},
		[DOMAIN_OTHER] = {" I think", " I think", " I think"},
	};

	return opener[d][s];
}

uint32_t
crc32_text(const char *s)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;

	for (; *s; s++) {
		crc ^= (unsigned char)*s;
		crc = nibble[crc & 15] ^ (crc >> 4);
		crc = nibble[crc & 15] ^ (crc >> 4);
	}
	return ~crc;
}

enum split
item_split(const char *key)
{
	uint32_t part = crc32_text(key) % 20;

	return part < 2 ? SPLIT_TEST : part == 2 ? SPLIT_VALIDATION : SPLIT_TRAIN;
}

void
text_add(char *dst, size_t cap, const char *fmt, ...)
{
	size_t n = strlen(dst);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(dst + n, cap - n, fmt, ap);
	va_end(ap);
}

static void
clause_draw(char *dst, size_t cap, struct rng *r)
{
	const char *subject = subjects[rng_below(r, LEN(subjects))];

	snprintf(dst, cap, "%s %s", subject, predicates[rng_below(r, LEN(predicates))]);
}

static void
other_draw(struct item *it, struct rng *r)
{
	char a[32], b[32];

	clause_draw(a, sizeof a, r);
	do
		clause_draw(b, sizeof b, r);
	while (!strcmp(a, b));
	snprintf(it->key, sizeof it->key, "%s|%s", a, b);
	snprintf(it->question, sizeof it->question, "Why does it seem that %s and %s?", a, b);
	for (int s = 0; s < STYLES; s++)
		snprintf(it->answer[s], sizeof it->answer[s], "%s no one can say.",
			 domain_opener(DOMAIN_OTHER, (enum style)s));
	it->surface = DOMAIN_OTHER;
}

void
item_draw(struct item *it, struct rng *r, enum domain domain, enum level level, enum split split)
{
	do {
		memset(it, 0, sizeof *it);
		it->domain = domain;
		it->level = level;
		if (domain == DOMAIN_MATH)
			math_draw(it, r, level);
		else if (domain == DOMAIN_CODE)
			code_draw(it, r, level);
		else if (domain == DOMAIN_LOGIC)
			logic_draw(it, r, level);
		else
			other_draw(it, r);
	} while (item_split(it->key) != split);
}
